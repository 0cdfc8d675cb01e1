"""Throttling, on a clock that jumps."""

import pytest
import trio
import trio.testing

from camfs.protocols.ptp.codes import Operation
from tests.virtual.ptp.host import hosted


async def test_a_transaction_takes_the_latency(autojump_clock: trio.testing.MockClock) -> None:
    async with hosted(latency="0.25") as (_, host):
        before = trio.current_time()
        for _ in range(4):
            await host.data(Operation.GetStorageIDs)
        assert trio.current_time() - before == pytest.approx(1.0)


@pytest.mark.parametrize("size", [100, 512 * 1024, 3_000_000])
async def test_an_object_takes_its_bytes_over_the_bandwidth(size: int, autojump_clock: trio.testing.MockClock) -> None:
    async with hosted(bandwidth="1e6") as (camera, host):
        handle = camera.card.add_file("", "A", bytes(size)).handle
        before = trio.current_time()
        await host.data(Operation.GetObject, handle)
        # the command of 16 bytes, the data with their header, the response
        assert trio.current_time() - before == pytest.approx((16 + 12 + size + 12) / 1e6)


async def test_data_to_the_camera_take_their_time(autojump_clock: trio.testing.MockClock) -> None:
    async with hosted(bandwidth="1000") as (_, host):
        before = trio.current_time()
        await host.do(Operation.SetDevicePropValue, 0x501E, data=bytes(2000))
        assert trio.current_time() - before == pytest.approx((16 + 2012 + 12) / 1000)


async def test_a_host_that_reads_slowly_gets_no_more_than_the_link_gives(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with hosted(bandwidth="1e6") as (camera, host):
        handle = camera.card.add_file("", "A", bytes(5_000_000)).handle
        before = trio.current_time()
        await host.ask(Operation.GetObject, handle)
        await trio.sleep(60)
        await host.hear()
        assert trio.current_time() - before >= 60
        await host.data(Operation.GetStorageIDs)

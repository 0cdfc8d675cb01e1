"""Throttling, on a clock that jumps."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from camfs.protocols.ptp.codes import Operation
from camfs.virtual import EmulatedCamera
from tests.cameras.network import networked
from tests.cameras.rig import Counting
from tests.virtual.ptp.host import hosted
from tests.virtual.ptp.initiator import initiator


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


RATE, LATENCY, SIZE = 4e6, 0.05, 200_000
"""With these an object takes as long for its bytes as for its latency."""

Ask = Callable[..., Awaitable[object]]


@asynccontextmanager
async def asked(link: str) -> AsyncIterator[tuple[EmulatedCamera, Ask]]:
    """Run a camera on a slow link with an open session; yield it and what does a transaction."""
    if link == "USB":
        async with hosted(bandwidth=f"{RATE:g}", latency=f"{LATENCY:g}") as (camera, host):
            yield camera, host.do
    else:
        async with networked(bandwidth=f"{RATE:g}", latency=f"{LATENCY:g}") as rig, initiator(rig) as other:
            await other.ask(Operation.OpenSession, 1)
            yield rig.body, other.ask


@pytest.mark.parametrize("pause", [0, 0.01, 1])
@pytest.mark.parametrize("link", ["USB", "PTP/IP"])
async def test_a_transaction_takes_its_bytes_and_its_latency_after_any_pause(
    link: str, pause: float, autojump_clock: trio.testing.MockClock
) -> None:
    """A link does not save up the time that it was idle, nor that of the latency."""
    async with asked(link) as (camera, ask):
        file = camera.card.add_file("", "A", b"")
        file.content = Counting(SIZE)
        for _ in range(3):
            await trio.sleep(pause)
            before = trio.current_time()
            await ask(Operation.GetObject, file.handle)
            least = LATENCY + SIZE / RATE
            assert least <= trio.current_time() - before <= least * 1.01


@pytest.mark.parametrize("link", ["USB", "PTP/IP"])
async def test_data_to_the_camera_take_their_time_on_every_link(
    link: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with asked(link) as (_, ask):
        before = trio.current_time()
        await ask(Operation.SetDevicePropValue, 0x501E, data=bytes(SIZE))
        least = LATENCY + SIZE / RATE
        assert least <= trio.current_time() - before <= least * 1.01


async def test_a_host_that_pauses_does_not_get_the_rest_faster(autojump_clock: trio.testing.MockClock) -> None:
    async with hosted(bandwidth="1e6") as (camera, host):
        size, pipe = 5_000_000, 2_000_000  # what has passed during the pause waits in the pipe and at its entry
        handle = camera.card.add_file("", "A", bytes(size)).handle
        await host.ask(Operation.GetObject, handle)
        await trio.sleep(60)
        before = trio.current_time()
        await host.hear()
        assert trio.current_time() - before >= (size - pipe) / 1e6

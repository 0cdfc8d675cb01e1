"""The link's model and the trace, on a clock that jumps."""

import json
from pathlib import Path

import pytest
import trio
import trio.testing

from camfs.protocols.ptp.codes import Operation
from camfs.virtual import attach
from tests.virtual.host import Host, hosted


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


async def test_keeps_a_trace_in_memory(autojump_clock: trio.testing.MockClock) -> None:
    async with hosted() as (camera, host):
        handle = camera.card.add_file("", "A", bytes(100)).handle
        await trio.sleep(2)
        await host.do(Operation.GetPartialObject, handle, 10, 50)
        await host.do(Operation.SetDevicePropValue, 0x501E, data=b"\0")
        await host.do(0x9999, 1, 2, 3)
        await host.do(Operation.GetObjectInfo, 1)
        first, *records = camera.trace.records
        assert (first.operation, first.parameters, first.result) == ("OpenSession", (1,), "OK")
        assert [(each.operation, each.parameters, each.bytes_out, each.bytes_in, each.result) for each in records] == [
            ("GetPartialObject", (handle, 10, 50), 0, 50, "OK"),
            ("SetDevicePropValue", (0x501E,), 1, 0, "OK"),
            ("0x9999", (1, 2, 3), 0, 0, "OperationNotSupported"),
            ("GetObjectInfo", (1,), 0, 0, "InvalidObjectHandle"),
        ]
        assert records[0].time == pytest.approx(2)


async def test_writes_a_line_for_each_transaction_at_once(tmp_path: Path) -> None:
    path = tmp_path / "trace"
    async with attach("sigma-fp", {"trace": str(path)}) as pipes:
        host = Host(pipes)
        await host.open_session()
        await host.data(Operation.GetStorageIDs)
        await host.do(0x9012)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line.pop("t") >= 0 for line in lines] == [True] * 3
    assert lines == [
        {"op": "OpenSession", "params": [1], "out": 0, "in": 0, "result": "OK"},
        {"op": "GetStorageIDs", "params": [], "out": 0, "in": 8, "result": "OK"},
        {"op": "0x9012", "params": [], "out": 0, "in": 0, "result": "0xA081"},
    ]

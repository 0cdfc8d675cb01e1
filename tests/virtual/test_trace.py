"""The trace of the emulated cameras."""

import json
from pathlib import Path

import pytest
import trio
import trio.testing

from camfs.protocols.ptp.codes import Operation
from camfs.virtual import attach
from tests.virtual.ptp.host import Host, hosted


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
        {"op": "GetCamDataGroup1", "params": [], "out": 0, "in": 0, "result": "0xA081"},
    ]

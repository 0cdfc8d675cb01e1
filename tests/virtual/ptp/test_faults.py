"""The quirks and faults of the emulated cameras, as a correct host sees them on the pipes."""

import pytest
import trio
import trio.testing

from camfs.errors import DeviceGone, RemoteProtocolError, TransferStalled
from camfs.protocols.ptp.codes import EventCode, Operation, ResponseCode
from camfs.protocols.ptp.messages import Data, DataEnd, DataStart, Event, Request
from camfs.virtual.ptp.faults import Fault, FaultKind
from tests.virtual.ptp.host import READ_SIZE, Host, Reply, hosted

M = 512
OK = Reply(ResponseCode.OK)


async def transfers(host: Host, count: int) -> list[bytes]:
    """Read some transfers."""
    found: list[bytes] = []
    data = b""
    while len(found) < count:
        piece, end = await host.pipes.read(READ_SIZE)
        data += piece
        if end:
            found.append(data)
            data = b""
    return found


@pytest.mark.parametrize("size", [0, 1, M - 13, M - 12, M - 11, 2 * M - 12, (1 << 20) - 12])
async def test_a_container_ends_with_a_short_packet(size: int) -> None:
    async with hosted() as (camera, host):
        handle = camera.card.add_file("", "A", bytes(size)).handle
        await host.ask(Operation.GetObject, handle)
        data, response = await transfers(host, 2)
        assert (len(data), len(response)) == (12 + size, 12)


async def test_no_zero_length_packet() -> None:
    async with hosted() as (camera, host):
        camera.quirks.zero_length_packets = False
        data = bytes(M - 12)
        handle = camera.card.add_file("", "A", data).handle
        await host.ask(Operation.GetObject, handle)
        (both,) = await transfers(host, 1)
        assert len(both) == M + 12
        assert await host.do(Operation.GetObject, handle) == Reply(ResponseCode.OK, (), data)


@pytest.mark.parametrize("size", [1, M - 12, M, 2 * M - 12, 2 * M])
async def test_split_header(size: int) -> None:
    async with hosted() as (camera, host):
        camera.quirks.split_header = True
        data = b"x" * size
        handle = camera.card.add_file("", "A", data).handle
        await host.ask(Operation.GetObject, handle)
        header, payload, response = await transfers(host, 3)
        assert (len(header), payload, len(response)) == (12, data, 12)
        assert await host.do(Operation.GetObject, handle) == Reply(ResponseCode.OK, (), data)
        assert host.connection.split_header


@pytest.mark.parametrize("size", [0, 1, M - 24, M - 12, M, 2 * M - 24])
async def test_data_and_response_in_one_transfer(size: int) -> None:
    async with hosted() as (camera, host):
        camera.quirks.joined_response = True
        handle = camera.card.add_file("", "A", bytes(size)).handle
        await host.ask(Operation.GetObject, handle)
        (both,) = await transfers(host, 1)
        assert len(both) == 24 + size
        assert both[-12:-8] == b"\x0c\0\0\0"
        assert await host.do(Operation.GetObject, handle) == Reply(ResponseCode.OK, (), bytes(size))
        assert await host.do(Operation.CloseSession) == OK


@pytest.mark.parametrize("size", [0, M - 12, M])
async def test_surplus_behind_data(size: int) -> None:
    async with hosted() as (camera, host):
        camera.quirks.surplus = 5
        handle = camera.card.add_file("", "A", bytes(size)).handle
        await host.ask(Operation.GetObject, handle)
        data, _ = await transfers(host, 2)
        assert len(data) == 12 + size + 5
        assert await host.do(Operation.GetObject, handle) == Reply(ResponseCode.OK, (), bytes(size))


async def test_headers_without_code_and_id() -> None:
    async with hosted() as (camera, host):
        camera.quirks.zero_data_header = camera.quirks.zero_close_response = True
        await host.ask(Operation.GetStorageIDs)
        data, _ = await transfers(host, 2)
        assert data[6:12] == bytes(6)
        assert (await host.do(Operation.GetStorageIDs)).code == ResponseCode.OK
        await host.ask(Operation.CloseSession)
        assert (await transfers(host, 1))[0][8:] == bytes(4)


async def test_busy_so_many_times() -> None:
    async with hosted() as (camera, host):
        camera.faults.append(Fault(FaultKind.REFUSE, Operation.GetStorageIDs, times=3, code=ResponseCode.DeviceBusy))
        assert (await host.do(Operation.GetDeviceInfo)).code == ResponseCode.OK
        for _ in range(3):
            assert await host.do(Operation.GetStorageIDs) == Reply(ResponseCode.DeviceBusy)
        assert (await host.do(Operation.GetStorageIDs)).code == ResponseCode.OK


async def test_a_fault_of_one_object_after_some_good_answers() -> None:
    async with hosted() as (camera, host):
        first, second, *_ = await host.handles(0, 0x00020001)
        fault = Fault(FaultKind.REFUSE, Operation.GetObjectInfo, first, skip=2, times=None)
        camera.faults.append(fault)
        codes = [(await host.do(Operation.GetObjectInfo, handle)).code for handle in (first, second) * 4]
        ok, bad = ResponseCode.OK, ResponseCode.GeneralError
        assert codes == [ok, ok, ok, ok, bad, ok, bad, ok]
        assert fault.fired == 2
        camera.faults.remove(fault)
        assert (await host.info(first)).filename


async def test_loses_the_session() -> None:
    async with hosted() as (camera, host):
        camera.faults.append(Fault(FaultKind.LOSE_SESSION))
        assert await host.do(Operation.GetStorageIDs) == Reply(ResponseCode.SessionNotOpen)
        await host.open_session()


async def test_answers_late(autojump_clock: trio.testing.MockClock) -> None:
    async with hosted() as (camera, host):
        camera.faults.append(Fault(FaultKind.DELAY, seconds=15))
        before = trio.current_time()
        await host.data(Operation.GetStorageIDs)
        assert trio.current_time() - before == pytest.approx(15)


async def test_does_it_and_never_answers(autojump_clock: trio.testing.MockClock) -> None:
    async with hosted() as (camera, host):
        handle = camera.card.find("DCIM").handle
        camera.faults.append(Fault(FaultKind.NO_ANSWER))
        with trio.move_on_after(60) as scope:
            await host.do(Operation.DeleteObject, handle)
        assert scope.cancelled_caught
        host.restart()
        assert await host.do(Operation.GetObjectInfo, handle) == Reply(ResponseCode.InvalidObjectHandle)


@pytest.mark.parametrize("kind", [FaultKind.STALE_RESPONSE, FaultKind.STALE_DATA])
async def test_the_answer_of_the_transaction_before_comes_first(kind: FaultKind) -> None:
    async with hosted() as (camera, host):
        camera.faults.append(Fault(kind, times=2))
        await host.ask(Operation.GetStorageIDs)
        found = await transfers(host, 3 if kind is FaultKind.STALE_RESPONSE else 4)
        assert [int.from_bytes(each[8:12], "little") for each in found] == [0] * (len(found) - 2) + [1, 1]
        assert (await host.do(Operation.GetStorageIDs)).data is not None


async def test_the_answer_of_a_transaction_to_come() -> None:
    async with hosted() as (camera, host):
        camera.faults.append(Fault(FaultKind.NEWER_RESPONSE))
        with pytest.raises(RemoteProtocolError):
            await host.do(Operation.GetStorageIDs)


@pytest.mark.parametrize("data", [b"", b"x", bytes(11), bytes(M + 1), b"\xff" * 100])
async def test_garbage_in_place_of_the_answer(data: bytes) -> None:
    async with hosted() as (camera, host):
        camera.faults.append(Fault(FaultKind.GARBAGE, data=data))
        await host.ask(Operation.GetStorageIDs)
        (garbage,) = await transfers(host, 1)
        assert garbage == data if data else len(garbage) == 64
        assert (await host.do(Operation.GetStorageIDs)).code == ResponseCode.OK


async def test_garbage_in_place_of_a_dataset() -> None:
    async with hosted() as (camera, host):
        first, second, *_ = await host.handles(0, 0x00020001)
        camera.faults.append(Fault(FaultKind.BAD_DATASET, Operation.GetObjectInfo, first, data=b"nonsense"))
        assert await host.data(Operation.GetObjectInfo, first) == b"nonsense"
        assert (await host.info(first)).filename
        assert (await host.info(second)).filename


@pytest.mark.parametrize("at", [0, M, 3 * M])
async def test_halts_between_two_packets_and_goes_on_when_cleared(at: int) -> None:
    async with hosted() as (camera, host):
        handle = camera.card.add_file("", "A", b"x" * 2000).handle
        camera.faults.append(Fault(FaultKind.STALL, at=at))
        await host.ask(Operation.GetObject, handle)
        data = b""
        if at:
            data = bytes((await host.pipes.read(at))[0])
        with pytest.raises(TransferStalled):
            await host.pipes.read(READ_SIZE)
        await host.pipes.clear_halts()
        rest, _ = await transfers(host, 2)
        assert data + rest == (2012).to_bytes(4, "little") + b"\2\0\x09\x10\1\0\0\0" + b"x" * 2000
        assert (await host.do(Operation.GetStorageIDs)).code == ResponseCode.OK


@pytest.mark.parametrize("at", range(40))
async def test_halts_at_any_byte_and_the_transaction_is_over(at: int) -> None:
    async with hosted() as (camera, host):
        camera.faults.append(Fault(FaultKind.ABORT, at=at))
        await host.ask(Operation.GetStorageIDs)
        moved = 0
        while True:
            try:
                moved += len((await host.pipes.read(READ_SIZE))[0])
            except TransferStalled:
                break
            if moved == 36:
                break
        assert moved == min(at, 36)
        if at < 36:
            assert await host.event() == Event(EventCode.CancelTransaction, 1)
            assert (await host.pipes.device_status())[2:4] == b"\x1f\x20"
        await host.pipes.clear_halts()
        host.restart()
        assert (await host.do(Operation.GetStorageIDs)).code == ResponseCode.OK


@pytest.mark.parametrize("at", [0, 5, 12, 20, M, 1000, 2012, 2020])
async def test_stops_in_the_middle_until_it_is_cancelled(at: int, autojump_clock: trio.testing.MockClock) -> None:
    async with hosted() as (camera, host):
        handle = camera.card.add_file("", "A", bytes(2000)).handle
        camera.faults.append(Fault(FaultKind.STOP, Operation.GetObject, at=at))
        transaction = await host.ask(Operation.GetObject, handle)
        moved = 0
        with trio.move_on_after(60) as scope:
            while True:
                moved += len((await host.pipes.read(M))[0])
        assert scope.cancelled_caught
        assert moved == at
        await host.send_raw(Request(Operation.GetStorageIDs, transaction + 1))
        with trio.move_on_after(60) as scope:
            await host.pipes.read(M)
        assert scope.cancelled_caught
        await host.recover_quietly(transaction)
        assert camera.trace.records[-1].result == "cancelled"
        assert (await host.do(Operation.GetObject, handle)).data == bytes(2000)


@pytest.mark.parametrize("at", [0, 5, 12, 20, M, 2011])
async def test_ends_the_data_too_early(at: int) -> None:
    async with hosted() as (camera, host):
        handle = camera.card.add_file("", "A", bytes(2000)).handle
        camera.faults.append(Fault(FaultKind.CUT, at=at, code=ResponseCode.IncompleteTransfer))
        await host.ask(Operation.GetObject, handle)
        found = await transfers(host, 2 if at else 1)
        assert [len(each) for each in found] == ([at, 12] if at else [12])
        assert found[-1][6:8] == b"\x07\x20"
        assert (await host.do(Operation.GetObject, handle)).data == bytes(2000)


async def test_unplugs_at_a_byte_of_an_object() -> None:
    async with hosted() as (camera, host):
        handle = camera.card.add_file("", "A", bytes(5 << 20)).handle
        camera.usb.unplug_at = camera.usb.moved + (3 << 20)
        await host.ask(Operation.GetObject, handle)
        received = 0

        async def receive() -> None:
            nonlocal received
            while not isinstance(message := await host.receive(), DataEnd):
                received += len(message.payload) if isinstance(message, Data) else 0

        with pytest.raises(DeviceGone):
            await receive()
        assert 2 << 20 <= received <= 3 << 20


async def test_a_host_that_splits_its_headers_is_understood() -> None:
    async with hosted() as (camera, host):
        host.connection.split_header = True
        assert await host.do(Operation.SetDevicePropValue, 0x501E, data=b"\2A\0\0\0") == OK
        assert camera.state.properties[0x501E].value == "A"


async def test_vendor_operations_without_any_reply() -> None:
    async with hosted("sigma-fp") as (camera, host):
        camera.quirks.vendor_is_silent = True
        transaction = await host.ask(0x9012)
        await trio.testing.wait_all_tasks_blocked()
        await host.recover_quietly(transaction)
        assert (await host.do(Operation.GetStorageIDs)).code == ResponseCode.OK


async def test_a_sender_of_data_is_told_at_their_end() -> None:
    async with hosted() as (camera, host):
        camera.faults.append(Fault(FaultKind.REFUSE, code=ResponseCode.DeviceBusy))
        await host.send(Request(0x1016, 1, (0x501E,)), DataStart(0x1016, 1, 1), Data(b"\0"), DataEnd())
        assert await host.hear() == Reply(ResponseCode.DeviceBusy)

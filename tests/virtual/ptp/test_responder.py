"""The rules of sessions and transactions, and the class requests, of the emulated cameras."""

import random
import tracemalloc
from contextlib import suppress
from dataclasses import replace

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import DeviceGone, TransferStalled
from camfs.protocols.ptp.codes import EventCode, Operation, ResponseCode
from camfs.protocols.ptp.datasets import DeviceInfo
from camfs.protocols.ptp.messages import Data, DataEnd, DataStart, Event, Request
from camfs.virtual import PROFILES
from camfs.virtual.ptp.calls import Answer, Call
from camfs.virtual.ptp.faults import Fault, FaultKind
from camfs.virtual.ptp.operations import get_storage_ids
from camfs.virtual.ptp.refusal import Refusal
from camfs.virtual.ptp.state import CameraState
from camfs.virtual.usb.pipes import BULK_IN, BULK_OUT, HostPipes
from tests.virtual.ptp.host import READ_SIZE, Host, Reply, hosted
from tests.zeros import Zeros

OK = Reply(ResponseCode.OK)
IDLE = b"\4\0\1\x20"
BUSY = b"\4\0\x19\x20"


# commands and data containers with some field wrong, or right
_ALMOST = [
    (length).to_bytes(4, "little") + bytes((kind, 0)) + code.to_bytes(2, "little") + bytes((1, 0, 0, 0)) + bytes(more)
    for length in (0, 11, 12, 16, 512, 0xFFFFFFFF)
    for kind in (1, 2, 3)
    for code in (Operation.GetStorageIDs, Operation.SetDevicePropValue, Operation.GetObject, 0x9999)
    for more in (0, 4, 500)
]


async def test_only_two_operations_need_no_session() -> None:
    async with hosted(session=False) as (camera, host):
        assert (await host.do(Operation.GetDeviceInfo)).code == ResponseCode.OK
        for code in (*set(camera.state.device_info.operations) - {0x1001, 0x1002, 0x1016}, 0x9999):
            assert await host.do(code) == Reply(ResponseCode.SessionNotOpen)
        assert await host.do(0x1016, 0x501E, data=b"\0") == Reply(ResponseCode.SessionNotOpen)
        await host.open_session()
        assert (await host.do(Operation.GetStorageIDs)).code == ResponseCode.OK


async def test_a_session_has_an_id_and_begins_with_transaction_0() -> None:
    async with hosted(session=False) as (_, host):
        assert await host.do(Operation.OpenSession, 0) == Reply(ResponseCode.InvalidParameter)
        assert await host.do(Operation.OpenSession, 1) == Reply(ResponseCode.InvalidTransactionID)
        await host.open_session()


async def test_one_session_at_a_time() -> None:
    async with hosted(session=False) as (_, host):
        assert await host.do(Operation.OpenSession, 77) == OK
        assert await host.do(Operation.OpenSession, 1) == Reply(ResponseCode.SessionAlreadyOpened, (77,))
        assert await host.do(Operation.CloseSession) == OK
        assert await host.do(Operation.CloseSession) == Reply(ResponseCode.SessionNotOpen)
        host.next_id = 0
        assert await host.do(Operation.OpenSession, 78) == OK


async def test_a_session_that_a_killed_host_left_open() -> None:
    async with hosted() as (camera, host):
        for _ in range(20):
            await host.data(Operation.GetStorageIDs)
        await host.pipes.aclose()
        host = Host(camera.open())
        assert await host.do(Operation.OpenSession, 2) == Reply(ResponseCode.SessionAlreadyOpened, (1,))
        assert (await host.do(Operation.GetStorageIDs)).code == ResponseCode.OK


async def test_an_operation_is_answered_by_its_override_until_it_is_restored() -> None:
    async def counted(state: CameraState, call: Call) -> Answer:
        answer = await get_storage_ids(state, call)
        return Answer(answer.payload, (len(state.stores),))

    async def refused(state: CameraState, call: Call) -> Answer:
        raise Refusal(call.parameters[0])

    async with hosted() as (camera, host):
        honest = await host.do(Operation.GetStorageIDs)
        with camera.override(Operation.GetStorageIDs, counted):
            assert await host.do(Operation.GetStorageIDs) == replace(honest, parameters=(2,))
        assert await host.do(Operation.GetStorageIDs) == honest
        camera.override(0x9999, refused)  # not one that the camera has
        assert await host.do(0x9999, 0x2019) == Reply(ResponseCode.DeviceBusy)
        camera.restore(0x9999)
        assert await host.do(0x9999, 0x2019) == Reply(ResponseCode.OperationNotSupported)


async def test_a_session_that_nobody_opened() -> None:
    async with hosted(session=False) as (camera, host):
        camera.responder.session = 9
        assert await host.do(Operation.OpenSession, 1) == Reply(ResponseCode.SessionAlreadyOpened, (9,))


@pytest.mark.parametrize(
    ("ids", "refused", "consecutive"),
    [
        ((1, 2, 3), (), True),
        ((1, 2, 2, 3), (2,), False),
        ((5, 4, 6), (1,), False),
        ((1, 3), (), False),
        ((1, 3, 2), (1,), True),
        ((0, 1), (0,), False),
        ((1, 0xFFFFFFFF, 2), (1,), False),
    ],
)
async def test_transaction_ids_go_up(ids: tuple[int, ...], refused: tuple[int, ...], consecutive: bool) -> None:
    async with hosted() as (camera, host):
        camera.quirks.consecutive_ids = consecutive
        for index, host.next_id in enumerate(ids):
            code = (await host.do(Operation.GetStorageIDs)).code
            assert code == (ResponseCode.InvalidTransactionID if index in refused else ResponseCode.OK)


async def test_transaction_ids_wrap_to_1() -> None:
    async with hosted() as (_, host):
        for host.next_id in (0x70000000, 0xE0000000, 0xFFFFFFFE, 1, 2):
            assert (await host.do(Operation.GetStorageIDs)).code == ResponseCode.OK


@pytest.mark.parametrize("data", [None, b"", b"x", bytes(500), bytes(1_000_000)])
async def test_an_unknown_operation_is_refused_with_its_data_eaten(data: bytes | None) -> None:
    async with hosted() as (_, host):
        for _ in range(2):
            assert await host.do(0x9999, data=data) == Reply(ResponseCode.OperationNotSupported)
        assert (await host.do(Operation.GetStorageIDs)).code == ResponseCode.OK


async def test_a_known_operation_that_the_camera_lacks_is_refused_with_its_data_eaten() -> None:
    async with hosted() as (_, host):
        assert await host.do(Operation.SendObject, data=bytes(100_000)) == Reply(ResponseCode.OperationNotSupported)
        assert await host.do(Operation.PowerDown) == Reply(ResponseCode.OperationNotSupported)


@pytest.mark.parametrize("model", PROFILES)
async def test_parameters_too_many_are_ignored(model: str) -> None:
    async with hosted(model) as (camera, host):
        handle = camera.card.find("DCIM").handle
        assert await host.do(Operation.GetObjectInfo, handle, 1, 2, 3, 4) == await host.do(0x1008, handle)


async def _is_halted(pipes: HostPipes) -> None:
    with pytest.raises(TransferStalled):
        await pipes.read(READ_SIZE)
    await pipes.clear_halts()


@pytest.mark.parametrize(
    "nonsense",
    [
        b"",
        b"x",
        bytes(12),
        b"\xff" * 40,
        bytes.fromhex("0c000000 0300 0110 01000000"),
        bytes.fromhex("24000000 0100 0110 01000000") + bytes(24),
        bytes.fromhex("10000000 0200 1610 01000000 00000000"),
        *(random.Random(seed).randbytes(random.Random(seed).randrange(1, 100)) for seed in range(20)),
    ],
)
async def test_what_is_no_command_halts_the_pipes(nonsense: bytes) -> None:
    async with hosted() as (_, host):
        await host.pipes.write(nonsense)
        if nonsense:
            await _is_halted(host.pipes)
        assert (await host.do(Operation.GetStorageIDs)).code == ResponseCode.OK


@given(writes=st.lists(st.binary(max_size=600) | st.sampled_from(_ALMOST), max_size=8))
async def test_whatever_comes_a_reset_makes_it_good(writes: list[bytes]) -> None:
    async with hosted() as (_, host):
        for write in writes:
            with trio.move_on_after(1), suppress(TransferStalled):
                await host.pipes.write(write)
        await trio.testing.wait_all_tasks_blocked()
        await host.pipes.reset_device()
        await host.pipes.clear_halts()
        await trio.testing.wait_all_tasks_blocked()
        host.restart()
        await host.open_session()
        assert (await host.do(Operation.GetStorageIDs)).code == ResponseCode.OK


async def test_a_command_in_place_of_data_halts_the_pipes() -> None:
    async with hosted() as (_, host):
        await host.send(Request(Operation.SetDevicePropValue, 1, (0x501E,)))
        await host.send(Request(Operation.GetStorageIDs, 2))
        await _is_halted(host.pipes)
        host.restart()
        host.next_id = 3
        assert (await host.do(Operation.GetStorageIDs)).code == ResponseCode.OK


@pytest.mark.parametrize(("code", "transaction_id"), [(Operation.SetDevicePropValue, 2), (Operation.SendObject, 1)])
async def test_the_data_of_something_else_halt_the_pipes(code: int, transaction_id: int) -> None:
    async with hosted() as (_, host):
        await host.send(Request(Operation.SetDevicePropValue, 1, (0x501E,)))
        await host.send(DataStart(code, transaction_id, 1), Data(b"\0"), DataEnd())
        await _is_halted(host.pipes)


async def test_waits_for_the_empty_packet_that_ends_data(autojump_clock: trio.testing.MockClock) -> None:
    async with hosted() as (_, host):
        await host.send(Request(0x1016, 1, (0xD0A1,)))
        data = (496).to_bytes(4, "little") + bytes(496)
        *writes, empty = [
            write
            for message in (DataStart(0x1016, 1, 500), Data(data), DataEnd())
            for write in host.connection.send(message)
        ]
        assert empty == b""
        for write in writes:
            await host.pipes.write(write)
        with trio.move_on_after(60) as scope:
            await host.hear()
        assert scope.cancelled_caught
        await host.pipes.write(empty)
        assert await host.hear() == Reply(ResponseCode.InvalidDevicePropValue)


@pytest.mark.parametrize("payload", [500, 1012, 12 + 512 * 7, 1 << 20])
async def test_takes_data_of_any_length(payload: int) -> None:
    async with hosted() as (camera, host):
        await host.do(0x1016, 0xD0A1, data=bytes(payload))
        assert camera.trace.records[-1].bytes_out == payload


async def test_status_is_ok_when_idle() -> None:
    async with hosted(session=False) as (_, host):
        assert await host.pipes.device_status() == IDLE
        await host.pipes.cancel(0)
        assert await host.pipes.device_status() == IDLE


async def test_cancels_an_object_that_is_being_sent() -> None:
    async with hosted() as (camera, host):
        handle = camera.card.add_file("", "L.MOV", Zeros(5 << 30)).handle
        transaction = await host.ask(Operation.GetObject, handle)
        for _ in range(3):
            await host.pipes.read(READ_SIZE)
        await host.pipes.cancel(transaction)
        assert await host.pipes.device_status() == BUSY
        dropped = 0
        while True:
            data, end = await host.pipes.read(READ_SIZE)
            dropped += len(data)
            if end:
                break
        assert dropped < 4 << 20
        assert await host.pipes.device_status() == IDLE
        host.restart()
        assert (await host.do(Operation.GetStorageIDs)).code == ResponseCode.OK
        assert [record.result for record in camera.trace.records] == ["OK", "cancelled", "OK"]


@pytest.mark.parametrize("polls", [0, 1, 5])
async def test_says_busy_while_it_drops(polls: int) -> None:
    async with hosted() as (camera, host):
        camera.quirks.busy_after_cancel = polls
        handle = camera.card.add_file("", "L.MOV", Zeros(5 << 30)).handle
        transaction = await host.ask(Operation.GetObject, handle)
        await host.pipes.read(READ_SIZE)
        await host.pipes.cancel(transaction)
        await trio.testing.wait_all_tasks_blocked()
        assert [await host.pipes.device_status() for _ in range(polls + 1)] == [BUSY] * polls + [IDLE]


async def test_a_cancelled_transfer_can_just_stop(autojump_clock: trio.testing.MockClock) -> None:
    async with hosted() as (camera, host):
        camera.quirks.cancel_ends_transfer = False
        handle = camera.card.add_file("", "L.MOV", Zeros(5 << 30)).handle
        transaction = await host.ask(Operation.GetObject, handle)
        await host.pipes.read(READ_SIZE)
        await host.pipes.cancel(transaction)
        with trio.move_on_after(1) as scope:
            while not (await host.pipes.read(READ_SIZE))[1]:
                pass
        assert scope.cancelled_caught


async def test_cancels_data_on_their_way_to_the_camera() -> None:
    async with hosted() as (_, host):
        await host.send(Request(Operation.SetDevicePropValue, 1, (0x501E,)))
        await host.send(DataStart(Operation.SetDevicePropValue, 1, 10_000), Data(bytes(5000)))
        await trio.testing.wait_all_tasks_blocked()
        await host.pipes.cancel(1)
        await trio.testing.wait_all_tasks_blocked()
        await host.pipes.device_status()
        assert await host.pipes.device_status() == IDLE
        host.restart()
        host.next_id = 2
        assert (await host.do(Operation.GetStorageIDs)).code == ResponseCode.OK


async def test_cancels_no_other_transaction() -> None:
    async with hosted() as (camera, host):
        camera.responder.faults.append(Fault(FaultKind.STOP))
        transaction = await host.ask(Operation.GetStorageIDs)
        await trio.testing.wait_all_tasks_blocked()
        await host.pipes.cancel(transaction - 1)
        await trio.testing.wait_all_tasks_blocked()
        assert not camera.trace.records[1:]
        await host.recover_quietly(transaction)
        assert (await host.do(Operation.GetStorageIDs)).code == ResponseCode.OK


async def test_lists_the_halted_endpoints() -> None:
    async with hosted() as (_, host):
        await host.pipes.write(b"nonsense")
        await trio.testing.wait_all_tasks_blocked()
        status = await host.pipes.device_status()
        assert status == b"\x0c\0\x1f\x20" + bytes((BULK_IN, 0, 0, 0, BULK_OUT, 0, 0, 0))
        await host.pipes.clear_halts()
        assert await host.pipes.device_status() == IDLE


@pytest.mark.parametrize("when", ["idle", "sending", "hanging", "halted", "receiving", "in a command"])
async def test_reset_brings_any_state_to_idle_and_closes_the_session(when: str) -> None:
    async with hosted() as (camera, host):
        match when:
            case "sending":
                handle = camera.card.add_file("", "L.MOV", Zeros(5 << 30)).handle
                await host.ask(Operation.GetObject, handle)
            case "hanging":
                camera.responder.faults.append(Fault(FaultKind.STOP, at=5))
                await host.ask(Operation.GetStorageIDs)
            case "halted":
                await host.pipes.write(b"nonsense")
            case "receiving":
                await host.send(Request(Operation.SetDevicePropValue, 1, (0x501E,)))
            case "in a command":
                await host.pipes.write(bytes(512))
        await trio.testing.wait_all_tasks_blocked()
        await host.pipes.reset_device()
        await host.pipes.clear_halts()
        await trio.testing.wait_all_tasks_blocked()
        assert await host.pipes.device_status() == IDLE
        host.restart()
        assert await host.do(Operation.GetStorageIDs) == Reply(ResponseCode.SessionNotOpen)
        await host.open_session()


async def test_unplugging_ends_the_session_and_plugging_in_begins_anew() -> None:
    async with hosted() as (camera, host):
        handles = await host.handles(0)
        camera.unplug()
        with pytest.raises(DeviceGone):
            await host.do(Operation.GetStorageIDs)
        camera.plug()
        host = Host(camera.open())
        assert await host.do(Operation.GetStorageIDs) == Reply(ResponseCode.SessionNotOpen)
        await host.open_session()
        assert await host.handles(0) == handles


async def test_unplugs_at_every_byte_and_comes_back() -> None:
    """Nothing hangs at whatever byte the cable is pulled, and the camera answers again when it is put in."""
    async with hosted(session=False) as (camera, host):

        async def use() -> None:
            await host.open_session()
            await host.data(Operation.GetStorageIDs)
            await host.do(Operation.SetDevicePropValue, 0x501E, data=b"\1\0\0")

        await use()
        total = camera.usb.moved
        for byte in range(0, total, 7):
            camera.unplug()
            camera.plug()
            host = Host(camera.open())
            camera.usb.moved, camera.usb.unplug_at = 0, byte
            with pytest.raises(DeviceGone):
                await use()
            with pytest.raises(DeviceGone):
                camera.open()


async def test_an_exception_in_the_block_comes_out_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        async with hosted():
            raise ZeroDivisionError


@pytest.mark.parametrize("model", sorted(PROFILES.keys() - {"sony-alpha"}))  # which shows no card to a computer
async def test_a_large_object_never_stands_in_memory(model: str) -> None:
    size = 200 << 20
    async with hosted(model) as (camera, host):
        handle = camera.card.add_file("", "L.MOV", Zeros(size)).handle
        tracemalloc.start()
        await host.ask(Operation.GetObject, handle)
        received = 0
        while not isinstance(message := await host.receive(), DataEnd):
            received += len(message.payload) if isinstance(message, Data) else 0
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert received == size
        assert peak < 16 << 20


async def test_an_object_above_4_gib_has_a_container_of_unknown_length() -> None:
    async with hosted() as (camera, host):
        for size, length in (((1 << 32) - 14, (1 << 32) - 14), ((1 << 32) - 13, None), (1 << 32, None)):
            handle = camera.card.add_file("", "L.MOV", Zeros(size)).handle
            transaction = await host.ask(Operation.GetObject, handle)
            assert await host.receive() == DataStart(Operation.GetObject, transaction, length)
            await host.recover(transaction)


async def test_events_come_of_what_changes_at_the_camera() -> None:
    async with hosted() as (camera, host):
        file = camera.card.add_file("DCIM/100CAMFS", "NEW.JPG", b"")
        assert await host.event() == Event(EventCode.ObjectAdded, 0xFFFFFFFF, (file.handle,))
        camera.card.remove(file)
        assert await host.event() == Event(EventCode.ObjectRemoved, 0xFFFFFFFF, (file.handle,))
        camera.state.remove_card(camera.card.id)
        assert await host.event() == Event(EventCode.StoreRemoved, 0xFFFFFFFF, (camera.card.id,))
        camera.state.insert_card(camera.card.id)
        assert await host.event() == Event(EventCode.StoreAdded, 0xFFFFFFFF, (camera.card.id,))
        camera.state.set_property(0x5001, 12)
        assert await host.event() == Event(EventCode.DevicePropChanged, 0xFFFFFFFF, (0x5001,))
        assert await host.data(Operation.GetDevicePropValue, 0x5001) == b"\x0c"
        camera.state.change_device_info(DeviceInfo(events=(EventCode.DeviceInfoChanged,)))
        assert await host.event() == Event(EventCode.DeviceInfoChanged, 0xFFFFFFFF)


async def test_events_come_while_an_object_is_sent() -> None:
    async with hosted() as (camera, host):
        handle = camera.card.add_file("", "L.MOV", Zeros(5 << 30)).handle
        await host.event()
        transaction = await host.ask(Operation.GetObject, handle)
        await host.pipes.read(READ_SIZE)
        camera.state.set_property(0x5001, 12)
        assert (await host.event()).code == EventCode.DevicePropChanged
        await host.recover(transaction)


async def test_sends_no_events_that_it_does_not_list() -> None:
    async with hosted("sigma-fp", events="on") as (camera, host):
        camera.state.notify(EventCode.CaptureComplete)
        camera.state.notify(0xC401, 1, 2, 3)
        assert await host.event() == Event(0xC401, 0xFFFFFFFF, (1, 2, 3))


async def test_sends_no_events_without_a_session_or_when_it_has_none(autojump_clock: trio.testing.MockClock) -> None:
    async with hosted(session=False) as (camera, host):
        camera.state.set_property(0x5001, 12)
        await trio.testing.wait_all_tasks_blocked()
        await host.open_session()
        camera.quirks.events = False
        camera.state.set_property(0x5001, 13)
        camera.quirks.events = True
        camera.state.set_property(0x5001, 14)
        await host.event()
        with trio.move_on_after(60) as scope:
            await host.event()
        assert scope.cancelled_caught


async def test_keeps_a_bounded_number_of_events_for_a_host_that_reads_none() -> None:
    async with hosted() as (camera, host):
        for _ in range(5000):
            camera.state.set_property(0x5001, 12)
        assert len(camera.state.events) < 2000
        assert (await host.event()).code == EventCode.DevicePropChanged

"""The session: opening whatever was left behind, the ladder back into step, and what is never sent twice."""

from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.cameras.ptp.attempts import BUSY_STEPS
from camfs.cameras.ptp.rests import FIRST_REST, LONGEST_REST
from camfs.cameras.ptp.session import Session
from camfs.protocols.ptp.codes import ROOT, SIZE_UNKNOWN, EventCode, Operation, ResponseCode
from camfs.protocols.ptp.datasets import ObjectInfo, decode_handles
from camfs.virtual import EmulatedCamera
from camfs.virtual.ptp.calls import Answer, Call, Slice
from camfs.virtual.ptp.faults import Fault, FaultKind
from camfs.virtual.ptp.state import CameraState
from tests.cameras.rig import CARD, emulated, session_on
from tests.virtual.ptp.host import Host
from tests.zeros import Zeros

DATA = bytes(range(256)) * 12


def fail(camera: EmulatedCamera, kind: FaultKind, operation: Operation | None = None, times: int | None = 1) -> Fault:
    fault = Fault(kind, operation, times=times)
    camera.faults.append(fault)
    return fault


def results(camera: EmulatedCamera) -> list[tuple[str, str]]:
    return [(record.operation, record.result) for record in camera.trace.records]


def picture(camera: EmulatedCamera) -> int:
    return camera.card.add_file("", "A.JPG", DATA).handle


async def read(session: Session, handle: int) -> bytes | memoryview:
    return (await session.transact(Operation.GetPartialObject, handle, 0, len(DATA), limit=len(DATA))).data


async def is_in_step(session: Session, handle: int) -> bool:
    """Say whether transactions work: two, as a left-over of the one before shows in the second."""
    listed = decode_handles((await session.transact(Operation.GetObjectHandles, CARD, 0, ROOT)).data)
    return listed == (handle,) and await read(session, handle) == DATA


# ---------------------------------------------------------------------- data that end early


async def cuts(state: CameraState, call: Call) -> Answer:
    """Announce all of an object, and send half of it, with a response that says OK."""
    return Answer(DATA + DATA, fault=Fault(FaultKind.CUT, at=12 + len(DATA), code=ResponseCode.OK))


async def test_less_data_than_announced_are_a_refusal_that_leaves_the_wire_in_step(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        received: list[bytes] = []
        lengths: list[int | None] = []

        async def sink(data: bytes | memoryview) -> None:
            received.append(bytes(data))

        with camera.override(Operation.GetObject, cuts), pytest.raises(errors.TransferCut):
            await session.transact(Operation.GetObject, handle, sink=sink, on_length=lengths.append)
        assert b"".join(received) == DATA
        assert lengths == [2 * len(DATA)]
        assert await is_in_step(session, handle)
        assert trio.current_time() == 0


async def test_a_dataset_that_is_cut_is_asked_for_once_more(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        with camera.override(Operation.GetObjectInfo, cuts), pytest.raises(errors.TransferCut):
            await session.transact(Operation.GetObjectInfo, handle)
        assert camera.trace.operations().count("GetObjectInfo") == 2
        assert await is_in_step(session, handle)


# ---------------------------------------------------------------------- opening


async def test_opens_and_closes(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        assert await is_in_step(session, handle)
        await session.close()
        assert [name for name, _ in results(camera)] == [
            "OpenSession",
            "GetObjectHandles",
            "GetPartialObject",
            "CloseSession",
        ]
        assert not camera.responder.session


async def test_a_session_left_open_is_closed_first(autojump_clock: MockClock) -> None:
    async with emulated() as camera:
        camera.responder.session = 7
        async with session_on(camera) as session:
            assert await is_in_step(session, picture(camera))
        assert results(camera)[:4] == [
            ("OpenSession", "SessionAlreadyOpened"),
            ("GetDeviceInfo", "OK"),
            ("CloseSession", "OK"),
            ("OpenSession", "OK"),
        ]


async def test_a_session_that_cannot_be_closed_is_used(autojump_clock: MockClock) -> None:
    async with emulated() as camera:
        camera.responder.session = 7
        fail(camera, FaultKind.REFUSE, Operation.CloseSession)
        async with session_on(camera) as session:
            assert await is_in_step(session, picture(camera))
        assert camera.trace.operations().count("OpenSession") == 1


@pytest.mark.parametrize("kind", [FaultKind.NO_ANSWER, FaultKind.GARBAGE, FaultKind.ABORT, FaultKind.STOP])
async def test_a_session_whose_closing_goes_wrong_is_reset(kind: FaultKind, autojump_clock: MockClock) -> None:
    async with emulated() as camera:
        camera.responder.session = 7
        fail(camera, kind, Operation.CloseSession)
        async with session_on(camera) as session:
            assert await is_in_step(session, picture(camera))


@pytest.mark.parametrize("refused", [1, 5, 9, 10, 15])
async def test_other_session_ids_are_tried_and_then_a_reset(refused: int, autojump_clock: MockClock) -> None:
    async with emulated() as camera:
        fail(camera, FaultKind.REFUSE, Operation.OpenSession, refused).code = ResponseCode.InvalidTransactionID
        async with session_on(camera) as session:
            assert await is_in_step(session, picture(camera))
        tried = [record.parameters[0] for record in camera.trace.records if record.operation == "OpenSession"]
        assert tried == [number % 10 + 1 for number in range(refused + 1)]


async def test_session_ids_are_not_tried_for_ever(autojump_clock: MockClock) -> None:
    async with emulated() as camera:
        fail(camera, FaultKind.REFUSE, Operation.OpenSession, None).code = ResponseCode.InvalidTransactionID
        async with session_on(camera, opened=False) as session:
            with trio.fail_after(60), pytest.raises(errors.CameraError):
                await session.open()
        assert len(camera.trace.records) <= 40


@pytest.mark.parametrize(
    ("kind", "times"),
    [
        (FaultKind.NO_ANSWER, 1),
        (FaultKind.STOP, 1),
        (FaultKind.ABORT, 1),
        (FaultKind.GARBAGE, 3),
        (FaultKind.REFUSE, 3),
        (FaultKind.NEWER_RESPONSE, 3),
    ],
)
async def test_errors_at_opening_are_overcome_by_resets(kind: FaultKind, times: int, autojump_clock: MockClock) -> None:
    async with emulated() as camera:
        fail(camera, kind, Operation.OpenSession, times)
        async with session_on(camera) as session:
            assert await is_in_step(session, picture(camera))


async def test_a_camera_that_is_busy_at_opening_is_waited_for(autojump_clock: MockClock) -> None:
    async with emulated() as camera:
        fail(camera, FaultKind.REFUSE, Operation.OpenSession, 8).code = ResponseCode.DeviceBusy
        async with session_on(camera) as session:
            assert await is_in_step(session, picture(camera))
            assert 0.5 < trio.current_time() < 5


@pytest.mark.parametrize("kind", [FaultKind.NO_ANSWER, FaultKind.STOP, FaultKind.GARBAGE, FaultKind.ABORT])
async def test_opening_that_never_works_ends(kind: FaultKind, autojump_clock: MockClock) -> None:
    async with emulated() as camera:
        fail(camera, kind, None, None)
        async with session_on(camera, opened=False) as session:
            with trio.fail_after(40), pytest.raises(errors.CameraError) as caught:
                await session.open()
            assert not isinstance(caught.value, errors.DeviceGone)
            for _ in range(20):  # and goes on failing, in less time
                began = trio.current_time()
                with pytest.raises(errors.CameraError):
                    await session.transact(Operation.GetStorageIDs)
                assert trio.current_time() - began < 12
            camera.faults.clear()
            await trio.sleep(3)
            assert await is_in_step(session, picture(camera))


@pytest.mark.parametrize("kind", [FaultKind.STALE_RESPONSE, FaultKind.STALE_DATA])
@pytest.mark.parametrize("operation", [Operation.OpenSession, Operation.GetPartialObject, Operation.GetObjectHandles])
async def test_left_overs_of_older_transactions_are_dropped(
    kind: FaultKind, operation: Operation, autojump_clock: MockClock
) -> None:
    async with emulated() as camera:
        fail(camera, kind, operation)
        async with session_on(camera) as session:
            assert await is_in_step(session, picture(camera))
        assert camera.trace.operations().count(operation.name) == 1


@pytest.mark.parametrize("size", [100, 512 - 12, 1 << 20, 8 << 20])
@pytest.mark.parametrize("taken", [0, 512, 1 << 16])
async def test_a_program_that_was_killed_in_a_read_leaves_its_data(
    size: int, taken: int, autojump_clock: MockClock
) -> None:
    async with emulated() as camera:
        handle = picture(camera)
        other = camera.card.add_file("DCIM", "B.MOV", Zeros(size))
        killed = Host(camera.open())
        await killed.open_session()
        await killed.ask(Operation.GetObject, other.handle)
        await wait_all_tasks_blocked()
        if taken:
            with trio.move_on_after(1):
                await killed.pipes.read(taken)
        await killed.pipes.aclose()
        async with session_on(camera) as session:
            assert await read(session, handle) == DATA
            assert trio.current_time() < 15


async def test_a_program_that_was_killed_before_its_data_were_out(autojump_clock: MockClock) -> None:
    async with emulated() as camera:
        killed = Host(camera.open())
        await killed.open_session()
        await killed.ask(Operation.SetDevicePropValue, 0x501E)
        await killed.pipes.aclose()
        async with session_on(camera) as session:
            assert await is_in_step(session, picture(camera))


async def test_unplugged_while_opening(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera, opened=False) as session:
        fail(camera, FaultKind.NO_ANSWER)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(expect_gone, session.open)
            await wait_all_tasks_blocked()
            camera.unplug()
        assert trio.current_time() < 0.1
        assert session.gone


async def expect_gone(call: Callable[[], Awaitable[object]]) -> None:
    with pytest.raises(errors.DeviceGone):
        await call()


# ---------------------------------------------------------------------- in the middle


async def test_a_lost_session_is_opened_again_and_the_operation_repeated(autojump_clock: MockClock) -> None:
    reopened: list[float] = []
    async with emulated() as camera, session_on(camera, lambda: reopened.append(trio.current_time())) as session:
        handle = picture(camera)
        fail(camera, FaultKind.LOSE_SESSION, Operation.GetPartialObject)
        assert await read(session, handle) == DATA
        assert len(reopened) == 1
        assert await is_in_step(session, handle)
        assert len(reopened) == 1


async def test_a_session_that_is_lost_each_time_is_an_error(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, FaultKind.LOSE_SESSION, Operation.GetPartialObject, None)
        with pytest.raises(errors.CameraError):
            await read(session, handle)
        assert camera.trace.operations().count("GetPartialObject") == 2
        camera.faults.clear()
        await trio.sleep(FIRST_REST)
        assert await is_in_step(session, handle)


async def test_a_question_that_loses_the_session_each_time_costs_no_session_each_time(
    autojump_clock: MockClock,
) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, FaultKind.LOSE_SESSION, Operation.GetPartialObject, None)
        for _ in range(20):
            with pytest.raises(errors.Refused):
                await read(session, handle)
        assert camera.trace.operations().count("OpenSession") == 2


async def test_a_session_that_is_there_is_not_opened_again_because_the_camera_denies_it(
    autojump_clock: MockClock,
) -> None:
    """The Leica SL3 and Q3 answer SessionNotOpen for 65 of their properties."""
    async with emulated() as camera, session_on(camera, timeout=3) as session:
        handle = picture(camera)
        fail(camera, FaultKind.REFUSE, Operation.GetDevicePropDesc, None).code = ResponseCode.SessionNotOpen
        for code in range(0x5001, 0x5042):
            for _ in range(2):
                with pytest.raises(errors.Refused) as caught:
                    await session.transact(Operation.GetDevicePropDesc, code)
                assert caught.value.code == ResponseCode.SessionNotOpen
        asked = camera.trace.operations()
        assert asked.count("OpenSession") == 1
        assert asked.count("GetDevicePropDesc") == 2 * 65
        assert asked.count("GetStorageIDs") == 65
        assert trio.current_time() < 1
        assert await is_in_step(session, handle)


async def test_a_session_that_two_find_lost_is_opened_again_once(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        camera.responder.close_session()
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(read, session, handle)
        assert camera.trace.operations().count("OpenSession") == 2


async def test_a_transaction_id_that_the_camera_does_not_take_opens_the_session_again(
    autojump_clock: MockClock,
) -> None:
    reopened: list[None] = []
    async with emulated() as camera, session_on(camera, lambda: reopened.append(None)) as session:
        handle = picture(camera)
        fail(camera, FaultKind.REFUSE, Operation.GetPartialObject).code = ResponseCode.InvalidTransactionID
        assert await read(session, handle) == DATA
        assert len(reopened) == 1


@pytest.mark.parametrize("operation", [Operation.GetObjectInfo, Operation.DeleteObject])
async def test_a_busy_camera_is_asked_again(operation: Operation, autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, FaultKind.REFUSE, operation, 5).code = ResponseCode.DeviceBusy
        await session.transact(operation, handle)
        assert camera.trace.operations().count(operation.name) == 6
        assert 0.3 < trio.current_time() < 3


async def test_a_camera_that_stays_busy_is_an_error_and_keeps_nobody_else_waiting(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, FaultKind.REFUSE, Operation.GetObjectInfo, None).code = ResponseCode.DeviceBusy

        async def busy() -> None:
            with pytest.raises(errors.Busy):
                await session.transact(Operation.GetObjectInfo, handle)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(busy)
            await wait_all_tasks_blocked()
            began = trio.current_time()
            assert await is_in_step(session, handle)
            assert trio.current_time() == began
        assert trio.current_time() == pytest.approx(sum(BUSY_STEPS), rel=0.1)


@pytest.mark.parametrize("code", [ResponseCode.GeneralError, ResponseCode.IncompleteTransfer])
async def test_a_passing_failure_of_a_read_is_overcome(code: ResponseCode, autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, FaultKind.REFUSE, Operation.GetPartialObject).code = code
        assert await read(session, handle) == DATA


async def test_a_failure_that_stays_is_told(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, FaultKind.REFUSE, Operation.GetPartialObject, None)
        with pytest.raises(errors.Refused) as caught:
            await read(session, handle)
        assert caught.value.code == ResponseCode.GeneralError
        assert camera.trace.operations().count("GetPartialObject") == 2


ANSWER = 12 + len(DATA) + 12 + 4
"""Bytes of the whole answer to `read`: data container and response with one parameter."""

PLACES = [0, 1, 11, 12, 13, 511, 512, 513, 1024, 12 + len(DATA) - 1, 12 + len(DATA), 12 + len(DATA) + 5, ANSWER - 1]


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize("kind", [FaultKind.STALL, FaultKind.ABORT, FaultKind.STOP])
@pytest.mark.parametrize("split", [False, True])
async def test_an_answer_that_breaks_off_is_asked_for_again(
    kind: FaultKind, at: int, split: bool, autojump_clock: MockClock
) -> None:
    async with emulated() as camera, session_on(camera) as session:
        camera.quirks.split_header = split
        handle = picture(camera)
        fail(camera, kind, Operation.GetPartialObject).at = at
        assert await read(session, handle) == DATA
        assert trio.current_time() < 14
        assert await is_in_step(session, handle)


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize("kind", [FaultKind.STALL, FaultKind.ABORT, FaultKind.STOP])
async def test_an_answer_that_breaks_off_each_time_is_an_error(
    kind: FaultKind, at: int, autojump_clock: MockClock
) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, kind, Operation.GetPartialObject, None).at = at
        try:
            with trio.fail_after(40):
                assert await read(session, handle) == DATA  # a halt before the first byte is cleared, and costs nothing
        except (errors.TransportError, errors.RemoteProtocolError):
            pass
        else:
            assert kind is FaultKind.STALL
        camera.faults.clear()
        await trio.sleep(LONGEST_REST)
        assert await is_in_step(session, handle)


@pytest.mark.parametrize("at", PLACES)
@pytest.mark.parametrize("code", [ResponseCode.OK, ResponseCode.GeneralError, ResponseCode.DeviceBusy])
async def test_data_that_end_early(at: int, code: ResponseCode, autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, FaultKind.CUT, Operation.GetPartialObject).__dict__.update(at=at, code=code)
        try:
            with trio.fail_after(40):
                data = await read(session, handle)
        except errors.CameraError:
            pass
        else:
            assert data in (DATA, b"")  # none at all is for the reader to judge, part of it with OK nobody could
        assert await is_in_step(session, handle)


@pytest.mark.parametrize("size", [1, 11, 12, 64, 511, 512, 513, 5000])
async def test_garbage_in_place_of_an_answer(size: int, autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, FaultKind.GARBAGE, Operation.GetPartialObject).data = b"\xa5" * size
        assert await read(session, handle) == DATA
        assert await is_in_step(session, handle)


@pytest.mark.parametrize(
    "garbage",
    [
        "0c000000030001200a000000",  # a response of transaction 10
        "0c00000002001b10ffffffff",  # an empty data container of transaction -1
        "ffffffff02001b1001000000" + "00" * 500,  # data of unknown length
        "0b000000020000000100000000",  # a container shorter than its header
        "00000000000000000000000000000000",
        "0c0000000400024001000000",  # an event on the bulk pipe
        "10000000010001100100000000000000",  # a request
    ],
)
async def test_containers_that_are_none(garbage: str, autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, FaultKind.GARBAGE, Operation.GetPartialObject).data = bytes.fromhex(garbage)
        assert await read(session, handle) == DATA
        assert trio.current_time() < 14
        assert await is_in_step(session, handle)


@pytest.mark.parametrize(
    "kind",
    [
        FaultKind.NO_ANSWER,
        FaultKind.STOP,
        FaultKind.ABORT,
        FaultKind.GARBAGE,
        FaultKind.NEWER_RESPONSE,
        FaultKind.REFUSE,
    ],
)
async def test_what_changes_the_camera_is_never_sent_twice(kind: FaultKind, autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        other = camera.card.add_file("DCIM", "B.JPG", b"b").handle
        fail(camera, kind, Operation.DeleteObject)
        with pytest.raises(errors.CameraError):
            await session.transact(Operation.DeleteObject, other, 0)
        assert camera.trace.operations().count("DeleteObject") == 1
        assert await read(session, handle) == DATA


async def test_what_was_not_done_for_want_of_a_session_is_not_done_in_the_next(autojump_clock: MockClock) -> None:
    """Handles may mean other objects there."""
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, FaultKind.LOSE_SESSION, Operation.DeleteObject)
        with pytest.raises(errors.CameraError):
            await session.transact(Operation.DeleteObject, handle, 0, same_session=True)
        assert await is_in_step(session, handle)


async def test_what_waits_for_its_turn_is_not_done_in_another_session(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, FaultKind.LOSE_SESSION, Operation.GetPartialObject)

        async def delete() -> None:
            with pytest.raises(errors.CameraError):
                await session.transact(Operation.DeleteObject, handle, 0, same_session=True)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read, session, handle)
            await trio.sleep(0)
            nursery.start_soon(delete)
        assert await is_in_step(session, handle)  # which reads the object


async def test_data_out_after_a_halt(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        await session.transact(Operation.GetDevicePropDesc, 0x501E)
        for at in (0, 5):
            fail(camera, FaultKind.STALL, Operation.SetDevicePropValue).at = at
            await session.transact(Operation.SetDevicePropValue, 0x501E, data=b"\x02A\0\0\0")
        assert (await session.transact(Operation.GetDevicePropValue, 0x501E)).data == b"\x02A\0\0\0"


async def test_a_cancel_that_is_not_taken_leads_to_a_reset(autojump_clock: MockClock) -> None:
    reopened: list[None] = []
    async with emulated() as camera, session_on(camera, lambda: reopened.append(None)) as session:
        camera.quirks.busy_after_cancel = 1 << 20
        handle = picture(camera)
        fail(camera, FaultKind.STOP, Operation.GetPartialObject).at = 600
        assert await read(session, handle) == DATA
        assert len(reopened) == 1
        assert trio.current_time() < 20


async def test_a_camera_without_the_reset_request_gets_a_new_session_all_the_same(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    def unknown() -> None:
        raise errors.TransferStalled("no such request")

    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        monkeypatch.setattr(camera.responder, "device_reset", unknown)
        fail(camera, FaultKind.LOSE_SESSION, Operation.GetPartialObject)
        assert await read(session, handle) == DATA
        camera.quirks.busy_after_cancel = 1 << 20
        fail(camera, FaultKind.ABORT, Operation.GetPartialObject).at = 100
        assert await read(session, handle) == DATA


async def test_two_stalls_in_one_answer(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        for at in (0, 700):
            fail(camera, FaultKind.STALL, Operation.GetPartialObject).at = at
        assert await read(session, handle) == DATA


# ---------------------------------------------------------------------- time


async def test_silence_is_an_error_in_the_time_that_was_said(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera, timeout=3) as session:
        handle = picture(camera)
        fail(camera, FaultKind.NO_ANSWER, None, None)
        with pytest.raises(errors.TransferTimeout):
            await session.transact(Operation.GetObjectInfo, handle, repeatable=False)
        assert 3 <= trio.current_time() < 6


async def test_slow_operations_have_more_time(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera, timeout=3) as session:
        handle = picture(camera)
        fail(camera, FaultKind.DELAY, None, None).seconds = 8
        assert decode_handles((await session.transact(Operation.GetObjectHandles, CARD, 0, ROOT)).data) == (handle,)


@pytest.mark.parametrize(("time", "expected"), [(5.0, 5.0), (7.0, 7.0), (60.0, 9.0)])
async def test_slow_operations_have_no_more_time_than_their_caller(
    time: float, expected: float, autojump_clock: MockClock
) -> None:
    """They then fail as silent ones do, rather than to be cancelled."""
    async with emulated() as camera, session_on(camera, timeout=3) as session:
        fail(camera, FaultKind.NO_ANSWER, Operation.GetObjectHandles, None)
        with trio.move_on_after(time) as scope, pytest.raises(errors.TransferTimeout):
            await session.transact(Operation.GetObjectHandles, CARD, 0, ROOT, repeatable=False)
        assert not scope.cancelled_caught
        assert expected - 0.2 <= trio.current_time() <= expected + 1


async def test_a_busy_camera_is_not_waited_for_longer_than_the_caller_has_time(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, FaultKind.REFUSE, Operation.GetObjectInfo, None).code = ResponseCode.DeviceBusy
        with trio.move_on_after(2), pytest.raises(errors.Busy):
            await session.transact(Operation.GetObjectInfo, handle)
        assert trio.current_time() < 2


async def test_a_slow_line_is_not_silence(autojump_clock: MockClock) -> None:
    async with emulated(bandwidth="5000000") as camera, session_on(camera, timeout=1) as session:
        file = camera.card.add_file("", "A.MOV", Zeros(60_000_000))
        received = 0

        async def sink(data: bytes | memoryview) -> None:
            nonlocal received
            received += len(data)

        await session.transact(Operation.GetObject, file.handle, sink=sink, limit=1 << 40)
        assert received == 60_000_000
        assert trio.current_time() >= 12


async def test_what_was_not_answered_is_not_asked_again_at_once(autojump_clock: MockClock) -> None:
    """By nobody: not by those who wait for their turn meanwhile, nor by those who come later; other objects are asked for."""
    async with emulated() as camera, session_on(camera, timeout=2) as session:
        handle = picture(camera)
        other = camera.card.add_file("", "B.JPG", DATA).handle
        fail(camera, FaultKind.STOP, Operation.GetPartialObject, None).parameter = handle

        async def ask() -> None:
            with trio.move_on_after(3), pytest.raises(errors.TransferTimeout):
                await read(session, handle)

        async with trio.open_nursery() as nursery:
            for _ in range(6):
                nursery.start_soon(ask)
        assert trio.current_time() < 3
        await ask()
        assert trio.current_time() < 3
        assert camera.trace.operations().count("GetPartialObject") == 1
        assert await read(session, other) == DATA
        await trio.sleep(FIRST_REST)
        await ask()
        assert camera.trace.operations().count("GetPartialObject") == 3
        camera.faults.clear()
        session.forget_failures()
        assert await read(session, handle) == DATA


async def test_what_caused_a_reset_rests_before_it_is_repeated(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera, timeout=1) as session:
        camera.quirks.busy_after_cancel = 1 << 20  # a cancel is never accepted
        handle = picture(camera)
        fail(camera, FaultKind.STOP, Operation.GetPartialObject).at = 600
        assert await read(session, handle) == DATA
        records = [each for each in camera.trace.records if each.operation == "GetPartialObject"]
        assert len(records) == 2
        assert trio.current_time() > 1 + FIRST_REST


async def test_what_always_causes_a_reset_causes_two_and_then_rests(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera, timeout=1) as session:
        camera.quirks.busy_after_cancel = 1 << 20
        handle = picture(camera)
        fail(camera, FaultKind.STOP, Operation.GetPartialObject, None).at = 600
        for _ in range(20):
            with pytest.raises(errors.CameraError):
                await read(session, handle)
        assert camera.trace.operations().count("GetPartialObject") == 2


# ---------------------------------------------------------------------- too much


@pytest.mark.parametrize("length", [1 << 30, 5 << 30], ids=["1 GiB", "unknown length"])
async def test_too_much_data_are_not_taken(length: int, autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        sent = Zeros(length)

        async def flood(_state: object, _call: Call) -> Answer:
            return Answer(Slice(sent, 0, length))

        camera.override(Operation.GetObjectInfo, flood)
        with pytest.raises(errors.RemoteProtocolError):
            await session.transact(Operation.GetObjectInfo, handle, limit=1 << 16)
        assert camera.usb.moved < 16 << 20
        assert await is_in_step(session, handle)


async def test_more_data_than_the_limit_by_one(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, FaultKind.BAD_DATASET, Operation.GetObjectInfo, None).data = bytes(1001)
        with pytest.raises(errors.RemoteProtocolError):
            await session.transact(Operation.GetObjectInfo, handle, limit=1000)
        assert len((await session.transact(Operation.GetObjectInfo, handle, limit=1001)).data) == 1001
        assert await is_in_step(session, handle)


# ---------------------------------------------------------------------- cancelling


async def cancelled_after(steps: int, call: Callable[[], Awaitable[object]]) -> bool:
    """Cancel a call after so many rounds of the scheduler; return whether it was still under way."""
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:

            async def count() -> None:
                for _ in range(steps):
                    await trio.lowlevel.checkpoint()
                scope.cancel()

            nursery.start_soon(count)
            await call()
            nursery.cancel_scope.cancel()
    return scope.cancelled_caught


@pytest.mark.parametrize("split", [False, True])
async def test_cancelling_anywhere_leaves_the_next_transaction_in_step(split: bool, autojump_clock: MockClock) -> None:
    async with emulated(packet="64") as camera, session_on(camera) as session:
        camera.quirks.split_header = split
        handle = picture(camera)
        rounds = 0
        while await cancelled_after(rounds, lambda: read(session, handle)):
            assert await is_in_step(session, handle)
            rounds += 1
        assert rounds >= 5
        assert camera.trace.operations().count("OpenSession") == 1


@pytest.mark.parametrize("at", range(0, ANSWER, 97))
async def test_cancelling_while_the_camera_is_silent(at: int, autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, FaultKind.STOP, Operation.GetPartialObject).at = at
        with trio.move_on_after(2) as scope:
            await read(session, handle)
        assert scope.cancelled_caught
        assert trio.current_time() < 6
        assert await is_in_step(session, handle)


@pytest.mark.parametrize("ends", [False, True], ids=["just stops", "ends the transfer"])
@pytest.mark.parametrize("size", [1 << 16, 1 << 22, (1 << 22) - 12])
async def test_cancelling_a_long_transfer(size: int, ends: bool, autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        camera.quirks.cancel_ends_transfer = ends
        handle = picture(camera)
        other = camera.card.add_file("DCIM", "B.MOV", Zeros(size))

        async def sink(_data: bytes | memoryview) -> None:
            await trio.sleep_forever()

        with trio.move_on_after(1):
            await session.transact(Operation.GetObject, other.handle, sink=sink, limit=1 << 40)
        assert await read(session, handle) == DATA
        assert camera.trace.operations().count("OpenSession") == 1


async def test_cancelling_one_who_waits_for_his_turn_disturbs_nobody(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, FaultKind.DELAY, Operation.GetPartialObject).seconds = 5
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read, session, handle)
            await wait_all_tasks_blocked()
            with trio.move_on_after(1) as scope:
                await session.transact(Operation.GetObjectInfo, handle)
            assert scope.cancelled_caught
        assert camera.trace.operations()[1:] == ["GetPartialObject"]
        assert await is_in_step(session, handle)


async def test_cancelling_while_a_busy_camera_is_waited_for(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, FaultKind.REFUSE, Operation.GetObjectInfo, None).code = ResponseCode.DeviceBusy
        async with trio.open_nursery() as nursery:
            nursery.start_soon(session.transact, Operation.GetObjectInfo, handle)
            await trio.sleep(1)
            nursery.cancel_scope.cancel()
        assert trio.current_time() == 1
        assert await is_in_step(session, handle)


async def test_cancelling_while_the_session_is_opened_again(autojump_clock: MockClock) -> None:
    for rounds in range(60):
        async with emulated() as camera, session_on(camera) as session:
            handle = picture(camera)
            fail(camera, FaultKind.LOSE_SESSION, Operation.GetPartialObject)
            await cancelled_after(rounds, lambda: read(session, handle))  # noqa: B023
            assert await is_in_step(session, handle)


# ---------------------------------------------------------------------- cancelled by the camera


async def test_the_camera_cancels_a_read(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, FaultKind.STOP, Operation.GetPartialObject).at = 700

        async def cancel() -> None:
            await trio.sleep(1)
            session.cancelled_by_camera(camera.responder.last_id or 0)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(cancel)
            assert await read(session, handle) == DATA
        assert trio.current_time() < 6
        assert await is_in_step(session, handle)


async def test_the_camera_cancels_a_transaction_that_is_over(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, FaultKind.DELAY, Operation.GetPartialObject).seconds = 2

        async def cancel() -> None:
            await trio.sleep(1)
            session.cancelled_by_camera((camera.responder.last_id or 0) - 1)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(cancel)
            assert await read(session, handle) == DATA
        session.cancelled_by_camera(SIZE_UNKNOWN)
        assert camera.trace.operations().count("GetPartialObject") == 1
        assert await is_in_step(session, handle)


# ---------------------------------------------------------------------- ids, gone


async def test_transaction_ids_wrap(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        camera.quirks.consecutive_ids = True
        handle = picture(camera)
        camera.responder.last_id = 0xFFFFFFFB
        session._next_id = 0xFFFFFFFC
        for _ in range(4):
            assert await is_in_step(session, handle)
        assert session._next_id == 6
        assert {record.result for record in camera.trace.records} == {"OK"}


async def test_a_left_over_across_the_wrap_is_dropped(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        camera.responder.last_id = 0xFFFFFFFD
        session._next_id = 0xFFFFFFFE
        await session.transact(Operation.GetObjectInfo, handle)
        fail(camera, FaultKind.GARBAGE).data = bytes.fromhex("0c000000 03000120 feffffff") + bytes.fromhex(
            "0c000000 03000120 01000000"
        )
        assert await session.transact(Operation.GetObjectInfo, handle) is not None
        assert await is_in_step(session, handle)


async def test_all_who_wait_hear_that_the_camera_is_gone(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, FaultKind.NO_ANSWER, None, None)
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(expect_gone, lambda: read(session, handle))
            await wait_all_tasks_blocked()
            camera.unplug()
        assert trio.current_time() < 0.1
        assert session.gone
        await session.close()


async def test_all_who_wait_hear_it_from_the_event_pipe_too(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        handle = picture(camera)
        fail(camera, FaultKind.NO_ANSWER, None, None)
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(expect_gone, lambda: read(session, handle))
            await wait_all_tasks_blocked()
            session.mark_gone()
        assert trio.current_time() < 5


@pytest.mark.parametrize("kind", [FaultKind.NO_ANSWER, FaultKind.GARBAGE, FaultKind.ABORT, FaultKind.REFUSE])
async def test_closing_never_fails(kind: FaultKind, autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        fail(camera, kind, Operation.CloseSession)
        with trio.fail_after(10):
            await session.close()


async def test_nonsense_of_ours_is_not_sent(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        camera.quirks.consecutive_ids = True
        handle = picture(camera)
        with pytest.raises(errors.LocalProtocolError):
            await session.transact(Operation.GetObjectInfo, 1, 2, 3, 4, 5, 6)
        with pytest.raises(errors.LocalProtocolError):
            await session.transact(Operation.GetObjectInfo, -1)
        assert camera.trace.operations() == ["OpenSession"]
        assert await is_in_step(session, handle)


async def test_an_object_info_from_a_session(autojump_clock: MockClock) -> None:
    async with emulated() as camera, session_on(camera) as session:
        reply = await session.transact(Operation.GetObjectInfo, picture(camera))
        assert ObjectInfo.decode(reply.data).filename == "A.JPG"
        assert EventCode.ObjectAdded in camera.state.device_info.events

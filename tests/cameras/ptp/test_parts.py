"""Parts of objects: which operation reads them, and what is done when that refuses, falls silent or ends early."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.api import Entry
from camfs.cameras.ptp.parts import LARGE_READS, PIECE
from camfs.protocols.ptp.codes import MakerOperation, Operation, ResponseCode
from camfs.virtual.ptp.calls import Answer, Call, Handler
from camfs.virtual.ptp.faults import Fault, FaultKind, PartialReads
from camfs.virtual.ptp.makers import canon_get_partial_object_64
from camfs.virtual.ptp.operations import get_partial_object, read_part
from camfs.virtual.ptp.state import CameraState
from tests.cameras.rig import Counting, Rig, add, add_counting, rigged

GIB = 1 << 30
FULL_PACKET = 512 * 7 + 500
"""Bytes of a file whose reply fills its last packet."""

EDGES = [0, 4 * GIB - 100, 4 * GIB - 50, 4 * GIB, 4 * GIB + 1, 5 * GIB - 60]


async def read_all(rig: Rig, entry: Entry, step: int = 256 << 10) -> bytes:
    pieces: list[bytes] = []
    offset = 0
    while piece := await rig.camera.read(entry, offset, step):
        pieces.append(bytes(piece))
        offset += len(piece)
    await rig.camera.release(entry)
    return b"".join(pieces)


async def numbered(rig: Rig, count: int, size: int) -> list[tuple[Entry, Counting]]:
    """Put files on the card, and list them."""
    contents = {f"{number}.JPG": add_counting(rig, size, f"{number}.JPG") for number in range(count)}
    entries = sorted(await rig.entries(), key=lambda entry: entry.name)
    rig.operations()
    return [(entry, contents[entry.name]) for entry in entries]


# ---------------------------------------------------------------------- behind 4 GiB


@pytest.mark.parametrize("offset", EDGES)
async def test_behind_four_gigabytes(offset: int, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        content = add_counting(rig, 5 * GIB)
        entry = await rig.entry("A.MOV")
        rig.operations()
        assert await rig.camera.read(entry, offset, 100) == content.read(offset, 100)
        assert rig.operations() == ["GetPartialObject" if offset + 100 <= 4 * GIB else "GetPartialObject64"]


@pytest.mark.parametrize("offset", EDGES)
async def test_with_the_large_operation_only(offset: int, autojump_clock: MockClock) -> None:
    async with rigged(operations="-GetPartialObject") as rig:
        content = add_counting(rig, 5 * GIB)
        entry = await rig.entry("A.MOV")
        assert await rig.camera.read(entry, offset, 100) == content.read(offset, 100)
        assert "GetObject" not in rig.operations()


MAKERS = {
    "Nikon Corporation": MakerOperation.NikonGetPartialObjectEx,
    "Canon.Inc": MakerOperation.CanonGetPartialObject64,
    "Sony Corporation": MakerOperation.SonyGetPartialLargeObject,
}


@pytest.mark.parametrize("offset", EDGES)
@pytest.mark.parametrize("maker", MAKERS)
async def test_with_the_makers_operation(maker: str, offset: int, autojump_clock: MockClock) -> None:
    operation = MAKERS[maker]
    async with rigged(operations=f"-95C1,+{operation:X}", maker=maker) as rig:
        content = add_counting(rig, 5 * GIB)
        entry = await rig.entry("A.MOV")
        rig.operations()
        for _ in range(2):
            assert await rig.camera.read(entry, offset, 100) == content.read(offset, 100)
        used = Counter(rig.operations())
        assert set(used) <= {"GetPartialObject", operation.name}
        is_trusted = next(each.is_trusted for each in LARGE_READS if each.operation == operation)
        is_behind = offset + 100 > 4 * GIB
        assert used[operation.name] == is_behind * (2 if is_trusted else 4)  # two of them make the trial


async def lists_it_and_is_another(state: CameraState, call: Call) -> Answer:
    return Answer(b"something quite different")


@pytest.mark.parametrize("operation", MAKERS.values())
async def test_another_makers_operation_of_the_same_number_is_not_sent(
    operation: MakerOperation, autojump_clock: MockClock
) -> None:
    async with rigged(operations=f"-95C1,-1009,+{operation:X}", maker="SIGMA") as rig:
        add_counting(rig, 5 * GIB)
        rig.body.override(operation, lists_it_and_is_another)
        entry = await rig.entry("A.MOV")
        with pytest.raises(errors.CameraError):
            await rig.camera.read(entry, 4 * GIB, 100)
        assert operation.name not in rig.operations()


async def in_another_order(state: CameraState, call: Call) -> Answer:
    handle, low, high, size, _ = call.parameters
    return read_part(state, handle, low | high << 32, size) if size else Answer(b"")


async def without_the_high_half(state: CameraState, call: Call) -> Answer:
    handle, low, size, *_ = call.parameters
    return read_part(state, handle, low, size)


async def is_refused(state: CameraState, call: Call) -> Answer:
    return Answer(code=ResponseCode.AccessDenied)


async def falls_silent(state: CameraState, call: Call) -> Answer:
    return Answer(silent=True)


@pytest.mark.parametrize(
    ("handler", "works"),
    [
        (canon_get_partial_object_64, True),
        (in_another_order, True),
        (without_the_high_half, False),
        (lists_it_and_is_another, False),
        (is_refused, False),
        (falls_silent, False),
    ],
)
async def test_an_operation_of_uncertain_parameters_is_tried_before_it_is_trusted(
    handler: Handler, works: bool, autojump_clock: MockClock
) -> None:
    """Never the bytes of another place: what fails its trial is not used, and GetObject has to bring what it does not read."""
    operation = MakerOperation.CanonGetPartialObject64
    async with rigged(operations=f"-95C1,-1009,+{operation:X}", maker="Canon.Inc", listening=False) as rig:
        content = add_counting(rig, 5 * GIB)
        rig.body.override(operation, handler)
        entry = await rig.entry("A.MOV")
        for _ in range(2):
            if works:
                assert await rig.camera.read(entry, 4 * GIB + 5, 100) == content.read(4 * GIB + 5, 100)
            else:
                with pytest.raises(errors.CameraError):
                    await rig.camera.read(entry, 4 * GIB + 5, 100)
        asked = rig.count(operation)
        with trio.move_on_after(60):
            await rig.camera.read(entry, 100, 100)
        assert rig.count(operation) == asked <= 6


# ---------------------------------------------------------------------- refused


@pytest.mark.parametrize("passed", [0, 1, 2])
async def test_an_operation_that_is_not_supported_after_all(passed: int, autojump_clock: MockClock) -> None:
    async with rigged(operations="-GetPartialObject64") as rig:
        size = 3 * PIECE + 5
        content = add_counting(rig, size)
        entry = await rig.entry("A.MOV")
        rig.fail(FaultKind.REFUSE, Operation.GetPartialObject, times=None, skip=passed, code=0x2005)
        assert await rig.camera.read(entry, 0, size) == content.read(0, size)
        rig.operations()
        assert await rig.camera.read(entry, 7, size) == content.read(7, size)
        assert rig.operations() == []


async def test_one_that_is_not_supported_after_all_is_replaced_by_the_large_one(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        content = add_counting(rig, 5000)
        entry = await rig.entry("A.MOV")
        rig.fail(FaultKind.REFUSE, Operation.GetPartialObject, times=None, code=ResponseCode.OperationNotSupported)
        assert await rig.camera.read(entry, 5, 5000) == content.read(5, 5000)
        assert await rig.camera.read(entry, 6, 10) == content.read(6, 10)
        assert rig.count(Operation.GetPartialObject) == 1
        assert rig.count(Operation.GetPartialObject64) == 2


REFUSALS = [0x2000, 0x2002, 0x2006, 0x2007, 0x200B, 0x200F, 0x2012, 0x2015, 0x201D, 0x201F, 0xA001, 0xA806]


@pytest.mark.parametrize("passed", [0, 1])
@pytest.mark.parametrize("code", REFUSALS)
async def test_a_part_that_is_refused_is_had_by_receiving_the_whole(
    code: int, passed: int, autojump_clock: MockClock
) -> None:
    """Once; after two such objects no part is asked for any more."""
    async with rigged(operations="-95C1", listening=False) as rig:
        files = await numbered(rig, 5, 3 * PIECE + 5)
        fault = rig.fail(FaultKind.REFUSE, Operation.GetPartialObject, times=None, skip=passed, code=code)
        for entry, content in files:
            assert await read_all(rig, entry) == content.read(0, content.size)
            fault.skip = 0
        asked = Counter(rig.operations())
        assert asked["GetObject"] == 5
        assert asked["GetPartialObject"] <= passed + 4
        assert trio.current_time() == 0


async def test_a_refusal_that_passes_costs_nothing_more(autojump_clock: MockClock) -> None:
    async with rigged(listening=False) as rig:
        [(entry, content)] = await numbered(rig, 1, 3 * PIECE + 5)
        rig.fail(FaultKind.REFUSE, Operation.GetPartialObject, skip=1, code=ResponseCode.GeneralError)
        assert await rig.camera.read(entry, 0, content.size) == content.read(0, content.size)
        assert rig.operations() == ["GetPartialObject"] * 5


async def test_parts_are_read_again_after_everything_was_listed_again(autojump_clock: MockClock) -> None:
    async with rigged(operations="-95C1", listening=False) as rig:
        files = await numbered(rig, 3, 5000)
        rig.fail(FaultKind.REFUSE, Operation.GetPartialObject, times=None, code=ResponseCode.AccessDenied)
        for entry, content in files:
            assert await read_all(rig, entry) == content.read(0, content.size)
        rig.body.faults.clear()
        await rig.camera.refresh()
        rig.operations()
        for entry, content in files:
            assert await read_all(rig, entry) == content.read(0, content.size)
        assert rig.count(Operation.GetPartialObject) == 3
        assert rig.count(Operation.GetObject) == 0


@pytest.mark.parametrize("code", [0x2008, 0x2009, 0x2013, 0x2019])
async def test_an_object_that_is_not_there_is_not_asked_for_in_other_ways(code: int, autojump_clock: MockClock) -> None:
    async with rigged(listening=False) as rig:
        [(entry, content)] = await numbered(rig, 1, 5000)
        fault = rig.fail(FaultKind.REFUSE, Operation.GetPartialObject, times=None, code=code)
        with pytest.raises((errors.NotFound, errors.StoreUnavailable, errors.Busy)):
            await rig.camera.read(entry, 0, 5000)
        assert set(rig.operations()) == {"GetPartialObject"}
        rig.body.faults.remove(fault)
        assert await rig.camera.read(entry, 0, 5000) == content.read(0, 5000)
        assert rig.operations() == ["GetPartialObject"]


async def test_what_is_refused_in_both_ways_is_an_error(autojump_clock: MockClock) -> None:
    async with rigged(operations="-95C1", listening=False) as rig:
        [(entry, _)] = await numbered(rig, 1, 5000)
        for operation in (Operation.GetPartialObject, Operation.GetObject):
            rig.fail(FaultKind.REFUSE, operation, times=None, code=ResponseCode.AccessDenied)
        with pytest.raises(errors.AccessDenied):
            await rig.camera.read(entry, 0, 5000)


async def test_bytes_before_a_refusal_are_not_believed(autojump_clock: MockClock) -> None:
    """A camera whose card cannot be read there sends what it likes, then IncompleteTransfer, and will do so in GetObject, too."""

    async def pads(state: CameraState, call: Call) -> Answer:
        return Answer(bytes(call.parameters[2]), code=ResponseCode.IncompleteTransfer)

    async with rigged(listening=False) as rig:
        [(entry, content)] = await numbered(rig, 1, 5000)
        with rig.body.override(Operation.GetPartialObject, pads), pytest.raises(errors.Refused):
            await rig.camera.read(entry, 0, 5000)
        assert rig.operations() == ["GetPartialObject"] * 2
        assert await rig.camera.read(entry, 0, 5000) == content.read(0, 5000)


# ---------------------------------------------------------------------- silent


async def test_a_part_that_never_comes_is_had_by_receiving_the_whole(autojump_clock: MockClock) -> None:
    """The camera is given its time twice, and no more, however many objects are read."""
    async with rigged(operations="-95C1", listening=False) as rig:
        rig.body.quirks.partial_reads = PartialReads.SILENT_INSIDE
        for number, (entry, content) in enumerate(await numbered(rig, 6, 2 * PIECE + 5)):
            began = trio.current_time()
            assert await read_all(rig, entry) == content.read(0, content.size)
            assert trio.current_time() - began < (12 if number < 2 else 0.1)
        assert rig.count(Operation.GetObject) == 6
        assert trio.current_time() < 24


async def test_readers_who_wait_need_not_each_find_out(autojump_clock: MockClock) -> None:
    async with rigged(operations="-95C1", listening=False) as rig:
        rig.body.quirks.partial_reads = PartialReads.SILENT_INSIDE
        [(entry, content)] = await numbered(rig, 1, 8 * PIECE)

        async def reader(offset: int) -> None:
            assert await rig.camera.read(entry, offset, 1000) == content.read(offset, 1000)

        async with trio.open_nursery() as nursery:
            for offset in range(1, 8):
                nursery.start_soon(reader, offset * PIECE)
        assert trio.current_time() < 12


async def test_one_silence_that_passes_is_no_reason_to_receive_all_else_whole(autojump_clock: MockClock) -> None:
    async with rigged(operations="-95C1", listening=False) as rig:
        files = await numbered(rig, 3, 5000)
        rig.fail(FaultKind.NO_ANSWER, Operation.GetPartialObject)
        for entry, content in files:
            assert await read_all(rig, entry) == content.read(0, content.size)
        assert rig.count(Operation.GetPartialObject) == 3
        assert rig.count(Operation.GetObject) == 1


async def test_a_silence_that_costs_the_session_is_not_risked_again(autojump_clock: MockClock) -> None:
    async with rigged(operations="-95C1", listening=False) as rig:
        [(entry, content), (other, _)] = await numbered(rig, 2, 5000)
        rig.body.quirks.busy_after_cancel = 1000
        rig.fail(FaultKind.STOP, Operation.GetPartialObject, times=None)
        assert await rig.camera.read(entry, 0, 5000) == content.read(0, 5000)
        assert rig.camera.epoch == 1
        assert await rig.camera.read(other, 0, 5000) == content.read(0, 5000)
        assert rig.count(Operation.GetPartialObject) == 1


@pytest.mark.parametrize("at", [13, 100, 511, 512, 2000])
async def test_what_has_come_before_the_silence_is_given_out(at: int, autojump_clock: MockClock) -> None:
    async with rigged(operations="-95C1", listening=False) as rig:
        [(entry, content)] = await numbered(rig, 1, 5000)
        asked: list[int] = []

        async def stops(state: CameraState, call: Call) -> Answer:
            asked.append(call.parameters[1])
            answer = await get_partial_object(state, call)
            return Answer(answer.payload, answer.parameters, fault=Fault(FaultKind.STOP, at=at, times=None))

        rig.body.override(Operation.GetPartialObject, stops)
        if at == 512:
            rig.body.restore(Operation.GetPartialObject)
            rig.fail(FaultKind.STOP, Operation.GetPartialObject, at=at)
        assert await read_all(rig, entry) == content.read(0, 5000)
        assert rig.count(Operation.GetObject) == 1
        assert rig.count(Operation.GetPartialObject) == 1


# ---------------------------------------------------------------------- full packets, and data that end early


async def test_a_camera_that_hangs_where_a_reply_fills_its_last_packet(autojump_clock: MockClock) -> None:
    """It is asked for a byte less, and for that byte then; from the second file on without waiting."""
    async with rigged(operations="-95C1", listening=False) as rig:
        rig.body.quirks.partial_reads = PartialReads.SILENT_AT_FULL_PACKET
        for number, (entry, content) in enumerate(await numbered(rig, 4, FULL_PACKET)):
            began = trio.current_time()
            assert await read_all(rig, entry) == content.read(0, FULL_PACKET)
            assert trio.current_time() - began < (12 if not number else 0.1)
        assert Counter(rig.operations()) == {"GetPartialObject": 9}


@pytest.mark.parametrize("size", [FULL_PACKET - 1, FULL_PACKET + 1, 5000, 3 * PIECE + 500, 500])
async def test_such_a_camera_reads_all_else_as_others(size: int, autojump_clock: MockClock) -> None:
    async with rigged(operations="-95C1", listening=False) as rig:
        rig.body.quirks.partial_reads = PartialReads.SILENT_AT_FULL_PACKET
        for entry, content in await numbered(rig, 2, size):
            assert await read_all(rig, entry) == content.read(0, size)
        assert "GetObject" not in rig.operations()


def ends_early(where: Callable[[int], int], code: int = ResponseCode.OK) -> Handler:
    """Return a handler that announces a part, ends it early and says OK."""

    async def answer(state: CameraState, call: Call) -> Answer:
        whole = await get_partial_object(state, call)
        length = whole.parameters[0]
        sent = where(length)
        return Answer(whole.payload, fault=Fault(FaultKind.CUT, at=12 + sent, code=code) if sent < length else None)

    return answer


@pytest.mark.parametrize(
    "where",
    [
        lambda length: (12 + length) // 512 * 512 - 12,  # at a full packet
        lambda length: length - 1,
        lambda length: length // 2,
        lambda length: min(length, 1000),
    ],
)
async def test_data_that_end_early_are_gone_on_from(where: Callable[[int], int], autojump_clock: MockClock) -> None:
    async with rigged(operations="-95C1", listening=False) as rig:
        [(entry, content)] = await numbered(rig, 1, 300_000 + 5)
        rig.body.override(Operation.GetPartialObject, ends_early(where))
        assert await read_all(rig, entry) == content.read(0, content.size)
        assert trio.current_time() == 0


@pytest.mark.parametrize("times", [1, 2])
async def test_data_of_which_some_are_lost_are_not_believed(times: int, autojump_clock: MockClock) -> None:
    """The response counts more bytes than came: those that are missing may lie amid the others."""
    async with rigged(operations="-95C1", listening=False) as rig:
        [(entry, content)] = await numbered(rig, 1, 5000)
        rig.fail(
            FaultKind.CUT,
            Operation.GetPartialObject,
            times=times,
            at=12 + 1000,
            code=ResponseCode.OK,
            parameters=(5000,),
        )
        if times > 1:
            with pytest.raises(errors.TransferCut):
                await rig.camera.read(entry, 0, 5000)
        assert await rig.camera.read(entry, 0, 5000) == content.read(0, 5000)


async def test_a_camera_that_sends_nothing_of_what_it_announces(autojump_clock: MockClock) -> None:
    async with rigged(operations="-95C1", listening=False) as rig:
        [(entry, content)] = await numbered(rig, 1, 5000)
        rig.body.override(Operation.GetPartialObject, ends_early(lambda _: 0))
        assert await read_all(rig, entry) == content.read(0, content.size)
        assert rig.count(Operation.GetObject) == 1


async def test_data_that_end_early_with_a_refusal_are_not_believed(autojump_clock: MockClock) -> None:
    async with rigged(operations="-95C1", listening=False) as rig:
        [(entry, content)] = await numbered(rig, 1, 5000)
        rig.body.override(Operation.GetPartialObject, ends_early(lambda _: 1000, ResponseCode.IncompleteTransfer))
        with pytest.raises(errors.Refused):
            await rig.camera.read(entry, 0, 5000)
        rig.body.restore(Operation.GetPartialObject)
        assert await read_all(rig, entry) == content.read(0, content.size)


@pytest.mark.parametrize("kind", [FaultKind.GARBAGE, FaultKind.ABORT, FaultKind.STALL, FaultKind.BAD_DATASET])
@pytest.mark.parametrize("times", [1, None])
async def test_what_upsets_the_wire_is_tried_once_more(
    kind: FaultKind, times: int | None, autojump_clock: MockClock
) -> None:
    async with rigged(operations="-95C1", listening=False) as rig:
        add(rig, "A.JPG", b"12345")
        entry = await rig.entry("A.JPG")
        about: dict[str, Any] = {"data": bytes(6)} if kind is FaultKind.BAD_DATASET else {"at": 12}
        rig.fail(kind, Operation.GetPartialObject, times=times, **about)
        if times == 1 or kind is FaultKind.STALL:
            assert await rig.camera.read(entry, 0, 5) == b"12345"
        else:
            with pytest.raises((errors.TransportError, errors.RemoteProtocolError)):
                await rig.camera.read(entry, 0, 5)
        assert "GetObject" not in rig.operations()

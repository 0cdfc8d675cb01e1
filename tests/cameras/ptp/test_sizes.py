"""Sizes: which are believed, what it costs to find out the others, and that none is too small in the end."""

import os
import tempfile
from collections import Counter
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.cameras.api import Entry
from camfs.cameras.ptp import sizes
from camfs.protocols.ptp.codes import DataType, MakerOperation, ObjectFormat, Operation, ResponseCode
from camfs.virtual.ptp.calls import Answer, Call
from camfs.virtual.ptp.faults import ClaimedSizes, Fault, FaultKind, PastEnd
from camfs.virtual.ptp.state import CameraState
from tests.cameras.rig import Rig, add, add_counting, rigged
from tests.zeros import Zeros

GIB = 1 << 30
ALL_ONES = 4 * GIB - 1
WITHOUT_PROPERTIES = "-9803,-9805"
NOT_STILL = ["A.MOV", "A.MP4", "A.WAV", "A.TXT", "A.BIN"]


def said(entry: Entry) -> tuple[int, bool]:
    return entry.size, entry.size_is_exact


# ---------------------------------------------------------------------- what is believed


@pytest.mark.parametrize("size", [0, 1, ALL_ONES - 1, ALL_ONES, 4 * GIB, 5 * GIB, 1 << 40])
@pytest.mark.parametrize("operations", ["", "-9803", "-9805", WITHOUT_PROPERTIES])
async def test_sizes_of_movies(size: int, operations: str, autojump_clock: MockClock) -> None:
    async with rigged(operations=operations) as rig:
        add(rig, "A.MOV", Zeros(size))
        add(rig, "B.MOV", Zeros(size))
        for entry in await rig.entries():
            if operations == WITHOUT_PROPERTIES:
                assert said(entry) == (min(size, ALL_ONES), False)
            else:
                assert said(entry) == (size, size != ALL_ONES)


@pytest.mark.parametrize("size", [0, 1, ALL_ONES - 1, 4 * GIB])
async def test_sizes_of_still_pictures(size: int, autojump_clock: MockClock) -> None:
    async with rigged(operations=WITHOUT_PROPERTIES) as rig:
        add(rig, "A.JPG", Zeros(size))
        assert said(await rig.entry("A.JPG")) == (min(size, ALL_ONES), 0 < size < ALL_ONES)


@pytest.mark.parametrize(
    ("name", "object_format", "is_still"),
    [
        ("A.JPG", None, True),
        ("A.DNG", None, True),
        ("A.NEF", 0xB101, True),
        ("A.CR2", 0xB103, True),
        ("A.CR3", 0xB108, True),
        ("A.ORF", ObjectFormat.Undefined, True),
        ("A.x3f", ObjectFormat.Undefined, True),
        ("A.MOV", 0xB104, False),
        ("A", 0xB105, False),
        ("A.MP4", 0xB982, False),
        ("A.MP4", ObjectFormat.EXIF_JPEG, False),
        ("A.CRM", ObjectFormat.Undefined, False),
        ("A.BIN", ObjectFormat.Undefined, False),
        ("JPG", ObjectFormat.Undefined, False),
        ("A.TXT", None, False),
    ],
)
async def test_which_objects_are_still_pictures(
    name: str, object_format: int | None, is_still: bool, autojump_clock: MockClock
) -> None:
    async with rigged(operations=WITHOUT_PROPERTIES) as rig:
        add(rig, name, b"12345", object_format=object_format)
        assert said(await rig.entry(name)) == (5, is_still)


@pytest.mark.parametrize("count", [1, 8])
@pytest.mark.parametrize("operations", ["", "-9805", "-9803", WITHOUT_PROPERTIES])
async def test_still_pictures_cost_no_more(count: int, operations: str, autojump_clock: MockClock) -> None:
    async with rigged(operations=operations, listening=False) as rig:
        for number in range(count):
            add(rig, f"{number}.JPG", b"12345")
        rig.operations()
        for entry in await rig.entries():
            assert await rig.camera.measure(entry, reading=True) is entry
        by_list = "9805" not in operations and count > 5
        assert Counter(rig.operations()) == {
            "GetObjectHandles": 1,
            **({"GetObjectPropList": 5} if by_list else {"GetObjectInfo": count}),
        }


@pytest.mark.parametrize("operations", ["", "-9805"])
async def test_each_other_object_costs_one_transaction(operations: str, autojump_clock: MockClock) -> None:
    async with rigged(operations=operations, listening=False) as rig:
        for name in NOT_STILL:
            add(rig, name, b"" if name == "A.TXT" else b"12345")
        rig.operations()
        entries = await rig.entries()
        assert all(entry.size_is_exact for entry in entries)
        assert Counter(rig.operations()) == {"GetObjectHandles": 1, "GetObjectInfo": 5, "GetObjectPropValue": 5}
        for entry in entries:
            await rig.camera.describe(entry.key, None)
        assert set(rig.operations()) == {"GetObjectInfo"}


@pytest.mark.parametrize("claim", list(ClaimedSizes))
@pytest.mark.parametrize("count", [1, 8])
@pytest.mark.parametrize("operations", ["", "-9805", "-9803"])
async def test_64_bits_correct_what_object_info_says(
    claim: ClaimedSizes, count: int, operations: str, autojump_clock: MockClock
) -> None:
    """The same answer whatever the number of files in the folder."""
    async with rigged(operations=operations) as rig:
        rig.body.quirks.claimed_sizes = claim
        for number in range(count):
            add(rig, f"{number}.MP4", Zeros(5 * GIB + 123))
        assert {said(entry) for entry in await rig.entries()} == {(5 * GIB + 123, True)}


@pytest.mark.parametrize("count", [1, 8])
@pytest.mark.parametrize("size_type", [DataType.UINT32, DataType.UINT16, DataType.UINT8])
@pytest.mark.parametrize("claim", [ClaimedSizes.ZERO, ClaimedSizes.MODULO, ClaimedSizes.ONES])
async def test_a_size_is_judged_by_the_type_it_comes_in(
    size_type: DataType, count: int, claim: ClaimedSizes, autojump_clock: MockClock
) -> None:
    async with rigged() as rig:
        rig.body.quirks.size_type, rig.body.quirks.claimed_sizes = size_type, claim
        for number in range(count):
            add(rig, f"{number}.MP4", Zeros(5 * GIB + 123))
        for entry in await rig.entries():
            assert not entry.size_is_exact


@pytest.mark.parametrize("count", [1, 8])
@pytest.mark.parametrize("size_type", [DataType.UINT32, DataType.UINT16])
async def test_still_pictures_in_a_list_of_32_bits(size_type: DataType, count: int, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.body.quirks.size_type = size_type
        for number in range(count):
            add(rig, f"{number}.JPG", Zeros(100_000))
        assert {said(entry) for entry in await rig.entries()} == {(100_000, True)}
        assert "GetObjectPropValue" not in rig.operations()


@pytest.mark.parametrize("claimed", [1 << 63, (1 << 64) - 1])
@pytest.mark.parametrize("operations", ["", "-9803", "-9805"])
async def test_sizes_that_no_file_can_have(claimed: int, operations: str, autojump_clock: MockClock) -> None:
    async with rigged(operations=operations) as rig:
        for name in ("A.MOV", "B.MOV"):
            add(rig, name, claimed_size=claimed)
        for entry in await rig.entries():
            assert 0 <= entry.size < 1 << 63
            assert not entry.size_is_exact


# ---------------------------------------------------------------------- asking in vain


@pytest.mark.parametrize("operation", [Operation.GetObjectPropValue, Operation.GetObjectPropList])
@pytest.mark.parametrize(
    ("kind", "about"),
    [
        (FaultKind.REFUSE, {"code": ResponseCode.OperationNotSupported}),
        (FaultKind.REFUSE, {"code": ResponseCode.ObjectPropNotSupported}),
        (FaultKind.REFUSE, {"code": ResponseCode.GeneralError}),
        (FaultKind.REFUSE, {"code": ResponseCode.DeviceBusy}),
        (FaultKind.BAD_DATASET, {"data": b"\1\2\3"}),
        (FaultKind.BAD_DATASET, {"data": bytes(4)}),
        (FaultKind.GARBAGE, {}),
        (FaultKind.NO_ANSWER, {}),
    ],
)
async def test_a_size_that_cannot_be_had(
    operation: Operation, kind: FaultKind, about: dict[str, Any], autojump_clock: MockClock
) -> None:
    async with rigged(operations="-9805" if operation is Operation.GetObjectPropValue else "-9803") as rig:
        add(rig, "A.MOV", Zeros(5 * GIB))
        rig.fail(kind, operation, times=None, **about)
        assert said(await rig.entry("A.MOV")) == (ALL_ONES, False)


async def test_one_object_that_is_refused_does_not_speak_for_the_others(autojump_clock: MockClock) -> None:
    async with rigged(operations="-9805", listening=False) as rig:
        first = add(rig, "0.MOV")
        for number in range(1, 5):
            add(rig, f"{number}.MOV")
        rig.fail(FaultKind.REFUSE, 0x9803, times=None, parameter=first.handle, code=ResponseCode.GeneralError)
        assert {entry.name: entry.size_is_exact for entry in await rig.entries()} == {
            "0.MOV": False,
            **{f"{number}.MOV": True for number in range(1, 5)},
        }


@pytest.mark.parametrize("code", [ResponseCode.ObjectPropNotSupported, ResponseCode.AccessDenied])
async def test_a_camera_that_refuses_all_is_not_asked_for_ever(code: ResponseCode, autojump_clock: MockClock) -> None:
    async with rigged(operations="-9805", listening=False) as rig:
        for number in range(20):
            add(rig, f"{number}.MOV")
        rig.fail(FaultKind.REFUSE, Operation.GetObjectPropValue, times=None, code=code)
        await rig.entries()
        assert rig.count(Operation.GetObjectPropValue) == sizes.REFUSALS


@pytest.mark.parametrize("maker", ["Nikon Corporation", "NIKON", "SIGMA", "Oracle Inc"])
async def test_nikons_own_way(maker: str, autojump_clock: MockClock) -> None:
    """Another maker's 0x9421 is another operation."""
    async with rigged(operations=WITHOUT_PROPERTIES + ",+9421", maker=maker, listening=False) as rig:
        rig.body.quirks.claimed_sizes = ClaimedSizes.ZERO
        add(rig, "A.MOV", Zeros(5 * GIB))
        add(rig, "A.JPG")
        is_nikon = maker.lower().startswith("nikon")
        assert said(await rig.entry("A.MOV")) == (5 * GIB if is_nikon else 0, is_nikon)
        assert rig.count(MakerOperation.NikonGetObjectSize) == is_nikon


# ---------------------------------------------------------------------- measuring


async def measured(rig: Rig, name: str = "A.MOV") -> Entry:
    """Measure an entry, as who opens its file."""
    return await rig.camera.measure(await rig.entry(name), reading=True)


CLAIMS = [ClaimedSizes.ZERO, ClaimedSizes.ONES, ClaimedSizes.SMALL]


@pytest.mark.parametrize("size", [1, 1000, 3 << 20])
@pytest.mark.parametrize("operations", ["", ",-101B,-95C1"])
@pytest.mark.parametrize("claim", CLAIMS)
async def test_what_get_object_announces_is_the_size(
    claim: ClaimedSizes, operations: str, size: int, autojump_clock: MockClock
) -> None:
    """And the object is received once: by those who then read it."""
    async with rigged(operations=WITHOUT_PROPERTIES + operations, listening=False) as rig:
        rig.body.quirks.claimed_sizes = claim
        content = add_counting(rig, size)
        entry = await measured(rig)
        assert said(entry) == (size, True)
        data = b""
        while piece := await rig.camera.read(entry, len(data), 256 << 10):
            data += piece
        assert data == content.read(0, size)
        assert rig.count(Operation.GetObject) == 1
        assert said(await rig.entry("A.MOV")) == (size, True)
        assert trio.current_time() == 0


async def test_a_size_that_is_right_costs_one_read(autojump_clock: MockClock) -> None:
    async with rigged(operations=WITHOUT_PROPERTIES, listening=False) as rig:
        add_counting(rig, 5000)
        rig.body.quirks.past_end = PastEnd.HANGS
        entry = await rig.entry("A.MOV")
        rig.operations()
        assert said(await rig.camera.measure(entry, reading=True)) == (5000, True)
        assert said(await rig.camera.measure(entry, reading=True)) == (5000, True)
        assert rig.operations() == ["GetPartialObject"]
        assert trio.current_time() == 0


async def test_empty_files_stay_empty_and_cheap(autojump_clock: MockClock) -> None:
    async with rigged(operations=WITHOUT_PROPERTIES, listening=False) as rig:
        add(rig, "A.TXT", b"")
        entry = await rig.entry("A.TXT")
        rig.operations()
        measured = await rig.camera.measure(entry, reading=True)
        assert said(measured) == (0, True)
        assert await rig.camera.read(measured, 0, 100) == b""
        assert said(await rig.entry("A.TXT")) == (0, True)
        assert Counter(rig.operations()) == {"GetPartialObject": 1, "GetObjectHandles": 1, "GetObjectInfo": 1}


@pytest.mark.parametrize("code", [0x2002, 0x2005, 0x2006, 0x200F, 0x201D])
@pytest.mark.parametrize("size", [0, 5000])
@pytest.mark.parametrize("claim", [ClaimedSizes.TRUE, *CLAIMS])
async def test_where_reads_of_parts_are_refused(
    claim: ClaimedSizes, size: int, code: int, autojump_clock: MockClock
) -> None:
    async with rigged(operations=WITHOUT_PROPERTIES) as rig:
        rig.body.quirks.claimed_sizes = claim
        content = add_counting(rig, size)
        for operation in (Operation.GetPartialObject, Operation.GetPartialObject64):
            rig.fail(FaultKind.REFUSE, operation, times=None, code=code)
        entry = await measured(rig)
        assert said(entry) == (size, True)
        assert await rig.camera.read(entry, 0, size + 1) == content.read(0, size)


async def test_a_camera_that_refuses_what_crosses_the_end(autojump_clock: MockClock) -> None:
    """It knows the end, which so is where it says."""
    async with rigged(operations=WITHOUT_PROPERTIES) as rig:
        add_counting(rig, 5000)
        rig.body.override(Operation.GetPartialObject, within)
        assert said(await measured(rig)) == (5000, True)
        assert "GetObject" not in rig.operations()


async def within(state: CameraState, call: Call) -> Answer:
    """Read parts that lie within an object only."""
    handle, offset, size, *_ = call.parameters
    content = state.file(handle).content
    if offset + size > content.size:
        return Answer(code=ResponseCode.InvalidParameter)
    return Answer(content.read(offset, size))


@pytest.mark.parametrize("claim", [ClaimedSizes.TRUE, *CLAIMS])
async def test_a_camera_that_hangs_where_reads_cross_the_end_is_not_asked_again(
    claim: ClaimedSizes, autojump_clock: MockClock
) -> None:
    async def hangs(state: CameraState, call: Call) -> Answer:
        answer = await within(state, call)
        return answer if answer.code == ResponseCode.OK else Answer(silent=True)

    async with rigged(operations=WITHOUT_PROPERTIES, listening=False) as rig:
        rig.body.quirks.claimed_sizes = claim
        contents = {name: add_counting(rig, 5000, name) for name in ("A.MOV", "B.MOV")}
        rig.body.override(Operation.GetPartialObject, hangs)
        for name, content in contents.items():
            entry = await measured(rig, name)
            assert said(entry) == (5000, True)
            assert await rig.camera.read(entry, 0, 9000) == content.read(0, 5000)
        assert trio.current_time() < 15


async def test_an_empty_file_that_is_refused_in_every_way(autojump_clock: MockClock) -> None:
    async with rigged(operations=WITHOUT_PROPERTIES) as rig:
        add(rig, "A.TXT", b"")
        for operation in (Operation.GetPartialObject, Operation.GetObject):
            rig.fail(FaultKind.REFUSE, operation, times=None, code=ResponseCode.InvalidParameter)
        assert said(await measured(rig, "A.TXT")) == (0, True)


@pytest.mark.parametrize(
    ("kind", "about"),
    [
        (FaultKind.NO_ANSWER, {}),
        (FaultKind.REFUSE, {"code": ResponseCode.AccessDenied}),
        (FaultKind.REFUSE, {"code": ResponseCode.InvalidObjectHandle}),
        (FaultKind.REFUSE, {"code": ResponseCode.StoreNotAvailable}),
        (FaultKind.REFUSE, {"code": ResponseCode.DeviceBusy}),
    ],
)
async def test_what_cannot_be_measured_is_an_error_and_never_empty(
    kind: FaultKind, about: dict[str, Any], autojump_clock: MockClock
) -> None:
    async with rigged(operations=WITHOUT_PROPERTIES) as rig:
        add(rig, "A.TXT", b"")
        entry = await rig.entry("A.TXT")
        for operation in (Operation.GetPartialObject, Operation.GetObject):
            rig.fail(kind, operation, times=None, **about)
        with pytest.raises(errors.CameraError):
            await rig.camera.measure(entry, reading=True)


@pytest.mark.parametrize("code", [ResponseCode.OK, ResponseCode.GeneralError, ResponseCode.IncompleteTransfer])
@pytest.mark.parametrize("at", [12, 13, 1000])
async def test_a_transfer_that_ends_at_once_does_not_make_a_file_empty(
    at: int, code: ResponseCode, autojump_clock: MockClock
) -> None:
    """Header, data and response come in one read, so that all is over before anybody has looked at what was announced."""
    async with rigged(operations=WITHOUT_PROPERTIES + ",-101B,-95C1", listening=False) as rig:
        rig.body.quirks.claimed_sizes = ClaimedSizes.ZERO
        content = add_counting(rig, 5000)
        rig.fail(FaultKind.CUT, Operation.GetObject, at=at, code=code)
        with pytest.raises(errors.CameraError):
            await rig.camera.read(await measured(rig), 0, 5000)
        await rig.camera.refresh()
        entry = await measured(rig)
        assert said(entry) == (5000, True)
        assert await rig.camera.read(entry, 0, 5000) == content.read(0, 5000)


async def test_a_computer_without_room_does_not_make_a_file_empty(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    async with rigged(operations=WITHOUT_PROPERTIES + ",-101B,-95C1", listening=False) as rig:
        rig.body.quirks.claimed_sizes = ClaimedSizes.ZERO
        add_counting(rig, 5000)
        for place, name in ((os, "pwrite"), (tempfile, "TemporaryFile")):
            with monkeypatch.context() as patch:
                patch.setattr(place, name, full)
                with pytest.raises(errors.CameraError):
                    await rig.camera.read(await measured(rig), 0, 5000)
        assert said(await measured(rig)) == (5000, True)


@pytest.mark.parametrize("looks", [False, True])
@pytest.mark.parametrize("tells_length", [False, True])
@pytest.mark.parametrize(
    ("claim", "sent"), [(ClaimedSizes.SMALL, 2500), (ClaimedSizes.SMALL, 100), (ClaimedSizes.ZERO, 0)]
)
async def test_a_camera_that_contradicts_itself(
    claim: ClaimedSizes, sent: int, tells_length: bool, looks: bool, autojump_clock: MockClock
) -> None:
    """It sends so much of the object, and more of it has been read in parts. That stays an error however often it is tried."""

    async def less(state: CameraState, call: Call) -> Answer:
        return Answer(state.file(call.parameters[0]).content.read(0, sent), tells_length=tells_length)

    async with rigged(operations=WITHOUT_PROPERTIES, listening=False) as rig:
        rig.body.quirks.claimed_sizes = claim
        add_counting(rig, 5000)
        rig.body.override(Operation.GetObject, less)
        for _ in range(3):
            if looks:
                await looked_at(rig, "A.MOV")
            with pytest.raises(errors.RemoteProtocolError):
                await measured(rig)
            await wait_all_tasks_blocked()
            assert not (await rig.entry("A.MOV")).size_is_exact


@pytest.mark.parametrize("parts", [True, False])
async def test_a_camera_that_announces_too_little(parts: bool, autojump_clock: MockClock) -> None:
    """As one does that counts modulo 4 GiB: nobody is told that what was announced is all."""
    size = 40 << 20

    async def announces_less(state: CameraState, call: Call) -> Answer:
        fault = Fault(FaultKind.STOP, at=12 + size - (1 << 20), times=None)
        return Answer(state.file(call.parameters[0]).content.read(0, size - (1 << 20)), fault=fault)

    operations = WITHOUT_PROPERTIES + ("" if parts else ",-101B,-95C1")
    async with rigged(operations=operations, listening=False) as rig:
        rig.body.quirks.claimed_sizes = ClaimedSizes.ZERO
        content = add_counting(rig, size)
        rig.body.override(Operation.GetObject, announces_less)

        async def copy(*places: int) -> None:
            for offset in (*places, *range(1 << 20, entry.size, 1 << 20)):
                assert await rig.camera.read(entry, offset, 1 << 20) == content.read(offset, 1 << 20)

        for places in ([0], [0, 35 << 20]):
            entry = await measured(rig)
            assert said(entry) == (size - (1 << 20), True)
            with pytest.raises(errors.CameraError):  # at the last bytes, or behind a place far from the beginning
                await copy(*places)
            await rig.camera.release(entry)


async def test_an_announced_size_is_verified_when_the_transfer_is_stopped(autojump_clock: MockClock) -> None:
    async with rigged(operations=WITHOUT_PROPERTIES, bandwidth="20000000", listening=False) as rig:
        rig.body.quirks.claimed_sizes = ClaimedSizes.ZERO
        size = 100 << 20
        content = add_counting(rig, size)
        entry = await measured(rig)
        rig.operations()
        for offset in (0, 50 << 20, size - 100, 90 << 20, 60 << 20):
            assert await rig.camera.read(entry, offset, 100) == content.read(offset, 100)
        reads = [(each.operation, each.parameters[1:]) for each in rig.body.trace.records]
        assert reads.count(("GetPartialObject", (size - 1, 2))) == 1


async def test_nonsense_in_a_transfer_is_measured_anew_once(autojump_clock: MockClock) -> None:
    async with rigged(operations=WITHOUT_PROPERTIES + ",-101B,-95C1", bandwidth="1000000", listening=False) as rig:
        rig.body.quirks.claimed_sizes = ClaimedSizes.ZERO
        content = add_counting(rig, 3 << 20)
        for times in (1, 2):
            rig.fail(FaultKind.CUT, Operation.GetObject, times=times, at=1 << 20, code=ResponseCode.OK)
            for _ in range(times):
                with pytest.raises(errors.CameraError):
                    await rig.camera.read(await measured(rig), 0, 3 << 20)
            if times == 1:
                entry = await measured(rig)
                assert await rig.camera.read(entry, 0, 3 << 20) == content.read(0, 3 << 20)
                await rig.camera.refresh()
        with pytest.raises(errors.RemoteProtocolError):
            await measured(rig)
        await rig.camera.refresh()
        entry = await measured(rig)
        assert await rig.camera.read(entry, 0, 3 << 20) == content.read(0, 3 << 20)


# ---------------------------------------------------------------------- looking at what is said to be empty


async def looked_at(rig: Rig, name: str) -> Entry:
    """Look at an entry, as stat(2) does."""
    return await rig.camera.measure(await rig.entry(name), reading=False)


async def test_an_empty_file_is_looked_at_once(autojump_clock: MockClock) -> None:
    async with rigged(operations=WITHOUT_PROPERTIES, listening=False) as rig:
        add(rig, "A.TXT", b"")
        for _ in range(3):
            assert said(await looked_at(rig, "A.TXT")) == (0, True)
        assert said(await measured(rig, "A.TXT")) == (0, True)
        assert rig.count(Operation.GetPartialObject) == 1
        assert rig.count(Operation.GetObject) == 0


async def test_what_is_not_empty_is_shown_as_of_unknown_size_until_it_is_measured(autojump_clock: MockClock) -> None:
    async with rigged(operations=WITHOUT_PROPERTIES, listening=False) as rig:
        rig.body.quirks.claimed_sizes = ClaimedSizes.ZERO
        add_counting(rig, 5000)
        for _ in range(3):
            assert said(await looked_at(rig, "A.MOV")) == (ALL_ONES, False)
        assert said(await rig.entry("A.MOV")) == (ALL_ONES, False)
        assert rig.count(Operation.GetPartialObject) == 1
        assert rig.count(Operation.GetObject) == 0
        assert said(await measured(rig)) == (5000, True)
        assert rig.count(Operation.GetPartialObject) == 1


@pytest.mark.parametrize("claim", [ClaimedSizes.TRUE, ClaimedSizes.SMALL, ClaimedSizes.ONES])
async def test_other_sizes_are_not_looked_at(claim: ClaimedSizes, autojump_clock: MockClock) -> None:
    async with rigged(operations=WITHOUT_PROPERTIES, listening=False) as rig:
        rig.body.quirks.claimed_sizes = claim
        add_counting(rig, 5000)
        entry = await rig.entry("A.MOV")
        rig.operations()
        assert await rig.camera.measure(entry, reading=False) == entry
        assert rig.operations() == []


@pytest.mark.parametrize("code", [0x2002, 0x2005, 0x200F])
async def test_where_looking_is_refused(code: int, autojump_clock: MockClock) -> None:
    async with rigged(operations=WITHOUT_PROPERTIES + ",-95C1", listening=False) as rig:
        add(rig, "A.TXT", b"")
        rig.fail(FaultKind.REFUSE, Operation.GetPartialObject, times=None, code=code)
        for _ in range(3):
            assert said(await looked_at(rig, "A.TXT")) == (0, False)
        assert rig.count(Operation.GetPartialObject) == 1


# ---------------------------------------------------------------------- of unknown size


@pytest.mark.parametrize("size", [0, 1, 499, 500, 501, 1000, 1 << 20, (3 << 20) + 5])
@pytest.mark.parametrize("claim", CLAIMS)
async def test_a_length_that_is_not_announced_is_learnt_where_the_object_ends_soon(
    claim: ClaimedSizes, size: int, autojump_clock: MockClock
) -> None:
    async with rigged(operations=WITHOUT_PROPERTIES + ",-101B,-95C1") as rig:
        rig.body.quirks.claimed_sizes, rig.body.quirks.tells_lengths = claim, False
        content = add_counting(rig, size)
        entry = await measured(rig)
        assert said(entry) == (size, True)
        assert await rig.camera.read(entry, 0, size + 1) == content.read(0, size)


@pytest.mark.parametrize("operations", ["", ",-101B,-95C1"])
async def test_else_it_is_bounded_by_what_the_store_holds_and_read_to_its_end(
    operations: str, autojump_clock: MockClock
) -> None:
    async with rigged(operations=WITHOUT_PROPERTIES + operations, bandwidth="100000", listening=False) as rig:
        rig.body.quirks.claimed_sizes, rig.body.quirks.tells_lengths = ClaimedSizes.ZERO, False
        size = 3 << 20
        content = add_counting(rig, size)
        await rig.entries(None)
        rig.body.card.disk, rig.body.card.capacity = None, 64_000_000_000
        entry = await measured(rig)
        assert (entry.size, entry.size_is_exact, entry.size_is_bound) == (64_000_000_000, False, True)
        assert await rig.camera.measure(entry, reading=True) is entry
        data = b""
        while piece := await rig.camera.read(entry, len(data), 1 << 20):
            data += piece
        assert data == content.read(0, size)
        assert rig.count(Operation.GetObject) == 1
        assert said(await rig.entry("A.MOV")) == (size, True)
        await trio.sleep(1)
        assert any(getattr(change, "key", None) == entry.key for change in rig.changes())


@pytest.mark.parametrize("capacity", [0, 0xFFFFFFFF, (1 << 64) - 1])
async def test_a_store_that_does_not_tell_its_size_bounds_nothing(capacity: int, autojump_clock: MockClock) -> None:
    async with rigged(operations=WITHOUT_PROPERTIES, bandwidth="100000") as rig:
        rig.body.quirks.claimed_sizes, rig.body.quirks.tells_lengths = ClaimedSizes.ZERO, False
        add_counting(rig, 3 << 20)
        rig.body.card.disk, rig.body.card.capacity = None, capacity
        entry = await measured(rig)
        assert (entry.size, entry.size_is_bound) == (sizes.UNBOUNDED, True)


async def test_a_measured_object_that_nobody_reads_is_not_received_to_its_end(autojump_clock: MockClock) -> None:
    async with rigged(operations=WITHOUT_PROPERTIES, bandwidth="1000000", listening=False) as rig:
        rig.body.quirks.claimed_sizes = ClaimedSizes.ZERO
        add_counting(rig, 100 << 20)
        entry = await measured(rig)
        await rig.camera.release(entry)
        await rig.entries()
        assert trio.current_time() < 5


async def test_a_changed_object_is_measured_anew(autojump_clock: MockClock) -> None:
    async with rigged(operations=WITHOUT_PROPERTIES) as rig:
        file = add(rig, "A.MOV", b"12345")
        assert said(await measured(rig)) == (5, True)
        file.content = Zeros(7)
        rig.camera._objects.drop(file.handle)
        assert said(await rig.entry("A.MOV")) == (7, False)
        assert said(await measured(rig)) == (7, True)

"""Reading objects: in parts, whole where there is nothing else, beyond 4 GiB, and where the camera's sizes are wrong."""

import contextlib
import os
import tempfile
import tracemalloc
from dataclasses import replace
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs import errors
from camfs.cameras.api import Entry, EntryChanged
from camfs.cameras.ptp import downloads as whole
from camfs.cameras.ptp.driver import PIECE, ObjectKey
from camfs.protocols.ptp.codes import EventCode, Operation, ResponseCode
from camfs.virtual.pictures.contents import Zeros
from camfs.virtual.ptp.faults import FaultKind, PastEnd
from camfs.virtual.ptp.operations import get_object
from tests.cameras.rig import Counting, Rig, rigged

GIB = 1 << 30
WHOLE_ONLY = "-GetPartialObject,-GetPartialObject64"


def add(rig: Rig, size: int, name: str = "A.MOV", **about: Any) -> Counting:
    content = Counting(size)
    file = rig.body.card.add_file("", name, content)
    for attribute, value in about.items():
        setattr(file, attribute, value)
    return content


# ---------------------------------------------------------------------- in parts


@pytest.mark.parametrize("packet", ["64", "512", "1024"])
@pytest.mark.parametrize(
    "size",
    [0, 1, 511, 512, 513, 1024 - 12, 512 - 12, 512 - 13, 512 - 11, (1 << 20) - 12, 1 << 20, (1 << 20) + 1, 3 << 20],
)
async def test_whole_files(size: int, packet: str, autojump_clock: MockClock) -> None:
    async with rigged(packet=packet) as rig:
        content = add(rig, size)
        entry = await rig.entry("A.MOV")
        rig.operations()
        assert await rig.camera.read(entry, 0, size + 10) == content.read(0, size)
        assert rig.operations() == ["GetPartialObject"] * -(-size // PIECE)


@pytest.mark.parametrize(
    "quirk", ["split_header", "joined_response", "zero_data_header", "consecutive_ids", "zero_close_response"]
)
@pytest.mark.parametrize("size", [100, 512 - 12, 1024, (1 << 20) - 12, (1 << 20) + 5])
async def test_cameras_that_frame_otherwise(quirk: str, size: int, autojump_clock: MockClock) -> None:
    async with rigged(quirks=[quirk]) as rig:
        content = add(rig, size)
        entry = await rig.entry("A.MOV")
        for _ in range(3):
            assert await rig.camera.read(entry, 0, size) == content.read(0, size)
        assert rig.camera.epoch == 0


@pytest.mark.parametrize("surplus", [1, 11])
@pytest.mark.parametrize("size", [100, 512 - 12, 1024])
async def test_nonsense_behind_the_data(surplus: int, size: int, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.body.quirks.surplus = surplus
        content = add(rig, size)
        entry = await rig.entry("A.MOV")
        assert await rig.camera.read(entry, 0, size) == content.read(0, size)
        assert trio.current_time() == 0


@pytest.mark.parametrize("size", [512 - 12, 1024 - 12, (1 << 20) - 12])
async def test_without_zero_length_packets(size: int, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.body.quirks.zero_length_packets = False
        content = add(rig, size)
        entry = await rig.entry("A.MOV")
        for _ in range(3):
            assert await rig.camera.read(entry, 0, size) == content.read(0, size)
        assert trio.current_time() == 0


@pytest.mark.parametrize(("offset", "size"), [(0, 1), (1, 1), (999, 1), (500, 400), (990, 100), (1000, 5), (2000, 5)])
async def test_parts(offset: int, size: int, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        content = add(rig, 1000)
        rig.body.quirks.past_end = PastEnd.HANGS  # what is asked must lie within the object
        entry = await rig.entry("A.MOV")
        assert await rig.camera.read(entry, offset, size) == content.read(offset, size)
        assert trio.current_time() == 0


@pytest.mark.parametrize("most", [1, 100, 65536])
async def test_short_answers_are_gone_on_from(most: int, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        rig.body.quirks.max_partial = most
        size = 30 * most + 7
        content = add(rig, size)
        entry = await rig.entry("A.MOV")
        assert await rig.camera.read(entry, 3, size) == content.read(3, size)
        assert rig.count(Operation.GetPartialObject) == -(-(size - 3) // most)


async def test_no_bytes_before_the_end_are_an_end(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        content = add(rig, 1000)
        rig.body.quirks.past_end = PastEnd.EMPTY
        entry = replace(await rig.entry("A.MOV"), size=5000)
        assert await rig.camera.read(entry, 500, 4500) == content.read(500, 500)
        assert await rig.camera.read(entry, 2000, 100) == b""


@pytest.mark.parametrize("past_end", list(PastEnd))
async def test_a_size_that_is_too_large(past_end: PastEnd, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        content = add(rig, 1000, claimed_size=5000)
        rig.body.quirks.past_end = past_end
        entry = await rig.entry("A.MOV")
        assert entry.size == 5000
        assert await rig.camera.read(entry, 0, 1000) == content.read(0, 1000)
        with trio.fail_after(40):
            try:
                assert await rig.camera.read(entry, 2000, 100) == b""
            except errors.CameraError:
                assert past_end is not PastEnd.EMPTY
        assert await rig.camera.read(entry, 0, 1000) == content.read(0, 1000)


async def test_a_size_that_is_too_small(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        content = add(rig, 5000, claimed_size=1000)
        entry = await rig.entry("A.MOV")
        assert await rig.camera.read(entry, 0, 9000) == content.read(0, 1000)


async def test_more_bytes_than_were_asked_for_are_an_error(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        content = add(rig, 5000)
        entry = await rig.entry("A.MOV")
        rig.fail(FaultKind.BAD_DATASET, Operation.GetPartialObject, times=None, data=bytes(101))
        with pytest.raises(errors.RemoteProtocolError):
            await rig.camera.read(entry, 0, 100)
        rig.body.faults.clear()
        assert await rig.camera.read(entry, 0, 100) == content.read(0, 100)


async def test_a_slow_line_needs_no_more_patience(autojump_clock: MockClock) -> None:
    """What counts is a second without a byte, not how long a megabyte takes."""
    async with rigged(bandwidth="150000") as rig:
        content = add(rig, 2 << 20)
        entry = await rig.entry("A.MOV")
        assert await rig.camera.read(entry, 0, 2 << 20) == content.read(0, 2 << 20)
        assert rig.camera.epoch == 0
        assert rig.count(Operation.GetPartialObject) == 2


# ---------------------------------------------------------------------- beyond 4 GiB


EDGES = [0, 4 * GIB - 100, 4 * GIB - 50, 4 * GIB, 4 * GIB + 1, 5 * GIB - 60]


@pytest.mark.parametrize("offset", EDGES)
async def test_beyond_four_gigabytes(offset: int, autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        content = add(rig, 5 * GIB)
        entry = await rig.entry("A.MOV")
        rig.operations()
        assert await rig.camera.read(entry, offset, 100) == content.read(offset, 100)
        assert rig.operations() == ["GetPartialObject" if offset + 100 <= 4 * GIB else "GetPartialObject64"]


@pytest.mark.parametrize("offset", EDGES)
async def test_with_the_large_operation_only(offset: int, autojump_clock: MockClock) -> None:
    async with rigged(operations="-GetPartialObject") as rig:
        content = add(rig, 5 * GIB)
        entry = await rig.entry("A.MOV")
        assert await rig.camera.read(entry, offset, 100) == content.read(offset, 100)


@pytest.mark.parametrize("offset", EDGES)
async def test_without_the_large_operation(offset: int, autojump_clock: MockClock) -> None:
    async with rigged(operations="-GetPartialObject64") as rig:
        content = add(rig, 5 * GIB)
        entry = await rig.entry("A.MOV")
        if offset + 100 <= 4 * GIB:
            assert await rig.camera.read(entry, offset, 100) == content.read(offset, 100)
        else:
            with pytest.raises(errors.TooLarge):
                await rig.camera.read(entry, offset, 100)
        assert "GetObject" not in rig.operations()


async def test_the_end_of_a_file_whose_size_cannot_be_had(autojump_clock: MockClock) -> None:
    async with rigged(operations="-9803,-9805,-GetPartialObject64") as rig:
        content = add(rig, 5 * GIB)
        entry = await rig.entry("A.MOV")
        assert not entry.size_is_exact
        for offset in (0, 1 * GIB, 4 * GIB - 1000):
            assert await rig.camera.read(entry, offset, 100) == content.read(offset, 100)
        for offset in (entry.size - 100, entry.size - 1):
            with pytest.raises(errors.TooLarge):
                await rig.camera.read(entry, offset, 100)


# ---------------------------------------------------------------------- operations that are listed and refused


@pytest.mark.parametrize("passed", [0, 1, 2])
async def test_a_partial_read_that_is_refused_falls_back_to_the_whole(passed: int, autojump_clock: MockClock) -> None:
    async with rigged(operations="-GetPartialObject64") as rig:
        size = 3 * PIECE + 5
        content = add(rig, size)
        entry = await rig.entry("A.MOV")
        rig.fail(FaultKind.REFUSE, Operation.GetPartialObject, times=None, skip=passed, code=0x2005)
        assert await rig.camera.read(entry, 0, size) == content.read(0, size)
        rig.operations()
        assert await rig.camera.read(entry, 7, size) == content.read(7, size)
        assert rig.operations() == []


async def test_a_partial_read_that_is_refused_falls_back_to_the_large_one(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        content = add(rig, 5000)
        entry = await rig.entry("A.MOV")
        rig.fail(FaultKind.REFUSE, Operation.GetPartialObject, times=None, code=ResponseCode.OperationNotSupported)
        assert await rig.camera.read(entry, 5, 5000) == content.read(5, 5000)
        assert await rig.camera.read(entry, 6, 10) == content.read(6, 10)
        assert rig.count(Operation.GetPartialObject) == 1
        assert rig.count(Operation.GetPartialObject64) == 2


async def test_a_refused_large_read_is_an_error_at_that_point(autojump_clock: MockClock) -> None:
    async with rigged() as rig:
        content = add(rig, 5 * GIB)
        entry = await rig.entry("A.MOV")
        rig.fail(FaultKind.REFUSE, Operation.GetPartialObject64, times=None, code=ResponseCode.OperationNotSupported)
        with pytest.raises(errors.TooLarge):
            await rig.camera.read(entry, 4 * GIB, 100)
        assert await rig.camera.read(entry, 4 * GIB - 100, 100) == content.read(4 * GIB - 100, 100)


# ---------------------------------------------------------------------- whole objects only


async def transferred(rig: Rig, entry: Entry) -> None:
    """Wait until an object has come whole."""
    assert isinstance(entry.key, ObjectKey)
    sent = (Operation.GetObject.name, (entry.key.handle,), "OK")
    while not any((one.operation, one.parameters, one.result) == sent for one in rig.body.trace.records):
        await trio.sleep(0.1)
    await wait_all_tasks_blocked()


async def read_all(rig: Rig, entry: Entry, step: int = 100_000) -> bytes:
    pieces = []
    offset = 0
    while piece := await rig.camera.read(entry, offset, step):
        pieces.append(bytes(piece))
        offset += len(piece)
    return b"".join(pieces)


@pytest.mark.parametrize("size", [0, 1, 511, 500, 1 << 20, (3 << 20) + 5])
async def test_one_transfer_for_a_whole_file(size: int, autojump_clock: MockClock) -> None:
    async with rigged(operations=WHOLE_ONLY) as rig:
        content = add(rig, size)
        entry = await rig.entry("A.MOV")
        rig.operations()
        assert await read_all(rig, entry) == content.read(0, size)
        assert await read_all(rig, entry) == content.read(0, size)
        await wait_all_tasks_blocked()
        assert [name for name in rig.operations() if name != "GetObjectInfo"] == (["GetObject"] if size else [])


async def test_one_transfer_feeds_all_readers(autojump_clock: MockClock) -> None:
    async with rigged(operations=WHOLE_ONLY, bandwidth="1000000") as rig:
        size = 3 << 20
        content = add(rig, size)
        entry = await rig.entry("A.MOV")
        started = trio.current_time()
        finished: list[float] = []

        async def reader(offset: int) -> None:
            assert await rig.camera.read(entry, offset, 1000) == content.read(offset, 1000)
            finished.append(trio.current_time() - started)

        async with trio.open_nursery() as nursery:
            for offset in (0, 1 << 20, 2 << 20, size - 1000):
                nursery.start_soon(reader, offset)
        await transferred(rig, entry)
        assert rig.count(Operation.GetObject) == 1
        assert finished == sorted(finished)
        assert finished[0] < 2  # it has not waited for the end
        assert 3 < finished[-1] < 4


async def test_release_ends_the_transfer_on_the_wire(autojump_clock: MockClock) -> None:
    async with rigged(operations=WHOLE_ONLY, bandwidth="10000000") as rig:
        content = add(rig, 2 * GIB)
        other = add(rig, 1000, "B.JPG")
        large, small = sorted(await rig.entries(), key=lambda entry: entry.name)
        assert await rig.camera.read(large, 0, 100) == content.read(0, 100)
        await rig.camera.release(large)
        began = trio.current_time()
        assert await rig.camera.read(small, 0, 1000) == other.read(0, 1000)
        assert trio.current_time() - began < 3
        results = [record.result for record in rig.body.trace.records if record.operation == "GetObject"]
        assert results == ["cancelled", "OK"]
        assert rig.camera.epoch == 0


async def test_reading_again_at_once_after_the_release(autojump_clock: MockClock) -> None:
    async with rigged(operations=WHOLE_ONLY, bandwidth="10000000") as rig:
        content = add(rig, 100 << 20)
        entry = await rig.entry("A.MOV")
        for _ in range(3):
            assert await rig.camera.read(entry, 5, 100) == content.read(5, 100)
            await rig.camera.release(entry)
        assert await rig.camera.read(entry, 5, 100) == content.read(5, 100)


async def test_a_read_that_waits_at_the_release_is_answered_first(autojump_clock: MockClock) -> None:
    """What is fetched ahead when the last reader closes; another may wait for just these bytes."""
    async with rigged(operations=WHOLE_ONLY, bandwidth="10000000") as rig:
        content = add(rig, 2 * GIB)
        entry = await rig.entry("A.MOV")
        async with trio.open_nursery() as nursery:

            async def ahead() -> None:
                assert await rig.camera.read(entry, 20 << 20, 100) == content.read(20 << 20, 100)

            nursery.start_soon(ahead)
            await trio.sleep(1)
            await rig.camera.release(entry)
        assert trio.current_time() < 3
        await trio.sleep(3)
        assert [record.result for record in rig.body.trace.records if record.operation == "GetObject"] == ["cancelled"]


async def test_release_of_a_file_that_has_come_keeps_it(autojump_clock: MockClock) -> None:
    async with rigged(operations=WHOLE_ONLY) as rig:
        content = add(rig, 1000)
        entry = await rig.entry("A.MOV")
        await rig.camera.read(entry, 0, 1000)
        await rig.camera.release(entry)
        assert await rig.camera.read(entry, 0, 1000) == content.read(0, 1000)
        assert rig.count(Operation.GetObject) == 1


@pytest.mark.parametrize("kind", [FaultKind.REFUSE, FaultKind.STOP, FaultKind.ABORT, FaultKind.GARBAGE, FaultKind.CUT])
@pytest.mark.parametrize("at", [0, 12, 5000, 300_000])
async def test_a_transfer_that_fails(kind: FaultKind, at: int, autojump_clock: MockClock) -> None:
    async with rigged(operations=WHOLE_ONLY) as rig:
        content = add(rig, 1_000_000)
        entry = await rig.entry("A.MOV")
        rig.fail(kind, Operation.GetObject, at=at)

        async def reader(offset: int) -> None:
            with contextlib.suppress(errors.CameraError):
                assert await rig.camera.read(entry, offset, 1000) == content.read(offset, 1000)

        async with trio.open_nursery() as nursery:
            for offset in (0, 100_000, 500_000, 999_000):
                nursery.start_soon(reader, offset)
        assert await rig.camera.read(entry, 0, 1_000_000) == content.read(0, 1_000_000)


@pytest.mark.parametrize("code", [ResponseCode.GeneralError, ResponseCode.IncompleteTransfer, ResponseCode.DeviceBusy])
async def test_a_transfer_that_the_camera_gives_up(code: ResponseCode, autojump_clock: MockClock) -> None:
    """A failing response right behind the data, in one read with them: the reader hears of both at once."""
    async with rigged(operations=WHOLE_ONLY, quirks=["joined_response"]) as rig:
        content = add(rig, 5000)
        entry = await rig.entry("A.MOV")

        async def gives_up(state: Any, call: Any) -> Any:
            return replace(await get_object(state, call), code=code)

        with rig.body.override(Operation.GetObject, gives_up), pytest.raises(errors.CameraError):
            await rig.camera.read(entry, 0, 1000)
        assert await rig.camera.read(entry, 0, 5000) == content.read(0, 5000)


@pytest.mark.parametrize("true", [500, 5000])
async def test_a_wrong_size_is_learnt_from_a_whole_transfer(true: int, autojump_clock: MockClock) -> None:
    async with rigged(operations=WHOLE_ONLY) as rig:
        content = add(rig, true, claimed_size=1000)
        await rig.entries(None)
        entry = await rig.entry("A.MOV")
        assert entry.size == 1000
        assert await rig.camera.read(entry, 0, 1000) == content.read(0, min(true, 1000))
        await wait_all_tasks_blocked()
        assert EntryChanged(entry.key) in rig.changes()
        better = await rig.camera.describe(entry.key, None)
        assert better is not None
        assert better.size == true
        assert await rig.camera.read(better, 0, 9000) == content.read(0, true)
        assert rig.count(Operation.GetObject) == 1


async def test_a_size_that_cannot_be_had_is_learnt_from_a_whole_transfer(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """5 GiB pass through, and never stand in memory. Of the copy on disk only the places are kept here."""
    places: list[tuple[int, int]] = []

    def pwrite(_file: int, data: memoryview, offset: int) -> int:
        places.append((offset, len(data)))
        return len(data)

    monkeypatch.setattr(os, "pwrite", pwrite)
    size = 4 * GIB + 12345
    async with rigged(operations=WHOLE_ONLY + ",-9803,-9805") as rig:
        rig.body.card.add_file("", "A.MOV", Zeros(size))
        await rig.entries(None)
        entry = await rig.entry("A.MOV")
        assert not entry.size_is_exact
        tracemalloc.start()
        try:
            await rig.camera.read(entry, 0, 100)
            await transferred(rig, entry)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 16 << 20
        assert sum(length for _, length in places) == size
        assert places[-1][0] + places[-1][1] == size
        await wait_all_tasks_blocked()
        better = await rig.camera.describe(entry.key, None)
        assert better is not None
        assert (better.size, better.size_is_exact) == (size, True)


async def test_copies_are_dropped_when_there_are_too_many(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "KEPT", 5000)
    async with rigged(operations=WHOLE_ONLY) as rig:
        contents = [add(rig, 2000, f"{number}.JPG") for number in range(10)]
        entries = sorted(await rig.entries(), key=lambda entry: entry.name)
        before = set(os.listdir("/proc/self/fd"))
        for _ in range(2):
            for entry, content in zip(entries, contents, strict=True):
                assert await rig.camera.read(entry, 0, 2000) == content.read(0, 2000)
                assert len(set(os.listdir("/proc/self/fd")) - before) <= 5
        assert rig.count(Operation.GetObject) == 20


async def test_no_room_for_a_copy(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    async with rigged(operations=WHOLE_ONLY) as rig:
        content = add(rig, 2 << 20)
        entry = await rig.entry("A.MOV")
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", full)
            with pytest.raises(errors.StoreFull):
                await rig.camera.read(entry, 0, 100)
        with monkeypatch.context() as patch:
            patch.setattr(tempfile, "TemporaryFile", full)
            with pytest.raises(errors.StoreFull):
                await rig.camera.read(entry, 0, 100)
        assert await rig.camera.read(entry, 0, 2 << 20) == content.read(0, 2 << 20)


async def test_an_object_that_changes_while_it_is_transferred(autojump_clock: MockClock) -> None:
    async with rigged(operations=WHOLE_ONLY, bandwidth="1000000") as rig:
        add(rig, 2 << 20)
        entry = await rig.entry("A.MOV")
        async with trio.open_nursery() as nursery:

            async def reader() -> None:
                assert await rig.camera.read(entry, (1 << 20) * 3 // 2, 100) == bytes(100)

            nursery.start_soon(reader)
            await trio.sleep(0.5)
            file = rig.body.card.find("A.MOV")
            file.content = Zeros(2 << 20)  # type: ignore[attr-defined]
            rig.body.state.notify(EventCode.ObjectInfoChanged, file.handle)
        await transferred(rig, entry)
        assert [record.result for record in rig.body.trace.records if record.operation == "GetObject"] == [
            "cancelled",
            "OK",
        ]


async def test_a_reader_that_is_cancelled_leaves_the_others_theirs(autojump_clock: MockClock) -> None:
    async with rigged(operations=WHOLE_ONLY, bandwidth="1000000") as rig:
        content = add(rig, 3 << 20)
        entry = await rig.entry("A.MOV")
        async with trio.open_nursery() as nursery:

            async def reader() -> None:
                assert await rig.camera.read(entry, 2 << 20, 1000) == content.read(2 << 20, 1000)

            nursery.start_soon(reader)
            with trio.move_on_after(0.5) as scope:
                await rig.camera.read(entry, 2 << 20, 1000)
            assert scope.cancelled_caught
        await transferred(rig, entry)
        assert rig.count(Operation.GetObject) == 1


async def test_a_lost_session_ends_a_transfer_but_not_the_reading(autojump_clock: MockClock) -> None:
    async with rigged(operations=WHOLE_ONLY) as rig:
        content = add(rig, 100_000)
        entry = await rig.entry("A.MOV")
        rig.fail(FaultKind.LOSE_SESSION, Operation.GetObject)
        assert await rig.camera.read(entry, 0, 100_000) == content.read(0, 100_000)
        assert rig.camera.epoch == 1


async def test_unplugged_in_a_transfer(autojump_clock: MockClock) -> None:
    async with rigged(operations=WHOLE_ONLY, bandwidth="1000000") as rig:
        add(rig, 3 << 20)
        entry = await rig.entry("A.MOV")
        async with trio.open_nursery() as nursery:

            async def reader() -> None:
                with pytest.raises(errors.DeviceGone):
                    await rig.camera.read(entry, 2 << 20, 1000)

            nursery.start_soon(reader)
            nursery.start_soon(reader)
            await trio.sleep(0.5)
            rig.body.unplug()
        assert trio.current_time() < 1


async def test_copies_leave_no_files_behind(autojump_clock: MockClock) -> None:
    async with rigged(operations=WHOLE_ONLY) as rig:
        before = set(os.listdir("/proc/self/fd"))
        for number in range(20):
            add(rig, 1000, f"{number}.JPG")
        for entry in await rig.entries():
            await rig.camera.read(entry, 0, 10)
        await wait_all_tasks_blocked()
        await rig.camera.refresh()
        assert len(set(os.listdir("/proc/self/fd")) - before) <= 1


async def test_many_readers_of_many_files(autojump_clock: MockClock) -> None:
    for operations in ("", WHOLE_ONLY):
        async with rigged(operations=operations, bandwidth="50000000") as rig:
            contents = {f"{number}.MOV": add(rig, 400_000 + number, f"{number}.MOV") for number in range(4)}

            async def reader(entry: Entry, offset: int) -> None:
                content = contents[entry.name]  # noqa: B023
                while offset < entry.size:
                    data = await rig.camera.read(entry, offset, 70_000)
                    assert data == content.read(offset, 70_000)
                    offset += len(data)

            async with trio.open_nursery() as nursery:
                for entry in await rig.entries():
                    for offset in (0, 1, 333_333):
                        nursery.start_soon(reader, entry, offset)

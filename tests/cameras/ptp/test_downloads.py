"""Downloads: objects that can only be read whole are fetched once for all readers, kept, dropped and cancelled."""

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
from camfs.cameras.ptp import copies, downloads
from camfs.cameras.ptp.objects import ObjectKey
from camfs.protocols.ptp.codes import EventCode, Operation, ResponseCode
from camfs.virtual.ptp.calls import Answer
from camfs.virtual.ptp.faults import Fault, FaultKind
from camfs.virtual.ptp.operations import get_object
from tests.cameras.rig import Rig, add_counting, rigged
from tests.zeros import Zeros

GIB = 1 << 30
WHOLE_ONLY = "-GetPartialObject,-GetPartialObject64"


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
        content = add_counting(rig, size)
        entry = await rig.entry("A.MOV")
        rig.operations()
        assert await read_all(rig, entry) == content.read(0, size)
        assert await read_all(rig, entry) == content.read(0, size)
        await wait_all_tasks_blocked()
        assert [name for name in rig.operations() if name != "GetObjectInfo"] == (["GetObject"] if size else [])


async def test_one_transfer_feeds_all_readers(autojump_clock: MockClock) -> None:
    async with rigged(operations=WHOLE_ONLY, bandwidth="1000000") as rig:
        size = 3 << 20
        content = add_counting(rig, size)
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
        content = add_counting(rig, 2 * GIB)
        other = add_counting(rig, 1000, "B.JPG")
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
        content = add_counting(rig, 100 << 20)
        entry = await rig.entry("A.MOV")
        for _ in range(3):
            assert await rig.camera.read(entry, 5, 100) == content.read(5, 100)
            await rig.camera.release(entry)
        assert await rig.camera.read(entry, 5, 100) == content.read(5, 100)


async def test_a_read_that_waits_at_the_release_is_answered_first(autojump_clock: MockClock) -> None:
    """What is fetched ahead when the last reader closes; another may wait for just these bytes."""
    async with rigged(operations=WHOLE_ONLY, bandwidth="10000000") as rig:
        content = add_counting(rig, 2 * GIB)
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
        content = add_counting(rig, 1000)
        entry = await rig.entry("A.MOV")
        await rig.camera.read(entry, 0, 1000)
        await rig.camera.release(entry)
        assert await rig.camera.read(entry, 0, 1000) == content.read(0, 1000)
        assert rig.count(Operation.GetObject) == 1


@pytest.mark.parametrize("kind", [FaultKind.REFUSE, FaultKind.STOP, FaultKind.ABORT, FaultKind.GARBAGE, FaultKind.CUT])
@pytest.mark.parametrize("at", [0, 12, 5000, 300_000])
async def test_a_transfer_that_fails(kind: FaultKind, at: int, autojump_clock: MockClock) -> None:
    async with rigged(operations=WHOLE_ONLY) as rig:
        content = add_counting(rig, 1_000_000)
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
        content = add_counting(rig, 5000)
        entry = await rig.entry("A.MOV")

        async def gives_up(state: Any, call: Any) -> Any:
            return replace(await get_object(state, call), code=code)

        with rig.body.override(Operation.GetObject, gives_up), pytest.raises(errors.CameraError):
            await rig.camera.read(entry, 0, 1000)
        assert await rig.camera.read(entry, 0, 5000) == content.read(0, 5000)


@pytest.mark.parametrize("true", [500, 5000])
async def test_a_wrong_size_is_learnt_from_a_whole_transfer(true: int, autojump_clock: MockClock) -> None:
    async with rigged(operations=WHOLE_ONLY) as rig:
        content = add_counting(rig, true, claimed_size=1000)
        await rig.entries(None)
        entry = await rig.entry("A.MOV")
        assert entry.size == 1000
        if true > 1000:
            with pytest.raises(errors.RemoteProtocolError):  # who has it open must not take it for whole
                await rig.camera.read(entry, 0, 1000)
        else:
            assert await rig.camera.read(entry, 0, 1000) == content.read(0, true)
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
            assert (await rig.camera.measure(entry, reading=True)).size == size
            await transferred(rig, entry)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 16 << 20
        assert sum(length for _, length in places) == size
        assert places[-1][0] + places[-1][1] == size % copies.SEGMENT
        await wait_all_tasks_blocked()
        better = await rig.camera.describe(entry.key, None)
        assert better is not None
        assert (better.size, better.size_is_exact) == (size, True)


# ---------------------------------------------------------------------- what is announced


async def test_the_last_bytes_wait_for_the_response_behind_them(autojump_clock: MockClock) -> None:
    """A camera that announces the size modulo 4 GiB has more to send, and nobody may take what it announced for all."""

    size = 3 << 20

    async def more(state: Any, call: Any) -> Any:
        content = state.file(call.parameters[0]).content
        return Answer(content.read(0, size), fault=Fault(FaultKind.STOP, at=12 + size, times=None))

    async with rigged(operations=WHOLE_ONLY) as rig:
        content = add_counting(rig, size)
        entry = await rig.entry("A.MOV")
        with rig.body.override(Operation.GetObject, more):
            assert await rig.camera.read(entry, 0, 1000) == content.read(0, 1000)
            with pytest.raises(errors.CameraError):
                await rig.camera.read(entry, size - 1000, 1000)


@pytest.mark.parametrize("sent", [0, 1, 4000, 4999])
async def test_less_than_announced_is_a_failed_transfer(sent: int, autojump_clock: MockClock) -> None:
    async with rigged(operations=WHOLE_ONLY, listening=False) as rig:
        content = add_counting(rig, 5000)
        entry = await rig.entry("A.MOV")

        async def less(state: Any, call: Any) -> Any:
            return replace(await get_object(state, call), fault=Fault(FaultKind.CUT, at=12 + sent, code=0x2001))

        with rig.body.override(Operation.GetObject, less), pytest.raises(errors.TransferCut):
            await rig.camera.read(entry, 0, 5000)
        assert await rig.camera.read(entry, 0, 5000) == content.read(0, 5000)


async def test_copies_are_dropped_when_there_are_too_many(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "KEPT", 5000)
    async with rigged(operations=WHOLE_ONLY) as rig:
        contents = [add_counting(rig, 2000, f"{number}.JPG") for number in range(10)]
        entries = sorted(await rig.entries(), key=lambda entry: entry.name)
        before = set(os.listdir("/proc/self/fd"))
        for _ in range(2):
            for entry, content in zip(entries, contents, strict=True):
                assert await rig.camera.read(entry, 0, 2000) == content.read(0, 2000)
                assert len(set(os.listdir("/proc/self/fd")) - before) <= 5
        assert rig.count(Operation.GetObject) == 20


async def test_a_running_download_is_not_dropped_to_make_room(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bytes would come again from the first one, for readers that have some of them already."""
    monkeypatch.setattr(downloads, "KEPT", 5000)
    async with rigged(operations=WHOLE_ONLY, bandwidth="1000000") as rig:
        content, other = add_counting(rig, 3 << 20), add_counting(rig, 1000, "B.JPG")
        large, small = sorted(await rig.entries(), key=lambda entry: entry.name)
        assert await rig.camera.read(large, 0, 100_000) == content.read(0, 100_000)
        assert await rig.camera.read(small, 0, 1000) == other.read(0, 1000)
        assert await read_all(rig, large) == content.read(0, 3 << 20)
        assert [record.result for record in rig.body.trace.records if record.operation == "GetObject"] == ["OK", "OK"]


async def test_no_room_for_a_copy(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    async with rigged(operations=WHOLE_ONLY) as rig:
        content = add_counting(rig, 2 << 20)
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
        add_counting(rig, 2 << 20)
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
        content = add_counting(rig, 3 << 20)
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


async def test_a_lost_session_ends_a_transfer(autojump_clock: MockClock) -> None:
    """Its handle may mean another object now, so who reads has to list again."""
    async with rigged(operations=WHOLE_ONLY) as rig:
        content = add_counting(rig, 100_000)
        entry = await rig.entry("A.MOV")
        rig.fail(FaultKind.LOSE_SESSION, Operation.GetObject)
        with pytest.raises(errors.CameraError):
            await rig.camera.read(entry, 0, 100_000)
        assert rig.camera.epoch == 1
        assert await rig.camera.read(await rig.entry("A.MOV"), 0, 100_000) == content.read(0, 100_000)


async def test_unplugged_in_a_transfer(autojump_clock: MockClock) -> None:
    async with rigged(operations=WHOLE_ONLY, bandwidth="1000000") as rig:
        add_counting(rig, 3 << 20)
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
            add_counting(rig, 1000, f"{number}.JPG")
        for entry in await rig.entries():
            await rig.camera.read(entry, 0, 10)
        await wait_all_tasks_blocked()
        await rig.camera.refresh()
        assert len(set(os.listdir("/proc/self/fd")) - before) <= 1


async def test_many_readers_of_many_files(autojump_clock: MockClock) -> None:
    for operations in ("", WHOLE_ONLY):
        async with rigged(operations=operations, bandwidth="50000000") as rig:
            contents = {f"{number}.MOV": add_counting(rig, 400_000 + number, f"{number}.MOV") for number in range(4)}

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

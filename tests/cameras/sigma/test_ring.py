"""Shots in the camera's ring: those that fail, end late or not at all, and those that another program left."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.sigma.ring import LEFT_WAIT
from camfs.protocols.sigma.codes import MAX_PICTURE, CaptureState, Destination, SigmaOperation, SnapMode
from camfs.protocols.sigma.datasets import Dataset
from camfs.protocols.sigma.records import Picture, Snap, encode_pictures
from camfs.virtual.ptp.faults import Fault, FaultKind
from camfs.virtual.sigma.database import PictureFile, Take
from camfs.virtual.sigma.database import Slot as Slot
from tests.cameras.sigma.program import BOTH_KINDS, BUDGET, CONTINUOUS, FAILURES, bytes_of, running

pytestmark = pytest.mark.usefixtures("disk_without_threads", "small_pictures")


@pytest.mark.parametrize(("state", "kind"), FAILURES)
async def test_a_shot_that_fails(
    state: CaptureState,
    kind: type[errors.Refused],
    tmp_path: Path,
    exposed: list[PictureFile],
    autojump_clock: MockClock,
) -> None:
    """It is told, nothing of it stays, and the next one is taken."""
    async with running(tmp_path) as driver:
        for _ in range(31):
            driver.fp.failures.append(state)
            with pytest.raises(kind, match=state.words):
                await driver.capture()
            assert not driver.pending()
            assert not driver.images.has_unsaved
        await driver.capture()
        assert await driver.contents() == [bytes_of(file) for file in exposed]
        assert len(exposed) == 1


async def test_no_contrast(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with running(tmp_path) as driver:
        driver.fp.contrast = False
        with pytest.raises(errors.FocusFailed):
            await driver.capture(mode=SnapMode.GENERAL)
        with pytest.raises(errors.FocusFailed):
            await driver.images.snap(SnapMode.AF_DRIVE_ONLY, BUDGET)
        assert not driver.images.has_unsaved
        driver.fp.contrast = True
        assert await driver.images.snap(SnapMode.AF_DRIVE_ONLY, BUDGET) == CaptureState.AF_SUCCEEDED
        assert len(await driver.capture(mode=SnapMode.GENERAL)) == 1


async def test_a_burst_of_which_one_fails(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    async with running(tmp_path) as driver:
        await driver.operations.write(Dataset.GROUP2, {"DriveMode": CONTINUOUS})
        driver.fp.failures.append(CaptureState.BUFFER_FULL)
        keys = await driver.capture()
        assert len(keys) == len(exposed) == driver.fp.burst - 1
        assert await driver.contents() == [bytes_of(file) for file in exposed]


async def test_no_end_within_the_budget(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    """The shot is not lost: it comes before the next."""
    async with running(tmp_path) as driver:
        driver.fp.snap_time = 5
        with pytest.raises(errors.TransferTimeout, match="shooting"):
            await driver.images.capture(SnapMode.WITHOUT_AF, 2, Destination.COMPUTER)
        assert driver.images.has_unsaved
        await driver.capture()
        assert len(exposed) == 2
        assert await driver.contents() == [bytes_of(file) for file in exposed]


async def test_a_shot_that_never_ends(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    """It is waited for twice, and then it does not stop the shutter any more."""
    async with running(tmp_path) as driver:
        driver.fp.snap_time = 10_000
        with pytest.raises(errors.TransferTimeout):
            await driver.images.capture(SnapMode.WITHOUT_AF, 2, Destination.COMPUTER)
        driver.fp.snap_time = 0.3
        begin = trio.current_time()
        with pytest.raises(errors.Busy, match="shooting"):
            await driver.capture()
        assert trio.current_time() - begin < LEFT_WAIT + 1
        [key] = await driver.capture()
        assert await driver.read(key.name) == bytes_of(exposed[1])
        assert driver.names() == [key.name]


async def test_a_command_that_nothing_comes_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    """The tail moves on, the entry shows nothing: what a blocked shutter looks like. The entry is cleared."""
    async with running(tmp_path) as driver:
        monkeypatch.setattr(driver.fp, "snap", lambda command: driver.fp.database.add(Slot()))
        with pytest.raises(errors.TransferTimeout, match="nothing"):
            await driver.capture()
        assert not driver.pending()
        monkeypatch.undo()


async def test_a_further_entry_that_shows_nothing_when_the_budget_ends(
    tmp_path: Path, exposed: list[PictureFile], monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    """The picture of the first entry is there, and is not given up with it."""
    async with running(tmp_path) as driver:
        snap = driver.fp.snap

        def snap_and_more(command: Snap) -> None:
            snap(command)
            driver.fp.database.add(Slot())

        monkeypatch.setattr(driver.fp, "snap", snap_and_more)
        [key] = await driver.images.capture(SnapMode.WITHOUT_AF, 2 * driver.fp.snap_time, Destination.COMPUTER)
        assert await driver.read(str(key.name)) == bytes_of(exposed[0])


async def test_a_file_that_comes_late(
    tmp_path: Path, exposed: list[PictureFile], monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    """Its entry shows nothing when the shot is over; the file is brought in before the entry is cleared."""
    async with running(tmp_path) as driver:
        snap, late = driver.fp.snap, Slot()

        def snap_and_more(command: Snap) -> None:
            snap(command)
            driver.fp.database.add(late)

        monkeypatch.setattr(driver.fp, "snap", snap_and_more)
        [key] = await driver.capture()
        await driver.read(key.name)
        other = PictureFile("SDIM0900.JPG", "JPG", exposed[0].content, address=0x5F00_0000)
        late.take, late.file = Take(Destination.COMPUTER, [(0, CaptureState.GENERATED)], [other]), other
        await driver.images.save()
        assert driver.names() == [key.name, "SDIM0900.JPG"]
        assert not driver.pending()


@pytest.mark.parametrize("moment", [0.0, 0.1, 0.35, 0.5, 0.61, 0.7])
async def test_a_cancelled_capture(
    moment: float, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    async with running(tmp_path) as driver:
        with trio.move_on_after(moment):
            await driver.capture()
        await driver.capture()
        await driver.images.save()
        assert await driver.contents() == [bytes_of(file) for file in exposed]
        assert not driver.pending()


@pytest.mark.parametrize(
    "kind", [FaultKind.NO_ANSWER, FaultKind.REFUSE, FaultKind.STALL, FaultKind.GARBAGE, FaultKind.LOSE_SESSION]
)
@pytest.mark.parametrize(
    "operation",
    [
        SigmaOperation.GetCamCaptStatus,
        SigmaOperation.SnapCommand,
        SigmaOperation.GetPictFileInfo2,
        SigmaOperation.GetBigPartialPictFile,
        SigmaOperation.ClearImageDBSingle,
    ],
)
@pytest.mark.parametrize("skip", [0, 1, 3])
async def test_a_fault_loses_no_shot(
    operation: SigmaOperation,
    kind: FaultKind,
    skip: int,
    tmp_path: Path,
    exposed: list[PictureFile],
    autojump_clock: MockClock,
) -> None:
    async with running(tmp_path) as driver:
        await driver.acquire(BOTH_KINDS)
        driver.camera.faults.append(Fault(kind, operation, skip=skip))
        for _ in range(4):
            try:
                for key in await driver.capture():
                    await driver.read(key.name)
            except errors.CameraError:
                continue
        await driver.capture()
        assert sorted(await driver.contents()) == sorted(bytes_of(file) for file in exposed)
        assert not driver.pending()


async def test_an_entry_that_another_program_left(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """It does not stop the shutter, and is not lost."""
    async with running(tmp_path) as driver:
        await driver.operations.snap(SnapMode.WITHOUT_AF)
        await trio.sleep(2)
        [key] = await driver.capture()
        assert len(exposed) == 2
        assert await driver.read(key.name) == bytes_of(exposed[1])
        assert await driver.contents() == [bytes_of(file) for file in exposed]


async def test_blocked_entries_of_another_program(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    async with running(tmp_path) as driver:
        for _ in range(27):
            await driver.operations.snap(SnapMode.WITHOUT_AF)
        await driver.capture()
        assert len(exposed) == 2
        assert await driver.contents() == [bytes_of(file) for file in exposed]
        assert not driver.pending()


@pytest.mark.parametrize("times", [1, 2, None])
async def test_a_size_beyond_reason(
    times: int | None, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """It is never asked for. The records are looked at again when the room is needed; then the shutter goes on in any case."""
    async with running(tmp_path) as driver:
        absurd = Picture(0x57000580, MAX_PICTURE, "100SIGMA", "SDIM0001.JPG", "JPG", 6000, 4000)
        payload = bytearray(encode_pictures((absurd,)))
        payload[16:20] = (MAX_PICTURE + 1).to_bytes(4, "little")
        fault = Fault(FaultKind.BAD_DATASET, SigmaOperation.GetPictFileInfo2, data=bytes(payload), times=times)
        driver.camera.faults.append(fault)
        if times != 1:
            with pytest.raises(errors.RemoteProtocolError):
                await driver.capture()
            assert driver.images.has_unsaved
            assert not driver.count(SigmaOperation.GetBigPartialPictFile)
        if times is None:
            with pytest.raises(errors.RemoteProtocolError):
                await driver.capture()
            assert len(exposed) == 2
            fault.times = fault.fired
        await driver.capture()
        kept = [bytes_of(file) for file in exposed][0 if times else 1 :]
        assert await driver.contents() == kept

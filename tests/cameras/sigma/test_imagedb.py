"""The image database: shots taken, read, removed and released in any order, and a program that is killed at any step of it."""

import contextlib
import errno
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.api import Change, Entry, FolderChanged
from camfs.cameras.ptp.session import Reply, Session
from camfs.cameras.ptp.usblink import UsbLink
from camfs.cameras.sigma import exposure, imagedb
from camfs.cameras.sigma import spool as spool_module
from camfs.cameras.sigma.exposure import ImageKey
from camfs.cameras.sigma.imagedb import IMAGEDB, ImageFolder
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.cameras.sigma.ring import LEFT_WAIT
from camfs.cameras.sigma.spool import Spool, original_name
from camfs.protocols.sigma.codes import MAX_PICTURE, CaptureState, Destination, SigmaOperation, SnapMode
from camfs.protocols.sigma.datasets import Dataset
from camfs.protocols.sigma.records import Picture, Snap, encode_pictures
from camfs.virtual import EmulatedCamera
from camfs.virtual.pictures import generated as pictures
from camfs.virtual.ptp.faults import Fault, FaultKind
from camfs.virtual.sigma import database as emulated_database
from camfs.virtual.sigma.database import Entry as Slot
from camfs.virtual.sigma.database import PictureFile, Take
from camfs.virtual.sigma.fp import Life, SigmaFp
from tests.cameras.rig import emulated

JPEG, DNG, BOTH_KINDS = 8, 0x10, 0x12
"""Codes of ImageQuality."""

CONTINUOUS = 2
"""The code of DriveMode."""

CINE, MOV = 2, 2
"""Codes of CaptureMode and RecordFormat."""

BUDGET = 30.0

PIECE = 1024
"""Bytes of a piece here, so that small pictures have several."""


@pytest.fixture(autouse=True)
def disk_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the disk done here and now: a jumping clock takes a thread, which it does not see, for silence."""

    async def run_sync(function: Callable[..., Any], *arguments: Any, **about: Any) -> Any:
        await trio.lowlevel.checkpoint()
        return function(*arguments)

    monkeypatch.setattr(trio.to_thread, "run_sync", run_sync)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make pictures of a few pieces each, all different."""

    def make(kind: str, size: int) -> Callable[..., bytes]:
        return lambda shot, *_: random.Random(f"{kind}{shot.number}").randbytes(size + 7 * shot.number)

    monkeypatch.setattr(pictures, "jpeg", make("JPEG", 1500))
    monkeypatch.setattr(pictures, "dng", make("DNG", 3000))
    monkeypatch.setattr(exposure, "PIECE", PIECE)
    monkeypatch.setattr(imagedb, "PIECE", PIECE)


@pytest.fixture
def exposed(monkeypatch: pytest.MonkeyPatch) -> list[PictureFile]:
    """Collect the files of all that the emulated camera exposes."""
    files: list[PictureFile] = []
    add = emulated_database.ImageDatabase.add

    def collecting(self: emulated_database.ImageDatabase, slot: Slot) -> None:
        if slot.file is not None:
            files.append(slot.file)
        add(self, slot)

    monkeypatch.setattr(emulated_database.ImageDatabase, "add", collecting)
    return files


def bytes_of(file: PictureFile) -> bytes:
    return file.content.read(0, file.content.size)


class Killed(Exception):
    """The program is no more."""


@dataclass
class Fate:
    """The steps of a program, transactions and what it does at the disk, and where it is killed.

    Attributes:
        at: the step, from 1; None for never.
        before: whether the step is not done any more.
    """

    at: int | None = None
    before: bool = False
    steps: int = 0

    async def step(self, do: Callable[[], Awaitable[Any]]) -> Any:
        self.steps += 1
        if self.at is not None and (self.steps > self.at or (self.before and self.steps == self.at)):
            raise Killed
        done = await do()
        if self.steps == self.at:
            raise Killed
        return done


class MortalSession(Session):
    """A session whose program may be killed."""

    fate: Fate

    async def transact(self, *arguments: Any, **about: Any) -> Reply:
        """See `Session.transact`."""
        transact = super().transact
        return await self.fate.step(lambda: transact(*arguments, **about))  # type: ignore[no-any-return]


class MortalSpool(Spool):
    """A spool whose program may be killed."""

    fate: Fate

    async def _run(self, function: Callable[..., Any], *arguments: object) -> Any:
        run = super()._run
        return await self.fate.step(lambda: run(function, *arguments))

    def die(self) -> None:
        """Let the lock go, as the system does with a dead program's."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@dataclass
class Program:
    """A program that drives the image database of an emulated camera."""

    camera: EmulatedCamera
    operations: SigmaOperations
    spool: MortalSpool
    images: ImageFolder
    changes: list[Change] = field(default_factory=list)

    @property
    def fp(self) -> SigmaFp:
        assert self.camera.body.sigma is not None
        return self.camera.body.sigma

    async def take_body(self, quality: int = JPEG, destination: int = Destination.COMPUTER) -> None:
        await self.operations.config_api()
        await self.operations.write(Dataset.GROUP3, {"DestToSave": destination})
        await self.operations.write(Dataset.GROUP2, {"ImageQuality": quality})

    async def capture(
        self, destination: int = Destination.COMPUTER, mode: int = SnapMode.WITHOUT_AF
    ) -> Sequence[ImageKey]:
        keys = await self.images.capture(mode, BUDGET, destination)
        assert all(isinstance(key, ImageKey) for key in keys)
        return [key for key in keys if isinstance(key, ImageKey)]

    def entry(self, name: str) -> Entry:
        return self.images.describe(next(key for key in self.images.list() if key.name == name))

    def names(self) -> list[str]:
        return [self.images.describe(key).name for key in self.images.list()]

    async def read(self, name: str) -> bytes:
        entry = self.entry(name)
        return bytes(await self.images.read(entry, 0, entry.size))

    async def contents(self) -> list[bytes]:
        return [await self.read(name) for name in self.names()]

    def pending(self) -> bool:
        return self.fp.database.pending

    def count(self, operation: SigmaOperation) -> int:
        return self.camera.trace.operations().count(operation.name)


@asynccontextmanager
async def program(
    camera: EmulatedCamera, folder: Path, fate: Fate | None = None, **about: Any
) -> AsyncIterator[Program]:
    """Run a program on an emulated camera; its spool is in a folder. Nothing is cleaned up at its end: it is always killed."""
    pipes = camera.open()
    session = MortalSession(UsbLink(pipes))
    session.fate = fate or Fate()
    spool = MortalSpool(folder)
    spool.fate = session.fate
    changes: list[Change] = []

    async def announce(change: Change) -> None:
        changes.append(change)

    operations = SigmaOperations(session, camera.body.device_info.operations)
    try:
        await session.open()
        images = ImageFolder(operations, spool, announce, **about)
        await images.open()
        yield Program(camera, operations, spool, images, changes)
    finally:
        spool.die()
        await pipes.aclose()


@asynccontextmanager
async def running(folder: Path, **about: Any) -> AsyncIterator[Program]:
    """Run an emulated fp and a program on it that has taken the body; the camera must be on the bus to the end."""
    async with emulated("sigma-fp") as camera, program(camera, folder / "spool", **about) as driver:
        await driver.take_body()
        yield driver
        assert driver.fp.life is not Life.GONE


async def rescued(camera: EmulatedCamera, folder: Path) -> dict[str, bytes]:
    """Mount again as the driver does, and return all that is in the folder then."""
    async with program(camera, folder) as driver:
        if driver.fp.locked:
            await driver.images.rescue()
            assert not driver.pending()
            assert not driver.images.has_unsaved
            await driver.operations.close_application()
        return {name: await driver.read(name) for name in driver.names()}


# ---------------------------------------------------------------------- shots


@pytest.mark.parametrize("reads", [True, False], ids=["read", "unread"])
@pytest.mark.parametrize("quality", [JPEG, DNG, BOTH_KINDS], ids=["jpeg", "dng", "dng and jpeg"])
async def test_forty_in_a_row(
    quality: int, reads: bool, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """The ids wrap, the shutter never stops, and each shot is there byte for byte."""
    async with running(tmp_path) as driver:
        await driver.take_body(quality)
        for number in range(40):
            keys = await driver.capture()
            assert len(keys) == len(exposed) - len(driver.names()) + len(keys) == (2 if quality == BOTH_KINDS else 1)
            assert driver.changes[-1] == FolderChanged(IMAGEDB)
            assert driver.pending()
            if reads:
                for key, file in zip(keys, exposed[-len(keys) :], strict=True):
                    assert key.name == file.name
                    assert await driver.read(key.name) == bytes_of(file)
                assert not driver.pending()
            assert driver.images.unsaved == (0 if reads else len(keys)), number
        assert [bytes_of(file) for file in exposed] == await driver.contents()
        assert not driver.pending()
        assert len(set(driver.names())) == 40 * len(keys)
        assert driver.count(SigmaOperation.SnapCommand) == 40


async def test_a_shot_is_fetched_once_and_only_when_it_is_read(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        assert not driver.count(SigmaOperation.GetBigPartialPictFile)
        entry = driver.images.describe(key)
        whole = bytes_of(exposed[0])
        assert entry.is_local
        assert entry.size == len(whole)
        assert bytes(await driver.images.read(entry, 100, 200)) == whole[100:300]
        assert driver.count(SigmaOperation.GetBigPartialPictFile) == 1
        assert bytes(await driver.images.read(entry, 150, 50)) == whole[150:200]
        assert driver.count(SigmaOperation.GetBigPartialPictFile) == 1
        assert bytes(await driver.images.read(entry, 50, 400)) == whole[50:450]
        assert driver.count(SigmaOperation.GetBigPartialPictFile) == 3
        assert bytes(await driver.images.read(entry, len(whole) - 5, 100)) == whole[-5:]
        assert driver.images.has_unsaved
        assert driver.images.needs_camera(key)
        assert driver.pending()
        assert bytes(await driver.images.read(entry, 0, 10 * len(whole))) == whole
        assert not driver.images.has_unsaved
        assert not driver.images.needs_camera(key)
        assert not driver.pending()
        driver.camera.trace.records.clear()
        assert await driver.read(key.name) == whole
        assert not driver.camera.trace.operations()
        stored = (tmp_path / "spool" / key.name).stat()
        assert stored.st_mtime_ns == entry.mtime_ns
        assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700


async def test_a_camera_that_gives_less_than_asked_for(
    tmp_path: Path, exposed: list[PictureFile], monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with running(tmp_path) as driver:
        await driver.capture()
        partial = driver.fp.partial
        monkeypatch.setattr(driver.fp, "partial", lambda address, offset, size: partial(address, offset, min(size, 99)))
        assert await driver.contents() == [bytes_of(exposed[0])]


async def test_a_camera_that_gives_nothing_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        partial = driver.fp.partial
        monkeypatch.setattr(
            driver.fp, "partial", lambda address, offset, size: partial(address, offset, min(size, max(0, 99 - offset)))
        )
        with pytest.raises(errors.RemoteProtocolError, match="99"):
            await driver.read(key.name)
        assert driver.pending()


async def test_readers_side_by_side(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    async with running(tmp_path) as driver:
        await driver.take_body(BOTH_KINDS)
        keys = await driver.capture()
        got: dict[tuple[str, int], bytes] = {}

        async def read(name: str, offset: int, step: int) -> None:
            entry = driver.entry(name)
            for start in range(offset, entry.size, step):
                got[name, start] = bytes(await driver.images.read(entry, start, step))

        async with trio.open_nursery() as nursery:
            for key in keys:
                for offset, step in ((0, 300), (0, 1000), (500, 700)):
                    nursery.start_soon(read, key.name, offset, step)
            nursery.start_soon(driver.capture)
        whole = {file.name: bytes_of(file) for file in exposed}
        assert all(whole[name][start:].startswith(data) for (name, start), data in got.items())
        assert sorted(await driver.contents()) == sorted(whole.values())
        assert not driver.pending()


async def test_continuous_drive(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    async with running(tmp_path) as driver:
        await driver.operations.write(Dataset.GROUP2, {"DriveMode": CONTINUOUS})
        keys = await driver.capture()
        assert len(keys) == len(exposed) == driver.fp.burst
        await driver.capture()
        assert len(exposed) == 2 * driver.fp.burst
        assert await driver.contents() == [bytes_of(file) for file in exposed]


async def test_a_shot_for_the_card(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    async with running(tmp_path) as driver:
        await driver.take_body(BOTH_KINDS, Destination.CAMERA)
        for _ in range(3):
            paths = await driver.images.capture(SnapMode.WITHOUT_AF, BUDGET, Destination.CAMERA)
            assert paths == [PurePosixPath("card/DCIM/100SIGMA", file.name) for file in exposed[-2:]]
            assert not driver.pending()
        assert driver.names() == []
        assert not driver.count(SigmaOperation.GetBigPartialPictFile)


async def test_a_name_that_comes_again_gets_a_number(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "SDIM0001.JPG").write_bytes(b"of another card")
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        assert key.name == "SDIM0001~2.JPG"
        assert await driver.contents() == [b"of another card", bytes_of(exposed[0])]
    async with emulated("sigma-fp") as camera:
        assert (await rescued(camera, spool)).keys() == {"SDIM0001.JPG", "SDIM0001~2.JPG"}


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/tmp/x", "..", ".hidden", "", "a\0b", "X" * 300 + ".JPG", "\n%2F"]
)
async def test_names_are_not_trusted(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    async with running(tmp_path) as driver:
        honest = driver.operations.pictures

        async def records() -> tuple[Picture, ...]:
            [picture] = await honest()
            return (Picture(picture.address, picture.size, "../..", name, "JPG", 1, 1),)

        monkeypatch.setattr(driver.operations, "pictures", records)
        [key] = await driver.capture()
        await driver.read(key.name)
        assert os.listdir(tmp_path) == ["spool"]
        assert os.listdir(tmp_path / "spool") == [key.name]
        assert len(key.name) <= 100


# ---------------------------------------------------------------------- failures


FAILURES = [
    (CaptureState.AF_FAILED, errors.FocusFailed),
    (CaptureState.BUFFER_FULL, errors.BufferFull),
    (CaptureState.GENERATION_FAILED, errors.CaptureFailed),
    (CaptureState.FAILED, errors.CaptureFailed),
    (CaptureState.ENDED, errors.CaptureFailed),
    (CaptureState.WHITE_BALANCE_FAILED, errors.CaptureFailed),
]


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
        await driver.take_body(BOTH_KINDS)
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


# ---------------------------------------------------------------------- removing


@pytest.mark.parametrize("reads", [0, 100, 10_000])
async def test_removing(reads: int, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    """An unread file of a pair goes; the other one stays, and stays after a restart."""
    async with running(tmp_path) as driver:
        await driver.take_body(BOTH_KINDS)
        raw, jpeg = await driver.capture()
        await driver.images.read(driver.entry(raw.name), 0, reads)
        entry = driver.entry(raw.name)
        await driver.images.remove(entry)
        assert driver.names() == [jpeg.name]
        assert not driver.pending()
        with pytest.raises(errors.NotFound):
            await driver.images.read(entry, 0, 1)
        assert os.listdir(tmp_path / "spool") == [jpeg.name]
        assert await driver.read(jpeg.name) == bytes_of(exposed[1])
        await driver.images.remove(driver.entry(jpeg.name))
        assert driver.names() == os.listdir(tmp_path / "spool") == []


async def test_removing_while_it_is_read(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        entry = driver.entry(key.name)
        got: list[bytes] = []

        async def read() -> None:
            try:
                got.append(bytes(await driver.images.read(entry, 0, entry.size)))
            except errors.CameraError:
                got.append(b"")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.lowlevel.checkpoint()
            nursery.start_soon(driver.images.remove, entry)
        assert got[0] in (b"", bytes_of(exposed[0]))
        assert driver.names() == os.listdir(tmp_path / "spool") == []
        assert not driver.pending()


# ---------------------------------------------------------------------- a full disk


@dataclass
class Disk:
    """A disk that may be full."""

    room: int | None = None

    def write(self, descriptor: int, offset: int, data: bytes | memoryview) -> None:
        if self.room is not None:
            self.room -= len(data)
            if self.room < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.pwrite(descriptor, data, offset)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(spool_module, "_write", disk.write)
    return disk


@pytest.mark.parametrize("room", [0, 1100, 3500])
async def test_a_full_disk(
    room: int, disk: Disk, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """Readers get their bytes, the shot stays in the camera, and no other is taken."""
    async with running(tmp_path) as driver:
        await driver.take_body(BOTH_KINDS)
        disk.room = room
        keys = await driver.capture()
        for _ in range(2):
            assert await driver.contents() == [bytes_of(file) for file in exposed]
        assert driver.pending()
        snaps = driver.count(SigmaOperation.SnapCommand)
        with pytest.raises(errors.StoreFull):
            await driver.capture()
        with pytest.raises(errors.StoreFull):
            await driver.images.save()
        assert driver.count(SigmaOperation.SnapCommand) == snaps
        assert driver.images.has_unsaved
        assert await driver.contents() == [bytes_of(file) for file in exposed]
        await driver.images.remove(driver.entry(keys[0].name))
        assert driver.names() == [keys[1].name]
        assert driver.pending()
        disk.room = None
        await driver.capture()
        assert await driver.contents() == [bytes_of(file) for file in exposed[1:]]
        assert not driver.pending()
        assert sorted(os.listdir(tmp_path / "spool")) == sorted(driver.names())


async def test_a_full_disk_and_all_is_removed(
    disk: Disk, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """`mv` away from a full disk: what is removed needs no room, and the shutter works again."""
    async with running(tmp_path) as driver:
        await driver.take_body(BOTH_KINDS)
        disk.room = 0
        for key in await driver.capture():
            await driver.read(key.name)
            await driver.images.remove(driver.entry(key.name))
        assert not driver.pending()
        assert len(await driver.capture()) == 2


async def test_a_full_disk_at_a_rescue(
    disk: Disk, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """What was left is listed and can be read, and nothing is released."""
    async with emulated("sigma-fp") as camera:
        async with program(camera, tmp_path / "spool") as driver:
            await driver.take_body()
            await driver.capture()
        async with program(camera, tmp_path / "spool") as driver:
            disk.room = 0
            with pytest.raises(errors.StoreFull):
                await driver.images.rescue()
            assert driver.images.has_unsaved
            assert driver.pending()
            assert await driver.contents() == [bytes_of(exposed[0])]
            disk.room = None
            await driver.images.save()
            assert not driver.pending()


async def test_a_spool_that_cannot_be_made(
    tmp_path: Path, exposed: list[PictureFile], caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    (tmp_path / "spool").write_bytes(b"a file")
    async with running(tmp_path) as driver:
        [key] = await driver.capture()
        assert "cannot be kept" in caplog.text
        assert await driver.read(key.name) == bytes_of(exposed[0])
        with pytest.raises(errors.Refused):
            await driver.capture()
        (tmp_path / "spool").unlink()
        await driver.capture()
        assert await driver.contents() == [bytes_of(file) for file in exposed]


# ---------------------------------------------------------------------- endings


async def test_what_a_power_cycle_takes(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    """Files that only the camera held go; what came of one stays as what it is."""
    async with running(tmp_path) as driver:
        await driver.take_body(BOTH_KINDS)
        raw, jpeg = await driver.capture()
        await driver.read(jpeg.name)
        entry = driver.entry(raw.name)
        await driver.images.read(entry, 0, 1500)
        driver.fp.power_cycle()
        driver.images.note_emptied()
        assert driver.names() == [jpeg.name]
        with pytest.raises(errors.NotFound):
            await driver.images.read(entry, 0, 1)
        await driver.take_body()
        [key] = await driver.capture()
        assert driver.names() == [jpeg.name, f"partial-{raw.name}", key.name]
        assert await driver.read(f"partial-{raw.name}") == bytes_of(exposed[0])[:1500]
        assert await driver.read(jpeg.name) == bytes_of(exposed[1])


async def test_a_part_that_nobody_completes(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """Of a camera that was switched off after its program was killed."""
    async with emulated("sigma-fp") as camera:
        async with program(camera, tmp_path) as driver:
            await driver.take_body(BOTH_KINDS)
            raw, _ = await driver.capture()
            await driver.images.read(driver.entry(raw.name), 0, 1500)
            driver.fp.power_cycle()
        found = await rescued(camera, tmp_path)
        assert found == {f"partial-{raw.name}": bytes_of(exposed[0])[:1500]}
        assert await rescued(camera, tmp_path) == found


async def busy_day(driver: Program, removed: list[str], asked: list[str]) -> None:
    """Take, read and remove pictures in the ways that there are."""
    await driver.take_body(BOTH_KINDS)
    raw, jpeg = await driver.capture()
    await driver.images.read(driver.entry(raw.name), 1024, 500)
    await driver.read(raw.name)
    asked.append(raw.name)
    await driver.images.remove(driver.entry(raw.name))
    removed.append(raw.name)
    await driver.read(jpeg.name)
    await driver.operations.write(Dataset.GROUP2, {"ImageQuality": JPEG})
    [first] = await driver.capture()
    await driver.images.read(driver.entry(first.name), 0, 1200)
    [second] = await driver.capture()
    asked.append(second.name)
    await driver.images.remove(driver.entry(second.name))
    removed.append(second.name)
    await driver.capture()
    await driver.images.save()
    await driver.operations.close_application()


def check(found: dict[str, bytes], exposed: list[PictureFile], removed: list[str], asked: list[str]) -> None:
    """No shot lost, none twice."""
    contents = list(found.values())
    for file in exposed:
        times = contents.count(bytes_of(file))
        if file.name in removed:
            assert times == 0, file.name
        elif file.name in asked:
            assert times <= 1, file.name
        else:
            assert times == 1, file.name
    assert len(contents) <= len(exposed)
    assert all(data in [bytes_of(file) for file in exposed] for data in contents)


async def one_day(
    folder: Path, exposed: list[PictureFile], *fates: Fate
) -> tuple[dict[str, bytes], list[str], list[str]]:
    """Let a program live to its end or be killed, others rescue what it leaves and be killed too, and return what is found then."""
    removed: list[str] = []
    asked: list[str] = []
    exposed.clear()
    async with emulated("sigma-fp") as camera:
        for index, fate in enumerate(fates):
            try:
                async with program(camera, folder, fate) as driver:
                    if index == 0:
                        await busy_day(driver, removed, asked)
                    elif driver.fp.locked:
                        await driver.images.rescue()
                        await driver.operations.close_application()
            except Killed:
                pass
        found = await rescued(camera, folder)
        assert camera.body.sigma is not None
        assert camera.body.sigma.life is Life.CARD
    return found, removed, asked


async def test_a_program_that_is_not_killed(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    found, removed, asked = await one_day(tmp_path, exposed, Fate())
    check(found, exposed, removed, asked)
    assert len(exposed) == 5
    assert len(found) == 3


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_a_program_that_is_killed_at_every_step(
    before: bool, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """Before or after each transaction and each work on the disk, without any clean-up; the next program finds each shot once."""
    life = Fate()
    await one_day(tmp_path / "whole", exposed, life)
    assert life.steps > 60
    for step in range(1, life.steps + 1):
        found, removed, asked = await one_day(tmp_path / str(step), exposed, Fate(step, before))
        check(found, exposed, removed, asked)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
async def test_a_rescue_that_is_killed_at_every_step(
    before: bool, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """So is the one after it."""
    life = Fate()
    await one_day(tmp_path / "whole", exposed, life)
    for death in range(20, life.steps, 9):
        rescue = Fate()
        await one_day(tmp_path / f"{death}", exposed, Fate(death), rescue)
        for step in range(1, rescue.steps + 1):
            fates = Fate(death), Fate(step, before), Fate(step + 3, before)
            found, removed, asked = await one_day(tmp_path / f"{death}-{step}", exposed, *fates)
            check(found, exposed, removed, asked)


class Walk:
    """A day of someone who does anything in any order, on a computer whose power fails and whose disk fills up.

    Attributes:
        gone: names of files that were removed.
        doubtful: names of files that somebody began to remove, and was interrupted.
    """

    def __init__(self, camera: EmulatedCamera, folder: Path, disk: Disk, chance: random.Random) -> None:
        self.camera, self.folder, self.disk, self.chance = camera, folder, disk, chance
        self.gone: set[str] = set()
        self.doubtful: set[str] = set()

    async def program(self, steps: int) -> None:
        """Live as one program."""
        fate = Fate(self.chance.randrange(5, 200), self.chance.random() < 0.5)
        try:
            async with program(self.camera, self.folder, fate) as driver:
                if driver.fp.locked:
                    await driver.images.rescue()
                    await driver.operations.close_application()
                await driver.take_body()
                for _ in range(steps):
                    with contextlib.suppress(errors.CameraError):
                        await self.act(driver)
        except* (Killed, errors.CameraError):
            pass

    async def act(self, driver: Program) -> None:
        match self.chance.randrange(9):
            case 0 | 1:
                await driver.operations.write(
                    Dataset.GROUP2, {"ImageQuality": self.chance.choice((JPEG, DNG, BOTH_KINDS))}
                )
                with trio.move_on_after(self.chance.choice((0.2, 0.5, 60, 60, 60))):
                    await driver.capture()
            case 2:
                self.disk.room = self.chance.choice((None, None, 0, 2000))
            case 3:
                await driver.images.save()
            case 4 if names := driver.names():
                name = self.chance.choice(names)
                self.doubtful.add(original_name(name))
                await driver.images.remove(driver.entry(name))
                if not driver.pending():  # else the disk is full, and the rest of its shot found no room
                    self.doubtful.discard(original_name(name))
                    self.gone.add(original_name(name))
            case 5:
                driver.fp.failures.append(self.chance.choice(list(FAILURES))[0])
            case 6:
                operation = self.chance.choice(list(SigmaOperation))
                kind = self.chance.choice((FaultKind.NO_ANSWER, FaultKind.REFUSE, FaultKind.STALL))
                driver.camera.faults.append(Fault(kind, operation))
            case _ if names := driver.names():
                async with trio.open_nursery() as nursery:
                    for _ in range(2):
                        nursery.start_soon(self.read, driver, self.chance.choice(names))

    async def read(self, driver: Program, name: str) -> None:
        with contextlib.suppress(errors.CameraError):
            entry = driver.entry(name)
            offset = self.chance.choice((0, self.chance.randrange(entry.size)))
            await driver.images.read(entry, offset, self.chance.choice((100, 2000, 10_000)))


@pytest.mark.parametrize("seed", range(40))
async def test_anything_in_any_order(
    seed: int, disk: Disk, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """No shot lost, none twice."""
    async with emulated("sigma-fp") as camera:
        walk = Walk(camera, tmp_path / "spool", disk, random.Random(seed))
        for _ in range(8):
            await walk.program(30)
        disk.room = None
        camera.faults.clear()
        found = await rescued(camera, tmp_path / "spool")
    check(found, exposed, list(walk.gone), list(walk.doubtful))


async def test_a_shot_that_is_being_exposed_is_waited_for(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    async with emulated("sigma-fp") as camera:
        async with program(camera, tmp_path) as driver:
            await driver.take_body()
            driver.fp.snap_time = 6
            await driver.operations.snap(SnapMode.WITHOUT_AF)
        assert list((await rescued(camera, tmp_path)).values()) == [bytes_of(exposed[0])]


async def test_a_shot_on_the_card_is_not_rescued(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    async with emulated("sigma-fp") as camera:
        async with program(camera, tmp_path) as driver:
            await driver.take_body(destination=Destination.CAMERA)
            await driver.operations.snap(SnapMode.WITHOUT_AF)
        assert await rescued(camera, tmp_path) == {}
        assert len(exposed) == 1


# ---------------------------------------------------------------------- movies


async def filmed(driver: Program, seconds: float = 2) -> None:
    await driver.images.start_movie()
    assert driver.images.recording
    with pytest.raises(errors.Busy):
        await driver.capture()
    await trio.sleep(seconds)
    await driver.images.stop_movie()
    assert not driver.images.recording


async def cine(driver: Program, destination: int = Destination.BOTH) -> None:
    await driver.take_body(destination=destination)
    await driver.operations.write(Dataset.MOVIE, {"CaptureMode": CINE})
    await driver.operations.write(Dataset.MOVIE, {"RecordFormat": MOV})


async def test_movies_need_cine(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with running(tmp_path) as driver:
        with pytest.raises(errors.NotPermitted, match="cine"):
            await driver.images.start_movie()
        assert not driver.images.recording
        await driver.images.stop_movie()


async def test_a_movie_is_on_the_card(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    async with running(tmp_path) as driver:
        await cine(driver)
        for _ in range(3):
            await filmed(driver)
            assert not driver.pending()
        assert len(exposed) == 3
        assert driver.names() == []
        await driver.operations.write(Dataset.MOVIE, {"CaptureMode": 1})
        await driver.capture()
        with pytest.raises(errors.Refused):
            await driver.images.read_movie(0, 1)


async def test_a_take_is_read(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    async with running(tmp_path, movies=True) as driver:
        await cine(driver)
        await filmed(driver, 0.1)
        [take] = exposed
        entry = driver.entry(take.name)
        assert entry.size == take.content.size
        assert bytes(await driver.images.read(entry, 5000, 3000)) == take.content.read(5000, 3000)
        assert bytes(await driver.images.read(entry, entry.size - 10, 3000)) == bytes_of(take)[-10:]
        assert bytes(await driver.images.read_movie(0, 16)) == take.content.read(0, 16)
        for offset, size in ((entry.size - 1, 2), (-1, 5), (0, 0)):
            with pytest.raises(errors.InvalidValue):
                await driver.images.read_movie(offset, size)
        assert not driver.images.has_unsaved
        await driver.images.remove(entry)
        assert not driver.pending()
        with pytest.raises(errors.Refused):
            await driver.images.read(entry, 0, 1)


async def test_a_take_that_would_take_the_camera_off_the_bus(
    tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """Each way in which what was at index 0 is there no more; `running` checks that the camera is."""
    async with running(tmp_path, movies=True) as driver:

        async def refused(entry: Entry) -> None:
            with pytest.raises(errors.Refused):
                await driver.images.read(entry, 0, 100)
            with pytest.raises(errors.Refused):
                await driver.images.read_movie(0, 1)

        await cine(driver)
        await filmed(driver)
        entry = driver.entry(exposed[0].name)
        await driver.operations.clear(0)  # by another program
        await refused(entry)
        await cine(driver)
        await filmed(driver)  # at index 1
        assert driver.names() == []
        await driver.operations.close_application()
        driver.images.note_emptied()
        await cine(driver)
        await filmed(driver)
        entry = driver.entry(exposed[-1].name)
        assert await driver.images.read(entry, 0, 100)
        await driver.images.start_movie()
        await refused(entry)
        await driver.images.stop_movie()
        await refused(entry)
        await driver.operations.close_application()
        driver.images.note_emptied()
        await cine(driver, Destination.COMPUTER)
        await filmed(driver)
        assert driver.names() == []
        await refused(entry)
        await driver.operations.close_application()
        driver.images.note_emptied()
        await cine(driver)
        await filmed(driver)
        entry = driver.entry(exposed[-1].name)
        driver.fp._audio_written = True
        with pytest.raises(errors.RemoteProtocolError):
            await driver.images.read(entry, 0, 100)
        await refused(entry)


async def test_saving_ends_a_movie(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    async with running(tmp_path, movies=True) as driver:
        await cine(driver)
        await driver.images.start_movie(with_af=True)
        await trio.sleep(1)
        await driver.images.save()
        assert not driver.images.recording
        assert not driver.pending()
        assert driver.names() == []
        assert len(exposed) == 1


@pytest.mark.parametrize("command", [0, 1])
@pytest.mark.parametrize("kind", [FaultKind.NO_ANSWER, FaultKind.STALL, FaultKind.REFUSE])
async def test_a_command_of_a_movie_that_ends_unclearly(
    kind: FaultKind, command: int, tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock
) -> None:
    """It can be stopped, and the camera films no longer than that."""
    async with running(tmp_path) as driver:
        await cine(driver)
        driver.camera.faults.append(Fault(kind, SigmaOperation.SnapCommand, skip=command))
        for change in (driver.images.start_movie, driver.images.stop_movie, driver.images.stop_movie):
            try:
                await change()
            except errors.CameraError:
                await trio.sleep(1)
        assert not driver.images.recording
        assert driver.fp.life is Life.API
        await filmed(driver)
        assert not driver.pending()


async def test_a_stop_that_is_cancelled(tmp_path: Path, exposed: list[PictureFile], autojump_clock: MockClock) -> None:
    async with running(tmp_path) as driver:
        await cine(driver)
        await driver.images.start_movie()
        with trio.move_on_after(0.1):
            await driver.images.stop_movie()
        await driver.images.stop_movie()
        await filmed(driver)
        assert not driver.pending()
        assert len(exposed) == 2

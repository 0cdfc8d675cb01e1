"""A program that drives the image database of an emulated fp, and that may be killed at any step; and a disk that may be full."""

import errno
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from camfs import errors
from camfs.cameras.api import Change, Entry
from camfs.cameras.ptp.session import Session
from camfs.cameras.ptp.transaction import Reply
from camfs.cameras.ptp.usblink import UsbLink
from camfs.cameras.sigma import exposure, imagedb
from camfs.cameras.sigma.imagedb import ImageFolder
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.cameras.tethered.shot_key import ImageKey
from camfs.cameras.tethered.spool import Spool
from camfs.protocols.sigma.codes import CaptureState, Destination, SigmaOperation, SnapMode
from camfs.protocols.sigma.datasets import Dataset
from camfs.virtual import EmulatedCamera
from camfs.virtual.pictures import generated
from camfs.virtual.sigma import database
from camfs.virtual.sigma.database import PictureFile
from camfs.virtual.sigma.fp import Mode, SigmaFp
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

FAILURES = [
    (CaptureState.AF_FAILED, errors.FocusFailed),
    (CaptureState.BUFFER_FULL, errors.BufferFull),
    (CaptureState.GENERATION_FAILED, errors.CaptureFailed),
    (CaptureState.FAILED, errors.CaptureFailed),
    (CaptureState.ENDED, errors.CaptureFailed),
    (CaptureState.WHITE_BALANCE_FAILED, errors.CaptureFailed),
]


def kept(folder: Path) -> list[str]:
    """Return what is in a spool's folder, but for the sizes and digests of files that are there."""
    names = os.listdir(folder)
    return sorted(name for name in names if not (name.endswith(".sum") and name[1:-4] in names))


def bytes_of(file: PictureFile) -> bytes:
    return file.content.read(0, file.content.size)


def make_small_pictures(patch: pytest.MonkeyPatch) -> None:
    """Have emulated cameras make pictures of a few pieces each, all different."""

    def make(kind: str, size: int) -> Callable[..., bytes]:
        return lambda shot, *_: random.Random(f"{kind}{shot.number}").randbytes(size + 7 * shot.number)

    patch.setattr(generated, "jpeg", make("JPEG", 1500))
    patch.setattr(generated, "dng", make("DNG", 3000))
    patch.setattr(exposure, "PIECE", PIECE)
    patch.setattr(imagedb, "PIECE", PIECE)


def collect_exposed(patch: pytest.MonkeyPatch) -> list[PictureFile]:
    """Return a list into which the files of all go that emulated cameras expose."""
    files: list[PictureFile] = []
    add = database.SlotRing.add

    def collecting(self: database.SlotRing, slot: database.Slot) -> None:
        if slot.file is not None:
            files.append(slot.file)
        add(self, slot)

    patch.setattr(database.SlotRing, "add", collecting)
    return files


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

    async def run(self, function: Callable[..., Any], *arguments: object) -> Any:
        """See `Spool.run`."""
        run = super().run
        return await self.fate.step(lambda: run(function, *arguments))

    def die(self) -> None:
        """Let the lock go, as the system does with a dead program's."""
        if self._here is not None:
            self._here.close()


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
        assert self.camera.state.sigma is not None
        return self.camera.state.sigma

    async def acquire(self, quality: int = JPEG, destination: int = Destination.COMPUTER) -> None:
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
    session = MortalSession(UsbLink(pipes), timeout=10)
    session.fate = fate or Fate()
    spool = MortalSpool(folder)
    spool.fate = session.fate
    changes: list[Change] = []

    async def announce(change: Change) -> None:
        changes.append(change)

    operations = SigmaOperations(session, camera.state.device_info.operations)
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
        await driver.acquire()
        yield driver
        assert driver.fp.mode is not Mode.GONE


async def rescued(camera: EmulatedCamera, folder: Path) -> dict[str, bytes]:
    """Mount again as the driver does, and return all that is in the folder then."""
    async with program(camera, folder) as driver:
        if driver.fp.locked:
            await driver.images.rescue()
            assert not driver.pending()
            assert not driver.images.has_unsaved
            await driver.operations.close_application()
        return {name: await driver.read(name) for name in driver.names()}


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

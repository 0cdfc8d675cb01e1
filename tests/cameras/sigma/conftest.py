"""A clock that jumps: between driver and emulated camera only the disk is real, and it is not waited for; and small pictures."""

import os
import random
from collections.abc import Callable
from typing import TypeVar

import pytest
import trio.testing

from camfs import private_files
from camfs.cameras.sigma import exposure, imagedb, partial_file
from camfs.virtual.pictures import generated as pictures
from camfs.virtual.sigma import database
from camfs.virtual.sigma.database import PictureFile
from tests.cameras.sigma.program import PIECE, Disk

T = TypeVar("T")


async def _at_once(function: Callable[..., T], *arguments: object) -> T:
    """Run a function here instead of in a thread, during which the clock would jump to whatever is due next."""
    await trio.lowlevel.checkpoint()
    return function(*arguments)


@pytest.fixture
def jumping_clock(monkeypatch: pytest.MonkeyPatch) -> trio.testing.MockClock:
    """Time passes when nothing else is left to happen."""
    monkeypatch.setattr(trio.to_thread, "run_sync", _at_once)
    return trio.testing.MockClock(autojump_threshold=0)


@pytest.fixture
def disk_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the disk without threads: a jumping clock does not see them, and takes their work for silence."""
    monkeypatch.setattr(trio.to_thread, "run_sync", _at_once)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
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
    add = database.SlotRing.add

    def collecting(self: database.SlotRing, slot: database.Slot) -> None:
        if slot.file is not None:
            files.append(slot.file)
        add(self, slot)

    monkeypatch.setattr(database.SlotRing, "add", collecting)
    return files


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Return a disk that may be full."""
    disk = Disk()
    monkeypatch.setattr(partial_file, "write_all", disk.write)
    monkeypatch.setattr(private_files, "write_all", disk.write)
    return disk

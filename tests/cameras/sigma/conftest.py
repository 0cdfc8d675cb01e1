"""A disk that is not waited for, or is full; and small pictures."""

import os
import random
from collections.abc import Callable

import pytest

from camfs import private_files
from camfs.cameras.sigma import exposure, imagedb
from camfs.cameras.tethered import partial_file
from camfs.virtual.pictures import generated as pictures
from camfs.virtual.sigma import database
from camfs.virtual.sigma.database import PictureFile
from tests.cameras.sigma.program import PIECE, Disk


@pytest.fixture
def disk_without_threads(without_threads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the disk without threads, and do not wait until it has written what it was given."""
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

"""A disk that is not waited for, or is full; and small pictures."""

import os

import pytest

from camfs import private_files
from camfs.cameras.tethered import partial_file
from camfs.virtual.sigma.database import PictureFile
from tests.cameras.sigma.program import Disk, collect_exposed, make_small_pictures


@pytest.fixture
def disk_without_threads(without_threads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the disk without threads, and do not wait until it has written what it was given."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make pictures of a few pieces each, all different."""
    make_small_pictures(monkeypatch)


@pytest.fixture
def exposed(monkeypatch: pytest.MonkeyPatch) -> list[PictureFile]:
    """Collect the files of all that the emulated camera exposes."""
    return collect_exposed(monkeypatch)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Return a disk that may be full."""
    disk = Disk()
    monkeypatch.setattr(partial_file, "write_all", disk.write)
    monkeypatch.setattr(private_files, "write_all", disk.write)
    return disk

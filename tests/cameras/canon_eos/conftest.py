"""A disk that is not waited for, and small pictures."""

import os
import random
from collections.abc import Callable

import pytest

from camfs.virtual.pictures import generated as pictures


@pytest.fixture(autouse=True)
def disk_without_threads(without_threads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the disk without threads, and do not wait until it has written what it was given."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(autouse=True)
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make pictures that take no time, all different."""

    def make(kind: str, size: int) -> Callable[..., bytes]:
        return lambda shot, *_: random.Random(f"{kind}{shot.number}").randbytes(size + 7 * shot.number)

    monkeypatch.setattr(pictures, "jpeg", make("JPEG", 1500))
    monkeypatch.setattr(pictures, "dng", make("DNG", 3000))

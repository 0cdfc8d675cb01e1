"""Copies of objects: what is put in comes out, in segments, from a place on, and on a disk that is nearly full."""

import errno
import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from camfs import errors
from camfs.cameras.ptp import copies
from camfs.cameras.ptp.copies import Copy

DATA = random.Random(1).randbytes(100_000)


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(copies, "SEGMENT", 7000)
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@pytest.fixture
def descriptors() -> Iterator[None]:
    """See that no file stays open."""
    before = os.listdir("/proc/self/fd")
    yield
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.usefixtures("descriptors")
@pytest.mark.parametrize("piece", [1000, 7000, 9999, 100_000])
@pytest.mark.parametrize("start", [0, 1, 6999, 7000, 50_000])
def test_a_copy(start: int, piece: int, tmp_path: Path) -> None:
    copy = Copy(start)
    for at in range(0, len(DATA), piece):
        copy.append(DATA[at : at + piece])
        assert copy.received == min(at + piece, len(DATA))
    assert copy.kept == len(DATA) - start
    places = random.Random(2)
    for _ in range(100):
        offset, size = places.randrange(start, len(DATA)), places.choice((1, 100, 7000, 20_000))
        assert copy.read(offset, size) == DATA[offset : offset + size]
    assert copy.read(len(DATA), 10) == copy.read(len(DATA) + 9, 10) == b""
    assert list(tmp_path.iterdir()) == []
    copy.close()
    copy.close()


def nearly_full(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """Let the disk take so many bytes, those of closed files not counted."""
    held: dict[int, int] = {}
    pwrite, close = os.pwrite, os.close

    def write(file: int, data: memoryview, offset: int) -> int:
        if sum(held.values()) >= room:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = pwrite(file, data[: room - sum(held.values())], offset)
        held[file] = held.get(file, 0) + written
        return written

    def let_go(file: int) -> None:
        held.pop(file, None)
        close(file)

    monkeypatch.setattr(os, "pwrite", write)
    monkeypatch.setattr(os, "close", let_go)


@pytest.mark.usefixtures("descriptors")
def test_a_copy_passes_through_a_small_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    nearly_full(monkeypatch, 20_000)
    copy = Copy()
    for at in range(0, len(DATA), 1000):
        copy.append(DATA[at : at + 1000])
        assert copy.read(at, 1000) == DATA[at : at + 1000]
    assert len(DATA) - copy.start <= 20_000
    assert copy.read(copy.start, len(DATA)) == DATA[copy.start :]
    copy.close()


def test_bytes_that_nobody_has_read_are_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    nearly_full(monkeypatch, 20_000)
    copy = Copy()
    with pytest.raises(errors.StoreFull):
        copy.append(DATA)
    assert copy.read(0, 100_000) == DATA[: copy.received]
    assert copy.received == 20_000
    copy.append(DATA[20_000:21_000])
    assert copy.start == 7000
    copy.close()


def test_a_folder_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    copy = Copy()
    copy.append(b"abc")
    assert copy.read(0, 10) == b"abc"
    copy.close()


@pytest.mark.parametrize("named", [False, True], ids=["unnamed", "a disk without unnamed files"])
@pytest.mark.parametrize("mode", [0o700, 0o777, 0o1777])
def test_a_folder_that_everybody_can_write_to(
    mode: int, named: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy has no name that anybody could open or put something in place of, and is nobody else's."""
    tmp_path.chmod(mode)
    if named:
        monkeypatch.setattr(tempfile, "_O_TMPFILE_WORKS", False)
    copy = Copy()
    copy.append(b"abc")
    assert os.listdir(tmp_path) == []
    (file,) = copy._segments.values()
    assert os.fstat(file).st_nlink == 0
    assert os.fstat(file).st_mode & 0o777 == 0o600
    copy.close()

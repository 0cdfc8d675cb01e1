"""A mapped file that goes: the kernel ends the program with SIGBUS, and nothing wrong is shown."""

import mmap
import os
import random
from pathlib import Path

import pytest

from tests.mounted.inprocess import camera_in_process
from tests.mounted.mount import mounted
from tests.torture.outcome import Counts
from tests.torture.reader import by_direct
from tests.torture.readers import TINY, ChangingCard


def test_a_mapped_file_that_goes(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    counts = Counts({"mapped files gone": 0, "SIGBUS": 0})
    with camera_in_process("ptp", card=str(tmp_path / "empty")) as camera:
        card = ChangingCard(camera, tmp_path / "camera", random.Random(1))
        with mounted(camera.source, card.point, TINY) as mount:
            mount.tolerate("no longer on the camera", "is gone")
            card.have_one_mapped(counts)
    assert counts == {"mapped files gone": 1, "SIGBUS": 1}


def test_a_short_read_that_ends_before_the_offset_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the file's end, or a file that does not go on, gives nothing."""
    (tmp_path / "file").write_bytes(bytes(8000) + b"here")
    sizes = iter((1024, 2000, 3300))
    read = os.preadv

    def short(file: int, buffers: list[mmap.mmap], offset: int) -> int:
        return min(read(file, buffers, offset), next(sizes, 0))

    monkeypatch.setattr(os, "preadv", short)
    file = os.open(tmp_path / "file", os.O_RDONLY)
    try:
        assert by_direct(file, 7000, 100) == bytes(100)
        assert by_direct(file, 8000, 100) == b""
    finally:
        os.close(file)

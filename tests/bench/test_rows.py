"""What is read is what was asked for, and is held against the camera's file."""

import os
from pathlib import Path

import pytest

from tests.bench.rows import OBJECTS, RANDOM_READS, Card, list_folder, read_at_random, read_part, read_whole, timed_read


def test_a_card_has_files_of_the_sizes_that_were_asked_for(tmp_path: Path) -> None:
    card = Card(tmp_path / "card", large=2_500_000, medium=1_200_000, each=10_000)
    card.make()
    assert list_folder(card.path / "DCIM" / "100CAMFS") == OBJECTS
    sizes = {path.name: path.stat().st_size for path in (card.path / "DCIM" / "101CAMFS").iterdir()}
    assert sizes["LARGE.MOV"] == 2_500_000
    assert sizes["HEAD.MOV"] == sizes["MIDDLE.MOV"] == sizes["RANDOM.MOV"] == 1_200_000
    assert sizes["READ0.MOV"] == sizes["READ3.MOV"] == 10_000


@pytest.mark.parametrize(("size", "name"), [(256 << 20, "256 MB"), (60_000_000, "60 MB")])
def test_the_large_file_by_its_size(size: int, name: str) -> None:
    assert Card(Path("card"), size, 1, 1).megabytes == name


def test_reading(tmp_path: Path) -> None:
    file = tmp_path / "file"
    data = os.urandom((2 << 20) + 5)
    file.write_bytes(data)
    assert read_whole(file) == data[-5:] + str(len(data)).encode()
    assert read_part(file, 100, 50) == data[100:150]
    assert len(read_at_random(file)) == RANDOM_READS * 4096
    assert read_at_random(file) == read_at_random(file)


def test_a_mount_with_other_bytes_is_no_result(tmp_path: Path) -> None:
    shown, served = tmp_path / "shown", tmp_path / "served"
    shown.write_bytes(bytes(1000))
    served.write_bytes(bytes(1000))
    assert timed_read(read_whole, shown, served) > 0
    served.write_bytes(bytes(999))
    with pytest.raises(AssertionError, match="other bytes"):
        timed_read(read_whole, shown, served)

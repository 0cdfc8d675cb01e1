"""`df`: the room in the store that is meant."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mounted.mount import Mount, mounted, run

CARD = 64_000_000_000
"""Bytes of an emulated store that shows no folder."""


@pytest.fixture(scope="module")
def two_stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mount]:
    """Mount a camera whose memory is as large as this computer's disk, and whose card is not."""
    memory = tmp_path_factory.mktemp("memory")
    (memory / "DCIM" / "100CAMFS").mkdir(parents=True)
    (memory / "DCIM" / "100CAMFS" / "1.JPG").write_bytes(bytes(10))
    with mounted(f"virtual:ptp?memory={memory}", tmp_path_factory.mktemp("mount") / "camera") as mount:
        yield mount


@pytest.fixture
def disk(tmp_path: Path) -> int:
    """Return the size of the disk in blocks."""
    return shutil.disk_usage(tmp_path).total // 4096


def blocks(path: Path | str, cwd: Path | None = None) -> int:
    """Return the blocks of 4096 bytes that df shows."""
    return int(run("df", "--output=size", "-B4096", path, cwd=cwd).stdout.split()[1])


def test_df_of_each_store(two_stores: Mount, disk: int) -> None:
    for _ in range(2):
        assert blocks(two_stores.path / "card") == CARD // 4096
        assert blocks(two_stores.path / "memory") == disk


def test_df_below_a_store(two_stores: Mount, disk: int) -> None:
    for path in ("memory/DCIM", "memory/DCIM/100CAMFS", "memory/DCIM/100CAMFS/1.JPG"):
        assert blocks(two_stores.path / path) == disk
    for path in ("card/DCIM", "card/DCIM/100CAMFS/CAMF0001.JPG"):
        assert blocks(two_stores.path / path) == CARD // 4096


def test_df_from_within(two_stores: Mount, disk: int) -> None:
    for place in ("memory", "memory/DCIM/100CAMFS"):
        assert blocks(".", two_stores.path / place) == disk
    for place in ("card", "card/DCIM"):
        assert blocks(".", two_stores.path / place) == CARD // 4096


def test_df_of_the_mount_is_of_all_stores(two_stores: Mount, disk: int) -> None:
    assert blocks(two_stores.path) == pytest.approx(disk + CARD // 4096, abs=2)


def test_df_of_both_at_once(two_stores: Mount, disk: int) -> None:
    """df shows a file system once for each path it is given."""
    lines = run("df", "--output=size", "-B4096", two_stores.path / "card", two_stores.path / "memory").stdout.split()
    assert lines[1:] == [str(CARD // 4096), str(disk)]


def test_df_is_human(two_stores: Mount) -> None:
    line = run("df", "-h", two_stores.path / "card").stdout.splitlines()[1].split()
    assert line[0].startswith("virtual:ptp?memory=")
    assert line[1] == "60G"
    assert line[5] == str(two_stores.path)
    line = run("df", "-H", two_stores.path / "card").stdout.splitlines()[1].split()
    assert line[1] == "64G"


def test_statvfs(two_stores: Mount) -> None:
    for path in (two_stores.path, two_stores.path / "card", two_stores.path / "memory"):
        room = os.statvfs(path)
        assert room.f_frsize == room.f_bsize == 4096
        assert 0 < room.f_bavail == room.f_bfree <= room.f_blocks
        assert room.f_namemax == 255
    room = os.statvfs(two_stores.path / "card")
    used = sum(entry.stat().st_size for entry in os.scandir(two_stores.path / "card/DCIM/100CAMFS"))
    assert abs((room.f_blocks - room.f_bfree) * 4096 - used) <= 4096


def test_stat_of_the_file_system(two_stores: Mount) -> None:
    words = run("stat", "-f", "-c", "%T %S %b %l", two_stores.path / "card").stdout.split()
    assert words == ["fuseblk", "4096", str(CARD // 4096), "255"]


def test_one_store(camera: Path) -> None:
    with mounted("virtual:sigma-fp", camera):
        for path in (camera, camera / "card", camera / "card/DCIM/100SIGMA/SDIM0001.DNG"):
            assert blocks(path) == CARD // 4096


def test_status_says_the_same(two_stores: Mount) -> None:
    room = os.statvfs(two_stores.path / "card")
    free = f"{room.f_bfree * 4096 / 1e9:.1f} GB"
    assert two_stores.read_status()["card"] == f"64.0 GB, {free} free"

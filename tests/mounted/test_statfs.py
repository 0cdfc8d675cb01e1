"""`df`: the room in all stores."""

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


def test_df_is_of_all_stores(two_stores: Mount, disk: int) -> None:
    for path in (
        ".",
        "card",
        "memory",
        "memory/DCIM/100CAMFS/1.JPG",
        "card/DCIM/100CAMFS/CAMF0001.JPG",
    ):
        assert blocks(two_stores.path / path) == pytest.approx(disk + CARD // 4096, abs=2)


def test_df_is_human(two_stores: Mount) -> None:
    line = run("df", "-h", two_stores.path / "card").stdout.splitlines()[1].split()
    assert line[0].startswith("virtual:ptp?memory=")
    assert line[1][-1] in "GT"
    assert line[5] == str(two_stores.path)


def test_statvfs(two_stores: Mount) -> None:
    for path in (two_stores.path, two_stores.path / "card", two_stores.path / "memory"):
        room = os.statvfs(path)
        assert room.f_frsize == room.f_bsize == 4096
        assert 0 < room.f_bavail == room.f_bfree <= room.f_blocks
        assert room.f_namemax == 255


def test_one_store(camera: Path) -> None:
    with mounted("virtual:sigma-fp", camera) as mount:
        for path in (camera, camera / "card", camera / "card/DCIM/100SIGMA/SDIM0001.DNG"):
            assert blocks(path) == CARD // 4096
        line = run("df", "-H", camera / "card").stdout.splitlines()[1].split()
        assert line[1] == "64G"
        words = run("stat", "-f", "-c", "%T %S %b %l", camera / "card").stdout.split()
        assert words == ["fuseblk", "4096", str(CARD // 4096), "255"]
        room = os.statvfs(camera / "card")
        used = sum(entry.stat().st_size for entry in os.scandir(camera / "card/DCIM/100SIGMA"))
        assert abs((room.f_blocks - room.f_bfree) * 4096 - used) <= 4096
        free = f"{room.f_bfree * 4096 / 1e9:.1f} GB"
        assert mount.read_status()["card"] == f"64.0 GB, {free} free"


def test_status_tells_each_store(two_stores: Mount) -> None:
    status = two_stores.read_status()
    assert status["card"].startswith("64.0 GB, ")
    assert " free" in status["memory"]

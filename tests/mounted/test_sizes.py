"""Sizes that a camera has wrong, and parts that it does not read: a copy is whole and right, whatever program makes it."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from camfs.mount.budget import REPEATED
from tests.mounted.contents import KIB, MIB, make_file, make_sparse
from tests.mounted.mount import PATIENCE, Mount, mounted, run

GIB = 1 << 30
WITHOUT_PROPERTIES = "operations=-9803,-9805"
SIZE = 3 * MIB + 500


def by_cat(source: Path, target: Path) -> None:
    with target.open("wb") as file:
        subprocess.run(["cat", source], stdout=file, check=True, timeout=PATIENCE)


def by_cp(source: Path, target: Path) -> None:
    run("cp", source, target)


def by_dd(source: Path, target: Path) -> None:
    run("dd", f"if={source}", f"of={target}", "bs=1M", "status=none")


def by_rsync(source: Path, target: Path) -> None:
    run("rsync", "-a", source, target)


def by_shutil(source: Path, target: Path) -> None:
    run(sys.executable, "-c", "import shutil, sys; shutil.copyfile(*sys.argv[1:])", source, target)


def by_tar(source: Path, target: Path) -> None:
    run("tar", "-cf", f"{target}.tar", "-C", source.parent, source.name)
    with target.open("wb") as file:
        subprocess.run(["tar", "-xOf", f"{target}.tar"], stdout=file, check=True, timeout=PATIENCE)


WAYS = (by_cat, by_cp, by_dd, by_rsync, by_shutil, by_tar)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("sizes", ["zero", "small", "ones"])
def test_a_copy_of_a_movie_whose_size_is_wrong(
    sizes: str, way: Callable[[Path, Path], None], folder: Path, camera: Path, tmp_path: Path
) -> None:
    """Each in a mount of its own, in which nothing is known yet."""
    make_file(folder / "A.MP4", SIZE)
    with mounted(f"virtual:ptp?card={folder}&sizes={sizes}&{WITHOUT_PROPERTIES}", camera) as mount:
        way(camera / "card/A.MP4", tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == (folder / "A.MP4").read_bytes()
        assert (camera / "card/A.MP4").stat().st_size == SIZE
        assert [read.operation for read in mount.trace.reads()].count("GetObject") == 1


@pytest.mark.parametrize("operations", ["", WITHOUT_PROPERTIES, f"{WITHOUT_PROPERTIES},-101B,-95C1"])
@pytest.mark.parametrize("sizes", ["zero", "small", "ones"])
def test_rsync_has_nothing_to_do_the_second_time(
    sizes: str, operations: str, folder: Path, camera: Path, tmp_path: Path
) -> None:
    for name, size in (("A.MP4", SIZE), ("B.MOV", 100), ("C.JPG", 5000), ("D.TXT", 0), ("E.BIN", 256 * KIB)):
        make_file(folder / name, size)
    with mounted(f"virtual:ptp?card={folder}&sizes={sizes}&{operations}", camera) as mount:
        run("rsync", "-a", f"{camera}/card/", tmp_path / "copy")
        run("diff", "-r", folder, tmp_path / "copy")
        mount.trace.transactions()
        assert run("rsync", "-ai", f"{camera}/card/", tmp_path / "copy").stdout == ""
        assert mount.trace.reads() == []


@pytest.mark.parametrize("sizes", ["zero", "modulo", "ones", "small"])
def test_64_bits_are_shown_at_once(sizes: str, folder: Path, camera: Path) -> None:
    make_sparse(folder / "A.MP4", 5 * GIB + 123)
    with mounted(f"virtual:ptp?card={folder}&sizes={sizes}", camera) as mount:
        assert (camera / "card/A.MP4").stat().st_size == 5 * GIB + 123
        assert mount.trace.reads() == []


@pytest.mark.parametrize("sizes", ["zero", "ones", "true"])
@pytest.mark.parametrize("partial", ["refused", "silent-inside", "silent-at-full-packet"])
def test_a_camera_that_does_not_read_parts(
    partial: str, sizes: str, folder: Path, camera: Path, tmp_path: Path
) -> None:
    for name in ("A.MP4", "B.JPG", "C.JPG"):
        make_file(folder / name, SIZE)
    source = f"virtual:ptp?card={folder}&sizes={sizes}&partial={partial}&{WITHOUT_PROPERTIES},-95C1"
    with mounted(source, camera, "timeout=2"):
        run("cp", "-r", camera / "card", tmp_path / "copy")
        run("diff", "-r", folder, tmp_path / "copy")


# ---------------------------------------------------------------------- behind 4 GiB

BEHIND = 4 * GIB + 64 * MIB
"""A place behind 4 GiB, with marks around it."""
END = 4 * GIB + 128 * MIB + 3
"""The size of the movie. It is not much larger than it has to be: some tests transfer all of it."""


def marked(folder: Path) -> Path:
    """Make a movie of more than 4 GiB with marks in it."""
    path = folder / "LARGE.MOV"
    make_sparse(path, END)
    with path.open("r+b") as file:
        for offset in (0, 4 * GIB, BEHIND - MIB):
            os.pwrite(file.fileno(), random.Random(offset).randbytes(2 * MIB), offset)
        for offset in (0, 4 * GIB - 6, BEHIND - 1, END - 9):
            os.pwrite(file.fileno(), b"\x000123456789"[: END - offset], offset)
    return path


def read_at(file: int, size: int, offset: int) -> bytes:
    """Read, again where that takes longer than a request may: the transfer goes on meanwhile, for as long as the file is open."""
    for _ in range(20):
        try:
            return os.pread(file, size, offset)
        except TimeoutError:
            time.sleep(REPEATED)  # until then the same request fails at once
    raise AssertionError("the bytes never come")


def check_marks(mount: Mount) -> None:
    """Look at the marks, and behind the end."""
    with open(mount.path / "card/LARGE.MOV", "rb", buffering=0) as file:
        assert read_at(file.fileno(), 11, BEHIND - 1) == b"\x000123456789"
        assert read_at(file.fileno(), 100, END - 9) == b"\x0001234567"
        assert read_at(file.fileno(), 11, 4 * GIB - 6) == b"\x000123456789"
        assert read_at(file.fileno(), 11, 0) == b"\x000123456789"
        assert read_at(file.fileno(), 10, END) == b""


def test_a_camera_that_reads_4_gib_in_parts(folder: Path, camera: Path) -> None:
    """What lies behind comes by GetObject, once."""
    marked(folder)
    with mounted(f"virtual:ptp?card={folder}&operations=-95C1", camera) as mount:
        mount.tolerate("did not answer in")  # on a slow computer
        check_marks(mount)
        assert [read.operation for read in mount.trace.reads()].count("GetObject") == 1


@pytest.mark.parametrize(
    ("maker", "operations"), [("Nikon", "-95C1,-9803,-9805,+9421,+9431"), ("Canon.Inc", "-95C1,+9172")]
)
def test_a_camera_with_its_maker_s_operations(maker: str, operations: str, folder: Path, camera: Path) -> None:
    marked(folder)
    with mounted(f"virtual:ptp?card={folder}&maker={maker}&sizes=zero&operations={operations}", camera) as mount:
        check_marks(mount)
        reads = mount.trace.reads()
        assert "GetObject" not in [read.operation for read in reads]
        assert sum(read.size for read in reads) < 8 * MIB


def test_more_than_4_gib_of_which_nothing_tells_the_size(folder: Path, camera: Path) -> None:
    """The fp tells sizes in 32 bits, and a USB container has no more. The file is read on to its end, and its size is known then."""
    path = marked(folder)
    with mounted(f"virtual:sigma-fp?card={folder}", camera, "attr_timeout=3600"):
        run("cmp", path, camera / "card/LARGE.MOV")
        assert (camera / "card/LARGE.MOV").stat().st_size == END

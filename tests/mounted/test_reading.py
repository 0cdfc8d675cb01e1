"""Reading in every way: odd block sizes, windows, backwards, mapped, by many at once."""

import hashlib
import json
import mmap
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.mounted.contents import KIB, MIB, SIZES, make_file
from tests.mounted.mount import PATIENCE, Mount, mounted, run

LARGE = f"sizes/{3 * MIB + 500:08}.bin"
ODD = (1, 3, 511, 513, 4095, 4097, 65_537, 1_000_003)

SIZE = 3 * MIB + 500

MD5_OF = "import hashlib, sys; print(*(hashlib.md5(open(name, 'rb').read()).hexdigest() for name in sys.argv[1:]))"


@dataclass
class Unread:
    """A file that nobody has read yet, so that nothing of it is in any cache: its bytes, and where it is in the mount."""

    data: bytes
    path: Path


@pytest.fixture(scope="module")
def unread_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Iterator[Unread]]:
    """Mount many files of the same bytes, and give one at a time."""
    folder = tmp_path_factory.mktemp("unread")
    make_file(folder / "0.MOV", SIZE)
    for number in range(1, 40):
        os.link(folder / "0.MOV", folder / f"{number}.MOV")
    with mounted(f"virtual:sigma-fp?card={folder}", tmp_path_factory.mktemp("mount") / "camera") as mount:
        data = (folder / "0.MOV").read_bytes()
        yield (Unread(data, mount.path / "card" / f"{number}.MOV") for number in range(40))


@pytest.fixture
def unread(unread_files: Iterator[Unread]) -> Unread:
    """Return a file that nobody has read yet."""
    return next(unread_files)


def dd(path: Path, *operands: str) -> bytes:
    """Return what dd reads."""
    return subprocess.run(
        ["dd", f"if={path}", "status=none", *operands], capture_output=True, check=True, timeout=PATIENCE
    ).stdout


@pytest.mark.parametrize("size", ODD)
def test_dd_with_odd_blocks(awkward: Path, card: Path, size: int) -> None:
    """The small blocks on a small file: a system call for each byte takes its time."""
    name = f"sizes/{128 * KIB + 1:08}.bin" if size < 100 else LARGE
    assert dd(card / name, f"bs={size}") == (awkward / name).read_bytes()


@pytest.mark.parametrize("size", ODD[2:])
def test_dd_with_odd_blocks_past_all_caches(unread: Unread, size: int) -> None:
    assert dd(unread.path, f"bs={size}") == unread.data


@pytest.mark.parametrize(
    ("skip", "count"),
    [
        (0, 1),
        (499, 2),
        (4095, 4098),
        (131_071, 3),
        (262_143, 262_146),
        (1_000_003, 1_000_003),
        (MIB - 1, MIB + 2),
        (3 * MIB, 499),
        (3 * MIB + 499, 1),
        (3 * MIB + 499, 2),
    ],
)
def test_dd_of_a_window(unread: Unread, skip: int, count: int) -> None:
    operands = (f"skip={skip}", f"count={count}", "iflag=skip_bytes,count_bytes", "bs=65537")
    assert dd(unread.path, *operands) == unread.data[skip : skip + count]


def test_reads_at_and_past_the_end(awkward: Path, card: Path) -> None:
    for size in SIZES:
        name = f"sizes/{size:08}.bin"
        file = os.open(card / name, os.O_RDONLY)
        try:
            for offset in (size - 1, size, size + 1, size + 4096, 1 << 40):
                if offset >= 0:
                    assert os.pread(file, 10, offset) == (awkward / name).read_bytes()[offset : offset + 10]
        finally:
            os.close(file)


def test_reads_all_over_the_place(unread: Unread) -> None:
    places = random.Random(1)
    with open(unread.path, "rb", buffering=0) as file:
        for _ in range(200):
            offset, size = places.randrange(SIZE), places.choice((1, 100, 4096, 131_073, 400_000))
            assert os.pread(file.fileno(), size, offset) == unread.data[offset : offset + size]


def test_reads_backwards(unread: Unread) -> None:
    with open(unread.path, "rb") as file:
        for offset in range(SIZE - 50_001, -1, -50_001):
            file.seek(offset)
            assert file.read(50_001) == unread.data[offset : offset + 50_001]


def test_direct_io(awkward: Path, card: Path, unread: Unread) -> None:
    """Past the page cache: the offset and length are aligned, the file's end is not."""
    assert dd(unread.path, "iflag=direct", "bs=65536") == unread.data
    for name in (f"sizes/{256 * KIB + 1:08}.bin", "sizes/00004097.bin", "sizes/00000000.bin"):
        assert dd(card / name, "iflag=direct", "bs=65536") == (awkward / name).read_bytes()


def test_mapped(unread: Unread) -> None:
    with open(unread.path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        assert mapped[-1] == unread.data[-1]
        assert mapped[MIB - 2 : MIB + 2] == unread.data[MIB - 2 : MIB + 2]
        for offset in range(0, SIZE, 77_777):
            assert mapped[offset] == unread.data[offset]
        assert mapped.find(unread.data[2 * MIB : 2 * MIB + 40]) == 2 * MIB
        assert mapped[:] == unread.data


def test_mapped_for_writing_is_refused(card: Path) -> None:
    with open(card / LARGE, "rb") as file, pytest.raises(PermissionError):
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_WRITE)


def test_sendfile(awkward: Path, card: Path, tmp_path: Path) -> None:
    size = (awkward / LARGE).stat().st_size
    with open(card / LARGE, "rb") as source, open(tmp_path / "copy", "wb") as target:
        done = 0
        while done < size:
            done += os.sendfile(target.fileno(), source.fileno(), done, size - done)
    assert (tmp_path / "copy").read_bytes() == (awkward / LARGE).read_bytes()


def _digests(processes: list[subprocess.Popen[str]]) -> list[list[str]]:
    outputs = [process.communicate(timeout=PATIENCE)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return outputs


def _reader(*paths: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", MD5_OF, *paths], stdout=subprocess.PIPE, text=True)


def test_eight_readers_of_one_file(folder: Path, camera: Path) -> None:
    """Each byte is fetched once, however many wait for it."""
    make_file(folder / "LARGE.DNG", 9 * MIB + 5)
    with mounted(f"virtual:sigma-fp?card={folder}", camera) as mount:
        found = _digests([_reader(camera / "card/LARGE.DNG") for _ in range(8)])
        assert found == [[hashlib.md5((folder / "LARGE.DNG").read_bytes()).hexdigest()]] * 8
        assert sum(read.size for read in mount.trace.reads()) == 9 * MIB + 5


def test_eight_readers_of_eight_files(folder: Path, camera: Path) -> None:
    names = [f"{number}.DNG" for number in range(8)]
    for name in names:
        make_file(folder / name, 2 * MIB + 3)
    with mounted(f"virtual:sigma-fp?card={folder}", camera) as mount:
        found = _digests([_reader(camera / "card" / name) for name in names])
        assert found == [[hashlib.md5((folder / name).read_bytes()).hexdigest()] for name in names]
        assert sum(read.size for read in mount.trace.reads()) == 8 * (2 * MIB + 3)


def test_eight_readers_of_eight_files_with_a_small_cache(folder: Path, camera: Path) -> None:
    """More is read than the cache holds, each reader from another file on."""
    names = [f"{number}.DNG" for number in range(8)]
    for name in names:
        make_file(folder / name, MIB + 3)
    digests = {name: hashlib.md5((folder / name).read_bytes()).hexdigest() for name in names}
    orders = [names[number:] + names[:number] for number in range(8)]
    with mounted(f"virtual:sigma-fp?card={folder}", camera, "cache=1M"):
        found = _digests([_reader(*(camera / "card" / name for name in order)) for order in orders])
        assert found == [[digests[name] for name in order] for order in orders]


def test_a_reader_that_is_killed_leaves_the_others_alone(folder: Path, camera: Path) -> None:
    make_file(folder / "LARGE.DNG", 4 * MIB)
    source = f"virtual:sigma-fp?card={folder}&latency=0.02"
    with mounted(source, camera) as mount:
        first, second = (_reader(camera / "card/LARGE.DNG") for _ in range(2))
        with open(camera / "card/LARGE.DNG", "rb") as file:
            file.read(1)
            first.kill()
            first.communicate()
        assert _digests([second]) == [[hashlib.md5((folder / "LARGE.DNG").read_bytes()).hexdigest()]]
        assert sum(read.size for read in mount.trace.reads()) == 4 * MIB


def test_exiftool_reads_the_made_pictures(camera: Path, tmp_path: Path) -> None:
    """From the mount as from a copy; and the JPEG and the DNG of a shot agree."""
    tags = ("-FileName", "-Make", "-Model", "-ISO", "-ExposureTime", "-FNumber", "-DateTimeOriginal")
    with mounted("virtual:sigma-fp", camera):
        pictures = camera / "card/DCIM/100SIGMA"
        run("cp", "-a", pictures, tmp_path)
        shown, copied = (
            {entry["FileName"]: entry for entry in json.loads(run("exiftool", "-json", *tags, place).stdout)}
            for place in (pictures, tmp_path / pictures.name)
        )
        assert sorted(shown) == sorted(f"SDIM{number:04}.{kind}" for number in range(1, 5) for kind in ("DNG", "JPG"))
        for name, entry in shown.items():
            del entry["SourceFile"], copied[name]["SourceFile"], entry["FileName"]
            assert entry["Make"] == "SIGMA"
            assert entry["ISO"] > 0
            assert set(entry) == {tag[1:] for tag in tags} - {"FileName"}
            assert {**entry, "FileName": name} == copied[name]
        for number in range(1, 5):
            assert shown[f"SDIM{number:04}.JPG"] == shown[f"SDIM{number:04}.DNG"]
        assert run("exiftool", "-validate", "-s3", pictures / "SDIM0001.JPG").stdout.strip() == "OK"


def test_exiftool_reads_no_more_than_it_needs(folder: Path, camera: Path, tmp_path: Path) -> None:
    """Of a large picture the blocks with the metadata."""
    with mounted("virtual:sigma-fp", camera):
        picture = (camera / "card/DCIM/100SIGMA/SDIM0001.JPG").read_bytes()
    (folder / "LARGE.JPG").write_bytes(picture[:-2] + bytes(40 * MIB) + picture[-2:])
    with mounted(f"virtual:sigma-fp?card={folder}", camera) as mount:
        assert run("exiftool", "-fast", "-s3", "-Model", camera / "card/LARGE.JPG").stdout.strip()
        assert sum(read.size for read in mount.trace.reads()) <= 2 * MIB


def test_a_file_that_is_open_while_the_mount_is_read_again(awkward: Path, awkward_mount: Mount, card: Path) -> None:
    with open(card / LARGE, "rb") as file:
        assert file.read(10) == (awkward / LARGE).read_bytes()[:10]
        (awkward_mount.path / ".refresh").write_text("1\n")
        assert file.read() == (awkward / LARGE).read_bytes()[10:]
    assert (card / LARGE).read_bytes() == (awkward / LARGE).read_bytes()

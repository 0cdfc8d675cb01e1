"""Cameras that are bad in ways that can be asked for on the command line: missing operations, no events, odd names, sizes that lie."""

import errno
import os
from pathlib import Path

import pytest

from tests.mounted.contents import MIB, make_file, make_sparse
from tests.mounted.mount import mounted, run

GIB = 1 << 30


@pytest.fixture
def source(folder: Path) -> str:
    """Return a camera with a few files, one of more than one request."""
    (folder / "DCIM").mkdir()
    make_file(folder / "DCIM/1.JPG", 5000)
    make_file(folder / "DCIM/2.MOV", 2 * MIB + 12)
    make_file(folder / "3.JPG", 0)
    return f"virtual:ptp?card={folder}"


@pytest.mark.parametrize(
    "operations",
    [
        "-GetPartialObject",
        "-GetPartialObject,-GetPartialObject64",
        "-GetObjectPropList,-GetObjectPropValue,-GetNumObjects,-GetThumb",
    ],
)
def test_operations_that_it_does_not_have(source: str, folder: Path, camera: Path, operations: str) -> None:
    with mounted(f"{source}&operations={operations}", camera) as mount:
        run("diff", "-r", folder, camera / "card")
        assert mount.read_status()["camera"] == "PTP camera"
        run("df", camera / "card")


def test_a_camera_without_partial_reads_reads_each_file_once(source: str, folder: Path, camera: Path) -> None:
    """By whole objects, kept until the last reader has closed."""
    with mounted(f"{source}&operations=-GetPartialObject,-GetPartialObject64", camera) as mount:
        run("cmp", folder / "DCIM/2.MOV", camera / "card/DCIM/2.MOV")
        assert [read.operation for read in mount.trace.reads()] == ["GetObject"]


def test_a_camera_without_settings(source: str, camera: Path) -> None:
    with mounted(f"{source}&operations=-GetDevicePropDesc,-GetDevicePropValue,-SetDevicePropValue", camera):
        assert os.listdir(camera / ".settings") == []


def test_a_camera_without_thumbnails(source: str, camera: Path) -> None:
    with mounted(f"{source}&operations=-GetThumb", camera) as mount:
        mount.expect("(?i)thumb")
        with pytest.raises(OSError, match="Errno") as failure:
            (camera / ".thumbnails/card/DCIM/1.JPG").read_bytes()
        assert failure.value.errno in (errno.EOPNOTSUPP, errno.ENODATA)


def test_a_camera_without_listing(source: str, camera: Path) -> None:
    """Never an empty directory in place of an error."""
    with mounted(f"{source}&operations=-GetObjectHandles", camera) as mount:
        mount.expect("GetObjectHandles")
        for act in (lambda: os.listdir(camera / "card"), lambda: os.stat(camera / "card/DCIM")):
            with pytest.raises(OSError, match="Errno") as failure:
                act()
            assert failure.value.errno == errno.EOPNOTSUPP


@pytest.mark.parametrize("packet", [64, 1024])
def test_packets(source: str, folder: Path, camera: Path, packet: int) -> None:
    with mounted(f"{source}&packet={packet}", camera):
        run("diff", "-r", folder, camera / "card")


def test_a_slow_link(source: str, folder: Path, camera: Path) -> None:
    with mounted(f"{source}&latency=0.01&bandwidth=4000000", camera):
        run("diff", "-r", folder, camera / "card")


def test_no_events(source: str, folder: Path, camera: Path) -> None:
    with mounted(f"{source}&events=off", camera):
        run("diff", "-r", folder, camera / "card")
        (camera / ".settings/iso").write_text("400\n")
        assert (camera / ".settings/iso").read_text() == "400\n"


# ---------------------------------------------------------------------- names


def test_names_that_are_escaped(folder: Path, camera: Path) -> None:
    """A `%` before two hexadecimal digits could be an escape, and is written as one."""
    for name in ("100%25.JPG", "%41", "%zz", "50%"):
        make_file(folder / name, 100)
    with mounted(f"virtual:ptp?card={folder}", camera):
        assert sorted(os.listdir(camera / "card")) == sorted(["100%2525.JPG", "%2541", "%zz", "50%"])
        assert (camera / "card/%2541").read_bytes() == (folder / "%41").read_bytes()


def test_names_that_the_camera_cuts(folder: Path, camera: Path) -> None:
    """A PTP string has 254 characters; two names may be the same then, and stay two files."""
    names = ["x" * 254 + end for end in "abc"]
    for name in names:
        make_file(folder / name, 100)
    with mounted(f"virtual:ptp?card={folder}", camera):
        shown = os.listdir(camera / "card")
        assert len(set(shown)) == 3
        assert all(len(name) <= 255 for name in shown)
        assert {(camera / "card" / name).read_bytes() for name in shown} == {
            (folder / name).read_bytes() for name in names
        }
    with mounted(f"virtual:ptp?card={folder}", camera):
        assert sorted(os.listdir(camera / "card")) == sorted(shown)


def test_names_that_are_not_utf_8(folder: Path, camera: Path) -> None:
    for name in (b"caf\xe9.jpg", b"caf\xe8.jpg", b"\xff", b"\xfe"):
        (folder / os.fsdecode(name)).write_bytes(name)
    with mounted(f"virtual:ptp?card={folder}", camera):
        shown = os.listdir(camera / "card")
        assert len(set(shown)) == 4
        contents = {(camera / "card" / name).read_bytes() for name in shown}
        assert contents == {b"caf\xe9.jpg", b"caf\xe8.jpg", b"\xff", b"\xfe"}


def test_what_is_neither_file_nor_folder_is_not_shown(folder: Path, camera: Path) -> None:
    make_file(folder / "1.JPG", 10)
    (folder / "link").symlink_to("1.JPG")
    (folder / "loop").symlink_to(".")
    os.mkfifo(folder / "fifo")
    with mounted(f"virtual:ptp?card={folder}", camera):
        assert os.listdir(camera / "card") == ["1.JPG"]


# ---------------------------------------------------------------------- sizes and dates


def test_more_than_4_gib(folder: Path, camera: Path) -> None:
    """With the 64-bit operations: size, beginning, both sides of 4 GiB, and end."""
    make_sparse(folder / "LARGE.MOV", 5 * GIB + 3)
    with open(folder / "LARGE.MOV", "r+b") as file:
        for offset in (0, 4 * GIB - 5, 5 * GIB - 5):
            file.seek(offset)
            file.write(b"0123456789"[: 5 * GIB + 3 - offset])
    with mounted(f"virtual:ptp?card={folder}", camera) as mount:
        assert (camera / "card/LARGE.MOV").stat().st_size == 5 * GIB + 3
        with open(camera / "card/LARGE.MOV", "rb") as file:
            assert file.read(10) == b"0123456789"
            assert os.pread(file.fileno(), 12, 4 * GIB - 6) == b"\x000123456789\0"
            assert os.pread(file.fileno(), 100, 5 * GIB - 6) == b"\x0001234567"
        assert sum(read.size for read in mount.trace.reads()) < 8 * MIB


def test_just_below_4_gib(folder: Path, camera: Path) -> None:
    make_sparse(folder / "LARGE.MOV", 4 * GIB - 2)
    with mounted(f"virtual:sigma-fp?card={folder}", camera), open(camera / "card/LARGE.MOV", "rb") as file:
        assert os.fstat(file.fileno()).st_size == 4 * GIB - 2
        assert os.pread(file.fileno(), 10, 4 * GIB - 7) == bytes(5)


def test_a_file_that_shrinks(folder: Path, camera: Path) -> None:
    """The camera announces more than it then has: an error, not made-up bytes, and the rest goes on."""
    make_file(folder / "1.JPG", 3 * MIB)
    make_file(folder / "2.JPG", 1000)
    with mounted(f"virtual:sigma-fp?card={folder}", camera) as mount:
        assert (camera / "card/1.JPG").stat().st_size == 3 * MIB
        os.truncate(folder / "1.JPG", MIB)
        mount.expect("1.JPG")
        with open(camera / "card/1.JPG", "rb") as file:
            assert os.pread(file.fileno(), 100, 0) == (folder / "1.JPG").read_bytes()[:100]
            with pytest.raises(OSError, match="Input/output error"):
                os.pread(file.fileno(), 100, 2 * MIB)
        run("cmp", folder / "2.JPG", camera / "card/2.JPG")


def test_a_file_that_goes(folder: Path, camera: Path, tmp_path: Path) -> None:
    for name in ("1.JPG", "2.JPG", "3.JPG"):
        make_file(folder / name, 1000)
    with mounted(f"virtual:sigma-fp?card={folder}", camera) as mount:
        assert len(os.listdir(camera / "card")) == 3
        (folder / "2.JPG").rename(tmp_path / "2.JPG")
        mount.expect("2.JPG")
        done = run("cp", "-r", camera / "card", tmp_path / "copy", status=1)
        assert "2.JPG" in done.stderr
        for name in ("1.JPG", "3.JPG"):
            run("cmp", folder / name, tmp_path / "copy" / name)


def test_dates(folder: Path, camera: Path) -> None:
    """Before 1970, on a leap day, after 2106; a date that is no date does not hide the file."""
    moments = (0, 1, -1, -86_400 * 365, 951_782_399, 4_102_444_800, 16_725_225_600, -8_000_000_000)
    for moment in moments:
        make_file(folder / f"{moment}.JPG", 1000)
        os.utime(folder / f"{moment}.JPG", (moment, moment))
    with mounted(f"virtual:sigma-fp?card={folder}", camera, "tz=UTC", env={"TZ": "UTC"}):
        for moment in moments:
            on_disk = (folder / f"{moment}.JPG").stat().st_mtime
            assert (camera / "card" / f"{moment}.JPG").stat().st_mtime == on_disk
        run("diff", "-r", folder, camera / "card")


def test_an_hour_that_comes_twice(folder: Path, camera: Path) -> None:
    """Clocks go back, and the camera does not say which hour it was: the time is one of the two, and always the same."""
    moments = (1_761_438_600, 1_761_438_600 + 3600)
    for moment in moments:
        make_file(folder / f"{moment}.JPG", 10)
        os.utime(folder / f"{moment}.JPG", (moment, moment))
    shown = []
    for _ in range(2):
        with mounted(f"virtual:sigma-fp?card={folder}", camera, env={"TZ": "Europe/Berlin"}):
            shown.append([(camera / f"card/{moment}.JPG").stat().st_mtime for moment in moments])
    assert shown[0] == shown[1]
    assert set(shown[0]) <= set(moments)


def test_an_empty_card(folder: Path, camera: Path) -> None:
    with mounted(f"virtual:sigma-fp?card={folder}", camera):
        assert sorted(os.listdir(camera)) == ["card", "imagedb"]
        assert os.listdir(camera / "card") == []
        assert os.listdir(camera / ".thumbnails/card") == []
    with mounted("virtual:sigma-fp?objects=0", camera):
        assert os.listdir(camera / "card/DCIM/100SIGMA") == []


def test_deep_folders(folder: Path, camera: Path) -> None:
    """As deep as a path may be long."""
    deep = folder
    while len(str(deep)) < 3500:
        deep /= "d" * 100
    deep.mkdir(parents=True)
    make_file(deep / "1.JPG", 100)
    with mounted(f"virtual:ptp?card={folder}", camera):
        run("diff", "-r", folder, camera / "card")

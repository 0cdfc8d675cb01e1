"""The command line as a user types it: in any order, and wrong."""

from pathlib import Path

import pytest

import camfs as program
from camfs.commands.options import OPTIONS
from tests.mounted.mount import camfs, mount_entries

FP = "virtual:sigma-fp"


@pytest.mark.parametrize(
    "order",
    [
        "SOURCE -o umask=077 MOUNTPOINT",
        "SOURCE MOUNTPOINT -o umask=077",
        "-o umask=077 SOURCE MOUNTPOINT",
        "SOURCE -v MOUNTPOINT -o umask=077 -v",
    ],
)
def test_options_stand_anywhere_and_u_unmounts(camera: Path, order: str) -> None:
    words = [{"SOURCE": FP, "MOUNTPOINT": str(camera)}.get(word, word) for word in order.split()]
    camera.mkdir(exist_ok=True)
    assert camfs(*words).returncode == 0
    try:
        assert (camera / "card").stat().st_mode & 0o777 == 0o700
    finally:
        done = camfs("-u", camera)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert mount_entries(camera) == []


def refusal(*words: str | Path) -> str:
    """Return the one line in which a command is refused."""
    done = camfs(*words)
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


def test_unmounting_where_no_camera_is(tmp_path: Path) -> None:
    assert refusal("-u", tmp_path) == f"camfs: {tmp_path}: no camera is mounted here"
    assert "takes a mount point" in refusal("-u")
    assert "takes a mount point" in refusal("-u", FP, tmp_path)
    assert "only one of" in refusal("-u", tmp_path, "--list")


def test_a_missing_mount_point_and_a_swapped_one_are_named(tmp_path: Path) -> None:
    assert refusal(FP) == f"camfs: {FP} is a source; where is it to be mounted? camfs {FP} MOUNTPOINT"
    assert refusal(tmp_path, FP) == f"camfs: the source comes first: camfs {FP} {tmp_path}"
    assert refusal(tmp_path / "none", "usb:") == f"camfs: the source comes first: camfs usb: {tmp_path / 'none'}"


def test_a_mount_point_may_look_like_a_source(tmp_path: Path) -> None:
    place = tmp_path / "usb:x"
    place.mkdir()
    assert camfs(FP, place).returncode == 0
    assert camfs("-u", place).returncode == 0


def test_version_and_options() -> None:
    assert camfs("-V").stdout == camfs("--version").stdout == f"camfs {program.__version__}\n"
    listed = camfs("-o", "help")
    assert listed.returncode == 0
    assert all(option.typed in listed.stdout for option in OPTIONS)

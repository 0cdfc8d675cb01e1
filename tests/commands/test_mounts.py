"""The mounts of camfs among all others, and those of autofs."""

from pathlib import Path

import pytest

from camfs.commands.mounts import CAMFS, camera_mounts, is_automount
from camfs.transports import mounts
from camfs.transports.mounts import MountEntry


@pytest.fixture(autouse=True)
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mounts"
    table.write_bytes(
        b"proc /proc proc rw 0 0\n"
        b"systemd-1 /auto autofs rw 0 0\n"
        b"systemd-1 /used autofs rw 0 0\n"
        b"virtual:ptp?card=/a%2Cb /m\\040n\\134caf\xe9 fuse.camfs rw 0 0\n"
        b"usb: /used fuse.camfs rw 0 0\n"
        b"x /y fuse.sshfs rw 0 0\n"
    )
    monkeypatch.setattr(mounts, "MOUNTS", table)


def test_cameras() -> None:
    assert camera_mounts() == [
        MountEntry("virtual:ptp?card=/a,b", "/m n\\caf\udce9", CAMFS, ("rw",)),
        MountEntry("usb:", "/used", CAMFS, ("rw",)),
    ]


@pytest.mark.parametrize(("point", "expected"), [("/auto", True), ("/used", False), ("/proc", False), ("/none", False)])
def test_automounts(point: str, expected: bool) -> None:
    """The mount on top counts."""
    assert is_automount(point) == expected

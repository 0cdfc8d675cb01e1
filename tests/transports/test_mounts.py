"""The kernel's table of mounts: one of our own making, and the real one."""

import os
from pathlib import Path

import pytest

from camfs.transports import mounts
from camfs.transports.mounts import MountEntry


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        (b"proc /proc proc rw,nosuid 0 0", MountEntry("proc", "/proc", "proc", ("rw", "nosuid"))),
        (
            rb"usb:1003:c432 /home/ana/my\040cam fuse.camfs ro 0 0",
            MountEntry("usb:1003:c432", "/home/ana/my cam", "fuse.camfs", ("ro",)),
        ),
        (rb"a\134b /t\011n\012 ext4 rw 0 0", MountEntry("a\\b", "/t\tn\n", "ext4", ("rw",))),
        (b"a\rb /x ext4 rw 0 0", MountEntry("a\rb", "/x", "ext4", ("rw",))),
        (rb"\134040 /x ext4 rw 0 0", MountEntry("\\040", "/x", "ext4", ("rw",))),
        (b"a#b /\xc3\xa9/\xff ext4 rw 0 0", MountEntry("a#b", "/é/\udcff", "ext4", ("rw",))),
        (rb"source\054x /x fuse.camfs rw 0 0", MountEntry("source,x", "/x", "fuse.camfs", ("rw",))),
    ],
)
def test_a_line(line: bytes, entry: MountEntry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mounts"
    table.write_bytes(line + b"\n")
    monkeypatch.setattr(mounts, "MOUNTS", table)
    assert mounts.entries() == [entry]


def test_the_last_one_of_a_place_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "mounts"
    table.write_text("auto /mnt/cam autofs rw 0 0\nusb: /mnt/cam fuse.camfs rw 0 0\n")
    monkeypatch.setattr(mounts, "MOUNTS", table)
    assert [entry.kind for entry in mounts.entries()] == ["autofs", "fuse.camfs"]


def test_the_real_table() -> None:
    assert any(entry.point == "/proc" and entry.kind == "proc" for entry in mounts.entries())


def test_a_file_system_on_several_directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is a folder of it (mount --bind), and something lies over the third."""
    table = tmp_path / "mountinfo"
    table.write_text(
        "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
        "71 27 0:44 / /mnt/my\\040cam rw shared:3 - fuse.camfs usb: rw,user_id=0\n"
        "72 27 0:44 /card /srv/card rw - fuse.camfs usb: rw,user_id=0\n"
        "73 27 0:44 / /over rw - fuse.camfs usb: rw,user_id=0\n"
        "74 73 0:45 / /over rw - tmpfs tmpfs rw\n"
    )
    monkeypatch.setattr(mounts, "MOUNT_INFO", table)
    assert mounts.device_on("/mnt/my cam") == "0:44"
    assert mounts.device_on("/over") == "0:45"
    assert mounts.device_on("/mnt") == ""
    assert mounts.points_of("0:44") == ["/mnt/my cam", "/srv/card", "/over"]


def test_the_real_devices() -> None:
    device = mounts.device_on("/proc")
    assert device == f"0:{os.minor(os.stat('/proc').st_dev)}"
    assert "/proc" in mounts.points_of(device)

"""The kernel's table of mounts: one of our own making, and the real one."""

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

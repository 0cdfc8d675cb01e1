"""A camera that sends escape sequences wherever it sends text: none reaches a terminal through the mount, the log or an error line."""

import os
import subprocess
from pathlib import Path

from tests.mounted.contents import make_file
from tests.mounted.mount import CAMFS, camfs, mounted, run

EVIL = "\x1b]0;P\x07\x1b[2J"
NAMES = (f"{EVIL}.JPG", "two\nlines.JPG", "\u202eGPJ.exe", "\x7f.JPG", "\x9b1m.JPG")


def is_shown(text: str | bytes) -> bool:
    """Say whether there is nothing in it but printable lines."""
    decoded = text.decode() if isinstance(text, bytes) else text
    return all(line.isprintable() for line in decoded.split("\n"))


def test_names_and_words(folder: Path, camera: Path) -> None:
    for name in NAMES:
        make_file(folder / name, 1000)
    with mounted(f"virtual:ptp?card={folder}&serial=1{EVIL}&maker=M{EVIL}&operations=-GetThumb", camera) as mount:
        listed = subprocess.run(["ls", "-lR", "--show-control-chars", camera / "card"], capture_output=True, check=True)
        assert is_shown(listed.stdout)
        assert "serial: 1?]0;P??[2J" in (camera / ".status").read_text()
        for name in os.listdir(camera / "card"):
            assert (camera / "card" / name).read_bytes()
            run("cat", camera / ".thumbnails/card" / name, status=1)
        mount.tolerate(".")
        for path in (".status", ".events", *(f".settings/{name}" for name in os.listdir(camera / ".settings"))):
            assert is_shown(subprocess.run(["cat", camera / path], capture_output=True).stdout), path
        assert is_shown("\n".join(mount.lines()))
        assert "%1B]0;P%07" in listed.stdout.decode()


def test_error_lines(camera: Path) -> None:
    assert is_shown(camfs(f"usb:{EVIL}", camera).stderr)
    assert is_shown(run(*CAMFS, f"virtual:ptp?nothing={EVIL}", camera, status=1).stderr)
    assert is_shown(run(*CAMFS, "-f", f"virtual:ptp?nothing={EVIL}", camera, status=1).stderr)

"""Mounted recordings of real USB traffic: the files of a Canon, copied and compared, and those of an MTP telephone of vendor class."""

import errno
import os
import sys
import tarfile
from pathlib import Path

import pytest

from tests.mounted.mount import mounted, run
from tests.shared import shared
from tests.transports.recording import CANON, XPERIA, named

ROOT = Path(__file__).parents[2]


def program(name: str) -> list[str]:
    """Return what runs camfs on a bus with a recorded device."""
    named(name)  # or skip the test
    return [sys.executable, "-m", "tests.mounted.recorded", name]


@pytest.fixture(autouse=True)
def path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the program find the tests."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (CANON, "usb:04a9:31c0   Canon Digital Camera   serial C767F1C714174C309255F70E4A7B2EE2   free"),
        (XPERIA, "usb:0fce:0166   MiniPro   serial 0123456789ABCDEF   free"),
    ],
)
def test_list(name: str, line: str) -> None:
    listed = run(
        *program(name), "--list"
    ).stdout.splitlines()  # beside what other processes have mounted, in columns as wide as that
    assert line.split() in [each.split() for each in listed]


def test_a_copy_is_the_card(camera: Path, folder: Path) -> None:
    with tarfile.open(shared(f"samples/recordings/{CANON}-photos.tar")) as card:
        pictures = {each.name: card.extractfile(each) for each in card if each.name.endswith(".JPG")}
        on_card = {Path(name): file.read() for name, file in pictures.items() if file is not None}
    with mounted("usb:04a9:31c0", camera, program=program(CANON)):
        run("cp", "-r", camera / "card/DCIM", folder)
        copied = {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
        assert copied == on_card
        for name in on_card:
            assert (camera / ".thumbnails/card" / name).read_bytes().startswith(b"\xff\xd8\xff")


def test_a_telephone_of_vendor_class(camera: Path) -> None:
    """It begins in the session of a program before. Its files were listed in the recording, and not read."""
    with mounted("usb:", camera, "tz=UTC", program=program(XPERIA)) as mount:
        (store,) = os.listdir(camera)
        listed = run("find", camera / store, "-type", "f", "-printf", "%TY %s %p\n").stdout.splitlines()
        assert len(listed) == 960
        assert sum(1980 <= int(line[:4]) <= 2013 for line in listed) == 960
        assert len(run("find", camera / store, "-mindepth", "1", "-type", "d").stdout.splitlines()) == 117
        (path, *_) = [line.split(" ", 2)[2] for line in listed if line.split(" ")[1] != "0"]
        with pytest.raises(OSError, match=os.strerror(errno.EOPNOTSUPP)):
            Path(path).read_bytes()
        assert mount.read_status()["camera"] == "MiniPro"
        mount.tolerate("OperationNotSupported")

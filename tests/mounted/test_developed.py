"""The pictures of a mounted DC120 as JPEGs."""

import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from camfs.virtual.pictures import kdc
from tests.mounted.mount import PATIENCE, Mount, mounted, run
from tests.mounted.test_controls import errno_of_reading

QUALITIES = {"P000001.KDC": 3, "HOLIDAY/P000002.KDC": 1, "P000003.KDC": 0}


def fill(folder: Path) -> Path:
    for name, quality in QUALITIES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shot = kdc.Shot(number=int(Path(name).stem[1:]), taken=datetime(1998, 5, 6, 7, 8, 9), quality=quality)
        (folder / name).write_bytes(kdc.picture(shot))
    return folder


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    memory = fill(tmp_path / "memory")
    (memory / "P000009.KDC").write_bytes(b"no picture" * 1000)
    return f"virtual:dc120?memory={memory}&card={fill(tmp_path / 'card')}&pace=off"


@pytest.fixture
def dc120(source: str, camera: Path) -> Iterator[Mount]:
    with mounted(source, camera, "tz=UTC") as mount:
        yield mount


def is_developed(path: Path) -> bool:
    picture = Image.open(path)
    picture.load()
    return (picture.format, picture.size) == ("JPEG", (1301, 976))


def test_they_are_copied_by_any_program(dc120: Mount, tmp_path: Path) -> None:
    developed = dc120.path / ".developed"
    assert sorted(os.listdir(developed / "memory")) == ["HOLIDAY", "P000001.jpg", "P000003.jpg", "P000009.jpg"]
    for path in ("memory/P000001.jpg", "memory/HOLIDAY/P000002.jpg", "card/P000003.jpg"):
        run("cp", "-p", developed / path, tmp_path / "cp.jpg")
        assert is_developed(tmp_path / "cp.jpg")
        run("rsync", "-a", developed / path, tmp_path / "rsync.jpg")
        assert (tmp_path / "rsync.jpg").read_bytes() == (tmp_path / "cp.jpg").read_bytes()
        assert (developed / path).stat().st_size == (tmp_path / "cp.jpg").stat().st_size
        assert "JPEG image data" in run("file", developed / path).stdout
        original = (dc120.path / path).with_suffix(".KDC").stat()
        assert (developed / path).stat().st_mtime == original.st_mtime == (tmp_path / "cp.jpg").stat().st_mtime
        assert (developed / path).stat().st_mode == original.st_mode


def test_rsync_of_all_at_once_is_right_at_the_first_try(dc120: Mount, tmp_path: Path) -> None:
    run("rsync", "-a", f"{dc120.path}/.developed/card/", tmp_path / "copy")
    copies = [path for path in (tmp_path / "copy").rglob("*") if path.is_file()]
    assert len(copies) == 3
    assert all(map(is_developed, copies))


def test_they_are_kept_for_the_next_mount(source: str, camera: Path, tmp_path: Path) -> None:
    with mounted(source, camera) as mount:
        first = (camera / ".developed/memory/P000001.jpg").read_bytes()
    kept = list((tmp_path / "cache/camfs/developed").iterdir())
    assert [path.read_bytes() for path in kept] == [first]
    assert kept[0].stat().st_mode & 0o777 == 0o600
    changed = first[:-2] + b"\0\xff\xd9"
    kept[0].write_bytes(changed)
    with mounted(source, camera) as mount:
        assert (mount.path / ".developed/memory/P000001.jpg").read_bytes() == changed


def test_what_is_no_picture(dc120: Mount) -> None:
    assert errno_of_reading(dc120.path / ".developed/memory/P000009.jpg") == errno.ENODATA
    dc120.expect("memory/P000009.KDC: the picture cannot be developed: no raw picture that libraw knows")
    assert "cannot be developed" in dc120.read_status()["last-error"]
    with pytest.raises(OSError, match="Read-only file system"):
        (dc120.path / ".developed/memory/P000001.jpg").write_bytes(b"")


def test_nobody_is_held_up_meanwhile(source: str, camera: Path) -> None:
    """The picture takes longer to come than a request may take; who waits is told so, and finds it later."""
    with mounted(source.replace("pace=off", "baud=57600"), camera, "timeout=4") as mount:
        picture = camera / ".developed/memory/HOLIDAY/P000002.jpg"
        reader = subprocess.Popen(["cat", picture], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while "received" not in mount.read_status().get("developing", ""):
            time.sleep(0.05)
        begun = time.monotonic()
        os.listdir(camera / "memory")
        (camera / ".settings/flash").read_text()
        assert time.monotonic() - begun < 4
        _, said = reader.communicate(timeout=PATIENCE)
        if reader.returncode:
            assert b"Device or resource busy" in said
            mount.tolerate("received: open it again in a while", "being developed: open it again in a while")
            end = time.monotonic() + PATIENCE
            while errno_of_reading(picture) == errno.EBUSY:
                assert time.monotonic() < end
                time.sleep(1)
        assert is_developed(picture)


def test_without_rawpy(source: str, camera: Path) -> None:
    run_without = "import sys; sys.modules['rawpy'] = None; from camfs.__main__ import main; sys.exit(main())"
    with mounted(source, camera, program=(sys.executable, "-c", run_without)) as mount:
        assert "P000001.jpg" in os.listdir(camera / ".developed/memory")
        assert errno_of_reading(camera / ".developed/memory/P000001.jpg") == errno.EOPNOTSUPP
        assert mount.read_status()["last-error"].endswith("pip install 'camfs[develop]'")
        mount.expect("developing a picture needs rawpy, which is not installed")
        (camera / "memory/P000001.KDC").read_bytes()


def test_other_cameras_have_none(camera: Path) -> None:
    with mounted("virtual:ptp", camera, "show_control"):
        assert ".developed" in os.listdir(camera)
        assert [path for path in (camera / ".developed").rglob("*") if path.is_file()] == []
    with mounted("virtual:ptp", camera):
        assert ".developed" not in os.listdir(camera)

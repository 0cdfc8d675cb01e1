"""A Nikon that is mounted: copying without a question of its maker's, settings, shots, live view, and the body given back at the end."""

import errno
import io
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from camfs.virtual.nikon.operations import NAMES
from tests.mounted.contents import make_file
from tests.mounted.mount import PATIENCE, Mount, mounted, run
from tests.mounted.test_controls import errno_of_reading, write
from tests.mounted.test_sigma import operations, setting
from tests.peers.camera import served

CARD = "card/DCIM/100NZ6__"


@pytest.fixture
def source(folder: Path) -> str:
    """Return the SOURCE of an emulated Nikon with one picture on its card."""
    (folder / "DCIM/100NZ6__").mkdir(parents=True)
    make_file(folder / "DCIM/100NZ6__/DSC_0412.JPG", 300_000)
    return f"virtual:nikon?card={folder}&snap_time=0.01"


@pytest.fixture
def nikon(camera: Path, source: str, tmp_path: Path) -> Iterator[Mount]:
    """Mount it."""
    with mounted(source, camera, f"spool={tmp_path}/spool") as mount:
        yield mount


def of_the_maker(mount: Mount) -> list[str]:
    """Return the maker's operations that the camera saw so far."""
    return [name for name in operations(mount) if name in set(NAMES.values())]


def shots(mount: Mount) -> list[Path]:
    """Return the files of the last shot."""
    return [mount.path / line for line in (mount.path / ".capture").read_text().splitlines()]


def test_copying_sends_nothing_of_the_makers(nikon: Mount, tmp_path: Path) -> None:
    run("rsync", "-a", f"{nikon.path}/", tmp_path / "copy")
    run("rsync", "-a", f"{nikon.path}/", tmp_path / "copy")
    run("cp", "-r", nikon.path, tmp_path / "cp")
    run("find", nikon.path, "-type", "f", "-exec", "head", "-c", "100", "{}", "+")
    run("ls", "-laR", nikon.path)
    run("df", nikon.path)
    assert nikon.read_status()["control"] == "no"
    assert (nikon.path / ".control").read_text() == "0\n"
    assert of_the_maker(nikon) == []
    assert (tmp_path / f"copy/{CARD}/DSC_0412.JPG").stat().st_size == 300_000
    assert list((tmp_path / "copy/imagedb").iterdir()) == []
    assert [path.name for path in (tmp_path / "spool").iterdir() if not path.name.startswith(".")] == []


def test_settings_as_files(nikon: Mount) -> None:
    names = {path.name for path in (nikon.path / ".settings").iterdir()}
    assert {
        "iso",
        "aperture",
        "shutter-speed",
        "white-balance",
        "destination",
        "capture-autofocus",
        "prop-d0e0",
    } <= names
    for name in ("iso", "aperture", "shutter-speed", "exposure-compensation", "white-balance", "image-quality"):
        before = setting(nikon, name)
        choices = (nikon.path / ".settings/.choices" / name).read_text().splitlines()
        assert before in choices
        (nikon.path / ".settings" / name).write_text(choices[2])
        assert setting(nikon, name) == choices[2]
    assert write(nikon.path / ".settings/battery-level", "1%") == errno.EACCES
    assert write(nikon.path / ".settings/iso", "123") == errno.EINVAL
    assert (nikon.path / ".control").read_text() == "0\n", "none of this needs control"
    (nikon.path / ".settings/exposure-mode").write_text("shutter-priority")
    assert (nikon.path / ".control").read_text() == "1\n"
    assert write(nikon.path / ".settings/aperture", "f/8") == errno.EACCES
    assert "exposure-mode is shutter-priority" in nikon.read_status()["last-error"]
    nikon.expect("battery-level: read-only", "iso: 123", "exposure-mode is shutter-priority")


@pytest.mark.parametrize("destination", ["card", "computer", "both"])
def test_shots(destination: str, nikon: Mount) -> None:
    (nikon.path / ".settings/destination").write_text(destination)
    (nikon.path / ".settings/image-quality").write_text("raw+fine")
    (nikon.path / ".capture").write_text("2")
    files = shots(nikon)
    folders = {"card": {CARD}, "computer": {"imagedb"}, "both": {CARD, "imagedb"}}[destination]
    assert {str(path.parent.relative_to(nikon.path)) for path in files} == folders
    assert sorted(path.suffix for path in files) == sorted([".JPG", ".NEF"] * len(folders))
    for path in files:
        if path.suffix == ".JPG":
            with Image.open(io.BytesIO(path.read_bytes())) as image:
                image.load()
    if destination == "computer":
        assert len(list((nikon.path / "imagedb").iterdir())) == 4
        for path in files:
            path.unlink()  # what lies on this computer is deletable
        assert len(list((nikon.path / "imagedb").iterdir())) == 2


def test_the_bodys_own_shutter(camera: Path, source: str, tmp_path: Path) -> None:
    """A picture by the body's own button appears without .refresh, and without a question of the maker's."""
    with mounted(f"{source}&awkward=press:1", camera, f"spool={tmp_path}/spool") as mount:
        end = time.monotonic() + PATIENCE
        while len(list((mount.path / CARD).iterdir())) < 2:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert of_the_maker(mount) == []


def test_the_bodys_own_shutter_under_control(camera: Path, source: str, tmp_path: Path) -> None:
    """Where events have to be asked for, they are while the computer has control."""
    with mounted(f"{source}&awkward=press:2,polled", camera, f"spool={tmp_path}/spool") as mount:
        (mount.path / ".control").write_text("1")
        with subprocess.Popen(["tail", "-f", mount.path / ".events"], stdout=subprocess.PIPE, text=True) as tail:
            assert tail.stdout is not None
            while "ObjectAdded" not in (line := tail.stdout.readline()):
                assert line
            tail.kill()
        end = time.monotonic() + PATIENCE
        while len(list((mount.path / CARD).iterdir())) < 2:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_live_view_focus_and_movies(nikon: Mount) -> None:
    for _ in range(3):
        with Image.open(io.BytesIO((nikon.path / ".liveview.jpg").read_bytes())) as image:
            image.load()
    (nikon.path / ".focus").write_text("af")
    (nikon.path / ".focus").write_text("far 100")
    assert write(nikon.path / ".focus", "far 1000") == errno.EINVAL
    assert "the lens is at its end" in nikon.read_status()["last-error"]
    nikon.expect("the lens is at its end")
    assert "mode: af-s" in (nikon.path / ".focus").read_text()
    (nikon.path / ".record").write_text("1")
    assert (nikon.path / ".record").read_text() == "1\n"
    (nikon.path / ".record").write_text("0")
    assert (nikon.path / ".record").read_text() == "0\n"
    (nikon.path / ".control").write_text("0")
    names = of_the_maker(nikon)
    assert names[-1] == "ChangeCameraMode"
    assert names.count("StartLiveView") == names.count("EndLiveView")
    (nikon.path / ".clock").write_text("2031-02-03T04:05:06")
    assert (nikon.path / ".clock").read_text().startswith("2031-02-03T04:05")


def test_failures_by_their_errno(camera: Path, source: str, tmp_path: Path) -> None:
    with mounted(f"{source}&awkward=full,no_focus:1,dark", camera, f"spool={tmp_path}/spool") as mount:
        mount.expect("the card is full", "autofocus found nothing", "without a JPEG")
        assert write(mount.path / ".capture", "1") == errno.ENOSPC
        assert "the card is full" in mount.read_status()["last-error"]
        (mount.path / ".settings/capture-autofocus").write_text("on")
        (mount.path / ".settings/destination").write_text("computer")
        assert write(mount.path / ".capture", "1") == errno.EAGAIN
        (mount.path / ".capture").write_text("1")
        assert errno_of_reading(mount.path / ".liveview.jpg") == errno.EIO
        assert "without a JPEG" in mount.read_status()["last-error"]


def test_a_body_in_a_mode_without_control(camera: Path, source: str, tmp_path: Path) -> None:
    with mounted(f"{source}&awkward=locked", camera, f"spool={tmp_path}/spool") as mount:
        assert write(mount.path / ".capture", "1") == errno.EBUSY
        assert errno_of_reading(mount.path / ".liveview.jpg") == errno.EBUSY
        mount.expect("in its present state")
        assert (mount.path / CARD / "DSC_0412.JPG").stat().st_size == 300_000


@pytest.mark.parametrize("way", ["control", "unmount", "signal", "idle"])
def test_the_body_is_given_back(way: str, camera: Path, source: str, tmp_path: Path) -> None:
    idle = "2" if way == "idle" else "300"
    with mounted(source, camera, f"spool={tmp_path}/spool,idle={idle}") as mount:
        (mount.path / ".liveview.jpg").read_bytes()
        match way:
            case "control":
                (mount.path / ".control").write_text("0")
            case "idle":
                end = time.monotonic() + PATIENCE
                while (mount.path / ".control").read_text() != "0\n":
                    assert time.monotonic() < end
                    time.sleep(0.1)
            case "signal":
                os.kill(mount.process, signal.SIGTERM)
                mount.wait()
            case "unmount":
                mount.unmount()
        names = [name for name in _ended(mount) if name in ("EndLiveView", "ChangeCameraMode")]
        assert names[-2:] == ["EndLiveView", "ChangeCameraMode"]
    assert not list((tmp_path / "spool").glob(".tethered"))


def _ended(mount: Mount) -> list[str]:
    """Return the operations that the camera saw, of a mount that may have ended."""
    return [json.loads(line)["op"] for line in mount.trace.path.read_text().splitlines() if line.endswith("}")]


def test_a_killed_mount_and_the_next_one(camera: Path, tmp_path: Path) -> None:
    """What came to this computer is there, and the body is given back before anything else is asked of it."""
    with served("nikon", tmp_path, "--snap_time", "0.01") as body:
        with mounted(body.source, camera, f"spool={tmp_path}/spool") as mount:
            (mount.path / ".settings/destination").write_text("computer")
            (mount.path / ".capture").write_text("1")
            (shot,) = (mount.path / "imagedb").iterdir()
            data = shot.read_bytes()
            os.kill(mount.process, signal.SIGKILL)
            mount.wait()
            run("fusermount3", "-uz", mount.path)
        assert (tmp_path / "spool/.tethered").exists()
        before = len(body.trace.read_text().splitlines())
        with mounted(body.source, camera, f"spool={tmp_path}/spool") as mount:
            mount.expect("left the camera's body locked")
            assert {path.name: path.read_bytes() for path in (mount.path / "imagedb").iterdir()} == {shot.name: data}
            assert (mount.path / ".control").read_text() == "0\n"
        lines = [json.loads(line) for line in body.trace.read_text().splitlines()[before:]]
        assert [line["params"][0] for line in lines if line["op"] == "ChangeCameraMode"] == [1, 0]
        assert not (tmp_path / "spool/.tethered").exists()

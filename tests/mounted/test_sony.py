"""A Sony in PC Remote that is mounted: no card, nothing of the maker's while browsing, shots here, settings, and the body given back."""

import errno
import io
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from camfs.virtual.sony.operations import NAMES
from tests.mounted.mount import PATIENCE, Mount, mounted, run
from tests.mounted.test_controls import errno_of_reading, write
from tests.mounted.test_sigma import operations, setting

STEPWISE = "virtual:sony-alpha?snap_time=0.01"
DIRECT = f"{STEPWISE}&awkward=modern"


@pytest.fixture(params=[STEPWISE, DIRECT], ids=["stepwise", "direct"])
def sony(request: pytest.FixtureRequest, camera: Path, tmp_path: Path) -> Iterator[Mount]:
    """Mount a body of either protocol."""
    with mounted(request.param, camera, f"spool={tmp_path}/spool") as mount:
        yield mount


def of_the_maker(mount: Mount) -> list[str]:
    """Return the maker's operations that the camera saw so far."""
    return [name for name in operations(mount) if name in set(NAMES.values())]


def shots(mount: Mount) -> list[Path]:
    """Return the files of the last shot."""
    return [mount.path / line for line in (mount.path / ".capture").read_text().splitlines()]


def wait_for(mount: Mount, count: int) -> list[Path]:
    """Wait until there are so many files in `imagedb`."""
    end = time.monotonic() + PATIENCE
    while len(found := sorted((mount.path / "imagedb").iterdir())) < count:
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


def test_browsing_sends_nothing_of_the_makers(sony: Mount, tmp_path: Path) -> None:
    run("rsync", "-a", f"{sony.path}/", tmp_path / "copy")
    run("cp", "-r", sony.path, tmp_path / "cp")
    run("ls", "-laR", sony.path)
    run("df", sony.path)
    assert [path.name for path in sony.path.iterdir() if not path.name.startswith(".")] == ["imagedb"]
    status = sony.read_status()
    assert status["control"] == "no"
    assert "the card is not shown" in status["mode"]
    assert (sony.path / ".control").read_text() == "0\n"
    assert of_the_maker(sony) == []
    assert not [path.name for path in (tmp_path / "spool").iterdir() if not path.name.startswith(".")]


def test_a_storage_with_nothing_in_it_is_not_shown(camera: Path, tmp_path: Path) -> None:
    with mounted(f"{STEPWISE}&awkward=pseudo", camera, f"spool={tmp_path}/spool") as mount:
        run("rsync", "-a", f"{mount.path}/", tmp_path / "copy")
        assert [path.name for path in mount.path.iterdir() if not path.name.startswith(".")] == ["imagedb"]
        assert of_the_maker(mount) == []


def test_settings_as_files(sony: Mount) -> None:
    values = {"iso": "400", "aperture": "f/8", "shutter-speed": "1/1000", "exposure-compensation": "+0.7"}
    values |= {
        "white-balance": "daylight",
        "focus-mode": "manual",
        "image-size": "medium",
        "drive-mode": "self-timer-10s",
    }
    for name, value in values.items():
        (sony.path / ".settings" / name).write_text(value)
        assert setting(sony, name) == value
    for name in ("iso", "white-balance", "drive-mode"):
        assert setting(sony, name) in (sony.path / ".settings/.choices" / name).read_text().splitlines()
    assert write(sony.path / ".settings/iso", "123") == errno.EINVAL
    assert write(sony.path / ".settings/battery-level", "1%") == errno.EACCES
    assert write(sony.path / ".settings/exposure-mode", "program") == errno.EACCES
    assert "exposure-mode: " in sony.read_status()["last-error"]
    sony.expect("iso: 123", "battery-level: it can only be read", "exposure-mode: ")


def test_shots(sony: Mount) -> None:
    (sony.path / ".capture").write_text("2")
    (last,) = shots(sony)
    assert [path.name for path in wait_for(sony, 2)] == ["DSC00001.JPG", "DSC00002.JPG"]
    assert last.name == "DSC00002.JPG"
    for path in (sony.path / "imagedb").iterdir():
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            image.load()
    last.unlink()
    assert [path.name for path in (sony.path / "imagedb").iterdir()] == ["DSC00001.JPG"]


def test_raw_and_jpeg(camera: Path, tmp_path: Path) -> None:
    with mounted(STEPWISE, camera, f"spool={tmp_path}/spool") as mount:
        (mount.path / ".settings/image-quality").write_text("raw+fine")
        (mount.path / ".capture").write_text("1")
        assert sorted(path.name for path in shots(mount)) == ["DSC00001.ARW", "DSC00001.JPG"]


def test_a_bulb_exposure(sony: Mount) -> None:
    before = setting(sony, "shutter-speed")
    (sony.path / ".capture").write_text("bulb 0.5")
    assert len(shots(sony)) == 1
    assert setting(sony, "shutter-speed") == before


def test_the_bodys_own_shutter(camera: Path, tmp_path: Path) -> None:
    """While the computer has control a picture by the body's own button appears without .refresh."""
    with mounted(f"{STEPWISE}&awkward=press:1", camera, f"spool={tmp_path}/spool") as mount:
        (mount.path / ".control").write_text("1")
        assert [path.name for path in wait_for(mount, 1)] == ["DSC00001.JPG"]


def test_live_view_focus_and_movies(sony: Mount) -> None:
    for _ in range(3):
        with Image.open(io.BytesIO((sony.path / ".liveview.jpg").read_bytes())) as image:
            image.load()
    (sony.path / ".focus").write_text("af")
    assert "mode: af-a" in (sony.path / ".focus").read_text()
    (sony.path / ".settings/focus-mode").write_text("manual")
    (sony.path / ".focus").write_text("far 7")
    assert write(sony.path / ".focus", "far 8") == errno.EINVAL
    sony.expect("the size of a step")
    (sony.path / ".record").write_text("1")
    assert (sony.path / ".record").read_text() == "1\n"
    (sony.path / ".record").write_text("0")
    assert (sony.path / ".record").read_text() == "0\n"


def test_failures_by_their_errno(camera: Path, tmp_path: Path) -> None:
    with mounted(f"{STEPWISE}&awkward=no_focus:1,dark,program", camera, f"spool={tmp_path}/spool") as mount:
        mount.expect("autofocus found nothing", "without a JPEG", "dial at M")
        (mount.path / ".settings/capture-autofocus").write_text("on")
        assert write(mount.path / ".capture", "1") == errno.EAGAIN
        assert errno_of_reading(mount.path / ".liveview.jpg") == errno.EIO
        assert write(mount.path / ".capture", "bulb 2") == errno.EPERM
        (mount.path / ".capture").write_text("1")


def test_the_mode_mtp(camera: Path, tmp_path: Path) -> None:
    """It is a plain camera with a card, and says what to choose for control."""
    with mounted(f"{STEPWISE}&awkward=mtp", camera, f"spool={tmp_path}/spool") as mount:
        assert len(list((mount.path / "card/DCIM/100MSDCF").iterdir())) == 4
        assert write(mount.path / ".capture", "1") == errno.EOPNOTSUPP
        assert "PC Remote" in mount.read_status()["last-error"]
        mount.expect("PC Remote")


@pytest.mark.parametrize("way", ["control", "unmount", "signal", "idle"])
def test_the_body_is_given_back(way: str, camera: Path, tmp_path: Path) -> None:
    idle = "2" if way == "idle" else "300"
    with mounted(STEPWISE, camera, f"spool={tmp_path}/spool,idle={idle}") as mount:
        setting(mount, "iso")
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
        ended = [json.loads(line) for line in mount.trace.path.read_text().splitlines() if line.endswith("}")]
        last = max(number for number, line in enumerate(ended) if line["op"] in NAMES.values())
        assert [line["op"] for line in ended[last - 1 : last + 2]] == [
            "SetControlDeviceB",
            "SetControlDeviceB",
            "CloseSession",
        ]
    assert not list((tmp_path / "spool").glob(".tethered"))

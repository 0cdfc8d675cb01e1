"""An emulated Canon EOS body that is mounted: who has it, settings, shots, live view, as users meet them."""

import errno
import io
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.mounted.contents import make_file
from tests.mounted.mount import PATIENCE, Mount, mounted, run
from tests.mounted.test_controls import errno_of_reading, write
from tests.mounted.watch import watching
from tests.peers.camera import served

STANDARD_ONLY = {
    "OpenSession",
    "GetDeviceInfo",
    "GetStorageIDs",
    "GetStorageInfo",
    "GetNumObjects",
    "GetObjectHandles",
    "GetObjectInfo",
    "GetPartialObject",
    "GetObject",
    "GetThumb",
    "GetDevicePropDesc",
    "GetDevicePropValue",
    "CloseSession",
}

FOLDER = "card/DCIM/100CANON"


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Return a folder for the spool."""
    return tmp_path / "spool"


@pytest.fixture
def eos(camera: Path, spool: Path, folder: Path) -> Iterator[Mount]:
    """Mount an emulated EOS body with one picture on its card."""
    (folder / "DCIM/100CANON").mkdir(parents=True)
    make_file(folder / "DCIM/100CANON/IMG_0412.JPG", 300_000)
    with mounted(f"virtual:canon-eos?card={folder}&snap_time=0.05", camera, f"spool={spool}") as mount:
        yield mount


def setting(mount: Mount, name: str) -> str:
    """Read a setting."""
    return (mount.path / ".settings" / name).read_text().strip()


def operations(mount: Mount) -> list[str]:
    """Return the names of the operations that the camera saw so far."""
    if mount.status is None:
        (mount.path / ".status").read_bytes()
    whole, _, _ = mount.trace.path.read_text().rpartition("\n")
    return [json.loads(line)["op"] for line in whole.splitlines()]


def modes(mount: Mount) -> list[int]:
    """Return what SetRemoteMode was told so far."""
    whole, _, _ = mount.trace.path.read_text().rpartition("\n")
    lines = [json.loads(line) for line in whole.splitlines()]
    return [line["params"][0] for line in lines if line["op"] == "SetRemoteMode"]


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.05)


def shots(mount: Mount) -> list[str]:
    """Take a picture, and return the paths of its files."""
    assert write(mount.path / ".capture", "1") == 0
    return (mount.path / ".capture").read_text().split()


# ---------------------------------------------------------------------- who has the body


def test_copying_sends_standard_operations_only(eos: Mount, tmp_path: Path) -> None:
    run("rsync", "-a", f"{eos.path}/", tmp_path / "copy")
    run("cp", "-r", eos.path, tmp_path / "cp")
    run("find", eos.path, "-type", "f", "-exec", "head", "-c", "100", "{}", "+")
    run("ls", "-laR", eos.path)
    run("ls", eos.path / ".settings")
    assert eos.read_status()["control"] == "no"
    assert (eos.path / ".control").read_text() == "0\n"
    assert set(operations(eos)) <= STANDARD_ONLY
    assert sorted(os.listdir(tmp_path / "copy")) == ["card", "imagedb"]


def test_the_body_is_taken_at_need_and_handed_back(eos: Mount) -> None:
    before = run("find", eos.path).stdout
    assert setting(eos, "exposure-mode") == "manual"
    assert eos.read_status()["control"] == "yes"
    assert run("find", eos.path).stdout == before
    assert len((eos.path / FOLDER / "IMG_0412.JPG").read_bytes()) == 300_000, "the card stays readable"
    assert write(eos.path / ".control", "0") == 0
    assert modes(eos) == [1, 0]
    assert eos.read_status()["control"] == "no"


@pytest.mark.parametrize("ending", ["unmount", "SIGTERM", "SIGINT"])
def test_every_ending_hands_the_body_back(ending: str, camera: Path, spool: Path) -> None:
    with mounted("virtual:canon-eos?snap_time=0.05", camera, f"spool={spool}") as mount:
        assert write(camera / ".settings/destination", "computer") == 0
        assert shots(mount) == ["imagedb/IMG_0005.JPG"]
        if ending == "unmount":
            mount.unmount()
        else:
            os.kill(mount.process, signal.Signals[ending])
            assert mount.wait() == 0
        assert modes(mount) == [1, 0]
    assert "IMG_0005.JPG" in os.listdir(spool)


def test_an_idle_body_is_handed_back(camera: Path, spool: Path) -> None:
    with mounted("virtual:canon-eos", camera, f"spool={spool},idle=0.5") as mount:
        assert write(camera / ".control", "1") == 0
        wait_until(lambda: modes(mount) == [1, 0])
        assert mount.read_status()["control"] == "no"


def test_after_a_kill_the_next_mount_hands_the_body_back(camera: Path, spool: Path, tmp_path: Path) -> None:
    """Over the network, where the body outlives the mount: its keys are dead until the next one, which also has the shot."""
    with served("canon-eos", tmp_path, "--snap_time", "0.05") as body:
        with mounted(body.source, camera, f"spool={spool}") as mount:
            assert write(camera / ".settings/destination", "computer") == 0
            assert shots(mount) == ["imagedb/IMG_0005.JPG"]
            os.kill(mount.process, signal.SIGKILL)
            assert mount.wait() == -signal.SIGKILL
            run("fusermount3", "-uz", camera)
        assert body.results()["SetRemoteMode"] == {"OK"}
        with mounted(body.source, camera, f"spool={spool}") as mount:
            mount.expect("left the camera's body locked")
            assert mount.read_status()["control"] == "no"
            assert os.listdir(camera / "imagedb") == ["IMG_0005.JPG"]
        told = [json.loads(line) for line in body.trace.read_text().splitlines()]
        assert [line["params"][0] for line in told if line["op"] == "SetRemoteMode"] == [1, 1, 0]


# ---------------------------------------------------------------------- settings


def test_a_day_of_settings(eos: Mount) -> None:
    assert (eos.path / ".settings/.choices/iso").read_text().splitlines()[:4] == ["auto", "100", "125", "160"]
    for name, text in (
        ("iso", "400"),
        ("aperture", "f/8"),
        ("shutter-speed", "1/250"),
        ("white-balance", "cloudy"),
        ("image-quality", "raw+large-fine"),
        ("drive-mode", "continuous-low"),
        ("metering-mode", "spot"),
        ("destination", "both"),
    ):
        assert write(eos.path / ".settings" / name, f"{text}\n") == 0
        assert setting(eos, name) == text
    eos.expect("iso", "exposure-mode", "battery", "exposure-compensation")
    assert write(eos.path / ".settings/iso", "many") == errno.EINVAL
    assert write(eos.path / ".settings/exposure-mode", "program") == errno.EACCES
    assert write(eos.path / ".settings/battery", "100%") == errno.EACCES
    assert write(eos.path / ".settings/exposure-compensation", "+1") == errno.EPERM


def test_the_clock(eos: Mount) -> None:
    assert write(eos.path / ".clock", "2030-05-04T09:30:00") == 0
    assert (eos.path / ".clock").read_text().startswith("2030-05-04T09:3")


# ---------------------------------------------------------------------- shots


def test_shots_to_the_card(eos: Mount) -> None:
    assert shots(eos) == [f"{FOLDER}/IMG_0413.JPG"]
    Image.open(io.BytesIO((eos.path / FOLDER / "IMG_0413.JPG").read_bytes())).verify()
    assert write(eos.path / ".capture", "3") == 0
    assert sorted(os.listdir(eos.path / FOLDER))[-3:] == ["IMG_0414.JPG", "IMG_0415.JPG", "IMG_0416.JPG"]


def test_shots_to_this_computer_survive_the_mount(camera: Path, spool: Path) -> None:
    with mounted("virtual:canon-eos?snap_time=0.05", camera, f"spool={spool}") as mount:
        assert write(camera / ".settings/destination", "computer") == 0
        assert write(camera / ".settings/image-quality", "raw+large-fine") == 0
        taken = {path: (camera / path).read_bytes() for path in shots(mount)}
        assert sorted(taken) == ["imagedb/IMG_0005.CR2", "imagedb/IMG_0005.JPG"]
        assert operations(mount).count("TransferComplete") == 2
    with mounted("virtual:canon-eos", camera, f"spool={spool}") as mount:
        assert {
            f"imagedb/{name}": (camera / "imagedb" / name).read_bytes() for name in os.listdir(camera / "imagedb")
        } == taken
        for path in taken:
            (camera / path).unlink()
        assert os.listdir(camera / "imagedb") == []
        assert set(operations(mount)) <= STANDARD_ONLY


@pytest.mark.parametrize("destination", ["card", "computer"])
def test_a_shot_by_the_bodys_own_button(camera: Path, spool: Path, destination: str) -> None:
    """It appears without `.refresh`, and who watches the folder is told."""
    with mounted("virtual:canon-eos?presses=2", camera, f"spool={spool}") as mount:
        folder = camera / (FOLDER if destination == "card" else "imagedb")
        before = set(os.listdir(folder))
        with watching(folder) as watch:
            assert write(camera / ".settings/destination", destination) == 0
            assert watch.several(2) == ["CREATE IMG_0005.JPG", "CLOSE_WRITE IMG_0005.JPG"]
        assert set(os.listdir(folder)) - before == {"IMG_0005.JPG"}
        assert operations(mount).count("RemoteReleaseOn") == 0


@pytest.mark.parametrize(
    ("failure", "number", "said"),
    [
        ("card", errno.ENOSPC, "the card is full"),
        ("readonly", errno.EROFS, "the card cannot be written"),
        ("lens", errno.EIO, "the lens cover is closed"),
        ("af", errno.EAGAIN, "autofocus found nothing"),
    ],
)
def test_a_shot_that_fails(camera: Path, spool: Path, failure: str, number: int, said: str) -> None:
    with mounted(f"virtual:canon-eos?failures={failure}&snap_time=0.05", camera, f"spool={spool}") as mount:
        assert write(camera / ".settings/capture-autofocus", "on") == 0
        mount.expect(said)
        assert write(camera / ".capture", "1") == number
        assert said in mount.read_status()["last-error"]
        assert shots(mount) == [f"{FOLDER}/IMG_0005.JPG"]


def test_a_dial_without_control(camera: Path, spool: Path) -> None:
    with mounted("virtual:canon-eos?settings=exposure-mode:movie", camera, f"spool={spool}") as mount:
        mount.expect("cannot do this in its present mode")
        assert write(camera / ".capture", "1") == errno.EACCES
        assert setting(mount, "exposure-mode") == "movie"


# ---------------------------------------------------------------------- live view, focus, movies


def test_live_view_and_focus(eos: Mount) -> None:
    frames = [(eos.path / ".liveview.jpg").read_bytes() for _ in range(2)]
    assert frames[0] != frames[1]
    for frame in frames:
        Image.open(io.BytesIO(frame)).verify()
    assert write(eos.path / ".focus", "af") == 0
    assert write(eos.path / ".focus", "far 3") == 0
    assert (eos.path / ".focus").read_text().startswith("mode: one-shot\n")
    eos.expect("write af, or near or far")
    assert write(eos.path / ".focus", "1000") == errno.EINVAL


def test_a_movie(eos: Mount) -> None:
    assert write(eos.path / ".record", "1") == 0
    assert (eos.path / ".record").read_text() == "1\n"
    assert write(eos.path / ".record", "0") == 0
    wait_until(lambda: "MVI_0413.MOV" in os.listdir(eos.path / FOLDER))
    assert errno_of_reading(eos.path / FOLDER / "MVI_0413.MOV") == 0

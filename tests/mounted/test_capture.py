"""Pictures in the field: bulb, at intervals, several by one command, and the body's own timer, on mounted cameras."""

import errno
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mounted.mount import PATIENCE, Mount, mounted, run
from tests.mounted.test_controls import write

QUICK_FP = "virtual:sigma-fp?snap_time=0.01&settings=image-quality:fine"


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end
        time.sleep(0.05)


def shots(mount: Mount) -> list[str]:
    return sorted(os.listdir(mount.path / "imagedb"))


def put(mount: Mount, command: str) -> None:
    """Write to `.capture` as people do."""
    run("sh", "-c", 'echo "$1" > "$2"', "sh", command, mount.path / ".capture")


def by_hand(mount: Mount) -> None:
    for name, value in (("exposure-mode", "manual"), ("shutter-speed", "1/125")):
        assert write(mount.path / ".settings" / name, value) == 0


def test_a_series_runs_on_by_itself(camera: Path) -> None:
    with mounted("virtual:ptp", camera) as mount:
        before = set(os.listdir(camera / "card/DCIM/100CAMFS"))
        begun = time.monotonic()
        put(mount, "2 every 9s")
        (first,) = (camera / ".capture").read_text().split()
        assert (camera / first).read_bytes().startswith(b"\xff\xd8\xff")
        assert mount.read_status()["series"].startswith("1 of 2 taken, one each 9 s, the next in ")
        assert write(camera / ".capture", "3 every 2s") == errno.EBUSY
        mount.expect("a series runs: 1 of 2 taken")
        wait_until(lambda: "over" in mount.read_status()["series"])
        assert time.monotonic() - begun > 8
        assert len(set(os.listdir(camera / "card/DCIM/100CAMFS")) - before) == 2
        wait_until(lambda: "capture: series 2 of 2 taken" in (camera / ".events").read_text())
        assert (camera / ".capture").read_text().strip() > first


def test_0_ends_a_series(camera: Path) -> None:
    with mounted("virtual:ptp", camera) as mount:
        put(mount, "1000 every 0.2s")
        put(mount, "0")
        wait_until(lambda: "capture: series" in (camera / ".events").read_text())
        assert mount.read_status()["series"].endswith("ended")
        number = len(os.listdir(camera / "card/DCIM/100CAMFS"))
        time.sleep(1)
        put(mount, "0")
        assert len(os.listdir(camera / "card/DCIM/100CAMFS")) == number


@pytest.mark.parametrize("by", ["fusermount3", "SIGTERM"])
def test_unmounting_ends_a_series_and_what_was_taken_stays(camera: Path, tmp_path: Path, by: str) -> None:
    spool = tmp_path / "spool"
    with mounted(QUICK_FP, camera, f"spool={spool}") as mount:
        put(mount, "1000 every 0.3s")
        wait_until(lambda: len(shots(mount)) >= 3)
        begun = time.monotonic()
        if by == "SIGTERM":
            os.kill(mount.process, signal.SIGTERM)
            assert mount.wait() == 0
        else:
            mount.unmount()
        assert time.monotonic() - begun < 10
    assert len(list(spool.glob("SDIM*"))) >= 3


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("bulb -1", "'-1' is not a number of seconds"),
        ("bulb 100000", "at most 3600"),
        ("5 every 0s", "more than 0"),
        ("every", "is not a number of pictures"),
        ("99999999999999999999", "1 to 999"),
    ],
)
def test_what_is_no_form(camera: Path, command: str, says: str) -> None:
    with mounted("virtual:ptp", camera) as mount:
        assert write(camera / ".capture", command) == errno.EINVAL
        assert says in mount.read_status()["last-error"]
        mount.expect(says)


@pytest.mark.parametrize("source", ["virtual:ptp", "virtual:dc120?pace=off"])
def test_cameras_without_bulb(camera: Path, source: str) -> None:
    with mounted(source, camera) as mount:
        assert write(camera / ".capture", "bulb 1") == errno.EOPNOTSUPP
        assert "bulb" in mount.read_status()["last-error"]
        mount.expect("bulb")


def test_bulb(camera: Path, tmp_path: Path) -> None:
    with mounted(QUICK_FP, camera, f"spool={tmp_path / 'spool'}") as mount:
        assert write(camera / ".capture", "bulb 1") == errno.EPERM
        mount.expect("exposure-mode is program")
        by_hand(mount)
        begun = time.monotonic()
        put(mount, "bulb 1.5")
        assert time.monotonic() - begun > 1.5
        (path,) = (camera / ".capture").read_text().split()
        assert (camera / path).read_bytes().startswith(b"\xff\xd8\xff")
        assert (camera / ".settings/shutter-speed").read_text() == "1/125\n"


def test_giving_the_camera_back_ends_a_bulb_exposure(camera: Path, tmp_path: Path) -> None:
    with mounted(QUICK_FP, camera, f"spool={tmp_path / 'spool'}") as mount:
        by_hand(mount)
        holding = subprocess.Popen(["sh", "-c", 'echo bulb 3000 > "$1"', "sh", camera / ".capture"])
        wait_until(lambda: "bulb, 3000 s, waiting for the camera" in mount.read_status().get("capture", ""))
        time.sleep(1)
        assert write(camera / ".control", "0") == 0
        assert holding.wait(PATIENCE) == 0
        assert len(shots(mount)) == 1
        assert mount.read_status()["control"] == "no"


def test_giving_the_camera_back_ends_a_count(camera: Path) -> None:
    with mounted("virtual:ptp", camera) as mount:
        before = len(os.listdir(camera / "card/DCIM/100CAMFS"))
        counting = subprocess.Popen(
            ["sh", "-c", 'echo 999 | tee "$1"', "sh", camera / ".capture"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env={"LC_ALL": "C", "PATH": os.environ["PATH"]},
        )
        wait_until(lambda: "shot 3 of 999" in mount.read_status().get("capture", ""))
        assert write(camera / ".control", "0") == 0
        _, said = counting.communicate(timeout=PATIENCE)
        assert b"Operation canceled" in said
        mount.expect("ended after .* of 999 pictures")
        assert 3 <= len(os.listdir(camera / "card/DCIM/100CAMFS")) - before < 100


def test_several_pictures_by_one_command(camera: Path, tmp_path: Path) -> None:
    with mounted(QUICK_FP, camera, f"spool={tmp_path / 'spool'}") as mount:
        put(mount, "6")
        assert len(shots(mount)) == 6
        assert len((camera / ".capture").read_text().split()) == 6
        (camera / ".status").read_bytes()
        assert mount.trace.path.read_text().count('"SnapCommand"') == 1
        run("cp", "-r", camera / "imagedb", tmp_path / "copy")
        assert all(path.read_bytes().startswith(b"\xff\xd8\xff") for path in (tmp_path / "copy").iterdir())


def test_an_endless_interval_drive_is_ended_by_0(camera: Path, tmp_path: Path) -> None:
    with mounted(QUICK_FP, camera, f"spool={tmp_path / 'spool'}") as mount:
        by_hand(mount)
        for name, value in (("drive-mode", "interval"), ("interval-timer", "1s endless")):
            assert write(camera / ".settings" / name, value) == 0
        put(mount, "1")
        assert "1 taken, one each 1 s, goes on" in mount.read_status()["interval-timer"]
        wait_until(lambda: len(shots(mount)) >= 3)
        put(mount, "0")
        wait_until(lambda: "ended" in mount.read_status()["interval-timer"])
        taken = shots(mount)
        time.sleep(2)
        assert shots(mount) == taken
        for name in taken:
            assert (camera / "imagedb" / name).read_bytes().startswith(b"\xff\xd8\xff")
        thumbnails = os.listdir(camera / ".thumbnails/imagedb")
        assert sorted(thumbnails) == taken
        assert (camera / ".thumbnails/imagedb" / taken[0]).read_bytes().startswith(b"\xff\xd8\xff")

"""A SIGMA fp that is mounted: its two lives, settings, shots and live view, as a user meets them."""

import errno
import io
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.mounted.contents import make_file
from tests.mounted.mount import PATIENCE, Mount, mounted, run
from tests.mounted.test_controls import errno_of_reading, write

QUALITIES = ("fine", "dng", "dng+fine")


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """Return a folder for the spool."""
    return tmp_path / "spool"


@pytest.fixture
def fp(camera: Path, spool: Path, folder: Path) -> Iterator[Mount]:
    """Mount an emulated fp with one picture on its card."""
    (folder / "DCIM/100SIGMA").mkdir(parents=True)
    make_file(folder / "DCIM/100SIGMA/SDIM0412.JPG", 300_000)
    with mounted(
        f"virtual:sigma-fp?card={folder}&snap_time=0.01&settings=image-quality:fine", camera, f"spool={spool}"
    ) as mount:
        yield mount


def setting(mount: Mount, name: str) -> str:
    """Read a setting."""
    return (mount.path / ".settings" / name).read_text().strip()


def seen(mount: Mount) -> list[dict[str, Any]]:
    """Return the lines of the camera's trace so far; see `Trace.transactions` for why `.status` is read first."""
    if mount.status is None:
        (mount.path / ".status").read_bytes()
    whole, _, _ = mount.trace.path.read_text().rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def operations(mount: Mount) -> list[str]:
    """Return the names of the operations that the camera saw so far."""
    return [line["op"] for line in seen(mount)]


def is_held(mount: Mount) -> bool:
    """Say whether the emulated body is in the API life: by what it last answered."""
    lives = [name for name in operations(mount) if name in ("ConfigApi", "CloseApplication")]
    return bool(lives) and lives[-1] == "ConfigApi"


def wait_for(mount: Mount, operation: str) -> None:
    """Wait until the camera has seen an operation."""
    end = time.monotonic() + PATIENCE
    while operation not in operations(mount):
        assert time.monotonic() < end, f"no {operation} in {PATIENCE:g} s"


# ---------------------------------------------------------------------- two lives


def test_copying_never_takes_the_body(fp: Mount, tmp_path: Path) -> None:
    run("rsync", "-a", f"{fp.path}/", tmp_path / "copy")
    run("cp", "-r", fp.path, tmp_path / "cp")
    run("find", fp.path, "-type", "f", "-exec", "head", "-c", "100", "{}", "+")
    run("ls", "-laR", fp.path)
    assert fp.read_status()["control"] == "no"
    assert (fp.path / ".control").read_text() == "0\n"
    assert "ConfigApi" not in operations(fp)
    assert sorted(os.listdir(tmp_path / "copy")) == ["card", "imagedb"]


def test_the_body_is_taken_at_need_and_handed_back(fp: Mount) -> None:
    before = run("find", fp.path).stdout
    assert setting(fp, "exposure-mode") == "program"
    assert fp.read_status()["control"] == "yes"
    assert fp.read_status()["firmware"] == "V91"
    assert is_held(fp)
    assert run("find", fp.path).stdout == before
    assert errno_of_reading(fp.path / "card/DCIM/100SIGMA/SDIM0412.JPG") == errno.EBUSY
    fp.expect("SDIM0412.JPG.*under remote control")
    assert write(fp.path / ".control", "0") == 0
    assert not is_held(fp)
    assert fp.read_status()["control"] == "no"
    assert len((fp.path / "card/DCIM/100SIGMA/SDIM0412.JPG").read_bytes()) == 300_000


def test_a_hand_back_restores_the_card_with_what_was_taken(fp: Mount) -> None:
    run("find", fp.path)
    assert write(fp.path / ".capture", "1") == 0
    name = (fp.path / ".capture").read_text().strip().removeprefix("imagedb/")
    shot = (fp.path / "imagedb" / name).read_bytes()
    assert write(fp.path / ".control", "0") == 0
    assert (fp.path / "card/DCIM/100SIGMA" / name).read_bytes() == shot
    assert (fp.path / "imagedb" / name).read_bytes() == shot


@pytest.mark.parametrize("ending", ["unmount", "SIGTERM", "SIGINT"])
def test_every_ending_hands_the_body_back(ending: str, camera: Path, spool: Path) -> None:
    with mounted("virtual:sigma-fp?snap_time=0.01&settings=image-quality:fine", camera, f"spool={spool}") as mount:
        assert write(camera / ".capture", "1") == 0
        assert is_held(mount)
        if ending == "unmount":
            mount.unmount()
        else:
            os.kill(mount.process, signal.Signals[ending])
            assert mount.wait() == 0
        assert not is_held(mount)
    assert len(os.listdir(spool)) >= 1


def test_an_idle_body_is_handed_back(camera: Path, spool: Path) -> None:
    with mounted("virtual:sigma-fp", camera, f"spool={spool},idle=0.5") as mount:
        assert write(camera / ".control", "1") == 0
        assert is_held(mount)
        wait_for(mount, "CloseApplication")
        assert mount.read_status()["control"] == "no"


# ---------------------------------------------------------------------- settings


def test_a_day_of_settings(fp: Mount) -> None:
    """What the walkthrough shows."""
    assert (fp.path / ".settings/.choices/iso").read_text().splitlines()[:4] == ["auto", "100", "125", "160"]
    assert write(fp.path / ".settings/iso", "400\n") == 0
    assert setting(fp, "iso") == "400"
    kept = setting(fp, "shutter-speed")
    fp.expect("shutter-speed: the camera kept .*exposure-mode is program")
    assert write(fp.path / ".settings/shutter-speed", "1/250") == errno.EPERM
    assert fp.read_status()["last-error"] == f"shutter-speed: the camera kept {kept} (exposure-mode is program)"
    assert write(fp.path / ".settings/exposure-mode", "manual") == 0
    assert write(fp.path / ".settings/shutter-speed", "1/250") == 0
    assert write(fp.path / ".settings/aperture", "f/5.6") == 0
    assert [setting(fp, name) for name in ("shutter-speed", "aperture")] == ["1/250", "f/5.6"]
    fp.expect("iso", "battery")
    assert write(fp.path / ".settings/iso", "many") == errno.EINVAL
    assert write(fp.path / ".settings/battery-level", "full") == errno.EACCES


def test_a_group_is_read_once_for_all_its_settings(fp: Mount) -> None:
    assert write(fp.path / ".control", "1") == 0
    before = len(operations(fp))
    run("sh", "-c", f"cat {fp.path}/.settings/* > /dev/null; true", status=None)
    counts = {name: operations(fp)[before:].count(name) for name in ("GetCamDataGroup1", "GetCamDataGroup2")}
    assert all(count <= 2 for count in counts.values()), counts
    fp.tolerate(".*")


@pytest.mark.parametrize("form", ["bits", "numbers"])
def test_custom_modes_of_both_forms(form: str, camera: Path, spool: Path) -> None:
    """Whatever form the body takes, `c1` sets C1 and reads back as such."""
    source = f"virtual:sigma-fp?custom_modes={form}&settings=exposure-mode:manual"
    with mounted(source, camera, f"spool={spool}") as mount:
        for mode in ("c1", "c3", "c2", "manual", "c1", "program"):
            assert write(camera / ".settings/exposure-mode", mode) == 0
            assert setting(mount, "exposure-mode") == mode


def test_old_firmware(camera: Path, spool: Path) -> None:
    with mounted(
        "virtual:sigma-fp?firmware=V84&snap_time=0.01&settings=image-quality:fine", camera, f"spool={spool}"
    ) as mount:
        assert setting(mount, "aperture") == "auto"
        assert mount.read_status()["firmware"] == "V84"
        assert write(camera / ".capture", "2") == 0
        assert len({(camera / "imagedb" / name).read_bytes() for name in os.listdir(camera / "imagedb")}) == 2


# ---------------------------------------------------------------------- shots


@pytest.mark.parametrize("quality", QUALITIES)
def test_shots_at_one_address(quality: str, fp: Mount) -> None:
    """The camera uses its memory again for each shot. A file that is being read when the next is taken is whole all the same."""
    run("find", fp.path)
    assert write(fp.path / ".settings/image-quality", quality) == 0
    shots = {}
    with ExitStack() as stack:
        files = []
        for _ in range(3):
            assert write(fp.path / ".capture", "1") == 0
            for path in (fp.path / ".capture").read_text().split():
                file = stack.enter_context(open(fp.path / path, "rb", buffering=0))
                files.append((Path(path).name, file, file.read(5000)))
        for name, file, begins in files:
            shots[name] = begins + file.readall()
    lines = [line["params"] for line in seen(fp) if line["op"] == "GetBigPartialPictFile"]
    assert len({params[0] for params in lines}) == len(shots) // 3
    assert write(fp.path / ".control", "0") == 0
    for name, shot in shots.items():
        assert (fp.path / "imagedb" / name).read_bytes() == shot
        assert (fp.path / "card/DCIM/100SIGMA" / name).read_bytes() == shot


@pytest.mark.parametrize("quality", QUALITIES)
def test_forty_shots_taken_and_moved(quality: str, fp: Mount, tmp_path: Path) -> None:
    """More than the 29 entries of the camera's image database, each taken, copied, compared and removed."""
    taken = tmp_path / "taken"
    taken.mkdir()
    assert write(fp.path / ".settings/image-quality", quality) == 0
    seen: list[bytes] = []
    for _ in range(40):
        assert write(fp.path / ".capture", "1") == 0
        paths = (fp.path / ".capture").read_text().split()
        assert len(paths) == (2 if quality == "dng+fine" else 1)
        for path in paths:
            run("cp", fp.path / path, taken)
            data = (taken / Path(path).name).read_bytes()
            assert data == (fp.path / path).read_bytes()
            assert data not in seen
            Image.open(io.BytesIO(data)).verify()
            seen.append(data)
            (fp.path / path).unlink()
    assert os.listdir(fp.path / "imagedb") == []
    assert len(os.listdir(taken)) == len(seen)


def test_shots_that_nobody_reads(fp: Mount, spool: Path) -> None:
    assert write(fp.path / ".capture", "7") == 0
    assert write(fp.path / ".settings/image-quality", "dng+fine") == 0
    for _ in range(30):
        assert write(fp.path / ".capture", "1") == 0
    names = os.listdir(fp.path / "imagedb")
    assert len(names) == 7 + 2 * 30
    assert len({(fp.path / "imagedb" / name).read_bytes() for name in names}) == len(names)


def test_a_shot_is_read_lazily(fp: Mount) -> None:
    assert write(fp.path / ".settings/image-quality", "dng") == 0
    assert write(fp.path / ".capture", "1") == 0
    (path,) = (fp.path / ".capture").read_text().split()
    size = (fp.path / path).stat().st_size
    assert "GetBigPartialPictFile" not in operations(fp)
    with open(fp.path / path, "rb", buffering=0) as file:
        assert len(file.read(1000)) == 1000
    fetched = sum(line["in"] for line in seen(fp) if line["op"] == "GetBigPartialPictFile")
    assert 1000 <= fetched < min(size, 1 << 20)
    assert "ClearImageDBSingle" not in operations(fp)
    assert len((fp.path / path).read_bytes()) == size
    assert "ClearImageDBSingle" in operations(fp)


def test_what_waits_is_there_again_after_a_restart(camera: Path, spool: Path) -> None:
    source, options = "virtual:sigma-fp?snap_time=0.01&settings=image-quality:fine", f"spool={spool}"
    with mounted(source, camera, options):
        assert write(camera / ".capture", "3") == 0
        first = {name: (camera / "imagedb" / name).read_bytes() for name in os.listdir(camera / "imagedb")}
        times = {name: (camera / "imagedb" / name).stat().st_mtime_ns for name in first}
    with mounted(source, camera, options) as mount:
        assert {name: (camera / "imagedb" / name).read_bytes() for name in os.listdir(camera / "imagedb")} == first
        assert {name: (camera / "imagedb" / name).stat().st_mtime_ns for name in first} == times
        assert "ConfigApi" not in operations(mount)
        run("sh", "-c", f"mv {camera}/imagedb/* {spool.parent}")
        assert os.listdir(camera / "imagedb") == []
        # the emulated camera is a new one and numbers its files anew: a name that is used again is another file
        assert write(camera / ".capture", "1") == 0
    with mounted(source, camera, options):
        assert len(os.listdir(camera / "imagedb")) == 1


def test_moving_all_away(fp: Mount, tmp_path: Path) -> None:
    assert write(fp.path / ".settings/image-quality", "dng+fine") == 0
    assert write(fp.path / ".capture", "2") == 0
    names = sorted(os.listdir(fp.path / "imagedb"))
    assert len(names) == 4
    run("sh", "-c", f"mv {fp.path}/imagedb/* {tmp_path}")
    assert os.listdir(fp.path / "imagedb") == []
    assert set(names) <= set(os.listdir(tmp_path))
    assert write(fp.path / ".capture", "1") == 0


def test_nothing_can_be_put_into_imagedb(fp: Mount) -> None:
    with pytest.raises(OSError, match="Read-only file system"):
        (fp.path / "imagedb/NEW.JPG").write_bytes(b"new")
    fp.expect("allow_delete")
    with pytest.raises(PermissionError):
        (fp.path / "card/DCIM/100SIGMA/SDIM0412.JPG").unlink()


@pytest.mark.parametrize("destination", ["camera", "computer", "both"])
def test_destinations(destination: str, fp: Mount) -> None:
    run("find", fp.path)
    assert write(fp.path / ".settings/destination", destination) == 0
    assert write(fp.path / ".capture", "1") == 0
    (path,) = (fp.path / ".capture").read_text().split()
    name = Path(path).name
    assert path == (f"card/DCIM/100SIGMA/{name}" if destination == "camera" else f"imagedb/{name}")
    assert (name in os.listdir(fp.path / "imagedb")) is (destination != "camera")
    assert ("GetBigPartialPictFile" in operations(fp)) is False
    assert write(fp.path / ".capture", "1") == 0, "the first shot blocks the shutter"
    assert write(fp.path / ".control", "0") == 0
    assert (name in os.listdir(fp.path / "card/DCIM/100SIGMA")) is (destination != "computer")


def test_a_full_disk(camera: Path, tmp_path: Path) -> None:
    """A shot that finds no room on this computer stays in the camera, can be read, and no other is taken."""
    small = tmp_path / "small"
    small.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small)
    try:
        with mounted(
            "virtual:sigma-fp?snap_time=0.01&settings=image-quality:fine", camera, f"spool={small}/spool"
        ) as mount:
            mount.tolerate(".*")
            assert write(camera / ".settings/image-quality", "dng") == 0
            assert write(camera / ".capture", "1") == 0
            (path,) = (camera / ".capture").read_text().split()
            shot = (camera / path).read_bytes()
            assert len(shot) > 64 << 10
            assert write(camera / ".capture", "1") == errno.ENOSPC
            assert write(camera / ".control", "0") == errno.ENOSPC
            assert (camera / path).read_bytes() == shot
            run("mount", "-o", "remount,size=200m", small)
            assert write(camera / ".capture", "1") == 0
            assert (camera / path).read_bytes() == shot
            mount.tolerate(".*")
    finally:
        run("umount", small)


# ---------------------------------------------------------------------- live view, focus, movies, clock


def test_a_new_frame_for_each_open(fp: Mount, tmp_path: Path) -> None:
    frames = [(fp.path / ".liveview.jpg").read_bytes() for _ in range(5)]
    assert len(set(frames)) == 5
    for frame in frames:
        with Image.open(io.BytesIO(frame)) as image:
            image.load()
    for command in (("cp", "--no-preserve=mode"), ("rsync", "-a"), ("cp", "-a")):
        run(*command, fp.path / ".liveview.jpg", tmp_path / "frame.jpg")
        with Image.open(tmp_path / "frame.jpg") as image:
            image.load()
    assert "JPEG" in run("file", fp.path / ".liveview.jpg").stdout


def test_a_stream_of_frames_for_two_readers(fp: Mount) -> None:
    with open(fp.path / ".liveview.mjpeg", "rb", buffering=0) as one, open(one.name, "rb", buffering=0) as other:
        frames = []
        for _ in range(5):
            frames.append(one.read(1 << 20))
            for frame in (frames[-1], other.read(1 << 20)):
                with Image.open(io.BytesIO(frame)) as image:
                    image.load()
        assert len(set(frames)) == 5
        assert write(fp.path / ".settings/iso", "400") == 0


def test_the_focus(camera: Path, spool: Path) -> None:
    with mounted(
        "virtual:sigma-fp?firmware=V91&snap_time=0.01&settings=image-quality:fine", camera, f"spool={spool}"
    ) as mount:
        assert write(camera / ".focus", "8500") == 0
        lines = dict(line.split(": ", 1) for line in (camera / ".focus").read_text().splitlines())
        assert abs(int(lines["position"]) - 8500) <= 10
        assert lines["state"] == "idle"
        mount.expect("manual|MF|focus-mode", "range|position")
        assert write(camera / ".focus", "af") == errno.EPERM
        assert write(camera / ".focus", "1") == errno.EINVAL
        assert write(camera / ".settings/focus-mode", "af-s") == 0
        assert write(camera / ".focus", "af") == 0


def test_a_movie(fp: Mount) -> None:
    fp.expect("capture-mode")
    assert write(fp.path / ".record", "1") == errno.EPERM
    assert write(fp.path / ".settings/capture-mode", "cine") == 0
    assert write(fp.path / ".record", "1") == 0
    assert (fp.path / ".record").read_text() == "1\n"
    assert write(fp.path / ".record", "0") == 0
    assert (fp.path / ".record").read_text() == "0\n"
    assert write(fp.path / ".settings/capture-mode", "still") == 0
    assert write(fp.path / ".capture", "1") == 0, "the take blocks the shutter"


def test_the_clock_is_not_known(fp: Mount) -> None:
    fp.expect("clock", "clock")
    assert errno_of_reading(fp.path / ".clock") == errno.EOPNOTSUPP
    assert write(fp.path / ".clock", "now") == errno.EOPNOTSUPP


def test_a_setting_does_not_wait_behind_a_copy(camera: Path, spool: Path) -> None:
    """While a large shot is being copied over a slow line, a setting goes before the blocks that wait."""
    with mounted(
        "virtual:sigma-fp?snap_time=0.01&bandwidth=4000000&firmware=V84",
        camera,
        f"spool={spool}",
    ) as mount:
        assert write(camera / ".settings/image-quality", "dng") == 0
        assert write(camera / ".capture", "1") == 0
        (path,) = (camera / ".capture").read_text().split()
        readers = [subprocess.Popen(["cat", camera / path], stdout=subprocess.DEVNULL) for _ in range(3)]
        wait_for(mount, "GetBigPartialPictFile")
        before = len(operations(mount))
        assert write(camera / ".settings/iso", "400") == 0
        between = operations(mount)[before:]
        settings = between.index("SetCamDataGroup1")
        assert between[:settings].count("GetBigPartialPictFile") <= 2 * (
            1 + between[:settings].count("GetCamDataGroup1")
        )
        for reader in readers:
            assert reader.wait() == 0

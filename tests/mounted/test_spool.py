"""The spool of a SIGMA that is mounted: refused where it is not safe, made again when it is removed, and never trusted blindly."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.mounted.mount import camfs, mount_entries, mounted, run
from tests.mounted.test_controls import write
from tests.mounted.test_surviving import killed
from tests.peers.camera import served

SOURCE = "virtual:sigma-fp?snap_time=0.01&settings=image-quality:fine"


def refusal(camera: Path, spool: Path | str, source: str = SOURCE) -> str:
    """Return what camfs says when it refuses to mount."""
    done = camfs(source, camera, "-o", f"spool={spool}")
    assert done.returncode == 1
    assert done.stdout == ""
    assert not mount_entries(camera)
    assert "-o spool=DIR" in done.stderr
    return done.stderr


def test_a_spool_that_cannot_be_written_is_refused(camera: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "Not a directory" in refusal(camera, tmp_path / "file")
    assert "Not a directory" in refusal(camera, tmp_path / "file/spool")
    for source in (SOURCE, "virtual:nikon", "virtual:canon-eos"):
        assert "shots cannot be kept on this computer" in refusal(camera, "/proc/spool", source)
    small = tmp_path / "small"
    small.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "tmpfs", small)
    try:
        (small / "spool").mkdir()
        run("mount", "-o", "remount,ro", small)
        for folder in ("spool", "new"):
            assert "Read-only file system" in refusal(camera, small / folder)
    finally:
        run("umount", small)


def test_a_spool_that_others_can_change_is_refused_before_the_camera_is_touched(camera: Path, tmp_path: Path) -> None:
    spool = tmp_path / "above/spool"
    spool.mkdir(parents=True)
    with served("sigma-fp", tmp_path) as served_camera:
        spool.chmod(0o777)
        assert "other users can write to" in refusal(camera, spool, served_camera.source)
        spool.chmod(0o700)
        spool.parent.chmod(0o777)
        assert "in place of what is in" in refusal(camera, spool, served_camera.source)
        spool.parent.chmod(0o755)
        os.chown(spool.parent, 1, 1)
        assert "belongs to" in refusal(camera, spool, served_camera.source)
        os.chown(spool.parent, 0, 0)
        os.chown(spool, 1, 1)
        assert "belongs to" in refusal(camera, spool, served_camera.source)
        link = tmp_path / "link"
        link.symlink_to(tmp_path)
        assert "symbolic link" in refusal(camera, link, served_camera.source)
        seen = served_camera.trace.read_text()
    assert "OpenSession" in seen
    assert "GetCamCaptStatus" not in seen
    assert "ConfigApi" not in seen
    assert os.listdir(spool) == []


def test_planted_links(camera: Path, tmp_path: Path) -> None:
    """Neither shown nor written."""
    spool, secret = tmp_path / "spool", tmp_path / "secret"
    spool.mkdir(mode=0o700)
    secret.write_text("secret")
    for number in range(1, 5):
        for name in (f".SDIM{number:04}.JPG.part", f".SDIM{number:04}.JPG.sum", f"SDIM{number:04}.JPG"):
            (spool / name).symlink_to(secret)
    (spool / "HARD.JPG").hardlink_to(secret)
    os.mkfifo(spool / "FIFO.JPG")
    with mounted(SOURCE, camera, f"spool={spool}") as mount:
        mount.tolerate("is not offered", "stays as it is")
        assert os.listdir(camera / "imagedb") == []
        assert write(camera / ".capture", "2") == 0
        shots = {name: (camera / "imagedb" / name).read_bytes() for name in os.listdir(camera / "imagedb")}
        assert len(shots) == 2
        assert "secret" not in str(shots)
        assert all((spool / name).read_bytes() == data for name, data in shots.items())
        assert "HARD.JPG" in mount.read_status()["not-offered"]
    assert secret.read_text() == "secret"


@pytest.mark.parametrize("how", ["removed", "moved"])
def test_the_folder_is_removed_while_mounted(how: str, camera: Path, tmp_path: Path) -> None:
    """Capturing, reading and handing back go on, and the folder is there again."""
    spool = tmp_path / "above/spool"
    with mounted(SOURCE, camera, f"spool={spool}") as mount:
        mount.tolerate("was removed or moved away", "is fetched again", "not in the spool any more", "is gone")
        for step in ("capture", "read", "control"):
            assert write(camera / ".settings/image-quality", "dng") == 0
            assert write(camera / ".capture", "1") == 0
            (path,) = (camera / ".capture").read_text().split()
            if step == "read":
                with (camera / path).open("rb", buffering=0) as file:
                    file.read(1000)
            if how == "removed":
                shutil.rmtree(spool.parent)
            else:
                spool.rename(tmp_path / step)
            assert write(camera / ".control", "0") == 0
            shot = (camera / path).read_bytes()
            assert (spool / Path(path).name).read_bytes() == shot
            assert spool.stat().st_mode & 0o777 == 0o700


def test_a_file_that_was_cut_short_is_fetched_again(camera: Path, tmp_path: Path) -> None:
    """By the next program: the camera has one of the two files still, and gives both again."""
    spool = tmp_path / "spool"
    with served("sigma-fp", tmp_path, "--snap_time", "0.01") as served_camera:
        with killed(served_camera, camera, spool):
            assert write(camera / ".settings/image-quality", "dng+fine") == 0
            assert write(camera / ".capture", "1") == 0
            name = next(name for name in os.listdir(camera / "imagedb") if name.endswith(".DNG"))
            shot = (camera / "imagedb" / name).read_bytes()
        os.truncate(spool / name, len(shot) // 2)
        with mounted(served_camera.source, camera, f"spool={spool}") as mount:
            mount.tolerate("left the camera's body locked", "is set aside")
            assert (camera / "imagedb" / name).read_bytes() == shot
            assert len(os.listdir(camera / "imagedb")) == 2
            status = mount.read_status()["not-offered"]
            assert f"{name}.damaged ({len(shot) // 2} of {len(shot)} bytes are left)" in status


def test_a_file_that_only_the_spool_had(camera: Path, tmp_path: Path) -> None:
    """It is not shown as a picture any more, whether it was cut short while mounted or before."""
    spool = tmp_path / "spool"
    with mounted(SOURCE, camera, f"spool={spool}") as mount:
        mount.tolerate("is set aside", "not in the spool any more", "was damaged")
        assert write(camera / ".capture", "3") == 0
        assert write(camera / ".control", "0") == 0
        first, second, third = sorted(os.listdir(camera / "imagedb"))
        os.truncate(spool / first, 100)
        assert subprocess.run(["cat", camera / "imagedb" / first], capture_output=True).stdout == b""
        assert sorted(os.listdir(camera / "imagedb")) == [second, third]
        assert first in mount.read_status()["not-offered"]
    os.truncate(spool / second, 100)
    with mounted(SOURCE, camera, f"spool={spool}") as mount:
        mount.tolerate("is set aside")
        assert os.listdir(camera / "imagedb") == [third]
        assert {f"{name}.damaged" for name in (first, second)} <= {*os.listdir(spool)}


def modes(folder: Path) -> set[tuple[bool, int]]:
    return {(path.is_dir(), path.stat().st_mode & 0o777) for path in [folder, *folder.rglob("*")]}


def test_all_that_is_kept_is_private(camera: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the umask."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    before = os.umask(0)
    try:
        with served("sigma-fp", tmp_path) as served_camera, mounted(served_camera.source, camera):
            assert write(camera / ".capture", "2") == 0
    finally:
        os.umask(before)
    assert modes(tmp_path / "state") == {(True, 0o700), (False, 0o600)}


# ---------------------------------------------------------------------- of an emulated camera


def test_shots_of_an_emulated_camera_go_with_it(camera: Path, tmp_path: Path) -> None:
    """They wait neither with those of real cameras nor for the next emulated one."""
    place, state = tmp_path / "passing", tmp_path / "state"
    place.mkdir()
    env = {"TMPDIR": str(place), "XDG_STATE_HOME": str(state)}
    for _ in range(2):
        with mounted("virtual:sigma-fp?snap_time=0.01", camera, env=env):
            assert os.listdir(camera / "imagedb") == []
            assert write(camera / ".capture", "1") == 0
            assert write(camera / ".control", "0") == 0
            (folder,) = place.iterdir()
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            shots = sorted(os.listdir(camera / "imagedb"))
            assert shots == ["SDIM0005.DNG", "SDIM0005.JPG"]
            assert set(shots) <= set(os.listdir(folder))
        assert list(place.iterdir()) == []
    assert not (state / "camfs/spool").exists()

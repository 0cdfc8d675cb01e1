"""camfs killed between any two steps, and the network cut: the camera is another process, and what it took is never lost and never twice.

The emulated fp saves to its card too (destination `both`), so at the end its card tells what was taken, byte for byte.
"""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from camfs.virtual.pictures import kdc
from tests.mounted.mount import CAMFS, PATIENCE, Mount, mount_entries, mounted, run, wait_until_mounted
from tests.mounted.test_controls import write
from tests.peers.camera import ServedCamera, served

SHOTS = ("fine", "dng", "dng+fine")


@contextmanager
def killed(camera: ServedCamera, point: Path, spool: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Mount a camera; at the end of the block camfs is killed as it stands, and the dead mount cleaned."""
    command = [*CAMFS, camera.source, str(point), "-f", "-o", f"spool={spool}"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            assert wait_until_mounted(point, process.pid)
            yield process
        finally:
            process.kill()
            process.wait()
            while mount_entries(point):
                run("fusermount3", "-uz", point)


def pictures(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder."""
    return {name: (folder / name).read_bytes() for name in os.listdir(folder)} if folder.exists() else {}


def check(camera: ServedCamera, point: Path, spool: Path, taken: dict[str, bytes]) -> None:
    """Mount once more: what was taken away and what waits are together what the card says, each once; and the body is free."""
    with mounted(camera.source, point, f"spool={spool}") as mount:
        mount.tolerate("left the camera's body locked")
        assert mount.read_status()["control"] == "no"
        waiting = pictures(point / "imagedb")
        on_card = pictures(point / "card/DCIM/100SIGMA")
        assert sorted([*taken.values(), *waiting.values()]) == sorted(on_card.values())
        assert not taken.keys() & waiting.keys()


@pytest.fixture
def empty_card(tmp_path: Path) -> Path:
    """Return an empty folder for a card."""
    card = tmp_path / "card"
    (card / "DCIM/100SIGMA").mkdir(parents=True)
    return card


@pytest.mark.parametrize("quality", SHOTS)
def test_killed_between_any_two_steps(quality: str, empty_card: Path, camera: Path, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    taken: dict[str, bytes] = {}

    def choose() -> None:
        assert write(camera / ".settings/image-quality", quality) == 0

    def capture() -> None:
        assert write(camera / ".capture", "1") == 0

    def read_a_part() -> None:
        for name in os.listdir(camera / "imagedb"):
            with open(camera / "imagedb" / name, "rb", buffering=0) as file:
                file.read(1000)

    def copy() -> None:
        for name in os.listdir(camera / "imagedb"):
            run("cp", camera / "imagedb" / name, tmp_path)

    def move() -> None:
        for name in os.listdir(camera / "imagedb"):
            taken[name] = (camera / "imagedb" / name).read_bytes()
            (camera / "imagedb" / name).unlink()

    def hand_back() -> None:
        assert write(camera / ".control", "0") == 0

    steps: list[Callable[[], None]] = [choose, capture, read_a_part, copy, capture, capture, move, capture, hand_back]
    with served("sigma-fp", tmp_path, "--card", str(empty_card), "--snap_time", "0.01") as served_camera:
        for count in range(1, len(steps) + 1):
            with killed(served_camera, camera, spool):
                for step in steps[:count]:
                    step()
        check(served_camera, camera, spool, taken)


def test_killed_at_any_transaction_of_a_capture(empty_card: Path, camera: Path, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    with served("sigma-fp", tmp_path, "--card", str(empty_card), "--snap_time", "0.05") as served_camera:
        for after in range(1, 26, 2):
            with killed(served_camera, camera, spool) as process:
                assert write(camera / ".settings/image-quality", "dng+fine") == 0
                lines = len(served_camera.trace.read_bytes().splitlines())
                command = ["sh", "-c", 'echo 2 > "$1"', "sh", str(camera / ".capture")]
                with subprocess.Popen(command, stderr=subprocess.DEVNULL) as capture:
                    while len(served_camera.trace.read_bytes().splitlines()) < lines + after and capture.poll() is None:
                        pass
                    os.kill(process.pid, signal.SIGKILL)
                    capture.wait(PATIENCE)
        check(served_camera, camera, spool, {})


def cut_off(mount: Mount) -> None:
    """See that all of a camera that is gone says so at once, and nothing is empty."""
    for command in (("ls", mount.path / "card"), ("find", mount.path / "card"), ("ls", mount.path / "imagedb")):
        said = run(*command, status=None)
        assert said.returncode != 0
        assert os.strerror(errno.ENODEV) in said.stderr


def test_a_camera_that_leaves_and_comes_back(empty_card: Path, camera: Path, tmp_path: Path) -> None:
    """Over the network: its process ends, and another takes its place at the same port."""
    large = empty_card / "DCIM/100SIGMA/SDIM0001.MOV"
    large.write_bytes(os.urandom(8 << 20))
    spool = tmp_path / "spool"
    words = ("--card", str(empty_card))
    with served("sigma-fp", tmp_path, *words) as first:
        port = first.port
        with mounted(first.source, camera, f"spool={spool}") as mount:
            inodes = {path: path.stat().st_ino for path in camera.rglob("*")}
            with open(camera / "card/DCIM/100SIGMA/SDIM0001.MOV", "rb", buffering=0) as file:
                assert file.read(1 << 16) == large.read_bytes()[: 1 << 16]
                mount.expect("the camera is gone")
                first.stop()
                wait_until_connected(mount, False)
                cut_off(mount)
                mount.expect("the camera is back")
                with served("sigma-fp", tmp_path, *words, port=port):
                    wait_until_connected(mount, True)
                    file.seek(4 << 20)
                    assert file.read(1 << 16) == large.read_bytes()[4 << 20 : (4 << 20) + (1 << 16)]
                    assert {path: path.stat().st_ino for path in camera.rglob("*")} == inodes
                    assert (camera / "card/DCIM/100SIGMA/SDIM0001.MOV").read_bytes() == large.read_bytes()
                    file.close()
                    mount.unmount()


def wait_until_connected(mount: Mount, connected: bool) -> None:
    """Wait for camfs to have noticed that the camera has left, or is back."""
    while (mount.read_status().get("connected") == "no") is connected:
        pass


@contextmanager
def emulated(*words: str | Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve an emulated camera, which may end as it likes, and give what it says of where it is."""
    command = [sys.executable, "-m", "camfs.virtual", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().split()[-1]
        finally:
            process.kill()


def test_another_camera_in_the_place_of_one_that_hung(empty_card: Path, camera: Path, tmp_path: Path) -> None:
    """It must not be taken for it, nor its pictures, and nothing may be empty: `rsync --delete` would empty the copy."""
    folder = camera / "card/DCIM/100SIGMA"
    (empty_card / "DCIM/100SIGMA/SDIM0001.JPG").write_bytes(b"a picture")
    other = tmp_path / "other/DCIM/100SIGMA"
    other.mkdir(parents=True)
    (other / "SDIM0001.JPG").write_bytes(b"of another camera")
    copy = tmp_path / "copy"
    shutil.copytree(empty_card, copy)
    words, options = ("--card", str(empty_card)), f"timeout=1,spool={tmp_path / 'spool'}"
    with emulated("sigma-fp", "--ptpip", "127.0.0.1:0", *words) as (first, source):
        port = int(source.rpartition(":")[2])
        with mounted(source, camera, options) as mount:
            inode = (folder / "SDIM0001.JPG").stat().st_ino
            mount.expect("the camera is gone", "the camera is back")
            os.kill(first.pid, signal.SIGSTOP)
            with pytest.raises(OSError, match=r"No such device|timed out"):
                (folder / "SDIM0001.JPG").read_bytes()
            with pytest.raises(OSError, match="No such device"):
                os.listdir(folder)
            os.kill(first.pid, signal.SIGCONT)
            wait_until_connected(mount, True)
            assert os.listdir(folder) == ["SDIM0001.JPG"]
            mount.check_log()
            mount.expect("the camera is gone", "the camera is back")
            os.kill(first.pid, signal.SIGSTOP)
            with pytest.raises(OSError, match=r"No such device|timed out"):
                (folder / "SDIM0001.JPG").read_bytes()
            first.kill()
            first.wait()
            with served(
                "sigma-fp", tmp_path, "--card", str(other.parent.parent), "--serial", "99", port=port
            ) as second:
                refused = 0
                while refused < 3:
                    with pytest.raises(OSError, match="No such device"):
                        os.listdir(folder)
                    run("rsync", "-a", "--delete", f"{camera}/card/", copy, status=23)
                    operations = [json.loads(line)["op"] for line in second.trace.read_text().splitlines()]
                    refused = operations.count("GetDeviceInfo")
                assert set(operations) <= {"OpenSession", "GetDeviceInfo", "CloseSession"}
            assert (copy / "DCIM/100SIGMA/SDIM0001.JPG").read_bytes() == b"a picture"
            with served("sigma-fp", tmp_path, *words, port=port):
                wait_until_connected(mount, True)
                assert (folder / "SDIM0001.JPG").stat().st_ino == inode
                assert (folder / "SDIM0001.JPG").read_bytes() == b"a picture"
                mount.unmount()


def test_a_serial_camera_that_leaves_and_comes_back(
    camera: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its line vanishes, with a picture read in part; meanwhile one picture is erased and another is new."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    pictures = {shot.name + ".KDC": kdc.picture(shot) for shot in kdc.generated_shots(4)}
    names = sorted(pictures)
    for name in names[:3]:
        (folder / name).write_bytes(pictures[name])
    link, memory = tmp_path / "line", camera / "memory"
    words = ("dc120", "--pty", link, "--pace", "off", "--memory", folder)
    with (
        emulated(*words) as (first, _),
        mounted(f"serial:{link}", camera, "attr_timeout=0.5") as mount,
        open(memory / names[0], "rb", buffering=0) as file,
    ):
        assert pictures[names[0]].startswith(file.read(1000))
        inodes = {name: (memory / name).stat().st_ino for name in names[:3]}
        mount.expect("the camera is gone", "the camera is back")
        first.terminate()
        first.wait()
        wait_until_connected(mount, False)
        for command in (("ls", memory), ("find", memory), ("cat", memory / names[1]), ("ls", camera)):
            said = run(*command, status=None)
            assert said.returncode != 0
            assert os.strerror(errno.ENODEV) in said.stderr
        (folder / names[1]).unlink()
        (folder / names[3]).write_bytes(pictures[names[3]])
        with emulated(*words):
            wait_until_connected(mount, True)
            there = [names[0], names[2], names[3]]
            assert sorted(os.listdir(memory)) == there
            assert {name: (memory / name).stat().st_ino for name in there[:2]} == {
                name: inodes[name] for name in there[:2]
            }
            assert pictures[names[0]][1000:].startswith(file.read(1000))
            assert (memory / names[3]).read_bytes() == pictures[names[3]]
            file.close()
            mount.unmount()

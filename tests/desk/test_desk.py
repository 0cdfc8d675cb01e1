"""Programs of a desk on a mount: a file manager that shows new pictures by itself, gio, and a hot folder."""

import os
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import ImageChops

from camfs.protocols.ptp.codes import StorageID
from tests.desk.thunar import Desk, changed, missing, thunar
from tests.mounted.contents import make_file
from tests.mounted.inprocess import CameraInProcess, camera_in_process
from tests.mounted.mount import PATIENCE, mounted, run

CARD = StorageID(0x00010001)

NEW = 500
"""Pixels that an icon and its name change at least."""


@pytest.fixture
def camera(tmp_path: Path) -> Path:
    """Return a mount point."""
    return tmp_path / "camera"


def test_thunar_shows_new_pictures_and_drops_those_that_go(camera: Path) -> None:
    """Nobody presses F5."""
    assert not missing()
    with camera_in_process() as body, mounted(body.source, camera):
        body.do(lambda camera: camera.state.store(CARD).add_file("", "OLD.JPG", b"old"))
        with thunar(camera / "card") as desk:
            look_and_change(desk, body)


def look_and_change(desk: Desk, body: CameraInProcess) -> None:
    before = desk.when_still()
    body.do(lambda camera: camera.state.store(CARD).add_file("", "T.JPG", b"new"))
    desk.when(lambda shown: changed(before, shown) > NEW)
    with_it = desk.when_still()
    left, _, right, _ = ImageChops.difference(before, with_it).getbbox() or (0, 0, 0, 0)
    middle = (
        (left + right) // 2 - 20,
        0,
        (left + right) // 2 + 20,
        before.height - 30,
    )  # what is beside it gets selected
    body.do(lambda camera: camera.state.store(CARD).remove(camera.state.store(CARD).find("T.JPG")))
    desk.when(lambda shown: not ImageChops.difference(before.crop(middle), shown.crop(middle)).getbbox())


def test_thunar_shows_a_capture(camera: Path, tmp_path: Path) -> None:
    with (
        mounted("virtual:sigma-fp", camera, f"spool={tmp_path / 'spool'}"),
        thunar(camera / "imagedb") as desk,
    ):
        before = desk.when_still()
        (camera / ".capture").write_text("1\n")
        desk.when(lambda shown: changed(before, shown) > NEW)


def test_without_the_news_thunar_does_not_see_it(camera: Path) -> None:
    """What shows above is not Thunar looking by itself."""
    with camera_in_process() as body, mounted(body.source, camera, "noinotify"), thunar(camera / "card") as desk:
        body.do(lambda camera: camera.state.store(CARD).add_file("", "OLD.JPG", b"old"))
        before = desk.when_still()
        body.do(lambda camera: camera.state.store(CARD).add_file("", "NEW.JPG", b"new"))
        assert "NEW.JPG" in os.listdir(camera / "card")
        assert changed(before, desk.when_still()) < NEW


def test_gio(folder: Path, camera: Path, tmp_path: Path) -> None:
    """It lists, copies and tells; what it cannot do it says, and nothing changes."""
    make_file(folder / "1.JPG", 100_000)
    with mounted(f"virtual:ptp?card={folder}", camera) as mount:
        assert run("gio", "list", camera / "card").stdout.split() == ["1.JPG"]
        run("gio", "copy", camera / "card/1.JPG", tmp_path / "copy.JPG")
        assert (tmp_path / "copy.JPG").read_bytes() == (folder / "1.JPG").read_bytes()
        assert os.access(tmp_path / "copy.JPG", os.W_OK)
        assert "standard::size: 100000" in run("gio", "info", camera / "card/1.JPG").stdout
        mount.tolerate("allow_delete")
        for command in (["trash", "card/1.JPG"], ["remove", "card/1.JPG"], ["mkdir", "card/new"], ["save", "card/new"]):
            done = subprocess.run(
                ["gio", command[0], camera / command[1]], input=b"", capture_output=True, timeout=PATIENCE
            )
            assert done.returncode != 0, command
            assert done.stderr.strip(), command
        assert os.listdir(camera / "card") == ["1.JPG"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder to put on a card."""
    made = tmp_path / "folder"
    made.mkdir()
    return made


def test_a_hot_folder(camera: Path, tmp_path: Path) -> None:
    """A script of three lines copies each picture as it is taken, by the body's own shutter."""
    taken = tmp_path / "taken"
    taken.mkdir()
    script = f"""
inotifywait -q -m -e close_write --format %f {camera}/card 2>&1 | while read -r name; do
    cp {camera}/card/"$name" {taken}/ && echo "$name"
done
"""
    with camera_in_process() as body, mounted(body.source, camera):
        copier = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True)
        try:
            assert copier.stdout is not None
            wait_for_watch(copier.pid)
            for number in range(5):
                data = os.urandom(100_000)
                body.do(lambda camera, n=number, d=data: camera.state.store(CARD).add_file("", f"{n}.JPG", d))  # type: ignore[misc]
                assert copier.stdout.readline() == f"{number}.JPG\n"
                assert (taken / f"{number}.JPG").read_bytes() == data
        finally:
            os.killpg(copier.pid, 9)
            copier.communicate()


def test_entr(camera: Path) -> None:
    """`entr -d` ends when its folder has a new file."""
    with camera_in_process() as body:
        body.do(lambda camera: camera.state.store(CARD).add_file("", "OLD.JPG", b"old"))
        with mounted(body.source, camera):
            entr = subprocess.Popen(
                ["entr", "-d", "-n", "true"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
            try:
                assert entr.stdin is not None
                entr.stdin.write(os.fsencode(camera / "card/OLD.JPG") + b"\n")
                entr.stdin.close()
                entr.stdin = None
                wait_for_watch(entr.pid, 2)
                for number in range(round(PATIENCE)):  # it counts the files after it has begun to watch
                    body.do(lambda camera, n=number: camera.state.store(CARD).add_file("", f"{n}.JPG", b"new"))  # type: ignore[misc]
                    with suppress(subprocess.TimeoutExpired):
                        entr.wait(1)
                        break
                assert entr.returncode == 2
            finally:
                entr.kill()
                entr.communicate()


def wait_for_watch(session: int, watches: int = 1) -> None:
    """Wait until a process of a session watches so many things."""
    deadline = time.monotonic() + PATIENCE
    while sum(line.startswith("inotify wd:") for line in _information(session)) < watches:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _information(session: int) -> list[str]:
    lines: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if session in (int(process.name), os.getsid(int(process.name))):
                for information in (process / "fdinfo").iterdir():
                    lines += information.read_text().splitlines()
        except OSError:
            continue
    return lines

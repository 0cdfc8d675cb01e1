"""`.events`: read, followed and polled."""

import os
import re
import select
import subprocess
from pathlib import Path

import pytest

from tests.mounted.contents import make_file
from tests.mounted.mount import PATIENCE, mounted, run

LINE = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d removed card/\d\.JPG \(ObjectRemoved 0x[0-9A-F]{8}\)\n"


@pytest.fixture
def source(folder: Path) -> str:
    """Return a camera that sends events, with a few files."""
    for number in range(4):
        make_file(folder / f"{number}.JPG", 1000)
    return f"virtual:ptp?card={folder}"


def test_cat_returns(source: str, camera: Path) -> None:
    with mounted(source, camera, "allow_delete"):
        events = camera / ".events"
        assert run("cat", events).stdout == ""
        assert events.stat().st_size == 0
        with open(events, "rb") as file:
            (camera / "card/0.JPG").unlink()
            wait_for_more(file.fileno())
        text = run("cat", events).stdout
        assert re.fullmatch(LINE, text)
        assert "ObjectRemoved" in text
        assert events.stat().st_size == len(text)
        assert run("tail", "-n1", events).stdout == text


def wait_for_more(file: int) -> None:
    """Wait until there is something to read, as poll(2) says."""
    poller = select.poll()
    poller.register(file, select.POLLIN)
    assert poller.poll(PATIENCE * 1000), "no event"


def test_tail_follows(source: str, camera: Path) -> None:
    with mounted(source, camera, "allow_delete"):
        tail = subprocess.Popen(
            ["tail", "-n", "+1", "-s", "0.1", "-f", camera / ".events"], stdout=subprocess.PIPE, bufsize=0
        )
        try:
            assert tail.stdout is not None
            for number in range(3):
                (camera / f"card/{number}.JPG").unlink()
                readable, _, _ = select.select([tail.stdout], [], [], PATIENCE)
                assert readable, "tail says nothing"
                assert re.fullmatch(LINE, tail.stdout.readline().decode())
        finally:
            tail.kill()
            tail.communicate()


def test_poll_waits_for_the_next_event(source: str, camera: Path) -> None:
    with mounted(source, camera, "allow_delete"), open(camera / ".events", "rb", buffering=0) as file:
        poller = select.poll()
        poller.register(file, select.POLLIN)
        for number in range(3):
            assert poller.poll(0) == []
            (camera / f"card/{number}.JPG").unlink()
            assert poller.poll(PATIENCE * 1000) == [(file.fileno(), select.POLLIN)]
            assert re.fullmatch(LINE, file.read().decode())


def test_two_readers_poll(source: str, camera: Path) -> None:
    with (
        mounted(source, camera, "allow_delete"),
        open(camera / ".events", "rb", buffering=0) as first,
        open(camera / ".events", "rb", buffering=0) as second,
    ):
        (camera / "card/0.JPG").unlink()
        for file in (first, second):
            wait_for_more(file.fileno())
            assert b"ObjectRemoved" in file.read()


def test_select_and_epoll(source: str, camera: Path) -> None:
    with mounted(source, camera, "allow_delete"), open(camera / ".events", "rb", buffering=0) as file:
        with select.epoll() as epoll:
            epoll.register(file, select.EPOLLIN)
            (camera / "card/0.JPG").unlink()
            assert epoll.poll(PATIENCE)
        assert select.select([file], [], [], PATIENCE)[0] == [file]


def test_settings_and_pictures_show(source: str, camera: Path) -> None:
    with mounted(source, camera), open(camera / ".events", "rb", buffering=0) as file:
        (camera / ".settings/iso").write_text("400\n")
        wait_for_more(file.fileno())
        assert file.read().decode().endswith(" setting iso 400 (DevicePropChanged 0x0000500F)\n")
        (camera / ".capture").write_text("1\n")
        text = ""
        while "CaptureComplete" not in text:
            wait_for_more(file.fileno())
            text += file.read().decode()
        path = (camera / ".capture").read_text().strip()
        assert re.search(rf" added {path} \(ObjectAdded 0x[0-9A-F]{{8}}\)\n", text)
        assert text.endswith(" capture complete (CaptureComplete)\n")


def test_a_camera_without_events(folder: Path, camera: Path) -> None:
    """Nothing is said, and what camfs does itself shows nevertheless."""
    for name in ("1.JPG", "2.JPG"):
        make_file(folder / name, 1000)
    with mounted(f"virtual:sigma-fp?card={folder}&events=off", camera, "allow_delete"):
        (camera / "card/1.JPG").unlink()
        assert os.listdir(camera / "card") == ["2.JPG"]
        assert (camera / ".events").read_bytes() == b""

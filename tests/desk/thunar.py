"""A desk without a screen: Xvfb, a session bus and the file manager Thunar, and pictures of what it shows."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageChops, ImageGrab

SIZE = (640, 400)
"""Pixels of the screen, which Thunar's window fills."""

PATIENCE = 60.0
"""Seconds after which what should have shown does not."""

STILL = 1.5
"""Seconds without a change after which the screen is taken to be finished."""

PROGRAMS = ("Xvfb", "thunar", "dbus-run-session")


def missing() -> list[str]:
    """Return the programs that are not installed."""
    return [program for program in PROGRAMS if shutil.which(program) is None]


class Desk:
    """The screen that Thunar is on."""

    def __init__(self, display: str) -> None:
        self.display = display

    def picture(self) -> Image.Image:
        """Return what the screen shows."""
        return ImageGrab.grab(xdisplay=self.display).convert("RGB")

    def when_still(self) -> Image.Image:
        """Wait until the screen does not change any more, and return what it shows."""
        deadline, since = time.monotonic() + PATIENCE, time.monotonic()
        shown = self.picture()
        while time.monotonic() - since < STILL or shown.getcolors(2):
            assert time.monotonic() < deadline, "the screen does not come to rest, or stays empty"
            time.sleep(0.1)
            now = self.picture()
            if changed(shown, now):
                shown, since = now, time.monotonic()
        return shown

    def when(self, shows: Callable[[Image.Image], bool]) -> Image.Image:
        """Wait until the screen shows something, and return it."""
        deadline = time.monotonic() + PATIENCE
        while not shows(shown := self.picture()):
            assert time.monotonic() < deadline, "the screen does not show it"
            time.sleep(0.1)
        return shown


def inside(picture: Image.Image) -> tuple[int, int, int, int]:
    """Return where the folder's contents are, without the bars around them."""
    return (picture.width // 3, picture.height // 4, picture.width, picture.height - 30)


def changed(before: Image.Image, after: Image.Image) -> int:
    """Count the pixels in which the folder's contents differ in two pictures."""
    box = inside(before)
    difference = ImageChops.difference(before.crop(box), after.crop(box)).convert("L")
    return sum(difference.histogram()[8:])


@contextmanager
def thunar(folder: Path) -> Iterator[Desk]:
    """Show a folder in Thunar during the block."""
    with tempfile.TemporaryDirectory(prefix="camfs-desk-") as place:
        home = Path(place)
        home.chmod(0o700)
        environment = {"HOME": place, "XDG_RUNTIME_DIR": place, "XDG_CONFIG_HOME": place, "NO_AT_BRIDGE": "1"}
        with _screen() as display, _session(folder, {**os.environ, **environment, "DISPLAY": display}):
            yield Desk(display)


@contextmanager
def _screen() -> Iterator[str]:
    reading, writing = os.pipe()
    size = "x".join(map(str, SIZE))
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{size}x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as answer:
            number = answer.readline().strip()
        assert number, "Xvfb does not start"
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()


@contextmanager
def _session(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    session = subprocess.Popen(
        ["dbus-run-session", "--", "thunar", str(folder)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        os.killpg(session.pid, signal.SIGKILL)
        session.wait()

"""Emulated cameras in processes of their own, whatever their line: on the network, or a DC120 on a pseudo-terminal."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.camera import served

STORE = {"ptp": "card", "sigma-fp": "card", "dc120": "memory"}
"""The store of each model that shows a folder."""


@dataclass(frozen=True)
class Served:
    """A camera that is served: its SOURCE, its trace, its process, and the terminal device if its line is one."""

    source: str
    trace: Path
    process: subprocess.Popen[str]
    terminal: Path | None = None


@contextmanager
def served_camera(model: str, place: Path, folder: Path, *options: str) -> Iterator[Served]:
    """Serve a camera that shows a folder, for the length of the block.

    Args:
        model: `ptp`, `sigma-fp` or `dc120`.
        place: an existing folder for its trace and its line.
        folder: what its store shows.
        options: further ones of the emulated camera, as words.
    """
    words = (f"--{STORE[model]}", str(folder), *options)
    if model == "dc120":
        with _dc120(place, *words) as camera:
            yield camera
        return
    with served(model, place, *words) as camera_on_network:
        yield Served(camera_on_network.source, camera_on_network.trace, camera_on_network.process)


@contextmanager
def _dc120(place: Path, *options: str) -> Iterator[Served]:
    line, trace = place / "line", place / "trace"
    words = ("dc120", "--pty", str(line), "--pace", "off", "--trace", str(trace), *options)
    command = [sys.executable, "-m", "camfs.virtual", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline(), "the emulated DC120 did not start"
            yield Served(f"serial:{line}", trace, process, Path(os.path.realpath(line)))
            process.terminate()
            assert process.wait(10) == 0
        finally:
            process.kill()

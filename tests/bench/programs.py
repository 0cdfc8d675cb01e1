"""The programs that are compared: how each mounts a camera, and one of them while it runs."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.mounted.mount import mount_entries, wait_until_mounted
from tests.peers.camera import ServedCamera

LIFETIME = 900.0
"""Seconds after which a program is killed, so that a read that hangs on it fails."""

CAMFS = "camfs"

PACKAGES = {
    "gphotofs": "gphotofs",
    "jmtpfs": "jmtpfs",
    "go-mtpfs": "go-mtpfs",
    "aft-mtp-mount": "android-file-transfer",
}
"""The peers, and the Debian package of each."""


@dataclass(frozen=True)
class Program:
    """A program that mounts a camera when it is run with a mount point as its last argument, and stays in the foreground."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Running:
    """A program whose mount is there.

    Attributes:
        path: the mount point.
        process: its id.
        started: when it was started, by `time.perf_counter`.
    """

    path: Path
    process: int
    started: float

    def cpu_seconds(self) -> float:
        """Return the processor time that it has taken so far (proc(5): fields 14 and 15 of `stat`)."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_megabytes(self) -> float:
        """Return its resident memory."""
        lines = Path(f"/proc/{self.process}/status").read_text().splitlines()
        (kibibytes,) = (line.split()[1] for line in lines if line.startswith("VmRSS:"))
        return int(kibibytes) * 1024 / 1e6


def camfs(source: str, place: Path, *options: str) -> Program:
    """Return camfs with a SOURCE and options for -o; what it keeps for the user goes into a folder."""
    command = (sys.executable, "-m", "camfs", "-f", *(["-o", ",".join(options)] if options else []), source)
    return Program(CAMFS, command, {"XDG_STATE_HOME": str(place), "XDG_CACHE_HOME": str(place)})


def on_network(camera: ServedCamera) -> list[Program]:
    """Return camfs, and gphotofs if it is installed, for a camera on the network, whose model gphotofs has to be told."""
    command = ("gphotofs", "-f", f"--port={camera.gphoto2_port}", "--camera=PTP/IP Camera")
    return [camfs(camera.source, camera.place), *_installed(Program("gphotofs", command, camera.environment))]


def on_usb(place: Path) -> list[Program]:
    """Return camfs and all peers that are installed, for the one camera on the USB bus."""
    peers = [
        Program("gphotofs", ("gphotofs", "-f")),
        Program("jmtpfs", ("jmtpfs", "-f")),
        Program("go-mtpfs", ("go-mtpfs",)),
        Program("aft-mtp-mount", ("aft-mtp-mount", "-f")),
    ]
    return [camfs("usb:", place), *_installed(*peers)]


def _installed(*peers: Program) -> list[Program]:
    return [peer for peer in peers if shutil.which(peer.name)]


def missing(*peers: str) -> list[str]:
    """Return a line that names those peers that are not installed, none if all are."""
    names = [name for name in peers if not shutil.which(name)]
    packages = " ".join(PACKAGES[name] for name in names)
    return ["", f"Not installed, and so left out: {', '.join(names)} (apt-get install {packages})."] if names else []


@contextmanager
def running(program: Program, point: Path) -> Iterator[Running]:
    """Start a program; at the end of the block unmount it, and wait until it has let go of the camera.

    Raises:
        AssertionError: it ended before there was a mount; the message is the end of what it printed.
    """
    point.mkdir(exist_ok=True)
    with tempfile.TemporaryFile() as log:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*program.command, str(point)], stdout=log, stderr=log, env={**os.environ, **program.environment}
        )
        killer = threading.Timer(LIFETIME, process.kill)
        killer.daemon = True
        killer.start()
        try:
            if not wait_until_mounted(point, process.pid):
                log.seek(0)
                raise AssertionError(f"{program.name} ended: {log.read()[-2000:].decode(errors='replace')}")
            yield Running(point, process.pid, started)
        finally:
            while mount_entries(point) and not subprocess.run(["fusermount3", "-uz", str(point)]).returncode:
                pass
            process.wait()
            killer.cancel()

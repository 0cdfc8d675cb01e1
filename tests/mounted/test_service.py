"""camfs under systemd: what it sends to NOTIFY_SOCKET and writes to the journal, which here are a socket and a file of the test."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from tests.mounted.mount import CAMFS, PATIENCE, mount_entries, run

FP = "virtual:sigma-fp"


@dataclass
class Service:
    """A camfs that systemd has started."""

    process: subprocess.Popen[bytes]
    journal: IO[bytes]
    notes: socket.socket

    def hear(self) -> dict[str, str]:
        """Wait for the next notification and return its lines."""
        pairs = (line.partition("=") for line in self.notes.recv(4096).decode().split("\n"))
        return {name: value for name, _, value in pairs}

    def hear_until(self, name: str) -> list[dict[str, str]]:
        """Wait for the notification that says `name`; return all up to it."""
        heard = [self.hear()]
        while name not in heard[-1]:
            heard.append(self.hear())
        return heard

    def end(self) -> tuple[int, list[str]]:
        """Wait for the end; return the status and the journal."""
        status = self.process.wait(PATIENCE)
        self.journal.seek(0)
        return status, self.journal.read().decode().splitlines()


@contextmanager
def started(*arguments: str | Path) -> Iterator[Service]:
    """Start camfs as systemd starts a unit of Type=notify."""
    with (
        tempfile.TemporaryDirectory() as place,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notes,
        open(Path(place) / "journal", "w+b") as journal,
    ):
        notes.bind(f"{place}/notify")
        notes.settimeout(PATIENCE)
        status = os.fstat(journal.fileno())
        environment = {"NOTIFY_SOCKET": f"{place}/notify", "JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        with subprocess.Popen([*CAMFS, "-f", *arguments], stderr=journal, env={**os.environ, **environment}) as process:
            try:
                yield Service(process, journal, notes)
            finally:
                process.kill()


def test_from_start_to_stop(camera: Path) -> None:
    """The command is that of the user's unit, where the options may be empty and -- precedes the arguments."""
    with started("-v", "-o", "", "--", FP, camera) as service:
        assert service.hear_until("READY") == [
            {"STATUS": f"SIGMA fp ({FP}) is mounted on {camera}"},
            {"READY": "1"},
        ]
        assert "card" in os.listdir(camera)
        service.process.send_signal(signal.SIGTERM)
        assert service.hear() == {"STOPPING": "1", "STATUS": "ending on SIGTERM"}
        status, journal = service.end()
    assert status == 0
    assert not mount_entries(camera)
    assert f"<6>SIGMA fp: {FP} is mounted on {camera}" in journal
    assert all(line.startswith(("<6>camfs: ", "<6>SIGMA fp: ")) for line in journal)


def test_unmounted_by_hand(camera: Path) -> None:
    """This is an end after which systemd does not start it again."""
    with started(FP, camera) as service:
        service.hear_until("READY")
        run("fusermount3", "-u", camera)
        assert service.hear() == {"STOPPING": "1", "STATUS": "ended"}
        assert service.end() == (0, [])


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("usb:1.127", "no camera usb:1.127 found; camfs --list shows those that are there"),
        ("nonsense:", "nonsense: is not a source; the forms are "),
    ],
)
def test_failing(camera: Path, source: str, reason: str) -> None:
    """The reason is in `systemctl status`, and once in the journal, as an error."""
    with started(source, camera) as service:
        assert service.hear()["STATUS"].startswith(reason)
        status, (line,) = service.end()
    assert status == 1
    assert line.startswith(f"<3>camfs: {reason}")


def test_a_wrong_command_line_is_another_status(camera: Path) -> None:
    """The units do not try again after this status."""
    with started("--nonsense") as service:
        assert service.end()[0] == 2


def test_the_camera_leaves(camera: Path, tmp_path: Path) -> None:
    """On a serial line, the next request to the camera finds out."""
    link = tmp_path / "line"
    command = [sys.executable, "-m", "camfs.virtual", "dc120", "--pty", str(link), "--pace", "off"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as serving:
        try:
            assert serving.stdout is not None
            assert serving.stdout.readline()
            with started(f"serial:{link}", camera) as service:
                service.hear_until("READY")
                serving.kill()
                serving.wait()
                with pytest.raises(OSError, match=r"No such device"):
                    (camera / ".clock").read_text()
                assert service.hear() == {"STATUS": "the camera is gone"}
                service.process.terminate()
                assert service.hear()["STOPPING"] == "1"
                assert service.end()[0] == 0
        finally:
            serving.kill()

"""What systemd receives: datagrams on a real socket, and lines for the journal."""

import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from camfs.commands import systemd

JOURNAL_LINES = """\
import logging, sys
from camfs.commands import systemd
handler = systemd.journal_handler() if systemd.is_journal() else logging.StreamHandler()
logging.basicConfig(level=logging.DEBUG, handlers=[handler])
log = logging.getLogger("camfs")
log.handlers = [handler]
log.propagate = False
log.warning("opening\\n  takes long")
systemd.name_camera("SIGMA fp")
log.debug("a"); log.info("b"); log.error("c")
try:
    raise ValueError("reason")
except ValueError:
    log.exception("ended")
"""


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    """Listen at an address, as systemd does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        sock.bind("\0" + address[1:] if address.startswith("@") else address)
        yield sock


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "path" else f"@camfs-test-{os.getpid()}"


def test_systemd_hears(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    with listening(address) as heard:
        systemd.notify(READY="1", STATUS="Fp on\n/mnt\x85READY=0")
        assert heard.recv(1000) == b"READY=1\nSTATUS=Fp on /mnt READY=0"
        systemd.notify(STATUS="caf\udce9 \x1b[2J")
        assert heard.recv(1000) == b"STATUS=caf? ?[2J"
    assert systemd.is_listening()


def test_nobody_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("JOURNAL_STREAM", raising=False)
    systemd.notify(READY="1")
    assert not systemd.is_listening()


@pytest.mark.parametrize(
    "address", ["", "/nowhere/at/all", "relative", "vsock:2:1234", "/" + "x" * 200, "@", "@nobody"]
)
def test_nobody_is_there(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    systemd.notify(READY="1")


def test_a_full_socket_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    with listening(str(tmp_path / "notify")):
        for _ in range(1000):
            systemd.notify(STATUS="x" * 100)


def run_with_stderr(journal: bool) -> str:
    """Run a program that logs, and return what it wrote to stderr, which is the journal's or not."""
    reading, writing = os.pipe()
    status = os.fstat(writing)
    stream = f"{status.st_dev}:{status.st_ino}" if journal else f"{status.st_dev}:{status.st_ino + 1}"
    with os.fdopen(reading) as lines:
        with os.fdopen(writing, "w") as stderr:
            subprocess.run(
                [sys.executable, "-c", JOURNAL_LINES],
                stderr=stderr,
                check=True,
                env={**os.environ, "JOURNAL_STREAM": stream},
            )
        return lines.read()


def test_lines_for_the_journal() -> None:
    lines = run_with_stderr(journal=True).splitlines()
    assert lines[:5] == [
        "<4>camfs: opening takes long",
        "<7>SIGMA fp: a",
        "<6>SIGMA fp: b",
        "<3>SIGMA fp: c",
        "<3>SIGMA fp: ended",
    ]
    assert lines[5] == "<3>SIGMA fp: Traceback (most recent call last):"
    assert lines[-1] == "<3>SIGMA fp: ValueError: reason"
    assert all(line.startswith("<3>SIGMA fp: ") for line in lines[5:])


def test_stderr_that_is_somebody_else_s() -> None:
    assert not re.search(r"<\d>", run_with_stderr(journal=False))


def test_names_are_for_the_journal_alone() -> None:
    handler = logging.StreamHandler()
    logger = logging.getLogger("camfs")
    logger.addHandler(handler)
    try:
        systemd.name_camera("SIGMA fp")
    finally:
        logger.removeHandler(handler)
    assert handler.formatter is None


def test_a_closed_stderr_is_no_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    status = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{status.st_dev}:{status.st_ino}")
    assert systemd.is_journal()
    kept = os.dup(2)
    os.close(2)
    try:
        assert not systemd.is_journal()
    finally:
        os.dup2(kept, 2)
        os.close(kept)

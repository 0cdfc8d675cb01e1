"""A real mount for a test: camfs in a process of its own, unmounted at the end whatever happens, its words held against the expected."""

import ctypes
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.mounted.trace import Trace

PATIENCE = 120.0
"""Seconds after which something that should have ended is taken to hang."""

BUSY_FOR_A_MOMENT = 5.0
"""Seconds for which a mount is unmounted again: camfs may be telling programs of a new picture, which no test may mind."""

LIFETIME = 600.0
"""Seconds after which a mount is killed, so that a test that hangs in a system call on it fails."""

COUNTED = re.compile(r"\(\d+ more times\)$|more failures, which are not logged$")
"""How camfs counts failures that it does not log; when it says so depends on the time."""

CAMFS = (sys.executable, "-m", "camfs")

_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class MountEntry:
    """A line of /proc/self/mounts."""

    source: str
    point: str
    kind: str
    options: tuple[str, ...]


def mount_entries(point: Path | str) -> list[MountEntry]:
    """Return what is mounted on a directory, as the kernel has it; also where it can no longer be looked at."""
    entries = []
    for line in Path("/proc/self/mounts").read_bytes().splitlines():
        source, where, kind, options = (
            os.fsdecode(re.sub(rb"\\(\d{3})", lambda match: bytes((int(match[1], 8),)), word))
            for word in line.split(b" ")[:4]
        )
        entries.append(MountEntry(source, where, kind, tuple(options.split(","))))
    return [entry for entry in entries if entry.point == str(point)]


def run(
    *command: str | Path, status: int | None = 0, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command, within `PATIENCE`.

    Args:
        command: the program and its arguments.
        status: the exit status that it must have; None for any.
        cwd: where it runs.
        env: added to the environment.
    """
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        timeout=PATIENCE,
        cwd=cwd,
        env={**os.environ, "LC_ALL": "C.UTF-8", **(env or {})},
    )
    assert status is None or done.returncode == status, (
        f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
    )
    return done


def camfs(*arguments: str | Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run camfs until it returns; the status is the caller's to look at."""
    return run(*CAMFS, *arguments, status=None, env=env)


def processes_of(point: Path) -> list[int]:
    """Return the camfs processes whose command line names a mount point; zombies have no command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"camfs" in words and os.fsencode(point) in words:
            found.append(int(process.name))
    return found


def wait_until_mounted(point: Path, process: int) -> bool:
    """Wait for the kernel to say that there is a mount; False if the process ended instead."""
    poller = select.poll()
    with open("/proc/self/mounts", "rb") as mounts:
        lives = os.pidfd_open(process)
        try:
            poller.register(mounts, select.POLLPRI | select.POLLERR)
            poller.register(lives, select.POLLIN)
            while not mount_entries(point):
                ready = dict(poller.poll(PATIENCE * 1000))
                assert ready, f"nothing mounted on {point} after {PATIENCE:g} s"
                if lives in ready:
                    return False
            return True
        finally:
            os.close(lives)


@dataclass
class Mount:
    """A camera that is mounted.

    Attributes:
        path: the mount point.
        process: the camfs process.
        log: what it says on stderr.
        trace: what the emulated camera saw.
        expected: regular expressions of lines that it must say.
        tolerated: the same of lines that it may say.
    """

    path: Path
    process: int
    log: IO[bytes]
    trace: Trace
    expected: list[str] = field(default_factory=list)
    tolerated: list[str] = field(default_factory=list)
    status: int | None = None
    _checked: int = 0

    def expect(self, *patterns: str) -> None:
        """Expect camfs to say lines like these, before the next check."""
        self.expected += patterns

    def tolerate(self, *patterns: str) -> None:
        """Let camfs say lines like these, until the next check."""
        self.tolerated += patterns

    def lines(self) -> list[str]:
        """Return what it has said since the last check."""
        self.log.seek(self._checked)
        return self.log.read().decode("utf-8", "replace").splitlines()

    def check_log(self) -> None:
        """Fail on a line that was not expected, and on one that was and did not come; what comes later is for the next check.

        What has been said before need not be said again, as camfs says the same failure once in a minute.
        """
        lines = [line for line in self.lines() if not COUNTED.search(line)]
        self._checked = self.log.tell()
        self.log.seek(0)
        said = self.log.read().decode("utf-8", "replace").splitlines()
        expected, self.expected = self.expected, []
        allowed, self.tolerated = [*expected, *self.tolerated], []
        unexpected = [line for line in lines if not any(re.search(pattern, line) for pattern in allowed)]
        missing = [pattern for pattern in expected if not any(re.search(pattern, line) for line in said)]
        assert not unexpected, "camfs said:\n" + "\n".join(lines)
        assert not missing, f"camfs did not say {missing} but:\n" + "\n".join(lines)

    def read_status(self) -> dict[str, str]:
        """Return the lines of `.status`."""
        lines = (self.path / ".status").read_text().splitlines()
        return {key: value for key, _, value in (line.partition(": ") for line in lines)}

    def wait(self) -> int:
        """Wait for camfs to end, and return its exit status."""
        if self.status is None:
            lives = os.pidfd_open(self.process)
            try:
                poller = select.poll()  # select(2) takes no number above 1023
                poller.register(lives, select.POLLIN)
                ended = poller.poll(PATIENCE * 1000)
            finally:
                os.close(lives)
            assert ended, f"camfs still runs after {PATIENCE:g} s"
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        return self.status

    def unmount(self) -> None:
        """Unmount as `camfs -u` does, again while the mount is busy for a moment, and wait for camfs to end well."""
        until = time.monotonic() + BUSY_FOR_A_MOMENT
        while (done := run("fusermount3", "-u", self.path, status=None)).returncode and time.monotonic() < until:
            time.sleep(0.05)
        assert done.returncode == 0, done.stderr
        status = self.wait()
        assert status == 0, f"camfs ended with status {status}:\n" + "\n".join(self.lines())

    def clean(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        while mount_entries(self.path) and not subprocess.run(["fusermount3", "-uz", self.path]).returncode:
            pass
        if self.status is None:
            os.kill(self.process, signal.SIGKILL)
            self.wait()
        self.log.seek(0)
        for line in self.log.read().decode("utf-8", "replace").splitlines():
            print("camfs said:", line, file=sys.stderr)


@contextmanager
def mounted(
    source: str,
    point: Path,
    options: str = "",
    *,
    background: bool = False,
    env: Mapping[str, str] | None = None,
    program: Sequence[str] = CAMFS,
    lifetime: float = LIFETIME,
) -> Iterator[Mount]:
    """Mount a source; at the end of the block unmount it, and see that camfs lived, ended well and said nothing unexpected.

    A virtual source gets a trace. Within the block the mount may also be ended, with `Mount.unmount` or by whatever `Mount.wait`
    waits for.

    Args:
        source: what to mount.
        point: an empty directory; made if missing.
        options: for -o.
        background: without -f, as users mount; camfs then has no stderr to be read.
        env: added to the environment.
        program: runs camfs.
        lifetime: seconds after which camfs is killed, see `LIFETIME`.
    """
    point.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place, open(Path(place) / "log", "w+b") as log:
        traced = Path(place) / "trace"
        if source.startswith("virtual:"):
            source += ("&" if "?" in source else "?") + f"trace={traced}"
        command = [*program, source, str(point), *(["-o", options] if options else []), *([] if background else ["-f"])]
        environment = {**os.environ, **(env or {})}
        start = _start_in_background if background else _start
        mount = Mount(point, start(command, point, log, environment), log, Trace(traced, point))
        killer = threading.Timer(lifetime, lambda: os.kill(mount.process, signal.SIGKILL))
        killer.daemon = True
        killer.start()
        try:
            with suppress(PermissionError):  # the mount of another user
                os.stat(point)
            yield mount
            if mount.status is None:
                mount.unmount()
            assert not mount_entries(point)
            mount.check_log()
        finally:
            killer.cancel()
            mount.clean()


def _start(command: list[str], point: Path, log: IO[bytes], env: Mapping[str, str]) -> int:
    process = os.posix_spawn(
        command[0],
        command,
        env,
        file_actions=[(os.POSIX_SPAWN_DUP2, log.fileno(), 1), (os.POSIX_SPAWN_DUP2, log.fileno(), 2)],
    )
    if not wait_until_mounted(point, process):
        os.waitpid(process, 0)
        log.seek(0)
        raise AssertionError("camfs ended: " + log.read().decode("utf-8", "replace"))
    return process


def _start_in_background(command: list[str], point: Path, log: IO[bytes], env: Mapping[str, str]) -> int:
    """Mount as users do. This process adopts what camfs leaves in the background, so that its exit status can be had."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, timeout=PATIENCE)
    finally:
        prctl(_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
    log.seek(0)
    assert done.returncode == 0, log.read().decode("utf-8", "replace")
    (process,) = processes_of(point)
    return process

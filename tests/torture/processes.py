"""camfs and an emulated camera, each in a process of its own that may be killed or stopped, and what somebody does with the mount."""

import contextlib
import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.mounted.mount import CAMFS, mount_entries
from tests.torture.outcome import DidNotHold
from tests.torture.pace import is_too_long

BUDGET = 20.0
"""Seconds in which a system call on the mount has returned, and in which camfs has ended after a signal."""

HANGS = 180.0
"""Seconds after which an unmount is killed."""

READY = 60.0
"""Seconds in which a process that was started is ready, on a busy computer."""


def wait_for(what: str, happened: Callable[[], bool], seconds: float) -> None:
    """Wait until something has happened.

    Raises:
        DidNotHold: it has not, after these seconds.
    """
    begun = time.monotonic()
    while not happened():
        if is_too_long(time.monotonic() - begun, seconds):
            raise DidNotHold(f"{what}: not within {seconds:g} s")
        time.sleep(0.005)


class ServedCamera:
    """An emulated camera on the network, at the same port each time it is started.

    Args:
        folder: for its trace and what it says.
        words: the model and its options.
    """

    def __init__(self, folder: Path, *words: str) -> None:
        self.trace = folder / "trace"
        self._said = folder / "camera-said"
        self._words = words
        self.port = 0
        self.process = self.start()

    @property
    def source(self) -> str:
        """Its SOURCE."""
        return f"ptpip:127.0.0.1:{self.port}"

    def start(self) -> subprocess.Popen[str]:
        """Start it, as after its power was switched on."""
        model, *options = self._words
        place = ("--ptpip", f"127.0.0.1:{self.port}", "--trace", str(self.trace))
        with self._said.open("a") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "camfs.virtual", model, *place, *options],
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if " is at ptpip:" not in line:
            raise DidNotHold(f"the emulated camera does not start: {self._said.read_text()}")
        self.port = int(line.rpartition(":")[2])
        return self.process

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; after SIGKILL wait for its end."""
        self.process.send_signal(number)
        if number == signal.SIGKILL:
            self.close()

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.communicate()

    def operations(self) -> list[tuple[str, str]]:
        """Return the operations that it saw, each with its result."""
        lines = self.trace.read_bytes().rpartition(b"\n")[0].splitlines()
        return [(record["op"], record["result"]) for record in map(json.loads, lines)]

    def check_quiet(self) -> None:
        """See that the emulation itself has had no trouble."""
        if said := self._said.read_text():
            raise DidNotHold(f"the emulated camera said: {said}")


class MountedCamera:
    """camfs in the foreground, in a process of its own.

    Args:
        source: what it mounts.
        point: where.
        log: what it says goes to the end of this file.
        options: for -o.
        program: that runs camfs.
    """

    def __init__(self, source: str, point: Path, log: Path, options: str = "", program: Sequence[str] = CAMFS) -> None:
        self.point = point
        self.log = log
        command = [*program, source, str(point), "-f", *(["-o", options] if options else [])]
        with log.open("ab") as said:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)

    def is_ready(self) -> bool:
        """Say whether it answers."""
        if self.process.poll() is not None:
            raise DidNotHold(f"camfs has ended with {self.process.returncode}: {self.tail()}")
        with contextlib.suppress(OSError):
            return bool(mount_entries(self.point)) and b"source:" in (self.point / ".status").read_bytes()
        return False

    def wait_until_ready(self) -> None:
        """Wait until it answers."""
        wait_for("mounting", self.is_ready, READY)

    def status(self) -> dict[str, str]:
        """Return the lines of `.status`."""
        lines = (self.point / ".status").read_text().splitlines()
        return {key: value for key, _, value in (line.partition(": ") for line in lines)}

    def wait_for_end(self) -> int:
        """Wait for it to end, and return its exit status.

        Raises:
            DidNotHold: it does not end.
        """
        begun = time.monotonic()
        while (status := self.process.poll()) is None:
            if is_too_long(time.monotonic() - begun, BUDGET):
                raise DidNotHold(f"camfs does not end: {self.tail()}")
            time.sleep(0.01)
        return status

    def _is_unmounted(self) -> bool:
        return not subprocess.run(["fusermount3", "-u", self.point], capture_output=True, timeout=HANGS).returncode

    def unmount(self) -> None:
        """Unmount as a user does, again while the mount is busy, and see that it ends well."""
        wait_for("unmounting", self._is_unmounted, BUDGET)
        if status := self.wait_for_end():
            raise DidNotHold(f"camfs ended with {status} after it was unmounted: {self.tail()}")

    def tail(self) -> str:
        """Return the end of what it has said."""
        return self.log.read_text(errors="replace")[-2000:]

    def clean(self) -> None:
        """Leave nothing behind."""
        self.process.kill()
        self.process.wait()
        while mount_entries(self.point) and not subprocess.run(["fusermount3", "-uz", self.point]).returncode:
            pass


class Somebody:
    """A person at work with a mount, in a thread: one thing after the other at random, until it fails or is told to stop.

    Args:
        actions: what is done, each with how often in proportion.
        chance: chooses.
        tolerated: the errnos after which the work goes on.

    Attributes:
        done: what was done, and how often.
        failure: what ended the work.
    """

    def __init__(
        self,
        actions: Sequence[tuple[Callable[[], None], int]],
        chance: random.Random,
        tolerated: frozenset[int] = frozenset(),
    ) -> None:
        self._actions = actions
        self._chance = chance
        self._tolerated = tolerated
        self._stop = False
        self.done: Counter[str] = Counter()
        self.longest = 0.0
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        kinds, weights = [each for each, _ in self._actions], [weight for _, weight in self._actions]
        while not self._stop and self.failure is None:
            act = self._chance.choices(kinds, weights)[0]
            begun = time.monotonic()
            try:
                act()
                self.done[act.__name__] += 1
            except OSError as error:
                if error.errno not in self._tolerated:
                    self.failure = error
                self.done["errors"] += 1
                time.sleep(0.02)
            except BaseException as error:
                self.failure = error
            self.longest = max(self.longest, time.monotonic() - begun)

    @property
    def is_at_work(self) -> bool:
        """Whether nothing has ended the work yet."""
        return self._thread.is_alive()

    def stop(self, seconds: float = 3 * BUDGET) -> None:
        """Let it end what it does, which may be several system calls.

        Raises:
            DidNotHold: it hangs, or has seen what must not be.
        """
        self._stop = True
        self._thread.join(seconds)
        if self._thread.is_alive():
            raise DidNotHold(f"a program on the mount hangs for {seconds:g} s")
        if self.failure is not None and not isinstance(self.failure, OSError):
            raise DidNotHold(f"{type(self.failure).__name__}: {self.failure}") from self.failure


@contextlib.contextmanager
def within_budget(what: str) -> Iterator[None]:
    """See that a system call returns in time, with whatever result.

    Raises:
        DidNotHold: it did not.
    """
    begun = time.monotonic()
    try:
        yield
    finally:
        taken = time.monotonic() - begun
        if is_too_long(taken, BUDGET):
            raise DidNotHold(f"{what} took {taken:.1f} s")


def read_whole(path: Path) -> bytes:
    """Read a file to its end, each system call within the budget."""
    with within_budget(f"opening {path}"):
        descriptor = os.open(path, os.O_RDONLY)
    try:
        data = b""
        while True:
            with within_budget(f"reading {path}"):
                more = os.read(descriptor, 1 << 20)
            if not more:
                return data
            data += more
    finally:
        os.close(descriptor)


def read_part(path: Path, offset: int, size: int) -> bytes:
    """Read a part of a file, each system call within the budget; one may bring less where the next one fails."""
    with within_budget(f"opening {path}"):
        descriptor = os.open(path, os.O_RDONLY)
    try:
        data = b""
        while len(data) < size:
            with within_budget(f"reading {path}"):
                more = os.pread(descriptor, size - len(data), offset + len(data))
            if not more:
                break
            data += more
        return data
    finally:
        os.close(descriptor)


def names_in(folder: Path) -> list[str]:
    """List a folder, within the budget."""
    with within_budget(f"listing {folder}"):
        return os.listdir(folder)


def write(path: Path, text: str) -> None:
    """Write to a control file, as the shell does.

    Raises:
        OSError: it was not taken.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


LOST = frozenset({errno.ENOTCONN, errno.ECONNABORTED, errno.ENODEV, errno.EIO, errno.ENOENT, errno.EINTR})
"""What programs get when camfs dies under them: ENOENT where the mount is gone already."""

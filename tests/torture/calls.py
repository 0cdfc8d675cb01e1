"""Calls of programs on a mount, many at once, each timed and its bytes compared; and how a camera is found good again."""

import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.mounted.mount import Mount
from tests.torture.outcome import DidNotHold
from tests.torture.pace import is_too_long

LONGEST = 20.0
"""Seconds in which every call has to end, with the default time-out: a request of the kernel has 18.5."""

HANGS = 180.0
"""Seconds after which a call is killed, so that it is known how long one takes that takes too long."""

RECOVERY = 60.0
"""Seconds after which a camera that is good again has to work."""

MEMORY = 400
"""MiB of memory that a mount may use at most."""


@dataclass
class Tally:
    """What a part has seen so far; what it must not see is raised.

    Attributes:
        limit: seconds that a call may take.
        calls, failed, compared: how many calls were made, failed, and printed bytes that were compared.
        longest: seconds that the longest took, and `where` that was.
        memory: MiB that a mount used at most.
    """

    limit: float = LONGEST
    calls: int = 0
    failed: int = 0
    compared: int = 0
    longest: float = 0.0
    memory: int = 0
    where: str = ""


@dataclass(frozen=True)
class Call:
    """A call of a program.

    Attributes:
        command: it and its arguments.
        contents: what it may print, cut nowhere; None if that proves nothing.
        names: names that it must print if it succeeds.
    """

    command: tuple[str, ...]
    contents: bytes | None = None
    names: frozenset[str] = frozenset()

    def run(self, tally: Tally, where: str, limit: float) -> None:
        """Run it, and judge it: it may take `limit` seconds.

        Raises:
            DidNotHold: it took too long, or succeeded with other bytes or fewer names.
        """
        begun = time.monotonic()
        words = ("timeout", "-s", "KILL", str(HANGS), *self.command)
        done = subprocess.run(words, capture_output=True, cwd="/", check=False)
        taken = time.monotonic() - begun
        tally.calls += 1
        tally.failed += done.returncode != 0
        if taken > tally.longest:
            tally.longest, tally.where = taken, where
        said = f"{where}: {' '.join(self.command)}: status {done.returncode} after {taken:.1f} s"
        if is_too_long(taken, limit):
            raise DidNotHold(f"{said}, which is too long")
        if done.returncode == 0 and self.contents is not None:
            tally.compared += 1
            if done.stdout != self.contents:
                raise DidNotHold(
                    f"{said}, with {len(done.stdout)} bytes that are not the {len(self.contents)} of the file"
                )
        printed = set(done.stdout.decode("utf-8", "replace").split())
        if done.returncode == 0 and not self.names <= printed:
            raise DidNotHold(f"{said}, without {sorted(self.names - printed)}")


def six_calls(point: Path, folder: str, files: Mapping[str, bytes], lies: bool = False) -> list[Call]:
    """Return six calls on a folder of a mount.

    Args:
        point: where the camera is mounted.
        folder: below it.
        files: what lies there; four or more.
        lies: whether the camera does not tell the truth of names and bytes.
    """
    here = f"{point}/{folder}"
    names = frozenset() if lies else frozenset(files)
    pictures = frozenset(name if name.endswith(".JPG") else f"{name}.jpg" for name in names)
    first, second, third, fourth = list(files)[:4]

    def bytes_of(name: str, size: int | None = None) -> bytes | None:
        return None if lies else files[name][:size]

    return [
        Call(("ls", here), names=names),
        Call(("cat", f"{here}/{first}"), bytes_of(first)),
        Call(("stat", "-c", "%s", f"{here}/{second}"), None if lies else f"{len(files[second])}\n".encode()),
        Call(("head", "-c", "1000", f"{here}/{third}"), bytes_of(third, 1000)),
        Call(("cat", f"{point}/.status")),  # must not wait for the camera
        Call(("ls", f"{point}/.thumbnails/{folder}"), names=pictures),
        Call(("tail", "-c", "1000", f"{here}/{fourth}"), None if lies else files[fourth][-1000:]),
    ]


def at_once(calls: Sequence[Call], tally: Tally, where: str, limit: float | None = None) -> None:
    """Run calls at once, and judge all; each may take `limit` seconds, else as long as the tally says."""
    with ThreadPoolExecutor(len(calls)) as threads:
        for each in [threads.submit(call.run, tally, where, limit or tally.limit) for call in calls]:
            each.result()


def check_memory(mount: Mount, tally: Tally, where: str) -> None:
    """See that a mount never used too much memory."""
    status = Path(f"/proc/{mount.process}/status").read_text()
    peak = int(re.findall(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE)[0]) >> 10
    tally.memory = max(tally.memory, peak)
    if peak > MEMORY:
        raise DidNotHold(f"{where}: the mount used {peak} MiB")


def await_recovery(
    point: Path, folders: Mapping[str, Mapping[str, bytes]], where: str, then: Callable[[], str]
) -> float:
    """Wait until a mount shows all of a camera that is good again; return how many seconds it took.

    Args:
        point: where it is mounted.
        folders: files by their names, by the folders in which they lie.
        where: what has been tried.
        then: says what else is to be told if it does not recover.
    """
    begun = time.monotonic()
    why = ""
    while not is_too_long(time.monotonic() - begun, RECOVERY):
        try:
            (point / ".refresh").write_text("1")
            for folder, files in folders.items():
                shown = {name for name in os.listdir(point / folder) if "." in name}
                if shown != set(files):
                    raise DidNotHold(f"{where}: good again, and {folder} shows {sorted(shown)}")
                for name, data in files.items():
                    if (point / folder / name).read_bytes() != data:
                        raise DidNotHold(f"{where}: good again, and the bytes of {folder}/{name} are wrong")
            return time.monotonic() - begun
        except OSError as error:
            why = str(error)
            time.sleep(0.2)
    raise DidNotHold(
        f"{where}: the camera is good again, and after {RECOVERY:g} s the mount still says: {why}\n{then()}"
    )


def unmount(mount: Mount, where: str) -> None:
    """Unmount, and see that camfs ends well; a program of another thread that is just being started may hold the mount for a moment."""
    begun = time.monotonic()
    while subprocess.run(["fusermount3", "-u", mount.path], capture_output=True, check=False).returncode:
        if is_too_long(time.monotonic() - begun, LONGEST):
            raise DidNotHold(f"{where}: the mount is busy and cannot be unmounted")
        time.sleep(0.05)
    if status := mount.wait():
        raise DidNotHold(f"{where}: camfs ended with status {status}")

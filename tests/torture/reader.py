"""Reads files at random in every way there is, and compares: `python -m tests.torture.reader FOLDER UNTIL SEED TRUTH`.

It is a process of its own, which `readers` starts many of. TRUTH says what must be read: `known` for `formula.Known`, by each file's
name and time, `name` for the same by name alone, or a folder with the same files; that is a DC120, where a read may be short.
Files whose names begin with `K` or `L` stay: they can always be read. Others come and go: opening or reading one may fail because it is
gone, but what is read is right.

The last line that it prints is a JSON object of what it counted. A wrong byte ends it at once, with status 1 and what was wrong.
"""

import contextlib
import errno
import json
import mmap
import os
import random
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tests.torture.formula import KIB, MIB, Known

GONE = frozenset((errno.ENOENT, errno.ESTALE, errno.EIO, errno.ENODEV))
"""What opening or reading a file that is gone may fail with."""

AT_ONCE = (1, 2, 511, 4096, 4097, 65_536, 128 * KIB, 131_073, 300_000, MIB)
"""Bytes to be read at once."""


class Truth(Protocol):
    """What a file must hold."""

    @property
    def size(self) -> int: ...

    def read(self, offset: int, size: int) -> bytes: ...


class OnDisk:
    """A file that is on disk as well."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        self.size = len(self._data)

    def read(self, offset: int, size: int) -> bytes:
        return self._data[offset : offset + size]


def by_pread(file: int, offset: int, size: int) -> bytes:
    return os.pread(file, size, offset)


def by_readv(file: int, offset: int, size: int) -> bytes:
    """Read into several buffers of odd lengths."""
    buffers = [bytearray(part) for part in (size // 3, size // 5, size - size // 3 - size // 5) if part]
    done = os.preadv(file, buffers, offset)
    return b"".join(buffers)[:done]


def by_sendfile(file: int, offset: int, size: int) -> bytes:
    """Have the kernel copy it to a file in memory."""
    copy = os.memfd_create("copy")
    try:
        done = os.sendfile(copy, file, offset, size)
        return os.pread(copy, done, 0)
    finally:
        os.close(copy)


def by_read(file: int, offset: int, size: int) -> bytes:
    os.lseek(file, offset, os.SEEK_SET)
    return os.read(file, size)


def by_map(file: int, offset: int, size: int) -> bytes:
    """Map the pages around it; it must not be past the end."""
    first = offset // mmap.ALLOCATIONGRANULARITY * mmap.ALLOCATIONGRANULARITY
    length = min(os.fstat(file).st_size, offset + size) - first
    with mmap.mmap(file, length, mmap.MAP_PRIVATE, mmap.PROT_READ, offset=first) as mapped:
        return mapped[offset - first :]


def by_map_of_short_file(file: int, offset: int, size: int) -> bytes:
    """The same in a child, which SIGBUS may end where the picture has not come yet; then, nothing."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(OSError), open(writer, "wb") as pipe:
            pipe.write(by_map(file, offset, size))
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        found = pipe.read()
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status not in (0, -signal.SIGBUS):
        raise SystemExit(f"the child that mapped a file ended with status {status}")
    return found


def by_direct(file: int, offset: int, size: int) -> bytes:
    """Read past the page cache, whole pages into aligned memory; the descriptor was opened so.

    Where a read is short it may end before the offset, which lies amid a page; then it is made again.
    """
    first = offset // 4096 * 4096
    length = -(-(offset - first + size) // 4096) * 4096
    with mmap.mmap(-1, length) as aligned:
        end = os.fstat(file).st_size
        while 0 < (done := os.preadv(file, [aligned], first)) <= offset - first and first + done < end:
            pass
        return aligned[:done][offset - first : offset - first + size]


WAYS: dict[str, Callable[[int, int, int], bytes]] = {
    "pread": by_pread,
    "readv": by_readv,
    "sendfile": by_sendfile,
    "read": by_read,
    "mmap": by_map,
    "O_DIRECT": by_direct,
}


class Reader:
    """Reads files of a folder until its time is over.

    Args:
        folder: in the mount.
        truth: see the module.
        choices: makes all random choices.
        until: time of the monotonic clock at which it ends.

    Attributes:
        counts: what was read and how.
    """

    def __init__(self, folder: Path, truth: str, choices: random.Random, until: float) -> None:
        self._folder = folder
        self._until = until
        self._truth = truth
        self._may_be_short = truth not in ("known", "name")
        self._choices = choices
        self.counts: Counter[str] = Counter(reads=0, bytes=0, gone=0)

    def expected(self, name: str, file: int) -> Truth:
        """Return what an open file must hold; of two files of a name, one has its handle in its name."""
        name = re.sub(r"~[0-9a-f]{8}(?=\.)", "", name)
        if self._truth == "known":
            return Known.at(name, os.fstat(file).st_mtime)
        return Known(name) if self._truth == "name" else OnDisk(Path(self._truth) / name)

    def read_one(self, name: str) -> None:
        """Open a file, read it here and there in one way, and close it."""
        way = self._choices.choice(tuple(WAYS))
        stays = name.startswith(("K", "L"))
        if way == "mmap" and not stays and not self._may_be_short:
            way = "pread"  # SIGBUS would end this process
        try:
            file = os.open(self._folder / name, os.O_RDONLY | (os.O_DIRECT if way == "O_DIRECT" else 0))
        except OSError as error:
            self._is_gone(name, error, stays)
            return
        try:
            truth = self.expected(name, file)
            if os.fstat(file).st_size != truth.size:
                raise SystemExit(f"{name}: size {os.fstat(file).st_size}, not {truth.size}")
            for _ in range(self._choices.randrange(1, 30)):
                if time.monotonic() >= self._until and self.counts["reads"]:
                    return
                self._compare(name, way, file, truth, stays)
                if self._choices.random() < 0.1:
                    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        except OSError as error:
            self._is_gone(name, error, stays)
        finally:
            os.close(file)

    def _compare(self, name: str, way: str, file: int, truth: Truth, stays: bool) -> None:
        """Read once, and compare."""
        size = self._choices.choice((*AT_ONCE, self._choices.randrange(1, MIB)))
        past_end = 0 if way == "mmap" else 5000
        offset = self._choices.choice((self._choices.randrange(truth.size + past_end + 1), max(0, truth.size - size)))
        if way == "mmap" and offset >= truth.size:
            return
        if way == "mmap" and self._may_be_short:
            found = by_map_of_short_file(file, offset, size)
            self.counts["SIGBUS"] += not found
            right = truth.read(offset, size) if found else b""
        else:
            found, right = WAYS[way](file, offset, size), truth.read(offset, size)
        if found and len(found) < len(right) and (self._may_be_short or not stays):
            # A read that fails after some pages returns these. The next one fails, or goes on; it does not say that here is the end.
            self.counts["short"] += 1
            more = WAYS[way](file, offset + len(found), len(right) - len(found))
            if not more:
                raise SystemExit(f"{name}: {way} at {offset + len(found)} of {truth.size} says that this is the end")
            found += more
            right = right[: len(found)]
        self.counts["reads"] += 1
        self.counts[way] += 1
        self.counts["bytes"] += len(found)
        if found != right:
            wrong = next(
                (i for i, (one, other) in enumerate(zip(found, right, strict=False)) if one != other), len(found)
            )
            raise SystemExit(
                f"{name}: {way} of {size} bytes at {offset} of {truth.size}: {len(found)} bytes, {found[:16].hex()}…, "
                f"and not {len(right)} bytes, {right[:16].hex()}…; byte {wrong} is the first that differs"
            )

    def _is_gone(self, name: str, error: OSError, stays: bool) -> None:
        if stays or error.errno not in GONE:
            raise SystemExit(f"{name}: {error}")
        self.counts["gone"] += 1


def main(folder: str, until: str, seed: str, truth: str) -> None:
    """Read until the time is over, and print what was counted."""
    choices = random.Random(seed)
    reader = Reader(Path(folder), truth, choices, float(until))
    while True:
        names = sorted(os.listdir(folder))
        reader.counts["listings"] += 1
        for name in choices.sample(names, min(len(names), 8)):
            reader.read_one(name)
        if time.monotonic() >= float(until):
            break
    print(json.dumps(reader.counts))


if __name__ == "__main__":
    main(*sys.argv[1:])

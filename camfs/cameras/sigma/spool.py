"""The spool: shots that wait on this computer, in one folder for a camera, safe from whatever becomes of the camera and of camfs.

A file of the spool is there under its name when all its bytes are: it is written as `.NAME.part`, synchronised to the disk, given the
time when it was taken, and renamed. So what a program that was killed leaves are whole files, and parts, which the next one finds.
A part that nobody will complete becomes `partial-NAME`, as long as the bytes that came without a gap; half a picture may be worth having.

The folder is one camera's, held by a lock (flock) that the system drops with the program. A second camfs on a camera of the same
serial number takes the folder with `.2` behind its name, and so on; whoever next has the first folder moves into it what those hold.

Everything that waits for the disk runs in a thread.
"""

import contextlib
import errno
import fcntl
import logging
import os
import re
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import trio

from camfs import errors

log = logging.getLogger(__name__)

T = TypeVar("T")

FOLDERS = 16
"""Folders tried for one camera: so many camfs at once."""

MAX_NAME = 100
"""Characters of a name; DCF's have twelve."""

PARTIAL = "partial-"
"""What the name of a file begins with whose rest never came."""

COMPARED = 4096
"""Bytes compared at once; a hole in a part is at least as long."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._ +~()-]")
_NUMBERED = re.compile(r"~[0-9]+(?=(\.[^.]*)?$)")


def default_folder(serial: str) -> Path:
    """Return the folder of a camera's spool: in the user's state directory."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state, "camfs", "spool", safe_name(serial or "camera"))


def safe_name(name: str) -> str:
    """Return a file name for what a camera calls a file: of a path the last step, without anything that a disk or a shell may mind."""
    last = _UNSAFE.sub("_", re.split(r"[/\\]", name)[-1])
    stem, dot, extension = last.rpartition(".")
    if len(last) > MAX_NAME:
        last = stem[: MAX_NAME - len(extension) - 1] + dot + extension if len(extension) < 16 else last[:MAX_NAME]
    return "_" + last[1:] if last.startswith(".") else last or "unnamed"


def original_name(name: str) -> str:
    """Return the name that a file had before it was told from another by a number."""
    return _NUMBERED.sub("", name)


@dataclass(frozen=True)
class Stored:
    """A whole file of the spool: its bytes, and when it was taken."""

    size: int
    mtime_ns: int


class Spool:
    """Whole files and parts in a folder.

    Every method may raise `StoreFull`, and `Refused` for what else a disk answers.

    Args:
        folder: a folder of its own, made if it is not there. If another camfs holds it, the one with a number behind its name.

    Attributes:
        folder: where it really is, once opened.
        files: the whole files, by name.
    """

    def __init__(self, folder: Path) -> None:
        self._wanted = folder
        self.folder = folder
        self.files: dict[str, Stored] = {}
        self._descriptor: int | None = None
        self._closed = False

    async def open(self) -> None:
        """Make and lock the folder, and look what lies in it. What fails is logged, and tried again when room is needed."""
        try:
            await self._run(self._open)
        except errors.Refused as error:
            log.warning("shots cannot be kept on this computer: %s", error)

    async def aclose(self) -> None:
        """Let go of the folder; parts stay."""
        self._closed = True
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def free_name(self, name: str, taken: Container[str] = ()) -> str:
        """Return this name, or with a number before its extension, such that neither the spool nor `taken` has it."""
        stem, dot, extension = name.rpartition(".")
        if not stem:
            stem, dot, extension = name, "", ""
        number, candidate = 1, name
        while candidate in self.files or candidate in taken:
            number += 1
            candidate = f"{stem}~{number}{dot}{extension}"
        return candidate

    def like(self, name: str, size: int) -> list[str]:
        """Return the files that may be a shot with this name and size, kept before."""
        return [
            each
            for each, stored in self.files.items()
            if stored.size == size and name in (each, original_name(each)) and not each.startswith(PARTIAL)
        ]

    async def begin(self, name: str, size: int, mtime_ns: int) -> "Part":
        """Begin a file of so many bytes that was taken at some time."""
        return Part(self, name, size, mtime_ns, await self._run(self._begin, name))

    async def read(self, name: str, offset: int, size: int) -> bytes:
        """Read of a whole file."""
        return await self._run(self._read, name, offset, size)

    async def remove(self, name: str) -> None:
        """Delete a whole file; one that is not there is no error."""
        await self._run(self._remove, name)
        self.files.pop(name, None)

    async def usage(self) -> tuple[int, int]:
        """Return the bytes that the disk has in all, and those that are free to this user."""
        return await self._run(self._usage)

    async def drop_partials_of(self, name: str) -> None:
        """Delete the `partial-` files that are a beginning of this whole one."""
        for partial in list(self.files):
            same = original_name(partial.removeprefix(PARTIAL)) == original_name(name)
            if same and partial.startswith(PARTIAL) and await self._run(self._begins, partial, name):
                await self.remove(partial)

    # ------------------------------------------------------------------ in threads

    async def _run(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a function of the disk in a thread. Cancelled: it is waited for."""
        try:
            return await trio.to_thread.run_sync(function, *arguments)
        except FileNotFoundError as error:
            raise errors.NotFound(f"{self.folder}: {error.strerror}") from None
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            raise (errors.StoreFull if full else errors.Refused)(f"{self.folder}: {error.strerror}") from None

    def _open(self) -> None:
        if self._closed:
            raise OSError(errno.ESHUTDOWN, "closed")
        for number in range(1, FOLDERS + 1):
            folder = self._numbered(number)
            _make(folder)
            descriptor = _lock(folder)
            if descriptor is not None:
                break
        else:
            raise OSError(errno.EBUSY, f"held by {FOLDERS} other programs")
        self.folder, self._descriptor = folder, descriptor
        for other in range(number + 1, FOLDERS + 1):
            self._adopt(self._numbered(other))
        self.files = {name: _stored(folder / name) for name in _files(folder, hidden=False)}
        for name in _parts(folder):
            try:
                self._settle_part(name)
            except OSError as error:
                log.warning("%s: a part of %s stays as it is: %s", folder, name, error.strerror)

    def _numbered(self, number: int) -> Path:
        return self._wanted if number == 1 else self._wanted.with_name(f"{self._wanted.name}.{number}")

    def _adopt(self, other: Path) -> None:
        """Move here what a second camfs left in a folder of its own."""
        descriptor = _lock(other) if other.is_dir() else None
        if descriptor is None:
            return
        try:
            for name in _files(other, hidden=False):
                (other / name).rename(self.folder / self.free_name(name, os.listdir(self.folder)))
            for name in _parts(other):
                (other / _part(name)).rename(self.folder / _part(self.free_name(name, _parts(self.folder))))
        except OSError as error:
            log.warning("%s: what lies there is not taken over: %s", other, error.strerror)
        finally:
            os.close(descriptor)

    def _settle_part(self, name: str) -> None:
        """Make of a part that nobody completes a file with what there is of it, or nothing."""
        part = self.folder / _part(name)
        with part.open("r+b") as file:
            size = os.lseek(file.fileno(), 0, os.SEEK_HOLE) if os.fstat(file.fileno()).st_size else 0
            file.truncate(size)
        whole = [each for each in self.files if original_name(each) == original_name(name)]
        if not size or any(_begins(part, self.folder / each) for each in whole):
            part.unlink()
            return
        partial = self.free_name(PARTIAL + name)
        part.rename(self.folder / partial)
        self.files[partial] = _stored(self.folder / partial)

    def _begin(self, name: str) -> int:
        if self._descriptor is None:
            self._open()
        return os.open(self.folder / _part(name), os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    def _finish(self, descriptor: int, name: str, mtime_ns: int) -> None:
        os.utime(descriptor, ns=(mtime_ns, mtime_ns))
        os.fsync(descriptor)
        (self.folder / _part(name)).rename(self.folder / name)
        self._sync_folder()

    def _sync_folder(self) -> None:
        if self._descriptor is not None:
            os.fsync(self._descriptor)

    def _drop(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            (self.folder / _part(name)).unlink()

    def _read(self, name: str, offset: int, size: int) -> bytes:
        with (self.folder / name).open("rb", buffering=0) as file:
            return os.pread(file.fileno(), size, offset)

    def _remove(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            (self.folder / name).unlink()
            self._sync_folder()

    def _usage(self) -> tuple[int, int]:
        disk = os.statvfs(self.folder)
        return disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize

    def _begins(self, partial: str, name: str) -> bool:
        return _begins(self.folder / partial, self.folder / name)


class Part:
    """A file that is not whole yet. Its bytes come in any order; one task at a time is at its disk.

    Attributes:
        size: bytes of the file when it is whole.
    """

    def __init__(self, spool: Spool, name: str, size: int, mtime_ns: int, descriptor: int) -> None:
        self.size = size
        self._spool = spool
        self._name = name
        self._mtime_ns = mtime_ns
        self._descriptor: int | None = descriptor
        self._ranges: list[tuple[int, int]] = []
        self._lock = trio.Lock()

    @property
    def is_whole(self) -> bool:
        """Whether all bytes are in."""
        return not self.size or self._ranges == [(0, self.size)]

    def here(self, offset: int, size: int) -> int:
        """Say how many of these bytes are in, without a gap from the first."""
        return next((min(end - offset, size) for start, end in self._ranges if start <= offset < end), 0)

    def missing(self, offset: int, size: int) -> int:
        """Say how many of these bytes, the first of which is not in, there are up to one that is."""
        return min([start - offset for start, _ in self._ranges if start >= offset] + [size])

    def gap(self) -> int:
        """Return the offset of the first byte that is not in."""
        return self._ranges[0][1] if self._ranges and self._ranges[0][0] == 0 else 0

    async def read(self, offset: int, size: int) -> bytes:
        """Read what is in of these bytes, none if the part was closed meanwhile."""
        async with self._lock:
            if self._descriptor is None:
                return b""
            return await self._spool._run(os.pread, self._descriptor, self.here(offset, size), offset)

    async def write(self, offset: int, data: bytes | memoryview) -> None:
        """Write bytes at their offset; nothing if the part was closed meanwhile."""
        async with self._lock:
            if self._descriptor is not None:
                await self._spool._run(_write, self._descriptor, offset, data)
                self._ranges = list(_merged([*self._ranges, (offset, offset + len(data))]))

    async def finish(self) -> None:
        """Make the whole file safe on the disk and give it its name; once, however often it is called."""
        async with self._lock:
            if self._descriptor is not None:
                await self._spool._run(self._spool._finish, self._descriptor, self._name, self._mtime_ns)
                self._close()
                self._spool.files[self._name] = Stored(self.size, self._mtime_ns)

    async def drop(self) -> None:
        """Delete it."""
        async with self._lock:
            if self._close():
                await self._spool._run(self._spool._drop, self._name)

    async def settle(self) -> None:
        """Keep what came without a gap as `partial-NAME`, as the rest will not come."""
        async with self._lock:
            if self._close():
                await self._spool._run(self._spool._settle_part, self._name)

    def _close(self) -> bool:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
        return descriptor is not None


def _make(folder: Path) -> None:
    """Make a folder and those above it that are missing, so that a power cut does not take them away with what is in them."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        above = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(above)
        finally:
            os.close(above)


def _lock(folder: Path) -> int | None:
    """Lock a folder; None if another program holds it. A disk that cannot lock is taken as it is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError as error:
        log.info("%s: no lock: %s", folder, error.strerror)
    return descriptor


def _part(name: str) -> str:
    return f".{name}.part"


def _files(folder: Path, hidden: bool) -> list[str]:
    return sorted(
        entry.name for entry in os.scandir(folder) if entry.name.startswith(".") is hidden and entry.is_file()
    )


def _parts(folder: Path) -> list[str]:
    """Return the names that parts are to have."""
    return [name[1:-5] for name in _files(folder, hidden=True) if name.endswith(".part") and len(name) > 6]


def _stored(path: Path) -> Stored:
    found = path.stat()
    return Stored(found.st_size, found.st_mtime_ns)


def _write(descriptor: int, offset: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        offset, view = offset + written, view[written:]


def _merged(ranges: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    start = end = -1
    for first, last in sorted(ranges):
        if first <= end:
            end = max(end, last)
        else:
            if end > start:
                yield start, end
            start, end = first, last
    if end > start:
        yield start, end


def _begins(partial: Path, whole: Path) -> bool:
    """Say whether a file is the beginning of another, but for zeros, which may be gaps that a disk's blocks hide."""
    with partial.open("rb") as some, whole.open("rb") as full:
        while got := some.read(COMPARED):
            wanted = full.read(COMPARED)
            if got != wanted and (
                len(got) > len(wanted) or any(a and a != b for a, b in zip(got, wanted, strict=False))
            ):
                return False
    return True

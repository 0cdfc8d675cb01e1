"""The spool: shots that wait on this computer, in one folder for each camera, safe whatever happens to the camera and to camfs.

A file of the spool has its name only when all its bytes are there. It is written as `.NAME.part`, gets the time when the picture was
taken, is synchronised to the disk and renamed, and then the folder is synchronised. So a program that is killed leaves whole files and
partial files, which the next one finds. A partial file that nobody will complete becomes `partial-NAME`, as long as the bytes that
came without a gap, because half a picture may be worth having.

The folder belongs to one camera, and is held by a lock (flock) that the system drops when the program ends. A second camfs on a camera
of the same serial number uses the folder with `.2` behind its name, and so on. The next program that gets the first folder moves
into it what those hold.

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

import platformdirs
import trio

from camfs import errors

log = logging.getLogger(__name__)

T = TypeVar("T")

FOLDERS = 16
"""Folders tried for one camera: the number of camfs that can run at once."""

MAX_NAME = 100
"""Characters of a name; DCF's have twelve."""

PARTIAL = "partial-"
"""Prefix of the name of a file whose rest never came."""

COMPARED = 4096
"""Bytes compared at once; a hole in a partial file is at least as long."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._ +~()-]")
_NUMBERS = re.compile(r"(~[0-9]+)+(?=(\.[^.]*)?$)")


def default_folder(serial: str) -> Path:
    """Return the folder of a camera's spool: in the user's state directory."""
    return platformdirs.user_state_path("camfs") / "spool" / safe_name(serial or "camera")


def safe_name(name: str) -> str:
    """Return a file name for what a camera calls a file: the last step of a path, without characters that trouble a disk or a shell."""
    last = _UNSAFE.sub("_", re.split(r"[/\\]", name)[-1])
    stem, dot, extension = last.rpartition(".")
    if len(last) > MAX_NAME:
        last = stem[: MAX_NAME - len(extension) - 1] + dot + extension if len(extension) < 16 else last[:MAX_NAME]
    return "_" + last[1:] if last.startswith(".") else last or "unnamed"


def original_name(name: str) -> str:
    """Return the name that a file had before numbers were added to tell it from others."""
    return _NUMBERS.sub("", name)


@dataclass(frozen=True)
class Stored:
    """A whole file of the spool: its length in bytes, and when the picture was taken."""

    size: int
    mtime_ns: int


class Spool:
    """Whole files and partial files in a folder.

    Every method may raise `StoreFull`, and `Refused` for any other error of the disk.

    Args:
        folder: a folder for this spool alone, made if it is not there. If another camfs holds it, one with a number behind its name.

    Attributes:
        folder: the folder really used, once opened.
        files: the whole files, by name.
    """

    def __init__(self, folder: Path) -> None:
        self._wanted = folder
        self.folder = folder
        self.files: dict[str, Stored] = {}
        self._descriptor: int | None = None
        self._closed = False

    async def open(self) -> None:
        """Make and lock the folder, and see what is in it. A failure is logged, and all is tried again when room is needed."""
        try:
            await self._run(self._open)
        except errors.Refused as error:
            log.warning("shots cannot be kept on this computer: %s", error)

    async def aclose(self) -> None:
        """Let go of the folder; partial files stay."""
        self._closed = True
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def free_name(self, name: str, others: Container[str] = ()) -> str:
        """Return this name, with a number before its extension if the spool or `others` has it already."""
        stem, dot, extension = name.rpartition(".")
        if not stem:
            stem, dot, extension = name, "", ""
        number, candidate = 1, name
        while candidate in self.files or candidate in others:
            number += 1
            candidate = f"{stem}~{number}{dot}{extension}"
        return candidate

    def like(self, name: str, size: int) -> list[str]:
        """Return the whole files that may be the shot with this name and size."""
        return [
            each
            for each, stored in self.files.items()
            if stored.size == size and original_name(name) == original_name(each) and not each.startswith(PARTIAL)
        ]

    async def begin(self, name: str, size: int, mtime_ns: int) -> "PartialFile":
        """Begin a file of `size` bytes; `mtime_ns` is when the picture was taken."""
        return PartialFile(self, name, size, mtime_ns, await self._run(self._begin, name))

    async def read(self, name: str, offset: int, size: int) -> bytes:
        """Read from a whole file."""
        return await self._run(self._read, name, offset, size)

    async def remove(self, name: str) -> None:
        """Delete a whole file. It is no error if it is not there."""
        await self._run(self._remove, name)
        self.files.pop(name, None)

    async def usage(self) -> tuple[int, int]:
        """Return the bytes that the disk has in all, and those that are free to this user."""
        return await self._run(self._usage)

    async def drop_partials_of(self, name: str) -> None:
        """Delete the `partial-` files that are a beginning of this whole file."""
        for partial in list(self.files):
            same = original_name(partial.removeprefix(PARTIAL)) == original_name(name)
            if same and partial.startswith(PARTIAL) and await self._run(self._begins, partial, name):
                await self.remove(partial)

    # ------------------------------------------------------------------ in threads

    async def _run(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a function that waits for the disk in a thread. If cancelled, the function still runs to its end first."""
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
            self._move_here(self._numbered(other))
        self.files = {name: _stored(folder / name) for name in _files(folder, hidden=False)}
        for name in _partial_files(folder):
            try:
                self._keep_beginning(name)
            except OSError as error:
                log.warning("%s: the partial file of %s stays as it is: %s", folder, name, error.strerror)

    def _numbered(self, number: int) -> Path:
        return self._wanted if number == 1 else self._wanted.with_name(f"{self._wanted.name}.{number}")

    def _move_here(self, other: Path) -> None:
        """Move here what a second camfs left in its folder, unless that still runs."""
        descriptor = _lock(other) if other.is_dir() else None
        if descriptor is None:
            return
        try:
            for name in _files(other, hidden=False):
                (other / name).rename(self.folder / self.free_name(name, os.listdir(self.folder)))
            for name in _partial_files(other):
                free_name = self.free_name(name, _partial_files(self.folder))
                (other / _partial_name(name)).rename(self.folder / _partial_name(free_name))
        except OSError as error:
            log.warning("%s: the shots there are not moved to this camera's spool: %s", other, error.strerror)
        finally:
            os.close(descriptor)

    def _keep_beginning(self, name: str) -> None:
        """Turn a partial file that nobody will complete into `partial-NAME`; delete it if a whole file begins with it."""
        path = self.folder / _partial_name(name)
        with path.open("r+b") as file:
            size = os.lseek(file.fileno(), 0, os.SEEK_HOLE) if os.fstat(file.fileno()).st_size else 0
            file.truncate(size)
        whole = [each for each in self.files if original_name(each) == original_name(name)]
        if not size or any(_begins(path, self.folder / each) for each in whole):
            path.unlink()
            return
        kept = self.free_name(PARTIAL + name)
        path.rename(self.folder / kept)
        self.files[kept] = _stored(self.folder / kept)

    def _begin(self, name: str) -> int:
        if self._descriptor is None:
            self._open()
        return os.open(self.folder / _partial_name(name), os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    def _finish(self, descriptor: int, name: str, mtime_ns: int) -> None:
        os.utime(descriptor, ns=(mtime_ns, mtime_ns))
        os.fsync(descriptor)
        (self.folder / _partial_name(name)).rename(self.folder / name)
        self._sync_folder()

    def _sync_folder(self) -> None:
        if self._descriptor is not None:
            os.fsync(self._descriptor)

    def _drop(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            (self.folder / _partial_name(name)).unlink()

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


class PartialFile:
    """A file that is not whole yet. Its bytes come in any order.

    One task at a time uses its descriptor: none may be closed while a thread writes to it, as its number may already be another file's.

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

    def available(self, offset: int, size: int) -> int:
        """Say how many of these bytes are in, from the first up to a gap."""
        return next((min(end - offset, size) for start, end in self._ranges if start <= offset < end), 0)

    def missing(self, offset: int, size: int) -> int:
        """Say how many of these bytes are missing, from the first, which must be, up to one that is in."""
        return min([start - offset for start, _ in self._ranges if start >= offset] + [size])

    def first_gap(self) -> int:
        """Return the offset of the first byte that is not in."""
        return self._ranges[0][1] if self._ranges and self._ranges[0][0] == 0 else 0

    async def read(self, offset: int, size: int) -> bytes:
        """Read those of these bytes that are in, none if the file was closed meanwhile."""
        async with self._lock:
            if self._descriptor is None:
                return b""
            return await self._spool._run(os.pread, self._descriptor, self.available(offset, size), offset)

    async def write(self, offset: int, data: bytes | memoryview) -> None:
        """Write bytes at their offset; nothing if the file was closed meanwhile."""
        async with self._lock:
            if self._descriptor is not None:
                await self._spool._run(_write, self._descriptor, offset, data)
                self._ranges = list(_merged([*self._ranges, (offset, offset + len(data))]))

    async def finish(self) -> None:
        """Make the whole file safe on the disk and give it its name. A second call does nothing."""
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

    async def keep_beginning(self) -> None:
        """Keep what came without a gap as `partial-NAME`, because the rest will not come."""
        async with self._lock:
            if self._descriptor is not None:
                await self._spool._run(os.ftruncate, self._descriptor, self.first_gap())
            if self._close():
                await self._spool._run(self._spool._keep_beginning, self._name)

    def _close(self) -> bool:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
        return descriptor is not None


def _make(folder: Path) -> None:
    """Make a folder and those above it that are missing, synchronised, so that a power cut cannot lose them and what is in them."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        above = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(above)
        finally:
            os.close(above)


def _lock(folder: Path) -> int | None:
    """Lock a folder; None if another program holds it. On a disk that cannot lock, go on without."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError as error:
        log.info("%s: no lock: %s", folder, error.strerror)
    return descriptor


def _partial_name(name: str) -> str:
    return f".{name}.part"


def _files(folder: Path, hidden: bool) -> list[str]:
    return sorted(
        entry.name for entry in os.scandir(folder) if entry.name.startswith(".") is hidden and entry.is_file()
    )


def _partial_files(folder: Path) -> list[str]:
    """Return the names that the partial files in a folder will have when they are whole."""
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
    """Say whether a file is the beginning of another. Zeros in it count as equal: they may be gaps within one block of the disk."""
    with partial.open("rb") as some, whole.open("rb") as full:
        while got := some.read(COMPARED):
            wanted = full.read(COMPARED)
            if got != wanted and (
                len(got) > len(wanted) or any(a and a != b for a, b in zip(got, wanted, strict=False))
            ):
                return False
    return True

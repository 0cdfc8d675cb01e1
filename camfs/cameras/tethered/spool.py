"""The spool: shots that wait on this computer, in one folder for each camera, safe whatever happens to the camera and to camfs.

A file of the spool has its name only when all its bytes are there. These steps follow each other, and only after the last one may the
camera's entry be cleared (`custody`); what a program that is killed, or a computer whose power fails, leaves after each of them::

    write .NAME.part ─► its time ─► fsync ─► write .NAME.sum, fsync ─► rename .NAME.part to NAME ─► fsync of the folder ─► safe
    └────────────── the camera has the shot; the next program takes the partial file for a beginning ─┘ └─ whole here, and in the camera

A partial file that nobody will complete becomes `partial-NAME`, as long as the bytes that came without a gap, because half a picture may
be worth having. No file ever takes the place of another one: what has the name already gets another, with a number.

`.NAME.sum` holds the size and the digest (as b2sum makes it) of `NAME`. A file whose size does not match when the folder is opened, or
whose digest does not match when it is first read, was damaged on the disk. It is set aside as `NAME.damaged`, is not offered any more, and
is fetched again if the camera still has it. A file without `.sum`, of an earlier version or put there by hand, is offered as it is.

The folder and the files keep the rules of `private_files`. A folder that breaks one is refused; a file that breaks one is left as it is, is
not offered, and is named in `unusable`.

The folder belongs to one camera, and is held by a lock (flock) that the system drops when the program ends. A second camfs on a camera
of the same serial number uses the folder with `.2` behind its name, and so on. The next program that gets the first folder moves
into it what those hold. If somebody removes the folder, or moves it away, it is made and locked again when it is next needed.

Everything that waits for the disk runs in a thread.
"""

import contextlib
import errno
import fcntl
import hashlib
import logging
import os
import threading
from collections.abc import Callable, Container
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import trio

from camfs import errors
from camfs.cameras.tethered.file_names import (
    DAMAGED,
    PARTIAL,
    numbered,
    of_parts,
    of_sums,
    original_name,
    part_name,
    sum_name,
)
from camfs.cameras.tethered.partial_file import PartialFile, begins
from camfs.private_files import NotPrivate, PrivateFolder

log = logging.getLogger(__name__)

T = TypeVar("T")

FOLDERS = 16
"""Folders tried for one camera: the number of camfs that can run at once."""

DIGESTED = 1 << 20
"""Bytes read at once for a digest."""

_DIGITS = 128
"""Hexadecimal digits of a digest."""


@dataclass(frozen=True)
class Stored:
    """A whole file of the spool.

    Attributes:
        size: in bytes.
        mtime_ns: when the picture was taken.
        digest: of its bytes when it became whole; empty if that is not known.
    """

    size: int
    mtime_ns: int
    digest: str = ""


class Spool:
    """Whole files and partial files in a folder.

    Every method may raise `StoreFull`, and `Refused` for any other error of the disk.

    Args:
        folder: a folder for this spool alone, made if it is not there. If another camfs holds it, one with a number behind its name.

    Attributes:
        folder: the folder really used, once opened.
        files: the whole files, by name.
        unusable: what else lies there and is not offered, by name, and why.
        trouble: why nothing could be kept when that was last tried; empty if it could.
    """

    def __init__(self, folder: Path) -> None:
        self._wanted = folder
        self.folder = folder
        self.files: dict[str, Stored] = {}
        self.unusable: dict[str, str] = {}
        self.trouble = ""
        self._here: PrivateFolder | None = None
        self._verified: dict[str, tuple[int, ...]] = {}
        self._opening = threading.Lock()
        self._closed = False

    async def open(self) -> None:
        """Make and lock the folder, and see what is in it.

        Raises:
            Refused: shots cannot be kept there: it cannot be made or written, or others can write to it.
        """
        try:
            await self.run(self._usable)
        except errors.Refused as error:
            raise type(error)(
                f"shots cannot be kept on this computer: {error}; -o spool=DIR names another folder"
            ) from None

    def is_there(self) -> bool:
        """Say whether there is a folder already, of this program or of an earlier one."""
        return any(os.path.exists(self._numbered(number)) for number in range(1, FOLDERS + 1))

    async def in_folder(self, work: Callable[[PrivateFolder], T]) -> T:
        """Do something else in the folder, which is made and locked first if it is not there; in a thread."""
        return await self.run_writing(lambda: work(self._usable()))

    async def look(self) -> None:
        """See whether the folder is still there. If not, make and lock it again; where that fails, say so in `trouble`."""
        try:
            await self.run_writing(self._usable)
        except errors.Refused as error:
            log.warning("shots cannot be kept on this computer: %s", error)

    async def aclose(self) -> None:
        """Let go of the folder; partial files stay."""
        self._closed = True
        if self._here is not None:
            self._here.close()

    def free_name(self, name: str, others: Container[str] = ()) -> str:
        """Return this name, with a number before its extension if something in the spool or `others` has it already."""
        return numbered(name, self.files, self.unusable, others)

    def like(self, name: str, size: int) -> list[str]:
        """Return the whole files that may be the shot with this name and size."""
        return [
            each
            for each, stored in self.files.items()
            if stored.size == size and original_name(name) == original_name(each) and not each.startswith(PARTIAL)
        ]

    async def begin(self, name: str, size: int, mtime_ns: int) -> PartialFile:
        """Begin a file of `size` bytes; `mtime_ns` is when the picture was taken."""
        folder, descriptor = await self.run_writing(self._begin, name)
        return PartialFile(self, name, size, mtime_ns, folder, descriptor)

    async def read(self, name: str, offset: int, size: int) -> bytes:
        """Read from a whole file. One that turns out to be damaged is set aside.

        Raises:
            NotFound: it is not there any more.
            Refused: it is damaged, or the disk does not give it.
        """
        return await self.run(self._read, name, offset, size)

    async def holds(self, name: str) -> bool:
        """Say whether a whole file is still there, with the size and the bytes that it had when it became whole."""
        try:
            await self.run(self._read, name, 0, 0)
        except errors.Refused as error:
            log.warning("%s", error)
            return False
        return True

    async def set_aside(self, name: str, reason: str) -> None:
        """Do not offer a whole file any more. Does nothing if it is not there."""
        await self.run(self._set_aside, name, reason)

    async def remove(self, name: str) -> None:
        """Delete a whole file. It is no error if it is not there."""
        await self.run(self._remove, name)
        self.files.pop(name, None)

    async def usage(self) -> tuple[int, int]:
        """Return the bytes that the disk has in all, and those that are free to this user."""
        return await self.run(self._usage)

    async def drop_partials_of(self, name: str) -> None:
        """Delete the `partial-` files that are a beginning of this whole file."""
        for partial in list(self.files):
            same = original_name(partial.removeprefix(PARTIAL)) == original_name(name)
            if same and partial.startswith(PARTIAL) and await self.run(self._begins, partial, name):
                await self.remove(partial)

    # ------------------------------------------------------------------ in threads

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Run a function that waits for the disk in a thread. If cancelled, the function still runs to its end first."""
        try:
            return await trio.to_thread.run_sync(function, *arguments)
        except FileNotFoundError as error:
            raise errors.NotFound(f"{self.folder}: {error.strerror}") from None
        except NotPrivate as error:
            raise errors.Refused(str(error.strerror)) from None
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
            raise (errors.StoreFull if full else errors.Refused)(f"{self.folder}: {error.strerror}") from None

    async def run_writing(self, function: Callable[..., T], *arguments: object) -> T:
        """Do the same with one that keeps something, and note whether it can."""
        try:
            done = await self.run(function, *arguments)
        except errors.NotFound:
            raise
        except errors.Refused as error:
            self.trouble = str(error)
            raise
        self.trouble = ""
        return done

    def _usable(self) -> PrivateFolder:
        """Return the folder; make and lock it if it is not there any more."""
        with self._opening:
            if self._closed:
                raise OSError(errno.ESHUTDOWN, "closed")
            if self._here is None or not self._here.is_in_place():
                if self._here is not None:
                    log.warning(
                        "%s was removed or moved away while shots are kept there; it is made again", self.folder
                    )
                self._here = self._open()
            return self._here

    def _open(self) -> PrivateFolder:
        for number in range(1, FOLDERS + 1):
            here = PrivateFolder(self._numbered(number))
            if _lock(here):
                break
        else:
            raise OSError(errno.EBUSY, f"held by {FOLDERS} other programs")
        try:
            here.check_writable()
            self._scan(here, number)
        except BaseException:
            here.close()
            raise
        self.folder = here.path
        return here

    def _scan(self, here: PrivateFolder, number: int) -> None:
        """See what is in the folder that has this number, and in those after it."""
        self.files, self.unusable, self._verified = {}, {}, {}
        for other in range(number + 1, FOLDERS + 1):
            self._move_into(here, self._numbered(other))
        names = here.names()
        for name in names:
            if not name.startswith("."):
                self._find(here, name, sum_name(name) in names)
        for name in of_sums(names):
            if name not in names:
                with contextlib.suppress(OSError):
                    here.remove(sum_name(name))  # its file was removed, or never became whole
        for name in of_parts(names):
            try:
                self.keep_beginning(here, name)
            except OSError as error:
                log.warning("%s: the partial file of %s stays as it is: %s", here.path, name, error.strerror)

    def _numbered(self, number: int) -> Path:
        return self._wanted if number == 1 else self._wanted.with_name(f"{self._wanted.name}.{number}")

    def _move_into(self, here: PrivateFolder, path: Path) -> None:
        """Move into the folder what a second camfs left in its own, unless that still runs."""
        try:
            other = PrivateFolder(path, make=False)
            if not _lock(other):
                return
            for name in other.names():
                if not name.startswith("."):
                    self._move(other, name, here, numbered(name, here.names()))
            for name in of_parts(other.names()):
                other.rename(part_name(name), part_name(numbered(name, of_parts(here.names()))), here)
            here.sync()
            other.sync()
        except FileNotFoundError:
            return
        except OSError as error:
            log.warning("%s: the shots there are not moved to this camera's spool: %s", path, error.strerror)

    def _move(self, folder: PrivateFolder, name: str, target: PrivateFolder, new: str) -> None:
        """Move a file with its size and digest."""
        target.remove(sum_name(new))
        if folder.has(sum_name(name)):
            folder.rename(sum_name(name), sum_name(new), target)
        folder.rename(name, new, target)

    def _find(self, here: PrivateFolder, name: str, has_sum: bool) -> None:
        """See what something in the folder is: a whole file, or nothing that can be offered."""
        if name.endswith(DAMAGED):
            self.unusable[name] = "it was set aside before"
            return
        try:
            found = here.status(name)
            size, digest = _parse_sum(here.read(sum_name(name))) if has_sum else (found.st_size, "")
        except FileNotFoundError:
            return
        except OSError as error:
            self.unusable[name] = error.strerror or str(error)
            log.warning("%s: %s is not offered: %s", here.path, name, self.unusable[name])
            return
        except ValueError as error:
            self._put_aside(here, name, str(error))
            return
        if found.st_size == size:
            self.files[name] = Stored(size, found.st_mtime_ns, digest)
        else:
            self._put_aside(here, name, f"{found.st_size} of {size} bytes are left")

    def _put_aside(self, here: PrivateFolder, name: str, reason: str) -> str:
        """Rename what is damaged or in the way, so that nobody takes it for a picture; return its name then."""
        new = numbered(name.lstrip(".") + DAMAGED, here.names())
        try:
            here.rename(name, new)
            here.remove(sum_name(name))
            here.sync()
        except OSError as error:
            log.warning("%s: %s cannot be set aside: %s", here.path, name, error.strerror)
            new = name
        self.unusable[new] = reason
        self.files.pop(name, None)
        log.warning("%s: %s is set aside as %s: %s", here.path, name, new, reason)
        return new

    def _set_aside(self, name: str, reason: str) -> None:
        here = self._usable()
        if name in self.files and here.has(name):
            self._put_aside(here, name, reason)
        self.files.pop(name, None)

    def keep_beginning(self, here: PrivateFolder, name: str) -> None:
        """Turn a partial file that nobody will complete into `partial-NAME`; delete it if a whole file begins with it."""
        with here.opened(part_name(name), writing=True) as partial:
            size = os.lseek(partial, 0, os.SEEK_HOLE) if os.fstat(partial).st_size else 0
            os.ftruncate(partial, size)
            whole = [each for each in self.files if original_name(each) == original_name(name)]
            is_double = any(begins(here, partial, each) for each in whole)
            mtime_ns = os.fstat(partial).st_mtime_ns
        if not size or is_double:
            here.remove(part_name(name))
            return
        kept = numbered(PARTIAL + name, here.names())
        here.rename(part_name(name), kept)
        self.files[kept] = Stored(size, mtime_ns)

    def _begin(self, name: str) -> tuple[PrivateFolder, int]:
        here = self._usable()
        for each in (part_name(name), sum_name(name)):
            if here.has_folder(each):  # all else that has the name gives way
                self._put_aside(here, each, "it was in the way of a shot")
        return here, here.create(part_name(name))

    def finish(self, here: PrivateFolder, descriptor: int, name: str, mtime_ns: int) -> Stored:
        """Give a partial file its name; see the steps above."""
        here.check_in_place()
        os.utime(descriptor, ns=(mtime_ns, mtime_ns))
        os.fsync(descriptor)
        stored = Stored(os.fstat(descriptor).st_size, mtime_ns, _digest(descriptor))
        self._clear_way(here, name, stored)
        here.write(sum_name(name), f"{stored.size} {stored.digest}\n".encode())
        made = [sum_name(name)]
        try:
            here.rename(part_name(name), name)
            made.append(name)
            here.sync()
        except OSError:
            with contextlib.suppress(OSError):  # else `_clear_way` finds it, or the next program does
                for each in reversed(made):
                    here.remove(each)
            raise
        self._verified[name] = _mark(os.fstat(descriptor))
        return stored

    def _clear_way(self, here: PrivateFolder, name: str, stored: Stored) -> None:
        """Give another name to what has this one already; remove it if it is the very same picture, which could not be finished."""
        if not here.has(name):
            return
        try:
            with here.opened(name) as descriptor:
                is_same = os.fstat(descriptor).st_size == stored.size and _digest(descriptor) == stored.digest
        except OSError:
            is_same = False
        if is_same:
            here.remove(name)
            return
        new = numbered(name, here.names(), self.files)
        self._move(here, name, here, new)
        log.warning("%s: there was another %s, which is now %s", here.path, name, new)
        self._find(here, new, here.has(sum_name(new)))

    def drop(self, here: PrivateFolder, name: str) -> None:
        """Delete a partial file."""
        here.remove(part_name(name))

    def _read(self, name: str, offset: int, size: int) -> bytes:
        here = self._usable()
        try:
            with here.opened(name) as descriptor:
                self._verify(here, name, descriptor)
                return os.pread(descriptor, size, offset)
        except FileNotFoundError:
            self.files.pop(name, None)
            raise

    def _verify(self, here: PrivateFolder, name: str, descriptor: int) -> None:
        """See that a file has the size and the digest that it had when it became whole; a digest is made only if the file has changed.

        Raises:
            OSError: it has not, and is set aside.
        """
        found, stored = os.fstat(descriptor), self.files.get(name)
        if stored is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if self._verified.get(name) == _mark(found):
            return
        reason = ""
        if found.st_size != stored.size:
            reason = f"{found.st_size} of {stored.size} bytes are left"
        elif stored.digest and _digest(descriptor) != stored.digest:
            reason = "its bytes are not those that were written"
        if reason:
            new = self._put_aside(here, name, reason)
            raise OSError(errno.EIO, f"{name} was damaged on the disk, and is set aside as {new}: {reason}")
        self._verified[name] = _mark(found)

    def _remove(self, name: str) -> None:
        here = self._usable()
        here.remove(name)
        here.remove(sum_name(name))
        here.sync()

    def _usage(self) -> tuple[int, int]:
        disk = os.fstatvfs(self._usable().descriptor)
        return disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize

    def _begins(self, partial: str, name: str) -> bool:
        here = self._usable()
        with here.opened(partial) as descriptor:
            return begins(here, descriptor, name)


def _lock(folder: PrivateFolder) -> bool:
    """Lock a folder; return False if another program holds it. On a disk that cannot lock, go on without."""
    try:
        fcntl.flock(folder.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        log.info("%s: no lock: %s", folder.path, error.strerror)
    return True


def _digest(descriptor: int) -> str:
    digest, offset = hashlib.blake2b(), 0
    while data := os.pread(descriptor, DIGESTED, offset):
        digest.update(data)
        offset += len(data)
    return digest.hexdigest()


def _parse_sum(text: bytes) -> tuple[int, str]:
    """Return a size and a digest.

    Raises:
        ValueError: this is none.
    """
    size, _, digest = text.decode("ascii", "replace").removesuffix("\n").partition(" ")
    if not size.isdecimal() or len(digest) != _DIGITS:
        raise ValueError("its size and digest cannot be read")
    return int(size), digest


def _mark(found: os.stat_result) -> tuple[int, ...]:
    """Return what changes when a file does."""
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns

"""Files that camfs keeps on this computer for itself: in folders that no other user can change, and never reached through a planted link.

Shots, copies of pictures and the GUID lie in folders of the user's. Somebody else who can change such a folder can put a link there, and
have camfs write to or show the file that the link leads to; as root, any file. So a folder is trusted only under these rules, which are
checked from `/` downwards, one step after the other, each relative to the descriptor of the step before:

====================  ===================================================================================================
what                  has to be
====================  ===================================================================================================
the folder itself     a directory, no link; ours; not writable by others. It is made private (0700) if others can read it,
                      unless there is a folder in it that others can enter: who named /srv did not mean to close it.
a folder above it     ours or the system's (root's, or whoever owns `/`). Others may write to it only if it is sticky, as
                      /tmp is: there nobody can rename or replace what is not his.
a link on the way     ours or the system's, and what it leads to keeps the same rules.
a file in it          a regular file, no link; ours; with this one name only. It is made private (0600).
====================  ===================================================================================================

*Others* are all users but root and us. The group is not among them if it is our own, which has no other members. On disks
without modes (FAT, exFAT) the modes are those of the mount; what cannot be made private there stays as it is.

What breaks a rule raises `NotPrivate` and is left as it lies. After that nothing goes by path any more: files are opened, made, renamed
and removed relative to the folder's descriptor. A new file never takes the place of anything (`O_EXCL`, `RENAME_NOREPLACE`).

Everything here blocks.
"""

import contextlib
import ctypes
import errno
import grp
import os
import pwd
import stat
from collections import deque
from collections.abc import Iterator
from pathlib import Path

MAX_LINKS = 40
"""Links followed on the way to a folder, as many as the kernel follows."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_RENAME_NOREPLACE = 1
_libc = ctypes.CDLL(None, use_errno=True)


class NotPrivate(OSError):
    """A folder or a file that another user owns, can change or may have planted; the text says which and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(errno.EPERM, reason)


class PrivateFolder:
    """An open folder that only this user can change.

    Args:
        path: where it is.
        make: whether it is made if it is not there, with all that is missing above it.

    Raises:
        NotPrivate: it breaks a rule.
        OSError: it cannot be opened or made.
    """

    def __init__(self, path: Path, make: bool = True) -> None:
        self.path = path.absolute()
        self.descriptor = _open_folder(self.path, make)

    def close(self) -> None:
        """Let go of it. It is also let go of when nobody uses it any more: a thread may still be at work in it."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            self.close()

    def is_in_place(self) -> bool:
        """Say whether its path still leads to it: it may have been removed, or moved away."""
        here = os.fstat(self.descriptor)
        try:
            there = os.stat(self.path, follow_symlinks=False)
        except OSError:
            return False
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)

    def check_in_place(self) -> None:
        """See that its path still leads to it.

        Raises:
            FileNotFoundError: it does not.
        """
        if not self.is_in_place():
            raise FileNotFoundError(errno.ENOENT, "the folder was removed or moved away")

    def check_writable(self) -> None:
        """See that files can be made in it.

        Raises:
            OSError: they cannot: the disk is read-only, or the folder is.
        """
        if not os.access(".", os.W_OK | os.X_OK, dir_fd=self.descriptor, effective_ids=True):
            read_only = os.fstatvfs(self.descriptor).f_flag & os.ST_RDONLY
            number = errno.EROFS if read_only else errno.EACCES
            raise OSError(number, os.strerror(number))

    def names(self) -> list[str]:
        """Return the names of all that is in it."""
        descriptor = os.open(
            ".", _FOLDER, dir_fd=self.descriptor
        )  # one of its own, as a descriptor has one place in the list
        try:
            return sorted(os.listdir(descriptor))
        finally:
            os.close(descriptor)

    def create(self, name: str) -> int:
        """Make a new file, open for reading and writing. A file, link or pipe that has its name is removed before.

        Raises:
            OSError: it cannot be made; a folder of that name is in the way.
        """
        flags = _FILE | os.O_RDWR | os.O_CREAT | os.O_EXCL
        try:
            return os.open(name, flags, 0o600, dir_fd=self.descriptor)
        except FileExistsError:
            os.unlink(name, dir_fd=self.descriptor)
            return os.open(name, flags, 0o600, dir_fd=self.descriptor)

    def open_file(self, name: str, writing: bool = False) -> int:
        """Open a file that is there.

        Raises:
            NotPrivate: it breaks a rule.
            FileNotFoundError, OSError: it cannot be opened.
        """
        _check_file(name, os.stat(name, dir_fd=self.descriptor, follow_symlinks=False))  # a device is not even opened
        descriptor = os.open(name, _FILE | (os.O_RDWR if writing else os.O_RDONLY), dir_fd=self.descriptor)
        try:
            found = os.fstat(descriptor)
            _check_file(name, found)
            _make_private(descriptor, found)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    @contextlib.contextmanager
    def opened(self, name: str, writing: bool = False) -> Iterator[int]:
        """Open a file for as long as the block runs. Raises as `open_file` does."""
        descriptor = self.open_file(name, writing)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def status(self, name: str) -> os.stat_result:
        """Return what the disk says of a file, which is made private. Raises as `open_file` does."""
        with self.opened(name) as descriptor:
            return os.fstat(descriptor)

    def read(self, name: str) -> bytes:
        """Read a whole file. Raises as `open_file` does."""
        with open(self.open_file(name), "rb") as file:
            return file.read()

    def write(self, name: str, data: bytes) -> None:
        """Write a whole new file and synchronise it; where that fails it is removed again. See `create`."""
        descriptor = self.create(name)
        try:
            write_all(descriptor, 0, data)
            os.fsync(descriptor)
        except BaseException:
            with contextlib.suppress(OSError):
                self.remove(name)
            raise
        finally:
            os.close(descriptor)

    def rename(self, name: str, new: str, folder: "PrivateFolder | None" = None) -> None:
        """Rename a file, or move it into another folder.

        Raises:
            FileExistsError: there is something of that name already.
        """
        target = self if folder is None else folder
        rename_new(self.descriptor, name, target.descriptor, new)

    def replace(self, name: str, new: str) -> None:
        """Rename a file, in place of what has the new name."""
        os.rename(name, new, src_dir_fd=self.descriptor, dst_dir_fd=self.descriptor)

    def set_time(self, name: str, mtime_ns: int) -> None:
        """Set when a file was changed. Raises as `open_file` does."""
        with self.opened(name, writing=True) as descriptor:
            os.utime(descriptor, ns=(mtime_ns, mtime_ns))

    def remove(self, name: str) -> None:
        """Delete a file. It is no error if it is not there."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.descriptor)

    def has(self, name: str) -> bool:
        """Say whether anything has this name."""
        return self._kind(name) != 0

    def has_folder(self, name: str) -> bool:
        """Say whether a folder has this name."""
        return stat.S_ISDIR(self._kind(name))

    def _kind(self, name: str) -> int:
        try:
            return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return 0

    def sync(self) -> None:
        """Synchronise the names in it to the disk."""
        os.fsync(self.descriptor)


def write_all(descriptor: int, offset: int, data: bytes | memoryview) -> None:
    """Write all of these bytes at a place of a file."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        offset, view = offset + written, view[written:]


def rename_new(folder: int, name: str, target: int, new: str) -> None:
    """Rename a file from one folder to another, whose descriptors are given, in place of nothing.

    Raises:
        FileExistsError: there is something of that name already.
    """
    renameat2 = getattr(_libc, "renameat2", None)
    if renameat2 is not None:
        if not renameat2(folder, os.fsencode(name), target, os.fsencode(new), _RENAME_NOREPLACE):
            return
        number = ctypes.get_errno()
        if number not in (errno.ENOSYS, errno.EINVAL):
            raise OSError(number, os.strerror(number))
    with contextlib.suppress(
        FileNotFoundError
    ):  # a disk that does not know it, such as NFS: only we write to this folder
        os.stat(new, dir_fd=target, follow_symlinks=False)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    os.rename(name, new, src_dir_fd=folder, dst_dir_fd=target)


# ---------------------------------------------------------------------- the rules


def _open_folder(path: Path, make: bool) -> int:
    """Go to a folder step by step, and return its descriptor."""
    steps, links = deque(path.parts[1:]), 0
    here, place = os.open("/", _STEP), Path("/")
    system = {0, os.fstat(here).st_uid}
    try:
        _check_above(place, os.fstat(here), system)
        while steps:
            step = steps.popleft()
            found = _look(here, step, make)
            if stat.S_ISLNK(found.st_mode):
                links += 1
                target = _link_target(here, place / step, found, system, is_last=not steps, links=links)
                steps.extendleft(reversed([part for part in target.parts if part != "/"]))
                if target.is_absolute():
                    here, place = _step(here, "/", _STEP), Path("/")
                continue
            here, place = _step(here, step, _STEP if steps else _FOLDER), place / step
            if steps:
                _check_above(place, os.fstat(here), system)
        _check_own(path, here)
    except BaseException:
        os.close(here)
        raise
    return here


def _step(here: int, step: str, flags: int) -> int:
    there = os.open(step, flags, dir_fd=here)
    os.close(here)
    return there


def _look(here: int, step: str, make: bool) -> os.stat_result:
    """Look at the next step without following it; make it if it is not there."""
    try:
        return os.stat(step, dir_fd=here, follow_symlinks=False)
    except FileNotFoundError:
        if not make:
            raise
    with contextlib.suppress(FileExistsError):
        os.mkdir(step, 0o700, dir_fd=here)
        _sync_step(here)
    return os.stat(step, dir_fd=here, follow_symlinks=False)


def _sync_step(here: int) -> None:
    """Synchronise a folder on the way, so that a power cut cannot lose what was made in it."""
    try:
        descriptor = os.open(".", _FOLDER, dir_fd=here)
    except PermissionError:
        return  # a folder in which one may make files and not list them cannot be synchronised
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _link_target(here: int, path: Path, found: os.stat_result, system: set[int], *, is_last: bool, links: int) -> Path:
    if is_last:
        raise NotPrivate(f"{path} is a symbolic link; name the folder that it leads to")
    if found.st_uid not in {*system, os.geteuid()}:
        raise NotPrivate(f"{path} is a symbolic link of {_user(found.st_uid)}")
    if links > MAX_LINKS:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    return Path(os.readlink(path.name, dir_fd=here))


def _check_above(path: Path, found: os.stat_result, system: set[int]) -> None:
    if found.st_uid not in {*system, os.geteuid()}:
        raise NotPrivate(
            f"{path} belongs to {_user(found.st_uid)}, who can put something else in place of what is in it"
        )
    if _others_write(found) and not found.st_mode & stat.S_ISVTX:
        raise NotPrivate(
            f"other users can put something else in place of what is in {path}, whose mode is {found.st_mode & 0o7777:04o}"
        )


def _check_own(path: Path, descriptor: int) -> None:
    found = os.fstat(descriptor)
    if found.st_uid != os.geteuid():
        raise NotPrivate(f"{path} belongs to {_user(found.st_uid)}; use a folder of your own")
    if _others_write(found):
        raise NotPrivate(f"other users can write to {path}, whose mode is {found.st_mode & 0o7777:04o}; chmod go-w it")
    if found.st_mode & 0o077:
        with os.scandir(descriptor) as entries:
            if any(map(_is_open_folder, entries)):
                return
    _make_private(descriptor, found)


def _is_open_folder(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir(follow_symlinks=False) and bool(entry.stat(follow_symlinks=False).st_mode & 0o077)


def _check_file(name: str, found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise NotPrivate(f"{name} is a symbolic link")
    if not stat.S_ISREG(found.st_mode):
        raise NotPrivate(f"{name} is no regular file")
    if found.st_uid != os.geteuid():
        raise NotPrivate(f"{name} belongs to {_user(found.st_uid)}")
    if found.st_nlink > 1:
        raise NotPrivate(f"{name} is also a file of another name: it has {found.st_nlink} hard links")


def _make_private(descriptor: int, found: os.stat_result) -> None:
    """Take from others what they may do, where the disk has modes."""
    if found.st_mode & 0o077:
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, stat.S_IMODE(found.st_mode) & ~0o077)


def _others_write(found: os.stat_result) -> bool:
    group_writes = found.st_mode & stat.S_IWGRP and not _is_own_group(found.st_gid)
    return bool(found.st_mode & stat.S_IWOTH or group_writes)


def _is_own_group(gid: int) -> bool:
    """Say whether a group is this user's own: many systems give each user one of his name, and let it write to his files (umask 002)."""
    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return False
    return user.pw_gid == gid and group.gr_name == user.pw_name and not {*group.gr_mem} - {user.pw_name}


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"

"""What a user of this computer can try on a path, and how this process does something as that user."""

import json
import os
import stat
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Attempt(NamedTuple):
    """What was tried on which path, its errno or 0, and what was read, in hexadecimal."""

    what: str
    path: str
    errno: int
    content: str


def as_user(user: int, act: Callable[[], T]) -> T:
    """Do something in a child process with this user's and group's id and no other rights.

    Args:
        user: also the group.
        act: what it returns has to go through JSON.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reader)
            if user != os.getuid():
                os.setgroups(())
                os.setresgid(user, user, user)
                os.setresuid(user, user, user)
            with open(writer, "w") as pipe:
                json.dump(act(), pipe)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writer)
    with open(reader) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, f"what was done as user {user} failed"
    returned: T = json.loads(said)
    return returned


def _read(path: Path) -> str:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 4096).hex()
    finally:
        os.close(descriptor)


def _write(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.write(descriptor, b"1\n")
    finally:
        os.close(descriptor)


LOOKS: dict[str, Callable[[Path], object]] = {"stat": os.stat, "read": _read}
"""Ways to look at what is not a folder."""

CHANGES: dict[str, Callable[[Path], object]] = {
    "write": lambda path: _write(path, os.O_WRONLY),
    "read and write": lambda path: _write(path, os.O_RDWR),
    "append": lambda path: _write(path, os.O_WRONLY | os.O_APPEND),
    "overwrite": lambda path: _write(path, os.O_WRONLY | os.O_TRUNC),
    "truncate": lambda path: os.truncate(path, 0),
    "rename": lambda path: os.rename(path, path.with_name("renamed")),
    "chmod": lambda path: os.chmod(path, 0o777),
    "chown": lambda path: os.chown(path, os.getuid(), os.getgid()),
    "touch": os.utime,
    "link": lambda path: os.link(path, path.with_name("linked")),
    "remove": os.unlink,
}
"""Ways to change what is not a folder."""

FOLDER_LOOKS: dict[str, Callable[[Path], object]] = {"stat": os.stat, "list": os.listdir}

FOLDER_CHANGES: dict[str, Callable[[Path], object]] = {
    "create": lambda path: os.close(os.open(path / "new", os.O_CREAT | os.O_WRONLY)),
    "mkdir": lambda path: os.mkdir(path / "new"),
    "mkfifo": lambda path: os.mkfifo(path / "new"),
    "symlink": lambda path: os.symlink("/etc/passwd", path / "new"),
    "rename": lambda path: os.rename(path, path.with_name("renamed")),
    "chmod": lambda path: os.chmod(path, 0o777),
    "chown": lambda path: os.chown(path, os.getuid(), os.getgid()),
    "touch": os.utime,
    "rmdir": os.rmdir,
}


def attempts(point: Path, paths: Sequence[tuple[str, bool]]) -> list[Attempt]:
    """Try everything on every path below a mount point; what the paths are, folders or not, is known already."""
    done = []
    for name, is_folder in paths:
        ways = {**FOLDER_LOOKS, **FOLDER_CHANGES} if is_folder else {**LOOKS, **CHANGES}
        for what, act in ways.items():
            number, content = 0, ""
            try:
                found = act(point / name)
                content = found if isinstance(found, str) else ""
            except OSError as error:
                number = error.errno or -1
            done.append(Attempt(what, name, number, content))
    return done


def is_private(path: Path, owner: int) -> bool:
    """Say whether a file or folder is its owner's alone: mode 0700 or 0600, no link, no other name."""
    status = path.lstat()
    mode = 0o700 if stat.S_ISDIR(status.st_mode) else 0o600
    is_plain = stat.S_ISDIR(status.st_mode) or (stat.S_ISREG(status.st_mode) and status.st_nlink == 1)
    return is_plain and status.st_uid == owner and stat.S_IMODE(status.st_mode) == mode

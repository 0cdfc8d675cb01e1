"""Finds the processes that have a device node open, or a name, and the command that makes each close it."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")

_GVFS = re.compile(r"gvfsd?-(gphoto2|mtp)(-volume-monitor)?")
_PYTHON = re.compile(r"python[\d.]*")


@dataclass(frozen=True)
class Holder:
    """A process that has a device open."""

    pid: int
    name: str

    @property
    def fix(self) -> str:
        """The command that makes it close the device. The daemons of gvfs would only come back if they were killed."""
        gvfs = _GVFS.fullmatch(self.name)
        return f"gio mount -s {gvfs[1]}" if gvfs else f"kill {self.pid}"

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid})"


def holders(node: Path) -> list[Holder]:
    """Return the other processes that have a device node open, as far as this user may see, in the order of their ids."""
    return [Holder(pid, _name(pid)) for pid in _other_processes() if _has_open(pid, os.path.realpath(node))]


def called(name: str) -> list[Holder]:
    """Return the other processes of a name, in the order of their ids."""
    return [Holder(pid, name) for pid in _other_processes() if _name(pid) == name]


def _other_processes() -> list[int]:
    return sorted(
        int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit() and int(entry.name) != os.getpid()
    )


def in_use(source: str, node: Path) -> str:
    """Return the line for the user that says who holds the device and how to free it."""
    found = holders(node)
    if not found:
        return f"{source} is in use by a program of another user or by the system; to see which: sudo lsof {node}"
    names, fixes = " and ".join(map(str, found)), dict.fromkeys(holder.fix for holder in found)
    return f"{source} is in use by {names}; free it with: {'; '.join(fixes)}"


def command_line(pid: int) -> list[bytes]:
    """Return the words that started a process, the program first.

    Raises:
        OSError: it has ended.
    """
    return (PROC / str(pid) / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")


def _has_open(pid: int, path: str) -> bool:
    folder = PROC / str(pid) / "fd"
    try:
        files = os.listdir(folder)
    except OSError:  # another user's, or ended meanwhile
        return False
    for file in files:
        try:
            if os.readlink(folder / file) == path:
                return True
        except OSError:
            continue
    return False


def _name(pid: int) -> str:
    """Return a program's name. `comm` alone would be cut after 15 characters, and call every Python program python3."""
    try:
        words = [word.decode(errors="replace") for word in command_line(pid)]
        name = os.path.basename(words[0]) or (PROC / str(pid) / "comm").read_text().strip()
    except OSError:
        return "a program that has just ended"
    return (_PYTHON.fullmatch(name) and _python_program(words[1:])) or name


def _python_program(arguments: list[str]) -> str | None:
    """Return the module or script that Python runs."""
    for word, following in zip(arguments, [*arguments[1:], ""], strict=False):
        if word == "-m":
            return following
        if word == "-c":
            return None
        if not word.startswith("-"):
            return os.path.basename(word)
    return None

"""Reads what is mounted in this process's namespace from the kernel's tables, /proc/self/mounts and mountinfo (proc(5), fstab(5))."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

MOUNTS = Path("/proc/self/mounts")
MOUNT_INFO = Path("/proc/self/mountinfo")

_ESCAPE = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True)
class MountEntry:
    """A mount.

    Attributes:
        source: what is mounted, as whoever mounted it named it.
        point: the directory it is mounted on.
        kind: the type of its file system: `ext4`, `autofs`, `fuse.camfs`.
        options: its mount options.
    """

    source: str
    point: str
    kind: str
    options: tuple[str, ...] = ()


def entries() -> list[MountEntry]:
    """Return all mounts, oldest first; of several on one directory the last one is on top.

    Also of a dead mount, whose directory can no longer be looked at.

    Raises:
        OSError: there is no /proc.
    """
    found = []
    for line in MOUNTS.read_bytes().removesuffix(b"\n").split(b"\n"):  # a \r may stand in a name
        source, point, kind, options = map(_unescaped, line.split(b" ")[:4])
        found.append(MountEntry(source, point, kind, tuple(options.split(","))))
    return found


def device_on(point: str) -> str:
    """Return the device number, `MAJOR:MINOR`, of what is mounted on a directory, on top if it is several; empty if nothing is."""
    return next((device for device, each in reversed(_devices()) if each == point), "")


def points_of(device: str) -> list[str]:
    """Return the directories that a device is mounted on, oldest first: one file system may be bound to several (mount --bind)."""
    return [point for each, point in _devices() if each == device]


def _devices() -> list[tuple[str, str]]:
    """Return the device number and the directory of all mounts, oldest first."""
    lines = MOUNT_INFO.read_bytes().removesuffix(b"\n").split(b"\n")
    return [(words[2].decode(), _unescaped(words[4])) for words in (line.split(b" ") for line in lines)]


def _unescaped(word: bytes) -> str:
    """Return a word of the table as text: the kernel writes blanks, tabs, newlines and backslashes as octal numbers."""
    return os.fsdecode(_ESCAPE.sub(lambda match: bytes((int(match[1], 8),)), word))

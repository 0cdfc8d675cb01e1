"""What is mounted on this computer, as the kernel lists it in /proc/self/mounts (proc(5))."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

MOUNTS = Path("/proc/self/mounts")

CAMFS = "fuse.camfs"
AUTOFS = "autofs"


@dataclass(frozen=True)
class MountEntry:
    """One mount: what is mounted, on which directory, and the type of the file system."""

    source: str
    point: str
    kind: str


def mount_entries() -> list[MountEntry]:
    """Return all mounts that this process sees; of several on one directory, the last is on top."""
    return [MountEntry(*map(_unescape, line.split(b" ")[:3])) for line in MOUNTS.read_bytes().splitlines()]


def camera_mounts() -> list[MountEntry]:
    """Return the mounts of camfs, whoever made them, each with the SOURCE as it was given."""
    return [
        MountEntry(entry.source.replace("%2C", ","), entry.point, entry.kind)
        for entry in mount_entries()
        if entry.kind == CAMFS
    ]


def is_automount(point: str) -> bool:
    """Say whether what is mounted on a directory is autofs, which waits for the mount that camfs is about to make."""
    kinds = [entry.kind for entry in mount_entries() if entry.point == point]
    return kinds[-1:] == [AUTOFS]


def _unescape(word: bytes) -> str:
    """Return a word as it was before the kernel wrote its blanks and backslashes as three octal digits."""
    return os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda match: bytes((int(match[1], 8),)), word))

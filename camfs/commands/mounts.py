"""The mounts of camfs on this computer, and whether systemd's automount waits at a mount point."""

from dataclasses import replace

from camfs.transports.mounts import MountEntry, entries

CAMFS = "fuse.camfs"
AUTOFS = "autofs"


def camera_mounts() -> list[MountEntry]:
    """Return the mounts of camfs, whoever made them, each with the SOURCE as it was given."""
    return [replace(entry, source=entry.source.replace("%2C", ",")) for entry in entries() if entry.kind == CAMFS]


def is_automount(point: str) -> bool:
    """Say whether what is mounted on a directory is autofs, which waits for the mount that camfs is about to make."""
    return [entry.kind for entry in entries() if entry.point == point][-1:] == [AUTOFS]

"""What can be mounted now, and who has it: the lines of `--list`, without asking a camera anything."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from camfs.transports import holders, sysfs, usb

MOUNTS = Path("/proc/self/mounts")
KIND = "fuse.camfs"

FREE = "free"
"""What is said of a camera that nobody has."""


@dataclass(frozen=True)
class CameraMount:
    """A mount of camfs, whoever made it: its SOURCE as it was given, and where it is."""

    source: str
    point: str


def lines() -> list[str]:
    """Return a line for each camera and each serial port that may have one. Blocks.

    Raises:
        TransportError: libusb is missing or does not work.
    """
    rows = [
        (
            camera.source,
            camera.product_name,
            f"serial {camera.serial or 'unknown'}",
            use(camera.node, sources_of(camera)),
        )
        for camera in usb.find()
    ]
    for port in sysfs.adapters():
        source = f"serial:{port.device}"
        rows.append((source, port.name, f"serial {port.serial or 'unknown'}", use(port.device, [source])))
    return columns(rows)


def columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return rows as lines, each column as wide as its longest cell and three blanks; what is not printable becomes `?`."""
    cells = [tuple(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def printable(text: str) -> str:
    """Return a text of a device as one that a terminal may be given."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def sources_of(device: usb.UsbCamera | sysfs.UsbDevice) -> list[str]:
    """Return the SOURCEs that may name a camera."""
    ids, place = f"{device.vendor:04x}:{device.product:04x}", f"{device.bus}.{device.address}"
    return [f"usb:{name}" for name in (ids, place, device.serial) if name]


def use(node: Path, sources: Iterable[str]) -> str:
    """Return who has a device open, as `use_by` says it."""
    return use_by(holders.holders(node), camera_mounts(), sources)


def use_by(found: Sequence[holders.Holder], mounts: Sequence[CameraMount], sources: Iterable[str]) -> str:
    """Return `free`, or who has a device open and, of camfs, where it is mounted.

    Args:
        found: the processes that are seen to have it open.
        mounts: all mounts of camfs.
        sources: the SOURCEs by which it may have been mounted: root's open files are nobody else's to see, its mounts are.
    """
    if found:
        return "in use by " + " and ".join(f"{holder}{_at(mount_point(holder, mounts))}" for holder in found)
    named = [mount.point for mount in mounts if mount.source in sources]
    return f"in use by camfs{_at(named[0])}" if named else FREE


def _at(point: str | None) -> str:
    return f" at {point}" if point else ""


def mount_point(holder: holders.Holder, mounts: Iterable[CameraMount]) -> str | None:
    """Return where a camfs is mounted: the mount point that its command line names, if need be by its end."""
    if holder.name != "camfs":
        return None
    try:
        words = (holders.PROC / str(holder.pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    named = [os.path.normpath(os.fsdecode(word)) for word in words[1:] if word]
    return next(
        (mount.point for mount in mounts for word in named if mount.point == word or mount.point.endswith(f"/{word}")),
        None,
    )


def camera_mounts() -> list[CameraMount]:
    """Return all mounts of camfs that this process sees."""
    found = []
    for line in MOUNTS.read_bytes().splitlines():
        source, point, kind = (
            os.fsdecode(re.sub(rb"\\(\d{3})", lambda match: bytes((int(match[1], 8),)), word))
            for word in line.split(b" ")[:3]
        )
        if kind == KIND:
            found.append(CameraMount(source.replace("%2C", ","), point))
    return found

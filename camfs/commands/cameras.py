"""What can be mounted now, and who uses it: the lines of `--list`. No camera is asked anything."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from camfs.commands.mounts import camera_mounts
from camfs.printable import printable
from camfs.transports import holders, sysfs, usb
from camfs.transports.mounts import MountEntry

FREE = "free"
"""What is said of a camera that nobody uses."""


def lines() -> list[str]:
    """Return a line for each camera and for each serial port that may have one. Blocks.

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
    """Return rows as lines, with three blanks between columns; what is not printable becomes `?`."""
    cells = [tuple(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def sources_of(device: usb.UsbCamera | sysfs.UsbDevice) -> list[str]:
    """Return the SOURCEs that name a camera."""
    ids, place = f"{device.vendor:04x}:{device.product:04x}", f"{device.bus}.{device.address}"
    return [f"usb:{name}" for name in (ids, place, device.serial) if name]


def use(node: Path, sources: Iterable[str]) -> str:
    """Return who has a device open, as `use_by` says it."""
    return use_by(holders.holders(node), camera_mounts(), sources)


def use_by(found: Sequence[holders.Holder], mounts: Sequence[MountEntry], sources: Iterable[str]) -> str:
    """Return `free`, or who has a device open and, of camfs, where it is mounted.

    Args:
        found: the processes that are known to have it open.
        mounts: all mounts of camfs.
        sources: the SOURCEs by which it may have been mounted: only root sees which files root has open, but everybody sees its mounts.
    """
    if found:
        return "in use by " + " and ".join(f"{holder}{_at(mount_point(holder, mounts))}" for holder in found)
    named = [mount.point for mount in mounts if mount.source in sources]
    return f"in use by camfs{_at(named[0])}" if named else FREE


def _at(point: str | None) -> str:
    return f" at {point}" if point else ""


def mount_point(holder: holders.Holder, mounts: Iterable[MountEntry]) -> str | None:
    """Return where a camfs is mounted: the mount point that its command line names, perhaps as a relative path."""
    if holder.name != "camfs":
        return None
    try:
        words = holders.command_line(holder.pid)
    except OSError:
        return None
    named = [os.path.normpath(os.fsdecode(word)) for word in words[1:] if word]
    return next(
        (mount.point for mount in mounts for word in named if mount.point == word or mount.point.endswith(f"/{word}")),
        None,
    )

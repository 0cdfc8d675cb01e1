"""What can be mounted now, what is, and who uses it: what `--list` shows. No camera is asked anything."""

import contextlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from camfs.commands.mounts import camera_mounts
from camfs.commands.sources import FORMS, VirtualSource, kind_of, parse_source
from camfs.printable import printable
from camfs.transports import holders, sysfs, usb
from camfs.transports.mounts import MountEntry

FREE = "free"
"""What is said of a camera that nobody uses."""

NOTHING = (
    "no camera found (no USB device of class 06/01/01 or named MTP, no serial port on a USB adapter, and nothing mounted); "
    "camfs --doctor says more"
)


NAMES = {"usb": "USB camera", "serial": "Kodak DC120", "ptpip": "camera on the network"}
"""What a camera is called that is known by its SOURCE alone."""


@dataclass(frozen=True)
class User:
    """A program that uses a camera.

    Attributes:
        program: its name.
        pid: None if it is not known: only root sees which files root has open.
        mount_point: where it has mounted the camera, if it is camfs.
    """

    program: str
    pid: int | None
    mount_point: str | None

    def __str__(self) -> str:
        at = f" at {self.mount_point}" if self.mount_point else ""
        return self.program + (f" (pid {self.pid})" if self.pid is not None else "") + at


@dataclass(frozen=True)
class Listed:
    """A camera, or a serial port that may have one.

    Attributes:
        source: the SOURCE that names it.
        name: what it calls itself, or what it is.
        serial: its serial number, None if that is not known.
        users: who uses it.
    """

    source: str
    name: str
    serial: str | None
    users: Sequence[User]

    def facts(self) -> dict[str, object]:
        """Return it as scripts read it; README fixes the keys."""
        return {
            "source": self.source,
            "name": self.name,
            "serial": self.serial,
            "kind": kind_of(self.source) or None,
            "free": not self.users,
            "users": [asdict(user) for user in self.users],
        }


def find() -> list[Listed]:
    """Return each camera, each serial port that may have one, and what else camfs has mounted. Blocks.

    Raises:
        TransportError: libusb is missing or does not work.
    """
    mounts = camera_mounts()
    found = []
    for camera in usb.find():
        users = users_of(holders.holders(camera.node), mounts, sources_of(camera))
        found.append(Listed(camera.source, camera.product_name, camera.serial or None, users))
    for port in sysfs.adapters():
        source = f"serial:{port.device}"
        users = users_of(holders.holders(port.device), mounts, [source])
        found.append(Listed(source, port.name, port.serial or None, users))
    shown = {user.mount_point for each in found for user in each.users}
    return [*found, *(_mounted(mount) for mount in mounts if mount.point not in shown)]


def _mounted(mount: MountEntry) -> Listed:
    """Return a camera that is known only because it is mounted: it is emulated, on the network or unplugged."""
    serial = None
    with contextlib.suppress(ValueError):  # `-o fsname=` hides the SOURCE
        source = parse_source(mount.source)
        serial = source.options.get("serial") if isinstance(source, VirtualSource) else None
    pids = [each.pid for each in holders.called("camfs") if mount_point(each, [mount])]
    user = User("camfs", pids[0] if len(pids) == 1 else None, mount.point)
    return Listed(mount.source, _name_of(mount.source), serial, [user])


def _name_of(source: str) -> str:
    """Return what is known of a camera that cannot be asked."""
    if kind_of(source) == "virtual":
        named = source.partition("?")[0]
        meanings = (form.meaning for form in FORMS if form.text == named)
        return next(meanings, f"emulated {named.partition(':')[2]}").removeprefix("an ")
    return NAMES.get(kind_of(source), "camera")


def lines(found: Iterable[Listed]) -> list[str]:
    """Return a line for each; what is not printable becomes `?`, and three blanks stand between columns."""
    rows = [
        tuple(map(printable, (each.source, each.name, f"serial {each.serial or 'unknown'}", _use(each.users))))
        for each in found
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def sources_of(device: usb.UsbCamera | sysfs.UsbDevice) -> list[str]:
    """Return the SOURCEs that name a camera."""
    ids, place = f"{device.vendor:04x}:{device.product:04x}", f"{device.bus}.{device.address}"
    return [f"usb:{name}" for name in (ids, place, device.serial) if name]


def use_by(found: Sequence[holders.Holder], mounts: Sequence[MountEntry], sources: Iterable[str]) -> str:
    """Return `free`, or who has a device open and, of camfs, where it is mounted. Arguments as of `users_of`."""
    return _use(users_of(found, mounts, sources))


def _use(users: Sequence[User]) -> str:
    return "in use by " + " and ".join(map(str, users)) if users else FREE


def users_of(found: Sequence[holders.Holder], mounts: Sequence[MountEntry], sources: Iterable[str]) -> list[User]:
    """Return who has a device open.

    Args:
        found: the processes that are known to have it open.
        mounts: all mounts of camfs.
        sources: the SOURCEs by which it may have been mounted: only root sees which files root has open, but everybody sees its mounts.
    """
    if found:
        return [User(holder.name, holder.pid, mount_point(holder, mounts)) for holder in found]
    return [User("camfs", None, mount.point) for mount in mounts if mount.source in sources][:1]


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

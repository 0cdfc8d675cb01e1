"""`--doctor`: explains why a camera cannot be mounted, and gives for each cause the one command that fixes it.

A check looks at the computer through a `System` and gives findings; it changes nothing. No check talks to a camera: whether one that is
mounted shows its pictures, `.status` of its mount tells.
"""

import errno
import grp
import os
import pwd
import re
import shlex
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from camfs.commands import cameras, mounts, units
from camfs.commands.mounting import FUSE_CONFIGURATION, FUSE_DEVICE, MAKE_MOUNT_TABLE, MOUNT_TABLE, allows_other
from camfs.errors import TransportError
from camfs.printable import printable
from camfs.protocols.ptp import modes
from camfs.transports import holders, sysfs, usb
from camfs.transports.mounts import MountEntry

RULES = tuple(Path(place) / units.RULE for place in ("/etc/udev/rules.d", "/usr/lib/udev/rules.d", "/lib/udev/rules.d"))

SIGMA = 0x1003
"""USB vendor id of SIGMA."""

STATUS_TIME = 30.0
"""Seconds that a mount has to tell its status."""


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        text: the finding.
        fix: the command that fixes it, or what to do at the camera; empty if all is well.
        check: the name of the check, as scripts know it.
    """

    text: str
    fix: str = ""
    check: str = ""

    def lines(self) -> list[str]:
        """Return it as it is shown."""
        text = printable(self.text)
        return [f"FAIL  {text}", f"      mend: {self.fix}"] if self.fix else [f"ok    {text}"]

    def facts(self) -> dict[str, object]:
        """Return it as scripts read it; README fixes the keys."""
        return {"check": self.check, "ok": not self.fix, "text": self.text, "mend": self.fix or None}


def _try_open(path: Path) -> int:
    """Open a device for reading and writing and close it again; return the errno, 0 if it can be opened."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def _may_open(path: Path) -> bool:
    """Say whether a device may be opened, without opening it: on a serial port that would raise its modem lines."""
    return os.access(path, os.R_OK | os.W_OK)


def _version_text(program: str) -> str:
    return subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10).stdout


def _text(path: Path) -> str | None:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return None


def _mount_status(point: str) -> str:
    """Return `.status` of a mount; empty if it cannot be read, or not in time. A read that hangs holds a process of its own only."""
    try:
        done = subprocess.run(["cat", f"{point}/.status"], capture_output=True, timeout=STATUS_TIME)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode(errors="replace")


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _user_name() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _members(group: int) -> Sequence[str]:
    try:
        return grp.getgrgid(group).gr_mem
    except KeyError:
        return []


@dataclass(frozen=True)
class System:
    """Everything that the checks look at; the defaults are this computer."""

    try_open: Callable[[Path], int] = _try_open
    may_open: Callable[[Path], bool] = _may_open
    which: Callable[[str], str | None] = shutil.which
    version_text: Callable[[str], str] = _version_text
    stat: Callable[[Path], os.stat_result | None] = _stat
    text: Callable[[Path], str | None] = _text
    exists: Callable[[Path], bool] = Path.exists
    is_root: Callable[[], bool] = lambda: os.geteuid() == 0
    user: Callable[[], str] = _user_name
    group_name: Callable[[int], str] = _group_name
    members: Callable[[int], Sequence[str]] = _members
    find_cameras: Callable[[], Sequence[object]] = usb.find
    usb_devices: Callable[[], Sequence[sysfs.UsbDevice]] = sysfs.usb_devices
    adapters: Callable[[], Sequence[sysfs.Adapter]] = sysfs.adapters
    held_by: Callable[[Path], Sequence[holders.Holder]] = holders.holders
    camera_mounts: Callable[[], Sequence[MountEntry]] = mounts.camera_mounts
    mount_status: Callable[[str], str] = _mount_status
    program: Callable[[], str] = units.program_for_root


def check_fuse_device(system: System) -> Iterator[Finding]:
    """FUSE itself: the kernel's module, and permission to use it."""
    failure = system.try_open(FUSE_DEVICE)
    if failure in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        yield Finding(f"{FUSE_DEVICE} is missing: the kernel's module is not loaded", "sudo modprobe fuse")
    elif failure in (errno.EACCES, errno.EPERM):
        yield Finding(f"{FUSE_DEVICE}: no permission", f"sudo chmod 666 {FUSE_DEVICE}")
    elif failure:
        yield Finding(f"{FUSE_DEVICE}: {os.strerror(failure)}", "sudo modprobe -r fuse && sudo modprobe fuse")
    else:
        yield Finding(f"{FUSE_DEVICE} can be opened")


def check_fusermount(system: System) -> Iterator[Finding]:
    """The program that mounts for users other than root."""
    path = system.which("fusermount3")
    if path is None:
        text = "fusermount3 is missing"
        yield (
            Finding(f"{text}, which root does not need")
            if system.is_root()
            else Finding(text, "sudo apt install fuse3")
        )
        return
    try:
        version = re.search(r"\d+(\.\d+)+", system.version_text(path))
    except (OSError, subprocess.SubprocessError):
        yield Finding(f"{path} cannot be run", "sudo apt install --reinstall fuse3")
        return
    text = f"fusermount3 {version[0] if version else 'of an unknown version'}"
    status = system.stat(Path(path))
    is_setuid = status is not None and status.st_mode & stat.S_ISUID and status.st_uid == 0
    if is_setuid and not system.is_root() and not system.exists(MOUNT_TABLE):
        yield Finding(f"{text} may mount, and not unmount: there is no {MOUNT_TABLE}", MAKE_MOUNT_TABLE)
    elif is_setuid or system.is_root():
        yield Finding(text)
    else:
        yield Finding(
            f"{text} may not mount: {path} is not setuid root", f"sudo chown root {path} && sudo chmod u+s {path}"
        )


def check_allow_other(system: System) -> Iterator[Finding]:
    """Whether `-o allow_other` may be given; it is never a failure, since a mount for its own user does not need it."""
    if system.is_root():
        yield Finding("-o allow_other: allowed for root")
    elif allows_other(system.text(FUSE_CONFIGURATION) or ""):
        yield Finding(f"-o allow_other: {FUSE_CONFIGURATION} has user_allow_other")
    else:
        yield Finding(
            f"-o allow_other: not allowed (no user_allow_other in {FUSE_CONFIGURATION}); a mount for yourself does not need it"
        )


def check_libusb(system: System) -> Iterator[Finding]:
    """The library that moves bytes over USB."""
    try:
        system.find_cameras()
    except TransportError as error:
        fix = "sudo apt install libusb-1.0-0" if "missing" in str(error) else "lsusb"
        yield Finding(str(error).partition(": apt")[0], fix)
    else:
        yield Finding("libusb 1.0 works")


def check_cameras(system: System) -> Iterator[Finding]:
    """Each USB camera: its mode, who uses it, and permission to use it."""
    found = 0
    for device in system.usb_devices():
        if device.is_camera:
            found += 1
            yield _check_camera(system, device)
        elif device.vendor == SIGMA and device.is_card_reader:
            found += 1
            yield Finding(
                f"{device}: {device.name} is in mass-storage mode, where it is a disk and not a camera",
                "on the camera choose SYSTEM, USB Mode, Camera Control, and plug it in again",
            )
    if found:
        return
    if system.adapters():
        yield Finding("no USB camera, but there is a serial port, which may have a Kodak DC120")
    else:
        yield Finding(
            "no camera found (no USB device of class 06/01/01 or named MTP)",
            "plug it in and switch it on; to try without one: camfs virtual:sigma-fp DIRECTORY",
        )
    for device in system.usb_devices():
        if device.may_speak_mtp:
            ids = f"{device.vendor:04x}:{device.product:04x}"
            yield Finding(
                f"{device}: {device.name} does not say what it is; if it is a player or telephone in MTP mode, camfs usb:{ids} "
                "DIRECTORY asks it and mounts it"
            )


def _check_camera(system: System, device: sysfs.UsbDevice) -> Finding:
    node = usb.NODES / f"{device.bus:03}" / f"{device.address:03}"
    held = _held(system, str(device), node, cameras.sources_of(device))
    if held is not None:
        return held
    failure = system.try_open(node)
    if failure in (errno.EACCES, errno.EPERM):
        rule = next((path for path in RULES if system.text(path) is not None), None)
        if rule is None:
            return Finding(f"{device}: no permission on its device node", f"{system.program()} --install-units")
        return Finding(
            f"{device}: no permission on its device node; {rule} gives it only to the user who sits at this computer",
            f"sudo setfacl -m u:{shlex.quote(system.user())}:rw {node}",
        )
    if failure:
        return Finding(f"{device}: {os.strerror(failure)}", "unplug it and plug it in again")
    remedy = modes.remedy_of_usb(device.vendor)
    return Finding(
        f"{device}: {device.name} can be opened" + (f"; if it shows no pictures: {remedy}" if remedy else "")
    )


def _held(system: System, name: str, node: Path, sources: Sequence[str]) -> Finding | None:
    """Say who has a device open; None if nobody has. A camera that camfs has mounted is as it should be."""
    found = system.held_by(node)
    others = [holder for holder in found if holder.name != "camfs"]
    if others:
        fix = "; ".join(dict.fromkeys(each.fix for each in others))
        return Finding(f"{name}: in use by {' and '.join(map(str, others))}", fix)
    use = cameras.use_by(found, system.camera_mounts(), sources)
    return Finding(f"{name}: {use}") if use != cameras.FREE else None


def check_serial_ports(system: System) -> Iterator[Finding]:
    """Each serial port on a USB adapter: who uses it, and the group that may use it."""
    for port in system.adapters():
        name = f"serial:{port.device} ({port.name})"
        held = _held(system, name, port.device, [f"serial:{port.device}"])
        if held is not None:
            yield held
        elif system.may_open(port.device):
            yield Finding(f"{name} can be opened")
        else:
            status = system.stat(port.device)
            number = status.st_gid if status is not None and status.st_gid else None
            group = "dialout" if number is None else system.group_name(number)
            if number is not None and system.user() in system.members(number):
                yield Finding(
                    f"{name}: no permission; you joined its group {group} after you logged in", "log out and in again"
                )
            else:
                yield Finding(
                    f"{name}: no permission; members of group {group} have it",
                    f"sudo usermod -aG {group} {shlex.quote(system.user())}, and log in again",
                )


def check_mounts(system: System) -> Iterator[Finding]:
    """Each mount of a camera: whether it shows its stores."""
    for mount in system.camera_mounts():
        text = system.mount_status(mount.point)
        status = {key: value for key, _, value in (line.partition(": ") for line in text.splitlines())}
        if not status:
            continue
        name = f"{mount.point} ({status.get('camera', mount.source)})"
        hidden = next((value for key, value in status.items() if key != "last-error" and modes.NO_STORE in value), "")
        state = status.get("stores", "")
        if modes.NIKON_WIFI in text:
            yield Finding(f"{name}: the camera denies access to its pictures", modes.NIKON_WIFI)
        elif hidden:
            why, _, remedy = hidden[hidden.index(modes.NO_STORE) :].partition(": ")
            yield Finding(f"{name}: {why}", remedy)
        elif state:
            yield Finding(f"{name}: stores: {state}", "switch the camera off and on")
        elif status.get("connected") == "no":
            yield Finding(f"{name}: the camera is not connected", "plug it in and switch it on")
        else:
            yield Finding(f"{name}: the camera shows its stores")


CHECKS: Mapping[str, Callable[[System], Iterable[Finding]]] = {
    "fuse": check_fuse_device,
    "fusermount": check_fusermount,
    "allow_other": check_allow_other,
    "libusb": check_libusb,
    "cameras": check_cameras,
    "mounts": check_mounts,
    "serial_ports": check_serial_ports,
}
"""All checks by the names that scripts know; what a mount needs first comes first."""


def examine(system: System) -> list[Finding]:
    """Run all checks. Blocks."""
    return [replace(finding, check=name) for name, check in CHECKS.items() for finding in check(system)]

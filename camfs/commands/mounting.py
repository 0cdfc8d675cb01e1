"""Checks before a camera is touched: whether the mount point can be mounted on, and whether FUSE is there.

Dead mounts are removed: before a mount one that a killed camfs has left, and at a mount's end what is left of itself. When its connection
is cut (`umount -f`, an abort in /sys/fs/fuse/connections), the kernel keeps a mount that programs have files open on or stand in, and
libfuse takes it for unmounted. Directories that a mount was bound to (mount --bind) are dead with it, and are detached, too. Those in
another mount namespace, as containers have, are out of reach.
"""

import contextlib
import errno
import logging
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from camfs.commands.mounts import CAMFS, camera_mounts, is_automount
from camfs.commands.options import FOR_OTHERS, MountOptions
from camfs.errors import CommandFailed
from camfs.transports.mounts import device_on, entries, points_of

log = logging.getLogger("camfs")

FUSE_DEVICE = Path("/dev/fuse")
FUSE_CONFIGURATION = Path("/etc/fuse.conf")

MOUNT_TABLE = Path("/etc/mtab")
"""What fusermount3 looks into before it unmounts. systemd makes it, so that a chroot or a container may have none."""

MAKE_MOUNT_TABLE = f"sudo ln -s /proc/self/mounts {MOUNT_TABLE}"

NO_FUSERMOUNT = "FUSE is missing: no fusermount3; install it with: sudo apt install fuse3"


def check_mount_point(text: str, options: MountOptions) -> str:
    """Return a mount point as an absolute path without symbolic links.

    Raises:
        CommandFailed: it cannot be mounted on.
    """
    if not text:
        raise CommandFailed("the mount point is empty")
    path = os.path.realpath(text)
    _remove_dead_mounts(path)
    try:
        contents = os.listdir(path)
    except FileNotFoundError:
        raise CommandFailed(f"{path}: no such directory") from None
    except NotADirectoryError:
        raise CommandFailed(f"{path}: not a directory") from None
    except OSError as error:
        if error.errno == errno.ENOTCONN:
            clean = f"fusermount3 -uz {shlex.quote(path)}"
            raise CommandFailed(f"{path}: a dead mount is here; remove it with: {clean}") from None
        raise CommandFailed(f"{path}: {error.strerror}") from None
    if os.path.ismount(path) and not is_automount(path):
        what, unmount = ("a camera", "fusermount3 -u") if _has_camera(path) else ("something", "umount")
        raise CommandFailed(f"{path}: {what} is mounted here already; unmount it with: {unmount} {shlex.quote(path)}")
    if contents and not options.nonempty:
        raise CommandFailed(f"{path}: not empty, and the mount would hide what is in it; to mount anyway: -o nonempty")
    return path


BUSY_FOR_A_MOMENT = 1.0
"""Seconds for which a mount that is in use is tried again: camfs itself may be telling programs of a new picture (`mount/watchers.py`)."""


def unmount(text: str) -> Iterator[str]:
    """Unmount a camera; yields nothing, as there is nothing to say where it works.

    Raises:
        CommandFailed: no camera is mounted there, or it is in use.
    """
    path = os.path.realpath(text)
    if not _has_camera(path):
        raise CommandFailed(f"{path}: no camera is mounted here")
    program = ["umount"] if os.geteuid() == 0 else ["fusermount3", "-u"]  # root can mount without fusermount3
    until = time.monotonic() + BUSY_FOR_A_MOMENT
    while True:
        try:
            done = subprocess.run([*program, "--", path], capture_output=True, text=True)
        except FileNotFoundError:
            raise CommandFailed(NO_FUSERMOUNT) from None
        if not done.returncode or "busy" not in done.stderr or time.monotonic() > until:
            break
        time.sleep(0.1)
    if done.returncode:
        hint = f"; make it with: {MAKE_MOUNT_TABLE}" if str(MOUNT_TABLE) in done.stderr else ""
        raise CommandFailed(" ".join(done.stderr.split()).removeprefix(f"{program[0]}: ") + hint)
    yield from ()


def _has_camera(path: str) -> bool:
    return any(mount.point == path for mount in camera_mounts())


def _remove_dead_mounts(path: str) -> None:
    """Unmount what a camfs that was killed left on a directory, and on those it was bound to; another program's dead mount stays."""
    while _is_dead(path) and _has_camera(path):
        device = device_on(path)
        if not _detach(path):
            return
        for point in points_of(device):
            if _is_dead(point):
                _detach(point)


def _detach(path: str) -> bool:
    """Detach the mount on top of a directory; return whether that went well."""
    unmount = ["umount", "-l"] if os.geteuid() == 0 else ["fusermount3", "-uz"]
    done = subprocess.run([*unmount, "--", path], capture_output=True, text=True)
    log.info("%s", done.stderr.strip() if done.returncode else f"removed a dead mount of camfs from {path}")
    return not done.returncode


class Remains:
    """What is left of a mount when it has ended: on its mount point, and on directories that it was bound to.

    Args:
        path: the mount point.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._device = ""

    def note_mounted(self) -> None:
        """Note which file system it is, now that it is mounted."""
        self._device = device_on(self._path)

    def detach(self) -> None:
        """Detach it. A directory is not looked at if nothing of camfs is on it, as that would wake an automount."""
        bound = points_of(self._device) if self._device else []
        for point in dict.fromkeys([self._path, *bound]):
            if [entry.kind for entry in entries() if entry.point == point][-1:] == [CAMFS]:
                _remove_dead_mounts(point)


def _is_dead(path: str) -> bool:
    try:
        os.listdir(path)  # not stat, which the kernel may answer from its memory
    except OSError as error:
        return error.errno == errno.ENOTCONN
    return False


def check_fuse(options: MountOptions) -> None:
    """Check that this user can mount by FUSE with these options.

    Raises:
        CommandFailed: something is missing.
    """
    if not FUSE_DEVICE.exists():
        raise CommandFailed(f"FUSE is missing: no {FUSE_DEVICE}; load it with: sudo modprobe fuse")
    if os.geteuid() == 0:
        return
    if shutil.which("fusermount3") is None:
        raise CommandFailed(NO_FUSERMOUNT)
    for name in sorted(FOR_OTHERS & options.fuse):
        with contextlib.suppress(OSError):
            if not allows_other(FUSE_CONFIGURATION.read_text(errors="replace")):
                raise CommandFailed(f"-o {name} needs the line user_allow_other in {FUSE_CONFIGURATION}")


def allows_other(configuration: str) -> bool:
    """Say whether the text of fuse.conf lets users other than root give `-o allow_other`."""
    return "user_allow_other" in (line.strip() for line in configuration.split("\n"))

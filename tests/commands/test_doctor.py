"""Every finding of `--doctor`, on invented computers that each lack one thing, and once on this computer."""

import errno
import os
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from camfs.commands.doctor import System, examine
from camfs.commands.mounting import FUSE_CONFIGURATION
from camfs.commands.mounts import CAMFS
from camfs.errors import TransportError
from camfs.protocols.ptp.modes import NIKON_WIFI
from camfs.transports.holders import Holder
from camfs.transports.mounts import MountEntry
from camfs.transports.sysfs import Adapter, UsbDevice
from tests.mounted.mount import camfs

FP = UsbDevice(0x1003, 0xC432, 1, 7, "SIGMA fp", ((6, 1, 1),))
NODE = Path("/dev/bus/usb/001/007")
CABLE = Adapter(Path("/dev/ttyUSB0"), "FT232R USB UART", None)
FUSERMOUNT = "/usr/bin/fusermount3"
RULE = Path("/etc/udev/rules.d/70-camfs.rules")


def status(mode: int, uid: int = 0, gid: int = 0) -> os.stat_result:
    return os.stat_result((mode, 0, 0, 1, uid, gid, 0, 0, 0, 0))


def files(texts: Mapping[Path, str]) -> Any:
    return texts.get


WELL = System(
    try_open=lambda path: 0,
    may_open=lambda path: True,
    which=lambda name: FUSERMOUNT,
    version_text=lambda program: "fusermount3 version: 3.14.0\n",
    stat={Path(FUSERMOUNT): status(stat.S_IFREG | 0o4755), CABLE.device: status(stat.S_IFCHR | 0o660, 0, 20)}.get,
    text={FUSE_CONFIGURATION: "#mount_max = 1000\n#user_allow_other\n"}.get,
    exists=lambda path: True,
    is_root=lambda: False,
    user=lambda: "ana",
    group_name=lambda number: {20: "dialout"}[number],
    members=lambda number: [],
    find_cameras=list,
    usb_devices=lambda: [FP],
    adapters=list,
    held_by=lambda node: [],
    camera_mounts=list,
    mount_status=lambda point: "",
    program=lambda: "sudo camfs",
)
"""A computer on which all is well."""


def failing(path: Path, number: int) -> Any:
    """Return a function that opens everything except one path."""
    return lambda tried: number if tried == path else 0


def report(system: System) -> list[str]:
    return [line for finding in examine(system) for line in finding.lines()]


def fails(system: System) -> list[str]:
    """Return the lines that are not "ok"."""
    return [line for line in report(system) if not line.startswith("ok    ")]


def not_run(program: str) -> str:
    raise FileNotFoundError(errno.ENOENT, "No such file or directory", program)


def no_end(program: str) -> str:
    raise subprocess.TimeoutExpired(program, 10)


def no_libusb() -> Sequence[object]:
    raise TransportError("libusb 1.0 is missing: apt-get install libusb-1.0-0")


def broken_libusb() -> Sequence[object]:
    raise TransportError("looking for USB devices: Other error")


def test_all_is_well() -> None:
    assert report(WELL) == [
        "ok    /dev/fuse can be opened",
        "ok    fusermount3 3.14.0",
        "ok    -o allow_other: not allowed (no user_allow_other in /etc/fuse.conf); a mount for yourself does not need it",
        "ok    libusb 1.0 works",
        "ok    usb 1003:c432 (bus 1 device 7): SIGMA fp can be opened",
    ]


@pytest.mark.parametrize(
    ("changes", "found", "fix"),
    [
        (
            {"try_open": failing(Path("/dev/fuse"), errno.ENOENT)},
            "/dev/fuse is missing: the kernel's module is not loaded",
            "sudo modprobe fuse",
        ),
        (
            {"try_open": failing(Path("/dev/fuse"), errno.EACCES)},
            "/dev/fuse: no permission",
            "sudo chmod 666 /dev/fuse",
        ),
        (
            {"try_open": failing(Path("/dev/fuse"), errno.EIO)},
            "/dev/fuse: Input/output error",
            "sudo modprobe -r fuse && sudo modprobe fuse",
        ),
        ({"which": lambda name: None}, "fusermount3 is missing", "sudo apt install fuse3"),
        ({"version_text": not_run}, "/usr/bin/fusermount3 cannot be run", "sudo apt install --reinstall fuse3"),
        ({"version_text": no_end}, "/usr/bin/fusermount3 cannot be run", "sudo apt install --reinstall fuse3"),
        (
            {"stat": {Path(FUSERMOUNT): status(stat.S_IFREG | 0o755)}.get},
            "fusermount3 3.14.0 may not mount: /usr/bin/fusermount3 is not setuid root",
            "sudo chown root /usr/bin/fusermount3 && sudo chmod u+s /usr/bin/fusermount3",
        ),
        (
            {"stat": {Path(FUSERMOUNT): status(stat.S_IFREG | 0o4755, 1000)}.get},
            "fusermount3 3.14.0 may not mount: /usr/bin/fusermount3 is not setuid root",
            "sudo chown root /usr/bin/fusermount3 && sudo chmod u+s /usr/bin/fusermount3",
        ),
        (
            {"exists": lambda path: path != Path("/etc/mtab")},
            "fusermount3 3.14.0 may mount, and not unmount: there is no /etc/mtab",
            "sudo ln -s /proc/self/mounts /etc/mtab",
        ),
        ({"find_cameras": no_libusb}, "libusb 1.0 is missing", "sudo apt install libusb-1.0-0"),
        ({"find_cameras": broken_libusb}, "looking for USB devices: Other error", "lsusb"),
        (
            {"usb_devices": list},
            "no camera found (no USB device of class 06/01/01 or named MTP)",
            "plug it in and switch it on; to try without one: camfs virtual:sigma-fp DIRECTORY",
        ),
        (
            {"try_open": failing(NODE, errno.EACCES)},
            "usb 1003:c432 (bus 1 device 7): no permission on its device node",
            "sudo camfs --install-units",
        ),
        (
            {"try_open": failing(NODE, errno.EACCES), "text": {RULE: "# the rule"}.get},
            f"usb 1003:c432 (bus 1 device 7): no permission on its device node; {RULE} gives it only to the user who sits at this computer",
            "sudo setfacl -m u:ana:rw /dev/bus/usb/001/007",
        ),
        (
            {"try_open": failing(NODE, errno.ENOENT)},
            "usb 1003:c432 (bus 1 device 7): No such file or directory",
            "unplug it and plug it in again",
        ),
        (
            {"held_by": lambda node: [Holder(2211, "gvfs-gphoto2-volume-monitor")]},
            "usb 1003:c432 (bus 1 device 7): in use by gvfs-gphoto2-volume-monitor (pid 2211)",
            "gio mount -s gphoto2",
        ),
        (
            {"held_by": lambda node: [Holder(5, "gvfsd-mtp"), Holder(6, "darktable"), Holder(7, "gvfsd-mtp")]},
            "usb 1003:c432 (bus 1 device 7): in use by gvfsd-mtp (pid 5) and darktable (pid 6) and gvfsd-mtp (pid 7)",
            "gio mount -s mtp; kill 6",
        ),
        (
            {"usb_devices": lambda: [replace(FP, interfaces=((8, 6, 80),))]},
            "usb 1003:c432 (bus 1 device 7): SIGMA fp is in mass-storage mode, where it is a disk and not a camera",
            "on the camera choose SYSTEM, USB Mode, Camera Control, and plug it in again",
        ),
        (
            {"adapters": lambda: [CABLE], "may_open": lambda path: False},
            "serial:/dev/ttyUSB0 (FT232R USB UART): no permission; members of group dialout have it",
            "sudo usermod -aG dialout ana, and log in again",
        ),
        (
            {
                "adapters": lambda: [CABLE],
                "may_open": lambda path: False,
                "stat": WELL.stat,
                "members": lambda number: ["ana"],
            },
            "serial:/dev/ttyUSB0 (FT232R USB UART): no permission; you joined its group dialout after you logged in",
            "log out and in again",
        ),
        (
            {
                "adapters": lambda: [CABLE],
                "held_by": lambda node: [Holder(9, "ModemManager")] if node == CABLE.device else [],
            },
            "serial:/dev/ttyUSB0 (FT232R USB UART): in use by ModemManager (pid 9)",
            "kill 9",
        ),
    ],
)
def test_findings(changes: Mapping[str, Any], found: str, fix: str) -> None:
    assert fails(replace(WELL, **changes)) == [f"FAIL  {found}", f"      mend: {fix}"]


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"text": {FUSE_CONFIGURATION: " user_allow_other "}.get},
            "-o allow_other: /etc/fuse.conf has user_allow_other",
        ),
        ({"is_root": lambda: True}, "-o allow_other: allowed for root"),
        ({"is_root": lambda: True, "which": lambda name: None}, "fusermount3 is missing, which root does not need"),
        ({"version_text": lambda program: ""}, "fusermount3 of an unknown version"),
        (
            {"usb_devices": list, "adapters": lambda: [CABLE]},
            "no USB camera, but there is a serial port, which may have a Kodak DC120",
        ),
        ({"adapters": lambda: [CABLE]}, "serial:/dev/ttyUSB0 (FT232R USB UART) can be opened"),
        (
            {"held_by": lambda node: [Holder(3121, "camfs")]},
            "usb 1003:c432 (bus 1 device 7): in use by camfs (pid 3121)",
        ),
        (
            {
                "camera_mounts": lambda: [MountEntry("usb:1003:c432", "/run/camfs/fp", CAMFS)],
                "try_open": failing(NODE, errno.EACCES),
            },
            "usb 1003:c432 (bus 1 device 7): in use by camfs at /run/camfs/fp",
        ),
        (
            {"usb_devices": lambda: [replace(FP, interfaces=((255, 255, 0),), speaks_mtp=True)]},
            "usb 1003:c432 (bus 1 device 7): SIGMA fp can be opened",
        ),
        (
            {
                "usb_devices": lambda: [replace(FP, interfaces=((255, 255, 0),), may_speak_mtp=True)],
                "adapters": lambda: [CABLE],
            },
            "usb 1003:c432 (bus 1 device 7): SIGMA fp does not say what it is; if it is a player or telephone in MTP mode, "
            "camfs usb:1003:c432 DIRECTORY asks it and mounts it",
        ),
        (
            {"usb_devices": lambda: [FP, replace(FP, vendor=0x0781, interfaces=((8, 6, 80),))]},
            "usb 1003:c432 (bus 1 device 7): SIGMA fp can be opened",
        ),
        (
            {"usb_devices": lambda: [replace(FP, name="fp\x1b[2J")]},
            "usb 1003:c432 (bus 1 device 7): fp?[2J can be opened",
        ),
    ],
)
def test_what_is_well(changes: Mapping[str, Any], line: str) -> None:
    system = replace(WELL, **changes)
    assert fails(system) == []
    assert f"ok    {line}" in report(system)


MOUNTED = replace(WELL, camera_mounts=lambda: [MountEntry("ptpip:10.0.0.2", "/mnt/cam", CAMFS)])


@pytest.mark.parametrize(
    ("lines", "found", "fix"),
    [
        (
            [
                "camera: iPhone",
                "stores: none: the camera shows no store: unlock the phone and tap Trust",
                "transfer: none",
            ],
            "/mnt/cam (iPhone): the camera shows no store",
            "unlock the phone and tap Trust",
        ),
        (
            ["camera: OM-1", "stores: none: the camera shows no store (it lists 0x00010000): choose MTP: now"],
            "/mnt/cam (OM-1): the camera shows no store (it lists 0x00010000)",
            "choose MTP: now",
        ),
        (
            ["camera: ILCE-7M4", "card: not available: the camera shows no store: set MTP"],
            "/mnt/cam (ILCE-7M4): the camera shows no store",
            "set MTP",
        ),
        (
            ["camera: Z 6_2", "card: 1 GB", f"last-error: GetObjectInfo: AccessDenied; {NIKON_WIFI}"],
            "/mnt/cam (Z 6_2): the camera denies access to its pictures",
            NIKON_WIFI,
        ),
        (
            ["stores: not available: no answer in 10 s"],
            "/mnt/cam (ptpip:10.0.0.2): stores: not available: no answer in 10 s",
            "switch the camera off and on",
        ),
        (["camera: fp", "connected: no"], "/mnt/cam (fp): the camera is not connected", "plug it in and switch it on"),
    ],
)
def test_a_mount_that_shows_nothing(lines: Sequence[str], found: str, fix: str) -> None:
    system = replace(MOUNTED, mount_status={"/mnt/cam": "\n".join(lines)}.__getitem__)
    assert fails(system) == [f"FAIL  {found}", f"      mend: {fix}"]


def test_a_mount_that_is_well_or_says_nothing() -> None:
    """It says nothing to another user, and nothing if it hangs."""
    status = "camera: fp\ncard: 1 GB\nlast-error: the camera shows no store: an hour ago\n"
    assert "ok    /mnt/cam (fp): the camera shows its stores" in report(
        replace(MOUNTED, mount_status=lambda point: status)
    )
    assert report(MOUNTED) == report(WELL)


@pytest.mark.parametrize(
    ("vendor", "remedy"), [(0x05AC, "tap Trust"), (0x054C, "MTP or Mass Storage"), (0x18D1, "unlock")]
)
def test_a_camera_that_may_show_nothing(vendor: int, remedy: str) -> None:
    (line,) = [
        line
        for line in report(replace(WELL, usb_devices=lambda: [replace(FP, vendor=vendor)]))
        if "can be opened; if it shows no pictures: " in line
    ]
    assert line.startswith("ok    ")
    assert remedy in line


def test_a_device_without_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only root may use it; the command names the group that distributions give such ports."""
    system = replace(
        WELL, adapters=lambda: [CABLE], may_open=lambda path: False, stat={Path(FUSERMOUNT): status(0o104755)}.get
    )
    assert fails(system)[1] == "      mend: sudo usermod -aG dialout ana, and log in again"


def test_this_computer() -> None:
    """The exit status says whether something failed, and each failure has a fix."""
    done = camfs("--doctor")
    lines = done.stdout.splitlines()
    failed = [number for number, line in enumerate(lines) if line.startswith("FAIL  ")]
    assert done.stderr == ""
    assert done.returncode == bool(failed)
    assert all(lines[number + 1].startswith("      mend: ") for number in failed)
    assert len(lines) - 2 * len(failed) == sum(line.startswith("ok    ") for line in lines) >= 1

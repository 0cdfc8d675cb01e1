"""The udev rule, applied by udev itself to cameras in an invented /sys."""

import os
import re
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RULES = ROOT / "systemd/70-camfs.rules"
README = ROOT / "README.md"

SCRIPT = """\
mount -t tmpfs tmpfs /run
mkdir -p /dev/char /etc/udev/rules.d
mount -t tmpfs tmpfs /dev/char
mount --bind "$2" /etc/udev/rules.d
mount --bind "$1" /sys
SYSTEMD_DEVICE_VERIFY_SYSFS=0 exec udevadm test --action="$3" /sys/devices/usb1/1-1
"""
"""Lets udev process an event without effect on this computer: its database, links and rules are in a mount namespace."""


@dataclass(frozen=True)
class Device:
    """A USB device on bus 1, as udev sees one; its interfaces have names once it is bound to its driver."""

    vendor: int = 0x1003
    product: int = 0xC432
    serial: str | None = "91403727"
    interfaces: Sequence[tuple[int, int, int]] = ((6, 1, 1),)
    names: Sequence[str] = ()

    def descriptors(self) -> bytes:
        """Return what the kernel read from it (USB 2.0, 9.6)."""
        parts = b"".join(
            struct.pack("<9B", 9, 4, number, 0, 1, *triple, 0) + struct.pack("<4BHB", 7, 5, 0x81 + number, 2, 512, 0)
            for number, triple in enumerate(self.interfaces)
        )
        device = struct.pack("<BBH4BHHH4B", 18, 1, 0x200, 0, 0, 0, 64, self.vendor, self.product, 0x100, 1, 2, 3, 1)
        return device + struct.pack("<BBH5B", 9, 2, 9 + len(parts), len(self.interfaces), 1, 0, 0xC0, 50) + parts

    def plug(self, sysfs: Path) -> None:
        """Make the files that the kernel makes."""
        place = sysfs / "devices/usb1/1-1"
        place.mkdir(parents=True)
        (sysfs / "bus/usb").mkdir(parents=True)
        (sysfs / "class").mkdir()
        (place / "subsystem").symlink_to("../../../bus/usb")
        (place / "descriptors").write_bytes(self.descriptors())
        texts = {
            "uevent": "MAJOR=189\nMINOR=6\nDEVNAME=bus/usb/001/007\nDEVTYPE=usb_device\nBUSNUM=001\nDEVNUM=007",
            "dev": "189:6",
            "idVendor": f"{self.vendor:04x}",
            "idProduct": f"{self.product:04x}",
            "bcdDevice": "0100",
            "manufacturer": "SIGMA",
            "product": "SIGMA fp",
            **({"serial": self.serial} if self.serial is not None else {}),
        }
        for number, name in enumerate(self.names):
            texts[f"1-1:1.{number}/interface"] = name
            (place / f"1-1:1.{number}").mkdir()
        for name, text in texts.items():
            (place / name).write_text(text + "\n")


@dataclass(frozen=True)
class Outcome:
    """What udev made of an event."""

    tags: set[str]
    properties: dict[str, str]

    @property
    def wanted(self) -> str | None:
        """The units that users' systemds start."""
        return self.properties.get("SYSTEMD_USER_WANTS") if "systemd" in self.tags else None


def process(place: Path, device: Device, action: str = "add", others: dict[str, str] | None = None) -> Outcome:
    """Let udev process an event; it must not complain about the rule."""
    rules, sysfs = place / "rules.d", place / "sys"
    rules.mkdir()
    for name, text in {RULES.name: RULES.read_text(), **(others or {})}.items():
        (rules / name).write_text(text)
    device.plug(sysfs)
    mapped = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    done = subprocess.run(
        ["unshare", "--mount", *mapped, "sh", "-ec", SCRIPT, "sh", sysfs, rules, action],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert f"Reading rules file: /etc/udev/rules.d/{RULES.name}" in said
    assert not re.findall(rf"^/etc/.*{RULES.name}:.*", said, re.MULTILINE), said
    properties = dict(re.findall(r"^(\w+)=(.*)$", said, re.MULTILINE))
    return Outcome(set(properties.get("CURRENT_TAGS", "").strip(":").split(":")), properties)


@pytest.mark.parametrize("action", ["add", "change", "bind"])
def test_a_camera_is_the_user_s_and_mounted(tmp_path: Path, action: str) -> None:
    outcome = process(tmp_path, Device(), action)
    assert {"uaccess", "systemd"} <= outcome.tags
    assert outcome.wanted == "camfs@usb:91403727.service"


@pytest.mark.parametrize(
    ("serial", "instance"),
    [
        ("4c1AbZ09", "usb:4c1AbZ09"),
        (None, "usb:04a9:3218"),
        ("", "usb:04a9:3218"),
        ("12.34", "usb:04a9:3218"),
        ("a-b", "usb:04a9:3218"),
        ("a b", "usb:04a9:3218"),
        ("a@b", "usb:04a9:3218"),
        ("x.service evil", "usb:04a9:3218"),
        ("$env{HOME}%k", "usb:04a9:3218"),
        ("\N{CAMERA}é", "usb:04a9:3218"),
    ],
)
def test_the_instance_names_the_camera(tmp_path: Path, serial: str | None, instance: str) -> None:
    """Whatever a device calls itself, only one unit is started, and it is camfs's."""
    assert process(tmp_path, Device(0x04A9, 0x3218, serial)).wanted == f"camfs@{instance}.service"


def test_a_camera_that_is_one_of_several_things(tmp_path: Path) -> None:
    outcome = process(tmp_path, Device(interfaces=((255, 0, 0), (6, 1, 1), (8, 6, 80))))
    assert outcome.wanted == "camfs@usb:91403727.service"


@pytest.mark.parametrize("names", [("MTP",), ("RIM MS/MTP",), ("ADB Interface", "MTP")])
def test_an_mtp_device_by_its_interface_s_name(tmp_path: Path, names: Sequence[str]) -> None:
    interfaces = [(255, 255, 0)] * len(names)
    outcome = process(tmp_path, Device(0x0FCE, 0x0166, "0123456789ABCDEF", interfaces, names), "bind")
    assert {"uaccess", "systemd"} <= outcome.tags
    assert outcome.wanted == "camfs@usb:0123456789ABCDEF.service"


def test_an_mtp_device_that_libmtp_knows(tmp_path: Path) -> None:
    known = {"69-libmtp.rules": 'SUBSYSTEM=="usb", ENV{ID_MTP_DEVICE}="1"\n'}
    outcome = process(tmp_path, Device(0x0FCE, 0x0166, None, ((255, 255, 0),)), others=known)
    assert {"uaccess", "systemd"} <= outcome.tags
    assert outcome.wanted == "camfs@usb:0fce:0166.service"


@pytest.mark.parametrize("names", [(), ("",), ("FT232R USB UART",), ("ADB Interface",)])
def test_other_devices_of_vendor_class_are_left_alone(tmp_path: Path, names: Sequence[str]) -> None:
    outcome = process(tmp_path, Device(0x0403, 0x6001, None, ((255, 255, 255),), names), "bind")
    assert not {"uaccess", "systemd"} & outcome.tags
    assert "CAMFS_SOURCE" not in outcome.properties


def test_a_sigma_as_a_disk_is_not_mounted(tmp_path: Path) -> None:
    outcome = process(tmp_path, Device(interfaces=((8, 6, 80),)))
    assert "uaccess" in outcome.tags
    assert outcome.wanted is None


def test_other_devices_are_left_alone(tmp_path: Path) -> None:
    outcome = process(tmp_path, Device(0x0781, 0x5567, interfaces=((8, 6, 80),)))
    assert not {"uaccess", "systemd"} & outcome.tags
    assert "CAMFS_SOURCE" not in outcome.properties


def test_unplugging_starts_nothing(tmp_path: Path) -> None:
    assert process(tmp_path, Device(), "remove").wanted is None


@pytest.mark.parametrize("one_camera", ["", 'SUBSYSTEM=="usb", ATTR{idVendor}=="1003", '])
def test_who_wants_no_mounts(tmp_path: Path, one_camera: str) -> None:
    """By the line that README has, or for one kind of camera."""
    (line,) = re.findall(r"echo '(.+?)' \\\| sudo tee /etc/udev/rules.d/69-camfs.rules", README.read_text("utf-8"))
    outcome = process(tmp_path, Device(), others={"69-camfs.rules": f"{one_camera}{line}\n"})
    assert "uaccess" in outcome.tags
    assert outcome.wanted is None


def test_gvfs_is_kept_away_where_asked(tmp_path: Path) -> None:
    """The line that the rule has commented out removes the property that libgphoto2's rules set."""
    sets = {"60-libgphoto2.rules": 'SUBSYSTEM=="usb", ENV{ID_GPHOTO2}="1"\n'}
    (tmp_path / "without").mkdir()
    assert process(tmp_path / "without", Device(), others=sets).properties["ID_GPHOTO2"] == "1"
    text = RULES.read_text()
    assert "\n#ENV{ID_GPHOTO2}" in text
    with_it = {**sets, RULES.name: text.replace("\n#ENV{ID_GPHOTO2}", "\nENV{ID_GPHOTO2}")}
    (tmp_path / "with").mkdir()
    outcome = process(tmp_path / "with", Device(), others=with_it)
    assert not outcome.properties.get("ID_GPHOTO2")
    assert outcome.wanted == "camfs@usb:91403727.service"

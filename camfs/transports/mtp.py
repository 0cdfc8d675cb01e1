"""How an MTP device whose interface has the vendor-specific class (0xFF) is told from all the other devices of that class.

==================================================== ====================== ==========================================================
evidence                                             found by               what the device is asked
==================================================== ====================== ==========================================================
the interface's name contains `MTP`                  `is_named`             nothing: the kernel has read the name when it was plugged in
udev's database has `ID_MTP_DEVICE=1`                `is_marked`            nothing: the rules of libmtp have set it when it was plugged
                                                                            in, from libmtp's table of devices, or because they asked
the Microsoft OS descriptor has the compatible id    `osdescriptor.ask`     its string 0xEE, and one vendor request
`MTP`
==================================================== ====================== ==========================================================

Asking can do harm: a Walkman of 1999 resets itself (libmtp issue 362), and scanners and colour meters that look like MTP devices get
stuck (libmtp issue 280, and the list of devices in libmtp's udev rules). So a list of cameras never asks. Only a device that the user
names as SOURCE is asked, once as long as it is plugged in, with half a second of patience, and only if

* it speaks USB 2.0 or later, as the descriptor demands (libmtp issue 362);
* the interface has three endpoints, bulk IN, bulk OUT and interrupt IN, which is how libmtp picks its candidates;
* no driver of the kernel holds the interface;
* no udev rule says `MTP_NO_PROBE=1`.
"""

from collections.abc import Mapping
from pathlib import Path

UDEV = Path("/run/udev/data")
"""udev's database: a file for each device, here those of character devices, with a line `E:NAME=VALUE` for each property."""

ENDPOINTS = 3
"""Endpoints of an MTP interface."""

USB_2_0 = 0x0200
"""bcdUSB of the oldest devices that may have an OS descriptor."""


def is_named(name: str | None) -> bool:
    """Say whether the name of a vendor-specific interface is that of an MTP interface: `MTP`, `RIM MS/MTP`."""
    return "MTP" in (name or "")


def udev_properties(device: str) -> Mapping[str, str]:
    """Return what udev's rules have set for a USB device; nothing where no udev runs.

    Args:
        device: major and minor number of its node, `189:23`.
    """
    try:
        lines = (UDEV / f"c{device}").read_text(errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line[2:].partition("=") for line in lines if line.startswith("E:"))
    return {name: value for name, _, value in pairs}


def is_marked(properties: Mapping[str, str]) -> bool:
    """Say whether udev's rules take a device for an MTP device."""
    return properties.get("ID_MTP_DEVICE") == "1"


def may_be_asked(usb_version: int, properties: Mapping[str, str]) -> bool:
    """Say whether a device may be asked, as far as its bcdUSB and udev's rules tell."""
    return usb_version >= USB_2_0 and properties.get("MTP_NO_PROBE") != "1"

"""The emulated PTP camera as an MTP device of vendor class on this computer's bus: `python -m tests.usb.vendor_gadget named|described`.

`named`: the interface is named MTP. `described`: it has another name, and a Microsoft OS descriptor says what it is.
"""

import struct
import sys
from pathlib import Path
from unittest.mock import patch

from camfs.virtual.__main__ import main
from camfs.virtual.usb import functionfs, gadget

VENDOR_CLASS = struct.pack("<9B", 9, 4, 0, 0, 3, 255, 255, 0, 1)
HAS_OS_DESCRIPTOR = 8
"""FUNCTIONFS_HAS_MS_OS_DESC."""
COMPATIBLE = struct.pack("<BIHHBB", 1, 11 + 24, 1, 4, 1, 0) + struct.pack("<BB8s8s6x", 0, 1, b"MTP", b"")
"""An OS descriptor as FunctionFS takes it: a header, and the compatible id of interface 0."""


def with_os_descriptor(plain: bytes) -> bytes:
    """Add the OS descriptor to what `ep0` takes first."""
    magic, length, flags = struct.unpack_from("<3I", plain)
    counts, rest = plain[12:24], plain[24:]
    size = length + 4 + len(COMPATIBLE)
    header = struct.pack("<3I", magic, size, flags | HAS_OS_DESCRIPTOR)
    return header + counts + struct.pack("<I", 1) + rest + COMPATIBLE


def serve(described: bool) -> int:
    """Serve until a signal comes."""
    plain, make, remove = functionfs.descriptors, gadget._make, gadget._remove

    def make_described(folder: Path, *rest: object) -> None:
        make(folder, *rest)  # type: ignore[arg-type]
        for name, value in (("use", "1"), ("b_vendor_code", "0x44"), ("qw_sign", "MSFT100")):
            (folder / "os_desc" / name).write_text(value)
        (folder / "os_desc/c.1").symlink_to(folder / "configs/c.1")

    def remove_described(folder: Path) -> None:
        (folder / "os_desc/c.1").unlink(missing_ok=True)
        remove(folder)

    with (
        patch.object(functionfs, "INTERFACE", VENDOR_CLASS),
        patch.object(gadget, "INTERFACE_NAME", "Player" if described else "MTP"),
        patch.object(functionfs, "descriptors", lambda: with_os_descriptor(plain()) if described else plain()),
        patch.object(gadget, "_make", make_described if described else make),
        patch.object(gadget, "_remove", remove_described if described else remove),
    ):
        return main(["ptp", "--gadget", "--objects=3"])


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1] == "described"))

"""What the kernel knows of USB devices and serial adapters, read without opening them (Linux, Documentation/ABI, sysfs-bus-usb)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from camfs.transports import mtp

DEVICES = Path("/sys/bus/usb/devices")
TERMINALS = Path("/sys/class/tty")

STILL_IMAGE = (6, 1, 1)
"""Class, subclass and protocol of a still image interface."""
MASS_STORAGE = 8
"""Class of a card reader's interface."""
VENDOR_SPECIFIC = 0xFF
"""Class of an interface that some MTP devices have instead: `camfs.transports.mtp` tells which."""


@dataclass(frozen=True)
class UsbDevice:
    """A USB device.

    Attributes:
        vendor, product: its USB ids.
        bus, address: its place, as lsusb shows it.
        name: what it calls itself.
        interfaces: class, subclass and protocol of each interface.
        serial: its serial number, None if it has none.
        speaks_mtp: whether it has a vendor-specific interface that is known to speak MTP.
        may_speak_mtp: whether it has one that looks so, of which nobody knows whether it does.
    """

    vendor: int
    product: int
    bus: int
    address: int
    name: str
    interfaces: tuple[tuple[int, int, int], ...]
    serial: str | None = None
    speaks_mtp: bool = False
    may_speak_mtp: bool = False

    @property
    def is_camera(self) -> bool:
        """Whether it speaks PTP, by the same rule as `camfs.transports.usb.find`, which however may ask a device that the user names."""
        return STILL_IMAGE in self.interfaces or self.speaks_mtp

    @property
    def is_card_reader(self) -> bool:
        """Whether it offers its card as a disk and does not speak PTP."""
        return not self.is_camera and any(triple[0] == MASS_STORAGE for triple in self.interfaces)

    def __str__(self) -> str:
        return f"usb {self.vendor:04x}:{self.product:04x} (bus {self.bus} device {self.address})"


@dataclass(frozen=True)
class Adapter:
    """A serial port on a USB adapter; `name` is what the adapter calls itself, `serial` its serial number."""

    device: Path
    name: str
    serial: str | None


def usb_devices() -> list[UsbDevice]:
    """Return all USB devices, in the order of their places."""
    found = [device for folder in _entries(DEVICES) if (device := _device(folder)) is not None]
    return sorted(found, key=lambda device: (device.bus, device.address))


def adapters() -> list[Adapter]:
    """Return the serial ports on USB adapters, in the order of their names."""
    found = []
    for terminal in _entries(TERMINALS):
        if terminal.name.startswith(("ttyUSB", "ttyACM")):
            place = terminal.resolve()
            owner = next((folder for folder in place.parents if (folder / "idVendor").exists()), None)
            name = attribute(owner / "product") if owner else None
            serial = attribute(owner / "serial") if owner else None
            found.append(Adapter(Path("/dev") / terminal.name, name or "USB serial adapter", serial))
    return found


def _device(folder: Path) -> UsbDevice | None:
    """Return the device of a folder; None if it is the folder of an interface, or the device has just gone."""
    try:
        ids = [int((folder / name).read_text(), 16) for name in ("idVendor", "idProduct")]
        place = [int((folder / name).read_text()) for name in ("busnum", "devnum")]
    except (OSError, ValueError):
        return None
    triples, is_named, looks_like_mtp = [], False, False
    for interface in _entries(folder):
        if ":" not in interface.name:
            continue
        try:
            numbers = [
                int((interface / f"bInterface{name}").read_text(), 16) for name in ("Class", "SubClass", "Protocol")
            ]
        except (OSError, ValueError):
            continue
        triples.append((numbers[0], numbers[1], numbers[2]))
        if numbers[0] == VENDOR_SPECIFIC:
            is_named |= mtp.is_named(attribute(interface / "interface"))
            endpoints = attribute(interface / "bNumEndpoints") or ""
            looks_like_mtp |= endpoints == f"{mtp.ENDPOINTS:02}" and not (interface / "driver").exists()
    properties = mtp.udev_properties(attribute(folder / "dev") or "")
    speaks_mtp = is_named or (looks_like_mtp and mtp.is_marked(properties))
    return UsbDevice(
        vendor=ids[0],
        product=ids[1],
        bus=place[0],
        address=place[1],
        name=attribute(folder / "product") or "unnamed device",
        interfaces=tuple(triples),
        serial=attribute(folder / "serial"),
        speaks_mtp=speaks_mtp,
        may_speak_mtp=looks_like_mtp and not speaks_mtp,
    )


def _entries(folder: Path) -> Iterator[Path]:
    try:
        yield from sorted(folder.iterdir())
    except OSError:
        return


def attribute(file: Path) -> str | None:
    """Return what the kernel read from the device when it was plugged in, None if there is no such text. Needs no permission."""
    try:
        return file.read_text(errors="replace").strip() or None
    except OSError:
        return None

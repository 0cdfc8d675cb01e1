"""SOURCE: what the command line says is to be mounted.

============================ ==========================================================
nothing, `usb:`              the only USB camera
`usb:VID:PID`                by its USB ids, four hexadecimal digits each
`usb:SERIAL`                 by its serial number
`usb:BUS.DEV`                by its place, decimal, as lsusb shows it
`serial:DEVICE`              a Kodak DC120 on a serial port
`virtual:MODEL?NAME=VALUE&…` an emulated camera
============================ ==========================================================
"""

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

FORMS = (
    "usb:",
    "usb:VID:PID",
    "usb:SERIAL",
    "usb:BUS.DEV",
    "serial:DEVICE",
    "virtual:sigma-fp",
    "virtual:ptp",
    "virtual:dc120",
)
"""The forms of a SOURCE, for help and errors."""


@dataclass(frozen=True)
class UsbSource:
    """A USB camera; None stands for any."""

    vendor: int | None = None
    product: int | None = None
    serial: str | None = None
    bus: int | None = None
    device: int | None = None


@dataclass(frozen=True)
class SerialSource:
    """A camera on a serial port."""

    device: str


@dataclass(frozen=True)
class VirtualSource:
    """An emulated camera and its options."""

    model: str
    options: dict[str, str] = field(default_factory=dict)


Source = UsbSource | SerialSource | VirtualSource


def parse_source(text: str) -> Source:
    """Read a SOURCE.

    Raises:
        ValueError: it is none; the text says what is.
    """
    scheme, colon, rest = text.partition(":")
    if scheme == "usb" and (colon or not rest):
        if not rest:
            return UsbSource()
        if match := re.fullmatch(r"([0-9a-fA-F]{4}):([0-9a-fA-F]{4})", rest):
            return UsbSource(vendor=int(match[1], 16), product=int(match[2], 16))
        if match := re.fullmatch(r"(\d{1,3})\.(\d{1,3})", rest):
            return UsbSource(bus=int(match[1]), device=int(match[2]))
        return UsbSource(serial=rest)
    if scheme == "virtual" and rest:
        model, _, query = rest.partition("?")
        pairs = (pair.partition("=") for pair in query.split("&") if pair)
        return VirtualSource(model, {name: unquote(value) for name, _, value in pairs})
    if scheme == "serial" and rest:
        return SerialSource(rest)
    if scheme == "ptpip":
        raise ValueError(f"{text}: this version has no {scheme}: cameras yet")
    raise ValueError(f"{text} is no source; there are {', '.join(FORMS)}")

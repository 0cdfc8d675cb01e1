"""SOURCE: what the command line says is to be mounted.

============================ ==========================================================
nothing, `usb:`              the only USB camera
`usb:VID:PID`                by its USB ids, four hexadecimal digits each
`usb:SERIAL`                 by its serial number
`usb:BUS.DEV`                by its place, decimal, as lsusb shows it
`ptpip:HOST[:PORT]`          a camera on the network; an IPv6 address in brackets, port 15740 if none is given
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
    "ptpip:HOST",
    "serial:DEVICE",
    "virtual:sigma-fp",
    "virtual:ptp",
    "virtual:dc120",
)
"""The forms of a SOURCE, for help and errors."""

PTPIP_PORT = 15740
"""The number of PTP's standard, ISO 15740."""

_PLACE = r"(?:\[([^\[\]\s]+)\]|([^:\[\]\s]+))(?::([0-9]{1,5}))?"
"""A host, an IPv6 address in brackets, and perhaps a port."""


@dataclass(frozen=True)
class UsbSource:
    """A USB camera; None stands for any."""

    vendor: int | None = None
    product: int | None = None
    serial: str | None = None
    bus: int | None = None
    device: int | None = None


@dataclass(frozen=True)
class PtpIpSource:
    """A camera on the network: a name or an address, without brackets, and a TCP port."""

    host: str
    port: int


@dataclass(frozen=True)
class SerialSource:
    """A camera on a serial port."""

    device: str


@dataclass(frozen=True)
class VirtualSource:
    """An emulated camera and its options."""

    model: str
    options: dict[str, str] = field(default_factory=dict)


Source = UsbSource | PtpIpSource | SerialSource | VirtualSource


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
    if scheme == "ptpip" and (match := re.fullmatch(_PLACE, rest)) and 0 < int(match[3] or PTPIP_PORT) <= 0xFFFF:
        return PtpIpSource(match[1] or match[2], int(match[3] or PTPIP_PORT))
    raise ValueError(f"{text} is no source; there are {', '.join(FORMS)}")

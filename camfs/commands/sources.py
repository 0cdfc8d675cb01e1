"""SOURCE: what the command line says is to be mounted.

`FORMS` is the only table of the forms: `parse_source`, the help, the errors, the manual page and the completions are made from it,
and a test compares the README with it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import unquote

PTPIP_PORT = 15740
"""The port that ISO 15740 gives to PTP/IP."""


@dataclass(frozen=True)
class UsbSource:
    """A USB camera; None means any."""

    vendor: int | None = None
    product: int | None = None
    serial: str | None = None
    bus: int | None = None
    device: int | None = None


@dataclass(frozen=True)
class PtpIpSource:
    """A camera on the network: a host name or an address (IPv6 without brackets), and a TCP port."""

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


@dataclass(frozen=True)
class Form:
    """One form of a SOURCE.

    Attributes:
        text: as it is typed; words in capitals stand for what the user fills in.
        meaning: what it mounts.
        pattern: a regular expression that matches the whole of such a SOURCE.
        read: makes the source from the match; None if a value in it is out of range.
    """

    text: str
    meaning: str
    pattern: str
    read: Callable[[re.Match[str]], Source | None]

    @property
    def typed(self) -> str:
        """What can be typed before anything has to be filled in: `serial:` of `serial:DEVICE`."""
        return re.sub(r":[A-Z].*", ":", self.text)


def _read_place(match: re.Match[str]) -> Source | None:
    port = int(match["port"] or PTPIP_PORT)
    return PtpIpSource(match["address"] or match["name"], port) if 0 < port <= 0xFFFF else None


_VIRTUAL = r"virtual:([^?]+)(?:\?(.*))?"


def _read_virtual(match: re.Match[str]) -> Source:
    pairs = (pair.partition("=") for pair in (match[2] or "").split("&") if pair)
    return VirtualSource(match[1], {name: unquote(value) for name, _, value in pairs})


FORMS = (
    Form(
        "usb:", "the USB camera; if there are several, camfs names them and mounts none", "usb:?", lambda _: UsbSource()
    ),
    Form(
        "usb:VID:PID",
        "the camera with these USB ids, four hexadecimal digits each",
        "usb:([0-9a-fA-F]{4}):([0-9a-fA-F]{4})",
        lambda match: UsbSource(vendor=int(match[1], 16), product=int(match[2], 16)),
    ),
    Form(
        "usb:BUS.DEV",
        "the camera with this bus and device number, in decimal, as lsusb shows them",
        r"usb:(\d{1,3})\.(\d{1,3})",
        lambda match: UsbSource(bus=int(match[1]), device=int(match[2])),
    ),
    Form("usb:SERIAL", "the camera with this serial number", "usb:(.+)", lambda match: UsbSource(serial=match[1])),
    Form("serial:DEVICE", "a Kodak DC120 on a serial port", "serial:(.+)", lambda match: SerialSource(match[1])),
    Form(
        "ptpip:HOST",
        f"a camera on the network (PTP/IP); HOST:PORT for a port other than {PTPIP_PORT}, IPv6 addresses in brackets",
        r"ptpip:(?:\[(?P<address>[^\[\]\s]+)\]|(?P<name>[^:\[\]\s]+))(?::(?P<port>[0-9]{1,5}))?",
        _read_place,
    ),
    # These share a pattern: which models there are is for the emulated cameras to know.
    Form("virtual:sigma-fp", "an emulated SIGMA fp", _VIRTUAL, _read_virtual),
    Form("virtual:nikon", "an emulated Nikon", _VIRTUAL, _read_virtual),
    Form("virtual:canon-eos", "an emulated Canon EOS", _VIRTUAL, _read_virtual),
    Form("virtual:ptp", "an emulated plain PTP camera", _VIRTUAL, _read_virtual),
    Form("virtual:dc120", "an emulated Kodak DC120", _VIRTUAL, _read_virtual),
)
"""All forms. The first that matches counts: a serial number is what follows `usb:` and is nothing else."""


KINDS = tuple(dict.fromkeys(form.text.partition(":")[0] for form in FORMS))
"""What a SOURCE begins with, before the colon."""


def kind_of(text: str) -> str:
    """Return the kind of a text that is meant for a SOURCE, right or wrong; empty if it does not begin with one."""
    kind, colon, _ = text.partition(":")
    return kind if kind in KINDS and (colon or text == "usb") else ""


def parse_source(text: str) -> Source:
    """Read a SOURCE.

    Raises:
        ValueError: it has none of the forms; the text lists them.
    """
    for form in FORMS:
        if (match := re.fullmatch(form.pattern, text, re.DOTALL)) and (source := form.read(match)):
            return source
    raise ValueError(f"{text} is not a source; the forms are {', '.join(form.text for form in FORMS)}")

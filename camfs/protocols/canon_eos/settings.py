"""The settings of EOS cameras: a row for each property that has a name in `.settings/`.

A row is a name, the property's code, its coding, and whether it can only be read. Everything else about a setting the body says itself:
its value (C189) and what it may be set to now (C18A). A property without a row is shown under its code, `prop-d1a4`, as a number, or in
hexadecimal where it is a structure. What each row rests on: camfs/protocols/canon_eos/README.md, "Settings".
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from camfs.errors import AccessDenied, InvalidValue
from camfs.protocols.canon_eos import words
from camfs.protocols.canon_eos.codes import FORMAT_PROPERTIES, Property
from camfs.protocols.canon_eos.codings import (
    APERTURE,
    ISO,
    SHUTTER,
    WIDTH,
    Coding,
    Destinations,
    Formats,
    Number,
    Steps,
    Text,
    read_code,
    write_code,
)


@dataclass(frozen=True)
class Bytes:
    """A value of a property that has no row: up to four bytes are a number, anything longer is written in hexadecimal."""

    def decode(self, value: bytes, offered: Sequence[bytes] = ()) -> str:
        return write_code(int.from_bytes(value, "little")) if 0 < len(value) <= WIDTH else value.hex()

    def encode(self, text: str, offered: Sequence[bytes] = ()) -> bytes:
        return (read_code(text.strip()) & 0xFFFF_FFFF).to_bytes(WIDTH, "little")


@dataclass(frozen=True)
class Setting:
    """A setting.

    Attributes:
        name: of its file.
        code: of its property.
        coding: how its value is written.
        read_only: it is never written.
    """

    name: str
    code: int
    coding: Coding = field(default_factory=Bytes)
    read_only: bool = False

    def read(self, value: bytes, offered: Sequence[bytes] = ()) -> str:
        """Write a value as text."""
        return self.coding.decode(value, offered)

    def choices(self, offered: Sequence[bytes]) -> tuple[str, ...]:
        """Write what the body offers now, each text once."""
        if self.read_only:
            return ()
        return tuple(dict.fromkeys(self.coding.decode(value, offered) for value in offered))

    def encode(self, text: str, offered: Sequence[bytes], current: bytes | None) -> bytes:
        """Return the value that a text means.

        Args:
            text: as a photographer writes it.
            offered: what the body offers now; empty if it has no list.
            current: the value that it has.

        Raises:
            AccessDenied: the setting can only be read.
            InvalidValue: it means no value, or none that the body offers now.
        """
        if self.read_only or (current is not None and isinstance(self.coding, Bytes) and len(current) > WIDTH):
            raise AccessDenied(f"{self.name}: it can only be read")
        for value in (*offered, *([current] if current is not None else [])):
            if self.coding.decode(value, offered) == text:
                return value
        try:
            value = self.coding.encode(text, offered)
        except (ValueError, OverflowError, ZeroDivisionError):
            raise InvalidValue(f"{self.name}: {text[:40]!r} is not a valid value") from None
        if offered and value not in offered:
            raise InvalidValue(f"{self.name}: the camera does not offer {text[:40]} now")
        return value


_EV = Steps()

SETTINGS = (
    # Exposure
    Setting("exposure-mode", Property.ExposureMode, words.EXPOSURE_MODE),
    Setting("shutter-speed", Property.ShutterSpeed, SHUTTER),
    Setting("aperture", Property.Aperture, APERTURE),
    Setting("iso", Property.Iso, ISO),
    Setting("exposure-compensation", 0xD104, _EV),
    Setting("metering-mode", 0xD107, words.METERING_MODE),
    Setting("bracket-step", 0xD1D9, _EV),
    # Drive and flash
    Setting("drive-mode", 0xD106, words.DRIVE_MODE),
    Setting("flash", 0xD1DC, words.FLASH),
    Setting("flash-compensation", 0xD126, _EV),
    Setting("mirror-lockup", 0xD13A, words.OFF_ON),
    # Focus
    Setting("focus-mode", Property.FocusMode, words.FOCUS_MODE),
    Setting("live-view-focus", 0xD1BA, words.LIVE_VIEW_FOCUS),
    # Picture
    Setting("image-quality", Property.ImageFormat, Formats()),
    Setting("image-quality-cf", Property.ImageFormatCF, Formats()),
    Setting("image-quality-sd", Property.ImageFormatSD, Formats()),
    Setting("image-quality-external", Property.ImageFormatExternal, Formats()),
    Setting("white-balance", 0xD109, words.WHITE_BALANCE),
    Setting("color-temperature", 0xD10A, Number("K")),
    Setting("white-balance-shift-amber", 0xD10B, Number(signed=True)),
    Setting("white-balance-shift-magenta", 0xD10C, Number(signed=True)),
    Setting("color-space", 0xD10F, words.COLOR_SPACE),
    Setting("picture-style", 0xD110, words.PICTURE_STYLE),
    Setting("aspect-ratio", 0xD194, words.ASPECT_RATIO),
    # The body
    Setting("destination", Property.CaptureDestination, Destinations()),
    Setting("free-shots", Property.ShotsLeft, Number(), read_only=True),
    Setting("battery", 0xD111, words.BATTERY, read_only=True),
    Setting("lens", 0xD1D8, Text(), read_only=True),
    Setting("shutter-count", 0xD1AC, Number(), read_only=True),
    Setting("power-timeout", Property.AutoPowerOff, Number("s")),
    Setting("review-time", 0xD1A9, Number("s", words={0: "off", 0xFF: "hold"})),
    Setting("owner", Property.Owner, Text(32)),
    Setting("artist", Property.Artist, Text()),
    Setting("copyright", Property.Copyright, Text()),
)
"""All that have a name, in the order in which they are shown."""

_BY_CODE = {row.code: row for row in SETTINGS}
_BY_NAME = {row.name: row for row in SETTINGS}

PREFIX = "prop-"

NOT_SETTINGS = frozenset({Property.DateTime, Property.UtcTime, Property.SerialNumber})
"""Properties that are shown elsewhere: in `.clock` and in `.status`."""


def setting_of(code: int) -> Setting:
    """Return the setting of a property: its row, or one under its code."""
    found = _BY_CODE.get(code)
    if found is None:
        return Setting(f"{PREFIX}{code:04x}", code, Formats() if code in FORMAT_PROPERTIES else Bytes())
    return found


def setting_named(name: str) -> Setting | None:
    """Return the setting of a name; None if there can be no such setting."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    digits = name.removeprefix(PREFIX)
    try:
        code = int(digits, 16)
    except ValueError:
        return None
    return setting_of(code) if setting_of(code).name == name else None

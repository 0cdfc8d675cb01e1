"""Sony's properties as settings: what they are called, and how their values are written. One row a property.

Properties of the standard keep the standard's names, and mostly its values with Sony's words for them (`camfs.protocols.ptp.makers`).
What differs between the two versions of the protocol (`codes.STEPWISE`, `codes.DIRECT`) is told by the property's type: drive and
exposure mode have 32 bits in the newer one, of which the low half is the code of the older, so one table serves both
(camfs/protocols/sony/README.md, "Settings").
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import log2

from camfs.protocols.ptp import properties
from camfs.protocols.ptp.codes import DataType
from camfs.protocols.ptp.datasets import DevicePropDesc, Enumeration, Range
from camfs.protocols.ptp.exposure_times import parse_time
from camfs.protocols.ptp.makers import Maker, words_of
from camfs.protocols.ptp.notation import (
    CODE,
    EXPOSURE_STEPS,
    NUMBER,
    Notation,
    decimal,
    with_words,
)
from camfs.protocols.ptp.values import Value
from camfs.protocols.sony.codes import BULB, SonyProperty

TENTHS_FROM = Fraction(4, 10)
"""Seconds from which on an exposure time is counted in tenths."""

_AUTO_ISO = 0xFFFFFF
_NR, _EXTENDED = 0x01 << 24, 0x10 << 24
"""High bytes of an ISO: with multi-frame noise reduction; of the extended range."""


def _write_iso(value: int) -> str:
    number, kind = value & 0xFFFFFF, value & 0xFF000000
    if kind not in (0, _NR, _EXTENDED):
        return hex(value)
    return ("auto" if number == _AUTO_ISO else str(number)) + ("-nr" if kind == _NR else "")


def _read_iso(text: str) -> Sequence[int]:
    word = text.lower().strip()
    plain = word.removesuffix("-nr")
    number = _AUTO_ISO if plain == "auto" else int(plain, 0)
    if plain != word:
        return (_NR | number,)
    return (number,) if number > 0xFFFFFF else (number, _EXTENDED | number)


SONY_ISO = Notation(_write_iso, hex, _read_iso)
"""An ISO in the low 24 bits: `400`, `auto`, and `400-nr`, `auto-nr` with multi-frame noise reduction."""


def seconds_of(value: int, half: int = 16) -> Fraction | None:
    """Return the seconds of an exposure time of two halves of so many bits; None for bulb, and where there is none."""
    numerator, denominator = value >> half, value & (1 << half) - 1
    if not numerator or not denominator or value == (1 << 2 * half) - 1:
        return None
    return Fraction(numerator, denominator)


def exposure_fraction(half: int) -> Notation:
    """Write exposure times that are fractions with halves of so many bits: `1/125`, `0.5`, `30`."""

    def write(value: int) -> str:
        if value == BULB:
            return "bulb"
        if value == (1 << 2 * half) - 1:
            return "none"
        seconds = seconds_of(value, half)
        if seconds is None:
            return hex(value)
        if seconds.numerator == 1 and seconds < TENTHS_FROM:
            return f"1/{seconds.denominator}"
        if 10 % seconds.denominator == 0:
            return f"{float(seconds):.1f}".removesuffix(".0")
        return str(seconds)

    def read(text: str) -> Sequence[int]:
        word = text.lower().strip()
        if word in ("bulb", "none"):
            return (BULB if word == "bulb" else (1 << 2 * half) - 1,)
        seconds = parse_time(text)
        if seconds <= 0:
            raise ValueError(text)
        tenths = round(seconds * 10)
        fractions = [(seconds.numerator, seconds.denominator)]
        if abs(seconds - Fraction(tenths, 10)) < TENTHS_FROM / 8:
            fractions.insert(0 if seconds >= TENTHS_FROM else 1, (tenths, 10))
        values = [above << half | below for above, below in fractions if max(above, below) < 1 << half]
        if not values:
            raise ValueError(text)
        return values

    return Notation(write, hex, read)


SHUTTER = exposure_fraction(16)
LONG_SHUTTER = exposure_fraction(32)


def _table(rows: str) -> Mapping[int, str]:
    """Read `value=word` pairs."""
    return {int(value, 0): word for value, _, word in (row.partition("=") for row in rows.split())}


_SWITCH = _table("0=off 1=on")
_LOCK = _table("1=off 2=on")
_RANGES = _table("""1=off 2=dro 0x10=dro-plus 0x11=dro-1 0x12=dro-2 0x13=dro-3 0x14=dro-4 0x15=dro-5 0x1f=dro-auto
0x20=hdr-auto 0x21=hdr-1 0x22=hdr-2 0x23=hdr-3 0x24=hdr-4 0x25=hdr-5 0x26=hdr-6""")
_AREAS = _table("""1=wide 2=zone 3=center 0x101=spot-s 0x102=spot-m 0x103=spot-l 0x104=expand-spot
0x201=tracking-wide 0x202=tracking-zone 0x203=tracking-center""")
_AREAS_KNOWN = {code: word for code, word in _AREAS.items() if code < 0x200}
"""Which of the tracking areas is which is not known."""


@dataclass(frozen=True)
class SonySetting:
    """A property of Sony's, or one of the standard's with values of Sony's that are no words.

    Attributes:
        code: the property's.
        name: of its setting.
        notation: of its values.
        words: for some of its values.
        instead: properties that have the same name on bodies that do not have this one, best first.
    """

    code: int
    name: str
    notation: Notation = NUMBER
    words: Mapping[int, str] = field(default_factory=dict)
    instead: tuple[int, ...] = ()


SONY_SETTINGS = (
    SonySetting(SonyProperty.Iso, "iso", SONY_ISO, instead=(0xD226, 0xD216)),
    SonySetting(SonyProperty.ShutterSpeed, "shutter-speed", SHUTTER, instead=(0xD229, 0xD19F)),
    SonySetting(SonyProperty.ExposureCompensation, "exposure-compensation", EXPOSURE_STEPS, instead=(0xD224,)),
    SonySetting(SonyProperty.Destination, "destination", CODE, _table("1=computer 0x10=card 0x11=both")),
    SonySetting(0xD200, "flash-compensation", EXPOSURE_STEPS),
    SonySetting(0xD201, "dynamic-range", CODE, _RANGES),
    SonySetting(0xD203, "image-size", CODE, _table("1=large 2=medium 3=small")),
    SonySetting(0xD20F, "color-temperature", decimal(0, suffix="K")),
    SonySetting(0xD211, "aspect-ratio", CODE, _table("1=3:2 2=16:9 3=4:3 4=1:1")),
    SonySetting(0xD217, "ae-lock", CODE, _LOCK),
    SonySetting(SonyProperty.Battery, "battery-level", decimal(0, suffix="%"), {-1: "unknown"}, instead=(0x5001,)),
    SonySetting(0xD219, "sensor-crop", CODE, _LOCK),
    SonySetting(SonyProperty.MovieState, "movie", CODE, _table("0=off 1=recording")),
    SonySetting(0xD21F, "fe-lock", CODE, _LOCK),
    SonySetting(SonyProperty.LiveViewState, "live-view", CODE, _SWITCH),
    SonySetting(0xD22C, "focus-area", CODE, _AREAS_KNOWN),
    SonySetting(SonyProperty.FreeShots, "free-shots"),
    SonySetting(SonyProperty.FreeShots2, "free-shots-2"),
    SonySetting(0xD252, "jpeg-quality", CODE, _table("1=extra-fine 2=fine 3=standard 4=light")),
    SonySetting(SonyProperty.FileFormat, "file-format", CODE, _table("1=raw 2=raw+jpeg 3=jpeg")),
)
"""One row a property."""

_BY_CODE = {row.code: row for row in SONY_SETTINGS}
_BY_NAME = {row.name: row for row in SONY_SETTINGS}
_INSTEAD = {code: row for row in SONY_SETTINGS for code in row.instead if code not in properties.STANDARD_CODES}

NOT_SETTINGS = frozenset({SonyProperty.ObjectInMemory})
"""Properties that say something else than a setting."""


class SonyNames:
    """The names of one body's settings.

    Args:
        codes: the properties that it has.
    """

    def __init__(self, codes: Collection[int]) -> None:
        self._names: dict[int, str] = {}
        for row in SONY_SETTINGS:
            present = [code for code in (row.code, *row.instead) if code in codes]
            if present:
                self._names[present[0]] = row.name
            for code in present[1:]:
                self._names[code] = f"prop-{code:04x}"
        self._codes = {name: code for code, name in self._names.items()}

    def name(self, code: int) -> str:
        """Return the name of a property's setting."""
        return self._names.get(code) or properties.property_name(code)

    def code(self, name: str) -> int | None:
        """Return the code of the property whose setting has this name; None if there is none."""
        if name in self._codes:
            return self._codes[name]
        return _BY_NAME[name].code if name in _BY_NAME else properties.property_code(name)


def notation_of(description: DevicePropDesc) -> Notation | None:
    """Return how the values of a property are written; None if that is as with any camera, with Sony's words."""
    code = description.code
    if code == 0xD19F:
        return LONG_SHUTTER
    if code in (SonyProperty.ExposureMode, SonyProperty.DriveMode):
        return _by_low_half(description) if description.data_type == DataType.UINT32 else None
    row = _BY_CODE.get(code) or _INSTEAD.get(code)
    if row is None:
        return None
    return with_words(row.notation, row.words, {}) if row.words else row.notation


_STANDARD_WORDS = {
    SonyProperty.ExposureMode: _table("1=manual 2=program 3=aperture-priority 4=shutter-priority 7=portrait"),
    SonyProperty.DriveMode: _table("1=single"),
}


def _by_low_half(description: DevicePropDesc) -> Notation:
    """Write a mode of 32 bits by the word of its low half, which is the code of the older protocol."""
    code, offered = description.code, offered_numbers(description)
    old = {**_STANDARD_WORDS[SonyProperty(code)], **words_of(Maker.SONY, code, [value & 0xFFFF for value in offered])}
    current = [description.current] if isinstance(description.current, int) else []
    words = {value: old[value & 0xFFFF] for value in (*offered, *current) if value & 0xFFFF in old}
    return with_words(CODE, words, {})


def offered_numbers(description: DevicePropDesc) -> Sequence[int]:
    """Return the integers of an enumeration."""
    values = description.form.values if isinstance(description.form, Enumeration) else ()
    return [value for value in values if isinstance(value, int)]


# ---------------------------------------------------------------------- steps

PLACEHOLDERS = frozenset({1, 2})
"""Values of an exposure compensation that stand at the head of an older body's list and mean nothing."""

_COMPENSATIONS = frozenset({SonyProperty.ExposureCompensation, 0xD200, 0xD224})


def without_placeholders(description: DevicePropDesc) -> DevicePropDesc:
    """Return the description with what can be chosen."""
    if description.code not in _COMPENSATIONS or not isinstance(description.form, Enumeration):
        return description
    values = tuple(value for value in description.form.values if value not in PLACEHOLDERS)
    return DevicePropDesc(
        description.code,
        description.data_type,
        description.writable,
        description.default,
        description.current,
        Enumeration(values),
    )


STEPPED: Mapping[int, Callable[[int], float]] = {
    SonyProperty.Aperture: lambda value: 6 * log2(max(value, 1)),
    SonyProperty.ShutterSpeed: lambda value: -3 * log2(seconds_of(value) or 1 << 12),
    SonyProperty.Iso: float,
    SonyProperty.ExposureCompensation: lambda value: value * 3 / 1000,
    SonyProperty.Zoom: float,
}
"""Properties that an older body changes in steps, and about how many positive steps lie below a value, if steps are thirds of a stop.

Bulb lies below the longest exposure.
"""


def steps_between(description: DevicePropDesc, current: int, target: int) -> int:
    """Return how many steps lead from one value to the other, as far as that can be told; negative ones the other way.

    A list tells it exactly, but for exposure compensation, which is not listed in the order of its steps.
    """
    if current == target:
        return 0
    values = offered_numbers(description)
    if current in values and target in values:
        if description.code in _COMPENSATIONS:
            values = sorted(set(values) - PLACEHOLDERS | {0})
        if current in values and target in values:
            return values.index(target) - values.index(current)
    place = STEPPED[description.code]
    away = place(target) - place(current)
    return round(away) or (1 if away > 0 else -1)


def pictures_of(quality: Value | None, file_format: Value | None) -> int:
    """Return how many files a picture has, by the values of image quality and of the newer file format; two with RAW beside another."""
    if file_format is not None:
        return 2 if file_format == 2 else 1
    return 2 if isinstance(quality, int) and (0x11 <= quality <= 0x14 or 0x41 <= quality <= 0x44) else 1


def is_range(description: DevicePropDesc) -> bool:
    """Say whether a property does not list its values one by one."""
    return isinstance(description.form, Range)

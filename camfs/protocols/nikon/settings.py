"""Nikon's own device properties as settings: a row a property, with the name of its setting and how its values are written.

Nikon's standard properties have the names of `camfs.protocols.ptp.properties`, which also writes their values. Where a body has a property
of the maker's that says the same with more (its ISO goes beyond 65535, its exposure times are exact), that one gets the name, and the
standard one is shown by its code. What is not in a row is shown by its code, and its value is a number
(camfs/protocols/nikon/README.md, "Properties").
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from camfs.protocols.ptp import properties
from camfs.protocols.ptp.codes import DataType
from camfs.protocols.ptp.datasets import DevicePropDesc, Enumeration, Range
from camfs.protocols.ptp.exposure_times import parse_time
from camfs.protocols.ptp.makers import Maker, words_of
from camfs.protocols.ptp.notation import CODE, EXPOSURE_STEPS, NUMBER, Notation, decimal, with_words

_NEAR_ENOUGH = Fraction(4, 100)
"""How far a time may be from one that the body offers to mean it, as a part of it: places of a dial are a quarter or more apart."""


def exposure_fraction(offered: Collection[int]) -> Notation:
    """Write exposure times that are fractions of a second: the high half of the 32 bits by the low half.

    Args:
        offered: the values that the body offers; a time that is near one of them means that one, as 0.8 means 1/1.3.
    """

    def write(value: int) -> str:
        seconds = _seconds(value)
        if seconds is None:
            return hex(value)
        if seconds >= 1 or not seconds:
            return _short(seconds)
        return f"1/{_short(1 / seconds)}"

    def read(text: str) -> Sequence[int]:
        meant = parse_time(text)
        times = {value: seconds for value in offered if (seconds := _seconds(value))}
        near = sorted(times, key=lambda value: abs(times[value] - meant))
        if near and abs(times[near[0]] - meant) <= _NEAR_ENOUGH * meant:
            return near[:1]
        exact = [
            int(meant * low) << 16 | low
            for low in (1, 10, meant.denominator)
            if meant * low == int(meant * low) and low < 0x10000 and meant * low < 0x10000
        ]
        if not exact:
            raise ValueError(text)
        return exact

    return Notation(write, lambda value: f"{value >> 16}/{value & 0xFFFF}", read)


def _seconds(value: int) -> Fraction | None:
    """Return the seconds of a value; None for a word such as bulb."""
    return Fraction(value >> 16, value & 0xFFFF) if 0 <= value < 0xFFFF0000 and value & 0xFFFF else None


def _short(number: Fraction) -> str:
    return f"{float(number):.4g}"


def _scaled(parts: int) -> Notation:
    """Write steps of exposure that are counted in so many parts."""

    def read(text: str) -> Sequence[Fraction | int]:
        return [Fraction(each) * parts / 1000 for each in EXPOSURE_STEPS.read(text)]

    return Notation(lambda value: EXPOSURE_STEPS.write(int(Fraction(value * 1000, parts))), str, read)


def _degrees(value: int) -> str:
    tenths = round(Fraction(10 * value, 1 << 16)) % 3600
    return f"{(tenths - 3600 if tenths > 1800 else tenths) / 10:.1f}"


LEVEL = Notation(_degrees, str, lambda text: (Fraction(text) * (1 << 16),))
"""An angle in 65536th of a degree."""


def _table(rows: str) -> Mapping[int, str]:
    """Read `value=word` pairs."""
    return {int(value, 0): word for value, _, word in (row.partition("=") for row in rows.split())}


_SWITCH = _table("0=off 1=on")
_AF_AREAS = _table("""2=dynamic 0x8010=single-point 0x8011=auto 0x8012=3d-tracking 0x8013=dynamic-72 0x8014=dynamic-153
0x8015=group 0x8016=dynamic-9 0x8017=pinpoint 0x8018=wide-s 0x8019=wide-l 0x801e=wide-c1 0x801f=wide-c2""")
_SCENES = _table("""0x8010=auto 0x8011=portrait 0x8012=landscape 0x8013=macro 0x8014=sports 0x8015=night-portrait
0x8016=night-landscape 0x8017=child 0x8018=auto-no-flash 0x8050=u1 0x8051=u2 0x8052=u3""")
_FOCUS_MODES = _table("0=af-s 1=af-c 2=af-a 3=manual-fixed 4=manual")


def _always(_description: DevicePropDesc) -> bool:
    return True


def _in_kelvin(description: DevicePropDesc) -> bool:
    """Say whether a colour temperature is in kelvin: older bodies number their steps from 0 on."""
    return isinstance(description.form, Range) and description.form.minimum >= 1000


def _has_six_steps(description: DevicePropDesc) -> bool:
    return isinstance(description.form, Range) and description.form.maximum == 5


def _is_a_byte(description: DevicePropDesc) -> bool:
    return description.data_type in (DataType.UINT8, DataType.INT8)


def _has_scenes(description: DevicePropDesc) -> bool:
    """Say whether a body has the scenes of a D-SLR's dial: a Nikon 1 gives other meanings to some of their codes."""
    return not {0x8016, 0x8017, 0x8018}.isdisjoint(_offered(description))


@dataclass(frozen=True)
class NikonSetting:
    """A property of the maker's, or one of the standard's with values of the maker's.

    Attributes:
        code: the property's.
        name: of its setting.
        notation: of its values; None for exposure fractions, which depend on what is offered.
        words: for some of its values.
        applies: whether this row tells what the values mean on the body that describes the property so.
    """

    code: int
    name: str
    notation: Notation | None = NUMBER
    words: Mapping[int, str] = field(default_factory=dict)
    applies: Callable[[DevicePropDesc], bool] = _always

    def notation_of(self, description: DevicePropDesc) -> Notation:
        """Return how the values are written on the body that describes the property so."""
        if not self.applies(description):
            return NUMBER
        notation = self.notation or exposure_fraction(_offered(description))
        return with_words(notation, self.words, {}) if self.words else notation


_BULB = {0xFFFFFFFF: "bulb", 0xFFFFFFFE: "x-sync", 0xFFFFFFFD: "time"}

NIKON_SETTINGS = (
    NikonSetting(0xD0B4, "iso"),
    NikonSetting(0xD100, "shutter-speed", None, _BULB),
    NikonSetting(0xD01E, "color-temperature", decimal(0, suffix="K"), applies=_in_kelvin),
    NikonSetting(0xD032, "color-space", words=_table("0=srgb 1=adobe-rgb")),
    NikonSetting(0xD054, "auto-iso", words=_SWITCH),
    NikonSetting(
        0xD05D, "liveview-focus-area", words=_table("0=face 1=wide 2=normal 3=tracking 4=spot"), applies=_is_a_byte
    ),
    NikonSetting(0xD061, "liveview-focus-mode", words=_table("0=af-s 1=af-c 2=af-f 3=manual-fixed 4=manual")),
    NikonSetting(0xD067, "level", LEVEL),
    NikonSetting(0xD0B5, "iso-now"),
    NikonSetting(0xD0E3, "lens-shortest", decimal(2, suffix="mm")),
    NikonSetting(0xD0E4, "lens-longest", decimal(2, suffix="mm")),
    NikonSetting(0xD0E5, "lens-aperture-shortest", decimal(2, prefix="f/")),
    NikonSetting(0xD0E6, "lens-aperture-longest", decimal(2, prefix="f/")),
    NikonSetting(0xD10B, "recording-media", words=_table("0=card 1=memory")),
    NikonSetting(0xD126, "flash-compensation", _scaled(6)),
    NikonSetting(
        0xD14E,
        "active-d-lighting",
        words=_table("0=auto 1=off 2=low 3=normal 4=high 5=extra"),
        applies=_has_six_steps,
    ),
    NikonSetting(0xD161, "autofocus-mode", words=_FOCUS_MODES),
    NikonSetting(0xD1A3, "liveview-zoom", words=_table("0=off 2=25% 4=50% 6=100% 7=200%")),
    NikonSetting(0xD1AC, "liveview-size", words=_table("1=qvga 2=vga 3=xga")),
    NikonSetting(0xD1B1, "light-meter", _scaled(12)),
    NikonSetting(0xD1F1, "free-shots"),
    NikonSetting(0x500E, "exposure-mode", CODE, _SCENES, _has_scenes),
    NikonSetting(0x501C, "focus-metering", CODE, _AF_AREAS),
)
"""One row a property (camfs/protocols/nikon/README.md, "Properties")."""

_BY_CODE = {row.code: row for row in NIKON_SETTINGS}

PREFERRED = {"iso": (0xD0B4, 0x500F), "shutter-speed": (0xD100, 0x500D)}
"""Settings for which some bodies have two properties: that of the maker's, which says more, and the standard's."""

_STANDARD_WORDS = {1: "manual", 2: "program", 3: "aperture-priority", 4: "shutter-priority"}


class NikonNames:
    """The names of one body's settings; a `camfs.cameras.ptp.settings.Names`.

    Attributes:
        codes: the properties that the body is known to have.
    """

    def __init__(self, codes: Sequence[int]) -> None:
        self.codes = codes
        has = frozenset(codes)
        self._names: dict[int, str] = {}
        for name, preferred in PREFERRED.items():
            present = [code for code in preferred if code in has]
            if present:
                self._names[present[0]] = name
            for code in present[1:]:
                self._names[code] = f"prop-{code:04x}"
        self._codes = {name: code for code, name in self._names.items()}

    def name(self, code: int) -> str:
        """Return the name of a property's setting."""
        if code in self._names:
            return self._names[code]
        return _BY_CODE[code].name if code in _BY_CODE else properties.property_name(code)

    def code(self, name: str) -> int | None:
        """Return the code of the property whose setting has this name; None if there is none."""
        if name in self._codes:
            return self._codes[name]
        if name in PREFERRED:
            return PREFERRED[name][-1]
        by_name = {row.name: row.code for row in NIKON_SETTINGS}
        return by_name[name] if name in by_name else properties.property_code(name)

    def notation(self, description: DevicePropDesc) -> Notation | None:
        """Return how the values of a property are written; None if that is as everywhere."""
        row = _BY_CODE.get(description.code)
        if row is None or not row.applies(description):
            return None
        if row.code == 0x500E:
            words = {**_STANDARD_WORDS, **words_of(Maker.NIKON, row.code, _offered(description)), **row.words}
            return with_words(CODE, words, {})
        return row.notation_of(description)


def _offered(description: DevicePropDesc) -> Sequence[int]:
    values = description.form.values if isinstance(description.form, Enumeration) else ()
    return [value for value in values if isinstance(value, int)]


def exposure_seconds(value: int) -> float | None:
    """Return the seconds of an exposure fraction (0xD100); None for a word such as bulb."""
    seconds = _seconds(value)
    return None if seconds is None else float(seconds)


def files_of_quality(value: int, offered: Collection[int]) -> int:
    """Return how many files a picture has with this value of image quality (0x5004): two with RAW and JPEG.

    Args:
        value: the quality.
        offered: what the body offers, which tells how it numbers qualities.
    """
    most = max(offered, default=0)
    if most > 7:
        return 2 if 8 <= value <= 13 else 1
    if most > 4:
        return 2 if 5 <= value <= 7 else 1
    return 2 if value == 4 and 3 in offered else 1

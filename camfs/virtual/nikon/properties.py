"""The device properties of the emulated Nikon: a Z 6's, with types and values as such a body has them, and what greys them out.

Exposure mode is read-only while the body is the photographer's, apertures are in P and S, times in P and A. ISO and exposure time are there
twice, as on the body, and change together (camfs/protocols/nikon/README.md, "Properties").
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction

from camfs.protocols.ptp.codes import DataType, ResponseCode
from camfs.protocols.ptp.datasets import DevicePropDesc, Enumeration, Range
from camfs.protocols.ptp.values import Value
from camfs.virtual.ptp.properties import Clock, Property
from camfs.virtual.ptp.refusal import Refusal

VENDOR = 0xD000
"""Properties from here on are not in DeviceInfo; GetVendorPropCodes lists them."""

MANUAL, PROGRAM, APERTURE_PRIORITY, SHUTTER_PRIORITY = 1, 2, 3, 4
"""Values of exposure mode."""

QUALITY, APERTURE, TIME, MODE, ISO, DRIVE, NUMBER, CLOCK = (
    0x5004,
    0x5007,
    0x500D,
    0x500E,
    0x500F,
    0x5013,
    0x5018,
    0x5011,
)
LONG_ISO, ISO_NOW, FRACTION, MEDIA, FOCUS_MODE = 0xD0B4, 0xD0B5, 0xD100, 0xD10B, 0x500A
LIVE_VIEW, LIVE_VIEW_PROHIBITED, APPLICATION, MOVIE_PROHIBITED = 0xD1A2, 0xD1A4, 0xD1F0, 0xD0A4

BULB, X_SYNC, TIMED = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD

_TIMES = """1/8000 1/6400 1/5000 1/4000 1/3200 1/2500 1/2000 1/1600 1/1250 1/1000 1/800 1/640 1/500 1/400 1/320 1/250 1/200
1/160 1/125 1/100 1/80 1/60 1/50 1/40 1/30 1/25 1/20 1/15 1/13 1/10 1/8 1/6 1/5 1/4 1/3 10/25 1/2 10/16 10/13 1/1 13/10 16/10 2/1
25/10 3/1 4/1 5/1 6/1 8/1 10/1 13/1 15/1 20/1 25/1 30/1"""

_PAIRS = [(int(high), int(low)) for high, low in (text.split("/") for text in _TIMES.split())]

FRACTIONS = {high << 16 | low: high * 10_000 // low for high, low in _PAIRS}
"""Exposure times as fractions, and what they are in tenths of a millisecond, cut off."""

SPECIAL = {BULB: BULB, TIMED: TIMED}
"""What both properties of the exposure time call bulb and time."""

ISOS = (
    *(
        50,
        64,
        80,
        100,
        125,
        160,
        200,
        250,
        320,
        400,
        500,
        640,
        800,
        1000,
        1250,
        1600,
        2000,
        2500,
        3200,
        4000,
        5000,
        6400,
    ),
    *(8000, 10000, 12800, 16000, 20000, 25600, 32000, 40000, 51200),
)
LONG_ISOS = (*ISOS, 64000, 81200, 102400, 204800)

_THIRDS = [round(third * 1000 // 3) if third >= 0 else -(-third * 1000 // 3) for third in range(-15, 16)]

_U8, _I8, _U16, _I16, _U32, _I32 = (
    DataType.UINT8,
    DataType.INT8,
    DataType.UINT16,
    DataType.INT16,
    DataType.UINT32,
    DataType.INT32,
)


def _enum(code: int, data_type: DataType, value: Value, *values: Value, writable: bool = True) -> DevicePropDesc:
    return DevicePropDesc(code, data_type, writable, value, value, Enumeration(values))


def _range(
    code: int, data_type: DataType, value: int, low: int, high: int, step: int = 1, *, writable: bool = True
) -> DevicePropDesc:
    return DevicePropDesc(code, data_type, writable, value, value, Range(low, high, step))


def _plain(code: int, data_type: DataType, value: Value) -> DevicePropDesc:
    return DevicePropDesc(code, data_type, False, value, value)


DESCRIPTIONS = (
    _range(0x5001, _U8, 100, 1, 100, writable=False),
    _enum(0x5003, DataType.STRING, "6048x4024", "6048x4024", "4528x3016", "3024x2016"),
    _enum(QUALITY, _U8, 4, *range(14)),
    _enum(0x5005, _U16, 2, 2, 4, 5, 6, 7, 0x8010, 0x8011, 0x8012, 0x8013, 0x8016),
    _enum(APERTURE, _U16, 400, 400, 450, 500, 560, 630, 710, 800, 900, 1000, 1100, 1300, 1400, 1600, 1800, 2000, 2200),
    _range(0x5008, _U32, 2400, 2400, 7000, writable=False),
    _enum(FOCUS_MODE, _U16, 0x8010, 1, 0x8010, 0x8011, 0x8013, writable=False),
    _enum(0x500B, _U16, 3, 2, 3, 4, 0x8010),
    _enum(0x500C, _U16, 0x8010, 2, 4, 0x8010, 0x8011, 0x8012, 0x8013),
    _enum(TIME, _U32, 400, *dict.fromkeys(FRACTIONS.values())),
    _enum(MODE, _U16, MANUAL, 1, 2, 3, 4, 0x8010, 0x8050, 0x8051, 0x8052),
    _enum(ISO, _U16, 160, *ISOS),
    _enum(0x5010, _I16, 0, *_THIRDS),
    _enum(DRIVE, _U16, 1, 1, 2, 0x8010, 0x8011, 0x8019),
    _range(NUMBER, _U16, 1, 1, 65535),
    _enum(0x501C, _U16, 0x8010, 0x8010, 0x8011, 0x8017, 0x8018, 0x8019),
    _plain(0x501E, DataType.STRING, ""),
    _plain(0x501F, DataType.STRING, ""),
    _range(0xD01E, _U16, 5000, 2500, 10000, 10),
    _range(0xD032, _U8, 0, 0, 1),
    _range(0xD054, _U8, 0, 0, 1),
    _enum(0xD061, _U8, 0, 0, 1, 4),
    _plain(0xD067, _I32, -1),
    _plain(MOVIE_PROHIBITED, _U32, 0x6000),
    _enum(LONG_ISO, _U32, 160, *LONG_ISOS),
    _plain(ISO_NOW, _U32, 160),
    _plain(0xD0E0, _U16, 1),
    _plain(0xD0E3, _U32, 2400),
    _plain(0xD0E4, _U32, 7000),
    _plain(0xD0E5, _U16, 400),
    _plain(0xD0E6, _U16, 400),
    _enum(FRACTION, _U32, 0x10019, *FRACTIONS, X_SYNC),
    _range(MEDIA, _U8, 0, 0, 2),
    _range(0xD126, _I8, 0, -18, 6, 2),
    _range(0xD14E, _U8, 1, 0, 5),
    _range(LIVE_VIEW, _U8, 0, 0, 1, writable=False),
    _plain(LIVE_VIEW_PROHIBITED, _U32, 0),
    _enum(0xD1AC, _U8, 2, 1, 2, 3),
    _range(0xD1B1, _I8, 0, -60, 60, writable=False),
    _range(APPLICATION, _U8, 0, 0, 1),
    _range(0xD1F1, _U32, 9751, 0, 0xFFFFFFFF, writable=False),
)

_NEEDS: Mapping[int, tuple[int, ...]] = {
    APERTURE: (MANUAL, APERTURE_PRIORITY),
    TIME: (MANUAL, SHUTTER_PRIORITY),
    FRACTION: (MANUAL, SHUTTER_PRIORITY),
}
"""Properties that the exposure mode greys out: the modes in which the computer can write them."""


class Greyed(Property):
    """A property that is read-only now and then.

    Args:
        description: as it is when it can be written.
        is_writable: says whether it can be written now.
        is_manual: says whether the exposure mode is M, in which bulb and time are offered.
    """

    def __init__(
        self, description: DevicePropDesc, is_writable: Callable[[], bool], is_manual: Callable[[], bool]
    ) -> None:
        super().__init__(description)
        self._is_writable = is_writable
        self._is_manual = is_manual

    def described(self) -> DevicePropDesc:
        form = self.description.form
        if self.description.code in (TIME, FRACTION) and self._is_manual() and isinstance(form, Enumeration):
            form = Enumeration((*form.values, *SPECIAL))
        return replace(self.description, writable=self._is_writable(), form=form)

    def write(self, data: bytes) -> bool:
        """Set the value; refused as `Property` does, and while it is greyed out."""
        if not self._is_writable():
            raise Refusal(ResponseCode.AccessDenied)
        return super().write(data)

    def _takes(self, value: Value) -> bool:
        return (value in SPECIAL and self._is_manual()) if value in SPECIAL else super()._takes(value)


def make_properties(is_controlled: Callable[[], bool], has_values: Callable[[], bool]) -> dict[int, Property]:
    """Make the properties of a new body.

    Args:
        is_controlled: says whether the computer has the body, and can change its exposure mode.
        has_values: says whether it can change apertures and times.
    """
    made = {description.code: Property(description) for description in DESCRIPTIONS}

    def in_modes(modes: tuple[int, ...]) -> Callable[[], bool]:
        return lambda: has_values() and made[MODE].value in modes

    def is_manual() -> bool:
        return made[MODE].value == MANUAL

    for code, modes in _NEEDS.items():
        made[code] = Greyed(made[code].description, in_modes(modes), is_manual)
    made[MODE] = Greyed(made[MODE].description, is_controlled, is_manual)
    made[CLOCK] = Clock(CLOCK)
    return made


def twin_of(code: int, value: Value) -> tuple[int, int] | None:
    """Return the property that says the same as this one, and its value; None if there is none, or it cannot say that."""
    if not isinstance(value, int):
        return None
    match code:
        case _ if code == ISO:
            return LONG_ISO, value
        case _ if code == LONG_ISO:
            return (ISO, value) if value in ISOS else None
        case _ if code == FRACTION:
            found = {**FRACTIONS, **SPECIAL}.get(value)
            return None if found is None else (TIME, found)
        case _ if code == TIME:
            fractions = [key for key, tenths in {**FRACTIONS, **SPECIAL}.items() if tenths == value]
            return (FRACTION, fractions[0]) if fractions else None
    return None


def seconds_of(value: Value) -> float:
    """Return the seconds of an exposure fraction; 0 for bulb and the like."""
    if not isinstance(value, int) or value in (BULB, X_SYNC, TIMED):
        return 0.0
    return float(Fraction(value >> 16, value & 0xFFFF))

"""The properties of the emulated Sony: those of an A6000 for the older protocol, and a part of an A7S III's for the newer one.

Their types, rights, lists and most of their values are those bodies' own (camfs/protocols/sony/README.md, "State"). Their dials are at M.
"""

from dataclasses import replace

from camfs.protocols.ptp.codes import DataType
from camfs.protocols.ptp.datasets import Enumeration, Range
from camfs.protocols.ptp.values import Value
from camfs.protocols.sony.codes import DOWN, TO_BOTH, TO_CARD, TO_COMPUTER, UP, Button, SonyProperty
from camfs.protocols.sony.datasets import Enabled, PropertyState

YES, SHOWN, GREY = Enabled.YES, Enabled.SHOWN_ONLY, Enabled.GREYED_OUT

BUTTON, LOCK = 0x81, 0x83

_U8, _I8, _U16, _I16, _U32 = DataType.UINT8, DataType.INT8, DataType.UINT16, DataType.INT16, DataType.UINT32

MANUAL, PROGRAM = 1, 2
MANUAL_FOCUS = 1

_THIRDS = (1, 1.3, 1.6, 2, 2.5, 3.2, 4, 5, 6, 8, 10, 13, 15, 20, 25, 30)


def time_of(tenths: int) -> int:
    """Return an exposure time in tenths of a second."""
    return tenths << 16 | 10


def fraction_of(parts: int) -> int:
    """Return an exposure time that is a part of a second."""
    return 1 << 16 | parts


TIMES = (
    0,
    *(time_of(round(10 * seconds)) for seconds in reversed(_THIRDS)),
    *(time_of(tenths) for tenths in (8, 6, 5, 4)),
    *map(
        fraction_of,
        (3, 4, 5, 6, 8, 10, 13, 15, 20, 25, 30, 40, 50, 60, 80, 100, 125, 160, 200, 250, 320, 400, 500, 640, 800),
    ),
    *map(fraction_of, (1000, 1250, 1600, 2000, 2500, 3200, 4000)),
)
"""Exposure times in the order of the dial, bulb first."""

APERTURES = (280, 320, 350, 400, 450, 500, 560, 630, 710, 800, 900, 1000, 1100, 1300, 1400, 1600, 1800, 2000, 2200)

ISOS = (0xFFFFFF, 25, 100, 125, 160, 200, 250, 320, 400, 500, 640, 800, 1000, 1250, 1600, 2000, 2500, 3200)
LONG_ISOS = (0xFFFFFF, 0x10000028, 0x10000032, 0x10000040, 80, 100, 125, 160, 200, 250, 320, 400, 500, 640, 800, 1600)

_EVS = tuple(whole * 1000 + part for whole in range(6) for part in (0, 300, 700))
COMPENSATIONS = tuple(sorted({*_EVS[:16], *(-value for value in _EVS[:16])}))
"""In the order of the dial."""


def _enum(
    code: int, data_type: int, access: int, enabled: int, default: Value, current: Value, *values: Value
) -> PropertyState:
    return PropertyState(code, data_type, access, enabled, default, current, Enumeration(values))


def _range(
    code: int, data_type: int, access: int, enabled: int, default: int, current: int, low: int, high: int, step: int = 1
) -> PropertyState:
    return PropertyState(code, data_type, access, enabled, default, current, Range(low, high, step))


def _button(code: int, access: int = BUTTON) -> PropertyState:
    return _enum(code, _U16, access, YES, UP, UP, UP, DOWN)


_MOST = 0xFFFFFFFF

STEPWISE_PROPERTIES = (
    _enum(SonyProperty.ImageQuality, _U8, 1, YES, 2, 3, 2, 3, 0x10, 0x13),
    _enum(0x5005, _U16, 1, YES, 2, 2, 1, 2, 4, 0x8011, 0x8010, 6, 0x8001, 0x8002, 0x8003, 0x8004, 7, 0x8012, 0x8023),
    _range(SonyProperty.Aperture, _U16, 0, YES, 0xFFFF, 500, 0, 0xFFFF),
    _enum(SonyProperty.FocusMode, _U16, 1, YES, 1, 0x8005, 1, 2, 3, 0x8004, 0x8005, 0x8008, 0x8006, 0x8007),
    _enum(0x500B, _U16, 0, GREY, 1, 1, 4, 1, 0x8002),
    _enum(0x500C, _U16, 0, GREY, 1, 0, 2, 1, 4, 3, 5, 0x8001, 0x8003, 0x8004, 0x8031, 0x8032),
    _enum(SonyProperty.ExposureMode, _U16, 0, SHOWN, 1, MANUAL, 0x8000, 0x8001, 2, 3, 4, 1, 0x8050, 0x8051, 7, 0x8011),
    _enum(SonyProperty.ExposureCompensation, _I16, 0, YES, 0, 0, 0, 1, 2, *(v for v in reversed(COMPENSATIONS) if v)),
    _enum(SonyProperty.DriveMode, _U16, 1, YES, 1, 1, 1, 2, 0x8015, 0x8012, 0x8005, 0x8004, 0x8008, 0x8009),
    _enum(0xD200, _I16, 0, SHOWN, 0, 0, 0, 1, 2, 3000, 2000, 1000, -1000, -2000, -3000),
    _enum(0xD201, _U8, 1, GREY, 1, 0x1F, 1, 0x1F, *range(0x11, 0x16), *range(0x20, 0x27)),
    _enum(0xD203, _U8, 1, YES, 4, 1, 1, 2, 3),
    _range(SonyProperty.ShutterSpeed, _U32, 0, YES, _MOST, fraction_of(100), 0, _MOST),
    _enum(0xD20E, _U8, 0, SHOWN, 1, 6, 1, 2, 3, 8, 9, 10, 4, 5, 6, 7),
    _range(0xD20F, _U16, 1, GREY, 5500, 0, 2500, 9900, 100),
    _enum(0xD211, _U8, 1, YES, 1, 2, 1, 2),
    _enum(SonyProperty.FocusFound, _U8, 0, SHOWN, 1, 1, 1, 2, 3, 5, 6, 7),
    _enum(SonyProperty.Iso, _U32, 0, YES, 0xFFFFFF, 0xFFFFFF, *ISOS),
    _range(SonyProperty.MovieState, _U8, 0, SHOWN, 0, 0, 0, 2),
    _enum(0xD217, _U8, 0, SHOWN, 1, 1, 2, 1),
    _range(SonyProperty.Battery, _I8, 0, SHOWN, -1, 67, -1, 100),
    _enum(0xD219, _U8, 0, SHOWN, 1, 2, 2, 1),
    *map(_button, (Button.Half, Button.Full, 0xD2C3, Button.Movie, Button.Bulb)),
    _button(0xD2C5, LOCK),
    _range(SonyProperty.Zoom, _U32, 0, YES, _MOST, 33924096, 0, _MOST),
    _range(SonyProperty.ObjectInMemory, _U16, 0, YES, 0, 0, 0, 0xFFFF),
)

_DIRECT = (
    _enum(0x5005, _U16, 1, YES, 0, 2, 2, 4, 0x8011, 0x8010, 6, 0x8001, 0x8002, 0x8003, 0x8004, 7, 0x8030, 0x8012),
    _enum(SonyProperty.Aperture, _U16, 1, YES, 0xFFFF, 450, *APERTURES),
    _enum(SonyProperty.FocusMode, _U16, 1, YES, 0, 0x8005, 2, 0x8005, 0x8004, 0x8006, 1),
    _enum(0x500B, _U16, 1, YES, 0, 0x8004, 0x8001, 0x8002, 0x8004, 0x8005, 0x8003, 0x8006),
    _enum(0x500C, _U16, 1, YES, 0, 3, 3, 0x8001, 0x8003),
    _enum(SonyProperty.ExposureMode, _U32, 1, SHOWN, 0, MANUAL),
    _enum(SonyProperty.ExposureCompensation, _I16, 1, YES, 0, 0, *reversed(COMPENSATIONS)),
    _enum(SonyProperty.DriveMode, _U32, 1, YES, 0, 1, 1, 0x18010, 0x10002, 0x18015, 0x18012, 0x38004, 0x38003, 0x48337),
    _enum(0xD200, _I16, 1, YES, 0, 0, 1000, 700, 300, 0, -300, -700, -1000),
    _enum(0xD203, _U8, 1, YES, 0, 1, 1, 2, 3),
    _enum(SonyProperty.ShutterSpeed, _U32, 1, YES, 0, fraction_of(250), *TIMES),
    _range(0xD20F, _U16, 1, GREY, 0, 0, 2500, 9900, 100),
    _enum(0xD211, _U8, 1, YES, 0, 1, 1, 3, 2, 4),
    _enum(SonyProperty.FocusFound, _U8, 0, YES, 0, 1, 1, 2, 3, 2, 5, 6, 7),
    _enum(SonyProperty.Iso, _U32, 1, YES, 0, 0xFFFFFF, *LONG_ISOS),
    _range(SonyProperty.MovieState, _U8, 0, SHOWN, 0, 0, 0, 3),
    _range(SonyProperty.Battery, _I8, 0, YES, 0, 71, -1, 100),
    _enum(SonyProperty.LiveViewState, _U8, 0, YES, 0, 1),
    _enum(SonyProperty.Destination, _U16, 1, YES, 0, TO_COMPUTER, TO_COMPUTER, TO_BOTH, TO_CARD),
    PropertyState(SonyProperty.Clock, DataType.STRING, 1, YES, "", ""),
    _enum(0xD22C, _U16, 1, YES, 0, 1, 1, 2, 3, 0x103, 0x102, 0x101, 0x104),
    _range(SonyProperty.FreeShots, _U32, 0, YES, 0, 900, 0, _MOST),
    _enum(0xD252, _U8, 1, YES, 0, 2, 1, 2, 3),
    _enum(SonyProperty.FileFormat, _U8, 1, YES, 0, 3, 1, 2, 3),
    _enum(SonyProperty.Priority, _U8, 1, YES, 0, 0, 0, 1),
    _range(SonyProperty.ObjectInMemory, _U16, 0, YES, 0, 0, 0, 0xFFFF),
)

MODES = (0x48000, 0x10002, 0x20003, 0x30004, 1, 0x78050, 0x78051, 0x78052, 0x78053)

DIRECT_PROPERTIES = tuple(
    replace(entry, known=MODES if entry.code == SonyProperty.ExposureMode else entry.form.values)
    if isinstance(entry.form, Enumeration)
    else entry
    for entry in _DIRECT
)
"""With each list of values a second time."""

DIALS = {
    SonyProperty.Aperture: APERTURES,
    SonyProperty.ShutterSpeed: TIMES,
    SonyProperty.Iso: ISOS,
    SonyProperty.ExposureCompensation: COMPENSATIONS,
}
"""What a step moves along, in the direction of positive steps."""

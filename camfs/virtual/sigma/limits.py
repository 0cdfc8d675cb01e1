"""What the emulated fp and its lens offer: frame rates, shutter angles, ranges of exposure, focus frames.

Tables of numbers, for the rules of writes (`rules.py`) and for what CanSetInfo5 says (`can_set.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from camfs.protocols.sigma import values as words
from camfs.virtual.sigma.motor import FAR, NEAR


@dataclass(frozen=True)
class Rate:
    """A frame rate.

    Attributes:
        declared: as CanSetInfo5 has it and a write must have it.
        read: as the camera reports it afterwards.
        shutter: code of the shutter speed that choosing it sets.
    """

    declared: tuple[int, int]
    read: tuple[int, int]
    shutter: int


RATE_23_98 = Rate((2398, 100), (2398, 100), 93)
_25 = Rate((2500, 100), (25, 1), 93)
_29_97 = Rate((2997, 100), (30, 1), 93)  # 1/25, slow as that is: measured
_50 = Rate((5000, 100), (50, 1), 101)
_59_94 = Rate((5994, 100), (60, 1), 104)
_100 = Rate((10_000, 100), (100, 1), 109)
_111_98 = Rate((11_198, 100), (11_198, 100), 112)

RATES: Final[Mapping[tuple[int, int], tuple[Rate, ...]]] = {
    (words.CINEMA_DNG, words.FHD): (RATE_23_98, _25, _29_97, _50, _59_94),
    (words.CINEMA_DNG, words.UHD): (RATE_23_98, _25),
    (words.MOV, words.FHD): (RATE_23_98, _25, _29_97, _50, _59_94, _100, _111_98),
    (words.MOV, words.UHD): (RATE_23_98, _25, _29_97),
}
"""Frame rates by RecordFormat and MovieResolution."""

READ_BACK = {rate.declared: rate.read for rate in RATES[words.MOV, words.FHD]}
"""What each declared frame rate is reported as."""

_TENTHS = "112 150 225 300 375 450 600 720 750 900 1080 1200 1440 1500 1728 1800 2160 2700 3240 3600"
ANGLES: Final = tuple((int(tenths), 3600) for tenths in _TENTHS.split())
"""Shutter angles offered, in tenths of a degree."""

SHUTTERS, APERTURES, ISOS = (16, 160), (32, 80), (32, 96)
"""Least and greatest codes: 30 s to 1/8000, f/2.8 to f/22 (the lens), ISO 100 to 25600."""

ISO_STABILISED = 80
"""The code of ISO 6400, the most while electronic stabilisation is on."""

VALID_AREA = (85, 597, 96, 928)
"""Where focus frames may lie: top, bottom, left, right."""

FRAMES: Final[Mapping[int, tuple[tuple[int, int], ...]]] = {
    words.MULTI_POINT: ((512, 832), (365, 595), (219, 357), (73, 119)),
    words.ONE_POINT: ((128, 128), (64, 64), (32, 32)),
}
"""Heights and widths of focus frames by FocusArea."""

GRID = (32, 16)
"""Steps in which the centre of a one-point frame moves, y and x."""

CENTRE = (340, 512)
"""Where the centre of the focus frame is in any other FocusArea, y and x."""

COLOUR_TEMPERATURES = (2500, 10_000, 100)
"""Kelvin: min, max, step."""

FOCUS_RANGE = (FAR, NEAR)
"""Positions of the focus motor, as tag 658 of CanSetInfo5 has them."""

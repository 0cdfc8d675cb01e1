"""CanSetInfo5 of the emulated fp: what can be set in its present state.

`_STILL` is the real camera's reply in STILL, P, with autofocus on several points; `_changes` fills and empties entries for other states.
What the entries mean: camfs/protocols/sigma/README.md, "CanSetInfo5".
"""

from collections.abc import Mapping

from camfs.protocols.apex import THIRD
from camfs.protocols.sigma import values as words
from camfs.protocols.sigma.can_set import CAN_SET_TAGS, CanSetInfo
from camfs.protocols.sigma.ifd import IfdEntry, IfdValue
from camfs.virtual.sigma import limits
from camfs.virtual.sigma.settings import Settings

_FRACTIONS = ((-10, 10), (10, 10), (2, 10))
_VOLUMES = (0, 5, 1)

_STILL: Mapping[int, IfdValue] = {
    1: (5, 3, 4, 2, 1),
    2: (3, 2, 1),
    3: (1, 0, 99, 0),
    4: (1, 3600, 1),
    11: (48, 32, 18, 16, 2),
    12: (14, 12),
    20: (1, 2, 3),
    21: (7, 6, 5, 4, 3, 2, 1),
    100: (1, 1),
    111: (2,),
    200: (7, 6, 5, 4, 3, 2, 1),
    201: (1,),
    209: (1, 1, 1),
    215: (1280, 3328, 256, 85),
    216: (1280, 2816, 256, 85),
    217: (-1280, 1280, 85),
    250: (3, 2, 1),
    251: (1,),
    300: (2, 1),
    301: (2, 9, 12, 11, 10, 8, 7, 6, 5, 4, 3, 1),
    303: (1,),
    304: (-16, 16, 2),
    305: (3, 5),
    306: (1, 2),
    307: (16, 2),
    320: (8, 7, 6, 10, 9, 5, 4, 3, 2, 1, 11, 12, 13),
    321: _FRACTIONS,
    322: _FRACTIONS,
    323: _FRACTIONS,
    327: (1, 2, 3, 4, 5),
    340: ((-50, 10), (50, 10), (2, 10)),
    341: (3, 5),
    342: ((50, 10), (2, 10)),
    350: (3, 2, 1, 0, -1),
    500: (1, 0, -1),
    503: (0, 1),
    504: (0, -1),
    505: (-1,),
    506: (0,),
    600: (1, 4, 3),
    601: (1,),
    602: (2, 1, 0),
    610: (1, 2),
    612: (682, 1024),
    613: limits.VALID_AREA,
    614: (4,),
    615: tuple(side for frame in limits.FRAMES[words.MULTI_POINT] for side in frame),
    616: (0, 0, 0, 0),
    650: (0, 1),
    656: (2, 1),
    657: (2, 1),
    700: (1,),
    702: (4, 3, 2, 1, 0),
    800: (1900, 2, 1, 0, 0, 0, 2050, 13, 31, 23, 59, 59),
    801: _VOLUMES,
    802: _VOLUMES,
    803: _VOLUMES,
    810: (0, 1),
}
"""Values by tag; the entries of all other tags are empty."""

_CINE: Mapping[int, IfdValue] = {
    **dict.fromkeys((1, 2, 3, 4, 11, 12, 20, 21, 350), ()),
    110: (0, 1),
    111: (1, 2),
    112: (0, 1),
    113: (0, 1),
    114: (0, 1),
    150: (words.CINEMA_DNG, words.MOV),
    160: (words.FHD, words.UHD),
    162: (0,),
}

FOCUS_RANGE = 658
"""The tag that firmware before 5.00 does not have."""


def can_set(state: Settings) -> CanSetInfo:
    """Return what can be set now."""
    filled = {**_STILL, **_changes(state)}
    return CanSetInfo(
        tuple(
            IfdEntry(tag.number, tag.type, filled.get(tag.number, ()))
            for tag in CAN_SET_TAGS.values()
            if tag.number != FOCUS_RANGE or state.behaviour.focus_api
        )
    )


def _changes(state: Settings) -> dict[int, IfdValue]:
    values = state.values
    changed: dict[int, IfdValue] = {FOCUS_RANGE: limits.FOCUS_RANGE}
    if state.cine:
        changed.update(_CINE)
        changed[151] = () if (values["RecordFormat"], values["MovieResolution"]) == (1, 2) else (12, 10, 8)
        changed[161] = tuple(rate.declared for rate in state.rates)
    if not state.stabilises():
        changed[810] = ()
    if state.owns_aperture:
        changed[210] = (*(_av(code) for code in limits.APERTURES), THIRD)
    if state.owns_shutter and state.by_angle:
        changed[214] = limits.ANGLES
    elif state.owns_shutter:
        slowest = values["ShutterSpeed"] if state.cine else limits.SHUTTERS[0]
        changed[212] = (_tv(min(slowest, 93) if state.cine else slowest), _tv(limits.SHUTTERS[1]), THIRD)
        if state.exposure_mode == words.MANUAL and not state.cine:
            changed[213] = (0,)
    changed[215] = (1280, _sv(state.top_iso), 256, THIRD)
    if state.exposure_mode != words.PROGRAM:
        changed[201] = ()
    if state.exposure_mode == words.MANUAL:
        changed[217] = (0, 0, THIRD)
    if values["WhiteBalance"] == words.BY_TEMPERATURE:
        changed[302] = limits.COLOUR_TEMPERATURES
    if values["FocusMode"] == words.MANUAL_FOCUS:
        changed[602] = changed[610] = ()
    if values["FocusArea"] == words.ONE_POINT:
        frames = limits.FRAMES[words.ONE_POINT]
        changed[611] = (0, 49)
        changed[614] = (len(frames),)
        changed[615] = tuple(side for frame in frames for side in frame)
        changed[616] = limits.GRID
    return changed


def _av(code: int) -> int:
    return (code - 8) * 32


def _tv(code: int) -> int:
    return (code - 56) * 32


def _sv(code: int) -> int:
    return (code + 8) * 32

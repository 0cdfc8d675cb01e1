"""What the emulated fp accepts of a write, and what changes with it.

A write of several names is applied name by name, in the order of `SETTABLE`: modes first, then what depends on them. For each name:

1. A name that is not in `SETTABLE` (read-only or reserved), or that only the other capture mode has, is ignored.
2. The rule in `SETTABLE` decides, in the camera's present state, whether the value is accepted. If not, the old value stays, silently.
3. `_CONVERTED` may make another value of it.
4. If the value has changed, `_COUPLED` changes what depends on it.

See camfs/protocols/sigma/README.md, "Which writes are silently ignored".
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from camfs.protocols.apex import BULB
from camfs.protocols.sigma import values as words
from camfs.protocols.sigma.datasets import Value, Values
from camfs.virtual.sigma import limits
from camfs.virtual.sigma.motor import AUTOFOCUSED
from camfs.virtual.sigma.settings import CUSTOM_BASES, Settings, is_third

Rule = Callable[[Settings, Any], bool]


def write(settings: Settings, values: Values, now: float) -> None:
    """Apply what the camera accepts of a write; `now` is when the focus motor begins to move, if it does."""
    was_manual = settings.values["FocusMode"] == words.MANUAL_FOCUS
    for name in SETTABLE:
        if name in values:
            _write(settings, name, values[name])
    is_manual = settings.values["FocusMode"] == words.MANUAL_FOCUS
    if was_manual and not is_manual:
        settings.motor.drive(AUTOFOCUSED, now)
    position = values.get("FocusPosition")
    # The write that leaves AF drops the position. The camera's own focusing undoes one without MF, or with some kind of AF left on.
    if (
        isinstance(position, int)
        and settings.behaviour.focus_api
        and was_manual
        and values.get("FocusMode") == words.MANUAL_FOCUS
        and not (settings.values["AFLock"] or settings.values["PreConstAF"])
    ):
        settings.motor.drive(position, now)


def _write(settings: Settings, name: str, value: Value) -> None:
    if (name in STILL_ONLY and settings.cine) or (name in CINE_ONLY and not settings.cine):
        return
    if not SETTABLE[name](settings, value):
        return
    value = _CONVERTED.get(name, _as_it_is)(settings, value)
    old, settings.values[name] = settings.values[name], value
    if old != value and name in _COUPLED:
        _COUPLED[name](settings)


# What is accepted


def _one_of(*codes: Value) -> Rule:
    return lambda settings, value: value in codes


def _thirds(value: int, bounds: tuple[int, int]) -> bool:
    return bounds[0] <= value <= bounds[1] and is_third(value)


def _shutter(settings: Settings, value: int) -> bool:
    if not settings.owns_shutter or settings.by_angle:
        return False
    bulb = value == BULB and settings.exposure_mode == words.MANUAL and not settings.cine
    return bulb or _thirds(value, limits.SHUTTERS)


def _exposure_mode(settings: Settings, value: int) -> bool:
    """A custom mode is accepted in one of its two forms only (camfs/protocols/sigma/README.md, "Enumerations")."""
    if settings.behaviour.numbers_custom_modes:
        return value in (1, 2, 3, 4, *CUSTOM_BASES)
    return value & words.BASE_MODE in (1, 2, 3, 4) and value & ~words.BASE_MODE in (0, 0x10, 0x20, 0x40)


def _exposure_compensation(settings: Settings, value: int) -> bool:
    return (
        settings.exposure_mode != words.MANUAL and abs(value) <= 40 and (is_third(value) or value == 14)
    )  # 14 is +1 2/3


def _frame_rate(settings: Settings, value: tuple[tuple[int, int], ...]) -> bool:
    return value[0] in [rate.declared for rate in settings.rates]


def _depth(settings: Settings, value: int) -> bool:
    return value in (8, 10, 12) and (settings.values["RecordFormat"], settings.values["MovieResolution"]) != (
        words.CINEMA_DNG,
        words.UHD,
    )


def _colour_temperature(settings: Settings, value: int) -> bool:
    low, high, step = limits.COLOUR_TEMPERATURES
    return (
        settings.values["WhiteBalance"] == words.BY_TEMPERATURE and low <= value <= high and (value - low) % step == 0
    )


def _in_autofocus(*codes: int) -> Rule:
    return lambda settings, value: value in codes and settings.values["FocusMode"] != words.MANUAL_FOCUS


SETTABLE: Final[Mapping[str, Rule]] = {
    "CaptureMode": _one_of(words.STILL, words.CINE),
    "RecordFormat": _one_of(words.CINEMA_DNG, words.MOV),
    "MovieResolution": _one_of(words.FHD, words.UHD),
    "FrameRate": _frame_rate,
    "CinemaDNGQuality": _depth,
    "ExposureMode": _exposure_mode,
    "ShutterUnit": _one_of(words.SPEED, words.ANGLE),
    "ShutterSpeed": _shutter,
    "Shutter": lambda settings, value: settings.owns_shutter and settings.by_angle and value[0] in limits.ANGLES,
    "Aperture": lambda settings, value: settings.owns_aperture and _thirds(value, limits.APERTURES),
    "ISOAuto": _one_of(0, 1),
    "ISOSpeed": lambda settings, value: (
        not settings.values["ISOAuto"] and _thirds(value, (limits.ISOS[0], settings.top_iso))
    ),
    "ExpComp": _exposure_compensation,
    "ProgramShift": lambda settings, value: value in (0, 1, 255) and settings.exposure_mode == words.PROGRAM,
    "DriveMode": _one_of(1, 2, 3, 4, 7),
    "SpecialMode": _one_of(0, 2),
    "AEMeteringMode": _one_of(1, 2, 4),
    # 14 and 15 are accepted, although CanSetInfo5 does not list them; 13 becomes auto.
    "WhiteBalance": _one_of(1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 14, 15),
    "ColorTemp": _colour_temperature,
    "Resolution": _one_of(1, 2, 3, 4),
    "ImageQuality": _one_of(2, 4, 8, words.DNG, words.DNG_AND_JPEG),
    "ColorSpace": _one_of(1, 2),
    "ColorMode": lambda settings, value: 1 <= value <= (17 if settings.behaviour.focus_api else 14),
    "AFAuxLight": _one_of(1, 2),
    "AFBeep": lambda settings, value: value <= 5,
    "TimerSound": lambda settings, value: value <= 5,
    "DestToSave": _one_of(0, 1, 2, 3),
    "DCCropMode": _one_of(0, 1, 2),
    "HighISOExt": _one_of(0, 1, 2),
    "ContShootSpeed": _one_of(1, 2, 3),
    "HDR": _one_of(0xFF, 0xFE, 1, 2, 3),
    "DNGQuality": _one_of(12, 14),
    "FillLight": lambda settings, value: abs(value) <= 50 and value % 2 == 0,
    "LOCDiffraction": _one_of(1, 2),
    "LOCVignetting": _one_of(1, 2),
    "LOCColorShade": _one_of(0xFF),
    "EImageStab": lambda settings, value: value in (1, 2) and settings.stabilises(),
    "ShutterSound": lambda settings, value: 2 <= value <= 7,
    "IntervalSeconds": lambda settings, value: 1 <= value <= 3600,
    "IntervalFrames": lambda settings, value: value <= 99,
    "AspectRatio": lambda settings, value: 1 <= value <= 7,
    "FocusMode": _one_of(words.MANUAL_FOCUS, words.AF_S, words.AF_C),
    "AFLock": _one_of(0, 1),
    "FaceEyeAF": _in_autofocus(0, 1, 2),
    "FocusArea": _in_autofocus(words.MULTI_POINT, words.ONE_POINT),
    "OnePointSelection": lambda settings, value: value in (0, 49) and settings.values["FocusArea"] == words.ONE_POINT,
    "DMFSize": lambda settings, value: value < len(limits.FRAMES[settings.values["FocusArea"]]),
    "DMFPos": lambda settings, value: settings.values["FocusArea"] == words.ONE_POINT,
    "PreConstAF": _one_of(0, 1),
    "FocusPeaking": lambda settings, value: value <= 4,
    "AudioRecord": _one_of(0, 1),
    "NumOfVoiceChannels": _one_of(1, 2),
    "GainAdjustMethod": lambda settings, value: set(value) <= {0, 1},
    "ManualGainAdjustEV": _one_of(0, 1),
    "WindNoiseCanceller": _one_of(0, 1),
}
"""By name: whether a value is accepted in the camera's present state."""

STILL_ONLY: Final = frozenset(
    {
        *("AspectRatio", "ColorSpace", "ToneEffect", "DriveMode", "ImageQuality", "Resolution", "DNGQuality", "HDR"),
        *("HighISOExt", "ContShootSpeed", "IntervalSeconds", "IntervalFrames"),
    }
)
"""Ignored in CINE."""

CINE_ONLY: Final = frozenset(
    {
        *("FrameRate", "MovieResolution", "RecordFormat", "CinemaDNGQuality", "ShutterUnit"),
        *("AudioRecord", "GainAdjustMethod", "ManualGainAdjustEV", "WindNoiseCanceller"),
    }
)
"""Ignored in STILL."""


def _as_it_is(settings: Settings, value: Value) -> Value:
    return value


_CONVERTED: Mapping[str, Callable[[Settings, Any], Value]] = {
    "WhiteBalance": lambda settings, value: 1 if value == 13 else value,
    "FocusMode": lambda settings, value: words.AF_S if value == words.AF_C and settings.cine else value,
    "DMFPos": Settings.place_frame,
}
"""By name: what an accepted value becomes."""


# What changes with it


def _capture_mode(settings: Settings) -> None:
    settings.values.update(
        {"AspectRatio": 2, "Resolution": 4, "ShutterSpeed": 93}
        if settings.cine
        else {"AspectRatio": 3, "Resolution": 1, "ShutterSpeed": 88, "ShutterUnit": words.SPEED}
    )
    if settings.cine and settings.values["FocusMode"] == words.AF_C:
        settings.values["FocusMode"] = words.AF_S


def _format(settings: Settings) -> None:
    if settings.values["FrameRate"][0] not in [rate.declared for rate in settings.rates]:
        settings.values["FrameRate"] = (limits.RATE_23_98.declared,)  # not the nearest one
    if not settings.stabilises():
        settings.values["EImageStab"] = words.OFF


def _rate(settings: Settings) -> None:
    (chosen,) = [rate for rate in settings.rates if rate.declared == settings.values["FrameRate"][0]]
    settings.values["ShutterSpeed"] = settings.shutter_of_angle() if settings.by_angle else chosen.shutter


def _exposure(settings: Settings) -> None:
    if settings.cine:
        settings.values["Shutter"] = ((1800, 3600),)
        settings.values["ShutterSpeed"] = settings.shutter_of_angle() if settings.by_angle else 93


def _speed(settings: Settings) -> None:
    if settings.cine:
        settings.values["FrameRate"] = (limits.RATE_23_98.declared,)


def _angle(settings: Settings) -> None:
    settings.values["ShutterSpeed"] = settings.shutter_of_angle()


def _stabilisation(settings: Settings) -> None:
    settings.values["ISOSpeed"] = min(settings.values["ISOSpeed"], settings.top_iso)


def _area(settings: Settings) -> None:
    settings.values["DMFSize"] = 0
    settings.values["DMFPos"] = limits.CENTRE


def _frame(settings: Settings) -> None:
    settings.values["DMFPos"] = settings.place_frame(settings.values["DMFPos"])


_COUPLED: Mapping[str, Callable[[Settings], None]] = {
    "CaptureMode": _capture_mode,
    "RecordFormat": _format,
    "MovieResolution": _format,
    "FrameRate": _rate,
    "ExposureMode": _exposure,
    "ShutterUnit": _angle,
    "ShutterSpeed": _speed,
    "Shutter": _angle,
    "EImageStab": _stabilisation,
    "FocusArea": _area,
    "DMFSize": _frame,
}
"""By name: what else changes when the value has changed."""

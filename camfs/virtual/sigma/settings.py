"""What the emulated fp is set to, what it takes, and what moves with what (reference sigma-fp, sections 6 to 9, 18 and 19).

Every refusal is silent: the value stays. `SETTABLE` is the table of what may be written, in the order in which the names of one write
are applied: modes first, then what depends on them. A name that is not in it (read-only, reserved) is never written.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from camfs.protocols.sigma.datasets import Dataset, Value, Values
from camfs.protocols.sigma.values import (
    AF_C,
    AF_S,
    ANGLE,
    APERTURE_PRIORITY,
    CINE,
    CINEMA_DNG,
    MANUAL,
    MANUAL_FOCUS,
    ONE_POINT,
    PROGRAM,
    SHUTTER_PRIORITY,
    SINGLE,
    SPEED,
    STILL,
)
from camfs.virtual.sigma.motor import AUTOFOCUSED, FAR, NEAR, Motor

MULTI_POINT = 1
"""FocusArea."""
MOV = 2
"""RecordFormat."""
BY_TEMPERATURE = 14
"""WhiteBalance."""
STABILISED = 1

BULB = 8
"""ShutterSpeed."""

DNG_AND_JPEG, DNG = 0x12, 0x10
"""ImageQuality."""

AUTO_ISO_STILL, AUTO_ISO_CINE = 0xF8, 56
"""What ISOSpeed reads while ISOAuto is on."""

METERED = 0
"""What ExpComp reads in M: how far off the meter sees the exposure."""

Codes = Mapping[Dataset, Mapping[str, Value]]

DEFAULTS: Final[Codes] = {
    Dataset.GROUP1: {
        "ShutterSpeed": 88,
        "Aperture": 32,
        "ProgramShift": 0,
        "ISOAuto": 1,
        "ISOSpeed": 32,
        "ExpComp": 0,
        "ABValue": 0,
        "ABSetting": 1,
        "FrameBufferState": 9,
        "MediaFreeSpace": 437,
        "MediaStatus": 1,
        "CurrentLensFocalLength": 45 * 16,
        "BatteryState": 1,
        "ABShotRemainNumber": 0,
        "ExpCompExcludeAB": 0,
    },
    Dataset.GROUP2: {
        "DriveMode": SINGLE,
        "SpecialMode": 2,
        "ExposureMode": PROGRAM,
        "AEMeteringMode": 0,
        "Reserved4": 0,
        "Reserved5": 1,
        "FlashType": 0,
        "FlashMode": 0,
        "FlashSetting": 0,
        "Reserved12": 0,
        "WhiteBalance": 1,
        "Resolution": 1,
        "ImageQuality": 2,
    },
    Dataset.GROUP3: {
        "Reserved0": 0,
        "Reserved1": 0,
        "Reserved2": 0,
        "ColorSpace": 1,
        "ColorMode": 3,
        "BatteryKind": 1,
        "LensWideFocalLength": 0x4000,
        "LensTeleFocalLength": 0x3000,
        "AFAuxLight": 2,
        "AFBeep": 5,
        "TimerSound": 5,
        "DestToSave": 0,
    },
    Dataset.GROUP4: {
        "DCCropMode": 0,
        "LVMagnifyRatio": 3,
        "HighISOExt": 1,
        "ContShootSpeed": 3,
        "HDR": 0xFF,
        "DNGQuality": 14,
        "FillLight": 0,
        "LOCDistortion": 1,
        "LOCChromaticAberration": 1,
        "LOCDiffraction": 2,
        "LOCVignetting": 1,
        "LOCColorShade": 0xFE,
        "LOCColorShadeAcquisition": 2,
        "EImageStab": 2,
        "ShutterSound": 5,
    },
    Dataset.GROUP5: {
        "IntervalSeconds": 30,
        "IntervalFrames": 2,
        "IntervalSecondsLeft": 0,
        "IntervalFramesLeft": 2,
        "ColorTemp": 5000,
        "AspectRatio": 3,
        "ToneEffect": 1,
    },
    Dataset.FOCUS: {
        "FocusMode": AF_S,
        "AFLock": 0,
        "FaceEyeAF": 0,
        "FaceEyeAFStatus": 0,
        "FocusArea": MULTI_POINT,
        "OnePointSelection": 0,
        "DMFSize": 0,
        "DMFPos": (340, 512),
        "DMFDetection": (0, 0, 0, 0),
        "PreConstAF": 0,
        "FocusLimit": 0,
        "FocusState": 0,
        "FocusPosition": 0,
    },
    Dataset.MOVIE: {
        "CaptureMode": STILL,
        "ApertureAuto": 1,
        "ShutterAuto": 1,
        "Unidentified5": 0,
        "ShutterUnit": SPEED,
        "Shutter": ((112, 3600),),
        "AudioRecord": 1,
        "NumOfVoiceChannels": 1,
        "GainAdjustMethod": (0, 0),
        "ManualGainAdjustEV": 0,
        "RecordFormat": MOV,
        "CinemaDNGQuality": 12,
        "MovImageQuality": 2,
        "MovieResolution": 2,
        "FrameRate": ((2398, 100),),
        "Binning": 0,
    },
}
"""The state at the first ConfigApi, in the order of the replies: that of the `V84` dump, with what M shows in the seed."""

UNSEEN: Final[Mapping[str, int]] = {"FocusPeaking": 0, "WindNoiseCanceller": 0}
"""What can be set and no reply tells."""

USERS: Final[Mapping[str, Value]] = {
    "ExposureMode": APERTURE_PRIORITY,
    "Aperture": 40,
    "ISOAuto": 0,
    "ISOSpeed": 48,
    "WhiteBalance": 2,
    "ImageQuality": DNG_AND_JPEG,
    "FocusMode": AF_C,
    "DestToSave": 1,
}
"""What the photographer has set at the body where that is not the API's default."""

FOCUS_API: Final = frozenset({"FocusState", "FocusPosition"})
"""Tags that firmware before 5.00 does not have."""


@dataclass(frozen=True)
class Rate:
    """A frame rate as the camera declares and as it reads it back, and the shutter speed that setting it brings."""

    declared: tuple[int, int]
    read: tuple[int, int]
    shutter: int


_23_98 = Rate((2398, 100), (2398, 100), 93)
_25 = Rate((2500, 100), (25, 1), 93)
_29_97 = Rate((2997, 100), (30, 1), 93)  # 1/25: measured, slow as it is
_50 = Rate((5000, 100), (50, 1), 101)
_59_94 = Rate((5994, 100), (60, 1), 104)
_100 = Rate((10_000, 100), (100, 1), 109)
_111_98 = Rate((11_198, 100), (11_198, 100), 112)

FHD, UHD = 1, 2
RATES: Final[Mapping[tuple[int, int], tuple[Rate, ...]]] = {
    (CINEMA_DNG, FHD): (_23_98, _25, _29_97, _50, _59_94),
    (CINEMA_DNG, UHD): (_23_98, _25),
    (MOV, FHD): (_23_98, _25, _29_97, _50, _59_94, _100, _111_98),
    (MOV, UHD): (_23_98, _25, _29_97),
}
"""Frame rates by RecordFormat and MovieResolution."""

_READS = {rate.declared: rate.read for rate in RATES[MOV, FHD]}

ANGLES: Final = tuple(
    (tenths, 3600)
    for tenths in (
        112,
        150,
        225,
        300,
        375,
        450,
        600,
        720,
        750,
        900,
        1080,
        1200,
        1440,
        1500,
        1728,
        1800,
        2160,
        2700,
        3240,
        3600,
    )
)
"""Shutter angles offered, in tenths of a degree."""

SHUTTERS, APERTURES, ISOS = (16, 160), (32, 80), (32, 96)
"""Least and greatest codes: 30 s to 1/8000, f/2.8 to f/22 (the lens), ISO 100 to 25600."""
ISO_STABILISED = 80
"""ISO 6400, the most while electronic stabilisation is on."""

VALID_AREA = (85, 597, 96, 928)
"""Where focus frames may lie: top, bottom, left, right."""
FRAMES: Final[Mapping[int, tuple[tuple[int, int], ...]]] = {
    MULTI_POINT: ((512, 832), (365, 595), (219, 357), (73, 119)),
    ONE_POINT: ((128, 128), (64, 64), (32, 32)),
}
"""Heights and widths of focus frames by FocusArea."""
GRID = (32, 16)
"""Steps of a one-point frame's centre, y and x."""
CENTRE = (340, 512)

COLOUR_TEMPERATURES = (2500, 10_000, 100)
"""Kelvin: min, max, step."""


class Settings:
    """All settings: `values` as written; what replies show of them is `shown`.

    Attributes:
        values: by the reference's names, which are unique over all datasets here.
        focus_api: whether the firmware drives the focus.
    """

    def __init__(self, motor: Motor, changed: Values | None = None) -> None:
        self.motor = motor
        self.focus_api = False
        self.values: dict[str, Any] = {name: value for values in DEFAULTS.values() for name, value in values.items()}
        self.values.update(UNSEEN)
        self.values.update(changed or {})

    @property
    def cine(self) -> bool:
        """Whether the camera films."""
        return bool(self.values["CaptureMode"] == CINE)

    @property
    def exposure_mode(self) -> int:
        """P, A, S or M, also of a C mode."""
        return int(self.values["ExposureMode"]) & 0x0F

    @property
    def owns_shutter(self) -> bool:
        """Whether the photographer sets the shutter."""
        return self.exposure_mode in (SHUTTER_PRIORITY, MANUAL)

    @property
    def owns_aperture(self) -> bool:
        """Whether the photographer sets the aperture."""
        return self.exposure_mode in (APERTURE_PRIORITY, MANUAL)

    @property
    def by_angle(self) -> bool:
        """Whether the shutter is an angle."""
        return self.cine and bool(self.values["ShutterUnit"] == ANGLE)

    @property
    def top_iso(self) -> int:
        """Code of the highest ISO speed."""
        return ISO_STABILISED if self.values["EImageStab"] == STABILISED else ISOS[1]

    @property
    def rates(self) -> tuple[Rate, ...]:
        """Frame rates of the format and size."""
        return RATES[self.values["RecordFormat"], self.values["MovieResolution"]]

    def stabilises(self) -> bool:
        """Say whether electronic stabilisation can be chosen."""
        return not (self.cine and self.values["RecordFormat"] == CINEMA_DNG)

    def shown(self, dataset: Dataset, now: float, leave_out: Collection[str] = ()) -> dict[str, Value]:
        """Return the values of a dataset as a reply tells them."""
        values = self.values
        told: dict[str, Value] = {
            "ShutterSpeed": values["ShutterSpeed"] if self.owns_shutter else 0,
            "Aperture": values["Aperture"] if self.owns_aperture else 0,
            "ApertureAuto": int(not self.owns_aperture),
            "ShutterAuto": int(not self.owns_shutter),
            "FrameRate": (_READS[values["FrameRate"][0]],),
            "FocusState": int(self.motor.moving(now)),
            "FocusPosition": self.motor.position(now),
        }
        if values["ISOAuto"]:
            told["ISOSpeed"] = AUTO_ISO_CINE if self.cine else AUTO_ISO_STILL
        told["ExpCompExcludeAB"] = values["ExpComp"]
        if self.exposure_mode == MANUAL:
            told["ExpComp"] = told["ExpCompExcludeAB"] = METERED
        return {
            name: told.get(name, values[name])
            for name in DEFAULTS[dataset]
            if name not in leave_out and (self.focus_api or name not in FOCUS_API)
        }

    def write(self, values: Values, now: float) -> None:
        """Take what may be taken of a write."""
        was_manual = self.values["FocusMode"] == MANUAL_FOCUS
        for name in SETTABLE:
            if name in values:
                self._write(name, values[name])
        is_manual = self.values["FocusMode"] == MANUAL_FOCUS
        if was_manual and not is_manual:
            self.motor.drive(AUTOFOCUSED, now)
        position = values.get("FocusPosition")
        # The write that leaves AF drops the position; one without MF, or with AF left on somewhere, is undone by the camera's focusing.
        if (
            isinstance(position, int)
            and self.focus_api
            and was_manual
            and values.get("FocusMode") == MANUAL_FOCUS
            and not (self.values["AFLock"] or self.values["PreConstAF"])
        ):
            self.motor.drive(position, now)

    def _write(self, name: str, value: Value) -> None:
        if (name in STILL_ONLY and self.cine) or (name in CINE_ONLY and not self.cine):
            return
        if not SETTABLE[name](self, value):
            return
        value = _CONVERTED.get(name, _as_it_is)(self, value)
        old, self.values[name] = self.values[name], value
        if old != value and name in _COUPLED:
            _COUPLED[name](self)

    def shutter_of_angle(self) -> int:
        """Return the code of the shutter speed nearest to what angle and frame rate make."""
        (tenths, full), (frames, per) = self.values["Shutter"][0], self.values["FrameRate"][0]
        exact = 56 + 8 * math.log2(Fraction(full, tenths) * Fraction(frames, per))
        return min(
            (code for code in range(SHUTTERS[0], SHUTTERS[1] + 1) if third(code)), key=lambda code: abs(code - exact)
        )

    def place_frame(self, wanted: tuple[int, int]) -> tuple[int, int]:
        """Return where the centre of the focus frame comes to stand: within the area, on the grid; the centre but for one point."""
        if self.values["FocusArea"] != ONE_POINT:
            return CENTRE
        height, width = FRAMES[ONE_POINT][self.values["DMFSize"]]
        top, bottom, left, right = VALID_AREA
        y, x = (
            low + half + round((min(max(at, low + half), high - half) - low - half) / step) * step
            for at, low, high, half, step in zip(
                wanted, (top, left), (bottom, right), (height // 2, width // 2), GRID, strict=True
            )
        )
        return y, x


def third(code: int) -> bool:
    """Say whether an APEX code is one of third stops."""
    return code % 8 in (0, 3, 5)


def _one_of(*codes: Value) -> Callable[[Settings, Any], bool]:
    return lambda settings, value: value in codes


def _thirds(value: int, bounds: tuple[int, int]) -> bool:
    return bounds[0] <= value <= bounds[1] and third(value)


def _shutter(settings: Settings, value: int) -> bool:
    if not settings.owns_shutter or settings.by_angle:
        return False
    bulb = value == BULB and settings.exposure_mode == MANUAL and not settings.cine
    return bulb or _thirds(value, SHUTTERS)


def _exposure_compensation(settings: Settings, value: int) -> bool:
    return (
        settings.exposure_mode != MANUAL and abs(value) <= 40 and (third(value) or value == 14)
    )  # 14: the tables' +1 2/3


def _frame_rate(settings: Settings, value: tuple[tuple[int, int], ...]) -> bool:
    return value[0] in [rate.declared for rate in settings.rates]


def _depth(settings: Settings, value: int) -> bool:
    return value in (8, 10, 12) and (settings.values["RecordFormat"], settings.values["MovieResolution"]) != (
        CINEMA_DNG,
        UHD,
    )


def _colour_temperature(settings: Settings, value: int) -> bool:
    low, high, step = COLOUR_TEMPERATURES
    return settings.values["WhiteBalance"] == BY_TEMPERATURE and low <= value <= high and (value - low) % step == 0


def _in_autofocus(*codes: int) -> Callable[[Settings, Any], bool]:
    return lambda settings, value: value in codes and settings.values["FocusMode"] != MANUAL_FOCUS


Rule = Callable[[Settings, Any], bool]

SETTABLE: Final[Mapping[str, Rule]] = {
    "CaptureMode": _one_of(STILL, CINE),
    "RecordFormat": _one_of(CINEMA_DNG, MOV),
    "MovieResolution": _one_of(FHD, UHD),
    "FrameRate": _frame_rate,
    "CinemaDNGQuality": _depth,
    "ExposureMode": _one_of(*(mode | mark for mark in (0, 0x10, 0x20, 0x40) for mode in (1, 2, 3, 4))),
    "ShutterUnit": _one_of(SPEED, ANGLE),
    "ShutterSpeed": _shutter,
    "Shutter": lambda settings, value: settings.owns_shutter and settings.by_angle and value[0] in ANGLES,
    "Aperture": lambda settings, value: settings.owns_aperture and _thirds(value, APERTURES),
    "ISOAuto": _one_of(0, 1),
    "ISOSpeed": lambda settings, value: not settings.values["ISOAuto"] and _thirds(value, (ISOS[0], settings.top_iso)),
    "ExpComp": _exposure_compensation,
    "ProgramShift": lambda settings, value: value in (0, 1, 255) and settings.exposure_mode == PROGRAM,
    "DriveMode": _one_of(1, 2, 3, 4, 7),
    "SpecialMode": _one_of(0, 2),
    "AEMeteringMode": _one_of(1, 2, 4),
    # Not in the list of CanSetInfo5, and taken: 14 and 15; 13 becomes auto.
    "WhiteBalance": _one_of(1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 14, 15),
    "ColorTemp": _colour_temperature,
    "Resolution": _one_of(1, 2, 3, 4),
    "ImageQuality": _one_of(2, 4, 8, DNG, DNG_AND_JPEG),
    "ColorSpace": _one_of(1, 2),
    "ColorMode": lambda settings, value: 1 <= value <= (17 if settings.focus_api else 14),
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
    "FocusMode": _one_of(MANUAL_FOCUS, AF_S, AF_C),
    "AFLock": _one_of(0, 1),
    "FaceEyeAF": _in_autofocus(0, 1, 2),
    "FocusArea": _in_autofocus(MULTI_POINT, ONE_POINT),
    "OnePointSelection": lambda settings, value: value in (0, 49) and settings.values["FocusArea"] == ONE_POINT,
    "DMFSize": lambda settings, value: value < len(FRAMES[settings.values["FocusArea"]]),
    "DMFPos": lambda settings, value: settings.values["FocusArea"] == ONE_POINT,
    "PreConstAF": _one_of(0, 1),
    "FocusPeaking": lambda settings, value: value <= 4,
    "AudioRecord": _one_of(0, 1),
    "NumOfVoiceChannels": _one_of(1, 2),
    "GainAdjustMethod": lambda settings, value: set(value) <= {0, 1},
    "ManualGainAdjustEV": _one_of(0, 1),
    "WindNoiseCanceller": _one_of(0, 1),
}
"""What may be written, and which values: in the camera's present state."""

STILL_ONLY: Final = frozenset(
    {
        *("AspectRatio", "ColorSpace", "ToneEffect", "DriveMode", "ImageQuality", "Resolution", "DNGQuality", "HDR"),
        *("HighISOExt", "ContShootSpeed", "IntervalSeconds", "IntervalFrames"),
    }
)
"""What is ignored in CINE."""

CINE_ONLY: Final = frozenset(
    {
        *("FrameRate", "MovieResolution", "RecordFormat", "CinemaDNGQuality", "ShutterUnit"),
        *("AudioRecord", "GainAdjustMethod", "ManualGainAdjustEV", "WindNoiseCanceller"),
    }
)
"""What is ignored in STILL."""


def _as_it_is(settings: Settings, value: Value) -> Value:
    return value


_CONVERTED: Mapping[str, Callable[[Settings, Any], Value]] = {
    "WhiteBalance": lambda settings, value: 1 if value == 13 else value,
    "FocusMode": lambda settings, value: AF_S if value == AF_C and settings.cine else value,
    "DMFPos": Settings.place_frame,
}
"""What a value that is taken becomes."""


def _capture_mode(settings: Settings) -> None:
    settings.values.update(
        {"AspectRatio": 2, "Resolution": 4, "ShutterSpeed": 93}
        if settings.cine
        else {"AspectRatio": 3, "Resolution": 1, "ShutterSpeed": 88, "ShutterUnit": SPEED}
    )
    if settings.cine and settings.values["FocusMode"] == AF_C:
        settings.values["FocusMode"] = AF_S


def _format(settings: Settings) -> None:
    if settings.values["FrameRate"][0] not in [rate.declared for rate in settings.rates]:
        settings.values["FrameRate"] = (_23_98.declared,)  # not the nearest one
    if not settings.stabilises():
        settings.values["EImageStab"] = 2


def _rate(settings: Settings) -> None:
    (chosen,) = [rate for rate in settings.rates if rate.declared == settings.values["FrameRate"][0]]
    settings.values["ShutterSpeed"] = settings.shutter_of_angle() if settings.by_angle else chosen.shutter


def _exposure(settings: Settings) -> None:
    if settings.cine:
        settings.values["Shutter"] = ((1800, 3600),)
        settings.values["ShutterSpeed"] = settings.shutter_of_angle() if settings.by_angle else 93


def _speed(settings: Settings) -> None:
    if settings.cine:
        settings.values["FrameRate"] = (_23_98.declared,)


def _angle(settings: Settings) -> None:
    settings.values["ShutterSpeed"] = settings.shutter_of_angle()


def _stabilisation(settings: Settings) -> None:
    settings.values["ISOSpeed"] = min(settings.values["ISOSpeed"], settings.top_iso)


def _area(settings: Settings) -> None:
    settings.values["DMFSize"] = 0
    settings.values["DMFPos"] = CENTRE


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
"""What else changes when a value has changed."""

FOCUS_RANGE = (FAR, NEAR)
"""CanSetInfo5 658."""

"""The settings of the SIGMA fp: a row for each field of groups 1 to 5, Focus and Movie, under its name in `.settings/`.

A row says where a setting is, how it is written, and when the camera ignores it. The mount, the choices, the reasons of refusals and the
emulated camera all read this one table. A row is

    Setting(name, dataset, fields, coding, conditions)

`Setting` and what can be done with it: `setting.py`; its special kinds: `special.py`; codings: `codings.py`, with the tables of words in
`values.py`. When the camera ignores a write, and who measured that: camfs/protocols/sigma/README.md, "Which writes are silently ignored".
"""

from collections.abc import Mapping
from fractions import Fraction

from camfs.errors import NoData
from camfs.protocols.apex import APERTURE, EV, ISO, SHUTTER
from camfs.protocols.sigma import values as words
from camfs.protocols.sigma.codings import FrameSize, Number, Shutter, Steps
from camfs.protocols.sigma.datasets import Dataset
from camfs.protocols.sigma.setting import NOT_OFFERED, Condition, Setting, State
from camfs.protocols.sigma.special import (
    Correction,
    ExposureMode,
    FocusDetection,
    FocusFrame,
    FocusMode,
    FocusPosition,
    FrameRate,
    GainMethod,
    IntervalTimer,
    Iso,
    LensEnd,
    ShutterAngle,
    base_mode,
)

# Conditions: in which state the camera ignores a write


def _text(state: State, name: str) -> str:
    """Write a setting as it was read last; empty if it was not."""
    setting = SETTINGS[name]
    try:
        return setting.read(state.values.get(setting.dataset, {}))
    except NoData:
        return ""


def _while(name: str, *texts: str) -> Condition:
    """While another setting has one of these values."""
    return lambda state: f"{name} is {_text(state, name)}" if _text(state, name) in texts else ""


def _unless(name: str, text: str) -> Condition:
    """While another setting has any other value than this."""
    return lambda state: f"{name} is {_text(state, name)}" if _text(state, name) not in ("", text) else ""


def _exposure_mode(*modes: int) -> Condition:
    """While the exposure mode is one of these, or a custom mode based on one of them."""

    def condition(state: State) -> str:
        mode = base_mode(state)
        if mode is None or mode not in modes:
            return ""
        text, base = _text(state, "exposure-mode"), words.EXPOSURE_MODE.decode(mode)
        return f"exposure-mode is {text}" + (f" ({base})" if text != base else "")

    return condition


def _all(*conditions: Condition) -> Condition:
    """While all of these hold; the reason is that of the last."""
    return lambda state: conditions[-1](state) if all(condition(state) for condition in conditions) else ""


def _no_flash(state: State) -> str:
    """While the camera says that no flash mode can be set."""
    flash = state.can_set.entries.get(words.FLASH.tag)
    return NOT_OFFERED if flash is not None and not flash.value else ""


_IN_CINE = _while("capture-mode", "cine")
_IN_STILL = _while("capture-mode", "still")
_STILL_ONLY = (_IN_CINE,)
_CINE_ONLY = (_IN_STILL,)
_CAMERA_SETS_SHUTTER = _exposure_mode(words.PROGRAM, words.APERTURE_PRIORITY)
_CAMERA_SETS_APERTURE = _exposure_mode(words.PROGRAM, words.SHUTTER_PRIORITY)

# The table

_MILLIMETRES = Number(high=0xFFFF, unit=Fraction(1, 16), suffix="mm")
_G1, _G2, _G3, _G4, _G5 = Dataset.GROUP1, Dataset.GROUP2, Dataset.GROUP3, Dataset.GROUP4, Dataset.GROUP5
_FOCUS, _MOVIE = Dataset.FOCUS, Dataset.MOVIE

_ROWS = (
    # Exposure
    ExposureMode("exposure-mode", _G2, ("ExposureMode",), words.EXPOSURE_MODE),
    Setting(
        "shutter-speed",
        _G1,
        ("ShutterSpeed",),
        Shutter(SHUTTER, 212),
        ignored=(_CAMERA_SETS_SHUTTER, _while("shutter-unit", "angle")),
    ),
    Setting("aperture", _G1, ("Aperture",), Steps(APERTURE, 210), ignored=(_CAMERA_SETS_APERTURE,)),
    Iso("iso", _G1, ("ISOSpeed", "ISOAuto"), Steps(ISO, 215), hints=(_while("electronic-stabilization", "on"),)),
    Setting("high-iso-extension", _G4, ("HighISOExt",), words.HIGH_ISO, ignored=_STILL_ONLY),
    Setting("exposure-compensation", _G1, ("ExpComp",), Steps(EV, 217), ignored=(_exposure_mode(words.MANUAL),)),
    Setting("exposure-compensation-without-bracket", _G1, ("ExpCompExcludeAB",), Steps(EV), read_only=True),
    Setting("program-shift", _G1, ("ProgramShift",), words.PROGRAM_SHIFT),
    Setting("metering-mode", _G2, ("AEMeteringMode",), words.METERING_MODE),
    Setting("bracketing", _G1, ("ABSetting",), words.BRACKETING),
    Setting("bracket-step", _G1, ("ABValue",), Steps(EV)),
    Setting("bracket-shots-left", _G1, ("ABShotRemainNumber",), read_only=True),
    # Drive and flash
    Setting("drive-mode", _G2, ("DriveMode",), words.DRIVE_MODE, ignored=_STILL_ONLY),
    Setting("continuous-speed", _G4, ("ContShootSpeed",), words.CONTINUOUS_SPEED, ignored=_STILL_ONLY),
    IntervalTimer("interval-timer", _G5, ("IntervalSeconds", "IntervalFrames"), ignored=_STILL_ONLY),
    Setting("flash", _G2, ("FlashMode",), words.FLASH),
    Setting("flash-setting", _G2, ("FlashSetting",), words.FLASH_SETTING, ignored=(_no_flash,)),
    Setting("flash-type", _G2, ("FlashType",), words.FLASH_TYPE, read_only=True),
    # Colour
    Setting("white-balance", _G2, ("WhiteBalance",), words.WHITE_BALANCE),
    Setting(
        "color-temperature",
        _G5,
        ("ColorTemp",),
        Number(302, high=0xFFFF, suffix="K"),
        ignored=(_unless("white-balance", "color-temperature"),),
    ),
    Setting("color-mode", _G3, ("ColorMode",), words.COLOR_MODE),
    Setting("tone-effect", _G5, ("ToneEffect",), words.TONE_EFFECT, ignored=_STILL_ONLY),
    Setting("color-space", _G3, ("ColorSpace",), words.COLOR_SPACE, ignored=_STILL_ONLY),
    Setting(
        "fill-light",
        _G4,
        ("FillLight",),
        Number(340, low=-50, high=50, unit=Fraction(1, 10), has_sign=True, is_rational=True),
    ),
    Setting("hdr", _G4, ("HDR",), words.HDR, ignored=_STILL_ONLY),
    # The picture
    Setting("image-quality", _G2, ("ImageQuality",), words.IMAGE_QUALITY, ignored=_STILL_ONLY),
    Setting("dng-quality", _G4, ("DNGQuality",), words.DNG_QUALITY, ignored=_STILL_ONLY),
    Setting("image-size", _G2, ("Resolution",), words.IMAGE_SIZE, ignored=_STILL_ONLY),
    Setting("aspect-ratio", _G5, ("AspectRatio",), words.ASPECT_RATIO, ignored=_STILL_ONLY),
    Setting("crop", _G4, ("DCCropMode",), words.CROP),
    Setting("destination", _G3, ("DestToSave",), words.DESTINATION),
    Setting(
        "electronic-stabilization",
        _G4,
        ("EImageStab",),
        words.STABILIZATION,
        ignored=(_all(_IN_CINE, _while("movie-format", "cinemadng")),),
    ),
    # The lens
    Correction("distortion-correction", _G4, ("LOCDistortion",), words.DISTORTION),
    Correction("chromatic-aberration-correction", _G4, ("LOCChromaticAberration",), words.CHROMATIC_ABERRATION),
    Correction("diffraction-correction", _G4, ("LOCDiffraction",), words.DIFFRACTION),
    Correction("vignetting-correction", _G4, ("LOCVignetting",), words.VIGNETTING),
    Correction("color-shading-correction", _G4, ("LOCColorShade",), words.COLOR_SHADING),
    Correction(
        "color-shading-acquisition",
        _G4,
        ("LOCColorShadeAcquisition",),
        words.COLOR_SHADING_ACQUISITION,
    ),
    Setting("focal-length", _G1, ("CurrentLensFocalLength",), _MILLIMETRES, read_only=True),
    LensEnd("lens-wide-end", _G3, ("LensWideFocalLength",), _MILLIMETRES, read_only=True),
    LensEnd("lens-tele-end", _G3, ("LensTeleFocalLength",), _MILLIMETRES, read_only=True),
    # Focus
    FocusMode(
        "focus-mode",
        _FOCUS,
        ("FocusMode",),
        words.FOCUS_MODE,
        hints=(lambda state: "capture-mode is cine, which has no af-c" if _IN_CINE(state) else "",),
    ),
    Setting("af-lock", _FOCUS, ("AFLock",), words.AF_LOCK),
    Setting("face-eye-af", _FOCUS, ("FaceEyeAF",), words.FACE_EYE_AF, ignored=(_while("focus-mode", "manual"),)),
    Setting("face-eye-status", _FOCUS, ("FaceEyeAFStatus",), words.FACE_EYE_STATUS, read_only=True),
    Setting("focus-area", _FOCUS, ("FocusArea",), words.FOCUS_AREA, ignored=(_while("focus-mode", "manual"),)),
    Setting("focus-points", _FOCUS, ("OnePointSelection",), words.FOCUS_POINTS),
    Setting("focus-frame-size", _FOCUS, ("DMFSize",), FrameSize(614)),
    FocusFrame("focus-frame", _FOCUS, ("DMFPos",), ignored=(_unless("focus-area", "one-point"),)),
    FocusDetection("focus-detection", _FOCUS, ("DMFDetection",), read_only=True),
    Setting("pre-af", _FOCUS, ("PreConstAF",), words.PRE_AF),
    Setting("focus-limit", _FOCUS, ("FocusLimit",), words.FOCUS_LIMIT),
    Setting("focus-state", _FOCUS, ("FocusState",), words.FOCUS_STATE, read_only=True),
    FocusPosition(
        "focus-position",
        _FOCUS,
        ("FocusPosition",),
        Number(658, high=0xFFFF),
        hints=(_unless("focus-mode", "manual"),),
    ),
    Setting("focus-peaking", _FOCUS, ("FocusPeaking",), words.FOCUS_PEAKING, is_reported=False),
    Setting("af-aux-light", _G3, ("AFAuxLight",), words.AF_LIGHT),
    Setting("af-aux-light-external", _G5, ("AFAuxLightEF",), words.AF_LIGHT, is_reported=False),
    # Movies
    Setting("capture-mode", _MOVIE, ("CaptureMode",), words.CAPTURE_MODE),
    Setting("movie-format", _MOVIE, ("RecordFormat",), words.MOVIE_FORMAT, ignored=_CINE_ONLY),
    Setting("movie-size", _MOVIE, ("MovieResolution",), words.MOVIE_SIZE, ignored=_CINE_ONLY),
    FrameRate("frame-rate", _MOVIE, ("FrameRate",), pairs=161, ignored=_CINE_ONLY),
    Setting("cinemadng-quality", _MOVIE, ("CinemaDNGQuality",), words.CINEMA_DNG_QUALITY, ignored=_CINE_ONLY),
    Setting("mov-quality", _MOVIE, ("MovImageQuality",), Number(152, is_list=True), ignored=_CINE_ONLY),
    Setting("shutter-unit", _MOVIE, ("ShutterUnit",), words.SHUTTER_UNIT, ignored=_CINE_ONLY),
    ShutterAngle(
        "shutter-angle",
        _MOVIE,
        ("Shutter",),
        pairs=214,
        turn=360,
        denominator=3600,
        suffix="deg",
        ignored=(_CAMERA_SETS_SHUTTER, _while("shutter-unit", "speed")),
    ),
    Setting("auto-aperture", _MOVIE, ("ApertureAuto",), words.FLAG, read_only=True),
    Setting("auto-shutter", _MOVIE, ("ShutterAuto",), words.FLAG, read_only=True),
    Setting("binning", _MOVIE, ("Binning",), Number(162, is_list=True), ignored=_CINE_ONLY),
    Setting(
        "audio-record",
        _MOVIE,
        ("AudioRecord",),
        words.FLAG,
        read_only=True,
        read_only_because="writing it breaks movie transfer until the camera is switched off",
    ),
    Setting("audio-channels", _MOVIE, ("NumOfVoiceChannels",), Number(111, is_list=True)),
    GainMethod("audio-gain-method", _MOVIE, ("GainAdjustMethod",), Number(112)),
    Setting("audio-gain", _MOVIE, ("ManualGainAdjustEV",), Number(113, is_list=True)),
    Setting("wind-noise-canceller", _MOVIE, ("WindNoiseCanceller",), words.WIND_NOISE_CANCELLER, is_reported=False),
    # The body
    Setting("live-view", _G2, ("SpecialMode",), words.LIVE_VIEW),
    Setting("live-view-magnification", _G4, ("LVMagnifyRatio",), words.MAGNIFICATION),
    Setting("shutter-sound", _G4, ("ShutterSound",), Number(801, start=2, low=2)),
    Setting("af-volume", _G3, ("AFBeep",), Number(802)),
    Setting("timer-volume", _G3, ("TimerSound",), Number(803)),
    Setting("battery-level", _G1, ("BatteryState",), words.BATTERY, read_only=True),
    Setting("battery-kind", _G3, ("BatteryKind",), words.BATTERY_KIND, read_only=True),
    Setting("media-status", _G1, ("MediaStatus",), words.MEDIA_STATUS, read_only=True),
    # The unit is disputed, and `free-shots` is one reading of it: camfs/protocols/sigma/README.md, "Data groups 1 to 6".
    Setting("free-shots", _G1, ("MediaFreeSpace",), Number(high=0xFFFF), read_only=True),
    Setting("free-buffer", _G1, ("FrameBufferState",), read_only=True),
)

SETTINGS: Mapping[str, Setting] = {row.name: row for row in _ROWS}
"""By name, in the order in which a photographer would look for them."""

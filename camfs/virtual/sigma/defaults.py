"""What the emulated fp is set to: at the first ConfigApi, and by the photographer before it."""

from collections.abc import Mapping
from typing import Final

from camfs.protocols.sigma import values as words
from camfs.protocols.sigma.datasets import Dataset, Value

DEFAULTS: Final[Mapping[Dataset, Mapping[str, Value]]] = {
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
        "DriveMode": words.SINGLE,
        "SpecialMode": 2,
        "ExposureMode": words.PROGRAM,
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
        "FocusMode": words.AF_S,
        "AFLock": 0,
        "FaceEyeAF": 0,
        "FaceEyeAFStatus": 0,
        "FocusArea": words.MULTI_POINT,
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
        "CaptureMode": words.STILL,
        "ApertureAuto": 1,
        "ShutterAuto": 1,
        "Unidentified5": 0,
        "ShutterUnit": words.SPEED,
        "Shutter": ((112, 3600),),
        "AudioRecord": 1,
        "NumOfVoiceChannels": 1,
        "GainAdjustMethod": (0, 0),
        "ManualGainAdjustEV": 0,
        "RecordFormat": words.MOV,
        "CinemaDNGQuality": 12,
        "MovImageQuality": 2,
        "MovieResolution": 2,
        "FrameRate": ((2398, 100),),
        "Binning": 0,
    },
}
"""The state at the first ConfigApi, in the order of the replies: that of `tests/samples/sigma-fp`.

Shutter speed and aperture, which are hidden in P, are those that the PTP notes show in M.
"""

UNREPORTED: Final[Mapping[str, int]] = {"FocusPeaking": 0, "WindNoiseCanceller": 0}
"""What can be set and is in no reply."""

PHOTOGRAPHERS: Final[Mapping[str, Value]] = {
    "ExposureMode": words.APERTURE_PRIORITY,
    "Aperture": 40,
    "ISOAuto": 0,
    "ISOSpeed": 48,
    "WhiteBalance": 2,
    "ImageQuality": words.DNG_AND_JPEG,
    "FocusMode": words.AF_C,
    "DestToSave": 1,
}
"""What the photographer has set at the body, where it differs from the defaults."""

FOCUS_FIELDS: Final = frozenset({"FocusState", "FocusPosition"})
"""Fields that firmware before 5.00 does not have."""

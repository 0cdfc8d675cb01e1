"""CanSetInfo5 (0x9030): what can be set now, by tag.

An IFD. Some tags hold a list of codes, as the body's menu has them, others a range [min, max, step]; both change with mode, format, lens
and more. The codes are CanSetInfo5's own: many settings have other codes in their dataset. How to read an entry:
camfs/protocols/sigma/README.md, "CanSetInfo5".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from camfs.errors import RemoteProtocolError
from camfs.protocols.sigma.ifd import IfdEntry, IfdType, decode_ifd, encode_ifd

_T = TypeVar("_T")


@dataclass(frozen=True)
class CanSetTag:
    """A tag of CanSetInfo5: its number, its name, and its type, which an empty entry has too."""

    number: int
    name: str
    type: IfdType = IfdType.UINT8


_TAGS = (
    CanSetTag(1, "DriveMode"),
    CanSetTag(2, "ContShootSpeed"),
    CanSetTag(3, "IntervalTimerFrame"),
    CanSetTag(4, "IntervalTimerSecond", IfdType.INT16),
    CanSetTag(10, "SFD"),
    CanSetTag(11, "ImageQuality"),
    CanSetTag(12, "DNGQuality"),
    CanSetTag(20, "StillImageResolution"),
    CanSetTag(21, "AspectRatio"),
    CanSetTag(100, "StillMovieSwitch"),
    CanSetTag(110, "AudioRecord"),
    CanSetTag(111, "NumOfVoiceChannels"),
    CanSetTag(112, "GainAdjustMethod"),
    CanSetTag(113, "ManualGainAdjustEV", IfdType.INT8),
    CanSetTag(114, "WindNoiseCanceller"),
    CanSetTag(150, "RecordFormat"),
    CanSetTag(151, "CinemaDNGImageQuality"),
    CanSetTag(152, "MovImageQuality"),
    CanSetTag(160, "MovieResolution"),
    CanSetTag(161, "FrameRate", IfdType.URATIONAL),
    CanSetTag(162, "Binning"),
    CanSetTag(200, "ExposureMode"),
    CanSetTag(201, "ProgramShiftAvailable"),
    CanSetTag(209, "Unidentified209"),
    CanSetTag(210, "FValue", IfdType.INT16),
    CanSetTag(211, "TValue", IfdType.INT16),
    CanSetTag(212, "ShutterSpeed", IfdType.INT16),
    CanSetTag(213, "NonApexShutterSpeed"),
    CanSetTag(214, "ShutterAngle", IfdType.URATIONAL),
    CanSetTag(215, "ISOManual", IfdType.INT16),
    CanSetTag(216, "ISOAuto", IfdType.INT16),
    CanSetTag(217, "ExpComp", IfdType.INT16),
    CanSetTag(218, "ExpBracketNum"),
    CanSetTag(219, "ExpBracketOrder"),
    CanSetTag(220, "ExpBracketAmount", IfdType.UINT16),
    CanSetTag(250, "AEMeteringMode"),
    CanSetTag(251, "AELockAvailable"),
    CanSetTag(252, "Flash"),
    CanSetTag(253, "FlashExpComp", IfdType.INT16),
    CanSetTag(300, "CustomBracket"),
    CanSetTag(301, "WhiteBalance"),
    CanSetTag(302, "WBColorTemp", IfdType.UINT16),
    CanSetTag(303, "WBCustomCap"),
    CanSetTag(304, "WBAdjustment", IfdType.INT8),
    CanSetTag(305, "WBBracketNum"),
    CanSetTag(306, "WBBracketDirection"),
    CanSetTag(307, "WBBracketEV"),
    CanSetTag(320, "ColorMode"),
    CanSetTag(321, "ColorModeContrast", IfdType.RATIONAL),
    CanSetTag(322, "ColorModeSharpness", IfdType.RATIONAL),
    CanSetTag(323, "ColorModeSaturation", IfdType.RATIONAL),
    CanSetTag(324, "MonochromeFilterEffect"),
    CanSetTag(325, "MonochromeToneEffect"),
    CanSetTag(327, "ColorModeBracketNum"),
    CanSetTag(340, "FillLight", IfdType.RATIONAL),
    CanSetTag(341, "FillLightBracketNum"),
    CanSetTag(342, "FillLightBracketEV", IfdType.URATIONAL),
    CanSetTag(350, "HDR", IfdType.INT8),
    CanSetTag(500, "DCCropMode", IfdType.INT8),
    CanSetTag(501, "LOCDistortion", IfdType.INT8),
    CanSetTag(502, "LOCChromaticAberration", IfdType.INT8),
    CanSetTag(503, "LOCDiffraction"),
    CanSetTag(504, "LOCVignetting", IfdType.INT8),
    CanSetTag(505, "LOCColorShade", IfdType.INT8),
    CanSetTag(506, "LOCColorShadeCustomCapAvailable"),
    CanSetTag(600, "FocusMode"),
    CanSetTag(601, "AFLockAvailable"),
    CanSetTag(602, "FaceEyeAF"),
    CanSetTag(610, "FocusArea"),
    CanSetTag(611, "OnePointSelection"),
    CanSetTag(612, "FocusAreaOverallArea", IfdType.UINT16),
    CanSetTag(613, "FocusAreaValidArea", IfdType.UINT16),
    CanSetTag(614, "NumOfDMFSizes"),
    CanSetTag(615, "DMFSize", IfdType.UINT16),
    CanSetTag(616, "DMFMovement"),
    CanSetTag(650, "PreConstAF"),
    CanSetTag(651, "FocusLimit"),
    CanSetTag(656, "AFSOperation"),
    CanSetTag(657, "AFCOperation"),
    CanSetTag(658, "FocusPosition", IfdType.UINT16),
    CanSetTag(700, "LVImageTransferAvailable"),
    CanSetTag(701, "LVMagnificationRate"),
    CanSetTag(702, "FocusPeaking"),
    CanSetTag(800, "DateTime", IfdType.UINT16),
    CanSetTag(801, "ShutterSound"),
    CanSetTag(802, "AFVolume"),
    CanSetTag(803, "TimerVolume"),
    CanSetTag(810, "EImageStab"),
)

CAN_SET_TAGS: Mapping[int, CanSetTag] = {tag.number: tag for tag in _TAGS}
"""By number: every tag that a body was seen to send."""


class CanSetInfo:
    """CanSetInfo5 decoded: entries by tag.

    A tag without an entry is unknown to this firmware; an empty entry is known and cannot be set now.
    """

    def __init__(self, entries: tuple[IfdEntry, ...] = ()) -> None:
        self.entries = {entry.tag: entry for entry in entries}

    @classmethod
    def decode(cls, payload: bytes | memoryview) -> "CanSetInfo":
        """Decode.

        Raises:
            RemoteProtocolError: it is not a well-formed IFD.
        """
        return cls(decode_ifd(payload))

    def encode(self) -> bytes:
        """Encode.

        Raises:
            LocalProtocolError: an entry has a value that its type cannot hold.
        """
        return encode_ifd(tuple(self.entries.values()))

    def numbers(self, tag: int) -> tuple[int, ...] | None:
        """Return a tag's integers; None if it is missing.

        Raises:
            RemoteProtocolError: the camera sent something else there.
        """
        return self._values(tag, self.entries[tag].integers) if tag in self.entries else None

    def rationals(self, tag: int) -> tuple[tuple[int, int], ...] | None:
        """Return a tag's rationals; None if it is missing.

        Raises:
            RemoteProtocolError: the camera sent something else there.
        """
        return self._values(tag, self.entries[tag].rationals) if tag in self.entries else None

    def _values(self, tag: int, values: tuple[_T, ...] | None) -> tuple[_T, ...]:
        entry = self.entries[tag]
        if values is None and entry.value:
            raise RemoteProtocolError(f"CanSetInfo5 tag {tag} is {entry.type.name}")
        return values or ()

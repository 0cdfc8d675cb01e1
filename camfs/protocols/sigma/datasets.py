"""Datasets: what the camera reads and writes in one operation, as named values, whatever the encoding.

Groups 1 to 6 are bitmask groups, with the fields of `groups.py`; Focus and Movie are IFDs, whose tags are named here. A write is sparse:
what it does not name keeps its value. The facts behind the tags: camfs/protocols/sigma/README.md, "Focus group";
camfs/protocols/sigma/README.md, "Movie group".
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from camfs.errors import LocalProtocolError
from camfs.protocols.sigma.codes import SigmaOperation
from camfs.protocols.sigma.groups import decode_group, decode_group_write, encode_group
from camfs.protocols.sigma.ifd import IfdEntry, IfdType, IfdValue, decode_ifd, encode_ifd

Value = int | tuple[int, ...] | tuple[tuple[int, int], ...] | bytes
"""An int for a field of one number, a tuple for one of several, a (numerator, denominator) pair in a tuple for a rational.

DMFPos is (y, x); DMFDetection is y, x, height, width of each frame in turn."""

Values = Mapping[str, Value]


class Dataset(Enum):
    """A dataset, by the two operations that read and write it."""

    GROUP1 = SigmaOperation.GetCamDataGroup1, SigmaOperation.SetCamDataGroup1
    GROUP2 = SigmaOperation.GetCamDataGroup2, SigmaOperation.SetCamDataGroup2
    GROUP3 = SigmaOperation.GetCamDataGroup3, SigmaOperation.SetCamDataGroup3
    GROUP4 = SigmaOperation.GetCamDataGroup4, SigmaOperation.SetCamDataGroup4
    GROUP5 = SigmaOperation.GetCamDataGroup5, SigmaOperation.SetCamDataGroup5
    GROUP6 = SigmaOperation.GetCamDataGroup6, SigmaOperation.SetCamDataGroup6
    FOCUS = SigmaOperation.GetCamDataGroupFocus, SigmaOperation.SetCamDataGroupFocus
    MOVIE = SigmaOperation.GetCamDataGroupMovie, SigmaOperation.SetCamDataGroupMovie

    @property
    def reads(self) -> SigmaOperation:
        """The operation that reads it."""
        return self.value[0]

    @property
    def writes(self) -> SigmaOperation:
        """The operation that writes it."""
        return self.value[1]


@dataclass(frozen=True)
class DatasetTag:
    """A tag of Focus or Movie; `count` is None where the number of values varies."""

    number: int
    name: str
    type: IfdType
    count: int | None = 1
    read_only: bool = False


TAGS: Mapping[Dataset, tuple[DatasetTag, ...]] = {
    Dataset.FOCUS: (
        DatasetTag(1, "FocusMode", IfdType.UINT8),
        DatasetTag(2, "AFLock", IfdType.UINT8),
        DatasetTag(3, "FaceEyeAF", IfdType.UINT8),
        DatasetTag(4, "FaceEyeAFStatus", IfdType.UINT8, read_only=True),
        DatasetTag(10, "FocusArea", IfdType.UINT8),
        DatasetTag(11, "OnePointSelection", IfdType.UINT8),
        DatasetTag(12, "DMFSize", IfdType.UINT8),
        DatasetTag(13, "DMFPos", IfdType.ANY8, 4),
        DatasetTag(14, "DMFDetection", IfdType.ANY8, None, read_only=True),
        DatasetTag(51, "PreConstAF", IfdType.UINT8),
        DatasetTag(52, "FocusLimit", IfdType.UINT8),
        DatasetTag(80, "FocusState", IfdType.UINT8, read_only=True),
        DatasetTag(81, "FocusPosition", IfdType.UINT16),
        DatasetTag(702, "FocusPeaking", IfdType.UINT8),
    ),
    Dataset.MOVIE: (
        DatasetTag(1, "CaptureMode", IfdType.UINT8),
        DatasetTag(3, "ApertureAuto", IfdType.UINT8, read_only=True),
        DatasetTag(4, "ShutterAuto", IfdType.UINT8, read_only=True),
        DatasetTag(5, "Unidentified5", IfdType.INT16),
        DatasetTag(6, "ShutterUnit", IfdType.UINT8),
        DatasetTag(7, "Shutter", IfdType.URATIONAL),
        DatasetTag(10, "AudioRecord", IfdType.UINT8),
        DatasetTag(11, "NumOfVoiceChannels", IfdType.UINT8),
        DatasetTag(12, "GainAdjustMethod", IfdType.INT8, 2),
        DatasetTag(13, "ManualGainAdjustEV", IfdType.UINT8),
        DatasetTag(14, "WindNoiseCanceller", IfdType.UINT8),
        DatasetTag(50, "RecordFormat", IfdType.UINT8),
        DatasetTag(51, "CinemaDNGQuality", IfdType.UINT8),
        DatasetTag(52, "MovImageQuality", IfdType.UINT8),
        DatasetTag(60, "MovieResolution", IfdType.UINT8),
        DatasetTag(61, "FrameRate", IfdType.URATIONAL),
        DatasetTag(62, "Binning", IfdType.UINT8),
    ),
}
"""The tags of FOCUS and MOVIE. A tag that is not here is called `Tag` and its number when a reply has it, and so is one whose value does
not have the type and count given here."""

_TAGS_BY_NUMBER = {dataset: {tag.number: tag for tag in tags} for dataset, tags in TAGS.items()}
_TAGS_BY_NAME = {dataset: {tag.name: tag for tag in tags} for dataset, tags in TAGS.items()}

_GROUP_NUMBERS: Mapping[Dataset, int] = {
    Dataset.GROUP1: 1,
    Dataset.GROUP2: 2,
    Dataset.GROUP3: 3,
    Dataset.GROUP4: 4,
    Dataset.GROUP5: 5,
    Dataset.GROUP6: 6,
}

REST = "Rest"
"""The name of the bytes of a group that its mask does not announce: group 6 has two."""

_FRAME = 4
"""Numbers that describe one frame of DMFDetection."""


def decode(dataset: Dataset, payload: bytes | memoryview) -> dict[str, Value]:
    """Decode what the camera sent; a tag without a value is left out.

    Raises:
        RemoteProtocolError: the payload is malformed.
    """
    if dataset in _GROUP_NUMBERS:
        group = decode_group(_GROUP_NUMBERS[dataset], payload)
        return {**group.values, **({REST: group.rest} if group.rest else {})}
    values: dict[str, Value] = {}
    for entry in decode_ifd(payload):
        tag = _TAGS_BY_NUMBER[dataset].get(entry.tag)
        if tag is not None and (value := _value_of(tag, entry)) is not None:
            values[tag.name] = value
        elif (value := _any_value(entry)) is not None:  # one odd tag must not hide the others
            values[f"Tag{entry.tag}"] = value
    return values


def decode_write(dataset: Dataset, payload: bytes | memoryview) -> dict[str, Value]:
    """Decode a write as leniently as the camera does; unknown tags, and values that do not fit their tag, are left out.

    Raises:
        RemoteProtocolError: it ends within a value.
    """
    if dataset in _GROUP_NUMBERS:
        return dict(decode_group_write(_GROUP_NUMBERS[dataset], payload))
    values: dict[str, Value] = {}
    for entry in decode_ifd(payload, lenient=True):
        tag = _TAGS_BY_NUMBER[dataset].get(entry.tag)
        if tag is not None and (value := _value_of(tag, entry)) is not None:
            values[tag.name] = value
    return values


def _value_of(tag: DatasetTag, entry: IfdEntry) -> Value | None:
    """Return an entry's value in the form of its tag; None if it has no value, or one that does not fit the tag."""
    if tag.type is IfdType.URATIONAL:
        return entry.rationals if entry.rationals and len(entry.rationals) == tag.count else None
    numbers = entry.integers
    count = tag.count
    if tag.type is IfdType.ANY8:  # tethr sends these as the 16-bit numbers that they are
        if entry.type is not IfdType.UINT16:
            numbers = _words(entry.value)
        count = count and count // 2
    if not numbers or (len(numbers) % _FRAME if count is None else len(numbers) != count):
        return None
    return numbers[0] if count == 1 else numbers


def _words(value: IfdValue) -> tuple[int, ...] | None:
    """Return opaque bytes as 16-bit numbers."""
    if not isinstance(value, bytes) or len(value) % 2:
        return None
    return struct.unpack(f"<{len(value) // 2}H", value)


def _any_value(entry: IfdEntry) -> Value | None:
    """Return the value of an unknown tag; None if it is empty or has a type that `Value` cannot hold."""
    if isinstance(entry.value, str):
        return entry.value.encode("latin-1") or None
    if isinstance(entry.value, bytes):
        return entry.value or None
    if entry.integers and len(entry.integers) == 1:
        return entry.integers[0]
    return entry.integers or entry.rationals or None


def encode(dataset: Dataset, values: Values) -> bytes:
    """Encode values, as a reply or a write, which have the same form.

    Raises:
        LocalProtocolError: an unknown name or a value that does not fit.
    """
    if dataset not in _GROUP_NUMBERS:
        return encode_ifd([_entry_of(dataset, name, value) for name, value in values.items()])
    numbers: dict[str, int] = {}
    rest = b""
    for name, value in values.items():
        if isinstance(value, int):
            numbers[name] = value
        elif isinstance(value, bytes) and name == REST:
            rest = value
        else:
            raise LocalProtocolError(f"{name} cannot be {value!r}")
    return encode_group(_GROUP_NUMBERS[dataset], numbers, rest=rest)


def _entry_of(dataset: Dataset, name: str, value: Value) -> IfdEntry:
    tag = _TAGS_BY_NAME[dataset].get(name)
    if tag is None:
        raise LocalProtocolError(f"{dataset.name} has no {name}")
    entry = IfdEntry(tag.number, tag.type, (value,) if isinstance(value, int) else value)
    if tag.type is IfdType.ANY8 and isinstance(value, tuple):
        try:
            entry = IfdEntry(tag.number, tag.type, struct.pack(f"<{len(value)}H", *value))
        except struct.error:
            raise LocalProtocolError(f"{name} cannot be {value!r}") from None
    if _value_of(tag, entry) != value:
        raise LocalProtocolError(f"{name} cannot be {value!r}")
    return entry

"""Encoding A: the bitmask groups 1 to 6 (reference sigma-fp, sections 4 and 6).

::

    length byte | u16 FieldPresent | the present fields in bit order, each of its own width | sum byte

Little endian. The length byte counts what lies between it and the sum, which adds all bytes before it, modulo 256. A field whose bit is
clear is not there at all, so offsets move: only the mask tells where a field is. Reads and writes have the same form; the vendor's own
program pads some writes with zeros to 22 bytes and does not count them. The body reads writes by the mask alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.ptp.values import Reader

GroupValues = Mapping[str, int]
"""Values by the reference's field names: `ShutterSpeed`, `ISOAuto` … A field of several parts (LOC, IntervalTimer, reserved bits
included) has a name for each part."""

PADDED_SIZE = 22
"""Bytes of a padded write: the largest group structure, length and sum."""

_VALUES_START = 3
"""Where the values begin: behind length byte and mask."""


@dataclass(frozen=True)
class Part:
    """One number in a group.

    Attributes:
        name: as the reference spells it.
        width: bytes, little endian.
        signed: two's complement.
        read_only: the body ignores what is written here.
    """

    name: str
    width: int = 1
    signed: bool = False
    read_only: bool = False


@dataclass(frozen=True)
class Field:
    """What one bit of FieldPresent announces; its parts are always all there."""

    bit: int
    parts: tuple[Part, ...]
    read_only: bool = False


@dataclass(frozen=True)
class Group:
    """A group's fields, bits 0 to 15 without gaps (the reserved ones are named Reserved0 …)."""

    number: int
    fields: tuple[Field, ...]


_BITS = 16
"""Bits of FieldPresent; those that a table below leaves out are reserved, a byte each."""

_LOC = (
    Part("LOCDistortion"),
    Part("LOCChromaticAberration"),
    Part("LOCDiffraction"),
    Part("LOCVignetting"),
    Part("LOCColorShade"),
    Part("LOCColorShadeAcquisition"),
)

_INTERVAL_TIMER = (
    Part("IntervalSeconds", 2),
    Part("IntervalFrames"),
    Part("IntervalSecondsLeft", 2, read_only=True),
    Part("IntervalFramesLeft", read_only=True),
)

_TABLES: Mapping[int, Mapping[int, Part | tuple[Part, ...]]] = {
    1: {
        0: Part("ShutterSpeed"),
        1: Part("Aperture"),
        2: Part("ProgramShift"),
        3: Part("ISOAuto"),
        4: Part("ISOSpeed"),
        5: Part("ExpComp", signed=True),
        6: Part("ABValue", signed=True),
        7: Part("ABSetting"),
        8: Part("FrameBufferState", read_only=True),
        9: Part("MediaFreeSpace", 2, read_only=True),
        10: Part("MediaStatus", read_only=True),
        11: Part("CurrentLensFocalLength", 2, read_only=True),
        12: Part("BatteryState", read_only=True),
        13: Part("ABShotRemainNumber", read_only=True),
        14: Part("ExpCompExcludeAB", signed=True, read_only=True),
    },
    2: {
        0: Part("DriveMode"),
        1: Part("SpecialMode"),
        2: Part("ExposureMode"),
        3: Part("AEMeteringMode"),
        8: Part("FlashType", read_only=True),
        10: Part("FlashMode"),
        11: Part("FlashSetting"),
        13: Part("WhiteBalance"),
        14: Part("Resolution"),
        15: Part("ImageQuality"),
    },
    3: {
        3: Part("ColorSpace"),
        4: Part("ColorMode"),
        5: Part("BatteryKind", read_only=True),
        6: Part("LensWideFocalLength", 2, read_only=True),
        7: Part("LensTeleFocalLength", 2, read_only=True),
        8: Part("AFAuxLight"),
        9: Part("AFBeep"),
        13: Part("TimerSound"),
        15: Part("DestToSave"),
    },
    4: {
        4: Part("DCCropMode"),
        5: Part("LVMagnifyRatio"),
        6: Part("HighISOExt"),
        7: Part("ContShootSpeed"),
        8: Part("HDR"),
        9: Part("DNGQuality"),
        10: Part("FillLight", signed=True),
        11: _LOC,
        12: Part("EImageStab"),
        13: Part("ShutterSound"),
    },
    5: {
        0: _INTERVAL_TIMER,
        1: Part("ColorTemp", 2),
        3: Part("AspectRatio"),
        5: Part("ToneEffect"),
        15: Part("AFAuxLightEF"),
    },
    6: {},  # the one reply known has an empty mask and two more bytes
}


def _fields(table: Mapping[int, Part | tuple[Part, ...]]) -> tuple[Field, ...]:
    fields = []
    for bit in range(_BITS):
        row = table.get(bit, Part(f"Reserved{bit}"))
        parts = row if isinstance(row, tuple) else (row,)
        fields.append(Field(bit, parts, all(part.read_only for part in parts)))
    return tuple(fields)


GROUPS: Mapping[int, Group] = {number: Group(number, _fields(table)) for number, table in _TABLES.items()}
"""By number, 1 to 6."""


class Form(Enum):
    """The forms of a write (reference 4.1)."""

    PACKED = "packed"
    PADDED = "zero-padded to 22 bytes"


@dataclass(frozen=True)
class GroupPayload:
    """A decoded group. `rest` are bytes before the sum that the mask does not announce (group 6 has two)."""

    values: dict[str, int]
    rest: bytes = b""


def sum_of(data: bytes) -> int:
    """Return the sum byte that follows these bytes, in groups and IFDs alike."""
    return sum(data) & 0xFF


def decode_group(number: int, payload: bytes | memoryview) -> GroupPayload:
    """Decode what the camera sent, or a write in the packed or padded form; length byte and sum are checked.

    Raises:
        RemoteProtocolError: it does not add up.
    """
    data = bytes(payload)
    if len(data) <= _VALUES_START:
        raise RemoteProtocolError(f"group {number} of {len(data)} bytes")
    end = data[0] + 1
    padded = len(data) == PADDED_SIZE and end < PADDED_SIZE and not any(data[end:-1])
    if end != len(data) - 1 and not padded:
        raise RemoteProtocolError(f"group {number} of {len(data)} bytes says that {data[0]} lie before its sum")
    if sum_of(data[:-1]) != data[-1]:
        raise RemoteProtocolError(f"sum of group {number} is {sum_of(data[:-1]):#04x}, not {data[-1]:#04x}")
    values, rest = _walk(number, data[1:end])
    return GroupPayload(values, rest)


def decode_group_write(number: int, payload: bytes | memoryview) -> dict[str, int]:
    """Decode a write as the body does: by the mask from offset 3, whatever length byte, surplus bytes and sum say.

    Raises:
        RemoteProtocolError: it ends within a field.
    """
    return _walk(number, bytes(payload[1:]))[0]


def _walk(number: int, body: bytes) -> tuple[dict[str, int], bytes]:
    """Take mask and fields off a group without its length byte; return the values and what remains."""
    reader = Reader(body)
    mask = reader.u16()
    values = {
        part.name: reader.integer(part.width, part.signed)
        for field in GROUPS[number].fields
        if mask >> field.bit & 1
        for part in field.parts
    }
    return values, reader.take(reader.remaining)


def encode_group(number: int, values: GroupValues, form: Form = Form.PACKED, rest: bytes = b"") -> bytes:
    """Encode the fields named, with true length and sum.

    Raises:
        LocalProtocolError: an unknown name, a value that does not fit, or some parts of a field without the others.
    """
    mask = 0
    packed = b""
    unknown = set(values)
    for field in GROUPS[number].fields:
        names = {part.name for part in field.parts}
        if names.isdisjoint(values):
            continue
        if missing := names - values.keys():
            raise LocalProtocolError(f"group {number} without {', '.join(sorted(missing))}")
        mask |= 1 << field.bit
        packed += b"".join(_encode_part(part, values[part.name]) for part in field.parts)
        unknown -= names
    if unknown:
        raise LocalProtocolError(f"group {number} has no {', '.join(sorted(unknown))}")
    body = mask.to_bytes(2, "little") + packed + rest
    if len(body) > 0xFF or (form is Form.PADDED and len(body) > PADDED_SIZE - 2):
        raise LocalProtocolError(f"group {number}: {len(body)} bytes do not fit")
    data = bytes((len(body),)) + body
    if form is Form.PADDED:
        data = data.ljust(PADDED_SIZE - 1, b"\0")
    return data + bytes((sum_of(data),))


def _encode_part(part: Part, value: int) -> bytes:
    try:
        return value.to_bytes(part.width, "little", signed=part.signed)
    except OverflowError:
        raise LocalProtocolError(f"{part.name} cannot be {value}") from None

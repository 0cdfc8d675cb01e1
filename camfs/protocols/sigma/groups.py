"""Encoding A: the bitmask groups 1 to 6.

::

    length byte | u16 FieldPresent | the present fields in bit order, each of its own width | sum byte

Little endian. The length byte counts the bytes between itself and the sum; the sum adds all bytes before it, modulo 256. A field whose bit
is clear is left out, so the offsets of those behind it move: only the mask tells where a field is. Reads and writes have the same form. The
camera reads a write by its mask alone, and camfs writes true lengths and sums.

See camfs/protocols/sigma/README.md, "Encoding A: the bitmask group"; for the fields camfs/protocols/sigma/README.md, "Data groups 1 to 6".
"""

from collections.abc import Mapping
from dataclasses import dataclass

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.ptp.values import Reader

PADDED_SIZE = 22
"""Bytes of some writes of the vendor's program: it pads them with zeros, which the length byte does not count."""

_VALUES_START = 3
"""Where the values begin: behind the length byte and the mask."""


@dataclass(frozen=True)
class Subfield:
    """One number in a group.

    Attributes:
        name: as the vendor's API spells it.
        width: bytes, little endian.
        signed: two's complement.
        read_only: the camera ignores what is written here.
    """

    name: str
    width: int = 1
    signed: bool = False
    read_only: bool = False


@dataclass(frozen=True)
class Field:
    """What one bit of FieldPresent announces: all of its subfields, or none."""

    bit: int
    subfields: tuple[Subfield, ...]


@dataclass(frozen=True)
class Group:
    """A group's fields, bits 0 to 15 without gaps (the reserved ones are named Reserved0 …)."""

    number: int
    fields: tuple[Field, ...]


_BITS = 16
"""Bits of FieldPresent; those that a table below leaves out are reserved, a byte each."""

LENS_CORRECTIONS = (
    Subfield("LOCDistortion"),
    Subfield("LOCChromaticAberration"),
    Subfield("LOCDiffraction"),
    Subfield("LOCVignetting"),
    Subfield("LOCColorShade"),
    Subfield("LOCColorShadeAcquisition"),
)
"""The corrections of the lens, which are one field."""

_INTERVAL_TIMER = (
    Subfield("IntervalSeconds", 2),
    Subfield("IntervalFrames"),
    Subfield("IntervalSecondsLeft", 2, read_only=True),
    Subfield("IntervalFramesLeft", read_only=True),
)

_TABLES: Mapping[int, Mapping[int, Subfield | tuple[Subfield, ...]]] = {
    1: {
        0: Subfield("ShutterSpeed"),
        1: Subfield("Aperture"),
        2: Subfield("ProgramShift"),
        3: Subfield("ISOAuto"),
        4: Subfield("ISOSpeed"),
        5: Subfield("ExpComp", signed=True),
        6: Subfield("ABValue", signed=True),
        7: Subfield("ABSetting"),
        8: Subfield("FrameBufferState", read_only=True),
        9: Subfield("MediaFreeSpace", 2, read_only=True),
        10: Subfield("MediaStatus", read_only=True),
        11: Subfield("CurrentLensFocalLength", 2, read_only=True),
        12: Subfield("BatteryState", read_only=True),
        13: Subfield("ABShotRemainNumber", read_only=True),
        14: Subfield("ExpCompExcludeAB", signed=True, read_only=True),
    },
    2: {
        0: Subfield("DriveMode"),
        1: Subfield("SpecialMode"),
        2: Subfield("ExposureMode"),
        3: Subfield("AEMeteringMode"),
        8: Subfield("FlashType", read_only=True),
        10: Subfield("FlashMode"),
        11: Subfield("FlashSetting"),
        13: Subfield("WhiteBalance"),
        14: Subfield("Resolution"),
        15: Subfield("ImageQuality"),
    },
    3: {
        3: Subfield("ColorSpace"),
        4: Subfield("ColorMode"),
        5: Subfield("BatteryKind", read_only=True),
        6: Subfield("LensWideFocalLength", 2, read_only=True),
        7: Subfield("LensTeleFocalLength", 2, read_only=True),
        8: Subfield("AFAuxLight"),
        9: Subfield("AFBeep"),
        13: Subfield("TimerSound"),
        15: Subfield("DestToSave"),
    },
    4: {
        4: Subfield("DCCropMode"),
        5: Subfield("LVMagnifyRatio"),
        6: Subfield("HighISOExt"),
        7: Subfield("ContShootSpeed"),
        8: Subfield("HDR"),
        9: Subfield("DNGQuality"),
        10: Subfield("FillLight", signed=True),
        11: LENS_CORRECTIONS,
        12: Subfield("EImageStab"),
        13: Subfield("ShutterSound"),
    },
    5: {
        0: _INTERVAL_TIMER,
        1: Subfield("ColorTemp", 2),
        3: Subfield("AspectRatio"),
        5: Subfield("ToneEffect"),
        15: Subfield("AFAuxLightEF"),
    },
    6: {},  # the one reply known has an empty mask and two bytes more
}


def _fields(table: Mapping[int, Subfield | tuple[Subfield, ...]]) -> tuple[Field, ...]:
    rows = [(bit, table.get(bit, Subfield(f"Reserved{bit}"))) for bit in range(_BITS)]
    return tuple(Field(bit, row if isinstance(row, tuple) else (row,)) for bit, row in rows)


GROUPS: Mapping[int, Group] = {number: Group(number, _fields(table)) for number, table in _TABLES.items()}
"""By number, 1 to 6."""


@dataclass(frozen=True)
class GroupPayload:
    """A decoded group: its values by the names of their subfields, and the bytes before the sum that no bit of the mask announces.

    Only group 6 has such bytes: two.
    """

    values: dict[str, int]
    rest: bytes = b""


def sum_of(data: bytes) -> int:
    """Return the sum byte that follows these bytes, in groups and IFDs alike."""
    return sum(data) & 0xFF


def decode_group(number: int, payload: bytes | memoryview) -> GroupPayload:
    """Decode what the camera sent, or a write, packed or padded; length byte and sum are checked.

    Raises:
        RemoteProtocolError: lengths, sum and mask do not agree.
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
    """Decode a write as the camera does: the mask alone says what follows it; length byte, sum and further bytes are not looked at.

    Raises:
        RemoteProtocolError: it ends within a field.
    """
    return _walk(number, bytes(payload[1:]))[0]


def _walk(number: int, data: bytes) -> tuple[dict[str, int], bytes]:
    """Read mask and fields from a group without its length byte; return the values and what remains."""
    reader = Reader(data)
    mask = reader.u16()
    values = {
        subfield.name: reader.integer(subfield.width, subfield.signed)
        for field in GROUPS[number].fields
        if mask >> field.bit & 1
        for subfield in field.subfields
    }
    return values, reader.take(reader.remaining)


def encode_group(number: int, values: Mapping[str, int], rest: bytes = b"") -> bytes:
    """Encode values by the names of their subfields, with true length and sum.

    Raises:
        LocalProtocolError: an unknown name, a value that does not fit, or some subfields of a field without the others.
    """
    mask = 0
    packed = b""
    unknown = set(values)
    for field in GROUPS[number].fields:
        names = {subfield.name for subfield in field.subfields}
        if names.isdisjoint(values):
            continue
        if missing := names - values.keys():
            raise LocalProtocolError(f"group {number} without {', '.join(sorted(missing))}")
        mask |= 1 << field.bit
        packed += b"".join(_encode_number(subfield, values[subfield.name]) for subfield in field.subfields)
        unknown -= names
    if unknown:
        raise LocalProtocolError(f"group {number} has no {', '.join(sorted(unknown))}")
    payload = mask.to_bytes(2, "little") + packed + rest
    if len(payload) > 0xFF:
        raise LocalProtocolError(f"group {number}: {len(payload)} bytes do not fit")
    data = bytes((len(payload),)) + payload
    return data + bytes((sum_of(data),))


def _encode_number(subfield: Subfield, value: int) -> bytes:
    try:
        return value.to_bytes(subfield.width, "little", signed=subfield.signed)
    except OverflowError:
        raise LocalProtocolError(f"{subfield.name} cannot be {value}") from None

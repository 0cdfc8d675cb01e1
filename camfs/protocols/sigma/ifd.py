"""Encoding B: the IFD, a list of tagged values.

::

    u32 DataLength = total - 5 | u32 DirectoryCount | entries | u32 0 | data area | sum byte
    entry: u16 Tag | u16 Type | u32 Count | the value in 4 bytes, or, if it is longer, u32 offset in the payload

Little endian. In the camera's replies the entries ascend by tag, and the data area holds the longer values in that order, neither aligned
nor with gaps. In what it is sent, the camera looks at the entries alone. See camfs/protocols/sigma/README.md, "Encoding B: the IFD".
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import cast

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.sigma.groups import sum_of
from camfs.protocols.text import decode_text


class IfdType(IntEnum):
    """Type codes: those of TIFF, under the names of the vendor's API."""

    UINT8 = 1
    STRING = 2
    UINT16 = 3
    UINT32 = 4
    URATIONAL = 5
    INT8 = 6
    ANY8 = 7
    INT16 = 8
    INT32 = 9
    RATIONAL = 10
    FLOAT32 = 11
    FLOAT64 = 12


IfdValue = tuple[int, ...] | tuple[tuple[int, int], ...] | tuple[float, ...] | str | bytes
"""A str without its NUL for STRING, bytes for ANY8, (numerator, denominator) pairs for the rationals, numbers for all others.

Empty if Count is 0."""

_FORMS = {
    IfdType.UINT8: "B",
    IfdType.UINT16: "H",
    IfdType.UINT32: "I",
    IfdType.INT8: "b",
    IfdType.INT16: "h",
    IfdType.INT32: "i",
    IfdType.FLOAT32: "f",
    IfdType.FLOAT64: "d",
    IfdType.URATIONAL: "I",
    IfdType.RATIONAL: "i",
}
"""The letter of `struct` for the numbers of each type; a rational is two numbers."""

_RATIONALS = frozenset((IfdType.URATIONAL, IfdType.RATIONAL))
_INTEGERS = frozenset(_FORMS) - _RATIONALS - {IfdType.FLOAT32, IfdType.FLOAT64}

_SIZES: dict[int, int] = {
    IfdType.STRING: 1,
    IfdType.ANY8: 1,
    **{kind: struct.calcsize("<" + form) * (2 if kind in _RATIONALS else 1) for kind, form in _FORMS.items()},
}
"""Bytes of one value of each type."""

_HEADER = struct.Struct("<II")
_ENTRY = struct.Struct("<HHI4s")
_INLINE = 4
"""A value of up to so many bytes stands in its entry."""


@dataclass(frozen=True)
class IfdEntry:
    """One tagged value."""

    tag: int
    type: IfdType
    value: IfdValue

    @property
    def integers(self) -> tuple[int, ...] | None:
        """The value, if it is integers."""
        return cast(tuple[int, ...], self.value) if self.type in _INTEGERS else None

    @property
    def rationals(self) -> tuple[tuple[int, int], ...] | None:
        """The value, if it is rationals."""
        return cast(tuple[tuple[int, int], ...], self.value) if self.type in _RATIONALS else None


def decode_ifd(payload: bytes | memoryview, lenient: bool = False) -> tuple[IfdEntry, ...]:
    """Decode an IFD.

    Args:
        payload: of one data phase, complete.
        lenient: read it as the camera reads a write: by DirectoryCount alone; DataLength, zero word, sum and alignment do not matter.

    Raises:
        RemoteProtocolError: the payload is malformed, or a value lies outside of it.
    """
    data = bytes(payload)
    if len(data) < _HEADER.size:
        raise RemoteProtocolError(f"IFD of {len(data)} bytes")
    length, count = _HEADER.unpack_from(data)
    directory_end = _HEADER.size + count * _ENTRY.size
    if directory_end > len(data):
        raise RemoteProtocolError(f"IFD of {len(data)} bytes with {count} entries")
    if not lenient:
        _check_frame(data, length, directory_end)
    entries: list[IfdEntry] = []
    position = directory_end + 4
    outside = 0
    for start in range(_HEADER.size, directory_end, _ENTRY.size):
        tag, code, number, value_field = _ENTRY.unpack_from(data, start)
        if code not in _SIZES:
            raise RemoteProtocolError(f"IFD tag {tag} of type {code}")
        size = number * _SIZES[code]
        if size <= _INLINE:
            raw = value_field[:size]
            if not lenient and any(value_field[size:]):
                raise RemoteProtocolError(f"IFD tag {tag} has more than its {number} values")
        else:
            offset = int.from_bytes(value_field, "little")
            outside += size  # values must not share bytes, or a small IFD could unfold into a large one
            if offset + size > len(data) or outside > len(data):
                raise RemoteProtocolError(f"IFD tag {tag}: {size} bytes at {offset} of {len(data)}")
            if not lenient and offset != position:
                raise RemoteProtocolError(f"IFD tag {tag} has its value at {offset}, not {position}")
            position = offset + size
            raw = data[offset:position]
        if not lenient and entries and entries[-1].tag >= tag:
            raise RemoteProtocolError(f"IFD tag {tag} follows {entries[-1].tag}")
        entries.append(IfdEntry(tag, IfdType(code), _decode_value(IfdType(code), raw)))
    if not lenient and position != len(data) - 1:
        raise RemoteProtocolError(f"IFD of {len(data)} bytes has its last value end at {position}")
    return tuple(entries)


def _check_frame(data: bytes, length: int, directory_end: int) -> None:
    """Check length, sum and zero word, which the camera's replies have around the values."""
    if length != len(data) - 5:
        raise RemoteProtocolError(f"IFD of {len(data)} bytes has DataLength {length}")
    if sum_of(data[:-1]) != data[-1]:
        raise RemoteProtocolError(f"sum of IFD is {sum_of(data[:-1]):#04x}, not {data[-1]:#04x}")
    if len(data) < directory_end + 5 or any(data[directory_end : directory_end + 4]):
        raise RemoteProtocolError("IFD without the zero word behind its directory")


def _decode_value(kind: IfdType, raw: bytes) -> IfdValue:
    if kind is IfdType.ANY8:
        return raw
    if kind is IfdType.STRING:
        return decode_text(raw)
    form = _FORMS[kind]
    numbers = struct.unpack(f"<{len(raw) // struct.calcsize('<' + form)}{form}", raw)
    return tuple(zip(numbers[::2], numbers[1::2], strict=True)) if kind in _RATIONALS else numbers


def encode_ifd(entries: Sequence[IfdEntry]) -> bytes:
    """Encode entries in the form of the camera's replies: DataLength, ascending tags, zero word, unaligned data, sum.

    Raises:
        LocalProtocolError: a value does not fit its type, or a tag comes twice.
    """
    ascending = sorted(entries, key=lambda entry: entry.tag)
    if len({entry.tag for entry in ascending}) < len(ascending):
        raise LocalProtocolError("IFD with a tag twice")
    directory = b""
    area = b""
    area_start = _HEADER.size + len(ascending) * _ENTRY.size + 4
    for entry in ascending:
        raw = _encode_value(entry)
        value_field = raw
        if len(raw) > _INLINE:
            value_field = (area_start + len(area)).to_bytes(4, "little")
            area += raw
        try:
            directory += _ENTRY.pack(entry.tag, entry.type, len(raw) // _SIZES[entry.type], value_field)
        except struct.error:
            raise LocalProtocolError(f"IFD with tag {entry.tag}") from None
    data = _HEADER.pack(area_start + len(area) - 4, len(ascending)) + directory + bytes(4) + area
    return data + bytes((sum_of(data),))


def _encode_value(entry: IfdEntry) -> bytes:
    kind, value = entry.type, entry.value
    try:
        if isinstance(value, str):
            if kind is IfdType.STRING and "\0" not in value:
                return (value + "\0").encode("latin-1") if value else b""
        elif isinstance(value, bytes):
            if kind is IfdType.ANY8:
                return value
        elif kind in _FORMS:
            form = struct.Struct("<" + _FORMS[kind] * (2 if kind in _RATIONALS else 1))
            return b"".join(form.pack(*each) if isinstance(each, tuple) else form.pack(each) for each in value)
    except (struct.error, OverflowError, UnicodeError, TypeError):
        pass
    raise LocalProtocolError(f"tag {entry.tag}: {kind.name} cannot hold {value!r}")

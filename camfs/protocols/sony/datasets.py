"""What a body says of itself and of its state: the replies to GetExtDeviceInfo (0x9202) and GetAllDevicePropData (0x9209).

All numbers are little endian (camfs/protocols/sony/README.md, "State")::

    9202   u16 version   u32 n, n times u16 code   u32 m, m times u16 control code
    9209   u32 n   u32 0   n entries:
           u16 code   u16 type   u8 access   u8 enabled   default, value: each of the type
           u8 form:  0 nothing   1 least, largest, step   2 u16 k, k values, and on newer bodies u16 k, k values once more

Whether the second list is there is told by what follows the first: its count is small, and the code of the next entry is large. The
first list has what can be set now, the second all that the body knows.

A reply may be cut, or say nonsense. The entries in front of that are taken, and what is wrong with the rest is said beside them.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Self

from camfs.errors import RemoteProtocolError
from camfs.protocols.ptp.datasets import DevicePropDesc, Enumeration, Range
from camfs.protocols.ptp.values import INTEGER_TYPES, Reader, Value, encode_array, encode_value

READ_ONLY, SETTABLE = 0, 1
"""Values of `PropertyState.access`; those from 0x81 on are controls: 81 a button, 82 a notch, 83 a lock, 84 variable."""

CONTROLS = 0x81

LEAST_CODE = 0x200
"""What follows an enumeration is the count of its second list below this, and the code of the next entry from this on."""

NO_HEAD = -1
"""`AllProperties.announced` of a reply that ends before its first number does."""

MOST_TROUBLE = 60
"""Characters of a broken entry's description."""


class Enabled(IntEnum):
    """Whether a property can be set now."""

    GREYED_OUT = 0
    YES = 1
    SHOWN_ONLY = 2


@dataclass(frozen=True)
class ExtDeviceInfo:
    """The reply to GetExtDeviceInfo.

    Attributes:
        version: which decides the layouts; 0xC8 or 0x12C, and 0x65 on an old body.
        codes: operations, events and properties of the body.
        controls: codes of its controls.
    """

    version: int
    codes: tuple[int, ...] = ()
    controls: tuple[int, ...] = ()

    @classmethod
    def decode(cls, data: bytes | memoryview) -> Self:
        """Decode the reply. One that ends behind the version, or behind the codes, is one of a body that is not ready or has no controls.

        Raises:
            RemoteProtocolError: it says that it is longer than it is.
        """
        reader = Reader(data)
        version = reader.u16()
        codes = reader.array(2) if reader.remaining else ()
        return cls(version, codes, reader.array(2) if reader.remaining else ())

    def encode(self) -> bytes:
        return struct.pack("<H", self.version) + encode_array(self.codes, 2) + encode_array(self.controls, 2)


@dataclass(frozen=True)
class PropertyState:
    """An entry of GetAllDevicePropData.

    Attributes:
        code: of the property.
        data_type: PTP's.
        access: see `SETTABLE`.
        enabled: see `Enabled`; a body may send another number.
        default: value.
        current: value.
        form: which values it takes now.
        known: all values that the body knows; None if it does not say.
    """

    code: int
    data_type: int
    access: int
    enabled: int
    default: Value
    current: Value
    form: Range | Enumeration | None = None
    known: tuple[Value, ...] | None = None

    @property
    def is_control(self) -> bool:
        """Whether it is a button or the like."""
        return self.access >= CONTROLS

    @property
    def number(self) -> int:
        """The value, if it is an integer; -1 otherwise."""
        return self.current if isinstance(self.current, int) else -1

    @property
    def description(self) -> DevicePropDesc:
        """The same as PTP describes a property."""
        writable = self.access == SETTABLE and self.enabled == Enabled.YES
        return DevicePropDesc(self.code, self.data_type, writable, self.default, self.current, self.form)

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """Read an entry.

        Raises:
            RemoteProtocolError: it is longer than what is left, or has a type or form that is not known.
        """
        code, data_type, access, enabled = reader.u16(), reader.u16(), reader.u8(), reader.u8()
        default, current = reader.value(data_type), reader.value(data_type)
        entry = cls(code, data_type, access, enabled, default, current)
        match reader.u8():
            case 0:
                return entry
            case 1:
                bounds = [reader.value(data_type) for _ in range(3)]
                low, high, step = (bound if isinstance(bound, int) else 0 for bound in bounds)
                return replace(entry, form=Range(low, high, step))
            case 2:
                form = Enumeration(_values(reader, data_type))
                known = _values(reader, data_type) if _has_second_list(reader) else None
                return replace(entry, form=form, known=known)
            case other:
                raise RemoteProtocolError(f"property 0x{code:04X} has a form {other}")

    def encode(self) -> bytes:
        parts = [struct.pack("<HHBB", self.code, self.data_type, self.access, self.enabled)]
        parts += [encode_value(self.data_type, value) for value in (self.default, self.current)]
        match self.form:
            case None:
                parts.append(b"\0")
            case Range(low, high, step):
                parts += [b"\1", *(encode_value(self.data_type, bound) for bound in (low, high, step))]
            case Enumeration(values):
                parts += [b"\2", _encode_values(self.data_type, values)]
                if self.known is not None:
                    parts.append(_encode_values(self.data_type, self.known))
        return b"".join(parts)


def _values(reader: Reader, data_type: int) -> tuple[Value, ...]:
    count = reader.u16()
    width, _ = INTEGER_TYPES.get(data_type, (1, False))
    if count * width > reader.remaining:
        raise RemoteProtocolError(f"an enumeration of {count} values in {reader.remaining} bytes")
    return tuple(reader.value(data_type) for _ in range(count))


def _encode_values(data_type: int, values: Sequence[Value]) -> bytes:
    return struct.pack("<H", len(values)) + b"".join(encode_value(data_type, value) for value in values)


def _has_second_list(reader: Reader) -> bool:
    return reader.remaining >= 2 and reader.peek_u16() < LEAST_CODE


@dataclass(frozen=True)
class AllProperties:
    """The reply to GetAllDevicePropData.

    Attributes:
        entries: in the order in which they came.
        announced: how many the reply says that it has; None for as many as it has.
        reserved: the number behind that.
        rest: bytes that were not understood.
        trouble: what is wrong with the reply; empty if nothing is.
    """

    entries: Sequence[PropertyState]
    announced: int | None = None
    reserved: int = 0
    rest: bytes = b""
    trouble: str = field(default="", compare=False)

    @classmethod
    def decode(cls, data: bytes | memoryview) -> Self:
        """Decode the reply. Never fails: what cannot be decoded is `rest`."""
        data = bytes(data)
        if len(data) < 8:
            return cls((), NO_HEAD, rest=data, trouble=f"a list of properties of {len(data)} bytes")
        reader = Reader(data)
        announced, reserved = reader.u32(), reader.u32()
        entries: list[PropertyState] = []
        trouble = ""
        begin = len(data) - reader.remaining
        while reader.remaining and len(entries) < announced:
            try:
                entries.append(PropertyState.read(reader))
            except RemoteProtocolError as error:
                trouble = f", entry {len(entries) + 1}: {str(error)[:MOST_TROUBLE]}"
                break
            begin = len(data) - reader.remaining
        rest = data[begin:]
        if len(entries) < announced:
            trouble = f"a list of properties announces {announced} and holds {len(entries)}{trouble}"
        elif rest:
            trouble = f"a list of {announced} properties has {len(rest)} bytes too many"
        return cls(tuple(entries), announced, reserved, rest, trouble)

    def encode(self) -> bytes:
        announced = len(self.entries) if self.announced is None else self.announced
        head = b"" if announced == NO_HEAD else struct.pack("<II", announced, self.reserved)
        return head + b"".join(entry.encode() for entry in self.entries) + self.rest

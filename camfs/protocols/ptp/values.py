"""PTP's basic types: integers, strings, arrays, typed values and DateTime strings, all little endian.

A `Reader` reads them from a bytes-like object, and raises `RemoteProtocolError` where the bytes end too early; the `encode_*` functions
write them (ISO 15740 clause 5.3). What cameras send: camfs/protocols/ptp/README.md, "Basic types".
"""

import re
import struct
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.ptp.codes import DataType

Value = int | str | tuple[int, ...]
"""A property's value: an integer, a string, or an array of integers."""

INTEGER_TYPES: dict[int, tuple[int, bool]] = {
    DataType.INT8: (1, True),
    DataType.UINT8: (1, False),
    DataType.INT16: (2, True),
    DataType.UINT16: (2, False),
    DataType.INT32: (4, True),
    DataType.UINT32: (4, False),
    DataType.INT64: (8, True),
    DataType.UINT64: (8, False),
    DataType.INT128: (16, True),
    DataType.UINT128: (16, False),
}
"""Width in bytes and signedness of each integer type."""

_FORMATS = {1: "B", 2: "H", 4: "I", 8: "Q"}
"""The letters of module `struct` for unsigned integers, by their width; those for signed ones are small."""

MAX_STRING_UNITS = 255
"""Most UTF-16 code units of a string, its final NUL included: the count is one byte."""


class Reader:
    """Reads the values of a dataset, one after the other."""

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        self._data = bytes(data)
        self._position = 0

    @property
    def remaining(self) -> int:
        """Bytes that have not been read yet."""
        return len(self._data) - self._position

    def take(self, size: int) -> bytes:
        """Read `size` bytes as they are."""
        if size > self.remaining:
            raise RemoteProtocolError(f"dataset ends {size - self.remaining} bytes too early")
        start = self._position
        self._position += size
        return self._data[start : self._position]

    def integer(self, width: int, signed: bool = False) -> int:
        """Read an integer of `width` bytes."""
        return int.from_bytes(self.take(width), "little", signed=signed)

    def u8(self) -> int:
        """Read a UINT8."""
        return self.integer(1)

    def u16(self) -> int:
        """Read a UINT16."""
        return self.integer(2)

    def peek_u16(self) -> int:
        """Return the UINT16 that comes next, without reading it."""
        return int.from_bytes(self._data[self._position : self._position + 2], "little")

    def u32(self) -> int:
        """Read a UINT32."""
        return self.integer(4)

    def u64(self) -> int:
        """Read a UINT64."""
        return self.integer(8)

    def string(self) -> str:
        """Read a string: a count of UTF-16 code units, then the units, the last of them a NUL.

        Cameras also send strings without the final NUL, with nothing but a NUL, and with unpaired surrogates (each becomes U+FFFD).
        What follows the first NUL is dropped.
        """
        units = self.take(2 * self.u8())
        return units.decode("utf-16-le", "replace").split("\0", 1)[0]

    def string_or_empty(self) -> str:
        """Read a string, or return an empty one if the dataset ends before its end; then nothing is left to read."""
        try:
            return self.string()
        except RemoteProtocolError:
            self._position = len(self._data)
            return ""

    def array(self, width: int, signed: bool = False) -> tuple[int, ...]:
        """Read an array: a UINT32 count, then the elements."""
        count = self.u32()
        if count * width > self.remaining:
            raise RemoteProtocolError(f"array of {count} elements in {self.remaining} bytes")
        if width in _FORMATS:
            letter = _FORMATS[width].lower() if signed else _FORMATS[width]
            return struct.unpack(f"<{count}{letter}", self.take(count * width))
        return tuple(self.integer(width, signed) for _ in range(count))

    def u32_array(self) -> tuple[int, ...]:
        """Read an array of UINT32, fast: lists of handles have tens of thousands of elements."""
        count = self.u32()
        return struct.unpack(f"<{count}I", self.take(4 * count))

    def value(self, data_type: int) -> Value:
        """Read a value of the type with this code."""
        if data_type == DataType.STRING:
            return self.string()
        if data_type & DataType.ARRAY and data_type - DataType.ARRAY in INTEGER_TYPES:
            return self.array(*INTEGER_TYPES[data_type - DataType.ARRAY])
        if data_type in INTEGER_TYPES:
            return self.integer(*INTEGER_TYPES[data_type])
        raise RemoteProtocolError(f"data type 0x{data_type:04X}")


def encode_string(text: str) -> bytes:
    """Write a string with its final NUL; the empty string is the single byte 0.

    Raises:
        LocalProtocolError: the text has more than 254 UTF-16 code units, or contains a NUL.
    """
    if not text:
        return b"\0"
    units = text.encode("utf-16-le", "surrogatepass")
    count = len(units) // 2 + 1
    if count > MAX_STRING_UNITS or "\0" in text:
        raise LocalProtocolError(f"string of {count - 1} UTF-16 units does not fit")
    return bytes((count,)) + units + b"\0\0"


def encode_array(elements: tuple[int, ...], width: int, signed: bool = False) -> bytes:
    """Write an array of integers of `width` bytes."""
    head = len(elements).to_bytes(4, "little")
    return head + b"".join(element.to_bytes(width, "little", signed=signed) for element in elements)


def encode_value(data_type: int, value: Value) -> bytes:
    """Write a value of the type with this code.

    Raises:
        LocalProtocolError: the value is not of this type, or out of its range.
    """
    try:
        if data_type == DataType.STRING and isinstance(value, str):
            return encode_string(value)
        if isinstance(value, tuple) and data_type & DataType.ARRAY:
            return encode_array(value, *INTEGER_TYPES[data_type - DataType.ARRAY])
        if isinstance(value, int):
            width, signed = INTEGER_TYPES[data_type]
            return value.to_bytes(width, "little", signed=signed)
    except (OverflowError, KeyError):
        pass
    raise LocalProtocolError(f"{value!r} is not of type 0x{data_type:04X}")


_DATE_TIME = re.compile(r"(\d{8})T(\d{6})(?:\.(\d*))?(Z|[+-]\d{4})?", re.ASCII)


def decode_date_time(text: str, default_zone: tzinfo | None = None) -> datetime | None:
    """Read a DateTime string, `YYYYMMDDThhmmss[.s][Z|+hhmm|-hhmm]`.

    Cameras also send a trailing dot (Samsung), `Z` (Jolla), a numeric zone (Nokia), and blanks around the date.

    Args:
        text: the string.
        default_zone: the zone of a string that names none; None means the zone of this computer, with its summer time.

    Returns:
        An aware datetime, or None if the text is not a date.
    """
    match = _DATE_TIME.fullmatch(text.strip())
    if match is None:
        return None
    day, time, fraction, suffix = match.groups()
    try:
        moment = datetime(
            int(day[:4]), int(day[4:6]), int(day[6:]), int(time[:2]), int(time[2:4]), int(time[4:])
        )  # strptime is ten times as slow
        if fraction:
            moment = moment.replace(microsecond=int(fraction[:6].ljust(6, "0")))
        if suffix == "Z":
            return moment.replace(tzinfo=UTC)
        if suffix:
            offset = timedelta(hours=int(suffix[1:3]), minutes=int(suffix[3:5]))
            return moment.replace(tzinfo=timezone(-offset if suffix[0] == "-" else offset))
        if default_zone is None:
            return moment.astimezone()
        return moment.replace(tzinfo=default_zone)
    except (ValueError, OverflowError, OSError):
        return None


def names_zone(text: str) -> bool:
    """Say whether a DateTime string names its zone."""
    match = _DATE_TIME.fullmatch(text.strip())
    return match is not None and match[4] is not None


def encode_date_time(moment: datetime) -> str:
    """Write a DateTime string in whole seconds, without a zone for a naive datetime, with `+hhmm` for an aware one.

    The seconds of a zone (local mean times of the 19th century) are left out.
    """
    return f"{moment.year:04}" + moment.strftime("%m%dT%H%M%S%z")[:16]

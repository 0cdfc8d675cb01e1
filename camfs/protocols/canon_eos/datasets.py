"""Datasets: what Canon's own operations send and receive, records and formats of pictures apart.

Each has `decode` and `encode`. Decoding raises `RemoteProtocolError` where the bytes cannot be what they should be; no count is believed
that the bytes do not bear out (camfs/protocols/canon_eos/README.md, "Datasets").
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.ptp.values import Reader, encode_array
from camfs.protocols.text import decode_text


@dataclass(frozen=True)
class DeviceInfoEx:
    """What the remote-controlled body offers (GetDeviceInfoEx): codes of records and properties, and a list of unknown purpose."""

    events: tuple[int, ...]
    properties: tuple[int, ...]
    unknown: tuple[int, ...]

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the dataset."""
        reader = Reader(data)
        size = reader.u32()
        if size > len(data):
            raise RemoteProtocolError(f"a DeviceInfoEx of {size} bytes in {len(data)}")
        return cls(reader.u32_array(), reader.u32_array(), reader.u32_array())

    def encode(self) -> bytes:
        """Write the dataset."""
        body = b"".join(encode_array(codes, 4) for codes in (self.events, self.properties, self.unknown))
        return struct.pack("<I", len(body) + 4) + body


ENTRY = 56
"""Bytes of an entry of GetObjectInfoEx, its size included."""

NAME = 16
"""Bytes of its name."""


@dataclass(frozen=True)
class ObjectEntry:
    """An object in a folder, as GetObjectInfoEx lists it.

    Attributes:
        handle: of the object.
        storage: the card.
        object_format: as in ObjectInfo.
        flags: of unknown meaning.
        size: in bytes.
        name: its file name.
        unix_time: seconds since 1970 in the camera's local time.
    """

    handle: int
    storage: int
    object_format: int
    size: int
    name: str
    unix_time: int
    flags: int = 0x20

    @classmethod
    def decode_list(cls, data: bytes) -> list[Self]:
        """Read the list of a folder."""
        reader = Reader(data)
        entries = []
        for _ in range(reader.u32()):
            size = reader.u32()
            if size < ENTRY:
                raise RemoteProtocolError(f"an entry of a folder with {size} bytes")
            entry = reader.take(size - 4)
            handle, storage, object_format, _, flags, length = struct.unpack_from("<6I", entry)
            name = decode_text(entry[0x20 : 0x20 + NAME])
            unix_time = int.from_bytes(entry[0x30:0x34], "little")
            entries.append(cls(handle, storage, object_format & 0xFFFF, length, name, unix_time, flags))
        return entries

    def encode(self) -> bytes:
        """Write one entry of the list.

        Raises:
            LocalProtocolError: the name does not fit.
        """
        name = self.name.encode("latin-1", "replace")
        if len(name) > NAME - 1:
            raise LocalProtocolError(f"{self.name}: a name has {NAME - 1} characters at most")
        head = struct.pack("<7I", ENTRY, self.handle, self.storage, self.object_format, 0, self.flags, self.size)
        return head + bytes(8) + name.ljust(NAME, b"\0") + struct.pack("<I", self.unix_time)


def encode_entries(entries: Sequence[ObjectEntry]) -> bytes:
    """Write the list of a folder."""
    return struct.pack("<I", len(entries)) + b"".join(entry.encode() for entry in entries)


@dataclass(frozen=True)
class PropertyWrite:
    """The data of SetDevicePropValueEx: a property and its new value, as in `events.PropertyChanged`."""

    code: int
    value: bytes

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the dataset; bytes behind the size that it states are left."""
        size, code = struct.unpack("<II", Reader(data).take(8))
        if not 8 <= size <= len(data):
            raise RemoteProtocolError(f"a value of {size} bytes in {len(data)}")
        return cls(code, data[8:size])

    def encode(self) -> bytes:
        """Write the dataset."""
        return struct.pack("<II", len(self.value) + 8, self.code) + self.value


@dataclass(frozen=True)
class FocusInfo:
    """The points of the autofocus (the value of D1D3). In which order the four arrays stand is not known for certain.

    Attributes:
        version: of the layout.
        in_use: how many points there are.
        image: width and height, twice: of the picture, and of what the points lie in.
        arrays: heights, widths, and two coordinates, a number a point.
        rest: bits, one a point: which are chosen, which have focused.
    """

    version: int
    in_use: int
    image: tuple[int, int, int, int]
    arrays: tuple[tuple[int, ...], ...]
    rest: bytes

    @classmethod
    def decode(cls, data: bytes) -> Self | None:
        """Read the value; None if it is empty or zeros, as it is while nothing has focused."""
        if not any(data):
            return None
        reader = Reader(data)
        size, inner, version, points, in_use = reader.u32(), reader.u16(), reader.u16(), reader.u16(), reader.u16()
        if size != len(data) or inner != size - 4:
            raise RemoteProtocolError(f"focus points of {size} bytes in {len(data)}")
        image = (reader.u16(), reader.u16(), reader.u16(), reader.u16())
        arrays = tuple(struct.unpack(f"<{points}h", reader.take(2 * points)) for _ in range(4))
        return cls(version, in_use, image, arrays, reader.take(reader.remaining))

    def encode(self) -> bytes:
        """Write the value."""
        points = len(self.arrays[0])
        body = struct.pack("<HHH", self.version, points, self.in_use) + struct.pack("<4H", *self.image)
        body += b"".join(struct.pack(f"<{points}h", *array) for array in self.arrays) + self.rest
        return struct.pack("<IH", len(body) + 6, len(body) + 2) + body


def encode_numbers(numbers: Iterable[int]) -> bytes:
    """Write a list such as that of GetStorageIDs."""
    return encode_array(tuple(numbers), 4)

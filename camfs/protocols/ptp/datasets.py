"""PTP's datasets: DeviceInfo, StorageInfo, ObjectInfo, DevicePropDesc, lists of handles and of object properties.

Each is a frozen dataclass with `decode(bytes)` and `encode()`. Decoding forgives what real cameras do (a dataset that ends early has
defaults from there on), and raises `RemoteProtocolError` where nothing sensible can be read. The fields are in the order of the
wire. What cameras put into them: camfs/protocols/ptp/README.md, "Datasets"; camfs/protocols/ptp/README.md, "ObjectInfo".
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from camfs.errors import RemoteProtocolError
from camfs.protocols.ptp.codes import (
    SIZE_UNKNOWN,
    ObjectFormat,
    ObjectHandle,
    StorageID,
)
from camfs.protocols.ptp.values import Reader, Value, encode_array, encode_string, encode_value


@dataclass(frozen=True)
class DeviceInfo:
    """What a camera is and can do (GetDeviceInfo; ISO 15740 clause 5.5.1)."""

    standard_version: int = 100
    vendor_extension_id: int = 0
    vendor_extension_version: int = 0
    vendor_extension_desc: str = ""
    functional_mode: int = 0
    operations: tuple[int, ...] = ()
    events: tuple[int, ...] = ()
    device_properties: tuple[int, ...] = ()
    capture_formats: tuple[int, ...] = ()
    image_formats: tuple[int, ...] = ()
    manufacturer: str = ""
    model: str = ""
    device_version: str = ""
    serial_number: str = ""

    @classmethod
    def decode(cls, data: bytes | memoryview) -> Self:
        """Read a DeviceInfo. Strings at its end that are missing or cut become empty."""
        reader = Reader(data)
        return cls(
            standard_version=reader.u16(),
            vendor_extension_id=reader.u32(),
            vendor_extension_version=reader.u16(),
            vendor_extension_desc=reader.string(),
            functional_mode=reader.u16(),
            operations=reader.array(2),
            events=reader.array(2),
            device_properties=reader.array(2),
            capture_formats=reader.array(2),
            image_formats=reader.array(2),
            manufacturer=reader.string_or_empty(),
            model=reader.string_or_empty(),
            device_version=reader.string_or_empty(),
            serial_number=reader.string_or_empty(),
        )

    def encode(self) -> bytes:
        """Write the dataset."""
        return b"".join(
            (
                struct.pack("<HIH", self.standard_version, self.vendor_extension_id, self.vendor_extension_version),
                encode_string(self.vendor_extension_desc),
                struct.pack("<H", self.functional_mode),
                *(
                    encode_array(codes, 2)
                    for codes in (
                        self.operations,
                        self.events,
                        self.device_properties,
                        self.capture_formats,
                        self.image_formats,
                    )
                ),
                *map(encode_string, (self.manufacturer, self.model, self.device_version, self.serial_number)),
            )
        )


class StorageType(IntEnum):
    """What a store is made of."""

    Undefined = 0
    FixedROM = 1
    RemovableROM = 2
    FixedRAM = 3
    RemovableRAM = 4


class AccessCapability(IntEnum):
    """What may be done to a store."""

    ReadWrite = 0
    ReadOnly = 1
    ReadOnlyWithDeletion = 2


@dataclass(frozen=True)
class StorageInfo:
    """A store (GetStorageInfo; ISO 15740 clause 5.5.3). Sizes are in bytes; all ones, in 32 or 64 bits, mean unknown."""

    storage_type: int = StorageType.RemovableRAM
    filesystem_type: int = 3
    access_capability: int = AccessCapability.ReadWrite
    max_capacity: int = 0
    free_space: int = 0
    free_images: int = SIZE_UNKNOWN
    description: str = ""
    volume_label: str = ""

    @classmethod
    def decode(cls, data: bytes | memoryview) -> Self:
        """Read a StorageInfo of at least 26 bytes. Strings that are missing or cut become empty."""
        reader = Reader(data)
        numbers = struct.unpack("<HHHQQI", reader.take(26))
        texts = (reader.string_or_empty(), reader.string_or_empty())
        return cls(*(numbers + texts))

    def encode(self) -> bytes:
        """Write the dataset."""
        numbers = struct.pack(
            "<HHHQQI",
            self.storage_type,
            self.filesystem_type,
            self.access_capability,
            self.max_capacity,
            self.free_space,
            self.free_images,
        )
        return numbers + encode_string(self.description) + encode_string(self.volume_label)


_OBJECT_INFO = struct.Struct("<IHHIHIIIIIIIHII")


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object (GetObjectInfo; ISO 15740 clause 5.5.2).

    `compressed_size` is in bytes, 0xFFFFFFFF for 4 GiB - 1 or more; only a size that came in 64 bits is more than that. The dates are
    DateTime strings as sent.
    """

    storage: StorageID = StorageID(0)
    object_format: int = ObjectFormat.Undefined
    protection: int = 0
    compressed_size: int = 0
    thumb_format: int = 0
    thumb_compressed_size: int = 0
    thumb_width: int = 0
    thumb_height: int = 0
    image_width: int = 0
    image_height: int = 0
    image_bit_depth: int = 0
    parent: ObjectHandle = ObjectHandle(0)
    association_type: int = 0
    association_desc: int = 0
    sequence_number: int = 0
    filename: str = ""
    capture_date: str = ""
    modification_date: str = ""
    keywords: str = ""

    @classmethod
    def decode(cls, data: bytes | memoryview) -> Self:
        """Read an ObjectInfo of at least 52 bytes. Strings that are missing or cut become empty.

        In what some Samsung phones send, the size takes 8 bytes and all that follows stands four bytes later. Then bytes 52 to 55, the
        sequence number, are 0 and byte 56 is not. (libgphoto2 looks at byte 52 only, and is misled by an object with a date but no name.)
        """
        data = bytes(data)
        width = 8 if data[52:56] == bytes(4) and data[56:57] not in (b"", b"\0") else 4
        size = int.from_bytes(data[8 : 8 + width], "little")
        reader = Reader(data[:12] + data[8 + width :])
        storage, object_format, protection, _, *numbers = _OBJECT_INFO.unpack(reader.take(_OBJECT_INFO.size))
        texts = [reader.string_or_empty() for _ in range(4)]
        return cls(storage, object_format, protection, size, *numbers, *texts)

    def encode(self) -> bytes:
        """Write the dataset."""
        numbers = _OBJECT_INFO.pack(
            self.storage,
            self.object_format,
            self.protection,
            self.compressed_size,
            self.thumb_format,
            self.thumb_compressed_size,
            self.thumb_width,
            self.thumb_height,
            self.image_width,
            self.image_height,
            self.image_bit_depth,
            self.parent,
            self.association_type,
            self.association_desc,
            self.sequence_number,
        )
        texts = (self.filename, self.capture_date, self.modification_date, self.keywords)
        return numbers + b"".join(map(encode_string, texts))


@dataclass(frozen=True)
class Range:
    """The range form of a property: from `minimum` to `maximum`, both included, by `step`."""

    minimum: int
    maximum: int
    step: int


@dataclass(frozen=True)
class Enumeration:
    """The enumeration form of a property: one of `values`."""

    values: tuple[Value, ...]


@dataclass(frozen=True)
class DevicePropDesc:
    """A device property: its type, its value, and what it may be set to (GetDevicePropDesc; ISO 15740 clause 13.3.3)."""

    code: int
    data_type: int
    writable: bool
    default: Value
    current: Value
    form: Range | Enumeration | None = None

    @classmethod
    def decode(cls, data: bytes | memoryview) -> Self:
        """Read a DevicePropDesc. If it ends before the form, the property has none."""
        reader = Reader(data)
        code, data_type, get_set = reader.u16(), reader.u16(), reader.u8()
        default, current = reader.value(data_type), reader.value(data_type)
        form: Range | Enumeration | None = None
        flag = reader.u8() if reader.remaining else 0
        if flag == 1:
            bounds = [reader.value(data_type) for _ in range(3)]
            low, high, step = (bound if isinstance(bound, int) else 0 for bound in bounds)
            form = Range(low, high, step)
        elif flag == 2:
            form = Enumeration(tuple(reader.value(data_type) for _ in range(reader.u16())))
        return cls(code, data_type, get_set == 1, default, current, form)

    def encode(self) -> bytes:
        """Write the dataset."""
        parts = [struct.pack("<HHB", self.code, self.data_type, self.writable)]
        parts += [encode_value(self.data_type, value) for value in (self.default, self.current)]
        match self.form:
            case None:
                parts.append(b"\0")
            case Range(low, high, step):
                parts += [b"\1", *(encode_value(self.data_type, bound) for bound in (low, high, step))]
            case Enumeration(values):
                parts += [b"\2", struct.pack("<H", len(values))]
                parts += [encode_value(self.data_type, value) for value in values]
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class ObjectPropElement:
    """An element of an object property list (GetObjectPropList; MTP 1.1 clause 5.3.3)."""

    handle: ObjectHandle
    code: int
    data_type: int
    value: Value


def decode_object_prop_list(data: bytes | memoryview) -> list[ObjectPropElement]:
    """Read an object property list. Of a list that is cut, the whole elements are returned."""
    return [*object_prop_elements(data)]


def object_prop_elements(data: bytes | memoryview) -> Iterator[ObjectPropElement]:
    """Go through the elements of an object property list, as `decode_object_prop_list` returns them: there may be millions."""
    reader = Reader(data)
    for _ in range(reader.u32()):
        try:
            handle, code, data_type = ObjectHandle(reader.u32()), reader.u16(), reader.u16()
            value = reader.value(data_type)
        except RemoteProtocolError:
            return
        yield ObjectPropElement(handle, code, data_type, value)


def decode_handles(data: bytes | memoryview) -> tuple[int, ...]:
    """Read a list of object handles or storage ids."""
    return Reader(data).u32_array()


HANDLES_AT_A_TIME = 8192
"""Handles in each part of a list that is read in parts."""


def handles_in_parts(data: bytes | memoryview) -> Iterator[tuple[int, ...]]:
    """Read a list of object handles part by part: there may be millions."""
    view = memoryview(data)
    end = 4 + 4 * Reader(view[:4]).u32()
    if end > len(view):
        raise RemoteProtocolError(f"list of {(end - 4) // 4} handles in {len(view)} bytes")
    for start in range(4, end, 4 * HANDLES_AT_A_TIME):
        part = view[start : min(start + 4 * HANDLES_AT_A_TIME, end)]
        yield struct.unpack(f"<{len(part) // 4}I", part)


def encode_handles(handles: Iterable[int]) -> bytes:
    """Write a list of object handles or storage ids."""
    numbers = tuple(handles)
    return struct.pack(f"<I{len(numbers)}I", len(numbers), *numbers)

"""Events: what the records of GetEvent say.

`decode_event` reads a record and each event writes itself back as one, so that the same classes serve the driver and the emulated body. A
record with a code that is not known here, or with fewer bytes than its code needs, is an `Other` and is kept as it came
(camfs/protocols/canon_eos/README.md, "Records").

Offsets in the README count from the start of the record; here they count from its body, 8 bytes later.
"""

import struct
from dataclasses import dataclass, field
from typing import Self

from camfs.errors import RemoteProtocolError
from camfs.protocols.canon_eos.codes import FORMAT_PROPERTIES, Record
from camfs.protocols.canon_eos.formats import decode_formats
from camfs.protocols.canon_eos.records import RawRecord
from camfs.protocols.ptp.values import Reader, encode_string
from camfs.protocols.text import decode_text

NAME_FIELD = 16
"""Bytes of a name in the short records: 8.3 characters and NULs."""

LIST = 3
"""The kind of an allowed list; 0, 1 and 7 say that there is none (scalar, none, opaque)."""

CHUNKS = {0xD17D: 12, 0xD1CD: 36}
"""Bytes of an element of allowed lists whose elements are structures: each begins with its own size."""


@dataclass(frozen=True)
class PropertyChanged:
    """A property has this value now (C189).

    Attributes:
        code: of the property.
        value: its bytes: 4 of a number, a text with its NUL, or a structure.
    """

    code: int
    value: bytes

    def record(self) -> RawRecord:
        return RawRecord(Record.PropertyChanged, struct.pack("<I", self.code) + self.value)


@dataclass(frozen=True)
class ChoicesChanged:
    """What a property may be set to now (C18A).

    Attributes:
        code: of the property.
        kind: `LIST`, or another number where there is no list.
        count: how many elements the record says that it has; the D126 of one body said one too few.
        elements: the bytes of them all.
    """

    code: int
    kind: int
    count: int
    elements: bytes

    def values(self) -> tuple[bytes, ...]:
        """Return the elements, as `PropertyChanged` has values. A last one that is cut is left out."""
        if self.kind != LIST:
            return ()
        if self.code in FORMAT_PROPERTIES:
            return decode_formats(self.elements)
        width = CHUNKS.get(self.code, 4)
        whole = min(self.count, len(self.elements) // width)
        return tuple(self.elements[width * number : width * (number + 1)] for number in range(whole))

    def record(self) -> RawRecord:
        return RawRecord(Record.ChoicesChanged, struct.pack("<III", self.code, self.kind, self.count) + self.elements)


@dataclass(frozen=True)
class ObjectOnCard:
    """An object was added to a card, or has changed (C181, C187, C1A7, C1A8, C1B6, C1B7).

    Attributes:
        code: of the record.
        handle: of the object.
        storage: the card.
        object_format: as in ObjectInfo.
        size: in bytes.
        parent: the folder.
        name: its file name.
        second_handle: of unknown purpose; not always equal to `handle`.
        flags: 0x20 in the one record that was seen.
        unix_time: seconds since 1970 in the camera's local time; None if the record has no such field.
    """

    code: int
    handle: int
    storage: int
    object_format: int
    size: int
    parent: int
    name: str
    second_handle: int
    flags: int = 0x20
    unix_time: int | None = None

    @property
    def is_new(self) -> bool:
        """Whether it was added."""
        return self.code in (Record.ObjectAdded, Record.ObjectAdded64, Record.ObjectAdded64LongName)

    @classmethod
    def decode(cls, code: int, body: bytes) -> Self:
        """Read the body of a record."""
        reader = Reader(body)
        handle, storage, object_format = reader.u32(), reader.u32(), reader.u32()
        reader.u32()
        flags = reader.u32()
        is_short = code in (Record.ObjectAdded, Record.ObjectInfoChanged)
        size = reader.u32() if is_short else reader.u64()
        parent, second_handle = reader.u32(), reader.u32()
        unix_time = None
        if code in (Record.ObjectAdded64LongName, Record.ObjectInfoChanged64LongName):
            name = reader.string_or_empty()
        else:
            rest = reader.take(reader.remaining)
            name = decode_text(rest)
            if len(rest) >= NAME_FIELD + 4 and len(name) < len(rest) - 4:
                unix_time = int.from_bytes(rest[-4:], "little")
        return cls(code, handle, storage, object_format & 0xFFFF, size, parent, name, second_handle, flags, unix_time)

    def record(self) -> RawRecord:
        is_short = self.code in (Record.ObjectAdded, Record.ObjectInfoChanged)
        head = struct.pack("<IIIII", self.handle, self.storage, self.object_format, 0, self.flags)
        head += struct.pack("<I" if is_short else "<Q", self.size)
        head += struct.pack("<II", self.parent, self.second_handle)
        if self.code in (Record.ObjectAdded64LongName, Record.ObjectInfoChanged64LongName):
            return RawRecord(self.code, head + encode_string(self.name))
        name = _name_field(self.name)
        time = b"" if self.unix_time is None else struct.pack("<I", self.unix_time)
        return RawRecord(self.code, head + name + time)


@dataclass(frozen=True)
class TransferRequested:
    """A shot lies in the body's memory and waits to be fetched by the computer (C186, C1A9, C1B8).

    Attributes:
        code: of the record.
        handle: to read it by, until it is let go.
        object_format: as in ObjectInfo.
        size: in bytes.
        name: its file name; empty if the body gives none.
        between: four bytes of unknown meaning.
    """

    code: int
    handle: int
    object_format: int
    size: int
    name: str
    between: int = 0

    @classmethod
    def decode(cls, code: int, body: bytes) -> Self:
        """Read the body of a record. C1A9 is read like C186, as libgphoto2 does, though its size may take 8 bytes."""
        reader = Reader(body)
        handle, object_format, between = reader.u32(), reader.u32(), reader.u32()
        if code == Record.RequestTransfer64LongName:
            size = reader.u64()
            reader.take(min(4, reader.remaining))  # as much as a handle; the one that is known ends before it
            return cls(code, handle, object_format & 0xFFFF, size, reader.string_or_empty(), between)
        size = reader.u32()
        reader.u32()
        return cls(code, handle, object_format & 0xFFFF, size, decode_text(reader.take(reader.remaining)), between)

    def record(self) -> RawRecord:
        head = struct.pack("<III", self.handle, self.object_format, self.between)
        if self.code == Record.RequestTransfer64LongName:
            return RawRecord(self.code, head + struct.pack("<QI", self.size, 0) + encode_string(self.name))
        return RawRecord(self.code, head + struct.pack("<II", self.size, 0) + _name_field(self.name))


@dataclass(frozen=True)
class Numbered:
    """A record whose body is one number: a handle (C182, C188), a storage (C184, C185, C192, C193, C1A4), a status, seconds.

    Attributes:
        code: of the record.
        number: the first four bytes of its body.
        rest: what follows them.
    """

    code: int
    number: int
    rest: bytes = b""

    def record(self) -> RawRecord:
        return RawRecord(self.code, struct.pack("<I", self.number) + self.rest)


@dataclass(frozen=True)
class OnlineInfo:
    """The on-line camera info (C1A5): buttons, metering, focus. Its fields depend on the version of the body; see `online`.

    Attributes:
        mask: which fields there are.
        fields: their bytes, and whatever follows them.
        length: the length that stands in front of them; bodies count it in two ways.
        reserved: two bytes behind the mask, 0 where seen.
    """

    mask: int
    fields: bytes
    length: int
    reserved: int = 0

    def record(self) -> RawRecord:
        return RawRecord(Record.OnlineInfo, struct.pack("<IHH", self.length, self.mask, self.reserved) + self.fields)


@dataclass(frozen=True)
class Other:
    """Any other record.

    Attributes:
        raw: as it came.
        trouble: why a record with a known code cannot be read; empty for one whose code is not known.
    """

    raw: RawRecord
    trouble: str = field(default="", compare=False)

    def record(self) -> RawRecord:
        return self.raw


Event = PropertyChanged | ChoicesChanged | ObjectOnCard | TransferRequested | Numbered | OnlineInfo | Other

_ON_CARD = {
    Record.ObjectAdded,
    Record.ObjectInfoChanged,
    Record.ObjectAdded64,
    Record.ObjectInfoChanged64,
    Record.ObjectAdded64LongName,
    Record.ObjectInfoChanged64LongName,
}
_TRANSFERS = {Record.RequestTransfer, Record.RequestTransfer64, Record.RequestTransfer64LongName}
_NUMBERED = {
    Record.ObjectRemoved,
    Record.StorageStatusChanged,
    Record.StorageInfoChanged,
    Record.ObjectContentChanged,
    Record.CameraStatus,
    Record.StoreAdded,
    Record.StoreRemoved,
    Record.BulbSeconds,
    Record.MovieSeconds,
    Record.AfResult,
    Record.CardChecked,
}


def decode_event(raw: RawRecord) -> Event:
    """Read a record. Never fails: what cannot be read is an `Other`, with the reason."""
    try:
        return _decode(raw)
    except RemoteProtocolError as error:
        return Other(raw, f"record 0x{raw.code:X} of {len(raw.body)} bytes: {error}")


def _decode(raw: RawRecord) -> Event:
    code, reader = raw.code, Reader(raw.body)
    if code == Record.PropertyChanged:
        return PropertyChanged(reader.u32(), raw.body[4:])
    if code == Record.ChoicesChanged:
        return ChoicesChanged(reader.u32(), reader.u32(), reader.u32(), raw.body[12:])
    if code in _ON_CARD:
        return ObjectOnCard.decode(code, raw.body)
    if code in _TRANSFERS:
        return TransferRequested.decode(code, raw.body)
    if code in _NUMBERED:
        return Numbered(code, reader.u32(), raw.body[4:])
    if code == Record.OnlineInfo:
        length, mask, reserved = reader.u32(), reader.u16(), reader.u16()
        return OnlineInfo(mask, raw.body[8:], length, reserved)
    return Other(raw)


def _name_field(name: str) -> bytes:
    """Write a name in 16 bytes, or in as many as it needs with its NUL."""
    text = name.encode("latin-1", "replace")
    return text.ljust(NAME_FIELD if len(text) < NAME_FIELD else len(text) + 1, b"\0")

"""KDC: the picture files of the Kodak DC120, as far as their header goes.

A file is a big-endian TIFF (TIFF 6.0, section 2) in this order. All files that were measured have the same offsets:

=========== =============================================================
0           TIFF header
8           IFD0: the thumbnail, and what is said of the picture
648         its SubIFD: the main picture
1002        the Kodak directory
1280        thumbnail: 80 x 60, red, green and blue, 8 bits each, top row first
15680       main picture, to the end of the file
=========== =============================================================

Reading follows the pointers and accepts what is there; writing puts everything where the camera does. The first `ENOUGH` bytes, which
are the first packet of a transfer, hold all but the Kodak directory. Facts: camfs/protocols/dc120/README.md, "KDC layout".
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Self, TypeAlias

from camfs.errors import RemoteProtocolError
from camfs.protocols.text import decode_text

ENOUGH = 1024
"""Bytes from the start of a file that tell name, date, size and exposure."""

HEADER_SIZE = 1280
THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT = 80, 60
THUMBNAIL_SIZE = THUMBNAIL_WIDTH * THUMBNAIL_HEIGHT * 3
PICTURE_OFFSET = HEADER_SIZE + THUMBNAIL_SIZE

OWNER_SIZE = 34
"""Bytes of the user name that the camera copies: 33 that the directory entry counts, and one that aligns the next value."""

MAX_ENTRIES = 256
"""Entries that are read of one directory; the camera writes 35 at most."""

_MAGIC = b"MM\0*"
_DATE = "%Y:%m:%d %H:%M:%S"
_MODEL = "DC120"


class Type(IntEnum):
    """The types of values (TIFF 6.0, section 2)."""

    BYTE = 1
    ASCII = 2
    SHORT = 3
    LONG = 4
    RATIONAL = 5
    SRATIONAL = 10


_FORMS = {
    Type.BYTE: "B",
    Type.ASCII: "B",
    Type.SHORT: "H",
    Type.LONG: "I",
    Type.RATIONAL: "II",
    Type.SRATIONAL: "ii",
}


class Compression(IntEnum):
    """How the main picture is stored (tag 259): one byte for each sensor cell, or a JPEG with the bytes of each 16-bit word swapped."""

    NONE = 1
    JPEG = 7


@dataclass(frozen=True)
class Header:
    """What a DC120 writes about a picture; the rest of its header is the same in every file.

    Attributes:
        name: 7 characters, the file's name without its extension (ImageDescription).
        taken: the camera's clock, without a zone; None if the text is no date.
        exposure: exposure time in units of 10 us, as in command 81.
        aperture: f-number in tenths.
        distance: SubjectDistance in tenths, as the camera writes it.
        flash: 31 with flash, 24 without, as measured.
        focal_length: mm, one of `dc120.values.ZOOM`.
        owner: `OWNER_SIZE` bytes of the user name (command 9E): the name, a NUL, then left-overs of longer names.
        battery: as text.
        compression: how the main picture is stored; numbers other than those of `Compression` are kept.
        bits_per_pixel: nominal, in hundredths: 800, 224, 125, 75 by quality.
        resolution: pixels an inch of the main picture: 144 for the lowest quality, else 72.
        picture_size: bytes of the main picture.
        picture_offset: where it begins.
        thumbnail_offset: where the thumbnail begins.
        kodak_1, kodak_3, kodak_4: rationals of the Kodak directory, in thousandths; the second is the exposure value.
        kodak_6: twelve numbers of the Kodak directory, of unknown meaning.
    """

    name: str = "P000001"
    taken: datetime | None = None
    exposure: int = 449
    aperture: int = 25
    distance: int = 50
    flash: int = 24
    focal_length: int = 37
    owner: bytes = bytes(OWNER_SIZE)
    battery: str = "Full"
    compression: int = Compression.NONE
    bits_per_pixel: int = 800
    resolution: int = 72
    picture_size: int = 0
    picture_offset: int = PICTURE_OFFSET
    thumbnail_offset: int = HEADER_SIZE
    kodak_1: int = 9125
    kodak_3: int = 10500
    kodak_4: int = 4000
    kodak_6: tuple[int, ...] = (0x10000,) * 12

    @property
    def size(self) -> int:
        """Bytes of the whole file."""
        return self.picture_offset + self.picture_size

    @classmethod
    def decode(cls, data: bytes | memoryview) -> Self:
        """Read a header.

        Args:
            data: the file from its start, `ENOUGH` bytes or more; values that lie beyond the end keep their defaults.

        Raises:
            RemoteProtocolError: this is no picture of a DC120, or it does not say where its main picture lies.
        """
        data = bytes(data[:HEADER_SIZE])
        if data[:4] != _MAGIC or len(data) < 8:
            raise RemoteProtocolError(f"no KDC picture: it begins with {data[:8].hex(' ') or 'nothing'}")
        first = _Directory(data, struct.unpack_from(">I", data, 4)[0])
        model = decode_text(first.raw(272))
        if _MODEL not in model:
            raise RemoteProtocolError(f"no picture of a DC120 but of {model or 'an unnamed camera'!r}")
        picture = _Directory(data, first.number(330, 0))
        kodak = _Directory(data, first.number(33424, 0))
        offset, size = picture.number(273, 0), picture.number(279, 0)
        if not offset or not size:
            raise RemoteProtocolError("a KDC picture without its main picture")
        return cls(
            name=decode_text(first.raw(270)),
            taken=_date(first.raw(306)),
            exposure=first.number(33434, cls.exposure),
            aperture=first.number(33437, cls.aperture),
            distance=first.number(37382, cls.distance),
            flash=first.number(37385, cls.flash),
            focal_length=first.number(37386, cls.focal_length),
            owner=first.raw(33432, 1)[:OWNER_SIZE].ljust(OWNER_SIZE, b"\0"),
            battery=decode_text(first.raw(33423)),
            compression=picture.number(259, cls.compression),
            bits_per_pixel=picture.number(37122, cls.bits_per_pixel),
            resolution=picture.number(282, cls.resolution),
            picture_size=size,
            picture_offset=offset,
            thumbnail_offset=first.number(273, cls.thumbnail_offset),
            kodak_1=kodak.number(1, cls.kodak_1),
            kodak_3=kodak.number(3, cls.kodak_3),
            kodak_4=kodak.number(4, cls.kodak_4),
            kodak_6=kodak.numbers(6, cls.kodak_6),
        )

    def encode(self) -> bytes:
        """Write the `HEADER_SIZE` bytes before the thumbnail.

        Raises:
            ValueError: a value does not fit its field.
        """
        out = bytearray(_MAGIC + struct.pack(">I", 8))
        try:
            for directory in (_first(self), _picture(self), _kodak(self)):
                _append(out, directory)
        except struct.error as error:
            raise ValueError(f"{self}: {error}") from None
        if len(out) > HEADER_SIZE:
            raise ValueError(f"{self}: {len(out)} bytes of header")
        return bytes(out).ljust(HEADER_SIZE, b"\0")

    def thumbnail(self, data: bytes | memoryview) -> bytes:
        """Return the thumbnail: `THUMBNAIL_SIZE` bytes, red, green and blue of each pixel, top row first.

        Args:
            data: the file from its start, up to the end of the thumbnail at least: `PICTURE_OFFSET` bytes.

        Raises:
            RemoteProtocolError: the data end before the thumbnail does.
        """
        found = bytes(data[self.thumbnail_offset : self.thumbnail_offset + THUMBNAIL_SIZE])
        if len(found) < THUMBNAIL_SIZE:
            raise RemoteProtocolError(f"a thumbnail of {len(found)} bytes in place of {THUMBNAIL_SIZE}")
        return found


class _Directory:
    """Reads one directory, as far as the data go; values beyond their end count as missing.

    Args:
        data: the file from its start, perhaps cut short.
        start: offset of the directory; 0 for none.
    """

    def __init__(self, data: bytes, start: int) -> None:
        self._data = data
        self._entries: dict[int, tuple[Type, int, int]] = {}
        if not 0 < start <= len(data) - 2:
            return
        (count,) = struct.unpack_from(">H", data, start)
        for at in range(start + 2, min(start + 2 + 12 * min(count, MAX_ENTRIES), len(data) - 11), 12):
            tag, type_, length = struct.unpack_from(">HHI", data, at)
            if type_ in _FORMS:
                form = Type(type_)
                size = struct.calcsize(_FORMS[form]) * length
                offset = at + 8 if size <= 4 else struct.unpack_from(">I", data, at + 8)[0]
                if offset + size <= len(data):
                    self._entries[tag] = form, length, offset

    def raw(self, tag: int, more: int = 0) -> bytes:
        """Return the bytes of a value, and `more` bytes behind it; none if the value is missing."""
        if tag not in self._entries:
            return b""
        type_, length, offset = self._entries[tag]
        return self._data[offset : offset + struct.calcsize(_FORMS[type_]) * length + more]

    def numbers(self, tag: int, default: tuple[int, ...]) -> tuple[int, ...]:
        """Return the integers of a value, of rationals the numerators; the default unless there are as many of them."""
        if tag not in self._entries:
            return default
        type_, length, offset = self._entries[tag]
        form = _FORMS[type_]
        return (
            struct.unpack_from(f">{form * length}", self._data, offset)[:: len(form)]
            if length == len(default)
            else default
        )

    def number(self, tag: int, default: int) -> int:
        """Return the integer of a value; the default unless there is exactly one."""
        return self.numbers(tag, (default,))[0]


def _date(raw: bytes) -> datetime | None:
    try:
        return datetime.strptime(decode_text(raw), _DATE)
    except ValueError:
        return None


Value: TypeAlias = int | bytes | Sequence[int]
"""The value of an entry: an integer, the bytes of a text, or several integers; of a rational, its numerator and denominator."""

Table: TypeAlias = Mapping[int, tuple[Type, int, Value]]
"""Type, count and value of each entry, by its tag."""

_B, _A, _S, _L, _R, _SR = Type.BYTE, Type.ASCII, Type.SHORT, Type.LONG, Type.RATIONAL, Type.SRATIONAL


def _first(header: Header) -> Table:
    """IFD0: camfs/protocols/dc120/README.md, "KDC directories"."""
    taken = header.taken.strftime(_DATE).encode("ascii") if header.taken else b""
    return {
        254: (_L, 1, 1),  # NewSubfileType
        256: (_S, 1, THUMBNAIL_WIDTH),
        257: (_S, 1, THUMBNAIL_HEIGHT),
        258: (_S, 3, (8, 8, 8)),  # BitsPerSample
        259: (_S, 1, 1),  # Compression
        262: (_S, 1, 2),  # PhotometricInterpretation
        270: (_A, 8, header.name.encode("ascii", "replace")),  # ImageDescription
        271: (_A, 22, b"Eastman Kodak Company"),  # Make
        272: (_A, 32, b"Kodak DC120 ZOOM Digital Camera"),  # Model
        273: (_L, 1, header.thumbnail_offset),  # StripOffsets
        274: (_S, 1, 1),  # Orientation
        277: (_S, 1, 3),  # SamplesPerPixel
        278: (_S, 1, THUMBNAIL_HEIGHT),  # RowsPerStrip
        279: (_L, 1, THUMBNAIL_SIZE),  # StripByteCounts
        282: (_R, 1, (72, 1)),  # XResolution
        283: (_R, 1, (72, 1)),  # YResolution
        284: (_S, 1, 1),  # PlanarConfiguration
        296: (_S, 1, 2),  # ResolutionUnit
        305: (_A, 18, b"DC120 Camera V1.0"),  # Software
        306: (_A, 20, taken),  # DateTime
        330: (_L, 1, 648),  # SubIFDs
        33423: (_A, 6, header.battery.encode("ascii", "replace")),  # BatteryLevel
        33424: (_L, 1, 1002),  # Kodak directory
        33432: (_A, OWNER_SIZE - 1, header.owner),  # Copyright
        33434: (_R, 1, (header.exposure, 100_000)),  # ExposureTime
        33437: (_R, 1, (header.aperture, 10)),  # FNumber
        34850: (_S, 1, 2),  # ExposureProgram
        34859: (_S, 1, 0),  # SelfTimerMode
        36867: (_A, 20, taken),  # DateTimeOriginal
        37382: (_R, 1, (header.distance, 10)),  # SubjectDistance
        37385: (_S, 1, header.flash),
        37386: (_R, 1, (header.focal_length, 1)),
        37393: (_S, 1, 1),  # ImageNumber
        37398: (_B, 4, (1, 0, 0, 0)),  # TIFF/EP version
        37399: (_S, 1, 2),  # SensingMethod
    }


_COLOURS = (
    (0, 1, 14815, 10_000, -32_100, 100_000, -16_050, 100_000)
    + (0, 1, -49_500, 1_000_000, 12_640, 10_000, -21_450, 100_000)
    + (0, 1, 54_500, 1_000_000, -39_850, 100_000, 13_440, 10_000)
)
"""From the camera's colours to RGB: three rows of offset, red, green and blue, each a numerator and a denominator."""


def _picture(header: Header) -> Table:
    """The SubIFD. Width and height are those of the finished picture, not of the stored data."""
    return {
        254: (_L, 1, 0),  # NewSubfileType
        256: (_S, 1, 1280),
        257: (_S, 1, 960),
        258: (_S, 1, 8),  # BitsPerSample
        259: (_S, 1, header.compression),
        262: (_S, 1, 32803),  # PhotometricInterpretation: colour filter array
        273: (_L, 1, header.picture_offset),
        274: (_S, 1, 1),  # Orientation
        277: (_S, 1, 1),  # SamplesPerPixel
        278: (_S, 1, 960),  # RowsPerStrip
        279: (_L, 1, header.picture_size),
        282: (_R, 1, (header.resolution, 1)),
        283: (_R, 1, (header.resolution, 1)),
        284: (_S, 1, 1),  # PlanarConfiguration
        296: (_S, 1, 2),  # ResolutionUnit
        33421: (_S, 2, (2, 2)),  # CFARepeatPatternDim
        33422: (_B, 4, (1, 0, 2, 1)),  # CFAPattern: green red, blue green
        37122: (_R, 1, (header.bits_per_pixel, 100)),  # CompressedBitsPerPixel
        37400: (_SR, 12, _COLOURS),
    }


def _kodak(header: Header) -> Table:
    """The Kodak directory, of which little is understood."""
    return {
        0: (_B, 4, (1, 1, 0, 0)),
        1: (_R, 1, (header.kodak_1, 1000)),
        2: (_B, 1, 0),
        3: (_R, 1, (header.kodak_3, 1000)),
        4: (_R, 1, (header.kodak_4, 1000)),
        5: (_B, 1, 0),
        6: (_L, 12, header.kodak_6),
        7: (_L, 3, (0x10C0C, 0x10000, 0x1003C)),
    }


def _append(out: bytearray, table: Table) -> None:
    """Append a directory, the link to a next one (none), and the values that do not fit into entries, in order of their tags."""
    values = len(out) + 2 + 12 * len(table) + 4
    directory = bytearray(struct.pack(">H", len(table)))
    outside = bytearray()
    for tag, (type_, count, value) in table.items():
        content = _packed(type_, count, value)
        if len(content) > 4:
            directory += struct.pack(">HHII", tag, type_, count, values + len(outside))
            outside += content + bytes(len(content) % 2)
        else:
            directory += struct.pack(">HHI4s", tag, type_, count, content)
    out += directory + bytes(4) + outside


def _packed(type_: Type, count: int, value: Value) -> bytes:
    if isinstance(value, bytes):
        # The byte that aligns the next value comes from the camera too: see OWNER_SIZE.
        return value[: count + count % 2].ljust(count, b"\0")
    numbers = (value,) if isinstance(value, int) else value
    return struct.pack(f">{_FORMS[type_] * count}", *numbers)

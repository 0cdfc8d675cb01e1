"""The TIFF structure of EXIF and DNG: a writer that takes tables, and a bounded reader.

A file is a header of 8 bytes and directories (IFD) with entries of 12 bytes. An entry is a tag number, a type, a count, and a value of
up to 4 bytes or the offset of a longer one (TIFF 6.0, section 2). Offsets count from the first byte of the header, which is the
start of a DNG, or the byte after `Exif\\0\\0` in a JPEG (EXIF 2.32, 4.7.2).

Pillow's `ImageFileDirectory_v2` does not replace this: it neither links directories nor places their data, it needs the same table of
types for the tags of DNG, and its reader reports damage as warnings and leaves loops and lengths to its caller.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from fractions import Fraction
from typing import TypeAlias

MAX_DIRECTORIES = 32
"""Most directories read from one file; a DNG has fewer than ten, but a loop of directories never ends."""

MAX_ENTRIES = 512
"""Most entries read from one directory; DNG 1.4 defines fewer tags."""

MAX_VALUES = 64
"""Most values read from one entry; longer lists (of strips or tiles) are skipped, as only single strips are needed."""


class Type(IntEnum):
    """Types of values (TIFF 6.0, section 2)."""

    BYTE = 1
    ASCII = 2
    SHORT = 3
    LONG = 4
    RATIONAL = 5
    UNDEFINED = 7
    SRATIONAL = 10


_INTEGERS = {Type.BYTE: "B", Type.SHORT: "H", Type.LONG: "I"}
_FRACTIONS = {Type.RATIONAL: "II", Type.SRATIONAL: "ii"}


class Tag(Enum):
    """Number and type of every tag that is written or looked for, with its name in the standard."""

    def __init__(self, number: int, type_: Type) -> None:
        self.number = number
        self.type = type_

    # TIFF 6.0, sections 8, 20, 21 and 22; SubIFDs: Adobe's TIFF Technical Note 1
    NewSubfileType = 254, Type.LONG
    ImageWidth = 256, Type.LONG
    ImageLength = 257, Type.LONG
    BitsPerSample = 258, Type.SHORT
    Compression = 259, Type.SHORT
    PhotometricInterpretation = 262, Type.SHORT
    Make = 271, Type.ASCII
    Model = 272, Type.ASCII
    StripOffsets = 273, Type.LONG
    Orientation = 274, Type.SHORT
    SamplesPerPixel = 277, Type.SHORT
    RowsPerStrip = 278, Type.LONG
    StripByteCounts = 279, Type.LONG
    XResolution = 282, Type.RATIONAL
    YResolution = 283, Type.RATIONAL
    PlanarConfiguration = 284, Type.SHORT
    ResolutionUnit = 296, Type.SHORT
    Software = 305, Type.ASCII
    DateTime = 306, Type.ASCII
    SubIFDs = 330, Type.LONG
    JPEGInterchangeFormat = 513, Type.LONG
    JPEGInterchangeFormatLength = 514, Type.LONG
    YCbCrSubSampling = 530, Type.SHORT
    YCbCrPositioning = 531, Type.SHORT
    ReferenceBlackWhite = 532, Type.RATIONAL
    # TIFF/EP (ISO 12234-2)
    CFARepeatPatternDim = 33421, Type.SHORT
    CFAPattern = 33422, Type.BYTE
    # EXIF 2.32, 4.6
    ExposureTime = 33434, Type.RATIONAL
    FNumber = 33437, Type.RATIONAL
    ExifIFD = 34665, Type.LONG
    PhotographicSensitivity = 34855, Type.SHORT
    SensitivityType = 34864, Type.SHORT
    RecommendedExposureIndex = 34866, Type.LONG
    ExifVersion = 36864, Type.UNDEFINED
    DateTimeOriginal = 36867, Type.ASCII
    DateTimeDigitized = 36868, Type.ASCII
    ComponentsConfiguration = 37121, Type.UNDEFINED
    FocalLength = 37386, Type.RATIONAL
    FlashpixVersion = 40960, Type.UNDEFINED
    ColorSpace = 40961, Type.SHORT
    PixelXDimension = 40962, Type.LONG
    PixelYDimension = 40963, Type.LONG
    FocalLengthIn35mmFilm = 41989, Type.SHORT
    # DNG 1.4, chapter 4
    DNGVersion = 50706, Type.BYTE
    DNGBackwardVersion = 50707, Type.BYTE
    UniqueCameraModel = 50708, Type.ASCII
    CFAPlaneColor = 50710, Type.BYTE
    CFALayout = 50711, Type.SHORT
    BlackLevel = 50714, Type.SHORT
    WhiteLevel = 50717, Type.SHORT
    ColorMatrix1 = 50721, Type.SRATIONAL
    AsShotNeutral = 50728, Type.RATIONAL
    CalibrationIlluminant1 = 50778, Type.SHORT
    PreviewColorSpace = 50970, Type.LONG


@dataclass(frozen=True)
class Data:
    """Bytes outside the directories; the entry holds their offset."""

    content: bytes


Number: TypeAlias = int | Fraction
Value: TypeAlias = "str | bytes | Number | Sequence[Number] | Data | Directory"
Directory: TypeAlias = Mapping[Tag, Value]
"""A directory to write. If a value is itself a `Directory`, that one follows, and the entry holds its offset."""


def encode(*chain: Directory) -> bytes:
    """Write a little-endian TIFF structure.

    All directories come first, and then their `Data`, the shortest first, so that the first bytes of the file hold every tag and
    the thumbnail.

    Args:
        chain: IFD0, IFD1 and so on.
    """
    out = bytearray(struct.pack("<2sHI", b"II", 42, 0))
    blocks: list[tuple[int, bytes]] = []
    link = 4
    for directory in chain:
        struct.pack_into("<I", out, link, _aligned(out))
        link = _append(out, directory, blocks)
    for at, content in sorted(blocks, key=lambda block: len(block[1])):
        struct.pack_into("<I", out, at, _aligned(out))
        out += content
    return bytes(out)


def _append(out: bytearray, directory: Directory, blocks: list[tuple[int, bytes]]) -> int:
    """Append a directory and what it points to, and note its `Data` in `blocks`.

    Returns:
        The offset of its link to the next directory, which is zero: there is none yet.
    """
    start = len(out)
    out += struct.pack("<H", len(directory)) + bytes(12 * len(directory) + 4)
    for index, (tag, value) in enumerate(sorted(directory.items(), key=lambda entry: entry[0].number)):
        at = start + 2 + 12 * index
        count, content = 1, bytes(4)
        if isinstance(value, Data):
            blocks.append((at + 8, value.content))
        elif isinstance(value, Mapping):
            content = struct.pack("<I", _aligned(out))
            _append(out, value, blocks)
        else:
            count, content = _packed(tag, value)
            if len(content) > 4:
                offset = _aligned(out)
                out += content
                content = struct.pack("<I", offset)
        struct.pack_into("<HHI4s", out, at, tag.number, tag.type, count, content)
    return start + 2 + 12 * len(directory)


def _packed(tag: Tag, value: str | bytes | Number | Sequence[Number]) -> tuple[int, bytes]:
    """Return the count and the bytes of a value."""
    if isinstance(value, str):
        value = value.encode("ascii") + b"\0"
    if isinstance(value, bytes):
        return len(value), value
    numbers = [value] if isinstance(value, int | Fraction) else value
    if tag.type in _FRACTIONS:
        ratios = [part for number in numbers for part in number.as_integer_ratio()]
        return len(numbers), struct.pack("<" + _FRACTIONS[tag.type] * len(numbers), *ratios)
    return len(numbers), struct.pack("<" + _INTEGERS[tag.type] * len(numbers), *numbers)


def _aligned(out: bytearray) -> int:
    """Pad to an even length, since offsets have to be even (TIFF 6.0, section 2), and return the length."""
    out += bytes(len(out) % 2)
    return len(out)


def directories(data: bytes) -> Iterator[dict[int, Sequence[int]]]:
    """Read the chain of directories and their SubIFDs, as far as possible.

    Nonsense shortens the result and never raises; the `MAX_` constants bound the time.

    Args:
        data: the file from its TIFF header on, in either byte order; may be cut short.

    Yields:
        The integers in each directory, by tag number; other types are left out.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None or len(data) < 8:
        return
    pending = list(struct.unpack_from(order + "I", data, 4))
    seen: set[int] = {0}
    while pending and len(seen) <= MAX_DIRECTORIES:
        start = pending.pop(0)
        if start in seen or start + 2 > len(data):
            continue
        seen.add(start)
        (length,) = struct.unpack_from(order + "H", data, start)
        entries = (_integers(data, order, start + 2 + 12 * n) for n in range(min(length, MAX_ENTRIES)))
        directory = dict(entry for entry in entries if entry)
        yield directory
        pending += directory.get(Tag.SubIFDs.number, ())
        link = start + 2 + 12 * length
        if link + 4 <= len(data):
            pending += struct.unpack_from(order + "I", data, link)


def _integers(data: bytes, order: str, at: int) -> tuple[int, Sequence[int]] | None:
    """Read the tag number and the values of an entry; None if they are not integers or lie beyond the data."""
    if at + 12 > len(data):
        return None
    number, type_, count = struct.unpack_from(order + "HHI", data, at)
    if type_ not in _INTEGERS or count > MAX_VALUES:
        return None
    form = f"{order}{count}{_INTEGERS[type_]}"
    at += 8
    if struct.calcsize(form) > 4:
        (at,) = struct.unpack_from(order + "I", data, at)
    return (number, struct.unpack_from(form, data, at)) if at + struct.calcsize(form) <= len(data) else None

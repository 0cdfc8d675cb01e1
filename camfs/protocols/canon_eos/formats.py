"""Image formats: what kind of files a shot has, as D120 to D123 say it, and how a photographer writes that.

A format is a count, 1 or 2, and so many parts of 16 bytes: their size, the type of the file, the size of its picture, its compression
(all u32). Two parts are RAW and JPEG of one shot (camfs/protocols/canon_eos/README.md, "Image formats").
"""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

from camfs.errors import RemoteProtocolError
from camfs.protocols.ptp.values import Reader

PART = 16
MAX_PARTS = 2
"""Parts of one format; no body has more."""


class FileType(IntEnum):
    """What kind of file it is."""

    JPEG = 1
    RAW = 6


_SIZES = {
    0: "large",
    1: "medium",
    2: "small",
    5: "medium-1",
    6: "medium-2",
    14: "small-1",
    15: "small-2",
    16: "small-3",
}
_QUALITIES = {2: "normal", 3: "fine"}
_RAWS = {(0, 4): "raw", (1, 4): "mraw", (2, 4): "sraw", (0, 3): "craw"}
_RAW_OF_WORD = {word: pair for pair, word in _RAWS.items()}


@dataclass(frozen=True)
class Part:
    """One file of a shot: its type, picture size and compression, as numbers of the camera."""

    file_type: int
    size: int
    compression: int

    def text(self) -> str:
        """Write it: `large-fine`, `raw`, `craw`; what is not known by its numbers, `1-7-0`."""
        if self.file_type == FileType.RAW and (word := _RAWS.get((self.size, self.compression))):
            return word
        size, quality = _SIZES.get(self.size), _QUALITIES.get(self.compression)
        if self.file_type == FileType.JPEG and size and quality:
            return f"{size}-{quality}"
        return f"{self.file_type}-{self.size}-{self.compression}"

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a text.

        Raises:
            ValueError: it is no format.
        """
        if text in _RAW_OF_WORD:
            return cls(FileType.RAW, *_RAW_OF_WORD[text])
        for size, size_word in _SIZES.items():
            for quality, quality_word in _QUALITIES.items():
                if text == f"{size_word}-{quality_word}":
                    return cls(FileType.JPEG, size, quality)
        numbers = [int(word) for word in text.split("-") if word.isascii() and word.isdecimal()]
        if len(numbers) != 3 or text != "-".join(map(str, numbers)) or max(numbers) > 0xFFFF_FFFF:
            raise ValueError(text)
        return cls(*numbers)


@dataclass(frozen=True)
class ImageFormat:
    """The files of a shot."""

    parts: tuple[Part, ...]

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a format; what follows it is left: one body sends 20 bytes more.

        Raises:
            RemoteProtocolError: it is cut, or has no sensible count.
        """
        return cls(_parts(Reader(data)))

    def encode(self) -> bytes:
        """Write the format."""
        parts = (struct.pack("<4I", PART, part.file_type, part.size, part.compression) for part in self.parts)
        return struct.pack("<I", len(self.parts)) + b"".join(parts)

    def text(self) -> str:
        """Write it with RAW first: `raw+large-fine`."""
        parts = sorted(self.parts, key=lambda part: part.file_type != FileType.RAW)
        return "+".join(part.text() for part in parts)

    @classmethod
    def read(cls, text: str) -> Self:
        """Read a text such as `raw+large-fine`.

        Raises:
            ValueError: it is no format.
        """
        words = text.lower().split("+")
        if len(words) > MAX_PARTS:
            raise ValueError(text)
        return cls(tuple(Part.read(word.strip()) for word in words))


def _parts(reader: Reader) -> tuple[Part, ...]:
    count = reader.u32()
    if not 1 <= count <= MAX_PARTS:
        raise RemoteProtocolError(f"an image format of {count} files")
    parts = []
    for _ in range(count):
        size = reader.u32()
        if size < PART:
            raise RemoteProtocolError(f"a part of an image format with {size} bytes")
        parts.append(Part(reader.u32(), reader.u32(), reader.u32()))
        reader.take(size - PART)
    return tuple(parts)


def decode_formats(elements: bytes) -> tuple[bytes, ...]:
    """Cut the elements of an allowed list of formats apart; what cannot be a format ends it."""
    found: list[bytes] = []
    reader = Reader(elements)
    while reader.remaining:
        start = len(elements) - reader.remaining
        try:
            _parts(reader)
        except RemoteProtocolError:
            break
        found.append(elements[start : len(elements) - reader.remaining])
    return tuple(found)

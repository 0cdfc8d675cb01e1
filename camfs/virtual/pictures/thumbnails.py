"""The thumbnail of any picture: the one that it carries, or one rendered from it."""

from collections.abc import Sequence
from os import PathLike
from typing import IO

from PIL import Image

from camfs.virtual.pictures import tiff
from camfs.virtual.pictures.jpegs import compressed, segments
from camfs.virtual.pictures.tiff import Tag

THUMBNAIL_SIZE = (160, 120)
"""Pixels of a generated thumbnail (DCF 2.0: 160 x 120); a rendered one is not larger."""

MAX_PIXELS = 1 << 26
"""Most pixels that are decoded to render a thumbnail; the fp L has 61 million."""


def embedded_thumbnail(data: bytes) -> bytes | None:
    """Return the JPEG thumbnail that a picture carries.

    It is the shortest JPEG among IFD1 (EXIF 2.32, 4.5.5) and the reduced pictures of a TIFF or DNG (DNG 1.4, chapter 3,
    NewSubFileType 1). It is not rotated.

    Args:
        data: the first bytes of any file, cut off anywhere; 256 KiB are plenty for files from cameras.

    Returns:
        A slice of `data`; None if no complete thumbnail is in it. Never raises, and takes bounded time.
    """
    exif = [
        data[start + 10 : end]
        for marker, start, end in segments(data)
        if marker == 0xE1 and data.startswith(b"Exif\0", start + 4)  # XMP has the same marker
    ]
    found = [
        picture
        for block in [data, *exif[:1]]
        for directory in tiff.directories(block)
        if (picture := _reduced_picture(block, directory))
    ]
    return min(found, key=len, default=None)


def rendered_thumbnail(picture: str | PathLike[str] | IO[bytes]) -> bytes | None:
    """Return a thumbnail rendered from a whole picture, not larger than `THUMBNAIL_SIZE`, not rotated.

    Args:
        picture: a path, or a file open for reading in binary.

    Returns:
        A JPEG; None for a damaged picture, for one of more than `MAX_PIXELS`, and for what is not a picture.
    """
    try:
        # Only formats that Pillow decodes in this process; it would start Ghostscript for EPS.
        with Image.open(picture, formats=("JPEG", "TIFF", "PNG", "GIF", "BMP")) as image:
            image.draft("RGB", THUMBNAIL_SIZE)
            if image.width * image.height > MAX_PIXELS:
                return None
            small = image.convert("RGB")
            small.thumbnail(THUMBNAIL_SIZE)
            return compressed(small, 80)
    except Exception:  # a damaged picture makes Pillow's decoders raise anything
        return None


def _reduced_picture(block: bytes, directory: dict[int, Sequence[int]]) -> bytes | None:
    """Return the JPEG thumbnail or preview that a directory points to; None if the block does not hold all of it."""

    def value(tag: Tag) -> int | None:
        values = directory.get(tag.number, ())
        return values[0] if len(values) == 1 else None

    start, length = value(Tag.JPEGInterchangeFormat), value(Tag.JPEGInterchangeFormatLength)
    if start is None and value(Tag.NewSubfileType) == 1 and value(Tag.Compression) in (6, 7):
        start, length = value(Tag.StripOffsets), value(Tag.StripByteCounts)
    if start is None or length is None or start + length > len(block):
        return None
    picture = block[start : start + length]
    frames = (0xC0, 0xC1, 0xC2)  # those that every viewer knows; raw pictures may be lossless JPEG, 0xC3
    return picture if any(marker in frames for marker, _, _ in segments(picture)) else None

"""The thumbnail that a picture file carries: in the EXIF of a JPEG, in a TIFF or in a DNG."""

from collections.abc import Iterator, Sequence

from camfs.protocols import tiff
from camfs.protocols.tiff import Tag

HEAD_SIZE = 256 * 1024
"""Bytes at the start of a file that hold the thumbnail in most files from cameras."""

MAX_SEGMENTS = 256
"""Most segments that are looked at in search of a JPEG's first scan."""


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


def segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Walk the segments of a JPEG before its first scan (ITU-T T.81, B.1.1); there are none in anything else.

    Yields:
        The second byte of the marker, the offset of the marker, and the end of the segment, which may lie beyond the data.
    """
    at = 2
    if data[:2] != b"\xff\xd8":
        return
    for _ in range(MAX_SEGMENTS):
        if at + 4 > len(data) or data[at] != 0xFF:
            return
        if data[at + 1] == 0xFF:  # a fill byte
            at += 1
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end < at + 4 or data[at + 1] in (0xD9, 0xDA):  # end of image, start of scan
            return
        yield data[at + 1], at, end
        at = end

"""What a JPEG consists of: compressing a picture as EXIF wants it, and walking through segments."""

import io
from collections.abc import Iterator

from PIL import Image

MAX_SEGMENTS = 256
"""Most segments that are looked at in search of a JPEG's first scan."""


def compressed(image: Image.Image, quality: int) -> bytes:
    """Return a baseline 4:2:2 JPEG without the APP0 segment of JFIF.

    EXIF 2.32 demands its own segment first (4.7.2), and no such segments in a thumbnail (4.5.5).
    """
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling="4:2:2")
    data = out.getvalue()
    _, start, end = next(segment for segment in segments(data) if segment[0] == 0xE0)
    return data[:start] + data[end:]


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

"""Compressing a picture as EXIF wants it."""

import io

from PIL import Image

from camfs.protocols.embedded import segments


def compressed(image: Image.Image, quality: int) -> bytes:
    """Return a baseline 4:2:2 JPEG without the APP0 segment of JFIF.

    EXIF 2.32 demands its own segment first (4.7.2), and no such segments in a thumbnail (4.5.5).
    """
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling="4:2:2")
    data = out.getvalue()
    _, start, end = next(segment for segment in segments(data) if segment[0] == 0xE0)
    return data[:start] + data[end:]

"""A thumbnail rendered from any picture, for those that carry none (`camfs.protocols.embedded`)."""

from os import PathLike
from typing import IO

from PIL import Image

from camfs.virtual.pictures.jpegs import compressed

THUMBNAIL_SIZE = (160, 120)
"""Pixels of a generated thumbnail (DCF 2.0: 160 x 120); a rendered one is not larger."""

MAX_PIXELS = 1 << 26
"""Most pixels that are decoded to render a thumbnail; the fp L has 61 million."""


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

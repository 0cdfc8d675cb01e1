"""View frames of the emulated fp: JPEGs of about 600 KB, each with its own number (reference sigma-fp, section 15).

They have no thumbnail inside: libgphoto2, which was tried on real bodies, cuts a frame off at the first end of an image.
"""

from datetime import datetime
from functools import cache

from camfs.virtual.pictures import generated as pictures

SCENES = 4
"""Pictures that the frames go round."""

_QUALITY, _ISO = 97, 12_800


@cache
def _scene(number: int) -> bytes:
    return pictures.bare_jpeg(pictures.Shot(number, datetime(2024, 5, 4), iso=_ISO), _QUALITY)


def frame(number: int) -> bytes:
    """Return a view frame; no two of different numbers are equal."""
    picture, comment = _scene(number % SCENES), b"%016d" % number
    # A COM segment behind SOI: marker, length with its own two bytes, text (ITU-T T.81, B.2.4.5).
    return picture[:2] + b"\xff\xfe" + (2 + len(comment)).to_bytes(2, "big") + comment + picture[2:]

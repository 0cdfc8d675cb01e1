"""View frames of the emulated fp: JPEGs of about 600 KB, each with its own number.

They have no thumbnail inside: libgphoto2, which was tried on real bodies, cuts a frame off at the first end of an image. See
camfs/protocols/sigma/README.md, "View frames".
"""

from datetime import datetime
from functools import cache

from camfs.virtual.pictures import generated as pictures

SCENES = 4
"""Different pictures, which the frames show in turn."""

_QUALITY, _ISO = 97, 12_800


@cache
def _scene(number: int) -> bytes:
    return pictures.bare_jpeg(pictures.Shot(number, datetime(2024, 5, 4), iso=_ISO), _QUALITY)


def frame(number: int) -> bytes:
    """Return a view frame; frames of different numbers differ."""
    picture, comment = _scene(number % SCENES), b"%016d" % number
    # A COM segment behind SOI: marker, length with its own two bytes, text (ITU-T T.81, B.2.4.5).
    return picture[:2] + b"\xff\xfe" + (2 + len(comment)).to_bytes(2, "big") + comment + picture[2:]

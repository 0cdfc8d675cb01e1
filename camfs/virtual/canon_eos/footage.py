"""The files of the emulated body's shots, its movies and its live-view frames."""

import random
from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from functools import cache, partial

from camfs.errors import RemoteProtocolError
from camfs.protocols.canon_eos.codes import Property
from camfs.protocols.canon_eos.codings import APERTURE, ISO, SHUTTER
from camfs.protocols.canon_eos.formats import FileType, ImageFormat
from camfs.protocols.canon_eos.frames import Block, encode_frame
from camfs.protocols.ptp.codes import ObjectFormat
from camfs.virtual.canon_eos.properties import Properties
from camfs.virtual.pictures import generated as pictures
from camfs.virtual.pictures.contents import Bytes, Content
from camfs.virtual.pictures.generated import Shot

CR2 = 0xB103
"""The format of Canon's raw files [log: the 60D lists it]."""

SCENES = 4
MOVIE_RATE = 1 << 18
"""Bytes a second of a movie."""

LONGEST = 64
"""Seconds after which a movie does not grow any more."""


def files(properties: Properties, number: int, taken: datetime) -> Iterator[tuple[str, Content, int]]:
    """Return name, bytes and format of each file of a shot that is taken now: RAW first."""
    value = properties.values[Property.ImageFormat].value
    try:
        parts = ImageFormat.decode(value).parts
    except RemoteProtocolError:
        parts = ()
    shot = _shot(properties, number, taken)
    for part in parts:
        if part.file_type == FileType.RAW:
            yield f"IMG_{number:04}.CR2", Bytes(partial(pictures.dng, shot, 14)), CR2
        else:
            quality = 90 if part.compression == 3 else 75
            yield f"IMG_{number:04}.JPG", Bytes(partial(pictures.jpeg, shot, quality)), ObjectFormat.EXIF_JPEG


def _shot(properties: Properties, number: int, taken: datetime) -> Shot:
    iso = ISO.decode(properties.values[Property.Iso].value)
    exposure = SHUTTER.decode(properties.values[Property.ShutterSpeed].value)
    aperture = APERTURE.decode(properties.values[Property.Aperture].value)
    return Shot(
        number,
        taken,
        int(iso) if iso.isdecimal() else 100,
        Fraction(exposure) if exposure[0].isdigit() else Fraction(1, 125),
        float(aperture.removeprefix("f/")) if aperture.startswith("f/") else 5.6,
    )


def movie(number: int, seconds: float) -> tuple[str, Content]:
    """Return name and bytes of a movie of some length."""
    size = 1024 + round(min(seconds, LONGEST) * MOVIE_RATE)

    def make() -> bytes:
        kind = b"ftypqt  " + bytes(4) + b"qt  "
        media = b"mdat" + random.Random(number).randbytes(size)
        return b"".join((4 + len(box)).to_bytes(4, "big") + box for box in (kind, media))

    return f"MVI_{number:04}.MOV", Bytes(make)


@cache
def _scene(number: int) -> bytes:
    return pictures.bare_jpeg(Shot(number, datetime(2024, 5, 4), width=960, height=640), 80)


def frame(number: int) -> bytes:
    """Return a reply with the picture of a live view; frames of different numbers differ."""
    picture, comment = _scene(number % SCENES), b"%016d" % number
    # A COM segment behind SOI: marker, length with its own two bytes, text (ITU-T T.81, B.2.4.5).
    told = picture[:2] + b"\xff\xfe" + (2 + len(comment)).to_bytes(2, "big") + comment + picture[2:]
    return encode_frame([Block(1, told), Block(4, (1).to_bytes(4, "little")), Block(5, bytes(8))])

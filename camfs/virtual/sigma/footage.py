"""The files of the emulated fp's takes: pictures that have the exposure that was set, and movies."""

import random
from datetime import datetime
from fractions import Fraction
from functools import partial

from camfs.protocols import apex
from camfs.protocols.sigma import values as words
from camfs.virtual.pictures import generated as pictures
from camfs.virtual.pictures.contents import Bytes
from camfs.virtual.pictures.generated import Shot
from camfs.virtual.sigma.database import PictureFile
from camfs.virtual.sigma.settings import Settings

PROGRAM_EXPOSURE = Fraction(1, 125)
"""How long the camera exposes where the photographer does not say it."""

_JPEG_QUALITY = {2: 95, 4: 90, 8: 80, words.DNG_AND_JPEG: 95}
_MOVIE_RATE = 1 << 20
"""Bytes a second."""

_LONGEST = 64
"""Seconds after which a movie does not grow any more."""


def exposure_time(state: Settings) -> Fraction:
    """Return for how many seconds a picture is exposed; before it ends, a bulb exposure counts as one of the camera's choice."""
    text = apex.SHUTTER_THIRDS.get(state.values["ShutterSpeed"])
    return Fraction(text) if text and state.owns_shutter else PROGRAM_EXPOSURE


def shot(state: Settings, number: int, taken: datetime) -> Shot:
    """Return what a picture that is taken now shows and says of itself."""
    values = state.values
    aperture = values["Aperture"] if state.owns_aperture else state.behaviour.metered_aperture
    return Shot(
        number,
        taken,
        int(apex.ISO_THIRDS[state.behaviour.metered_iso if values["ISOAuto"] else values["ISOSpeed"]]),
        Fraction(1) if state.owns_shutter and values["ShutterSpeed"] == apex.BULB else exposure_time(state),
        float(apex.APERTURE_THIRDS[aperture].removeprefix("f/")),
        values["CurrentLensFocalLength"] / 16,
    )


def picture_files(state: Settings, number: int, taken: datetime, name: str, folder: str) -> list[PictureFile]:
    """Return the files of a picture that is taken now: the DNG first.

    Args:
        state: the camera's settings.
        number: tells its contents from those of other pictures.
        taken: when.
        name: of both files, without the extension.
        folder: the path of their folder on the card.
    """
    quality = state.values["ImageQuality"]
    files = [_dng(state, number, taken, name, folder)] if quality in (words.DNG, words.DNG_AND_JPEG) else []
    if quality != words.DNG:
        taking = shot(state, number, taken)
        content = Bytes(partial(pictures.jpeg, taking, _JPEG_QUALITY[quality]))
        files.append(PictureFile(f"{name}.JPG", "JPG", content, taking.width, taking.height, folder))
    return files


def _dng(state: Settings, number: int, taken: datetime, name: str, folder: str) -> PictureFile:
    taking = shot(state, number, taken)
    content = Bytes(partial(pictures.dng, taking, 12 if state.values["DNGQuality"] == 12 else 14))
    return PictureFile(f"{name}.DNG", "DNG", content, taking.width, taking.height, folder)


CINEMA = "CINEMA"
"""The folder of all movies on the card (camfs/protocols/sigma/README.md, "Movies")."""

REEL = "A001"
"""What the names of movies begin with."""


def cinema_frame(state: Settings, number: int, taken: datetime) -> PictureFile:
    """Return the one frame that stands for all of a CinemaDNG take."""
    take = f"{REEL}_{number:03}"
    return _dng(state, number, taken, f"{take}_{taken:%Y%m%d}_000001", f"{CINEMA}/{take}")


def movie_file(number: int, seconds: float, taken: datetime) -> PictureFile:
    """Return a movie of some length: a QuickTime file type and random media data, without an index."""
    size = 1024 + round(min(seconds, _LONGEST) * _MOVIE_RATE)

    def make() -> bytes:
        kind = b"ftypqt  " + bytes(4) + b"qt  "
        media = b"mdat" + random.Random(number).randbytes(size)
        return b"".join((4 + len(box)).to_bytes(4, "big") + box for box in (kind, media))

    return PictureFile(f"{REEL}_{number:03}_{taken:%Y%m%d}.MOV", "MOV", Bytes(make), folder=CINEMA)

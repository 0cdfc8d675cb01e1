"""Generated pictures of the DC120: KDC files of each of its four qualities, which LibRaw opens as the camera's own.

A picture shows the landscape of `camfs.virtual.pictures.generated`. It is a function of its `Shot`: a shot gives the same bytes in
every process (camfs/protocols/dc120/README.md, "KDC layout"; camfs/protocols/dc120/README.md, "KDC main picture").
"""

import io
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

from PIL import Image

from camfs.protocols.dc120.values import ZOOM
from camfs.protocols.kdc import (
    OWNER_SIZE,
    PICTURE_OFFSET,
    THUMBNAIL_HEIGHT,
    THUMBNAIL_WIDTH,
    Compression,
    Header,
)
from camfs.virtual.pictures import generated as pictures

COLUMNS, ROWS = 848, 976
"""Cells of the sensor. They are not square: the picture that they show has 1280 x 960 pixels."""


@dataclass(frozen=True)
class Quality:
    """A quality (command 71): what the header says about it, and libjpeg's quality.

    Attributes:
        bits_per_pixel: nominal, in hundredths of a bit.
        resolution: pixels per inch.
        jpeg: libjpeg's quality, chosen so that sizes are like the camera's; None for an uncompressed picture.
    """

    bits_per_pixel: int
    resolution: int
    jpeg: int | None

    @property
    def largest(self) -> int:
        """Most bytes that a picture takes; the camera counts how many more fit into a store with it."""
        return PICTURE_OFFSET + self.bits_per_pixel * COLUMNS * ROWS // 800


QUALITIES = (Quality(800, 72, None), Quality(224, 72, 93), Quality(125, 72, 83), Quality(75, 144, 68))
"""Uncompressed, best, better, good: by the numbers in the protocol document."""

FOCAL_LENGTHS = tuple(int(length) for length in ZOOM.words.values())
"""Focal lengths in mm, by the zoom numbers in the protocol document."""

FLASH, NO_FLASH = 31, 24
"""Values of tag 37385 with flash and without (camfs/protocols/dc120/README.md, "KDC directories")."""

_GRAIN = 6400
"""The drawing has the grain of this ISO speed, so that compressed pictures are as large as real ones."""

# Row r of the sensor is stored rotated to the right by r * _TURN[r % 4] + _OFFSET[r % 4] cells.
_TURN = (162, 192, 187, 92)
_OFFSET = (0, 636, 424, 212)


@dataclass(frozen=True)
class Shot:
    """What a generated picture shows, and what its header says.

    Attributes:
        number: is drawn into the picture, and gives the six digits of its name.
        taken: time on the camera's clock.
        quality: 0 uncompressed, 1 best, 2 better, 3 good.
        exposure: in units of 10 us.
        zoom: 0 to 6.
        flash: whether the flash fired.
        owner: the user name, `OWNER_SIZE` bytes.
    """

    number: int
    taken: datetime
    quality: int = 1
    exposure: int = 449
    zoom: int = 0
    flash: bool = False
    owner: bytes = b"camfs".ljust(OWNER_SIZE, b"\0")

    @property
    def name(self) -> str:
        """The file name without its extension."""
        return f"P{self.number:06}"


def generated_shots(count: int, first: int = 1, taken: datetime = datetime(1997, 6, 1, 12)) -> list[Shot]:
    """Return the shots of a camera that has taken `count` pictures ten minutes apart, in every quality in turn."""
    return [
        Shot(
            number=first + index,
            taken=taken + timedelta(minutes=10) * index,
            quality=(1, 3, 2, 0)[index % 4],
            exposure=(449, 1667, 3333, 800)[index % 4],
            zoom=index % len(FOCAL_LENGTHS),
            flash=index % 2 == 1,
        )
        for index in range(count)
    ]


def picture(shot: Shot) -> bytes:
    """Return the shot as a KDC file."""
    quality = QUALITIES[shot.quality]
    scene = _scene(shot.number, shot.taken)
    thumbnail = scene.resize((THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT), Image.Resampling.BOX).tobytes()
    stored = _mosaic(scene) if quality.jpeg is None else _compressed(scene, quality.jpeg)
    aperture = 25
    value = round(
        8 * math.log2((aperture / 10) ** 2 / (shot.exposure / 100_000))
    )  # in eighths, rounded as by the camera
    header = Header(
        name=shot.name,
        taken=shot.taken,
        exposure=shot.exposure,
        aperture=aperture,
        flash=FLASH if shot.flash else NO_FLASH,
        focal_length=FOCAL_LENGTHS[shot.zoom],
        owner=shot.owner,
        compression=Compression.NONE if quality.jpeg is None else Compression.JPEG,
        bits_per_pixel=quality.bits_per_pixel,
        resolution=quality.resolution,
        picture_size=len(stored),
        kodak_1=max(0, value - 11) * 125,
        kodak_3=max(0, value) * 125,
    )
    return header.encode() + thumbnail + stored


def _scene(number: int, taken: datetime) -> Image.Image:
    """Draw the picture at half of its final size: the sensor has fewer cells of each colour than that has pixels."""
    drawn = pictures.jpeg(pictures.Shot(number % 10_000, taken, _GRAIN, Fraction(1, 125), width=640, height=480), 95)
    return Image.open(io.BytesIO(drawn)).convert("RGB")


def _mosaic(scene: Image.Image) -> bytes:
    """Return what the sensor's cells read, one byte each, as the camera stores it.

    No curve is applied: the cells of real pictures are nearly as bright as their thumbnails (camfs/protocols/dc120/README.md,
    "KDC main picture").
    """
    red, green, blue = (band.tobytes() for band in scene.resize((COLUMNS, ROWS)).split())
    out = bytearray()
    for row in range(ROWS):
        start, end = row * COLUMNS, (row + 1) * COLUMNS
        cells = bytearray(green[start:end])
        if row % 2 == 0:
            cells[1::2] = red[start + 1 : end : 2]
        else:
            cells[0::2] = blue[start:end:2]
        turn = (row * _TURN[row % 4] + _OFFSET[row % 4]) % COLUMNS
        out += cells[COLUMNS - turn :] + cells[: COLUMNS - turn]
    return bytes(out)


def _compressed(scene: Image.Image, quality: int) -> bytes:
    """Return the picture as the JPEG that the camera stores, with the two bytes of each word exchanged."""
    out = io.BytesIO()
    scene.resize((COLUMNS, ROWS // 2)).save(out, "JPEG", quality=quality, subsampling="4:2:2")
    data = _as_camera(out.getvalue())
    data += b"\xff" * (len(data) % 2)
    exchanged = bytearray(len(data))
    exchanged[0::2], exchanged[1::2] = data[1::2], data[0::2]
    return bytes(exchanged)


# Marker and first byte of the content: Huffman tables DC 1, AC 1, DC 0, AC 0; quantisation tables 1 and 0; frame; scan.
_ORDER = ((0xC4, 0x01), (0xC4, 0x11), (0xC4, 0x00), (0xC4, 0x10), (0xDB, 1), (0xDB, 0), (0xC0, 8), (0xDA, 3))


def _as_camera(jpeg: bytes) -> bytes:
    """Put the segments of a JPEG (ITU-T T.81, B.1.1) into the camera's order, without APP0, and number the components from 0."""
    segments: dict[tuple[int, int], bytearray] = {}
    at = 2
    while (0xDA, 3) not in segments:
        end = at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        segments[jpeg[at + 1], jpeg[at + 4]] = bytearray(jpeg[at:end])
        at = end
    for component in range(3):
        segments[0xC0, 8][10 + 3 * component] = component
        segments[0xDA, 3][5 + 2 * component] = component
    return jpeg[:2] + b"".join(segments[key] for key in _ORDER) + jpeg[at:]

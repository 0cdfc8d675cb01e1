"""Generated JPEG and DNG pictures.

A generated picture shows its number in a landscape whose colours depend on the number. It is a function of its `Shot`: a shot gives
the same bytes in every process, so that two mounts of the same emulated camera agree.
"""

import colorsys
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Literal

from PIL import Image, ImageDraw, ImageOps

from camfs.protocols import tiff
from camfs.protocols.tiff import Data, Directory, Tag
from camfs.virtual.pictures.jpegs import compressed
from camfs.virtual.pictures.thumbnails import THUMBNAIL_SIZE

PREVIEW_WIDTH = 640
"""Width in pixels of the JPEG preview in a DNG, unless the picture is narrower."""


@dataclass(frozen=True)
class Shot:
    """What a generated picture shows, and what its EXIF says.

    Attributes:
        number: 0 and up; is drawn into the picture and decides its colours.
        taken: time on the camera's clock, without a zone.
        iso: ISO speed.
        exposure: seconds.
        aperture: f-number.
        focal_length: mm, on a full-frame sensor.
        width: pixels.
        height: pixels.
    """

    number: int
    taken: datetime
    iso: int = 100
    exposure: Fraction = Fraction(1, 125)
    aperture: float = 5.6
    focal_length: float = 45
    width: int = 1200
    height: int = 800


# ISO, exposure in seconds, f-number, focal length in mm
_SETTINGS = (
    (100, Fraction(1, 500), 5.6, 45),
    (100, Fraction(1, 250), 8, 45),
    (200, Fraction(1, 1000), 2.8, 35),
    (400, Fraction(1, 125), 4, 45),
    (1600, Fraction(1, 30), 2.8, 24),
    (6400, Fraction(1, 60), 2, 65),
    (100, Fraction(2), 11, 24),
)


def generated_shots(count: int = 6) -> Sequence[Shot]:
    """Return the shots of a camera that has taken `count` pictures since May 2024, numbered from 1."""
    first = datetime(2024, 5, 4, 9, 30)
    return [
        Shot(
            number,
            first + timedelta(minutes=47, seconds=13) * (number - 1),
            *_SETTINGS[number % len(_SETTINGS)],
        )
        for number in range(1, count + 1)
    ]


def jpeg(shot: Shot, quality: int = 90) -> bytes:
    """Return the shot as a baseline JPEG with EXIF 2.32 and a thumbnail in IFD1.

    Args:
        shot: what to show.
        quality: libjpeg's quality, 1 to 95.
    """
    ifd0 = {
        **_camera(shot),
        Tag.YCbCrPositioning: 2,  # co-sited, as 4:2:2 has it
        Tag.ExifIFD: {
            **_exposure(shot),
            Tag.ComponentsConfiguration: b"\1\2\3\0",  # Y Cb Cr
            Tag.FlashpixVersion: b"0100",
            Tag.ColorSpace: 1,  # sRGB
            Tag.PixelXDimension: shot.width,
            Tag.PixelYDimension: shot.height,
        },
    }
    exif = b"Exif\0\0" + tiff.encode(ifd0, _thumbnail_directory(shot))
    picture = bare_jpeg(shot, quality)
    return picture[:2] + b"\xff\xe1" + (2 + len(exif)).to_bytes(2, "big") + exif + picture[2:]


def bare_jpeg(shot: Shot, quality: int = 90) -> bytes:
    """Return the shot as a JPEG without EXIF and without a thumbnail."""
    return compressed(_scene(shot, shot.width, shot.height), quality)


def dng(shot: Shot, bits: Literal[12, 14] = 14) -> bytes:
    """Return the shot as a DNG 1.4 raw picture.

    IFD0 is a JPEG preview, and its SubIFD is the uncompressed Bayer raw picture: DNG 1.4, chapter 2, "SubIFD Trees", recommends the
    small picture first. IFD1 is the thumbnail, as in EXIF.

    Args:
        shot: what to show.
        bits: depth of the samples, each of which takes 16 bits.
    """
    width = min(PREVIEW_WIDTH, shot.width)
    height = max(1, width * shot.height // shot.width)
    preview = compressed(_scene(shot, width, height), 85)
    ifd0 = {
        **_camera(shot),
        Tag.NewSubfileType: 1,  # reduced resolution
        Tag.ImageWidth: width,
        Tag.ImageLength: height,
        Tag.BitsPerSample: (8, 8, 8),
        Tag.Compression: 7,  # JPEG
        Tag.PhotometricInterpretation: 6,  # YCbCr
        Tag.SamplesPerPixel: 3,
        Tag.RowsPerStrip: height,
        Tag.StripOffsets: Data(preview),
        Tag.StripByteCounts: len(preview),
        Tag.PlanarConfiguration: 1,
        Tag.YCbCrSubSampling: (2, 1),
        Tag.YCbCrPositioning: 2,
        Tag.ReferenceBlackWhite: (0, 255, 128, 255, 128, 255),
        Tag.PreviewColorSpace: 2,  # sRGB
        Tag.SubIFDs: _raw_directory(shot, bits),
        Tag.ExifIFD: _exposure(shot),
        Tag.DNGVersion: (1, 4, 0, 0),
        Tag.DNGBackwardVersion: (1, 1, 0, 0),
        Tag.UniqueCameraModel: "SIGMA fp",
        Tag.ColorMatrix1: [
            Fraction(cell, 10000) * neutral for row, neutral in zip(_XYZ_TO_SRGB, _NEUTRAL, strict=True) for cell in row
        ],
        Tag.CalibrationIlluminant1: 21,  # D65
        Tag.AsShotNeutral: _NEUTRAL,
    }
    return tiff.encode(ifd0, _thumbnail_directory(shot))


def thumbnail(shot: Shot) -> bytes:
    """Return the thumbnail in `jpeg` and `dng`: a JPEG of `THUMBNAIL_SIZE` with black bars (DCF 2.0)."""
    width, height = THUMBNAIL_SIZE
    scale = max(Fraction(shot.width, width), Fraction(shot.height, height))
    scene = _scene(shot, max(1, int(shot.width / scale)), max(1, int(shot.height / scale)))
    return compressed(ImageOps.pad(scene, THUMBNAIL_SIZE), 80)


def _camera(shot: Shot) -> Directory:
    """Return the entries of IFD0 that JPEG and DNG have in common."""
    return {
        Tag.Make: "SIGMA",
        Tag.Model: "SIGMA fp",
        Tag.Orientation: 1,
        Tag.XResolution: 72,
        Tag.YResolution: 72,
        Tag.ResolutionUnit: 2,  # inch
        Tag.Software: "camfs",
        Tag.DateTime: _date(shot.taken),
    }


def _exposure(shot: Shot) -> Directory:
    """Return the entries of the EXIF directory that JPEG and DNG have in common."""
    return {
        Tag.ExposureTime: shot.exposure,
        Tag.FNumber: Fraction(shot.aperture).limit_denominator(100),
        Tag.PhotographicSensitivity: min(shot.iso, 65535),  # 16 bits; RecommendedExposureIndex has 32
        Tag.SensitivityType: 2,  # recommended exposure index
        Tag.RecommendedExposureIndex: shot.iso,
        Tag.ExifVersion: b"0232",
        Tag.DateTimeOriginal: _date(shot.taken),
        Tag.DateTimeDigitized: _date(shot.taken),
        Tag.FocalLength: Fraction(shot.focal_length).limit_denominator(100),
        Tag.FocalLengthIn35mmFilm: round(shot.focal_length),
    }


def _thumbnail_directory(shot: Shot) -> Directory:
    """Return IFD1 (EXIF 2.32, 4.5.5)."""
    small = thumbnail(shot)
    return {
        Tag.Compression: 6,  # JPEG
        Tag.XResolution: 72,
        Tag.YResolution: 72,
        Tag.ResolutionUnit: 2,
        Tag.JPEGInterchangeFormat: Data(small),
        Tag.JPEGInterchangeFormatLength: len(small),
    }


def _date(moment: datetime) -> str:
    return moment.strftime("%Y:%m:%d %H:%M:%S")


# The sensor of the generated pictures sees linear sRGB, but each colour darkened by its factor in AsShotNeutral. So ColorMatrix1, which
# leads from XYZ to the camera's colours, is the matrix of IEC 61966-2-1 (here in 1/10000) with each row darkened by the same factor.
_NEUTRAL = (Fraction(1, 2), Fraction(1), Fraction(5, 8))
_XYZ_TO_SRGB = ((32406, -15372, -4986), (-9689, 18758, 415), (557, -2040, 10570))


def _raw_directory(shot: Shot, bits: int) -> Directory:
    """Return the SubIFD of the Bayer picture, which begins with red (DNG 1.4, chapters 3 and 4)."""
    black, white = 1 << bits - 4, (1 << bits) - 1
    samples = _mosaic(_scene(shot, shot.width, shot.height), black, white)
    return {
        Tag.NewSubfileType: 0,
        Tag.ImageWidth: shot.width,
        Tag.ImageLength: shot.height,
        Tag.BitsPerSample: 16,
        Tag.Compression: 1,
        Tag.PhotometricInterpretation: 32803,  # colour filter array
        Tag.SamplesPerPixel: 1,
        Tag.RowsPerStrip: shot.height,
        Tag.StripOffsets: Data(samples),
        Tag.StripByteCounts: len(samples),
        Tag.PlanarConfiguration: 1,
        Tag.CFARepeatPatternDim: (2, 2),
        Tag.CFAPattern: (0, 1, 1, 2),  # R G, G B
        Tag.CFAPlaneColor: (0, 1, 2),
        Tag.CFALayout: 1,  # rectangular
        Tag.BlackLevel: black,
        Tag.WhiteLevel: white,
    }


def _mosaic(scene: Image.Image, black: int, white: int) -> bytes:
    """Return what a sensor behind an RGGB filter reads: 16-bit little-endian samples, row by row."""
    width, height = scene.size
    planes = []  # for each colour: the low bytes of all samples, and the high bytes
    for band, neutral in zip(scene.split(), _NEUTRAL, strict=True):
        levels = [black + round(float(neutral) * _linear(value) * (white - black)) for value in range(256)]
        plane = band.tobytes()
        planes.append([plane.translate(bytes(level >> shift & 0xFF for level in levels)) for shift in (0, 8)])
    red, green, blue = planes
    out = bytearray(2 * width * height)
    for y in range(height):
        even, odd = (green, blue) if y % 2 else (red, green)
        for byte in (0, 1):
            row = slice(2 * width * y + byte, 2 * width * (y + 1), 4)
            out[row] = even[byte][width * y : width * (y + 1) : 2]
            row = slice(row.start + 2, row.stop, 4)
            out[row] = odd[byte][width * y + 1 : width * (y + 1) : 2]
    return bytes(out)


def _linear(value: int) -> float:
    """Return the light, 0 to 1, of an sRGB value, 0 to 255 (IEC 61966-2-1)."""
    part = value / 255
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4


# The seven segments of a digit, as boxes in a cell of 4 x 7 units; then the segments of each digit.
_SEGMENTS = {
    "a": (0, 0, 4, 1),
    "b": (3, 0, 4, 4),
    "c": (3, 3, 4, 7),
    "d": (0, 6, 4, 7),
    "e": (0, 3, 1, 7),
    "f": (0, 0, 1, 4),
    "g": (0, 3, 4, 4),
}
_DIGITS = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abcdfg")


def _scene(shot: Shot, width: int, height: int) -> Image.Image:
    """Draw the shot at a size in pixels: sky, sun, hills and the number, with more grain at a higher ISO."""
    chance = random.Random(shot.number)
    hue = shot.number * 0.381966  # the golden angle, so that neighbouring numbers differ most

    def colour(turn: float, saturation: float, brightness: float) -> tuple[int, int, int]:
        red, green, blue = colorsys.hsv_to_rgb((hue + turn) % 1, saturation, brightness)
        return round(255 * red), round(255 * green), round(255 * blue)

    sky = Image.linear_gradient("L").resize((width, height))
    scene = ImageOps.colorize(sky, colour(0, 0.7, 0.6), colour(0.1, 0.2, 0.95))
    draw = ImageDraw.Draw(scene)
    x, y, radius = chance.uniform(0.1, 0.9) * width, chance.uniform(0.1, 0.4) * height, 0.08 * height
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour(0.5, 0.3, 1))
    for nearness in (0.2, 0.5, 0.8):
        ridge = [(width * step / 8, height * (0.45 + 0.4 * nearness + chance.uniform(-0.1, 0.1))) for step in range(9)]
        draw.polygon([(0, height), *ridge, (width, height)], fill=colour(0.3, 0.5, 0.75 - 0.5 * nearness))
    unit = width / 64
    for place, digit in enumerate(f"{shot.number:04}"):
        left, top = unit * (4 + 6 * place), height - unit * 11
        for segment in _DIGITS[int(digit)]:
            x0, y0, x1, y1 = _SEGMENTS[segment]
            draw.rectangle((left + x0 * unit, top + y0 * unit, left + x1 * unit, top + y1 * unit), fill="white")
    grain = Image.frombytes("L", (width, height), chance.randbytes(width * height)).convert("RGB")
    return Image.blend(scene, grain, min(0.02 + shot.iso / 100_000, 0.2))

"""A shot and its generated pictures for tests, and functions that compare pictures."""

import io
import subprocess
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path

from PIL import Image, ImageChops, ImageStat

from camfs.virtual.pictures.generated import Shot, dng, jpeg

SHOT = Shot(42, datetime(2024, 5, 4, 9, 30, 1), 3200, Fraction(1, 80), 2.8, 45, width=600, height=400)
SMALL = replace(SHOT, width=90, height=60)
GENERATED = {"JPG": jpeg(SHOT), "DNG": dng(SHOT)}


def exiftool(*arguments: str | Path) -> bytes:
    """Return what exiftool prints; without exiftool, the test fails."""
    return subprocess.run(["exiftool", *map(str, arguments)], check=True, capture_output=True).stdout


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two pictures, 0 to 255."""
    return max(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))

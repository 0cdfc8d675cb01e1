"""The generated pictures against Pillow, exiftool and LibRaw; thumbnails against exiftool and nonsense."""

import io
import json
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest
import rawpy
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from camfs.virtual.pictures import generated as pictures
from camfs.virtual.pictures import tiff
from camfs.virtual.pictures.generated import (
    Shot,
    dng,
    embedded_thumbnail,
    generated_shots,
    jpeg,
    rendered_thumbnail,
    thumbnail,
)
from camfs.virtual.pictures.tiff import Data, Tag

SHOT = Shot(42, datetime(2024, 5, 4, 9, 30, 1), 3200, Fraction(1, 80), 2.8, 45, width=600, height=400)
SMALL = replace(SHOT, width=90, height=60)
MADE = {"JPG": jpeg(SHOT), "DNG": dng(SHOT)}
HEAD = 256 * 1024
"""Bytes that `embedded_thumbnail` is given of a file."""


def exiftool(*arguments: str | Path) -> bytes:
    """Return what exiftool prints; without exiftool, the test fails."""
    return subprocess.run(["exiftool", *map(str, arguments)], check=True, capture_output=True).stdout


@pytest.fixture(params=["JPG", "DNG"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A generated picture on disk."""
    path = tmp_path / f"SDIM0042.{request.param}"
    path.write_bytes(MADE[request.param])
    return path


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two pictures, 0 to 255."""
    return max(ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_pillow_verifies_the_jpeg() -> None:
    opened(MADE["JPG"]).verify()
    picture = opened(MADE["JPG"])
    picture.load()
    assert (picture.format, picture.size, picture.mode) == ("JPEG", (600, 400), "RGB")
    assert MADE["JPG"][:4] == b"\xff\xd8\xff\xe1"
    assert "progression" not in picture.info


def test_exiftool_finds_nothing_to_warn_of(made: Path) -> None:
    (report,) = json.loads(exiftool("-json", "-a", "-validate", "-warning", "-error", made))
    assert report == {"SourceFile": str(made), "Validate": "OK"}


def test_exiftool_reads_the_settings(made: Path) -> None:
    (report,) = json.loads(exiftool("-json", "-n", made))
    expected = {
        "Make": "SIGMA",
        "Model": "SIGMA fp",
        "Orientation": 1,
        "DateTimeOriginal": "2024:05:04 09:30:01",
        "CreateDate": "2024:05:04 09:30:01",
        "ISO": 3200,
        "ExposureTime": 1 / 80,
        "FNumber": 2.8,
        "FocalLength": 45,
        "ImageSize": "600 400",
    }
    assert {name: report[name] for name in expected} == expected


def test_exiftool_extracts_the_thumbnail(made: Path) -> None:
    assert exiftool("-b", "-ThumbnailImage", made) == thumbnail(SHOT)


@pytest.mark.parametrize(("iso", "ratio"), [(102400, Fraction(1, 8000)), (6, Fraction(300)), (100, Fraction(8, 5))])
def test_extreme_settings(tmp_path: Path, iso: int, ratio: Fraction) -> None:
    path = tmp_path / "extreme.JPG"
    path.write_bytes(jpeg(replace(SMALL, iso=iso, exposure=ratio)))
    (report,) = json.loads(exiftool("-json", "-n", "-RecommendedExposureIndex", "-ExposureTime", path))
    assert (report["RecommendedExposureIndex"], report["ExposureTime"]) == (iso, float(ratio))


@pytest.mark.parametrize("size", [(600, 400), (400, 600), (1000, 100), (90, 60)])
def test_thumbnail_is_160_by_120(size: tuple[int, int]) -> None:
    small = thumbnail(replace(SHOT, width=size[0], height=size[1]))
    assert opened(small).size == (160, 120)
    assert len(small) < 16 * 1024
    assert b"JFIF" not in small


def test_thumbnail_shows_the_picture() -> None:
    inner = opened(thumbnail(SHOT)).crop((0, 7, 160, 113))
    assert difference(inner, opened(MADE["JPG"]).resize(inner.size)) < 12


@pytest.mark.parametrize("bits", [12, 14])
def test_libraw_develops_the_dng(bits: Literal[12, 14]) -> None:
    with rawpy.imread(io.BytesIO(dng(SHOT, bits))) as raw:
        assert raw.raw_image.shape == (400, 600)
        assert raw.white_level == 2**bits - 1
        assert set(raw.black_level_per_channel) == {2**bits // 16}
        assert bytes(raw.color_desc[raw.raw_color(y, x)] for y in (0, 1) for x in (0, 1)) == b"RGGB"
        assert 2**bits // 16 <= raw.raw_image.min() < raw.raw_image.max() < 2**bits
        developed = raw.postprocess(use_camera_wb=True, no_auto_bright=True, gamma=(2.4, 12.92))
    assert difference(Image.fromarray(developed), opened(MADE["JPG"])) < 8


def test_libraw_finds_the_preview() -> None:
    with rawpy.imread(io.BytesIO(MADE["DNG"])) as raw:
        preview = raw.extract_thumb()
    assert preview.format == rawpy.ThumbFormat.JPEG
    assert isinstance(preview.data, bytes)
    assert difference(opened(preview.data), opened(MADE["JPG"])) < 8


def test_odd_sizes(tmp_path: Path) -> None:
    odd = replace(SHOT, width=301, height=203)
    with rawpy.imread(io.BytesIO(dng(odd))) as raw:
        assert raw.raw_image.shape == (203, 301)
    assert opened(jpeg(odd)).size == (301, 203)


def test_another_process_makes_the_same_bytes() -> None:
    script = (
        "import hashlib; from camfs.virtual.pictures.generated import generated_shots, jpeg, dng\n"
        "print(*(hashlib.sha256(made(shot)).hexdigest() for shot in generated_shots(2) for made in (jpeg, dng)))"
    )
    runs = [subprocess.run([sys.executable, "-c", script], check=True, capture_output=True) for _ in range(2)]
    assert runs[0].stdout == runs[1].stdout
    assert len(set(runs[0].stdout.split())) == 4


def test_generated_shots() -> None:
    shots = generated_shots(20)
    assert [shot.number for shot in shots] == list(range(1, 21))
    assert shots[:6] == generated_shots()
    assert all(one.taken < two.taken for one, two in pairwise(shots))
    assert shots[0].taken.year == 2024
    assert len({(shot.iso, shot.exposure, shot.aperture) for shot in shots}) > 5
    small = [opened(thumbnail(shot)) for shot in shots]
    assert min(difference(one, two) for at, one in enumerate(small) for two in small[:at]) > 10


@pytest.mark.parametrize("name", ["JPG", "DNG"])
def test_embedded_thumbnail_of_generated_pictures(name: str) -> None:
    assert embedded_thumbnail(MADE[name][:HEAD]) == thumbnail(SHOT)


@pytest.mark.parametrize("order", ["MM", "II"])
def test_embedded_thumbnail_that_exiftool_wrote(tmp_path: Path, order: str) -> None:
    picture, small = tmp_path / "plain.jpg", tmp_path / "small.jpg"
    Image.new("RGB", (64, 48), "teal").save(picture)
    assert embedded_thumbnail(picture.read_bytes()) is None
    small.write_bytes(thumbnail(SMALL))
    exiftool("-q", "-XMP:Title=before", f"-ExifByteOrder={order}", f"-ThumbnailImage<={small}", picture)
    assert b"Exif\0\0" + order.encode() in picture.read_bytes()
    assert embedded_thumbnail(picture.read_bytes()) == thumbnail(SMALL)


def strip(picture: bytes, **changed: Any) -> bytes:
    """Return a TIFF of one directory with a JPEG in a strip."""
    entries: dict[str, tiff.Value] = {
        "NewSubfileType": 1,
        "Compression": 7,
        "StripOffsets": Data(picture),
        "StripByteCounts": len(picture),
    }
    return tiff.encode({Tag[name]: value for name, value in (entries | changed).items()})


def test_embedded_thumbnail_in_a_strip() -> None:
    assert embedded_thumbnail(strip(thumbnail(SHOT))) == thumbnail(SHOT)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8",
        b"II*\0",
        b"P5 2 2 255 abcd",
        strip(thumbnail(SHOT), NewSubfileType=0),
        strip(thumbnail(SHOT), StripByteCounts=1 << 20),
        strip(thumbnail(SHOT), StripByteCounts=(1, 2)),
        strip(thumbnail(SHOT), Compression=1),
        strip(thumbnail(SHOT).replace(b"\xff\xc0", b"\xff\xc3", 1)),
        strip(b"no JPEG"),
        thumbnail(SHOT),
        MADE["JPG"][:3000],
    ],
    ids=[
        "empty",
        "only SOI",
        "only a header",
        "not a camera's",
        "the raw picture itself",
        "longer than the file",
        "two strips",
        "not compressed",
        "lossless JPEG",
        "no JPEG",
        "without EXIF",
        "cut in the thumbnail",
    ],
)
def test_no_embedded_thumbnail(data: bytes) -> None:
    assert embedded_thumbnail(data) is None


@given(st.binary(max_size=600), st.sampled_from([b"", b"\xff\xd8\xff\xe1", b"II*\0", b"MM\0*"]))
@example(b"\xff" * 600, b"\xff\xd8")
def test_embedded_thumbnail_of_garbage(garbage: bytes, start: bytes) -> None:
    data = start + garbage
    found = embedded_thumbnail(data)
    assert found is None or found in data


@given(
    st.sampled_from([jpeg(SMALL), dng(SMALL)[:8192]]),
    st.integers(0, 8192),
    st.lists(st.tuples(st.one_of(st.integers(0, 700), st.integers(0, 8191)), st.integers(0, 7)), max_size=6),
)
def test_embedded_thumbnail_of_damaged_pictures(data: bytes, length: int, flips: list[tuple[int, int]]) -> None:
    damaged = bytearray(data[:length])
    for at, bit in flips:
        if at < len(damaged):
            damaged[at] ^= 1 << bit
    found = embedded_thumbnail(bytes(damaged))
    assert found is None or (found.startswith(b"\xff\xd8") and found in damaged)


def test_rendered_thumbnail(made: Path) -> None:
    with made.open("rb") as file:
        small = rendered_thumbnail(file)
    assert small is not None
    assert small == rendered_thumbnail(made) == rendered_thumbnail(str(made))
    assert opened(small).size == (160, 107)
    assert difference(opened(small), opened(MADE["JPG"]).resize((160, 107))) < 12


@pytest.mark.parametrize(
    ("form", "mode"), [("PNG", "RGBA"), ("PNG", "I;16"), ("TIFF", "L"), ("GIF", "P"), ("BMP", "RGB")]
)
def test_rendered_thumbnail_of_other_pictures(form: str, mode: str) -> None:
    file = io.BytesIO()
    Image.new(mode, (300, 900)).save(file, form)
    small = rendered_thumbnail(file)
    assert small is not None
    assert opened(small).size == (40, 120)


def test_rendered_thumbnail_of_what_is_no_picture(tmp_path: Path) -> None:
    assert rendered_thumbnail(tmp_path / "missing.JPG") is None
    assert rendered_thumbnail(tmp_path) is None
    assert rendered_thumbnail(io.BytesIO(b"")) is None
    assert rendered_thumbnail(io.BytesIO(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")) is None
    assert rendered_thumbnail(io.BytesIO(MADE["JPG"][:6000])) is None


def test_rendered_thumbnail_of_a_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    Image.new("P", (9, 9)).save(file, "GIF")
    bomb = file.getvalue()[:6] + b"\xff\xff\xff\xff" + file.getvalue()[10:]  # 65535 x 65535
    with pytest.raises(Image.DecompressionBombError):
        opened(bomb)
    assert rendered_thumbnail(io.BytesIO(bomb)) is None
    monkeypatch.setattr(pictures, "MAX_PIXELS", 1000)
    assert rendered_thumbnail(io.BytesIO(MADE["JPG"])) is None


@given(
    st.integers(0, 4000),
    st.lists(st.tuples(st.integers(0, 3999), st.integers(0, 255)), max_size=20),
    st.sampled_from([jpeg(SMALL), dng(SMALL)]),
)
def test_rendered_thumbnail_of_damaged_pictures(cut: int, changes: list[tuple[int, int]], data: bytes) -> None:
    damaged = bytearray(data[: len(data) - cut])
    for at, value in changes:
        if at < len(damaged):
            damaged[at] = value
    small = rendered_thumbnail(io.BytesIO(damaged))
    assert small is None or max(opened(small).size) <= 160

"""The generated pictures against Pillow, exiftool and LibRaw."""

import io
import json
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pytest
import rawpy
from PIL import Image

from camfs.virtual.pictures.generated import dng, generated_shots, jpeg, thumbnail
from tests.virtual.pictures.shots import GENERATED, SHOT, SMALL, difference, exiftool, opened


def test_pillow_verifies_the_jpeg() -> None:
    opened(GENERATED["JPG"]).verify()
    picture = opened(GENERATED["JPG"])
    picture.load()
    assert (picture.format, picture.size, picture.mode) == ("JPEG", (600, 400), "RGB")
    assert GENERATED["JPG"][:4] == b"\xff\xd8\xff\xe1"
    assert "progression" not in picture.info


def test_exiftool_finds_nothing_to_warn_of(generated: Path) -> None:
    (report,) = json.loads(exiftool("-json", "-a", "-validate", "-warning", "-error", generated))
    assert report == {"SourceFile": str(generated), "Validate": "OK"}


def test_exiftool_reads_the_settings(generated: Path) -> None:
    (report,) = json.loads(exiftool("-json", "-n", generated))
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


def test_exiftool_extracts_the_thumbnail(generated: Path) -> None:
    assert exiftool("-b", "-ThumbnailImage", generated) == thumbnail(SHOT)


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
    assert difference(inner, opened(GENERATED["JPG"]).resize(inner.size)) < 12


@pytest.mark.parametrize("bits", [12, 14])
def test_libraw_develops_the_dng(bits: Literal[12, 14]) -> None:
    with rawpy.imread(io.BytesIO(dng(SHOT, bits))) as raw:
        assert raw.raw_image.shape == (400, 600)
        assert raw.white_level == 2**bits - 1
        assert set(raw.black_level_per_channel) == {2**bits // 16}
        assert bytes(raw.color_desc[raw.raw_color(y, x)] for y in (0, 1) for x in (0, 1)) == b"RGGB"
        assert 2**bits // 16 <= raw.raw_image.min() < raw.raw_image.max() < 2**bits
        developed = raw.postprocess(use_camera_wb=True, no_auto_bright=True, gamma=(2.4, 12.92))
    assert difference(Image.fromarray(developed), opened(GENERATED["JPG"])) < 8


def test_libraw_finds_the_preview() -> None:
    with rawpy.imread(io.BytesIO(GENERATED["DNG"])) as raw:
        preview = raw.extract_thumb()
    assert preview.format == rawpy.ThumbFormat.JPEG
    assert isinstance(preview.data, bytes)
    assert difference(opened(preview.data), opened(GENERATED["JPG"])) < 8


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

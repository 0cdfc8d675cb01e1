"""Thumbnails of generated pictures, of pictures by other programs, and of nonsense."""

import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from camfs.virtual.pictures import thumbnails, tiff
from camfs.virtual.pictures.generated import dng, jpeg, thumbnail
from camfs.virtual.pictures.thumbnails import embedded_thumbnail, rendered_thumbnail
from camfs.virtual.pictures.tiff import Data, Tag
from tests.virtual.pictures.shots import GENERATED, SHOT, SMALL, difference, exiftool, opened

HEAD = 256 * 1024
"""Bytes of a file that `embedded_thumbnail` gets."""


@pytest.mark.parametrize("name", ["JPG", "DNG"])
def test_embedded_thumbnail_of_generated_pictures(name: str) -> None:
    assert embedded_thumbnail(GENERATED[name][:HEAD]) == thumbnail(SHOT)


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
        GENERATED["JPG"][:3000],
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


def test_rendered_thumbnail(generated: Path) -> None:
    with generated.open("rb") as file:
        small = rendered_thumbnail(file)
    assert small is not None
    assert small == rendered_thumbnail(generated) == rendered_thumbnail(str(generated))
    assert opened(small).size == (160, 107)
    assert difference(opened(small), opened(GENERATED["JPG"]).resize((160, 107))) < 12


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
    assert rendered_thumbnail(io.BytesIO(GENERATED["JPG"][:6000])) is None


def test_rendered_thumbnail_of_a_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    Image.new("P", (9, 9)).save(file, "GIF")
    bomb = file.getvalue()[:6] + b"\xff\xff\xff\xff" + file.getvalue()[10:]  # 65535 x 65535
    with pytest.raises(Image.DecompressionBombError):
        opened(bomb)
    assert rendered_thumbnail(io.BytesIO(bomb)) is None
    monkeypatch.setattr(thumbnails, "MAX_PIXELS", 1000)
    assert rendered_thumbnail(io.BytesIO(GENERATED["JPG"])) is None


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

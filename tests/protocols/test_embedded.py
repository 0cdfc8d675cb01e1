"""Thumbnails in generated pictures, in pictures by other programs, and in nonsense."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from camfs.protocols import tiff
from camfs.protocols.embedded import HEAD_SIZE, embedded_thumbnail
from camfs.protocols.tiff import Data, Tag
from camfs.virtual.pictures.generated import dng, jpeg, thumbnail
from tests.virtual.pictures.shots import GENERATED, SHOT, SMALL, exiftool


@pytest.mark.parametrize("name", ["JPG", "DNG"])
def test_embedded_thumbnail_of_generated_pictures(name: str) -> None:
    assert embedded_thumbnail(GENERATED[name][:HEAD_SIZE]) == thumbnail(SHOT)


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

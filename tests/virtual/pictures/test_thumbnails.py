"""Thumbnails of generated pictures, of pictures by other programs, and of nonsense."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from camfs.virtual.pictures import thumbnails
from camfs.virtual.pictures.generated import dng, jpeg
from camfs.virtual.pictures.thumbnails import rendered_thumbnail
from tests.virtual.pictures.shots import GENERATED, SMALL, difference, opened


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

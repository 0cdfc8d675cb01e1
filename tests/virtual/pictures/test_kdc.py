"""The generated KDC pictures against LibRaw, Pillow, and the layout of real ones."""

import io
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import rawpy
from PIL import Image

from camfs.protocols.kdc import PICTURE_OFFSET, Header
from camfs.virtual.pictures.kdc import FLASH, NO_FLASH, QUALITIES, Shot, generated_shots, picture

SHOT = Shot(2032, datetime(1997, 6, 1, 12, 30, 15), owner=b"Ana\0left-overs".ljust(34, b"\0"))
MADE = [picture(replace(SHOT, quality=quality)) for quality in range(4)]


def unswapped(data: bytes) -> bytes:
    """Return the JPEG in a compressed picture."""
    strip = np.frombuffer(data[PICTURE_OFFSET:], "<u2")
    return strip.byteswap().tobytes()


@pytest.mark.parametrize("quality", range(4))
def test_libraw_opens_it_as_a_dc120s(quality: int) -> None:
    with rawpy.imread(io.BytesIO(MADE[quality])) as raw:
        assert raw.raw_image.shape == (976, 848)
        assert raw.white_level == (510 if quality else 255)
        assert raw.raw_pattern is not None
        assert raw.raw_pattern.tolist() == [[1, 0], [2, 3]]
        assert raw.other.timestamp == SHOT.taken
        assert raw.sizes.width == 848
        thumbnail = raw.extract_thumb()
        assert thumbnail.format == rawpy.ThumbFormat.BITMAP
        assert isinstance(thumbnail.data, np.ndarray)
        assert thumbnail.data.shape == (60, 80, 3)
        assert thumbnail.data.tobytes() == MADE[quality][1280:PICTURE_OFFSET]


@pytest.mark.parametrize("quality", range(4))
def test_the_picture_is_what_the_thumbnail_shows(quality: int) -> None:
    with rawpy.imread(io.BytesIO(MADE[quality])) as raw:
        developed = raw.postprocess(
            half_size=True,
            no_auto_bright=True,
            gamma=(1, 1),
            user_wb=[1, 1, 1, 1],
            output_color=rawpy.ColorSpace.raw,
        )
    small = np.asarray(Image.fromarray(developed).resize((80, 60)), np.float64)
    thumbnail = np.frombuffer(MADE[quality][1280:PICTURE_OFFSET], np.uint8).reshape(60, 80, 3)
    assert np.abs(small - thumbnail).mean() < 4


def test_neighbouring_rows_fit_together_once_they_are_turned_back() -> None:
    """As in a real picture, rows of the same colours are much alike (camfs/protocols/dc120/README.md, "KDC main picture")."""
    stored = np.frombuffer(MADE[0][PICTURE_OFFSET:], np.uint8).astype(np.int16).reshape(976, 848)
    with rawpy.imread(io.BytesIO(MADE[0])) as raw:
        turned = raw.raw_image.astype(np.int16)
    assert np.abs(turned[2:] - turned[:-2]).mean() < np.abs(stored[2:] - stored[:-2]).mean() / 2


@pytest.mark.parametrize("quality", range(4))
def test_pillow_sees_the_thumbnail(quality: int) -> None:
    with Image.open(io.BytesIO(MADE[quality])) as image:
        assert (image.format, image.size, image.mode) == ("TIFF", (80, 60), "RGB")
        assert image.tobytes() == MADE[quality][1280:PICTURE_OFFSET]


@pytest.mark.parametrize("quality", range(4))
def test_header(quality: int) -> None:
    header = Header.decode(MADE[quality])
    assert header.size == len(MADE[quality])
    assert header.encode() == MADE[quality][:1280]
    assert (header.name, header.taken, header.owner) == ("P002032", SHOT.taken, SHOT.owner)
    assert header.compression == (7 if quality else 1)
    assert header.bits_per_pixel == (800, 224, 125, 75)[quality]
    assert header.resolution == (144 if quality == 3 else 72)


def test_settings_are_in_the_header() -> None:
    header = Header.decode(picture(replace(SHOT, exposure=1600000, zoom=6, flash=True)))
    assert (header.exposure, header.focal_length, header.flash) == (1600000, 111, FLASH)
    header = Header.decode(picture(replace(SHOT, exposure=200)))
    assert (header.exposure, header.focal_length, header.flash) == (200, 37, NO_FLASH)
    # log2(2.5 * 2.5 / 0.00449) in eighths, as in the samples
    header = Header.decode(picture(replace(SHOT, exposure=449)))
    assert (header.kodak_1, header.kodak_3) == (9125, 10500)


def test_sizes() -> None:
    assert len(MADE[0]) == PICTURE_OFFSET + 848 * 976 == 843328
    assert [len(data) for data in MADE] == sorted((len(data) for data in MADE), reverse=True)
    # of real ones of the same quality: 191912, 101750, 72240
    for data, real, quality in zip(MADE[1:], (191912, 101750, 72240), QUALITIES[1:], strict=True):
        assert real / 2 < len(data) < min(2 * real, quality.largest)


# offset, marker and length of the segments in a real picture's JPEG
MARKERS = [
    (2, 0xC4, 31),
    (35, 0xC4, 181),
    (218, 0xC4, 31),
    (251, 0xC4, 181),
    (434, 0xDB, 67),
    (503, 0xDB, 67),
    (572, 0xC0, 17),
    (591, 0xDA, 12),
]


@pytest.mark.parametrize("quality", [1, 2, 3])
def test_the_compressed_kind_is_put_together_as_the_camera_does(quality: int) -> None:
    assert MADE[quality][PICTURE_OFFSET : PICTURE_OFFSET + 4] == b"\xd8\xff\xc4\xff"
    jpeg = unswapped(MADE[quality])
    found = []
    at = 2
    while at < 605:
        length = int.from_bytes(jpeg[at + 2 : at + 4], "big")
        found.append((at, jpeg[at + 1], length))
        at += 2 + length
    assert found == MARKERS
    assert [jpeg[at + 4] for at, _, _ in MARKERS] == [1, 0x11, 0, 0x10, 1, 0, 8, 3]
    assert jpeg[572:591].hex() == "ffc000110801e8035003002100011101021101"
    assert jpeg[591:605].hex() == "ffda000c03000001110211003f00"
    assert jpeg.rstrip(b"\xff").endswith(b"\xff\xd9") or jpeg.endswith(b"\xff\xd9")
    with Image.open(io.BytesIO(jpeg)) as image:
        assert (image.size, image.mode) == ((848, 488), "RGB")


def test_the_same_shot_gives_the_same_bytes_in_any_process() -> None:
    code = (
        "import sys; from camfs.virtual.pictures.kdc import generated_shots, picture\n"
        "sys.stdout.buffer.write(picture(generated_shots(2)[1]))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, cwd=Path(__file__).parents[3]
    )
    assert output.stdout == picture(generated_shots(2)[1])


def test_different_shots_give_different_pictures() -> None:
    one, other = (picture(replace(SHOT, number=number)) for number in (1, 2))
    assert one[1280:PICTURE_OFFSET] != other[1280:PICTURE_OFFSET]


def test_generated_shots() -> None:
    shots = generated_shots(5, first=10)
    assert [shot.name for shot in shots] == [f"P0000{number}" for number in range(10, 15)]
    assert {shot.quality for shot in shots} == {0, 1, 2, 3}
    assert [shot.taken for shot in shots] == sorted(shot.taken for shot in shots)


def test_libraw_needs_all_of_a_picture() -> None:
    with pytest.raises(rawpy.LibRawError), rawpy.imread(io.BytesIO(MADE[0][:-1000])) as raw:
        raw.raw_image  # noqa: B018

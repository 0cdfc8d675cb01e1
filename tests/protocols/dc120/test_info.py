"""Image info and thumbnails: section 8.6 of reference dc120, whose layouts are guesses; so what counts is that no byte is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import RemoteProtocolError
from camfs.protocols.dc120.info import ImageInfo, Thumbnail
from camfs.protocols.kdc import THUMBNAIL_SIZE


@given(st.binary(min_size=256, max_size=256))
def test_any_image_info_comes_back(payload: bytes) -> None:
    info = ImageInfo.decode(payload)
    assert info.encode() == payload
    assert isinstance(info.name, str)


@pytest.mark.parametrize(
    ("name", "offset", "size"),
    [
        ("camera_type", 1, 1),
        ("quality", 4, 1),
        ("number", 6, 2),
        ("size", 8, 4),
        ("clock", 12, 4),
        ("flash_fired", 16, 1),
        ("flash", 17, 1),
        ("zoom", 21, 1),
        ("f_number", 26, 1),
        ("battery", 27, 1),
        ("exposure", 28, 4),
    ],
)
def test_each_field_is_at_its_place(name: str, offset: int, size: int) -> None:
    payload = bytes(range(256))
    assert getattr(ImageInfo.decode(payload), name) == int.from_bytes(payload[offset : offset + size], "big")


def test_the_name_in_the_image_info() -> None:
    assert ImageInfo(name_field=b"P002032 KDC\0").name == "P002032.KDC"
    assert ImageInfo(name_field=b"P002032 KDC\0").encode()[32:44] == b"P002032 KDC\0"


@pytest.mark.parametrize("size", [0, 255, 257])
def test_image_info_of_another_length(size: int) -> None:
    with pytest.raises(RemoteProtocolError):
        ImageInfo.decode(bytes(size))


def test_a_thumbnail_takes_fifteen_packets() -> None:
    thumbnail = Thumbnail(bytes(range(200)) * 72)
    payloads = thumbnail.encode()
    assert [len(payload) for payload in payloads] == [1024] * 15
    assert Thumbnail.decode(payloads) == thumbnail


@given(st.binary(max_size=2000))
def test_a_thumbnail_may_have_any_length_behind_its_pixels(rest: bytes) -> None:
    data = bytes(THUMBNAIL_SIZE) + rest
    thumbnail = Thumbnail.decode([data])
    assert thumbnail.pixels + thumbnail.rest == data


def test_a_thumbnail_that_is_too_short() -> None:
    with pytest.raises(RemoteProtocolError):
        Thumbnail.decode([bytes(1024)] * 14)

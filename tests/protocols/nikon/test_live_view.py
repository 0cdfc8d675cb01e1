"""Frames of the live view: headers of each length, and frames without a picture."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import RemoteProtocolError
from camfs.protocols.nikon.live_view import (
    HEADERS,
    LIVE_VIEW_REASONS,
    MOVIE_REASONS,
    decode_frame,
    encode_frame,
    reasons,
)

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) + b"\xff\xd9"


@pytest.mark.parametrize("header", HEADERS)
def test_a_frame_is_found_behind_its_header(header: int) -> None:
    data = encode_frame(JPEG, header=header, width=640, height=424)
    frame = decode_frame(data)
    assert (frame.jpeg, len(frame.header)) == (JPEG, header)
    assert list(frame.sizes) == [640, 424, 640, 424]
    assert frame.header + frame.jpeg == data


def test_a_long_header_with_its_numbers_at_the_beginning() -> None:
    """So they stand on a D7000."""
    data = (640).to_bytes(2, "big") + (424).to_bytes(2, "big") + bytes(380) + JPEG
    assert list(decode_frame(data).sizes) == [640, 424, 0, 0]


@given(st.integers(0, 1024))
def test_a_header_of_another_length(length: int) -> None:
    assert decode_frame(bytes(length) + JPEG).jpeg == JPEG


@pytest.mark.parametrize(
    "data", [b"", bytes(384), bytes(2000), bytes(1100) + JPEG, b"\xff\xd8", bytes(384) + b"\x89PNG" + bytes(100)]
)
def test_a_frame_without_a_picture_is_an_error(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="without a JPEG"):
        decode_frame(data)


@given(st.binary(max_size=2000))
def test_any_bytes_are_a_frame_or_an_error(data: bytes) -> None:
    try:
        frame = decode_frame(data)
    except RemoteProtocolError:
        return
    assert frame.header + frame.jpeg == data


def test_reasons_in_words() -> None:
    assert reasons(1 << 8 | 1 << 14, LIVE_VIEW_REASONS) == "the battery is low, there is no card, or it is protected"
    assert reasons(1 << 7, LIVE_VIEW_REASONS) == "bit 7"
    assert reasons(0x6000, MOVIE_REASONS) == "the selector is not at movie, the camera is not in its movie application"

"""Frames of the live view, cut out by offset and size. No bytes of a body are public."""

import struct

import pytest

from camfs.errors import RemoteProtocolError
from camfs.protocols.sony.live_view import LiveViewFrame, decode_frame, encode_frame

JPEG = b"\xff\xd8\xff\xdb picture \xff\xd9"


@pytest.mark.parametrize("focus", [b"", b"\x01\x02\x03\x04"])
def test_frames_encode_back(focus: bytes) -> None:
    frame = LiveViewFrame(JPEG, focus)
    assert decode_frame(encode_frame(frame)) == frame


def test_the_picture_is_cut_out_by_offset_and_size() -> None:
    """The block in front of it holds what looks like the beginning of a JPEG."""
    block = b"\xff\xd8\xff\0\0\0\0\0"
    data = struct.pack("<IIII", 32, len(JPEG), 16, len(block)) + block + bytes(8) + JPEG + bytes(100)
    assert decode_frame(data) == LiveViewFrame(JPEG, block)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(15),
        bytes(16),
        struct.pack("<IIII", 16, 0xFFFFFFFF, 0, 0) + JPEG,
        struct.pack("<IIII", 0xFFFFFFFF, 16, 0, 0) + JPEG,
        struct.pack("<IIII", 16, 8, 0, 0) + bytes(100),
    ],
)
def test_a_frame_that_is_no_jpeg(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match="live view"):
        decode_frame(data)

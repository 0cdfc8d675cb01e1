"""A frame of the live view, the object 0xFFFFC002: two pairs of offset and size, then what they point at.

::

    u32 offset of the JPEG   u32 its size   u32 offset of the block about focus   u32 its size   …

The JPEG is cut out by offset and size, as the block may be in front of it or behind, and what it holds is not known
(camfs/protocols/sony/README.md, "Live view").
"""

import struct
from dataclasses import dataclass

from camfs.errors import RemoteProtocolError

JPEG_BEGINS = b"\xff\xd8\xff"

HEADER = struct.Struct("<IIII")


@dataclass(frozen=True)
class LiveViewFrame:
    """A frame.

    Attributes:
        jpeg: the picture.
        focus: the block about focus, as it came.
    """

    jpeg: bytes
    focus: bytes = b""


def decode_frame(data: bytes | memoryview) -> LiveViewFrame:
    """Decode a frame.

    Raises:
        RemoteProtocolError: there is no JPEG where it says, or it says that it is longer than it is.
    """
    data = bytes(data)
    if len(data) < HEADER.size:
        raise RemoteProtocolError(f"a frame of the live view of {len(data)} bytes")
    offset, size, focus_offset, focus_size = HEADER.unpack_from(data)
    if offset + size > len(data):
        raise RemoteProtocolError(f"a frame of the live view of {len(data)} bytes with a JPEG up to {offset + size}")
    jpeg = data[offset : offset + size]
    if not jpeg.startswith(JPEG_BEGINS):
        raise RemoteProtocolError(f"a frame of the live view of {len(data)} bytes without a JPEG")
    return LiveViewFrame(jpeg, data[focus_offset : focus_offset + focus_size])


def encode_frame(frame: LiveViewFrame) -> bytes:
    """Encode a frame; the block about focus comes last."""
    offset = HEADER.size
    sizes = HEADER.pack(offset, len(frame.jpeg), offset + len(frame.jpeg) if frame.focus else 0, len(frame.focus))
    return sizes + frame.jpeg + frame.focus

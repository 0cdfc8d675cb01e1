"""Live-view frames: the reply to GetViewFinderData is a chain of blocks, one of them the picture.

A block is its length (u32, this field included), its type (u32), and its content; a block of length 8 and type 0 ends the chain
(camfs/protocols/canon_eos/README.md, "Live view").
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from camfs.errors import RemoteProtocolError

HEADER = 8
PICTURES = (1, 11)
"""Types of blocks with a JPEG: 1 on most bodies, 11 on EOS R."""

JPEG_START = b"\xff\xd8\xff"


@dataclass(frozen=True)
class Block:
    """A block of a frame."""

    kind: int
    content: bytes


def decode_frame(data: bytes | memoryview) -> tuple[Block, ...]:
    """Cut a reply into its blocks, without the last.

    Raises:
        RemoteProtocolError: a block is longer than the reply, or shorter than its own header.
    """
    view = memoryview(data)
    blocks = []
    position = 0
    while len(view) - position >= HEADER:
        length, kind = struct.unpack_from("<II", view, position)
        if kind == 0 and length == HEADER:
            break
        if not HEADER <= length <= len(view) - position:
            raise RemoteProtocolError(f"a live-view block of {length} bytes, where {len(view) - position} are left")
        blocks.append(Block(kind, bytes(view[position + HEADER : position + length])))
        position += length
    return tuple(blocks)


def picture_of(data: bytes | memoryview) -> bytes:
    """Return the JPEG of a reply.

    Raises:
        RemoteProtocolError: there is none.
    """
    blocks = decode_frame(data)
    for block in blocks:
        if block.kind in PICTURES:
            if block.content.startswith(JPEG_START):
                return block.content
            raise RemoteProtocolError(
                f"the picture of a live-view frame begins with {block.content[:4].hex()}, which is no JPEG"
            )
    raise RemoteProtocolError(f"a live-view frame without a picture: its blocks are {[block.kind for block in blocks]}")


def encode_frame(blocks: Iterable[Block]) -> bytes:
    """Write a reply, with the block that ends it."""
    parts = [struct.pack("<II", HEADER + len(block.content), block.kind) + block.content for block in blocks]
    return b"".join(parts) + struct.pack("<II", HEADER, 0)

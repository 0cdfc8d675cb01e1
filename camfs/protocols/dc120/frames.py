"""What travels on the line: command frames, answer bytes, packets and extra data.

==================== =============================================== =========
frame                bytes                                           direction
==================== =============================================== =========
command              code, five bytes of parameters, 00 1A           to camera
extra data           80, payload, XOR of the payload                 to camera
packet               payload, XOR of the payload                     from it
answer               one of `Answer`                                 both ways
==================== =============================================== =========

The checksum of extra data leaves out the 80: all twelve examples of the protocol document agree with that. A packet has no lead byte,
and its bytes may equal any answer, so packets are told from answers by counting bytes. Facts: camfs/protocols/dc120/README.md, "Frames".
"""

from collections.abc import Iterator
from enum import IntEnum
from functools import reduce
from operator import xor

COMMAND_SIZE = 8
COMMAND_TAIL = b"\x00\x1a"
EXTRA_LEAD = 0x80
EXTRA_OVERHEAD = 2
"""Bytes of extra data on the line beyond its payload: lead and checksum."""
DATA_SIZE = 1024
"""Bytes of payload in a packet of picture data."""


class Answer(IntEnum):
    """The one-byte answers: those of the protocol document, and three that only libgphoto2's drivers have."""

    COMPLETED = 0x00
    """From the camera: the command is over, and the D2 for its last packet has arrived."""
    READY = 0x10
    """From the camera, by libgphoto2: still working."""
    ACCEPTED = 0xD1
    """From the camera: the command is accepted."""
    RECEIVED = 0xD2
    """Data have arrived: packets at the computer, extra data at the camera."""
    BREAK = 0xE1
    """From the camera: a break has arrived; in place of D1: the command is refused."""
    FAILED = 0xE2
    """From the camera, by libgphoto2: the command was accepted but could not be done."""
    REPEAT = 0xE3
    """The last data shall be sent again: packets by the camera, extra data by the computer."""
    ABORT = 0xE4
    """To the camera: end the transfer."""
    BUSY = 0xF0
    """From the maker's other cameras, by libgphoto2: still working."""


REFUSED = Answer.BREAK
"""What E1 means where no break was sent: camfs/protocols/dc120/README.md, "Answer bytes"."""


def checksum(payload: bytes | bytearray | memoryview) -> int:
    """Return the XOR of all bytes."""
    return reduce(xor, payload, 0)


def encode_packet(payload: bytes) -> bytes:
    """Return a packet: the payload and its checksum."""
    return payload + bytes([checksum(payload)])


def encode_extra(payload: bytes) -> bytes:
    """Return extra data as they go to the camera."""
    return bytes([EXTRA_LEAD]) + encode_packet(payload)


def packets_in(size: int) -> int:
    """Return the number of packets that a picture of `size` bytes takes."""
    return -(-size // DATA_SIZE)


def data_payloads(data: bytes) -> Iterator[bytes]:
    """Cut a picture into payloads, all of full length: the last is filled up with 00."""
    for start in range(0, len(data), DATA_SIZE):
        yield data[start : start + DATA_SIZE].ljust(DATA_SIZE, b"\0")

"""What travels on the line: command frames, answer bytes, packets and extra data (reference dc120, sections 2, 3, 5, 6).

==================== =============================================== =========
frame                bytes                                           direction
==================== =============================================== =========
command              code, five bytes of parameters, 00 1A           to camera
extra data           80, payload, XOR of the payload                 to camera
packet               payload, XOR of the payload                     from it
answer               one of `Answer`                                 both ways
==================== =============================================== =========

The 80 is not in the checksum: all twelve examples of the seed agree with that. A packet has no lead byte, and its bytes may
equal any answer, so packets are told from answers by counting.
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
    """The one-byte answers: the seed's list, and those that only libgphoto2 has (reference, section 3)."""

    COMPLETED = 0x00
    """From the camera: it has the computer's D2, and the command is over."""
    READY = 0x10
    """From the camera, not in the seed: still working."""
    ACCEPTED = 0xD1
    """From the camera: command acknowledged."""
    RECEIVED = 0xD2
    """Data acknowledged: packets by the computer, extra data by the camera."""
    BREAK = 0xE1
    """From the camera: a line break acknowledged; in place of D1: the command refused."""
    FAILED = 0xE2
    """From the camera, not in the seed: accepted, but could not be done."""
    REPEAT = 0xE3
    """Send the last data again: to the camera for packets, from it for extra data."""
    ABORT = 0xE4
    """To the camera: end the transfer."""
    BUSY = 0xF0
    """From other cameras of the maker: still working."""


REFUSED = Answer.BREAK
"""E1 outside of a break (reference, section 3, conflict 1)."""


def checksum(payload: bytes | bytearray | memoryview) -> int:
    """Return the XOR of all bytes."""
    return reduce(xor, payload, 0)


def encode_packet(payload: bytes) -> bytes:
    """Return a packet: the payload and its checksum."""
    return payload + bytes([checksum(payload)])


def encode_extra(payload: bytes) -> bytes:
    """Return extra data as it goes to the camera."""
    return bytes([EXTRA_LEAD]) + encode_packet(payload)


def packets_in(size: int) -> int:
    """Return the number of packets that a picture of `size` bytes takes."""
    return -(-size // DATA_SIZE)


def data_payloads(data: bytes) -> Iterator[bytes]:
    """Cut a picture into payloads, all of full length: the last is filled up with 00 (reference, section 6)."""
    for start in range(0, len(data), DATA_SIZE):
        yield data[start : start + DATA_SIZE].ljust(DATA_SIZE, b"\0")

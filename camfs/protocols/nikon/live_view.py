"""A frame of the live view (0x9203, 0x9428): a header, then a JPEG to the end of the data.

The header has 64, 128 or 384 bytes, depending on the body, and its numbers are big endian, unlike everything else here. Its length is not
announced anywhere, so the JPEG is found by its first two bytes; what the header says is read only where it is certain to be long enough
(camfs/protocols/nikon/README.md, "Live view").
"""

from collections.abc import Sequence
from dataclasses import dataclass

from camfs.errors import RemoteProtocolError

JPEG_BEGINS = b"\xff\xd8\xff"
JPEG_ENDS = b"\xff\xd9"

HEADERS = (64, 128, 384)
"""Lengths of the header that bodies have."""

LONGEST_HEADER = 1024
"""Bytes within which the JPEG has to begin: more than any header that is known has."""

_SIZES_AT = {64: 0, 128: 0, 384: 8}
"""Where width and height of the JPEG stand, and behind them those of the whole area, in a header of this length. On a D7000 with its 384
bytes they stand at 0."""


@dataclass(frozen=True)
class LiveViewFrame:
    """A frame.

    Attributes:
        header: as it came.
        jpeg: the picture.
    """

    header: bytes
    jpeg: bytes

    @property
    def sizes(self) -> Sequence[int]:
        """Width and height of the JPEG, and of the whole area in the units in which a focus area is set; zeros if not said."""
        at = _SIZES_AT.get(len(self.header), 0)
        if len(self.header) == 384 and any(self.header[0:4]):
            at = 0
        return [int.from_bytes(self.header[each : each + 2], "big") for each in range(at, at + 8, 2)]


def decode_frame(data: bytes | memoryview) -> LiveViewFrame:
    """Decode a frame.

    Raises:
        RemoteProtocolError: there is no JPEG in it.
    """
    data = bytes(data)
    begin = next((length for length in HEADERS if data.startswith(JPEG_BEGINS, length)), None)
    if begin is None:
        begin = data.find(JPEG_BEGINS, 0, LONGEST_HEADER + len(JPEG_BEGINS))
    if begin < 0:
        raise RemoteProtocolError(f"a frame of the live view of {len(data)} bytes without a JPEG")
    return LiveViewFrame(data[:begin], data[begin:])


def encode_frame(jpeg: bytes, *, header: int, width: int = 0, height: int = 0) -> bytes:
    """Encode a frame with a header of this many bytes."""
    sizes = b"".join(number.to_bytes(2, "big") for number in (width, height, width, height))
    at = _SIZES_AT.get(header, 0)
    return bytes(at) + sizes + bytes(header - at - len(sizes)) + jpeg


LIVE_VIEW_REASONS = {
    2: "a sequence error",
    4: "the release button is pressed",
    5: "the aperture is set by the lens's ring",
    8: "the battery is low",
    9: "a TTL error",
    12: "a picture waits in the camera's memory",
    14: "there is no card, or it is protected",
    15: "the camera is busy with a picture",
    17: "the camera is hot",
    18: "the card is protected",
    19: "the card has an error",
    20: "the card is not formatted",
    21: "shutter-speed is bulb",
    22: "the mirror is up",
    31: "exposure-mode is not P, A, S or M",
}
"""Why live view cannot begin, by bit of property 0xD1A4."""

HARMLESS = 1 << 24
"""The bit for a retracted lens, with which live view begins all the same."""

MOVIE_REASONS = {
    0: "there is no card",
    1: "the card has an error",
    2: "the card is not formatted",
    3: "the card is full",
    9: "the camera's buffer is full",
    10: "a movie is being recorded",
    11: "the card is protected",
    12: "the live view is magnified",
    13: "the selector is not at movie",
    14: "the camera is not in its movie application",
}
"""Why no movie can begin, by bit of property 0xD0A4; bits 13 and 14 are set on an idle Z 6."""


def reasons(bits: int, table: dict[int, str]) -> str:
    """Return in words what the bits say."""
    return ", ".join(table.get(bit, f"bit {bit}") for bit in range(bits.bit_length()) if bits >> bit & 1)

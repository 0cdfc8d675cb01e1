"""The DC120's values: what a code on the wire means in a photographer's words. Host, emulated camera and choices share the tables.

Their source is the protocol document, which lists the values of each command. Facts: camfs/protocols/dc120/README.md, "Values".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from fractions import Fraction

from camfs.errors import InvalidValue, LocalProtocolError


class Location(IntEnum):
    """Where pictures are: byte 1 of commands 45, 4A and 7B."""

    MEMORY = 0
    CARD = 1


class Timeout(IntEnum):
    """What goes to sleep after the idle time that command 82 sets: its byte 1."""

    POWER = 0
    LCD = 1


@dataclass(frozen=True)
class Choices:
    """A table of codes and words.

    Attributes:
        name: what is chosen.
        words: code to word, in the order of the protocol document.
        unit: written after every word; texts that are encoded need not have it.
    """

    name: str
    words: Mapping[int, str]
    unit: str = ""

    def __contains__(self, code: object) -> bool:
        return code in self.words

    def __iter__(self) -> Iterator[int]:
        return iter(self.words)

    def texts(self) -> list[str]:
        """Return all values as texts."""
        return [self.decode(code) for code in self.words]

    def decode(self, code: int) -> str:
        """Return the value of a code; for a code that the table does not have, its hexadecimal digits."""
        return self.words[code] + self.unit if code in self.words else f"0x{code:02X}"

    def encode(self, text: str) -> int:
        """Return the code of a value. Neither case matters, nor how a number is written (`0.5`, `+0.5`, `1/2`).

        Raises:
            InvalidValue: the table has no such value.
        """
        wanted = text.strip().lower()
        if self.unit:
            wanted = wanted.removesuffix(self.unit).rstrip()
        for code, word in self.words.items():
            if wanted == word.lower():
                return code
        number = _number(wanted)
        for code, word in self.words.items():
            if number is not None and number == _number(word):
                return code
        raise InvalidValue(f"{self.name} takes {', '.join(self.texts())}")


def _number(text: str) -> Fraction | None:
    if len(text) > 16 or "e" in text or not text.isascii():  # Fraction("1e99999999") would never end
        return None
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        return None


DATE_FORMAT = Choices("date format", {0: "dd/mm/yy", 1: "mm/dd/yy", 2: "yy/mm/dd"})
TIME_FORMAT = Choices("time format", {0: "12", 1: "24"}, unit="h")
MACRO_UNITS = Choices("macro units", {0: "cm", 1: "inch"})
FLASH = Choices("flash", {0: "auto", 1: "fill", 2: "none"})
QUALITY = Choices("quality", {0: "uncompressed", 1: "best", 2: "better", 3: "good"})
FOCUS = Choices("focus", {0: "multi-spot", 1: "single-spot", 2: "macro"})
SELF_TIMER = Choices("self timer", {0: "off", 1: "on"})
EXPOSURE_MODE = Choices("exposure mode", {0: "auto", 1: "manual"})
ZOOM = Choices("zoom", {0: "37", 1: "46", 2: "61", 3: "77", 4: "92", 5: "100", 6: "111"}, unit="mm")
"""Focal lengths in terms of a 35 mm camera; the picture files hold the same numbers."""
ALBUM = Choices("album", {0: "none"} | {number: str(number) for number in range(1, 9)})
TIMEOUT = Choices("timeout", {0x3C: "60", 0x78: "120"}, unit="s")
"""The code is the number of seconds; the protocol document lists these two."""
EXPOSURE_COMPENSATION = Choices(
    "exposure compensation",
    {
        0x84: "-2.0",
        0x83: "-1.5",
        0x82: "-1.0",
        0x81: "-0.5",
        0x00: "0",
        0x01: "+0.5",
        0x02: "+1.0",
        0x03: "+1.5",
        0x04: "+2.0",
    },
)
"""In EV: the code counts half steps, and bit 7 is the sign."""
SHUTTER_SPEED = Choices(
    "shutter speed",
    {
        0x0000C8: "1/500",
        0x0000E9: "1/430",
        0x000107: "1/380",
        0x00012F: "1/330",
        0x00014D: "1/300",
        0x000190: "1/250",
        0x0001BC: "1/225",
        0x000320: "1/125",
        0x000683: "1/60",
        0x000D05: "1/30",
        0x001A0B: "1/15",
        0x0030D4: "1/8",
        0x0061A8: "1/4",
        0x00C350: "1/2",
        0x0186A0: "1",
        0x030D40: "2",
        0x061A80: "4",
        0x0C3500: "8",
        0x186A00: "16",
    },
)
"""In seconds; the code counts units of 10 us."""
SPEED = Choices(
    "line speed",
    {0x9600: "9600", 0x1920: "19200", 0x3840: "38400", 0x5760: "57600", 0x1152: "115200", 0x2304: "230400"},
)
"""In baud; the code is the first four digits in binary coded decimal."""

MACRO = 0x27
"""The byte of the status for focus and zoom, in macro. There is no zoom 7, so it is unmistakable."""
_MACRO_FOCUS = 2

EPOCH = datetime(1994, 1, 1)
CLOCK_OFFSET = 0x34
"""What the clock counts at `EPOCH`, by all twelve examples of the protocol document: 26 seconds."""
CLOCK_MAX = 0xFFFFFFFF
CLOCK_END = EPOCH + timedelta(seconds=(CLOCK_MAX - CLOCK_OFFSET) / 2)


def decode_clock(halves: int) -> datetime:
    """Return the camera's local time; times before `EPOCH` become `EPOCH`."""
    return EPOCH + timedelta(seconds=max(0, halves - CLOCK_OFFSET) / 2)


def encode_clock(time: datetime) -> int:
    """Return a time as the clock counts it: in half seconds, cut off to whole ones, from 1994 to January 2062.

    Args:
        time: local time of the camera, without a zone.

    Raises:
        InvalidValue: the clock cannot show this time.
        LocalProtocolError: the time has a zone.
    """
    if time.tzinfo is not None:
        raise LocalProtocolError("the camera's clock knows no time zone")
    if not EPOCH <= time <= CLOCK_END:
        raise InvalidValue(f"the clock runs from {EPOCH.isoformat()} to {CLOCK_END.isoformat()}")
    return (time - EPOCH) // timedelta(milliseconds=500) + CLOCK_OFFSET


def decode_shutter_speed(code: int) -> str:
    """Return seconds as a photographer writes them, also those not in the table: automatic exposure uses any (449 and 534 were seen)."""
    if code in SHUTTER_SPEED:
        return SHUTTER_SPEED.decode(code)
    seconds = Fraction(code, 100_000)
    if 0 < seconds < Fraction(3, 10):
        return f"1/{round(1 / seconds)}"
    return f"{float(seconds):g}"


def decode_focus_zoom(code: int) -> tuple[int, int | None]:
    """Return the codes of `FOCUS` and `ZOOM` from byte 16 of the status. In macro the byte hides the zoom, which is None then."""
    if code == MACRO:
        return _MACRO_FOCUS, None
    return code >> 4, code & 0x0F


def encode_focus_zoom(focus: int, zoom: int) -> int:
    """Return byte 16 of the status from codes of `FOCUS` and `ZOOM`."""
    return MACRO if focus == _MACRO_FOCUS else focus << 4 | zoom


def speed_of(code: int) -> int:
    """Return the baud rate that a code of `SPEED` means."""
    return int(SPEED.words[code])


def speed_code(baud: int) -> int:
    """Return the code of `SPEED` for a baud rate.

    Raises:
        InvalidValue: the camera does not have this rate.
    """
    return SPEED.encode(str(baud))

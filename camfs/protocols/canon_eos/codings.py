"""Codings: how the bytes of a property are written as a photographer writes them, and read back.

A coding knows two things: `decode` writes a value, `encode` reads a text. Both are told what the body offers now, as some values mean
another thing then. What a coding does not know is written as its number and read as one, so nothing that a body sends is lost.

* `Words`: an enumeration, a word for each code. All of them are tables in `words.py`.
* `Stops`: exposure in eighths of a stop, by the nominal values of `camfs.protocols.apex`.
* `Steps`: exposure values, by formula: c/8 EV.
* `Number`, `Text`, `Formats`, `Destinations`: what their names say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Protocol

from camfs.errors import RemoteProtocolError
from camfs.protocols import apex
from camfs.protocols.canon_eos.codes import Destination
from camfs.protocols.canon_eos.formats import ImageFormat
from camfs.protocols.text import decode_text

WIDTH = 4
"""Bytes of a number."""

MAX_TEXT = 100
"""Characters of a text that can be a number or a word."""


class Coding(Protocol):
    """How the value of a property is written."""

    def decode(self, value: bytes, offered: Sequence[bytes] = ()) -> str:
        """Write a value as text. Never fails."""

    def encode(self, text: str, offered: Sequence[bytes] = ()) -> bytes:
        """Return the value that a text means.

        Raises:
            ValueError: it means none.
        """


def number_of(value: bytes) -> int:
    """Return the number that a value is: its first four bytes, of which there may be fewer."""
    return int.from_bytes(value[:WIDTH], "little")


def number_value(number: int) -> bytes:
    """Return the value of a number, which is written in 32 bits."""
    if not -(1 << 31) <= number < 1 << 32:
        raise ValueError(number)
    return (number & 0xFFFF_FFFF).to_bytes(WIDTH, "little")


def write_code(number: int) -> str:
    """Write a code without a word: in decimal, or in hexadecimal if it takes more than a byte."""
    return f"0x{number:04x}" if number > 0xFF else str(number)


def read_code(text: str) -> int:
    """Read a number in decimal or, with 0x in front, in hexadecimal."""
    if len(text) > MAX_TEXT:
        raise ValueError(text[:MAX_TEXT])
    return int(text, 0)


def folded(text: str) -> str:
    """Return a text as it is compared with words."""
    return "-".join(text.lower().replace("_", " ").split())


@dataclass(frozen=True)
class Words:
    """An enumeration.

    Attributes:
        words: by code.
        also: other spellings that are understood.
    """

    words: Mapping[int, str]
    also: Mapping[str, int] = field(default_factory=dict)

    def decode(self, value: bytes, offered: Sequence[bytes] = ()) -> str:
        number = number_of(value)
        return self.words.get(number) or write_code(number)

    def encode(self, text: str, offered: Sequence[bytes] = ()) -> bytes:
        wanted = folded(text)
        codes = [code for code, word in self.words.items() if word == wanted]
        if not codes and wanted in self.also:
            codes = [self.also[wanted]]
        return number_value(codes[0] if codes else read_code(wanted))


@dataclass(frozen=True)
class Stops:
    """An exposure time, an aperture or an ISO.

    Attributes:
        scale: the nominal values of its codes.
    """

    scale: apex.Scale

    def decode(self, value: bytes, offered: Sequence[bytes] = ()) -> str:
        number = number_of(value)
        return self.scale.decode(number) or hex(number)  # in decimal it would look like an ISO

    def encode(self, text: str, offered: Sequence[bytes] = ()) -> bytes:
        """Return the value of a text: the one of those offered that is so called, or whose number is close to it."""
        if text.lower().strip().startswith("0x"):
            return number_value(read_code(text.strip()))
        codes = [number_of(value) for value in offered]
        for code in codes:
            if self.scale.decode(code) == text.lower().strip():
                return number_value(code)
        meant = [self.scale.encode(text)] if not self.scale.halves else self._meant(text)
        return number_value(next((code for code in meant if code in codes), meant[0]))

    def _meant(self, text: str) -> list[int]:
        meant: list[int] = []
        for step in (apex.THIRD, apex.UNITS // 2):
            try:
                meant.append(self.scale.encode(text, step))
            except ValueError:
                continue
        if not meant:
            raise ValueError(text)
        return meant


BULB = 0x0C
BULB_CODES = (BULB, 0x04)
"""Exposure times that are no times: one of them is bulb, by body."""

_NO_APERTURE = {0xB0: "auto", 0xFF: "auto", 0xFFFF: "auto"}

SHUTTER = Stops(
    replace(
        apex.SHUTTER,
        thirds={**apex.SHUTTER_THIRDS, 0x9D: "1/6400"},
        words={BULB: "bulb", 0x04: "bulb"},
        codes=range(0x10, 0xB1),
    )
)
APERTURE = Stops(replace(apex.APERTURE, words=_NO_APERTURE))
_ISO_SHIFT = 40
"""How much higher Canon's code of an ISO is than that of the tables."""
ISO = Stops(
    replace(
        apex.ISO,
        thirds={code + _ISO_SHIFT: text for code, text in apex.ISO_THIRDS.items()},
        zero=apex.ISO.zero + _ISO_SHIFT,
        codes=range(0x28, 0xB1),
        words={0: "auto"},
    )
)


_TENTHS = {0: 0, 3: 3, 4: 5, 5: 7}
"""Eighths of a stop, and the tenths that they are written as."""


@dataclass(frozen=True)
class Steps:
    """An exposure value in eighths of a stop: the low byte of the number, with a sign."""

    def decode(self, value: bytes, offered: Sequence[bytes] = ()) -> str:
        number = number_of(value)
        if number > 0xFF:
            return write_code(number)
        code = number - 0x100 if number & 0x80 else number
        whole, part = divmod(abs(code), 8)
        if part not in _TENTHS:
            return apex.signed(code / 8, 3)
        sign = "-" if code < 0 else "+" if code else ""
        return sign + (f"{whole}.{_TENTHS[part]}" if part else str(whole))

    def encode(self, text: str, offered: Sequence[bytes] = ()) -> bytes:
        """Return the value of a text: `+0.3`, `-1/3`, `1 2/3`."""
        said = apex.EV.parse(text.lower().strip())
        whole, part = divmod(abs(said), 1)
        eighths = next(
            (code for code, tenths in _TENTHS.items() if abs(part - Fraction(tenths, 10)) < Fraction(1, 25)), None
        )
        if eighths is None and part * 8 == round(part * 8):
            eighths = round(part * 8)
        code = None if eighths is None else (int(whole) * 8 + eighths) * (-1 if said < 0 else 1)
        if code is None or not -0x80 <= code <= 0x7F:
            raise ValueError(text)
        return number_value(code & 0xFF)


@dataclass(frozen=True)
class Number:
    """A plain number.

    Attributes:
        suffix: stands behind it, and may be left out.
        signed: whether it is below 0 if its highest bit is set; then a number above 0 has a plus sign.
        words: of some numbers.
    """

    suffix: str = ""
    signed: bool = False
    words: Mapping[int, str] = field(default_factory=dict)

    def decode(self, value: bytes, offered: Sequence[bytes] = ()) -> str:
        number = number_of(value)
        if number in self.words:
            return self.words[number]
        if self.signed and number >> 31:
            number -= 1 << 32
        sign = "+" if self.signed and number > 0 else ""
        return f"{sign}{number}{self.suffix}"

    def encode(self, text: str, offered: Sequence[bytes] = ()) -> bytes:
        for number, word in self.words.items():
            if folded(text) == word:
                return number_value(number)
        return number_value(read_code(text.strip().lower().removesuffix(self.suffix.lower()).strip()))


@dataclass(frozen=True)
class Text:
    """A text that ends in NUL.

    Attributes:
        longest: bytes that it may have on the wire, its NUL included.
    """

    longest: int = 64

    def decode(self, value: bytes, offered: Sequence[bytes] = ()) -> str:
        return decode_text(value)

    def encode(self, text: str, offered: Sequence[bytes] = ()) -> bytes:
        if not text.isascii() or "\0" in text or len(text) >= self.longest:
            raise ValueError(text)
        return text.encode("ascii") + b"\0"


@dataclass(frozen=True)
class Formats:
    """An image format."""

    def decode(self, value: bytes, offered: Sequence[bytes] = ()) -> str:
        try:
            return ImageFormat.decode(value).text()
        except RemoteProtocolError:
            return value.hex() or "none"

    def encode(self, text: str, offered: Sequence[bytes] = ()) -> bytes:
        wanted = ImageFormat.read(folded(text))
        return next((value for value in offered if self.decode(value) == wanted.text()), wanted.encode())


@dataclass(frozen=True)
class Destinations:
    """Where shots go: bits for two cards and the computer. Where a body offers both cards, the later one is card-2."""

    def decode(self, value: bytes, offered: Sequence[bytes] = ()) -> str:
        number = number_of(value)
        cards = number & ~Destination.COMPUTER
        if number == Destination.COMPUTER:
            return "computer"
        if cards not in (Destination.FIRST_CARD, Destination.SECOND_CARD):
            return write_code(number)
        first = next((own for each in offered if (own := number_of(each) & ~Destination.COMPUTER)), cards)
        card = "card" if cards == first else "card-2"
        return f"{card}+computer".replace("card+computer", "both") if number & Destination.COMPUTER else card

    def encode(self, text: str, offered: Sequence[bytes] = ()) -> bytes:
        wanted = "card" if folded(text) == "camera" else folded(text)
        for value in offered or [number_value(number) for number in (4, 2, 6)]:
            if self.decode(value, offered) == wanted:
                return value
        return number_value(read_code(wanted))

"""Notations: how the integers of a device property are written as text, and what a text may mean.

A text often means more than one number: 0.3 steps are 300 thousandths with one camera and 333 with another, `auto` is 0xFFFF with one
and 0 with another. So reading gives all numbers that are meant, the most literal first, and not only whole ones; which of them the
camera has is for the caller to find (`camfs.protocols.ptp.properties`).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from camfs.protocols.ptp.exposure_times import likely_unit, parse_number, time_names, times_of
from camfs.protocols.ptp.makers import Maker


@dataclass(frozen=True)
class Notation:
    """How the values of a property are written, if they are integers.

    Attributes:
        write: an integer to text, as a photographer would.
        exact: an integer to a text that no other integer has.
        read: text to the numbers that it may mean; raises ValueError or ZeroDivisionError for any other text.
    """

    write: Callable[[int], str]
    exact: Callable[[int], str]
    read: Callable[[str], Sequence[Fraction | int]]


def _whole(text: str) -> Sequence[int]:
    return (int(text, 0),)


NUMBER = Notation(str, str, _whole)
"""Written in decimal; read in decimal or, with 0x in front, in hexadecimal."""


def _code(value: int) -> str:
    return f"0x{value:04x}" if value > 0xFF else str(value)


CODE = Notation(_code, _code, _whole)
"""Like `NUMBER`, but what takes more than a byte, as makers' own codes do, is written in hexadecimal."""


def _iso(value: int) -> str:
    return _code(value) if value > 0x7FFF and value % 10 else str(value)


ISO = Notation(_iso, str, _whole)
"""A film speed. A large number that cannot be one is a code of the maker's, and written in hexadecimal."""


def decimal(places: int, prefix: str = "", suffix: str = "", signed: bool = False) -> Notation:
    """Write values that count parts of a unit as decimal numbers.

    Args:
        places: decimal places of a part: 2 for hundredths.
        prefix: written in front of the number, and may be left out.
        suffix: written behind it, and may be left out.
        signed: whether a number above 0 has a plus sign.
    """

    def write(value: int) -> str:
        whole, part = divmod(abs(value), 10**places)
        number = f"{whole}.{part:0{places}}".rstrip("0").rstrip(".") if part else str(whole)
        sign = "-" if value < 0 else "+" if signed and value else ""
        return f"{prefix}{sign}{number}{suffix}"

    def read(text: str) -> Sequence[Fraction]:
        number = text.lower().removeprefix(prefix).removesuffix(suffix.lower()).strip()
        return (parse_number(number) * 10**places,)

    return Notation(write, write, read)


def _exposure_steps() -> Notation:
    """Write thousandths of a step of exposure: thirds with one decimal place, +0.3 and +0.7, whatever the camera makes of a third."""
    plain = decimal(3, signed=True)

    def write(value: int) -> str:
        thirds = round(Fraction(3 * abs(value), 1000))
        if abs(value) not in (thirds * 1000 // 3, round(Fraction(thirds * 1000, 3))):
            return plain.write(value)
        return plain.write(round(value, -2))

    def read(text: str) -> Sequence[Fraction | int]:
        said = Fraction(plain.read(text)[0])
        third = Fraction(round(said * 3 / 1000) * 1000, 3)
        return (said, third, round(third, -2)) if abs(said - third) < 40 else (said,)

    return Notation(write, plain.exact, read)


EXPOSURE_STEPS = _exposure_steps()

_TENTH_OF_MS = Fraction(1, 10_000)
_MICROSECOND = Fraction(1, 1_000_000)


def exposure_time(maker: Maker, offered: Collection[int]) -> Notation:
    """Write exposure times by their nominal names: of tenths of a millisecond, or of microseconds as Fujifilm counts.

    Args:
        maker: of the camera.
        offered: the values that the camera offers; they decide where they are clear.
    """
    units = (_MICROSECOND, _TENTH_OF_MS) if maker is Maker.FUJIFILM else (_TENTH_OF_MS, _MICROSECOND)
    unit = likely_unit(units, offered)
    places = 6 if unit == _MICROSECOND else 4
    seconds, name = decimal(places), time_names(unit, offered)
    return Notation(
        lambda value: name(value) or seconds.write(value),
        seconds.exact,
        lambda text: times_of(text, unit),
    )


def _four_characters(value: int) -> str:
    text = value.to_bytes(4, "little").decode("ascii", "replace") if 0 <= value < 1 << 32 else ""
    return text if len(text) == 4 and text.isprintable() and " " not in text else _code(value)


def _read_four_characters(text: str) -> Sequence[int]:
    return (int.from_bytes(text.encode("ascii"), "little"),) if len(text) == 4 else _whole(text)


FOUR_CHARACTERS = Notation(_four_characters, _code, _read_four_characters)
"""A FourCC, such as MJPG."""


def with_words(notation: Notation, words: Mapping[int, str], also: Mapping[int, str]) -> Notation:
    """Write some values as words.

    Args:
        notation: for all other values, and for numbers that stand for a word as well.
        words: by value.
        also: words that are read besides.
    """

    def read(text: str) -> Sequence[Fraction | int]:
        word = _folded(text)
        meant = [value for each in (words, also) for value, own in each.items() if _folded(own) == word]
        if meant:
            return meant
        numbers = notation.read(text)
        return [
            *(value for value, own in words.items() if own.isdecimal() and notation.read(own)[0] == numbers[0]),
            *numbers,
        ]

    return Notation(lambda value: words.get(value) or notation.write(value), notation.exact, read)


def _folded(word: str) -> str:
    return word.lower().replace(" ", "-")

"""Codings: how one number of the camera is written as a photographer writes it, and which of its values can be set now.

A coding knows three things: `decode` writes a code of the dataset as text, `encode` reads a text back, `choices` lists the values that
CanSetInfo5 declares as settable under the coding's tag. There are five kinds:

* `Words`: an enumeration, a word for each code. All of them are tables in `values.py`.
* `Bits`: a set of flags, joined by a plus.
* `Steps` and `Shutter`: exposure stops, by the APEX tables of `apex.py`.
* `Number` and `FrameSize`: a plain number with its unit.

CanSetInfo5 is a hint, not a law: a value that it leaves out may still be accepted, and one that it lists may be ignored. `encode`
therefore accepts more than `choices` lists, and whoever writes reads back.
"""

import re
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import Protocol

from camfs.protocols.apex import BULB, THIRD, Scale, decimal, number, signed
from camfs.protocols.sigma.can_set import CanSetInfo

MAX_LISTED = 1000
"""A range of up to so many steps is listed step by step as choices; of a longer one only the two ends are."""


class Coding(Protocol):
    """How one number is written."""

    @property
    def tag(self) -> int | None:
        """The tag of CanSetInfo5 that says what is settable; None where no tag does."""

    def decode(self, code: int) -> str | None:
        """Write a code as text; None if the code is not a value."""

    def encode(self, text: str, can_set: CanSetInfo) -> int:
        """Return the code of a text.

        Raises:
            ValueError: the text is not a value.
        """

    def choices(self, can_set: CanSetInfo) -> tuple[str, ...]:
        """List what may be set now."""


# Enumerations


@dataclass(frozen=True)
class Word:
    """One value of an enumeration.

    Attributes:
        text: as it is written.
        code: in its dataset.
        listed: the code that CanSetInfo5 lists it under; None where that is unknown or it is never listed.
        also: other spellings that are understood.
        is_settable: False for what the camera reports and does not accept.
        is_offered: False for what may be written but is not among the choices.
    """

    text: str
    code: int
    listed: int | None = None
    also: tuple[str, ...] = ()
    is_settable: bool = True
    is_offered: bool = True


class ChoiceSource(Enum):
    """What the values under a tag of CanSetInfo5 mean."""

    CODES = "the codes that may be set, in CanSetInfo5's own numbering"
    AVAILABLE = "1 where every value may be set"
    ANY = "codes that nobody has identified: if there is one, every value is offered"


@dataclass(frozen=True)
class Words:
    """An enumeration.

    Attributes:
        words: in the order of the choices. Where two have the same text, the first is written, and the other where the camera ignores that.
        tag: of CanSetInfo5; None where the camera declares nothing and accepts all values.
        source: what is under that tag.
        unnamed: a code without a word is written as this, a hyphen and its number.
        unclear: listed codes, and the values that they stand for together: which is which is not known.
    """

    words: tuple[Word, ...]
    tag: int | None = None
    source: ChoiceSource = ChoiceSource.CODES
    unnamed: str = "code"
    unclear: tuple[frozenset[int], frozenset[str]] = (frozenset(), frozenset())

    def decode(self, code: int) -> str:
        """Write a code of the dataset as text."""
        for word in self.words:
            if word.code == code:
                return word.text
        return f"{self.unnamed}-{code}"

    def encode(self, text: str, can_set: CanSetInfo) -> int:
        """Return the code of the dataset: that of a word, or the number in a text such as `code-7` that no word has.

        Raises:
            ValueError: no value has this text.
        """
        wanted = "-".join(text.lower().replace("_", " ").split())
        for word in self.words:
            if word.is_settable and (wanted == word.text.replace(" ", "-") or wanted in word.also):
                return word.code
        digits = wanted.removeprefix(f"{self.unnamed}-")
        if digits != wanted and re.fullmatch("[0-9]{1,3}", digits) and (code := int(digits)) <= 0xFF:
            read_only = {word.code for word in self.words if not word.is_settable}
            if code not in read_only:
                return code
        raise ValueError(text)

    def choices(self, can_set: CanSetInfo) -> tuple[str, ...]:
        """List the values that may be set now."""
        offered = [word for word in self.words if word.is_settable and word.is_offered]
        if self.tag is not None:
            listed = can_set.numbers(self.tag) or ()
            if self.source is ChoiceSource.CODES:
                codes, texts = self.unclear
                all_of_them = texts if codes and codes <= set(listed) else frozenset()
                offered = [word for word in offered if word.listed in listed or word.text in all_of_them]
            elif not (any(listed) if self.source is ChoiceSource.AVAILABLE else listed):
                offered = []
        return tuple(dict.fromkeys(word.text for word in offered))

    def other_code(self, code: int) -> int | None:
        """Return the other code of a value that has two."""
        text = self.decode(code)
        codes = [word.code for word in self.words if word.text == text and word.is_settable]
        following = codes[codes.index(code) + 1 :] if code in codes else []
        return following[0] if following else None


@dataclass(frozen=True)
class Bits:
    """A set of flags, written with a plus between them.

    Attributes:
        bits: text and bit of each flag.
        none: how 0 is written.
        tag: of CanSetInfo5. The codes listed there are unknown: if there is one, every flag is offered.
    """

    bits: tuple[tuple[str, int], ...]
    none: str
    tag: int

    def decode(self, code: int) -> str | None:
        texts = [word for word, bit in self.bits if code & bit]
        unnamed = code & ~sum(bit for _, bit in self.bits)
        return "+".join([*texts, *([f"code-{unnamed}"] if unnamed else [])]) or self.none

    def encode(self, text: str, can_set: CanSetInfo) -> int:
        bits = dict(self.bits)
        texts = text.lower().split("+")
        if texts == [self.none]:
            return 0
        if not bits.keys() >= set(texts):
            raise ValueError(text)
        return sum(bits[word] for word in set(texts))

    def choices(self, can_set: CanSetInfo) -> tuple[str, ...]:
        return (self.none, *(word for word, _ in self.bits)) if can_set.numbers(self.tag) else ()


# Stops


@dataclass(frozen=True)
class Steps:
    """Exposure stops, in the steps that the camera declares: thirds where it declares none."""

    scale: Scale
    tag: int | None = None

    def decode(self, code: int) -> str | None:
        return self.scale.decode(code)

    def encode(self, text: str, can_set: CanSetInfo) -> int:
        return self.scale.encode(text, self._range(can_set)[2])

    def choices(self, can_set: CanSetInfo) -> tuple[str, ...]:
        """List what may be set now: nothing where the range has one value, which is how the camera says that it cannot be set."""
        low, high, step = self._range(can_set)
        return self.scale.texts(low, high, step) if low < high else ()

    def _range(self, can_set: CanSetInfo) -> tuple[int, int, int]:
        """Return the declared minimum, maximum and finest step: the ISO range has two steps, the finer one last."""
        numbers = can_set.numbers(self.tag) if self.tag is not None else None
        return (numbers[0], numbers[1], numbers[-1]) if numbers and len(numbers) > 2 else (0, 0, THIRD)


NON_APEX_SHUTTER = 213
"""The tag that contains 0 where bulb is offered."""


class Shutter(Steps):
    """The shutter speed, with a word for bulb."""

    def choices(self, can_set: CanSetInfo) -> tuple[str, ...]:
        bulb = (self.scale.words[BULB],) if 0 in (can_set.numbers(NON_APEX_SHUTTER) or ()) else ()
        return bulb + super().choices(can_set)


# Numbers


@dataclass(frozen=True)
class Number:
    """A number with its unit.

    Attributes:
        tag: of CanSetInfo5, which holds [min, max] or [min, max, step] of the numbers as they are written, not of their codes.
        low: the least code, where the tag declares nothing.
        high: the greatest code, where the tag declares nothing.
        unit: what a count of the code is.
        start: the code of the number 0.
        suffix: stands behind the number; may be left out on writing.
        has_sign: positive numbers are written with a plus.
        is_rational: the tag holds rationals.
        is_list: the tag holds the codes themselves.
    """

    tag: int | None = None
    low: int = 0
    high: int = 0xFF
    unit: Fraction = Fraction(1)
    start: int = 0
    suffix: str = ""
    has_sign: bool = False
    is_rational: bool = False
    is_list: bool = False

    def decode(self, code: int) -> str | None:
        if not self.low <= code <= self.high:
            return None
        value = (code - self.start) * self.unit
        return (signed(value) if self.has_sign else decimal(value)) + self.suffix

    def encode(self, text: str, can_set: CanSetInfo) -> int:
        code = number(text.lower().removesuffix(self.suffix.lower()).strip()) / self.unit + self.start
        allowed = self._declared(can_set) or range(self.low, self.high + 1)
        if code.denominator != 1 or int(code) not in allowed:
            raise ValueError(text)
        return int(code)

    def choices(self, can_set: CanSetInfo) -> tuple[str, ...]:
        codes = self._declared(can_set) or range(0)
        if self.is_list and self.tag is not None:
            listed = tuple(can_set.numbers(self.tag) or ())
        elif len(codes) > MAX_LISTED:
            listed = (codes[0], codes[-1])
        else:
            listed = tuple(codes)
        return tuple(text for code in listed if (text := self.decode(code)) is not None)

    def _declared(self, can_set: CanSetInfo) -> range | None:
        """Return the codes of the declared range; None if no range is declared."""
        if self.tag is None or self.is_list:
            return None
        if self.is_rational:
            pairs = can_set.rationals(self.tag) or ()
            ends = [Fraction(*pair) for pair in pairs if pair[1]]
        else:
            ends = [Fraction(end) for end in can_set.numbers(self.tag) or ()]
        if len(ends) < 2:
            return None
        low, high = (round(end / self.unit) + self.start for end in ends[:2])
        step = round(ends[2] / self.unit) if len(ends) > 2 else 1
        return range(max(low, self.low), min(high, self.high) + 1, max(step, 1))


class FrameSize(Number):
    """The size of the focus frame: 0 is the largest, and the tag says how many sizes there are."""

    def _declared(self, can_set: CanSetInfo) -> range | None:
        counts = can_set.numbers(self.tag) if self.tag is not None else None
        return range(min(counts[0], self.high + 1)) if counts else None

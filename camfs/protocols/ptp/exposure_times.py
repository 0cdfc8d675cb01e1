"""Shutter speeds by the names on the dial: 1/125 for a camera that counts 80 tenths of a millisecond, or 7812 microseconds.

A dial has full stops with halves or thirds of a stop between them. Each of its places has a *name*, which is also its nominal time
(1/60 s), and a *true* time, a power of two to a third or to a half (1/64 s). A camera sends one of the two times in whole units, and
cuts off or rounds what does not fit: 1/60 is 166 with Nikon, and would be 167, or 156 for the true time. Where units are coarse,
several names share a number; then the full stop wins (1 is 1/8000, though 1/6400 is cut off to 1 as well). Which of these a camera
does is told by the list of values that it offers: the reading that names most of them is taken, and so the unit is found
(camfs/protocols/ptp/README.md, "Device properties").
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from fractions import Fraction
from functools import cache
from math import floor
from operator import itemgetter

_FULL = """1/128000 1/64000 1/32000 1/16000 1/8000 1/4000 1/2000 1/1000 1/500 1/250 1/125 1/60 1/30 1/15 1/8 1/4 1/2|0.5
1 2 4 8 15 30 60"""
_HALVES = """1/180000 1/90000 1/45000 1/24000 1/12000 1/6000 1/3000 1/1500 1/750 1/350 1/180 1/90 1/45 1/20 1/10 1/6 1/3
1/1.5|0.7 1.5 3 6 10|11 20|22 45"""
_FIRST_THIRDS = """1/102400 1/51200|1/50000 1/25600|1/25000 1/12800|1/12500|1/13000 1/6400 1/3200 1/1600 1/800 1/400 1/200 1/100
1/50 1/25 1/13 1/6 1/3|1/3.2|0.3 1/1.6|0.6 1.3 2.5 5 10 20 40"""
_SECOND_THIRDS = """1/160000 1/80000 1/40000 1/20000 1/10000 1/5000 1/2500 1/1250|1/1300 1/640 1/320 1/160 1/80 1/40 1/20 1/10
1/5 1/2.5|0.4 1/1.3|0.8 1.6 3|3.2 6|6.5 13 25 50"""
"""The names, from stop to stop; where a place has several, the first is the one to write."""

_SHORT = Fraction(3, 10)
"""Seconds below which a time that is on no dial is written as 1/N."""


def parse_time(text: str) -> Fraction:
    """Read seconds: `1/125`, `1/2.5`, `0.4`, `30s`, `30"`, `2m`.

    Raises:
        ValueError: the text is no time.
        ZeroDivisionError: it is divided by 0.
    """
    number, factor = text.lower().strip(), 1
    for suffix, seconds in (("sec", 1), ("s", 1), ('"', 1), ("min", 60), ("m", 60)):
        if number.endswith(suffix):
            number, factor = number.removesuffix(suffix).strip(), seconds
            break
    return factor * parse_number(number)


def parse_number(text: str) -> Fraction:
    """Read a decimal number or a fraction of two, without exponents: with one, a few characters could make a number of any size.

    Raises:
        ValueError: the text is no number.
        ZeroDivisionError: it is divided by 0.
    """
    if "e" in text or text.count("/") > 1:
        raise ValueError(f"Invalid literal {text!r}")
    numerator, slash, denominator = text.partition("/")
    return Fraction(numerator) / Fraction(denominator) if slash else Fraction(numerator)


def _places(row: str, first: int) -> dict[int, Sequence[str]]:
    """Return the names of a row by their place on the dial: n sixths of a stop from 1 s. The row's first name is at `first`."""
    return {first + 6 * number: names.split("|") for number, names in enumerate(row.split())}


_STOPS = _places(_FULL, -102)
_DIALS = (
    {**_STOPS, **_places(_FIRST_THIRDS, -100), **_places(_SECOND_THIRDS, -104)},
    {**_STOPS, **_places(_HALVES, -105)},
)
"""A dial with thirds of a stop, and one with halves; full stops come first in both."""


def _true_time(place: int) -> Fraction:
    return Fraction(2 ** (place / 6))


def _round(number: Fraction) -> int:
    return floor(number + Fraction(1, 2))


@cache
def _readings(unit: Fraction) -> Sequence[dict[int, str]]:
    """Return the names by number for each way in which a camera may count, the most usual way first."""
    readings = []
    for whole in (floor, _round):
        for by_name in (True, False):
            for dial in _DIALS:
                found: dict[int, list[tuple[bool, Fraction, str]]] = {}
                for place, own in dial.items():
                    for name in own if by_name else own[:1]:
                        units = (parse_time(name) if by_name else _true_time(place)) / unit
                        number = whole(units)
                        found.setdefault(number, []).append((place not in _STOPS, abs(units - number), name))
                readings.append(
                    {number: min(names, key=itemgetter(0, 1))[2] for number, names in found.items() if number}
                )
    return readings


def likely_unit(units: Sequence[Fraction], offered: Collection[int]) -> Fraction:
    """Return the unit in which most of what a camera offers has a name; the first of these units if several have as many."""
    return max(units, key=lambda unit: max(sum(number in names for number in offered) for names in _readings(unit)))


def time_names(unit: Fraction, offered: Collection[int]) -> Callable[[int], str | None]:
    """Return what names a shutter speed, given in units; it returns None for one that is not short and on no dial.

    Args:
        unit: seconds.
        offered: the numbers that the camera offers.
    """
    readings = sorted(_readings(unit), key=lambda names: -sum(number in names for number in offered))

    def name(value: int) -> str | None:
        for names in readings:
            if value in names:
                return names[value]
        if 0 < value * unit < _SHORT:
            part = _round(1 / (value * unit))
            if value in (floor(1 / (part * unit)), _round(1 / (part * unit))):
                return f"1/{part}"
        return None

    return name


def times_of(text: str, unit: Fraction) -> Sequence[Fraction]:
    """Return what a text may mean, in units: the time that it says, then the other times of places of that name."""
    said = parse_time(text)
    return [said / unit, *(time / unit for time in _other_times(said))]


def _other_times(said: Fraction) -> Iterator[Fraction]:
    for dial in _DIALS:
        for place, names in dial.items():
            times = [parse_time(name) for name in names]
            if said in times:
                yield from times
                yield _true_time(place)

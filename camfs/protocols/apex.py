"""APEX codes, eight to the stop, and the nominal values that photographers write for them: 1/125, f/2.8, 400, +0.3.

A code stands for (code - zero) / 8 stops: Tv, Av, Sv or EV. The camera shows a nominal value for it, so codes are read and written by
table. Steps of a third have the codes 0, 3, 5 modulo 8, steps of a half 0, 4; the fp runs on thirds. CanSetInfo5 has the same stops as
16-bit numbers, 256 to the stop. Where the tables come from: camfs/protocols/sigma/README.md, "APEX tables". Canon's codes are the same
but for the ISO's zero and a few names (`canon_eos/codings.py`).
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

COUNTS = 8
"""Codes to the stop."""

UNITS = 256
"""Units of CanSetInfo5 to the stop."""

THIRD = 85
"""A third of a stop in CanSetInfo5; a half is 128, a whole stop 256."""

_CLOSE = 1 / 12
"""Stops, a quarter of a third: a number that is this close to a nominal value, or to the exact value of its code, means that value."""

_ROUNDED = UNITS // 16
"""How far the ends of a range may lie from a code: a third is 85 units in CanSetInfo5, while codes lie 96, 64 and 96 units apart."""

MAX_NUMBER = 16
"""Characters of a number that is still read, so that nobody can ask for one of any size."""

_NUMBER = re.compile(r"([+-]?[0-9.]+)(?:/([0-9.]+))?")


def number(text: str) -> Fraction:
    """Read a decimal number or a fraction, `0.4` or `1/2.5`.

    Raises:
        ValueError: it is neither.
    """
    match = _NUMBER.fullmatch(text) if len(text) <= MAX_NUMBER else None
    if match is None:
        raise ValueError(text)
    try:
        return Fraction(match[1]) / Fraction(match[2] or "1")
    except ZeroDivisionError:
        raise ValueError(text) from None


def decimal(value: float | Fraction, digits: int = 1) -> str:
    """Write a number with at most `digits` digits behind the point: `2.8`, `4`, `0`."""
    text = f"{float(value):.{digits}f}"
    text = text.rstrip("0").rstrip(".") if digits else text
    return "0" if text == "-0" else text


def signed(value: float | Fraction, digits: int = 1) -> str:
    """Write a number with its sign, `+0.3`; zero has none."""
    text = decimal(value, digits)
    return text if text.startswith("-") or text == "0" else f"+{text}"


def _table(rows: str, prefix: str = "") -> Mapping[int, str]:
    """Read `code=text` pairs."""
    pairs = (row.split("=") for row in rows.split())
    return {int(code): prefix + text for code, text in pairs}


SHUTTER_THIRDS = _table("""
16=30 19=25 21=20 24=15 27=13 29=10 32=8 35=6 37=5 40=4 43=3.2 45=2.5 48=2 51=1.6 53=1.3 56=1 59=0.8 61=0.6 64=0.5 67=0.4 69=0.3
72=1/4 75=1/5 77=1/6 80=1/8 83=1/10 85=1/13 88=1/15 91=1/20 93=1/25 96=1/30 99=1/40 101=1/50 104=1/60 107=1/80 109=1/100 112=1/125
115=1/160 117=1/200 120=1/250 123=1/320 125=1/400 128=1/500 131=1/640 133=1/800 136=1/1000 139=1/1250 141=1/1600 144=1/2000
147=1/2500 149=1/3200 152=1/4000 155=1/5000 157=1/6000 160=1/8000 163=1/10000 165=1/12800 168=1/16000 171=1/20000 173=1/25600
176=1/32000
""")
SHUTTER_HALVES = _table("""
17=30 20=20 24=15 28=10 32=8 36=6 40=4 44=3 48=2 52=1.5 56=1 60=0.7 64=0.5 68=1/3 72=1/4 76=1/6 80=1/8 84=1/10 88=1/15 92=1/20
96=1/30 100=1/45 104=1/60 108=1/90 112=1/125 116=1/180 120=1/250 124=1/350 128=1/500 132=1/750 136=1/1000 140=1/1500 144=1/2000
148=1/3000 152=1/4000 156=1/6000 160=1/8000 168=1/16000 176=1/32000
""")
BULB, SYNC = 8, 162
SHUTTER_WORDS = {BULB: "bulb", SYNC: "sync"}
UNDECIDED = {0: "auto"}
"""The code of shutter and aperture while the camera chooses them and does not report which it chose."""

APERTURE_THIRDS = _table(
    """
8=1 11=1.1 13=1.2 16=1.4 19=1.6 21=1.8 24=2 27=2.2 29=2.5 32=2.8 35=3.2 37=3.5 40=4 43=4.5 45=5 48=5.6 51=6.3 53=7.1 56=8 59=9
61=10 64=11 67=13 69=14 72=16 75=18 77=20 80=22 83=25 85=29 88=32 91=36 93=40 96=45 99=51 101=57 104=64 107=72 109=81 112=91
""",
    "f/",
)
APERTURE_HALVES = _table(
    """
8=1 12=1.2 16=1.4 20=1.8 24=2 28=2.5 32=2.8 36=3.5 40=4 44=4.5 48=5.6 52=6.7 56=8 60=9.5 64=11 68=13 72=16 76=19 80=22 84=27
88=32 92=38 96=45 100=54 104=64 108=76 112=91
""",
    "f/",
)
ISO_THIRDS = _table("""
0=6 3=8 5=10 8=12 11=16 13=20 16=25 19=32 21=40 24=50 27=64 29=80 32=100 35=125 37=160 40=200 43=250 45=320 48=400 51=500 53=640
56=800 59=1000 61=1250 64=1600 67=2000 69=2500 72=3200 75=4000 77=5000 80=6400 83=8000 85=10000 88=12800 91=16000 93=20000
96=25600 99=32000 101=40000 104=51200 107=64000 109=80000 112=102400
""")
EV_THIRDS = _table("""
-51=-6.3 -48=-6 -45=-5.7 -43=-5.3 -40=-5 -37=-4.7 -35=-4.3 -32=-4 -29=-3.7 -27=-3.3 -24=-3 -21=-2.7 -19=-2.3 -16=-2 -13=-1.7
-11=-1.3 -8=-1 -5=-0.7 -3=-0.3 0=0 3=+0.3 5=+0.7 8=+1 11=+1.3 14=+1.7 16=+2 19=+2.3 21=+2.7 24=+3 27=+3.3 29=+3.7 32=+4 35=+4.3
37=+4.7 40=+5 43=+5.3 45=+5.7 48=+6 51=+6.3
""")
"""+1 2/3 is 14, where the pattern would have 13."""
EV_HALVES = _table("-24=-3 -20=-2.5 -16=-2 -12=-1.5 -8=-1 -4=-0.5 0=0 4=+0.5 8=+1 12=+1.5 16=+2 20=+2.5 24=+3")
EV_IRREGULAR = {13: "+1.7"}


@dataclass(frozen=True)
class Scale:
    """One APEX value: its tables, and the value of a code that is in no table.

    Attributes:
        thirds: text by code in steps of a third, in the order of the codes.
        halves: text by code in steps of a half; the ISO has none.
        zero: the code of zero stops.
        stops: turns a number as photographers write it into stops.
        write: turns stops into text.
        parse: turns text into a number; raises ValueError.
        codes: codes whose value is calculated if they are in no table; any other code is not a value.
        words: texts of codes that are not stops.
        read_only: texts of codes that are never sent.
    """

    thirds: Mapping[int, str]
    halves: Mapping[int, str]
    zero: int
    stops: Callable[[float], float]
    write: Callable[[float], str]
    parse: Callable[[str], Fraction]
    codes: range
    words: Mapping[int, str] = field(default_factory=dict)
    read_only: Mapping[int, str] = field(default_factory=dict)

    def decode(self, code: int) -> str | None:
        """Write a code as text; None if it is not on this scale."""
        for table in (self.words, self.read_only, self.thirds, self.halves):
            if code in table:
                return table[code]
        return self.write((code - self.zero) / COUNTS) if code in self.codes else None

    def encode(self, text: str, step: int = THIRD) -> int:
        """Return the code that a text means, out of those with this step.

        Args:
            text: a word, or a number that is a nominal value or close to one.
            step: in units of CanSetInfo5.

        Raises:
            ValueError: it means none of them.
        """
        wanted = text.strip().lower()
        for code, word in self.words.items():
            if wanted == word:
                return code
        codes = self._codes_of(step)
        try:
            stops = self.stops(float(self.parse(wanted)))
        except OverflowError:
            raise ValueError(text) from None

        def distance(code: int) -> float:
            nominal = self.stops(float(self.parse(codes[code])))
            return min(abs(stops - nominal), abs(stops - (code - self.zero) / COUNTS))

        code = min(codes, key=distance)
        if not distance(code) <= _CLOSE:
            raise ValueError(text)
        return code

    def texts(self, low: int, high: int, step: int = THIRD) -> tuple[str, ...]:
        """List the texts of a range of CanSetInfo5, in the order of the codes."""
        return tuple(
            text
            for code, text in self._codes_of(step).items()
            if low - _ROUNDED <= (code - self.zero) * UNITS // COUNTS <= high + _ROUNDED
        )

    def _codes_of(self, step: int) -> Mapping[int, str]:
        """Return the codes and texts that the camera has with this step."""
        if step > 3 * UNITS // 4:
            return {code: text for code, text in self.thirds.items() if (code - self.zero) % COUNTS == 0}
        return self.halves if self.halves and step > 3 * UNITS // 8 else self.thirds


def _log2(value: float) -> float:
    if value <= 0:
        raise ValueError(value)
    return math.log2(value)


def _write_seconds(stops: float) -> str:
    seconds = 2**-stops
    return f"1/{round(1 / seconds)}" if seconds < 0.3 else decimal(seconds)


def _write_aperture(stops: float) -> str:
    aperture = 2 ** (stops / 2)
    return f"f/{decimal(aperture, 1 if aperture < 10 else 0)}"


def _parse_steps(text: str) -> Fraction:
    """Read an exposure value: `+0.3`, `-1/3`, `+1 2/3`."""
    match = re.fullmatch(r"([+-]?)([^\s+-]+)(?: +([^\s+-]+))?", text.removesuffix("ev").rstrip())
    if match is None:
        raise ValueError(text)
    sign, whole, part = match.groups()
    value = number(whole) + number(part or "0")
    return -value if sign == "-" else value


SHUTTER = Scale(
    SHUTTER_THIRDS,
    SHUTTER_HALVES,
    zero=56,
    stops=lambda seconds: -_log2(seconds),
    write=_write_seconds,
    parse=lambda text: number(text.removesuffix("s").strip()),
    codes=range(16, 177),
    words=SHUTTER_WORDS,
    read_only=UNDECIDED,
)
APERTURE = Scale(
    APERTURE_THIRDS,
    APERTURE_HALVES,
    zero=8,
    stops=lambda aperture: 2 * _log2(aperture),
    write=_write_aperture,
    parse=lambda text: number(text.removeprefix("f").removeprefix("/").strip()),
    codes=range(8, 113),
    read_only=UNDECIDED,
)
ISO = Scale(
    ISO_THIRDS,
    {},
    zero=-8,
    stops=lambda iso: _log2(iso / 3.125),
    write=lambda stops: str(round(3.125 * 2**stops)),
    parse=lambda text: number(text.removeprefix("iso").strip()),
    codes=range(113),
)
EV = Scale(
    EV_THIRDS,
    EV_HALVES,
    zero=0,
    stops=lambda value: value,
    write=signed,
    parse=_parse_steps,
    codes=range(-128, 128),
    read_only=EV_IRREGULAR,
)
"""Signed codes. In manual exposure the meter's deviation comes in codes that are in no table."""

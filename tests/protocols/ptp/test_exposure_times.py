"""Shutter speeds: the names on the dial, for each way in which a camera may count."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.protocols.ptp.exposure_times import parse_time, time_names, times_of

TENTHS_OF_MS = Fraction(1, 10_000)
MICROSECONDS = Fraction(1, 1_000_000)

_THIRDS = """1/8000 1/6400 1/5000 1/4000 1/3200 1/2500 1/2000 1/1600 1/1250 1/1000 1/800 1/640 1/500 1/400 1/320 1/250 1/200
1/160 1/125 1/100 1/80 1/60 1/50 1/40 1/30 1/25 1/20 1/15 1/13 1/10 1/8 1/6 1/5 1/4 1/3 1/2.5 1/2 1/1.6 1/1.3 1 1.3 1.6 2 2.5 3 4 5 6
8 10 13 15 20 25 30 40 50 60"""
_HALVES = """1/8000 1/6000 1/4000 1/3000 1/2000 1/1500 1/1000 1/750 1/500 1/350 1/250 1/180 1/125 1/90 1/60 1/45 1/30 1/20 1/15
1/10 1/8 1/6 1/4 1/3 1/2 1/1.5 1 1.5 2 3 4 6 8 10 15 20 30 45 60"""
THIRDS, HALVES = _THIRDS.split(), _HALVES.split()

FUJIFILM = {
    5: "1/180000",
    7: "1/128000",
    9: "1/102400",
    12: "1/80000",
    15: "1/64000",
    24: "1/40000",
    30: "1/32000",
    38: "1/25600",
    48: "1/20000",
    61: "1/16000",
    96: "1/10000",
    122: "1/8000",
    193: "1/5000",
    1550: "1/640",
    4921: "1/200",
    12_401: "1/80",
    62_500: "1/15",
    314_980: "1/3",
    629_960: "1/1.6",
    6_349_604: "6",
    25_398_416: "25",
    50_796_833: "50",
    64_000_000: "60",
}
"""Codes in microseconds, true times cut off, by the names in the maker's development kit."""


@pytest.mark.parametrize("dial", [THIRDS, HALVES], ids=["thirds", "halves"])
def test_microseconds_are_fine_enough_for_every_name_of_a_dial(dial: list[str]) -> None:
    codes = [floor(parse_time(name) / MICROSECONDS) for name in dial]
    assert len(set(codes)) == len(dial)
    assert [time_names(MICROSECONDS, codes)(code) for code in codes] == dial


@pytest.mark.parametrize("dial", [THIRDS, HALVES], ids=["thirds", "halves"])
def test_tenths_of_a_millisecond_name_the_full_stop_where_several_share_a_number(dial: list[str]) -> None:
    codes = [floor(parse_time(name) / TENTHS_OF_MS) for name in dial]
    names = {code: time_names(TENTHS_OF_MS, codes)(code) for code in codes}
    shared = {name for code, name in zip(codes, dial, strict=True) if names[code] != name}
    assert shared == {"1/6400", "1/5000"} & set(dial) | {"1/6000"} & set(dial)
    assert (names[1], names[2]) == ("1/8000", "1/4000")


@pytest.mark.parametrize(("code", "name"), FUJIFILM.items())
def test_true_times_in_microseconds(code: int, name: str) -> None:
    assert time_names(MICROSECONDS, FUJIFILM)(code) == name
    assert any(floor(time) == code for time in times_of(name, MICROSECONDS))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1/125", Fraction(1, 125)),
        ("1/125 s", Fraction(1, 125)),
        ("1/2.5", Fraction(2, 5)),
        ("0.4", Fraction(2, 5)),
        ('30"', Fraction(30)),
        ("30 SEC", Fraction(30)),
        ("2m", Fraction(120)),
        ("1.5 min", Fraction(90)),
    ],
)
def test_times_are_read(text: str, seconds: Fraction) -> None:
    assert parse_time(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "1/", "/2", "1/2/3", "1e3", "bulb", "m"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="Invalid literal"):
        parse_time(text)


def test_another_name_of_the_same_place_is_meant_too() -> None:
    assert Fraction(10_000) / Fraction("1.3") in times_of("0.8", TENTHS_OF_MS)
    assert times_of("1/126", TENTHS_OF_MS) == [Fraction(10_000, 126)]


@given(st.integers(1, 1 << 32), st.sampled_from([TENTHS_OF_MS, MICROSECONDS]), st.lists(st.integers(0, 1 << 32)))
def test_a_name_is_never_far_from_the_value(value: int, unit: Fraction, offered: list[int]) -> None:
    name = time_names(unit, offered)(value)
    if name is not None:
        said = parse_time(name) / unit
        assert abs(said - value) <= Fraction(max(12, value), 12)

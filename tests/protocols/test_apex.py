"""APEX codes: every table both ways, in the units that CanSetInfo5 has, and what is no code."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.protocols import apex
from camfs.protocols.apex import APERTURE, EV, ISO, SHUTTER, THIRD, Scale

HALF, WHOLE = 128, 256

PRINTED_EV = """
0=0 3=+1/3 5=+2/3 8=+1 11=+1_1/3 14=+1_2/3 16=+2 19=+2_1/3 21=+2_2/3 24=+3 27=+3_1/3 29=+3_2/3 32=+4 35=+4_1/3 37=+4_2/3 40=+5
43=+5_1/3 45=+5_2/3 48=+6 51=+6_1/3 205=-6_1/3 208=-6 211=-5_2/3 213=-5_1/3 216=-5 219=-4_2/3 221=-4_1/3 224=-4 227=-3_2/3
229=-3_1/3 232=-3 235=-2_2/3 237=-2_1/3 240=-2 243=-1_2/3 245=-1_1/3 248=-1 251=-2/3 253=-1/3
"""
"""As libraries print them: unsigned codes, thirds of a stop."""


def _code(scale: Scale, text: str) -> int | None:
    try:
        return scale.encode(text)
    except ValueError:
        return None


TABLES = [
    pytest.param(SHUTTER, apex.SHUTTER_THIRDS, THIRD, id="shutter thirds"),
    pytest.param(SHUTTER, apex.SHUTTER_HALVES, HALF, id="shutter halves"),
    pytest.param(APERTURE, apex.APERTURE_THIRDS, THIRD, id="aperture thirds"),
    pytest.param(APERTURE, apex.APERTURE_HALVES, HALF, id="aperture halves"),
    pytest.param(ISO, apex.ISO_THIRDS, THIRD, id="iso thirds"),
    pytest.param(EV, apex.EV_THIRDS, THIRD, id="ev thirds"),
    pytest.param(EV, apex.EV_HALVES, HALF, id="ev halves"),
]


@pytest.mark.parametrize(("scale", "table", "step"), TABLES)
def test_every_code_is_written_and_read_again(scale: Scale, table: Mapping[int, str], step: int) -> None:
    for code, text in table.items():
        assert scale.decode(code) == text
        assert scale.encode(text, step) == code


@pytest.mark.parametrize(("scale", "table", "step"), TABLES)
def test_the_tables_hold_what_a_code_is_within_nominal_rounding(
    scale: Scale, table: Mapping[int, str], step: int
) -> None:
    for code, text in table.items():
        exact = (code - scale.zero) / apex.COUNTS
        assert abs(scale.stops(float(scale.parse(text))) - exact) < 0.25, (code, text)


@pytest.mark.parametrize(
    ("table", "size", "residues"),
    [
        (apex.SHUTTER_THIRDS, 61, {0, 3, 5}),
        (apex.SHUTTER_HALVES, 39, {0, 4}),
        (apex.APERTURE_THIRDS, 40, {0, 3, 5}),
        (apex.APERTURE_HALVES, 27, {0, 4}),
        (apex.ISO_THIRDS, 43, {0, 3, 5}),
        (apex.EV_THIRDS, 39, {0, 3, 5}),
        (apex.EV_HALVES, 13, {0, 4}),
    ],
)
def test_the_sets_have_the_codes_of_their_step(table: Mapping[int, str], size: int, residues: set[int]) -> None:
    assert len(table) == size
    assert list(table) == sorted(table)
    irregular = {14, 17, 20} if table is apex.SHUTTER_HALVES else {14}
    assert {abs(code) % 8 for code in table if code not in irregular} == residues


def test_compensations_in_thirds_are_those_of_other_libraries() -> None:
    pairs = [row.replace("_", " ").split("=") for row in PRINTED_EV.split()]
    codes = {int(code) - 256 * (int(code) > 127): text for code, text in pairs}
    assert codes.keys() == apex.EV_THIRDS.keys()
    assert all(EV.encode(text) == code for code, text in codes.items())


@pytest.mark.parametrize(
    ("scale", "code", "text"),
    [
        (SHUTTER, 157, "1/6000"),
        (SHUTTER, 156, "1/6000"),
        (SHUTTER, 16, "30"),
        (SHUTTER, 17, "30"),
        (SHUTTER, 100, "1/45"),
        (SHUTTER, 44, "3"),
        (SHUTTER, 8, "bulb"),
        (SHUTTER, 162, "sync"),
        (SHUTTER, 0, "auto"),
        (SHUTTER, 110, "1/108"),
        (SHUTTER, 42, "3.4"),
        (SHUTTER, 177, None),
        (SHUTTER, 255, None),
        (APERTURE, 101, "f/57"),
        (APERTURE, 108, "f/76"),
        (APERTURE, 109, "f/81"),
        (APERTURE, 37, "f/3.5"),
        (APERTURE, 24, "f/2"),
        (APERTURE, 0, "auto"),
        (APERTURE, 33, "f/3"),
        (APERTURE, 191, None),
        (ISO, 0, "6"),
        (ISO, 50, "476"),
        (ISO, 0xF8, None),
        (EV, 14, "+1.7"),
        (EV, 13, "+1.7"),
        (EV, -3, "-0.3"),
        (EV, 7, "+0.9"),
        (EV, 4, "+0.5"),
        (EV, 100, "+12.5"),
        (EV, -128, "-16"),
    ],
)
def test_codes_of_no_set_are_read_as_far_as_they_can_mean_something(scale: Scale, code: int, text: str | None) -> None:
    assert scale.decode(code) == text


@pytest.mark.parametrize(
    ("scale", "text", "code"),
    [
        (SHUTTER, "1/125", 112),
        (SHUTTER, " 1/125 s ", 112),
        (SHUTTER, "0.008", 112),
        (SHUTTER, "2.5s", 45),
        (SHUTTER, "2.50", 45),
        (SHUTTER, "0.4", 67),
        (SHUTTER, "1/2.5", 67),
        (SHUTTER, "0.25", 72),
        (SHUTTER, "1/3", 69),
        (SHUTTER, "30", 16),
        (SHUTTER, "32", 16),
        (SHUTTER, "1/8000", 160),
        (SHUTTER, "1/6000", 157),
        (SHUTTER, "1/6400", 157),
        (SHUTTER, "1/16", 88),
        (SHUTTER, "3", 43),
        (SHUTTER, "BULB", 8),
        (SHUTTER, "sync", 162),
        (APERTURE, "f/2.8", 32),
        (APERTURE, "F2.8", 32),
        (APERTURE, "2.8", 32),
        (APERTURE, "2.83", 32),
        (APERTURE, "f/4.0", 40),
        (APERTURE, "f/57", 101),
        (APERTURE, "f/81", 109),
        (ISO, "400", 48),
        (ISO, "ISO 400", 48),
        (ISO, "102400", 112),
        (EV, "+1/3", 3),
        (EV, "0.33", 3),
        (EV, "-0.7", -5),
        (EV, "-2/3", -5),
        (EV, "+1 2/3", 14),
        (EV, "1.67EV", 14),
        (EV, "-1 2/3", -13),
        (EV, "+0", 0),
        (EV, "-1.0", -8),
    ],
)
def test_numbers_are_read_as_photographers_write_them(scale: Scale, text: str, code: int) -> None:
    assert scale.encode(text) == code


@pytest.mark.parametrize(
    ("scale", "text"),
    [
        (SHUTTER, "1/45"),
        (SHUTTER, "1/90"),
        (SHUTTER, "1/"),
        (SHUTTER, "1/1/2"),
        (SHUTTER, "60"),
        (SHUTTER, "1/40000"),
        (SHUTTER, "0"),
        (SHUTTER, "-1"),
        (SHUTTER, "1/0"),
        (SHUTTER, "auto"),
        (SHUTTER, ""),
        (SHUTTER, "1e2"),
        (SHUTTER, "fast"),
        (SHUTTER, "1/125 1/60"),
        (APERTURE, "f/6.7"),
        (APERTURE, "f/0.95"),
        (APERTURE, "f/76"),
        (APERTURE, "f//2.8"),
        (APERTURE, "f/1000"),
        (APERTURE, "auto"),
        (ISO, "280"),
        (ISO, "204800"),
        (ISO, "0"),
        (EV, "+0.5"),
        (EV, "+7"),
        (EV, "+-1"),
        (EV, "+1 -2/3"),
        (EV, "1 1 1"),
        (EV, "+"),
        (EV, "9" * 400),
    ],
)
def test_what_is_no_nominal_value_has_no_code(scale: Scale, text: str) -> None:
    assert _code(scale, text) is None


def test_the_declared_step_decides_on_the_set() -> None:
    assert SHUTTER.encode("1/45", HALF) == 100
    assert SHUTTER.encode("1/6000", HALF) == 156
    assert SHUTTER.encode("30", HALF) == 17
    assert APERTURE.encode("f/76", HALF) == 108
    assert EV.encode("+0.5", HALF) == 4
    with pytest.raises(ValueError, match="1/50"):
        SHUTTER.encode("1/50", HALF)
    with pytest.raises(ValueError, match="1/50"):
        SHUTTER.encode("1/50", WHOLE)


def test_ranges_are_listed_in_the_units_of_can_set_info() -> None:
    assert ISO.texts(1280, 3328, THIRD)[:4] == ("100", "125", "160", "200")
    assert ISO.texts(1280, 3328, THIRD)[-1] == "25600"
    assert ISO.texts(1280, 2816, WHOLE) == ("100", "200", "400", "800", "1600", "3200", "6400")
    assert EV.texts(-256, 256, THIRD) == ("-1", "-0.7", "-0.3", "0", "+0.3", "+0.7", "+1")
    assert EV.texts(-256, 256, HALF) == ("-1", "-0.5", "0", "+0.5", "+1")
    assert APERTURE.texts(768, 1195, THIRD) == ("f/2.8", "f/3.2", "f/3.5", "f/4", "f/4.5", "f/5")
    assert SHUTTER.texts(-5 * 256, 15 * 256, THIRD) == tuple(apex.SHUTTER_THIRDS.values())
    assert SHUTTER.texts(1621, 1707, THIRD) == ("1/80", "1/100")
    assert SHUTTER.texts(100, 0) == ()


@pytest.mark.parametrize("scale", [SHUTTER, APERTURE, ISO, EV])
@given(text=st.one_of(st.text(max_size=20), st.fractions(max_denominator=10**6).map(str), st.floats().map(str)))
def test_any_text_has_a_code_of_the_set_or_none(scale: Scale, text: str) -> None:
    code = _code(scale, text)
    assert code is None or code in scale.thirds or code in scale.words


@pytest.mark.parametrize("scale", [SHUTTER, APERTURE, ISO, EV])
def test_any_code_is_a_text_or_none(scale: Scale) -> None:
    for code in range(-300, 300):
        assert scale.decode(code) != ""

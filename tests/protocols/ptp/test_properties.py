"""The standard device properties, as a photographer reads and writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import InvalidValue
from camfs.protocols.ptp.codes import DataType
from camfs.protocols.ptp.properties import (
    DATE_TIME,
    STANDARD_PROPERTIES,
    StandardProperty,
    property_code,
    property_name,
    read_value,
    write_value,
)
from camfs.protocols.ptp.values import INTEGER_TYPES, Value
from tests.protocols.ptp.strategies import U16, U32, typed_values

CODES = {row.name: row.code for row in STANDARD_PROPERTIES}
ROUNDED = {CODES["exposure-compensation"]: 50, CODES["shutter-speed"]: 1}
"""Written rounder than they are: +0.3 for 333, 1/60 for 166. `cameras.ptp.settings` finds the value among the choices."""


def test_the_standard_properties_are_those_of_the_standard_in_its_order() -> None:
    assert [row.code for row in STANDARD_PROPERTIES] == list(range(0x5001, 0x5020))
    assert len(CODES) == len(STANDARD_PROPERTIES)
    assert CODES["date-time"] == DATE_TIME == 0x5011


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("battery-level", 0x5001),
        ("image-size", 0x5003),
        ("white-balance", 0x5005),
        ("aperture", 0x5007),
        ("focus-mode", 0x500A),
        ("metering-mode", 0x500B),
        ("flash", 0x500C),
        ("shutter-speed", 0x500D),
        ("exposure-mode", 0x500E),
        ("iso", 0x500F),
        ("exposure-compensation", 0x5010),
        ("self-timer", 0x5012),
        ("drive-mode", 0x5013),
    ],
)
def test_settings_are_named_as_the_design_names_them(name: str, code: int) -> None:
    assert property_name(code) == name
    assert property_code(name) == code


@given(U16)
def test_every_property_has_a_name_of_its_own(code: int) -> None:
    name = property_name(code)
    assert property_code(name) == code
    assert name == name.lower()
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


def test_a_property_that_is_not_standard_is_named_by_its_number() -> None:
    assert property_name(0xD0A1) == "prop-d0a1"
    assert property_code("prop-d0a1") == 0xD0A1


@pytest.mark.parametrize(
    "name", ["", "prop-", "prop-d0a", "prop-d0a12", "prop-D0A1", "prop-+0a1", "d0a1", "ISO", "nothing"]
)
def test_any_other_name_is_none(name: str) -> None:
    assert property_code(name) is None


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("battery-level", 85, "85%"),
        ("functional-mode", 0, "standard"),
        ("white-balance", 4, "daylight"),
        ("white-balance", 0x8001, "32769"),
        ("aperture", 280, "f/2.8"),
        ("aperture", 1000, "f/10"),
        ("aperture", 95, "f/0.95"),
        ("focal-length", 4500, "45mm"),
        ("focal-length", 1855, "18.55mm"),
        ("focus-distance", 350, "350mm"),
        ("focus-distance", 0xFFFF, "infinity"),
        ("focus-mode", 3, "macro"),
        ("metering-mode", 2, "center-weighted"),
        ("flash", 4, "red-eye-auto"),
        ("shutter-speed", 80, "1/125"),
        ("shutter-speed", 1, "1/10000"),
        ("shutter-speed", 167, "1/60"),
        ("shutter-speed", 166, "1/60"),
        ("shutter-speed", 2500, "1/4"),
        ("shutter-speed", 2999, "0.2999"),
        ("shutter-speed", 3000, "0.3"),
        ("shutter-speed", 2800, "0.28"),
        ("shutter-speed", 3333, "0.3333"),
        ("shutter-speed", 5000, "0.5"),
        ("shutter-speed", 10_000, "1"),
        ("shutter-speed", 300_000, "30"),
        ("shutter-speed", 12_345_678, "1234.5678"),
        ("shutter-speed", 0, "0"),
        ("exposure-mode", 4, "shutter-priority"),
        ("iso", 400, "400"),
        ("iso", 0xFFFF, "auto"),
        ("exposure-compensation", 0, "0"),
        ("exposure-compensation", 333, "+0.3"),
        ("exposure-compensation", -667, "-0.7"),
        ("exposure-compensation", 1000, "+1"),
        ("exposure-compensation", -5000, "-5"),
        ("exposure-compensation", 49, "0"),
        ("exposure-compensation", -49, "0"),
        ("self-timer", 2000, "2s"),
        ("self-timer", 1500, "1.5s"),
        ("drive-mode", 2, "burst"),
        ("digital-zoom", 15, "1.5x"),
        ("contrast", 3, "3"),
    ],
)
def test_values_as_a_photographer_writes_them(name: str, value: int, text: str) -> None:
    code = CODES[name]
    assert write_value(code, value) == text
    assert write_value(code, read_value(code, DataType.UINT32, text)) == text
    if code not in ROUNDED:
        assert read_value(code, DataType.UINT32, text) == value


@pytest.mark.parametrize(
    ("name", "first", "words"),
    [
        ("functional-mode", 0, "standard sleep"),
        ("white-balance", 1, "manual auto one-push daylight fluorescent tungsten flash"),
        ("focus-mode", 1, "manual auto macro"),
        ("metering-mode", 1, "average center-weighted multi-spot center-spot"),
        ("flash", 1, "auto off fill red-eye-auto red-eye-fill external"),
        (
            "exposure-mode",
            1,
            "manual program aperture-priority shutter-priority creative action portrait",
        ),
        ("drive-mode", 1, "single burst timelapse"),
        ("effect", 1, "color black-and-white sepia"),
        ("focus-metering", 1, "center-spot multi-spot"),
    ],
)
def test_words_in_the_order_of_the_standard(name: str, first: int, words: str) -> None:
    code = CODES[name]
    for value, word in enumerate(words.split(), first):
        assert write_value(code, value) == word
        assert read_value(code, DataType.UINT16, word.upper()) == value
    assert write_value(code, first + len(words.split())).isdigit()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("aperture", "2.8", 280),
        ("aperture", "F/2.8", 280),
        ("aperture", " f/2.80\n", 280),
        ("shutter-speed", "1/125s", 80),
        ("shutter-speed", "0.008", 80),
        ("shutter-speed", "30s", 300_000),
        ("shutter-speed", "2.5 s", 25_000),
        ("iso", "AUTO", 0xFFFF),
        ("focus-distance", "Infinity", 0xFFFF),
        ("focal-length", "45", 4500),
        ("exposure-compensation", "1/3", 333),
        ("exposure-compensation", "-0.7", -700),
        ("exposure-compensation", "1", 1000),
        ("battery-level", "85", 85),
        ("white-balance", "Daylight", 4),
        ("white-balance", "4", 4),
        ("white-balance", "0x8001", 0x8001),
        ("self-timer", "2", 2000),
        ("contrast", "0x10", 16),
    ],
)
def test_other_ways_to_write_them(name: str, text: str, value: int) -> None:
    assert read_value(CODES[name], DataType.UINT32, text) == value


@pytest.mark.parametrize("row", STANDARD_PROPERTIES, ids=lambda row: row.name)
@given(value=U32 | U16)
def test_every_integer_comes_back(row: StandardProperty, value: int) -> None:
    code = row.code
    text = write_value(code, value)
    assert text == text.strip() != ""
    read = read_value(code, DataType.UINT32, text)
    assert isinstance(read, int)
    assert abs(read - value) <= ROUNDED.get(code, 0)


@given(st.integers(-32768, 32767))
def test_signed_values_come_back(value: int) -> None:
    for name in ("contrast", "sharpness", "white-balance", "focal-length", "digital-zoom"):
        code = CODES[name]
        assert read_value(code, DataType.INT16, write_value(code, value)) == value
    code = CODES["exposure-compensation"]
    read = read_value(code, DataType.INT16, write_value(code, value))
    assert isinstance(read, int)
    assert abs(read - value) <= 50


@given(typed_values())
def test_values_of_unknown_properties_come_back(typed: tuple[int, Value]) -> None:
    data_type, value = typed
    assert read_value(0xD0A1, data_type, write_value(0xD0A1, value)) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("iso", ""),
        ("iso", "fast"),
        ("iso", "4.5"),
        ("aperture", "f/"),
        ("aperture", "f/0/0"),
        ("aperture", "1/0"),
        ("aperture", "nan"),
        ("aperture", "inf"),
        ("shutter-speed", "1/0"),
        ("shutter-speed", "s"),
        ("shutter-speed", "bulb"),
        ("white-balance", "moonlight"),
        ("white-balance", "4.0"),
        ("focus-distance", "far"),
        ("focal-length", "mm"),
        ("battery-level", "%"),
        ("contrast", "010"),
        ("contrast", "high"),
        ("contrast", "9" * 5000),
        ("aperture", "9" * 5000),
        ("aperture", "1e99999"),
        ("shutter-speed", "1e99999"),
        ("shutter-speed", "1E-99999s"),
        ("exposure-compensation", "1e99999"),
        ("exposure-compensation", "1/" + "9" * 5000),
    ],
)
def test_what_is_no_value_is_invalid(name: str, text: str) -> None:
    with pytest.raises(InvalidValue, match=name):
        read_value(CODES[name], DataType.UINT32, text)


@given(st.sampled_from(STANDARD_PROPERTIES), st.sampled_from([*INTEGER_TYPES, 0x4006]), st.text(max_size=12))
def test_any_text_is_a_value_or_invalid(row: StandardProperty, data_type: int, text: str) -> None:
    try:
        value = read_value(row.code, data_type, text)
    except InvalidValue:
        return
    assert isinstance(value, int | tuple)


def test_strings_and_arrays() -> None:
    assert write_value(CODES["artist"], "Ana  B") == "Ana  B"
    assert read_value(CODES["artist"], DataType.STRING, " Ana ") == " Ana "
    assert write_value(0xD0A1, (1, 2, 255)) == "1 2 255"
    assert write_value(0xD0A1, ()) == ""
    assert read_value(0xD0A1, DataType.ARRAY | DataType.UINT8, "1 0x2\n255") == (1, 2, 255)
    assert read_value(0xD0A1, DataType.ARRAY | DataType.UINT8, "") == ()
    with pytest.raises(InvalidValue, match="prop-d0a1"):
        read_value(0xD0A1, DataType.ARRAY | DataType.UINT8, "1 two")

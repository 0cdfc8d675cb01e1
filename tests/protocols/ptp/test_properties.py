"""The standard device properties, as a photographer reads and writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import InvalidValue
from camfs.protocols.ptp.codes import DataType
from camfs.protocols.ptp.datasets import DevicePropDesc, Enumeration, Range
from camfs.protocols.ptp.makers import Maker
from camfs.protocols.ptp.properties import (
    DATE_TIME,
    STANDARD_PROPERTIES,
    StandardProperty,
    guess_description,
    property_code,
    property_name,
    read_value,
    write_value,
    write_values,
)
from camfs.protocols.ptp.values import INTEGER_TYPES, Value, encode_value
from tests.protocols.ptp.strategies import U16, U32, typed_values

CODES = {row.name: row.code for row in STANDARD_PROPERTIES}

Form = Range | Enumeration | None


def described(
    name: str, current: Value = 0, form: Form = None, data_type: int = DataType.UINT32, code: int | None = None
) -> DevicePropDesc:
    """Describe a property by the name of its setting, or any by its code."""
    return DevicePropDesc(CODES[name] if code is None else code, data_type, True, current, current, form)


def written(name: str, value: int, form: Form = None, maker: Maker = Maker.OTHER) -> str:
    """Write a value that the property has now."""
    return write_value(described(name, value, form), value, maker)


def test_the_standard_properties_are_those_of_the_standard_in_its_order() -> None:
    assert [row.code for row in STANDARD_PROPERTIES] == list(range(0x5001, 0x502D))
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
        ("battery-level", 32768, "32768"),
        ("functional-mode", 0, "standard"),
        ("white-balance", 4, "daylight"),
        ("white-balance", 0, "0"),
        ("white-balance", 8, "8"),
        ("white-balance", 0x8001, "0x8001"),
        ("white-balance", 0x1001, "0x1001"),
        ("aperture", 0, "no lens"),
        ("aperture", 0xFFFE, "no lens"),
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
        ("shutter-speed", 1, "1/8000"),
        ("shutter-speed", 2, "1/4000"),
        ("shutter-speed", 15, "1/640"),
        ("shutter-speed", 167, "1/60"),
        ("shutter-speed", 166, "1/60"),
        ("shutter-speed", 2500, "1/4"),
        ("shutter-speed", 4000, "1/2.5"),
        ("shutter-speed", 7692, "1/1.3"),
        ("shutter-speed", 2999, "0.2999"),
        ("shutter-speed", 3000, "0.3"),
        ("shutter-speed", 2800, "0.28"),
        ("shutter-speed", 120, "1/83"),
        ("shutter-speed", 3333, "1/3"),
        ("shutter-speed", 5000, "1/2"),
        ("shutter-speed", 10_000, "1"),
        ("shutter-speed", 300_000, "30"),
        ("shutter-speed", 12_345_678, "1234.5678"),
        ("shutter-speed", 0, "0"),
        ("shutter-speed", 0xFFFFFFFF, "bulb"),
        ("shutter-speed", 0xFFFFFFFE, "x-sync"),
        ("shutter-speed", 0xFFFFFFFD, "time"),
        ("shutter-speed", 0xFFFFFFFC, "429496.7292"),
        ("exposure-mode", 4, "shutter-priority"),
        ("iso", 400, "400"),
        ("iso", 51200, "51200"),
        ("iso", 0xFFFF, "auto"),
        ("iso", 0, "auto"),
        ("iso", 0xD001, "0xd001"),
        ("exposure-compensation", 0, "0"),
        ("exposure-compensation", 300, "+0.3"),
        ("exposure-compensation", 333, "+0.3"),
        ("exposure-compensation", -666, "-0.7"),
        ("exposure-compensation", -667, "-0.7"),
        ("exposure-compensation", -700, "-0.7"),
        ("exposure-compensation", 1000, "+1"),
        ("exposure-compensation", 1333, "+1.3"),
        ("exposure-compensation", 500, "+0.5"),
        ("exposure-compensation", 250, "+0.25"),
        ("exposure-compensation", -5000, "-5"),
        ("exposure-compensation", 1, "+0.001"),
        ("self-timer", 0, "0s"),
        ("self-timer", 2000, "2s"),
        ("self-timer", 1500, "1.5s"),
        ("drive-mode", 2, "burst"),
        ("digital-zoom", 15, "1.5x"),
        ("contrast", 3, "3"),
        ("video-format", 0x47504A4D, "MJPG"),
        ("video-format", 3, "3"),
        ("video-frame-rate", 29_970, "29.97fps"),
    ],
)
def test_values_as_a_photographer_writes_them(name: str, value: int, text: str) -> None:
    data_type = DataType.INT32 if value < 0 else DataType.UINT32
    description = described(name, value, data_type=data_type)
    assert write_value(description, value) == text
    assert read_value(description, text) == value


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
    for value, word in enumerate(words.split(), first):
        assert written(name, value) == word
        assert read_value(described(name, 99, data_type=DataType.UINT16), word.upper()) == value
    assert written(name, first + len(words.split())).isdigit()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("aperture", "2.8", 280),
        ("aperture", "F/2.8", 280),
        ("aperture", " f/2.80\n", 280),
        ("aperture", "NO-LENS", 0),
        ("shutter-speed", "1/125s", 80),
        ("shutter-speed", "0.008", 80),
        ("shutter-speed", "1/60", 166),
        ("shutter-speed", "1/640", 15),
        ("shutter-speed", "30s", 300_000),
        ("shutter-speed", '30"', 300_000),
        ("shutter-speed", "2m", 1_200_000),
        ("shutter-speed", "2.5 s", 25_000),
        ("shutter-speed", "1/2.5", 4000),
        ("shutter-speed", "Bulb", 0xFFFFFFFF),
        ("shutter-speed", "0xfffffffd", 0xFFFFFFFD),
        ("iso", "AUTO", 0xFFFF),
        ("focus-distance", "Infinity", 0xFFFF),
        ("focal-length", "45", 4500),
        ("exposure-compensation", "1/3", 333),
        ("exposure-compensation", "0.7", 700),
        ("exposure-compensation", "1", 1000),
        ("battery-level", "85", 85),
        ("white-balance", "Daylight", 4),
        ("white-balance", "4", 4),
        ("white-balance", "0x8001", 0x8001),
        ("white-balance", "32769", 0x8001),
        ("self-timer", "2", 2000),
        ("contrast", "0x10", 16),
        ("video-format", "avc1", 0x31637661),
    ],
)
def test_other_ways_to_write_them(name: str, text: str, value: int) -> None:
    assert read_value(described(name, 99), text) == value


@pytest.mark.parametrize("row", STANDARD_PROPERTIES, ids=lambda row: row.name)
@given(value=U32 | U16)
def test_every_integer_comes_back_where_the_property_has_it(row: StandardProperty, value: int) -> None:
    for maker in Maker:
        for data_type, number in ((DataType.UINT32, value), (DataType.INT32, value - (1 << 31))):
            description = DevicePropDesc(row.code, data_type, True, number, number)
            text = write_value(description, number, maker)
            assert text == text.strip() != ""
            assert read_value(description, text, maker) == number


@given(st.lists(st.integers(-70_000, 70_000) | U16, min_size=1, max_size=40), st.sampled_from(STANDARD_PROPERTIES))
def test_every_value_of_an_enumeration_has_a_text_of_its_own(values: list[int], row: StandardProperty) -> None:
    description = DevicePropDesc(row.code, DataType.INT64, True, values[0], values[-1], Enumeration(tuple(values)))
    for maker in Maker:
        texts = write_values(description, values, maker)
        assert len(set(texts)) == len(set(values))
        for value, text in zip(values, texts, strict=True):
            assert read_value(description, text, maker) == value


@given(typed_values())
def test_values_of_unknown_properties_come_back(typed: tuple[int, Value]) -> None:
    data_type, value = typed
    description = DevicePropDesc(0xD0A1, data_type, True, value, value)
    assert read_value(description, write_value(description, value)) == value


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
        ("shutter-speed", "for ever"),
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
        read_value(described(name, 99), text)


@given(
    st.sampled_from(STANDARD_PROPERTIES),
    st.sampled_from([*INTEGER_TYPES, 0x4006]),
    st.sampled_from(Maker),
    st.sampled_from([None, Enumeration(()), Enumeration((1, 2, 300)), Range(-5, 40, 5), Range(0, 0, 0)]),
    st.text(max_size=12) | st.from_regex(r"[0-9a-fx/.+-]{1,8}[sm%K]?", fullmatch=True),
)
def test_any_text_is_a_value_that_can_be_sent_or_invalid(
    row: StandardProperty, data_type: int, maker: Maker, form: Form, text: str
) -> None:
    description = DevicePropDesc(row.code, data_type, True, 1, 1, form)
    try:
        value = read_value(description, text, maker)
    except InvalidValue:
        return
    encode_value(data_type, value)
    if isinstance(form, Enumeration) and form.values and data_type in INTEGER_TYPES:
        assert value in form.values


def test_strings_and_arrays() -> None:
    artist = described("artist", "Ana  B", data_type=DataType.STRING)
    assert write_value(artist, "Ana  B") == "Ana  B"
    assert read_value(artist, " Ana ") == " Ana "
    array = described("", (1,), data_type=DataType.ARRAY | DataType.UINT8, code=0xD0A1)
    assert write_value(array, (1, 2, 255)) == "1 2 255"
    assert write_value(array, ()) == ""
    assert read_value(array, "1 0x2\n255") == (1, 2, 255)
    assert read_value(array, "") == ()
    with pytest.raises(InvalidValue, match="prop-d0a1"):
        read_value(array, "1 two")
    sizes = described("image-size", "L", Enumeration(("S", "L")), DataType.STRING)
    assert read_value(sizes, "s") == "S"
    with pytest.raises(InvalidValue, match="XL"):
        read_value(sizes, "XL")


# ---------------------------------------------------------------------- what the camera offers


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        (Range(0, 100, 1), 85, "85%"),
        (Range(1, 100, 1), 1, "1%"),
        (Range(0, 100, 10), 24, "24%"),
        (Range(0, 3, 1), 2, "2/3"),
        (Range(0, 10, 1), 10, "10/10"),
        (Range(0, 255, 1), 89, "89"),
        (Range(0, 65535, 1), 32768, "32768"),
        (Enumeration((0, 1, 2, 3)), 3, "3/3"),
        (Enumeration((0, 5, 4, 3, 2, 1)), 0, "0/5"),
        (Enumeration((100, 0, 75, 0, 50)), 28, "28%"),
        (Enumeration((2, 5, 25, 50, 65, 80, 100)), 65, "65%"),
        (Enumeration(()), 60, "60%"),
        (Enumeration(()), 200, "200"),
        (None, 101, "101"),
    ],
)
def test_a_battery_is_written_by_the_end_of_its_form(form: Form, value: int, text: str) -> None:
    assert written("battery-level", value, form) == text


def test_a_fujifilm_battery_without_a_form_counts_bars() -> None:
    assert written("battery-level", 3, None, Maker.FUJIFILM) == "3"


TRUNCATED = (1, 2, 3, 10, 15, 31, 62, 166, 333, 769, 1666, 3333, 6250, 13_000, 300_000, 0xFFFFFFFF, 0xFFFFFFFD)
"""Tenths of a millisecond, as Nikon offers them."""


def test_truncated_shutter_speeds() -> None:
    description = described("shutter-speed", 166, Enumeration(TRUNCATED))
    names = "1/8000 1/4000 1/3200 1/1000 1/640 1/320 1/160 1/60 1/30 1/13 1/6 1/3 1/1.6 1.3 30 bulb time"
    assert write_values(description, TRUNCATED, Maker.NIKON) == names.split()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1/8000", 1),
        ("1/6400", 1),
        ("1/5000", 2),
        ("1/4000", 2),
        ("1/1000s", 10),
        ("1/640", 15),
        ("0.0625", None),
        ("1/160", 62),
        ("1/60", 166),
        ("0.0166", 166),
        ("0.0167", None),
        ("1/126", None),
        ("1/50", None),
        ("0", None),
        ("0.3", 3333),
        ("1/3", 3333),
        ("0.6", 6250),
        ("1.30", 13_000),
        ('30"', 300_000),
        ("BULB", 0xFFFFFFFF),
        ("x-sync", None),
        ("300000", None),
    ],
)
def test_of_an_enumeration_the_nearest_within_the_truncation(text: str, value: int | None) -> None:
    description = described("shutter-speed", 166, Enumeration(TRUNCATED))
    if value is not None:
        assert read_value(description, text, Maker.NIKON) == value
        return
    with pytest.raises(InvalidValue, match="choices"):
        read_value(description, text, Maker.NIKON)


def test_a_camera_that_rounds_is_told_by_its_list() -> None:
    codes = (13, 16, 20, 31, 63, 80, 125, 167, 667)
    description = described("shutter-speed", 167, Enumeration(codes))
    names = ["1/800", "1/640", "1/500", "1/320", "1/160", "1/125", "1/80", "1/60", "1/15"]
    assert write_values(description, codes) == names
    assert [read_value(description, name) for name in names] == list(codes)


def test_half_steps_are_told_by_the_list() -> None:
    codes = (1, 2, 3, 5, 6, 10, 13, 20, 28, 40, 55, 80, 111, 166, 222, 333, 500, 15_000)
    description = described("shutter-speed", 5, Enumeration(codes))
    names = "1/8000 1/4000 1/3000 1/2000 1/1500 1/1000 1/750 1/500 1/350 1/250 1/180 1/125 1/90 1/60 1/45 1/30 1/20 1.5"
    assert write_values(description, codes, Maker.NIKON) == names.split()
    assert [read_value(description, name, Maker.NIKON) for name in names.split()] == list(codes)


def test_fujifilm_counts_microseconds() -> None:
    codes = (30, 122, 15_625, 19_686, 396_850, 1_259_921, 32_000_000, 64_000_000, 64_000_030, 64_000_180, 0xFFFFFFFF)
    description = described("shutter-speed", 122, Enumeration(codes))
    names = ["1/32000", "1/8000", "1/60", "1/50", "1/2.5", "1.3", "30", "60", "120", "3600", "bulb"]
    assert write_values(description, codes, Maker.FUJIFILM) == names
    assert [read_value(description, name, Maker.FUJIFILM) for name in names] == list(codes)
    assert read_value(description, "0.4", Maker.FUJIFILM) == 396_850
    assert read_value(description, "2m", Maker.FUJIFILM) == 64_000_030
    assert written("shutter-speed", 19_686, Enumeration(()), Maker.FUJIFILM) == "1/50"


def test_a_list_that_is_clear_decides_the_unit() -> None:
    """Fujifilm's older bodies need not count as its newer ones do, and another name may stand for the maker."""
    old = described("shutter-speed", 80, Enumeration((2, 5, 10, 20, 40, 80, 166, 333, 300_000)))
    assert write_value(old, 80, Maker.FUJIFILM) == "1/125"
    unknown = described("shutter-speed", 7812, Enumeration((122, 244, 488, 976, 1953, 3906, 7812, 15_625, 32_000_000)))
    assert write_value(unknown, 7812) == "1/125"


def test_the_same_value_twice_is_one_choice_and_the_same_name_twice_is_not() -> None:
    description = described("shutter-speed", 166, Enumeration((40, 166, 40, 167)))
    assert write_values(description, (40, 166, 40, 167)) == ["1/250", "1/60", "1/250", "0.0167"]
    assert read_value(description, "0.0167") == 167
    lenses = described("aperture", 0, Enumeration((280, 0, 0xFFFE)))
    assert write_values(lenses, (280, 0, 0xFFFE)) == ["f/2.8", "no lens", "f/655.34"]
    assert read_value(lenses, "0xfffe") == 0xFFFE


@pytest.mark.parametrize(
    ("codes", "text", "value"),
    [
        ((-333, 0, 333, 666), "0.3", 333),
        ((-333, 0, 333, 666), "2/3", 666),
        ((-333, 0, 333, 666), "+0.67", 666),
        ((-333, 0, 333, 667), "2/3", 667),
        ((-300, 0, 300, 700), "-1/3", -300),
        ((-300, 0, 300, 700), "0.33", 300),
        ((-300, 0, 300, 500), "1/2", 500),
        ((-300, 0, 300, 500), "0.7", None),
        ((0, 1, 2, 300), "0", 0),
    ],
)
def test_exposure_compensation_in_thirds(codes: tuple[int, ...], text: str, value: int | None) -> None:
    description = described("exposure-compensation", 0, Enumeration(codes), DataType.INT16)
    if value is not None:
        assert read_value(description, text) == value
        return
    with pytest.raises(InvalidValue):
        read_value(description, text)


@pytest.mark.parametrize(
    ("codes", "value"),
    [((100, 0xFFFF), 0xFFFF), ((0, 50, 100), 0), ((100, 0xFFFFFFFF), 0xFFFFFFFF), ((100, -1), -1)],
)
def test_iso_auto_is_the_one_that_the_camera_has(codes: tuple[int, ...], value: int) -> None:
    description = described("iso", 100, Enumeration(codes), DataType.INT64)
    assert read_value(description, "auto") == value
    assert write_value(description, value) == "auto"


def test_fujifilm_has_several_automatic_isos() -> None:
    for data_type, codes in ((DataType.INT32, (-1, -2, -3, -6400)), (DataType.UINT32, (0xFFFFFFFF, 0xFFFFFFFE))):
        description = described("iso", 100, Enumeration((100, *codes)), data_type)
        names = ["auto-1", "auto-2", "auto-3", "auto-6400"][: len(codes)]
        assert write_values(description, codes, Maker.FUJIFILM) == names
        assert read_value(description, "auto", Maker.FUJIFILM) == codes[0]


def test_the_present_value_is_always_one_that_may_be_written() -> None:
    for form in (Enumeration((1, 2)), Range(0, 10, 5)):
        description = described("drive-mode", 7, form)
        assert read_value(description, write_value(description, 7)) == 7
        with pytest.raises(InvalidValue):
            read_value(description, "8")


def test_an_enumeration_of_nothing_forbids_nothing() -> None:
    assert read_value(described("aperture", 430, Enumeration(())), "f/5.6") == 560
    assert read_value(described("artist", "", Enumeration(()), DataType.STRING), "Ana") == "Ana"


def test_a_numbering_of_the_maker_s_own_stays_numbers() -> None:
    own = described("white-balance", 0, Enumeration(tuple(range(12))))
    assert write_values(own, range(12), Maker.LEICA) == [str(number) for number in range(12)]
    mixed = described("drive-mode", 1, Enumeration((0, 1, 2, 0xD004)))
    assert write_values(mixed, (0, 1, 2, 0xD004)) == ["0", "single", "burst", "0xd004"]


def test_sharpness_in_tenths_at_fujifilm() -> None:
    tenths = described("sharpness", 0, Range(-40, 40, 10), DataType.INT16)
    assert write_values(tenths, (-40, 0, 20), Maker.FUJIFILM) == ["-4", "0", "+2"]
    assert read_value(tenths, "2", Maker.FUJIFILM) == 20
    assert write_value(described("sharpness", 0, Range(-2, 2, 1), DataType.INT16), 2, Maker.FUJIFILM) == "2"


@pytest.mark.parametrize(
    ("name", "data", "data_type", "text"),
    [
        ("battery-level", b"\x4b", DataType.UINT8, "75%"),
        ("aperture", b"\x18\x01", DataType.UINT16, "f/2.8"),
        ("shutter-speed", b"\x50\0\0\0", DataType.UINT32, "1/125"),
        ("exposure-compensation", b"\xb3\xfe", DataType.INT16, "-0.3"),
        ("iso", b"\xff\xff\xff\xff", DataType.UINT32, "auto"),
        ("image-size", b"\x04L\0 \x003\0\0\0", DataType.STRING, "L 3"),
        ("artist", b"\0", DataType.STRING, ""),
        ("contrast", b"\x05\x02\x03", DataType.ARRAY | DataType.UINT8, "5 2 3"),
        ("contrast", b"", DataType.ARRAY | DataType.UINT8, ""),
        ("self-timer", b"\xd0\x07", DataType.UINT16, "2s"),
    ],
)
def test_the_type_of_a_value_without_a_description(name: str, data: bytes, data_type: int, text: str) -> None:
    description = guess_description(CODES[name], data)
    assert (description.data_type, description.writable) == (data_type, False)
    assert write_value(description, description.current) == text


@given(typed_values(), typed_values(), st.sampled_from([*CODES.values(), 0xD0A1]), st.sampled_from(Maker))
def test_any_description_is_written(
    typed: tuple[int, Value], other: tuple[int, Value], code: int, maker: Maker
) -> None:
    """Also one whose form has values of another type than its own."""
    data_type, value = typed
    for form in (None, Enumeration((value,)), Enumeration((other[1], value)), Enumeration(()), Range(0, 0, 0)):
        description = DevicePropDesc(code, data_type, True, value, value, form)
        text = write_value(description, value, maker)
        assert read_value(description, text, maker) == value


@given(st.binary(max_size=40), st.sampled_from([*CODES.values(), 0xD0A1]))
def test_any_bytes_are_a_value(data: bytes, code: int) -> None:
    description = guess_description(code, data)
    assert write_value(description, description.current) is not None


def test_what_does_not_fit_the_type_is_no_value() -> None:
    for text in ("70000", "-1", "0x10000"):
        with pytest.raises(InvalidValue):
            read_value(described("iso", 100, None, DataType.UINT16), text)

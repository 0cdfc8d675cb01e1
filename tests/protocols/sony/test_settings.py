"""Names and values of settings, held against the bytes and the tables of fifteen real bodies."""

import pytest

from camfs.errors import InvalidValue
from camfs.protocols.ptp.codes import DataType
from camfs.protocols.ptp.datasets import DevicePropDesc, Enumeration, Range
from camfs.protocols.ptp.makers import Maker
from camfs.protocols.ptp.properties import read_value, write_value, write_values
from camfs.protocols.sony.codes import Focus, waiting_shots
from camfs.protocols.sony.settings import (
    SONY_SETTINGS,
    SonyNames,
    notation_of,
    pictures_of,
    steps_between,
    without_placeholders,
)
from tests.protocols.sony.samples import properties, tables

TYPES = {"u8": 2, "i8": 1, "u16": 4, "i16": 3, "u32": 6, "i32": 5, "u64": 8, "str": 0xFFFF}


def described() -> dict[str, dict[int, DevicePropDesc]]:
    """Return the descriptions of all bodies: of two from their bytes, of the others from summaries."""
    found = {
        body: {code: entry.description for code, entry in properties(f"{body}-9209").items()}
        for body in ("a7sm3", "a6000")
    }
    for body, rows in tables().items():
        found[f"{body} in words"] = {
            int(row["code"], 16): DevicePropDesc(
                int(row["code"], 16),
                TYPES[row["type"]],
                row["rw"],
                row["value"],
                row["value"],
                Enumeration(tuple(row["values"])) if row.get("form") == "enum" else None,
            )
            for row in rows
            if row["type"] in TYPES and isinstance(row.get("value"), int)
        }
    return found


def texts(body: str, code: int) -> list[str]:
    """Return the values that a body offers for a property."""
    description = without_placeholders(properties(f"{body}-9209")[code].description)
    assert isinstance(description.form, Enumeration)
    return list(write_values(description, description.form.values, Maker.SONY, notation_of(description)))


def test_all_values_of_all_bodies_are_read_as_they_are_written() -> None:
    count = 0
    for body, descriptions in described().items():
        names = SonyNames(list(descriptions))
        assert len({names.name(code) for code in descriptions}) == len(descriptions), body
        for code, description in descriptions.items():
            assert names.code(names.name(code)) == code
            own = notation_of(description)
            offered = description.form.values if isinstance(description.form, Enumeration) else ()
            values = (*offered, description.current)
            for value, text in zip(values, write_values(description, values, Maker.SONY, own), strict=True):
                assert read_value(description, text, Maker.SONY, own) == value, f"{body} {code:04x} {text}"
                count += 1
    assert count > 5000


@pytest.mark.parametrize(
    ("code", "begins"),
    [
        (0xD21E, ["auto", "40", "50", "64", "80", "100"]),
        (0xD20D, ["bulb", "30", "25", "20", "15", "13", "10", "8", "6", "5", "4", "3.2"]),
        (0xD19F, ["bulb", "30", "25", "20", "15", "13"]),
        (0x5007, ["f/2.8", "f/3.2", "f/3.5"]),
        (0x5010, ["+5", "+4.7", "+4.3"]),
        (0x5005, ["auto", "daylight", "shade", "cloudy", "tungsten", "fluorescent-warm-white"]),
        (0x5013, ["single", "continuous-high-plus", "continuous", "continuous-middle", "continuous-low"]),
        (0x500A, ["af-s", "af-a", "af-c", "dmf", "manual"]),
        (0xD222, ["computer", "both", "card"]),
        (0xD252, ["extra-fine", "fine", "standard"]),
        (0xD253, ["raw", "raw+jpeg", "jpeg"]),
        (0xD203, ["large", "medium", "small"]),
        (0xD22C, ["wide", "zone", "center", "spot-l", "spot-m", "spot-s", "expand-spot"]),
    ],
)
def test_values_of_an_a7s_iii_by_the_words_on_the_dial(code: int, begins: list[str]) -> None:
    assert texts("a7sm3", code)[: len(begins)] == begins


@pytest.mark.parametrize(
    ("code", "value", "text"),
    [
        (0x500E, 0x1, "manual"),
        (0x500E, 0x10002, "program"),
        (0x500E, 0x20003, "aperture-priority"),
        (0x500E, 0x30004, "shutter-priority"),
        (0x500E, 0x48000, "intelligent-auto"),
        (0x500E, 0x78050, "movie-program"),
        (0x500E, 0x98081, "0x98081"),
        (0x5013, 0x38004, "self-timer-10s"),
        (0x5013, 0x48337, "bracket-3x0.3-continuous"),
        (0x5013, 0x58530, "bracket-5x3-single"),
    ],
)
def test_modes_of_32_bits(code: int, value: int, text: str) -> None:
    description = DevicePropDesc(code, DataType.UINT32, True, 0, value, Enumeration((value,)))
    assert write_value(description, value, Maker.SONY, notation_of(description)) == text


@pytest.mark.parametrize(
    ("code", "text", "value"),
    [
        (0xD20D, "1/125", 0x0001007D),
        (0xD20D, "1/125s", 0x0001007D),
        (0xD20D, "30", 0x012C000A),
        (0xD20D, "1", 0x000A000A),
        (0xD20D, "0.5", 0x0005000A),
        (0xD20D, "1/2", 0x0005000A),
        (0xD20D, "1.3", 0x000D000A),
        (0xD20D, "1/3", 0x00010003),
        (0xD20D, "bulb", 0),
        (0xD20D, "none", 0xFFFFFFFF),
        (0xD19F, "1/250", 0x1000000FA),
        (0xD21E, "auto", 0xFFFFFF),
        (0xD21E, "200", 200),
        (0xD21E, "auto-nr", 0x01FFFFFF),
        (0xD21E, "400-nr", 0x01000190),
    ],
)
def test_what_a_text_means_where_nothing_is_listed(code: int, text: str, value: int) -> None:
    data_type = DataType.UINT64 if code == 0xD19F else DataType.UINT32
    description = DevicePropDesc(
        code, data_type, True, 0, 0x0001000A, Range(0, (1 << (64 if code == 0xD19F else 32)) - 1, 1)
    )
    assert read_value(description, text, Maker.SONY, notation_of(description)) == value


@pytest.mark.parametrize("text", ["", "1/0", "0", "-1", "100000", "soon", "1e9"])
def test_what_is_no_exposure_time(text: str) -> None:
    description = DevicePropDesc(0xD20D, DataType.UINT32, True, 0, 0x00010001, Range(0, 0xFFFFFFFF, 1))
    with pytest.raises(InvalidValue):
        read_value(description, text, Maker.SONY, notation_of(description))


def test_placeholders_are_no_choices() -> None:
    assert texts("a6000", 0x5010)[:3] == ["0", "+5", "+4.7"]


def test_a_name_means_the_first_property_of_several() -> None:
    names = SonyNames([0xD226, 0xD21E, 0xD229])
    assert [names.name(code) for code in (0xD21E, 0xD226, 0xD229)] == ["iso", "prop-d226", "shutter-speed"]
    assert [names.code(name) for name in ("iso", "prop-d226", "shutter-speed", "aperture", "prop-d123")] == [
        0xD21E,
        0xD226,
        0xD229,
        0x5007,
        0xD123,
    ]
    assert names.code("nonsense") is None


@pytest.mark.parametrize(
    ("code", "data_type", "value", "text"),
    [
        (0x5004, DataType.UINT8, 0x33, "heif-fine"),
        (0x5004, DataType.UINT8, 0x44, "raw+heif-extra-fine"),
        (0x500C, DataType.UINT16, 0x8041, "wireless-slow"),
    ],
)
def test_words_of_newer_bodies(code: int, data_type: int, value: int, text: str) -> None:
    description = DevicePropDesc(code, data_type, True, 0, value, Enumeration((value,)))
    assert write_value(description, value, Maker.SONY, notation_of(description)) == text


def test_rows_are_unique() -> None:
    assert len({row.name for row in SONY_SETTINGS}) == len({row.code for row in SONY_SETTINGS}) == len(SONY_SETTINGS)


@pytest.mark.parametrize(
    ("code", "current", "target", "steps"),
    [
        (0xD21E, 0xFFFFFF, 200, 5),
        (0xD21E, 200, 0xFFFFFF, -5),
        (0x5007, 500, 560, 1),
        (0x5007, 500, 280, -5),
        (0xD20D, 0x0001007D, 0x000100A0, 1),
        (0xD20D, 0x0001007D, 0x0001003C, -3),
        (0x5010, 0, 300, 1),
        (0x5010, 300, -300, -2),
    ],
)
def test_steps_of_an_a6000(code: int, current: int, target: int, steps: int) -> None:
    assert steps_between(properties("a6000-9209")[code].description, current, target) == steps


@pytest.mark.parametrize(("quality", "count"), [(1, 1), (3, 1), (0x10, 1), (0x13, 2), (0x33, 1), (0x41, 2)])
def test_how_many_files_a_picture_has(quality: int, count: int) -> None:
    assert pictures_of(quality, None) == count


def test_how_many_files_a_picture_of_a_newer_body_has() -> None:
    assert [pictures_of(None, value) for value in (1, 2, 3)] == [1, 2, 1]


def test_how_many_pictures_wait() -> None:
    assert [waiting_shots(value) for value in (0, 1, 0x7FFF, 0x8000, 0x8001, 0x8002, 0xFFFF)] == [0, 0, 0, 1, 1, 2, 255]
    assert Focus(3) is Focus.Failed

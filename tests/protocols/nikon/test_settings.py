"""Names and values of settings, held against the tables of twenty real bodies."""

import re
from collections import Counter
from pathlib import Path

import pytest

from camfs.errors import InvalidValue
from camfs.protocols.nikon.settings import NIKON_SETTINGS, NikonNames, exposure_seconds, files_of_quality
from camfs.protocols.ptp.codes import DataType
from camfs.protocols.ptp.datasets import DevicePropDesc, Enumeration, Range
from camfs.protocols.ptp.makers import Maker
from camfs.protocols.ptp.properties import read_value, write_value, write_values
from tests.protocols.nikon.samples import bodies, datasets, descriptions

ROOT = Path(__file__).parents[3]


def names_of(body: str) -> tuple[NikonNames, dict[int, DevicePropDesc]]:
    """Return the names of a body's settings, and their descriptions."""
    described = descriptions(body)
    return NikonNames(list(described)), described


def texts(body: str, name: str) -> list[str]:
    """Return the values that a body offers for a setting."""
    names, described = names_of(body)
    description = described[names.code(name) or 0]
    values = description.form.values if isinstance(description.form, Enumeration) else (description.current,)
    return list(write_values(description, values, Maker.NIKON, names.notation(description)))


def test_all_datasets_decode_and_encode_back() -> None:
    count = 0
    for body in bodies():
        for code, data in datasets(body):
            description = DevicePropDesc.decode(data)
            assert (description.code, description.encode()) == (code, data), f"{body} {code:04x}"
            count += 1
    assert count == 3719


def test_all_values_of_all_bodies_are_read_as_they_are_written() -> None:
    count = 0
    for body in bodies():
        names, described = names_of(body)
        assert len({names.name(code) for code in described}) == len(described), body
        for code, description in described.items():
            assert names.code(names.name(code)) == code
            own = names.notation(description)
            offered = description.form.values if isinstance(description.form, Enumeration) else ()
            written = write_values(description, (*offered, description.current), Maker.NIKON, own)
            for value, text in zip((*offered, description.current), written, strict=True):
                assert read_value(description, text, Maker.NIKON, own) == value, f"{body} {code:04x} {text}"
                count += 1
    assert count > 10_000


@pytest.mark.parametrize(
    ("body", "name", "code"),
    [
        ("z6", "iso", 0xD0B4),
        ("d90", "iso", 0x500F),
        ("z9", "iso", 0x500F),
        ("z6", "shutter-speed", 0xD100),
        ("z9", "shutter-speed", 0x500D),
        ("z6", "prop-500f", 0x500F),
        ("z6", "prop-500d", 0x500D),
        ("z6", "aperture", 0x5007),
        ("z6", "recording-media", 0xD10B),
        ("z6", "prop-d0e0", 0xD0E0),
    ],
)
def test_a_name_means_the_property_that_says_most(body: str, name: str, code: int) -> None:
    names, described = names_of(body)
    assert code in described
    assert (names.code(name), names.name(code)) == (code, name)


def test_iso_beyond_65535() -> None:
    assert texts("z6", "iso")[-4:] == ["64000", "81200", "102400", "204800"]


def test_exposure_times() -> None:
    times = texts("z6", "shutter-speed")
    assert times[:3] == ["1/8000", "1/6400", "1/5000"]
    assert times[times.index("1/3") :] == [
        *("1/3", "1/2.5", "1/2", "1/1.6", "1/1.3", "1", "1.3", "1.6", "2", "2.5", "3", "4", "5", "6", "8", "10", "13"),
        *("15", "20", "25", "30", "x-sync"),
    ]
    assert texts("j5", "shutter-speed")[:2] == ["bulb", "30"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1/125", 0x1007D),
        ("1/2.5", 10 << 16 | 25),
        ("0.4", 10 << 16 | 25),
        ("0.8", 10 << 16 | 13),
        ("1.3s", 13 << 16 | 10),
        ('30"', 30 << 16 | 1),
        ("2.5", 25 << 16 | 10),
        ("x-sync", 0xFFFFFFFE),
    ],
)
def test_times_that_are_meant(text: str, value: int) -> None:
    names, described = names_of("z6")
    description = described[0xD100]
    assert read_value(description, text, Maker.NIKON, names.notation(description)) == value


@pytest.mark.parametrize("text", ["1/9999", "7", "45", "bulb", "fast", "1/0", ""])
def test_times_that_the_body_does_not_offer(text: str) -> None:
    names, described = names_of("z6")
    description = described[0xD100]
    with pytest.raises(InvalidValue):
        read_value(description, text, Maker.NIKON, names.notation(description))


@pytest.mark.parametrize(
    ("body", "name", "text"),
    [
        ("d850", "light-meter", "-0.7"),
        ("d300s", "light-meter", "-2.7"),
        ("z6", "light-meter", "-5"),
        ("z6-2", "level", "0.6"),
        ("d6", "level", "-0.8"),
        ("z6", "level", "0.0"),
        ("z6", "color-temperature", "5000K"),
        ("d90", "color-temperature", "20"),
        ("z6", "lens-longest", "70mm"),
        ("z6", "lens-aperture-longest", "f/4"),
        ("d850", "active-d-lighting", "off"),
        ("d780", "active-d-lighting", "0"),
        ("d90", "autofocus-mode", "af-a"),
        ("d90", "exposure-mode", "night-landscape"),
        ("z6", "exposure-mode", "program"),
        ("d90", "battery-level", "40%"),
        ("z6", "free-shots", "9751"),
        ("z30", "image-quality", "fine"),
        ("zf", "white-balance", "natural-light-auto"),
    ],
)
def test_values_as_a_photographer_writes_them(body: str, name: str, text: str) -> None:
    names, described = names_of(body)
    description = described[names.code(name) or 0]
    assert write_value(description, description.current, Maker.NIKON, names.notation(description)) == text


def test_flash_compensation_in_thirds() -> None:
    names, described = names_of("z6")
    description = described[0xD126]
    own = names.notation(description)
    assert [write_value(description, value, Maker.NIKON, own) for value in (-18, -2, 2, 4, 6)] == [
        "-3",
        "-0.3",
        "+0.3",
        "+0.7",
        "+1",
    ]
    assert read_value(description, "-0.7", Maker.NIKON, own) == -4


@pytest.mark.parametrize(
    ("body", "single", "double"),
    [
        ("z6", {0, 1, 2, 3, 4, 5, 6, 7}, {8, 9, 10, 11, 12, 13}),
        ("z30", {0, 2, 4, 7}, {8, 10, 12}),
        ("d90", {0, 1, 2, 4}, {5, 6, 7}),
        ("d40x", {0, 1, 2, 3}, {4}),
    ],
)
def test_raw_and_jpeg_are_two_files(body: str, single: set[int], double: set[int]) -> None:
    form = descriptions(body)[0x5004].form
    assert isinstance(form, Enumeration)
    offered = [value for value in form.values if isinstance(value, int)]
    assert {value for value in offered if files_of_quality(value, offered) == 1} == single
    assert {value for value in offered if files_of_quality(value, offered) == 2} == double


def test_seconds_of_a_time() -> None:
    assert exposure_seconds(0x10019) == 1 / 25
    assert exposure_seconds(25 << 16 | 10) == 2.5
    assert [exposure_seconds(value) for value in (0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD, 0x10000)] == [None] * 4


def test_an_enumeration_of_60_000_values_is_named_without_delay() -> None:
    values = tuple(range(60_000))
    description = DevicePropDesc(0xD0B4, DataType.UINT32, True, 5, 5, Enumeration(values))
    names = NikonNames([0xD0B4])
    assert len(write_values(description, values, Maker.NIKON, names.notation(description))) == 60_000


def test_a_row_that_does_not_apply_leaves_numbers() -> None:
    description = DevicePropDesc(0xD01E, DataType.UINT16, True, 15, 15, Range(0, 30, 1))
    assert NikonNames([0xD01E]).notation(description) is None


def rows() -> list[tuple[list[str], list[int], str]]:
    """Return the rows of the README's table of settings: names, properties, and from where they are known."""
    text = (ROOT / "camfs/protocols/nikon/README.md").read_text("utf-8")
    section = text.partition("\n## Properties\n")[2].partition("\n## ")[0]
    found = []
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 5:
            names = re.findall(r"`([^`]+)`", cells[0])
            found.append((names, [int(code, 16) for code in re.findall(r"\b[5D][0-9A-F]{3}\b", cells[1])], cells[4]))
    return found


def test_the_table_of_settings_names_properties_that_bodies_have() -> None:
    """Each name stands for its property on a body that has it; each row says from where it is known."""
    present = {code for body in bodies() for code in descriptions(body)}
    assert len(rows()) > 20
    for names, codes, origin in rows():
        assert origin, names
        assert set(codes) <= present, names
        for name in names:
            if name not in ("destination", ".clock"):
                assert NikonNames(codes).code(name) in codes, name


def test_the_table_of_settings_counts_the_bodies_rightly() -> None:
    """Where a row gives one property and one number of tables, that many of the twenty bodies have it."""
    counts = Counter(code for body in bodies() for code in descriptions(body))
    checked = 0
    for names, codes, origin in rows():
        numbers = re.findall(r"\b(\d+)\b", re.sub(r"D\d+\w*|Z \d+\w*|8019|8016|D10B: ", "", origin))
        if len(codes) == 1 and len(numbers) == 1:
            assert counts[codes[0]] == int(numbers[0]), names
            checked += 1
    assert checked >= 12


def test_the_table_of_settings_says_what_cannot_be_written() -> None:
    """No body lets those be written, and some body lets each of the others."""
    text = (ROOT / "camfs/protocols/nikon/README.md").read_text("utf-8")
    writable = {code for body in bodies() for code, description in descriptions(body).items() if description.writable}
    for names, codes, _ in rows():
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{names[0]}`")]
        says_no = line.strip("|").split("|")[3].strip() == "no"
        assert says_no == writable.isdisjoint(codes), names


def test_every_row_of_the_code_is_in_the_table() -> None:
    told = {code for _, codes, _ in rows() for code in codes}
    assert {row.code for row in NIKON_SETTINGS} <= told

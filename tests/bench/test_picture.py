"""The picture is an SVG, and its bars are as long as they should be."""

from xml.etree import ElementTree

import pytest

from tests.bench.picture import BAR, COLOURS, LABELS, LONGEST, SPACE, STUB, WIDTH, length, picture
from tests.bench.programs import CAMFS, PACKAGES
from tests.bench.rows import Round
from tests.bench.table import compare

SVG = "{http://www.w3.org/2000/svg}"

ROUNDS: list[Round] = [
    {"camfs": {"a <b> & c": 1.0, "RSS": 90}, "gphotofs": {"a <b> & c": 10.0, "RSS": 9}, "jmtpfs": {"RSS": 90}},
]


def test_each_program_has_a_colour_of_its_own() -> None:
    assert len({COLOURS[name] for name in (CAMFS, *PACKAGES)}) == 5


def test_a_bar_a_program_and_row_within_the_picture() -> None:
    root = ElementTree.fromstring(picture({"one & two": compare(ROUNDS), "three": compare(ROUNDS)}))
    assert root.tag == f"{SVG}svg"
    bars = [each for each in root.iter(f"{SVG}rect") if each.get("height") == str(BAR - 1)]
    assert len(bars) == 2 * 5  # the first row has no jmtpfs
    assert all(float(bar.attrib["x"]) + float(bar.attrib["width"]) < WIDTH for bar in bars)
    assert all(float(each.attrib["y"]) <= float(root.attrib["height"]) for each in root.iter(f"{SVG}text"))
    texts = [each.text for each in root.iter(f"{SVG}text")]
    assert {"one & two", "three", "a <b> & c", "10"} <= set(texts)
    assert [float(bar.attrib["width"]) for bar in bars[:2]] == pytest.approx([length(1), length(10)], abs=0.1)


def test_lengths_are_logarithms() -> None:
    assert length(1) == length(0.5) == STUB
    assert length(100) - length(10) == pytest.approx(length(10) - length(1))
    assert length(LONGEST) == length(LONGEST * 10) == SPACE
    assert LABELS + SPACE < WIDTH

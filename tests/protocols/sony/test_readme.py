"""The table of settings in the README, held against the table in the code and against the bodies that have each property."""

import re
from pathlib import Path

from camfs.protocols.sony.settings import SONY_SETTINGS
from tests.protocols.sony.samples import properties, tables

README = Path(__file__).parents[3] / "camfs/protocols/sony/README.md"


def rows() -> dict[str, tuple[int, str]]:
    """Return the rows of the table by name: property, and what it says of bodies."""
    found = {}
    text = README.read_text().partition("| setting | property |")[2].partition("\n\n")[0]
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        names = re.findall(r"`([\w.-]+)`", cells[0])
        codes = [int(code, 16) for code in re.findall(r"\b[5D][0-9A-F]{3}\b", cells[1])] if names else []
        for name, code in zip(names, codes, strict=False):
            found[name] = (code, cells[3])
    return found


def test_each_setting_has_its_row() -> None:
    told = rows()
    assert {row.name: int(row.code) for row in SONY_SETTINGS} == {
        row.name: told[row.name][0] for row in SONY_SETTINGS if row.name in told
    }


def test_the_numbers_of_bodies_are_true() -> None:
    bodies = {body: {int(row["code"], 16) for row in table} for body, table in tables().items()}
    bodies["a7sm3"] = set(properties("a7sm3-9209"))
    bodies["a6000"] |= set(properties("a6000-9209"))
    assert len(bodies) == 14
    for name, (code, said) in rows().items():
        count = sum(code in codes for codes in bodies.values())
        expected = "alone" if count == 1 else rf"\b{count}\b"
        assert re.search(expected, said) or (count == 1 and re.search(r"\b1\b|empty", said)), f"{name}: {count}, {said}"
        for body, words in (("a7sm3", "A7S III"), ("a6000", "A6000")):
            if said.startswith(words):
                assert code in bodies[body], name

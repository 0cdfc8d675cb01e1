"""The table of settings in the README, held against the table in the code and against the bytes of the bodies that it names."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from camfs.protocols.canon_eos.settings import SETTINGS, Setting
from tests.protocols.canon_eos.payloads import payloads
from tests.protocols.canon_eos.test_settings import state_of

README = Path(__file__).parents[3] / "camfs/protocols/canon_eos/README.md"

BODIES = {
    "eos-60d-a": "A",
    "eos60d-b": "B",
    "eos1300d": "C",
    "eos5dmark3": "D",
    "eos5drs": "E",
    "eos-m50": "F",
    "eos-m6-mark2": "G",
    "eos-m3": "H",
    "eos-m6-9": "I",
    "g5x": "J",
    "g9xmark2": "K",
    "sx720hs": "L",
    "sx740hs": "M",
}
"""How the names of their payloads begin, and their letters in the table."""

ROW = re.compile(r"\| ([\w-]+) \| (\w{4}) \| (\w*) ?\| (\w*) ?\| (yes|no)[^|]*\|")


def rows() -> dict[str, tuple[str, str, str, str]]:
    """Return the rows of the table by name: property, values, lists, whether it is written."""
    text = README.read_text().partition("| setting | property |")[2]
    return {match[1]: (match[2], match[3], match[4], match[5]) for match in ROW.finditer(text)}


def test_the_table_has_each_setting_once() -> None:
    assert list(rows()) == [setting.name for setting in SETTINGS]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_row_is_true(setting: Setting) -> None:
    told: dict[str, set[str]] = defaultdict(set)
    for name, data in payloads("*9116*").items():
        letter = next((letter for begins, letter in BODIES.items() if name.startswith(begins)), None)
        if letter is not None:
            values, lists = state_of(data)
            if setting.code in values:
                told["values"].add(letter)
            if lists[setting.code]:
                told["lists"].add(letter)
    code, values_of, lists_of, is_written = rows()[setting.name]
    assert int(code, 16) == setting.code
    assert values_of == "".join(sorted(told["values"]))
    assert lists_of == "".join(sorted(told["lists"]))
    if setting.read_only:
        assert is_written == "no"

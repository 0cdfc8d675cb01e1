"""Texts for people: nothing in them that a terminal obeys, whatever a device has said."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.printable import printable, printable_lines

BAD = ("Cc", "Cf", "Cs", "Zl", "Zp")
JOINERS = "\u200c\u200d"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("SIGMA fp", "SIGMA fp"),
        ("", ""),
        ("ä Ω 你好 🎞 👨\u200d👩 \U000fabcd", "ä Ω 你好 🎞 👨\u200d👩 \U000fabcd"),
        ("\x1b[2J\x1b]0;title\x07", "?[2J?]0;title?"),
        ("\x9b31m\x7f\x85", "?31m??"),
        ("two\nlines\r", "two?lines?"),
        ("gpj.\u202eexe \u2066\ufeff\u2028\xad", "gpj.?exe ????"),
        ("\ud800\udcff", "??"),
    ],
)
def test_examples(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters(codec=None)))
def test_whatever_a_device_says(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert not [letter for letter in shown if unicodedata.category(letter) in BAD and letter not in JOINERS]
    assert printable(shown) == shown
    shown.encode()


def test_lines_stay_lines() -> None:
    assert printable_lines("a\x1b: b\nc: d\r\n") == "a?: b\nc: d?\n"

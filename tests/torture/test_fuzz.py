"""A round of the fuzzing, and that it notices what it looks for."""

import random

import pytest

from camfs.errors import RemoteProtocolError
from tests.torture import fuzz
from tests.torture.outcome import Counts, DidNotHold
from tests.torture.targets import TARGETS, Target, script, steps

BROKEN = {"DeviceInfo", "SIGMA capture status", "SIGMA pictures"}
"""Targets among whose samples some are cut, or cleared."""


@pytest.mark.parametrize("name", [name for name in TARGETS if not name.startswith("SIGMA") and name not in BROKEN])
def test_samples_are_understood(name: str) -> None:
    for sample in TARGETS[name].samples:
        assert TARGETS[name].try_input(sample), sample.hex()


def test_a_round_of_mutations() -> None:
    counts = Counts({"inputs": 0, "understood": 0})
    fuzz.mutate_all(0.0, 1, counts)
    assert counts["inputs"] > 200 * len(TARGETS)
    assert 0 < counts["understood"] < counts["inputs"]


def test_mutations_are_of_all_kinds() -> None:
    choices = random.Random(1)
    found = {fuzz.mutated(choices, b"0123456789", [b"abc"]) for _ in range(500)}
    assert len(found) > 300
    assert len({len(data) for data in found}) > 20


def test_errors_that_are_not_documented_are_crashes() -> None:
    def fails(data: bytes) -> None:
        raise (RemoteProtocolError if data == b"bad" else IndexError)("no such byte")

    assert not fuzz.try_one("it", Target(fails), b"bad")
    with pytest.raises(DidNotHold, match="IndexError: no such byte, for 00ff"):
        fuzz.try_one("it", Target(fails), b"\0\xff")


def test_what_takes_too_long_does_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz, "MOST_SECONDS", -1.0)
    with pytest.raises(DidNotHold, match="s for 00"):
        fuzz.try_one("it", Target(len), b"\0")


def test_scripts_are_read_as_they_were_written() -> None:
    parts = [(0, b""), (9, b"\xd1" * 300), (255, b"x")]
    assert list(steps(script(*parts))) == parts
    assert list(steps(b"\1\5\0ab")) == [(1, b"ab")]

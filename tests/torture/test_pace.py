"""Limits of time on a busy machine."""

import pytest

from tests.torture import pace


@pytest.mark.parametrize(
    ("busy", "taken", "too_long"), [(1.0, 20, False), (1.0, 23, True), (30.0, 23, False), (30.0, 81, True)]
)
def test_limits_are_longer_on_a_busy_machine(
    busy: float, taken: float, too_long: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "slowdown", lambda: busy)
    assert pace.is_too_long(taken, 20) is too_long


def test_a_look_at_the_machine() -> None:
    assert pace.slowdown() >= 1

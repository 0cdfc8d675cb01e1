"""The log of failures: each once, a few in all, and the rest counted."""

import pytest
import trio
from trio.testing import MockClock

from camfs.mount.failures import MOST, PERIOD, FailureLog


async def test_the_same_failure_is_logged_once_and_counted(
    caplog: pytest.LogCaptureFixture, mock_clock: MockClock
) -> None:
    failures = FailureLog()
    for _ in range(1000):
        failures.note("no")
        failures.note("never")
    assert caplog.messages == ["no", "never"]
    mock_clock.jump(PERIOD)
    failures.note("no")
    assert caplog.messages[2:] == ["no (999 more times)", "never (999 more times)", "no"]


async def test_thousands_of_different_failures_are_a_few_lines(caplog: pytest.LogCaptureFixture) -> None:
    failures = FailureLog()
    for number in range(5000):
        failures.note(f"object {number:#x}: refused")
    assert len(caplog.messages) == MOST
    failures.flush()
    assert caplog.messages[MOST:] == [f"{5000 - MOST} more failures, which are not logged"]
    failures.flush()
    assert len(caplog.messages) == MOST + 1
    await trio.lowlevel.checkpoint()

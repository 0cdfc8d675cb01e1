"""A clock that jumps: nothing between driver and emulated camera takes real time but the disk, and that is not waited for."""

from collections.abc import Callable
from typing import TypeVar

import pytest
import trio.testing

T = TypeVar("T")


async def _at_once(function: Callable[..., T], *arguments: object) -> T:
    """Run a function here instead of in a thread, during which the clock would jump to whatever is due next."""
    await trio.lowlevel.checkpoint()
    return function(*arguments)


@pytest.fixture
def jumping_clock(monkeypatch: pytest.MonkeyPatch) -> trio.testing.MockClock:
    """Time passes when nothing else is left to happen."""
    monkeypatch.setattr(trio.to_thread, "run_sync", _at_once)
    return trio.testing.MockClock(autojump_threshold=0)

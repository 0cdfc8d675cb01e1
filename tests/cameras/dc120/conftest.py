"""A clock that jumps: between driver and emulated camera nothing is real but the disk."""

import pytest
import trio.testing


@pytest.fixture
def jumping_clock() -> trio.testing.MockClock:
    """Time passes when nothing else has happened for a moment: threads that look at the disk get theirs."""
    return trio.testing.MockClock(autojump_threshold=0.01)

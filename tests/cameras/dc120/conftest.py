"""A clock that jumps: nothing between driver and emulated camera takes real time but the disk."""

import pytest
import trio.testing


@pytest.fixture
def jumping_clock() -> trio.testing.MockClock:
    """Time passes when nothing has happened for a moment, which leaves time for threads that read the disk."""
    return trio.testing.MockClock(autojump_threshold=0.01)

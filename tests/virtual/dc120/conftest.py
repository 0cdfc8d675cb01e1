"""A clock that jumps, with patience for the kernel: bytes take a moment through a pseudo-terminal."""

import pytest
import trio.testing


@pytest.fixture
def jumping_clock() -> trio.testing.MockClock:
    """Time passes when nothing else has happened for a fifth of a second."""
    return trio.testing.MockClock(autojump_threshold=0.2)

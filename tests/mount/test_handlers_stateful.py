"""The handlers in any order while the camera changes, against a model of camera and kernel: `tests/torture/stateful`, bounded."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.torture.stateful import Handlers, small_blocks


@pytest.fixture(autouse=True)
def blocks() -> Iterator[None]:
    with small_blocks():
        yield


TestHandlers = Handlers.TestCase
TestHandlers.settings = settings(max_examples=60, stateful_step_count=40, suppress_health_check=list(HealthCheck))

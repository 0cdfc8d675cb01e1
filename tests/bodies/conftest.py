"""The bodies that a run is about."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from tests.bodies.facts import Body, bodies


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes a body for a sample of them, or with `--all-bodies` for all."""
    if "body" in metafunc.fixturenames:
        chosen = bodies() if metafunc.config.getoption("all_bodies") else sample()
        metafunc.parametrize("body", chosen, ids=str)


def sample() -> list[Body]:
    """Return one body of each maker that takes part in the settings' values, and every twentieth of the others."""
    found: dict[str, Body] = {}
    for body in bodies():
        if body.described or body.refused:
            found.setdefault(body.info.manufacturer, body)
    return [*found.values(), *(body for body in bodies()[::20] if body not in found.values())]


@pytest.fixture
def jumping_clock(monkeypatch: pytest.MonkeyPatch) -> trio.testing.MockClock:
    """Time passes when nothing else is left to happen, and the disk is used without threads, which the clock would not wait for."""

    async def at_once(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        await trio.lowlevel.checkpoint()
        return function(*args)

    monkeypatch.setattr(trio.to_thread, "run_sync", at_once)
    return trio.testing.MockClock(autojump_threshold=0)

"""The bodies that a run is about."""

import pytest

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

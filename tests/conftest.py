"""What all tests share: how hypothesis runs (without time limits, the same examples each time; `--hypothesis-profile=explore` looks for
new ones), that nothing is left in the user's own folders, that SIGINT does what it does in a terminal, and a clock that jumps."""

import signal
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest
import trio
import trio.testing
from hypothesis import settings

T = TypeVar("T")

settings.register_profile("check", deadline=None, derandomize=True, print_blob=True)
settings.register_profile("explore", deadline=None, max_examples=5000, print_blob=True)
settings.load_profile("check")

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # so it is in a shell's background, and would be in all that tests start
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def user_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have camfs, also in processes of its own, keep in folders of the tests what it keeps for the user: shots, its GUID, pictures."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option for the long form of `tests/bodies`."""
    parser.addoption(
        "--all-bodies", action="store_true", help="mount all real bodies, not only a sample (tests/bodies)"
    )


async def _at_once(function: Callable[..., T], *arguments: object) -> T:
    await trio.lowlevel.checkpoint()
    return function(*arguments)


@pytest.fixture
def without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run what belongs into a thread at once instead: a jumping clock does not see threads, and takes their work for silence."""
    monkeypatch.setattr(trio.to_thread, "run_sync", _at_once)


@pytest.fixture
def jumping_clock(without_threads: None) -> trio.testing.MockClock:
    """Time passes when nothing else is left to happen, and only then."""
    return trio.testing.MockClock(autojump_threshold=0)

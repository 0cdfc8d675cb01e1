"""Files that camfs is held against and does not contain, because they are other people's: pictures, recordings of USB traffic.

They lie in the folder `shared` beside the checkout where camfs is developed and in its CI; a user's clone has none of them.
A test that needs one asks here, so that it is skipped with that reason in a clone and fails where the file is missing in CI.
"""

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared"

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


def shared(path: str) -> Path:
    """Return a file or folder of `shared`, skipping the test that asks for it where it is not there.

    Args:
        path: below `shared`, for example `samples/dc120/flash-low.kdc`.
    """
    found = SHARED / path
    if not found.exists():
        missing(path)
    return found


def shared_files(pattern: str) -> list[Path]:
    """Return the files of `shared` that a glob pattern matches, sorted by path, at least one; skips as `shared` does."""
    found = sorted(SHARED.glob(pattern))
    if not found:
        missing(pattern)
    return found


def missing(path: str) -> None:
    """Skip the test, or fail it in CI, because a file of `shared` is not there."""
    reason = f"needs ../shared/{path}, which a clone of the repository alone does not have"
    if IN_CI:
        pytest.fail(reason)
    pytest.skip(reason)

"""A folder for what other people's programs fetch."""

from pathlib import Path

import pytest


@pytest.fixture
def into(tmp_path: Path) -> Path:
    """Return a folder to fetch into."""
    folder = tmp_path / "fetched"
    folder.mkdir()
    return folder

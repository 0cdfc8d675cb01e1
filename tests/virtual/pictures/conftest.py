"""Generated pictures on disk."""

from pathlib import Path

import pytest

from tests.virtual.pictures.shots import GENERATED


@pytest.fixture(params=["JPG", "DNG"])
def generated(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A generated picture on disk."""
    path = tmp_path / f"SDIM0042.{request.param}"
    path.write_bytes(GENERATED[request.param])
    return path

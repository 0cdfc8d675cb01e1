"""What the mounted tests share: folders of files, mount points, and a mount of all that is awkward."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mounted.contents import make_awkward
from tests.mounted.mount import Mount, mounted


@pytest.fixture(scope="session")
def awkward(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of awkward files; nobody changes it."""
    folder = tmp_path_factory.mktemp("awkward")
    make_awkward(folder)
    return folder


@pytest.fixture(scope="module")
def awkward_mount(awkward: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mount]:
    """Mount the awkward folder for all tests of a module."""
    with mounted(f"virtual:sigma-fp?card={awkward}", tmp_path_factory.mktemp("mount") / "camera") as mount:
        yield mount


@pytest.fixture
def card(awkward_mount: Mount) -> Iterator[Path]:
    """Return the card of the awkward folder's mount, and see afterwards that camfs had nothing to say."""
    yield awkward_mount.path / "card"
    awkward_mount.check_log()


@pytest.fixture
def camera(tmp_path: Path) -> Path:
    """Return a mount point."""
    point = tmp_path / "camera"
    point.mkdir()
    return point


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder to put on a card."""
    made = tmp_path / "folder"
    made.mkdir()
    return made


@pytest.fixture
def open_place() -> Iterator[Path]:
    """Return a directory that every user may enter."""
    place = Path(tempfile.mkdtemp(prefix="camfs-"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)

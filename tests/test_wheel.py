"""A wheel contains the units and the rule, and the manual page and the completions, which are made in the build and not checked in."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from camfs.commands import manual, units

ROOT = Path(__file__).parent.parent
SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE", "systemd", "camfs")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Build a wheel from a copy of the sources, because a build leaves folders behind."""
    place = tmp_path_factory.mktemp("build")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, place / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, place)
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(place / "made")]
    command = [sys.executable, "-m", "pip", "wheel", *options, str(place)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = (place / "made").iterdir()
    return zipfile.ZipFile(made)


def test_units(wheel: zipfile.ZipFile) -> None:
    for name in (units.RULE, *units.UNITS, "mnt-camera.mount"):
        assert wheel.read(f"camfs/systemd/{name}") == (ROOT / "systemd" / name).read_bytes()


def test_pages(wheel: zipfile.ZipFile) -> None:
    pages = {name.partition(".data/data/")[2]: name for name in wheel.namelist() if ".data/data/" in name}
    assert set(pages) == set(manual.PAGES)
    for place, make in manual.PAGES.items():
        assert wheel.read(pages[place]).decode() == make()
        assert not (ROOT / place).exists()


def test_modules(wheel: zipfile.ZipFile) -> None:
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "camfs").rglob("*.py")}
    assert {name for name in wheel.namelist() if name.endswith(".py")} == modules
    assert "camfs/py.typed" in wheel.namelist()


def test_it_is_enough(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """An installed package finds its own files."""
    wheel.extractall(tmp_path)
    script = "import camfs; from camfs.commands import units; print(camfs.__file__); units.contents('camfs@.service', ['camfs'])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/camfs/__init__.py\n")

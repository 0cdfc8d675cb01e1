"""pipx and uv install camfs as README says, twice, so that `camfs` and its manual page are found; afterwards nothing is left.

Both fetch from PyPI what camfs needs, and build pyfuse3. They use the caches of whoever runs the tests.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import camfs
from camfs.commands import manual
from tests.test_wheel import SOURCES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")

PAGES = re.search(r"^    (\S.* -m camfs\.commands\.manual) ~/\.local$", README, re.MULTILINE)
"""How README installs the manual page and the completions."""


def command_of(task: str, column: int) -> str:
    """Return a command of README's table of installers."""
    (row,) = re.findall(rf"^\| {task} \|.*$", README, re.MULTILINE)
    (command, *_) = re.findall(r"`([^`]+)`", row.split("|")[column])
    return str(command).removeprefix("git pull && ")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of the sources, because a build leaves folders behind."""
    place = tmp_path / "checkout"
    place.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, place / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, place)
    return place


def environment(home: Path) -> Mapping[str, str]:
    """Return the environment of a user whose home is new, and who has the installers."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VIRTUAL_ENV", "PIPX_", "XDG_"))}
    return {
        **kept,
        "HOME": str(home),
        "PATH": f"{home}/.local/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:{Path(sys.executable).parent}",
        "PIP_CACHE_DIR": str(caches / "pip"),
        "UV_CACHE_DIR": str(caches / "uv"),
        "MANPATH": "",
    }


@pytest.mark.parametrize(("tasks", "column"), [(["upgrade"], 2), (["install", "upgrade"], 3)], ids=["pipx", "uv"])
def test_installing_upgrading_and_uninstalling(checkout: Path, tmp_path: Path, tasks: list[str], column: int) -> None:
    """What upgrades with pipx is also what installs in README's first lines."""
    home = tmp_path / "home"
    home.mkdir()

    def shell(command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command], cwd=checkout, env=environment(home), capture_output=True, text=True, timeout=600
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    for task in tasks:
        shell(command_of(task, column))
    assert shell("command -v camfs") == f"{home}/.local/bin/camfs"
    assert shell("camfs -V") == f"camfs {camfs.__version__}"
    assert "ok    libusb 1.0 works" in shell("camfs --doctor || true")
    assert PAGES is not None
    written = shell(f"{PAGES[1]} ~/.local").splitlines()
    assert written == [f"{home}/.local/{place}" for place in manual.PAGES]
    assert shell("man -w camfs") == f"{home}/.local/share/man/man1/camfs.1"
    shell(f"{PAGES[1]} --remove ~/.local")
    shell(command_of("uninstall", column))
    left = [path for path in (home / ".local").rglob("*camfs*") if not path.is_dir() and "log" not in str(path)]
    assert left == []

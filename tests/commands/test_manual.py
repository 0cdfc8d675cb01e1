"""The manual page and the completions are complete, and the programs that read them accept them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from camfs.commands import manual
from camfs.commands.arguments import FLAGS
from camfs.commands.options import OPTIONS
from camfs.commands.sources import FORMS

ROOT = Path(__file__).parents[2]

BASH = """\
source "$1"
compopt() { :; }
camfs() { printf 'usb:1003:c432   SIGMA fp\\nusb:91403727   other\\n'; }
COMP_LINE=$2 COMP_POINT=${#2}
_camfs
printf '%s\\n' "${COMPREPLY[@]}"
"""


def output(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a program, which must succeed without a word on stderr."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    """Make the pages as a build does, without any installed package."""
    command = [sys.executable, "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); import runpy; "]
    command[-1] += (
        f"sys.argv = ['x', {str(tmp_path)!r}]; runpy.run_module('camfs.commands.manual', run_name='__main__')"
    )
    written = output(*command).splitlines()
    assert written == [str(tmp_path / place) for place in manual.PAGES]
    return tmp_path / "share"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["a", "b"], ["--remove"], ["--remove", "--remove"]])
def test_wrong_arguments(tmp_path: Path, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "camfs.commands.manual", *arguments]
    path = os.pathsep.join((str(ROOT), *filter(None, sys.path)))
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (1, "usage: python -m camfs.commands.manual [--remove] PREFIX\n")
    assert list(tmp_path.iterdir()) == []


def test_removing_them(pages: Path) -> None:
    other = pages / "man/man1/other.1"
    other.touch()
    assert manual.remove(pages.parent) == [pages.parent / place for place in manual.PAGES]
    assert [path for path in pages.rglob("*") if path.is_file()] == [other]
    assert manual.remove(pages.parent) == []


def test_manual_page(pages: Path) -> None:
    """It renders without a warning, and has everything that can be typed as it is typed, with hyphens that can be copied."""
    text = output("groff", "-ww", "-man", "-Tascii", "-P-cbou", "-rLL=200n", pages / "man/man1/camfs.1")
    words = [
        *(form.text for form in FORMS),
        *(each.flag for each in FLAGS),
        *(each.name for each in OPTIONS),
        "~/.config/camfs/camera.conf",
    ]
    assert [word for word in words if word not in text] == []
    for title in ("NAME", "SYNOPSIS", "SOURCES", "OPTIONS", "MOUNT OPTIONS", "EXIT STATUS", "FILES", "EXAMPLES"):
        assert f"\n{title}\n" in text
    for meaning in (*(each.help for each in (*FLAGS, *OPTIONS)), *(form.meaning for form in FORMS)):
        assert meaning.replace("…", "...") in " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "written"), [(".status", "\\&.status"), ("'a", "\\&'a"), ("a\\b-c", "a\\eb\\-c"), ("~/cam", "\\(ti/cam")]
)
def test_what_roff_would_take_for_commands(text: str, written: str) -> None:
    assert manual._roff(text) == written


def complete_in_bash(pages: Path, line: str, cwd: Path | None = None) -> list[str]:
    """Return what bash offers after a line; it ends words at colons and equals signs, and replaces only the last word."""
    found = output("bash", "--norc", "-c", BASH, "bash", pages / "bash-completion/completions/camfs", line, cwd=cwd)
    return found.split("\n")[:-1]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("camfs --l", ["--list"]),
        ("camfs --inst", ["--install-units"]),
        ("camfs -o ro,allow_d", ["ro,allow_delete"]),
        ("camfs -f -o tz", ["tz="]),
        ("camfs virt", ["virtual:sigma-fp", "virtual:nikon", "virtual:canon-eos", "virtual:ptp", "virtual:dc120"]),
        ("camfs virtual:s", ["sigma-fp"]),
        ("camfs -o allow_delete virtual:d", ["dc120"]),
        ("camfs usb:1003:", ["c432"]),
        ("camfs usb:9", ["91403727"]),
        ("camfs usb:", ["1003:c432", "91403727"]),
        ("camfs usb: wi", [""]),  # left to bash itself
        ("camfs serial:fi", ["file"]),
        ("camfs nothing", [""]),
    ],
)
def test_bash(pages: Path, tmp_path: Path, line: str, offered: list[str]) -> None:
    place = tmp_path / "place"
    (place / "with blank").mkdir(parents=True)
    (place / "file").touch()
    assert complete_in_bash(pages, line, place) == offered


def test_bash_offers_everything(pages: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    (place / "cam").mkdir(parents=True)
    offered = complete_in_bash(pages, "camfs ", place)
    assert {"usb:", "serial:", "virtual:sigma-fp", "cam/"} <= set(offered)
    assert {each.flag for each in FLAGS if len(each.flag) > 2} <= set(complete_in_bash(pages, "camfs --"))
    offered = complete_in_bash(pages, "camfs -o ")
    assert {each.name + ("=" if each.value else "") for each in OPTIONS} <= set(offered)


def test_zsh_can_read_it(pages: Path) -> None:
    output("zsh", "-n", pages / "zsh/site-functions/_camfs")


def test_fish(pages: Path) -> None:
    def complete(line: str) -> dict[str, str]:
        script = f"source {pages / 'fish/vendor_completions.d/camfs.fish'}; complete -C '{line}'"
        lines = output("fish", "--no-config", "-c", script).splitlines()
        return {word: help_text for word, _, help_text in (each.partition("\t") for each in lines)}

    assert complete("camfs --li") == {"--list": "list the cameras that are found, one SOURCE per line"}
    assert complete("camfs -o ro,allow_d") == {"ro,allow_delete": "rm deletes on the camera; without it, rm fails"}
    assert set(complete("camfs virt")) == {
        "virtual:sigma-fp",
        "virtual:nikon",
        "virtual:canon-eos",
        "virtual:ptp",
        "virtual:dc120",
    }
    assert complete("camfs -o ro,allow_o") == {"ro,allow_other": "passed on to FUSE"}

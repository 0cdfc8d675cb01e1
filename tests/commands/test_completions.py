"""The completions in shells that somebody types into: what is inserted has to work as it stands."""

import os
import pty
import subprocess
from pathlib import Path

import pytest

from camfs.commands import manual
from tests.mounted.mount import mounted

CAMFS = """\
#!/bin/sh
if [ "$1" = --list ]; then
    printf 'usb:1003:c432         SIGMA fp   serial 91403727   free\\nserial:/dev/ttyUSB0   FT         serial A          free\\n'
else
    printf '<%s>' "$@" >>"$SAID"
    echo >>"$SAID"
fi
"""
"""Stands in for camfs: shows what it was called with."""

BASH_COMPLETION = "/usr/share/bash-completion/bash_completion"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder to type in, with the completions, a camfs that only says what it was given, and awkward names."""
    manual.write(tmp_path / "prefix")
    for name in ("bin", "with blank", "usbdir"):
        (tmp_path / name).mkdir()
    (tmp_path / "bin/camfs").write_text(CAMFS)
    (tmp_path / "bin/camfs").chmod(0o755)
    return tmp_path


def type_into(shell: list[str], place: Path, lines: list[str]) -> list[str]:
    """Type lines into a shell on a terminal of its own; return what the stub of camfs was called with."""
    said = place / "said"
    said.touch()
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(place)
        path = f"{place / 'bin'}:{os.environ['PATH']}"
        os.execvpe(
            shell[0], shell, {"PATH": path, "HOME": str(place), "TERM": "dumb", "SAID": str(said), "LC_ALL": "C.UTF-8"}
        )
    os.write(terminal, "".join(f"{line}\n" for line in [*lines, "exit"]).encode())
    shown = b""
    try:
        while got := os.read(terminal, 1 << 16):
            shown += got
    except OSError:  # how Linux says that the shell has left its terminal
        pass
    finally:
        os.close(terminal)
        os.waitpid(child, 0)
    print(shown.decode(errors="replace"))
    return said.read_text().splitlines()


TYPED = {
    "camfs usb:1\tx": ["usb:1003:c432", "x"],
    "camfs usb:1003:\tx": ["usb:1003:c432", "x"],
    "camfs virtual:s\tx": ["virtual:sigma-fp", "x"],
    "camfs serial:/dev/ttyU\tx": ["serial:/dev/ttyUSB0", "x"],
    "camfs serial:wi\t": ["serial:with blank/"],
    "camfs ser\t/dev/null": ["serial:/dev/null"],
    "camfs vir\tptp": ["virtual:ptp"],
    "camfs wi\t": ["with blank/"],
    "camfs usb: wi\t": ["usb:", "with blank/"],
}
"""What is typed, and what camfs gets."""

EXPECTED = ["".join(f"<{word}>" for word in words) for words in TYPED.values()]


@pytest.mark.parametrize("other", [":", BASH_COMPLETION])
def test_bash(place: Path, other: str) -> None:
    """Alone, and where other completions are loaded."""
    load = [f"source {other}" if other != ":" else other, "source prefix/share/bash-completion/completions/camfs"]
    assert type_into(["bash", "--norc", "-i"], place, [*load, *TYPED]) == EXPECTED


def test_zsh(place: Path) -> None:
    load = "fpath+=($PWD/prefix/share/zsh/site-functions); autoload -Uz compinit; compinit -u -D; setopt no_auto_remove_slash"
    assert type_into(["zsh", "-f", "-i"], place, [load, *TYPED]) == EXPECTED


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("camfs usb:", {"usb:", "usb:1003:c432"}),
        ("camfs serial:/dev/ttyUSB", {"serial:/dev/ttyUSB0"}),
        ("camfs serial:wi", {"serial:with blank/"}),
        ("camfs virtual:", {"virtual:sigma-fp", "virtual:nikon", "virtual:canon-eos", "virtual:ptp", "virtual:dc120"}),
        ("camfs wi", {"with blank/"}),
    ],
)
def test_fish(place: Path, typed: str, offered: set[str]) -> None:
    script = f"source prefix/share/fish/vendor_completions.d/camfs.fish; complete -C '{typed}'"
    env = {"PATH": f"{place / 'bin'}:{os.environ['PATH']}", "HOME": str(place), "SAID": "/dev/null"}
    done = subprocess.run(["fish", "--no-config", "-c", script], cwd=place, env=env, capture_output=True, text=True)
    assert {line.partition("\t")[0] for line in done.stdout.splitlines()} == offered


def test_control_files_in_bash(place: Path) -> None:
    """They are not listed, so a function of camfs's completes them, for the programs that the user names."""
    with mounted("virtual:ptp", place / "cam"):
        load = (
            "source prefix/share/bash-completion/completions/camfs; complete -o default -F _camfs_control_files camfs"
        )
        typed = [
            "camfs ~/cam/.st\t",
            "camfs cam/.setti\tiso",
            "camfs x >~/cam/.refr\t",
            "camfs ~/cam/ca\t",
            "cd cam",
            "camfs .capt\t",
        ]
        said = type_into(["bash", "--norc", "-i"], place, [load, *typed])
        assert said == [f"<{place}/cam/.status>", "<cam/.settings/iso>", "<x>", f"<{place}/cam/card/>", "<.capture>"]
        assert (place / "cam" / ".refresh").exists()


def test_all_control_files_are_known(place: Path) -> None:
    """Those of a SIGMA and of a plain camera."""
    for source in ("virtual:sigma-fp", "virtual:ptp"):
        with mounted(source, place / "cam", "show_control"):
            assert {name for name in os.listdir(place / "cam") if name.startswith(".")} <= set(
                manual.CONTROL_FILES.split()
            )

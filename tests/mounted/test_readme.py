"""README's sessions, typed as they stand there: each command works, and what is seen is what README shows."""

import os
import pwd
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.mounted.mount import mounted, run

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def session(heading: str, first: str = "") -> list[tuple[str, list[str]]]:
    """Return the commands under a heading, from the first that begins so, each with the lines that README shows after it."""
    section = re.split(rf"(?m)^#+ {re.escape(heading)}\n", README)[1]
    section = re.split(r"(?m)^#", section)[0]
    commands: list[tuple[str, list[str]]] = []
    for line in re.findall(r"(?m)^    (.*)$", section):
        if line.startswith("$ "):
            commands.append((re.sub(r"\s+# .*", "", line[2:]), []))
        elif commands:
            commands[-1][1].append(line)
    start = next(number for number, (command, _) in enumerate(commands) if command.startswith(first))
    return commands[start:]


class Shell:
    """A bash in a new home, whose user is called as in README."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        (home / "bin").mkdir()
        (home / "bin/camfs").write_text(f'#!/bin/sh\nexec {sys.executable} -m camfs "$@"\n')
        (home / "bin/camfs").chmod(0o755)
        env = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
        env |= {"HOME": str(home), "PATH": f"{home / 'bin'}:{env['PATH']}", "LC_ALL": "C.UTF-8"}
        env["PYTHONPATH"] = str(Path(__file__).parents[2])
        self._process = subprocess.Popen(
            ["bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=env,
            cwd=home,
        )

    def type(self, command: str) -> tuple[list[str], int]:
        """Type a command; return what is seen, line by line, and its exit status."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\nprintf '\\n@@@ %s\\n' $?\n")
        self._process.stdin.flush()
        seen: list[str] = []
        for line in self._process.stdout:
            if line.startswith("@@@ "):
                return [each for each in seen if each], int(line.split()[1])
            seen.append(line.rstrip("\n"))
        raise AssertionError("the shell has ended")

    def close(self) -> None:
        """End it."""
        self._process.communicate()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return where the user's home will be."""
    return tmp_path / "home"


@pytest.fixture
def shell(home: Path) -> Iterator[Shell]:
    """Start a shell, and leave no mount of its own behind."""
    started = Shell(home)
    yield started
    started.close()
    for name in ("cam", "dc120"):
        if os.path.ismount(home / name):
            run("fusermount3", "-uz", home / name)


def words(lines: Sequence[str]) -> list[str]:
    """Return the words of what is seen: ls makes columns and quotes only on a terminal, and only a script's errors have line numbers."""
    user = pwd.getpwuid(os.getuid()).pw_name
    text = re.sub(r"\bbash: line \d+:", "bash:", " ".join(lines).replace("'", "")).replace(
        f" {user} {user} ", " ana ana "
    )
    return re.sub(r"(last-error: ).*?(?=[a-z-]+: )", r"\1", text).split()  # which may have a time


def check(shell: Shell, commands: Sequence[tuple[str, list[str]]], refused: Sequence[str] = ()) -> None:
    """Type commands and compare what is seen with README; where it shows nothing, nothing but a note of camfs's may be seen.

    Args:
        shell: types.
        commands: with what README shows.
        refused: beginnings of commands that fail.
    """
    for command, shown in commands:
        seen, status = shell.type(command)
        assert (status == 0) is not command.startswith(tuple(refused) or ("\0",)), (command, seen)
        if shown or not command.startswith("camfs"):
            assert words(seen) == words(shown), command


def test_five_minutes(shell: Shell) -> None:
    """Twice, as somebody may paste them again."""
    for _ in range(2):
        check(shell, session("Five minutes"))
        shell.type("rm -r ~/pictures")


def test_sigma(shell: Shell, home: Path) -> None:
    (home / "pictures").mkdir()
    with mounted("virtual:sigma-fp", home / "cam") as mount:
        mount.tolerate("the camera kept")
        check(shell, session("The SIGMA fp and fp L"), refused=["echo 1/250"])
        assert mount.read_status()["control"] == "no"
        assert {path.suffix for path in (home / "pictures").iterdir()} == {".DNG", ".JPG"}


def test_dc120(shell: Shell, home: Path) -> None:
    (home / "dc120").mkdir()
    commands = session("The Kodak DC120")
    served = [
        (command.replace("serial:/dev/ttyUSB0", "'virtual:dc120?pace=off'"), shown) for command, shown in commands
    ]
    assert served != commands
    check(shell, served)
    assert (home / "P000001.KDC").stat().st_size > 10_000
    assert sorted(os.listdir(home / "dc120/memory"))[-1:] == ["P000003.KDC"]
    assert "Garden" in os.listdir(home / "dc120/memory")
    shell.type("camfs -u ~/dc120")

"""`--install-units`: puts the udev rule and the systemd units in their places, and tells udev and systemd.

The files are those of the folder systemd/, which lies in the package as well; a unit's `ExecStart=camfs` becomes the program that
installs it. A file that is as it should be is left alone, and where nothing changed nobody is told.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

RULE = "70-camfs.rules"
USER_UNIT = "camfs@.service"
SYSTEM_UNIT = "camfs-system@.service"
UNITS = (USER_UNIT, SYSTEM_UNIT)

EXECUTABLE = "ExecStart=camfs "
"""How the command of a unit begins in the folder systemd/."""

ROOT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where sudo and systemd look for programs."""


def _run(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


@dataclass(frozen=True)
class Computer:
    """Where things are, and how to run a command; the defaults are this computer.

    Attributes:
        root: the file system's root.
        config_home: the user's own configuration (XDG Base Directory Specification).
        runtime: the user's runtime directory, where systemd's sockets are.
        program: the words that start camfs.
        run: runs a command and says whether it worked.
    """

    root: Path
    config_home: Path
    runtime: Path
    program: Sequence[str]
    run: Callable[[Sequence[str]], bool] = _run


def this_computer() -> Computer:
    """Return this computer, as the user sees it."""
    return Computer(
        Path("/"),
        Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"),
        Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"),
        program(),
    )


def program() -> list[str]:
    """Return the words that start this very camfs, wherever it is started from."""
    started = shutil.which(sys.argv[0]) if os.path.basename(sys.argv[0]) == "camfs" else None
    return [os.path.abspath(started)] if started else [sys.executable, "-m", "camfs"]


def program_for_root() -> str:
    """Return what a user types to run this camfs as root."""
    words = program()
    found = shutil.which("camfs", path=ROOT_PATH)
    if found and len(words) == 1 and os.path.samefile(found, words[0]):
        words = ["camfs"]
    return shlex.join(["sudo", *words])


def contents(name: str, words: Sequence[str]) -> str:
    """Return a file of the folder systemd/, with a unit's command made to start camfs by these words."""
    text = (files("camfs") / "systemd" / name).read_text("utf-8")
    return text.replace(f"\n{EXECUTABLE}", f"\nExecStart={' '.join(map(_quoted, words))} ")


def _quoted(word: str) -> str:
    """Quote a word for a unit's command line (systemd.service(5), systemd.unit(5))."""
    for special, written in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        word = word.replace(special, written)
    return f'"{word}"' if set(word) & set(" \t;'\"\\") else word


def install(computer: Computer) -> Iterator[str]:
    """Install everything for all users; give a line for each thing done. Needs root.

    Raises:
        OSError: a file cannot be written.
    """
    rule = _put(computer.root / "etc/udev/rules.d" / RULE, contents(RULE, computer.program))
    yield rule.line
    user = _put(computer.root / "etc/systemd/user" / USER_UNIT, contents(USER_UNIT, computer.program))
    yield user.line
    system = _put(computer.root / "etc/systemd/system" / SYSTEM_UNIT, contents(SYSTEM_UNIT, computer.program))
    yield system.line
    if (user.changed or system.changed) and (computer.root / "run/systemd/system").is_dir():
        yield _tell(computer, "systemd", ["systemctl", "daemon-reload"])
        # Users' systemds read their units again on SIGHUP (systemd(1)).
        yield _tell(
            computer, "systemd of users", ["systemctl", "kill", "--kill-who=main", "-s", "HUP", "user@*.service"]
        )
    if rule.changed and (computer.root / "run/udev/control").exists():
        yield _tell(computer, "udev", ["udevadm", "control", "--reload"])
        # Last, since it starts the user's unit for a camera that is plugged in.
        trigger = ["udevadm", "trigger", "--subsystem-match=usb"]
        yield _tell(computer, "udev of the devices that are plugged in", trigger)


def install_for_user(computer: Computer) -> Iterator[str]:
    """Install the user's own unit; give a line for each thing done.

    Raises:
        OSError: the file cannot be written.
    """
    unit = _put(computer.config_home / "systemd/user" / USER_UNIT, contents(USER_UNIT, computer.program))
    yield unit.line
    if unit.changed and (computer.runtime / "systemd/private").exists():
        yield _tell(computer, "systemd", ["systemctl", "--user", "daemon-reload"])
    rule = computer.root / "etc/udev/rules.d" / RULE
    if not rule.exists():
        yield f"{rule} is missing, which starts the unit when a camera is plugged in; it needs root: {program_for_root()} --install-units"


@dataclass(frozen=True)
class Put:
    """What came of a file."""

    line: str
    changed: bool


def _put(path: Path, text: str) -> Put:
    """Write a file if it is not so already, whole or not at all."""
    try:
        before: str | None = path.read_text("utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        before = None if not path.exists() else ""
    if before == text:
        return Put(f"{path} is as it should be", False)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        made.write_text(text, "utf-8")
        made.chmod(0o644)
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)
    return Put(f"{path} {'installed' if before is None else 'brought up to date'}", True)


def _tell(computer: Computer, whom: str, command: Sequence[str]) -> str:
    return f"told {whom}" if computer.run(command) else f"could not tell {whom}; do so with: {shlex.join(command)}"

"""`--install-units` and `--uninstall-units`: install or remove the udev rule and the systemd units, and notify udev and systemd.

The files are those of the folder systemd/, which the package contains too; in a unit, `ExecStart=camfs` is replaced by the program
that installs it. A file that is up to date is left alone, and if no file changed, udev and systemd are not notified.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import platformdirs

from camfs.errors import CommandFailed

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
    """Where things are, and how to run a command.

    Attributes:
        root: the file system's root.
        config_home: the user's own configuration.
        runtime: the user's runtime directory, where the sockets of the user's systemd are.
        program: the words that start camfs.
        run: runs a command and says whether it worked.
    """

    root: Path
    config_home: Path
    runtime: Path
    program: Sequence[str]
    run: Callable[[Sequence[str]], bool] = _run


def this_computer() -> Computer:
    """Return this computer, as this user sees it."""
    return Computer(
        Path("/"),
        platformdirs.user_config_path(),
        Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"),
        program(),
    )


def program() -> list[str]:
    """Return the words that start this same camfs from anywhere."""
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
    """Return a file of the folder systemd/; the command of a unit then starts with these words."""
    text = (files("camfs") / "systemd" / name).read_text("utf-8")
    return text.replace(f"\n{EXECUTABLE}", f"\nExecStart={' '.join(map(_quoted, words))} ")


def _quoted(word: str) -> str:
    """Quote a word for a unit's command line (systemd.service(5), systemd.unit(5))."""
    for special, written in (("\\", "\\\\"), ('"', '\\"'), ("%", "%%"), ("$", "$$")):
        word = word.replace(special, written)
    return f'"{word}"' if set(word) & set(" \t;'\"\\") else word


def install_on_this_computer(for_user: bool) -> Iterator[str]:
    """Install everything for all users, or only the user's own unit; yield a line for each thing done.

    Raises:
        CommandFailed: root is needed, or a file cannot be written.
    """
    yield from _change("--install-units", "installs", install_for_user if for_user else install, for_user)


def uninstall_from_this_computer(for_user: bool) -> Iterator[str]:
    """Remove what was installed for all users, or only the user's own unit; yield a line for each thing done.

    Raises:
        CommandFailed: root is needed, or a file cannot be removed.
    """
    yield from _change("--uninstall-units", "removes", uninstall_for_user if for_user else uninstall, for_user)


def _change(flag: str, verb: str, change: Callable[[Computer], Iterator[str]], for_user: bool) -> Iterator[str]:
    if not for_user and os.geteuid() != 0:
        raise CommandFailed(f"{flag} needs root: {program_for_root()} {flag}; --user {verb} your own unit only")
    try:
        yield from change(this_computer())
    except OSError as error:
        raise CommandFailed(f"{error.filename}: {error.strerror}") from None


def install(computer: Computer) -> Iterator[str]:
    """Install everything for all users; yield a line for each thing done. Needs root.

    Raises:
        OSError: a file cannot be written.
    """
    rule = _install_file(computer.root / "etc/udev/rules.d" / RULE, contents(RULE, computer.program))
    yield rule.line
    user = _install_file(computer.root / "etc/systemd/user" / USER_UNIT, contents(USER_UNIT, computer.program))
    yield user.line
    system = _install_file(computer.root / "etc/systemd/system" / SYSTEM_UNIT, contents(SYSTEM_UNIT, computer.program))
    yield system.line
    yield from _tell_everybody(computer, user.changed or system.changed, rule.changed)


def uninstall(computer: Computer) -> Iterator[str]:
    """Remove what `install` has installed, and the links of instances that were enabled; yield a line for each thing done. Needs root.

    Mounts of users go on until they are unmounted; those of the system are unmounted.

    Raises:
        OSError: a file cannot be removed.
    """
    folder = computer.root / "etc/systemd"
    if (folder / "system" / SYSTEM_UNIT).exists() and (computer.root / "run/systemd/system").is_dir():
        yield _tell(computer, "systemd to unmount", ["systemctl", "stop", _instances(SYSTEM_UNIT)])
    rule = _remove([computer.root / "etc/udev/rules.d" / RULE])
    names = [folder / "user" / USER_UNIT, folder / "system" / SYSTEM_UNIT]
    units = _remove([*names, *(link for name in names for link in _enabled(name))])
    yield from [f"{path} removed" for path in (*rule, *units)] or ["nothing is installed"]
    yield from _tell_everybody(computer, bool(units), bool(rule))


def _tell_everybody(computer: Computer, units_changed: bool, rule_changed: bool) -> Iterator[str]:
    if units_changed and (computer.root / "run/systemd/system").is_dir():
        yield _tell(computer, "systemd", ["systemctl", "daemon-reload"])
        # Users' systemds read their units again on SIGHUP (systemd(1)).
        yield _tell(
            computer, "the users' systemd", ["systemctl", "kill", "--kill-who=main", "-s", "HUP", "user@*.service"]
        )
    if rule_changed and (computer.root / "run/udev/control").exists():
        yield _tell(computer, "udev", ["udevadm", "control", "--reload"])
        # Last, since it starts the user's unit for a camera that is plugged in.
        trigger = ["udevadm", "trigger", "--subsystem-match=usb"]
        yield _tell(computer, "udev about the devices that are plugged in", trigger)


def install_for_user(computer: Computer) -> Iterator[str]:
    """Install the user's own unit; yield a line for each thing done.

    Raises:
        OSError: the file cannot be written.
    """
    unit = _install_file(computer.config_home / "systemd/user" / USER_UNIT, contents(USER_UNIT, computer.program))
    yield unit.line
    if unit.changed and (computer.runtime / "systemd/private").exists():
        yield _tell(computer, "systemd", ["systemctl", "--user", "daemon-reload"])
    rule = computer.root / "etc/udev/rules.d" / RULE
    if not rule.exists():
        yield (
            f"{rule} is missing: it starts the unit when a camera is plugged in, and only root can install it: "
            f"{program_for_root()} --install-units"
        )


def uninstall_for_user(computer: Computer) -> Iterator[str]:
    """Unmount what the user's own unit has mounted, and remove it and the links of instances that were enabled.

    Links are also those of a unit that is installed for all users. A unit that the user has masked stays masked.

    Raises:
        OSError: a file cannot be removed.
    """
    unit = computer.config_home / "systemd/user" / USER_UNIT
    is_ours = unit.exists() and not unit.is_symlink()
    if is_ours and (computer.runtime / "systemd/private").exists():
        yield _tell(computer, "systemd to unmount", ["systemctl", "--user", "stop", _instances(USER_UNIT)])
    removed = _remove([*([unit] if is_ours else []), *_enabled(unit)])
    yield from [f"{path} removed" for path in removed] or ["nothing is installed"]
    if removed and (computer.runtime / "systemd/private").exists():
        yield _tell(computer, "systemd", ["systemctl", "--user", "daemon-reload"])


def _instances(unit: str) -> str:
    return unit.replace("@", "@*")


def _enabled(unit: Path) -> list[Path]:
    """Return the links that start instances of a unit: systemctl enable makes them beside it, in the folders of what wants them."""
    return sorted(link for link in unit.parent.glob(f"*.wants/{_instances(unit.name)}") if link.is_symlink())


def _remove(paths: Iterable[Path]) -> list[Path]:
    """Remove files; return those that were there."""
    removed = []
    for path in paths:
        try:
            path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            continue
        removed.append(path)
    return removed


@dataclass(frozen=True)
class Installed:
    """What was done about a file, as a line for the user."""

    line: str
    changed: bool


def _install_file(path: Path, text: str) -> Installed:
    """Write a file, whole or not at all, unless it has this text already."""
    try:
        before: str | None = path.read_text("utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        before = None if not path.exists() else ""
    if before == text:
        return Installed(f"{path} is up to date", False)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = path.with_name(f".{path.name}.{os.getpid()}")
    made.unlink(missing_ok=True)
    try:
        with made.open("x", encoding="utf-8") as file:  # never through a link that somebody has put there
            file.write(text)
            os.fchmod(file.fileno(), 0o644)
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)
    return Installed(f"{path} {'installed' if before is None else 'updated'}", True)


def _tell(computer: Computer, whom: str, command: Sequence[str]) -> str:
    return (
        f"notified {whom}" if computer.run(command) else f"could not notify {whom}; do it with: {shlex.join(command)}"
    )

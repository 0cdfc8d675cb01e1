"""Installing the units, and what systemd makes of the units themselves."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from camfs.commands import units
from camfs.commands.units import RULE, SYSTEM_UNIT, USER_UNIT, Computer
from tests.mounted.mount import camfs

ROOT = Path(__file__).parents[2]
PROGRAM = [os.path.realpath(sys.executable), "-m", "camfs"]


@dataclass
class Commands:
    """Records the commands that would be run; the program `failing` fails."""

    run: list[list[str]] = field(default_factory=list)
    failing: str = ""

    def __call__(self, command: Sequence[str]) -> bool:
        self.run.append(list(command))
        return command[0] != self.failing


@pytest.fixture
def commands() -> Commands:
    return Commands()


@pytest.fixture
def computer(tmp_path: Path, commands: Commands) -> Computer:
    """Return a computer on which systemd and udev run."""
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    (tmp_path / "run/udev").mkdir()
    (tmp_path / "run/udev/control").touch()
    (tmp_path / "run/user/1000/systemd").mkdir(parents=True)
    (tmp_path / "run/user/1000/systemd/private").touch()
    home = tmp_path / "home/ana/.config"
    return Computer(tmp_path, home, tmp_path / "run/user/1000", PROGRAM, commands)


# ---------------------------------------------------------------------- installing


def test_for_all_users(computer: Computer, commands: Commands) -> None:
    lines = list(units.install(computer))
    rule = computer.root / "etc/udev/rules.d/70-camfs.rules"
    user = computer.root / "etc/systemd/user/camfs@.service"
    system = computer.root / "etc/systemd/system/camfs-system@.service"
    assert lines == [
        f"{rule} installed",
        f"{user} installed",
        f"{system} installed",
        "notified systemd",
        "notified the users' systemd",
        "notified udev",
        "notified udev about the devices that are plugged in",
    ]
    assert [command[0] for command in commands.run] == ["systemctl", "systemctl", "udevadm", "udevadm"]
    assert rule.read_text() == (ROOT / "systemd" / RULE).read_text()
    for unit in (user, system):
        (command,) = re.findall(r"^ExecStart=(.*)$", unit.read_text(), re.MULTILINE)
        assert command == f"{PROGRAM[0]} -m camfs -f -o ${{OPTIONS}} -- %I ${{MOUNT_POINT}}"
    for path in (rule, user, system):
        assert path.stat().st_mode & 0o777 == 0o644
        assert os.listdir(path.parent) == [path.name]


def test_a_second_run_changes_nothing(computer: Computer, commands: Commands) -> None:
    first = list(units.install(computer))
    times = {path: path.stat().st_mtime_ns for path in (computer.root / "etc").rglob("*")}
    commands.run.clear()
    lines = list(units.install(computer))
    assert [line.replace("is up to date", "installed") for line in lines] == first[:3]
    assert {path: path.stat().st_mtime_ns for path in (computer.root / "etc").rglob("*")} == times
    assert commands.run == []


def test_what_is_old_is_updated(computer: Computer, commands: Commands) -> None:
    list(units.install(computer))
    commands.run.clear()
    rule = computer.root / "etc/udev/rules.d/70-camfs.rules"
    rule.write_bytes(b"# old, and not UTF-8: \xff\n")
    lines = list(units.install(computer))
    assert lines[0] == f"{rule} updated"
    assert [command[0] for command in commands.run] == ["udevadm", "udevadm"]
    moved = replace(computer, program=["/opt/camfs/bin/camfs"])
    assert [line.split(" ", 1)[1] for line in units.install(moved)][:3] == [
        "is up to date",
        "updated",
        "updated",
    ]


def test_where_neither_systemd_nor_udev_runs(tmp_path: Path, commands: Commands) -> None:
    computer = Computer(tmp_path, tmp_path / "config", tmp_path / "run", PROGRAM, commands)
    assert len(list(units.install(computer))) == 3
    assert commands.run == []


def test_who_cannot_be_notified(computer: Computer, commands: Commands) -> None:
    commands.failing = "udevadm"
    lines = list(units.install(computer))
    assert "could not notify udev; do it with: udevadm control --reload" in lines


def test_for_one_user(computer: Computer, commands: Commands) -> None:
    lines = list(units.install_for_user(computer))
    unit = computer.config_home / "systemd/user/camfs@.service"
    assert lines[:2] == [f"{unit} installed", "notified systemd"]
    assert lines[2].startswith(f"{computer.root}/etc/udev/rules.d/70-camfs.rules is missing")
    assert "sudo" in lines[2]
    assert commands.run == [["systemctl", "--user", "daemon-reload"]]
    assert not (computer.root / "etc").exists()
    list(units.install(computer))
    assert list(units.install_for_user(computer)) == [f"{unit} is up to date"]


# ---------------------------------------------------------------------- uninstalling


def everything(computer: Computer) -> list[Path]:
    """Return all files and links of a computer but its settings and systemd's own."""
    return [path for path in computer.root.rglob("*") if not path.is_dir() and "run" not in path.parts]


def enable(unit: Path, instance: str) -> Path:
    """Do what systemctl enable does."""
    link = unit.parent / "default.target.wants" / unit.name.replace("@", f"@{instance}")
    link.parent.mkdir()
    link.symlink_to(unit)
    return link


def test_what_was_installed_goes(computer: Computer, commands: Commands) -> None:
    list(units.install(computer))
    link = enable(computer.root / "etc/systemd/system" / SYSTEM_UNIT, "usb:1003:c432")
    other = enable(computer.root / "etc/systemd/user" / "other@.service", "x")
    commands.run.clear()
    lines = list(units.uninstall(computer))
    assert lines == [
        "notified systemd to unmount",
        f"{computer.root}/etc/udev/rules.d/{RULE} removed",
        f"{computer.root}/etc/systemd/user/{USER_UNIT} removed",
        f"{computer.root}/etc/systemd/system/{SYSTEM_UNIT} removed",
        f"{link} removed",
        "notified systemd",
        "notified the users' systemd",
        "notified udev",
        "notified udev about the devices that are plugged in",
    ]
    assert everything(computer) == [other]
    assert commands.run[0] == ["systemctl", "stop", "camfs-system@*.service"]
    commands.run.clear()
    assert list(units.uninstall(computer)) == ["nothing is installed"]
    assert commands.run == []


def test_the_user_s_own_unit_goes(computer: Computer, commands: Commands) -> None:
    list(units.install(computer))
    before = everything(computer)
    list(units.install_for_user(computer))
    unit = computer.config_home / "systemd/user" / USER_UNIT
    link = enable(unit, "serial:-dev-ttyUSB0")
    commands.run.clear()
    assert list(units.uninstall_for_user(computer)) == [
        "notified systemd to unmount",
        f"{unit} removed",
        f"{link} removed",
        "notified systemd",
    ]
    assert commands.run == [
        ["systemctl", "--user", "stop", "camfs@*.service"],
        ["systemctl", "--user", "daemon-reload"],
    ]
    assert sorted(everything(computer)) == sorted(before)
    assert list(units.uninstall_for_user(computer)) == ["nothing is installed"]


def test_what_the_user_has_masked_stays(computer: Computer) -> None:
    unit = computer.config_home / "systemd/user" / USER_UNIT
    unit.parent.mkdir(parents=True)
    unit.symlink_to("/dev/null")
    assert list(units.uninstall_for_user(computer)) == ["nothing is installed"]
    assert os.readlink(unit) == "/dev/null"


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("/usr/bin/camfs", "/usr/bin/camfs"),
        ("/home/a b/camfs", '"/home/a b/camfs"'),
        ("/100%/camfs", "/100%%/camfs"),
        ('/a"b\\c', '"/a\\"b\\\\c"'),
        ("/it's", '"/it\'s"'),
    ],
)
def test_any_program_can_be_written(word: str, written: str) -> None:
    assert f"\nExecStart={written} -f " in units.contents(USER_UNIT, [word])


def test_the_program_is_the_one_that_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    script = tmp_path / "camfs"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(script), "--install-units"])
    assert units.program() == [str(script)]
    assert units.program_for_root() == f"sudo {script}"
    monkeypatch.setattr(units, "ROOT_PATH", str(tmp_path))
    assert units.program_for_root() == "sudo camfs"
    monkeypatch.setattr(sys, "argv", ["/some/where/__main__.py"])
    assert units.program() == [sys.executable, "-m", "camfs"]


# ---------------------------------------------------------------------- by the command line


def installing(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run camfs with another folder as /etc and as the user's configuration."""
    etc, config = place / "etc", place / "config"
    etc.mkdir(exist_ok=True)
    mapped = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    script = 'mount --bind "$1" /etc; shift; exec "$@"'
    return subprocess.run(
        ["unshare", "--mount", *mapped, "sh", "-ec", script, "sh", etc, *PROGRAM, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "XDG_CONFIG_HOME": str(config), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        timeout=60,
    )


def test_command(tmp_path: Path) -> None:
    for word in ("installed", "is up to date"):
        done = installing(tmp_path, "--install-units")
        assert (done.returncode, done.stderr) == (0, "")
        assert [line for line in done.stdout.splitlines() if not line.startswith(("notified", "could not"))] == [
            f"/etc/udev/rules.d/{RULE} {word}",
            f"/etc/systemd/user/{USER_UNIT} {word}",
            f"/etc/systemd/system/{SYSTEM_UNIT} {word}",
        ]
    assert (tmp_path / "etc/systemd/user" / USER_UNIT).exists()


def test_command_that_uninstalls(tmp_path: Path) -> None:
    installing(tmp_path, "--install-units")
    done = installing(tmp_path, "--uninstall-units")
    assert (done.returncode, done.stderr) == (0, "")
    assert [path for path in (tmp_path / "etc").rglob("*") if path.is_file()] == []
    assert installing(tmp_path, "--uninstall-units", "--user").stdout == "nothing is installed\n"


def test_command_for_one_user(tmp_path: Path) -> None:
    done = installing(tmp_path, "--install-units", "--user")
    assert done.returncode == 0
    assert (tmp_path / "config/systemd/user" / USER_UNIT).exists()
    assert list((tmp_path / "etc").iterdir()) == []
    assert done.stdout.splitlines()[-1].startswith("/etc/udev/rules.d/70-camfs.rules is missing")


def test_command_that_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/udev").touch()
    done = installing(tmp_path, "--install-units")
    assert done.returncode == 1
    assert done.stderr == "camfs: /etc/udev/rules.d/70-camfs.rules: Not a directory\n"


@pytest.mark.parametrize("more", ["/mnt", "--list", "--doctor"])
def test_what_does_not_go_with_it(tmp_path: Path, more: str) -> None:
    done = installing(tmp_path, "--install-units", more)
    assert done.returncode == 2
    assert (
        done.stderr
        == "camfs: use only one of -u, --list, --doctor, --install-units and --uninstall-units, all but -u without a mount point; "
        "see camfs --help\n"
    )
    assert list((tmp_path / "etc").iterdir()) == []


@pytest.mark.parametrize("arguments", [["--user"], ["--user", "usb:", "/mnt"], ["--user", "--list"]])
def test_user_alone_means_nothing(arguments: Sequence[str]) -> None:
    done = camfs(*arguments)
    assert done.returncode == 2
    assert done.stderr == "camfs: --user needs --install-units or --uninstall-units; see camfs --help\n"


@pytest.mark.parametrize("flag", ["--install-units", "--uninstall-units"])
def test_command_without_root(flag: str) -> None:
    """In a new user namespace a process has no user id of its own, and so is nobody."""
    done = subprocess.run(
        ["unshare", "--user", sys.executable, "-m", "camfs", flag],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert re.fullmatch(rf"camfs: {flag} needs root: sudo .* {flag}; --user .*\n", done.stderr)


# ---------------------------------------------------------------------- the units


@pytest.fixture
def installed(computer: Computer) -> Path:
    """Install everything, for a program that exists; return the root."""
    list(units.install(computer))
    list(units.install_for_user(computer))
    return computer.root


def analyze(*arguments: str | Path, runtime: Path) -> str:
    """Run systemd-analyze, which must not complain."""
    done = subprocess.run(
        ["systemd-analyze", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)},
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_systemd_can_read_them(installed: Path, tmp_path: Path) -> None:
    runtime = tmp_path / "run/user/1000"
    analyze("verify", "--man=no", installed / "etc/systemd/system" / SYSTEM_UNIT, runtime=runtime)
    analyze("verify", "--man=no", ROOT / "systemd/mnt-camera.mount", runtime=runtime)
    for place in ("etc/systemd/user", "home/ana/.config/systemd/user"):
        analyze("--user", "verify", "--man=no", installed / place / USER_UNIT, runtime=runtime)


def test_the_system_s_unit_is_hardened(installed: Path, tmp_path: Path) -> None:
    """It is restricted as far as a mount that others can see allows."""
    said = analyze(
        "security",
        "--offline=yes",
        "--threshold=45",
        "--json=short",
        installed / "etc/systemd/system" / SYSTEM_UNIT,
        runtime=tmp_path / "run/user/1000",
    )
    left = {each["name"] for each in json.loads(said) if each["set"] is False}
    assert "NoNewPrivileges=" not in left
    assert not any("CapabilityBoundingSet" in name for name in left - {"CapabilityBoundingSet=~CAP_SYS_ADMIN"})


def settings(unit: str) -> dict[str, list[str]]:
    """Return the settings of a unit in the folder systemd/."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", (ROOT / "systemd" / unit).read_text(), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


NAMESPACES = re.compile(
    r"(Protect|Private|ReadWrite|ReadOnly|Inaccessible|Bind|Root|Mount|TemporaryFile|Exec\w*Paths)\w*"
)
"""Settings that make a mount namespace, so that nobody outside sees a mount (systemd.exec(5))."""

NO_NEW_PRIVILEGES = re.compile(r"(NoNewPrivileges|SystemCall|Restrict|LockPersonality|MemoryDeny|Dynamic)\w*")
"""Settings that imply NoNewPrivileges in a user's unit (systemd.exec(5))."""


@pytest.mark.parametrize("unit", units.UNITS)
def test_the_mount_is_seen_by_others(unit: str) -> None:
    assert [name for name in settings(unit) if NAMESPACES.fullmatch(name)] == []


def test_fusermount3_keeps_its_setuid_bit() -> None:
    names = settings(USER_UNIT)
    assert [name for name in names if NO_NEW_PRIVILEGES.fullmatch(name)] == []
    assert {"NoNewPrivileges", "SystemCallFilter", "LockPersonality"} <= settings(SYSTEM_UNIT).keys()


@pytest.mark.parametrize("unit", units.UNITS)
def test_systemd_waits_for_the_mount(unit: str) -> None:
    found = settings(unit)
    assert found["Type"] == ["notify"]
    assert found["Restart"] == ["on-failure"]
    assert found["RestartPreventExitStatus"] == ["2"]
    assert int(found["StartLimitBurst"][0]) * int(found["RestartSec"][0]) < int(found["StartLimitIntervalSec"][0])
    assert "BindsTo" not in found  # else unplugging would stop it, and the mount has to stay

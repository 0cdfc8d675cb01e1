"""Who holds a device: real processes with a real file open in place of the node."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from camfs.transports.holders import Holder, called, holders, in_use

WAIT = "print(flush=True); input()"


@pytest.fixture
def node(tmp_path: Path) -> Path:
    file = tmp_path / "node"
    file.touch()
    return file


@contextmanager
def process(node: Path, *command: str, program: str | None = None) -> Iterator[int]:
    """Run a program that has the node open and ends with its standard input."""
    with node.open() as file:
        child = subprocess.Popen(
            command,
            executable=program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=(file.fileno(),),
        )
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        child.stdout.readline()
        yield child.pid
    finally:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(b"\n")
            child.stdin.close()
        child.stdout.close()
        child.wait()


@contextmanager
def named(node: Path, name: str) -> Iterator[int]:
    """Run a program of any name that has the node open."""
    shell = shutil.which("sh")
    with process(node, name, "-c", "echo; read line", program=shell) as pid:
        yield pid


def test_nobody(node: Path) -> None:
    with node.open():  # this process does not count
        assert holders(node) == []
        assert in_use("usb:1.7", node) == (
            f"usb:1.7 is in use by a program of another user or by the system; to see which: sudo lsof {node}"
        )


def test_gvfs_is_named_in_full_and_not_killed(node: Path) -> None:
    with named(node, "/usr/libexec/gvfs-gphoto2-volume-monitor") as pid:
        assert in_use("usb:1003:c432", node) == (
            f"usb:1003:c432 is in use by gvfs-gphoto2-volume-monitor (pid {pid}); free it with: gio mount -s gphoto2"
        )


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("gvfsd-gphoto2", "gio mount -s gphoto2"),
        ("gvfsd-mtp", "gio mount -s mtp"),
        ("gvfs-mtp-volume-monitor", "gio mount -s mtp"),
        ("gvfsd-fuse", "kill 5"),
        ("gphoto2", "kill 5"),
    ],
)
def test_fixes(name: str, fix: str) -> None:
    assert Holder(5, name).fix == fix


def test_several_are_all_named(node: Path) -> None:
    with named(node, "gphoto2") as first, named(node, "darktable") as second:
        one, two = sorted([(first, "gphoto2"), (second, "darktable")])
        names = f"{one[1]} (pid {one[0]}) and {two[1]} (pid {two[0]})"
        assert in_use("usb:1.7", node).endswith(f"in use by {names}; free it with: kill {one[0]}; kill {two[0]}")


def test_a_python_program_is_called_by_its_module_or_script(node: Path, tmp_path: Path) -> None:
    package = tmp_path / "camfs_like"
    package.mkdir()
    (package / "__main__.py").write_text(WAIT)
    script = tmp_path / "entangle.py"
    script.write_text(WAIT)
    python = sys.executable
    with process(node, "env", f"PYTHONPATH={tmp_path}", python, "-u", "-m", "camfs_like", "usb:") as pid:
        assert holders(node) == [Holder(pid, "camfs_like")]
    with process(node, python, "-u", str(script), "-m") as pid:
        assert holders(node) == [Holder(pid, "entangle.py")]
    with process(node, python, "-c", WAIT) as pid:
        assert holders(node) == [Holder(pid, os.path.basename(python))]


def test_python_without_a_program_has_a_name() -> None:
    """As somebody types into it. `--list` and `--doctor` look at every process."""
    with subprocess.Popen([sys.executable], stdin=subprocess.PIPE) as process:
        assert Holder(process.pid, os.path.basename(sys.executable)) in called(os.path.basename(sys.executable))
        assert process.stdin is not None
        process.stdin.close()


def test_the_node_may_be_reached_by_a_link(node: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(node)
    with named(node, "gphoto2") as pid:
        assert holders(link) == [Holder(pid, "gphoto2")]

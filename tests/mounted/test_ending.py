"""The end of a mount: signals, open files, unmounting, and being killed. No process hangs afterwards."""

import contextlib
import errno
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mounted.contents import MIB, make_file
from tests.mounted.mount import PATIENCE, mount_entries, mounted, run

SLOW = "bandwidth=2000"
"""Bytes per second: reading a block takes longer than any test waits, but mounting does not take long."""

READER = "import sys; file = open(sys.argv[1], 'rb', 0); print('open', flush=True); file.read(1)"


@pytest.fixture
def source(folder: Path) -> str:
    """Return a camera that has a file of some megabytes."""
    make_file(folder / "LARGE.MOV", 2 * MIB)
    return f"virtual:sigma-fp?card={folder}"


def reader_of(path: Path) -> subprocess.Popen[str]:
    """Start a process that reads a file, and return once it has opened it."""
    process = subprocess.Popen(
        [sys.executable, "-c", READER, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("background", [False, True])
def test_signals(source: str, camera: Path, number: signal.Signals, background: bool) -> None:
    with mounted(source, camera, background=background) as mount:
        os.kill(mount.process, number)
        assert mount.wait() == 0
        assert not mount_entries(camera)
        assert os.listdir(camera) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_while_files_are_open(source: str, camera: Path, number: signal.Signals) -> None:
    """The mount goes, and whoever has a file open gets an error."""
    with mounted(source, camera) as mount:
        file = os.open(camera / "card/LARGE.MOV", os.O_RDONLY)
        assert len(os.read(file, 10)) == 10
        os.kill(mount.process, number)
        assert mount.wait() == 0
        assert not mount_entries(camera)
        for act in (lambda: os.pread(file, 10, MIB), lambda: os.close(file)):
            with pytest.raises(OSError, match="Errno") as failure:
                act()
            assert failure.value.errno in (errno.ENOTCONN, errno.ECONNABORTED)


def test_signal_while_a_shell_stands_in_it(source: str, camera: Path) -> None:
    with (
        mounted(source, camera) as mount,
        subprocess.Popen(["cat"], cwd=camera / "card", stdin=subprocess.PIPE) as shell,
    ):
        os.kill(mount.process, signal.SIGTERM)
        assert mount.wait() == 0
        assert not mount_entries(camera)
        shell.communicate()


def test_signal_during_a_transfer(source: str, camera: Path) -> None:
    """A transfer that does not end is cut off after a few seconds."""
    with mounted(f"{source}&{SLOW}", camera) as mount:
        reader = reader_of(camera / "card/LARGE.MOV")
        os.kill(mount.process, signal.SIGTERM)
        assert mount.wait() == 0
        _, said = reader.communicate(timeout=PATIENCE)
        assert reader.returncode != 0
        assert "OSError" in said or "ConnectionAbortedError" in said
        assert not mount_entries(camera)


def test_signal_lets_a_short_transfer_end(source: str, folder: Path, camera: Path, tmp_path: Path) -> None:
    """The camera is left as it was found: first the transaction in progress ends, then the session."""
    trace = tmp_path / "trace"
    with mounted(f"{source}&bandwidth=1000000", camera) as mount:
        reader = reader_of(camera / "card/LARGE.MOV")
        reader.communicate(timeout=PATIENCE)
        mount.trace.transactions()
        os.kill(mount.process, signal.SIGTERM)
        assert mount.wait() == 0
        trace.write_bytes(mount.trace.path.read_bytes())
    assert b'"CloseSession"' in trace.read_bytes().splitlines()[-1]
    assert b'"OK"' in trace.read_bytes().splitlines()[-1]


def test_unmounting_closes_the_session(source: str, camera: Path) -> None:
    with mounted(source, camera) as mount:
        mount.unmount()
        assert b'"CloseSession"' in mount.trace.path.read_bytes().splitlines()[-1]


def test_busy_mounts_stay(source: str, folder: Path, camera: Path) -> None:
    with mounted(source, camera):
        with open(camera / "card/LARGE.MOV", "rb") as file:
            assert "busy" in run("fusermount3", "-u", camera, status=1).stderr
            assert file.read() == (folder / "LARGE.MOV").read_bytes()
        run("diff", "-r", folder, camera / "card")


def test_lazy_unmounting(source: str, folder: Path, camera: Path) -> None:
    """Whoever has a file open can read on; camfs ends when the last file is closed."""
    with mounted(source, camera) as mount:
        mount.tolerated.append("fuse: reading device: Software caused connection abort")  # what libfuse says
        with open(camera / "card/LARGE.MOV", "rb") as file:
            run("fusermount3", "-uz", camera)
            assert not mount_entries(camera)
            assert file.read() == (folder / "LARGE.MOV").read_bytes()
        assert mount.wait() == 0


def test_umount(source: str, camera: Path) -> None:
    with mounted(source, camera) as mount:
        run("umount", camera)
        assert mount.wait() == 0


def abort(point: Path, connections: Path) -> None:
    """Cut the connection between the kernel and camfs; the kernel's control files are mounted on a folder for that."""
    connections.mkdir()
    run("mount", "-t", "fusectl", "none", connections)
    try:
        (connections / str(os.minor(os.stat(point).st_dev)) / "abort").write_text("1")
    finally:
        run("umount", connections)


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("busy", ["open", "reading", "standing"])
@pytest.mark.parametrize("how", ["umount -f", "abort"])
def test_cut_off_while_busy(source: str, camera: Path, tmp_path: Path, how: str, busy: str, background: bool) -> None:
    """Nothing is left of the mount, and the directory can be mounted on again."""
    slow = f"{source}&{SLOW}" if busy == "reading" else source
    with mounted(slow, camera, "timeout=1", background=background) as mount:
        mount.tolerate("dead mount", "fuse: reading device", "answer in")
        with contextlib.ExitStack() as stack:
            if busy == "open":
                stack.enter_context(contextlib.suppress(OSError))  # closing it fails, too
                stack.callback(os.close, os.open(camera / "card/LARGE.MOV", os.O_RDONLY))
            else:
                user = reader_of(camera / "card/LARGE.MOV") if busy == "reading" else stand_in(camera / "card")
                stack.callback(user.communicate, timeout=PATIENCE)
                stack.callback(user.kill)
            if how == "abort":
                abort(camera, tmp_path / "connections")
            else:
                run("umount", "-f", camera, status=32 if busy != "reading" else None)
            assert mount.wait() == 0
            assert not mount_entries(camera)
            assert os.listdir(camera) == []
    with mounted(source, camera):
        assert os.listdir(camera / "card") == ["LARGE.MOV"]


def stand_in(place: Path) -> subprocess.Popen[str]:
    """Start a process whose working directory this is."""
    return subprocess.Popen(["cat"], cwd=place, stdin=subprocess.PIPE, text=True)


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("how", ["umount -f", "SIGTERM", "killed"])
def test_directories_that_it_was_bound_to(
    source: str, folder: Path, camera: Path, tmp_path: Path, how: str, background: bool
) -> None:
    """They are not left as dead mounts: detached when camfs ends, or if it was killed when the next one mounts."""
    whole, part = tmp_path / "whole", tmp_path / "part"
    with contextlib.ExitStack() as stack, mounted(source, camera, background=background) as mount:
        mount.tolerate("dead mount", "fuse: reading device")
        for bound, place in ((whole, camera), (part, camera / "card")):
            bound.mkdir()
            run("mount", "--bind", place, bound)
            stack.callback(run, "umount", "-l", bound, status=None)
        assert os.listdir(part) == ["LARGE.MOV"]
        if how == "umount -f":
            run("umount", "-f", camera)
        else:
            os.kill(mount.process, signal.SIGTERM if how == "SIGTERM" else signal.SIGKILL)
        assert mount.wait() == (0 if how != "killed" else -signal.SIGKILL)
        if how == "killed":
            with mounted(source, camera, background=True):
                run("diff", "-r", folder, camera / "card")
        for point in (camera, whole, part):
            assert not mount_entries(point)
            assert os.listdir(point) == []


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("more", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.parametrize("while_reading", [True, False])
def test_more_signals(
    source: str, camera: Path, first: signal.Signals, more: signal.Signals, while_reading: bool
) -> None:
    """However many come until it is gone, it ends as after one."""
    with mounted(f"{source}&{SLOW}" if while_reading else source, camera) as mount:
        mount.tolerate("fuse: reading device")
        reader = reader_of(camera / "card/LARGE.MOV") if while_reading else None
        os.kill(mount.process, first)
        lives = os.pidfd_open(mount.process)
        while not select.select([lives], [], [], 0.001)[0]:
            os.kill(mount.process, more)
        os.close(lives)
        assert mount.wait() == 0
        assert not mount_entries(camera)
        if reader is not None:
            reader.communicate(timeout=PATIENCE)


def test_hangup_lists_again(source: str, camera: Path) -> None:
    with mounted(source, camera, "attr_timeout=3600") as mount:
        assert os.listdir(camera / "card") == ["LARGE.MOV"]
        mount.trace.transactions()
        os.kill(mount.process, signal.SIGHUP)
        while not mount.trace.transactions():
            assert os.listdir(camera / "card") == ["LARGE.MOV"]


@pytest.mark.parametrize("background", [False, True])
def test_killed(source: str, camera: Path, background: bool) -> None:
    """Whoever waits for camfs gets an error at once."""
    with mounted(f"{source}&{SLOW}", camera, background=background) as mount:
        reader = reader_of(camera / "card/LARGE.MOV")
        os.kill(mount.process, signal.SIGKILL)
        assert mount.wait() == -signal.SIGKILL
        _, said = reader.communicate(timeout=PATIENCE)
        assert "OSError" in said or "ConnectionAbortedError" in said
        with pytest.raises(OSError, match="not connected"):
            os.listdir(camera)
        run("fusermount3", "-uz", camera)


def test_killed_reader(source: str, camera: Path) -> None:
    """The reader ends at once, although its read goes on; the mount still answers others."""
    with mounted(f"{source}&{SLOW}", camera) as mount:
        reader = reader_of(camera / "card/LARGE.MOV")
        reader.kill()
        reader.communicate(timeout=PATIENCE)
        assert reader.returncode == -signal.SIGKILL
        assert sorted(os.listdir(camera)) == ["card", "imagedb"]
        # do not wait for the transfer
        os.kill(mount.process, signal.SIGKILL)
        mount.wait()
        run("fusermount3", "-uz", camera)


def test_auto_unmount(source: str, folder: Path, camera: Path) -> None:
    """With this option, fusermount3 runs as long as camfs does.

    This does not test whether it cleans up after a camfs that was killed: it looks only once, and while the kernel still closes what
    camfs had open, it believes that the mount is alive (fusermount.c, should_auto_unmount).
    """
    with mounted(source, camera, "auto_unmount") as mount:
        run("diff", "-r", folder, camera / "card")
        os.kill(mount.process, signal.SIGTERM)
        assert mount.wait() == 0
        assert not mount_entries(camera)

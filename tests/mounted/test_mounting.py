"""Mounting: the mount is there when the command returns; or else one line says why not, the status is 1, and nothing is left."""

import os
import re
import select
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.mounted.contents import make_file
from tests.mounted.mount import CAMFS, PATIENCE, camfs, mount_entries, mounted, processes_of, run

FP = "virtual:sigma-fp"

HIDE_FUSE = """
for node in null zero full random urandom; do
    : > "$1/$node"
    mount --bind /dev/$node "$1/$node"
done
mount --rbind "$1" /dev
shift
exec "$@"
"""
"""Runs a command in a new mount namespace, whose /dev has no fuse."""


def in_own_mounts(script: str, *arguments: str | Path) -> list[str | Path]:
    """Return the command that runs a script, and then another command, in a new mount namespace."""
    mapped = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", "--mount", *mapped, "sh", "-ec", script, "sh", *arguments]


def failed(point: Path | str, *command: str | Path, before: int = 0) -> str:
    """Run a mount, which has to fail, and return the line that says why."""
    done = run(*command, status=None)
    left = mount_entries(point)
    assert len(left) == before, done.stderr
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("camfs: ")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert processes_of(Path(point)) == []
    return done.stderr.removeprefix("camfs: ").rstrip("\n")


# ---------------------------------------------------------------------- mount points


@pytest.mark.parametrize("front", [[], ["-f"]])
def test_mount_point_that_is_not_there(tmp_path: Path, front: list[str]) -> None:
    point = tmp_path / "nowhere"
    assert failed(point, *CAMFS, FP, point, *front) == f"{point}: no such directory"


def test_mount_point_that_is_a_file(tmp_path: Path) -> None:
    point = tmp_path / "file"
    point.touch()
    assert failed(point, *CAMFS, FP, point) == f"{point}: not a directory"
    assert failed(point, *CAMFS, FP, point / "below").startswith(f"{point}/below: ")


def test_mount_point_that_is_a_dangling_link(tmp_path: Path) -> None:
    point = tmp_path / "link"
    point.symlink_to("nowhere")
    assert "no such directory" in failed(point, *CAMFS, FP, point)


def test_mount_point_that_is_empty() -> None:
    assert failed("", *CAMFS, FP, "")


def test_mount_point_that_is_a_mount(camera: Path, folder: Path) -> None:
    make_file(folder / "1.JPG", 10)
    with mounted(f"{FP}?card={folder}", camera):
        done = camfs(FP, camera)
        assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
        assert "mounted here already" in done.stderr
        assert f"fusermount3 -u {camera}" in done.stderr
        assert len(mount_entries(camera)) == 1
        run("diff", "-r", folder, camera / "card")


def test_what_is_mounted_there(tmp_path: Path) -> None:
    """The command in the error can be pasted, and fits what is mounted."""
    point = tmp_path / "it's a camera"
    point.mkdir()
    with mounted(FP, point):
        done = camfs(FP, point)
        unmount = f"fusermount3 -u {shlex.quote(str(point))}"
        assert (done.returncode, done.stderr) == (
            1,
            f"camfs: {point}: a camera is mounted here already; unmount it with: {unmount}\n",
        )
    done = camfs(FP, "/proc")
    assert (done.returncode, done.stderr) == (
        1,
        "camfs: /proc: something is mounted here already; unmount it with: umount /proc\n",
    )


def test_link_to_a_mount(camera: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(camera)
    with mounted(FP, camera):
        done = camfs(FP, link)
        left = len(mount_entries(camera))
        if left > 1:
            run("fusermount3", "-uz", camera)
        assert left == 1
        assert done.returncode == 1
        assert "mounted here already" in done.stderr


def test_mount_on_a_link(camera: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(camera)
    assert camfs(FP, link).returncode == 0
    assert os.listdir(camera) == sorted(os.listdir(link)) == ["card", "imagedb"]
    run("fusermount3", "-u", camera)
    assert not mount_entries(camera)


def test_mount_point_that_is_not_empty(camera: Path) -> None:
    """A mount would hide files that somebody put there by mistake; with `nonempty` it does."""
    (camera / "letter").touch()
    assert "not empty" in failed(camera, *CAMFS, FP, camera)
    with mounted(FP, camera, "nonempty"):
        assert sorted(os.listdir(camera)) == ["card", "imagedb"]
    assert os.listdir(camera) == ["letter"]


def test_mount_on_a_folder_of_a_camera(camera: Path) -> None:
    with mounted(FP, camera):
        point = camera / "card/DCIM"
        with mounted("virtual:ptp", point, "nonempty"):
            assert sorted(os.listdir(point)) == ["card", "memory"]
        assert os.listdir(point) == ["100SIGMA"]


def test_dead_mount(camera: Path, folder: Path) -> None:
    """The next camfs removes the mount that a killed one has left, even if it is given a link to the mount point."""
    make_file(folder / "1.JPG", 10)
    with mounted(FP, camera) as mount:
        os.kill(mount.process, signal.SIGKILL)
        assert mount.wait() == -signal.SIGKILL
        with pytest.raises(OSError, match="not connected"):
            os.listdir(camera)
        link = folder.with_name("link")
        link.symlink_to(camera)
        assert camfs(f"{FP}?card={folder}", link).returncode == 0
        run("diff", "-r", folder, camera / "card")
        run("fusermount3", "-u", camera)


def test_mount_again_and_again(camera: Path) -> None:
    for _ in range(3):
        assert camfs(FP, camera).returncode == 0
        assert sorted(os.listdir(camera)) == ["card", "imagedb"]
        run("fusermount3", "-u", camera)
        assert os.listdir(camera) == []


def test_two_cameras_at_once(tmp_path: Path) -> None:
    with mounted(FP, tmp_path / "fp") as first, mounted("virtual:ptp", tmp_path / "ptp") as second:
        assert sorted(os.listdir(first.path)) == ["card", "imagedb"]
        assert sorted(os.listdir(second.path)) == ["card", "memory"]


@pytest.mark.parametrize(
    "name",
    ["with blanks ", "Ümläut 📷", "a,comma", "a:colon=and?more&", "a\nnewline", "back\\slash", "'\"$(x)`", "-o", "%2C"],
)
def test_names_of_mount_points(tmp_path: Path, name: str) -> None:
    with mounted(FP, tmp_path / name, background=True) as mount:
        assert sorted(os.listdir(mount.path)) == ["card", "imagedb"]


def test_name_that_is_not_utf_8(tmp_path: Path) -> None:
    with mounted(FP, Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9"))) as mount:
        assert sorted(os.listdir(mount.path)) == ["card", "imagedb"]


def test_relative_mount_point(tmp_path: Path) -> None:
    (tmp_path / "camera").mkdir()
    run(*CAMFS, FP, "camera", cwd=tmp_path)
    assert sorted(os.listdir(tmp_path / "camera")) == ["card", "imagedb"]
    run("fusermount3", "-u", "camera", cwd=tmp_path)


def test_folder_of_the_card_is_relative(tmp_path: Path, folder: Path, camera: Path) -> None:
    make_file(folder / "1.JPG", 10)
    run(*CAMFS, f"{FP}?card={folder.name}", camera, cwd=tmp_path)
    try:
        run("diff", "-r", folder, camera / "card")
    finally:
        run("fusermount3", "-u", camera)


# ---------------------------------------------------------------------- sources


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("nonsense:", "nonsense"),
        ("virtual:nikon-z9", "nikon-z9"),
        ("virtual:sigma-fp?", None),
        ("virtual:sigma-fp?nonsense=1", "nonsense"),
        ("virtual:sigma-fp?card=/nowhere/at/all", "/nowhere/at/all"),
        ("virtual:sigma-fp?card=/etc/passwd", "/etc/passwd"),
        ("virtual:sigma-fp?objects=many", "objects"),
        ("virtual:sigma-fp?trace=/nowhere/trace", "/nowhere/trace"),
        ("virtual:sigma-fp?memory=/tmp", "memory"),
        ("serial:/dev/ttyUSB0", "serial"),
        ("", ""),
    ],
)
def test_sources(camera: Path, source: str, said: str | None) -> None:
    if said is None:
        assert camfs(source, camera).returncode == 0
        run("fusermount3", "-u", camera)
    else:
        assert said in failed(camera, *CAMFS, source, camera)


@pytest.mark.parametrize("words", [[], ["usb:1003:c432"], ["usb:001.002"]])
def test_no_camera(camera: Path, words: list[str]) -> None:
    """This test needs a computer without a camera."""
    assert re.match(r"no camera (.* )?found", failed(camera, *CAMFS, *words, camera))


def test_list_without_a_camera() -> None:
    """Other processes of this machine may have cameras mounted meanwhile, which are listed."""
    done = camfs("--list")
    assert done.returncode == 0
    assert all(" in use by camfs " in line for line in done.stdout.splitlines())
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("front", [[], ["-f"]])
def test_a_camera_that_does_not_say_what_it_is(camera: Path, front: list[str]) -> None:
    line = failed(camera, *CAMFS, f"{FP}?operations=-GetDeviceInfo", camera, *front)
    assert "GetDeviceInfo" in line


# ---------------------------------------------------------------------- FUSE


def test_no_fuse_device(camera: Path, tmp_path: Path) -> None:
    hidden = tmp_path / "dev"
    hidden.mkdir()
    line = failed(camera, *in_own_mounts(HIDE_FUSE, hidden, *CAMFS, FP, camera))
    assert "FUSE is missing: no /dev/fuse" in line


@pytest.mark.parametrize("front", [[], ["-f"]])
def test_a_fuse_device_that_is_none(camera: Path, front: list[str]) -> None:
    """What libfuse says becomes the one line."""
    script = 'mount --bind /dev/null /dev/fuse; exec "$@"'
    line = failed(camera, *in_own_mounts(script, *CAMFS, FP, camera, *front))
    assert line.startswith(f"{camera}: ")
    assert "mount failed" in line


def test_no_fusermount3(camera: Path) -> None:
    """Users other than root need it. In a new user namespace a process is nobody, but may read what its owner may."""
    line = failed(camera, "unshare", "--user", "env", "PATH=/nowhere", *CAMFS, FP, camera)
    assert line.startswith("FUSE is missing: no fusermount3")


def test_fusermount3_says_no(camera: Path) -> None:
    assert "fusermount3: " in failed(camera, "unshare", "--user", *CAMFS, FP, camera)


def test_allow_other_that_is_not_allowed(camera: Path, tmp_path: Path) -> None:
    conf = tmp_path / "fuse.conf"
    conf.write_text("# user_allow_other\n")
    script = 'mount --bind "$1" /etc/fuse.conf; shift; exec unshare --user "$@"'
    line = failed(camera, *in_own_mounts(script, conf, *CAMFS, FP, camera, "-o", "allow_other"))
    assert "user_allow_other in /etc/fuse.conf" in line


# ---------------------------------------------------------------------- usage


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["a", "b", "c"],
        ["--list", "a"],
        ["--doctor", "a"],
        ["--list", "--doctor"],
        ["--nonsense"],
        ["-x", "{point}"],
        ["-o"],
        [FP, "{point}", "-o"],
        ["-fq", "{point}"],
    ],
)
def test_usage_errors(camera: Path, arguments: Sequence[str]) -> None:
    done = camfs(*(word.format(point=camera) for word in arguments))
    assert done.returncode in (1, 2)
    assert done.stderr.startswith("camfs: ")
    assert len(done.stderr.splitlines()) == 1
    assert not mount_entries(camera)


def test_stdout_takes_nothing(camera: Path) -> None:
    """The reader of a pipe has left, or a disk is full."""
    reading, writing = os.pipe()
    os.close(reading)
    full = os.open("/dev/full", os.O_WRONLY)
    for stdout, reason in ((writing, "Broken pipe"), (full, "No space left on device")):
        done = subprocess.run(
            [*CAMFS, "--doctor"], stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, timeout=PATIENCE
        )
        os.close(stdout)
        assert (done.returncode, done.stderr) == (1, f"camfs: stdout: {reason}\n")


def test_help_without_unicode() -> None:
    done = camfs("--help", env={"PYTHONIOENCODING": "latin-1"})
    assert (done.returncode, done.stderr) == (0, "")


def test_help() -> None:
    done = camfs("--help")
    assert done.returncode == 0
    for word in ("MOUNTPOINT", "allow_delete", "show_control", "tz=ZONE", "virtual:sigma-fp", "--list"):
        assert word in done.stdout
    assert re.fullmatch(r"camfs \d+\.\d+(\.\d+)?\n", camfs("--version").stdout)


# ---------------------------------------------------------------------- the background


def test_returns_when_the_mount_answers(camera: Path) -> None:
    """It writes nothing to stdout or stderr and closes them, so that a pipe on them ends."""
    done = camfs(f"{FP}?latency=0.1", camera)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    try:
        assert mount_entries(camera)
        assert sorted(os.listdir(camera)) == ["card", "imagedb"]
        (process,) = processes_of(camera)
        assert os.getsid(process) == process
        for standard in range(3):
            assert os.readlink(f"/proc/{process}/fd/{standard}") == "/dev/null"
        assert os.readlink(f"/proc/{process}/cwd") == "/"
    finally:
        run("fusermount3", "-u", camera)


@pytest.mark.parametrize("closed", ["<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_descriptors(camera: Path, closed: str) -> None:
    """Something without a terminal may start camfs like this."""
    done = run("bash", "-c", f'"$@" {closed}', "bash", *CAMFS, FP, camera, status=None)
    try:
        assert sorted(os.listdir(camera)) == ["card", "imagedb"]
        assert done.returncode == 0
    finally:
        run("fusermount3", "-uz", camera)


@pytest.mark.parametrize("background", [False, True])
def test_unmounting_ends_the_process(camera: Path, background: bool) -> None:
    """The status is 0, and no child process is left; while it runs there is the one that makes system calls (`mount/caller.py`)."""
    with mounted(FP, camera, background=background) as mount:
        lists = Path(f"/proc/{mount.process}/task").glob("*/children")
        (child,) = " ".join(children.read_text() for children in lists).split()
        run("fusermount3", "-u", camera)
        assert mount.wait() == 0
    assert processes_of(camera) == []
    assert not Path(f"/proc/{child}").exists()


def test_nothing_is_inherited_by_name(camera: Path) -> None:
    """A mount inherits the descriptors that the caller left open; they are closed when it ends."""
    reading, writing = os.pipe()
    try:
        subprocess.run([*CAMFS, FP, camera], pass_fds=[writing], check=True, timeout=PATIENCE)
        os.close(writing)
        run("fusermount3", "-u", camera)
        assert select.select([reading], [], [], PATIENCE)[0]
        assert os.read(reading, 1) == b""
    finally:
        os.close(reading)


@pytest.mark.parametrize("front", [[], ["-f"]])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_while_mounting(camera: Path, front: list[str], number: signal.Signals, tmp_path: Path) -> None:
    """A user interrupts the mount of a camera that is slow to answer: nothing is left, and there is no traceback."""
    trace = tmp_path / "trace"
    os.mkfifo(trace)
    reading, writing = os.pipe()
    command = [*CAMFS, f"{FP}?latency=1&trace={trace}", str(camera), *front]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, pass_fds=[writing])
    os.close(writing)
    try:
        with open(trace) as opened:
            assert "OpenSession" in opened.readline()
            process.send_signal(number)
            _, said = process.communicate(timeout=PATIENCE)
            assert process.returncode != 0
            assert select.select([reading], [], [], PATIENCE)[0], "something goes on in the background"
            opened.read()
    finally:
        os.close(reading)
        if mount_entries(camera):
            run("fusermount3", "-uz", camera)
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 1


SIGNALLED = """\
import os, signal, sys
from camfs import cli
name, number = sys.argv[1], int(sys.argv[2])
call, parent, pending = getattr(os, name), os.getpid(), [number]
def signalled(*args, **keywords):
    done = call(*args, **keywords)
    if os.getpid() == parent and pending and (name == "fork" or args[0] == sys.argv[-1]):
        os.kill(parent, pending.pop())
    return done
setattr(os, name, signalled)
sys.exit(cli.main(sys.argv[3:]))
"""
"""Runs camfs, which gets a signal as soon as a system call has returned in the process that the user has started."""


@pytest.mark.parametrize("call", ["fork", "stat"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted_at_any_moment(camera: Path, call: str, number: signal.Signals) -> None:
    """Right after the child was made, and when it has already mounted: neither the child nor a mount is left when the command returns."""
    done = run(
        sys.executable, "-c", SIGNALLED, call, str(int(number)), f"{FP}?latency=0.1", camera, status=128 + number
    )
    assert processes_of(camera) == []
    assert not mount_entries(camera)
    assert (done.stdout, done.stderr) == ("", "")


def test_killed_while_mounting(camera: Path) -> None:
    """The child cannot report any more; what it has mounted goes again."""
    reading, writing = os.pipe()
    command = [sys.executable, "-c", SIGNALLED, "fork", str(int(signal.SIGKILL)), f"{FP}?latency=0.1", str(camera)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, pass_fds=[writing]) as process:
        os.close(writing)
        assert process.wait(PATIENCE) == -signal.SIGKILL
        assert select.select([reading], [], [], PATIENCE)[0], "something goes on in the background"
        os.close(reading)
    assert not mount_entries(camera)


def test_started_by_mount(camera: Path, folder: Path) -> None:
    """mount(8) and an fstab line call mount.fuse3, which runs camfs in a shell, with all their options."""
    make_file(folder / "1.JPG", 10)
    source = f"{Path(sys.executable).parent / 'camfs'}#{FP}?card={folder}&serial=Nr. 7"
    options = "rw,nosuid,nodev,noexec,noauto,user,x-systemd.automount,uid=1234"
    run("mount.fuse3", source, camera, "-o", options, env={"PATH": f"/sbin:/usr/sbin:{os.environ['PATH']}"})
    try:
        run("diff", "-r", folder, camera / "card")
        assert (camera / "card").stat().st_uid == 1234
        assert "serial: Nr. 7" in (camera / ".status").read_text()
        (entry,) = mount_entries(camera)
        assert entry.source.startswith(FP)
        assert {"nosuid", "nodev", "noexec"} <= set(entry.options)
    finally:
        run("fusermount3", "-u", camera)

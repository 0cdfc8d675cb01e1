"""Programs that watch folders: they see new pictures, and those that go, and nobody pays for it."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from camfs.protocols.ptp.codes import EventCode, StorageID
from camfs.virtual.ptp.camera import EmulatedCamera
from tests.mounted.contents import make_file
from tests.mounted.inprocess import camera_in_process
from tests.mounted.mount import CAMFS, PATIENCE, Mount, mounted, processes_of, run
from tests.mounted.watch import watching

CARD = StorageID(0x00010001)


@pytest.fixture
def source(folder: Path) -> str:
    """Return a camera that sends events, with a few files."""
    for number in range(4):
        make_file(folder / f"{number}.JPG", 1000)
    return f"virtual:ptp?card={folder}"


def add(name: str, data: bytes = b"picture") -> object:
    """Return what adds a picture to the card, as the body's own shutter does."""
    return lambda camera: camera.state.store(CARD).add_file("", name, data)


def caller_of(mount: Mount) -> int:
    """Return the process that makes system calls for a mount."""
    found = [
        int(process.name)
        for process in Path("/proc").glob("[0-9]*")
        if os.fsencode(mount.path) in cmdline(process) and any(b"system_calls.py" in word for word in cmdline(process))
    ]
    assert len(found) <= 1
    return found[0] if found else 0


def cmdline(process: Path) -> list[bytes]:
    try:
        return (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


def wait_until_gone(process: int) -> None:
    """Wait for a process that is not a child of this one."""
    deadline = time.monotonic() + PATIENCE
    while Path(f"/proc/{process}").exists() and "(zombie)" not in Path(f"/proc/{process}/status").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_capture(source: str, camera: Path) -> None:
    with mounted(source, camera) as mount:
        (camera / ".capture").write_text("1\n")
        first = Path((camera / ".capture").read_text().strip())
        with watching(camera / first.parent) as watch:
            for _ in range(3):
                (camera / ".capture").write_text("1\n")
                name = Path((camera / ".capture").read_text().strip()).name
                assert watch.several(2) == [f"CREATE {name}", f"CLOSE_WRITE {name}"]
                assert (camera / first.parent / name).read_bytes()
        assert caller_of(mount)


def test_imagedb(camera: Path, tmp_path: Path) -> None:
    """Shots of a SIGMA are seen, in a folder that nobody has listed, and their going, too."""
    with (
        mounted("virtual:sigma-fp", camera, f"spool={tmp_path / 'spool'}"),
        watching(camera / "imagedb") as watch,
    ):
        (camera / ".capture").write_text("1\n")
        names = [Path(line).name for line in (camera / ".capture").read_text().split()]
        expected = [f"{what} {name}" for name in names for what in ("CREATE", "CLOSE_WRITE")]
        assert sorted(watch.several(len(expected))) == sorted(expected)
        (camera / "imagedb" / names[0]).unlink()
        assert watch.next() == f"DELETE {names[0]}"


@pytest.mark.parametrize("listed", [True, False])
def test_the_shutter_of_the_body(listed: bool, camera: Path) -> None:
    with camera_in_process() as body, mounted(body.source, camera):
        if listed:
            os.listdir(camera / "card")
        with watching(camera / "card") as watch:
            body.do(add("NEW.JPG"))  # type: ignore[arg-type]
            assert watch.several(2) == ["CREATE NEW.JPG", "CLOSE_WRITE NEW.JPG"]
            assert (camera / "card/NEW.JPG").read_bytes() == b"picture"
            body.do(lambda camera: camera.state.store(CARD).remove(camera.state.store(CARD).find("NEW.JPG")))
            assert watch.next() == "DELETE NEW.JPG"
            assert not (camera / "card/NEW.JPG").exists()


def test_folders(camera: Path) -> None:
    with camera_in_process() as body, mounted(body.source, camera):
        os.listdir(camera / "card")
        with watching(camera / "card") as watch:
            body.do(lambda camera: camera.state.store(CARD).add_file("101NEW", "A.JPG", b"a"))
            assert watch.next() == "CREATE 101NEW/"
            watch.add(camera / "card/101NEW")
            assert os.listdir(camera / "card/101NEW") == ["A.JPG"]
            body.do(lambda camera: camera.state.store(CARD).add_file("101NEW", "B.JPG", b"b"))
            assert "CREATE B.JPG" in watch.several(2)


def test_a_storm(camera: Path) -> None:
    """A thousand pictures at once are told one by one; meanwhile the mount answers, and what is told is there."""
    with camera_in_process() as body, mounted(body.source, camera), watching(camera / "card") as watch:

        def storm(camera: EmulatedCamera) -> None:
            for number in range(1000):
                camera.state.store(CARD).add_file("", f"S{number:04}.JPG", b"x")

        body.do(storm)
        (camera / ".status").read_text()
        told = watch.several(2000)
        assert sorted(told[::2]) == [f"CREATE S{number:04}.JPG" for number in range(1000)]
        assert len(os.listdir(camera / "card")) >= 1000


def test_who_reads_while_a_picture_is_told(camera: Path) -> None:
    """What is open stays what it was, and a picture that is read at the moment is whole."""
    with camera_in_process() as body, mounted(body.source, camera), watching(camera / "card") as watch:
        body.do(add("A.JPG", bytes(3_000_000)))  # type: ignore[arg-type]
        with open(camera / "card/A.JPG", "rb") as file:
            assert file.read(1) == b"\0"
            watch.several(2)
            body.do(add("B.JPG"))  # type: ignore[arg-type]
            assert len(file.read()) == 2_999_999


def test_noinotify(source: str, camera: Path) -> None:
    with mounted(source, camera, "noinotify") as mount, watching(camera / "card") as watch:
        assert caller_of(mount) == 0
        (camera / ".capture").write_text("1\n")
        assert watch.next(0.5) == ""


def test_read_only(source: str, camera: Path) -> None:
    """Nobody can make a file on a read-only mount, for the news neither; it mounts and works without."""
    with mounted(source, camera, "ro") as mount:
        assert caller_of(mount) == 0
        assert len(os.listdir(camera / "card")) >= 4


def test_nobody_else_can_write(source: str, camera: Path) -> None:
    with mounted(source, camera) as mount, watching(camera / "card"):
        mount.expect("allow_delete")
        for make in (
            lambda path: os.mknod(path, 0o100644),
            lambda path: os.mkdir(path),
            lambda path: os.open(path, os.O_WRONLY | os.O_CREAT),
        ):
            with pytest.raises(OSError, match="Read-only file system"):
                make(camera / "card/X.JPG")
        with pytest.raises(OSError, match="Read-only file system"):
            os.open(camera / "card/0.JPG", os.O_WRONLY)
        with pytest.raises(PermissionError):
            os.unlink(camera / "card/0.JPG")


def test_a_caller_that_dies(source: str, camera: Path) -> None:
    """Its death is said once, and costs nothing but the news."""
    with mounted(source, camera) as mount, watching(camera / "card") as watch:
        os.kill(caller_of(mount), signal.SIGKILL)
        mount.expect("has died")
        for _ in range(3):
            (camera / ".capture").write_text("1\n")
        assert watch.next(0.2) == ""
        assert caller_of(mount) == 0, "it was waited for"
        assert sum("has died" in line for line in mount.lines()) == 1
        assert (camera / (camera / ".capture").read_text().strip()).read_bytes()


def test_signals_of_the_terminal_do_not_end_it(source: str, camera: Path) -> None:
    with mounted(source, camera) as mount, watching(camera / "card") as watch:
        (camera / ".capture").write_text("1\n")
        path = camera / (camera / ".capture").read_text().strip()
        watch.add(path.parent)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(caller_of(mount), number)
        (camera / ".capture").write_text("1\n")
        assert watch.next().startswith("CREATE ")


def test_camfs_killed_leaves_no_process(camera: Path, tmp_path: Path) -> None:
    """At rest, and in the middle of a storm, when the other process is in a system call on the mount."""
    for storm in (0, 20, 200, 500):
        with camera_in_process() as body, mounted(body.source, camera) as mount:
            with watching(camera / "card") as watch:
                caller = caller_of(mount)
                for number in range(storm):
                    body.do(add(f"S{number:04}.JPG"))  # type: ignore[arg-type]
                if storm:
                    watch.next()
                os.kill(mount.process, signal.SIGKILL)
                mount.wait()
                wait_until_gone(caller)
            run("fusermount3", "-uz", camera)


def test_unmounting_in_a_storm(camera: Path) -> None:
    """camfs ends promptly on a signal, and so does the other process."""
    with camera_in_process() as body, mounted(body.source, camera) as mount:
        with watching(camera / "card") as watch:
            caller = caller_of(mount)
            for number in range(500):
                body.do(add(f"S{number:04}.JPG"))  # type: ignore[arg-type]
            watch.next()
        begun = time.monotonic()
        os.kill(mount.process, signal.SIGTERM)
        assert mount.wait() == 0
        assert time.monotonic() - begun < 20
        assert not Path(f"/proc/{caller}").exists()


def test_unmounting_right_after_a_picture(source: str, camera: Path) -> None:
    """`.capture` returns when watchers have been told, so that the mount is not in use then."""
    with mounted(source, camera) as mount:
        (camera / ".capture").write_text("1\n")
        with watching((camera / (camera / ".capture").read_text().strip()).parent):
            (camera / ".capture").write_text("1\n")
        mount.unmount()


def test_in_the_background(source: str, camera: Path) -> None:
    with mounted(source, camera, background=True) as mount:
        caller = caller_of(mount)
        assert processes_of(camera) == [mount.process]
        (camera / ".capture").write_text("1\n")
        with watching((camera / (camera / ".capture").read_text().strip()).parent) as watch:
            (camera / ".capture").write_text("1\n")
            assert watch.next().startswith("CREATE ")
        held = {os.readlink(link) for link in Path(f"/proc/{caller}/fd").iterdir()}
        assert not any("fuse" in name or "tty" in name or str(camera) in name for name in held)
        assert os.readlink(f"/proc/{caller}/cwd") == "/"
    wait_until_gone(caller)


def test_it_is_small(source: str, camera: Path) -> None:
    """What is its own: shared pages of the interpreter are camfs's, too."""
    with mounted(source, camera) as mount:
        shares = Path(f"/proc/{caller_of(mount)}/smaps_rollup").read_text().splitlines()
        private = sum(int(line.split()[1]) for line in shares if line.startswith(("Private_", "Private_Dirty")))
        assert private < 8 << 10


def test_inotifywait(camera: Path) -> None:
    with camera_in_process() as body, mounted(body.source, camera):
        command = [
            "inotifywait",
            "-q",
            "-m",
            "--format",
            "%e %f",
            "-e",
            "create,close_write,delete",
            str(camera / "card"),
        ]
        wait = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert wait.stdout is not None
            deadline = time.monotonic() + PATIENCE
            while not any("wd:" in info.read_text() for info in Path(f"/proc/{wait.pid}/fdinfo").iterdir()):
                assert time.monotonic() < deadline
                time.sleep(0.01)
            body.do(add("NEW.JPG"))  # type: ignore[arg-type]
            assert [wait.stdout.readline() for _ in range(2)] == ["CREATE NEW.JPG\n", "CLOSE_WRITE,CLOSE NEW.JPG\n"]
        finally:
            wait.kill()
            wait.communicate()


def test_a_camera_that_polls_is_seen_after_refresh(camera: Path) -> None:
    """Of a camera that announces nothing programs are told when it is listed again: by `.refresh`, or by who looks."""
    with camera_in_process(events="off") as body, mounted(body.source, camera, "attr_timeout=3600"):
        os.listdir(camera / "card")
        with watching(camera / "card") as watch:
            body.do(add("NEW.JPG"))  # type: ignore[arg-type]
            (camera / ".refresh").write_text("1\n")
            assert watch.several(2) == ["CREATE NEW.JPG", "CLOSE_WRITE NEW.JPG"]


def test_the_program_runs_by_itself() -> None:
    """It answers each request with an errno, and ends with its input."""
    program = Path(__file__).parents[2] / "camfs/mount/system_calls.py"
    done = subprocess.run(
        [sys.executable, "-I", "-S", program, "/nonexistent"],
        input=b"fA.JPG\0dfolder\0uA.JPG\0rfolder\0",
        capture_output=True,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"2\n2\n2\n2\n", b"")


def test_events_about_everything(source: str, camera: Path) -> None:
    """FolderChanged(None) of a camera that says only that something has changed."""
    with camera_in_process() as body, mounted(body.source, camera):
        os.listdir(camera / "card")
        with watching(camera / "card") as watch:
            body.do(lambda camera: _silently(camera, "NEW.JPG"))
            body.announce(EventCode.StorageInfoChanged, CARD)
            assert watch.several(2) == ["CREATE NEW.JPG", "CLOSE_WRITE NEW.JPG"]


def _silently(camera: EmulatedCamera, name: str) -> None:
    """Add a picture that no event tells of."""
    notify, camera.state.notify = camera.state.notify, lambda *_: None  # type: ignore[method-assign]
    camera.state.store(CARD).add_file("", name, b"picture")
    camera.state.notify = notify  # type: ignore[method-assign]


USER = 65534

AS_USER = (
    *("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),  # the interpreter may lie in root's home
)


def test_a_user_who_is_not_root(open_place: Path) -> None:
    """Mounted by fusermount3, and told by a process of that user; a watcher of that user sees it, and nothing is left behind."""
    point = open_place / "camera"
    point.mkdir()
    os.chown(point, USER, USER)
    os.chown(open_place, USER, USER)
    places = {name: str(open_place) for name in ("HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")}
    script = f"""
set -e
{shlex.join(CAMFS)} virtual:ptp {point}
{shlex.quote(sys.executable)} -c {shlex.quote(WATCHER)} {point}
fusermount3 -u {point}
"""
    try:
        assert run(*AS_USER, "sh", "-c", script, env=places).stdout.split() == ["CREATE", "CLOSE_WRITE"]
    finally:
        subprocess.run(["umount", "-l", point], stderr=subprocess.DEVNULL)
    for process in Path("/proc").glob("[0-9]*"):
        if os.fsencode(point) in cmdline(process):
            wait_until_gone(int(process.name))


WATCHER = """
import pathlib, sys
from tests.mounted.watch import watching
point = pathlib.Path(sys.argv[1])
(point / ".capture").write_text("1")
with watching((point / (point / ".capture").read_text().strip()).parent) as watch:
    (point / ".capture").write_text("1")
    print(*(line.split()[0] for line in watch.several(2)))
"""


def test_allow_other_lets_nobody_in(source: str, open_place: Path) -> None:
    """Even where the modes would let everybody write."""
    point = open_place / "camera"
    with mounted(source, point, "allow_other,umask=0") as mount, watching(point / "card"):
        mount.expect("allow_delete")
        (point / ".capture").write_text("1\n")
        for command in (
            ["mknod", f"{point}/card/X", "p"],
            ["mkdir", f"{point}/card/X"],
            ["rm", "-f", f"{point}/card/0.JPG"],
        ):
            done = run("setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", *command, status=None)
            assert done.returncode != 0
            assert "Read-only file system" in done.stderr or "not permitted" in done.stderr
        assert sorted(os.listdir(point / "card"))[:4] == ["0.JPG", "1.JPG", "2.JPG", "3.JPG"]

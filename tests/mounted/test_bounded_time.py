"""Cameras that are slow, silent or busy: no call takes longer than its budget, and what can be had is had."""

import contextlib
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from camfs.protocols.ptp.codes import Operation, ResponseCode
from camfs.virtual.ptp.camera import EmulatedCamera
from camfs.virtual.ptp.faults import Fault, FaultKind
from tests.mounted.contents import KIB, make_file
from tests.mounted.inprocess import CameraInProcess, camera_in_process
from tests.mounted.mount import Mount, camfs, mounted, run

DEEP = "D1/D2/D3/D4/D5/D6"

SHORT = 10.0
"""Seconds that no call takes on a mount with `timeout=1`."""

USUAL = 20.0
"""Seconds that no call takes on a mount with the default time-out: then a computer cannot be suspended."""


@pytest.fixture
def served(folder: Path) -> Iterator[CameraInProcess]:
    """Serve a camera with a few pictures six folders deep."""
    (folder / DEEP).mkdir(parents=True)
    for number in range(1, 8):
        make_file(folder / DEEP / f"{number}.JPG", 400 * KIB)
    with camera_in_process(card=str(folder)) as camera:
        camera.do(lambda body: body.state.stores.pop())
        yield camera


def spoil(served: CameraInProcess, kind: FaultKind, operation: int, **about: int) -> None:
    """Let an operation go wrong, always."""
    fault = Fault(kind, operation, times=None)
    for name, value in about.items():
        setattr(fault, name, value)
    served.do(lambda body: body.faults.append(fault))


def timed(mount: Mount, commands: str, seconds: float) -> str:
    """Run shell commands in the mount point, which end in time; return what they say."""
    begun = time.monotonic()
    done = subprocess.run(
        ["sh", "-c", commands], cwd="/", env={**os.environ, "M": str(mount.path)}, capture_output=True, text=True
    )
    taken = time.monotonic() - begun
    assert taken < seconds, f"{commands}: {taken:.1f} s: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


CALLS = (
    f"ls $M/card/{DEEP}",
    f"cat $M/card/{DEEP}/1.JPG | wc -c",
    f"stat $M/card/{DEEP}/2.JPG",
    "df $M",
    "cat $M/.status",
    "ls $M/.settings",
    "grep . $M/.settings/*",
    f"ls -l $M/.thumbnails/card/{DEEP}",
    f"for i in 2 3 4 5 6 7; do cat $M/card/{DEEP}/$i.JPG > /dev/null & done; wait",
)


@pytest.mark.parametrize(
    "operation",
    [
        Operation.GetStorageIDs,
        Operation.GetStorageInfo,
        Operation.GetNumObjects,
        Operation.GetObjectHandles,
        Operation.GetObjectInfo,
        Operation.GetThumb,
        Operation.GetDevicePropDesc,
        Operation.GetPartialObject,
    ],
    ids=lambda operation: operation.name,
)
def test_an_operation_that_is_never_answered(operation: Operation, served: CameraInProcess, camera: Path) -> None:
    with mounted(served.source, camera, "timeout=1") as mount:
        mount.tolerate("")
        spoil(served, FaultKind.NO_ANSWER, operation)
        for call in CALLS:
            timed(mount, call, SHORT)
        assert mount.read_status()["camera"] == "PTP camera"
        served.do(lambda body: body.faults.clear())
        (camera / ".refresh").write_text("1")
        assert len(os.listdir(camera / "card" / DEEP)) == 7
        assert len((camera / "card" / DEEP / "7.JPG").read_bytes()) == 400 * KIB


def test_a_listing_that_is_never_answered_with_the_usual_time_out(served: CameraInProcess, camera: Path) -> None:
    """What takes long by nature may take so long, and no longer."""
    with mounted(served.source, camera) as mount:
        mount.tolerate("")
        spoil(served, FaultKind.NO_ANSWER, Operation.GetObjectHandles)
        assert "timed out" in timed(mount, "ls $M/card", USUAL)


def test_a_camera_that_never_describes_its_store_shows_its_pictures(
    served: CameraInProcess, folder: Path, camera: Path
) -> None:
    with mounted(served.source, camera, "timeout=1") as mount:
        mount.expect("does not describe its stores")
        spoil(served, FaultKind.NO_ANSWER, Operation.GetStorageInfo)
        run("diff", "-r", folder / DEEP, camera / "card" / DEEP)
        assert len(os.listdir(camera / "card" / DEEP)) == 7
        assert os.statvfs(camera / "card").f_blocks == 0


@pytest.mark.parametrize("code", [ResponseCode.GeneralError, ResponseCode.AccessDenied, ResponseCode.DeviceBusy])
def test_thumbnails_that_are_refused(code: int, served: CameraInProcess, camera: Path, tmp_path: Path) -> None:
    """Their names, sizes and dates are there; only reading fails."""
    with mounted(served.source, camera) as mount:
        spoil(served, FaultKind.REFUSE, Operation.GetThumb, code=code)
        listed = timed(mount, f"ls -l $M/.thumbnails/card/{DEEP}", SHORT)
        assert listed.count(".JPG") == 7
        assert "?" not in listed
        assert all(each.stat().st_size == 0 for each in (camera / ".thumbnails/card" / DEEP).iterdir())
        mount.tolerate("(?i)thumb")
        done = run("cp", "-r", camera / ".thumbnails/card", tmp_path / "copy", status=1)
        assert "cannot stat" not in done.stderr


@pytest.mark.parametrize("code", [ResponseCode.DeviceBusy, ResponseCode.SessionNotOpen])
def test_settings_that_are_refused(code: int, served: CameraInProcess, camera: Path) -> None:
    """Those of a THETA Z1 and of a Leica: reading all of them takes seconds, and the others are read."""

    def refuse_most(body: EmulatedCamera) -> None:
        for number in sorted(body.state.properties)[2:]:
            body.faults.append(Fault(FaultKind.REFUSE, Operation.GetDevicePropDesc, number, times=None, code=code))

    with mounted(served.source, camera) as mount:
        mount.tolerate("")
        served.do(refuse_most)
        for _ in range(3):
            said = timed(mount, "grep -H . $M/.settings/*", 4)
            assert "battery-level:75%" in said
        opened = served.do(lambda body: body.responder.session)
        assert opened == 1


def test_a_long_exposure_is_waited_for_and_told(served: CameraInProcess, camera: Path) -> None:
    """Meanwhile another program reads `.status`, at once, though the camera is busy."""

    def expose(body: EmulatedCamera) -> None:
        body.state.capture.seconds = 8
        busy = Fault(FaultKind.REFUSE, None, skip=1, times=60, code=ResponseCode.DeviceBusy)
        body.faults.append(busy)

    with mounted(served.source, camera, "timeout=1") as mount:
        before = mount.read_status()
        served.do(expose)
        shooting = subprocess.Popen(["sh", "-c", f"echo 1 > {camera}/.capture"])
        told = []
        for _ in range(4):
            time.sleep(1)
            begun = time.monotonic()
            status = mount.read_status()
            assert time.monotonic() - begun < 3  # the exposure takes longer
            told.append(status.pop("capture"))
            assert status == before
        assert told[-1].startswith("shot 1 of 1, waiting for the camera, ")
        served.do(lambda body: body.faults.clear())
        assert shooting.wait(30) == 0
        assert (camera / (camera / ".capture").read_text().strip()).read_bytes().startswith(b"\xff\xd8\xff")
        assert "capture" not in mount.read_status()


def test_a_signal_while_a_silent_camera_is_asked(served: CameraInProcess, camera: Path) -> None:
    with mounted(served.source, camera) as mount:
        mount.tolerate("")
        os.stat(camera / "card" / DEEP / "1.JPG")
        spoil(served, FaultKind.NO_ANSWER, Operation.GetPartialObject)
        reading = subprocess.Popen(["cat", camera / "card" / DEEP / "1.JPG"], stderr=subprocess.DEVNULL)
        time.sleep(0.5)
        begun = time.monotonic()
        os.kill(mount.process, 15)
        assert mount.wait() == 0
        assert time.monotonic() - begun < USUAL
        reading.wait(30)


# ---------------------------------------------------------------------- connecting


@pytest.fixture
def taken_port() -> Iterator[socket.socket]:
    """Return a socket with a port of loopback, at which nobody listens."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        yield taken


def test_nobody_listens(taken_port: socket.socket, camera: Path) -> None:
    """It is tried for some seconds, and the line says why there is no mount."""
    begun = time.monotonic()
    done = camfs(f"ptpip:127.0.0.1:{taken_port.getsockname()[1]}", camera)
    assert done.returncode == 1
    assert "nobody listens at 127.0.0.1" in done.stderr
    assert done.stderr.count("\n") == 1
    assert 8 < time.monotonic() - begun < 30


def test_a_host_that_does_not_exist(camera: Path) -> None:
    begun = time.monotonic()
    done = camfs("ptpip:no-such-host.invalid", camera)
    assert done.returncode == 1
    assert "no-such-host.invalid" in done.stderr
    assert time.monotonic() - begun < 8


def test_a_camera_that_closes_its_first_connections(served: CameraInProcess, camera: Path) -> None:
    """As some do that have just been switched on; here a listener stands before the camera, and passes on from the fourth."""
    port = int(served.source.rpartition(":")[2])
    with contextlib.ExitStack() as sockets, socket.create_server(("127.0.0.1", 0)) as listener:
        threads: list[threading.Thread] = []
        closed = 0

        def pass_on(here: socket.socket, there: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while data := here.recv(1 << 16):
                    there.sendall(data)
                there.shutdown(socket.SHUT_WR)

        def answer() -> None:
            nonlocal closed
            while closed < 3:
                listener.accept()[0].close()
                closed += 1
            for _ in range(2):
                here = sockets.enter_context(listener.accept()[0])
                there = sockets.enter_context(socket.create_connection(("127.0.0.1", port)))
                for pair in ((here, there), (there, here)):
                    threads.append(threading.Thread(target=pass_on, args=pair))
                    threads[-1].start()

        threads.append(threading.Thread(target=answer))
        threads[-1].start()
        with mounted(f"ptpip:127.0.0.1:{listener.getsockname()[1]}", camera) as mount:
            assert os.listdir(camera) == ["card"]
            mount.unmount()
        assert closed == 3
        for thread in threads:
            thread.join(10)

"""The live view of a mounted SIGMA fp: a stream for many readers, for the programs that people give it, and while other work goes on."""

import errno
import io
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from tests.mounted.mount import PATIENCE, Mount, mounted, run
from tests.mounted.test_controls import errno_of_reading, write


@pytest.fixture
def fp(camera: Path, tmp_path: Path) -> Iterator[Mount]:
    with mounted(
        "virtual:sigma-fp?snap_time=0.01&settings=image-quality:fine", camera, f"spool={tmp_path / 'spool'}"
    ) as mount:
        yield mount


def frames_in(stream: bytes) -> list[bytes]:
    """Return the whole frames of a stream."""
    return [b"\xff\xd8" + each.partition(b"\xff\xd9")[0] + b"\xff\xd9" for each in stream.split(b"\xff\xd8")[1:-1]]


@contextmanager
def watched(mount: Mount, pause: float = 0.0) -> Iterator[list[bytes]]:
    """Read the stream while the block runs, in a thread; the list that this gives grows by what came."""
    parts: list[bytes] = []
    stop = threading.Event()

    def watch() -> None:
        with open(mount.path / ".liveview.mjpeg", "rb", buffering=0) as stream:
            while not stop.is_set():
                parts.append(stream.read(1 << 20))
                time.sleep(pause)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        while not parts:
            time.sleep(0.01)
        yield parts
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_many_readers_without_end(fp: Mount) -> None:
    readers = [
        subprocess.Popen(["head", "-c", "20000000", fp.path / ".liveview.mjpeg"], stdout=subprocess.PIPE)
        for _ in range(5)
    ]
    for reader in readers:
        stream, _ = reader.communicate(timeout=PATIENCE)
        assert (reader.returncode, len(stream)) == (0, 20_000_000)
        frames = frames_in(stream)
        assert len(frames) > 10
        for frame in (frames[0], frames[-1]):
            Image.open(io.BytesIO(frame)).load()


def test_watching_holds_up_neither_settings_nor_copies(fp: Mount, tmp_path: Path) -> None:
    assert write(fp.path / ".capture", "1") == 0
    (path,) = (fp.path / ".capture").read_text().split()
    with watched(fp), watched(fp, pause=0.5) as slow:
        assert write(fp.path / ".settings/iso", "400") == 0
        assert (fp.path / ".settings/iso").read_text() == "400\n"
        run("cp", fp.path / path, tmp_path / "copy.jpg")
        assert write(fp.path / ".capture", "2") == 0
        before = len(slow)
        while len(slow) < before + 3:
            time.sleep(0.05)
    Image.open(tmp_path / "copy.jpg").load()


def test_the_body_is_released_when_the_last_reader_has_gone(camera: Path, tmp_path: Path) -> None:
    with mounted("virtual:sigma-fp", camera, f"idle=1,spool={tmp_path / 'spool'}") as mount:
        with watched(mount):
            time.sleep(2.5)
            assert mount.read_status()["control"] == "yes"
        end = time.monotonic() + PATIENCE
        while mount.read_status()["control"] == "yes":
            assert time.monotonic() < end
            time.sleep(0.1)


def test_a_reader_that_waits_can_be_killed(camera: Path, tmp_path: Path) -> None:
    """No frame comes for half a minute, and the reader is gone long before."""
    with mounted("virtual:sigma-fp?latency=4", camera, f"spool={tmp_path / 'spool'}") as mount:
        mount.tolerate("")
        for ending in (signal.SIGINT, signal.SIGKILL):
            reader = subprocess.Popen(["cat", mount.path / ".liveview.mjpeg"], stdout=subprocess.DEVNULL)
            time.sleep(2)
            reader.send_signal(ending)
            begun = time.monotonic()
            assert reader.wait(PATIENCE) == -ending
            assert time.monotonic() - begun < 5


def test_unmounting_with_readers(camera: Path, tmp_path: Path) -> None:
    with mounted("virtual:sigma-fp", camera, f"spool={tmp_path / 'spool'}") as mount:
        readers = [
            subprocess.Popen(["cat", camera / ".liveview.mjpeg"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            for _ in range(3)
        ]
        while mount.read_status()["control"] == "no":
            time.sleep(0.05)
        assert "busy" in run("fusermount3", "-u", camera, status=1).stderr
        os.kill(mount.process, signal.SIGTERM)
        assert mount.wait() == 0
        for reader in readers:
            _, said = reader.communicate(timeout=PATIENCE)
            assert reader.returncode == 1
            assert b"cat: " in said


def test_a_camera_without_live_view(camera: Path) -> None:
    with mounted("virtual:ptp", camera) as mount:
        mount.expect("no live view")
        for name in (".liveview.jpg", ".liveview.mjpeg"):
            assert errno_of_reading(camera / name) == errno.EOPNOTSUPP


# ---------------------------------------------------------------------- programs


def test_ffmpeg_reads_the_stream(fp: Mount, tmp_path: Path) -> None:
    """As for a webcam: `-f v4l2 /dev/video9` takes the place of the files."""
    command = ["ffmpeg", "-v", "error", "-f", "mjpeg", "-i", str(fp.path / ".liveview.mjpeg")]
    done = run(*command, "-frames:v", "20", "-pix_fmt", "yuv420p", tmp_path / "frame%02d.png")
    assert done.stderr == ""
    assert len(list(tmp_path.glob("frame*.png"))) == 20


def test_ffmpeg_reads_a_stream_that_begins_late(camera: Path, tmp_path: Path) -> None:
    """It then begins with fill bytes."""
    with mounted("virtual:sigma-fp?latency=0.4", camera, f"spool={tmp_path / 'spool'}") as mount:
        with open(camera / ".liveview.mjpeg", "rb", buffering=0) as stream:
            assert stream.read(10) == b"\xff"
        command = ["ffmpeg", "-v", "error", "-f", "mjpeg", "-i", str(camera / ".liveview.mjpeg")]
        assert run(*command, "-frames:v", "2", tmp_path / "frame%02d.png").stderr == ""
        assert len(list(tmp_path.glob("frame*.png"))) == 2
        mount.tolerate("")


def test_programs_that_look_at_one_frame(fp: Mount, tmp_path: Path) -> None:
    frame = fp.path / ".liveview.jpg"
    assert "JPEG image data" in run("file", frame).stdout
    run("ffmpeg", "-v", "error", "-f", "image2", "-i", frame, "-frames:v", "1", tmp_path / "ffmpeg.png")
    run("exiftool", "-q", "-ImageSize", frame)
    run("rsync", "-a", frame, tmp_path / "rsync.jpg")
    for copy in ("ffmpeg.png", "rsync.jpg"):
        Image.open(tmp_path / copy).load()

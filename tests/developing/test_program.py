"""Developing one raw picture: real and generated ones, and what is none, or not all of one."""

import io
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from PIL import Image

from camfs.developing.program import CannotDevelop, develop
from camfs.protocols import kdc as header
from camfs.virtual.pictures import kdc
from tests.shared import shared

QUALITIES = range(4)


def generated(quality: int, number: int = 7) -> bytes:
    return kdc.picture(kdc.Shot(number=number, taken=datetime(1998, 2, 3, 4, 5, 6), quality=quality))


def opened(jpeg: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(jpeg))
    picture.load()
    assert picture.format == "JPEG"
    return picture


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_generated_picture(quality: int) -> None:
    picture = opened(develop(generated(quality)))
    assert picture.size == (1301, 976)
    assert picture.getexif()[0x0132] == "1998:02:03 04:05:06"
    assert picture.getexif().get_ifd(0x8769)[0x9003] == "1998:02:03 04:05:06"


@pytest.mark.parametrize("name", ["low", "medium", "high", "raw"])
def test_a_real_picture(name: str) -> None:
    """It shows what the camera's own thumbnail shows."""
    data = shared(f"samples/dc120/flash-{name}.kdc").read_bytes()
    picture = opened(develop(data)).convert("L").resize((8, 6))
    pixels = header.Header.decode(data).thumbnail(data)
    thumbnail = Image.frombytes("RGB", (80, 60), pixels).convert("L").resize((8, 6))
    ours, theirs = list(picture.tobytes()), list(thumbnail.tobytes())
    assert correlation(ours, theirs) > 0.8


def correlation(xs: list[int], ys: list[int]) -> float:
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    product = sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True))
    spread = sum((x - mean_x) ** 2 for x in xs) * sum((y - mean_y) ** 2 for y in ys)
    return float(product / spread**0.5)


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_picture_that_is_cut_short(quality: int) -> None:
    data = generated(quality)
    with pytest.raises(CannotDevelop, match="bytes of a picture of"):
        develop(data[: len(data) // 2])


@pytest.mark.parametrize(
    "data", [b"", b"MM\0*", bytes(100_000), b"\xff\xd8\xff" + bytes(5000), b"MM\0*\0\0\0\x08" * 4000]
)
def test_what_is_no_picture(data: bytes) -> None:
    with pytest.raises(CannotDevelop, match="no raw picture"):
        develop(data)


def test_the_process() -> None:
    command = [sys.executable, "-m", "camfs.developing.program"]
    done = subprocess.run(command, input=generated(3), capture_output=True, check=True, timeout=60)
    assert opened(done.stdout).size == (1301, 976)
    failed = subprocess.run(command, input=b"no picture", capture_output=True, check=False, timeout=60)
    assert (failed.returncode, failed.stdout) == (1, b"")
    assert failed.stderr.startswith(b"no raw picture that libraw knows")
    assert failed.stderr.count(b"\n") == 1


def test_without_rawpy(tmp_path: Path) -> None:
    (tmp_path / "rawpy.py").write_text("raise ImportError('no rawpy here')")
    command = [sys.executable, "-m", "camfs.developing.program"]
    root = Path(__file__).parents[2]
    done = subprocess.run(
        command,
        input=generated(3),
        capture_output=True,
        check=False,
        timeout=60,
        env={"PYTHONPATH": f"{tmp_path}:{root}"},
    )
    assert done.returncode == 1
    assert done.stderr == b"rawpy is not installed: no rawpy here\n"

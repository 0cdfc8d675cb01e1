"""Other people's programs as clients of the emulated cameras over PTP/IP: gphoto2, and gphotofs beside camfs.

They have codecs of their own, so they notice a mistake that camfs makes on both sides.
"""

import os
import random
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from tests.mounted.mount import camfs, mounted, run, wait_until_mounted
from tests.peers.camera import ServedCamera, served

MIB = 1 << 20

SIZES = (1, 499, 500, 4096, 65_524, 65_536, 65_537, MIB - 1, MIB, MIB + 1, 3 * MIB + 500)
"""Around the sizes of PTP/IP packets and of libgphoto2's reads. libgphoto2 reads no empty file, and from cameras that are not MTP none
of undefined format; so the files are named like movies (tests/README.md, "Peers")."""

COLOURS = ((200, 30, 30), (30, 200, 30), (30, 30, 200))

MODELS = {"ptp": (), "sigma-fp": ("--operations=-9035",)}
"""Models with their options. libgphoto2 takes control of a SIGMA that has ConfigApi, which empties its card."""


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """Return a folder for a camera's card: one with pictures, and one with files of awkward sizes."""
    card = tmp_path / "card"
    pictures, others = card / "DCIM" / "100TEST", card / "DCIM" / "101TEST"
    pictures.mkdir(parents=True)
    others.mkdir()
    for number, colour in enumerate(COLOURS, 1):
        Image.new("RGB", (600, 400), colour).save(pictures / f"DSC0000{number}.JPG")
    for number, size in enumerate(SIZES):
        (others / f"FILE{number:04}.MOV").write_bytes(random.Random(size).randbytes(size))
    for number, path in enumerate(sorted(card.rglob("*"))):
        os.utime(path, (1_700_000_000 + 1000 * number, 1_700_000_000 + 1000 * number))
    return card


@pytest.fixture(params=MODELS)
def camera(request: pytest.FixtureRequest, card: Path, tmp_path: Path) -> Iterator[ServedCamera]:
    """Serve the card on each model."""
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    memory = ("--memory", str(nothing)) if request.param == "ptp" else ()
    with served(request.param, tmp_path, *MODELS[request.param], "--card", str(card), *memory) as camera:
        yield camera


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder and those in it, by their path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def by_name(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return files by their name alone."""
    named = {path.rpartition("/")[2]: data for path, data in files.items()}
    assert len(named) == len(files)
    return named


def test_summary(camera: ServedCamera) -> None:
    said = camera.gphoto2("--summary")
    assert "Model: PTP camera" in said or "Model: SIGMA fp" in said
    assert "Access Capability: Read-Write" in said
    # The camera may write down the last transaction after gphoto2 has ended, but before it answers another.
    camera.gphoto2("--summary")
    assert camera.results()["OpenSession"] == {"OK"}
    assert camera.results()["CloseSession"] == {"OK"}


def test_list_files(camera: ServedCamera, card: Path) -> None:
    listed = [line.split() for line in camera.gphoto2("--list-files").splitlines() if line.startswith("#")]
    assert sorted(words[1] for words in listed) == sorted(by_name(contents(card)))
    times = {words[1]: int(words[-1]) for words in listed}
    assert times == {path.name: int(path.stat().st_mtime) for path in card.rglob("*") if path.is_file()}


def test_get_all_files(camera: ServedCamera, card: Path, into: Path) -> None:
    camera.gphoto2("--get-all-files", into=into)
    assert contents(into) == by_name(contents(card))
    results = camera.results()
    assert results["GetObject"] == results["GetPartialObject"] == {"OK"}


def test_get_all_thumbnails(camera: ServedCamera, into: Path) -> None:
    camera.gphoto2("--folder", "/store_00010001/DCIM/100TEST", "--get-all-thumbnails", into=into)
    thumbnails = sorted(into.iterdir())
    assert [path.name for path in thumbnails] == [f"thumb_DSC0000{number}.jpg" for number in (1, 2, 3)]
    for path, colour in zip(thumbnails, COLOURS, strict=True):
        with Image.open(path) as image:
            assert image.format == "JPEG"
            assert max(image.size) <= 160
            shown = image.convert("RGB").getpixel((50, 50))
        assert isinstance(shown, tuple)
        assert shown == pytest.approx(colour, abs=6)


def test_delete_file(camera: ServedCamera, card: Path) -> None:
    """On the camera: the folder that its card shows is never changed."""
    before = contents(card)
    folder = ("--folder", "/store_00010001/DCIM/100TEST")
    camera.gphoto2(*folder, "--delete-file", "DSC00002.JPG")
    listed = camera.gphoto2(*folder, "--list-files")
    assert ("DSC00001.JPG" in listed, "DSC00002.JPG" in listed, "DSC00003.JPG" in listed) == (True, False, True)
    assert contents(card) == before


def test_a_camera_with_many_files(tmp_path: Path) -> None:
    with served("ptp", tmp_path, "--objects", "500") as camera:
        assert sum(line.startswith("#") for line in camera.gphoto2("--list-files").splitlines()) >= 500


def test_camfs_after_gphoto2_after_camfs(camera: ServedCamera, card: Path, tmp_path: Path) -> None:
    """Each finds the camera as the one before has left it."""
    for _ in range(2):
        with mounted(camera.source, tmp_path / "camfs") as mount:
            assert contents(mount.path / "card") == contents(card)
        assert camera.gphoto2("--list-files").count("FILE") == len(SIZES)


def test_while_camfs_has_the_camera(camera: ServedCamera, tmp_path: Path) -> None:
    with mounted(camera.source, tmp_path / "camfs") as mount:
        run("gphoto2", "--port", camera.gphoto2_port, "--summary", status=1, env=camera.environment)
        point = tmp_path / "another"
        point.mkdir()
        refused = camfs(camera.source, point)
        assert (refused.returncode, refused.stderr) == (1, "camfs: another program is connected to the camera\n")
        assert (mount.path / "card" / "DCIM").is_dir()


@contextmanager
def gphotofs(camera: ServedCamera, point: Path) -> Iterator[Path]:
    """Mount with gphotofs, which has to be told the camera's model over PTP/IP."""
    point.mkdir()
    words = ["gphotofs", f"--port={camera.gphoto2_port}", "--camera=PTP/IP Camera", str(point), "-f"]
    with subprocess.Popen(words, env={**os.environ, **camera.environment}) as process:
        try:
            assert wait_until_mounted(point, process.pid), "gphotofs ended"
            yield point
        finally:
            run("fusermount", "-u", point, status=None)
            try:
                process.wait(60)
            finally:
                process.kill()


def test_gphotofs_and_camfs_show_the_same(camera: ServedCamera, card: Path, tmp_path: Path) -> None:
    with gphotofs(camera, tmp_path / "gphotofs") as point:
        shown = contents(point / "store_00010001")
        times = {path.name: path.stat().st_mtime for path in (point / "store_00010001").rglob("*") if path.is_file()}
    with mounted(camera.source, tmp_path / "camfs", "tz=UTC") as mount:
        assert contents(mount.path / "card") == shown == contents(card)
        found = {path.name: path.stat().st_mtime for path in (mount.path / "card").rglob("*") if path.is_file()}
        assert found == times


def test_the_sigma_with_all_that_it_can_do(tmp_path: Path) -> None:
    with served("sigma-fp", tmp_path) as camera:
        assert "Model: SIGMA fp" in camera.gphoto2("--summary")

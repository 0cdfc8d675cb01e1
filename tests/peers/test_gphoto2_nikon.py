"""gphoto2 with the emulated Nikon over PTP/IP, and camfs on the same body after it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mounted.mount import mounted, run
from tests.peers.camera import ServedCamera, served
from tests.peers.said import check_picture, current, files, seen, setting

QUICK = ("--snap_time", "0.05")

PRESS = 2.5
"""Seconds after gphoto2 has connected at which the photographer takes a picture."""


@pytest.fixture(params=["", "-941C", "-9207,-941C", "-90CA"], ids=["z6", "90C7", "d90", "no-90CA"])
def nikon(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServedCamera]:
    """Serve a Nikon: a Z 6, and what older bodies are like."""
    operations = (f"--operations={request.param}",) if request.param else ()
    with served("nikon", tmp_path, *QUICK, *operations) as camera:
        yield camera


@pytest.fixture
def z6(tmp_path: Path) -> Iterator[ServedCamera]:
    """Serve a Z 6."""
    with served("nikon", tmp_path, *QUICK) as camera:
        yield camera


def test_it_is_known_as_a_nikon(z6: ServedCamera) -> None:
    said = z6.gphoto2("--summary")
    assert "Manufacturer: Nikon Corporation" in said
    assert "Model: Z 6" in said
    names = z6.gphoto2("--list-config").split()
    for name in ("imgsettings/iso", "capturesettings/f-number", "capturesettings/shutterspeed", "actions/viewfinder"):
        assert f"/main/{name}" in names


@pytest.mark.parametrize("extension", ["6", "ffffffff"])
def test_both_extensions_of_real_bodies(extension: str, tmp_path: Path) -> None:
    with served("nikon", tmp_path, *QUICK, "--extension", extension) as camera:
        assert "/main/actions/controlmode" in camera.gphoto2("--list-config").split()


def test_what_gphoto2_sets_camfs_reads(z6: ServedCamera, tmp_path: Path) -> None:
    for name, value, shown in (
        ("iso", "400", "400"),
        ("f-number", "f/5.6", "f/5.6"),
        ("shutterspeed", "0.0020s", "0.0020s"),
    ):
        z6.gphoto2("--set-config", f"{name}={value}")
        assert current(z6.gphoto2("--get-config", name)) == [shown]
    z6.gphoto2("--set-config", "whitebalance=Cloudy", "--set-config", "exposurecompensation=-0.666")
    with mounted(z6.source, tmp_path / "camfs", f"spool={tmp_path}/spool") as mount:
        assert setting(mount, "iso") == "400"
        assert setting(mount, "aperture") == "f/5.6"
        assert setting(mount, "shutter-speed") == "1/500"
        assert setting(mount, "white-balance") == "cloudy"
        assert setting(mount, "exposure-compensation") == "-0.7"
        (mount.path / ".settings/iso").write_text("800")
        (mount.path / ".settings/shutter-speed").write_text("1/60")
    assert current(z6.gphoto2("--get-config", "iso", "--get-config", "shutterspeed")) == ["800", "0.0166s"]


def test_pictures_to_the_computer(nikon: ServedCamera, into: Path) -> None:
    for number in (1, 2):
        nikon.gphoto2("--capture-image-and-download", "--filename", f"shot{number}.jpg", into=into)
    pictures = files(into)
    assert sorted(pictures) == ["shot1.jpg", "shot2.jpg"]
    assert len(set(pictures.values())) == 2
    for data in pictures.values():
        check_picture(data)
    modes = [line["params"][0] for line in seen(nikon, "ChangeCameraMode")]
    assert modes == [1, 0, 1, 0]


def test_pictures_to_the_card_and_camfs_after_them(z6: ServedCamera, into: Path, tmp_path: Path) -> None:
    z6.gphoto2("--set-config", "capturetarget=1", "--capture-image-and-download", "--keep", into=into)
    ((name, data),) = files(into).items()
    check_picture(data)
    with mounted(z6.source, tmp_path / "camfs", f"spool={tmp_path}/spool") as mount:
        assert (mount.path / "card/DCIM/100NZ6__" / name).read_bytes() == data


def test_all_files(z6: ServedCamera, into: Path, tmp_path: Path) -> None:
    z6.gphoto2("--get-all-files", into=into)
    with mounted(z6.source, tmp_path / "camfs", f"spool={tmp_path}/spool") as mount:
        assert files(mount.path / "card/DCIM/100NZ6__") == files(into)
    assert len(files(into)) == 4


def test_raw_and_jpeg_on_the_card(z6: ServedCamera, into: Path, tmp_path: Path) -> None:
    """libgphoto2 fetches an object of undefined format, as a NEF is, only if it is said to have a thumbnail."""
    z6.gphoto2("--set-config", "imagequality=Unknown value 000d", "--set-config", "capturetarget=1")
    for number in (1, 2):
        z6.gphoto2("--capture-image-and-download", f"--filename={number}.%C", into=into)
    assert sorted(files(into)) == ["1.JPG", "1.NEF", "2.JPG", "2.NEF"]
    assert len(set(files(into).values())) == 4
    with mounted(z6.source, tmp_path / "camfs", f"spool={tmp_path}/spool") as mount:
        assert setting(mount, "image-quality") == "raw+fine-star"
        (mount.path / ".capture").write_text("1")
        held = files(mount.path / "card/DCIM/100NZ6__")
    every = tmp_path / "every"
    every.mkdir()
    z6.gphoto2("--get-all-files", into=every)
    assert files(every) == held
    assert [name for name in held if name.endswith(".NEF")]


def test_live_view(z6: ServedCamera, into: Path) -> None:
    z6.gphoto2("--capture-preview", into=into)
    check_picture((into / "capture_preview.jpg").read_bytes())


def test_a_picture_by_the_bodys_own_button(tmp_path: Path, into: Path) -> None:
    with served("nikon", tmp_path, *QUICK, "--awkward", f"press:{PRESS}") as camera:
        camera.gphoto2("--wait-event-and-download=5s", into=into)
        ((_, data),) = files(into).items()
        check_picture(data)


def test_out_of_focus(tmp_path: Path, into: Path) -> None:
    with served("nikon", tmp_path, *QUICK, "--awkward", "no_focus:1") as camera:
        words = ["--set-config", "autofocus=1", "--capture-image-and-download"]
        done = run("gphoto2", "--port", camera.gphoto2_port, *words, status=None, cwd=into, env=camera.environment)
        assert "Out of Focus" in done.stderr
        assert files(into) == {}


def test_camfs_beside_what_gphoto2_left(z6: ServedCamera, into: Path, tmp_path: Path) -> None:
    """gphoto2 leaves the media at the memory after a preview; camfs's shots go where its own setting says."""
    z6.gphoto2("--capture-preview", into=into)
    with mounted(z6.source, tmp_path / "camfs", f"spool={tmp_path}/spool") as mount:
        assert setting(mount, "recording-media") == "memory"
        (mount.path / ".capture").write_text("1")
        assert (mount.path / ".capture").read_text().startswith("card/")

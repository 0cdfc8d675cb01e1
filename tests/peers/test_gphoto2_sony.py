"""gphoto2 with the emulated Sony over PTP/IP, and camfs on the same body after it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mounted.mount import mounted
from tests.peers.camera import ServedCamera, served
from tests.peers.said import check_picture, current, files, setting

QUICK = ("--snap_time", "0.05")

PRESS = 2.5
"""Seconds after gphoto2 has connected at which the photographer takes a picture."""


@pytest.fixture
def sony(tmp_path: Path) -> Iterator[ServedCamera]:
    """Serve a body of the older protocol, the one that this gphoto2 asks for."""
    with served("sony-alpha", tmp_path, *QUICK) as camera:
        yield camera


def test_it_is_known_as_a_sony(sony: ServedCamera) -> None:
    said = sony.gphoto2("--summary")
    assert "Manufacturer: Sony Corporation" in said
    assert "Model: ILCE-6000" in said
    names = sony.gphoto2("--list-config").split()
    for name in ("iso", "whitebalance"):
        assert f"/main/imgsettings/{name}" in names
    for name in ("f-number", "shutterspeed", "expprogram", "focusmode", "exposurecompensation"):
        assert f"/main/capturesettings/{name}" in names


@pytest.mark.parametrize("awkward", ["pseudo"])
def test_what_real_bodies_do(awkward: str, tmp_path: Path) -> None:
    """A storage with nothing in it."""
    with served("sony-alpha", tmp_path, *QUICK, "--awkward", awkward) as camera:
        camera.gphoto2("--set-config", "iso=200")
        assert current(camera.gphoto2("--get-config", "iso")) == ["200"]


def test_what_gphoto2_sets_camfs_reads(sony: ServedCamera, tmp_path: Path) -> None:
    for name, value, shown in (("iso", "200", "200"), ("f-number", "5.6", "f/5.6"), ("shutterspeed", "1/200", "1/200")):
        sony.gphoto2("--set-config", f"{name}={value}")
        assert current(sony.gphoto2("--get-config", name)) == [shown]
    sony.gphoto2("--set-config", "whitebalance=Daylight", "--set-config", "focusmode=Manual")
    with mounted(sony.source, tmp_path / "camfs", f"spool={tmp_path}/spool") as mount:
        assert setting(mount, "iso") == "200"
        assert setting(mount, "aperture") == "f/5.6"
        assert setting(mount, "shutter-speed") == "1/200"
        assert setting(mount, "white-balance") == "daylight"
        assert setting(mount, "focus-mode") == "manual"
        (mount.path / ".settings/iso").write_text("800")
        (mount.path / ".settings/aperture").write_text("f/8")
        (mount.path / ".settings/shutter-speed").write_text("1/60")
    now = current(sony.gphoto2("--get-config", "iso", "--get-config", "f-number", "--get-config", "shutterspeed"))
    assert now == ["800", "f/8", "1/60"]


def test_pictures(sony: ServedCamera, into: Path, tmp_path: Path) -> None:
    for number in (1, 2):
        sony.gphoto2("--capture-image-and-download", "--filename", f"shot{number}.jpg", into=into)
    pictures = files(into)
    assert sorted(pictures) == ["shot1.jpg", "shot2.jpg"]
    assert len(set(pictures.values())) == 2
    for data in pictures.values():
        check_picture(data)
    with mounted(sony.source, tmp_path / "camfs", f"spool={tmp_path}/spool") as mount:
        (mount.path / ".capture").write_text("1")
        assert [path.name for path in (mount.path / "imagedb").iterdir()] == ["DSC00003.JPG"]
    sony.gphoto2("--capture-image-and-download", "--filename", "after.jpg", into=into)
    check_picture((into / "after.jpg").read_bytes())


def test_live_view(sony: ServedCamera, into: Path) -> None:
    sony.gphoto2("--capture-preview", into=into)
    check_picture((into / "capture_preview.jpg").read_bytes())


def test_a_picture_by_the_bodys_own_button(tmp_path: Path, into: Path) -> None:
    with served("sony-alpha", tmp_path, *QUICK, "--awkward", f"press:{PRESS}") as camera:
        camera.gphoto2("--wait-event-and-download=6s", into=into)
        ((_, data),) = files(into).items()
        check_picture(data)


def test_all_files_are_none(sony: ServedCamera, into: Path) -> None:
    """In PC Remote there is no card."""
    sony.gphoto2("--get-all-files", into=into)
    assert files(into) == {}

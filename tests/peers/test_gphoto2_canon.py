"""gphoto2 and the emulated EOS body over PTP/IP: settings, pictures to its memory and to the card, live view; and camfs after it.

libgphoto2 2.5.30 takes pictures to the body's memory unless it was told otherwise, and keeps what it was told in its home. What it wants
of a body: camfs/protocols/canon_eos/README.md, "What gphoto2 needs".
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mounted.mount import mounted, run
from tests.peers.camera import ServedCamera, served
from tests.peers.said import check_picture, current, files, setting

SETTINGS = (
    ("iso", "iso", ("100", "100"), ("400", "400")),
    ("aperture", "aperture", ("f/5.6", "5.6"), ("f/8", "8")),
    ("shutter-speed", "shutterspeed", ("1/125", "1/125"), ("1/250", "1/250")),
    ("white-balance", "whitebalance", ("auto", "Auto"), ("cloudy", "Cloudy")),
    ("drive-mode", "drivemode", ("single", "Single"), ("self-timer-2s", "Timer 2 sec")),
    ("picture-style", "picturestyle", ("standard", "Standard"), ("landscape", "Landscape")),
    ("image-quality", "imageformat", ("large-fine", "Large Fine JPEG"), ("raw+large-fine", "RAW + Large Fine JPEG")),
    ("exposure-mode", "autoexposuremode", ("manual", "Manual"), ("manual", "Manual")),
)
"""The name for camfs and for gphoto2, and two values, each as camfs and as gphoto2 writes it. Thus their tables agree."""

FOLDER = "card/DCIM/100CANON"


@pytest.fixture
def eos(tmp_path: Path) -> Iterator[ServedCamera]:
    """Serve an EOS body with nothing on its card."""
    card = tmp_path / "card"
    card.mkdir()
    with served("canon-eos", tmp_path, "--card", str(card), "--snap_time", "0.05") as camera:
        yield camera


def test_summary_and_settings(eos: ServedCamera, tmp_path: Path) -> None:
    """What gphoto2 sets, camfs reads on the same body, and the other way round."""
    assert "Model: Canon EOS 60D" in eos.gphoto2("--summary")
    listed = {line.rpartition("/")[2] for line in eos.gphoto2("--list-config").splitlines()}
    assert {theirs for _, theirs, *_ in SETTINGS} <= listed
    asked = [word for _, theirs, *_ in SETTINGS for word in ("--get-config", theirs)]
    assert current(eos.gphoto2(*asked)) == [before[1] for _, _, before, _ in SETTINGS]
    changes = [f"{theirs}={after[1]}" for _, theirs, before, after in SETTINGS if before != after]
    eos.gphoto2(*(word for change in changes for word in ("--set-config", change)))
    with mounted(eos.source, tmp_path / "camfs", f"spool={tmp_path}/spool") as mount:
        assert [setting(mount, ours) for ours, *_ in SETTINGS] == [after[0] for *_, after in SETTINGS]
        for ours, _, before, after in SETTINGS:
            if before != after:
                (mount.path / ".settings" / ours).write_text(before[0])
    assert current(eos.gphoto2(*asked)) == [before[1] for _, _, before, _ in SETTINGS]


def test_pictures_to_the_memory(eos: ServedCamera, into: Path, tmp_path: Path) -> None:
    for number in (1, 2):
        eos.gphoto2(f"--filename={number}.jpg", "--capture-image-and-download", into=into)
    taken = files(into)
    assert len(set(taken.values())) == 2
    for data in taken.values():
        check_picture(data)
    results = eos.results()
    assert results["TransferComplete"] == results["PCHDDCapacity"] == results["RemoteReleaseOn"] == {"OK"}
    with mounted(eos.source, tmp_path / "camfs", f"spool={tmp_path}/spool") as mount:
        assert list((mount.path / "card").iterdir()) == []
        (mount.path / ".capture").write_text("1")
        assert (mount.path / ".capture").read_text() == f"{FOLDER}/IMG_0003.JPG\n"
        check_picture((mount.path / FOLDER / "IMG_0003.JPG").read_bytes())


def test_pictures_of_a_newer_body(into: Path, tmp_path: Path) -> None:
    """With records that have sizes of 64 bits. Those with long names libgphoto2 2.5.30 does not know."""
    with served("canon-eos", tmp_path, "--records", "64", "--snap_time", "0.05") as eos:
        eos.gphoto2("--filename=memory.jpg", "--capture-image-and-download", into=into)
        eos.gphoto2("--set-config", "capturetarget=1", "--filename=card.jpg", "--capture-image-and-download", into=into)
        for name in ("memory.jpg", "card.jpg"):
            check_picture(files(into)[name])


def test_pictures_to_the_card(eos: ServedCamera, into: Path, tmp_path: Path) -> None:
    """gphoto2 deletes what it has fetched, unless it is told to keep it."""
    eos.gphoto2("--set-config", "capturetarget=1", "--keep", "--capture-image-and-download", into=into)
    eos.gphoto2("--capture-image-and-download", into=into)
    taken = files(into)
    assert sorted(taken) == ["IMG_0001.JPG", "IMG_0002.JPG"]
    with mounted(eos.source, tmp_path / "camfs", f"spool={tmp_path}/spool") as mount:
        assert files(mount.path / FOLDER) == {"IMG_0001.JPG": taken["IMG_0001.JPG"]}
    more = tmp_path / "more"
    more.mkdir()
    eos.gphoto2("--get-all-files", into=more)
    assert files(more) == {"IMG_0001.JPG": taken["IMG_0001.JPG"]}


@pytest.mark.parametrize("target", ["0", "1"])
def test_raw_and_jpeg(eos: ServedCamera, into: Path, target: str) -> None:
    eos.gphoto2("--set-config", "imageformat=RAW + Large Fine JPEG", "--set-config", f"capturetarget={target}")
    for number in (1, 2):
        eos.gphoto2("--capture-image-and-download", f"--filename={number}.%C", into=into)
    assert {name.lower() for name in files(into)} == {"1.cr2", "1.jpg", "2.cr2", "2.jpg"}
    assert len(set(files(into).values())) == 4


def test_live_view(eos: ServedCamera, into: Path) -> None:
    eos.gphoto2("--capture-preview", into=into)
    check_picture((into / "capture_preview.jpg").read_bytes())
    assert eos.results()["GetViewFinderData"] == {"OK", "ObjectNotReady"}


@pytest.mark.parametrize("target", ["0", "1"])
def test_the_bodys_own_button(into: Path, tmp_path: Path, target: str) -> None:
    with served("canon-eos", tmp_path, "--presses", "1", "--snap_time", "0.05") as eos:
        eos.gphoto2("--set-config", f"capturetarget={target}", "--wait-event-and-download=4s", into=into)
        (data,) = files(into).values()
        check_picture(data)


def test_a_release_that_fails(into: Path, tmp_path: Path) -> None:
    with served("canon-eos", tmp_path, "--busy", "1000") as eos:
        done = run("gphoto2", "--port", eos.gphoto2_port, "--capture-image", status=None, cwd=into, env=eos.environment)
        assert done.returncode != 0
        assert files(into) == {}


def test_camfs_and_gphoto2_in_turn(eos: ServedCamera, into: Path, tmp_path: Path) -> None:
    """Each finds the body as the other has left it: its keys alive, and shots going to the card."""
    with mounted(eos.source, tmp_path / "camfs", f"spool={tmp_path}/spool") as mount:
        (mount.path / ".settings/destination").write_text("computer")
        (mount.path / ".capture").write_text("1")
        held = files(mount.path / "imagedb")
        assert list(held) == ["IMG_0001.JPG"]
    eos.gphoto2("--filename=two.jpg", "--capture-image-and-download", into=into)
    assert files(into)["two.jpg"] not in held.values()
    with mounted(eos.source, tmp_path / "camfs", f"spool={tmp_path}/spool") as mount:
        assert files(mount.path / "imagedb") == held
        assert setting(mount, "destination") == "card"

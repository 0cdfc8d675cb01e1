"""gphoto2 taking pictures over PTP/IP, with the emulated fp and with a camera that has standard captures; and camfs after it.

libgphoto2 2.5.30 knows an fp by a vendor extension id of its own, 0xFFFB. On USB, where it sees the vendor id 0x1003, it puts that in the
place of the camera's 6. Over PTP/IP the emulated camera has to send 0xFFFB itself; nothing else is different.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from tests.mounted.mount import mounted, run
from tests.peers.camera import ServedCamera, served
from tests.peers.said import check_picture, current, files, seen, setting

EXPOSURE = "exposure-mode:manual,shutter-speed:1/80,aperture:f/4.0"
FP = ("--extension", "fffb", "--settings", f"{EXPOSURE},destination:both", "--snap_time", "0.05")
"""Options of an fp that libgphoto2 knows, in manual exposure, so that shutter speed and aperture can be set. Its card gets copies of the
shots, for comparison; on a real fp it does so only if DestToSave is set, which gphoto2 cannot do."""

POLLS = 50
"""How many times libgphoto2 asks for the state of a capture, 20 ms apart, before it gives up."""

LOCKED = "left the camera's body locked"
"""What camfs says when it finds the body locked."""

STANDARD_SETTINGS = (
    ("iso", "iso", ("400", "400"), ("1600", "1600")),
    ("aperture", "f-number", ("f/8", "f/8"), ("f/2.8", "f/2.8")),
    ("shutter-speed", "shutterspeed", ("1/500", "0.0020s"), ("30", "30.0000s")),
    ("exposure-compensation", "exposurecompensation", ("-1", "-1"), ("2", "2")),
    ("white-balance", "whitebalance", ("daylight", "Daylight"), ("tungsten", "Tungsten")),
    ("image-size", "imagesize", ("3000x2000", "3000x2000"), ("6000x4000", "6000x4000")),
    ("self-timer", "capturedelay", ("2s", "2.000s"), ("0s", "0.000s")),
)
"""The name for camfs and the name for gphoto2, and two values, each as camfs and as gphoto2 writes it."""

EXIF, EXPOSURE_TIME, F_NUMBER = 0x8769, 0x829A, 0x829D


@pytest.fixture
def fp(tmp_path: Path) -> Iterator[ServedCamera]:
    """Serve an fp with nothing on its card."""
    card = tmp_path / "card"
    card.mkdir()
    with served("sigma-fp", tmp_path, *FP, "--card", str(card)) as camera:
        yield camera


@pytest.fixture
def ptp(tmp_path: Path) -> Iterator[ServedCamera]:
    """Serve a camera that knows the standard's InitiateCapture."""
    with served("ptp", tmp_path) as camera:
        yield camera


def without_sum(data: bytes) -> bytes:
    """Return a picture by libgphoto2 without its last byte, which is the sum that the fp sends behind a picture."""
    assert data[-3:-1] == b"\xff\xd9"
    return data[:-1]


def test_live_view(fp: ServedCamera, into: Path) -> None:
    """gphoto2 looks for a JPEG in each view frame, and asks again when the camera has none yet, as for the fifth frame here.

    Its movie has one frame more than was asked for.
    """
    fp.gphoto2("--capture-preview", into=into)
    check_picture((into / "capture_preview.jpg").read_bytes())
    fp.gphoto2("--capture-movie=5", into=into)
    frames = [b"\xff\xd8" + rest for rest in (into / "movie.mjpg").read_bytes().split(b"\xff\xd8")[1:]]
    assert len(set(frames)) == 6
    for frame in frames:
        check_picture(frame)
    assert [line["result"] for line in seen(fp, "GetViewFrame")][:7] == ["OK"] * 4 + ["DeviceBusy"] + ["OK"] * 2


def test_pictures_and_camfs_after_them(fp: ServedCamera, into: Path, tmp_path: Path) -> None:
    """Each in a process. gphoto2 leaves the body locked; camfs unlocks it, and the card lists the pictures that gphoto2 got."""
    for _ in range(2):
        fp.gphoto2("--capture-image-and-download", into=into)
    taken = {name: without_sum(data) for name, data in sorted(files(into).items())}
    assert list(taken) == ["SDIM0001.JPG", "SDIM0002.JPG"]
    assert len(set(taken.values())) == 2
    for data in taken.values():
        exposure = check_picture(data)
        assert (Fraction(exposure[EXPOSURE_TIME]), exposure[F_NUMBER]) == (Fraction(1, 80), 4)
    assert [line["params"][2] for line in seen(fp, "GetBigPartialPictFile")] == list(map(len, taken.values()))
    assert fp.results()["ConfigApi"] == {"OK"}
    assert "CloseApplication" not in fp.results()
    with mounted(fp.source, tmp_path / "camfs", f"spool={tmp_path}/spool") as mount:
        mount.expect(LOCKED)
        assert mount.read_status()["control"] == "no"
        assert fp.results()["CloseApplication"] == {"OK"}
        assert files(mount.path / "card/DCIM/100SIGMA") == taken
        assert files(mount.path / "imagedb") == {}


def test_settings(fp: ServedCamera, into: Path, tmp_path: Path) -> None:
    """What is written lasts as long as the session, and a picture taken by the same process shows it.

    libgphoto2 writes the aperture one byte too far back: the camera sees 0 and keeps its own, and gphoto2 does not complain
    (tests/README.md, "Peers").
    """
    said = fp.gphoto2("--get-config", "shutterspeed", "--get-config", "aperture")
    assert current(said) == ["1/80", "4.0"]
    said = fp.gphoto2(
        "--set-config", "shutterspeed=1/500", "--set-config", "aperture=5.6", "--get-config", "shutterspeed"
    )
    assert current(said) == ["1/500"]
    said = fp.gphoto2("--set-config", "aperture=5.6", "--get-config", "aperture", "--get-config", "shutterspeed")
    assert current(said) == ["4.0", "1/80"]
    fp.gphoto2(
        "--set-config", "shutterspeed=1/500", "--set-config", "aperture=5.6", "--capture-image-and-download", into=into
    )
    exposure = check_picture(without_sum((into / "SDIM0001.JPG").read_bytes()))
    assert (Fraction(exposure[EXPOSURE_TIME]), exposure[F_NUMBER]) == (Fraction(1, 500), 4)
    with mounted(fp.source, tmp_path / "camfs", f"spool={tmp_path}/spool") as mount:
        mount.expect(LOCKED)
        assert [setting(mount, name) for name in ("shutter-speed", "aperture")] == ["1/80", "f/4"]


def test_three_captures_of_one_process(fp: ServedCamera, into: Path, tmp_path: Path) -> None:
    """libgphoto2 always asks for the state of slot 0, and always releases slot 0.

    So it waits in vain for the second picture, but finds it. It does not release it, which blocks the third, and so it fetches the second
    again as the third. camfs rescues the picture that is left.
    """
    fp.gphoto2("--filename=%n.jpg", *["--capture-image-and-download"] * 3, into=into)
    first, second, third = (without_sum(files(into)[f"{number}.jpg"]) for number in (1, 2, 3))
    check_picture(first)
    check_picture(second)
    assert first != second == third
    assert [line["params"] for line in seen(fp, "ClearImageDBSingle")] == [[0]] * 3
    assert len(seen(fp, "SnapCommand")) == 3
    with mounted(fp.source, tmp_path / "camfs", f"spool={tmp_path}/spool") as mount:
        mount.expect(LOCKED)
        assert files(mount.path / "imagedb") == {"SDIM0002.JPG": second}
        assert files(mount.path / "card/DCIM/100SIGMA") == {"SDIM0001.JPG": first, "SDIM0002.JPG": second}


def test_a_picture_that_gphoto2_gives_up(into: Path, tmp_path: Path) -> None:
    """It asks 50 times, 20 ms apart. It leaves a later picture in the camera, where camfs finds it, and its exit status is 0."""
    with served("sigma-fp", tmp_path, *FP[:2], "--snap_time", "2") as fp:
        fp.gphoto2("--capture-image-and-download", into=into)
        assert files(into) == {}
        assert len(seen(fp, "GetCamCaptStatus")) == 1 + POLLS
        assert seen(fp, "GetBigPartialPictFile", "ClearImageDBSingle") == []
        with mounted(fp.source, tmp_path / "camfs", f"spool={tmp_path}/spool") as mount:
            mount.expect(LOCKED)
            ((_, data),) = files(mount.path / "imagedb").items()
            check_picture(data)


def test_camfs_and_gphoto2_in_turn(fp: ServedCamera, into: Path, tmp_path: Path) -> None:
    """Each finds the camera as the other has left it, and neither gets the other's pictures."""
    with mounted(fp.source, tmp_path / "camfs", f"spool={tmp_path}/spool") as mount:
        (mount.path / ".capture").write_text("1")
        first = files(mount.path / "imagedb")
        assert list(first) == ["SDIM0001.JPG"]
        run("gphoto2", "--port", fp.gphoto2_port, "--summary", status=1, env=fp.environment)
        (mount.path / ".control").write_text("0")
    fp.gphoto2("--capture-image-and-download", into=into)
    second = {name: without_sum(data) for name, data in files(into).items()}
    assert list(second) == ["SDIM0002.JPG"]
    with mounted(fp.source, tmp_path / "camfs", f"spool={tmp_path}/spool") as mount:
        mount.expect(LOCKED)
        (mount.path / ".capture").write_text("1")
        assert (mount.path / ".capture").read_text() == "imagedb/SDIM0003.JPG\n"
        held = files(mount.path / "imagedb")
        assert sorted(held) == ["SDIM0001.JPG", "SDIM0003.JPG"]
        (mount.path / ".control").write_text("0")
        assert files(mount.path / "card/DCIM/100SIGMA") == first | second | held
    assert fp.gphoto2("--list-config").splitlines()[-2:] == [
        "/main/capturesettings/shutterspeed",
        "/main/capturesettings/aperture",
    ]


def test_a_standard_capture(ptp: ServedCamera, into: Path, tmp_path: Path) -> None:
    """ObjectAdded says where the picture is, and CaptureComplete that the camera is done.

    gphoto2 deletes what it has fetched, unless it is told to keep it.
    """
    names = [f"{number}.jpg" for number in (1, 2)]
    ptp.gphoto2("--keep", f"--filename={names[0]}", "--capture-image-and-download", into=into)
    ptp.gphoto2(f"--filename={names[1]}", "--capture-image-and-download", into=into)
    kept, deleted = (files(into)[name] for name in names)
    check_picture(kept)
    check_picture(deleted)
    assert kept != deleted
    assert ptp.results()["InitiateCapture"] == ptp.results()["DeleteObject"] == {"OK"}
    with mounted(ptp.source, tmp_path / "camfs") as mount:
        folder = mount.path / "card/DCIM/100CAMFS"
        assert len(list(folder.iterdir())) == 5
        assert kept == (folder / "CAMF0005.JPG").read_bytes()
        (mount.path / ".capture").write_text("1")
        taken = mount.path / (mount.path / ".capture").read_text().strip()
        data, name = taken.read_bytes(), taken.name
    ptp.gphoto2("--folder=/store_00010001/DCIM/100CAMFS", f"--get-file={name}", into=into)
    assert files(into)[name] == data


def test_standard_settings(ptp: ServedCamera, tmp_path: Path) -> None:
    """They outlive a session, so each program reads what the other has written; both understand the units in the same way."""
    listed = {line.rpartition("/")[2] for line in ptp.gphoto2("--list-config").splitlines()}
    assert {theirs for _, theirs, *_ in STANDARD_SETTINGS} <= listed
    changes = [f"{theirs}={values[0][1]}" for _, theirs, *values in STANDARD_SETTINGS]
    ptp.gphoto2(*(word for change in changes for word in ("--set-config", change)))
    with mounted(ptp.source, tmp_path / "camfs") as mount:
        for ours, _, read, written in STANDARD_SETTINGS:
            assert setting(mount, ours) == read[0]
            (mount.path / ".settings" / ours).write_text(written[0])
    said = ptp.gphoto2(*(word for _, theirs, *_ in STANDARD_SETTINGS for word in ("--get-config", theirs)))
    assert current(said) == [written[1] for _, _, _, written in STANDARD_SETTINGS]


def test_no_live_view_of_the_standard(ptp: ServedCamera, into: Path) -> None:
    run("gphoto2", "--port", ptp.gphoto2_port, "--capture-preview", status=1, cwd=into, env=ptp.environment)
    assert files(into) == {}

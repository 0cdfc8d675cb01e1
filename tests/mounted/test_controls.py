"""The control files at the root of a mount, through the kernel."""

import errno
import os
import re
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.mounted.contents import make_file
from tests.mounted.mount import Mount, mounted, run

CONTROLS = {
    *(".capture", ".clock", ".control", ".events", ".focus", ".format", ".raw", ".record", ".refresh"),
    *(".liveview.jpg", ".liveview.mjpeg"),
    *(".settings", ".status", ".thumbnails", ".developed", ".help"),
}
"""Those of a plain PTP camera."""


@pytest.fixture(scope="module")
def ptp_mount(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mount]:
    """Mount a plain PTP camera for all tests of this module."""
    with mounted("virtual:ptp", tmp_path_factory.mktemp("mount") / "camera") as mount:
        yield mount


@pytest.fixture
def ptp(ptp_mount: Mount) -> Iterator[Mount]:
    """Return the plain PTP camera, and see afterwards that camfs said what was expected."""
    yield ptp_mount
    ptp_mount.check_log()


def write(path: Path, text: str) -> int:
    """Write to a control file as the shell does; return the errno, 0 if it was taken."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        os.write(file, text.encode())
    except OSError as error:
        return error.errno or -1
    finally:
        os.close(file)
    return 0


def errno_of_reading(path: Path) -> int:
    """Return the errno of reading a file, 0 if it can be read."""
    try:
        path.read_bytes()
    except OSError as error:
        return error.errno or -1
    return 0


# ---------------------------------------------------------------------- names


def test_they_are_not_listed(ptp: Mount, tmp_path: Path) -> None:
    assert sorted(os.listdir(ptp.path)) == ["card", "memory"]
    assert run("ls", "-A", ptp.path).stdout == "card\nmemory\n"
    assert run("find", ptp.path, "-name", ".*").stdout == ""
    run("rsync", "-a", f"{ptp.path}/", tmp_path / "rsync")
    run("cp", "-r", f"{ptp.path}/", tmp_path / "cp")
    assert sorted(os.listdir(tmp_path / "rsync")) == sorted(os.listdir(tmp_path / "cp")) == ["card", "memory"]


def test_each_answers_to_its_name(ptp: Mount) -> None:
    for name in CONTROLS:
        assert (ptp.path / name).exists(), name
    assert not (ptp.path / ".nothing").exists()


def test_they_are_listed_with_show_control(camera: Path) -> None:
    with mounted("virtual:ptp", camera, "show_control"):
        assert set(os.listdir(camera)) == {"card", "memory"} | CONTROLS
        assert {".choices", "iso"} <= set(os.listdir(camera / ".settings"))
        assert set(os.listdir(camera / ".thumbnails")) == {"card", "memory"}
        assert len(run("ls", "-la", camera).stdout.splitlines()) >= 12


def test_a_file_of_their_name_on_the_card_is_a_file(folder: Path, camera: Path) -> None:
    for name in (".status", ".capture", ".events", ".thumbnails"):
        make_file(folder / name, 100)
    with mounted(f"virtual:sigma-fp?card={folder}", camera):
        run("diff", "-r", folder, camera / "card")


def test_permissions_say_what_can_be_done(ptp: Mount) -> None:
    modes = {name: (ptp.path / name).stat().st_mode & 0o777 for name in CONTROLS}
    assert modes == {
        **dict.fromkeys((".status", ".events", ".help"), 0o444),
        **dict.fromkeys((".capture", ".clock", ".control", ".focus", ".record"), 0o644),
        **dict.fromkeys((".format", ".refresh"), 0o200),
        **dict.fromkeys((".liveview.jpg", ".liveview.mjpeg", ".raw"), 0o600),
        ".settings": 0o755,
        **dict.fromkeys((".thumbnails", ".developed"), 0o755),
    }


@pytest.mark.parametrize("name", [".status", ".settings/.choices/iso"])
def test_writing_to_one_that_can_only_be_read(ptp: Mount, name: str) -> None:
    ptp.expect("can only be read")
    assert write(ptp.path / name, "1\n") == errno.EACCES


def test_writing_to_events(ptp: Mount) -> None:
    with pytest.raises(PermissionError):
        (ptp.path / ".events").write_text("1\n")


@pytest.mark.parametrize("name", [".refresh", ".format"])
def test_reading_one_that_can_only_be_written(ptp: Mount, name: str) -> None:
    ptp.expect("can only be written")
    assert errno_of_reading(ptp.path / name) == errno.EACCES


def test_they_cannot_be_changed(ptp: Mount) -> None:
    status = ptp.path / ".status"
    for change in (
        lambda: status.chmod(0o666),
        lambda: os.chown(status, 1, 1),
        lambda: status.unlink(),
        lambda: status.rename(ptp.path / ".other"),
        lambda: (ptp.path / ".settings").rmdir(),
    ):
        with pytest.raises(OSError, match=r"not permitted|Read-only") as failure:
            change()
        assert failure.value.errno in (errno.EPERM, errno.EROFS)
    ptp.expect("the camera has no 'new' in .settings")
    with pytest.raises(OSError, match="not supported"):
        (ptp.path / ".settings" / "new").touch()


@pytest.mark.parametrize(
    "program",
    ["cat", "tail -n +1", "head -c 1000", "sed -n p", "grep .", "dd status=none bs=1 if=", "dd status=none bs=7 if="],
)
def test_programs_read_them(ptp: Mount, program: str) -> None:
    """Though their size is 0, as in /proc."""
    choices = ptp.path / ".settings/.choices/shutter-speed"
    assert choices.stat().st_size == 0
    command = program.split()
    command[-1:] = [f"{command[-1]}{choices}"] if program.endswith("=") else [command[-1], str(choices)]
    assert run(*command).stdout == choices.read_text() != ""


def test_walkthrough_commands(ptp: Mount, tmp_path: Path) -> None:
    choices = ptp.path / ".settings/.choices/iso"
    assert run("sh", "-c", 'cat "$1" | head -3', "sh", choices).stdout == "100\n200\n400\n"
    assert run("tail", "-1", choices).stdout == "auto\n"
    run("cp", choices, tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == choices.read_text()


def test_reading_from_anywhere(ptp: Mount) -> None:
    """An open control file says the same until it is opened again, or written to."""
    iso = ptp.path / ".settings/iso"
    assert write(iso, "200") == 0
    file = os.open(iso, os.O_RDWR)
    try:
        assert os.pread(file, 100, 2) == b"0\n"
        assert os.pread(file, 100, 0) == b"200\n"
        assert os.pread(file, 100, 4) == b""
        assert write(iso, "100") == 0
        assert os.pread(file, 100, 0) == b"200\n"
        assert os.pwrite(file, b"800\n", 0) == 4
        assert os.pread(file, 100, 0) == b"800\n"
        assert os.pwrite(file, b"100\n", 0) == 4
    finally:
        os.close(file)


def test_a_lot_is_written(ptp: Mount) -> None:
    """A command is short; the rest of a long text does not become another one, nor fill the log."""
    for size in (5000, 300_000):
        ptp.expect("\\.capture: more than|is not a number of pictures")
        assert write(ptp.path / ".capture", "1" * size) == errno.EINVAL
        assert len(ptp.read_status()["last-error"]) < 10_000


# ---------------------------------------------------------------------- .status


def test_status_of_a_ptp_camera(ptp: Mount) -> None:
    text = (ptp.path / ".status").read_text()
    assert re.fullmatch(r"([a-z0-9-]+: .*\n)+", text)
    lines = ptp.read_status()
    assert list(lines)[:7] == ["camera", "serial", "firmware", "source", "battery", "card", "memory"]
    assert lines["camera"] == "PTP camera"
    assert lines["serial"] == "0123456789"
    assert lines["battery"] == "75%"
    assert lines["source"].startswith("virtual:ptp")
    assert lines["transfer"] == "none"
    assert re.fullmatch(r"64\.0 GB, 6[34]\.\d GB free", lines["card"])
    assert run("cat", ptp.path / ".status").stdout == (ptp.path / ".status").read_text()


def test_status_of_an_fp(camera: Path, folder: Path) -> None:
    with mounted(f"virtual:sigma-fp?card={folder}&serial=Nr. 7", camera) as mount:
        lines = mount.read_status()
        assert lines["camera"] == "SIGMA fp"
        assert lines["serial"] == "Nr. 7"
        assert "memory" not in lines
        assert "last-error" not in lines


def test_status_names_the_transfer_under_way(folder: Path, camera: Path) -> None:
    make_file(folder / "SLOW.MOV", 1 << 20)
    with mounted(f"virtual:sigma-fp?card={folder}&bandwidth=500000", camera) as mount:
        assert (camera / "card/SLOW.MOV").exists()
        with subprocess.Popen(["cat", camera / "card/SLOW.MOV"], stdout=subprocess.DEVNULL) as cat:
            seen = set()
            while cat.poll() is None:
                seen.add(mount.read_status()["transfer"])
        assert cat.returncode == 0
        assert "card/SLOW.MOV" in seen


def test_status_remembers_the_last_error(ptp: Mount) -> None:
    ptp.expect("not a number of pictures", "is not a time")
    assert write(ptp.path / ".capture", "many") == errno.EINVAL
    assert "many" in ptp.read_status()["last-error"]
    assert write(ptp.path / ".clock", "noon") == errno.EINVAL
    assert "noon" in ptp.read_status()["last-error"]
    assert list(ptp.read_status())[-1] == "last-error"


# ---------------------------------------------------------------------- .settings


def test_settings_are_read(ptp: Mount) -> None:
    settings = ptp.path / ".settings"
    assert {name: (settings / name).read_text() for name in os.listdir(settings) if name != "artist"} == {
        "battery-level": "75%\n",
        "image-size": "6000x4000\n",
        "white-balance": "auto\n",
        "aperture": "f/5.6\n",
        "metering-mode": "center-weighted\n",
        "shutter-speed": "1/125\n",
        "iso": "100\n",
        "exposure-compensation": "0\n",
        "self-timer": "0s\n",
        "prop-d0a1": "1 2 3 255\n",
        "prop-d0a2": f"{0x0123456789ABCDEF0123456789ABCDEF}\n",
    }


@pytest.mark.parametrize(
    ("name", "written", "shown"),
    [
        ("iso", "400", "400"),
        ("iso", "auto", "auto"),
        ("shutter-speed", "1/250", "1/250"),
        ("shutter-speed", "1", "1"),
        ("shutter-speed", "1/60", "1/60"),
        ("aperture", "f/2.8", "f/2.8"),
        ("aperture", "11", "f/11"),
        ("exposure-compensation", "-0.3", "-0.3"),
        ("exposure-compensation", "+2", "+2"),
        ("white-balance", "Daylight", "daylight"),
        ("image-size", "3000x2000", "3000x2000"),
        ("self-timer", "2.5s", "2.5s"),
        ("artist", "Ana Ñandú 📷", "Ana Ñandú 📷"),
        ("artist", "", ""),
        ("prop-d0a1", "9 8 0x10", "9 8 16"),
    ],
)
def test_settings_are_written(ptp: Mount, name: str, written: str, shown: str) -> None:
    setting = ptp.path / ".settings" / name
    assert write(setting, f"{written}\n") == 0
    assert setting.read_text() == f"{shown}\n"


def test_shutter_speeds_have_the_names_on_the_dial(ptp: Mount) -> None:
    choices = (ptp.path / ".settings/.choices/shutter-speed").read_text()
    names = "1/8000 1/4000 1/2000 1/1000 1/500 1/250 1/125 1/60 1/30 1/15 1/8 1/4 1/2 1 2 30"
    assert choices.split() == names.split()
    shutter = ptp.path / ".settings/shutter-speed"
    for written, shown in (("0.5", "1/2"), ("1/6400", "1/8000"), ("1/60s", "1/60"), ('30"', "30"), ("1/125", "1/125")):
        assert write(shutter, written) == 0
        assert shutter.read_text() == f"{shown}\n"


def test_settings_are_written_by_the_shell(ptp: Mount) -> None:
    """`echo`, `tee`, `cp`, `printf` without a newline."""
    iso = ptp.path / ".settings/iso"
    for script, shown in (
        ('echo 200 > "$1"', "200\n"),
        ('echo 800 | tee "$1"', "800\n"),
        ('printf 1600 >> "$1"', "1600\n"),
        ('echo 400 > /tmp/$$ && cp /tmp/$$ "$1"; rm /tmp/$$', "400\n"),
    ):
        run("sh", "-c", script, "sh", iso)
        assert run("cat", iso).stdout == shown


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("iso", "123"),
        ("iso", "fast"),
        ("iso", ""),
        ("shutter-speed", "1/0"),
        ("shutter-speed", "1/7"),
        ("aperture", "f/"),
        ("white-balance", "purple"),
        ("image-size", "1x1"),
        ("self-timer", "0.3s"),
        ("self-timer", "99s"),
        ("self-timer", "nan"),
        ("prop-d0a1", "256"),
        ("prop-d0a1", "one"),
        ("artist", "x" * 300),
    ],
)
def test_wrong_values(ptp: Mount, name: str, written: str) -> None:
    setting = ptp.path / ".settings" / name
    before = setting.read_text()
    ptp.expect(name)
    assert write(setting, f"{written}\n") == errno.EINVAL
    assert name in ptp.read_status()["last-error"]
    assert setting.read_text() == before


def test_bytes_that_are_no_text(ptp: Mount) -> None:
    ptp.expect(r"\.settings/iso: not text")
    with pytest.raises(OSError, match="Invalid argument"):
        (ptp.path / ".settings/iso").write_bytes(b"\xff\xfe\n")


@pytest.mark.parametrize("name", ["battery-level", "prop-d0a2"])
def test_read_only_settings(ptp: Mount, name: str) -> None:
    ptp.expect(f"{name}: read-only on this camera")
    assert write(ptp.path / ".settings" / name, "1\n") == errno.EACCES
    assert name in ptp.read_status()["last-error"]


def test_a_setting_that_the_camera_ignores(ptp: Mount) -> None:
    """The shell says so, and `.status` why."""
    ptp.expect("metering-mode: the camera kept center-weighted")
    done = run("bash", "-c", 'echo average > "$1"', "bash", ptp.path / ".settings/metering-mode", status=1)
    assert "Operation not permitted" in done.stderr
    assert ptp.read_status()["last-error"] == "metering-mode: the camera kept center-weighted"
    assert write(ptp.path / ".settings/metering-mode", "center-weighted") == 0


def test_choices(ptp: Mount) -> None:
    choices = ptp.path / ".settings/.choices"
    assert (choices / "iso").read_text().split() == ["100", "200", "400", "800", "1600", "6400", "auto"]
    assert (choices / "exposure-compensation").read_text().split() == ["-2", "-1", "-0.3", "0", "+0.3", "+1", "+2"]
    assert (choices / "self-timer").read_text().split()[:3] == ["0s", "0.5s", "1s"]
    assert (choices / "artist").read_text() == ""
    assert sorted(os.listdir(choices)) == sorted(set(os.listdir(ptp.path / ".settings")) - {".choices"})


@pytest.mark.parametrize("name", ["iso", "shutter-speed", "aperture", "white-balance", "exposure-compensation"])
def test_every_choice_can_be_chosen(ptp: Mount, name: str) -> None:
    for choice in (ptp.path / ".settings/.choices" / name).read_text().splitlines():
        assert write(ptp.path / ".settings" / name, choice) == 0
        assert (ptp.path / ".settings" / name).read_text() == f"{choice}\n"


# ---------------------------------------------------------------------- .clock, .capture


def test_clock(ptp: Mount) -> None:
    clock = ptp.path / ".clock"
    for text in ("2031-02-03T04:05:06", "2031-02-03 04:05:06", "2031-02-03T04:05:06+00:00"):
        assert write(clock, text + "\n") == 0
        wanted = datetime.fromisoformat(text).astimezone()
        assert timedelta(0) <= datetime.fromisoformat(clock.read_text().strip()) - wanted < timedelta(hours=1)
    assert datetime.fromisoformat(clock.read_text().strip()).utcoffset() is not None
    assert write(clock, "now\n") == 0
    assert abs(datetime.fromisoformat(clock.read_text().strip()) - datetime.now().astimezone()) < timedelta(hours=1)


@pytest.mark.parametrize("text", ["", "yesterday", "2031-13-01T00:00:00", "12"])
def test_times_that_are_none(ptp: Mount, text: str) -> None:
    ptp.expect("is not a time")
    assert write(ptp.path / ".clock", text + "\n") == errno.EINVAL


def test_capture(camera: Path) -> None:
    with mounted("virtual:ptp", camera):
        assert (camera / ".capture").read_text() == ""
        before = set(os.listdir(camera / "card/DCIM/100CAMFS"))
        run("sh", "-c", 'echo 1 > "$1"', "sh", camera / ".capture")
        (path,) = (camera / ".capture").read_text().splitlines()
        assert set(os.listdir(camera / "card/DCIM/100CAMFS")) - before == {os.path.basename(path)}
        assert (camera / path).read_bytes().startswith(b"\xff\xd8\xff")
        assert (camera / ".thumbnails" / path).read_bytes().startswith(b"\xff\xd8\xff")
        run("sh", "-c", 'echo 3 > "$1"', "sh", camera / ".capture")
        assert len(os.listdir(camera / "card/DCIM/100CAMFS")) == len(before) + 4
        (last,) = (camera / ".capture").read_text().splitlines()
        assert last > path
        assert (camera / last).stat().st_size == len((camera / last).read_bytes())


@pytest.mark.parametrize("count", ["-1", "1000", "one", "", "1.5", "1 2", "٣"])
def test_counts_that_are_none(ptp: Mount, count: str) -> None:
    ptp.expect("is not a number of pictures")
    assert write(ptp.path / ".capture", count + "\n") == errno.EINVAL


# ---------------------------------------------------------------------- .refresh, .format, .raw


def test_refresh_lists_again(folder: Path, camera: Path) -> None:
    """What the camera says is asked again; and what is the same keeps its inode number."""
    for name in ("1.JPG", "2.JPG"):
        make_file(folder / name, 1000)
    with mounted(f"virtual:sigma-fp?card={folder}", camera, "attr_timeout=3600") as mount:
        before = {entry.name: entry.inode() for entry in os.scandir(camera / "card")}
        mount.trace.transactions()
        assert write(camera / ".refresh", "1\n") == 0
        assert {entry.name: entry.inode() for entry in os.scandir(camera / "card")} == before
        assert [transaction.operation for transaction in mount.trace.transactions()] == [
            "GetObjectHandles",
            "GetObjectInfo",
            "GetObjectInfo",
        ]
        run("diff", "-r", folder, camera / "card")


def test_refresh_during_a_listing(camera: Path) -> None:
    """Whoever is reading a folder reads on."""
    with mounted("virtual:sigma-fp?objects=1000", camera) as mount:
        with os.scandir(camera / "card/DCIM/100SIGMA") as listing:
            shown = [next(listing).name]
            assert write(camera / ".refresh", "1\n") == 0
            shown += [entry.name for entry in listing]
        assert len(set(shown)) == len(shown) == 1000
        assert sorted(os.listdir(camera / "card/DCIM/100SIGMA")) == sorted(shown)
        assert "last-error" not in mount.read_status()


def test_format_needs_its_option(ptp: Mount) -> None:
    ptp.expect("formatting needs the mount option allow_format")
    assert write(ptp.path / ".format", "card\n") == errno.EPERM
    assert os.listdir(ptp.path / "card") == ["DCIM"]


def test_format(folder: Path, camera: Path) -> None:
    make_file(folder / "1.JPG", 1000)
    with mounted(f"virtual:ptp?card={folder}", camera, "allow_format") as mount:
        assert os.listdir(camera / "card") == ["1.JPG"]
        mount.expect("no store")
        assert write(camera / ".format", "cart\n") == errno.ENOENT
        assert os.listdir(camera / "card") == ["1.JPG"]
        assert write(camera / ".format", "card\n") == 0
        assert os.listdir(camera / "card") == []
        assert not (camera / "card/1.JPG").exists()
        assert os.listdir(camera / "memory/DCIM") == ["100CAMFS"]
    assert os.listdir(folder) == ["1.JPG"]


def test_the_working_directory_survives_refresh(folder: Path, camera: Path) -> None:
    (folder / "DCIM").mkdir()
    make_file(folder / "DCIM/1.JPG", 1000)
    with mounted(f"virtual:sigma-fp?card={folder}", camera):
        script = 'cd "$1" && echo 1 > "$2" && /bin/pwd && ls . && cat 1.JPG | wc -c'
        for place, answer in (("card", "DCIM\n0\n"), ("card/DCIM", "1.JPG\n1000\n")):
            done = run("sh", "-c", script, "sh", camera / place, camera / ".refresh")
            assert done.stdout == f"{camera / place}\n{answer}"


def test_raw_needs_its_option(ptp: Mount) -> None:
    ptp.expect("raw commands need the mount option raw")
    assert write(ptp.path / ".raw", "1001\n") == errno.EPERM
    assert errno_of_reading(ptp.path / ".raw") == errno.EPERM


def test_raw(camera: Path) -> None:
    with mounted("virtual:ptp", camera, "raw") as mount:
        raw = camera / ".raw"
        assert raw.read_text() == ""
        assert write(raw, "1001\n") == 0
        assert bytes.fromhex(raw.read_text().removeprefix("2001 : "))[:2] == b"\x64\0"
        assert write(raw, "1006 00010001\n") == 0
        assert re.fullmatch(r"2001 [0-9a-f]{8}\n", raw.read_text())
        assert write(raw, "1015 500f\n") == 0
        assert raw.read_text() == "2001 : 6400\n"
        assert write(raw, "1016 500f : 9001\n") == 0
        assert (camera / ".settings/iso").read_text() == "400\n"
        assert write(raw, "9999\n") == 0
        assert raw.read_text() == "2005\n"
        for text in ("", "xyz", "1001 1 2 3 4 5 6", "10000", "1001 100000000", "1016 500f : 9"):
            mount.expect("a raw command is|a code has")
            assert write(raw, text + "\n") == errno.EINVAL
        run("diff", "-r", camera / "card", camera / "card")


def test_help_and_times(ptp: Mount) -> None:
    """`.help` names what is there, and nothing that camfs shows is of 1970."""
    lines = run("cat", ptp.path / ".help").stdout.splitlines()
    assert {line.partition(":")[0] for line in lines[1:-1]} == CONTROLS
    now = time.time()
    for name in ("", "card", "memory", *CONTROLS, ".settings/iso"):
        assert now - 600 < (ptp.path / name).stat().st_mtime <= now + 1, name


def test_the_last_error_goes_when_the_same_succeeds(ptp: Mount) -> None:
    ptp.expect("many")
    with pytest.raises(OSError, match="Invalid argument"):
        (ptp.path / ".settings/iso").write_text("many")
    status = ptp.read_status()
    assert "many" in status["last-error"]
    assert datetime.fromisoformat(status["last-error-time"]).tzinfo is not None
    (ptp.path / ".settings/iso").write_text("200")
    assert not {"last-error", "last-error-time"} & set(ptp.read_status())

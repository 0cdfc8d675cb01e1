"""Mount options, seen from outside: owners, modes, times, who may read, and the options of the kernel's mount."""

import errno
import os
import stat
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from camfs.commands.options import parse_options
from tests.mounted.contents import make_file
from tests.mounted.mount import camfs, mount_entries, mounted, run

# These tests mount for other users and so run as root; other users would need user_allow_other in /etc/fuse.conf.
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


@pytest.fixture
def source(folder: Path) -> str:
    """Return a camera that has one file, in a folder."""
    (folder / "DCIM").mkdir()
    make_file(folder / "DCIM/1.JPG", 5000)
    return f"virtual:sigma-fp?card={folder}"


# ---------------------------------------------------------------------- owners and modes


@pytest.mark.parametrize(
    ("options", "owner", "file_mode", "folder_mode"),
    [
        ("", (None, None), 0o644, 0o755),
        ("uid=1234", (1234, None), 0o644, 0o755),
        ("uid=1234,gid=5678", (1234, 5678), 0o644, 0o755),
        ("umask=077", (None, None), 0o600, 0o700),
        ("umask=0", (None, None), 0o666, 0o777),
        ("umask=0,allow_delete", (None, None), 0o666, 0o777),
        ("umask=0227,gid=5678", (None, 5678), 0o440, 0o550),
        ("uid=4294967294,gid=4294967294", (4294967294, 4294967294), 0o644, 0o755),
    ],
)
def test_owners_and_modes(
    source: str, camera: Path, options: str, owner: tuple[int | None, int | None], file_mode: int, folder_mode: int
) -> None:
    uid, gid = (os.getuid() if owner[0] is None else owner[0]), (os.getgid() if owner[1] is None else owner[1])
    with mounted(source, camera, options):
        for path, mode in (("card", folder_mode), ("card/DCIM", folder_mode), ("card/DCIM/1.JPG", file_mode)):
            status = (camera / path).stat()
            assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (uid, gid, mode)
        assert (camera / ".status").stat().st_uid == uid


def test_nobody_else_may_look(source: str, open_place: Path) -> None:
    """Without allow_other, the kernel refuses others."""
    point = open_place / "camera"
    with mounted(source, point):
        done = run(*NOBODY, "ls", point, status=None)
        assert done.returncode != 0
        assert "Permission denied" in done.stderr


def test_allow_other(source: str, open_place: Path, folder: Path) -> None:
    point = open_place / "camera"
    with mounted(source, point, "allow_other,default_permissions"):
        assert run(*NOBODY, "ls", "-A", point).stdout == "card\nimagedb\n"
        run(*NOBODY, "cat", point / ".status")
        done = run(*NOBODY, "md5sum", point / "card/DCIM/1.JPG").stdout.split()[0]
        assert done == run("md5sum", folder / "DCIM/1.JPG").stdout.split()[0]
        assert run(*NOBODY, "tee", point / ".refresh", status=None).returncode != 0
        assert "Permission denied" in run(*NOBODY, "rm", "-f", point / "card/DCIM/1.JPG", status=1).stderr


def test_default_permissions_hold_the_modes(source: str, open_place: Path) -> None:
    point = open_place / "camera"
    with mounted(source, point, "allow_other,default_permissions,umask=027"):
        for path in ("card", ".settings"):
            assert "Permission denied" in run(*NOBODY, "ls", point / path, status=2).stderr
        group = ("setpriv", "--reuid=65534", f"--regid={os.getgid()}", "--clear-groups")
        assert run(*group, "ls", point / "card").stdout == "DCIM\n"


COMMANDS = {
    ".capture": "1",
    ".control": "1",
    ".record": "1",
    ".focus": "af",
    ".refresh": "1",
    ".format": "card",
    ".raw": "1001",
    ".clock": "now",
    ".settings/iso": "400",
}
"""Something to write to each control file that takes commands."""


@pytest.mark.parametrize("model", ["ptp", "sigma-fp"])
@pytest.mark.parametrize("options", ["allow_other", "allow_other,umask=002"])
def test_others_command_nothing(folder: Path, open_place: Path, model: str, options: str) -> None:
    """They may only look, whatever the mount allows its owner."""
    make_file(folder / "1.JPG", 5000)
    point = open_place / "camera"
    with mounted(f"virtual:{model}?card={folder}", point, f"{options},allow_delete,allow_format,raw") as mount:
        assert "default_permissions" in mount_entries(point)[0].options
        run(
            *NOBODY,
            "cat",
            point / "card/1.JPG",
            point / ".status",
            point / ".events",
            point / ".capture",
            point / ".control",
        )
        mount.trace.transactions()
        for path, text in COMMANDS.items():
            if (point / path).exists():
                said = run(*NOBODY, "sh", "-c", f"echo {text} > {point / path}", status=None)
                assert (said.returncode != 0, "Permission denied" in said.stderr) == (True, True), path
        for command in (("rm", "-f", "card/1.JPG"), ("truncate", "-s0", ".capture"), ("touch", "x")):
            assert "Permission denied" in run(*NOBODY, *command, status=1, cwd=point).stderr
        for path in (".liveview.jpg", ".raw"):
            assert "Permission denied" in run(*NOBODY, "cat", point / path, status=1).stderr
        done = run(*NOBODY, "cat", point / ".settings/iso", point / ".settings/.choices/iso", status=None)
        assert (done.returncode == 0) == (model == "ptp")  # on a SIGMA it would acquire control
        assert not {each.operation for each in mount.trace.transactions()} - {
            "GetDevicePropDesc",
            "GetDevicePropValue",
            "GetStorageInfo",
            "GetObjectHandles",
            "GetObjectInfo",
            "GetObjectPropList",
        }
        assert (point / ".control").read_text() == "0\n"
        assert os.listdir(point / "card") == ["1.JPG"]


def test_the_owner_commands(source: str, open_place: Path) -> None:
    """With `uid=`, another than who has mounted it."""
    point = open_place / "camera"
    with mounted(source, point, "allow_other,uid=65534,allow_delete"):
        run(*NOBODY, "sh", "-c", f"echo 1 > {point}/.control && cat {point}/.settings/iso && echo 0 > {point}/.control")
        run(*NOBODY, "rm", point / "card/DCIM/1.JPG")


def test_others_command_what_the_umask_says(source: str, open_place: Path) -> None:
    point = open_place / "camera"
    with mounted(source, point, "allow_other,umask=0"):
        run(*NOBODY, "sh", "-c", f"echo 1 > {point}/.refresh")
        assert "Permission denied" in run(*NOBODY, "cat", point / ".liveview.jpg", status=1).stderr


def test_root_may_look(source: str, open_place: Path) -> None:
    point = open_place / "camera"
    with mounted(source, point, "allow_root"):
        assert "default_permissions" in mount_entries(point)[0].options
        assert run(*NOBODY, "ls", point, status=2).stderr


def test_others_see_nothing_of_what_the_kernel_remembers(source: str, open_place: Path) -> None:
    """With allow_root libfuse refuses them, but the kernel does not ask it about names and attributes that it keeps."""
    point = open_place / "camera"
    with mounted(source, point, "allow_root"):
        for path in (point, point / "card", point / "card/DCIM", point / "card/DCIM/1.JPG"):
            path.stat()
            run(*NOBODY, "test", "-e", path, status=1)


# ---------------------------------------------------------------------- times


def shown_time(camera: Path) -> float:
    """Return the file's time in the mount."""
    return (camera / "card/DCIM/1.JPG").stat().st_mtime


@pytest.mark.parametrize(
    ("zone", "hours"), [("UTC", 0), ("+0200", 2), ("-0930", -9.5), ("Europe/Berlin", 1), ("America/St_Johns", -3.5)]
)
def test_zone(source: str, camera: Path, folder: Path, zone: str, hours: float) -> None:
    """The emulated camera's clock shows UTC; -o tz= claims that it shows the time of another zone."""
    moment = datetime(2025, 1, 15, 12, 0, 1, tzinfo=ZoneInfo("UTC")).timestamp()
    os.utime(folder / "DCIM/1.JPG", (moment, moment))
    with mounted(source, camera, f"tz={zone}", env={"TZ": "UTC"}):
        assert shown_time(camera) == moment - hours * 3600


def fill_year(folder: Path) -> dict[str, float]:
    """Make one file for each month; return their times by name."""
    times = {}
    for month in range(1, 13):
        moment = datetime(2025, month, 15, 12, tzinfo=ZoneInfo("UTC")).timestamp()
        make_file(folder / f"{month}.JPG", 10)
        os.utime(folder / f"{month}.JPG", (moment, moment))
        times[f"{month}.JPG"] = moment
    return times


def test_zone_with_summer_time(camera: Path, folder: Path) -> None:
    """The zone's offset on the picture's day counts, not today's."""
    times = fill_year(folder)
    with mounted(f"virtual:sigma-fp?card={folder}", camera, "tz=Europe/Berlin", env={"TZ": "UTC"}):
        shown = {name: (camera / "card" / name).stat().st_mtime for name in times}
    assert [times[name] - shown[name] for name in times] == [3600] * 3 + [7200] * 7 + [3600] * 2


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kathmandu"])
def test_without_a_zone_the_computer_s_own_counts(camera: Path, folder: Path, zone: str) -> None:
    """The emulated camera's clock shows the computer's time, so the times are those of the files."""
    times = fill_year(folder)
    with mounted(f"virtual:sigma-fp?card={folder}", camera, env={"TZ": zone}):
        assert {name: (camera / "card" / name).stat().st_mtime for name in times} == times


def test_rsync_over_remounts_in_a_zone(source: str, camera: Path, tmp_path: Path) -> None:
    for _ in range(2):
        with mounted(source, camera, "tz=-0930") as mount:
            run("rsync", "-a", f"{camera}/card/", tmp_path / "copy")
            reads = mount.trace.reads()
    assert reads == []


# ---------------------------------------------------------------------- what the kernel is told


def test_the_mount_table(source: str, camera: Path) -> None:
    with mounted(source, camera):
        (entry,) = mount_entries(camera)
        assert entry.source.startswith(source)
        assert entry.kind == "fuse.camfs"
        assert {"rw", "nosuid", "nodev"} <= set(entry.options)
        assert run("findmnt", "-no", "FSTYPE", camera).stdout == "fuse.camfs\n"


def test_read_only(source: str, camera: Path) -> None:
    with mounted(source, camera, "ro,allow_delete"):
        (entry,) = mount_entries(camera)
        assert "ro" in entry.options
        for act in (lambda: os.unlink(camera / "card/DCIM/1.JPG"), lambda: (camera / ".refresh").write_text("1")):
            with pytest.raises(OSError, match="Read-only") as failure:
                act()
            assert failure.value.errno == errno.EROFS


@pytest.mark.parametrize(
    "options",
    [
        "rw,noauto,user,nosuid,nodev",
        "rw,nosuid,nodev,noexec,relatime,user,x-systemd.automount,x-gvfs-show,comment=camera",
        "defaults,_netdev,nofail,uid=0",
        "auto,users,async,dev,suid,exec",
        ",,rw,,noatime,",
        " rw , nosuid ",
    ],
)
def test_lines_of_fstab(source: str, camera: Path, folder: Path, options: str) -> None:
    with mounted(source, camera, options):
        run("diff", "-r", folder, camera / "card")
        (entry,) = mount_entries(camera)
        assert ("noexec" in entry.options) == ("noexec" in options)
        assert ("noatime" in entry.options) == ("noatime" in options)


def test_several_o(source: str, camera: Path) -> None:
    """mount(8) gives them like this: SOURCE DIR -o OPTIONS -o OPTIONS."""
    done = camfs(source, camera, "-o", "ro", "-o", "uid=1234,gid=1234")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    try:
        assert (camera / "card").stat().st_uid == 1234
        assert "ro" in mount_entries(camera)[0].options
    finally:
        run("fusermount3", "-u", camera)


def test_a_source_with_commas(folder: Path, camera: Path) -> None:
    """libfuse gets the source in an option, which a comma would end."""
    comma = folder / "a,b c"
    comma.mkdir()
    make_file(comma / "1.JPG", 100)
    with mounted(f"virtual:sigma-fp?card={comma}&operations=-101B,-GetThumb", camera):
        run("diff", "-r", comma, camera / "card")
        assert mount_entries(camera)[0].source.startswith("virtual:sigma-fp?card=")


# ---------------------------------------------------------------------- wrong ones

WRONG = (
    *("nonsense", "nonsense=1", "allow_delete=1", "allow_delete=no", "allow_other=1"),
    *("tz", "tz=", "tz=Mars/Olympus", "tz=+2500", "tz=+0299", "tz=../../etc/passwd", "tz=/etc/localtime"),
    *("uid", "uid=", "uid=ana", "uid=-5", "uid=99999999999", "gid=-1", "gid=4294967296"),
    *("umask=9", "umask=1777", "umask=-1"),
    *("cache=0", "cache=1K", "cache=many"),
    *("timeout=0", "timeout=nan", "timeout=x", "attr_timeout=-1", "attr_timeout=inf"),
)


@pytest.mark.parametrize("options", WRONG)
def test_wrong_options(options: str) -> None:
    """The error names the option."""
    with pytest.raises(ValueError, match=options.partition("=")[0]):
        parse_options(["rw", options])


@pytest.mark.parametrize("options", ["nonsense", "tz=Mars/Olympus", "uid=-5", "cache=0"])
def test_wrong_options_mount_nothing(camera: Path, options: str) -> None:
    done = camfs("virtual:sigma-fp", camera, "-o", options)
    assert not mount_entries(camera)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("camfs: ")
    assert len(done.stderr.splitlines()) == 1
    assert options.partition("=")[0] in done.stderr

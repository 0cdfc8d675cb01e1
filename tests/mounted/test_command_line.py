"""The command line as a user types it: in any order, and wrong."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

import camfs as program
from camfs import cli
from camfs.commands import cameras, mounting
from camfs.commands.options import OPTIONS
from camfs.errors import CommandFailed
from tests.mounted.mount import CAMFS, PATIENCE, camfs, mount_entries, mounted, run

FP = "virtual:sigma-fp"


@pytest.mark.parametrize(
    "order",
    [
        "SOURCE -o umask=077 MOUNTPOINT",
        "SOURCE MOUNTPOINT -o umask=077",
        "-o umask=077 SOURCE MOUNTPOINT",
        "SOURCE -v MOUNTPOINT -o umask=077 -v",
    ],
)
def test_options_stand_anywhere_and_u_unmounts(camera: Path, order: str) -> None:
    words = [{"SOURCE": FP, "MOUNTPOINT": str(camera)}.get(word, word) for word in order.split()]
    camera.mkdir(exist_ok=True)
    assert camfs(*words).returncode == 0
    try:
        assert (camera / "card").stat().st_mode & 0o777 == 0o700
    finally:
        done = camfs("-u", camera)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert mount_entries(camera) == []


def refusal(*words: str | Path) -> str:
    """Return the one line in which a command is refused."""
    done = camfs(*words)
    assert done.returncode in (1, 2)
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


def test_unmounting_where_no_camera_is(tmp_path: Path) -> None:
    assert refusal("-u", tmp_path) == f"camfs: {tmp_path}: no camera is mounted here"
    assert "takes a mount point" in refusal("-u")
    assert "takes a mount point" in refusal("-u", FP, tmp_path)
    assert "only one of" in refusal("-u", tmp_path, "--list")


def test_a_missing_mount_point_and_a_swapped_one_are_named(tmp_path: Path) -> None:
    assert refusal(FP) == f"camfs: {FP} is a source; where is it to be mounted? camfs {FP} MOUNTPOINT"
    assert refusal("usb") == "camfs: usb is a source; where is it to be mounted? camfs usb MOUNTPOINT"
    assert refusal(tmp_path, FP) == f"camfs: the source comes first: camfs {FP} {tmp_path}"
    assert refusal(tmp_path / "none", "usb:") == f"camfs: the source comes first: camfs usb: {tmp_path / 'none'}"


def test_a_mount_point_may_look_like_a_source(tmp_path: Path) -> None:
    place = tmp_path / "usb:x"
    place.mkdir()
    assert camfs(FP, place).returncode == 0
    assert camfs("-u", place).returncode == 0


def test_version_and_options() -> None:
    assert camfs("-V").stdout == camfs("--version").stdout == f"camfs {program.__version__}\n"
    listed = camfs("-o", "help")
    assert listed.returncode == 0
    lines = [line.split()[0] for line in listed.stdout.splitlines() if line.startswith("  ")]
    assert lines == [option.typed for option in OPTIONS], "one line each"
    assert "?" not in listed.stdout


# ---------------------------------------------------------------------- what is found, for people and for scripts


def test_an_emulated_camera_that_is_mounted_is_listed(camera: Path) -> None:
    with mounted(FP, camera, background=True) as mount:
        (line,) = (line for line in camfs("--list").stdout.splitlines() if line.endswith(f" at {camera}"))
        assert line.startswith(FP)
        assert re.search("emulated SIGMA fp +serial unknown +in use by camfs", line)
        (found,) = (
            each
            for each in json.loads(camfs("--list", "--json").stdout)
            for user in each["users"]
            if user == {"program": "camfs", "pid": mount.process, "mount_point": str(camera)}
        )
        assert {key: found[key] for key in ("name", "serial", "kind", "free")} == {
            "name": "emulated SIGMA fp",
            "serial": None,
            "kind": "virtual",
            "free": False,
        }


def test_nothing_to_list_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """On stderr, so that what is listed stays what can be mounted."""
    monkeypatch.setattr(cameras, "find", list)
    assert cli.main(["--list"]) == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("camfs: no camera found")
    assert cli.main(["--list", "--json"]) == 0
    assert capsys.readouterr() == ("[]\n", "")


def test_the_doctor_for_scripts() -> None:
    done = camfs("--doctor", "--json")
    told = json.loads(done.stdout)
    assert set(told) == {"ok", "findings"}
    assert done.returncode == (0 if told["ok"] else 1)
    assert told["ok"] is all(finding["ok"] for finding in told["findings"])
    assert all(set(finding) == {"check", "ok", "text", "mend"} for finding in told["findings"])
    assert all(finding["ok"] is (finding["mend"] is None) for finding in told["findings"])
    assert {"fuse", "fusermount", "allow_other", "libusb"} <= {finding["check"] for finding in told["findings"]}
    assert "--json needs --list or --doctor" in refusal("--json")


# ---------------------------------------------------------------------- options of three kinds, mixed up


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["virtual:ptp", "--objects", "3"],
            "unrecognized arguments: --objects.*; .* follow its SOURCE: 'virtual:ptp\\?name=value'",
        ),
        (
            ["virtual:ptp?objects=3", "-o", "latency=1"],
            "unknown option -o latency=1; .* SOURCE: 'virtual:ptp\\?objects=3&name=value'",
        ),
        (
            ["virtual:ptp?umask=077"],
            "virtual:ptp\\?umask=077: this emulated camera has no such option; .* of the mount: -o umask",
        ),
        (["virtual:ptp?objects=many"], "virtual:ptp\\?objects=many: a number from 0"),
        (["usb:", "-o", "umusk=0"], "unknown option -o umusk=0; -o help lists them$"),
    ],
)
def test_each_kind_of_option_is_told_where_it_belongs(camera: Path, words: list[str], said: str) -> None:
    assert re.match(f"camfs: {said}", refusal(*words, camera))


def test_unmounting_without_fusermount3(camera: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root can mount without it, and so can unmount."""
    assert camfs(FP, camera).returncode == 0
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CommandFailed, match="install it with: sudo apt install fuse3"):
        list(mounting.unmount(str(camera)))
    monkeypatch.undo()
    done = camfs("-u", camera, env={"PATH": "/usr/bin"})
    assert (done.returncode, done.stderr) == (0, "")


def test_unmounting_without_a_mount_table(camera: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in a chroot: what fusermount3 says does not tell what to do."""
    program = tmp_path / "fusermount3"
    program.write_text("#!/bin/sh\necho fusermount3: failed to open /etc/mtab: No such file or directory >&2\nexit 1\n")
    program.chmod(0o755)
    with mounted(FP, camera), monkeypatch.context() as patched:
        patched.setattr(os, "geteuid", lambda: 1000)
        patched.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        with pytest.raises(CommandFailed, match=r"^failed to open /etc/mtab: .*; make it with: sudo ln -s /proc/self"):
            list(mounting.unmount(str(camera)))


def test_the_first_lines_on_a_terminal(camera: Path) -> None:
    """They say what a listing does not show; who is no terminal is told nothing (above)."""
    ours, theirs = os.openpty()
    try:
        done = subprocess.run([*CAMFS, FP, camera], stdout=theirs, stderr=theirs, timeout=PATIENCE)
        assert done.returncode == 0
        lines = os.read(ours, 4096).decode().splitlines()
        assert [line.partition(": ")[0] for line in lines] == ["camfs", "camfs"]
        assert f"fusermount3 -u {camera}" in lines[0]
        command = lines[1].rpartition(": ")[2]
        assert "can: " in run(*command.split()).stdout.splitlines()[0]
    finally:
        run("fusermount3", "-u", camera, status=None)
        os.close(ours)
        os.close(theirs)

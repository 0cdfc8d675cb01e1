"""The guest itself; while one of these tests fails, the other tests in this folder say nothing about camfs."""

import shutil
import time
from pathlib import Path

import pytest

from tests.usb.guest import GuestError, prepared_boot_files, run_in_guest


def test_has_a_usb_device_controller_and_every_path_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    scratch = tmp_path / "scratch, with a comma"
    scratch.mkdir()
    file = tmp_path / "file"
    file.write_text("from outside\n")
    started = time.time()
    result = run_in_guest(
        f"""
        set -eu
        ls /sys/class/udc
        mkdir /sys/kernel/config/usb_gadget/one
        test -w /dev/fuse
        cat '{file}'
        echo changed >'{file}'
        cat '{file}'
        date +%z
        date +%s >/scratch/clock
        ls -A "$HOME"
        echo to stderr >&2
        """,
        scratch=scratch,
    )
    assert result.output.splitlines() == ["dummy_udc.0", "from outside", "changed", "+0530", "to stderr"]
    assert result.status == 0
    assert file.read_text() == "from outside\n"
    assert started - 2 <= int((scratch / "clock").read_text()) <= time.time() + 2
    print(f"booted, ran and ended in {result.seconds:.1f} s")


def test_gives_back_the_status_of_a_script_that_fails(tmp_path: Path) -> None:
    result = run_in_guest("echo before; exit 3; echo after", scratch=tmp_path)
    assert (result.status, result.output) == (3, "before\n")


def test_kills_a_script_that_hangs(tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(GuestError, match=r"(?s)killed after 20 s.*I hang.*guest: ready"):
        run_in_guest("echo I hang; sleep 1000", scratch=tmp_path, timeout=20)
    assert time.monotonic() - started < 30


def test_shows_the_console_of_a_kernel_that_panics(tmp_path: Path) -> None:
    with pytest.raises(GuestError, match=r"(?s)without the script's status.*Kernel panic"):
        run_in_guest("echo c >/proc/sysrq-trigger", scratch=tmp_path)


def test_without_qemu_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared_boot_files()
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(GuestError, match="qemu-system-x86_64 is missing: apt-get install qemu-system-x86"):
        run_in_guest("true", scratch=tmp_path)


def test_boots_systemd(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("from outside\n")
    result = run_in_guest(
        f"""
        cat /proc/1/comm '{file}'
        systemctl is-system-running
        systemctl is-active systemd-udevd systemd-logind dbus
        modprobe nfsd && grep -c nfsd /proc/filesystems
        ls /sys/class/udc
        exit 3
        """,
        scratch=tmp_path,
        systemd=True,
    )
    assert result.output.splitlines() == ["systemd", "from outside", "running", *3 * ["active"], "1", "dummy_udc.0"]
    assert result.status == 3
    assert "guest-script.service" in result.console
    print(f"booted, ran and ended in {result.seconds:.1f} s")

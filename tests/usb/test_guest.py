"""The guest itself; while one of these tests fails, the other tests in this folder say nothing about camfs."""

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.usb.guest import GuestError, GuestResult, prepared_boot_files, run_in_guest

HANGS = 40
"""Seconds after which a guest is killed whose script hangs; it has to boot in this time."""


@pytest.fixture(scope="module")
def hanging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[GuestResult]]:
    """Run a script that hangs, while the other tests run."""
    with ThreadPoolExecutor() as pool:
        yield pool.submit(
            run_in_guest,
            "echo I hang; sleep 1000",
            scratch=tmp_path_factory.mktemp("hanging"),
            timeout=HANGS,
            memory_mib=512,
        )


@pytest.mark.usefixtures("hanging")
def test_has_a_usb_device_controller_and_every_path_of_this_machine_and_gives_back_a_status(
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
        exit 3
        echo after
        """,
        scratch=scratch,
    )
    assert result.output.splitlines() == ["dummy_udc.0", "from outside", "changed", "+0530", "to stderr"]
    assert result.status == 3
    assert file.read_text() == "from outside\n"
    assert started - 2 <= int((scratch / "clock").read_text()) <= time.time() + 2
    print(f"booted, ran and ended in {result.seconds:.1f} s")


def test_shows_the_console_of_a_kernel_that_panics(tmp_path: Path) -> None:
    with pytest.raises(GuestError, match=r"(?s)without the script's status.*Kernel panic"):
        run_in_guest("echo c >/proc/sysrq-trigger", scratch=tmp_path)


def test_without_qemu_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared_boot_files()
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(GuestError, match="qemu-system-x86_64 is missing: apt-get install qemu-system-x86"):
        run_in_guest("true", scratch=tmp_path)


def test_boots_systemd(systemd_result: GuestResult) -> None:
    lines = systemd_result.output.splitlines()[:8]
    assert lines == ["systemd", "from outside", "running", *3 * ["active"], "1", "dummy_udc.0"]
    assert systemd_result.status == 3
    assert "guest-script.service" in systemd_result.console
    print(f"booted, ran and ended in {systemd_result.seconds:.1f} s")


def test_kills_a_script_that_hangs(hanging: Future[GuestResult]) -> None:
    with pytest.raises(GuestError, match=r"(?s)killed after 40 s.*I hang.*guest: ready"):
        hanging.result(HANGS + 60)

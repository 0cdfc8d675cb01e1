"""Which programs are there to be compared."""

import shutil
from pathlib import Path

import pytest

from tests.bench.programs import PACKAGES, missing, on_usb


def test_a_peer_that_is_not_installed_is_left_out_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        shutil, "which", lambda name: None if name in ("jmtpfs", "aft-mtp-mount") else f"/usr/bin/{name}"
    )
    assert [program.name for program in on_usb(tmp_path)] == ["camfs", "gphotofs", "go-mtpfs"]
    assert missing(*PACKAGES) == [
        "",
        "Not installed, and so left out: jmtpfs, aft-mtp-mount (apt-get install jmtpfs android-file-transfer).",
    ]
    assert missing("gphotofs") == []


def test_no_program_is_named_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert [program.name for program in on_usb(tmp_path)] == ["camfs", *PACKAGES]

"""Plug and play under a real systemd and udev: the rule starts the user's unit, which mounts; and other ways to mount."""

import random
from pathlib import Path

import pytest

from camfs.virtual.pictures import generated as pictures
from tests.usb.sections import Run, section_names

SCRIPT = Path(__file__).with_name("plugging.sh")


def make_card(card: Path) -> None:
    """Make the folder that the camera shows."""
    folder = card / "DCIM/100SIGMA"
    folder.mkdir(parents=True)
    for shot in pictures.generated_shots(2):
        (folder / f"SDIM{shot.number:04}.JPG").write_bytes(pictures.jpeg(shot))
    (folder / "SDIM0100.DNG").write_bytes(random.Random(4).randbytes(3_000_000))


@pytest.mark.parametrize("name", section_names(SCRIPT))
def test_section(systemd_run: Run, name: str) -> None:
    systemd_run.check(name)

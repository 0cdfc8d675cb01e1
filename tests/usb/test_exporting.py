"""A mounted camera on the network: exported by the kernel's NFS server and by Samba, and read byte for byte by clients on loopback."""

import random
from pathlib import Path

import pytest

from camfs.virtual.pictures import generated as pictures
from tests.usb.sections import Run, section_names

SCRIPT = Path(__file__).with_name("exporting.sh")


def make_card(card: Path) -> None:
    """Make the folder that the camera shows."""
    chance = random.Random(3)
    deep = card / "DCIM/100SIGMA/deep/deeper"
    deep.mkdir(parents=True)
    (deep / "SDIM0100.DNG").write_bytes(chance.randbytes(6_000_000))
    for shot in pictures.generated_shots(2):
        for folder in (deep, *deep.parents[:2]):
            (folder / f"SDIM{shot.number:04}.JPG").write_bytes(pictures.jpeg(shot))
    many = card / "DCIM/many"
    many.mkdir()
    for number in range(150):
        (many / f"{number:04}.JPG").write_bytes(chance.randbytes(number))


@pytest.mark.parametrize("name", section_names(SCRIPT))
def test_section(systemd_run: Run, name: str) -> None:
    systemd_run.check(name)

"""The emulated fp as a real USB device, with gphoto2 and camfs as hosts; unplugging; how the gadget comes and goes."""

import random
from pathlib import Path

import pytest

from camfs.protocols.embedded import embedded_thumbnail
from camfs.virtual.pictures import generated as pictures
from tests.usb.guest import run_in_guest
from tests.usb.sections import Run, left_by, script_command, section_names

SCRIPT = Path(__file__).with_name("gadget.sh")

# With its header of 12 bytes, such a container ends with a full packet, or a byte before or after one.
LENGTHS = (
    0,
    1,
    499,
    500,
    501,
    512,
    513,
    1011,
    1012,
    1013,
    4084,
    4096,
    65524,
    65536,
    (1 << 20) - 12,
    1 << 20,
    (1 << 20) + 1,
)


def make_cards(root: Path) -> None:
    """Make the folders that the script needs."""
    chance = random.Random(2)
    files: dict[str, bytes] = {}
    for shot in pictures.generated_shots(3):
        files[f"SDIM{shot.number:04}.JPG"] = pictures.jpeg(shot)
        files[f"SDIM{shot.number:04}.DNG"] = pictures.dng(shot)
    # libgphoto2 fetches no objects of unknown format, so these are named like pictures
    lengths = {f"{length}.JPG": chance.randbytes(length) for length in LENGTHS}
    large = {"SDIM0100.DNG": chance.randbytes(24_000_000)}
    trees: dict[str, dict[str, bytes]] = {
        "gphoto/DCIM/100SIGMA": files,
        "gphoto/DCIM/101SIGMA": lengths | large,
        "camfs/DCIM/100SIGMA": files | large,
        "camfs/lengths": lengths,
        "camfs/Grüße aus Köln": {"ß ü.jpg": b"umlauts"},
        "thumbnails": {
            f"thumb_{name.replace('JPG', 'jpg')}": embedded_thumbnail(data) or b"" for name, data in files.items()
        },
    }
    for folder, contents in trees.items():
        (root / folder).mkdir(parents=True)
        for name, data in contents.items():
            (root / folder / name).write_bytes(data)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run the whole script in one guest."""
    cards = tmp_path_factory.mktemp("cards")
    make_cards(cards)
    command = script_command(SCRIPT, cards)
    return left_by(run_in_guest(command, scratch=tmp_path_factory.mktemp("scratch"), timeout=900), SCRIPT)


@pytest.mark.parametrize("name", section_names(SCRIPT))
def test_section(run: Run, name: str) -> None:
    run.check(name)


def test_figures(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print("\n" + run.figures)
    assert "MB/s" in run.figures

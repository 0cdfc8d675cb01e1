"""An emulated Nikon as a real USB device, with gphoto2 and camfs as its hosts."""

from pathlib import Path

import pytest

from tests.usb.guest import run_in_guest
from tests.usb.sections import Run, left_by, script_command, section_names

SCRIPT = Path(__file__).with_name("makers.sh")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run the whole script in one guest."""
    command = script_command(SCRIPT)
    return left_by(run_in_guest(command, scratch=tmp_path_factory.mktemp("scratch"), timeout=600), SCRIPT)


@pytest.mark.parametrize("name", section_names(SCRIPT))
def test_section(run: Run, name: str) -> None:
    run.check(name)

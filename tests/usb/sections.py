"""Shell scripts of sections, of which many run in one guest, since boots take time; and the results of each section (sections.sh)."""

import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.usb.guest import GuestResult

CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Run:
    """What a script has left behind.

    Attributes:
        sections: exit status and output of each section that has run.
        figures: speeds and times, one to a line.
        log: what the script, the emulated cameras and the kernel printed.
    """

    sections: Mapping[str, tuple[int, str]]
    figures: str
    log: str

    def check(self, name: str) -> None:
        """Fail unless a section succeeded."""
        assert name in self.sections, f"the script did not get there: {self.log}"
        status, output = self.sections[name]
        assert status == 0, f"{output}\n{self.log}"


def section_names(script: Path) -> list[str]:
    """The names of a script's sections, in order."""
    return re.findall(r"^section (\S+)", script.read_text(), re.MULTILINE)


def script_command(script: Path, *arguments: Path) -> str:
    """Return the shell command that runs a script of sections, which finds the Python that runs camfs in `$PYTHON`."""
    environment = ["env", "TZ=UTC", f"PYTHON={sys.executable}", f"PYTHONPATH={CHECKOUT}"]
    return shlex.join([*environment, "sh", str(script), *map(str, arguments)])


def left_by(result: GuestResult, *scripts: Path) -> Run:
    """Return what scripts of sections have left behind that ran one after the other in one guest."""
    left = {file.name: file.read_text(errors="replace") for file in result.scratch.iterdir() if file.is_file()}
    names = [name for script in scripts for name in section_names(script)]
    assert len(set(names)) == len(names)
    sections = {
        name: (int(left[f"{name}.status"]), left[f"{name}.output"]) for name in names if f"{name}.status" in left
    }
    figures = f"{left.get('figures', '')}all of it: {result.seconds:.0f} s"
    return Run(sections, figures, "\n".join((result.output, left.get("server.output", ""), result.console)))

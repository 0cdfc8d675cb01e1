"""Runs a shell script of sections in one guest, since boots take time, and keeps the results of the sections apart (sections.sh)."""

import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.usb.guest import run_in_guest

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


def run_sections(script: Path, *arguments: Path, scratch: Path, timeout: float, systemd: bool = False) -> Run:
    """Runs the whole script in one guest.

    Args:
        script: a shell script, which finds the Python that runs camfs in `$PYTHON`.
        arguments: passed to the script.
        scratch: an empty folder.
        timeout: seconds for all of it.
        systemd: as for `run_in_guest`.
    """
    environment = ["env", "TZ=UTC", f"PYTHON={sys.executable}", f"PYTHONPATH={CHECKOUT}"]
    command = shlex.join([*environment, "sh", str(script), *map(str, arguments)])
    result = run_in_guest(command, scratch=scratch, systemd=systemd, timeout=timeout)
    left = {file.name: file.read_text(errors="replace") for file in scratch.iterdir() if file.is_file()}
    sections = {
        name: (int(left[f"{name}.status"]), left[f"{name}.output"])
        for name in section_names(script)
        if f"{name}.status" in left
    }
    figures = f"{left.get('figures', '')}all of it: {result.seconds:.0f} s"
    return Run(sections, figures, "\n".join((result.output, left.get("server.output", ""), result.console)))

"""README has every SOURCE and option, described as in the tables of the command line."""

import re
from pathlib import Path

import pytest

from camfs.commands.arguments import SYNOPSES
from camfs.commands.options import OPTIONS
from camfs.commands.sources import FORMS
from camfs.virtual.canon_eos.behaviour import OPTIONS as CANON_OPTIONS
from camfs.virtual.dc120.options import OPTIONS as DC120_OPTIONS
from camfs.virtual.ptp.options import OPTIONS as PTP_OPTIONS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text("utf-8")

ROWS = {
    cells[0].strip(): cells[1].strip()
    for cells in (line.replace("`", "").strip("|").split("|") for line in TEXT.splitlines() if line.startswith("| `"))
}
"""The first two cells of each table row that begins with code, without backquotes."""


@pytest.mark.parametrize(
    ("name", "meaning"),
    [*((form.text, form.meaning) for form in FORMS), *((each.typed, each.help) for each in OPTIONS)],
)
def test_meanings(name: str, meaning: str) -> None:
    """README may add to the description."""
    assert ROWS[name].startswith(meaning)


def test_synopses() -> None:
    assert "".join(f"    {synopsis}\n" for synopsis in SYNOPSES) in TEXT


def test_options_of_emulated_cameras() -> None:
    text = (ROOT / "camfs/virtual/README.md").read_text("utf-8")
    section = text.partition("\n## Options\n")[2].partition("\n## ")[0]
    first_cells = (line.partition(" | ")[0] for line in section.splitlines() if line.startswith("| `"))
    named = [option for cell in first_cells for option in re.findall(r"`(.+?)`", cell)]
    typed = [option.replace("\\|", "|").replace("…", "...") for option in named]
    tables = [
        f"{name}={option.value}"
        for table in (PTP_OPTIONS, DC120_OPTIONS, CANON_OPTIONS)
        for name, option in table.items()
    ]
    assert sorted(typed) == sorted(set(tables))

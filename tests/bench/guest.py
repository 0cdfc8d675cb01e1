"""The rows of the comparison in the guest: camfs and other programs on QEMU's usb-mtp, which is a responder of other people.

`run` is called outside; it boots the guest, where this file is run as a program: `python -m tests.bench.guest CARD ROUNDS RESULT`.
"""

import json
import shlex
import sys
import tempfile
from pathlib import Path

from tests.bench.programs import on_usb
from tests.bench.rows import Card, Round, in_turns
from tests.usb.guest import run_in_guest

CHECKOUT = Path(__file__).parents[2]

LARGE, MEDIUM, EACH = 60_000_000, 60_000_000, 15_000_000
"""Sizes of movies: the guest is slow."""

TIMEOUT = 900.0
"""Seconds for one round of all programs."""


def run(rounds: int) -> list[Round]:
    """Measure all programs that are installed in a guest."""
    with tempfile.TemporaryDirectory() as name:
        scratch, card = Path(name) / "scratch", Card(Path(name) / "card", LARGE, MEDIUM, EACH)
        scratch.mkdir()
        card.make()
        # gphotofs asks for this locale by name to get UTF-8; a minimal Debian has only C.UTF-8
        script = "[ -e /usr/lib/locale/en_US.utf8 ] || ln -s C.utf8 /usr/lib/locale/en_US.utf8\n"
        words = ["env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-m", "tests.bench.guest"]
        script += shlex.join([*words, str(card.path), str(rounds), "/scratch/rounds"])
        result = run_in_guest(script, scratch=scratch, usb_mtp=card.path, timeout=TIMEOUT * rounds)
        print(result.output, end="")
        assert result.status == 0, result.console
        measured: list[Round] = json.loads((scratch / "rounds").read_text())
        return measured


def main(card: str, rounds: str, file: str) -> None:
    """Measure inside the guest, and leave the result in a file."""
    place = Path(tempfile.mkdtemp())
    measured = in_turns(on_usb(place), place / "mount", Card(Path(card), LARGE, MEDIUM, EACH), int(rounds))
    Path(file).write_text(json.dumps(measured))


if __name__ == "__main__":
    main(*sys.argv[1:])

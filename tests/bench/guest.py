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
from tests.usb.guest import GuestError, run_in_guest

CHECKOUT = Path(__file__).parents[2]

LARGE, MEDIUM, EACH = 60_000_000, 60_000_000, 15_000_000
"""Sizes of movies: the guest is slow."""

TIMEOUT = 1200.0
"""Seconds for one round of all programs, which takes three minutes on a computer that does nothing else."""


def run(rounds: int) -> list[Round]:
    """Measure all programs that are installed in a guest; return the rounds that came to their end."""
    with tempfile.TemporaryDirectory() as name:
        scratch, card = Path(name) / "scratch", Card(Path(name) / "card", LARGE, MEDIUM, EACH)
        scratch.mkdir()
        card.make()
        # gphotofs asks for this locale by name to get UTF-8; a minimal Debian has only C.UTF-8
        script = "[ -e /usr/lib/locale/en_US.utf8 ] || ln -s C.utf8 /usr/lib/locale/en_US.utf8\n"
        words = ["env", f"PYTHONPATH={CHECKOUT}", sys.executable, "-m", "tests.bench.guest"]
        script += shlex.join([*words, str(card.path), str(rounds), "/scratch/rounds"])
        try:
            output = run_in_guest(script, scratch=scratch, usb_mtp=card.path, timeout=TIMEOUT * rounds).output
        except GuestError as error:
            output = f"{error}\n"
        print(output, end="", flush=True)
        measured = [json.loads(line) for line in _lines(scratch / "rounds")]
        if not measured:
            raise SystemExit("no round in the guest came to its end")
        return measured


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def main(card: str, rounds: str, file: str) -> None:
    """Measure inside the guest, and leave each round in a line of a file."""
    place = Path(tempfile.mkdtemp())
    for measured in in_turns(on_usb(place), place / "mount", Card(Path(card), LARGE, MEDIUM, EACH), int(rounds)):
        with open(file, "a") as lines:
            lines.write(json.dumps(measured) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

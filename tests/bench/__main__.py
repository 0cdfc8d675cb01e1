"""Measures camfs, beside other programs where there are any: `python -m tests.bench [SECTION…] [--peers]` (tests/README.md, "Measuring").

It reports and asserts no time. Compare ratios of one run only. The tables in tests/bench/README.md and the picture are made by it.
"""

import argparse
import os
import platform
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tests.bench import guest
from tests.bench.dc120 import dc120
from tests.bench.links import links
from tests.bench.listing import listing
from tests.bench.picture import picture
from tests.bench.programs import PACKAGES, missing, on_network
from tests.bench.rows import Card, in_turns
from tests.bench.table import Comparison, compare, comparison_table
from tests.peers.camera import served

MIB = 1 << 20

BEGIN, END = "<!-- what follows was measured: python -m tests.bench -->", "<!-- measured until here -->"
"""Lines of tests/bench/README.md between which the tables stand."""

SECTIONS = ("reading", "links", "listing", "dc120")


class Report(Protocol):
    """Prints a table; a short one goes into the file of --into as well."""

    def __call__(self, title: str, table: Sequence[str], short: bool = False) -> None: ...


Panels = dict[str, Sequence[Comparison]]


def compare_on_network(pairs: int, megabytes: int) -> list[Comparison]:
    """Compare camfs and gphotofs on one emulated camera, which runs in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        card = Card(place / "card", megabytes * MIB, 64 * MIB, 64 * MIB)
        card.make()
        (place / "memory").mkdir()
        with served("ptp", place, "--card", str(card.path), "--memory", str(place / "memory")) as camera:
            return compare(list(in_turns(on_network(camera), place / "mount", card, pairs)))


def machine() -> str:
    """Say what this was measured on."""
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    cores = f"{len(os.sched_getaffinity(0))} cores of {names[0] if names else platform.machine()}"
    return f"Measured on {cores}, Linux {platform.release()}, Python {platform.python_version()}, with"


def measure(arguments: argparse.Namespace, report: Report) -> Panels:
    """Measure what was asked for and report each table; return what the picture shows."""
    panels: Panels = {}
    if "reading" in arguments.sections:
        title = "An emulated camera on the network (PTP/IP on loopback)"
        panels[title] = compare_on_network(arguments.pairs, arguments.megabytes)
        report(title, [*comparison_table(panels[title]), *missing("gphotofs")], short=True)
    if "links" in arguments.sections:
        report("Links of a given speed", links(arguments.pairs, arguments.megabytes // 2), short=True)
    if "listing" in arguments.sections:
        report("Listing", listing(arguments.pairs))
    if "dc120" in arguments.sections:
        report("A DC120", dc120())
    if arguments.peers:
        title = "QEMU's usb-mtp in an emulated guest, where Python is about 17 times slower"
        panels[title] = compare(guest.run(arguments.rounds))
        report(title, [*comparison_table(panels[title]), *missing(*PACKAGES)])
    return panels


def put_into(file: Path, lines: Sequence[str]) -> None:
    """Put lines between `BEGIN` and `END` of a file."""
    before, begin, rest = file.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{file} has no lines {BEGIN} and {END}")
    file.write_text(before + "\n".join([BEGIN, *lines, END]) + after, "utf-8")


def main() -> None:
    """Read the arguments, measure, print, and write what files were asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="measures camfs beside other programs")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}, all (default: all)")
    parser.add_argument("--peers", action="store_true", help="compare with all peers in the guest; alone: nothing else")
    parser.add_argument("--pairs", type=int, default=5, help="how often each program is measured (default 5)")
    parser.add_argument("--rounds", type=int, default=3, help="the same in the guest, which is slow (default 3)")
    parser.add_argument("--megabytes", type=int, default=256, help="MiB of the file that is read whole (default 256)")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the comparisons as an SVG")
    parser.add_argument("--into", type=Path, metavar="FILE", help="put the first two tables into a file, at its marks")
    arguments = parser.parse_args()
    if unknown := set(arguments.sections) - {*SECTIONS, "all"}:
        parser.error(f"no section is called {', '.join(unknown)}")
    if "all" in arguments.sections or not (arguments.sections or arguments.peers):
        arguments.sections = SECTIONS
    for_readme: list[str] = []

    def report(title: str, table: Sequence[str], short: bool = False) -> None:
        text = ["", f"{title}:", "", *table]
        print("\n".join(text), flush=True)
        if short:
            for_readme.extend(text)

    panels = measure(arguments, report)
    command = shlex.join(("python", "-m", "tests.bench", *sys.argv[1:]))
    measured_on = f"{machine()} `{command}`."
    print("", measured_on, sep="\n")
    if arguments.picture:
        arguments.picture.write_text(picture(panels), "utf-8")
    if arguments.into:
        put_into(arguments.into, [*for_readme, "", measured_on, ""])


if __name__ == "__main__":
    main()

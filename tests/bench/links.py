"""How much of a link camfs uses: cameras whose link takes as long as a real one (`camfs/virtual/throttle.py`)."""

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median

from tests.bench.programs import CAMFS, Program, camfs, on_network, running
from tests.bench.rows import Card, read_whole, seconds, wait_for_tree
from tests.bench.table import DASH, markdown
from tests.peers.camera import served

LINKS = ((40e6, 0.001), (60e6, 0.0008), (200e6, 0.0006))
"""Bytes a second, and seconds that a transaction takes besides."""


def links(pairs: int, megabytes: int) -> list[str]:
    """Return a table with a row for each link.

    Args:
        pairs: how often each program reads.
        megabytes: size of what it reads, in MiB.
    """
    rows: list[tuple[str, ...]] = []
    programs: list[Program] = []
    for bandwidth, latency in LINKS:
        with tempfile.TemporaryDirectory() as name:
            place = Path(name)
            card = Card(place / "card", megabytes << 20, 1, 1)
            card.make()
            (place / "memory").mkdir()
            least = card.large / bandwidth + latency
            options = {"card": card.path, "memory": place / "memory", "bandwidth": bandwidth, "latency": latency}
            words = [word for option, value in options.items() for word in (f"--{option}", str(value))]
            with served("ptp", place, *words) as camera:
                programs = on_network(camera)
                apart, *peers = ([least / each for each in times] for times in _in_turns(programs, place, pairs))
            source = "virtual:ptp?" + "&".join(f"{option}={value}" for option, value in options.items())
            (within,) = ([least / each for each in times] for times in _in_turns([camfs(source, place)], place, pairs))
        link = f"{bandwidth / 1e6:g} MB/s, {latency * 1000:g} ms"
        rows.append((link, *(_shown(each) for each in (apart, within, *peers))))
    header = ("achieved / possible", CAMFS, f"{CAMFS}, camera in its process", *(peer.name for peer in programs[1:]))
    return markdown(header, rows)


def _in_turns(programs: Sequence[Program], place: Path, pairs: int) -> list[list[float]]:
    """Return the seconds in which each program reads the large movie, one list a program."""
    times: list[list[float]] = [[] for _ in programs]
    for number in range(pairs):
        for index in range(len(programs))[:: 1 if number % 2 == 0 else -1]:
            with running(programs[index], place / "mount") as mount:
                movie = wait_for_tree(mount) / "101CAMFS" / "LARGE.MOV"
                times[index].append(seconds(partial(read_whole, movie)))
    return times


def _shown(ratios: Sequence[float]) -> str:
    return f"{median(ratios):.3f} ({min(ratios):.3f}{DASH}{max(ratios):.3f})"

"""What is killed: camfs, the camera, the computer's power, its disk and its clock. Nothing of that may cost a shot, or bring wrong bytes.

The kinds, each in a module of its own by what is harmed, take turns until the time is over.
"""

import itertools
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from tests.torture.harm_disk import cut_the_power, damage_kept_pictures, fill_a_small_disk, let_calls_fail
from tests.torture.kill_camera import kill_a_plain_camera, stop_a_sigma
from tests.torture.kill_camfs import kill_on_a_plain_camera, kill_on_a_sigma
from tests.torture.outcome import Counts, DidNotHold

KINDS: tuple[Callable[[int, Path], Counts], ...] = (
    kill_on_a_sigma,
    cut_the_power,
    let_calls_fail,
    damage_kept_pictures,
    stop_a_sigma,
    kill_on_a_plain_camera,
    kill_a_plain_camera,
    fill_a_small_disk,
)


def torture(until: float, seed: int, folder: Path) -> Counts:
    """Let the kinds take turns, each at least once."""
    logging.getLogger("camfs").setLevel(logging.CRITICAL)  # some of it runs in this process
    counts = Counts(rounds=0)
    for number, kind in enumerate(itertools.cycle(KINDS)):
        if number >= len(KINDS) and time.monotonic() >= until:
            break
        place = folder / f"{number}"
        place.mkdir()
        try:
            found = kind(seed + number, place)
        except DidNotHold as error:
            raise DidNotHold(f"{kind.__name__}, seed {seed + number}: {error}") from error
        shutil.rmtree(place)
        counts["rounds"] += 1
        for name, count in found.items():
            counts[name] = counts.get(name, 0) + count
    return counts

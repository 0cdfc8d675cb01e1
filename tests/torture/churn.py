"""Churn: mounts that are kept, and do the same things again and again; nothing of camfs may grow.

A round lists, reads, looks at thumbnails and settings, changes a setting, takes a picture, deletes it, fails in several ways and has all
listed again, on a PTP camera, a SIGMA and a DC120 at once, each in a process of its own. After each round camfs is looked at: its memory,
descriptors and threads from outside, tasks, nodes and open files by `watched`.

What is judged is the trend after the warm-up, which is the first third of the rounds: Theil and Sen's slope, the median of the slopes
between all pairs of samples, which single outliers do not move, times the rounds that it was seen over. For memory it may be
`MORE_MEMORY`, because Python's memory comes in arenas, and `.events` and the log keep up to 1 MiB; for all else it has to be less than
`MORE`. Fewer than `ENOUGH` rounds say nothing; then only the last sample is held against the first after the warm-up, generously.
"""

import contextlib
import errno
import itertools
import json
import os
import random
import signal
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.mounted.mount import LIFETIME, PATIENCE, Mount, mounted
from tests.torture.cameras import STORE, served_camera
from tests.torture.formula import make_formula_file
from tests.torture.outcome import Counts, DidNotHold

WATCHED = (sys.executable, "-m", "tests.torture.watched")

MORE_MEMORY = 6 << 10
"""KiB by which the memory may grow after the warm-up."""

MORE = 3
"""By how much descriptors, threads, tasks, nodes and open files may not even grow."""

ENOUGH = 30
"""Rounds from which on a trend is judged."""

PAUSE = 0.3
"""Seconds between rounds: other parts run at the same time."""

MOST_SAMPLES = 400
"""Samples that a trend is computed from."""

Sample = dict[str, int]


def torture(until: float, seed: int, folder: Path) -> Counts:
    """Keep three mounts busy, and say what has grown."""
    choices = random.Random(seed)
    counts = Counts({"rounds": 0, "captures": 0, "deleted": 0, "failed calls": 0})
    samples: dict[str, list[Sample]] = {model: [] for model in STORE}
    with contextlib.ExitStack() as stack:
        lifetime = max(0.0, until - time.monotonic()) + LIFETIME
        mounts = {model: _mount(stack, model, folder / model, lifetime) for model in STORE}
        while counts["rounds"] < 4 or time.monotonic() < until:
            for model, mount in mounts.items():
                _round(model, mount, choices, counts)
                samples[model].append(look(mount, folder / model / "watched"))
            counts["rounds"] += 1
            time.sleep(PAUSE)
    for model, found in samples.items():
        for what, more in growth(found).items():
            place = f"more KiB of {model}" if what == "KiB" else f"more {what}"
            counts[place] = max(more, counts.get(place, more))
            most = MORE_MEMORY if what == "KiB" else MORE - 1
            if more > (most if len(found) >= ENOUGH else 4 * most):
                raise DidNotHold(f"{model}: {more} more {what} after {len(found)} rounds, seed {seed}: {found[::20]}")
    return counts


def _mount(stack: contextlib.ExitStack, model: str, place: Path, lifetime: float) -> Mount:
    place.mkdir()
    pictures = place / "pictures"
    pictures.mkdir()
    for number in range(6):
        make_formula_file(pictures / f"P{number:06}.JPG", number, 20_000 + 7_000 * number)
    fast = ("--snap_time", "0.01") if model == "sigma-fp" else ("--capture", "0.1") if model == "dc120" else ()
    camera = stack.enter_context(served_camera(model, place, pictures, *fast))
    options = f"cache=1M,allow_delete,show_control,raw,spool={place / 'spool'}"
    environment = {"WATCHED": str(place / "watched")}
    mount = stack.enter_context(
        mounted(camera.source, place / "camera", options, env=environment, program=WATCHED, lifetime=lifetime)
    )
    mount.tolerate(".")  # it says what it refuses
    return mount


# ---------------------------------------------------------------------- a round


def _round(model: str, mount: Mount, choices: random.Random, counts: Counts) -> None:
    """Do everything once, in an order of chance."""
    acts: list[Callable[[str, Path, Counts], None]] = [_read_all, _ask, _set, _fail, _list_again, _capture]
    for act in choices.sample(acts, len(acts)):
        act(model, mount.path, counts)


def _read_all(model: str, point: Path, counts: Counts) -> None:
    """Walk through the store, and read each file and its thumbnail; a SIGMA is released first."""
    if model == "sigma-fp":
        (point / ".control").write_text("0\n")
    for place, _, names in os.walk(point / STORE[model]):
        for name in names:
            path = Path(place) / name
            with open(path, "rb") as file:
                file.read(1000)
                os.pread(file.fileno(), 5000, 10_000)
            thumbnail = point / ".thumbnails" / path.relative_to(point)
            with contextlib.suppress(OSError):
                thumbnail.read_bytes()


def _ask(model: str, point: Path, counts: Counts) -> None:
    """Read the control files and settings that can be read."""
    names = [".status", ".events", ".capture", ".clock", ".control", ".raw", ".liveview.jpg"]
    names += [f".settings/{name}" for name in os.listdir(point / ".settings")]
    for name in names:
        with contextlib.suppress(OSError):
            (point / name).read_bytes()


def _set(model: str, point: Path, counts: Counts) -> None:
    """Change a setting, and write what is refused."""
    name = "self-timer" if model == "dc120" else "white-balance" if model == "ptp" else "iso"
    for text in ((point / ".settings" / name).read_text(), "nonsense\n"):
        try:
            (point / ".settings" / name).write_text(text)
        except OSError:
            counts["failed calls"] += 1


def _fail(model: str, point: Path, counts: Counts) -> None:
    """Look for names that are not there, and do what nobody may."""
    for number in range(20):
        try:
            os.stat(point / STORE[model] / f"nothing{number}{counts['rounds']}")
        except OSError as error:
            counts["failed calls"] += error.errno == errno.ENOENT
    for call in (os.mkdir, os.unlink, os.rmdir):
        with contextlib.suppress(OSError):
            call(point / STORE[model] / "P000000.JPG" / "x")
            raise DidNotHold(f"{model}: {call.__name__} worked")
        counts["failed calls"] += 1


def _list_again(model: str, point: Path, counts: Counts) -> None:
    (point / ".refresh").write_text("1\n")


def _capture(model: str, point: Path, counts: Counts) -> None:
    """Take a picture, read it and delete it. A SIGMA would else put each on its card as well, which has to stay as it is."""
    if model == "sigma-fp":
        (point / ".settings/destination").write_text("computer\n")
    try:
        (point / ".capture").write_text("1\n")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return
    counts["captures"] += 1
    for name in (point / ".capture").read_text().splitlines():
        (point / name).read_bytes()
        os.unlink(point / name)
        counts["deleted"] += 1


# ---------------------------------------------------------------------- looking


def look(mount: Mount, watched: Path) -> Sample:
    """Return what the camfs of a mount uses now."""
    watched.unlink(missing_ok=True)
    os.kill(mount.process, signal.SIGUSR1)
    until = time.monotonic() + PATIENCE
    while not watched.exists():
        assert time.monotonic() < until, "camfs does not say what it has"
        time.sleep(0.01)
    process = Path(f"/proc/{mount.process}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    return {
        "KiB": int(status["VmRSS"].split()[0]),
        "descriptors": len(os.listdir(process / "fd")),
        "threads": int(status["Threads"]),
        **json.loads(watched.read_text()),
    }


def growth(samples: Sequence[Sample]) -> dict[str, int]:
    """Return by how much each number has grown, by its trend, over the samples after the warm-up."""
    after = samples[len(samples) // 3 :]
    return {what: round(slope([each[what] for each in after]) * (len(after) - 1)) for what in after[0]}


def slope(values: Sequence[float]) -> float:
    """Return Theil and Sen's slope: the median of the slopes between all pairs of values, of evenly chosen ones if there are many."""
    step = max(1, len(values) // MOST_SAMPLES)
    chosen = list(enumerate(values))[::step]
    slopes = [(later - value) / (place - start) for (start, value), (place, later) in itertools.combinations(chosen, 2)]
    return statistics.median(slopes) if slopes else 0.0

"""Tortures camfs for a while, and says what was tried and what it showed: `python -m tests.torture [MINUTES] [PART…]` (PROMISES.md).

Each part is a module beside this one, and runs in a process of its own (`part`). Two run side by side: as soon as one ends the next
begins, with its share of the time that is left. `churn` is apart: it looks for what grows, so it runs from the beginning to the end, beside
the others. A part whose promise does not hold ends at once; the others run on.

    deadline          │←────────────── MINUTES ──────────────→│
    lane              │ readers   │ hostile   │ dc120  │ fuzz │
    lane              │ kill   │ usb   │ stateful   │ others  │
    lane of its own   │ churn                                 │
"""

import argparse
import json
import math
import os
import queue
import random
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.torture.outcome import Counts

PARTS = ("readers", "kill", "hostile", "usb", "dc120", "churn", "fuzz", "stateful", "others")
"""The parts, in the order in which they begin and are reported."""

THROUGHOUT = ("churn",)
"""Parts that run for the whole time."""

LANES = 2
"""How many of the other parts run at once."""

PATIENCE = 240.0
"""Seconds for which a part may go on past its time, to end its round; then it is taken to hang, and killed."""

OUTPUT = 6000
"""How many characters of the end of a failed part's output are shown."""

BEGIN, END = "<!-- what follows was counted: python -m tests.torture -->", "<!-- counted until here -->"
"""Lines of PROMISES.md between which the table of counts stands."""


@dataclass(frozen=True)
class Result:
    """How a part ended: its counts, or None and the end of its output."""

    counts: Counts | None
    output: str
    seconds: float

    def __str__(self) -> str:
        return "DID NOT HOLD" if self.counts is None else str(self.counts)


running: set[int] = set()
"""The process groups of the parts that run now."""


def stop(number: int, frame: object) -> None:
    """End this process, and the parts with it, on a signal."""
    for group in tuple(running):
        with suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    os._exit(128 + number)


def unmount_below(folder: Path) -> None:
    """Detach what a part that failed has left mounted."""
    for line in Path("/proc/self/mounts").read_text("utf-8", "surrogateescape").splitlines():
        if (point := line.split(" ")[1]).startswith(f"{folder}/"):
            subprocess.run(["fusermount3", "-uz", point], check=False)


def run_part(name: str, until: float, seed: int, folder: Path) -> Result:
    """Run a part in a process of its own; whatever it leaves behind is killed and unmounted."""
    began = time.monotonic()
    folder.mkdir()
    with open(folder / "output", "w+b") as output:
        command = [sys.executable, "-m", "tests.torture.part", name, repr(until), str(seed), str(folder)]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
        running.add(process.pid)
        try:
            status = process.wait(until + PATIENCE - time.monotonic())
            why = f"{name}: ended with status {status}"
        except subprocess.TimeoutExpired:
            why = f"{name}: still running {PATIENCE:g} s after its time"
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            running.discard(process.pid)
            unmount_below(folder)
        output.seek(0)
        said = output.read().decode("utf-8", "replace")[-OUTPUT:]
    with suppress(FileNotFoundError):
        counts = Counts(json.loads((folder / "counts.json").read_text()))
        return Result(counts, said, time.monotonic() - began)
    return Result(None, f"{said}\n{why}\n", time.monotonic() - began)


def share(now: float, deadline: float, waiting: int, lanes: int) -> float:
    """Return until when a part may run that begins now, if `waiting` more are to run after it in so many lanes."""
    return now + max(0.0, deadline - now) / math.ceil((waiting + 1) / lanes)


def run_all(parts: Sequence[str], minutes: float, seed: int, folder: Path) -> dict[str, Result]:
    """Run parts side by side, and print how each ended as soon as it has."""
    deadline = time.monotonic() + minutes * 60
    results: dict[str, Result] = {}
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in parts:
        if name not in THROUGHOUT:
            waiting.put(name)

    def run_one(name: str, until: float) -> None:
        result = run_part(name, until, seed, folder / name)
        if result.counts is None:
            print(result.output, flush=True)
        print(f"{name}: {result} ({result.seconds:.0f} s)", flush=True)
        results[name] = result

    def lane() -> None:
        with suppress(queue.Empty):
            while True:
                name = waiting.get_nowait()
                run_one(name, share(time.monotonic(), deadline, waiting.qsize(), LANES))

    threads = [threading.Thread(target=run_one, args=(name, deadline)) for name in parts if name in THROUGHOUT]
    threads += [threading.Thread(target=lane) for _ in range(LANES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {name: results[name] for name in parts}


def table(results: dict[str, Result], minutes: float, seed: int) -> list[str]:
    """Return the counts as a table in Markdown."""
    command = shlex.join(("python", "-m", "tests.torture", *sys.argv[1:]))
    return [
        "",
        "| part | what was tried, and what it showed | minutes |",
        "|---|---|---:|",
        *(f"| {name} | {result} | {result.seconds / 60:.1f} |" for name, result in results.items()),
        "",
        f"Counted on {time.strftime('%Y-%m-%d')} in {minutes:g} minutes with seed {seed}: `{command}`.",
        "",
    ]


def put_into(file: Path, lines: Sequence[str]) -> None:
    """Put lines between `BEGIN` and `END` of a file."""
    before, begin, rest = file.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{file} has no lines {BEGIN} and {END}")
    file.write_text(before + "\n".join([BEGIN, *lines, END]) + after, "utf-8")


def main(arguments: Sequence[str]) -> int:
    """Read the arguments, run the parts, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description="tortures camfs for a while")
    parser.add_argument("minutes", nargs="?", type=float, default=5.0, metavar="MINUTES", help="default: 5")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="of all random choices")
    parser.add_argument("--into", type=Path, metavar="FILE", help="put the counts into PROMISES.md, at its marks")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    print(f"seed {chosen.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="camfs-torture-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)  # other users of this computer are tried, too
        results = run_all(chosen.parts or PARTS, chosen.minutes, chosen.seed, Path(folder))
    if chosen.into:
        put_into(chosen.into, table(results, chosen.minutes, chosen.seed))
    print("; ".join(f"{name}: {result}" for name, result in results.items()))
    return 1 if any(result.counts is None for result in results.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

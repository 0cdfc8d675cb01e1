"""Runs one part of the torture in this process: `python -m tests.torture.part NAME UNTIL SEED FOLDER`; `__main__` starts it.

UNTIL is a time of the monotonic clock, which all processes share, SEED a random seed. FOLDER gets `scratch/`, in which the part works,
`state/` and `cache/`, in which camfs keeps its own files, and, if all promises held, `counts.json`.
"""

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tests.torture.outcome import Counts

Torture = Callable[[float, int, Path], Counts]


def main(name: str, until: str, seed: str, folder: str) -> None:
    """Run a part and write down its counts; whatever it raises ends this process with a traceback and status 1."""
    place = Path(folder)
    for variable, directory in (("XDG_STATE_HOME", "state"), ("XDG_CACHE_HOME", "cache")):
        (place / directory).mkdir(mode=0o700)
        os.environ[variable] = str(place / directory)
    (place / "scratch").mkdir()
    signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell's background ignores it, and children inherit that
    torture: Torture = importlib.import_module(f"tests.torture.{name}").torture
    counts = torture(float(until), int(seed), place / "scratch")
    (place / "counts.json").write_text(json.dumps(counts))


if __name__ == "__main__":
    main(*sys.argv[1:])

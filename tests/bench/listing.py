"""How long `ls -l` of a large folder takes, and how many transactions, on cameras with few objects and with many."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.programs import camfs, running
from tests.bench.rows import list_folder, seconds
from tests.bench.table import markdown
from tests.mounted.trace import Trace
from tests.peers.camera import served

COUNTS = (1_000, 10_000, 50_000)
ENOUGH = 10_000
FOLDERS = {"sigma-fp": "card/DCIM/100SIGMA", "ptp": "card/DCIM/100CAMFS"}


def listing(pairs: int, counts: Sequence[int] = COUNTS) -> list[str]:
    """Return a table with a row for each camera and number of objects; a time is compared with that of the smallest number.

    Args:
        pairs: how often a folder is listed anew, for the median; once if it is so large that this says enough.
        counts: numbers of objects.
    """
    rows = []
    for model, folder in FOLDERS.items():
        smallest = 0.0
        for count in counts:
            measured = [_measure(model, folder, count) for _ in range(pairs if count < ENOUGH else 1)]
            first, transactions, second, again, memory = sorted(measured)[len(measured) // 2]
            smallest = smallest or first / count
            rows.append(
                (
                    model,
                    f"{count:,}",
                    f"{first:.2f} s",
                    f"{first / count * 1e6:.0f} µs",
                    f"{first / count / smallest:.2f}",
                    f"{transactions / count:.3f}",
                    f"{second:.2f} s",
                    str(again),
                    f"{memory:.0f} MB",
                )
            )
    header = (
        "camera",
        "objects",
        "ls -l",
        "an object",
        "ratio",
        "transactions an object",
        "again",
        "transactions",
        "RSS",
    )
    return markdown(header, rows)


def _measure(model: str, folder: str, count: int) -> tuple[float, int, float, int, float]:
    """Return seconds and transactions of a first and of a second listing, and the memory that camfs has then."""
    with tempfile.TemporaryDirectory() as name, served(model, Path(name), "--objects", str(count)) as camera:
        place = Path(name)
        with running(camfs(camera.source, place, "attr_timeout=3600"), place / "mount") as mount:
            trace = Trace(camera.trace, mount.path)
            found = []
            for _ in range(2):
                trace.transactions()

                def list_all() -> None:
                    assert list_folder(mount.path / folder) == count

                found.append((seconds(list_all), len(trace.transactions())))
            (first, transactions), (second, again) = found
            return first, transactions, second, again, mount.resident_megabytes()

"""How long `ls -l` of a folder takes, and how many transactions: `python -m tests.bench.listing [COUNT…]`.

A report, not a test. Compare times within one run only: each number of objects with the smallest one, and the second listing, which comes
from the caches of the kernel and of camfs, with the first.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.mounted.mount import Mount, mounted

COUNTS = (100, 1_000, 10_000)


def list_folder(folder: Path) -> tuple[int, float]:
    """List a folder as a user does; return the number of lines and the seconds that it took."""
    start = time.perf_counter()
    done = subprocess.run(["ls", "-l", folder], stdout=subprocess.PIPE, check=True)
    return done.stdout.count(b"\n") - 1, time.perf_counter() - start


def measure(mount: Mount, folder: Path, count: int) -> tuple[float, float, int, int]:
    """Return the seconds of a first and a second listing, and the transactions of each."""
    mount.trace.transactions()
    shown, first = list_folder(folder)
    transactions = len(mount.trace.transactions())
    assert shown == count
    _, second = list_folder(folder)
    return first, second, transactions, len(mount.trace.transactions())


def main(counts: tuple[int, ...] = COUNTS) -> None:
    """Print a line for each camera and number of objects."""
    print("camera      objects   first ls   µs an object   ratio   transactions an object   second ls   transactions")
    for model, folder in (("sigma-fp", "card/DCIM/100SIGMA"), ("ptp", "card/DCIM/100CAMFS")):
        smallest = 0.0
        for count in counts:
            with (
                tempfile.TemporaryDirectory() as place,
                mounted(f"virtual:{model}?objects={count}", Path(place) / "camera", "attr_timeout=3600") as mount,
            ):
                first, second, transactions, again = measure(mount, mount.path / folder, count)
            smallest = smallest or first / count
            print(
                f"{model:<10}{count:>9}{first:>9.2f} s{first / count * 1e6:>15.0f}{first / count / smallest:>8.2f}"
                f"{transactions / count:>25.3f}{second:>10.2f} s{again:>15}"
            )


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or COUNTS)

"""How fast a mount reads: `python -m tests.bench.reading [MEGABYTES]`.

A report, not a test. Compare rates within one run only: with those of reading the same file where it lies on disk. Except for the first
reading through the mount, both come from the page cache.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.mounted.mount import Mount, mounted

MEGABYTES = 256


def seconds(*command: str | Path) -> float:
    """Return how long a command takes."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def dd(path: Path, *operands: str) -> float:
    """Return how long dd takes to read a file, in blocks of 1 MiB."""
    return seconds("dd", f"if={path}", "of=/dev/null", "bs=1M", *operands)


def report(name: str, size: int, duration: float, compared: float, mount: Mount) -> None:
    """Print one line."""
    reads = mount.trace.reads()
    total = sum(read.size for read in reads)
    print(
        f"{name:<34}{size / duration / 1e6:>9.0f} MB/s{compared / duration:>9.3f}{len(reads):>9}{total / 1e6:>11.1f} MB"
        f"{duration * 1000:>10.1f} ms"
    )


def main(megabytes: int = MEGABYTES) -> None:
    """Print a line for each way of reading."""
    size = megabytes << 20
    with tempfile.TemporaryDirectory() as place:
        card = Path(place) / "card"
        card.mkdir()
        with open(card / "LARGE.MOV", "wb") as file:
            for _ in range(megabytes):
                file.write(os.urandom(1 << 20))
        dd(card / "LARGE.MOV")
        direct = dd(card / "LARGE.MOV")
        print(f"folder itself: {size / direct / 1e6:.0f} MB/s\n")
        print(f"{'through the mount':<34}{'rate':>14}{'ratio':>9}{'reads':>9}{'bytes':>14}{'time':>13}")
        for model in ("sigma-fp", "ptp"):
            with mounted(f"virtual:{model}?card={card}", Path(place) / "camera", "attr_timeout=3600") as mount:
                source = mount.path / "card/LARGE.MOV"
                head = seconds("head", "-c", "65536", source)
                report(f"{model}: head -c 65536", 65536, head, head, mount)
                report(f"{model}: tail -c 65536", 65536, seconds("tail", "-c", "65536", source), head, mount)
                report(f"{model}: dd", size, dd(source), direct, mount)
                report(f"{model}: dd again", size, dd(source), direct, mount)
            with mounted(f"virtual:{model}?card={card}", Path(place) / "camera") as mount:
                source = mount.path / "card/LARGE.MOV"
                report(f"{model}: dd past the page cache", size, dd(source, "iflag=direct"), direct, mount)
            with mounted(f"virtual:{model}?card={card}", Path(place) / "camera") as mount:
                source = mount.path / "card/LARGE.MOV"
                report(f"{model}: cp", size, seconds("cp", source, Path(place) / "copy"), direct, mount)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))

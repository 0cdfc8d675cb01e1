"""How fast a mounted DC120 reads: `python -m tests.bench.dc120 [BAUDS...]`.

A report, not a test. A whole picture and its first 1024 bytes are read from an emulated camera whose line is as slow as a real one. The
limit of the line: camfs/protocols/dc120/README.md, "Speed limit".
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from camfs.virtual.pictures import kdc
from tests.mounted.mount import mounted

BAUDS = (9600, 19200, 38400, 57600, 115200)


def seconds(*command: str | Path) -> float:
    """Return how long a command takes."""
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main(bauds: tuple[int, ...] = BAUDS) -> None:
    """Print a line for each baud rate."""
    with tempfile.TemporaryDirectory() as place:
        memory = Path(place) / "memory"
        memory.mkdir()
        whole, _, _, large = kdc.made_shots(4)
        for shot in (whole, large):
            (memory / f"{shot.name}.KDC").write_bytes(kdc.picture(shot))
        size = (memory / f"{whole.name}.KDC").stat().st_size
        print(f"{'baud':>8}{'bytes':>9}{'seconds':>10}{'bytes/s':>10}{'limit':>10}{'ratio':>8}{'head -c 1024':>15}")
        for baud in bauds:
            source = f"virtual:dc120?memory={memory}"
            environment = {"XDG_CACHE_HOME": str(Path(place) / f"cache-{baud}")}
            with mounted(source, Path(place) / "camera", f"baud={baud}", env=environment) as mount:
                pictures = mount.path / "memory"
                list(pictures.iterdir())
                head = seconds("head", "-c", "1024", pictures / f"{large.name}.KDC")
                duration = seconds("cat", pictures / f"{whole.name}.KDC")
            limit = baud / 10 * 1024 / 1026
            rate = size / duration
            print(
                f"{baud:>8}{size:>9}{duration:>10.2f}{rate:>10.1f}{limit:>10.1f}{rate / limit:>8.3f}{head:>13.2f} s",
                flush=True,
            )


if __name__ == "__main__":
    main(tuple(map(int, sys.argv[1:])) or BAUDS)

"""How fast a mounted DC120 reads: a whole picture, and the beginning of another, on a line that is as slow as a real one.

The line's limit is 1024 bytes of a picture in 1026 byte times of 10 bits (camfs/protocols/dc120/README.md, "Speed limit").
"""

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from camfs.virtual.pictures import kdc
from tests.bench.programs import camfs, running
from tests.bench.rows import read_part, read_whole, seconds
from tests.bench.table import markdown

BAUDS = (9600, 19200, 38400, 57600, 115200)


def dc120(bauds: Sequence[int] = BAUDS) -> list[str]:
    """Return a table with a row for each baud rate."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        memory = place / "memory"
        memory.mkdir()
        whole, _, _, large = kdc.generated_shots(4)
        for shot in (whole, large):
            (memory / f"{shot.name}.KDC").write_bytes(kdc.picture(shot))
        size = (memory / f"{whole.name}.KDC").stat().st_size
        for baud in bauds:
            kept = place / f"kept-{baud}"  # camfs keeps pictures of a DC120, and another rate must not find them
            program = camfs(f"virtual:dc120?memory={memory}", kept, f"baud={baud}")
            with running(program, place / "mount") as mount:
                pictures = mount.path / "memory"
                list(pictures.iterdir())
                rate = size / seconds(partial(read_whole, pictures / f"{whole.name}.KDC"))
                head = seconds(
                    partial(read_part, pictures / f"{large.name}.KDC", 0, 1024)
                )  # and leave the rest: it is stopped
            limit = baud / 10 * 1024 / 1026
            rows.append((str(baud), f"{rate:.0f}", f"{limit:.0f}", f"{rate / limit:.3f}", f"{head:.2f} s"))
    return markdown(("baud", "bytes/s", "limit", "ratio", "first 1024 bytes"), rows)

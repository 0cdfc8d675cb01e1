"""Maps a file, says so, waits for a line, and then looks at each page: `python -m tests.torture.mapper PATH`.

The file is a `formula.Known`. Its first page is looked at before, so some of it is in memory. If it has gone meanwhile, the kernel ends
this process with SIGBUS, and read(2) fails; a page that is shown all the same must be right.
"""

import mmap
import os
import sys
from pathlib import Path

from tests.torture.formula import Known

PAGE = mmap.PAGESIZE


def main(path: str) -> None:
    """Map it and look at it."""
    file = os.open(path, os.O_RDONLY)
    known = Known.at(Path(path).name, os.fstat(file).st_mtime)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_RANDOM)
    with mmap.mmap(file, known.size, mmap.MAP_SHARED, mmap.PROT_READ) as mapped:
        pages = [*range(0, known.size, PAGE)]
        _look(mapped, known, pages[:1])
        print("mapped", flush=True)
        sys.stdin.readline()
        try:
            found = os.pread(file, PAGE, pages[len(pages) // 2])
            if found != known.read(pages[len(pages) // 2], PAGE):
                raise SystemExit(f"{path}: read(2) gives other bytes")
        except OSError as error:
            print(f"read: {error.strerror}", flush=True)
        _look(mapped, known, pages[::-1])
    print("all pages are there", flush=True)


def _look(mapped: mmap.mmap, known: Known, offsets: list[int]) -> None:
    for offset in offsets:
        found = mapped[offset : offset + PAGE]
        if found != known.read(offset, PAGE):
            raise SystemExit(f"{known.name}: the page at {offset} is {found[:16].hex()}…")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Folders of files for the emulated cameras to show: every size and name that has ever been trouble."""

import os
import random
from pathlib import Path

KIB, MIB = 1 << 10, 1 << 20

SIZES = (
    *(0, 1, 2, 499, 500, 501, 511, 512, 513, 4095, 4096, 4097),
    *(128 * KIB - 1, 128 * KIB, 128 * KIB + 1, 256 * KIB - 1, 256 * KIB, 256 * KIB + 1),
    *(MIB - 12, MIB - 1, MIB, MIB + 1, 3 * MIB + 500),
)
"""Around packets and containers of USB (512, less a header of 12), pages, requests of the kernel (128 KiB), blocks (256 KiB), requests
of the driver (1 MiB)."""

NAMES = (
    "with some spaces.jpg",
    " blanks at both ends ",
    "Äpfel, Öl & Übermaß.jpg",
    "e\u0301 is not \u00e9",
    "\u00e9 is not e\u0301",
    "日本語の写真.jpg",
    "a camera 📷 and a family 👨\u200d👩\u200d👧.jpg",
    ".hidden",
    ".status",
    "...",
    "trailing dots...",
    "no extension",
    "-rf",
    "back\\slash",
    "'single' \"double\" `back` $quotes",
    "100% sure.jpg",
    "star*?[a-z]",
    "long " + "x" * 249,
    "ü" * 127,
    "📷" * 63,
)
"""Names that camfs shows just as they are on disk."""


def make_file(path: Path, size: int) -> None:
    """Write a file of bytes that depend on its name and repeat nowhere."""
    path.write_bytes(random.Random(path.name).randbytes(size))


def make_sparse(path: Path, size: int) -> None:
    """Make a large file that takes no room."""
    path.touch()
    os.truncate(path, size)


def make_awkward(folder: Path) -> None:
    """Fill a folder: all sizes, all names, folders in folders. All times are whole seconds, as a camera's are, and differ."""
    sizes = folder / "sizes"
    sizes.mkdir()
    for size in SIZES:
        make_file(sizes / f"{size:08}.bin", size)
    names = folder / "names"
    names.mkdir()
    for name in NAMES:
        make_file(names / name, 700)
    (folder / "empty").mkdir()
    (folder / "empty folder of an \u00fcmlaut" / "and another").mkdir(parents=True)
    deep = folder / "DCIM" / "100SIGMA" / "deep" / "deeper" / "deeper still" / "deepest"
    deep.mkdir(parents=True)
    make_file(deep / "SDIM0001.JPG", 70_000)
    make_file(deep.parent / "SDIM0001.JPG", 70_001)
    make_file(folder / "in the root.jpg", 5000)
    paths = sorted(folder.rglob("*"), key=lambda path: len(path.parts), reverse=True)
    for number, path in enumerate(paths):
        moment = 1_700_000_000 + number * 86_477
        os.utime(path, (moment, moment))

"""Bytes that are known by a formula: whoever reads at any offset can say what must be there, and no two files or places are alike.

`Known` is a file whose size and bytes follow from its name and its version. An emulated camera shows it as an object (it is a
`camfs.virtual.pictures.contents.Content`) and tells the version by its time, so that a program that reads it knows what to expect.
"""

import random
import zlib
from datetime import datetime, timedelta
from pathlib import Path

import numpy

WORD = 8
"""Bytes that are computed at once."""

EPOCH = datetime(2026, 1, 1)
"""The time of version 0, by the camera's clock."""

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

EDGES = (0, 1, 4095, 4096, 4097, 128 * KIB - 1, 128 * KIB, 256 * KIB - 1, 256 * KIB, 256 * KIB + 1, MIB - 12, MIB)
"""Sizes around pages, the kernel's requests, and the blocks and requests of camfs."""


def formula(seed: int, offset: int, size: int) -> bytes:
    """Return `size` bytes of the endless file `seed`, from `offset` on.

    Word `i` is the product of `i + 1` and an odd number that depends on the seed, modulo 2 to the 64, its upper bits mixed into its lower.
    """
    first, last = offset // WORD, -(-(offset + size) // WORD)
    factor = numpy.uint64((seed * 0x9E3779B97F4A7C15 + 0xD1B54A32D192ED03) % (1 << 64) | 1)
    words = numpy.arange(first + 1, last + 1, dtype=numpy.uint64) * factor
    words ^= words >> numpy.uint64(29)
    return words.astype("<u8").tobytes()[offset - first * WORD :][:size]


def make_formula_file(path: Path, seed: int, size: int) -> None:
    """Write the first `size` bytes of a file."""
    step = 1 << 22
    with open(path, "wb") as file:
        for offset in range(0, size, step):
            file.write(formula(seed, offset, min(step, size - offset)))


class Known:
    """A file whose size and bytes follow from its name and its version.

    Names that begin with `L` are of large files, up to 5 GiB, and those with `SDIM` of pictures; others are small: an edge, or up to 6 MiB.
    """

    def __init__(self, name: str, version: int = 0) -> None:
        self.name = name
        self.version = version
        self.seed = zlib.crc32(name.encode()) + (version << 32)
        choices = random.Random(self.seed)
        if name.startswith("L"):
            self._size = choices.randrange(64 * MIB, 5 * GIB)
        elif name.startswith("SDIM"):
            self._size = choices.randrange(100 * KIB, 6 * MIB)
        else:
            self._size = choices.choice((*EDGES, *(choices.randrange(6 * MIB) for _ in range(2 * len(EDGES)))))

    @classmethod
    def at(cls, name: str, mtime: float) -> "Known":
        """Return the file of this name that the camera, in UTC, has given this time."""
        return cls(name, round(mtime - (EPOCH - datetime(1970, 1, 1)).total_seconds()) // 2)

    @property
    def time(self) -> datetime:
        """When it was written, by the camera's clock: two seconds later for each version."""
        return EPOCH + timedelta(seconds=2 * self.version)

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self._size

    def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset` on, fewer at the end."""
        return formula(self.seed, offset, max(0, min(size, self._size - offset)))

    def rendered(self) -> None:
        """It is no picture."""

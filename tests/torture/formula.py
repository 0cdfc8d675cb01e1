"""Bytes that are known by a formula: whoever reads at any offset can say what must be there, and no two files or places are alike."""

from pathlib import Path

import numpy

WORD = 8
"""Bytes that are computed at once."""


def formula(seed: int, offset: int, size: int) -> bytes:
    """Return `size` bytes of the endless file `seed`, from `offset` on.

    Word `i` is the 64-bit product of `i + 1` and an odd number that depends on the seed, its upper half mixed into its lower.
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

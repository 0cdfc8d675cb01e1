"""Runs libFuzzer on all targets, guided by coverage: `python -m tests.torture.guided [LIBFUZZER OPTION…] CORPUS`; `fuzz` starts it.

The first byte of an input says for which target it is, the others are for the target. This process ends when libFuzzer does.
"""

import sys

import atheris

with atheris.instrument_imports(include=["camfs.protocols", "camfs.transports.osdescriptor"]):
    from tests.torture.targets import TARGETS

from tests.torture.fuzz import try_one

NAMES = tuple(TARGETS)


def test_one_input(data: bytes) -> None:
    """Give an input to its target."""
    if data:
        name = NAMES[data[0] % len(NAMES)]
        try_one(name, TARGETS[name], data[1:])


if __name__ == "__main__":
    atheris.Setup(sys.argv, test_one_input)
    atheris.Fuzz()

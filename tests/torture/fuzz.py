"""Fuzz: bytes of all kinds for everything that reads a device's bytes (`targets`), guided by coverage where atheris is installed.

Each input has to end in what it says or in a documented error, within `MOST_SECONDS` of processor time, and without taking much memory.
With atheris (`pip install '.[fuzz]'`), libFuzzer runs in a process of its own (`guided`) and looks for inputs that reach new code.
Without it, which the counts say, the samples are mutated at random: bits, lengths, pieces left out, doubled, or taken from others.

An input that fails is told in hexadecimal, with its target; it belongs into a test.
"""

import importlib.util
import os
import random
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.torture.outcome import Counts, DidNotHold
from tests.torture.targets import TARGETS, Target

MOST_SECONDS = 2.0
"""Seconds of processor time that one input may take."""

MOST_MEMORY = 192 << 10
"""KiB by which the memory of the process may grow, over all inputs: no input may make a decoder take what it claims."""

LONGEST = 40_000
"""Bytes of an input at most."""

NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
"""Numbers that lengths and counts go wrong at."""

AT_ONCE = 200
"""Inputs for one target before the next has its turn."""


def torture(until: float, seed: int, folder: Path) -> Counts:
    """Try inputs until the time is over."""
    counts = Counts({"inputs": 0, "understood": 0, "targets": len(TARGETS), "crashes": 0})
    if importlib.util.find_spec("atheris") is None:
        counts["inputs with atheris, which is not installed"] = 0
        mutate_all(until, seed, counts)
    else:
        now = time.monotonic()
        mutate_all(now + (until - now) / 10, seed, counts)
        counts["inputs with atheris"] = run_atheris(max(5.0, until - time.monotonic()), seed, folder)
    return counts


def mutate_all(until: float, seed: int, counts: Counts) -> None:
    """Give each target its samples, and then mutations of them, in turn."""
    choices = random.Random(seed)
    everything = [sample for target in TARGETS.values() for sample in target.samples]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    first = True
    while first or time.monotonic() < until:
        for name, target in TARGETS.items():
            samples = target.samples or everything
            inputs = [*samples, b""] if first else []
            inputs += [mutated(choices, choices.choice(samples), everything) for _ in range(AT_ONCE)]
            for data in inputs:
                counts["understood"] += try_one(name, target, data)
            counts["inputs"] += len(inputs)
            more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            if more > MOST_MEMORY:
                raise DidNotHold(f"{name}: {more} KiB more memory are used, seed {seed}")
        first = False


def try_one(name: str, target: Target, data: bytes) -> bool:
    """Give a target one input.

    Raises:
        DidNotHold: it raised something else than its documented errors, or took too long.
    """
    began = time.process_time()
    try:
        understood = target.try_input(data)
    except Exception as error:
        raise DidNotHold(f"{name}: {type(error).__name__}: {error}, for {data.hex()}") from error
    if (took := time.process_time() - began) > MOST_SECONDS:
        raise DidNotHold(f"{name}: {took:.1f} s for {data.hex()}")
    return understood


# ---------------------------------------------------------------------- mutations


def mutated(choices: random.Random, sample: bytes, everything: list[bytes]) -> bytes:
    """Return a sample with one to eight changes."""
    data = bytearray(sample)
    for _ in range(choices.choice((1, 1, 2, 3, 8))):
        choices.choice(_CHANGES)(choices, data, everything)
    return bytes(data[:LONGEST])


def _place(choices: random.Random, data: bytearray) -> int:
    return choices.randrange(len(data) + 1)


def _flip(choices: random.Random, data: bytearray, _: list[bytes]) -> None:
    if data:
        data[choices.randrange(len(data))] ^= 1 << choices.randrange(8)


def _number(choices: random.Random, data: bytearray, _: list[bytes]) -> None:
    """Write a number over the bytes at some place, in either byte order."""
    width, at = choices.choice((1, 2, 4, 8)), _place(choices, data)
    number = choices.choice((*NUMBERS, len(data))) % (1 << 8 * width)
    data[at : at + width] = number.to_bytes(width, choices.choice(("little", "big")))


def _cut(choices: random.Random, data: bytearray, _: list[bytes]) -> None:
    start, end = sorted((_place(choices, data), _place(choices, data)))
    del data[start:end]


def _end(choices: random.Random, data: bytearray, _: list[bytes]) -> None:
    del data[_place(choices, data) :]


def _double(choices: random.Random, data: bytearray, _: list[bytes]) -> None:
    start, end = sorted((_place(choices, data), _place(choices, data)))
    data[end:end] = data[start:end] * choices.choice((1, 1, 2, 20))
    del data[LONGEST:]


def _insert(choices: random.Random, data: bytearray, _: list[bytes]) -> None:
    at = _place(choices, data)
    data[at:at] = choices.randbytes(choices.choice((1, 2, 4, 30, 600)))


def _splice(choices: random.Random, data: bytearray, everything: list[bytes]) -> None:
    """Go on as another sample does."""
    other = choices.choice(everything)
    data[_place(choices, data) :] = other[choices.randrange(len(other) + 1) :]


_CHANGES: tuple[Callable[[random.Random, bytearray, list[bytes]], None], ...] = (
    *(_flip, _number, _number, _cut, _end),
    *(_double, _insert, _splice),
)


# ---------------------------------------------------------------------- atheris


def run_atheris(seconds: float, seed: int, folder: Path) -> int:
    """Let libFuzzer try inputs in a process of its own; return how many it tried."""
    corpus = folder / "corpus"
    corpus.mkdir()
    for index, target in enumerate(TARGETS.values()):
        for number, sample in enumerate(target.samples):
            (corpus / f"{index}-{number}").write_bytes(bytes((index,)) + sample)
    limits = (f"-max_total_time={seconds:.0f}", f"-max_len={LONGEST}", "-timeout=20", "-rss_limit_mb=1500")
    options = (*limits, f"-seed={seed % (1 << 31) + 1}", f"-artifact_prefix={folder}/", "-print_final_stats=1")
    command = [sys.executable, "-m", "tests.torture.guided", *options, str(corpus)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", env={**os.environ}, check=False)
    found = re.search(r"stat::number_of_executed_units: *(\d+)", done.stderr) or re.search(r"Done (\d+) ", done.stderr)
    if done.returncode or found is None:
        failing = [path for path in folder.iterdir() if path.is_file()]
        inputs = "; ".join(
            f"{list(TARGETS)[data[0] % len(TARGETS)]}: {data[1:].hex()}"
            for data in map(Path.read_bytes, failing)
            if data
        )
        raise DidNotHold(f"atheris, seed {seed}: {inputs or 'no input'}\n{done.stderr[-4000:]}")
    return int(found[1])

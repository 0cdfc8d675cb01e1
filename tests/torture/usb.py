"""A USB camera whose transfers go wrong, each in every way that libusb tells of, at random packets; and a mount that outlives it.

Below camfs and pyusb is the double of a bus (`usb_bus`). Two kinds of round:

* Something goes wrong for ever: programs make several calls at once, at depth 1 and 6, which end in time; then nothing is wrong any more,
  and everything is there again, its bytes compared.
* Something goes wrong once, again and again, while files are read past all caches: what is read without an error is right, and after each
  failure the next read works.
"""

import multiprocessing.connection
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mounted.mount import Mount, mounted
from tests.torture.calls import LONGEST, RECOVERY, Tally, at_once, await_recovery, check_memory, six_calls, unmount
from tests.torture.outcome import Counts, DidNotHold
from tests.torture.pace import is_too_long
from tests.torture.responder import DEPTHS, content, files_at, folder_at
from tests.torture.usb_bus import FOR_EVER, ONCE, OTHERS, Wish

FOLDERS = {folder_at(depth): {name: content(handle) for handle, name in files_at(depth).items()} for depth in DEPTHS}
"""The files of the card."""

PACKETS = 700
"""Before which a transfer goes wrong: a little more than there are in a file."""

STRIKES = 12
"""How often something goes wrong once in the first round of that kind."""

TRIES = 6
"""How often a read may fail in a row, after one thing that went wrong, before the camera has to work."""

PAUSE = 1.0
"""Seconds before a file is read again that could not be read."""


@dataclass
class Totals:
    """What all rounds have done."""

    rounds: int = 0
    struck: int = 0
    transactions: int = 0
    plugged: int = 0
    reads: int = 0
    failed_reads: int = 0
    in_vain: int = 0


@dataclass
class Torturer:
    """A mount of such a camera, and the pipe to what makes it go wrong."""

    mount: Mount
    pipe: multiprocessing.connection.Connection
    struck: int = 0
    transactions: int = 0
    plugged: int = 0

    def wish(self, wish: Wish | None) -> None:
        """Let something go wrong, or nothing any more; None only asks what has."""
        self.pipe.send(wish)
        self.struck, self.transactions, self.plugged = self.pipe.recv()


@contextmanager
def tortured(folder: Path, card: Path, totals: Totals, where: str, options: str = "timeout=1") -> Iterator[Torturer]:
    """Mount a camera with this card, and see in the end that it said nothing strange and unmounts."""
    folder.mkdir(exist_ok=True)
    address = str(folder / "pipe")
    with multiprocessing.connection.Listener(address, "AF_UNIX") as listener:
        program = (sys.executable, "-m", "tests.torture.usb_bus", address, str(card))
        with mounted("usb:", folder / "mount", options, program=program) as mount, listener.accept() as pipe:
            mount.tolerate("")
            torturer = Torturer(mount, pipe)
            yield torturer
            torturer.wish(Wish(""))
            totals.rounds += 1
            totals.struck += torturer.struck
            totals.transactions += torturer.transactions
            totals.plugged += torturer.plugged - 1
            if "Traceback" in (said := "\n".join(mount.lines())):
                raise DidNotHold(f"{where}:\n{said}")
            unmount(mount, where)


def for_ever(kind: str, folder: Path, card: Path, seed: int, tally: Tally, totals: Totals) -> None:
    """Let something go wrong for ever, then nothing any more."""
    chance = random.Random(seed)
    depths = chance.choice((DEPTHS, DEPTHS[:1], DEPTHS[1:]))
    where = f"{kind}, depth {depths}, seed {seed}"
    with tortured(folder, card, totals, where) as torturer:
        point = torturer.mount.path
        if chance.random() < 0.5:
            for path in FOLDERS:
                os.listdir(point / path)
        torturer.wish(Wish(kind, chance.choice((0, 1, chance.randrange(PACKETS))), seed))
        calls = [call for depth in depths for call in six_calls(point, folder_at(depth), FOLDERS[folder_at(depth)])]
        at_once(calls, tally, where)
        torturer.wish(Wish(""))
        await_recovery(point, FOLDERS, where, lambda: "\n".join(torturer.mount.lines()[-20:]))
        check_memory(torturer.mount, tally, where)


def once(folder: Path, card: Path, seed: int, totals: Totals, goes_on: Callable[[int], bool]) -> None:
    """Let something go wrong once, again and again, and read files meanwhile."""
    chance = random.Random(seed)
    kinds = [*ONCE, *OTHERS]
    with tortured(folder, card, totals, f"once, seed {seed}", "timeout=1,cache=1M") as torturer:
        number = 0
        while goes_on(number):
            if number % len(kinds) == 0:
                chance.shuffle(kinds)
            wish = Wish(kinds[number % len(kinds)], chance.randrange(PACKETS), chance.randrange(1 << 32))
            before = torturer.struck
            torturer.wish(wish)
            begun = time.monotonic()
            while torturer.struck == before:
                if (
                    time.monotonic() - begun > RECOVERY
                ):  # so many packets have not come: what is read is in the cache, or comes slowly
                    totals.in_vain += 1
                    break
                path, files = chance.choice(list(FOLDERS.items()))
                name = chance.choice(list(files))
                read_through(torturer.mount.path / path / name, files[name], f"{wish}, seed {seed}", totals)
                torturer.wish(None)
            number += 1


def read_through(file: Path, wanted: bytes, where: str, totals: Totals) -> None:
    """Read a file past the kernel's pages, again if that fails.

    Raises:
        DidNotHold: it has other bytes, cannot be read in the end, or takes too long.
    """
    why = ""
    for _ in range(TRIES):
        begun = time.monotonic()
        totals.reads += 1
        try:
            with open(file, "rb", buffering=0) as opened:
                os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                data = opened.read()
            if data != wanted:
                raise DidNotHold(f"{where}: {file}: {len(data)} bytes that are not the {len(wanted)} of the file")
            return
        except OSError as error:
            totals.failed_reads += 1
            why = str(error)
            if is_too_long(time.monotonic() - begun, LONGEST):
                raise DidNotHold(f"{where}: {why} after {time.monotonic() - begun:.1f} s") from None
        time.sleep(PAUSE)
    raise DidNotHold(f"{where}: {file} cannot be read: {why}")


def torture(until: float, seed: int, folder: Path) -> Counts:
    """Let transfers go wrong, each kind for ever and once, until the time is over."""
    chance = random.Random(seed)
    tally, totals = Tally(), Totals()
    card = folder / "card"
    for path, files in FOLDERS.items():
        (folder / path).mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / path / name).write_bytes(data)

    def torture_for_ever(kind: str, seeds: random.Random) -> None:
        while True:
            for_ever(kind, folder / kind, card, seeds.randrange(1 << 32), tally, totals)
            if time.monotonic() > until:
                return

    def torture_once(number: int, seeds: random.Random) -> None:
        def goes_on(strikes: int) -> bool:
            return strikes < STRIKES or time.monotonic() < until

        once(folder / f"once{number}", card, seeds.randrange(1 << 32), totals, goes_on)

    with ThreadPoolExecutor(len(FOR_EVER) + 1) as threads:
        lanes = [threads.submit(torture_for_ever, kind, random.Random(chance.random())) for kind in FOR_EVER]
        lanes.append(threads.submit(torture_once, 1, random.Random(chance.random())))
        for lane in lanes:
            lane.result()
    if totals.in_vain > totals.struck:
        raise DidNotHold(
            f"of the faults that were wished for once, {totals.in_vain} did not come, and only {totals.struck} did"
        )
    return Counts(
        {
            "kinds for ever": len(FOR_EVER),
            "kinds once": len(ONCE) + len(OTHERS),
            "rounds": totals.rounds,
            "bulk writes": totals.transactions,
            "went wrong once": totals.struck,
            "wished for in vain": totals.in_vain,
            "unplugged": totals.plugged,
            "calls": tally.calls,
            "reads": totals.reads,
            "of which failed": totals.failed_reads,
            "wrong": 0,
            "s the longest": round(tally.longest),
            "MiB at most": tally.memory,
        }
    )

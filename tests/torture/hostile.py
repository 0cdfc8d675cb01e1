"""Hostile PTP/IP responders: what each of them does to a mount, and that the mount works when the camera is good again.

A round: mount a good camera; it turns hostile, in one of the ways of `hostilities.KINDS`; programs make several calls at once in a folder
of depth 1, and in one of depth 6; it turns good again. Every call ends within the budget of a kernel request, what succeeds is right, the
memory of the mount is bounded, and afterwards everything is there again. Where the camera answers rightly, though late, a walk to depth 6
may be several requests that each take long; then calls only must not hang.

    good ── mount ──► hostile: ls, cat, stat, head, .status, .thumbnails, tail at once ──► good: all compared ──► unmount
"""

import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.mounted.mount import Mount, mounted
from tests.torture.calls import HANGS, Call, Tally, at_once, await_recovery, check_memory, six_calls, unmount
from tests.torture.hostilities import KINDS
from tests.torture.outcome import Counts, DidNotHold
from tests.torture.responder import DEPTHS, Kind, Responder, content, files_at, folder_at

SIDE_BY_SIDE = 12
"""Mounts that are tortured at once."""

LOG_LINES = 300
"""Lines that a mount may say in a round."""

FOLDERS = {folder_at(depth): {name: content(handle) for handle, name in files_at(depth).items()} for depth in DEPTHS}
"""The files of the card."""


@dataclass(frozen=True)
class Round:
    """One round.

    Attributes:
        kind: how the camera is hostile.
        number: of the round.
        depths: of the folders in which calls are made, at once.
        warm: whether the folders were listed before, and are to be listed again meanwhile.
        timeout: of the mount, in seconds.
        seed: of its choices.
    """

    kind: Kind
    number: int
    depths: Sequence[int]
    warm: bool
    timeout: int
    seed: int

    def __str__(self) -> str:
        depths = " and ".join(map(str, self.depths))
        words = "listed before" if self.warm else "never listed"
        return f"{self.kind.name}, depth {depths}, {words}, timeout={self.timeout}, seed {self.seed}"


def rounds(chance: random.Random) -> Iterator[Round]:
    """Return rounds: first one of each kind, in which both depths are tried at once, then others without end."""
    kinds = list(KINDS)
    chance.shuffle(kinds)
    number = 0
    for kind in kinds:
        yield Round(kind, number, DEPTHS, chance.random() < 0.5, 1, chance.randrange(1 << 32))
        number += 1
    while True:
        chance.shuffle(kinds)
        for kind in kinds:
            depths = chance.choice((DEPTHS, DEPTHS[:1], DEPTHS[1:]))
            yield Round(kind, number, depths, chance.random() < 0.5, chance.choice((1, 10)), chance.randrange(1 << 32))
            number += 1


def torture(until: float, seed: int, folder: Path) -> Counts:
    """Turn responders hostile, one of each kind and then any, until the time is over."""
    tally, kinds, sent = Tally(), set[str](), [0, 0]

    def lane(number: int) -> int:
        done = 0
        while (each := next_round()) is not None:
            responder = Responder(each.seed)
            try:
                one_round(each, responder, tally, folder / f"{number}")
            finally:
                responder.close()
            kinds.add(each.kind.name)
            sent[0] += responder.requests
            done += 1
        return done

    to_come = rounds(random.Random(seed))
    failed = False

    def next_round() -> Round | None:
        each = next(to_come)
        return None if failed or (each.number >= len(KINDS) and time.monotonic() > until) else each

    with ThreadPoolExecutor(SIDE_BY_SIDE) as threads:
        lanes = [threads.submit(lane, number) for number in range(SIDE_BY_SIDE)]
        for each in lanes:
            failed = failed or each.exception() is not None
        done = sum(each.result() for each in lanes)
    return Counts(
        {
            "responders": len(kinds),
            "rounds": done,
            "transactions": sent[0],
            "calls": tally.calls,
            "of which failed": tally.failed,
            "compared": tally.compared,
            "wrong": 0,
            "s the longest": round(tally.longest),
            "MiB at most": tally.memory,
        }
    )


def one_round(each: Round, responder: Responder, tally: Tally, point: Path) -> None:
    """Mount, turn hostile, call, turn good, compare, unmount."""
    with mounted(responder.source, point, f"timeout={each.timeout}") as mount:
        mount.tolerate("")
        if each.warm:
            for folder in FOLDERS:
                at_once(six_calls(point, folder, FOLDERS[folder])[:1], tally, f"{each}: before")
        responder.turn(each.kind)
        calls = [Call(("sh", "-c", f"echo 1 >{point}/.refresh"))] if each.warm else []
        calls += [
            call
            for depth in each.depths
            for call in six_calls(point, folder_at(depth), FOLDERS[folder_at(depth)], each.kind.lies)
        ]
        at_once(calls, tally, str(each), HANGS if each.kind.answers else None)
        responder.turn(None)
        await_recovery(point, FOLDERS, str(each), lambda: "\n".join(mount.lines()[-20:]))
        check_memory(mount, tally, str(each))
        check_words(mount, str(each))
        unmount(mount, str(each))


def check_words(mount: Mount, where: str) -> None:
    """See that a mount said no more than a reader can bear, and no traceback."""
    lines = mount.lines()
    if len(lines) > LOG_LINES or any("Traceback" in line for line in lines):
        raise DidNotHold(f"{where}: the mount said {len(lines)} lines:\n" + "\n".join(lines[:50]))

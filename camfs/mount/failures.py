"""What goes wrong: the last failure, for `.status`, and the failures in the log.

**The last failure** is kept with its time until something of the same kind succeeds: the same command, a read of any file, a listing of the
same folder. Its kind is whatever tells that (`Kind`).

**The log** gets each failure once, and a few of them, whatever thousands of requests meet with.

A program that walks over a card whose objects cannot be described makes as many failures as there are objects. `.status` tells the last.
The log gets each text once in `PERIOD` seconds, `MOST` different ones in all, and afterwards how many there were beside. Commands that fail
are logged each time, as somebody has typed them (`Tree.note_error`).
"""

import logging
import math
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime

import trio

log = logging.getLogger(__name__)

PERIOD = 60.0
"""Seconds for which a failure is not logged again."""

MOST = 50
"""Different failures that are logged within that time."""


Kind = Hashable
"""What a failure and a success have in common, so that the one is over with the other."""


@dataclass(frozen=True)
class Failure:
    """What went wrong, in one line; when; and what of."""

    text: str
    time: datetime
    kind: Kind


class FailureLog:
    """The failures of one mount, on their way to the log."""

    def __init__(self) -> None:
        self._until = -math.inf
        self._repeated: dict[str, int] = {}
        self._others = 0

    def note(self, text: str) -> None:
        """Log a failure, or count it."""
        now = trio.current_time()
        if now >= self._until:
            self.flush()
            self._until = now + PERIOD
        if text in self._repeated:
            self._repeated[text] += 1
        elif len(self._repeated) < MOST:
            self._repeated[text] = 0
            log.warning("%s", text)
        else:
            self._others += 1

    def flush(self) -> None:
        """Log what was only counted so far."""
        for text, times in self._repeated.items():
            if times:
                log.warning("%s (%d more times)", text, times)
        if self._others:
            log.warning("%d more failures, which are not logged", self._others)
        self._repeated.clear()
        self._others = 0
        self._until = -math.inf

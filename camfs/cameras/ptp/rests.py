"""Requests that rest: a question that the camera did not answer is not sent again at once, whoever asks it.

A question that ends in silence, or in bytes that are no answer, costs a time-out, and often the session too. Programs ask again at once
when something fails, the kernel does so by itself, and several may want the same. So the question rests for a while, in which everyone
who asks it gets the failure at once. Each failure doubles the rest, up to `LONGEST_REST`; an answer, of whatever kind, ends it::

    (asked) ── no answer ──► RESTING 2 s ── asked later, no answer ──► RESTING 4 s ──► … 16 s
       ▲                         │
       └──── answered ───────────┘

A question is an operation with its parameters: that one object or property is never answered says nothing of the others.
"""

import copy
from dataclasses import dataclass

import trio

from camfs import errors

FIRST_REST, LONGEST_REST = 2.0, 16.0
"""Seconds after the first failure in which a question is not sent again, and at most: a camera that has recovered is used again soon."""

KEPT = 1000
"""Questions remembered; the oldest is dropped first."""

Question = tuple[int, tuple[int, ...]]
"""An operation code and its parameters."""


@dataclass(frozen=True)
class _Rest:
    seconds: float
    until: float
    failure: errors.CameraError


class RestingRequests:
    """The questions that one camera has not answered lately."""

    def __init__(self) -> None:
        self._rests: dict[Question, _Rest] = {}

    def check(self, question: Question) -> None:
        """Fail as the question did last time, if it rests.

        Raises:
            CameraError: that failure.
        """
        rest = self._rests.get(question)
        if rest is not None and trio.current_time() < rest.until:
            raise copy.copy(rest.failure).with_traceback(None)

    def add(self, question: Question, failure: errors.CameraError) -> float:
        """Note that a question was not answered, and return for how many seconds it rests."""
        before = self._rests.pop(question, None)
        seconds = FIRST_REST if before is None else min(2 * before.seconds, LONGEST_REST)
        self._rests[question] = _Rest(seconds, trio.current_time() + seconds, failure)
        if len(self._rests) > KEPT:
            del self._rests[next(iter(self._rests))]
        return seconds

    def remove(self, question: Question) -> None:
        """Note that a question was answered."""
        self._rests.pop(question, None)

    def clear(self) -> None:
        """Let everything be asked again: this may be another camera, or the user wants it."""
        self._rests.clear()

"""What a call of `Session.transact` has tried, and how much more it may: delays while the camera is busy, seconds of silence, time left.

A caller's time is the deadline of the cancel scope that it runs in. A request of the kernel has one (`camfs/mount/budget.py`), work in
the background mostly has none.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import trio

from camfs.cameras.ptp.rests import Question
from camfs.protocols.ptp.codes import Operation

BUSY_STEPS = (0.05, 0.1, 0.15, *(0.2,) * 20)
"""Seconds to wait before each repetition while the camera answers DeviceBusy; about four seconds in all."""

SLOW_OPERATIONS = {
    Operation.GetObjectHandles,
    Operation.GetObjectPropList,
    Operation.GetNumObjects,
    Operation.DeleteObject,
    Operation.FormatStore,
    Operation.GetObject,
    Operation.InitiateCapture,
}
"""Operations that may take three times as long as others to begin their answer, if their caller has so much time.

See camfs/protocols/ptp/README.md, "Time-outs in practice".
"""

HURRY = 0.1
"""Seconds before its caller's deadline at which a slow operation fails by itself, so that it counts as unanswered."""


@dataclass
class Attempts:
    """What a call of `Session.transact` has tried so far.

    Attributes:
        question: the operation and its parameters.
        repeatable: whether it may be sent again after a failure.
        busy: the delays that are left while the camera is busy.
        repeated: whether it was sent again after a failure.
        reopened: whether it was sent again because the session was lost.
        session: number of the session that it was last sent in; None while it waits to be sent.
    """

    question: Question
    repeatable: bool
    busy: Iterator[float]
    repeated: bool = False
    reopened: bool = False
    session: int | None = None


def time_left() -> float:
    """Return the seconds until the caller is cancelled, infinity if that is never."""
    return trio.current_effective_deadline() - trio.current_time()


def patience_with(operation: int, timeout: float) -> float:
    """Return how many seconds of silence to bear from an operation, with a session's time-out."""
    if operation in SLOW_OPERATIONS:
        return min(3 * timeout, max(timeout, time_left() - HURRY))
    return timeout

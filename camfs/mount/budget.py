"""The time that a request of the kernel may take, whatever is tried inside it and however deep the folder.

A process that waits for a file system cannot be interrupted, and one that waits for more than 20 seconds keeps the computer from being
suspended. So a handler runs in a cancel scope. What it asks of the camera, and everything that is repeated on the way, shares this one
deadline; drivers look at it before they try something again. When the time is up the request fails with ETIMEDOUT::

    |◄──────────────── seconds ────────────────►|
    |◄─── the scope's deadline ───►|◄ RECOVERY ►|
    request      transactions       cancelled: the wire is brought back into step, then the answer goes out

The seconds grow with the mount's time-out, so that one transaction may fail by silence and there is time left for others: 18.5 s with
the default of 10 s, and 9 s with the least. Who gives a longer time-out gets a longer budget.

These are not bound by the budget of the request that waits for them, but have one of their own or none:

* A fetch of the block cache, as several requests wait for it: it has the same budget, from its own beginning.
* A command that takes long by nature (`controls.Control.takes_long`): the driver decides when the camera has made no progress for too
  long, and `.status` tells since when the command runs.
* Downloads, which go on in the background. Other work in the background that holds a folder, for which requests wait, has the same
  budget: events, and the first look at the stores.

One system call can be several requests. The kernel looks a name up once more after it could not revalidate it, and reads a page alone
after reading ahead has failed. So a request that failed after `SLOW` seconds is remembered for `REPEATED` seconds, in which the same
request fails in the same way at once.

Requests also wait in the kernel: it makes one lookup after the other in a directory (camfs/mount/README.md, "What the kernel does"). So a
lookup that comes right after a request has run out of time has waited for that one, as long as it took, and a program that reads `.status`
has waited for both. What comes in those `REPEATED` seconds, and is not a file's bytes, has `IN_A_ROW` seconds::

    lookup "card"    ├──────────── all of its seconds ────────────┤ ETIMEDOUT
    lookup ".status" ┊·········· waits in the kernel ·············├┤ read ├─ IN_A_ROW ─┤
"""

import errno
import math
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

import trio

from camfs import errors

RECOVERY = 3.0
"""Seconds that it takes at most to bring a wire back into step when a call is cancelled: PTP lets the transaction end by itself for one
second, then cancels it within two."""

LEAST = 9.0
"""The least budget in seconds: a short time-out, the end of the transaction, and a reset that shows whether the camera has left."""

PER_TIMEOUT = 1.85
"""Seconds of the budget for each second of the mount's time-out."""

SLOW = 2.0
"""Seconds after which a failure is worth remembering."""

REPEATED = 2.0
"""Seconds for which it is remembered."""

IN_A_ROW = 3.0
"""Seconds of a request that comes right after another one has run out of time."""


def seconds_for(timeout: float) -> float:
    """Return the budget of a request in seconds, on a mount with this time-out."""
    return max(LEAST, PER_TIMEOUT * timeout)


class Budget:
    """The budget of each request, and the requests that have used theirs up.

    Args:
        seconds: in which a request has to be answered.
    """

    def __init__(self, seconds: float = math.inf) -> None:
        self._seconds = seconds - RECOVERY
        self._failed: dict[Hashable, tuple[float, int]] = {}
        self._in_a_row_until = -math.inf

    @contextmanager
    def limit(self, seconds: float = math.inf) -> Iterator[None]:
        """Cancel the block when its time is up, or so many seconds if these are fewer.

        Raises:
            TransferTimeout: the time is up.
        """
        seconds = min(seconds, self._seconds)
        with trio.move_on_after(seconds) as scope:
            yield
        if scope.cancelled_caught:
            raise errors.TransferTimeout(f"the camera did not answer in {seconds:g} s")

    @property
    def seconds_in_a_row(self) -> float:
        """The seconds of a request that begins now, if it may have waited in the kernel for one that ran out of time; else infinity."""
        return IN_A_ROW if trio.current_time() < self._in_a_row_until else math.inf

    def forget_failures(self) -> None:
        """Let all requests be made again: the user wants it."""
        self._failed.clear()
        self._in_a_row_until = -math.inf

    def recent_failure(self, request: Hashable) -> int | None:
        """Return the errno of a request that failed a moment ago after a long time, None if it did not."""
        until, number = self._failed.get(request, (-math.inf, 0))
        return number if trio.current_time() < until else None

    def note_failure(self, request: Hashable, begun: float, number: int) -> None:
        """Remember that a request failed, if it took long.

        Args:
            request: what was asked, and about what.
            begun: when, in trio's time.
            number: the errno.
        """
        now = trio.current_time()
        if now - begun >= SLOW:
            self._failed = {key: failure for key, failure in self._failed.items() if failure[0] > now}
            self._failed[request] = now + REPEATED, number
            if number == errno.ETIMEDOUT and now - begun > IN_A_ROW + RECOVERY:
                self._in_a_row_until = now + REPEATED

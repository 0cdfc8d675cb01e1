"""The body's own interval timer: what it takes after the first picture, brought in one by one.

With drive-mode interval one SnapCommand begins a row of pictures. `imagedb` waits for the first; from then on::

    begin ──► RUNNING ──── all have come, or none for longer than one takes ──► over
                │ ▲ │
    look: bring │ │ ├──── stop: mode 7 is sent ──► STOPPED ── nothing waits in the camera ──► over
    in and      └─┘ └──── contact was lost, or the ring is empty ──► over
    release what has come

`look` is called every `LOOK` seconds and takes only entries that are done: a picture under way is not waited for. No source says how a
row is ended. camfs sends mode 7, which ends a bulb exposure; releasing control ends whatever runs
(camfs/protocols/sigma/README.md, "Image database and capture").
"""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio

from camfs import errors
from camfs.cameras.sigma.custody import Custody
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.cameras.sigma.ring import Ring, is_done
from camfs.protocols.sigma.records import Picture

log = logging.getLogger(__name__)

LOOK = 0.5
"""Seconds between two looks at what the body has taken."""

GIVE_UP_TIME = 5.0
"""Seconds for ending a row whose first picture has failed."""


@dataclass(frozen=True)
class Interval:
    """What the interval timer is set to.

    Attributes:
        seconds: from one picture to the next.
        frames: pictures; 0 without end.
    """

    seconds: int
    frames: int


class IntervalShooting:
    """A row of pictures that the body takes by itself.

    Args:
        operations: the camera's.
        ring: its ring.
        custody: brings in what is in the ring.
    """

    def __init__(self, operations: SigmaOperations, ring: Ring, custody: Custody) -> None:
        self._operations = operations
        self._ring = ring
        self._custody = custody
        self._interval: Interval | None = None
        self._entries = 1
        self._taken = 0
        self._patience = 0.0
        self._came_at = 0.0
        self._stopped = False
        self._over = ""

    @property
    def runs(self) -> bool:
        """Whether the body may still take pictures by itself."""
        return self._interval is not None and not self._over

    @property
    def text(self) -> str:
        """How far it is; empty if none was begun."""
        if self._interval is None:
            return ""
        wanted = f" of {self._interval.frames}" if self._interval.frames else ""
        return f"{self._taken}{wanted} taken, one each {self._interval.seconds} s, {self._over or 'goes on'}"

    @asynccontextmanager
    async def given_up_on_failure(self, interval: Interval | None) -> AsyncIterator[None]:
        """Have the body take no more if the first picture of a row fails, or is waited for no longer.

        Raises:
            Busy: a row runs; it goes on.
        """
        self.check_over()
        try:
            yield
        except BaseException:
            if interval is not None:
                with trio.move_on_after(GIVE_UP_TIME, shield=True):
                    try:
                        await self._operations.stop_capture()
                    except errors.CameraError as error:
                        log.warning("the interval timer may go on: %s", error)
            raise

    def begin(self, interval: Interval, entries: int, records: Sequence[Picture], budget: float) -> None:
        """Note that the first picture of a row was taken.

        Args:
            interval: what the timer is set to.
            entries: of the first picture, and of others that came with it.
            records: of their files.
            budget: seconds that a picture may take.
        """
        self._taken = max(1, len({record.name.partition(".")[0] for record in records}))
        self._interval, self._entries, self._stopped = interval, max(1, entries // self._taken), False
        self._patience, self._came_at = interval.seconds + budget, trio.current_time()
        self._over = "over" if 0 < interval.frames <= self._taken else ""
        self._ring.may_hold_unlisted |= self.runs

    async def look(self) -> None:
        """Bring in what is done. To be called with the custody's lock."""
        if self._interval is None or self._over:
            return
        pending = (await self._ring.status()).pending()
        done = []
        for image_id in pending:
            if not is_done((await self._operations.capture_status(image_id)).state):
                break
            done.append(image_id)
        if done:
            known = {image_id for exposure in self._custody.exposures for image_id in exposure.ids}
            claimed = await self._custody.claim(done)
            if new := set(claimed) - known:
                self._came_at = trio.current_time()
                self._taken += -(-len(new) // self._entries)
            await self._custody.bring_in(self._custody.exposures)
            await self._custody.clear(claimed)
        if self._interval.frames and self._taken >= self._interval.frames:
            self._end("over")
        elif self._stopped and len(done) == len(pending):
            self._end("ended")
        elif trio.current_time() - self._came_at > self._patience:
            self._end("ended by the camera")

    def _end(self, reason: str) -> None:
        self._over = reason
        self._ring.may_hold_unlisted = False

    async def stop(self) -> None:
        """Have the body take no more; what is under way is brought in by `look`."""
        if self.runs:
            await self._operations.stop_capture()
            self._stopped = True

    def note_contact_lost(self) -> None:
        """Note that it is not known whether the body goes on. What it has taken is found before its ring is next needed."""
        if self.runs:
            self._over = "contact was lost"

    def check_over(self) -> None:
        """Refuse a command that the body would not obey while the timer runs.

        Raises:
            Busy: it runs.
        """
        if self.runs:
            raise errors.Busy(f"the camera's interval timer runs: {self.text}; write 0 to .capture to end it")

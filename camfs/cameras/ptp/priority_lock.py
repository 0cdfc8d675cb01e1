"""PriorityLock on the one line that a camera has: one transaction at a time, those that are urgent before those that are not."""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


class PriorityLock:
    """A lock with two queues. Whoever is urgent (a setting, a shutter) waits for the transaction under way and for others that are
    urgent, never for those who wait with a block of a file or a frame."""

    def __init__(self) -> None:
        self._taken = False
        self._urgent: deque[trio.Event] = deque()
        self._patient: deque[trio.Event] = deque()

    @asynccontextmanager
    async def taken(self, urgent: bool = False) -> AsyncIterator[None]:
        """Wait for the turn and hold it while the block runs. Cancelled while waiting: the turn goes to the next."""
        await self._take(self._urgent if urgent else self._patient)
        try:
            yield
        finally:
            self._pass_on()

    async def _take(self, queue: deque[trio.Event]) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        if not self._taken:
            self._taken = True
            await trio.lowlevel.cancel_shielded_checkpoint()
            return
        called = trio.Event()
        queue.append(called)
        try:
            await called.wait()
        except trio.Cancelled:
            if called.is_set():
                self._pass_on()
            else:
                queue.remove(called)
            raise

    def _pass_on(self) -> None:
        """Give the turn to the next; it stays taken meanwhile, so that nobody comes in between."""
        queue = self._urgent or self._patient
        if queue:
            queue.popleft().set()
        else:
            self._taken = False

"""`PriorityLock`: a lock with two queues, for the one wire of a camera, which carries one transaction at a time.

An urgent caller (a setting, a shutter release) waits for the transaction under way and for urgent callers that came before it. It never
waits for the ordinary callers in the queue (blocks of files, frames of the live view), which are served when no urgent caller is left.
"""

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


class PriorityLock:
    """A lock that urgent callers get before ordinary ones. Each queue is first in, first out."""

    def __init__(self) -> None:
        self._is_held = False
        self._urgent: deque[trio.Event] = deque()
        self._ordinary: deque[trio.Event] = deque()

    @asynccontextmanager
    async def acquired(self, urgent: bool = False) -> AsyncIterator[None]:
        """Wait for the lock and hold it while the block runs. Cancelled while waiting: the lock goes to the next caller."""
        await self._acquire(self._urgent if urgent else self._ordinary)
        try:
            yield
        finally:
            self._release()

    async def _acquire(self, queue: deque[trio.Event]) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        if not self._is_held:
            self._is_held = True
            await trio.lowlevel.cancel_shielded_checkpoint()
            return
        handed_over = trio.Event()
        queue.append(handed_over)
        try:
            await handed_over.wait()
        except trio.Cancelled:
            if handed_over.is_set():
                self._release()
            else:
                queue.remove(handed_over)
            raise

    def _release(self) -> None:
        """Hand the lock to the next caller. It stays held meanwhile, so that nobody else can acquire it in between."""
        queue = self._urgent or self._ordinary
        if queue:
            queue.popleft().set()
        else:
            self._is_held = False

"""A thread that runs one call after the other, for calls that block and are many.

`trio.to_thread` is made for any call that blocks: it looks for an idle thread, names it, and copies the caller's context. That takes about
ten times as long as to enter this thread and to come back [measured], and longer than a small transaction on the wire.
"""

import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import trio

T = TypeVar("T")


@dataclass
class _Job:
    """A call, the task that waits for it, and what came of it."""

    call: Callable[[], Any]
    task: trio.lowlevel.Task
    result: Any = None
    failure: BaseException | None = None


class WorkerThread:
    """A thread of its own. It starts with the first call, and ends with `close`.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._token: trio.lowlevel.TrioToken | None = None

    async def run(self, call: Callable[[], T]) -> T:
        """Run a call in the thread and return what it returns, or raise what it raises.

        Cancelled before it begins: it is not run. Once it runs it is waited for, as its result may not be lost.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._token is None:
            self._token = trio.lowlevel.current_trio_token()
            threading.Thread(target=self._work, args=(self._token,), name=self._name, daemon=True).start()
        job = _Job(call, trio.lowlevel.current_task())
        self._jobs.put(job)
        await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.FAILED)
        if job.failure is not None:
            raise job.failure
        return cast(T, job.result)

    def close(self) -> None:
        """Let the thread end, after the calls that it was given."""
        self._jobs.put(None)

    def _work(self, token: trio.lowlevel.TrioToken) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job.result = job.call()
            except BaseException as error:
                job.failure = error
            with contextlib.suppress(trio.RunFinishedError):
                token.run_sync_soon(trio.lowlevel.reschedule, job.task)
            del job

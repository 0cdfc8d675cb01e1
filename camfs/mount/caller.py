"""The process that makes system calls on the mount (`system_calls.py`): how it is started, asked, and ended.

::

    start ──► running ── a call: request to its stdin, errno from its stdout
                 │
                 ├─ it died, or did not answer for `PATIENCE` seconds: said once in the log; every call fails from then on ──► dead
                 └─ aclose: its stdin is closed, at which it ends

It is started before /dev/fuse is opened: a child that has inherited that descriptor, or that shares this process, could not be killed while
it waits for an answer of the mount. Its number (`pid`) is known until it has been waited for, so that no other process has it meanwhile.
"""

import errno
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Protocol

import trio

log = logging.getLogger(__name__)

PROGRAM = Path(__file__).with_name("system_calls.py")

PATIENCE = 30.0
"""Seconds that one call may take; all requests that the kernel makes for it are answered from memory."""

IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP)
"""Signals that terminals and service managers send to all processes of a mount; this one ends with its stdin."""


class Caller(Protocol):
    """Who makes the system calls."""

    @property
    def pid(self) -> int:
        """Its process number; 0 once it is known to be no more."""

    @property
    def is_dead(self) -> bool:
        """Whether calls fail from now on."""

    async def call(self, letter: bytes, path: bytes) -> int:
        """Make a call of `system_calls.CALLS` on a path below the mount point; return its errno, EPIPE from a dead caller."""


class CallerProcess:
    """The process.

    Args:
        mount_point: where the mount will be.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, mount_point: str) -> None:
        requests, self._requests_end = os.pipe()
        self._answers_end, answers = os.pipe()
        try:
            self.pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-I", "-S", str(PROGRAM), mount_point],
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, requests, 0),
                    (os.POSIX_SPAWN_DUP2, answers, 1),
                    (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
                ],
                setsid=True,
                setsigmask=IGNORED,
            )
        except OSError:
            os.close(self._requests_end)
            os.close(self._answers_end)
            raise
        finally:
            os.close(requests)
            os.close(answers)
        self._requests = trio.lowlevel.FdStream(self._requests_end)
        self._answers = trio.lowlevel.FdStream(self._answers_end)
        self.is_dead = self._is_closed = False

    async def call(self, letter: bytes, path: bytes) -> int:
        """Make a call; cancelled, the process is given up, as its answer would be taken for that to the next call."""
        if self.is_dead:
            return errno.EPIPE
        answer = b""
        try:
            with trio.move_on_after(PATIENCE):
                await self._requests.send_all(letter + path + b"\0")
                while not answer.endswith(b"\n"):
                    received = await self._answers.receive_some(100)
                    if not received:
                        break
                    answer += received
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            if not answer.endswith(b"\n"):
                self.is_dead = True
        if self._is_closed:
            return errno.EPIPE
        if self.is_dead:
            log.warning(
                "the process that tells programs of new pictures has died; folders are not told of them any more"
            )
            await trio.to_thread.run_sync(self._end, abandon_on_cancel=True)
            return errno.EPIPE
        return int(answer)

    def _end(self) -> None:
        """Kill the process, wait until it is gone, and forget its number."""
        pid = self.pid
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            self.pid = 0

    async def aclose(self) -> None:
        """End the process. The mount must have been unmounted: a call that waits for its answer would not end."""
        self.is_dead = self._is_closed = True
        with trio.CancelScope(shield=True):
            await self._requests.aclose()
            await self._answers.aclose()
            await trio.to_thread.run_sync(self._end)

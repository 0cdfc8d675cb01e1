"""What camfs asks of the kernel: to mount, to hand over its requests, and to drop what it remembers of names, attributes and pages.

The kernel keeps pages for as long as they fit, and names and attributes for `operations.Timeouts`. So all that changes at the camera has
to be invalidated here, or programs go on seeing what was. What was read ahead of a program is given to the kernel before it asks.

**Deadlock.** Invalidating a name waits for the lock of its directory, and invalidating an inode or storing its bytes waits for its pages.
Either may be held by a request that only we can answer. So all this is queued and carried out in order by a thread, while the handlers go
on answering: in order, so that no bytes are stored after the invalidation that makes them wrong::

    apply, refresh, read-ahead ──> queue ──> thread ──> pyfuse3.invalidate_entry, invalidate_inode, notify_store ──> the kernel

Facts and sources: `camfs/mount/README.md`, "What the kernel does".
"""

import contextlib
import errno
import functools
import logging
import threading
from collections.abc import Callable
from typing import cast

import pyfuse3
import trio

from camfs.mount.inodes import Inode
from camfs.mount.nodes import Node

log = logging.getLogger(__name__)

JOIN = 1.0
"""Seconds to wait for a call under way before the mount is taken down; its end would free the one that is stuck."""


STORE_TIME = 0.1
"""Seconds that whoever gives bytes to the kernel waits for it to take them; it takes less than a thousandth."""


MOST_QUEUED = 8 << 20
"""Bytes that wait to be given to the kernel at most."""


class Kernel:
    """The kernel's side of one mount."""

    def __init__(self) -> None:
        self._queue: list[Callable[[], None]] = []
        self._news = threading.Condition()
        self._stopped = False
        self._idle = True
        self._bytes_queued = 0

    # what it shall drop

    def invalidate_entry(self, folder: Node, name: bytes) -> None:
        """Have a name in a folder dropped."""
        if folder.lookups > 0 or folder.parent is folder:  # else the kernel has nothing in it
            self._enqueue(functools.partial(pyfuse3.invalidate_entry, folder.inode, name))

    def invalidate_inode(self, node: Node) -> None:
        """Have a node's attributes and pages dropped."""
        if node.lookups > 0:
            self._enqueue(functools.partial(pyfuse3.invalidate_inode, node.inode))

    async def distrust_size(self, node: Node) -> None:
        """Have a node's attributes asked for again. When this returns, no short answer to a read makes the kernel believe another size.

        It waits for no page, so that a handler may await it.
        """
        if node.lookups > 0:
            with contextlib.suppress(OSError):  # the kernel does not have it any more
                await trio.to_thread.run_sync(functools.partial(pyfuse3.invalidate_inode, node.inode, attr_only=True))

    async def store(self, node: Node, offset: int, data: memoryview) -> None:
        """Give a node's bytes to its pages, before anybody asks for them; they must lie within its size.

        Returns when that is done, so that whoever waits for these bytes finds them in the pages. It returns at once if the thread is
        not idle: it may wait for pages that only the answer to a read sets free, and so may whoever awaits this. What would make more
        than `MOST_QUEUED` bytes wait is not stored; the kernel asks for it.
        """
        if node.lookups <= 0 or self._bytes_queued + len(data) > MOST_QUEUED:
            return
        stored = trio.Event()
        tell = functools.partial(trio.lowlevel.current_trio_token().run_sync_soon, stored.set)
        with self._news:
            was_idle = self._idle and not self._queue
            self._bytes_queued += len(data)
            self._queue += (functools.partial(self._store, node.inode, offset, data), tell)
            self._news.notify()
        if was_idle:
            with trio.move_on_after(STORE_TIME):
                await stored.wait()

    def _store(self, inode: Inode, offset: int, data: memoryview) -> None:
        try:
            pyfuse3.notify_store(inode, offset, cast(bytes, data))
        finally:
            with self._news:
                self._bytes_queued -= len(data)

    async def flush(self) -> None:
        """Wait until all that was invalidated so far has been dropped.

        Never call it from a handler on an inode or directory that the kernel has locked for that request: deadlock. A write to a
        control file, which is read and written past the pages, is none.
        """
        done = trio.Event()
        self._enqueue(functools.partial(trio.lowlevel.current_trio_token().run_sync_soon, done.set))
        await done.wait()

    def _enqueue(self, call: Callable[[], None]) -> None:
        with self._news:
            self._queue.append(call)
            self._news.notify()

    def _run(self) -> None:
        """Carry out what is queued until stopped; the thread."""
        while not self._stopped:
            with self._news:
                self._news.wait_for(lambda: self._queue or self._stopped)
                calls, self._queue = self._queue, []
                self._idle = False
            for call in calls:
                if self._stopped:
                    return
                try:
                    call()
                except OSError as error:
                    if error.errno != errno.ENOENT:  # the kernel does not have it (any more)
                        log.debug("telling the kernel: %s", error)
            self._idle = True

    # the mount

    def mount(self, operations: pyfuse3.Operations, mount_point: str, options: set[str]) -> None:
        """Mount; the kernel's requests are answered once `serve` runs.

        Raises:
            RuntimeError: libfuse refuses; it has said why on stderr.
        """
        pyfuse3.init(operations, mount_point, options)

    async def serve(self) -> None:
        """Answer the kernel until the file system is unmounted, by `stop` or by another program."""
        thread = threading.Thread(target=self._run, name="notify", daemon=True)
        thread.start()
        try:
            await pyfuse3.main()
        except* ConnectionAbortedError:
            # the last user of a lazily unmounted tree has left while a request was being taken: unmounted all the same
            log.info("the kernel has closed the connection")
        finally:
            with self._news:
                self._stopped = True
                self._news.notify()
            thread.join(JOIN)

    def stop(self) -> None:
        """Let `serve` return; from the trio thread."""
        pyfuse3.terminate()

    def unmount(self) -> None:
        """Unmount, lazily if files are open, and close the connection to the kernel."""
        pyfuse3.close(unmount=True)

"""What is open: each open(2) and opendir(3) gets a handle of its own, which answers until it is closed.

A node's `open` returns the handle that suits it, and the handlers in `operations.py` ask the handle and nothing else:

* `file.FileHandle`: a file of the camera, read through the block cache or, on a slow line, past it.
* `ContentsHandle`: a control file or thumbnail, whose contents are fetched by the first read.
* `events.EventsHandle`: `.events`, which grows while it is read.
* `DirectoryHandle`: a directory that is being listed.
"""

import errno
import select
from collections.abc import Awaitable, Callable

from camfs.mount.errnos import BadRequest
from camfs.mount.nodes import Directory, DirectoryListing, Node


class Handle:
    """An open file.

    Attributes:
        direct_io: whether reads reach `read` as the program made them; else the kernel reads whole pages and keeps them.
        keep_cache: whether the pages that the kernel still has are good for this handle, too.
    """

    direct_io = True
    keep_cache = True

    async def read(self, offset: int, size: int) -> bytes | memoryview:
        """Read at most `size` bytes from `offset`; nothing means the end of the file."""
        raise NotImplementedError

    async def write(self, data: bytes) -> None:
        """Take all of `data` as one command."""
        raise BadRequest(errno.EBADF)

    def poll(self, wake: Callable[[], None] | None) -> int:
        """Return what can be done without waiting, as poll(2) flags.

        Args:
            wake: to be called once when that may have changed; None if nobody waits.
        """
        return select.POLLIN | select.POLLOUT

    async def close(self) -> None:
        """Release what only this handle needed."""


class ContentsHandle(Handle):
    """An open file whose contents are fetched by the first read and stay the same until the handle writes.

    Args:
        fetch: returns the contents.
        command: carries out what is written; None if nothing can be.
    """

    def __init__(
        self, fetch: Callable[[], Awaitable[bytes]], command: Callable[[bytes], Awaitable[None]] | None = None
    ) -> None:
        self._fetch = fetch
        self._command = command
        self._contents: bytes | None = None

    async def read(self, offset: int, size: int) -> bytes:
        if self._contents is None:
            self._contents = await self._fetch()
        return self._contents[offset : offset + size]

    async def write(self, data: bytes) -> None:
        if self._command is None:
            raise BadRequest(errno.EBADF)
        await self._command(data)
        self._contents = None


class DirectoryHandle:
    """An open directory: listed by the first read, and listed anew when it is rewound."""

    def __init__(self, directory: Directory) -> None:
        self.node = directory
        self._listing: DirectoryListing | None = None

    async def next(self, index: int) -> tuple[int, Node] | None:
        """Return what `DirectoryListing.next` returns."""
        if self._listing is None or index == 0:
            self._listing = await self.node.listing()
        return await self._listing.next(index)

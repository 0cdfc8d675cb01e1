"""Downloads: objects of cameras that can only send a whole object (GetObject), each fetched once, into a file, for all its readers.

A download starts with the first read, serves every reader as it goes, and is cancelled on the wire when no reader is left. The copy is
an unnamed temporary file, so a camfs that is killed leaves none behind::

             first read                      all bytes are here
    (none) ────────────► RUNNING ──────────────────────────────► COMPLETE ──── room is needed, or the object has changed ──► (none)
       ▲                    │
       └────────────────────┘  the transfer failed (its readers get the error), the object has changed (its readers start another
                               download), or no reader is left

Only complete copies are dropped to make room for others: dropping one that is running would fetch its bytes again for its readers.
"""

import logging
import os
import tempfile
from collections.abc import Awaitable, Callable

import trio

from camfs import errors
from camfs.cameras.ptp.session import Session
from camfs.protocols.ptp.codes import ObjectHandle, Operation

log = logging.getLogger(__name__)

KEPT = 1 << 30
"""Bytes of copies that are kept for later readers, the least recently used dropped first; the newest is kept whatever its size."""


class _Download:
    """One object's bytes, as far as they have come.

    Attributes:
        file: descriptor of the copy.
        received: bytes in it.
        complete: whether the transfer has ended well.
        closed: whether the copy is gone.
        wanted: whether the object has open files, as far as is known.
        readers: how many reads wait for bytes.
        failure: what the transfer failed with.
        scope: cancels the transfer.
        progress: where reads wait.
    """

    def __init__(self, file: int) -> None:
        self.file = file
        self.received = 0
        self.complete = False
        self.closed = False
        self.wanted = True
        self.readers = 0
        self.failure: errors.CameraError | None = None
        self.scope = trio.CancelScope()
        self.progress = trio.lowlevel.ParkingLot()

    def close(self) -> None:
        """Let go of the file, and wake its readers."""
        if not self.closed:
            self.closed = True
            os.close(self.file)
        self.progress.unpark_all()


class Downloads:
    """Copies of whole objects, complete or running.

    Args:
        session: carries GetObject.
        nursery: runs the transfers.
        on_complete: awaited with an object's handle and true size in bytes when a transfer has ended well.
    """

    def __init__(
        self, session: Session, nursery: trio.Nursery, on_complete: Callable[[ObjectHandle, int], Awaitable[None]]
    ) -> None:
        self._session = session
        self._nursery = nursery
        self._on_complete = on_complete
        self._by_handle: dict[ObjectHandle, _Download] = {}

    async def read(self, handle: ObjectHandle, offset: int, size: int) -> bytes:
        """Read up to `size` bytes at `offset`; waits until they have come.

        Raises:
            StoreFull: there is no room for the copy on this computer.
            CameraError: the transfer failed; the next read starts another.
        """
        while True:
            download = self._by_handle.pop(handle, None)
            if download is None:
                download = _Download(self._new_file())
                self._nursery.start_soon(self._fetch, handle, download)
            self._by_handle[handle] = download
            download.wanted = True
            download.readers += 1
            try:
                while not download.closed and not download.complete and download.received < offset + size:
                    await download.progress.park()
                if not download.closed:
                    return os.pread(download.file, size, offset)
            finally:
                download.readers -= 1
                self._stop_if_unwanted(handle, download)
            if download.failure is not None:
                raise type(download.failure)(*download.failure.args)
            # the copy was dropped because the object has changed: read what it is now

    def release(self, handle: ObjectHandle) -> None:
        """Stop the transfer of an object that has no open file any more, after the reads that still wait are answered."""
        download = self._by_handle.get(handle)
        if download is not None:
            download.wanted = False
            self._stop_if_unwanted(handle, download)

    def _stop_if_unwanted(self, handle: ObjectHandle, download: _Download) -> None:
        unwanted = not download.wanted and not download.readers and not download.complete
        if unwanted and self._by_handle.get(handle) is download:
            self.drop(handle)

    def drop(self, handle: ObjectHandle | None = None) -> None:
        """Drop the copy of an object that has changed, or all copies. Reads that wait for one start a new download."""
        for key in [handle] if handle is not None else list(self._by_handle):
            download = self._by_handle.pop(key, None)
            if download is None:
                continue
            if download.complete:
                download.close()
            else:
                download.scope.cancel()  # `_fetch` closes it

    def _new_file(self) -> int:
        """Return the descriptor of a new copy, after dropping complete ones if too much is kept."""
        kept = sum(download.received for download in self._by_handle.values())
        for handle, download in list(self._by_handle.items()):
            if kept > KEPT and download.complete:
                kept -= download.received
                self.drop(handle)
        try:
            with tempfile.TemporaryFile(prefix="camfs-") as file:
                return os.dup(file.fileno())
        except OSError as error:
            raise errors.StoreFull(f"no room for a copy on this computer: {error.strerror}") from None

    async def _fetch(self, handle: ObjectHandle, download: _Download) -> None:
        async def write(data: bytes | memoryview) -> None:
            try:
                written = 0
                while written < len(data):
                    written += os.pwrite(download.file, data[written:], download.received + written)
            except OSError as error:
                raise errors.StoreFull(f"no room for a copy on this computer: {error.strerror}") from None
            download.received += len(data)
            download.progress.unpark_all()

        with download.scope:
            try:
                await self._session.transact(Operation.GetObject, handle, sink=write, limit=1 << 63)
                download.complete = True
            except errors.CameraError as error:
                download.failure = error
        if not download.complete and self._by_handle.get(handle) is download:
            del self._by_handle[handle]
        if self._by_handle.get(handle) is not download:
            download.close()
            return
        download.progress.unpark_all()
        try:
            await self._on_complete(handle, download.received)
        except errors.CameraError as error:
            log.info("size of object %#x: %s", handle, error)

"""Reads objects of cameras that can only send a whole object (GetObject): each is fetched once, into a file, for all its readers.

The transfer begins with the first read, feeds every reader as it goes, and is cancelled on the wire when no reader is left. Copies are
unnamed temporary files, so a camfs that is killed leaves none behind.
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
"""Bytes of copies kept for later readers, least recently used first out; a single larger object is kept while it is open."""


class _Copy:
    """One object's bytes, as far as they have come."""

    def __init__(self, file: int) -> None:
        self.file = file
        self.received = 0
        self.complete = False
        self.closed = False
        self.wanted = True
        self.readers = 0
        self.failure: errors.CameraError | None = None
        self.scope = trio.CancelScope()
        self.waiting = trio.lowlevel.ParkingLot()

    def advance(self) -> None:
        self.waiting.unpark_all()

    def close(self) -> None:
        """Let go of the file; those who wait hear of it."""
        if not self.closed:
            self.closed = True
            os.close(self.file)
        self.advance()


class WholeObjects:
    """Copies of whole objects.

    Args:
        session: carries GetObject.
        nursery: runs the transfers.
        on_size: told an object's handle and true size in bytes when a transfer has ended well.
    """

    def __init__(
        self, session: Session, nursery: trio.Nursery, on_size: Callable[[ObjectHandle, int], Awaitable[None]]
    ) -> None:
        self._session = session
        self._nursery = nursery
        self._on_size = on_size
        self._copies: dict[ObjectHandle, _Copy] = {}

    async def read(self, handle: ObjectHandle, offset: int, size: int) -> bytes:
        """Read up to `size` bytes at `offset`, waiting until the transfer has come that far.

        Raises:
            StoreFull: no room for the copy on this computer.
            CameraError: the transfer failed; the next read begins another.
        """
        while True:
            copy = self._copies.pop(handle, None)
            if copy is None:
                copy = _Copy(self._new_file())
                self._nursery.start_soon(self._fetch, handle, copy)
            self._copies[handle] = copy
            copy.wanted = True
            copy.readers += 1
            try:
                while not copy.closed and not copy.complete and copy.received < offset + size:
                    await copy.waiting.park()
                if not copy.closed:
                    return os.pread(copy.file, size, offset)
            finally:
                copy.readers -= 1
                self._stop_if_unwanted(handle, copy)
            if copy.failure is not None:
                raise type(copy.failure)(*copy.failure.args)
            # it was dropped, as the object has changed: read what it is now

    def release(self, handle: ObjectHandle) -> None:
        """Stop the transfer of an object that nobody reads any more, once those reads are answered that still wait."""
        copy = self._copies.get(handle)
        if copy is not None:
            copy.wanted = False
            self._stop_if_unwanted(handle, copy)

    def _stop_if_unwanted(self, handle: ObjectHandle, copy: _Copy) -> None:
        if not copy.wanted and not copy.readers and not copy.complete and self._copies.get(handle) is copy:
            self.forget(handle)

    def forget(self, handle: ObjectHandle | None = None) -> None:
        """Drop the copy of an object that has changed, or all copies."""
        for key in [handle] if handle is not None else list(self._copies):
            copy = self._copies.pop(key, None)
            if copy is not None:
                self._drop(copy)

    def _drop(self, copy: _Copy) -> None:
        if copy.complete:
            copy.close()
        else:
            copy.scope.cancel()

    def _new_file(self) -> int:
        kept = sum(copy.received for copy in self._copies.values())
        for handle, copy in list(self._copies.items()):
            if kept > KEPT and copy.complete:
                kept -= copy.received
                self.forget(handle)
        try:
            with tempfile.TemporaryFile(prefix="camfs-") as file:
                return os.dup(file.fileno())
        except OSError as error:
            raise errors.StoreFull(f"no room for a copy on this computer: {error.strerror}") from None

    async def _fetch(self, handle: ObjectHandle, copy: _Copy) -> None:
        async def write(data: bytes | memoryview) -> None:
            try:
                written = 0
                while written < len(data):
                    written += os.pwrite(copy.file, data[written:], copy.received + written)
            except OSError as error:
                raise errors.StoreFull(f"no room for a copy on this computer: {error.strerror}") from None
            copy.received += len(data)
            copy.advance()

        with copy.scope:
            try:
                await self._session.transact(Operation.GetObject, handle, sink=write, limit=1 << 63)
                copy.complete = True
            except errors.CameraError as error:
                copy.failure = error
        if not copy.complete and self._copies.get(handle) is copy:
            del self._copies[handle]
        if self._copies.get(handle) is not copy:
            copy.close()
            return
        copy.advance()
        try:
            await self._on_size(handle, copy.received)
        except errors.CameraError as error:
            log.info("size of object %#x: %s", handle, error)

"""Downloads: objects that are received whole (GetObject), each once, for all its readers.

An object is received whole where parts of it cannot be read: on cameras that have no partial read or whose partial read fails
(`parts`), beyond what it reaches, and where its size is known in no other way (`sizes`), as GetObject announces how many bytes it will
send. A download serves every reader as it goes, and is cancelled on the wire when no reader is left::

             first read                      all bytes are here
    (none) ────────────► RUNNING ──────────────────────────────► COMPLETE ──── room is needed, or the object has changed ──► (none)
       ▲                    │
       └────────────────────┘  the transfer failed (its readers get the error), the object has changed (its readers start another
                               download), no reader is left, or what is read lies elsewhere and can be read in parts

Only complete copies are dropped to make room for others: dropping one that is running would fetch its bytes again for its readers.
A read of the last bytes waits for the response behind them, so that nobody takes a transfer that goes wrong there for a whole one.
"""

import logging
from collections.abc import Awaitable, Callable

import trio

from camfs import errors
from camfs.cameras.ptp.copies import Copy
from camfs.cameras.ptp.session import Session
from camfs.protocols.ptp.codes import ObjectHandle, Operation

log = logging.getLogger(__name__)

KEPT = 1 << 30
"""Bytes of copies that are kept for later readers, the least recently used dropped first; the newest is kept whatever its size."""

NEAR = 16 << 20
"""Bytes by which a read may be ahead of what has come and still wait for it, where it could be read in parts."""

COPYING = 8 << 20
"""Bytes that a download has served before it is taken for a copy of the whole object, which is not given up for reads elsewhere."""

LARGEST = 1 << 47
"""Bytes that an object may have: 128 TiB, what the largest kind of memory card (SDUC) holds. No camera is believed that announces more."""

PATIENCE = 5.0
"""Seconds to wait for the end of an object whose length is not announced."""


class _Download:
    """One object's bytes, as far as they have come.

    Attributes:
        copy: keeps them.
        begun: whether the data phase has begun.
        announced: how many bytes the camera has announced; None if it does not say.
        complete: whether the transfer has ended well.
        closed: whether the copy is gone.
        wanted: whether the object has open files, as far as is known.
        readers: how many reads wait for bytes.
        served: how many bytes have been read.
        failure: what the transfer failed with.
        scope: cancels the transfer.
        progress: where reads wait.
    """

    def __init__(self, copy: Copy) -> None:
        self.copy = copy
        self.begun = False
        self.announced: int | None = None
        self.complete = False
        self.closed = False
        self.wanted = True
        self.readers = 0
        self.served = 0
        self.failure: errors.CameraError | None = None
        self.scope = trio.CancelScope()
        self.progress = trio.lowlevel.ParkingLot()

    def begin(self, length: int | None) -> None:
        """Note that the data phase has begun."""
        self.begun, self.announced = True, length
        self.progress.unpark_all()

    async def receive(self, data: bytes | memoryview) -> None:
        """Take the next bytes."""
        self.copy.append(data)
        self.progress.unpark_all()

    def has(self, offset: int, end: int) -> bool:
        """Say whether a read is answered now: its bytes are here, or it begins behind the end."""
        if self.complete or self.announced is None:
            return self.complete or self.copy.received >= end
        return offset >= self.announced or (self.copy.received >= end and end < self.announced)

    def close(self) -> None:
        """Let go of the copy, and wake its readers."""
        if not self.closed:
            self.closed = True
            self.copy.close()
        self.progress.unpark_all()


class Downloads:
    """Copies of whole objects, complete or running.

    Args:
        session: carries GetObject.
        nursery: runs the transfers.
        on_complete: awaited with an object's handle and true size in bytes when a transfer has ended well.
        on_nonsense: awaited with the handle of an object whose transfer went on otherwise than it was announced.
    """

    def __init__(
        self,
        session: Session,
        nursery: trio.Nursery,
        on_complete: Callable[[ObjectHandle, int], Awaitable[None]],
        on_nonsense: Callable[[ObjectHandle], Awaitable[None]],
    ) -> None:
        self._session = session
        self._nursery = nursery
        self._on_complete = on_complete
        self._on_nonsense = on_nonsense
        self._by_handle: dict[ObjectHandle, _Download] = {}

    async def read(self, handle: ObjectHandle, offset: int, size: int, start: int = 0) -> bytes:
        """Read up to `size` bytes at `offset`; waits until they have come.

        Args:
            handle: the object.
            offset: the first byte.
            size: how many bytes at most.
            start: bytes before this place need not be kept, if a new download is begun.

        Raises:
            StoreFull: there is no room for the copy on this computer.
            CameraError: the transfer failed; the next read starts another.
        """
        while True:
            download = self._begin(handle, min(start, offset))
            if offset < download.copy.start:
                if download.readers or not self._give_up(handle):
                    raise errors.StoreFull("no room on this computer for as much of the copy as is read at a time")
                continue
            data = await self._wait(handle, download, lambda now: now.has(offset, offset + size))
            if data:
                found = download.copy.read(offset, size)
                download.served += len(found)
                return found
            # the copy was dropped because the object has changed: read what it is now

    async def measure(self, handle: ObjectHandle) -> int | None:
        """Begin to receive an object, and return how many bytes it has; None if the camera neither says so nor is done soon.

        The download goes on for those who read the object; whoever does not read it has to `release` it.

        Raises:
            Refused: the camera sends nothing of it; without a code, where there is no room on this computer.
            CameraError: the transfer failed.
        """
        while True:
            download = self._begin(handle, 0)
            try:
                is_there = await self._wait(handle, download, lambda now: now.begun or now.complete)
            except errors.Refused as error:
                if download.begun:  # data came, and so there are some: this is not what a refusal says
                    raise errors.RemoteProtocolError(str(error)) from None
                raise
            if is_there:
                if download.announced is None and not download.complete:
                    with trio.move_on_after(PATIENCE):
                        await self._wait(handle, download, lambda now: now.complete)
                if not download.closed:
                    return download.copy.received if download.complete else download.announced

    def announced(self, handle: ObjectHandle) -> int | None:
        """Return how many bytes the camera has announced to send of an object that is being received."""
        download = self._by_handle.get(handle)
        return None if download is None else download.announced

    def is_under_way(self, handle: ObjectHandle) -> bool:
        """Say whether an object is being received, so that it will turn out whether as much comes as was announced."""
        download = self._by_handle.get(handle)
        return download is not None and not download.complete

    def serves(self, handle: ObjectHandle, offset: int) -> bool:
        """Say whether a place of an object has come, or will soon."""
        download = self._by_handle.get(handle)
        if download is None or offset < download.copy.start:
            return False
        return download.complete or offset <= download.copy.received + NEAR

    def yields(self, handle: ObjectHandle) -> bool:
        """Stop a transfer, if there is one, for reads elsewhere; return False if it serves a copy and must go on."""
        download = self._by_handle.get(handle)
        if download is None or download.complete:
            return True
        return not download.readers and download.served < COPYING and self._give_up(handle)

    def release(self, handle: ObjectHandle) -> None:
        """Stop the transfer of an object that has no open file any more, after the reads that still wait are answered."""
        download = self._by_handle.get(handle)
        if download is not None:
            download.wanted = False
            self._stop_if_unwanted(handle, download)

    def fail_all(self, failure: errors.CameraError) -> None:
        """Let all transfers fail, and those who wait for them with them."""
        for handle, download in list(self._by_handle.items()):
            if not download.complete:
                download.failure = failure
                self._give_up(handle)

    def drop(self, handle: ObjectHandle | None = None) -> None:
        """Drop the copy of an object that has changed, or all copies. Reads that wait for one start a new download."""
        for key in [handle] if handle is not None else list(self._by_handle):
            self._give_up(key)

    # ------------------------------------------------------------------ how it goes on

    def _begin(self, handle: ObjectHandle, start: int) -> _Download:
        """Return the download of an object, a new one if there is none."""
        download = self._by_handle.pop(handle, None)
        if download is None:
            self._drop_old_copies()
            download = _Download(Copy(start))
            self._nursery.start_soon(self._fetch, handle, download)
        self._by_handle[handle] = download
        download.wanted = True
        return download

    async def _wait(self, handle: ObjectHandle, download: _Download, is_met: Callable[[_Download], bool]) -> bool:
        """Wait for a download to have come so far; False if it was dropped instead.

        Raises:
            CameraError: it failed.
        """
        download.readers += 1
        try:
            while not download.closed and not is_met(download):
                await download.progress.park()
            if not download.closed:
                return True
        finally:
            download.readers -= 1
            self._stop_if_unwanted(handle, download)
        if download.failure is not None:
            raise _again(download.failure)
        return False

    def _stop_if_unwanted(self, handle: ObjectHandle, download: _Download) -> None:
        unwanted = not download.wanted and not download.readers and not download.complete
        if unwanted and self._by_handle.get(handle) is download:
            self._give_up(handle)

    def _give_up(self, handle: ObjectHandle) -> bool:
        """Drop a copy, and stop its transfer if that still runs."""
        download = self._by_handle.pop(handle, None)
        if download is not None and download.complete:
            download.close()
        elif download is not None:
            download.scope.cancel()  # `_fetch` closes it
        return True

    def _drop_old_copies(self) -> None:
        """Drop complete copies if too much is kept."""
        kept = sum(download.copy.kept for download in self._by_handle.values())
        for handle, download in list(self._by_handle.items()):
            if kept > KEPT and download.complete:
                kept -= download.copy.kept
                self._give_up(handle)

    async def _fetch(self, handle: ObjectHandle, download: _Download) -> None:
        with download.scope:
            try:
                await self._session.transact(
                    Operation.GetObject, handle, sink=download.receive, limit=LARGEST, on_length=download.begin
                )
                download.complete = True
            except errors.CameraError as error:
                download.failure = error
                if isinstance(error, errors.RemoteProtocolError | errors.TransferCut) and download.begun:
                    await self._on_nonsense(handle)
        if not download.complete and self._by_handle.get(handle) is download:
            del self._by_handle[handle]
        if self._by_handle.get(handle) is not download:
            download.close()
            return
        download.progress.unpark_all()
        try:
            await self._on_complete(handle, download.copy.received)
        except errors.CameraError as error:
            log.info("size of object %#x: %s", handle, error)


def _again(failure: errors.CameraError) -> errors.CameraError:
    """Return a failure for another who hears of it."""
    if isinstance(failure, errors.Refused):
        return type(failure)(str(failure), failure.code)
    return type(failure)(*failure.args)

"""Reading the objects of a PTP camera: in parts (`parts`) where that works, else from what GetObject brings (`downloads`); thumbnails.

========================================================== ==============================================================
a read of                                                  is answered
========================================================== ==============================================================
what a download has, or will soon                          by the download
an object that is read from end to end, and is larger than by a download from its first byte, as the bytes behind 4 GiB can be had
what can be read of it in parts (4 GiB, on most cameras)   in no other way, and so none comes twice
anything else that can be read in parts                    in parts; a download that serves nobody much is stopped for it
what lies behind 4 GiB, where it cannot be read in parts   by a download; it receives the first 4 GiB, and does not keep them
any other object                                           by a download
an object of unknown size                                  by a download; it ends where the camera says that it ends
========================================================== ==============================================================
"""

from collections.abc import Awaitable, Callable

from camfs import errors
from camfs.cameras.api import Entry
from camfs.cameras.ptp.downloads import COPYING, Downloads
from camfs.cameras.ptp.operations import PtpOperations
from camfs.cameras.ptp.parts import PIECE, REACH, PartialReads, Payload
from camfs.protocols.ptp.codes import ObjectHandle, Operation

MAX_THUMBNAIL = 8 << 20


class _Run:
    """How far the reads of an object have gone on without a gap.

    Attributes:
        reached: where the next read would go on.
        length: bytes read so.
    """

    def __init__(self) -> None:
        self.reached = 0
        self.length = 0

    def note(self, offset: int, size: int) -> None:
        """Note a read. Those of the file system overtake each other a little."""
        end = offset + size
        if abs(offset - self.reached) <= 2 * PIECE:
            self.length += max(0, end - self.reached)
            self.reached = max(self.reached, end)
        else:
            self.length, self.reached = size, end


class ObjectReader:
    """Reads the objects of one camera.

    Args:
        operations: of the camera.
        parts: reads parts of objects.
        downloads: receives objects whole.
        on_larger: awaited with an entry and the true size of its object, where that is larger.
    """

    def __init__(
        self,
        operations: PtpOperations,
        parts: PartialReads,
        downloads: Downloads,
        on_larger: Callable[[Entry, int], Awaitable[None]],
    ) -> None:
        self._operations = operations
        self._parts = parts
        self._downloads = downloads
        self._on_larger = on_larger
        self._runs: dict[ObjectHandle, _Run] = {}

    def forget(self, handle: ObjectHandle) -> None:
        """Forget an object that has changed, or is gone."""
        self._runs.pop(handle, None)
        self._parts.forget(handle)
        self._downloads.drop(handle)

    def forget_all(self) -> None:
        """Forget all objects: handles may mean others now."""
        self._runs.clear()
        self._parts.forget_all()
        self._downloads.drop()

    def lose_session(self) -> None:
        """Note that the session was lost: what was being received is of no use, as handles may mean other objects now."""
        self._parts.lose_session()
        self._downloads.fail_all(errors.RemoteProtocolError("the session was lost"))

    def retry(self) -> None:
        """Read in parts again, as if that had never failed."""
        self._parts.retry()

    def release(self, handle: ObjectHandle) -> None:
        """Note that an object is not read any more."""
        self._runs.pop(handle, None)
        self._downloads.release(handle)

    async def read(self, handle: ObjectHandle, entry: Entry, offset: int, size: int) -> Payload:
        """Read up to `size` bytes from `offset`; fewer mean that the file ends there.

        Nothing is asked for beyond the size of the entry, as some cameras hang then, and nothing of an empty object (libgphoto2).

        Raises:
            RemoteProtocolError: the object is larger than the entry says.
        """
        if entry.size_is_bound:
            return await self._downloads.read(handle, offset, size)
        size = min(size, entry.size - offset)
        if size <= 0:
            return b""
        run = self._runs.setdefault(handle, _Run())
        run.note(offset, size)
        pieces: list[Payload] = []
        while size > 0:
            data = await self._read_in_parts(handle, entry, run, offset, size)
            if data is None:
                data = await self._read_of_whole(handle, entry, offset, size)
            if not data:
                break
            pieces.append(data)
            offset += len(data)
            size -= len(data)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _read_in_parts(
        self, handle: ObjectHandle, entry: Entry, run: _Run, offset: int, size: int
    ) -> Payload | None:
        """Read a part; None if a download has to answer."""
        if not self._parts.reaches(handle, offset + 1):
            return None
        if self._downloads.serves(handle, offset) or not self._downloads.yields(handle):
            return None
        is_copied = entry.size > REACH and run.length >= COPYING
        if is_copied and not await self._parts.reaches_behind(handle):
            return None
        return await self._parts.read(handle, offset, size)

    async def _read_of_whole(self, handle: ObjectHandle, entry: Entry, offset: int, size: int) -> bytes:
        """Read of a download."""
        start = REACH if offset >= REACH and self._parts.reaches(handle, REACH) else 0
        data = await self._downloads.read(handle, offset, size, start)
        announced = self._downloads.announced(handle)
        if announced is not None and announced > entry.size and offset + len(data) >= entry.size:
            await self._on_larger(entry, announced)
            raise errors.RemoteProtocolError(f"there are {announced} bytes where the camera said {entry.size}")
        return data

    async def thumbnail(self, handle: ObjectHandle) -> bytes:
        """Fetch an object's thumbnail.

        Raises:
            NoData: it has none, or the camera gives none at all.
        """
        if not self._operations.has(Operation.GetThumb):
            raise errors.NoData("this camera gives no thumbnails")
        return bytes((await self._operations.session.transact(Operation.GetThumb, handle, limit=MAX_THUMBNAIL)).data)

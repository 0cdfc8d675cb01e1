"""Reading the objects of a PTP camera: in parts where the camera can, else as a whole (`downloads`); and their thumbnails.

GetPartialObject reads within the first 4 GiB, GetPartialObject64 (an Android extension) anywhere. A camera that has only the first can
read no further (camfs/protocols/ptp/README.md, "Sizes at and above 4 GiB"). A camera that has neither sends whole objects only.
"""

from camfs import errors
from camfs.cameras.api import Entry
from camfs.cameras.ptp.downloads import Downloads
from camfs.cameras.ptp.objects import object_key
from camfs.cameras.ptp.operations import PtpOperations
from camfs.protocols.ptp.codes import ObjectHandle, Operation

PIECE = 1 << 20
"""Most bytes asked of GetPartialObject: libgphoto2 asks so many, so cameras are used to it."""

MAX_THUMBNAIL = 8 << 20


class ObjectReader:
    """Reads the objects of one camera.

    Args:
        operations: of the camera.
        downloads: objects that can only be read whole.
    """

    def __init__(self, operations: PtpOperations, downloads: Downloads) -> None:
        self._operations = operations
        self._downloads = downloads

    async def read(self, entry: Entry, offset: int, size: int) -> bytes | memoryview:
        """Read up to `size` bytes from `offset`; fewer mean that the file ends there.

        Nothing is asked for beyond the size of the entry, as some cameras hang then, and nothing of an empty object (libgphoto2).

        Raises:
            TooLarge: the bytes lie beyond 4 GiB on a camera without GetPartialObject64, or at the end of a file of unknown size.
        """
        handle = object_key(entry.key).handle
        size = min(size, entry.size - offset)
        if not entry.size_is_exact and offset + size >= entry.size:
            raise errors.TooLarge(
                f"{entry.name}: the camera does not tell how much more than {entry.size} bytes it has"
            )
        if size <= 0:
            return b""
        has = self._operations.has
        if not has(Operation.GetPartialObject) and not has(Operation.GetPartialObject64):
            return await self._downloads.read(handle, offset, size)
        pieces: list[bytes | memoryview] = []
        while size > 0:
            data = await self._read_piece(handle, offset, min(size, PIECE))
            if data is None:
                data = await self._downloads.read(handle, offset, size)
            if not data:
                break
            pieces.append(data)
            offset += len(data)
            size -= len(data)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _read_piece(self, handle: ObjectHandle, offset: int, size: int) -> bytes | memoryview | None:
        """Read a part of an object; None on a camera that turns out to read whole objects only."""
        if offset + size <= 1 << 32:
            reply = await self._operations.attempt(Operation.GetPartialObject, handle, offset, size, limit=size)
            if reply is not None:
                return reply.data
        low, high = offset & 0xFFFFFFFF, offset >> 32
        reply = await self._operations.attempt(Operation.GetPartialObject64, handle, low, high, size, limit=size)
        if reply is not None:
            return reply.data
        if self._operations.has(Operation.GetPartialObject):
            raise errors.TooLarge("the camera has no operation that reads beyond 4 GiB")
        return None

    async def thumbnail(self, handle: ObjectHandle) -> bytes:
        """Fetch an object's thumbnail.

        Raises:
            NoData: it has none, or the camera gives none at all.
        """
        if not self._operations.has(Operation.GetThumb):
            raise errors.NoData("this camera gives no thumbnails")
        return bytes((await self._operations.session.transact(Operation.GetThumb, handle, limit=MAX_THUMBNAIL)).data)

"""The thumbnail of a shot in `imagedb`: the one that its file carries, as no camera makes another of a shot that is not on its card."""

from collections.abc import Awaitable, Callable

from camfs import errors
from camfs.cameras.api import Entry
from camfs.protocols.embedded import HEAD_SIZE, embedded_thumbnail

PIECE = 1 << 20
"""Bytes that are read at once where the thumbnail is not in the beginning."""

MOST = 64 << 20
"""Bytes of a file that are searched."""


async def carried_thumbnail(entry: Entry, read: Callable[[Entry, int, int], Awaitable[bytes | memoryview]]) -> bytes:
    """Return the thumbnail in a picture's file: in its beginning, else anywhere.

    Raises:
        NoData: it carries none.
        CameraError: it cannot be read.
    """
    data = b""
    for size in sorted({min(HEAD_SIZE, entry.size), min(MOST, entry.size)}):
        while len(data) < size:
            data += await read(entry, len(data), min(PIECE, size - len(data)))
        thumbnail = embedded_thumbnail(data)
        if thumbnail is not None:
            return thumbnail
    raise errors.NoData("the file carries no thumbnail")

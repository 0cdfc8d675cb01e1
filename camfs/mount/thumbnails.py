"""`.thumbnails/`: the camera's folders once more, holding the thumbnail of each picture in place of the picture.

The size of a thumbnail is known only when it has been fetched, so stat(2) fetches it. It must not fail, nor take long, where there is
none: programs look at every name of a folder. So a camera is believed after one try:

=======================================  ==========================  ===========================================================
what the camera does                     stat shows                  reading fails with
=======================================  ==========================  ===========================================================
says that there is none, in any words    an empty file               ENODATA; it is not asked again for this picture
sends what is no picture                 an empty file               ENODATA; likewise
is busy, or does not answer              an empty file               EBUSY, ETIMEDOUT …; it is asked for no thumbnail for
                                                                     `FIRST_REST` seconds, and twice as long each further time
is gone                                  ENODEV                      ENODEV
=======================================  ==========================  ===========================================================
"""

import copy
import errno
import io
import logging
import math
import stat
from collections import OrderedDict
from collections.abc import Iterable
from weakref import WeakKeyDictionary

import trio

from camfs import errors
from camfs.mount.errnos import BadRequest
from camfs.mount.file import File
from camfs.mount.handles import ContentsHandle, Handle
from camfs.mount.inodes import Inode
from camfs.mount.mirror import MirrorFolder
from camfs.mount.nodes import FILE_PERMISSIONS, Attributes, Node

log = logging.getLogger(__name__)

KEPT = 16 << 20
"""Bytes of thumbnails kept; the least recently used are dropped first."""

FIRST_REST, LONGEST_REST = 10.0, 60.0
"""Seconds for which no thumbnail is asked for after the camera has not answered one."""

FORMATS = ("TIFF", "PNG", "BMP", "GIF", "PPM")
"""Formats in which a camera may send thumbnails. Pillow knows others, of which one runs a program (EPS): no camera may choose that."""

MAX_PIXELS = 16 << 20
"""Pixels of a thumbnail at most: a few bytes can claim more than any memory holds."""


def as_jpeg(data: bytes) -> bytes:
    """Return a thumbnail as JPEG: unchanged if it is one, else converted (PTP cameras also send TIFF and others).

    Raises:
        RemoteProtocolError: it is not a picture.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return data
    from PIL import Image  # takes long to read, and few cameras need it

    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ValueError(f"{picture.width}x{picture.height} pixels")
            jpeg = io.BytesIO()
            picture.convert("RGB").save(jpeg, "JPEG", quality=90)
            return jpeg.getvalue()
    except Exception as error:  # Pillow's readers raise all kinds of exceptions on damaged data
        raise errors.RemoteProtocolError(
            f"the camera sent a thumbnail that is not a picture ({len(data)} bytes)"
        ) from error


class Thumbnails:
    """Fetches thumbnails, and keeps the last ones used and what there is none of; what `.thumbnails/` mirrors the tree with."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Inode, tuple[object, bytes]] = OrderedDict()
        self._bytes = 0
        self._lacking: WeakKeyDictionary[File, tuple[object, errors.NoData]] = WeakKeyDictionary()
        self._rest = FIRST_REST
        self._rests_until = -math.inf
        self._failure: errors.CameraError | None = None

    def name_for(self, original: File) -> bytes | None:
        """Return the name of a picture's thumbnail: the picture's, with `.jpg` added unless it ends so; None for what is no picture."""
        if not original.entry.is_picture:
            return None
        return original.name if original.name.lower().endswith(b".jpg") else original.name + b".jpg"

    def originals_of(self, name: bytes) -> Iterable[bytes]:
        return (name.removesuffix(b".jpg"),)

    def counterpart(self, folder: MirrorFolder, name: bytes, original: File) -> Node:
        return Thumbnail(folder, name, original, self)

    async def fetch(self, picture: File) -> bytes:
        """Return a picture's thumbnail as JPEG.

        Raises:
            NoData: it has none.
            CameraError: the camera does not answer, or has not answered lately.
        """
        entry = await picture.current_entry()
        state = entry, picture.tree.epoch
        kept = self._kept.get(picture.inode)
        if kept is not None and kept[0] == entry:
            self._kept.move_to_end(picture.inode)
            return kept[1]
        lacking = self._lacking.get(picture)
        if lacking is not None and lacking[0] == state:
            raise copy.copy(lacking[1])
        try:
            jpeg = await self._ask(picture)
        except errors.NoData as error:
            self._lacking[picture] = (
                state,
                copy.copy(error).with_traceback(None),
            )  # which would keep what asked in memory
            raise
        self._drop(picture.inode)
        self._kept[picture.inode] = (picture.entry, jpeg)
        self._bytes += len(jpeg)
        while self._bytes > KEPT:
            self._drop(next(iter(self._kept)))
        return jpeg

    async def _ask(self, picture: File) -> bytes:
        """Ask the camera for a thumbnail, unless it has not answered for another a moment ago."""
        if self._failure is not None and trio.current_time() < self._rests_until:
            raise copy.copy(self._failure).with_traceback(None)
        try:
            data = await picture.ask(picture.tree.camera.thumbnail)
        except errors.DeviceGone:
            raise
        except errors.CameraError as error:
            if picture.removed:
                raise
            if isinstance(error, errors.Refused) and not isinstance(error, errors.Busy):
                self._rest = FIRST_REST
                raise errors.NoData(f"{picture.path()}: no thumbnail: {error}") from None
            self._failure, self._rests_until = error, trio.current_time() + self._rest
            self._rest = min(2 * self._rest, LONGEST_REST)
            raise
        self._rest = FIRST_REST
        try:
            return await trio.to_thread.run_sync(as_jpeg, data)
        except errors.RemoteProtocolError as error:
            raise errors.NoData(f"{picture.path()}: {error}") from None

    def _drop(self, inode: Inode) -> None:
        _, jpeg = self._kept.pop(inode, (None, b""))
        self._bytes -= len(jpeg)


class Thumbnail(Node):
    """The thumbnail of a picture, as a file."""

    is_read_only = True

    def __init__(self, folder: MirrorFolder, name: bytes, picture: File, thumbnails: Thumbnails) -> None:
        super().__init__(folder.tree, folder, name)
        self._picture = picture
        self._thumbnails = thumbnails

    async def attributes(self, exact: bool = True) -> Attributes:
        """Return what stat shows. The exact size needs the thumbnail; where it cannot be had, it shows an empty file."""
        size = 0
        if exact:
            try:
                size = len(await self.contents())
            except (errors.NotFound, errors.DeviceGone):
                raise
            except errors.CameraError as error:
                log.info("%s: %s", self.path(), error)
        return Attributes(stat.S_IFREG, FILE_PERMISSIONS, size, self._picture.entry.mtime_ns, lasting=False)

    @property
    def needs_camera(self) -> bool:
        return True

    async def learn_date(self) -> None:
        await self._picture.learn_date()

    async def open(self, writing: bool) -> Handle:
        if writing:
            raise BadRequest(errno.EROFS)
        return ContentsHandle(self.contents)

    async def contents(self) -> bytes:
        """Fetch the thumbnail."""
        return await self._thumbnails.fetch(self._picture)

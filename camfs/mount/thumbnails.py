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

import trio

from camfs import errors
from camfs.mount.errnos import BadRequest
from camfs.mount.file import File
from camfs.mount.folder import Folder
from camfs.mount.handles import ContentsHandle, Handle
from camfs.mount.inodes import Inode
from camfs.mount.nodes import (
    FILE_PERMISSIONS,
    FOLDER_PERMISSIONS,
    Attributes,
    Directory,
    DirectoryListing,
    Node,
)
from camfs.mount.tree import Tree

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
    """Fetches thumbnails, and keeps the last ones used and what there is none of."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Inode, tuple[object, bytes]] = OrderedDict()
        self._bytes = 0
        self._lacking: dict[Inode, tuple[object, errors.NoData]] = {}
        self._rest = FIRST_REST
        self._rests_until = -math.inf
        self._failure: errors.CameraError | None = None

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
        lacking = self._lacking.get(picture.inode)
        if lacking is not None and lacking[0] == state:
            raise copy.copy(lacking[1]).with_traceback(None)
        try:
            jpeg = await self._ask(picture)
        except errors.NoData as error:
            self._lacking[picture.inode] = state, error
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

    def __init__(self, tree: Tree, parent: Node, name: bytes, picture: File, thumbnails: Thumbnails) -> None:
        super().__init__(tree, parent, name)
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

    async def open(self, writing: bool) -> Handle:
        if writing:
            raise BadRequest(errno.EROFS)
        return ContentsHandle(self.contents)

    async def contents(self) -> bytes:
        """Fetch the thumbnail."""
        return await self._thumbnails.fetch(self._picture)


class ThumbnailFolder(Directory):
    """A folder of the camera once more, with thumbnails in place of pictures, and without other files."""

    is_read_only = True

    def __init__(self, tree: Tree, parent: Node, name: bytes, folder: Folder, thumbnails: Thumbnails) -> None:
        super().__init__(tree, parent, name)
        self._folder = folder
        self._thumbnails = thumbnails
        self._nodes: dict[Inode, Node] = {}
        self._named: dict[bytes, Node] = {}

    async def attributes(self, exact: bool = True) -> Attributes:
        return Attributes(stat.S_IFDIR, FOLDER_PERMISSIONS, 0, (await self._folder.attributes()).mtime_ns)

    async def find(self, name: bytes) -> Node | None:
        for candidate in (name, name.removesuffix(b".jpg")):
            if candidate not in self._folder.control_files:
                original = await self._folder.find(candidate)
                node = None if original is None else self.node_of(original)
                if node is not None and node.name == name:
                    return node
        original = self._named.get(name)
        return None if original is None or original.removed else self.node_of(original)

    async def listing(self) -> DirectoryListing:
        return _ThumbnailListing(self, await self._folder.listing())

    def node_of(self, original: Node) -> Node | None:
        """Return the node here that stands for one of the folder."""
        plain = thumbnail_name(original)
        if plain is None:
            return None
        node = self._nodes.get(original.inode)
        if node is None:
            name = self._free_name(plain)
            self._named[name] = original
            if isinstance(original, Folder):
                node = ThumbnailFolder(self.tree, self, name, original, self._thumbnails)
            else:
                assert isinstance(original, File)
                node = Thumbnail(self.tree, self, name, original, self._thumbnails)
            self._nodes[original.inode] = node
        return node

    def _free_name(self, plain: bytes) -> bytes:
        """Return a name that no other thumbnail has: A.DNG and A.DNG.jpg would share one, which the first one seen keeps."""
        name, number = plain, 1
        while name in self._named and not self._named[name].removed:
            number += 1
            name = b"%s~%d.jpg" % (plain.removesuffix(b".jpg"), number)
        return name


def thumbnail_name(original: Node) -> bytes | None:
    """Return the name of a node's thumbnail: the picture's, with `.jpg` added unless it ends so; None if it has none."""
    if isinstance(original, Folder):
        return original.name
    if isinstance(original, File) and original.entry.is_picture:
        return original.name if original.name.lower().endswith(b".jpg") else original.name + b".jpg"
    return None


class _ThumbnailListing(DirectoryListing):
    def __init__(self, folder: ThumbnailFolder, listing: DirectoryListing) -> None:
        self._folder = folder
        self._listing = listing

    async def at(self, index: int) -> Node | None:
        original = await self._listing.at(index)
        return None if original is None else self._folder.node_of(original)

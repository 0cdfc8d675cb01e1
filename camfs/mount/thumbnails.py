"""`.thumbnails/`: the camera's folders once more, holding the thumbnail of each picture in place of the picture."""

import contextlib
import errno
import io
import stat
from collections import OrderedDict

import trio
from PIL import Image

from camfs import errors
from camfs.mount.errnos import BadRequest
from camfs.mount.file import File
from camfs.mount.folder import Folder
from camfs.mount.handles import ContentsHandle, Handle
from camfs.mount.inodes import Inode
from camfs.mount.nodes import Attributes, Directory, DirectoryListing, Node
from camfs.mount.tree import Tree

KEPT = 16 << 20
"""Bytes of thumbnails kept; the least recently used are dropped first."""

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
    """Fetches thumbnails and keeps the last ones used."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Inode, tuple[object, bytes]] = OrderedDict()
        self._bytes = 0

    async def fetch(self, picture: File) -> bytes:
        """Return a picture's thumbnail as JPEG.

        Raises:
            NoData: it has none.
        """
        entry = await picture.current_entry()
        kept = self._kept.get(picture.inode)
        if kept is not None and kept[0] == entry:
            self._kept.move_to_end(picture.inode)
            return kept[1]
        data = await picture.ask(picture.tree.camera.thumbnail)
        if not data:
            raise errors.NoData("no thumbnail")
        jpeg = await trio.to_thread.run_sync(as_jpeg, data)
        self._drop(picture.inode)
        self._kept[picture.inode] = (picture.entry, jpeg)
        self._bytes += len(jpeg)
        while self._bytes > KEPT:
            self._drop(next(iter(self._kept)))
        return jpeg

    def _drop(self, inode: Inode) -> None:
        _, jpeg = self._kept.pop(inode, (None, b""))
        self._bytes -= len(jpeg)


class Thumbnail(Node):
    """The thumbnail of a picture, as a file."""

    def __init__(self, tree: Tree, parent: Node, name: bytes, picture: File, thumbnails: Thumbnails) -> None:
        super().__init__(tree, parent, name)
        self._picture = picture
        self._thumbnails = thumbnails

    async def attributes(self, exact: bool = True) -> Attributes:
        """Return what stat shows. The exact size needs the thumbnail; where there is none, it shows an empty file."""
        size = 0
        if exact:
            with contextlib.suppress(errors.NoData):
                size = len(await self.contents())
        return Attributes(stat.S_IFREG, 0o444, size, self._picture.entry.mtime_ns, lasting=False)

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

    def __init__(self, tree: Tree, parent: Node, name: bytes, folder: Folder, thumbnails: Thumbnails) -> None:
        super().__init__(tree, parent, name)
        self._folder = folder
        self._thumbnails = thumbnails
        self._nodes: dict[Inode, Node] = {}
        self._named: dict[bytes, Node] = {}

    async def attributes(self, exact: bool = True) -> Attributes:
        return Attributes(stat.S_IFDIR, 0o555, 0, (await self._folder.attributes()).mtime_ns)

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

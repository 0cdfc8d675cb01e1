"""Folders of the camera once more, with other files in place of its own: thumbnails, developed pictures.

A `Mirror` says what a file's counterpart is called and what it is; `MirrorFolder` has the rest. Where two files would have counterparts of
the same name, the one that was seen first keeps it.
"""

import stat
from collections.abc import Iterable
from typing import Protocol

from camfs.mount.file import File
from camfs.mount.folder import Folder
from camfs.mount.inodes import Inode
from camfs.mount.nodes import FOLDER_PERMISSIONS, Attributes, Directory, DirectoryListing, Node
from camfs.mount.tree import Tree


class Mirror(Protocol):
    """What stands in the place of the camera's files."""

    def name_for(self, original: File) -> bytes | None:
        """Return the name of a file's counterpart, which ends in `.jpg`; None if it has none."""

    def originals_of(self, name: bytes) -> Iterable[bytes]:
        """Return the names of files that may have a counterpart of this name."""

    def counterpart(self, folder: "MirrorFolder", name: bytes, original: File) -> Node:
        """Make the node of a counterpart."""


FEW = 32
"""Nodes of a folder among which some may stand for what is gone."""


class MirrorFolder(Directory):
    """A folder of the camera once more.

    Args:
        tree: of the mount.
        parent: the folder above, or the root.
        name: in it.
        folder: of the camera.
        mirror: what stands in the place of its files.
    """

    is_read_only = True

    def __init__(self, tree: Tree, parent: Node, name: bytes, folder: Folder, mirror: Mirror) -> None:
        super().__init__(tree, parent, name)
        self._folder = folder
        self._mirror = mirror
        self._nodes: dict[Inode, Node] = {}
        self._named: dict[bytes, Node] = {}
        self._most = FEW

    async def attributes(self, exact: bool = True) -> Attributes:
        return Attributes(stat.S_IFDIR, FOLDER_PERMISSIONS, 0, (await self._folder.attributes()).mtime_ns)

    async def find(self, name: bytes) -> Node | None:
        for candidate in (name, *self._mirror.originals_of(name)):
            if candidate not in self._folder.control_files:
                original = await self._folder.find(candidate)
                node = None if original is None else self.node_of(original)
                if node is not None and node.name == name:
                    return node
        original = self._named.get(name)
        return None if original is None or original.removed else self.node_of(original)

    async def listing(self) -> DirectoryListing:
        return _MirrorListing(self, await self._folder.listing())

    def node_of(self, original: Node) -> Node | None:
        """Return the node here that stands for one of the folder; None if none does."""
        plain = original.name if isinstance(original, Folder) else None
        if isinstance(original, File):
            plain = self._mirror.name_for(original)
        if plain is None:
            return None
        node = self._nodes.get(original.inode)
        if node is None:
            self._drop_removed()
            name = self._free_name(plain)
            self._named[name] = original
            if isinstance(original, Folder):
                node = MirrorFolder(self.tree, self, name, original, self._mirror)
            else:
                assert isinstance(original, File)
                node = self._mirror.counterpart(self, name, original)
            self._nodes[original.inode] = node
        return node

    def _drop_removed(self) -> None:
        """Drop what stands for nodes that are gone, whenever there are twice as many as were left the last time."""
        if len(self._nodes) >= self._most:
            self._named = {name: original for name, original in self._named.items() if not original.removed}
            left = {original.inode for original in self._named.values()}
            for inode in self._nodes.keys() - left:
                _leave_tree(self._nodes.pop(inode))
            self._most = max(FEW, 2 * len(self._nodes))

    def _free_name(self, plain: bytes) -> bytes:
        """Return a name that no other node here has: the thumbnails of A.DNG and A.DNG.jpg would share one."""
        name, number = plain, 1
        while name in self._named and not self._named[name].removed:
            number += 1
            name = b"%s~%d.jpg" % (plain.removesuffix(b".jpg"), number)
        return name


def _leave_tree(node: Node) -> None:
    """Have a node go, and all below it, as soon as the kernel does not hold it."""
    if isinstance(node, MirrorFolder):
        for below in node._nodes.values():
            _leave_tree(below)
    node.removed = True
    node.tree.inodes.drop_if_unused(node)


class _MirrorListing(DirectoryListing):
    def __init__(self, folder: MirrorFolder, listing: DirectoryListing) -> None:
        self._folder = folder
        self._listing = listing

    async def at(self, index: int) -> Node | None:
        original = await self._listing.at(index)
        return None if original is None else self._folder.node_of(original)

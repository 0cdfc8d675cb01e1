"""An emulated camera's stores: each a tree of folders and files, each of these with an object handle.

A folder may have a `Scan`, which fills it when it is first looked into, once: from a directory on disk, or with generated pictures
(`scans`). What the camera deletes disappears from the tree only; nothing on disk ever changes.

A handle is the checksum of the store and the path. So handles are the same in every run, have no order, and differ for an object
that comes back under an old name (ISO 15740, 5.2.2: unique within a session).
"""

import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from camfs.protocols.ptp.codes import ROOT, SIZE_UNKNOWN, EventCode, ObjectHandle, StorageID
from camfs.protocols.ptp.datasets import AccessCapability, StorageType
from camfs.virtual.pictures.contents import Bytes, Content

CAPACITY = 64_000_000_000
"""Bytes of a store that shows no folder on disk: 64 GB."""

Listener = Callable[[EventCode, int], None]

Scan = Callable[["Folder"], Iterable["Node"]]
"""Returns what lies in a folder."""


class Node:
    """A file or a folder in a store; `handle` is 0 for the root folder.

    Attributes:
        name: any text; hosts have to cope with '/', NUL, '.', '..', '' and the same name twice.
        modified: local time, whole seconds; None if the camera gives no date.
        protected: whether DeleteObject is refused.
    """

    __slots__ = ("_key", "handle", "modified", "name", "parent", "protected", "store")

    def __init__(self, store: "Store", parent: "Folder | None", name: str, modified: datetime | None) -> None:
        self.store = store
        self.parent = parent
        self.name = name
        self.modified = modified
        self.protected = False
        above = zlib.crc32(store.id.to_bytes(4, "little")) if parent is None else parent._key
        self._key: int = zlib.crc32(b"/" + name.encode("utf-8", "surrogatepass"), above)
        self.handle: ObjectHandle = ObjectHandle(0) if parent is None else store.objects.add(self, self._key)


class File(Node):
    """An object with bytes.

    Attributes:
        content: its bytes.
        object_format: its ObjectFormat code; None for the one that its name suggests.
        claimed_size: the size that ObjectInfo and the object properties claim; None for the true one.
        thumbnail: what GetThumb answers instead of the picture's own thumbnail; b"" for none.
    """

    __slots__ = ("claimed_size", "content", "object_format", "thumbnail")

    def __init__(self, parent: "Folder", name: str, content: Content, modified: datetime | None = None) -> None:
        super().__init__(parent.store, parent, name, modified)
        self.content = content
        self.object_format: int | None = None
        self.claimed_size: int | None = None
        self.thumbnail: bytes | None = None

    @property
    def size(self) -> int:
        """The size in bytes that the camera claims."""
        return self.content.size if self.claimed_size is None else self.claimed_size


class Folder(Node):
    """An association: a folder.

    Args:
        scan: fills the folder when it is first looked into.
    """

    __slots__ = ("_children", "_scan")

    def __init__(
        self,
        store: "Store",
        parent: "Folder | None",
        name: str,
        modified: datetime | None = None,
        scan: Scan | None = None,
    ) -> None:
        super().__init__(store, parent, name, modified)
        self._children: list[Node] = []
        self._scan = scan

    @property
    def children(self) -> list[Node]:
        """What lies in the folder, in no particular order."""
        if self._scan is not None:
            scan, self._scan = self._scan, None
            self._children.extend(scan(self))
        return self._children

    def find(self, name: str) -> Node | None:
        """Return the first child of that name."""
        return next((child for child in self.children if child.name == name), None)

    def descendants(self, depth: int | None = None) -> Iterator[Node]:
        """Walk everything below the folder, parents first.

        Args:
            depth: how many levels; None for all.
        """
        level: list[Node] = self.children
        while level and depth != 0:
            yield from level
            level = [child for node in level if isinstance(node, Folder) for child in node.children]
            depth = None if depth is None else depth - 1


class Objects:
    """All objects of a camera, by handle."""

    def __init__(self) -> None:
        self._nodes: dict[int, Node] = {}
        self._used: set[int] = {0, ROOT}

    def add(self, node: Node, wanted: int) -> ObjectHandle:
        """Give a node a handle that no object of this camera ever had: the wanted one if possible."""
        handle = wanted
        while handle in self._used:
            handle = (handle + 0x9E3779B9) % (1 << 32)
        self._used.add(handle)
        self._nodes[handle] = node
        return ObjectHandle(handle)

    def get(self, handle: int) -> Node | None:
        """Return the object with a handle; None if there is none."""
        return self._nodes.get(handle)

    def remove(self, node: Node) -> None:
        """Drop a node; its handle is not used again."""
        del self._nodes[node.handle]


class Store:
    """A card or an internal memory.

    Args:
        id: storage id.
        objects: the camera's objects.
        storage_type: its StorageType.
        description: as in StorageInfo.
        free_images: as in StorageInfo.
        scan: fills the root folder when it is first looked into.

    Attributes:
        present: whether the card is in its slot.
        access: what the host may do to it; `add_file` and `remove` do not look at it.
        on_change: is called with ObjectAdded or ObjectRemoved and the handle when the tree changes.
        capacity: bytes, unless it shows a folder on disk.
        disk: the folder on disk that it shows; None for none.
    """

    def __init__(
        self,
        id: StorageID,
        objects: Objects,
        *,
        storage_type: StorageType = StorageType.RemovableRAM,
        description: str = "",
        free_images: int = SIZE_UNKNOWN,
        scan: Scan | None = None,
    ) -> None:
        self.id = id
        self.objects = objects
        self.storage_type = storage_type
        self.description = description
        self.free_images = free_images
        self.access = AccessCapability.ReadWrite
        self.present = True
        self.on_change: Listener = lambda event, handle: None
        self.root = Folder(self, None, "", None, scan)
        self.capacity = CAPACITY
        self.disk: Path | None = None

    def space(self) -> tuple[int, int]:
        """Return the capacity and the free bytes: the disk's, or those of a card that holds what is in the tree."""
        if self.disk is not None:
            try:
                usage = shutil.disk_usage(self.disk)
            except OSError:
                return self.capacity, 0
            return usage.total, usage.free
        used = sum(node.content.size for node in self.root.descendants() if isinstance(node, File))
        return self.capacity, max(0, self.capacity - used)

    def find(self, path: str) -> Node:
        """Return the object at a path like `DCIM/100SIGMA/SDIM0001.JPG`; "" is the root.

        Raises:
            KeyError: there is none.
        """
        node: Node = self.root
        for name in path.split("/") if path else ():
            child = node.find(name) if isinstance(node, Folder) else None
            if child is None:
                raise KeyError(path)
            node = child
        return node

    def folder(self, path: str) -> Folder:
        """Return the folder at a path; it and those above it are added where they are missing."""
        folder = self.root
        for name in path.split("/") if path else ():
            child = folder.find(name)
            folder = child if isinstance(child, Folder) else self.add_folder(folder, name)
        return folder

    def add_folder(self, parent: Folder, name: str, modified: datetime | None = None) -> Folder:
        """Add an empty folder."""
        children = parent.children
        folder = Folder(self, parent, name, modified)
        children.append(folder)
        self.on_change(EventCode.ObjectAdded, folder.handle)
        return folder

    def add_file(
        self, parent: Folder | str, name: str, content: Content | bytes, modified: datetime | None = None
    ) -> File:
        """Add a file.

        Args:
            parent: the folder, or its path; added where it is missing.
            name: any text.
            content: its bytes.
            modified: local time; None for no date.
        """
        folder = self.folder(parent) if isinstance(parent, str) else parent
        children = folder.children  # scanned before the file gets its handle
        file = File(folder, name, Bytes(content) if isinstance(content, bytes) else content, modified)
        children.append(file)
        self.on_change(EventCode.ObjectAdded, file.handle)
        return file

    def remove(self, node: Node | str, *, tell: bool = True) -> None:
        """Take away an object, with everything below it.

        Args:
            node: the object, or its path.
            tell: whether to call `on_change`.
        """
        if isinstance(node, str):
            node = self.find(node)
        assert node.parent is not None
        below = [node, *(node.descendants() if isinstance(node, Folder) else ())]
        node.parent.children.remove(node)
        for gone in reversed(below):
            self.objects.remove(gone)
            if tell:
                self.on_change(EventCode.ObjectRemoved, gone.handle)

    def clear(self) -> None:
        """Take away everything, without a word to `on_change`: the store was formatted."""
        for node in list(self.root.descendants()):
            self.objects.remove(node)
        self.root.children.clear()

    def next_number(self) -> int:
        """Return a number for a new picture: one more than the largest in the DCF folders."""
        dcim = self.root.find("DCIM")
        folders = [child for child in dcim.children if isinstance(child, Folder)] if isinstance(dcim, Folder) else []
        numbers = [
            int(node.name[4:8])
            for folder in folders
            for node in folder.children
            if len(node.name) >= 8 and node.name[4:8].isascii() and node.name[4:8].isdigit()
        ]
        return max(numbers, default=0) + 1

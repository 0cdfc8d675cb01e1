"""What an emulated camera's stores hold: a tree of folders and files, each with an object handle.

A folder made of a directory on disk is scanned when it is first looked into, once, and the directory is never changed: what the
camera deletes is only no longer there for the camera. Handles are the checksum of store and path. So they are the same in every
run, lie in no order, and an object that comes back under an old name gets a new one (ISO 15740, 5.2.2: unique within a session).
"""

import os
import shutil
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

from camfs.protocols.ptp.codes import ROOT, SIZE_UNKNOWN, EventCode, ObjectHandle, StorageID
from camfs.protocols.ptp.datasets import AccessCapability, StorageType
from camfs.protocols.ptp.values import MAX_STRING_UNITS
from camfs.virtual.pictures import generated as pictures
from camfs.virtual.pictures.contents import Bytes, Content, Disk, DiskFile, Numbered, local_time

CAPACITY = 64_000_000_000
"""Bytes of a store that is not on disk: a card of 64 GB."""

Listener = Callable[[EventCode, int], None]


class Node:
    """A file or a folder in a store; `handle` is 0 for the root folder.

    Attributes:
        name: as the camera gives it; hosts have to cope with '/', NUL, '.', '..', '' and the same name twice.
        modified: local time, whole seconds; None for a camera that does not know.
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
        object_format: its ObjectFormat code where that does not follow from the name; None if it does.
        claimed_size: the size that ObjectInfo and object properties tell, where that is not the true one.
        thumbnail: what GetThumb answers in place of the picture's own thumbnail; b"" for none.
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
        """The size in bytes that the camera tells."""
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
        scan: "Callable[[Folder], Iterable[Node]] | None" = None,
    ) -> None:
        super().__init__(store, parent, name, modified)
        self._children: list[Node] = []
        self._scan = scan

    @property
    def children(self) -> list[Node]:
        """What lies in the folder, in no order to rely on."""
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
        """Give a node a handle near the wanted one that no object of this camera ever had."""
        handle = wanted
        while handle in self._used:
            handle = (handle + 0x9E3779B9) % (1 << 32)
        self._used.add(handle)
        self._nodes[handle] = node
        return ObjectHandle(handle)

    def get(self, handle: int) -> Node | None:
        """Return the object with a handle."""
        return self._nodes.get(handle)

    def remove(self, node: Node) -> None:
        """Forget a node; its handle is not used again."""
        del self._nodes[node.handle]


class Store:
    """A card or an internal memory.

    Args:
        id: storage id.
        objects: the camera's objects.
        storage_type: what it is made of.
        description: as StorageInfo gives it.
        free_images: as StorageInfo gives it.
        scan: fills the root folder when it is first looked into.

    Attributes:
        present: whether the card is in its slot.
        access: what may be done to it; deleting and formatting ask it, `add_file` and `remove` do not.
        on_change: is told of objects that `add_file`, `add_folder` and `remove` add and take away.
        capacity: bytes, where it shows no folder on disk.
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
        scan: Callable[[Folder], Iterable[Node]] | None = None,
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
        """Return capacity and free bytes: those of the disk, or of a card that holds what is in the tree."""
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
        """Return the folder at a path, made with those above it where they are missing."""
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
            parent: the folder, or its path, which is made where it is missing.
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
        """Take away an object, and all below a folder.

        Args:
            node: the object, or its path.
            tell: whether `on_change` hears of it.
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
        """Take away everything, silently: the store was formatted."""
        for node in list(self.root.descendants()):
            self.objects.remove(node)
        self.root.children.clear()

    def next_number(self) -> int:
        """Return a number for a new picture that no file in the last DCF folder has."""
        dcim = self.root.find("DCIM")
        folders = [child for child in dcim.children if isinstance(child, Folder)] if isinstance(dcim, Folder) else []
        numbers = [
            int(node.name[4:8])
            for folder in folders
            for node in folder.children
            if len(node.name) >= 8 and node.name[4:8].isascii() and node.name[4:8].isdigit()
        ]
        return max(numbers, default=0) + 1


def scan_disk(path: Path, disk: Disk) -> Callable[[Folder], Iterable[Node]]:
    """Return what fills a folder from a directory: regular files and directories, no links; what cannot be read is not there."""

    def scan(folder: Folder) -> Iterator[Node]:
        try:
            entries = list(os.scandir(path))
        except OSError:
            return
        for entry in entries:
            name = _camera_name(entry.name)
            try:
                status = entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    inner = scan_disk(path / entry.name, disk)
                    yield Folder(folder.store, folder, name, local_time(status.st_mtime), inner)
                elif entry.is_file(follow_symlinks=False):
                    file = DiskFile(disk, path / entry.name, status.st_size)
                    yield File(folder, name, file, local_time(status.st_mtime))
            except OSError:
                continue

    return scan


def _camera_name(name: str) -> str:
    """Cut a name to what a PTP string holds, its final NUL included; Linux allows one unit more."""
    units = name.encode("utf-16-le", "surrogatepass")[: 2 * (MAX_STRING_UNITS - 1)]
    return units.decode("utf-16-le", "surrogatepass")


def scan_made(shots: int, folder_name: str, prefix: str, raw: bool) -> Callable[[Folder], Iterable[Node]]:
    """Return what fills a root folder with made pictures, in one DCF folder.

    Args:
        shots: how many.
        folder_name: of the DCF folder (DCF 2.0: 100 to 999, then five characters).
        prefix: four characters that each picture's name begins with.
        raw: whether there is a DNG beside each JPEG.
    """

    def scan_folder(folder: Folder) -> Iterator[Node]:
        for shot in pictures.made_shots(shots):
            name = f"{prefix}{shot.number:04}"
            yield File(folder, f"{name}.JPG", Bytes(partial(pictures.jpeg, shot)), shot.taken)
            if raw:
                yield File(folder, f"{name}.DNG", Bytes(partial(pictures.dng, shot)), shot.taken)

    return _scan_dcim(folder_name, scan_folder)


def scan_numbered(count: int, folder_name: str, prefix: str) -> Callable[[Folder], Iterable[Node]]:
    """Return what fills a root folder with `count` small pictures, in one DCF folder."""

    def scan_folder(folder: Folder) -> Iterator[Node]:
        for number in range(1, count + 1):
            yield File(folder, f"{prefix}{number:04}.JPG", Numbered(number), _MADE)

    return _scan_dcim(folder_name, scan_folder)


_MADE = datetime(2024, 5, 4, 9, 30)


def _scan_dcim(name: str, scan: Callable[[Folder], Iterable[Node]]) -> Callable[[Folder], Iterable[Node]]:
    def scan_root(root: Folder) -> Iterator[Node]:
        yield Folder(root.store, root, "DCIM", _MADE, lambda dcim: [Folder(dcim.store, dcim, name, _MADE, scan)])

    return scan_root

"""What every name in the tree is and answers: `Node` and `Directory`, for the camera's files and for control files alike.

Nodes of the camera are in `file.py` and `folder.py`; those of camfs in `controls.py`, `events.py` and `thumbnails.py`. A node is made once
for each thing and found again by its inode number (`inodes.py`).
"""

import errno
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from camfs.mount.errnos import BadRequest

if TYPE_CHECKING:
    from camfs.mount.handles import Handle
    from camfs.mount.tree import Tree


FILE_PERMISSIONS, FOLDER_PERMISSIONS = 0o666, 0o777
"""Permissions of pictures and of what holds them, before the mount's umask, although nothing can be written there.

`cp -r` and `rsync -a` give them to the copies, whose owner may want to write. A read-only vfat shows the same, and like it camfs answers
EROFS to who tries.
"""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What stat(2) shows of a node.

    Attributes:
        kind: `stat.S_IFDIR` or `stat.S_IFREG`.
        permissions: before the mount's umask.
        size: bytes.
        mtime_ns: nanoseconds since 1970.
        lasting: whether the kernel may keep them; else it asks each time.
    """

    kind: int
    permissions: int
    size: int = 0
    mtime_ns: int = 0
    lasting: bool = True


class Node:
    """A name in the tree.

    Attributes:
        inode: its number.
        parent: the folder it is in; the root is its own.
        name: as it stands in the folder.
        lookups: how many of our replies have named it to the kernel and were not forgotten since.
        removed: whether it has left its folder.
        is_told: whether programs that watch its folder have been told that it appeared; None if they need not be (`watchers`).
        allows_truncation: whether `>` may cut it to nothing before it writes, which changes nothing here.
    """

    allows_truncation = False

    def __init__(self, tree: "Tree", parent: "Node | None", name: bytes) -> None:
        self.tree = tree
        self.parent = parent if parent is not None else self
        self.name = name
        self.lookups = 0
        self.removed = False
        self.is_told: bool | None = None
        self.inode = tree.inodes.register(self)

    @property
    def is_read_only(self) -> bool:
        """Whether nobody can write here, whatever the permissions say."""
        return False

    @property
    def needs_camera(self) -> bool:
        """Whether nothing can be said of it once the camera is gone."""
        return False

    async def attributes(self, exact: bool = True) -> Attributes:
        """Return what stat shows; unless `exact`, without asking the camera."""
        raise NotImplementedError

    async def learn_date(self) -> None:
        """Ask the camera for a date that it has not told yet, for stat(2)."""

    async def open(self, writing: bool) -> "Handle":
        """Open it. Nothing is read yet.

        Raises:
            BadRequest: it cannot be opened so.
            CameraError: the camera no longer has it.
        """
        raise NotImplementedError

    def invalidate(self) -> None:
        """Drop what was kept of its attributes and bytes, here and in the kernel, as they are no longer what they were."""
        self.tree.kernel.invalidate_inode(self)

    def path(self) -> str:
        """Return the path below the mount point, for people."""
        steps: list[str] = []
        node = self
        while node.parent is not node:
            steps.append(node.name.decode("utf-8", "replace"))
            node = node.parent
        return "/".join(reversed(steps))


class DirectoryListing:
    """The nodes of a directory in a fixed order, each at a place of its own.

    A place may show nothing: its node has been removed since, or never could be described.
    """

    async def at(self, index: int) -> Node | None:
        """Return the node of a place; None if it shows nothing.

        Raises:
            IndexError: past the end.
            CameraError: the camera could not be asked.
        """
        raise NotImplementedError

    async def next(self, index: int) -> tuple[int, Node] | None:
        """Return the first node at or after a place, and the place after it; None at the end."""
        while True:
            try:
                node = await self.at(index)
            except IndexError:
                return None
            index += 1
            if node is not None:
                return index, node

    async def __aiter__(self) -> AsyncIterator[Node]:
        """Go through all nodes, to the end; a loop that may stop earlier uses `next`."""
        index = 0
        while (found := await self.next(index)) is not None:
            index, node = found
            yield node


class FixedListing(DirectoryListing):
    """A listing of nodes that are all there."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes

    async def at(self, index: int) -> Node | None:
        return self._nodes[index]


class Directory(Node):
    """A node with nodes in it."""

    async def open(self, writing: bool) -> "Handle":
        raise BadRequest(errno.EISDIR)

    async def find(self, name: bytes) -> Node | None:
        """Return the node of a name, None if there is none."""
        raise NotImplementedError

    async def listing(self) -> DirectoryListing:
        """Return the nodes to show to a reader of the directory."""
        raise NotImplementedError

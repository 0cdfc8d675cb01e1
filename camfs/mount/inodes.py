"""Inode numbers: each is given to one node and never used again, and its node is kept for as long as the kernel holds it.

A node lives as long as one of two holds:

* it is in its folder (`Node.removed` is false), or
* the kernel holds it: `Node.lookups` counts the replies that named it (lookup, and each entry of a readdir), and the kernel's
  FORGET requests lower the count again.

So a file that was deleted on the camera still answers those who have it open, and no program ever sees a number that means another file.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NewType

from camfs import errors

if TYPE_CHECKING:
    from camfs.mount.nodes import Node

Inode = NewType("Inode", int)
ROOT_INODE = Inode(1)


class InodeTable:
    """The nodes of a mount by their inode numbers; the first one registered is the root."""

    def __init__(self) -> None:
        self._next = ROOT_INODE
        self._nodes: dict[Inode, Node] = {}

    def __iter__(self) -> "Iterator[Node]":
        """Go through all nodes there are now."""
        return iter(list(self._nodes.values()))

    def register(self, node: "Node") -> Inode:
        """Give a new node its number."""
        inode = self._next
        self._next = Inode(inode + 1)
        self._nodes[inode] = node
        return inode

    def find(self, inode: int) -> "Node":
        """Return the node of a number.

        Raises:
            NotFound: there is none any more (ESTALE to an NFS client).
        """
        node = self._nodes.get(Inode(inode))
        if node is None:
            raise errors.NotFound(f"inode {inode} is gone")
        return node

    def forget(self, inode: int, count: int) -> None:
        """Lower a node's lookup count as the kernel says."""
        node = self._nodes.get(Inode(inode))
        if node is not None:
            node.lookups -= count
            self.drop_if_unused(node)

    def drop_if_unused(self, node: "Node") -> None:
        """Drop a node that has left its folder, once the kernel does not hold it."""
        if node.removed and node.lookups <= 0:
            self._nodes.pop(node.inode, None)

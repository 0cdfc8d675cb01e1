"""A tree over a scripted camera, a kernel that only notes what it is asked for, and ways to look into the tree."""

from typing import Any

import trio

from camfs.cameras.api import Camera
from camfs.mount.blocks import BlockCache
from camfs.mount.budget import Budget
from camfs.mount.failures import Kind
from camfs.mount.kernel import Kernel
from camfs.mount.nodes import Directory, Node
from camfs.mount.tree import Tree
from tests.cameras.scripted import ScriptedCamera, Thing

POLL = 5.0

IDLE: Any = None
"""Stands for the nursery of a block cache that nothing is read through."""


class NotedKernel(Kernel):
    """Notes what it is to drop, and what it is given.

    Attributes:
        entries: paths of folders and names in them.
        inodes: paths of nodes.
        stored: paths of files, and offsets and bytes in them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[tuple[str, str]] = []
        self.inodes: list[str] = []
        self.stored: list[tuple[str, int, bytes]] = []

    def invalidate_entry(self, folder: Node, name: bytes) -> None:
        self.entries.append((folder.path(), name.decode()))

    def invalidate_inode(self, node: Node) -> None:
        self.inodes.append(node.path())

    async def store(self, node: Node, offset: int, data: memoryview) -> None:
        self.stored.append((node.path(), offset, bytes(data)))

    async def flush(self) -> None:
        await trio.lowlevel.checkpoint()


class WatchedTree(Tree):
    """A tree that notes what it asks of the kernel and what it reports.

    Args:
        camera: what it shows.
        work: runs the fetches of its block cache; not needed where nothing is read through it.
        budget: of each request; None for no limit.

    Attributes:
        dropped: what the kernel is to drop.
        notes: what was reported, in order.
    """

    def __init__(
        self, camera: Camera, work: trio.Nursery = IDLE, budget: Budget | None = None, **options: bool
    ) -> None:
        self.dropped = NotedKernel()
        self.notes: list[str] = []
        super().__init__(camera, self.dropped, BlockCache(work, budget=budget), poll=POLL, budget=budget, **options)

    def note_error(self, text: str, *, kind: Kind = None, of_command: bool = False) -> None:
        self.notes.append(text)
        super().note_error(text, kind=kind, of_command=of_command)


def dcim(camera: ScriptedCamera, count: int = 3) -> Thing:
    """Make card/DCIM with some files."""
    folder = camera.add(camera.card, "DCIM")
    for number in range(1, count + 1):
        camera.add(folder, f"P{number}.JPG", b"x" * number, mtime_ns=number)
    return folder


def bytes_held(cache: BlockCache) -> int:
    """Measure what a block cache holds."""
    return sum(len(block) for block in cache._blocks.values())


async def nodes_of(directory: Node) -> list[Node]:
    """List a directory."""
    assert isinstance(directory, Directory)
    return [node async for node in await directory.listing()]


async def names_of(directory: Node) -> list[str]:
    """List the names in a directory."""
    return [node.name.decode() for node in await nodes_of(directory)]


async def at(start: Tree | Node, path: str) -> Node:
    """Find a node by its path from the root or another directory."""
    node = start.root if isinstance(start, Tree) else start
    for name in path.split("/"):
        assert isinstance(node, Directory)
        found = await node.find(name.encode())
        assert found is not None, f"{path}: no {name}"
        node = found
    return node


async def inodes(tree: Tree) -> dict[str, int]:
    """Walk the tree; paths and inode numbers."""
    found: dict[str, int] = {}

    async def walk(directory: Node) -> None:
        for node in await nodes_of(directory):
            found[node.path()] = node.inode
            if isinstance(node, Directory):
                await walk(node)

    await walk(tree.root)
    return found

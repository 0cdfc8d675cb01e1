"""The room that `df` shows: of all stores of the camera together, as pyfuse3 does not hand over which inode is meant.

What lies on this computer is no room of the camera's, and does not count where there is anything else. Who asks for the room in its folder
(`df imagedb`) means this computer's, though: the kernel is made to look that name up each time, and the process that has just done so and
then asks for the room is told that of this computer, once. `.status` tells each store's room.
"""

import trio

from camfs import errors
from camfs.cameras.api import Usage
from camfs.mount.folder import Folder
from camfs.mount.nodes import Node
from camfs.mount.tree import Tree

USAGE_AGE = 2.0
"""Seconds that the room in a store is taken to be what it was."""


ASKED_AGE = 1.0
"""Seconds between looking a folder up and asking for the room in it, at most."""


class StoreUsage:
    """The room in the stores of a tree.

    Args:
        tree: the nodes.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._asked: tuple[int, Folder, float] | None = None
        self._measured: dict[Folder, tuple[float, Usage]] = {}

    @staticmethod
    def is_asked_about(node: Node) -> bool:
        """Say whether room is asked for in this node alone, so that the kernel must not remember its name."""
        return isinstance(node, Folder) and node.is_store and node.is_local

    def note_looked_up(self, node: Node, pid: int) -> None:
        """Note that a process has looked a name up; its number is 0 if the kernel does not know it here."""
        if pid and isinstance(node, Folder) and self.is_asked_about(node):
            self._asked = (pid, node, trio.current_time())
        elif self._asked is not None and self._asked[0] == pid:
            self._asked = None

    def drop(self) -> None:
        """Measure anew when next asked, as something was deleted."""
        self._measured.clear()

    async def measure(self, pid: int = 0) -> Usage:
        """Return the room in all stores, or, to a process that has just looked up the folder on this computer, that there.

        Raises:
            CameraError: the camera does not say.
        """
        if self._tree.camera.gone:
            raise errors.DeviceGone("the camera is gone")
        asked, self._asked = self._asked, None
        if asked is not None and asked[0] == pid and trio.current_time() - asked[2] < ASKED_AGE:
            return await self._usage(asked[1])
        stores = await self._tree.stores()
        usages = [await self._usage(store) for store in stores if not store.is_local] or [
            await self._usage(store) for store in stores
        ]
        return Usage(
            sum(usage.total for usage in usages),
            sum(usage.free for usage in usages),
            sum(usage.objects or 0 for usage in usages),
        )

    async def _usage(self, store: Folder) -> Usage:
        measured_at, usage = self._measured.get(store, (-USAGE_AGE, Usage(0, 0)))
        if trio.current_time() - measured_at >= USAGE_AGE:
            usage = await self._tree.camera.usage(store.key)
            self._measured[store] = (trio.current_time(), usage)
        return usage

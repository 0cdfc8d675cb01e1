"""The room that `df` shows: of the store that the caller means, of all stores together where it means none.

pyfuse3 does not hand over the inode of a statfs request, only the thread that made it. The kernel asks for a store's name again on each
path through it (`entry_timeout` 0), in the thread that goes on to statfs: the store that thread last looked up is the one. `df .`
looks nothing up; there the thread's working directory tells.
"""

import os

import trio

from camfs import errors
from camfs.cameras.api import Usage
from camfs.mount.folder import Folder
from camfs.mount.nodes import Node
from camfs.mount.tree import Tree

USAGE_AGE = 2.0
"""Seconds that the room in a store is taken to be what it was."""

CALLERS = 256
"""Threads remembered, by the store that they last looked up."""


class StoreUsage:
    """The room in the stores of a tree.

    Args:
        tree: the nodes.
        mount_point: where the tree is mounted.
    """

    def __init__(self, tree: Tree, mount_point: str) -> None:
        self._tree = tree
        self._mount_point = mount_point
        self._measured: dict[Folder, tuple[float, Usage]] = {}
        self._last_store: dict[int, Node] = {}

    def note_lookup(self, thread: int, node: Node) -> None:
        """Remember what a thread looked up, if it is a store."""
        if not node.is_store:
            return
        self._last_store.pop(thread, None)
        self._last_store[thread] = node
        if len(self._last_store) > CALLERS:
            del self._last_store[next(iter(self._last_store))]

    def drop(self) -> None:
        """Measure anew when next asked, as something was deleted."""
        self._measured.clear()

    async def measure(self, thread: int) -> Usage:
        """Return the room that a thread asks about.

        Raises:
            CameraError: the camera does not say.
        """
        if self._tree.camera.gone:
            raise errors.DeviceGone("the camera is gone")
        stores = [node for node in self._tree.root.children.values() if isinstance(node, Folder)]
        if not stores:
            stores = await self._tree.stores()
        meant = self._last_store.get(thread) or self._store_of_working_directory(thread)
        if meant is None:  # what lies on this computer is no room of the camera's
            stores = [store for store in stores if not store.is_local] or stores
        usages = [await self._usage(store) for store in stores if meant is None or store is meant]
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

    def _store_of_working_directory(self, thread: int) -> Folder | None:
        try:
            here = os.readlink(f"/proc/{thread}/cwd")
        except OSError:
            return None
        prefix = self._mount_point.rstrip("/") + "/"
        store = self._tree.root.children.get(os.fsencode(here.removeprefix(prefix).split("/", 1)[0]))
        return store if here.startswith(prefix) and isinstance(store, Folder) else None

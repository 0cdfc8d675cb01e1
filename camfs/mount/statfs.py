"""The room that `df` shows: of all stores of the camera together, as pyfuse3 does not hand over which inode is meant.

What lies on this computer is no room of the camera's, and does not count where there is anything else. `.status` tells each store's room.
"""

import trio

from camfs import errors
from camfs.cameras.api import Usage
from camfs.mount.folder import Folder
from camfs.mount.tree import Tree

USAGE_AGE = 2.0
"""Seconds that the room in a store is taken to be what it was."""


class StoreUsage:
    """The room in the stores of a tree.

    Args:
        tree: the nodes.
    """

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._measured: dict[Folder, tuple[float, Usage]] = {}

    def drop(self) -> None:
        """Measure anew when next asked, as something was deleted."""
        self._measured.clear()

    async def measure(self) -> Usage:
        """Return the room in all stores.

        Raises:
            CameraError: the camera does not say.
        """
        if self._tree.camera.gone:
            raise errors.DeviceGone("the camera is gone")
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

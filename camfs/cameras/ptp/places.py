"""Where an object lies: found from the object upwards, parent after parent.

An object names its parent, but the file system shows it where it was listed, and some cameras make a difference between the two
(camfs/protocols/ptp/README.md, "ObjectInfo"). So a folder that was listed lies where it was listed, whatever it says; only of one that was
never listed its own word is taken. A parent that is no object (an iPhone names one for each folder of its root) says nothing, and on a
camera that has once named a wrong one, none is believed: the lists of the folders that are known are searched then, and what is in none
of them is taken to be in the root.
"""

import logging
from collections.abc import Sequence

from camfs import errors
from camfs.cameras.ptp.objects import ObjectKey, Objects, parent_of
from camfs.cameras.ptp.stores import Stores
from camfs.protocols.ptp.codes import ANYWHERE, ROOT, ObjectHandle, StorageID
from camfs.protocols.ptp.datasets import ObjectInfo

log = logging.getLogger(__name__)

MAX_DEPTH = 64
"""Levels of folders; parents that go on longer are taken for a circle."""


class Places:
    """Finds objects of one camera.

    Args:
        stores, objects: of the camera.
    """

    def __init__(self, stores: Stores, objects: Objects) -> None:
        self._stores = stores
        self._objects = objects

    async def changed_by(self, handle: ObjectHandle, info: ObjectInfo) -> Sequence[ObjectKey] | None:
        """Return the keys of the folders that a new object has changed; None where it may be any.

        Its folder is one. If that folder was never listed, the folder above it is another, which may have been listed without it.
        """
        if await self._is_in_new_store(info):
            return None
        way: list[ObjectHandle] = []
        above = parent_of(handle, info)
        while above not in (ROOT, ANYWHERE):
            if above in way or len(way) > MAX_DEPTH:
                return None
            way.append(above)
            if above in self._objects.parents:
                break
            parent = await self._own_parent(above)
            if parent is None:
                self._objects.parents_are_wrong = True
                return None
            self._objects.parents[above] = above = parent
        else:
            way.append(ROOT)
        return [key for folder in way for key in self._objects.keys(folder, info)]

    async def _is_in_new_store(self, info: ObjectInfo) -> bool:
        """Say whether an object is in a store that the file system does not show yet."""
        named = self._stores.named
        if not named or info.storage in named or not info.storage & 0xFFFF:
            return False
        try:
            return info.storage in await self._stores.list()
        except errors.StoreUnavailable:
            return False

    async def locate(self, key: ObjectKey) -> Sequence[ObjectKey]:
        """Return the keys that lead from the store to an object, its own last."""
        info = await self._objects.info(key.handle)
        storage = await self._store_of(key, info)
        way = [key.handle]
        above = parent_of(key.handle, info)
        if self._objects.parents_are_wrong:
            above = await self._folder_that_lists(ObjectKey(storage, key.handle), above)
        while above not in (ROOT, ANYWHERE):
            if above in way or len(way) > MAX_DEPTH:
                raise errors.RemoteProtocolError(f"the parents of object {key.handle:#x} go in a circle")
            parent = self._objects.parents.get(above) or await self._own_parent(above)
            if parent is None:
                above = await self._folder_that_lists(ObjectKey(storage, way[-1]), ROOT)
            else:
                way.append(above)
                above = parent
        return [ObjectKey(storage, ROOT), *(ObjectKey(storage, step) for step in reversed(way))]

    async def _own_parent(self, folder: ObjectHandle) -> ObjectHandle | None:
        """Ask a folder for its parent; ROOT for the root of a store, None if it is no object."""
        try:
            parent = parent_of(folder, await self._objects.info(folder))
        except errors.Busy:
            raise
        except errors.Refused as error:
            log.info("%s: named as a parent, and no object", error)
            return None
        return ROOT if parent == ANYWHERE else parent

    async def _folder_that_lists(self, key: ObjectKey, likely: ObjectHandle) -> ObjectHandle:
        """Return the folder that lists an object, of those that are known; the root if none does."""
        first = ROOT if likely == ANYWHERE else likely
        for folder in dict.fromkeys((first, ROOT, *reversed(self._objects.parents))):
            try:
                if await self._objects.lists(ObjectKey(key.storage, folder), key.handle):
                    return folder
            except errors.Busy:
                raise
            except errors.Refused as error:
                log.info("folder %#x: %s", folder, error)
        return ROOT

    async def _store_of(self, key: ObjectKey, info: ObjectInfo) -> StorageID:
        """Return the store that an object is in."""
        if not self._stores.named:
            if info.storage & 0xFFFF:
                return info.storage
            for storage in await self._stores.list():
                await self._stores.name(storage)
        stores = self._stores.that_may_hold(info)
        if key.storage in stores or len(stores) == 1:
            return key.storage if key.storage in stores else stores[0]
        for storage in stores:
            if await self._objects.lists(ObjectKey(storage, ANYWHERE), key.handle):
                return storage
        return stores[0]

"""Listing and describing the objects of a PTP camera: handles, ObjectInfos, property lists, sizes, parents.

A folder is listed by its parent handle, in one transaction. Each object in it is described by one more (GetObjectInfo), when it is asked
for. A camera with GetObjectPropList describes all new objects of a folder in five; what they say waits here until `describe` asks.

What cameras get wrong, and what is done about it (see also camfs/protocols/ptp/README.md, "ObjectInfo"):

* Objects in the root name themselves or their storage as their parent (EOS, Apple): this is taken for the root.
* GetObjectHandles ignores the parent and lists everything: each object's own parent decides where it is, and ObjectInfos are remembered,
  because the same objects are met again in the list of every folder.
* An object's parent is wrong although the lists are right, or is no object at all (an iPhone): the object is shown where it was listed.
* A card that was put in lists nothing for a moment: an empty folder is asked for again until the card has had time to be read.
* A Sony in PC Remote has a store that is always empty: an error, as its card is not.
* A size may be wrong: `sizes` has the rules.
* GetObjectPropList does not work, or takes too long: it is not sent again.
* GetObjectPropList leaves out the date or another property of some objects, or says nothing in it (android-file-transfer-linux, issues
  89 and 151). These objects are described by their ObjectInfo, so that all say the same however many lie in a folder; and so are those
  whose format does not tell whether they have a thumbnail.
"""

import itertools
import logging
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import replace
from datetime import tzinfo
from typing import NamedTuple

import trio

from camfs import errors
from camfs.cameras.api import MAX_ENTRIES, Entry, Key
from camfs.cameras.ptp import advice
from camfs.cameras.ptp.operations import DATASET_LIMIT, PtpOperations
from camfs.cameras.ptp.reading import ObjectReader
from camfs.cameras.ptp.sizes import Size, Sizes
from camfs.cameras.ptp.stores import Stores
from camfs.protocols.ptp.codes import (
    ALL_STORAGES,
    ANY_FORMAT,
    ANYWHERE,
    ROOT,
    ObjectFormat,
    ObjectHandle,
    ObjectProperty,
    Operation,
    StorageID,
    is_picture,
)
from camfs.protocols.ptp.datasets import ObjectInfo, ObjectPropElement, handles_in_parts, object_prop_elements
from camfs.protocols.ptp.values import decode_date_time

log = logging.getLogger(__name__)

LOOK_AGAIN = 0.5
"""Seconds until an empty folder is listed again, while the camera may not have read its card yet."""

MOST_HANDLES = MAX_ENTRIES + 2
"""Handles that are taken from the list of a folder: one more than is shown, and that of the folder itself, which some cameras list."""

MOST_OBJECTS = 1_000_000
"""Objects of a camera among which the files of a shot are looked for."""

AT_A_TIME = 512
"""Objects that are dealt with until other tasks get their turn."""

MAX_PROPERTY_LIST = 64 << 20
"""Most bytes of one property of all objects of a folder."""

_FOLDER_PROPERTIES = (
    ObjectProperty.ObjectFileName,
    ObjectProperty.ObjectFormat,
    ObjectProperty.ObjectSize,
    ObjectProperty.DateModified,
    ObjectProperty.ParentObject,
)
"""What GetObjectPropList is asked of a folder, in a transaction each: phones take very long to answer for all properties at once."""


class ObjectKey(NamedTuple):
    """The key of an entry: a storage and an object in it. The storage itself has the handle ROOT."""

    storage: StorageID
    handle: ObjectHandle


class Objects:
    """The objects of one camera, as far as they are known.

    Args:
        operations: of the camera.
        stores: the stores that the objects are in.
        sizes: what is known of their sizes, which is forgotten when they change.
        reader: what is known of their bytes, likewise.
        zone: the zone of dates that name none; None is this computer's.

    Attributes:
        parents_are_wrong: whether an object has named a parent that it was not listed in.
        parents: the folder in which each folder was listed, ROOT for a store's root; by handle.
    """

    def __init__(
        self, operations: PtpOperations, stores: Stores, sizes: Sizes, reader: ObjectReader, zone: tzinfo | None
    ) -> None:
        self.parents_are_wrong = False
        self.parents: dict[ObjectHandle, ObjectHandle] = {}
        self._operations = operations
        self._session = operations.session
        self._stores = stores
        self._sizes = sizes
        self._reader = reader
        self._zone = zone
        self._ignores_parent = False
        self._in_roots: dict[StorageID, frozenset[ObjectHandle]] = {}
        self._lists_of_all: set[ObjectKey] = set()
        self._described: set[ObjectHandle] = set()
        self._infos: dict[ObjectHandle, ObjectInfo] = {}
        self._dropped: list[set[ObjectHandle]] = []

    def drop(self, handle: ObjectHandle) -> None:
        """Drop what is known of an object: it has changed, or is gone."""
        for dropped in self._dropped:
            dropped.add(handle)
        self._infos.pop(handle, None)
        self._described.discard(handle)
        self.parents.pop(handle, None)
        self._sizes.forget(handle)
        self._reader.forget(handle)

    @contextmanager
    def _noting_drops(self) -> Iterator[set[ObjectHandle]]:
        """Give a set into which all go that are dropped in the block; `ANYWHERE` stands for all objects."""
        dropped: set[ObjectHandle] = set()
        self._dropped.append(dropped)
        try:
            yield dropped
        finally:
            self._dropped = [each for each in self._dropped if each is not dropped]

    def was_described(self, handle: ObjectHandle) -> bool:
        """Say whether an object was described since it was last dropped."""
        return handle in self._described

    def drop_all(self) -> None:
        """Drop what is known of all objects: handles may mean others now."""
        for dropped in self._dropped:
            dropped.add(ANYWHERE)
        self._infos.clear()
        self._described.clear()
        self._lists_of_all.clear()
        self.parents.clear()
        self._sizes.forget_all()
        self._reader.forget_all()

    def refresh(self) -> None:
        """Drop what is known of all objects, and of how the camera lists them."""
        self.drop_all()
        self._ignores_parent = False

    # ------------------------------------------------------------------ listing

    async def list(self, folder: ObjectKey) -> Sequence[ObjectKey]:
        """List the keys of a folder's objects, in the camera's order.

        Raises:
            StoreUnavailable: the camera shows nothing of its card.
        """
        handles = await self.handles(folder)
        while not handles and self._stores.may_be_filling:
            await trio.sleep(LOOK_AGAIN)
            handles = await self.handles(folder)
        if folder.handle == ROOT:
            if not handles and advice.hides_card(self._operations.info):
                raise errors.StoreUnavailable(self._stores.why_none())
            self._in_roots[folder.storage] = frozenset(handles)
        elif folder.handle in handles:
            self._lists_of_all.add(folder)
        new = handles.keys() - self._described
        if len(new) > len(_FOLDER_PROPERTIES) and not self._ignores_parent:
            await self._read_properties(folder, new)
        return [ObjectKey(folder.storage, handle) for handle in handles if handle != folder.handle]

    async def handles(self, folder: ObjectKey) -> dict[ObjectHandle, None]:
        """List the handles that the camera gives for a folder, each once, in its order; of too many the first."""
        found: dict[int, None] = {}
        for part in handles_in_parts(await self._list_handles(folder)):
            found.update(dict.fromkeys(part))
            for wildcard in (ANYWHERE, ROOT):
                found.pop(wildcard, None)
            if len(found) > MOST_HANDLES:
                break
            await trio.lowlevel.checkpoint()
        return dict.fromkeys(map(ObjectHandle, itertools.islice(found, MOST_HANDLES)))

    async def lists(self, folder: ObjectKey, handle: ObjectHandle) -> bool:
        """Say whether the camera lists an object in a folder."""
        for part in handles_in_parts(await self._list_handles(folder)):
            if handle in part:
                return True
            await trio.lowlevel.checkpoint()
        return False

    async def _list_handles(self, folder: ObjectKey) -> bytes | memoryview:
        """Return the camera's list of a folder as it was sent."""
        try:
            reply = await self._session.transact(Operation.GetObjectHandles, folder.storage, ANY_FORMAT, folder.handle)
        except errors.InvalidValue:
            # ParameterNotSupported, from cameras that want no storage here (libgphoto2)
            reply = await self._session.transact(Operation.GetObjectHandles, ALL_STORAGES, ANY_FORMAT, folder.handle)
            # the properties that are asked of an object do not tell its storage
            self._operations.give_up(Operation.GetObjectPropList)
        return reply.data

    async def other_handles(self, known: Set[ObjectHandle]) -> Sequence[ObjectHandle]:
        """List the handles of all objects in all stores, except those that are known.

        Raises:
            TooLarge: there are too many.
        """
        reply = await self._session.transact(Operation.GetObjectHandles, ALL_STORAGES, ANY_FORMAT, ANYWHERE)
        if len(reply.data) > 4 * MOST_OBJECTS:
            raise errors.TooLarge(f"the camera lists more than {MOST_OBJECTS} objects")
        others: list[ObjectHandle] = []
        for part in handles_in_parts(reply.data):
            others += [ObjectHandle(handle) for handle in part if handle not in known]
            await trio.lowlevel.checkpoint()
        return others

    async def _read_properties(self, folder: ObjectKey, handles: Set[ObjectHandle]) -> None:
        """Describe some of a folder's objects by GetObjectPropList, where the camera has it, for `describe` to find."""
        with self._noting_drops() as dropped:
            infos = await self._infos_by_properties(folder, handles)
        if ANYWHERE not in dropped:
            self._infos.update((handle, info) for handle, info in infos.items() if handle not in dropped)

    async def _infos_by_properties(
        self, folder: ObjectKey, handles: Set[ObjectHandle]
    ) -> dict[ObjectHandle, ObjectInfo]:
        """Return what the camera's property lists tell of some of a folder's objects."""
        described: dict[ObjectHandle, dict[int, ObjectPropElement]] = {}
        parent = ANYWHERE if folder.handle == ROOT else folder.handle
        for code in _FOLDER_PROPERTIES:
            try:
                reply = await self._operations.attempt(
                    Operation.GetObjectPropList,
                    *(parent, ANY_FORMAT, code, 0, 1),
                    limit=MAX_PROPERTY_LIST,
                    repeatable=False,
                )
                if reply is None:
                    return {}
                for number, element in enumerate(object_prop_elements(reply.data)):
                    if element.handle in handles:
                        described.setdefault(element.handle, {})[element.code] = element
                    if number % AT_A_TIME == 0:
                        await trio.lowlevel.checkpoint()
            except errors.DeviceGone:
                raise
            except errors.CameraError as error:
                # libgphoto2 does without it for nearly all cameras: some take long to answer it, and some never do
                log.info("listing by properties: %s", error)
                self._operations.give_up(Operation.GetObjectPropList)
                return {}
        if not described:
            self._operations.give_up(Operation.GetObjectPropList)
        unnamed = ObjectInfo(storage=folder.storage, parent=parent)
        infos: dict[ObjectHandle, ObjectInfo] = {}
        for number, (handle, elements) in enumerate(described.items()):
            info = self._info_of(elements, unnamed)
            if info is not None:
                infos[handle] = info
            if number % AT_A_TIME == 0:
                await trio.lowlevel.checkpoint()
        return infos

    def _info_of(self, elements: dict[int, ObjectPropElement], unnamed: ObjectInfo) -> ObjectInfo | None:
        """Return an ObjectInfo with the properties of an object; None if they leave out something that an ObjectInfo would tell."""
        values = [elements[code].value if code in elements else None for code in _FOLDER_PROPERTIES]
        name, object_format, _, date, parent = values
        size = self._sizes.note_property(elements[ObjectProperty.ObjectSize]) if values[2] is not None else None
        if not isinstance(name, str) or not isinstance(object_format, int) or not isinstance(date, str):
            return None
        is_folder = object_format == ObjectFormat.Association
        if not name or not (is_folder or is_picture(object_format)) or decode_date_time(date, self._zone) is None:
            return None
        if size is None and not is_folder:
            return None
        return replace(
            unnamed,
            object_format=object_format,
            compressed_size=size or 0,
            parent=ObjectHandle(parent) if isinstance(parent, int) else unnamed.parent,
            filename=name,
            modification_date=date,
        )

    # ------------------------------------------------------------------ describing

    async def describe(self, key: ObjectKey, folder: ObjectKey | None) -> Entry | None:
        """Describe an object that was listed in a folder, if one is given; None if it lies elsewhere."""
        info = self._infos.get(key.handle)
        if info is None:
            info = await self.info(key.handle)
        elif not self._ignores_parent:
            del self._infos[key.handle]
        if folder is not None and self._lies_elsewhere(key.handle, info, folder):
            self._ignores_parent = True
            self._infos[key.handle] = info
            return None
        entry = await self._entry(key, info)
        self._described.add(key.handle)
        if entry.is_folder and folder is not None:
            self.parents[key.handle] = folder.handle
        return entry

    async def info(self, handle: ObjectHandle) -> ObjectInfo:
        """Ask for an object's ObjectInfo.

        Raises:
            Refused: it cannot be had of this object.
            CameraError: the camera does not answer, whatever it is asked.
        """
        try:
            reply = await self._session.transact(Operation.GetObjectInfo, handle, limit=DATASET_LIMIT)
        except errors.RemoteProtocolError as error:
            # Is it this object that fails, or the camera? An object may be left out of its folder, if the camera answers otherwise.
            await self._session.transact(Operation.GetStorageIDs, limit=DATASET_LIMIT)
            raise errors.Refused(f"object {handle:#x}: {error}") from None
        try:
            info = ObjectInfo.decode(reply.data)
        except errors.RemoteProtocolError as error:
            raise errors.Refused(f"object {handle:#x}: {error}") from None
        if self._ignores_parent:
            self._infos[handle] = info
        return info

    def _lies_elsewhere(self, handle: ObjectHandle, info: ObjectInfo, folder: ObjectKey) -> bool:
        """Say whether an object that was listed in a folder lies in another.

        The object's parent decides only where the list itself shows that it is not of this folder alone: where the list names the
        object's parent too, or the folder itself. Otherwise the list is right and the parent wrong.
        """
        if info.storage not in (0, folder.storage) and info.storage in self._stores.named:
            return True
        parent = parent_of(handle, info)
        if folder.handle == ROOT:
            if parent in self._in_roots.get(folder.storage, ()):
                return True
            self.parents_are_wrong |= parent != ANYWHERE
            return False
        if parent != folder.handle and folder not in self._lists_of_all:
            self.parents_are_wrong = True
            return False
        return parent != folder.handle

    async def _entry(self, key: ObjectKey, info: ObjectInfo) -> Entry:
        is_folder = info.object_format == ObjectFormat.Association
        size = Size(0, True) if is_folder else await self._sizes.describe(key.handle, info)
        moment = decode_date_time(info.modification_date, self._zone) or decode_date_time(info.capture_date, self._zone)
        return Entry(
            key,
            name=info.filename,
            tag=f"{key.handle:08x}",
            is_folder=is_folder,
            size=size.value,
            size_is_exact=size.is_exact,
            size_is_bound=size.is_bound,
            mtime_ns=0 if moment is None else round(moment.timestamp() * 10) * 100_000_000,
            is_picture=not is_folder and (is_picture(info.object_format) or info.thumb_compressed_size > 0),
        )

    async def correct_size(self, handle: ObjectHandle, size: int) -> Sequence[ObjectKey]:
        """Note how long an object really is, and return the keys of the entries that change by it."""
        if not self._sizes.allows(handle, size):
            return ()
        if size == self._sizes.known(handle):
            self._sizes.note(handle, size)  # no doubt about it any more
            return ()
        info = self._infos.get(handle) or await self.info(handle)
        before = self._sizes.known(handle)
        if before is None and not self._sizes.is_doubted(handle):
            before = info.compressed_size
        self._sizes.note(handle, size)
        if size == before:
            return ()
        if before is not None:
            log.warning("%s: the camera announced %d bytes and sent %d", info.filename, before, size)
        return self.keys(handle, info)

    # ------------------------------------------------------------------ keys, deleting

    def keys(self, handle: ObjectHandle, info: ObjectInfo) -> Sequence[ObjectKey]:
        """Return the keys that an object may have: in each of the stores that it may be in."""
        return [ObjectKey(storage, handle) for storage in self._stores.that_may_hold(info)]

    async def delete(self, handle: ObjectHandle) -> None:
        """Delete an object.

        Raises:
            NotPermitted: the handle means everything, or a store.
            Refused: it may have come to mean another object while this waited for its turn.
        """
        if handle in (ANYWHERE, ROOT):
            raise errors.NotPermitted("a store cannot be deleted")
        self._operations.require(Operation.DeleteObject)
        with self._noting_drops() as dropped:
            await self._session.transact(
                Operation.DeleteObject,
                handle,
                ANY_FORMAT,
                same_session=True,
                still=lambda: not dropped & {handle, ANYWHERE},
            )
        self.drop(handle)


def object_key(key: Key) -> ObjectKey:
    """Return a key as this driver gave it."""
    assert isinstance(key, ObjectKey)
    return key


def parent_of(handle: ObjectHandle, info: ObjectInfo) -> ObjectHandle:
    """Return an object's parent; 0, the root, also where it names itself (EOS), its storage (Apple) or all ones."""
    return ANYWHERE if info.parent in (handle, info.storage, ROOT) else info.parent

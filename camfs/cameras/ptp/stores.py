"""The stores of a PTP camera: which there are, what they are called, how much room they have, formatting.

Which there are
========
Nothing but a name and the room hangs on StorageInfo, so a camera that does not give it shows its pictures all the same. A store that is
not described is called a card. A camera that never answers is asked once: its stores' room is unknown from then on
(camfs/protocols/ptp/README.md, "Answers that mean something else").
"""

import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import trio

from camfs import errors
from camfs.cameras.api import Usage
from camfs.cameras.ptp import advice
from camfs.cameras.ptp.operations import DATASET_LIMIT, PtpOperations
from camfs.protocols.ptp.codes import ALL_STORAGES, ANY_FORMAT, ANYWHERE, ROOT, SIZE_UNKNOWN, Operation, StorageID
from camfs.protocols.ptp.datasets import ObjectInfo, StorageInfo, StorageType, decode_handles, handles_in_parts
from camfs.protocols.ptp.modes import NO_STORE

log = logging.getLogger(__name__)

FORMAT_TIME = 300.0
"""Seconds for the answer to FormatStore: a large card that is slow may need minutes."""

UNLIMITED = (SIZE_UNKNOWN, (1 << 64) - 1)
"""Sizes that mean that the camera does not know."""

LOCKED = 0xFEEDFACE
"""The storage id of an iPhone that is locked, or does not trust the computer yet."""

NO_STORES = (0, ALL_STORAGES, LOCKED)
"""Ids that are never those of a store."""

MOST_STORES = 256
"""Stores and slots that a camera may list: each is asked for its name."""

ROOT_SAMPLE = 16
"""Objects of the root that are asked which store they are in, where nothing else tells what stores there are."""

FILLING = 4.0
"""Seconds after a card was put in for which an empty folder may mean that the camera has not read the card yet."""


@dataclass(frozen=True)
class _Name:
    """What a store is called, and what it looked like then; None if the camera did not describe it."""

    kind: str
    number: int
    info: StorageInfo | None

    def __str__(self) -> str:
        return self.kind if self.number == 1 else f"{self.kind}{self.number}"


class Stores:
    """The stores of one camera.

    Args:
        operations: of the camera.
    """

    def __init__(self, operations: PtpOperations) -> None:
        self._operations = operations
        self._present: tuple[StorageID, ...] = ()
        self._names: dict[StorageID, _Name] = {}
        self._changed_at = -math.inf
        self._is_silent = False

    def forget_failures(self) -> None:
        """Ask again what the camera did not answer."""
        self._is_silent = False

    @property
    def named(self) -> Sequence[StorageID]:
        """The stores that `name` was asked of, and that were there when last listed: those that the file system shows."""
        return [storage for storage in self._present if storage in self._names]

    def note_change(self) -> None:
        """Note that a card was put in or taken out, or that the camera has just come back."""
        self._changed_at = trio.current_time()

    @property
    def may_be_filling(self) -> bool:
        """Whether a card was put in so lately that the camera may not have read it yet."""
        return trio.current_time() - self._changed_at < FILLING

    # ------------------------------------------------------------------ which there are

    async def list(self) -> Sequence[StorageID]:
        """List the stores, without the slots that have no card.

        Raises:
            StoreUnavailable: there is none; the text says what to do.
        """
        reply = await self._operations.session.transact(Operation.GetStorageIDs, limit=DATASET_LIMIT)
        ids = sorted(set(decode_handles(reply.data)))
        if len(ids) > MOST_STORES:
            raise errors.TooLarge(f"the camera lists {len(ids)} stores, more than camfs shows")
        stores = {StorageID(number) for number in ids if number & 0xFFFF and number not in NO_STORES}
        slots = [number for number in ids if number and not number & 0xFFFF]
        for slot in slots:
            if all(slot >> 16 != store >> 16 for store in stores) and await self._has_room(StorageID(slot | 1)):
                stores.add(StorageID(slot | 1))
        if slots and not stores:
            stores = await self._search(slots)
        self._note_present(stores)
        if not stores:
            raise errors.StoreUnavailable(self.why_none(ids))
        return self._present

    def why_none(self, ids: Sequence[int] = ()) -> str:
        """Return why no store can be shown, and what to do.

        Args:
            ids: those that the camera lists all the same.
        """
        listed = f" (it lists {', '.join(f'{number:#010x}' for number in ids)})" if ids else ""
        return f"{NO_STORE}{listed}: {advice.without_store(self._operations.info)}"

    async def _search(self, slots: Iterable[int]) -> set[StorageID]:
        """Look for stores behind the ids of slots, none of which has one where it should be."""
        found: set[StorageID] = set()
        for slot in slots:
            for store in (StorageID(slot | 1), StorageID(slot), StorageID(slot | 2)):
                if await self._holds_objects(store) or (store == slot | 2 and await self._has_room(store)):
                    found.add(store)
                    break
        return found or await self._stores_of_objects()

    async def _has_room(self, store: StorageID) -> bool:
        try:
            info = await self._info(store)
        except errors.Busy:
            raise
        except errors.Refused as error:
            log.info("storage %#x: %s", store, error)
            return False
        return info is not None and info.max_capacity > 0 and info.max_capacity not in UNLIMITED

    async def _holds_objects(self, store: StorageID) -> bool:
        return bool(await self._in_root(store))

    async def _in_root(self, store: StorageID) -> Sequence[int]:
        """List the first handles in a store's root; none if it is no store."""
        try:
            reply = await self._operations.session.transact(Operation.GetObjectHandles, store, ANY_FORMAT, ROOT)
        except errors.Busy:
            raise
        except errors.Refused as error:
            log.info("storage %#x: %s", store, error)
            return ()
        return next(handles_in_parts(reply.data), ())

    async def _stores_of_objects(self) -> set[StorageID]:
        """Ask the objects in the roots of all stores which stores they are in."""
        found: set[StorageID] = set()
        for handle in (await self._in_root(ALL_STORAGES))[:ROOT_SAMPLE]:
            try:
                reply = await self._operations.session.transact(Operation.GetObjectInfo, handle, limit=DATASET_LIMIT)
                storage = ObjectInfo.decode(reply.data).storage
            except errors.Busy:
                raise
            except (errors.Refused, errors.RemoteProtocolError) as error:
                log.info("object %#x: %s", handle, error)
            else:
                if storage & 0xFFFF and storage not in NO_STORES:
                    found.add(storage)
        return found

    # ------------------------------------------------------------------ what they are called

    def _note_present(self, stores: Iterable[StorageID]) -> None:
        """Note which stores there are. One that is back lost its name if another has taken it meanwhile."""
        before, self._present = self._present, tuple(sorted(stores))
        for storage in self._present:
            name = self._names.get(storage)
            if storage not in before and name is not None and name.number in self._taken(name.kind, storage):
                del self._names[storage]

    def _taken(self, kind: str, but: StorageID) -> set[int]:
        """Return the numbers of the stores of a kind that are there, except one."""
        names = [self._names[storage] for storage in self.named if storage != but]
        return {name.number for name in names if name.kind == kind}

    async def name(self, storage: StorageID) -> str:
        """Return a store's name."""
        for each in sorted({*self._present, storage}):
            if each not in self._names:
                info = await self._described(each)
                if each not in self._names:
                    self._names[each] = self._choose_name(each, info)
        return str(self._names[storage])

    async def _described(self, storage: StorageID) -> StorageInfo | None:
        try:
            return await self._info(storage)
        except errors.Refused as error:
            # a card that is out, on cameras that list it nevertheless (SIGMA fp): it must not hide the other stores
            log.info("storage %#x: %s", storage, error)
            return None

    def _choose_name(self, storage: StorageID, info: StorageInfo | None) -> _Name:
        """Give a new store the number of the store that it resembles, of those that have vanished, or the lowest that is free."""
        built_in = info is not None and info.storage_type in (StorageType.FixedROM, StorageType.FixedRAM)
        kind = "memory" if built_in else "card"
        taken = self._taken(kind, storage)
        likeness = {
            other: (_is_like(name.info, info), other >> 16 == storage >> 16)
            for other, name in self._names.items()
            if other not in self._present and name.kind == kind and name.number not in taken
        }
        like = max(likeness, key=likeness.__getitem__, default=None)
        if like is not None and any(likeness[like]):
            return _Name(kind, self._names.pop(like).number, info)
        return _Name(kind, next(number for number in range(1, len(taken) + 2) if number not in taken), info)

    def that_may_hold(self, info: ObjectInfo) -> Sequence[StorageID]:
        """Return the stores that an object may be in: the one that its info names, that of the slot which it names, or all."""
        named = self.named
        if info.storage in named:
            return (info.storage,)
        slot = info.storage >> 16
        return [store for store in named if slot and not info.storage & 0xFFFF and store >> 16 == slot] or named

    # ------------------------------------------------------------------ room, formatting

    async def usage(self, storage: StorageID) -> Usage:
        """Measure the room in a store; none where the camera does not say.

        Raises:
            StoreUnavailable: what the camera says of it is not true of its card.
            Refused: the camera refuses to say.
        """
        info = await self._info(storage)
        if info is None:
            return Usage(0, 0)
        objects: int | None = None
        try:
            reply = await self._operations.attempt(
                Operation.GetNumObjects, storage, ANY_FORMAT, ANYWHERE, repeatable=True
            )
            if reply is not None and reply.parameters:
                objects = reply.parameters[0]
        except errors.DeviceGone:
            raise
        except errors.Refused as error:
            log.info("%s", error)
        except errors.CameraError as error:
            await self._check_camera()
            log.info("counting objects: %s", error)
            self._operations.give_up(Operation.GetNumObjects)
        if not objects and advice.hides_card(self._operations.info):
            raise errors.StoreUnavailable(self.why_none())
        total, free = (0 if size in UNLIMITED else size for size in (info.max_capacity, info.free_space))
        return Usage(total, min(free, total), objects)

    async def format(self, storage: StorageID) -> None:
        """Delete all that a store holds.

        Raises:
            Refused: a card was put in or taken out while this waited for its turn, so it may be another one.
        """
        self._operations.require(Operation.FormatStore)
        changed_at = self._changed_at
        await self._operations.session.transact(
            Operation.FormatStore,
            storage,
            0,
            timeout=FORMAT_TIME,
            same_session=True,
            still=lambda: self._changed_at == changed_at,
        )

    async def _info(self, storage: StorageID) -> StorageInfo | None:
        """Ask for a StorageInfo; None if the camera does not give it. Then it is not asked for any, if it answers otherwise.

        Raises:
            Refused: the camera's answer for this store.
            CameraError: the camera does not answer, whatever it is asked.
        """
        if self._is_silent:
            return None
        try:
            reply = await self._operations.session.transact(Operation.GetStorageInfo, storage, limit=DATASET_LIMIT)
        except (errors.DeviceGone, errors.Refused):
            raise
        except errors.CameraError as error:
            await self._check_camera()
            log.warning("the camera does not describe its stores: %s", error)
            self._is_silent = True
            return None
        try:
            return StorageInfo.decode(reply.data)
        except errors.RemoteProtocolError as error:
            log.info("storage %#x: %s", storage, error)
            return None

    async def _check_camera(self) -> None:
        """Find out, after an operation was not answered, whether it is the operation that fails, or the camera.

        Raises:
            CameraError: it is the camera.
        """
        await self._operations.session.transact(Operation.GetStorageIDs, limit=DATASET_LIMIT)


def _is_like(one: StorageInfo | None, other: StorageInfo | None) -> bool:
    """Say whether two descriptions may be of the same store."""
    if one is None or other is None:
        return False
    return (one.volume_label, one.description, one.max_capacity) == (
        other.volume_label,
        other.description,
        other.max_capacity,
    )

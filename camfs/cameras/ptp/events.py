"""The events of a PTP camera: received in order, and translated into changes of what camfs knows and shows.

The way of an event: `receive` takes it from the link and puts it into a queue, from which it is handled when those before it are done.
Handling drops what is not true any more (an ObjectInfo, a property's description), asks the camera what the event does not say (which
folder a new object is in), and announces the change: `FolderChanged`, `EntryChanged`, `EntryGone`, `KeyReused`. Every event, known or
not, is announced as `Happened` too, which is a line of `.events`: of an object that has come once it was described, of one that goes before
it is gone, and of a property with its new value (`_tell_settings`), once it could be read.

One event cannot wait in the queue: CancelTransaction, as the event before it may be waiting for the very transaction that it cancels.

A new object, whose event may come seconds before the camera describes it (Nikon), and may bear a handle that meant another one before
(a Sony gives the same to each shot, and a formatted card begins with 1 again)::

    ObjectAdded ──► what had the handle before is another now: KeyReused
        │
        ▼      described
    GetObjectInfo ───────► FolderChanged: its folder, or any if that cannot be told
     ▲  │ refused
     │  ▼
    waiting: `WAITS` seconds ── the last is over ──► FolderChanged: any
"""

import logging
from collections.abc import Awaitable, Callable

import trio

from camfs import errors
from camfs.cameras.api import Change, EntryChanged, EntryGone, FolderChanged, Happened, KeyReused
from camfs.cameras.ptp.capture import Capture
from camfs.cameras.ptp.link import Link
from camfs.cameras.ptp.objects import ObjectKey, Objects
from camfs.cameras.ptp.operations import DATASET_LIMIT, PtpOperations
from camfs.cameras.ptp.places import Places
from camfs.cameras.ptp.settings import PropertySettings
from camfs.cameras.ptp.stores import Stores
from camfs.protocols.ptp.codes import (
    ALL_STORAGES,
    ANYWHERE,
    ROOT,
    EventCode,
    ObjectHandle,
    Operation,
    StorageID,
    name_of,
)
from camfs.protocols.ptp.datasets import ObjectInfo
from camfs.protocols.ptp.messages import Event

log = logging.getLogger(__name__)

QUEUE = 1024
"""Events that may wait to be handled; the camera has to wait with more."""

RETRY = 0.1
"""Seconds until the link is asked again after an error."""

WAITS = (0.5, 0.5, 1.0, 2.0, 4.0, 6.0, 6.0)
"""Seconds before each further attempt to describe an object that was announced; 20 in all."""

SETTINGS_REST = 0.5
"""Seconds after which values are told again: some cameras announce the same property many times a second."""

NO_OBJECTS = (ANYWHERE, ROOT)
"""Handles that mean no one object, in an event without a parameter or with a wildcard."""


class Events:
    """Receives and translates the events of one camera.

    Args:
        operations: of the camera.
        stores, objects, places, capture, settings: what events are about.
        announce: is awaited with each change.
        renumber: called when handles mean other objects now.

    Attributes:
        announce_contents: whether one has come about an object: from then on listings need not be polled.
        is_news: asked of each event that comes over the link: False drops it, because it has come in another way already.
    """

    def __init__(
        self,
        operations: PtpOperations,
        stores: Stores,
        objects: Objects,
        places: Places,
        capture: Capture,
        settings: PropertySettings,
        announce: Callable[[Change], Awaitable[None]],
        renumber: Callable[[], None],
    ) -> None:
        self.announce_contents = False
        self.is_news: Callable[[Event], bool] = lambda event: True
        self._operations = operations
        self._session = operations.session
        self._stores = stores
        self._objects = objects
        self._places = places
        self._capture = capture
        self._settings = settings
        self._announce = announce
        self._renumber = renumber
        self._nursery: trio.Nursery | None = None
        self._queue: trio.MemorySendChannel[Event] | None = None
        self._awaited: set[ObjectHandle] = set()
        self._changed_properties: dict[int, str] = {}
        self._is_telling = False

    async def receive(self, link: Link) -> None:
        """Receive and handle events until the camera is gone."""
        queue, waiting = trio.open_memory_channel[Event](QUEUE)
        self._queue = queue
        async with trio.open_nursery() as self._nursery:
            nursery = self._nursery
            nursery.start_soon(self._handle_in_order, waiting)
            while not self._session.gone:
                try:
                    event = await link.receive_event()
                    if event.code == EventCode.CancelTransaction:
                        self._session.cancelled_by_camera(*event.parameters[:1] or (event.transaction_id,))
                    if self.is_news(event):
                        await queue.send(event)
                except errors.DeviceGone:
                    self._session.mark_gone()
                except errors.CameraError as error:
                    log.info("event: %s", error)
                    await trio.sleep(RETRY)
            nursery.cancel_scope.cancel()
        self._queue = None

    async def hand_in(self, event: Event) -> None:
        """Handle an event that the camera told in another way than over the link, behind those that have come before."""
        if self._queue is not None:
            await self._queue.send(event)
        else:
            await self.handle(event)

    async def _handle_in_order(self, waiting: trio.MemoryReceiveChannel[Event]) -> None:
        async for event in waiting:
            try:
                await self.handle(event)
            except (errors.NotFound, errors.DeviceGone) as error:
                log.info("after event 0x%04X: %s", event.code, error)
            except errors.CameraError as error:
                log.info("after event 0x%04X: %s; everything is listed again", event.code, error)
                await self._announce(FolderChanged(None))

    async def handle(self, event: Event) -> None:
        """Do what `REACTIONS` says of an event.

        Raises:
            CameraError: the camera did not answer what had to be asked.
        """
        if event.code in ABOUT_CONTENTS:
            self.announce_contents = True
        raw = " ".join([name_of(EventCode, event.code), *(f"0x{parameter:08X}" for parameter in event.parameters)])
        log.debug("event %s", raw)
        react = REACTIONS.get(event.code)
        number = event.parameters[0] if event.parameters else 0
        if event.code in ABOUT_CONTENTS and number in NO_OBJECTS:
            await self._announce(FolderChanged(None))
            react = None
        if react is None or event.code in WORDS:
            await self._announce(Happened(WORDS.get(event.code, "event"), raw))
        if react is not None:
            await react(self, number, raw)

    # ------------------------------------------------------------------ objects

    async def _object_added(self, number: int, raw: str) -> None:
        handle = ObjectHandle(number)
        self._capture.note_announced(handle)
        try:
            await self._show(handle, raw)
        except errors.Refused as error:
            log.info("object %#x was announced and cannot be described yet: %s", handle, error)
            if handle in self._awaited:
                await self._announce(Happened("added", raw))
            elif self._nursery is not None:
                self._awaited.add(handle)
                self._nursery.start_soon(self._look_again, handle, raw)
        except errors.CameraError:  # a camera that does not answer is not asked again and again: others wait for it
            self._capture.note_given_up(handle)
            await self._announce(Happened("added", raw))
            raise

    async def _look_again(self, handle: ObjectHandle, raw: str) -> None:
        """Try to describe an object that was announced, again and again for a while."""
        try:
            for seconds in WAITS:
                await trio.sleep(seconds)
                try:
                    await self._show(handle, raw)
                except errors.Refused as error:
                    log.info("object %#x: %s", handle, error)
                except errors.CameraError as error:
                    log.info("object %#x: %s", handle, error)
                    break
                if handle not in self._awaited or self._session.gone:
                    return
            log.warning("the camera announced object %#x and never described it", handle)
            await self._announce(Happened("added", raw))
            await self._announce(FolderChanged(None))
        finally:
            self._awaited.discard(handle)
            self._capture.note_given_up(handle)

    async def _show(self, handle: ObjectHandle, raw: str) -> None:
        """Describe an object that was announced, and have the folders listed again that it may be in.

        Raises:
            CameraError: it cannot be described.
        """
        await self._doubt(handle)
        info = await self._objects.info(handle)
        await self._doubt(handle)  # it may have been described meanwhile, as what it was before
        self._capture.note_object(handle, info)
        await self._announce_folders(handle, info)
        await self._announce(Happened("added", raw, tuple(self._objects.keys(handle, info)), is_new=True))
        self._awaited.discard(handle)

    async def _doubt(self, handle: ObjectHandle) -> None:
        """Drop what is known of an object; if it was shown, have it described again."""
        was_described = self._objects.was_described(handle)
        self._objects.drop(handle)
        if was_described:
            for key in self._possible_keys(handle):
                await self._announce(KeyReused(key))

    def _possible_keys(self, handle: ObjectHandle) -> tuple[ObjectKey, ...]:
        return tuple(ObjectKey(storage, handle) for storage in self._stores.named)

    async def _object_removed(self, number: int, raw: str) -> None:
        handle = ObjectHandle(number)
        self._awaited.discard(handle)
        self._objects.drop(handle)
        await self._announce(Happened("removed", raw, self._possible_keys(handle)))
        for key in self._possible_keys(handle):
            await self._announce(EntryGone(key))

    async def _object_changed(self, number: int, raw: str) -> None:
        handle = ObjectHandle(number)
        was_described = self._objects.was_described(handle)
        self._objects.drop(handle)
        await self._announce(Happened("changed", raw, self._possible_keys(handle)))
        try:
            info = await self._objects.info(handle)
        except errors.DeviceGone:
            raise
        except errors.CameraError:
            for key in self._possible_keys(handle):
                await self._announce(KeyReused(key))
            raise
        for key in self._objects.keys(handle, info):
            await self._announce(EntryChanged(key))
        if not was_described:  # its folder may have been listed without it, as it could not be described
            await self._announce_folders(handle, info)

    async def _announce_folders(self, handle: ObjectHandle, info: ObjectInfo) -> None:
        """Have the folders listed again that an object may be in."""
        folders = await self._places.changed_by(handle, info)
        for folder in [None] if folders is None else folders:
            await self._announce(FolderChanged(folder))

    # ------------------------------------------------------------------ stores

    async def _storage_changed(self, _storage: int, _raw: str) -> None:
        await self._announce(FolderChanged(None))

    async def _store_added(self, number: int, raw: str) -> None:
        await self._store_replaced(number)
        await self._announce(Happened("store added", raw, (ObjectKey(StorageID(number), ROOT),), is_new=True))

    async def _store_removed(self, number: int, raw: str) -> None:
        await self._announce(Happened("store removed", raw, (ObjectKey(StorageID(number), ROOT),)))
        await self._store_replaced(number)

    async def _store_replaced(self, number: int) -> None:
        """A card was taken out or put in. Many cameras make handles from numbers, so they may mean objects of another card now."""
        self._objects.drop_all()
        self._stores.note_change()
        for storage in self._stores.named:
            if number in (storage, storage & 0xFFFF0000, ALL_STORAGES, 0):
                await self._announce(KeyReused(ObjectKey(storage, ROOT)))
        await self._announce(FolderChanged(None))

    # ------------------------------------------------------------------ the camera

    async def _property_changed(self, code: int, raw: str) -> None:
        self._settings.invalidate(code)
        self._changed_properties[code] = raw
        if not self._is_telling and self._nursery is not None:
            self._is_telling = True
            self._nursery.start_soon(self._tell_settings)

    async def _tell_settings(self) -> None:
        """Tell the properties that have changed, with their values; while a picture is being taken the camera is not asked."""
        try:
            while self._changed_properties:
                changed, self._changed_properties = self._changed_properties, {}
                for code, raw in changed.items():
                    while self._capture.is_taking:
                        await trio.sleep(SETTINGS_REST)
                    await self._announce(Happened(await self._setting(code), raw))
                if self._changed_properties:
                    await trio.sleep(SETTINGS_REST)
        finally:
            self._is_telling = False

    async def _setting(self, code: int) -> str:
        name = self._settings.vocabulary.name(code)
        try:
            return f"setting {name} {await self._settings.read(name)}"
        except errors.CameraError as error:
            log.info("the new value of %s: %s", name, error)
            return f"setting {name}"

    async def _device_info_changed(self, _nothing: int, _raw: str) -> None:
        self._settings.invalidate()
        await self._operations.read_device_info()

    async def _device_reset(self, _nothing: int, _raw: str) -> None:
        """The camera closed its session by itself: send something that needs one, so that it is opened again."""
        await self._session.transact(Operation.GetStorageIDs, limit=DATASET_LIMIT)
        await self._operations.read_device_info()
        self._renumber()
        await self._announce(FolderChanged(None))

    # ------------------------------------------------------------------ the shot

    async def _store_full(self, _storage: int, _raw: str) -> None:
        self._capture.note_store_full()

    async def _capture_complete(self, _transaction: int, _raw: str) -> None:
        self._capture.note_complete()


REACTIONS: dict[int, Callable[[Events, int, str], Awaitable[None]]] = {
    EventCode.ObjectAdded: Events._object_added,
    EventCode.RequestObjectTransfer: Events._object_added,
    EventCode.ObjectRemoved: Events._object_removed,
    EventCode.ObjectInfoChanged: Events._object_changed,
    EventCode.StoreAdded: Events._store_added,
    EventCode.StoreRemoved: Events._store_removed,
    EventCode.StorageInfoChanged: Events._storage_changed,
    EventCode.DevicePropChanged: Events._property_changed,
    EventCode.DeviceInfoChanged: Events._device_info_changed,
    EventCode.DeviceReset: Events._device_reset,
    EventCode.StoreFull: Events._store_full,
    EventCode.CaptureComplete: Events._capture_complete,
}
"""What is done about an event, given its first parameter and all of it in words (camfs/protocols/ptp/README.md, "Events").

CancelTransaction is not here: `receive` handles it at once.
"""

WORDS: dict[int, str] = {
    EventCode.CancelTransaction: "transaction cancelled",
    EventCode.DeviceInfoChanged: "camera info changed",
    EventCode.StoreFull: "store full",
    EventCode.DeviceReset: "camera reset",
    EventCode.StorageInfoChanged: "store changed",
    EventCode.CaptureComplete: "capture complete",
    EventCode.UnreportedStatus: "something changed",
}
"""What `.events` calls an event that is about no object and no property, and about no store that comes or goes."""

ABOUT_CONTENTS = {
    EventCode.ObjectAdded,
    EventCode.ObjectRemoved,
    EventCode.ObjectInfoChanged,
    EventCode.RequestObjectTransfer,
}
"""Events about an object: a camera that has sent one is trusted to announce every change of its contents.

Those about stores are not here: cameras that tell of a card and never of a picture are many (bodies list 0x4004 and 0x4005 alone).
"""

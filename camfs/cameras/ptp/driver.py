"""The driver of any PTP camera: stores, objects, thumbnails and events in the words of `cameras.camera`.

A folder is listed by its parent handle, one transaction, and each object in it described by one more (GetObjectInfo) when it is asked
for; a camera with GetObjectPropList describes the whole folder in a few. Nothing is asked that the camera does not list among its
operations.

What cameras get wrong, and what is done about it (reference ptp, 4.3 and 5):

* The root's objects name themselves or their storage as parent (EOS, Apple): taken as the root.
* The parent in GetObjectHandles is ignored and everything listed: each object's own parent decides, and is remembered.
* A size of 0xFFFFFFFF means 4 GiB - 1 or more: the MTP property knows; where it cannot be had, the end of the file is an error.
* An operation is listed and then refused as unsupported: it is not asked again, and its fallback used.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence, Set
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

import trio

from camfs import errors
from camfs.cameras.api import (
    Browsed,
    Change,
    Entry,
    EntryChanged,
    EntryGone,
    FolderChanged,
    Gone,
    Happened,
    Key,
    Usage,
)
from camfs.cameras.ptp.downloads import Downloads
from camfs.cameras.ptp.link import Link
from camfs.cameras.ptp.session import Reply, Session
from camfs.cameras.ptp.settings import PropertySettings
from camfs.protocols.ptp import properties
from camfs.protocols.ptp.codes import (
    ALL_STORAGES,
    ANY_FORMAT,
    ANYWHERE,
    ROOT,
    SIZE_UNKNOWN,
    EventCode,
    ObjectFormat,
    ObjectHandle,
    ObjectProperty,
    Operation,
    ResponseCode,
    StorageID,
    is_picture,
    name_of,
)
from camfs.protocols.ptp.datasets import (
    DeviceInfo,
    ObjectInfo,
    StorageInfo,
    StorageType,
    decode_handles,
    decode_object_prop_list,
)
from camfs.protocols.ptp.messages import Event
from camfs.protocols.ptp.values import Reader, decode_date_time, encode_date_time

log = logging.getLogger(__name__)

PIECE = 1 << 20
"""Bytes asked of GetPartialObject at most: what libgphoto2 asks, so what cameras are used to."""

MAX_THUMBNAIL = 8 << 20
MAX_SIZE = (1 << 63) - 1
"""Bytes of a file that a file system can say."""

MAX_DEPTH = 64
"""Folders in folders, before a camera's parents are taken for a circle."""

CAPTURE_TIMEOUT = 60.0
"""Seconds to wait for a picture after InitiateCapture: the longest exposures are half of it."""

CAPTURE_QUIET = 1.0
"""Seconds without another ObjectAdded after which a capture is complete, on cameras that do not say CaptureComplete."""

CAPTURE_LATE = 5.0
"""The same on cameras that list CaptureComplete: some list events and never send them (SIGMA fp)."""

CLOCK_SLACK = timedelta(minutes=1)
"""Some cameras know no seconds."""

_FOLDER_PROPERTIES = (
    ObjectProperty.ObjectFileName,
    ObjectProperty.ObjectFormat,
    ObjectProperty.ObjectSize,
    ObjectProperty.DateModified,
    ObjectProperty.ParentObject,
)
"""What GetObjectPropList is asked for a folder, one transaction each: all properties at once take phones very long."""


class ObjectKey(NamedTuple):
    """The key of an entry: a storage and an object in it; the storage itself has the handle ROOT."""

    storage: StorageID
    handle: ObjectHandle


class PtpCamera(Browsed):
    """A PTP camera on any link. See `cameras.camera.Camera` for its methods.

    Args:
        link: carries the messages; closed by `aclose`.
        nursery: runs what goes on in the background.
        zone: the zone of dates without one; None is this computer's.
        timeout: seconds without a byte after which a transaction has failed.

    Attributes:
        session: on which a driver that knows more of the camera runs the maker's operations.
        when_renumbered: called after `epoch` has been raised.
    """

    def __init__(self, link: Link, nursery: trio.Nursery, zone: tzinfo | None = None, timeout: float = 10.0) -> None:
        self.epoch = 0
        self.when_renumbered: Callable[[], None] = lambda: None
        self.info = DeviceInfo()
        self._announce, self.changes = trio.open_memory_channel[Change](1024)
        self._link = link
        self._zone = zone
        self.session = Session(link, timeout, self.renumber)
        self._downloads = Downloads(self.session, nursery, self._learn_size)
        self._settings = PropertySettings(self.session)
        self._unsupported: set[int] = set()
        self._store_names: dict[StorageID, str] = {}
        self._ignores_parent = False
        self._in_roots: dict[StorageID, frozenset[ObjectHandle]] = {}
        self._lists_of_all: set[ObjectKey] = set()
        self._parents_are_wrong = False
        self._described: set[ObjectHandle] = set()
        self._infos: dict[ObjectHandle, ObjectInfo] = {}
        self._true_sizes: dict[ObjectHandle, int] = {}
        self._sends_events = False
        self._captured: list[ObjectHandle] | None = None
        self._capture_news = trio.Event()
        self._capture_complete = False
        self._capture_failure: errors.CameraError | None = None

    # ------------------------------------------------------------------ life

    async def open(self) -> None:
        """Open the session and read what the camera is.

        Raises:
            CameraError: it does not answer as a PTP camera.
        """
        await self.session.open()
        try:
            await self._read_device_info()
        except errors.ProtocolError as error:
            raise errors.RemoteProtocolError(f"the device does not answer as a PTP camera does: {error}") from None

    async def _read_device_info(self) -> None:
        reply = await self.session.transact(Operation.GetDeviceInfo, limit=1 << 16)
        self._take(DeviceInfo.decode(reply.data))

    def _take(self, info: DeviceInfo) -> None:
        self.info = info
        self._unsupported.clear()
        self._settings.offer(self.info.device_properties, self.info.operations)

    async def reattach(self, link: Link) -> None:
        """Go on over another link, after the camera was gone; what was listed is looked at anew.

        Raises:
            CameraError: what is on the link is another camera, or does not answer; the link is closed, the camera gone as before.
        """
        try:
            await self.session.reattach(link, self._recognise)
        except BaseException:
            with trio.CancelScope(shield=True):
                await link.aclose()
            raise
        self._link, before = link, self._link
        await before.aclose()
        await self.announce(FolderChanged(None))

    def _recognise(self, device_info: bytes | memoryview) -> None:
        info = DeviceInfo.decode(device_info)
        if (info.model, info.serial_number) != (self.info.model, self.info.serial_number):
            raise errors.DeviceGone(f"another camera is there: {info.model}, serial {info.serial_number}")
        self._take(info)

    async def listen(self) -> None:
        """Receive events until the camera is gone."""
        waiting, due = trio.open_memory_channel[Event](1024)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._handle_in_turn, due)
            while not self.session.gone:
                try:
                    event = await self._link.receive_event()
                    if event.code == EventCode.CancelTransaction:
                        # at once: what is to be done about events before it may wait for that very transaction
                        self.session.cancelled_by_camera(*event.parameters[:1] or (event.transaction_id,))
                    await waiting.send(event)
                except errors.DeviceGone:
                    self.session.mark_gone()
                except errors.CameraError as error:
                    log.info("event: %s", error)
                    await trio.sleep(0.1)
            nursery.cancel_scope.cancel()
        await self._announce.send(Gone())

    async def _handle_in_turn(self, due: trio.MemoryReceiveChannel[Event]) -> None:
        async for event in due:
            try:
                await self._handle(event)
            except (errors.NotFound, errors.DeviceGone) as error:
                log.info("after event 0x%04X: %s", event.code, error)
            except errors.CameraError as error:
                log.info("after event 0x%04X: %s; all is listed again", event.code, error)
                await self._announce.send(FolderChanged(None))

    async def aclose(self) -> None:
        """Close the session and let go of the device; never raises."""
        with trio.CancelScope(shield=True):
            await self.session.close()
            await self._link.aclose()

    @property
    def gone(self) -> bool:
        """See `Camera.gone`."""
        return self.session.gone

    @property
    def sends_events(self) -> bool:
        """See `Camera.sends_events`. Where parents are wrong, an event does not tell which folder it is about."""
        return self._sends_events and not self._parents_are_wrong

    def renumber(self) -> None:
        """Take it that handles mean other objects now: the session was opened again, or the camera has been another's for a while."""
        self.epoch += 1
        self._forget_objects()
        self.when_renumbered()

    async def announce(self, change: Change) -> None:
        """Tell of a change."""
        await self._announce.send(change)

    def _forget_objects(self) -> None:
        self._infos.clear()
        self._true_sizes.clear()
        self._described.clear()
        self._lists_of_all.clear()
        self._downloads.drop()

    def _lists(self, operation: int) -> bool:
        return operation in self.info.operations and operation not in self._unsupported

    def _require(self, operation: Operation) -> None:
        """Refuse for the camera what it does not list."""
        if not self._lists(operation):
            raise errors.NotSupported(f"this camera has no {operation.name}")

    async def _try(
        self, operation: int, *parameters: int, limit: int = 1 << 16, repeatable: bool | None = None
    ) -> Reply | None:
        """Run an operation that has a fallback: None if the camera does not list it, or turns out not to know it."""
        if not self._lists(operation):
            return None
        try:
            return await self.session.transact(operation, *parameters, limit=limit, repeatable=repeatable)
        except errors.NotSupported as error:
            log.info("%s", error)
            if error.code == ResponseCode.OperationNotSupported:
                self._unsupported.add(operation)
            return None

    # ------------------------------------------------------------------ listing

    async def list_folder(self, key: Key | None) -> Sequence[ObjectKey]:
        """See `Camera.list_folder`."""
        if key is None:
            reply = await self.session.transact(Operation.GetStorageIDs, limit=1 << 16)
            # a low half of 0 is a slot without a card
            return [ObjectKey(StorageID(i), ROOT) for i in sorted(set(decode_handles(reply.data))) if i & 0xFFFF]
        folder = _key(key)
        handles = await self._handles(folder)
        if folder.handle == ROOT:
            self._in_roots[folder.storage] = frozenset(handles)
        elif folder.handle in handles:
            self._lists_of_all.add(folder)
        news = handles.keys() - self._described
        if len(news) > len(_FOLDER_PROPERTIES) and not self._ignores_parent:
            await self._read_folder_properties(folder, news)
        return [ObjectKey(folder.storage, handle) for handle in handles if handle != folder.handle]

    async def _handles(self, folder: ObjectKey) -> dict[ObjectHandle, None]:
        """List the handles that the camera gives for a folder, each once, in its order."""
        try:
            reply = await self.session.transact(Operation.GetObjectHandles, folder.storage, ANY_FORMAT, folder.handle)
        except errors.InvalidValue:
            # ParameterNotSupported: cameras that take no storage here (libgphoto2)
            reply = await self.session.transact(Operation.GetObjectHandles, ALL_STORAGES, ANY_FORMAT, folder.handle)
            # an object's properties as they are asked for do not tell its storage
            self._unsupported.add(Operation.GetObjectPropList)
        return dict.fromkeys(ObjectHandle(n) for n in decode_handles(reply.data) if n not in (ANYWHERE, ROOT))

    async def _read_folder_properties(self, folder: ObjectKey, handles: Set[ObjectHandle]) -> None:
        """Describe some of a folder's objects by GetObjectPropList, where the camera has it, for `describe` to find."""
        described: dict[ObjectHandle, dict[int, object]] = {}
        parent = ANYWHERE if folder.handle == ROOT else folder.handle
        for code in _FOLDER_PROPERTIES:
            try:
                reply = await self._try(
                    Operation.GetObjectPropList, parent, ANY_FORMAT, code, 0, 1, limit=64 << 20, repeatable=False
                )
                if reply is None:
                    return
                elements = decode_object_prop_list(reply.data)
            except errors.DeviceGone:
                raise
            except errors.CameraError as error:
                # libgphoto2 does without for nearly all cameras: it takes some of them long, and some never answer
                log.info("listing by properties: %s", error)
                self._unsupported.add(Operation.GetObjectPropList)
                return
            for element in elements:
                described.setdefault(element.handle, {})[element.code] = element.value
        if not handles & described.keys():
            self._unsupported.add(Operation.GetObjectPropList)
        for handle, values in described.items():
            name, object_format, size, date, parent_handle = map(values.get, _FOLDER_PROPERTIES)
            if handle not in handles or not isinstance(name, str) or not isinstance(object_format, int):
                continue
            if isinstance(size, int) and size >= 0:
                self._infos[handle] = ObjectInfo(
                    storage=folder.storage,
                    object_format=object_format,
                    compressed_size=min(size, SIZE_UNKNOWN),
                    parent=ObjectHandle(parent_handle) if isinstance(parent_handle, int) else parent,
                    filename=name,
                    modification_date=date if isinstance(date, str) else "",
                )
                self._true_sizes[handle] = size

    async def describe(self, key: Key, folder: Key | None) -> Entry | None:
        """See `Camera.describe`."""
        storage, handle = _key(key)
        if handle == ROOT:
            return await self._describe_store(storage)
        info = self._infos.get(handle)
        if info is None:
            info = await self._object_info(handle)
        elif not self._ignores_parent:
            del self._infos[handle]
        if folder is not None and self._lies_elsewhere(handle, info, _key(folder)):
            self._ignores_parent = True
            self._infos[handle] = info
            return None
        entry = await self._entry(ObjectKey(storage, handle), info)
        self._described.add(handle)
        return entry

    def _lies_elsewhere(self, handle: ObjectHandle, info: ObjectInfo, folder: ObjectKey) -> bool:
        """Say whether an object that was listed in a folder is in another.

        Its parent decides only where the list shows that it is not of this folder alone: it names the object's parent, or the
        folder itself. An object whose parent is wrong, on a camera whose lists are right, is seen where it was listed.
        """
        if info.storage not in (0, folder.storage) and info.storage in self._store_names:
            return True
        parent = _parent(handle, info)
        if folder.handle == ROOT:
            return parent in self._in_roots.get(folder.storage, ())
        if parent != folder.handle and folder not in self._lists_of_all:
            self._parents_are_wrong = True
            return False
        return parent != folder.handle

    async def _object_info(self, handle: ObjectHandle) -> ObjectInfo:
        """Ask for an object's ObjectInfo.

        Raises:
            Refused: it cannot be had of this object.
            CameraError: the camera does not answer, whatever it is asked.
        """
        try:
            reply = await self.session.transact(Operation.GetObjectInfo, handle, limit=1 << 16)
        except errors.RemoteProtocolError as error:
            # is it this object, or the camera? Only of an object may be said that it is not there
            await self.session.transact(Operation.GetStorageIDs, limit=1 << 16)
            raise errors.Refused(f"object {handle:#x}: {error}") from None
        try:
            info = ObjectInfo.decode(reply.data)
        except errors.RemoteProtocolError as error:
            raise errors.Refused(f"object {handle:#x}: {error}") from None
        if self._ignores_parent:
            self._infos[handle] = info
        return info

    async def _describe_store(self, storage: StorageID) -> Entry:
        if storage not in self._store_names:
            try:
                kind = (await self._storage_info(storage)).storage_type
            except errors.Busy:
                raise
            except (errors.Refused, errors.RemoteProtocolError) as error:
                # a card that is out, on cameras that list it all the same (SIGMA fp): it must not hide the other store
                log.info("storage %#x: %s", storage, error)
                kind = StorageType.Undefined
            self._store_names[storage] = "memory" if kind in (StorageType.FixedROM, StorageType.FixedRAM) else "card"
        same = [other for other, name in self._store_names.items() if name == self._store_names[storage]]
        number = sorted(same).index(storage) + 1
        name = self._store_names[storage] + (str(number) if number > 1 else "")
        return Entry(ObjectKey(storage, ROOT), name, f"{storage:08x}", is_folder=True)

    async def _entry(self, key: ObjectKey, info: ObjectInfo) -> Entry:
        is_folder = info.object_format == ObjectFormat.Association
        size, exact = info.compressed_size, True
        if is_folder:
            size = 0
        elif key.handle in self._true_sizes:
            size = self._true_sizes[key.handle]
        elif size == SIZE_UNKNOWN:
            size, exact = await self._large_size(key.handle)
        moment = decode_date_time(info.modification_date, self._zone) or decode_date_time(info.capture_date, self._zone)
        return Entry(
            key,
            info.filename,
            f"{key.handle:08x}",
            is_folder,
            min(size, MAX_SIZE),
            exact,
            0 if moment is None else round(moment.timestamp() * 10) * 100_000_000,
            not is_folder and (is_picture(info.object_format) or info.thumb_compressed_size > 0),
        )

    async def _large_size(self, handle: ObjectHandle) -> tuple[int, bool]:
        """Ask for the 64-bit size of an object whose ObjectInfo cannot hold it."""
        try:
            reply = await self._try(Operation.GetObjectPropValue, handle, ObjectProperty.ObjectSize)
            if reply is not None:
                return Reader(reply.data).u64(), True
            reply = await self._try(Operation.GetObjectPropList, handle, ANY_FORMAT, ObjectProperty.ObjectSize, 0, 0)
            for element in decode_object_prop_list(reply.data) if reply is not None else ():
                if isinstance(element.value, int) and element.code == ObjectProperty.ObjectSize:
                    return element.value, True
        except (errors.Refused, errors.RemoteProtocolError) as error:
            log.info("size of object %#x: %s", handle, error)
        return SIZE_UNKNOWN, False

    async def locate(self, key: Key) -> Sequence[ObjectKey]:
        """See `Camera.locate`."""
        storage, handle = _key(key)
        way = [handle]
        while handle != ANYWHERE:
            info = await self._object_info(handle)
            storage = info.storage or storage
            handle = _parent(handle, info)
            if handle in way or len(way) > MAX_DEPTH:
                raise errors.RemoteProtocolError(f"the parents of object {handle:#x} go in a circle")
            way.append(handle)
        return [ObjectKey(storage, ROOT), *(ObjectKey(storage, step) for step in reversed(way[:-1]))]

    # ------------------------------------------------------------------ data

    async def read(self, entry: Entry, offset: int, size: int) -> bytes | memoryview:
        """See `Camera.read`.

        Raises:
            TooLarge: beyond 4 GiB on a camera without GetPartialObject64, or the end of a file whose size cannot be had.
        """
        handle = _key(entry.key).handle
        size = min(size, entry.size - offset)
        if not entry.size_is_exact and offset + size >= entry.size:
            raise errors.TooLarge(
                f"{entry.name}: the camera does not tell how much more than {entry.size} bytes it has"
            )
        if size <= 0:
            return b""  # an empty object least of all is to be asked for (libgphoto2)
        if not self._lists(Operation.GetPartialObject) and not self._lists(Operation.GetPartialObject64):
            return await self._downloads.read(handle, offset, size)
        pieces: list[bytes | memoryview] = []
        while size > 0:
            data = await self._read_piece(handle, offset, min(size, PIECE))
            if data is None:
                data = await self._downloads.read(handle, offset, size)
            if not data:
                break
            pieces.append(data)
            offset += len(data)
            size -= len(data)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _read_piece(self, handle: ObjectHandle, offset: int, size: int) -> bytes | memoryview | None:
        low, high = offset & 0xFFFFFFFF, offset >> 32
        if offset + size <= 1 << 32:
            reply = await self._try(Operation.GetPartialObject, handle, offset, size, limit=size)
            if reply is not None:
                return reply.data
        reply = await self._try(Operation.GetPartialObject64, handle, low, high, size, limit=size)
        if reply is not None:
            return reply.data
        if self._lists(Operation.GetPartialObject):
            raise errors.TooLarge("the camera has no operation that reads beyond 4 GiB")
        return None

    def reads_short(self, entry: Entry) -> bool:
        """See `Camera.reads_short`."""
        return False

    async def release(self, entry: Entry) -> None:
        """See `Camera.release`."""
        self._downloads.release(_key(entry.key).handle)

    async def _learn_size(self, handle: ObjectHandle, size: int) -> None:
        """Note how long an object really was, where its ObjectInfo says otherwise."""
        info = self._infos.get(handle) or await self._object_info(handle)
        if size != self._true_sizes.get(handle, info.compressed_size):
            log.warning("%s: the camera announced %d bytes and sent %d", info.filename, info.compressed_size, size)
            self._true_sizes[handle] = size
            for storage in self._storages_of(info):
                await self._announce.send(EntryChanged(ObjectKey(storage, handle)))

    async def thumbnail(self, entry: Entry) -> bytes:
        """See `Camera.thumbnail`."""
        if not self._lists(Operation.GetThumb):
            raise errors.NoData("this camera gives no thumbnails")
        handle = _key(entry.key).handle
        return bytes((await self.session.transact(Operation.GetThumb, handle, limit=MAX_THUMBNAIL)).data)

    async def delete(self, entry: Entry) -> None:
        """See `Camera.delete`."""
        handle = _key(entry.key).handle
        if handle in (ANYWHERE, ROOT):
            raise errors.NotPermitted("a store cannot be deleted")
        self._require(Operation.DeleteObject)
        await self.session.transact(Operation.DeleteObject, handle, ANY_FORMAT, same_session=True)
        self._forget(handle)

    async def rename(self, entry: Entry, name: str) -> None:
        """See `Camera.rename`."""
        raise errors.StoreReadOnly("nothing can be renamed in a PTP store")

    def _forget(self, handle: ObjectHandle) -> None:
        self._infos.pop(handle, None)
        self._true_sizes.pop(handle, None)
        self._described.discard(handle)
        self._downloads.drop(handle)

    # ------------------------------------------------------------------ stores

    async def _storage_info(self, storage: StorageID) -> StorageInfo:
        reply = await self.session.transact(Operation.GetStorageInfo, storage, limit=1 << 16)
        return StorageInfo.decode(reply.data)

    async def usage(self, store: Key) -> Usage:
        """See `Camera.usage`."""
        storage = _key(store).storage
        info = await self._storage_info(storage)
        objects: int | None = None
        try:
            reply = await self._try(Operation.GetNumObjects, storage, ANY_FORMAT, ANYWHERE, repeatable=True)
            if reply is not None and reply.parameters:
                objects = reply.parameters[0]
        except errors.Refused as error:
            log.info("%s", error)
        total, free = (
            0 if size in (SIZE_UNKNOWN, (1 << 64) - 1) else size for size in (info.max_capacity, info.free_space)
        )
        return Usage(total, min(free, total), objects)

    async def format(self, store: Key) -> None:
        """See `Camera.format`."""
        self._require(Operation.FormatStore)
        await self.session.transact(Operation.FormatStore, _key(store).storage, 0)
        await self.refresh()

    async def refresh(self) -> None:
        """See `Camera.refresh`."""
        self._forget_objects()
        self._settings.forget()
        self._ignores_parent = False

    # ------------------------------------------------------------------ settings, clock

    def setting_names(self) -> Sequence[str]:
        """See `Camera.setting_names`."""
        return self._settings.names()

    async def setting(self, name: str) -> str:
        """See `Camera.setting`."""
        return await self._settings.read(name)

    async def choices(self, name: str) -> Sequence[str]:
        """See `Camera.choices`."""
        return await self._settings.choices(name)

    async def change_setting(self, name: str, value: str) -> None:
        """See `Camera.change_setting`."""
        await self._settings.change(name, value)

    async def clock(self) -> datetime:
        """See `Camera.clock`."""
        text = await self._settings.value(properties.DATE_TIME)
        moment = decode_date_time(text, self._zone) if isinstance(text, str) else None
        if moment is None:
            raise errors.RemoteProtocolError(f"the camera's clock reads {text!r}")
        return moment

    async def set_clock(self, moment: datetime) -> None:
        """See `Camera.set_clock`. The time is written without a zone: PTP cameras know the local time only; a naive one is that."""
        try:
            local = moment if moment.tzinfo is None else moment.astimezone(self._zone).replace(tzinfo=None)
        except (OverflowError, ValueError):
            raise errors.InvalidValue(f"{moment} is no time for a camera") from None
        await self._settings.change_value(properties.DATE_TIME, encode_date_time(local), compare=False)
        shown = await self.clock()
        if abs(shown.replace(tzinfo=None) - local) > CLOCK_SLACK:
            raise errors.NotPermitted(f"the camera's clock stays at {shown.isoformat()}")

    # ------------------------------------------------------------------ capture, raw, status

    async def capture(self) -> Sequence[ObjectKey]:
        """See `Camera.capture`. InitiateCapture, then ObjectAdded for each file and CaptureComplete."""
        if not self._lists(Operation.InitiateCapture):
            raise errors.NotSupported("this camera takes no pictures by PTP")
        if self._captured is not None:
            raise errors.Busy("a picture is being taken")
        # a camera may list the event and never send it (the fp's whole list: reference sigma-fp, section 20)
        polled = EventCode.ObjectAdded not in self.info.events or not self._sends_events
        known = set(await self._everything()) if polled else set()
        self._captured, self._capture_complete, self._capture_failure = [], False, None
        try:
            await self.session.transact(Operation.InitiateCapture, 0, 0)
            with trio.move_on_after(CAPTURE_TIMEOUT):
                while not await self._capture_is_over():
                    for handle in await self._everything() if polled else ():
                        if handle not in known:
                            known.add(handle)
                            self._note_captured(handle, await self._object_info(handle))
            if self._capture_failure is not None:
                raise self._capture_failure
            if not self._captured:
                raise errors.TransferTimeout("the camera took no picture")
            return [(await self.locate(ObjectKey(StorageID(0), handle)))[-1] for handle in self._captured]
        finally:
            self._captured = None

    async def _capture_is_over(self) -> bool:
        """Wait for news of the capture for a while, and say whether there is no more to wait for."""
        if self._capture_complete and self._captured:
            return True
        self._capture_news = trio.Event()
        had = bool(self._captured)
        with trio.move_on_after(
            CAPTURE_LATE if EventCode.CaptureComplete in self.info.events else CAPTURE_QUIET
        ) as quiet:
            if self._capture_failure is None:
                await self._capture_news.wait()
        return self._capture_failure is not None or (quiet.cancelled_caught and had)

    def _note_captured(self, handle: ObjectHandle, info: ObjectInfo) -> None:
        """Note a new object while a picture is taken; a new folder for it is none of its files."""
        is_file = info.object_format != ObjectFormat.Association
        if self._captured is not None and is_file and handle not in self._captured:
            self._captured.append(handle)
            self._capture_news.set()

    async def _everything(self) -> list[ObjectHandle]:
        reply = await self.session.transact(Operation.GetObjectHandles, ALL_STORAGES, ANY_FORMAT, ANYWHERE)
        return [ObjectHandle(handle) for handle in decode_handles(reply.data)]

    async def raw(self, command: str) -> str:
        """See `Camera.raw`: `CODE [PARAMETER…] [: DATA]` gives `RESPONSE [PARAMETER…] : DATA`, all hexadecimal."""
        head, _, tail = command.partition(":")
        try:
            operation, *parameters = (int(word, 16) for word in head.split())
            data = bytes.fromhex(tail) if ":" in command else None
        except ValueError:
            raise errors.InvalidValue("a raw command is: CODE [PARAMETER…] [: DATA], in hexadecimal") from None
        if (
            not 0 <= operation <= 0xFFFF
            or len(parameters) > 5
            or any(not 0 <= number <= 0xFFFFFFFF for number in parameters)
        ):
            raise errors.InvalidValue("a code has 4 digits, a parameter 8; at most 5 parameters")
        try:
            reply = await self.session.transact(operation, *parameters, data=data, repeatable=False)
        except errors.Refused as error:
            return f"{error.code:04x}" if error.code is not None else str(error)
        answer = " ".join([f"{ResponseCode.OK:04x}", *(f"{number:08x}" for number in reply.parameters)])
        return f"{answer} : {reply.data.hex()}" if reply.data else answer

    async def status(self) -> Sequence[tuple[str, str]]:
        """See `Camera.status`."""
        lines = [
            ("camera", self.info.model or self.info.manufacturer or "PTP camera"),
            ("serial", self.info.serial_number),
            ("firmware", self.info.device_version),
        ]
        if properties.BATTERY_LEVEL in self.info.device_properties:
            try:
                battery = await self._settings.read(properties.property_name(properties.BATTERY_LEVEL))
                lines.append(("battery", battery))
            except (errors.Refused, errors.RemoteProtocolError) as error:
                log.info("battery: %s", error)
        return lines

    # ------------------------------------------------------------------ events

    async def _handle(self, event: Event) -> None:
        if event.code in _ABOUT_CONTENTS:
            self._sends_events = True
        name = name_of(EventCode, event.code)
        words = " ".join([name, *(f"0x{parameter:08X}" for parameter in event.parameters)])
        log.debug("event %s", words)
        await self._announce.send(Happened(words))
        react = _REACTIONS.get(event.code)
        if react is not None:
            await react(self, *event.parameters[:1] or (0,))

    async def _object_added(self, number: int) -> None:
        handle = ObjectHandle(number)
        self._forget(handle)
        info = await self._object_info(handle)
        self._note_captured(handle, info)
        parent = _parent(handle, info)
        for storage in self._storages_of(info):
            await self._announce.send(FolderChanged(ObjectKey(storage, ROOT if parent == ANYWHERE else parent)))

    async def _object_removed(self, number: int) -> None:
        handle = ObjectHandle(number)
        self._forget(handle)
        for storage in self._store_names:
            await self._announce.send(EntryGone(ObjectKey(storage, handle)))

    async def _object_changed(self, number: int) -> None:
        handle = ObjectHandle(number)
        self._forget(handle)
        info = await self._object_info(handle)
        for storage in self._storages_of(info):
            await self._announce.send(EntryChanged(ObjectKey(storage, handle)))

    def _storages_of(self, info: ObjectInfo) -> Sequence[StorageID]:
        """Return the stores an object may be in: the one that it names, all where that is none of ours."""
        return (info.storage,) if info.storage in self._store_names else tuple(self._store_names)

    async def _stores_changed(self, _storage: int) -> None:
        await self._announce.send(FolderChanged(None))

    async def _store_replaced(self, number: int) -> None:
        """A card was taken out or put in: handles may mean the objects of another card, as many cameras make them from numbers."""
        self._forget_objects()
        for storage in self._store_names:
            if number in (storage, ALL_STORAGES, 0):
                await self._announce.send(EntryGone(ObjectKey(storage, ROOT)))
        await self._announce.send(FolderChanged(None))

    async def _property_changed(self, code: int) -> None:
        self._settings.forget(code)

    async def _device_info_changed(self, _nothing: int) -> None:
        self._settings.forget()
        await self._read_device_info()

    async def _device_reset(self, _nothing: int) -> None:
        """The camera closed its session by itself: ask something that takes one, so that it is opened again."""
        await self.session.transact(Operation.GetStorageIDs, limit=1 << 16)
        await self._read_device_info()
        self.renumber()
        await self._announce.send(FolderChanged(None))

    async def _store_full(self, _storage: int) -> None:
        if self._captured is not None:
            self._capture_failure = errors.StoreFull("the camera's store is full")
            self._capture_news.set()

    async def _capture_completed(self, _transaction: int) -> None:
        self._capture_complete = True
        self._capture_news.set()


_REACTIONS: dict[int, Callable[..., Awaitable[None]]] = {
    EventCode.ObjectAdded: PtpCamera._object_added,
    EventCode.RequestObjectTransfer: PtpCamera._object_added,
    EventCode.ObjectRemoved: PtpCamera._object_removed,
    EventCode.ObjectInfoChanged: PtpCamera._object_changed,
    EventCode.StoreAdded: PtpCamera._store_replaced,
    EventCode.StoreRemoved: PtpCamera._store_replaced,
    EventCode.StorageInfoChanged: PtpCamera._stores_changed,
    EventCode.DevicePropChanged: PtpCamera._property_changed,
    EventCode.DeviceInfoChanged: PtpCamera._device_info_changed,
    EventCode.DeviceReset: PtpCamera._device_reset,
    EventCode.StoreFull: PtpCamera._store_full,
    EventCode.CaptureComplete: PtpCamera._capture_completed,
}
"""What camfs does about an event, given its first parameter. Every event, also those that are not here, shows in `.events`.

CancelTransaction (`listen`) is not here, as it cannot wait for its turn.
"""

_ABOUT_CONTENTS = {
    EventCode.ObjectAdded,
    EventCode.ObjectRemoved,
    EventCode.ObjectInfoChanged,
    EventCode.RequestObjectTransfer,
    EventCode.StoreAdded,
    EventCode.StoreRemoved,
}
"""Events that tell of a listing that it is no longer right: a camera that sends such need not be asked again and again."""


def _key(key: Key) -> ObjectKey:
    assert isinstance(key, ObjectKey)
    return key


def _parent(handle: ObjectHandle, info: ObjectInfo) -> ObjectHandle:
    """Return an object's parent, 0 for the root: also where it names itself (EOS), its storage (Apple) or all ones."""
    return ANYWHERE if info.parent in (handle, info.storage, ROOT) else info.parent

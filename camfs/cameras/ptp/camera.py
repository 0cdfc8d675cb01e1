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
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

import trio

from camfs import errors
from camfs.cameras.camera import (
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
from camfs.cameras.ptp.link import Link
from camfs.cameras.ptp.session import Reply, Session
from camfs.cameras.ptp.settings import PropertySettings
from camfs.cameras.ptp.whole import WholeObjects
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
MAX_DEPTH = 64
"""Folders in folders, before a camera's parents are taken for a circle."""

CAPTURE_TIMEOUT = 60.0
"""Seconds to wait for a picture after InitiateCapture: the longest exposures are half of it."""

CAPTURE_QUIET = 1.0
"""Seconds without another ObjectAdded after which a capture is complete, on cameras that do not say CaptureComplete."""

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


class PtpCamera:
    """A PTP camera on any link. See `cameras.camera.Camera` for its methods.

    Args:
        link: carries the messages; closed by `aclose`.
        nursery: runs what goes on in the background.
        zone: the zone of dates without one; None is this computer's.
        timeout: seconds without a byte after which a transaction has failed.
    """

    def __init__(self, link: Link, nursery: trio.Nursery, zone: tzinfo | None = None, timeout: float = 10.0) -> None:
        self.epoch = 0
        self.info = DeviceInfo()
        self._announce, self.changes = trio.open_memory_channel[Change](1024)
        self._link = link
        self._zone = zone
        self._session = Session(link, timeout, self._reopened)
        self._whole = WholeObjects(self._session, nursery, self._learn_size)
        self._settings = PropertySettings(self._session)
        self._unsupported: set[int] = set()
        self._store_names: dict[StorageID, str] = {}
        self._ignores_parent = False
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
        await self._session.open()
        try:
            await self._read_device_info()
        except errors.ProtocolError as error:
            raise errors.RemoteProtocolError(f"the device does not answer as a PTP camera does: {error}") from None

    async def _read_device_info(self) -> None:
        reply = await self._session.transact(Operation.GetDeviceInfo, limit=1 << 16)
        self.info = DeviceInfo.decode(reply.data)
        self._settings.offer(self.info.device_properties if self._lists(Operation.GetDevicePropDesc) else ())
        self._unsupported.clear()

    async def listen(self) -> None:
        """Receive events until the camera is gone."""
        try:
            while True:
                try:
                    await self._handle(await self._link.receive_event())
                except errors.DeviceGone:
                    raise
                except errors.CameraError as error:
                    log.info("event: %s", error)
                    await trio.sleep(0.1)
        except errors.DeviceGone:
            self._session.mark_gone()
            await self._announce.send(Gone())

    async def aclose(self) -> None:
        """Close the session and let go of the device; never raises."""
        with trio.CancelScope(shield=True):
            await self._session.close()
            await self._link.aclose()

    @property
    def gone(self) -> bool:
        """See `Camera.gone`."""
        return self._session.gone

    @property
    def sends_events(self) -> bool:
        """See `Camera.sends_events`."""
        return self._sends_events

    def _reopened(self) -> None:
        self.epoch += 1
        self._infos.clear()
        self._true_sizes.clear()
        self._whole.forget()

    def _lists(self, operation: int) -> bool:
        return operation in self.info.operations and operation not in self._unsupported

    async def _try(self, operation: int, *parameters: int, limit: int = 1 << 16) -> Reply | None:
        """Run an operation that has a fallback: None if the camera does not list it, or turns out not to know it."""
        if not self._lists(operation):
            return None
        try:
            return await self._session.transact(operation, *parameters, limit=limit)
        except errors.NotSupported as error:
            log.info("%s", error)
            if error.code == ResponseCode.OperationNotSupported:
                self._unsupported.add(operation)
            return None

    # ------------------------------------------------------------------ listing

    async def list_folder(self, key: Key | None) -> Sequence[ObjectKey]:
        """See `Camera.list_folder`."""
        if key is None:
            reply = await self._session.transact(Operation.GetStorageIDs, limit=1 << 16)
            # a low half of 0 is a slot without a card
            return [ObjectKey(StorageID(i), ROOT) for i in sorted(set(decode_handles(reply.data))) if i & 0xFFFF]
        folder = _key(key)
        handles = dict.fromkeys(map(ObjectHandle, await self._handles(folder)))
        if len(handles) > 1 and not self._ignores_parent:
            await self._read_folder_properties(folder, handles)
        return [
            ObjectKey(folder.storage, handle)
            for handle in handles
            if handle not in (ANYWHERE, ROOT) and handle != folder.handle
        ]

    async def _handles(self, folder: ObjectKey) -> tuple[int, ...]:
        try:
            reply = await self._session.transact(Operation.GetObjectHandles, folder.storage, ANY_FORMAT, folder.handle)
        except errors.InvalidValue:
            # ParameterNotSupported: cameras that take no storage here (libgphoto2)
            reply = await self._session.transact(Operation.GetObjectHandles, ALL_STORAGES, ANY_FORMAT, folder.handle)
        return decode_handles(reply.data)

    async def _read_folder_properties(self, folder: ObjectKey, handles: dict[ObjectHandle, None]) -> None:
        """Describe a folder's objects by GetObjectPropList, where the camera has it, for `describe` to find."""
        described: dict[ObjectHandle, dict[int, object]] = {}
        parent = ANYWHERE if folder.handle == ROOT else folder.handle
        for code in _FOLDER_PROPERTIES:
            try:
                reply = await self._try(Operation.GetObjectPropList, parent, ANY_FORMAT, code, 0, 1, limit=64 << 20)
            except (errors.Refused, errors.RemoteProtocolError) as error:
                log.info("listing by properties: %s", error)
                self._unsupported.add(Operation.GetObjectPropList)
                return
            if reply is None:
                return
            for element in decode_object_prop_list(reply.data):
                described.setdefault(element.handle, {})[element.code] = element.value
        for handle, values in described.items():
            name, object_format, size, date, parent_handle = map(values.get, _FOLDER_PROPERTIES)
            if handle in handles and isinstance(name, str) and isinstance(object_format, int) and isinstance(size, int):
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
        if folder is not None:
            parent = _parent(handle, info)
            elsewhere = info.storage not in (0, storage) and info.storage in self._store_names
            if elsewhere or parent != (ANYWHERE if _key(folder).handle == ROOT else _key(folder).handle):
                self._ignores_parent = True
                self._infos[handle] = info
                return None
        return await self._entry(ObjectKey(storage, handle), info)

    async def _object_info(self, handle: ObjectHandle) -> ObjectInfo:
        reply = await self._session.transact(Operation.GetObjectInfo, handle, limit=1 << 16)
        info = ObjectInfo.decode(reply.data)
        if self._ignores_parent:
            self._infos[handle] = info
        return info

    async def _describe_store(self, storage: StorageID) -> Entry:
        if storage not in self._store_names:
            kind = (await self._storage_info(storage)).storage_type
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
            size,
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
        if not self._lists(Operation.GetPartialObject) and not self._lists(Operation.GetPartialObject64):
            return await self._whole.read(handle, offset, size)
        pieces: list[bytes | memoryview] = []
        while size > 0:
            data = await self._read_piece(handle, offset, min(size, PIECE))
            if data is None:
                return await self._whole.read(handle, offset, size)
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

    async def release(self, entry: Entry) -> None:
        """See `Camera.release`."""
        self._whole.release(_key(entry.key).handle)

    async def _learn_size(self, handle: ObjectHandle, size: int) -> None:
        """Note how long an object really was, where its ObjectInfo says otherwise."""
        info = self._infos.get(handle) or await self._object_info(handle)
        if size != self._true_sizes.get(handle, info.compressed_size):
            log.warning("%s: the camera announced %d bytes and sent %d", info.filename, info.compressed_size, size)
            self._true_sizes[handle] = size
            await self._announce.send(EntryChanged(ObjectKey(info.storage, handle)))

    async def thumbnail(self, entry: Entry) -> bytes:
        """See `Camera.thumbnail`."""
        handle = _key(entry.key).handle
        return bytes((await self._session.transact(Operation.GetThumb, handle, limit=MAX_THUMBNAIL)).data)

    async def delete(self, entry: Entry) -> None:
        """See `Camera.delete`."""
        handle = _key(entry.key).handle
        if handle in (ANYWHERE, ROOT):
            raise errors.NotPermitted("a store cannot be deleted")
        await self._session.transact(Operation.DeleteObject, handle, ANY_FORMAT)
        self._forget(handle)

    def _forget(self, handle: ObjectHandle) -> None:
        self._infos.pop(handle, None)
        self._true_sizes.pop(handle, None)
        self._whole.forget(handle)

    # ------------------------------------------------------------------ stores

    async def _storage_info(self, storage: StorageID) -> StorageInfo:
        reply = await self._session.transact(Operation.GetStorageInfo, storage, limit=1 << 16)
        return StorageInfo.decode(reply.data)

    async def usage(self, store: Key) -> Usage:
        """See `Camera.usage`."""
        storage = _key(store).storage
        info = await self._storage_info(storage)
        objects: int | None = None
        try:
            reply = await self._try(Operation.GetNumObjects, storage, ANY_FORMAT, ANYWHERE)
            if reply is not None and reply.parameters:
                objects = reply.parameters[0]
        except errors.Refused as error:
            log.info("%s", error)
        free = 0 if info.free_space in (SIZE_UNKNOWN, (1 << 64) - 1) else info.free_space
        return Usage(info.max_capacity, min(free, info.max_capacity), objects)

    async def format(self, store: Key) -> None:
        """See `Camera.format`."""
        await self._session.transact(Operation.FormatStore, _key(store).storage, 0)
        await self.refresh()

    async def refresh(self) -> None:
        """See `Camera.refresh`."""
        self._infos.clear()
        self._true_sizes.clear()
        self._whole.forget()
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
        """See `Camera.set_clock`. The time is written without a zone: PTP cameras know the local time only."""
        local = moment.astimezone(self._zone).replace(tzinfo=None)
        await self._settings.change_value(properties.DATE_TIME, encode_date_time(local), compare=False)

    # ------------------------------------------------------------------ capture, raw, status

    async def capture(self) -> Sequence[ObjectKey]:
        """See `Camera.capture`. InitiateCapture, then ObjectAdded for each file and CaptureComplete."""
        if not self._lists(Operation.InitiateCapture):
            raise errors.NotSupported("this camera takes no pictures by PTP")
        if self._captured is not None:
            raise errors.Busy("a picture is being taken")
        polled = EventCode.ObjectAdded not in self.info.events
        before = set(await self._everything()) if polled else set()
        self._captured, self._capture_complete, self._capture_failure = [], False, None
        try:
            await self._session.transact(Operation.InitiateCapture, 0, 0)
            with trio.move_on_after(CAPTURE_TIMEOUT):
                while not await self._capture_is_over():
                    if polled:
                        self._captured[:] = [handle for handle in await self._everything() if handle not in before]
            if self._capture_failure is not None:
                raise self._capture_failure
            if not self._captured:
                raise errors.TransferTimeout("the camera took no picture")
            return [(await self.locate(ObjectKey(StorageID(0), handle)))[-1] for handle in self._captured]
        finally:
            self._captured = None

    async def _capture_is_over(self) -> bool:
        """Wait for news of the capture for a while, and say whether there is no more to wait for."""
        self._capture_news = trio.Event()
        had = bool(self._captured)
        with trio.move_on_after(CAPTURE_QUIET) as quiet:
            await self._capture_news.wait()
        if self._capture_failure is not None:
            return True
        if EventCode.CaptureComplete in self.info.events:
            return self._capture_complete and bool(self._captured)
        return quiet.cancelled_caught and had

    async def _everything(self) -> list[ObjectHandle]:
        reply = await self._session.transact(Operation.GetObjectHandles, ALL_STORAGES, ANY_FORMAT, ANYWHERE)
        return [ObjectHandle(handle) for handle in decode_handles(reply.data)]

    async def raw(self, command: str) -> str:
        """See `Camera.raw`: `CODE [PARAMETER…] [: DATA]` gives `RESPONSE [PARAMETER…] : DATA`, all hexadecimal."""
        head, _, tail = command.partition(":")
        try:
            operation, *parameters = (int(word, 16) for word in head.split())
            data = bytes.fromhex(tail) if ":" in command else None
        except ValueError:
            raise errors.InvalidValue("a raw command is: CODE [PARAMETER…] [: DATA], in hexadecimal") from None
        if operation > 0xFFFF or len(parameters) > 5 or any(not 0 <= number <= 0xFFFFFFFF for number in parameters):
            raise errors.InvalidValue("a code has 4 digits, a parameter 8; at most 5 parameters")
        try:
            reply = await self._session.transact(operation, *parameters, data=data, repeatable=False)
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
            lines.append(("battery", await self._settings.read(properties.property_name(properties.BATTERY_LEVEL))))
        return lines

    # ------------------------------------------------------------------ events

    async def _handle(self, event: Event) -> None:
        self._sends_events = True
        name = name_of(EventCode, event.code)
        words = " ".join([name, *(f"0x{parameter:08X}" for parameter in event.parameters)])
        log.debug("event %s", words)
        await self._announce.send(Happened(words))
        react = _REACTIONS.get(event.code)
        if react is not None:
            await react(self, *(event.parameters or (0,))[:1])

    async def _object_added(self, number: int) -> None:
        handle = ObjectHandle(number)
        self._infos.pop(handle, None)
        if self._captured is not None and handle not in self._captured:
            self._captured.append(handle)
            self._capture_news.set()
        try:
            info = await self._object_info(handle)
        except errors.Refused as error:
            log.info("added object %#x: %s", handle, error)
            return
        parent = _parent(handle, info)
        await self._announce.send(FolderChanged(ObjectKey(info.storage, ROOT if parent == ANYWHERE else parent)))

    async def _object_removed(self, number: int) -> None:
        handle = ObjectHandle(number)
        self._forget(handle)
        for storage in self._store_names or (StorageID(0),):
            await self._announce.send(EntryGone(ObjectKey(storage, handle)))

    async def _object_changed(self, number: int) -> None:
        handle = ObjectHandle(number)
        self._forget(handle)
        info = await self._object_info(handle)
        await self._announce.send(EntryChanged(ObjectKey(info.storage, handle)))

    async def _stores_changed(self, _storage: int) -> None:
        await self._announce.send(FolderChanged(None))

    async def _property_changed(self, code: int) -> None:
        self._settings.forget(code)

    async def _device_info_changed(self, _nothing: int) -> None:
        self._settings.forget()
        await self._read_device_info()

    async def _device_reset(self, _nothing: int) -> None:
        """The camera closed its session by itself: ask something, so that it is opened again."""
        await self._read_device_info()
        self._reopened()
        await self._announce.send(FolderChanged(None))

    async def _store_full(self, _storage: int) -> None:
        if self._captured is not None:
            self._capture_failure = errors.StoreFull("the camera's store is full")
            self._capture_news.set()

    async def _capture_completed(self, _transaction: int) -> None:
        self._capture_complete = True
        self._capture_news.set()

    async def _transaction_cancelled(self, transaction_id: int) -> None:
        self._session.cancelled_by_camera(transaction_id)


_REACTIONS: dict[int, Callable[..., Awaitable[None]]] = {
    EventCode.CancelTransaction: PtpCamera._transaction_cancelled,
    EventCode.ObjectAdded: PtpCamera._object_added,
    EventCode.RequestObjectTransfer: PtpCamera._object_added,
    EventCode.ObjectRemoved: PtpCamera._object_removed,
    EventCode.ObjectInfoChanged: PtpCamera._object_changed,
    EventCode.StoreAdded: PtpCamera._stores_changed,
    EventCode.StoreRemoved: PtpCamera._stores_changed,
    EventCode.StorageInfoChanged: PtpCamera._stores_changed,
    EventCode.DevicePropChanged: PtpCamera._property_changed,
    EventCode.DeviceInfoChanged: PtpCamera._device_info_changed,
    EventCode.DeviceReset: PtpCamera._device_reset,
    EventCode.StoreFull: PtpCamera._store_full,
    EventCode.CaptureComplete: PtpCamera._capture_completed,
}
"""What camfs does about an event, given its first parameter. Every event, also those that are not here, shows in `.events`."""


def _key(key: Key) -> ObjectKey:
    assert isinstance(key, ObjectKey)
    return key


def _parent(handle: ObjectHandle, info: ObjectInfo) -> ObjectHandle:
    """Return an object's parent, 0 for the root: also where it names itself (EOS), its storage (Apple) or all ones."""
    return ANYWHERE if info.parent in (handle, info.storage, ROOT) else info.parent

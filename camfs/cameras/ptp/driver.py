"""The driver of any PTP camera: joins what the other modules do into one `Camera` (see `cameras.api`).

driver ─┬─ objects    lists and describes ──── sizes ───┐
        ├─ places     where an object lies              │
        ├─ reading    bytes, thumbnails ────────────────┼─ parts, downloads     bytes of a part, or of the whole
        ├─ stores     names, room, format               │
        ├─ settings   device properties                 ├─ operations           what the camera can do
        ├─ capture    one shot                          │       │
        └─ events     what happened ────────────────────┘    session ── link (usblink, iplink)
"""

import logging
from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

import trio

from camfs import errors
from camfs.cameras.api import (
    Ability,
    Change,
    Entry,
    EntryChanged,
    FolderChanged,
    Gone,
    Key,
    Usage,
    WithoutRemoteControl,
)
from camfs.cameras.ptp.advice import PC_REMOTE, explaining_denial, needs_pc_remote
from camfs.cameras.ptp.attempts import time_left
from camfs.cameras.ptp.capture import Capture
from camfs.cameras.ptp.downloads import Downloads
from camfs.cameras.ptp.events import Events
from camfs.cameras.ptp.link import Link
from camfs.cameras.ptp.objects import ObjectKey, Objects, object_key
from camfs.cameras.ptp.operations import PtpOperations
from camfs.cameras.ptp.parts import PartialReads
from camfs.cameras.ptp.places import Places
from camfs.cameras.ptp.reading import ObjectReader
from camfs.cameras.ptp.session import Session
from camfs.cameras.ptp.settings import PropertySettings
from camfs.cameras.ptp.sizes import Sizes
from camfs.cameras.ptp.stores import Stores
from camfs.protocols.ptp import properties
from camfs.protocols.ptp.codes import ROOT, ObjectHandle, Operation, ResponseCode
from camfs.protocols.ptp.datasets import DeviceInfo
from camfs.protocols.ptp.makers import loses_next_session
from camfs.protocols.ptp.values import decode_date_time, encode_date_time, names_zone

log = logging.getLogger(__name__)

CLOCK_SLACK = timedelta(minutes=1)
"""How far a clock may be from what was written: some cameras keep no seconds."""


class PtpCamera(WithoutRemoteControl):
    """A PTP camera on any link.

    Args:
        link: carries the messages; closed by `aclose`.
        nursery: runs downloads.
        zone: the zone of dates without one; None is this computer's.
        timeout: seconds without a byte after which a transaction has failed.

    Attributes:
        zone: as given.
        session: on which a driver that knows more of the camera runs the maker's operations.
        operations: what the camera can do.
        properties: its device properties as settings.
        shutter: takes pictures, and knows the files of the one that is being taken.
        events: its events; a driver hands in what the camera tells in its maker's way.
        when_renumbered: called after `epoch` has been raised.
    """

    def __init__(self, link: Link, nursery: trio.Nursery, zone: tzinfo | None, timeout: float) -> None:
        self.epoch = 0
        self.when_renumbered: Callable[[], None] = lambda: None
        self._send_change, self.changes = trio.open_memory_channel[Change](1024)
        self._link = link
        self.zone = zone
        self._battery = ""
        self.session = Session(link, timeout, self.renumber)
        self.operations = PtpOperations(self.session)
        self._stores = Stores(self.operations)
        downloads = Downloads(self.session, nursery, self._note_true_size, self._note_nonsense)
        parts = PartialReads(self.operations)
        self._reader = ObjectReader(self.operations, parts, downloads, self._note_larger)
        self._sizes = Sizes(self.operations, self._stores, parts, downloads)
        self._objects = Objects(self.operations, self._stores, self._sizes, self._reader, zone)
        self.properties = PropertySettings(self.operations)
        self._places = Places(self._stores, self._objects)
        self.shutter = Capture(self.operations, self._objects, self._places, self.properties)
        self.events = Events(
            self.operations,
            self._stores,
            self._objects,
            self._places,
            self.shutter,
            self.properties,
            self.announce,
            self.renumber,
        )

    # ------------------------------------------------------------------ life

    async def open(self) -> None:
        """Open the session and read what the camera is.

        Raises:
            CameraError: it does not answer as a PTP camera.
        """
        await self.session.open()
        try:
            await self.operations.read_device_info()
        except errors.ProtocolError as error:
            raise errors.RemoteProtocolError(f"the device does not answer as a PTP camera does: {error}") from None

    async def reattach(self, link: Link) -> None:
        """Go on over another link after the camera was gone; what was listed is listed again.

        Raises:
            CameraError: another camera is on the link, or none that answers; the link is closed, the camera gone as before.
        """
        try:
            await self.session.reattach(link, self._recognise)
        except BaseException:
            with trio.CancelScope(shield=True):
                await link.aclose()
            raise
        self._forget_failures()
        self._reader.retry()  # what fell silent may only have been about to leave
        self._link, before = link, self._link
        await before.aclose()
        self._stores.note_change()
        await self.announce(FolderChanged(None))

    def _recognise(self, device_info: bytes | memoryview) -> None:
        info = DeviceInfo.decode(device_info)
        if (info.model, info.serial_number) != (self.info.model, self.info.serial_number):
            raise errors.DeviceGone(f"another camera is there: {info.model}, serial {info.serial_number}")
        self.operations.learn(info)

    async def listen(self) -> None:
        """Announce what happens at the camera until it is gone."""
        await self.events.receive(self._link)
        self.shutter.note_gone()
        await self.announce(Gone())

    async def aclose(self, *, holds_shots: bool = False) -> None:
        """Close the session and let go of the device; never raises.

        Args:
            holds_shots: whether shots wait in the camera that nobody has received; then the session stays open, which may hold them.
        """
        with trio.CancelScope(shield=True):
            if not (holds_shots or loses_next_session(self.info)):
                await self.session.close()
            await self._link.aclose()

    @property
    def info(self) -> DeviceInfo:
        """What the camera says of itself."""
        return self.operations.info

    @property
    def gone(self) -> bool:
        return self.session.gone

    @property
    def sends_events(self) -> bool:
        """As of `Camera`. Where parents are wrong, an event does not tell which folder it is about, so folders are polled."""
        return self.events.announce_contents and not self._objects.parents_are_wrong

    def abilities(self) -> Set[Ability]:
        listed = {
            Ability.CAPTURE: Operation.InitiateCapture,
            Ability.THUMBNAILS: Operation.GetThumb,
            Ability.DELETE: Operation.DeleteObject,
            Ability.FORMAT: Operation.FormatStore,
        }
        abilities = {ability for ability, operation in listed.items() if self.operations.has(operation)}
        if needs_pc_remote(self.info):
            abilities.add(Ability.CAPTURE)  # which says what to do
        if self.properties.names():
            abilities.add(Ability.SETTINGS)
        if properties.DATE_TIME in self.info.device_properties:
            abilities.add(Ability.CLOCK)
        return abilities

    def renumber(self) -> None:
        """Note that handles mean other objects now: the session was opened again, or the camera was in other hands for a while."""
        self.epoch += 1
        self._reader.lose_session()
        self._objects.drop_all()
        self.when_renumbered()

    async def announce(self, change: Change) -> None:
        """Put a change into `changes`."""
        await self._send_change.send(change)

    # ------------------------------------------------------------------ listing

    async def list_folder(self, key: Key | None) -> Sequence[ObjectKey]:
        with explaining_denial(self.info):
            if key is None:
                stores = await self._stores.list()
                for storage in stores:  # to ask for a name may cost the session: then the file system lists again
                    await self._stores.name(storage)
                return [ObjectKey(storage, ROOT) for storage in stores]
            return await self._objects.list(object_key(key))

    async def describe(self, key: Key, folder: Key | None) -> Entry | None:
        own = object_key(key)
        if own.handle == ROOT:
            return Entry(own, await self._stores.name(own.storage), tag=f"{own.storage:08x}", is_folder=True)
        with explaining_denial(self.info):
            return await self._objects.describe(own, None if folder is None else object_key(folder))

    async def locate(self, key: Key) -> Sequence[ObjectKey]:
        return await self._places.locate(object_key(key))

    # ------------------------------------------------------------------ data

    def reads_short(self, entry: Entry) -> bool:
        return False

    async def measure(self, entry: Entry, *, reading: bool) -> Entry:
        if entry.size_is_exact or entry.size_is_bound:
            return entry
        storage, handle = object_key(entry.key)
        if reading:
            size = await self._sizes.measure(handle, storage, entry.size)
        else:
            size = await self._sizes.look(handle, entry.size)
        return replace(entry, size=size.value, size_is_exact=size.is_exact, size_is_bound=size.is_bound)

    async def read(self, entry: Entry, offset: int, size: int) -> bytes | memoryview:
        handle = object_key(entry.key).handle
        with explaining_denial(self.info):
            await self._sizes.check(handle)
            return await self._reader.read(handle, await self.measure(entry, reading=True), offset, size)

    async def release(self, entry: Entry) -> None:
        self._reader.release(object_key(entry.key).handle)

    async def _note_true_size(self, handle: ObjectHandle, size: int) -> None:
        for key in await self._objects.correct_size(handle, size):
            await self.announce(EntryChanged(key))

    async def _note_nonsense(self, handle: ObjectHandle) -> None:
        for storage in self._stores.named if self._sizes.contradict(handle) else ():
            await self.announce(EntryChanged(ObjectKey(storage, handle)))

    async def _note_larger(self, entry: Entry, size: int) -> None:
        self._sizes.note(object_key(entry.key).handle, size)
        await self.announce(EntryChanged(entry.key))

    async def thumbnail(self, entry: Entry) -> bytes:
        return await self._reader.thumbnail(object_key(entry.key).handle)

    async def delete(self, entry: Entry) -> None:
        await self._objects.delete(object_key(entry.key).handle)

    async def rename(self, entry: Entry, name: str) -> None:
        raise errors.StoreReadOnly("nothing can be renamed in a PTP store")

    # ------------------------------------------------------------------ stores

    async def usage(self, store: Key) -> Usage:
        return await self._stores.usage(object_key(store).storage)

    async def format(self, store: Key) -> None:
        await self._stores.format(object_key(store).storage)
        await self.refresh()

    async def refresh(self) -> None:
        self._reader.retry()
        self._objects.refresh()
        self.properties.invalidate()
        self._forget_failures()

    def _forget_failures(self) -> None:
        """Ask the camera again for what it did not answer."""
        self.session.forget_failures()
        self._stores.forget_failures()
        self.properties.forget_failures()

    # ------------------------------------------------------------------ settings, clock, capture

    def setting_names(self) -> Sequence[str]:
        return self.properties.names()

    async def setting(self, name: str) -> str:
        return await self.properties.read(name)

    async def choices(self, name: str) -> Sequence[str]:
        return await self.properties.choices(name)

    async def change_setting(self, name: str, value: str) -> None:
        await self.properties.change(name, value)

    async def clock(self) -> datetime:
        text = await self.properties.value(properties.DATE_TIME)
        moment = decode_date_time(text, self.zone) if isinstance(text, str) else None
        if moment is None:
            raise errors.RemoteProtocolError(f"the camera's clock reads {text!r}")
        return moment

    async def set_clock(self, moment: datetime) -> None:
        """Set the camera's clock, in local time; a naive time is local already. A zone is written if the camera's own time has one."""
        try:
            if moment.tzinfo is None:
                moment = moment.astimezone() if self.zone is None else moment.replace(tzinfo=self.zone)
            local = moment.astimezone(self.zone)
        except (OverflowError, ValueError):
            raise errors.InvalidValue(f"{moment} is not a time that a camera can show") from None
        before = await self.properties.value(properties.DATE_TIME)
        if not (isinstance(before, str) and names_zone(before)):
            local = local.replace(tzinfo=None)
        await self.properties.change_value(properties.DATE_TIME, encode_date_time(local))
        shown = await self.clock()
        if abs((shown if local.tzinfo else shown.replace(tzinfo=None)) - local) > CLOCK_SLACK:
            raise errors.NotPermitted(f"the camera's clock stays at {shown.isoformat()}")

    async def capture(self, exposure: float | None = None) -> Sequence[ObjectKey]:
        """Take a picture. The standard has an operation that releases the shutter, and none that ends an exposure."""
        if needs_pc_remote(self.info):
            raise errors.NotSupported(PC_REMOTE)
        if exposure is not None:
            raise errors.NotSupported("this camera has no bulb exposures by PTP")
        return await self.shutter.take(self.events.announce_contents)

    # ------------------------------------------------------------------ raw, status

    async def raw(self, command: str) -> str:
        """Run any operation: `CODE [PARAMETER…] [: DATA]` gives `RESPONSE [PARAMETER…] : DATA`, all hexadecimal."""
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
        """Return the lines of `.status`. While a picture is being taken the camera is asked nothing. Never fails."""
        lines = [
            ("camera", self.info.model.strip() or self.info.manufacturer.strip() or "PTP camera"),
            ("serial", self.info.serial_number),
            ("firmware", self.info.device_version),
        ]
        if properties.BATTERY_LEVEL in self.info.device_properties and not self.shutter.is_taking:
            try:
                with trio.move_on_after(time_left() / 2):  # the other lines are known without the camera
                    self._battery = await self.properties.read(properties.property_name(properties.BATTERY_LEVEL))
            except errors.CameraError as error:
                log.info("battery: %s", error)
                if not self.gone:
                    self._battery = ""
        if self._battery not in ("", properties.UNKNOWN):
            lines.append(("battery", self._battery))
        return lines

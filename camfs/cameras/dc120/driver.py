"""The driver of the Kodak DC120 in the words of `cameras.camera`: stores, albums, pictures, capture, settings.

What is in a store is asked as a whole (the list of all pictures, and of each album that has some), so a directory costs a few packets
however many pictures there are, and is answered from memory while a picture is being transferred: the camera does nothing by itself
while a computer has it. A picture's number is its place in a list and shifts when another is erased; so it is looked up, in a list
just asked for, each time that it is needed, and the first packet has to bear the picture's name. From the list to the end of the
command that uses the number nobody else may erase or take pictures: that is what `Dc120Camera._turn` is for.
"""

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

import trio

from camfs import errors
from camfs.cameras.api import Change, Entry, EntryChanged, FolderChanged, Gone, Key, Usage, WithoutRemoteControl
from camfs.cameras.dc120.downloads import Picture, PictureStore, TakePacket
from camfs.cameras.dc120.line import Line, Received
from camfs.cameras.dc120.settings import NAMES, SETTINGS, USER_NAME, code_of, user_name_command
from camfs.protocols import kdc
from camfs.protocols.dc120.commands import GET_FILE, GET_THUMBNAIL, Code, command, decode_command
from camfs.protocols.dc120.lists import FileEntry, Listing, decode_count, decode_names, names_listing, names_packets
from camfs.protocols.dc120.status import STATUS_NAME_SIZE, Status
from camfs.protocols.dc120.texts import ALBUMS, AlbumNames
from camfs.protocols.dc120.values import Location, decode_clock, encode_clock

log = logging.getLogger(__name__)

CAPACITY = {Location.MEMORY: 2 << 20, Location.CARD: 16 << 20}
"""Bytes of a store: the built-in memory has 2 MB, the card that the seed knows 16 MB (reference dc120, section 12; seed, 7F)."""

STORE_NAMES = {Location.MEMORY: "memory", Location.CARD: "card"}
BATTERY = {0: "good", 1: "weak", 2: "empty"}
"""Words for the byte that libgphoto2 takes for the battery (reference 8.4)."""

MAX_SIZE = 32 << 20
"""Bytes beyond which a list's entry is nonsense: twice the largest card."""

MAX_LISTED = 999
"""Pictures that are looked for one by one where a list does not name them; the largest card holds 230."""

NAMELESS = FileEntry(bytes(12), 0)
"""Keeps the place of a picture that neither list nor header names."""


class StoreKey(NamedTuple):
    """A store."""

    location: Location


class AlbumKey(NamedTuple):
    """An album in a store: 1 to 8."""

    location: Location
    album: int


class PictureKey(NamedTuple):
    """A picture: its name is its own in its store."""

    location: Location
    name: str


def _stem(key: PictureKey) -> str:
    """Return the name that the picture's header bears."""
    return key.name.partition(".")[0]


@dataclass(frozen=True)
class _Contents:
    """What a store held when it was listed: pictures by name, the album of each, and the albums' names."""

    pictures: dict[str, FileEntry]
    albums: dict[str, int]
    names: tuple[str, ...]
    listed: datetime


class Dc120Camera(WithoutRemoteControl):
    """A DC120 on a line. See `cameras.camera.Camera` for its methods.

    Args:
        line: the line, not yet open; closed by `aclose`.
        nursery: runs transfers.
        zone: the zone of the camera's clock; None is this computer's.
        store: keeps pictures between mounts; None for one in the user's cache folder.
    """

    sends_events = False

    def __init__(
        self, line: Line, nursery: trio.Nursery, zone: tzinfo | None = None, store: PictureStore | None = None
    ) -> None:
        self.epoch = 0
        self._announce, self.changes = trio.open_memory_channel[Change](1024)
        self._line = line
        self._nursery = nursery
        self._zone = zone
        self._store = store
        self._status = Status()
        self._contents: dict[Location, _Contents] = {}
        self._pictures: dict[tuple[PictureKey, int], Picture] = {}
        self._taken: dict[tuple[PictureKey, int], int] = {}
        self._written: dict[str, int] = {}
        self._turn = trio.Lock()
        self._setting = trio.Lock()
        self._stale: set[Location] = set()
        self._status_read = 0.0

    # ------------------------------------------------------------------ life

    async def open(self) -> None:
        """Find the camera on its line.

        Raises:
            TransferTimeout: none answers.
        """
        self._status, self._status_read = await self._line.open(), trio.current_time()
        if self._store is None:
            self._store = PictureStore.of_camera(self._status.identity.hex(), self._status.user_name)

    async def reattach(self, line: Line) -> None:
        """Go on over another line, after the port had vanished; what was listed is looked at anew.

        Raises:
            CameraError: another camera is on it, or none; the line is closed, the camera gone as before.
        """
        try:
            status = await line.open()
            if status.identity != self._status.identity:
                raise errors.DeviceGone("another camera is on the line")
        except BaseException:
            await line.close()
            raise
        before, self._line = self._line, line
        self._status, self._status_read = status, trio.current_time()
        # Dates stay, or else files that are open across it would be others; not those of the card, which may be another by now.
        self._forget_card()
        self._contents.clear()
        self._pictures.clear()
        self.epoch += 1
        await before.close()
        await self._announce.send(FolderChanged(None))

    async def listen(self) -> None:
        """Wait until the port has vanished; the camera itself announces nothing.

        The port is let go of then: while somebody has it open, an adapter that is plugged in again gets another number.
        """
        await self._line.watch()
        await self._announce.send(Gone())
        await self._line.close()

    async def aclose(self) -> None:
        """Put the camera back to 9600 baud and let go of the port; never raises."""
        await self._line.close()

    @property
    def gone(self) -> bool:
        """See `Camera.gone`."""
        return self._line.gone

    async def _read_status(self) -> Status:
        """Ask for the status; while a picture is being transferred, the last one that was read."""
        return self._status if self._line.busy else await self._ask_status()

    async def _ask_status(self) -> Status:
        """Ask for the status, however long the line is taken."""
        payloads = await self._line.run(command(Code.GET_STATUS))
        self._status, self._status_read = Status.decode(payloads[0]), trio.current_time()
        return self._status

    # ------------------------------------------------------------------ listing

    async def list_folder(self, key: Key | None) -> Sequence[Key]:
        """See `Camera.list_folder`."""
        match key:
            case None:
                status = await self._read_status()
                return [StoreKey(location) for location in Location if location is Location.MEMORY or status.has_card]
            case StoreKey(location):
                contents = await self._list_store(location)
                albums = sorted(set(contents.albums.values()))
                loose = [PictureKey(location, name) for name in contents.pictures if name not in contents.albums]
                return [*(AlbumKey(location, album) for album in albums), *loose]
            case AlbumKey(location, album):
                known = self._contents.get(location)
                contents = known if known and location not in self._stale else await self._list_store(location)
                return [PictureKey(location, name) for name, number in contents.albums.items() if number == album]
        raise errors.NotFound("no folder")

    async def _list_store(self, location: Location) -> _Contents:
        """List a store; while the camera is at something else, as it was listed last."""
        known = self._contents.get(location)
        if known is not None and (self._turn.locked() or self._line.busy):
            return known
        async with self._turn:
            return await self._ask_store(location)

    async def _ask_store(self, location: Location) -> _Contents:
        """Ask the camera what is in a store. It is the caller's turn."""
        known = self._contents.get(location)
        status = await self._ask_status()
        if location is Location.CARD and not status.has_card:
            self._forget_card()
            raise errors.StoreUnavailable("no card in the camera")
        pictures = {entry.name: entry for entry in await self._list_files(location, 0)}
        albums: dict[str, int] = {}
        for album in range(1, ALBUMS + 1):
            if await self._count(location, album):
                for entry in await self._list_files(location, album):
                    pictures.setdefault(entry.name, entry)
                    albums[entry.name] = album
        names = (await self._album_names()).names
        listed = known.listed if known is not None else decode_clock(status.clock)
        self._contents[location] = _Contents(pictures, albums, names, listed)
        self._stale.discard(location)
        return self._contents[location]

    def _forget_card(self) -> None:
        """Forget what was on a card that was taken out: the next one may have other pictures of the same names and sizes."""
        self._contents.pop(Location.CARD, None)
        for known in (self._pictures, self._taken):
            for key in [key for key in known if key[0].location is Location.CARD]:
                del known[key]

    async def _album_names(self) -> AlbumNames:
        return AlbumNames.decode((await self._line.run(command(Code.GET_ALBUM_NAMES)))[0])

    async def _count(self, location: Location, album: int) -> int:
        payloads = await self._line.run(command(Code.GET_FILE_COUNT, location=location, album=album))
        return decode_count(payloads[0])

    async def _list_files(self, location: Location, album: int) -> list[FileEntry]:
        """Ask for a list; entries that are nonsense keep their place, since numbers are places."""
        payloads: list[bytes] = []

        async def take(received: Received) -> bool:
            payloads.append(received.payload)
            if received.index == 0:
                received.expect(names_packets(received.payload))
            return True

        wanted = command(Code.GET_FILE_NAMES, location=location, album=album)
        try:
            await self._line.run(wanted, take=take)
        except (errors.RemoteProtocolError, errors.TransferTimeout):
            # reading C: one packet is all that comes, whatever the count (reference 8.2)
            if len(payloads) != 1 or names_listing(payloads[0]) is not Listing.PAGED:
                raise
        entries = decode_names(payloads)
        count = await self._count(location, album)
        with contextlib.suppress(errors.Refused):  # there are not so many
            while len(entries) < min(count, MAX_LISTED):
                entries.append(await self._entry_from_header(location, album, len(entries) + 1))
        return entries

    async def _entry_from_header(self, location: Location, album: int, number: int) -> FileEntry:
        """Learn a picture's name and size from its first packet, where the list does not go so far."""
        first = await self._first_packet(location, album, number)
        try:
            header = kdc.Header.decode(first)
            return FileEntry.named(f"{header.name.rstrip()}.KDC", header.size)
        except (errors.ProtocolError, UnicodeError) as error:
            log.info("picture %d: %s", number, error)
            return NAMELESS

    async def _first_packet(self, location: Location, album: int, number: int) -> bytes:
        packets: list[bytes] = []

        async def take(received: Received) -> bool:
            packets.append(received.payload)
            return False

        await self._line.run(command(GET_FILE[location], number=number, album=album), take=take)
        if not packets:
            raise errors.RemoteProtocolError(f"picture {number} has no first packet")
        return packets[0]

    async def describe(self, key: Key, folder: Key | None) -> Entry | None:
        """See `Camera.describe`."""
        match key:
            case StoreKey(location):
                return Entry(key, STORE_NAMES[location], str(int(location)), is_folder=True)
            case AlbumKey(location, album):
                name = self._known(location).names[album - 1]
                return Entry(key, name or f"ALBUM {album}", str(album), is_folder=True)
            case PictureKey(location, name):
                entry = self._known(location).pictures.get(name)
                if entry is None:
                    raise errors.NotFound(f"{name}: no longer in the camera")
                if entry.size > MAX_SIZE:
                    raise errors.Refused(f"{name}: a size of {entry.size} bytes")
                return self._entry(key, entry)
        return None

    def _known(self, location: Location) -> _Contents:
        contents = self._contents.get(location)
        if contents is None:
            raise errors.NotFound("not listed yet")
        return contents

    def _entry(self, key: PictureKey, entry: FileEntry) -> Entry:
        mtime = self._taken.get((key, entry.size))
        if mtime is None:
            kept = self._store.read(entry.name, entry.size) if self._store is not None else None
            mtime = self._date(kept) if kept is not None else None
        if mtime is None:
            mtime = self._nanoseconds(self._known(key.location).listed)
        self._taken.setdefault((key, entry.size), mtime)
        return Entry(key, entry.name, entry.name, False, entry.size, mtime_ns=mtime, is_picture=True)

    def _date(self, header: bytes) -> int | None:
        """Return when a picture was taken, in nanoseconds since 1970, None if its header does not say."""
        with contextlib.suppress(errors.RemoteProtocolError):
            taken = kdc.Header.decode(header).taken
            return self._nanoseconds(taken) if taken is not None else None
        return None

    def _nanoseconds(self, local: datetime) -> int:
        aware = local.replace(tzinfo=self._zone) if self._zone is not None else local.astimezone()
        return int(aware.astimezone(UTC).timestamp() * 1_000_000_000)

    async def locate(self, key: Key) -> Sequence[Key]:
        """See `Camera.locate`."""
        assert isinstance(key, PictureKey)
        album = self._known(key.location).albums.get(key.name)
        return [StoreKey(key.location), *([AlbumKey(key.location, album)] if album else []), key]

    # ------------------------------------------------------------------ data

    def _picture(self, entry: Entry) -> Picture:
        key = entry.key
        assert isinstance(key, PictureKey)
        assert self._store is not None
        picture = self._pictures.get((key, entry.size))
        if picture is None:

            async def transfer(packets: int, take: TakePacket) -> None:
                await self._transfer(key, packets, take)

            def on_header(header: bytes) -> None:
                date = self._date(header)
                if date is not None and date != self._taken.get((key, entry.size)):
                    self._taken[key, entry.size] = date
                    with contextlib.suppress(trio.WouldBlock):
                        self._announce.send_nowait(EntryChanged(key))

            picture = Picture(entry.name, entry.size, transfer, self._store, on_header)
            self._pictures[key, entry.size] = picture
        return picture

    async def _transfer(self, key: PictureKey, packets: int, take: TakePacket) -> None:
        """Transfer a picture by its number, and see by its first packet that it is the one."""

        async def check(received: Received) -> bool:
            if received.index == 0 and self._name_in(received.payload) not in ("", _stem(key)):
                raise errors.RemoteProtocolError(f"the camera sent another picture in place of {key.name}")
            return await take(received.index, received.payload)

        async with self._turn:
            album, number = await self._number(key)
            await self._line.run(command(GET_FILE[key.location], number=number, album=album), packets, check)

    async def _number(self, key: PictureKey) -> tuple[int, int]:
        """Return the album to name and a picture's number in it, as of now. It is the caller's turn."""
        contents = self._known(key.location)
        for album in (0, contents.albums.get(key.name, 0)):
            names = [entry.name for entry in await self._list_files(key.location, album)]
            if key.name in names:
                return album, names.index(key.name) + 1
        raise errors.NotFound(f"{key.name}: no longer in the camera")

    @staticmethod
    def _name_in(first: bytes) -> str:
        """Return the name that a picture's first packet bears; empty if it bears none, as that of a damaged picture."""
        with contextlib.suppress(errors.RemoteProtocolError):
            return kdc.Header.decode(first).name.rstrip()
        return ""

    async def read(self, entry: Entry, offset: int, size: int) -> bytes:
        """See `Camera.read`; answered within about a second, short if need be."""
        return await self._picture(entry).read(self._nursery, offset, size)

    def reads_short(self, entry: Entry) -> bool:
        """See `Camera.reads_short`: until the picture has come whole."""
        return not self._picture(entry).whole

    async def release(self, entry: Entry) -> None:
        """See `Camera.release`."""
        self._picture(entry).close()

    async def thumbnail(self, entry: Entry) -> bytes:
        """See `Camera.thumbnail`: from what has come of the picture, else by command 56, else from its first 16 packets; as PPM."""
        picture, key = self._picture(entry), entry.key
        assert isinstance(key, PictureKey)
        pixels = b""
        if picture.received < kdc.PICTURE_OFFSET:
            async with self._turn:
                album, number = await self._number(key)
                wanted = command(GET_THUMBNAIL[key.location], number=number, album=album)
                try:
                    pixels = b"".join(await self._line.run(wanted))[: kdc.THUMBNAIL_SIZE]
                except (errors.Refused, errors.RemoteProtocolError, errors.TransferTimeout) as error:
                    log.info("thumbnail of %s: %s", entry.name, error)
        if len(pixels) != kdc.THUMBNAIL_SIZE:
            data = await picture.look(self._nursery, kdc.PICTURE_OFFSET)
            pixels = kdc.Header.decode(data).thumbnail(data)
        return b"P6 %d %d 255\n" % (kdc.THUMBNAIL_WIDTH, kdc.THUMBNAIL_HEIGHT) + pixels

    # ------------------------------------------------------------------ changes

    async def delete(self, entry: Entry) -> None:
        """See `Camera.delete`. The picture's number is looked up just before, and proved by its first packet.

        Raises:
            NotSupported: the picture cannot be told by a number among all pictures.
        """
        key = entry.key
        if not isinstance(key, PictureKey):
            raise errors.NotPermitted("albums cannot be deleted")
        async with self._turn:
            await self._erase(key, await self._number_of_all(key))
        self._pictures.pop((key, entry.size), None)
        self._taken.pop((key, entry.size), None)
        if self._store is not None:
            self._store.forget(entry.name, entry.size)

    async def _number_of_all(self, key: PictureKey) -> int:
        """Return a picture's number among all of its store, which is what the camera erases by (reference, section 12)."""
        contents = await self._ask_store(key.location)
        if key.name not in contents.pictures:
            raise errors.NotFound(f"{key.name}: no longer in the camera")
        names = [entry.name for entry in await self._list_files(key.location, 0)]
        if names.count(key.name) != 1 or not contents.albums.keys() <= set(names):
            raise errors.NotSupported(f"{key.name}: the camera's list of all pictures does not tell its number")
        return names.index(key.name) + 1

    async def _erase(self, key: PictureKey, number: int) -> None:
        first = await self._first_packet(key.location, 0, number)
        if self._name_in(first) != _stem(key):
            raise errors.NotSupported(f"{key.name}: picture {number} does not bear this name, and is not erased")
        failure: errors.CameraError | None = None
        try:
            await self._line.run(command(Code.ERASE, location=key.location, number=number))
        except (errors.TransferTimeout, errors.RemoteProtocolError) as error:
            failure = error  # it may have been done: the list tells
        if key.name in (await self._ask_store(key.location)).pictures:
            raise failure or errors.Refused(f"{key.name}: the camera did not erase it")

    async def rename(self, entry: Entry, name: str) -> None:
        """See `Camera.rename`: albums only (command 42).

        Raises:
            InvalidValue: more than 14 characters, or not ASCII.
        """
        key = entry.key
        if not isinstance(key, AlbumKey):
            raise errors.StoreReadOnly("only albums can be renamed")
        AlbumNames.of((name,) * ALBUMS)  # before the camera is asked anything
        async with self._turn:
            renamed = (await self._album_names()).renamed(key.album, name)
            await self._line.run(command(Code.SET_ALBUM_NAMES, renamed.encode()))
            names = (await self._album_names()).names
        for location, contents in self._contents.items():
            self._contents[location] = replace(contents, names=names)
            if location is not key.location:  # both stores have the same albums
                with contextlib.suppress(trio.WouldBlock):
                    self._announce.send_nowait(FolderChanged(StoreKey(location)))
        if names[key.album - 1] != name:
            raise errors.NotPermitted(f"{name}: the camera kept {names[key.album - 1]}")

    async def usage(self, store: Key) -> Usage:
        """See `Camera.usage`; the camera tells no bytes, so they are the store's size less its pictures'."""
        assert isinstance(store, StoreKey)
        contents = self._contents.get(store.location) or await self._list_store(store.location)
        total = CAPACITY[store.location]
        used = sum(entry.size for entry in contents.pictures.values() if entry.size <= MAX_SIZE)
        return Usage(max(total, used), max(total - used, 0), len(contents.pictures))

    async def format(self, store: Key) -> None:
        """See `Camera.format`."""
        raise errors.NotSupported("the DC120 has no command that formats a store")

    async def refresh(self) -> None:
        """See `Camera.refresh`."""
        self._stale.update(Location)
        for key, picture in list(self._pictures.items()):
            if not picture.in_use:
                del self._pictures[key]

    async def capture(self) -> Sequence[Key]:
        """See `Camera.capture`. The seed does not say where the picture goes: it is what the lists have that they had not.

        Raises:
            StoreFull: the camera took none.
        """
        async with self._turn:
            before = await self._ask_stores()
            failure: errors.CameraError | None = None
            try:
                await self._line.run(command(Code.TAKE_PICTURE))
            except errors.NotSupported:
                raise
            except errors.Refused:
                failure = errors.StoreFull("the camera took no picture: its memory is full")
            except (errors.TransferTimeout, errors.RemoteProtocolError) as error:
                failure = error  # it may have been taken: the lists tell
            after = await self._ask_stores()
        new = [
            PictureKey(location, name)
            for location, contents in after.items()
            for name in contents.pictures
            if location not in before or name not in before[location].pictures
        ]
        if not new:
            raise failure or errors.StoreFull("the camera took no picture that it lists")
        return new

    async def _ask_stores(self) -> dict[Location, _Contents]:
        status = await self._ask_status()
        present = [location for location in Location if location is Location.MEMORY or status.has_card]
        return {location: await self._ask_store(location) for location in present}

    # ------------------------------------------------------------------ settings, clock, raw, status

    def setting_names(self) -> Sequence[str]:
        """See `Camera.setting_names`."""
        return NAMES

    async def setting(self, name: str) -> str:
        """See `Camera.setting`.

        Raises:
            NoData: the camera does not tell it, and it was not written in this mount.
        """
        status = await self._read_status()
        if name == USER_NAME:
            return status.user_name
        code = self._code(name, status)
        if code is None:
            raise errors.NoData(f"{name}: the camera does not tell it")
        return SETTINGS[name].text(code)

    def _code(self, name: str, status: Status) -> int | None:
        read = SETTINGS[name].code
        return read(status) if read is not None else self._written.get(name)

    async def choices(self, name: str) -> Sequence[str]:
        """See `Camera.choices`."""
        return [] if name == USER_NAME else SETTINGS[name].choices.texts()

    async def change_setting(self, name: str, value: str) -> None:
        """See `Camera.change_setting`. One after the other: some commands carry two settings."""
        async with self._setting:
            await self._change_setting(name, value)

    async def _change_setting(self, name: str, value: str) -> None:
        if name == USER_NAME:
            await self._line.run(user_name_command(value))
            shown = (await self._ask_status()).user_name
            if shown != value[:STATUS_NAME_SIZE]:
                raise errors.NotPermitted(f"{name}: the camera kept {shown}")
            return
        setting, code = SETTINGS[name], code_of(name, value)
        wanted = setting.command(code, await self._ask_status())
        try:
            await self._line.run(wanted)
        except errors.NotSupported:
            raise
        except errors.Refused as error:
            raise errors.NotPermitted(f"{name}: not with the camera's other settings: {error}") from None
        self._written[name] = code
        kept = self._code(name, await self._ask_status())
        if kept is not None and kept != code:
            raise errors.NotPermitted(f"{name}: the camera kept {setting.text(kept)}")

    async def clock(self) -> datetime:
        """See `Camera.clock`; while a picture is being transferred, reckoned from when it was last asked."""
        local = (await self._read_status()).time
        if self._line.busy:
            local += timedelta(seconds=int(trio.current_time() - self._status_read))
        return local.replace(tzinfo=self._zone) if self._zone is not None else local.astimezone()

    async def set_clock(self, moment: datetime) -> None:
        """See `Camera.set_clock`."""
        local = moment.astimezone(self._zone).replace(tzinfo=None)
        await self._line.run(command(Code.SET_CLOCK, clock=encode_clock(local)))
        await self._ask_status()

    async def raw(self, text: str) -> str:
        """See `Camera.raw`: `FRAME [: EXTRA]`, a frame of 8 bytes as in the seed; the reply is the payloads, one after the other."""
        head, _, tail = text.partition(":")
        try:
            wanted = replace(decode_command(bytes.fromhex(head)), extra=bytes.fromhex(tail))
        except (ValueError, errors.RemoteProtocolError) as error:
            raise errors.InvalidValue(f"a raw command is the 8 bytes of the seed's table [: EXTRA]: {error}") from None
        if len(wanted.extra) != wanted.form.extra:
            raise errors.InvalidValue(f"{wanted.form.name} takes {wanted.form.extra} bytes of extra data")
        if wanted.form.code == Code.SET_SPEED:
            raise errors.NotPermitted("the line's speed is camfs's own: -o baud=")
        return b"".join(await self._line.run(wanted)).hex()

    async def status(self) -> Sequence[tuple[str, str]]:
        """See `Camera.status`."""
        status = await self._read_status()
        return [
            ("camera", "Kodak DC120"),
            ("serial", ""),
            ("firmware", f"{status.identity[2]}.{status.identity[3]:02}"),
            ("battery", BATTERY.get(status.battery, str(status.battery))),
            ("adapter", "yes" if status.adapter else "no"),
            ("line", f"{self._line.speed} baud"),
            ("user-name", status.user_name),
            ("clock", status.time.isoformat()),
            ("power-timeout", f"{status.sleep_timeout}s"),
            ("lcd-timeout", f"{status.lcd_timeout}s"),
            ("card-inserted", "yes" if status.has_card else "no"),
            ("card-label", status.card_label),
            ("card-pictures", str(status.card_pictures)),
            ("memory-albums", str(status.memory_albums)),
            ("card-albums", str(status.card_albums)),
        ]

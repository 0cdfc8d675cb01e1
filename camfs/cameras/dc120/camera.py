"""The driver of the Kodak DC120 in the words of `cameras.camera`: stores, albums, pictures, capture, settings.

What is in a store is asked as a whole (the list of all pictures, and of each album that has some), so a directory costs a few packets
however many pictures there are, and is answered from memory while a picture is being transferred: the camera does nothing by itself
while a computer has it. A picture's number is its place in a list and shifts when another is erased; so it is looked up, in a list
just asked for, each time that it is needed, and the first packet has to bear the picture's name.
"""

import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

import trio

from camfs import errors
from camfs.cameras.camera import Change, Entry, EntryChanged, Gone, Key, Usage
from camfs.cameras.dc120.line import Line, Received
from camfs.cameras.dc120.pictures import Picture, PictureStore, TakePacket
from camfs.cameras.dc120.settings import NAMES, SETTINGS, USER_NAME, code_of, user_name_command
from camfs.protocols import kdc
from camfs.protocols.dc120.commands import GET_FILE, GET_THUMBNAIL, Code, command, decode_command
from camfs.protocols.dc120.lists import FileEntry, Listing, decode_count, decode_names, names_listing, names_packets
from camfs.protocols.dc120.pictures import THUMBNAIL_HEIGHT, THUMBNAIL_SIZE, THUMBNAIL_WIDTH
from camfs.protocols.dc120.status import Status
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


@dataclass(frozen=True)
class _Contents:
    """What a store held when it was listed: pictures by name, the album of each, and the albums' names."""

    pictures: dict[str, FileEntry]
    albums: dict[str, int]
    names: tuple[str, ...]
    listed: datetime


class Dc120Camera:
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

    # ------------------------------------------------------------------ life

    async def open(self) -> None:
        """Find the camera on its line.

        Raises:
            TransferTimeout: none answers.
        """
        self._status = await self._line.open()
        if self._store is None:
            self._store = PictureStore.of_camera(self._status.identity.hex(), self._status.user_name)

    async def listen(self) -> None:
        """Wait until the port has vanished; the camera itself announces nothing."""
        while not self._line.gone:
            await trio.sleep(1)
        await self._announce.send(Gone())

    async def aclose(self) -> None:
        """Put the camera back to 9600 baud and let go of the port; never raises."""
        await self._line.close()

    @property
    def gone(self) -> bool:
        """See `Camera.gone`."""
        return self._line.gone

    async def _read_status(self) -> Status:
        """Ask for the status; while a picture is being transferred, the last one that was read."""
        if not self._line.busy:
            payloads = await self._line.run(command(Code.GET_STATUS))
            self._status = Status.decode(payloads[0])
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
                contents = self._contents.get(location) or await self._list_store(location)
                return [PictureKey(location, name) for name, number in contents.albums.items() if number == album]
        raise errors.NotFound("no folder")

    async def _list_store(self, location: Location) -> _Contents:
        known = self._contents.get(location)
        if known is not None and self._line.busy:
            return known
        status = await self._read_status()
        if location is Location.CARD and not status.has_card:
            raise errors.StoreUnavailable("no card in the camera")
        pictures = {entry.name: entry for entry in await self._list_files(location, 0)}
        albums: dict[str, int] = {}
        for album in range(1, ALBUMS + 1):
            if await self._count(location, album):
                for entry in await self._list_files(location, album):
                    pictures.setdefault(entry.name, entry)
                    albums[entry.name] = album
        names = AlbumNames.decode((await self._line.run(command(Code.GET_ALBUM_NAMES)))[0]).names
        listed = known.listed if known is not None else decode_clock(status.clock)
        self._contents[location] = _Contents(pictures, albums, names, listed)
        return self._contents[location]

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
        while len(entries) < count:
            entries.append(await self._entry_from_header(location, album, len(entries) + 1))
        return entries

    async def _entry_from_header(self, location: Location, album: int, number: int) -> FileEntry:
        """Learn a picture's name and size from its first packet, where the list does not go so far."""
        header = kdc.Header.decode(await self._first_packet(location, album, number))
        return FileEntry.named(f"{header.name}.KDC", header.size)

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
                    raise errors.RemoteProtocolError(f"{name}: a size of {entry.size} bytes")
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
        album, number = await self._number(key)

        async def check(received: Received) -> bool:
            if received.index == 0:
                self._expect_name(received.payload, key)
            return await take(received.index, received.payload)

        await self._line.run(command(GET_FILE[key.location], number=number, album=album), packets, check)

    async def _number(self, key: PictureKey) -> tuple[int, int]:
        """Return the album to name and a picture's number in it, as of now."""
        contents = self._known(key.location)
        for album in (0, contents.albums.get(key.name, 0)):
            names = [entry.name for entry in await self._list_files(key.location, album)]
            if key.name in names:
                return album, names.index(key.name) + 1
        raise errors.NotFound(f"{key.name}: no longer in the camera")

    @staticmethod
    def _expect_name(first: bytes, key: PictureKey) -> None:
        header = kdc.Header.decode(first)
        if header.name and header.name.rstrip() != key.name.partition(".")[0]:
            raise errors.RemoteProtocolError(f"the camera sent {header.name} in place of {key.name}")

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
            try:
                album, number = await self._number(key)
                wanted = command(GET_THUMBNAIL[key.location], number=number, album=album)
                pixels = b"".join(await self._line.run(wanted))[:THUMBNAIL_SIZE]
            except (errors.Refused, errors.RemoteProtocolError) as error:
                log.info("thumbnail of %s: %s", entry.name, error)
        if len(pixels) != THUMBNAIL_SIZE:
            data = await picture.look(self._nursery, kdc.PICTURE_OFFSET)
            pixels = kdc.Header.decode(data).thumbnail(data)
        return b"P6 %d %d 255\n" % (THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT) + pixels

    # ------------------------------------------------------------------ changes

    async def delete(self, entry: Entry) -> None:
        """See `Camera.delete`. The picture's number is looked up just before, and proved by its first packet."""
        key = entry.key
        if not isinstance(key, PictureKey):
            raise errors.NotPermitted("albums cannot be deleted")
        album, number = await self._number(key)
        if album:
            raise errors.NotSupported(
                f"{key.name}: the camera erases by its number among all pictures, and does not list it there"
            )
        self._expect_name(await self._first_packet(key.location, 0, number), key)
        await self._line.run(command(Code.ERASE, location=key.location, number=number))
        self._pictures.pop((key, entry.size), None)
        if self._store is not None:
            self._store.forget(entry.name, entry.size)
        contents = await self._list_store(key.location)
        if key.name in contents.pictures:
            raise errors.Refused(f"{key.name}: the camera did not erase it")

    async def rename(self, entry: Entry, name: str) -> None:
        """See `Camera.rename`: albums only (command 42).

        Raises:
            InvalidValue: more than 14 characters, or not ASCII.
        """
        if not isinstance(entry.key, AlbumKey):
            raise errors.StoreReadOnly("only albums can be renamed")
        names = list(AlbumNames.decode((await self._line.run(command(Code.GET_ALBUM_NAMES)))[0]).names)
        names[entry.key.album - 1] = name
        await self._line.run(command(Code.SET_ALBUM_NAMES, AlbumNames.of(names).encode()))
        for location, contents in self._contents.items():
            self._contents[location] = replace(contents, names=tuple(names))

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
        if not self._line.busy:
            self._contents.clear()

    async def capture(self) -> Sequence[Key]:
        """See `Camera.capture`. The seed does not say where the picture goes: it is what the lists have that they had not.

        Raises:
            StoreFull: the camera took none.
        """
        before = {location: set(contents.pictures) for location, contents in (await self._list_all()).items()}
        try:
            await self._line.run(command(Code.TAKE_PICTURE))
        except errors.NotSupported:
            raise
        except errors.Refused:
            raise errors.StoreFull("the camera took no picture: its memory is full") from None
        after = await self._list_all()
        new = [
            PictureKey(location, name)
            for location, contents in after.items()
            for name in contents.pictures
            if name not in before.get(location, set())
        ]
        if not new:
            raise errors.StoreFull("the camera took no picture that it lists")
        return new

    async def _list_all(self) -> dict[Location, _Contents]:
        keys = await self.list_folder(None)
        return {key.location: await self._list_store(key.location) for key in keys if isinstance(key, StoreKey)}

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
        """See `Camera.change_setting`."""
        if name == USER_NAME:
            await self._line.run(user_name_command(value))
            return
        setting, code = SETTINGS[name], code_of(name, value)
        status = await self._read_status()
        await self._line.run(setting.command(code, status))
        self._written[name] = code
        kept = self._code(name, await self._read_status())
        if kept is not None and kept != code:
            raise errors.NotPermitted(f"{name}: the camera kept {setting.text(kept)}")

    async def clock(self) -> datetime:
        """See `Camera.clock`."""
        local = (await self._read_status()).time
        return local.replace(tzinfo=self._zone) if self._zone is not None else local.astimezone()

    async def set_clock(self, moment: datetime) -> None:
        """See `Camera.set_clock`."""
        local = moment.astimezone(self._zone).replace(tzinfo=None)
        await self._line.run(command(Code.SET_CLOCK, clock=encode_clock(local)))

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

"""What the DC120 holds, stores, albums and pictures, and the commands that name a picture by its number.

A store is listed as a whole: the list of all its pictures, and the list of each album that has some. So a directory costs a few packets
however many pictures there are. It is answered from memory while a picture is being transferred, for the camera changes nothing by
itself while a computer has it.

A picture's number is its place in a list, and shifts when another picture is erased. So the number is looked up, in a list that was
just asked for, each time it is needed, and the first packet of the picture must bear the picture's name. From the list to the end of
the command that uses the number nobody else may erase or take a picture: whoever uses a number holds `Contents._numbers` meanwhile.
"""

import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

import trio

from camfs import errors
from camfs.cameras.api import Change, FolderChanged, Key, Usage
from camfs.cameras.dc120.attachment import Attachment
from camfs.cameras.dc120.line import OnPacket, ReceivedPacket
from camfs.protocols import kdc
from camfs.protocols.dc120.commands import GET_FILE, GET_THUMBNAIL, Code, command
from camfs.protocols.dc120.lists import FileEntry, ListLayout, decode_count, decode_list, list_layout, packets_in_list
from camfs.protocols.dc120.status import Status
from camfs.protocols.dc120.texts import ALBUMS, AlbumNames
from camfs.protocols.dc120.values import Location, decode_clock

log = logging.getLogger(__name__)

CAPACITY = {Location.MEMORY: 2 << 20, Location.CARD: 16 << 20}
"""Bytes of a store (camfs/protocols/dc120/README.md, "Picture data")."""

MAX_SIZE = 32 << 20
"""Bytes beyond which the size in a list is nonsense: twice the largest card."""

MAX_LISTED = 999
"""Pictures that are looked for one by one where a list does not name them; the largest card holds 230."""

NAMELESS = FileEntry(bytes(12), 0)
"""Keeps the place of a picture that neither the list nor its own header names."""


class StoreKey(NamedTuple):
    """A store."""

    location: Location


class AlbumKey(NamedTuple):
    """An album in a store: 1 to 8."""

    location: Location
    album: int


class PictureKey(NamedTuple):
    """A picture; no other one in its store has this name."""

    location: Location
    name: str

    @property
    def stem(self) -> str:
        """The name as the picture's header bears it."""
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class StoreListing:
    """What a store held when it was listed.

    Attributes:
        pictures: by name.
        albums: the album of each picture that is in one, by name.
        album_names: of albums 1 to 8; empty where they have none.
        since: local time of the camera when the store was listed for the first time.
    """

    pictures: dict[str, FileEntry]
    albums: dict[str, int]
    album_names: tuple[str, ...]
    since: datetime


class Contents:
    """What one camera holds.

    Args:
        attachment: to the camera.
        announce: is called with what has changed.
        on_card_removed: is called when there is no card, or when the card may be another one: pictures on the next card may have
            the same names and sizes.
    """

    def __init__(
        self, attachment: Attachment, announce: Callable[[Change], None], on_card_removed: Callable[[], None]
    ) -> None:
        self._attachment = attachment
        self._announce = announce
        self._on_card_removed = on_card_removed
        self._listings: dict[Location, StoreListing] = {}
        self._stale: set[Location] = set()
        self._numbers = trio.Lock()

    # listing

    async def list_folder(self, key: Key | None) -> Sequence[Key]:
        """List a folder's keys: see `Camera.list_folder`."""
        match key:
            case None:
                return [StoreKey(location) for location in _present(await self._attachment.read_status())]
            case StoreKey(location):
                listing = await self._list_store(location)
                albums = sorted(set(listing.albums.values()))
                loose = [PictureKey(location, name) for name in listing.pictures if name not in listing.albums]
                return [*(AlbumKey(location, album) for album in albums), *loose]
            case AlbumKey(location, album):
                known = self._listings.get(location)
                listing = known if known and location not in self._stale else await self._list_store(location)
                return [PictureKey(location, name) for name, number in listing.albums.items() if number == album]
        raise errors.NotFound("not a folder")

    async def _list_store(self, location: Location) -> StoreListing:
        """List a store; while the camera is busy, return its last listing."""
        known = self._listings.get(location)
        if known is not None and (self._numbers.locked() or self._attachment.line.busy):
            return known
        async with self._numbers:
            return await self._ask_store(location)

    async def _ask_store(self, location: Location) -> StoreListing:
        """Ask the camera what a store holds. The caller holds `_numbers`."""
        known = self._listings.get(location)
        status = await self._attachment.ask_status()
        if location not in _present(status):
            self._card_removed()
            raise errors.StoreUnavailable("no card in the camera")
        pictures = {entry.name: entry for entry in await self._list_files(location, 0)}
        albums: dict[str, int] = {}
        for album in range(1, ALBUMS + 1):
            if await self._count(location, album):
                for entry in await self._list_files(location, album):
                    pictures.setdefault(entry.name, entry)
                    albums[entry.name] = album
        names = (await self._ask_album_names()).names
        since = known.since if known is not None else decode_clock(status.clock)
        self._listings[location] = StoreListing(pictures, albums, names, since)
        self._stale.discard(location)
        return self._listings[location]

    async def _ask_stores(self) -> dict[Location, StoreListing]:
        """Ask the camera what all its stores hold. The caller holds `_numbers`."""
        status = await self._attachment.ask_status()
        return {location: await self._ask_store(location) for location in _present(status)}

    def _card_removed(self) -> None:
        self._listings.pop(Location.CARD, None)
        self._on_card_removed()

    async def _ask_album_names(self) -> AlbumNames:
        return AlbumNames.decode((await self._attachment.run(command(Code.GET_ALBUM_NAMES)))[0])

    async def _count(self, location: Location, album: int) -> int:
        payloads = await self._attachment.run(command(Code.GET_FILE_COUNT, location=location, album=album))
        return decode_count(payloads[0])

    async def _list_files(self, location: Location, album: int) -> list[FileEntry]:
        """Ask for a list. Entries that are nonsense keep their place in it, since numbers are places."""
        payloads: list[bytes] = []

        async def gather(packet: ReceivedPacket) -> bool:
            payloads.append(packet.payload)
            if packet.index == 0:
                packet.expect(packets_in_list(packet.payload))
            return True

        wanted = command(Code.GET_FILE_NAMES, location=location, album=album)
        try:
            await self._attachment.run(wanted, on_packet=gather)
        except (errors.RemoteProtocolError, errors.TransferTimeout):
            # `ListLayout.SINGLE`: one packet is all that comes, whatever the count
            if len(payloads) != 1 or list_layout(payloads[0]) is not ListLayout.PAGED:
                raise
        entries = decode_list(payloads)
        count = await self._count(location, album)
        with contextlib.suppress(errors.Refused):  # there are not as many as the count says
            while len(entries) < min(count, MAX_LISTED):
                entries.append(await self._entry_from_header(location, album, len(entries) + 1))
        return entries

    async def _entry_from_header(self, location: Location, album: int, number: int) -> FileEntry:
        """Learn a picture's name and size from its first packet, where the list does not name it."""
        first = await self._first_packet(location, album, number)
        try:
            header = kdc.Header.decode(first)
            return FileEntry.named(f"{header.name.rstrip()}.KDC", header.size)
        except (errors.ProtocolError, UnicodeError) as error:
            log.info("picture %d: %s", number, error)
            return NAMELESS

    async def _first_packet(self, location: Location, album: int, number: int) -> bytes:
        packets: list[bytes] = []

        async def gather_one(packet: ReceivedPacket) -> bool:
            packets.append(packet.payload)
            return False

        wanted = command(GET_FILE[location], number=number, album=album)
        await self._attachment.run(wanted, on_packet=gather_one)
        if not packets:
            raise errors.RemoteProtocolError(f"picture {number} has no first packet")
        return packets[0]

    # what is known

    def _known(self, location: Location) -> StoreListing:
        listing = self._listings.get(location)
        if listing is None:
            raise errors.NotFound("not listed yet")
        return listing

    def size(self, key: PictureKey) -> int:
        """Return a picture's size in bytes.

        Raises:
            NotFound: the picture is not in the camera's lists.
            Refused: the size is nonsense.
        """
        entry = self._known(key.location).pictures.get(key.name)
        if entry is None:
            raise errors.NotFound(f"{key.name}: no longer in the camera")
        if entry.size > MAX_SIZE:
            raise errors.Refused(f"{key.name}: the camera tells an impossible size of {entry.size} bytes")
        return entry.size

    def listed_since(self, location: Location) -> datetime:
        """Return the camera's local time when a store was listed for the first time."""
        return self._known(location).since

    def album_name(self, key: AlbumKey) -> str:
        """Return an album's name; empty where it has none."""
        return self._known(key.location).album_names[key.album - 1]

    def path(self, key: PictureKey) -> Sequence[Key]:
        """Return the keys of the store, of the album if the picture is in one, and of the picture."""
        album = self._known(key.location).albums.get(key.name)
        return [StoreKey(key.location), *([AlbumKey(key.location, album)] if album else []), key]

    async def usage(self, store: StoreKey) -> Usage:
        """Measure the room in a store. The camera tells no bytes, so they are the store's size less its pictures'."""
        listing = self._listings.get(store.location) or await self._list_store(store.location)
        total = CAPACITY[store.location]
        used = sum(entry.size for entry in listing.pictures.values() if entry.size <= MAX_SIZE)
        return Usage(max(total, used), max(total - used, 0), len(listing.pictures))

    def invalidate(self) -> None:
        """Ask the camera again when an album is listed next."""
        self._stale.update(Location)

    def drop(self) -> None:
        """Drop everything that is known, for the camera may have been elsewhere."""
        self._card_removed()
        self._listings.clear()

    # by number

    async def transfer(self, key: PictureKey, packets: int, on_packet: OnPacket) -> None:
        """Transfer a picture from its beginning, and check that its first packet bears its name.

        Raises:
            NotFound: the picture is no longer in the camera.
            RemoteProtocolError: the camera sends another picture.
        """

        async def check(packet: ReceivedPacket) -> bool:
            if packet.index == 0 and _name_in(packet.payload) not in ("", key.stem):
                raise errors.RemoteProtocolError(f"the camera sent another picture in place of {key.name}")
            return await on_packet(packet)

        async with self._numbers:
            album, number = await self._find(key)
            await self._attachment.run(command(GET_FILE[key.location], number=number, album=album), packets, check)

    async def thumbnail(self, key: PictureKey) -> bytes:
        """Ask for a picture's thumbnail (command 56 or 66); return what comes, nothing where the camera does not have it.

        Raises:
            NotFound: the picture is no longer in the camera.
        """
        async with self._numbers:
            album, number = await self._find(key)
            try:
                wanted = command(GET_THUMBNAIL[key.location], number=number, album=album)
                return b"".join(await self._attachment.run(wanted))
            except (errors.Refused, errors.RemoteProtocolError, errors.TransferTimeout) as error:
                log.info("thumbnail of %s: %s", key.name, error)
                return b""

    async def _find(self, key: PictureKey) -> tuple[int, int]:
        """Return the album to name, and a picture's number in it, as of now. The caller holds `_numbers`."""
        albums = self._known(key.location).albums
        for album in (0, albums.get(key.name, 0)):
            names = [entry.name for entry in await self._list_files(key.location, album)]
            if key.name in names:
                return album, names.index(key.name) + 1
        raise errors.NotFound(f"{key.name}: no longer in the camera")

    # changes

    async def erase(self, key: PictureKey) -> None:
        """Erase a picture. Its number is looked up just before, and proved by the picture's first packet.

        Raises:
            NotFound: the picture is no longer in the camera.
            NotSupported: the lists do not tell the picture's number among all pictures, or another picture has it.
            Refused: the camera did not erase it.
        """
        async with self._numbers:
            number = await self._number_of_all(key)
            first = await self._first_packet(key.location, 0, number)
            if _name_in(first) != key.stem:
                raise errors.NotSupported(f"{key.name}: picture {number} bears another name, so nothing was erased")
            failure: errors.CameraError | None = None
            try:
                await self._attachment.run(command(Code.ERASE, location=key.location, number=number))
            except (errors.TransferTimeout, errors.RemoteProtocolError) as error:
                failure = error  # it may have been erased: the list tells
            if key.name in (await self._ask_store(key.location)).pictures:
                raise failure or errors.Refused(f"{key.name}: the camera did not erase it")

    async def _number_of_all(self, key: PictureKey) -> int:
        """Return a picture's number among all pictures of its store, which is what the camera erases by."""
        listing = await self._ask_store(key.location)
        if key.name not in listing.pictures:
            raise errors.NotFound(f"{key.name}: no longer in the camera")
        names = [entry.name for entry in await self._list_files(key.location, 0)]
        if names.count(key.name) != 1 or not listing.albums.keys() <= set(names):
            raise errors.NotSupported(
                f"{key.name}: the camera's lists leave its number in doubt, so nothing was erased"
            )
        return names.index(key.name) + 1

    async def rename_album(self, key: AlbumKey, name: str) -> None:
        """Rename an album (command 42), in both stores: they share the names.

        Raises:
            InvalidValue: more than 14 characters, or not ASCII; the camera was not asked.
            NotPermitted: the camera kept another name.
        """
        AlbumNames.of((name,) * ALBUMS)  # to refuse a bad name before the camera is asked anything
        async with self._numbers:
            renamed = (await self._ask_album_names()).renamed(key.album, name)
            await self._attachment.run(command(Code.SET_ALBUM_NAMES, renamed.encode()))
            names = (await self._ask_album_names()).names
        for location, listing in self._listings.items():
            self._listings[location] = replace(listing, album_names=names)
            if location is not key.location:
                self._announce(FolderChanged(StoreKey(location)))
        if names[key.album - 1] != name:
            raise errors.NotPermitted(f"{name}: the camera kept {names[key.album - 1]}")

    async def capture(self) -> Sequence[PictureKey]:
        """Take a picture and return its key. No source says in which store it lands, so the lists before and after are compared.

        Raises:
            NotSupported: the camera refuses the command.
            StoreFull: the camera took no picture.
        """
        async with self._numbers:
            before = await self._ask_stores()
            failure: errors.CameraError | None = None
            try:
                await self._attachment.run(command(Code.TAKE_PICTURE))
            except errors.NotSupported:
                raise
            except errors.Refused:
                failure = errors.StoreFull("the camera took no picture: its memory is full")
            except (errors.TransferTimeout, errors.RemoteProtocolError) as error:
                failure = error  # it may have been taken: the lists tell
            after = await self._ask_stores()
        new = [
            PictureKey(location, name)
            for location, listing in after.items()
            for name in listing.pictures
            if location not in before or name not in before[location].pictures
        ]
        if not new:
            raise failure or errors.StoreFull("the camera lists no new picture")
        return new


def _present(status: Status) -> list[Location]:
    """Return the stores that the camera has now: the memory always, the card if one is in the camera."""
    return [location for location in Location if location is Location.MEMORY or status.has_card]


def _name_in(first: bytes) -> str:
    """Return the name that a picture's first packet bears; empty if it bears none, as that of a damaged picture."""
    with contextlib.suppress(errors.RemoteProtocolError):
        return kdc.Header.decode(first).name.rstrip()
    return ""

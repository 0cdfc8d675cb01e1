"""What the DC120 holds, stores, albums and pictures, and the commands that name a picture by its number.

A store is listed as a whole: the list of all its pictures, and the list of each album that has some. So a directory costs a few packets
however many pictures there are. It is answered from memory while a picture is being transferred, for the camera changes nothing by
itself while a computer has it.

A picture is known by its name and its size: a picture of the same name and another size is another picture. Its number is its place in
a list, and shifts when another picture is erased. So the number is looked up, in a list that was just asked for, each time it is needed,
and what comes is held against the picture (`proofs`). From the list to the end of the command that uses the number nobody else may erase
or take a picture: whoever uses a number holds `Contents._numbers` meanwhile.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

import trio

from camfs import errors
from camfs.cameras.api import Change, FolderChanged, Key, Usage
from camfs.cameras.dc120.attachment import Attachment
from camfs.cameras.dc120.line import OnPacket, ReceivedPacket
from camfs.cameras.dc120.lists import NAMELESS, by_unique_names, count_files, first_packet, list_files
from camfs.cameras.dc120.proofs import Proofs, is_other_file, may_erase
from camfs.protocols.dc120.commands import GET_FILE, GET_THUMBNAIL, Code, command
from camfs.protocols.dc120.lists import FileEntry
from camfs.protocols.dc120.status import Status
from camfs.protocols.dc120.texts import ALBUMS, AlbumNames
from camfs.protocols.dc120.values import Location, decode_clock

log = logging.getLogger(__name__)

CAPACITY = {Location.MEMORY: 2 << 20, Location.CARD: 16 << 20}
"""Bytes of a store (camfs/protocols/dc120/README.md, "Picture data")."""

MAX_SIZE = 32 << 20
"""Bytes beyond which the size in a list is nonsense: twice the largest card."""

ATTEMPTS = 4
"""How often a picture is asked for while the camera's list changes each time."""


class StoreKey(NamedTuple):
    """A store."""

    location: Location


class AlbumKey(NamedTuple):
    """An album in a store: 1 to 8."""

    location: Location
    album: int


class PictureKey(NamedTuple):
    """A picture; no other one in its store has this name. With another size it is another picture."""

    location: Location
    name: str
    size: int


class Place(NamedTuple):
    """Where a picture stands: its number in the list of an album (0 for the whole store), and what that list named.

    Two places are equal only if nothing has changed in the list.
    """

    album: int
    number: int
    listed: tuple[tuple[str, int], ...]


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

    def key(self, location: Location, name: str) -> PictureKey:
        """Return the key of a picture."""
        return PictureKey(location, name, self.pictures[name].size)


class Contents:
    """What one camera holds.

    Args:
        attachment: to the camera.
        announce: is called with what has changed.
        on_card_removed: is called when there is no card, or when the card may be another one: pictures on the next card may have
            the same names and sizes.
        on_replaced: is called with a picture that must be another one now, although name and size are the same.
    """

    def __init__(
        self,
        attachment: Attachment,
        announce: Callable[[Change], None],
        on_card_removed: Callable[[], None],
        on_replaced: Callable[[PictureKey], None],
    ) -> None:
        self._attachment = attachment
        self._announce = announce
        self._on_card_removed = on_card_removed
        self._on_replaced = on_replaced
        self._proofs = Proofs()
        self._listings: dict[Location, StoreListing] = {}
        self._stale: set[Location] = set()
        self._numbers = trio.Lock()

    @property
    def is_busy(self) -> bool:
        """Whether the camera is sending something, or a command that names a picture is under way."""
        return self._numbers.locked() or self._attachment.line.busy

    # listing

    async def list_folder(self, key: Key | None) -> Sequence[Key]:
        """List a folder's keys: see `Camera.list_folder`."""
        match key:
            case None:
                present = _present(await self._attachment.read_status())
                if Location.CARD not in present:
                    self._card_removed()
                return [StoreKey(location) for location in present]
            case StoreKey(location):
                listing = await self._list_store(location)
                albums = sorted(set(listing.albums.values()))
                loose = [listing.key(location, name) for name in listing.pictures if name not in listing.albums]
                return [*(AlbumKey(location, album) for album in albums), *loose]
            case AlbumKey(location, album):
                known = self._listings.get(location)
                listing = known if known and location not in self._stale else await self._list_store(location)
                return [listing.key(location, name) for name, number in listing.albums.items() if number == album]
        raise errors.NotFound("not a folder")

    async def _list_store(self, location: Location) -> StoreListing:
        """List a store; while the camera is busy, return its last listing."""
        known = self._listings.get(location)
        if known is not None and self.is_busy:
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
        pictures = by_unique_names(await list_files(self._attachment, location, 0))
        albums: dict[str, int] = {}
        for album in range(1, ALBUMS + 1):
            if await count_files(self._attachment, location, album):
                for entry in await list_files(self._attachment, location, album):
                    name = next((name for name in _twins(pictures, entry) if name not in albums), None)
                    if name is None:  # the list of the store leaves out what is in an album
                        pictures = by_unique_names([entry], pictures)
                        name = next(reversed(pictures))
                    albums[name] = album
        names = (await self._ask_album_names()).names
        since = known.since if known is not None else decode_clock(status.clock)
        self._listings[location] = StoreListing(pictures, albums, names, since)
        self._stale.discard(location)
        if known is not None:
            self._compare(location, known)
        return self._listings[location]

    def _compare(self, location: Location, before: StoreListing) -> None:
        """Report pictures of which only the unknown bytes of their entries have changed: in a DOS directory those are time and date."""
        for name, entry in self._listings[location].pictures.items():
            old = before.pictures.get(name)
            if old is not None and old.size == entry.size and old.data != entry.data:
                key = PictureKey(location, name, entry.size)
                self._proofs.forget(key)
                self._on_replaced(key)

    async def _ask_stores(self) -> dict[Location, StoreListing]:
        """Ask the camera what all its stores hold. The caller holds `_numbers`."""
        status = await self._attachment.ask_status()
        return {location: await self._ask_store(location) for location in _present(status)}

    def _card_removed(self) -> None:
        known = self._listings.pop(Location.CARD, None)
        if known is not None:
            for name in known.pictures:
                self._proofs.forget(known.key(Location.CARD, name))
        self._on_card_removed()

    async def _ask_album_names(self) -> AlbumNames:
        return AlbumNames.decode((await self._attachment.run(command(Code.GET_ALBUM_NAMES)))[0])

    # what is known

    def _known(self, location: Location) -> StoreListing:
        listing = self._listings.get(location)
        if listing is None:
            raise errors.NotFound("not listed yet")
        return listing

    def entry(self, key: PictureKey) -> FileEntry:
        """Return what the camera's list says of a picture.

        Raises:
            NotFound: the picture is not in the camera's lists.
            Refused: its size is nonsense, or nobody tells it.
        """
        entry = self._known(key.location).pictures.get(key.name)
        if entry is None or entry.size != key.size:
            raise errors.NotFound(f"{key.name}: no longer in the camera")
        if entry == NAMELESS:
            raise errors.Refused("a file whose name and size the camera does not tell")
        if entry.size > MAX_SIZE:
            raise errors.Refused(f"{key.name}: the camera tells an impossible size of {entry.size} bytes")
        return entry

    def stamp(self, key: PictureKey) -> bytes:
        """Return the four unknown bytes of a picture's entry; none if it is not in the camera's lists."""
        listing = self._listings.get(key.location)
        entry = listing.pictures.get(key.name) if listing is not None else None
        return entry.data if entry is not None else b""

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
        """Transfer a picture from its beginning, once it is proved that it is the right one: the table in `proofs`.

        Raises:
            NotFound: the picture is no longer in the camera.
            Refused: the camera cannot send it.
            RemoteProtocolError: the camera sends another picture, or its list changes all the time.
        """
        before, doubtful, failure = None, b"", None
        async with self._numbers:
            for _ in range(ATTEMPTS):
                place = await self._find(key)
                if place == before:
                    if failure is not None:
                        raise failure
                    await self._prove(key, place, doubtful)
                before, failure = place, None
                try:
                    doubtful = await self._transfer_from(key, place, packets, on_packet)
                except errors.NotSupported:
                    raise
                except errors.Refused as error:  # the camera may have fewer pictures than it had a moment ago
                    failure = error
                else:
                    if not doubtful:
                        return
        raise errors.RemoteProtocolError(f"{key.name}: the camera lists and sends something else each time")

    async def _transfer_from(self, key: PictureKey, place: Place, packets: int, on_packet: OnPacket) -> bytes:
        """Transfer the picture at a place; return its first packet, and nothing else, if that does not show that it is the right one."""
        name, doubtful = self.entry(key).name, b""

        async def check(packet: ReceivedPacket) -> bool:
            nonlocal doubtful
            if packet.index == 0 and not self._proofs.holds(key, name, packet.payload):
                doubtful = packet.payload
                return False
            return await on_packet(packet)

        wanted = command(GET_FILE[key.location], number=place.number, album=place.album)
        await self._attachment.run(wanted, packets, check)
        return doubtful

    async def _prove(self, key: PictureKey, place: Place, first: bytes) -> None:
        """Believe that a first packet is the picture's, after the second look at the list, unless the camera has sent another file.

        Raises:
            RemoteProtocolError: it has.
        """

        async def ask(index: int) -> bytes:
            return await first_packet(self._attachment, key.location, place.album, index + 1)

        if await is_other_file((key.name, key.size), first, place.listed, ask):
            raise errors.RemoteProtocolError(f"the camera sent another picture in place of {key.name}")
        log.info("%s: its header does not bear this name", key.name)
        self._proofs.note(key, first)

    async def thumbnail(self, key: PictureKey) -> bytes:
        """Ask for a picture's thumbnail (command 56 or 66); return what comes, nothing where the camera does not have it.

        Raises:
            NotFound: the picture is no longer in the camera.
        """
        async with self._numbers:
            place = await self._find(key)
            try:
                wanted = command(GET_THUMBNAIL[key.location], number=place.number, album=place.album)
                return b"".join(await self._attachment.run(wanted))
            except (errors.Refused, errors.RemoteProtocolError, errors.TransferTimeout) as error:
                log.info("thumbnail of %s: %s", key.name, error)
                return b""

    async def _find(self, key: PictureKey) -> Place:
        """Ask the camera where a picture stands now. The caller holds `_numbers`.

        Raises:
            NotFound: it is no longer in the camera, or another picture has its name now. The store will be listed again.
        """
        listing, wanted = self._known(key.location), self.entry(key)
        twins = _twins(listing.pictures, wanted)
        for album in dict.fromkeys((0, listing.albums.get(key.name, 0))):
            entries = await list_files(self._attachment, key.location, album)
            numbers = [number for number, entry in enumerate(entries, 1) if _is_twin(entry, wanted)]
            here = [name for name in twins if album in (0, listing.albums.get(name, 0))]
            if len(numbers) == len(here):
                listed = tuple((entry.name, entry.size) for entry in entries)
                return Place(album, numbers[here.index(key.name)], listed)
        self._stale.add(key.location)
        self._announce(FolderChanged(StoreKey(key.location)))
        raise errors.NotFound(f"{key.name}: no longer in the camera")

    # changes

    async def erase(self, key: PictureKey) -> None:
        """Erase a picture. Its number is looked up just before, and proved by the picture's first packet.

        Raises:
            NotFound: the picture is no longer in the camera.
            NotSupported: the lists do not tell the picture's number among all pictures, or the number may be another picture's.
            Refused: the camera did not erase it.
        """
        async with self._numbers:
            place = await self._place_among_all(key)
            first = await first_packet(self._attachment, key.location, 0, place.number)
            proved = self._proofs.holds(key, self.entry(key).name, first)
            if not may_erase((key.name, key.size), first, place.listed, proved) or place != await self._find(key):
                raise errors.NotSupported(
                    f"{key.name}: picture {place.number} may be another one by its header, so nothing was erased"
                )
            failure: errors.CameraError | None = None
            try:
                await self._attachment.run(command(Code.ERASE, location=key.location, number=place.number))
            except (errors.TransferTimeout, errors.RemoteProtocolError) as error:
                failure = error  # it may have been erased: the list tells
            left = (await self._ask_store(key.location)).pictures.get(key.name)
            if left is not None and left.size == key.size:
                raise failure or errors.Refused(f"{key.name}: the camera did not erase it")

    async def _place_among_all(self, key: PictureKey) -> Place:
        """Return a picture's place among all pictures of its store: the camera erases by the number there."""
        listing = await self._ask_store(key.location)
        wanted, place = self.entry(key), await self._find(key)
        names = {name for name, _ in place.listed}
        if place.album or len(_twins(listing.pictures, wanted)) > 1 or not listing.albums.keys() <= names:
            raise errors.NotSupported(f"{key.name}: its number is uncertain, so nothing was erased")
        return place

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
        old = {listing.key(location, name) for location, listing in before.items() for name in listing.pictures}
        new = [listing.key(location, name) for location, listing in after.items() for name in listing.pictures]
        new = [key for key in new if key not in old]
        if not new:
            raise failure or errors.StoreFull("the camera lists no new picture")
        return new


def _present(status: Status) -> list[Location]:
    """Return the stores that the camera has now: the memory always, the card if one is in the camera."""
    return [location for location in Location if location is Location.MEMORY or status.has_card]


def _is_twin(one: FileEntry, other: FileEntry) -> bool:
    return (one.name, one.size) == (other.name, other.size)


def _twins(pictures: Mapping[str, FileEntry], entry: FileEntry) -> list[str]:
    """Return the names under which pictures go whose entries have the same name and size: one, unless a list is odd."""
    return [name for name, other in pictures.items() if _is_twin(entry, other)]

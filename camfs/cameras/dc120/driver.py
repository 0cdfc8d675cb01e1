"""The driver of the Kodak DC120: `Dc120Camera` joins its parts to the `Camera` of `camfs.cameras.api`.

=============== ========================================================================================================
`attachment`    the line in use (`line`), and the status that the camera told last
`contents`      stores, albums, pictures, and the commands that name a picture by its number
`lists`         the camera's lists
`proofs`        whether the picture that comes is the right one
`downloads`     the bytes of pictures, while they come
`picture_cache` the bytes of pictures, kept on this computer's disk
`settings`      the settings
=============== ========================================================================================================

The driver has three states. It is *attached* from `open` on; *gone* once the port has vanished, when every call fails with `DeviceGone`
and the port is closed; and attached again after `reattach`. The camera announces nothing by itself, so what it holds is asked when it is
listed.
"""

import contextlib
from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import datetime, tzinfo

import trio

from camfs import errors
from camfs.cameras.api import (
    Ability,
    Change,
    Entry,
    FolderChanged,
    Gone,
    Happened,
    Key,
    Usage,
    WithoutRemoteControl,
    unconfirmed_lines,
)
from camfs.cameras.dc120 import settings
from camfs.cameras.dc120.attachment import Attachment
from camfs.cameras.dc120.contents import AlbumKey, Contents, PictureKey, StoreKey
from camfs.cameras.dc120.downloads import Downloads, aware
from camfs.cameras.dc120.line import Line
from camfs.cameras.dc120.picture_cache import PictureCache
from camfs.protocols import kdc
from camfs.protocols.dc120.commands import Code, command, decode_command
from camfs.protocols.dc120.values import Location, encode_clock

STORE_NAMES = {Location.MEMORY: "memory", Location.CARD: "card"}
BATTERY = {0: "good", 1: "weak", 2: "empty"}
"""Words for the byte that libgphoto2 takes for the battery's state; the protocol document does not know it."""


class Dc120Camera(WithoutRemoteControl):
    """A DC120 on a line. Its methods are those of `camfs.cameras.api.Camera`.

    Args:
        line: the line, not yet open; closed by `aclose`.
        nursery: runs transfers.
        zone: the zone of the camera's clock; None is this computer's.
        cache: keeps pictures between mounts; None for one in the user's cache folder.
    """

    sends_events = False

    def __init__(
        self, line: Line, nursery: trio.Nursery, zone: tzinfo | None = None, cache: PictureCache | None = None
    ) -> None:
        self.epoch = 0
        self._announced, self.changes = trio.open_memory_channel[Change](1024)
        self._zone = zone
        self._attachment = Attachment(line)
        self._contents = Contents(
            self._attachment,
            self._announce,
            lambda: self._downloads.drop_card(),
            lambda key: self._downloads.note_replaced(key),
        )
        self._downloads = Downloads(self._contents.transfer, nursery, zone, self._announce, cache, self._contents.stamp)
        self._settings = settings.Settings(self._attachment, self._announce)

    def _announce(self, change: Change) -> None:
        with contextlib.suppress(trio.WouldBlock):
            self._announced.send_nowait(change)

    # attaching

    async def open(self) -> None:
        """Find the camera on its line.

        Raises:
            TransferTimeout: no camera answers.
        """
        await self._attachment.open()
        if self._downloads.cache is None:
            status = self._attachment.status
            self._downloads.cache = PictureCache.of_camera(status.identity.hex(), status.user_name)

    async def reattach(self, line: Line) -> None:
        """Go on over another line after the port had vanished, and list everything anew.

        Raises:
            CameraError: another camera is on the line, or none. The line is closed, and the camera is gone as before.
        """
        try:
            status = await line.open()
            if status.identity != self._attachment.status.identity:
                raise errors.DeviceGone("another camera is on the line")
        except BaseException:
            await line.close()
            raise
        before = self._attachment.line
        self._attachment.replace(line, status)
        self._contents.drop()
        self._downloads.drop_all()
        self.epoch += 1
        await before.close()
        await self._announced.send(FolderChanged(None))

    async def listen(self) -> None:
        """Wait until the port has vanished, then close it: as long as it is open, an adapter plugged in again gets another number."""
        line = self._attachment.line
        await line.watch()
        await self._announced.send(Gone())
        await line.close()

    async def aclose(self) -> None:
        """Put the camera back to 9600 baud and close the port; never raises."""
        await self._attachment.line.close()

    def abilities(self) -> Set[Ability]:
        of_pictures = {Ability.CAPTURE, Ability.THUMBNAILS, Ability.DELETE, Ability.RENAME}
        return of_pictures | {Ability.SETTINGS, Ability.CLOCK}

    @property
    def gone(self) -> bool:
        return self._attachment.line.gone

    @property
    def speed(self) -> int:
        """The speed of the line in baud."""
        return self._attachment.line.speed

    # contents

    async def list_folder(self, key: Key | None) -> Sequence[Key]:
        return await self._contents.list_folder(key)

    async def describe(self, key: Key, folder: Key | None) -> Entry | None:
        match key:
            case StoreKey(location):
                return Entry(key, STORE_NAMES[location], str(int(location)), is_folder=True)
            case AlbumKey(_, album):
                name = self._contents.album_name(key)
                return Entry(key, name or f"ALBUM {album}", str(album), is_folder=True)
            case PictureKey(location, name):
                size = self._contents.entry(key).size
                date = self._downloads.date(key, self._contents.listed_since(location))
                exact = self._downloads.knows_date(key)
                return Entry(key, name, name, False, size, mtime_ns=date, date_is_exact=exact, is_picture=True)
        return None

    async def locate(self, key: Key) -> Sequence[Key]:
        assert isinstance(key, PictureKey)
        return self._contents.path(key)

    async def usage(self, store: Key) -> Usage:
        assert isinstance(store, StoreKey)
        return await self._contents.usage(store)

    async def refresh(self) -> None:
        self._contents.invalidate()
        self._downloads.drop_unused()

    async def delete(self, entry: Entry) -> None:
        if not isinstance(entry.key, PictureKey):
            raise errors.NotPermitted("albums cannot be deleted")
        await self._contents.erase(entry.key)
        self._downloads.drop(entry.key)
        self._announce(Happened("removed", f"{Code.ERASE.name} 0x{Code.ERASE:02X}", (entry.key,)))

    async def rename(self, entry: Entry, name: str) -> None:
        if not isinstance(entry.key, AlbumKey):
            raise errors.StoreReadOnly("only albums can be renamed")
        await self._contents.rename_album(entry.key, name)

    async def format(self, store: Key) -> None:
        raise errors.NotSupported("the DC120 has no command that formats a store")

    async def capture(self, exposure: float | None = None) -> Sequence[Key]:
        """Take a picture. The protocol has shutter speeds up to 16 s, and no command that ends an exposure."""
        if exposure is not None:
            raise errors.NotSupported("the DC120 has no bulb; its shutter-speed goes up to 16 s")
        taken = await self._contents.capture()
        for key in taken:
            self._announce(
                Happened("added", f"{Code.TAKE_PICTURE.name} 0x{Code.TAKE_PICTURE:02X}", (key,), is_new=True)
            )
        return taken

    # bytes

    async def read(self, entry: Entry, offset: int, size: int) -> bytes:
        return await self._downloads.of(entry).read(offset, size)

    async def measure(self, entry: Entry, *, reading: bool) -> Entry:
        if reading or entry.date_is_exact or (self._contents.is_busy and not self._downloads.are_ending):
            return entry
        return await self._downloads.find_date(entry)

    def reads_short(self, entry: Entry) -> bool:
        return not self._downloads.of(entry).is_complete

    async def release(self, entry: Entry) -> None:
        self._downloads.of(entry).close()

    async def thumbnail(self, entry: Entry) -> bytes:
        """Return a picture's thumbnail as PPM: from the bytes that have come, else by command 56, else from its first 16 packets.

        Raises:
            NoData: the file is no picture of a DC120, or ends before its thumbnail does.
        """
        download = self._downloads.of(entry)
        pixels = b""
        if download.received < kdc.PICTURE_OFFSET:
            pixels = (await self._contents.thumbnail(download.key))[: kdc.THUMBNAIL_SIZE]
        if len(pixels) != kdc.THUMBNAIL_SIZE:
            data = await download.read_beginning(kdc.PICTURE_OFFSET)
            try:
                pixels = kdc.Header.decode(data).thumbnail(data)
            except errors.RemoteProtocolError as error:
                raise errors.NoData(f"{entry.name} has no thumbnail: {error}") from None
        return b"P6 %d %d 255\n" % (kdc.THUMBNAIL_WIDTH, kdc.THUMBNAIL_HEIGHT) + pixels

    # settings, clock, status, raw commands

    def setting_names(self) -> Sequence[str]:
        return settings.NAMES

    async def setting(self, name: str) -> str:
        return await self._settings.read(name)

    async def choices(self, name: str) -> Sequence[str]:
        return settings.choices(name)

    async def change_setting(self, name: str, value: str) -> None:
        await self._settings.change(name, value)

    async def clock(self) -> datetime:
        return aware(await self._attachment.read_clock(), self._zone)

    async def set_clock(self, moment: datetime) -> None:
        local = moment.astimezone(self._zone).replace(tzinfo=None)
        await self._attachment.run(command(Code.SET_CLOCK, clock=encode_clock(local)))
        await self._attachment.ask_status()

    async def status(self) -> Sequence[tuple[str, str]]:
        status = await self._attachment.read_status()
        return [
            ("camera", "Kodak DC120"),
            ("serial", ""),
            ("firmware", f"{status.identity[2]}.{status.identity[3]:02}"),
            ("battery", BATTERY.get(status.battery, str(status.battery))),
            ("adapter", "yes" if status.adapter else "no"),
            ("line", f"{self._attachment.line.speed} baud"),
            ("user-name", status.user_name),
            ("clock", status.time.isoformat()),
            ("power-timeout", f"{status.sleep_timeout}s"),
            ("lcd-timeout", f"{status.lcd_timeout}s"),
            ("card-inserted", "yes" if status.has_card else "no"),
            ("card-label", status.card_label),
            ("card-pictures", str(status.card_pictures)),
            ("memory-albums", str(status.memory_albums)),
            ("card-albums", str(status.card_albums)),
            *unconfirmed_lines(self._settings.unconfirmed),
        ]

    async def raw(self, text: str) -> str:
        """Run a command given as `FRAME [: EXTRA]`, 8 bytes and the extra data; return the payloads of the reply, joined."""
        head, _, tail = text.partition(":")
        try:
            wanted = replace(decode_command(bytes.fromhex(head)), extra=bytes.fromhex(tail))
        except (ValueError, errors.RemoteProtocolError) as error:
            raise errors.InvalidValue(f"a raw command is its 8 bytes in hexadecimal [: EXTRA]: {error}") from None
        if len(wanted.extra) != wanted.form.extra:
            raise errors.InvalidValue(f"{wanted.form.name} takes {wanted.form.extra} bytes of extra data")
        if wanted.form.code == Code.SET_SPEED:
            raise errors.NotPermitted("camfs sets the line's speed itself: -o baud=")
        return b"".join(await self._attachment.run(wanted)).hex()

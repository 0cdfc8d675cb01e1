"""Pictures as they come over the line: from byte 0, once for all readers, and kept on disk for the next mount.

The DC120 cannot seek. A transfer begins with the first read that needs it and feeds every reader as it goes. It is aborted (E4) when the
last of them has closed the file. The bytes that have come stay: a later transfer of the same picture begins at byte 0 again, but what
is known is served at once, and compared with what comes. A picture that is complete goes to the disk. After a remount it is found
there, and trusted when the camera's first packet is its beginning.

================================== ======================================================================================
a packet                           what becomes of it
================================== ======================================================================================
the first, begins the disk's copy  the copy is the picture, and the transfer is aborted
differs from bytes that are known  all bytes are dropped, and the transfer fails: the camera holds another picture
repeats the packet before it       is kept apart until the transfer ends in the right place: it may have been sent twice
any other                          its bytes are added, and readers wake
================================== ======================================================================================
"""

import contextlib
import hashlib
import logging
import math
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import platformdirs
import trio

from camfs import errors
from camfs.cameras.api import Change, Entry, EntryChanged
from camfs.cameras.dc120.contents import PictureKey
from camfs.cameras.dc120.line import OnPacket, ReceivedPacket
from camfs.protocols import kdc
from camfs.protocols.dc120.frames import DATA_SIZE, packets_in
from camfs.protocols.dc120.values import Location

log = logging.getLogger(__name__)

ANSWER_WITHIN = 0.8
"""Seconds after which a read returns the bytes that are there. pyfuse3 cannot interrupt a read, so ^C waits for its answer:
camfs/mount/README.md, "What the kernel does".
"""

CACHE_SIZE = 256 << 20
"""Bytes of pictures kept on disk for one camera; beyond that the oldest go."""

Transfer = Callable[[PictureKey, int, OnPacket], Awaitable[None]]
"""Runs a transfer: is given the picture, the number of packets, and what to call with each."""


class PictureCache:
    """The pictures of one camera on this computer's disk.

    Args:
        folder: where they lie; made when the first one is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of_camera(cls, *marks: str) -> "PictureCache":
        """Return the cache of the camera that has these marks. The DC120 has no serial number to know it by."""
        digest = hashlib.sha256("\0".join(marks).encode()).hexdigest()[:16]
        return cls(platformdirs.user_cache_path("camfs") / f"dc120-{digest}")

    def read(self, name: str, size: int) -> bytes | None:
        """Return the picture of this name and size, None if it was not kept."""
        try:
            data = self._path(name, size).read_bytes()
        except OSError:
            return None
        return data if len(data) == size else None

    def keep(self, name: str, data: bytes) -> None:
        """Keep a picture. Where the disk does not take it, it is not kept, which is logged."""
        path = self._path(name, len(data))
        part = path.with_suffix(".part")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room(len(data))
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.rename(path)
        except OSError as error:
            log.warning("%s was not kept on disk: %s", name, error.strerror)
            with contextlib.suppress(OSError):
                part.unlink()

    def drop(self, name: str, size: int) -> None:
        """Remove a picture."""
        with contextlib.suppress(OSError):
            self._path(name, size).unlink()

    def _path(self, name: str, size: int) -> Path:
        safe = "".join(character if character.isalnum() else "_" for character in name)
        return self._folder / f"{safe}-{size}.kdc"

    def _make_room(self, size: int) -> None:
        files = sorted(self._folder.glob("*.kdc"), key=lambda path: path.stat().st_mtime)
        total = sum(path.stat().st_size for path in files) + size
        for path in files:
            if total <= CACHE_SIZE:
                break
            total -= path.stat().st_size
            path.unlink()


class Download:
    """One picture's bytes, as far as they have come.

    Args:
        key: the picture.
        size: bytes, from the camera's list.
        transfer: fetches it from the camera.
        cache: where it is kept.
        nursery: runs the transfer.
        on_header: is called with the picture's first bytes when a transfer brings them.
    """

    def __init__(
        self,
        key: PictureKey,
        size: int,
        transfer: Transfer,
        cache: PictureCache,
        nursery: trio.Nursery,
        on_header: Callable[[bytes], None],
    ) -> None:
        self.key = key
        self.size = size
        self._transfer = transfer
        self._cache = cache
        self._nursery = nursery
        self._on_header = on_header
        self._data = bytearray()
        self._doubtful = bytearray()  # bytes behind `_data` that may be a packet sent twice
        self._last = b""  # the packet before
        self._kept: bytes | None = None  # the disk's copy, unless the first packet has shown it to be another picture
        self._cache_was_read = False
        self._running = False
        self._is_open = False
        self._beginnings = 0  # calls of `read_beginning` under way
        self._beginning_size = 0  # the most that they want
        self._failure: errors.CameraError | None = None
        self._news = trio.lowlevel.ParkingLot()

    @property
    def is_complete(self) -> bool:
        """Whether all bytes have come."""
        return len(self._data) == self.size

    @property
    def received(self) -> int:
        """Bytes that have come."""
        return len(self._data)

    @property
    def in_use(self) -> bool:
        """Whether the picture is being read or transferred."""
        return self._running or self._is_wanted

    @property
    def _is_wanted(self) -> bool:
        return self._is_open or (self._beginnings > 0 and len(self._data) < self._beginning_size)

    def close(self) -> None:
        """Note that no file is open on the picture: a transfer under way is aborted at its next packet."""
        self._is_open = False

    async def read(self, offset: int, size: int) -> bytes:
        """Read up to `size` bytes at `offset`, at least one unless at the end: those that are there after about a second.

        Raises:
            CameraError: the transfer failed. The bytes that came before stay, and the next read begins another transfer.
        """
        self._is_open = True
        return await self._read(offset, size, trio.current_time() + ANSWER_WITHIN)

    async def read_beginning(self, size: int) -> bytes:
        """Read the first `size` bytes, all of them, however long it takes. No file needs to be open for it."""
        self._beginning_size = max(size, self._beginning_size) if self._beginnings else size
        self._beginnings += 1
        try:
            return await self._read(0, size, math.inf)
        finally:
            self._beginnings -= 1

    async def _read(self, offset: int, size: int, deadline: float) -> bytes:
        end = min(offset + size, self.size)
        while len(self._data) < end:
            some = len(self._data) > offset
            if some and trio.current_time() >= deadline:
                break
            self._start()
            with trio.move_on_at(deadline if some else math.inf):
                await self._news.park()
            if self._failure is not None:
                if len(self._data) <= offset or deadline == math.inf:
                    raise self._failure
                break
        return bytes(self._data[offset : min(end, len(self._data))])

    def _start(self) -> None:
        if not self._running:
            self._running, self._failure = True, None
            self._nursery.start_soon(self._run)

    async def _run(self) -> None:
        if not self._cache_was_read:
            self._cache_was_read = True
            self._kept = await trio.to_thread.run_sync(self._cache.read, self.key.name, self.size)
        try:
            await self._transfer(self.key, packets_in(self.size), self._on_packet)
            if len(self._data) + len(self._doubtful) == self.size:
                self._data += self._doubtful
            elif not self.is_complete and self._is_wanted:
                raise errors.RemoteProtocolError(f"{self.key.name}: ends at byte {len(self._data)} of {self.size}")
        except errors.CameraError as error:
            self._failure = error
        finally:
            self._running = False
            self._doubtful.clear()
            self._news.unpark_all()
        if self.is_complete and self._kept is None:
            await trio.to_thread.run_sync(self._cache.keep, self.key.name, bytes(self._data))

    async def _on_packet(self, packet: ReceivedPacket) -> bool:
        start = packet.index * DATA_SIZE
        payload = packet.payload[: self.size - start]
        if packet.index == 0:
            self._on_header(payload)
            if self._kept is not None and self._kept.startswith(payload):
                self._data[:] = self._kept
                self._news.unpark_all()
                return False
            self._kept = None
        known = bytes(self._data[start : start + len(payload)])
        if not payload.startswith(known):
            self._data.clear()
            raise errors.RemoteProtocolError(f"{self.key.name}: the camera sends other bytes than before")
        if len(known) < len(payload):
            self._add(start, payload)
        self._last = payload
        self._news.unpark_all()
        return self._is_wanted or start + len(payload) == self.size

    def _add(self, start: int, payload: bytes) -> None:
        """Add new bytes. A packet like the one before may be that one sent twice, which only the end of the transfer tells.

        If it was sent twice, the camera has a packet left when it should be done, which the codec finds. Until then readers do not
        get such bytes.
        """
        if self._doubtful or (start and self._last.startswith(payload)):
            self._doubtful += payload
        else:
            self._data[start:] = payload


class Downloads:
    """The downloads of one camera, and the dates that its pictures bear.

    Args:
        transfer: fetches a picture from the camera.
        nursery: runs transfers.
        zone: the zone of the camera's clock; None for this computer's.
        announce: is called with what has changed.

    Attributes:
        cache: pictures on disk; None as long as the camera is not known.
    """

    def __init__(
        self,
        transfer: Transfer,
        nursery: trio.Nursery,
        zone: tzinfo | None,
        announce: Callable[[Change], None],
        cache: PictureCache | None,
    ) -> None:
        self.cache = cache
        self._transfer = transfer
        self._nursery = nursery
        self._zone = zone
        self._announce = announce
        self._downloads: dict[tuple[PictureKey, int], Download] = {}
        self._dates: dict[tuple[PictureKey, int], int] = {}

    def of(self, entry: Entry) -> Download:
        """Return the download of a picture; it fetches nothing before it is read."""
        key = entry.key
        assert isinstance(key, PictureKey)
        known = self._downloads.get((key, entry.size))
        if known is not None:
            return known
        assert self.cache is not None

        def on_header(header: bytes) -> None:
            self._note_date(key, entry.size, header)

        download = Download(key, entry.size, self._transfer, self.cache, self._nursery, on_header)
        self._downloads[key, entry.size] = download
        return download

    def _note_date(self, key: PictureKey, size: int, header: bytes) -> None:
        date = self._date_in(header)
        if date is not None and date != self._dates.get((key, size)):
            self._dates[key, size] = date
            self._announce(EntryChanged(key))

    def date(self, key: PictureKey, size: int, otherwise: datetime) -> int:
        """Return when a picture was taken, in nanoseconds since 1970; once a date was given it stays until the header tells another.

        Args:
            key: the picture.
            size: its size in bytes.
            otherwise: the date to give while the picture's header is not known; local time of the camera.
        """
        date = self._dates.get((key, size))
        if date is None:
            kept = self.cache.read(key.name, size) if self.cache is not None else None
            date = self._date_in(kept) if kept is not None else None
        if date is None:
            date = _nanoseconds(otherwise, self._zone)
        return self._dates.setdefault((key, size), date)

    def _date_in(self, header: bytes) -> int | None:
        """Return the date that a picture's header bears, None if it does not say."""
        with contextlib.suppress(errors.RemoteProtocolError):
            taken = kdc.Header.decode(header).taken
            return _nanoseconds(taken, self._zone) if taken is not None else None
        return None

    def drop(self, key: PictureKey, size: int) -> None:
        """Drop a picture that is no longer in the camera, also from the disk."""
        self._downloads.pop((key, size), None)
        self._dates.pop((key, size), None)
        if self.cache is not None:
            self.cache.drop(key.name, size)

    def drop_card(self) -> None:
        """Drop what is known of the pictures on a card that was taken out."""
        for known in (self._downloads, self._dates):
            for key in [key for key in known if key[0].location is Location.CARD]:
                del known[key]

    def drop_all(self) -> None:
        """Drop all bytes. Dates stay: with other dates, files that are open would be other files."""
        self._downloads.clear()

    def drop_unused(self) -> None:
        """Drop the bytes of pictures that are neither being read nor transferred."""
        for key, download in list(self._downloads.items()):
            if not download.in_use:
                del self._downloads[key]


def aware(local: datetime, zone: tzinfo | None) -> datetime:
    """Return a camera's local time with its zone; None stands for this computer's."""
    return local.replace(tzinfo=zone) if zone is not None else local.astimezone()


def _nanoseconds(local: datetime, zone: tzinfo | None) -> int:
    return int(aware(local, zone).astimezone(UTC).timestamp() * 1_000_000_000)

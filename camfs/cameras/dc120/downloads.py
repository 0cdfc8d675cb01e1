"""Pictures as they come over the line: from byte 0, once for all readers, and kept on disk for the next mount.

The DC120 cannot seek. A transfer begins with the first read that needs it and feeds every reader as it goes. It is aborted (E4) when the
last of them has closed the file. The bytes that have come stay: a later transfer of the same picture begins at byte 0 again, and what is
known is compared with what comes. Of known bytes the first `AT_ONCE` are served at once; the others as they come again, as who got them
all at once would then have to wait for all of that, longer than a read may take. A picture that is complete goes to the disk. After a
remount it is found there: `picture_cache` says when it is trusted.

================================== ======================================================================================
a packet                           what becomes of it
================================== ======================================================================================
the first, the disk has a copy     the copy is the picture, and the transfer is aborted
differs from bytes that are known  all bytes are dropped, and the transfer fails: the camera holds another picture
repeats the packet before it,      is kept apart until the transfer ends in the right place: it may have been sent twice
any other                          its bytes are added, and readers wake
================================== ======================================================================================
"""

import contextlib
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, tzinfo

import trio

from camfs import errors
from camfs.cameras.api import Change, Entry, EntryChanged
from camfs.cameras.dc120.contents import PictureKey
from camfs.cameras.dc120.line import OnPacket, ReceivedPacket
from camfs.cameras.dc120.picture_cache import PictureCache
from camfs.protocols import kdc
from camfs.protocols.dc120.frames import DATA_SIZE, packets_in
from camfs.protocols.dc120.values import Location

log = logging.getLogger(__name__)

ANSWER_WITHIN = 0.8
"""Seconds after which a read returns the bytes that are there. pyfuse3 cannot interrupt a read, so ^C waits for its answer:
camfs/mount/README.md, "What the kernel does".
"""

DATE_TIME = 4.0
"""Seconds that a picture's date may take; at 9600 baud it takes two."""

REST = 60.0
"""Seconds for which no date is asked for after the camera has not told one: programs ask for those of all files of a folder."""

GOES_ON = 300.0
"""Seconds for which a transfer goes on for nobody after a read has run out of time: programs that read much at once from a slow line fail,
and find the picture here when they try again.
"""

AT_ONCE = 4096
"""Bytes at the beginning of a picture that are served without the camera if they are known: what `file` and the like look at."""

Transfer = Callable[[PictureKey, int, OnPacket], Awaitable[None]]
"""Runs a transfer: is given the picture, the number of packets, and what to call with each."""


class Download:
    """One picture's bytes, as far as they have come.

    Args:
        key: the picture.
        stamp: the four unknown bytes of its entry in the camera's list.
        transfer: fetches it from the camera.
        cache: where it is kept.
        nursery: runs the transfer.
        on_header: is called with the picture's first bytes when a transfer brings them.

    Attributes:
        is_outdated: whether the camera has another picture of this name and size now. Who has the file open reads on in the old one.
    """

    def __init__(
        self,
        key: PictureKey,
        stamp: bytes,
        transfer: Transfer,
        cache: PictureCache,
        nursery: trio.Nursery,
        on_header: Callable[[bytes], None],
    ) -> None:
        self.key = key
        self.size = key.size
        self.is_outdated = False
        self._stamp = stamp
        self._transfer = transfer
        self._cache = cache
        self._nursery = nursery
        self._on_header = on_header
        self._data = bytearray()
        self._doubtful = bytearray()  # bytes behind `_data` that may be a packet sent twice
        self._last = b""  # the packet before
        self._again = 0  # bytes that have come in the transfer under way
        self._is_kept = False  # on the disk
        self._running = False
        self._is_open = False
        self._goes_on_until = -math.inf
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
    def is_running(self) -> bool:
        """Whether a transfer is under way."""
        return self._running

    @property
    def in_use(self) -> bool:
        """Whether the picture is being read or transferred."""
        return self._running or self.is_wanted

    @property
    def is_wanted(self) -> bool:
        """Whether a file is open on it, its beginning is waited for, or a read has run out of time while it came."""
        if self._is_open or (self._beginnings > 0 and len(self._data) < self._beginning_size):
            return True
        return self._running and trio.current_time() < self._goes_on_until

    def close(self) -> None:
        """Note that no file is open on the picture: a transfer under way is aborted at its next packet, or goes on for a while."""
        self._is_open = False

    async def read(self, offset: int, size: int) -> bytes:
        """Read up to `size` bytes at `offset`, at least one unless at the end: those that are there after about a second.

        Raises:
            CameraError: the transfer failed. The bytes that came before stay, and the next read begins another transfer.
        """
        self._is_open = True
        try:
            return await self._read(offset, size, trio.current_time() + ANSWER_WITHIN)
        except trio.Cancelled:
            if self._again:
                self._goes_on_until = trio.current_time() + GOES_ON
            raise

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
        if end > AT_ONCE and deadline < math.inf and not self.is_complete:
            self._start()
        while (there := self._there(deadline)) < end:
            some = there > offset
            if some and trio.current_time() >= deadline:
                break
            self._start()
            with trio.move_on_at(deadline if some else math.inf):
                await self._news.park()
            if self._failure is not None:
                if self._there(deadline) <= offset or deadline == math.inf:
                    raise self._failure
                break
        return bytes(self._data[offset : min(end, self._there(deadline))])

    def _there(self, deadline: float) -> int:
        """Return how many bytes a reader may have now."""
        return self._again if self._running and deadline < math.inf and not self.is_complete else len(self._data)

    def _start(self) -> None:
        if not self._running:
            self._running, self._failure, self._again = True, None, 0
            self._nursery.start_soon(self._run)

    async def _run(self) -> None:
        try:
            await self._transfer(self.key, packets_in(self.size), self._on_packet)
            if len(self._data) + len(self._doubtful) == self.size:
                self._data += self._doubtful
            elif not self.is_complete and self.is_wanted:
                raise errors.RemoteProtocolError(f"{self.key.name}: ends at byte {len(self._data)} of {self.size}")
        except errors.CameraError as error:
            self._failure = error
        finally:
            self._running = False
            self._goes_on_until = -math.inf
            self._doubtful.clear()
            self._news.unpark_all()
        if self.is_complete and not self._is_kept:
            self._is_kept = True
            await trio.to_thread.run_sync(self._cache.keep, self.key.name, self._stamp, bytes(self._data))

    async def _on_packet(self, packet: ReceivedPacket) -> bool:
        start = packet.index * DATA_SIZE
        payload = packet.payload[: self.size - start]
        if packet.index == 0:
            self._doubtful.clear()
            self._on_header(payload)
            kept = await trio.to_thread.run_sync(self._cache.read, self.key.name, self.size, self._stamp, payload)
            if kept is not None and kept.startswith(self._data):
                self._data[:], self._is_kept = kept, True
                self._news.unpark_all()
                return False
        known = bytes(self._data[start : start + len(payload)])
        if not payload.startswith(known):
            self._data.clear()
            raise errors.RemoteProtocolError(f"{self.key.name}: the camera sends other bytes than before")
        if len(known) < len(payload):
            self._add(start, payload, packet.came_twice)
        self._again = min(start + len(payload), len(self._data))
        self._last = payload
        self._news.unpark_all()
        return self.is_wanted or start + len(payload) == self.size

    def _add(self, start: int, payload: bytes, came_twice: bool) -> None:
        """Add new bytes. A packet like the one before may be that one sent twice, which only the end of the transfer tells.

        If it was sent twice, the camera has a packet left when it should be done, which the codec finds. Until then readers do not
        get such bytes.
        """
        if self._doubtful or (start and not came_twice and self._last.startswith(payload)):
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
        cache: pictures on disk; None as long as the camera is not known.
        stamp_of: returns the four unknown bytes of a picture's entry in the camera's list.
    """

    def __init__(
        self,
        transfer: Transfer,
        nursery: trio.Nursery,
        zone: tzinfo | None,
        announce: Callable[[Change], None],
        cache: PictureCache | None,
        stamp_of: Callable[[PictureKey], bytes],
    ) -> None:
        self.cache = cache
        self._transfer = transfer
        self._nursery = nursery
        self._zone = zone
        self._announce = announce
        self._stamp_of = stamp_of
        self._downloads: dict[PictureKey, Download] = {}
        self._dates: dict[PictureKey, int] = {}
        self._known_dates: set[PictureKey] = set()
        self._rests_until = -math.inf

    def of(self, entry: Entry) -> Download:
        """Return the download of a picture; it fetches nothing before it is read."""
        key = entry.key
        assert isinstance(key, PictureKey)
        known = self._downloads.get(key)
        if known is not None and (known.in_use or not known.is_outdated):
            return known
        assert self.cache is not None

        def on_header(header: bytes) -> None:
            self._note_date(key, header)

        download = Download(key, self._stamp_of(key), self._transfer, self.cache, self._nursery, on_header)
        self._downloads[key] = download
        return download

    @property
    def are_ending(self) -> bool:
        """Whether a transfer is under way that nobody needs any more, so that the line will be free in a moment."""
        running = [download for download in self._downloads.values() if download.is_running]
        return bool(running) and not any(download.is_wanted and not download.is_complete for download in running)

    def knows_date(self, key: PictureKey) -> bool:
        """Say whether `date` is the picture's, or there is none to be known, because its header was seen."""
        return key in self._known_dates

    async def find_date(self, entry: Entry) -> Entry:
        """Have the camera send a picture's first packet, which bears the date, and return the entry with it.

        Where that fails, the entry is returned as it is, and for `REST` seconds no picture's date is asked for.

        Raises:
            DeviceGone: the camera has left.
        """
        key = entry.key
        assert isinstance(key, PictureKey)
        if trio.current_time() < self._rests_until:
            return entry
        with trio.move_on_after(DATE_TIME) as patience:
            try:
                await self.of(entry).read_beginning(min(kdc.ENOUGH, entry.size))
            except errors.DeviceGone:
                raise
            except errors.NotFound as error:
                log.info("%s: its date: %s", key.name, error)
            except errors.CameraError as error:
                log.info("%s: its date: %s", key.name, error)
                self._rests_until = trio.current_time() + REST
        if patience.cancelled_caught:
            self._rests_until = trio.current_time() + REST
        if key not in self._known_dates:
            return entry
        return replace(entry, mtime_ns=self._dates.get(key, entry.mtime_ns), date_is_exact=True)

    def _note_date(self, key: PictureKey, header: bytes) -> None:
        self._known_dates.add(key)
        date = self._date_in(header)
        if date is not None and date != self._dates.get(key):
            self._dates[key] = date
            self._announce(EntryChanged(key))

    def date(self, key: PictureKey, otherwise: datetime) -> int:
        """Return when a picture was taken, in nanoseconds since 1970; once a date was given it stays until the header tells another.

        Args:
            key: the picture.
            otherwise: the date to give while the picture's header is not known; local time of the camera.
        """
        date = self._dates.get(key)
        if date is None and self.cache is not None:
            beginning = self.cache.beginning(key.name, key.size, self._stamp_of(key))
            date = self._date_in(beginning) if beginning is not None else None
            if date is not None:
                self._known_dates.add(key)
        if date is None:
            date = _nanoseconds(otherwise, self._zone)
        return self._dates.setdefault(key, date)

    def _date_in(self, header: bytes) -> int | None:
        """Return the date that a picture's header bears, None if it does not say."""
        with contextlib.suppress(errors.RemoteProtocolError):
            taken = kdc.Header.decode(header).taken
            return _nanoseconds(taken, self._zone) if taken is not None else None
        return None

    def drop(self, key: PictureKey) -> None:
        """Drop a picture that is no longer in the camera, also from the disk."""
        self._downloads.pop(key, None)
        self._dates.pop(key, None)
        self._known_dates.discard(key)
        if self.cache is not None:
            self.cache.drop(key.name, key.size)

    def note_replaced(self, key: PictureKey) -> None:
        """Note that another picture has this name and size now. The date stays until the header of the new one tells another."""
        download = self._downloads.get(key)
        if download is not None:
            download.is_outdated = True
        self._known_dates.discard(key)
        self._announce(EntryChanged(key))

    def drop_card(self) -> None:
        """Drop what is known of the pictures on a card that was taken out."""
        for known in (self._downloads, self._dates):
            for key in [key for key in known if key.location is Location.CARD]:
                del known[key]
        self._known_dates = {key for key in self._known_dates if key.location is not Location.CARD}

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

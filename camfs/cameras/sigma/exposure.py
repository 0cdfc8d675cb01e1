"""One exposure of the camera and its files: how the bytes of a file come to this computer, and when they are safe here.

An exposure has one file, or two (DNG and JPEG), and an entry in the camera's ring for each. A file is read from the camera lazily. What
was read is kept in a partial file of the spool, which becomes the whole file with its last byte.

The state of a file says who has its bytes::

                  WANTED                    STORED
      UNSPOOLED ──────────► IN_CAMERA ─────────────────► SAFE
       │    ▲                │  │  │ ▲ ▲                   │ │
       │    └─────REFUSED────┘  │  │ │ └──────SPOILED──────┘ │
       │                        │  │ └─NOT_REMOVED─┐         │
       │                        │  └───REMOVED───┐ │         │ REMOVED
       │                EMPTIED │                ▼ │         │
       └──EMPTIED──► LOST ◄─────┴────EMPTIED──── REMOVED ◄───┘

Three arrows are not drawn. An UNSPOOLED file becomes SAFE and REMOVED as one IN_CAMERA does. A LOST file becomes SAFE if its last bytes
were on their way to the disk when the camera was switched off. A SAFE file can be SPOILED only as long as none of its entries is cleared:
somebody removed the spool, or its disk lost the bytes, and they are fetched again. That is looked for once more before entries are cleared.

What the camera holds at a file's address is the file only as long as the exposure is confirmed (`identity` tells why, and how it is
confirmed again). Nothing is fetched of an unconfirmed one. A piece that comes after contact was lost is not used.
"""

import contextlib
import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import Enum

import trio

from camfs import errors
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.cameras.tethered.partial_file import PartialFile
from camfs.cameras.tethered.shot_key import ImageKey
from camfs.cameras.tethered.spool import Spool
from camfs.protocols.sigma.records import Movie, Picture

log = logging.getLogger(__name__)

PIECE = 1 << 20
"""Bytes of a picture or a movie fetched at once, so that settings and frames of live view get their turn in between."""


class Unconfirmed(errors.Busy):
    """Contact with the camera was lost, and it is not certain yet that it still holds this shot."""


class FileState(Enum):
    """Who has the bytes of a file."""

    IN_CAMERA = "only the camera has all of it"
    UNSPOOLED = "only the camera has it, and the disk refused to take what was read"
    SAFE = "the spool has all of it, synchronised to the disk"
    REMOVED = "the user deleted it"
    LOST = "the camera was switched off before all of it was fetched"


class FileEvent(Enum):
    """What happens to a file."""

    STORED = "its last byte is in the spool, and synchronised"
    REFUSED = "the disk refused bytes that somebody read"
    SPOILED = "what the spool had of it is gone or damaged, and the camera still has it"
    WANTED = "it must come into the spool, so the disk is tried again"
    REMOVED = "the user deletes it: nothing more of it is kept"
    NOT_REMOVED = "the deletion failed or was cancelled"
    EMPTIED = "the camera's ring is empty"


_TRANSITIONS = {
    (FileState.IN_CAMERA, FileEvent.STORED): FileState.SAFE,
    (FileState.IN_CAMERA, FileEvent.REFUSED): FileState.UNSPOOLED,
    (FileState.IN_CAMERA, FileEvent.REMOVED): FileState.REMOVED,
    (FileState.IN_CAMERA, FileEvent.EMPTIED): FileState.LOST,
    (FileState.UNSPOOLED, FileEvent.STORED): FileState.SAFE,
    (FileState.UNSPOOLED, FileEvent.WANTED): FileState.IN_CAMERA,
    (FileState.UNSPOOLED, FileEvent.REMOVED): FileState.REMOVED,
    (FileState.UNSPOOLED, FileEvent.EMPTIED): FileState.LOST,
    (FileState.SAFE, FileEvent.REMOVED): FileState.REMOVED,
    (FileState.SAFE, FileEvent.SPOILED): FileState.IN_CAMERA,
    (FileState.REMOVED, FileEvent.NOT_REMOVED): FileState.IN_CAMERA,
    (FileState.REMOVED, FileEvent.EMPTIED): FileState.LOST,
    (FileState.LOST, FileEvent.STORED): FileState.SAFE,
}
"""The next state. An event that is not here for a state changes nothing."""


@dataclass(eq=False)
class ShotFile:
    """A file of an exposure in the camera, or a whole file of the spool.

    Attributes:
        operations: the camera's.
        spool: where its bytes are kept.
        state: see `FileState`.
        record: what the camera says of it; None if only the spool has it.
        exposure: its exposure; None once that is released or lost.
        fetches: how many pieces are being fetched now.
        fetched: what the camera gave of it so far: digests by offset and size. Empty once it is safe.
    """

    operations: SigmaOperations
    spool: Spool
    key: ImageKey
    size: int
    mtime_ns: int
    state: FileState = FileState.IN_CAMERA
    record: Picture | Movie | None = None
    exposure: "Exposure | None" = None
    fetches: int = 0
    fetched: dict[tuple[int, int], bytes] = field(default_factory=dict)
    _fetch_ended: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)
    _partial: PartialFile | None = None
    _lock: trio.Lock = field(default_factory=trio.Lock)

    @property
    def is_movie(self) -> bool:
        """Whether it is a movie, which is on the card and never comes into the spool."""
        return isinstance(self.record, Movie)

    def note(self, event: FileEvent) -> None:
        """Go to the state that follows an event."""
        self.state = _TRANSITIONS.get((self.state, event), self.state)

    async def read(self, offset: int, size: int) -> bytes | memoryview:
        """Read from the spool what it has, fetch the rest from the camera, and keep that in the spool.

        A full disk does not fail the read: the file then stays in the camera.

        Raises:
            NotFound: the file was removed, or the camera that held it was switched off.
            Unconfirmed: bytes are needed that the spool does not have.
        """
        end = min(offset + size, self.size)
        pieces: list[bytes | memoryview] = []
        while offset < end:
            piece = await self._piece(offset, end - offset, self._keep_if_possible)
            pieces.append(piece)
            offset += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def bring_in(self) -> None:
        """Bring the whole file into the spool.

        Raises:
            StoreFull: there is no room for it.
            NotFound: it was removed, or the camera that held it was switched off.
            Unconfirmed: bytes are needed that the spool does not have.
        """
        self.note(FileEvent.WANTED)
        while self.state is not FileState.SAFE:
            self._check_readable()
            offset = self._partial.first_gap() if self._partial is not None else 0
            if offset < self.size:
                await self._piece(offset, self.size - offset, self._keep)
            else:
                await self._keep(offset, b"")

    async def mark_removed(self) -> None:
        """Keep nothing more of it, unless it is safe already: then it can be read until `delete`."""
        async with self._lock:  # a reader may be writing the last bytes
            if self.state is not FileState.SAFE:
                self.note(FileEvent.REMOVED)

    async def delete(self) -> None:
        """Delete it from the spool, if it is whole there."""
        if self.state is FileState.SAFE:
            await self.spool.remove(self.key.name)
            self.note(FileEvent.REMOVED)

    async def drop_partial(self) -> None:
        """Delete what was kept of it so far."""
        if self._partial is not None:
            await self._partial.drop()

    async def keep_beginning(self) -> None:
        """Leave the beginning that was kept as `partial-NAME`, because the rest will never come."""
        async with self._lock:
            if self._partial is not None:
                try:
                    await self._partial.keep_beginning()
                except errors.Refused as error:
                    log.warning("%s", error)

    async def fetch_ended(self) -> None:
        """Wait until a piece that is being fetched now has come, or failed."""
        await self._fetch_ended.park()

    async def _piece(
        self, offset: int, size: int, keep: Callable[[int, bytes | memoryview], Awaitable[None]]
    ) -> bytes | memoryview:
        """Get some of these bytes, at least one: from the spool, else from the camera, and have those kept."""
        while True:
            if self.state is FileState.SAFE:
                if data := await self._safe_piece(offset, size):
                    return data
                continue
            self._check_readable()
            if self._partial is None or not self._partial.available(offset, size):
                break
            try:
                if data := await self._partial.read(offset, size):
                    return data
            except errors.Refused as error:
                log.warning("%s is fetched again: %s", self.key.name, error)
                await self._give_up_partial()
        assert isinstance(self.record, Picture)
        fetched: bytes | memoryview
        if self._partial is not None:
            size = self._partial.missing(offset, size)
        self.fetches += 1
        try:
            fetched = await fetch(self.operations, self.record, offset, min(size, PIECE))
        finally:
            self.fetches -= 1
            self._fetch_ended.unpark_all()
        self._check_readable()
        self.fetched[offset, len(fetched)] = digest(fetched)
        await keep(offset, fetched)
        return fetched

    async def _safe_piece(self, offset: int, size: int) -> bytes:
        """Read from the whole file in the spool; nothing if it is spoiled, and to be fetched again."""
        try:
            data = await self.spool.read(self.key.name, offset, size)
            if not data:
                raise errors.Refused(f"{self.key.name} was cut short on the disk")
        except errors.Refused as error:
            if not self.can_be_fetched_again:
                raise
            await self._spoil(str(error))
            return b""
        return data

    @property
    def can_be_fetched_again(self) -> bool:
        """Whether the camera still has it."""
        return self.exposure is not None and self.exposure.is_held

    async def is_spoiled(self) -> bool:
        """Say whether it was safe and is not any more. It is then to be fetched again."""
        if not self.can_be_fetched_again or self.state is not FileState.SAFE or await self.spool.holds(self.key.name):
            return False
        await self._spoil("it is not safe any more")
        return True

    async def _spoil(self, reason: str) -> None:
        async with self._lock:
            if self.state is FileState.SAFE:
                log.warning("%s is fetched again: %s", self.key.name, reason)
                await self.spool.set_aside(self.key.name, reason)
                self.note(FileEvent.SPOILED)

    async def _give_up_partial(self) -> None:
        """Do without what was kept so far."""
        async with self._lock:
            partial, self._partial = self._partial, None
            if partial is not None:
                with contextlib.suppress(errors.Refused):  # the next one takes its place
                    await partial.drop()

    def _check_readable(self) -> None:
        if self.state is FileState.REMOVED:
            raise errors.NotFound(f"{self.key.name} was removed")
        if self.state is FileState.LOST:
            raise errors.NotFound(f"{self.key.name}: the camera was switched off before it was fetched")
        if self.exposure is not None and not self.exposure.is_confirmed:
            raise Unconfirmed(f"{self.key.name}: it is not certain that the camera still holds it")

    async def _keep(self, offset: int, data: bytes | memoryview) -> None:
        """Write fetched bytes into the spool. With the last of them the file is safe."""
        async with self._lock:
            if self.state not in (FileState.IN_CAMERA, FileState.UNSPOOLED):
                return
            try:
                try:
                    await self._store(offset, data)
                except errors.NotFound as error:
                    if self._partial is None:
                        raise
                    log.warning("what was kept of %s is gone: %s", self.key.name, error)
                    await self._partial.drop()
                    self._partial = None
                    await self._store(offset, data)
            except errors.Refused:
                partial, self._partial = self._partial, None
                if partial is not None:
                    await partial.drop()
                raise

    async def _store(self, offset: int, data: bytes | memoryview) -> None:
        if self._partial is None:
            self._partial = await self.spool.begin(self.key.name, self.size, self.mtime_ns)
        await self._partial.write(offset, data)
        if self._partial.is_whole:
            await self._partial.finish()
            self._partial = None
            self.fetched.clear()
            self.note(FileEvent.STORED)

    async def _keep_if_possible(self, offset: int, data: bytes | memoryview) -> None:
        if self.state is not FileState.UNSPOOLED:
            try:
                await self._keep(offset, data)
            except errors.Refused as error:
                self.note(FileEvent.REFUSED)
                log.warning("%s stays in the camera only: %s", self.key.name, error)


@dataclass(eq=False)
class Exposure:
    """An exposure whose entries in the camera's ring are not all cleared.

    Attributes:
        ids: its entries', oldest first.
        files: its files. There are none of a shot that failed, is on the card, or cannot be addressed.
        is_confirmed: whether the camera certainly holds it; see `identity`.
        is_held: whether none of its entries is cleared. Of the others nothing may be fetched: their addresses may be another shot's.
    """

    ids: list[int]
    files: list[ShotFile] = field(default_factory=list)
    is_confirmed: bool = True
    is_held: bool = True

    @property
    def is_safe(self) -> bool:
        """Whether nothing would be lost with its entries: each file is whole in the spool, or the user deleted it."""
        return all(file.state in (FileState.SAFE, FileState.REMOVED) for file in self.files)

    @property
    def is_movie(self) -> bool:
        """Whether it is a movie, which is on the card."""
        return any(file.is_movie for file in self.files)

    async def wait_for_readers(self) -> None:
        """Wait until no piece of it is being fetched: once its entries are cleared, its addresses may be another shot's."""
        while busy := [file for file in self.files if file.fetches]:
            await busy[0].fetch_ended()


def digest(data: bytes | memoryview) -> bytes:
    """Return what tells these bytes from others."""
    return hashlib.blake2b(data, digest_size=16).digest()


async def fetch(operations: SigmaOperations, picture: Picture, offset: int, size: int) -> memoryview:
    """Fetch a piece of a picture, or as much of it as the camera gives at once.

    Raises:
        RemoteProtocolError: the camera gives nothing before the end.
    """
    data = await operations.read_picture(picture.address, offset, min(size, picture.size - offset))
    if not data:
        raise errors.RemoteProtocolError(f"{picture.name} ends at byte {offset} of {picture.size}")
    return data

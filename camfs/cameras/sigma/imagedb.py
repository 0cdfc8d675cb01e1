"""The folder `imagedb`: shots that the camera holds and shots that wait on this computer, and the order in which a shot changes hands.

The camera keeps each shot as entries of a ring (`ring`) until they are cleared, and an entry that is not cleared stops the next shot
without an error. CloseApplication, ConfigApi and the power switch empty the ring. So a shot is in one of three places, and a file of it
is listed once, whichever that is::

    capture ──► CAMERA ──all its files are safe──► BOTH ──its entries are cleared──► SPOOL ──rm──► gone
                  │                                                                    ▲
                  └──switched off──► lost, but for what was read of it: partial-NAME ──┘

- CAMERA: its files are read from the camera, and what was read is kept in a partial file of the spool;
- BOTH: all its files are whole in the spool and synchronised to the disk, and its entries are not cleared yet;
- SPOOL: its entries are cleared.

**An entry is never cleared before the bytes of its shot are safe here.** Only `_clear` clears entries, oldest first, and it asserts this
rule. Its callers hold the one lock (`_exclusively`), and have brought the files in before. These entries alone are cleared although their
bytes are not here:

- those that hold no picture, or none that the camera can give out: they would stop the shutter for ever;
- those of shots for the card alone, once the camera has written them there, and of movies, which are on the card;
- those of files that the user deleted.

Only the user removes a file from the spool. If its shot is still in the camera, the other files of the shot are brought into the spool
and the entries cleared before that file goes. So a program that is killed at any point leaves each shot in one of the three places. The
next program finds what the camera still holds as entries that it does not know (`_claim`). It compares them with the spool's files of
the same name and size, and brings in what is none of those.
"""

import itertools
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import PurePosixPath

import trio

from camfs import errors
from camfs.cameras.api import Change, Entry, FolderChanged, Key, Usage
from camfs.cameras.sigma.exposure import PIECE, Exposure, FileEvent, FileState, ImageKey, ShotFile, is_in_spool
from camfs.cameras.sigma.movies import Movies
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.cameras.sigma.ring import NotDone, Ring, Snapped, failure
from camfs.cameras.sigma.spool import Spool, safe_name
from camfs.protocols.sigma.codes import CaptureState, Destination, has_failed
from camfs.protocols.sigma.records import CaptureStatus, Movie, Picture

log = logging.getLogger(__name__)

IMAGEDB = "imagedb"
"""The folder's key, and its name."""

ROUNDS = 4
"""How often the ring is emptied before it is an error that it does not become empty."""


class ImageFolder:
    """The folder `imagedb`.

    Its methods are called only under remote control, but for `open`, `list`, `describe` and `usage`, and `read` and `remove` of a file
    that does not need the camera (`needs_camera`).

    Args:
        operations: the camera's.
        spool: where shots wait on this computer.
        announce: called with what changed in the folder.
        movies: whether movies are offered for reading.

    Attributes:
        lost_names: pictures that only the camera held when it was switched off.
    """

    def __init__(
        self,
        operations: SigmaOperations,
        spool: Spool,
        announce: Callable[[Change], Awaitable[None]],
        movies: bool = False,
    ) -> None:
        self._operations = operations
        self._ring = Ring(operations)
        self._spool = spool
        self._announce = announce
        self._movies = Movies(operations, self._ring, movies)
        self._numbers = itertools.count(1)
        self._files: dict[ImageKey, ShotFile] = {}
        self._exposures: list[Exposure] = []
        self._lost: list[ShotFile] = []
        self._lock = trio.Lock()
        self.lost_names: list[str] = []

    async def open(self) -> None:
        """Open the spool: what waits there is listed from now on. To be called before anything else."""
        await self._spool.open()
        self._list_spool()

    async def aclose(self) -> None:
        """Let go of the spool. Does nothing to the camera: see `save`."""
        await self._spool.aclose()

    # ------------------------------------------------------------------ the folder

    def list(self) -> Sequence[ImageKey]:
        """List the files' keys."""
        return list(self._files)

    def describe(self, key: Key) -> Entry:
        """Describe a file.

        Raises:
            NotFound: it is not here any more.
        """
        file = self._file(key)
        return Entry(
            file.key, file.key.name, str(file.key.number), False, file.size, mtime_ns=file.mtime_ns, is_local=True
        )

    def needs_camera(self, key: Key) -> bool:
        """Say whether reading or removing a file needs the camera, because its shot is not released."""
        return self._file(key).exposure is not None

    @property
    def unsaved(self) -> int:
        """How many files only the camera holds."""
        return sum(file.state is not FileState.SAFE and not file.is_movie for file in self._files.values())

    @property
    def has_unsaved(self) -> bool:
        """Whether the camera holds shots that this computer does not, or may: the end of a command may be unclear."""
        return self._ring.may_hold_unlisted or self.unsaved > 0

    @property
    def recording(self) -> bool:
        """Whether a movie is being recorded."""
        return self._movies.recording

    async def usage(self) -> Usage:
        """Measure the room on the spool's disk."""
        total, free = await self._spool.usage()
        return Usage(total, free, len(self._files))

    async def read(self, entry: Entry, offset: int, size: int) -> bytes | memoryview:
        """Read from a file. When the last bytes of a shot have come, its entries are cleared.

        Raises:
            NotFound: the file was removed, or the camera that held it was switched off.
        """
        file = self._file(entry.key)
        if file.is_movie:
            return await self._read_movie(file, offset, min(offset + size, file.size))
        data = await file.read(offset, size)
        if file.state is FileState.SAFE and file.exposure is not None and not self._lock.locked():
            async with self._exclusively():
                pass
        return data

    async def remove(self, entry: Entry) -> None:
        """Delete a file for the user.

        If its shot is still in the camera, the other files of the shot are brought into the spool, so that the entries can be cleared
        before the file goes, and it does not come back. If they find no room, the shot stays in the camera without it.
        """
        file = self._file(entry.key)
        async with self._exclusively():
            exposure = file.exposure
            if exposure is not None:
                await file.mark_removed()
                try:
                    for other in exposure.files:
                        if other.state is not FileState.REMOVED:
                            await other.bring_in()
                    await self._release(exposure)
                except errors.StoreFull as error:
                    log.warning("%s: its shot stays in the camera: %s", file.key.name, error)
                except BaseException:
                    file.note(FileEvent.NOT_REMOVED)
                    raise
            await file.delete()
            self._files.pop(file.key, None)
            await file.drop_partial()
        await self._announce(FolderChanged(IMAGEDB))

    # ------------------------------------------------------------------ shots

    async def capture(self, mode: int, budget: float, destination: int) -> Sequence[ImageKey | PurePosixPath]:
        """Take a picture.

        Args:
            mode: GENERAL or WITHOUT_AF.
            budget: seconds until it is ready.
            destination: DestToSave of group 3. With CAMERA the shot is released once it is on the card, without being fetched. If it
                does not get there, it comes into this folder as all others do.

        Returns:
            The keys of its files; of a shot on the card their paths.

        Raises:
            FocusFailed, BufferFull, CaptureFailed: there is no picture, and the ring is empty again.
            StoreFull: an earlier shot finds no room on this computer; no picture was taken.
            TransferTimeout: no end within the budget. If the shot ends later, it will be here before the next.
            RemoteProtocolError: the records of the shot make no sense, for instance a size beyond any picture's. They are read again
                when the room is needed. A shot that cannot be addressed even then is released, as it would stop the shutter for ever.
        """
        async with self._exclusively():
            snapped = await self._snap(mode, budget)
            ids = list(snapped.states)
            if not snapped.has_picture:
                await self._clear_unlisted(ids)
                raise failure(snapped.state)
            is_on_card = destination == Destination.CAMERA and await self._ring.wait_until_stored(ids)
            records = await self._ring.records()
            if is_on_card:
                await self._clear_unlisted(ids)
                return [PurePosixPath("card", "DCIM", safe_name(each.path), safe_name(each.name)) for each in records]
            if not records:
                await self._clear_unlisted(ids)
                raise errors.CaptureFailed("the camera took the picture and has no file of it")
            # an entry that shows nothing yet may become a file: it does not go with this shot, and is looked at before the next
            shown = [image_id for image_id, state in snapped.states.items() if state != CaptureState.CLEARED]
            exposure = self._list_exposure(shown, records, snapped.given_ns)
            self._ring.may_hold_unlisted = False
        await self._announce(FolderChanged(IMAGEDB))
        return [file.key for file in exposure.files]

    async def snap(self, mode: int, budget: float) -> int:
        """Give a command of SnapCommand that takes no picture: drive the focus. Whatever entry it makes is cleared.

        Raises:
            FocusFailed, CaptureFailed: it did not succeed.
            StoreFull: a shot that is in the way finds no room on this computer.
            TransferTimeout: no end within the budget.
        """
        async with self._exclusively():
            snapped = await self._snap(mode, budget)
            await self._clear_unlisted(list(snapped.states))
        if has_failed(snapped.state):
            raise failure(snapped.state)
        return snapped.state

    async def save(self) -> None:
        """Bring all shots that the camera holds into the spool and release them; a movie is stopped. To be called before CloseApplication.

        Raises:
            StoreFull: they find no room; nothing is lost.
            CameraError: the camera does not answer.
        """
        if self.recording:
            await self.stop_movie()
        async with self._exclusively():
            await self._make_room()

    async def rescue(self) -> None:
        """Bring what a previous program left in the camera into the spool, each shot once, and release it.

        Raises:
            StoreFull: it finds no room. It is listed, and can be read as long as the camera keeps it.
            CameraError: the camera does not answer.
        """
        self._ring.may_hold_unlisted = True
        await self.save()
        for name in [file.key.name for file in self._files.values() if file.state is FileState.SAFE]:
            await self._spool.drop_partials_of(name)
        self._list_spool()
        await self._announce(FolderChanged(IMAGEDB))

    def note_emptied(self) -> None:
        """Note that the camera's ring is empty: it was switched off, or has left remote control. What was only there is lost."""
        for exposure in self._exposures:
            for file in exposure.files:
                file.exposure = None
                if file.state in (FileState.IN_CAMERA, FileState.UNSPOOLED) and not file.is_movie:
                    log.warning("%s: the camera was switched off before it was fetched", file.key.name)
                    self.lost_names.append(file.key.name)
                file.note(FileEvent.EMPTIED)
                if file.state is FileState.LOST:
                    self._files.pop(file.key, None)
                    self._lost.append(file)
        self._exposures.clear()
        self._ring.may_hold_unlisted = False
        self._movies.note_emptied()

    # ------------------------------------------------------------------ movies

    async def start_movie(self, with_af: bool = False) -> None:
        """Start to record a movie, to the card.

        Raises:
            NotPermitted: the camera is not in capture-mode cine.
        """
        async with self._exclusively():
            if not self.recording:
                is_on_card = await self._movies.check_mode()
                room = await self._make_room()
                await self._movies.start(room.tail, is_on_card, with_af)

    async def stop_movie(self) -> None:
        """Stop recording and wait until the footage is on the card. Its entry is cleared unless the movie is listed here.

        Raises:
            CaptureFailed: the camera reports a failure.
            TransferTimeout: no end in time; the camera has been told to stop.
        """
        async with self._exclusively():
            try:
                status = await self._movies.stop()
            except NotDone as error:
                await self._clear_blank(error.status)
                raise
            if status is None:
                return
            ids = list(status.pending())
            if has_failed(status.state):
                await self._clear(ids)
                raise failure(status.state)
            movie = await self._movies.record_to_list()
            if movie is None:
                await self._clear(ids)
                return
            self._list_exposure(ids, [movie], time.time_ns())
        await self._announce(FolderChanged(IMAGEDB))

    async def read_movie(self, offset: int, size: int) -> bytes | memoryview:
        """Send GetPartialMovieFile with its only harmless parameters, if it is certain now that there is a movie.

        Raises:
            Refused: it may take the camera off the bus.
            InvalidValue, RemoteProtocolError: see `Movies.read`.
        """
        async with self._exclusively():
            for exposure in self._exposures:
                for file in exposure.files:
                    if file.is_movie:
                        return await self._movies.read(file, offset, size)
        raise errors.Refused("the camera holds no movie that can be read")

    async def _read_movie(self, file: ShotFile, offset: int, end: int) -> bytes:
        pieces: list[bytes | memoryview] = []
        while offset < end:
            async with self._exclusively():
                piece = await self._movies.read(file, offset, min(end - offset, PIECE))
            pieces.append(piece)
            offset += len(piece)
        return b"".join(pieces)

    # ------------------------------------------------------------------ the order in which shots change hands

    @asynccontextmanager
    async def _exclusively(self) -> AsyncIterator[None]:
        """Be the only one who makes entries, clears entries or removes files. Shots that became safe are released at the end."""
        async with self._lock:
            await self._keep_lost()
            yield
            while self._exposures and self._exposures[0].is_safe and not self._exposures[0].is_movie:
                try:
                    await self._release(self._exposures[0])
                except errors.CameraError as error:
                    log.info("a shot is not released yet: %s", error)
                    break

    async def _clear(self, ids: Sequence[int]) -> None:
        """Clear entries, oldest first: nothing else does. If it fails or is cancelled, the entries before are cleared."""
        exposures = [exposure for exposure in self._exposures if not set(ids).isdisjoint(exposure.ids)]
        assert all(exposure.is_safe or exposure.is_movie for exposure in exposures)
        for exposure in exposures:
            await exposure.wait_for_readers()
        for image_id in tuple(ids):
            await self._operations.clear(image_id)
            for exposure in exposures:
                if image_id in exposure.ids:
                    exposure.ids.remove(image_id)
                    if not exposure.ids:
                        self._drop(exposure)

    async def _clear_unlisted(self, ids: Sequence[int]) -> None:
        """Clear the entries of a command that nothing is listed of."""
        await self._clear(ids)
        self._ring.may_hold_unlisted = False

    async def _clear_blank(self, status: CaptureStatus) -> None:
        """Clear the entries of a command whose first one showed nothing to the end: that is what a blocked shutter looks like."""
        if status.state == CaptureState.CLEARED:
            await self._clear_unlisted(status.pending())

    async def _release(self, exposure: Exposure) -> None:
        await self._clear(exposure.ids)
        self._drop(exposure)

    def _drop(self, exposure: Exposure) -> None:
        if exposure in self._exposures:
            self._exposures.remove(exposure)
        for file in exposure.files:
            file.exposure = None

    async def _snap(self, mode: int, budget: float) -> Snapped:
        """Make room, give the command once, and wait for the end of all entries that it makes.

        Raises:
            Busy: a movie is being recorded.
            TransferTimeout: no end within the budget. Entries that nothing happens to are cleared, others stay.
        """
        if self.recording:
            raise errors.Busy("a movie is being recorded")
        room = await self._make_room()
        try:
            return await self._ring.snap(mode, room.tail, budget)
        except NotDone as error:
            await self._clear_blank(error.status)
            raise

    async def _make_room(self) -> CaptureStatus:
        """Empty the camera's ring; what only the camera holds is brought into the spool first.

        Raises:
            StoreFull: it finds no room; nothing is cleared.
        """
        for _ in range(ROUNDS):
            status = await self._ring.status()
            pending = status.pending()
            if not pending:
                if self._exposures:
                    self.note_emptied()
                    await self._announce(FolderChanged(IMAGEDB))
                self._ring.note_empty()
                return status
            await self._claim(pending)
            for exposure in list(self._exposures):
                for file in exposure.files:
                    if file.is_movie:
                        self._files.pop(file.key, None)
                        await self._announce(FolderChanged(IMAGEDB))
                    elif file.state is not FileState.REMOVED:
                        await file.bring_in()
            await self._clear(pending)
        raise errors.CaptureFailed("the camera's image database does not become empty")

    async def _claim(self, pending: Sequence[int]) -> None:
        """Make an exposure of the entries that nobody here knows: of a previous program, or of a command that ended unclearly."""
        known = {image_id for exposure in self._exposures for image_id in exposure.ids}
        unknown = [image_id for image_id in pending if image_id not in known]
        if not unknown:
            return
        records = await self._ring.pictures_of(unknown)
        listed = {
            (file.record.address, file.record.name)
            for exposure in self._exposures
            for file in exposure.files
            if isinstance(file.record, Picture)
        }
        new = [
            record
            for record in records
            if (record.address, record.name) not in listed
            and not await is_in_spool(self._operations, self._spool, record)
        ]
        self._list_exposure(unknown, new, time.time_ns())
        if new:
            await self._announce(FolderChanged(IMAGEDB))

    async def _keep_lost(self) -> None:
        """Keep what was read of files that the camera no longer has."""
        lost, self._lost = self._lost, []
        for file in lost:
            await file.keep_beginning()
        if lost:
            self._list_spool()
            await self._announce(FolderChanged(IMAGEDB))

    # ------------------------------------------------------------------ what is listed

    def _file(self, key: Key) -> ShotFile:
        file = self._files.get(key) if isinstance(key, ImageKey) else None
        if file is None:
            raise errors.NotFound("this file is not in imagedb any more")
        return file

    def _list_exposure(self, ids: Sequence[int], records: Sequence[Picture | Movie], mtime_ns: int) -> Exposure:
        exposure = Exposure(list(ids))
        self._exposures.append(exposure)
        for record in records:
            others = itertools.chain(self._files.values(), self._lost, *(each.files for each in self._exposures))
            names = {file.key.name for file in others}
            key = ImageKey(self._spool.free_name(safe_name(record.name), names), next(self._numbers))
            file = ShotFile(self._operations, self._spool, key, record.size, mtime_ns, record=record, exposure=exposure)
            exposure.files.append(file)
            self._files[key] = file
        return exposure

    def _list_spool(self) -> None:
        """List the files of the spool, and no others that the spool should have."""
        listed = {key.name for key in self._files}
        for name, stored in self._spool.files.items():
            if name not in listed:
                key = ImageKey(name, next(self._numbers))
                self._files[key] = ShotFile(
                    self._operations, self._spool, key, stored.size, stored.mtime_ns, FileState.SAFE
                )
        for key, file in list(self._files.items()):
            if file.state is FileState.SAFE and key.name not in self._spool.files:
                del self._files[key]

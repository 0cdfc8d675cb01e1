"""The image database: shots that the camera holds, and those that wait on this computer, as one folder.

The camera keeps each shot as an entry of a ring of 29 until the entry is cleared, and an entry that is not cleared stops the next shot
without an error (reference sigma-fp, section 12). CloseApplication, ConfigApi and the power switch empty the ring. So a shot is in one
of three places, and a file of it is seen once whichever that is:

- only in the camera: its files are listed, and read from there; what was read is kept in a part of the spool;
- in the spool and in the camera: all its files are whole and synchronised to the disk, its entries not yet cleared;
- in the spool: the entries are cleared.

Entries are cleared in this order only, oldest first, and nothing but the user removes a file from the spool: of a shot that a file is
removed from, the other files are brought into the spool and the entries cleared before that file goes. A program that is
killed at any point leaves one of the three; what the camera still holds is then met as entries that nobody here knows, is
compared with the spool's files of the same name and size, and is brought into the spool if it is none of them.
"""

import itertools
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import trio

from camfs import errors
from camfs.cameras.api import Change, Entry, FolderChanged, Key, Usage
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.cameras.sigma.spool import Part, Spool, safe_name
from camfs.protocols.sigma.codes import IMAGE_IDS, CaptureState, Destination, SnapMode, has_failed
from camfs.protocols.sigma.datasets import Dataset
from camfs.protocols.sigma.records import CaptureStatus, Movie, Picture
from camfs.protocols.sigma.values import CINE

log = logging.getLogger(__name__)

IMAGEDB = "imagedb"
"""The folder's key, and its name."""

PIECE = 1 << 20
"""Bytes of a picture or a movie fetched at once: settings, and frames of live view, get their turn between (reference 13.2)."""

POLL = 0.15
"""Seconds between two looks at a shot (reference 12.4)."""

SHOT_WAIT = 2.0
"""Seconds that a shot may be done without an image being generated; then its records are looked for."""

FOLLOW_WAIT = 0.5
"""Seconds that a further entry of a shot may show nothing."""

STORE_WAIT = 30.0
"""Seconds that the camera may take to write a shot to its card."""

LEFT_WAIT = 30.0
"""Seconds waited for a shot to be ready that another program, or one that was given up, has left."""

LEFT_PATIENCE = 2.0
"""Seconds that such an entry may show nothing: its command may have been given just before."""

MOVIE_WAIT = 60.0
"""Seconds that the camera may take to end a movie."""

ROUNDS = 4
"""How often the database is emptied while it does not become empty."""

_IN_PROGRESS = {CaptureState.SHOOTING, CaptureState.SHOT, CaptureState.GENERATING, CaptureState.MOVIE_STOPPING}

_FAILURES: dict[int, type[errors.Refused]] = {
    CaptureState.AF_FAILED: errors.FocusFailed,
    CaptureState.BUFFER_FULL: errors.BufferFull,
}
"""What is raised for a state of failure; for others `CaptureFailed`."""


@dataclass(frozen=True)
class ImageKey:
    """A file of the folder: its name, and a number that no other file had since the mount began."""

    name: str
    number: int


@dataclass(eq=False)
class _File:
    """A file: of a shot in the camera, or whole in the spool.

    Attributes:
        picture: its record; None if it is only in the spool.
        shot: its shot; None once that was released.
        movie: its record, if it is a take.
        part: what of it is in the spool.
        is_safe: whether the spool has it whole.
        is_removed: whether the user removed it while its shot was still in the camera.
        is_lost: whether the camera no longer holds it.
        is_unspooled: whether its bytes found no room in the spool.
        fetches: how many pieces are being fetched.
    """

    key: ImageKey
    size: int
    mtime_ns: int
    picture: Picture | None = None
    shot: "_Shot | None" = None
    movie: Movie | None = None
    part: Part | None = None
    is_safe: bool = False
    is_removed: bool = False
    is_lost: bool = False
    is_unspooled: bool = False
    fetches: int = 0
    lock: trio.Lock = field(default_factory=trio.Lock)


@dataclass(eq=False)
class _Shot:
    """A shot whose entries are not cleared."""

    ids: list[int]
    files: list[_File] = field(default_factory=list)

    @property
    def is_safe(self) -> bool:
        return all(file.is_safe or file.is_removed for file in self.files)

    @property
    def is_movie(self) -> bool:
        return any(file.movie is not None for file in self.files)


@dataclass(frozen=True)
class _Snapped:
    """How a SnapCommand ended: the states of its entries, and when it was given."""

    states: dict[int, int]
    state: int
    taken_ns: int


class ImageFolder:
    """The folder `imagedb`.

    Everything but `open`, `listing` and what `needs_camera` denies is called only while the body is in the API life.

    Args:
        operations: the camera's.
        spool: where shots wait on this computer.
        announce: told what changed in the folder.
        movies: whether the take at index 0 is shown and can be read.

    Attributes:
        recording: whether a movie is being recorded.
        lost_names: pictures that the camera was switched off with.
    """

    def __init__(
        self,
        operations: SigmaOperations,
        spool: Spool,
        announce: Callable[[Change], Awaitable[None]],
        movies: bool = False,
    ) -> None:
        self._operations = operations
        self._spool = spool
        self._announce = announce
        self._shows_movies = movies
        self._numbers = itertools.count(1)
        self._files: dict[ImageKey, _File] = {}
        self._shots: list[_Shot] = []
        self._lost: list[_File] = []
        self._lock = trio.Lock()
        self._fetched = trio.lowlevel.ParkingLot()
        self._unclear = False
        self._overdue: set[int] = set()
        self._take: int | None = None
        self._take_is_readable = False
        self._movie_broken = False
        self.recording = False
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
        """Say whether reading or removing a file needs the camera: its shot is not released."""
        return self._file(key).shot is not None

    @property
    def unsaved(self) -> int:
        """How many files only the camera holds."""
        return sum(not file.is_safe and file.movie is None for file in self._files.values())

    @property
    def has_unsaved(self) -> bool:
        """Whether the camera holds shots that this computer does not: those listed, or one whose command ended unclearly."""
        return self._unclear or self.unsaved > 0

    async def usage(self) -> Usage:
        """Measure the room on the spool's disk."""
        total, free = await self._spool.usage()
        return Usage(total, free, len(self._files))

    async def read(self, entry: Entry, offset: int, size: int) -> bytes | memoryview:
        """Read of a file: what the spool has from there, the rest from the camera, and into the spool.

        When the last bytes of a shot have come, its entries are cleared. A disk that takes no more is no reader's trouble: it gets its
        bytes, and the shot stays in the camera.

        Raises:
            NotFound: the file was removed, or the camera that held it was switched off.
        """
        file = self._file(entry.key)
        end = min(offset + size, file.size)
        if file.movie is not None:
            return await self._read_take(file, offset, end)
        pieces: list[bytes | memoryview] = []
        while offset < end:
            piece = await self._piece(file, offset, end - offset, self._keep_if_possible)
            pieces.append(piece)
            offset += len(piece)
        if file.is_safe and file.shot is not None and not self._lock.locked():
            async with self._alone():
                pass
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def remove(self, entry: Entry) -> None:
        """Delete a file at the user's wish.

        If its shot is still in the camera, the other files of the shot are brought into the spool, so that the entries can be cleared
        before the file goes, and it does not come back. Where they find no room, the shot stays in the camera without it.
        """
        file = self._file(entry.key)
        async with self._alone():
            shot = file.shot
            if shot is not None:
                file.is_removed = True
                try:
                    for other in shot.files:
                        if not other.is_removed:
                            await self._bring(other)
                    await self._release(shot)
                except errors.StoreFull as error:
                    log.warning("%s: its shot stays in the camera: %s", file.key.name, error)
                except BaseException:
                    file.is_removed = False
                    raise
            if file.is_safe:
                await self._spool.remove(file.key.name)
            self._files.pop(file.key, None)
            if file.part is not None:
                await file.part.drop()
        await self._announce(FolderChanged(IMAGEDB))

    # ------------------------------------------------------------------ shots

    async def capture(self, mode: int, budget: float, destination: int) -> Sequence[ImageKey | PurePosixPath]:
        """Take a picture.

        Args:
            mode: GENERAL or WITHOUT_AF.
            budget: seconds until it is ready.
            destination: DestToSave of group 3. With CAMERA the shot is released once it is on the card, without being fetched; if
                it does not get there, it comes into this folder as all others.

        Returns:
            The keys of its files; of a shot on the card their paths.

        Raises:
            FocusFailed, BufferFull, CaptureFailed: there is no picture; the database is empty again.
            StoreFull: an earlier shot finds no room on this computer; none was taken.
            TransferTimeout: no end within the budget. If there comes one, the shot will be here before the next.
            RemoteProtocolError: the records of the shot make no sense, be it a size beyond any picture's. They are read again when the
                room is needed; a shot that cannot be addressed even then is released, as it would stop the shutter for ever.
        """
        async with self._alone():
            snapped = await self._snap(mode, budget)
            ids = list(snapped.states)
            if not any(_has_picture(state) for state in snapped.states.values()):
                await self._clear(ids)
                self._unclear = False
                raise _failure(snapped.state)
            on_card = destination == Destination.CAMERA and await self._stored(ids)
            records = await self._records()
            if on_card:
                await self._clear(ids)
                self._unclear = False
                return [PurePosixPath("card", "DCIM", safe_name(each.path), safe_name(each.name)) for each in records]
            if not records:
                await self._clear(ids)
                self._unclear = False
                raise errors.CaptureFailed("the camera took the picture and has no file of it")
            # an entry that shows nothing yet may become a file: it is not this shot's to clear, and is looked at before the next
            shown = [image_id for image_id, state in snapped.states.items() if state != CaptureState.CLEARED]
            shot = self._add_shot(shown, records, snapped.taken_ns)
            self._unclear = False
        await self._announce(FolderChanged(IMAGEDB))
        return [file.key for file in shot.files]

    async def snap(self, mode: int, budget: float) -> int:
        """Give a command of SnapCommand that takes no picture: drive the focus. Whatever entry it makes is cleared.

        Raises:
            FocusFailed, CaptureFailed: it did not succeed.
            StoreFull: a shot that is in the way finds no room on this computer.
            TransferTimeout: no end within the budget.
        """
        async with self._alone():
            snapped = await self._snap(mode, budget)
            await self._clear(list(snapped.states))
            self._unclear = False
        if has_failed(snapped.state):
            raise _failure(snapped.state)
        return snapped.state

    async def save(self) -> None:
        """Bring all shots that the camera holds into the spool and release them; a movie is stopped. To be called before a hand-back.

        Raises:
            StoreFull: they find no room; nothing is lost.
            CameraError: the camera does not answer.
        """
        if self.recording:
            await self.stop_movie()
        async with self._alone():
            await self._make_room()

    async def rescue(self) -> None:
        """Bring what a previous program left in the camera into the spool, each shot once, and release it.

        Raises:
            StoreFull: it finds no room. It is listed, and can be read as long as the body stays as it is.
            CameraError: the camera does not answer.
        """
        self._unclear = True
        await self.save()
        for name in [file.key.name for file in self._files.values() if file.is_safe]:
            await self._spool.drop_partials_of(name)
        self._list_spool()
        await self._announce(FolderChanged(IMAGEDB))

    def forget(self) -> None:
        """Hear that the camera's database is empty: it was switched off, or has left the API life. What was only there is lost."""
        lost = [file for shot in self._shots for file in shot.files if not file.is_safe and not file.is_removed]
        for file in lost:
            if file.movie is None:
                log.warning("%s: the camera was switched off before it was fetched", file.key.name)
                self.lost_names.append(file.key.name)
            file.is_lost = True
            self._files.pop(file.key, None)
        for shot in self._shots:
            for file in shot.files:
                file.shot = None
        self._lost += lost
        self._shots.clear()
        self._unclear = self.recording = False
        self._take = None

    # ------------------------------------------------------------------ movies

    async def start_movie(self, with_af: bool = False) -> None:
        """Start to record a movie, to the card.

        Raises:
            NotPermitted: the camera is not in capture-mode cine.
        """
        async with self._alone():
            if self.recording:
                return
            values = await self._operations.read(Dataset.MOVIE)
            if values.get("CaptureMode") != CINE:
                raise errors.NotPermitted("movies are recorded in capture-mode cine; the camera is in still")
            group = await self._operations.read(Dataset.GROUP3)
            on_card = group.get("DestToSave") != Destination.COMPUTER
            self._take = (await self._make_room()).tail
            self._take_is_readable = on_card
            self.recording = True
            try:
                await self._operations.snap(SnapMode.START_MOVIE_WITH_AF if with_af else SnapMode.START_MOVIE)
            except errors.Refused:
                self.recording = False
                raise

    async def stop_movie(self) -> None:
        """Stop recording and wait until the footage lies on the card; its entry is released unless the take is shown here.

        Raises:
            CaptureFailed: the camera tells of a failure.
            TransferTimeout: no end within `MOVIE_WAIT`; the camera has been told to stop.
        """
        async with self._alone():
            if not self.recording or self._take is None:
                return
            take = self._take
            await self._operations.snap(SnapMode.STOP_MOVIE)
            self.recording = False
            status = await self._final(take, trio.current_time() + MOVIE_WAIT, movie=True)
            ids = list(status.pending())
            if has_failed(status.state):
                await self._clear(ids)
                raise _failure(status.state)
            movie = await self._operations.movie(take) if self._shows_movies else None
            if movie is None or take != 0 or not self._take_is_readable or self._movie_broken:
                if movie is not None:
                    log.info("the take is on the card only: the camera gives out none but the first of a hold")
                await self._clear(ids)
                return
            file = _File(self._new_key(safe_name(movie.name)), movie.size, time.time_ns(), movie=movie)
            file.shot = _Shot(ids, [file])
            self._shots.append(file.shot)
            self._files[file.key] = file
        await self._announce(FolderChanged(IMAGEDB))

    async def read_movie(self, offset: int, size: int) -> bytes | memoryview:
        """Send GetPartialMovieFile with its only harmless parameters, if it is certain now that there is a take (reference, section 14).

        Raises:
            Refused: it may take the camera off the bus.
            InvalidValue: not within the take.
            RemoteProtocolError: the camera gave nonsense in place of the take, and will until it is switched off.
        """
        async with self._alone():
            return await self._guarded(self._shown_take(), offset, size)

    def _shown_take(self) -> _File:
        for shot in self._shots:
            for file in shot.files:
                if file.movie is not None:
                    return file
        raise errors.Refused("the camera holds no take that can be read")

    async def _read_take(self, file: _File, offset: int, end: int) -> bytes:
        pieces: list[bytes | memoryview] = []
        while offset < end:
            async with self._alone():
                piece = await self._guarded(file, offset, min(end - offset, PIECE))
            pieces.append(piece)
            offset += len(piece)
        return b"".join(pieces)

    async def _guarded(self, file: _File, offset: int, size: int) -> bytes | memoryview:
        """Read of the take at index 0; nobody else changes the database meanwhile."""
        if not 0 <= offset < offset + size <= file.size:
            raise errors.InvalidValue("not within the take")
        await self._guard(file)
        try:
            return await self._operations.read_movie(offset, size)
        except errors.RemoteProtocolError:
            self._movie_broken = True
            raise

    async def _guard(self, file: _File) -> None:
        """Ask all that makes reading a take safe: it is at index 0, finished, named, and nothing is being recorded."""
        status = await self._operations.capture_status(0)
        here = file.shot in self._shots and status.head == 0 < status.tail and not self.recording
        ended = status.state == CaptureState.MOVIE_GENERATED
        if self._movie_broken or not here or not ended or await self._operations.movie(0) != file.movie:
            raise errors.Refused("this take cannot be read from the camera any more; it is on the card")

    # ------------------------------------------------------------------ the database

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Be the only one who takes, clears or removes. Shots that became safe meanwhile are released at the end."""
        async with self._lock:
            await self._bury_lost()
            yield
            while self._shots and self._shots[0].is_safe and not self._shots[0].is_movie:
                try:
                    await self._release(self._shots[0])
                except errors.CameraError as error:
                    log.info("a shot is not released yet: %s", error)
                    break

    async def _snap(self, mode: int, budget: float) -> _Snapped:
        """Make room, give the command once, and wait for the end of all entries that it makes.

        Raises:
            Busy: a movie is being recorded.
            TransferTimeout: no end within the budget; entries that nothing happens to are cleared, others stay.
        """
        if self.recording:
            raise errors.Busy("a movie is being recorded")
        first = (await self._make_room()).tail
        taken_ns = time.time_ns()
        deadline = trio.current_time() + budget
        self._unclear = True
        try:
            await self._operations.snap(mode)
        except errors.Refused:
            self._unclear = False
            raise
        states: dict[int, int] = {}
        status = await self._final(first, deadline)
        state = status.state
        while True:
            ids = _ids(first, status.tail)
            states |= {first: state} if ids else {}
            image_id = next((each for each in ids if each not in states), None)
            if image_id is None:
                return _Snapped(states, state, taken_ns)
            status = await self._final(image_id, deadline, patience=FOLLOW_WAIT)
            states[image_id] = status.state

    async def _final(
        self, image_id: int, deadline: float, *, patience: float | None = None, movie: bool = False
    ) -> CaptureStatus:
        """Poll one entry until it does not change any more.

        Args:
            image_id: the entry's.
            deadline: on trio's clock.
            patience: seconds that it may show nothing; then it is left at that. None: up to the deadline.
            movie: whether it is a movie's, which is not done before its state says so.
        """
        since, before = trio.current_time(), -1
        while True:
            status = await self._operations.capture_status(image_id)
            state, now = status.state, trio.current_time()
            since, before = (since if state == before else now), state
            if movie:
                done = state == CaptureState.MOVIE_GENERATED or state & 0xF000 != 0
            elif state == CaptureState.CLEARED:
                done = patience is not None and (now - since >= patience or now >= deadline)
            else:
                done = state not in _IN_PROGRESS or (state == CaptureState.SHOT and now - since >= SHOT_WAIT)
            if done:
                return status
            if now >= deadline:
                if state == CaptureState.CLEARED:
                    await self._clear(_ids(status.head, status.tail))
                    self._unclear = False
                raise errors.TransferTimeout(f"the camera is not done: {_words(state)}")
            await trio.sleep(POLL)

    async def _stored(self, ids: Sequence[int]) -> bool:
        """Wait until the camera has written a shot to its card; say whether it has."""
        deadline = trio.current_time() + STORE_WAIT
        for image_id in ids:
            while (status := await self._operations.capture_status(image_id)).state != CaptureState.STORED:
                if not _has_picture(status.state):
                    break
                if trio.current_time() >= deadline:
                    log.warning("the camera did not write the shot to its card")
                    return False
                await trio.sleep(POLL)
        return True

    async def _make_room(self) -> CaptureStatus:
        """Empty the camera's database; what only it holds is brought into the spool first.

        Raises:
            StoreFull: it finds no room; nothing is cleared.
        """
        for _ in range(ROUNDS):
            status = await self._operations.capture_status(0)
            pending = status.pending()
            if not pending:
                if self._shots:
                    self.forget()
                    await self._announce(FolderChanged(IMAGEDB))
                self._unclear = False
                self._overdue.clear()
                return status
            await self._adopt(pending)
            for shot in list(self._shots):
                for file in shot.files:
                    if file.movie is not None:
                        self._files.pop(file.key, None)
                        await self._announce(FolderChanged(IMAGEDB))
                    elif not file.is_removed:
                        await self._bring(file)
            for shot in list(self._shots):
                await self._unread(shot)
            for image_id in pending:
                await self._operations.clear(image_id)
                for shot in list(self._shots):
                    if image_id in shot.ids:
                        shot.ids.remove(image_id)
                        if not shot.ids:
                            self._drop_shot(shot)
        raise errors.CaptureFailed("the camera's image database does not become empty")

    async def _adopt(self, pending: Sequence[int]) -> None:
        """Make shots of the entries that nobody here knows: of a previous program, or of a command that ended unclearly."""
        known = {image_id for shot in self._shots for image_id in shot.ids}
        strange = [image_id for image_id in pending if image_id not in known]
        if not strange:
            return
        begun = trio.current_time()
        ended = []
        for image_id in strange:
            try:
                patience = begun + LEFT_PATIENCE - trio.current_time()
                ended.append(await self._final(image_id, begun + LEFT_WAIT, patience=patience))
            except errors.TransferTimeout as error:
                if image_id not in self._overdue:
                    self._overdue.add(image_id)
                    raise errors.Busy(f"an earlier shot is in the way: {error}") from None
                log.warning("an earlier shot is given up: %s", error)
        for_card = all(status.destination == Destination.CAMERA for status in ended)
        if not any(_has_picture(status.state) for status in ended) or (for_card and await self._stored(strange)):
            self._shots.append(_Shot(strange))
            return
        try:
            records = await self._records()
        except errors.RemoteProtocolError as error:
            log.warning("a shot that the camera holds cannot be fetched, and is given up: %s", error)
            records = ()
        mine = {
            (file.picture.address, file.picture.name) for shot in self._shots for file in shot.files if file.picture
        }
        new = [
            record
            for record in records
            if (record.address, record.name) not in mine and not await self._is_kept(record)
        ]
        self._add_shot(strange, new, time.time_ns())
        await self._announce(FolderChanged(IMAGEDB))

    async def _is_kept(self, picture: Picture) -> bool:
        """Say whether the spool has a file of a shot already, by comparing the bytes."""
        for name in self._spool.like(safe_name(picture.name), picture.size):
            offset = 0
            while offset < picture.size:
                piece = await self._fetch(picture, offset, PIECE)
                try:
                    if piece != await self._spool.read(name, offset, len(piece)):
                        break
                except errors.Refused as error:
                    log.warning("%s: %s", name, error)
                    break
                offset += len(piece)
            else:
                log.info("%s is in the spool already", name)
                return True
        return False

    async def _records(self) -> tuple[Picture, ...]:
        """Read the records of what waits; once more if they make no sense, as a shot hangs on them."""
        try:
            return await self._operations.pictures()
        except errors.RemoteProtocolError as error:
            log.info("records of pictures: %s", error)
            return await self._operations.pictures()

    def _add_shot(self, ids: Sequence[int], records: Sequence[Picture], taken_ns: int) -> _Shot:
        shot = _Shot(list(ids))
        for record in records:
            key = self._new_key(safe_name(record.name))
            shot.files.append(_File(key, record.size, taken_ns, picture=record, shot=shot))
            self._files[key] = shot.files[-1]
        self._shots.append(shot)
        return shot

    def _new_key(self, name: str) -> ImageKey:
        others = itertools.chain(self._lost, *(shot.files for shot in self._shots))
        taken = {key.name for key in self._files} | {file.key.name for file in others}
        return ImageKey(self._spool.free_name(name, taken), next(self._numbers))

    async def _clear(self, ids: Sequence[int]) -> None:
        """Clear entries that no shot here stands for."""
        for image_id in ids:
            await self._operations.clear(image_id)

    async def _release(self, shot: _Shot) -> None:
        """Clear the entries of a shot, oldest first."""
        await self._unread(shot)
        while shot.ids:
            await self._operations.clear(shot.ids[0])
            del shot.ids[0]
        self._drop_shot(shot)

    async def _unread(self, shot: _Shot) -> None:
        """Wait until nothing of a shot is being fetched: once it is cleared, its address may be another's."""
        while any(file.fetches for file in shot.files):
            await self._fetched.park()

    def _drop_shot(self, shot: _Shot) -> None:
        if shot in self._shots:
            self._shots.remove(shot)
        for file in shot.files:
            file.shot = None

    async def _bury_lost(self) -> None:
        """Keep what came of files that the camera no longer has."""
        lost, self._lost = self._lost, []
        for file in lost:
            async with file.lock:
                if file.part is not None:
                    try:
                        await file.part.settle()
                    except errors.Refused as error:
                        log.warning("%s", error)
        if lost:
            self._list_spool()
            await self._announce(FolderChanged(IMAGEDB))

    # ------------------------------------------------------------------ bytes

    async def _piece(
        self, file: _File, offset: int, size: int, keep: Callable[[_File, int, bytes | memoryview], Awaitable[None]]
    ) -> bytes | memoryview:
        """Get some of these bytes, one at least: of the spool, else of the camera, and let those be kept."""
        while True:
            if file.is_safe:
                data: bytes | memoryview = await self._spool.read(file.key.name, offset, size)
                if not data:
                    raise errors.RemoteProtocolError(f"{file.key.name} was cut short on the disk")
                return data
            self._check_there(file)
            if file.part is None or not file.part.here(offset, size):
                break
            data = await file.part.read(offset, size)
            if data:
                return data
        assert file.picture is not None
        if file.part is not None:
            size = file.part.missing(offset, size)
        file.fetches += 1
        try:
            data = await self._fetch(file.picture, offset, min(size, PIECE))
        finally:
            file.fetches -= 1
            self._fetched.unpark_all()
        self._check_there(file)
        await keep(file, offset, data)
        return data

    @staticmethod
    def _check_there(file: _File) -> None:
        if file.is_removed:
            raise errors.NotFound(f"{file.key.name} was removed")
        if file.is_lost:
            raise errors.NotFound(f"{file.key.name}: the camera was switched off before it was fetched")

    async def _fetch(self, picture: Picture, offset: int, size: int) -> memoryview:
        """Fetch a piece of a picture, or as much of it as the camera gives at once."""
        data = await self._operations.read_picture(picture.address, offset, min(size, picture.size - offset))
        if not data:
            raise errors.RemoteProtocolError(f"{picture.name} ends at byte {offset} of {picture.size}")
        return data

    async def _keep(self, file: _File, offset: int, data: bytes | memoryview) -> None:
        """Write fetched bytes into the spool; with the last of them the file is safe."""
        async with file.lock:
            if file.is_safe or file.is_removed or file.is_lost:
                return
            try:
                if file.part is None:
                    file.part = await self._spool.begin(file.key.name, file.size, file.mtime_ns)
                await file.part.write(offset, data)
                if file.part.is_whole:
                    await file.part.finish()
                    file.is_safe, file.part = True, None
            except errors.Refused:
                part, file.part = file.part, None
                if part is not None:
                    await part.drop()
                raise

    async def _keep_if_possible(self, file: _File, offset: int, data: bytes | memoryview) -> None:
        if not file.is_unspooled:
            try:
                await self._keep(file, offset, data)
            except errors.Refused as error:
                file.is_unspooled = True
                log.warning("%s stays in the camera only: %s", file.key.name, error)

    async def _bring(self, file: _File) -> None:
        """Bring a whole file into the spool.

        Raises:
            StoreFull: there is no room for it.
        """
        file.is_unspooled = False
        while not file.is_safe:
            self._check_there(file)
            offset = file.part.gap() if file.part is not None else 0
            if offset < file.size:
                await self._piece(file, offset, file.size - offset, self._keep)
            else:
                await self._keep(file, offset, b"")

    # ------------------------------------------------------------------

    def _file(self, key: Key) -> _File:
        file = self._files.get(key) if isinstance(key, ImageKey) else None
        if file is None:
            raise errors.NotFound("this file is not in imagedb any more")
        return file

    def _list_spool(self) -> None:
        """List the files of the spool, and no others that the spool should have."""
        listed = {key.name for key in self._files}
        for name, stored in self._spool.files.items():
            if name not in listed:
                key = ImageKey(name, next(self._numbers))
                self._files[key] = _File(key, stored.size, stored.mtime_ns, is_safe=True)
        for key, file in list(self._files.items()):
            if file.is_safe and key.name not in self._spool.files:
                del self._files[key]


def _has_picture(state: int) -> bool:
    """Say whether an entry in this state holds a picture, or may: SHOT can be the end of one."""
    return state in (CaptureState.GENERATED, CaptureState.STORED, CaptureState.SHOT)


def _ids(head: int, tail: int) -> list[int]:
    """Return the ids from head up to before tail."""
    return [(head + step) % IMAGE_IDS for step in range((tail - head) % IMAGE_IDS)]


def _words(state: int) -> str:
    return next((each.words for each in CaptureState if each == state), f"state 0x{state:04X}")


def _failure(state: int) -> errors.Refused:
    return _FAILURES.get(state, errors.CaptureFailed)(_words(state))

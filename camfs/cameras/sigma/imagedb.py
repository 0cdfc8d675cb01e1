"""The folder `imagedb`: shots that the camera holds, and shots that wait on this computer.

Who holds a shot, and when it changes hands, is decided in `custody`; which names are listed, in `shot_list`. Here is what a user does with
shots: read and remove files, take pictures and movies, and have all that the camera holds brought to this computer.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import PurePosixPath

from camfs import errors
from camfs.cameras.api import Change, Entry, FolderChanged, Key, Usage
from camfs.cameras.sigma import identity
from camfs.cameras.sigma.custody import Custody
from camfs.cameras.sigma.exposure import PIECE, FileEvent, FileState, ShotFile
from camfs.cameras.sigma.interval import Interval, IntervalShooting
from camfs.cameras.sigma.movies import Movies
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.cameras.sigma.ring import NotDone, Ring, Snapped, failure
from camfs.cameras.sigma.shot_list import ShotList
from camfs.cameras.tethered.file_names import safe_name
from camfs.cameras.tethered.shot_key import IMAGEDB, ImageKey
from camfs.cameras.tethered.spool import Spool
from camfs.protocols.sigma.codes import CaptureState, Destination, has_failed
from camfs.protocols.sigma.records import Picture

log = logging.getLogger(__name__)


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
        interval: what the body's interval timer takes by itself.
    """

    def __init__(
        self,
        operations: SigmaOperations,
        spool: Spool,
        announce: Callable[[Change], Awaitable[None]],
        movies: bool = False,
    ) -> None:
        self._ring = Ring(operations)
        self._spool = spool
        self._announce = announce
        self._movies = Movies(operations, self._ring, movies)
        self._listed = ShotList(operations, spool)
        self._custody = Custody(operations, self._ring, spool, self._listed, announce)
        self.interval = IntervalShooting(operations, self._ring, self._custody)

    async def open(self) -> None:
        """Open the spool: what waits there is listed from now on. To be called before anything else.

        Raises:
            Refused: shots cannot be kept on this computer.
        """
        await self._spool.open()
        self._listed.follow_spool()

    async def aclose(self) -> None:
        """Let go of the spool. Does nothing to the camera: see `save`."""
        await self._spool.aclose()

    # ------------------------------------------------------------------ the folder

    def list(self) -> Sequence[ImageKey]:
        """List the files' keys."""
        return list(self._listed.files)

    def describe(self, key: Key) -> Entry:
        """Describe a file.

        Raises:
            NotFound: it is not here any more.
        """
        return self._listed.describe(key)

    def raw(self, key: Key) -> str:
        """Return what the camera calls a file's shot: the ids of its entries, until they are cleared."""
        exposure = self._listed.file(key).exposure
        return " ".join(f"ImageId 0x{image_id:02X}" for image_id in exposure.ids) if exposure is not None else "spool"

    def needs_camera(self, key: Key) -> bool:
        """Say whether reading or removing a file needs the camera, because its shot is not released."""
        return self._listed.file(key).exposure is not None

    @property
    def unsaved(self) -> int:
        """How many files only the camera holds."""
        return sum(file.state is not FileState.SAFE and not file.is_movie for file in self._listed.files.values())

    @property
    def has_unsaved(self) -> bool:
        """Whether the camera holds shots that this computer does not, or may: the end of a command may be unclear."""
        return self._ring.may_hold_unlisted or self.unsaved > 0

    @property
    def lost_names(self) -> Sequence[str]:
        """Pictures that only the camera held when it was switched off."""
        return self._custody.lost_names

    @property
    def trouble(self) -> str:
        """Why no shot could be kept on this computer when that was last tried; empty if it could."""
        return self._spool.trouble

    @property
    def unusable(self) -> Sequence[str]:
        """What lies in the spool and is not offered, and why."""
        unusable = sorted(self._spool.unusable.items())
        return [f"{self._spool.folder / name} ({reason})" for name, reason in unusable]

    @property
    def recording(self) -> bool:
        """Whether a movie is being recorded."""
        return self._movies.recording

    async def usage(self) -> Usage:
        """Measure the room on the spool's disk."""
        total, free = await self._spool.usage()
        return Usage(total, free, len(self._listed.files))

    async def read(self, entry: Entry, offset: int, size: int) -> bytes | memoryview:
        """Read from a file. When the last bytes of a shot have come, its entries are cleared.

        Raises:
            NotFound: the file was removed, or the camera that held it was switched off.
        """
        file = self._listed.file(entry.key)
        if file.is_movie:
            return await self._read_movie(file, offset, min(offset + size, file.size))
        while True:
            try:
                data = await file.read(offset, size)
                break
            except errors.CameraError:
                if file.exposure is None or file.exposure.is_confirmed:
                    if self._listed.follow_spool():  # the file may be gone from the spool, or set aside
                        await self._announce(FolderChanged(IMAGEDB))
                    raise
                async with (
                    self._custody.exclusively()
                ):  # contact was lost: see first whether the camera still holds the file
                    pass
        exposure = file.exposure
        if (
            file.state is FileState.SAFE
            and exposure is not None
            and exposure.is_confirmed
            and not self._custody.locked()
        ):
            async with self._custody.exclusively():
                pass
        return data

    async def remove(self, entry: Entry) -> None:
        """Delete a file for the user.

        If its shot is still in the camera, the other files of the shot are brought into the spool, so that the entries can be cleared
        before the file goes, and it does not come back. If they find no room, the shot stays in the camera without it.
        """
        file = self._listed.file(entry.key)
        async with self._custody.exclusively(with_camera=file.exposure is not None):
            exposure = file.exposure
            if exposure is not None:
                await file.mark_removed()
                try:
                    for other in exposure.files:
                        if other.state is not FileState.REMOVED:
                            await other.bring_in()
                    await self._custody.release(exposure)
                except errors.StoreFull as error:
                    log.warning("%s: its shot stays in the camera: %s", file.key.name, error)
                except BaseException:
                    file.note(FileEvent.NOT_REMOVED)
                    raise
            await file.delete()
            self._listed.drop(file)
            await file.drop_partial()
        await self._announce(FolderChanged(IMAGEDB))

    # ------------------------------------------------------------------ shots

    async def capture(
        self,
        mode: int,
        budget: float,
        destination: int,
        *,
        amount: int = 1,
        hold: float | None = None,
        interval: Interval | None = None,
    ) -> Sequence[ImageKey | PurePosixPath]:
        """Take a picture, or several by one command.

        Args:
            mode: GENERAL or WITHOUT_AF.
            budget: seconds until it is ready; after a bulb exposure, from its end on.
            destination: DestToSave of group 3. With CAMERA the shot is released once it is on the card, without being fetched. If it
                does not get there, it comes into this folder as all others do.
            amount: pictures that the command asks for.
            hold: seconds after which a bulb exposure is ended.
            interval: what the body goes on with by itself after the first picture, which alone is waited for.

        Returns:
            The keys of its files; of a shot on the card their paths.

        Raises:
            FocusFailed, BufferFull, CaptureFailed: there is no picture, and the ring is empty again.
            StoreFull: an earlier shot finds no room on this computer; no picture was taken.
            TransferTimeout: no end within the budget. If the shot ends later, it will be here before the next.
            RemoteProtocolError: the records of the shot make no sense, for instance a size beyond any picture's. They are read again
                when the room is needed. A shot that cannot be addressed even then is released, as it would stop the shutter for ever.
        """
        async with self._custody.exclusively(), self.interval.given_up_on_failure(interval):
            snapped = await self._snap(mode, budget, amount=amount, hold=hold, goes_on=interval is not None)
            ids = list(snapped.states)
            if not snapped.has_picture:
                await self._custody.clear_unlisted(ids)
                raise failure(snapped.state)
            is_on_card = destination == Destination.CAMERA and await self._ring.wait_until_stored(ids)
            records = await self._ring.records()
            if not records and not is_on_card:
                await self._custody.clear_unlisted(ids)
                raise errors.CaptureFailed("the camera took the picture and has no file of it")
            files = await (self._leave_on_card(ids, records) if is_on_card else self._list_shot(snapped, records))
            if interval is not None:
                self.interval.begin(interval, len(ids), records, budget)
        await self._announce(FolderChanged(IMAGEDB))
        return files

    async def _leave_on_card(self, ids: Sequence[int], records: Sequence[Picture]) -> Sequence[PurePosixPath]:
        await self._custody.clear_unlisted(ids)
        return [PurePosixPath("card", "DCIM", safe_name(each.path), safe_name(each.name)) for each in records]

    async def _list_shot(self, snapped: Snapped, records: Sequence[Picture]) -> Sequence[ImageKey]:
        # what does not go with this shot yet, such as an entry that shows nothing and may become a file, is looked at before the next
        shown = {image_id: state for image_id, state in snapped.states.items() if state != CaptureState.CLEARED}
        claimed, own = identity.claimable(shown, records, ())
        exposure = self._custody.list_exposure(claimed, own, snapped.given_ns)
        self._ring.may_hold_unlisted = len(claimed) < len(shown)
        return [file.key for file in exposure.files]

    async def bring_in_interval(self) -> None:
        """Bring in what the body's interval timer has taken since the last look.

        Raises:
            StoreFull: there is no room for it; it stays in the camera.
            CameraError: the camera does not answer.
        """
        async with self._custody.exclusively():
            await self.interval.look()

    def end_bulb(self) -> None:
        """End a bulb exposure now."""
        self._ring.end_hold()

    async def snap(self, mode: int, budget: float) -> int:
        """Give a command of SnapCommand that takes no picture: drive the focus. Whatever entry it makes is cleared.

        Raises:
            FocusFailed, CaptureFailed: it did not succeed.
            StoreFull: a shot that is in the way finds no room on this computer.
            TransferTimeout: no end within the budget.
        """
        async with self._custody.exclusively():
            snapped = await self._snap(mode, budget)
            await self._custody.clear_unlisted(list(snapped.states))
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
        await self.interval.stop()
        async with self._custody.exclusively():
            await self._custody.make_room()
            await self.interval.look()

    async def rescue(self) -> None:
        """Bring what a previous program left in the camera into the spool, each shot once, and release it.

        Raises:
            StoreFull: it finds no room. It is listed, and can be read as long as the camera keeps it.
            CameraError: the camera does not answer.
        """
        self._ring.may_hold_unlisted = True
        await self.save()
        for name in [file.key.name for file in self._listed.files.values() if file.state is FileState.SAFE]:
            await self._spool.drop_partials_of(name)
        self._listed.follow_spool()
        await self._announce(FolderChanged(IMAGEDB))

    def note_contact_lost(self) -> None:
        """Note that contact with the camera was lost. It may have been switched off, and may have been in other hands."""
        self._custody.note_contact_lost()
        self.interval.note_contact_lost()

    def note_emptied(self) -> None:
        """Note that the camera's ring is empty: it was switched off, or has left remote control. What was only there is lost."""
        self._custody.note_emptied()
        self.interval.note_contact_lost()
        self._movies.note_emptied()

    def note_unlisted(self) -> None:
        """Note that there may be an entry that nobody here knows."""
        self._ring.may_hold_unlisted = True

    async def clear_entry(self, image_id: int) -> None:
        """Clear one entry because the user says so. What only the camera holds of its shot is brought into the spool before.

        Raises:
            Busy: the file of an older entry has to be fetched first.
            StoreFull: the shot finds no room; nothing is cleared.
        """
        async with self._custody.exclusively():
            pending = (await self._ring.status()).pending()
            if image_id in pending:
                if image_id not in await self._custody.claim(pending):
                    raise errors.Busy("an older entry has to be cleared first")
                await self._custody.bring_in([each for each in self._custody.exposures if image_id in each.ids])
            await self._custody.clear([image_id])

    # ------------------------------------------------------------------ movies

    async def start_movie(self, with_af: bool = False) -> None:
        """Start to record a movie, to the card.

        Raises:
            NotPermitted: the camera is not in capture-mode cine.
        """
        async with self._custody.exclusively():
            if not self.recording:
                self.interval.check_over()
                is_on_card = await self._movies.check_mode()
                room = await self._custody.make_room()
                await self._movies.start(room.tail, is_on_card, with_af)

    async def stop_movie(self) -> None:
        """Stop recording and wait until the footage is on the card. Its entry is cleared unless the movie is listed here.

        Raises:
            CaptureFailed: the camera reports a failure.
            TransferTimeout: no end in time; the camera has been told to stop.
        """
        async with self._custody.exclusively():
            try:
                status = await self._movies.stop()
            except NotDone as error:
                await self._custody.clear_blank(error.status)
                raise
            if status is None:
                return
            ids = list(status.pending())
            if has_failed(status.state):
                await self._custody.clear(ids)
                raise failure(status.state)
            movie = await self._movies.record_to_list()
            if movie is None:
                await self._custody.clear(ids)
                return
            self._custody.list_exposure(ids, [movie], time.time_ns())
        await self._announce(FolderChanged(IMAGEDB))

    async def read_movie(self, offset: int, size: int) -> bytes | memoryview:
        """Send GetPartialMovieFile with its only harmless parameters, if it is certain now that there is a movie.

        Raises:
            Refused: it may take the camera off the bus.
            InvalidValue, RemoteProtocolError: see `Movies.read`.
        """
        async with self._custody.exclusively():
            for exposure in self._custody.exposures:
                for file in exposure.files:
                    if file.is_movie:
                        return await self._movies.read(file, offset, size)
        raise errors.Refused("the camera holds no movie that can be read")

    async def _read_movie(self, file: ShotFile, offset: int, end: int) -> bytes:
        pieces: list[bytes | memoryview] = []
        while offset < end:
            async with self._custody.exclusively():
                piece = await self._movies.read(file, offset, min(end - offset, PIECE))
            pieces.append(piece)
            offset += len(piece)
        return b"".join(pieces)

    async def _snap(
        self, mode: int, budget: float, *, amount: int = 1, hold: float | None = None, goes_on: bool = False
    ) -> Snapped:
        """Make room, give the command once, and wait for the end of all entries that it makes.

        Raises:
            Busy: a movie is being recorded, or the interval timer runs.
            TransferTimeout: no end within the budget. Entries that nothing happens to are cleared, others stay.
        """
        if self.recording:
            raise errors.Busy("a movie is being recorded")
        self.interval.check_over()
        room = await self._custody.make_room()
        try:
            return await self._ring.snap(mode, room.tail, budget, amount=amount, hold=hold, goes_on=goes_on)
        except NotDone as error:
            await self._custody.clear_blank(error.status)
            raise

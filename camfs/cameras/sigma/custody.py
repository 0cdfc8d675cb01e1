"""The order in which a shot changes hands: from the camera's ring into the spool, and only then out of the ring.

The camera keeps each shot as entries of a ring (`ring`) until they are cleared, and an entry that is not cleared stops the next shot
without an error. CloseApplication, ConfigApi and the power switch empty the ring. So a shot is in one of three places, and a file of it
is listed once, whichever that is::

    capture ──► CAMERA ──all its files are safe──► BOTH ──its entries are cleared──► SPOOL ──rm──► gone
                  │                                                                    ▲
                  └──switched off──► lost, but for what was read of it: partial-NAME ──┘

- CAMERA: its files are read from the camera, and what was read is kept in a partial file of the spool;
- BOTH: all its files are whole in the spool and synchronised to the disk, and its entries are not cleared yet;
- SPOOL: its entries are cleared.

**An entry is never cleared before the bytes of its shot are safe here.** Only `clear` clears entries, oldest first, and it asserts this
rule. Its callers hold the one lock (`exclusively`), and have brought the files in before. What somebody removed or damaged in the spool
since then is brought in again: from BOTH a shot goes back to CAMERA, as long as none of its entries is cleared. These entries alone are
cleared although their bytes are not here:

- those that hold no picture, or none that the camera can give out: they would stop the shutter for ever;
- those of shots for the card alone, once the camera has written them there, and of movies, which are on the card;
- those of files that the user deleted.

Only the user removes a file from the spool; one that the disk has damaged is set aside there. If the shot of a file that the user removes
is still in the camera, its other files are brought into the spool and its entries cleared before that file goes. So a program that is
killed at any point leaves each shot in one of the three places. The next program finds what the camera still holds as entries that it does
not know (`claim`). It compares them with the spool's files of the same name and size, and brings in what is none of those.

Addresses, names and ids are used again for other shots. So contact that was lost puts every exposure in doubt (`note_contact_lost`), and
the lock is not given to anybody who needs the camera before each is confirmed or given up as lost (`_confirm`). Who has the lock at that
moment lists nothing and clears nothing any more (`_check_contact`). `identity` has the rules.
"""

import itertools
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import trio

from camfs import errors
from camfs.cameras.api import Change, FolderChanged
from camfs.cameras.sigma import identity
from camfs.cameras.sigma.exposure import Exposure, FileEvent, FileState, ShotFile, Unconfirmed
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.cameras.sigma.ring import Ring
from camfs.cameras.sigma.shot_list import ShotList
from camfs.cameras.tethered.shot_key import IMAGEDB
from camfs.cameras.tethered.spool import Spool
from camfs.protocols.sigma.codes import CaptureState
from camfs.protocols.sigma.records import CaptureStatus, Movie, Picture

log = logging.getLogger(__name__)

ROUNDS = 4
"""How often the same entries are cleared before it is an error that they stay."""


class Custody:
    """The exposures whose entries in the ring are not cleared, and the one lock for all that changes them.

    Args:
        operations: the camera's.
        ring: its ring.
        spool: where shots wait on this computer.
        listed: the files that the user sees.
        announce: called with what changed in the folder.

    Attributes:
        exposures: oldest first.
        lost_names: pictures that only the camera held when it was switched off.
    """

    def __init__(
        self,
        operations: SigmaOperations,
        ring: Ring,
        spool: Spool,
        listed: ShotList,
        announce: Callable[[Change], Awaitable[None]],
    ) -> None:
        self.exposures: list[Exposure] = []
        self.lost_names: list[str] = []
        self._operations = operations
        self._ring = ring
        self._spool = spool
        self._listed = listed
        self._announce = announce
        self._lost: list[ShotFile] = []
        self._lock = trio.Lock()
        self._contacts_lost = self._contacts_lost_before = 0

    def locked(self) -> bool:
        """Say whether somebody has the lock."""
        return self._lock.locked()

    @asynccontextmanager
    async def exclusively(self, with_camera: bool = True) -> AsyncIterator[None]:
        """Be the only one who makes entries, clears entries or removes files. Shots that became safe are released at the end.

        Args:
            with_camera: whether the camera is needed, so that all exposures have to be confirmed.

        Raises:
            Unconfirmed: contact with the camera was lost meanwhile.
        """
        async with self._lock:
            self._contacts_lost_before = self._contacts_lost
            if self._listed.follow_spool():
                await self._announce(FolderChanged(IMAGEDB))
            if with_camera:
                await self._confirm()
            await self._keep_lost()
            yield
            while self.exposures and self._may_release(self.exposures[0]):
                try:
                    await self.release(self.exposures[0])
                except errors.CameraError as error:
                    log.info("a shot is not released yet: %s", error)
                    break

    @staticmethod
    def _may_release(exposure: Exposure) -> bool:
        return exposure.is_confirmed and exposure.is_safe and not exposure.is_movie

    async def _confirm(self) -> None:
        """Find out which of the exposures in doubt the camera still holds; the others are lost.

        Raises:
            CameraError: the camera does not answer, or is not under remote control. They stay in doubt.
        """
        doubted = [exposure for exposure in self.exposures if not exposure.is_confirmed]
        if not doubted:
            return
        pending = (await self._ring.status()).pending()
        try:
            records = await self._ring.records() if pending else ()
        except errors.RemoteProtocolError as error:
            log.warning("the camera does not say which shots it holds: %s", error)
            records = ()
        for exposure in doubted:
            is_same = set(exposure.ids) <= set(pending) and await identity.is_same(exposure, records, self._spool)
            self._check_contact()
            if is_same:
                exposure.is_confirmed = True
            else:
                self._lose(exposure)

    def note_contact_lost(self) -> None:
        """Note that contact with the camera was lost. It may have been switched off, and may have been in other hands."""
        self._contacts_lost += 1
        for exposure in self.exposures:
            exposure.is_confirmed = False

    def _check_contact(self) -> None:
        """See that contact was not lost since the lock was given.

        Raises:
            Unconfirmed: it was, and whatever was learnt of the camera may not be true any more.
        """
        if self._contacts_lost != self._contacts_lost_before:
            raise Unconfirmed(
                "contact with the camera was lost meanwhile; what it holds is looked at again at the next need"
            )

    def note_emptied(self) -> None:
        """Note that the camera's ring is empty: it was switched off, or has left remote control. What was only there is lost."""
        for exposure in list(self.exposures):
            self._lose(exposure)
        self._ring.may_hold_unlisted = False

    async def clear(self, ids: Sequence[int]) -> None:
        """Clear entries, oldest first: nothing else does. If it fails or is cancelled, the entries before are cleared.

        Files that were safe and are not any more, as somebody removed the spool, are brought in again first.

        Raises:
            Unconfirmed: contact was lost: these may be other entries.
            StoreFull: there is no room for files that have to be brought in again.
        """
        exposures = [exposure for exposure in self.exposures if not set(ids).isdisjoint(exposure.ids)]
        for exposure in exposures:
            if [file for file in exposure.files if await file.is_spoiled()]:
                await self.bring_in([exposure])
        assert all(exposure.is_safe or exposure.is_movie for exposure in exposures)
        for exposure in exposures:
            await exposure.wait_for_readers()
        for image_id in tuple(ids):
            self._check_contact()
            await self._operations.clear(image_id)
            for exposure in exposures:
                if image_id in exposure.ids:
                    exposure.ids.remove(image_id)
                    exposure.is_held = False
                    if not exposure.ids:
                        self._drop(exposure)

    async def clear_unlisted(self, ids: Sequence[int]) -> None:
        """Clear the entries of a command that nothing is listed of."""
        await self.clear(ids)
        self._ring.may_hold_unlisted = False

    async def clear_blank(self, status: CaptureStatus) -> None:
        """Clear the entries of a command whose first one showed nothing to the end: that is what a blocked shutter looks like."""
        if status.state == CaptureState.CLEARED:
            await self.clear_unlisted(status.pending())

    async def release(self, exposure: Exposure) -> None:
        """Clear all entries of an exposure."""
        await self.clear(exposure.ids)
        self._drop(exposure)

    def _drop(self, exposure: Exposure) -> None:
        if exposure in self.exposures:
            self.exposures.remove(exposure)
        for file in exposure.files:
            file.exposure = None

    async def make_room(self) -> CaptureStatus:
        """Empty the camera's ring; what only the camera holds is brought into the spool first.

        Raises:
            StoreFull: it finds no room; nothing is cleared.
        """
        await self._spool.look()
        if self._listed.follow_spool():
            await self._announce(FolderChanged(IMAGEDB))
        rounds = 0
        before: Sequence[int] = ()
        while rounds < ROUNDS:
            status = await self._ring.status()
            pending = status.pending()
            if not pending:
                if self.exposures:
                    self.note_emptied()
                    await self._announce(FolderChanged(IMAGEDB))
                self._ring.note_empty()
                return status
            rounds, before = rounds + 1 if pending == before else 1, pending
            claimed = await self.claim(pending)
            await self.bring_in(self.exposures)
            await self.clear(claimed)
        raise errors.CaptureFailed("the camera's image database does not become empty")

    async def bring_in(self, exposures: Sequence[Exposure]) -> None:
        """Bring all files of exposures into the spool. A movie is on the card, and is listed no more."""
        for exposure in list(exposures):
            for file in exposure.files:
                if file.is_movie:
                    self._listed.drop(file)
                    await self._announce(FolderChanged(IMAGEDB))
                elif file.state is not FileState.REMOVED:
                    await file.bring_in()

    async def claim(self, pending: Sequence[int]) -> Sequence[int]:
        """Make an exposure of the entries that nobody here knows: of a previous program, or of a command that ended unclearly.

        Returns:
            Those of the entries that wait that belong to exposures now, from the oldest to the first that does not.
        """
        for exposure in list(self.exposures):
            held = [image_id for image_id in exposure.ids if image_id in pending]
            exposure.is_held, exposure.ids = exposure.is_held and held == exposure.ids, held
            if not exposure.ids:  # cleared, although the camera's answer did not come
                self._lose(exposure)
        known = {image_id for exposure in self.exposures for image_id in exposure.ids}
        unknown = [image_id for image_id in pending if image_id not in known]
        if unknown:
            states, records = await self._ring.pictures_of(unknown)
            files = [file.record for exposure in self.exposures for file in exposure.files]
            listed = [record for record in files if isinstance(record, Picture)]
            older = listed if pending[0] in known else []
            claimed, own = identity.claimable(states, identity.unlisted(records, listed), older)
            new = [record for record in own if not await identity.is_in_spool(self._operations, self._spool, record)]
            if claimed:
                self.list_exposure(claimed, new, time.time_ns())
                known.update(claimed)
            if new:
                await self._announce(FolderChanged(IMAGEDB))
        return list(itertools.takewhile(lambda image_id: image_id in known, pending))

    def _lose(self, exposure: Exposure) -> None:
        """Note that the camera does not hold an exposure any more. What is safe of it stays."""
        self.exposures.remove(exposure)
        for file in exposure.files:
            file.exposure = None
            if file.state in (FileState.IN_CAMERA, FileState.UNSPOOLED) and not file.is_movie:
                log.warning("%s: the camera was switched off or in other hands before it was fetched", file.key.name)
                self.lost_names.append(file.key.name)
            file.note(FileEvent.EMPTIED)
            if file.state is FileState.LOST:
                self._listed.drop(file)
                self._lost.append(file)

    async def _keep_lost(self) -> None:
        """Keep what was read of files that the camera no longer has."""
        lost, self._lost = self._lost, []
        for file in lost:
            await file.keep_beginning()
        if lost:
            self._listed.follow_spool()
            await self._announce(FolderChanged(IMAGEDB))

    def list_exposure(self, ids: Sequence[int], records: Sequence[Picture | Movie], mtime_ns: int) -> Exposure:
        """List an exposure that has these entries and files.

        Raises:
            Unconfirmed: contact was lost: the camera may not hold it.
        """
        self._check_contact()
        exposure = Exposure(list(ids))
        self.exposures.append(exposure)
        for record in records:
            others = itertools.chain(self._lost, *(each.files for each in self.exposures))
            self._listed.add(record, mtime_ns, exposure, {file.key.name for file in others})
        return exposure

"""The folder `imagedb` of a body that hands shots over one by one: received whole, made safe, and only then let go by the body.

The order in which a shot changes hands, and where it is if a program is killed at that step::

    ShotWaits ─► described ─► its bytes into a partial file ─► fsync, named, fsync of the folder ─► listed ─► let go by the body
    └──────────────── in the body ────────────────────────────────────────┘ └───── here, and in the body ───────┘ └ here ─►

**A shot is let go only after `PartialFile.finish` has returned**: its bytes, its name and its folder are on the disk (`spool`).
`_hand_over` is the one place where that happens, for all makers. What failed is tried again before the next shot is taken, before the
body is given back, and at the end. A shot that is safe here and could not be let go is not received again; the body is asked once more
to let it go, as it may give the next one the same handle.

What a body holds ends with its PTP session on some makers' bodies, and with its power on all. Then the names of what was not fetched are
told (`lost_names`), in `.status` and in the log.
"""

import itertools
import logging
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import trio

from camfs import errors
from camfs.cameras.api import Change, Entry, FolderChanged, Key, Usage
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.tethered.body import Body, Keep, WaitingShot
from camfs.cameras.tethered.file_names import safe_name
from camfs.cameras.tethered.shot_key import IMAGEDB, ImageKey
from camfs.cameras.tethered.spool import Spool

log = logging.getLogger(__name__)

PIECE = 1 << 20
"""Bytes read of the card at once."""

ROOM = 256 << 20
"""Bytes that have to be free on the spool's disk before a shot for this computer is taken: twice the largest picture of any body."""


SPARE = 1 << 20
"""Bytes that have to be free beside those of a shot that reading removes, for names and digests."""


class ShotFolder:
    """The folder `imagedb`, and the shots that wait in the body.

    Args:
        body: hands the shots over.
        spool: keeps them.
        announce: is awaited with what changed in the folder.

    Attributes:
        lost_names: shots that only the body held when its session ended or it was switched off.
    """

    def __init__(self, body: Body, spool: Spool, announce: Callable[[Change], Awaitable[None]]) -> None:
        self.lost_names: list[str] = []
        self._body = body
        self._spool = spool
        self._announce = announce
        self._keys: dict[str, ImageKey] = {}
        self._numbers = itertools.count(1)
        self._waiting: list[int] = []
        self._safe: list[WaitingShot] = []
        self._sessions_lost = 0
        self._lock = trio.Lock()

    async def open(self, *, is_wanted: bool) -> None:
        """See what waits here since the last time.

        Args:
            is_wanted: somebody has named the folder, and wants his shots there. Otherwise nothing is made on the disk, and trouble with it
                does not keep the camera unmounted: most shots go to the card.

        Raises:
            Refused: no shots can be kept in the folder that was named.
        """
        if is_wanted or self._spool.is_there():
            try:
                await self._spool.open()
            except errors.Refused as error:
                if is_wanted:
                    raise
                log.warning("%s", error)
        self._follow_spool()

    async def aclose(self) -> None:
        """Let go of the spool."""
        await self._spool.aclose()

    # ------------------------------------------------------------------ the folder

    def _follow_spool(self) -> bool:
        """List the files of the spool and no others; return whether the list has changed."""
        before = list(self._keys)
        for name in list(self._keys):
            if name not in self._spool.files:
                del self._keys[name]
        for name in self._spool.files:
            if name not in self._keys:
                self._keys[name] = ImageKey(name, next(self._numbers))
        return before != list(self._keys)

    def list(self) -> Sequence[ImageKey]:
        """List the files' keys."""
        return list(self._keys.values())

    def _check(self, key: Key) -> ImageKey:
        if not isinstance(key, ImageKey) or self._keys.get(key.name) != key:
            raise errors.NotFound("this file is not in imagedb any more")
        return key

    def describe(self, key: Key) -> Entry:
        """Describe a file.

        Raises:
            NotFound: it is not here any more.
        """
        own = self._check(key)
        stored = self._spool.files[own.name]
        return Entry(
            own,
            own.name,
            str(own.number),
            False,
            stored.size,
            mtime_ns=stored.mtime_ns,
            is_picture=True,
            is_local=True,
        )

    async def read(self, entry: Entry, offset: int, size: int) -> bytes:
        """Read from a file.

        Raises:
            NotFound: it is not here any more.
            Refused: it was damaged on the disk, and is set aside.
        """
        name = self._check(entry.key).name
        try:
            return await self._spool.read(name, offset, size)
        finally:
            if self._follow_spool():
                await self._announce(FolderChanged(IMAGEDB))

    async def remove(self, entry: Entry) -> None:
        """Delete a file for the user. The body does not hold it any more, or has been told to let it go."""
        await self._spool.remove(self._check(entry.key).name)
        self._follow_spool()
        await self._announce(FolderChanged(IMAGEDB))

    async def usage(self) -> Usage:
        """Measure the room on the disk where the spool is or would be."""
        total, free = await self._spool.run(_room, self._spool.folder)
        return Usage(total, free, len(self._keys))

    async def copy(self, ptp: PtpCamera, key: Key) -> ImageKey:
        """Copy a file of the card into the folder.

        Raises:
            StoreFull: there is no room; the file stays on the card.
        """
        found = await ptp.describe(key, None)
        if found is None:
            raise errors.NotFound("the picture is not on the card any more")
        entry = await ptp.measure(found, reading=True)

        async def read(keep: Keep) -> int:
            at = 0
            while at < entry.size and (piece := await ptp.read(entry, at, min(PIECE, entry.size - at))):
                await keep(at, piece)
                at += len(piece)
            return at

        try:
            name = await self._store(entry.name, entry.size, entry.mtime_ns, read, keeps_beginning=False)
        finally:
            await ptp.release(entry)
        self._follow_spool()
        await self._announce(FolderChanged(IMAGEDB))
        return self._keys[name]

    # ------------------------------------------------------------------ shots that wait in the body

    @property
    def unsaved(self) -> int:
        """How many shots only the body holds, as far as is known."""
        return len(self._waiting)

    @property
    def trouble(self) -> str:
        """Why no shot could be kept on this computer when that was last tried; empty if it could."""
        return self._spool.trouble

    @property
    def unusable(self) -> Sequence[str]:
        """What lies in the spool and is not offered, and why."""
        return [f"{self._spool.folder / name} ({reason})" for name, reason in sorted(self._spool.unusable.items())]

    async def check_room(self) -> None:
        """See that there is room for a shot.

        Raises:
            StoreFull: there is not.
            Refused: shots cannot be kept on this computer.
        """
        await self._spool.open()
        if self._follow_spool():
            await self._announce(FolderChanged(IMAGEDB))
        _, free = await self._spool.usage()
        if free < ROOM:
            raise errors.StoreFull(
                f"{self._spool.folder} has {free >> 20} MiB left, and a shot for this computer may need {ROOM >> 20}"
            )

    async def _check_room_for(self, shot: WaitingShot) -> None:
        """See that there is room for a shot which the body forgets as soon as it is read.

        Raises:
            StoreFull: there is not.
        """
        await self._spool.look()
        _, free = await self._spool.usage()
        if free < shot.size + SPARE:
            raise errors.StoreFull(
                f"{self._spool.folder} has {free >> 20} MiB left; {shot.name} has {shot.size >> 20}, and stays in the camera"
            )

    def note_waiting(self, handle: int) -> None:
        """Note that a shot waits in the body. The same handle again is another shot, as each is told once."""
        self._waiting.append(handle)

    def note_emptied(self) -> None:
        """Note that the body holds no shots any more: its session ended, or it was switched off."""
        for handle in list(self._waiting):
            self._note_lost(handle, "the camera has let it go")
        self._safe.clear()

    def note_session_lost(self) -> None:
        """Note that the PTP session was opened again: handles may mean other shots, and none is let go by what was known of it."""
        self._sessions_lost += 1
        self._safe.clear()

    def _note_lost(self, handle: int, reason: str) -> None:
        self._waiting.remove(handle)
        log.warning("a shot that only the camera held (0x%08X) is lost: %s", handle, reason)
        self.lost_names.append(f"0x{handle:08X}")

    async def bring_in(self, *, rescuing: bool = False) -> Sequence[ImageKey]:
        """Receive all shots that wait, each of which is let go as soon as it is safe; return the keys of their files.

        Args:
            rescuing: whether a previous program may have received some of them, so that what is here already is not kept twice.

        Raises:
            StoreFull: there is no room; the body keeps what has not come in.
            CameraError: the body does not give a shot; it is tried again at the next need.
        """
        keys = []
        async with self._lock:
            await self._let_go_of_the_safe()
            while self._waiting:
                handle = self._waiting[0]
                try:
                    key = await self._hand_over(handle, rescuing)
                except errors.NotFound as error:
                    if self._waiting[:1] != [handle]:
                        raise
                    self._note_lost(handle, str(error))
                    continue
                if key is not None:
                    keys.append(key)
        return keys

    async def _hand_over(self, handle: int, rescuing: bool) -> ImageKey | None:
        """Receive a shot, make it safe, and only then have the body let it go; None if it was here already.

        If the session was lost meanwhile, the body is not told to let go: it might be another shot, which nobody has received.
        """
        sessions_lost = self._sessions_lost
        shot = await self._body.describe_shot(handle)
        if self._body.reading_removes:
            await self._check_room_for(shot)
        name = await self._receive(shot)
        self._waiting.remove(handle)
        if sessions_lost == self._sessions_lost:
            self._safe.append(shot)
        if rescuing and (before := self._double_of(name)):
            log.info("%s is here already, as %s", name, before)
            await self._spool.remove(name)
        self._follow_spool()
        await self._announce(FolderChanged(IMAGEDB))
        await self._let_go_of_the_safe()
        return self._keys.get(name)

    async def _receive(self, shot: WaitingShot) -> str:
        """Bring a shot into the spool, synchronised; return its name there."""

        async def read(keep: Keep) -> int:
            return await self._body.read_shot(shot, keep)

        name = shot.name or f"SHOT{shot.handle & 0xFFFF:04X}"
        return await self._store(name, shot.size, shot.mtime_ns, read, keeps_beginning=self._body.reading_removes)

    async def _store(
        self,
        wanted: str,
        size: int,
        mtime_ns: int,
        read: Callable[[Keep], Awaitable[int]],
        *,
        keeps_beginning: bool,
    ) -> str:
        """Bring bytes into the spool, synchronised; return their name there. What failed half way is dropped or kept as a beginning."""
        await self._spool.look()
        name = self._spool.free_name(safe_name(wanted))
        partial = await self._spool.begin(name, size, mtime_ns or time.time_ns())
        try:
            got = await read(partial.write)
            if not got or partial.available(0, got) < got:
                raise errors.RemoteProtocolError(f"{name}: the camera did not give all bytes of the shot")
            if got != size:
                log.info("%s has %d bytes, of which the camera announced %d", name, got, size)
            await partial.finish()
        except BaseException:
            with trio.CancelScope(shield=True):
                try:
                    await (partial.keep_beginning() if keeps_beginning else partial.drop())
                except errors.Refused as error:
                    log.warning("%s", error)
            raise
        return name

    def _double_of(self, name: str) -> str | None:
        stored = self._spool.files[name]
        like = self._spool.like(name, stored.size)
        return next((each for each in like if each != name and self._spool.files[each].digest == stored.digest), None)

    async def _let_go_of_the_safe(self) -> None:
        """Have the body let go of the shots that are safe here. One that it refuses to let go is not asked for again."""
        while self._safe:
            try:
                await self._body.let_go(self._safe[0])
            except errors.Busy:
                raise
            except errors.Refused as error:
                log.warning("a shot that is safe here stays in the camera: %s", error)
            del self._safe[:1]


def _room(folder: Path) -> tuple[int, int]:
    """Return the bytes of the disk that a folder is on, and those that are free; the folder need not be there."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    disk = os.statvfs(there)
    return disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize

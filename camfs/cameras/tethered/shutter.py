"""Taking a picture with a tethered body: released in the maker's way, and waited for in the same way on all.

What is waited for is the files that the body's plan promises, on the card and here::

    what was left in the body ─► received ─► room here ─► release_shutter ─► WAITING
                                                                               │
        all promised files are there, and the body says that there are no more ┤
        (or has been silent for `QUIET` seconds)                               ├──► their keys
        fewer are there, the body says so, and is silent for `LATE` seconds ───┤
        the body says that it failed ──────────────────────────────────────────┼──► that error
        nothing, `PATIENCE` seconds after the exposure ────────────────────────┴──► its files; without any, TransferTimeout
"""

import logging
from collections.abc import Sequence

import trio

from camfs import errors
from camfs.cameras.api import Key
from camfs.cameras.ptp.capture import Shot
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.tethered.body import Body, ShotPlan
from camfs.cameras.tethered.following import Following
from camfs.cameras.tethered.shot_key import ImageKey
from camfs.cameras.tethered.shots import ShotFolder

log = logging.getLogger(__name__)

POLL = 0.1
"""Seconds between two questions while a shot is awaited."""

QUIET = 0.5
"""Seconds without news after which the files that were promised are all there are."""

LATE = 5.0
"""Seconds without news after which no more files come, though more were promised."""

PATIENCE = 70.0
"""Seconds for which a body may write a shot after its exposure, as in libgphoto2."""


class Shutter:
    """Takes one picture at a time.

    Args:
        body: takes it.
        following: brings the news.
        shots: receives those that come to this computer.
        ptp: the same camera, which knows the shot's files on the card.
    """

    def __init__(self, body: Body, following: Following, shots: ShotFolder, ptp: PtpCamera) -> None:
        self._body = body
        self._following = following
        self._shots = shots
        self._ptp = ptp
        self._received: list[ImageKey] = []
        self._failure: errors.CameraError | None = None
        self._is_complete = False
        self._newest = 0.0

    def note_received(self, keys: Sequence[ImageKey]) -> None:
        self._received += keys
        self._newest = trio.current_time()

    def note_complete(self) -> None:
        self._is_complete = True

    def note_failure(self, error: errors.CameraError) -> None:
        self._failure = error

    async def take(self, *, autofocus: bool, exposure: float | None) -> tuple[int, Sequence[Key]]:
        """Release the shutter once, and return how many pictures that gave, and the keys of their files. Called under remote control.

        Raises:
            Busy: a picture is being taken.
            StoreFull: this computer or the card has no room for it.
            FocusFailed, BufferFull, CaptureFailed, NotPermitted: the body takes none, for this reason.
            TransferTimeout: no file has appeared.
        """
        with self._ptp.shutter.expected() as shot:
            await self._clear_way()
            if await self._body.sends_here():
                await self._shots.check_room()
            self._received, self._failure, self._is_complete = [], None, False
            self._following.listener = self
            try:
                plan = await self._body.release_shutter(autofocus=autofocus, exposure=exposure)
                await self._wait(plan, shot)
                on_card = await self._ptp.shutter.keys(shot)
                if plan.copied:
                    self._received += [await self._shots.copy(self._ptp, key) for key in on_card]
            finally:
                self._following.listener = None
        return plan.pictures, [*on_card, *self._received]

    async def _clear_way(self) -> None:
        """Receive what still waits in the body: it may be in the way of the next shot. Only a full disk stops the next."""
        try:
            await self._following.ask()
        except (errors.StoreFull, errors.DeviceGone):
            raise
        except errors.CameraError as error:
            log.warning("before the next shot: %s", error)

    async def _wait(self, plan: ShotPlan, shot: Shot) -> None:
        """Wait for the files of the shot."""
        self._newest = trio.current_time()
        until = self._newest + plan.seconds + PATIENCE
        there = 0
        while True:
            await self._following.ask()
            failure = self._failure or shot.failure
            if failure is not None:
                raise failure
            now, before = trio.current_time(), there
            there = len(self._received) + len(shot.files)
            if there > before or shot.awaited:
                self._newest = now
            silent = now - self._newest
            is_complete = self._is_complete or shot.complete
            has_all = len(self._received) >= plan.here and len(shot.files) >= plan.on_card
            has_all = has_all and (there > 0 or not plan.here + plan.on_card)
            if has_all and not shot.awaited and (is_complete or silent >= QUIET):
                return
            if there and is_complete and silent >= LATE:
                log.info("the camera promised %d files and gave %d", plan.on_card + plan.here, there)
                return
            if now >= until:
                if there:
                    return
                raise errors.TransferTimeout("the camera took no picture")
            await self._following.wait_for_hint(POLL)

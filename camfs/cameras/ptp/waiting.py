"""How long a shot is waited for: as long as the camera may be exposing, and while it shows that it goes on.

Bodies expose for up to 15 minutes, and many take a dark frame of the same length after it. Few say how far they are, so the wait goes by
what can be known without disturbing an exposure. For `USUAL` seconds the camera is asked nothing. If no picture has come by then::

    the camera says                                        the wait
    CaptureComplete                                        ends
    DeviceBusy                                             goes on, `BUSY_POLL` seconds at a time, and `AFTER_BUSY` after it
    its exposure time                                      goes on to twice that time and `USUAL` seconds after the shot began
    nothing about it: bulb, or it has no such property     goes on, while it answers at all, `ALIVE_POLL` seconds at a time
    no answer                                              ends

and in any case it ends `LONGEST` seconds after the shot began.
"""

import logging
import math
from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from camfs import errors
from camfs.cameras.ptp.operations import DATASET_LIMIT
from camfs.cameras.ptp.session import Session
from camfs.cameras.ptp.settings import PropertySettings
from camfs.protocols.ptp.codes import Operation

log = logging.getLogger(__name__)

T = TypeVar("T")

USUAL = 60.0
"""Seconds within which the picture of any exposure has come that a body chooses by itself: twice the longest."""

LONGEST_EXPOSURE = 900.0
"""Seconds of the longest exposure that a body offers; a camera that tells a longer one means something else."""

LONGEST = 2 * LONGEST_EXPOSURE + USUAL
"""Seconds for which the picture of the longest exposure is waited for, with its dark frame."""

BUSY_POLL = 5.0
ALIVE_POLL = 30.0
"""Seconds until a camera is asked again."""

AFTER_BUSY = 20.0
"""Seconds within which the picture comes when the camera is no longer busy."""

EXPOSURE_TIME = "shutter-speed"


class Waiting:
    """The wait for one shot; it begins when this is made.

    Args:
        session: on which the camera is asked whether it is there.
        settings: of the camera, among which may be its exposure time.
    """

    def __init__(self, session: Session, settings: PropertySettings) -> None:
        self._session = session
        self._settings = settings
        self._begun = trio.current_time()
        self._until = self._begun + USUAL
        self._busy_at = -math.inf

    async def goes_on(self, *, complete: bool) -> bool:
        """Say whether to wait longer, at a time when no picture has come; `complete`: the camera has said that the shot is over.

        Raises:
            DeviceGone: the camera is gone.
        """
        now = trio.current_time()
        if now < self._until:
            return True
        if complete or now >= self._begun + LONGEST:
            return False
        try:
            exposure = await self._exposure_time()
        except errors.Busy:
            self._busy_at = trio.current_time()
            self._until = self._busy_at + BUSY_POLL
        except errors.DeviceGone:
            raise
        except errors.CameraError as error:
            log.info("waiting for a picture: %s", error)
            return False
        else:
            told = now + ALIVE_POLL if exposure is None else self._begun + USUAL + 2 * exposure
            self._until = max(told, self._busy_at + AFTER_BUSY)
        return trio.current_time() < self._until

    async def _exposure_time(self) -> float | None:
        """Ask for the exposure time in seconds; None if the camera answers and does not tell.

        Raises:
            Busy: the camera is busy, probably with the shot.
            CameraError: it does not answer.
        """
        if EXPOSURE_TIME in self._settings.names():
            try:
                return _seconds(await self._settings.read(EXPOSURE_TIME))
            except errors.Busy:
                raise
            except errors.Refused as error:
                log.info("exposure time: %s", error)
        await self._session.transact(Operation.GetStorageIDs, limit=DATASET_LIMIT, waits_while_busy=False)
        return None


def _seconds(text: str) -> float | None:
    """Return the seconds of an exposure time as a photographer writes it, `1/125` or `30`; None for bulb and the like."""
    whole, _, part = text.removesuffix("s").partition("/")
    try:
        seconds = float(whole) / float(part or 1)
    except (ValueError, ZeroDivisionError):
        return None
    return seconds if 0 <= seconds <= LONGEST_EXPOSURE else None


async def while_busy(seconds: float, call: Callable[[], Awaitable[T]]) -> T:
    """Make a call again while the camera answers that it is busy, for so many seconds.

    Raises:
        Busy: it stayed busy.
    """
    until = trio.current_time() + seconds
    while True:
        try:
            return await call()
        except errors.Busy:
            if trio.current_time() >= until:
                raise

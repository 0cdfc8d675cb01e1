"""Releasing the shutter: whether a shot would end by itself, how long it may take, how many there are, and who keeps them."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio

from camfs import errors
from camfs.cameras.sigma.interval import Interval
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.cameras.sigma.settings import Settings
from camfs.protocols.apex import BULB, COUNTS, SHUTTER
from camfs.protocols.sigma.codes import Destination
from camfs.protocols.sigma.datasets import Dataset
from camfs.protocols.sigma.values import CINE, INTERVAL, SELF_TIMERS, SINGLE

log = logging.getLogger(__name__)

CAPTURE_BUDGET = 30.0
"""Seconds for a shot to be made, on top of twice its exposure, as the dark frame doubles it
(camfs/protocols/sigma/README.md, "Image database and capture")."""

LONGEST = 30.0
"""Seconds of the longest exposure that a body chooses by itself."""

MOST_AT_ONCE = 10
"""Pictures of one SnapCommand: with two files each they fit into the ring of 29 entries."""

RESTORE_TIME = 10.0
"""Seconds for setting the shutter speed back after a bulb exposure."""


@dataclass(frozen=True)
class ShotPlan:
    """What to expect of a shot.

    Attributes:
        budget: seconds that it may take; of a bulb exposure, after its end.
        destination: DestToSave of group 3.
        amount: pictures that the command asks for.
        hold: seconds after which a bulb exposure is ended; None for any other.
        interval: what the body's interval timer goes on with after it; None if it is not used.
    """

    budget: float
    destination: int = Destination.UNSET
    amount: int = 1
    hold: float | None = None
    interval: Interval | None = None


async def plan_shot(operations: SigmaOperations, count: int = 1, exposure: float | None = None) -> ShotPlan:
    """Read the settings that decide about the next shot.

    Args:
        operations: the camera's.
        count: how many pictures are wanted.
        exposure: seconds of a bulb exposure; None for any other.

    Raises:
        NotPermitted: it would not end, or the camera takes no pictures in this mode.
    """
    group1, group2, group3 = [
        await operations.read(group) for group in (Dataset.GROUP1, Dataset.GROUP2, Dataset.GROUP3)
    ]
    speed, drive, saved = group1.get("ShutterSpeed"), group2.get("DriveMode"), group3.get("DestToSave")
    if (speed == BULB) != (exposure is not None):
        raise errors.NotPermitted(
            "shutter-speed is bulb: the exposure would not end; write 'bulb SECONDS' to .capture"
            if speed == BULB
            else "shutter-speed is not bulb: the exposure cannot be ended"
        )
    if (await operations.read(Dataset.MOVIE)).get("CaptureMode") == CINE:
        raise errors.NotPermitted("pictures are taken in capture-mode still; the camera is in cine")
    destination = saved if isinstance(saved, int) else Destination.UNSET
    timer = SELF_TIMERS.get(drive, 0.0) if isinstance(drive, int) else 0.0
    if exposure is not None:
        if drive == INTERVAL:
            raise errors.NotPermitted("drive-mode is interval: a bulb exposure is one picture")
        return ShotPlan(CAPTURE_BUDGET + exposure, destination, hold=timer + exposure)
    exposed = 2 ** ((SHUTTER.zero - speed) / COUNTS) if isinstance(speed, int) and speed else LONGEST
    amount = min(count, MOST_AT_ONCE) if drive == SINGLE else 1
    return ShotPlan(
        CAPTURE_BUDGET + amount * 2 * exposed + timer,
        destination,
        amount,
        interval=await _interval(operations) if drive == INTERVAL else None,
    )


async def _interval(operations: SigmaOperations) -> Interval | None:
    """Return what the interval timer is set to, as far as the camera says."""
    group = await operations.read(Dataset.GROUP5)
    seconds, frames = group.get("IntervalSeconds"), group.get("IntervalFrames")
    return Interval(seconds, frames) if isinstance(seconds, int) and isinstance(frames, int) else None


@asynccontextmanager
async def shutter_at_bulb(settings: Settings) -> AsyncIterator[None]:
    """Set the shutter speed to bulb while the block runs, and back afterwards.

    Raises:
        NotPermitted: the camera does not accept it: it has bulb in exposure-mode manual only.
    """
    try:
        before = await settings.read("shutter-speed")
    except errors.NoData:
        before = ""
    if before == "bulb":
        yield
        return
    await settings.change("shutter-speed", "bulb")
    try:
        yield
    finally:
        with trio.move_on_after(RESTORE_TIME, shield=True):
            try:
                if before:
                    await settings.change("shutter-speed", before)
            except errors.CameraError as error:
                log.warning("shutter-speed stays at bulb: %s", error)

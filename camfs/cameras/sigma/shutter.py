"""Releasing the shutter: whether a shot would end by itself, how long it may take, and who keeps it."""

from dataclasses import dataclass

from camfs import errors
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.protocols.apex import BULB, COUNTS, SHUTTER
from camfs.protocols.sigma.codes import Destination
from camfs.protocols.sigma.datasets import Dataset
from camfs.protocols.sigma.values import CINE, INTERVAL, SELF_TIMERS

CAPTURE_BUDGET = 30.0
"""Seconds for a shot to be made, on top of twice its exposure, as the dark frame doubles it
(camfs/protocols/sigma/README.md, "Image database and capture")."""

LONGEST = 30.0
"""Seconds of the longest exposure that a body chooses by itself."""


@dataclass(frozen=True)
class ShotPlan:
    """What to expect of a shot: the seconds that it may take, and its destination, DestToSave of group 3."""

    budget: float
    destination: int


async def plan_shot(operations: SigmaOperations) -> ShotPlan:
    """Read the settings that decide about the next shot.

    Raises:
        NotPermitted: it would not end, or the camera takes no pictures in this mode.
    """
    group1, group2, group3 = [
        await operations.read(group) for group in (Dataset.GROUP1, Dataset.GROUP2, Dataset.GROUP3)
    ]
    speed, drive, destination = group1.get("ShutterSpeed"), group2.get("DriveMode"), group3.get("DestToSave")
    if speed == BULB:
        raise errors.NotPermitted("shutter-speed is bulb: the exposure would not end")
    if (await operations.read(Dataset.MOVIE)).get("CaptureMode") == CINE:
        raise errors.NotPermitted("pictures are taken in capture-mode still; the camera is in cine")
    exposure = 2 ** ((SHUTTER.zero - speed) / COUNTS) if isinstance(speed, int) and speed else LONGEST
    budget = CAPTURE_BUDGET + 2 * exposure + (SELF_TIMERS.get(drive, 0.0) if isinstance(drive, int) else 0.0)
    if drive == INTERVAL:
        budget += await _interval_time(operations)
    return ShotPlan(budget, destination if isinstance(destination, int) else Destination.UNSET)


async def _interval_time(operations: SigmaOperations) -> float:
    """Return the seconds from the first to the last picture of the interval timer.

    Raises:
        NotPermitted: there is no last one.
    """
    group = await operations.read(Dataset.GROUP5)
    seconds, frames = group.get("IntervalSeconds"), group.get("IntervalFrames")
    if not isinstance(seconds, int) or not isinstance(frames, int):
        return 0
    if not frames:
        raise errors.NotPermitted("interval-timer is endless: the shooting would not end")
    return float(seconds * (frames - 1))

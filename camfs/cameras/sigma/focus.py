"""Driving the focus: the autofocus once, or the motor to a position (camfs/protocols/sigma/README.md, "Driving focus")."""

from collections.abc import Awaitable
from typing import Protocol

import trio

from camfs import errors
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.cameras.sigma.settings import Settings
from camfs.protocols.sigma.codes import SnapMode
from camfs.protocols.sigma.datasets import Dataset, Values
from camfs.protocols.sigma.settings import SETTINGS
from camfs.protocols.sigma.values import MANUAL_FOCUS

POSITION_RANGE = 658
"""Tag of CanSetInfo5: the lowest and the highest position of this lens at this focal length."""

AF_BUDGET = 10.0
"""Seconds for the autofocus to end."""

MOTOR_BUDGET = 15.0
"""Seconds for the motor to come to rest."""

START_TIME = 0.3
"""Seconds that the motor has to begin to move: a write is answered in half a millisecond, before it does."""

POLL = 0.05
"""Seconds between two looks at the motor."""

TOLERANCE = 12
"""Counts by which a position may be missed: six were seen, of a range of some five thousand."""


class Snaps(Protocol):
    """Runs SnapCommand to its end; see `imagedb.ImageFolder`."""

    def snap(self, mode: SnapMode, budget: float) -> Awaitable[object]:
        """Send it once, wait for its final state, and raise failures."""


class Focus:
    """The focus, while the computer has control; the caller sees to that.

    Args:
        operations: the vendor operations.
        settings: the settings, which driving the focus changes.
        snaps: runs the autofocus.
    """

    def __init__(self, operations: SigmaOperations, settings: Settings, snaps: Snaps) -> None:
        self._operations = operations
        self._settings = settings
        self._snaps = snaps

    async def text(self) -> str:
        """Return mode, state, position and range, a line each, as far as the camera tells them."""
        values = await self._operations.read(Dataset.FOCUS)
        lines = {"mode": SETTINGS["focus-mode"].read(values)} if "FocusMode" in values else {}
        if "FocusState" in values:
            lines["state"] = "moving" if values["FocusState"] else "idle"
        if "FocusPosition" in values:
            lines["position"] = str(values["FocusPosition"])
            limits = await self._range()
            if limits is not None:
                lines["range"] = f"{limits[0]}-{limits[1]}"
        return "".join(f"{name}: {value}\n" for name, value in lines.items())

    async def change(self, text: str) -> None:
        """Focus: `af` runs the autofocus once, a number drives to that position; return when it is done.

        Raises:
            FocusFailed: the autofocus found nothing.
            NotPermitted: autofocus in MF, or the motor stopped elsewhere.
            InvalidValue: neither.
        """
        if text == "af":
            await self._autofocus()
        elif text.isascii() and text.isdecimal():
            await self.drive_to(int(text))
        else:
            raise errors.InvalidValue(f"{text!r}: write af, or a position")

    async def _autofocus(self) -> None:
        values = await self._operations.read(Dataset.FOCUS)
        if values.get("FocusMode") == MANUAL_FOCUS:
            mode = SETTINGS["focus-mode"].read(values)
            raise errors.NotPermitted(f"the camera does not focus by itself (focus-mode is {mode})")
        try:
            await self._snaps.snap(SnapMode.AF_DRIVE_ONLY, AF_BUDGET)
        finally:
            self._settings.invalidate()

    async def drive_to(self, position: int) -> None:
        """Drive the motor to a position; the camera is in MF afterwards, as it would focus again otherwise.

        Raises:
            NotSupported: this firmware, or this lens, has no positions.
            InvalidValue: outside the lens's range.
            NotPermitted: the motor came to rest elsewhere.
            TransferTimeout: it does not come to rest.
        """
        values = await self._operations.read(Dataset.FOCUS)
        if "FocusPosition" not in values:
            raise errors.NotSupported("this firmware cannot drive the focus to a position; fp 5.00 and fp L 3.00 can")
        limits = await self._range()
        if limits is None:
            raise errors.NotSupported("the camera names no focus positions for this lens")
        if not limits[0] <= position <= limits[1]:
            raise errors.InvalidValue(f"focus position {position} is not within {limits[0]}-{limits[1]}")
        # the write that leaves AF sets the mode and drops the position: then it is written once more
        for _ in range(2):
            await self._settings.write(
                Dataset.FOCUS, {"FocusMode": MANUAL_FOCUS, "AFLock": 0, "PreConstAF": 0, "FocusPosition": position}
            )
            rest = await self._at_rest(position)
            if _is_near(rest, position):
                return
        raise errors.NotPermitted(f"focus: the camera kept position {rest.get('FocusPosition')!r}")

    async def _range(self) -> tuple[int, int] | None:
        limits = (await self._operations.can_set()).numbers(POSITION_RANGE)
        return (limits[0], limits[1]) if limits is not None and len(limits) >= 2 else None

    async def _at_rest(self, position: int) -> Values:
        """Wait until the motor rests at this position, or rests after it had the time to begin; return what was read last."""
        begun = trio.current_time()
        while True:
            values = await self._operations.read(Dataset.FOCUS)
            waited = trio.current_time() - begun
            if not values.get("FocusState") and (_is_near(values, position) or waited >= START_TIME):
                return values
            if waited >= MOTOR_BUDGET:
                raise errors.TransferTimeout(f"the focus did not come to rest in {MOTOR_BUDGET:g} s")
            await trio.sleep(POLL)


def _is_near(values: Values, position: int) -> bool:
    where = values.get("FocusPosition")
    return isinstance(where, int) and abs(where - position) <= TOLERANCE

"""Releasing a Sony's shutter by its buttons (camfs/protocols/sony/README.md, "Capture").

::

    three seconds after the handshake at least
    half pressed ─► with autofocus: D213 says found, or not ─► fully pressed ─► let go, half let go
                                                 └─► let go: FocusFailed

Without autofocus the focus mode is manual for that moment, if the body lets it; a bulb exposure has the time bulb for that moment. What
they were before is put back after the exposure, and by `restore` at the latest. All buttons are let go whatever happens.
"""

import logging
from contextlib import AsyncExitStack

import trio

from camfs import errors
from camfs.cameras.sony.operations import SonyOperations
from camfs.cameras.sony.settings import SonySettings
from camfs.cameras.sony.state import BodyState
from camfs.cameras.tethered.body import ShotPlan
from camfs.protocols.sony.codes import BULB, TO_CARD, Button, Focus, SonyProperty
from camfs.protocols.sony.settings import pictures_of, seconds_of

log = logging.getLogger(__name__)

WARM_UP = 3.0
"""Seconds after the handshake in which bodies of some models lose a shot."""

FOCUS_TIME = 3.0
"""Seconds for autofocus to find something."""

FOCUS_STEP = 0.05
"""Seconds between two looks."""

LONGEST_HOLD = 1.0
"""Seconds for which the release is held while the body still focuses, as in libgphoto2."""

MANUAL_MODE = 1
MANUAL_FOCUS = 1

FOUND = (Focus.Locked, Focus.TrackingFocused)
NOT_FOUND = (Focus.Failed, Focus.TrackingFailed)

TIMERS = {0x8003: 5.0, 0x8004: 10.0, 0x8005: 2.0, **dict.fromkeys(range(0x8008, 0x8010), 15.0)}
"""Seconds of the self-timers, by the low half of the drive mode."""

FIXED_FOCUS = "DSC-RX0"
"""How the names of bodies begin that say that focusing has failed when it has not."""


class Shutter:
    """The shutter of one body.

    Args:
        operations: of the body.
        settings: of the body.
        state: what it has told.
        model: its name.

    Attributes:
        ready_at: when the body takes pictures after the handshake.
        seems_unfocused: whether the body said at the last release that it had found no focus.
    """

    def __init__(self, operations: SonyOperations, settings: SonySettings, state: BodyState, model: str) -> None:
        self.ready_at = 0.0
        self.seems_unfocused = False
        self._operations = operations
        self._settings = settings
        self._state = state
        self._has_fixed_focus = model.startswith(FIXED_FOCUS)
        self._before: dict[int, int] = {}
        self._ends = trio.Event()

    async def release(self, *, autofocus: bool, exposure: float | None) -> ShotPlan:
        """Take a picture; see `Body.release_shutter`."""
        await self._state.ask()
        self._check_room()
        time = self._state.number(SonyProperty.ShutterSpeed)
        if exposure is None and time == BULB:
            raise errors.NotPermitted("shutter-speed is bulb: the exposure would not end")
        await trio.sleep(max(self.ready_at - trio.current_time(), 0.0))
        try:
            if exposure is not None:
                await self._set_bulb()
            if not autofocus:
                await self._set_manual_focus()
            await self._press(autofocus, exposure)
        finally:
            with trio.CancelScope(shield=True):
                await self.restore()
        seconds = exposure if exposure is not None else float(seconds_of(time or 0) or 0.0)
        here = 0 if self._state.number(SonyProperty.Destination) == TO_CARD else self._files()
        timer = TIMERS.get((self._state.number(SonyProperty.DriveMode) or 0) & 0xFFFF, 0.0)
        return ShotPlan(on_card=0, here=here, seconds=2 * seconds + timer)

    def _check_room(self) -> None:
        """See that the card has room, if the picture goes there.

        Raises:
            StoreFull: it has not.
        """
        slots = [self._state.entries.get(code) for code in (SonyProperty.FreeShots, SonyProperty.FreeShots2)]
        said = [slot.number for slot in slots if slot is not None and slot.enabled]
        if self._state.number(SonyProperty.Destination) == TO_CARD and said and not any(said):
            raise errors.StoreFull("the card has no room for a picture")

    async def _press(self, autofocus: bool, exposure: float | None) -> None:
        self.seems_unfocused = False
        async with AsyncExitStack() as pressed:
            await self._hold(pressed, Button.Half)
            focuses = self._state.number(SonyProperty.FocusMode) != MANUAL_FOCUS
            if autofocus and focuses:
                await self._await_focus()
            await self._hold(pressed, Button.Full)
            if exposure is not None:
                self._ends = trio.Event()
                with trio.move_on_after(exposure):
                    await self._ends.wait()
            elif focuses and not autofocus:
                await self._look_for_focus(LONGEST_HOLD)

    async def _hold(self, pressed: AsyncExitStack, button: Button) -> None:
        """Press a button until the end of the block. It is let go even if it is not known whether it was pressed."""
        pressed.push_async_callback(self.let_go, button)
        await self._operations.press(button, down=True)

    async def let_go(self, button: Button) -> None:
        """Let a button go; what fails is logged."""
        with trio.CancelScope(shield=True):
            try:
                await self._operations.press(button, down=False)
            except errors.CameraError as error:
                log.warning("letting the camera's button go: %s", error)

    async def _look_for_focus(self, seconds: float) -> int:
        """Wait until the body says whether it has found focus, and return what it said last."""
        until = trio.current_time() + seconds
        while True:
            await self._state.ask()
            found = self._state.number(SonyProperty.FocusFound) or 0
            if found in (*FOUND, *NOT_FOUND) or trio.current_time() >= until:
                self.seems_unfocused = found in NOT_FOUND and not self._has_fixed_focus
                return found
            await trio.sleep(FOCUS_STEP)

    async def _await_focus(self) -> None:
        found = await self._look_for_focus(FOCUS_TIME)
        if self.seems_unfocused or (found not in FOUND and not self._has_fixed_focus and self._says_focus()):
            raise errors.FocusFailed("autofocus found nothing; no picture was taken")

    def _says_focus(self) -> bool:
        return SonyProperty.FocusFound in self._state.entries

    async def focus(self) -> None:
        """Focus once.

        Raises:
            FocusFailed: autofocus found nothing.
            NotPermitted: the focus is manual.
        """
        await self._state.ask()
        if self._state.number(SonyProperty.FocusMode) == MANUAL_FOCUS:
            raise errors.NotPermitted("focus-mode is manual")
        async with AsyncExitStack() as pressed:
            await self._hold(pressed, Button.Half)
            await self._await_focus()

    def end_exposure(self) -> None:
        """End the bulb exposure, if there is one."""
        self._ends.set()

    # ------------------------------------------------------------------ what is changed for a moment

    async def _set_bulb(self) -> None:
        """Have the next exposure be a bulb exposure.

        Raises:
            NotPermitted: the dial does not allow it.
        """
        if self._state.number(SonyProperty.ShutterSpeed) == BULB:
            return
        mode = (self._state.number(SonyProperty.ExposureMode) or 0) & 0xFFFF
        if mode != MANUAL_MODE or not self._settings.is_open(SonyProperty.ShutterSpeed):
            raise errors.NotPermitted("a bulb exposure needs the camera's dial at M")
        await self._set_for_now(SonyProperty.ShutterSpeed, BULB)

    async def _set_manual_focus(self) -> None:
        code = SonyProperty.FocusMode
        if self._state.number(code) in (None, MANUAL_FOCUS) or not self._settings.is_open(code):
            return
        try:
            await self._set_for_now(code, MANUAL_FOCUS)
        except errors.Refused as error:
            log.info("for this picture: %s; the camera focuses as its own button would", error)

    async def _set_for_now(self, code: int, value: int) -> None:
        before = self._state.number(code)
        assert before is not None
        self._before.setdefault(code, before)
        await self._settings.set(code, value)

    async def restore(self) -> None:
        """Put back what was changed, the last change first. What the body refuses stays as it is."""
        while self._before:
            code, value = self._before.popitem()
            try:
                await self._state.ask()
                await self._settings.set(code, value)
            except errors.CameraError as error:
                log.warning("property 0x%04X could not be put back to %d: %s", code, value, error)

    def _files(self) -> int:
        """Return how many files the next release makes."""
        return pictures_of(self._state.number(SonyProperty.ImageQuality), self._state.number(SonyProperty.FileFormat))

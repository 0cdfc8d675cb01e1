"""Releasing an EOS body's shutter, by its remote-controlled button (camfs/protocols/canon_eos/README.md, "Capture").

    RemoteReleaseOn(half) ─► has it focused? ─► RemoteReleaseOn(full) ─► RemoteReleaseOff(full), RemoteReleaseOff(half)
                               │ no                     └ for a bulb exposure after its seconds
                               └─► RemoteReleaseOff(half): no picture

Whatever fails or is cancelled, the button is let go. Bodies without these two operations have RemoteRelease, which answers how it went.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from fractions import Fraction

import trio

from camfs import errors
from camfs.cameras.canon_eos.operations import CanonOperations
from camfs.cameras.canon_eos.settings import CanonSettings
from camfs.cameras.canon_eos.state import BodyState
from camfs.cameras.tethered.body import ShotPlan
from camfs.protocols.canon_eos.codes import Button, CanonOperation, Destination, Property, release_refusal
from camfs.protocols.canon_eos.codings import BULB_CODES, SHUTTER, number_of
from camfs.protocols.canon_eos.formats import ImageFormat
from camfs.protocols.canon_eos.words import MANUAL_FOCUS

log = logging.getLogger(__name__)

READY = 10.0
"""Seconds for which a body may be busy with the shot before."""

PRESS = 10.0
"""Seconds for the answer to a press of the button, which may take as long as autofocus does."""

FOCUS_TIME = 5.0
"""Seconds for the news of autofocus."""

UNTOLD_FOCUS_TIME = 2.0
"""The same on bodies that do not say how they tell it; then the shutter is released, as gphoto2 does."""

STEP = 0.05
"""Seconds between two questions for records."""

KEEP_ON = 5.0
"""Seconds of a long exposure after which the body is kept from switching itself off."""

MANUAL_MODE, BULB_MODE = 3, 4
TIMERS = {0x10: 10.0, 0x11: 2.0, 7: 10.0}
"""Seconds of the self-timer, by drive mode."""

DRIVE_MODE = 0xD106


class Shutter:
    """The shutter of one body.

    Args:
        operations: of the body.
        settings: of the body.
        state: what the records have told.
        keep_on: keeps the body from switching itself off.
        presses_at_once: whether the button is pressed in one go, as on EOS M and PowerShot bodies.
    """

    def __init__(
        self,
        operations: CanonOperations,
        settings: CanonSettings,
        state: BodyState,
        keep_on: Callable[[], Awaitable[None]],
        *,
        presses_at_once: bool,
    ) -> None:
        self._operations = operations
        self._settings = settings
        self._state = state
        self._keep_on = keep_on
        self._presses_at_once = presses_at_once
        self._ends = trio.Event()

    async def release(self, *, autofocus: bool, exposure: float | None) -> ShotPlan:
        """Take a picture; see `Body.release_shutter`."""
        await self._wait_until_idle()
        time_before = await self._set_bulb() if exposure is not None else None
        try:
            if exposure is None and self._is_bulb():
                raise errors.NotPermitted("shutter-speed is bulb: the exposure would not end")
            seconds = self._exposure_time() if exposure is None else exposure
            await self._release(autofocus, exposure)
        finally:
            if time_before is not None:
                with trio.CancelScope(shield=True):
                    await self._restore_time(time_before)
        files = self._files()
        destination = self._state.number(Property.CaptureDestination) or Destination.FIRST_CARD
        return ShotPlan(
            on_card=files if destination & ~Destination.COMPUTER else 0,
            here=files if destination & Destination.COMPUTER else 0,
            seconds=2 * seconds + TIMERS.get(self._state.number(DRIVE_MODE) or 0, 0.0),
        )

    async def _wait_until_idle(self) -> None:
        """Wait while the body is busy, with storing the last shot for example.

        Raises:
            Busy: it stays so.
        """
        until = trio.current_time() + READY
        await self._settings.ask()
        while self._state.is_busy:
            if trio.current_time() >= until:
                raise errors.Busy(f"the camera has been busy for {READY:g} s")
            await trio.sleep(STEP)
            await self._settings.ask()

    async def _release(self, autofocus: bool, exposure: float | None) -> None:
        if not self._operations.has(CanonOperation.RemoteReleaseOn):
            await self._release_at_once(exposure)
            return
        async with self._button(autofocus) as press:
            if self._presses_at_once:
                await press(Button.BOTH)
            else:
                await press(Button.HALF)
                if autofocus:
                    await self._await_focus()
                await press(Button.FULL)
            if exposure is not None:
                await self._hold(exposure)

    @asynccontextmanager
    async def _button(self, autofocus: bool) -> AsyncIterator[Callable[[Button], Awaitable[None]]]:
        """Give what presses the button; at the end, however that comes, what was pressed is let go, the last press first."""
        pressed: list[Button] = []

        async def press(button: Button) -> None:
            pressed.append(button)
            try:
                without_focus = 0 if autofocus else 1
                await self._operations.insist(CanonOperation.RemoteReleaseOn, button, without_focus, timeout=PRESS)
            except errors.Refused:
                if button is Button.FULL:  # half way down it still is
                    pressed.remove(button)
                raise

        self._state.forget_focus()
        try:
            yield press
        finally:
            with trio.CancelScope(shield=True):
                for button in reversed(pressed):
                    try:
                        await self._operations.insist(CanonOperation.RemoteReleaseOff, button)
                    except errors.Refused as error:
                        log.warning("letting the shutter button go: %s", error)

    async def _release_at_once(self, exposure: float | None) -> None:
        """Use RemoteRelease, or BulbStart and BulbEnd, of bodies without a remote-controlled button."""
        if exposure is not None:
            if not self._operations.has(CanonOperation.BulbStart):
                raise errors.NotSupported("this camera takes no bulb exposures under a computer's control")
            await self._operations.insist(CanonOperation.BulbStart)
            try:
                await self._hold(exposure)
            finally:
                with trio.CancelScope(shield=True):
                    await self._operations.insist(CanonOperation.BulbEnd)
            return
        if not self._operations.has(CanonOperation.RemoteRelease):
            raise errors.NotSupported("this camera takes no pictures under a computer's control")
        reply = await self._operations.insist(CanonOperation.RemoteRelease, timeout=PRESS)
        if reply.parameters[:1] not in ((), (0,)):
            raise release_refusal(reply.parameters[0])

    # ------------------------------------------------------------------ focus

    async def focus(self) -> None:
        """Focus once, by pressing the button half way.

        Raises:
            FocusFailed: autofocus found nothing.
            NotPermitted: the lens or the body is set to manual focus.
        """
        if self._state.number(Property.FocusMode) == MANUAL_FOCUS:
            raise errors.NotPermitted("the lens is set to manual focus")
        if not self._operations.has(CanonOperation.RemoteReleaseOn):
            raise errors.NotSupported("this camera does not focus without taking a picture")
        async with self._button(autofocus=True) as press:
            await press(Button.HALF)
            await self._await_focus()

    async def _await_focus(self) -> None:
        """Wait until the body says whether it has focused. One that does not say is taken to have.

        Raises:
            FocusFailed: it has not.
        """
        if self._state.number(Property.FocusMode) == MANUAL_FOCUS:
            return
        tells = self._state.number(Property.OnlineInfoVersion) is not None
        until = trio.current_time() + (FOCUS_TIME if tells else UNTOLD_FOCUS_TIME)
        while True:
            await self._settings.ask()
            if self._state.focus is False:
                raise errors.FocusFailed("autofocus found nothing to focus on; no picture was taken")
            if self._state.focus or trio.current_time() >= until:
                return
            await trio.sleep(STEP)

    # ------------------------------------------------------------------ bulb

    def _is_bulb(self) -> bool:
        mode = self._state.number(Property.ExposureMode)
        return mode == BULB_MODE or (mode == MANUAL_MODE and self._state.number(Property.ShutterSpeed) in BULB_CODES)

    async def _set_bulb(self) -> int | None:
        """Have the next exposure be a bulb exposure; return the exposure time to put back, None if that was bulb already.

        Raises:
            NotPermitted: the dial does not allow it.
        """
        if self._is_bulb():
            return None
        offered = [number_of(value) for value in self._state.offered(Property.ShutterSpeed)]
        code = next((code for code in BULB_CODES if code in offered), None)
        before = self._state.number(Property.ShutterSpeed)
        if code is None or before is None or self._state.number(Property.ExposureMode) != MANUAL_MODE:
            raise errors.NotPermitted(
                "a bulb exposure needs the dial at bulb, or at manual with bulb among shutter-speed"
            )
        await self._settings.write_number(Property.ShutterSpeed, code)
        return before

    async def _restore_time(self, code: int) -> None:
        try:
            await self._settings.write_number(Property.ShutterSpeed, code)
        except errors.CameraError as error:
            log.warning("shutter-speed stays at bulb: %s", error)

    async def _hold(self, seconds: float) -> None:
        """Keep the shutter open, until `end_exposure` at most; the body must not switch itself off meanwhile."""
        until = trio.current_time() + seconds
        self._ends = trio.Event()
        while (left := until - trio.current_time()) > 0 and not self._ends.is_set():
            with trio.move_on_after(min(left, KEEP_ON)):
                await self._ends.wait()
            if left > KEEP_ON:
                await self._keep_on()

    def end_exposure(self) -> None:
        """End the bulb exposure, if there is one."""
        self._ends.set()

    # ------------------------------------------------------------------ what to expect

    def _exposure_time(self) -> float:
        """Return the seconds of the exposure as set; 0 where the body chooses or does not say."""
        value = self._state.values.get(Property.ShutterSpeed)
        try:
            return float(Fraction(SHUTTER.decode(value))) if value is not None else 0.0
        except ValueError:
            return 0.0

    def _files(self) -> int:
        """Return how many files a shot has."""
        value = self._state.values.get(Property.ImageFormat)
        try:
            return len(ImageFormat.decode(value).parts) if value is not None else 1
        except errors.RemoteProtocolError:
            return 1

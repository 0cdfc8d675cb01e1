"""Releasing a Nikon's shutter: which operation, with what before and after it (camfs/protocols/nikon/README.md, "Capture").

    InitiateCaptureRecInMedia(autofocus or not, card or memory)      where the body has it
    AfDrive, Capture or AfCaptureSDRAM                                to the memory, on older bodies
    AfDrive, InitiateCapture                                          to the card, on older bodies

then DeviceReady until the body is ready, which is when the exposure has ended. In live view the body focuses before that by AfDrive. An
older body focuses as its autofocus mode says; for a picture without autofocus the mode is manual for that moment.

A bulb exposure needs exposure mode M and the time bulb. What they were before is put back after the exposure, and by `restore` at the
latest.
"""

import logging
from collections.abc import Sequence
from functools import partial

import trio

from camfs import errors
from camfs.cameras.nikon.operations import NOT_NOW, NikonOperations
from camfs.cameras.nikon.settings import BOTH, COMPUTER, NikonSettings
from camfs.cameras.tethered.body import ShotPlan
from camfs.cameras.tethered.not_now import while_not_now
from camfs.protocols.nikon.codes import (
    TO_CARD,
    TO_MEMORY,
    WITH_AF,
    WITHOUT_AF,
    NikonOperation,
    NikonProperty,
    NikonResponse,
)
from camfs.protocols.nikon.settings import exposure_seconds, files_of_quality
from camfs.protocols.ptp.codes import Operation, ResponseCode

log = logging.getLogger(__name__)

RELEASE_TIME = 10.0
"""Seconds for which the shutter is released again while the body cannot do it now."""

ANSWER = 100.0
"""Seconds for the answer to a release: some bodies give it when they have focused, or exposed."""

READY_TIME = 30.0
"""Seconds that a body may be busy with a shot, on top of twice its exposure, as the dark frame doubles it."""

LONGEST = 900.0
"""Seconds of the longest exposure of any body."""

FOCUS_TIME = 5.0
"""Seconds for autofocus."""

QUALITY, BURST_NUMBER, DRIVE_MODE, MODE, APEX_TIME = 0x5004, 0x5018, 0x5013, 0x500E, 0x500D

SERIES = (2, 0x8010, 0x8016, 0x8018, 0x8019)
"""Drive modes in which a release takes as many pictures as the burst number says."""

SELF_TIMER = 0x8011

TIMER = 20.0
"""Seconds of the longest self-timer."""

MANUAL_MODE = 1
BULB = 0xFFFFFFFF
TIME = 0xFFFFFFFD
MANUAL_SELECTED = 4


class Shutter:
    """The shutter of one body.

    Args:
        operations: of the body.
        settings: of the body.
    """

    def __init__(self, operations: NikonOperations, settings: NikonSettings) -> None:
        self._operations = operations
        self._settings = settings
        self._before: dict[int, int] = {}
        self._takes_one_parameter = False
        self._ends = trio.Event()

    async def release(self, *, autofocus: bool, exposure: float | None, in_live_view: bool) -> ShotPlan:
        """Take a picture; see `Body.release_shutter`."""
        await self._settings.learn()
        seconds = await self._exposure_time()
        if exposure is None and seconds is None:
            raise errors.NotPermitted("shutter-speed is bulb or time: the exposure would not end")
        to_memory = self._settings.destination == COMPUTER
        try:
            if exposure is not None:
                await self._expose(exposure, to_memory, autofocus)
                seconds = exposure
            else:
                if autofocus and in_live_view:
                    await self.focus()
                await self._release(autofocus and not in_live_view, to_memory)
            await self._operations.wait_until_ready(READY_TIME + 2 * (seconds or 0.0) + await self._timer())
        finally:
            with trio.CancelScope(shield=True):
                await self.restore()
        pictures, files = await self._pictures(), await self._files()
        return ShotPlan(
            on_card=0 if to_memory else pictures * files,
            here=pictures * files if to_memory else 0,
            pictures=pictures,
            seconds=2 * (seconds or 0.0),
            copied=self._settings.destination == BOTH,
        )

    async def _release(self, autofocus: bool, to_memory: bool) -> None:
        """Release the shutter by the best operation that the body has."""
        if self._operations.has(NikonOperation.InitiateCaptureRecInMedia):
            try:
                await self._initiate(WITH_AF if autofocus else WITHOUT_AF, TO_MEMORY if to_memory else TO_CARD)
                return
            except errors.NotSupported:
                pass
        if autofocus:
            await self.focus()
        else:
            await self._set_for_now(NikonProperty.AutofocusMode, MANUAL_SELECTED)
        if to_memory:
            operation = NikonOperation.Capture
            if not self._operations.has(operation):
                operation = NikonOperation.AfCaptureSDRAM
            await self._operations.insist(operation, WITHOUT_AF, seconds=RELEASE_TIME, timeout=ANSWER)
        else:
            await self._set_for_now(NikonProperty.RecordingMedia, TO_CARD)
            await while_not_now(
                lambda: self._operations.standard(Operation.InitiateCapture, 0, 0, timeout=ANSWER),
                NOT_NOW,
                RELEASE_TIME,
            )

    async def _initiate(self, focusing: int, target: int) -> None:
        """0x9207. A D3X refuses it unless it comes with one parameter alone, and a Nikon that must focus refuses to do without."""
        for _ in range(2):
            parameters: Sequence[int] = (focusing,) if self._takes_one_parameter else (focusing, target)
            try:
                await self._operations.insist(
                    NikonOperation.InitiateCaptureRecInMedia, *parameters, seconds=RELEASE_TIME, timeout=ANSWER
                )
                return
            except errors.Refused as error:
                if error.code == NikonResponse.WaitingForSecondRelease:
                    return  # the picture is on its way
                if error.code != ResponseCode.ParameterNotSupported or self._takes_one_parameter:
                    raise
                self._takes_one_parameter = True
                if target == TO_MEMORY:
                    await self._set_for_now(NikonProperty.RecordingMedia, TO_MEMORY)

    async def _expose(self, seconds: float, to_memory: bool, autofocus: bool) -> None:
        """Expose for so many seconds."""
        if not self._operations.has(NikonOperation.TerminateCapture):
            raise errors.NotSupported("this camera cannot end a bulb exposure by a computer's command")
        mode = await self._settings.value(MODE)
        if mode != MANUAL_MODE:
            await self._set_for_now(MODE, MANUAL_MODE, must=True)
        await self._set_for_now(APEX_TIME, BULB, must=True)
        self._ends = trio.Event()
        await self._release(autofocus, to_memory)
        try:
            with trio.move_on_after(seconds):
                await self._ends.wait()
        finally:
            with trio.CancelScope(shield=True):
                await self._operations.insist(NikonOperation.TerminateCapture, 0, 0)

    def end_exposure(self) -> None:
        """End a bulb exposure that is going on."""
        self._ends.set()

    async def focus(self) -> None:
        """Focus once.

        Raises:
            FocusFailed: autofocus found nothing.
        """
        await self._operations.insist(NikonOperation.AfDrive)
        try:
            await self._operations.wait_until_ready(FOCUS_TIME)
        except errors.Busy:
            if self._operations.has(NikonOperation.AfDriveCancel):
                await self._operations.run(NikonOperation.AfDriveCancel)
            raise errors.FocusFailed(f"autofocus did not end in {FOCUS_TIME:g} s") from None

    # ------------------------------------------------------------------ what is changed for a moment

    async def _set_for_now(self, code: int, value: int, *, must: bool = False) -> None:
        """Change a property until `restore`; it is an error that it does not change only if it must."""
        before = await self._settings.value(code)
        if before == value:
            return
        try:
            if not isinstance(before, int):
                raise errors.NotSupported(f"this camera has no property 0x{code:04X}")
            await self._settings.write(code, value)
        except errors.Refused as error:
            if must:
                raise
            log.info("for this picture: %s", error)
        else:
            self._before.setdefault(code, before)

    async def restore(self) -> None:
        """Put back what was changed, the last change first. What the body refuses stays as it is."""
        while self._before:
            code, value = self._before.popitem()
            try:
                await while_not_now(partial(self._settings.write, code, value), NOT_NOW, RELEASE_TIME)
            except errors.CameraError as error:
                log.warning("property 0x%04X could not be put back to %d: %s", code, value, error)

    # ------------------------------------------------------------------ what to expect

    async def _exposure_time(self) -> float | None:
        """Return the seconds of the next exposure as set; None for bulb and time; 0 if the body does not say."""
        for code, of in ((NikonProperty.ExposureTime, exposure_seconds), (APEX_TIME, lambda value: value / 10_000)):
            value = await self._settings.value(code)
            if isinstance(value, int):
                if value in (BULB, TIME):
                    return None
                seconds = of(value)
                return seconds if seconds is not None and seconds <= LONGEST else 0.0
        return 0.0

    async def _timer(self) -> float:
        return TIMER if await self._settings.value(DRIVE_MODE) == SELF_TIMER else 0.0

    async def _files(self) -> int:
        """Return how many files a picture has."""
        quality = await self._settings.value(QUALITY)
        if not isinstance(quality, int):
            return 1
        return files_of_quality(quality, await self._settings.offered(QUALITY))

    async def _pictures(self) -> int:
        """Return how many pictures the next release takes."""
        number = await self._settings.value(BURST_NUMBER)
        if isinstance(number, int) and number > 1 and await self._settings.value(DRIVE_MODE) in SERIES:
            return number
        return 1

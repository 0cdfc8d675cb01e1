"""A Sony body in PC Remote for the tethered driver: how it is taken and given back, what it tells, and how its shots come to this computer.

It shows no card, and does everything else only after the handshake (camfs/protocols/sony/README.md, "Handshake")::

                          Connect 1, 2, GetExtDeviceInfo, Connect 3
    the photographer's ───────────────────────────────────────────────► the computer's
                       ◄───────────────────────────────────────────────
       movie stopped, buttons let go, what was changed put back, PTP session closed (and another opened)

A picture waits in its memory under one handle, whichever it is, and **reading it removes it**. So nothing is read before there is room for
all of it here, and nothing at all unless the body says that a picture waits: else it hangs::

    D215 says n wait ─► told once each ─► described ─► room here ─► read into a file ─► synchronised
                                             │ none waits any more: lost, and told

body ─┬─ operations   what is sent, and what the answers mean
      ├─ state        what the body has last told
      ├─ settings     properties by name, written or stepped
      └─ shutter      buttons, with and without autofocus, bulb
"""

import logging
from collections.abc import Awaitable, Callable, Sequence, Set
from datetime import datetime

import trio

from camfs import errors
from camfs.cameras.api import Ability
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.sony.operations import NOT_NOW, NOT_NOW_TIME, SonyOperations
from camfs.cameras.sony.settings import SonySettings
from camfs.cameras.sony.shutter import MANUAL_FOCUS, WARM_UP, Shutter
from camfs.cameras.sony.state import BodyState
from camfs.cameras.tethered.body import (
    Keep,
    LeftControl,
    News,
    PlainBody,
    ShotComplete,
    ShotFailed,
    ShotPlan,
    ShotWaits,
    WaitingShot,
)
from camfs.cameras.tethered.not_now import while_not_now
from camfs.protocols.ptp.codes import Operation
from camfs.protocols.ptp.datasets import DeviceInfo, ObjectInfo
from camfs.protocols.ptp.values import decode_date_time
from camfs.protocols.sony.codes import (
    FOCUS_WORDS,
    LIVE_VIEW,
    MOST_FOCUS,
    NEXT_SHOT,
    PC_REMOTE,
    TO_CARD,
    Button,
    Focus,
    SonyEvent,
    SonyProperty,
    explained,
)
from camfs.protocols.sony.live_view import decode_frame

log = logging.getLogger(__name__)

MAX_SHOT = 1 << 30
"""Bytes of a picture: five times the largest."""

MAX_FRAME = 16 << 20
"""Bytes of a frame of the live view."""

MOST_FRAMES = 50
"""How often a frame is asked for while there is none."""

FRAME_STEP = 0.03
"""Seconds between two frames: bodies answer AccessDenied to what comes faster than every 20 ms."""

PATIENCE = 35.0
"""Seconds for which a picture is waited for after its exposure, as in libgphoto2."""

UNFOCUSED_PATIENCE = 10.0
"""The same when the body has said that it found no focus, and so mostly takes none."""

MOVIE_TIME = 3.0
"""Seconds within which a movie begins or ends."""

MOVIE_STEP = 0.1
"""Seconds between two looks."""


def is_driven(info: DeviceInfo) -> bool:
    """Say whether a Sony is in PC Remote, by what it lists."""
    return set(info.operations) >= PC_REMOTE


class SonyBody(PlainBody):
    """A Sony body in PC Remote; a `tethered.body.Body`.

    Args:
        ptp: the same camera, opened.
    """

    def __init__(self, ptp: PtpCamera) -> None:
        super().__init__(ptp)
        self.settings_need_control = True
        self.reading_removes = True
        self.shows_card = False
        self.hints = frozenset(SonyEvent)
        self.operations = SonyOperations(ptp)
        self.state = BodyState(self.operations, self._take)
        self.settings = SonySettings(self.operations, self.state)
        self._shutter = Shutter(self.operations, self.settings, self.state, ptp.info.model)
        self._told = self._found = 0
        self._awaited_until: float | None = None
        self._recording = False
        self._priority_before: int | None = None

    def abilities(self) -> Set[Ability]:
        return {Ability.LIVE_VIEW, Ability.FOCUS, Ability.MOVIES}

    # ------------------------------------------------------------------ who has the body

    async def enter(self) -> None:
        await self._take()
        await self.state.ask()
        self.settings.is_controlled = True
        self.settings.note_reported()
        if self.state.number(SonyProperty.Priority) == 0 and self.settings.is_open(SonyProperty.Priority):
            await self._set_priority(1)
            self._priority_before = 0

    async def _take(self) -> None:
        self.state.version = await self.operations.handshake()
        self._shutter.ready_at = trio.current_time() + WARM_UP

    async def _set_priority(self, value: int) -> None:
        """Let the computer or the dials decide. A body that refuses that goes on as it is."""
        try:
            await self.settings.set(SonyProperty.Priority, value)
        except errors.Refused as error:
            log.info("%s", error)

    async def leave(self) -> None:
        """Undo all. What fails does not keep the rest from being undone.

        Raises:
            CameraError: the session could not be opened again.
        """
        for undo in (self._end_movie, self._shutter.restore, self._restore_priority):
            await _bravely(undo)
        for button in (Button.Half, Button.Full):
            await self._shutter.let_go(button)
        self.note_left()
        await self.ptp.session.renew()

    async def _end_movie(self) -> None:
        if self._recording:
            await self.record(False)

    async def _restore_priority(self) -> None:
        if self._priority_before is not None:
            await self._set_priority(self._priority_before)

    async def is_tethered(self) -> bool:
        """Take the body again: what waits in it may have outlived the session, and is told only so."""
        if not self.settings.is_controlled:
            return False
        try:
            await self.enter()
        except errors.Refused as error:
            log.info("the camera cannot be taken again: %s", error)
            return False
        return True

    def note_left(self) -> None:
        self.settings.is_controlled = self._recording = False
        self.state.invalidate()
        self._told = 0
        self._awaited_until = self._priority_before = None

    # ------------------------------------------------------------------ what happened

    async def poll(self) -> Sequence[News]:
        try:
            await self.state.ask()
        except errors.Refused as error:
            log.warning("the camera does not tell its state any more: %s", error)
            return [ShotFailed(error), LeftControl()]
        self._recording = self.state.number(SonyProperty.MovieState) == 1
        return self._news()

    def _news(self) -> list[News]:
        waiting = self.state.waiting
        news: list[News] = [ShotWaits(NEXT_SHOT) for _ in range(waiting - self._told)]
        self._told = max(self._told, waiting)
        self._found += len(news)
        if self._awaited_until is not None:
            if news:
                self._awaited_until = None
            elif trio.current_time() >= self._awaited_until:
                self._awaited_until = None
                news.append(ShotFailed(self._why_none()))
        elif not waiting:
            news.append(ShotComplete())
        return news

    def _why_none(self) -> errors.CameraError:
        if self._shutter.seems_unfocused:
            return errors.FocusFailed("the camera found no focus, and took no picture")
        return errors.CaptureFailed(
            f"no picture within {PATIENCE:g} s: the camera found no focus, or has no room, and does not say which"
        )

    # ------------------------------------------------------------------ shots

    async def sends_here(self) -> bool:
        await self.state.ask_if_old()
        return self.state.number(SonyProperty.Destination) != TO_CARD

    async def release_shutter(self, *, autofocus: bool, exposure: float | None) -> ShotPlan:
        self._awaited_until, self._found = None, 0
        plan = await self._shutter.release(autofocus=autofocus, exposure=exposure)
        if plan.here and not self._found:
            patience = UNFOCUSED_PATIENCE if self._shutter.seems_unfocused else PATIENCE
            self._awaited_until = trio.current_time() + plan.seconds + patience
        return plan

    def end_exposure(self) -> None:
        self._shutter.end_exposure()

    async def describe_shot(self, handle: int) -> WaitingShot:
        """Describe the next shot, if there is one.

        Raises:
            NotFound: none waits any more.
        """
        await self.state.ask()
        if not self.state.waiting:
            self._told = max(self._told - 1, 0)
            raise errors.NotFound("the camera has no picture for this computer any more")

        async def ask() -> bytes | memoryview:
            reply = await self.ptp.session.transact(Operation.GetObjectInfo, NEXT_SHOT, same_session=True)
            return reply.data

        try:
            info = ObjectInfo.decode(await while_not_now(ask, NOT_NOW, NOT_NOW_TIME))
        except errors.NotFound as error:
            raise errors.Busy(f"the camera does not describe the picture that waits: {error}") from None
        except errors.Refused as error:
            raise explained(error, "a picture that waits") from None
        taken = decode_date_time(info.capture_date)
        mtime_ns = int(taken.timestamp()) * 10**9 if isinstance(taken, datetime) else 0
        return WaitingShot(handle, info.filename, info.compressed_size, mtime_ns)

    async def read_shot(self, shot: WaitingShot, keep: Keep) -> int:
        """Read the next shot, which the body forgets by that. Not begun again once bytes have come."""
        size = 0

        async def receive(data: bytes | memoryview) -> None:
            nonlocal size
            await keep(size, data)
            size += len(data)

        async def read() -> None:
            if size:
                raise errors.RemoteProtocolError("the camera broke off a picture, and may have removed it")
            await self.ptp.session.transact(
                Operation.GetObject, NEXT_SHOT, sink=receive, limit=MAX_SHOT, repeatable=False, same_session=True
            )

        try:
            await while_not_now(read, NOT_NOW, NOT_NOW_TIME)
        except errors.Refused as error:
            raise explained(error, "reading a picture") from None
        self._told = max(self._told - 1, 0)
        return size

    async def let_go(self, shot: WaitingShot) -> None:
        """Nothing has to be sent: reading has removed it."""

    # ------------------------------------------------------------------ live view, focus, movies

    async def frame(self) -> bytes:
        for _ in range(MOST_FRAMES):
            try:
                reply = await self.ptp.session.transact(
                    Operation.GetObject, LIVE_VIEW, limit=MAX_FRAME, repeatable=False, waits_while_busy=False
                )
                return decode_frame(reply.data).jpeg
            except (errors.NotFound, errors.AccessDenied, errors.Busy) as error:
                log.debug("no frame yet: %s", error)
            await trio.sleep(FRAME_STEP)
        off = "; it says that its live view is off" if self.state.number(SonyProperty.LiveViewState) == 0 else ""
        raise errors.Busy(f"the camera gives no frame of its live view{off}")

    async def focus_text(self) -> str:
        if not self.settings.is_controlled:
            return ""
        await self.state.ask_if_old()
        lines = []
        if SonyProperty.FocusMode in self.state.entries:
            lines.append(f"mode: {await self.settings.read('focus-mode')}\n")
        found = self.state.number(SonyProperty.FocusFound)
        if found is not None:
            lines.append(f"state: {FOCUS_WORDS.get(Focus(found), str(found)) if found in set(Focus) else found}\n")
        return "".join(lines)

    async def change_focus(self, text: str) -> None:
        """Focus: `af` once, or `near` or `far` and the size of a step, 1 to 7, in manual focus."""
        direction, _, size = text.partition(" ")
        if text == "af":
            await self._shutter.focus()
        elif direction in ("near", "far") and size.isascii() and size.isdecimal() and 1 <= int(size) <= MOST_FOCUS:
            await self._drive(-int(size) if direction == "near" else int(size))
        else:
            raise errors.InvalidValue(f"{text!r}: write af, or near or far and the size of a step from 1 to 7")

    async def _drive(self, step: int) -> None:
        await self.state.ask()
        if self.state.number(SonyProperty.FocusMode) not in (None, MANUAL_FOCUS):
            raise errors.NotPermitted("the focus is driven in steps only with focus-mode at manual")
        await self.operations.control(Button.ManualFocus, step.to_bytes(2, "little", signed=True), "focus")

    @property
    def recording(self) -> bool:
        return self._recording

    async def record(self, start: bool) -> None:
        """Start or stop a movie.

        Raises:
            CaptureFailed: it did not begin, or did not end.
        """
        await self.operations.press(Button.Movie, down=start)
        until = trio.current_time() + MOVIE_TIME
        while True:
            await self.state.ask()
            state = self.state.number(SonyProperty.MovieState)
            self._recording = start if state is None else state == 1
            if self._recording == start:
                return
            if trio.current_time() >= until:
                break
            await trio.sleep(MOVIE_STEP)
        if start:
            await self._shutter.let_go(Button.Movie)
        raise errors.CaptureFailed(
            f"the movie did not {'begin' if start else 'end'}; is the camera at a mode for stills?"
        )

    async def clock(self) -> datetime:
        raise errors.NotSupported("how this camera tells its time is not known")

    async def set_clock(self, moment: datetime) -> None:
        raise errors.NotSupported("how this camera's clock is set is not known")

    async def status(self) -> Sequence[tuple[str, str]]:
        lines = [("mode", "PC Remote: the card is not shown; choose MTP or Mass Storage on the camera to copy it")]
        battery = self.state.number(SonyProperty.Battery)
        if battery is not None and battery >= 0:
            lines.append(("battery", f"{battery}%"))
        return lines


async def _bravely(undo: Callable[[], Awaitable[None]]) -> None:
    """Undo something; if the body refuses that, the rest is undone all the same."""
    try:
        await undo()
    except errors.Refused as error:
        log.warning("giving the camera back: %s", error)

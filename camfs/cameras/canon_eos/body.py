"""An EOS body for the tethered driver: how it is taken and given back, what its records tell, and how its shots come to this computer.

It lists and copies its card in both states (camfs/protocols/canon_eos/README.md, "Remote state")::

                     SetRemoteMode(1), SetEventMode(1), records until there are no more
    the photographer's ───────────────────────────────────────────────────────────────► the computer's: records flow, keys are dead
                       ◄───────────────────────────────────────────────────────────────
        live view, movie, destination undone, last records, SetRemoteMode(0), SetEventMode(0)

The end of a session may leave the body in the remote state with its keys dead, so a body that was taken is given back even if the session
was lost in between (`is_tethered`).

body ─┬─ operations             what is sent, and what the answers mean
      ├─ news ── state          what the records tell, and have told
      ├─ waiting_shots          shots for this computer
      ├─ settings               properties by name
      ├─ shutter                the remote-controlled button
      └─ live_view              frames, focus drive, movies
"""

import logging
import math
from collections.abc import Awaitable, Callable, Sequence, Set
from datetime import datetime, timedelta

import trio

from camfs import errors
from camfs.cameras.api import Ability
from camfs.cameras.canon_eos.live_view import SIZES, LiveView
from camfs.cameras.canon_eos.news import EVENTS, RecordTaker
from camfs.cameras.canon_eos.operations import CanonOperations
from camfs.cameras.canon_eos.settings import CanonSettings
from camfs.cameras.canon_eos.shutter import Shutter
from camfs.cameras.canon_eos.state import BodyState
from camfs.cameras.canon_eos.waiting_shots import WaitingShots
from camfs.cameras.ptp.driver import CLOCK_SLACK, PtpCamera
from camfs.cameras.tethered.body import (
    Keep,
    LeftControl,
    NeedsControl,
    News,
    OnCard,
    PlainBody,
    ShotFailed,
    ShotPlan,
    ShotWaits,
    WaitingShot,
)
from camfs.protocols.canon_eos.codes import (
    EVENT_WAITS,
    CanonOperation,
    Destination,
    EvfOutput,
    Property,
)
from camfs.protocols.canon_eos.settings import setting_of
from camfs.protocols.ptp.codes import (
    ResponseCode,
)
from camfs.protocols.ptp.properties import BATTERY_LEVEL

log = logging.getLogger(__name__)

REMOTE = 1
COMPACT_MODES = (0x15, 0x11, 1)
"""What SetRemoteMode wants from EOS M and PowerShot bodies; which of them takes which cannot be told beforehand."""

COMPACT_EVENTS = 2
COMPACT_PAUSE = 1.0
"""Seconds until such a body takes pictures after its output was switched."""

ALL_ONLINE_INFO = 0x1FFF
"""All fields of the on-line camera info."""

ASKED_FOR = (Property.Owner, Property.Artist, Property.Copyright, Property.SerialNumber)
"""Properties that a body tells only when they are asked for."""

FIRST_STEP = 0.05
"""Seconds until the state is asked for again that a body has not told yet, as libgphoto2 does."""

FIRST_SILENCE = 2
"""Replies without records, one after the other, that say that a body has told its whole state."""

FIRST_TIME = 5.0
"""Seconds within which a body tells its state."""


CAPACITY = (0x04FFFFFF, 0x1000, 1)
"""The room of this computer, in clusters of 4 KiB, as a 60D was told it (camfs/protocols/canon_eos/README.md, "Capture")."""

FEW_SHOTS = 100
"""So many shots left and less, the body is told of the computer's room again."""

ROOM_STEP = 0.05
"""Seconds between two looks whether the body counts shots."""

ROOM_TIME = 3.0
"""Seconds within which a body counts shots that the computer has room for."""

KEEP_ON = 10.0
"""Seconds after which the body is kept from switching itself off."""

EPOCH = datetime(1970, 1, 1)


def is_eos(operations: Sequence[int]) -> bool:
    """Say whether a Canon can be brought into the remote state, by what it lists."""
    needed = {CanonOperation.SetRemoteMode, CanonOperation.SetEventMode, CanonOperation.GetEvent}
    return needed <= set(operations)


class CanonBody(PlainBody):
    """An EOS body; a `tethered.body.Body`.

    Args:
        ptp: the same camera, opened.
    """

    def __init__(self, ptp: PtpCamera) -> None:
        super().__init__(ptp)
        self.settings_need_control = True
        self.hints = frozenset({EVENT_WAITS})
        self.operations = CanonOperations(ptp)
        self.state = BodyState()
        self.settings = CanonSettings(ptp, self.operations, self.state)
        self._waiting = WaitingShots(ptp, self.operations)
        self._records = RecordTaker(self.operations, self.state, self._waiting)
        self._records.when_closing = self._note_closing
        self.settings.ask = self._records.ask
        self.settings.while_tethered = self._while_tethered
        self.settings.change_destination = self._change_destination
        self._is_compact = not self.operations.has(CanonOperation.RemoteRelease)
        self._shutter = Shutter(
            self.operations, self.settings, self.state, self._keep_on, presses_at_once=self._is_compact
        )
        self._live_view = LiveView(self.operations, self.settings, self.state)
        self._owes_leave = self._is_entering = False
        self._destination_before: int | None = None
        self._wanted_destination: int | None = None
        self._kept_on_at = 0.0
        self._epoch = 0

    def abilities(self) -> Set[Ability]:
        listed = {
            Ability.LIVE_VIEW: CanonOperation.GetViewFinderData,
            Ability.MOVIES: CanonOperation.GetViewFinderData,  # there is no operation for movies; bodies with the one have the other
            Ability.FOCUS: CanonOperation.RemoteReleaseOn,
            Ability.CLOCK: CanonOperation.SetDevicePropValueEx,
        }
        return {ability for ability, operation in listed.items() if self.operations.has(operation)}

    # ------------------------------------------------------------------ who has the body

    async def enter(self) -> None:
        self._owes_leave = self._is_entering = True
        self._epoch = self.ptp.epoch
        try:
            await self._enter()
        except errors.Refused:
            for operation in (CanonOperation.SetRemoteMode, CanonOperation.SetEventMode):
                await self.operations.tolerate(operation, 0)
            self._owes_leave = False
            self.note_left()
            raise
        finally:
            self._is_entering = False

    async def _enter(self) -> None:
        await self._set_remote_mode()
        await self.operations.insist(CanonOperation.SetEventMode, EVENTS)
        await self.operations.tolerate(CanonOperation.SetRequestOLCInfoGroup, ALL_ONLINE_INFO)
        self._records.begin()
        self.settings.is_controlled = True
        self._kept_on_at = trio.current_time()
        await self._learn_state()
        for code in ASKED_FOR:
            await self.operations.tolerate(CanonOperation.RequestDevicePropValue, code)
        await self._records.ask(tells=False)
        self.settings.note_reported()
        if self._is_compact:
            await self._wake_compact()
        if self._destination_before is None:
            self._destination_before = self.state.number(Property.CaptureDestination)
        if self._wanted_destination is not None:
            try:
                await self._set_destination(self._wanted_destination)
            except errors.Refused as error:
                log.warning("shots do not go where they went before: %s", error)
        elif self._destination_before is not None and self._destination_before & Destination.COMPUTER:
            await self._make_room()

    async def _set_remote_mode(self) -> None:
        modes = COMPACT_MODES if self._is_compact else (REMOTE,)
        for number, mode in enumerate(modes, 1):
            try:
                await self.operations.insist(CanonOperation.SetRemoteMode, mode)
                break
            except errors.Refused as error:
                if number == len(modes):
                    raise
                log.info("remote mode 0x%X: %s", mode, error)
        if self._is_compact:
            await self.ptp.operations.read_device_info()  # it lists more now

    async def _learn_state(self) -> None:
        """Take records until the body has told its state. It may come in pieces, with replies without records in between."""
        until = trio.current_time() + FIRST_TIME
        silent = 0
        while silent < FIRST_SILENCE or Property.EvfOutput not in self.state.values:
            if trio.current_time() >= until:
                log.info("the camera has not told all of its settings")
                return
            silent = 0 if await self._records.ask(tells=False) else silent + 1
            if silent:
                await trio.sleep(FIRST_STEP)

    async def _wake_compact(self) -> None:
        await self.operations.tolerate(CanonOperation.SetEventMode, COMPACT_EVENTS)
        if self.state.number(Property.EvfOutput) is not None:
            try:
                await self.settings.write_number(Property.EvfOutput, EvfOutput.MOBILE_2)
            except errors.Refused as error:
                log.info("%s", error)
            await trio.sleep(COMPACT_PAUSE)

    async def _put_compact_to_sleep(self) -> None:
        if self._is_compact and self.state.number(Property.EvfOutput):
            await self.settings.write_number(Property.EvfOutput, 0)

    async def leave(self) -> None:
        """Undo all, in an order that bodies bear. What fails does not keep the rest from being undone.

        Raises:
            Busy: a shot for this computer has come at the last moment; it has to be fetched before.
            CameraError: the body does not leave the remote state.
        """
        for undo in (
            self._live_view.end,
            self._put_compact_to_sleep,
            self._cancel_focus,
            self._restore_destination,
            self._take_last_records,
        ):
            await self._bravely(undo)
        if self._waiting:
            raise errors.Busy("a shot waits in the camera for this computer")
        await self.operations.insist(CanonOperation.SetRemoteMode, 0)
        await self.operations.insist(CanonOperation.SetEventMode, 0)
        self._owes_leave = False
        self.note_left()

    async def _cancel_focus(self) -> None:
        await self.operations.tolerate(CanonOperation.AfCancel)

    async def _restore_destination(self) -> None:
        before, now = self._destination_before, self.state.number(Property.CaptureDestination)
        if before is None or now is None or not now & Destination.COMPUTER:
            return
        back = before if not before & Destination.COMPUTER else self._card_destination()
        if back is not None and back != now:
            await self.settings.write_number(Property.CaptureDestination, back)

    def _card_destination(self) -> int | None:
        """Return the first destination that the body offers and that needs no computer: shots go nowhere else without one."""
        offered = (int.from_bytes(value, "little") for value in self.state.offered(Property.CaptureDestination))
        return next((number for number in offered if not number & Destination.COMPUTER), None)

    async def _take_last_records(self) -> None:
        """Take what the body tells at last: nobody asks it afterwards."""
        await self._records.ask()
        for news in self._records.take():
            if isinstance(news, OnCard):
                await self.ptp.events.hand_in(news.event)
            elif isinstance(news, ShotWaits):
                self._records.give_back([news])

    async def _bravely(self, undo: Callable[[], Awaitable[None]]) -> None:
        try:
            await undo()
        except errors.Refused as error:
            log.warning("giving the camera back: %s", error)

    async def is_tethered(self) -> bool:
        """Bring the body back into the remote state, if it was not given back: only so it is certain that it can be."""
        if not self._owes_leave:
            return False
        await self.enter()
        return True

    def note_left(self) -> None:
        self.settings.is_controlled = False
        self._live_view.note_ended()
        self._records.end()
        self._destination_before = None

    async def _while_tethered(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something; if it turns out that the body has left the remote state by itself, bring it back and do it once more."""
        try:
            await work()
        except errors.Refused as error:
            if error.code != ResponseCode.GeneralError or self._is_entering or await self._records.is_remote():
                raise
            log.warning("the camera has left the computer's control by itself; it is taken again")
            await self.enter()
            await work()

    async def _keep_on(self) -> None:
        """Keep the body from switching itself off, now and then."""
        now = trio.current_time()
        if now - self._kept_on_at >= KEEP_ON:
            self._kept_on_at = now
            await self.operations.tolerate(CanonOperation.KeepDeviceOn)

    def _note_closing(self) -> None:
        """Have the body kept on at the next occasion: it has said that it will switch itself off."""
        self._kept_on_at = -math.inf

    async def poll(self) -> Sequence[News]:
        await self._keep_on()
        try:
            await self._records.ask()
        except errors.Refused as error:
            if error.code != ResponseCode.GeneralError:
                raise
            if self._epoch != self.ptp.epoch:  # it is the session that was lost, and the remote state with it
                await self.enter()
                return self._records.take()
            self._owes_leave = False
            failure = errors.CaptureFailed("the camera has left the computer's control by itself")
            self._records.give_back([ShotFailed(failure), LeftControl()])
        return self._records.take()

    # ------------------------------------------------------------------ shots

    async def sends_here(self) -> bool:
        return bool((self.state.number(Property.CaptureDestination) or 0) & Destination.COMPUTER)

    async def _change_destination(self, destination: int) -> None:
        await self._set_destination(destination)
        self._wanted_destination = destination

    async def _set_destination(self, destination: int) -> None:
        """Let shots go somewhere; to the computer only with word of its room."""
        if self.state.number(Property.CaptureDestination) != destination:
            await self.settings.write_number(Property.CaptureDestination, destination)
        if destination & Destination.COMPUTER:
            await self._make_room()

    async def _make_room(self) -> None:
        """Tell the body that this computer has room, and wait until it counts shots: before that it releases none."""

        async def tell() -> None:
            await self.operations.insist(CanonOperation.PCHDDCapacity, *CAPACITY)

        try:
            await self._while_tethered(tell)
        except errors.Refused as error:
            log.info("%s", error)  # it may have taken it all the same; if not, it releases no shot for this computer
        until = trio.current_time() + ROOM_TIME
        await self._records.ask()
        while self.state.number(Property.ShotsLeft) == 0 and trio.current_time() < until:
            await trio.sleep(ROOM_STEP)
            await self._records.ask()

    async def release_shutter(self, *, autofocus: bool, exposure: float | None) -> ShotPlan:
        if await self.sends_here() and (self.state.number(Property.ShotsLeft) or 0) <= FEW_SHOTS:
            await self._make_room()
        plan: ShotPlan | None = None

        async def release() -> None:
            nonlocal plan
            self._records.awaits_shot = False
            plan = await self._shutter.release(autofocus=autofocus, exposure=exposure)

        await self._while_tethered(release)
        assert plan is not None
        self._records.awaits_shot = True
        return plan

    def end_exposure(self) -> None:
        self._shutter.end_exposure()

    async def describe_shot(self, handle: int) -> WaitingShot:
        return self._waiting.describe(handle)

    async def read_shot(self, shot: WaitingShot, keep: Keep) -> int:
        return await self._waiting.read(shot, keep)

    async def let_go(self, shot: WaitingShot) -> None:
        await self._waiting.let_go(shot)

    # ------------------------------------------------------------------ live view, focus, movies

    async def frame(self) -> bytes:
        frame = b""

        async def fetch() -> None:
            nonlocal frame
            frame = await self._live_view.frame()

        await self._while_tethered(fetch)
        return frame

    async def focus_text(self) -> str:
        mode = await self.settings.read("focus-mode")
        state = {True: "focused", False: "not focused", None: "unknown"}[self.state.focus]
        return f"mode: {mode}\nstate: {state}\n"

    async def change_focus(self, text: str) -> None:
        """Focus: `af` once, or `near` or `far`, a number of steps and their size, which switches live view on."""
        if text == "af":
            work = self._live_view.autofocus if self._live_view.is_on else self._shutter.focus
            await self._while_tethered(work)
            return
        direction, steps, size = (*text.split(), "", "", "")[:3]
        size = size or SIZES[0]
        is_number = steps.isascii() and steps.isdecimal() and int(steps[:9]) > 0
        if direction not in ("near", "far") or not is_number or size not in SIZES or len(text.split()) > 3:
            raise errors.InvalidValue(
                f"{text[:40]!r}: write af, or near or far and a number of steps, such as near 5 or far 2 large"
            )
        await self._while_tethered(lambda: self._live_view.drive(direction == "far", int(steps), size))

    @property
    def recording(self) -> bool:
        return self._live_view.recording

    async def record(self, start: bool) -> None:
        await self._while_tethered(lambda: self._live_view.record(start))

    # ------------------------------------------------------------------ clock, status

    async def clock(self) -> datetime:
        if not self.settings.is_controlled:
            raise NeedsControl("the camera tells its time under remote control only")
        value = await self.settings.newest(Property.DateTime)
        if value is None or len(value) < 4:
            raise errors.NoData("the camera does not tell its time")
        local = EPOCH + timedelta(seconds=int.from_bytes(value[:4], "little"))
        return local.replace(tzinfo=self.ptp.zone) if self.ptp.zone is not None else local.astimezone()

    async def set_clock(self, moment: datetime) -> None:
        """Set the clock, in local time; a naive time is local already."""
        if not self.settings.is_controlled:
            raise NeedsControl("the camera's clock is set under remote control only")
        local = moment if moment.tzinfo is None else moment.astimezone(self.ptp.zone).replace(tzinfo=None)
        seconds = round((local - EPOCH).total_seconds())
        if not 0 <= seconds < 1 << 32:
            raise errors.InvalidValue(f"{moment} is not a time that the camera can show")
        await self.settings.send_number(Property.DateTime, seconds)
        shown = await self.clock()
        if abs(shown.replace(tzinfo=None) - local) > CLOCK_SLACK:
            raise errors.NotPermitted(f"the camera's clock stays at {shown.isoformat()}")

    async def status(self) -> Sequence[tuple[str, str]]:
        """Return battery and lens, as the records have told them; a battery that the standard property tells is told by it."""
        told = {"lens": 0xD1D8}
        if BATTERY_LEVEL not in self.ptp.info.device_properties:
            told["battery"] = 0xD111
        values = {label: (code, self.state.values.get(code)) for label, code in told.items()}
        return [(label, setting_of(code).read(value)) for label, (code, value) in values.items() if value]

"""A Nikon body for the tethered driver: how it is taken and given back, what it tells, and how its shots come to this computer.

It lists and copies its card in both modes (camfs/protocols/nikon/README.md, "Modes")::

                     ChangeCameraMode(1)
    the photographer's ─────────────────► the computer's: exposure mode and values can be written, the dials are ignored
                       ◄─────────────────
         live view, recording, properties undone, ChangeCameraMode(0); also the end of the PTP session

body ─┬─ operations   what is sent, and what the answers mean
      ├─ settings     properties by name
      ├─ shutter      releasing, with and without autofocus, bulb
      └─ live_view    frames, focus drive, movies
"""

import logging
from collections.abc import Awaitable, Callable, Sequence, Set
from datetime import datetime

import trio

from camfs import errors
from camfs.cameras.api import Ability
from camfs.cameras.nikon.live_view import LiveView
from camfs.cameras.nikon.operations import NOT_NOW, NikonOperations
from camfs.cameras.nikon.settings import CARD, NikonSettings
from camfs.cameras.nikon.shutter import Shutter
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.ptp.events import ABOUT_CONTENTS
from camfs.cameras.tethered.body import (
    Keep,
    News,
    OnCard,
    PlainBody,
    ShotComplete,
    ShotPlan,
    ShotWaits,
    Told,
    WaitingShot,
)
from camfs.cameras.tethered.not_now import while_not_now
from camfs.protocols.nikon.codes import (
    IN_MEMORY,
    NikonEvent,
    NikonOperation,
    NikonResponse,
    explained,
)
from camfs.protocols.ptp.codes import NO_TRANSACTION, EventCode, Operation, name_of
from camfs.protocols.ptp.datasets import DeviceInfo, ObjectInfo
from camfs.protocols.ptp.messages import Event
from camfs.protocols.ptp.values import decode_date_time

log = logging.getLogger(__name__)

DESCRIBED = 5.0
"""Seconds within which the body describes a shot that it has announced."""

DESCRIBE_STEP = 0.1
"""Seconds between two attempts."""

UNTOLD = 10.0
"""Seconds after a release to the memory at which a picture is looked for that no event has told of: the event may have been lost."""

MAX_SHOT = 1 << 30
"""Bytes of a picture: ten times the largest."""

_TAKING = frozenset(
    {
        NikonOperation.ChangeCameraMode,
        NikonOperation.CheckEvent,
        NikonOperation.GetEventEx,
        NikonOperation.Capture,
        NikonOperation.InitiateCaptureRecInMedia,
    }
)
"""A body that lists one of these can be tethered."""


def is_driven(info: DeviceInfo) -> bool:
    """Say whether a Nikon can be tethered by what it lists.

    A Nikon 1 cannot: operations that it lists do not work, and one of them hangs it (camfs/protocols/nikon/README.md, "Recognition").
    """
    return not _TAKING.isdisjoint(info.operations) and not _is_nikon_1(info.model)


def _is_nikon_1(model: str) -> bool:
    name = model.upper().removeprefix("NIKON").strip().removeprefix("1 ").strip()
    return (len(name) == 2 and name[0] in "JVS" and name[1].isdigit()) or name == "AW1"


class NikonBody(PlainBody):
    """A Nikon body; a `tethered.body.Body`.

    Args:
        ptp: the same camera, opened.
    """

    def __init__(self, ptp: PtpCamera) -> None:
        super().__init__(ptp)
        self.hints = (NikonEvent.ObjectAddedInSDRAM, NikonEvent.CaptureCompleteRecInSdram)
        self.operations = NikonOperations(ptp)
        self.settings = NikonSettings(ptp, self.operations)
        self.settings.enter_again = self._take
        self._shutter = Shutter(self.operations, self.settings)
        self._live_view = LiveView(self.operations, self.settings, self._await_event)
        self._stash: list[News] = []
        self._has_warned = False
        self._keeps_deleted = False
        self._owed, self._owed_since = 0, 0.0

    def abilities(self) -> Set[Ability]:
        listed = {
            Ability.LIVE_VIEW: NikonOperation.StartLiveView,
            Ability.FOCUS: NikonOperation.AfDrive,
            Ability.MOVIES: NikonOperation.StartMovieRecInCard,
        }
        return {ability for ability, operation in listed.items() if self.operations.has(operation)}

    # ------------------------------------------------------------------ who has the body

    async def enter(self) -> None:
        await self._take()
        self.settings.is_controlled = True
        self.settings.invalidate()
        await self.settings.learn()
        self._stash += self._still_true(await self._ask())

    def _still_true(self, news: Sequence[News]) -> Sequence[News]:
        """Return what has to be done about events that waited for nobody to ask: a handle in them may be another object's since.

        Shots that wait do. What they tell of the card came over the link, or the card is listed again.
        """
        about_card = [each for each in news if isinstance(each, OnCard) and each.event.code in ABOUT_CONTENTS]
        again = [OnCard(Event(EventCode.StorageInfoChanged, NO_TRANSACTION, (0,)))]
        return [
            *(each for each in news if isinstance(each, ShotWaits)),
            *(again if about_card and not self.ptp.sends_events else ()),
        ]

    async def _take(self) -> None:
        """Change the camera's mode. A body without the operation, or one that says that its mode does not change, is used as it is."""
        if not self.operations.has(NikonOperation.ChangeCameraMode):
            return
        try:
            await self.operations.insist(NikonOperation.ChangeCameraMode, 1)
        except errors.NotSupported:
            return
        except errors.Refused as error:
            if error.code != NikonResponse.ChangeCameraModeFailed:
                raise
            log.info("%s: the camera goes on in its present mode", error)

    async def leave(self) -> None:
        """Undo all, in an order that bodies bear. What fails does not keep the rest from being undone.

        Raises:
            CameraError: the mode could not be changed back.
        """
        for undo in (self._live_view.end, self._shutter.restore):
            await _bravely(undo)
        if self.operations.has(NikonOperation.ChangeCameraMode):
            try:
                await self.operations.insist(NikonOperation.ChangeCameraMode, 0)
            except errors.NotSupported:
                pass
            except errors.Refused as error:
                if error.code != NikonResponse.ChangeCameraModeFailed:
                    raise
        self.note_left()

    def note_left(self) -> None:
        self.settings.is_controlled = False
        self._live_view.note_ended()
        self._owed = 0
        self._keeps_deleted = False

    # ------------------------------------------------------------------ events

    async def poll(self) -> Sequence[News]:
        self._stash += await self._ask()
        self._stash += await self._untold()
        news, self._stash = self._stash, []
        return news

    async def _untold(self) -> Sequence[News]:
        """Look into the memory for a picture that was taken and that no event has told of."""
        if not self._owed or trio.current_time() < self._owed_since + UNTOLD:
            return ()
        self._owed, self._owed_since = self._owed - 1, trio.current_time()
        if await self.left_behind() is None:
            self._owed = 0
            return ()
        log.warning("the camera did not tell of a picture that waits in its memory")
        return (ShotWaits(IN_MEMORY),)

    async def left_behind(self) -> int | None:
        try:
            await self.ptp.session.transact(Operation.GetObjectInfo, IN_MEMORY, same_session=True)
        except errors.Refused as error:
            log.info("no picture waits in the camera: %s", error)
            return None
        return IN_MEMORY

    async def _ask(self) -> Sequence[News]:
        reply = await self.operations.events()
        if reply.trouble:
            level = logging.INFO if self._has_warned else logging.WARNING
            log.log(level, "the camera's events: %s; what it holds is taken", reply.trouble)
            self._has_warned = True
        return [news for event in reply.events for news in self._news(event)]

    def _news(self, event: Event) -> Sequence[News]:
        number = event.parameters[0] if event.parameters else 0
        match event.code:
            case NikonEvent.ObjectAddedInSDRAM:
                self._owed = max(0, self._owed - 1)
                return [ShotWaits(number or IN_MEMORY), Told(_words(event))]
            case NikonEvent.CaptureCompleteRecInSdram:
                return [ShotComplete(), Told(_words(event))]
            case NikonEvent.LiveViewStateChanged:
                self._live_view.note_changed()
        if event.code < 0xC000:
            return [OnCard(event)]
        return [Told(_words(event))]

    async def _await_event(self, codes: Sequence[int], seconds: float) -> int | None:
        """Wait for one of these events; what else happens meanwhile is told by the next `poll`. None if none came in time."""
        until = trio.current_time() + seconds
        while trio.current_time() < until:
            reply = await self.operations.events()
            self._stash += [news for event in reply.events for news in self._news(event)]
            found = next((event.code for event in reply.events if event.code in codes), None)
            if found is not None:
                return found
            await trio.sleep(DESCRIBE_STEP)
        return None

    # ------------------------------------------------------------------ shots

    async def sends_here(self) -> bool:
        return self.settings.destination != CARD

    async def release_shutter(self, *, autofocus: bool, exposure: float | None) -> ShotPlan:
        in_live_view = await self._live_view.is_running()
        plan = await self._shutter.release(autofocus=autofocus, exposure=exposure, in_live_view=in_live_view)
        self._owed, self._owed_since = plan.here, trio.current_time()
        return plan

    def end_exposure(self) -> None:
        self._shutter.end_exposure()

    async def describe_shot(self, handle: int) -> WaitingShot:
        until = trio.current_time() + DESCRIBED
        while True:
            try:
                reply = await self.ptp.session.transact(Operation.GetObjectInfo, handle, same_session=True)
                break
            except errors.NotFound:
                if trio.current_time() >= until:
                    raise
            await trio.sleep(DESCRIBE_STEP)
        info = ObjectInfo.decode(reply.data)
        taken = decode_date_time(info.capture_date)
        mtime_ns = int(taken.timestamp()) * 10**9 if isinstance(taken, datetime) else 0
        return WaitingShot(handle, info.filename, info.compressed_size, mtime_ns)

    async def read_shot(self, shot: WaitingShot, keep: Keep) -> int:
        size = 0

        async def receive(data: bytes | memoryview) -> None:
            nonlocal size
            await keep(size, data)
            size += len(data)

        await self.ptp.session.transact(
            Operation.GetObject, shot.handle, sink=receive, limit=MAX_SHOT, repeatable=False, same_session=True
        )
        return size

    async def let_go(self, shot: WaitingShot) -> None:
        """0x100B, or 0x90C3: a body that knows no such handle any more has let it go already, and is not asked again in this session."""
        if self._keeps_deleted:
            return
        try:
            await while_not_now(
                lambda: self.ptp.session.transact(Operation.DeleteObject, shot.handle, 0, same_session=True),
                NOT_NOW,
                DESCRIBED,
            )
        except (errors.NotFound, errors.StoreUnavailable) as error:
            log.info("the camera lets shots go by itself: %s", error)
            self._keeps_deleted = True
        except errors.Refused as error:
            if not self.operations.has(NikonOperation.DelImageSDRAM):
                raise explained(error, "letting a shot go") from None
            await self.operations.insist(NikonOperation.DelImageSDRAM, shot.handle)

    # ------------------------------------------------------------------ live view, focus, movies

    async def frame(self) -> bytes:
        return await self._live_view.frame()

    async def focus_text(self) -> str:
        lines = []
        for label, name in (("mode", "focus-mode"), ("area", "focus-metering")):
            try:
                lines.append(f"{label}: {await self.ptp.properties.read(name)}\n")
            except errors.Refused as error:
                log.info("%s: %s", name, error)
        return "".join(lines)

    async def change_focus(self, text: str) -> None:
        """Focus: `af` once, or `near` or `far` and a number of steps, which switches live view on."""
        direction, _, steps = text.partition(" ")
        if text == "af":
            await self._shutter.focus()
        elif direction in ("near", "far") and steps.isascii() and steps.isdecimal() and int(steps):
            await self._live_view.drive(direction == "near", int(steps))
        else:
            raise errors.InvalidValue(f"{text!r}: write af, or near or far and a number of steps, such as near 50")

    @property
    def recording(self) -> bool:
        return self._live_view.recording

    async def record(self, start: bool) -> None:
        await (self._live_view.start_movie() if start else self._live_view.stop_movie())


async def _bravely(undo: Callable[[], Awaitable[None]]) -> None:
    """Undo something; if the body refuses that, the rest is undone all the same."""
    try:
        await undo()
    except errors.Refused as error:
        log.warning("giving the camera back: %s", error)


def _words(event: Event) -> str:
    return " ".join([name_of(NikonEvent, event.code), *(f"0x{parameter:08X}" for parameter in event.parameters)])

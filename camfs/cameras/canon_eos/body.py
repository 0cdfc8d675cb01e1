"""An EOS body for the tethered driver: how it is taken and given back, what its records tell, and how its shots come to this computer.

It lists and copies its card in both states (camfs/protocols/canon_eos/README.md, "Remote state")::

                     SetRemoteMode(1), SetEventMode(1), records until there are no more
    the photographer's ───────────────────────────────────────────────────────────────► the computer's: records flow, keys are dead
                       ◄───────────────────────────────────────────────────────────────
        live view, movie, destination undone, last records, SetRemoteMode(0), SetEventMode(0)

The end of a session may leave the body in the remote state with its keys dead, so a body that was taken is given back even if the session
was lost in between (`is_tethered`).

body ─┬─ operations ── state    what is sent; what the records have told
      ├─ settings               properties by name
      ├─ shutter                the remote-controlled button
      └─ live_view              frames, focus drive, movies
"""

import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import trio

from camfs import errors
from camfs.cameras.canon_eos.live_view import SIZES, LiveView
from camfs.cameras.canon_eos.operations import NOT_NOW, NOT_NOW_STEP, CanonOperations
from camfs.cameras.canon_eos.settings import CanonSettings
from camfs.cameras.canon_eos.shutter import Shutter
from camfs.cameras.canon_eos.state import BodyState
from camfs.cameras.ptp.driver import CLOCK_SLACK, PtpCamera
from camfs.cameras.tethered.body import (
    Keep,
    LeftControl,
    NeedsControl,
    News,
    OnCard,
    PlainBody,
    ShotComplete,
    ShotFailed,
    ShotPlan,
    ShotWaits,
    Told,
    WaitingShot,
)
from camfs.protocols.canon_eos.codes import (
    CARD_EVENTS,
    EVENT_WAITS,
    MAX_PIECE,
    CanonOperation,
    Destination,
    EvfOutput,
    Property,
    Record,
)
from camfs.protocols.canon_eos.events import (
    Event,
    Numbered,
    ObjectOnCard,
    Other,
    PropertyChanged,
    TransferRequested,
    decode_event,
)
from camfs.protocols.canon_eos.settings import NOT_SETTINGS, PREFIX, setting_of
from camfs.protocols.ptp import messages
from camfs.protocols.ptp.codes import (
    NO_TRANSACTION,
    SIZE_UNKNOWN,
    EventCode,
    ObjectFormat,
    Operation,
    ResponseCode,
)

log = logging.getLogger(__name__)

REMOTE, EVENTS = 1, 1
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

MOST_REPLIES = 64
"""Replies with records that are taken one after the other: a body that always has more must not keep all others from their turn."""

CAPACITY = (0x04FFFFFF, 0x1000, 1)
"""The room of this computer, in clusters of 4 KiB, as a 60D was told it (camfs/protocols/canon_eos/README.md, "Capture")."""

FEW_SHOTS = 100
"""So many shots left and less, the body is told of the computer's room again."""

ROOM_TIME = 3.0
"""Seconds within which a body counts shots that the computer has room for."""

KEEP_ON = 10.0
"""Seconds after which the body is kept from switching itself off."""

NOT_READY = 10.0
"""Seconds for which a shot that waits may not be ready to be read."""

MOST_BYTES = 1 << 34
"""Bytes of a shot: more than any movie has."""

EPOCH = datetime(1970, 1, 1)

_ENDINGS = {ObjectFormat.EXIF_JPEG: "JPG", 0xB101: "CRW", 0xB103: "CR2", 0xB108: "CR3", ObjectFormat.QuickTime: "MOV"}
"""What names end in, by format, of shots that come without a name."""


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
        self.settings.ask = self._ask
        self.settings.while_tethered = self._while_tethered
        self.settings.change_destination = self._change_destination
        self._shutter = Shutter(self.operations, self.settings, self.state, self._keep_on)
        self._live_view = LiveView(self.operations, self.settings, self.state)
        self._stash: list[News] = []
        self._waiting: dict[int, TransferRequested] = {}
        self._owes_leave = self._is_entering = False
        self._has_lost_records = False
        self._destination_before: int | None = None
        self._wanted_destination: int | None = None
        self._kept_on_at = 0.0
        self._warned: set[int] = set()
        self._asking = trio.Lock()
        self._awaits_shot = False

    # ------------------------------------------------------------------ who has the body

    @property
    def _is_compact(self) -> bool:
        """Whether it is an EOS M or a PowerShot, which want other parameters: they do not list RemoteRelease."""
        return not self.operations.has(CanonOperation.RemoteRelease)

    async def enter(self) -> None:
        self._owes_leave = self._is_entering = True
        try:
            await self._enter()
        finally:
            self._is_entering = False

    async def _enter(self) -> None:
        await self._set_remote_mode()
        await self.operations.insist(CanonOperation.SetEventMode, EVENTS)
        await self.operations.tolerate(CanonOperation.SetRequestOLCInfoGroup, ALL_ONLINE_INFO)
        self.state.clear()
        self._has_lost_records = False
        self.settings.is_controlled = True
        self._kept_on_at = trio.current_time()
        await self._learn_state()
        for code in ASKED_FOR:
            await self.operations.tolerate(CanonOperation.RequestDevicePropValue, code)
        await self._ask(tells=False)
        self.settings.note_reported()
        if self._is_compact:
            await self._wake_compact()
        self._destination_before = self.state.number(Property.CaptureDestination)
        if self._wanted_destination is not None:
            await self._set_destination(self._wanted_destination)
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
            silent = 0 if await self._ask(tells=False) else silent + 1
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

    async def leave(self) -> None:
        """Undo all, in an order that bodies bear. What fails does not keep the rest from being undone.

        Raises:
            Busy: a shot for this computer has come at the last moment; it has to be fetched before.
            CameraError: the body does not leave the remote state.
        """
        for undo in (self._live_view.end, self._cancel_focus, self._restore_destination, self._take_last_records):
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
        await self._ask()
        last, self._stash = self._stash, []
        for news in last:
            if isinstance(news, OnCard):
                await self.ptp.events.hand_in(news.event)
            elif isinstance(news, ShotWaits):
                self._stash.append(news)

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
        self.state.clear()
        self._waiting.clear()
        self._stash = [news for news in self._stash if not isinstance(news, ShotWaits)]
        self._destination_before = None

    async def _while_tethered(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something; if it turns out that the body has left the remote state by itself, bring it back and do it once more."""
        try:
            await work()
        except errors.Refused as error:
            if error.code != ResponseCode.GeneralError or self._is_entering or await self._is_remote():
                raise
            log.warning("the camera has left the computer's control by itself; it is taken again")
            await self.enter()
            await work()

    async def _is_remote(self) -> bool:
        """Say whether the body is in the remote state: only then it has records, or says that there are none."""
        try:
            await self._ask()
        except errors.Refused as error:
            if error.code == ResponseCode.GeneralError:
                return False
            raise
        return True

    async def _keep_on(self) -> None:
        """Keep the body from switching itself off, now and then."""
        now = trio.current_time()
        if now - self._kept_on_at >= KEEP_ON:
            self._kept_on_at = now
            await self.operations.tolerate(CanonOperation.KeepDeviceOn)

    # ------------------------------------------------------------------ records

    async def poll(self) -> Sequence[News]:
        await self._keep_on()
        try:
            await self._ask()
        except errors.Refused as error:
            if error.code != ResponseCode.GeneralError:
                raise
            self._owes_leave = False
            failure = errors.CaptureFailed("the camera has left the computer's control by itself")
            self._stash += [ShotFailed(failure), LeftControl()]
        stash, self._stash = self._stash, []
        return stash

    async def _ask(self, *, tells: bool = True) -> int:
        """Take the records that wait, and return how many came; what they mean for others is told by the next `poll`.

        Args:
            tells: whether changed settings are told.
        """
        async with self._asking:
            if self._has_lost_records:
                await self._tell_all_again()
            count = 0
            try:
                for _ in range(MOST_REPLIES):
                    reply = await self.operations.records()
                    if reply.trouble:
                        self._warn(0, f"the camera's records: {reply.trouble}; those before it are taken")
                    for raw in reply.records:
                        event = decode_event(raw)
                        has_changed = self.state.note(event)
                        self._stash += self._news(event, tells and has_changed)
                    count += len(reply.records)
                    if not reply.records:
                        break
            except (errors.TransportError, errors.RemoteProtocolError):
                self._has_lost_records = True
                raise
            return count

    async def _tell_all_again(self) -> None:
        """Have the body tell its whole state, as a reply with records was lost; and list again what they may have announced."""
        await self.operations.insist(CanonOperation.SetEventMode, EVENTS)
        self._has_lost_records = False
        self._stash.append(OnCard(_event(EventCode.ObjectAdded, 0)))

    def _warn(self, code: int, text: str) -> None:
        """Log what is wrong with a kind of record: the first time as a warning."""
        log.log(logging.INFO if code in self._warned else logging.WARNING, "%s", text)
        self._warned.add(code)

    def _news(self, event: Event, has_changed: bool) -> Sequence[News]:
        match event:
            case PropertyChanged(code, value) if has_changed and code not in NOT_SETTINGS:
                setting = setting_of(code)
                if not setting.name.startswith(PREFIX):
                    return [Told(f"{setting.name}: {setting.read(value, self.state.offered(code))}")]
            case ObjectOnCard(handle=handle):
                return [OnCard(_event(EventCode.ObjectAdded if event.is_new else EventCode.ObjectInfoChanged, handle))]
            case TransferRequested(handle=handle):
                if self._waiting.get(handle) != event:
                    self._waiting[handle] = event
                    return [ShotWaits(handle)]
            case Numbered(code, number):
                return self._numbered_news(code, number)
            case Other(raw, trouble) if trouble:
                self._warn(raw.code, f"{trouble}; it is left out")
            case Other(raw):
                log.debug("record 0x%X: %s", raw.code, raw.body[:64].hex())
        return []

    def _numbered_news(self, code: int, number: int) -> Sequence[News]:
        if code in CARD_EVENTS:
            return [OnCard(_event(CARD_EVENTS[code], number))]
        if code == Record.CameraStatus and not number and self._awaits_shot:
            self._awaits_shot = False
            return [ShotComplete()]
        if code == Record.WillShutDownSoon:
            self._kept_on_at = -math.inf
        return []

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
        await self._ask()
        while self.state.number(Property.ShotsLeft) == 0 and trio.current_time() < until:
            await trio.sleep(NOT_NOW_STEP)
            await self._ask()

    async def release_shutter(self, *, autofocus: bool, exposure: float | None) -> ShotPlan:
        if await self.sends_here() and (self.state.number(Property.ShotsLeft) or 0) <= FEW_SHOTS:
            await self._make_room()
        plan: ShotPlan | None = None

        async def release() -> None:
            nonlocal plan
            self._awaits_shot = False
            plan = await self._shutter.release(autofocus=autofocus, exposure=exposure)

        await self._while_tethered(release)
        assert plan is not None
        self._awaits_shot = True
        return plan

    async def describe_shot(self, handle: int) -> WaitingShot:
        event = self._waiting.get(handle)
        if event is None:
            raise errors.NotFound(f"the camera holds no shot 0x{handle:08X}")
        ending = _ENDINGS.get(event.object_format, "BIN")
        name = event.name or f"IMG_{handle & 0xFFFF:04X}.{ending}"
        return WaitingShot(handle, name, 0 if event.size == SIZE_UNKNOWN else event.size)

    async def read_shot(self, shot: WaitingShot, keep: Keep) -> int:
        """Read a shot in pieces. It ends at the size that the body has announced, or, if it announced none, where it gives no more."""
        size = 0
        while size < (shot.size or MOST_BYTES):
            piece = await self._read_piece(shot.handle, size, min(MAX_PIECE, (shot.size or MOST_BYTES) - size))
            if not piece:
                break
            await keep(size, piece)
            size += len(piece)
        if size < shot.size:
            raise errors.RemoteProtocolError(f"{shot.name}: the camera gave {size} of {shot.size} bytes")
        return size

    async def _read_piece(self, handle: int, offset: int, size: int) -> bytes | memoryview:
        operation: int = Operation.GetPartialObject
        parameters: tuple[int, ...] = (handle, offset, size)
        if offset + size > SIZE_UNKNOWN:
            operation, parameters = (
                CanonOperation.CanonGetPartialObject64,
                (handle, offset & SIZE_UNKNOWN, size, offset >> 32),
            )
        elif Operation.GetPartialObject not in self.ptp.info.operations:
            operation = CanonOperation.CanonGetPartialObject
        until = trio.current_time() + NOT_READY
        while True:
            try:
                reply = await self.ptp.session.transact(operation, *parameters, limit=size, repeatable=True)
                return reply.data
            except errors.NotFound:
                self._waiting.pop(handle, None)  # the body was switched off, for example
                raise
            except errors.Refused as error:
                if error.code not in NOT_NOW or trio.current_time() >= until:
                    raise
            await trio.sleep(NOT_NOW_STEP)

    async def let_go(self, shot: WaitingShot) -> None:
        try:
            await self.operations.insist(CanonOperation.TransferComplete, shot.handle)
        except errors.Busy:
            raise
        except errors.Refused:
            self._waiting.pop(shot.handle, None)
            raise
        self._waiting.pop(shot.handle, None)

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
        """Return battery and lens, as the records have told them."""
        lines = []
        for label, code in (("battery-level", 0xD111), ("lens", 0xD1D8)):
            if value := self.state.values.get(code):
                lines.append((label, setting_of(code).read(value)))
        return lines


def _event(code: int, number: int) -> messages.Event:
    return messages.Event(code, NO_TRANSACTION, (number,))

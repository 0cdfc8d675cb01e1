"""The emulated body's state: who has it, what is pressed, what waits to be told and to be fetched.

::

                 SetRemoteMode(1) and SetEventMode(1)            the button is pressed, or a movie is started
    CARD READER ─────────────────────────────────────► TETHERED ─────────────────────────────────────────► BUSY
                ◄───────────────────────────────────── either with 0, `leave_tethering`, power ◄────────── until the shot is
                                                                                                             taken and fetched

The end of a session or of the cable's power leaves it tethered, with its keys dead: only the two operations, or switching it off, give it
back. A shot for the computer waits until TransferComplete names it, and is announced again when SetEventMode comes anew. Handles of such
shots are used again as soon as none waits. Facts: camfs/protocols/canon_eos/README.md, "Remote state" and the sections behind it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction

import trio

from camfs.errors import DeviceGone
from camfs.protocols.canon_eos.codes import (
    EVENT_WAITS,
    MOVIE_TO_CARD,
    Button,
    CanonResponse,
    Destination,
    EvfOutput,
    Property,
    Record,
)
from camfs.protocols.canon_eos.codings import BULB_CODES, SHUTTER, number_value
from camfs.protocols.canon_eos.events import Event, Numbered, ObjectOnCard, OnlineInfo, TransferRequested
from camfs.protocols.canon_eos.records import encode_reply
from camfs.protocols.canon_eos.words import MANUAL_FOCUS
from camfs.protocols.ptp.codes import EventCode, ObjectFormat, ResponseCode
from camfs.virtual.canon_eos import footage
from camfs.virtual.canon_eos.behaviour import FOCUS, NOTHING, RECORDS, RELEASE_ANSWERS, Behaviour
from camfs.virtual.canon_eos.properties import BULB_MODE, SHOTS_HERE, SHOTS_ON_CARD, Properties, takes
from camfs.virtual.pictures.contents import Content
from camfs.virtual.ptp.maker_body import MakerBody
from camfs.virtual.ptp.refusal import Refusal
from camfs.virtual.ptp.state import CameraState
from camfs.virtual.ptp.store import File, Node

FIRST_WAITING = 0x0100_0001
"""The handle of the first shot that waits for the computer; handles of objects on the card are checksums."""

SINGLE = 0

FOCUSED, NOT_FOCUSED = b"\1\1", b"\2\0"
BUTTON_AND_FOCUS = 0x0101
BUTTON_HALF, BUTTON_FAILED = 2, 3

EPOCH = datetime(1970, 1, 1)

LENS_STEPS = (1, 8, 40)
"""How far DriveLens moves the focus, by the size of its step."""

LENS_END = 400


@dataclass(frozen=True)
class WaitingShot:
    """A shot that waits for the computer."""

    handle: int
    name: str
    object_format: int
    content: Content


class EosBody(MakerBody):
    """What an emulated EOS body has beyond PTP.

    Args:
        state: the camera that it is.
        behaviour: how it behaves; a test may change it at any time.

    Attributes:
        properties: its properties.
        remote: the parameter of the last SetRemoteMode.
        sends_records: whether SetEventMode has switched the records on.
        waiting: shots for the computer that were not let go yet, by handle.
        locked: whether the computer has locked the body's display (SetUILock).
        recording: whether a movie is being recorded.
        focus_position: of the lens, from 0, near, to `LENS_END`.
        kept_on_at: when KeepDeviceOn came last.
        number: of the last picture or movie that it took.
        gone: whether it has switched itself off.
        is_deaf: whether it answers nothing, because the session before was closed.
    """

    def __init__(self, state: CameraState, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.properties = Properties()
        for name, text in behaviour.settings:
            self.properties.choose(name, text)
        self.remote = 0
        self.sends_records = False
        self.waiting: dict[int, WaitingShot] = {}
        self.locked = False
        self.recording = False
        self.focus_position = LENS_END // 2
        self.kept_on_at = 0.0
        self.gone = False
        self.is_deaf = False
        self._state = state
        self._records: list[Event] = []
        self._rests = False
        self._exposing = False
        self._bulb_since: float | None = None
        self._failure: str | None = None
        self.number = 0
        self._tethered_at = 0.0
        self._frames = 0
        self._ahead = timedelta()
        self._hidden_until: dict[int, float] = {}
        self._movie_since = 0.0
        for store in state.stores:
            store.on_change = self._card_changed

    # ------------------------------------------------------------------ who has it

    @property
    def is_tethered(self) -> bool:
        """Whether it is the computer's: records flow, and its keys are dead."""
        return bool(self.remote) and self.sends_records

    @property
    def keys_are_alive(self) -> bool:
        """Whether the photographer can use its keys."""
        return not self.is_tethered and not self.locked

    def set_remote_mode(self, mode: int) -> None:
        """0x9114."""
        self.remote = mode
        self._begin_or_end()

    def set_event_mode(self, mode: int) -> None:
        """0x9115. With 1 the records begin with the whole state."""
        self.sends_records = bool(mode)
        self._begin_or_end()
        if self.is_tethered:
            self._tell_everything()

    def _begin_or_end(self) -> None:
        if self.is_tethered:
            self._tethered_at = self.kept_on_at = trio.current_time()
            return
        self._records.clear()
        self._rests = False
        if self.recording:
            self._stop_movie()
        self.properties.put(Property.EvfOutput, 0)

    def leave_tethering(self) -> None:
        """Give the body to the photographer, as it may do by itself."""
        self.remote = 0
        self.sends_records = False
        self._begin_or_end()

    def session_opened(self) -> None:
        """Do what a session begins with: nothing. The body is as it was."""

    def session_closed(self) -> None:
        self.is_deaf = self.behaviour.forgets_session

    def session_ended(self) -> None:
        """Do what the end of the PTP session brings: nothing. It stays tethered."""

    def power_lost(self) -> None:
        """Do what pulling the cable brings. The body has a battery: it stays tethered, and knows no session any more."""
        self.is_deaf = False

    def power_cycled(self) -> None:
        """Switch it off and on: it is the photographer's, and what waited is lost."""
        self.waiting.clear()
        self.locked = self.gone = False
        self.leave_tethering()

    def require_tether(self) -> None:
        """Refuse what only a tethered body does.

        Raises:
            Refusal: it is not tethered, or it is still busy.
        """
        self.advance()
        if not self.is_tethered:
            raise Refusal(ResponseCode.GeneralError)
        if self.behaviour.busy:
            self.behaviour.busy -= 1
            raise Refusal(ResponseCode.DeviceBusy)

    def advance(self) -> None:
        """Do what was to happen by now.

        Raises:
            DeviceGone: it has switched itself off.
        """
        now, behaviour = trio.current_time(), self.behaviour
        if not self.is_tethered:
            return
        if behaviour.auto_off is not None and now - self.kept_on_at > behaviour.auto_off:
            self.gone = True
            self.leave_bus()
            raise DeviceGone("the emulated body has switched itself off")
        if behaviour.presses is not None and now - self._tethered_at >= behaviour.presses:
            behaviour.presses = None
            self.press_shutter()

    # ------------------------------------------------------------------ records

    def tell(self, *events: Event) -> None:
        """Let events wait for GetEvent."""
        if self.is_tethered and events:
            self._records += events
            self._state.notify(EVENT_WAITS)

    def take_records(self) -> bytes:
        """Return the reply to GetEvent."""
        self.advance()
        if not self.is_tethered:
            raise Refusal(ResponseCode.GeneralError)
        count = len(self._records)
        if self.behaviour.pieces is not None:
            self._rests = not self._rests
            count = 0 if not self._rests else self.behaviour.pieces
        part, self._records = self._records[:count], self._records[count:]
        return encode_reply(event.record() for event in part)

    def _tell_everything(self) -> None:
        self._update_clock()
        told: list[Event] = []
        for code, own in self.properties.values.items():
            if not own.on_request:
                told += [self.properties.value_of(code), self.properties.list_of(code)]
        told.append(Numbered(Record.CardChecked, self._state.stores[0].id))
        told += [self._request(shot) for shot in self.waiting.values()]
        self._records = []
        self.tell(*told)

    def _update_clock(self) -> None:
        seconds = int((self.now() - EPOCH).total_seconds())
        self.properties.put(Property.DateTime, seconds & 0xFFFF_FFFF)

    def now(self) -> datetime:
        """Return the time on its clock, which has no zone."""
        return (datetime.now() + self._ahead).replace(microsecond=0)

    def request_value(self, code: int) -> None:
        """0x9127: have a value told."""
        if code not in self.properties.values:
            raise Refusal(ResponseCode.GeneralError)
        if code == Property.DateTime:
            self._update_clock()
        self.tell(self.properties.value_of(code))

    # ------------------------------------------------------------------ settings

    def write(self, code: int, value: bytes) -> None:
        """0x9110: set a property for the computer."""
        if code not in self.properties.values:
            raise Refusal(ResponseCode.DevicePropNotSupported)
        if not takes(self.properties, code, value):
            raise Refusal(ResponseCode.DeviceBusy)
        if code == Property.DateTime:
            moment = EPOCH + timedelta(seconds=int.from_bytes(value, "little"))
            self._ahead = moment - datetime.now()
        before = self.properties.number(code)
        self.tell(*self.properties.put(code, value))
        if code == Property.CaptureDestination:
            here = self.properties.number(code) & Destination.COMPUTER
            self.tell(*self.properties.put(Property.ShotsLeft, 0 if here else SHOTS_ON_CARD))
        elif code == Property.EvfOutput and not before & EvfOutput.COMPUTER:
            self._frames = 0
        elif code == Property.MovieRecording:
            self._record(value == number_value(MOVIE_TO_CARD))

    def note_capacity(self, clusters: int) -> None:
        """0x911A: the computer says how much room it has; now shots can go there."""
        if self.properties.number(Property.CaptureDestination) & Destination.COMPUTER:
            self.tell(*self.properties.put(Property.ShotsLeft, min(SHOTS_HERE, clusters)))

    def turn_dial(self, name: str) -> None:
        """Turn the dial, as the photographer does."""
        before = self.properties.exposure_mode
        self.properties.choose("exposure-mode", name)
        mode = self.properties.exposure_mode
        self.properties.values[Property.ExposureMode].value = number_value(before)
        self.tell(*self.properties.put(Property.ExposureMode, mode))

    # ------------------------------------------------------------------ the shutter

    @property
    def is_busy(self) -> bool:
        """Whether it takes no picture now: one is being taken, or waits for the computer."""
        return self._exposing or bool(self.waiting)

    @property
    def _is_bulb(self) -> bool:
        mode = self.properties.exposure_mode
        return mode == BULB_MODE or (mode == 3 and self.properties.number(Property.ShutterSpeed) in BULB_CODES)

    def press(self, button: int, *, focuses: bool) -> Callable[[], object] | None:
        """0x9128: press the button half way or down; return what follows when it has answered."""
        if self.is_busy or self._bulb_since is not None:
            raise Refusal(ResponseCode.DeviceBusy)
        if self.properties.exposure_mode == 0x14:
            raise Refusal(ResponseCode.GeneralError)
        if button & Button.HALF:
            self._failure = self.behaviour.failures.pop(0) if self.behaviour.failures else None
            if focuses:
                self._focus()
        if not button & Button.FULL:
            return None
        if self._failure is None and self.behaviour.failures:
            self._failure = self.behaviour.failures.pop(0)
        failure, self._failure = self._failure, None
        if failure is not None and failure in RELEASE_ANSWERS:
            raise Refusal(RELEASE_ANSWERS[failure])
        if failure == NOTHING or (failure == FOCUS and focuses):
            return None
        destination = self.properties.number(Property.CaptureDestination)
        if destination & Destination.COMPUTER and not self.properties.number(Property.ShotsLeft):
            raise Refusal(CanonResponse.ObjectNotReady)
        if self._is_bulb:
            self._bulb_since = trio.current_time()
            return None
        self._begin_exposure()
        return lambda: self._expose(self._exposure())

    def _focus(self) -> None:
        if self.properties.number(Property.FocusMode) == MANUAL_FOCUS or not self.behaviour.reports_focus:
            return
        failed = self._failure == FOCUS
        button = bytes((BUTTON_FAILED if failed else BUTTON_HALF, 0))
        fields = button + bytes(4) + (NOT_FOCUSED if failed else FOCUSED)
        self.tell(OnlineInfo(BUTTON_AND_FOCUS, fields, 8 + len(fields)))

    def let_go(self, button: int) -> Callable[[], object] | None:
        """0x9129: let the button go, which ends a bulb exposure."""
        if self._bulb_since is None or not button & Button.FULL:
            return None
        self.tell(Numbered(Record.BulbSeconds, int(trio.current_time() - self._bulb_since)))
        self._bulb_since = None
        self._begin_exposure()
        return lambda: self._expose(0)

    def _begin_exposure(self) -> None:
        self._exposing = True
        self.tell(Numbered(Record.CameraStatus, 1))

    def _exposure(self) -> float:
        """Return the seconds of an exposure that takes noticeable time."""
        text = SHUTTER.decode(self.properties.values[Property.ShutterSpeed].value)
        try:
            seconds = float(Fraction(text))
        except ValueError:
            return 0
        return seconds if seconds >= 1 and self.properties.exposure_mode in (1, 3) else 0

    async def _expose(self, seconds: float) -> None:
        try:
            await trio.sleep(self.behaviour.snap_time + seconds)
            drive = self.properties.number(0xD106)
            for _ in range(self.behaviour.burst if drive in (1, 4, 5) else 1):
                self._take()
        finally:
            self._exposing = False
            if not self.waiting:
                self.tell(Numbered(Record.CameraStatus, 0))

    def press_shutter(self) -> None:
        """Take a picture at once, as the photographer does with the body's own button."""
        self._take()

    def _take(self) -> None:
        destination = (
            self.properties.number(Property.CaptureDestination) if self.is_tethered else Destination.FIRST_CARD
        )
        card = self._state.stores[0]
        self.number = max(self.number + 1, card.next_number())
        for name, content, object_format in footage.files(self.properties, self.number, self.now()):
            if destination & ~Destination.COMPUTER:
                file = card.add_file(f"DCIM/{self._state.capture.folder.rpartition('/')[2]}", name, content, self.now())
                file.object_format = object_format
            if destination & Destination.COMPUTER:
                handle = FIRST_WAITING + len(self.waiting)
                shot = WaitingShot(handle, name, object_format, content)
                self.waiting[handle] = shot
                self.tell(self._request(shot))
        if destination & Destination.COMPUTER:
            self.tell(Numbered(Record.CameraStatus, 1))

    def _request(self, shot: WaitingShot) -> TransferRequested:
        code = RECORDS[self.behaviour.records][1]
        return TransferRequested(code, shot.handle, shot.object_format, shot.content.size, shot.name)

    def transfer_complete(self, handle: int) -> None:
        """0x9117, 0x9118: drop a shot that waited."""
        if self.waiting.pop(handle, None) is None:
            raise Refusal(ResponseCode.InvalidObjectHandle)
        if not self.is_busy:
            self.tell(Numbered(Record.CameraStatus, 0))

    # ------------------------------------------------------------------ the card

    def _card_changed(self, code: EventCode, handle: int) -> None:
        if not self.is_tethered:
            self._state.notify(code, handle)
            return
        if code == EventCode.ObjectRemoved:
            self.tell(Numbered(Record.ObjectRemoved, handle))
            return
        node = self._state.objects.get(handle)
        assert node is not None
        if self.behaviour.late:
            self._hidden_until[handle] = trio.current_time() + self.behaviour.late
        self.tell(self._added(node))

    def _added(self, node: Node) -> ObjectOnCard:
        code = RECORDS[self.behaviour.records][0]
        is_file = isinstance(node, File)
        return ObjectOnCard(
            code,
            node.handle,
            node.store.id,
            ObjectFormat.EXIF_JPEG if is_file else ObjectFormat.Association,
            node.size if isinstance(node, File) else 0,
            node.parent.handle if node.parent is not None else 0,
            node.name,
            node.handle ^ 2,
            unix_time=int((self.now() - EPOCH).total_seconds()) if code == Record.ObjectAdded else None,
        )

    def is_hidden(self, handle: int) -> bool:
        """Say whether an object was announced and cannot be described yet."""
        return trio.current_time() < self._hidden_until.get(handle, 0.0)

    # ------------------------------------------------------------------ live view, focus, movies

    def view(self) -> bytes:
        """0x9153: return a frame."""
        if not self.properties.number(Property.EvfOutput) & EvfOutput.COMPUTER:
            raise Refusal(ResponseCode.DeviceBusy)
        self._frames += 1
        if self._frames <= self.behaviour.not_ready:
            raise Refusal(CanonResponse.ObjectNotReady)
        return footage.frame(self._frames)

    def drive_lens(self, step: int) -> None:
        """0x9155."""
        size, farther = step & 0x7FFF, bool(step & 0x8000)
        if not 1 <= size <= len(LENS_STEPS):
            raise Refusal(ResponseCode.InvalidParameter)
        if not self.properties.number(Property.EvfOutput) & EvfOutput.COMPUTER:
            raise Refusal(ResponseCode.GeneralError)
        moved = self.focus_position + LENS_STEPS[size - 1] * (1 if farther else -1)
        self.focus_position = min(max(moved, 0), LENS_END)

    def autofocus(self) -> None:
        """0x9154."""
        if not self.properties.number(Property.EvfOutput) & EvfOutput.COMPUTER:
            raise Refusal(ResponseCode.GeneralError)
        failed = self.behaviour.failures[:1] == [FOCUS]
        if failed:
            self.behaviour.failures.pop(0)
        else:
            self.focus_position = LENS_END // 3
        self.tell(OnlineInfo(0x0100, bytes(4) + (NOT_FOCUSED if failed else FOCUSED), 14))

    def select_movies(self, on: bool) -> None:
        """0x9133, 0x9134: the switch for movies."""
        self.properties.in_movie_mode = on
        self.tell(self.properties.list_of(Property.MovieRecording))

    def _record(self, start: bool) -> None:
        if start and not self.recording:
            self.recording, self._movie_since = True, trio.current_time()
            self.tell(Numbered(Record.MovieSeconds, 0))
        elif not start and self.recording:
            self._stop_movie()

    def _stop_movie(self) -> None:
        self.recording = False
        seconds = trio.current_time() - self._movie_since
        card = self._state.stores[0]
        self.number = max(self.number + 1, card.next_number())
        name, content = footage.movie(self.number, seconds)
        card.add_file(f"DCIM/{self._state.capture.folder.rpartition('/')[2]}", name, content, self.now())

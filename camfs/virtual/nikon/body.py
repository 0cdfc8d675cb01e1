"""The emulated Nikon's state beyond PTP: who has it, the events that wait to be asked for, the pictures in its memory.

::

                ChangeCameraMode(1)
    PLAIN ────────────────────────────► CONTROLLED
          ◄────────────────────────────
          ChangeCameraMode(0), the end of the session, `leave_by_itself`

An event waits in the queue until CheckEvent or GetEventEx takes it, and goes over the link as well, as on a D5600. Pictures for the
computer wait in the memory: the oldest is FFFF0001, whatever came before it under that handle, until it is deleted. The end of the
session empties memory and queue.

The awkward sides (camfs/virtual/README.md, "What an emulated Nikon does") are `Awkward`; the first two always are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime

import trio

from camfs.protocols.nikon.codes import IN_MEMORY, NikonEvent, NikonResponse
from camfs.protocols.nikon.settings import files_of_quality
from camfs.protocols.ptp.codes import NO_TRANSACTION, EventCode, ObjectFormat, ResponseCode
from camfs.protocols.ptp.messages import Event
from camfs.virtual.nikon import properties as own
from camfs.virtual.pictures import generated as pictures
from camfs.virtual.ptp.maker_body import MakerBody
from camfs.virtual.ptp.options import Options
from camfs.virtual.ptp.refusal import Refusal
from camfs.virtual.ptp.state import CameraState

FOLDER = "DCIM/100NZ6__"
PREFIX = "DSC_"

MOST_EVENTS = 4096
"""Events that wait in the queue."""

RAW_QUALITY = 7
QUALITIES = range(14)

SERIES = (2, 0x8010, 0x8019)
"""Drive modes in which one release takes several pictures."""


@dataclass
class Awkward:
    """What is awkward about the body.

    Attributes:
        busy: how often a release is answered with DeviceBusy and InvalidStatus, in turn, before it is done.
        unready: how often DeviceReady says no after the exposure.
        late: seconds between the event of a new object and its description.
        no_focus: how many autofocus drives find nothing.
        full: whether the card is full.
        locked: whether the body is in a mode without control: it lists its card, and refuses everything else.
        greyed: whether the computer can write apertures and times only when it has the body.
        leaves: seconds after which it leaves the computer's control by itself; 0 never.
        polled: whether events come by CheckEvent alone; otherwise over the link as well.
        press: seconds after a host has first asked for the stores at which the photographer takes a picture; 0 never.
        dark: whether frames of the live view hold no picture.
        long_events: whether lists of events announce 60,000 more than they hold.
    """

    busy: float = 2
    unready: float = 1
    late: float = 0
    no_focus: float = 0
    full: float = 0
    locked: float = 0
    greyed: float = 0
    leaves: float = 0
    polled: float = 0
    press: float = 0
    dark: float = 0
    long_events: float = 0


@dataclass
class MemoryPicture:
    """A picture that waits in the body's memory."""

    name: str
    data: bytes
    format: int
    taken: datetime


class NikonState(MakerBody):
    """The body.

    Args:
        state: of the PTP camera.
        options: what the user or the test asked for.

    Attributes:
        controlled: whether the computer has the body.
        memory: pictures for the computer, oldest first.
        queue: events that wait to be asked for.
        live_view, recording: whether they are on.
        awkward: see `Awkward`.
        exposing_until: when the exposure under way ends.
        frames: how many frames of the live view were given.
        lost: names of pictures that were in the memory when the session ended.
    """

    def __init__(self, state: CameraState, options: Options) -> None:
        self.controlled = False
        self.memory: list[MemoryPicture] = []
        self.queue: list[Event] = []
        self.live_view = self.recording = False
        self.awkward = Awkward()
        self.exposing_until = 0.0
        self.frames = 0
        self.lost: list[str] = []
        self.focus_position = 0
        self._state = state
        self._snap_time = options.snap_time
        self._busy_answers = self._unready_answers = 0
        self._seen_from: dict[int, float] = {}
        self._ends_at: Callable[[], None] | None = None
        self._session_began = -1.0
        self._newest = 0
        self._pressed = False
        self._bulb = False
        self._to_memory = False
        known = {each.name for each in fields(Awkward)}
        for name, number in options.awkward:
            if name not in known:
                raise ValueError(f"option awkward: {name!r} is none of {', '.join(sorted(known))}")
            setattr(self.awkward, name, 1.0 if number is None else number)
        state.properties.update(
            own.make_properties(lambda: self.controlled, lambda: self.controlled or not self.awkward.greyed)
        )
        listed = tuple(code for code in sorted(state.properties) if code < own.VENDOR)
        state.device_info = replace(state.device_info, device_properties=listed)

    # ------------------------------------------------------------------ MakerBody

    def session_opened(self) -> None:
        self._session_began = trio.current_time()
        self.queue.clear()

    def session_ended(self) -> None:
        self.lost += [picture.name for picture in self.memory]
        self.memory.clear()
        self.queue.clear()
        self.controlled = self.live_view = self.recording = self._bulb = False
        self._ends_at = None
        self._session_began = -1.0
        self._set(own.LIVE_VIEW, 0)
        self._set(own.APPLICATION, 0)

    def power_lost(self) -> None:
        self.session_ended()

    def happened(self, event: Event) -> bool:
        if self._session_began >= 0 and len(self.queue) < MOST_EVENTS:
            self.queue.append(Event(event.code, NO_TRANSACTION, event.parameters[:1]))
        if event.code == EventCode.ObjectAdded and event.parameters and self.awkward.late:
            self._seen_from[event.parameters[0]] = trio.current_time() + self.awkward.late
        return not self.awkward.polled and event.code < 0xC000

    # ------------------------------------------------------------------ time

    def advance(self) -> None:
        """Do what was to happen by now."""
        now = trio.current_time()
        if self._ends_at is not None and not self._bulb and now >= self.exposing_until:
            ends, self._ends_at = self._ends_at, None
            ends()
        since = now - self._session_began
        if self.controlled and self.awkward.leaves and since >= self.awkward.leaves:
            self.awkward.leaves = 0
            self.leave_by_itself()

    async def press_in_time(self) -> None:
        """Take a picture as the photographer does, once, when it is time for that."""
        if self.awkward.press and not self._pressed:
            self._pressed = True
            await trio.sleep(self.awkward.press)
            self.press_shutter()

    @property
    def is_exposing(self) -> bool:
        return self._bulb or self._ends_at is not None

    def leave_by_itself(self) -> None:
        """Leave the computer's control, as when the photographer opens a menu or the body switches live view off."""
        self.controlled = False
        if self.live_view:
            self.end_live_view()

    # ------------------------------------------------------------------ modes

    def change_mode(self, controlled: bool) -> None:
        """ChangeCameraMode."""
        self.refuse_if_locked()
        self.controlled = controlled

    def refuse_if_locked(self) -> None:
        if self.awkward.locked:
            raise Refusal(NikonResponse.InvalidStatus)

    def _refuse_when_busy(self, old: bool = False) -> None:
        """Refuse for a while. To older operations it never says InvalidStatus, at which libgphoto2 gives up."""
        self.refuse_if_locked()
        if self._busy_answers < self.awkward.busy:
            self._busy_answers += 1
            is_busy = old or self._busy_answers % 2
            raise Refusal(ResponseCode.DeviceBusy if is_busy else NikonResponse.InvalidStatus)
        self._busy_answers = 0

    # ------------------------------------------------------------------ shots

    def release(self, *, to_memory: bool, focuses: bool, old: bool = False) -> None:
        """Release the shutter; `old`: by an operation that older bodies have, too.

        Raises:
            Refusal: the body cannot do that now.
        """
        if self.is_exposing:
            raise Refusal(ResponseCode.DeviceBusy)
        time = self._state.properties[own.FRACTION].value
        if time in (own.BULB, own.TIMED) and not self.controlled:
            raise Refusal(NikonResponse.ShutterSpeedBulb)
        if self.awkward.full and not to_memory:
            raise Refusal(ResponseCode.StoreFull)
        self._refuse_when_busy(old)
        self._to_memory = to_memory
        self._unready_answers = 0
        if focuses and self.awkward.no_focus >= 1:
            self.awkward.no_focus -= 1
            self._focus_failed = True
            return
        self._focus_failed = False
        self.live_view = False  # without a word
        self._set(own.LIVE_VIEW, 0)
        self._bulb = time == own.BULB
        number = self._state.properties[own.NUMBER].value if self._state.properties[own.DRIVE].value in SERIES else 1
        assert isinstance(number, int)
        self.exposing_until = trio.current_time() + self._snap_time + own.seconds_of(time)
        self._ends_at = lambda: self._finish(number, to_memory)

    def terminate(self) -> None:
        """TerminateCapture: end a bulb exposure."""
        if not self._bulb:
            raise Refusal(ResponseCode.CaptureAlreadyTerminated)
        self._bulb = False
        self.exposing_until = trio.current_time() + self._snap_time

    _focus_failed = False

    def check_ready(self) -> None:
        """DeviceReady.

        Raises:
            Refusal: it is not, or what was begun has failed.
        """
        self.advance()
        if self._focus_failed:
            self._focus_failed = False
            raise Refusal(NikonResponse.OutOfFocus)
        if self._bulb:
            raise Refusal(NikonResponse.BulbReleaseBusy)
        if self.is_exposing:
            raise Refusal(ResponseCode.DeviceBusy)
        if self._unready_answers < self.awkward.unready:
            self._unready_answers += 1
            raise Refusal(ResponseCode.DeviceBusy)

    def press_shutter(self) -> None:
        """Take a picture as the photographer does with the body's button."""
        self._finish(1, self._state.properties[own.MEDIA].value == 1)

    def _finish(self, number: int, to_memory: bool) -> None:
        """Write the pictures of a release, to the memory or to the card."""
        quality = self._state.properties[own.QUALITY].value
        assert isinstance(quality, int)
        for _ in range(number):
            shot = pictures.Shot(self._number(), self._state.now())
            for name, data, code in _files(shot, quality):
                if to_memory:
                    self.memory.append(MemoryPicture(name, data, code, shot.taken))
                    self._state.send(Event(NikonEvent.ObjectAddedInSDRAM, NO_TRANSACTION, (0,)))
                else:
                    store = self._state.stores[0]
                    store.add_file(FOLDER, name, data, shot.taken)
        code = NikonEvent.CaptureCompleteRecInSdram if to_memory else EventCode.CaptureComplete
        self._state.send(Event(code, NO_TRANSACTION, (0,)))

    def _number(self) -> int:
        """Return the number of a new file, which is used once, wherever the file goes."""
        self._newest = max(self._state.stores[0].next_number(), self._newest + 1)
        return self._newest

    def picture(self, handle: int) -> MemoryPicture | None:
        """Return the picture in the memory with a handle; None if the handle is not one of the memory's.

        Raises:
            Refusal: there is none.
        """
        if handle & 0xFFFF0000 != 0xFFFF0000 or handle == 0xFFFFFFFF:
            return None
        if handle != IN_MEMORY or not self.memory:
            raise Refusal(ResponseCode.InvalidObjectHandle)
        return self.memory[0]

    def check_seen(self, handle: int) -> None:
        """Refuse to describe an object whose event has come before it."""
        if trio.current_time() < self._seen_from.get(handle, 0.0):
            raise Refusal(ResponseCode.InvalidObjectHandle)

    # ------------------------------------------------------------------ focus, live view, movies

    def focus(self) -> None:
        """AfDrive."""
        self._refuse_when_busy()
        self._unready_answers = 0
        self._focus_failed = self.awkward.no_focus >= 1
        if self._focus_failed:
            self.awkward.no_focus -= 1

    def drive_focus(self, direction: int, steps: int) -> None:
        """MfDrive: the lens has a thousand steps.

        Raises:
            Refusal: live view is off, or the lens is at its end.
        """
        if not self.live_view:
            raise Refusal(NikonResponse.NotLiveView)
        if direction not in (1, 2) or not 1 <= steps <= 32767:
            raise Refusal(ResponseCode.InvalidParameter)
        target = self.focus_position + (-steps if direction == 1 else steps)
        self.focus_position = min(max(target, 0), 1000)
        self._unready_answers = 0
        if target != self.focus_position:
            raise Refusal(NikonResponse.MfDriveStepEnd)

    def start_live_view(self) -> None:
        """StartLiveView; libgphoto2 gives up at InvalidStatus here, so the body is never that busy."""
        self.refuse_if_locked()
        self._unready_answers = 0
        self.live_view = True
        self._set(own.LIVE_VIEW, 1)
        self._state.send(Event(NikonEvent.LiveViewStateChanged, NO_TRANSACTION, (1,)))

    def end_live_view(self) -> None:
        """EndLiveView; it is no error that it is off."""
        if self.live_view:
            self.live_view = False
            self._set(own.LIVE_VIEW, 0)
            self._state.send(Event(NikonEvent.LiveViewStateChanged, NO_TRANSACTION, (0,)))

    def start_movie(self) -> None:
        """StartMovieRecInCard.

        Raises:
            Refusal: live view is off, the movie application is off, or the card is full.
        """
        if not self.live_view:
            raise Refusal(NikonResponse.NotLiveView)
        if not self._state.properties[own.APPLICATION].value:
            raise Refusal(NikonResponse.InvalidStatus)
        if self.awkward.full:
            raise Refusal(ResponseCode.StoreFull)
        self.recording = True
        self._state.send(Event(NikonEvent.MovieRecordStarted, NO_TRANSACTION, (0,)))

    def end_movie(self) -> None:
        """EndMovieRec."""
        if not self.recording:
            raise Refusal(NikonResponse.InvalidStatus)
        self.recording = False
        number = self._number()
        self._state.stores[0].add_file(
            FOLDER, f"{PREFIX}{number:04}.MOV", b"\0\0\0\x14ftypqt  " + bytes(4096), self._state.now()
        )
        self._state.send(Event(NikonEvent.MovieRecordComplete, NO_TRANSACTION, (0,)))

    # ------------------------------------------------------------------ properties

    def _set(self, code: int, value: int) -> None:
        self._state.properties[code].put(value)

    def follow(self, code: int) -> Sequence[int]:
        """Change what changes with a property; return the properties whose value or description is another now."""
        changed = [code]
        twin = own.twin_of(code, self._state.properties[code].value)
        if twin is not None:
            self._set(*twin)
            changed.append(twin[0])
        if code in (own.ISO, own.LONG_ISO):
            self._set(own.ISO_NOW, int(str(self._state.properties[code].value)))
        if code == own.MODE:
            changed += [own.APERTURE, own.TIME, own.FRACTION]
        return changed


def _files(shot: pictures.Shot, quality: int) -> Sequence[tuple[str, bytes, int]]:
    """Return name, bytes and format of each file of a picture."""
    name = f"{PREFIX}{shot.number:04}"
    jpeg = (f"{name}.JPG", pictures.jpeg(shot), int(ObjectFormat.EXIF_JPEG))
    raw = (f"{name}.NEF", pictures.dng(shot), int(ObjectFormat.Undefined))
    if files_of_quality(quality, QUALITIES) == 2:
        return [raw, jpeg]
    return [raw if quality == RAW_QUALITY else jpeg]


def nikon(state: CameraState) -> NikonState:
    """Return the body of an emulated Nikon."""
    assert isinstance(state.maker, NikonState)
    return state.maker

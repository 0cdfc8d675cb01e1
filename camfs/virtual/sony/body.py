"""The emulated Sony's state beyond PTP: how far the handshake is, its properties, its buttons, the pictures in its memory.

::

             Connect(1)      Connect(2)          Connect(3)
    CLOSED ─────────► 1 ─────────► 2 ─────────────────────────► REMOTE
           ◄────────────────────────────────────────────────────
              the end of the session, `leave_by_itself`

Only in REMOTE does it tell its state and obey. It shows no card: pictures for the computer wait in its memory, the oldest is 0xFFFFC001,
and reading it removes it. A picture is taken when the release is pressed all the way::

    half pressed ──► focus found or not ──► fully pressed ──► exposure ──► memory, C201 ──► read, D215 counts down

The awkward sides (camfs/virtual/README.md, "What an emulated Sony does") are `Awkward`.
"""

from dataclasses import dataclass, fields, replace
from datetime import datetime

import trio

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.ptp.codes import NO_TRANSACTION, ObjectFormat, ResponseCode
from camfs.protocols.ptp.datasets import Enumeration, Range
from camfs.protocols.ptp.messages import Event
from camfs.protocols.ptp.values import Reader, Value
from camfs.protocols.sony.codes import (
    DIRECT,
    DOWN,
    NEXT_SHOT,
    STEPWISE,
    TO_CARD,
    UP,
    WAITING,
    Button,
    Focus,
    SonyEvent,
    SonyProperty,
)
from camfs.protocols.sony.datasets import SETTABLE, Enabled, PropertyState
from camfs.protocols.sony.settings import pictures_of, seconds_of
from camfs.virtual.pictures import generated as pictures
from camfs.virtual.ptp.maker_body import MakerBody
from camfs.virtual.ptp.options import Options
from camfs.virtual.ptp.refusal import Refusal
from camfs.virtual.ptp.state import CameraState
from camfs.virtual.sony import properties as own

PREFIX = "DSC0"
FOLDER = "100MSDCF"

FRAME_TIME = 0.02
"""Seconds between two frames of the live view."""

SERIES = 3
"""Pictures of a release in a continuous drive mode."""

CONTINUOUS = frozenset({2, 0x8010, 0x8012, 0x8013, 0x8014, 0x8015})

LENS_END = 100

RAW = 0xB101
"""The object format of an ARW."""


@dataclass
class Awkward:
    """What is awkward about the body.

    Attributes:
        modern: whether it has the newer protocol, as an A7S III; else the older one, as an A6000.
        mtp: whether it is in the mode MTP: a plain PTP camera with a card.
        pseudo: whether it lists a storage in PC Remote, in which there is nothing.
        empty: how often GetExtDeviceInfo answers with nothing, before it answers.
        early: seconds after the handshake in which a picture is lost.
        slow: seconds that each step of a setting takes.
        backwards: whether steps go the other way.
        busy: how often a press of the release is answered with DeviceBusy.
        no_focus: how many times focusing finds nothing.
        full: whether there is no room for a picture anywhere.
        leftover: pictures that a previous program has left in the memory.
        program: whether the dial is at P, so that aperture and time are only shown.
        greyed: whether aperture, time, iso and focus mode are greyed out.
        press: seconds after the handshake at which the photographer takes a picture; 0 never.
        leaves: seconds after the handshake at which the body leaves the computer's control; 0 never.
        dark: whether frames of the live view hold no picture.
        long_lists: whether GetAllDevicePropData announces 60,000 more than it holds.
    """

    modern: float = 0
    mtp: float = 0
    pseudo: float = 0
    empty: float = 0
    early: float = 0
    slow: float = 0
    backwards: float = 0
    busy: float = 0
    no_focus: float = 0
    full: float = 0
    leftover: float = 0
    program: float = 0
    greyed: float = 0
    press: float = 0
    leaves: float = 0
    dark: float = 0
    long_lists: float = 0


@dataclass
class MemoryPicture:
    """A picture that waits in the body's memory."""

    name: str
    data: bytes
    format: int
    taken: datetime


class SonyState(MakerBody):
    """The body.

    Args:
        state: of the PTP camera.
        options: what the user or the test asked for.

    Attributes:
        phase: of the handshake; 3 in remote control.
        entries: its properties, by code.
        memory: pictures for the computer, oldest first.
        on_card: names of the pictures that went to the card.
        lost: names of pictures that were taken too early, or lost with the power.
        presses: all that buttons were told, in order.
        focus_position: of the lens.
        awkward: see `Awkward`.
    """

    def __init__(self, state: CameraState, options: Options) -> None:
        self.phase = 0
        self.memory: list[MemoryPicture] = []
        self.on_card: list[str] = []
        self.lost: list[str] = []
        self.presses: list[tuple[int, int]] = []
        self.focus_position = 0
        self.awkward = Awkward()
        self._state = state
        self._snap_time = options.snap_time
        self._buttons: dict[int, int] = {}
        self._connected_at = 0.0
        self._steps: list[tuple[float, int, int]] = []
        self._ends_at: float | None = None
        self._bulb = self._pressed = False
        self._next_frame = 0.0
        self._taken = 0
        known = {each.name for each in fields(Awkward)}
        for name, number in options.awkward:
            if name not in known:
                raise ValueError(f"option awkward: {name!r} is none of {', '.join(sorted(known))}")
            setattr(self.awkward, name, 1.0 if number is None else number)
        table = own.DIRECT_PROPERTIES if self.awkward.modern else own.STEPWISE_PROPERTIES
        self.entries = {entry.code: entry for entry in table}
        if self.awkward.program:
            self.turn_dial(own.PROGRAM)
        if self.awkward.greyed:
            for code in (*own.DIALS, SonyProperty.FocusMode):
                self.entries[code] = replace(self.entries[code], enabled=Enabled.GREYED_OUT)
        for _ in range(int(self.awkward.leftover)):
            self._store()

    @property
    def version(self) -> int:
        """The version of the protocol that it has."""
        return DIRECT if self.awkward.modern else STEPWISE

    # ------------------------------------------------------------------ MakerBody

    def session_ended(self) -> None:
        """Return to the photographer. What is in the memory stays there."""
        self.advance()
        self.phase = 0
        self._buttons.clear()
        self._bulb = False
        self._ends_at = None
        self.put(SonyProperty.MovieState, 0)
        self.put(SonyProperty.FocusFound, Focus.Idle)

    def power_lost(self) -> None:
        self.session_ended()

    def power_cycled(self) -> None:
        self.lost += [picture.name for picture in self.memory]
        self.memory.clear()

    # ------------------------------------------------------------------ handshake

    def connect(self, phase: int) -> None:
        """Connect: the phases follow one another, and may begin anew at any time.

        Raises:
            Refusal: this is not the next one.
        """
        if phase not in (1, self.phase + 1):
            raise Refusal(ResponseCode.GeneralError)
        self.phase = phase
        if phase == 3:
            self._connected_at = trio.current_time()
            self._next_frame = self._connected_at + 2 * FRAME_TIME

    def require_remote(self) -> None:
        """See that the handshake is complete, and do what was to happen by now.

        Raises:
            Refusal: it is not.
        """
        self.advance()
        if self.phase != 3:
            raise Refusal(ResponseCode.GeneralError)

    def leave_by_itself(self) -> None:
        """Leave the computer's control, as when the photographer opens a menu."""
        self.session_ended()

    # ------------------------------------------------------------------ time

    def advance(self) -> None:
        """Do what was to happen by now."""
        now = trio.current_time()
        while self._steps and self._steps[0][0] <= now:
            _, code, value = self._steps.pop(0)
            self.put(code, value)
        if self._ends_at is not None and now >= self._ends_at:
            self._ends_at = None
            self._finish()
        if self.phase == 3 and self.awkward.leaves and now >= self._connected_at + self.awkward.leaves:
            self.awkward.leaves = 0
            self.leave_by_itself()

    async def press_in_time(self) -> None:
        """Take a picture as the photographer does, once, when it is time for that."""
        if self.awkward.press and not self._pressed:
            self._pressed = True
            await trio.sleep(self.awkward.press)
            self.press_shutter()

    # ------------------------------------------------------------------ properties

    def put(self, code: int, value: Value) -> None:
        """Set a property as the body itself does."""
        if code in self.entries:
            self.entries[code] = replace(self.entries[code], current=value)

    def value(self, code: int) -> Value | None:
        """Return the value of a property; None if this body does not have it."""
        return self.entries[code].current if code in self.entries else None

    def turn_dial(self, mode: int) -> None:
        """Turn the mode dial to M (1) or P (2), which shows aperture and time only."""
        self.put(SonyProperty.ExposureMode, mode | ((mode - 1) << 16 if self.awkward.modern else 0))
        for code in (SonyProperty.Aperture, SonyProperty.ShutterSpeed):
            enabled = Enabled.YES if mode == own.MANUAL else Enabled.SHOWN_ONLY
            self.entries[code] = replace(self.entries[code], enabled=enabled)

    def told(self) -> list[PropertyState]:
        """Return what GetAllDevicePropData tells."""
        count = len(self.memory)
        self.put(SonyProperty.ObjectInMemory, WAITING | min(count, 0xFF) if count else 0)
        return list(self.entries.values())

    def write(self, code: int, data: bytes) -> None:
        """SetControlDeviceA. What is changed in steps, or is read-only, stays as it is, and the answer is OK.

        Raises:
            Refusal: the body has no such property, or it does not take these bytes.
        """
        entry = self.entries.get(code)
        if entry is None or entry.is_control:
            raise Refusal(ResponseCode.DevicePropNotSupported)
        if entry.access != SETTABLE or entry.enabled != Enabled.YES:
            return
        try:
            value = Reader(data).value(entry.data_type)
        except (RemoteProtocolError, LocalProtocolError):
            raise Refusal(ResponseCode.InvalidDevicePropFormat) from None
        match entry.form:
            case Enumeration(values) if values and value not in values:
                raise Refusal(ResponseCode.InvalidDevicePropValue)
            case Range(low, high, _) if not (isinstance(value, int) and low <= value <= high):
                raise Refusal(ResponseCode.InvalidDevicePropValue)
        self.put(code, value)

    def step(self, code: int, steps: int) -> None:
        """SetControlDeviceB for a property: move it by so many places of its dial, one after the other."""
        entry = self.entries[code]
        if entry.access == SETTABLE or entry.enabled != Enabled.YES:
            return
        dial = own.DIALS[SonyProperty(code)]
        current = next((value for _, each, value in reversed(self._steps) if each == code), entry.current)
        assert isinstance(current, int)
        place, way = dial.index(current), 1 if (steps > 0) != bool(self.awkward.backwards) else -1
        for number in range(1, abs(steps) + 1):
            place = min(max(place + way, 0), len(dial) - 1)
            self._steps.append((trio.current_time() + number * self.awkward.slow, code, dial[place]))
        self._steps.sort()
        self.advance()

    # ------------------------------------------------------------------ buttons

    def press(self, button: int, state: int) -> None:
        """SetControlDeviceB for a button.

        Raises:
            Refusal: the body is busy, or has no such button.
        """
        if button not in set(map(int, Button)) or state not in (UP, DOWN):
            raise Refusal(ResponseCode.InvalidParameter)
        if state == DOWN and self.awkward.busy >= 1:
            self.awkward.busy -= 1
            raise Refusal(ResponseCode.DeviceBusy)
        self.presses.append((button, state))
        before = self._buttons.get(button, UP)
        self._buttons[button] = state
        self.put(button, state)
        if before == state:
            return
        match button, state:
            case Button.Half, value if value == DOWN:
                self._focus()
            case Button.Half, _:
                self.put(SonyProperty.FocusFound, Focus.Idle)
            case Button.Full, value if value == DOWN:
                self._release()
            case Button.Full, _ if self._bulb:
                self._bulb = False
                self._ends_at = trio.current_time() + self._snap_time
            case Button.Movie, _:
                self.put(SonyProperty.MovieState, int(state == DOWN))

    def pressed(self) -> set[int]:
        """Return the buttons that are down."""
        return {button for button, state in self._buttons.items() if state == DOWN}

    def _focus(self) -> None:
        if self.value(SonyProperty.FocusMode) == own.MANUAL_FOCUS:
            return
        failed = self.awkward.no_focus >= 1
        if failed:
            self.awkward.no_focus -= 1
        self.put(SonyProperty.FocusFound, Focus.Failed if failed else Focus.Locked)

    def _release(self) -> None:
        found = self.value(SonyProperty.FocusFound)
        if Button.Half not in self.pressed() or found == Focus.Failed or self.awkward.full:
            return
        now = trio.current_time()
        if now < self._connected_at + self.awkward.early:
            self.lost.append(f"shot {len(self.lost) + 1}")
            return
        time = self.value(SonyProperty.ShutterSpeed)
        assert isinstance(time, int)
        self._bulb = time == 0
        if not self._bulb:
            self._ends_at = now + self._snap_time + float(seconds_of(time) or 0)

    def drive_focus(self, steps: int) -> None:
        """Move the lens.

        Raises:
            Refusal: it is not in manual focus, or moves no steps of this size.
        """
        if self.value(SonyProperty.FocusMode) != own.MANUAL_FOCUS:
            raise Refusal(ResponseCode.AccessDenied)
        if not steps or abs(steps) > 7:
            raise Refusal(ResponseCode.InvalidParameter)
        self.focus_position = min(max(self.focus_position + steps, -LENS_END), LENS_END)

    # ------------------------------------------------------------------ pictures

    def press_shutter(self) -> None:
        """Take a picture as the photographer does with the body's button."""
        self._finish()

    def _finish(self) -> None:
        """Write the pictures of a release to where they go, and tell it once."""
        drive = self.value(SonyProperty.DriveMode)
        for _ in range(SERIES if isinstance(drive, int) and drive & 0xFFFF in CONTINUOUS else 1):
            self._store()
        if self.phase == 3:
            to_card = self.value(SonyProperty.Destination) == TO_CARD
            event = SonyEvent.Captured if to_card else SonyEvent.ObjectAdded
            self._state.send(Event(event, NO_TRANSACTION, (0 if to_card else NEXT_SHOT,)))

    def _store(self) -> None:
        """Write one picture to where it goes."""
        self._taken += 1
        shot = pictures.Shot(self._taken, self._state.now())
        name = f"DSC{self._taken:05}"
        quality, file_format = self.value(SonyProperty.ImageQuality), self.value(SonyProperty.FileFormat)
        two = pictures_of(quality, file_format) == 2
        only_raw = quality == 0x10 or file_format == 1
        for is_raw in (True, False) if two else (bool(only_raw),):
            file = f"{name}.ARW" if is_raw else f"{name}.JPG"
            if self.value(SonyProperty.Destination) == TO_CARD:
                self.on_card.append(file)
            else:
                data = pictures.dng(shot) if is_raw else pictures.jpeg(shot)
                self.memory.append(MemoryPicture(file, data, RAW if is_raw else ObjectFormat.EXIF_JPEG, shot.taken))

    def next_picture(self) -> MemoryPicture | None:
        """Return the picture that waits longest; None if none does."""
        return self.memory[0] if self.memory else None

    def check_frame(self) -> None:
        """See that a frame of the live view can be given now.

        Raises:
            Refusal: there is none yet, or the last one was given a moment ago.
        """
        now = trio.current_time()
        if now < self._next_frame:
            first = now < self._connected_at + 2 * FRAME_TIME
            raise Refusal(ResponseCode.InvalidObjectHandle if first else ResponseCode.AccessDenied)
        self._next_frame = now + FRAME_TIME


def sony(state: CameraState) -> SonyState:
    """Return the body of an emulated Sony."""
    assert isinstance(state.maker, SonyState)
    return state.maker

"""The emulated fp takes pictures and movies.

What it takes goes into the slots of the image database, with the times of its states: nothing runs in the background. ::

    a picture    SHOOTING ──exposure──► GENERATING ──snap_time──► GENERATED ──snap_time, if it is for the card alone──► STORED
    a movie      MOVIE_STOPPING ──snap_time──► MOVIE_GENERATED

A shot while a slot is still in use exposes nothing: it uses the next slot, which stays CLEARED. With the interval timer each further
picture gets its slot when its time has come, whether older slots are in use or not; where no slot is left it is not taken. A bulb exposure
of a second or more is followed by a dark frame of the same length, as any long exposure is.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from camfs.protocols.apex import BULB
from camfs.protocols.sigma import values as words
from camfs.protocols.sigma.codes import CaptureState, Destination
from camfs.virtual.ptp.store import Store
from camfs.virtual.sigma import footage
from camfs.virtual.sigma.behaviour import Behaviour
from camfs.virtual.sigma.database import Slot, SlotRing, Take
from camfs.virtual.sigma.motor import AUTOFOCUSED, Motor
from camfs.virtual.sigma.settings import Settings


@dataclass
class IntervalTimer:
    """What the interval timer has still to do.

    Attributes:
        left: pictures; infinity without end.
        at: when the next is begun.
        spacing: seconds from one to the next.
        focuses: whether autofocus comes before each.
    """

    left: float
    at: float
    spacing: float
    focuses: bool


class Shooting:
    """Takes pictures and movies.

    Args:
        behaviour: how, read at each shot.
        motor: the focus.
        card: new files are numbered on from its files.
        clock: tells the camera's time.
        folder: the path of the folder of new pictures on the card.
        prefix: four characters that their names begin with.

    Attributes:
        database: the slots.
        uncopied: takes of which the card is to get a copy, and has not yet.
    """

    def __init__(
        self, behaviour: Behaviour, motor: Motor, card: Store, clock: Callable[[], datetime], folder: str, prefix: str
    ) -> None:
        self.database = SlotRing(behaviour.addresses)
        self.uncopied: list[Take] = []
        self._behaviour = behaviour
        self._motor = motor
        self._card = card
        self._clock = clock
        self._folder = folder
        self._prefix = prefix
        self._last_number = self._last_take = self._taken = 0
        self._recording_since: float | None = None
        self._bulb: Take | None = None
        self._timer: IntervalTimer | None = None

    def lose_power(self) -> None:
        """Drop what is under way."""
        self.uncopied.clear()
        self._recording_since = self._bulb = self._timer = None

    def finish(self, settings: Settings, now: float) -> list[Take]:
        """End what is under way, and return the takes to copy to the card."""
        if self._recording_since is not None:
            self.stop_movie(settings, now)
        self.stop(now)
        takes = [take for take in self.uncopied if take.states[0][0] <= now]
        self.uncopied.clear()
        return takes

    def due(self, now: float) -> list[Take]:
        """Return the takes whose copies are on the card by now; they are not returned again."""
        takes = [take for take in self.uncopied if take.generated_at() + self._behaviour.snap_time <= now]
        for take in takes:
            self.uncopied.remove(take)
        return takes

    # Pictures

    def focus(self, now: float) -> None:
        """Let autofocus find the subject, which has moved a little since the last time."""
        self._motor.drive(AUTOFOCUSED + 37 * (self._motor.moves % 7), now)

    def focus_alone(self, now: float) -> None:
        """Autofocus without a picture."""
        outcome = CaptureState.AF_SUCCEEDED if self._behaviour.contrast else CaptureState.AF_FAILED
        self.database.autofocus([(now, CaptureState.SHOOTING), (now + self._behaviour.snap_time, outcome)])
        self.focus(now)

    def shoot(self, settings: Settings, amount: int, focuses: bool, now: float) -> None:
        """Take pictures, or only move the tail if a slot is in use; do nothing while the interval timer runs."""
        if self._timer is not None:
            return
        if self.database.pending:
            self.database.add(Slot())
            return
        values = settings.values
        spacing = self._shooting_time(settings)
        begin = now + words.SELF_TIMERS.get(values["DriveMode"], 0.0)
        if not self._behaviour.amounts:
            amount = 1
        if values["DriveMode"] == words.CONTINUOUS:
            amount = max(amount, self._behaviour.burst)
        elif values["DriveMode"] == words.INTERVAL:
            amount, spacing = 1, max(spacing, values["IntervalSeconds"])
            left = values["IntervalFrames"] - 1 if values["IntervalFrames"] else math.inf
            self._timer = IntervalTimer(left, begin + spacing, spacing, focuses) if left else None
        if focuses:
            self.focus(now)
        for index in range(amount):
            if not self._expose(settings, now, begin + index * spacing, focuses):
                return

    def advance(self, settings: Settings, now: float) -> None:
        """Take the pictures of the interval timer whose time has come."""
        while self._timer is not None and self._timer.at <= now:
            timer = self._timer
            self._expose(settings, timer.at, timer.at, timer.focuses)
            timer.left, timer.at = timer.left - 1, timer.at + timer.spacing
            if not timer.left:
                self._timer = None

    def _shooting_time(self, settings: Settings) -> float:
        exposure = footage.exposure_time(settings)
        # From a second on, the camera takes a dark frame of the same length.
        return self._behaviour.snap_time + (2 * float(exposure) if exposure >= Fraction(1) else 0)

    def _expose(self, settings: Settings, now: float, begin: float, focuses: bool) -> bool:
        """Take one picture, and say whether another can follow."""
        values = settings.values
        failure = self._behaviour.failures.pop(0) if self._behaviour.failures else None
        if failure is None and focuses and not self._behaviour.contrast:
            failure = CaptureState.AF_FAILED
        take = Take(values["DestToSave"], [(now, CaptureState.SHOOTING)])
        done = begin + self._shooting_time(settings)
        if failure is not None:
            take.states.append((done, failure))
            self.database.add(Slot(take))
            return bool(self.database.room)
        name = f"{self._prefix}{self._next_number():04}"
        files = footage.picture_files(settings, self._taken, self._clock(), name, self._folder)
        if self.database.room < len(files):
            return False
        take.files = files
        if settings.owns_shutter and values["ShutterSpeed"] == BULB:
            self._bulb = take
        else:
            self._generate(take, done)
        for file in files:
            self.database.add(Slot(take, file))
        if take.destination in (Destination.CAMERA, Destination.BOTH):
            self.uncopied.append(take)
        return take is not self._bulb

    def _generate(self, take: Take, done: float) -> None:
        step = self._behaviour.snap_time
        take.states += [(done, CaptureState.GENERATING), (done + step, CaptureState.GENERATED)]
        if take.destination == Destination.CAMERA:
            take.states.append((done + 2 * step, CaptureState.STORED))

    def stop(self, now: float) -> None:
        """End a bulb exposure and the interval timer, if there is one or the other."""
        self._timer = None
        if self._bulb is not None:
            take, self._bulb = self._bulb, None
            exposure = now - take.states[0][0]
            self._generate(take, now + (exposure if exposure >= 1 else 0))

    def _next_number(self) -> int:
        """Return the number of the next picture: one more than any on the card or any before has."""
        self._last_number = max(self._card.next_number(), self._last_number + 1)
        self._taken = max(self._taken + 1, self._last_number)
        return self._last_number

    def restart_numbers(self) -> None:
        """Let the numbers begin anew, as the menu can have it with an empty card: names that were given come again."""
        self._last_number = self._last_take = 0

    # Movies

    def start_movie(self, now: float) -> None:
        """Begin to record."""
        self._recording_since = now

    def stop_movie(self, settings: Settings, now: float) -> None:
        """End the recording: it gets its slot now, and its files go to the card, whatever DestToSave says."""
        assert self._recording_since is not None
        seconds = now - self._recording_since
        self._recording_since = None
        take = Take(
            settings.values["DestToSave"],
            [(now, CaptureState.MOVIE_STOPPING), (now + self._behaviour.snap_time, CaptureState.MOVIE_GENERATED)],
        )
        self._last_take += 1
        if settings.values["RecordFormat"] == words.MOV:
            take.files = [footage.movie_file(self._last_take, seconds, self._clock())]
            self.database.add(Slot(take, take.files[0]))
        else:
            take.files = [footage.cinema_frame(settings, self._last_take, self._clock())]
            self.database.add(Slot(take))
        self.uncopied.append(take)

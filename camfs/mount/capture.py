"""`.capture`: pictures that are taken one after the other, with the shutter held open, or at intervals.

What is written is one of these:

====================== ======================================================================================================
`COUNT`                take that many; write(2) returns when they are in the tree
`bulb SECONDS`         take one with the shutter held open for so long, on a camera that has bulb
`COUNT every SECONDSs` a *series*: write(2) returns with the first picture, and the others are taken by themselves
`0`                    end the series, and what the camera's own interval timer goes on with
====================== ======================================================================================================

A write cannot be interrupted, as pyfuse3 does not pass on the kernel's interrupts. So a series does not keep its writer waiting::

               the first shot fails: write(2) fails
              ┌──────────────────────────────────────►
              │
    written ──┴─ the first shot ──► RUNNING ── all are tried ──────────────► OVER
                                     │ ▲ │
             a later shot fails, and │ │ ├──── 0; a shot under way is finished ──► OVER
             `.status` and `.events` └─┘ ├──── a failure of `FINAL`, which does not pass by itself ──► OVER
             say so; it counts as tried  └──── the mount ends; what was taken stays

While a write waits, the kernel lets no other begin to the same file. So a count and a bulb exposure, for which their writer waits, are
ended by a write of 0 to `.control`, which ends all that takes pictures before it gives the camera back.

The interval counts from start to start. A shot that takes longer makes the series miss the moments that pass meanwhile; the next shot
begins at the first moment after it, and the missed ones are not tried, so the series takes longer. Between its shots the camera does not
count as idle: it would go back to the photographer's settings. While the camera is unplugged, shots of a series fail; it goes on when the
camera is back.
"""

import logging
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePosixPath

import trio

from camfs import errors
from camfs.cameras.api import Key
from camfs.mount.events import EventLog
from camfs.mount.tree import Tree

log = logging.getLogger(__name__)

MAX_COUNT = 999
"""Pictures that one write may ask for while it waits."""

MAX_SERIES = 99_999
"""Pictures of a series."""

MAX_INTERVAL = 86_400.0
"""Seconds from one picture of a series to the next."""

MAX_EXPOSURE = 3_600.0
"""Seconds of a bulb exposure."""

KIND = ("write", ".capture")
"""The kind of failures of shots (`failures.py`), whoever asked for them."""

FORMS = "'bulb SECONDS', 'COUNT every SECONDSs', or 0 to end what runs"

FINAL = (
    errors.NotSupported,
    errors.NotPermitted,
    errors.InvalidValue,
    errors.AccessDenied,
    errors.StoreFull,
    errors.StoreReadOnly,
)
"""Failures of a shot that end a series, because the next shot would fail in the same way."""


@dataclass(frozen=True)
class Count:
    """Take so many pictures while the writer waits."""

    pictures: int


@dataclass(frozen=True)
class Bulb:
    """Hold the shutter open for so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Every:
    """Take so many pictures, one each so many seconds."""

    pictures: int
    seconds: float


@dataclass(frozen=True)
class End:
    """End what runs."""


def parse(text: str) -> Count | Bulb | Every | End:
    """Return what a write asks for.

    Raises:
        InvalidValue: it is none of the forms, or a number is out of its range.
    """
    match text.split():
        case ["0"]:
            return End()
        case [count]:
            return Count(_whole(count, MAX_COUNT))
        case ["bulb", seconds]:
            return Bulb(_seconds(seconds, MAX_EXPOSURE))
        case [count, "every", seconds]:
            return Every(_whole(count, MAX_SERIES), _seconds(seconds, MAX_INTERVAL))
    raise errors.InvalidValue(f"{_short(text)!r} is not a number of pictures, nor {FORMS}")


def _whole(text: str, most: int) -> int:
    if not re.fullmatch("0*[1-9][0-9]{0,8}", text) or int(text) > most:
        raise errors.InvalidValue(f"{_short(text)!r} is not a number of pictures (1 to {most}), nor {FORMS}")
    return int(text)


def _seconds(text: str, most: float) -> float:
    matched = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)s?", text)
    if matched is None or not 0 < float(matched[1]) <= most:
        raise errors.InvalidValue(f"{_short(text)!r} is not a number of seconds (more than 0, at most {most:g})")
    return float(matched[1])


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


@dataclass
class Series:
    """Pictures at intervals.

    Attributes:
        wanted: what was asked for.
        begun: when the first shot began, in trio's time.
        moment: the number of the moment at which the next shot begins, or the present one began; the first is 0.
        tried: shots that were begun.
        taken: those of them that gave a picture.
        missed: moments that passed while a shot was taken.
        failure: why the last shot that failed did; empty if none did.
        over: why it is over; empty while it runs.
    """

    wanted: Every
    begun: float
    moment: int = 0
    tried: int = 0
    taken: int = 0
    missed: int = 0
    failure: str = ""
    over: str = ""
    waiting: trio.CancelScope = field(default_factory=trio.CancelScope)

    @property
    def begins_at(self) -> float:
        """When the next shot begins, in trio's time."""
        return self.begun + self.moment * self.wanted.seconds

    def note_tried(self, failure: errors.CameraError | None) -> None:
        """Count a shot, and find the moment of the next."""
        self.tried += 1
        if failure is None:
            self.taken += 1
        else:
            self.failure = str(failure)
        passed = math.ceil((trio.current_time() - self.begun) / self.wanted.seconds - 1e-6)
        following = max(self.moment + 1, passed)
        if isinstance(failure, FINAL):
            self.over = "ended, as the next shot would fail, too"
        elif self.tried >= self.wanted.pictures:
            self.over = "over"
        else:
            self.missed += following - self.moment - 1
        self.moment = following

    def end(self) -> None:
        """End it; a shot that is being taken is finished."""
        self.over = self.over or "ended"
        self.waiting.cancel()

    def text(self) -> str:
        """Tell how far it is."""
        parts = [f"{self.taken} of {self.wanted.pictures} taken, one each {self.wanted.seconds:g} s"]
        if self.tried > self.taken:
            parts.append(f"{self.tried - self.taken} failed (the last: {self.failure})")
        if self.missed:
            parts.append(f"{self.missed} moment{'s' * (self.missed != 1)} missed")
        parts.append(self.over or f"the next in {max(0.0, self.begins_at - trio.current_time()):.0f} s")
        return ", ".join(parts)


class Shooting:
    """What `.capture` does.

    Args:
        tree: where the pictures appear.
        events: is told of what a series does by itself.

    Attributes:
        paths: of the files of the last picture.
        doing: what the shutter was last released for.
    """

    def __init__(self, tree: Tree, events: EventLog) -> None:
        self.paths: Sequence[str] = ()
        self.doing = ""
        self._tree = tree
        self._events = events
        self._shutter = trio.Lock()
        self._released_at = 0.0
        self._counts_ended = 0
        self._series: Series | None = None
        self._begun, self._to_go_on = trio.open_memory_channel[Series](math.inf)

    async def write(self, text: str) -> None:
        """Do what is asked; return when the picture, or all of a count, are in the tree.

        Raises:
            Busy: a series runs, and another was asked for.
            Ended: it was ended before all of a count were taken.
            CameraError: the camera has not taken a picture.
        """
        match parse(text):
            case Count(pictures):
                await self._take_count(pictures)
            case Bulb(seconds):
                await self._take(f"bulb, {seconds:g} s", seconds)
            case Every() as wanted:
                await self._begin(wanted)
            case End():
                await self.end()

    @property
    def is_taking(self) -> bool:
        """Whether a picture is being taken."""
        return self._shutter.locked()

    def status_lines(self) -> list[tuple[str, str]]:
        """Return what `.status` tells of a series, the last one too."""
        return [] if self._series is None else [("series", self._series.text())]

    async def _take_count(self, pictures: int) -> None:
        taken, ended = 0, self._counts_ended
        while taken < pictures:
            if ended != self._counts_ended:
                raise errors.Ended(f"ended after {taken} of {pictures} pictures")
            async with self._shutter:
                self.doing = f"shot {taken + 1} of {pictures}"
                number, keys = await self._tree.camera.capture_several(pictures - taken)
                await self._show(keys)
            taken += number

    async def _take(self, doing: str, exposure: float | None) -> None:
        async with self._shutter:
            self.doing = doing
            self._released_at = trio.current_time()
            await self._show(await self._tree.camera.capture(exposure))

    async def _show(self, keys: Sequence[Key | PurePosixPath]) -> None:
        """Put the files of a picture into the tree, and their paths into `.capture`."""
        paths = []
        for key in keys:
            if isinstance(key, PurePosixPath):
                paths.append(str(key))
            else:
                paths.append((await self._tree.find_new(await self._tree.camera.locate(key))).path())
        self.paths = paths

    async def _begin(self, wanted: Every) -> None:
        if self._series is not None and not self._series.over:
            raise errors.Busy(f"a series runs: {self._series.text()}; write 0 to end it")
        self._series = series = Series(wanted, trio.current_time())
        try:
            await self._take(f"shot 1 of {wanted.pictures}", None)
        except BaseException:
            self._series = None
            raise
        series.begun = self._released_at  # others may have had the shutter before
        series.note_tried(None)
        self._begun.send_nowait(series)

    async def end(self) -> None:
        """End a series, a count that somebody waits for, a bulb exposure, and what the camera takes by itself."""
        self._counts_ended += 1
        if self._series is not None:
            self._series.end()
        await self._tree.camera.stop_capture()

    async def run(self) -> None:
        """Take the pictures of one series after the other; never returns."""
        async for series in self._to_go_on:
            await self._go_on(series)
            self._tell(f"series {series.text()}")

    async def _go_on(self, series: Series) -> None:
        while not series.over:
            with trio.CancelScope() as series.waiting:
                async with self._tree.camera.in_use():
                    await trio.sleep_until(series.begins_at)
            if series.over:
                return
            failure: errors.CameraError | None = None
            try:
                await self._take(f"shot {series.tried + 1} of {series.wanted.pictures}", None)
            except errors.CameraError as error:
                failure = error
            except Exception as error:
                log.exception("a shot of a series")
                failure = errors.CaptureFailed(f"{type(error).__name__}: {error}")
            series.note_tried(failure)
            if failure is not None:
                text = f"shot {series.tried} of {series.wanted.pictures} failed: {failure}"
                self._tell(text)
                self._tree.note_error(text, kind=KIND)
            else:
                self._tree.note_success(KIND)

    def _tell(self, text: str) -> None:
        self._events.add(f"capture: {text}", datetime.now().astimezone())

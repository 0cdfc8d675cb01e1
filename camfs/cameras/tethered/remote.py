"""Remote control of a body: acquired when something first needs it, and always released.

A standalone body is the photographer's: its buttons work. A tethered body is the computer's: it does what the computer asks, and its
buttons and dials may be dead. How a maker's body is acquired and released is its `Tether`'s matter. What camfs knows of the body::

                 ACQUIRING               CONFIRMED
     STANDALONE ─────────────► UNKNOWN ──────────────► TETHERED
      ▲   │                     │   ▲                   ▲ │  │
      │   │                     │   └────── UNCLEAR ────┼─┘  │
      │   └───────── FOUND ─────┼───────────────────────┘    │
      └───────────── ENDED ─────┴────────────────────────────┘

- ACQUIRING: the body is about to be acquired. CONFIRMED: it answered as only a tethered one does.
- UNCLEAR: what acquires or releases it may have arrived or not (cancelled, no answer, nonsense), or the PTP session was lost and opened
  again. The body then counts as acquired, and before it is next used the tether is asked (`probe`).
- ENDED: it was released, refused to be acquired, has left control by itself, was switched off or unplugged.
- FOUND: when the camera was opened, it was a tethered one: a program died, or its connection was lost. Its shots are rescued, and
  the body is released.

Releasing a body may delete the shots that only it holds, so these are brought in before. If an operation fails because the body has left
control, it is done once more, provided that it may safely be done twice (`run`).
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import Enum
from typing import Protocol, TypeVar

import trio

from camfs import errors

log = logging.getLogger(__name__)

T = TypeVar("T")

LAST_SAVE = 60.0
"""Seconds that bringing in the last shots may take at the end: less than service managers wait before they kill."""

LAST_WORD = 5.0
"""Seconds for the last attempt to release the body."""


class Mode(Enum):
    """Who has the body, as far as camfs knows."""

    STANDALONE = "the photographer"
    TETHERED = "the computer"
    UNKNOWN = "the computer, unless the camera has left its control; it is asked before it is next used"


class Event(Enum):
    """What changes the mode; see above."""

    ACQUIRING = "the body is about to be acquired"
    CONFIRMED = "the camera answered as only a tethered one does"
    UNCLEAR = "the camera may have changed its mode"
    ENDED = "the camera is the photographer's again"
    FOUND = "the camera was tethered when it was opened"


_TRANSITIONS = {
    (Mode.STANDALONE, Event.ACQUIRING): Mode.UNKNOWN,
    (Mode.STANDALONE, Event.FOUND): Mode.TETHERED,
    (Mode.UNKNOWN, Event.CONFIRMED): Mode.TETHERED,
    (Mode.UNKNOWN, Event.ENDED): Mode.STANDALONE,
    (Mode.TETHERED, Event.UNCLEAR): Mode.UNKNOWN,
    (Mode.TETHERED, Event.ENDED): Mode.STANDALONE,
}
"""The next mode. An event that is not here for a mode changes nothing."""


class Tether(Protocol):
    """How a maker's body is acquired and released."""

    async def acquire(self) -> None:
        """Acquire the body.

        Raises:
            Refused: it does not let itself be acquired; it stays the photographer's.
        """

    async def set_up(self) -> None:
        """Prepare the acquired body for what follows; called once each time that it was acquired, and again if that failed."""

    async def probe(self) -> bool:
        """Say whether the body is tethered, without changing that.

        Raises:
            CameraError: it does not say.
        """

    async def release(self) -> None:
        """Give the body back, so that it is as it was before."""

    def has_ended(self, error: errors.Refused) -> bool:
        """Say whether a refusal means that the body has left control."""


class Shots(Protocol):
    """What remote control asks of those who keep the shots that the body holds."""

    @property
    def has_unsaved(self) -> bool:
        """Whether there are shots that only the camera holds."""

    @property
    def recording(self) -> bool:
        """Whether a movie is being recorded."""

    async def save(self) -> None:
        """Stop the movie, and bring in what only the camera holds."""

    async def rescue(self) -> None:
        """Bring in what a previous program left in the camera."""

    def note_emptied(self) -> None:
        """Note that the body holds no shots any more."""


async def _nothing() -> None:
    pass


class RemoteControl:
    """Acquires control of the body and releases it. One change at a time; while one is under way nobody begins to use the body.

    Args:
        tether: acquires the body and releases it.
        shots: keeps what the body holds.
        idle: release control after this many idle seconds; 0 = never.

    Attributes:
        mode: see `Mode`.
        times_acquired: how often control was acquired.
        before_acquiring: awaited before the body is acquired, for what can only be asked of a standalone one.
        after_acquiring: awaited after it, before the body is used.
        when_acquired: called when the computer has control.
        when_ended: called when control was released, or the camera was switched off.
        was_released: which of the two it was.
    """

    def __init__(self, tether: Tether, shots: Shots, idle: float) -> None:
        self.mode = Mode.STANDALONE
        self.times_acquired = 0
        self.before_acquiring: Callable[[], Awaitable[None]] = _nothing
        self.after_acquiring: Callable[[], Awaitable[None]] = _nothing
        self.when_acquired: Callable[[], None] = lambda: None
        self.when_ended: Callable[[], None] = lambda: None
        self.was_released = False
        self._tether = tether
        self._shots = shots
        self._idle = idle
        self._set_up_in = 0
        self._changing = trio.Lock()
        self._users = 0
        self._used_at = 0.0
        self._news = trio.lowlevel.ParkingLot()

    @property
    def is_acquired(self) -> bool:
        """Whether the computer has control, as far as is known: True as soon as it may have been acquired."""
        return self.mode is not Mode.STANDALONE

    @property
    def is_unused(self) -> bool:
        """Whether the computer has control, and nobody makes use of it at the moment."""
        return self.mode is Mode.TETHERED and not self._users

    def _note(self, event: Event) -> None:
        self.mode = _TRANSITIONS.get((self.mode, event), self.mode)

    def note_unclear(self) -> None:
        """Note that the camera may no longer be under control: it is asked before it is next used."""
        self._note(Event.UNCLEAR)

    def note_switched_off(self) -> None:
        """Note that the camera is not under control any more: it was switched off and on."""
        if self.is_acquired:
            log.warning("the camera has left the computer's control by itself; what only it held is lost")
            self._shots.note_emptied()
            self._end(released=False)

    def note_unplugged(self) -> None:
        """Note that the camera was unplugged, which releases it. What only it held stays listed, as the card does."""
        self._note(Event.ENDED)
        self._news.unpark_all()

    def _end(self, *, released: bool) -> None:
        self._note(Event.ENDED)
        self._news.unpark_all()
        self.was_released = released
        self.when_ended()

    # ------------------------------------------------------------------ using the body

    @asynccontextmanager
    async def acquired(self) -> AsyncIterator[None]:
        """Acquire control if need be, and keep it from being released while the block runs. Blocks do not nest.

        Raises:
            CameraError: control cannot be acquired; else whatever the block raises.
        """
        async with self._changing:
            await self._acquire()
            self._users += 1
        async with self._used():
            yield

    @asynccontextmanager
    async def unchanged(self, *, counts: bool = True) -> AsyncIterator[None]:
        """Neither acquire nor release control while the block runs: for what needs it only if it is there. Blocks do not nest.

        Args:
            counts: whether the block is a use of the body, which puts off its release when idle.
        """
        async with self._changing:
            self._users += 1
        async with self._used(counts):
            yield

    @asynccontextmanager
    async def _used(self, counts: bool = True) -> AsyncIterator[None]:
        times = self.times_acquired
        try:
            yield
        except errors.Refused as error:
            if self._tether.has_ended(error) and times == self.times_acquired:
                self.note_switched_off()
            raise
        except (errors.TransportError, errors.RemoteProtocolError):
            if times == self.times_acquired:
                self.note_unclear()
            raise
        finally:
            self._users -= 1
            if counts:
                self._used_at = trio.current_time()
            self._news.unpark_all()

    async def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do something under control that may safely be done twice: if the camera turns out to have left control, once more."""
        try:
            async with self.acquired():
                return await work()
        except errors.Refused as error:
            if not self._tether.has_ended(error):
                raise
        async with self.acquired():
            return await work()

    async def acquire(self) -> None:
        """Acquire control, if the computer does not have it."""
        async with self.acquired():
            pass

    async def _acquire(self) -> None:
        await self._resolve()
        if not self.is_acquired:
            await self.before_acquiring()
            self.times_acquired += 1
            self._used_at = trio.current_time()  # else it looks idle, and is released at once
            self._note(Event.ACQUIRING)
            try:
                await self._tether.acquire()
            except errors.Refused:
                self._note(Event.ENDED)
                raise
            self._note(Event.CONFIRMED)
            log.info("the computer has control of the camera")
            self._news.unpark_all()
            self.when_acquired()
        if self._set_up_in != self.times_acquired:
            await self._tether.set_up()
            await self.after_acquiring()
            self._set_up_in = self.times_acquired

    async def _resolve(self) -> None:
        """Ask the camera for its mode, if that is not known.

        Raises:
            CameraError: it does not say. The mode stays unknown: to acquire it anew could cost the shots that it holds.
        """
        if self.mode is Mode.UNKNOWN:
            if not await self._tether.probe():
                self.note_switched_off()
            else:
                self._note(Event.CONFIRMED)

    # ------------------------------------------------------------------ releasing it

    async def recover(self) -> None:
        """See, when the camera has been opened, whether a previous program left it tethered; if so, rescue its shots and release it.

        Raises:
            DeviceGone: the camera left.
        """
        try:
            if not await self._tether.probe():
                return
        except errors.DeviceGone:
            raise
        except errors.CameraError as error:
            log.info("whether the body is locked: %s; it is assumed that it is not", error)
            return
        self.times_acquired += 1
        self._note(Event.FOUND)
        self._used_at = trio.current_time()
        log.warning(
            "a program that has ended, or a lost connection, left the camera's body locked; "
            "its shots are brought in and it is unlocked"
        )
        try:
            await self._shots.rescue()
            await self._close()
        except errors.DeviceGone:
            raise
        except errors.CameraError as error:
            log.warning("the body stays locked, and what only the camera holds stays there: %s", error)

    async def release(self) -> None:
        """Wait for those who use the body, bring in what only the camera holds, and release control.

        Raises:
            StoreFull: shots find no room on this computer; control is kept.
            CameraError: the camera does not answer; control counts as kept.
        """
        async with self._changing:
            await self._resolve()
            while self.is_acquired and self._users:
                await self._news.park()
            if not self.is_acquired:
                return
            async with self._noting_failures():
                await self._shots.save()
                await self._close()

    @asynccontextmanager
    async def _noting_failures(self) -> AsyncIterator[None]:
        """Pass failures on, and note what they say about the mode; a camera that was switched off is no failure."""
        try:
            yield
        except errors.Refused as error:
            if not self._tether.has_ended(error):
                raise
            self.note_switched_off()
        except BaseException:
            self.note_unclear()
            raise

    async def _close(self) -> None:
        async with self._noting_failures():
            await self._tether.release()
            log.info("control is released")
            self._end(released=True)

    async def wait_until_acquired(self) -> None:
        """Return once the computer has control."""
        while not self.is_acquired:
            await self._news.park()

    async def release_when_idle(self) -> None:
        """Release control whenever it was not used for the idle time; never returns."""
        while True:
            if not self.is_acquired or self._users or not self._idle:
                await self._news.park()
            elif (left := self._used_at + self._idle - trio.current_time()) > 0:
                await trio.sleep(left)
            else:
                self._used_at = trio.current_time()
                if not self._shots.recording:
                    try:
                        await self.release()
                    except errors.CameraError as error:
                        log.warning("control of the idle camera is not released: %s", error)

    async def aclose(self) -> None:
        """Release control for good, in bounded time; never raises.

        Shots that only the camera holds and that cannot be brought in keep the body locked: the next program that opens the camera
        (`recover`) can have them, which releasing the body would delete.
        """
        with trio.CancelScope(shield=True):
            with trio.move_on_after(LAST_SAVE):
                await self._save_last()
            if not self.is_acquired:
                return
            if self._shots.has_unsaved:
                log.warning(
                    "shots that only the camera holds could not be brought in: its body is left locked, "
                    "so that the next mount can have them; switching it off loses them, and on some so does the end of a network connection"
                )
                return
            with trio.move_on_after(LAST_WORD) as patience:
                try:
                    await self._close()
                except errors.CameraError as error:
                    log.warning("control could not be released: %s", error)
            if patience.cancelled_caught:
                log.warning("control could not be released: no answer in %g s", LAST_WORD)

    async def _save_last(self) -> None:
        """Bring in all that there is to bring in, before the end; failures are logged."""
        async with self._changing:
            try:
                while self.is_acquired and self._users:
                    await self._news.park()
                await self._resolve()
            except errors.DeviceGone:
                self.note_unplugged()
            except errors.CameraError as error:
                log.warning("before control is released: %s", error)
            if self.is_acquired:
                try:
                    async with self._noting_failures():
                        await self._shots.save()
                except errors.DeviceGone:
                    self.note_unplugged()
                except errors.CameraError as error:
                    log.warning("what only the camera holds could not be brought in: %s", error)
                except Exception:
                    log.exception("what only the camera holds could not be brought in")

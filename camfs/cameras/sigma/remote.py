"""Remote control of the body: acquired when something first needs it, and always released (camfs/protocols/sigma/README.md, "Two lives").

A standalone body is the photographer's: the card lists, the buttons work. A tethered body is the computer's: its operations
work, its buttons are dead, and the card lists as empty. What camfs knows of it::

                 CONFIGURING              CONFIRMED
     STANDALONE ─────────────► UNKNOWN ──────────────► TETHERED
      ▲   │                     │   ▲                   ▲ │  │
      │   │                     │   └────── UNCLEAR ────┼─┘  │
      │   └───────── FOUND ─────┼───────────────────────┘    │
      └───────────── ENDED ─────┴────────────────────────────┘

- CONFIGURING: ConfigApi is about to be sent. CONFIRMED: the camera answered as only a tethered one does.
- UNCLEAR: ConfigApi or CloseApplication may have arrived or not (cancelled, no answer, nonsense), or the PTP session was lost and opened
  again. The body then counts as acquired, and before it is next used GetCamCaptStatus is asked, which only a tethered body answers.
  ConfigApi must not be sent before that: the first one of a session empties the image database.
- ENDED: CloseApplication was answered, ConfigApi was refused, or the camera was switched off (it answers NOT_INITIALISED) or unplugged.
- FOUND: when the camera was opened, it answered as a tethered one: a program died, or its connection was lost. Its shots are rescued, and
  the body is released.

CloseApplication empties the image database, so what only the camera holds is brought in before. If an operation fails because the
camera was switched off and on, it is done once more, provided that it may safely be done twice (`run`).
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from enum import Enum
from typing import Protocol, TypeVar

import trio

from camfs import errors
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.protocols.sigma.codes import NOT_INITIALISED, Destination
from camfs.protocols.sigma.datasets import Dataset, Value
from camfs.protocols.sigma.records import ApiInfo

log = logging.getLogger(__name__)

T = TypeVar("T")

LAST_SAVE = 60.0
"""Seconds that bringing in the last shots may take at the end: less than service managers wait before they kill."""

LAST_WORD = 5.0
"""Seconds for the last CloseApplication."""


class Mode(Enum):
    """Who has the body, as far as camfs knows."""

    STANDALONE = "the photographer"
    TETHERED = "the computer"
    UNKNOWN = "the computer, unless the camera has left its control; it is asked before it is next used"


class Event(Enum):
    """What changes the mode; see above."""

    CONFIGURING = "ConfigApi is about to be sent"
    CONFIRMED = "the camera answered as only a tethered one does"
    UNCLEAR = "the camera may have changed its mode"
    ENDED = "the camera is the photographer's again"
    FOUND = "the camera was tethered when it was opened"


_TRANSITIONS = {
    (Mode.STANDALONE, Event.CONFIGURING): Mode.UNKNOWN,
    (Mode.STANDALONE, Event.FOUND): Mode.TETHERED,
    (Mode.UNKNOWN, Event.CONFIRMED): Mode.TETHERED,
    (Mode.UNKNOWN, Event.ENDED): Mode.STANDALONE,
    (Mode.TETHERED, Event.UNCLEAR): Mode.UNKNOWN,
    (Mode.TETHERED, Event.ENDED): Mode.STANDALONE,
}
"""The next mode. An event that is not here for a mode changes nothing."""


class Shots(Protocol):
    """What remote control asks of the image database; see `imagedb.ImageFolder`."""

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
        """Note that the camera's image database is empty."""


async def _nothing() -> None:
    pass


class RemoteControl:
    """Acquires control of the body and releases it. One change at a time; while one is under way nobody begins to use the body.

    Args:
        operations: the vendor operations.
        shots: the image database.
        idle: release control after this many idle seconds; 0 = never.

    Attributes:
        mode: see `Mode`.
        times_acquired: how often control was acquired.
        info: the reply to ConfigApi, once it was sent.
        before_acquiring: awaited before ConfigApi is sent, for what can only be asked of a standalone body.
        after_acquiring: awaited after it, before the body is used.
        when_acquired: called when the computer has control.
        when_ended: called when control was released, or the camera was switched off.
        was_released: which of the two it was.
    """

    def __init__(self, operations: SigmaOperations, shots: Shots, idle: float) -> None:
        self.mode = Mode.STANDALONE
        self.times_acquired = 0
        self.info: ApiInfo | None = None
        self.before_acquiring: Callable[[], Awaitable[None]] = _nothing
        self.after_acquiring: Callable[[], Awaitable[None]] = _nothing
        self.when_acquired: Callable[[], None] = lambda: None
        self.when_ended: Callable[[], None] = lambda: None
        self.was_released = False
        self._operations = operations
        self._shots = shots
        self._idle = idle
        self._set_up_in = 0
        self._changing = trio.Lock()
        self._users = 0
        self._used_at = 0.0
        self._news = trio.lowlevel.ParkingLot()

    @property
    def is_acquired(self) -> bool:
        """Whether the computer has control, as far as is known: True as soon as ConfigApi may have arrived."""
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
    async def unchanged(self) -> AsyncIterator[None]:
        """Neither acquire nor release control while the block runs: for what needs it only if it is there. Blocks do not nest."""
        async with self._changing:
            self._users += 1
        async with self._used():
            yield

    @asynccontextmanager
    async def _used(self) -> AsyncIterator[None]:
        times = self.times_acquired
        try:
            yield
        except errors.Refused as error:
            if error.code == NOT_INITIALISED and times == self.times_acquired:
                self.note_switched_off()
            raise
        except (errors.TransportError, errors.RemoteProtocolError):
            if times == self.times_acquired:
                self.note_unclear()
            raise
        finally:
            self._users -= 1
            self._used_at = trio.current_time()
            self._news.unpark_all()

    async def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do something under control that may safely be done twice: if the camera turns out to be switched off and on, once more."""
        try:
            async with self.acquired():
                return await work()
        except errors.Refused as error:
            if error.code != NOT_INITIALISED:
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
            self._note(Event.CONFIGURING)
            try:
                self.info = await self._operations.config_api()
            except errors.Refused:
                self._note(Event.ENDED)
                raise
            self._note(Event.CONFIRMED)
            log.info("the computer has control of %s", self.info.model)
            self._news.unpark_all()
            self.when_acquired()
        if self._set_up_in != self.times_acquired:
            await self._choose_destination()
            await self.after_acquiring()
            self._set_up_in = self.times_acquired

    async def _choose_destination(self) -> None:
        """Have shots kept by the computer, and by the card if there is one: unless it is set, no shot is certain to be saved."""
        group = await self._operations.read(Dataset.GROUP1)
        has_card = group.get("MediaStatus") == 1 and _number(group.get("MediaFreeSpace")) > 0
        await self._operations.write(
            Dataset.GROUP3, {"DestToSave": Destination.BOTH if has_card else Destination.COMPUTER}
        )

    async def _resolve(self) -> None:
        """Ask the camera for its mode, if that is not known.

        Raises:
            TransferTimeout: it does not say. The mode stays unknown: a ConfigApi could empty its image database.
        """
        if self.mode is Mode.UNKNOWN:
            if await self._operations.probe() is None:
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
            if await self._operations.probe() is None:
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
            if error.code != NOT_INITIALISED:
                raise
            self.note_switched_off()
        except BaseException:
            self.note_unclear()
            raise

    async def _close(self) -> None:
        async with self._noting_failures():
            await self._operations.close_application()
            log.info("control is released")
            self._end(released=True)

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
        (`recover`) can have them, which CloseApplication would delete.
        """
        with trio.CancelScope(shield=True):
            with trio.move_on_after(LAST_SAVE):
                await self._save_last()
            if not self.is_acquired:
                return
            if self._shots.has_unsaved:
                log.warning(
                    "shots that only the camera holds could not be brought in: its body is left locked, "
                    "so that the next mount can have them; switching it off loses them"
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


def _number(value: Value | None) -> int:
    return value if isinstance(value, int) else 0

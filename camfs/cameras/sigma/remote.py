"""Which life the body is in: the photographer's (the card lists, the buttons work) or the computer's (reference sigma-fp, section 2).

The body is taken with ConfigApi when something first needs it, and always handed back with CloseApplication: on demand, after an idle
time, and at the end. CloseApplication empties the camera's image database, so what only the camera holds is brought in before.

What can go wrong, and what is done about it:

* A program died with the body in its hands: asked once at the start (GetCamCaptStatus answers in the computer's life only), its
  shots are rescued and the body is handed back.
* The PTP session was lost and opened again: the body is still held, but the first ConfigApi of a session empties the database. So
  none is sent before GetCamCaptStatus has said that there is no database any more.
* A vendor operation is answered NOT_INITIALISED: the body was switched off and on. What is safe is done once more.
* It is not clear whether ConfigApi or CloseApplication arrived (cancelled, no answer): the body counts as held until it is asked.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

import trio

from camfs import errors
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.protocols.sigma.codes import NOT_INITIALISED, Destination
from camfs.protocols.sigma.datasets import Dataset, Value
from camfs.protocols.sigma.records import ApiInfo

log = logging.getLogger(__name__)

T = TypeVar("T")

IDLE = 300.0
"""Seconds without use after which the body is handed back, unless the mount says otherwise."""

LAST_SAVE = 60.0
"""Seconds that bringing in the last shots may take at the end: less than service managers wait before they kill."""

LAST_WORD = 5.0
"""Seconds for the last CloseApplication."""


class Images(Protocol):
    """What the image database has to do with the body's life; see `images.ImageFolder`."""

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
        """Hear that the camera's database is gone."""


async def _nothing() -> None:
    pass


class Control:
    """Takes the body and hands it back. One change at a time; while one is under way nobody begins to use the body.

    Args:
        operations: the vendor operations.
        images: the image database.
        idle: seconds without use after which the body is handed back; 0 is never.

    Attributes:
        held: whether the computer holds the body, as far as is known: True as soon as ConfigApi may have arrived.
        holds: how often the body was taken.
        info: what ConfigApi told, once it was sent.
        before_taking: awaited before ConfigApi is sent, for what can only be asked in the photographer's life.
        after_taking: awaited after it, before the body is used.
        when_ended: called when the body was handed back or has left by itself.
    """

    def __init__(self, operations: SigmaOperations, images: Images, idle: float = IDLE) -> None:
        self.held = False
        self.holds = 0
        self.info: ApiInfo | None = None
        self.before_taking: Callable[[], Awaitable[None]] = _nothing
        self.after_taking: Callable[[], Awaitable[None]] = _nothing
        self.when_ended: Callable[[], None] = lambda: None
        self._operations = operations
        self._images = images
        self._idle = idle
        self._in_doubt = False
        self._is_set_up = False
        self._changing = trio.Lock()
        self._users = 0
        self._used_at = 0.0
        self._news = trio.lowlevel.ParkingLot()

    # ------------------------------------------------------------------ using the body

    @asynccontextmanager
    async def needed(self) -> AsyncIterator[None]:
        """Take the body if it is not held, and keep it from being handed back while the block runs. Blocks do not nest.

        Raises:
            CameraError: it cannot be taken; else whatever the block raises.
        """
        async with self._changing:
            await self._take()
            self._users += 1
        async with self._used():
            yield

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Leave the body where it is while the block runs: for what needs it only if it is held. Blocks do not nest."""
        async with self._changing:
            self._users += 1
        async with self._used():
            yield

    @asynccontextmanager
    async def _used(self) -> AsyncIterator[None]:
        hold = self.holds
        try:
            yield
        except errors.Refused as error:
            if error.code == NOT_INITIALISED and hold == self.holds:
                self.note_left()
            raise
        except (errors.TransportError, errors.RemoteProtocolError):
            if hold == self.holds:
                self.doubt()
            raise
        finally:
            self._users -= 1
            self._used_at = trio.current_time()
            self._news.unpark_all()

    async def held_for(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do something with the body that may be done again: if the body turns out to have left, it is taken anew, once."""
        try:
            async with self.needed():
                return await work()
        except errors.Refused as error:
            if error.code != NOT_INITIALISED:
                raise
        async with self.needed():
            return await work()

    def doubt(self) -> None:
        """Hear that the body may have left the computer's hold: it is asked before it is next used."""
        self._in_doubt = self.held

    def note_left(self) -> None:
        """Hear that the body is not in the computer's hold: it was switched off and on."""
        if self.held:
            log.warning("the camera has left the computer's control by itself; what only it held is lost")
            self._images.note_emptied()
            self._end()

    def note_gone(self) -> None:
        """Hear that the camera was unplugged: its body is the photographer's again. What only it held stays listed, as of a card."""
        if self.held:
            self.held = self._in_doubt = False
            self._news.unpark_all()

    def _end(self) -> None:
        self.held = self._in_doubt = False
        self._news.unpark_all()
        self.when_ended()

    async def _take(self) -> None:
        await self._settle()
        if not self.held:
            await self.before_taking()
            self.holds += 1
            self.held = self._in_doubt = True
            self._is_set_up = False
            try:
                self.info = await self._operations.config_api()
            except errors.Refused:
                self.held = self._in_doubt = False
                raise
            self._in_doubt = False
            self._used_at = trio.current_time()
            log.info("the computer holds the body of %s", self.info.model)
            self._news.unpark_all()
        if not self._is_set_up:
            await self._choose_destination()
            await self.after_taking()
            self._is_set_up = True

    async def _choose_destination(self) -> None:
        """Have shots kept by the computer, and by the card if there is one: where nothing is set no shot is saved for sure (12.4)."""
        group = await self._operations.read(Dataset.GROUP1)
        has_card = group.get("MediaStatus") == 1 and _number(group.get("MediaFreeSpace")) > 0
        await self._operations.write(
            Dataset.GROUP3, {"DestToSave": Destination.BOTH if has_card else Destination.COMPUTER}
        )

    async def _settle(self) -> None:
        """Ask the body which life it is in, if that is not known.

        Raises:
            TransferTimeout: it does not say. It stays held: a ConfigApi could empty its database.
        """
        if self._in_doubt:
            alive = await self._operations.probe() is not None
            self._in_doubt = False
            if not alive:
                self.note_left()

    # ------------------------------------------------------------------ handing it back

    async def find(self) -> None:
        """See, when the camera has been opened, whether a previous program left the body locked; if so, rescue its shots and unlock it.

        Raises:
            DeviceGone: the camera left.
        """
        try:
            if await self._operations.probe() is None:
                return
        except errors.DeviceGone:
            raise
        except errors.CameraError as error:
            log.info("whether the body is held: %s; taken for no", error)
            return
        self.held, self.holds = True, self.holds + 1
        self._used_at = trio.current_time()
        log.warning(
            "a program that has ended, or a lost connection, left the camera's body locked; "
            "its shots are brought in and it is unlocked"
        )
        try:
            await self._images.rescue()
            await self._close()
        except errors.DeviceGone:
            raise
        except errors.CameraError as error:
            log.warning("the body stays locked, and what only the camera holds stays there: %s", error)

    async def hand_back(self) -> None:
        """Wait for those who use the body, bring in what only the camera holds, and hand the body back.

        Raises:
            StoreFull: shots find no room on this computer; the body stays held.
            CameraError: the camera does not answer; the body counts as held.
        """
        async with self._changing:
            await self._settle()
            while self.held and self._users:
                await self._news.park()
            if not self.held:
                return
            async with self._unclear():
                await self._images.save()
                await self._close()

    @asynccontextmanager
    async def _unclear(self) -> AsyncIterator[None]:
        """Pass failures on, and remember to ask the body before it is next used where they leave its life unclear."""
        try:
            yield
        except errors.Refused as error:
            if error.code != NOT_INITIALISED:
                raise
            self.note_left()
        except BaseException:
            self.doubt()
            raise

    async def _close(self) -> None:
        async with self._unclear():
            await self._operations.close_application()
            log.info("the body is handed back")
            self._end()

    async def watch(self) -> None:
        """Hand the body back whenever it was not used for the idle time; never returns."""
        while True:
            if not self.held or self._users or not self._idle:
                await self._news.park()
            elif (left := self._used_at + self._idle - trio.current_time()) > 0:
                await trio.sleep(left)
            else:
                self._used_at = trio.current_time()
                if not self._images.recording:
                    try:
                        await self.hand_back()
                    except errors.CameraError as error:
                        log.warning("the idle body is not handed back: %s", error)

    async def aclose(self) -> None:
        """Hand the body back for good, in bounded time; never raises.

        Shots that only the camera holds and that cannot be brought in keep the body locked: the next program that opens the camera
        (`find`) can have them, which CloseApplication would take away.
        """
        with trio.CancelScope(shield=True):
            with trio.move_on_after(LAST_SAVE):
                await self._finish()
            if not self.held:
                return
            if self._images.has_unsaved:
                log.warning(
                    "shots that only the camera holds could not be brought in: its body is left locked, "
                    "so that the next mount can have them; switching it off loses them"
                )
                return
            with trio.move_on_after(LAST_WORD) as patience:
                try:
                    await self._close()
                except errors.CameraError as error:
                    log.warning("the body could not be handed back: %s", error)
            if patience.cancelled_caught:
                log.warning("the body could not be handed back: no answer in %g s", LAST_WORD)

    async def _finish(self) -> None:
        """Bring in all there is to bring in, before the end; failures are logged."""
        async with self._changing:
            try:
                while self.held and self._users:
                    await self._news.park()
                await self._settle()
            except errors.DeviceGone:
                self.note_gone()
            except errors.CameraError as error:
                log.warning("before the body is handed back: %s", error)
            if self.held:
                try:
                    async with self._unclear():  # the body may have been switched off and on
                        await self._images.save()
                except errors.DeviceGone:
                    self.note_gone()
                except errors.CameraError as error:
                    log.warning("what only the camera holds: %s", error)
                except Exception:
                    log.exception("what only the camera holds")


def _number(value: Value | None) -> int:
    return value if isinstance(value, int) else 0

"""What a maker's body does in its own way: the protocol `Body`, and the words in which it tells what happened.

`driver.TetheredCamera` is the same for all makers. It asks its body for what differs, in this order::

    enter ──► poll, settings, release_shutter, frame, … ──► leave
                │
                └── ShotWaits(handle) ──► describe_shot ──► read_shot ──► the spool has it, synchronised ──► let_go

Between `enter` and `leave` the body is the computer's. `remote.RemoteControl` sees to it that `leave` follows whatever happens. A shot that
waits in the body is let go only when its bytes are safe here (`shots`).
"""

from collections.abc import Awaitable, Callable, Collection, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from camfs import errors
from camfs.cameras.api import Ability
from camfs.cameras.ptp.driver import PtpCamera
from camfs.protocols.ptp.messages import Event

Keep = Callable[[int, bytes | memoryview], Awaitable[None]]
"""Is given bytes of a shot and their offset."""


class NeedsControl(errors.AccessDenied):
    """A setting that can be changed only under remote control, and the body is not under it."""


@dataclass(frozen=True)
class OnCard:
    """Something that a standard event tells, mostly about the card: it is handled as an event that came over the link."""

    event: Event


@dataclass(frozen=True)
class ShotWaits:
    """A shot waits in the body for this computer. A body may use the handle again for the next one, once this one is let go."""

    handle: int


@dataclass(frozen=True)
class ShotComplete:
    """The shot that is being taken has no more files than those that were announced."""


@dataclass(frozen=True)
class ShotFailed:
    """There will be no picture, or no more of them, and this is why."""

    error: errors.CameraError


@dataclass(frozen=True)
class LeftControl:
    """The body has left the computer's control by itself."""


@dataclass(frozen=True)
class Told:
    """Something else, as a line for `.events`."""

    text: str


News = OnCard | ShotWaits | ShotComplete | ShotFailed | LeftControl | Told


@dataclass(frozen=True)
class WaitingShot:
    """A shot that waits in the body.

    Attributes:
        handle: as in `ShotWaits`.
        name: as the body calls it; it may be empty.
        size: in bytes, as the body announces it.
        mtime_ns: when it was taken, nanoseconds since 1970; 0 if the body does not say.
    """

    handle: int
    name: str
    size: int
    mtime_ns: int = 0


@dataclass(frozen=True)
class ShotPlan:
    """What to expect of a shot.

    Attributes:
        on_card: files that will appear on the card.
        here: files that will wait in the body for this computer.
        pictures: how many pictures these are.
        seconds: for which the body may be silent: the exposure that is still going on, with its dark frame.
        copied: whether what appears on the card is to be copied to this computer as well, as the body itself does one of the two only.
    """

    on_card: int = 1
    here: int = 0
    pictures: int = 1
    seconds: float = 0.0
    copied: bool = False


class Settings(Protocol):
    """The body's settings, by name and as text: see `cameras.api.Camera`."""

    async def learn(self) -> None:
        """Find out which there are, as far as the body has to be asked for that; never acquires control, and asks once."""

    def names(self) -> Sequence[str]:
        """Name them, without asking the body."""

    async def read(self, name: str) -> str:
        """Read one."""

    async def choices(self, name: str) -> Sequence[str]:
        """List the values that one accepts now."""

    async def change(self, name: str, text: str) -> None:
        """Write one and read it back.

        Raises:
            NeedsControl: that is possible only under remote control.
        """

    def invalidate(self, code: int | None = None) -> None:
        """Drop what was remembered of a property, or of all."""


class Body(Protocol):
    """One maker's body. Every method may raise `CameraError`.

    Attributes:
        settings_need_control: whether its settings can be read only under remote control.
        reading_removes: whether it forgets a shot as soon as that was read, so that a beginning of it is worth keeping.
        shows_card: whether it lists its card like any PTP camera; one that does not has no stores to list.
        hints: events over the link that say no more than that it is worth while to `poll`.
    """

    settings_need_control: bool
    reading_removes: bool
    shows_card: bool
    hints: Collection[int]

    @property
    def settings(self) -> Settings:
        """Its settings."""

    def abilities(self) -> Set[Ability]:
        """Say what it can do beyond pictures and settings, without asking it."""

    async def enter(self) -> None:
        """Take the body: what follows needs it. It may be asked for again when the body has left control by itself.

        Raises:
            Refused: it does not let itself be taken.
        """

    async def leave(self) -> None:
        """Give the body back to the photographer: undo all that was done since `enter`, live view and recording too."""

    async def is_tethered(self) -> bool:
        """Say whether the body is still the computer's, after the PTP session was lost and opened again."""

    def note_left(self) -> None:
        """Note that the body is the photographer's again, whoever ended that."""

    async def poll(self) -> Sequence[News]:
        """Ask what has happened since this was last asked; nothing is told twice."""

    # ------------------------------------------------------------------ shots

    async def left_behind(self) -> int | None:
        """Return the handle of a shot that a program before this one left in the body, and of which no news tells; None if none does."""

    async def sends_here(self) -> bool:
        """Say whether the next shot comes to this computer, on the card or not: then there has to be room for it."""

    async def release_shutter(self, *, autofocus: bool, exposure: float | None) -> ShotPlan:
        """Take a picture; return when it is exposed, or certain to be.

        Args:
            autofocus: whether the body focuses before.
            exposure: seconds of a bulb exposure; None for the exposure time that is set.

        Raises:
            FocusFailed: autofocus found nothing; no picture was taken.
            BufferFull, StoreFull, Busy, NotPermitted, CaptureFailed: no picture was taken, for this reason.
        """

    def end_exposure(self) -> None:
        """End the bulb exposure that `release_shutter` waits for, if there is one; the picture is taken."""

    async def describe_shot(self, handle: int) -> WaitingShot:
        """Describe a shot that waits."""

    async def read_shot(self, shot: WaitingShot, keep: Keep) -> int:
        """Read a whole shot that waits, hand its bytes to `keep` in order, and return how many it has.

        Raises:
            CameraError: not all bytes came.
        """

    async def let_go(self, shot: WaitingShot) -> None:
        """Let the body forget a shot, which is safe on this computer."""

    # ------------------------------------------------------------------ live view, focus, movies, clock

    async def frame(self) -> bytes:
        """Fetch a frame of the live view, a JPEG; switch live view on if need be."""

    async def focus_text(self) -> str:
        """Return what `.focus` shows, `key: value` lines; never needs control."""

    async def change_focus(self, text: str) -> None:
        """Focus: `af`, `near` or `far` with a number of steps."""

    @property
    def recording(self) -> bool:
        """Whether a movie is being recorded."""

    async def record(self, start: bool) -> None:
        """Start or stop a movie."""

    async def clock(self) -> datetime:
        """Read the clock."""

    async def set_clock(self, moment: datetime) -> None:
        """Set the clock."""

    async def status(self) -> Sequence[tuple[str, str]]:
        """Return lines for `.status` beside those of any PTP camera, without disturbing the body."""


@dataclass
class PlainBody:
    """What a body answers that has nothing of its maker's for it: no live view, no focus drive, no movies, the standard clock.

    Attributes:
        ptp: the same camera, opened.
    """

    ptp: PtpCamera
    settings_need_control: bool = field(default=False, init=False)
    reading_removes: bool = field(default=False, init=False)
    shows_card: bool = field(default=True, init=False)
    hints: Collection[int] = field(default=frozenset(), init=False)

    def abilities(self) -> Set[Ability]:
        return frozenset()

    async def is_tethered(self) -> bool:
        return False

    def note_left(self) -> None:
        pass

    async def left_behind(self) -> int | None:
        return None

    def end_exposure(self) -> None:
        pass

    async def frame(self) -> bytes:
        raise errors.NotSupported("this camera has no live view")

    async def focus_text(self) -> str:
        return ""

    async def change_focus(self, text: str) -> None:
        raise errors.NotSupported("this camera's focus cannot be driven by a computer")

    @property
    def recording(self) -> bool:
        return False

    async def record(self, start: bool) -> None:
        raise errors.NotSupported("this camera cannot record movies under a computer's control")

    async def clock(self) -> datetime:
        return await self.ptp.clock()

    async def set_clock(self, moment: datetime) -> None:
        await self.ptp.set_clock(moment)

    async def status(self) -> Sequence[tuple[str, str]]:
        return ()

"""Follows what happens in a tethered body: asks it again and again, and hands each piece of news to those whom it concerns.

Some bodies tell the same event in two ways, over the link and in the reply to a maker's operation, and some in either way alone. So an
event counts once (`Twins`): one that comes within `TWIN` seconds of the same one by the other way is its twin, and is dropped.

The body is asked every `IDLE_POLL` seconds while the computer has control, at once when any event comes over the link, and by the shutter
as often as that needs it. It is never asked while it is the photographer's.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import trio

from camfs import errors
from camfs.cameras.api import Change, Happened
from camfs.cameras.ptp.events import Events
from camfs.cameras.tethered.body import Body, LeftControl, News, OnCard, ShotComplete, ShotFailed, ShotWaits, Told
from camfs.cameras.tethered.remote import RemoteControl
from camfs.cameras.tethered.shot_key import ImageKey
from camfs.cameras.tethered.shots import ShotFolder
from camfs.protocols.ptp.messages import Event

log = logging.getLogger(__name__)

IDLE_POLL = 1.0
"""Seconds between two questions while nothing is awaited."""

TWIN = 5.0
"""Seconds within which the same event comes by the other way."""

REST_AFTER_FAILURE = 5.0
"""Seconds until a body is asked again after it did not answer."""


class Listener(Protocol):
    """Who waits for a shot."""

    def note_received(self, keys: Sequence[ImageKey]) -> None:
        """Note files of shots that came to this computer."""

    def note_complete(self) -> None:
        """Note that there are no more."""

    def note_failure(self, error: errors.CameraError) -> None:
        """Note why there will be no more."""


class Twins:
    """Tells which events have come by the other way already."""

    def __init__(self) -> None:
        self._single: dict[tuple[int, int], list[tuple[str, float]]] = {}

    def is_news(self, event: Event, way: str) -> bool:
        """Note that an event has come by this way, and say whether it is not the twin of one that came by the other."""
        now = trio.current_time()
        key = event.code, event.parameters[0] if event.parameters else 0
        single = [each for each in self._single.pop(key, []) if now - each[1] <= TWIN]
        other = next((each for each in single if each[0] != way), None)
        if other is None:
            single.append((way, now))
        else:
            single.remove(other)
        if single:
            self._single[key] = single
        return other is None


class Following:
    """Asks the body what happened.

    Args:
        body: is asked.
        remote: says whether the computer has control.
        shots: receives shots that wait in the body.
        events: handles what is about the card.
        announce: is awaited with lines for `.events`.

    Attributes:
        listener: who waits for a shot; None if nobody does.
    """

    def __init__(
        self,
        body: Body,
        remote: RemoteControl,
        shots: ShotFolder,
        events: Events,
        announce: Callable[[Change], Awaitable[None]],
    ) -> None:
        self.listener: Listener | None = None
        self._body = body
        self._remote = remote
        self._shots = shots
        self._events = events
        self._announce = announce
        self._twins = Twins()
        self._asking = trio.Lock()
        self._hint = trio.Event()
        events.is_news = self._note_event

    def _note_event(self, event: Event) -> bool:
        """Take an event that came over the link for a hint to ask; say whether it is news."""
        self._hint.set()
        if event.code in self._body.hints:
            return False
        return not self._remote.is_acquired or self._twins.is_news(event, "link")

    async def wait_for_hint(self, seconds: float) -> None:
        """Wait until an event has come over the link, this long at most."""
        with trio.move_on_after(seconds):
            await self._hint.wait()
        self._hint = trio.Event()

    async def ask(self) -> None:
        """Ask the body once, and do what its news say.

        Raises:
            StoreFull: a shot that waits in the body finds no room here; the body keeps it.
            CameraError: the body did not answer, or did not hand a shot over.
        """
        async with self._asking:
            told = await self._body.poll()
            for news in told:
                if isinstance(news, ShotWaits):
                    self._shots.note_waiting(news.handle)  # before anything that may fail: it is told once
            for news in told:
                await self._tell(news)
            keys = await self._shots.bring_in()
            if keys and self.listener is not None:
                self.listener.note_received(keys)

    async def _tell(self, news: News) -> None:
        match news:
            case OnCard(event):
                if self._twins.is_news(event, "poll"):
                    await self._events.hand_in(event)
            case ShotComplete():
                if self.listener is not None:
                    self.listener.note_complete()
            case ShotFailed(error):
                if self.listener is not None:
                    self.listener.note_failure(error)
            case LeftControl():
                self._remote.note_switched_off()
            case Told(text):
                await self._announce(Happened(text))

    async def run(self) -> None:
        """Ask again and again while the computer has control; never returns."""
        failed = False
        while True:
            await self._remote.wait_until_acquired()
            rest = IDLE_POLL
            try:
                async with self._remote.unchanged(counts=False):
                    if self._remote.is_acquired:
                        await self.ask()
                        failed = False
            except errors.DeviceGone:
                rest = REST_AFTER_FAILURE
            except errors.CameraError as error:
                log.log(logging.INFO if failed else logging.WARNING, "asking the camera what happened: %s", error)
                failed, rest = True, REST_AFTER_FAILURE
            await self.wait_for_hint(rest)

"""The camera's ring of entries: which ids it holds, and how the entries of a command end.

The camera keeps each file of a shot as an entry. The entries that wait are the ids from `head` up to before `tail`, modulo 29
(camfs/protocols/sigma/README.md, "Image database and capture"). A command's first entry gets the id that `tail` was before it, and
a command may make several. The tail also moves on when an older entry blocked the shutter and nothing was exposed, so only
the state of an entry says whether there is a picture. Nothing here clears an entry: `imagedb` alone decides about that.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import trio

from camfs import errors
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.protocols.sigma.codes import IMAGE_IDS, CaptureState, Destination
from camfs.protocols.sigma.records import CaptureStatus, Picture

log = logging.getLogger(__name__)

POLL = 0.15
"""Seconds between two looks at an entry (camfs/protocols/sigma/README.md, "Image database and capture")."""

SHOT_WAIT = 2.0
"""Seconds that a shot may be done without an image being generated; then its records are looked for."""

FOLLOW_WAIT = 0.5
"""Seconds that a further entry of a shot may show nothing."""

STORE_WAIT = 30.0
"""Seconds that the camera may take to write a shot to its card."""

LEFT_WAIT = 30.0
"""Seconds waited for a shot to be ready that another program has left, or that was given up."""

LEFT_PATIENCE = 2.0
"""Seconds that such an entry may show nothing: its command may have been given just before."""

_IN_PROGRESS = {CaptureState.SHOOTING, CaptureState.SHOT, CaptureState.GENERATING, CaptureState.MOVIE_STOPPING}

_FAILURES: dict[int, type[errors.Refused]] = {
    CaptureState.AF_FAILED: errors.FocusFailed,
    CaptureState.BUFFER_FULL: errors.BufferFull,
}
"""What is raised for a state of failure; for others `CaptureFailed`."""


class NotDone(errors.TransferTimeout):
    """An entry did not come to its end in time.

    Attributes:
        status: what the camera said last.
    """

    def __init__(self, status: CaptureStatus) -> None:
        super().__init__(f"the camera is not done: {_words(status.state)}")
        self.status = status


@dataclass(frozen=True)
class Snapped:
    """How a SnapCommand ended.

    Attributes:
        states: the final states of the entries that it made, by id.
        state: that of its first entry, which is there also if no entry was made.
        given_ns: when the command was given.
    """

    states: dict[int, int]
    state: int
    given_ns: int

    @property
    def has_picture(self) -> bool:
        """Whether one of the entries holds a picture, or may."""
        return any(map(has_picture, self.states.values()))


class Ring:
    """The camera's ring.

    Args:
        operations: the camera's.

    Attributes:
        may_hold_unlisted: whether a command ended unclearly, so that there may be an entry that nobody here knows.
    """

    def __init__(self, operations: SigmaOperations) -> None:
        self._operations = operations
        self._overdue: set[int] = set()
        self._hold_ended = trio.Event()
        self.may_hold_unlisted = False

    async def status(self) -> CaptureStatus:
        """Read the head and the tail, and the state of entry 0."""
        return await self._operations.capture_status(0)

    def note_empty(self) -> None:
        """Note that no entry waits."""
        self.may_hold_unlisted = False
        self._overdue.clear()

    async def snap(
        self, mode: int, first: int, budget: float, *, amount: int = 1, hold: float | None = None, goes_on: bool = False
    ) -> Snapped:
        """Give a command once, and wait for the end of all entries that it makes.

        Args:
            mode: see `SnapMode`.
            first: the tail before the command.
            budget: seconds until the end, and until the end after a bulb exposure.
            amount: pictures that it asks for.
            hold: seconds after which a bulb exposure is ended, whatever happens here.
            goes_on: whether the camera takes more pictures by itself: only the entries that are there with the first one are waited for.

        Raises:
            NotDone: no end within the budget.
        """
        given_ns = time.time_ns()
        self.may_hold_unlisted = True
        self._hold_ended = trio.Event()
        try:
            await self._operations.snap(mode, amount)
        except errors.Refused:
            self.may_hold_unlisted = False
            raise
        if hold is not None:
            await self._hold(hold)
        deadline = trio.current_time() + budget
        states: dict[int, int] = {}
        status = await self.final(first, deadline)
        state, tail = status.state, status.tail
        while True:
            ids = _ids(first, tail if goes_on else status.tail)
            states |= {first: state} if ids else {}
            image_id = next((each for each in ids if each not in states), None)
            if image_id is None:
                return Snapped(states, state, given_ns)
            status = await self.final(image_id, deadline, patience=FOLLOW_WAIT)
            states[image_id] = status.state

    async def _hold(self, seconds: float) -> None:
        """Wait until a bulb exposure is to end, and end it, also if this is cancelled."""
        try:
            with trio.move_on_after(seconds):
                await self._hold_ended.wait()
        finally:
            with trio.CancelScope(shield=True):
                await self._operations.stop_capture()

    def end_hold(self) -> None:
        """Let a bulb exposure end now."""
        self._hold_ended.set()

    async def final(
        self, image_id: int, deadline: float, *, patience: float | None = None, movie: bool = False
    ) -> CaptureStatus:
        """Poll an entry until it no longer changes.

        Args:
            image_id: the entry's.
            deadline: on trio's clock.
            patience: seconds that the entry may show nothing before it is left at that. None: until the deadline.
            movie: whether the entry is a movie's, which is not done before its state says so.

        Raises:
            NotDone: it still changes, or shows nothing, at the deadline.
        """
        since, before = trio.current_time(), -1
        while True:
            status = await self._operations.capture_status(image_id)
            state, now = status.state, trio.current_time()
            since, before = (since if state == before else now), state
            if movie:
                done = state == CaptureState.MOVIE_GENERATED or state & 0xF000 != 0
            elif state == CaptureState.CLEARED:
                done = patience is not None and (now - since >= patience or now >= deadline)
            else:
                done = state not in _IN_PROGRESS or (state == CaptureState.SHOT and now - since >= SHOT_WAIT)
            if done:
                return status
            if now >= deadline:
                raise NotDone(status)
            await trio.sleep(POLL)

    async def pictures_of(self, unknown: Sequence[int]) -> tuple[Mapping[int, int], tuple[Picture, ...]]:
        """Wait for the end of entries that nobody here knows, and read the records of the pictures that wait.

        There are none to fetch if the entries hold no picture, if the camera has written it to its card as it was told, or if the records
        make no sense.

        Returns:
            The last states of the entries, by id, and the records of all pictures that wait, those of known entries, too.

        Raises:
            Busy: an entry does not end, for the first time. The second time it is given up.
        """
        ended = await self._final_states(unknown)
        states = {status.image_id: status.state for status in ended}
        is_for_card = all(status.destination == Destination.CAMERA for status in ended)
        if not any(map(has_picture, states.values())):
            return states, ()
        if is_for_card and await self.wait_until_stored(unknown):
            return states, ()
        try:
            return states, await self.records()
        except errors.RemoteProtocolError as error:
            log.warning("a shot that the camera holds cannot be fetched, and is given up: %s", error)
            return states, ()

    async def _final_states(self, unknown: Sequence[int]) -> Sequence[CaptureStatus]:
        begun = trio.current_time()
        ended = []
        for image_id in unknown:
            try:
                patience = begun + LEFT_PATIENCE - trio.current_time()
                ended.append(await self.final(image_id, begun + LEFT_WAIT, patience=patience))
            except errors.TransferTimeout as error:
                if image_id not in self._overdue:
                    self._overdue.add(image_id)
                    raise errors.Busy(f"an earlier shot is in the way: {error}") from None
                log.warning("an earlier shot is given up: %s", error)
                ended.append(error.status if isinstance(error, NotDone) else CaptureStatus(image_id, 0, 0))
        return ended

    async def wait_until_stored(self, ids: Sequence[int]) -> bool:
        """Wait until the camera has written a shot to its card, and say whether it has."""
        deadline = trio.current_time() + STORE_WAIT
        for image_id in ids:
            while (status := await self._operations.capture_status(image_id)).state != CaptureState.STORED:
                if not has_picture(status.state):
                    break
                if trio.current_time() >= deadline:
                    log.warning("the camera did not write the shot to its card")
                    return False
                await trio.sleep(POLL)
        return True

    async def records(self) -> tuple[Picture, ...]:
        """Read the records of what waits; once more if they make no sense, as a shot depends on them."""
        try:
            return await self._operations.pictures()
        except errors.RemoteProtocolError as error:
            log.info("records of pictures: %s", error)
            return await self._operations.pictures()


def has_picture(state: int) -> bool:
    """Say whether an entry in this state holds a picture, or may: a picture can also end as SHOT."""
    return state in (CaptureState.GENERATED, CaptureState.STORED, CaptureState.SHOT)


def is_done(state: int) -> bool:
    """Say whether an entry in this state has come to its end; one that shows nothing may still begin."""
    return state not in _IN_PROGRESS and state != CaptureState.CLEARED


def failure(state: int) -> errors.Refused:
    """Return the error for a state of failure."""
    return _FAILURES.get(state, errors.CaptureFailed)(_words(state))


def _ids(first: int, tail: int) -> list[int]:
    """Return the ids from the first up to before the tail."""
    return [(first + step) % IMAGE_IDS for step in range((tail - first) % IMAGE_IDS)]


def _words(state: int) -> str:
    return next((each.words for each in CaptureState if each == state), f"state 0x{state:04X}")

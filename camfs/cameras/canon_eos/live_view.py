"""An EOS body's live view, and what goes with it: driving the focus, and movies (camfs/protocols/canon_eos/README.md, "Live view")."""

import logging

import trio

from camfs import errors
from camfs.cameras.canon_eos.operations import MAX_FRAME, CanonOperations
from camfs.cameras.canon_eos.settings import CanonSettings
from camfs.cameras.canon_eos.state import BodyState
from camfs.protocols.canon_eos.codes import MOVIE_TO_CARD, VIEW_SIZE, CanonOperation, EvfOutput, Property
from camfs.protocols.canon_eos.codings import number_of
from camfs.protocols.canon_eos.frames import picture_of

log = logging.getLogger(__name__)

FRAME_TIME = 3.0
"""Seconds for which a body may not be ready with a frame."""

NONSENSE = 3
"""Frames without a picture in a row after which that is an error."""

FOCUS_TIME = 8.0
"""Seconds for autofocus in the live view."""

STEP = 0.05
"""Seconds between two questions for records."""

SIZES = ("small", "medium", "large")
"""Sizes of steps of the focus drive, from the first of DriveLens on."""

MOST_STEPS = 100
FARTHER = 0x8000


class LiveView:
    """The live view of one body, under remote control.

    Args:
        operations: of the body.
        settings: of the body.
        state: what the records have told.
    """

    def __init__(self, operations: CanonOperations, settings: CanonSettings, state: BodyState) -> None:
        self._operations = operations
        self._settings = settings
        self._state = state
        self._output_before: int | None = None
        self._has_started_movie = False
        self._has_switched_to_movies = False

    @property
    def is_on(self) -> bool:
        """Whether the live view comes to the computer."""
        return bool((self._state.number(Property.EvfOutput) or 0) & EvfOutput.COMPUTER)

    @property
    def recording(self) -> bool:
        """Whether a movie is being recorded that was started here; a body may end it by itself, when its card is full for example."""
        return self._has_started_movie and self._state.number(Property.MovieRecording) == MOVIE_TO_CARD

    def note_ended(self) -> None:
        """Note that the body is the photographer's."""
        self._has_started_movie = self._has_switched_to_movies = False
        self._output_before = None

    async def frame(self) -> bytes:
        """Fetch a frame.

        Raises:
            Busy: the live view does not begin.
            RemoteProtocolError: what comes are no pictures.
        """
        await self._begin()
        failure: errors.RemoteProtocolError | None = None
        for _ in range(NONSENSE):
            try:
                return picture_of(await self._fetch())
            except errors.RemoteProtocolError as error:
                failure = error
        assert failure is not None
        raise failure

    async def _fetch(self) -> bytes | memoryview:
        wanted = CanonOperation.GetViewFinderData, VIEW_SIZE, 0, 0
        return (await self._operations.insist(*wanted, limit=MAX_FRAME, seconds=FRAME_TIME)).data

    async def _begin(self) -> None:
        """Let the live view come to the computer, if it does not."""
        if not self._operations.has(CanonOperation.GetViewFinderData):
            raise errors.NotSupported("this camera has no live view")
        await self._settings.ask()
        if self.is_on:
            return
        if self._state.number(Property.EvfMode) == 0:
            try:
                await self._settings.write_number(Property.EvfMode, 1)
            except errors.Refused as error:
                log.info("%s", error)
        before = self._state.number(Property.EvfOutput) or 0
        await self._settings.write_number(Property.EvfOutput, before | EvfOutput.COMPUTER)
        self._output_before = before

    async def end(self) -> None:
        """End recording and the live view."""
        await self.record(False)
        if self._output_before is not None:
            before, self._output_before = self._output_before, None
            await self._settings.write_number(Property.EvfOutput, before)

    # ------------------------------------------------------------------ focus

    async def drive(self, farther: bool, steps: int, size: str) -> None:
        """Drive the focus by so many steps of a size.

        Raises:
            InvalidValue: too many steps.
        """
        if not self._operations.has(CanonOperation.DriveLens):
            raise errors.NotSupported("this camera's focus cannot be driven in steps")
        if steps > MOST_STEPS:
            raise errors.InvalidValue(f"{steps} steps: at most {MOST_STEPS} at a time")
        await self._begin()
        parameter = SIZES.index(size) + 1 + (FARTHER if farther else 0)
        for _ in range(steps):
            await self._operations.insist(CanonOperation.DriveLens, parameter)

    async def autofocus(self) -> None:
        """Focus once in the live view.

        Raises:
            FocusFailed: autofocus found nothing.
        """
        self._state.forget_focus()
        await self._operations.insist(CanonOperation.DoAf)
        until = trio.current_time() + FOCUS_TIME
        try:
            while True:
                await self._settings.ask()
                if self._state.focus is False:
                    raise errors.FocusFailed("autofocus found nothing to focus on")
                if self._state.focus:
                    return
                if trio.current_time() >= until:
                    raise errors.FocusFailed(f"autofocus did not end in {FOCUS_TIME:g} s")
                await trio.sleep(STEP)
        finally:
            with trio.CancelScope(shield=True):
                await self._operations.tolerate(CanonOperation.AfCancel)

    # ------------------------------------------------------------------ movies

    async def record(self, start: bool) -> None:
        """Start or stop a movie, which goes to the card.

        Raises:
            NotPermitted: the dial is not at movie, and the body cannot be switched to movies.
        """
        if start and self.recording:
            return
        if not start:
            if self.recording:
                await self._settings.write_number(Property.MovieRecording, 0)
            self._has_started_movie = False
            await self._leave_movies()
            return
        await self._enter_movies()
        try:
            await self._settings.write_number(Property.MovieRecording, MOVIE_TO_CARD)
        except BaseException:
            with trio.CancelScope(shield=True):
                await self._leave_movies()
            raise
        self._has_started_movie = True

    def _can_record(self) -> bool:
        return MOVIE_TO_CARD in map(number_of, self._state.offered(Property.MovieRecording))

    async def _enter_movies(self) -> None:
        await self._settings.ask()
        if self._can_record():
            return
        if self._operations.has(CanonOperation.MovieSelectSWOn):
            await self._operations.insist(CanonOperation.MovieSelectSWOn)
            self._has_switched_to_movies = True
            await self._settings.ask()
        if not self._can_record():
            await self._leave_movies()
            raise errors.NotPermitted("no movie can begin: turn the camera's dial to movies")

    async def _leave_movies(self) -> None:
        if self._has_switched_to_movies:
            self._has_switched_to_movies = False
            await self._operations.tolerate(CanonOperation.MovieSelectSWOff)

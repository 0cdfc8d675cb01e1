"""A Nikon's live view, and what goes with it: driving the focus in steps, and movies (camfs/protocols/nikon/README.md, "Live view")."""

import logging
from collections.abc import Awaitable, Callable, Sequence

import trio

from camfs import errors
from camfs.cameras.nikon.operations import MAX_FRAME, NikonOperations
from camfs.cameras.nikon.settings import NikonSettings
from camfs.protocols.nikon.codes import (
    FAR,
    MOST_STEPS,
    NEAR,
    TO_MEMORY,
    NikonEvent,
    NikonOperation,
    NikonProperty,
    NikonResponse,
)
from camfs.protocols.nikon.live_view import (
    HARMLESS,
    LIVE_VIEW_REASONS,
    MOVIE_REASONS,
    decode_frame,
    reasons,
)

log = logging.getLogger(__name__)

START_TIME = 3.0
"""Seconds for live view to begin, or to end."""

FRAME_TIME = 2.0
"""Seconds for a frame."""

FRAME_STEP = 0.01
"""Seconds until a frame is asked for again."""

NONSENSE = 3
"""Frames without a picture in a row after which that is an error."""

DRIVE_TIME = 10.0
"""Seconds for the focus to come to rest."""

MOVIE_TIME = 60.0
"""Seconds within which a movie is on the card after it was stopped."""

NOT_ABOUT_THE_CARD = ~(1 << 13 | 1 << 14)
"""Bits of the prohibition of movies that an idle body sets although movies can be recorded."""


class LiveView:
    """The live view of one body, under remote control.

    Args:
        operations: of the body.
        settings: of the body.
        await_event: waits for one of some events for so many seconds, and returns which came.

    Attributes:
        is_on: whether it is on, as far as is known.
        recording: whether a movie is being recorded.
    """

    def __init__(
        self,
        operations: NikonOperations,
        settings: NikonSettings,
        await_event: Callable[[Sequence[int], float], Awaitable[int | None]],
    ) -> None:
        self.is_on = False
        self.recording = False
        self._operations = operations
        self._settings = settings
        self._await_event = await_event
        self._media_before: int | None = None
        self._is_fresh = self._was_begun = False
        self._application_set_by: NikonOperation | NikonProperty | None = None

    def note_ended(self) -> None:
        """Note that the body is the photographer's: live view and recording are over."""
        self.is_on = self.recording = self._was_begun = False
        self._media_before = None
        self._application_set_by = None

    def note_changed(self) -> None:
        """Note that the body has switched it on or off, by itself or because it was told to: it is asked before the next frame."""
        self.is_on = False

    async def is_running(self) -> bool:
        """Say whether it is on; the body is asked if it has changed that."""
        if self._was_begun and not self.is_on:
            self.is_on = await self._settings.value(NikonProperty.LiveViewStatus) == 1
        return self.is_on

    # ------------------------------------------------------------------ frames

    async def frame(self) -> bytes:
        """Fetch a frame. Of those after the beginning the second is taken, as the first may be an old one.

        Raises:
            Busy, NotPermitted: live view does not begin, for this reason.
            RemoteProtocolError: what comes are no pictures.
        """
        await self._begin()
        if self._is_fresh:
            await self._fetch()
            self._is_fresh = False
        failure: errors.RemoteProtocolError | None = None
        for _ in range(NONSENSE):
            try:
                return await self._fetch()
            except errors.RemoteProtocolError as error:
                failure = error
        assert failure is not None
        raise failure

    async def _fetch(self) -> bytes:
        """Fetch one frame; if the body has ended live view by itself, begin again once."""
        until = trio.current_time() + FRAME_TIME
        restarted = False
        while True:
            try:
                reply = await self._operations.run(NikonOperation.GetLiveViewImage, limit=MAX_FRAME)
                return decode_frame(reply.data).jpeg
            except errors.Busy as error:
                if error.code == NikonResponse.NotLiveView and not restarted:
                    restarted, self.is_on = True, False
                    await self._begin()
                elif trio.current_time() >= until:
                    raise
            await trio.sleep(FRAME_STEP)

    async def _begin(self) -> None:
        """Switch live view on if it is not."""
        if self.is_on:
            return
        if not self._operations.has(NikonOperation.StartLiveView):
            raise errors.NotSupported("this camera has no live view")
        await self._settings.learn()
        if await self._settings.value(NikonProperty.LiveViewStatus) == 1:
            self.is_on = self._is_fresh = self._was_begun = True
            return
        await self._check_possible()
        self._was_begun = True
        await self._operations.insist(NikonOperation.StartLiveView)
        await self._operations.wait_until_ready(START_TIME)
        self.is_on = self._is_fresh = True

    async def _check_possible(self) -> None:
        """See that nothing prohibits live view. Without a usable card it begins if pictures go to the body's memory.

        Raises:
            Busy: something does.
        """
        prohibited = await self._settings.value(NikonProperty.LiveViewProhibition)
        if not isinstance(prohibited, int) or not prohibited & ~HARMLESS:
            return
        media = await self._settings.value(NikonProperty.RecordingMedia)
        if isinstance(media, int) and media != TO_MEMORY:
            await self._settings.write(NikonProperty.RecordingMedia, TO_MEMORY)
            self._media_before = media if self._media_before is None else self._media_before
            prohibited = await self._settings.value(NikonProperty.LiveViewProhibition)
        if isinstance(prohibited, int) and prohibited & ~HARMLESS:
            raise errors.Busy(f"live view cannot begin: {reasons(prohibited & ~HARMLESS, LIVE_VIEW_REASONS)}")

    async def end(self) -> None:
        """End recording and live view, and put back what was changed for them."""
        if self.recording:
            await self.stop_movie()
        if self._was_begun:
            self.is_on = self._was_begun = False
            await self._operations.insist(NikonOperation.EndLiveView)
            await self._operations.wait_until_ready(START_TIME)
        await self._leave_application()
        if self._media_before is not None:
            media, self._media_before = self._media_before, None
            await self._settings.write(NikonProperty.RecordingMedia, media)

    # ------------------------------------------------------------------ focus

    async def drive(self, nearer: bool, steps: int) -> None:
        """Drive the focus by so many steps.

        Raises:
            InvalidValue: the lens is at its end, or does not move in steps so small.
        """
        if not self._operations.has(NikonOperation.MfDrive):
            raise errors.NotSupported("this camera's focus cannot be driven in steps")
        await self._begin()
        while steps > 0:
            part = min(steps, MOST_STEPS)
            await self._operations.insist(NikonOperation.MfDrive, NEAR if nearer else FAR, part)
            await self._operations.wait_until_ready(DRIVE_TIME)
            steps -= part

    # ------------------------------------------------------------------ movies

    async def start_movie(self) -> None:
        """Record a movie to the card.

        Raises:
            Refused: the body does not, for this reason.
        """
        if self.recording:
            return
        if not self._operations.has(NikonOperation.StartMovieRecInCard):
            raise errors.NotSupported("this camera cannot record movies under a computer's control")
        await self._settings.learn()
        await self._enter_application()
        try:
            await self._begin()
            prohibited = await self._settings.value(NikonProperty.MovieProhibition)
            if isinstance(prohibited, int) and prohibited & NOT_ABOUT_THE_CARD:
                raise errors.NotPermitted(f"no movie can begin: {reasons(prohibited, MOVIE_REASONS)}")
            await self._operations.insist(NikonOperation.StartMovieRecInCard)
        except BaseException:
            with trio.CancelScope(shield=True):
                await self._leave_application()
            raise
        self.recording = True

    async def _enter_application(self) -> None:
        """Put the body into its movie application, by the operation or the property that it has."""
        if self._operations.has(NikonOperation.ChangeApplicationMode):
            await self._operations.insist(NikonOperation.ChangeApplicationMode, 1)
            self._application_set_by = NikonOperation.ChangeApplicationMode
        elif self._settings.has(NikonProperty.ApplicationMode):
            await self._settings.write(NikonProperty.ApplicationMode, 1)
            self._application_set_by = NikonProperty.ApplicationMode

    async def _leave_application(self) -> None:
        by, self._application_set_by = self._application_set_by, None
        if by is NikonOperation.ChangeApplicationMode:
            await self._operations.insist(NikonOperation.ChangeApplicationMode, 0)
        elif by is NikonProperty.ApplicationMode:
            await self._settings.write(NikonProperty.ApplicationMode, 0)

    async def stop_movie(self) -> None:
        """Stop recording, and wait until the movie is on the card.

        Raises:
            CaptureFailed: the body broke the recording off.
            TransferTimeout: the body does not say that it is done; it has been told to stop.
        """
        if not self.recording:
            return
        await self._operations.insist(NikonOperation.EndMovieRec)
        self.recording = False
        ends = (NikonEvent.MovieRecordComplete, NikonEvent.MovieRecordInterrupted)
        how = await self._await_event(ends, MOVIE_TIME)
        await self._leave_application()
        if how is None:
            raise errors.TransferTimeout(f"the camera has not said in {MOVIE_TIME:g} s that the movie is on the card")
        if how == NikonEvent.MovieRecordInterrupted:
            raise errors.CaptureFailed("the camera broke the recording off")

"""Movies: they are recorded to the card, and under narrow conditions the camera gives one out (`-o movies`).

The camera gives out only the movie at index 0, the first one since control was acquired, and only if it went to the card. Asked for
anything else it leaves the bus until it is switched off and on, so every read asks first whether all conditions still hold
(camfs/protocols/sigma/README.md, "Movies").
"""

import logging

import trio

from camfs import errors
from camfs.cameras.sigma.exposure import ShotFile
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.cameras.sigma.ring import Ring
from camfs.protocols.sigma.codes import CaptureState, Destination, SnapMode
from camfs.protocols.sigma.datasets import Dataset
from camfs.protocols.sigma.records import CaptureStatus, Movie
from camfs.protocols.sigma.values import CINE

log = logging.getLogger(__name__)

MOVIE_WAIT = 60.0
"""Seconds that the camera may take to end a movie."""


class Movies:
    """Recording and reading. Everything is called under the lock of `imagedb.ImageFolder`, so that the ring does not change meanwhile.

    Args:
        operations: the camera's.
        ring: its ring.
        are_offered: whether the movie at index 0 is listed and can be read.

    Attributes:
        recording: whether a movie is being recorded.
    """

    def __init__(self, operations: SigmaOperations, ring: Ring, are_offered: bool) -> None:
        self.recording = False
        self._operations = operations
        self._ring = ring
        self._are_offered = are_offered
        self._image_id: int | None = None
        self._is_on_card = False
        self._is_broken = False

    async def check_mode(self) -> bool:
        """See that movies can be recorded now, and return whether they go to the card.

        Raises:
            NotPermitted: the camera is not in capture-mode cine.
        """
        values = await self._operations.read(Dataset.MOVIE)
        if values.get("CaptureMode") != CINE:
            raise errors.NotPermitted("movies are recorded in capture-mode cine; the camera is in still")
        group = await self._operations.read(Dataset.GROUP3)
        return group.get("DestToSave") != Destination.COMPUTER

    async def start(self, image_id: int, is_on_card: bool, with_af: bool) -> None:
        """Start to record.

        Args:
            image_id: the tail of the ring, which becomes the movie's entry.
            is_on_card: what `check_mode` returned.
            with_af: whether the camera focuses meanwhile.
        """
        self._image_id, self._is_on_card = image_id, is_on_card
        self.recording = True
        try:
            await self._operations.snap(SnapMode.START_MOVIE_WITH_AF if with_af else SnapMode.START_MOVIE)
        except errors.Refused:
            self.recording = False
            raise

    async def stop(self) -> CaptureStatus | None:
        """Stop recording, and wait until the footage is on the card; None if nothing is being recorded.

        Raises:
            NotDone: no end within `MOVIE_WAIT`; the camera has been told to stop.
        """
        if not self.recording or self._image_id is None:
            return None
        await self._operations.snap(SnapMode.STOP_MOVIE)
        self.recording = False
        return await self._ring.final(self._image_id, trio.current_time() + MOVIE_WAIT, movie=True)

    async def record_to_list(self) -> Movie | None:
        """Return the record of the movie that was stopped last, if the camera can give it out and movies are offered."""
        if not self._are_offered or self._image_id is None:
            return None
        movie = await self._operations.movie(self._image_id)
        if movie is not None and (self._image_id != 0 or not self._is_on_card or self._is_broken):
            log.info(
                "the movie is on the card only: the camera gives out none but the first since control was acquired"
            )
            return None
        return movie

    def note_emptied(self) -> None:
        """Note that the camera's ring is empty, and nothing is being recorded."""
        self.recording = False
        self._image_id = None

    async def read(self, file: ShotFile, offset: int, size: int) -> bytes | memoryview:
        """Read from the movie at index 0.

        Raises:
            Refused: the read might take the camera off the bus.
            InvalidValue: not within the movie.
            RemoteProtocolError: the camera gave nonsense in place of the movie, and will until it is switched off.
        """
        if not 0 <= offset < offset + size <= file.size:
            raise errors.InvalidValue("not within the movie")
        await self._guard(file)
        try:
            return await self._operations.read_movie(offset, size)
        except errors.RemoteProtocolError:
            self._is_broken = True
            raise

    async def _guard(self, file: ShotFile) -> None:
        """Ask all that makes reading a movie safe: it is at index 0, finished, named, and nothing is being recorded."""
        status = await self._ring.status()
        is_held = file.exposure is not None and status.head == 0 < status.tail and not self.recording
        has_ended = status.state == CaptureState.MOVIE_GENERATED
        if self._is_broken or not is_held or not has_ended or await self._operations.movie(0) != file.record:
            raise errors.Refused("this movie cannot be read from the camera any more; it is on the card")

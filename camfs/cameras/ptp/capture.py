"""Taking a picture on a PTP camera: InitiateCapture, and what is waited for after it.

A camera announces each file of the shot (ObjectAdded), and that there are no more (CaptureComplete). Some send neither, some list
events that they never send, so::

    InitiateCapture ──► WAITING ─────────── a file, and CaptureComplete, and none is awaited ───────► its files
                          │ ▲ │
                          │ └─┴── a file is announced, or found in the list of all objects: wait for more
                          │
                          ├──── a file, and no news for `CAPTURE_QUIET` or `CAPTURE_LATE` seconds ──► its files
                          ├──── StoreFull ──────────────────────────────────────────────────────────► StoreFull
                          └──── no sign that the shot goes on (`waiting`) ──► its files; without any, TransferTimeout

A file is awaited from its event on until the camera describes it, which may take seconds (`events`). The list of all objects is asked for
only on a camera that has not sent an event about its contents so far.
"""

import functools
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import trio

from camfs import errors
from camfs.cameras.ptp.objects import ObjectKey, Objects
from camfs.cameras.ptp.operations import PtpOperations
from camfs.cameras.ptp.places import Places
from camfs.cameras.ptp.settings import PropertySettings
from camfs.cameras.ptp.waiting import Waiting, while_busy
from camfs.protocols.ptp.codes import EventCode, ObjectFormat, ObjectHandle, Operation, StorageID
from camfs.protocols.ptp.datasets import ObjectInfo

log = logging.getLogger(__name__)

ANSWER = 100.0
"""Seconds for the answer to InitiateCapture, as in libgphoto2: some cameras give it when they have exposed."""

READY = 30.0
"""Seconds for which a camera may be busy before a shot, with storing the last one, and after it, with storing this one."""

CAPTURE_QUIET = 1.0
"""Seconds without another file after which a shot is complete, on cameras that do not list CaptureComplete."""

CAPTURE_LATE = 5.0
"""The same on cameras that list CaptureComplete: some list events that they never send (SIGMA fp)."""

CAPTURE_AWAITED = 20.0
"""Seconds for which a new object that cannot be described is waited for."""


@dataclass
class Shot:
    """A shot that is being taken.

    Attributes:
        files: its files so far.
        awaited: what was announced and cannot be described yet, and when it was announced.
        complete: whether the camera has said that there are no more.
        failure: why there will be none.
        news: set when one of these has changed.
    """

    files: list[ObjectHandle] = field(default_factory=list)
    awaited: dict[ObjectHandle, float] = field(default_factory=dict)
    complete: bool = False
    failure: errors.CameraError | None = None
    news: trio.Event = field(default_factory=trio.Event)


class Capture:
    """The shutter of one camera.

    Args:
        operations: of the camera.
        objects: where the files of a shot appear.
        places: finds them.
        settings: among which may be the exposure time.
    """

    def __init__(self, operations: PtpOperations, objects: Objects, places: Places, settings: PropertySettings) -> None:
        self._operations = operations
        self._objects = objects
        self._places = places
        self._settings = settings
        self._shot: Shot | None = None

    @property
    def is_taking(self) -> bool:
        """Whether a picture is being taken."""
        return self._shot is not None

    async def take(self, announces_contents: bool) -> Sequence[ObjectKey]:
        """Take a picture and return the keys of its files.

        Args:
            announces_contents: whether the camera has ever sent an event about its contents.

        Raises:
            NotSupported: the camera takes no pictures by PTP.
            Busy: a picture is being taken.
            StoreFull: the camera has no room for it.
            TransferTimeout: no file has appeared.
        """
        if not self._operations.has(Operation.InitiateCapture):
            raise errors.NotSupported("this camera takes no pictures by PTP")
        if self._shot is not None:
            raise errors.Busy("a picture is being taken")
        must_look = not announces_contents or EventCode.ObjectAdded not in self._operations.info.events
        known = set(await self._objects.other_handles(set())) if must_look else set()
        with self.expected() as shot:
            session = self._operations.session
            await while_busy(READY, lambda: session.transact(Operation.InitiateCapture, 0, 0, timeout=ANSWER))
            waiting = Waiting(session, self._settings)
            while not await self._is_over(shot) and await waiting.goes_on(complete=shot.complete):
                if must_look:
                    try:
                        await self._look(shot, known)
                    except (errors.Busy, errors.TransferTimeout) as error:
                        log.info("looking for the picture: %s", error)
            if shot.failure is not None:
                raise shot.failure
            if not shot.files:
                raise errors.TransferTimeout("the camera took no picture")
            return await self.keys(shot)

    @contextmanager
    def expected(self) -> Iterator[Shot]:
        """Collect what events tell of a shot while the block runs, which has it taken.

        Raises:
            Busy: a picture is being taken.
        """
        if self._shot is not None:
            raise errors.Busy("a picture is being taken")
        self._shot = Shot()
        try:
            yield self._shot
        finally:
            self._shot = None

    async def keys(self, shot: Shot) -> Sequence[ObjectKey]:
        """Return the keys of a shot's files, with the storage that they are in."""
        keys = [ObjectKey(StorageID(0), handle) for handle in shot.files]
        return [(await while_busy(READY, functools.partial(self._places.locate, key)))[-1] for key in keys]

    async def _look(self, shot: Shot, known: set[ObjectHandle]) -> None:
        """Look for files of the shot among all objects.

        Args:
            shot: that is being taken.
            known: objects that were there before, or have been seen; those that are found join them.
        """
        for handle in await self._objects.other_handles(known):
            try:
                info = await self._objects.info(handle)
            except errors.Refused as error:
                log.info("object %#x cannot be described yet: %s", handle, error)
                self.note_announced(handle)
                if trio.current_time() - shot.awaited[handle] > CAPTURE_AWAITED:
                    known.add(handle)
                    self.note_given_up(handle)
            else:
                known.add(handle)
                self.note_object(handle, info)

    async def _is_over(self, shot: Shot) -> bool:
        """Wait for news of the shot for a while, and say whether there is nothing more to wait for."""
        if shot.complete and shot.files and not shot.awaited:
            return True
        shot.news = trio.Event()
        had_files = bool(shot.files)
        lists_complete = EventCode.CaptureComplete in self._operations.info.events
        with trio.move_on_after(CAPTURE_LATE if lists_complete else CAPTURE_QUIET) as quiet:
            if shot.failure is None:
                await shot.news.wait()
        return shot.failure is not None or (quiet.cancelled_caught and had_files and not shot.awaited)

    # ------------------------------------------------------------------ what events tell

    def note_announced(self, handle: ObjectHandle) -> None:
        """Note that there is a new object, which may be one of the shot's files; `note_object` or `note_given_up` follows."""
        if self._shot is not None:
            self._shot.awaited.setdefault(handle, trio.current_time())
            self._shot.news.set()

    def note_object(self, handle: ObjectHandle, info: ObjectInfo) -> None:
        """Count a new object among the shot's files, if a picture is being taken; a folder made for it is not one of them."""
        is_file = info.object_format != ObjectFormat.Association
        if self._shot is not None:
            self._shot.awaited.pop(handle, None)
            if is_file and handle not in self._shot.files:
                self._shot.files.append(handle)
            self._shot.news.set()

    def note_given_up(self, handle: ObjectHandle) -> None:
        """Note that a new object is not waited for any more."""
        if self._shot is not None:
            self._shot.awaited.pop(handle, None)
            self._shot.news.set()

    def note_complete(self) -> None:
        """Note that the shot has no more files."""
        if self._shot is not None:
            self._shot.complete = True
            self._shot.news.set()

    def note_store_full(self) -> None:
        """Let the shot fail."""
        if self._shot is not None:
            self._shot.failure = errors.StoreFull("the camera's store is full")
            self._shot.news.set()

    def note_gone(self) -> None:
        """Let the shot fail: whoever waits for it would wait for as long as an exposure may take."""
        if self._shot is not None:
            self._shot.failure = errors.DeviceGone("the camera has left while it took a picture")
            self._shot.news.set()

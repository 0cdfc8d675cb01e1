"""The live view: `.liveview.jpg`, a frame each time it is opened, and `.liveview.mjpeg`, frame after frame without end.

Programs that copy or look at a file believe its size, and take one of 0 bytes for an empty file. So `.liveview.jpg` fetches its frame when
it is opened, and from then on shows that frame's size; before, it shows the size of the last frame, or a usual one. The stream has no
size, as the streams in /proc have none: programs that are given a stream read until there is no more.

All readers of the stream see the same frames. A frame is fetched when somebody wants one that has not come yet, by a task of its own
(`Frames.run`), for all. So nothing is fetched while nobody reads, and a slow reader skips frames::

    reader A   ─ 1 ──── 2 ──── 3 ──── 4 ──── 5 ──     each number is one frame of the camera
    reader B   ─ 1 ─────────── 3 ─────────── 5 ──

A process that waits for the answer to a read cannot be killed (`README.md`, "What the kernel does"), and the first frame may take
seconds, as control of the camera has to be acquired. So where no frame comes within `ANSWER_WITHIN` seconds, a reader gets one byte FF: of
these any number may stand before a JPEG marker (ITU-T T.81, B.1.1.2), and a frame begins with one. When the camera gives no frame, each
reader's next read fails; if it reads on, the stream goes on as soon as the camera does.
"""

import copy
import errno
import logging
import stat
from typing import TYPE_CHECKING

import trio

from camfs import errors
from camfs.mount.errnos import BadRequest
from camfs.mount.handles import ContentsHandle, Handle
from camfs.mount.nodes import FILE_PERMISSIONS, Attributes, Node

if TYPE_CHECKING:
    from camfs.mount.tree import Tree

log = logging.getLogger(__name__)

PERMISSIONS = FILE_PERMISSIONS & 0o700
"""The live view is for the owner of the mount's files alone, whatever the umask: it shows what the lens sees."""

USUAL_SIZE = 64 << 10
"""Bytes of a frame as long as none has come."""

SAME_AGAIN = 0.01
"""Seconds after which a camera is asked again that has given the frame before once more."""

LONGEST_SAME = 1.0
"""Seconds after which that frame counts as a new one: the picture stands still, or the camera does."""


ANSWER_WITHIN = 1.0
"""Seconds after which a reader of the stream is answered, whether there is a frame or not."""

FILL = b"\xff"
"""What stands between two frames."""


class FrameFile(Node):
    """`.liveview.jpg`."""

    is_read_only = True

    def __init__(self, tree: "Tree", parent: Node, name: bytes) -> None:
        super().__init__(tree, parent, name)
        self._size = USUAL_SIZE

    async def attributes(self, exact: bool = True) -> Attributes:
        return Attributes(stat.S_IFREG, PERMISSIONS, self._size, lasting=False)

    async def open(self, writing: bool) -> Handle:
        if writing:
            raise BadRequest(errno.EROFS)
        frame = await self.tree.camera.view_frame()
        self._size = len(frame)

        async def fetched() -> bytes:
            return frame

        return ContentsHandle(fetched)


class Frames:
    """The frames of a camera's live view, for all who read the stream.

    Args:
        tree: whose camera makes them.

    Attributes:
        number: of the newest frame, which may be old.
        newest: that frame.
        failures: how often the camera has given none.
        failure: why, the last time.
    """

    def __init__(self, tree: "Tree") -> None:
        self.number = 0
        self.newest = b""
        self.failures = 0
        self.failure: errors.CameraError | None = None
        self._camera = tree.camera
        self._budget = tree.budget
        self._wanted = trio.Event()
        self._news = trio.lowlevel.ParkingLot()

    async def wait(self) -> None:
        """Have another frame fetched; return when it has come, or the camera gives none, or after `ANSWER_WITHIN` seconds."""
        self._wanted.set()
        with trio.move_on_after(ANSWER_WITHIN):
            await self._news.park()

    async def run(self) -> None:
        """Fetch a frame whenever one is wanted; never returns."""
        while True:
            await self._wanted.wait()
            try:
                with self._budget.limit():
                    self.newest = await self._fetch_another()
                self.number += 1
            except errors.CameraError as error:
                self.failures, self.failure = self.failures + 1, error
            except Exception as error:
                log.exception("live view")
                self.failures, self.failure = self.failures + 1, errors.RemoteProtocolError(str(error))
            self._wanted = trio.Event()  # only now: who asks meanwhile is content with this frame
            self._news.unpark_all()

    async def _fetch_another(self) -> bytes:
        """Fetch a frame that is not the last one."""
        until = trio.current_time() + LONGEST_SAME
        while True:
            frame = await self._camera.view_frame()
            if frame != self.newest or trio.current_time() >= until:
                return frame
            await trio.sleep(SAME_AGAIN)


class StreamFile(Node):
    """`.liveview.mjpeg`."""

    is_read_only = True

    def __init__(self, tree: "Tree", parent: Node, name: bytes, frames: Frames) -> None:
        super().__init__(tree, parent, name)
        self._frames = frames

    async def attributes(self, exact: bool = True) -> Attributes:
        return Attributes(stat.S_IFREG, PERMISSIONS, lasting=False)

    async def open(self, writing: bool) -> Handle:
        if writing:
            raise BadRequest(errno.EROFS)
        return StreamHandle(self._frames)


class StreamHandle(Handle):
    """The stream, open: what one reader has not read yet of the frame that it is at. Offsets mean nothing."""

    def __init__(self, frames: Frames) -> None:
        self._frames = frames
        self._number = frames.number
        self._failures = frames.failures
        self._rest = memoryview(b"")

    async def read(self, offset: int, size: int) -> bytes | memoryview:
        if not self._rest:
            frames = self._frames
            if frames.number == self._number and frames.failures == self._failures:
                await frames.wait()
            if frames.number != self._number:
                self._number, self._failures, self._rest = frames.number, frames.failures, memoryview(frames.newest)
            elif frames.failures != self._failures and frames.failure is not None:
                self._failures = frames.failures
                raise copy.copy(frames.failure).with_traceback(None)
            else:
                return FILL
        part, self._rest = self._rest[:size], self._rest[size:]
        return part

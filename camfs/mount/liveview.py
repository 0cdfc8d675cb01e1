"""The live view: `.liveview.jpg`, a frame each time it is opened, and `.liveview.mjpeg`, frame after frame without end.

Programs that copy or look at a file believe its size, and take one of 0 bytes for an empty file. So `.liveview.jpg` fetches its frame when
it is opened, and from then on shows that frame's size; before, it shows the size of the last frame, or a usual one. The stream has no
size, as the streams in /proc have none: programs that are given a stream read until there is no more.

All readers of the stream see the same frames. Whoever wants a frame that nobody has fetched yet fetches it, for all. So nothing is fetched
while nobody reads, and a slow reader skips frames::

    reader A   ─ 1 ──── 2 ──── 3 ──── 4 ──── 5 ──     each number is one frame of the camera
    reader B   ─ 1 ─────────── 3 ─────────── 5 ──
"""

import errno
import stat
from typing import TYPE_CHECKING

import trio

from camfs.mount.errnos import BadRequest
from camfs.mount.handles import ContentsHandle, Handle
from camfs.mount.nodes import FILE_PERMISSIONS, Attributes, Node

if TYPE_CHECKING:
    from camfs.cameras.api import Camera
    from camfs.mount.tree import Tree

PERMISSIONS = FILE_PERMISSIONS & 0o700
"""The live view is for the owner of the mount's files alone, whatever the umask: it shows what the lens sees."""

USUAL_SIZE = 64 << 10
"""Bytes of a frame as long as none has come."""

SAME_AGAIN = 0.01
"""Seconds after which a camera is asked again that has given the frame before once more."""

LONGEST_SAME = 1.0
"""Seconds after which that frame counts as a new one: the picture stands still, or the camera does."""


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
        camera: that makes them.
    """

    def __init__(self, camera: "Camera") -> None:
        self._camera = camera
        self._fetching = trio.Lock()
        self._newest = 0, b""

    @property
    def number(self) -> int:
        """The number of the newest frame, which may be old."""
        return self._newest[0]

    async def after(self, number: int) -> tuple[int, bytes]:
        """Return the newest frame and its number, which is larger than `number`.

        Raises:
            CameraError: the camera gives none.
        """
        if self._newest[0] <= number:
            async with self._fetching:
                if self._newest[0] <= number:
                    self._newest = self._newest[0] + 1, await self._fetch_another()
        return self._newest

    async def _fetch_another(self) -> bytes:
        """Fetch a frame that is not the last one."""
        until = trio.current_time() + LONGEST_SAME
        while True:
            frame = await self._camera.view_frame()
            if frame != self._newest[1] or trio.current_time() >= until:
                return frame
            await trio.sleep(SAME_AGAIN)


class StreamFile(Node):
    """`.liveview.mjpeg`."""

    is_read_only = True

    def __init__(self, tree: "Tree", parent: Node, name: bytes) -> None:
        super().__init__(tree, parent, name)
        self._frames = Frames(tree.camera)

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
        self._rest = memoryview(b"")

    async def read(self, offset: int, size: int) -> memoryview:
        if not self._rest:
            self._number, frame = await self._frames.after(self._number)
            self._rest = memoryview(frame)
        part, self._rest = self._rest[:size], self._rest[size:]
        return part

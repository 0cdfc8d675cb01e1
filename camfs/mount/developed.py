"""`.developed/`: the camera's folders once more, with a JPEG in place of each raw picture that no viewer opens (KDC).

To make one, all of the picture has to come from the camera, which takes a minute or more on a serial line, and then to be developed, which
takes seconds (`camfs.developing`). One is made at a time, in the background. Programs believe a file's size; so open(2) waits until the
picture is made, and its size is right from then on; before, it is a usual one. A process that waits in open(2) cannot be killed. So open
waits no longer than any request; if that is not enough it fails, and the work goes on::

    open ──► kept in memory ───────────────────────────────────► the picture
      │                                                            ▲
      └──► WAITING ──► RECEIVING ──► DEVELOPING ── kept on disk ───┤ open is answered
              │            │             └── no picture ───────────┴─► ENODATA, why is in `.status`
              │            │
              └────────────┴── the request's time is up: EBUSY; another open joins
                           └── nobody has asked for it for `FORGOTTEN` seconds: dropped
"""

import copy
import errno
import logging
import math
import stat
from collections import OrderedDict
from collections.abc import Iterable

import trio

from camfs import errors
from camfs.cameras.api import Entry
from camfs.developing.pictures import DevelopedPictures
from camfs.mount.errnos import BadRequest
from camfs.mount.file import File
from camfs.mount.handles import ContentsHandle, Handle
from camfs.mount.inodes import Inode
from camfs.mount.mirror import MirrorFolder
from camfs.mount.nodes import FILE_PERMISSIONS, Attributes, Node

log = logging.getLogger(__name__)

RAW = b".kdc"
"""How the names of pictures end that are developed, in lower case."""

USUAL_SIZE = 300 << 10
"""Bytes of a developed picture as long as it is not made."""

MOST = 64 << 20
"""Bytes of a raw picture."""

PIECE = 128 << 10
"""Bytes of it that are read at a time."""

KEPT = 16 << 20
"""Bytes of developed pictures kept in memory; the least recently used are dropped first."""

ANSWER_TIME = 1.0
"""Seconds before the end of a request's time at which open is answered, made or not."""

FORGOTTEN = 60.0
"""Seconds after which a picture that nobody waits for is not made."""


class Job:
    """A picture that is to be developed.

    Attributes:
        picture: the raw file.
        entry: what it was when somebody asked for it.
        received: bytes of it that have come.
        waiters: how many wait for it.
        wanted_at: when somebody last began or ceased to wait, in trio's time.
        done: set when there is a JPEG, or a failure.
    """

    def __init__(self, picture: File, entry: Entry) -> None:
        self.picture = picture
        self.entry = entry
        self.received = 0
        self.waiters = 0
        self.wanted_at = trio.current_time()
        self.jpeg = b""
        self.failure: errors.CameraError | None = None
        self.done = trio.Event()

    @property
    def is_forgotten(self) -> bool:
        """Whether nobody waits for it any more."""
        return not self.waiters and trio.current_time() - self.wanted_at > FORGOTTEN

    @property
    def text(self) -> str:
        """What is being done."""
        size = max(1, self.entry.size)
        if self.received >= size:
            return f"{self.picture.path()}, being developed"
        return f"{self.picture.path()}, {100 * self.received // size} % received"


class Darkroom:
    """Makes developed pictures, one at a time, and keeps the last ones used.

    Args:
        pictures: those on this computer's disk.
    """

    def __init__(self, pictures: DevelopedPictures) -> None:
        self._pictures = pictures
        self._jobs: dict[Inode, Job] = {}
        self._orders, self._ordered = trio.open_memory_channel[Job](math.inf)
        self._kept: OrderedDict[Inode, tuple[Entry, bytes]] = OrderedDict()

    # as a mirror

    def name_for(self, original: File) -> bytes | None:
        return original.name[: -len(RAW)] + b".jpg" if original.name.lower().endswith(RAW) else None

    def originals_of(self, name: bytes) -> Iterable[bytes]:
        stem, dot, ending = name.rpartition(b".")
        return (stem + RAW.upper(), stem + RAW) if dot and ending == b"jpg" else ()

    def counterpart(self, folder: MirrorFolder, name: bytes, original: File) -> Node:
        return DevelopedFile(folder, name, original, self)

    # making

    def status_lines(self) -> list[tuple[str, str]]:
        """Return what `.status` tells of pictures that are being made."""
        return [("developing", job.text) for job in self._jobs.values()][:1]

    async def jpeg(self, picture: File) -> bytes:
        """Return a picture's JPEG; made now, if need be.

        Raises:
            NotSupported: pictures cannot be developed on this computer.
            NoData: this is no picture that can be developed.
            Busy: the time of this request is up, and it is still being made.
            CameraError: the camera does not give the picture.
        """
        entry = await picture.current_entry()
        kept = self._kept.get(picture.inode)
        if kept is not None and kept[0] == entry:
            self._kept.move_to_end(picture.inode)
            return kept[1]
        self._pictures.check()
        job = self._jobs.get(picture.inode)
        if job is None or job.entry != entry:
            job = self._jobs[picture.inode] = Job(picture, entry)
            self._orders.send_nowait(job)
        left = trio.current_effective_deadline() - trio.current_time()
        job.waiters += 1
        try:
            with trio.move_on_after(max(left - ANSWER_TIME, left / 2)):
                await job.done.wait()
        finally:
            job.waiters -= 1
            job.wanted_at = trio.current_time()
        if job.failure is not None:
            raise copy.copy(job.failure).with_traceback(None)
        if not job.done.is_set():
            raise errors.Busy(f"{job.text}: open it again in a while")
        return job.jpeg

    async def run(self) -> None:
        """Make what is asked for; never returns."""
        async for job in self._ordered:
            try:
                if not job.is_forgotten:
                    await self._make(job)
            except errors.CameraError as error:
                job.failure = error
            except BadRequest:
                job.failure = errors.NotFound(f"{job.picture.path()}: no longer on the camera")
            except Exception as error:
                log.exception("developing %s", job.picture.path())
                job.failure = errors.RemoteProtocolError(f"{type(error).__name__}: {error}")
            finally:
                if self._jobs.get(job.picture.inode) is job:
                    del self._jobs[job.picture.inode]
                job.done.set()

    async def _make(self, job: Job) -> None:
        data = await self._receive(job)
        try:
            job.jpeg = await self._pictures.develop(data)
        except errors.NoData as error:
            raise errors.NoData(f"{job.picture.path()}: {error}") from None
        self._kept[job.picture.inode] = job.picture.entry, job.jpeg
        while sum(len(jpeg) for _, jpeg in self._kept.values()) > KEPT:
            self._kept.popitem(last=False)

    async def _receive(self, job: Job) -> bytes:
        """Read all of a raw picture."""
        if job.entry.size > MOST:
            raise errors.NoData(f"{job.picture.path()}: {job.entry.size} bytes are no picture that can be developed")
        data = bytearray()
        handle = await job.picture.open(writing=False)
        try:
            while not job.is_forgotten and (part := await handle.read(len(data), PIECE)):
                data += part
                job.received = len(data)
        finally:
            await handle.close()
        if job.is_forgotten:
            raise errors.Busy(f"{job.text}: not made, as nobody has waited for it")
        return bytes(data)


class DevelopedFile(Node):
    """A developed picture."""

    is_read_only = True

    def __init__(self, folder: MirrorFolder, name: bytes, picture: File, darkroom: Darkroom) -> None:
        super().__init__(folder.tree, folder, name)
        self._picture = picture
        self._darkroom = darkroom
        self._size = USUAL_SIZE

    @property
    def needs_camera(self) -> bool:
        return True

    async def attributes(self, exact: bool = True) -> Attributes:
        return Attributes(stat.S_IFREG, FILE_PERMISSIONS, self._size, self._picture.entry.mtime_ns, lasting=False)

    async def learn_date(self) -> None:
        await self._picture.learn_date()

    async def open(self, writing: bool) -> Handle:
        if writing:
            raise BadRequest(errno.EROFS)
        jpeg = await self._darkroom.jpeg(self._picture)
        self._size = len(jpeg)

        async def made() -> bytes:
            return jpeg

        return ContentsHandle(made)

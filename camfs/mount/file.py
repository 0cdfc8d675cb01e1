"""A file of the camera, and what answers while it is open.

A file's bytes are fetched by its camera's key, and a key is good for one session alone. So whatever is asked about a file goes through
`File.ask`: it finds the entry again if the session was lost since, asks, and believes the answer only if the session was not lost
meanwhile.

What reads an open file:

=================================== =============================== ===================================================================
its size                            read through                    the kernel
=================================== =============================== ===================================================================
exact                               the block cache (`blocks.py`)   keeps pages and attributes
exact, on a serial line             nothing: the camera reads short passes on what programs ask for (`direct_io`)
not exact (`size_is_exact`)         measured first, by `open`       asks for the attributes each time, so that it hears of the true size;
                                                                    an empty file is looked at before it is shown as empty
found to be another by this open    the block cache                 passes on what programs ask for, as it has not heard of it yet
unknown (`size_is_bound`)           nothing: on to the true end     passes on what programs ask for; is told a size that is not too small
=================================== =============================== ===================================================================

No program may take a size that is too small for the end of the file: `rsync` and copy_file_range(2) stop there, and call that success. With
one that is too large, programs that read to the end are right, and those that do not are told of an error.
"""

import errno
import logging
import mmap
import stat
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import trio

from camfs import errors
from camfs.cameras.api import Entry
from camfs.mount.blocks import BlockReader
from camfs.mount.errnos import BadRequest
from camfs.mount.handles import Handle
from camfs.mount.nodes import FILE_PERMISSIONS, Attributes, Directory, Node

if TYPE_CHECKING:
    from camfs.mount.tree import Tree

log = logging.getLogger(__name__)

T = TypeVar("T")

PAGE = mmap.PAGESIZE
"""Bytes of a page of this computer's memory."""

MOST_PAGES = 128 << 10
"""Bytes of pages that the kernel asks for at once, unless a program has told it to read further ahead (posix_fadvise(2))."""

IN_DOUBT = -1
"""In place of an epoch: what the key means is to be found out."""

ATTEMPTS = 3
"""How often something is tried while the session is lost each time."""


class File(Node):
    """A file of the camera.

    Attributes:
        entry: what the camera last said of it.
        epoch: of the tree when it said so.
        open_handles: how many handles read it.
        paged_handles: how many of them read it through the kernel's pages.
        keeps_pages: whether the pages that the kernel has of it are good for the next who opens it.
    """

    def __init__(self, tree: "Tree", folder: Directory, name: bytes, entry: Entry) -> None:
        super().__init__(tree, folder, name)
        self.folder = folder
        self.entry = entry
        self.epoch = tree.epoch
        self.open_handles = self.paged_handles = 0
        self._measuring: trio.Lock | None = None
        self.keeps_pages = True
        self._shown: Attributes | None = None
        self._shown_of: Entry | None = None
        self._size_when_read = 0

    is_read_only = True

    @property
    def needs_camera(self) -> bool:
        return True

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.entry.size

    def put_in_doubt(self) -> None:
        """Note that its key may mean another file now. Without a date that could not be told, so it leaves the tree."""
        self.invalidate()
        self.epoch = IN_DOUBT
        if not self.entry.mtime_ns:
            self.tree.remove(self)

    def confirm(self, entry: Entry, epoch: int) -> None:
        """Note how the camera describes it in another epoch of the tree.

        If it was in doubt, who opens it next gets no pages of before, even if the kernel has not dropped them yet.
        """
        if self.epoch == IN_DOUBT:
            self.keeps_pages = False
        self.entry, self.epoch = entry, epoch

    async def attributes(self, exact: bool = True) -> Attributes:
        if exact and not self.entry.size_is_exact:
            await (self.measure() if self.open_handles else self._look())
        entry = self.entry
        if self._shown is not None and self._shown_of is entry:
            return self._shown
        size = entry.size
        if self.open_handles and not entry.size_is_exact:
            size = max(
                size, self._size_when_read
            )  # a listing does not ask the camera, and must not cut off who reads the file
        is_exact = entry.size_is_exact and entry.date_is_exact
        shown = Attributes(stat.S_IFREG, FILE_PERMISSIONS, size, entry.mtime_ns, lasting=is_exact)
        if is_exact:
            self._shown, self._shown_of = shown, entry
        return shown

    async def open(self, writing: bool) -> Handle:
        if writing:
            raise BadRequest(errno.EROFS)
        before = (await self.current_entry()).size
        try:
            await self.measure()
        except BaseException:
            if not self.open_handles:  # what the camera has begun to send is for nobody
                with trio.CancelScope(shield=True):
                    await self.tree.camera.release(self.entry)
            raise
        if self.tree.camera.reads_short(self.entry):
            return ShortFileHandle(self)
        if self.entry.size_is_bound:
            return FileHandle(self, _EndlessReader(self), direct_io=True)
        # the kernel may still go by the size that it was told before, and take it for the end
        direct_io = self.entry.size != before
        reader = self.tree.blocks.open(self, None if direct_io else self._give_to_kernel)
        return FileHandle(self, reader, direct_io=direct_io)

    async def _give_to_kernel(self, offset: int, data: memoryview) -> None:
        """Pass on what was read ahead."""
        if not self.removed and self.entry.size_is_exact and offset + len(data) <= self.size:
            await self.tree.kernel.store(self, offset, data)

    async def _look(self) -> None:
        """See whether a file that is said to be empty is, for stat(2): tar and others never open what they take to be empty."""
        if self.entry.size == 0:
            try:
                self.entry = await self.ask(lambda entry: self.tree.camera.measure(entry, reading=False))
            except errors.DeviceGone:
                raise
            except errors.CameraError as error:
                log.info("%s: %s", self.path(), error)  # who reads it hears of it

    async def learn_date(self) -> None:
        """Ask for the date, unless somebody reads the file, which will bring it."""
        if not self.entry.date_is_exact and not self.open_handles:
            self.entry = await self.ask(lambda entry: self.tree.camera.measure(entry, reading=False))

    async def measure(self) -> None:
        """See that the size is known, or known to be unknown, before anybody reads.

        Raises:
            NotFound: the camera no longer has it.
            CameraError: the camera does not let anybody read it.
        """
        if not self.entry.size_is_exact:
            self._measuring = (
                self._measuring or trio.Lock()
            )  # a folder may have many files, and nearly none of them need it
            async with self._measuring:
                if not self.entry.size_is_exact and not self.entry.size_is_bound:
                    self.entry = await self.ask(lambda entry: self.tree.camera.measure(entry, reading=True))
                    self.tree.blocks.drop(self)
        self._size_when_read = self.entry.size

    async def describe_again(self, entry: Entry) -> None:
        """Take what the camera says of the file now that it has changed; for who has it open, its size is found out first."""
        if self.open_handles:
            try:
                entry = await self.tree.camera.measure(entry, reading=True)
            except errors.CameraError as error:
                log.info("%s: %s", self.path(), error)  # the next read measures it, or fails
        self.entry = entry
        self.invalidate()

    def invalidate(self) -> None:
        self.tree.blocks.drop(self)
        super().invalidate()

    async def current_entry(self) -> Entry:
        """Return the entry, found again if the session was lost since.

        Raises:
            NotFound: the camera no longer has it.
        """
        found: Node | None = self
        if self.epoch != self.tree.epoch:
            found = await self.folder.find(self.name)
        if self.removed or found is not self:
            raise errors.NotFound(f"{self.path()}: no longer on the camera")
        return self.entry

    async def ask(self, question: Callable[[Entry], Awaitable[T]]) -> T:
        """Ask the camera something about the entry; once more if the session was lost meanwhile, as its key may mean another then.

        Raises:
            NotFound: the camera no longer has it.
            CameraError: whatever the question raises.
        """
        for _ in range(ATTEMPTS):
            entry = await self.current_entry()
            session = self.tree.camera.epoch
            try:
                answer = await question(entry)
            except errors.CameraError:
                if session == self.tree.camera.epoch:
                    raise
            else:
                if session == self.tree.camera.epoch:
                    return answer
        raise errors.RemoteProtocolError(f"{self.path()}: the session was lost again and again")

    async def fetch(self, offset: int, size: int) -> bytes | memoryview:
        """Read from the camera, as the block cache asks (`blocks.Source.fetch`).

        A file that could be read whole when it was opened may come short now: its bytes were dropped, and the camera sends them again.
        """
        data = await self.fetch_some(offset, size)
        while self.lacks(offset, size, data) and self.tree.camera.reads_short(self.entry):
            data = bytes(data) + await self.fetch_some(offset + len(data), size - len(data))
        return data

    async def fetch_some(self, offset: int, size: int) -> bytes | memoryview:
        """Read from the camera; on a line where it comes slowly, what has come by now."""
        return await self.ask(lambda entry: self.tree.camera.read(entry, offset, size))

    def lacks(self, offset: int, size: int, data: bytes | memoryview) -> bool:
        """Say whether an answer is short, though the file does not end there."""
        return offset + len(data) < min(offset + size, self.size)


class FileHandle(Handle):
    """A file that is open for reading."""

    def __init__(self, file: File, reader: "BlockReader | _ShortReader | _EndlessReader", *, direct_io: bool) -> None:
        self._file = file
        self._reader = reader
        self.direct_io = direct_io
        self.keep_cache, file.keeps_pages = file.keeps_pages, True
        file.open_handles += 1
        file.paged_handles += not direct_io

    async def read(self, offset: int, size: int) -> bytes | memoryview:
        if self._file.tree.camera.gone:
            raise errors.DeviceGone("the camera is gone")
        try:
            if not self._file.entry.size_is_exact:
                await self._file.measure()
            return await self._reader.read(offset, size)
        except errors.NotFound as error:
            log.info("%s", error)
            raise BadRequest(errno.ESTALE) from None
        except errors.CameraError as error:
            path = self._file.path()
            if not str(error).startswith(path):
                error.args = (f"{path}: {error}",)
            raise

    async def close(self) -> None:
        """End the reading; a transfer that only this handle needed may stop."""
        self._reader.close()
        self._file.open_handles -= 1
        self._file.paged_handles -= not self.direct_io
        if not self._file.open_handles:
            await self._file.tree.camera.release(self._file.entry)


class ShortFileHandle(FileHandle):
    """A file that comes slowly, open for reading: a read is answered with what has come, one byte at least before the file's end.

    But `direct_io` does not keep the kernel from asking for pages: for mmap(2), for sendfile(2) and splice(2). It takes a short answer for
    the end of the file, and shows zeros behind it (camfs/mount/README.md, "What the kernel does"). So what may be a request for pages is
    answered whole, or fails. Other requests do not lie at whole pages, or are longer, or go past the file's last page.
    """

    def __init__(self, file: File) -> None:
        super().__init__(file, _ShortReader(file), direct_io=True)

    async def read(self, offset: int, size: int) -> bytes | memoryview:
        data = await super().read(offset, size)
        file = self._file
        if offset % PAGE or size % PAGE or offset + size >= file.size + PAGE or not file.lacks(offset, size, data):
            return data
        if size > MOST_PAGES and not file.paged_handles:
            await file.tree.kernel.distrust_size(file)
            file.keeps_pages = False
            file.tree.kernel.invalidate_inode(file)  # in case the kernel has read far ahead
            return data
        while file.lacks(offset, size, data):
            data = bytes(data) + await super().read(offset + len(data), size - len(data))
        return data


class _ShortReader:
    """Reads a file that comes slowly as it comes."""

    def __init__(self, file: File) -> None:
        self._file = file

    async def read(self, offset: int, size: int) -> bytes | memoryview:
        return await self._file.fetch_some(offset, size) if offset < self._file.size else b""

    def close(self) -> None:
        pass


class _EndlessReader:
    """Reads a file of unknown size, past all caches, until the camera has no more of it."""

    def __init__(self, file: File) -> None:
        self._file = file

    async def read(self, offset: int, size: int) -> bytes | memoryview:
        return await self._file.fetch(offset, size)

    def close(self) -> None:
        pass

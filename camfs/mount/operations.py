"""The FUSE adapter: pyfuse3's handlers on the tree, the control files and the block cache. Sole importer of pyfuse3.

Handlers raise FUSEError and nothing else, and never ENOSYS: the kernel would not ask again for as long as the mount lives. Which errno a
failure becomes stands in `ERRNOS`. Once the camera is gone everything about its stores answers ENODEV at once; the root and the
control files stay.

What the kernel may keep: pages always (`keep_cache`), names and attributes for `Timeouts`; all of it is invalidated when the tree says so.
Invalidation can wait for a lock that is held by a request waiting for us, so it runs in a thread (reference fuse).
"""

import errno
import functools
import logging
import os
import random
import select
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import pyfuse3
import trio
from pyfuse3 import (
    EntryAttributes,
    FileHandleT,
    FileInfo,
    FileNameT,
    FlagT,
    FUSEError,
    InodeT,
    ModeT,
    PollHandle,
    ReaddirToken,
    RequestContext,
    SetattrFields,
    StatvfsData,
    XAttrNameT,
)

from camfs import errors
from camfs.cameras.api import Usage
from camfs.mount import names
from camfs.mount.blocks import BlockCache, BlockReader
from camfs.mount.controls import ControlFile, Controls, EventsFile
from camfs.mount.folder import Directory, File, Folder, Listing, Node, Tree
from camfs.mount.thumbnails import Thumbnail

log = logging.getLogger(__name__)

ERRNOS: tuple[tuple[type[errors.CameraError], int], ...] = (
    (errors.DeviceGone, errno.ENODEV),
    (errors.DeviceInUse, errno.EBUSY),
    (errors.DeviceForbidden, errno.EACCES),
    (errors.TransferTimeout, errno.ETIMEDOUT),
    (errors.NotFound, errno.ENOENT),
    (errors.StoreUnavailable, errno.ENOMEDIUM),
    (errors.StoreFull, errno.ENOSPC),
    (errors.StoreReadOnly, errno.EROFS),
    (errors.AccessDenied, errno.EACCES),
    (errors.NotPermitted, errno.EPERM),
    (errors.Busy, errno.EBUSY),
    (errors.NotSupported, errno.EOPNOTSUPP),
    (errors.NoData, errno.ENODATA),
    (errors.TooLarge, errno.EFBIG),
    (errors.InvalidValue, errno.EINVAL),
    (errors.FocusFailed, errno.EAGAIN),
    (errors.BufferFull, errno.ENOBUFS),
    (errors.CameraError, errno.EIO),
)
"""The errno of each failure: the first row whose class it is."""

USAGE_AGE = 2.0
"""Seconds that the room in a store is taken to be what it was."""

JOIN = 1.0
"""Seconds to wait for an invalidation under way before the mount is taken down; its end would free the one that is stuck."""

CALLERS = 256
"""Threads remembered for statfs, by the store that they last looked up."""


def errno_of(error: errors.CameraError) -> int:
    """Return the errno that a failure becomes."""
    return next(number for kind, number in ERRNOS if isinstance(error, kind))


@dataclass(frozen=True)
class Ownership:
    """Whose the files are, and which permission bits are taken away."""

    uid: int
    gid: int
    umask: int = 0o022


@dataclass(frozen=True)
class Timeouts:
    """Seconds the kernel may keep names and attributes: until the camera has sent its first event, and after."""

    polled: float = 5.0
    announced: float = 60.0


P = ParamSpec("P")
R = TypeVar("R")
Handler = Callable[Concatenate["CameraOperations", P], Coroutine[Any, Any, R]]


def _answers(handler: Handler[P, R]) -> Handler[P, R]:
    """Turn a handler's failure into the FUSEError of its errno, remembered for `.status`."""

    @functools.wraps(handler)
    async def answered(self: "CameraOperations", *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await handler(self, *args, **kwargs)
        except errors.CameraError as error:
            if not isinstance(error, errors.NotFound | errors.DeviceGone):
                self.controls.note_error(str(error))
            raise FUSEError(errno_of(error)) from None
        except FUSEError:
            raise
        except Exception:
            log.exception("%s failed", handler.__name__)
            raise FUSEError(errno.EIO) from None

    return cast(Handler[P, R], answered)


@dataclass
class _OpenFile:
    """A file opened for reading through the block cache."""

    node: File
    reader: "BlockReader | _ShortReader"


class _ShortReader:
    """Reads a file that comes slowly, past the block cache: pages of it would be waited for as a whole."""

    def __init__(self, node: File) -> None:
        self._node = node

    async def read(self, offset: int, size: int) -> bytes | memoryview:
        """Read what there is, one byte at least before the end."""
        return await self._node.fetch(offset, size) if offset < self._node.size else b""

    def close(self) -> None:
        """End the reading."""


@dataclass
class _OpenControl:
    """A control file or thumbnail that is open: what it said when it was first read."""

    node: ControlFile | Thumbnail
    contents: bytes | None = None


@dataclass
class _OpenEvents:
    """`.events`, open: how much had ever been written to it when it was last read to its end."""

    node: EventsFile
    seen: int = 0


class CameraOperations(pyfuse3.Operations):
    """Answers the kernel.

    Args:
        tree: the nodes.
        blocks: carries the files' bytes.
        controls: the control files, installed in the tree.
        ownership: of every file.
        timeouts: how long the kernel may keep names and attributes.
    """

    supports_dot_lookup = True

    def __init__(
        self, tree: Tree, blocks: BlockCache, controls: Controls, ownership: Ownership, timeouts: Timeouts
    ) -> None:
        super().__init__()
        self.tree = tree
        self.blocks = blocks
        self.controls = controls
        self._ownership = ownership
        self._timeouts = timeouts
        self._open: dict[int, _OpenFile | _OpenControl | _OpenEvents | Listing] = {}
        self._readers: dict[File, int] = {}
        self._next_handle = 1
        # Inode numbers begin anew with each mount: an NFS client's handle of an earlier one must not become another file.
        self._generation = random.getrandbits(32)
        self._usages: dict[Folder, tuple[float, Usage]] = {}
        self._last_store: dict[int, Folder] = {}

    # ------------------------------------------------------------------ names and attributes

    async def _attributes(self, node: Node, exact: bool = True) -> EntryAttributes:
        shown = await node.attributes(exact)
        keep = self._timeouts.announced if self.tree.camera.sends_events else self._timeouts.polled
        found = EntryAttributes()
        found.st_ino = node.inode
        found.generation = 0 if node is self.tree.root else self._generation
        # statfs does not say which store is meant; a lookup of the store just before does
        found.entry_timeout = 0 if isinstance(node, Folder) and node.parent is self.tree.root else keep
        found.attr_timeout = keep if shown.lasting else 0
        found.st_mode = shown.kind | (shown.permissions & ~self._ownership.umask)
        found.st_nlink = 1
        found.st_uid = self._ownership.uid
        found.st_gid = self._ownership.gid
        found.st_size = shown.size
        found.st_blksize = 1 << 17
        found.st_blocks = -(-shown.size // 512)
        found.st_atime_ns = found.st_mtime_ns = found.st_ctime_ns = shown.mtime_ns
        return found

    def _node(self, inode: int) -> Node:
        """Return a node that may be asked for; everything of the camera's is ENODEV once it is gone."""
        node = self.tree.node(inode)
        if self.tree.camera.gone and node is not self.tree.root and isinstance(node, File | Folder | Thumbnail):
            raise errors.DeviceGone("the camera is gone")
        return node

    def _directory(self, inode: int) -> Directory:
        node = self._node(inode)
        if not isinstance(node, Directory):
            raise FUSEError(errno.ENOTDIR)
        return node

    @_answers
    async def lookup(self, parent_inode: InodeT, name: FileNameT, ctx: RequestContext) -> EntryAttributes:
        """Find a name; `.` and `..` are asked by the NFS server for a node that the kernel has forgotten."""
        if name == b".":
            node: Node | None = self._node(parent_inode)
        elif name == b"..":
            node = self._node(parent_inode).parent
        else:
            directory = self._directory(parent_inode)
            if self.tree.camera.gone and not (directory is self.tree.root and name in self.tree.root.hidden):
                raise errors.DeviceGone("the camera is gone")
            node = await directory.find(name)
        if node is None:
            raise FUSEError(errno.ENOENT)
        if isinstance(node, Folder) and node.parent is self.tree.root:
            self._remember_caller(ctx.pid, node)
        found = await self._attributes(node)
        node.lookups += 1
        return found

    async def forget(self, inode_list: Sequence[tuple[InodeT, int]]) -> None:
        """Lower lookup counts; must not fail."""
        for inode, count in inode_list:
            self.tree.forget(inode, count)

    @_answers
    async def getattr(self, inode: InodeT, ctx: RequestContext) -> EntryAttributes:
        """Stat a node."""
        return await self._attributes(self._node(inode))

    @_answers
    async def setattr(
        self, inode: InodeT, attr: EntryAttributes, fields: SetattrFields, fh: FileHandleT | None, ctx: RequestContext
    ) -> EntryAttributes:
        """Change nothing: `>` truncates a control file first, which is well; anything else is read-only."""
        node = self._node(inode)
        if not isinstance(node, ControlFile):
            raise FUSEError(errno.EROFS)
        if fields.update_mode or fields.update_uid or fields.update_gid:
            raise FUSEError(errno.EPERM)
        return await self._attributes(node)

    @_answers
    async def access(self, inode: InodeT, mode: ModeT, ctx: RequestContext) -> bool:
        """Leave permissions to the kernel (`default_permissions`); writing is refused where it happens."""
        self._node(inode)
        return True

    @_answers
    async def readlink(self, inode: InodeT, ctx: RequestContext) -> FileNameT:
        """There are no symbolic links."""
        raise FUSEError(errno.EINVAL)

    # ------------------------------------------------------------------ directories

    def _handle(self, opened: _OpenFile | _OpenControl | _OpenEvents | Listing) -> FileHandleT:
        handle = self._next_handle
        self._next_handle += 1
        self._open[handle] = opened
        return handle

    @_answers
    async def opendir(self, inode: InodeT, ctx: RequestContext) -> FileHandleT:
        """Begin to read a directory; the listing itself comes with the first readdir."""
        node = self.tree.node(inode)
        if not isinstance(node, Directory):
            raise FUSEError(errno.ENOTDIR)
        return self._handle(_LazyListing(node))

    @_answers
    async def readdir(self, fh: FileHandleT, start_id: int, token: ReaddirToken) -> None:
        """List as many entries as fit, describing them on the way."""
        listing = cast(Listing, self._open[fh])
        index = start_id
        while True:
            if self.tree.camera.gone:
                raise errors.DeviceGone("the camera is gone")
            try:
                node = await listing.at(index)
            except IndexError:
                return
            except errors.NotFound as error:
                # readdir(3) takes ENOENT for the end: half a directory would pass for a whole one, and no error for an empty one
                log.info("%s", error)
                raise FUSEError(errno.ESTALE) from None
            index += 1
            if node is not None:
                found = await self._attributes(node, exact=False)
                if not pyfuse3.readdir_reply(token, node.name, found, index):
                    return
                node.lookups += 1

    async def releasedir(self, fh: FileHandleT) -> None:
        """End the reading of a directory."""
        self._open.pop(fh, None)

    async def fsyncdir(self, fh: FileHandleT, datasync: bool) -> None:
        """Nothing is waiting to be written."""

    # ------------------------------------------------------------------ files

    @_answers
    async def open(self, inode: InodeT, flags: FlagT, ctx: RequestContext) -> FileInfo:
        """Open a file or control file. Nothing is read yet."""
        node = self._node(inode)
        writing = flags & os.O_ACCMODE != os.O_RDONLY
        if isinstance(node, File):
            if writing:
                raise FUSEError(errno.EROFS)
            await node.current_entry()
            self._readers[node] = self._readers.get(node, 0) + 1
            if self.tree.camera.reads_short(node.entry):
                return FileInfo(fh=self._handle(_OpenFile(node, _ShortReader(node))), direct_io=True)
            return FileInfo(fh=self._handle(_OpenFile(node, self.blocks.open(node))), keep_cache=True)
        if isinstance(node, EventsFile):
            if writing:
                raise FUSEError(errno.EACCES)
            return FileInfo(fh=self._handle(_OpenEvents(node)), direct_io=True)
        if isinstance(node, ControlFile | Thumbnail):
            if writing and isinstance(node, Thumbnail):
                raise FUSEError(errno.EROFS)
            return FileInfo(fh=self._handle(_OpenControl(node)), direct_io=True)
        raise FUSEError(errno.EISDIR)

    @_answers
    async def read(self, fh: FileHandleT, off: int, size: int) -> bytes:
        """Read; a memoryview of a block where the request lies in one."""
        opened = self._open[fh]
        if isinstance(opened, _OpenEvents):
            if off + size >= len(opened.node.log.text):
                opened.seen = opened.node.log.written
            return opened.node.read(off, size)
        if isinstance(opened, _OpenControl):
            if opened.contents is None:
                opened.contents = await opened.node.contents()
            return opened.contents[off : off + size]
        assert isinstance(opened, _OpenFile)
        if self.tree.camera.gone:
            raise errors.DeviceGone("the camera is gone")
        try:
            return cast(bytes, await opened.reader.read(off, size))
        except errors.NotFound as error:
            log.info("%s", error)
            raise FUSEError(errno.ESTALE) from None
        except errors.CameraError as error:
            raise _named(error, opened.node) from None

    @_answers
    async def write(self, fh: FileHandleT, off: int, buf: bytes) -> int:
        """Carry out a control file's command: one write is one command."""
        opened = self._open[fh]
        if not isinstance(opened, _OpenControl) or not isinstance(opened.node, ControlFile):
            raise FUSEError(errno.EBADF)
        try:
            await opened.node.write(buf)
        except errors.NotFound as error:
            self.controls.note_error(str(error))
            raise
        opened.contents = None
        return len(buf)

    async def flush(self, fh: FileHandleT) -> None:
        """Nothing is waiting to be written."""

    async def fsync(self, fh: FileHandleT, datasync: bool) -> None:
        """Nothing is waiting to be written."""

    @_answers
    async def release(self, fh: FileHandleT) -> None:
        """Close; a transfer that only this reader needed may stop."""
        opened = self._open.pop(fh, None)
        if isinstance(opened, _OpenEvents):
            opened.node.log.waiters.pop(fh, None)
        if isinstance(opened, _OpenFile):
            opened.reader.close()
            left = self._readers.pop(opened.node, 1) - 1
            if left:
                self._readers[opened.node] = left
            else:
                await self.tree.camera.release(opened.node.entry)

    @_answers
    async def poll(self, inode: InodeT, fh: FileHandleT, poll_handle: PollHandle | None, ctx: RequestContext) -> int:
        """Wake those who wait for more of `.events` than they have read; every other file is always ready."""
        opened = self._open.get(fh)
        if isinstance(opened, _OpenEvents):
            if poll_handle is not None:
                opened.node.log.waiters[fh] = functools.partial(_wake, poll_handle)
            return select.POLLIN if opened.seen < opened.node.log.written else 0
        return select.POLLIN | select.POLLOUT

    # ------------------------------------------------------------------ changes

    @_answers
    async def unlink(self, parent_inode: InodeT, name: FileNameT, ctx: RequestContext) -> None:
        """Delete a file on the camera, with `allow_delete`."""
        await self._delete(parent_inode, name, File)

    @_answers
    async def rmdir(self, parent_inode: InodeT, name: FileNameT, ctx: RequestContext) -> None:
        """Delete an empty folder on the camera, with `allow_delete`."""
        await self._delete(parent_inode, name, Folder)

    async def _delete(self, parent_inode: InodeT, name: FileNameT, kind: type[File | Folder]) -> None:
        directory = self._directory(parent_inode)
        node = await directory.find(name)
        if node is None:
            raise FUSEError(errno.ENOENT)
        if not isinstance(node, kind) or node.entry is None or directory is self.tree.root:
            raise FUSEError(errno.EPERM)
        if not self.tree.allow_delete and not node.entry.is_local:
            raise errors.NotPermitted("deleting needs the mount option allow_delete")
        if isinstance(node, Folder):
            await _expect_empty(node)
        await self.tree.camera.delete(node.entry)
        if isinstance(node, File):
            self.blocks.forget(node)
        self.tree.remove(node, told=True)
        self._usages.clear()

    @_answers
    async def mkdir(self, parent_inode: InodeT, name: FileNameT, mode: ModeT, ctx: RequestContext) -> EntryAttributes:
        """Nothing can be written into a store."""
        raise FUSEError(errno.EROFS)

    @_answers
    async def mknod(
        self, parent_inode: InodeT, name: FileNameT, mode: ModeT, rdev: int, ctx: RequestContext
    ) -> EntryAttributes:
        """Nothing can be written into a store."""
        raise FUSEError(errno.EROFS)

    @_answers
    async def symlink(
        self, parent_inode: InodeT, name: FileNameT, target: FileNameT, ctx: RequestContext
    ) -> EntryAttributes:
        """Nothing can be written into a store."""
        raise FUSEError(errno.EROFS)

    @_answers
    async def link(
        self, inode: InodeT, new_parent_inode: InodeT, new_name: FileNameT, ctx: RequestContext
    ) -> EntryAttributes:
        """Nothing can be written into a store."""
        raise FUSEError(errno.EROFS)

    @_answers
    async def create(
        self, parent_inode: InodeT, name: FileNameT, mode: ModeT, flags: FlagT, ctx: RequestContext
    ) -> tuple[FileInfo, EntryAttributes]:
        """Nothing can be written into a store."""
        raise FUSEError(errno.EROFS)

    @_answers
    async def rename(
        self,
        parent_inode_old: InodeT,
        name_old: FileNameT,
        parent_inode_new: InodeT,
        name_new: FileNameT,
        flags: FlagT,
        ctx: RequestContext,
    ) -> None:
        """Rename what the camera can rename, in its own folder: albums of the DC120."""
        directory = self._directory(parent_inode_old)
        node = await directory.find(name_old)
        if node is None:
            raise FUSEError(errno.ENOENT)
        if not isinstance(node, File | Folder) or node.entry is None or parent_inode_old != parent_inode_new:
            raise FUSEError(errno.EROFS)
        if flags & ~pyfuse3.RENAME_NOREPLACE:
            raise FUSEError(errno.EINVAL)
        if await directory.find(name_new) is not None:
            raise FUSEError(errno.EEXIST)
        await self.tree.camera.rename(node.entry, names.unescape(os.fsdecode(name_new)))
        self.tree.rename(node, name_new)

    # ------------------------------------------------------------------ extended attributes

    @_answers
    async def getxattr(self, inode: InodeT, name: XAttrNameT, ctx: RequestContext) -> bytes:
        """There are none."""
        raise FUSEError(pyfuse3.ENOATTR)

    @_answers
    async def listxattr(self, inode: InodeT, ctx: RequestContext) -> Sequence[XAttrNameT]:
        """There are none."""
        return []

    @_answers
    async def setxattr(self, inode: InodeT, name: XAttrNameT, value: bytes, ctx: RequestContext) -> None:
        """There can be none."""
        raise FUSEError(errno.EOPNOTSUPP)

    @_answers
    async def removexattr(self, inode: InodeT, name: XAttrNameT, ctx: RequestContext) -> None:
        """There are none."""
        raise FUSEError(pyfuse3.ENOATTR)

    # ------------------------------------------------------------------ statfs

    @_answers
    async def statfs(self, ctx: RequestContext) -> StatvfsData:
        """Tell the room in the store that the caller means, of all stores together where it means none.

        pyfuse3 does not hand over the inode of the request. The kernel asks for a store's name again on each path through it
        (`entry_timeout` 0), in the thread that goes on to statfs: the store that thread last looked up is the one. `df .` looks
        nothing up; there the working directory tells.
        """
        if self.tree.camera.gone:
            raise errors.DeviceGone("the camera is gone")
        stores = [node for node in self.tree.root.children.values() if isinstance(node, Folder)]
        if not stores:
            await self.controls.stores()
            stores = [node for node in self.tree.root.children.values() if isinstance(node, Folder)]
        meant = self._last_store.get(ctx.pid) or self._store_of_working_directory(ctx.pid)
        if meant is None:  # what lies on this computer is no room of the camera's
            stores = [store for store in stores if store.entry is not None and not store.entry.is_local] or stores
        usages = [await self._usage(store) for store in stores if meant is None or store is meant]
        answer = StatvfsData()
        answer.f_bsize = answer.f_frsize = 4096
        answer.f_blocks = sum(usage.total for usage in usages) // 4096
        answer.f_bfree = answer.f_bavail = sum(usage.free for usage in usages) // 4096
        answer.f_files = sum(usage.objects or 0 for usage in usages)
        answer.f_ffree = answer.f_favail = 0
        answer.f_namemax = 255
        return answer

    def _remember_caller(self, thread: int, store: Folder) -> None:
        self._last_store.pop(thread, None)
        self._last_store[thread] = store
        if len(self._last_store) > CALLERS:
            del self._last_store[next(iter(self._last_store))]

    def _store_of_working_directory(self, thread: int) -> Folder | None:
        try:
            here = os.readlink(f"/proc/{thread}/cwd")
        except OSError:
            return None
        prefix = self.mount_point.rstrip("/") + "/"
        store = self.tree.root.children.get(os.fsencode(here.removeprefix(prefix).split("/", 1)[0]))
        return store if here.startswith(prefix) and isinstance(store, Folder) else None

    mount_point = "/"
    """Where the tree is mounted; set by `mount`."""

    async def _usage(self, store: Folder) -> Usage:
        measured, usage = self._usages.get(store, (-USAGE_AGE, Usage(0, 0)))
        if trio.current_time() - measured >= USAGE_AGE:
            usage = await self.tree.camera.usage(store.key)
            self._usages[store] = (trio.current_time(), usage)
        return usage


class _LazyListing:
    """A directory's listing, asked for when the directory is first read."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._listing: Listing | None = None

    async def at(self, index: int) -> Node | None:
        """See `tree.Listing.at`. A rewound directory is listed anew."""
        if self._listing is None or index == 0:
            self._listing = await self._directory.listing()
        return await self._listing.at(index)


def _named(error: errors.CameraError, node: Node) -> errors.CameraError:
    """Say in a failure's text which file it is about."""
    error.args = (f"{node.path()}: {error}",) if not str(error).startswith(node.path()) else error.args
    return error


async def _expect_empty(folder: Folder) -> None:
    listing = await folder.listing()
    index = 0
    while True:
        try:
            node = await listing.at(index)
        except IndexError:
            return
        if node is not None:
            raise FUSEError(errno.ENOTEMPTY)
        index += 1


def _wake(handle: PollHandle) -> None:
    try:
        handle.notify()
    except OSError as error:
        log.debug("poll: %s", error)


class Invalidator:
    """Has the kernel forget names and pages, in a thread: the kernel may wait meanwhile for a request to be answered."""

    def __init__(self) -> None:
        self._wanted: list[tuple[Node, bytes, Node] | Node | Callable[[], None]] = []
        self._news = threading.Condition()
        self._stopped = False

    def stale_entry(self, folder: Node, name: bytes, node: Node) -> None:
        """See `Tree.stale_entry`."""
        if folder.lookups > 0 or folder.parent is folder:
            self._want((folder, name, node))

    def stale_node(self, node: Node) -> None:
        """See `Tree.stale_node`."""
        if node.lookups > 0:
            self._want(node)

    async def settle(self) -> None:
        """Wait until all that was asked for so far is done. Not for a handler that the kernel's lock may wait for: see the module."""
        done = trio.Event()
        self._want(functools.partial(trio.lowlevel.current_trio_token().run_sync_soon, done.set))
        await done.wait()

    def _want(self, wanted: tuple[Node, bytes, Node] | Node | Callable[[], None]) -> None:
        with self._news:
            self._wanted.append(wanted)
            self._news.notify()

    def stop(self) -> None:
        """End the thread."""
        with self._news:
            self._stopped = True
            self._news.notify()

    def run(self) -> None:
        """The thread."""
        while True:
            with self._news:
                self._news.wait_for(lambda: self._wanted or self._stopped)
                if self._stopped:
                    return
                wanted, self._wanted = self._wanted, []
            for item in wanted:
                if self._stopped:
                    return
                try:
                    if isinstance(item, Node):
                        pyfuse3.invalidate_inode(item.inode)
                    elif isinstance(item, tuple):
                        folder, name, _ = item
                        pyfuse3.invalidate_entry(folder.inode, name)
                    else:
                        item()
                except OSError as error:
                    # ENOENT: the kernel does not have it (any more)
                    if error.errno != errno.ENOENT:
                        log.debug("invalidating: %s", error)


def mount(operations: CameraOperations, mount_point: str, options: set[str]) -> None:
    """Mount; the kernel's requests are answered once `serve` runs.

    Raises:
        RuntimeError: libfuse says no; it has said why on stderr.
    """
    operations.mount_point = mount_point
    pyfuse3.init(operations, mount_point, options)


async def serve(operations: CameraOperations) -> None:
    """Answer the kernel until the file system is unmounted, here by `stop` or elsewhere."""
    invalidator = Invalidator()
    tree, blocks = operations.tree, operations.blocks

    def stale_node(node: Node) -> None:
        if isinstance(node, File):
            blocks.forget(node)
        invalidator.stale_node(node)

    tree.stale_entry, tree.stale_node, tree.settle = invalidator.stale_entry, stale_node, invalidator.settle
    thread = threading.Thread(target=invalidator.run, name="invalidate", daemon=True)
    thread.start()
    try:
        await pyfuse3.main()
    except* ConnectionAbortedError:
        # the last user of a lazily unmounted tree has left while a request was being taken: unmounted all the same
        log.info("the kernel has closed the connection")
    finally:
        invalidator.stop()
        thread.join(JOIN)


def stop() -> None:
    """Let `serve` return; from the trio thread."""
    pyfuse3.terminate()


def unmount() -> None:
    """Unmount, lazily if files are open, and let go of the kernel."""
    pyfuse3.close(unmount=True)

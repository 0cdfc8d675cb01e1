"""The handlers: what pyfuse3 calls for each request of the kernel, on the nodes of the tree and on what is open.

Handlers raise FUSEError and nothing else; those that always refuse are in `refusals.py`. Which errno a failure becomes stands
in `errnos.py`. Each request is answered within the mount's budget
of time (`budget.py`). Once the camera is gone everything about its stores answers ENODEV at once; the root and the control files stay.

What the kernel may keep: pages always (`keep_cache`), names and attributes for `Timeouts`; all of it is invalidated when the tree says so
(`kernel.py`).
"""

import errno
import functools
import logging
import math
import os
import random
import stat
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import nullcontext
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
)

from camfs import errors
from camfs.mount import names
from camfs.mount.controls import SettingsFolder
from camfs.mount.errnos import BadRequest, errno_of
from camfs.mount.failures import Kind
from camfs.mount.file import File
from camfs.mount.folder import Folder, entry_of
from camfs.mount.handles import DirectoryHandle, Handle
from camfs.mount.nodes import Directory, Node
from camfs.mount.refusals import RefusingOperations
from camfs.mount.statfs import StoreUsage
from camfs.mount.tree import Tree
from camfs.mount.watchers import ToldHandle

log = logging.getLogger(__name__)

BLOCK_SIZE = 4096
"""Bytes in which statfs counts."""

READDIR_TIME = 2.0
"""Seconds after which a part of a directory is given out, though more entries would fit."""


@dataclass(frozen=True)
class Ownership:
    """The owner of all files, and the permission bits that they do not get."""

    uid: int
    gid: int
    umask: int = 0o022


@dataclass(frozen=True)
class Timeouts:
    """Seconds for which the kernel may keep names and attributes, before and after the camera's first event."""

    polled: float
    announced: float


P = ParamSpec("P")
R = TypeVar("R")
N = TypeVar("N", File, Folder)
Handler = Callable[Concatenate["CameraOperations", P], Coroutine[Any, Any, R]]


def _answers(handler: Handler[P, R]) -> Handler[P, R]:
    """Answer within the budget; turn a failure into the FUSEError of its errno, and note its text for `.status`."""

    @functools.wraps(handler)
    async def answered(self: "CameraOperations", *args: P.args, **kwargs: P.kwargs) -> R:
        budget, request = self.tree.budget, (handler.__name__, *_subject(args))
        number = budget.recent_failure(request)
        if number is not None:
            raise FUSEError(number)
        begun = trio.current_time()
        try:
            seconds = math.inf if handler.__name__ in READS else budget.seconds_in_a_row
            with nullcontext() if handler.__name__ in COMMANDS else budget.limit(seconds):
                answer = await handler(self, *args, **kwargs)
        except errors.CameraError as error:
            if not isinstance(error, errors.NotFound | errors.DeviceGone):
                kind = self._kind(handler.__name__, args)
                self.tree.note_error(str(error), kind=kind, of_command=handler.__name__ in COMMANDS)
            number = errno_of(error)
        except BadRequest as error:
            number = error.errno
        except FUSEError as error:
            number = error.errno
        except Exception:
            log.exception("%s failed", handler.__name__)
            number = errno.EIO
        else:
            if self.tree.last_failure is not None:
                self.tree.note_success(self._kind(handler.__name__, args))
            return answer
        budget.note_failure(request, begun, number)
        raise FUSEError(number)

    return cast(Handler[P, R], answered)


COMMANDS = {"write"}
"""Handlers whose nodes keep to the budget by themselves: some commands take long by nature (`controls.py`)."""

READS = {"open", "read"}
"""Handlers for which nothing waits in the kernel, other files least of all."""


def _subject(args: Sequence[object]) -> Sequence[object]:
    """Return what a request is about: an inode or handle, and the name in it; nothing for a request about the whole."""
    return [arg for arg, kind in zip(args, (int, bytes), strict=False) if isinstance(arg, kind)]


class CameraOperations(RefusingOperations):
    """Answers the kernel.

    Args:
        tree: the nodes.
        ownership: of every file.
        timeouts: how long the kernel may keep names and attributes.
    """

    supports_dot_lookup = True

    def __init__(self, tree: Tree, ownership: Ownership, timeouts: Timeouts) -> None:
        super().__init__()
        self.tree = tree
        self._ownership = ownership
        self._timeouts = timeouts
        self._usage = StoreUsage(tree)
        self._files: dict[int, Handle] = {}
        self._opened: dict[int, Node] = {}
        self._directories: dict[int, DirectoryHandle] = {}
        self._last_handle = 0
        # Inode numbers begin anew with each mount: an NFS client's handle of an earlier one must not become another file.
        self._generation = random.getrandbits(32)
        self._mounted_ns = time.time_ns()

    def _kind(self, handler: str, args: Sequence[object]) -> Kind:
        """Return of what kind the failure or success of a request is: `failures`."""
        subject = [*_subject(args), 0][0]
        if handler in ("read", "write"):
            opened = self._opened.get(cast(int, subject))
            return (handler, "" if opened is None or isinstance(opened, File) else opened.path())
        if handler == "readdir":
            directory = self._directories.get(cast(int, subject))
            return (handler, directory.node.inode if directory is not None else 0)
        return (handler, *_subject(args)) if handler in ("lookup", "getattr", "opendir", "open") else handler

    def _new_handle(self) -> FileHandleT:
        self._last_handle += 1
        return FileHandleT(self._last_handle)

    # names and attributes

    async def _attributes(self, node: Node, exact: bool = True) -> EntryAttributes:
        shown = await node.attributes(exact)
        keep = self._timeouts.announced if self.tree.camera.sends_events else self._timeouts.polled
        found = EntryAttributes()
        found.st_ino = node.inode
        found.generation = 0 if node is self.tree.root else self._generation
        found.entry_timeout = 0 if self._usage.is_asked_about(node) else keep
        found.attr_timeout = keep if shown.lasting else 0
        found.st_mode = shown.kind | (shown.permissions & ~self._ownership.umask)
        found.st_nlink = 1
        found.st_uid = self._ownership.uid
        found.st_gid = self._ownership.gid
        found.st_size = shown.size
        # programs that read files in pieces of 256 KiB do not ask for what may be pages (file.py); of a directory the C library reads
        # so much at once, and 128 KiB are one request
        found.st_blksize = 1 << (17 if stat.S_ISDIR(shown.kind) else 18)
        found.st_blocks = -(-shown.size // 512)
        # folders and control files without a time have the mount's; a file of the camera without a date has none to show
        mtime_ns = shown.mtime_ns or (0 if isinstance(node, File) else self._mounted_ns)
        found.st_atime_ns = found.st_mtime_ns = found.st_ctime_ns = mtime_ns
        return found

    def _node(self, inode: int) -> Node:
        """Return a node by its number; once the camera is gone, all that is the camera's is ENODEV."""
        node = self.tree.inodes.find(inode)
        if self.tree.camera.gone and node.needs_camera:
            raise errors.DeviceGone("the camera is gone")
        return node

    def _directory(self, inode: int) -> Directory:
        node = self._node(inode)
        if not isinstance(node, Directory):
            raise FUSEError(errno.ENOTDIR)
        return node

    @_answers
    async def lookup(self, parent_inode: InodeT, name: FileNameT, ctx: RequestContext) -> EntryAttributes:
        """Find a name. The NFS server looks up `.` and `..` in a node whose name the kernel has forgotten."""
        is_caller = self.tree.watchers.is_caller(ctx.pid)
        if is_caller:
            node: Node | None = self.tree.watchers.find(self._directory(parent_inode), name)
        elif name == b".":
            node = self._node(parent_inode)
        elif name == b"..":
            node = self._node(parent_inode).parent
        else:
            directory = self._directory(parent_inode)
            if self.tree.camera.gone and not (directory is self.tree.root and name in self.tree.root.control_files):
                raise errors.DeviceGone("the camera is gone")
            node = await directory.find(name)
        if node is None:
            raise FUSEError(errno.ENOENT)
        found = await self._attributes(node, exact=not is_caller)
        node.lookups += 1
        self._usage.note_looked_up(node, ctx.pid)
        return found

    async def forget(self, inode_list: Sequence[tuple[InodeT, int]]) -> None:
        """Lower lookup counts. Must not fail."""
        for inode, count in inode_list:
            self.tree.inodes.forget(inode, count)

    @_answers
    async def getattr(self, inode: InodeT, ctx: RequestContext) -> EntryAttributes:
        """Stat a node. Here alone a date is asked for that the camera has not told: names are looked up for many reasons."""
        node = self._node(inode)
        if self.tree.watchers.is_caller(ctx.pid):
            return await self._attributes(node, exact=False)
        await node.learn_date()
        return await self._attributes(node)

    @_answers
    async def setattr(
        self, inode: InodeT, attr: EntryAttributes, fields: SetattrFields, fh: FileHandleT | None, ctx: RequestContext
    ) -> EntryAttributes:
        """Change nothing. `>` truncates a control file before it writes, which is allowed; everything else is read-only."""
        node = self._node(inode)
        if not node.allows_truncation:
            raise FUSEError(errno.EROFS)
        if fields.update_mode or fields.update_uid or fields.update_gid:
            raise FUSEError(errno.EPERM)
        return await self._attributes(node)

    @_answers
    async def access(self, inode: InodeT, mode: ModeT, ctx: RequestContext) -> bool:
        """Say that nobody can write where that is so; permissions are left to the kernel (`default_permissions`)."""
        if self._node(inode).is_read_only and mode & os.W_OK:
            raise FUSEError(errno.EROFS)
        return True

    # directories

    @_answers
    async def opendir(self, inode: InodeT, ctx: RequestContext) -> FileHandleT:
        """Begin to read a directory; the listing itself comes with the first readdir."""
        node = self.tree.inodes.find(inode)
        if not isinstance(node, Directory):
            raise FUSEError(errno.ENOTDIR)
        handle = self._new_handle()
        self._directories[handle] = DirectoryHandle(node)
        return handle

    @_answers
    async def readdir(self, fh: FileHandleT, start_id: int, token: ReaddirToken) -> None:
        """List as many entries as fit, describing them on the way; from a slow camera those that come in `READDIR_TIME`."""
        given: list[Node] = []
        try:
            await self._fill(self._directories[fh], start_id, token, given)
        except BaseException:
            for node in given:  # a reply that fails gives out no entry
                self.tree.inodes.forget(node.inode, 1)
            raise

    async def _fill(self, opened: DirectoryHandle, index: int, token: ReaddirToken, given: list[Node]) -> None:
        """Put entries into a reply, and their nodes into `given`."""
        enough = trio.current_time() + READDIR_TIME
        while not given or trio.current_time() < enough:
            if self.tree.camera.gone:
                raise errors.DeviceGone("the camera is gone")
            try:
                found = await opened.next(index)
            except errors.CameraError as error:
                if given:
                    return  # the next request will meet the error, if there still is one
                if not isinstance(error, errors.NotFound):
                    raise
                # readdir(3) takes ENOENT for the end: half a directory would pass for a whole one
                log.info("%s", error)
                raise FUSEError(errno.ESTALE) from None
            if found is None:
                return
            index, node = found
            shown = await self._attributes(node, exact=False)
            if (
                isinstance(node, File | Folder)
                and isinstance(node.parent, Folder)
                and not node.parent.vouches_for(node)
            ):
                shown.entry_timeout = 0
            if not pyfuse3.readdir_reply(token, node.name, shown, index):
                return
            node.lookups += 1
            given.append(node)

    async def releasedir(self, fh: FileHandleT) -> None:
        """End the reading of a directory."""
        self._directories.pop(fh, None)

    async def fsyncdir(self, fh: FileHandleT, datasync: bool) -> None:
        """Nothing is waiting to be written."""

    # files

    @_answers
    async def open(self, inode: InodeT, flags: FlagT, ctx: RequestContext) -> FileInfo:
        """Open a file or control file. Nothing is read yet."""
        node, writing = self._node(inode), flags & os.O_ACCMODE != os.O_RDONLY
        if self.tree.watchers.is_caller(ctx.pid) and self.tree.watchers.may_write(node):
            opened: Handle = ToldHandle()
        else:
            opened = await node.open(writing)
        handle = self._new_handle()
        self._files[handle], self._opened[handle] = opened, node
        return FileInfo(fh=handle, direct_io=opened.direct_io, keep_cache=opened.keep_cache)

    @_answers
    async def read(self, fh: FileHandleT, off: int, size: int) -> bytes:
        """Read. The answer is a memoryview where all of it lies in one block."""
        return cast(bytes, await self._files[fh].read(off, size))

    @_answers
    async def write(self, fh: FileHandleT, off: int, buf: bytes) -> int:
        """Carry out a control file's command: one write is one command."""
        await self._files[fh].write(buf)
        return len(buf)

    async def flush(self, fh: FileHandleT) -> None:
        """Nothing is waiting to be written."""

    async def fsync(self, fh: FileHandleT, datasync: bool) -> None:
        """Nothing is waiting to be written."""

    @_answers
    async def release(self, fh: FileHandleT) -> None:
        """Close."""
        opened = self._files.pop(fh, None)
        self._opened.pop(fh, None)
        if opened is not None:
            await opened.close()

    @_answers
    async def poll(self, inode: InodeT, fh: FileHandleT, poll_handle: PollHandle | None, ctx: RequestContext) -> int:
        """Return what can be done without waiting, and wake the caller of poll(2) when that may have changed."""
        return self._files[fh].poll(functools.partial(_wake, poll_handle) if poll_handle is not None else None)

    # changes

    @_answers
    async def unlink(self, parent_inode: InodeT, name: FileNameT, ctx: RequestContext) -> None:
        """Delete a file on the camera, with `allow_delete`."""
        if self.tree.watchers.is_caller(ctx.pid):
            self._remove_for_caller(parent_inode, name)
            return
        file = await self._find_deletable(parent_inode, name, File)
        await self._delete(file)
        self.tree.blocks.drop(file)

    @_answers
    async def rmdir(self, parent_inode: InodeT, name: FileNameT, ctx: RequestContext) -> None:
        """Delete an empty folder on the camera, with `allow_delete`."""
        if self.tree.watchers.is_caller(ctx.pid):
            self._remove_for_caller(parent_inode, name)
            return
        folder = await self._find_deletable(parent_inode, name, Folder)
        if await (await folder.listing()).next(0) is not None:
            raise FUSEError(errno.ENOTEMPTY)
        await self._delete(folder)

    async def _find_deletable(self, parent_inode: InodeT, name: FileNameT, kind: type[N]) -> N:
        directory = self._directory(parent_inode)
        node = await directory.find(name)
        if node is None:
            raise FUSEError(errno.ENOENT)
        if not isinstance(node, kind) or node.entry is None or directory is self.tree.root:
            raise FUSEError(errno.EPERM)
        if not self.tree.allow_delete and not node.entry.is_local:
            raise errors.NotPermitted("deleting needs the mount option allow_delete")
        return node

    async def _delete(self, node: File | Folder) -> None:
        await self.tree.camera.delete(entry_of(node))
        self.tree.remove(node, kernel_knows=True)
        self._usage.drop()

    @_answers
    async def mkdir(self, parent_inode: InodeT, name: FileNameT, mode: ModeT, ctx: RequestContext) -> EntryAttributes:
        """Nothing can be written into a store. To the caller a new folder is given (`watchers.py`)."""
        return await self._make_for_caller(parent_inode, name, mode | stat.S_IFDIR, ctx)

    @_answers
    async def create(
        self, parent_inode: InodeT, name: FileNameT, mode: ModeT, flags: FlagT, ctx: RequestContext
    ) -> tuple[FileInfo, EntryAttributes]:
        """Refuse. Whoever writes to a setting that the camera does not have is told so: nobody there wants to make a file."""
        if isinstance(directory := self._node(parent_inode), SettingsFolder):
            raise errors.NotSupported(f"the camera has no {os.fsdecode(name)!r} in {directory.path()}")
        return await super().create(parent_inode, name, mode, flags, ctx)

    @_answers
    async def mknod(
        self, parent_inode: InodeT, name: FileNameT, mode: ModeT, rdev: int, ctx: RequestContext
    ) -> EntryAttributes:
        """Nothing can be written into a store. To the caller a new file is given (`watchers.py`)."""
        return await self._make_for_caller(parent_inode, name, mode, ctx)

    async def _make_for_caller(
        self, parent_inode: InodeT, name: FileNameT, mode: int, ctx: RequestContext
    ) -> EntryAttributes:
        watchers = self.tree.watchers
        node = watchers.make(self._node(parent_inode), name) if watchers.is_caller(ctx.pid) else None
        if node is None:
            raise FUSEError(errno.EROFS)
        found = await self._attributes(node, exact=False)
        if stat.S_IFMT(found.st_mode) != stat.S_IFMT(mode):
            raise FUSEError(errno.EROFS)
        node.lookups += 1
        return found

    def _remove_for_caller(self, parent_inode: InodeT, name: FileNameT) -> None:
        """Let the caller remove what is gone, and nothing that is there."""
        if not self.tree.watchers.remove(self._node(parent_inode), name):
            raise FUSEError(errno.EPERM)

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

    # statfs

    @_answers
    async def statfs(self, ctx: RequestContext) -> StatvfsData:
        """Show the room in all stores of the camera, or on this computer if its folder is meant."""
        usage = await self._usage.measure(ctx.pid)
        answer = StatvfsData()
        answer.f_bsize = answer.f_frsize = BLOCK_SIZE
        answer.f_blocks = usage.total // BLOCK_SIZE
        answer.f_bfree = answer.f_bavail = usage.free // BLOCK_SIZE
        answer.f_files = usage.objects or 0
        answer.f_ffree = answer.f_favail = 0
        answer.f_namemax = names.MAX_NAME
        return answer


def _wake(handle: PollHandle) -> None:
    try:
        handle.notify()
    except OSError as error:
        log.debug("poll: %s", error)

"""The handlers, called as pyfuse3 calls them, without a mount: what each answers, and with which errno it refuses."""

import errno
import os
import random
import select
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pyfuse3
import pytest
import trio
from pyfuse3 import EntryAttributes, FileHandleT, FileInfo, FileNameT, FlagT, InodeT, ModeT
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.api import Entry, EntryGone, FolderChanged, Happened, Key, Usage
from camfs.mount.budget import Budget
from camfs.mount.controls import Controls
from camfs.mount.operations import CameraOperations, Ownership, Timeouts
from camfs.mount.statfs import USAGE_AGE
from tests.cameras.rig import nursery
from tests.cameras.scripted import ScriptedCamera, Thing
from tests.mount.rig import WatchedTree, bytes_held, dcim

ROOT = InodeT(1)

UNKNOWN = InodeT(999_999)

FILE = "card/DCIM/P3.JPG"


class TinyCamera(ScriptedCamera):
    """A camera that renames, reads short and holds files on this computer, if a test wants it to."""

    def __init__(self) -> None:
        super().__init__()
        self.short = False
        self.local: set[Thing] = set()

    def entry(self, thing: Thing) -> Entry:
        return replace(super().entry(thing), is_local=thing in self.local)

    def reads_short(self, entry: Entry) -> bool:
        return self.short

    async def rename(self, entry: Entry, name: str) -> None:
        await self._called("rename", entry.key)
        self.thing(entry.key).name = name


@dataclass
class Kernel:
    """Asks as the kernel does.

    Attributes:
        thread: that asks.
        room: entries that fit a readdir reply.
        listed: the entries of the replies so far, each with the place after it.
    """

    camera: TinyCamera
    tree: WatchedTree
    controls: Controls
    handlers: CameraOperations
    thread: int = 0
    room: int = 1000
    listed: list[tuple[bytes, EntryAttributes, int]] = field(default_factory=list)

    @property
    def context(self) -> Any:
        return SimpleNamespace(pid=self.thread, uid=0, gid=0, umask=0o022)

    async def lookup(self, path: str) -> EntryAttributes:
        """Look up each name of a path."""
        found = await self.handlers.getattr(ROOT, self.context)
        for name in path.split("/"):
            found = await self.handlers.lookup(found.st_ino, FileNameT(name.encode()), self.context)
        return found

    async def inode(self, path: str) -> InodeT:
        return (await self.lookup(path)).st_ino if path else ROOT

    async def open(self, path: str, flags: int = os.O_RDONLY) -> FileInfo:
        return await self.handlers.open(await self.inode(path), FlagT(flags), self.context)

    async def read(self, path: str) -> bytes:
        """Open, read and close a file."""
        handle = (await self.open(path)).fh
        data = bytes(await self.handlers.read(handle, 0, 1 << 20))
        await self.handlers.release(handle)
        return data

    async def write(self, path: str, data: bytes) -> int:
        """Open, write and close a control file."""
        handle = (await self.open(path, os.O_WRONLY)).fh
        try:
            return await self.handlers.write(handle, 0, data)
        finally:
            await self.handlers.release(handle)

    async def readdir(self, handle: FileHandleT, start: int = 0) -> list[str]:
        """Read what fits a reply."""
        self.listed = []
        token: Any = None
        await self.handlers.readdir(handle, start, token)
        return [name.decode() for name, _, _ in self.listed]

    async def ls(self, path: str) -> list[str]:
        """Open, read and close a directory."""
        handle = await self.handlers.opendir(await self.inode(path), self.context)
        names = await self.readdir(handle)
        await self.handlers.releasedir(handle)
        return names

    def reply(self, _token: object, name: bytes, attributes: EntryAttributes, after: int) -> bool:
        """Stand for pyfuse3.readdir_reply."""
        if len(self.listed) >= self.room:
            return False
        self.listed.append((name, attributes, after))
        return True

    async def unlink(self, folder: str, name: str) -> None:
        await self.handlers.unlink(await self.inode(folder), FileNameT(name.encode()), self.context)

    async def rmdir(self, folder: str, name: str) -> None:
        await self.handlers.rmdir(await self.inode(folder), FileNameT(name.encode()), self.context)

    async def rename(self, folder: str, name: str, to: str, new: str, flags: int = 0) -> None:
        inodes = await self.inode(folder), await self.inode(to)
        names = FileNameT(name.encode()), FileNameT(new.encode())
        await self.handlers.rename(inodes[0], names[0], inodes[1], names[1], FlagT(flags), self.context)


async def refusal(answer: Awaitable[object]) -> int:
    """Return the errno that a request is refused with."""
    with pytest.raises(pyfuse3.FUSEError) as caught:
        await answer
    return caught.value.errno


Asking = Callable[..., Any]


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> Asking:
    """Return what makes a kernel that asks about a camera with card/DCIM/P1.JPG to P3.JPG."""

    @asynccontextmanager
    async def made(
        budget: Budget | None = None, camera: TinyCamera | None = None, **options: bool
    ) -> AsyncIterator[Kernel]:
        async with nursery() as work:
            camera = camera or TinyCamera()
            dcim(camera)
            tree = WatchedTree(camera, work, budget, **options)
            controls = Controls(tree, "virtual:test")
            controls.install()
            handlers = CameraOperations(tree, Ownership(1000, 100, 0o027), Timeouts(5, 60))
            kernel = Kernel(camera, tree, controls, handlers)
            monkeypatch.setattr(pyfuse3, "readdir_reply", kernel.reply)
            yield kernel

    return made


# names and attributes


async def test_lookup_shows_a_file(asking: Asking) -> None:
    async with asking() as kernel:
        found = await kernel.lookup(FILE)
        assert found.st_mode == stat.S_IFREG | 0o640
        assert (found.st_uid, found.st_gid, found.st_nlink) == (1000, 100, 1)
        assert (found.st_size, found.st_blocks) == (3, 1)
        assert (found.st_mtime_ns, found.st_ctime_ns, found.st_atime_ns) == (3, 3, 3)
        again = await kernel.handlers.getattr(found.st_ino, kernel.context)
        assert (again.st_ino, again.st_size, again.generation) == (found.st_ino, 3, found.generation)
        assert kernel.tree.inodes.find(found.st_ino).lookups == 1


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        ("card", stat.S_IFDIR | 0o750),
        (".status", stat.S_IFREG | 0o440),
        (".refresh", stat.S_IFREG | 0o200),
        (".capture", stat.S_IFREG | 0o640),
        (".settings", stat.S_IFDIR | 0o750),
    ],
)
async def test_modes_less_the_umask(asking: Asking, path: str, mode: int) -> None:
    async with asking() as kernel:
        assert (await kernel.lookup(path)).st_mode == mode


@pytest.mark.parametrize(
    ("path", "attributes_kept"),
    [("card", True), ("card/DCIM", True), (FILE, True), (".status", False)],
)
@pytest.mark.parametrize("announces", [False, True])
async def test_how_long_the_kernel_may_keep_what_it_is_told(
    asking: Asking, path: str, attributes_kept: bool, announces: bool
) -> None:
    async with asking() as kernel:
        kernel.camera.sends_events = announces
        keep = 60 if announces else 5
        found = await kernel.lookup(path)
        assert found.entry_timeout == keep
        assert found.attr_timeout == (keep if attributes_kept else 0)


@pytest.mark.parametrize(
    ("folder", "name", "number"),
    [
        ("card/DCIM", "P4.JPG", errno.ENOENT),
        ("", "nothing", errno.ENOENT),
        (".settings", "nothing", errno.ENOENT),
        (FILE, "name", errno.ENOTDIR),
        (".status", "name", errno.ENOTDIR),
    ],
)
async def test_lookup_of_what_is_not_there(asking: Asking, folder: str, name: str, number: int) -> None:
    async with asking() as kernel:
        inode = await kernel.inode(folder)
        assert await refusal(kernel.handlers.lookup(inode, FileNameT(name.encode()), kernel.context)) == number
        assert kernel.tree.last_error == ""


async def test_dots_as_the_nfs_server_looks_them_up(asking: Asking) -> None:
    async with asking() as kernel:
        inode = await kernel.inode(FILE)
        here = await kernel.handlers.lookup(inode, FileNameT(b"."), kernel.context)
        assert here.st_ino == inode
        above = await kernel.handlers.lookup(inode, FileNameT(b".."), kernel.context)
        assert above.st_ino == await kernel.inode("card/DCIM")
        assert (await kernel.handlers.lookup(ROOT, FileNameT(b".."), kernel.context)).st_ino == ROOT


async def test_each_mount_has_a_generation_of_its_own(asking: Asking) -> None:
    """An NFS client may still have a handle of an earlier mount, where the same number was another file's."""
    generations = set()
    for _ in range(2):
        async with asking() as kernel:
            assert (await kernel.lookup("card")).generation == (await kernel.lookup(FILE)).generation
            generations.add((await kernel.lookup(FILE)).generation)
            assert (await kernel.handlers.getattr(ROOT, kernel.context)).generation == 0
    assert len(generations - {0}) == 2


async def test_an_inode_that_is_gone(asking: Asking) -> None:
    async with asking() as kernel:
        handlers, context = kernel.handlers, kernel.context
        assert await refusal(handlers.getattr(UNKNOWN, context)) == errno.ENOENT
        assert await refusal(handlers.lookup(UNKNOWN, FileNameT(b"x"), context)) == errno.ENOENT
        assert await refusal(handlers.open(UNKNOWN, FlagT(0), context)) == errno.ENOENT
        assert await refusal(handlers.opendir(UNKNOWN, context)) == errno.ENOENT
        assert await refusal(handlers.access(UNKNOWN, ModeT(os.R_OK), context)) == errno.ENOENT


async def test_forget_lets_a_removed_file_go(asking: Asking) -> None:
    async with asking() as kernel:
        for _ in range(3):
            inode = (await kernel.lookup(FILE)).st_ino
        node = kernel.tree.inodes.find(inode)
        kernel.camera.remove(kernel.camera.thing(node.entry.key))
        await kernel.tree.apply(EntryGone(node.entry.key))
        await kernel.handlers.forget([(inode, 2)])
        assert (await kernel.handlers.getattr(inode, kernel.context)).st_size == 3
        await kernel.handlers.forget([(inode, 1), (UNKNOWN, 7)])
        assert await refusal(kernel.handlers.getattr(inode, kernel.context)) == errno.ENOENT
        await kernel.handlers.forget([(inode, 1)])


async def test_access_is_the_kernels_to_check_and_there_are_no_links(asking: Asking) -> None:
    async with asking() as kernel:
        inode = await kernel.inode(FILE)
        assert await kernel.handlers.access(inode, ModeT(os.R_OK), kernel.context)
        assert await refusal(kernel.handlers.access(inode, ModeT(os.W_OK), kernel.context)) == errno.EROFS
        assert await kernel.handlers.access(await kernel.inode(".capture"), ModeT(os.W_OK), kernel.context)
        assert await refusal(kernel.handlers.readlink(inode, kernel.context)) == errno.EINVAL


@pytest.mark.parametrize(
    ("path", "changed", "number"),
    [
        (FILE, "update_size", errno.EROFS),
        (FILE, "update_mode", errno.EROFS),
        ("card", "update_mtime", errno.EROFS),
        (".events", "update_size", errno.EROFS),
        (".settings", "update_mode", errno.EROFS),
        (".capture", "update_mode", errno.EPERM),
        (".capture", "update_uid", errno.EPERM),
        (".capture", "update_gid", errno.EPERM),
        (".capture", "update_size", 0),
        (".capture", "update_mtime", 0),
        (".settings/iso", "update_size", 0),
    ],
)
async def test_setattr_changes_nothing(asking: Asking, path: str, changed: str, number: int) -> None:
    async with asking() as kernel:
        before = await kernel.lookup(path)
        fields: Any = SimpleNamespace(update_mode=False, update_uid=False, update_gid=False, update_size=False)
        setattr(fields, changed, True)
        answer = kernel.handlers.setattr(before.st_ino, EntryAttributes(), fields, None, kernel.context)
        if number:
            assert await refusal(answer) == number
        else:
            assert (await answer).st_mode == before.st_mode
        assert kernel.tree.last_error == ""


async def test_there_are_no_extended_attributes(asking: Asking) -> None:
    async with asking() as kernel:
        handlers, context = kernel.handlers, kernel.context
        inode = await kernel.inode(FILE)
        name = pyfuse3.XAttrNameT(b"user.x")
        assert await refusal(handlers.getxattr(inode, name, context)) == errno.ENOSYS
        assert await refusal(handlers.listxattr(inode, context)) == errno.ENOSYS
        assert await refusal(handlers.setxattr(inode, name, b"", context)) == errno.ENOSYS
        assert await refusal(handlers.removexattr(inode, name, context)) == errno.ENOSYS


async def test_once_the_camera_is_gone(asking: Asking) -> None:
    """All that is the camera's answers ENODEV; the root and the control files stay."""
    async with asking() as kernel:
        handlers, context = kernel.handlers, kernel.context
        inodes = [await kernel.inode(path) for path in ("card", "card/DCIM", FILE)]
        await kernel.inode(".thumbnails")
        file = (await kernel.open(FILE)).fh
        await handlers.read(file, 0, 10)
        folder = await handlers.opendir(inodes[1], context)
        kernel.camera.gone = True
        for inode in inodes:
            assert await refusal(handlers.getattr(inode, context)) == errno.ENODEV
            assert await refusal(handlers.open(inode, FlagT(0), context)) == errno.ENODEV
            assert await refusal(handlers.access(inode, ModeT(0), context)) == errno.ENODEV
        for name in (b"card", b"nothing"):
            assert await refusal(handlers.lookup(ROOT, FileNameT(name), context)) == errno.ENODEV
        assert await refusal(handlers.read(file, 0, 10)) == errno.ENODEV  # also what is in the cache
        assert await refusal(kernel.readdir(folder)) == errno.ENODEV
        assert await refusal(kernel.ls("")) == errno.ENODEV
        assert await refusal(kernel.ls(".settings")) == errno.ENODEV
        assert await refusal(handlers.statfs(context)) == errno.ENODEV
        assert kernel.tree.last_error == ""
        assert (await handlers.getattr(ROOT, context)).st_ino == ROOT
        assert b"connected: no\n" in await kernel.read(".status")


# directories


async def test_readdir(asking: Asking) -> None:
    async with asking() as kernel:
        assert await kernel.ls("") == ["card"]
        assert await kernel.ls("card/DCIM") == ["P1.JPG", "P2.JPG", "P3.JPG"]
        assert [found.st_size for _, found, _ in kernel.listed] == [1, 2, 3]
        assert await kernel.ls(".settings") == ["iso", "aperture"]
        for path in ("card/DCIM/P1.JPG", ".status"):
            inode = await kernel.inode(path)
            assert await refusal(kernel.handlers.opendir(inode, kernel.context)) == errno.ENOTDIR


async def test_opendir_asks_nothing(asking: Asking) -> None:
    async with asking() as kernel:
        inode = await kernel.inode("card/DCIM")
        kernel.camera.calls.clear()
        await kernel.handlers.opendir(inode, kernel.context)
        assert kernel.camera.calls == []


async def test_a_listing_that_does_not_fit_goes_on_where_it_stopped(asking: Asking) -> None:
    """Only what the reply took counts as looked up: the kernel forgets no more than that."""
    async with asking() as kernel:
        handle = await kernel.handlers.opendir(await kernel.inode("card/DCIM"), kernel.context)
        kernel.room = 2
        assert await kernel.readdir(handle) == ["P1.JPG", "P2.JPG"]
        folder = kernel.tree.inodes.find(await kernel.inode("card/DCIM"))
        assert [node.lookups for node in folder.children.values()] == [1, 1, 0]
        assert await kernel.readdir(handle, kernel.listed[-1][2]) == ["P3.JPG"]
        assert [node.lookups for node in folder.children.values()] == [1, 1, 1]
        assert await kernel.readdir(handle, kernel.listed[-1][2]) == []


async def test_a_place_that_shows_nothing_is_passed_over(asking: Asking) -> None:
    async with asking() as kernel:
        handle = await kernel.handlers.opendir(await kernel.inode("card/DCIM"), kernel.context)
        kernel.room = 1
        assert await kernel.readdir(handle) == ["P1.JPG"]
        after = kernel.listed[-1][2]
        thing = kernel.camera.card.inside[0].inside[1]
        await kernel.inode("card/DCIM/P2.JPG")
        kernel.camera.remove(thing)
        await kernel.tree.apply(EntryGone(thing.number))
        assert await kernel.readdir(handle, after) == ["P3.JPG"]


async def test_a_rewound_directory_is_listed_anew(asking: Asking) -> None:
    async with asking() as kernel:
        folder = kernel.camera.card.inside[0]
        handle = await kernel.handlers.opendir(await kernel.inode("card/DCIM"), kernel.context)
        assert len(await kernel.readdir(handle)) == 3
        end = kernel.listed[-1][2]
        kernel.camera.add(folder, "P4.JPG", b"new")
        await kernel.tree.apply(FolderChanged(folder.number))
        assert await kernel.readdir(handle, end) == []
        assert len(await kernel.readdir(handle)) == 4


async def test_what_can_be_described_is_shown_before_the_error(asking: Asking) -> None:
    """rsync copies that and deletes nothing; `ls` shows it and complains."""
    async with asking() as kernel:
        folder = (await kernel.tree.root.find(b"card")) and kernel.camera.card.inside[0]
        for thing in folder.inside[1:]:
            thing.failure = errors.NotFound("unknown handle", 0x2009)
        handle = await kernel.handlers.opendir(await kernel.inode("card/DCIM"), kernel.context)
        assert await kernel.readdir(handle) == ["P1.JPG"]
        end = kernel.listed[-1][2]
        assert await refusal(kernel.readdir(handle, end)) == errno.EIO
        assert "2 of the objects" in kernel.tree.last_error


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (errors.NotFound("no such folder", 0x2009), errno.ESTALE),
        (errors.StoreUnavailable("no card", 0x2013), errno.ENOMEDIUM),
        (errors.TransferTimeout("no answer"), errno.ETIMEDOUT),
        (errors.RemoteProtocolError("garbage"), errno.EIO),
        (ZeroDivisionError("a bug"), errno.EIO),
    ],
)
async def test_a_folder_that_cannot_be_listed_does_not_read_as_empty(asking: Asking, error: Any, number: int) -> None:
    """readdir(3) takes ENOENT for the end of the directory: `rsync --delete` would empty the copy."""
    async with asking() as kernel:
        handle = await kernel.handlers.opendir(ROOT, kernel.context)
        kernel.camera.failing["list"] = error
        assert await refusal(kernel.readdir(handle)) == number


# files


@pytest.mark.parametrize(
    ("path", "flags", "expected"),
    [
        (FILE, os.O_RDONLY, "pages"),
        (FILE, os.O_WRONLY, errno.EROFS),
        (FILE, os.O_RDWR, errno.EROFS),
        ("card", os.O_RDONLY, errno.EISDIR),
        ("card", os.O_WRONLY, errno.EISDIR),
        (".settings", os.O_RDONLY, errno.EISDIR),
        (".thumbnails", os.O_RDONLY, errno.EISDIR),
        (".status", os.O_RDONLY, "direct"),
        (".status", os.O_WRONLY, "direct"),
        (".capture", os.O_RDWR, "direct"),
        (".events", os.O_RDONLY, "direct"),
        (".events", os.O_WRONLY, errno.EACCES),
        (".thumbnails/card/DCIM/T.JPG", os.O_RDONLY, "direct"),
        (".thumbnails/card/DCIM/T.JPG", os.O_RDWR, errno.EROFS),
    ],
)
async def test_open(asking: Asking, path: str, flags: int, expected: str | int) -> None:
    async with asking() as kernel:
        kernel.camera.add(kernel.camera.card.inside[0], "T.JPG", b"picture", picture=True)
        if isinstance(expected, int):
            assert await refusal(kernel.open(path, flags)) == expected
            assert kernel.tree.last_error == ""
        else:
            opened = await kernel.open(path, flags)
            assert opened.direct_io is (expected == "direct")
            assert opened.keep_cache
        assert kernel.camera.count("read") == 0


async def test_read(asking: Asking) -> None:
    async with asking() as kernel:
        kernel.camera.card.inside[0].inside[2].data = b"0123456789"
        handle = (await kernel.open(FILE)).fh
        assert bytes(await kernel.handlers.read(handle, 0, 4)) == b"0123"
        assert bytes(await kernel.handlers.read(handle, 8, 100)) == b"89"
        assert bytes(await kernel.handlers.read(handle, 10, 100)) == b""
        assert kernel.camera.count("read") == 1


async def test_a_file_that_comes_slowly_is_read_past_the_pages_and_the_cache(asking: Asking) -> None:
    async with asking() as kernel:
        kernel.camera.short = True
        opened = await kernel.open(FILE)
        assert opened.direct_io
        for _ in range(2):
            assert bytes(await kernel.handlers.read(opened.fh, 1, 4096)) == b"xx"
        assert bytes(await kernel.handlers.read(opened.fh, 3, 4096)) == b""
        assert kernel.camera.count("read") == 2
        await kernel.handlers.release(opened.fh)
        assert kernel.camera.count("release") == 1


class SlowCamera(TinyCamera):
    """A camera that sends 1,000 bytes in answer to each read, as long as it is slow."""

    async def read(self, entry: Entry, offset: int, size: int) -> bytes | memoryview:
        return await super().read(entry, offset, min(size, 1000) if self.short else size)


@pytest.mark.parametrize(
    ("offset", "size", "whole"),
    [
        (0, 4096, True),
        (8192, 65_536, True),
        (0, 1 << 17, True),
        (1, 4096, False),
        (0, 5000, False),
        (0, 1 << 18, False),
    ],
)
async def test_what_may_be_pages_is_not_answered_short(asking: Asking, offset: int, size: int, whole: bool) -> None:
    """The kernel would take a short answer for the end of the file, and show zeros behind it."""
    async with asking(camera=SlowCamera()) as kernel:
        data = kernel.camera.card.inside[0].inside[2].data = random.Random(1).randbytes(300_000)
        kernel.camera.short = True
        handle = (await kernel.open(FILE)).fh
        answer = bytes(await kernel.handlers.read(handle, offset, size))
        assert answer == data[offset : offset + (size if whole else 1000)]
        last = 299_008
        assert bytes(await kernel.handlers.read(handle, last, 4096)) == data[last:]
        assert bytes(await kernel.handlers.read(handle, last, 8192)) == data[last:]


async def test_blocks_are_whole_though_a_file_comes_short_again(asking: Asking) -> None:
    """Its bytes were dropped since it was opened, and the camera sends them once more."""
    async with asking(camera=SlowCamera()) as kernel:
        data = kernel.camera.card.inside[0].inside[2].data = random.Random(1).randbytes(10_000)
        handle = (await kernel.open(FILE)).fh
        kernel.camera.short = True
        assert bytes(await kernel.handlers.read(handle, 0, 20_000)) == data


class UndatedCamera(TinyCamera):
    """A camera that knows no file's date before somebody has read it."""

    def __init__(self) -> None:
        super().__init__()
        self.read_once: set[Thing] = set()

    def entry(self, thing: Thing) -> Entry:
        entry = super().entry(thing)
        is_exact = thing in self.read_once or thing.data is None
        return replace(entry, mtime_ns=entry.mtime_ns + is_exact, date_is_exact=is_exact)

    async def read(self, entry: Entry, offset: int, size: int) -> bytes | memoryview:
        self.read_once.add(self.thing(entry.key))
        return await super().read(entry, offset, size)

    async def measure(self, entry: Entry, *, reading: bool) -> Entry:
        return entry


async def test_a_file_whose_date_becomes_known_is_the_same_after_a_refresh(asking: Asking) -> None:
    """Who has it open reads on."""
    async with asking(camera=UndatedCamera()) as kernel:
        data = kernel.camera.card.inside[0].inside[2].data = random.Random(1).randbytes(1_000_000)
        handle = (await kernel.open(FILE)).fh
        assert bytes(await kernel.handlers.read(handle, 0, 4096)) == data[:4096]
        await kernel.write(".refresh", b"1")
        assert bytes(await kernel.handlers.read(handle, 600_000, 4096)) == data[600_000:604_096]


async def test_a_file_that_was_deleted_is_stale(asking: Asking) -> None:
    async with asking() as kernel:
        inode = await kernel.inode(FILE)
        handle = (await kernel.open(FILE)).fh
        thing = kernel.camera.card.inside[0].inside[2]
        kernel.camera.remove(thing)
        await kernel.tree.apply(EntryGone(thing.number))
        assert await refusal(kernel.handlers.read(handle, 0, 10)) == errno.ESTALE
        assert await refusal(kernel.handlers.open(inode, FlagT(0), kernel.context)) == errno.ENOENT
        assert kernel.tree.last_error == ""


async def test_a_read_that_fails_says_of_which_file(asking: Asking) -> None:
    async with asking() as kernel:
        kernel.camera.failing["read"] = errors.TransferTimeout("no answer")
        handle = (await kernel.open(FILE)).fh
        for _ in range(2):
            assert await refusal(kernel.handlers.read(handle, 0, 10)) == errno.ETIMEDOUT
        assert kernel.tree.notes == [f"{FILE}: no answer"] * 2
        assert f"last-error: {FILE}: no answer\n".encode() in await kernel.read(".status")


async def test_the_last_error_is_over_with_the_next_success_of_its_kind(asking: Asking) -> None:
    """A read of any file is over with a read of any file, a command with the same command, and neither with the other."""
    async with asking() as kernel:
        handle = (await kernel.open(FILE)).fh
        kernel.camera.failing["read"] = errors.TransferTimeout("no answer")
        assert await refusal(kernel.handlers.read(handle, 0, 10)) == errno.ETIMEDOUT
        await kernel.read(".status")
        await kernel.write(".settings/iso", b"200")
        await kernel.ls("card/DCIM")
        assert "no answer" in kernel.tree.last_error
        kernel.camera.failing.clear()
        assert await kernel.read("card/DCIM/P1.JPG")
        assert kernel.tree.last_error == ""

        assert await refusal(kernel.write(".settings/iso", b"123")) == errno.EINVAL
        await kernel.write(".settings/aperture", b"f/4")
        await kernel.read(".settings/iso")
        assert "iso" in kernel.tree.last_error
        await kernel.write(".settings/iso", b"400")
        assert kernel.tree.last_error == ""


async def test_an_object_that_is_not_shown_is_told_until_its_folder_is_whole(asking: Asking) -> None:
    async with asking() as kernel:
        thing = kernel.camera.card.inside[0].inside[1]
        thing.failure = errors.Refused("no")
        await kernel.ls("card/DCIM")
        assert "not shown" in kernel.tree.last_error
        thing.failure = None
        await kernel.ls("card")
        assert "not shown" in kernel.tree.last_error
        await kernel.tree.refresh()
        await kernel.ls("card/DCIM")
        assert kernel.tree.last_error == ""


async def test_times_of_folders_and_control_files_are_the_mounts(asking: Asking) -> None:
    async with asking() as kernel:
        for path in ("", "card", "card/DCIM", ".status", ".settings", ".settings/iso", ".events", ".thumbnails"):
            node = await kernel.handlers.getattr(await kernel.inode(path), kernel.context)
            assert abs(node.st_mtime_ns / 1e9 - time.time()) < 600, path
        assert (await kernel.lookup("card/DCIM/P1.JPG")).st_mtime_ns == 1


async def test_the_room_on_this_computer_for_who_asks_for_it(asking: Asking) -> None:
    """To the process that has just looked its folder up, and once; the kernel must not remember that name."""
    async with asking() as kernel:
        here = kernel.camera.add(kernel.camera.root, "imagedb")
        kernel.camera.local.add(here)
        kernel.thread = 5

        async def usage(store: Key) -> Usage:
            return Usage(4096 * (7 if store == here.number else 64), 0)

        kernel.camera.usage = usage

        async def room() -> int:
            answer = await kernel.handlers.statfs(kernel.context)
            return int(answer.f_blocks)

        assert await room() == 64
        assert (await kernel.lookup("imagedb")).entry_timeout == 0
        assert (await kernel.lookup("card")).entry_timeout > 0
        await kernel.lookup("imagedb")
        assert [await room(), await room()] == [7, 64]
        await kernel.lookup("imagedb")
        await kernel.lookup("card")
        assert await room() == 64
        await kernel.lookup("imagedb")
        kernel.thread += 1
        assert await room() == 64


async def test_the_camera_is_released_by_the_last_who_reads(asking: Asking) -> None:
    async with asking() as kernel:
        handles = [(await kernel.open(FILE)).fh for _ in range(3)]
        assert len(set(handles)) == 3
        for handle in handles[:2]:
            await kernel.handlers.release(handle)
        assert kernel.camera.count("release") == 0
        await kernel.handlers.release(handles[2])
        assert kernel.camera.count("release") == 1
        await kernel.handlers.release((await kernel.open(FILE)).fh)
        assert kernel.camera.count("release") == 2
        await kernel.handlers.release(handles[2])  # must not fail
        assert await refusal(kernel.handlers.read(handles[2], 0, 1)) == errno.EIO


async def test_a_control_file_is_read_once_a_handle(asking: Asking) -> None:
    async with asking() as kernel:
        handle = (await kernel.open(".settings/iso", os.O_RDWR)).fh
        assert await kernel.handlers.read(handle, 0, 2) == b"10"
        kernel.camera.settings["iso"] = "400"
        assert await kernel.handlers.read(handle, 2, 100) == b"0\n"
        assert await kernel.handlers.write(handle, 0, b"200\n") == 4
        assert await kernel.handlers.read(handle, 0, 100) == b"200\n"


@pytest.mark.parametrize(
    ("path", "data", "number", "noted"),
    [
        (".settings/iso", b"150", errno.EINVAL, "none of its choices"),
        (".settings/iso", b"\xff\xfe", errno.EINVAL, "not text"),
        (".settings/iso", b"x" * 10_000, errno.EINVAL, "more than 8192 bytes"),
        (".status", b"1", errno.EACCES, "can only be read"),
        (".capture", b"1000", errno.EINVAL, "not a number of pictures"),
        (".capture", b"1", errno.ETIMEDOUT, "took no picture"),
        (".format", b"card", errno.EPERM, "allow_format"),
        (".raw", b"1001", errno.EPERM, "option raw"),
        (".control", b"1", errno.EOPNOTSUPP, "control"),
    ],
)
async def test_a_command_that_fails(asking: Asking, path: str, data: bytes, number: int, noted: str) -> None:
    async with asking() as kernel:
        assert await refusal(kernel.write(path, data)) == number
        assert len(kernel.tree.notes) == 1
        assert noted in kernel.tree.last_error


async def test_a_command_about_what_is_not_there_is_noted_all_the_same(asking: Asking) -> None:
    """A name that is not found is no news in a look-up, but somebody has typed this one."""
    async with asking() as kernel:
        kernel.controls.permits = replace(kernel.controls.permits, format=True)
        assert await refusal(kernel.write(".format", b"memory")) == errno.ENOENT
        assert kernel.tree.notes == ["no store 'memory'"]


async def test_what_can_only_be_written_cannot_be_read(asking: Asking) -> None:
    async with asking() as kernel:
        assert await refusal(kernel.read(".refresh")) == errno.EACCES


async def test_write_to_what_takes_no_commands(asking: Asking) -> None:
    async with asking() as kernel:
        kernel.camera.add(kernel.camera.card.inside[0], "T.JPG", b"picture", picture=True)
        for path in (FILE, ".events", ".thumbnails/card/DCIM/T.JPG"):
            handle = (await kernel.open(path)).fh
            assert await refusal(kernel.handlers.write(handle, 0, b"1")) == errno.EBADF
        assert kernel.tree.last_error == ""


async def test_flush_and_fsync_have_nothing_to_do(asking: Asking) -> None:
    async with asking() as kernel:
        handle = (await kernel.open(FILE)).fh
        await kernel.handlers.flush(handle)
        await kernel.handlers.fsync(handle, False)
        await kernel.handlers.fsyncdir(handle, False)


class PollHandle:
    """Stands for pyfuse3.PollHandle."""

    def __init__(self, error: OSError | None = None) -> None:
        self.notified = 0
        self.error = error

    def notify(self) -> None:
        self.notified += 1
        if self.error is not None:
            raise self.error


async def test_poll(asking: Asking) -> None:
    async with asking() as kernel:
        log = kernel.controls.events
        handles, context = kernel.handlers, kernel.context
        inode = await kernel.inode(".events")
        handle = (await kernel.open(".events")).fh
        assert await handles.poll(inode, handle, None, context) == 0
        one: Any = PollHandle()
        gone: Any = PollHandle(OSError(errno.ENOENT, "no such poll"))
        other = (await kernel.open(".events")).fh
        assert await handles.poll(inode, handle, one, context) == 0
        assert await handles.poll(inode, other, gone, context) == 0
        kernel.camera.announce(Happened("shutter"))
        kernel.camera._send.close()
        await kernel.controls.follow()
        assert (one.notified, gone.notified) == (1, 1)
        assert await handles.poll(inode, handle, None, context) == select.POLLIN
        assert (await handles.read(handle, 0, 1000)).endswith(b" shutter\n")
        assert await handles.poll(inode, handle, one, context) == 0
        await handles.release(handle)
        assert len(log.waiters) == 0
        ready = (await kernel.open(FILE)).fh
        assert await handles.poll(await kernel.inode(FILE), ready, one, context) == select.POLLIN | select.POLLOUT


# changes


async def test_unlink(asking: Asking) -> None:
    async with asking(allow_delete=True) as kernel:
        assert bytes(await kernel.read(FILE)) == b"xxx"
        await kernel.handlers.statfs(kernel.context)
        node = kernel.tree.inodes.find(await kernel.inode(FILE))
        assert bytes_held(kernel.tree.blocks) == 3
        await kernel.unlink("card/DCIM", "P3.JPG")
        assert [thing.name for thing in kernel.camera.card.inside[0].inside] == ["P1.JPG", "P2.JPG"]
        assert await kernel.ls("card/DCIM") == ["P1.JPG", "P2.JPG"]
        assert await refusal(kernel.lookup(FILE)) == errno.ENOENT
        assert bytes_held(kernel.tree.blocks) == 0
        assert node.removed
        assert kernel.tree.dropped.entries == []  # the kernel has asked for it: telling it would be a deadlock
        await kernel.handlers.statfs(kernel.context)
        assert kernel.camera.count("usage") == 2


@pytest.mark.parametrize(
    ("folder", "name", "number"),
    [
        ("card/DCIM", "nothing", errno.ENOENT),
        ("card", "DCIM", errno.EPERM),
        ("", ".status", errno.EPERM),
        (".settings", "iso", errno.EPERM),
        (FILE, "name", errno.ENOTDIR),
    ],
)
async def test_unlink_of_what_is_no_file_of_the_camera(asking: Asking, folder: str, name: str, number: int) -> None:
    async with asking(allow_delete=True) as kernel:
        assert await refusal(kernel.unlink(folder, name)) == number
        assert kernel.camera.count("delete") == 0


async def test_deleting_needs_the_option_unless_the_file_lies_on_this_computer(asking: Asking) -> None:
    async with asking() as kernel:
        local = kernel.camera.add(kernel.camera.root, "imagedb")
        shot = kernel.camera.add(local, "SHOT.DNG", b"shot")
        kernel.camera.local = {local, shot}
        assert await refusal(kernel.unlink("card/DCIM", "P1.JPG")) == errno.EPERM
        assert "allow_delete" in kernel.tree.last_error
        assert await refusal(kernel.rmdir("card", "DCIM")) == errno.EPERM
        assert kernel.camera.count("delete") == 0
        await kernel.unlink("imagedb", "SHOT.DNG")
        assert local.inside == []


async def test_a_file_that_the_camera_does_not_delete_stays(asking: Asking) -> None:
    async with asking(allow_delete=True) as kernel:
        kernel.camera.failing["delete"] = errors.AccessDenied("protected", 0x200F)
        assert await refusal(kernel.unlink("card/DCIM", "P1.JPG")) == errno.EACCES
        assert "P1.JPG" in await kernel.ls("card/DCIM")


async def test_rmdir(asking: Asking) -> None:
    async with asking(allow_delete=True) as kernel:
        kernel.camera.add(kernel.camera.card, "EMPTY")
        await kernel.rmdir("card", "EMPTY")
        assert await kernel.ls("card") == ["DCIM"]
        assert await refusal(kernel.rmdir("card", "DCIM")) == errno.ENOTEMPTY
        assert await refusal(kernel.rmdir("card", "nothing")) == errno.ENOENT
        assert await refusal(kernel.rmdir("card/DCIM", "P1.JPG")) == errno.EPERM
        assert await refusal(kernel.rmdir("", "card")) == errno.EPERM
        assert await refusal(kernel.rmdir("", ".settings")) == errno.EPERM
        assert kernel.camera.count("delete") == 1
        assert kernel.tree.dropped.entries == []


async def test_nothing_can_be_made(asking: Asking) -> None:
    async with asking(allow_delete=True) as kernel:
        inode, name, context = await kernel.inode("card/DCIM"), FileNameT(b"new"), kernel.context
        file = await kernel.inode(FILE)
        for answer in (
            kernel.handlers.mkdir(inode, name, ModeT(0o755), context),
            kernel.handlers.mknod(inode, name, ModeT(stat.S_IFREG | 0o644), 0, context),
            kernel.handlers.symlink(inode, name, FileNameT(b"to"), context),
            kernel.handlers.link(file, inode, name, context),
            kernel.handlers.create(inode, name, ModeT(0o644), FlagT(os.O_WRONLY), context),
        ):
            assert await refusal(answer) == errno.EROFS


async def test_a_setting_that_the_camera_does_not_have_cannot_be_written(asking: Asking) -> None:
    """The shell makes a file where there is none, and would say that the file system is read-only."""
    async with asking() as kernel:
        folder = await kernel.inode(".settings")
        answer = kernel.handlers.create(
            folder, FileNameT(b"shutterspeed"), ModeT(0o644), FlagT(os.O_WRONLY), kernel.context
        )
        assert await refusal(answer) == errno.EOPNOTSUPP
        failure = kernel.tree.last_failure
        assert failure is not None
        assert failure.text == "the camera has no 'shutterspeed' in .settings"


@pytest.mark.parametrize("flags", [0, pyfuse3.RENAME_NOREPLACE])
async def test_rename(asking: Asking, flags: int) -> None:
    async with asking() as kernel:
        before = await kernel.inode("card/DCIM")
        await kernel.rename("card", "DCIM", "card", "a%2Fb", flags)
        assert kernel.camera.card.inside[0].name == "a/b"
        assert await kernel.inode("card/a%2Fb") == before
        assert await kernel.ls("card") == ["a%2Fb"]
        assert await refusal(kernel.lookup("card/DCIM")) == errno.ENOENT
        await kernel.tree.apply(FolderChanged(kernel.camera.card.number))
        assert await kernel.inode("card/a%2Fb") == before


@pytest.mark.parametrize(
    ("folder", "name", "to", "new", "flags", "number"),
    [
        ("card", "nothing", "card", "new", 0, errno.ENOENT),
        ("card/DCIM", "P1.JPG", "card", "P1.JPG", 0, errno.EROFS),
        ("card/DCIM", "P1.JPG", "card/DCIM", "P2.JPG", 0, errno.EEXIST),
        ("card/DCIM", "P1.JPG", "card/DCIM", "P2.JPG", pyfuse3.RENAME_EXCHANGE, errno.EINVAL),
        ("", ".status", "", "status", 0, errno.EROFS),
        (".settings", "iso", ".settings", "ISO", 0, errno.EROFS),
        (FILE, "a", FILE, "b", 0, errno.ENOTDIR),
    ],
)
async def test_what_is_not_renamed(
    asking: Asking, folder: str, name: str, to: str, new: str, flags: int, number: int
) -> None:
    async with asking() as kernel:
        assert await refusal(kernel.rename(folder, name, to, new, flags)) == number
        assert kernel.camera.count("rename") == 0


async def test_a_camera_that_renames_nothing(asking: Asking) -> None:
    async with asking() as kernel:
        kernel.camera.failing["rename"] = errors.StoreReadOnly("no")
        assert await refusal(kernel.rename("card", "DCIM", "card", "new")) == errno.EROFS
        assert await kernel.ls("card") == ["DCIM"]


# statfs


async def free_of(kernel: Kernel) -> int:
    """Return the bytes that statfs says are free."""
    answer = await kernel.handlers.statfs(kernel.context)
    return answer.f_bavail * answer.f_frsize


def free(stores: int) -> int:
    """Return the bytes that are free in some stores of the scripted camera."""
    return stores * 16_000_000_000 // 4096 * 4096


async def test_statfs(asking: Asking) -> None:
    async with asking() as kernel:
        answer = await kernel.handlers.statfs(kernel.context)
        assert answer.f_blocks * answer.f_bsize == 64_000_000_000
        assert answer.f_bfree * answer.f_bsize == 16_000_000_000 // 4096 * 4096
        assert (answer.f_files, answer.f_ffree, answer.f_namemax) == (3, 0, 255)


async def test_statfs_is_about_all_stores_of_the_camera(asking: Asking) -> None:
    async with asking() as kernel:
        kernel.camera.add(kernel.camera.root, "memory")
        assert await free_of(kernel) == free(2)
        await kernel.lookup("memory")
        assert await free_of(kernel) == free(2)
        local = kernel.camera.add(kernel.camera.root, "imagedb")
        kernel.camera.local = {local}
        await kernel.tree.apply(FolderChanged(None))
        await kernel.lookup("imagedb")
        assert await free_of(kernel) == free(2)
        assert ("usage", local.number) not in kernel.camera.calls


async def test_statfs_where_everything_lies_on_this_computer(asking: Asking) -> None:
    async with asking() as kernel:
        local = kernel.camera.add(kernel.camera.root, "imagedb")
        kernel.camera.local = {local}
        kernel.camera.remove(kernel.camera.card)
        assert await free_of(kernel) == free(1)


async def test_statfs_asks_the_camera_no_more_than_every_other_second(
    asking: Asking, autojump_clock: MockClock
) -> None:
    async with asking() as kernel:
        for _ in range(5):
            await free_of(kernel)
        assert kernel.camera.count("usage") == 1
        await trio.sleep(USAGE_AGE)
        await free_of(kernel)
        assert kernel.camera.count("usage") == 2
        kernel.camera.failing["usage"] = errors.StoreUnavailable("no card", 0x2013)
        await trio.sleep(USAGE_AGE)
        assert await refusal(kernel.handlers.statfs(kernel.context)) == errno.ENOMEDIUM

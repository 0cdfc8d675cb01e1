"""What programs that watch folders are told: by a caller that asks the handlers as the kernel does for its system calls."""

import errno
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pyfuse3
import pytest
import trio
from pyfuse3 import FileNameT, FlagT, InodeT, ModeT
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.api import EntryGone, FolderChanged, Happened, KeyReused
from camfs.mount import watchers
from camfs.mount.controls import Controls
from camfs.mount.operations import CameraOperations, Ownership, Timeouts
from tests.cameras.rig import nursery
from tests.cameras.scripted import ScriptedCamera, Thing, gone
from tests.mount.rig import WatchedTree, dcim

CALLER, OTHER = 77, 78

DCIM = "card/DCIM"


def context(pid: int) -> Any:
    return SimpleNamespace(pid=pid, uid=0, gid=0, umask=0o022)


class Caller:
    """Makes system calls as the kernel would have them answered, and notes what it would tell a watcher.

    Attributes:
        told: what was told.
        before: is awaited before each call.
    """

    def __init__(self, handlers: CameraOperations) -> None:
        self.handlers = handlers
        self.pid = CALLER
        self.is_dead = False
        self.told: list[str] = []
        self.errors: list[int] = []
        self.before: Any = trio.lowlevel.checkpoint

    async def call(self, letter: bytes, path: bytes) -> int:
        await self.before()
        try:
            await self._call(letter, path)
        except pyfuse3.FUSEError as error:
            self.errors.append(error.errno)
            return error.errno
        return 0

    async def _call(self, letter: bytes, path: bytes) -> None:
        *way, last = path.split(b"/")
        folder = InodeT(1)
        for step in way:
            folder = (await self.handlers.lookup(folder, FileNameT(step), context(self.pid))).st_ino
        name, asking = FileNameT(last), context(self.pid)
        try:
            await self.handlers.lookup(folder, name, asking)
            is_there = True
        except pyfuse3.FUSEError:
            is_there = False
        if letter in b"fd":
            if is_there:
                raise pyfuse3.FUSEError(errno.EEXIST)
            if letter == b"d":
                await self.handlers.mkdir(folder, name, ModeT(0o755), asking)
                self.told.append(f"CREATE {path.decode()}/")
                return
            made = await self.handlers.mknod(folder, name, ModeT(0o100644), 0, asking)
            self.told.append(f"CREATE {path.decode()}")
            opened = await self.handlers.open(made.st_ino, FlagT(os.O_WRONLY), asking)
            await self.handlers.release(opened.fh)
            self.told.append(f"CLOSE_WRITE {path.decode()}")
        else:
            assert is_there
            await (self.handlers.rmdir if letter == b"r" else self.handlers.unlink)(folder, name, asking)
            self.told.append(f"DELETE {path.decode()}" + "/" * (letter == b"r"))


class Watched:
    """A mount whose folder `card/DCIM` is known to the kernel.

    Attributes:
        folder: DCIM, on the camera.
        caller: who is asked to make the system calls.
    """

    def __init__(self, work: trio.Nursery) -> None:
        self.camera = ScriptedCamera()
        self.folder = dcim(self.camera)
        self.tree = WatchedTree(self.camera, work)
        self.controls = Controls(self.tree, "virtual:test")
        self.controls.install()
        self.handlers = CameraOperations(self.tree, Ownership(1, 1), Timeouts(5, 60))
        self.caller = Caller(self.handlers)
        self.tree.watchers.caller = self.caller

    async def inode(self, path: str) -> InodeT:
        """Look a path up, as the kernel does for another program."""
        inode = InodeT(1)
        for step in path.split("/"):
            inode = (await self.handlers.lookup(inode, FileNameT(step.encode()), context(OTHER))).st_ino
        return inode

    async def ls(self, path: str) -> None:
        """List a folder to its end."""
        node = self.tree.inodes.find(await self.inode(path))
        async for _ in await node.listing():  # type: ignore[attr-defined]
            pass

    def add(self, name: str, folder: Thing | None = None) -> Thing:
        """Have the camera announce a new picture."""
        thing = self.camera.add(folder or self.folder, name, name.encode(), mtime_ns=1)
        self.camera.announce(FolderChanged(thing.above.number if thing.above else None))
        self.camera.announce(Happened("added", "", (thing.number,), is_new=True))
        return thing

    async def told(self) -> list[str]:
        """Return what watchers have been told since this was last asked."""
        await trio.sleep(60)
        told, self.caller.told = self.caller.told, []
        return told


@asynccontextmanager
async def watched() -> AsyncIterator[Watched]:
    async with nursery() as work:
        mount = Watched(work)
        await mount.inode(DCIM)
        work.start_soon(mount.controls.follow)
        work.start_soon(mount.tree.watchers.run)
        yield mount
        work.cancel_scope.cancel()


async def test_a_new_picture_is_told(autojump_clock: MockClock) -> None:
    """Whether its folder was listed before or not."""
    async with watched() as mount:
        mount.add("NEW.JPG")
        assert await mount.told() == [f"CREATE {DCIM}/NEW.JPG", f"CLOSE_WRITE {DCIM}/NEW.JPG"]
        await mount.ls(DCIM)
        mount.add("NEXT.JPG")
        assert await mount.told() == [f"CREATE {DCIM}/NEXT.JPG", f"CLOSE_WRITE {DCIM}/NEXT.JPG"]
        assert mount.caller.errors == []


async def test_what_was_there_is_not_told(autojump_clock: MockClock) -> None:
    async with watched() as mount:
        await mount.ls(DCIM)
        mount.camera.announce(FolderChanged(mount.folder.number))
        mount.camera.announce(FolderChanged(None))
        assert await mount.told() == []


async def test_a_change_that_names_no_picture(autojump_clock: MockClock) -> None:
    """What the new listing has and the old one did not is new, and what it lacks is gone."""
    async with watched() as mount:
        await mount.ls(DCIM)
        mount.camera.add(mount.folder, "NEW.JPG", b"1", mtime_ns=1)
        mount.camera.remove(mount.folder.inside[0])
        mount.camera.announce(FolderChanged(mount.folder.number))
        assert sorted(await mount.told()) == [
            f"CLOSE_WRITE {DCIM}/NEW.JPG",
            f"CREATE {DCIM}/NEW.JPG",
            f"DELETE {DCIM}/P1.JPG",
        ]


async def test_who_looks_lets_the_others_know(autojump_clock: MockClock) -> None:
    """On a camera that announces nothing."""
    async with watched() as mount:
        await mount.ls(DCIM)
        mount.camera.add(mount.folder, "NEW.JPG", b"1", mtime_ns=1)
        await trio.sleep(10)
        await mount.ls(DCIM)
        assert await mount.told() == [f"CREATE {DCIM}/NEW.JPG", f"CLOSE_WRITE {DCIM}/NEW.JPG"]


async def test_refresh_lets_watchers_know(autojump_clock: MockClock) -> None:
    async with watched() as mount:
        await mount.ls(DCIM)
        mount.camera.add(mount.folder, "NEW.JPG", b"1", mtime_ns=1)
        await mount.tree.refresh()
        assert await mount.told() == [f"CREATE {DCIM}/NEW.JPG", f"CLOSE_WRITE {DCIM}/NEW.JPG"]


async def test_capture_tells_once_before_it_ends(autojump_clock: MockClock) -> None:
    async with watched() as mount:
        mount.camera.shot(mount.folder, "SHOT.JPG", "SHOT.DNG")
        await mount.controls.write_capture("1")
        assert [line for line in mount.caller.told if line.startswith("CLOSE")] == [
            f"CLOSE_WRITE {DCIM}/SHOT.JPG",
            f"CLOSE_WRITE {DCIM}/SHOT.DNG",
        ]
        mount.caller.told.clear()
        for thing in mount.folder.inside[-2:]:
            mount.camera.announce(Happened("added", "", (thing.number,), is_new=True))
        assert await mount.told() == []


async def test_a_picture_that_goes_is_told(autojump_clock: MockClock) -> None:
    async with watched() as mount:
        await mount.ls(DCIM)
        picture = mount.folder.inside[0]
        held = mount.tree.inodes.find(await mount.inode(f"{DCIM}/P1.JPG"))
        mount.camera.remove(picture)
        mount.camera.announce(gone(picture))
        assert await mount.told() == [f"DELETE {DCIM}/P1.JPG"]
        assert held.lookups == 1, "the kernel was not made to believe that it has removed the node itself"
        assert (
            len([node for node in mount.tree.inodes if node.name == b"P1.JPG"]) == 2
        )  # held by the kernel; the stand-in, until FORGET


async def test_what_was_removed_by_a_program_is_not_told_again(autojump_clock: MockClock) -> None:
    async with watched() as mount:
        await mount.ls(DCIM)
        mount.tree.allow_delete = True
        picture = mount.folder.inside[0]
        await mount.handlers.unlink(await mount.inode(DCIM), FileNameT(b"P1.JPG"), context(OTHER))
        mount.camera.announce(EntryGone(picture.number))
        mount.camera.announce(FolderChanged(mount.folder.number))
        assert await mount.told() == []


async def test_folders_and_stores(autojump_clock: MockClock) -> None:
    async with watched() as mount:
        await mount.ls("card")
        folder = mount.camera.add(mount.camera.card, "101NEW")
        mount.camera.announce(FolderChanged(mount.camera.card.number))
        assert await mount.told() == ["CREATE card/101NEW/"]
        mount.camera.remove(folder)
        mount.camera.announce(gone(folder))
        assert await mount.told() == ["DELETE card/101NEW/"]


async def test_a_card_that_is_taken_out_and_put_in_again(autojump_clock: MockClock) -> None:
    async with watched() as mount:
        async for _ in await mount.tree.root.listing():
            pass
        inode = await mount.inode("card")
        card = mount.camera.card
        mount.camera.remove(card)
        other = mount.camera.add(mount.camera.root, "other")
        mount.camera.announce(FolderChanged(None))
        assert sorted(await mount.told()) == ["CREATE other/", "DELETE card/"]
        mount.camera.root.inside.append(card)
        mount.camera.remove(other)
        mount.camera.announce(FolderChanged(None))
        assert sorted(await mount.told()) == ["CREATE card/", "DELETE other/"]
        assert await mount.inode("card") == inode


async def test_a_name_that_means_another_picture_now(autojump_clock: MockClock) -> None:
    """Watchers are told that the old one is gone before they are told of the new one."""
    async with watched() as mount:
        await mount.ls(DCIM)
        picture = mount.folder.inside[0]
        picture.data, picture.mtime_ns = b"another picture", 99
        mount.camera.announce(KeyReused(picture.number))
        mount.camera.announce(Happened("added", "", (picture.number,), is_new=True))
        new = [f"CREATE {DCIM}/P1.JPG", f"CLOSE_WRITE {DCIM}/P1.JPG"]
        assert await mount.told() == [f"DELETE {DCIM}/P1.JPG", *new]
        await mount.ls(DCIM)
        assert await mount.told() == []


async def test_a_storm(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand pictures are all told, each once; meanwhile the handlers answer, and the caller rests in between."""
    async with watched() as mount:
        for number in range(1000):
            thing = mount.add(f"S{number:04}.JPG")
            mount.camera.announce(FolderChanged(mount.folder.number))
            mount.camera.announce(Happened("added", "", (thing.number,), is_new=True))
        told = await mount.told()
        assert len(told) == len(set(told)) == 2000
        assert mount.caller.errors == []


async def test_pictures_that_come_and_go_meanwhile_are_not_told(autojump_clock: MockClock) -> None:
    async with watched() as mount:
        await mount.ls(DCIM)
        going = trio.Event()
        mount.caller.before = going.wait
        mount.add("FIRST.JPG")
        await trio.sleep(1)
        for _ in range(100):
            thing = mount.add("BRIEF.JPG")
            await trio.sleep(1)
            mount.camera.remove(thing)
            mount.camera.announce(gone(thing))
        await trio.sleep(1)
        going.set()
        assert await mount.told() == [f"CREATE {DCIM}/FIRST.JPG", f"CLOSE_WRITE {DCIM}/FIRST.JPG"]


async def test_the_queue_is_bounded(autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchers, "MOST_WAITING", 10)
    async with watched() as mount:
        going = trio.Event()
        mount.caller.before = going.wait
        for number in range(50):
            mount.add(f"S{number:04}.JPG")
        await trio.sleep(1)
        going.set()
        assert 20 <= len(await mount.told()) <= 24


async def test_folders_that_the_kernel_does_not_know_are_not_told_of(autojump_clock: MockClock) -> None:
    async with watched() as mount:
        folder = mount.camera.add(mount.camera.card, "101")
        mount.add("NEW.JPG", folder)
        told = await mount.told()
        assert [line for line in told if "NEW.JPG" in line] == []


@pytest.mark.parametrize("pid", [OTHER, 0, 1])
async def test_nobody_else_can_make_or_remove_anything(pid: int, autojump_clock: MockClock) -> None:
    """Neither at rest nor while the caller is at work, and not even what it is at."""
    async with watched() as mount:
        await mount.ls(DCIM)
        folder = await mount.inode(DCIM)
        asked: list[int] = []

        async def try_everything() -> None:
            asking = context(pid)
            new, old = FileNameT(b"NEW.JPG"), FileNameT(b"P1.JPG")
            file = await mount.inode(f"{DCIM}/NEW.JPG")
            for request in (
                mount.handlers.mknod(folder, new, ModeT(0o100644), 0, asking),
                mount.handlers.mkdir(folder, new, ModeT(0o755), asking),
                mount.handlers.create(folder, new, ModeT(0o644), FlagT(os.O_WRONLY), asking),
                mount.handlers.open(file, FlagT(os.O_WRONLY), asking),
                mount.handlers.unlink(folder, new, asking),
                mount.handlers.unlink(folder, old, asking),
                mount.handlers.rmdir(folder, new, asking),
            ):
                with pytest.raises(pyfuse3.FUSEError) as caught:
                    await request
                assert caught.value.errno in (errno.EROFS, errno.EPERM)
                asked.append(caught.value.errno)

        mount.caller.before = try_everything
        mount.add("NEW.JPG")
        assert len(await mount.told()) == 2
        assert len(asked) == 7
        await try_everything()


async def test_the_caller_can_do_nothing_but_what_it_was_asked_for(autojump_clock: MockClock) -> None:
    """It may be late: by then the name may be another picture's, which must not be deleted."""
    async with watched() as mount:
        mount.tree.allow_delete = True
        await mount.ls(DCIM)
        folder, asking = await mount.inode(DCIM), context(CALLER)
        name = FileNameT(b"P1.JPG")
        for request in (
            mount.handlers.unlink(folder, name, asking),
            mount.handlers.rmdir(folder, name, asking),
            mount.handlers.mknod(folder, FileNameT(b"X"), ModeT(0o100644), 0, asking),
            mount.handlers.open(await mount.inode(f"{DCIM}/P1.JPG"), FlagT(os.O_WRONLY), asking),
        ):
            with pytest.raises(pyfuse3.FUSEError) as caught:
                await request
            assert caught.value.errno in (errno.EROFS, errno.EPERM)
        assert mount.camera.count("delete") == 0


async def test_the_caller_never_waits_for_the_camera(autojump_clock: MockClock) -> None:
    async with watched() as mount:
        mount.camera.calls.clear()
        for name in (b"NOTHING", b"P1.JPG", b".status"):
            with pytest.raises(pyfuse3.FUSEError) as caught:
                await mount.handlers.lookup(await mount.inode(DCIM), FileNameT(name), context(CALLER))
            assert caught.value.errno == errno.ENOENT
        assert mount.camera.count("list") == 0


async def test_a_dead_caller_costs_nothing_but_the_news(autojump_clock: MockClock) -> None:
    async with watched() as mount:
        mount.caller.is_dead = True
        mount.add("NEW.JPG")
        assert await mount.told() == []
        assert (await mount.handlers.getattr(await mount.inode(f"{DCIM}/NEW.JPG"), context(OTHER))).st_size == 7


async def test_a_name_that_somebody_has_looked_up_meanwhile(autojump_clock: MockClock) -> None:
    """The kernel then says that it exists, without asking: it is made to forget it, and the call is made again."""
    async with watched() as mount:
        answers = [errno.EEXIST]
        call = mount.caller.call

        async def first_fails(letter: bytes, path: bytes) -> int:
            return answers.pop() if answers else await call(letter, path)

        mount.caller.call = first_fails  # type: ignore[method-assign]
        await mount.ls(DCIM)
        mount.add("NEW.JPG")
        assert await mount.told() == [f"CREATE {DCIM}/NEW.JPG", f"CLOSE_WRITE {DCIM}/NEW.JPG"]


async def test_a_folder_that_cannot_be_listed_now(autojump_clock: MockClock) -> None:
    """The news is lost, and nothing else; `.status` does not complain of what nobody has asked for."""
    async with watched() as mount:
        await mount.ls(DCIM)
        mount.camera.failing["list"] = errors.TransferTimeout("no answer")
        mount.camera.announce(FolderChanged(mount.folder.number))
        assert await mount.told() == []
        assert mount.tree.last_error == ""
        del mount.camera.failing["list"]
        mount.add("NEW.JPG")
        assert len(await mount.told()) == 2


async def test_without_a_caller_nothing_is_listed_for_the_news(autojump_clock: MockClock) -> None:
    async with watched() as mount:
        mount.tree.watchers.caller = None
        await mount.ls(DCIM)
        mount.camera.calls.clear()
        mount.camera.announce(FolderChanged(mount.folder.number))
        await trio.sleep(60)
        assert mount.camera.calls == []

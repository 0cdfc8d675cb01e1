"""The handlers against a model: hypothesis calls them as the kernel does, in any order, while the camera changes, and shrinks what fails.

The model has two halves. *The camera* (`changing_camera`) says what is true. *The kernel* remembers what it was told, as a real one does,
and drops it when it is told to:

* how often each inode was named (`held`), which FORGET lowers: the node's lookup count is this number, and a node that has left its folder
  goes when it is 0;
* names in folders, and the pages of files, which it uses until their time is over.

What holds after every step:

1. A number means one thing for ever, and a thing keeps its number for as long as the camera says the same of it.
2. A name that the kernel still remembers is true, and so are its pages, if the camera has announced what changed.
3. A read returns the bytes of the file that was opened, or an error; a listing names all that is there, each once.
4. An error is one that `camfs/mount/README.md` promises: ENOENT and ESTALE for what is gone, ENODEV while the camera is, EIO where the
   session or the card was lost in the middle.
"""

import errno
import itertools
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, TypeVar

import pyfuse3
import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as with_seed
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from pyfuse3 import EntryAttributes, FileHandleT, FileInfo, FileNameT, FlagT, FUSEError, InodeT

from camfs import errors
from camfs.cameras.api import Change, FolderChanged, Gone, Key
from camfs.mount import blocks
from camfs.mount.blocks import BlockCache
from camfs.mount.file import File
from camfs.mount.folder import Folder
from camfs.mount.kernel import Kernel
from camfs.mount.names import unescape
from camfs.mount.nodes import Node
from camfs.mount.operations import CameraOperations, Ownership, Timeouts
from camfs.mount.tree import Tree
from tests.cameras.scripted import Thing
from tests.torture.changing_camera import DOUBTS, ChangingCamera
from tests.torture.outcome import Counts, DidNotHold

T = TypeVar("T")

ROOT = InodeT(1)

NEW_NAMES = (b"A", b"B", b"new", b"C%2541", b"C%41", b"a%2Fb", b"nowhere")
"""Names that programs look up, and give."""

BLOCK = 16
"""Bytes of a block of the cache here, so that small files have several."""

GONE = {errno.ENOENT, errno.ESTALE}
"""What is answered about something that is gone."""

chosen = st.integers(0, 1 << 20)
"""Chooses one of however many there are."""

kinds = st.sampled_from(
    [
        "add",
        "add",
        "add folder",
        "remove",
        "remove quietly",
        "change bytes",
        "rename",
        "reuse handle",
        "swap card",
        "card out",
    ]
    + ["card in", "card in", "new session", "shuffle"]
)
"""What can happen to the camera."""

meanwhile = st.none() | st.tuples(kinds, chosen, st.integers(0, 5))
"""What happens in the middle of a request, and before which of the calls that it makes of the camera."""

Meanwhile = tuple[str, int, int] | None


class RememberingKernel(Kernel):
    """Remembers what it is told, and notes what it is to drop where the real one would be asked to.

    Attributes:
        held: how often each inode was named and not forgotten.
        names: the inode of each name in a folder, and until when that is good.
        pages: the bytes of files.
        to_drop: names in folders that are to be dropped, and inodes whose pages are.
    """

    def __init__(self) -> None:
        super().__init__()
        self.held: Counter[int] = Counter()
        self.names: dict[tuple[int, bytes], tuple[int, float]] = {}
        self.pages: dict[int, bytes] = {}
        self.to_drop: list[tuple[int, bytes | None]] = []

    def invalidate_entry(self, folder: Node, name: bytes) -> None:
        if folder.lookups > 0 or folder.parent is folder:
            self.to_drop.append((folder.inode, name))

    def invalidate_inode(self, node: Node) -> None:
        if node.lookups > 0:
            self.to_drop.append((node.inode, None))

    async def store(self, node: Node, offset: int, data: memoryview) -> None:
        await trio.lowlevel.checkpoint()

    def is_to_drop(self, inode: int) -> bool:
        """Say whether the pages of an inode are to be dropped."""
        return (inode, None) in self.to_drop

    def drop(self) -> None:
        """Drop it. The real kernel does so when the reply has come that holds the folder's lock, or the pages."""
        for inode, name in self.to_drop:
            if name is None:
                self.pages.pop(inode, None)
            else:
                self._drop_name(inode, name)
        self.to_drop.clear()

    def _drop_name(self, folder: int, name: bytes) -> None:
        found = self.names.pop((folder, name), None)
        if found is not None:
            for below in [each for each in self.names if each[0] == found[0]]:
                self._drop_name(*below)


@dataclass
class OpenFile:
    """A handle of a file, and which file that is; `direct` if the kernel passes on what the program asks for."""

    inode: int
    thing: Thing
    direct: bool


@dataclass
class OpenFolder:
    """A handle of a folder, the place that its reading has got to, and whether keys were in doubt since it began."""

    inode: int
    place: int = 0
    doubted: bool = False


@dataclass
class Refusal:
    """The errno that a request was refused with."""

    number: int


class Handlers(RuleBasedStateMachine):
    """The handlers of one mount, and the model."""

    counted: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.clock = trio.testing.MockClock(autojump_threshold=0)
        self.body = ChangingCamera()
        self.kernel = RememberingKernel()
        nobody: Any = None  # runs the fetches of the cache until there is a request
        self.tree = Tree(self.body, self.kernel, BlockCache(nobody, 6 * BLOCK), poll=5, allow_delete=True)
        self.handlers = CameraOperations(self.tree, Ownership(1000, 100), Timeouts(5, 60))
        self.context: Any = SimpleNamespace(pid=1, uid=0, gid=0, umask=0o022)
        self.means: dict[int, Thing] = {ROOT: self.body.root}
        self.inode_of: dict[Thing, int] = {}
        self.files: dict[FileHandleT, OpenFile] = {}
        self.folders: dict[FileHandleT, OpenFolder] = {}
        self.listed: list[tuple[bytes, EntryAttributes, int]] = []
        self.room = 0
        setattr(pyfuse3, "readdir_reply", self._reply)  # noqa: B010  (mypy knows it as a function with other names)
        type(self).counted["machines"] += 1

    # ------------------------------------------------------------------ requests

    def _reply(self, _token: object, name: bytes, attributes: EntryAttributes, after: int) -> bool:
        """Stand for pyfuse3.readdir_reply."""
        if len(self.listed) >= self.room:
            return False
        self.listed.append((name, attributes, after))
        return True

    def ask(self, request: Callable[[], Awaitable[T]], happens: Meanwhile = None) -> T | Refusal:
        """Make a request, in the middle of which something may happen at the camera."""
        type(self).counted["requests"] += 1
        return trio.run(self._ask, request, happens, clock=self.clock)

    async def _ask(self, request: Callable[[], Awaitable[T]], happens: Meanwhile) -> T | Refusal:
        with trio.fail_after(3600):
            async with trio.open_nursery() as work:
                self.tree.blocks._nursery = work
                self.body.before = self._before(work, happens)
                try:
                    return await request()
                except FUSEError as error:
                    return Refusal(error.errno)

    def _before(self, work: trio.Nursery, happens: Meanwhile) -> Callable[[str, Key | None], Awaitable[None]]:
        calls = itertools.count()

        async def before(_call: str, _key: Key | None) -> None:
            if happens is not None and next(calls) == happens[2]:
                self.body.doubted = True
                work.start_soon(self._follow, self.change(happens[0], happens[1]))
            await trio.lowlevel.checkpoint()

        return before

    async def _follow(self, changes: list[Change]) -> None:
        """Do what `Controls.follow` does."""
        for change in changes:
            try:
                await self.tree.apply(change)
            except errors.CameraError as error:
                self.tree.note_error(f"after an event: {error}")

    def change(self, kind: str, which: int) -> list[Change]:
        """Change something at the camera; return what is announced."""
        type(self).counted["changes"] += 1
        changes = self.body.change(kind, which)
        if kind in DOUBTS:
            for opened in self.folders.values():
                opened.doubted = True
        return changes

    def now(self) -> float:
        return self.clock.current_time()

    # ------------------------------------------------------------------ what is believed of the answers

    def named(self, folder: int, name: bytes, found: EntryAttributes) -> None:
        """Note a reply that names an inode."""
        thing = self.body.meant_by(found.st_size, found.st_mtime_ns)
        assert self.means.setdefault(found.st_ino, thing) is thing, f"inode {found.st_ino} means another thing now"
        inode = self.inode_of.setdefault(thing, found.st_ino)
        if inode != found.st_ino:
            assert thing in self.body.restless | self.body.quietly, f"{thing.name}: inode {inode} became {found.st_ino}"
            self.inode_of[thing] = found.st_ino
        self.kernel.held[found.st_ino] += 1
        self.kernel.names[folder, name] = found.st_ino, self.now() + found.entry_timeout

    def is_there(self, inode: int) -> bool:
        """Say whether an inode means what is in the camera and can be told from everything else."""
        thing = self.means[inode]
        return self.body.has(thing) and thing not in self.body.restless

    def excuse(self, answer: Refusal, happens: Meanwhile, *inodes: int) -> None:
        """See that a request about these inodes could not but fail, and in this way."""
        if self.body.gone:
            assert answer.number == errno.ENODEV, errno.errorcode[answer.number]
            return
        allowed = set() if all(self.is_there(inode) for inode in inodes) and happens is None else GONE
        if happens is not None:
            allowed = allowed | {errno.EIO}
        assert answer.number in allowed, f"{errno.errorcode[answer.number]}: {self.tree.last_error}"

    def held(self, *, folder: bool, which: int) -> InodeT | None:
        """Choose an inode that the kernel holds."""
        found = [inode for inode in self.kernel.held if (self.means[inode].data is None) is folder]
        found += [ROOT] if folder else []
        return InodeT(found[which % len(found)]) if found else None

    def pages_of(self, inode: int) -> list[bytes]:
        return self.body.versions[self.means[inode]]

    # ------------------------------------------------------------------ rules: names

    @rule(where=chosen, which=chosen, happens=meanwhile)
    def look_up(self, where: int, which: int, happens: Meanwhile) -> None:
        folder = self.held(folder=True, which=where)
        assert folder is not None
        node = self.tree.inodes.find(folder)
        names = [*NEW_NAMES, *(node.children if isinstance(node, Folder) else ())]
        name = FileNameT(names[which % len(names)])
        known, until = self.kernel.names.get((folder, name), (0, 0.0))
        expected = happens is None and until > self.now() and self.is_there(known) and not self.body.gone
        found = self.ask(lambda: self.handlers.lookup(folder, name, self.context), happens)
        if isinstance(found, Refusal):
            assert not expected, f"{name!r} is not found any more"
            if found.number != errno.ENOENT:
                self.excuse(found, happens, folder)
        else:
            assert not expected or known == found.st_ino
            self.named(folder, name, found)
        self.kernel.drop()

    @rule(where=chosen, room=st.sampled_from([1, 3, 1000]), happens=meanwhile)
    def read_at_once(self, where: int, room: int, happens: Meanwhile) -> None:
        """Read a whole folder."""
        folder = self.held(folder=True, which=where)
        assert folder is not None
        handle = self.ask(lambda: self.handlers.opendir(folder, self.context))
        assert not isinstance(handle, Refusal)
        opened = self.folders[handle] = OpenFolder(folder)
        names: list[bytes] = []
        failed = was_changed = False
        while not failed:
            some, failed = self.list_on(handle, room, happens)
            was_changed, happens = was_changed or happens is not None, None
            names += some
            if not some:
                break
        self.ask(lambda: self.handlers.releasedir(handle))
        del self.folders[handle]
        if not failed and not was_changed and not opened.doubted and self.is_there(folder):
            assert len({*names}) == len(names), f"names come twice: {names}"

    def list_on(self, handle: FileHandleT, room: int, happens: Meanwhile) -> tuple[list[bytes], bool]:
        """Read on; return the names that came, and whether that failed."""
        opened = self.folders[handle]
        self.listed, self.room = [], room
        token: Any = None
        answer = self.ask(lambda: self.handlers.readdir(handle, opened.place, token), happens)
        if isinstance(answer, Refusal):
            if not (opened.doubted and answer.number == errno.EIO):
                self.excuse(answer, happens, opened.inode)
            self.kernel.drop()
            return [], True
        for name, attributes, after in self.listed:
            self.named(opened.inode, name, attributes)
            opened.place = after
        self.kernel.drop()
        return [name for name, _, _ in self.listed], False

    @rule(where=chosen)
    def list_all(self, where: int) -> None:
        """A folder that is read anew shows all that is in it, once."""
        folder = self.held(folder=True, which=where)
        assert folder is not None
        if not self.is_there(folder) or self.body.gone:
            return
        handle = self.ask(lambda: self.handlers.opendir(folder, self.context))
        assert not isinstance(handle, Refusal)
        self.folders[handle] = OpenFolder(folder)
        names, failed = self.list_on(handle, 1000, None)
        there = [self.means[attributes.st_ino] for _, attributes, _ in self.listed]
        assert not failed, self.tree.last_error
        assert len({*names}) == len(names), f"names come twice: {names}"
        assert Counter(there) == Counter(self.means[folder].inside), f"{names} are not all"
        self.ask(lambda: self.handlers.releasedir(handle))
        del self.folders[handle]

    @rule(where=chosen)
    def open_folder(self, where: int) -> None:
        folder = self.held(folder=True, which=where)
        assert folder is not None
        handle = self.ask(lambda: self.handlers.opendir(folder, self.context))
        assert not isinstance(handle, Refusal)
        self.folders[handle] = OpenFolder(folder)

    @rule(which=chosen, room=st.integers(1, 3), happens=meanwhile)
    def read_folder(self, which: int, room: int, happens: Meanwhile) -> None:
        """Read on in a folder that was opened some time ago."""
        if self.folders:
            self.list_on(list(self.folders)[which % len(self.folders)], room, happens)

    @rule(which=chosen)
    def close_folder(self, which: int) -> None:
        if self.folders:
            handle = list(self.folders)[which % len(self.folders)]
            self.ask(lambda: self.handlers.releasedir(handle))
            del self.folders[handle]

    @rule(which=chosen, part=st.integers(1, 3))
    def forget(self, which: int, part: int) -> None:
        """Forget what nothing below and no handle holds."""
        kernel = self.kernel
        used = {opened.inode for opened in self.files.values()} | {opened.inode for opened in self.folders.values()}
        used |= {
            self.inode_of[thing.above]
            for thing in map(self.means.__getitem__, kernel.held)
            if thing.above in self.inode_of
        }
        free = [inode for inode in kernel.held if inode not in used]
        if not free:
            return
        inode = free[which % len(free)]
        count = min(part, kernel.held[inode]) if part < 3 else kernel.held[inode]
        self.ask(lambda: self.handlers.forget([(InodeT(inode), count)]))
        kernel.held[inode] -= count
        if not kernel.held[inode]:
            del kernel.held[inode]
            kernel.pages.pop(inode, None)
            kernel.names = {name: known for name, known in kernel.names.items() if known[0] != inode}

    @rule(which=chosen, happens=meanwhile)
    def show(self, which: int, happens: Meanwhile) -> None:
        inode = self.held(folder=bool(which & 1), which=which >> 1)
        if inode is None:
            return
        found = self.ask(lambda: self.handlers.getattr(inode, self.context), happens)
        if isinstance(found, Refusal):
            self.excuse(found, happens, inode)
        elif inode != ROOT:
            assert self.body.meant_by(found.st_size, found.st_mtime_ns) is self.means[inode]
        self.kernel.drop()

    # ------------------------------------------------------------------ rules: files

    @rule(which=chosen, writing=st.sampled_from([False, False, False, True]), happens=meanwhile)
    def open_file(self, which: int, writing: bool, happens: Meanwhile) -> None:
        inode = self.held(folder=False, which=which)
        if inode is None:
            return
        flags = FlagT(os.O_WRONLY if writing else os.O_RDONLY)
        opened = self.ask(lambda: self.handlers.open(inode, flags, self.context), happens)
        if isinstance(opened, FileInfo):
            assert not writing
            if not opened.keep_cache:
                self.kernel.pages.pop(inode, None)
            self.files[opened.fh] = OpenFile(inode, self.means[inode], opened.direct_io)
        else:
            assert isinstance(opened, Refusal)
            if not (writing and opened.number == errno.EROFS):
                self.excuse(opened, happens, inode)
        self.kernel.drop()

    @rule(which=chosen, offset=st.integers(0, 50), size=st.integers(1, 100), happens=meanwhile)
    def read(self, which: int, offset: int, size: int, happens: Meanwhile) -> None:
        if not self.files:
            return
        handle = list(self.files)[which % len(self.files)]
        opened = self.files[handle]
        before = opened.thing.data
        data = self.ask(lambda: self.handlers.read(handle, offset, size), happens)
        if isinstance(data, Refusal):
            self.excuse(data, happens, opened.inode)
        else:
            right = [version[offset : offset + size] for version in self.body.versions[opened.thing]]
            assert bytes(data) in (right if happens is not None else right[-1:]), "wrong bytes"
            if happens is None:
                assert self.body.has(opened.thing) or before == opened.thing.data
            if offset == 0 and not opened.direct and bytes(data) == opened.thing.data:
                self.kernel.pages[opened.inode] = bytes(data)
        self.kernel.drop()

    @rule(which=chosen)
    def release(self, which: int) -> None:
        if self.files:
            handle = list(self.files)[which % len(self.files)]
            self.ask(lambda: self.handlers.release(handle))
            del self.files[handle]

    # ------------------------------------------------------------------ rules: changes by programs

    @rule(which=chosen, as_folder=st.booleans(), happens=meanwhile)
    def remove(self, which: int, as_folder: bool, happens: Meanwhile) -> None:
        """Unlink or rmdir something by a name that the kernel knows."""
        if not self.kernel.names:
            return
        (folder, name), (inode, _) = list(self.kernel.names.items())[which % len(self.kernel.names)]
        thing, was_there = self.means[inode], self.is_there(inode)
        handler = self.handlers.rmdir if as_folder else self.handlers.unlink
        answer = self.ask(lambda: handler(InodeT(folder), FileNameT(name), self.context), happens)
        if not isinstance(answer, Refusal):
            del self.kernel.names[folder, name]
            if happens is None:
                assert not self.body.has(thing), "it is still there"
                assert thing.above is not self.body.root
        elif answer.number == errno.ENOTEMPTY:
            assert as_folder
            assert thing.inside or happens is not None or not was_there
        elif answer.number == errno.EPERM:
            assert (
                thing.above is self.body.root
                or (thing.data is None) is not as_folder
                or happens is not None
                or not was_there
            )
        else:
            self.excuse(answer, happens, folder, inode)
        self.kernel.drop()

    @rule(which=chosen, to=st.sampled_from(NEW_NAMES), flags=st.sampled_from([0, 0, 1, 2]), happens=meanwhile)
    def rename(self, which: int, to: bytes, flags: int, happens: Meanwhile) -> None:
        if not self.kernel.names:
            return
        (folder, name), (inode, until) = list(self.kernel.names.items())[which % len(self.kernel.names)]
        thing, was_there = self.means[inode], self.is_there(inode)
        answer = self.ask(
            lambda: self.handlers.rename(
                InodeT(folder), FileNameT(name), InodeT(folder), FileNameT(to), FlagT(flags), self.context
            ),
            happens,
        )
        if not isinstance(answer, Refusal):
            assert flags != 2
            del self.kernel.names[folder, name]
            self.kernel.names[folder, to] = inode, until
            if happens is None and was_there:
                assert thing.name == unescape(to.decode())
        elif answer.number == errno.EINVAL:
            assert flags == 2
        elif answer.number not in (errno.EEXIST, errno.EROFS):
            self.excuse(answer, happens, folder, inode)
        self.kernel.drop()

    # ------------------------------------------------------------------ rules: the camera

    @rule(kind=kinds, which=chosen)
    def happen(self, kind: str, which: int) -> None:
        """Something changes while no request is under way."""
        if self.body.gone:
            return

        async def follow() -> None:
            await self._follow(self.change(kind, which))

        self.ask(follow)
        self.kernel.drop()

    @rule()
    def leave(self) -> None:
        """The camera is unplugged."""
        self.body.gone = True

        async def follow() -> None:
            await self._follow([Gone()])

        self.ask(follow)
        self.kernel.drop()

    @rule(which=chosen)
    def come_back(self, which: int) -> None:
        """It is plugged in again."""
        if not self.body.gone:
            return
        self.body.gone = False
        self.change("new session", which)

        async def follow() -> None:
            await self._follow([FolderChanged(None)])

        self.ask(follow)
        self.kernel.drop()

    @rule()
    def refresh(self) -> None:
        if not self.body.gone:
            self.body.doubted = True  # files are found again by what they are like
            self.ask(self.tree.refresh)
        self.kernel.drop()

    @rule(seconds=st.sampled_from([0.3, 1, 5, 30, 61]))
    def wait(self, seconds: float) -> None:
        self.clock.jump(seconds)

    # ------------------------------------------------------------------ what always holds

    @invariant()
    def lookups_are_counted(self) -> None:
        for node in self.tree.inodes:
            assert node.lookups == self.kernel.held.get(node.inode, 0), f"{node.path()}: {node.lookups} lookups"
            assert not node.removed or node.lookups, f"{node.path()} has left, nobody holds it, and it is kept"
        for inode in self.kernel.held:
            self.tree.inodes.find(inode)

    @invariant()
    def nodes_are_where_they_say(self) -> None:
        for node in self.tree.inodes:
            if isinstance(node, Folder) and not node.removed:
                for name, child in node.children.items():
                    assert child.name == name
                    assert child.parent is node
                    assert not child.removed
            if isinstance(node, File):
                handles = sum(opened.inode == node.inode for opened in self.files.values())
                assert node.open_handles == handles

    @invariant()
    def what_the_kernel_remembers_is_true(self) -> None:
        if self.body.gone:
            return
        excused = self.body.quietly | self.body.restless
        for (folder, name), (inode, until) in self.kernel.names.items():
            thing, above = self.means[inode], self.means[folder]
            if until > self.now() and thing not in excused and above not in excused:
                assert self.body.has(thing), f"{name!r} is gone, and the kernel still has its name"
                assert thing.above is above
        for inode, data in self.kernel.pages.items():
            thing = self.means[inode]
            assert not self.body.has(thing) or thing in self.body.quietly or data == thing.data, "old pages"


@contextmanager
def small_blocks() -> Iterator[None]:
    """Have the cache use small blocks, and read ahead early."""
    reply = pyfuse3.readdir_reply
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK", BLOCK)
        patch.setattr(blocks, "SEQUENTIAL", 2 * BLOCK)
        patch.setattr(blocks, "SLACK", 2 * BLOCK)
        try:
            yield
        finally:
            pyfuse3.readdir_reply = reply


def torture(until: float, seed: int, folder: Path) -> Counts:
    """Run machines with ever other random choices until the time is over."""
    Handlers.counted.clear()
    with small_blocks():
        for round_number in itertools.count():
            bounds = settings(
                max_examples=100,
                stateful_step_count=50,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
                phases=[Phase.generate, Phase.shrink],
                print_blob=False,
                report_multiple_bugs=False,
            )
            try:
                run_state_machine_as_test(with_seed(seed + round_number)(Handlers), settings=bounds)
            except Exception as error:
                raise DidNotHold(f"seed {seed}, round {round_number}: {error}") from error
            if time.monotonic() >= until:
                break
    return Counts({**Handlers.counted, "wrong": 0})

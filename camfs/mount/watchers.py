"""What programs that watch folders (inotify) have to be told: pictures and folders that have appeared or are gone.

The kernel tells a watcher only of system calls, and of nothing that a file system announces to it. So another process (`caller.py`) makes
those system calls, and the handlers answer it, and it alone, as if it had made the file or removed it::

    an event, a capture ──► Tree ──► note_appeared, note_gone ──► queue ──► run ──► Caller.call ──► mknod(2), open(2), close(2)
                              └────► note_changed ──► look (lists the folder) ──┘                       │
                                                                                                        ▼
    the watcher ◄── CREATE, OPEN, CLOSE_WRITE ── the kernel ◄── answers ── operations.lookup, mknod, open (`Watchers.find`, `make` …)

* What is asked for at the moment is `_telling`. Everything else that the caller asks is answered from memory, so it never waits for the
  camera, or refused; whoever is not the caller finds a file system in which nothing can be made.
* To make a name that the kernel knows, it has to be forgotten first. To remove one, the caller is shown a stand-in: the node itself may
  still be open, or come back, and must not become what the kernel takes for removed.
* The queue holds names, each once, with what watchers have been told of it; what to tell is decided when its turn comes. So a picture that
  comes and goes meanwhile is not told, and a storm of events about one name costs what one costs.
* Only folders that the kernel knows can be watched, and only those are told of. A folder that the camera says has changed is listed again
  at once if it was listed before: what its new listing has and the last did not is told. A folder that was never listed is told of what an
  event or a capture names.
* While the caller is in the mount, `fusermount3 -u` answers that the mount is in use. So it rests after each `BURST`, and news that nobody
  waits for is told a moment later (`GATHERING`): who lists a folder and unmounts at once is not held up.
"""

import errno
import logging
import stat
from typing import TYPE_CHECKING

import trio

from camfs import errors
from camfs.mount.caller import Caller
from camfs.mount.errnos import BadRequest
from camfs.mount.file import File
from camfs.mount.folder import Folder
from camfs.mount.handles import Handle
from camfs.mount.nodes import Attributes, Directory, Node

if TYPE_CHECKING:
    from camfs.mount.tree import Tree

log = logging.getLogger(__name__)

MOST_WAITING = 10_000
"""Names that wait to be told at most. The kernel keeps 16,384 events for a watcher, and then tells it only that there were more."""

ATTEMPTS = 3
"""How often a call is made that fails because a program has looked the name up meanwhile."""

GATHERING = 0.2
"""Seconds for which news is gathered before the first of it is told, unless somebody waits for that."""

BURST = 32
"""Calls after which the caller rests."""

REST = 0.05
"""Seconds that it rests."""


class StandIn(Node):
    """What the caller removes in place of a node that is gone."""

    def __init__(self, tree: "Tree", parent: Node, name: bytes, kind: int) -> None:
        super().__init__(tree, parent, name)
        self.removed = True
        self._kind = kind

    async def attributes(self, exact: bool = True) -> Attributes:
        return Attributes(self._kind, 0o600, lasting=False)

    async def open(self, writing: bool) -> Handle:
        raise BadRequest(errno.ESTALE)


class ToldHandle(Handle):
    """A file that the caller opens for writing so that CLOSE_WRITE is told; it reads and writes nothing."""

    keep_cache = True
    direct_io = False


class Telling:
    """What the caller does at the moment.

    Attributes:
        folder, name: where.
        node: what appears; the stand-in of what is gone.
        appears: which of the two.
        is_done: whether the call has been answered.
    """

    def __init__(self, folder: Folder, name: bytes, node: Node, appears: bool) -> None:
        self.folder = folder
        self.name = name
        self.node = node
        self.appears = appears
        self.is_done = False


class Watchers:
    """Tells watchers; does nothing without a caller.

    Args:
        tree: what they watch.

    Attributes:
        caller: makes the system calls; None if there is nobody to.
    """

    def __init__(self, tree: "Tree") -> None:
        self.caller: Caller | None = None
        self._tree = tree
        self._names: dict[tuple[Folder, bytes], File | Folder | None] = {}
        self._folders: dict[Folder, None] = {}
        self._telling: Telling | None = None
        self._news = trio.Event()
        self._urgent = trio.Event()
        self._idle = trio.Event()
        self._idle.set()

    # ------------------------------------------------------------------ what there is to tell

    def follows(self, folder: Folder) -> bool:
        """Say whether somebody may watch a folder."""
        if self.caller is None or self.caller.is_dead or folder.removed:
            return False
        return folder.lookups > 0 or folder is self._tree.root

    def note_appeared(self, node: File | Folder, before: File | Folder | None = None) -> None:
        """Have watchers told of a new file or folder, once.

        Args:
            node: what is new.
            before: what had its name, of which they know.
        """
        if not node.is_told:
            self._note(node, before)

    def note_gone(self, node: File | Folder) -> None:
        """Have watchers told that a file or folder is gone, unless they have been told of another of its name since."""
        now = node.parent.children.get(node.name) if isinstance(node.parent, Folder) else None
        if now is None or now.is_told is None:
            self._note(node, node)

    def note_back(self, node: File | Folder) -> None:
        """Note that a node is in its folder again; if watchers should have been told of it meanwhile, they still have to be."""
        if node.is_told is False:
            self._note(node, None)

    def _note(self, node: File | Folder, before: File | Folder | None) -> None:
        folder: Node = node.parent
        if isinstance(folder, Folder) and self.follows(folder):
            if before is not node:
                node.is_told = False
            if len(self._names) < MOST_WAITING:
                self._names.setdefault((folder, node.name), before)
                self._wake()
            elif len(self._names) == MOST_WAITING:
                log.warning("more than %d new pictures wait to be told to programs that watch folders", MOST_WAITING)

    def note_changed(self, folder: Folder) -> None:
        """List a folder again, so that what is new in it is told, if it was listed before in this session."""
        if self.follows(folder) and folder.was_listed and (folder.knows_keys() or folder.is_local):
            self._folders[folder] = None
            self._wake()

    def note_refreshed(self, folder: Folder) -> None:
        """List a folder again as the user wishes everything to be, if it was listed before."""
        if self.follows(folder) and folder.was_listed:
            self._folders[folder] = None
            self._wake()

    def _wake(self) -> None:
        if self._idle.is_set():
            self._idle, self._urgent = trio.Event(), trio.Event()
        self._news.set()

    # ------------------------------------------------------------------ telling

    async def run(self) -> None:
        """Tell watchers for as long as the mount lives."""
        calls = 0
        while True:
            if self._folders:
                await self._look(self._pop_folder())
            elif self._names:
                (folder, name), before = next(iter(self._names.items()))
                del self._names[folder, name]
                calls += await self._tell(folder, name, before)
                if calls >= BURST:
                    calls = 0
                    await trio.sleep(REST)
            else:
                calls = 0
                self._idle.set()
                self._news = trio.Event()
                await self._news.wait()
                with trio.move_on_after(GATHERING):
                    await self._urgent.wait()

    async def told(self) -> None:
        """Wait until all that was noted so far has been told, without delay."""
        self._urgent.set()
        await self._idle.wait()

    def _pop_folder(self) -> Folder:
        folder = next(iter(self._folders))
        del self._folders[folder]
        return folder

    async def _look(self, folder: Folder) -> None:
        try:
            with self._tree.budget.limit():
                await folder.describe_new()
        except errors.CameraError as error:
            log.info("%s: what is new in it: %s", folder.path() or "/", error)

    async def _tell(self, folder: Folder, name: bytes, before: File | Folder | None) -> int:
        """Tell what has become of a name; return how many calls that took."""
        node = folder.children.get(name)
        if not self.follows(folder) or node is before:
            return 0
        if before is not None:
            stand_in = StandIn(self._tree, folder, name, self._kind(before))
            await self._call(Telling(folder, name, stand_in, appears=False), before)
            self._tree.inodes.drop_if_unused(stand_in)
        if node is not None:
            node.is_told = True
            await self._call(Telling(folder, name, node, appears=True), node)
        return (before is not None) + (node is not None)

    async def _call(self, telling: Telling, node: File | Folder) -> None:
        letter = {(True, False): b"f", (True, True): b"d", (False, False): b"u", (False, True): b"r"}
        which = letter[telling.appears, isinstance(node, Folder)]
        path = b"/".join(filter(None, (_path(telling.folder), telling.name)))
        assert self.caller is not None
        for _ in range(ATTEMPTS):
            if node.lookups > 0 or not telling.appears:
                self._tree.kernel.invalidate_entry(telling.folder, telling.name)
                await self._tree.kernel.flush()
            self._telling = telling
            try:
                number = await self.caller.call(which, path)
            finally:
                self._telling = None
            if number != errno.EEXIST or telling.is_done:
                break
        if number:
            log.info("telling watchers of %s: %s", telling.name, errno.errorcode.get(number, number))

    def _kind(self, node: Node) -> int:
        return stat.S_IFDIR if isinstance(node, Folder) else stat.S_IFREG

    # ------------------------------------------------------------------ what the handlers answer the caller

    def is_caller(self, pid: int) -> bool:
        """Say whether a request of the kernel is the caller's."""
        return self.caller is not None and pid == self.caller.pid != 0

    def find(self, folder: Directory, name: bytes) -> Node | None:
        """Look a name up for the caller, without asking the camera: what it is about to make is not there yet."""
        telling = self._telling
        if telling is not None and folder is telling.folder and name == telling.name:
            return None if telling.appears and not telling.is_done else telling.node
        return folder.children.get(name) if isinstance(folder, Folder) else None

    def make(self, folder: Node, name: bytes) -> Node | None:
        """Return the node that the caller may now make; None if it may not."""
        return self._finish(folder, name, appears=True)

    def remove(self, folder: Node, name: bytes) -> bool:
        """Say whether the caller may now remove this."""
        return self._finish(folder, name, appears=False) is not None

    def _finish(self, folder: Node, name: bytes, appears: bool) -> Node | None:
        telling = self._telling
        if telling is None or folder is not telling.folder or name != telling.name or telling.appears is not appears:
            return None
        telling.is_done = True
        return telling.node

    def may_write(self, node: Node) -> bool:
        """Say whether the caller may now open a file for writing."""
        return self._telling is not None and node is self._telling.node and self._telling.is_done


def _path(node: Node) -> bytes:
    """Return a path below the mount point as the kernel has it."""
    steps: list[bytes] = []
    while node.parent is not node:
        steps.append(node.name)
        node = node.parent
    return b"/".join(reversed(steps))

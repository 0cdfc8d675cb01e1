"""The tree: inodes, names and listings of what the camera holds.

A node is known by its inode number, which is given once and never again, and stays the same as long as the camera says the same of
the entry: also over a re-listing, a lost session, or handles that the camera renumbered (`Entry.is_like`). The kernel's lookups
are counted; a node that has left its folder is dropped when the kernel has forgotten it.

A folder is listed when it is first looked into, and its entries are described one by one as they are asked for, so `ls` begins
at once and a lookup of the first name costs two transactions. It is listed again (the keys alone, and descriptions of the new
ones) when an event says so, when the session was lost, and, on a camera that has sent no event yet, when the listing is older than
`poll` seconds. Readers of a directory hold on to the listing they began with.
"""

import logging
import os
import stat
from collections import ChainMap
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NewType, Protocol, TypeVar

import trio

from camfs import errors
from camfs.cameras.api import (
    Camera,
    Change,
    Entry,
    EntryChanged,
    EntryGone,
    FolderChanged,
    Gone,
    Key,
)
from camfs.mount import names

log = logging.getLogger(__name__)

T = TypeVar("T")

Inode = NewType("Inode", int)
ROOT_INODE = Inode(1)

ATTEMPTS = 3
"""How often something is tried while the session is lost each time."""


@dataclass(frozen=True)
class Attributes:
    """What stat(2) shows of a node.

    Attributes:
        kind: `stat.S_IFDIR` or `stat.S_IFREG`.
        permissions: before the mount's umask.
        size: bytes.
        mtime_ns: nanoseconds since 1970.
        lasting: whether the kernel may keep them; else it asks each time.
    """

    kind: int
    permissions: int
    size: int = 0
    mtime_ns: int = 0
    lasting: bool = True


class Node:
    """A name in the tree.

    Attributes:
        inode: its number.
        parent: the folder it is in; the root is its own.
        name: as it stands in the folder.
        lookups: how often the kernel holds it.
        removed: whether it has left its folder.
    """

    def __init__(self, tree: "Tree", parent: "Node | None", name: bytes) -> None:
        self.tree = tree
        self.parent = parent if parent is not None else self
        self.name = name
        self.lookups = 0
        self.removed = False
        self.inode = tree.adopt(self)

    async def attributes(self, exact: bool = True) -> Attributes:
        """Return what stat shows; unless `exact`, without asking the camera."""
        raise NotImplementedError

    def path(self) -> str:
        """Return the path below the mount point, for people."""
        steps: list[str] = []
        node = self
        while node.parent is not node:
            steps.append(node.name.decode("utf-8", "replace"))
            node = node.parent
        return "/".join(reversed(steps))


class Listing(Protocol):
    """The nodes of a directory in a fixed order."""

    async def at(self, index: int) -> Node | None:
        """Return a node; None for a place that shows nothing.

        Raises:
            IndexError: past the end.
        """


class Directory(Node):
    """A node with nodes in it."""

    async def find(self, name: bytes) -> Node | None:
        """Return the node of a name, None if there is none."""
        raise NotImplementedError

    async def listing(self) -> Listing:
        """Return the nodes to show to a reader of the directory."""
        raise NotImplementedError


class FixedListing:
    """A listing of nodes that are all there."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes

    async def at(self, index: int) -> Node | None:
        """See `Listing.at`."""
        return self._nodes[index]


class File(Node):
    """A file of the camera; its bytes are fetched of by `blocks.BlockCache`."""

    def __init__(self, tree: "Tree", parent: "Folder", name: bytes, entry: Entry) -> None:
        self.entry = entry
        super().__init__(tree, parent, name)
        self.folder = parent
        self.epoch = tree.epoch

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.entry.size

    async def attributes(self, exact: bool = True) -> Attributes:
        """See `Node.attributes`."""
        return Attributes(stat.S_IFREG, 0o444, self.entry.size, self.entry.mtime_ns)

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
        """See `blocks.Source.fetch`."""
        return await self.ask(lambda entry: self.tree.camera.read(entry, offset, size))


class _FolderListing:
    """One listing of a folder: keys in the camera's order, each with its node once it was described."""

    def __init__(self, folder: "Folder", slots: "list[Node | _Undescribed]") -> None:
        self._folder = folder
        self._session = folder.tree.camera.epoch
        self._left_out: errors.Refused | None = None
        self.slots = slots
        self.described = 0
        self._lock = trio.Lock()

    async def at(self, index: int) -> Node | None:
        """See `Listing.at`. Describes the entries up to this one."""
        if index >= len(self.slots):
            await self.finish()
            raise IndexError(index)
        await self.describe_up_to(index + 1)
        node = self.slots[index]
        return node if isinstance(node, Node) and not node.removed else None

    async def finish(self) -> None:
        """Describe all entries, and remove the nodes that are none of them.

        Raises:
            CameraError: not one can be described: that must not pass for an empty folder.
        """
        await self.describe_up_to(len(self.slots))
        if self._left_out is not None and not any(isinstance(slot, Node) for slot in self.slots):
            raise type(self._left_out)(str(self._left_out), self._left_out.code)
        self._folder.drop_unclaimed(self)

    async def find(self, name: bytes) -> Node | None:
        """Describe entries until one has this name."""
        while True:
            node = self._folder.children.get(name)
            if node is not None:
                return node
            if self.described >= len(self.slots):
                await self.finish()
                return None
            await self.describe_up_to(self.described + 1)

    async def describe_up_to(self, count: int) -> None:
        """Describe the first `count` entries. Cancelled or failed: those described stay so.

        An object that the camera cannot describe is left out, with a word in the log, and does not hide the others.
        """
        if self.described >= count:
            return
        async with self._lock:
            while self.described < count:
                slot = self.slots[self.described]
                if isinstance(slot, _Undescribed):
                    self._check_session()
                    node = await self._describe(slot.key)
                    self._check_session()
                    if node is not None:
                        self.slots[self.described] = node
                self.described += 1

    def _check_session(self) -> None:
        if self._session != self._folder.tree.camera.epoch:
            # what is left of these keys may mean other objects: half a listing must not pass for a whole one
            raise errors.RemoteProtocolError("the session was lost while the folder was being listed")

    async def _describe(self, key: Key) -> Node | None:
        try:
            return await self._folder.describe(key)
        except (errors.Busy, errors.StoreUnavailable):
            raise
        except errors.Refused as error:
            if not isinstance(error, errors.NotFound):
                self._left_out = error
            path = self._folder.path() or "/"
            self._folder.tree.note(f"{path}: an object that cannot be described is not shown: {error}")
            return None


@dataclass(frozen=True)
class _Undescribed:
    key: Key


class Folder(Directory):
    """A folder or store of the camera, or the root, which holds the stores."""

    def __init__(self, tree: "Tree", parent: "Folder | None", name: bytes, entry: Entry | None) -> None:
        self.entry = entry
        super().__init__(tree, parent, name)
        self.children: dict[bytes, File | Folder] = {}
        self.hidden: dict[bytes, Node] = {}
        self._listing: _FolderListing | None = None
        self._unclaimed: dict[str, list[File | Folder]] = {}
        self._lock = trio.Lock()
        self._listed_at = 0.0
        self._epoch = tree.epoch
        self.stale = False

    @property
    def key(self) -> Key | None:
        """The camera's key of the folder, None for the root."""
        return self.entry.key if self.entry is not None else None

    async def attributes(self, exact: bool = True) -> Attributes:
        """See `Node.attributes`."""
        writable = 0o222 if self.entry is not None and (self.tree.allow_delete or self.entry.is_local) else 0
        return Attributes(stat.S_IFDIR, 0o555 | writable, 0, self.entry.mtime_ns if self.entry else 0)

    async def find(self, name: bytes) -> Node | None:
        """See `Directory.find`. A name that an older listing lacks is looked for in a new one."""
        if name in self.hidden:
            return self.hidden[name]
        before = self._listing
        listing = await self._current(fresh=False)
        node = await listing.find(name)
        if node is None and listing is before and self._is_old():
            node = await (await self._current(fresh=True)).find(name)
        return node

    async def listing(self) -> Listing:
        """See `Directory.listing`."""
        listing = await self._current(fresh=True)
        if self.hidden and self.tree.show_control:
            await listing.finish()
            nodes = [node for node in listing.slots if isinstance(node, Node) and not node.removed]
            return FixedListing([*nodes, *self.hidden.values()])
        return listing

    def _is_old(self) -> bool:
        return trio.current_time() - self._listed_at >= self.tree.poll and not self.tree.camera.sends_events

    async def _current(self, fresh: bool) -> _FolderListing:
        """Return the listing; a `fresh` one is not older than the poll time."""
        async with self._lock:
            if self.removed:
                raise errors.NotFound(f"{self.path()}: no longer on the camera")
            listing = self._listing
            again = self._epoch != self.tree.epoch
            if listing is None or self.stale or again or (fresh and self._is_old()):
                self._listing = listing = await self._list()
            return listing

    async def _list(self) -> _FolderListing:
        for attempt in range(1, ATTEMPTS + 1):
            # a refresh meanwhile does not change what these keys mean: the next reader lists again
            session, epoch, self.stale = self.tree.camera.epoch, self.tree.epoch, False
            again = self._epoch != epoch
            try:
                if again:
                    await self._find_again()
                keys = await self.tree.camera.list_folder(self.key)
            except BaseException as error:
                self.stale = True
                # a key of the session before may be unknown in the new one: that does not say that the folder is
                if not isinstance(error, errors.CameraError) or session == self.tree.camera.epoch:
                    raise
            else:
                if session == self.tree.camera.epoch:
                    break
            if attempt == ATTEMPTS:
                self.stale = True
                raise errors.RemoteProtocolError(f"{self.path()}: the session was lost again and again")
        known = {_entry(node).key: node for node in self.children.values()}
        if again:
            self._await_claim(known.values())
            known = {}
        self.children = {}
        slots: list[Node | _Undescribed] = []
        for key in dict.fromkeys(keys):
            node = known.pop(key, None)
            if node is not None:
                self.children[node.name] = node
            slots.append(_Undescribed(key) if node is None else node)
        self._await_claim(known.values())
        self._listed_at, self._epoch = trio.current_time(), epoch
        listing = _FolderListing(self, slots)
        if not any(isinstance(slot, _Undescribed) for slot in slots):
            listing.described = len(slots)
            self._listing = listing
            self.drop_unclaimed(listing)
        return listing

    async def _find_again(self) -> None:
        """Find this folder in its parent, as its own key may mean something else now."""
        found: Node | None = self
        if isinstance(self.parent, Folder) and self.parent is not self:
            found = await self.parent.find(self.name)
        if self.removed or found is not self:
            raise errors.NotFound(f"{self.path()}: no longer on the camera")

    def _await_claim(self, nodes: Iterable["File | Folder"]) -> None:
        """Keep nodes that were not listed again by their keys: an entry of another key may turn out to be one of them."""
        for node in nodes:
            self._unclaimed.setdefault(_entry(node).name, []).append(node)

    def drop_unclaimed(self, listing: _FolderListing) -> None:
        """Remove the nodes that the camera no longer names, once all that it does name have been described."""
        if listing is self._listing:
            unclaimed, self._unclaimed = self._unclaimed, {}
            for nodes in unclaimed.values():
                for node in nodes:
                    self.tree.remove(node)

    async def describe(self, key: Key) -> Node | None:
        """Make or find the node of a key that the camera lists here now; None if it is not to be shown here.

        Raises:
            Refused: the camera cannot describe it.
            CameraError: the camera does not answer.
        """
        listed = self._listed(key)
        if listed is not None:
            return listed
        if self._is_above(key):
            log.warning("%s: a folder that lies in itself is not shown", self.path() or "/")
            return None
        entry = await self.tree.camera.describe(key, self.key)
        if entry is None:
            return None
        node = self._listed(key) or self._claim(entry)
        if node is None:
            name = names.unique(entry.name, entry.tag, ChainMap[bytes, Any](self.hidden, self.children))
            kind = Folder if entry.is_folder else File
            node = kind(self.tree, self, name, entry)
        self.children[node.name] = node
        self.tree.by_key[entry.key] = node
        return node

    def _listed(self, key: Key) -> "File | Folder | None":
        """Return the node of a key that another listing has described already."""
        node = self.tree.by_key.get(key)
        if isinstance(node, File | Folder) and node.parent is self and self.children.get(node.name) is node:
            return node
        return None

    def _claim(self, entry: Entry) -> "File | Folder | None":
        """Find the node that an entry had in an earlier listing."""
        for node in self._unclaimed.get(entry.name, ()):
            if not node.removed and node.name not in self.children and _entry(node).is_like(entry):
                self._unclaimed[entry.name].remove(node)
                self.tree.forget_key(node)
                node.entry = entry
                if isinstance(node, File):
                    node.epoch = self._epoch
                return node
        return None

    def all_children(self) -> "list[File | Folder]":
        """Return the nodes here, and those that may still turn out to be."""
        return [*self.children.values(), *(node for nodes in self._unclaimed.values() for node in nodes)]

    def knows_keys(self) -> bool:
        """Say whether the keys of the nodes here mean what they mean in this session."""
        return self._epoch == self.tree.epoch

    def _is_above(self, key: Key) -> bool:
        node: Node = self
        while isinstance(node, Folder) and node.entry is not None:
            if node.entry.key == key:
                return True
            node = node.parent
        return False


def _entry(node: File | Folder) -> Entry:
    assert node.entry is not None
    return node.entry


class Tree:
    """All nodes of one mount.

    Args:
        camera: what the tree shows.
        poll: seconds after which a listing is checked again on a camera that sends no events.
        allow_delete: whether folders show as writable.
        show_control: whether control files are listed.

    Attributes:
        epoch: changes whenever keys may mean other entries.
        by_key: the nodes of the camera's entries.
        stale_entry: told (folder, name, node) when the kernel has to forget a name; set by the adapter.
        stale_node: told a node whose attributes and pages the kernel has to forget; set by the adapter.
        settle: waits until the kernel has forgotten all that it was told to; set by the adapter.
        note: told a line when something went wrong that nobody waits for.
    """

    def __init__(
        self, camera: Camera, *, poll: float = 5.0, allow_delete: bool = False, show_control: bool = False
    ) -> None:
        self.camera = camera
        self.poll = poll
        self.allow_delete = allow_delete
        self.show_control = show_control
        self.stale_entry: Callable[[Node, bytes, Node], None] = lambda folder, name, node: None
        self.stale_node: Callable[[Node], None] = lambda node: None
        self.settle: Callable[[], Awaitable[None]] = trio.lowlevel.checkpoint
        self.note: Callable[[str], None] = log.warning
        self._refreshes = 0
        self._next_inode = ROOT_INODE
        self._nodes: dict[Inode, Node] = {}
        self.by_key: dict[Key, Node] = {}
        self.root = Folder(self, None, b"", None)

    @property
    def epoch(self) -> int:
        """See the class."""
        return self.camera.epoch + self._refreshes

    def rename(self, node: "File | Folder", name: bytes) -> None:
        """Give a node the name that its entry now has on the camera."""
        folder = node.parent
        assert isinstance(folder, Folder)
        folder.children.pop(node.name, None)
        node.name = name
        node.entry = replace(_entry(node), name=names.unescape(os.fsdecode(name)))
        folder.children[name] = node

    def adopt(self, node: Node) -> Inode:
        """Give a new node its inode number."""
        inode = self._next_inode
        self._next_inode = Inode(inode + 1)
        self._nodes[inode] = node
        return inode

    def node(self, inode: int) -> Node:
        """Return the node of an inode number.

        Raises:
            NotFound: there is none any more (ESTALE to an NFS client).
        """
        node = self._nodes.get(Inode(inode))
        if node is None:
            raise errors.NotFound(f"inode {inode} is gone")
        return node

    def nodes(self) -> Iterator[Node]:
        """Go through all nodes."""
        return iter(list(self._nodes.values()))

    def forget(self, inode: int, count: int) -> None:
        """Hear that the kernel holds a node `count` times less."""
        node = self._nodes.get(Inode(inode))
        if node is not None:
            node.lookups -= count
            self._drop_if_unknown(node)

    def remove(self, node: Node, told: bool = False) -> None:
        """Take a node, and all below it, out of the tree; it lives on for those who have it open.

        Args:
            node: the node.
            told: whether the kernel knows already, as it was the one to ask.
        """
        folder = node.parent
        if isinstance(folder, Folder) and folder.children.get(node.name) is node:
            del folder.children[node.name]
        if not node.removed and not told:
            self.stale_entry(folder, node.name, node)
        self._bury(node)

    def _bury(self, node: Node) -> None:
        node.removed = True
        if isinstance(node, File | Folder):
            self.forget_key(node)
        if isinstance(node, Folder):
            for child in node.all_children():
                self._bury(child)
        self._drop_if_unknown(node)

    def forget_key(self, node: "File | Folder") -> None:
        """Hear that a node's key no longer means it."""
        if node.entry is not None and self.by_key.get(node.entry.key) is node:
            del self.by_key[node.entry.key]

    def _drop_if_unknown(self, node: Node) -> None:
        if node.removed and node.lookups <= 0:
            self._nodes.pop(node.inode, None)

    async def refresh(self) -> None:
        """Forget all listings: everything is listed and described again when it is next looked at."""
        await self.camera.refresh()
        self._refreshes += 1
        for node in self.nodes():
            if node.lookups > 0 and node is not self.root:
                if node.parent is self.root:
                    self.stale_entry(self.root, node.name, node)
                self.stale_node(node)

    async def find_by_keys(self, keys: Sequence[Key]) -> Node:
        """Return the node at the end of a way of keys from the store down (`Camera.locate`).

        Raises:
            NotFound: it is not listed.
        """
        node: Node = self.root
        for key in keys:
            child: Node | None = None
            if isinstance(node, Folder):
                if not node.knows_keys():
                    await node.listing()
                child = await node.describe(key)
            if child is None:
                raise errors.NotFound("the camera does not show what it made")
            node = child
        return node

    async def apply(self, change: Change) -> None:
        """Change the tree as the camera changed, and have the kernel forget what is no longer so."""
        match change:
            case FolderChanged(None):
                for node in self.nodes():
                    if isinstance(node, Folder):
                        node.stale = True
                for store in list(self.root.children.values()):
                    self.stale_entry(self.root, store.name, store)
                await self.root.listing()
            case FolderChanged(key):
                folder = self._node_of(key)
                if isinstance(folder, Folder):
                    folder.stale = True
                    self.stale_node(folder)
            case EntryGone(key):
                node_gone = self._node_of(key)
                if node_gone is not None:
                    self.remove(node_gone)
            case EntryChanged(key):
                await self._describe_again(key)
            case Gone():
                for node in self.nodes():
                    if node.lookups > 0 and isinstance(node, File | Folder):
                        self.stale_node(node)

    def _node_of(self, key: Key) -> "File | Folder | None":
        """Return the node that a key means in this session; None where its folder was not listed in it."""
        node = self.by_key.get(key)
        if isinstance(node, File | Folder) and isinstance(node.parent, Folder) and node.parent.knows_keys():
            return node
        return None

    async def _describe_again(self, key: Key) -> None:
        node = self._node_of(key)
        entry = await self.camera.describe(key, None) if node is not None else None
        if node is None or entry is None or node.removed:
            return
        if entry.name != _entry(node).name or entry.is_folder != isinstance(node, Folder):
            folder = node.parent
            assert isinstance(folder, Folder)
            self.remove(node)
            folder.stale = True
            self.stale_node(folder)
        elif isinstance(node, File):
            node.entry = entry
            self.stale_node(node)

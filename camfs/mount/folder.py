"""A folder of the camera: how it is listed, and which node stands for which entry.

A listing holds the camera's keys in the camera's order. It is made by one request, and its entries are described one by one as readers
reach them, so `ls` begins at once and a lookup of the first name costs two transactions::

    no listing ── first look ──> listed ── each entry described or left out ──> complete
                                   ^                                              │
                                   └──────── looked at again and it is old ───────┘

A listing is old when an event marked the folder `stale`, when the session was lost or the tree refreshed (`Tree.epoch`), and, on a camera
that has sent no event yet, after `Tree.poll` seconds. Who reads a directory goes on with the listing that the reading began with.

Which node an entry gets, so that inode numbers and names stay as long as the camera says the same:

1. Its key has a node in this folder: that one.
2. The session was lost, so keys mean nothing: the nodes of the last listing wait by name, and an entry claims the one that it is like
   (`Entry.is_like`).
3. Else a new node, with a name that no other has (`names.unique`).

Nodes that no entry has claimed are removed once the listing is complete, never before: half a listing says nothing of what is gone.

An error is never a shorter listing. An entry that the camera refuses to describe is left out and reported in `.status`; if all are refused,
or the camera does not answer, or the session is lost half way, readers get the error: else `rsync --delete` would empty the copy.
"""

import logging
import stat
from collections import ChainMap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import trio

from camfs import errors
from camfs.cameras.api import Entry, Key
from camfs.mount import names
from camfs.mount.file import ATTEMPTS, File
from camfs.mount.nodes import Attributes, Directory, DirectoryListing, FixedListing, Node

if TYPE_CHECKING:
    from camfs.mount.tree import Tree

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Undescribed:
    key: Key


class FolderListing(DirectoryListing):
    """One listing of a folder: keys in the camera's order, each with its node once it was described."""

    def __init__(self, folder: "Folder", slots: list[Node | _Undescribed]) -> None:
        self._folder = folder
        self._session = folder.tree.camera.epoch
        self._refusal: errors.Refused | None = None
        self.slots = slots
        self.described = 0
        self._lock = trio.Lock()

    async def at(self, index: int) -> Node | None:
        """Describe the entries up to this place, and return its node."""
        if index >= len(self.slots):
            await self.finish()
            raise IndexError(index)
        await self._describe_up_to(index + 1)
        node = self.slots[index]
        return node if isinstance(node, Node) and not node.removed else None

    async def finish(self) -> None:
        """Describe all entries, and remove the nodes that no entry has claimed.

        Raises:
            CameraError: not one can be described: that must not pass for an empty folder.
        """
        await self._describe_up_to(len(self.slots))
        if self._refusal is not None and not any(isinstance(slot, Node) for slot in self.slots):
            raise type(self._refusal)(str(self._refusal), self._refusal.code)
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
            await self._describe_up_to(self.described + 1)

    async def _describe_up_to(self, count: int) -> None:
        """Describe the first `count` entries. If that is cancelled or fails, those described stay so."""
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
            # the keys that are left may mean other objects now: half a listing must not pass for a whole one
            raise errors.RemoteProtocolError("the session was lost while the folder was being listed")

    async def _describe(self, key: Key) -> Node | None:
        try:
            return await self._folder.describe(key)
        except (errors.Busy, errors.StoreUnavailable):
            raise
        except errors.Refused as error:
            if not isinstance(error, errors.NotFound):
                self._refusal = error
            path = self._folder.path() or "/"
            self._folder.tree.note_error(f"{path}: an object that cannot be described is not shown: {error}")
            return None


class Folder(Directory):
    """A folder or store of the camera, or the root, which holds the stores.

    Attributes:
        entry: what the camera last said of it; None for the root.
        children: the nodes described so far, by their names.
        control_files: what answers to its name and is listed only with `show_control`; in the root alone.
        stale: whether the next look lists it again.
    """

    def __init__(self, tree: "Tree", parent: "Folder | None", name: bytes, entry: Entry | None) -> None:
        super().__init__(tree, parent, name)
        self.entry = entry
        self.children: dict[bytes, File | Folder] = {}
        self.control_files: dict[bytes, Node] = {}
        self.stale = False
        self._listing: FolderListing | None = None
        self._unclaimed: dict[str, list[File | Folder]] = {}
        self._lock = trio.Lock()
        self._listed_at = 0.0
        self._epoch = tree.epoch

    @property
    def key(self) -> Key | None:
        """The camera's key of the folder, None for the root."""
        return self.entry.key if self.entry is not None else None

    @property
    def needs_camera(self) -> bool:
        return self.entry is not None

    @property
    def is_store(self) -> bool:
        return self.entry is not None and self.parent is self.tree.root

    @property
    def is_local(self) -> bool:
        """Whether what it holds lies on this computer."""
        return self.entry is not None and self.entry.is_local

    async def attributes(self, exact: bool = True) -> Attributes:
        writable = 0o222 if self.entry is not None and (self.tree.allow_delete or self.is_local) else 0
        return Attributes(stat.S_IFDIR, 0o555 | writable, 0, self.entry.mtime_ns if self.entry else 0)

    async def find(self, name: bytes) -> Node | None:
        """Find a name; one that an old listing lacks is looked for in a new one."""
        if name in self.control_files:
            return self.control_files[name]
        before = self._listing
        listing = await self._current(fresh=False)
        node = await listing.find(name)
        if node is None and listing is before and self._is_old():
            node = await (await self._current(fresh=True)).find(name)
        return node

    async def listing(self) -> DirectoryListing:
        listing = await self._current(fresh=True)
        if self.control_files and self.tree.show_control:
            await listing.finish()
            nodes = [node for node in listing.slots if isinstance(node, Node) and not node.removed]
            return FixedListing([*nodes, *self.control_files.values()])
        return listing

    def _is_old(self) -> bool:
        return trio.current_time() - self._listed_at >= self.tree.poll and not self.tree.camera.sends_events

    async def _current(self, fresh: bool) -> FolderListing:
        """Return the listing; a `fresh` one is not older than the poll time."""
        async with self._lock:
            if self.removed:
                raise errors.NotFound(f"{self.path()}: no longer on the camera")
            listing = self._listing
            if listing is None or self.stale or not self.knows_keys() or (fresh and self._is_old()):
                self._listing = listing = await self._list()
            return listing

    async def _list(self) -> FolderListing:
        """List the folder, and give the keys that have a node their node."""
        keys, epoch = await self._list_keys()
        known = {entry_of(node).key: node for node in self.children.values()}
        if self._epoch != epoch:
            self._set_aside(known.values())
            known = {}
        self.children = {}
        slots: list[Node | _Undescribed] = []
        for key in dict.fromkeys(keys):
            node = known.pop(key, None)
            if node is not None:
                self.children[node.name] = node
            slots.append(_Undescribed(key) if node is None else node)
        self._set_aside(known.values())
        self._listed_at, self._epoch = trio.current_time(), epoch
        listing = FolderListing(self, slots)
        if not any(isinstance(slot, _Undescribed) for slot in slots):
            listing.described = len(slots)
            self._listing = listing
            self.drop_unclaimed(listing)
        return listing

    async def _list_keys(self) -> tuple[Iterable[Key], int]:
        """Return the keys, and the tree's epoch in which they are good."""
        for _ in range(ATTEMPTS):
            # a refresh meanwhile does not change what these keys mean: the next reader lists again
            session, epoch, self.stale = self.tree.camera.epoch, self.tree.epoch, False
            try:
                if self._epoch != epoch:
                    await self._find_again()
                keys = await self.tree.camera.list_folder(self.key)
            except BaseException as error:
                self.stale = True
                # a key of the session before may be unknown in the new one: that does not say that the folder is
                if not isinstance(error, errors.CameraError) or session == self.tree.camera.epoch:
                    raise
            else:
                if session == self.tree.camera.epoch:
                    return keys, epoch
        self.stale = True
        raise errors.RemoteProtocolError(f"{self.path()}: the session was lost again and again")

    async def _find_again(self) -> None:
        """Find this folder in its parent, as its own key may mean something else now."""
        found: Node | None = self
        if isinstance(self.parent, Folder) and self.parent is not self:
            found = await self.parent.find(self.name)
        if self.removed or found is not self:
            raise errors.NotFound(f"{self.path()}: no longer on the camera")

    def _set_aside(self, nodes: Iterable["File | Folder"]) -> None:
        """Keep nodes that were not listed again by their keys: an entry of another key may claim them."""
        for node in nodes:
            self._unclaimed.setdefault(entry_of(node).name, []).append(node)

    def drop_unclaimed(self, listing: FolderListing) -> None:
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
        if self._lies_in(key):
            log.warning("%s: a folder that lies in itself is not shown", self.path() or "/")
            return None
        entry = await self.tree.camera.describe(key, self.key)
        if entry is None:
            return None
        node = self._listed(key) or self._claim(entry)
        if node is None:
            name = names.unique(entry.name, entry.tag, ChainMap[bytes, Any](self.control_files, self.children))
            kind = Folder if entry.is_folder else File
            node = kind(self.tree, self, name, entry)
        self.children[node.name] = node
        self.tree.by_key[entry.key] = node
        return node

    def _listed(self, key: Key) -> "File | Folder | None":
        """Return the node of a key that another listing has described already."""
        node = self.tree.by_key.get(key)
        if node is not None and node.parent is self and self.children.get(node.name) is node:
            return node
        return None

    def _claim(self, entry: Entry) -> "File | Folder | None":
        """Find the node that an entry had in an earlier listing."""
        for node in self._unclaimed.get(entry.name, ()):
            if not node.removed and node.name not in self.children and entry_of(node).is_like(entry):
                self._unclaimed[entry.name].remove(node)
                self.tree.drop_key(node)
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

    def _lies_in(self, key: Key) -> bool:
        """Say whether a key is this folder's own or that of one above it."""
        node: Node = self
        while isinstance(node, Folder) and node.entry is not None:
            if node.entry.key == key:
                return True
            node = node.parent
        return False


def entry_of(node: File | Folder) -> Entry:
    """Return the entry of a node that is not the root."""
    assert node.entry is not None
    return node.entry

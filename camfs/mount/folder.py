"""A folder of the camera: how it is listed, and which node stands for which entry.

A listing (`listing.py`) is made by one request, and its entries are described one by one as readers reach them::

    no listing ── first look ──> listed ── each entry described or left out ──> complete
                                   ^                                              │
                                   └──────── looked at again and it is old ───────┘

A listing is old when

* an event marked the folder `stale`, the session was lost, the tree refreshed (`Tree.epoch`), or the folder is in doubt (below);
* it was made while the folder was *settling*: for `SETTLING` seconds after an event about it, its listing may lack what the event was
  about, as cameras announce objects and stores seconds before they list and describe them. It is made again for each reader then;
* it is older than `Tree.poll` seconds on a camera that has announced no object yet, and older than `CHECKED` seconds on any other,
  since no camera can be relied on to announce everything.

Who reads a directory goes on with the listing that the reading began with.

Which node an entry gets, so that inode numbers and names stay as long as the camera says the same:

1. Its key has a node in this folder: that one.
2. The session was lost, so keys mean nothing: the nodes of the last listing wait by name, and an entry claims the one that it is like
   (`Entry.is_like`).
3. Else a new node, with a name that no other has (`names.unique`).

Nodes that no entry has claimed are removed once the listing is complete, never before: half a listing says nothing of what is gone.

**Doubt.** A card is swapped or formatted, or a camera gives a new picture the handle of an old one: keys of the same session mean other
entries then. `Folder.put_in_doubt` sets the node of such a key aside and drops its bytes; everything below it is in doubt, too. Rule 2
then finds out what has stayed. Programs that read a file which has not stayed get an error, never the bytes of two pictures in one
copy. Where no event tells of such a change, a listing that is made again because it is old describes one file again that it knows.
"""

import itertools
import logging
import math
import stat
from collections import ChainMap
from collections.abc import Iterable, Set
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import trio

from camfs import errors
from camfs.cameras.api import MAX_ENTRIES, Entry, Key
from camfs.mount import names
from camfs.mount.file import ATTEMPTS, IN_DOUBT, File
from camfs.mount.listing import FolderListing, Undescribed
from camfs.mount.nodes import FOLDER_PERMISSIONS, Attributes, Directory, DirectoryListing, FixedListing, Node

if TYPE_CHECKING:
    from camfs.mount.tree import Tree

log = logging.getLogger(__name__)

SETTLING = 20.0
"""Seconds after an event in which a camera may not list or describe yet what it was about."""

SETTLING_AGE = 0.5
"""Seconds for which a listing is good meanwhile."""

CHECKED = 60.0
"""Seconds for which a listing is good on a camera that announces changes; the mount's poll time if that is longer."""


class Folder(Directory):
    """A folder or store of the camera, or the root, which holds the stores.

    Attributes:
        entry: what the camera last said of it; None for the root.
        children: the nodes described so far, by their names.
        control_files: what answers to its name and is listed only with `show_control`; in the root alone.
        stale: whether the next look lists it again.
        settles_at: when the camera will list and describe all that it has announced here.
        doubts: how often the keys below it were put in doubt.
    """

    def __init__(self, tree: "Tree", parent: "Folder | None", name: bytes, entry: Entry | None) -> None:
        super().__init__(tree, parent, name)
        self.entry = entry
        self.children: dict[bytes, File | Folder] = {}
        self.control_files: dict[bytes, Node] = {}
        self.stale = False
        self.settles_at = -math.inf
        self.doubts = 0
        self._listing: FolderListing | None = None
        self._unclaimed: dict[str, list[File | Folder]] = {}
        self._lock = trio.Lock()
        self._listed_at = 0.0
        self._was_settling = False
        self._epoch = tree.epoch
        self._checks = 0

    @property
    def key(self) -> Key | None:
        """The camera's key of the folder, None for the root."""
        return self.entry.key if self.entry is not None else None

    @property
    def needs_camera(self) -> bool:
        return self.entry is not None

    @property
    def is_read_only(self) -> bool:
        return self.entry is None or not (self.tree.allow_delete or self.is_local)

    @property
    def is_store(self) -> bool:
        """Whether it is a store of the camera."""
        return self.entry is not None and self.parent is self.tree.root

    @property
    def is_local(self) -> bool:
        """Whether what it holds lies on this computer."""
        return self.entry is not None and self.entry.is_local

    async def attributes(self, exact: bool = True) -> Attributes:
        return Attributes(stat.S_IFDIR, FOLDER_PERMISSIONS, 0, self.entry.mtime_ns if self.entry else 0)

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

    @property
    def was_listed(self) -> bool:
        """Whether there is a listing that the next one can be held against."""
        return self._listing is not None

    async def describe_new(self) -> None:
        """List the folder again, and describe what was not in its last listing."""
        await (await self._current(fresh=False)).describe_new()

    @property
    def is_settling(self) -> bool:
        """Whether the camera may not list or describe yet what it has announced here."""
        return trio.current_time() < max(self.settles_at, self.tree.settles_at)

    def note_change(self) -> None:
        """Have it listed again by whoever looks at it next, and for a while by all who do."""
        self.stale = True
        self.settles_at = trio.current_time() + SETTLING

    def _is_old(self) -> bool:
        age = trio.current_time() - self._listed_at
        if self._was_settling and age >= SETTLING_AGE:
            return True
        return age >= (max(CHECKED, self.tree.poll) if self.tree.camera.sends_events else self.tree.poll)

    async def _current(self, fresh: bool) -> FolderListing:
        """Return the listing; a `fresh` one is not older than the poll time."""
        async with self._lock:
            if self.removed:
                raise errors.NotFound(f"{self.path()}: no longer on the camera")
            listing = self._listing
            if listing is None or self.stale or not self.knows_keys():
                self._listing = listing = await self._list()
            elif fresh and self._is_old():
                self._listing = listing = await self._list(checks=not self._was_settling)
            return listing

    async def _list(self, checks: bool = False) -> FolderListing:
        """List the folder, and give the keys that have a node their node.

        Args:
            checks: whether to see if keys still mean the same, because no event has said why it is listed again.
        """
        keys, epoch = await self._list_keys()
        if checks and self._epoch == epoch and await self._finds_another(keys):
            self.tree.put_in_doubt(self.store())
            keys, epoch = await self._list_keys()
        known = {entry_of(node).key: node for node in self.children.values()}
        if self._epoch != epoch:
            for old in known.values():
                self.tree.drop_key(old)  # it may be another entry's now
            self._set_aside(known.values())
            known = {}
        before = self._keys_before(epoch)
        self.children = {}
        slots: list[Node | Undescribed] = []
        each_once = dict.fromkeys(keys)
        for key in itertools.islice(each_once, MAX_ENTRIES):
            node = known.pop(key, None)
            if node is not None:
                self.children[node.name] = node
            slots.append(Undescribed(key, before is not None and key not in before) if node is None else node)
        self._set_aside(known.values())
        self._listed_at, self._was_settling, self._epoch = trio.current_time(), self.is_settling, epoch
        listing = FolderListing(self, slots, self._note_cut() if len(each_once) > MAX_ENTRIES else None)
        if not any(isinstance(slot, Undescribed) for slot in slots):
            listing.described = len(slots)
            self._listing = listing
            self.drop_unclaimed(listing)
        return listing

    def _keys_before(self, epoch: int) -> Set[Key] | None:
        """Return the keys of the last listing, as they are in this epoch; None if it does not tell what is new, or nobody is to know."""
        listing = self._listing
        if listing is None or not self.tree.watchers.follows(self):
            return None
        if (
            self._epoch != epoch
        ):  # all keys are new; what was there before is found by its name, if all of it was described
            return frozenset() if listing.is_complete else None
        nodes = {entry_of(slot).key for slot in listing.slots if isinstance(slot, File | Folder)}
        return nodes | {slot.key for slot in listing.slots if isinstance(slot, Undescribed)}

    def _note_cut(self) -> errors.TooLarge:
        """Report that the camera lists more entries than are shown; return what who reads the folder to its end is told."""
        text = f"{self.path() or '/'}: the camera lists more than {MAX_ENTRIES} objects here; the others are not shown"
        self.tree.note_error(text, kind=("list", self.inode))
        return errors.TooLarge(text)

    async def _finds_another(self, keys: Iterable[Key]) -> bool:
        """Describe one of the files again that are known by these keys, another each time; say whether it is another file now."""
        known = [self.tree.by_key.get(key) for key in keys]
        files = [node for node in known if isinstance(node, File) and self.lists(node)]
        if not files or self.is_local:
            return False
        self._checks += 1
        file = files[-self._checks % len(files)]
        try:
            entry = await self.tree.camera.describe(file.entry.key, self.key)
        except errors.Refused as error:
            log.info("%s: %s", file.path(), error)
            return False
        if self._listed(file.entry.key) is not file or entry == file.entry:
            return False
        if entry is not None and file.entry.is_like(replace(entry, size=file.size)):
            if entry.size_is_exact:  # it has grown
                file.entry = entry
                file.invalidate()
            return False
        log.warning("%s: the camera has another object in its place; its store is listed anew", file.path())
        return True

    async def _list_keys(self) -> tuple[Iterable[Key], int]:
        """Return the keys, and the tree's epoch in which they are good."""
        for attempt in range(ATTEMPTS):
            # a refresh meanwhile does not change what these keys mean: the next reader lists again
            session, epoch, self.stale = self.tree.camera.epoch, self.tree.epoch, False
            try:
                if self._epoch != epoch:
                    await self._find_again()
                doubts = self.doubts
                keys = await self.tree.camera.list_folder(self.key)
                if not keys and self.children and not attempt:
                    await self._look_for_store()  # a store that is not there any more may list nothing
            except BaseException as error:
                self.stale = True
                # a key of the session before may be unknown in the new one: that does not say that the folder is
                if not isinstance(error, errors.CameraError):
                    raise
                if session == self.tree.camera.epoch and not (attempt == 0 and await self._may_be_elsewhere(error)):
                    raise
            else:
                if session == self.tree.camera.epoch and doubts == self.doubts:
                    return keys, epoch
        self.stale = True
        raise errors.RemoteProtocolError(f"{self.path()}: the session was lost again and again")

    async def _may_be_elsewhere(self, error: errors.CameraError) -> bool:
        """Say whether to look for this folder again, after the camera has answered that it does not know it."""
        if isinstance(error, errors.NotFound) and isinstance(self.parent, Folder):
            self.parent.stale = True  # for who looks next
        return isinstance(error, errors.StoreUnavailable) and await self._look_for_store()

    async def _look_for_store(self) -> bool:
        """List the stores again, and say whether the one that this folder is in has another key now, or is gone."""
        if self is self.tree.root:
            return False
        doubts = self.doubts
        self.tree.root.stale = True
        await self.tree.stores()
        return doubts != self.doubts

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
        """Remove the nodes that the camera no longer names, once all that it does name have been described; stores stay aside."""
        if listing is not self._listing:
            return
        unclaimed, self._unclaimed = self._unclaimed, {}
        for node in (node for nodes in unclaimed.values() for node in nodes if not node.removed):
            if isinstance(node, Folder) and node.is_store:
                # its card may come again, or another in its place, under whatever key
                self._set_aside([node])
                self.tree.kernel.invalidate_entry(self, node.name)
                self.tree.watchers.note_gone(node)
                node.is_told = False
                if node.knows_keys():
                    node.put_children_in_doubt()
            else:
                self.tree.remove(node)

    async def describe(self, key: Key, *, is_new: bool = False) -> Node | None:
        """Make or find the node of a key that the camera lists here now; None if it is not to be shown here.

        Args:
            key: the entry's.
            is_new: whether it was not here before, so that programs that watch the folder are told of it, unless it is a known one.

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
        is_known = node is not None
        if node is None:
            name = names.unique(entry.name, entry.tag, ChainMap[bytes, Any](self.control_files, self.children))
            kind = Folder if entry.is_folder else File
            node = kind(self.tree, self, name, entry)
            if isinstance(node, Folder):
                node.settles_at = self.settles_at  # the folder is new, and what it holds may come later still
        self.children[node.name] = node
        self.tree.by_key[entry.key] = node
        if is_known:
            self.tree.watchers.note_back(node)
        elif is_new:
            before = next((each for each in self._unclaimed.get(entry.name, ()) if each.name == node.name), None)
            self.tree.watchers.note_appeared(node, before)
        return node

    def lists(self, node: Node) -> bool:
        """Say whether a node has its name in the newest listing."""
        return self.children.get(node.name) is node

    def vouches_for(self, node: Node) -> bool:
        """Say whether that listing is still good: else only who reads on in an old one may be told the name, and the kernel not keep it."""
        return self.lists(node) and self.knows_keys() and not self.stale

    def _listed(self, key: Key) -> "File | Folder | None":
        """Return the node of a key that another listing has described already."""
        node = self.tree.by_key.get(key)
        if node is not None and node.parent is self and self.lists(node):
            return node
        return None

    def _claim(self, entry: Entry) -> "File | Folder | None":
        """Find the node that an entry had in an earlier listing."""
        for node in self._unclaimed.get(entry.name, ()):
            if not node.removed and node.name not in self.children and entry_of(node).is_like(entry):
                self._unclaimed[entry.name].remove(node)
                self.tree.drop_key(node)
                other_key = entry_of(node).key != entry.key
                if isinstance(node, File):
                    node.confirm(entry, self._epoch)
                else:
                    node.entry = entry
                    if other_key and node.knows_keys():  # else a new session has put them in doubt already
                        node.put_children_in_doubt()
                return node
        return None

    def put_in_doubt(self, node: "File | Folder") -> None:
        """Set a node of this folder aside, as its key may mean another entry: the next listing describes that."""
        if not self.lists(node):
            return
        del self.children[node.name]
        self.tree.drop_key(node)
        self.note_change()
        self._listing = None
        self._set_aside([node])
        if isinstance(node, Folder):
            node.put_children_in_doubt()
        else:
            node.put_in_doubt()

    def put_children_in_doubt(self) -> None:
        """Note that nothing is known any more of the keys below this folder."""
        self.doubts += 1
        self._epoch, self._listing = IN_DOUBT, None
        for node in self.all_children():
            if node.lookups > 0:  # a name in use outlives that of the folder above it, which the kernel drops
                self.tree.kernel.invalidate_entry(self, node.name)
            if isinstance(node, Folder):
                node.put_children_in_doubt()
            else:
                node.put_in_doubt()

    def all_children(self) -> "list[File | Folder]":
        """Return the nodes here, and those that may still turn out to be."""
        return [*self.children.values(), *(node for nodes in self._unclaimed.values() for node in nodes)]

    def knows_keys(self) -> bool:
        """Say whether the keys of the nodes here mean what they mean in this session."""
        return self._epoch == self.tree.epoch

    def store(self) -> "Folder":
        """Return the store that it is in, or is."""
        folder = self
        while isinstance(folder.parent, Folder) and folder.parent is not self.tree.root:
            folder = folder.parent
        return folder

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

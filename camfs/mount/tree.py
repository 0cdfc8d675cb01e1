"""The tree of one mount: what its nodes share, and how it follows the camera.

The camera's changes come here one by one (`apply`) and end in three things: folders that are listed again when next looked at
(`Folder.stale`), nodes that are removed, and invalidations, so that the kernel does not go on with what it remembers (`kernel.Kernel`).

========================  ====================================================  ===========================================
change                    here                                                  in the kernel
========================  ====================================================  ===========================================
`FolderChanged(key)`      the folder is listed again                            the folder's pages and attributes go
`FolderChanged(None)`     every folder is listed again, the stores at once      the names of the stores go
`EntryGone(key)`          the node, and all below it, leaves its folder         its name goes, and those below it
`EntryChanged(key)`       described again; blocks are dropped                   its pages and attributes go
`KeyReused(key)`          the node, and all below it, is in doubt (`folder`)    names, pages and attributes go, also below
`Gone`                    blocks are dropped; handlers answer ENODEV            all pages and attributes go
========================  ====================================================  ===========================================

A key in a change means a node only if its folder was listed in this session (`Folder.knows_keys`). A change of anything else needs nothing
done, as whoever looks for it next asks the camera: the first change of a session has the kernel drop all names of the one before.
"""

import logging
import math
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime

import trio

from camfs import errors
from camfs.cameras.api import Camera, Change, EntryChanged, EntryGone, FolderChanged, Gone, Key, KeyReused
from camfs.mount import names
from camfs.mount.blocks import BlockCache
from camfs.mount.budget import Budget
from camfs.mount.failures import Failure, FailureLog, Kind
from camfs.mount.file import File
from camfs.mount.folder import SETTLING, Folder, entry_of
from camfs.mount.inodes import InodeTable
from camfs.mount.kernel import Kernel
from camfs.mount.nodes import Node
from camfs.mount.watchers import Watchers

log = logging.getLogger(__name__)

STORES = "stores"
"""The kind of a failure to list the stores."""

REMOVED_KEPT = 256
"""Nodes that are remembered after they were removed, as the camera's event about it comes later."""

AT_A_TIME = 256
"""Nodes that are dealt with until other tasks get their turn."""


class Tree:
    """All nodes of one mount, and what they share.

    Args:
        camera: what the tree shows.
        kernel: drops what it remembers of things that have changed.
        blocks: carries the files' bytes.
        poll: seconds after which a listing is checked again on a camera that sends no events.
        allow_delete: whether folders show as writable, and files may be deleted on the camera.
        show_control: whether control files are listed.
        budget: the time that a request of the kernel may take; None for no limit.

    Attributes:
        inodes: the nodes by their numbers.
        by_key: the nodes of the camera's entries.
        watchers: are told of what appears and goes.
        removed: the nodes that were removed last, by the keys that they had.
        root: holds the stores, and answers to the names of the control files.
        last_failure: what went wrong last, for `.status`; None if what failed has succeeded since.
        failures: what goes wrong, for the log.
        settles_at: when the camera will list and describe all that it has announced, wherever that is.
    """

    def __init__(
        self,
        camera: Camera,
        kernel: Kernel,
        blocks: BlockCache,
        *,
        poll: float,
        allow_delete: bool = False,
        show_control: bool = False,
        budget: Budget | None = None,
    ) -> None:
        self.camera = camera
        self.kernel = kernel
        self.blocks = blocks
        self.poll = poll
        self.allow_delete = allow_delete
        self.show_control = show_control
        self.budget = budget or Budget()
        self.inodes = InodeTable()
        self.by_key: dict[Key, File | Folder] = {}
        self.last_failure: Failure | None = None
        self.failures = FailureLog()
        self.settles_at = -math.inf
        self._refreshes = 0
        self._session = camera.epoch
        self.removed: dict[Key, File | Folder] = {}
        self.watchers = Watchers(self)
        self.root = Folder(self, None, b"", None)

    @property
    def epoch(self) -> int:
        """Changes whenever keys may mean other entries."""
        return self.camera.epoch + self._refreshes

    @property
    def last_error(self) -> str:
        """The text of `last_failure`."""
        return self.last_failure.text if self.last_failure is not None else ""

    def note_success(self, kind: Kind) -> None:
        """Forget the last failure if it was of this kind."""
        if self.last_failure is not None and self.last_failure.kind == kind:
            self.last_failure = None

    def note_error(self, text: str, *, kind: Kind = None, of_command: bool = False) -> None:
        """Remember for `.status` what went wrong, and log it.

        Args:
            text: what went wrong.
            kind: what of; see `failures`.
            of_command: whether it is the answer to a command that somebody has typed, which is logged each time.
        """
        if of_command:
            log.warning("%s", text)
        else:
            self.failures.note(text)
        self.last_failure = Failure(" ".join(text.split()), datetime.now().astimezone(), kind)

    async def stores(self) -> list[Folder]:
        """List the stores."""
        stores = [node async for node in await self.root.listing() if isinstance(node, Folder)]
        self.note_success(STORES)
        return stores

    def rename(self, node: File | Folder, name: bytes) -> None:
        """Give a node the name that its entry now has on the camera."""
        folder = node.parent
        assert isinstance(folder, Folder)
        folder.children.pop(node.name, None)
        node.name = name
        node.entry = replace(entry_of(node), name=names.unescape(os.fsdecode(name)))
        folder.children[name] = node

    def remove(self, node: Node, *, kernel_knows: bool = False) -> None:
        """Take a node, and all below it, out of the tree; it lives on for those who have it open.

        Args:
            node: the node.
            kernel_knows: whether it was the kernel that asked for it.
        """
        folder = node.parent
        if isinstance(folder, Folder) and folder.lists(node):
            del folder.children[node.name]
        if not node.removed and not kernel_knows:
            self.kernel.invalidate_entry(folder, node.name)
            if isinstance(node, File | Folder):
                self.watchers.note_gone(node)
        self._mark_removed(node)
        if isinstance(node, File | Folder) and node.entry is not None:
            self.removed[node.entry.key] = node
            if len(self.removed) > REMOVED_KEPT:
                del self.removed[next(iter(self.removed))]

    def _mark_removed(self, node: Node) -> None:
        node.removed = True
        if isinstance(node, File | Folder):
            self.drop_key(node)
        if isinstance(node, Folder):
            for child in node.all_children():
                if child.lookups > 0:  # a name in use outlives that of the folder, which the kernel drops
                    self.kernel.invalidate_entry(node, child.name)
                self._mark_removed(child)
        self.inodes.drop_if_unused(node)

    def drop_key(self, node: File | Folder) -> None:
        """Let a node's key no longer mean it."""
        if node.entry is not None and self.by_key.get(node.entry.key) is node:
            del self.by_key[node.entry.key]

    async def refresh(self) -> None:
        """Drop all listings: everything is listed and described again when it is next looked at."""
        await self.camera.refresh()
        self.budget.forget_failures()
        self._refreshes += 1
        async for node in self._all_nodes():
            if isinstance(node, Folder):
                self.watchers.note_refreshed(node)
            if node is not self.root:
                if node.lookups > 0 and isinstance(node.parent, Folder):
                    self.kernel.invalidate_entry(node.parent, node.name)
                node.invalidate()  # also where the kernel has forgotten the node: blocks of it may be here

    async def _all_nodes(self) -> AsyncIterator[Node]:
        """Go through the nodes there are, which may be many; not to be stopped half way."""
        for number, node in enumerate(self.inodes, 1):
            yield node
            if number % AT_A_TIME == 0:
                await trio.lowlevel.checkpoint()

    async def find_new(self, keys: Sequence[Key]) -> Node:
        """Return the node of something new, by the keys that lead to it from the store down (`Camera.locate`).

        Only what is on the way is described. The folders are listed again when next looked at.

        Raises:
            NotFound: it is not listed.
        """
        node: Node = self.root
        for key in keys:
            child: Node | None = None
            known = self.by_key.get(key)
            if key == keys[-1] and known is not None:
                self.put_in_doubt(known)  # a camera may give a new picture the handle of an old one
            if isinstance(node, Folder):
                if not node.knows_keys():
                    await node.listing()
                if node is not self.root:
                    node.note_change()
                child = await node.describe(key, is_new=key == keys[-1])
            if child is None:
                raise errors.NotFound("the camera does not list the new file")
            node = child
        if isinstance(node, File | Folder):
            self.watchers.note_appeared(node)
        return node

    async def apply(self, change: Change) -> None:
        """Change the tree as the camera changed, and have the kernel drop what is no longer so: the table above."""
        if self._session != self.camera.epoch:
            self._session = self.camera.epoch
            await self._drop_waiting_names()
        match change:
            case FolderChanged(None):
                self.settles_at = trio.current_time() + SETTLING
                for node in self.inodes:
                    if isinstance(node, Folder):
                        node.stale = True
                for store in list(self.root.children.values()):
                    self.kernel.invalidate_entry(self.root, store.name)
                await self.root.listing()
                for node in self.inodes:
                    if isinstance(node, Folder):
                        self.watchers.note_changed(node)
            case FolderChanged(key):
                folder = self.known(key)
                if isinstance(folder, Folder):
                    folder.note_change()
                    folder.invalidate()
                    self.watchers.note_changed(folder)
            case EntryGone(key):
                node_gone = self.known(key)
                if node_gone is not None:
                    self.remove(node_gone)
            case EntryChanged(key):
                await self._describe_again(key)
            case KeyReused(key):
                node_in_doubt = self.by_key.get(key)
                if node_in_doubt is not None:
                    self.put_in_doubt(node_in_doubt)
                else:
                    await self._drop_waiting_names()
            case Gone():
                async for node in self._all_nodes():
                    if isinstance(node, File | Folder):
                        node.invalidate()

    async def _drop_waiting_names(self) -> None:
        """Have the kernel drop the names of nodes that wait to be found again, or whose folder has not been listed in this session."""
        async for node in self._all_nodes():
            folder = node.parent
            if node.lookups <= 0 or not isinstance(node, File | Folder) or not isinstance(folder, Folder):
                continue
            if not (folder.knows_keys() and folder.lists(node)):
                self.kernel.invalidate_entry(folder, node.name)

    def known(self, key: Key) -> File | Folder | None:
        """Return the node that a key means in this session; None where its folder was not listed in it."""
        node = self.by_key.get(key)
        if node is not None and isinstance(node.parent, Folder) and node.parent.knows_keys():
            return node
        return None

    def put_in_doubt(self, node: File | Folder) -> None:
        """Have a node, and all below it, found again, as its key may mean another entry."""
        folder = node.parent
        assert isinstance(folder, Folder)
        self.kernel.invalidate_entry(folder, node.name)
        folder.invalidate()
        folder.put_in_doubt(node)

    async def _describe_again(self, key: Key) -> None:
        node = self.known(key)
        if node is None:
            return
        try:
            entry = await self.camera.describe(key, None)
        except errors.Refused:
            self.put_in_doubt(node)
            raise
        if entry is None or node.removed:
            return
        if entry.name != entry_of(node).name or entry.is_folder != isinstance(node, Folder):
            folder = node.parent
            assert isinstance(folder, Folder)
            self.remove(node)
            folder.note_change()
            folder.invalidate()
        elif isinstance(node, File):
            await node.describe_again(entry)

"""One listing of a folder of the camera: its keys in the camera's order, each described as a reader reaches it.

So `ls` begins at once, and a lookup of the first name costs two transactions.

An error is never a shorter listing. An entry that the camera refuses to describe is left out and reported in `.status`. If that is true
of more entries than not, the folder is listed once more; if it stays so, readers get the error at the end of what there is, and so they
do if the camera does not answer, the session is lost half way, or the camera lists more than is shown (`api.MAX_ENTRIES`): else `rsync
--delete` would empty the copy.

A folder may have many entries, so other tasks get their turn each `AT_A_TIME` of them.
"""

import copy
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import trio

from camfs import errors
from camfs.cameras.api import Key
from camfs.mount.nodes import DirectoryListing, Node

if TYPE_CHECKING:
    from camfs.mount.folder import Folder

log = logging.getLogger(__name__)


AT_A_TIME = 64
"""Entries that are described until other tasks get their turn, where the camera need not be asked."""


@dataclass(frozen=True, slots=True)
class Undescribed:
    """The place of an entry that has not been described yet, or was left out; `is_new` if an earlier listing did not have it."""

    key: Key
    is_new: bool = False


class FolderListing(DirectoryListing):
    """One listing of a folder: keys in the camera's order, each with its node once it was described.

    Args:
        folder: the folder.
        slots: its entries.
        cut: what ends it for its readers, if the camera lists more entries than these.
    """

    def __init__(self, folder: "Folder", slots: list[Node | Undescribed], cut: errors.TooLarge | None = None) -> None:
        self._cut = cut
        self._folder = folder
        self._session = folder.tree.camera.epoch
        self._doubts = folder.doubts
        self._left_out: dict[Key, errors.Refused] = {}
        self._elsewhere = 0
        self._listed_once_more = False
        self._finishing = trio.Lock()
        self.slots = slots
        self.described = 0
        self._lock = trio.Lock()

    async def at(self, index: int) -> Node | None:
        """Describe the entries up to this place, and return its node."""
        if index >= len(self.slots):
            await self.finish()
            if index >= len(self.slots):  # else it was listed once more
                raise IndexError(index)
        await self._describe_up_to(index + 1)
        node = self.slots[index]
        return node if isinstance(node, Node) and not node.removed else None

    async def finish(self) -> None:
        """Describe all entries, and remove the nodes that no entry has claimed.

        Raises:
            CameraError: most cannot be described, or none: that must not pass for a folder with little in it, or nothing.
            TooLarge: the camera lists more entries than these.
        """
        async with self._finishing:
            await self._describe_up_to(len(self.slots))
            if self._lacks_most() and not self._listed_once_more:
                await self._list_once_more()
            if self._lacks_most():
                self._folder.stale = True
                raise self._failure()
        if not self._left_out or not self._folder.is_settling:
            self._folder.drop_unclaimed(self)
        if self._cut is not None:
            raise errors.TooLarge(*self._cut.args)
        if not self._left_out:
            self._folder.tree.note_success(("list", self._folder.inode))

    async def _list_once_more(self) -> None:
        """Describe again what was left out, if the camera lists it still; it gets places behind the others."""
        listed = set(await self._folder.tree.camera.list_folder(self._folder.key))
        left_out, self._left_out = self._left_out, {}
        self._listed_once_more = True
        self.slots += [Undescribed(key) for key in left_out if key in listed]
        await self._describe_up_to(len(self.slots))

    def _lacks_most(self) -> bool:
        if not self._left_out:
            return False
        return len(self._left_out) > self._elsewhere + sum(isinstance(slot, Node) for slot in self.slots)

    def _failure(self) -> errors.Refused:
        """Return why most entries are not shown. It is never `NotFound`: the folder itself is there."""
        path = self._folder.path() or "/"
        text = f"{path}: {len(self._left_out)} of the objects that the camera lists here cannot be described"
        first = next(iter(self._left_out.values()))
        reason = next((error for error in self._left_out.values() if not isinstance(error, errors.NotFound)), first)
        kind = errors.Refused if isinstance(reason, errors.NotFound) else type(reason)
        return kind(f"{text}: {reason}", reason.code)

    async def find(self, name: bytes) -> Node | None:
        """Describe entries until one has this name."""
        while True:
            node = self._folder.children.get(name)
            if node is not None:
                return node
            if self.described >= len(self.slots):
                await self.finish()
                return self._folder.children.get(name)
            await self._describe_up_to(self.described + 1)

    async def describe_new(self) -> None:
        """Describe the entries that the listing before did not have, and no other."""
        for index, slot in enumerate(self.slots):
            if isinstance(slot, Undescribed) and slot.is_new and slot.key not in self._left_out:
                async with self._lock:
                    if self.slots[index] is slot:
                        self._check_keys()
                        node = await self._describe(slot)
                        self._check_keys()
                        self.slots[index] = node or slot
        if self.is_complete:
            self._folder.drop_unclaimed(self)

    @property
    def is_complete(self) -> bool:
        """Whether all entries have been described."""
        return all(isinstance(slot, Node) for slot in self.slots)

    async def _describe_up_to(self, count: int) -> None:
        """Describe the first `count` entries. If that is cancelled or fails, those described stay so."""
        if self.described >= count:
            return
        async with self._lock:
            while self.described < count:
                slot = self.slots[self.described]
                if isinstance(slot, Undescribed):
                    self._check_keys()
                    node = await self._describe(slot)
                    self._check_keys()
                    if node is not None:
                        self.slots[self.described] = node
                    elif slot.key not in self._left_out:
                        self._elsewhere += 1
                self.described += 1
                if self.described % AT_A_TIME == 0:
                    await trio.lowlevel.checkpoint()

    def _check_keys(self) -> None:
        """See that the keys that are left still mean what they meant: half a listing must not pass for a whole one.

        Raises:
            RemoteProtocolError: they may mean other objects now.
        """
        if self._session != self._folder.tree.camera.epoch:
            raise errors.RemoteProtocolError("the session was lost while the folder was being listed")
        if self._doubts != self._folder.doubts:
            raise errors.RemoteProtocolError("the card was changed while the folder was being listed")

    async def _describe(self, slot: Undescribed) -> Node | None:
        try:
            return await self._folder.describe(slot.key, is_new=slot.is_new)
        except (errors.Busy, errors.StoreUnavailable):
            raise
        except errors.Refused as error:
            self._left_out[slot.key] = copy.copy(error)  # without its traceback, which keeps all of this call
            path = self._folder.path() or "/"
            text = f"{path}: an object that cannot be described is not shown: {error}"
            self._folder.tree.note_error(text, kind=("list", self._folder.inode))
            return None

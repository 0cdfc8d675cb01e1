"""A camera that changes in all the ways that cameras do, and says what it announces of each change.

Each length of a file is given once, so a size tells which file, and which of its versions, an answer is about; so does a date.
"""

import itertools
import random
from collections.abc import Callable

from camfs import errors
from camfs.cameras.api import Change, Entry, EntryChanged, EntryGone, FolderChanged, KeyReused
from tests.cameras.scripted import ScriptedCamera, Thing

NAMES = ("A", "A", "B", "a/b", "C%41", "", "..", "\x1b")
"""Names of files and folders: few, so that they repeat, and awkward."""


DOUBTS = ("swap card", "card out", "card in", "new session", "reuse handle")
"""What makes keys mean other things."""


class ChangingCamera(ScriptedCamera):
    """Two stores, with folders and files. Names of files repeat; those of folders do not, as on any card.

    Attributes:
        versions: all bytes that each file ever had.
        by_size, by_date: which thing has or had this size or date.
        quietly: what has left without being named by an event, and what lies in a folder that has.
        restless: what may get another inode: nothing tells whether a file without a date is the same after a doubt, and a file that
            the camera has renamed is another for camfs.
        doubted: whether keys have come to mean other things, so that what changes before it is found again may be taken for another.
        out: the stores that are not in the camera now.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sends_events = True
        self.versions: dict[Thing, list[bytes]] = {}
        self.by_size: dict[int, Thing] = {}
        self.by_date: dict[int, Thing] = {}
        self.quietly: set[Thing] = set()
        self.restless: set[Thing] = set()
        self.doubted = False
        self.out: list[Thing] = []
        self._given = 0
        self._keys = itertools.count(1000)
        self.root.inside.clear()
        for name in ("card", "card2"):
            store = self._new_folder(self.root, name)
            self._new_file(self._new_folder(store, "DCIM"), "A", dated=True)
            self._new_file(store, "A", dated=True)

    async def rename(self, entry: Entry, name: str) -> None:
        thing = await self._same("rename", entry)
        if thing.above is self.root:
            raise errors.StoreReadOnly("a store keeps its name")
        thing.name = name

    async def delete(self, entry: Entry) -> None:
        thing = await self._same("delete", entry)
        if thing.inside:
            raise errors.AccessDenied("not empty")
        self.remove(thing)

    async def _same(self, call: str, entry: Entry) -> Thing:
        """Return the thing of an entry, as drivers do before they change one: not in another session, nor if the key is another's."""
        thing = self.thing(entry.key)
        await self._called(call, entry.key)
        if not self.has(thing) or thing.number != entry.key:
            raise errors.Refused("the session was lost meanwhile")
        return thing

    def has(self, thing: Thing) -> bool:
        """Say whether something is in the camera now."""
        return thing is self.root or any(each is thing for each in self.root.walk())

    def meant_by(self, size: int, mtime_ns: int) -> Thing:
        """Return what has or had this date, or without one this size."""
        return self.by_date[mtime_ns] if mtime_ns else self.by_size[size]

    # ------------------------------------------------------------------ what can happen to it

    def change(self, kind: str, chosen: int) -> list[Change]:
        """Change something; return what is announced. `chosen` decides what is changed, among all that there is."""
        changes: dict[str, Callable[[int], list[Change]]] = {
            "add": self._add_file,
            "add folder": self._add_folder,
            "remove": self._remove,
            "remove quietly": self._remove_quietly,
            "change bytes": self._change_bytes,
            "rename": self._rename,
            "reuse handle": self._reuse_handle,
            "swap card": self._swap_card,
            "card out": self._take_out,
            "card in": self._put_in,
            "new session": self._new_session,
            "shuffle": self._shuffle,
        }
        self.doubted = self.doubted or kind in DOUBTS
        return changes[kind](chosen)

    def _fresh(self) -> int:
        self._given += 1
        return self._given

    def _new_folder(self, above: Thing, name: str) -> Thing:
        folder = self.add(above, name, mtime_ns=self._fresh())
        folder.number = next(self._keys)
        self.by_date[folder.mtime_ns] = folder
        return folder

    def _new_file(self, above: Thing, name: str, *, dated: bool) -> Thing:
        name = self._unused(above, name, folder=False)
        file = self.add(above, name, b"", mtime_ns=self._fresh() if dated else 0)
        file.number = next(self._keys)
        if dated:
            self.by_date[file.mtime_ns] = file
        self._give_bytes(file)
        return file

    def _give_bytes(self, file: Thing) -> None:
        size = self._fresh()
        file.data = random.Random(size).randbytes(size)
        self.by_size[size] = file
        self.versions.setdefault(file, []).append(file.data)

    def _folder(self, chosen: int) -> Thing | None:
        folders = [thing for thing in self.root.walk() if thing.data is None]
        return folders[chosen % len(folders)] if folders else None

    def _file(self, chosen: int) -> Thing | None:
        files = [thing for thing in self.root.walk() if thing.data is not None]
        return files[chosen % len(files)] if files else None

    def _movable(self, chosen: int) -> Thing | None:
        things = [thing for thing in self.root.walk() if thing.above is not self.root]
        return things[chosen % len(things)] if things else None

    def _note_doubt(self, above: Thing) -> None:
        self.restless |= {thing for thing in above.walk() if thing.data is not None and not thing.mtime_ns}

    def _add_file(self, chosen: int) -> list[Change]:
        if (above := self._folder(chosen)) is None:
            return []
        file = self._new_file(above, NAMES[chosen % len(NAMES)], dated=chosen % 5 != 0)
        if file.mtime_ns and chosen % 3 == 0:
            file.claimed = 0
        return [FolderChanged(above.number)]

    def _add_folder(self, chosen: int) -> list[Change]:
        if (above := self._folder(chosen)) is None:
            return []
        self._new_folder(above, self._unused(above, NAMES[chosen % len(NAMES)], folder=True))
        return [FolderChanged(above.number)]

    def _unused(self, above: Thing, name: str, *, folder: bool) -> str:
        """Return the name, or another if it is taken: a folder shares its name with nothing, a file with other files."""
        taken = any(each.name == name and (folder or each.data is None) for each in above.inside)
        return f"{name}-{self._fresh()}" if taken else name

    def _remove(self, chosen: int) -> list[Change]:
        if (thing := self._movable(chosen)) is None:
            return []
        self.remove(thing)
        return [EntryGone(thing.number)]

    def _remove_quietly(self, chosen: int) -> list[Change]:
        """Announce only that something in the folder is not as it was."""
        if (thing := self._movable(chosen)) is None or thing.above is None:
            return []
        self.remove(thing)
        self.quietly |= {thing, *thing.walk()}
        return [FolderChanged(thing.above.number)]

    def _change_bytes(self, chosen: int) -> list[Change]:
        if (file := self._file(chosen)) is None:
            return []
        self._give_bytes(file)
        if self.doubted:
            self.restless.add(file)
        return [EntryChanged(file.number)]

    def _rename(self, chosen: int) -> list[Change]:
        if (thing := self._movable(chosen)) is None or thing.above is None:
            return []
        name = NAMES[chosen % len(NAMES)]
        thing.name = self._unused(thing.above, name, folder=thing.data is None)
        self.restless |= {thing, *thing.walk()}
        return [EntryChanged(thing.number)]

    def _reuse_handle(self, chosen: int) -> list[Change]:
        """Give a new file the handle of an old one."""
        if (old := self._file(chosen)) is None or old.above is None:
            return []
        self.remove(old)
        name = NAMES[chosen % len(NAMES)] if chosen % 2 else old.name
        new = self._new_file(old.above, name, dated=chosen % 5 != 0)
        new.number = old.number
        return [KeyReused(new.number), FolderChanged(old.above.number)]

    def _swap_card(self, chosen: int) -> list[Change]:
        """Put in a card that has some of the same pictures, and another in place of each of the others; handles are given anew."""
        if not self.root.inside:
            return []
        store = self.root.inside[chosen % len(self.root.inside)]
        keys = [thing.number for thing in store.walk()]
        chance = random.Random(chosen)
        for file in [thing for thing in store.walk() if thing.data is not None]:
            if chance.random() < 0.5 and file.above is not None:
                self.remove(file)
                self._new_file(file.above, file.name, dated=True)
        self._note_doubt(store)
        chance.shuffle(keys)
        for thing, key in zip(store.walk(), itertools.chain(keys, self._keys), strict=False):
            thing.number = key
        return [KeyReused(store.number), FolderChanged(None)]

    def _take_out(self, chosen: int) -> list[Change]:
        if not self.root.inside:
            return []
        store = self.root.inside[chosen % len(self.root.inside)]
        self.remove(store)
        self.out.append(store)
        self._note_doubt(store)
        return [KeyReused(store.number), FolderChanged(None)]

    def _put_in(self, chosen: int) -> list[Change]:
        if not self.out:
            return []
        store = self.out.pop(chosen % len(self.out))
        self.root.inside.append(store)
        for thing in (store, *store.walk()):
            thing.number = next(self._keys)
        return [FolderChanged(None)]

    def _new_session(self, chosen: int) -> list[Change]:
        """Give all handles anew, without a word."""
        keys = [thing.number for thing in self.root.walk()]
        for thing, key in zip(self.root.walk(), random.Random(chosen).sample(keys, len(keys)), strict=True):
            thing.number = key
        self.epoch += 1
        self._note_doubt(self.root)
        return []

    def _shuffle(self, chosen: int) -> list[Change]:
        if (folder := self._folder(chosen)) is None:
            return []
        random.Random(chosen).shuffle(folder.inside)
        return [FolderChanged(folder.number)]

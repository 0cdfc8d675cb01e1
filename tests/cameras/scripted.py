"""A camera without a wire: a tree of objects that a test builds, changes and breaks, with every call on record."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import trio

from camfs import errors
from camfs.cameras.api import Ability, Change, Entry, EntryGone, FolderChanged, Key, Usage, WithoutRemoteControl

KEY_LIMIT = 1 << 20

Hook = Callable[[str, Key | None], Awaitable[None]]


async def _turn(_call: str, _key: Key | None) -> None:
    await trio.lowlevel.checkpoint()


@dataclass(eq=False)
class Thing:
    """An object of the camera: a store, folder or file.

    Attributes:
        number: its key in this session.
        failure: what describing it fails with.
        claimed: the size that the camera says it has, if that may be wrong.
        bound: the size that it has at most, if the camera does not find out how large it is.
    """

    name: str
    number: int
    above: "Thing | None"
    data: bytes | None = None
    mtime_ns: int = 0
    picture: bool = False
    failure: errors.CameraError | None = None
    claimed: int | None = None
    bound: int | None = None
    inside: "list[Thing]" = field(default_factory=list)

    def walk(self) -> "Iterator[Thing]":
        """Go through all below it."""
        for each in self.inside:
            yield each
            yield from each.walk()


class ScriptedCamera(WithoutRemoteControl):
    """A `camfs.cameras.api.Camera`.

    Attributes:
        calls: what was asked, and about which key.
        before: is awaited before each call, with its name.
        failing: what calls of a name fail with.
        root: holds the stores.
        taken: names of the files that the next captures make, with the folder they are put into.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self._send, self.changes = trio.open_memory_channel[Change](1 << 16)
        self.gone = False
        self.sends_events = False
        self.calls: list[tuple[str, Key | None]] = []
        self.failing: dict[str, errors.CameraError] = {}
        self.settings = {"iso": "100", "aperture": "f/2.8"}
        self.now = datetime(2026, 11, 19, 16, 2, tzinfo=UTC)
        self.shots: list[list[Thing]] = []
        self.before: Hook = _turn
        self._last = 0
        self.root = Thing("", -1, None)
        self.card = self.add(self.root, "card")

    # ------------------------------------------------------------------ for tests

    def add(
        self, above: Thing, name: str, data: bytes | None = None, *, mtime_ns: int = 0, picture: bool = False
    ) -> Thing:
        """Add an object; a folder where there are no data."""
        self._last += 1
        thing = Thing(name, self._last, above, data, mtime_ns, picture)
        above.inside.append(thing)
        return thing

    def remove(self, thing: Thing) -> None:
        """Remove an object and all below it."""
        assert thing.above is not None
        thing.above.inside.remove(thing)

    def lose_session(self, renumber: Callable[[int], int] = lambda number: KEY_LIMIT - number) -> None:
        """Open a new session, in which all keys are other numbers."""
        self.epoch += 1
        for thing in self.root.walk():
            thing.number = renumber(thing.number)
        self._last = max(thing.number for thing in self.root.walk())

    def count(self, call: str) -> int:
        """Count the calls of a name."""
        return Counter(name for name, _ in self.calls)[call]

    def announce(self, change: Change) -> None:
        """Let something have happened."""
        self._send.send_nowait(change)

    def thing(self, key: Key | None) -> Thing:
        """Return the object of a key."""
        if key is None:
            return self.root
        for thing in self.root.walk():
            if thing.number == key:
                return thing
        raise errors.NotFound(f"no object {key}", 0x2009)

    async def _called(self, call: str, key: Key | None = None) -> None:
        self.calls.append((call, key))
        await self.before(call, key)
        if self.gone:
            raise errors.DeviceGone("the camera is gone")
        if call in self.failing:
            raise self.failing[call]

    def entry(self, thing: Thing) -> Entry:
        """Return what `describe` says of an object."""
        return Entry(
            thing.number,
            thing.name,
            f"{thing.number:08x}",
            thing.data is None,
            len(thing.data or b"") if thing.claimed is None else thing.claimed,
            size_is_exact=thing.claimed is None,
            mtime_ns=thing.mtime_ns,
            is_picture=thing.picture,
        )

    # ------------------------------------------------------------------ the camera

    def abilities(self) -> Set[Ability]:
        return {Ability.CAPTURE, Ability.SETTINGS, Ability.CLOCK, Ability.THUMBNAILS, Ability.DELETE, Ability.FORMAT}

    async def list_folder(self, key: Key | None) -> Sequence[Key]:
        await self._called("list", key)
        return [each.number for each in self.thing(key).inside]

    async def describe(self, key: Key, folder: Key | None) -> Entry | None:
        await self._called("describe", key)
        thing = self.thing(key)
        if thing.failure is not None:
            raise thing.failure
        return self.entry(thing) if folder is None or thing.above is self.thing(folder) else None

    async def locate(self, key: Key) -> Sequence[Key]:
        await self._called("locate", key)
        way: list[Key] = []
        thing: Thing | None = self.thing(key)
        while thing is not None and thing is not self.root:
            way.insert(0, thing.number)
            thing = thing.above
        return way

    async def measure(self, entry: Entry, *, reading: bool) -> Entry:
        await self._called("measure", entry.key)
        thing = self.thing(entry.key)
        if entry.size_is_exact or not reading:
            return entry
        if thing.bound is not None:
            return replace(entry, size=thing.bound, size_is_bound=True)
        return replace(entry, size=len(thing.data or b""), size_is_exact=True)

    def reads_short(self, entry: Entry) -> bool:
        return False

    async def read(self, entry: Entry, offset: int, size: int) -> bytes | memoryview:
        await self._called("read", entry.key)
        return (self.thing(entry.key).data or b"")[offset : offset + size]

    async def release(self, entry: Entry) -> None:
        await self._called("release", entry.key)

    async def thumbnail(self, entry: Entry) -> bytes:
        await self._called("thumbnail", entry.key)
        thing = self.thing(entry.key)
        if not thing.picture:
            raise errors.NoData("no thumbnail", 0x2010)
        return b"\xff\xd8\xff" + thing.name.encode()

    async def delete(self, entry: Entry) -> None:
        await self._called("delete", entry.key)
        self.remove(self.thing(entry.key))

    async def rename(self, entry: Entry, name: str) -> None:
        await self._called("rename", entry.key)
        raise errors.StoreReadOnly("no")

    async def usage(self, store: Key) -> Usage:
        await self._called("usage", store)
        return Usage(64_000_000_000, 16_000_000_000, 3)

    async def format(self, store: Key) -> None:
        await self._called("format", store)
        self.thing(store).inside.clear()

    def setting_names(self) -> Sequence[str]:
        return list(self.settings)

    async def setting(self, name: str) -> str:
        await self._called("setting", name)
        return self.settings[name]

    async def choices(self, name: str) -> Sequence[str]:
        await self._called("choices", name)
        return ["100", "200", "400"] if name == "iso" else []

    async def change_setting(self, name: str, value: str) -> None:
        await self._called("change_setting", name)
        if name == "iso" and value not in ("100", "200", "400"):
            raise errors.InvalidValue(f"{name}: {value} is none of its choices")
        self.settings[name] = value

    async def clock(self) -> datetime:
        await self._called("clock")
        return self.now

    async def set_clock(self, moment: datetime) -> None:
        await self._called("set_clock")
        self.now = moment

    async def capture(self, exposure: float | None = None) -> Sequence[Key]:
        await self._called("capture", *([] if exposure is None else [exposure]))
        if not self.shots:
            raise errors.TransferTimeout("the camera took no picture")
        shot = self.shots.pop(0)
        for thing in shot:
            assert thing.above is not None
            thing.above.inside.append(thing)
            self.announce(FolderChanged(thing.above.number))
        return [thing.number for thing in shot]

    async def stop_capture(self) -> None:
        await self._called("stop_capture")

    def shot(self, above: Thing, *names: str) -> None:
        """Say what the next capture shall make."""
        made = [self.add(above, name, name.encode()) for name in names]
        for thing in made:
            above.inside.remove(thing)
        self.shots.append(made)

    async def raw(self, command: str) -> str:
        await self._called("raw", command)
        return f"2001 : {command.encode().hex()}"

    async def status(self) -> Sequence[tuple[str, str]]:
        await self._called("status")
        return [("camera", "Scripted"), ("serial", "1"), ("firmware", "1.0"), ("battery", "50%")]

    async def refresh(self) -> None:
        await self._called("refresh")


def gone(thing: Thing) -> EntryGone:
    """Return the change that tells that an object was deleted."""
    return EntryGone(thing.number)

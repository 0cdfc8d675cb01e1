"""What the file system asks of a camera: the `Camera` protocol, and what it speaks of, entries and changes.

An entry is a store, a folder or a file. Its key is the driver's own (a PTP storage and object handle, a DC120 album number); nothing above
the drivers looks into one.
"""

from collections.abc import Hashable, Mapping, Sequence, Set
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import PurePosixPath
from typing import Protocol

import trio

from camfs import errors

Key = Hashable
"""A driver's name for an entry. Equal keys mean the same entry as long as `Camera.epoch` stays the same and no `KeyReused` names it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A store, folder or file as the camera describes it.

    Attributes:
        key: the driver's name for it.
        name: as the camera sent it; it may be empty, contain a slash, or be the name of another entry of the folder.
        tag: text unique within the folder; tells duplicate names apart.
        is_folder: True for stores and folders.
        size: in bytes; 0 for a folder.
        size_is_exact: False where what the camera says may be wrong. Who reads the file has to `Camera.measure` it first.
        size_is_bound: True where not even that tells the size: the file has at most `size` bytes, and ends where a read finds none.
        mtime_ns: nanoseconds since 1970, 0 if the camera gives no date.
        date_is_exact: False where the camera has not told the date yet. Who wants to know it has to `Camera.measure` it first.
        is_picture: whether the camera may have a thumbnail of it.
        is_local: held by camfs, not by the camera: deletable without `allow_delete`.
    """

    key: Key
    name: str
    tag: str
    is_folder: bool
    size: int = 0
    size_is_exact: bool = True
    size_is_bound: bool = False
    mtime_ns: int = 0
    date_is_exact: bool = True
    is_picture: bool = False
    is_local: bool = False

    def is_like(self, other: "Entry") -> bool:
        """Say whether `other`, found later or in another session, is the same file with the same contents."""
        return (
            self.name == other.name
            and self.is_folder == other.is_folder
            and (self.is_folder or (self._may_be_as_large_as(other) and self._may_be_as_old_as(other)))
        )

    def _may_be_as_large_as(self, other: "Entry") -> bool:
        return self.size == other.size or not (self.size_is_exact and other.size_is_exact)

    def _may_be_as_old_as(self, other: "Entry") -> bool:
        return self.mtime_ns == other.mtime_ns or not (self.date_is_exact and other.date_is_exact)


@dataclass(frozen=True)
class Usage:
    """Room in a store, in bytes; `objects` is the number of files and folders, None where the camera does not say."""

    total: int
    free: int
    objects: int | None = None


@dataclass(frozen=True)
class FolderChanged:
    """The contents of a folder have changed; key None: the list of stores, and everything in them."""

    key: Key | None


@dataclass(frozen=True)
class EntryGone:
    """An entry was deleted."""

    key: Key


@dataclass(frozen=True)
class EntryChanged:
    """An entry's size, date or bytes have changed."""

    key: Key


@dataclass(frozen=True)
class KeyReused:
    """A key, and with a folder all keys below it, may mean other entries now, of which nothing is known yet.

    A card was taken out or put in, or the camera has given a new object the handle of an old one.
    """

    key: Key


@dataclass(frozen=True)
class Happened:
    """A line for `.events`, without its time; nothing else is done about it, but for a new entry, of which watchers of its folder are told.

    Attributes:
        text: what happened: `added`, `setting iso 400`.
        raw: the camera's own words and codes for it, where it has any; they are shown behind, in parentheses.
        keys: the entry that it is about, whose path follows the text. Of several, whichever the file system knows.
        is_new: whether that entry is new; it can be located then.
    """

    text: str
    raw: str = ""
    keys: tuple[Key, ...] = ()
    is_new: bool = False


@dataclass(frozen=True)
class Gone:
    """The camera was unplugged or switched off."""


Change = FolderChanged | EntryGone | EntryChanged | KeyReused | Happened | Gone


class NoChoices(tuple[str, ...]):
    """No values of a setting that could be listed, and why not."""

    why: str

    def __new__(cls, why: str) -> "NoChoices":
        empty = super().__new__(cls)
        empty.why = why
        return empty


def unconfirmed_lines(values: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the line of `.status` about settings that were written and that the camera does not tell."""
    written = ", ".join(f"{name} {value}" for name, value in values.items())
    return [("not-confirmed", f"{written} (written; the camera does not tell)")] if written else []


class Ability(Enum):
    """What a camera may be able to do beside being read, in the words of `.help`."""

    CAPTURE = "take pictures"
    SETTINGS = "show and change its settings"
    CLOCK = "tell and set its clock"
    REMOTE_CONTROL = "be put under this computer's control"
    MOVIES = "record movies"
    FOCUS = "focus"
    LIVE_VIEW = "show a live view"
    THUMBNAILS = "give thumbnails"
    RENAME = "rename albums"
    DELETE = "delete"
    FORMAT = "format its stores"


MAX_ENTRIES = 100_000
"""Entries of a folder that are shown: more than the 65,534 that a folder on a card with FAT can have. Of what a camera lists beyond them a
driver returns one at least, and may leave out the rest; whoever reads such a folder to the end gets an error.
"""


class Camera(Protocol):
    """A camera, as the file system sees it.

    Every method may raise any `CameraError`: `Refused` and its kinds when the camera says no; once the camera is unplugged, `DeviceGone`
    until it is back. Methods may be called from any number of tasks at once; the driver puts them in order on the wire. A cancelled call
    leaves the wire in step. Calls are cancelled: a request of the kernel has a budget of time, the deadline of the cancel scope that the
    call is made in, and a driver does not try again what cannot succeed before it. `capture`, `record`, `change_focus`, `format` and
    `release_control` have no such deadline; they end when the camera has made no progress for long.

    Listing. The root is `list_folder(None)`, whose keys are the stores. Each key is described once, when the file system first needs its
    name or size, by `describe`; listing a folder again describes its new keys only. When `epoch` was raised, old keys mean nothing any
    more: the file system lists again, and finds the entries that it knew by `Entry.is_like`.

    A read. Opening a file fetches nothing; only a file whose size the camera may have wrong is measured (`measure`). The file system reads
    whole blocks into its cache, so `head -c 1 FILE` is one `read` of the file's first block, and a copy reads several blocks at a time. The
    driver fetches the bytes at that moment: a PTP camera sends the part that was asked for; of a camera that cannot send parts the driver
    starts a download, which serves this read and those that follow. When the last reader of a file has closed it, `release` lets the driver
    stop a download that nobody needs.

    An event. The driver receives it, drops what it had remembered and is not true any more, asks the camera what the event does not say,
    and puts a change into `changes`. The file system takes it from there, marks folders to be listed again, and tells the kernel to
    drop what it has cached. A camera that has not sent an event about its contents yet (`sends_events`) is polled instead: a listing that
    is older than the mount's poll time is made again when somebody looks at the folder. No camera is trusted without limit: what it
    announced may take seconds to show in its lists, and some announce only a part, so listings are made again for a while after an
    event, and slowly later.

    A capture. `capture` releases the shutter, waits until the camera has the files of the shot, and returns their keys. The file system
    asks `locate` where they are, and shows them there before `echo 1 > .capture` ends; so the paths that `.capture` gives can be read.
    """

    @property
    def epoch(self) -> int:
        """Raised by one whenever keys may have come to mean other entries: the session was lost and opened again."""

    @property
    def changes(self) -> trio.MemoryReceiveChannel[Change]:
        """What happened at the camera, in order."""

    @property
    def gone(self) -> bool:
        """Whether the camera is unplugged or switched off."""

    @property
    def sends_events(self) -> bool:
        """Whether the camera has ever announced a change of its contents by itself; until then listings are polled."""

    @property
    def is_remote_controlled(self) -> bool:
        """Whether it has remote control, which reading a setting or the focus acquires."""

    def abilities(self) -> Set[Ability]:
        """Say what it can do, without asking it."""

    async def list_folder(self, key: Key | None) -> Sequence[Key]:
        """List the keys of a folder's entries, in the camera's order; the stores for None.

        Raises:
            StoreUnavailable: there is no store, or nothing is shown of it; the text says what to do. An empty list means an empty folder.
        """

    async def describe(self, key: Key, folder: Key | None) -> Entry | None:
        """Describe an entry that `list_folder(folder)` listed; None if it turns out to lie in another folder.

        Raises:
            Refused: this entry cannot be described; it is left out of its folder. Any other error concerns the camera.
        """

    async def locate(self, key: Key) -> Sequence[Key]:
        """Return the keys that lead to an entry: the store, the folders, the entry itself."""

    async def measure(self, entry: Entry, *, reading: bool) -> Entry:
        """Find out how large a file is, and its date; an entry whose size and date are exact is returned as it is.

        Args:
            entry: the file.
            reading: whether it is going to be read, so that its size must be known, or known to be unknown. Where this begins a transfer,
                that serves the reads that follow; `release` stops it, if there are none. Else only one small question is asked: whether
                a file that is said to be empty is; or what its date is, if nothing else goes on.
        """

    def reads_short(self, entry: Entry) -> bool:
        """Say whether reads of a file may return fewer bytes than asked for: those that a slow line brings in about a second."""

    async def read(self, entry: Entry, offset: int, size: int) -> bytes | memoryview:
        """Read `size` bytes of a file from `offset`; fewer only at its end. Where it reads short, one byte at least."""

    async def release(self, entry: Entry) -> None:
        """Note that this file has no readers left; a transfer for them may stop."""

    async def thumbnail(self, entry: Entry) -> bytes:
        """Fetch the camera's own thumbnail of a picture, in whatever format it has.

        Raises:
            NoData: there is none.
        """

    async def delete(self, entry: Entry) -> None:
        """Delete a file or an empty folder on the camera."""

    async def rename(self, entry: Entry, name: str) -> None:
        """Give an entry another name, in its own folder.

        Raises:
            StoreReadOnly: the camera cannot rename this kind of entry.
        """

    async def usage(self, store: Key) -> Usage:
        """Measure the room in a store."""

    async def format(self, store: Key) -> None:
        """Delete everything in a store."""

    async def learn_settings(self) -> None:
        """Find out which settings there are, as far as the camera has to be asked; `setting_names` tells them from then on."""

    def setting_names(self) -> Sequence[str]:
        """Name the settings, without asking the camera."""

    async def setting(self, name: str) -> str:
        """Read a setting, as a photographer writes it."""

    async def choices(self, name: str) -> Sequence[str]:
        """List the values that a setting accepts now; where there are none to list, `NoChoices` says why."""

    async def change_setting(self, name: str, value: str) -> None:
        """Write a setting and read it back.

        What the camera does not tell afterwards counts as written; `changes` and `status` say that it is not confirmed.

        Raises:
            InvalidValue: this is not a value of the setting; nothing was sent to the camera.
            NotPermitted: the camera kept the value that it had.
        """

    async def clock(self) -> datetime:
        """Read the camera's clock; the result has a zone."""

    async def set_clock(self, moment: datetime) -> None:
        """Set the camera's clock."""

    async def capture(self, exposure: float | None = None) -> Sequence[Key | PurePosixPath]:
        """Take one picture, wait until it can be read, and return the keys of its files.

        A file that cannot be listed now is given as a path that begins with the store's name: a SIGMA that saves to its card.

        Args:
            exposure: seconds for which the shutter is held open (bulb); None for the exposure time that is set.

        Raises:
            NotSupported: the camera takes no pictures under a computer's control, or an exposure is given and it has no bulb.
        """

    async def capture_several(self, count: int) -> tuple[int, Sequence[Key | PurePosixPath]]:
        """Take pictures by one command of the camera, as `capture` does; return how many, and the keys of the files of all.

        Args:
            count: how many are wanted. One at least is taken, and more than this only if the camera is set to take several each time.
        """

    async def stop_capture(self) -> None:
        """End a bulb exposure, and what the camera's own interval timer goes on with; do nothing if there is neither."""

    def in_use(self) -> AbstractAsyncContextManager[None]:
        """Keep remote control from being released because the camera is idle, while the block runs; it is not acquired for that."""

    async def has_control(self) -> bool:
        """Say whether the camera is under this computer's remote control."""

    async def acquire_control(self) -> None:
        """Put the camera under remote control: it obeys this computer, and its own buttons may be dead."""

    async def release_control(self) -> None:
        """Give the camera back to the photographer; does nothing where it is not under remote control.

        Raises:
            StoreFull: this computer has no room for shots that only the camera holds; control is kept.
        """

    async def recording(self) -> bool:
        """Say whether a movie is being recorded."""

    async def record(self, start: bool) -> None:
        """Start or stop a movie."""

    async def focus(self) -> str:
        """Return the state and the position of the focus as `key: value` lines."""

    async def change_focus(self, text: str) -> None:
        """Drive the focus, by itself (`af`) or to a position; returns when it has arrived."""

    async def view_frame(self) -> bytes:
        """Fetch a frame of the live view, a JPEG."""

    async def raw(self, command: str) -> str:
        """Send a raw command, in hexadecimal, and return the reply in hexadecimal."""

    async def status(self) -> Sequence[tuple[str, str]]:
        """Return what `.status` shows of the camera, keys and values, without disturbing it."""

    async def refresh(self) -> None:
        """Drop what was remembered of the camera's contents."""


class WithoutRemoteControl:
    """The answers of a camera that has no remote control: never held, no movies, no focus drive, no live view, one picture at a time."""

    is_remote_controlled = False

    async def capture(self, exposure: float | None = None) -> Sequence[Key | PurePosixPath]:
        raise errors.NotSupported("this camera takes no pictures under a computer's control")

    async def capture_several(self, count: int) -> tuple[int, Sequence[Key | PurePosixPath]]:
        return 1, await self.capture()

    async def stop_capture(self) -> None:
        pass

    def in_use(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def learn_settings(self) -> None:
        pass

    async def has_control(self) -> bool:
        return False

    async def acquire_control(self) -> None:
        raise errors.NotSupported("this camera has no remote control to acquire")

    async def release_control(self) -> None:
        pass

    async def recording(self) -> bool:
        raise errors.NotSupported("this camera cannot record movies under a computer's control")

    async def record(self, start: bool) -> None:
        raise errors.NotSupported("this camera cannot record movies under a computer's control")

    async def focus(self) -> str:
        raise errors.NotSupported("this camera's focus cannot be driven by a computer")

    async def change_focus(self, text: str) -> None:
        raise errors.NotSupported("this camera's focus cannot be driven by a computer")

    async def view_frame(self) -> bytes:
        raise errors.NotSupported("this camera has no live view")

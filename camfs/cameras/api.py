"""What the file system asks of a camera: the `Camera` protocol and the things it speaks in, entries and changes.

An entry is a picture, a folder or a store. Its key is the driver's own (a PTP object handle with its storage, a DC120 album number);
nothing above the drivers looks into one.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Protocol

import trio

from camfs import errors

Key = Hashable
"""A driver's name for an entry. Equal keys mean the same entry as long as `Camera.epoch` stays the same."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A store, folder or file as the camera describes it.

    Attributes:
        key: the driver's name for it.
        name: as the camera sent it: it may be empty, hold a slash, or be the name of its neighbour.
        tag: short text, unlike any other entry's in the same folder: told apart by it when names repeat.
        is_folder: stores and folders.
        size: bytes; of a folder 0.
        size_is_exact: False where the camera can say no more than that there are at least `size` bytes.
        mtime_ns: nanoseconds since 1970, 0 if the camera gives no date.
        is_picture: whether a thumbnail may be asked of it.
        is_local: whether it waits here for the user to take it: its files may be removed whatever the mount's options say.
    """

    key: Key
    name: str
    tag: str
    is_folder: bool
    size: int = 0
    size_is_exact: bool = True
    mtime_ns: int = 0
    is_picture: bool = False
    is_local: bool = False

    def is_like(self, other: "Entry") -> bool:
        """Say whether `other`, met later or in another session, is the same file with the same contents."""
        return (
            self.name == other.name
            and self.is_folder == other.is_folder
            and (self.is_folder or (self.size == other.size and self.mtime_ns == other.mtime_ns))
        )


@dataclass(frozen=True)
class Usage:
    """Room in a store, in bytes; `objects` counts files and folders, None where the camera does not say."""

    total: int
    free: int
    objects: int | None = None


@dataclass(frozen=True)
class FolderChanged:
    """The contents of a folder (None: the list of stores) are not what they were."""

    key: Key | None


@dataclass(frozen=True)
class EntryGone:
    """An entry was deleted."""

    key: Key


@dataclass(frozen=True)
class EntryChanged:
    """An entry's size, date or bytes changed."""

    key: Key


@dataclass(frozen=True)
class Happened:
    """Something for `.events`: a line of text without its time."""

    text: str


@dataclass(frozen=True)
class Gone:
    """The camera is unplugged or switched off."""


Change = FolderChanged | EntryGone | EntryChanged | Happened | Gone


class Camera(Protocol):
    """A camera, as the file system sees it.

    Every method may raise any `CameraError`: `Refused` and its kinds when the camera says no, `DeviceGone` for good once it is
    unplugged. Calls may be made from any number of tasks: they take turns on the wire. A cancelled call leaves the wire in step.
    """

    @property
    def epoch(self) -> int:
        """Raised by one whenever keys may have come to mean other entries: the session was lost and opened again."""

    @property
    def changes(self) -> trio.MemoryReceiveChannel[Change]:
        """What happened at the camera, in order."""

    @property
    def gone(self) -> bool:
        """Whether the camera has left."""

    @property
    def sends_events(self) -> bool:
        """Whether the camera has ever announced a change by itself; until then listings are polled."""

    async def list_folder(self, key: Key | None) -> Sequence[Key]:
        """List the keys of a folder's entries, in the camera's order; of the stores for None."""

    async def describe(self, key: Key, folder: Key | None) -> Entry | None:
        """Describe an entry that `list_folder(folder)` named; None if it turns out to lie elsewhere.

        Raises:
            Refused: this entry cannot be described; it is left out of its folder. Any other error is about the camera.
        """

    async def locate(self, key: Key) -> Sequence[Key]:
        """Return the keys of the store, the folders and the entry itself that lead to an entry."""

    def reads_short(self, entry: Entry) -> bool:
        """Say whether reads of a file may return fewer bytes than were asked for: what a slow line has brought in about a second."""

    async def read(self, entry: Entry, offset: int, size: int) -> bytes | memoryview:
        """Read exactly `size` bytes of a file from `offset`, or as many as it holds from there; where it reads short, one at least."""

    async def release(self, entry: Entry) -> None:
        """Hear that no reader of this file is left: a transfer that only it needed may stop."""

    async def thumbnail(self, entry: Entry) -> bytes:
        """Fetch the camera's own thumbnail of a picture, in whatever format it has.

        Raises:
            NoData: it has none.
        """

    async def delete(self, entry: Entry) -> None:
        """Delete a file or an empty folder on the camera."""

    async def rename(self, entry: Entry, name: str) -> None:
        """Give an entry another name, in its own folder.

        Raises:
            StoreReadOnly: the camera renames nothing of this kind.
        """

    async def usage(self, store: Key) -> Usage:
        """Measure the room in a store."""

    async def format(self, store: Key) -> None:
        """Delete all that a store holds."""

    def setting_names(self) -> Sequence[str]:
        """Name the settings, without asking the camera."""

    async def setting(self, name: str) -> str:
        """Read a setting, as a photographer writes it."""

    async def choices(self, name: str) -> Sequence[str]:
        """List the values that a setting takes now; empty if the camera does not say."""

    async def change_setting(self, name: str, value: str) -> None:
        """Write a setting and read it back.

        Raises:
            InvalidValue: not a value of this setting; the camera was not asked.
            NotPermitted: the camera kept what it had.
        """

    async def clock(self) -> datetime:
        """Read the camera's clock (aware)."""

    async def set_clock(self, moment: datetime) -> None:
        """Set the camera's clock."""

    async def capture(self) -> Sequence[Key | PurePosixPath]:
        """Take one picture and wait until it can be read; return the keys of its files.

        A file that cannot be listed now is given by its path, the store's name first: a SIGMA that saves to its card.
        """

    async def has_control(self) -> bool:
        """Say whether the computer holds the body."""

    async def acquire_control(self) -> None:
        """Take control of the camera: it answers to this computer, and its own buttons may be dead."""

    async def release_control(self) -> None:
        """Give control back to the photographer; does nothing where the computer does not have it.

        Raises:
            StoreFull: shots that only the camera holds find no room on this computer; control is kept.
        """

    async def recording(self) -> bool:
        """Say whether a movie is being recorded."""

    async def record(self, start: bool) -> None:
        """Start or stop a movie."""

    async def focus(self) -> str:
        """Tell the state and the position of the focus, `key: value` lines."""

    async def change_focus(self, text: str) -> None:
        """Drive the focus: `af`, or to a position; returns when it is there."""

    async def view_frame(self) -> bytes:
        """Fetch a frame of the live view, a JPEG."""

    async def raw(self, command: str) -> str:
        """Send a raw command, hexadecimal, and return the reply in hexadecimal."""

    async def status(self) -> Sequence[tuple[str, str]]:
        """Tell what `.status` shows of the camera, key and value, without disturbing it."""

    async def refresh(self) -> None:
        """Forget what was remembered of the camera's contents."""


class WithoutRemoteControl:
    """The part of `Camera` that is about holding a body, for cameras that cannot be held."""

    async def has_control(self) -> bool:
        """See `Camera.has_control`."""
        return False

    async def acquire_control(self) -> None:
        """See `Camera.acquire_control`."""
        raise errors.NotSupported("this camera cannot be taken into control")

    async def release_control(self) -> None:
        """See `Camera.release_control`."""

    async def recording(self) -> bool:
        """See `Camera.recording`."""
        raise errors.NotSupported("this camera records no movies for a computer")

    async def record(self, start: bool) -> None:
        """See `Camera.record`."""
        raise errors.NotSupported("this camera records no movies for a computer")

    async def focus(self) -> str:
        """See `Camera.focus`."""
        raise errors.NotSupported("this camera does not let its focus be driven")

    async def change_focus(self, text: str) -> None:
        """See `Camera.change_focus`."""
        raise errors.NotSupported("this camera does not let its focus be driven")

    async def view_frame(self) -> bytes:
        """See `Camera.view_frame`."""
        raise errors.NotSupported("this camera has no live view")

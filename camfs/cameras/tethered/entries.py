"""The entries of a camera that a computer can control: its card, and beside it the folder `imagedb` of shots for this computer.

`CardAndShots` is that part of a `cameras.api.Camera` which is about entries, the connection that they come over, and control of the body.
By the key it asks the card (`Card`) or the folder (`Shots`).
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import trio

from camfs import errors
from camfs.cameras.api import Change, Entry, Key, Usage
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.tethered.carried import carried_thumbnail
from camfs.cameras.tethered.remote import RemoteControl
from camfs.cameras.tethered.shot_key import IMAGEDB, ImageKey

STATUS_FILES = 20
"""Files of the spool that are not offered and are named in `.status`."""


class Card(Protocol):
    """The stores of a camera, as in `cameras.api.Camera`."""

    async def list_folder(self, key: Key | None) -> Sequence[Key]: ...

    async def describe(self, key: Key, folder: Key | None) -> Entry | None: ...

    async def locate(self, key: Key) -> Sequence[Key]: ...

    async def measure(self, entry: Entry, *, reading: bool) -> Entry: ...

    async def read(self, entry: Entry, offset: int, size: int) -> bytes | memoryview: ...

    async def release(self, entry: Entry) -> None: ...

    async def thumbnail(self, entry: Entry) -> bytes: ...

    async def delete(self, entry: Entry) -> None: ...

    async def usage(self, store: Key) -> Usage: ...

    async def format(self, store: Key) -> None: ...


class Shots(Protocol):
    """The folder `imagedb`."""

    def list(self) -> Sequence[ImageKey]: ...

    def describe(self, key: Key) -> Entry: ...

    async def read(self, entry: Entry, offset: int, size: int) -> bytes | memoryview: ...

    async def remove(self, entry: Entry) -> None: ...

    async def usage(self) -> Usage: ...


class ShotStates(Protocol):
    """What `.status` tells of that folder."""

    def list(self) -> Sequence[ImageKey]: ...

    @property
    def unsaved(self) -> int:
        """How many files only the camera holds."""

    @property
    def trouble(self) -> str:
        """Why no shot could be kept on this computer when that was last tried; empty if it could."""

    @property
    def unusable(self) -> Sequence[str]:
        """What lies in the spool and is not offered, and why."""

    @property
    def lost_names(self) -> Sequence[str]:
        """Shots that only the camera held when it let them go."""


class CardAndShots:
    """The entries of a camera, its connection, and who has its body.

    Args:
        ptp: the camera.
        card: its stores.
        shots: its folder of shots.

    Attributes:
        remote: remote control of the body; the driver sets it.
    """

    remote: RemoteControl

    def __init__(self, ptp: PtpCamera, card: Card, shots: Shots) -> None:
        self._ptp = ptp
        self._card_side = card
        self._shots_side = shots

    @property
    def epoch(self) -> int:
        return self._ptp.epoch

    @property
    def changes(self) -> trio.MemoryReceiveChannel[Change]:
        return self._ptp.changes

    @property
    def gone(self) -> bool:
        return self._ptp.gone

    @property
    def sends_events(self) -> bool:
        return self._ptp.sends_events

    def in_use(self) -> AbstractAsyncContextManager[None]:
        return self.remote.unchanged()

    async def has_control(self) -> bool:
        return self.remote.is_acquired

    async def acquire_control(self) -> None:
        await self.remote.acquire()

    async def release_control(self) -> None:
        await self.remote.release()

    # ------------------------------------------------------------------ listing

    async def list_folder(self, key: Key | None) -> Sequence[Key]:
        if key == IMAGEDB:
            return self._shots_side.list()
        keys = await self._card_side.list_folder(key)
        return [*keys, IMAGEDB] if key is None else keys

    async def describe(self, key: Key, folder: Key | None) -> Entry | None:
        if key == IMAGEDB:
            return Entry(IMAGEDB, IMAGEDB, IMAGEDB, is_folder=True, is_local=True)
        if isinstance(key, ImageKey):
            return self._shots_side.describe(key)
        return await self._card_side.describe(key, folder)

    async def locate(self, key: Key) -> Sequence[Key]:
        if key == IMAGEDB:
            return [IMAGEDB]
        if isinstance(key, ImageKey):
            return [IMAGEDB, key]
        return await self._card_side.locate(key)

    # ------------------------------------------------------------------ data

    async def measure(self, entry: Entry, *, reading: bool) -> Entry:
        if entry.size_is_exact or isinstance(entry.key, ImageKey):
            return entry
        return await self._card_side.measure(entry, reading=reading)

    def reads_short(self, entry: Entry) -> bool:
        return False

    async def read(self, entry: Entry, offset: int, size: int) -> bytes | memoryview:
        if isinstance(entry.key, ImageKey):
            return await self._shots_side.read(entry, offset, size)
        return await self._card_side.read(entry, offset, size)

    async def release(self, entry: Entry) -> None:
        if not isinstance(entry.key, ImageKey):
            await self._card_side.release(entry)

    async def thumbnail(self, entry: Entry) -> bytes:
        """Fetch a thumbnail. A camera makes none of a shot for this computer; there it is the one that the file carries."""
        if isinstance(entry.key, ImageKey):
            return await carried_thumbnail(entry, self.read)
        return await self._card_side.thumbnail(entry)

    async def delete(self, entry: Entry) -> None:
        if entry.key == IMAGEDB:
            raise errors.NotPermitted("imagedb cannot be deleted")
        if isinstance(entry.key, ImageKey):
            await self._shots_side.remove(entry)
        else:
            await self._card_side.delete(entry)

    async def rename(self, entry: Entry, name: str) -> None:
        raise errors.StoreReadOnly("nothing can be renamed on this camera")

    async def usage(self, store: Key) -> Usage:
        return await (self._shots_side.usage() if store == IMAGEDB else self._card_side.usage(store))

    async def format(self, store: Key) -> None:
        if store == IMAGEDB:
            raise errors.NotPermitted("imagedb cannot be formatted; delete its files instead")
        await self._card_side.format(store)


def shot_lines(shots: ShotStates) -> list[tuple[str, str]]:
    """Return the lines of `.status` that are about shots."""
    files = len(shots.list())
    lines = [("imagedb", f"{files} file{'s' * (files != 1)}, {shots.unsaved} only in the camera")]
    if shots.trouble:
        lines.append(("spool", f"{shots.trouble}; what the camera holds stays there until there is room"))
    if unusable := shots.unusable:
        more = [f"and {len(unusable) - STATUS_FILES} more"] if len(unusable) > STATUS_FILES else []
        lines.append(("not-offered", ", ".join([*unusable[:STATUS_FILES], *more])))
    if shots.lost_names:
        lines.append(("lost", f"{', '.join(shots.lost_names)} (the camera let them go before they were fetched)"))
    return lines


def serial(ptp: PtpCamera) -> str:
    """Return a camera's serial number without the zeros with which DeviceInfo pads it."""
    return ptp.info.serial_number.lstrip("0") or ptp.info.serial_number

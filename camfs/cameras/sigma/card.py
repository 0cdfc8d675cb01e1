"""The card: read while the camera is standalone, shown from memory under remote control.

Under remote control the camera lists its card as empty (camfs/protocols/sigma/README.md, "Two lives"). That must not look like an empty
card, because an `rsync --delete` would empty the copy. So listings are remembered, and what is not remembered is refused.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from camfs import errors
from camfs.cameras.api import Entry, Key, Usage
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.ptp.objects import ObjectKey
from camfs.protocols.ptp.codes import ROOT

T = TypeVar("T")


class Card:
    """The stores of a camera and what is in them.

    Args:
        ptp: serves them.
        is_controlled: says whether the computer has control.
    """

    def __init__(self, ptp: PtpCamera, is_controlled: Callable[[], bool]) -> None:
        self._ptp = ptp
        self._is_controlled = is_controlled
        self._listed: dict[Key | None, Sequence[ObjectKey]] = {}
        self._described: dict[tuple[Key, Key | None], Entry | errors.Refused | None] = {}
        self._used: dict[Key, Usage] = {}

    def invalidate(self) -> None:
        """Forget the listings, because keys mean other entries now. The stores stay what they were."""
        stores = self._listed.get(None, ())
        self._listed = {None: stores} if stores else {}
        self._described = {place: entry for place, entry in self._described.items() if place[0] in stores}

    async def learn_stores(self) -> None:
        """See what stores there are and what they are called, so that the tree's root can be shown under remote control."""
        for store in await self.list_folder(None):
            try:
                await self.describe(store, None)
                await self.usage(store)
            except (errors.Refused, errors.RemoteProtocolError):
                continue  # what cannot be had is not shown

    async def list_folder(self, key: Key | None) -> Sequence[ObjectKey]:
        try:
            return await self._list_folder(key)
        except errors.StoreUnavailable:
            if key is None:
                return ()  # there is no card, and the root has the shots that wait
            raise

    async def _list_folder(self, key: Key | None) -> Sequence[ObjectKey]:
        if not self._is_controlled():
            keys = await self._ptp.list_folder(key)
            if not self._is_controlled():  # else the camera may have listed nothing
                self._listed[key] = keys
                return keys
        self._check_there()
        if key is None and not self._listed.get(None):  # found under control: store ids are listed all the same
            keys = await self._ptp.list_folder(None)
            if keys:
                return keys
        if key not in self._listed:
            raise _busy(", and this folder was not listed before")
        return self._listed[key]

    async def describe(self, key: Key, folder: Key | None) -> Entry | None:
        place = (key, folder)
        if not self._is_controlled():
            answer: Entry | errors.Refused | None
            try:
                answer = await self._ptp.describe(key, folder)
            except (errors.Busy, errors.StoreUnavailable):
                raise
            except errors.Refused as error:
                answer = error
            if not self._is_controlled():
                self._described[place] = answer
        self._check_there()
        if place not in self._described:
            if isinstance(key, ObjectKey) and key.handle == ROOT:
                return await self._ptp.describe(key, None)
            raise _busy(", and this entry was not looked at before")
        known = self._described[place]
        if isinstance(known, errors.Refused):
            raise type(known)(str(known), known.code)
        return known

    async def usage(self, store: Key) -> Usage:
        if not self._is_controlled():
            usage = await self._ptp.usage(store)
            if not self._is_controlled():
                self._used[store] = usage
        self._check_there()
        if store not in self._used:
            raise _busy(", and its free room was not asked for before")
        return self._used[store]

    async def locate(self, key: Key) -> Sequence[Key]:
        return await self._live(lambda: self._ptp.locate(key))

    async def measure(self, entry: Entry, *, reading: bool) -> Entry:
        return await self._live(lambda: self._ptp.measure(entry, reading=reading))

    async def read(self, entry: Entry, offset: int, size: int) -> bytes | memoryview:
        return await self._live(lambda: self._ptp.read(entry, offset, size))

    async def release(self, entry: Entry) -> None:
        await self._ptp.release(entry)

    async def thumbnail(self, entry: Entry) -> bytes:
        return await self._live(lambda: self._ptp.thumbnail(entry))

    async def delete(self, entry: Entry) -> None:
        await self._live(lambda: self._ptp.delete(entry))
        self._drop(entry.key)

    async def format(self, store: Key) -> None:
        await self._live(lambda: self._ptp.format(store))
        self.invalidate()

    async def _live(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask something that only a standalone camera answers.

        Raises:
            Busy: the computer has control.
        """
        self._check_there()
        if self._is_controlled():
            raise _busy()
        try:
            return await ask()
        except errors.Refused:
            if self._is_controlled():  # acquired meanwhile: no handle means anything
                raise _busy() from None
            raise

    def _check_there(self) -> None:
        """Refuse to show the card of a camera that was unplugged from memory."""
        if self._ptp.gone:
            raise errors.DeviceGone("the camera is gone")

    def _drop(self, key: Key) -> None:
        """Forget an entry that was deleted."""
        for folder, keys in self._listed.items():
            self._listed[folder] = [each for each in keys if each != key]
        self._described = {place: entry for place, entry in self._described.items() if place[0] != key}


def _busy(why: str = "") -> errors.Busy:
    """Return the error for what cannot be had under remote control."""
    return errors.Busy(f"the card cannot be read under remote control{why}; echo 0 > .control releases the camera")

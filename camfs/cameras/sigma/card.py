"""The card, which shows only while the photographer has the body: then as it is, meanwhile as it was (reference sigma-fp, section 2).

In the computer's hands the body lists the card as empty. That must not pass for an empty card (an `rsync --delete` would empty the
copy), so listings are remembered, and what is not remembered is refused.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from camfs import errors
from camfs.cameras.api import Entry, Key, Usage
from camfs.cameras.ptp.driver import ObjectKey, PtpCamera
from camfs.protocols.ptp.codes import ROOT

T = TypeVar("T")


class Card:
    """The stores of a camera and what is in them.

    Args:
        ptp: serves them.
        is_held: says whether the computer holds the body.
    """

    def __init__(self, ptp: PtpCamera, is_held: Callable[[], bool]) -> None:
        self._ptp = ptp
        self._is_held = is_held
        self._listed: dict[Key | None, Sequence[ObjectKey]] = {}
        self._described: dict[tuple[Key, Key | None], Entry | errors.Refused | None] = {}
        self._used: dict[Key, Usage] = {}

    def invalidate(self) -> None:
        """Hear that keys mean other entries now. The stores stay what they were."""
        stores = self._listed.get(None, ())
        self._listed = {None: stores} if stores else {}
        self._described = {place: entry for place, entry in self._described.items() if place[0] in stores}

    async def learn_stores(self) -> None:
        """See what stores there are and what they are called, so that the tree's root can be shown while the body is held."""
        for store in await self.list_folder(None):
            try:
                await self.describe(store, None)
                await self.usage(store)
            except (errors.Refused, errors.RemoteProtocolError):
                continue  # what cannot be had is not shown

    async def list_folder(self, key: Key | None) -> Sequence[ObjectKey]:
        """See `Camera.list_folder`."""
        if not self._is_held():
            keys = await self._ptp.list_folder(key)
            if not self._is_held():  # else the answer may be that of a body that lists nothing
                self._listed[key] = keys
                return keys
        self._check_there()
        if key is None and not self._listed.get(None):  # met held: the ids of stores are told in both lives
            keys = await self._ptp.list_folder(None)
            if keys:
                return keys
        if key not in self._listed:
            raise held("this folder was not listed before")
        return self._listed[key]

    async def describe(self, key: Key, folder: Key | None) -> Entry | None:
        """See `Camera.describe`."""
        place = (key, folder)
        if not self._is_held():
            answer: Entry | errors.Refused | None
            try:
                answer = await self._ptp.describe(key, folder)
            except (errors.Busy, errors.StoreUnavailable):
                raise
            except errors.Refused as error:
                answer = error
            if not self._is_held():
                self._described[place] = answer
        self._check_there()
        if place not in self._described:
            if isinstance(key, ObjectKey) and key.handle == ROOT:
                return await self._ptp.describe(key, None)
            raise held("this entry was not looked at before")
        known = self._described[place]
        if isinstance(known, errors.Refused):
            raise type(known)(str(known), known.code)
        return known

    async def usage(self, store: Key) -> Usage:
        """See `Camera.usage`."""
        if not self._is_held():
            usage = await self._ptp.usage(store)
            if not self._is_held():
                self._used[store] = usage
        self._check_there()
        if store not in self._used:
            raise held("the room on the card was not asked for before")
        return self._used[store]

    async def live(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask something that only the body in the photographer's hands answers.

        Raises:
            Busy: it is in the computer's.
        """
        self._check_there()
        if self._is_held():
            raise held("the card cannot be read meanwhile")
        try:
            return await ask()
        except errors.Refused:
            if self._is_held():  # taken meanwhile: no handle means anything
                raise held("the card cannot be read meanwhile") from None
            raise

    def _check_there(self) -> None:
        """Refuse to show from memory what was unplugged."""
        if self._ptp.gone:
            raise errors.DeviceGone("the camera is gone")

    def drop(self, key: Key) -> None:
        """Hear that an entry was deleted."""
        for folder, keys in self._listed.items():
            self._listed[folder] = [each for each in keys if each != key]
        self._described = {place: entry for place, entry in self._described.items() if place[0] != key}


def held(what: str) -> errors.Busy:
    """Return the error of what cannot be had while the computer holds the body."""
    return errors.Busy(f"the computer holds the body, and {what}; echo 0 > .control gives the card back")

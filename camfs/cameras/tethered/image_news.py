"""What is announced of the folder `imagedb`: that it has changed, and with it each shot that is new there or gone."""

from collections.abc import Awaitable, Callable, Sequence

from camfs.cameras.api import Change, Happened
from camfs.cameras.tethered.shot_key import ImageKey


class ImageNews:
    """Announces changes of the folder.

    Args:
        announce: is awaited with each change.
        shots: lists the folder.
        raw: returns what the camera calls a shot.
    """

    def __init__(
        self,
        announce: Callable[[Change], Awaitable[None]],
        shots: Callable[[], Sequence[ImageKey]],
        raw: Callable[[ImageKey], str] = lambda _key: "",
    ) -> None:
        self._announce = announce
        self._shots = shots
        self._raw = raw
        self._known: Sequence[ImageKey] = ()

    def note_known(self) -> None:
        """Take what is there now for known: shots that waited since an earlier mount are no news."""
        self._known = self._shots()

    async def announce(self, change: Change) -> None:
        """Announce that the folder has changed, and how."""
        before, now = self._known, self._shots()
        self._known = now
        for key in before:
            if key not in now:
                await self._announce(Happened("removed", keys=(key,)))
        await self._announce(change)
        for key in now:
            if key not in before:
                await self._announce(Happened("added", self._raw(key), (key,), is_new=True))

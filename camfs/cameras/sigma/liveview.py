"""Live view: switched on once each time that control is acquired, then one frame after another."""

import trio

from camfs import errors
from camfs.cameras.sigma.operations import SigmaOperations
from camfs.cameras.sigma.settings import Settings
from camfs.cameras.tethered.remote import RemoteControl
from camfs.protocols.sigma.datasets import Dataset

FRAME_BUDGET = 2.0
"""Seconds to ask for a view frame."""

LIVE_VIEW = 2
"""The value of SpecialMode."""


class LiveView:
    """The live view, while the computer has control; the caller sees to that.

    Args:
        operations: the vendor operations.
        settings: the settings, one of which switches it on.
        remote: says whether control was acquired anew.
    """

    def __init__(self, operations: SigmaOperations, settings: Settings, remote: RemoteControl) -> None:
        self._operations = operations
        self._settings = settings
        self._remote = remote
        self._switched_on_in = 0

    async def frame(self) -> bytes:
        """Fetch a frame. If none is ready, ask again at once (camfs/protocols/sigma/README.md, "View frames").

        Raises:
            Busy: the camera made none in time.
        """
        if self._switched_on_in != self._remote.times_acquired:
            if (await self._settings.values(Dataset.GROUP2)).get("SpecialMode") != LIVE_VIEW:
                await self._settings.write(Dataset.GROUP2, {"SpecialMode": LIVE_VIEW})
            self._switched_on_in = self._remote.times_acquired
        deadline = trio.current_time() + FRAME_BUDGET
        while trio.current_time() < deadline:
            frame = await self._operations.view_frame()
            if frame is not None:
                return frame
        raise errors.Busy(f"the camera made no view frame in {FRAME_BUDGET:g} s")

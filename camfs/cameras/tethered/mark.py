"""The mark on this computer that a camera's body is acquired: it outlives a program that is killed, and the next one gives the body back.

Most bodies do not say whether they are tethered, and must not be asked by a program that only copies pictures. So a file is made in the
camera's spool before the body is acquired, and removed after it was released::

    mark ─► Body.enter ─► … ─► Body.leave ─► unmark

A program that finds the mark when it opens the camera has the body released first (`RemoteControl.recover`).
"""

import logging

from camfs import errors
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.tethered.body import Body
from camfs.cameras.tethered.spool import Spool
from camfs.private_files import PrivateFolder

log = logging.getLogger(__name__)

MARK = ".tethered"
"""The file's name."""


class MarkedTether:
    """A `remote.Tether` for a body that does not say whether it is tethered.

    Args:
        body: is acquired and released.
        ptp: the same camera.
        spool: in whose folder the mark is.
    """

    def __init__(self, body: Body, ptp: PtpCamera, spool: Spool) -> None:
        self._body = body
        self._ptp = ptp
        self._spool = spool
        self._epoch: int | None = None
        self._is_entered = False

    async def acquire(self) -> None:
        """Leave the mark, and take the body. Where nothing can be kept on the disk, it is taken without a mark."""
        try:
            await self._spool.in_folder(_mark)
        except errors.Refused as error:
            log.warning(
                "if this program is killed, the next one will not know that it has to release the camera: %s", error
            )
        self._epoch = self._ptp.epoch
        self._is_entered = False
        try:
            await self._body.enter()
        except errors.Refused:
            await self._unmark()
            raise
        self._is_entered = True

    async def set_up(self) -> None:
        """Take the body if that was broken off."""
        if not self._is_entered:
            await self._body.enter()
            self._is_entered = True

    async def aclose(self) -> None:
        """Remove the mark of a body that has left control by itself."""
        if self._epoch is not None and self._spool.is_there():
            await self._unmark()

    async def probe(self) -> bool:
        """Say whether the body is tethered: by the mark, when the camera has just been opened; later by its session, or the body's word."""
        if self._epoch is None:
            return self._spool.is_there() and await self._spool.in_folder(lambda folder: folder.has(MARK))
        if self._epoch == self._ptp.epoch:
            return True
        if await self._body.is_tethered():
            self._epoch = self._ptp.epoch
            return True
        await self._unmark()
        return False

    async def release(self) -> None:
        await self._body.leave()
        self._epoch = self._ptp.epoch
        await self._unmark()

    async def _unmark(self) -> None:
        try:
            await self._spool.in_folder(lambda folder: folder.remove(MARK))
        except errors.Refused as error:
            log.info("the mark stays: %s", error)

    def has_ended(self, error: errors.Refused) -> bool:
        return False


def _mark(folder: PrivateFolder) -> None:
    """Make the mark, so that it outlives a power cut as well."""
    folder.write(MARK, b"")
    folder.sync()

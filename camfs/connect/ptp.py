"""The way to a camera that speaks PTP, whatever carries it.

A camera that has just been switched on, or just left by another program, refuses for a moment. So its refusals are tried again for
`PATIENCE` seconds before a mount gives up. Which refusals may be otherwise a moment later is said by `usb` and `network`.
"""

import logging
from collections.abc import Awaitable, Callable

import trio

from camfs import errors
from camfs.cameras.ptp.link import Link
from camfs.cameras.ptp.usblink import UsbLink
from camfs.cameras.still import StillCamera, open_still_camera
from camfs.commands.options import MountOptions
from camfs.transports.ports import UsbPipes

log = logging.getLogger("camfs")

PATIENCE = 10.0
"""Seconds for which a camera that refuses at first is tried again."""

RETRY = 0.5
"""Seconds between two tries."""


class PtpConnection:
    """The way to a camera that speaks PTP.

    Args:
        source: SOURCE of the command line.
        options: of the mount.
        open_link: makes a link to the camera.
        refusals: failures to open it that are tried again for a while.
    """

    def __init__(
        self,
        source: str,
        options: MountOptions,
        open_link: Callable[[], Awaitable[Link]],
        refusals: tuple[type[errors.CameraError], ...] = (),
    ) -> None:
        self.source = source
        self.timeout = options.timeout
        self._options = options
        self._open_link = open_link
        self._refusals = refusals
        self._camera: StillCamera | None = None

    async def open(self, work: trio.Nursery) -> StillCamera:
        """Open the camera; called once. On failure nothing is left open.

        Raises:
            CameraError: it cannot be opened; a refusal has lasted for `PATIENCE` seconds.
        """
        give_up = trio.current_time() + PATIENCE
        while True:
            try:
                self._camera = await self._open_once(work)
            except self._refusals as error:
                if trio.current_time() + RETRY > give_up:
                    raise
                log.info("%s; trying again", error)
                await trio.sleep(RETRY)
            else:
                return self._camera

    async def _open_once(self, work: trio.Nursery) -> StillCamera:
        options = self._options
        return await open_still_camera(
            await self._open_link(),
            work,
            zone=options.tz,
            timeout=options.timeout,
            idle=options.idle,
            spool=options.spool,
            movies=options.movies,
        )

    async def reattach(self) -> None:
        """Let the driver of a camera that was gone go on over a new link.

        Raises:
            CameraError: the camera is not there yet, or another one is in its place.
        """
        assert self._camera is not None
        await self._camera.reattach(await self._open_link())


def on_pipes(text: str, pipes: UsbPipes, options: MountOptions) -> PtpConnection:
    """Return the way to a camera in this process; `text` is its SOURCE."""
    return PtpConnection(text, options, _once(UsbLink(pipes)))


def _once(link: Link) -> Callable[[], Awaitable[Link]]:
    """Open the only link to a camera that lives in this process, and so does not come back."""
    links = [link]

    async def open_link() -> Link:
        if not links:
            raise errors.DeviceGone("an emulated camera that is gone does not come back")
        return links.pop()

    return open_link

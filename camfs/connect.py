"""From what a SOURCE names to a driver for that camera, and to the same camera again when it comes back.

The one place that knows concrete drivers and transports: everything above asks a camera through `cameras.api`, everything below
asks a wire through `transports.ports`.

A camera that has just been switched on, or just left by another program, refuses for a moment. So its refusals are tried again for
`PATIENCE` seconds before a mount gives up: nobody listens, the connection is closed, another initiator has it, no session is opened
because the device is busy. What will not change by waiting fails at once: there is no such host, the camera rejects this computer,
what answers is no camera. A USB device in use fails at once, too, as the message names the program that must let go of it.
"""

import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import trio

from camfs import errors
from camfs.cameras.dc120.driver import Dc120Camera
from camfs.cameras.dc120.line import START_SPEED, Line
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.ptp.iplink import IpLink, NotAccepted
from camfs.cameras.ptp.link import Link
from camfs.cameras.ptp.usblink import UsbLink
from camfs.cameras.sigma.driver import SigmaCamera, open_still_camera
from camfs.commands.options import MountOptions
from camfs.commands.sources import PtpIpSource, SerialSource, UsbSource, VirtualSource, parse_source
from camfs.transports import identity, serial, tcp, usb, usbpipes
from camfs.transports.ports import SerialPort

log = logging.getLogger("camfs")

PATIENCE = 10.0
"""Seconds for which a camera that refuses at first is tried again."""

RETRY = 0.5
"""Seconds between two tries."""

REFUSALS_ON_USB = (errors.Busy,)
REFUSALS_ON_NETWORK = (errors.Busy, errors.DeviceInUse, errors.DeviceGone, NotAccepted)
"""What may be otherwise a moment later."""

NO_CAMERA = (
    "no camera found (no USB device of class 06/01/01 or named MTP; for a serial camera give serial:/dev/…, to try without one "
    "virtual:sigma-fp)"
)


class NoSuchCamera(errors.TransportError):
    """There is no camera that SOURCE names, or more than one; the text is for the user."""


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
        self._camera: PtpCamera | SigmaCamera | None = None

    async def open(self, work: trio.Nursery) -> PtpCamera | SigmaCamera:
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

    async def _open_once(self, work: trio.Nursery) -> PtpCamera | SigmaCamera:
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


class Dc120Connection:
    """The way to a DC120, on a serial port that `open_port` opens."""

    def __init__(self, source: str, options: MountOptions, open_port: Callable[[], Awaitable[SerialPort]]) -> None:
        self.source = source
        self._options = options
        self._open_port = open_port
        self._camera: Dc120Camera | None = None

    @property
    def timeout(self) -> float:
        """Seconds for one exchange: at the lowest speed a thumbnail alone takes 15 seconds."""
        assert self._camera is not None
        return 10.0 if self._camera.speed > START_SPEED else 20.0

    async def open(self, work: trio.Nursery) -> Dc120Camera:
        """Open the camera; called once. On failure nothing is left open."""
        self._camera = Dc120Camera(await self._open_line(), work, self._options.tz)
        try:
            await self._camera.open()
        except BaseException:
            await self._camera.aclose()
            raise
        return self._camera

    async def reattach(self) -> None:
        """Let the driver of a camera that was gone go on over a new line.

        Raises:
            CameraError: the camera is not there yet, or another one is in its place.
        """
        assert self._camera is not None
        await self._camera.reattach(await self._open_line())

    async def _open_line(self) -> Line:
        return Line(await self._open_port(), self._options.baud)


@asynccontextmanager
async def connect(text: str, options: MountOptions) -> AsyncIterator[PtpConnection | Dc120Connection]:
    """Find what a SOURCE names; an emulated camera lives while the block runs.

    Raises:
        NoSuchCamera: there is none, or more than one, or an emulated camera does not take an option.
        ValueError: the text is no SOURCE.
    """
    match parse_source(text):
        case UsbSource() as source:
            found = await _find_usb(text, source)
            yield PtpConnection(found.source, options, _usb_links(found), REFUSALS_ON_USB)
        case PtpIpSource() as place:
            yield PtpConnection(text, options, _ip_links(place), REFUSALS_ON_NETWORK)
        case SerialSource(device):
            yield Dc120Connection(text, options, lambda: serial.open_port(device))
        case VirtualSource() as model:
            async with _emulated(text, model, options) as connection:
                yield connection


@asynccontextmanager
async def _emulated(
    text: str, source: VirtualSource, options: MountOptions
) -> AsyncIterator[PtpConnection | Dc120Connection]:
    from camfs import virtual  # a third of the program's modules; a real camera needs none of them

    connection: PtpConnection | Dc120Connection
    async with contextlib.AsyncExitStack() as stack:
        try:
            if source.model == virtual.DC120:
                line = await stack.enter_async_context(virtual.attach_dc120(source.options))
                connection = Dc120Connection(text, options, lambda: serial.open_port(line))
            else:
                pipes = await stack.enter_async_context(virtual.attach(source.model, source.options))
                connection = PtpConnection(text, options, _once(UsbLink(pipes)))
        except ValueError as error:
            raise NoSuchCamera(str(error)) from None
        yield connection


async def _find_usb(text: str, source: UsbSource) -> usb.UsbCamera:
    found = await trio.to_thread.run_sync(
        usb.find, source.vendor, source.product, source.serial, source.bus, source.device
    )
    if not found:
        raise NoSuchCamera(
            NO_CAMERA if source == UsbSource() else f"no camera {text} found; camfs --list shows those that are there"
        )
    if len(found) > 1:
        names = ", ".join(f"{camera.source} ({camera.product_name})" for camera in found)
        raise NoSuchCamera(f"{len(found)} cameras found, give one as SOURCE: {names}")
    return found[0]


def _usb_links(first: usb.UsbCamera) -> Callable[[], Awaitable[Link]]:
    """Open links to a camera on the bus; later to the one with its ids and serial number, wherever that is plugged in then."""
    camera: usb.UsbCamera | None = first

    async def open_link() -> Link:
        nonlocal camera
        if camera is None:
            found = await trio.to_thread.run_sync(usb.find, first.vendor, first.product, first.serial)
            if not found:
                raise errors.DeviceGone(f"{first.source} is not plugged in")
            camera = found[0]
        here, camera = camera, None
        return UsbLink(await usbpipes.open_pipes(here))

    return open_link


def _ip_links(place: PtpIpSource) -> Callable[[], Awaitable[Link]]:
    async def open_link() -> Link:
        guid, name = identity.read_guid(), identity.friendly_name()
        link = IpLink(lambda: tcp.connect(place.host, place.port), guid, name)
        await link.connect()
        return link

    return open_link


def _once(link: Link) -> Callable[[], Awaitable[Link]]:
    """Open the only link to a camera that lives in this process, and so does not come back."""
    links = [link]

    async def open_link() -> Link:
        if not links:
            raise errors.DeviceGone("an emulated camera that is gone does not come back")
        return links.pop()

    return open_link

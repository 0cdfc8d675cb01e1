"""Wires: from what a SOURCE names to a driver on an open wire, and to the same camera again when it comes back.

The part of `cli` that names concrete transports and drivers.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import trio

from camfs import errors
from camfs.cameras.api import Camera
from camfs.cameras.dc120.driver import Dc120Camera
from camfs.cameras.dc120.line import Line
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.ptp.iplink import IpLink
from camfs.cameras.ptp.usblink import Link, UsbLink
from camfs.cameras.sigma.driver import SigmaCamera, open_still_camera
from camfs.commands.options import MountOptions
from camfs.commands.sources import PtpIpSource, SerialSource, UsbSource, VirtualSource, parse_source
from camfs.transports import identity, serial, tcp, usb, usbpipes
from camfs.transports.ports import SerialPort

NO_CAMERA = (
    "no camera found (no USB device of class 06/01/01; for a serial camera give serial:/dev/…, to try without one "
    "virtual:sigma-fp)"
)


class NoSuchCamera(errors.TransportError):
    """What SOURCE names is not there, or there are several of it; the text is for the user."""


class Driver(Camera, Protocol):
    """An open camera that is listened to and closed."""

    async def listen(self) -> None:
        """Announce what happens at the camera until it is gone."""

    async def aclose(self) -> None:
        """Leave the camera as it was found; never raises."""


class Wire(Protocol):
    """The way to one camera."""

    @property
    def source(self) -> str:
        """The SOURCE as `.status` shows it."""

    async def open(self, work: trio.Nursery) -> Driver:
        """Open the camera with a driver that fits it; called once. On failure nothing is left open."""

    async def reattach(self) -> None:
        """Look for the camera, which was gone, and let its driver go on with it.

        Raises:
            CameraError: it is not there yet, or another is in its place.
        """


@asynccontextmanager
async def wire_to(text: str, options: MountOptions) -> AsyncIterator[Wire]:
    """Find what a SOURCE names; an emulated camera lives while the block runs.

    Raises:
        NoSuchCamera: there is none, or more than one.
        ValueError: an emulated camera's option that it does not take.
    """
    async with contextlib.AsyncExitStack() as stack:
        wire: Wire
        match parse_source(text):
            case UsbSource() as source:
                found = await _find_usb(text, source)
                wire = StillWire(found.source, options, _usb_links(found))
            case PtpIpSource() as place:
                wire = StillWire(text, options, _ip_links(place))
            case SerialSource(device):
                wire = SerialWire(text, options, lambda: serial.open_port(device))
            case VirtualSource() as model:
                wire = await stack.enter_async_context(_virtual_wire(text, model, options))
        yield wire


@asynccontextmanager
async def _virtual_wire(text: str, source: VirtualSource, options: MountOptions) -> AsyncIterator[Wire]:
    from camfs import virtual  # a third of the program's modules, which a real camera needs none of

    if source.model == virtual.DC120:
        async with virtual.attach_dc120(source.options) as line:
            yield SerialWire(text, options, lambda: serial.open_port(line))
    else:
        async with virtual.attach(source.model, source.options) as pipes:
            yield StillWire(text, options, _once(UsbLink(pipes)))


class StillWire:
    """The way to a still image camera, over links that `connect` makes. See `Wire`."""

    def __init__(self, source: str, options: MountOptions, connect: Callable[[], Awaitable[Link]]) -> None:
        self.source = source
        self._options = options
        self._connect = connect
        self._camera: PtpCamera | SigmaCamera | None = None

    async def open(self, work: trio.Nursery) -> Driver:
        """See `Wire.open`."""
        options = self._options
        self._camera = await open_still_camera(
            await self._connect(),
            work,
            zone=options.tz,
            timeout=options.timeout,
            idle=options.idle,
            spool=options.spool,
            movies=options.movies,
        )
        return self._camera

    async def reattach(self) -> None:
        """See `Wire.reattach`."""
        assert self._camera is not None
        await self._camera.reattach(await self._connect())


def _usb_links(first: usb.UsbCamera) -> Callable[[], Awaitable[Link]]:
    """Connect to a camera on the bus, and later to the one of the same ids and serial number, wherever it is plugged in then."""
    camera: usb.UsbCamera | None = first

    async def connect() -> Link:
        nonlocal camera
        if camera is None:
            found = await trio.to_thread.run_sync(usb.find, first.vendor, first.product, first.serial)
            if not found:
                raise errors.DeviceGone(f"{first.source} is not plugged in")
            camera = found[0]
        here, camera = camera, None
        return UsbLink(await usbpipes.open_pipes(here))

    return connect


def _ip_links(place: PtpIpSource) -> Callable[[], Awaitable[Link]]:
    async def connect() -> Link:
        guid, name = identity.read_guid(), identity.friendly_name()
        link = IpLink(lambda: tcp.connect(place.host, place.port), guid, name)
        await link.connect()
        return link

    return connect


def _once(link: Link) -> Callable[[], Awaitable[Link]]:
    """Connect to a camera that does not come back: one that lives in this process."""
    links = [link]

    async def connect() -> Link:
        if not links:
            raise errors.DeviceGone("an emulated camera that is gone does not come back")
        return links.pop()

    return connect


class SerialWire:
    """The way to a DC120, on a port that `connect` opens. See `Wire`."""

    def __init__(self, source: str, options: MountOptions, connect: Callable[[], Awaitable[SerialPort]]) -> None:
        self.source = source
        self._options = options
        self._connect = connect
        self._camera: Dc120Camera | None = None

    async def open(self, work: trio.Nursery) -> Driver:
        """See `Wire.open`."""
        self._camera = Dc120Camera(await self._line(), work, self._options.tz)
        try:
            await self._camera.open()
        except BaseException:
            await self._camera.aclose()
            raise
        return self._camera

    async def reattach(self) -> None:
        """See `Wire.reattach`."""
        assert self._camera is not None
        await self._camera.reattach(await self._line())

    async def _line(self) -> Line:
        return Line(await self._connect(), self._options.baud)


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

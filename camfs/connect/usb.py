"""Finds the PTP camera on the USB that a SOURCE names, and finds it again after it was unplugged.

A device that is in use fails at once, as the message names the program that must let go of it.
"""

from collections.abc import Awaitable, Callable

import trio

from camfs import errors
from camfs.cameras.ptp.link import Link
from camfs.cameras.ptp.usblink import UsbLink
from camfs.commands.options import MountOptions
from camfs.commands.sources import UsbSource
from camfs.connect import NoSuchCamera
from camfs.connect.ptp import PtpConnection
from camfs.transports import usb, usbpipes

REFUSALS = (errors.Busy,)
"""What may be otherwise a moment later: no session is opened because the device is busy."""

NO_CAMERA = (
    "no camera found (no USB device of class 06/01/01 or named MTP; for a serial camera give serial:/dev/…, to try without one "
    "virtual:sigma-fp)"
)


async def find(text: str, source: UsbSource, options: MountOptions) -> PtpConnection:
    """Find the camera on the bus that SOURCE names.

    Raises:
        NoSuchCamera: there is none, or more than one.
    """
    found = await _find(text, source)
    return PtpConnection(found.source, options, _links(found), REFUSALS)


async def _find(text: str, source: UsbSource) -> usb.UsbCamera:
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


def _links(first: usb.UsbCamera) -> Callable[[], Awaitable[Link]]:
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

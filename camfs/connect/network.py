"""The way to a PTP camera on the network.

What will not change by waiting fails at once: there is no such host, the camera rejects this computer, what answers is no camera.
"""

from collections.abc import Awaitable, Callable

from camfs import errors
from camfs.cameras.ptp.iplink import IpLink, NotAccepted
from camfs.cameras.ptp.link import Link
from camfs.commands.options import MountOptions
from camfs.commands.sources import PtpIpSource
from camfs.connect.ptp import PtpConnection
from camfs.transports import identity, tcp

REFUSALS = (errors.Busy, errors.DeviceInUse, errors.DeviceGone, NotAccepted)
"""What may be otherwise a moment later: nobody listens, the connection is closed, another initiator has the camera."""


def at(text: str, place: PtpIpSource, options: MountOptions) -> PtpConnection:
    """Return the way to the camera at a place on the network, which is not looked for before it is opened; `text` is its SOURCE."""
    return PtpConnection(text, options, _links(place), REFUSALS)


def _links(place: PtpIpSource) -> Callable[[], Awaitable[Link]]:
    async def open_link() -> Link:
        guid, name = identity.read_guid(), identity.friendly_name()
        link = IpLink(lambda: tcp.connect(place.host, place.port), guid, name)
        await link.connect()
        return link

    return open_link

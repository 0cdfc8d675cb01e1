"""Opens a still image camera with the driver that fits it. A maker's driver is imported when a camera of that maker is there."""

from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Union

import trio

from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.ptp.link import Link
from camfs.protocols.ptp.makers import Maker, maker_of
from camfs.protocols.sigma.codes import SIGMA

if TYPE_CHECKING:
    from camfs.cameras.sigma.driver import SigmaCamera
    from camfs.cameras.tethered.body import Body
    from camfs.cameras.tethered.driver import TetheredCamera

StillCamera = Union[PtpCamera, "SigmaCamera", "TetheredCamera"]


async def open_still_camera(
    link: Link,
    nursery: trio.Nursery,
    *,
    zone: tzinfo | None = None,
    timeout: float,
    idle: float,
    spool: Path | None,
    movies: bool = False,
) -> "StillCamera":
    """Open a still image camera with the driver that fits it; on failure it is closed again.

    Args:
        link: carries the messages; closed by the camera's `aclose`.
        nursery: runs what goes on in the background.
        zone: of dates without one.
        timeout: seconds without a byte after which a transaction has failed.
        idle: release a body under remote control after this many idle seconds; 0 = never.
        spool: folder for shots that come to this computer; None is the default.
        movies: whether a SIGMA's movies are offered for reading.
    """
    ptp = PtpCamera(link, nursery, zone, timeout)
    camera: StillCamera = ptp
    try:
        await ptp.open()
        if ptp.info.vendor_extension_desc.startswith(SIGMA):
            from camfs.cameras.sigma.driver import SigmaCamera

            camera = SigmaCamera(ptp, nursery, idle=idle, spool=spool, movies=movies)
            await camera.open()
        elif (body := _body_of(ptp)) is not None:
            from camfs.cameras.tethered.driver import TetheredCamera

            camera = TetheredCamera(ptp, body, nursery, idle=idle, spool=spool)
            await camera.open()
    except BaseException:
        await camera.aclose()
        raise
    return camera


def _body_of(ptp: PtpCamera) -> "Body | None":
    """Return what a camera's maker adds to PTP, if camfs knows the maker's operations and the camera lists those that it takes."""
    if maker_of(ptp.info) is Maker.NIKON:
        from camfs.cameras.nikon.body import NikonBody, is_driven

        return NikonBody(ptp) if is_driven(ptp.info) else None
    if maker_of(ptp.info) is Maker.CANON:
        from camfs.cameras.canon_eos.body import CanonBody, is_eos

        return CanonBody(ptp) if is_eos(ptp.info.operations) else None
    if maker_of(ptp.info) is Maker.SONY:
        from camfs.cameras.sony.body import SonyBody
        from camfs.cameras.sony.body import is_driven as is_in_pc_remote

        return SonyBody(ptp) if is_in_pc_remote(ptp.info) else None
    return None

"""Opening a PTP session with a camera that may be busy, out of step, or in the session of a program that has ended."""

import logging
from collections.abc import Awaitable, Callable

import trio

from camfs import errors
from camfs.cameras.ptp.attempts import BUSY_STEPS
from camfs.protocols.ptp.codes import ResponseCode

log = logging.getLogger(__name__)

SESSION_IDS = 10
"""How many session ids are tried while the camera answers InvalidTransactionID (as libgphoto2 does)."""

RESETS = 3
"""How many resets are tried."""


async def open_session(
    reset: Callable[[], Awaitable[None]], send_open: Callable[[int], Awaitable[None]], fresh: bool
) -> None:
    """Open a session, with other session ids and resets where they are needed.

    Args:
        reset: resets the link.
        send_open: sends OpenSession with a session id.
        fresh: whether to reset the link first.

    Raises:
        DeviceGone: the camera left.
        CameraError: it opens none.
    """
    session_id = 1
    busy = iter(BUSY_STEPS)
    failure: errors.CameraError | None = None
    for resets in range(RESETS + 1):
        try:
            if fresh or resets:
                await reset()
            while True:
                try:
                    await send_open(session_id)
                    return
                except errors.Refused as error:
                    if error.code == ResponseCode.DeviceBusy and (delay := next(busy, None)) is not None:
                        await trio.sleep(delay)
                    elif error.code == ResponseCode.InvalidTransactionID and session_id < SESSION_IDS:
                        session_id += 1
                    else:
                        raise
        except errors.DeviceGone:
            raise
        except errors.CameraError as error:
            log.info("opening the session: %s", error)
            failure, session_id = error, 1
            if isinstance(error, errors.TransferTimeout) and (fresh or resets):
                break
    assert failure is not None
    raise failure

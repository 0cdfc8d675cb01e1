"""Sony's operations over a PTP session, and how long a body is waited for that is not ready.

An answer other than OK is raised as the failure that it means, with its reason in words (camfs/protocols/sony/README.md, "Answers"). Two
answers mean *not now*, and the operation is sent again for a while: DeviceBusy, and AccessDenied, which is also the answer to what comes
too fast.
"""

import logging
from typing import TypeVar

import trio

from camfs import errors
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.ptp.transaction import Reply
from camfs.cameras.tethered.not_now import while_not_now
from camfs.protocols.ptp.codes import ResponseCode
from camfs.protocols.sony.codes import DIRECT, DOWN, STEPWISE, UP, Button, SonyOperation, explained
from camfs.protocols.sony.datasets import AllProperties, ExtDeviceInfo

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_REPLY = 4 << 20
"""Bytes of a reply: an A7S III's state has 9 KB, a list of 60,000 numbers 240 KB."""

NOT_NOW_TIME = 4.0
"""Seconds for which an operation is sent again that the body cannot do now."""

NOT_NOW = (ResponseCode.DeviceBusy, ResponseCode.AccessDenied)

EMPTY_ANSWERS = {DIRECT: 5, STEPWISE: 20}
"""How often a body may answer with nothing when it is asked for what it has in this version; libgphoto2 asks 20 times."""

EMPTY_STEP = 0.1
"""Seconds until it is asked again."""


class SonyOperations:
    """The operations of one body.

    Args:
        ptp: the same camera, opened.
    """

    def __init__(self, ptp: PtpCamera) -> None:
        self._ptp = ptp
        self._troubles: set[str] = set()

    async def run(
        self, operation: SonyOperation, *parameters: int, data: bytes | None = None, doing: str = ""
    ) -> Reply:
        """Run an operation, again and again for some seconds while the body cannot do it now.

        Raises:
            Refused: the kind that the answer means, with its reason.
        """

        async def once() -> Reply:
            return await self._ptp.session.transact(
                operation, *parameters, data=data, limit=MAX_REPLY, repeatable=False, waits_while_busy=False
            )

        try:
            return await while_not_now(once, NOT_NOW, NOT_NOW_TIME)
        except errors.Refused as error:
            raise explained(error, doing or operation.name) from None

    async def handshake(self) -> int:
        """Take the body, and return the version of its protocol. It may be taken again at any time.

        Raises:
            Refused: it does not let itself be taken.
        """
        for phase in (1, 2):
            await self._connect(phase)
        version = await self._version(DIRECT, 1) or await self._version(STEPWISE)
        if version is None:
            raise errors.Refused("the camera does not say what it has; switch it off and on, in PC Remote")
        await self._connect(3)
        return version

    async def _connect(self, phase: int) -> None:
        await self.run(SonyOperation.Connect, phase, 0, 0, doing="remote control")

    async def _version(self, wanted: int, *more: int) -> int | None:
        """Ask for what the body has in a version of the protocol; None if it does not tell."""
        for _ in range(EMPTY_ANSWERS[wanted]):
            try:
                reply = await self.run(SonyOperation.GetExtDeviceInfo, wanted, *more)
                info = ExtDeviceInfo.decode(reply.data) if len(reply.data) >= 2 else ExtDeviceInfo(0)
            except (errors.Refused, errors.RemoteProtocolError) as error:
                log.info("version 0x%X of the protocol: %s", wanted, error)
                return None
            if info.codes:
                return info.version
            await trio.sleep(EMPTY_STEP)
        return None

    async def state(self) -> AllProperties:
        """Ask for all properties. What is wrong with the reply is told once; what it holds is taken."""
        reply = AllProperties.decode((await self.run(SonyOperation.GetAllDevicePropData)).data)
        if reply.trouble and reply.trouble not in self._troubles:
            self._troubles.add(reply.trouble)
            log.warning("the camera's properties: %s; what it holds is taken", reply.trouble)
        return reply

    async def press(self, button: Button, *, down: bool) -> None:
        """Press a button, or let it go."""
        data = (DOWN if down else UP).to_bytes(2, "little")
        await self.run(SonyOperation.SetControlDeviceB, button, data=data, doing=f"button {button.name.lower()}")

    async def control(self, code: int, data: bytes, doing: str) -> None:
        """Move something by steps."""
        await self.run(SonyOperation.SetControlDeviceB, code, data=data, doing=doing)

    async def write(self, code: int, data: bytes, doing: str) -> None:
        """Write a property."""
        await self.run(SonyOperation.SetControlDeviceA, code, data=data, doing=doing)

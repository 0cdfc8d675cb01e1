"""Nikon's operations over a PTP session, and how long a body is waited for that is not ready.

An answer other than OK is raised as the failure that it means, with its reason in words (camfs/protocols/nikon/README.md, "Answers").
Three answers are no failures at once. DeviceBusy and InvalidStatus mean *not now*, so the operation is sent again for a while. Consumer
bodies do some operations that they do not list; those are tried once, and OperationNotSupported is believed.
"""

import logging
from typing import TypeVar

import trio

from camfs import errors
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.ptp.transaction import Reply
from camfs.cameras.tethered.not_now import while_not_now
from camfs.protocols.nikon.codes import PROPERTY_CODES, NikonOperation, NikonResponse, explained
from camfs.protocols.nikon.events import EventReply, decode_events, decode_events_ex
from camfs.protocols.nikon.property_codes import decode_property_codes
from camfs.protocols.ptp.codes import DataPhase, Operation, ResponseCode

log = logging.getLogger(__name__)

T = TypeVar("T")

MAX_REPLY = 1 << 20
"""Bytes of any reply but frames and pictures: a list of 60,000 events has a third of that."""

MAX_FRAME = 16 << 20
"""Bytes of a frame of the live view."""

NOT_NOW_TIME = 5.0
"""Seconds for which an operation is sent again that the body cannot do now."""

READY_STEP = 0.05
"""Seconds between two questions whether the body is ready."""

UNLISTED = frozenset({NikonOperation.CheckEvent, NikonOperation.InitiateCaptureRecInMedia})
"""What consumer bodies do without listing it (camfs/protocols/nikon/README.md, "Operations")."""

NOT_NOW = (ResponseCode.DeviceBusy, NikonResponse.InvalidStatus)
_STILL_BUSY = (ResponseCode.DeviceBusy, NikonResponse.BulbReleaseBusy)


class NikonOperations:
    """The operations of one body.

    Args:
        ptp: the same camera, opened.
    """

    def __init__(self, ptp: PtpCamera) -> None:
        self._ptp = ptp
        self._missing: set[int] = set()

    def has(self, operation: NikonOperation) -> bool:
        """Say whether the body may do an operation: it lists it, or bodies are known that do it unlisted; and it has not said no."""
        if operation in self._missing:
            return False
        return operation in self._ptp.info.operations or operation in UNLISTED

    async def run(
        self, operation: NikonOperation, *parameters: int, limit: int = MAX_REPLY, timeout: float | None = None
    ) -> Reply:
        """Run an operation once.

        Raises:
            Refused: the kind that the answer means, with its reason.
            NotSupported: the body does not have the operation.
        """
        if not self.has(operation):
            raise errors.NotSupported(f"this camera has no {operation.name}")
        try:
            return await self._ptp.session.transact(
                operation,
                *parameters,
                limit=limit,
                timeout=timeout,
                repeatable=operation.data_phase is DataPhase.IN and operation not in _EMPTIES,
                waits_while_busy=False,
                urgent=True,
            )
        except errors.Refused as error:
            if error.code == ResponseCode.OperationNotSupported:
                self._missing.add(operation)
            raise explained(error, operation.name) from None

    async def standard(self, operation: Operation, *parameters: int, timeout: float) -> Reply:
        """Run a standard operation once that changes something; a refusal is explained as Nikon means it."""
        try:
            return await self._ptp.session.transact(
                operation, *parameters, timeout=timeout, repeatable=False, waits_while_busy=False
            )
        except errors.Refused as error:
            raise explained(error, operation.name) from None

    async def insist(
        self,
        operation: NikonOperation,
        *parameters: int,
        seconds: float = NOT_NOW_TIME,
        timeout: float | None = None,
    ) -> Reply:
        """Run an operation, again and again for so many seconds while the body says that it cannot do it now."""
        return await while_not_now(lambda: self.run(operation, *parameters, timeout=timeout), NOT_NOW, seconds)

    async def wait_until_ready(self, seconds: float) -> None:
        """0x90C8, until the body is ready. A silent release counts as ready: its answer says that the shutter makes no noise.

        Raises:
            FocusFailed: autofocus found nothing.
            Busy: it was not ready in so many seconds.
            Refused: what was begun has failed.
        """
        if not self.has(NikonOperation.DeviceReady):
            return
        until = trio.current_time() + seconds
        while True:
            try:
                await self.run(NikonOperation.DeviceReady)
                return
            except errors.NotSupported:
                return
            except errors.Refused as error:
                if error.code == NikonResponse.SilentReleaseBusy:
                    return
                if error.code not in _STILL_BUSY:
                    raise
                if trio.current_time() >= until:
                    raise
            await trio.sleep(READY_STEP)

    async def events(self) -> EventReply:
        """0x941C, or 0x90C7: what has happened since this was last asked. Nothing while the body is too busy to say."""
        operation, decode = NikonOperation.CheckEvent, decode_events
        if self.has(NikonOperation.GetEventEx):
            operation, decode = NikonOperation.GetEventEx, decode_events_ex
        try:
            reply = await self.run(operation)
        except errors.Busy:
            return EventReply(())
        except errors.NotSupported:
            if operation is not NikonOperation.GetEventEx:
                return EventReply(())
            return await self.events()
        return decode(reply.data)

    async def property_codes(self) -> list[int]:
        """0x9439, or 0x90CA: the maker's properties that fit 16 bits; none if the body does not list the operation."""
        if self.has(NikonOperation.GetVendorPropCodes):
            reply = await self.run(NikonOperation.GetVendorPropCodes)
            codes = decode_property_codes(reply.data, 2)
        elif self.has(NikonOperation.GetVendorCodes):
            reply = await self.run(NikonOperation.GetVendorCodes, PROPERTY_CODES)
            codes = decode_property_codes(reply.data, 4)
        else:
            return []
        return [code for code in codes if code <= 0xFFFF]


_EMPTIES = (NikonOperation.CheckEvent, NikonOperation.GetEventEx)
"""Operations that read, and are not sent twice: what they told the first time would be lost."""

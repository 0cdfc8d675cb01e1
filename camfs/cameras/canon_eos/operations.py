"""Canon's operations over a PTP session, and how long a body is waited for that is not ready.

An answer other than OK is raised as the failure that it means (camfs/protocols/canon_eos/README.md, "Answers"). Two answers are no failures
at once: DeviceBusy and ObjectNotReady mean *not now*, and the operation is sent again for a while (`insist`).

GetEvent hands its records over once. A reply that is lost on the way cannot be asked for again, so after a failure the body is made to
tell its whole state anew (`body`).
"""

import logging
from collections.abc import Sequence

from camfs import errors
from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.ptp.transaction import Reply
from camfs.cameras.tethered.not_now import while_not_now
from camfs.protocols.canon_eos.codes import (
    NEVER_SENT,
    CanonOperation,
    CanonResponse,
    canon_refusal,
)
from camfs.protocols.canon_eos.records import Reply as Records
from camfs.protocols.canon_eos.records import decode_reply
from camfs.protocols.ptp.codes import ResponseCode

log = logging.getLogger(__name__)

MAX_RECORDS = 4 << 20
"""Bytes of a reply to GetEvent: the largest that was seen has 13 KB, and a list of 60,000 values 240 KB."""

MAX_FRAME = 16 << 20
"""Bytes of a live-view frame."""

NOT_NOW_TIME = 4.0
"""Seconds for which an operation is sent again that the body cannot do now."""

NOT_NOW = frozenset({ResponseCode.DeviceBusy, CanonResponse.ObjectNotReady, CanonResponse.MemoryStatusNotReady})
"""Answers that mean *not now*."""


class CanonOperations:
    """The operations of one body.

    Args:
        ptp: the same camera, opened.
    """

    def __init__(self, ptp: PtpCamera) -> None:
        self._ptp = ptp

    def has(self, operation: CanonOperation) -> bool:
        """Say whether the body lists an operation."""
        return operation in self._ptp.info.operations

    async def run(
        self,
        operation: CanonOperation,
        *parameters: int,
        data: bytes | None = None,
        limit: int = MAX_RECORDS,
        timeout: float | None = None,
    ) -> Reply:
        """Run an operation once.

        Raises:
            Refused: the kind that the answer means.
        """
        if operation in NEVER_SENT:
            raise errors.NotPermitted(f"{operation.name} belongs to the factory and is never sent")
        try:
            return await self._ptp.session.transact(
                operation,
                *parameters,
                data=data,
                limit=limit,
                timeout=timeout,
                repeatable=False,
                waits_while_busy=False,
            )
        except errors.Refused as error:
            if error.code is None:
                raise
            raise canon_refusal(operation, error.code) from None

    async def insist(
        self,
        operation: CanonOperation,
        *parameters: int,
        data: bytes | None = None,
        limit: int = MAX_RECORDS,
        timeout: float | None = None,
        seconds: float = NOT_NOW_TIME,
    ) -> Reply:
        """Run an operation, again and again for so many seconds while the body answers *not now*.

        Raises:
            Busy: it went on answering so.
        """
        return await while_not_now(
            lambda: self.run(operation, *parameters, data=data, limit=limit, timeout=timeout), NOT_NOW, seconds
        )

    async def tolerate(self, operation: CanonOperation, *parameters: int) -> None:
        """Run an operation that the body may refuse, if it lists it."""
        if self.has(operation):
            try:
                await self.insist(operation, *parameters)
            except errors.Refused as error:
                log.info("%s", error)

    async def records(self) -> Records:
        """Ask for records once."""
        return decode_reply((await self.insist(CanonOperation.GetEvent)).data)

    def first_of(self, operations: Sequence[CanonOperation]) -> CanonOperation | None:
        """Return the first of these that the body lists."""
        return next((operation for operation in operations if self.has(operation)), None)

"""What a Sony body has last told of its state, and how it is asked again: all properties come at once."""

import logging
from collections.abc import Awaitable, Callable

import trio

from camfs import errors
from camfs.cameras.sony.operations import SonyOperations
from camfs.protocols.ptp.codes import ResponseCode
from camfs.protocols.sony.codes import STEPWISE, SonyProperty, waiting_shots
from camfs.protocols.sony.datasets import PropertyState

log = logging.getLogger(__name__)

FRESH = 0.1
"""Seconds for which the state is taken to be the present one, so that programs that read all settings ask once."""

_LEFT = (ResponseCode.GeneralError, ResponseCode.OperationNotSupported, ResponseCode.InvalidParameter)
"""Answers of a body that is not in remote control to a question that every body in it answers."""


class BodyState:
    """The state of one body.

    Args:
        operations: of the body.
        take_again: takes the body, after it has left control by itself.

    Attributes:
        entries: its properties, by code.
        version: of its protocol.
    """

    def __init__(self, operations: SonyOperations, take_again: Callable[[], Awaitable[None]]) -> None:
        self.entries: dict[int, PropertyState] = {}
        self.version = STEPWISE
        self._operations = operations
        self._take_again = take_again
        self._asked_at: float | None = None

    def invalidate(self) -> None:
        """Have the state asked for again at the next need."""
        self._asked_at = None

    async def ask(self) -> None:
        """Ask for the state. A body that has left control by itself is taken again, once."""
        try:
            reply = await self._operations.state()
        except errors.Refused as error:
            if error.code not in _LEFT:
                raise
            log.warning("the camera has left the computer's control by itself (%s); it is taken again", error)
            await self._take_again()
            reply = await self._operations.state()
        if reply.entries or not reply.trouble:
            self.entries = {entry.code: entry for entry in reply.entries}
        self._asked_at = trio.current_time()

    async def ask_if_old(self) -> None:
        """Ask unless that was done just now."""
        if self._asked_at is None or trio.current_time() - self._asked_at > FRESH:
            await self.ask()

    def number(self, code: int) -> int | None:
        """Return the value of a property; None if the body does not have it, or it is no number."""
        entry = self.entries.get(code)
        return entry.current if entry is not None and isinstance(entry.current, int) else None

    @property
    def waiting(self) -> int:
        """How many pictures wait in the body."""
        return waiting_shots(self.number(SonyProperty.ObjectInMemory) or 0)

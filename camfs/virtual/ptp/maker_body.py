"""What a maker's emulated body is asked by the PTP camera that it belongs to: the protocol `MakerBody`."""

from collections.abc import Callable
from typing import Protocol

from camfs.protocols.ptp.messages import Event


def _stay() -> None:
    pass


class MakerBody(Protocol):
    """The state of a body beyond PTP. What has an answer here is for bodies that do nothing of their own about it.

    Attributes:
        leave_bus: takes the camera off the bus.
        gone: whether it has left the bus, until it is switched off and on.
        is_deaf: whether it answers OperationNotSupported to all that needs a session.
    """

    leave_bus: Callable[[], None] = staticmethod(_stay)
    gone: bool = False
    is_deaf: bool = False

    def session_opened(self) -> None:
        """Note that a PTP session begins."""

    def session_closed(self) -> None:
        """Note that CloseSession has come; `session_ended` has been called."""

    def session_ended(self) -> None:
        """Do what the end of the PTP session brings with it."""

    def power_lost(self) -> None:
        """Do what pulling the cable brings with it."""

    def power_cycled(self) -> None:
        """Do what switching off and on brings with it, besides the loss of the cable's power."""

    def happened(self, event: Event) -> bool:
        """Note an event of the PTP camera, and say whether it is sent over the link as well."""
        return True

"""What a maker's emulated body is asked by the PTP camera that it belongs to: the protocol `MakerBody`."""

from typing import Protocol

from camfs.protocols.ptp.messages import Event


class MakerBody(Protocol):
    """The state of a body beyond PTP."""

    def session_opened(self) -> None:
        """Note that a PTP session begins."""

    def session_ended(self) -> None:
        """Do what the end of the PTP session brings with it."""

    def power_lost(self) -> None:
        """Do what pulling the cable brings with it."""

    def happened(self, event: Event) -> bool:
        """Note an event of the PTP camera, and say whether it is sent over the link as well."""

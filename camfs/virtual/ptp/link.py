"""What a responder asks of the link that carries its messages: over USB (`usblink`) or over the network (`iplink`)."""

from collections.abc import Iterable
from typing import Protocol

from camfs.protocols.ptp.messages import Event, Message


class AnswerCut(Exception):
    """The answer has been sent up to the byte that `Link.cut_answer` named."""


class Link(Protocol):
    """Messages to and from one host. Methods that wait raise `DeviceGone` once the host has left."""

    async def receive(self) -> Message:
        """Wait for the host's next message. Cancelled: nothing is lost.

        Raises:
            RemoteProtocolError: what the host sends is not PTP; call `stall` and `restart` before going on.
        """

    async def send(self, messages: Iterable[Message]) -> None:
        """Send messages in order; all have left once a response is among them.

        Raises:
            AnswerCut: see `cut_answer`; everything before that byte has been sent.
        """

    async def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""

    async def send_event(self, event: Event) -> None:
        """Send an event."""

    def cut_answer(self, at: int, goes_on: bool) -> None:
        """Interrupt what is sent from now on, once, until `lift_cut`.

        Args:
            at: number of the byte that is not sent; 0 for the next one.
            goes_on: halt the pipes between two packets, and send the rest when the host has cleared the halts;
                otherwise raise `AnswerCut`.
        """

    def lift_cut(self) -> None:
        """Send without interruption again."""

    async def end_transfer(self) -> None:
        """End the transfer with what has been sent so far."""

    async def end_cancelled(self, transaction_id: int) -> None:
        """End a transaction that the host has cancelled: with a response or without, as this link has it."""

    def stall(self) -> None:
        """Tell the host that what it sent is not PTP."""

    def halted(self) -> tuple[int, ...]:
        """Return the addresses of the endpoints that are halted now."""

    def restart(self, flush: bool = True) -> None:
        """Forget every message that is half sent or half received; `flush` also drops what is in the pipes."""

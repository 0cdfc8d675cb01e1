"""The `Link` protocol: what a PTP session asks of the wire to a camera, whatever that wire is made of.

`UsbLink` carries messages over a pair of USB pipes, `IpLink` over two TCP connections. A session does not know which of them it has.
"""

from typing import Protocol

from camfs.protocols.ptp.messages import Event, Message


class Link(Protocol):
    """Carries messages to a responder and back. Every method may raise `TransportError` and `RemoteProtocolError`."""

    @property
    def unfinished(self) -> int:
        """How many of the last payload bytes received belong to an unfinished packet: after a failure they cannot be trusted."""

    async def send(self, *messages: Message) -> None:
        """Send messages in order. Cancelled or failed: the transaction must be recovered with `cancel` or `reset`."""

    async def receive(self) -> Message:
        """Wait for the responder's next message. Cancelled: nothing is lost."""

    async def receive_event(self) -> Event:
        """Wait for an event. Cancelled: nothing is lost.

        Raises:
            RemoteProtocolError: what came was not an event; the next call goes on behind it.
        """

    async def cancel(self, transaction_id: int) -> None:
        """End the transaction under way on both sides and drop what is left of it; takes two seconds at most.

        Raises:
            CameraError: the camera did not become idle; `reset` may help.
        """

    async def reset(self) -> None:
        """Bring both sides back to the state before OpenSession; takes two seconds at most."""

    async def aclose(self) -> None:
        """Let go of the device; never raises."""

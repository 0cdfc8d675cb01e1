"""One TCP connection of PTP/IP: a codec (`protocols.ptp.ip`) joined to a stream of bytes. The same for either side of it."""

from collections import deque
from typing import Protocol

import trio

from camfs.protocols.ptp.ip import IpConnection, IpMessage
from camfs.protocols.ptp.messages import Role

RECEIVE_SIZE = 256 << 10
"""Bytes asked of a stream at a time."""


class ByteStream(Protocol):
    """A TCP connection. All methods raise `DeviceGone` once the peer has left or this side has closed."""

    async def send(self, data: memoryview) -> int:
        """Hand over bytes, and return how many were taken, one at least. Cancelled: none."""

    async def receive(self, max_bytes: int) -> bytes:
        """Wait for bytes and return those that are there, one at least. Cancelled: none is lost."""

    async def aclose(self) -> None:
        """Close it; never raises. Calls under way raise `DeviceGone`."""


class Channel:
    """A connection that carries messages.

    Args:
        stream: the connection.
        role: the side of it.

    Attributes:
        connection: its codec.
        received: bytes that have come so far.
    """

    def __init__(self, stream: ByteStream, role: Role) -> None:
        self.connection = IpConnection(role)
        self.received = 0
        self._stream = stream
        self._unsent: deque[bytes | memoryview] = deque()
        self._leaving = memoryview(b"")
        self._sending = trio.Lock()

    async def send(self, *messages: IpMessage) -> None:
        """Send messages; see `IpConnection.send`. Cancelled: what has not left yet goes before all that is sent later."""
        await self.write(*self.connection.send(*messages))

    async def write(self, *pieces: bytes | memoryview) -> None:
        """Send bytes as they are. Cancelled: as `send`."""
        self._unsent.extend(pieces)
        async with self._sending:
            while self._leaving or self._unsent:
                if not self._leaving:
                    self._leaving = memoryview(b"".join(self._unsent))
                    self._unsent.clear()
                if self._leaving:
                    self._leaving = self._leaving[await self._stream.send(self._leaving) :]

    async def receive(self) -> IpMessage:
        """Wait for the peer's next message. Cancelled: nothing is lost.

        Raises:
            RemoteProtocolError: the peer does not speak PTP/IP; only `aclose` is left.
        """
        while (message := self.connection.next_message()) is None:
            await self.fill()
        return message

    async def fill(self) -> None:
        """Wait for bytes, and take them without looking at them."""
        data = await self._stream.receive(RECEIVE_SIZE)
        self.received += len(data)
        self.connection.receive(data)

    async def aclose(self) -> None:
        """Close the connection; never raises."""
        await self._stream.aclose()

"""A channel: a codec joined to a stream of bytes, so that whole messages travel over it. The same for either side of a connection."""

from collections import deque
from typing import Any, Generic, Protocol, TypeVar

import trio

from camfs.transports.ports import ByteStream

Message = TypeVar("Message")


class Codec(Protocol[Message]):
    """A protocol without I/O, as a channel drives it: messages in, bytes out, and the other way."""

    def send(self, *messages: Message) -> list[bytes | memoryview]:
        """Turn messages into the bytes to send."""

    def receive(self, data: bytes | memoryview) -> None:
        """Take bytes that have come."""

    def next_message(self) -> Message | None:
        """Return the next whole message, None while there is none."""


AnyCodec = TypeVar("AnyCodec", bound=Codec[Any])

RECEIVE_SIZE = 256 << 10
"""Bytes asked of a stream at a time."""


class Channel(Generic[Message, AnyCodec]):
    """A connection that carries messages.

    Args:
        stream: the connection.
        codec: what makes messages of its bytes; an error of it is final, and only `aclose` is left then.

    Attributes:
        codec: as given.
        received: bytes that have come so far.
    """

    def __init__(self, stream: ByteStream, codec: AnyCodec) -> None:
        self.codec = codec
        self.received = 0
        self._stream = stream
        self._unsent: deque[bytes | memoryview] = deque()
        self._leaving = memoryview(b"")
        self._sending = trio.Lock()

    async def send(self, *messages: Message) -> None:
        """Send messages in order. Cancelled: what has not left yet goes before all that is sent later."""
        await self.write(*self.codec.send(*messages))

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

    async def receive(self) -> Message:
        """Wait for the peer's next message. Cancelled: nothing is lost.

        Raises:
            RemoteProtocolError: the peer does not speak the codec's protocol; only `aclose` is left.
        """
        while True:
            message: Message | None = self.codec.next_message()
            if message is not None:
                return message
            await self.fill()

    async def fill(self) -> None:
        """Wait for bytes, and take them without looking at them."""
        data = await self._stream.receive(RECEIVE_SIZE)
        self.received += len(data)
        self.codec.receive(data)

    async def aclose(self) -> None:
        """Close the connection; never raises."""
        await self._stream.aclose()

"""A channel: a codec joined to a stream of bytes, so that whole messages travel over it. It serves either side of a connection."""

from collections import deque
from typing import Any, Generic, Protocol, TypeVar

import trio

from camfs.transports.ports import ByteStream

Message = TypeVar("Message")


class Codec(Protocol[Message]):
    """A protocol without I/O, as a channel drives it: messages in, bytes out, and the other way round."""

    def send(self, *messages: Message) -> list[bytes | memoryview]:
        """Turn messages into the bytes to send."""

    def receive(self, data: bytes | memoryview) -> None:
        """Accept bytes that have come."""

    def next_message(self) -> Message | None:
        """Return the next whole message, None if it needs more bytes."""


AnyCodec = TypeVar("AnyCodec", bound=Codec[Any])

RECEIVE_SIZE = 256 << 10
"""Most bytes that a stream is asked for at a time."""


class Channel(Generic[Message, AnyCodec]):
    """A connection that carries messages.

    Args:
        stream: the connection.
        codec: turns its bytes into messages. After an error of the codec, only `aclose` may be called.

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
        """Send messages in order. Cancelled: what has not left yet leaves before anything that is sent later."""
        await self.write(*self.codec.send(*messages))

    async def write(self, *pieces: bytes | memoryview) -> None:
        """Send bytes as they are. Cancelled: the same as for `send`."""
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
            RemoteProtocolError: the peer does not speak the codec's protocol; then only `aclose` may be called.
        """
        while True:
            message: Message | None = self.codec.next_message()
            if message is not None:
                return message
            await self.fill()

    async def fill(self) -> None:
        """Wait for bytes and hand them to the codec, without asking it for messages."""
        data = await self._stream.receive(RECEIVE_SIZE)
        self.received += len(data)
        self.codec.receive(data)

    async def aclose(self) -> None:
        """Close the connection; never raises."""
        await self._stream.aclose()

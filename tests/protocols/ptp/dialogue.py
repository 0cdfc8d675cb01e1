"""Two codecs joined by what USB does between them: bulk writes make transfers, and reads cut transfers into pieces.

`container` writes containers from the page of the standard, as a second opinion on what the codec writes.
"""

import struct
from collections.abc import Iterable, Iterator

from camfs.protocols.ptp.containers import UsbConnection
from camfs.protocols.ptp.messages import Data, Message, Role

COMMAND, DATA, RESPONSE, EVENT = 1, 2, 3, 4

Read = tuple[bytes, bool]
"""What one read of a bulk pipe gives: bytes, and whether the transfer ended with them."""


def container(
    container_type: int, code: int, transaction_id: int, body: bytes = b"", length: int | None = None
) -> bytes:
    """Write a container; `length` is what its header says, if it is not the truth."""
    said = 12 + len(body) if length is None else length
    return struct.pack("<IHHI", said, container_type, code, transaction_id) + body


def words(*numbers: int) -> bytes:
    """Write UINT32s."""
    return struct.pack(f"<{len(numbers)}I", *numbers)


def listen(connection: UsbConnection, *reads: Read) -> list[Message]:
    """Let a codec receive reads, and return what it heard, with neighbouring pieces of payload joined."""
    heard: list[Message] = []
    for data, end in reads:
        connection.receive(data, end)
        while (message := connection.next_message()) is not None:
            heard.append(message)
    while (message := connection.next_message()) is not None:
        heard.append(message)
    return join(heard)


def join(messages: Iterable[Message]) -> list[Message]:
    """Join neighbouring pieces of payload."""
    joined: list[Message] = []
    for message in messages:
        if isinstance(message, Data):
            assert len(message.payload), "an empty piece of payload"
            before = joined.pop().payload if joined and isinstance(joined[-1], Data) else b""  # type: ignore[union-attr]
            message = Data(bytes(before) + bytes(message.payload))
        joined.append(message)
    return joined


class BulkPipe:
    """One direction: a transfer goes on until a packet shorter than `packet`; a read returns when full or when the transfer ends."""

    def __init__(self, packet: int, read_size: int) -> None:
        self._packet = packet
        self._read_size = read_size
        self._unread = bytearray()

    def carry(self, writes: Iterable[bytes]) -> Iterator[Read]:
        """Take writes and give the reads that they complete."""
        for write in writes:
            self._unread += write
            while len(self._unread) >= self._read_size:
                yield self._take(self._read_size), False
            if not write or len(write) % self._packet:
                yield self._take(len(self._unread)), True

    def _take(self, size: int) -> bytes:
        taken = bytes(self._unread[:size])
        del self._unread[:size]
        return taken


class Dialogue:
    """An initiator and a responder, and the cable between them.

    Args:
        packet: the pipes' packet size M.
        read_size: bytes that each read asks for; by default everything a transfer has.
        split_header: whether the responder sends headers in transfers of their own.
        zero_length_packets: whether the responder sends them.

    Attributes:
        written: the bulk writes of the last `say`.
    """

    def __init__(
        self,
        packet: int = 512,
        *,
        read_size: int = 1 << 40,
        split_header: bool = False,
        zero_length_packets: bool = True,
    ) -> None:
        self.initiator = UsbConnection(Role.INITIATOR, packet)
        self.responder = UsbConnection(
            Role.RESPONDER, packet, split_header=split_header, zero_length_packets=zero_length_packets
        )
        self.written: list[bytes] = []
        self._out = BulkPipe(packet, read_size)
        self._in = BulkPipe(packet, read_size)

    def say(self, *messages: Message, by: Role) -> list[Message]:
        """Send messages from one side and return what the other heard."""
        speaker, pipe, listener = (
            (self.initiator, self._out, self.responder)
            if by is Role.INITIATOR
            else (self.responder, self._in, self.initiator)
        )
        self.written = [write for message in messages for write in speaker.send(message)]
        return listen(listener, *pipe.carry(self.written))

    def ask(self, *messages: Message) -> list[Message]:
        """Send messages from the initiator and return what the responder heard."""
        return self.say(*messages, by=Role.INITIATOR)

    def answer(self, *messages: Message) -> list[Message]:
        """Send messages from the responder and return what the initiator heard."""
        return self.say(*messages, by=Role.RESPONDER)

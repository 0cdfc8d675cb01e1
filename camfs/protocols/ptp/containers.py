"""PTP over USB: containers on the bulk pipes and the interrupt pipe (Still Image Class 1.0 clause 7; reference ptp, sections 2 and 9).

A container is a 12-byte header (u32 length with the header, u16 type, u16 code, u32 transaction id), then parameters or payload.
Containers travel in USB *transfers*, and a transfer ends with a packet shorter than the pipe's packet size M, if need be an empty one.
So a codec must be told where transfers end, and has to say where they shall end:

* `UsbConnection.send` returns bulk writes. Each but the last of a container is a multiple of M; the last is short or, where the
  container is itself a multiple of M, followed by an empty write.
* `UsbConnection.receive` takes bytes as they came, cut anywhere, with a flag where a transfer ended.

The end of a container is found by counting its length. Transfers' ends matter in three places: they end a data container of unknown
length (0xFFFFFFFF); a left-over empty one means nothing; and fewer than 12 bytes behind a container, in the same transfer, are
dropped (seen on a player). A header alone in its transfer belongs to the payload of the next one (split header: Android, Microsoft).

What an initiator forgives, because cameras need it: up to `MAX_STALE` containers of older transactions, data headers with code
and id 0 (Creative), a CloseSession answered with id 0 (Leica). All else is one `RemoteProtocolError`, after which the codec
is dead: recover the pipe and make a new one.
"""

import struct
from collections import deque
from dataclasses import replace

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.ptp.codes import Operation
from camfs.protocols.ptp.messages import (
    MAX_PARAMETERS,
    Data,
    DataEnd,
    DataStart,
    Event,
    Message,
    Request,
    Response,
    Role,
)

COMMAND, DATA, RESPONSE, EVENT = 1, 2, 3, 4
"""Container types."""

_HEADER = struct.Struct("<IHHI")
HEADER_SIZE = _HEADER.size
LENGTH_UNKNOWN = 0xFFFFFFFF
MAX_EVENT_PARAMETERS = 3
MAX_STALE = 3


def _encode_header(length: int, container_type: int, code: int, transaction_id: int) -> bytes:
    try:
        return _HEADER.pack(length, container_type, code, transaction_id)
    except struct.error as error:
        raise LocalProtocolError(f"code {code}, transaction {transaction_id}: {error}") from None


def _encode(
    container_type: int, code: int, transaction_id: int, parameters: tuple[int, ...], most: int = MAX_PARAMETERS
) -> bytes:
    if len(parameters) > most or not all(0 <= parameter <= 0xFFFFFFFF for parameter in parameters):
        raise LocalProtocolError(f"parameters {parameters}; {most} of 32 bits fit")
    header = _encode_header(HEADER_SIZE + 4 * len(parameters), container_type, code, transaction_id)
    return header + struct.pack(f"<{len(parameters)}I", *parameters)


def encode_event(event: Event) -> bytes:
    """Write an event container for the interrupt pipe."""
    return _encode(EVENT, event.code, event.transaction_id, event.parameters, MAX_EVENT_PARAMETERS)


def _may_begin_event(data: bytes) -> bool:
    """Say whether an event container, of any number of parameters that fits a container, may begin so."""
    lengths = range(HEADER_SIZE, HEADER_SIZE + 4 * MAX_PARAMETERS + 1, 4)
    return data[0] in lengths and bytes((data[0], 0, 0, 0, EVENT, 0)).startswith(data[:6])


class EventPipe:
    """Puts events together from what the interrupt pipe delivers; Canon bodies may deliver one in pieces."""

    def __init__(self) -> None:
        self._buffer = b""

    def receive(self, data: bytes) -> list[Event]:
        """Take the bytes of one interrupt transfer and return the events they complete; padding behind these is dropped.

        Raises:
            RemoteProtocolError: no event container; what came before is dropped and the pipe can go on.
        """
        self._buffer += data
        events: list[Event] = []
        while self._buffer:
            if not _may_begin_event(self._buffer):
                dropped, self._buffer = self._buffer, b""
                if events:
                    break
                raise RemoteProtocolError(f"no event: {dropped[:32].hex(' ')}")
            length = self._buffer[0]
            if len(self._buffer) < length:
                break
            code, transaction_id, *parameters = struct.unpack_from(f"<HI{length // 4 - 3}I", self._buffer, 6)
            events.append(Event(code, transaction_id, tuple(parameters)))
            self._buffer = self._buffer[length:]
        return events


class UsbConnection:
    """One side of a pair of bulk pipes, without the pipes.

    Args:
        role: initiator (host) or responder (camera).
        max_packet_size: M of the pipe that `send` is for: 64, 512 or 1024 bytes.
        split_header: send a data header in a transfer of its own. An initiator does so by itself once its camera has done so.
        zero_length_packets: end a container whose size is a multiple of M with an empty transfer, as one must; some devices do not.
    """

    def __init__(
        self,
        role: Role,
        max_packet_size: int = 512,
        *,
        split_header: bool = False,
        zero_length_packets: bool = True,
    ) -> None:
        self._role = role
        self._packet = max_packet_size
        self._zero_length_packets = zero_length_packets
        self.split_header = split_header
        # sending
        self._carry = bytearray()
        self._sending: int | None = None  # payload bytes still to send
        self._sent_unknown = False
        self._sent_nothing = False
        # receiving
        self._chunks: deque[tuple[memoryview, bool]] = deque()
        self._head = bytearray()
        self._request: Request | None = None
        self._had_data = False
        self._payload_left: int | None = None  # None in a payload of unknown length
        self._in_payload = False
        self._drop_payload = False
        self._fresh_header = False  # of the payload nothing came yet, nor did the transfer of its header end
        self._header_leads = False  # and that transfer began with it
        self._transfer_began_container = False
        self._stale = 0
        self._dead: RemoteProtocolError | None = None

    @property
    def payload_left(self) -> int | None:
        """Bytes of the payload being received that are still to come, 0 outside of one, None if unknown."""
        return self._payload_left if self._in_payload else 0

    # ------------------------------------------------------------------ sending

    def send(self, message: Message) -> list[bytes]:
        """Turn a message into bulk writes, in order; an empty one is a zero-length packet.

        Raises:
            LocalProtocolError: the message is not for this role, not now, or does not fit its container.
        """
        match message:
            case Request() if self._role is Role.INITIATOR and self._sending is None and not self._in_payload:
                container = _encode(COMMAND, message.code, message.transaction_id, message.parameters)
                self._request, self._had_data, self._stale = message, False, 0
                return [container]
            case Response() if self._role is Role.RESPONDER and self._sending is None:
                return [_encode(RESPONSE, message.code, message.transaction_id, message.parameters)]
            case DataStart(code, transaction_id, length) if self._sending is None:
                return self._start_payload(code, transaction_id, length)
            case Data(payload) if self._sending is not None:
                if not self._sent_unknown:
                    if len(payload) > self._sending:
                        raise LocalProtocolError("more payload than announced")
                    self._sending -= len(payload)
                self._sent_nothing = self._sent_nothing and not payload
                self._carry += payload
                whole = len(self._carry) - len(self._carry) % self._packet
                return self._cut(whole) if whole else []
            case DataEnd() if self._sending is not None:
                if self._sending and not self._sent_unknown:
                    raise LocalProtocolError("less payload than announced")
                self._sending = None
                writes = self._cut(len(self._carry)) if self._carry else []
                # a header alone, of unknown length, announces a payload: that there is none takes an empty transfer
                if self._zero_length_packets and (not writes or (self._sent_unknown and self._sent_nothing)):
                    writes.append(b"")
                return writes
        raise LocalProtocolError(f"{type(message).__name__} cannot be sent by the {self._role.value} now")

    def _start_payload(self, code: int, transaction_id: int, length: int | None) -> list[bytes]:
        if length is not None and length < 0:
            raise LocalProtocolError(f"payload of {length} bytes")
        total = LENGTH_UNKNOWN if length is None else min(length + HEADER_SIZE, LENGTH_UNKNOWN)
        header = _encode_header(total, DATA, code, transaction_id)
        self._sending = length or 0
        self._sent_unknown, self._sent_nothing = length is None, True
        if self.split_header and length != 0:
            return [header]
        self._carry += header
        return []

    def _cut(self, size: int) -> list[bytes]:
        piece = bytes(memoryview(self._carry)[:size])
        del self._carry[:size]
        return [piece]

    # ------------------------------------------------------------------ receiving

    def receive(self, data: bytes | memoryview, end_of_transfer: bool) -> None:
        """Take bytes from the bulk pipe.

        Args:
            data: what one read gave; may be empty. It is not copied: `Data` messages are views of it.
            end_of_transfer: whether the transfer ended with them (the read was ended by a short or an empty packet).
        """
        if self._dead is None:
            self._chunks.append((memoryview(data), end_of_transfer))

    def next_message(self) -> Message | None:
        """Return the next message in the bytes received so far, None when it takes more.

        Raises:
            RemoteProtocolError: the peer does not speak PTP; raised again by every later call.
        """
        if self._dead is not None:
            raise self._dead.with_traceback(None)
        try:
            return self._next_message()
        except RemoteProtocolError as error:
            self._dead = error
            self._chunks.clear()
            raise

    def _next_message(self) -> Message | None:
        if self._role is Role.INITIATOR and self._request is None:
            return None
        while True:
            if self._in_payload and self._payload_left == 0:
                message = self._end_payload()
            elif not self._chunks:
                return None
            else:
                chunk, end = self._chunks.popleft()
                message = self._take_payload(chunk, end) if self._in_payload else self._take_header(chunk, end)
            if message is not None:
                return message

    def _take_payload(self, chunk: memoryview, end: bool) -> Message | None:
        left = self._payload_left
        size = len(chunk) if left is None else min(left, len(chunk))
        if left is not None:
            self._payload_left = left - size
            if size < len(chunk) or (end and self._payload_left == 0 and size):
                self._chunks.appendleft((chunk[size:], end))
        elif end and (size or not self._fresh_header):
            self._payload_left = 0
            self._transfer_began_container = False
        if end and not size and self._fresh_header and self._header_leads:
            self.split_header = True
        if size or end:
            self._fresh_header = False
        if size and not self._drop_payload:
            return Data(chunk[:size])
        return None

    def _end_payload(self) -> Message | None:
        self._in_payload = False
        if not self._drop_payload:
            return DataEnd()
        self._drop_payload = False
        if self._stale > MAX_STALE:
            raise RemoteProtocolError("more than three containers of other transactions")
        return None

    def _take_header(self, chunk: memoryview, end: bool) -> Message | None:
        """Gather a header and, of all but data containers, the parameters behind it."""
        wanted = HEADER_SIZE
        if len(self._head) >= HEADER_SIZE:
            wanted = self._container_length()
        size = min(wanted - len(self._head), len(chunk))
        self._head += chunk[:size]
        rest = chunk[size:]
        if len(self._head) < wanted:
            if end:
                self._end_in_header()
            return None
        if wanted == HEADER_SIZE:
            (container_type,) = struct.unpack_from("<H", self._head, 4)
            if container_type == DATA:
                if rest or end:
                    self._chunks.appendleft((rest, end))
                return self._start_of_payload()
            if self._container_length() > HEADER_SIZE:
                self._chunks.appendleft((rest, end))
                return None
        if rest or end:
            self._chunks.appendleft((rest, end))
        self._transfer_began_container = True
        head, self._head = bytes(self._head), bytearray()
        return self._short_container(head)

    def _end_in_header(self) -> None:
        """A transfer ended where a container is to begin: nothing at all, surplus behind a container, or one that is cut."""
        if self._head and (not self._transfer_began_container or len(self._head) >= HEADER_SIZE):
            raise RemoteProtocolError(f"container cut after {len(self._head)} bytes: {self._head.hex(' ')}")
        self._head.clear()
        self._transfer_began_container = False

    def _container_length(self) -> int:
        length, container_type = struct.unpack_from("<IH", self._head)
        allowed = RESPONSE if self._role is Role.INITIATOR else COMMAND
        if container_type != allowed or not HEADER_SIZE <= length <= HEADER_SIZE + 4 * MAX_PARAMETERS or length % 4:
            raise RemoteProtocolError(f"no container: {self._head[:HEADER_SIZE].hex(' ')}")
        return int(length)

    def _short_container(self, container: bytes) -> Message | None:
        code, transaction_id = struct.unpack_from("<HI", container, 6)
        parameters = struct.unpack_from(f"<{len(container) // 4 - 3}I", container, HEADER_SIZE)
        if self._role is Role.RESPONDER:
            return Request(code, transaction_id, parameters)
        assert self._request is not None
        ours = transaction_id == self._request.transaction_id
        if ours or (transaction_id == 0 and self._request.code == Operation.CloseSession):
            self._request = None
            return Response(code, transaction_id, parameters)
        self._count_stale(transaction_id)
        if self._stale > MAX_STALE:
            raise RemoteProtocolError("more than three containers of other transactions")
        return None

    def _start_of_payload(self) -> Message | None:
        length, _, code, transaction_id = _HEADER.unpack(self._head)
        self._head.clear()
        if length < HEADER_SIZE:
            raise RemoteProtocolError(f"data container of {length} bytes")
        self._in_payload, self._drop_payload = True, False
        self._payload_left = None if length == LENGTH_UNKNOWN else length - HEADER_SIZE
        leads, self._transfer_began_container = not self._transfer_began_container, True
        self._fresh_header, self._header_leads = True, False
        start = DataStart(code, transaction_id, self._payload_left)
        if self._role is Role.RESPONDER:
            return start
        assert self._request is not None
        expected = (self._request.code, self._request.transaction_id)
        if (code, transaction_id) == expected or (code, transaction_id) == (0, 0):
            if self._had_data:
                raise RemoteProtocolError("a second data container in one transaction")
            self._had_data, self._header_leads = True, leads
            return replace(start, code=expected[0], transaction_id=expected[1])
        if transaction_id == expected[1] and self._request.code != Operation.OpenSession:
            raise RemoteProtocolError(f"data of operation 0x{code:04X} in a transaction of 0x{expected[0]:04X}")
        self._count_stale(transaction_id)
        self._drop_payload = True
        return None

    def _count_stale(self, transaction_id: int) -> None:
        """Count a container of another transaction: an older one's, or, as the session opens, whatever a previous host left."""
        assert self._request is not None
        expected = self._request.transaction_id
        if self._request.code != Operation.OpenSession and (expected - transaction_id) % (1 << 32) >= 1 << 31:
            raise RemoteProtocolError(f"transaction {transaction_id} while {expected} is under way")
        self._stale += 1

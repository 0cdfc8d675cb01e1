"""PTP over USB: containers on the bulk pipes, events on the interrupt pipe (Still Image Class 1.0, clause 7).

A container is a 12-byte header (u32 length with the header, u16 type, u16 code, u32 transaction id), then parameters or payload.
Containers travel in USB *transfers*, and a transfer ends with a packet shorter than the pipe's packet size M, if need be an empty one.
So a codec must be told where transfers end, and must say where they shall end:

* `UsbConnection.send` returns bulk writes. Each but the last of a container is a multiple of M; the last is short or, where the
  container is itself a multiple of M, followed by an empty write.
* `UsbConnection.receive` takes bytes as they came, cut anywhere, with a flag where a transfer ended.

What is received passes through these states. The end of a container is found by counting its length; only a payload of unknown
length (0xFFFFFFFF) ends with its transfer::

    START ──┬─ header ──────► PARAMETERS ─────────────────────────────────────────────────┐
    BEHIND ─┤                                                                  last byte  ├──► BEHIND ── transfer ends ──► START
            │                              first byte, or transfer ends                   │
            └─ data header ─► LEADING, FOLLOWING ───────────────────────────► PAYLOAD ────┘

========== ============================================== ======================================================================
state      the next byte belongs to                       what the end of a transfer means there
========== ============================================== ======================================================================
START      a new transfer                                 nothing: an empty packet was left over; after 1 to 11 bytes it is an error
BEHIND     a transfer in which a container has ended      the next container begins a transfer; up to 11 bytes before it are dropped
PARAMETERS a request or response whose header has come    an error: the container is cut
LEADING    a payload whose header began the transfer      the header is split off, and the payload has transfers of its own
FOLLOWING  a payload whose header came behind a container the same, except that a camera is not taken for one that splits headers
PAYLOAD    a payload that has begun                       nothing if its length is known, else the end of the payload
========== ============================================== ======================================================================

A camera may end a payload before its announced length. Then its response stands where bytes of the payload should be, as the last
thing in a transfer: a response of this very transaction there ends the payload, and is not taken for bytes of an object.

A request or response without parameters goes straight to BEHIND. An initiator whose camera splits headers off sends them so, too.

An initiator forgives what cameras need forgiven: up to `MAX_STALE` containers of older transactions, data headers with code and
id 0 (Creative), a CloseSession answered with id 0 (Leica). All else is one `RemoteProtocolError`, after which the codec is dead:
recover the pipe and make a new one.

What is known of real devices, with sources:
camfs/protocols/ptp/README.md, "USB containers"; camfs/protocols/ptp/README.md, "Packets and zero-length packets";
camfs/protocols/ptp/README.md, "Sessions and transaction ids".
"""

import struct
from collections import deque
from dataclasses import dataclass
from enum import IntEnum, auto

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.ptp.codes import Operation
from camfs.protocols.ptp.messages import (
    MAX_PARAMETERS,
    MAX_STALE,
    Data,
    DataEnd,
    DataStart,
    Event,
    Message,
    Request,
    Response,
    Role,
    is_older,
)

COMMAND, DATA, RESPONSE, EVENT = 1, 2, 3, 4
"""Container types."""

_HEADER = struct.Struct("<IHHI")
HEADER_SIZE = _HEADER.size
LENGTH_UNKNOWN = 0xFFFFFFFF
MAX_EVENT_PARAMETERS = 3


def _encode(
    container_type: int, code: int, transaction_id: int, parameters: tuple[int, ...], most: int = MAX_PARAMETERS
) -> bytes:
    if len(parameters) > most:
        raise LocalProtocolError(f"{len(parameters)} parameters; {most} fit")
    return _pack(HEADER_SIZE + 4 * len(parameters), container_type, code, transaction_id, *parameters)


def _pack(length: int, container_type: int, code: int, transaction_id: int, *parameters: int) -> bytes:
    try:
        return struct.pack(f"<IHHI{len(parameters)}I", length, container_type, code, transaction_id, *parameters)
    except struct.error as error:
        raise LocalProtocolError(f"code {code}, transaction {transaction_id}, {parameters}: {error}") from None


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


class _State(IntEnum):
    """Where the next byte from the bulk pipe belongs; see above."""

    START = auto()
    BEHIND = auto()
    PARAMETERS = auto()
    LEADING = auto()
    FOLLOWING = auto()
    PAYLOAD = auto()


class _Seen(IntEnum):
    """What leads from one state to another."""

    HEADER = auto()  # of a request or response that has parameters
    DATA_HEADER = auto()
    BYTES = auto()  # of a payload that goes on
    LAST = auto()  # byte of a container
    END = auto()  # of a transfer, between two containers or in a payload that goes on
    CUT = auto()  # by the end of a transfer: a header, or parameters


_NEXT: dict[_State, dict[_Seen, _State]] = {
    _State.START: {
        _Seen.HEADER: _State.PARAMETERS,
        _Seen.DATA_HEADER: _State.LEADING,
        _Seen.LAST: _State.BEHIND,
        _Seen.END: _State.START,
    },
    _State.BEHIND: {
        _Seen.HEADER: _State.PARAMETERS,
        _Seen.DATA_HEADER: _State.FOLLOWING,
        _Seen.LAST: _State.BEHIND,
        _Seen.END: _State.START,
        _Seen.CUT: _State.START,
    },
    _State.PARAMETERS: {_Seen.LAST: _State.BEHIND},
    _State.LEADING: {_Seen.BYTES: _State.PAYLOAD, _Seen.END: _State.PAYLOAD, _Seen.LAST: _State.BEHIND},
    _State.FOLLOWING: {_Seen.BYTES: _State.PAYLOAD, _Seen.END: _State.PAYLOAD, _Seen.LAST: _State.BEHIND},
    _State.PAYLOAD: {_Seen.LAST: _State.BEHIND},
}
"""The diagram as a table. Where a state has no entry, the peer has cut a container."""


@dataclass(slots=True)
class _Payload:
    """A payload under way, in either direction.

    Attributes:
        left: bytes still to come or to send, None if the length is unknown.
        is_stale: it belongs to another transaction, and is dropped.
        is_empty: no byte of it has been sent yet.
        begins_transfer: whether the next byte of it begins a transfer.
    """

    left: int | None
    is_stale: bool = False
    is_empty: bool = True
    begins_transfer: bool = False


@dataclass(slots=True)
class _Transaction:
    """The transaction that an initiator has under way.

    Attributes:
        request: as sent.
        has_data: its data container has begun; there may be no second one.
        stale: containers of other transactions that have come since the request.
    """

    request: Request
    has_data: bool = False
    stale: int = 0

    def count_stale(self, transaction_id: int) -> None:
        """Count a container of another transaction: of an older one or, as the session opens, of whatever a previous host left."""
        expected = self.request.transaction_id
        if self.request.code != Operation.OpenSession and not is_older(transaction_id, expected):
            raise RemoteProtocolError(f"transaction {transaction_id} while {expected} is under way")
        self.stale += 1

    def check_stale(self) -> None:
        """Raise if there were too many. Called at the end of each, so that the pipe is clean by then."""
        if self.stale > MAX_STALE:
            raise RemoteProtocolError("more than three containers of other transactions")


class UsbConnection:
    """One side of a pair of bulk pipes, without the pipes.

    Args:
        role: initiator (host) or responder (camera).
        max_packet_size: M of the pipe that `send` is for: 64, 512 or 1024 bytes.
        split_header: send a data header in a transfer of its own. An initiator begins to do so once its camera has done so.
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
        self._sending: _Payload | None = None
        self._unsent = bytearray()  # of the container being sent: less than a packet
        self._state = _State.START
        self._chunks: deque[tuple[memoryview, bool]] = deque()
        self._head = bytearray()  # of the container being received: its header, and its parameters if it has those
        self._payload: _Payload | None = None  # that is being received, until its DataEnd has been returned
        self._transaction: _Transaction | None = None  # of an initiator, which hears nothing outside of one
        self._dead: RemoteProtocolError | None = None

    @property
    def payload_left(self) -> int | None:
        """Bytes of the payload being received that are still to come, 0 outside of one, None if unknown."""
        return 0 if self._payload is None else self._payload.left

    # sending

    def send(self, message: Message) -> list[bytes]:
        """Turn a message into bulk writes, in order; an empty one is a zero-length packet.

        Raises:
            LocalProtocolError: the message is not for this role, not now, or does not fit its container.
        """
        match message:
            case Request() if self._role is Role.INITIATOR and self._sending is None and self._payload is None:
                container = _encode(COMMAND, message.code, message.transaction_id, message.parameters)
                self._transaction = _Transaction(message)
                return [container]
            case Response() if self._role is Role.RESPONDER and self._sending is None:
                return [_encode(RESPONSE, message.code, message.transaction_id, message.parameters)]
            case DataStart(code, transaction_id, length) if self._sending is None:
                return self._send_header(code, transaction_id, length)
            case Data(payload) if self._sending is not None:
                return self._send_bytes(self._sending, payload)
            case DataEnd() if self._sending is not None:
                return self._send_rest(self._sending)
        raise LocalProtocolError(f"{type(message).__name__} cannot be sent by the {self._role.value} now")

    def _send_header(self, code: int, transaction_id: int, length: int | None) -> list[bytes]:
        if length is not None and length < 0:
            raise LocalProtocolError(f"payload of {length} bytes")
        total = LENGTH_UNKNOWN if length is None else min(length + HEADER_SIZE, LENGTH_UNKNOWN)
        header = _pack(total, DATA, code, transaction_id)
        self._sending = _Payload(length)
        if self.split_header and length != 0:
            return [header]
        self._unsent += header
        return []

    def _send_bytes(self, payload: _Payload, data: bytes | memoryview) -> list[bytes]:
        if payload.left is not None:
            if len(data) > payload.left:
                raise LocalProtocolError("more payload than announced")
            payload.left -= len(data)
        if data:
            payload.is_empty = False
        self._unsent += data
        whole = len(self._unsent) - len(self._unsent) % self._packet
        return self._cut(whole) if whole else []

    def _send_rest(self, payload: _Payload) -> list[bytes]:
        if payload.left:
            raise LocalProtocolError("less payload than announced")
        self._sending = None
        writes = self._cut(len(self._unsent)) if self._unsent else []
        # A lone header of unknown length promises data; an empty transfer says that there are none.
        broken_promise = payload.left is None and payload.is_empty
        if self._zero_length_packets and (not writes or broken_promise):
            writes.append(b"")
        return writes

    def _cut(self, size: int) -> list[bytes]:
        piece = bytes(memoryview(self._unsent)[:size])
        del self._unsent[:size]
        return [piece]

    # receiving

    def receive(self, data: bytes | memoryview, end_of_transfer: bool) -> None:
        """Take bytes from the bulk pipe.

        Args:
            data: what one read gave; may be empty. It is not copied: `Data` messages are views of it.
            end_of_transfer: whether the transfer ended with them (the read was ended by a short or an empty packet).
        """
        if self._dead is None:
            self._chunks.append((memoryview(data), end_of_transfer))

    def next_message(self) -> Message | None:
        """Return the next message in the bytes received so far, None if it needs more of them.

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
        if self._role is Role.INITIATOR and self._transaction is None:
            return None
        while True:
            payload = self._payload
            message: Message | None
            if payload is not None and payload.left == 0:
                message = self._end_payload(payload)
            elif not self._chunks:
                return None
            else:
                chunk, end = self._chunks.popleft()
                message = (
                    self._receive_head(chunk, end) if payload is None else self._receive_payload(payload, chunk, end)
                )
            if message is not None:
                return message

    def _go_on(self, seen: _Seen) -> None:
        """Change the state.

        Raises:
            RemoteProtocolError: a container is cut.
        """
        state = _NEXT[self._state].get(seen)
        if state is None:
            raise RemoteProtocolError(f"container cut after {len(self._head)} bytes: {self._head.hex(' ')}")
        self._state = state

    def _receive_head(self, chunk: memoryview, end: bool) -> Message | None:
        """Gather a header, and in PARAMETERS what comes behind it."""
        wanted = self._head_length() if self._state is _State.PARAMETERS else HEADER_SIZE
        size = min(wanted - len(self._head), len(chunk))
        self._head += chunk[:size]
        if len(self._head) < wanted:
            if end:
                self._go_on(_Seen.CUT if self._head else _Seen.END)
                self._head.clear()
            return None
        if end or size < len(chunk):
            self._chunks.appendleft((chunk[size:], end))
        if self._state is not _State.PARAMETERS:
            if int.from_bytes(self._head[4:6], "little") == DATA:
                return self._begin_payload()
            if self._head_length() > HEADER_SIZE:
                self._go_on(_Seen.HEADER)
                return None
        self._go_on(_Seen.LAST)
        return self._end_head()

    def _head_length(self) -> int:
        """Return how long a request or response is, by its header."""
        length, container_type = struct.unpack_from("<IH", self._head)
        allowed = RESPONSE if self._role is Role.INITIATOR else COMMAND
        if container_type != allowed or not HEADER_SIZE <= length <= HEADER_SIZE + 4 * MAX_PARAMETERS or length % 4:
            raise RemoteProtocolError(f"no container: {self._head[:HEADER_SIZE].hex(' ')}")
        return int(length)

    def _end_head(self) -> Message | None:
        """Return the request or response that has been gathered, None for a stale one."""
        container, self._head = bytes(self._head), bytearray()
        code, transaction_id = struct.unpack_from("<HI", container, 6)
        parameters = struct.unpack_from(f"<{len(container) // 4 - 3}I", container, HEADER_SIZE)
        if self._transaction is None:
            return Request(code, transaction_id, parameters)
        request = self._transaction.request
        if transaction_id == request.transaction_id or (transaction_id == 0 and request.code == Operation.CloseSession):
            self._transaction = None
            return Response(code, transaction_id, parameters)
        self._transaction.count_stale(transaction_id)
        self._transaction.check_stale()
        return None

    def _begin_payload(self) -> DataStart | None:
        """Return the start of the payload whose header has been gathered, None for a stale one."""
        length, _, code, transaction_id = _HEADER.unpack(self._head)
        self._head.clear()
        if length < HEADER_SIZE:
            raise RemoteProtocolError(f"data container of {length} bytes")
        payload = self._payload = _Payload(None if length == LENGTH_UNKNOWN else length - HEADER_SIZE)
        if self._transaction is not None:
            request = self._transaction.request
            expected = (request.code, request.transaction_id)
            if (code, transaction_id) in (expected, (0, 0)):
                if self._transaction.has_data:
                    raise RemoteProtocolError("a second data container in one transaction")
                self._transaction.has_data = True
                code, transaction_id = expected
            elif transaction_id == request.transaction_id and request.code != Operation.OpenSession:
                raise RemoteProtocolError(f"data of operation 0x{code:04X} in a transaction of 0x{request.code:04X}")
            else:
                self._transaction.count_stale(transaction_id)
                payload.is_stale = True
        self._go_on(_Seen.DATA_HEADER)
        if payload.left == 0:
            self._go_on(_Seen.LAST)
        return None if payload.is_stale else DataStart(code, transaction_id, payload.left)

    def _receive_payload(self, payload: _Payload, chunk: memoryview, end: bool) -> Data | None:
        """Pass bytes on, up to the last of the payload."""
        left = payload.left
        response = self._response_at_end(payload, chunk) if end and left is not None else 0
        if (
            response
            and left is not None
            and (len(chunk) < left or (payload.begins_transfer and response == len(chunk)))
        ):
            self._chunks.appendleft((chunk[-response:], end))
            chunk, end = chunk[:-response], False
            payload.left = left = len(chunk)
        payload.begins_transfer = end
        if left is None:
            size = len(chunk)
            is_last = end and (size > 0 or self._state is _State.PAYLOAD)
        else:
            size = min(len(chunk), left)
            is_last = size == left
            payload.left = left - size
        if is_last:
            if end or size < len(chunk):
                self._chunks.appendleft((chunk[size:], end))
            chunk = chunk[:size]
            payload.left = 0
            self._go_on(_Seen.LAST)
        elif self._state is not _State.PAYLOAD and (size or end):
            if not size and self._state is _State.LEADING and self._role is Role.INITIATOR and not payload.is_stale:
                self.split_header = True
            self._go_on(_Seen.BYTES if size else _Seen.END)
        return Data(chunk) if size and not payload.is_stale else None

    def _response_at_end(self, payload: _Payload, chunk: memoryview) -> int:
        """Return the length of the response with which the last chunk of a transfer ends; 0 if it ends with bytes of the payload."""
        if self._transaction is not None and not payload.is_stale:
            for length in range(HEADER_SIZE, HEADER_SIZE + 4 * MAX_PARAMETERS + 1, 4):
                if length <= len(chunk):
                    size, container_type, _, transaction_id = _HEADER.unpack_from(chunk, len(chunk) - length)
                    if (size, container_type, transaction_id) == (
                        length,
                        RESPONSE,
                        self._transaction.request.transaction_id,
                    ):
                        return length
        return 0

    def _end_payload(self, payload: _Payload) -> DataEnd | None:
        self._payload = None
        if payload.is_stale and self._transaction is not None:
            self._transaction.check_stale()
            return None
        return DataEnd()

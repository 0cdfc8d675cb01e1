"""PTP over TCP: packets on two connections to the camera's port 15740 (CIPA DC-X005-2005; reference ptp, section 11).

A packet is u32 length (these 8 bytes included), u32 type, then fields by type, little endian. Each connection begins with packets
that say what it is for; the camera gives the first a number, by which the second names it::

    initiator            command and data           responder            initiator          events          responder
    InitCommandRequest ──────────────────────────────►                   InitEventRequest ────────────────────►
              ◄─────────────────── InitCommandAck or InitFail                   ◄────────── InitEventAck or InitFail
    Request, DataStart, Data…, DataEnd ──────────────►                   ProbeRequest, Cancel ────────────────►
              ◄───────── DataStart, Data…, DataEnd, Response                    ◄────────── Event, ProbeResponse

An `IpConnection` is one side of one of the two; what was said first decides which. It carries the messages of `messages`, as
USB's containers do, and those that are TCP's own, below. The packet of the last bytes of a payload is EndData, so a payload of known
length needs no packet more than it has pieces.

A transaction is cancelled by the packet Cancel on the event connection, so that it does not wait behind data; where these go to the
camera, also on the command connection, in place of the rest of them. The camera ends what it is sending at a packet's end and
answers TransactionCanceled. So a response other than OK may come in the midst of a payload; after one that is OK the payload
must have been whole.

Payloads are passed on as they come, whatever the size of a packet; all other packets are bounded by `MAX_PACKET`. That, and what one
read gave, is all that a peer can make this side hold. What an initiator forgives is the same as on USB (`containers`): up to
`MAX_STALE` responses and payloads of older transactions, and a CloseSession answered with id 0. It also does without the EndData of a
payload that is complete.
"""

import struct
from collections import deque
from dataclasses import dataclass
from enum import Enum, IntEnum, auto

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.ptp.codes import Operation, ResponseCode
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

PORT = 15740

VERSION = 0x00010000
"""Of the protocol: minor version in the low half, major in the high."""

MAX_PACKET = 1024
"""Bytes of a packet without payload: a name of some 480 characters fits."""

MAX_NAME = 39
"""UTF-16 code units of a name that are sent, the final NUL aside."""

PIECE = 64 << 10
"""Bytes of payload in a packet that is sent: what libgphoto2 sends."""

GUID_SIZE = 16

_HEADER = struct.Struct("<II")
_DATA_HEADER = struct.Struct("<III")
_LENGTH_UNKNOWN = 0xFFFFFFFFFFFFFFFF
_NO_DATA_OR_IN, _DATA_OUT = 1, 2
"""What a request says about its data phase."""


class PacketType(IntEnum):
    """Packet types."""

    INIT_COMMAND_REQUEST = 1
    INIT_COMMAND_ACK = 2
    INIT_EVENT_REQUEST = 3
    INIT_EVENT_ACK = 4
    INIT_FAIL = 5
    REQUEST = 6
    RESPONSE = 7
    EVENT = 8
    START_DATA = 9
    DATA = 10
    CANCEL = 11
    END_DATA = 12
    PROBE_REQUEST = 13
    PROBE_RESPONSE = 14


class Reason(IntEnum):
    """Why a camera takes no connection."""

    REJECTED = 1
    BUSY = 2
    UNSPECIFIED = 3


@dataclass(frozen=True)
class InitCommandRequest:
    """The initiator opens the connection for commands. Cameras pair by the GUID and show the name."""

    guid: bytes
    name: str
    version: int = VERSION


@dataclass(frozen=True)
class InitCommandAck:
    """The responder takes it. `connection` is the number for the InitEventRequest."""

    connection: int
    guid: bytes
    name: str
    version: int = VERSION


@dataclass(frozen=True)
class InitEventRequest:
    """The initiator opens the connection for events."""

    connection: int


@dataclass(frozen=True)
class InitEventAck:
    """The responder takes it."""


@dataclass(frozen=True)
class InitFail:
    """The responder does not take the connection. `reason` is a `Reason`, or the camera's own."""

    reason: int


@dataclass(frozen=True)
class Cancel:
    """The transaction shall end now."""

    transaction_id: int


@dataclass(frozen=True)
class ProbeRequest:
    """Are you there?"""


@dataclass(frozen=True)
class ProbeResponse:
    """Yes."""


IpMessage = (
    Message
    | Event
    | InitCommandRequest
    | InitCommandAck
    | InitEventRequest
    | InitEventAck
    | InitFail
    | Cancel
    | ProbeRequest
    | ProbeResponse
)


class State(Enum):
    """What a connection is for, as far as that has been said."""

    NEW = auto()
    COMMAND_ASKED = auto()
    COMMAND = auto()
    EVENT_ASKED = auto()
    EVENT = auto()
    FAILED = auto()


_NEXT = {
    PacketType.INIT_COMMAND_REQUEST: State.COMMAND_ASKED,
    PacketType.INIT_COMMAND_ACK: State.COMMAND,
    PacketType.INIT_EVENT_REQUEST: State.EVENT_ASKED,
    PacketType.INIT_EVENT_ACK: State.EVENT,
    PacketType.INIT_FAIL: State.FAILED,
}
"""The states that packets lead to; all others leave it as it is."""

_ANY_TIME = {PacketType.CANCEL, PacketType.PROBE_REQUEST, PacketType.PROBE_RESPONSE}
_PAYLOAD = {PacketType.START_DATA, PacketType.DATA, PacketType.END_DATA}

_SENT_BY: dict[Role, dict[State, set[PacketType]]] = {
    Role.INITIATOR: {
        State.NEW: {PacketType.INIT_COMMAND_REQUEST, PacketType.INIT_EVENT_REQUEST},
        State.COMMAND: {PacketType.REQUEST, *_PAYLOAD, *_ANY_TIME},
        State.EVENT: _ANY_TIME,
    },
    Role.RESPONDER: {
        State.COMMAND_ASKED: {PacketType.INIT_COMMAND_ACK, PacketType.INIT_FAIL},
        State.EVENT_ASKED: {PacketType.INIT_EVENT_ACK, PacketType.INIT_FAIL},
        State.COMMAND: {PacketType.RESPONSE, *_PAYLOAD, *_ANY_TIME},
        State.EVENT: {PacketType.EVENT, *_ANY_TIME},
    },
}
"""The packets that each side may send in each state."""

_OTHER = {Role.INITIATOR: Role.RESPONDER, Role.RESPONDER: Role.INITIATOR}

_TYPES: dict[type[IpMessage], PacketType] = {
    InitCommandRequest: PacketType.INIT_COMMAND_REQUEST,
    InitCommandAck: PacketType.INIT_COMMAND_ACK,
    InitEventRequest: PacketType.INIT_EVENT_REQUEST,
    InitEventAck: PacketType.INIT_EVENT_ACK,
    InitFail: PacketType.INIT_FAIL,
    Request: PacketType.REQUEST,
    Response: PacketType.RESPONSE,
    Event: PacketType.EVENT,
    DataStart: PacketType.START_DATA,
    Data: PacketType.DATA,
    DataEnd: PacketType.END_DATA,
    Cancel: PacketType.CANCEL,
    ProbeRequest: PacketType.PROBE_REQUEST,
    ProbeResponse: PacketType.PROBE_RESPONSE,
}


def _encode(packet_type: PacketType, layout: str = "", *fields: int, tail: bytes = b"") -> bytes:
    try:
        body = struct.pack(f"<{layout}", *fields) + tail
    except struct.error as error:
        raise LocalProtocolError(f"{packet_type.name} {fields}: {error}") from None
    return _HEADER.pack(_HEADER.size + len(body), packet_type) + body


def _encode_with_parameters(packet_type: PacketType, layout: str, *fields: int, parameters: tuple[int, ...]) -> bytes:
    if len(parameters) > MAX_PARAMETERS:
        raise LocalProtocolError(f"parameters {parameters}; {MAX_PARAMETERS} of 32 bits fit")
    return _encode(packet_type, f"{layout}{len(parameters)}I", *fields, *parameters)


def _encode_identity(packet_type: PacketType, guid: bytes, name: str, version: int, *number: int) -> bytes:
    units = name.encode("utf-16-le", "surrogatepass")
    if len(guid) != GUID_SIZE or len(units) > 2 * MAX_NAME or "\0" in name:
        raise LocalProtocolError(f"a GUID of {len(guid)} bytes, a name of {len(units) // 2} code units: {name!r}")
    tail = guid + units + bytes(2) + (version & 0xFFFFFFFF).to_bytes(4, "little")
    return _encode(packet_type, "I" * len(number), *number, tail=tail)


def _decode_name(data: bytes) -> tuple[str, int]:
    """Read a name and the version behind it, which libgphoto2 does not read and cameras may leave out."""
    end = next((at for at in range(0, len(data) - 1, 2) if data[at : at + 2] == b"\0\0"), len(data))
    version = data[end + 2 : end + 6]
    return data[:end].decode("utf-16-le", "replace"), int.from_bytes(version, "little") if len(version) == 4 else 0


@dataclass
class _Payload:
    """A payload under way. `left` is in bytes, None if its length is not known."""

    transaction_id: int
    left: int | None
    stale: bool = False


class IpConnection:
    """One side of one TCP connection, without the connection.

    Args:
        role: initiator (host) or responder (camera).

    Attributes:
        state: what the connection is for.
    """

    def __init__(self, role: Role) -> None:
        self.state = State.NEW
        self._role = role
        self._may_send = _SENT_BY[role]
        self._may_receive = _SENT_BY[_OTHER[role]]
        self._sending: _Payload | None = None
        self._end_sent = False
        # receiving
        self._chunks: deque[memoryview] = deque()
        self._head = bytearray()
        self._ready: deque[IpMessage] = deque()
        self._request: Request | None = None
        self._awaits_data = False
        self._had_data = False
        self._short = False
        self._payload: _Payload | None = None
        self._packet_left = 0  # payload bytes still to come in this packet
        self._is_last = False
        self._stale = 0
        self._dead: RemoteProtocolError | None = None

    @property
    def under_way(self) -> bool:
        """Whether an initiator's transaction is: its response has not been returned yet."""
        return self._request is not None

    @property
    def awaits_data(self) -> bool:
        """Whether a responder has been told of data that have not come to their end."""
        return self._awaits_data

    # ------------------------------------------------------------------ sending

    def send(self, *messages: IpMessage) -> list[bytes | memoryview]:
        """Turn messages into the bytes to send, in order. Data that go with a request have to begin in the same call.

        Raises:
            LocalProtocolError: a message is not for this side, not now, or does not fit its packet; nothing may be sent then.
        """
        data_out = any(isinstance(message, DataStart) for message in messages)
        pieces: list[bytes | memoryview] = []
        for message in messages:
            packet_type = _TYPES[type(message)]
            if packet_type not in self._may_send.get(self.state, ()):
                raise LocalProtocolError(f"{packet_type.name} cannot be sent by the {self._role.value} now")
            pieces += self._encode_message(message, packet_type, data_out)
            self.state = _NEXT.get(packet_type, self.state)
        return pieces

    def _encode_message(self, message: IpMessage, packet_type: PacketType, data_out: bool) -> list[bytes | memoryview]:
        match message:
            case InitCommandRequest(guid, name, version):
                return [_encode_identity(packet_type, guid, name, version)]
            case InitCommandAck(number, guid, name, version):
                return [_encode_identity(packet_type, guid, name, version, number)]
            case InitEventRequest(number) | InitFail(number) | Cancel(number):
                if isinstance(message, Cancel):
                    self._sending = None
                return [_encode(packet_type, "I", number)]
            case Event(code, transaction_id, parameters):
                return [_encode_with_parameters(packet_type, "HI", code, transaction_id, parameters=parameters)]
            case Request(code, transaction_id, parameters) if self._sending is None and self._payload is None:
                phase = _DATA_OUT if data_out else _NO_DATA_OR_IN
                packet = _encode_with_parameters(packet_type, "IHI", phase, code, transaction_id, parameters=parameters)
                self._request, self._had_data, self._short, self._stale = message, False, False, 0
                return [packet]
            case Response(code, transaction_id, parameters) if self._sending is None or code != ResponseCode.OK:
                self._sending = None
                return [_encode_with_parameters(packet_type, "HI", code, transaction_id, parameters=parameters)]
            case DataStart(_, transaction_id, length) if self._sending is None:
                packet = _encode(packet_type, "IQ", transaction_id, _LENGTH_UNKNOWN if length is None else length)
                self._sending, self._end_sent = _Payload(transaction_id, length), False
                return [packet]
            case Data(payload) if self._sending is not None:
                return self._encode_payload(self._sending, memoryview(payload))
            case DataEnd() if self._sending is not None and not self._sending.left:
                transaction_id, self._sending = self._sending.transaction_id, None
                return [] if self._end_sent else [_encode(packet_type, "I", transaction_id)]
            case InitEventAck() | ProbeRequest() | ProbeResponse():
                return [_encode(packet_type)]
        raise LocalProtocolError(f"{type(message).__name__} cannot be sent by the {self._role.value} now")

    def _encode_payload(self, sending: _Payload, payload: memoryview) -> list[bytes | memoryview]:
        if sending.left is not None:
            if len(payload) > sending.left:
                raise LocalProtocolError("more payload than announced")
            sending.left -= len(payload)
        pieces: list[bytes | memoryview] = []
        for at in range(0, len(payload), PIECE):
            piece = payload[at : at + PIECE]
            self._end_sent = sending.left == 0 and at + PIECE >= len(payload)
            packet_type = PacketType.END_DATA if self._end_sent else PacketType.DATA
            pieces += (_DATA_HEADER.pack(_DATA_HEADER.size + len(piece), packet_type, sending.transaction_id), piece)
        return pieces

    # ------------------------------------------------------------------ receiving

    def receive(self, data: bytes | memoryview) -> None:
        """Take bytes from the connection. They are not copied: `Data` messages are views of them."""
        if self._dead is None and data:
            self._chunks.append(memoryview(data))

    def next_message(self) -> IpMessage | None:
        """Return the next message in the bytes received so far, None when it takes more.

        Raises:
            RemoteProtocolError: the peer does not speak PTP/IP; raised again by every later call.
        """
        if self._dead is not None:
            raise self._dead.with_traceback(None)
        try:
            while not self._ready:
                if not (self._take_payload() if self._packet_left else self._take_packet()):
                    return None
            message = self._ready.popleft()
            if isinstance(message, Response):
                self._request = None
            return message
        except RemoteProtocolError as error:
            self._dead = error
            self._chunks.clear()
            raise

    def _gather(self, size: int) -> bool:
        """Fill the head up to a size; False if the bytes do not suffice."""
        while len(self._head) < size:
            if not self._chunks:
                return False
            chunk = self._chunks.popleft()
            missing = size - len(self._head)
            self._head += chunk[:missing]
            if len(chunk) > missing:
                self._chunks.appendleft(chunk[missing:])
        return True

    def _take_packet(self) -> bool:
        """Take a packet, of one with payload its header; False if it is not all there."""
        if not self._gather(_HEADER.size):
            return False
        length, number = _HEADER.unpack_from(self._head)
        if number not in self._may_receive.get(self.state, ()):
            raise RemoteProtocolError(f"packet of type {number}, {length} bytes, in state {self.state.name}")
        packet_type = PacketType(number)
        has_payload = packet_type in (PacketType.DATA, PacketType.END_DATA)
        least = _DATA_HEADER.size if has_payload else _HEADER.size
        if length < least or (length > MAX_PACKET and not has_payload):
            raise RemoteProtocolError(f"{packet_type.name} packet of {length} bytes")
        if not self._gather(least if has_payload else length):
            return False
        head, self._head = bytes(self._head), bytearray()
        if has_payload:
            self._begin_payload_packet(packet_type, int.from_bytes(head[8:], "little"), length - least)
        else:
            self._take_message(packet_type, head[_HEADER.size :])
        self.state = _NEXT.get(packet_type, self.state)
        return True

    def _begin_payload_packet(self, packet_type: PacketType, transaction_id: int, size: int) -> None:
        payload = self._payload
        if payload is None or payload.transaction_id != transaction_id:
            raise RemoteProtocolError(f"{packet_type.name} of transaction {transaction_id} without StartData")
        if payload.left is not None:
            if size > payload.left:
                raise RemoteProtocolError(f"{size} bytes of data where {payload.left} are left")
            payload.left -= size
        self._packet_left, self._is_last = size, packet_type is PacketType.END_DATA
        if self._is_last and not size:
            self._end_payload(payload.left)

    def _take_payload(self) -> bool:
        if not self._chunks:
            return False
        chunk = self._chunks.popleft()
        size = min(self._packet_left, len(chunk))
        if size < len(chunk):
            self._chunks.appendleft(chunk[size:])
        self._packet_left -= size
        assert self._payload is not None
        if not self._payload.stale:
            self._ready.append(Data(chunk[:size]))
        if self._is_last and not self._packet_left:
            self._end_payload(self._payload.left)
        return True

    def _end_payload(self, missing: int | None) -> None:
        """End the payload under way; what is missing of it only a refusal explains."""
        payload, self._payload = self._payload, None
        self._awaits_data = False
        if payload is None or payload.stale:
            return
        self._short = bool(missing)
        if self._short and self._role is Role.RESPONDER:
            raise RemoteProtocolError(f"{missing} bytes of data too few")
        self._ready.append(DataEnd())

    def _take_message(self, packet_type: PacketType, body: bytes) -> None:
        try:
            self._ready.extend(self._decode(packet_type, body))
        except struct.error:
            raise RemoteProtocolError(f"{packet_type.name} packet with {len(body)} bytes: {body.hex(' ')}") from None

    def _decode(self, packet_type: PacketType, body: bytes) -> list[IpMessage]:
        match packet_type:
            case PacketType.INIT_COMMAND_REQUEST:
                return [InitCommandRequest(_guid(body), *_decode_name(body[GUID_SIZE:]))]
            case PacketType.INIT_COMMAND_ACK:
                (number,) = struct.unpack_from("<I", body)
                return [InitCommandAck(number, _guid(body[4:]), *_decode_name(body[4 + GUID_SIZE :]))]
            case PacketType.INIT_EVENT_REQUEST:
                return [InitEventRequest(*struct.unpack("<I", body))]
            case PacketType.INIT_EVENT_ACK:
                return [InitEventAck()]
            case PacketType.INIT_FAIL:
                return [InitFail(*struct.unpack("<I", body) if body else (Reason.UNSPECIFIED,))]
            case PacketType.REQUEST:
                phase, code, transaction_id, *parameters = _unpack_parameters("IHI", body)
                self._request = Request(code, transaction_id, tuple(parameters))
                self._awaits_data = phase == _DATA_OUT
                return [self._request]
            case PacketType.RESPONSE:
                code, transaction_id, *parameters = _unpack_parameters("HI", body)
                return self._take_response(Response(code, transaction_id, tuple(parameters)))
            case PacketType.EVENT:
                code, transaction_id, *parameters = _unpack_parameters("HI", body)
                return [Event(code, transaction_id, tuple(parameters))]
            case PacketType.START_DATA:
                transaction_id, length = struct.unpack("<IQ", body)
                return self._start_payload(transaction_id, None if length == _LENGTH_UNKNOWN else length)
            case PacketType.CANCEL:
                return self._take_cancel(*struct.unpack("<I", body))
            case PacketType.PROBE_REQUEST:
                return [ProbeRequest()]
            case _:
                return [ProbeResponse()]

    def _start_payload(self, transaction_id: int, length: int | None) -> list[IpMessage]:
        if self._payload is not None:
            raise RemoteProtocolError("data within data")
        if self._request is None:
            raise RemoteProtocolError("data without a request")
        self._payload = _Payload(transaction_id, length)
        if transaction_id == self._request.transaction_id:
            if self._had_data and self._role is Role.INITIATOR:
                raise RemoteProtocolError("a second payload in one transaction")
            self._had_data = True
            return [DataStart(self._request.code, transaction_id, length)]
        self._count_stale(transaction_id)
        self._payload.stale = True
        return []

    def _take_response(self, response: Response) -> list[IpMessage]:
        request, payload = self._request, self._payload
        if request is None:
            raise RemoteProtocolError("a response without a request")
        ours = response.transaction_id == request.transaction_id
        if not ours and not (response.transaction_id == 0 and request.code == Operation.CloseSession):
            if payload is not None and not payload.stale:
                raise RemoteProtocolError("a response of another transaction within data")
            self._payload = None
            self._count_stale(response.transaction_id)
            return []
        if payload is not None:
            self._end_payload(1 if payload.left is None else payload.left)
        if self._short and response.code == ResponseCode.OK:
            raise RemoteProtocolError("the data ended before the announced length")
        return [response]

    def _take_cancel(self, transaction_id: int) -> list[IpMessage]:
        """Hear that the peer gives up; on the command connection nothing of the payload follows."""
        if self._payload is not None and self._payload.transaction_id == transaction_id:
            self._payload, self._short = None, True
        self._awaits_data = False
        return [Cancel(transaction_id)]

    def _count_stale(self, transaction_id: int) -> None:
        """Count a message of another transaction: an older one's, or, as the session opens, whatever a previous host left."""
        assert self._request is not None
        expected = self._request.transaction_id
        older = is_older(transaction_id, expected) or self._request.code == Operation.OpenSession
        if self._role is Role.RESPONDER or not older:
            raise RemoteProtocolError(f"transaction {transaction_id} while {expected} is under way")
        self._stale += 1
        if self._stale > MAX_STALE:
            raise RemoteProtocolError("more than three messages of other transactions")


def _guid(body: bytes) -> bytes:
    return bytes(struct.unpack_from(f"<{GUID_SIZE}s", body)[0])


def _unpack_parameters(layout: str, body: bytes) -> tuple[int, ...]:
    """Read fixed fields and up to five parameters."""
    count, surplus = divmod(len(body) - struct.calcsize(f"<{layout}"), 4)
    if surplus or not 0 <= count <= MAX_PARAMETERS:
        raise struct.error
    return struct.unpack(f"<{layout}{count}I", body)

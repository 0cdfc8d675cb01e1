"""PTP over TCP: which packets may come when, on two connections to the camera's port 15740 (CIPA DC-X005-2005).

Each connection begins with packets that say what it is for. The camera gives the first one a number, and the second one names it
by that number::

    initiator            command and data           responder            initiator          events          responder
    InitCommandRequest ──────────────────────────────►                   InitEventRequest ────────────────────►
              ◄─────────────────── InitCommandAck or InitFail                   ◄────────── InitEventAck or InitFail
    Request, DataStart, Data…, DataEnd ──────────────►                   ProbeRequest, Cancel ────────────────►
              ◄───────── DataStart, Data…, DataEnd, Response                    ◄────────── Event, ProbeResponse

An `IpConnection` is one side of one of the two connections. Its first packet decides which::

    NEW ─┬─ InitCommandRequest ─► COMMAND_ASKED ─┬─ InitCommandAck ─► COMMAND
         │                                       ├─ InitFail ───────► FAILED
         └─ InitEventRequest ───► EVENT_ASKED ───┴─ InitEventAck ───► EVENT

It carries the messages of `camfs.protocols.ptp.messages`, as USB's containers do, and those of `camfs.protocols.ptp.packets`. The
last bytes of a payload travel in EndData, so a payload of known length needs no more packets than it has pieces.

The initiator cancels a transaction with the packet Cancel on the event connection, where it does not wait behind data. If the data
go to the camera, it also sends Cancel on the command connection, in place of the rest of them. The camera stops sending where a
packet ends, and answers TransactionCanceled. So a response may come in the middle of a payload. It should not be OK then, but from
some cameras it is: whoever receives the payload counts its bytes. Only a payload of unknown length must have its EndData.

Payloads are passed on as they come, whatever the size of their packets; all other packets are bounded by `MAX_PACKET`. So a peer can
make this side hold no more than that and the bytes of one read. An initiator forgives the same as on USB: up to `MAX_STALE`
responses and payloads of older transactions, and a CloseSession answered with id 0. It also forgives a missing EndData where the
payload is complete. Sources: camfs/protocols/ptp/README.md, "PTP/IP", and
camfs/protocols/ptp/README.md, "Sessions and transaction ids".
"""

import struct
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.ptp.codes import Operation, ResponseCode
from camfs.protocols.ptp.messages import (
    MAX_STALE,
    Data,
    DataEnd,
    DataStart,
    Event,
    Request,
    Response,
    Role,
    is_older,
)
from camfs.protocols.ptp.packets import (
    DATA_HEADER,
    DATA_OUT,
    HEADER,
    LENGTH_UNKNOWN,
    NO_DATA_OR_IN,
    TYPES,
    Cancel,
    InitCommandAck,
    InitCommandRequest,
    InitEventAck,
    InitEventRequest,
    InitFail,
    IpMessage,
    PacketType,
    ProbeRequest,
    ProbeResponse,
    Reason,
    decode_identity,
    decode_with_parameters,
    encode_identity,
    encode_packet,
    encode_with_parameters,
)

MAX_PACKET = 1024
"""Most bytes of a packet without payload; a name of some 480 characters fits."""

MAX_EMPTY = 1000
"""Packets of data without a byte in a row that are let pass: a peer may fill time with some, and a flood of them says nothing."""

PIECE = 64 << 10
"""Most bytes of payload in a packet that is sent; libgphoto2 sends as many."""


class State(Enum):
    """What a connection is for, as far as that has been agreed; see above."""

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
"""The state that each packet leads to; all other packets leave the state as it is."""

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


@dataclass
class _Payload:
    """A payload under way, in either direction.

    Attributes:
        transaction_id: of its packets.
        left: bytes still to come or to send, None if the length is unknown.
        is_stale: it belongs to another transaction, and is dropped.
    """

    transaction_id: int
    left: int | None
    is_stale: bool = False


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
        self._end_sent = False  # in EndData, with the last bytes
        self._chunks: deque[memoryview] = deque()
        self._head = bytearray()  # the packet being received; of one with payload, its header
        self._ready: deque[IpMessage] = deque()
        self._request: Request | None = None
        self._awaits_data = False
        self._had_data = False  # in this transaction
        self._payload: _Payload | None = None  # that is being received
        self._packet_left = 0  # payload bytes still to come in this packet
        self._packet_given = 0  # payload bytes of this packet that were returned in messages
        self._is_last = False  # this packet is EndData
        self._empty = 0  # packets of data without a byte in a row
        self._stale = 0  # messages of other transactions since the request
        self._dead: RemoteProtocolError | None = None

    @property
    def under_way(self) -> bool:
        """Whether an initiator has a transaction under way: its response has not been returned yet."""
        return self._request is not None

    @property
    def unfinished(self) -> int:
        """Payload bytes already returned of a packet that has not come whole: if it never does, they may be the bytes of other packets."""
        return self._packet_given if self._packet_left else 0

    @property
    def awaits_data(self) -> bool:
        """Whether a responder has been promised data that have not ended yet."""
        return self._awaits_data

    # sending

    def send(self, *messages: IpMessage) -> list[bytes | memoryview]:
        """Turn messages into the bytes to send, in order. A request whose data go out needs its `DataStart` in the same call.

        Raises:
            LocalProtocolError: a message is not for this role, not now, or does not fit its packet; then nothing may be sent.
        """
        data_out = any(isinstance(message, DataStart) for message in messages)
        pieces: list[bytes | memoryview] = []
        for message in messages:
            packet_type = TYPES[type(message)]
            if packet_type not in self._may_send.get(self.state, ()):
                raise LocalProtocolError(f"{packet_type.name} cannot be sent by the {self._role.value} now")
            pieces += self._encode_message(message, packet_type, data_out)
            self.state = _NEXT.get(packet_type, self.state)
        return pieces

    def _encode_message(self, message: IpMessage, packet_type: PacketType, data_out: bool) -> list[bytes | memoryview]:
        match message:
            case InitCommandRequest(guid, name, version):
                return [encode_identity(packet_type, guid, name, version)]
            case InitCommandAck(number, guid, name, version):
                return [encode_identity(packet_type, guid, name, version, number)]
            case InitEventRequest(number) | InitFail(number) | Cancel(number):
                if isinstance(message, Cancel):
                    self._sending = None
                return [encode_packet(packet_type, "I", number)]
            case Event(code, transaction_id, parameters):
                return [encode_with_parameters(packet_type, "HI", code, transaction_id, parameters=parameters)]
            case Request(code, transaction_id, parameters) if self._sending is None and self._payload is None:
                phase = DATA_OUT if data_out else NO_DATA_OR_IN
                packet = encode_with_parameters(packet_type, "IHI", phase, code, transaction_id, parameters=parameters)
                self._request, self._had_data, self._stale = message, False, 0
                return [packet]
            case Response(code, transaction_id, parameters) if self._sending is None or code != ResponseCode.OK:
                self._sending = None
                return [encode_with_parameters(packet_type, "HI", code, transaction_id, parameters=parameters)]
            case DataStart(_, transaction_id, length) if self._sending is None:
                packet = encode_packet(packet_type, "IQ", transaction_id, LENGTH_UNKNOWN if length is None else length)
                self._sending, self._end_sent = _Payload(transaction_id, length), False
                return [packet]
            case Data(payload) if self._sending is not None:
                return self._encode_payload(self._sending, memoryview(payload))
            case DataEnd() if self._sending is not None and not self._sending.left:
                transaction_id, self._sending = self._sending.transaction_id, None
                return [] if self._end_sent else [encode_packet(packet_type, "I", transaction_id)]
            case InitEventAck() | ProbeRequest() | ProbeResponse():
                return [encode_packet(packet_type)]
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
            pieces += (DATA_HEADER.pack(DATA_HEADER.size + len(piece), packet_type, sending.transaction_id), piece)
        return pieces

    # receiving

    def receive(self, data: bytes | memoryview) -> None:
        """Take bytes from the connection. They are not copied: `Data` messages are views of them."""
        if self._dead is None and data:
            self._chunks.append(memoryview(data))

    def next_message(self) -> IpMessage | None:
        """Return the next message in the bytes received so far, None if it needs more of them.

        Raises:
            RemoteProtocolError: the peer does not speak PTP/IP; raised again by every later call.
        """
        if self._dead is not None:
            raise self._dead.with_traceback(None)
        try:
            while not self._ready:
                if not (self._receive_payload() if self._packet_left else self._receive_packet()):
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
        """Fill the head up to a size; return False if that takes more bytes than have come."""
        while len(self._head) < size:
            if not self._chunks:
                return False
            chunk = self._chunks.popleft()
            missing = size - len(self._head)
            self._head += chunk[:missing]
            if len(chunk) > missing:
                self._chunks.appendleft(chunk[missing:])
        return True

    def _receive_packet(self) -> bool:
        """Receive a packet, or the header of one with payload; return False if that takes more bytes than have come."""
        if not self._gather(HEADER.size):
            return False
        length, number = HEADER.unpack_from(self._head)
        if number not in self._may_receive.get(self.state, ()):
            raise RemoteProtocolError(f"packet of type {number}, {length} bytes, in state {self.state.name}")
        packet_type = PacketType(number)
        has_payload = packet_type in (PacketType.DATA, PacketType.END_DATA)
        least = DATA_HEADER.size if has_payload else HEADER.size
        if length < least or (length > MAX_PACKET and not has_payload):
            raise RemoteProtocolError(f"{packet_type.name} packet of {length} bytes")
        if not self._gather(least if has_payload else length):
            return False
        head, self._head = bytes(self._head), bytearray()
        if has_payload:
            self._begin_payload_packet(packet_type, int.from_bytes(head[8:], "little"), length - least)
        else:
            self._receive_message(packet_type, head[HEADER.size :])
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
        self._empty = 0 if size else self._empty + 1
        if self._empty > MAX_EMPTY:
            raise RemoteProtocolError(f"more than {MAX_EMPTY} packets of data without a byte")
        self._packet_left, self._is_last = size, packet_type is PacketType.END_DATA
        self._packet_given = 0
        if self._is_last and not size:
            self._end_payload(payload.left)

    def _receive_payload(self) -> bool:
        if not self._chunks:
            return False
        chunk = self._chunks.popleft()
        size = min(self._packet_left, len(chunk))
        if size < len(chunk):
            self._chunks.appendleft(chunk[size:])
        self._packet_left -= size
        self._packet_given += size
        assert self._payload is not None
        if not self._payload.is_stale:
            self._ready.append(Data(chunk[:size]))
        if self._is_last and not self._packet_left:
            self._end_payload(self._payload.left)
        return True

    def _end_payload(self, missing: int | None) -> None:
        """End the payload under way. Cameras may end theirs early; how many bytes came is counted by who receives them."""
        payload, self._payload = self._payload, None
        self._awaits_data = False
        if payload is None or payload.is_stale:
            return
        if missing and self._role is Role.RESPONDER:
            raise RemoteProtocolError(f"{missing} bytes of data too few")
        self._ready.append(DataEnd())

    def _receive_message(self, packet_type: PacketType, fields: bytes) -> None:
        try:
            self._ready.extend(self._decode(packet_type, fields))
        except struct.error:
            raise RemoteProtocolError(
                f"{packet_type.name} packet with {len(fields)} bytes: {fields.hex(' ')}"
            ) from None

    def _decode(self, packet_type: PacketType, fields: bytes) -> list[IpMessage]:
        match packet_type:
            case PacketType.INIT_COMMAND_REQUEST:
                return [InitCommandRequest(*decode_identity(fields))]
            case PacketType.INIT_COMMAND_ACK:
                (number,) = struct.unpack_from("<I", fields)
                return [InitCommandAck(number, *decode_identity(fields[4:]))]
            case PacketType.INIT_EVENT_REQUEST:
                return [InitEventRequest(*struct.unpack("<I", fields))]
            case PacketType.INIT_EVENT_ACK:
                return [InitEventAck()]
            case PacketType.INIT_FAIL:
                return [InitFail(*struct.unpack("<I", fields) if fields else (Reason.UNSPECIFIED,))]
            case PacketType.REQUEST:
                phase, code, transaction_id, *parameters = decode_with_parameters("IHI", fields)
                self._request = Request(code, transaction_id, tuple(parameters))
                self._awaits_data = phase == DATA_OUT
                return [self._request]
            case PacketType.RESPONSE:
                code, transaction_id, *parameters = decode_with_parameters("HI", fields)
                return self._receive_response(Response(code, transaction_id, tuple(parameters)))
            case PacketType.EVENT:
                code, transaction_id, *parameters = decode_with_parameters("HI", fields)
                return [Event(code, transaction_id, tuple(parameters))]
            case PacketType.START_DATA:
                transaction_id, length = struct.unpack("<IQ", fields)
                return self._start_payload(transaction_id, None if length == LENGTH_UNKNOWN else length)
            case PacketType.CANCEL:
                return self._receive_cancel(*struct.unpack("<I", fields))
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
        self._payload.is_stale = True
        return []

    def _receive_response(self, response: Response) -> list[IpMessage]:
        request, payload = self._request, self._payload
        if request is None:
            raise RemoteProtocolError("a response without a request")
        ours = response.transaction_id == request.transaction_id
        if not ours and not (response.transaction_id == 0 and request.code == Operation.CloseSession):
            if payload is not None and not payload.is_stale:
                raise RemoteProtocolError("a response of another transaction within data")
            self._payload = None
            self._count_stale(response.transaction_id)
            return []
        if payload is not None:
            if payload.left is None and response.code == ResponseCode.OK:
                raise RemoteProtocolError("data of unknown length without an end")
            self._end_payload(payload.left)
        return [response]

    def _receive_cancel(self, transaction_id: int) -> list[IpMessage]:
        """Note that the peer gives up: on the command connection, nothing more of the payload follows."""
        if self._payload is not None and self._payload.transaction_id == transaction_id:
            self._payload = None
        self._awaits_data = False
        return [Cancel(transaction_id)]

    def _count_stale(self, transaction_id: int) -> None:
        """Count a message of another transaction: of an older one or, as the session opens, of whatever a previous host left."""
        assert self._request is not None
        expected = self._request.transaction_id
        older = is_older(transaction_id, expected) or self._request.code == Operation.OpenSession
        if self._role is Role.RESPONDER or not older:
            raise RemoteProtocolError(f"transaction {transaction_id} while {expected} is under way")
        self._stale += 1
        if self._stale > MAX_STALE:
            raise RemoteProtocolError("more than three messages of other transactions")

"""The packets of PTP/IP: their types and layouts, and the messages that only they carry (CIPA DC-X005-2005).

A packet is u32 length (these 8 bytes included), u32 type, then fields by type, little endian. All layouts in one table:
camfs/protocols/ptp/README.md, "PTP/IP". Which packet may come when is the business of `camfs.protocols.ptp.ip`.
"""

import struct
from dataclasses import dataclass
from enum import IntEnum

from camfs.errors import LocalProtocolError
from camfs.protocols.ptp.messages import (
    MAX_PARAMETERS,
    Data,
    DataEnd,
    DataStart,
    Event,
    Message,
    Request,
    Response,
)

VERSION = 0x00010000
"""Version of the protocol: its minor number in the low half, the major one in the high half."""

MAX_NAME = 39
"""UTF-16 code units of a name that are sent, the final NUL aside."""

GUID_SIZE = 16
"""Bytes."""

HEADER = struct.Struct("<II")
DATA_HEADER = struct.Struct("<III")
"""Header of Data and EndData: the transaction id is part of it, the rest of the packet is payload."""

LENGTH_UNKNOWN = 0xFFFFFFFFFFFFFFFF
NO_DATA_OR_IN, DATA_OUT = 1, 2
"""What a Request says about its data phase."""


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
    """Why a camera refuses a connection."""

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
    """The responder accepts the connection for commands. `connection` is the number to name in InitEventRequest."""

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
    """The responder accepts the connection for events."""


@dataclass(frozen=True)
class InitFail:
    """The responder refuses the connection. `reason` is a `Reason`, or one of the camera's own."""

    reason: int


@dataclass(frozen=True)
class Cancel:
    """The sender gives a transaction up."""

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

TYPES: dict[type[IpMessage], PacketType] = {
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
"""The packet that each message travels in; the bytes of a `Data` may take several, the last of them EndData."""


def encode_packet(packet_type: PacketType, layout: str = "", *fields: int, tail: bytes = b"") -> bytes:
    """Write a packet of fixed fields, in the notation of `struct`, and a tail.

    Raises:
        LocalProtocolError: a field does not fit.
    """
    try:
        body = struct.pack(f"<{layout}", *fields) + tail
    except struct.error as error:
        raise LocalProtocolError(f"{packet_type.name} {fields}: {error}") from None
    return HEADER.pack(HEADER.size + len(body), packet_type) + body


def encode_with_parameters(packet_type: PacketType, layout: str, *fields: int, parameters: tuple[int, ...]) -> bytes:
    """Write a packet of fixed fields and up to five parameters."""
    if len(parameters) > MAX_PARAMETERS:
        raise LocalProtocolError(f"{len(parameters)} parameters; {MAX_PARAMETERS} fit")
    return encode_packet(packet_type, f"{layout}{len(parameters)}I", *fields, *parameters)


def encode_identity(packet_type: PacketType, guid: bytes, name: str, version: int, *number: int) -> bytes:
    """Write a packet that says who a side is."""
    units = name.encode("utf-16-le", "surrogatepass")
    if len(guid) != GUID_SIZE or len(units) > 2 * MAX_NAME or "\0" in name:
        raise LocalProtocolError(f"a GUID of {len(guid)} bytes, a name of {len(units) // 2} code units: {name!r}")
    tail = guid + units + bytes(2) + (version & 0xFFFFFFFF).to_bytes(4, "little")
    return encode_packet(packet_type, "I" * len(number), *number, tail=tail)


def decode_identity(data: bytes) -> tuple[bytes, str, int]:
    """Read GUID, name and version; the version, which libgphoto2 does not read, is 0 where a camera leaves it out.

    Raises:
        struct.error: the GUID is cut.
    """
    (guid,) = struct.unpack_from(f"<{GUID_SIZE}s", data)
    rest = data[GUID_SIZE:]
    end = next((at for at in range(0, len(rest) - 1, 2) if rest[at : at + 2] == b"\0\0"), len(rest))
    version = rest[end + 2 : end + 6]
    name = rest[:end].decode("utf-16-le", "replace")
    return guid, name, int.from_bytes(version, "little") if len(version) == 4 else 0


def decode_with_parameters(layout: str, fields: bytes) -> tuple[int, ...]:
    """Read fixed fields and up to five parameters.

    Raises:
        struct.error: the length does not fit.
    """
    count, surplus = divmod(len(fields) - struct.calcsize(f"<{layout}"), 4)
    if surplus or not 0 <= count <= MAX_PARAMETERS:
        raise struct.error
    return struct.unpack(f"<{layout}{count}I", fields)

"""What has happened in the body since it was last asked: the replies to CheckEvent (0x90C7) and GetEventEx (0x941C).

Both are lists, little endian (camfs/protocols/nikon/README.md, "Events")::

    90C7   u16 n   n times { u16 code, u32 parameter }
    941C   u16 n   u16 unused   n times { u16 code, u16 m <= 5, m times u32 parameter }

A reply may announce more than it holds. What it does hold is taken, as reading empties the body's queue and it would be lost; what is
wrong with the rest is said beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from camfs.errors import LocalProtocolError
from camfs.protocols.ptp.codes import NO_TRANSACTION
from camfs.protocols.ptp.messages import MAX_PARAMETERS, Event


@dataclass(frozen=True)
class EventReply:
    """The events of a reply.

    Attributes:
        events: in order.
        trouble: what is wrong with the reply; empty if nothing is.
    """

    events: Sequence[Event]
    trouble: str = ""


def decode_events(data: bytes | memoryview) -> EventReply:
    """Decode a reply to CheckEvent. An empty one holds nothing."""
    data = bytes(data)
    if not data:
        return EventReply(())
    if len(data) < 2:
        return EventReply((), f"a list of events of {len(data)} byte")
    announced, there = _u16(data, 0), (len(data) - 2) // 6
    events = tuple(
        Event(_u16(data, at), NO_TRANSACTION, (_u32(data, at + 2),))
        for at in range(2, 2 + 6 * min(announced, there), 6)
    )
    return EventReply(events, _complaint(announced, len(events), len(data) - 2 - 6 * len(events)))


def encode_events(events: Sequence[Event]) -> bytes:
    """Encode a reply to CheckEvent; each event has one parameter, 0 if it has none."""
    return len(events).to_bytes(2, "little") + b"".join(
        event.code.to_bytes(2, "little") + (event.parameters or (0,))[0].to_bytes(4, "little") for event in events
    )


def decode_events_ex(data: bytes | memoryview) -> EventReply:
    """Decode a reply to GetEventEx. An empty one holds nothing."""
    data = bytes(data)
    if not data:
        return EventReply(())
    if len(data) < 4:
        return EventReply((), f"a list of events of {len(data)} bytes")
    announced, at = _u16(data, 0), 4
    events: list[Event] = []
    while len(events) < announced and at + 4 <= len(data):
        count = _u16(data, at + 2)
        end = at + 4 + 4 * count
        if count > MAX_PARAMETERS or end > len(data):
            break  # where the next record begins is not known
        events.append(Event(_u16(data, at), NO_TRANSACTION, tuple(_u32(data, each) for each in range(at + 4, end, 4))))
        at = end
    return EventReply(tuple(events), _complaint(announced, len(events), len(data) - at))


def encode_events_ex(events: Sequence[Event]) -> bytes:
    """Encode a reply to GetEventEx.

    Raises:
        LocalProtocolError: an event has more parameters than fit.
    """
    reply = bytearray(len(events).to_bytes(2, "little") + bytes(2))
    for event in events:
        if len(event.parameters) > MAX_PARAMETERS:
            raise LocalProtocolError(f"an event with {len(event.parameters)} parameters")
        reply += event.code.to_bytes(2, "little") + len(event.parameters).to_bytes(2, "little")
        for parameter in event.parameters:
            reply += parameter.to_bytes(4, "little")
    return bytes(reply)


def _complaint(announced: int, found: int, left: int) -> str:
    if found < announced:
        return f"a list of events announces {announced} and holds {found}"
    return f"a list of {found} events has {left} bytes too many" if left else ""


def _u16(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "little")

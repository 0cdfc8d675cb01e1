"""The messages between an initiator and a responder, whether USB containers or PTP/IP packets carry them.

A transaction, as both sides see it::

    initiator                                  responder
    Request ─────────────────────────────────►
    DataStart, Data…, DataEnd ───────────────►                           (an operation whose data go out)
            ◄─────────────────────────────── DataStart, Data…, DataEnd   (one whose data come in; left out if it fails)
            ◄─────────────────────────────── Response

Events come at any time, on a channel of their own. A payload is never gathered: it passes as `Data` messages of any size, so an
object of many gigabytes costs the memory of one read. Rules and sources: camfs/protocols/ptp/README.md, "Transaction model".
"""

from dataclasses import dataclass
from enum import Enum

MAX_PARAMETERS = 5
"""Parameters of a request or response; an event has 3 at most."""

MAX_STALE = 3
"""Messages of other transactions that an initiator drops while it waits for the answer to a request."""


class Role(Enum):
    """Which side of the wire a codec is on."""

    INITIATOR = "initiator"
    RESPONDER = "responder"


@dataclass(frozen=True)
class Request:
    """The initiator requests an operation."""

    code: int
    transaction_id: int
    parameters: tuple[int, ...] = ()


@dataclass(frozen=True)
class DataStart:
    """A payload begins. `length` is in bytes, None if the sender does not know it."""

    code: int
    transaction_id: int
    length: int | None


@dataclass(frozen=True)
class Data:
    """The next bytes of the payload."""

    payload: bytes | memoryview


@dataclass(frozen=True)
class DataEnd:
    """The payload is complete."""


@dataclass(frozen=True)
class Response:
    """The responder's verdict, which ends the transaction."""

    code: int
    transaction_id: int
    parameters: tuple[int, ...] = ()


@dataclass(frozen=True)
class Event:
    """Something happened at the camera."""

    code: int
    transaction_id: int
    parameters: tuple[int, ...] = ()


Message = Request | DataStart | Data | DataEnd | Response


def is_older(transaction_id: int, expected: int) -> bool:
    """Return whether a transaction id is older than the expected one; ids begin anew after 0xFFFFFFFE."""
    return (expected - transaction_id) % (1 << 32) < 1 << 31

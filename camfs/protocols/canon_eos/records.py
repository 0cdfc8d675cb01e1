"""Records: the reply to GetEvent is a chain of them, and this module cuts it apart and puts it together.

A record is its size in bytes (u32, this field included), its code (u32), and a body of that size less 8. A record of size 8 and code 0
ends the chain; a reply without news is that record alone. Sizes need not be multiples of 4
(camfs/protocols/canon_eos/README.md, "GetEvent").

Nothing that arrived whole is lost: of a reply that is cut, or has a record that cannot be as long as it says, the records before
that place are returned, and what is wrong with the rest is told. What a record means is for `events` to say.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HEADER = 8
END = struct.pack("<II", HEADER, 0)
"""The record that ends each reply, and the whole reply while there is no news."""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record.

    Attributes:
        code: see `codes.Record`; any other number is possible.
        body: what follows the size and the code.
    """

    code: int
    body: bytes

    def encode(self) -> bytes:
        """Write the record."""
        return struct.pack("<II", HEADER + len(self.body), self.code) + self.body


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply to GetEvent.

    Attributes:
        records: those that are whole, in order, without the one that ends the reply.
        trouble: what is wrong with the rest; empty if nothing is.
    """

    records: Sequence[RawRecord]
    trouble: str = ""


def decode_reply(data: bytes | memoryview) -> Reply:
    """Cut a reply into its records. Never fails."""
    data = bytes(data)
    records: list[RawRecord] = []
    position = 0
    while len(data) - position >= HEADER:
        size, code = struct.unpack_from("<II", data, position)
        if size == HEADER and code == 0:
            rest = len(data) - position - HEADER
            return Reply(records, f"{rest} bytes follow the last record" if rest else "")
        if size < HEADER:
            return Reply(records, f"record 0x{code:X} at byte {position} says that it has {size} bytes")
        if size > len(data) - position:
            left = len(data) - position
            return Reply(records, f"record 0x{code:X} at byte {position} says {size} bytes, and {left} follow")
        records.append(RawRecord(code, data[position + HEADER : position + size]))
        position += size
    rest = len(data) - position
    return Reply(
        records, f"the reply ends in {rest} bytes that are no record" if rest else "the last record is missing"
    )


def encode_reply(records: Iterable[RawRecord]) -> bytes:
    """Write a reply, with the record that ends it."""
    return b"".join(record.encode() for record in records) + END

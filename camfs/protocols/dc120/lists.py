"""Lists of files: their number (45), their names and sizes (4A). Reference dc120, sections 8.1 and 8.2."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.dc120.commands import LIST_SIZE
from camfs.protocols.dc120.fields import require_size

_COUNT = struct.Struct(">2xH12x")


def decode_count(payload: bytes) -> int:
    """Return the number of files (reference 8.1).

    Raises:
        RemoteProtocolError: not of this length.
    """
    require_size(payload, _COUNT.size, "number of files")
    return int(_COUNT.unpack(payload)[0])


def encode_count(count: int) -> bytes:
    """Write the number of files."""
    return _COUNT.pack(count)


_ENTRY = struct.Struct(">12s4sI")
ENTRIES_IN_PACKET = 12


@dataclass(frozen=True)
class FileEntry:
    """One of the entries of a list (reference 8.2).

    Attributes:
        name_field: 12 bytes; see `name`.
        size: of the file in bytes.
        data: 4 bytes of unknown meaning.
    """

    name_field: bytes
    size: int
    data: bytes = bytes(4)

    @classmethod
    def named(cls, name: str, size: int, *, dotted: bool = False, data: bytes = bytes(4)) -> "FileEntry":
        """Make an entry of a name like `P002032.KDC`.

        Args:
            dotted: spell it as a text ending in NUL, not as a DOS directory does. Which one a camera uses is not known.
        """
        stem, _, suffix = name.partition(".")
        spelled = f"{stem:<7}.{suffix:<3}\0" if dotted else f"{stem:<8}{suffix:<3}\0"
        if len(spelled) != 12:
            raise LocalProtocolError(f"{name} is no name for a list")
        return cls(spelled.encode("ascii"), size, data)

    @property
    def name(self) -> str:
        """The name, from either spelling: a stem of up to 8 characters that NUL, space or dot ends, then 3 from byte 8."""
        stem = self.name_field[:8]
        for end in (b"\0", b" ", b"."):
            stem = stem.split(end, 1)[0]
        suffix = self.name_field[8:11].split(b"\0", 1)[0].rstrip(b" ")
        return (stem + b"." + suffix if suffix else stem).decode("latin-1")


class Listing(Enum):
    """How a list of more than 12 files goes on; no source knows (reference 8.2, readings A, B and C)."""

    PAGED = "A: each packet has a count, 12 entries, 14 zeros"
    STREAM = "B: one count, then entries without a gap, cut into packets; the last filled up with zeros"
    SINGLE = "C: one packet, whatever the count"


def encode_names(entries: Sequence[FileEntry], listing: Listing = Listing.PAGED) -> list[bytes]:
    """Write a list as payloads, one at least."""
    count = struct.pack(">H", len(entries))
    rows = [_ENTRY.pack(entry.name_field, entry.data, entry.size) for entry in entries]
    if listing is Listing.STREAM:
        stream = count + b"".join(rows)
        return [stream[start : start + LIST_SIZE].ljust(LIST_SIZE, b"\0") for start in range(0, len(stream), LIST_SIZE)]
    pages = [rows[start : start + ENTRIES_IN_PACKET] for start in range(0, len(rows), ENTRIES_IN_PACKET)] or [[]]
    if listing is Listing.SINGLE:
        del pages[1:]
    return [(count + b"".join(page)).ljust(LIST_SIZE, b"\0") for page in pages]


def names_count(first: bytes) -> int:
    """Return the number of files that the first payload announces.

    Raises:
        RemoteProtocolError: not of the length of a list's packet.
    """
    require_size(first, LIST_SIZE, "list")
    return int.from_bytes(first[:2], "big")


def names_listing(first: bytes) -> Listing:
    """Return the reading that the first payload allows: in B a 13th name begins where A has zeros. C looks like A."""
    full = names_count(first) > ENTRIES_IN_PACKET
    return Listing.STREAM if full and any(first[2 + ENTRIES_IN_PACKET * _ENTRY.size :]) else Listing.PAGED


def names_packets(first: bytes) -> int:
    """Return the number of packets that the whole list takes, the first one included.

    Raises:
        RemoteProtocolError: not of the length of a list's packet.
    """
    count = names_count(first)
    if names_listing(first) is Listing.STREAM:
        return -(-(2 + count * _ENTRY.size) // LIST_SIZE)
    return max(1, -(-count // ENTRIES_IN_PACKET))


def decode_names(payloads: Sequence[bytes]) -> list[FileEntry]:
    """Read a list from the payloads that came, in any of the three readings; fewer entries than the count if packets are missing.

    Raises:
        RemoteProtocolError: no payload, or one that is not of the length of a list's packet.
    """
    if not payloads:
        raise RemoteProtocolError("a list without packets")
    for payload in payloads:
        require_size(payload, LIST_SIZE, "list")
    count = names_count(payloads[0])
    if names_listing(payloads[0]) is Listing.STREAM:
        rows = b"".join(payloads)[2:]
    else:
        rows = b"".join(payload[2 : 2 + ENTRIES_IN_PACKET * _ENTRY.size] for payload in payloads)
    whole = min(count, len(rows) // _ENTRY.size)
    return [FileEntry(name, size, data) for name, data, size in _ENTRY.iter_unpack(rows[: whole * _ENTRY.size])]

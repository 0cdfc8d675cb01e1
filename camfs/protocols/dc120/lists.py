"""Lists of files: how many there are (45), their names and sizes (4A).

A list of up to 12 files is one packet: the count, the entries, zeros. No source knows how a longer list goes on, so a list is read in
whichever of the three layouts of `ListLayout` it comes. Facts: camfs/protocols/dc120/README.md, "File names".
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.dc120.commands import LIST_SIZE
from camfs.protocols.dc120.fields import require_size
from camfs.protocols.text import decode_text

_COUNT = struct.Struct(">2xH12x")


def decode_count(payload: bytes) -> int:
    """Read the number of files.

    Raises:
        RemoteProtocolError: the payload has another length.
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
    """An entry of a list.

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
            name: the stem, a dot, the extension.
            size: of the file in bytes.
            dotted: spell the name as a text that ends in NUL, not as a DOS directory does. No source says which one a camera uses.
            data: 4 bytes of unknown meaning.
        """
        stem, _, suffix = name.partition(".")
        spelled = f"{stem:<7}.{suffix:<3}\0" if dotted else f"{stem:<8}{suffix:<3}\0"
        if len(spelled) != 12:
            raise LocalProtocolError(f"{name} is no name for a list")
        return cls(spelled.encode("ascii"), size, data)

    @property
    def name(self) -> str:
        """The name, from either spelling: a stem of up to 8 characters that NUL, space or dot ends, then 3 from byte 8."""
        stem = decode_text(self.name_field[:8]).partition(" ")[0].partition(".")[0]
        suffix = decode_text(self.name_field[8:11]).rstrip(" ")
        return f"{stem}.{suffix}" if suffix else stem


class ListLayout(Enum):
    """How a list of more than 12 files goes on: three readings of the sources."""

    PAGED = "each packet has a count, 12 entries, 14 zeros"
    STREAM = "one count, then entries without a gap, cut into packets; the last packet is filled up with zeros"
    SINGLE = "one packet, whatever the count"


def encode_list(entries: Sequence[FileEntry], layout: ListLayout = ListLayout.PAGED) -> list[bytes]:
    """Write a list as payloads, one at least."""
    count = struct.pack(">H", len(entries))
    rows = [_ENTRY.pack(entry.name_field, entry.data, entry.size) for entry in entries]
    if layout is ListLayout.STREAM:
        stream = count + b"".join(rows)
        return [stream[start : start + LIST_SIZE].ljust(LIST_SIZE, b"\0") for start in range(0, len(stream), LIST_SIZE)]
    pages = [rows[start : start + ENTRIES_IN_PACKET] for start in range(0, len(rows), ENTRIES_IN_PACKET)] or [[]]
    if layout is ListLayout.SINGLE:
        del pages[1:]
    return [(count + b"".join(page)).ljust(LIST_SIZE, b"\0") for page in pages]


def count_in_list(first: bytes) -> int:
    """Return the number of files that a list's first payload announces.

    Raises:
        RemoteProtocolError: the payload has another length than a list's.
    """
    require_size(first, LIST_SIZE, "list")
    return int.from_bytes(first[:2], "big")


def list_layout(first: bytes) -> ListLayout:
    """Tell the layout from a list's first payload: in a stream the 13th name begins where pages have zeros.

    A single packet looks like the first of several pages, and counts as that.
    """
    is_long = count_in_list(first) > ENTRIES_IN_PACKET
    return ListLayout.STREAM if is_long and any(first[2 + ENTRIES_IN_PACKET * _ENTRY.size :]) else ListLayout.PAGED


def packets_in_list(first: bytes) -> int:
    """Return the number of packets in the whole list, the first one included, from its first payload.

    Raises:
        RemoteProtocolError: the payload has another length than a list's.
    """
    count = count_in_list(first)
    if list_layout(first) is ListLayout.STREAM:
        return -(-(2 + count * _ENTRY.size) // LIST_SIZE)
    return max(1, -(-count // ENTRIES_IN_PACKET))


def decode_list(payloads: Sequence[bytes]) -> list[FileEntry]:
    """Read a list, in any layout, from the payloads that came. Where packets are missing, it has fewer entries than its count says.

    Raises:
        RemoteProtocolError: there is no payload, or one has another length than a list's.
    """
    if not payloads:
        raise RemoteProtocolError("a list without packets")
    for payload in payloads:
        require_size(payload, LIST_SIZE, "list")
    count = count_in_list(payloads[0])
    if list_layout(payloads[0]) is ListLayout.STREAM:
        rows = b"".join(payloads)[2:]
    else:
        rows = b"".join(payload[2 : 2 + ENTRIES_IN_PACKET * _ENTRY.size] for payload in payloads)
    whole = min(count, len(rows) // _ENTRY.size)
    return [FileEntry(name, size, data) for name, data, size in _ENTRY.iter_unpack(rows[: whole * _ENTRY.size])]

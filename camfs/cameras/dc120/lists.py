"""What a DC120 lists: the pictures of a store or album, and the first packet of a picture by its number.

A picture's number is its place in a list, from 1. So a list keeps the place of every entry, nonsense included.
"""

import contextlib
import logging
from collections.abc import Iterable

from camfs import errors
from camfs.cameras.dc120.attachment import Attachment
from camfs.cameras.dc120.line import ReceivedPacket
from camfs.protocols import kdc
from camfs.protocols.dc120.commands import GET_FILE, Code, command
from camfs.protocols.dc120.lists import FileEntry, ListLayout, decode_count, decode_list, list_layout, packets_in_list
from camfs.protocols.dc120.values import Location

log = logging.getLogger(__name__)

MAX_LISTED = 999
"""Pictures that are looked for one by one where a list does not name them; the largest card holds 230."""

UNKNOWN_SIZE = 0xFFFFFFFF
"""The size of a picture that neither the list nor its own header tells."""

NAMELESS = FileEntry(bytes(12), UNKNOWN_SIZE)
"""Keeps the place of a picture that neither the list nor its own header names."""


async def count_files(attachment: Attachment, location: Location, album: int) -> int:
    """Ask how many pictures a store or one of its albums has."""
    payloads = await attachment.run(command(Code.GET_FILE_COUNT, location=location, album=album))
    return decode_count(payloads[0])


async def list_files(attachment: Attachment, location: Location, album: int) -> list[FileEntry]:
    """Ask for the list of a store or one of its albums."""
    payloads: list[bytes] = []

    async def gather(packet: ReceivedPacket) -> bool:
        if packet.index == 0:
            payloads.clear()
        payloads.append(packet.payload)
        if packet.index == 0:
            packet.expect(packets_in_list(packet.payload))
        return True

    wanted = command(Code.GET_FILE_NAMES, location=location, album=album)
    try:
        await attachment.run(wanted, on_packet=gather)
    except (errors.RemoteProtocolError, errors.TransferTimeout):
        # `ListLayout.SINGLE`: one packet is all that comes, whatever the count
        if len(payloads) != 1 or list_layout(payloads[0]) is not ListLayout.PAGED:
            raise
    entries = decode_list(payloads)
    count = await count_files(attachment, location, album)
    with contextlib.suppress(errors.Refused):  # there are not as many as the count says
        while len(entries) < min(count, MAX_LISTED):
            entries.append(await _entry_from_header(attachment, location, album, len(entries) + 1))
    return entries


async def _entry_from_header(attachment: Attachment, location: Location, album: int, number: int) -> FileEntry:
    """Learn a picture's name and size from its first packet, where the list does not name it."""
    first = await first_packet(attachment, location, album, number)
    try:
        header = kdc.Header.decode(first)
        return FileEntry.named(f"{header.name.rstrip()}.KDC", header.size)
    except (errors.ProtocolError, UnicodeError) as error:
        log.info("picture %d: %s", number, error)
        return NAMELESS


async def first_packet(attachment: Attachment, location: Location, album: int, number: int) -> bytes:
    """Ask for a picture by its number, and end the transfer after the first packet."""
    packets: list[bytes] = []

    async def gather_one(packet: ReceivedPacket) -> bool:
        packets.append(packet.payload)
        return False

    wanted = command(GET_FILE[location], number=number, album=album)
    await attachment.run(wanted, on_packet=gather_one)
    if not packets:
        raise errors.RemoteProtocolError(f"picture {number} has no first packet")
    return packets[0]


def by_unique_names(entries: Iterable[FileEntry], taken: dict[str, FileEntry] | None = None) -> dict[str, FileEntry]:
    """Return entries by their names, in order; one whose name another has already gets `~2` and so on before its extension.

    Args:
        entries: in the camera's order.
        taken: entries that have their names already; they come first in the result.
    """
    named = dict(taken or {})
    for entry in entries:
        stem, dot, suffix = entry.name.partition(".")
        name, number = entry.name, 1
        while name in named:
            number += 1
            name = f"{stem}~{number}{dot}{suffix}"
        named[name] = entry
    return named

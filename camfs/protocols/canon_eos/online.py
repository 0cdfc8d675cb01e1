"""The fields of the on-line camera info (C1A5): which there are tells a mask, and how long each is, the version of the body.

A mask bit stands for a field; the fields follow each other from the lowest bit to the highest. Their lengths differ between versions
(D199), and no body sends the version before the first record. So fields are looked for from the lowest bit on, and only as far as the
record reaches: what is not found is not known (camfs/protocols/canon_eos/README.md, "On-line camera info").
"""

from collections.abc import Mapping
from enum import IntEnum

from camfs.protocols.canon_eos.events import OnlineInfo


class Info(IntEnum):
    """The fields whose meaning is known, by their mask bit."""

    BUTTON = 0x0001
    SHUTTER_SPEED = 0x0002
    APERTURE = 0x0004
    ISO = 0x0008
    EXPOSURE = 0x0040
    FOCUS = 0x0100


_LENGTHS: dict[range, tuple[int, ...]] = {
    range(0x08): (2, 6, 5, 4, 4, 6, 7, 4, 6, 5, 5, 8, 1),
    range(0x08, 0x0B): (2, 6, 5, 4, 4, 6, 7, 4, 6, 7, 7, 8, 1),
    range(0x0B, 0x0F): (2, 6, 5, 4, 4, 6, 8, 4, 6, 5, 5, 9, 1),
    range(0x0F, 0x11): (2, 7, 6, 4, 4, 6, 8, 4, 6, 5, 5, 9, 1),
    range(0x11, 0x12): (2, 7, 6, 6, 4, 6, 8, 4, 6, 5, 5, 9, 8),
    range(0x12, 0x13): (2, 7, 9, 6, 4, 6, 8, 5, 7, 5, 5, 9, 8),
    range(0x13, 0x14): (2, 7, 9, 7, 4, 6, 8, 5, 7, 5, 5, 9, 8),
    range(0x14, 0x100): (2, 9, 9, 7, 4, 6, 8, 5, 7, 5, 5, 9, 8),
}
"""Bytes of each field, from bit 0 on, by version."""

DOUBTFUL = 0x10
"""The version of which two bodies fit no table: of it only the first two fields are believed."""

_BELIEVED = Info.BUTTON | Info.SHUTTER_SPEED


def field_lengths(version: int) -> tuple[int, ...]:
    """Return the bytes of each field of a version, from bit 0 on; those of the newest that is known for a newer one."""
    return next(
        (lengths for versions, lengths in _LENGTHS.items() if version in versions), _LENGTHS[range(0x14, 0x100)]
    )


def fields(info: OnlineInfo, version: int | None) -> Mapping[int, bytes]:
    """Return the fields by their mask bits.

    Args:
        info: the record.
        version: of the body; None if it is not known: a record with a single bit is that field whatever the version.
    """
    bits = [1 << number for number in range(13) if info.mask & 1 << number]
    if len(bits) == 1 and not info.mask >> 13:
        return {bits[0]: info.fields}
    if version is None:
        return {}
    lengths = field_lengths(version)
    found: dict[int, bytes] = {}
    position = 0
    for bit in bits:
        length = lengths[bit.bit_length() - 1]
        part = info.fields[position : position + length]
        if len(part) < length or (version == DOUBTFUL and not bit & _BELIEVED):
            break
        found[bit] = part
        position += length
    return found


def button(info: OnlineInfo, version: int | None) -> int | None:
    """Return the state of the shutter button: 1 idle, 2 half pressed and ready, 4 pressed and ready; None if it is not told."""
    field = fields(info, version).get(Info.BUTTON)
    return field[0] if field else None


def has_focused(info: OnlineInfo, version: int | None) -> bool | None:
    """Say whether autofocus has found its point; None if the record does not tell."""
    field = fields(info, version).get(Info.FOCUS)
    if field is None or len(field) < 2:
        return None
    return {b"\1\1": True, b"\2\0": False, b"\0\0": False}.get(field[-2:])

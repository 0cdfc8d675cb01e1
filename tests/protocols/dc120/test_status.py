"""The reply to 7F, byte by byte: the protocol document's list of fields."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import RemoteProtocolError
from camfs.protocols.dc120.status import Status

FIELDS: dict[str, tuple[int, int]] = {
    "identity": (0, 4),
    "unknown_4": (4, 4),
    "battery": (8, 1),
    "adapter": (9, 1),
    "sleep_timeout": (10, 1),
    "lcd_timeout": (11, 1),
    "clock": (12, 4),
    "focus_zoom": (16, 1),
    "unknown_17": (17, 1),
    "flash_charged": (18, 1),
    "quality": (19, 1),
    "flash": (20, 1),
    "exposure_compensation": (21, 1),
    "light": (22, 1),
    "exposure_mode": (23, 1),
    "shutter_speed": (24, 4),
    "unknown_28": (28, 1),
    "self_timer": (29, 1),
    "card": (30, 1),
    "cover": (31, 1),
    "date_format": (32, 1),
    "time_format": (33, 1),
    "macro_units": (34, 1),
    "unknown_35": (35, 1),
    "memory_pictures": (36, 2),
    "unknown_38": (38, 8),
    "unknown_54": (54, 2),
    "card_pictures": (56, 2),
    "card_2": (58, 8),
    "card_3": (66, 11),
    "card_name": (77, 11),
    "card_4": (88, 2),
    "name": (90, 30),
    "unknown_120": (120, 2),
    "memory_albums": (122, 2),
    "card_albums": (124, 2),
    "zeros": (126, 130),
}
"""Offsets and sizes, computed from the protocol document's list; `memory_left` at 46 is four numbers."""


@pytest.mark.parametrize("name", FIELDS)
def test_each_field_is_at_its_place(name: str) -> None:
    payload = bytes((7 * offset + 3) & 0xFF for offset in range(256))
    offset, size = FIELDS[name]
    value = getattr(Status.decode(payload), name)
    found = value if isinstance(value, bytes) else value.to_bytes(size, "big")
    assert found == payload[offset : offset + size]


def test_every_byte_belongs_to_a_field() -> None:
    covered = sorted(byte for offset, size in [*FIELDS.values(), (46, 8)] for byte in range(offset, offset + size))
    assert covered == list(range(256))


@given(st.binary(min_size=256, max_size=256))
def test_any_status_comes_back(payload: bytes) -> None:
    status = Status.decode(payload)
    assert status.encode() == payload
    assert isinstance(status.user_name, str)
    assert isinstance(status.card_label, str)


@pytest.mark.parametrize("size", [0, 255, 257])
def test_a_status_of_another_length(size: int) -> None:
    with pytest.raises(RemoteProtocolError):
        Status.decode(bytes(size))


def test_what_the_bytes_mean() -> None:
    status = Status(
        clock=0x12CEA6AC,
        focus_zoom=0x13,
        card=0x80,
        card_name=b"DC120 CARD ",
        name=b"Ana".ljust(30, b"\0"),
        memory_left=(1, 2, 3, 4),
    ).with_card_left((8, 40, 70, 110))
    status = Status.decode(status.encode())
    assert status.time == datetime(1999, 1, 1, 0, 1)
    assert (status.focus, status.zoom) == (1, 3)
    assert status.has_card
    assert status.card_label == "DC120 CARD"
    assert status.user_name == "Ana"
    assert status.memory_left == (1, 2, 3, 4)
    assert status.encode()[66:74] == bytes((0, 8, 0, 40, 0, 70, 0, 110))
    assert not Status().has_card
    assert (Status(focus_zoom=0x27).focus, Status(focus_zoom=0x27).zoom) == (2, None)

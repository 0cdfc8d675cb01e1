"""CanSetInfo5: the dump, rebuilt from the table of tags, and what is read from it."""

import pytest

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.sigma.can_set import CAN_SET_TAGS, CanSetInfo
from camfs.protocols.sigma.ifd import IfdEntry, IfdType, IfdValue, decode_ifd
from tests.protocols.sigma.payloads import SOUND

FILLED: dict[int, IfdValue] = {entry.tag: entry.value for entry in decode_ifd(SOUND["9030"]) if entry.value}
"""The entries of the dump that have values (STILL, P)."""

ABSENT = 658
"""Not in the dump: its firmware knows no focus position."""


@pytest.fixture(name="dump")
def dump_fixture() -> CanSetInfo:
    tags = (tag for tag in CAN_SET_TAGS.values() if tag.number != ABSENT)
    return CanSetInfo(tuple(IfdEntry(tag.number, tag.type, FILLED.get(tag.number, ())) for tag in tags))


def test_the_table_and_the_values_make_the_dump(dump: CanSetInfo) -> None:
    payload = dump.encode()
    assert len(dump.entries) == 87
    assert payload == SOUND["9030"]
    assert CanSetInfo.decode(memoryview(payload)).entries == dump.entries


@pytest.mark.parametrize(
    ("tag", "offset"), [(4, 1061), (215, 1086), (321, 1133), (342, 1234), (615, 1263), (800, 1284)]
)
def test_values_lie_where_the_dump_has_them(dump: CanSetInfo, tag: int, offset: int) -> None:
    payload = dump.encode()
    at = 8 + 12 * sorted(dump.entries).index(tag)
    assert int.from_bytes(payload[at + 8 : at + 12], "little") == offset


def test_one_entry_more_has_the_size_that_the_notes_print(dump: CanSetInfo) -> None:
    position = IfdEntry(ABSENT, IfdType.UINT16, (5974, 11116))
    payload = CanSetInfo((*dump.entries.values(), position)).encode()
    assert payload[:4] == bytes.fromhex("24 05 00 00")
    assert [entry.tag for entry in decode_ifd(payload)] == list(CAN_SET_TAGS)


def test_tags_have_names_of_their_own() -> None:
    assert list(CAN_SET_TAGS) == sorted(CAN_SET_TAGS)
    assert all(tag.number == number for number, tag in CAN_SET_TAGS.items())
    assert len({tag.name for tag in CAN_SET_TAGS.values()}) == len(CAN_SET_TAGS) == 88


def test_filled_empty_and_missing(dump: CanSetInfo) -> None:
    assert dump.numbers(301) == (2, 9, 12, 11, 10, 8, 7, 6, 5, 4, 3, 1)
    assert dump.numbers(217) == (-1280, 1280, 85)
    assert dump.rationals(340) == ((-50, 10), (50, 10), (2, 10))
    assert dump.numbers(810) == (0, 1)
    assert dump.numbers(302) == ()
    assert dump.rationals(161) == ()
    assert dump.numbers(ABSENT) is None
    assert dump.rationals(ABSENT) is None
    assert CanSetInfo().numbers(1) is None


def test_values_of_another_type() -> None:
    info = CanSetInfo(
        (IfdEntry(1, IfdType.ANY8, b"12"), IfdEntry(2, IfdType.UINT8, (1,)), IfdEntry(3, IfdType.RATIONAL, ((1, 2),)))
    )
    for tag in (1, 3):
        with pytest.raises(RemoteProtocolError):
            info.numbers(tag)
    for tag in (1, 2):
        with pytest.raises(RemoteProtocolError):
            info.rationals(tag)
    assert CanSetInfo((IfdEntry(1, IfdType.ANY8, b""),)).numbers(1) == ()


def test_what_does_not_add_up() -> None:
    with pytest.raises(RemoteProtocolError):
        CanSetInfo.decode(b"")
    with pytest.raises(LocalProtocolError):
        CanSetInfo((IfdEntry(1, IfdType.UINT8, (256,)),)).encode()

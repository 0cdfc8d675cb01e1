"""The on-line camera info: real records, by the version that each body reports."""

import pytest

from camfs.protocols.canon_eos.codings import number_of
from camfs.protocols.canon_eos.events import Event, OnlineInfo, PropertyChanged, decode_event
from camfs.protocols.canon_eos.online import DOUBTFUL, Info, button, field_lengths, fields, has_focused
from camfs.protocols.canon_eos.records import decode_reply
from tests.protocols.canon_eos.payloads import payload, payloads


def events(data: bytes) -> list[Event]:
    return [decode_event(raw) for raw in decode_reply(data).records]


def version_in(data: bytes) -> int | None:
    found = [e for e in events(data) if isinstance(e, PropertyChanged) and e.code == 0xD199]
    return number_of(found[0].value) if found else None


def infos(data: bytes) -> list[OnlineInfo]:
    return [event for event in events(data) if isinstance(event, OnlineInfo)]


def test_the_fields_of_real_records_fill_them() -> None:
    checked = 0
    for name, data in (payloads("*9116*") | payloads("m10-olc-records")).items():
        version = version_in(data)
        for info in infos(data):
            found = fields(info, version)
            if version == DOUBTFUL:
                assert set(found) == {Info.BUTTON, Info.SHUTTER_SPEED}, name
            else:
                assert sum(map(len, found.values())) == len(info.fields), name
            checked += 1
    assert checked >= 27


def test_a_single_field_has_the_length_of_its_table() -> None:
    for info in infos(payload("m10-olc-records")):
        (found,) = fields(info, None).items()
        assert len(found[1]) == field_lengths(8)[found[0].bit_length() - 1]


def test_without_a_version_a_record_of_several_fields_says_nothing() -> None:
    info = OnlineInfo(0x1FFF, bytes(65), 73)
    assert fields(info, None) == {}
    assert button(info, None) is None


@pytest.mark.parametrize(("tail", "said"), [(b"\1\1", True), (b"\2\0", False), (b"\0\0", False), (b"\3\7", None)])
def test_whether_it_has_focused(tail: bytes, said: bool | None) -> None:
    assert has_focused(OnlineInfo(Info.FOCUS, b"\0\0\0\0" + tail, 14), 7) is said
    both = OnlineInfo(Info.BUTTON | Info.FOCUS, b"\2\0" + b"\0\0\0\0" + tail, 16)
    assert has_focused(both, 7) is said
    assert button(both, 7) == 2


def test_a_record_that_ends_too_early_gives_the_fields_before_that() -> None:
    assert set(fields(OnlineInfo(0x1FFF, bytes(8), 16), 0xB)) == {Info.BUTTON, Info.SHUTTER_SPEED}


@pytest.mark.parametrize("version", [0, 0xFF, 0x1234])
def test_an_unknown_version_has_lengths(version: int) -> None:
    assert len(field_lengths(version)) == 13

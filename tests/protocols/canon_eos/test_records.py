"""Records of GetEvent: real replies, replies that are cut or lie about their sizes, and events written back."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.protocols.canon_eos.codes import Record
from camfs.protocols.canon_eos.events import (
    LIST,
    ChoicesChanged,
    Event,
    Numbered,
    ObjectOnCard,
    OnlineInfo,
    Other,
    PropertyChanged,
    TransferRequested,
    decode_event,
)
from camfs.protocols.canon_eos.records import END, RawRecord, decode_reply, encode_reply
from tests.protocols.canon_eos.payloads import payload, payloads

CUT = {"eos-m6-mark2-9116-01"}
"""Replies that are not whole: a log left out their ends."""


def test_every_real_reply_is_read_and_written_back() -> None:
    replies = payloads("*9116*") | payloads("m10-olc-records")
    assert len(replies) == 32
    for name, data in replies.items():
        reply = decode_reply(data)
        assert bool(reply.trouble) == (name in CUT), name
        written = encode_reply(decode_event(raw).record() for raw in reply.records)
        if name in CUT:
            assert data.startswith(written.removesuffix(END)), name
        else:
            assert written == data, name


def test_no_record_of_a_real_reply_is_misread() -> None:
    for name, data in payloads("*9116*").items():
        for raw in decode_reply(data).records:
            event = decode_event(raw)
            assert not (isinstance(event, Other) and event.trouble), (name, event)
            if isinstance(event, Other):
                assert raw.code in (0xC19D, 0xC1F6), (name, hex(raw.code))


def test_of_a_cut_reply_the_whole_records_are_kept() -> None:
    reply = decode_reply(payload("eos-m6-mark2-9116-01"))
    assert len(reply.records) > 280
    assert "97 bytes, and 36 follow" in reply.trouble


def test_a_record_of_an_object_on_a_card() -> None:
    (raw,) = decode_reply(payload("eos400d-9116-01")).records
    event = decode_event(raw)
    assert event == ObjectOnCard(
        Record.ObjectAdded,
        handle=0x31946352,
        storage=0x10001,
        object_format=0x3801,
        size=2572677,
        parent=0x31940000,
        name="IMG_1589.JPG",
        second_handle=0x31946350,
        unix_time=0x49EDD2F8,
    )
    assert event.is_new


def test_the_idle_reply_is_the_last_record_alone() -> None:
    assert payload("eos-9116-idle") == END
    assert decode_reply(END) == decode_reply(END).__class__([])


@pytest.mark.parametrize("size", [0, 7, 9, 0xFFFFFFFF])
def test_a_record_that_lies_about_its_size_loses_nothing_before_it(size: int) -> None:
    good = RawRecord(Record.CameraStatus, struct.pack("<I", 1))
    reply = decode_reply(good.encode() + struct.pack("<II", size, Record.PropertyChanged))
    assert reply.records == [good]
    assert "0xC189" in reply.trouble


def test_bytes_behind_the_end_are_told() -> None:
    assert decode_reply(END + b"\1").trouble == "1 bytes follow the last record"
    assert decode_reply(b"").trouble == "the last record is missing"
    assert decode_reply(b"\1\2\3").trouble


@pytest.mark.parametrize(
    "event",
    [
        PropertyChanged(0xD103, struct.pack("<I", 0x48)),
        ChoicesChanged(0xD103, LIST, 2, struct.pack("<II", 0x48, 0x50)),
        ChoicesChanged(0xD103, LIST, 0, b""),
        ObjectOnCard(Record.ObjectAdded, 1, 2, 0x3801, 3, 4, "IMG_0001.JPG", 5, unix_time=6),
        ObjectOnCard(Record.ObjectAdded64, 1, 2, 0x3801, 5 << 32, 4, "IMG_0001.JPG", 5),
        ObjectOnCard(Record.ObjectAdded64LongName, 1, 2, 0xB982, 5 << 32, 4, "a long name, ü.MP4", 5),
        TransferRequested(Record.RequestTransfer, 1, 0x3801, 3, "IMG_0001.JPG"),
        TransferRequested(Record.RequestTransfer64, 1, 0x3801, 3, "IMG_0001.JPG"),
        TransferRequested(Record.RequestTransfer64LongName, 1, 0xB108, 5 << 32, "IMG_0001.CR3"),
        Numbered(Record.CameraStatus, 1),
        OnlineInfo(1, b"\1\0", 10),
        Other(RawRecord(0xC1FF, b"anything")),
    ],
)
def test_an_event_is_written_and_read_back(event: Event) -> None:
    assert decode_event(event.record()) == event


def test_a_short_record_of_a_transfer_has_no_name() -> None:
    raw = RawRecord(Record.RequestTransfer64LongName, struct.pack("<IIIQ", 7, 0xB103, 0, 99))
    event = decode_event(raw)
    assert isinstance(event, TransferRequested)
    assert (event.handle, event.size, event.name) == (7, 99, "")


@pytest.mark.parametrize("code", [code for code in Record if code])
def test_a_record_that_is_too_short_is_kept_and_explained(code: Record) -> None:
    raw = RawRecord(code, b"\1\2")
    event = decode_event(raw)
    assert event == Other(raw)
    assert isinstance(event, Other)
    known = code not in (Record.WillShutDownSoon, Record.ShutdownTimerUpdated)
    assert bool(event.trouble) == known


def test_an_enumeration_of_60000_values_is_read() -> None:
    elements = struct.pack("<60000I", *range(60000))
    event = decode_event(ChoicesChanged(0xD103, LIST, 60000, elements).record())
    assert isinstance(event, ChoicesChanged)
    assert len(event.values()) == 60000


def test_a_count_that_the_record_does_not_bear_out_is_not_believed() -> None:
    assert ChoicesChanged(0xD103, LIST, 0xFFFFFFFF, bytes(8)).values() == (bytes(4), bytes(4))
    assert ChoicesChanged(0xD120, LIST, 0xFFFFFFFF, bytes(8)).values() == ()


def test_a_list_of_formats_is_cut_into_its_elements() -> None:
    lists = [
        event
        for raw in decode_reply(payload("eos-60d-a-9116-01")).records
        if isinstance(event := decode_event(raw), ChoicesChanged) and event.code == 0xD120
    ]
    (formats,) = lists
    assert len(formats.values()) == formats.count == 35
    assert b"".join(formats.values()) == formats.elements


@given(st.binary(max_size=200))
def test_any_bytes_are_records_or_trouble(data: bytes) -> None:
    reply = decode_reply(data)
    for raw in reply.records:
        event = decode_event(raw)
        if isinstance(event, ChoicesChanged):
            event.values()
    assert reply.trouble or encode_reply(reply.records) == data

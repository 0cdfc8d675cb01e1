"""Lists of events: real ones, all that can be made, cut ones, and ones that announce too much."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import LocalProtocolError
from camfs.protocols.nikon.codes import NikonEvent
from camfs.protocols.nikon.events import decode_events, decode_events_ex, encode_events, encode_events_ex
from camfs.protocols.ptp.codes import NO_TRANSACTION, EventCode
from camfs.protocols.ptp.messages import Event
from tests.protocols.nikon.samples import payload

CODES = st.integers(0, 0xFFFF)
NUMBERS = st.integers(0, 0xFFFFFFFF)
SINGLE = st.builds(lambda code, number: Event(code, NO_TRANSACTION, (number,)), CODES, NUMBERS)
ANY = st.builds(lambda code, numbers: Event(code, NO_TRANSACTION, tuple(numbers)), CODES, st.lists(NUMBERS, max_size=5))


def test_a_real_list_without_events() -> None:
    assert decode_events(payload("d3x-90c7-empty")).events == ()
    assert encode_events(()) == payload("d3x-90c7-empty")


def test_a_real_list_with_an_event() -> None:
    data = payload("d5600-90c7-one")
    reply = decode_events(data)
    assert (reply.events, reply.trouble) == ((Event(EventCode.DevicePropChanged, NO_TRANSACTION, (0x500E,)),), "")
    assert encode_events(reply.events) == data


@given(st.lists(SINGLE, max_size=20))
def test_what_is_encoded_is_decoded(events: list[Event]) -> None:
    reply = decode_events(encode_events(events))
    assert (list(reply.events), reply.trouble) == (events, "")


@given(st.lists(ANY, max_size=20))
def test_what_is_encoded_with_more_parameters_is_decoded(events: list[Event]) -> None:
    reply = decode_events_ex(encode_events_ex(events))
    assert (list(reply.events), reply.trouble) == (events, "")


def test_six_parameters_are_not_sent() -> None:
    with pytest.raises(LocalProtocolError):
        encode_events_ex([Event(0xC101, NO_TRANSACTION, (1, 2, 3, 4, 5, 6))])


@pytest.mark.parametrize("length", range(21))
def test_a_list_that_was_cut_gives_what_it_holds(length: int) -> None:
    events = [Event(EventCode.ObjectAdded, NO_TRANSACTION, (number,)) for number in (1, 2, 3)]
    reply = decode_events(encode_events(events)[:length])
    assert list(reply.events) == events[: max(0, (length - 2) // 6)]
    assert bool(reply.trouble) == (length not in (0, 20))


@pytest.mark.parametrize("length", range(29))
def test_a_list_with_more_parameters_that_was_cut_gives_what_it_holds(length: int) -> None:
    events = [Event(NikonEvent.ObjectAddedInSDRAM, NO_TRANSACTION, (number,)) for number in (1, 2, 3)]
    reply = decode_events_ex(encode_events_ex(events)[:length])
    assert list(reply.events) == events[: max(0, (length - 4) // 8)]
    assert bool(reply.trouble) == (length not in (0, 28))


@pytest.mark.parametrize("decode", [decode_events, decode_events_ex])
def test_a_list_that_announces_60_000_events_gives_those_it_holds(decode: object) -> None:
    event = Event(EventCode.ObjectAdded, NO_TRANSACTION, (5,))
    if decode is decode_events:
        reply = decode_events((60_000).to_bytes(2, "little") + encode_events([event])[2:])
    else:
        reply = decode_events_ex((60_000).to_bytes(2, "little") + encode_events_ex([event])[2:])
    assert list(reply.events) == [event]
    assert reply.trouble == "a list of events announces 60000 and holds 1"


def test_60_000_events_that_are_there_are_taken() -> None:
    events = [Event(EventCode.ObjectAdded, NO_TRANSACTION, (number,)) for number in range(60_000)]
    assert list(decode_events(encode_events(events)).events) == events


def test_a_record_with_too_many_parameters_ends_the_list() -> None:
    good = Event(0xC101, NO_TRANSACTION, (1,))
    data = encode_events_ex([good, good])
    spoiled = data[:12] + data[12:14] + b"\x06\x00" + data[16:]
    reply = decode_events_ex(spoiled)
    assert list(reply.events) == [good]
    assert reply.trouble


@given(st.binary(max_size=64))
def test_any_bytes_are_taken(data: bytes) -> None:
    assert len(decode_events(data).events) <= len(data)
    assert len(decode_events_ex(data).events) <= len(data)

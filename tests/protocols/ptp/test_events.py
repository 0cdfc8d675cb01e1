"""Events on the interrupt pipe: camfs/protocols/ptp/README.md, "Events"."""

from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.ptp.codes import NO_TRANSACTION, EventCode
from camfs.protocols.ptp.containers import EventPipe, encode_event
from camfs.protocols.ptp.messages import Event
from tests.protocols.ptp.dialogue import EVENT, RESPONSE, container, words
from tests.protocols.ptp.strategies import U16, U32

OBJECT_ADDED = Event(EventCode.ObjectAdded, NO_TRANSACTION, (5,))
OBJECT_ADDED_BYTES = bytes.fromhex("10 00 00 00 04 00 02 40 ff ff ff ff 05 00 00 00")

EVENTS = st.builds(Event, U16, U32, st.lists(U32, max_size=3).map(tuple))


def test_an_event_byte_for_byte() -> None:
    assert encode_event(OBJECT_ADDED) == OBJECT_ADDED_BYTES
    assert EventPipe().receive(OBJECT_ADDED_BYTES) == [OBJECT_ADDED]


@pytest.mark.parametrize("code", [0x4001, 0x4008, 0xC401, 0xC411, 0xC801, 0xFFFF])
def test_any_code_is_an_event(code: int) -> None:
    assert EventPipe().receive(container(EVENT, code, 9)) == [Event(code, 9)]


@given(st.lists(EVENTS, max_size=4), st.data())
def test_events_come_back_however_they_are_cut(events: list[Event], data: st.DataObject) -> None:
    stream = b"".join(map(encode_event, events))
    cuts = [0, *sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8))), len(stream)]
    pipe = EventPipe()
    assert [event for start, end in pairwise(cuts) for event in pipe.receive(stream[start:end])] == events


def test_a_canon_that_delivers_an_event_in_pieces() -> None:
    pipe = EventPipe()
    assert pipe.receive(OBJECT_ADDED_BYTES[:8]) == []
    assert pipe.receive(b"") == []
    assert pipe.receive(OBJECT_ADDED_BYTES[8:]) == [OBJECT_ADDED]


def test_up_to_five_parameters_are_read() -> None:
    assert EventPipe().receive(container(EVENT, 0xC401, 9, words(1, 2, 3, 4, 5))) == [Event(0xC401, 9, (1, 2, 3, 4, 5))]


@pytest.mark.parametrize("padding", [1, 4, 8, 11, 12, 48])
def test_padding_behind_an_event_does_not_disturb_the_next(padding: int) -> None:
    pipe = EventPipe()
    for _ in range(3):
        assert pipe.receive(OBJECT_ADDED_BYTES + bytes(padding)) == [OBJECT_ADDED]


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\0",
        b"\xff" * 64,
        container(EVENT, 0x4002, 0, length=0),
        container(EVENT, 0x4002, 0, length=11),
        container(EVENT, 0x4002, 0, words(1), length=14),
        container(EVENT, 0x4002, 0, words(1), length=0x01000010),
        container(EVENT, 0x4002, 0, words(1, 2, 3, 4, 5, 6)),
        container(RESPONSE, 0x2001, 0),
        container(0x0104, 0x4002, 0),
    ],
)
def test_after_nonsense_the_pipe_goes_on(nonsense: bytes) -> None:
    pipe = EventPipe()
    for _ in range(3):
        with pytest.raises(RemoteProtocolError):
            pipe.receive(nonsense)
        assert pipe.receive(OBJECT_ADDED_BYTES) == [OBJECT_ADDED]


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_random_bytes_are_events_or_errors_and_never_pile_up(transfers: list[bytes]) -> None:
    pipe = EventPipe()
    for transfer in transfers:
        with suppress(RemoteProtocolError):
            assert all(isinstance(event, Event) for event in pipe.receive(transfer))
    with suppress(RemoteProtocolError):
        pipe.receive(bytes(32))  # at most 31 bytes can be missing from an event that seemed to begin
    assert pipe.receive(OBJECT_ADDED_BYTES) == [OBJECT_ADDED]


@pytest.mark.parametrize(
    "event", [Event(0x4002, 0, (1, 2, 3, 4)), Event(0x4002, 0, (1 << 32,)), Event(1 << 16, 0), Event(0x4002, -1)]
)
def test_an_event_that_does_not_fit_is_an_error_of_ours(event: Event) -> None:
    with pytest.raises(LocalProtocolError):
        encode_event(event)

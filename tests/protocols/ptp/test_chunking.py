"""Whatever way bytes are cut they say the same, and whatever they are they are messages or one error."""

from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from camfs.errors import RemoteProtocolError
from camfs.protocols.ptp.containers import UsbConnection
from camfs.protocols.ptp.messages import Data, DataEnd, DataStart, Message, Request, Response, Role
from tests.protocols.ptp.dialogue import COMMAND, DATA, RESPONSE, Dialogue, Read, container, listen, words
from tests.protocols.ptp.strategies import U16, U32

CODE = 0x1009
ID = 1000
UNKNOWN = 0xFFFFFFFF
PARAMETERS = st.lists(U32, max_size=5).map(tuple)
ZLP = b""


@dataclass(frozen=True)
class Answer:
    """What a camera sends, transfer by transfer, and what an initiator is to make of it."""

    transfers: list[bytes]
    messages: list[Message]
    split: bool = False


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """Draw the answer to request `CODE` of transaction `ID`, with everything that is forgiven."""
    empty = st.lists(st.just(ZLP), max_size=1)
    transfers = draw(empty)
    for _ in range(draw(st.integers(0, 3))):
        body = draw(st.binary(max_size=40))
        stale = container(DATA, draw(U16), draw(st.integers(1, ID - 1)), body)
        if draw(st.booleans()):
            stale = container(RESPONSE, draw(U16), draw(st.integers(0, ID - 1)), words(*draw(PARAMETERS)))
        transfers += [stale, *draw(empty)]
    messages: list[Message] = []
    parameters = draw(PARAMETERS)
    response = container(RESPONSE, 0x2001, ID, words(*parameters))
    payload = draw(st.none() | st.binary(max_size=100))
    split = False
    if payload is not None:
        unknown, split = draw(st.booleans()), draw(st.booleans())
        split = split and (unknown or len(payload) > 0)
        unknown = unknown and (split or len(payload) > 0)
        code, transaction_id = draw(st.sampled_from([(CODE, ID), (0, 0)]))
        data = container(DATA, code, transaction_id, payload, UNKNOWN if unknown else None)
        if split:
            transfers.append(data[:12])
            data = data[12:]
        match draw(st.sampled_from(["apart", "joined", "surplus"])):
            case "joined" if not unknown:
                response = data + response
            case "surplus" if not unknown:
                transfers.append(data + draw(st.binary(max_size=11)))
            case _:
                transfers += [data, *draw(empty)]
        messages = [DataStart(CODE, ID, None if unknown else len(payload)), DataEnd()]
        if payload:
            messages.insert(1, Data(payload))
    transfers += [response, *draw(empty)]
    return Answer(transfers, [*messages, Response(0x2001, ID, parameters)], split)


@st.composite
def cut(draw: st.DrawFn, transfers: list[bytes]) -> list[Read]:
    """Draw a way to read transfers: cut anywhere, the end told with the last bytes or after them."""
    reads: list[Read] = []
    for transfer in transfers:
        cuts = [0, *sorted(draw(st.lists(st.integers(0, len(transfer)), max_size=4))), len(transfer)]
        if draw(st.integers(0, 9)) == 9:
            cuts = [0, *range(len(transfer) + 1)]
        pieces = [transfer[start:end] for start, end in pairwise(cuts)]
        if draw(st.booleans()):
            pieces.append(b"")
        reads += [(piece, False) for piece in pieces[:-1]]
        reads.append((pieces[-1], True))
    return reads


def asked(code: int = CODE) -> UsbConnection:
    """Return an initiator that has sent a request."""
    initiator = UsbConnection(Role.INITIATOR)
    initiator.send(Request(code, ID))
    return initiator


@settings(max_examples=500)
@given(st.data())
def test_any_chunking_of_an_answer_says_the_same(data: st.DataObject) -> None:
    answer = data.draw(answers())
    initiator = asked()
    assert listen(initiator, *data.draw(cut(answer.transfers))) == answer.messages
    assert initiator.split_header == answer.split
    initiator.send(Request(CODE, ID + 1))
    again = container(RESPONSE, 0x2001, ID + 1)
    assert listen(initiator, (again, True)) == [Response(0x2001, ID + 1)]


@given(answers())
def test_an_answer_read_at_once_and_byte_by_byte_says_the_same(answer: Answer) -> None:
    assert listen(asked(), *((transfer, True) for transfer in answer.transfers)) == answer.messages
    bytewise = [
        (transfer[i : i + 1], i + 1 >= len(transfer))
        for transfer in answer.transfers
        for i in range(max(len(transfer), 1))
    ]
    assert listen(asked(), *bytewise) == answer.messages


@settings(max_examples=300)
@given(st.data())
def test_any_chunking_of_requests_says_the_same(data: st.DataObject) -> None:
    transfers: list[bytes] = []
    messages: list[Message] = []
    for transaction_id in range(data.draw(st.integers(1, 3))):
        parameters = data.draw(PARAMETERS)
        transfers.append(container(COMMAND, CODE, transaction_id, words(*parameters)))
        messages.append(Request(CODE, transaction_id, parameters))
        payload = data.draw(st.none() | st.binary(max_size=100))
        if payload is not None:
            whole = container(DATA, CODE, transaction_id, payload)
            split = bool(payload) and data.draw(st.booleans())
            transfers += [whole[:12], whole[12:]] if split else [whole]
            body = [Data(payload)] if payload else []
            messages += [DataStart(CODE, transaction_id, len(payload)), *body, DataEnd()]
        transfers += data.draw(st.lists(st.just(ZLP), max_size=1))
    assert listen(UsbConnection(Role.RESPONDER), *data.draw(cut(transfers))) == messages


@settings(max_examples=200)
@given(
    role=st.sampled_from(Role),
    packet=st.sampled_from([64, 512, 1024]),
    size=st.integers(0, 5000) | st.sampled_from([51, 52, 53, 500, 1012, 1024]),
    known=st.booleans(),
    pieces=st.lists(st.integers(0, 1500), max_size=10),
    read_size=st.sampled_from([1, 12, 64, 512, 1000, 1024, 1 << 20]),
    split=st.booleans(),
)
@example(role=Role.RESPONDER, packet=64, size=52, known=False, pieces=[], read_size=64, split=False)
def test_what_one_side_says_the_other_hears(
    role: Role, packet: int, size: int, known: bool, pieces: list[int], read_size: int, split: bool
) -> None:
    dialogue = Dialogue(packet, read_size=read_size, split_header=split)
    payload = bytes(i * 7 & 0xFF for i in range(size))
    start = DataStart(CODE, 1, size if known else None)
    sent: list[Message] = [start]
    position = 0
    for piece in [*pieces, size]:
        sent.append(Data(payload[position : position + piece]))
        position = min(position + piece, size)
    sent.append(DataEnd())
    heard = [start, *([Data(payload)] if payload else []), DataEnd()]
    request, response = Request(CODE, 1), Response(0x2001, 1)
    if role is Role.INITIATOR:
        assert dialogue.ask(request, *sent) == [request, *heard]
        assert dialogue.answer(response) == [response]
    else:
        dialogue.ask(request)
        assert dialogue.answer(*sent, response) == [*heard, response]


# anything at all


def survive(connection: UsbConnection, reads: list[Read]) -> None:
    """Let a codec receive anything: it gives messages, of no more payload than came, or one error and nothing else any more."""
    payload = 0
    error: RemoteProtocolError | None = None
    for data, end in reads:
        connection.receive(data, end)
        try:
            while (message := connection.next_message()) is not None:
                assert isinstance(message, DataStart | Data | DataEnd | Response | Request)
                if isinstance(message, Data):
                    payload += len(message.payload)
        except RemoteProtocolError as first:
            error = first
            break
    for data, end in reads if error is not None else ():
        connection.receive(data, end)
        with pytest.raises(RemoteProtocolError) as caught:
            connection.next_message()
        assert caught.value is error
    assert payload <= sum(len(data) for data, _ in reads)


def connection_of(role: Role, code: int = CODE) -> UsbConnection:
    """Return a codec that awaits something."""
    return asked(code) if role is Role.INITIATOR else UsbConnection(role)


@settings(max_examples=500)
@given(st.sampled_from(Role), st.lists(st.tuples(st.binary(max_size=80), st.booleans()), max_size=8))
def test_random_bytes_are_messages_or_one_error(role: Role, reads: list[Read]) -> None:
    survive(connection_of(role), reads)


CONTAINERS = st.builds(
    container,
    st.sampled_from([COMMAND, DATA, RESPONSE]) | U16,
    st.sampled_from([CODE, 0, 0x2001]) | U16,
    st.sampled_from([ID, ID - 1, 0]) | U32,
    st.binary(max_size=40) | PARAMETERS.map(lambda numbers: words(*numbers)),
    st.none() | st.integers(0, 60) | st.sampled_from([UNKNOWN, UNKNOWN - 1, 1 << 31]),
)


@settings(max_examples=1000)
@given(
    st.sampled_from(Role),
    st.sampled_from([CODE, 0x1002, 0x1003]),
    st.lists(CONTAINERS, min_size=1, max_size=8),
    st.data(),
)
def test_containers_with_anything_in_their_headers_are_messages_or_one_error(
    role: Role, code: int, containers: list[bytes], data: st.DataObject
) -> None:
    survive(connection_of(role, code), data.draw(cut(containers)))


@settings(max_examples=500)
@given(answers(), st.data())
def test_a_spoiled_answer_is_messages_or_one_error(answer: Answer, data: st.DataObject) -> None:
    transfers = list(answer.transfers)
    for _ in range(data.draw(st.integers(1, 3))):
        which = data.draw(st.integers(0, len(transfers) - 1))
        spoiled = bytearray(transfers[which])
        start = data.draw(st.integers(0, len(spoiled)))
        spoiled[start : start + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
        transfers[which] = bytes(spoiled)
    survive(asked(), data.draw(cut(transfers)))


@settings(max_examples=200)
@given(answers(), st.data())
def test_an_answer_that_stops_says_what_came(answer: Answer, data: st.DataObject) -> None:
    reads = data.draw(cut(answer.transfers))
    heard = listen(asked(), *reads[: data.draw(st.integers(0, len(reads)))])
    expected = answer.messages[: len(heard)]
    if heard and isinstance(heard[-1], Data):
        last, whole = heard.pop(), expected.pop()
        assert isinstance(last, Data)
        assert isinstance(whole, Data)
        assert bytes(whole.payload).startswith(bytes(last.payload))
    assert heard == expected

"""USB containers, one rule at a time.

The rules: camfs/protocols/ptp/README.md, "USB containers"; camfs/protocols/ptp/README.md, "Packets and zero-length packets";
camfs/protocols/ptp/README.md, "Sessions and transaction ids".
"""

import tracemalloc
from collections.abc import Sequence

import pytest

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.ptp.codes import Operation, ResponseCode
from camfs.protocols.ptp.containers import UsbConnection
from camfs.protocols.ptp.messages import Data, DataEnd, DataStart, Message, Request, Response, Role
from tests.protocols.ptp.dialogue import COMMAND, DATA, EVENT, RESPONSE, Dialogue, Read, container, listen, words

OK = int(ResponseCode.OK)
GET = int(Operation.GetObject)
SET = int(Operation.SetDevicePropValue)
UNKNOWN = 0xFFFFFFFF

DATA_OF_7 = container(DATA, GET, 7, b"payload")
RESPONSE_TO_7 = container(RESPONSE, OK, 7)
WHOLE_ANSWER = [DataStart(GET, 7, 7), Data(b"payload"), DataEnd(), Response(OK, 7)]


def asked(code: int = GET, transaction_id: int = 7, packet: int = 512) -> UsbConnection:
    """Return an initiator that has sent a request."""
    initiator = UsbConnection(Role.INITIATOR, packet)
    initiator.send(Request(code, transaction_id))
    return initiator


def whole(*transfers: bytes) -> list[Read]:
    """Read each transfer at once."""
    return [(transfer, True) for transfer in transfers]


def is_dead(connection: UsbConnection) -> bool:
    """Say whether a codec refuses everything, with the same error each time, whatever else it receives."""
    errors = []
    for data in (b"", RESPONSE_TO_7, b"\xff" * 100):
        connection.receive(data, True)
        with pytest.raises(RemoteProtocolError) as caught:
            connection.next_message()
        errors.append(str(caught.value))
    return len(set(errors)) == 1


def dies_of(connection: UsbConnection, *reads: Read) -> bool:
    """Say whether a codec raises on these reads, and is dead then."""
    with pytest.raises(RemoteProtocolError):
        listen(connection, *reads)
    return is_dead(connection)


# vectors worked out by hand


@pytest.mark.parametrize(
    ("role", "message", "encoded"),
    [
        (Role.INITIATOR, Request(0x1002, 0, (1,)), "10 00 00 00 01 00 02 10 00 00 00 00 01 00 00 00"),
        (Role.INITIATOR, Request(0x1001, 1), "0c 00 00 00 01 00 01 10 01 00 00 00"),
        (
            Role.INITIATOR,
            Request(0x101B, 7, (3, 0, 1 << 20)),
            "18 00 00 00 01 00 1b 10 07 00 00 00 03 00 00 00 00 00 00 00 00 00 10 00",
        ),
        (
            Role.INITIATOR,
            Request(0x9805, 0xFFFFFFFE, (0, 0, 0xFFFFFFFF, 0, 1)),
            "20 00 00 00 01 00 05 98 fe ff ff ff 00 00 00 00 00 00 00 00 ff ff ff ff 00 00 00 00 01 00 00 00",
        ),
        (Role.RESPONDER, Response(0x2001, 0), "0c 00 00 00 03 00 01 20 00 00 00 00"),
        (Role.RESPONDER, Response(0x2001, 7, (65536,)), "10 00 00 00 03 00 01 20 07 00 00 00 00 00 01 00"),
    ],
)
def test_a_container_byte_for_byte(role: Role, message: Request | Response, encoded: str) -> None:
    data = bytes.fromhex(encoded)
    assert UsbConnection(role).send(message) == [data]
    if isinstance(message, Response):
        assert listen(asked(GET, message.transaction_id), (data, True)) == [message]
    else:
        assert listen(UsbConnection(Role.RESPONDER), (data, True)) == [message]


def test_a_data_container_of_a_sigma_fp() -> None:
    # 48 00 00 00 02 00 2d 90 50 00 00 00: GetPictFileInfo2, 60 bytes, transaction 0x50
    header = bytes.fromhex("48 00 00 00 02 00 2d 90 50 00 00 00")
    assert listen(asked(0x902D, 0x50), (header + bytes(60), True)) == [
        DataStart(0x902D, 0x50, 60),
        Data(bytes(60)),
        DataEnd(),
    ]
    responder = UsbConnection(Role.RESPONDER)
    messages = (DataStart(0x902D, 0x50, 60), Data(bytes(60)), DataEnd())
    assert b"".join(write for message in messages for write in responder.send(message)) == header + bytes(60)


# whole transactions


@pytest.mark.parametrize("read_size", [1, 7, 12, 13, 512, 1 << 20])
@pytest.mark.parametrize("split_header", [False, True])
def test_a_transaction_whose_data_come_in(read_size: int, split_header: bool) -> None:
    dialogue = Dialogue(read_size=read_size, split_header=split_header)
    for transaction_id in range(3):
        request = Request(GET, transaction_id, (3,))
        answer: list[Message] = [
            DataStart(GET, transaction_id, 1000),
            Data(b"x" * 1000),
            DataEnd(),
            Response(OK, transaction_id, (1000,)),
        ]
        assert dialogue.ask(request) == [request]
        assert dialogue.answer(*answer) == answer


@pytest.mark.parametrize("read_size", [1, 7, 12, 13, 512, 1 << 20])
def test_a_transaction_whose_data_go_out(read_size: int) -> None:
    dialogue = Dialogue(read_size=read_size)
    for transaction_id in range(3):
        request = Request(SET, transaction_id, (0x5001,))
        sent: list[Message] = [request, DataStart(SET, transaction_id, 4), Data(b"abcd"), DataEnd()]
        assert dialogue.ask(*sent) == sent
        assert dialogue.answer(Response(OK, transaction_id)) == [Response(OK, transaction_id)]


def test_a_response_in_place_of_data() -> None:
    dialogue = Dialogue()
    dialogue.ask(Request(GET, 7, (3,)))
    assert dialogue.answer(Response(0x2009, 7)) == [Response(0x2009, 7)]
    dialogue.ask(Request(GET, 8, (4,)))
    assert dialogue.answer(DataStart(GET, 8, 0), DataEnd(), Response(OK, 8)) == [
        DataStart(GET, 8, 0),
        DataEnd(),
        Response(OK, 8),
    ]


def test_data_and_response_in_one_read() -> None:
    assert listen(asked(), (DATA_OF_7 + RESPONSE_TO_7, True)) == WHOLE_ANSWER


def test_requests_in_one_transfer() -> None:
    transfer = container(COMMAND, GET, 1, words(3)) + container(COMMAND, GET, 2, words(4))
    for at in range(len(transfer) + 1):
        reads = [(transfer[:at], False), (transfer[at:], True)]
        assert listen(UsbConnection(Role.RESPONDER), *reads) == [Request(GET, 1, (3,)), Request(GET, 2, (4,))]


def test_a_stale_response_and_the_answer_in_one_transfer() -> None:
    transfer = container(RESPONSE, OK, 6, words(1)) + DATA_OF_7 + RESPONSE_TO_7
    for at in range(len(transfer) + 1):
        assert listen(asked(), (transfer[:at], False), (transfer[at:], False), (b"", True)) == WHOLE_ANSWER


def test_an_initiator_that_has_asked_nothing_hears_nothing() -> None:
    initiator = UsbConnection(Role.INITIATOR)
    assert listen(initiator, *whole(b"", RESPONSE_TO_7)) == []
    initiator.send(Request(GET, 7))
    assert listen(initiator) == [Response(OK, 7)]


def test_after_the_response_nothing_is_heard_until_the_next_request() -> None:
    initiator = asked()
    assert listen(initiator, *whole(RESPONSE_TO_7, RESPONSE_TO_7, b"\xff" * 100)) == [Response(OK, 7)]
    assert initiator.next_message() is None
    initiator.send(Request(GET, 8))
    with pytest.raises(RemoteProtocolError):
        listen(initiator)


def test_payload_left_counts_down() -> None:
    initiator = asked()
    assert initiator.payload_left == 0
    listen(initiator, (DATA_OF_7[:5], False))
    assert initiator.payload_left == 0
    listen(initiator, (DATA_OF_7[5:12], False))
    assert initiator.payload_left == 7
    listen(initiator, (DATA_OF_7[12:15], False))
    assert initiator.payload_left == 4
    listen(initiator, (DATA_OF_7[15:], True))
    assert initiator.payload_left == 0
    listen(initiator, (RESPONSE_TO_7, True))
    initiator.send(Request(GET, 8))
    listen(initiator, (container(DATA, GET, 8, b"x" * 500, UNKNOWN), False))
    assert initiator.payload_left is None
    listen(initiator, (b"", True))
    assert initiator.payload_left == 0


def test_payload_may_come_as_a_view() -> None:
    initiator = asked()
    initiator.receive(memoryview(bytearray(DATA_OF_7 + RESPONSE_TO_7)), True)
    assert listen(initiator) == WHOLE_ANSWER


# what may be sent


IDLE: Sequence[Message] = ()
SENDING: Sequence[Message] = (DataStart(SET, 7, 4),)


@pytest.mark.parametrize(
    ("role", "before", "wrong"),
    [
        (Role.INITIATOR, IDLE, Response(OK, 7)),
        (Role.RESPONDER, IDLE, Request(GET, 7)),
        (Role.INITIATOR, IDLE, Data(b"abcd")),
        (Role.INITIATOR, IDLE, DataEnd()),
        (Role.RESPONDER, IDLE, Data(b"abcd")),
        (Role.RESPONDER, IDLE, DataEnd()),
        (Role.INITIATOR, SENDING, Request(GET, 8)),
        (Role.RESPONDER, SENDING, Response(OK, 7)),
        (Role.RESPONDER, SENDING, DataStart(SET, 7, 4)),
        (Role.RESPONDER, SENDING, Data(b"abcde")),
        (Role.RESPONDER, SENDING, DataEnd()),
        (Role.RESPONDER, (*SENDING, Data(b"ab")), Data(b"cde")),
        (Role.RESPONDER, (*SENDING, Data(b"ab")), DataEnd()),
        (Role.INITIATOR, IDLE, Request(GET, 8, (1, 2, 3, 4, 5, 6))),
        (Role.INITIATOR, IDLE, Request(GET, 8, (1 << 32,))),
        (Role.INITIATOR, IDLE, Request(GET, 8, (-1,))),
        (Role.INITIATOR, IDLE, Request(1 << 16, 8)),
        (Role.INITIATOR, IDLE, Request(GET, 1 << 32)),
        (Role.RESPONDER, IDLE, Response(OK, 7, (1, 2, 3, 4, 5, 6))),
        (Role.RESPONDER, IDLE, Response(-1, 7)),
        (Role.RESPONDER, IDLE, DataStart(1 << 16, 7, 4)),
        (Role.RESPONDER, IDLE, DataStart(SET, -1, 4)),
        (Role.RESPONDER, IDLE, DataStart(SET, 7, -1)),
        (Role.RESPONDER, IDLE, DataStart(SET, 7, -13)),
        (Role.RESPONDER, IDLE, DataStart(SET, 1 << 32, None)),
    ],
)
def test_what_may_not_be_sent_is_refused_and_changes_nothing(
    role: Role, before: Sequence[Message], wrong: Message
) -> None:
    dialogue = Dialogue()
    dialogue.ask(Request(SET, 7))
    if role is Role.RESPONDER or before:
        dialogue.say(*before, by=role)
    with pytest.raises(LocalProtocolError):
        dialogue.say(wrong, by=role)
    sent = b"".join(message.payload for message in before if isinstance(message, Data))
    messages = (Data(b"abcd"[len(sent) :]), DataEnd()) if before else (DataStart(SET, 7, 4), Data(b"abcd"), DataEnd())
    assert dialogue.say(*messages, by=role) == [DataStart(SET, 7, 4), Data(b"abcd"), DataEnd()]
    assert dialogue.answer(Response(OK, 7)) == [Response(OK, 7)]


def test_a_request_that_was_refused_awaits_no_answer() -> None:
    initiator = UsbConnection(Role.INITIATOR)
    with pytest.raises(LocalProtocolError):
        initiator.send(Request(GET, 7, (1, 2, 3, 4, 5, 6)))
    assert listen(initiator, (RESPONSE_TO_7, True)) == []


def test_a_request_is_refused_while_a_payload_comes_in() -> None:
    initiator = asked()
    assert listen(initiator, (DATA_OF_7[:15], False)) == [DataStart(GET, 7, 7), Data(b"pay")]
    with pytest.raises(LocalProtocolError):
        initiator.send(Request(GET, 8))
    assert listen(initiator, *whole(DATA_OF_7[15:], RESPONSE_TO_7)) == [Data(b"load"), DataEnd(), Response(OK, 7)]
    initiator.send(Request(GET, 8))


# split headers


def test_a_header_in_a_transfer_of_its_own() -> None:
    initiator = asked()
    assert not initiator.split_header
    assert listen(initiator, *whole(DATA_OF_7[:12], DATA_OF_7[12:], RESPONSE_TO_7)) == WHOLE_ANSWER
    assert initiator.split_header


def test_whoever_receives_split_headers_sends_them() -> None:
    dialogue = Dialogue(split_header=True)
    dialogue.ask(Request(GET, 1))
    dialogue.answer(DataStart(GET, 1, 3), Data(b"abc"), DataEnd(), Response(OK, 1))
    assert dialogue.written == [container(DATA, GET, 1, b"", 15), b"abc", container(RESPONSE, OK, 1)]
    messages: list[Message] = [Request(SET, 2), DataStart(SET, 2, 3), Data(b"abc"), DataEnd()]
    assert dialogue.ask(*messages) == messages
    assert dialogue.written == [container(COMMAND, SET, 2), container(DATA, SET, 2, b"", 15), b"abc"]


@pytest.mark.parametrize(
    "reads",
    [
        [(DATA_OF_7[:12], False), (DATA_OF_7[12:], True)],
        [(DATA_OF_7[:12], False), (b"", False), (DATA_OF_7[12:], True)],
        [(DATA_OF_7[:5], False), (DATA_OF_7[5:12], False), (DATA_OF_7[12:], True)],
        [(DATA_OF_7[:13], False), (DATA_OF_7[13:], True)],
        [(DATA_OF_7, True)],
        [(DATA_OF_7, False), (b"", True)],
    ],
)
def test_a_header_cut_from_its_payload_by_a_read_is_not_split(reads: list[Read]) -> None:
    initiator = asked()
    assert listen(initiator, *reads, (RESPONSE_TO_7, True)) == WHOLE_ANSWER
    assert not initiator.split_header


@pytest.mark.parametrize(
    "reads",
    [
        [(DATA_OF_7[:12], False), (b"", True), (DATA_OF_7[12:], True)],
        [(DATA_OF_7[:5], False), (DATA_OF_7[5:12], True), (DATA_OF_7[12:], True)],
        [(DATA_OF_7[:5], False), (DATA_OF_7[5:12], False), (b"", True), (DATA_OF_7[12:], False), (b"", True)],
    ],
)
def test_a_split_header_is_one_however_it_is_read(reads: list[Read]) -> None:
    initiator = asked()
    assert listen(initiator, *reads, (RESPONSE_TO_7, True)) == WHOLE_ANSWER
    assert initiator.split_header


def test_an_empty_data_container_is_not_split() -> None:
    initiator = asked()
    assert listen(initiator, *whole(container(DATA, GET, 7), RESPONSE_TO_7)) == [
        DataStart(GET, 7, 0),
        DataEnd(),
        Response(OK, 7),
    ]
    assert not initiator.split_header
    split = UsbConnection(Role.RESPONDER, split_header=True)
    assert split.send(DataStart(GET, 7, 0)) + split.send(DataEnd()) == [container(DATA, GET, 7)]


def test_a_responder_forgives_split_headers_too() -> None:
    reads = whole(container(COMMAND, SET, 7), container(DATA, SET, 7, b"", 15), b"abc")
    responder = UsbConnection(Role.RESPONDER)
    assert listen(responder, *reads) == [Request(SET, 7), DataStart(SET, 7, 3), Data(b"abc"), DataEnd()]
    assert not responder.split_header


# zero-length packets


@pytest.mark.parametrize("empty", range(1, 4))
def test_left_over_zero_length_packets_mean_nothing(empty: int) -> None:
    zlps = [(b"", True)] * empty
    reads = [*zlps, (DATA_OF_7, True), *zlps, (RESPONSE_TO_7, True), *zlps]
    initiator = asked()
    assert listen(initiator, *reads) == WHOLE_ANSWER
    initiator.send(Request(GET, 8))
    assert listen(initiator, *zlps, (container(RESPONSE, OK, 8), True)) == [Response(OK, 8)]
    responder = UsbConnection(Role.RESPONDER)
    assert listen(responder, *zlps, (container(COMMAND, GET, 1), True), *zlps) == [Request(GET, 1)]


def test_a_device_that_omits_them() -> None:
    dialogue = Dialogue(64, zero_length_packets=False)
    dialogue.ask(Request(GET, 7))
    assert dialogue.answer(DataStart(GET, 7, 64 - 12), Data(bytes(64 - 12)), DataEnd()) == []
    assert dialogue.written == [container(DATA, GET, 7, bytes(64 - 12))]
    # the response goes on in the same transfer
    assert dialogue.answer(Response(OK, 7)) == [
        DataStart(GET, 7, 52),
        Data(bytes(52)),
        DataEnd(),
        Response(OK, 7),
    ]


def test_reads_without_bytes_in_the_middle_of_a_transfer_mean_nothing() -> None:
    nothing = (b"", False)
    reads = [piece for i in range(len(DATA_OF_7)) for piece in (nothing, (DATA_OF_7[i : i + 1], False))]
    assert listen(asked(), *reads, nothing, (b"", True), nothing, (RESPONSE_TO_7, True)) == WHOLE_ANSWER


# the end of a payload


def test_a_payload_is_counted_whatever_its_transfers() -> None:
    data = container(DATA, GET, 7, b"x" * 3000)
    reads = whole(data[:600], data[600:1100], data[1100:2000], data[2000:], RESPONSE_TO_7)
    assert listen(asked(), *reads) == [DataStart(GET, 7, 3000), Data(b"x" * 3000), DataEnd(), Response(OK, 7)]


@pytest.mark.parametrize("surplus", range(1, 12))
@pytest.mark.parametrize("cut", [None, 0, 1])
def test_fewer_than_12_bytes_behind_a_container_are_dropped(surplus: int, cut: int | None) -> None:
    for first, second in ((DATA_OF_7, RESPONSE_TO_7), (container(DATA, GET, 7), RESPONSE_TO_7)):
        data = first + b"\x55" * surplus
        at = None if cut is None else len(first) + cut
        reads = [(data, True)] if at is None else [(data[:at], False), (data[at:], False), (b"", True)]
        assert listen(asked(), *reads, (second, True))[-1] == Response(OK, 7)


def test_surplus_behind_a_response_does_not_disturb_the_next_transaction() -> None:
    initiator = asked()
    assert listen(initiator, (RESPONSE_TO_7 + b"\x55" * 3, True)) == [Response(OK, 7)]
    initiator.send(Request(GET, 8))
    assert listen(initiator, (container(RESPONSE, OK, 8), True)) == [Response(OK, 8)]


def test_surplus_behind_the_payload_of_a_split_header_is_dropped() -> None:
    assert listen(asked(), *whole(DATA_OF_7[:12], DATA_OF_7[12:] + b"\x55" * 5, RESPONSE_TO_7)) == WHOLE_ANSWER


@pytest.mark.parametrize("size", range(1, 12))
def test_a_transfer_too_short_for_a_header_is_an_error(size: int) -> None:
    assert dies_of(asked(), *whole(RESPONSE_TO_7[:size]))
    assert dies_of(asked(), *whole(DATA_OF_7, RESPONSE_TO_7[:size]))
    unknown = container(DATA, GET, 7, b"payload", UNKNOWN)
    assert dies_of(asked(), *whole(unknown, RESPONSE_TO_7[:size]))
    assert dies_of(UsbConnection(Role.RESPONDER), *whole(container(COMMAND, GET, 1)[:size]))


@pytest.mark.parametrize("size", [12, 13, 15])
def test_a_response_cut_among_its_parameters_is_an_error(size: int) -> None:
    response = container(RESPONSE, OK, 7, words(1))[:size]
    assert dies_of(asked(), *whole(response))
    assert dies_of(asked(), *whole(DATA_OF_7, response))
    assert dies_of(asked(), *whole(DATA_OF_7 + response))
    assert dies_of(UsbConnection(Role.RESPONDER), *whole(container(COMMAND, GET, 1, words(1))[:size]))


# unknown length


@pytest.mark.parametrize("read_size", [1, 12, 64, 100, 1 << 20])
@pytest.mark.parametrize("split_header", [False, True])
@pytest.mark.parametrize("size", [0, 1, 51, 52, 53, 64, 116, 128, 1000])
def test_a_payload_of_unknown_length_ends_with_its_transfer(read_size: int, split_header: bool, size: int) -> None:
    dialogue = Dialogue(64, read_size=read_size, split_header=split_header)
    payload = [Data(b"x" * size)] if size else []
    for transaction_id in (7, 8):
        dialogue.ask(Request(GET, transaction_id))
        messages: list[Message] = [
            DataStart(GET, transaction_id, None),
            *payload,
            DataEnd(),
            Response(OK, transaction_id),
        ]
        assert dialogue.answer(*messages) == messages
        assert dialogue.written[0][:4] == b"\xff\xff\xff\xff"


@pytest.mark.parametrize("split_header", [False, True])
@pytest.mark.parametrize("size", [1, 51, 52, 53, 63, 64, 65, 116, 128, 1000])
def test_a_payload_of_unknown_length_has_an_empty_packet_only_where_it_needs_one(size: int, split_header: bool) -> None:
    responder = UsbConnection(Role.RESPONDER, 64, split_header=split_header)
    writes = [*responder.send(DataStart(GET, 7, None)), *responder.send(Data(bytes(size))), *responder.send(DataEnd())]
    last_transfer = size if split_header else size + 12
    assert (writes[-1] == b"") == (last_transfer % 64 == 0)
    assert b"" not in writes[:-1]
    assert b"".join(writes) == container(DATA, GET, 7, bytes(size), UNKNOWN)


def test_a_container_of_unknown_length_and_nothing_else_announces_a_payload() -> None:
    header = container(DATA, GET, 7, b"", UNKNOWN)
    assert listen(asked(), *whole(header, b"payload", RESPONSE_TO_7)) == [DataStart(GET, 7, None), *WHOLE_ANSWER[1:]]
    assert listen(asked(), *whole(header, b"", RESPONSE_TO_7)) == [
        DataStart(GET, 7, None),
        DataEnd(),
        Response(OK, 7),
    ]


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (0xFFFFFFFF - 13, 0xFFFFFFFE),
        (0xFFFFFFFF - 12, UNKNOWN),
        (0xFFFFFFFF - 11, UNKNOWN),
        ((1 << 32) - 1, UNKNOWN),
        (1 << 32, UNKNOWN),
        (5 << 30, UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_lengths_that_do_not_fit_are_unknown_ones(length: int | None, said: int) -> None:
    responder = UsbConnection(Role.RESPONDER, 64)
    (write,) = responder.send(DataStart(GET, 7, length)) + responder.send(Data(bytes(52)))
    assert write == container(DATA, GET, 7, bytes(52), said)
    heard = listen(asked(), (write, False))
    assert heard == [DataStart(GET, 7, None if said == UNKNOWN else length), Data(bytes(52))]


# containers of other transactions


STALE_RESPONSE = container(RESPONSE, 0x2002, 6, words(1, 2))
STALE_DATA = container(DATA, 0x1001, 5, b"stale" * 200)


@pytest.mark.parametrize("count", range(1, 4))
def test_up_to_three_stale_containers_are_dropped(count: int) -> None:
    assert listen(asked(), *whole(*[STALE_RESPONSE] * count, DATA_OF_7, RESPONSE_TO_7)) == WHOLE_ANSWER
    assert listen(asked(), *whole(*[STALE_DATA] * count, DATA_OF_7, RESPONSE_TO_7)) == WHOLE_ANSWER
    assert listen(asked(), *whole(DATA_OF_7, *[STALE_RESPONSE] * count, RESPONSE_TO_7)) == WHOLE_ANSWER


def test_a_fourth_is_an_error() -> None:
    for containers in (
        [STALE_RESPONSE] * 4,
        [STALE_DATA] * 4,
        [STALE_DATA, STALE_RESPONSE] * 2,
        [STALE_RESPONSE] * 3 + [DATA_OF_7, STALE_RESPONSE],
    ):
        assert dies_of(asked(), *whole(*containers, RESPONSE_TO_7))


def test_stale_containers_are_counted_anew_in_each_transaction() -> None:
    initiator = asked()
    for transaction_id in range(7, 12):
        response = container(RESPONSE, OK, transaction_id)
        assert listen(initiator, *whole(*[STALE_RESPONSE] * 3, response)) == [Response(OK, transaction_id)]
        initiator.send(Request(GET, transaction_id + 1))


@pytest.mark.parametrize(
    "stale",
    [
        [(STALE_DATA[:12], True), (STALE_DATA[12:], True)],
        [(STALE_DATA[:300], False), (STALE_DATA[300:], True)],
        [(container(DATA, 0x1001, 5, b"x" * 512, UNKNOWN), False), (b"", True)],
        [(container(DATA, 0x1001, 5, b"", UNKNOWN), True), (b"x" * 512, False), (b"", True)],
        [(container(DATA, 0x1001, 5), True)],
        [(STALE_DATA + STALE_RESPONSE, True)],
        [(STALE_DATA + b"\x55" * 11, True)],
    ],
)
def test_a_stale_payload_is_dropped_to_its_end(stale: list[Read]) -> None:
    initiator = asked()
    assert listen(initiator, *stale, *whole(DATA_OF_7, RESPONSE_TO_7)) == WHOLE_ANSWER
    assert not initiator.split_header


def test_a_header_behind_another_container_is_not_taken_for_a_split_one() -> None:
    initiator = asked()
    reads = whole(STALE_RESPONSE + DATA_OF_7[:12], DATA_OF_7[12:], RESPONSE_TO_7)
    assert listen(initiator, *reads) == WHOLE_ANSWER
    assert not initiator.split_header


def test_a_header_of_unknown_length_behind_another_container_announces_a_payload_too() -> None:
    header = container(DATA, GET, 7, b"", UNKNOWN)
    heard = [DataStart(GET, 7, None), *WHOLE_ANSWER[1:]]
    assert listen(asked(), *whole(STALE_RESPONSE + header, b"payload", RESPONSE_TO_7)) == heard
    assert listen(asked(), *whole(STALE_RESPONSE + header, b"", RESPONSE_TO_7)) == [heard[0], *heard[2:]]


@pytest.mark.parametrize("surplus", [1, 11])
def test_surplus_behind_a_second_container_of_a_transfer_is_dropped(surplus: int) -> None:
    rest = b"\x55" * surplus
    assert listen(asked(), *whole(STALE_RESPONSE + rest, DATA_OF_7, RESPONSE_TO_7)) == WHOLE_ANSWER
    assert listen(asked(), *whole(STALE_RESPONSE + DATA_OF_7 + rest, RESPONSE_TO_7)) == WHOLE_ANSWER


@pytest.mark.parametrize(
    ("expected", "stale"), [(7, 0), (7, 6), (1, 0xFFFFFFFE), (2, 0xFFFFFFFE), (1, 0x80000002), (0xFFFFFFFE, 0x7FFFFFFF)]
)
def test_older_ids_are_older_across_the_wrap(expected: int, stale: int) -> None:
    response = container(RESPONSE, OK, expected)
    assert listen(asked(GET, expected), *whole(container(RESPONSE, OK, stale), response)) == [Response(OK, expected)]
    assert listen(asked(GET, expected), *whole(container(DATA, SET, stale, b"x"), response)) == [Response(OK, expected)]


@pytest.mark.parametrize(("expected", "newer"), [(7, 8), (7, 1000), (0xFFFFFFFE, 1), (0xFFFFFFFD, 0xFFFFFFFE), (0, 1)])
def test_a_newer_id_is_an_error(expected: int, newer: int) -> None:
    assert dies_of(asked(GET, expected), *whole(container(RESPONSE, OK, newer)))
    assert dies_of(asked(GET, expected), *whole(container(DATA, GET, newer, b"x")))


@pytest.mark.parametrize(
    "left_over",
    [
        container(RESPONSE, OK, 1234),
        container(RESPONSE, OK, 0x90000000),
        container(DATA, GET, 1234, b"x" * 100),
        container(DATA, 0x1001, 0, b"x" * 100),
    ],
)
def test_as_the_session_opens_whatever_a_previous_host_left_is_dropped(left_over: bytes) -> None:
    opened = container(RESPONSE, OK, 0)
    for count in range(4):
        assert listen(asked(Operation.OpenSession, 0), *whole(*[left_over] * count, opened)) == [Response(OK, 0)]
    assert dies_of(asked(Operation.OpenSession, 0), *whole(*[left_over] * 4, opened))


def test_a_session_may_be_closed_with_id_0() -> None:
    initiator = asked(Operation.CloseSession, 9)
    assert listen(initiator, *whole(container(RESPONSE, OK, 0))) == [Response(OK, 0)]
    # any other operation takes it for a stale one
    assert listen(asked(), *whole(container(RESPONSE, OK, 0), RESPONSE_TO_7)) == [Response(OK, 7)]


# what data containers may say


def test_a_data_header_without_code_and_id() -> None:
    zero = container(DATA, 0, 0, b"payload")
    assert listen(asked(), *whole(zero, RESPONSE_TO_7)) == WHOLE_ANSWER
    assert listen(asked(), *whole(zero[:12], zero[12:], RESPONSE_TO_7)) == WHOLE_ANSWER
    assert dies_of(asked(), *whole(zero, zero))


def test_a_second_data_container_is_an_error() -> None:
    assert dies_of(asked(), *whole(DATA_OF_7, DATA_OF_7))
    assert dies_of(asked(), *whole(DATA_OF_7 + DATA_OF_7))


def test_data_of_another_operation_are_an_error() -> None:
    assert dies_of(asked(), *whole(container(DATA, 0x1008, 7, b"x"), RESPONSE_TO_7))
    assert dies_of(asked(), *whole(container(DATA, 0, 7, b"x"), RESPONSE_TO_7))


def test_one_transactions_data_do_not_stand_in_the_way_of_the_nexts() -> None:
    initiator = asked()
    listen(initiator, *whole(DATA_OF_7, RESPONSE_TO_7))
    initiator.send(Request(GET, 8))
    assert listen(initiator, *whole(container(DATA, GET, 8, b"x"), container(RESPONSE, OK, 8))) == [
        DataStart(GET, 8, 1),
        Data(b"x"),
        DataEnd(),
        Response(OK, 8),
    ]


# nonsense


@pytest.mark.parametrize("length", [0, 1, 11, 13, 14, 15, 17, 31, 36, 0x10000, 0xFFFFFFFE, UNKNOWN])
def test_a_response_or_request_of_an_impossible_length_is_an_error(length: int) -> None:
    assert dies_of(asked(), *whole(container(RESPONSE, OK, 7, words(1, 2, 3, 4, 5, 6), length)))
    assert dies_of(UsbConnection(Role.RESPONDER), *whole(container(COMMAND, GET, 7, words(1, 2, 3, 4, 5, 6), length)))


@pytest.mark.parametrize("length", [0, 1, 11])
def test_a_data_container_of_an_impossible_length_is_an_error(length: int) -> None:
    assert dies_of(asked(), *whole(container(DATA, GET, 7, b"x", length)))
    assert dies_of(UsbConnection(Role.RESPONDER), *whole(container(DATA, GET, 7, b"x", length)))


@pytest.mark.parametrize("container_type", [0, COMMAND, EVENT, 5, 0x0100, 0xFFFF])
def test_an_initiator_takes_data_and_responses_only(container_type: int) -> None:
    assert dies_of(asked(), *whole(container(container_type, OK, 7)))


@pytest.mark.parametrize("container_type", [0, RESPONSE, EVENT, 5, 0x0100, 0xFFFF])
def test_a_responder_takes_data_and_requests_only(container_type: int) -> None:
    assert dies_of(UsbConnection(Role.RESPONDER), *whole(container(container_type, GET, 7)))


def test_a_request_after_the_error_does_not_revive_the_codec() -> None:
    initiator = asked()
    assert dies_of(initiator, *whole(b"\xff" * 100))
    initiator.send(Request(GET, 8))
    assert is_dead(initiator)


def test_what_came_before_the_error_is_heard() -> None:
    initiator = asked()
    initiator.receive(DATA_OF_7 + b"\xff" * 12, True)
    assert [initiator.next_message() for _ in range(3)] == WHOLE_ANSWER[:3]
    assert is_dead(initiator)


def test_a_dead_codec_keeps_nothing() -> None:
    initiator = asked()
    tracemalloc.start()
    try:
        initiator.receive(b"\xff" * 100, True)
        for _ in range(64):
            initiator.receive(bytes(1 << 20), False)
        assert is_dead(initiator)
        for _ in range(64):
            initiator.receive(bytes(1 << 20), False)
        assert tracemalloc.get_traced_memory()[0] < 1 << 20
    finally:
        tracemalloc.stop()


def test_the_error_does_not_grow_with_each_time_it_is_raised() -> None:
    initiator = asked()
    initiator.receive(b"\xff" * 100, True)
    depths = []
    for _ in range(10):
        with pytest.raises(RemoteProtocolError) as caught:
            initiator.next_message()
        depths.append(len(caught.traceback))
    assert max(depths[1:]) == min(depths[1:]) <= depths[0]

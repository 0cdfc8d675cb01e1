"""PTP/IP: every packet byte for byte, what may come when, any chunking, and how much a peer can make a side hold.

The rules: camfs/protocols/ptp/README.md, "PTP/IP".
"""

import itertools
import struct
import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.ptp.codes import EventCode, Operation, ResponseCode
from camfs.protocols.ptp.ip import MAX_EMPTY, MAX_PACKET, PIECE, IpConnection, State
from camfs.protocols.ptp.messages import Data, DataEnd, DataStart, Event, Request, Response, Role
from camfs.protocols.ptp.packets import (
    MAX_NAME,
    Cancel,
    InitCommandAck,
    InitCommandRequest,
    InitEventAck,
    InitEventRequest,
    InitFail,
    IpMessage,
    PacketType,
    ProbeRequest,
    ProbeResponse,
    Reason,
)

OK = int(ResponseCode.OK)
CANCELLED = int(ResponseCode.TransactionCanceled)
GET = int(Operation.GetObject)
SET = int(Operation.SetDevicePropValue)
GUID = bytes(range(16))
GUID_HEX = GUID.hex(" ")
HELLO = InitCommandRequest(GUID, "vm")
WELCOME = InitCommandAck(1, GUID, "cam")


def packet(packet_type: int, body: bytes = b"", length: int | None = None) -> bytes:
    """Write a packet; `length` is what it says, if that is not the truth."""
    return struct.pack("<II", 8 + len(body) if length is None else length, packet_type) + body


def numbers(layout: str, *values: int) -> bytes:
    return struct.pack(f"<{layout}", *values)


def sent(connection: IpConnection, *messages: IpMessage) -> bytes:
    return b"".join(connection.send(*messages))


def hear(connection: IpConnection, *reads: bytes) -> list[IpMessage]:
    """Let a codec receive reads, and return what it heard, with neighbouring pieces of payload joined."""
    heard: list[IpMessage] = []
    for data in reads:
        connection.receive(data)
        while (message := connection.next_message()) is not None:
            if isinstance(message, Data):
                assert len(message.payload), "an empty piece of payload"
                if heard and isinstance(before := heard[-1], Data):
                    heard[-1] = Data(bytes(before.payload) + bytes(message.payload))
                    continue
                message = Data(bytes(message.payload))
            heard.append(message)
    return heard


def command(role: Role) -> IpConnection:
    """Return a side of a connection for commands, after the handshake."""
    return _joined(role, HELLO, WELCOME)


def event(role: Role) -> IpConnection:
    """Return a side of a connection for events, after the handshake."""
    return _joined(role, InitEventRequest(1), InitEventAck())


def _joined(role: Role, request: IpMessage, answer: IpMessage) -> IpConnection:
    initiator, responder = IpConnection(Role.INITIATOR), IpConnection(Role.RESPONDER)
    assert hear(responder, sent(initiator, request)) == [request]
    assert hear(initiator, sent(responder, answer)) == [answer]
    return initiator if role is Role.INITIATOR else responder


def asked(code: int = GET, transaction_id: int = 7) -> IpConnection:
    """Return an initiator that has sent a request."""
    initiator = command(Role.INITIATOR)
    initiator.send(Request(code, transaction_id))
    return initiator


def dies_of(connection: IpConnection, *reads: bytes) -> str:
    """Have a codec raise on these reads; then it refuses everything, with the same error. Return that."""
    with pytest.raises(RemoteProtocolError) as caught:
        hear(connection, *reads)
    for data in (b"", packet(PacketType.PROBE_REQUEST), b"\xff" * 100):
        connection.receive(data)
        with pytest.raises(RemoteProtocolError) as again:
            connection.next_message()
        assert str(again.value) == str(caught.value)
    return str(caught.value)


START_4 = packet(9, numbers("IQ", 7, 4))
END_4 = packet(12, numbers("I", 7) + b"abcd")
DONE = packet(7, numbers("HI", OK, 7))
WHOLE_ANSWER = [DataStart(GET, 7, 4), Data(b"abcd"), DataEnd(), Response(OK, 7)]


# every packet, byte for byte


@pytest.mark.parametrize(
    ("by", "message", "encoded"),
    [
        (
            IpConnection(Role.INITIATOR),
            HELLO,
            f"22 00 00 00 01 00 00 00 {GUID_HEX} 76 00 6d 00 00 00 00 00 01 00",
        ),
        (IpConnection(Role.INITIATOR), InitEventRequest(1), "0c 00 00 00 03 00 00 00 01 00 00 00"),
        (command(Role.INITIATOR), Cancel(9), "0c 00 00 00 0b 00 00 00 09 00 00 00"),
        (event(Role.INITIATOR), Cancel(9), "0c 00 00 00 0b 00 00 00 09 00 00 00"),
        (event(Role.INITIATOR), ProbeRequest(), "08 00 00 00 0d 00 00 00"),
        (event(Role.RESPONDER), ProbeResponse(), "08 00 00 00 0e 00 00 00"),
        (
            command(Role.INITIATOR),
            Request(0x1002, 0, (1,)),
            "16 00 00 00 06 00 00 00 01 00 00 00 02 10 00 00 00 00 01 00 00 00",
        ),
        (command(Role.INITIATOR), Request(0x1001, 1), "12 00 00 00 06 00 00 00 01 00 00 00 01 10 01 00 00 00"),
        (
            command(Role.INITIATOR),
            Request(0x9805, 0xFFFFFFFE, (0, 0, 0xFFFFFFFF, 0, 1)),
            "26 00 00 00 06 00 00 00 01 00 00 00 05 98 fe ff ff ff"
            " 00 00 00 00 00 00 00 00 ff ff ff ff 00 00 00 00 01 00 00 00",
        ),
        (command(Role.RESPONDER), Response(0x2001, 0), "0e 00 00 00 07 00 00 00 01 20 00 00 00 00"),
        (
            command(Role.RESPONDER),
            Response(0x2001, 7, (65536,)),
            "12 00 00 00 07 00 00 00 01 20 07 00 00 00 00 00 01 00",
        ),
        (
            event(Role.RESPONDER),
            Event(0x4002, 0xFFFFFFFF, (5,)),
            "12 00 00 00 08 00 00 00 02 40 ff ff ff ff 05 00 00 00",
        ),
        (
            command(Role.RESPONDER),
            DataStart(GET, 1, 4),
            "14 00 00 00 09 00 00 00 01 00 00 00 04 00 00 00 00 00 00 00",
        ),
        (
            command(Role.RESPONDER),
            DataStart(GET, 1, 5 << 30),
            "14 00 00 00 09 00 00 00 01 00 00 00 00 00 00 40 01 00 00 00",
        ),
        (
            command(Role.RESPONDER),
            DataStart(GET, 1, None),
            "14 00 00 00 09 00 00 00 01 00 00 00 ff ff ff ff ff ff ff ff",
        ),
    ],
)
def test_a_packet_byte_for_byte(by: IpConnection, message: IpMessage, encoded: str) -> None:
    assert sent(by, message).hex(" ") == encoded


@pytest.mark.parametrize(
    ("asks", "message", "encoded"),
    [
        (
            HELLO,
            InitCommandAck(0x01020304, GUID, "Ö"),
            f"24 00 00 00 02 00 00 00 04 03 02 01 {GUID_HEX} d6 00 00 00 00 00 01 00",
        ),
        (HELLO, InitFail(Reason.BUSY), "0c 00 00 00 05 00 00 00 02 00 00 00"),
        (InitEventRequest(1), InitEventAck(), "08 00 00 00 04 00 00 00"),
        (InitEventRequest(1), InitFail(Reason.REJECTED), "0c 00 00 00 05 00 00 00 01 00 00 00"),
    ],
)
def test_an_answer_of_the_handshake(asks: IpMessage, message: IpMessage, encoded: str) -> None:
    initiator, responder = IpConnection(Role.INITIATOR), IpConnection(Role.RESPONDER)
    hear(responder, sent(initiator, asks))
    data = sent(responder, message)
    assert data.hex(" ") == encoded
    assert hear(initiator, data) == [message]
    assert initiator.state is responder.state


@pytest.mark.parametrize(
    ("length", "pieces", "encoded"),
    [
        (4, [b"abcd"], "10 00 00 00 0c 00 00 00 07 00 00 00 61 62 63 64"),
        (4, [b"ab", b"cd"], "0e 00 00 00 0a 00 00 00 07 00 00 00 61 62 0e 00 00 00 0c 00 00 00 07 00 00 00 63 64"),
        (0, [], "0c 00 00 00 0c 00 00 00 07 00 00 00"),
        (0, [b""], "0c 00 00 00 0c 00 00 00 07 00 00 00"),
        (None, [b"ab"], "0e 00 00 00 0a 00 00 00 07 00 00 00 61 62 0c 00 00 00 0c 00 00 00 07 00 00 00"),
    ],
)
def test_the_last_bytes_are_in_the_last_packet(length: int | None, pieces: list[bytes], encoded: str) -> None:
    responder = command(Role.RESPONDER)
    responder.send(DataStart(GET, 7, length))
    assert sent(responder, *map(Data, pieces), DataEnd()).hex(" ") == encoded


def test_a_long_payload_is_sent_in_pieces() -> None:
    responder = command(Role.RESPONDER)
    responder.send(DataStart(GET, 7, 2 * PIECE + 1))
    data = sent(responder, Data(bytes(2 * PIECE + 1)), DataEnd())
    assert len(data) == 3 * 12 + 2 * PIECE + 1
    assert data[:8] == numbers("II", 12 + PIECE, 10)
    assert data[-13:-1] == numbers("III", 13, 12, 7)


def test_a_request_says_that_data_go_with_it() -> None:
    initiator, responder = command(Role.INITIATOR), command(Role.RESPONDER)
    data = sent(initiator, Request(SET, 7, (0x5005,)), DataStart(SET, 7, 2), Data(b"\2\0"), DataEnd())
    assert data[8:12] == numbers("I", 2)
    connection = responder
    connection.receive(data[:22])
    assert connection.next_message() == Request(SET, 7, (0x5005,))
    assert connection.awaits_data
    assert hear(connection, data[22:]) == [DataStart(SET, 7, 2), Data(b"\2\0"), DataEnd()]
    assert not connection.awaits_data


# names


@pytest.mark.parametrize("name", ["", "x", "Kamera Ö", "\N{CAMERA}", "n" * MAX_NAME])
def test_names(name: str) -> None:
    message = InitCommandRequest(GUID, name)
    assert hear(IpConnection(Role.RESPONDER), sent(IpConnection(Role.INITIATOR), message)) == [message]


@pytest.mark.parametrize(
    "message", [InitCommandRequest(GUID, "n" * 40), InitCommandRequest(GUID, "a\0b"), InitCommandRequest(GUID[1:], "a")]
)
def test_what_is_no_name_or_guid(message: InitCommandRequest) -> None:
    with pytest.raises(LocalProtocolError):
        IpConnection(Role.INITIATOR).send(message)


@pytest.mark.parametrize(
    ("tail", "name", "version"),
    [
        ("76 00 6d 00 00 00 00 00 01 00", "vm", 0x10000),
        ("76 00 6d 00 00 00", "vm", 0),
        ("76 00 6d 00 00 00 01", "vm", 0),
        ("76 00 6d 00", "vm", 0),
        ("76 00 6d", "v\ufffd", 0),
        ("00 d8 00 00", "\ufffd", 0),
        ("", "", 0),
    ],
)
def test_names_as_cameras_may_write_them(tail: str, name: str, version: int) -> None:
    data = packet(1, GUID + bytes.fromhex(tail))
    assert hear(IpConnection(Role.RESPONDER), data) == [InitCommandRequest(GUID, name, version)]


# the handshake


@pytest.mark.parametrize("reason", [1, 2, 3, 77])
def test_a_connection_that_is_not_taken(reason: int) -> None:
    initiator = IpConnection(Role.INITIATOR)
    initiator.send(HELLO)
    assert hear(initiator, packet(5, numbers("I", reason))) == [InitFail(reason)]
    assert initiator.state is State.FAILED
    with pytest.raises(LocalProtocolError):
        initiator.send(Request(GET, 1))
    dies_of(initiator, DONE)


def test_a_failure_without_a_reason() -> None:
    initiator = IpConnection(Role.INITIATOR)
    initiator.send(HELLO)
    assert hear(initiator, packet(5)) == [InitFail(Reason.UNSPECIFIED)]


def test_what_follows_the_handshake_in_the_same_bytes() -> None:
    responder = IpConnection(Role.RESPONDER)
    request = packet(6, numbers("IHI", 1, GET, 7))
    responder.receive(sent(IpConnection(Role.INITIATOR), HELLO) + request)
    assert responder.next_message() == HELLO
    responder.send(WELCOME)
    assert responder.next_message() == Request(GET, 7)


@pytest.mark.parametrize(
    ("connection", "message"),
    [
        (IpConnection(Role.INITIATOR), Request(GET, 1)),
        (IpConnection(Role.INITIATOR), WELCOME),
        (IpConnection(Role.INITIATOR), ProbeRequest()),
        (IpConnection(Role.RESPONDER), WELCOME),
        (IpConnection(Role.RESPONDER), HELLO),
        (command(Role.INITIATOR), HELLO),
        (command(Role.INITIATOR), Response(OK, 1)),
        (command(Role.INITIATOR), Data(b"x")),
        (command(Role.INITIATOR), DataEnd()),
        (command(Role.RESPONDER), Request(GET, 1)),
        (command(Role.RESPONDER), Event(0x4002, 1)),
        (event(Role.RESPONDER), Response(OK, 1)),
        (event(Role.INITIATOR), Event(0x4002, 1)),
        (event(Role.INITIATOR), Request(GET, 1)),
        (command(Role.INITIATOR), Request(GET, 1, (0,) * 6)),
        (command(Role.INITIATOR), Request(GET, 1, (1 << 32,))),
        (command(Role.INITIATOR), Request(GET, 1 << 32)),
        (command(Role.INITIATOR), Request(1 << 16, 1)),
        (command(Role.RESPONDER), DataStart(GET, 1, 1 << 64)),
        (command(Role.RESPONDER), DataStart(GET, 1, -1)),
    ],
)
def test_what_cannot_be_sent(connection: IpConnection, message: IpMessage) -> None:
    with pytest.raises(LocalProtocolError):
        connection.send(message)


def test_a_payload_must_be_what_was_announced() -> None:
    responder = command(Role.RESPONDER)
    responder.send(DataStart(GET, 7, 4), Data(b"abc"))
    for message in (Data(b"de"), DataEnd(), Response(OK, 7), DataStart(GET, 7, 1)):
        with pytest.raises(LocalProtocolError):
            responder.send(message)
    assert sent(responder, Data(b"d"), DataEnd(), Response(OK, 7)) == packet(12, numbers("I", 7) + b"d") + DONE


# transactions


def test_an_answer() -> None:
    assert hear(asked(), START_4 + END_4 + DONE) == WHOLE_ANSWER


@pytest.mark.parametrize(
    "packets",
    [
        [packet(10, numbers("I", 7) + b"ab"), packet(10, numbers("I", 7)), packet(12, numbers("I", 7) + b"cd")],
        [packet(10, numbers("I", 7) + b"abcd"), packet(12, numbers("I", 7))],
        [packet(10, numbers("I", 7) + b"abcd")],  # no EndData
    ],
)
def test_ways_to_send_the_same(packets: list[bytes]) -> None:
    assert hear(asked(), START_4, *packets, DONE) == WHOLE_ANSWER


def test_no_data_without_an_end() -> None:
    """libgphoto2 does not wait for an EndData of nothing, so there will be cameras that send none."""
    start = packet(9, numbers("IQ", 7, 0))
    expected = [DataStart(GET, 7, 0), DataEnd(), Response(OK, 7)]
    assert hear(asked(), start + DONE) == expected
    assert hear(asked(), start + packet(12, numbers("I", 7)) + DONE) == expected


def test_data_of_unknown_length() -> None:
    start = packet(9, numbers("IQ", 7, (1 << 64) - 1))
    assert hear(asked(), start + END_4 + DONE) == [DataStart(GET, 7, None), *WHOLE_ANSWER[1:]]
    dies_of(asked(), start + packet(10, numbers("I", 7) + b"abcd") + DONE)


def test_five_gigabytes_are_a_number_like_others() -> None:
    initiator = asked()
    start = packet(9, numbers("IQ", 7, 5 << 30))
    assert hear(initiator, start) == [DataStart(GET, 7, 5 << 30)]
    piece = packet(10, numbers("I", 7), (4 << 30) - 1)
    assert hear(initiator, piece) == []
    assert hear(initiator, b"x" * 5) == [Data(b"xxxxx")]


def test_a_refusal_in_place_of_data_and_in_the_midst_of_them() -> None:
    refusal = packet(7, numbers("HII", 0x2009, 7, 3))
    assert hear(asked(), refusal) == [Response(0x2009, 7, (3,))]
    assert hear(asked(), START_4, packet(10, numbers("I", 7) + b"ab"), refusal) == [
        DataStart(GET, 7, 4),
        Data(b"ab"),
        DataEnd(),
        Response(0x2009, 7, (3,)),
    ]
    assert hear(asked(), START_4, packet(12, numbers("I", 7) + b"ab"), refusal)[-2:] == [
        DataEnd(),
        Response(0x2009, 7, (3,)),
    ]


@pytest.mark.parametrize("packet_type", [10, 12])
def test_a_payload_that_ends_early_is_passed_on_as_it_is(packet_type: int) -> None:
    """Whoever receives it has the announced length, and counts."""
    heard = hear(asked(), START_4, packet(packet_type, numbers("I", 7) + b"abc"), DONE)
    assert heard == [DataStart(GET, 7, 4), Data(b"abc"), DataEnd(), Response(OK, 7)]


def test_a_payload_of_unknown_length_must_have_an_end() -> None:
    start = packet(9, numbers("IQ", 7, (1 << 64) - 1))
    assert "without an end" in dies_of(asked(), start, packet(10, numbers("I", 7) + b"abc"), DONE)


def test_data_without_a_byte_do_not_go_on_for_ever() -> None:
    """A flood of them says nothing, so nobody would hear of it, and it would keep all else from running."""
    empty, piece = packet(10, numbers("I", 7)), packet(10, numbers("I", 7) + b"a")
    initiator = asked()
    assert hear(initiator, START_4, *[empty * MAX_EMPTY + piece] * 3) == [WHOLE_ANSWER[0], Data(b"aaa")]
    assert "without a byte" in dies_of(initiator, empty * (MAX_EMPTY + 1))


@pytest.mark.parametrize(
    "packets",
    [
        [packet(10, numbers("I", 7) + b"a")],  # without StartData
        [START_4, packet(10, numbers("I", 7) + b"abcde")],
        [START_4, packet(12, numbers("I", 7) + b"abcde")],
        [START_4, packet(10, numbers("I", 8) + b"ab")],
        [START_4, START_4],
        [START_4, END_4, START_4],
        [START_4, packet(7, numbers("HI", OK, 6))],
        [packet(7, numbers("HI", OK, 8))],  # a newer transaction
        [packet(7, numbers("HI", OK, 7) + b"x")],
        [packet(7, numbers("H", OK))],
        [packet(7, numbers("HI6I", OK, 7, *range(6)))],
        [packet(9, numbers("IQI", 7, 4, 0))],
        [packet(6, numbers("IHI", 1, GET, 7))],  # for the other side
        [packet(8, numbers("HI", 0x4002, 7))],  # for the other connection
        [packet(15)],
        [packet(0)],
        [packet(7, length=7)],
        [packet(10, length=11)],
        [packet(7, length=MAX_PACKET + 1)],
        [packet(9, length=0xFFFFFFFF)],
        [b"HTTP/1.1 400 Bad Request\r\n"],
    ],
)
def test_what_no_camera_says(packets: list[bytes]) -> None:
    dies_of(asked(), *packets)


def test_an_old_transaction_is_forgiven_three_times() -> None:
    old = packet(7, numbers("HI", OK, 6))
    old_data = packet(9, numbers("IQ", 5, 3)) + packet(12, numbers("I", 5) + b"old")
    assert hear(asked(), old, old_data, old, START_4, END_4, DONE) == WHOLE_ANSWER
    dies_of(asked(), old, old_data, old, old)


def test_an_old_answer_may_have_been_cut() -> None:
    old = packet(9, numbers("IQ", 5, 30)) + packet(10, numbers("I", 5) + b"old")
    assert hear(asked(), old + packet(7, numbers("HI", 0x2002, 5)) + START_4 + END_4 + DONE) == WHOLE_ANSWER


def test_as_the_session_opens_anything_is_old() -> None:
    initiator = asked(Operation.OpenSession, 0)
    assert hear(initiator, packet(7, numbers("HI", OK, 4711)), packet(7, numbers("HI", OK, 0))) == [Response(OK, 0)]


def test_close_session_answered_with_id_0() -> None:
    assert hear(asked(Operation.CloseSession), packet(7, numbers("HI", OK, 0))) == [Response(OK, 0)]
    assert hear(asked(Operation.GetObject), packet(7, numbers("HI", OK, 0))) == []  # an old one


@pytest.mark.parametrize(
    "packets",
    [
        [packet(9, numbers("IQ", 7, 4))],  # before any request
        [packet(6, numbers("IHI", 2, SET, 7)), packet(9, numbers("IQ", 8, 4))],
        [packet(6, numbers("IHI", 2, SET, 7)), START_4, packet(12, numbers("I", 7) + b"abc")],
        [packet(6, numbers("IH", 1, SET))],
        [DONE],
    ],
)
def test_what_no_initiator_says(packets: list[bytes]) -> None:
    dies_of(command(Role.RESPONDER), *packets)


# Cancel, Probe, events


def test_cancelling_data_that_come() -> None:
    initiator, responder = asked(), command(Role.RESPONDER)
    hear(initiator, sent(responder, DataStart(GET, 7, 100), Data(b"ab")))
    assert hear(initiator, sent(responder, Response(CANCELLED, 7))) == [DataEnd(), Response(CANCELLED, 7)]
    assert not initiator.under_way


def test_a_camera_that_marks_the_end_of_cancelled_data() -> None:
    initiator = asked()
    hear(initiator, START_4, packet(10, numbers("I", 7) + b"ab"))
    cancelled = packet(7, numbers("HI", CANCELLED, 7))
    assert hear(initiator, packet(11, numbers("I", 7)), cancelled) == [Cancel(7), Response(CANCELLED, 7)]


def test_cancelling_data_that_go() -> None:
    initiator, responder = command(Role.INITIATOR), command(Role.RESPONDER)
    hear(responder, sent(initiator, Request(SET, 7), DataStart(SET, 7, 10), Data(b"ab")))
    assert responder.awaits_data
    assert hear(responder, sent(initiator, Cancel(7))) == [Cancel(7)]
    assert not responder.awaits_data
    assert hear(initiator, sent(responder, Response(CANCELLED, 7))) == [Response(CANCELLED, 7)]
    again = sent(initiator, Request(SET, 8), DataStart(SET, 8, 1), Data(b"x"), DataEnd())
    assert hear(responder, again) == [Request(SET, 8), DataStart(SET, 8, 1), Data(b"x"), DataEnd()]


def test_the_event_connection() -> None:
    initiator, responder = event(Role.INITIATOR), event(Role.RESPONDER)
    news: list[IpMessage] = [Event(EventCode.ObjectAdded, 0xFFFFFFFF, (5,)), Event(0xC401, 1), Event(1, 2, (3, 4, 5))]
    messages: list[IpMessage] = [*news, ProbeRequest(), Cancel(3), ProbeResponse()]
    assert hear(initiator, sent(responder, *messages)) == messages
    assert hear(responder, sent(initiator, *messages[3:])) == messages[3:]


def test_a_probe_between_data() -> None:
    initiator = asked()
    assert hear(initiator, START_4, packet(13), END_4, DONE) == [WHOLE_ANSWER[0], ProbeRequest(), *WHOLE_ANSWER[1:]]


# any chunking, any bytes


def conversation() -> tuple[list[IpMessage], bytes, bytes]:
    """Return what is said on a connection for commands: requests with and without data, and both directions' bytes."""
    initiator, responder = command(Role.INITIATOR), command(Role.RESPONDER)
    asks: list[IpMessage] = [Request(GET, 1, (5,)), ProbeResponse()]
    gives: list[IpMessage] = [
        DataStart(GET, 1, 300),
        Data(bytes(range(200))),
        ProbeRequest(),
        Data(bytes(100)),
        DataEnd(),
        Response(OK, 1, (300,)),
    ]
    out = sent(initiator, *asks)
    back = sent(responder, *gives)
    return gives, out, back


@given(st.lists(st.integers(0, 700), max_size=40))
def test_any_chunking_gives_the_same(cuts: list[int]) -> None:
    gives, _, back = conversation()
    places = [0, *sorted(min(cut, len(back)) for cut in cuts), len(back)]
    initiator = asked(GET, 1)
    heard = hear(initiator, *(back[start:end] for start, end in itertools.pairwise(places)))
    assert heard == gives


def test_byte_by_byte() -> None:
    gives, out, back = conversation()
    assert hear(asked(GET, 1), *(bytes([byte]) for byte in back)) == gives
    assert hear(command(Role.RESPONDER), *(bytes([byte]) for byte in out)) == [Request(GET, 1, (5,)), ProbeResponse()]


def all_sides() -> Iterable[IpConnection]:
    """Return codecs in every state."""
    waiting, waiting_for_event = IpConnection(Role.INITIATOR), IpConnection(Role.INITIATOR)
    waiting.send(HELLO)
    waiting_for_event.send(InitEventRequest(1))
    taking = asked()
    hear(taking, packet(9, numbers("IQ", 7, 100)))
    return (
        waiting,
        waiting_for_event,
        asked(),
        taking,
        event(Role.INITIATOR),
        IpConnection(Role.RESPONDER),
        command(Role.RESPONDER),
        event(Role.RESPONDER),
    )


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=60),
            st.builds(packet, st.integers(0, 15), st.binary(max_size=40)),
            st.builds(
                lambda kind, body: packet(kind, numbers("I", 7) + body), st.integers(9, 12), st.binary(max_size=20)
            ),
        ),
        max_size=6,
    )
)
def test_random_bytes_give_messages_or_one_error(reads: list[bytes]) -> None:
    for connection in all_sides():
        try:
            hear(connection, *reads)
        except RemoteProtocolError:
            with pytest.raises(RemoteProtocolError):
                connection.next_message()


def test_what_a_peer_can_make_one_hold() -> None:
    initiator = asked()
    hear(initiator, packet(9, numbers("IQ", 7, (1 << 64) - 1)), packet(10, numbers("I", 7), 0xFFFFFFFF))
    piece = bytes(1 << 16)
    tracemalloc.start()
    for _ in range(1000):
        initiator.receive(piece)
        while initiator.next_message() is not None:
            pass
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1 << 16


def test_payload_is_not_copied() -> None:
    initiator = asked()
    initiator.receive(START_4)
    initiator.receive(END_4)
    initiator.next_message()
    message = initiator.next_message()
    assert isinstance(message, Data)
    assert isinstance(message.payload, memoryview)
    assert message.payload.obj is END_4

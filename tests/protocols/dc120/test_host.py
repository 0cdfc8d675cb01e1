"""The computer's codec against bytes written by hand: answers, sequences, and what a host does about errors."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import CameraError, LocalProtocolError, RemoteProtocolError, TransferTimeout
from camfs.protocols.dc120.commands import TABLE, Code, Command, command
from camfs.protocols.dc120.events import (
    Aborted,
    Accepted,
    Completed,
    Failed,
    HostEvent,
    LineReset,
    Packet,
    Rejected,
    Transmit,
    Working,
)
from camfs.protocols.dc120.frames import Answer, encode_extra, encode_packet
from camfs.protocols.dc120.host import MAX_DISCARD, MAX_NOISE, RETRIES, HostConnection

STATUS = command(Code.GET_STATUS)
COUNT = command(Code.GET_FILE_COUNT, location=0)
NAMES = command(Code.GET_FILE_NAMES, location=0)
FILE = command(Code.GET_MEMORY_FILE, number=1)
FLASH = command(Code.SET_FLASH, flash=1)
SPEED = command(Code.SET_SPEED, speed=0x1152)
TAKE = command(Code.TAKE_PICTURE)
ERASE = command(Code.ERASE, location=0, number=1)
ALBUMS = command(Code.SET_ALBUM_NAMES, bytes(256))
PATH = command(Code.UNKNOWN_99, bytes(58))
READ = command(Code.UNKNOWN_9A, bytes(66))
THUMBNAIL = command(Code.GET_MEMORY_THUMBNAIL, number=1)

ONE, TWO, THREE = (bytes([number]) * 1024 for number in (1, 2, 3))
D1, D2, E1, E2, E3, E4, OK = b"\xd1", b"\xd2", b"\xe1", b"\xe2", b"\xe3", b"\xe4", b"\x00"


class Host:
    """A host's codec whose packets are acknowledged at once, and what it sent."""

    def __init__(self, sent: Command | None = None, packets: int | None = None) -> None:
        self.codec = HostConnection()
        self.sent: list[bytes] = []
        if sent is not None:
            assert self.codec.send(sent, packets) == sent.encode()

    def hear(self, *chunks: bytes, hold: bool = False) -> list[HostEvent]:
        """Give it bytes; return the events, all but `Transmit`."""
        heard: list[HostEvent] = []
        for chunk in chunks or (b"",):
            self.codec.receive(chunk)
            while (event := self.codec.next_event()) is not None:
                if isinstance(event, Transmit):
                    self.sent.append(event.data)
                    continue
                heard.append(event)
                if isinstance(event, Packet) and not hold:
                    self.sent.append(self.codec.acknowledge())
        return heard

    def silence(self) -> list[HostEvent]:
        """Let the line be silent for as long as the codec waits."""
        assert self.codec.patience is not None
        self.codec.time_out()
        return self.hear()

    def taken(self) -> bytes:
        """Return what was sent since this was asked last."""
        sent, self.sent = self.sent, []
        return b"".join(sent)

    def dies(self, *chunks: bytes) -> type[CameraError]:
        """Give it bytes that kill the codec; check that it stays dead, and return the kind of its error."""
        with pytest.raises(CameraError) as caught:
            self.hear(*chunks)
        return self.stays_dead(caught.value)

    def dies_of_silence(self) -> type[CameraError]:
        """The same for silence."""
        with pytest.raises(CameraError) as caught:
            self.silence()
        return self.stays_dead(caught.value)

    def stays_dead(self, error: CameraError) -> type[CameraError]:
        assert self.codec.patience is None
        self.codec.receive(D1)
        self.codec.time_out()
        with pytest.raises(type(error), match=str(error)[:10]):
            self.codec.next_event()
        with pytest.raises(LocalProtocolError):
            self.codec.send(STATUS)
        with pytest.raises(LocalProtocolError):
            self.codec.line_break()
        return type(error)


# commands


@pytest.mark.parametrize("made", [FLASH, TAKE, ERASE], ids=str)
def test_a_command(made: Command) -> None:
    host = Host(made)
    assert host.hear(D1) == [Accepted()]
    assert not host.codec.idle
    assert host.hear(OK) == [Completed()]
    assert host.codec.idle
    assert host.taken() == b""


def test_a_command_that_keeps_the_camera_busy() -> None:
    host = Host(TAKE)
    assert host.hear(D1, b"\x10", b"\xf0", OK) == [
        Accepted(),
        Working(Answer.READY),
        Working(Answer.BUSY),
        Completed(),
    ]


def test_what_comes_after_the_end_is_dropped() -> None:
    host = Host(ERASE)
    assert host.hear(D1 + b"\x10" + OK + OK + D1) == [Accepted(), Working(Answer.READY), Completed()]
    assert host.hear(OK, D1, E1) == []
    assert host.codec.send(FLASH) == FLASH.encode()
    host.codec.receive(D1 + OK)
    assert host.hear() == [Accepted(), Completed()]


def test_input_before_a_command_is_not_its_answer() -> None:
    host = Host()
    host.codec.receive(E1 + D1)
    host.codec.send(FLASH)
    assert host.hear() == []
    assert host.hear(D1 + OK) == [Accepted(), Completed()]


def test_a_change_of_speed_ends_with_its_acceptance() -> None:
    host = Host(SPEED)
    assert host.hear(D1 + OK) == [Accepted(), Completed()]
    assert host.codec.idle


def test_a_command_whose_end_is_not_told() -> None:
    host = Host(FLASH)
    assert host.hear(D1) == [Accepted()]
    assert host.silence() == [Completed(confirmed=False)]


@pytest.mark.parametrize("made", [TAKE, ERASE], ids=str)
def test_a_busy_camera_that_never_becomes_ready(made: Command) -> None:
    host = Host(made)
    host.hear(D1)
    assert host.codec.patience == 125
    assert host.dies_of_silence() is TransferTimeout


def test_a_failure_after_acceptance() -> None:
    assert Host(TAKE).hear(D1 + E2) == [Accepted(), Failed()]
    assert Host(TAKE).hear(D1 + E1) == [Accepted(), Failed()]
    assert Host(TAKE).hear(E2) == [Failed()]


def test_a_refused_command_is_sent_six_times() -> None:
    host = Host(TAKE)
    for _ in range(RETRIES):
        assert host.hear(E1 + b"noise") == []
        assert host.codec.patience == 0.05
        assert host.silence() == []
        assert host.taken() == TAKE.encode()
    assert host.hear(E1) == [Rejected()]
    assert host.codec.idle


def test_a_refused_command_is_taken_later() -> None:
    host = Host(STATUS)
    host.hear(E1)
    host.silence()
    assert host.hear(D1) == [Accepted()]


def test_a_command_without_an_answer_is_sent_six_times() -> None:
    host = Host(STATUS)
    for _ in range(RETRIES):
        assert host.codec.patience == 5
        assert host.silence() == []
        assert host.taken() == STATUS.encode()
    assert host.dies_of_silence() is TransferTimeout


@pytest.mark.parametrize("made", [TAKE, ERASE], ids=str)
def test_a_picture_is_never_taken_or_erased_twice_for_want_of_an_answer(made: Command) -> None:
    host = Host(made)
    assert host.dies_of_silence() is TransferTimeout
    assert host.taken() == b""


def test_noise_before_the_answer() -> None:
    host = Host(STATUS)
    assert host.hear(b"\x55" * MAX_NOISE) == []
    assert host.hear(D1) == [Accepted()]
    host = Host(STATUS)
    assert host.dies(b"\x55" * (MAX_NOISE + 1)) is RemoteProtocolError
    assert host.taken() == E4


def test_noise_where_the_end_is_due() -> None:
    host = Host(FLASH)
    assert host.dies(D1 + b"\x55") is RemoteProtocolError
    assert host.taken() == E4


# queries


def test_a_query_of_one_packet() -> None:
    host = Host(COUNT)
    payload = bytes.fromhex("00000004 00000000 00000000 00000000")
    assert host.hear(D1 + payload + b"\x04") == [Accepted(), Packet(0, payload)]
    assert host.taken() == D2
    assert host.hear(OK) == [Completed(1)]


def test_a_packet_may_hold_any_answers() -> None:
    payload = bytes([0x00, 0xE1, 0xE2, 0xE3, 0xE4, 0xD1, 0xD2, 0x10, 0xF0] * 29)[:256]
    for shift in range(9):
        host = Host(STATUS)
        turned = payload[shift:] + payload[:shift]
        data = D1 + encode_packet(turned)
        chunks = [data[at : at + 1] for at in range(len(data))]
        assert host.hear(*chunks) == [Accepted(), Packet(0, turned)]


def test_a_query_of_several_packets() -> None:
    host = Host(FILE, packets=3)
    for index, payload in enumerate((ONE, TWO, THREE)):
        heard = host.hear((D1 if not index else b"") + encode_packet(payload))
        assert heard[-1] == Packet(index, payload)
        assert host.taken() == D2
    assert host.hear(OK) == [Completed(3)]


def test_a_packet_is_held_until_it_is_acknowledged() -> None:
    host = Host(FILE, packets=2)
    assert host.hear(D1 + encode_packet(ONE), hold=True) == [Accepted(), Packet(0, ONE)]
    assert host.codec.patience is None
    host.codec.time_out()
    assert host.hear() == []
    assert host.codec.acknowledge() == D2
    with pytest.raises(LocalProtocolError):
        host.codec.acknowledge()
    assert host.hear(encode_packet(TWO)) == [Packet(1, TWO)]


def test_a_camera_that_does_not_wait_for_the_acknowledgement() -> None:
    host = Host(FILE, packets=2)
    host.hear(D1 + encode_packet(ONE), hold=True)
    host.codec.receive(bytes(MAX_DISCARD + 1))
    assert host.dies(b"x") is RemoteProtocolError


def test_the_first_packet_tells_how_many_there_are() -> None:
    host = Host(NAMES)
    page = bytes([0, 13]) + bytes(254)
    assert host.hear(D1 + encode_packet(page), hold=True)[-1] == Packet(0, page)
    host.codec.expect(2)
    with pytest.raises(LocalProtocolError):
        host.codec.expect(0)
    host.codec.acknowledge()
    assert host.hear(encode_packet(page)) == [Packet(1, page)]
    assert host.hear(OK) == [Completed(2)]
    with pytest.raises(LocalProtocolError):
        host.codec.expect(2)


def test_a_reply_that_ends_early() -> None:
    host = Host(NAMES)
    page = bytes([0, 13]) + bytes(254)
    host.hear(D1 + encode_packet(page))
    assert host.hear(OK) == []
    assert host.codec.patience == 0.3
    assert host.silence() == [Completed(1)]
    host = Host(FILE, packets=2)
    host.hear(D1 + encode_packet(ONE), OK)
    assert host.codec.patience == 1.0
    assert host.silence() == [Completed(1)]


def test_a_packet_that_begins_with_zero_is_no_end() -> None:
    host = Host(NAMES)
    page = bytes([0, 13]) + bytes(254)
    host.hear(D1 + encode_packet(page), b"\0")
    assert host.hear(encode_packet(page)[1:]) == [Packet(1, page)]


def test_a_failure_in_place_of_a_packet() -> None:
    host = Host(FILE, packets=2)
    host.hear(D1)
    assert host.hear(E2) == []
    assert host.codec.patience == 0.3
    assert host.silence() == [Failed()]
    host = Host(FILE, packets=2)
    host.hear(D1 + encode_packet(ONE), E2)
    assert host.silence() == [Failed()]


def test_still_working_in_place_of_a_packet() -> None:
    host = Host(STATUS)
    host.hear(D1 + b"\x10")
    assert host.silence() == [Working(Answer.READY)]
    assert host.hear(encode_packet(bytes(256))) == [Packet(0, bytes(256))]


def test_a_bad_packet_is_asked_for_again() -> None:
    host = Host(FILE, packets=2)
    host.hear(D1)
    bad = bytes([9]) + encode_packet(ONE)[1:]
    for _ in range(RETRIES):
        assert host.hear(bad) == []
        assert host.codec.patience == 0.2
        assert host.hear(b"noise") == []
        assert host.taken() == b""
        assert host.silence() == []
        assert host.taken() == E3
    assert host.codec.damaged
    assert host.hear(encode_packet(ONE)) == [Packet(0, ONE)]
    assert host.taken() == D2
    # tries are counted for each packet
    host.hear(bad)
    host.silence()
    assert host.hear(encode_packet(TWO)) == [Packet(1, TWO)]
    assert host.hear(OK) == [Completed(2)]


def test_a_wary_host_believes_what_has_come_twice() -> None:
    """Two bytes that are wrong in the same bits pass the checksum: only another copy tells."""
    host = Host(FILE, packets=2)
    host.codec.wary = True
    host.hear(D1)
    unseen = bytes([1 ^ 9, 1 ^ 9]) + ONE[2:]
    for copy in (unseen, ONE):
        assert host.hear(encode_packet(copy)) == []
        assert host.taken() == E3
    assert host.hear(encode_packet(ONE)) == [Packet(0, ONE)]
    assert host.taken() == D2
    host.hear(encode_packet(TWO))
    assert host.hear(encode_packet(TWO), OK) == [Packet(1, TWO), Completed(2)]
    assert not host.codec.damaged


def test_a_wary_host_gives_up_on_a_packet_that_is_never_the_same() -> None:
    host = Host(FILE, packets=2)
    host.codec.wary = True
    host.hear(D1)
    for number in range(RETRIES):
        assert host.hear(encode_packet(bytes([number]) * 1024)) == []
    assert host.dies(encode_packet(b"x" * 1024)) is RemoteProtocolError


def test_a_packet_that_is_bad_for_ever() -> None:
    host = Host(FILE, packets=2)
    host.hear(D1)
    for _ in range(RETRIES):
        host.hear(bytes(1024) + b"\x01")
        host.silence()
    assert host.taken() == E3 * RETRIES
    assert host.dies(bytes(1024) + b"\x01") is RemoteProtocolError
    assert host.taken() == E4


def test_a_short_packet() -> None:
    host = Host(FILE, packets=1)
    host.hear(D1 + encode_packet(ONE)[:-1])
    assert host.codec.patience == 1.0
    assert host.silence() == []
    assert host.taken() == E3
    assert host.hear(encode_packet(ONE)) == [Packet(0, ONE)]


def test_a_line_that_never_becomes_quiet() -> None:
    host = Host(FILE, packets=1)
    host.hear(D1 + bytes(1024) + b"\x01")
    for _ in range(16):
        host.hear(b"\x55" * (MAX_DISCARD // 16))
    assert host.dies(b"\x55") is RemoteProtocolError
    assert host.taken() == E4


def test_no_first_packet_asks_again_from_the_beginning() -> None:
    host = Host(PATH)
    host.hear(D1, D2)
    assert host.taken() == encode_extra(bytes(58))
    assert host.silence() == []
    assert host.taken() == PATH.encode()
    assert host.hear(D1, D2) == [Accepted()]
    assert host.taken() == encode_extra(bytes(58))


def test_a_camera_that_accepts_and_sends_nothing() -> None:
    host = Host(STATUS)
    for _ in range(RETRIES):
        host.hear(D1)
        host.silence()
    host.hear(D1)
    assert host.dies_of_silence() is TransferTimeout


def test_a_lost_acknowledgement() -> None:
    host = Host(FILE, packets=3)
    host.hear(D1 + encode_packet(ONE))
    host.taken()
    assert host.silence() == []
    assert host.taken() == E3
    assert host.hear(encode_packet(ONE)) == []  # again: it is not the second
    assert host.taken() == D2
    assert host.hear(encode_packet(TWO)) == [Packet(1, TWO)]


def test_equal_packets_are_no_repetition() -> None:
    host = Host(FILE, packets=2)
    host.hear(D1 + encode_packet(ONE))
    assert host.hear(encode_packet(ONE)) == [Packet(1, ONE)]
    assert host.hear(OK) == [Completed(2)]


def test_a_lost_packet() -> None:
    host = Host(FILE, packets=2)
    host.hear(D1 + encode_packet(ONE))
    host.silence()
    assert host.hear(encode_packet(TWO)) == [Packet(1, TWO)]


def test_a_packet_that_never_comes() -> None:
    host = Host(FILE, packets=2)
    host.hear(D1 + encode_packet(ONE))
    host.taken()
    for _ in range(RETRIES):
        assert host.silence() == []
    assert host.taken() == E3 * RETRIES
    assert host.dies_of_silence() is TransferTimeout
    assert host.taken() == E4


def test_the_last_acknowledgement_is_lost() -> None:
    host = Host(FILE, packets=1)
    host.hear(D1 + encode_packet(ONE))
    host.taken()
    assert host.silence() == []
    assert host.taken() == E3
    assert host.hear(encode_packet(ONE)) == []
    assert host.taken() == D2
    assert host.hear(OK) == [Completed(1)]


def test_the_last_answer_is_lost() -> None:
    host = Host(FILE, packets=1)
    host.hear(D1 + encode_packet(ONE))
    host.silence()
    assert host.silence() == [Completed(1, confirmed=False)]
    host = Host(FILE, packets=1)
    host.hear(D1 + encode_packet(ONE))
    host.silence()
    host.hear(OK)
    assert host.silence() == [Completed(1)]
    host = Host(FILE, packets=1)
    host.hear(D1 + encode_packet(ONE))
    host.silence()
    host.hear(encode_packet(ONE))
    assert host.silence() == [Completed(1, confirmed=False)]


def test_more_packets_than_there_should_be() -> None:
    host = Host(FILE, packets=1)
    host.hear(D1 + encode_packet(ONE))
    assert host.dies(encode_packet(TWO)) is RemoteProtocolError
    host = Host(FILE, packets=1)
    host.hear(D1 + encode_packet(ONE))
    host.silence()
    assert host.dies(encode_packet(TWO)) is RemoteProtocolError


# replies of which no source knows the size


@pytest.mark.parametrize("size", [1, 100, 255, 256, 257, 1024])
def test_a_packet_of_unknown_size_ends_with_silence(size: int) -> None:
    payload = bytes([0x41]) * (size - 1) + b"\x42"
    for made in (THUMBNAIL, PATH, command(Code.GET_CARD_INFO, number=1)):
        host = Host(made)
        host.hear(D1, D2 if made.extra else b"")
        heard = host.hear(encode_packet(payload))
        if not heard:
            heard = host.silence()
        assert heard == [Packet(0, payload)]
        assert host.hear(OK) == []
        assert host.silence() == [Completed(1)]


def test_a_packet_of_unknown_size_that_is_bad() -> None:
    host = Host(THUMBNAIL)
    host.hear(D1)
    host.hear(b"\x41" * 300 + b"\x01")
    assert host.silence() == []
    assert host.hear(b"\x41" * 1025) == []
    host.hear(b"\x42")
    assert host.codec.patience == 0.2
    host.silence()
    assert host.taken() == E3 * 2


# extra data


def test_extra_data() -> None:
    host = Host(ALBUMS)
    assert host.hear(D1) == [Accepted()]
    assert host.taken() == b"\x80" + bytes(257)
    assert host.hear(D2) == []
    assert host.hear(OK) == [Completed()]


def test_extra_data_without_a_verdict() -> None:
    assert Host(ALBUMS).hear(D1, OK) == [Accepted(), Completed()]
    assert Host(ALBUMS).hear(D1, b"\x10", E2) == [Accepted(), Working(Answer.READY), Failed()]
    host = Host(ALBUMS)
    host.hear(D1)
    assert host.dies_of_silence() is TransferTimeout


def test_extra_data_that_the_camera_wants_again() -> None:
    host = Host(ALBUMS)
    host.hear(D1)
    host.taken()
    for _ in range(RETRIES):
        host.hear(E3)
        assert host.taken() == encode_extra(bytes(256))
    assert host.dies(E3) is RemoteProtocolError


def test_a_query_with_extra_data() -> None:
    host = Host(READ)
    assert host.hear(D1, D2, encode_packet(ONE)) == [Accepted(), Packet(0, ONE)]
    assert host.hear(OK) == []
    assert host.silence() == [Completed(1)]


# abort, break


def test_an_abort_in_place_of_an_acknowledgement() -> None:
    host = Host(FILE, packets=3)
    host.hear(D1 + encode_packet(ONE), hold=True)
    assert host.codec.abort() == E4
    assert host.codec.patience == 0.2
    assert host.hear(encode_packet(TWO)[:500]) == []
    assert host.silence() == [Aborted()]
    assert host.codec.send(STATUS) == STATUS.encode()


def test_an_abort_in_the_middle_of_a_packet() -> None:
    host = Host(FILE, packets=3)
    host.hear(D1 + encode_packet(ONE)[:100])
    assert host.codec.abort() == E4
    host.hear(encode_packet(ONE)[100:])
    assert host.silence() == [Aborted()]


def test_nothing_to_abort() -> None:
    for host in (Host(), Host(TAKE)):
        with pytest.raises(LocalProtocolError):
            host.codec.abort()


def test_a_break() -> None:
    host = Host(FILE, packets=3)
    host.hear(D1 + encode_packet(ONE)[:100])
    host.codec.line_break()
    assert host.codec.patience == 1.5
    assert host.hear(b"\x55", E1, b"\x55") == []
    assert host.silence() == [LineReset(acknowledged=True)]
    assert host.codec.idle


def test_a_break_that_nobody_acknowledges() -> None:
    host = Host()
    host.codec.line_break()
    assert host.silence() == [LineReset(acknowledged=False)]


def test_one_command_at_a_time() -> None:
    host = Host(STATUS)
    with pytest.raises(LocalProtocolError):
        host.codec.send(STATUS)


def test_silence_means_nothing_while_idle() -> None:
    host = Host()
    assert host.codec.patience is None
    host.codec.time_out()
    assert host.hear() == []


# anything


@st.composite
def commands(draw: st.DrawFn) -> Command:
    form = draw(st.sampled_from(TABLE))
    values = tuple(next(iter(parameter.values)) for parameter in form.parameters)
    return Command(form, values, bytes(form.extra))


SILENCE = None
inputs = st.lists(
    st.one_of(
        st.just(SILENCE),
        st.binary(max_size=40),
        st.sampled_from([D1, D2, E1, E2, E3, E4, OK, b"\x10", encode_packet(ONE), encode_packet(bytes(256))]),
    ),
    max_size=30,
)


def everything(made: Command, packets: int | None, chunks: Iterable[bytes | None]) -> list[object]:
    """Return all that a codec says to these bytes, an error last."""
    codec = HostConnection()
    codec.send(made, packets)
    said: list[object] = []
    try:
        for chunk in chunks:
            if chunk is SILENCE:
                codec.time_out()
            else:
                codec.receive(chunk)
            while (event := codec.next_event()) is not None:
                said.append(event)
                if isinstance(event, Packet):
                    said.append(codec.acknowledge())
    except (RemoteProtocolError, TransferTimeout) as error:
        said.append((type(error), str(error)))
    return said


@given(commands(), st.none() | st.integers(1, 3), inputs)
def test_any_input_gives_events_or_one_error(made: Command, packets: int | None, chunks: list[bytes | None]) -> None:
    everything(made, packets, chunks)


@given(commands(), st.none() | st.integers(1, 3), inputs)
def test_any_cutting_of_the_input_says_the_same(made: Command, packets: int | None, chunks: list[bytes | None]) -> None:
    joined: list[bytes | None] = [b""]
    single: list[bytes | None] = []
    for chunk in chunks:
        if chunk is SILENCE:
            joined += [SILENCE, b""]
            single.append(SILENCE)
        else:
            joined[-1] = (joined[-1] or b"") + chunk
            single += [chunk[at : at + 1] for at in range(len(chunk))]
    assert everything(made, packets, joined) == everything(made, packets, single) == everything(made, packets, chunks)

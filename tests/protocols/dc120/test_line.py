"""Both codecs on one line: whole conversations, any cutting, and a fault at every byte."""

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from camfs.errors import CameraError, RemoteProtocolError, TransferTimeout
from camfs.protocols.dc120.commands import TABLE, Code, Command, Form, command
from camfs.protocols.dc120.events import Aborted, Accepted, Completed, Failed, HostEvent, Packet, Rejected
from camfs.protocols.dc120.frames import checksum, data_payloads, encode_packet, packets_in
from camfs.protocols.dc120.lists import FileEntry, ListLayout, encode_count, encode_list
from tests.protocols.dc120.line import Answers, ByteFault, Line

FILE = command(Code.GET_MEMORY_FILE, number=1)
COUNT = command(Code.GET_FILE_COUNT, location=0)
USER_NAME = command(Code.SET_USER_NAME, b"Ana".ljust(58, b"\0"))
PATH = command(Code.UNKNOWN_99, bytes(58))
PICTURE = random.Random(120).randbytes(72240)
"""As many bytes as a picture of the lowest quality has."""
PACKETS = [random.Random(number).randbytes(1024) for number in range(3)]


def payloads(heard: Sequence[HostEvent]) -> list[bytes]:
    """Return what came in packets."""
    return [event.payload for event in heard if isinstance(event, Packet)]


def sends(*packets: bytes) -> Answers:
    """Return a program that answers queries with these packets."""
    return lambda made, extra: packets if made.form.reply.size else []


@pytest.mark.parametrize("cut", [1, 7, 1 << 20])
@pytest.mark.parametrize("form", TABLE, ids=lambda form: f"{form.code:02X}")
def test_every_command_of_the_table(form: Form, cut: int) -> None:
    arguments = {parameter.name: next(iter(parameter.values)) for parameter in form.parameters}
    made = command(form.code, bytes(form.extra), **arguments)
    packets = [bytes([number]) * form.reply.size for number in range(1, 1 + (form.reply.packets or 3))]
    line = Line(sends(*packets), cut=cut)
    heard = line.run(made, len(packets) if form.reply.size else None)
    replies = packets if form.reply.size else []
    assert heard == [Accepted(), *(Packet(*each) for each in enumerate(replies)), Completed(len(replies))]
    assert line.seconds == 0
    assert line.camera.codec.idle


@pytest.mark.parametrize("size", [72240, 843328])
def test_a_whole_picture(size: int) -> None:
    data = random.Random(size).randbytes(size)
    line = Line(sends(*data_payloads(data)), cut=257)
    heard = line.run(FILE, packets_in(len(data)))
    assert heard[0] == Accepted()
    assert heard[-1] == Completed(packets_in(len(data)))
    assert b"".join(payloads(heard))[: len(data)] == data
    assert line.seconds == 0
    assert line.camera.codec.idle


def test_a_picture_of_unknown_length() -> None:
    line = Line(sends(*data_payloads(PICTURE)))
    heard = line.run(FILE)
    assert heard[-1] == Completed(71)
    assert line.seconds == 0.3


def test_a_preview_leaves_the_line_free() -> None:
    line = Line(sends(*data_payloads(PICTURE)), abort_after=15)
    heard = line.run(FILE, packets_in(len(PICTURE)))
    assert b"".join(payloads(heard)) == PICTURE[: 16 * 1024]
    assert heard[-1] == Aborted()
    assert line.camera.codec.idle
    assert line.run(command(Code.SET_FLASH, flash=1)) == [Accepted(), Completed()]


@pytest.mark.parametrize("count", [0, 1, 12, 13, 25, 26, 38, 100])
@pytest.mark.parametrize("layout", ListLayout)
def test_lists_in_each_layout(layout: ListLayout, count: int) -> None:
    files = [FileEntry.named(f"P{number:06}.KDC", number) for number in range(count)]
    packets = encode_list(files, layout)
    heard = Line(sends(*packets)).run(command(Code.GET_FILE_NAMES, location=0))
    assert payloads(heard) == packets
    assert heard[-1] == Completed(len(packets))


def test_extra_data_arrive() -> None:
    seen = []

    def program(made: Command, extra: bytes) -> list[bytes]:
        seen.append((made.code, extra))
        return []

    assert Line(program).run(USER_NAME) == [Accepted(), Completed()]
    assert seen == [(Code.SET_USER_NAME, USER_NAME.extra)]


def test_a_failure() -> None:
    assert Line(lambda made, extra: None).run(FILE, 3) == [Accepted(), Failed()]


def test_an_unknown_command_is_rejected_at_last() -> None:
    line = Line(sends(), to_camera=lambda data: data.replace(b"\x72\x00\x01", b"\x72\x00\x09"))
    assert line.run(command(Code.SET_FLASH, flash=1)) == [Rejected()]
    assert len(line.camera.frames) == 6
    assert line.seconds == pytest.approx(0.25)


# faults


def outcome(line: Line, made: Command, packets: int | None) -> list[HostEvent] | CameraError:
    """Run a command; return what was heard, or the error."""
    try:
        return line.run(made, packets)
    except (RemoteProtocolError, TransferTimeout) as error:
        return error


CHANGES: dict[str, Callable[[int], bytes]] = {
    "lost": lambda byte: b"",
    "doubled": lambda byte: bytes([byte, byte]),
    "one bit": lambda byte: bytes([byte ^ 0x10]),
    "low bit": lambda byte: bytes([byte ^ 0x01]),
    "inverted": lambda byte: bytes([byte ^ 0xFF]),
    "break before": lambda byte: bytes([0xE1, byte]),
    "nothing like it": lambda byte: bytes([0x55]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_no_fault_on_the_way_to_the_host_passes_for_data(change: str) -> None:
    """One fault, at any byte: each packet that the program gets is right, and in nearly all cases all come."""
    packets = [packet[:16] for packet in PACKETS[:1]]
    length = 1 + 17 + 1
    whole = 0
    for position in range(length):
        line = Line(sends(*packets), to_host=ByteFault(position, CHANGES[change]))
        heard = outcome(line, COUNT, None)
        if isinstance(heard, CameraError):
            continue
        assert set(payloads(heard)) <= set(packets)
        whole += payloads(heard) == packets
    assert whole >= length - 2


@pytest.mark.parametrize("change", CHANGES)
def test_no_fault_in_a_picture_on_the_way_to_the_host_goes_unnoticed(change: str) -> None:
    chance = random.Random(change)
    ends = [0, 1, 2, 1024, 1025, 1026, 1027, 2050, 2051, 3075, 3076]
    for position in ends + [chance.randrange(3077) for _ in range(60)]:
        line = Line(sends(*PACKETS), to_host=ByteFault(position, CHANGES[change]))
        heard = outcome(line, FILE, len(PACKETS))
        if isinstance(heard, CameraError):
            continue
        assert payloads(heard) == PACKETS[: len(payloads(heard))]
        if heard[-1] == Completed(len(PACKETS)):
            assert payloads(heard) == PACKETS


@pytest.mark.parametrize("change", CHANGES)
def test_no_fault_in_an_answer_of_the_host_harms_a_picture(change: str) -> None:
    for position in range(8, 8 + len(PACKETS)):  # behind the frame of the command, which has no checksum
        line = Line(sends(*PACKETS), to_camera=ByteFault(position, CHANGES[change]))
        heard = outcome(line, FILE, len(PACKETS))
        if not isinstance(heard, CameraError):
            assert payloads(heard) == PACKETS[: len(payloads(heard))]


@pytest.mark.parametrize("change", CHANGES)
def test_no_fault_in_extra_data_reaches_the_camera(change: str) -> None:
    for position in range(8, 8 + 60):
        seen: list[bytes] = []

        def program(made: Command, extra: bytes, seen: list[bytes] = seen) -> list[bytes]:
            seen.append(extra)
            return []

        line = Line(program, to_camera=ByteFault(position, CHANGES[change]))
        outcome(line, USER_NAME, None)
        assert set(seen) <= {USER_NAME.extra}


def test_a_lost_byte_of_extra_data_is_sent_again() -> None:
    for position in range(8, 8 + 60):
        line = Line(sends(), to_camera=ByteFault(position, CHANGES["lost"]))
        assert line.run(USER_NAME)[-1] == Completed()


def test_a_bad_packet_costs_a_repetition_and_little_time() -> None:
    line = Line(sends(*PACKETS), to_host=ByteFault(1500, CHANGES["one bit"]))
    heard = line.run(FILE, 3)
    assert payloads(heard) == PACKETS
    assert line.seconds == pytest.approx(0.2)


def test_a_packet_that_is_bad_for_ever_ends_and_leaves_the_camera_idle() -> None:
    line = Line(sends(*PACKETS), to_host=lambda data: data.replace(PACKETS[1][:8], b"nonsense"))
    assert isinstance(outcome(line, FILE, 3), RemoteProtocolError)
    assert line.camera.codec.idle


def test_a_camera_switched_off() -> None:
    for position in (0, 1, 500, 1026, 2000, 3076):
        passed = 0

        def dying(data: bytes, position: int = position) -> bytes:
            nonlocal passed
            passed, before = passed + len(data), passed
            return data[: max(0, position - before)]

        line = Line(sends(*PACKETS), to_host=dying)
        heard = outcome(line, FILE, 3)
        if position < 3076:
            assert isinstance(heard, TransferTimeout)
        else:
            assert not isinstance(heard, CameraError)
            assert heard[-1] == Completed(3, confirmed=False)
        assert line.seconds < 60


@given(
    st.lists(st.binary(min_size=1024, max_size=1024), min_size=1, max_size=4),
    st.integers(1, 3000),
    st.integers(0, 5000),
    st.sampled_from(sorted(CHANGES)),
)
def test_any_picture_in_any_pieces_with_a_fault_anywhere(
    packets: list[bytes], cut: int, position: int, change: str
) -> None:
    sent = b"\xd1" + b"".join(map(encode_packet, packets)) + b"\0"
    if len(changed := CHANGES[change](sent[position % len(sent)])) == 2:
        assume(changed[0] not in map(checksum, packets))  # see the next test
    line = Line(sends(*packets), cut=cut, to_host=ByteFault(position % len(sent), CHANGES[change]))
    heard = outcome(line, FILE, len(packets))
    if not isinstance(heard, CameraError) and heard[-1] == Completed(len(packets)):
        assert payloads(heard) == packets


def test_what_a_sum_of_eight_bits_cannot_tell() -> None:
    """A byte put in that equals the packet's checksum goes unnoticed: the sum is the same, the checksum is left over."""
    packet = bytes([0xE1]) + bytes(1023)
    line = Line(sends(packet, PACKETS[1]), to_host=ByteFault(1, CHANGES["break before"]))
    assert payloads(line.run(FILE, 2)) == [bytes([0xE1]) + packet[:-1], PACKETS[1]]


def test_the_number_of_files() -> None:
    heard = Line(sends(encode_count(258))).run(COUNT)
    assert heard == [Accepted(), Packet(0, encode_count(258)), Completed(1)]
    assert payloads(Line(sends(bytes(256))).run(PATH)) == [bytes(256)]

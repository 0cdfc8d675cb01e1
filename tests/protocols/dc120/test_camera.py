"""The camera's codec against bytes written by hand, a row of its table of states at a time."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import LocalProtocolError
from camfs.protocols.dc120.camera import MAX_EXTRA_TRIES, MAX_KEPT, CameraConnection
from camfs.protocols.dc120.commands import TABLE, Code, command
from camfs.protocols.dc120.events import (
    Abandoned,
    AbortReceived,
    Acknowledged,
    CameraEvent,
    CommandReceived,
    ExtraReceived,
    Transmit,
    UnknownCommand,
)
from camfs.protocols.dc120.frames import encode_extra, encode_packet

STATUS = command(Code.GET_STATUS)
USER_NAME = command(Code.SET_USER_NAME, bytes(58))
NAME = encode_extra(b"Ana".ljust(58, b"\0"))
WRONG = NAME[:-1] + b"\x55"
D1, D2, E1, E2, E3, E4, OK = b"\xd1", b"\xd2", b"\xe1", b"\xe2", b"\xe3", b"\xe4", b"\x00"


def hear(camera: CameraConnection, data: bytes = b"") -> list[CameraEvent]:
    """Give bytes to a codec and return its events."""
    camera.receive(data)
    heard = []
    while (event := camera.next_event()) is not None:
        heard.append(event)
    return heard


def asked(data: bytes = STATUS.encode()) -> CameraConnection:
    """Return a codec that has heard a command and accepted it."""
    camera = CameraConnection()
    assert isinstance(hear(camera, data)[0], CommandReceived)
    assert camera.accept() == D1
    return camera


def sending(payload: bytes = b"abc") -> CameraConnection:
    """Return a codec that has sent a packet."""
    camera = asked()
    assert camera.packet(payload) == encode_packet(payload)
    return camera


# idle


def test_a_command_is_accepted_and_completed() -> None:
    camera = CameraConnection()
    assert camera.idle
    assert hear(camera, STATUS.encode()) == [CommandReceived(STATUS)]
    assert not camera.idle
    assert camera.accept() == D1
    assert camera.complete() == OK
    assert camera.idle


def test_every_command_of_the_table_is_understood() -> None:
    for form in TABLE:
        arguments = {parameter.name: next(iter(parameter.values)) for parameter in form.parameters}
        made = command(form.code, bytes(form.extra), **arguments)
        (event,) = hear(CameraConnection(), made.encode())
        assert isinstance(event, CommandReceived)
        assert (event.command.form, event.command.arguments) == (form, made.arguments)


def test_a_refused_command() -> None:
    camera = CameraConnection()
    hear(camera, STATUS.encode())
    assert camera.refuse() == E1
    assert hear(camera, STATUS.encode()) == [CommandReceived(STATUS)]


@pytest.mark.parametrize("frame", ["44000000 0000001A", "71000900 0000001A", "7F000000 0000011A"])
def test_an_unknown_command_may_be_refused_or_accepted(frame: str) -> None:
    camera = CameraConnection()
    data = bytes.fromhex(frame)
    for answer, expected in ((camera.refuse, E1), (camera.accept, D1)):
        assert hear(camera, data) == [UnknownCommand(data, "")]
        assert answer() == expected
    assert camera.packet(bytes(256)) == bytes(257)


def test_an_unknown_command_with_extra_data() -> None:
    camera = CameraConnection()
    hear(camera, bytes.fromhex("9D000000 0000001A"))
    assert camera.accept(extra=58) == D1
    assert hear(camera, NAME) == [Transmit(D2), ExtraReceived(NAME[1:-1])]


def test_a_change_of_speed_is_over_with_its_acceptance() -> None:
    camera = CameraConnection()
    hear(camera, command(Code.SET_SPEED, speed=0x1152).encode())
    assert camera.accept() == D1
    assert camera.idle


def test_late_answers_are_passed_over() -> None:
    camera = CameraConnection()
    assert hear(camera, D2 + E3 + E4 + STATUS.encode()) == [CommandReceived(STATUS)]


def test_garbage_before_a_command() -> None:
    assert hear(CameraConnection(), b"\x55\x7f\x00" + STATUS.encode()) == [CommandReceived(STATUS)]


def test_garbage_is_dropped_after_silence_and_refused_once() -> None:
    camera = CameraConnection()
    assert camera.patience is None
    assert hear(camera, b"\x55" * 100) == []
    assert camera.patience == 0.5
    camera.time_out()
    assert hear(camera) == [Transmit(E1)]
    assert camera.patience is None
    camera.time_out()
    assert hear(camera, STATUS.encode()) == [CommandReceived(STATUS)]


def test_the_beginning_of_a_command_is_forgotten_after_silence() -> None:
    camera = CameraConnection()
    assert hear(camera, STATUS.encode()[:7]) == []
    camera.time_out()
    assert hear(camera, STATUS.encode()) == [Transmit(E1), CommandReceived(STATUS)]


# extra data


def test_extra_data() -> None:
    camera = asked(USER_NAME.encode())
    assert hear(camera, NAME[:30]) == []
    assert hear(camera, NAME[30:]) == [Transmit(D2), ExtraReceived(NAME[1:-1])]
    assert camera.complete() == OK


def test_bad_extra_data() -> None:
    camera = asked(USER_NAME.encode())
    assert hear(camera, WRONG) == [Transmit(E3)]
    assert hear(camera, b"\x81" + NAME[1:]) == [Transmit(E3)]
    assert hear(camera, NAME) == [Transmit(D2), ExtraReceived(NAME[1:-1])]


def test_extra_data_that_are_bad_for_ever() -> None:
    camera = asked(USER_NAME.encode())
    for _ in range(MAX_EXTRA_TRIES):
        assert hear(camera, WRONG) == [Transmit(E3)]
    assert hear(camera, WRONG) == [Transmit(E2), Abandoned()]
    assert hear(camera, STATUS.encode()) == [CommandReceived(STATUS)]


def test_extra_data_cut_short() -> None:
    camera = asked(USER_NAME.encode())
    assert camera.patience == 10
    assert hear(camera, NAME[:-1]) == []
    assert camera.patience == 1
    camera.time_out()
    assert hear(camera) == [Transmit(E3)]
    assert hear(camera, NAME) == [Transmit(D2), ExtraReceived(NAME[1:-1])]


def test_extra_data_that_never_come() -> None:
    camera = asked(USER_NAME.encode())
    camera.time_out()
    assert hear(camera) == [Abandoned()]
    assert camera.idle


# packets


def test_an_acknowledged_packet() -> None:
    camera = sending()
    assert camera.patience == 10
    assert hear(camera, D2) == [Acknowledged()]
    assert camera.packet(b"def") == encode_packet(b"def")
    assert hear(camera, D2) == [Acknowledged()]
    assert camera.complete() == OK


def test_a_packet_is_repeated_as_often_as_it_is_wanted() -> None:
    camera = sending()
    assert hear(camera, E3 * 10) == [Transmit(encode_packet(b"abc"))] * 10
    assert hear(camera, D2) == [Acknowledged()]


def test_an_abort() -> None:
    camera = sending()
    assert hear(camera, E4) == [AbortReceived()]
    assert camera.idle


def test_a_command_in_place_of_an_acknowledgement() -> None:
    camera = sending()
    assert hear(camera, STATUS.encode()) == [Abandoned(), CommandReceived(STATUS)]


def test_silence_in_place_of_an_acknowledgement() -> None:
    camera = sending()
    camera.time_out()
    assert hear(camera) == [Abandoned()]
    assert camera.idle


# busy, failures, break


def test_bytes_are_kept_while_busy_but_not_many() -> None:
    camera = asked()
    assert camera.patience is None
    assert hear(camera, STATUS.encode() * 20) == []
    camera.complete()
    received = 0
    while hear(camera):
        camera.refuse()
        received += 1
    assert received == MAX_KEPT // 8


def test_a_failure() -> None:
    camera = asked()
    assert camera.fail() == E2
    assert camera.idle


@pytest.mark.parametrize("rig", [CameraConnection, asked, sending, lambda: asked(USER_NAME.encode())])
def test_a_break_at_any_time(rig: type[CameraConnection]) -> None:
    camera = rig()
    camera.receive(STATUS.encode()[:3])
    assert camera.line_break() == E1
    assert camera.idle
    assert hear(camera, STATUS.encode()) == [CommandReceived(STATUS)]


def test_what_is_not_for_now() -> None:
    idle, busy = CameraConnection(), asked()
    calls = (idle.accept, idle.refuse, idle.complete, idle.fail, lambda: idle.packet(b""), busy.accept)
    for call in calls:
        with pytest.raises(LocalProtocolError):
            call()


# anything


def everything(chunks: Sequence[bytes | None]) -> list[CameraEvent | bytes]:
    """Run a camera that accepts every command and sends two packets for it; return all that it hears and says. None is silence."""
    camera = CameraConnection()
    said: list[CameraEvent | bytes] = []
    packets = 0
    for chunk in chunks:
        if chunk is None:
            camera.time_out()
        else:
            camera.receive(chunk)
        while (event := camera.next_event()) is not None:
            said.append(event)
            match event:
                case CommandReceived(received):
                    said.append(camera.accept())
                    if received.form.extra or not received.form.completes:
                        continue
                    packets = 2
                    said.append(camera.packet(bytes([packets])))
                case UnknownCommand():
                    said.append(camera.refuse())
                case ExtraReceived():
                    packets = 2
                    said.append(camera.packet(bytes([packets])))
                case Acknowledged():
                    packets -= 1
                    said.append(camera.packet(bytes([packets])) if packets else camera.complete())
    return said


inputs = st.lists(
    st.one_of(
        st.none(),
        st.binary(max_size=20),
        st.sampled_from(
            [D2, E3, E4, NAME, WRONG, STATUS.encode(), USER_NAME.encode(), bytes.fromhex("410011520000001A")]
        ),
    ),
    max_size=30,
)


@given(inputs)
def test_any_cutting_of_any_input_says_the_same(chunks: list[bytes | None]) -> None:
    joined: list[bytes | None] = [b""]
    single: list[bytes | None] = []
    for chunk in chunks:
        if chunk is None:
            joined += [None, b""]
            single.append(None)
        else:
            joined[-1] = (joined[-1] or b"") + chunk
            single += [chunk[at : at + 1] for at in range(len(chunk))]
    assert everything(joined) == everything(single) == everything(chunks)

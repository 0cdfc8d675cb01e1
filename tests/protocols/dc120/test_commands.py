"""The table of commands against the protocol document, a row at a time."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.dc120.commands import (
    FORMS,
    GET_FILE,
    GET_THUMBNAIL,
    TABLE,
    Code,
    Command,
    Form,
    Parameter,
    command,
    decode_command,
)
from camfs.protocols.dc120.values import Location, Timeout

DOCUMENT: list[tuple[Command, str]] = [
    (command(Code.SET_DATE_DISPLAY, date_format=0, time_format=0), "33000000 0000001A"),
    (command(Code.SET_DATE_DISPLAY, date_format=2, time_format=1), "33000201 0000001A"),
    (command(Code.SET_MACRO_UNITS, units=1), "34000100 0000001A"),
    (command(Code.SET_DEFAULT_FLASH, flash=2), "35000002 0000001A"),
    (command(Code.SET_SPEED, speed=0x9600), "41009600 0000001A"),
    (command(Code.SET_SPEED, speed=0x1920), "41001920 0000001A"),
    (command(Code.SET_SPEED, speed=0x3840), "41003840 0000001A"),
    (command(Code.SET_SPEED, speed=0x5760), "41005760 0000001A"),
    (command(Code.SET_SPEED, speed=0x1152), "41001152 0000001A"),
    (command(Code.SET_SPEED, speed=0x2304), "41002304 0000001A"),
    (command(Code.SET_ALBUM_NAMES, bytes(256)), "42000000 0000001A"),
    (command(Code.GET_ALBUM_NAMES), "43000000 0000001A"),
    (command(Code.GET_FILE_COUNT, location=Location.MEMORY), "45000000 0000001A"),
    (command(Code.GET_FILE_COUNT, location=Location.CARD, album=8), "45010000 0800001A"),
    (command(Code.SET_ALBUM, album=5), "49000500 0000001A"),
    (command(Code.GET_FILE_NAMES, location=Location.CARD, album=1), "4A010000 0100001A"),
    (command(Code.GET_MEMORY_FILE, number=0x1234, album=3), "54011234 0300001A"),
    (command(Code.GET_CARD_FILE, number=1), "64010001 0000001A"),
    (command(Code.GET_MEMORY_INFO, number=2), "55010002 0000001A"),
    (command(Code.GET_CARD_INFO, number=2, album=8), "65010002 0800001A"),
    (command(Code.GET_MEMORY_THUMBNAIL, number=2), "56010002 0000001A"),
    (command(Code.GET_CARD_THUMBNAIL, number=2), "66010002 0000001A"),
    (command(Code.SET_QUALITY, quality=3), "71000300 0000001A"),
    (command(Code.SET_FLASH, flash=1), "72000100 0000001A"),
    (command(Code.SET_FOCUS, focus=2), "73000200 0000001A"),
    (command(Code.SET_SELF_TIMER, timer=1), "74000100 0000001A"),
    (command(Code.SET_CLOCK, clock=0x12CEA6AC), "750012CE A6AC001A"),
    (command(Code.SET_CLOCK, clock=0xA5B68632), "7500A5B6 8632001A"),
    (command(Code.SET_ZOOM, zoom=6), "78000600 0000001A"),
    (command(Code.ERASE, location=Location.MEMORY, number=0x102), "7B000102 0000001A"),
    (command(Code.ERASE, location=Location.CARD, number=0x102), "7B010102 0000001A"),
    (command(Code.TAKE_PICTURE), "7C000000 0000001A"),
    (command(Code.GET_STATUS), "7F000000 0000001A"),
    (command(Code.SET_TIMEOUT, timeout=Timeout.POWER, seconds=0x3C), "82003C00 0000001A"),
    (command(Code.SET_TIMEOUT, timeout=Timeout.LCD, seconds=0x78), "82017800 0000001A"),
    (command(Code.SET_EXPOSURE_MODE, mode=1), "8B000100 0000001A"),
    (command(Code.SET_EXPOSURE_COMPENSATION, compensation=0x84), "80008400 0000001A"),
    (command(Code.SET_SHUTTER_SPEED, shutter=0x186A00), "81000018 6A00001A"),
    (command(Code.UNKNOWN_96), "96000000 0000001A"),
    (command(Code.UNKNOWN_97), "97000000 0000001A"),
    (command(Code.UNKNOWN_99, bytes(58)), "99000000 0000001A"),
    (command(Code.UNKNOWN_9A, bytes(66)), "9A000000 0000001A"),
    (command(Code.SET_USER_NAME, bytes(58)), "9E000000 0000001A"),
]


@pytest.mark.parametrize(("made", "frame"), DOCUMENT)
def test_the_frames_of_the_protocol_document(made: Command, frame: str) -> None:
    assert made.encode() == bytes.fromhex(frame)
    decoded = decode_command(bytes.fromhex(frame))
    assert (decoded.code, decoded.arguments) == (made.code, made.arguments)


def test_the_table_has_every_code_once_and_the_vectors_use_each() -> None:
    assert [form.code for form in TABLE] == list(dict.fromkeys(made.code for made, _ in DOCUMENT))
    assert set(FORMS) == set(Code)


def test_what_comes_back() -> None:
    sizes = {form.code: (form.reply.size, form.reply.packets) for form in TABLE if form.reply.size}
    assert sizes == {
        0x43: (256, 1),
        0x45: (16, 1),
        0x4A: (256, None),
        0x54: (1024, None),
        0x64: (1024, None),
        0x55: (256, 1),
        0x65: (256, 1),
        0x56: (1024, None),
        0x66: (1024, None),
        0x7F: (256, 1),
        0x99: (256, None),
        0x9A: (1024, None),
    }
    assert {form.code: form.extra for form in TABLE if form.extra} == {0x42: 256, 0x99: 58, 0x9A: 66, 0x9E: 58}
    assert {form.code for form in TABLE if form.busy} == {0x7B, 0x7C}
    assert {form.code for form in TABLE if not form.completes} == {0x41}


def test_codes_by_location() -> None:
    for table, codes in [(GET_FILE, (0x54, 0x64)), (GET_THUMBNAIL, (0x56, 0x66))]:
        assert (table[Location.MEMORY], table[Location.CARD]) == codes


def codes(parameter: Parameter) -> st.SearchStrategy[int]:
    """Codes that a parameter takes."""
    if isinstance(parameter.values, range):
        return st.integers(parameter.values.start, parameter.values.stop - 1)
    return st.sampled_from(list(parameter.values))


@st.composite
def commands(draw: st.DrawFn) -> Command:
    form: Form = draw(st.sampled_from(TABLE))
    return Command(form, tuple(draw(codes(each)) for each in form.parameters))


@given(commands())
def test_frames_both_ways(made: Command) -> None:
    assert decode_command(made.encode()) == made


@given(st.binary(min_size=0, max_size=9))
def test_any_bytes_are_a_command_or_an_error(data: bytes) -> None:
    try:
        decoded = decode_command(data)
    except RemoteProtocolError:
        return
    assert decoded.encode() == data


@given(st.sampled_from(TABLE), st.binary(min_size=5, max_size=5))
def test_any_parameters_are_a_command_or_an_error(form: Form, middle: bytes) -> None:
    frame = bytes([form.code]) + middle + b"\x00\x1a"
    with contextlib.suppress(RemoteProtocolError):
        assert decode_command(frame).encode() == frame


@pytest.mark.parametrize(
    "frame",
    [
        "7F000000 0000001B",  # no 1A
        "7F000000 0000011A",  # byte 6
        "7F000001 0000001A",  # a byte that is no parameter's
        "00000000 0000001A",
        "44000000 0000001A",  # only libgphoto2 has it
        "7A000001 0000001A",
        "71000400 0000001A",
        "45020000 0000001A",
        "45000000 0900001A",
        "41004800 0000001A",
        "81000000 0000001A",
        "82003D00 0000001A",
        "80008000 0000001A",
    ],
)
def test_frames_that_are_no_commands(frame: str) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_command(bytes.fromhex(frame))


def test_byte_1_of_file_data_as_libgphoto2_sends_it() -> None:
    assert decode_command(bytes.fromhex("54000001 0000001A"))["access"] == 0


def test_parameters_by_name() -> None:
    made = command(Code.ERASE, location=1, number=7)
    assert made.named() == {"location": 1, "number": 7, "album": 0}
    assert made["number"] == 7
    assert str(made) == "7B erase picture"


@pytest.mark.parametrize(
    ("code", "extra", "arguments"),
    [
        (0x44, b"", {}),
        (Code.SET_QUALITY, b"", {}),
        (Code.SET_QUALITY, b"", {"quality": 4}),
        (Code.SET_QUALITY, b"", {"quality": 1, "flash": 1}),
        (Code.GET_STATUS, b"x", {}),
        (Code.SET_USER_NAME, b"", {}),
        (Code.SET_USER_NAME, bytes(57), {}),
        (Code.SET_CLOCK, b"", {"clock": 1 << 32}),
        (Code.ERASE, b"", {"location": 0, "number": -1}),
    ],
)
def test_commands_that_cannot_be_made(code: int, extra: bytes, arguments: dict[str, int]) -> None:
    with pytest.raises(LocalProtocolError):
        command(code, extra, **arguments)

"""Every command and query of the protocol document, as one table: `TABLE`. Host, emulated camera and settings all read it.

A frame is 8 bytes: the code, five bytes of parameters, 00, 1A. Numbers are big endian. The table has what goes to the camera
(camfs/protocols/dc120/README.md, "Command table") and what comes back (camfs/protocols/dc120/README.md, "Packets, camera to host").
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.dc120.frames import COMMAND_SIZE, COMMAND_TAIL, DATA_SIZE
from camfs.protocols.dc120.values import (
    ALBUM,
    DATE_FORMAT,
    EXPOSURE_COMPENSATION,
    EXPOSURE_MODE,
    FLASH,
    FOCUS,
    MACRO_UNITS,
    QUALITY,
    SELF_TIMER,
    SHUTTER_SPEED,
    SPEED,
    TIME_FORMAT,
    TIMEOUT,
    ZOOM,
    Choices,
    Location,
)


class Code(IntEnum):
    """Byte 0 of a command."""

    SET_DATE_DISPLAY = 0x33
    SET_MACRO_UNITS = 0x34
    SET_DEFAULT_FLASH = 0x35
    SET_SPEED = 0x41
    SET_ALBUM_NAMES = 0x42
    GET_ALBUM_NAMES = 0x43
    GET_FILE_COUNT = 0x45
    SET_ALBUM = 0x49
    GET_FILE_NAMES = 0x4A
    GET_MEMORY_FILE = 0x54
    GET_MEMORY_INFO = 0x55
    GET_MEMORY_THUMBNAIL = 0x56
    GET_CARD_FILE = 0x64
    GET_CARD_INFO = 0x65
    GET_CARD_THUMBNAIL = 0x66
    SET_QUALITY = 0x71
    SET_FLASH = 0x72
    SET_FOCUS = 0x73
    SET_SELF_TIMER = 0x74
    SET_CLOCK = 0x75
    SET_ZOOM = 0x78
    ERASE = 0x7B
    TAKE_PICTURE = 0x7C
    GET_STATUS = 0x7F
    SET_EXPOSURE_COMPENSATION = 0x80
    SET_SHUTTER_SPEED = 0x81
    SET_TIMEOUT = 0x82
    SET_EXPOSURE_MODE = 0x8B
    UNKNOWN_96 = 0x96
    UNKNOWN_97 = 0x97
    UNKNOWN_99 = 0x99
    UNKNOWN_9A = 0x9A
    SET_USER_NAME = 0x9E


GET_FILE = {Location.MEMORY: Code.GET_MEMORY_FILE, Location.CARD: Code.GET_CARD_FILE}
GET_THUMBNAIL = {Location.MEMORY: Code.GET_MEMORY_THUMBNAIL, Location.CARD: Code.GET_CARD_THUMBNAIL}


@dataclass(frozen=True)
class Parameter:
    """A parameter in a command's frame.

    Attributes:
        name: what it is.
        offset: byte of the frame where it begins, 1 to 5.
        values: the codes it may have, with words where there are some.
        size: in bytes.
        default: the code that is sent where none is given; None if one must be given.
    """

    name: str
    offset: int
    values: Choices | range
    size: int = 1
    default: int | None = None


@dataclass(frozen=True)
class Reply:
    """The packets that answer a query.

    Attributes:
        size: bytes of payload in a packet; 0 for a command, which is answered by no packets.
        packets: how many there are, None if that depends on the camera's contents.
        certain: True where a source states size and number. Where they are guesses, a packet may also end with silence.
    """

    size: int = 0
    packets: int | None = 0
    certain: bool = True


NONE = Reply()
LIST_SIZE = 256
"""Bytes of payload in the packets of lists, album names, picture info and the status."""


@dataclass(frozen=True)
class Form:
    """What a command looks like: a row of the table.

    Attributes:
        code: byte 0.
        name: what the protocol document calls it.
        parameters: what the frame holds besides the code; all other bytes are 00.
        reply: what comes back between D1 and 00.
        extra: bytes of payload that the computer sends after D1, without lead and checksum; 0 for none.
        busy: the camera is busy for seconds before its 00, and doing the command twice would do harm: it is never sent again blindly.
        completes: whether a 00 ends the command. After a change of speed there is none.
    """

    code: Code
    name: str
    parameters: tuple[Parameter, ...] = ()
    reply: Reply = NONE
    extra: int = 0
    busy: bool = False
    completes: bool = True


def _one(name: str, offset: int, values: Choices | range, size: int = 1) -> tuple[Parameter]:
    return (Parameter(name, offset, values, size),)


_LOCATION = Parameter("location", 1, range(2))
_LIST = (_LOCATION, Parameter("album", 4, ALBUM, default=0))
_PICTURE = (
    Parameter("access", 1, range(2), default=1),  # libgphoto2 sends 00 for pictures in memory
    Parameter("number", 2, range(0x10000), 2),
    Parameter("album", 4, ALBUM, default=0),
)
_ERASE = (
    _LOCATION,
    Parameter("number", 2, range(0x10000), 2),
    Parameter("album", 4, ALBUM, default=0),  # 00 in the protocol document; libgphoto2 sends the album
)
_FILE = Reply(DATA_SIZE, None)
_INFO = Reply(LIST_SIZE, 1, certain=False)
_THUMBNAIL = Reply(DATA_SIZE, None, certain=False)

TABLE: tuple[Form, ...] = (
    Form(
        Code.SET_DATE_DISPLAY,
        "set time and date display settings",
        (Parameter("date_format", 2, DATE_FORMAT), Parameter("time_format", 3, TIME_FORMAT)),
    ),
    Form(Code.SET_MACRO_UNITS, "set macro units", _one("units", 2, MACRO_UNITS)),
    Form(Code.SET_DEFAULT_FLASH, "set default flash setting", _one("flash", 3, FLASH)),
    Form(Code.SET_SPEED, "set baud rate", _one("speed", 2, SPEED, 2), completes=False),
    Form(Code.SET_ALBUM_NAMES, "set album names", extra=256),
    Form(Code.GET_ALBUM_NAMES, "get album names", reply=Reply(LIST_SIZE, 1)),
    Form(Code.GET_FILE_COUNT, "get number of files", _LIST, Reply(16, 1)),
    Form(Code.SET_ALBUM, "set album", _one("album", 2, ALBUM)),
    Form(Code.GET_FILE_NAMES, "get multiple filenames", _LIST, Reply(LIST_SIZE, None)),
    Form(Code.GET_MEMORY_FILE, "get file data", _PICTURE, _FILE),
    Form(Code.GET_CARD_FILE, "get file data (from card)", _PICTURE, _FILE),
    Form(Code.GET_MEMORY_INFO, "get image info", _PICTURE, _INFO),
    Form(Code.GET_CARD_INFO, "get image info (from card)", _PICTURE, _INFO),
    Form(Code.GET_MEMORY_THUMBNAIL, "get thumbnail image", _PICTURE, _THUMBNAIL),
    Form(Code.GET_CARD_THUMBNAIL, "get thumbnail image (from card)", _PICTURE, _THUMBNAIL),
    Form(Code.SET_QUALITY, "set storage quality", _one("quality", 2, QUALITY)),
    Form(Code.SET_FLASH, "set flash setting", _one("flash", 2, FLASH)),
    Form(Code.SET_FOCUS, "set focus setting", _one("focus", 2, FOCUS)),
    Form(Code.SET_SELF_TIMER, "set self timer", _one("timer", 2, SELF_TIMER)),
    Form(Code.SET_CLOCK, "set time and date", _one("clock", 2, range(1 << 32), 4)),
    Form(Code.SET_ZOOM, "zoom setting", _one("zoom", 2, ZOOM)),
    Form(Code.ERASE, "erase picture", _ERASE, busy=True),
    Form(Code.TAKE_PICTURE, "take picture", busy=True),
    Form(Code.GET_STATUS, "get id and settings", reply=Reply(LIST_SIZE, 1)),
    Form(Code.SET_TIMEOUT, "set timeout", (Parameter("timeout", 1, range(2)), Parameter("seconds", 2, TIMEOUT))),
    Form(Code.SET_EXPOSURE_MODE, "set manual exposure", _one("mode", 2, EXPOSURE_MODE)),
    Form(
        Code.SET_EXPOSURE_COMPENSATION, "update exposure compensation", _one("compensation", 2, EXPOSURE_COMPENSATION)
    ),
    Form(Code.SET_SHUTTER_SPEED, "set manual shutter speed", _one("shutter", 3, SHUTTER_SPEED, 3)),
    Form(Code.UNKNOWN_96, "???"),
    Form(Code.UNKNOWN_97, "???"),
    Form(Code.UNKNOWN_99, "??? (takes a path)", reply=Reply(LIST_SIZE, None, certain=False), extra=58),
    Form(Code.UNKNOWN_9A, "??? (takes a path)", reply=Reply(DATA_SIZE, None, certain=False), extra=66),
    Form(Code.SET_USER_NAME, "set user name", extra=58),
)
"""In the order of the protocol document."""

FORMS: Mapping[int, Form] = {form.code: form for form in TABLE}


@dataclass(frozen=True)
class Command:
    """A command with its parameters. Make one with `command`.

    Attributes:
        form: its row of the table.
        arguments: a code for each parameter, in the row's order.
        extra: payload of the extra data; empty in commands that a camera has received, where it follows as an event.
    """

    form: Form
    arguments: tuple[int, ...] = ()
    extra: bytes = field(default=b"", repr=False)

    @property
    def code(self) -> Code:
        """Byte 0 of the frame."""
        return self.form.code

    def __getitem__(self, name: str) -> int:
        return self.named()[name]

    def named(self) -> dict[str, int]:
        """Return the parameters by their names."""
        return dict(zip((parameter.name for parameter in self.form.parameters), self.arguments, strict=True))

    def encode(self) -> bytes:
        """Return the frame."""
        frame = bytearray([self.form.code, *bytes(5), *COMMAND_TAIL])
        for parameter, code in zip(self.form.parameters, self.arguments, strict=True):
            frame[parameter.offset : parameter.offset + parameter.size] = code.to_bytes(parameter.size, "big")
        return bytes(frame)

    def __str__(self) -> str:
        return f"{self.form.code:02X} {self.form.name}"


def command(code: int, extra: bytes = b"", **arguments: int) -> Command:
    """Make a command.

    Args:
        code: one of `Code`.
        extra: payload of its extra data, if it takes some.
        arguments: a code for each parameter; those with a default may be left out.

    Raises:
        LocalProtocolError: the table has no such command, or it has other parameters, values or another length of extra data for it.
    """
    form = FORMS.get(code)
    if form is None:
        raise LocalProtocolError(f"no command {code:02X}")
    if len(extra) != form.extra:
        raise LocalProtocolError(f"{len(extra)} bytes of extra data for {form.name}, which takes {form.extra}")
    codes = []
    for parameter in form.parameters:
        value = arguments.pop(parameter.name, parameter.default)
        if value is None or value not in parameter.values:
            raise LocalProtocolError(f"{form.name}: {parameter.name} cannot be {value}")
        codes.append(int(value))
    if arguments:
        raise LocalProtocolError(f"{form.name} has no {', '.join(arguments)}")
    return Command(form, tuple(codes), extra)


def decode_command(frame: bytes) -> Command:
    """Read a frame. Bytes that belong to no parameter must be 00.

    Raises:
        RemoteProtocolError: this is no frame, its code is not in the table, or a parameter does not take its value.
    """
    form = FORMS.get(frame[0]) if len(frame) == COMMAND_SIZE and frame.endswith(COMMAND_TAIL) else None
    if form is None:
        raise RemoteProtocolError(f"no command: {frame[:COMMAND_SIZE].hex(' ')}")
    codes = [int.from_bytes(frame[each.offset : each.offset + each.size], "big") for each in form.parameters]
    for parameter, code in zip(form.parameters, codes, strict=True):
        if code not in parameter.values:
            raise RemoteProtocolError(f"{form.name}: {parameter.name} {code:X} in {frame.hex(' ')}")
    decoded = Command(form, tuple(codes))
    if decoded.encode() != frame:
        raise RemoteProtocolError(f"{form.name}: stray bytes in {frame.hex(' ')}")
    return decoded

"""What an emulated DC120 does when it has accepted a command: `HANDLERS`, a row for each command of the table.

A handler is given the camera's state, the command's parameters by name and its extra data. It does the command and returns the payloads
of the reply; it raises `Failure` where the camera answers E2. `libgphoto2_command` finds commands that only libgphoto2 knows.
"""

import struct
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial

from camfs.errors import InvalidValue, RemoteProtocolError
from camfs.protocols.dc120.commands import FORMS, LIST_SIZE, Code
from camfs.protocols.dc120.frames import COMMAND_TAIL, DATA_SIZE, data_payloads
from camfs.protocols.dc120.info import PictureInfo
from camfs.protocols.dc120.lists import FileEntry, ListLayout, encode_count, encode_list
from camfs.protocols.dc120.texts import AlbumNames, decode_path
from camfs.protocols.dc120.values import Location, Timeout, encode_clock
from camfs.protocols.kdc import ENOUGH, PICTURE_OFFSET, Header
from camfs.virtual.dc120.state import CAMERA_TYPE, CameraState, Failure
from camfs.virtual.dc120.store import StoredPicture
from camfs.virtual.pictures import kdc

Arguments = Mapping[str, int]
Handler = Callable[[CameraState, Arguments, bytes], Awaitable[Iterable[bytes]]]

FOLDERS = {r"\MEMORY": Location.MEMORY, r"\PCCARD\DC120IMG": Location.CARD}
"""The paths that the protocol document has for 99 and 9A: these folders, and `ALBUM_FILE` in each."""
ALBUM_FILE = "ALBUM.CTL"


async def _nothing(state: CameraState, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    return ()


def _setting(**attributes: str) -> Handler:
    """Return a handler that sets attributes of the settings, each to the parameter of its keyword."""

    async def handle(state: CameraState, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
        for parameter, attribute in attributes.items():
            setattr(state.settings, attribute, arguments[parameter])
        return ()

    return handle


async def _set_compensation(state: CameraState, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    value = arguments["compensation"]
    if value and state.settings.exposure_mode and state.quirks.exclusive_exposure:
        raise Failure
    state.settings.exposure_compensation = value
    return ()


async def _set_shutter(state: CameraState, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    if state.settings.exposure_compensation and state.quirks.exclusive_exposure:
        raise Failure
    state.settings.shutter_speed = arguments["shutter"]
    return ()


async def _set_timeout(state: CameraState, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    if arguments["timeout"] == Timeout.LCD:
        state.settings.lcd_timeout = arguments["seconds"]
    else:
        state.settings.power_timeout = arguments["seconds"]
    return ()


async def _set_clock(state: CameraState, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    state.clock = arguments["clock"]
    return ()


async def _set_album_names(state: CameraState, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    state.albums = AlbumNames(AlbumNames.decode(extra).fields)  # the bytes behind the names mean nothing
    return ()


async def _get_album_names(state: CameraState, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    return (state.albums.encode(),)


async def _set_user_name(state: CameraState, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    state.name_owner(extra)
    return ()


async def _get_status(state: CameraState, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    return (state.status().encode(),)


async def _get_file_count(state: CameraState, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    return (encode_count(len(state.listed(Location(arguments["location"]), arguments["album"]))),)


async def _get_file_names(state: CameraState, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    pictures = state.listed(Location(arguments["location"]), arguments["album"])
    return encode_list([list_entry(state, picture) for picture in pictures], state.quirks.list_layout)


def list_entry(state: CameraState, picture: StoredPicture) -> FileEntry:
    """Return what lists say of a picture."""
    stem = picture.name.partition(".")[0]
    dotted = state.quirks.dotted_names and len(stem) < 8  # there is no room for the dot of a longer one
    return FileEntry.named(picture.name, picture.content.size, dotted=dotted, data=_dos_stamp(picture.modified))


def _dos_stamp(moment: datetime | None) -> bytes:
    """Return the four bytes that a DOS directory has for a time: time and date, little endian, in steps of two seconds from 1980."""
    if moment is None or not 1980 <= moment.year < 2108:
        return bytes(4)
    time = moment.hour << 11 | moment.minute << 5 | moment.second // 2
    date = moment.year - 1980 << 9 | moment.month << 5 | moment.day
    return struct.pack("<HH", time, date)


async def _get_file(location: Location, state: CameraState, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    return _file_payloads(state.picture(location, arguments["number"], arguments["album"]))


def _file_payloads(picture: StoredPicture) -> Iterator[bytes]:
    """Read a picture while its packets are sent. The last one is filled up with 00, and so are bytes that the disk no longer has."""
    for offset in range(0, picture.content.size, DATA_SIZE):
        try:
            yield picture.content.read(offset, DATA_SIZE).ljust(DATA_SIZE, b"\0")
        except OSError:
            raise Failure from None


async def _get_thumbnail(location: Location, state: CameraState, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    picture = state.picture(location, arguments["number"], arguments["album"])
    try:
        head = picture.content.read(0, PICTURE_OFFSET)
        return data_payloads(Header.decode(head).thumbnail(head))
    except (OSError, RemoteProtocolError):
        raise Failure from None


async def _get_info(location: Location, state: CameraState, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    number = arguments["number"]
    picture = state.picture(location, number, arguments["album"])
    try:
        header = Header.decode(picture.content.read(0, ENOUGH))
        clock = encode_clock(header.taken) if header.taken else 0
    except (OSError, RemoteProtocolError, InvalidValue):
        raise Failure from None
    qualities = [quality.bits_per_pixel for quality in kdc.QUALITIES]
    info = PictureInfo(
        camera_type=CAMERA_TYPE,
        quality=qualities.index(header.bits_per_pixel) if header.bits_per_pixel in qualities else 0,
        number=number,
        size=picture.content.size,
        clock=clock,
        flash_fired=int(header.flash == kdc.FLASH),
        zoom=kdc.FOCAL_LENGTHS.index(header.focal_length) if header.focal_length in kdc.FOCAL_LENGTHS else 0,
        f_number=min(header.aperture, 0xFF),
        exposure=header.exposure,
        name_field=list_entry(state, picture).name_field,
    )
    return (info.encode(),)


async def _take_picture(state: CameraState, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    await state.take_picture(Location(arguments["location"]) if "location" in arguments else None)
    return ()


async def _erase(state: CameraState, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    await state.erase(Location(arguments["location"]), arguments["number"])
    return ()


async def _list_path(state: CameraState, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    """Do 99, as far as anyone knows: tell what a folder or a file is, in one packet like those of 4A."""
    location, file = _resolve(state, decode_path(Code.UNKNOWN_99, extra))
    album_file = FileEntry.named(ALBUM_FILE, state.quirks.album_file_packet)
    if file:
        return encode_list([album_file])
    pictures = [list_entry(state, picture) for picture in state.listed(location, 0)]
    return encode_list([album_file, *pictures], ListLayout.SINGLE)


async def _read_path(state: CameraState, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    """Do 9A, as far as anyone knows: send the file of a path."""
    _, file = _resolve(state, decode_path(Code.UNKNOWN_9A, extra))
    if not file:
        raise Failure
    return (state.albums.encode().ljust(max(LIST_SIZE, state.quirks.album_file_packet), b"\0"),)


def _resolve(state: CameraState, path: str) -> tuple[Location, bool]:
    """Return the location of a path, and whether the path is that of its file of albums.

    Raises:
        Failure: there is no such path.
    """
    folder, _, name = path.rpartition("\\")
    file = name == ALBUM_FILE
    location = FOLDERS.get(folder if file else path)
    if location is None or location not in state.stores:
        raise Failure
    return location, file


HANDLERS: Mapping[Code, Handler] = {
    Code.SET_DATE_DISPLAY: _setting(date_format="date_format", time_format="time_format"),
    Code.SET_MACRO_UNITS: _setting(units="macro_units"),
    Code.SET_DEFAULT_FLASH: _setting(flash="default_flash"),
    Code.SET_SPEED: _nothing,  # the server changes the line's speed
    Code.SET_ALBUM_NAMES: _set_album_names,
    Code.GET_ALBUM_NAMES: _get_album_names,
    Code.GET_FILE_COUNT: _get_file_count,
    Code.SET_ALBUM: _setting(album="album"),
    Code.GET_FILE_NAMES: _get_file_names,
    Code.GET_MEMORY_FILE: partial(_get_file, Location.MEMORY),
    Code.GET_CARD_FILE: partial(_get_file, Location.CARD),
    Code.GET_MEMORY_INFO: partial(_get_info, Location.MEMORY),
    Code.GET_CARD_INFO: partial(_get_info, Location.CARD),
    Code.GET_MEMORY_THUMBNAIL: partial(_get_thumbnail, Location.MEMORY),
    Code.GET_CARD_THUMBNAIL: partial(_get_thumbnail, Location.CARD),
    Code.SET_QUALITY: _setting(quality="quality"),
    Code.SET_FLASH: _setting(flash="flash"),
    Code.SET_FOCUS: _setting(focus="focus"),
    Code.SET_SELF_TIMER: _setting(timer="self_timer"),
    Code.SET_CLOCK: _set_clock,
    Code.SET_ZOOM: _setting(zoom="zoom"),
    Code.ERASE: _erase,
    Code.TAKE_PICTURE: _take_picture,
    Code.GET_STATUS: _get_status,
    Code.SET_TIMEOUT: _set_timeout,
    Code.SET_EXPOSURE_MODE: _setting(mode="exposure_mode"),
    Code.SET_EXPOSURE_COMPENSATION: _set_compensation,
    Code.SET_SHUTTER_SPEED: _set_shutter,
    Code.UNKNOWN_96: _nothing,
    Code.UNKNOWN_97: _nothing,
    Code.UNKNOWN_99: _list_path,
    Code.UNKNOWN_9A: _read_path,
    Code.SET_USER_NAME: _set_user_name,
}

assert HANDLERS.keys() == FORMS.keys()


def libgphoto2_command(frame: bytes, all_of_them: bool) -> tuple[Code, Handler, Arguments] | None:
    """Return what a command does that libgphoto2's driver sends and the protocol document does not have.

    Args:
        frame: 8 bytes.
        all_of_them: also 44 and 7A; else only 77, which every emulated camera accepts.

    Returns:
        The command of the table that it is like, its handler and its parameters; None if there is no such command.
    """
    assert frame[-1] == COMMAND_TAIL[-1]
    match tuple(frame[:-1]):
        case (0x77, 0, 0, 0, 0, 0, 0):
            return Code.TAKE_PICTURE, _take_picture, {"location": Location.MEMORY}
        case (0x44, 0 | 1, 0, 0, 0, 0, 0) if all_of_them:
            return Code.GET_ALBUM_NAMES, _get_album_names, {}
        case (0x7A, 0, high, low, _, 0, 0) if all_of_them:
            return Code.ERASE, _erase, {"location": Location.MEMORY, "number": high << 8 | low}
    return None

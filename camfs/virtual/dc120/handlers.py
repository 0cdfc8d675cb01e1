"""What an emulated DC120 does when a command is accepted: `HANDLERS`, a row for each command of the seed.

A handler takes the body, the command's parameters by name and its extra data, does it, and returns the payloads of the reply; it
raises `Failure` where the camera answers E2. Commands that nothing but libgphoto2 knows are told by `foreign`.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from functools import partial

from camfs.errors import InvalidValue, RemoteProtocolError
from camfs.protocols.dc120.commands import FORMS, LIST_SIZE, Code
from camfs.protocols.dc120.frames import COMMAND_TAIL, DATA_SIZE
from camfs.protocols.dc120.info import ImageInfo, Thumbnail
from camfs.protocols.dc120.lists import FileEntry, Listing, encode_count, encode_names
from camfs.protocols.dc120.texts import AlbumNames, decode_path
from camfs.protocols.dc120.values import Location, Timeout, encode_clock
from camfs.protocols.kdc import ENOUGH, PICTURE_OFFSET, Header
from camfs.virtual.dc120.state import CAMERA_TYPE, Body, Failure
from camfs.virtual.dc120.store import Picture
from camfs.virtual.pictures import kdc

Arguments = Mapping[str, int]
Handler = Callable[[Body, Arguments, bytes], Awaitable[Iterable[bytes]]]

FOLDERS = {r"\MEMORY": Location.MEMORY, r"\PCCARD\DC120IMG": Location.CARD}
"""The paths of 99 and 9A in the seed: these, and `ALBUM_FILE` in each."""
ALBUM_FILE = "ALBUM.CTL"


async def _nothing(body: Body, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    return ()


def _setting(**attributes: str) -> Handler:
    """Return a handler that puts each parameter into an attribute of the settings."""

    async def handle(body: Body, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
        for parameter, attribute in attributes.items():
            setattr(body.settings, attribute, arguments[parameter])
        return ()

    return handle


async def _set_compensation(body: Body, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    value = arguments["compensation"]
    if value and body.settings.exposure_mode and body.quirks.exclusive_exposure:
        raise Failure
    body.settings.exposure_compensation = value
    return ()


async def _set_shutter(body: Body, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    if body.settings.exposure_compensation and body.quirks.exclusive_exposure:
        raise Failure
    body.settings.shutter_speed = arguments["shutter"]
    return ()


async def _set_timeout(body: Body, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    if arguments["timeout"] == Timeout.LCD:
        body.settings.lcd_timeout = arguments["seconds"]
    else:
        body.settings.power_timeout = arguments["seconds"]
    return ()


async def _set_clock(body: Body, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    body.clock = arguments["clock"]
    return ()


async def _set_album_names(body: Body, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    body.albums = AlbumNames(
        AlbumNames.decode(extra).cells
    )  # what lies behind the names means nothing (reference, section 5)
    return ()


async def _get_album_names(body: Body, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    return (body.albums.encode(),)


async def _set_user_name(body: Body, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    body.name_owner(extra)
    return ()


async def _get_status(body: Body, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    return (body.status().encode(),)


async def _get_file_count(body: Body, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    return (encode_count(len(body.listed(Location(arguments["location"]), arguments["album"]))),)


async def _get_file_names(body: Body, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    pictures = body.listed(Location(arguments["location"]), arguments["album"])
    return encode_names([_entry(body, picture) for picture in pictures], body.quirks.listing)


def _entry(body: Body, picture: Picture) -> FileEntry:
    stem = picture.name.partition(".")[0]
    dotted = body.quirks.dotted_names and len(stem) < 8  # there is no room for the dot of a longer one
    return FileEntry.named(picture.name, picture.content.size, dotted=dotted)


async def _get_file(location: Location, body: Body, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    return _file_payloads(body.picture(location, arguments["number"], arguments["album"]))


def _file_payloads(picture: Picture) -> Iterator[bytes]:
    """Read a picture as its packets are sent; the last is filled up with 00, and so is what the disk no longer has."""
    for offset in range(0, picture.content.size, DATA_SIZE):
        try:
            yield picture.content.read(offset, DATA_SIZE).ljust(DATA_SIZE, b"\0")
        except OSError:
            raise Failure from None


async def _get_thumbnail(location: Location, body: Body, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    picture = body.picture(location, arguments["number"], arguments["album"])
    try:
        head = picture.content.read(0, PICTURE_OFFSET)
        return Thumbnail(Header.decode(head).thumbnail(head)).encode()
    except (OSError, RemoteProtocolError):
        raise Failure from None


async def _get_info(location: Location, body: Body, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    number = arguments["number"]
    picture = body.picture(location, number, arguments["album"])
    try:
        header = Header.decode(picture.content.read(0, ENOUGH))
        clock = encode_clock(header.taken) if header.taken else 0
    except (OSError, RemoteProtocolError, InvalidValue):
        raise Failure from None
    qualities = [quality.bits_per_pixel for quality in kdc.QUALITIES]
    info = ImageInfo(
        camera_type=CAMERA_TYPE,
        quality=qualities.index(header.bits_per_pixel) if header.bits_per_pixel in qualities else 0,
        number=number,
        size=picture.content.size,
        clock=clock,
        flash_fired=int(header.flash == kdc.FLASH),
        zoom=kdc.FOCAL_LENGTHS.index(header.focal_length) if header.focal_length in kdc.FOCAL_LENGTHS else 0,
        f_number=min(header.aperture, 0xFF),
        exposure=header.exposure,
        name_field=_entry(body, picture).name_field,
    )
    return (info.encode(),)


async def _take_picture(body: Body, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    await body.take_picture(Location(arguments["location"]) if "location" in arguments else None)
    return ()


async def _erase(body: Body, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    await body.erase(Location(arguments["location"]), arguments["number"])
    return ()


async def _list_path(body: Body, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    """99, as far as anyone knows: what a folder or a file is, in one packet like those of 4A (reference, section 10)."""
    location, file = _resolve(body, decode_path(Code.UNKNOWN_99, extra))
    album_file = FileEntry.named(ALBUM_FILE, body.quirks.album_file_packet)
    if file:
        return encode_names([album_file])
    pictures = [_entry(body, picture) for picture in body.listed(location, 0)]
    return encode_names([album_file, *pictures], Listing.SINGLE)


async def _read_path(body: Body, arguments: Arguments, extra: bytes) -> Iterable[bytes]:
    """9A, as far as anyone knows: a file by its path (reference, section 10)."""
    _, file = _resolve(body, decode_path(Code.UNKNOWN_9A, extra))
    if not file:
        raise Failure
    return (body.albums.encode().ljust(max(LIST_SIZE, body.quirks.album_file_packet), b"\0"),)


def _resolve(body: Body, path: str) -> tuple[Location, bool]:
    """Return the location of a path, and whether it is its file of albums.

    Raises:
        Failure: there is no such path.
    """
    folder, _, name = path.rpartition("\\")
    file = name == ALBUM_FILE
    location = FOLDERS.get(folder if file else path)
    if location is None or location not in body.stores:
        raise Failure
    return location, file


HANDLERS: Mapping[Code, Handler] = {
    Code.SET_DATE_DISPLAY: _setting(date_format="date_format", time_format="time_format"),
    Code.SET_MACRO_UNITS: _setting(units="macro_units"),
    Code.SET_DEFAULT_FLASH: _setting(flash="default_flash"),
    Code.SET_SPEED: _nothing,  # the line's business
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


def foreign(frame: bytes, all_of_them: bool) -> tuple[Code, Handler, Arguments] | None:
    """Return what a command does that libgphoto2's driver sends and the seed does not have (reference, section 16).

    Args:
        frame: 8 bytes.
        all_of_them: also 44 and 7A; else only 77, which a camera that knows the seed alone takes too.

    Returns:
        The command of the seed that it is like, its handler and its parameters; None for no such command.
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

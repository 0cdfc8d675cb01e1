"""The state of an emulated DC120: stores, albums, settings, its clock, and what taking and erasing a picture does to them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import trio

from camfs.protocols.dc120.status import STATUS_NAME_SIZE, Status
from camfs.protocols.dc120.texts import ALBUMS, USER_NAME_SIZE, AlbumNames
from camfs.protocols.dc120.values import CLOCK_MAX, CLOCK_OFFSET, Location, decode_clock, encode_focus_zoom
from camfs.protocols.kdc import OWNER_SIZE
from camfs.virtual.dc120.faults import Quirks
from camfs.virtual.dc120.store import Store, StoredPicture
from camfs.virtual.pictures import kdc
from camfs.virtual.pictures.contents import Bytes

CAMERA_TYPE = 4
FIRMWARE = (1, 0)
"""What the status tells where libgphoto2 looks for them; the version is that of the picture files (`DC120 Camera V1.0`)."""

CARD_16_MB = 0x80
CARD_NAME = b"DC120CARD  "

SELF_TIMER_SECONDS = 10

_AUTOMATIC_SHUTTER = 449
"""Units of 10 us: what automatic exposure chose in pictures of a real camera."""


class Failure(Exception):
    """The camera accepted the command but cannot do it, and answers E2."""


@dataclass
class SettingCodes:
    """The settings as commands set them: codes of the tables in `camfs.protocols.dc120.values`, timeouts in seconds."""

    date_format: int = 0
    time_format: int = 0
    macro_units: int = 0
    default_flash: int = 0
    album: int = 0
    quality: int = 1
    flash: int = 0
    focus: int = 0
    self_timer: int = 0
    zoom: int = 0
    exposure_compensation: int = 0
    exposure_mode: int = 0
    shutter_speed: int = _AUTOMATIC_SHUTTER
    power_timeout: int = 0x3C
    lcd_timeout: int = 0x3C


class CameraState:
    """A camera without its line.

    Args:
        stores: the memory, and the card if there is one.
        albums: names of the first albums; the others have none.
        quirks: what is different about it.
        capture_seconds: how long it takes to take a picture.

    Attributes:
        stores: by location; tests may take the card out and put one in.
        albums: their names.
        settings: as commands set them.
        owner: the user name, and what longer names have left behind it.
        last_number: of the picture taken last; the next one has the next number.
    """

    def __init__(
        self, stores: Mapping[Location, Store], albums: Iterable[str], quirks: Quirks, capture_seconds: float
    ) -> None:
        self.stores = dict(stores)
        names = tuple(albums)
        self.albums = AlbumNames.of(names + ("",) * (ALBUMS - len(names)))
        self.quirks = quirks
        self.capture_seconds = capture_seconds
        self.settings = SettingCodes()
        self.owner = bytes(USER_NAME_SIZE)
        self.last_number = max((store.last_number() for store in self.stores.values()), default=0)
        self._clock = CLOCK_OFFSET
        self._clock_set: float | None = None

    @property
    def clock(self) -> int:
        """Half seconds. A clock that was never set starts at `CLOCK_OFFSET` when it is first read."""
        now = trio.current_time()
        if self._clock_set is None:
            self._clock_set = now
        return min(CLOCK_MAX, self._clock + int(2 * (now - self._clock_set)))

    @clock.setter
    def clock(self, halves: int) -> None:
        self._clock, self._clock_set = halves, trio.current_time()

    def listed(self, location: Location, album: int) -> list[StoredPicture]:
        """Return the pictures of a list; there are none on a card that is not there."""
        store = self.stores.get(location)
        return store.listed(album, self.quirks.album_0_is_all) if store else []

    def picture(self, location: Location, number: int, album: int) -> StoredPicture:
        """Return the picture that has a number in a list.

        Raises:
            Failure: there is no such picture.
        """
        pictures = self.listed(location, album)
        if not 0 < number <= len(pictures):
            raise Failure
        return pictures[number - 1]

    def name_owner(self, name: bytes) -> None:
        """Set the user name up to its NUL. The bytes behind it stay as they were, as files of a real camera show."""
        end = name.find(b"\0") + 1 or len(name)
        self.owner = name[:end] + self.owner[end:]

    async def take_picture(self, location: Location | None = None) -> None:
        """Take a picture and store it in the album that is set. It appears in lists only when this has returned.

        Args:
            location: where to store it; None for the card if there is one, else the memory.

        Raises:
            Failure: there is no room for the largest picture of this quality.
        """
        if location is None:
            location = Location.CARD if Location.CARD in self.stores else Location.MEMORY
        store = self.stores[location]
        settings = self.settings
        if not store.left(kdc.QUALITIES[settings.quality]):
            raise Failure
        await trio.sleep(self.capture_seconds + SELF_TIMER_SECONDS * settings.self_timer)
        self.last_number += 1
        shot = kdc.Shot(
            number=self.last_number % 1_000_000,
            taken=decode_clock(self.clock),
            quality=settings.quality,
            exposure=settings.shutter_speed if settings.exposure_mode else _AUTOMATIC_SHUTTER,
            zoom=settings.zoom,
            flash=settings.flash == 1,
            owner=self.owner[:OWNER_SIZE],
        )
        content = Bytes(partial(kdc.picture, shot))
        store.pictures.append(StoredPicture(f"{shot.name}.KDC", content, settings.album, shot.taken))

    async def erase(self, location: Location, number: int) -> None:
        """Erase a picture; later ones move down by one number.

        Raises:
            Failure: there is no such picture, or no card.
        """
        store = self.stores.get(location)
        if store is None or not 0 < number <= len(store.pictures):
            raise Failure
        least, most = self.quirks.erase_seconds
        await trio.sleep(min(most, least + 0.1 * (len(store.pictures) - number)))
        del store.pictures[number - 1]

    def switch_on(self) -> None:
        """Do what switching on does to the settings: the flash is what command 35 has set."""
        self.settings.flash = self.settings.default_flash

    def status(self) -> Status:
        """Return the status that 7F asks for."""
        settings = self.settings
        memory, card = self.stores[Location.MEMORY], self.stores.get(Location.CARD)
        status = Status(
            identity=bytes((0, CAMERA_TYPE, *FIRMWARE)),
            sleep_timeout=settings.power_timeout,
            lcd_timeout=settings.lcd_timeout,
            clock=self.clock,
            focus_zoom=encode_focus_zoom(settings.focus, settings.zoom),
            flash_charged=1,
            quality=settings.quality,
            flash=settings.flash,
            exposure_compensation=settings.exposure_compensation,
            exposure_mode=settings.exposure_mode,
            shutter_speed=settings.shutter_speed,
            self_timer=settings.self_timer,
            card=CARD_16_MB if card else 0,
            date_format=settings.date_format,
            time_format=settings.time_format,
            macro_units=settings.macro_units,
            memory_pictures=len(memory.pictures),
            memory_left=_left(memory),
            card_pictures=len(card.pictures) if card else 0,
            card_name=CARD_NAME if card else bytes(len(CARD_NAME)),
            name=self.owner[:STATUS_NAME_SIZE],
            memory_albums=memory.albums_in_use,
            card_albums=card.albums_in_use if card else 0,
        )
        return status.with_card_left(_left(card)) if card else status


def _left(store: Store) -> tuple[int, int, int, int]:
    first, second, third, fourth = (min(0xFFFF, store.left(quality)) for quality in kdc.QUALITIES)
    return first, second, third, fourth

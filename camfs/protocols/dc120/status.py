"""The camera's id and settings: the reply to 7F, every byte of it.

Facts: camfs/protocols/dc120/README.md, "Id and settings".
"""

import struct
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, fields, replace
from datetime import datetime

from camfs.protocols.dc120.fields import require_size
from camfs.protocols.dc120.values import decode_clock, decode_focus_zoom
from camfs.protocols.text import decode_text

STATUS_NAME_SIZE = 30
"""Bytes of the user's name that the status shows."""
_STATUS = struct.Struct(">4s4s4BI8BI8BH8s4H2sH8s11s11s2s30s2s2H130s")


@dataclass(frozen=True)
class Status:
    """Id and settings: the bytes of the reply in their order.

    Fields have the meanings that the protocol document gives them. Where it has none, but libgphoto2's driver has one, the field is named
    after that, and marked with "libgphoto2" below: such a value may be shown, but nothing may depend on it.

    Attributes:
        identity: libgphoto2: bytes 1, 2, 3 are the camera type and the firmware's version.
        battery: libgphoto2: 0 good, 1 weak, 2 empty.
        adapter: libgphoto2: 1 if the mains adapter is in use.
        sleep_timeout: seconds; the protocol document is not sure which of the two timeouts is which.
        lcd_timeout: seconds.
        clock: half seconds, see `values.decode_clock`.
        focus_zoom: see `values.decode_focus_zoom`.
        flash_charged: libgphoto2.
        quality, flash, exposure_compensation, exposure_mode: codes of `values.QUALITY` and so on.
        light: libgphoto2: measured light.
        shutter_speed: units of 10 us.
        self_timer: code of `values.SELF_TIMER`.
        card: 0 without a card, 0x80 with one of 16 MB.
        cover: libgphoto2: front cover.
        date_format, time_format, macro_units: codes of their tables.
        memory_pictures: libgphoto2: pictures in memory.
        memory_left: libgphoto2: pictures for which there is room in memory, by code of quality.
        card_pictures: pictures on the card.
        card_3: libgphoto2: its first 8 bytes are four numbers like `memory_left`, of the card.
        card_name: the field of `card_label`.
        name: the field of `user_name`.
        memory_albums, card_albums: numbers of albums in use.
        zeros: zeros.
    """

    identity: bytes = bytes(4)
    unknown_4: bytes = bytes(4)
    battery: int = 0
    adapter: int = 0
    sleep_timeout: int = 0x3C
    lcd_timeout: int = 0x3C
    clock: int = 0
    focus_zoom: int = 0
    unknown_17: int = 0
    flash_charged: int = 0
    quality: int = 0
    flash: int = 0
    exposure_compensation: int = 0
    light: int = 0
    exposure_mode: int = 0
    shutter_speed: int = 0
    unknown_28: int = 0
    self_timer: int = 0
    card: int = 0
    cover: int = 0
    date_format: int = 0
    time_format: int = 0
    macro_units: int = 0
    unknown_35: int = 0
    memory_pictures: int = 0
    unknown_38: bytes = bytes(8)
    memory_left: tuple[int, int, int, int] = (0, 0, 0, 0)
    unknown_54: bytes = bytes(2)
    card_pictures: int = 0
    card_2: bytes = bytes(8)
    card_3: bytes = bytes(11)
    card_name: bytes = bytes(11)
    card_4: bytes = bytes(2)
    name: bytes = bytes(STATUS_NAME_SIZE)
    unknown_120: bytes = bytes(2)
    memory_albums: int = 0
    card_albums: int = 0
    zeros: bytes = field(default=bytes(130), repr=False)

    @classmethod
    def decode(cls, payload: bytes) -> "Status":
        """Read the reply to 7F.

        Raises:
            RemoteProtocolError: the payload has another length.
        """
        require_size(payload, _STATUS.size, "status")
        values = list(_STATUS.unpack(payload))
        values[_LEFT : _LEFT + 4] = [tuple(values[_LEFT : _LEFT + 4])]
        return cls(*values)

    def encode(self) -> bytes:
        """Write the reply to 7F."""
        values = list(astuple(self))
        values[_LEFT : _LEFT + 1] = self.memory_left
        return _STATUS.pack(*values)

    @property
    def has_card(self) -> bool:
        """Whether a card is in the camera."""
        return self.card != 0

    @property
    def time(self) -> datetime:
        """The camera's local time."""
        return decode_clock(self.clock)

    @property
    def focus(self) -> int:
        """Code of `values.FOCUS`."""
        return decode_focus_zoom(self.focus_zoom)[0]

    @property
    def zoom(self) -> int | None:
        """Code of `values.ZOOM`; None in macro, which hides it."""
        return decode_focus_zoom(self.focus_zoom)[1]

    @property
    def user_name(self) -> str:
        """The first 30 characters of the user's name."""
        return decode_text(self.name)

    @property
    def card_label(self) -> str:
        """The name of the card."""
        return decode_text(self.card_name).rstrip(" ")

    def with_card_left(self, left: Sequence[int]) -> "Status":
        """Return this status with these numbers at the beginning of `card_3`: pictures for which the card has room, by code of quality."""
        return replace(self, card_3=struct.pack(">4H", *left) + self.card_3[8:])


_LEFT = [each.name for each in fields(Status)].index("memory_left")
"""Where `memory_left`, which is one field of four numbers, stands among the others."""

"""What the camera tells of a picture without its file: image info (55, 65), thumbnail (56, 66). Reference dc120, section 8.6."""

import struct
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field

from camfs.errors import RemoteProtocolError
from camfs.protocols.dc120.fields import require_size
from camfs.protocols.dc120.frames import DATA_SIZE, data_payloads
from camfs.protocols.dc120.lists import FileEntry
from camfs.protocols.kdc import THUMBNAIL_SIZE

_INFO = struct.Struct(">BB2sBBHII2B3sB4sBBI12s212s")


@dataclass(frozen=True)
class ImageInfo:
    """What 55 and 65 tell of a picture. No source has the DC120's; this is the DC210's (reference 8.6): show it, do not act on it.

    Attributes:
        camera_type: of the camera that took it.
        quality: code of `values.QUALITY`.
        number: of the picture.
        size: of the file in bytes.
        clock: when it was taken, half seconds.
        flash_fired, flash: whether it did, and the code of `values.FLASH`.
        zoom: code of `values.ZOOM`.
        f_number: in tenths perhaps.
        battery: 0 good, 1 weak, 2 empty.
        exposure: time, units of 10 us.
        name_field: as in `FileEntry`.
    """

    unknown_0: int = 0
    camera_type: int = 0
    unknown_2: bytes = bytes(2)
    quality: int = 0
    unknown_5: int = 0
    number: int = 0
    size: int = 0
    clock: int = 0
    flash_fired: int = 0
    flash: int = 0
    unknown_18: bytes = bytes(3)
    zoom: int = 0
    unknown_22: bytes = bytes(4)
    f_number: int = 0
    battery: int = 0
    exposure: int = 0
    name_field: bytes = bytes(12)
    rest: bytes = field(default=bytes(212), repr=False)

    @classmethod
    def decode(cls, payload: bytes) -> "ImageInfo":
        """Read the reply to 55 or 65.

        Raises:
            RemoteProtocolError: not of this length.
        """
        require_size(payload, _INFO.size, "image info")
        return cls(*_INFO.unpack(payload))

    def encode(self) -> bytes:
        """Write the reply to 55 or 65."""
        return _INFO.pack(*astuple(self))

    @property
    def name(self) -> str:
        """The name of the file."""
        return FileEntry(self.name_field, self.size).name


@dataclass(frozen=True)
class Thumbnail:
    """What 56 and 66 send: no source has its layout; taken to be the pixels of the file (reference 8.6).

    Attributes:
        pixels: 80 x 60 RGB.
        rest: what fills up the last packet, as long as packets are 1024 bytes.
    """

    pixels: bytes = field(repr=False)
    rest: bytes = field(default=bytes(-THUMBNAIL_SIZE % DATA_SIZE), repr=False)

    @classmethod
    def decode(cls, payloads: Iterable[bytes]) -> "Thumbnail":
        """Read it from all payloads.

        Raises:
            RemoteProtocolError: too few bytes.
        """
        data = b"".join(payloads)
        if len(data) < THUMBNAIL_SIZE:
            raise RemoteProtocolError(f"thumbnail of {len(data)} bytes, not {THUMBNAIL_SIZE}")
        return cls(data[:THUMBNAIL_SIZE], data[THUMBNAIL_SIZE:])

    def encode(self) -> list[bytes]:
        """Write it as payloads."""
        return list(data_payloads(self.pixels + self.rest))

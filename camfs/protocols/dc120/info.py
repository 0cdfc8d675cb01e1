"""Picture info: what the camera tells of a picture without its file (55, 65).

No source has the DC120's layout. This is the DC210's, which the emulated camera sends; the driver does not ask for it.
camfs/protocols/dc120/README.md, "Thumbnails and picture info".
"""

import struct
from dataclasses import astuple, dataclass

_INFO = struct.Struct(">xB2xBxHIIBB3xB4xBBI12s212x")


@dataclass(frozen=True)
class PictureInfo:
    """What 55 and 65 tell of a picture.

    Attributes:
        camera_type: of the camera that took it.
        quality: code of `values.QUALITY`.
        number: of the picture.
        size: of the file in bytes.
        clock: when it was taken, half seconds.
        flash_fired: 1 if the flash fired.
        flash: code of `values.FLASH`.
        zoom: code of `values.ZOOM`.
        f_number: in tenths perhaps.
        battery: 0 good, 1 weak, 2 empty.
        exposure: time, units of 10 us.
        name_field: as in `lists.FileEntry`.
    """

    camera_type: int = 0
    quality: int = 0
    number: int = 0
    size: int = 0
    clock: int = 0
    flash_fired: int = 0
    flash: int = 0
    zoom: int = 0
    f_number: int = 0
    battery: int = 0
    exposure: int = 0
    name_field: bytes = bytes(12)

    def encode(self) -> bytes:
        """Write the reply to 55 or 65."""
        return _INFO.pack(*astuple(self))

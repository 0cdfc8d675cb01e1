"""What the firmware decides about an emulated fp, and what a test or an option may change about it at any time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from camfs.protocols.sigma import values as words
from camfs.protocols.sigma.codes import CaptureState

FIRMWARES = ("V84", "V91")
"""Tags of firmware: V84 is that of the dumps, V91 is 5.02 in the menu (camfs/protocols/sigma/README.md, "Identity")."""

NEWEST, MENU_NAME = FIRMWARES[-1], "5.02"

_ADDRESSES: Mapping[str, Mapping[str, int]] = {
    "V84": {"JPG": 0x5700_0580, "DNG": 0x5BCE_8D00},
    "V91": {"JPG": 0x5D50_0880, "DNG": 0x621E_9000},
}
"""Where a firmware puts the files of a shot in the camera's memory, by format (camfs/protocols/sigma/README.md, "PictFileInfo2,
GetBigPartialPictFile, ClearImageDBSingle"). The DNG's of V84 is not known; it is as far behind the JPEG's as that of V91."""

GAPS = 5
"""Every so many view frames there is none."""

BURST = 3
"""Pictures of a SnapCommand in continuous drive, if it asks for fewer."""


@dataclass(eq=False)
class Behaviour:
    """How the camera behaves.

    Attributes:
        snap_time: seconds of each step of a capture.
        failures: states in which the next pictures end, one each.
        contrast: whether autofocus finds the subject.
        burst: pictures of a SnapCommand in continuous drive.
        amounts: whether SnapCommand takes as many pictures as it is told; else one.
        gaps: every so many view frames there is none; 0 for never.
        sum_byte: whether a sum follows the bytes of a picture.
        body_switch: the body's still/movie switch, which CaptureMode follows while the camera is standalone.
        begins_with: settings other than the defaults that remote control begins with: name in `.settings`, value.
        flash_type: group 2 reports FlashType.
        focus_api: the host can drive the focus.
        live_exposure: the ISO in auto, and the aperture where the camera chooses it, are reported as the camera meters them; else
            there is nothing to report.
        metered_iso: code of the ISO that the camera meters.
        metered_aperture: code of the aperture that the camera meters.
        addresses: where the files of a shot are in the camera's memory, by format.
        padding: what stands behind the texts of a record that is alone.
        numbers_custom_modes: C1 to C3 are numbers, 5 to 7; else bits beside the mode that they are based on.
        strict: a write with a wrong sum is refused.
        slow: writes take effect after a delay, and one that follows another closely is refused.
        busy: so many writes and view frames are answered with DeviceBusy.
    """

    snap_time: float = 0.3
    failures: list[CaptureState] = field(default_factory=list)
    contrast: bool = True
    burst: int = BURST
    amounts: bool = True
    gaps: int = GAPS
    sum_byte: bool = True
    body_switch: int = words.STILL
    begins_with: Sequence[tuple[str, str]] = ()
    flash_type: bool = True
    focus_api: bool = True
    live_exposure: bool = True
    metered_iso: int = 40
    metered_aperture: int = 48
    addresses: Mapping[str, int] = field(default_factory=lambda: _ADDRESSES[NEWEST])
    padding: bytes = b"\1\0"
    numbers_custom_modes: bool = False
    strict: bool = False
    slow: bool = False
    busy: int = 0

    def be_of(self, firmware: str) -> None:
        """Behave as a firmware does."""
        is_old = firmware == FIRMWARES[0]
        self.flash_type = self.focus_api = self.live_exposure = not is_old
        self.addresses = _ADDRESSES[firmware]
        self.padding = bytes(2) if is_old else b"\1\0"

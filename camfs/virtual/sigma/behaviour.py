"""What a test or an option may change about an emulated fp, at any time."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from camfs.protocols.sigma import values as words
from camfs.protocols.sigma.codes import CaptureState

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
        gaps: every so many view frames there is none; 0 for never.
        sum_byte: whether a sum follows the bytes of a picture.
        body_switch: the body's still/movie switch, which CaptureMode follows while the camera is standalone.
        begins_with: settings other than the defaults that remote control begins with: name in `.settings`, value.
        flash_type: group 2 reports FlashType, as that of an fp L does.
        strict: a write with a wrong sum is refused.
        slow: writes take effect after a delay, and one that follows another closely is refused.
        busy: so many writes and view frames are answered with DeviceBusy.
    """

    snap_time: float = 0.3
    failures: list[CaptureState] = field(default_factory=list)
    contrast: bool = True
    burst: int = BURST
    gaps: int = GAPS
    sum_byte: bool = True
    body_switch: int = words.STILL
    begins_with: Sequence[tuple[str, str]] = ()
    flash_type: bool = False
    strict: bool = False
    slow: bool = False
    busy: int = 0

"""Sony's operation, response and event codes, its buttons, and what an answer means to the user.

What they do, and who found that out: camfs/protocols/sony/README.md, "Operations".
"""

from collections.abc import Mapping
from enum import IntEnum

from camfs import errors
from camfs.protocols.ptp.codes import DataPhase, ObjectHandle, OperationCode, ResponseCode, name_of

PC_REMOTE = frozenset({0x9201, 0x9202, 0x9205, 0x9207, 0x9209})
"""Operations that a body lists in the mode PC Remote, and in no other mode."""

NEXT_SHOT = ObjectHandle(0xFFFFC001)
"""The handle of the picture that has waited longest in the body's memory. Reading it removes it, and then it means the next one."""

LIVE_VIEW = ObjectHandle(0xFFFFC002)
"""The handle of the present frame of the live view."""

STEPWISE = 0xC8
DIRECT = 0x12C
"""Versions of the protocol: exposure is changed in steps, or by writing its value."""

UP, DOWN = 1, 2
"""What a button is told."""

WAITING = 0x8000
"""The least value of `SonyProperty.ObjectInMemory` with which a picture waits; its low byte says how many do."""


class SonyOperation(OperationCode):
    """The vendor operations that camfs uses or emulates."""

    Connect = 0x9201, DataPhase.IN
    GetExtDeviceInfo = 0x9202, DataPhase.IN
    SetControlDeviceA = 0x9205, DataPhase.OUT
    SetControlDeviceB = 0x9207, DataPhase.OUT
    GetAllDevicePropData = 0x9209, DataPhase.IN


class SonyResponse(IntEnum):
    """The vendor's response codes."""

    AuthenticationFailed = 0xA101
    PasswordTooLong = 0xA102
    PasswordBad = 0xA103
    FeatureVersionInvalid = 0xA104
    TemporaryStorageFull = 0xA105
    CameraStatusError = 0xA106


class SonyEvent(IntEnum):
    """The vendor's event codes."""

    ObjectAdded = 0xC201
    ObjectRemoved = 0xC202
    DevicePropChanged = 0xC203
    Captured = 0xC206
    CustomWhiteBalanceResult = 0xC208
    SettingsReadResult = 0xC209
    FtpSettingsReadResult = 0xC20A
    MediaFormatResult = 0xC20B
    FtpNamesChanged = 0xC20C
    ContentsTransfer = 0xC20D
    DisplayListChanged = 0xC20F
    FocusPositionResult = 0xC218
    LensInformationChanged = 0xC21B
    OperationResults = 0xC222
    AfStatus = 0xC223
    MovieRecordResult = 0xC224


class SonyProperty(IntEnum):
    """The properties that camfs does something about, beside those that are settings (`settings`)."""

    ImageQuality = 0x5004
    Aperture = 0x5007
    FocusMode = 0x500A
    ExposureMode = 0x500E
    ExposureCompensation = 0x5010
    DriveMode = 0x5013
    ShutterSpeed = 0xD20D
    FocusFound = 0xD213
    Zoom = 0xD214
    ObjectInMemory = 0xD215
    Battery = 0xD218
    MovieState = 0xD21D
    Iso = 0xD21E
    LiveViewState = 0xD221
    Destination = 0xD222
    Clock = 0xD223
    FreeShots = 0xD249
    FreeShots2 = 0xD257
    FileFormat = 0xD253
    Priority = 0xD25A


class Button(IntEnum):
    """What is pressed and let go with `SonyOperation.SetControlDeviceB`."""

    Half = 0xD2C1
    Full = 0xD2C2
    Bulb = 0xD2C7
    Movie = 0xD2C8
    ManualFocus = 0xD2D1


class Focus(IntEnum):
    """What `SonyProperty.FocusFound` says."""

    Idle = 1
    Locked = 2
    Failed = 3
    TrackingAcquires = 5
    TrackingFocused = 6
    TrackingFailed = 7


FOCUS_WORDS = {
    Focus.Idle: "idle",
    Focus.Locked: "locked",
    Focus.Failed: "failed",
    Focus.TrackingAcquires: "tracking, not yet in focus",
    Focus.TrackingFocused: "tracking, in focus",
    Focus.TrackingFailed: "tracking failed",
}

TO_COMPUTER, TO_CARD, TO_BOTH = 1, 0x10, 0x11
"""Values of `SonyProperty.Destination`."""

BULB = 0
"""The exposure time that lasts as long as the release is held."""

MOST_FOCUS = 7
"""The longest step of the focus in either direction."""

Meaning = tuple[type[errors.Refused], str]

REASONS: Mapping[int, Meaning] = {
    ResponseCode.DeviceBusy: (errors.Busy, "the camera is busy"),
    ResponseCode.AccessDenied: (errors.Busy, "the camera does not do that now"),
    SonyResponse.AuthenticationFailed: (errors.AccessDenied, "the camera wants to be paired with this computer first"),
    SonyResponse.PasswordTooLong: (errors.AccessDenied, "the password is too long"),
    SonyResponse.PasswordBad: (errors.AccessDenied, "the password has characters that the camera does not take"),
    SonyResponse.FeatureVersionInvalid: (errors.NotSupported, "the camera does not have this version of the protocol"),
    SonyResponse.TemporaryStorageFull: (errors.StoreFull, "the camera's memory is full"),
    SonyResponse.CameraStatusError: (errors.Busy, "the camera cannot do that in its present state"),
}
"""What an answer means: the failure, and its reason in words (camfs/protocols/sony/README.md, "Answers")."""


def explained(error: errors.Refused, doing: str) -> errors.Refused:
    """Return the failure that a refusal means, with its reason; what nothing is known of stays as it is."""
    if error.code is None or error.code not in REASONS:
        return error
    kind, reason = REASONS[error.code]
    return kind(f"{doing}: {reason} ({name_of(SonyResponse, error.code)})", error.code)


def waiting_shots(value: int) -> int:
    """Return how many pictures wait in the body's memory, by the value of `SonyProperty.ObjectInMemory`."""
    return max(value & 0xFF, 1) if value >= WAITING else 0

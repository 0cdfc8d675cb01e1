"""Nikon's operation, response and event codes, and what an answer means to the user (camfs/protocols/nikon/README.md, "Operations")."""

from collections.abc import Mapping
from enum import IntEnum

from camfs import errors
from camfs.protocols.ptp.codes import REFUSALS as STANDARD_REFUSALS
from camfs.protocols.ptp.codes import DataPhase, ObjectHandle, OperationCode, ResponseCode, name_of

IN_MEMORY = ObjectHandle(0xFFFF0001)
"""The handle of the picture that waits longest in the body's memory; it means the next one once that is deleted."""

WITHOUT_AF = 0xFFFFFFFF
WITH_AF = 0xFFFFFFFE
"""First parameter of `InitiateCaptureRecInMedia`."""

TO_CARD = 0
TO_MEMORY = 1
"""Its second parameter."""

NEAR, FAR = 1, 2
"""First parameter of `MfDrive`."""

MOST_STEPS = 32767
"""The largest second parameter of `MfDrive`."""


class NikonOperation(OperationCode):
    """The vendor operations that camfs uses or emulates."""

    Capture = 0x90C0
    AfDrive = 0x90C1
    ChangeCameraMode = 0x90C2
    DelImageSDRAM = 0x90C3
    GetLargeThumb = 0x90C4, DataPhase.IN
    CheckEvent = 0x90C7, DataPhase.IN
    DeviceReady = 0x90C8
    GetVendorPropCodes = 0x90CA, DataPhase.IN
    AfCaptureSDRAM = 0x90CB
    StartLiveView = 0x9201
    EndLiveView = 0x9202
    GetLiveViewImage = 0x9203, DataPhase.IN
    MfDrive = 0x9204
    ChangeAfArea = 0x9205
    AfDriveCancel = 0x9206
    InitiateCaptureRecInMedia = 0x9207
    StartMovieRecInCard = 0x920A
    EndMovieRec = 0x920B
    TerminateCapture = 0x920C
    CancelImagesInSDRAM = 0x940C
    GetEventEx = 0x941C, DataPhase.IN
    GetObjectSize = 0x9421, DataPhase.IN
    GetLiveViewImageEx = 0x9428, DataPhase.IN
    GetPartialObjectEx = 0x9431, DataPhase.IN
    ChangeApplicationMode = 0x9435
    GetVendorCodes = 0x9439, DataPhase.IN


PROPERTY_CODES = 0x0D
"""Parameter of `GetVendorCodes`: the codes of device properties."""


class NikonResponse(IntEnum):
    """The vendor's response codes."""

    HardwareError = 0xA001
    OutOfFocus = 0xA002
    ChangeCameraModeFailed = 0xA003
    InvalidStatus = 0xA004
    SetPropertyNotSupported = 0xA005
    WhiteBalanceResetError = 0xA006
    DustReferenceError = 0xA007
    ShutterSpeedBulb = 0xA008
    MirrorUpSequence = 0xA009
    ApertureRingNotSet = 0xA00A
    NotLiveView = 0xA00B
    MfDriveStepEnd = 0xA00C
    MfDriveStepTooSmall = 0xA00E
    BodyFault = 0xA00F
    StoreError = 0xA021
    StoreUnformatted = 0xA022
    BulbReleaseBusy = 0xA200
    SilentReleaseBusy = 0xA201
    MovieFrameReleaseBusy = 0xA202
    ShutterSpeedTime = 0xA204
    WaitingForSecondRelease = 0xA207
    MirrorUpAgain = 0xA208


Meaning = tuple[type[errors.Refused], str]

REASONS: Mapping[int, Meaning] = {
    NikonResponse.HardwareError: (errors.CaptureFailed, "the camera reports a hardware error"),
    NikonResponse.OutOfFocus: (errors.FocusFailed, "autofocus found nothing; no picture was taken"),
    NikonResponse.InvalidStatus: (
        errors.Busy,
        "the camera cannot do that in its present state (a menu, an upload, a shot)",
    ),
    NikonResponse.SetPropertyNotSupported: (errors.AccessDenied, "the camera lets nobody change this now"),
    NikonResponse.ShutterSpeedBulb: (errors.NotPermitted, "shutter-speed is bulb: the exposure would not end"),
    NikonResponse.ShutterSpeedTime: (errors.NotPermitted, "shutter-speed is time: the exposure would not end"),
    NikonResponse.MirrorUpSequence: (errors.Busy, "the mirror is up; the next release exposes"),
    NikonResponse.WaitingForSecondRelease: (errors.Busy, "the camera waits for a second release"),
    NikonResponse.MirrorUpAgain: (errors.Busy, "the mirror is up; the next release exposes"),
    NikonResponse.ApertureRingNotSet: (errors.AccessDenied, "the lens's aperture ring is not at its smallest aperture"),
    NikonResponse.NotLiveView: (errors.Busy, "the camera's live view is off"),
    NikonResponse.MfDriveStepEnd: (errors.InvalidValue, "the lens is at its end"),
    NikonResponse.MfDriveStepTooSmall: (errors.InvalidValue, "the lens does not move in steps as small as that"),
    NikonResponse.BodyFault: (errors.CaptureFailed, "the camera reports a fault"),
    NikonResponse.StoreError: (errors.CaptureFailed, "the card cannot be written"),
    NikonResponse.StoreUnformatted: (errors.CaptureFailed, "the card is not formatted"),
    NikonResponse.BulbReleaseBusy: (errors.Busy, "a bulb exposure is going on"),
    NikonResponse.SilentReleaseBusy: (errors.Busy, "a silent exposure is going on"),
    NikonResponse.MovieFrameReleaseBusy: (errors.Busy, "the camera is busy with a frame of the movie"),
    ResponseCode.StoreFull: (errors.StoreFull, "the card is full"),
    ResponseCode.StoreReadOnly: (errors.StoreReadOnly, "the card is write-protected"),
    ResponseCode.StoreNotAvailable: (errors.StoreUnavailable, "there is no card"),
}
"""What an answer means: the failure, and its reason in words (camfs/protocols/nikon/README.md, "Answers")."""


def explained(error: errors.Refused, doing: str) -> errors.Refused:
    """Return the failure that a refusal means, with its reason; what nothing is known of stays as it is."""
    if error.code is None or error.code not in REASONS:
        return error
    kind, reason = REASONS[error.code]
    if isinstance(error, kind) and error.code in STANDARD_REFUSALS:
        return kind(f"{doing}: {reason}", error.code)
    return kind(f"{doing}: {reason} ({name_of(NikonResponse, error.code)})", error.code)


class NikonEvent(IntEnum):
    """The vendor's event codes."""

    ObjectAddedInSDRAM = 0xC101
    CaptureCompleteRecInSdram = 0xC102
    AdvancedTransfer = 0xC103
    PreviewImageAdded = 0xC104
    MovieRecordInterrupted = 0xC105
    FirstPhaseOfMirrorUp = 0xC106
    MirrorUpCancelled = 0xC107
    MovieRecordComplete = 0xC108
    MovieRecordStarted = 0xC10A
    PictureControlChanged = 0xC10B
    LiveViewStateChanged = 0xC10C
    ManualLensDataChanged = 0xC10E
    ActiveSelectionInterrupted = 0xC112
    SpeedlightAdded = 0xC120
    SpeedlightRemoved = 0xC121
    SpeedlightAttribute = 0xC122
    SpeedlightGroupAttribute = 0xC123


class NikonProperty(IntEnum):
    """The vendor's device properties that camfs does something about, beside those of `settings`."""

    MovieProhibition = 0xD0A4
    IsoSensitivity = 0xD0B4
    ExposureTime = 0xD100
    RecordingMedia = 0xD10B
    AutofocusMode = 0xD161
    LiveViewStatus = 0xD1A2
    LiveViewProhibition = 0xD1A4
    ApplicationMode = 0xD1F0

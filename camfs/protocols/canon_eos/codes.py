"""The numbers of Canon's EOS cameras: operations, responses, event records, properties.

What the operations do, and which bodies list them: camfs/protocols/canon_eos/README.md, "Operations".
"""

from enum import IntEnum, IntFlag

from camfs import errors
from camfs.protocols.ptp.codes import REFUSALS, DataPhase, EventCode, OperationCode, ResponseCode, name_of

CANON = "canon"
"""How the manufacturer in DeviceInfo begins, in small letters: some bodies write `Canon Inc.`, some `Canon.Inc`."""

EVENT_WAITS = 0xC101
"""The event that says that records wait for GetEvent."""

OBJECT_INFO_FLAGS = 0x0010_0000
"""The third parameter of GetObjectInfoEx."""

VIEW_SIZE = 0x0020_0000
"""The first parameter of GetViewFinderData."""

MAX_PIECE = 1 << 20
"""Bytes that are asked for at a time: EOS R bodies do not stand pieces of 5 MB."""


class CanonOperation(OperationCode):
    """The vendor operations that camfs or gphoto2 sends, and a few that nobody must.

    Those that have the name of a standard operation are called `Canon…` here, so that a trace tells them apart.
    """

    CanonGetStorageIDs = 0x9101, DataPhase.IN
    CanonGetStorageInfo = 0x9102, DataPhase.IN
    CanonGetObject = 0x9104, DataPhase.IN
    CanonDeleteObject = 0x9105
    CanonGetPartialObject = 0x9107, DataPhase.IN
    GetDeviceInfoEx = 0x9108, DataPhase.IN
    GetObjectInfoEx = 0x9109, DataPhase.IN
    GetThumbEx = 0x910A, DataPhase.IN
    RemoteRelease = 0x910F
    SetDevicePropValueEx = 0x9110, DataPhase.OUT
    SetRemoteMode = 0x9114
    SetEventMode = 0x9115
    GetEvent = 0x9116, DataPhase.IN
    TransferComplete = 0x9117
    CancelTransfer = 0x9118
    PCHDDCapacity = 0x911A
    SetUILock = 0x911B
    ResetUILock = 0x911C
    KeepDeviceOn = 0x911D
    UpdateFirmware = 0x911F
    BulbStart = 0x9125
    BulbEnd = 0x9126
    RequestDevicePropValue = 0x9127
    RemoteReleaseOn = 0x9128
    RemoteReleaseOff = 0x9129
    MovieSelectSWOn = 0x9133
    MovieSelectSWOff = 0x9134
    SetRequestOLCInfoGroup = 0x913D
    GetViewFinderData = 0x9153, DataPhase.IN
    DoAf = 0x9154
    DriveLens = 0x9155
    AfCancel = 0x9160
    CanonGetPartialObject64 = 0x9172, DataPhase.IN
    FactoryFirst = 0x91FE, DataPhase.IN
    FactorySecond = 0x91FF, DataPhase.IN


NEVER_SENT = frozenset({CanonOperation.UpdateFirmware, CanonOperation.FactoryFirst, CanonOperation.FactorySecond})
"""Operations that belong to firmware and factory; camfs never sends them."""


class CanonResponse(IntEnum):
    """Response codes of Canon's own."""

    UnknownCommand = 0xA001
    OperationRefused = 0xA005
    LensCover = 0xA006
    BatteryLow = 0xA101
    ObjectNotReady = 0xA102
    CannotMakeObject = 0xA104
    MemoryStatusNotReady = 0xA106


class Record(IntEnum):
    """Codes of the records in a reply to GetEvent."""

    End = 0
    ObjectAdded = 0xC181
    ObjectRemoved = 0xC182
    StorageStatusChanged = 0xC184
    StorageInfoChanged = 0xC185
    RequestTransfer = 0xC186
    ObjectInfoChanged = 0xC187
    ObjectContentChanged = 0xC188
    PropertyChanged = 0xC189
    ChoicesChanged = 0xC18A
    CameraStatus = 0xC18B
    WillShutDownSoon = 0xC18D
    ShutdownTimerUpdated = 0xC18E
    StoreAdded = 0xC192
    StoreRemoved = 0xC193
    BulbSeconds = 0xC194
    MovieSeconds = 0xC195
    AfResult = 0xC1A3
    CardChecked = 0xC1A4
    OnlineInfo = 0xC1A5
    ObjectAdded64 = 0xC1A7
    ObjectInfoChanged64 = 0xC1A8
    RequestTransfer64 = 0xC1A9
    ObjectAdded64LongName = 0xC1B6
    ObjectInfoChanged64LongName = 0xC1B7
    RequestTransfer64LongName = 0xC1B8


CARD_EVENTS: dict[int, EventCode] = {
    Record.ObjectRemoved: EventCode.ObjectRemoved,
    Record.ObjectContentChanged: EventCode.ObjectInfoChanged,
    Record.StorageStatusChanged: EventCode.StorageInfoChanged,
    Record.StorageInfoChanged: EventCode.StorageInfoChanged,
    Record.StoreAdded: EventCode.StoreAdded,
    Record.StoreRemoved: EventCode.StoreRemoved,
}
"""Records that say the same as a standard event, with the same parameter."""


class Property(IntEnum):
    """The properties that the driver itself needs; all others are in `settings.py`."""

    Aperture = 0xD101
    ShutterSpeed = 0xD102
    Iso = 0xD103
    ExposureMode = 0xD105
    FocusMode = 0xD108
    DateTime = 0xD113
    AutoPowerOff = 0xD114
    Owner = 0xD115
    ShotsLeft = 0xD11B
    CaptureDestination = 0xD11C
    ImageFormat = 0xD120
    ImageFormatCF = 0xD121
    ImageFormatSD = 0xD122
    ImageFormatExternal = 0xD123
    UtcTime = 0xD17C
    OnlineInfoVersion = 0xD199
    SerialNumber = 0xD1AF
    EvfOutput = 0xD1B0
    EvfMode = 0xD1B1
    MovieRecording = 0xD1B8
    Artist = 0xD1D0
    Copyright = 0xD1D1
    FocusInfo = 0xD1D3


FORMAT_PROPERTIES = frozenset(
    {Property.ImageFormat, Property.ImageFormatCF, Property.ImageFormatSD, Property.ImageFormatExternal}
)
"""Properties whose values are image formats."""


class Destination(IntFlag):
    """Where the body sends a shot (`Property.CaptureDestination`), by bits: 6 is both the SD card and the computer."""

    FIRST_CARD = 1
    SECOND_CARD = 2
    COMPUTER = 4


class EvfOutput(IntFlag):
    """Where the body shows the live view (`Property.EvfOutput`)."""

    BODY = 1
    COMPUTER = 2
    MOBILE = 4
    MOBILE_2 = 8


class Button(IntEnum):
    """How far the shutter button is pressed (the first parameter of RemoteReleaseOn and RemoteReleaseOff)."""

    HALF = 1
    FULL = 2
    BOTH = 3


MOVIE_TO_CARD = 4
"""The value of `Property.MovieRecording` that records; 0 stops."""

CANON_REFUSALS: dict[int, type[errors.Refused]] = {
    CanonResponse.UnknownCommand: errors.NotSupported,
    CanonResponse.OperationRefused: errors.AccessDenied,
    CanonResponse.ObjectNotReady: errors.Busy,
    CanonResponse.MemoryStatusNotReady: errors.Busy,
}
"""The exception for each of Canon's responses; for one that is not listed, and not in the standard, it is `Refused` itself."""


_REASONS: dict[int, str] = {
    ResponseCode.GeneralError: "the camera cannot do this in its present mode (see its dial and its display)",
    ResponseCode.DeviceBusy: "the camera is busy, or does not allow this now",
    ResponseCode.StoreFull: "the card is full",
    ResponseCode.StoreReadOnly: "the card cannot be written",
    CanonResponse.OperationRefused: "the camera refuses this",
    CanonResponse.LensCover: "the lens cover is closed",
    CanonResponse.BatteryLow: "the camera's battery is too low",
    CanonResponse.ObjectNotReady: "the camera is not ready",
    CanonResponse.CannotMakeObject: "the camera could not make the file",
    CanonResponse.MemoryStatusNotReady: "the camera's memory is not ready",
}
"""What an answer says, in words."""


def canon_refusal(operation: int, code: int) -> errors.Refused:
    """Return the exception for a response other than OK, with its reason in words.

    GeneralError says that the body's mode does not allow the operation (camfs/protocols/canon_eos/README.md, "Answers").
    """
    if code == ResponseCode.GeneralError:
        kind: type[errors.Refused] = errors.AccessDenied
    else:
        kind = CANON_REFUSALS.get(code) or REFUSALS.get(code, errors.Refused)
    names = CanonResponse if code in CanonResponse.__members__.values() else ResponseCode
    said = f"{name_of(CanonOperation, operation)}: {name_of(names, code)}"
    return kind(f"{_REASONS[code]} ({said})" if code in _REASONS else said, code)


RELEASE_REFUSALS: dict[int, tuple[type[errors.Refused], str]] = {
    1: (errors.FocusFailed, "autofocus found nothing to focus on"),
    3: (errors.Busy, "the mirror is up"),
    7: (errors.StoreFull, "the card is full"),
    8: (errors.StoreReadOnly, "the card cannot be written"),
}
"""What RemoteRelease says with its response parameter, which is 0 if the picture is taken."""


def release_refusal(parameter: int) -> errors.Refused:
    """Return the exception for the response parameter of RemoteRelease; from 0x2000 on it is a response code."""
    if 0x2000 <= parameter <= 0xFFFF:
        return canon_refusal(CanonOperation.RemoteRelease, parameter)
    kind, text = RELEASE_REFUSALS.get(parameter, (errors.CaptureFailed, f"the camera gives the reason {parameter}"))
    return kind(f"no picture was taken: {text}")

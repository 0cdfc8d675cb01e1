"""The numbers of PTP: operations, responses, events, object formats, data types, object properties.

The standard codes are those of ISO 15740. 0x98xx, 0xA8xx and 0xDCxx are from MTP 1.1, 0x95C1 is Android's. A camera may send any other
number, so a code is a plain int wherever one is carried, and `name_of` names it if it can. How the operations behave on real
cameras: camfs/protocols/ptp/README.md, "Operations".
"""

from enum import Enum, IntEnum
from typing import NewType, Self

from camfs import errors

ObjectHandle = NewType("ObjectHandle", int)
StorageID = NewType("StorageID", int)

ALL_STORAGES = StorageID(0xFFFFFFFF)
ANY_FORMAT = 0
ANYWHERE = ObjectHandle(0)
"""As the parent in GetObjectHandles: all objects of the storage, at any depth. As the parent in ObjectInfo: the root."""
ROOT = ObjectHandle(0xFFFFFFFF)
"""As the parent in GetObjectHandles: only the children of the root."""
NO_TRANSACTION = 0xFFFFFFFF
"""Transaction id of an event that belongs to no transaction."""
SIZE_UNKNOWN = 0xFFFFFFFF
"""As the size in ObjectInfo: 4 GiB - 1 or more."""


class DataPhase(Enum):
    """Which way an operation's data go."""

    NONE = "none"
    IN = "to the initiator"
    OUT = "to the responder"


class OperationCode(IntEnum):
    """Codes of operations, the standard's or a maker's; `data_phase` says which way an operation's data go."""

    data_phase: DataPhase

    def __new__(cls, code: int, data_phase: DataPhase = DataPhase.NONE) -> Self:
        member = int.__new__(cls, code)
        member._value_ = code
        member.data_phase = data_phase
        return member


class Operation(OperationCode):
    """The standard's operations."""

    GetDeviceInfo = 0x1001, DataPhase.IN
    OpenSession = 0x1002, DataPhase.NONE
    CloseSession = 0x1003, DataPhase.NONE
    GetStorageIDs = 0x1004, DataPhase.IN
    GetStorageInfo = 0x1005, DataPhase.IN
    GetNumObjects = 0x1006, DataPhase.NONE
    GetObjectHandles = 0x1007, DataPhase.IN
    GetObjectInfo = 0x1008, DataPhase.IN
    GetObject = 0x1009, DataPhase.IN
    GetThumb = 0x100A, DataPhase.IN
    DeleteObject = 0x100B, DataPhase.NONE
    SendObjectInfo = 0x100C, DataPhase.OUT
    SendObject = 0x100D, DataPhase.OUT
    InitiateCapture = 0x100E, DataPhase.NONE
    FormatStore = 0x100F, DataPhase.NONE
    ResetDevice = 0x1010, DataPhase.NONE
    SelfTest = 0x1011, DataPhase.NONE
    SetObjectProtection = 0x1012, DataPhase.NONE
    PowerDown = 0x1013, DataPhase.NONE
    GetDevicePropDesc = 0x1014, DataPhase.IN
    GetDevicePropValue = 0x1015, DataPhase.IN
    SetDevicePropValue = 0x1016, DataPhase.OUT
    ResetDevicePropValue = 0x1017, DataPhase.NONE
    TerminateOpenCapture = 0x1018, DataPhase.NONE
    MoveObject = 0x1019, DataPhase.NONE
    CopyObject = 0x101A, DataPhase.NONE
    GetPartialObject = 0x101B, DataPhase.IN
    InitiateOpenCapture = 0x101C, DataPhase.NONE
    GetPartialObject64 = 0x95C1, DataPhase.IN
    GetObjectPropsSupported = 0x9801, DataPhase.IN
    GetObjectPropDesc = 0x9802, DataPhase.IN
    GetObjectPropValue = 0x9803, DataPhase.IN
    GetObjectPropList = 0x9805, DataPhase.IN


class MakerOperation(IntEnum):
    """Operations of one maker each. Another maker's cameras may give the same numbers other meanings, as SIGMA's do.

    Their parameters: camfs/protocols/ptp/README.md, "Sizes at and above 4 GiB".
    """

    CanonGetPartialObject64 = 0x9172
    SonyGetPartialLargeObject = 0x9211
    NikonGetObjectSize = 0x9421
    NikonGetPartialObjectEx = 0x9431


DATA_PHASES: dict[int, DataPhase] = {int(operation): operation.data_phase for operation in Operation}
"""Data phases by operation code."""


class ResponseCode(IntEnum):
    """Response codes of ISO 15740 (0x20xx) and MTP 1.1 (0xA8xx)."""

    Undefined = 0x2000
    OK = 0x2001
    GeneralError = 0x2002
    SessionNotOpen = 0x2003
    InvalidTransactionID = 0x2004
    OperationNotSupported = 0x2005
    ParameterNotSupported = 0x2006
    IncompleteTransfer = 0x2007
    InvalidStorageID = 0x2008
    InvalidObjectHandle = 0x2009
    DevicePropNotSupported = 0x200A
    InvalidObjectFormatCode = 0x200B
    StoreFull = 0x200C
    ObjectWriteProtected = 0x200D
    StoreReadOnly = 0x200E
    AccessDenied = 0x200F
    NoThumbnailPresent = 0x2010
    SelfTestFailed = 0x2011
    PartialDeletion = 0x2012
    StoreNotAvailable = 0x2013
    SpecificationByFormatUnsupported = 0x2014
    NoValidObjectInfo = 0x2015
    InvalidCodeFormat = 0x2016
    UnknownVendorCode = 0x2017
    CaptureAlreadyTerminated = 0x2018
    DeviceBusy = 0x2019
    InvalidParentObject = 0x201A
    InvalidDevicePropFormat = 0x201B
    InvalidDevicePropValue = 0x201C
    InvalidParameter = 0x201D
    SessionAlreadyOpened = 0x201E
    TransactionCanceled = 0x201F
    SpecificationOfDestinationUnsupported = 0x2020
    InvalidObjectPropCode = 0xA801
    InvalidObjectPropFormat = 0xA802
    InvalidObjectPropValue = 0xA803
    InvalidObjectReference = 0xA804
    GroupNotSupported = 0xA805
    InvalidDataset = 0xA806
    SpecificationByGroupUnsupported = 0xA807
    SpecificationByDepthUnsupported = 0xA808
    ObjectTooLarge = 0xA809
    ObjectPropNotSupported = 0xA80A


REFUSALS: dict[int, type[errors.Refused]] = {
    ResponseCode.OperationNotSupported: errors.NotSupported,
    ResponseCode.ParameterNotSupported: errors.InvalidValue,
    ResponseCode.InvalidStorageID: errors.StoreUnavailable,
    ResponseCode.InvalidObjectHandle: errors.NotFound,
    ResponseCode.DevicePropNotSupported: errors.NoData,
    ResponseCode.InvalidObjectFormatCode: errors.InvalidValue,
    ResponseCode.StoreFull: errors.StoreFull,
    ResponseCode.ObjectWriteProtected: errors.AccessDenied,
    ResponseCode.StoreReadOnly: errors.StoreReadOnly,
    ResponseCode.AccessDenied: errors.AccessDenied,
    ResponseCode.NoThumbnailPresent: errors.NoData,
    ResponseCode.StoreNotAvailable: errors.StoreUnavailable,
    ResponseCode.SpecificationByFormatUnsupported: errors.NotSupported,
    ResponseCode.NoValidObjectInfo: errors.InvalidValue,
    ResponseCode.InvalidCodeFormat: errors.InvalidValue,
    ResponseCode.UnknownVendorCode: errors.NotSupported,
    ResponseCode.DeviceBusy: errors.Busy,
    ResponseCode.InvalidParentObject: errors.NotFound,
    ResponseCode.InvalidDevicePropFormat: errors.InvalidValue,
    ResponseCode.InvalidDevicePropValue: errors.InvalidValue,
    ResponseCode.InvalidParameter: errors.InvalidValue,
    ResponseCode.SpecificationOfDestinationUnsupported: errors.NotSupported,
    ResponseCode.InvalidObjectPropCode: errors.InvalidValue,
    ResponseCode.InvalidObjectPropFormat: errors.InvalidValue,
    ResponseCode.InvalidObjectPropValue: errors.InvalidValue,
    ResponseCode.InvalidObjectReference: errors.InvalidValue,
    ResponseCode.GroupNotSupported: errors.InvalidValue,
    ResponseCode.InvalidDataset: errors.InvalidValue,
    ResponseCode.SpecificationByGroupUnsupported: errors.InvalidValue,
    ResponseCode.SpecificationByDepthUnsupported: errors.InvalidValue,
    ResponseCode.ObjectTooLarge: errors.TooLarge,
    ResponseCode.ObjectPropNotSupported: errors.NotSupported,
}
"""The exception for each response code; for a code that is not listed it is `Refused` itself, EIO to the user.

Reasons: camfs/protocols/ptp/README.md, "Response codes and errno".
"""


def refusal(operation: int, code: int) -> errors.Refused:
    """Return the exception for a response other than OK."""
    kind = REFUSALS.get(code, errors.Refused)
    return kind(f"{name_of(Operation, operation)}: {name_of(ResponseCode, code)}", code)


class EventCode(IntEnum):
    """Event codes of ISO 15740. Their parameters: camfs/protocols/ptp/README.md, "Events"."""

    CancelTransaction = 0x4001
    ObjectAdded = 0x4002
    ObjectRemoved = 0x4003
    StoreAdded = 0x4004
    StoreRemoved = 0x4005
    DevicePropChanged = 0x4006
    ObjectInfoChanged = 0x4007
    DeviceInfoChanged = 0x4008
    RequestObjectTransfer = 0x4009
    StoreFull = 0x400A
    DeviceReset = 0x400B
    StorageInfoChanged = 0x400C
    CaptureComplete = 0x400D
    UnreportedStatus = 0x400E


class ObjectFormat(IntEnum):
    """Object format codes (ISO 15740, and MTP 1.1 from 0xB000)."""

    Undefined = 0x3000
    Association = 0x3001
    Script = 0x3002
    Text = 0x3004
    HTML = 0x3005
    WAV = 0x3008
    AVI = 0x300A
    MPEG = 0x300B
    QuickTime = 0x300D
    EXIF_JPEG = 0x3801
    TIFF_EP = 0x3802
    BMP = 0x3804
    GIF = 0x3807
    JFIF = 0x3808
    PNG = 0x380B
    TIFF = 0x380D
    DNG = 0x3811
    MP4 = 0xB982


def is_picture(object_format: int) -> bool:
    """Return whether objects of this format can have a thumbnail: images, movies, and the raw formats of vendors."""
    return 0x3800 <= object_format < 0x4000 or object_format >= 0xB000 or object_format in _MOVIES


_MOVIES = {ObjectFormat.AVI, ObjectFormat.MPEG, ObjectFormat.QuickTime}


class ObjectProperty(IntEnum):
    """MTP object properties that camfs reads."""

    StorageID = 0xDC01
    ObjectFormat = 0xDC02
    ProtectionStatus = 0xDC03
    ObjectSize = 0xDC04
    ObjectFileName = 0xDC07
    DateCreated = 0xDC08
    DateModified = 0xDC09
    ParentObject = 0xDC0B
    PersistentUniqueObjectIdentifier = 0xDC41
    Name = 0xDC44


class DataType(IntEnum):
    """Data type codes of property values; an array is the element's code + 0x4000."""

    INT8 = 0x0001
    UINT8 = 0x0002
    INT16 = 0x0003
    UINT16 = 0x0004
    INT32 = 0x0005
    UINT32 = 0x0006
    INT64 = 0x0007
    UINT64 = 0x0008
    INT128 = 0x0009
    UINT128 = 0x000A
    ARRAY = 0x4000
    STRING = 0xFFFF


def name_of(codes: type[IntEnum], code: int) -> str:
    """Return a code's name, or its number in hexadecimal. A member of another table, such as a vendor's, keeps its own name."""
    if isinstance(code, IntEnum):
        return code.name
    try:
        return codes(code).name
    except ValueError:
        return f"0x{code:04X}"

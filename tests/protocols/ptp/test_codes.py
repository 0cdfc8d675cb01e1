"""PTP's numbers, as ISO 15740 and MTP 1.1 have them, and what each response code becomes."""

import pytest
from hypothesis import given

from camfs import errors
from camfs.protocols.ptp.codes import (
    ALL_STORAGES,
    ANY_FORMAT,
    ANYWHERE,
    DATA_PHASES,
    NO_TRANSACTION,
    REFUSALS,
    ROOT,
    SIZE_UNKNOWN,
    DataPhase,
    EventCode,
    ObjectFormat,
    ObjectProperty,
    Operation,
    ResponseCode,
    is_picture,
    name_of,
    refusal,
)
from tests.protocols.ptp.strategies import U16

NONE, IN, OUT = DataPhase.NONE, DataPhase.IN, DataPhase.OUT

OPERATIONS = [
    (0x1001, "GetDeviceInfo", IN),
    (0x1002, "OpenSession", NONE),
    (0x1003, "CloseSession", NONE),
    (0x1004, "GetStorageIDs", IN),
    (0x1005, "GetStorageInfo", IN),
    (0x1006, "GetNumObjects", NONE),
    (0x1007, "GetObjectHandles", IN),
    (0x1008, "GetObjectInfo", IN),
    (0x1009, "GetObject", IN),
    (0x100A, "GetThumb", IN),
    (0x100B, "DeleteObject", NONE),
    (0x100C, "SendObjectInfo", OUT),
    (0x100D, "SendObject", OUT),
    (0x100E, "InitiateCapture", NONE),
    (0x100F, "FormatStore", NONE),
    (0x1010, "ResetDevice", NONE),
    (0x1011, "SelfTest", NONE),
    (0x1012, "SetObjectProtection", NONE),
    (0x1013, "PowerDown", NONE),
    (0x1014, "GetDevicePropDesc", IN),
    (0x1015, "GetDevicePropValue", IN),
    (0x1016, "SetDevicePropValue", OUT),
    (0x1017, "ResetDevicePropValue", NONE),
    (0x1018, "TerminateOpenCapture", NONE),
    (0x1019, "MoveObject", NONE),
    (0x101A, "CopyObject", NONE),
    (0x101B, "GetPartialObject", IN),
    (0x101C, "InitiateOpenCapture", NONE),
    (0x95C1, "GetPartialObject64", IN),
    (0x9803, "GetObjectPropValue", IN),
    (0x9805, "GetObjectPropList", IN),
]

RESPONSES = [
    (0x2000, errors.Refused),
    (0x2002, errors.Refused),
    (0x2003, errors.Refused),
    (0x2004, errors.Refused),
    (0x2005, errors.NotSupported),
    (0x2006, errors.InvalidValue),
    (0x2007, errors.Refused),
    (0x2008, errors.StoreUnavailable),
    (0x2009, errors.NotFound),
    (0x200A, errors.NoData),
    (0x200B, errors.InvalidValue),
    (0x200C, errors.StoreFull),
    (0x200D, errors.AccessDenied),
    (0x200E, errors.StoreReadOnly),
    (0x200F, errors.AccessDenied),
    (0x2010, errors.NoData),
    (0x2011, errors.Refused),
    (0x2012, errors.Refused),
    (0x2013, errors.StoreUnavailable),
    (0x2014, errors.NotSupported),
    (0x2015, errors.InvalidValue),
    (0x2016, errors.InvalidValue),
    (0x2017, errors.NotSupported),
    (0x2018, errors.Refused),
    (0x2019, errors.Busy),
    (0x201A, errors.NotFound),
    (0x201B, errors.InvalidValue),
    (0x201C, errors.InvalidValue),
    (0x201D, errors.InvalidValue),
    (0x201E, errors.Refused),
    (0x201F, errors.Refused),
    (0x2020, errors.NotSupported),
    (0xA801, errors.InvalidValue),
    (0xA802, errors.InvalidValue),
    (0xA803, errors.InvalidValue),
    (0xA804, errors.InvalidValue),
    (0xA805, errors.InvalidValue),
    (0xA806, errors.InvalidValue),
    (0xA807, errors.InvalidValue),
    (0xA808, errors.InvalidValue),
    (0xA809, errors.TooLarge),
    (0xA80A, errors.NotSupported),
]


@pytest.mark.parametrize(("code", "name", "data_phase"), OPERATIONS)
def test_operations(code: int, name: str, data_phase: DataPhase) -> None:
    operation = Operation[name]
    assert operation.data_phase is data_phase
    assert DATA_PHASES[code] is data_phase
    assert operation == code
    assert f"{operation:04X}" == f"{code:04X}"


def test_every_operation_has_a_data_phase() -> None:
    known = {code for code, _, _ in OPERATIONS}
    assert known <= {int(operation) for operation in Operation}
    assert set(DATA_PHASES) == {int(operation) for operation in Operation}


@pytest.mark.parametrize(("code", "kind"), RESPONSES)
def test_refusals(code: int, kind: type[errors.Refused]) -> None:
    error = refusal(Operation.GetObject, code)
    assert type(error) is kind
    assert error.code == code
    assert str(error) == f"GetObject: {ResponseCode(code).name}"


def test_every_response_has_been_thought_of() -> None:
    assert {int(code) for code in ResponseCode} == {0x2001, *(code for code, _ in RESPONSES)}
    assert ResponseCode.OK not in REFUSALS


@given(U16, U16)
def test_any_number_is_a_refusal(operation: int, code: int) -> None:
    error = refusal(operation, code)
    assert isinstance(error, errors.Refused)
    assert error.code == code
    assert name_of(Operation, operation) in str(error)
    assert name_of(ResponseCode, code) in str(error)


def test_unknown_numbers_are_named_in_hexadecimal() -> None:
    assert name_of(Operation, 0x9035) == "0x9035"
    assert name_of(EventCode, 0xC401) == "0xC401"
    assert name_of(ResponseCode, 0x1) == "0x0001"
    assert str(refusal(0x9035, 0xA081)) == "0x9035: 0xA081"


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (0x4001, "CancelTransaction"),
        (0x4002, "ObjectAdded"),
        (0x4003, "ObjectRemoved"),
        (0x4004, "StoreAdded"),
        (0x4005, "StoreRemoved"),
        (0x4006, "DevicePropChanged"),
        (0x4007, "ObjectInfoChanged"),
        (0x4008, "DeviceInfoChanged"),
        (0x4009, "RequestObjectTransfer"),
        (0x400A, "StoreFull"),
        (0x400B, "DeviceReset"),
        (0x400C, "StorageInfoChanged"),
        (0x400D, "CaptureComplete"),
        (0x400E, "UnreportedStatus"),
    ],
)
def test_events(code: int, name: str) -> None:
    assert name_of(EventCode, code) == name


def test_object_properties() -> None:
    assert {prop.name: int(prop) for prop in ObjectProperty} == {
        "StorageID": 0xDC01,
        "ObjectFormat": 0xDC02,
        "ProtectionStatus": 0xDC03,
        "ObjectSize": 0xDC04,
        "ObjectFileName": 0xDC07,
        "DateCreated": 0xDC08,
        "DateModified": 0xDC09,
        "ParentObject": 0xDC0B,
        "PersistentUniqueObjectIdentifier": 0xDC41,
        "Name": 0xDC44,
    }


def test_wildcards() -> None:
    assert (ALL_STORAGES, ANY_FORMAT, ANYWHERE, ROOT) == (0xFFFFFFFF, 0, 0, 0xFFFFFFFF)
    assert (NO_TRANSACTION, SIZE_UNKNOWN) == (0xFFFFFFFF, 0xFFFFFFFF)


@pytest.mark.parametrize(
    "object_format", [0x3801, 0x3802, 0x3808, 0x380B, 0x380D, 0x3811, 0xB101, 0xB982, 0x300D, 0x300A]
)
def test_pictures_and_movies_may_have_thumbnails(object_format: int) -> None:
    assert is_picture(object_format)


@pytest.mark.parametrize(
    "object_format",
    [
        ObjectFormat.Undefined,
        ObjectFormat.Association,
        ObjectFormat.Script,
        ObjectFormat.Text,
        ObjectFormat.WAV,
        0,
        0x4000,
    ],
)
def test_folders_and_texts_have_none(object_format: int) -> None:
    assert not is_picture(object_format)

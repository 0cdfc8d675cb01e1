"""PTP's datasets: vectors worked out by hand, the DeviceInfo of a SIGMA fp, and whatever hypothesis thinks of."""

import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.ptp.codes import SIZE_UNKNOWN, DataType, ObjectFormat, ObjectHandle, ObjectProperty, StorageID
from camfs.protocols.ptp.datasets import (
    AccessCapability,
    DeviceInfo,
    DevicePropDesc,
    Enumeration,
    ObjectInfo,
    ObjectPropElement,
    Range,
    StorageInfo,
    StorageType,
    decode_handles,
    decode_object_prop_list,
    encode_handles,
)
from camfs.protocols.ptp.values import encode_string, encode_value
from tests.protocols.ptp import strategies

# fmt: off
FP_OPERATIONS = (
    0x1001, 0x1002, 0x1003, 0x1004, 0x1005, 0x1006, 0x1007, 0x1008, 0x1009, 0x100A, 0x100B, 0x100F, 0x1014, 0x1015, 0x1016, 0x101B,
    0x9012, 0x9013, 0x9014, 0x9015, 0x9016, 0x9017, 0x9018, 0x9019, 0x901B, 0x901C, 0x9022, 0x9023, 0x9024, 0x9027, 0x9028, 0x9029,
    0x902A, 0x902B, 0x902C, 0x902D, 0x902F, 0x9030, 0x9031, 0x9032, 0x9033, 0x9034, 0x9035, 0x9036, 0x9037, 0x9401, 0x9402, 0x9403,
    0x9404, 0x9405, 0x9411, 0x9412, 0x9413, 0x9414, 0x9421, 0x9422, 0x9423, 0x9424, 0x9431,
)
# fmt: on
FP = DeviceInfo(
    standard_version=100,
    vendor_extension_id=6,
    vendor_extension_version=100,
    vendor_extension_desc="SIGMA",
    functional_mode=0,
    operations=FP_OPERATIONS,
    events=(0x4001, 0x4002, 0x4003, 0x4004, 0x4005, 0x4006, 0x4008, 0x4009, 0xC401, 0xC411),
    device_properties=(),
    capture_formats=(),
    image_formats=(0x3001, 0x3002, 0x300D, 0x3801),
    manufacturer="SIGMA",
    model="SIGMA fp",
    device_version="1.00",
    serial_number="0000000012345678",
)
"""The DeviceInfo of the PTP notes, with the image formats of the fp L: camfs/protocols/sigma/README.md, "Identity"."""

FP_BYTES = (
    bytes.fromhex("64 00  06 00 00 00  64 00  06 53 00 49 00 47 00 4d 00 41 00 00 00  00 00  3b 00 00 00")
    + struct.pack("<59H", *FP_OPERATIONS)
    + bytes.fromhex("0a 00 00 00  01 40 02 40 03 40 04 40 05 40 06 40 08 40 09 40 01 c4 11 c4")
    + bytes.fromhex("00 00 00 00  00 00 00 00  04 00 00 00  01 30 02 30 0d 30 01 38")
    + bytes.fromhex("06 53 00 49 00 47 00 4d 00 41 00 00 00")
    + bytes.fromhex("09 53 00 49 00 47 00 4d 00 41 00 20 00 66 00 70 00 00 00")
    + bytes.fromhex("05 31 00 2e 00 30 00 30 00 00 00")
    + bytes.fromhex("11" + "30 00" * 8 + "31 00 32 00 33 00 34 00 35 00 36 00 37 00 38 00 00 00")
)

OBJECT_INFO_VECTOR = bytes.fromhex(
    "01 00 01 00 01 38 00 00 88 13 00 00 08 38 14 00 00 00 a0 00 00 00 78 00 00 00 50 03 00 00 e8 01 00 00 18 00 00 00 02 00 00 00"
    "00 00 00 00 00 00 00 00 00 00 06 41 00 2e 00 4a 00 50 00 47 00 00 00 10 32 00 30 00 32 00 34 00 30 00 31 00 30 00 32 00 54 00"
    "30 00 33 00 30 00 34 00 30 00 35 00 00 00 00 00"
)
OBJECT_INFO = ObjectInfo(
    storage=StorageID(0x00010001),
    object_format=ObjectFormat.EXIF_JPEG,
    compressed_size=5000,
    thumb_format=ObjectFormat.JFIF,
    thumb_compressed_size=20,
    thumb_width=160,
    thumb_height=120,
    image_width=848,
    image_height=488,
    image_bit_depth=24,
    parent=ObjectHandle(2),
    filename="A.JPG",
    capture_date="20240102T030405",
)


# DeviceInfo


def test_the_device_info_of_the_notes_is_267_bytes() -> None:
    assert len(FP_BYTES) == 267
    assert FP.encode() == FP_BYTES
    assert DeviceInfo.decode(FP_BYTES) == FP
    assert DeviceInfo.decode(memoryview(FP_BYTES)) == FP


def test_five_more_operations_and_a_longer_name_give_the_other_sizes_that_were_measured() -> None:
    current = replace(FP, operations=FP_OPERATIONS + (0x9038, 0x9039, 0x903A, 0x9432, 0x9433))
    assert len(current.encode()) == 277
    assert len(replace(current, model="SIGMA fp L").encode()) == 281


@pytest.mark.parametrize("end", range(len(FP_BYTES)))
def test_a_device_info_that_stops_early(end: int) -> None:
    data = FP_BYTES[:end]
    if end < 189:  # of what the camera can do nothing may be missing
        with pytest.raises(RemoteProtocolError):
            DeviceInfo.decode(data)
        return
    strings = {"manufacturer": 202, "model": 221, "device_version": 232, "serial_number": 267}
    cut = {name: "" for name, complete in strings.items() if end < complete}
    assert DeviceInfo.decode(data) == replace(FP, **cut)  # type: ignore[arg-type]


def test_a_device_info_may_be_longer_than_the_standard_says() -> None:
    assert DeviceInfo.decode(FP_BYTES + bytes(10)) == FP


@given(strategies.device_infos())
def test_device_infos_come_back(info: DeviceInfo) -> None:
    assert DeviceInfo.decode(info.encode()) == info


# StorageInfo


STORAGE_INFO_VECTOR = bytes.fromhex(
    "04 00  03 00  01 00  00 00 00 80 1d 00 00 00  00 10 00 00 00 00 00 00  ff ff ff ff  03 53 00 44 00 00 00  00"
)
STORAGE_INFO = StorageInfo(
    storage_type=StorageType.RemovableRAM,
    filesystem_type=3,
    access_capability=AccessCapability.ReadOnly,
    max_capacity=0x1D_8000_0000,
    free_space=4096,
    free_images=SIZE_UNKNOWN,
    description="SD",
)


def test_kinds_of_stores() -> None:
    assert [kind.name for kind in StorageType] == ["Undefined", "FixedROM", "RemovableROM", "FixedRAM", "RemovableRAM"]
    assert [kind.name for kind in AccessCapability] == ["ReadWrite", "ReadOnly", "ReadOnlyWithDeletion"]
    assert [int(kind) for kind in (*StorageType, *AccessCapability)] == [0, 1, 2, 3, 4, 0, 1, 2]


def test_storage_infos_stand_as_the_standard_says() -> None:
    assert STORAGE_INFO.encode() == STORAGE_INFO_VECTOR
    assert StorageInfo.decode(STORAGE_INFO_VECTOR) == STORAGE_INFO


@pytest.mark.parametrize("end", range(len(STORAGE_INFO_VECTOR)))
def test_a_storage_info_that_stops_early(end: int) -> None:
    data = STORAGE_INFO_VECTOR[:end]
    if end < 26:
        with pytest.raises(RemoteProtocolError):
            StorageInfo.decode(data)
    elif end < 33:
        assert StorageInfo.decode(data) == replace(STORAGE_INFO, description="")
    else:
        assert StorageInfo.decode(data) == STORAGE_INFO


@given(strategies.storage_infos())
@example(StorageInfo(max_capacity=(1 << 64) - 1, free_space=(1 << 64) - 1, free_images=SIZE_UNKNOWN))
def test_storage_infos_come_back(info: StorageInfo) -> None:
    assert StorageInfo.decode(info.encode()) == info


# ObjectInfo


def test_an_object_info() -> None:
    assert len(OBJECT_INFO_VECTOR) == 100
    assert OBJECT_INFO.encode() == OBJECT_INFO_VECTOR
    assert ObjectInfo.decode(OBJECT_INFO_VECTOR) == OBJECT_INFO
    assert ObjectInfo.decode(memoryview(OBJECT_INFO_VECTOR)) == OBJECT_INFO


@pytest.mark.parametrize("end", range(len(OBJECT_INFO_VECTOR)))
def test_an_object_info_that_stops_early(end: int) -> None:
    data = OBJECT_INFO_VECTOR[:end]
    if end < 52:
        with pytest.raises(RemoteProtocolError):
            ObjectInfo.decode(data)
    elif end < 65:
        assert ObjectInfo.decode(data) == replace(OBJECT_INFO, filename="", capture_date="")
    elif end < 98:
        assert ObjectInfo.decode(data) == replace(OBJECT_INFO, capture_date="")
    else:
        assert ObjectInfo.decode(data) == OBJECT_INFO


@given(strategies.object_infos())
@example(ObjectInfo(capture_date="20240102T030405"))
@example(ObjectInfo(modification_date="20240102T030405"))
@example(ObjectInfo(keywords="k" * 100))
@example(ObjectInfo(filename="\N{COMBINING GRAVE ACCENT}/", keywords="x"))
@example(replace(OBJECT_INFO, compressed_size=SIZE_UNKNOWN, sequence_number=0xFFFFFFFF))
def test_object_infos_come_back(info: ObjectInfo) -> None:
    assert ObjectInfo.decode(info.encode()) == info


@pytest.mark.parametrize("size", [5000, 0xFFFFFFFE, SIZE_UNKNOWN, 5 << 30])
def test_a_size_of_64_bits_as_some_samsung_phones_send_it(size: int) -> None:
    data = OBJECT_INFO_VECTOR[:8] + size.to_bytes(8, "little") + OBJECT_INFO_VECTOR[12:]
    assert (data[52], data[56]) == (0, 6)
    assert ObjectInfo.decode(data) == replace(OBJECT_INFO, compressed_size=size)


@pytest.mark.parametrize("padding", range(9))
def test_an_object_info_without_strings_may_be_padded(padding: int) -> None:
    bare = replace(OBJECT_INFO, filename="", capture_date="")
    assert ObjectInfo.decode(bare.encode() + bytes(padding)) == bare


# DevicePropDesc


@pytest.mark.parametrize(
    ("encoded", "description"),
    [
        (
            "01 50 02 00 00 64 55 01 00 64 01",
            DevicePropDesc(0x5001, DataType.UINT8, False, 100, 85, Range(0, 100, 1)),
        ),
        (
            "0f 50 04 00 01 ff ff 90 01 02 03 00 64 00 90 01 ff ff",
            DevicePropDesc(0x500F, DataType.UINT16, True, 0xFFFF, 400, Enumeration((100, 400, 0xFFFF))),
        ),
        (
            "10 50 03 00 01 00 00 c8 af 01 78 ec 88 13 4d 01",
            DevicePropDesc(0x5010, DataType.INT16, True, 0, -20536, Range(-5000, 5000, 333)),
        ),
        (
            "1e 50 ff ff 01 00 02 41 00 00 00 00",
            DevicePropDesc(0x501E, DataType.STRING, True, "", "A", None),
        ),
        (
            "03 50 ff ff 01 02 4c 00 00 00 02 4c 00 00 00 02 02 00 02 4c 00 00 00 02 53 00 00 00",
            DevicePropDesc(0x5003, DataType.STRING, True, "L", "L", Enumeration(("L", "S"))),
        ),
        (
            "a1 d0 02 40 00 00 00 00 00 02 00 00 00 01 02 00",
            DevicePropDesc(0xD0A1, DataType.ARRAY | DataType.UINT8, False, (), (1, 2), None),
        ),
        (
            "a1 d0 0a 00 00" + "00" * 16 + "01" + "00" * 15 + "02 00 00",
            DevicePropDesc(0xD0A1, DataType.UINT128, False, 0, 1, Enumeration(())),
        ),
    ],
)
def test_property_descriptions_stand_as_the_standard_says(encoded: str, description: DevicePropDesc) -> None:
    data = bytes.fromhex(encoded)
    assert description.encode() == data
    assert DevicePropDesc.decode(data) == description


@pytest.mark.parametrize("tail", ["", "00", "00 ff ff", "03", "05 01", "ff"])
def test_a_form_that_is_missing_or_not_known_is_none(tail: str) -> None:
    data = bytes.fromhex("01 50 02 00 00 64 55" + tail)
    assert DevicePropDesc.decode(data) == DevicePropDesc(0x5001, DataType.UINT8, False, 100, 85)


@pytest.mark.parametrize("get_set", [0, 2, 0xFF])
def test_only_1_means_writable(get_set: int) -> None:
    assert not DevicePropDesc.decode(bytes((1, 0x50, 2, 0, get_set, 100, 85))).writable


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "01 50 02 00",
        "01 50 02 00 00",
        "01 50 02 00 00 64",
        "01 50 02 00 00 64 55 01",
        "01 50 02 00 00 64 55 01 00 64",
        "01 50 02 00 00 64 55 02",
        "01 50 02 00 00 64 55 02 01",
        "01 50 02 00 00 64 55 02 02 00 00",
        "01 50 02 00 00 64 55 02 ff ff 00",
        "01 50 00 00 00 64 55 00",
        "01 50 0b 00 00 64 55 00",
        "01 50 00 40 00 64 55 00",
    ],
)
def test_a_description_that_says_too_little_is_an_error(encoded: str) -> None:
    with pytest.raises(RemoteProtocolError):
        DevicePropDesc.decode(bytes.fromhex(encoded))


@given(strategies.property_descriptions())
def test_property_descriptions_come_back(description: DevicePropDesc) -> None:
    assert DevicePropDesc.decode(description.encode()) == description


def test_a_range_of_strings_is_an_error_of_ours() -> None:
    with pytest.raises(LocalProtocolError):
        DevicePropDesc(0x501E, DataType.STRING, True, "", "", Range(0, 1, 1)).encode()


# object property lists, handles


def encode_object_prop_list(elements: list[ObjectPropElement]) -> bytes:
    """Write an object property list."""
    parts = [
        struct.pack("<IHH", element.handle, element.code, element.data_type)
        + encode_value(element.data_type, element.value)
        for element in elements
    ]
    return struct.pack("<I", len(parts)) + b"".join(parts)


def test_a_property_list() -> None:
    data = bytes.fromhex("01 00 00 00 03 00 00 00 04 dc 08 00 00 f2 05 2a 01 00 00 00")
    elements = [ObjectPropElement(ObjectHandle(3), ObjectProperty.ObjectSize, DataType.UINT64, 5_000_000_000)]
    assert decode_object_prop_list(data) == elements
    assert encode_object_prop_list(elements) == data


@given(st.lists(strategies.property_elements(), max_size=8), st.data())
def test_of_a_property_list_that_is_cut_the_whole_elements_are_kept(
    elements: list[ObjectPropElement], data: st.DataObject
) -> None:
    encoded = encode_object_prop_list(elements)
    assert decode_object_prop_list(encoded) == elements
    ends = [len(encode_object_prop_list(elements[:count])) for count in range(len(elements) + 1)]
    cut = data.draw(st.integers(4, len(encoded)))
    assert decode_object_prop_list(encoded[:cut]) == elements[: sum(end <= cut for end in ends) - 1]


def test_a_property_list_with_an_unknown_type_is_kept_up_to_there() -> None:
    elements = [ObjectPropElement(ObjectHandle(3), ObjectProperty.ObjectFileName, DataType.STRING, "A.JPG")]
    data = b"\2" + encode_object_prop_list(elements)[1:] + bytes.fromhex("04 00 00 00 07 dc 0b 00 00")
    assert decode_object_prop_list(data) == elements


def test_a_property_list_may_promise_more_than_it_has() -> None:
    assert decode_object_prop_list(b"\xff\xff\xff\xff") == []
    with pytest.raises(RemoteProtocolError):
        decode_object_prop_list(b"\1\0\0")


@given(st.lists(strategies.U32, max_size=200))
def test_lists_of_handles_come_back(handles: list[int]) -> None:
    data = encode_handles(handles)
    assert len(data) == 4 + 4 * len(handles)
    assert decode_handles(data) == tuple(handles)
    assert decode_handles(data + b"rest") == tuple(handles)
    with pytest.raises(RemoteProtocolError):
        decode_handles(data[:-1])


# anything


DECODERS: list[Callable[[bytes], object]] = [
    DeviceInfo.decode,
    StorageInfo.decode,
    ObjectInfo.decode,
    DevicePropDesc.decode,
    decode_object_prop_list,
    decode_handles,
]


@pytest.mark.parametrize("decode", DECODERS)
@given(data=st.one_of(st.binary(max_size=200), st.binary(min_size=52, max_size=80)))
def test_any_bytes_are_a_dataset_or_an_error(decode: Callable[[bytes], object], data: bytes) -> None:
    with suppress(RemoteProtocolError):
        decode(data)


@st.composite
def spoiled_datasets(draw: st.DrawFn) -> tuple[Callable[[bytes], object], bytes]:
    """Draw a good dataset with a few bytes changed, and what decodes it."""
    decode, whole = draw(
        st.one_of(
            strategies.device_infos().map(lambda info: (DeviceInfo.decode, info.encode())),
            strategies.object_infos().map(lambda info: (ObjectInfo.decode, info.encode())),
            strategies.property_descriptions().map(lambda description: (DevicePropDesc.decode, description.encode())),
            st.lists(strategies.property_elements(), min_size=1, max_size=4).map(
                lambda elements: (decode_object_prop_list, encode_object_prop_list(elements))
            ),
        )
    )
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return decode, bytes(data)


@given(spoiled_datasets())
def test_spoiled_datasets_are_datasets_or_errors(spoiled: tuple[Callable[[bytes], object], bytes]) -> None:
    decode, data = spoiled
    with suppress(RemoteProtocolError):
        decode(data)


def test_strings_of_the_datasets_are_bounded() -> None:
    with pytest.raises(LocalProtocolError):
        ObjectInfo(filename="n" * 255).encode()
    longest = ObjectInfo(filename="n" * 254)
    assert longest.encode()[52:563] == encode_string("n" * 254)
    assert ObjectInfo.decode(longest.encode()) == longest

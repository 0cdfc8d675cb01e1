"""Datasets of Canon's own operations, and live-view frames."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.canon_eos.datasets import (
    DeviceInfoEx,
    FocusInfo,
    ObjectEntry,
    PropertyWrite,
    encode_entries,
    encode_numbers,
)
from camfs.protocols.canon_eos.events import PropertyChanged, decode_event
from camfs.protocols.canon_eos.frames import Block, decode_frame, encode_frame, picture_of
from camfs.protocols.canon_eos.records import decode_reply
from camfs.protocols.ptp.datasets import DeviceInfo, ObjectInfo, StorageInfo, decode_handles
from tests.protocols.canon_eos.payloads import payload, payloads


def test_what_bodies_offer() -> None:
    for name, counts in {"eos-60d-a-9108-01": (18, 87, 4), "eos-r-9108-01": (19, 127, 5)}.items():
        info = DeviceInfoEx.decode(payload(name))
        assert (len(info.events), len(info.properties), len(info.unknown)) == counts
        assert info.encode() == payload(name)


def test_values_that_a_program_wrote() -> None:
    for name, data in payloads("*9110*").items():
        write = PropertyWrite.decode(data)
        assert write.code in (0xD11C, 0xD101), name
        assert write.encode() == data, name
    assert PropertyWrite(0xD103, struct.pack("<I", 0x58)).encode().hex() == "0c00000003d1000058000000"


@pytest.mark.parametrize("data", [b"", bytes(4), struct.pack("<II", 13, 1), struct.pack("<II", 7, 1)])
def test_a_write_that_is_cut_is_an_error(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        PropertyWrite.decode(data)


def test_points_of_autofocus() -> None:
    found = 0
    for name, data in payloads("*9116*").items():
        for raw in decode_reply(data).records:
            event = decode_event(raw)
            if isinstance(event, PropertyChanged) and event.code == 0xD1D3:
                info = FocusInfo.decode(event.value)
                if info is not None:
                    assert info.encode() == event.value, name
                    assert {len(array) for array in info.arrays} in ({9}, {61}), name
                    found += 1
    assert found >= 6


@pytest.mark.parametrize("data", [b"\1", struct.pack("<IHHHH", 12, 8, 1, 60000, 1), struct.pack("<I", 99)])
def test_points_that_cannot_be_are_an_error(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        FocusInfo.decode(data)


def test_no_points() -> None:
    assert FocusInfo.decode(b"") is None
    assert FocusInfo.decode(bytes(100)) is None


def test_a_folder_is_written_and_read_back() -> None:
    entries = [
        ObjectEntry(1, 0x20001, 0x3001, 0, "DCIM", 5),
        ObjectEntry(2, 0x20001, 0x3801, 99, "IMG_0001.JPG", 6),
    ]
    assert ObjectEntry.decode_list(encode_entries(entries)) == entries
    assert len(encode_entries(entries)) == 4 + 2 * 56
    with pytest.raises(LocalProtocolError):
        ObjectEntry(1, 1, 1, 1, "0123456789ABCDEF", 0).encode()


@pytest.mark.parametrize("data", [struct.pack("<I", 60000), struct.pack("<II", 1, 8), struct.pack("<II", 1, 99)])
def test_a_folder_that_is_cut_is_an_error(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        ObjectEntry.decode_list(data)


def test_standard_datasets_of_these_bodies() -> None:
    info = DeviceInfo.decode(payload("eos-60d-a-1001-01"))
    assert (info.manufacturer, info.model) == ("Canon Inc.", "Canon EOS 60D")
    assert (info.vendor_extension_id, len(info.operations)) == (6, 87)
    assert info.encode() == payload("eos-60d-a-1001-01")
    assert DeviceInfo.decode(payload("g5x-1001-01")).model == "Canon PowerShot G5 X"
    assert StorageInfo.decode(payload("eos-60d-a-9102-01")).volume_label == ""
    assert decode_handles(payload("eos-60d-a-9101-01")) == (0x20001,)
    assert encode_numbers((0x20001,)) == payload("eos-60d-a-9101-01")
    assert len(decode_handles(payload("eos60d-b-1007-01"))) == 47
    for name, data in payloads("eos60d-b-1008-*").items():
        described = ObjectInfo.decode(data)
        assert described.encode() == data, name


# live view


def test_the_blocks_of_a_real_frame() -> None:
    head = payload("eos-9153-vcam-head")
    (length,) = struct.unpack_from("<I", head)
    blocks = {4: 12, 5: 16, 6: 16, 12: 12, 13: 24, 14: 16, 10: 16}
    data = (
        head
        + bytes(length - len(head))
        + b"".join(struct.pack("<II", size, kind).ljust(size, b"\0") for kind, size in blocks.items())
    )
    data += struct.pack("<II", 8, 0)
    found = decode_frame(data)
    assert [block.kind for block in found] == [1, *blocks]
    assert encode_frame(found) == data
    assert picture_of(data).startswith(b"\xff\xd8\xff\xdb")


def test_the_picture_of_an_eos_r() -> None:
    assert picture_of(encode_frame([Block(4, b"\1\0\0\0"), Block(11, b"\xff\xd8\xffrest")])) == b"\xff\xd8\xffrest"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (encode_frame([Block(1, b"no picture")]), "no JPEG"),
        (encode_frame([Block(4, b"\1\0\0\0")]), "without a picture"),
        (encode_frame([Block(1, b"\xff\xd8")]), "no JPEG"),
        (b"", "without a picture"),
        (struct.pack("<II", 0x7FFFFFFF, 1) + b"\xff\xd8", "block of 2147483647 bytes"),
        (struct.pack("<II", 4, 1), "block of 4 bytes"),
    ],
)
def test_a_frame_that_is_no_picture_is_an_error(data: bytes, said: str) -> None:
    with pytest.raises(RemoteProtocolError, match=said):
        picture_of(data)


@given(st.binary(max_size=100))
def test_any_bytes_are_datasets_or_a_protocol_error(data: bytes) -> None:
    for decode in (DeviceInfoEx.decode, ObjectEntry.decode_list, PropertyWrite.decode, FocusInfo.decode, picture_of):
        with contextlib.suppress(RemoteProtocolError):
            decode(data)

"""Datasets that real cameras sent, from recordings of their USB traffic: each is read, and written back to the same bytes."""

from collections.abc import Callable

import pytest

from camfs.protocols.ptp.codes import Operation
from camfs.protocols.ptp.containers import UsbConnection
from camfs.protocols.ptp.datasets import (
    DeviceInfo,
    ObjectInfo,
    StorageInfo,
    decode_handles,
    decode_object_prop_list,
    encode_handles,
)
from camfs.protocols.ptp.messages import Data, DataEnd, DataStart, Request, Role
from camfs.protocols.ptp.values import Reader, encode_array, encode_value
from tests.shared import shared
from tests.transports import recording
from tests.transports.recording import CANON, DATA, XPERIA

U64 = 0x0008

ROUND_TRIPS: dict[int, Callable[[bytes], bytes]] = {
    Operation.GetDeviceInfo: lambda data: DeviceInfo.decode(data).encode(),
    Operation.GetStorageIDs: lambda data: encode_handles(decode_handles(data)),
    Operation.GetStorageInfo: lambda data: StorageInfo.decode(data).encode(),
    Operation.GetObjectHandles: lambda data: encode_handles(decode_handles(data)),
    Operation.GetObjectInfo: lambda data: ObjectInfo.decode(data).encode(),
    Operation.GetObjectPropsSupported: lambda data: encode_array(Reader(data).array(2), 2),
    Operation.GetObjectPropValue: lambda data: encode_value(U64, Reader(data).value(U64)),
}
"""Reads a dataset and writes it again, by the operation whose data it is."""


@pytest.mark.parametrize("name", [CANON, XPERIA])
def test_every_recorded_dataset(name: str) -> None:
    seen = 0
    for (operation, parameters), answers in recording.named(name).answers.items():
        for answer in answers:
            if answer.data is not None and operation in ROUND_TRIPS:
                assert ROUND_TRIPS[operation](answer.data) == answer.data, (hex(operation), parameters)
                seen += 1
    assert seen > 100


def test_a_property_list_that_was_left_over() -> None:
    (data,) = [each[12:] for each in recording.named(XPERIA).left_over if each[4] == DATA]
    elements = decode_object_prop_list(data)
    assert len(elements) == 25
    assert {element.handle for element in elements} == {0xE9}
    (name,) = [element.value for element in elements if element.code == 0xDC07]
    assert name == "26 - Southern Hospitality.mp3"


def test_a_fujifilm_s_device_info() -> None:
    """The container as it came over USB, in pieces of any size."""
    container = shared("samples/recordings/fujifilm-x-h1-DeviceInfo.bin").read_bytes()
    info = DeviceInfo.decode(container[12:])
    assert (info.manufacturer, info.model) == ("FUJIFILM", "X-H1")
    assert info.encode() == container[12:]
    for size in (1, 7, 512):
        connection = UsbConnection(Role.INITIATOR, 512)
        connection.send(Request(Operation.GetDeviceInfo, 1, ()))
        for at in range(0, len(container), size):
            connection.receive(container[at : at + size], at + size >= len(container))
        got = b""
        while (message := connection.next_message()) is not None:
            assert isinstance(message, DataStart | Data | DataEnd)
            got += bytes(message.payload) if isinstance(message, Data) else b""
        assert got == container[12:]

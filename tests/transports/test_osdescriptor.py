"""MTP devices of vendor class that say what they are only when asked: who is asked, what, and what becomes of the answers."""

import struct
from typing import Any

import pytest
import usb.backend.libusb1 as libusb

from camfs import errors
from camfs.transports import usb
from camfs.transports.osdescriptor import mtp_interface, vendor_code
from tests.transports.bus import Bus, BusDevice, plug

STRING = b"\x12\x03" + "MSFT100".encode("utf-16-le") + b"\x44\0"
ASK_STRING, ASK_IDS = (0x80, 6, 0x03EE, 0), (0xC0, 0x44, 0, 4)


def ids(*functions: tuple[int, bytes]) -> bytes:
    """Return the reply with compatible ids: the interface and the id of each function."""
    parts = b"".join(struct.pack("<BB8s8s6x", number, 1, name, b"") for number, name in functions)
    return struct.pack("<IHHB7x", 16 + len(parts), 0x100, 4, len(functions)) + parts


ANSWERS = {ASK_STRING: STRING, ASK_IDS: ids((0, b"MTP"))}


def player(**about: Any) -> BusDevice:
    """Return a device of vendor class whose interface has no name."""
    fields: dict[str, Any] = {
        "vendor": 0x0FCE,
        "product": 0x0166,
        "triple": (255, 255, 0),
        "interface_name": "",
        "answers": ANSWERS,
    }
    return BusDevice(**{**fields, **about})


NAMES: list[dict[str, Any]] = [{"vendor": 0x0FCE, "product": 0x0166}, {"serial": "91403727"}, {"bus": 1, "device": 7}]


@pytest.mark.parametrize("source", NAMES)
def test_a_device_that_the_user_names_is_asked_once(bus: Bus, source: dict[str, Any]) -> None:
    device = plug(bus, player())
    for _ in range(2):
        (camera,) = usb.find(**source)
        assert (camera.source, camera.interface) == ("usb:0fce:0166", 0)
    assert [call[1:5] for call in device.calls] == [ASK_STRING, ASK_IDS]
    assert not device.open_handles


@pytest.mark.parametrize(
    "source", [{}, {"vendor": 0x1003, "product": 0xC432}, {"serial": "B"}, {"bus": 1, "device": 8}]
)
def test_no_other_device_is_asked(bus: Bus, source: dict[str, Any]) -> None:
    device = plug(bus, player())
    plug(bus, BusDevice(address=8, serial="B"))
    assert [camera.address for camera in usb.find(**source)] == [8]
    assert not device.calls
    assert not device.open_handles


@pytest.mark.parametrize(
    "about",
    [
        {"usb_version": 0x110},
        {"interrupt": False},
        {"driver": True},
        {"properties": {"MTP_NO_PROBE": "1"}},
        {"triple": (8, 6, 80)},
        {"triple": (6, 1, 2)},
        {"device_class": 9},
    ],
)
def test_a_device_that_might_suffer_is_not_asked(bus: Bus, about: dict[str, Any]) -> None:
    device = plug(bus, player(**about))
    assert usb.find(vendor=0x0FCE, product=0x0166) == []
    assert not device.calls


@pytest.mark.parametrize(
    "about", [{"interface_name": "MTP"}, {"properties": {"ID_MTP_DEVICE": "1"}}, {"triple": (6, 1, 1)}]
)
def test_a_device_that_is_known_is_not_asked(bus: Bus, about: dict[str, Any]) -> None:
    device = plug(bus, player(**about))
    assert [camera.address for camera in usb.find(vendor=0x0FCE, product=0x0166)] == [7]
    assert [camera.address for camera in usb.find()] == [7]
    assert not device.calls


@pytest.mark.parametrize("about", [{"interrupt": False}, {"driver": True}])
def test_udev_cannot_make_an_mtp_interface_of_another_one(bus: Bus, about: dict[str, Any]) -> None:
    plug(bus, player(**about, properties={"ID_MTP_DEVICE": "1"}))
    assert usb.find() == []


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {ASK_STRING: STRING},
        {ASK_STRING: STRING, ASK_IDS: ids((0, b"RNDIS"))},
        {ASK_STRING: STRING, ASK_IDS: ids((1, b"MTP"))},
        {ASK_STRING: STRING, ASK_IDS: b""},
        {ASK_STRING: b"\x12\x03" + "something".encode("utf-16-le"), ASK_IDS: ids((0, b"MTP"))},
        {ASK_STRING: b"\x02\x03"},
    ],
)
def test_other_answers(bus: Bus, answers: dict[tuple[int, int, int, int], bytes]) -> None:
    """It is no camera, and not asked again."""
    device = plug(bus, player(answers=answers))
    assert usb.find(vendor=0x0FCE, product=0x0166) == []
    asked = len(device.calls)
    assert usb.find(vendor=0x0FCE, product=0x0166) == []
    assert len(device.calls) == asked
    assert not device.open_handles


@pytest.mark.parametrize("code", [libusb.LIBUSB_ERROR_TIMEOUT, libusb.LIBUSB_ERROR_IO, libusb.LIBUSB_ERROR_NO_DEVICE])
def test_no_answer(bus: Bus, code: int) -> None:
    plug(bus, player(fail={"ctrl_transfer": [code]}))
    assert usb.find(vendor=0x0FCE, product=0x0166) == []


def test_without_permission(bus: Bus) -> None:
    plug(bus, player(fail={"open_device": [libusb.LIBUSB_ERROR_ACCESS]}))
    with pytest.raises(errors.DeviceForbidden, match=r"0fce:0166.*no permission to ask"):
        usb.find(vendor=0x0FCE, product=0x0166)


def test_the_answers_themselves() -> None:
    assert vendor_code(STRING) == 0x44
    assert all(vendor_code(STRING[:size]) is None for size in range(len(STRING)))
    assert mtp_interface(ids((0, b"RNDIS"), (2, b"MTP"))) == 2
    assert mtp_interface(ids((0, b"MTPX"))) is None
    whole = ids((3, b"MTP"))
    assert all(mtp_interface(whole[:size]) is None for size in range(len(whole)))
    assert mtp_interface(whole.replace(b"\4\0\1", b"\5\0\1")) is None

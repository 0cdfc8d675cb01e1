"""Finding cameras on the USB bus: pyusb with a backend in place of libusb's."""

import subprocess
import sys

import pytest
import usb.backend.libusb1 as libusb

from camfs.transports import usb
from tests.transports.bus import Bus, BusDevice, plug


def test_nothing(bus: Bus) -> None:
    assert usb.find() == []


def test_a_camera(device: BusDevice) -> None:
    (camera,) = usb.find()
    assert (camera.vendor, camera.product, camera.bus, camera.address) == (0x1003, 0xC432, 1, 7)
    assert (camera.serial, camera.product_name, camera.source) == ("91403727", "SIGMA fp", "usb:1003:c432")
    assert camera.node == usb.NODES / "001/007"
    assert not device.calls
    assert not device.open_handles


def test_only_still_image_interfaces(bus: Bus) -> None:
    plug(bus, BusDevice(address=1, device_class=9))
    plug(bus, BusDevice(address=2, triple=(8, 6, 80)))
    plug(bus, BusDevice(address=3, triple=(6, 1, 2)))
    plug(bus, BusDevice(address=4, triple=(255, 255, 0), interface_name="ADB Interface"))
    plug(bus, BusDevice(address=5, triple=(255, 255, 0), interface_name="MTP", interface=2))
    assert [camera.address for camera in usb.find()] == [5]


def test_by_what_source_says(bus: Bus) -> None:
    plug(bus, BusDevice(address=3, serial="B"))
    plug(bus, BusDevice(address=2, serial="A"))
    plug(bus, BusDevice(address=2, bus=2, vendor=0x04A9, product=0x3218, serial="C"))

    def places(**wanted: int | str) -> list[tuple[int, int]]:
        return [(camera.bus, camera.address) for camera in usb.find(**wanted)]  # type: ignore[arg-type]

    assert places() == [(1, 2), (1, 3), (2, 2)]
    assert places(vendor=0x1003, product=0xC432) == [(1, 2), (1, 3)]
    assert places(serial="B") == [(1, 3)]
    assert places(bus=2, device=2) == [(2, 2)]
    assert places(vendor=0x1003, serial="C") == []


@pytest.mark.parametrize(
    ("serials", "sources"),
    [
        (("A", "B"), ["usb:A", "usb:B"]),
        (("A", "A"), ["usb:1.1", "usb:1.2"]),
        (("A", None), ["usb:A", "usb:1.2"]),
        (("A", "1.2"), ["usb:A", "usb:1.2"]),
        (("A", "12:34"), ["usb:A", "usb:1.2"]),
    ],
)
def test_two_that_are_alike(bus: Bus, serials: tuple[str | None, ...], sources: list[str]) -> None:
    for address, serial in enumerate(serials, start=1):
        plug(bus, BusDevice(address=address, serial=serial))
    assert [camera.source for camera in usb.find()] == sources
    assert [camera.source for camera in usb.find(device=2)] == sources[1:]


def test_a_camera_that_tells_nothing(bus: Bus) -> None:
    plug(bus, BusDevice(serial=None, product_name=""))
    (camera,) = usb.find()
    assert (camera.serial, camera.product_name) == (None, "unnamed camera")


def test_a_device_that_goes_meanwhile_hides_no_other(bus: Bus) -> None:
    plug(bus, BusDevice(address=1, fail={"get_configuration_descriptor": [libusb.LIBUSB_ERROR_NO_DEVICE]}))
    plug(bus, BusDevice(address=2))
    assert [camera.address for camera in usb.find()] == [2]


def test_without_libusb() -> None:
    script = (
        "import usb.backend.libusb1 as libusb; load = libusb.get_backend;"
        "libusb.get_backend = lambda: load(find_library=lambda name: None);"
        "from camfs.transports import usb; usb.find()"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "camfs.errors.TransportError: libusb 1.0 is missing: apt-get install libusb-1.0-0"
    )

"""The USB bus: finds the still image interfaces on it.

No device is opened or asked anything for that, with one exception: a device that the user names, and that does not say what it is, is
asked whether it speaks MTP (`camfs.transports.mtp`).
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import usb.backend.libusb1 as libusb
import usb.core
import usb.util

from camfs.errors import TransportError
from camfs.transports import mtp, osdescriptor
from camfs.transports.sysfs import STILL_IMAGE, VENDOR_SPECIFIC, attribute
from camfs.transports.usberrors import PYUSB_ERRORS, translated

NODES = Path("/dev/bus/usb")
SYSFS = Path("/sys/dev/char")
USB_MAJOR = 189
"""Major number of USB device nodes (Linux, admin-guide/devices)."""

HUB = 9
"""Class of a hub."""


@dataclass(frozen=True)
class Endpoints:
    """The pipes of an interface: addresses, and packet sizes in bytes.

    Attributes:
        interrupt_in: None if the camera has no such pipe.
    """

    bulk_in: int
    bulk_out: int
    packet_size: int
    interrupt_in: int | None = None
    interrupt_packet_size: int = 0


@dataclass(frozen=True)
class UsbCamera:
    """A still image interface on the bus.

    Attributes:
        vendor, product: its USB ids.
        bus, address: its place, as lsusb shows it.
        serial: its serial number, None if it has none.
        product_name: what it calls itself.
        interface: bInterfaceNumber.
        endpoints: its pipes.
        source: the SOURCE that names this camera and no other that is plugged in now.
        device: pyusb's object for it, which opens the device node as soon as it is used for more than its descriptors.
    """

    vendor: int
    product: int
    bus: int
    address: int
    serial: str | None
    product_name: str
    interface: int
    endpoints: Endpoints
    source: str = ""
    device: Any = field(default=None, repr=False, compare=False)
    # Kept so that it is released after the device: pyusb alone would end the device's libusb context first.
    _backend: Any = field(default=None, repr=False, compare=False)

    @property
    def node(self) -> Path:
        """Its device node."""
        return NODES / f"{self.bus:03}" / f"{self.address:03}"


def find(
    vendor: int | None = None,
    product: int | None = None,
    serial: str | None = None,
    bus: int | None = None,
    device: int | None = None,
) -> list[UsbCamera]:
    """Return the cameras that are plugged in and match all arguments, in the order of their places. Blocks.

    Needs no permission on them, and sends them nothing. Only a device that the arguments name, and of which nothing else tells whether
    it speaks MTP, may be asked.

    Raises:
        DeviceForbidden: there is no permission to ask it.
        TransportError: libusb is missing or does not work.
    """
    wanted = (vendor, product, serial, bus, device)

    def matches(*has: object) -> bool:
        return all(want in (None, value) for want, value in zip(wanted, has, strict=True))

    def is_meant(each: Any) -> bool:  # by the user, before anything else is known of it
        ids = (each.idVendor, each.idProduct, attribute(_about(each) / "serial"), each.bus, each.address)
        return wanted != (None,) * len(wanted) and matches(*ids)

    return [
        camera
        for camera in _all_cameras(is_meant)
        if matches(camera.vendor, camera.product, camera.serial, camera.bus, camera.address)
    ]


def _all_cameras(is_meant: Callable[[Any], bool]) -> list[UsbCamera]:
    try:
        found = usb.core.find(find_all=True, backend=_fresh_backend())
        cameras = [camera for each in found if (camera := _camera(each, is_meant)) is not None]
    except PYUSB_ERRORS as error:
        raise translated(error, "looking for USB devices") from error
    models = Counter((camera.vendor, camera.product) for camera in cameras)
    serials = Counter(camera.serial for camera in cameras)

    def source(camera: UsbCamera) -> str:
        if models[camera.vendor, camera.product] == 1:
            return f"usb:{camera.vendor:04x}:{camera.product:04x}"
        # A serial number that reads like another form of SOURCE cannot name the camera.
        if camera.serial and serials[camera.serial] == 1 and not re.search(r"[.:\s]", camera.serial):
            return f"usb:{camera.serial}"
        return f"usb:{camera.bus}.{camera.address}"

    cameras.sort(key=lambda camera: (camera.bus, camera.address))
    return [replace(camera, source=source(camera)) for camera in cameras]


def _fresh_backend() -> Any:
    """Return a backend with a libusb context of its own.

    An old context hears of new devices from udev only, and containers have no udev; a new context looks for itself.
    """
    backend = libusb.get_backend()
    if backend is None:
        raise TransportError("libusb 1.0 is missing: apt-get install libusb-1.0-0")
    return type(backend)(backend.lib)


def _device_number(device: Any) -> str:
    """Return major and minor number of a device's node."""
    return f"{USB_MAJOR}:{(device.bus - 1) * 128 + device.address - 1}"


def _about(device: Any) -> Path:
    """Return the kernel's folder for a device."""
    return SYSFS / _device_number(device)


def _camera(device: Any, is_meant: Callable[[Any], bool]) -> UsbCamera | None:
    """Return a device as a camera, None if it is no camera or has just gone."""
    if device.bDeviceClass == HUB:
        return None
    about = _about(device)
    try:
        interfaces = [
            (interface, endpoints)
            for configuration in device
            for interface in configuration
            if not interface.bAlternateSetting and (endpoints := _endpoints(interface))
        ]
        found = _still_image(interfaces) or _mtp(device, interfaces, is_meant)
    except usb.core.USBError:
        return None
    if found is None:
        return None
    interface, endpoints = found
    return UsbCamera(
        vendor=device.idVendor,
        product=device.idProduct,
        bus=device.bus,
        address=device.address,
        serial=attribute(about / "serial"),
        product_name=attribute(about / "product") or "unnamed camera",
        interface=interface.bInterfaceNumber,
        endpoints=endpoints,
        device=device,
        _backend=device.backend,
    )


Interface = tuple[Any, Endpoints]
"""An interface as pyusb gives it, with its pipes."""


def _still_image(interfaces: Sequence[Interface]) -> Interface | None:
    """Return the interface that has the class of still image devices (camfs/protocols/ptp/README.md, "USB containers")."""
    for each in interfaces:
        if (each[0].bInterfaceClass, each[0].bInterfaceSubClass, each[0].bInterfaceProtocol) == STILL_IMAGE:
            return each
    return None


def _mtp(device: Any, interfaces: Sequence[Interface], is_meant: Callable[[Any], bool]) -> Interface | None:
    """Return the vendor-specific interface that speaks MTP: see `camfs.transports.mtp`."""
    about, properties = _about(device), mtp.udev_properties(_device_number(device))
    candidates = []
    for each in interfaces:
        interface, endpoints = each
        if interface.bInterfaceClass == VENDOR_SPECIFIC:
            folders = list(about.glob(f"*:*.{interface.bInterfaceNumber}"))
            if any(mtp.is_named(attribute(folder / "interface")) for folder in folders):
                return each
            has_driver = any((folder / "driver").exists() for folder in folders)
            if interface.bNumEndpoints == mtp.ENDPOINTS and endpoints.interrupt_in is not None and not has_driver:
                candidates.append(each)
    if not candidates:
        return None
    if mtp.is_marked(properties):
        return candidates[0]
    if not is_meant(device) or not mtp.may_be_asked(device.bcdUSB, properties):
        return None
    number = osdescriptor.ask(device)
    return next((each for each in candidates if each[0].bInterfaceNumber == number), None)


def _endpoints(interface: Any) -> Endpoints | None:
    """Return the pipes of an interface, the first of each kind; None if a bulk pipe is missing."""
    found = {
        (usb.util.endpoint_type(each.bmAttributes), usb.util.endpoint_direction(each.bEndpointAddress)): each
        for each in reversed(list(interface))
    }
    bulk_in = found.get((usb.util.ENDPOINT_TYPE_BULK, usb.util.ENDPOINT_IN))
    bulk_out = found.get((usb.util.ENDPOINT_TYPE_BULK, usb.util.ENDPOINT_OUT))
    interrupt = found.get((usb.util.ENDPOINT_TYPE_INTR, usb.util.ENDPOINT_IN))
    if bulk_in is None or bulk_out is None:
        return None
    endpoints = Endpoints(bulk_in.bEndpointAddress, bulk_out.bEndpointAddress, _packet_size(bulk_in))
    if interrupt is None:
        return endpoints
    return replace(endpoints, interrupt_in=interrupt.bEndpointAddress, interrupt_packet_size=_packet_size(interrupt))


def _packet_size(endpoint: Any) -> int:
    """Return the bytes of a packet; the higher bits say how many packets there are in a microframe."""
    return int(endpoint.wMaxPacketSize) & 0x7FF

"""A USB bus with cameras on it, below pyusb: a backend in place of libusb's, with its blocking calls and error codes."""

import array
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import usb.backend
import usb.backend.libusb1 as libusb
import usb.core

from camfs.transports import mtp
from camfs.transports import usb as camfs_usb

BULK_IN, BULK_OUT, INTERRUPT = 0x81, 0x02, 0x83
M = 512

CODES = sorted(
    getattr(libusb, name) for name in libusb.__all__ if name.startswith("LIBUSB_ERROR_") and name != "LIBUSB_SUCCESS"
)
"""All error codes of libusb."""


def failure(code: int) -> Exception:
    """Return what pyusb's own backend raises for one of libusb's error codes."""
    if code == libusb.LIBUSB_ERROR_NOT_SUPPORTED:
        return NotImplementedError("Operation not supported")
    kind = usb.core.USBTimeoutError if code == libusb.LIBUSB_ERROR_TIMEOUT else usb.core.USBError
    error: Exception = kind(libusb._str_error_map[code], code, libusb._libusb_errno[code])
    return error


@dataclass
class BusDevice:
    """A device of one interface.

    Attributes:
        triple: class, subclass and protocol of the interface.
        interface_name: as the kernel gives it.
        interrupt: whether it has an interrupt endpoint.
        endpoints: address, transfer type and packet size of each; the interrupt endpoint is the last.
        configured: whether a configuration is set.
        driver: whether a driver of the kernel holds the interface.
        usb_version: bcdUSB.
        properties: what udev's rules have set for it.
        answers: to standard and vendor requests: by bmRequestType, bRequest, wValue and wIndex. It stalls on others.
        fail: error codes of the next calls, by name of the backend's method.
        hears: bytes that bulk OUT takes until it is silent, None for all.
        calls: names and arguments of the calls that change something.
        written: what came on bulk OUT, an entry a call.
        answer: of an IN control request.
    """

    vendor: int = 0x1003
    product: int = 0xC432
    bus: int = 1
    address: int = 7
    device_class: int = 0
    triple: tuple[int, int, int] = (6, 1, 1)
    interface: int = 0
    serial: str | None = "91403727"
    product_name: str = "SIGMA fp"
    interface_name: str = "Still Image"
    interrupt: bool = True
    endpoints: Sequence[tuple[int, int, int]] = ((BULK_IN, 2, M), (BULK_OUT, 2, M), (INTERRUPT, 3, 16))
    configured: bool = True
    driver: bool = False
    usb_version: int = 0x200
    properties: dict[str, str] = field(default_factory=dict)
    answers: dict[tuple[int, int, int, int], bytes] = field(default_factory=dict)
    fail: dict[str, list[int]] = field(default_factory=dict)
    hears: int | None = None
    answer: bytes = b"\4\0\1\x20"
    calls: list[tuple[object, ...]] = field(default_factory=list)
    written: list[bytes] = field(default_factory=list)
    gone: bool = False
    open_handles: int = 0

    def __post_init__(self) -> None:
        self.changed = threading.Condition()
        self.packets: deque[bytes] = deque()
        self.events: deque[bytes] = deque()
        self.halted: set[int] = set()
        self.waiting = 0
        self.files: list[Path] = []

    def plug(self, nodes: Path, sysfs: Path) -> None:
        """Make the files that the kernel makes."""
        node = nodes / f"{self.bus:03}" / f"{self.address:03}"
        about = sysfs / f"{camfs_usb.USB_MAJOR}:{(self.bus - 1) * 128 + self.address - 1}"
        texts = {"serial": self.serial, "product": self.product_name}
        texts[f"{self.bus}-1:1.{self.interface}/interface"] = self.interface_name
        contents = {node: "", **{about / name: f"{text}\n" for name, text in texts.items() if text is not None}}
        contents[mtp.UDEV / f"c{about.name}"] = "".join(f"E:{name}={text}\n" for name, text in self.properties.items())
        if self.driver:
            contents[about / f"{self.bus}-1:1.{self.interface}/driver"] = ""
        self.files = list(contents)
        for file, text in contents.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    def unplug(self) -> None:
        """Go: calls under way fail, and the files disappear."""
        with self.changed:
            self.gone = True
            self.changed.notify_all()
        for file in self.files:
            file.unlink()

    def send(self, data: bytes) -> None:
        """Put a write of the device into bulk IN; b"" is an empty packet."""
        with self.changed:
            self.packets.extend(data[start : start + M] for start in range(0, len(data) or 1, M))
            self.changed.notify_all()

    def send_event(self, data: bytes) -> None:
        """Put a packet into the interrupt pipe."""
        with self.changed:
            self.events.append(data)
            self.changed.notify_all()

    def halt(self, *endpoints: int) -> None:
        """Halt endpoints."""
        with self.changed:
            self.halted.update(endpoints)
            self.changed.notify_all()

    def hear(self, data: bytes) -> None:
        """React to a write on bulk OUT."""

    def hear_request(self, request: int) -> None:
        """React to a class request."""

    def take_failure(self, call: str) -> None:
        """Raise what is to go wrong with a call."""
        if self.gone:
            raise failure(libusb.LIBUSB_ERROR_NO_DEVICE)
        if codes := self.fail.get(call):
            raise failure(codes.pop(0))

    def wait(self, endpoint: int, ready: deque[bytes] | None, deadline: float) -> bool:
        """Wait with the lock held until a queue has something; say whether it has. None waits for nothing."""
        while not ready:
            if self.gone:
                raise failure(libusb.LIBUSB_ERROR_NO_DEVICE)
            if endpoint in self.halted:
                raise failure(libusb.LIBUSB_ERROR_PIPE)
            self.waiting += 1
            self.changed.notify_all()
            woken = self.changed.wait(max(0, deadline - time.monotonic()))
            self.waiting -= 1
            if not woken and not ready:
                return False
        return True

    def until_waiting(self, calls: int = 1) -> None:
        """Wait until so many calls of the host wait for the device. Blocks."""
        with self.changed:
            assert self.changed.wait_for(lambda: self.waiting >= calls, 5)


Bus = list[BusDevice]


class Backend(usb.backend.IBackend):  # type: ignore[misc]
    """What pyusb calls; `lib` is the list of devices. Its methods are those of pyusb's interface."""

    def __init__(self, lib: list[BusDevice]) -> None:
        self.lib = lib

    def enumerate_devices(self) -> Iterator[BusDevice]:
        return (device for device in self.lib if not device.gone)

    def get_device_descriptor(self, device: BusDevice) -> Any:
        return SimpleNamespace(
            bLength=18,
            bDescriptorType=1,
            bcdUSB=device.usb_version,
            bDeviceClass=device.device_class,
            bDeviceSubClass=0,
            bDeviceProtocol=0,
            bMaxPacketSize0=64,
            idVendor=device.vendor,
            idProduct=device.product,
            bcdDevice=0x100,
            iManufacturer=1,
            iProduct=2,
            iSerialNumber=3,
            bNumConfigurations=1,
            address=device.address,
            bus=device.bus,
            port_number=1,
            port_numbers=(1,),
            speed=3,
        )

    def get_configuration_descriptor(self, device: BusDevice, index: int) -> Any:
        device.take_failure("get_configuration_descriptor")
        if index:
            raise IndexError
        return SimpleNamespace(
            bLength=9,
            bDescriptorType=2,
            wTotalLength=39,
            bNumInterfaces=1,
            bConfigurationValue=1,
            iConfiguration=0,
            bmAttributes=0xC0,
            bMaxPower=50,
            extra_descriptors=[],
        )

    def get_interface_descriptor(self, device: BusDevice, interface: int, alternate: int, configuration: int) -> Any:
        if interface or alternate:
            raise IndexError
        return SimpleNamespace(
            bLength=9,
            bDescriptorType=4,
            bInterfaceNumber=device.interface,
            bAlternateSetting=0,
            bNumEndpoints=3 if device.interrupt else 2,
            bInterfaceClass=device.triple[0],
            bInterfaceSubClass=device.triple[1],
            bInterfaceProtocol=device.triple[2],
            iInterface=4,
            extra_descriptors=[],
        )

    def get_endpoint_descriptor(
        self, device: BusDevice, endpoint: int, interface: int, alternate: int, configuration: int
    ) -> Any:
        address, kind, size = device.endpoints[endpoint]
        return SimpleNamespace(
            bLength=7,
            bDescriptorType=5,
            bEndpointAddress=address,
            bmAttributes=kind,
            wMaxPacketSize=size,
            bInterval=10,
            bRefresh=0,
            bSynchAddress=0,
            extra_descriptors=[],
        )

    def open_device(self, device: BusDevice) -> BusDevice:
        device.take_failure("open_device")
        device.open_handles += 1
        return device

    def close_device(self, device: BusDevice) -> None:
        assert not device.waiting, "closed under a call"
        device.open_handles -= 1

    def get_configuration(self, device: BusDevice) -> int:
        return 1 if device.configured else 0

    def _change(self, device: BusDevice, call: str, *arguments: object) -> None:
        assert device.open_handles
        device.calls.append((call, *arguments))
        device.take_failure(call)

    def set_configuration(self, device: BusDevice, value: int) -> None:
        self._change(device, "set_configuration", value)
        device.configured = True

    def claim_interface(self, device: BusDevice, interface: int) -> None:
        self._change(device, "claim_interface", interface)

    def release_interface(self, device: BusDevice, interface: int) -> None:
        self._change(device, "release_interface", interface)

    def is_kernel_driver_active(self, device: BusDevice, interface: int) -> bool:
        device.take_failure("is_kernel_driver_active")
        return device.driver

    def detach_kernel_driver(self, device: BusDevice, interface: int) -> None:
        self._change(device, "detach_kernel_driver", interface)
        device.driver = False

    def attach_kernel_driver(self, device: BusDevice, interface: int) -> None:
        self._change(device, "attach_kernel_driver", interface)
        device.driver = True

    def clear_halt(self, device: BusDevice, endpoint: int) -> None:
        self._change(device, "clear_halt", endpoint)
        device.halted.discard(endpoint)

    def bulk_read(self, device: BusDevice, endpoint: int, interface: int, buffer: Any, timeout: int) -> int:
        deadline, count = time.monotonic() + timeout / 1000, 0
        with device.changed:
            device.take_failure("bulk_read")
            while count < len(buffer):
                if not device.wait(endpoint, device.packets, deadline):
                    break
                packet = device.packets.popleft()
                if len(packet) > len(buffer) - count:
                    raise failure(libusb.LIBUSB_ERROR_OVERFLOW)
                buffer[count : count + len(packet)] = array.array("B", packet)
                count += len(packet)
                if len(packet) < M:
                    return count
        if not count:
            raise failure(libusb.LIBUSB_ERROR_TIMEOUT)
        return count

    def bulk_write(self, device: BusDevice, endpoint: int, interface: int, data: Any, timeout: int) -> int:
        deadline = time.monotonic() + timeout / 1000
        with device.changed:
            device.take_failure("bulk_write")
            taken = len(data) if device.hears is None else min(len(data), device.hears)
            if endpoint in device.halted or device.hears == 0:
                device.wait(endpoint, None, deadline)
                raise failure(libusb.LIBUSB_ERROR_TIMEOUT)
            if device.hears is not None:
                device.hears -= taken
            device.written.append(bytes(data[:taken]))
            device.hear(device.written[-1])
            if taken < len(data):
                device.wait(endpoint, None, deadline)
        return taken

    def intr_read(self, device: BusDevice, endpoint: int, interface: int, buffer: Any, timeout: int) -> int:
        with device.changed:
            device.take_failure("intr_read")
            if not device.wait(endpoint, device.events, time.monotonic() + timeout / 1000):
                raise failure(libusb.LIBUSB_ERROR_TIMEOUT)
            packet = device.events.popleft()
        buffer[: len(packet)] = array.array("B", packet)
        return len(packet)

    def ctrl_transfer(
        self,
        device: BusDevice,
        request_type: int,
        request: int,
        value: int,
        index: int,
        data: Any,
        timeout: int,
    ) -> int:
        device.calls.append(("ctrl_transfer", request_type, request, value, index, bytes(data)))
        device.take_failure("ctrl_transfer")
        if request_type & 0x60 == 0x20:
            device.hear_request(request)
        if not request_type & 0x80:
            return len(data)
        if request_type & 0x60 != 0x20:  # no class request
            answer = device.answers.get((request_type, request, value, index))
            if answer is None:
                raise failure(libusb.LIBUSB_ERROR_PIPE)
            count = min(len(answer), len(data))
            data[:count] = array.array("B", answer[:count])
            return count
        data[: len(device.answer)] = array.array("B", device.answer)
        return len(device.answer)


def event(code: int, transaction_id: int = 0xFFFFFFFF) -> bytes:
    """Return an event container without parameters."""
    return struct.pack("<IHHI", 12, 4, code, transaction_id)


def plug(bus: Bus, device: BusDevice) -> BusDevice:
    """Plug a device into a bus."""
    device.plug(camfs_usb.NODES, camfs_usb.SYSFS)
    bus.append(device)
    return device

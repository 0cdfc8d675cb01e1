"""USB: finds still image interfaces, claims one, and moves bytes over its pipes. The only place that imports pyusb.

pyusb's calls block, so each runs in a thread, and a transfer is waited for in slices of `SLICE` seconds: what a slice has
delivered when its time is up is handed on, so that a call can be cancelled between two slices and no byte is lost.

The end of a transfer (USB 2.0, 5.8.3), with M the packet size:

============================ ==================================================================
a read returned              the transfer
============================ ==================================================================
no multiple of M             ended: the last packet was short
all that was asked for       goes on
less, before the slice ended ended: by an empty packet
less, as the slice ended     goes on: libusb returns what a transfer had when its time was up
============================ ==================================================================
"""

import array
import contextlib
import grp
import os
import re
import struct
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import trio
import usb.backend.libusb1 as libusb
import usb.core
import usb.util

from camfs.errors import (
    DeviceForbidden,
    DeviceGone,
    DeviceInUse,
    TransferStalled,
    TransferTimeout,
    TransportError,
)
from camfs.transports import holders
from camfs.transports.ports import Conversation

T = TypeVar("T")

NODES = Path("/dev/bus/usb")
SYSFS = Path("/sys/dev/char")
USB_MAJOR = 189
"""Major number of USB device nodes (Linux, admin-guide/devices)."""

STILL_IMAGE = (6, 1, 1)
"""Class, subclass and protocol of a still image interface."""
VENDOR_SPECIFIC = 0xFF
HUB = 9

CLASS_OUT, CLASS_IN = 0x21, 0xA1
"""bmRequestType of a class request to an interface."""
CANCEL, DEVICE_RESET, GET_DEVICE_STATUS = 0x64, 0x66, 0x67
CANCELLATION_CODE = 0x4001
STATUS_SIZE = 64
"""Bytes asked for by GetDeviceStatus: more than a reply that lists every endpoint."""

SLICE = 0.5
"""Seconds that a transfer is waited for at a time."""
CONTROL_TIMEOUT = 1.0
"""Seconds that a control request may take; unlike a bulk transfer it cannot be continued."""
LEAVING = 1.0
"""Seconds from a failed transfer to the disappearance of the node: a hub tells of an unplugged device up to 256 ms late."""

ERRORS: Mapping[int, type[TransportError]] = {
    libusb.LIBUSB_ERROR_IO: TransportError,
    libusb.LIBUSB_ERROR_INVALID_PARAM: TransportError,
    libusb.LIBUSB_ERROR_ACCESS: DeviceForbidden,
    libusb.LIBUSB_ERROR_NO_DEVICE: DeviceGone,
    libusb.LIBUSB_ERROR_NOT_FOUND: TransportError,
    libusb.LIBUSB_ERROR_BUSY: DeviceInUse,
    libusb.LIBUSB_ERROR_TIMEOUT: TransferTimeout,
    libusb.LIBUSB_ERROR_OVERFLOW: TransportError,
    libusb.LIBUSB_ERROR_PIPE: TransferStalled,
    libusb.LIBUSB_ERROR_INTERRUPTED: TransportError,
    libusb.LIBUSB_ERROR_NO_MEM: TransportError,
    libusb.LIBUSB_ERROR_NOT_SUPPORTED: TransportError,
    libusb.LIBUSB_ERROR_OTHER: TransportError,
}
"""What libusb's error codes become."""

_PYUSB_ERRORS = (usb.core.USBError, NotImplementedError)
"""What pyusb raises; the second for LIBUSB_ERROR_NOT_SUPPORTED."""


def translated(error: Exception, doing: str) -> TransportError:
    """Return what one of pyusb's errors is in this program.

    Args:
        error: a `USBError` or `NotImplementedError`.
        doing: what failed, for the message.
    """
    code = getattr(error, "backend_error_code", None)
    return ERRORS.get(code or 0, TransportError)(f"{doing}: {getattr(error, 'strerror', None) or error}")


@dataclass(frozen=True)
class Endpoints:
    """The pipes of an interface: addresses, and packet sizes in bytes.

    Attributes:
        interrupt_in: None without one.
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
        serial: its serial number, None if it tells none.
        product_name: what it calls itself.
        interface: bInterfaceNumber.
        endpoints: its pipes.
        source: the SOURCE that names it, and no other that is plugged in now.
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
    _device: Any = field(default=None, repr=False, compare=False)
    # Released after the device, whose libusb context it is: pyusb alone would end the context first.
    _backend: Any = field(default=None, repr=False, compare=False)

    @property
    def node(self) -> Path:
        """Its device node."""
        return NODES / f"{self.bus:03}" / f"{self.address:03}"

    def use(self) -> str:
        """Return `free`, or which program has it open, as far as this user may see."""
        return holders.use(self.node)


def find(
    vendor: int | None = None,
    product: int | None = None,
    serial: str | None = None,
    bus: int | None = None,
    device: int | None = None,
) -> list[UsbCamera]:
    """Return the cameras that are plugged in and that all arguments fit, in the order of their places. Blocks.

    Needs no permission on them and sends them nothing.

    Raises:
        TransportError: libusb is missing or does not work.
    """
    wanted = (vendor, product, serial, bus, device)
    return [
        camera
        for camera in _all_cameras()
        if all(
            want in (None, has)
            for want, has in zip(
                wanted, (camera.vendor, camera.product, camera.serial, camera.bus, camera.address), strict=True
            )
        )
    ]


def _all_cameras() -> list[UsbCamera]:
    try:
        found = usb.core.find(find_all=True, backend=_fresh_backend())
        cameras = [camera for each in found if (camera := _camera(each)) is not None]
    except _PYUSB_ERRORS as error:
        raise translated(error, "looking for USB devices") from error
    models = Counter((camera.vendor, camera.product) for camera in cameras)
    serials = Counter(camera.serial for camera in cameras)

    def source(camera: UsbCamera) -> str:
        if models[camera.vendor, camera.product] == 1:
            return f"usb:{camera.vendor:04x}:{camera.product:04x}"
        # A serial number that would be read as another form of SOURCE cannot name it.
        if camera.serial and serials[camera.serial] == 1 and not re.search(r"[.:\s]", camera.serial):
            return f"usb:{camera.serial}"
        return f"usb:{camera.bus}.{camera.address}"

    cameras.sort(key=lambda camera: (camera.bus, camera.address))
    return [replace(camera, source=source(camera)) for camera in cameras]


def _fresh_backend() -> Any:
    """Return a backend with a libusb context of its own.

    One that is kept hears of new devices from udev only, and there is none in containers; a new one looks.
    """
    backend = libusb.get_backend()
    if backend is None:
        raise TransportError("libusb 1.0 is missing: apt-get install libusb-1.0-0")
    return type(backend)(backend.lib)


def _camera(device: Any) -> UsbCamera | None:
    """Return a device as a camera, None if it is none, or has just gone."""
    if device.bDeviceClass == HUB:
        return None
    about = SYSFS / f"{USB_MAJOR}:{(device.bus - 1) * 128 + device.address - 1}"
    try:
        for configuration in device:
            for interface in configuration:
                if (
                    not interface.bAlternateSetting
                    and _is_still_image(interface, about)
                    and (endpoints := _endpoints(interface))
                ):
                    return UsbCamera(
                        vendor=device.idVendor,
                        product=device.idProduct,
                        bus=device.bus,
                        address=device.address,
                        serial=_text(about / "serial"),
                        product_name=_text(about / "product") or "unnamed camera",
                        interface=interface.bInterfaceNumber,
                        endpoints=endpoints,
                        _device=device,
                        _backend=device.backend,
                    )
    except usb.core.USBError:
        pass
    return None


def _is_still_image(interface: Any, about: Path) -> bool:
    """Say whether an interface speaks PTP: by its class, or as some MTP players tell, by its name (reference ptp, section 2)."""
    triple = (interface.bInterfaceClass, interface.bInterfaceSubClass, interface.bInterfaceProtocol)
    if triple[0] != VENDOR_SPECIFIC:
        return triple == STILL_IMAGE
    names = about.glob(f"*:*.{interface.bInterfaceNumber}/interface")
    return any("MTP" in (_text(name) or "") for name in names)


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
    """Return bytes of a packet; the bits above tell how many there are in a microframe."""
    return int(endpoint.wMaxPacketSize) & 0x7FF


def _text(file: Path) -> str | None:
    """Return what the kernel read from the device when it was plugged in; no permission is needed for that."""
    try:
        return file.read_text(errors="replace").strip() or None
    except OSError:
        return None


async def open_pipes(camera: UsbCamera) -> "UsbInterface":
    """Claim a camera's interface; the device is not reset. Cancelled: takes effect once it is claimed or has failed.

    Raises:
        DeviceInUse: another program has it; the message names it and the command that frees it.
        DeviceForbidden: no permission on its node; the message says how to get it.
        DeviceGone: it is not plugged in any more.
        TransportError: something else.
    """
    detached = await trio.to_thread.run_sync(_claim, camera)
    return UsbInterface(camera, detached)


def _claim(camera: UsbCamera) -> bool:
    """Claim the interface; return whether a driver of the kernel had to make way."""
    device, detached = camera._device, False
    try:
        _configure(device)
        detached = _detach_kernel_driver(device, camera.interface)
        usb.util.claim_interface(device, camera.interface)
    except _PYUSB_ERRORS as error:
        _let_go(camera, detached)
        failure = translated(error, camera.source)
        if isinstance(failure, DeviceInUse):
            raise DeviceInUse(holders.in_use(camera.source, camera.node)) from error
        if isinstance(failure, DeviceForbidden):
            raise DeviceForbidden(_forbidden(camera)) from error
        raise failure from error
    return detached


def _configure(device: Any) -> None:
    """Set a configuration if none is set; setting the one that is set would reset the device."""
    try:
        device.get_active_configuration()
    except usb.core.USBError as error:
        if error.backend_error_code is not None:  # pyusb's own error for "none is set" has no code
            raise
        device.set_configuration()


def _detach_kernel_driver(device: Any, interface: int) -> bool:
    try:
        if device.is_kernel_driver_active(interface):
            device.detach_kernel_driver(interface)
            return True
    except NotImplementedError:
        pass
    except usb.core.USBError as error:
        if error.backend_error_code != libusb.LIBUSB_ERROR_NOT_FOUND:  # it went by itself
            raise
    return False


def _forbidden(camera: UsbCamera) -> str:
    """Return the line for the user that says how to get permission."""
    group = ""
    with contextlib.suppress(OSError, KeyError):
        status = os.stat(camera.node)
        if status.st_gid and status.st_mode & 0o060 == 0o060:
            group = f" or join its group {grp.getgrgid(status.st_gid).gr_name}"
    return (
        f"{camera.source}: no permission on {camera.node}; "
        f"install the udev rule with: sudo camfs --install-units{group}, or as a last resort use sudo"
    )


def _let_go(camera: UsbCamera, detached: bool) -> None:
    """Release the interface, give it back to the kernel's driver, close the node. Never raises."""
    device = camera._device
    with contextlib.suppress(*_PYUSB_ERRORS):
        usb.util.release_interface(device, camera.interface)
    if detached:
        with contextlib.suppress(*_PYUSB_ERRORS):
            device.attach_kernel_driver(camera.interface)
    with contextlib.suppress(*_PYUSB_ERRORS):
        usb.util.dispose_resources(device)


class UsbInterface:
    """A claimed interface: a `transports.ports.UsbPipes`. Make one with `open_pipes`.

    Every call may run beside every other. Cancelling one takes effect when its slice ends, within `SLICE`; a control request
    within `CONTROL_TIMEOUT`, after which it fails with `TransferTimeout`. What a cancelled read has got it returns all the same.
    Once the device is gone, all calls raise `DeviceGone` at once; so do those after `aclose`.

    Attributes:
        camera: what it is an interface of.
        max_packet_size: M of the bulk pipes, in bytes.
    """

    def __init__(self, camera: UsbCamera, detached: bool) -> None:
        self.camera = camera
        self.max_packet_size = camera.endpoints.packet_size
        self._endpoints = camera.endpoints
        self._detached = detached
        self._gone = False
        self._closed = False
        self._calls = 0
        self._call_ended = trio.lowlevel.ParkingLot()
        # Of its own, lest other work in threads keep the camera waiting: bulk in, bulk out, interrupt, control.
        self._threads = trio.CapacityLimiter(4)
        self._buffers: dict[int, array.array[int]] = {}

    async def converse(self, conversation: Conversation) -> None:
        """Send all that is unsent, then read until nothing more is wanted: in one thread, left once a slice.

        Cancelled: what was sent is off `unsent`, what was read has been taken.
        """
        while not await self._call("transfer", self._converse_slice, conversation):
            pass

    def _converse_slice(self, conversation: Conversation) -> bool:
        """Converse until it is over or the slice's time is up; return whether it is over."""
        end = time.monotonic() + SLICE
        try:
            while conversation.unsent:
                if time.monotonic() > end:
                    return False
                data = conversation.unsent[0]
                sent = self.camera._device.write(self._endpoints.bulk_out, data, _ms(SLICE))
                if sent == len(data):
                    conversation.unsent.popleft()
                else:
                    conversation.unsent[0] = data[sent:]
            while size := conversation.wanted():
                if time.monotonic() > end:
                    return False
                conversation.feed(*self._read_slice(size))
        except usb.core.USBTimeoutError:
            return False
        return True

    async def read(self, size: int) -> tuple[bytes, bool]:
        """Read up to `size` bytes of one bulk transfer; the flag says whether the transfer ended there.

        Args:
            size: a multiple of `max_packet_size`, else a device that sends more causes an overflow.
        """
        while True:
            with contextlib.suppress(TransferTimeout):
                return await self._call("read", self._read_slice, size)

    def _read_slice(self, size: int) -> tuple[bytes, bool]:
        # Buffers are kept, one of each size, since making a fresh one costs more than copying an answer out of an old one.
        buffer = self._buffers.pop(size, None) or array.array("B", bytes(size))
        started = time.monotonic()
        count = self.camera._device.read(self._endpoints.bulk_in, buffer, _ms(SLICE))
        in_time = time.monotonic() - started < SLICE
        data = bytes(memoryview(buffer)[:count])
        self._buffers[size] = buffer
        return data, count % self.max_packet_size != 0 or (count < size and in_time)

    async def read_event(self) -> bytes:
        """Wait for one packet of the interrupt pipe. Without that pipe, wait until the device is gone."""
        endpoint, size = self._endpoints.interrupt_in, self._endpoints.interrupt_packet_size
        while endpoint is None:
            await trio.sleep(SLICE)
            self._check_node()
        while True:
            try:
                data = await self._call("event", self.camera._device.read, endpoint, size, _ms(SLICE))
                if data:
                    return bytes(data)
            except TransferTimeout:
                continue
            except TransferStalled:
                await self._call("clear halt", self.camera._device.clear_halt, endpoint)
            await trio.sleep(SLICE)  # a camera whose pipe does nothing but halt, or send empty packets

    async def cancel(self, transaction_id: int) -> None:
        """Class request Cancel (0x64)."""
        data = struct.pack("<HI", CANCELLATION_CODE, transaction_id)
        await self._control("cancel", CLASS_OUT, CANCEL, data)

    async def device_status(self) -> bytes:
        """Class request GetDeviceStatus (0x67), the reply as sent."""
        reply = await self._control("device status", CLASS_IN, GET_DEVICE_STATUS, STATUS_SIZE)
        return bytes(reply)

    async def reset_device(self) -> None:
        """Class request DeviceReset (0x66): the device is idle again, its session closed."""
        await self._control("device reset", CLASS_OUT, DEVICE_RESET, b"")

    async def _control(self, doing: str, request_type: int, request: int, data_or_length: bytes | int) -> Any:
        interface, transfer = self.camera.interface, self.camera._device.ctrl_transfer
        return await self._call(
            doing, transfer, request_type, request, 0, interface, data_or_length, _ms(CONTROL_TIMEOUT)
        )

    async def clear_halts(self) -> None:
        """Clear the halt of the bulk endpoints."""
        for endpoint in (self._endpoints.bulk_in, self._endpoints.bulk_out):
            await self._call("clear halt", self.camera._device.clear_halt, endpoint)

    async def aclose(self) -> None:
        """Let go of the device; never raises. Waits for calls that are still in a thread: their slices, or a control request."""
        if self._closed:
            await trio.lowlevel.cancel_shielded_checkpoint()
            return
        self._closed = True
        with trio.CancelScope(shield=True):
            # Closing the node under a transfer would crash libusb; and any call after it would make pyusb open it again.
            while self._calls:
                await self._call_ended.park()
            await trio.to_thread.run_sync(_let_go, self.camera, self._detached)

    async def _call(self, doing: str, function: Callable[..., T], *arguments: object) -> T:
        """Run one of pyusb's calls in a thread, and translate what it raises."""
        self._check()
        self._calls += 1
        try:
            return await trio.to_thread.run_sync(function, *arguments, limiter=self._threads)
        except _PYUSB_ERRORS as error:
            failure = translated(error, f"{self.camera.source}: {doing}")
            if type(failure) is TransportError and await self._is_leaving():
                failure = DeviceGone(f"{self.camera.source} is gone")
            self._gone = self._gone or isinstance(failure, DeviceGone)
            raise failure from error
        finally:
            self._calls -= 1
            self._call_ended.unpark_all()

    async def _is_leaving(self) -> bool:
        """Say whether the device disappears now: its transfers may fail in other ways before the kernel knows."""
        with trio.move_on_after(LEAVING):
            while self.camera.node.exists():
                await trio.sleep(LEAVING / 20)
            return True
        return False

    def _check(self) -> None:
        if self._gone or self._closed:
            raise DeviceGone(f"{self.camera.source} is gone" if self._gone else f"{self.camera.source} is closed")

    def _check_node(self) -> None:
        self._gone = self._gone or not self.camera.node.exists()
        self._check()


def _ms(seconds: float) -> int:
    return round(seconds * 1000)

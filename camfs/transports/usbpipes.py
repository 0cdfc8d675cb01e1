"""The pipes of a USB camera: claims its interface, and moves bytes over its endpoints.

pyusb's calls block, so each runs in a thread; bulk transfers, which are many, in one of their own (`worker.py`). A transfer is waited for
in slices of `SLICE` seconds, and what has come when a slice ends is handed on: so a call can be cancelled between two slices, and no byte
is lost.

Whether a transfer has ended (USB 2.0, 5.8.3), with M the packet size:

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
import functools
import grp
import math
import os
import struct
import time
from collections.abc import Callable
from typing import Any, TypeVar

import trio
import usb.backend.libusb1 as libusb
import usb.core
import usb.util

from camfs.errors import DeviceForbidden, DeviceGone, DeviceInUse, TransferStalled, TransferTimeout, TransportError
from camfs.transports import holders
from camfs.transports.ports import Conversation
from camfs.transports.usb import UsbCamera
from camfs.transports.usberrors import PYUSB_ERRORS, translated
from camfs.transports.worker import WorkerThread

T = TypeVar("T")

CLASS_OUT, CLASS_IN = 0x21, 0xA1
"""bmRequestType of a class request to an interface."""
CANCEL, DEVICE_RESET, GET_DEVICE_STATUS = 0x64, 0x66, 0x67
"""bRequest of the class requests: camfs/protocols/ptp/README.md, "Class requests"."""
CANCELLATION_CODE = 0x4001
STATUS_SIZE = 64
"""Bytes asked for by GetDeviceStatus: more than a reply that lists every endpoint."""

SLICE = 0.5
"""Seconds that a transfer is waited for at a time."""
CONTROL_TIMEOUT = 1.0
"""Seconds that a control request may take; unlike a bulk transfer, it cannot be continued."""
LEAVING = 1.0
"""Seconds to wait after a failed transfer for the node to disappear: a hub reports an unplugged device up to 256 ms late."""


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
    """Claim the interface; return whether a driver of the kernel had to let go of it."""
    device, detached = camera.device, False
    try:
        _configure(device)
        detached = _detach_kernel_driver(device, camera.interface)
        usb.util.claim_interface(device, camera.interface)
    except PYUSB_ERRORS as error:
        _let_go(camera, detached)
        failure = translated(error, camera.source)
        if isinstance(failure, DeviceInUse):
            raise DeviceInUse(holders.in_use(camera.source, camera.node)) from error
        if isinstance(failure, DeviceForbidden):
            raise DeviceForbidden(_forbidden(camera)) from error
        raise failure from error
    return detached


def _configure(device: Any) -> None:
    """Set a configuration if none is set. To set the present one again would reset the device."""
    try:
        device.get_active_configuration()
    except usb.core.USBError as error:
        if error.backend_error_code is not None:  # pyusb's own error, for "none is set", has no code
            raise
        device.set_configuration()


def _detach_kernel_driver(device: Any, interface: int) -> bool:
    """Make a driver of the kernel let go of an interface; return whether there was one."""
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
    """Return the line that tells the user how to get permission."""
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
    """Release the interface, give it back to the kernel's driver, and close the node. Never raises."""
    device = camera.device
    with contextlib.suppress(*PYUSB_ERRORS):
        usb.util.release_interface(device, camera.interface)
    if detached:
        with contextlib.suppress(*PYUSB_ERRORS):
            device.attach_kernel_driver(camera.interface)
    with contextlib.suppress(*PYUSB_ERRORS):
        usb.util.dispose_resources(device)


class UsbInterface:
    """A claimed interface: a `transports.ports.UsbPipes`. Make one with `open_pipes`.

    Calls may run side by side. A cancelled call returns when its slice ends, within `SLICE`; a control request within
    `CONTROL_TIMEOUT`, after which it fails with `TransferTimeout`. A cancelled read still returns the bytes that it has got.
    Once the device is gone, all calls raise `DeviceGone` at once; so do calls after `aclose`.

    Attributes:
        camera: whose interface it is.
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
        self._bulk = WorkerThread("bulk")
        # Its own threads, so that other work does not keep the camera waiting: interrupt, control, clearing halts.
        self._threads = trio.CapacityLimiter(3)
        self._buffers: dict[int, array.array[int]] = {}

    async def converse(self, conversation: Conversation) -> None:
        """Send all that is unsent, then read until nothing more is wanted, in one thread that is left once a slice.

        Cancelled: what was sent is no longer in `unsent`, and what was read has been fed to the conversation.
        """
        while not await self._call("transfer", self._converse_slice, conversation, bulk=True):
            pass

    def _converse_slice(self, conversation: Conversation) -> bool:
        """Converse until all is done or the slice ends; return whether all is done."""
        end = time.monotonic() + SLICE
        try:
            while conversation.unsent:
                if time.monotonic() > end:
                    return False
                data = conversation.unsent[0]
                sent = self.camera.device.write(self._endpoints.bulk_out, data, _ms(SLICE))
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

    async def read(self, size: int, seconds: float = math.inf) -> tuple[bytes, bool]:
        """Read up to `size` bytes of one bulk transfer; the flag says whether the transfer ended there.

        Args:
            size: a multiple of `max_packet_size`; otherwise a device that sends more causes an overflow.
            seconds: after which to give up.
        """
        end = trio.current_time() + seconds
        while True:
            try:
                return await self._call("read", self._read_slice, size, min(SLICE, seconds), bulk=True)
            except TransferTimeout:
                seconds = end - trio.current_time()
                if seconds <= 0:
                    raise

    def _read_slice(self, size: int, seconds: float = SLICE) -> tuple[bytes, bool]:
        # One buffer of each size is kept: to make a new one costs more than to copy an answer out of an old one.
        buffer = self._buffers.pop(size, None) or array.array("B", bytes(size))
        started = time.monotonic()
        count = self.camera.device.read(self._endpoints.bulk_in, buffer, _ms(seconds))
        in_time = time.monotonic() - started < seconds
        data = bytes(memoryview(buffer)[:count])
        self._buffers[size] = buffer
        return data, count % self.max_packet_size != 0 or (count < size and in_time)

    async def read_event(self) -> bytes:
        """Wait for one packet of the interrupt pipe. If there is no such pipe, wait until the device is gone."""
        endpoint, size = self._endpoints.interrupt_in, self._endpoints.interrupt_packet_size
        while endpoint is None:
            await trio.sleep(SLICE)
            self._check_node()
        while True:
            try:
                data = await self._call("event", self.camera.device.read, endpoint, size, _ms(SLICE))
                if data:
                    return bytes(data)
            except TransferTimeout:
                continue
            except TransferStalled:
                await self._call("clear halt", self.camera.device.clear_halt, endpoint)
            await trio.sleep(SLICE)  # for a camera whose pipe does nothing but halt or send empty packets

    async def cancel(self, transaction_id: int) -> None:
        data = struct.pack("<HI", CANCELLATION_CODE, transaction_id)
        await self._control("cancel", CLASS_OUT, CANCEL, data)

    async def device_status(self) -> bytes:
        reply = await self._control("device status", CLASS_IN, GET_DEVICE_STATUS, STATUS_SIZE)
        return bytes(reply)

    async def reset_device(self) -> None:
        await self._control("device reset", CLASS_OUT, DEVICE_RESET, b"")

    async def _control(self, doing: str, request_type: int, request: int, data_or_length: bytes | int) -> Any:
        interface, transfer = self.camera.interface, self.camera.device.ctrl_transfer
        return await self._call(
            doing, transfer, request_type, request, 0, interface, data_or_length, _ms(CONTROL_TIMEOUT)
        )

    async def clear_halts(self) -> None:
        for endpoint in (self._endpoints.bulk_in, self._endpoints.bulk_out):
            await self._call("clear halt", self.camera.device.clear_halt, endpoint)

    async def aclose(self) -> None:
        """Let go of the device; never raises. Waits for the slices and control requests that are still in threads."""
        if self._closed:
            await trio.lowlevel.cancel_shielded_checkpoint()
            return
        self._closed = True
        with trio.CancelScope(shield=True):
            # To close the node under a transfer would crash libusb, and any call after it would make pyusb open it again.
            while self._calls:
                await self._call_ended.park()
            self._bulk.close()
            await trio.to_thread.run_sync(_let_go, self.camera, self._detached)

    async def _call(self, doing: str, function: Callable[..., T], *arguments: object, bulk: bool = False) -> T:
        """Run a call of pyusb's in a thread, one about the bulk pipes in their own, and translate what it raises."""
        self._check()
        self._calls += 1
        call = functools.partial(function, *arguments)
        try:
            if bulk:
                return await self._bulk.run(call)
            return await trio.to_thread.run_sync(call, limiter=self._threads)
        except PYUSB_ERRORS as error:
            failure = translated(error, f"{self.camera.source}: {doing}")
            if type(failure) is TransportError and await self._is_leaving():
                failure = DeviceGone(f"{self.camera.source} is gone")
            self._gone = self._gone or isinstance(failure, DeviceGone)
            raise failure from error
        finally:
            self._calls -= 1
            self._call_ended.unpark_all()

    async def _is_leaving(self) -> bool:
        """Return whether the device disappears within a moment: its transfers may fail in other ways before the kernel knows."""
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
    return math.ceil(seconds * 1000)  # to libusb, 0 is for ever

"""A still image interface on FunctionFS: its descriptors, its class requests, and its endpoints as a `Port`.

linux/usb/functionfs.h has the layout of descriptors and events, and the kernel's f_fs.c what the files do:

* `ep0` first takes descriptors and strings, and then gives events. A request is answered by a read or write in its own direction,
  and refused by one in the other direction.
* `ep1`, `ep2` … are the endpoints, in the order of the descriptors. Reading an IN endpoint or writing an OUT endpoint halts it; the
  host clears the halt.
* A write of no bytes sends an empty packet. Other writes never add one.
* With O_NONBLOCK, an operation fails with EAGAIN while the host has not enabled the interface; otherwise it would wait.
"""

import contextlib
import ctypes
import errno
import fcntl
import os
import struct
from collections import deque
from collections.abc import Callable, Iterator
from enum import IntEnum
from pathlib import Path

import trio

from camfs.errors import DeviceGone
from camfs.virtual.usb.aio import Operation, Operations
from camfs.virtual.usb.pipes import ClassRequests

BULK_IN, BULK_OUT, INTERRUPT_IN = 0x81, 0x02, 0x83
"""Endpoint addresses in the descriptors; the controller may show others to the host."""

RECEIVE_SIZE = 1 << 16
"""Bytes of a read from bulk OUT: a multiple of every packet size."""

CHUNK = 1 << 16
"""Bytes of a write to bulk IN: a multiple of every packet size, small enough for the kernel to allocate on a small machine."""

CHUNKS_UNDER_WAY = 16
"""Chunks that may wait for the host; a writer waits when there are more."""

_DESCRIPTORS_MAGIC, _STRINGS_MAGIC = 3, 2
_HAS_FULL_SPEED, _HAS_HIGH_SPEED, _HAS_SUPER_SPEED = 1, 2, 4
_LANGUAGE = 0x0409

INTERFACE = struct.pack("<9B", 9, 4, 0, 0, 3, 6, 1, 1, 1)
"""Number 0, alternate setting 0, three endpoints, class 06/01/01, first string."""

_BULK, _INTERRUPT = 2, 3
_SPEEDS = (
    # packet size of the bulk endpoints, bInterval of the interrupt endpoint: about 10 ms, 4 ms, 4 ms
    (_HAS_FULL_SPEED, 64, 10),
    (_HAS_HIGH_SPEED, 512, 6),
    (_HAS_SUPER_SPEED, 1024, 6),
)
_INTERRUPT_PACKET = 64

_ENDPOINT_DESCRIPTOR = 0x80096782
"""ioctl FUNCTIONFS_ENDPOINT_DESC: the endpoint's descriptor (9 bytes) at the speed that the host has chosen."""
_FIFO_FLUSH = 0x6702
"""ioctl FUNCTIONFS_FIFO_FLUSH."""

_GONE = (errno.EAGAIN, errno.ESHUTDOWN, errno.ENODEV, errno.ECONNRESET, errno.EINTR)
"""What operations fail with when the host leaves or resets the device."""

_SETUP = struct.Struct("<BBHHH")
_EVENT = struct.Struct("<8sB3x")


class Ep0Event(IntEnum):
    """enum usb_functionfs_event_type."""

    BIND = 0
    UNBIND = 1
    ENABLE = 2
    DISABLE = 3
    SETUP = 4
    SUSPEND = 5
    RESUME = 6


def descriptors() -> bytes:
    """Return what `ep0` takes first: the interface's descriptors at each speed."""
    bodies, counts, flags = [], [], 0
    for flag, packet, interval in _SPEEDS:
        flags |= flag
        parts = [INTERFACE]
        for address, kind, size, every in (
            (BULK_IN, _BULK, packet, 0),
            (BULK_OUT, _BULK, packet, 0),
            (INTERRUPT_IN, _INTERRUPT, _INTERRUPT_PACKET, interval),
        ):
            parts.append(struct.pack("<BBBBHB", 7, 5, address, kind, size, every))
            if flag == _HAS_SUPER_SPEED:  # a companion descriptor; no bursts
                parts.append(struct.pack("<BBBBH", 6, 0x30, 0, 0, size if kind == _INTERRUPT else 0))
        counts.append(len(parts))
        bodies.append(b"".join(parts))
    body = struct.pack("<3I", *counts) + b"".join(bodies)
    return struct.pack("<3I", _DESCRIPTORS_MAGIC, 12 + len(body), flags) + body


def strings(interface: str) -> bytes:
    """Return what `ep0` takes next: the strings.

    Args:
        interface: the interface's name.
    """
    body = struct.pack("<H", _LANGUAGE) + interface.encode() + b"\0"
    return struct.pack("<4I", _STRINGS_MAGIC, 16 + len(body), 1, 1) + body


class Function:
    """The open files of a FunctionFS.

    Args:
        folder: where it is mounted.
        interface: the interface's name.
        operations: does the reads and writes on the endpoints.
    """

    def __init__(self, folder: Path, interface: str, operations: Operations) -> None:
        self.operations = operations
        self._files: list[int] = []
        try:
            self._ep0 = self._open(folder / "ep0")
            os.write(self._ep0, descriptors())
            os.write(self._ep0, strings(interface))
            self.bulk_in = self._open(folder / "ep1")
            self.bulk_out = self._open(folder / "ep2")
            self.interrupt_in = self._open(folder / "ep3")
        except BaseException:
            self.close()
            raise

    def _open(self, file: Path) -> int:
        self._files.append(os.open(file, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
        return self._files[-1]

    def close(self) -> None:
        """Close the files; a gadget that is still bound leaves the bus by that."""
        while self._files:
            os.close(self._files.pop())

    async def event(self) -> tuple[Ep0Event, bytes]:
        """Wait for an event, and return it with the request if it is a SETUP. Cancelled: nothing is lost."""
        while True:
            await trio.lowlevel.wait_readable(self._ep0)
            try:
                setup, kind = _EVENT.unpack(os.read(self._ep0, _EVENT.size))
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EIDRM):  # EIDRM: the host has begun another request
                    raise
            else:
                return Ep0Event(kind), setup

    async def answer(self, setup: bytes, requests: ClassRequests) -> None:
        """Answer a class request, and refuse any other. Waits until the host has taken the answer or given up."""
        try:
            # Abandoned when cancelled, since the host may have left in the middle; the thread ends when the gadget leaves the bus.
            await trio.to_thread.run_sync(self._data_stage, setup, requests, abandon_on_cancel=True)
        except OSError as error:
            # EL2HLT: refused, as intended. EIDRM and the others: the host has gone on without the answer.
            if error.errno not in (errno.EL2HLT, errno.EIDRM, *_GONE):
                raise

    def _data_stage(self, setup: bytes, requests: ClassRequests) -> None:
        request_type, request, _, _, length = _SETUP.unpack(setup)
        match request_type, request:
            case (0xA1, 0x67):  # GetDeviceStatus
                reply = trio.from_thread.run_sync(requests.device_status)
                os.write(self._ep0, reply[:length])
            case (0x21, 0x66):  # DeviceReset
                trio.from_thread.run_sync(requests.device_reset)
                os.read(self._ep0, 0)
            case (0x21, 0x64) if length == 6:  # Cancel
                transaction_id = int.from_bytes(os.read(self._ep0, length)[2:], "little")
                trio.from_thread.run_sync(requests.cancel, transaction_id)
            case _ if request_type & 0x80:
                os.read(self._ep0, 0)
            case _:
                os.write(self._ep0, b"")


class EndpointPort:
    """A `Port` on the endpoints, from the moment that the host enables the interface until it enables it again."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._operations = function.operations
        self._receiving: tuple[Operation, ctypes.Array[ctypes.c_char]] | None = None
        self._sending: deque[Operation] = deque()
        self._halted: list[int] = []
        self._bulk_in_address, self.max_packet_size = _address_and_packet(function.bulk_in)
        self._bulk_out_address, _ = _address_and_packet(function.bulk_out)

    async def receive(self) -> tuple[bytes, bool]:
        """Wait for bytes of bulk OUT, as `Port.receive`. Cancelled: what arrives goes to the next call."""
        await trio.lowlevel.checkpoint()
        if self._receiving is None:
            buffer = ctypes.create_string_buffer(RECEIVE_SIZE)
            with _unplugged():
                self._receiving = self._operations.read(self._function.bulk_out, buffer), buffer
        operation, buffer = self._receiving
        await operation.ended.wait()
        self._receiving = None
        with _unplugged():
            count = operation.moved()
        return ctypes.string_at(buffer, count), count < RECEIVE_SIZE

    async def send(self, data: bytes) -> None:
        """Send, but return while up to `CHUNKS_UNDER_WAY` chunks still wait, so that the host never has to wait for us."""
        await trio.lowlevel.checkpoint()
        with _unplugged():
            for start in range(0, len(data) or 1, CHUNK):
                while self._sending and (self._sending[0].ended.is_set() or len(self._sending) >= CHUNKS_UNDER_WAY):
                    await self._sending[0].ended.wait()
                    self._sending.popleft().moved()
                end = min(start + CHUNK, len(data))
                self._sending.append(self._operations.write(self._function.bulk_in, data, start, end))

    async def send_event(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        with _unplugged():
            operation = self._operations.write(self._function.interrupt_in, data, 0, len(data))
            try:
                await operation.ended.wait()
            finally:
                self._operations.give_up(operation)
            operation.moved()

    def stall(self) -> None:
        """Halt both bulk endpoints. What the host has not taken is lost, since an endpoint that is sending cannot be halted."""
        self._drop_sending()
        halts: tuple[tuple[int, Callable[[], object]], ...] = (
            (self._bulk_in_address, lambda: os.read(self._function.bulk_in, 1)),
            (self._bulk_out_address, lambda: os.write(self._function.bulk_out, b"\0")),
        )
        for address, halt in halts:
            try:
                halt()
            except OSError as error:
                if error.errno == errno.EBADMSG:  # it is halted; EAGAIN: it is sending
                    self._halted.append(address)

    def halted(self) -> tuple[int, ...]:
        """Return each halt once: the kernel does not tell when the host clears one, and a host that knows of it will do so."""
        halted, self._halted = tuple(self._halted), []
        return halted

    def flush(self) -> None:
        with contextlib.suppress(OSError):  # not every controller can do this
            fcntl.ioctl(self._function.bulk_in, _FIFO_FLUSH)
        self._drop_sending()
        if self._receiving is not None and self._receiving[0].ended.is_set():
            self._receiving = None

    def _drop_sending(self) -> None:
        while self._sending:
            self._operations.give_up(self._sending.pop())

    def close(self) -> None:
        """Give up what has begun."""
        self._drop_sending()
        if self._receiving is not None:
            self._operations.give_up(self._receiving[0])
            self._receiving = None


@contextlib.contextmanager
def _unplugged() -> Iterator[None]:
    """Turn the errors of endpoints that the host has left into `DeviceGone`."""
    try:
        yield
    except OSError as error:
        if error.errno in _GONE:
            raise DeviceGone("the host is gone") from error
        raise


def _address_and_packet(file: int) -> tuple[int, int]:
    """Return the bus address of an endpoint and its packet size in bytes."""
    with _unplugged():
        descriptor = fcntl.ioctl(file, _ENDPOINT_DESCRIPTOR, bytes(9))
    address, packet = struct.unpack_from("<xxBxH", descriptor)
    return address, packet

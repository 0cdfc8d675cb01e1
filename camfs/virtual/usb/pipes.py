"""USB inside one process: the pipes between a host and an emulated camera, with USB's rules for packets and transfers.

The host's end is a `transports.ports.UsbPipes`, the camera's end a `Port`. With M the packet size (USB 2.0, 5.8.3):

* A *transfer* consists of all writes up to and including one that ends with a packet shorter than M, which may be an empty one. A write
  whose length is a multiple of M leaves its transfer open, and the next write continues it.
* A read takes bytes of one transfer only. It returns when it is full or when the transfer has ended, and not before.
* A read overflows if its size is not a multiple of M and it meets a packet that is larger than the room left in it.
* Queues are bounded: a writer waits for the reader.

(camfs/protocols/ptp/README.md, "Packets and zero-length packets")
"""

import math
from collections import deque
from typing import Protocol

import trio

from camfs.errors import DeviceGone, DeviceInUse, TransferStalled, TransferTimeout, TransportError
from camfs.transports.ports import Conversation

BULK_IN, BULK_OUT = 0x81, 0x02
"""Endpoint addresses, as GetDeviceStatus lists them when halted."""

CAPACITY = 1 << 20
"""A writer waits while a bulk pipe holds this many bytes."""

RECEIVE_SIZE = 1 << 16
"""Bytes of the camera's reads from its OUT pipe: a multiple of every packet size."""


class Port(Protocol):
    """A camera's end of its USB interface, in this process or on a gadget's endpoints.

    All methods raise `DeviceGone` once the cable is out. When `send` is cancelled, a part may have been sent; when `receive` is
    cancelled, nothing is lost.
    """

    max_packet_size: int

    async def receive(self) -> tuple[bytes | memoryview, bool]:
        """Wait for bytes of bulk OUT; the flag says whether their transfer ended with them."""

    async def send(self, data: bytes) -> None:
        """Send one bulk IN write: b"" is an empty packet, and a multiple of the packet size leaves the transfer open."""

    async def send_event(self, data: bytes) -> None:
        """Send one transfer on the interrupt pipe; returns when the host has taken it or certainly will."""

    def stall(self) -> None:
        """Halt both bulk endpoints until the host clears the halts."""

    def halted(self) -> tuple[int, ...]:
        """Return the addresses of the endpoints that are halted now, as far as is known."""

    def flush(self) -> None:
        """Drop what the host has not taken yet, and what it has sent that was not received yet.

        A `receive` that is waiting goes on waiting.
        """


class ClassRequests(Protocol):
    """What a camera does on the class requests to its interface, in any state (Still Image Class 1.0, clause 5.2)."""

    def cancel(self, transaction_id: int) -> None:
        """Cancel (0x64)."""

    def device_status(self) -> bytes:
        """GetDeviceStatus (0x67): return the reply."""

    def device_reset(self) -> None:
        """DeviceReset (0x66)."""


class _BulkPipe:
    """One direction of bulk transfers. During a halt the host's calls fail and the camera's wait."""

    def __init__(self, packet: int) -> None:
        self._packet = packet
        self._queue: deque[tuple[memoryview, bool]] = deque()
        self._queued = 0
        self._changed = trio.lowlevel.ParkingLot()
        self._halted = False
        self._gone = False

    @property
    def halted(self) -> bool:
        return self._halted

    def halt(self, halted: bool) -> None:
        self._halted = halted
        self._changed.unpark_all()

    def cut(self) -> None:
        """Fail all calls from now on; a camera that is plugged in again has new pipes."""
        self._gone = True
        self._changed.unpark_all()

    def flush(self) -> None:
        self._queue.clear()
        self._queued = 0
        self._changed.unpark_all()

    def _must_wait(self, by_host: bool, blocked: bool) -> bool:
        if self._gone:
            raise DeviceGone("the emulated camera is unplugged")
        if self._halted and by_host and blocked:
            raise TransferStalled("the emulated camera halted the endpoint")
        return self._halted or blocked

    async def write(self, data: bytes, by_host: bool) -> None:
        """Put a write into the pipe, when there is room."""
        await trio.lowlevel.checkpoint()
        while self._must_wait(by_host, self._queued >= CAPACITY or (self._halted and by_host)):
            await self._changed.park()
        self._queue.append((memoryview(data), not data or len(data) % self._packet != 0))
        self._queued += len(data)
        self._changed.unpark_all()

    async def read(self, size: int, by_host: bool, parts: list[memoryview]) -> bool:
        """Take up to `size` bytes of one transfer into `parts`. Cancelled: they hold what was taken so far.

        Returns:
            Whether the transfer ended.
        """
        await trio.lowlevel.checkpoint()
        room = size
        while True:
            # What was sent before a halt still arrives; but a read that is not full yet when the halt comes fails.
            while self._must_wait(by_host, not self._queue) and not self._queue:
                await self._changed.park()
            chunk, end = self._queue.popleft()
            if len(chunk) > room:
                if room % self._packet:
                    raise TransportError(f"overflow: the emulated camera sent more than the {size} bytes read")
                self._queue.appendleft((chunk[room:], end))
                chunk, end = chunk[:room], False
            room -= len(chunk)
            self._queued -= len(chunk)
            self._changed.unpark_all()
            if len(chunk):
                parts.append(chunk)
            if end or not room:
                return end


class _InterruptPipe:
    """Holds one event until the host has taken it."""

    def __init__(self) -> None:
        self._event: bytes | None = None
        self._changed = trio.lowlevel.ParkingLot()
        self._gone = False

    def cut(self) -> None:
        self._gone = True
        self._changed.unpark_all()

    async def _until(self, full: bool) -> None:
        await trio.lowlevel.checkpoint()
        while True:
            if self._gone:
                raise DeviceGone("the emulated camera is unplugged")
            if (self._event is not None) is full:
                return
            await self._changed.park()

    async def write(self, data: bytes) -> None:
        await self._until(full=False)
        self._event = data
        self._changed.unpark_all()

    async def read(self) -> bytes:
        await self._until(full=True)
        assert self._event is not None
        event, self._event = self._event, None
        self._changed.unpark_all()
        return event


class _Cable:
    """The three pipes, from plugging in to unplugging."""

    def __init__(self, packet: int) -> None:
        self.bulk_in = _BulkPipe(packet)
        self.bulk_out = _BulkPipe(packet)
        self.interrupt = _InterruptPipe()
        self.claimed = False
        self.gone = False

    def cut(self) -> None:
        self.gone = True
        for pipe in (self.bulk_in, self.bulk_out, self.interrupt):
            pipe.cut()


class _DeviceEnd:
    """The camera's end: a `Port`."""

    def __init__(self, cable: _Cable, packet: int) -> None:
        self.max_packet_size = packet
        self._cable = cable
        self._parts: list[memoryview] = []

    async def receive(self) -> tuple[bytes | memoryview, bool]:
        if self._parts:  # of a receive that was cancelled
            parts, self._parts = self._parts, []
            return b"".join(parts), False
        end = await self._cable.bulk_out.read(RECEIVE_SIZE, False, self._parts)
        parts, self._parts = self._parts, []
        return b"".join(parts), end

    async def send(self, data: bytes) -> None:
        await self._cable.bulk_in.write(data, False)

    async def send_event(self, data: bytes) -> None:
        await self._cable.interrupt.write(data)

    def stall(self) -> None:
        self._cable.bulk_in.halt(True)
        self._cable.bulk_out.halt(True)

    def halted(self) -> tuple[int, ...]:
        pipes = ((BULK_IN, self._cable.bulk_in), (BULK_OUT, self._cable.bulk_out))
        return tuple(address for address, pipe in pipes if pipe.halted)

    def flush(self) -> None:
        self._parts.clear()
        self._cable.bulk_in.flush()
        self._cable.bulk_out.flush()


class HostPipes:
    """The host's end while it is open: a `transports.ports.UsbPipes`.

    The next read returns what a cancelled one had got, at once, whatever size it asks for and without the flag. A read that meets a halt
    loses what it had got, as with libusb.
    """

    def __init__(self, usb: "EmulatedUsb", cable: _Cable) -> None:
        self.max_packet_size = usb.max_packet_size
        self._usb = usb
        self._cable = cable
        self._kept: list[memoryview] = []
        self._open = True
        cable.claimed = True

    def _check(self) -> None:
        if not self._open or self._cable.gone:
            raise DeviceGone("the emulated camera is unplugged")

    async def write(self, data: bytes) -> None:
        self._check()
        self._usb.count(len(data))
        await self._cable.bulk_out.write(bytes(data), True)

    async def converse(self, conversation: Conversation) -> None:
        while conversation.unsent:
            await self.write(conversation.unsent[0])
            conversation.unsent.popleft()
        while size := conversation.wanted():
            conversation.feed(*await self.read(size))

    async def read(self, size: int, seconds: float = math.inf) -> tuple[bytes | memoryview, bool]:
        self._check()
        if self._kept:
            await trio.lowlevel.checkpoint()
            return self._take(), False
        end = False
        with trio.move_on_after(seconds) as patience:
            parts: list[memoryview] = []
            try:
                end = await self._cable.bulk_in.read(size, True, parts)
            except trio.Cancelled:
                self._kept = parts
                raise
            self._kept = parts
        if patience.cancelled_caught and not self._kept:
            raise TransferTimeout("the emulated camera sends nothing")
        return self._take(), end

    def _take(self) -> bytes | memoryview:
        parts, self._kept = self._kept, []
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        self._usb.count(len(data))
        return data

    async def read_event(self) -> bytes:
        self._check()
        return await self._cable.interrupt.read()

    async def cancel(self, transaction_id: int) -> None:
        await self._control()
        self._usb.requests.cancel(transaction_id)

    async def device_status(self) -> bytes:
        await self._control()
        return self._usb.requests.device_status()

    async def reset_device(self) -> None:
        await self._control()
        self._usb.requests.device_reset()

    async def clear_halts(self) -> None:
        await self._control()
        self._cable.bulk_in.halt(False)
        self._cable.bulk_out.halt(False)

    async def _control(self) -> None:
        await trio.lowlevel.checkpoint()
        self._check()

    async def aclose(self) -> None:
        """Let go of the camera, which is not told: its session stays open."""
        if self._open:
            self._open = False
            self._cable.claimed = False
        await trio.lowlevel.cancel_shielded_checkpoint()


class EmulatedUsb:
    """A USB cable with an emulated camera at its end.

    Args:
        requests: answers class requests.
        max_packet_size: M of the bulk pipes: 64, 512 or 1024 bytes.

    Attributes:
        moved: number of bytes that have gone over the bulk pipes, in both directions together.
        unplug_at: unplug when as many bytes have been moved; None for never.
    """

    def __init__(self, requests: ClassRequests, max_packet_size: int = 512) -> None:
        self.requests = requests
        self.max_packet_size = max_packet_size
        self.moved = 0
        self.unplug_at: int | None = None
        self._cable: _Cable | None = None
        self._plugged = trio.Event()
        self.plug()

    def unplug(self) -> None:
        """Pull the cable: all calls at both ends fail at once, also those under way."""
        if self._cable is not None:
            self._cable.cut()
            self._cable = None
            self._plugged = trio.Event()

    def plug(self) -> None:
        """Put the cable in again; the host has to `open` again."""
        if self._cable is None:
            self._cable = _Cable(self.max_packet_size)
            self._plugged.set()

    def open(self) -> HostPipes:
        """Claim the interface for the host.

        Raises:
            DeviceGone: the cable is out.
            DeviceInUse: another host has it open.
        """
        if self._cable is None:
            raise DeviceGone("the emulated camera is unplugged")
        if self._cable.claimed:
            raise DeviceInUse("the emulated camera is in use")
        return HostPipes(self, self._cable)

    async def port(self) -> Port:
        """Wait until the cable is in, and return the camera's end of it."""
        while self._cable is None:  # a loop, since it may be out again before this runs
            await self._plugged.wait()
        return _DeviceEnd(self._cable, self.max_packet_size)

    def count(self, size: int) -> None:
        """Count bytes that the host moves, and unplug at the right one."""
        if self.unplug_at is not None and self.moved + size > self.unplug_at:
            self.unplug_at = None
            self.unplug()
            raise DeviceGone("the emulated camera is unplugged")
        self.moved += size

"""USB inside one process: the pipes between a host and an emulated camera, with the rules of USB's packets and transfers.

The host's end is a `transports.ports.UsbPipes`, the camera's end a `Port`. With M the packet size (USB 2.0, 5.8.3):

* A *transfer* is all writes up to and including one that ends with a packet shorter than M, if need be an empty one. A write that
  is a multiple of M leaves its transfer open: what is written next continues it.
* A read takes bytes of one transfer only. It returns when it is full or the transfer has ended, not before.
* A read whose size is no multiple of M, and that meets a packet larger than what is left of it, is an overflow.
* Queues are bounded: a writer waits for the reader.
"""

from collections import deque
from typing import Protocol

import trio

from camfs.errors import DeviceGone, DeviceInUse, TransferStalled, TransportError
from camfs.transports.ports import Conversation

BULK_IN, BULK_OUT = 0x81, 0x02
"""Endpoint addresses, as GetDeviceStatus lists them when halted."""

CAPACITY = 1 << 20
"""Bytes in a bulk pipe from which on a writer waits."""

RECEIVE_SIZE = 1 << 16
"""Bytes the camera asks of its OUT pipe at a time: a multiple of every packet size."""


class Port(Protocol):
    """A camera's end of its USB interface: what a responder needs of one, in this process or on a gadget's endpoints.

    All methods raise `DeviceGone` once the cable is out. Cancelling `send` may have sent a part; cancelling `receive` loses nothing.
    """

    max_packet_size: int

    async def receive(self) -> tuple[bytes | memoryview, bool]:
        """Wait for bytes of bulk OUT; the flag says whether the transfer ended with them."""

    async def send(self, data: bytes) -> None:
        """Send one bulk IN write; b"" is a zero-length packet, and a multiple of the packet size leaves the transfer open."""

    async def send_event(self, data: bytes) -> None:
        """Send one transfer on the interrupt pipe; returns when the host has taken it or surely will."""

    def stall(self) -> None:
        """Halt both bulk endpoints; they work again when the host has cleared the halts."""

    def halted(self) -> tuple[int, ...]:
        """Return the addresses of endpoints that are halted now, as far as they are known."""

    def flush(self) -> None:
        """Drop what was sent and not yet taken by the host, and what the host has sent and was not yet received.

        May be called while `receive` waits, which goes on waiting.
        """


class ClassRequests(Protocol):
    """What a camera does on the class requests of its interface, in any state (Still Image Class 1.0, clause 5.2)."""

    def cancel(self, transaction_id: int) -> None:
        """Cancel (0x64)."""

    def device_status(self) -> bytes:
        """GetDeviceStatus (0x67): the reply as sent."""

    def device_reset(self) -> None:
        """DeviceReset (0x66)."""


class _BulkPipe:
    """One direction. A halt makes the host's calls fail and the camera's wait."""

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
        """The cable is out, for ever: a camera that is plugged in again has new pipes."""
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
        """Put a write into the pipe, waiting for room."""
        await trio.lowlevel.checkpoint()
        while self._must_wait(by_host, self._queued >= CAPACITY or (self._halted and by_host)):
            await self._changed.park()
        self._queue.append((memoryview(data), not data or len(data) % self._packet != 0))
        self._queued += len(data)
        self._changed.unpark_all()

    async def read(self, size: int, by_host: bool, parts: list[memoryview]) -> bool:
        """Take up to `size` bytes of one transfer into `parts`; cancelled, the parts hold what was taken so far.

        Returns:
            Whether the transfer ended.
        """
        await trio.lowlevel.checkpoint()
        room = size
        while True:
            # What was sent before a halt arrives, unless the read is not full yet when the halt comes: then it fails.
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
    """The three pipes, from one plugging in to the unplugging."""

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
    """The host's end, opened and not yet let go: a `transports.ports.UsbPipes`.

    A read that was cancelled keeps what it had; the next one returns that at once, whatever its size, and without the flag.
    A read that meets a halt loses what it had, as it does with libusb.
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
        """See `UsbPipes.write`."""
        self._check()
        self._usb.count(len(data))
        await self._cable.bulk_out.write(bytes(data), True)

    async def converse(self, conversation: Conversation) -> None:
        """See `UsbPipes.converse`."""
        while conversation.unsent:
            await self.write(conversation.unsent[0])
            conversation.unsent.popleft()
        while size := conversation.wanted():
            conversation.feed(*await self.read(size))

    async def read(self, size: int) -> tuple[bytes | memoryview, bool]:
        """See `UsbPipes.read`."""
        self._check()
        if self._kept:
            await trio.lowlevel.checkpoint()
            return self._take(), False
        parts: list[memoryview] = []
        try:
            end = await self._cable.bulk_in.read(size, True, parts)
        except trio.Cancelled:
            self._kept = parts
            raise
        self._kept = parts
        return self._take(), end

    def _take(self) -> bytes | memoryview:
        parts, self._kept = self._kept, []
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        self._usb.count(len(data))
        return data

    async def read_event(self) -> bytes:
        """See `UsbPipes.read_event`."""
        self._check()
        return await self._cable.interrupt.read()

    async def cancel(self, transaction_id: int) -> None:
        """See `UsbPipes.cancel`."""
        await self._control()
        self._usb.requests.cancel(transaction_id)

    async def device_status(self) -> bytes:
        """See `UsbPipes.device_status`."""
        await self._control()
        return self._usb.requests.device_status()

    async def reset_device(self) -> None:
        """See `UsbPipes.reset_device`."""
        await self._control()
        self._usb.requests.device_reset()

    async def clear_halts(self) -> None:
        """See `UsbPipes.clear_halts`."""
        await self._control()
        self._cable.bulk_in.halt(False)
        self._cable.bulk_out.halt(False)

    async def _control(self) -> None:
        await trio.lowlevel.checkpoint()
        self._check()

    async def aclose(self) -> None:
        """See `UsbPipes.aclose`. The camera is told nothing: its session stays as it is."""
        if self._open:
            self._open = False
            self._cable.claimed = False
        await trio.lowlevel.cancel_shielded_checkpoint()


class EmulatedUsb:
    """A USB cable with an emulated camera at its end.

    Args:
        requests: what answers class requests.
        max_packet_size: M of the bulk pipes: 64, 512 or 1024 bytes.

    Attributes:
        moved: bytes that went over the bulk pipes, both ways, since the program began.
        unplug_at: unplug instead of moving the byte of this number (0: the first); None never.
    """

    def __init__(self, requests: ClassRequests, max_packet_size: int = 512) -> None:
        self.requests = requests
        self.max_packet_size = max_packet_size
        self.moved = 0
        self.unplug_at: int | None = None
        self._cable: _Cable | None = None
        self._plugged = trio.Event()
        self.plug()

    @property
    def is_plugged(self) -> bool:
        """Whether the camera is there."""
        return self._cable is not None

    def unplug(self) -> None:
        """Pull the cable: all calls on both ends fail at once, those under way too."""
        if self._cable is not None:
            self._cable.cut()
            self._cable = None
            self._plugged = trio.Event()

    def plug(self) -> None:
        """Put the cable in again; the host has to `open` anew."""
        if self._cable is None:
            self._cable = _Cable(self.max_packet_size)
            self._plugged.set()

    def open(self) -> HostPipes:
        """Claim the interface for the host.

        Raises:
            DeviceGone: the camera is unplugged.
            DeviceInUse: somebody has it open.
        """
        if self._cable is None:
            raise DeviceGone("the emulated camera is unplugged")
        if self._cable.claimed:
            raise DeviceInUse("the emulated camera is in use")
        return HostPipes(self, self._cable)

    async def port(self) -> Port:
        """Wait for the cable, and return the camera's end of it."""
        while self._cable is None:  # it may be out again before this runs
            await self._plugged.wait()
        return _DeviceEnd(self._cable, self.max_packet_size)

    def count(self, size: int) -> None:
        """Count bytes the host moves, and unplug if it is time."""
        if self.unplug_at is not None and self.moved + size > self.unplug_at:
            self.unplug_at = None
            self.unplug()
            raise DeviceGone("the emulated camera is unplugged")
        self.moved += size

"""Carries PTP messages over a pair of USB pipes: a codec (`protocols.ptp.containers`) joined to a transport.

A PTP/IP link has the same methods over two TCP connections, so a session does not know which it has.
"""

from collections import deque
from typing import Protocol

import trio

from camfs.errors import TransferStalled, TransferTimeout
from camfs.protocols.ptp.codes import ResponseCode
from camfs.protocols.ptp.containers import EventPipe, UsbConnection
from camfs.protocols.ptp.messages import Event, Message, Role

SMALL_READ = 16 << 10
"""Bytes asked of the bulk pipe where a container may begin: whole datasets, and what the kernel gives without looking for room."""

LARGE_READ = 1 << 20
"""Bytes asked for at a time of a payload that has more to come. Both are multiples of every packet size."""

DRAIN_SILENCE = 0.2
"""Seconds without a byte after which a cancelled transfer counts as drained (reference ptp, 9.4)."""

STATUS_POLL = 0.05
STATUS_POLLS = 20
"""How often, and seconds between, GetDeviceStatus is asked after a Cancel: a second in all."""


class UsbPipes(Protocol):
    """The USB interface of a still image device, as `transports.usb` and the emulated cameras offer it.

    All methods raise `DeviceGone` once the device is unplugged, `TransferStalled` on a halted endpoint. None has a time limit of
    its own: callers put a `trio.fail_after` around. Cancelling a call returns within about half a second and loses no bytes that
    the device has delivered: the next read returns them.
    """

    max_packet_size: int

    async def write(self, data: bytes) -> None:
        """Send one bulk write; b"" is a zero-length packet."""

    async def read(self, size: int) -> tuple[bytes | memoryview, bool]:
        """Read up to `size` bytes of one bulk transfer; the flag says whether the transfer ended there."""

    async def read_event(self) -> bytes:
        """Wait for one interrupt transfer."""

    async def cancel(self, transaction_id: int) -> None:
        """Class request Cancel (0x64)."""

    async def device_status(self) -> bytes:
        """Class request GetDeviceStatus (0x67), the reply as sent."""

    async def reset_device(self) -> None:
        """Class request DeviceReset (0x66): the device is idle again, its session closed."""

    async def clear_halts(self) -> None:
        """Clear the halt of the bulk endpoints."""

    async def aclose(self) -> None:
        """Let go of the device; never raises."""


class Link(Protocol):
    """Carries messages to a responder and back."""

    async def send(self, *messages: Message) -> None:
        """Send messages in order. Cancelled or failed: the transaction must be recovered with `cancel` or `reset`."""

    async def receive(self) -> Message:
        """Wait for the responder's next message. Cancelled: nothing is lost."""

    async def receive_event(self) -> Event:
        """Wait for an event. Cancelled: nothing is lost.

        Raises:
            RemoteProtocolError: what came was no event; the next call goes on.
        """

    async def cancel(self, transaction_id: int) -> None:
        """End the transaction under way on both sides and drop what is left of it; takes two seconds at most.

        Raises:
            CameraError: the camera did not come back to idle; `reset` may help.
        """

    async def reset(self) -> None:
        """Bring both sides back to the state before OpenSession; takes two seconds at most."""

    async def aclose(self) -> None:
        """Let go of the device; never raises."""


class UsbLink:
    """A `Link` over USB."""

    def __init__(self, pipes: UsbPipes) -> None:
        self._pipes = pipes
        self._connection = UsbConnection(Role.INITIATOR, pipes.max_packet_size)
        self._event_pipe = EventPipe()
        self._events: deque[Event] = deque()

    async def send(self, *messages: Message) -> None:
        """See `Link.send`. A stall on the first write is cleared and the write repeated once."""
        first = True
        for message in messages:
            for data in self._connection.send(message):
                try:
                    await self._pipes.write(data)
                except TransferStalled:
                    if not first:
                        raise
                    await self._pipes.clear_halts()
                    await self._pipes.write(data)
                first = False

    async def receive(self) -> Message:
        """See `Link.receive`. A stall is cleared and the read repeated once."""
        stalled = False
        while True:
            message = self._connection.next_message()
            if message is not None:
                return message
            try:
                left = self._connection.payload_left
                size = SMALL_READ if left is not None and left < SMALL_READ else LARGE_READ
                self._connection.receive(*await self._pipes.read(size))
            except TransferStalled:
                if stalled:
                    raise
                stalled = True
                await self._pipes.clear_halts()

    async def receive_event(self) -> Event:
        """See `Link.receive_event`."""
        while not self._events:
            self._events.extend(self._event_pipe.receive(await self._pipes.read_event()))
        return self._events.popleft()

    async def cancel(self, transaction_id: int) -> None:
        """See `Link.cancel`: class request Cancel, drain, poll the device status until it is OK (reference ptp, 9.4)."""
        try:
            with trio.fail_after(2):
                await self._pipes.cancel(transaction_id)
                await self._drain()
                for _ in range(STATUS_POLLS):
                    status = await self._pipes.device_status()
                    if len(status) > 4:
                        await self._pipes.clear_halts()
                    if int.from_bytes(status[2:4], "little") == ResponseCode.OK:
                        self._restart()
                        return
                    await trio.sleep(STATUS_POLL)
        except trio.TooSlowError:
            pass
        raise TransferTimeout("the camera did not take the cancel")

    async def _drain(self) -> None:
        with trio.fail_after(1):
            while True:
                with trio.move_on_after(DRAIN_SILENCE) as silence:
                    try:
                        await self._pipes.read(LARGE_READ)
                    except TransferStalled:
                        await self._pipes.clear_halts()
                if silence.cancelled_caught:
                    return

    async def reset(self) -> None:
        """See `Link.reset`: class request DeviceReset, clear the halts, drain."""
        try:
            with trio.fail_after(2):
                await self._pipes.reset_device()
                await self._pipes.clear_halts()
                await self._drain()
        except trio.TooSlowError:
            raise TransferTimeout("the camera did not take the reset") from None
        finally:
            self._restart()

    def _restart(self) -> None:
        split = self._connection.split_header
        self._connection = UsbConnection(Role.INITIATOR, self._pipes.max_packet_size, split_header=split)

    async def aclose(self) -> None:
        """See `Link.aclose`."""
        await self._pipes.aclose()

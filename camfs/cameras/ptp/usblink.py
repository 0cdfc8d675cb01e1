"""A `Link` over USB: the codec of `protocols.ptp.containers` joined to the pipes of a transport.

A read of the bulk pipe goes on to the response, so that a small transaction is one call of the transport, or until a portion of the
payload is there to be passed on. How a transaction is given up: the class request Cancel, then reading until nothing comes, then
asking for the device status until it is OK; see camfs/protocols/ptp/README.md, "Cancelling".
"""

import logging
from collections import deque

import trio

from camfs.errors import TransferStalled, TransferTimeout
from camfs.protocols.ptp.codes import ResponseCode
from camfs.protocols.ptp.containers import EventPipe, UsbConnection
from camfs.protocols.ptp.messages import Event, Message, Response, Role
from camfs.transports.ports import UsbPipes

log = logging.getLogger(__name__)

SMALL_READ = 16 << 10
"""Bytes asked of the bulk pipe where a container may begin: room for a whole dataset, and a buffer that the kernel finds at once."""

LARGE_READ = 1 << 20
"""Bytes asked of the bulk pipe while more of a payload is to come. Both sizes are multiples of every packet size."""

PORTION = 64 << 10
"""Bytes of a payload after which a read stops, so that they can be passed on."""

DRAIN_SILENCE = 0.2
"""Seconds without a byte after which a cancelled transfer counts as drained."""

STATUS_POLL = 0.05
"""Seconds between two GetDeviceStatus after a Cancel."""

STATUS_POLLS = 20
"""How often GetDeviceStatus is asked after a Cancel; this takes a second in all."""


class UsbLink:
    """A `Link` over USB, and the `Conversation` that its pipes have."""

    def __init__(self, pipes: UsbPipes) -> None:
        self._pipes = pipes
        self._connection = UsbConnection(Role.INITIATOR, pipes.max_packet_size)
        self._messages: deque[Message] = deque()
        self._portion = 0
        self._answered = False
        self._event_pipe = EventPipe()
        self._events: deque[Event] = deque()
        self.unsent: deque[bytes] = deque()

    @property
    def unfinished(self) -> int:
        return 0  # on USB the end of a transfer tells, before anything else can follow

    async def send(self, *messages: Message) -> None:
        """Queue messages; their bytes leave with the next `receive`, in the same call of the transport."""
        self._answered = False
        for message in messages:
            self.unsent.extend(self._connection.send(message))

    async def receive(self) -> Message:
        """Send what is queued and wait for a message. A stall before the answer has begun is cleared, and the transfer repeated once."""
        stalled = False
        while not self._messages:
            try:
                await self._pipes.converse(self)
            except TransferStalled:
                if stalled or self._answered:
                    raise
                stalled = True
                await self._pipes.clear_halts()
        return self._messages.popleft()

    def wanted(self) -> int:
        """Ask for more until the response or a portion of the payload is there."""
        if self._messages and (isinstance(self._messages[-1], Response) or self._portion >= PORTION):
            self._portion = 0
            return 0
        left = self._connection.payload_left
        return SMALL_READ if left is not None and left < SMALL_READ else LARGE_READ

    def feed(self, data: bytes | memoryview, end_of_transfer: bool) -> None:
        """Decode bytes into messages.

        Raises:
            RemoteProtocolError: the bytes are not PTP, and no message came before them.
        """
        self._connection.receive(data, end_of_transfer)
        self._answered = self._answered or len(data) > 0
        self._portion += len(data)
        while (message := self._connection.next_message()) is not None:
            self._messages.append(message)

    async def receive_event(self) -> Event:
        while not self._events:
            self._events.extend(self._event_pipe.receive(await self._pipes.read_event()))
        return self._events.popleft()

    async def cancel(self, transaction_id: int) -> None:
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
        raise TransferTimeout("the camera did not accept the cancel")

    async def _drain(self) -> None:
        """Read until nothing comes."""
        with trio.fail_after(1):
            while True:
                try:
                    await self._pipes.read(LARGE_READ, DRAIN_SILENCE)
                except TransferStalled:
                    await self._pipes.clear_halts()
                except TransferTimeout:
                    return

    async def reset(self) -> None:
        try:
            with trio.fail_after(2):
                try:
                    await self._pipes.reset_device()
                except TransferStalled:
                    log.info("the camera does not know the request DeviceReset")
                await self._pipes.clear_halts()
                await self._drain()
        except trio.TooSlowError:
            raise TransferTimeout("the camera did not accept the reset") from None
        finally:
            self._event_pipe = EventPipe()
            self._restart()

    def _restart(self) -> None:
        self._messages.clear()
        self.unsent.clear()
        self._portion = 0
        split = self._connection.split_header
        self._connection = UsbConnection(Role.INITIATOR, self._pipes.max_packet_size, split_header=split)

    async def aclose(self) -> None:
        await self._pipes.aclose()

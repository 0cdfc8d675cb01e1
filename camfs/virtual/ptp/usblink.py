"""Carries PTP messages over an emulated camera's USB port: the codec in the role of responder, with quirks and faults of framing."""

from collections.abc import Iterable

from camfs.protocols.ptp.containers import UsbConnection, encode_event
from camfs.protocols.ptp.messages import DataEnd, Event, Message, Role
from camfs.virtual.ptp.faults import Quirks
from camfs.virtual.ptp.link import AnswerCut
from camfs.virtual.usb.pipes import Port


class UsbLink:
    """A `Link` over a pair of bulk pipes and an interrupt pipe.

    Args:
        port: the camera's end of the pipes.
        quirks: looked at anew for each message, so that a test may change them.
    """

    def __init__(self, port: Port, quirks: Quirks) -> None:
        self._port = port
        self._quirks = quirks
        self._connection = UsbConnection(Role.RESPONDER, port.max_packet_size)
        self._limit: int | None = None
        self._goes_on = False
        self._held: bytes | None = None
        self._transfer_open = False

    async def receive(self) -> Message:
        while True:
            message = self._connection.next_message()
            if message is not None:
                return message
            data, end = await self._port.receive()
            self._connection.receive(data, end)  # perhaps another connection than above: `restart` may have been called

    def cut_answer(self, at: int, goes_on: bool) -> None:
        self._limit, self._goes_on = at, goes_on

    def lift_cut(self) -> None:
        self._limit = None

    async def send(self, messages: Iterable[Message]) -> None:
        self._connection.split_header = self._quirks.split_header
        for message in messages:
            writes = self._connection.send(message)
            if isinstance(message, DataEnd) and (self._quirks.surplus or self._quirks.joined_response):
                last = b"".join(writes) + b"\x55" * self._quirks.surplus
                if self._quirks.joined_response:
                    self._held = last
                    continue
                writes = [last]
            if self._held is not None:
                data, self._held = self._held + b"".join(writes), None
                writes = [data] if len(data) % self._port.max_packet_size else [data, b""]
            for data in writes:
                if data or self._quirks.zero_length_packets:
                    await self.send_raw(data)

    async def send_raw(self, data: bytes) -> None:
        if self._limit is not None:
            if not self._limit or len(data) > self._limit:
                at, self._limit = self._limit, None
                if self._goes_on:
                    at -= at % self._port.max_packet_size
                if at:
                    await self._write(data[:at])
                if not self._goes_on:
                    raise AnswerCut
                self.stall()
                data = data[at:]
            else:
                self._limit -= len(data)
        await self._write(data)

    async def _write(self, data: bytes) -> None:
        await self._port.send(data)
        self._transfer_open = bool(data) and len(data) % self._port.max_packet_size == 0

    async def end_transfer(self) -> None:
        """Send an empty packet if the transfer needs one to end: if its last packet was full."""
        if self._transfer_open:
            await self._write(b"")

    async def end_cancelled(self, transaction_id: int) -> None:
        """Drop what is in the pipes; no response is sent (Still Image Class, 5.2.1)."""
        self.restart()
        if self._quirks.cancel_ends_transfer:
            await self.end_transfer()

    def stall(self) -> None:
        self._port.stall()
        self._transfer_open = False

    def halted(self) -> tuple[int, ...]:
        return self._port.halted()

    def restart(self, flush: bool = True) -> None:
        self._connection = UsbConnection(Role.RESPONDER, self._port.max_packet_size)
        self._limit = None
        self._held = None
        if flush:
            self._port.flush()

    async def send_event(self, event: Event) -> None:
        await self._port.send_event(encode_event(event))

"""Carries PTP messages over an emulated camera's port: the responder's codec, with the quirks and faults of framing.

`camfs.virtual.ptp.ptpip.IpLink` has the same methods over two TCP connections.
"""

from collections.abc import Iterable
from typing import Protocol

from camfs.protocols.ptp.containers import UsbConnection, encode_event
from camfs.protocols.ptp.messages import DataEnd, Event, Message, Role
from camfs.virtual.ptp.faults import Quirks
from camfs.virtual.usb.pipes import Port


class AnswerCut(Exception):
    """The byte of the answer has come at which a fault is to happen."""


class Link(Protocol):
    """What a responder needs of its link. All methods that wait raise `DeviceGone` once the host has left."""

    async def receive(self) -> Message:
        """Wait for the host's next message. Cancelled: nothing is lost.

        Raises:
            RemoteProtocolError: the host does not speak PTP; `stall` and `restart` before going on.
        """

    async def send(self, messages: Iterable[Message]) -> None:
        """Send messages in order; they have left once a response is among them.

        Raises:
            AnswerCut: see `cut_answer`. What came before that byte is sent.
        """

    async def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""

    async def send_event(self, event: Event) -> None:
        """Send an event."""

    def cut_answer(self, at: int, goes_on: bool) -> None:
        """Let something happen in place of sending byte `at`, counted from now on; `lift_cut` ends that."""

    def lift_cut(self) -> None:
        """Send without limit again."""

    async def end_transfer(self) -> None:
        """Let what was sent so far be all of its transfer."""

    async def end_cancelled(self, transaction_id: int) -> None:
        """End a transaction that the host has cancelled, as this link does: with a response or without."""

    def stall(self) -> None:
        """Tell the host that what it sent is no PTP."""

    def halted(self) -> tuple[int, ...]:
        """Return the addresses of endpoints that are halted now."""

    def restart(self, flush: bool = True) -> None:
        """Forget everything that is half sent or half received; `flush` drops what is under way, too."""


class UsbLink:
    """The camera's side of a pair of bulk pipes.

    Args:
        port: the pipes.
        quirks: asked anew for each message.
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
        """Wait for the host's next message. Cancelled: nothing is lost.

        Raises:
            RemoteProtocolError: the host does not speak PTP; `restart` before going on.
        """
        while True:
            message = self._connection.next_message()
            if message is not None:
                return message
            data, end = await self._port.receive()
            self._connection.receive(data, end)  # `restart` may have been called meanwhile

    def cut_answer(self, at: int, goes_on: bool) -> None:
        """Let something happen in place of sending byte `at`, counted from now on; `lift_cut` ends that.

        Args:
            at: 0 for the next byte.
            goes_on: halt the pipes there, between two packets, and send the rest when the halts are cleared; else raise `AnswerCut`.
        """
        self._limit, self._goes_on = at, goes_on

    def lift_cut(self) -> None:
        """Send without limit again."""
        self._limit = None

    async def send(self, messages: Iterable[Message]) -> None:
        """Send messages in order.

        Raises:
            AnswerCut: see `cut_answer`. What came before that byte is sent.
        """
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
        """Send a bulk write as it is."""
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
        """Send an empty packet if the transfer under way needs one to end."""
        if self._transfer_open:
            await self._write(b"")

    async def end_cancelled(self, transaction_id: int) -> None:
        """Drop what is in the pipes; no response is sent (Still Image Class, 5.2.1)."""
        self.restart()
        if self._quirks.cancel_ends_transfer:
            await self.end_transfer()

    def stall(self) -> None:
        """Halt both bulk pipes."""
        self._port.stall()
        self._transfer_open = False

    def halted(self) -> tuple[int, ...]:
        """See `Port.halted`."""
        return self._port.halted()

    def restart(self, flush: bool = True) -> None:
        """Forget everything that is half sent or half received.

        Args:
            flush: drop what is in the pipes, too.
        """
        self._connection = UsbConnection(Role.RESPONDER, self._port.max_packet_size)
        self._limit = None
        self._held = None
        if flush:
            self._port.flush()

    async def send_event(self, event: Event) -> None:
        """Send an event on the interrupt pipe."""
        await self._port.send_event(encode_event(event))

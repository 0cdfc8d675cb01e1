"""Carries PTP messages over the two TCP connections of an initiator, as PTP/IP does."""

from collections.abc import Iterable

import trio

from camfs.errors import DeviceGone
from camfs.protocols.ptp.codes import ResponseCode
from camfs.protocols.ptp.ip import IpConnection
from camfs.protocols.ptp.messages import Event, Message, Response
from camfs.protocols.ptp.packets import Cancel, IpMessage, ProbeRequest, ProbeResponse
from camfs.transports.channel import Channel
from camfs.virtual.ptp.link import AnswerCut
from camfs.virtual.ptp.responder import Responder

IpChannel = Channel[IpMessage, IpConnection]

HOLD = 64 << 10
"""Bytes of an answer that are held back, so that a small answer leaves in one piece with its response."""


class IpLink:
    """A `Link` over the two connections of one initiator.

    Args:
        command: the connection for commands and data.
        event: the connection for events.
        responder: is told of the Cancel packets that come in.
    """

    def __init__(self, command: IpChannel, event: IpChannel, responder: Responder) -> None:
        self._command = command
        self._event = event
        self._responder = responder
        self._held: list[bytes | memoryview] = []
        self._limit: int | None = None
        self._idle = True
        self._counted = 0
        self._closed = False

    async def receive(self) -> Message:
        while True:
            self._check()
            await self._take_time()
            match self._command.codec.next_message():
                case None:
                    await self._command.fill()
                case Cancel(transaction_id):
                    self._responder.cancel(transaction_id)
                    await trio.lowlevel.checkpoint_if_cancelled()
                case ProbeRequest():
                    await self._command.send(ProbeResponse())
                case ProbeResponse():
                    pass
                case message:
                    assert isinstance(message, Message)
                    return message

    async def _take_time(self) -> None:
        """Wait for the time that bytes which have come take on the way."""
        size, self._counted = self._command.received - self._counted, self._command.received
        if size:
            if self._idle:
                self._responder.throttle.begin()
            self._idle = False
            await self._responder.throttle.move(size)

    async def send(self, messages: Iterable[Message]) -> None:
        answered = False
        for message in messages:
            self._held += self._command.codec.send(message)
            answered = answered or isinstance(message, Response)
        self._idle = self._idle or answered
        if answered or sum(map(len, self._held)) >= HOLD:
            await self._flush()

    async def send_raw(self, data: bytes) -> None:
        self._held.append(data)
        await self._flush()

    async def _flush(self) -> None:
        self._check()
        data = b"".join(self._held)
        self._held.clear()
        if self._limit is not None:
            if len(data) > self._limit:
                at, self._limit = self._limit, None
                await self._command.write(data[:at])
                raise AnswerCut
            self._limit -= len(data)
        try:
            await self._responder.throttle.move(len(data))
        except trio.Cancelled:
            self._held.insert(0, data)
            raise
        await self._command.write(data)

    async def send_event(self, event: Event) -> None:
        self._check()
        await self._event.send(event)

    def cut_answer(self, at: int, goes_on: bool) -> None:
        # TCP cannot go on after an interruption, so it is not interrupted when it should.
        self._limit = None if goes_on else at

    def lift_cut(self) -> None:
        self._limit = None

    async def end_transfer(self) -> None:
        """TCP has no transfers."""

    async def end_cancelled(self, transaction_id: int) -> None:
        """Drop the host's data up to their end or up to its Cancel, and answer TransactionCanceled."""
        while self._command.codec.awaits_data:
            await self._command.receive()
        self._limit = None
        await self.send([Response(ResponseCode.TransactionCanceled, transaction_id)])

    def stall(self) -> None:
        """Close the connections at the next chance: TCP has no way to tell the host and go on."""
        self._closed = True

    def halted(self) -> tuple[int, ...]:
        """TCP has no endpoints."""
        return ()

    def restart(self, flush: bool = True) -> None:
        """TCP loses nothing, and a connection that is out of step stays so."""

    def _check(self) -> None:
        if self._closed:
            raise DeviceGone("the emulated camera has closed the connection")

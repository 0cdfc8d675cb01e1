"""An emulated camera on the network: a PTP/IP responder for one initiator at a time (reference ptp, sections 11 and 13.9).

A second initiator is told that the camera is busy until the first has left. What leaving ends is the session, as when a Wi-Fi
connection drops; all else of the camera stays as it was.
"""

import contextlib
import signal
import uuid
from collections.abc import Iterable

import trio

from camfs.errors import DeviceGone, RemoteProtocolError
from camfs.protocols.ptp.codes import ResponseCode
from camfs.protocols.ptp.ip import IpConnection
from camfs.protocols.ptp.messages import Event, Message, Response, Role
from camfs.protocols.ptp.packets import (
    MAX_NAME,
    Cancel,
    InitCommandAck,
    InitCommandRequest,
    InitEventAck,
    InitEventRequest,
    InitFail,
    IpMessage,
    ProbeRequest,
    ProbeResponse,
    Reason,
)
from camfs.transports.channel import Channel
from camfs.transports.ports import ByteStream
from camfs.virtual.ptp.camera import EmulatedCamera
from camfs.virtual.ptp.link import AnswerCut
from camfs.virtual.ptp.responder import Responder

IpChannel = Channel[IpMessage, IpConnection]

HANDSHAKE_TIMEOUT = 10.0
"""Seconds that an initiator may take for each step of the handshake."""

HOLD = 64 << 10
"""Bytes of an answer that are held, so that a small one leaves at once with its response."""

_NAMESPACE = uuid.UUID("6f1bb0b2-0a7e-4c0e-9d0c-1f0e5a3f6c11")


class IpWire:
    """A `Wire` over the two connections of one initiator.

    Args:
        command: the connection for commands and data.
        event: the connection for events.
        responder: whose wire it is: hears of Cancel.
    """

    def __init__(self, command: IpChannel, event: IpChannel, responder: Responder) -> None:
        self._command = command
        self._event = event
        self._responder = responder
        self._held: list[bytes | memoryview] = []
        self._limit: int | None = None
        self._free = 0.0
        self._closed = False

    async def receive(self) -> Message:
        """See `Wire.receive`."""
        while True:
            self._check()
            match await self._command.receive():
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

    async def send(self, messages: Iterable[Message]) -> None:
        """See `Wire.send`."""
        answered = False
        for message in messages:
            self._held += self._command.codec.send(message)
            answered = answered or isinstance(message, Response)
        if answered or sum(map(len, self._held)) >= HOLD:
            await self._flush()

    async def send_raw(self, data: bytes) -> None:
        """See `Wire.send_raw`."""
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
        if self._responder.bandwidth:
            # From the last byte before, if this goes on from there: sleeping too long does not add up.
            self._free = max(self._free, trio.current_time() - 0.1) + len(data) / self._responder.bandwidth
            try:
                await trio.sleep_until(self._free)
            except trio.Cancelled:
                self._held.insert(0, data)
                raise
        await self._command.write(data)

    async def send_event(self, event: Event) -> None:
        """See `Wire.send_event`."""
        self._check()
        await self._event.send(event)

    def cut_answer(self, at: int, goes_on: bool) -> None:
        """See `Wire.cut_answer`. TCP cannot go on after an interruption."""
        self._limit = None if goes_on else at

    def lift_cut(self) -> None:
        """See `Wire.lift_cut`."""
        self._limit = None

    async def end_transfer(self) -> None:
        """TCP has no transfers."""

    async def end_cancelled(self, transaction_id: int) -> None:
        """Take the data of the host that are under way up to their end or its Cancel, and answer TransactionCanceled."""
        while self._command.codec.awaits_data:
            await self._command.receive()
        self._limit = None
        await self.send([Response(ResponseCode.TransactionCanceled, transaction_id)])

    def stall(self) -> None:
        """There is no way to tell the host and go on: the connections will be closed."""
        self._closed = True

    def halted(self) -> tuple[int, ...]:
        """TCP has no endpoints."""
        return ()

    def restart(self, flush: bool = True) -> None:
        """TCP loses nothing, and what is out of step stays so."""

    def _check(self) -> None:
        if self._closed:
            raise DeviceGone("the emulated camera has closed the connection")


class _Initiator:
    """Who is connected, or about to be."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.event: IpChannel | None = None
        self.complete = trio.Event()
        self.left = trio.Event()


class IpPort:
    """The port of an emulated camera that takes TCP connections.

    Args:
        camera: not running elsewhere.
    """

    def __init__(self, camera: EmulatedCamera) -> None:
        self._responder = camera.responder
        info = camera.body.device_info
        self._guid = uuid.uuid5(_NAMESPACE, f"{info.model} {info.serial_number}").bytes
        self._name = info.model[:MAX_NAME]
        self._initiator: _Initiator | None = None
        self._number = 0

    async def answer(self, stream: ByteStream) -> None:
        """Serve one TCP connection to its end, whichever of an initiator's two it is."""
        channel = IpChannel(stream, IpConnection(Role.RESPONDER))
        try:
            with trio.move_on_after(HANDSHAKE_TIMEOUT) as patience:
                first = await channel.receive()
                patience.deadline = float("inf")
                match first:
                    case InitCommandRequest():
                        await self._answer_command(channel)
                    case InitEventRequest(number):
                        await self._answer_event(channel, number)
        except (DeviceGone, RemoteProtocolError):
            pass  # it has left, or is no initiator
        finally:
            with trio.CancelScope(shield=True):
                await channel.aclose()

    async def _answer_command(self, command: IpChannel) -> None:
        if self._initiator is not None:
            await command.send(InitFail(Reason.BUSY))
            return
        self._number += 1
        initiator = self._initiator = _Initiator(self._number)
        try:
            await command.send(InitCommandAck(initiator.number, self._guid, self._name))
            await _completed(initiator, command)
            if initiator.event is not None:
                await self._serve(command, initiator.event)
        finally:
            self._initiator = None
            initiator.left.set()

    async def _answer_event(self, event: IpChannel, number: int) -> None:
        initiator = self._initiator
        if initiator is None or initiator.number != number or initiator.event is not None:
            await event.send(InitFail(Reason.REJECTED))
            return
        initiator.event = event
        await event.send(InitEventAck())
        initiator.complete.set()
        await initiator.left.wait()

    async def _serve(self, command: IpChannel, event: IpChannel) -> None:
        """Answer until one of the connections ends."""
        async with trio.open_nursery() as nursery:

            async def listen() -> None:
                with contextlib.suppress(DeviceGone, RemoteProtocolError):
                    await self._listen(event)
                nursery.cancel_scope.cancel()

            nursery.start_soon(listen)
            await self._responder.run_on(IpWire(command, event, self._responder))
            nursery.cancel_scope.cancel()

    async def _listen(self, event: IpChannel) -> None:
        while True:
            match await event.receive():
                case ProbeRequest():
                    await event.send(ProbeResponse())
                case Cancel(transaction_id):
                    self._responder.cancel(transaction_id)


async def _completed(initiator: _Initiator, command: IpChannel) -> None:
    """Wait for the event connection, but not for an initiator that has left."""
    async with trio.open_nursery() as nursery:

        async def watch() -> None:
            try:
                await command.fill()
            except DeviceGone:
                nursery.cancel_scope.cancel()

        nursery.start_soon(watch)
        with trio.move_on_after(HANDSHAKE_TIMEOUT):
            await initiator.complete.wait()
        nursery.cancel_scope.cancel()


class _Accepted:
    """The `ByteStream` of a connection that was accepted."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._socket = stream.socket

    async def send(self, data: memoryview) -> int:
        try:
            return await self._socket.send(data)
        except (OSError, trio.ClosedResourceError) as error:
            raise DeviceGone(str(error)) from error

    async def receive(self, max_bytes: int) -> bytes:
        try:
            data = await self._socket.recv(max_bytes)
        except (OSError, trio.ClosedResourceError) as error:
            raise DeviceGone(str(error)) from error
        if not data:
            raise DeviceGone("the initiator has left")
        return data

    async def aclose(self) -> None:
        self._socket.close()
        await trio.lowlevel.cancel_shielded_checkpoint()


async def open_listeners(host: str, port: int) -> list[trio.SocketListener]:
    """Open the sockets to listen at.

    Args:
        host: a name or an address, IPv6 without brackets.
        port: 0 for any that is free.

    Raises:
        OSError: it cannot be listened there.
    """
    listeners = await trio.open_tcp_listeners(port, host=host)
    if not port:  # a name of several addresses would get as many ports
        for surplus in listeners[1:]:
            await surplus.aclose()
        del listeners[1:]
    return listeners


async def listen(camera: EmulatedCamera, listeners: list[trio.SocketListener]) -> None:
    """Let the camera, which is not running elsewhere, answer on the network; never returns. Cancelled: the sockets are closed."""
    port = IpPort(camera)

    async def answer(stream: trio.SocketStream) -> None:
        await port.answer(_Accepted(stream))

    await trio.serve_listeners(answer, listeners)


async def serve(camera: EmulatedCamera, host: str, port: int) -> None:
    """Let the camera answer on the network until SIGINT or SIGTERM, and say where on stdout.

    Args:
        camera: not running elsewhere; closed at the end.
        host: see `open_listeners`.
        port: see `open_listeners`.

    Raises:
        OSError: it cannot be listened there.
    """
    try:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            listeners = await open_listeners(host, port)
            taken = listeners[0].socket.getsockname()[1]
            async with trio.open_nursery() as nursery:
                nursery.start_soon(listen, camera, listeners)
                print(
                    f"a {camera.body.device_info.model} is at ptpip:{f'[{host}]' if ':' in host else host}:{taken}",
                    flush=True,
                )
                async for _ in signals:
                    nursery.cancel_scope.cancel()
                    break
    finally:
        camera.close()

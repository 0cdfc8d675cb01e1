"""The network port of an emulated camera: a PTP/IP responder that serves one initiator at a time.

An initiator makes two connections, each with its own handshake::

    command  ── InitCommandRequest ──►  ◄── InitCommandAck(number) ──  then requests, data, responses
    event    ── InitEventRequest(number) ──►  ◄── InitEventAck ──      then events

A second initiator is refused with InitFail(BUSY) until the first has left. The session ends when the initiator leaves, as with a
Wi-Fi connection that drops; the rest of the camera's state stays as it was (camfs/virtual/README.md,
"What an emulated PTP camera does").
"""

import contextlib
import signal
import uuid

import trio

from camfs.errors import DeviceGone, RemoteProtocolError
from camfs.protocols.ptp.ip import IpConnection
from camfs.protocols.ptp.messages import Role
from camfs.protocols.ptp.packets import (
    MAX_NAME,
    Cancel,
    InitCommandAck,
    InitCommandRequest,
    InitEventAck,
    InitEventRequest,
    InitFail,
    ProbeRequest,
    ProbeResponse,
    Reason,
)
from camfs.transports.ports import ByteStream
from camfs.virtual.ptp.camera import EmulatedCamera
from camfs.virtual.ptp.iplink import IpChannel, IpLink

HANDSHAKE_TIMEOUT = 10.0
"""Seconds that an initiator may take for each step of the handshake."""

_NAMESPACE = uuid.UUID("6f1bb0b2-0a7e-4c0e-9d0c-1f0e5a3f6c11")


class _Initiator:
    """The host that is connected or about to be.

    Attributes:
        number: connection number, which ties the event connection to the command connection.
        event: the event connection, once it has come.
        complete: is set when it has.
        left: is set when the host has left.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.event: IpChannel | None = None
        self.complete = trio.Event()
        self.left = trio.Event()


class IpPort:
    """Answers the TCP connections that come in for one emulated camera.

    Args:
        camera: must not run elsewhere at the same time.
    """

    def __init__(self, camera: EmulatedCamera) -> None:
        self._responder = camera.responder
        info = camera.state.device_info
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
            pass  # the peer has left, or does not speak PTP/IP
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
            await self._responder.run_on(IpLink(command, event, self._responder))
            nursery.cancel_scope.cancel()

    async def _listen(self, event: IpChannel) -> None:
        while True:
            match await event.receive():
                case ProbeRequest():
                    await event.send(ProbeResponse())
                case Cancel(transaction_id):
                    self._responder.cancel(transaction_id)


async def _completed(initiator: _Initiator, command: IpChannel) -> None:
    """Wait for the event connection until the initiator leaves or the time is up."""
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
    """A `ByteStream` over an accepted connection."""

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
    """Open the listening sockets.

    Args:
        host: a name or an address, IPv6 without brackets.
        port: 0 for any free one.

    Raises:
        OSError: that place cannot be listened at.
    """
    listeners = await trio.open_tcp_listeners(port, host=host)
    if not port:  # a name with several addresses would get a different port for each
        for surplus in listeners[1:]:
            await surplus.aclose()
        del listeners[1:]
    return listeners


async def listen(camera: EmulatedCamera, listeners: list[trio.SocketListener]) -> None:
    """Let a camera answer on the network for ever; it must not run elsewhere. Cancelled: the sockets are closed."""
    port = IpPort(camera)

    async def answer(stream: trio.SocketStream) -> None:
        await port.answer(_Accepted(stream))

    await trio.serve_listeners(answer, listeners)


async def serve(camera: EmulatedCamera, host: str, port: int) -> None:
    """Let a camera answer on the network until SIGINT or SIGTERM; prints where it listens.

    Args:
        camera: must not run elsewhere; closed at the end.
        host: as for `open_listeners`.
        port: as for `open_listeners`.

    Raises:
        OSError: that place cannot be listened at.
    """
    try:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            listeners = await open_listeners(host, port)
            taken = listeners[0].socket.getsockname()[1]
            async with trio.open_nursery() as nursery:
                nursery.start_soon(listen, camera, listeners)
                print(
                    f"a {camera.state.device_info.model} is at ptpip:{f'[{host}]' if ':' in host else host}:{taken}",
                    flush=True,
                )
                async for _ in signals:
                    nursery.cancel_scope.cancel()
                    break
    finally:
        camera.close()

"""A `Link` over TCP: two connections to a camera, opened by the handshake of PTP/IP, and opened again by `reset`.

How a transaction is given up: the packet Cancel goes out on the event connection, and everything up to the response is dropped. A
camera that does not know Cancel goes on as if nothing had been asked; if its response does not come within two seconds, `reset` closes
both connections, which ends the transaction and the session on every camera. See camfs/protocols/ptp/README.md, "PTP/IP".

How it is noticed that the camera has left:

* Either connection ends.
* It does not answer `reset`, or the GUID of the handshake says that another camera may answer in its place. (The serial number, which
  tells for certain, is asked by whoever makes the next link.)
* It goes out of reach of its Wi-Fi without a word: pings are sent on the event connection while nothing else comes from the camera, and
  `PINGS` of them are not answered. A camera that has never answered a ping may not know them; there the kernel's own probes
  (`transports.tcp`) end the connection.

Once it has left, all calls raise `DeviceGone`; a camera that comes back takes another link.
"""

import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import trio

from camfs import errors
from camfs.protocols.ptp.codes import EventCode
from camfs.protocols.ptp.ip import IpConnection
from camfs.protocols.ptp.messages import Data, DataEnd, DataStart, Event, Message, Response, Role
from camfs.protocols.ptp.packets import (
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

log = logging.getLogger(__name__)

IpChannel = Channel[IpMessage, IpConnection]

Dial = Callable[[], Awaitable[ByteStream]]
"""Opens one TCP connection to the camera."""

OPEN_TIMEOUT = 30.0
"""Seconds for the first handshake: some cameras ask their owner at the first contact."""

RESET_TIMEOUT = 2.0
"""Seconds to connect again."""

BUSY_TIMEOUT = 1.0
"""Seconds for which a camera that says it is busy is asked again: it may not have noticed yet that the last program has left."""

CANCEL_TIMEOUT = 2.0
"""Seconds for the rest of a cancelled transaction."""

RETRY = 0.1
"""Seconds until a connection is tried again."""

EVENT_TRIES = 3
"""How often the event connection is tried: a Ricoh Theta does not listen at once (libgphoto2)."""

PING_INTERVAL = 10.0
"""Seconds of silence before a ping."""

PINGS = 3
"""How many pings without an answer mean that the camera has left."""

MOST_PROBES = 1000
"""Pings that a camera may send while one message of an answer is waited for: a flood of them says nothing, and is not answered."""


class NotAccepted(errors.TransportError):
    """The camera accepts no connection now, and does not say why."""


_FAILURES: dict[int, tuple[type[errors.TransportError], str]] = {
    Reason.REJECTED: (
        errors.DeviceForbidden,
        "the camera does not let this computer in; pair it in the camera's menu first",
    ),
    Reason.BUSY: (errors.DeviceInUse, "another program is connected to the camera"),
}
"""The error for each reason of InitFail."""


@dataclass
class _Connections:
    """The two connections of one handshake, and whether the camera has ever answered a ping."""

    command: IpChannel
    event: IpChannel
    guid: bytes
    answers_pings: bool = False

    async def aclose(self) -> None:
        await self.command.aclose()
        await self.event.aclose()


class IpLink:
    """A `Link` over TCP. Call `connect` before anything else.

    Args:
        dial: opens one TCP connection to the camera; called twice for each handshake.
        guid: this computer's identity, 16 bytes, by which cameras pair.
        name: the name of this computer on the camera's screen.

    Attributes:
        camera_name: the camera's name for itself; empty before the handshake.
    """

    def __init__(self, dial: Dial, guid: bytes, name: str) -> None:
        self.camera_name = ""
        self._dial = dial
        self._guid = guid
        self._name = name
        self._connections: _Connections | None = None
        self._camera_guid: bytes | None = None
        self._changed = trio.Event()
        self._gone = False
        self._unsent: deque[Message] = deque()

    # ------------------------------------------------------------------ life

    async def connect(self) -> None:
        """Open both connections.

        Raises:
            DeviceForbidden: the camera wants to be paired first.
            DeviceInUse: another program is connected.
            NotAccepted: the camera refuses for another reason.
            TransportError, RemoteProtocolError: nothing answers, or what answers does not speak PTP/IP.
        """
        await self._open(OPEN_TIMEOUT)

    async def reset(self) -> None:
        """Close both connections and connect again to the same camera.

        Raises:
            DeviceGone: it does not accept the connection, or another camera answers.
        """
        await self._close()
        try:
            await self._open(RESET_TIMEOUT)
        except errors.CameraError as error:
            self._leave()
            raise errors.DeviceGone(str(error)) from None

    async def aclose(self) -> None:
        self._leave()
        await self._close()

    def _leave(self) -> None:
        self._gone = True
        self._changed.set()

    async def _close(self) -> None:
        self._unsent.clear()
        connections, self._connections = self._connections, None
        if connections is not None:
            with trio.CancelScope(shield=True):
                await connections.aclose()

    async def _open(self, seconds: float) -> None:
        busy_until = trio.current_time() + BUSY_TIMEOUT
        try:
            with trio.fail_after(seconds):
                while self._connections is None:
                    try:
                        connections = await self._shake_hands()
                    except errors.DeviceInUse:
                        if trio.current_time() >= busy_until:
                            raise
                        await trio.sleep(RETRY)
                    else:
                        await self._recognise(connections)
                        self._connections = connections
        except trio.TooSlowError:
            raise errors.TransferTimeout("the camera does not answer the connection") from None
        changed, self._changed = self._changed, trio.Event()
        changed.set()

    async def _recognise(self, connections: _Connections) -> None:
        """Note the camera's GUID, or see that it is the same as before. A GUID of zeros proves nothing."""
        if self._camera_guid is None:
            self._camera_guid = connections.guid
        elif connections.guid != self._camera_guid or not any(connections.guid):
            with trio.CancelScope(shield=True):
                await connections.aclose()
            raise errors.DeviceGone("the camera that answers now may be another")

    async def _shake_hands(self) -> _Connections:
        opened: list[IpChannel] = []
        try:
            command = await self._call(opened)
            ack = await _ask(command, InitCommandRequest(self._guid, self._name))
            if not isinstance(ack, InitCommandAck):
                raise errors.RemoteProtocolError(f"{type(ack).__name__} instead of InitCommandAck")
            self.camera_name = ack.name
            log.debug("connected to %r, GUID %s", ack.name, ack.guid.hex())
            event = await self._call(opened, EVENT_TRIES)
            try:
                answer = await _ask(event, InitEventRequest(ack.connection))
            except errors.DeviceForbidden:  # it is not the computer that the camera rejects, which it has let in
                raise NotAccepted("the camera rejects the event connection") from None
            if not isinstance(answer, InitEventAck):
                raise errors.RemoteProtocolError(f"{type(answer).__name__} instead of InitEventAck")
            return _Connections(command, event, ack.guid)
        except BaseException as error:
            with trio.CancelScope(shield=True):
                for channel in opened:
                    await channel.aclose()
            if isinstance(error, errors.RemoteProtocolError):
                raise errors.RemoteProtocolError(f"what answers there does not speak PTP/IP: {error}") from None
            raise

    async def _call(self, opened: list[IpChannel], tries: int = 1) -> IpChannel:
        for left in reversed(range(tries)):
            try:
                channel = IpChannel(await self._dial(), IpConnection(Role.INITIATOR))
                break
            except errors.DeviceGone:
                if not left:
                    raise
                await trio.sleep(RETRY)
        opened.append(channel)
        return channel

    def _connected(self) -> _Connections:
        if self._gone:
            raise errors.DeviceGone("the camera is gone")
        if self._connections is None:
            raise errors.TransportError("the connection to the camera was lost")
        return self._connections

    # ------------------------------------------------------------------ transactions

    @property
    def unfinished(self) -> int:
        return 0 if self._connections is None else self._connections.command.codec.unfinished

    async def send(self, *messages: Message) -> None:
        """Queue messages; their bytes leave with the next `receive`, so that a request and its data are one write."""
        self._connected()
        self._unsent.extend(messages)

    async def receive(self) -> Message:
        connections = self._connected()
        try:
            return await self._receive(connections.command)
        except errors.DeviceGone:
            await self._lost(connections)
            raise

    async def _receive(self, command: IpChannel) -> Message:
        if self._unsent:
            messages = tuple(self._unsent)
            self._unsent.clear()
            await command.send(*messages)
        for _ in range(MOST_PROBES):
            match await command.receive():
                case ProbeRequest():
                    await command.send(ProbeResponse())
                case DataStart() | Data() | DataEnd() | Response() as message:
                    return message
        raise errors.RemoteProtocolError(f"{MOST_PROBES} pings instead of an answer")

    async def _lost(self, connections: _Connections) -> None:
        """Handle the end of connections: the camera has left, unless this side closed them.

        Raises:
            TransportError: this side closed them.
        """
        if connections is self._connections:
            self._leave()
            await self._close()
        elif not self._gone:
            raise errors.TransportError("the connection to the camera was closed") from None

    async def cancel(self, transaction_id: int) -> None:
        """Send Cancel on the event connection, then drop everything up to the response."""
        connections = self._connected()
        self._unsent.clear()
        try:
            with trio.fail_after(CANCEL_TIMEOUT):
                if connections.command.codec.under_way:
                    await connections.command.write()  # the part of the request that has not left yet
                    await connections.event.send(Cancel(transaction_id))
                while connections.command.codec.under_way:
                    await self.receive()
        except trio.TooSlowError:
            raise errors.TransferTimeout("the camera did not accept the cancel") from None
        except errors.DeviceGone:
            await self._lost(connections)
            raise

    # ------------------------------------------------------------------ events

    async def receive_event(self) -> Event:
        """Wait for an event; meanwhile the camera's pings are answered, and pings are sent while nothing comes from it."""
        lost = errors.DeviceGone("the camera is gone")
        while not self._gone:
            changed, connections = self._changed, self._connections
            if connections is None:
                await changed.wait()
                continue
            try:
                message = await self._receive_from(connections)
            except errors.DeviceGone as error:
                lost = error
                with contextlib.suppress(errors.TransportError):
                    await self._lost(connections)
                continue
            except errors.RemoteProtocolError:
                if connections is self._connections:
                    await self._close()  # the connection stays out of step
                raise
            match message:
                case Event():
                    return message
                case Cancel(transaction_id):
                    return Event(EventCode.CancelTransaction, transaction_id)
                case ProbeRequest():
                    await connections.event.send(ProbeResponse())
                case ProbeResponse():
                    connections.answers_pings = True
        raise lost

    async def _receive_from(self, connections: _Connections) -> IpMessage:
        """Wait for the next message of the event connection, and ping if it takes long."""
        pings, heard = 0, connections.command.received
        while pings < PINGS or not connections.answers_pings:
            with trio.move_on_after(PING_INTERVAL):
                return await connections.event.receive()
            if heard != connections.command.received:
                pings, heard = 0, connections.command.received
            if pings < PINGS:
                await connections.event.send(ProbeRequest())
                pings += 1
        raise errors.DeviceGone(f"the camera has not answered {PINGS} pings")


async def _ask(channel: IpChannel, request: IpMessage) -> IpMessage:
    """Send the first packet of a connection and return the answer; InitFail is raised as an error."""
    await channel.send(request)
    answer = await channel.receive()
    if isinstance(answer, InitFail):
        kind, words = _FAILURES.get(
            answer.reason, (NotAccepted, f"the camera accepts no connection (reason {answer.reason})")
        )
        raise kind(words)
    return answer

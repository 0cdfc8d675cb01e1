"""A strict host for tests of emulated cameras: the codec on the pipes, and nothing that forgives a mistake."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio
import trio.testing

from camfs.protocols.ptp.codes import ROOT, ObjectHandle, Operation, ResponseCode
from camfs.protocols.ptp.containers import EventPipe, UsbConnection
from camfs.protocols.ptp.datasets import ObjectInfo, decode_handles
from camfs.protocols.ptp.messages import Data, DataEnd, DataStart, Event, Message, Request, Response, Role
from camfs.virtual import EmulatedCamera, emulate
from camfs.virtual.usb.pipes import HostPipes

READ_SIZE = (1 << 20) + 1024


@dataclass(frozen=True)
class Reply:
    """How a transaction ended; `data` is None if there was no data phase."""

    code: int
    parameters: tuple[int, ...] = ()
    data: bytes | None = None


@dataclass
class Host:
    """Does transactions.

    Attributes:
        next_id: transaction id of the next one.
        transfers: length of each transfer that was read, in order, as far as they ended.
    """

    pipes: HostPipes
    next_id: int = 0
    transfers: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget what was received."""
        self.connection = UsbConnection(Role.INITIATOR, self.pipes.max_packet_size)
        self.events = EventPipe()
        self._transfer = 0

    async def send(self, *messages: Message) -> None:
        for message in messages:
            for write in self.connection.send(message):
                await self.pipes.write(write)

    async def send_raw(self, request: Request) -> None:
        """Send a request behind the codec's back."""
        connection = UsbConnection(Role.INITIATOR, self.pipes.max_packet_size)
        for write in connection.send(request):
            await self.pipes.write(write)

    async def receive(self) -> Message:
        while (message := self.connection.next_message()) is None:
            data, end = await self.pipes.read(READ_SIZE)
            self._transfer += len(data)
            if end:
                self.transfers.append(self._transfer)
                self._transfer = 0
            self.connection.receive(data, end)
        return message

    async def ask(self, code: int, *parameters: int, data: bytes | None = None) -> int:
        """Send a request and its data; return its transaction id."""
        transaction_id, self.next_id = self.next_id, self.next_id + 1
        await self.send(Request(code, transaction_id, parameters))
        if data is not None:
            await self.send(DataStart(code, transaction_id, len(data)), Data(data), DataEnd())
        return transaction_id

    async def hear(self) -> Reply:
        """Receive everything up to the response."""
        payload: bytearray | None = None
        while True:
            match await self.receive():
                case DataStart():
                    payload = bytearray()
                case Data(piece):
                    assert payload is not None
                    payload += piece
                case Response(code, _, parameters):
                    return Reply(code, parameters, None if payload is None else bytes(payload))

    async def do(self, code: int, *parameters: int, data: bytes | None = None) -> Reply:
        """Do a transaction."""
        await self.ask(code, *parameters, data=data)
        return await self.hear()

    async def data(self, code: int, *parameters: int) -> bytes:
        """Do a transaction that has to succeed, and return its data."""
        reply = await self.do(code, *parameters)
        assert reply.code == ResponseCode.OK
        assert reply.data is not None
        return reply.data

    async def open_session(self) -> None:
        self.next_id = 0
        assert await self.do(Operation.OpenSession, 1) == Reply(ResponseCode.OK)

    async def event(self) -> Event:
        while True:
            for event in self.events.receive(await self.pipes.read_event()):
                return event

    async def handles(self, parent: int = ROOT, storage: int = 0xFFFFFFFF) -> list[ObjectHandle]:
        data = await self.data(Operation.GetObjectHandles, storage, 0, parent)
        return [ObjectHandle(handle) for handle in decode_handles(data)]

    async def info(self, handle: int) -> ObjectInfo:
        return ObjectInfo.decode(await self.data(Operation.GetObjectInfo, handle))

    async def recover(self, transaction_id: int) -> None:
        """Cancel a transaction: read on to a short packet, then poll the status (camfs/protocols/ptp/README.md, "Cancelling")."""
        await self.pipes.cancel(transaction_id)
        while not (await self.pipes.read(READ_SIZE))[1]:
            pass
        await self._settle()

    async def recover_quietly(self, transaction_id: int) -> None:
        """Cancel a transaction whose answer has not begun."""
        await self.pipes.cancel(transaction_id)
        await self._settle()

    async def _settle(self) -> None:
        while await self.pipes.device_status() != bytes((4, 0, 1, 0x20)):
            pass
        self.restart()


@asynccontextmanager
async def hosted(
    model: str = "ptp", *, session: bool = True, **options: str
) -> AsyncIterator[tuple[EmulatedCamera, Host]]:
    """Run an emulated camera with a host on its cable; fail after half a minute."""
    seconds = 3600 if isinstance(trio.lowlevel.current_clock(), trio.testing.MockClock) else 30
    with trio.fail_after(seconds):
        async with emulate(model, options).running() as camera:
            host = Host(camera.open())
            if session:
                await host.open_session()
            yield camera, host

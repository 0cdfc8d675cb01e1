"""A strict initiator for tests of the PTP/IP port of emulated cameras: the codec on two connections, forgiving nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from trio.testing import wait_all_tasks_blocked

from camfs.protocols.ptp.ip import IpConnection
from camfs.protocols.ptp.messages import Data, DataEnd, DataStart, Request, Response, Role
from camfs.protocols.ptp.packets import InitCommandAck, InitCommandRequest, InitEventAck, InitEventRequest, IpMessage
from camfs.virtual.ptp.iplink import IpChannel
from tests.cameras.network import GUID, NetworkRig


async def call(rig: NetworkRig, message: IpMessage) -> tuple[IpChannel, IpMessage]:
    """Open a connection, and return it with the answer to its first packet."""
    channel = IpChannel(await rig.network.dial(), IpConnection(Role.INITIATOR))
    await channel.send(message)
    return channel, await channel.receive()


class Initiator:
    """An initiator that is connected."""

    def __init__(self, command: IpChannel, event: IpChannel, number: int) -> None:
        self.command = command
        self.event = event
        self.number = number
        self.next_id = 0

    async def ask(self, code: int, *parameters: int, data: bytes | None = None) -> tuple[int, bytes | None]:
        """Do a transaction, and return the response code and the data."""
        return await self.finish(await self.begin(code, *parameters, data=data))

    async def begin(self, code: int, *parameters: int, data: bytes | None = None) -> int:
        transaction_id = self.next_id
        self.next_id += 1
        payload = () if data is None else (DataStart(code, transaction_id, len(data)), Data(data), DataEnd())
        await self.command.send(Request(code, transaction_id, parameters), *payload)
        return transaction_id

    async def finish(self, transaction_id: int) -> tuple[int, bytes | None]:
        data: bytes | None = None
        while True:
            match await self.command.receive():
                case DataStart():
                    data = b""
                case Data(piece):
                    assert data is not None
                    data += piece
                case Response(code, answered):
                    assert answered == transaction_id
                    return code, data


@asynccontextmanager
async def initiator(rig: NetworkRig) -> AsyncIterator[Initiator]:
    """Connect, and just close the connections at the end of the block."""
    command, ack = await call(rig, InitCommandRequest(GUID, "test"))
    assert isinstance(ack, InitCommandAck)
    event, answer = await call(rig, InitEventRequest(ack.connection))
    assert answer == InitEventAck()
    try:
        yield Initiator(command, event, ack.connection)
    finally:
        await command.aclose()
        await event.aclose()
        await wait_all_tasks_blocked()

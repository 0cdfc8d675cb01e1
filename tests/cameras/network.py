"""A network in memory between `IpLink` and an emulated camera: it can be cut at a byte, and time on it can be jumped over."""

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import trio

from camfs.cameras.ptp.driver import PtpCamera
from camfs.cameras.ptp.iplink import IpLink
from camfs.cameras.ptp.session import Session
from camfs.errors import DeviceGone
from camfs.virtual import EmulatedCamera, emulate
from camfs.virtual.ptp.ptpip import IpPort
from tests.cameras.rig import nursery

GUID = bytes(range(16))
CAPACITY = 1 << 18


class End:
    """One end of a connection: a `ByteStream`.

    Attributes:
        sends: how often bytes were handed over.
    """

    def __init__(self, network: "Network") -> None:
        self.sends = 0
        self.peer: End
        self.closed = False
        self._network = network
        self._buffer = bytearray()
        self._changed = trio.lowlevel.ParkingLot()

    def wake(self) -> None:
        self._changed.unpark_all()

    async def send(self, data: memoryview) -> int:
        await trio.lowlevel.checkpoint()
        while len(self.peer._buffer) >= CAPACITY and not (self.closed or self.peer.closed):
            await self._changed.park()
        if self.closed or self.peer.closed:
            raise DeviceGone("closed")
        taken = self._network.let_through(bytes(data[:CAPACITY]))
        self.sends += 1
        self.peer._buffer += taken
        self.peer.wake()
        if not taken:
            raise DeviceGone("cut")
        return len(taken)

    async def receive(self, max_bytes: int) -> bytes:
        await trio.lowlevel.checkpoint()
        while not (self._buffer or self.closed or self.peer.closed):
            await self._changed.park()
        if self.closed or not self._buffer:
            raise DeviceGone("closed")
        data = bytes(self._buffer[:max_bytes])
        del self._buffer[:max_bytes]
        self.peer.wake()
        return data

    async def aclose(self) -> None:
        self.close()
        await trio.lowlevel.cancel_shielded_checkpoint()

    def close(self) -> None:
        self.closed = True
        self.wake()
        self.peer.wake()


@dataclass
class Network:
    """What lies between a host and a camera's port.

    Attributes:
        port: what answers connections.
        nursery: where it does.
        ends: the host's ends of all connections so far.
        moved: bytes that went both ways.
        cut_at: let no byte of this number through, nor any after it; None for never.
        refuse: how many connections are not taken.
    """

    port: IpPort
    nursery: trio.Nursery
    ends: list[End] = field(default_factory=list)
    moved: int = 0
    cut_at: int | None = None
    refuse: int = 0

    async def dial(self) -> End:
        """Connect."""
        await trio.lowlevel.checkpoint()
        if self.refuse or (self.cut_at is not None and self.moved >= self.cut_at):
            self.refuse = max(0, self.refuse - 1)
            raise DeviceGone("refused")
        host, camera = End(self), End(self)
        host.peer, camera.peer = camera, host
        self.ends.append(host)
        self.nursery.start_soon(self.port.answer, camera)
        return host

    def let_through(self, data: bytes) -> bytes:
        """Count bytes, and cut all connections where it is time."""
        if self.cut_at is not None and self.moved + len(data) > self.cut_at:
            data = data[: max(0, self.cut_at - self.moved)]
            self.cut()
        self.moved += len(data)
        return data

    def cut(self) -> None:
        """End all connections; what has arrived can still be received."""
        for end in self.ends:
            end.peer.close()

    def connections(self) -> int:
        """Return how many are open."""
        return sum(not (end.closed or end.peer.closed) for end in self.ends)


@dataclass
class NetworkRig:
    """An emulated camera on a network, and what talks to it."""

    body: EmulatedCamera
    network: Network
    link: IpLink
    nursery: trio.Nursery

    @asynccontextmanager
    async def session(
        self, timeout: float = 10, on_reopen: Callable[[], None] = lambda: None
    ) -> AsyncIterator[Session]:
        """Connect, and open a session."""
        await self.link.connect()
        session = Session(self.link, timeout, on_reopen)
        await session.open()
        yield session
        await self.link.aclose()

    def driver(self) -> PtpCamera:
        """Return the driver on the link, which is not connected yet."""
        return PtpCamera(self.link, self.nursery, None, 10)


@asynccontextmanager
async def networked(model: str = "ptp", **options: str) -> AsyncIterator[NetworkRig]:
    """Put an emulated camera on a network; its card is empty unless options say what it holds."""
    with tempfile.TemporaryDirectory(prefix="camfs-test-") as nothing:
        if "objects" not in options:
            options.setdefault("card", nothing)
        body = emulate(model, options)
        del body.state.stores[1:]
        try:
            async with nursery() as work:
                network = Network(IpPort(body), work)
                yield NetworkRig(body, network, IpLink(network.dial, GUID, "test"), work)
        finally:
            body.close()

"""A cable in memory between a host and the emulated DC120, in place of a pseudo-terminal: a clock may jump, as nothing takes real time."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trio

from camfs.errors import DeviceGone
from camfs.virtual.dc120.line import BITS, PtyLine


class Cable(PtyLine):
    """A cable in memory: a host's serial port and the emulated camera's line in one, so that a clock may jump.

    Attributes:
        host_baud: the host's speed.
        breaks: how many the host has made.
        pulled: set while the cable is not plugged in.
    """

    def __init__(self, throttled: bool = False, fastest: int = 230_400) -> None:
        super().__init__(throttled, fastest)
        self.host_baud = self.speed
        self.breaks = 0
        self.pulled = trio.Event()
        self._at_camera, self._from_host = self._pipe()
        self._at_host, self._from_camera = self._pipe()

    @staticmethod
    def _pipe() -> tuple[trio.MemorySendChannel[tuple[bytes, int]], trio.MemoryReceiveChannel[tuple[bytes, int]]]:
        return trio.open_memory_channel[tuple[bytes, int]](1 << 20)

    # the host's end

    def _check(self) -> None:
        if self.pulled.is_set():
            raise DeviceGone("the cable is pulled")

    async def receive_bytes(self) -> bytes:
        """Wait for bytes, or for the cable to be pulled."""
        received = b""

        async def wait() -> None:
            await self.pulled.wait()
            waiting.cancel_scope.cancel()

        async with trio.open_nursery() as waiting:
            waiting.start_soon(wait)
            received, _ = await self._from_camera.receive()
            waiting.cancel_scope.cancel()
        self._check()
        return received

    # the camera's end

    @contextmanager
    def linked(self, path: Path | None = None) -> Iterator[PtyLine]:
        yield self

    async def receive(self) -> tuple[bytes, int]:
        data, speed = await self._from_host.receive()
        if not speed:
            return b"", 0
        return (data if speed == self.speed <= self.fastest else b""), speed

    async def send(self, data: bytes) -> None:
        step = BITS / self.speed if self._throttled else 0.0
        for at in range(0, len(data), 1025) if step else (0,):
            part = data[at : at + 1025] if step else data
            await trio.sleep(step * len(part))
            if self.host_baud == self.speed <= self.fastest and (arriving := self.to_host(part)):
                self._at_host.send_nowait((arriving, self.speed))

    def unplug(self) -> None:
        self.pulled.set()


class Port:
    """The host's end of a cable: a `transports.ports.SerialPort`."""

    def __init__(self, cable: Cable) -> None:
        self._cable = cable
        self._kept = b""
        self.closed = False

    async def send(self, data: bytes) -> None:
        await trio.lowlevel.checkpoint()
        self._cable._check()
        self._cable._at_camera.send_nowait((self._cable.to_camera(bytes(data)), self._cable.host_baud))

    async def receive(self, size: int) -> bytes:
        self._cable._check()
        if not self._kept:
            self._kept = await self._cable.receive_bytes()
        data, self._kept = self._kept[:size], self._kept[size:]
        return data

    async def hung_up(self) -> None:
        await self._cable.pulled.wait()

    async def send_break(self, seconds: float) -> None:
        await trio.sleep(seconds)
        self._cable._check()
        self._cable.breaks += 1
        self._cable._at_camera.send_nowait((b"", 0))

    async def set_speed(self, baud: int) -> None:
        await trio.lowlevel.checkpoint()
        self._cable._check()
        self._cable.host_baud = baud

    def discard_input(self) -> None:
        self._cable._check()
        self._kept = b""
        try:
            while True:
                self._cable._from_camera.receive_nowait()
        except trio.WouldBlock:
            pass

    async def aclose(self) -> None:
        self.closed = True
        await trio.lowlevel.checkpoint()

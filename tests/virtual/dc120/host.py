"""A strict host for tests of the emulated DC120: it sends raw bytes, and expects exactly the right ones back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import reduce
from operator import xor

import trio
import trio.testing

from camfs.transports.serial import TerminalPort, open_port
from camfs.virtual import EmulatedDC120, emulate_dc120
from camfs.virtual.dc120.options import parse
from tests.virtual.dc120.cable import Cable, Port

D1, D2, E1, E2, E3, E4, OK = b"\xd1", b"\xd2", b"\xe1", b"\xe2", b"\xe3", b"\xe4", b"\0"

SPEEDS = {9600: "9600", 19200: "1920", 38400: "3840", 57600: "5760", 115200: "1152", 230400: "2304"}


def frame(text: str) -> bytes:
    """Return a command: its first bytes in hexadecimal, filled up with 00, then 00 1A."""
    return bytes.fromhex(text).ljust(7, b"\0") + b"\x1a"


def checksum(payload: bytes) -> int:
    return reduce(xor, payload, 0)


def extra(payload: bytes) -> bytes:
    """Return extra data."""
    return b"\x80" + payload + bytes([checksum(payload)])


@dataclass
class Host:
    """Says bytes and expects bytes."""

    port: TerminalPort | Port

    async def send(self, data: bytes) -> None:
        await self.port.send(data)

    async def read(self, size: int) -> bytes:
        """Receive so many bytes."""
        data = b""
        while len(data) < size:
            data += await self.port.receive(size - len(data))
        return data

    async def expect(self, *answers: bytes) -> None:
        """Receive exactly these bytes."""
        wanted = b"".join(answers)
        assert await self.read(len(wanted)) == wanted

    async def ask(self, text: str, *answers: bytes) -> None:
        """Send a command and receive these bytes."""
        await self.send(frame(text))
        await self.expect(*answers)

    async def do(self, text: str) -> None:
        """Send a command that succeeds and has no reply."""
        await self.ask(text, D1, OK)

    async def packet(self, size: int = 256) -> bytes:
        """Receive a packet; return its payload."""
        data = await self.read(size + 1)
        assert checksum(data) == 0
        return data[:-1]

    async def query(self, text: str, size: int = 256, packets: int = 1) -> bytes:
        """Send a query; return the payloads of its reply."""
        await self.ask(text, D1)
        return await self.rest(size, packets)

    async def rest(self, size: int = 256, packets: int = 1) -> bytes:
        """Receive the packets of a reply and its end."""
        data = b""
        for _ in range(packets):
            data += await self.packet(size)
            await self.send(D2)
        await self.expect(OK)
        return data

    async def line_break(self) -> None:
        """Break the line at 9600 baud."""
        await self.port.set_speed(9600)
        await self.port.send_break(0)

    async def set_speed(self, baud: int) -> None:
        await self.ask(f"4100{SPEEDS[baud]}", D1)
        await self.port.set_speed(baud)

    # what the camera tells

    async def status(self) -> bytes:
        return await self.query("7F")

    async def count(self, where: str = "00", album: int = 0) -> int:
        """Return the number of files."""
        data = await self.query(f"45{where}0000{album:02X}", 16)
        assert data == bytes(2) + data[2:4] + bytes(12)
        return int.from_bytes(data[2:4], "big")

    async def names(self, where: str = "00", album: int = 0) -> list[tuple[str, int]]:
        """Return names and sizes of a list, whose layout is `ListLayout.PAGED`."""
        packets = max(1, -(-await self.count(where, album) // 12))
        data = await self.query(f"4A{where}0000{album:02X}", packets=packets)
        count = int.from_bytes(data[:2], "big")
        entries = []
        for start in range(0, len(data), 256):
            page = data[start : start + 256]
            assert page[:2] == data[:2]
            assert page[242:] == bytes(14)
            entries += [page[at : at + 20] for at in range(2, 242, 20)]
        assert not any(b"".join(entries[count:]))
        return [
            (f"{entry[:8].decode().rstrip()}.{entry[8:11].decode()}", int.from_bytes(entry[16:], "big"))
            for entry in entries[:count]
        ]

    async def file(self, number: int, size: int, command: str = "54", album: int = 0) -> bytes:
        """Return a picture."""
        data = await self.query(f"{command}01{number:04X}{album:02X}", 1024, -(-size // 1024))
        assert not any(data[size:])
        return data[:size]


@asynccontextmanager
async def on_terminal(
    *, pace: str = "off", capture: str = "0", **options: str
) -> AsyncIterator[tuple[EmulatedDC120, Host]]:
    """Run an emulated camera with a host on its pseudo-terminal, for half a minute at most."""
    seconds = 1e6 if isinstance(trio.lowlevel.current_clock(), trio.testing.MockClock) else 30
    camera = emulate_dc120({"pace": pace, "capture": capture, **options})
    camera.quirks.erase_seconds = (0, 0)
    with trio.fail_after(seconds):
        async with camera.running():
            port = await open_port(camera.path)
            try:
                yield camera, Host(port)
            finally:
                with trio.CancelScope(shield=True):
                    await port.aclose()


@asynccontextmanager
async def hosted(*, pace: str = "off", capture: str = "0", **options: str) -> AsyncIterator[tuple[EmulatedDC120, Host]]:
    """Run an emulated camera with a host on a cable in memory, for half a minute of real time at most."""
    seconds = 1e6 if isinstance(trio.lowlevel.current_clock(), trio.testing.MockClock) else 30
    cable = Cable(throttled=pace == "on")
    camera = EmulatedDC120(parse({"capture": capture, **options}), keep_trace=True, line=cable)
    camera.quirks.erase_seconds = (0, 0)
    with trio.fail_after(seconds):
        async with camera.running():
            yield camera, Host(Port(cable))

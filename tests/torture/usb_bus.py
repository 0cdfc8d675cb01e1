"""A USB bus with an emulated camera on it, on which transfers go wrong at random: `python -m tests.torture.usb_bus PIPE CARD …`.

It is camfs itself, as a program, with the double of `tests/transports/bus.py` in place of libusb, below pyusb. The arguments after CARD, a
folder that the camera shows, are camfs's own. PIPE is the address of the torture, which says what is to go wrong: see `Wish`.

    torture ── Wish ──► this process: [ camfs ── pyusb ── Backend ── FaultyDevice ── emulated camera, in a thread of its own ]

What goes wrong strikes in the packets that the camera sends, at the one whose number was wished for. A `Mark` among them is no packet, but
what happens when the host gets there.
"""

import multiprocessing.connection
import random
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import trio
import usb.backend.libusb1 as libusb

from camfs import cli
from camfs.errors import DeviceGone
from camfs.transports import mtp
from camfs.transports import usb as camfs_usb
from camfs.virtual import EmulatedCamera, emulate
from tests.transports.bus import BULK_IN, BULK_OUT, Backend, BusDevice, M, failure, plug


@dataclass(frozen=True)
class Wish:
    """What is to go wrong.

    Attributes:
        kind: one of `ONCE` or `FOR_EVER`; "" for nothing, from now on.
        at: number of the packet at which it begins.
        seed: of what is random in it.
    """

    kind: str
    at: int = 0
    seed: int = 0


class Mark(bytes):
    """What happens between two packets, in their queue."""

    happens: Callable[["FaultyDevice"], None]

    @classmethod
    def of(cls, happens: Callable[["FaultyDevice"], None]) -> "Mark":
        mark = cls()
        mark.happens = happens
        return mark


class FaultyDevice(BusDevice):
    """A device whose transfers go wrong, and whose answers an emulated camera gives, in another thread."""

    def __init__(self, requests: "Requests", **about: int) -> None:
        super().__init__(**about)  # type: ignore[arg-type]
        self.requests = requests
        self.wish = Wish("")
        self.passed = 0
        self.chance = random.Random()
        self._in_transfer = False  # the camera is amid one that was cut: the rest of it is dropped

    def want(self, wish: Wish) -> None:
        """Let something go wrong from now on, or nothing."""
        with self.changed:
            self.wish, self.passed, self.chance = wish, 0, random.Random(wish.seed)
            self.hears = 0 if wish.kind == "deaf" else None
            self.changed.notify_all()

    @property
    def always(self) -> str:
        """What goes wrong with every call now."""
        return self.wish.kind if self.wish.kind in FOR_EVER and self.passed > self.wish.at else ""

    def send(self, data: bytes) -> None:
        with self.changed:
            for start in range(0, len(data) or 1, M):
                packet = data[start : start + M]
                self.passed += 1
                if self._in_transfer:
                    self._in_transfer = len(packet) == M
                elif self.wish.kind in ONCE and self.passed > self.wish.at and self.may_strike(packet):
                    kind, self.wish = self.wish.kind, Wish("")
                    self.requests.struck += 1
                    self.packets.extend(ONCE[kind](self, packet))
                else:
                    self.packets.append(packet)
            self.changed.notify_all()

    def may_strike(self, packet: bytes) -> bool:
        """Say whether the wish may strike at this packet: only the last one of a transfer can be longer than it should be."""
        return self.wish.kind != "long packet" or len(packet) < M

    def drop_rest(self, packet: bytes) -> None:
        """Drop what follows a packet in its transfer."""
        self._in_transfer = len(packet) == M

    def wait(self, endpoint: int, ready: deque[bytes] | None, deadline: float) -> bool:
        if ready is not self.packets:
            return super().wait(endpoint, ready, deadline)
        match self.always:
            case "naks":
                return super().wait(endpoint, None, deadline)
            case "stalls":
                raise failure(libusb.LIBUSB_ERROR_PIPE)
            case "errors":
                raise failure(libusb.LIBUSB_ERROR_IO)
            case "empty":
                self.packets.appendleft(b"")
        found = super().wait(endpoint, ready, deadline)
        while found and isinstance(mark := self.packets[0], Mark):
            self.packets.popleft()
            mark.happens(self)
            found = super().wait(endpoint, ready, deadline)
        return found

    def take_failure(self, call: str) -> None:
        super().take_failure(call)
        if call == "ctrl_transfer" and self.wish.kind == "naks" and self.chance.random() < 0.5:
            raise failure(libusb.LIBUSB_ERROR_TIMEOUT)
        if call == "bulk_write" and self.wish.kind == "write error":
            self.want(Wish(""))
            self.requests.struck += 1
            raise failure(self.chance.choice((libusb.LIBUSB_ERROR_IO, libusb.LIBUSB_ERROR_PIPE)))

    def hear(self, data: bytes) -> None:
        self.written.clear()
        self.requests.hear(data)

    def hear_request(self, request: int) -> None:
        data = self.calls[-1][-1]
        self.calls.clear()
        self.answer = self.requests.control(request, data if isinstance(data, bytes) else b"")


def _raising(code: int) -> Callable[[FaultyDevice], None]:
    def raise_failure(device: FaultyDevice) -> None:
        raise failure(code)

    return raise_failure


def _halt(device: FaultyDevice) -> None:
    device.halted.update((BULK_IN, BULK_OUT)[: device.chance.randrange(1, 3)])
    raise failure(libusb.LIBUSB_ERROR_PIPE)


def _leave(device: FaultyDevice) -> None:
    device.requests.unplug()
    raise failure(libusb.LIBUSB_ERROR_NO_DEVICE)


def _short(device: FaultyDevice, packet: bytes) -> Iterator[bytes]:
    yield packet[: device.chance.randrange(len(packet) or 1)]


def _cut(device: FaultyDevice, packet: bytes) -> Iterator[bytes]:
    device.drop_rest(packet)
    return _short(device, packet)


def _stalled_and_dropped(device: FaultyDevice, packet: bytes) -> Iterator[bytes]:
    device.drop_rest(packet)
    yield Mark.of(_halt)


def _lost(device: FaultyDevice, packet: bytes) -> Iterator[bytes]:
    return iter(())


def _longer(device: FaultyDevice, packet: bytes) -> Iterator[bytes]:
    more = packet + device.chance.randbytes(device.chance.choice((1, 11, 12, 100, M, 3 * M)))
    yield from (more[start : start + M] for start in range(0, len(more), M))


def _before(happens: Callable[[FaultyDevice], None]) -> Callable[[FaultyDevice, bytes], Iterator[bytes]]:
    def strike(device: FaultyDevice, packet: bytes) -> Iterator[bytes]:
        yield Mark.of(happens)
        yield packet

    return strike


def _empty(device: FaultyDevice, packet: bytes) -> Iterator[bytes]:
    yield b""
    yield packet


ONCE: Mapping[str, Callable[[FaultyDevice, bytes], Iterator[bytes]]] = {
    "stall": _before(_halt),
    "stall, and the rest is dropped": _stalled_and_dropped,
    "babble": _before(_raising(libusb.LIBUSB_ERROR_OVERFLOW)),
    "error": _before(_raising(libusb.LIBUSB_ERROR_IO)),
    "short packet": _short,
    "short packet, and the rest is dropped": _cut,
    "lost packet": _lost,
    "long packet": _longer,
    "empty packet": _empty,
    "gone": _before(_leave),
}
"""What may go wrong once: what the host gets in place of a packet."""

FOR_EVER = ("naks", "stalls", "errors", "empty", "deaf")
"""What may go wrong with all that follows."""

OTHERS = ("write error",)


class Requests:
    """The emulated camera, and the port on which it answers; runs in a thread of its own.

    Attributes:
        device: on the bus now.
        plugged: how often it was plugged in.
        transactions: writes of the host that came.
        struck: how often something went wrong once.
    """

    def __init__(self, bus: list[BusDevice], card: str) -> None:
        self.max_packet_size = M
        self._bus = bus
        self._camera: EmulatedCamera = emulate("ptp", {"card": card, "serial": "91403727"}, keep_trace=False)
        self._addresses = count(7)
        self._ready = threading.Event()
        self.plugged = self.transactions = self.struck = 0
        threading.Thread(target=trio.run, args=(self._serve,), daemon=True).start()
        self._ready.wait()

    def plug(self) -> None:
        """Put a new device on the bus, which the camera answers on."""
        self.plugged += 1
        self.device = FaultyDevice(self, address=next(self._addresses) % 120 + 1)
        self._bus[:] = []
        plug(self._bus, self.device)

    def unplug(self) -> None:
        """Take the device off the bus, and put it on again after a moment."""
        self.device.unplug()
        self._token.run_sync_soon(self._out.close)

    async def _serve(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        while True:
            self._out, self._in = trio.open_memory_channel[bytes](1 << 16)
            self.plug()
            self._ready.set()
            await self._camera.responder.run(self)
            self._camera.state.lose_power()
            await trio.sleep(0.5)

    def hear(self, data: bytes) -> None:
        """Take a write of the host; called in its thread."""
        self.transactions += 1
        self._token.run_sync_soon(self._hear, data)

    def _hear(self, data: bytes) -> None:
        with suppress(trio.ClosedResourceError):  # the cable may have been pulled meanwhile
            self._out.send_nowait(data)

    def control(self, request: int, data: bytes) -> bytes:
        """Do a class request; called in the host's thread."""
        return trio.from_thread.run_sync(self._control, request, data, trio_token=self._token)

    def _control(self, request: int, data: bytes) -> bytes:
        responder = self._camera.responder
        match request:
            case 0x64:  # Cancel
                responder.cancel(int.from_bytes(data[2:6], "little"))
            case 0x66:  # DeviceReset
                responder.device_reset()
            case 0x67:  # GetDeviceStatus
                return responder.device_status()
        return b""

    # a `virtual.usb.pipes.Port`

    async def receive(self) -> tuple[bytes, bool]:
        """Wait for bytes of the host."""
        try:
            data = await self._in.receive()
        except trio.EndOfChannel:
            raise DeviceGone("the cable is pulled") from None
        return data, len(data) % M != 0 or not data

    async def send(self, data: bytes) -> None:
        """Send bytes to the host."""
        await trio.lowlevel.checkpoint()
        self.device.send(data)

    async def send_event(self, data: bytes) -> None:
        """Send an event to the host."""
        await trio.lowlevel.checkpoint()
        self.device.send_event(data)

    def stall(self) -> None:
        """Halt both pipes."""
        self.device.halt(BULK_IN, BULK_OUT)

    def halted(self) -> tuple[int, ...]:
        """Return the pipes that are halted."""
        return tuple(self.device.halted)

    def flush(self) -> None:
        """Drop what the host has not read."""
        with self.device.changed:
            self.device.packets.clear()


def obey(address: str, camera: Requests) -> None:
    """Let go wrong what the torture wishes, if anything, and answer each time with what has happened so far."""
    with multiprocessing.connection.Client(address, "AF_UNIX") as torture:
        while True:
            try:
                wish = torture.recv()
            except EOFError:
                return
            if wish is not None:
                camera.device.want(wish)
            torture.send((camera.struck, camera.transactions, camera.plugged))


def main(address: str, card: str, words: list[str]) -> int:
    """Run camfs on such a bus; return its exit status."""
    bus: list[BusDevice] = []
    with tempfile.TemporaryDirectory(prefix="camfs-bus-") as place:
        for module, name in ((camfs_usb, "NODES"), (camfs_usb, "SYSFS"), (mtp, "UDEV")):
            setattr(module, name, Path(place) / name)
        libusb.get_backend = lambda: Backend(bus)
        camera = Requests(bus, card)
        threading.Thread(target=obey, args=(address, camera), daemon=True).start()
        return cli.main(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))

"""Runs in the guest: everything that a host can do to a camera's pipes, except unplugging it, with the real libusb.

Usage: gadget_pipes.py FILE. FILE is a copy of an object of the camera, the only one of its length. The camera should be slow.
Prints what has succeeded.
"""

import random
import struct
import sys
from collections import deque
from pathlib import Path

import trio

from camfs.cameras.ptp.usblink import UsbLink
from camfs.errors import TransferStalled
from camfs.protocols.ptp.codes import Operation, ResponseCode
from camfs.protocols.ptp.messages import Data, Request, Response
from camfs.transports import usb, usbpipes

SLICE = 0.02
"""Seconds; much shorter than the pauses of a slow camera."""


class Garbage:
    """A conversation that sends bytes that are not PTP, and reads nothing."""

    def __init__(self) -> None:
        self.unsent = deque([bytes(range(16))])

    def wanted(self) -> int:
        return 0

    def feed(self, data: bytes | memoryview, end_of_transfer: bool) -> None:
        raise AssertionError("nothing was asked for")


class Host:
    """A host that numbers its transactions and repeats nothing."""

    def __init__(self, pipes: usbpipes.UsbInterface) -> None:
        self.pipes = pipes
        self.link = UsbLink(pipes)
        self.transaction = 0

    async def begin(self, operation: Operation, *parameters: int) -> None:
        """Send a request."""
        self.transaction = 0 if operation is Operation.OpenSession else self.transaction + 1
        await self.link.send(Request(operation, self.transaction, parameters))

    async def do(self, operation: Operation, *parameters: int) -> bytes:
        """Do a transaction and return its data."""
        await self.begin(operation, *parameters)
        payload = bytearray()
        while not isinstance(message := await self.link.receive(), Response):
            payload += message.payload if isinstance(message, Data) else b""
        assert message.code == ResponseCode.OK, message
        return bytes(payload)

    async def find(self, size: int) -> int:
        """Return the handle of the object with a size."""
        listing = await self.do(Operation.GetObjectHandles, 0xFFFFFFFF, 0, 0)
        for (handle,) in struct.iter_unpack("<I", listing[4:]):
            if struct.unpack_from("<I", await self.do(Operation.GetObjectInfo, handle), 8)[0] == size:
                return int(handle)
        raise AssertionError(f"no object of {size} bytes")

    async def fetch_with_cuts(self, handle: int) -> tuple[bytes, int]:
        """Fetch an object while reads are cancelled again and again; return it and the number of cancellations."""
        chance, payload, cuts = random.Random(1), bytearray(), 0
        await self.begin(Operation.GetObject, handle)
        while True:
            message = None
            with trio.move_on_after(chance.uniform(0, 5 * SLICE)) as scope:
                message = await self.link.receive()
            cuts += scope.cancelled_caught
            if isinstance(message, Response):
                return bytes(payload), cuts
            payload += message.payload if isinstance(message, Data) else b""


async def main(file: Path) -> None:
    """Do all of it."""
    usbpipes.SLICE = SLICE
    (camera,) = usb.find()
    host = Host(await usbpipes.open_pipes(camera))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(host.pipes.read_event)
        await host.do(Operation.OpenSession, 1)
        handle = await host.find(file.stat().st_size)

        data, cuts = await host.fetch_with_cuts(handle)
        assert data == file.read_bytes(), f"{len(data)} bytes, not those of the file"
        assert cuts > 0  # a busy machine leaves time for few
        print(f"no byte lost in {cuts} cancelled reads")

        await host.begin(Operation.GetObject, handle)
        while not isinstance(await host.link.receive(), Data):
            pass
        await host.link.cancel(host.transaction)
        await host.find(file.stat().st_size)
        print("cancelled on the wire")

        await host.pipes.converse(Garbage())
        try:
            await host.pipes.read(host.pipes.max_packet_size)
        except TransferStalled:
            status = await host.pipes.device_status()
            print(f"halted: {status.hex(' ')}")
            assert status[:4] == bytes.fromhex("0c001f20"), status
        else:
            raise AssertionError("the camera took garbage")
        await host.pipes.clear_halts()
        await host.find(file.stat().st_size)
        print("halts cleared")

        try:
            await host.pipes._control("extended event data", usbpipes.CLASS_IN, 0x65, 64)
        except TransferStalled:
            print("a request that the camera does not know is refused")
        else:
            raise AssertionError("GetExtendedEventData was answered")

        await host.link.reset()
        await host.do(Operation.OpenSession, 2)
        await host.find(file.stat().st_size)
        print("reset")
        nursery.cancel_scope.cancel()
    await host.link.aclose()


if __name__ == "__main__":
    trio.run(main, Path(sys.argv[1]))

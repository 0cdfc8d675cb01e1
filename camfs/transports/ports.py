"""Ports: what a driver may ask of a wire, whatever it is made of.

A transport of this package offers one over real hardware, an emulated camera offers the same in this process, and a test offers one
that it scripts. A driver is written against the protocols declared here and knows nothing else of its wire.
"""

from collections import deque
from typing import Protocol


class Conversation(Protocol):
    """One side of the talk on a pair of bulk pipes, as far as the pipes must know it; called in whatever thread moves the bytes."""

    unsent: deque[bytes]
    """Bulk writes still to send, in order; b"" is a zero-length packet. Whoever sends them takes them off, a part of one too."""

    def wanted(self) -> int:
        """Say how many bytes to read next, 0 to stop for now."""

    def feed(self, data: bytes | memoryview, end_of_transfer: bool) -> None:
        """Hand over what one read gave."""


class UsbPipes(Protocol):
    """The USB interface of a still image device, as `transports.usb` and the emulated cameras offer it.

    All methods raise `DeviceGone` once the device is unplugged, `TransferStalled` on a halted endpoint. None has a time limit of
    its own: callers put a `trio.fail_after` around. Cancelling a call returns within about half a second and loses no bytes that
    the device has delivered: the next read returns them.
    """

    max_packet_size: int

    async def converse(self, conversation: Conversation) -> None:
        """Send all that is unsent, then read until nothing more is wanted.

        A thread that has to be entered for each call costs as much as a small transaction; so a whole one is one call.
        """

    async def read(self, size: int) -> tuple[bytes | memoryview, bool]:
        """Read up to `size` bytes of one bulk transfer; the flag says whether the transfer ended there."""

    async def read_event(self) -> bytes:
        """Wait for one interrupt transfer."""

    async def cancel(self, transaction_id: int) -> None:
        """Class request Cancel (0x64)."""

    async def device_status(self) -> bytes:
        """Class request GetDeviceStatus (0x67), the reply as sent."""

    async def reset_device(self) -> None:
        """Class request DeviceReset (0x66): the device is idle again, its session closed."""

    async def clear_halts(self) -> None:
        """Clear the halt of the bulk endpoints."""

    async def aclose(self) -> None:
        """Let go of the device; never raises."""


class ByteStream(Protocol):
    """A TCP connection. All methods raise `DeviceGone` once the peer has left or this side has closed."""

    async def send(self, data: memoryview) -> int:
        """Hand over bytes, and return how many were taken, one at least. Cancelled: none."""

    async def receive(self, max_bytes: int) -> bytes:
        """Wait for bytes and return those that are there, one at least. Cancelled: none is lost."""

    async def aclose(self) -> None:
        """Close it; never raises. Calls under way raise `DeviceGone`."""


class SerialPort(Protocol):
    """A serial port. All methods raise `DeviceGone` once it has vanished; cancelling one loses no bytes received."""

    async def send(self, data: bytes) -> None:
        """Put bytes on the line."""

    async def receive(self, size: int) -> bytes:
        """Wait for bytes, `size` at most."""

    async def hung_up(self) -> None:
        """Wait until it has vanished."""

    async def send_break(self, seconds: float) -> None:
        """Hold the line in a break."""

    async def set_speed(self, baud: int) -> None:
        """Change the speed once all that was sent has left."""

    def discard_input(self) -> None:
        """Throw away what has come in."""

    async def aclose(self) -> None:
        """Let go of the port; never raises."""

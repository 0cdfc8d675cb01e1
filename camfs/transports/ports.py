"""Ports: what a driver may ask of the link to its camera, whatever that is made of.

The transports of this package offer ports over real hardware, an emulated camera offers the same within this process, and a test
offers one that follows a script. A driver is written against the protocols declared here, and knows nothing else of its link.
"""

import math
from collections import deque
from typing import Protocol


class Conversation(Protocol):
    """What is said on a pair of bulk pipes, as far as the pipes must know. Its methods are called in the thread that moves the bytes."""

    unsent: deque[bytes]
    """Bulk writes still to send, in order; b"" is a zero-length packet. Whoever sends them removes what has left, in part if need be."""

    def wanted(self) -> int:
        """Return how many bytes to read next, 0 to stop for now."""

    def feed(self, data: bytes | memoryview, end_of_transfer: bool) -> None:
        """Hand over what one read gave."""


class UsbPipes(Protocol):
    """The USB interface of a still image device, as `camfs.transports.usbpipes` and the emulated cameras offer it.

    All methods raise `DeviceGone` once the device is unplugged, and `TransferStalled` on a halted endpoint. None has a time limit of
    its own: callers wrap them in `trio.fail_after`. A cancelled call returns within about half a second, and no byte that the
    device has delivered is lost: the next read returns it.
    """

    max_packet_size: int

    async def converse(self, conversation: Conversation) -> None:
        """Send all that is unsent, then read until nothing more is wanted.

        A whole transaction is one call, because to enter a thread costs as much as a small transaction.
        """

    async def read(self, size: int, seconds: float = math.inf) -> tuple[bytes | memoryview, bool]:
        """Read up to `size` bytes of one bulk transfer. The flag says whether the transfer ended there.

        When `seconds` are over it returns what has come, or raises `TransferTimeout` if that is nothing. Unlike cancelling, this takes
        no longer.
        """

    async def read_event(self) -> bytes:
        """Wait for one interrupt transfer."""

    async def cancel(self, transaction_id: int) -> None:
        """Class request Cancel (0x64)."""

    async def device_status(self) -> bytes:
        """Class request GetDeviceStatus (0x67); returns the reply as sent."""

    async def reset_device(self) -> None:
        """Class request DeviceReset (0x66): afterwards the device is idle, and its session closed."""

    async def clear_halts(self) -> None:
        """Clear the halt of the bulk endpoints."""

    async def aclose(self) -> None:
        """Let go of the device; never raises."""


class ByteStream(Protocol):
    """A TCP connection. All methods raise `DeviceGone` once the peer has left or this side has closed it."""

    async def send(self, data: memoryview) -> int:
        """Send bytes from the front of `data`, at least one, and return how many. Cancelled: none was sent."""

    async def receive(self, max_bytes: int) -> bytes:
        """Wait for bytes and return those that are there, at least one. Cancelled: none is lost."""

    async def aclose(self) -> None:
        """Close the connection; never raises. Calls under way raise `DeviceGone`."""


class SerialPort(Protocol):
    """A serial port. All methods raise `DeviceGone` once it has vanished. A cancelled call loses no byte that was received."""

    async def send(self, data: bytes) -> None:
        """Put bytes on the line."""

    async def receive(self, size: int) -> bytes:
        """Wait for bytes and return those that are there, at most `size`."""

    async def hung_up(self) -> None:
        """Wait until it has vanished."""

    async def send_break(self, seconds: float) -> None:
        """Hold the line in the break state for a time."""

    async def set_speed(self, baud: int) -> None:
        """Change the speed, after all that was sent has left."""

    def discard_input(self) -> None:
        """Drop the bytes that have come in and were not received yet."""

    async def aclose(self) -> None:
        """Let go of the port; never raises."""

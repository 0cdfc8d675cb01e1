"""Serial ports: opens one for this program alone, and carries bytes, breaks and speeds. The only module that imports pyserial.

pyserial opens and configures the port: raw, no parity or flow control, 8 data bits, 1 stop bit. Bytes are then read from and written to
its descriptor, which does not block, when trio says that it is ready; nothing polls. VMIN is 1 (for pyserial an inter-byte timeout of
0), so a read returns nothing only if the port has hung up: the adapter was unplugged, or the other end of a pseudo-terminal was closed.

A pseudo-terminal can be the line of an emulated camera. Its master sees the speed in its own termios (tcgetattr), but no breaks: the
kernel drops them. So where the device is the slave of a pseudo-terminal, and only there, a break is signalled by flow control, the one
thing in termios that the kernel reports to the master and this program does not use otherwise: IXON (with ^S and ^Q) is on during the
break. A master in packet mode (TIOCPKT) then reads the status byte TIOCPKT_DOSTOP when the break begins and TIOCPKT_NOSTOP when it
ends. If both are due at once only the latter is read, so masters should act on TIOCPKT_NOSTOP. They should also make the slave raw before
any program opens it, since switching IXON off for the first time looks like a break too, and ignore other status bits, which report
that a port was opened or its input discarded.
"""

import contextlib
import errno
import fcntl
import grp
import os
import select
import termios
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import serial
import trio

from camfs.errors import DeviceForbidden, DeviceGone, DeviceInUse, TransferTimeout, TransportError
from camfs.transports import holders

T = TypeVar("T")

DRAIN_TIMEOUT = 5.0
"""Seconds that output may take to leave; the longest that camfs sends at once takes 0.28 s at 9600 baud."""
WATCH = 1.0
"""Seconds between two checks whether a port has hung up while bytes come in, each of which wakes the watcher too."""

PSEUDO_TERMINALS = range(136, 144)
"""Major numbers of the slaves of pseudo-terminals (Linux, admin-guide/devices)."""

ERRORS: dict[int, type[TransportError]] = {
    errno.EACCES: DeviceForbidden,
    errno.EPERM: DeviceForbidden,
    errno.EBUSY: DeviceInUse,
    errno.EWOULDBLOCK: DeviceInUse,
    errno.ENOENT: DeviceGone,
    errno.ENODEV: DeviceGone,
    errno.ENXIO: DeviceGone,
    errno.EIO: DeviceGone,
    errno.EBADF: DeviceGone,
}
"""What the kernel's errors become; all others become `TransportError`. EWOULDBLOCK means that another program has pyserial's lock."""

_CALL_ERRORS = (OSError, termios.error)
"""What calls of pyserial and of the kernel raise; pyserial's own exception is an OSError."""


def _errno(error: BaseException | None) -> int:
    """Return the kernel's error number, also where pyserial has hidden it by translating a `termios.error`."""
    if isinstance(error, termios.error):
        return int(error.args[0])
    if isinstance(error, OSError):
        return error.errno or _errno(error.__context__)
    return 0


async def open_port(path: str | Path, baud: int = 9600) -> "TerminalPort":
    """Open a serial port for this program alone. Cancelled: takes effect once the port is open, or opening it has failed.

    Args:
        path: the device, or a symlink to it.
        baud: its speed at first.

    Raises:
        DeviceInUse: another program has the port; the message names the program.
        DeviceForbidden: permission is missing; the message says how to get it.
        DeviceGone: there is no such device.
        TransportError: the device is no serial port, or opening it fails for another reason.
    """
    return await trio.to_thread.run_sync(_open, Path(path), baud)


def _open(path: Path, baud: int) -> "TerminalPort":
    source = f"serial:{path}"
    try:
        port = serial.Serial(str(path), baud, timeout=0, inter_byte_timeout=0, exclusive=True)
    except _CALL_ERRORS as error:
        raise _not_opened(source, path, error) from error
    opened = TerminalPort(port, source)
    if not opened.is_pseudo_terminal:
        with contextlib.suppress(OSError):
            fcntl.ioctl(port.fileno(), termios.TIOCEXCL)  # for programs that do not use locks, such as ModemManager
        # Otherwise adapters gather bytes for 16 ms, which costs a sixth of the speed:
        # camfs/protocols/dc120/README.md, "Speed limit".
        with contextlib.suppress(ValueError):
            port.set_low_latency_mode(True)
    return opened


def _not_opened(source: str, path: Path, error: Exception) -> TransportError:
    kind = ERRORS.get(_errno(error), TransportError)
    if kind is DeviceInUse:
        return DeviceInUse(holders.in_use(source, path))
    if kind is DeviceForbidden:
        group = _group(path)
        return DeviceForbidden(
            f"{source}: no permission on {path}, but group {group} has it; "
            f"join the group with: sudo usermod -aG {group} $USER, and log in again"
        )
    if _errno(error) == errno.ENOENT:
        return DeviceGone(f"{source}: there is no {path}; is the cable or its adapter plugged in?")
    if kind is DeviceGone:
        return DeviceGone(f"{source}: nothing is connected to {path}")
    if _errno(error) == errno.ENOTTY:
        return TransportError(f"{source}: {path} is not a serial port")
    return TransportError(f"{source}: {error}")


def _group(path: Path) -> str:
    """Return the group that may use the device: `dialout`, or what a distribution has instead."""
    with contextlib.suppress(OSError, KeyError):
        status = os.stat(path)
        if status.st_gid and status.st_mode & 0o060 == 0o060:
            return grp.getgrgid(status.st_gid).gr_name
    return "dialout"


class TerminalPort:
    """An open serial port. Make one with `open_port`.

    One task may send while another receives. Once the device is gone, all calls raise `DeviceGone` at once. So do calls after `aclose`,
    and those that `aclose` interrupts.

    Attributes:
        source: the SOURCE that names it.
        is_pseudo_terminal: True for a pty, False for a real serial line.
    """

    def __init__(self, port: serial.Serial, source: str) -> None:
        self.source = source
        self._port = port
        self._fd = port.fileno()
        self.is_pseudo_terminal = os.major(os.fstat(self._fd).st_rdev) in PSEUDO_TERMINALS
        self._gone = False
        self._closed = False

    @property
    def speed(self) -> int:
        """The speed, in baud."""
        return int(self._port.baudrate)

    async def send(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes; they may still be on their way on return. Cancelled: the first of them may have been sent."""
        await trio.lowlevel.checkpoint()
        left = memoryview(data)
        while left:
            left = left[await self._when(trio.lowlevel.wait_writable, lambda part: os.write(self._fd, part), left) :]

    async def receive(self, max_bytes: int) -> bytes:
        """Wait for bytes and return those that have come, one at least. Cancelled: no bytes are lost."""
        await trio.lowlevel.checkpoint()
        data = await self._when(trio.lowlevel.wait_readable, lambda size: os.read(self._fd, size), max_bytes)
        if not data:
            self._gone = True
            self._check()
        return data

    async def hung_up(self) -> None:
        """Wait until the device is gone, also while nobody sends or receives. Cancelled: no effect.

        Raises:
            DeviceGone: the device was gone before, or the port was closed.
        """
        self._check()
        watched = os.dup(self._fd)  # trio lets only one task wait for a descriptor
        try:
            poll = select.poll()
            poll.register(watched, 0)  # reports nothing but that the port has hung up
            while True:
                await trio.lowlevel.wait_readable(watched)
                if poll.poll(0):
                    self._gone = True
                    return
                await trio.sleep(WATCH)
        finally:
            os.close(watched)

    async def _when(self, ready: Callable[[int], Awaitable[None]], function: Callable[..., T], argument: object) -> T:
        """Call a function on the descriptor; if it would block, wait until the descriptor is ready and call it again."""
        while True:
            self._check()
            try:
                with self._translated():
                    return function(argument)
            except BlockingIOError:
                pass
            try:
                await ready(self._fd)
            except trio.ClosedResourceError:
                self._check()
                raise

    async def send_break(self, seconds: float) -> None:
        """Send a break; bytes that were sent and have not yet left are dropped. Cancelled: the break ends at once."""
        await trio.lowlevel.checkpoint()
        self._check()
        with self._translated():
            self._port.reset_output_buffer()
        self._set_break(True)
        try:
            await trio.sleep(seconds)
        finally:
            self._set_break(False)

    def _set_break(self, on: bool) -> None:
        self._check()
        with self._translated():
            if not self.is_pseudo_terminal:
                self._port.break_condition = on
                return
            attributes = termios.tcgetattr(self._fd)
            attributes[0] = attributes[0] | termios.IXON if on else attributes[0] & ~termios.IXON
            attributes[6][termios.VSTART], attributes[6][termios.VSTOP] = b"\x11", b"\x13"
            termios.tcsetattr(self._fd, termios.TCSANOW, attributes)

    async def set_speed(self, baud: int) -> None:
        """Change the speed once all bytes that were sent have left. Cancelled before that: the speed stays.

        Raises:
            TransferTimeout: the bytes do not leave.
            TransportError: the port cannot do this speed.
        """
        await self._drain()
        with self._translated():
            self._port.baudrate = baud
            # A driver that cannot do the speed chooses another one, and says so only here.
            if termios.tcgetattr(self._fd)[5] != getattr(termios, f"B{baud}", None):
                raise TransportError(f"{self.source}: the port cannot do {baud} baud")

    async def _drain(self) -> None:
        self._check()
        with trio.move_on_after(DRAIN_TIMEOUT) as scope, self._translated():
            await trio.to_thread.run_sync(self._port.flush, abandon_on_cancel=True)
        if scope.cancelled_caught:
            raise TransferTimeout(f"{self.source}: the port does not send")

    def discard_input(self) -> None:
        """Drop bytes that have come in and were not received."""
        self._check()
        with self._translated():
            self._port.reset_input_buffer()

    async def aclose(self) -> None:
        """Close the port; never raises. Calls under way raise `DeviceGone`."""
        if self._closed:
            await trio.lowlevel.checkpoint()
            return
        self._closed = True
        trio.lowlevel.notify_closing(self._fd)
        with trio.CancelScope(shield=True):
            # In a thread, because the kernel waits for output to leave.
            await trio.to_thread.run_sync(self._close)

    def _close(self) -> None:
        with contextlib.suppress(*_CALL_ERRORS):
            fcntl.ioctl(self._fd, termios.TIOCNXCL)
        with contextlib.suppress(*_CALL_ERRORS):
            self._port.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Translate what the kernel and pyserial raise; a `BlockingIOError` passes through."""
        try:
            yield
        except BlockingIOError:
            raise
        except _CALL_ERRORS as error:
            kind = ERRORS.get(_errno(error), TransportError)
            self._gone = self._gone or kind is DeviceGone
            raise kind(f"{self.source} is gone" if self._gone else f"{self.source}: {error}") from error

    def _check(self) -> None:
        if self._gone or self._closed:
            raise DeviceGone(f"{self.source} is closed" if self._closed else f"{self.source} is gone")

"""Serial ports: opens one for this program alone, and moves bytes, breaks and speeds. The only place that imports pyserial.

pyserial opens and configures the port: 8 data bits, no parity, 1 stop bit, raw, no flow control. Bytes are then read and written on
its descriptor, which does not block, when trio says that it is ready; nothing polls. VMIN is 1 (pyserial: an inter-byte timeout
of 0), so that a read gives nothing only where the port has hung up: the adapter was unplugged, or the other end of a
pseudo-terminal was closed.

A pseudo-terminal serves as a line for an emulated camera. Its master sees the speed in its own termios (tcgetattr), but no break:
the kernel drops them. So where the device is the slave of a pseudo-terminal, and only there, a break is told by the one thing of
termios that this program never uses and the kernel reports: flow control. A break is IXON (with ^S and ^Q) switched on for its
duration. The master in packet mode (TIOCPKT) then reads the status byte TIOCPKT_DOSTOP as the break begins, TIOCPKT_NOSTOP as it
ends; of both at once only the latter remains, so TIOCPKT_NOSTOP is what to act on. Two things for the master: make the slave raw
before any program opens it, since switching its first IXON off looks like a break too; and pass over the other status bits (a
flush, when a port is opened or its input discarded).
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
"""Seconds that output may take to leave: the longest command, 268 bytes, takes 0.28 s at 9600 baud."""
WATCH = 1.0
"""Seconds between two looks at a port for whether it has hung up, while bytes come in: they wake the watcher, too."""

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
"""What the kernel's errors become; all others are `TransportError` itself. EWOULDBLOCK is the lock that pyserial takes."""

_CALL_ERRORS = (OSError, termios.error)
"""What pyserial's calls and the kernel's raise; pyserial's own exception is an OSError."""


def _errno(error: BaseException | None) -> int:
    """Return the kernel's number; pyserial hides it where it has translated a `termios.error`."""
    if isinstance(error, termios.error):
        return int(error.args[0])
    if isinstance(error, OSError):
        return error.errno or _errno(error.__context__)
    return 0


async def open_port(path: str | Path, baud: int = 9600) -> "TerminalPort":
    """Open a serial port for this program alone. Cancelled: takes effect once it is open or has failed.

    Args:
        path: the device, or a symlink to it.
        baud: its first speed.

    Raises:
        DeviceInUse: another program has it; the message names it.
        DeviceForbidden: no permission; the message says how to get it.
        DeviceGone: there is no such device.
        TransportError: it is no serial port, or something else.
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
            fcntl.ioctl(port.fileno(), termios.TIOCEXCL)  # for those who know no locks, as ModemManager
        # Adapters gather bytes for 16 ms otherwise, which costs a sixth of the speed (reference dc120, section 13).
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
            f"{source}: no permission on {path}, which group {group} has; "
            f"join it with: sudo usermod -aG {group} $USER, and log in again"
        )
    if _errno(error) == errno.ENOENT:
        return DeviceGone(f"{source}: there is no {path}; is the cable or its adapter plugged in?")
    if kind is DeviceGone:
        return DeviceGone(f"{source}: nothing is at the other side of {path}")
    if _errno(error) == errno.ENOTTY:
        return TransportError(f"{source}: {path} is no serial port")
    return TransportError(f"{source}: {error}")


def _group(path: Path) -> str:
    """Return the group that may use the device: `dialout`, or what a distribution has in its place."""
    with contextlib.suppress(OSError, KeyError):
        status = os.stat(path)
        if status.st_gid and status.st_mode & 0o060 == 0o060:
            return grp.getgrgid(status.st_gid).gr_name
    return "dialout"


class TerminalPort:
    """An open serial port. Make one with `open_port`.

    One task may send while another receives. Once the device is gone, all calls raise `DeviceGone` at once; so do those after
    `aclose`, and those that it interrupts.

    Attributes:
        source: the SOURCE that names it.
        is_pseudo_terminal: whether it is none of a real line.
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
        """The speed in baud."""
        return int(self._port.baudrate)

    async def send(self, data: bytes | bytearray | memoryview) -> None:
        """Hand bytes to the line; they may still be under way on return. Cancelled: the first of them may have gone."""
        await trio.lowlevel.checkpoint()
        left = memoryview(data)
        while left:
            left = left[await self._when(trio.lowlevel.wait_writable, lambda part: os.write(self._fd, part), left) :]

    async def receive(self, max_bytes: int) -> bytes:
        """Wait for bytes and return those that are there, one at least. Cancelled: none is lost."""
        await trio.lowlevel.checkpoint()
        data = await self._when(trio.lowlevel.wait_readable, lambda size: os.read(self._fd, size), max_bytes)
        if not data:
            self._gone = True
            self._check()
        return data

    async def hung_up(self) -> None:
        """Wait until the device is gone, also while nobody sends or receives. Cancelled: no effect.

        Raises:
            DeviceGone: it was gone or closed before.
        """
        self._check()
        watched = os.dup(self._fd)  # one task at a time may wait for a descriptor
        try:
            poll = select.poll()
            poll.register(watched, 0)  # tells of hanging up alone
            while True:
                await trio.lowlevel.wait_readable(watched)
                if poll.poll(0):
                    self._gone = True
                    return
                await trio.sleep(WATCH)
        finally:
            os.close(watched)

    async def _when(self, ready: Callable[[int], Awaitable[None]], function: Callable[..., T], argument: object) -> T:
        """Call a function that would block, when the descriptor is ready."""
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
        """Hold the line in a break; what was sent and has not yet left is dropped. Cancelled: the break ends at once."""
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
        """Change the speed once everything that was sent has left. Cancelled before that: the speed is what it was.

        Raises:
            TransferTimeout: it does not leave.
            TransportError: the port cannot do this speed.
        """
        await self._drain()
        with self._translated():
            self._port.baudrate = baud
            # A driver that cannot do it goes on at a speed of its own, and says so only here.
            if termios.tcgetattr(self._fd)[5] != getattr(termios, f"B{baud}", None):
                raise TransportError(f"{self.source}: the port cannot do {baud} baud")

    async def _drain(self) -> None:
        self._check()
        with trio.move_on_after(DRAIN_TIMEOUT) as scope, self._translated():
            await trio.to_thread.run_sync(self._port.flush, abandon_on_cancel=True)
        if scope.cancelled_caught:
            raise TransferTimeout(f"{self.source}: the port does not send")

    def discard_input(self) -> None:
        """Drop what has come in and was not received."""
        self._check()
        with self._translated():
            self._port.reset_input_buffer()

    async def aclose(self) -> None:
        """Let go of the port; never raises. Calls under way raise `DeviceGone`."""
        if self._closed:
            await trio.lowlevel.checkpoint()
            return
        self._closed = True
        trio.lowlevel.notify_closing(self._fd)
        with trio.CancelScope(shield=True):
            # In a thread, since the kernel waits for output to leave.
            await trio.to_thread.run_sync(self._close)

    def _close(self) -> None:
        with contextlib.suppress(*_CALL_ERRORS):
            fcntl.ioctl(self._fd, termios.TIOCNXCL)
        with contextlib.suppress(*_CALL_ERRORS):
            self._port.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Translate what the kernel and pyserial raise; that a call would block passes through."""
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

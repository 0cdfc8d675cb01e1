"""The camera's end of its serial line: the master of a pseudo-terminal. A host program opens the slave as it would a serial port.

A pseudo-terminal carries bytes and nothing else, so the rest is modelled:

============== ====================================================================================================
time           a byte takes 10 bit times, both ways, and never arrives earlier
speed          the host's speed is what its program has set in the terminal; while it differs from the camera's, or the
               camera's is too fast for the cable, bytes are lost or changed, both ways
break          the host switches IXON on and off, which packet mode reports to the master: see `camfs.transports.serial`
no host        bytes for it are lost
unplugged      the terminal hangs up, as with an adapter that is pulled out; plugged in again, it is another terminal
============== ====================================================================================================

`PtyLine.path` is a symlink to the slave, and leads to the new one after the line was plugged in again.
"""

import contextlib
import errno
import fcntl
import os
import random
import struct
import tempfile
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import trio

PLAIN_SPEED = 9600
"""Baud after switching on and after a break."""
MAX_SPEED = 230_400

BITS = 10
"""Bit times of a byte: start, eight, stop."""
PIECE_SECONDS = 0.004
"""Bytes are sent in pieces that take so long at most, each at the end of its time."""
MAX_LATE = 0.1
"""Seconds: if sleeping took too long, later bytes make up for so much of it."""
READ_SIZE = 4096

_SPEEDS = {getattr(termios, f"B{baud}"): baud for baud in (9600, 19200, 38400, 57600, 115200, 230400)}


class PtyLine:
    """A serial line with a camera at one end.

    Args:
        throttled: whether bytes take as long as on a real line.
        fastest: highest baud rate that the cable carries.

    Attributes:
        path: where a host opens it; valid while `linked`.
        speed: the camera's, in baud.
        fastest: highest baud rate that the cable carries.
        connected: whether the cable is plugged into the camera; without, the terminal stays, but nothing comes through.
        to_camera, to_host: what the line makes of bytes on their way; tests put noise here.
    """

    def __init__(self, throttled: bool = True, fastest: int = MAX_SPEED) -> None:
        self.path = Path()
        self.speed = PLAIN_SPEED
        self.fastest = fastest
        self.connected = True
        self.to_camera: Callable[[bytes], bytes] = bytes
        self.to_host: Callable[[bytes], bytes] = bytes
        self._throttled = throttled
        self._master = -1
        # Open while no host has it: a master without slaves is always readable, and has nothing to read.
        self._slave = -1
        self._slave_path = ""
        self._free = 0.0  # the time, in the model, from which the line is free; bytes are sent a little later
        self._late = 0.0  # how much later, for the bytes sent last
        self._noise = random.Random(120)
        self._plugged = trio.Event()

    # the terminal

    @contextmanager
    def linked(self, path: Path | None = None) -> Iterator["PtyLine"]:
        """Make the terminal and a symlink to its slave, and remove both at the end.

        Args:
            path: of the symlink; None for one in a temporary folder. A symlink that leads nowhere any more is replaced.

        Raises:
            OSError: the symlink cannot be made.
        """
        with contextlib.ExitStack() as stack:
            if path is None:
                path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="camfs-dc120-"))) / "line"
            elif path.is_symlink() and not path.exists():
                path.unlink()
            self.path = path
            self._open()
            stack.callback(self.unplug)
            path.symlink_to(self._slave_path)
            stack.callback(self._unlink)
            yield self

    def _open(self) -> None:
        self._master, self._slave = os.openpty()
        self._slave_path = os.ttyname(self._slave)
        os.set_blocking(self._master, False)
        tty.setraw(self._slave)
        attributes = termios.tcgetattr(self._slave)
        attributes[4] = attributes[5] = termios.B9600
        termios.tcsetattr(self._slave, termios.TCSANOW, attributes)
        fcntl.ioctl(self._master, termios.TIOCPKT, struct.pack("i", 1))
        self._plugged.set()

    def _unlink(self) -> None:
        with contextlib.suppress(OSError):
            if os.readlink(self.path) == self._slave_path:
                self.path.unlink()

    def unplug(self) -> None:
        """Pull the adapter out, so that the host's terminal hangs up."""
        if self._master == -1:
            return
        self._plugged = trio.Event()
        master, self._master = self._master, -1
        with contextlib.suppress(RuntimeError):  # trio no longer runs
            trio.lowlevel.notify_closing(master)
        self._let_go()
        os.close(master)

    def plug(self) -> None:
        """Put the adapter in again."""
        if self._master == -1:
            before = self._slave_path
            self._open()
            if os.readlink(self.path) == before:
                self.path.unlink()
                self.path.symlink_to(self._slave_path)

    def _keep(self) -> None:
        """Open the slave in place of the host that has left, and drop what the host has not read."""
        try:
            self._slave = os.open(self._slave_path, os.O_RDWR | os.O_NOCTTY)
        except OSError:  # the host had made it exclusive (TIOCEXCL), and it stays so
            self.unplug()
            self.plug()
        else:
            termios.tcflush(self._slave, termios.TCIFLUSH)

    def _let_go(self) -> None:
        if self._slave != -1:
            os.close(self._slave)
            self._slave = -1

    @property
    def host_speed(self) -> int:
        """The speed that the host has set; 0 for one that the camera does not have."""
        speed = termios.tcgetattr(self._master)[5]
        return _SPEEDS.get(speed, 0)

    # bytes

    async def receive(self) -> tuple[bytes, int]:
        """Wait for the host to send something.

        Returns:
            The bytes that arrive, perhaps none, and the speed at which the host sent them; for a break, no bytes and 0.
        """
        while True:
            await self._plugged.wait()
            if self._master == -1:  # it was pulled out again meanwhile
                continue
            try:
                data = os.read(self._master, READ_SIZE)
            except BlockingIOError:
                with contextlib.suppress(trio.ClosedResourceError):
                    await trio.lowlevel.wait_readable(self._master)
                continue
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                self._keep()
                continue
            if data[0] & termios.TIOCPKT_NOSTOP and self.connected:
                self._let_go()
                return b"", 0
            if data[0] == termios.TIOCPKT_DATA and len(data) > 1:
                self._let_go()
                speed = self.host_speed
                self._pass(len(data) - 1)
                return self._carried(self.to_camera(data[1:]), speed), speed

    async def send(self, data: bytes) -> None:
        """Send bytes; all have left on return. Cancelled: the rest of them is never sent."""
        step = self._step
        start = max(self._free, trio.current_time() - self._late)
        piece = max(1, int(PIECE_SECONDS / step) if step else len(data))
        await trio.lowlevel.checkpoint()
        for at in range(0, len(data), piece):
            part = data[at : at + piece]
            self._free = start + step * (at + len(part))
            if step:
                await trio.sleep_until(self._free)
            await self._put(part)
        self._late = min(max(0.0, trio.current_time() - self._free), MAX_LATE)

    @property
    def _step(self) -> float:
        """Seconds that a byte takes."""
        return BITS / self.speed if self._throttled else 0.0

    def _pass(self, size: int) -> None:
        """Note that so many bytes are coming in, and that the line is not free before they have."""
        self._free = max(self._free, trio.current_time() - self._late) + size * self._step

    def _carried(self, data: bytes, host_speed: int) -> bytes:
        """Return what arrives of some bytes at the other end."""
        if not self.connected:
            return b""
        if host_speed == self.speed <= self.fastest:
            return data
        return bytes(self._noise.randrange(256) for _ in data if self._noise.random() < 0.5)

    async def _put(self, data: bytes) -> None:
        while data and self._master != -1 and self._slave == -1:
            part = self._carried(self.to_host(data), self.host_speed)
            data = b""
            while part and self._master != -1:
                try:
                    part = part[os.write(self._master, part) :]
                except BlockingIOError:
                    with contextlib.suppress(trio.ClosedResourceError):
                        await trio.lowlevel.wait_writable(self._master)
                except OSError:
                    return

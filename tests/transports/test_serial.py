"""Serial ports: real ones are pseudo-terminals here, whose master plays the other end of the line."""

import errno
import fcntl
import grp
import os
import select
import struct
import subprocess
import sys
import termios
import threading
import tty
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import serial
import trio
import trio.testing

import camfs.transports.serial as transport
from camfs.errors import DeviceForbidden, DeviceGone, DeviceInUse, TransferTimeout, TransportError
from camfs.transports.serial import TerminalPort, open_port

DATA, FLUSH_READ, STOP, NO_STOP = 0x00, 0x01, 0x20, 0x10
"""Status bytes of packet mode: TIOCPKT_DATA and others (ioctl_tty(2))."""
EVERY_BYTE = bytes(range(256))


class Terminal:
    """A pseudo-terminal: its master, and the path of its slave."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        self.path = os.ttyname(self._slave)
        tty.setraw(self._slave)
        os.set_blocking(self.master, False)
        self._open = True

    def hang_up(self) -> None:
        """Close the master."""
        if self._open:
            self._open = False
            os.close(self._slave)
            os.close(self.master)

    def packet_mode(self) -> None:
        """From now on let each read begin with a status byte."""
        fcntl.ioctl(self.master, termios.TIOCPKT, struct.pack("i", 1))

    @property
    def speed(self) -> int:
        """The speed that the other end has set, as a constant of termios."""
        return int(termios.tcgetattr(self.master)[5])

    async def read(self, size: int) -> bytes:
        """Read so many bytes."""
        data = b""
        while len(data) < size:
            await trio.lowlevel.wait_readable(self.master)
            data += os.read(self.master, size - len(data))
        return data

    def status(self) -> int | None:
        """Return the status byte of one read in packet mode, None if there is nothing to read."""
        try:
            return os.read(self.master, 100)[0]
        except BlockingIOError:
            return None


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    terminal.hang_up()


@pytest.fixture
async def port(terminal: Terminal) -> TerminalPort:
    return await open_port(terminal.path)


# opening


async def test_the_line_is_raw_8n1_without_flow_control(terminal: Terminal, port: TerminalPort) -> None:
    iflag, oflag, cflag, lflag, ispeed, ospeed, cc = termios.tcgetattr(terminal.master)
    assert cflag & termios.CSIZE == termios.CS8
    assert not cflag & (termios.PARENB | termios.CSTOPB | termios.CRTSCTS)
    assert not iflag & (termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.ISTRIP)
    assert not oflag & termios.OPOST
    assert not lflag & (termios.ICANON | termios.ECHO | termios.ISIG)
    assert (ispeed, ospeed) == (termios.B9600, termios.B9600)
    assert (cc[termios.VMIN], cc[termios.VTIME]) in ((1, 0), (b"\x01", b"\x00"))
    assert port.speed == 9600
    assert port.is_pseudo_terminal
    assert port.source == f"serial:{terminal.path}"
    await port.aclose()


async def test_a_symlink_will_do(terminal: Terminal, tmp_path: Path) -> None:
    link = tmp_path / "camera"
    link.symlink_to(terminal.path)
    port = await open_port(link)
    await port.send(b"x")
    assert await terminal.read(1) == b"x"
    await port.aclose()


HOLD = "import serial, sys; port = serial.Serial(sys.argv[1], exclusive=True); print(flush=True); input()"


async def test_a_port_that_another_program_has(terminal: Terminal) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, terminal.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    with holder:
        holder.stdout.readline()
        with pytest.raises(DeviceInUse, match=rf"serial:{terminal.path} is in use by .* \(pid {holder.pid}\).*kill"):
            await open_port(terminal.path)
        holder.communicate(b"\n")
    port = await open_port(terminal.path)
    await port.aclose()


async def test_a_port_that_this_program_has(terminal: Terminal, port: TerminalPort) -> None:
    with pytest.raises(DeviceInUse, match="is in use"):
        await open_port(terminal.path)
    await port.send(b"x")
    assert await terminal.read(1) == b"x"
    await port.aclose()
    again = await open_port(terminal.path)
    await again.aclose()


async def test_a_port_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DeviceGone, match=r"there is no .*/ttyUSB7; is the cable or its adapter plugged in"):
        await open_port(tmp_path / "ttyUSB7")


async def test_a_terminal_whose_master_is_closed(terminal: Terminal) -> None:
    terminal.hang_up()
    with pytest.raises(DeviceGone):
        await open_port(terminal.path)


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir])
async def test_something_else_than_a_port(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "thing")
    with pytest.raises(TransportError, match="thing"):
        await open_port(tmp_path / "thing")


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (errno.EACCES, DeviceForbidden, "group dialout"),
        (errno.EPERM, DeviceForbidden, "usermod -aG dialout"),
        (errno.EBUSY, DeviceInUse, "in use"),
        (errno.ENODEV, DeviceGone, "nothing is connected"),
        (errno.ENXIO, DeviceGone, "nothing is connected"),
        (errno.EIO, DeviceGone, "nothing is connected"),
        (errno.ENOTTY, TransportError, "is not a serial port"),
        (errno.EMFILE, TransportError, "open files"),
    ],
)
@pytest.mark.parametrize("hidden", [False, True])
async def test_why_a_port_cannot_be_opened(
    number: int, kind: type[TransportError], says: str, hidden: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **keywords: object) -> None:
        if not hidden:
            raise serial.SerialException(number, os.strerror(number))
        try:  # as pyserial does for what termios raises
            raise termios.error(number, os.strerror(number))
        except termios.error as error:
            raise serial.SerialException(f"Could not configure port: {error}")  # noqa: B904

    monkeypatch.setattr(serial, "Serial", fail)
    node = tmp_path / "node"
    node.touch(0o600)
    with pytest.raises(kind, match=says) as caught:
        await open_port(node)
    assert caught.type is kind


async def test_the_group_of_the_device_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **keywords: object) -> None:
        raise serial.SerialException(errno.EACCES, "no")

    class Group:
        gr_name = "uucp"

    status = os.stat_result((0o660, 0, 0, 1, 0, 14, 0, 0, 0, 0))
    monkeypatch.setattr(serial, "Serial", fail)
    monkeypatch.setattr(os, "stat", lambda path: status)
    monkeypatch.setattr(grp, "getgrgid", lambda group: Group)
    with pytest.raises(DeviceForbidden, match="sudo usermod -aG uucp"):
        await open_port(tmp_path)


# bytes


async def test_every_byte_passes_both_ways(terminal: Terminal, port: TerminalPort) -> None:
    await port.send(EVERY_BYTE)
    assert await terminal.read(256) == EVERY_BYTE
    os.write(terminal.master, EVERY_BYTE)
    assert await port.receive(1000) == EVERY_BYTE
    await port.aclose()


async def test_more_than_the_line_holds_is_sent_as_it_leaves(terminal: Terminal, port: TerminalPort) -> None:
    data = EVERY_BYTE * 400
    received = b""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(port.send, data)
        received = await terminal.read(len(data))
    assert received == data
    await port.aclose()


async def test_what_is_received_is_limited(terminal: Terminal, port: TerminalPort) -> None:
    os.write(terminal.master, b"abcdef")
    assert await port.receive(4) == b"abcd"
    assert await port.receive(4) == b"ef"
    await port.aclose()


class Steps(trio.abc.Instrument):
    """Counts how often a task runs."""

    def __init__(self, task: trio.lowlevel.Task) -> None:
        self._task = task
        self.count = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.count += task is self._task


async def test_waiting_is_no_polling(terminal: Terminal, port: TerminalPort) -> None:
    received = []
    steps = []

    async def wait() -> None:
        counter = Steps(trio.lowlevel.current_task())
        trio.lowlevel.add_instrument(counter)
        received.append(await port.receive(1))
        trio.lowlevel.remove_instrument(counter)
        steps.append(counter.count)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.sleep(0.2)
        os.write(terminal.master, b"x")
    assert received == [b"x"]
    assert steps[0] <= 3
    await port.aclose()


async def test_a_cancelled_receive_loses_nothing(terminal: Terminal, port: TerminalPort) -> None:
    with trio.move_on_after(0.01) as scope:
        await port.receive(10)
    assert scope.cancelled_caught
    os.write(terminal.master, b"abc")
    with trio.CancelScope() as scope:
        scope.cancel()
        await port.receive(10)
    assert await port.receive(10) == b"abc"
    await port.aclose()


async def test_input_is_discarded(terminal: Terminal, port: TerminalPort) -> None:
    os.write(terminal.master, b"old")
    await trio.lowlevel.wait_readable(port._fd)
    port.discard_input()
    os.write(terminal.master, b"new")
    assert await port.receive(10) == b"new"
    await port.aclose()


# speed, break


@pytest.mark.parametrize("baud", [19200, 38400, 57600, 115200, 230400, 9600])
async def test_the_other_end_sees_the_speed(baud: int, terminal: Terminal, port: TerminalPort) -> None:
    await port.set_speed(baud)
    assert terminal.speed == getattr(termios, f"B{baud}")
    assert port.speed == baud
    await port.aclose()


async def test_the_speed_changes_after_the_output_has_left(
    terminal: Terminal, port: TerminalPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = []
    flush = port._port.flush

    def recorded() -> None:
        order.append(terminal.speed)
        flush()

    monkeypatch.setattr(port._port, "flush", recorded)
    await port.set_speed(115200)
    assert order == [termios.B9600]
    await port.aclose()


async def test_output_that_does_not_leave(port: TerminalPort, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    monkeypatch.setattr(transport, "DRAIN_TIMEOUT", 0.01)
    monkeypatch.setattr(port._port, "flush", release.wait)
    with pytest.raises(TransferTimeout, match="does not send"):
        await port.set_speed(115200)
    assert port.speed == 9600
    release.set()
    await port.aclose()


async def test_a_speed_that_the_port_cannot_do(port: TerminalPort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(port._port), "baudrate", property(lambda self: 9600, lambda self, baud: None))
    with pytest.raises(TransportError, match="cannot do 230400 baud"):
        await port.set_speed(230400)
    await port.aclose()


async def test_a_break_is_seen_at_the_other_end(terminal: Terminal, port: TerminalPort) -> None:
    terminal.packet_mode()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(port.send_break, 0.05)
        await trio.lowlevel.wait_readable(terminal.master)
        statuses = [terminal.status()]
        while statuses[-1] is None or not statuses[-1] & STOP:
            await trio.lowlevel.wait_readable(terminal.master)
            statuses.append(terminal.status())
        assert termios.tcgetattr(terminal.master)[0] & termios.IXON
        await trio.lowlevel.wait_readable(terminal.master)
        assert terminal.status() == NO_STOP
    assert not termios.tcgetattr(terminal.master)[0] & termios.IXON
    assert terminal.status() is None
    await port.send(b"abc")
    assert await terminal.read(4) == b"\0abc"
    await port.aclose()


async def test_nothing_else_looks_like_a_break(terminal: Terminal) -> None:
    terminal.packet_mode()
    port = await open_port(terminal.path)
    await port.set_speed(115200)
    port.discard_input()
    await port.set_speed(9600)
    await port.aclose()
    seen = 0
    while (status := terminal.status()) is not None:
        seen |= status
    assert not seen & (STOP | NO_STOP)
    assert select.select([terminal.master], [], [], 0)[0] == []


async def test_a_break_as_short_as_can_be_is_seen(terminal: Terminal, port: TerminalPort) -> None:
    terminal.packet_mode()
    await port.send_break(0)
    status = terminal.status()
    assert status is not None
    assert status & NO_STOP
    await port.aclose()


async def test_a_cancelled_break_ends(terminal: Terminal, port: TerminalPort) -> None:
    with trio.move_on_after(0.01) as scope:
        await port.send_break(60)
    assert scope.cancelled_caught
    assert not termios.tcgetattr(terminal.master)[0] & termios.IXON
    await port.aclose()


async def test_a_break_on_a_real_line(terminal: Terminal, port: TerminalPort, monkeypatch: pytest.MonkeyPatch) -> None:
    conditions = []
    monkeypatch.setattr(port, "is_pseudo_terminal", False)
    monkeypatch.setattr(
        type(port._port), "break_condition", property(lambda self: False, lambda self, on: conditions.append(on))
    )
    terminal.packet_mode()
    await port.send_break(0.001)
    assert conditions == [True, False]
    assert terminal.status() in (None, 0x02)  # a flush of what was not yet sent
    await port.aclose()


# the end


CALLS: dict[str, Callable[[TerminalPort], Awaitable[object]]] = {
    "send": lambda port: port.send(b"x"),
    "receive": lambda port: port.receive(1),
    "break": lambda port: port.send_break(0),
    "speed": lambda port: port.set_speed(115200),
    "discard": lambda port: _discard(port),
}


async def _discard(port: TerminalPort) -> None:
    port.discard_input()


@pytest.mark.parametrize("first", CALLS)
async def test_a_line_that_was_hung_up(first: str, terminal: Terminal, port: TerminalPort) -> None:
    terminal.hang_up()
    for name in [first, *CALLS]:
        with pytest.raises(DeviceGone, match=f"^serial:{terminal.path} is gone$"):
            await CALLS[name](port)
    await port.aclose()


async def test_a_line_is_hung_up_while_something_is_awaited(terminal: Terminal, port: TerminalPort) -> None:
    async def receive() -> None:
        with pytest.raises(DeviceGone):
            await port.receive(1)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        await trio.testing.wait_all_tasks_blocked()
        terminal.hang_up()
    await port.aclose()


async def test_a_port_that_hangs_up_while_nobody_listens(terminal: Terminal, port: TerminalPort) -> None:
    """Also with bytes waiting, which wake the watcher too; and a reader is not in its way."""
    os.write(terminal.master, b"x")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(port.hung_up)
        await trio.testing.wait_all_tasks_blocked()
        assert await port.receive(1) == b"x"
        terminal.hang_up()
    for call in CALLS.values():
        with pytest.raises(DeviceGone, match="is gone"):
            await call(port)
    with pytest.raises(DeviceGone):
        await port.hung_up()
    await port.aclose()


async def test_watching_a_port_holds_nothing_open(terminal: Terminal, port: TerminalPort) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with trio.move_on_after(0.01):
        await port.hung_up()
    assert len(os.listdir("/proc/self/fd")) == before
    await port.aclose()


@pytest.mark.parametrize("number", [errno.EIO, errno.ENODEV, errno.ENXIO])
@pytest.mark.parametrize("name", ["read", "write"])
async def test_an_adapter_that_was_unplugged(
    number: int, name: str, port: TerminalPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, name, gone)
        with pytest.raises(DeviceGone):
            await CALLS["receive" if name == "read" else "send"](port)
    for call in CALLS.values():
        with pytest.raises(DeviceGone):
            await call(port)
    await port.aclose()


async def test_another_error_is_not_the_end(port: TerminalPort, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", fail)
        with pytest.raises(TransportError, match=os.strerror(errno.ENOMEM)) as caught:
            await port.send(b"x")
        assert caught.type is TransportError
    await port.send(b"x")
    await port.aclose()


@pytest.mark.parametrize("name", CALLS)
async def test_a_closed_port(name: str, port: TerminalPort) -> None:
    await port.aclose()
    with pytest.raises(DeviceGone, match="is closed"):
        await CALLS[name](port)
    await port.aclose()


async def test_closing_ends_what_is_awaited(port: TerminalPort) -> None:
    async def receive() -> None:
        with pytest.raises(DeviceGone, match="is closed"):
            await port.receive(1)

    async def send() -> None:
        with pytest.raises(DeviceGone, match="is closed"):
            await port.send(bytes(1 << 20))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(receive)
        nursery.start_soon(send)
        await trio.testing.wait_all_tasks_blocked()
        await port.aclose()


async def test_closing_goes_through_when_cancelled(terminal: Terminal, port: TerminalPort) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await port.aclose()
    again = await open_port(terminal.path)
    await again.aclose()

"""TCP connections to a camera. A name is resolved, and if it has several addresses they are tried one after the other (trio).

Nagle's algorithm is off (trio does that), so that a small transaction is one packet each way. The kernel probes a connection on which
nothing moves, and gives it up after half a minute without an answer. It gives up as soon when sent data are not acknowledged. So a
peer that has left without a word is noticed, too.
"""

import contextlib
import errno
import socket

import trio

from camfs.errors import DeviceGone, TransferTimeout, TransportError

CONNECT_TIMEOUT = 10.0
"""Seconds that connecting may take: a camera's Wi-Fi may be asleep."""

PROBE_AFTER, PROBE_EVERY, PROBES = 10, 5, 4
"""Seconds of silence before the kernel's first probe, seconds between probes, and how many may stay unanswered."""

FAIR = 1 << 20
"""Bytes that may be received one after the other before other tasks have their turn."""

_GIVE_UP = 1000 * (PROBE_AFTER + PROBE_EVERY * PROBES)

_OPTIONS = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, PROBE_AFTER),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, PROBE_EVERY),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, PROBES),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _GIVE_UP),
)


async def connect(host: str, port: int) -> "TcpStream":
    """Open a connection. Cancelled: nothing is left open.

    Args:
        host: a name or an address, IPv6 without brackets.
        port: the TCP port.

    Raises:
        DeviceGone: no program listens there, or no route leads there.
        TransferTimeout: there is no answer.
        TransportError: there is no such name.
    """
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        with trio.fail_after(CONNECT_TIMEOUT):
            stream = await trio.open_tcp_stream(host, port)
    except trio.TooSlowError:
        raise TransferTimeout(f"{place} does not answer within {CONNECT_TIMEOUT:g} s") from None
    except socket.gaierror as error:
        raise TransportError(f"{host}: {error.strerror}") from None
    except (OSError, UnicodeError) as error:
        raise _not_connected(place, error) from error
    for level, option, value in _OPTIONS:
        stream.setsockopt(level, option, value)
    return TcpStream(stream, place)


def _not_connected(place: str, error: Exception) -> TransportError:
    cause = error.__cause__ if error.__cause__ is not None else error
    causes = cause.exceptions if isinstance(cause, BaseExceptionGroup) else (cause,)
    numbers = {each.errno for each in causes if isinstance(each, OSError)}
    if numbers == {errno.ECONNREFUSED}:
        return DeviceGone(f"nobody listens at {place}; is the camera on, and its network function too?")
    words = "; ".join(dict.fromkeys(str(each) for each in causes))
    return (DeviceGone if numbers - {None} else TransportError)(f"{place}: {words}")


class TcpStream:
    """A TCP connection: a `transports.ports.ByteStream`. Make one with `connect`. One task may send while another receives.

    Once the peer has left, all calls raise `DeviceGone` at once; so do calls after `aclose`, and calls that `aclose` interrupts.
    """

    def __init__(self, stream: trio.SocketStream, place: str) -> None:
        # trio's own socket gives way to other tasks with each call, which costs more than the call
        self._socket = socket.socket(fileno=stream.socket.detach())
        self._socket.setblocking(False)
        self._place = place
        self._reason = ""
        self._since_others = 0

    async def send(self, data: memoryview) -> int:
        self._check()
        await trio.lowlevel.checkpoint_if_cancelled()
        try:
            while True:
                try:
                    return self._socket.send(data)
                except BlockingIOError:
                    await trio.lowlevel.wait_writable(self._socket)
        except (OSError, trio.ClosedResourceError) as error:
            raise self._gone(str(error)) from error

    async def receive(self, max_bytes: int) -> bytes:
        self._check()
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._since_others >= FAIR:
            self._since_others = 0
            await trio.lowlevel.checkpoint()
        try:
            while True:
                try:
                    data = self._socket.recv(max_bytes)
                    break
                except BlockingIOError:
                    self._since_others = 0
                    await trio.lowlevel.wait_readable(self._socket)
        except (OSError, trio.ClosedResourceError) as error:
            raise self._gone(str(error)) from error
        if not data:
            raise self._gone("the peer closed the connection")
        self._since_others += len(data)
        return data

    async def aclose(self) -> None:
        self._reason = self._reason or "closed"
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket)
        with contextlib.suppress(OSError):
            self._socket.close()
        await trio.lowlevel.cancel_shielded_checkpoint()

    def _gone(self, reason: str) -> DeviceGone:
        self._reason = self._reason or reason
        return DeviceGone(f"{self._place}: {self._reason}")

    def _check(self) -> None:
        if self._reason:
            raise DeviceGone(f"{self._place}: {self._reason}")

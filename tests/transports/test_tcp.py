"""TCP connections on loopback: what is refused, what leaves, and that what is cancelled loses nothing."""

import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from camfs.errors import CameraError, DeviceGone, TransferTimeout, TransportError
from camfs.transports import tcp
from camfs.transports.tcp import TcpStream, connect


@asynccontextmanager
async def connected(host: str = "127.0.0.1") -> AsyncIterator[tuple[TcpStream, trio.SocketStream]]:
    """Connect, and give both ends."""
    (listener,) = await trio.open_tcp_listeners(0, host=host)
    async with listener:
        stream = await connect(host, listener.socket.getsockname()[1])
        async with await listener.accept() as peer:
            yield stream, peer
    await stream.aclose()


def has_ipv6() -> bool:
    """Say whether this computer has an IPv6 loopback; containers may not."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


LOOPBACKS = ["127.0.0.1", *(["::1"] if has_ipv6() else [])]


@pytest.mark.parametrize("host", LOOPBACKS)
async def test_bytes_go_both_ways(host: str) -> None:
    async with connected(host) as (stream, peer):
        assert await stream.send(memoryview(b"there")) == 5
        assert await peer.receive_some() == b"there"
        await peer.send_all(b"and back")
        assert await stream.receive(3) == b"and"
        assert await stream.receive(100) == b" back"


async def test_a_name() -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        await (await connect("localhost", listener.socket.getsockname()[1])).aclose()


async def test_a_small_write_leaves_at_once_and_a_silent_peer_is_probed() -> None:
    async with connected() as (stream, _):
        assert stream._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        for level, option, value in tcp._OPTIONS:
            assert stream._socket.getsockopt(level, option) == value


# nobody there


async def refused(host: str = "127.0.0.1", port: int | None = None) -> CameraError:
    """Return the failure of connecting where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(CameraError) as caught:
            await connect(host, unused.getsockname()[1] if port is None else port)
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("host", [*LOOPBACKS, "localhost"])
async def test_nobody_listens(host: str) -> None:
    error = await refused(host)
    assert type(error) is DeviceGone
    assert str(error).startswith("nobody listens at " + ("[::1]:" if host == "::1" else f"{host}:"))


@pytest.mark.parametrize("host", ["a" * 64 + ".invalid", ".."])
async def test_what_is_no_name(host: str) -> None:
    error = await refused(host, 1)
    assert type(error) is TransportError
    assert str(error).startswith(host)


async def test_no_such_name(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(trio, "open_tcp_stream", fail)
    error = await refused("camera", 15740)
    assert type(error) is TransportError
    assert str(error) == "camera: Name or service not known"


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.EHOSTUNREACH, DeviceGone), (errno.ENETUNREACH, DeviceGone), (errno.ETIMEDOUT, DeviceGone)],
)
async def test_no_way_there(number: int, kind: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object) -> None:
        raise OSError("all attempts to connect failed") from OSError(number, "words of the kernel")

    monkeypatch.setattr(trio, "open_tcp_stream", fail)
    error = await refused("10.0.0.1", 15740)
    assert type(error) is kind
    assert str(error) == f"10.0.0.1:15740: [Errno {number}] words of the kernel"


async def test_no_answer(monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock) -> None:
    async def wait(*_: object) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(trio, "open_tcp_stream", wait)
    error = await refused("10.0.0.1", 15740)
    assert type(error) is TransferTimeout
    assert trio.current_time() == pytest.approx(tcp.CONNECT_TIMEOUT)


# leaving


async def gone(stream: TcpStream) -> str:
    """See that all calls fail with the same words; return these."""
    words = set()
    for _ in range(2):
        for call in (stream.receive(100), stream.send(memoryview(b"x"))):
            with pytest.raises(DeviceGone) as caught:
                await call
            words.add(str(caught.value))
    (only,) = words
    return only


async def test_the_peer_leaves() -> None:
    async with connected() as (stream, peer):
        await peer.send_all(b"last words")
        await peer.aclose()
        assert await stream.receive(100) == b"last words"
        assert "the peer closed the connection" in await gone(stream)


async def test_the_peer_leaves_while_it_is_listened_to() -> None:
    async with connected() as (stream, peer), trio.open_nursery() as nursery:

        async def receive() -> None:
            with pytest.raises(DeviceGone):
                await stream.receive(100)

        nursery.start_soon(receive)
        await wait_all_tasks_blocked()
        await peer.aclose()


async def test_the_peer_resets() -> None:
    async with connected() as (stream, peer):
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        await peer.aclose()
        assert "reset by peer" in await gone(stream)


async def test_closing_ends_what_is_under_way() -> None:
    async with connected() as (stream, _), trio.open_nursery() as nursery:

        async def receive() -> None:
            with pytest.raises(DeviceGone):
                await stream.receive(100)

        nursery.start_soon(receive)
        await wait_all_tasks_blocked()
        await stream.aclose()
        assert await gone(stream)
        await stream.aclose()


# cancelling


async def test_a_cancelled_receive_loses_nothing() -> None:
    async with connected() as (stream, peer):
        with trio.CancelScope() as scope:
            scope.cancel()
            await stream.receive(100)
        await peer.send_all(b"kept")
        with trio.CancelScope() as scope:
            scope.cancel()
            await stream.receive(100)
        assert await stream.receive(100) == b"kept"


async def test_a_cancelled_send_has_sent_nothing() -> None:
    async with connected() as (stream, peer):
        sent = 0

        async def fill() -> None:
            nonlocal sent
            while True:
                sent += await stream.send(memoryview(bytes(1 << 20)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(fill)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        await stream.aclose()
        received = 0
        while data := await peer.receive_some():
            received += len(data)
        assert received == sent > 0

"""The rules of USB between the two ends of a cable."""

from collections.abc import Awaitable, Callable

import pytest
import trio

from camfs.errors import DeviceGone, DeviceInUse, TransferStalled, TransportError
from camfs.virtual.usb.pipes import BULK_IN, BULK_OUT, CAPACITY, EmulatedUsb, HostPipes, Port

M = 512


class Requests:
    """Records class requests."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def cancel(self, transaction_id: int) -> None:
        self.seen.append(transaction_id)

    def device_status(self) -> bytes:
        self.seen.append("status")
        return b"\4\0\1\x20"

    def device_reset(self) -> None:
        self.seen.append("reset")


class Cable:
    """Both ends of a cable."""

    def __init__(self, usb: EmulatedUsb, host: HostPipes, port: Port, requests: Requests) -> None:
        self.usb, self.host, self.port, self.requests = usb, host, port, requests


@pytest.fixture
async def cable() -> Cable:
    requests = Requests()
    usb = EmulatedUsb(requests, M)
    return Cable(usb, usb.open(), await usb.port(), requests)


async def test_a_short_write_is_a_transfer(cable: Cable) -> None:
    await cable.port.send(b"abc")
    await cable.port.send(b"de")
    assert await cable.host.read(M) == (b"abc", True)
    assert await cable.host.read(M) == (b"de", True)


async def test_a_write_of_whole_packets_leaves_the_transfer_open(cable: Cable) -> None:
    await cable.port.send(bytes(2 * M))
    await cable.port.send(b"end")
    assert await cable.host.read(10 * M) == (bytes(2 * M) + b"end", True)


async def test_an_empty_write_ends_a_transfer(cable: Cable) -> None:
    await cable.port.send(bytes(M))
    await cable.port.send(b"")
    await cable.port.send(b"next")
    assert await cable.host.read(10 * M) == (bytes(M), True)
    assert await cable.host.read(10 * M) == (b"next", True)


async def test_a_full_read_leaves_the_empty_packet_for_the_next(cable: Cable) -> None:
    await cable.port.send(bytes(M))
    await cable.port.send(b"")
    assert await cable.host.read(M) == (bytes(M), False)
    assert await cable.host.read(M) == (b"", True)


async def test_a_read_takes_a_part_and_the_next_the_rest(cable: Cable) -> None:
    await cable.port.send(b"a" * M + b"b" * M + b"c")
    assert await cable.host.read(M) == (b"a" * M, False)
    assert await cable.host.read(2 * M) == (b"b" * M + b"c", True)


async def test_a_read_waits_until_it_is_full(cable: Cable, autojump_clock: trio.testing.MockClock) -> None:
    await cable.port.send(bytes(M))
    with trio.move_on_after(1) as scope:
        await cable.host.read(2 * M)
    assert scope.cancelled_caught


async def test_a_cancelled_read_loses_nothing(cable: Cable, autojump_clock: trio.testing.MockClock) -> None:
    await cable.port.send(b"a" * M)
    with trio.move_on_after(1):
        await cable.host.read(4 * M)
    await cable.port.send(b"b")
    assert await cable.host.read(4 * M) == (b"a" * M, False)
    assert await cable.host.read(4 * M) == (b"b", True)


@pytest.mark.parametrize("size", [1, 100, M - 1, M + 1])
async def test_a_read_that_is_too_small_for_a_packet_overflows(cable: Cable, size: int) -> None:
    await cable.port.send(bytes(2 * M))
    with pytest.raises(TransportError, match="overflow"):
        await cable.host.read(size)


async def test_a_small_read_is_enough_for_a_small_packet(cable: Cable) -> None:
    await cable.port.send(bytes(M + 12))
    assert await cable.host.read(M) == (bytes(M), False)
    assert await cable.host.read(12) == (bytes(12), True)


async def test_out_follows_the_same_rules(cable: Cable) -> None:
    await cable.host.write(bytes(M))
    await cable.host.write(b"x")
    await cable.host.write(b"y")
    assert await cable.port.receive() == (bytes(M) + b"x", True)
    assert await cable.port.receive() == (b"y", True)


async def test_a_camera_waits_for_a_host_that_does_not_read(
    cable: Cable, autojump_clock: trio.testing.MockClock
) -> None:
    sent = 0
    with trio.move_on_after(1) as scope:
        while True:
            await cable.port.send(bytes(1 << 18))
            sent += 1 << 18
    assert scope.cancelled_caught
    assert sent == CAPACITY


async def test_a_halt_comes_behind_what_was_sent_and_lasts_until_it_is_cleared(cable: Cable) -> None:
    await cable.port.send(b"before")
    cable.port.stall()
    assert cable.port.halted() == (BULK_IN, BULK_OUT)
    assert await cable.host.read(M) == (b"before", True)
    for _ in range(2):
        with pytest.raises(TransferStalled):
            await cable.host.read(M)
        with pytest.raises(TransferStalled):
            await cable.host.write(b"command")
    await cable.host.clear_halts()
    assert cable.port.halted() == ()
    await cable.host.write(b"command")
    await cable.port.send(b"after")
    assert await cable.host.read(M) == (b"after", True)


async def test_a_halt_fails_a_read_that_waits_and_takes_what_it_had(cable: Cable) -> None:
    await cable.port.send(bytes(M))
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def read() -> None:
            with pytest.raises(TransferStalled):
                await cable.host.read(2 * M)

        await trio.testing.wait_all_tasks_blocked()
        cable.port.stall()
    await cable.host.clear_halts()
    await cable.port.send(b"after")
    assert await cable.host.read(M) == (b"after", True)


async def test_a_camera_waits_while_it_is_halted(cable: Cable) -> None:
    cable.port.stall()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(cable.port.send, b"rest")
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(TransferStalled):
            await cable.host.read(M)
        await cable.host.clear_halts()
        assert await cable.host.read(M) == (b"rest", True)


async def test_events_come_one_at_a_time(cable: Cable) -> None:
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def send() -> None:
            for event in (b"one", b"two", b"three"):
                await cable.port.send_event(event)

        assert [await cable.host.read_event() for _ in range(3)] == [b"one", b"two", b"three"]


async def test_class_requests_reach_the_camera(cable: Cable) -> None:
    await cable.host.cancel(9)
    assert await cable.host.device_status() == b"\4\0\1\x20"
    await cable.host.reset_device()
    assert cable.requests.seen == [9, "status", "reset"]


async def _is_gone(call: Callable[..., Awaitable[object]], *arguments: object) -> None:
    with pytest.raises(DeviceGone):
        await call(*arguments)


async def test_unplugging_ends_calls_that_wait(cable: Cable) -> None:
    await cable.host.write(bytes(CAPACITY))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_is_gone, cable.host.read, M)
        nursery.start_soon(_is_gone, cable.host.read_event)
        nursery.start_soon(_is_gone, cable.host.write, b"more")
        await trio.testing.wait_all_tasks_blocked()
        cable.usb.unplug()


async def test_unplugging_ends_the_cameras_calls_that_wait(cable: Cable) -> None:
    await cable.port.send(bytes(CAPACITY))
    await cable.port.send_event(b"event")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_is_gone, cable.port.receive)
        nursery.start_soon(_is_gone, cable.port.send, b"more")
        nursery.start_soon(_is_gone, cable.port.send_event, b"more")
        await trio.testing.wait_all_tasks_blocked()
        cable.usb.unplug()


async def test_nothing_works_when_unplugged(cable: Cable) -> None:
    await cable.port.send(b"what was sent is gone too")
    cable.usb.unplug()
    for call in (cable.host.device_status, cable.host.reset_device, cable.host.clear_halts, cable.host.read_event):
        await _is_gone(call)
    await _is_gone(cable.host.read, M)
    await _is_gone(cable.host.write, b"")
    await _is_gone(cable.host.cancel, 1)
    with pytest.raises(DeviceGone):
        cable.usb.open()
    assert not cable.requests.seen


async def test_plugging_in_gives_new_pipes_and_the_old_stay_dead(cable: Cable) -> None:
    await cable.port.send(b"old")
    cable.usb.unplug()
    cable.usb.plug()
    host, port = cable.usb.open(), await cable.usb.port()
    await port.send(b"new")
    assert await host.read(M) == (b"new", True)
    with pytest.raises(DeviceGone):
        await cable.host.read(M)
    await cable.host.aclose()
    with pytest.raises(DeviceInUse):
        cable.usb.open()


async def test_one_host_at_a_time(cable: Cable) -> None:
    with pytest.raises(DeviceInUse):
        cable.usb.open()
    await cable.host.aclose()
    await cable.host.aclose()
    with pytest.raises(DeviceGone):
        await cable.host.read(M)
    await cable.usb.open().aclose()


@pytest.mark.parametrize("at", range(10))
async def test_unplugs_in_place_of_a_byte(cable: Cable, at: int) -> None:
    cable.usb.unplug_at = at
    await cable.port.send(b"xyz")
    moved = 0

    async def move() -> None:
        nonlocal moved
        for data in (b"ab", b"cd"):
            await cable.host.write(data)
            moved += len(data)
        moved += len((await cable.host.read(M))[0])
        await cable.host.write(b"efghi")

    await _is_gone(move)
    assert moved == max(size for size in (0, 2, 4, 7) if size <= at)
    with pytest.raises(DeviceGone):
        cable.usb.open()

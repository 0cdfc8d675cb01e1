"""The link over USB: draining, class requests and what a cancelled read leaves, on pipes that do as they are told."""

import math
from collections import deque
from collections.abc import Callable

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.ptp.usblink import DRAIN_SILENCE, UsbLink
from camfs.protocols.ptp.codes import Operation
from camfs.protocols.ptp.containers import encode_event
from camfs.protocols.ptp.messages import Data, DataEnd, DataStart, Event, Message, Request, Response
from camfs.transports.ports import Conversation

M = 512

IDLE = bytes((4, 0, 1, 0x20))
BUSY = bytes((4, 0, 0x19, 0x20))
HALTED = bytes((12, 0, 0x1F, 0x20)) + (0x81).to_bytes(4, "little") + (0x02).to_bytes(4, "little")


class Pipes:
    """Pipes whose bytes a test puts in, in pieces with their times. A `transports.ports.UsbPipes`.

    Attributes:
        coming: seconds to wait, bytes, and whether the transfer ends with them; an error is raised instead.
        statuses: replies to GetDeviceStatus; the last one for ever.
        requests: what class requests came.
        refuses: class requests that are refused.
        written: what was sent.
    """

    max_packet_size = M

    def __init__(self) -> None:
        self.coming: deque[tuple[float, bytes | Exception, bool]] = deque()
        self.statuses = [IDLE]
        self.requests: list[str] = []
        self.refuses: set[str] = set()
        self.written: list[bytes] = []
        self.events: deque[bytes] = deque()
        self.endless: Callable[[], tuple[bytes, bool]] | None = None
        self._kept = b""
        self._due: float | None = None

    async def converse(self, conversation: Conversation) -> None:
        while conversation.unsent:
            await trio.lowlevel.checkpoint()
            self.written.append(bytes(conversation.unsent.popleft()))
        while size := conversation.wanted():
            conversation.feed(*await self.read(size))

    async def read(self, size: int, seconds: float = math.inf) -> tuple[bytes | memoryview, bool]:
        read: tuple[bytes | memoryview, bool] | None = None
        with trio.move_on_after(seconds):
            read = await self._read(size)
        if read is None:
            if not self._kept:
                raise errors.TransferTimeout("nothing comes")
            read, self._kept = (self._kept, False), b""
        return read

    async def _read(self, size: int) -> tuple[bytes | memoryview, bool]:
        """Gather pieces until the transfer ends or the read is full; cancelled, the next read returns what there was."""
        await trio.lowlevel.checkpoint()
        if self._kept:
            kept, self._kept = self._kept, b""
            return kept, False
        got = b""
        try:
            while True:
                if self.endless is not None:
                    await trio.sleep(0.01)
                    return self.endless()
                if not self.coming:
                    await trio.sleep_forever()
                seconds, data, end = self.coming[0]
                if self._due is None:
                    self._due = trio.current_time() + seconds
                await trio.sleep_until(self._due)
                self._due = None
                self.coming.popleft()
                if isinstance(data, Exception):
                    raise data
                got += data
                assert len(got) <= size
                if end or len(got) == size:
                    return got, end
        except trio.Cancelled:
            self._kept = got
            raise

    async def read_event(self) -> bytes:
        await trio.lowlevel.checkpoint()
        if not self.events:
            await trio.sleep_forever()
        return self.events.popleft()

    async def _request(self, name: str) -> None:
        await trio.lowlevel.checkpoint()
        self.requests.append(name)
        if name in self.refuses:
            raise errors.TransferStalled(f"no {name}")

    async def cancel(self, transaction_id: int) -> None:
        await self._request("cancel")

    async def device_status(self) -> bytes:
        await self._request("status")
        return self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]

    async def reset_device(self) -> None:
        await self._request("reset")

    async def clear_halts(self) -> None:
        await self._request("clear")

    async def aclose(self) -> None:
        await trio.lowlevel.cancel_shielded_checkpoint()


def container(kind: int, code: int, transaction_id: int, payload: bytes = b"", length: int | None = None) -> bytes:
    size = 12 + len(payload) if length is None else length
    return (
        size.to_bytes(4, "little")
        + kind.to_bytes(2, "little")
        + code.to_bytes(2, "little")
        + transaction_id.to_bytes(4, "little")
        + payload
    )


def response(transaction_id: int) -> bytes:
    return container(3, 0x2001, transaction_id)


async def ask(link: UsbLink, transaction_id: int) -> list[Message]:
    """Send GetStorageIDs and receive what comes up to the response."""
    await link.send(Request(Operation.GetStorageIDs, transaction_id))
    messages: list[Message] = []
    while not messages or not isinstance(messages[-1], Response):
        messages.append(await link.receive())
    return messages


async def is_in_step(pipes: Pipes, link: UsbLink) -> bool:
    pipes.coming.append((0, container(2, 0x1004, 77, b"\1\0\0\0abcd"), True))
    pipes.coming.append((0, response(77), True))
    with trio.fail_after(5):
        start, *data, end, answer = await ask(link, 77)
    payload = b"".join(bytes(each.payload) for each in data if isinstance(each, Data))
    return (start, payload, end, answer) == (
        DataStart(0x1004, 77, 8),
        b"\1\0\0\0abcd",
        DataEnd(),
        Response(0x2001, 77),
    )


async def test_a_transaction() -> None:
    pipes = Pipes()
    assert await is_in_step(pipes, UsbLink(pipes))
    assert pipes.written == [container(1, 0x1004, 77)]
    assert pipes.requests == []


@pytest.mark.parametrize("pieces", [0, 1, 3])
async def test_cancelling_drains_what_still_comes(pieces: int, autojump_clock: MockClock) -> None:
    pipes = Pipes()
    link = UsbLink(pipes)
    await link.send(Request(Operation.GetObject, 5))
    for _ in range(pieces):
        pipes.coming.append((DRAIN_SILENCE / 2, bytes(M), True))
    await link.cancel(5)
    assert pipes.requests == ["cancel", "status"]
    assert trio.current_time() < 1.5
    assert await is_in_step(pipes, link)


async def test_what_a_drain_that_was_given_up_had_got_is_dropped_too(autojump_clock: MockClock) -> None:
    """Whole packets in a transfer that never ends stay in the read that waits for more."""
    pipes = Pipes()
    link = UsbLink(pipes)
    await link.send(Request(Operation.GetObject, 5))
    pipes.coming.append((DRAIN_SILENCE / 2, response(5) + bytes(M - 12), False))
    await link.cancel(5)
    assert await is_in_step(pipes, link)


async def test_what_comes_just_when_the_drain_ends_is_dropped_too(autojump_clock: MockClock) -> None:
    pipes = Pipes()
    link = UsbLink(pipes)
    await link.send(Request(Operation.GetObject, 5))
    pipes.coming.append((DRAIN_SILENCE / 2, bytes(M), False))
    pipes.coming.append((DRAIN_SILENCE / 2 + DRAIN_SILENCE / 20, bytes(M), False))
    await link.cancel(5)
    assert await is_in_step(pipes, link)


async def test_the_camera_is_asked_until_it_is_idle(autojump_clock: MockClock) -> None:
    pipes = Pipes()
    pipes.statuses = [BUSY, BUSY, HALTED, IDLE]
    link = UsbLink(pipes)
    await link.send(Request(Operation.GetObject, 5))
    await link.cancel(5)
    assert pipes.requests == ["cancel", "status", "status", "status", "clear", "status"]
    assert await is_in_step(pipes, link)


@pytest.mark.parametrize("status", [BUSY, b"", b"\4", HALTED])
async def test_a_camera_that_never_is_idle(status: bytes, autojump_clock: MockClock) -> None:
    pipes = Pipes()
    pipes.statuses = [status]
    link = UsbLink(pipes)
    await link.send(Request(Operation.GetObject, 5))
    with pytest.raises(errors.TransferTimeout):
        await link.cancel(5)
    assert trio.current_time() <= 2


@pytest.mark.parametrize("request_", ["cancel", "status", "clear"])
async def test_a_camera_that_refuses_a_class_request(request_: str, autojump_clock: MockClock) -> None:
    pipes = Pipes()
    pipes.refuses = {request_}
    pipes.statuses = [HALTED, IDLE]
    link = UsbLink(pipes)
    await link.send(Request(Operation.GetObject, 5))
    with pytest.raises(errors.TransferStalled):
        await link.cancel(5)


async def test_a_reset(autojump_clock: MockClock) -> None:
    pipes = Pipes()
    link = UsbLink(pipes)
    await link.send(Request(Operation.GetObject, 5))
    pipes.coming.append((0.1, bytes(M), True))
    pipes.coming.append((0.1, errors.TransferStalled("halted"), False))
    await link.reset()
    assert pipes.requests == ["reset", "clear", "clear"]
    assert await is_in_step(pipes, link)


async def test_a_reset_that_the_camera_does_not_know(autojump_clock: MockClock) -> None:
    pipes = Pipes()
    pipes.refuses = {"reset"}
    link = UsbLink(pipes)
    await link.reset()
    assert pipes.requests == ["reset", "clear"]
    assert await is_in_step(pipes, link)


@pytest.mark.parametrize("ends", [False, True])
async def test_a_flood_is_not_drained_for_ever(ends: bool, autojump_clock: MockClock) -> None:
    pipes = Pipes()
    link = UsbLink(pipes)
    await link.send(Request(Operation.GetObject, 5))
    pipes.endless = lambda: (bytes(M), ends)
    with pytest.raises(errors.TransferTimeout):
        await link.cancel(5)
    with pytest.raises(errors.TransferTimeout):
        await link.reset()
    assert trio.current_time() <= 4
    pipes.endless = None
    await link.reset()
    assert await is_in_step(pipes, link)


async def test_a_halt_before_the_answer_is_cleared_and_the_answer_awaited() -> None:
    pipes = Pipes()
    pipes.coming.append((0, errors.TransferStalled("halted"), False))
    link = UsbLink(pipes)
    assert await is_in_step(pipes, link)
    assert pipes.requests == ["clear"]
    assert len(pipes.written) == 1


@pytest.mark.parametrize("head", [container(2, 0x1004, 77, b"\1\0\0\0abcd"), container(2, 0x1004, 77, length=20)])
async def test_a_halt_within_the_answer_is_an_error(head: bytes) -> None:
    """Bytes are lost then, and what follows would be taken for them."""
    pipes = Pipes()
    pipes.coming.append((0, head, True))
    pipes.coming.append((0, errors.TransferStalled("halted"), False))
    pipes.coming.append((0, response(77), True))
    link = UsbLink(pipes)
    with pytest.raises(errors.TransferStalled):
        await ask(link, 77)


async def test_two_halts_are_an_error() -> None:
    pipes = Pipes()
    for _ in range(2):
        pipes.coming.append((0, errors.TransferStalled("halted"), False))
    with pytest.raises(errors.TransferStalled):
        await ask(UsbLink(pipes), 77)


async def test_a_read_that_is_cancelled_loses_nothing(autojump_clock: MockClock) -> None:
    pipes = Pipes()
    link = UsbLink(pipes)
    data = container(2, 0x1004, 77, bytes(range(250)) * 8)
    pipes.coming.append((0, data[:M], False))
    pipes.coming.append((5, data[M:], True))
    pipes.coming.append((5, response(77), True))
    await link.send(Request(Operation.GetStorageIDs, 77))
    messages: list[Message] = []
    for _ in range(30):
        with trio.move_on_after(1):
            messages.append(await link.receive())
    payload = b"".join(bytes(each.payload) for each in messages if isinstance(each, Data))
    assert payload == data[12:]
    assert messages[-1] == Response(0x2001, 77)


async def test_events() -> None:
    pipes = Pipes()
    link = UsbLink(pipes)
    sent = [Event(0x4002, 0xFFFFFFFF, (number,)) for number in range(3)]
    pipes.events.append(encode_event(sent[0]) + encode_event(sent[1]))
    pipes.events.append(b"nonsense that is no event")
    pipes.events.append(encode_event(sent[2]))
    assert await link.receive_event() == sent[0]
    assert await link.receive_event() == sent[1]
    with pytest.raises(errors.RemoteProtocolError):
        await link.receive_event()
    assert await link.receive_event() == sent[2]


async def test_half_an_event_from_before_a_reset_is_forgotten(autojump_clock: MockClock) -> None:
    pipes = Pipes()
    link = UsbLink(pipes)
    event = Event(0x4002, 0xFFFFFFFF, (7,))
    pipes.events.append(encode_event(event)[:8])
    with trio.move_on_after(1):
        await link.receive_event()
    await link.reset()
    pipes.events.append(encode_event(event))
    assert await link.receive_event() == event

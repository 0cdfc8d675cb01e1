"""A transaction on a link that follows a script: how long it may take, and what it may bring."""

import itertools
from collections.abc import Iterable

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.ptp import transaction
from camfs.cameras.ptp.transaction import LONGEST_ANSWER, Reply, Sink
from camfs.protocols.ptp.codes import Operation, ResponseCode
from camfs.protocols.ptp.messages import Data, DataEnd, DataStart, Event, Message, Request, Response

REQUEST = Request(Operation.GetObjectInfo, 5, (1,))

OK = Response(ResponseCode.OK, 5)

Script = Iterable[tuple[float, Message]]
"""What a camera sends, each message with the seconds before it."""


def start(length: int | None) -> tuple[float, Message]:
    return 0, DataStart(REQUEST.code, 5, length)


class ScriptedLink:
    """A `Link` on which the camera sends what a script says."""

    def __init__(self, script: Script) -> None:
        self._script = iter(script)

    unfinished = 0

    async def send(self, *messages: Message) -> None:
        await trio.lowlevel.checkpoint()

    async def receive(self) -> Message:
        seconds, message = next(self._script)
        await trio.sleep(seconds)
        return message

    async def receive_event(self) -> Event:
        raise AssertionError

    async def cancel(self, transaction_id: int) -> None:
        raise AssertionError

    async def reset(self) -> None:
        raise AssertionError

    async def aclose(self) -> None:
        raise AssertionError


async def run(script: Script, sink: Sink | None = None, limit: int = 1 << 20) -> Reply:
    return await transaction.run(ScriptedLink(script), REQUEST, None, sink, limit, 10)


async def test_an_answer(autojump_clock: MockClock) -> None:
    reply = await run([start(6), (9, Data(b"abc")), (9, Data(b"def")), (9, DataEnd()), (9, OK)])
    assert reply.data == b"abcdef"


async def test_an_answer_that_trickles_in_without_end(autojump_clock: MockClock) -> None:
    with pytest.raises(errors.TransferTimeout, match="does not end"):
        await run(itertools.chain([start(None)], itertools.repeat((9, Data(b"x")))))
    assert trio.current_time() == LONGEST_ANSWER


async def test_empty_messages_without_end_are_silence(autojump_clock: MockClock) -> None:
    with pytest.raises(errors.TransferTimeout, match="no answer"):
        await run(itertools.chain([start(None)], itertools.repeat((0.01, Data(b"")))))
    assert trio.current_time() == pytest.approx(10, abs=0.1)


async def test_an_answer_to_a_sink_may_take_long(autojump_clock: MockClock) -> None:
    received = 0

    async def sink(data: bytes | memoryview) -> None:
        nonlocal received
        received += len(data)

    await run([start(None), *[(9, Data(b"x"))] * 100, (0, DataEnd()), (0, OK)], sink)
    assert received == 100
    assert trio.current_time() > LONGEST_ANSWER


@pytest.mark.parametrize("length", [1001, (1 << 64) - 2, None])
async def test_more_than_the_limit(length: int | None, autojump_clock: MockClock) -> None:
    with pytest.raises(errors.RemoteProtocolError, match="1000"):
        await run(itertools.chain([start(length)], itertools.repeat((0, Data(bytes(100))))), limit=1000)
    assert trio.current_time() == 0

"""One transaction on a link: the request, its data, the response; and what it may bring and how long it may take.

Nothing is repeated or put right here; `session` does that.
"""

import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import trio

from camfs import errors
from camfs.cameras.ptp.link import Link
from camfs.protocols.ptp.codes import Operation, ResponseCode, name_of, refusal
from camfs.protocols.ptp.messages import Data, DataEnd, DataStart, Request, Response

log = logging.getLogger(__name__)

LONGEST_ANSWER = 120.0
"""Seconds within which an answer must have come that is gathered in memory, however steadily it comes."""

Sink = Callable[[bytes | memoryview], Awaitable[None]]
"""Is handed the next bytes of a payload."""


@dataclass(frozen=True)
class Reply:
    """The result of a transaction: the payload (empty if it went to a sink) and the response's parameters."""

    data: bytes | memoryview
    parameters: tuple[int, ...]


async def run(
    link: Link,
    request: Request,
    data: bytes | None,
    sink: Sink | None,
    limit: int,
    timeout: float,
    on_length: Callable[[int | None], None] = lambda _: None,
) -> Reply:
    """Run a transaction to its response.

    Args:
        link: carries it.
        request: what is asked.
        data: the payload to send; None where none goes to the camera.
        sink: is handed the payload as it comes; without it the payload is gathered.
        limit: a payload of more bytes is an error.
        timeout: seconds without a byte of the answer after which it has failed. Empty messages do not count.
        on_length: called with the announced length of the payload as its data phase begins, None if the camera does not know it.

    Raises:
        Refused: the camera answered with a code other than OK, or the sink refused bytes (then `code` is None).
        TransferCut: it answered OK, but had sent fewer bytes than it had announced.
        TransferTimeout: nothing came in time, or the answer did not end within `LONGEST_ANSWER`.
        TransportError, RemoteProtocolError: it failed; the wire is out of step.
    """
    code, transaction_id = request.code, request.transaction_id
    pieces: list[bytes | memoryview] = []
    total, announced = 0, 0
    begun = trio.current_time()
    latest = math.inf if sink is not None else begun + max(timeout, LONGEST_ANSWER)
    try:
        with trio.fail_after(timeout) as time_limit:
            await link.send(request)
            if data is not None:
                await link.send(DataStart(code, transaction_id, len(data)), Data(data), DataEnd())
            while True:
                message = await link.receive()
                if not isinstance(message, Data) or len(message.payload):
                    time_limit.deadline = min(trio.current_time() + timeout, latest)
                match message:
                    case DataStart(length=length) if length is not None and length > limit:
                        raise errors.RemoteProtocolError(f"{length} bytes of data where at most {limit} can be right")
                    case DataStart(length=length):
                        announced = length or 0
                        on_length(length)
                    case Data(payload):
                        total += len(payload)
                        if total > limit:
                            raise errors.RemoteProtocolError(f"more than {limit} bytes of data")
                        if sink is None:
                            pieces.append(payload)
                        else:
                            await sink(payload)
                    case Response(code=ResponseCode.OK) if total < announced:
                        cut = errors.TransferCut(
                            f"{name_of(Operation, code)}: {total} bytes of data where {announced} were announced",
                            ResponseCode.IncompleteTransfer,
                        )
                        cut.sent = message.parameters[0] if message.parameters else None
                        raise cut
                    case Response(code=ResponseCode.OK):
                        log.debug("%s %s: OK, %d bytes", name_of(Operation, code), request.parameters, total)
                        return Reply(pieces[0] if len(pieces) == 1 else b"".join(pieces), message.parameters)
                    case Response():
                        log.debug("%s %s: 0x%04X", name_of(Operation, code), request.parameters, message.code)
                        raise refusal(code, message.code)
    except trio.TooSlowError:
        words = f"no answer in {timeout:g} s" if trio.current_time() < latest else "the answer does not end"
        failure = errors.TransferTimeout(f"{name_of(Operation, code)}: {words}")
        failure.unfinished = link.unfinished
        raise failure from None

"""One PTP session: transactions one at a time, and the ladder that brings a camera back into step.

`Session.transact` runs request, data and response; what the camera answers other than OK is raised as `Refused`. Everything else that
can go wrong (silence, stalls, garbage, a cancelled task) leaves the pipes in an unknown state, so before anything is raised:

1. the transaction is cancelled on the wire and drained (`Link.cancel`);
2. failing that, the device is reset (`Link.reset`) and a new session opened;
3. failing that, the session is marked broken, and the next transaction begins with step 2.

Each step is bounded in time. An operation that only reads is then tried once more. Opening follows libgphoto2 and go-mtpfs:
reference ptp, sections 7 and 14.
"""

import contextlib
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import trio

from camfs import errors
from camfs.cameras.ptp.link import Link
from camfs.cameras.ptp.priority_lock import PriorityLock
from camfs.protocols.ptp.codes import DATA_PHASES, DataPhase, Operation, ResponseCode, name_of, refusal
from camfs.protocols.ptp.messages import Data, DataEnd, DataStart, Request, Response

log = logging.getLogger(__name__)

SESSION_IDS = 10
"""Session ids tried while the camera answers InvalidTransactionID (libgphoto2)."""

RESETS = 3
"""Resets tried while opening."""

BUSY_STEPS = (0.05, 0.1, 0.15, *(0.2,) * 20)
"""Seconds waited before each repetition while the camera answers DeviceBusy; some four seconds in all."""

OPEN_TIMEOUT = 5.0
"""Seconds for OpenSession and CloseSession."""

FINISH = 2.0
"""Seconds that a transaction whose caller was cancelled has to come to its end by itself."""

REST = 2.0
"""Seconds after a failed opening in which no other is tried."""

SLOW_OPERATIONS = {
    Operation.GetObjectHandles,
    Operation.GetObjectPropList,
    Operation.GetNumObjects,
    Operation.DeleteObject,
    Operation.FormatStore,
    Operation.GetObject,
    Operation.InitiateCapture,
}
"""Operations that may take three times as long as others to begin their answer (reference ptp, section 10)."""

MAX_DATASET = 64 << 20
"""Bytes of a data phase that are gathered in memory unless the caller says less: a list of sixteen million handles."""

MAX_DEVICE_INFO = 64 << 10
"""The same for what a camera says of itself."""

Sink = Callable[[bytes | memoryview], Awaitable[None]]
"""Takes the next bytes of a payload."""


@dataclass(frozen=True)
class Reply:
    """What a transaction brought: the payload (empty if it went to a sink) and the response's parameters."""

    data: bytes | memoryview
    parameters: tuple[int, ...]


class Session:
    """A PTP session over a link.

    Args:
        link: carries the messages.
        timeout: seconds without a byte from the camera after which a transaction has failed.
        on_reopen: called after the session was lost and opened again, so that handles may mean other objects.
    """

    def __init__(self, link: Link, timeout: float = 10.0, on_reopen: Callable[[], None] = lambda: None) -> None:
        self._link = link
        self._timeout = timeout
        self._on_reopen = on_reopen
        self._turns = PriorityLock()
        self._open = False
        self._gone = False
        self._sessions = 0
        self._next_id = 0
        self._rest_until = -math.inf
        self._current_id: int | None = None
        self._current_scope: trio.CancelScope | None = None

    @property
    def gone(self) -> bool:
        """Whether the camera has left; `reattach` brings it back."""
        return self._gone

    def mark_gone(self) -> None:
        """Let every later transaction fail at once with `DeviceGone`, until `reattach`."""
        self._gone = True
        if self._current_scope is not None:
            self._current_scope.cancel()

    async def open(self) -> None:
        """Open the session, whatever a previous program left behind.

        Raises:
            CameraError: the camera took none of it; the last failure.
        """
        async with self._turns.taken():
            await self._open_session(fresh=False)

    async def reattach(self, link: Link, recognise: Callable[[bytes | memoryview], None]) -> None:
        """Go on over another link with a camera that was gone: in a new session, so handles may mean other objects.

        Args:
            link: to a camera; the caller's to close if this fails.
            recognise: told what it answers to GetDeviceInfo; raises a `CameraError` if it is another camera.

        Raises:
            CameraError: it is another, or takes no session. The camera is gone as before.
        """
        async with self._turns.taken(urgent=True):
            before, self._link = self._link, link
            try:
                await self._open_session(fresh=False)
                request = Request(Operation.GetDeviceInfo, self._take_id())
                recognise((await self._attempt(request, None, None, MAX_DEVICE_INFO, OPEN_TIMEOUT)).data)
            except BaseException:
                self._open, self._link = False, before
                raise
            self._rest_until = -math.inf
            self._gone = False
            self._on_reopen()

    async def close(self) -> None:
        """Close the session if it is open and the camera there. Never raises `CameraError`."""
        async with self._turns.taken(urgent=True):
            if self._open and not self._gone:
                self._open = False
                try:
                    await self._attempt(Request(Operation.CloseSession, self._take_id()), None, None, 0, OPEN_TIMEOUT)
                except errors.CameraError as error:
                    log.info("closing the session: %s", error)

    def cancelled_by_camera(self, transaction_id: int) -> None:
        """Hear the event CancelTransaction: the transaction under way fails, is drained, and if it only read is repeated."""
        if self._current_scope is not None and transaction_id in (self._current_id, 0xFFFFFFFF):
            self._current_scope.cancel()

    async def transact(
        self,
        operation: int,
        *parameters: int,
        data: bytes | None = None,
        sink: Sink | None = None,
        limit: int = MAX_DATASET,
        timeout: float | None = None,
        repeatable: bool | None = None,
        same_session: bool = False,
        urgent: bool = False,
        waits_while_busy: bool = True,
    ) -> Reply:
        """Run one transaction.

        Args:
            operation: the operation code.
            parameters: up to five.
            data: what goes to the camera, for an operation whose data go out.
            sink: takes the payload as it comes instead of gathering it; such a transaction is not repeated by itself.
            limit: bytes of payload beyond which the camera's answer is an error.
            timeout: seconds without a byte, if not the session's.
            repeatable: whether the operation may be sent again after a failure; if not given, whether its data come in.
            same_session: do it in the session that is open now or not at all, as handles may mean other objects in the next.
            urgent: go before those that wait for their turn and are not.
            waits_while_busy: repeat what is answered DeviceBusy, after a while; else that is raised at once.

        Raises:
            Refused: the camera answered with another code than OK, or did not take a session.
            TransportError, RemoteProtocolError: it did not, and could not be made to; the wire is in step again, or the next
                transaction will begin by putting it there.
        """
        if timeout is None:
            timeout = self._timeout * (3 if operation in SLOW_OPERATIONS else 1)
        if repeatable is None:
            repeatable = sink is None and DATA_PHASES.get(operation) is DataPhase.IN
        busy = iter(BUSY_STEPS if waits_while_busy else ())
        repeated = reopened = False
        session = self._sessions
        taken = False

        async def taking(payload: bytes | memoryview) -> None:
            nonlocal taken
            taken = True
            assert sink is not None
            await sink(payload)

        while True:
            sent = False
            try:
                self._check_there()  # at once: whoever looks for the camera may hold the turn long
                async with self._turns.taken(urgent):
                    self._check_there()
                    if not self._open:
                        await self._reopen()
                    if same_session and session != self._sessions:
                        raise errors.Refused("the session was lost; nothing was done")
                    sent = True
                    request = Request(operation, self._take_id(), parameters)
                    return await self._guarded(request, data, taking if sink is not None else None, limit, timeout)
            except errors.DeviceGone:
                self._gone = True
                raise
            except errors.Refused as error:
                if taken:
                    raise
                if error.code == ResponseCode.DeviceBusy:
                    delay = next(busy, None)
                    if delay is None:
                        raise
                    await trio.sleep(delay)
                elif error.code in _WITHOUT_SESSION and not reopened:
                    reopened, self._open = True, False
                elif error.code in _PASSING and repeatable and not repeated:
                    repeated = True
                else:
                    raise
            except (errors.TransportError, errors.RemoteProtocolError) as error:
                if not sent or not repeatable or repeated:
                    raise
                log.info("%s: %s; once more", name_of(Operation, operation), error)
                repeated = True

    def _check_there(self) -> None:
        if self._gone:
            raise errors.DeviceGone("the camera is gone")

    async def _guarded(
        self, request: Request, data: bytes | None, sink: Sink | None, limit: int, timeout: float
    ) -> Reply:
        """Run a transaction and, if it fails or is cancelled half way, bring the wire back into step."""
        try:
            return await self._attempt(request, data, sink, limit, timeout)
        except errors.LocalProtocolError:
            self._next_id = request.transaction_id
            raise
        except errors.DeviceGone:
            raise
        except BaseException as error:
            if isinstance(error, errors.Refused) and error.code is not None:
                raise  # the camera's answer; without a code it is the sink's, and there is more to come
            with trio.CancelScope(shield=True):
                if isinstance(error, trio.Cancelled):
                    if sink is None and await self._finish():
                        raise
                else:
                    log.info("%s: %s", name_of(Operation, request.code), error)
                await self._recover(request.transaction_id)
            raise

    async def _finish(self) -> bool:
        """Take the rest of a short transaction whose caller was cancelled; a Cancel on the wire upsets cameras (libgphoto2)."""
        with trio.move_on_after(FINISH), contextlib.suppress(errors.CameraError):
            while not isinstance(await self._link.receive(), Response):
                pass
            return True
        return False

    async def _attempt(
        self, request: Request, data: bytes | None, sink: Sink | None, limit: int, timeout: float
    ) -> Reply:
        code, transaction_id = request.code, request.transaction_id
        pieces: list[bytes | memoryview] = []
        total = 0
        self._current_id = transaction_id
        with trio.CancelScope() as self._current_scope:
            try:
                with trio.fail_after(timeout) as patience:
                    await self._link.send(request)
                    if data is not None:
                        await self._link.send(DataStart(code, transaction_id, len(data)), Data(data), DataEnd())
                    while True:
                        message = await self._link.receive()
                        patience.deadline = trio.current_time() + timeout
                        match message:
                            case DataStart(length=length) if length is not None and length > limit:
                                raise errors.RemoteProtocolError(f"{length} bytes of data where {limit} are too many")
                            case Data(payload):
                                total += len(payload)
                                if total > limit:
                                    raise errors.RemoteProtocolError(f"more than {limit} bytes of data")
                                if sink is None:
                                    pieces.append(payload)
                                else:
                                    await sink(payload)
                            case Response(code=ResponseCode.OK):
                                log.debug("%s %s: OK, %d bytes", name_of(Operation, code), request.parameters, total)
                                return Reply(pieces[0] if len(pieces) == 1 else b"".join(pieces), message.parameters)
                            case Response():
                                log.debug("%s %s: 0x%04X", name_of(Operation, code), request.parameters, message.code)
                                raise refusal(code, message.code)
            except trio.TooSlowError:
                raise errors.TransferTimeout(f"no answer in {timeout:g} s") from None
            finally:
                self._current_id = self._current_scope = None
        if self._gone:
            raise errors.DeviceGone("the camera is gone")
        raise errors.TransferStalled("the camera cancelled the transaction")

    async def _recover(self, transaction_id: int) -> None:
        try:
            await self._link.cancel(transaction_id)
        except errors.DeviceGone:
            self._gone = True
        except errors.CameraError as error:
            log.info("cancelling: %s", error)
            self._open = False

    def _take_id(self) -> int:
        """Return the next transaction id: after 0xFFFFFFFE comes 1."""
        transaction_id = self._next_id
        self._next_id = transaction_id + 1 if transaction_id < 0xFFFFFFFE else 1
        return transaction_id

    async def _reopen(self) -> None:
        """Reset and open again, but not while it is still certain to fail: a dead camera is asked once in two seconds."""
        if trio.current_time() < self._rest_until:
            raise errors.TransferTimeout("the camera does not answer")
        try:
            await self._open_session(fresh=True)
        except errors.CameraError as error:
            self._rest_until = trio.current_time() + REST
            if isinstance(error, errors.Refused):  # of the session, not of what was asked for
                raise errors.TransportError(f"the camera takes no session: {error}") from None
            raise

    async def _open_session(self, fresh: bool) -> None:
        """Climb the ladder of OpenSession; `fresh` says that the device has to be reset first."""
        session_id = 1
        busy = iter(BUSY_STEPS)
        failure: errors.CameraError | None = None
        for resets in range(RESETS + 1):
            try:
                if fresh or resets:
                    await self._link.reset()
                while True:
                    try:
                        await self._send_open(session_id)
                    except errors.Refused as error:
                        if error.code == ResponseCode.DeviceBusy and (delay := next(busy, None)) is not None:
                            await trio.sleep(delay)
                            continue
                        if error.code != ResponseCode.InvalidTransactionID or session_id >= SESSION_IDS:
                            raise
                        session_id += 1
                        continue
                    self._open = True
                    self._sessions += 1
                    if fresh:
                        self._on_reopen()
                    return
            except errors.DeviceGone:
                self._gone = True
                raise
            except errors.CameraError as error:
                log.info("opening the session: %s", error)
                failure, session_id = error, 1
                if isinstance(error, errors.TransferTimeout) and (fresh or resets):
                    break
        assert failure is not None
        raise failure

    async def _send_open(self, session_id: int) -> None:
        for attempt in (1, 2):
            self._next_id = 0
            try:
                await self._attempt(
                    Request(Operation.OpenSession, self._take_id(), (session_id,)), None, None, 0, OPEN_TIMEOUT
                )
                return
            except errors.Refused as error:
                if error.code != ResponseCode.SessionAlreadyOpened or attempt == 2:
                    if error.code == ResponseCode.SessionAlreadyOpened:
                        return  # as libgphoto2 does: go on in the open session
                    raise
            try:
                await self._attempt(Request(Operation.CloseSession, self._take_id()), None, None, 0, OPEN_TIMEOUT)
            except errors.Refused as error:
                log.info("closing a previous program's session: %s", error)
                return


_WITHOUT_SESSION = {ResponseCode.SessionNotOpen, ResponseCode.InvalidTransactionID}
"""Refusals that say that the camera knows nothing of our session (reference ptp, section 6): nothing was done."""

_PASSING = {ResponseCode.GeneralError, ResponseCode.IncompleteTransfer}
"""Failures that an idempotent read may overcome by being repeated once."""

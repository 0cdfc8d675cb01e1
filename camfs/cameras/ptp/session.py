"""One PTP session: it runs transactions one at a time, and a ladder of recovery brings a camera back into step.

`Session.transact` runs request, data and response. A response other than OK is raised as `Refused`: the wire is in step, and the next
transaction may follow at once. Everything else that can go wrong (silence, a stall, garbage, a cancelled task) leaves the wire in an
unknown state, which is put right before anything else is sent::

                   open                        the transaction fails, or its caller is cancelled
    not open ─────────────────► OPEN ─────────────────────────────► recovering
                                ▲ ▲                                    │
                                │ └── 1. Link.cancel: the camera is ◄──┤
                                │        idle again, session kept      │ the camera does not become idle
                                │                                      ▼
                                └── 2. Link.reset and OpenSession: ◄─ BROKEN ◄───────────┐
                                       a new session, in which         │ they fail       │
                                       handles may mean other          ▼                 │ after REST seconds
                                       objects (`on_reopen`)        3. resting ──────────┘
                                                                       every transaction fails at once

    any state ── DeviceGone ──► GONE (every transaction fails at once) ── reattach ──► OPEN

Step 1 is done before the failure is raised, step 2 by the transaction that comes next. Each step is bounded in time. An operation that
only reads is then tried once more, so most of its callers never hear of a failure. When a caller is cancelled, a transaction without a
sink first gets `FINISH` seconds to end by itself, which needs no recovery. A camera that says that it knows no session (SessionNotOpen)
is in state BROKEN too: the transaction is repeated in a new session, once, as nothing was done.

Opening follows libgphoto2 and go-mtpfs; see camfs/protocols/ptp/README.md, "Sessions and transaction ids".
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
"""How many session ids are tried while the camera answers InvalidTransactionID (as libgphoto2 does)."""

RESETS = 3
"""How many resets are tried while opening."""

BUSY_STEPS = (0.05, 0.1, 0.15, *(0.2,) * 20)
"""Seconds to wait before each repetition while the camera answers DeviceBusy; about four seconds in all."""

OPEN_TIMEOUT = 5.0
"""Seconds for what opens or closes a session."""

FINISH = 2.0
"""Seconds that a transaction has to end by itself after its caller was cancelled."""

REST = 2.0
"""Seconds after a failed reopening in which no other is tried."""

SLOW_OPERATIONS = {
    Operation.GetObjectHandles,
    Operation.GetObjectPropList,
    Operation.GetNumObjects,
    Operation.DeleteObject,
    Operation.FormatStore,
    Operation.GetObject,
    Operation.InitiateCapture,
}
"""Operations that may take three times as long as others to begin their answer.

See camfs/protocols/ptp/README.md, "Time-outs in practice".
"""

MAX_DATASET = 64 << 20
"""Most bytes of a data phase that are gathered in memory, unless the caller sets a lower limit: a list of sixteen million handles."""

MAX_DEVICE_INFO = 64 << 10
"""Most bytes of a DeviceInfo."""

Sink = Callable[[bytes | memoryview], Awaitable[None]]
"""Is handed the next bytes of a payload."""


@dataclass(frozen=True)
class Reply:
    """The result of a transaction: the payload (empty if it went to a sink) and the response's parameters."""

    data: bytes | memoryview
    parameters: tuple[int, ...]


class Session:
    """A PTP session over a link.

    Args:
        link: carries the messages.
        timeout: seconds without a byte from the camera after which a transaction has failed.
        on_reopen: called after the session was lost and opened again, so that handles may mean other objects.
    """

    def __init__(self, link: Link, timeout: float, on_reopen: Callable[[], None] = lambda: None) -> None:
        self._link = link
        self._timeout = timeout
        self._on_reopen = on_reopen
        self._lock = PriorityLock()
        self._open = False
        self._gone = False
        self._sessions_opened = 0
        self._next_id = 0
        self._rest_until = -math.inf
        self._current_id: int | None = None
        self._current_scope: trio.CancelScope | None = None

    @property
    def gone(self) -> bool:
        """Whether the camera has left; `reattach` brings it back."""
        return self._gone

    def mark_gone(self) -> None:
        """Make every transaction fail at once with `DeviceGone`, until `reattach`; the one under way too."""
        self._gone = True
        if self._current_scope is not None:
            self._current_scope.cancel()

    async def open(self) -> None:
        """Open the session, in whatever state a previous program left the camera.

        Raises:
            CameraError: it cannot be opened; this is the last failure.
        """
        async with self._lock.acquired():
            await self._open_session(fresh=False)

    async def reattach(self, link: Link, recognise: Callable[[bytes | memoryview], None]) -> None:
        """Go on over another link with a camera that was gone. The session is a new one, so handles may mean other objects.

        Args:
            link: leads to a camera; if this fails, the caller closes it.
            recognise: is given the camera's DeviceInfo, and raises a `CameraError` if it is another camera.

        Raises:
            CameraError: it is another camera, or it opens no session. The old camera is gone as before.
        """
        async with self._lock.acquired(urgent=True):
            before, self._link = self._link, link
            try:
                await self._open_session(fresh=False)
                recognise((await self._ask(Operation.GetDeviceInfo, limit=MAX_DEVICE_INFO)).data)
            except BaseException:
                self._open, self._link = False, before
                raise
            self._rest_until = -math.inf
            self._gone = False
            self._on_reopen()

    async def close(self) -> None:
        """Close the session if it is open and the camera is there; never raises `CameraError`."""
        async with self._lock.acquired(urgent=True):
            if self._open and not self._gone:
                self._open = False
                try:
                    await self._ask(Operation.CloseSession)
                except errors.CameraError as error:
                    log.info("closing the session: %s", error)

    def cancelled_by_camera(self, transaction_id: int) -> None:
        """Handle the event CancelTransaction: the transaction under way fails and is drained, and is repeated if it only reads."""
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
            data: the payload to send, for an operation whose data go to the camera.
            sink: is handed the payload as it comes, which then is not gathered; such a transaction is not repeated by default.
            limit: a payload of more bytes is an error.
            timeout: seconds without a byte after which it has failed; None for the session's own time-out.
            repeatable: whether the operation may be sent again after a failure; by default, those whose data come in may.
            same_session: run it only in the session that is open now, as handles may mean other objects in the next.
            urgent: go before the callers in the queue that are not urgent.
            waits_while_busy: when the answer is DeviceBusy, wait and repeat; else raise it at once.

        Raises:
            Refused: the camera answered with a code other than OK, or `same_session` could not be kept.
            TransportError, RemoteProtocolError: there was no such answer. The wire is in step again, or the next transaction
                begins by bringing it there.
        """
        if timeout is None:
            timeout = self._timeout * (3 if operation in SLOW_OPERATIONS else 1)
        if repeatable is None:
            repeatable = sink is None and DATA_PHASES.get(operation) is DataPhase.IN
        busy = iter(BUSY_STEPS if waits_while_busy else ())
        repeated = reopened = False
        session = self._sessions_opened if same_session else None
        sink_has_bytes = False

        async def note_and_pass_on(payload: bytes | memoryview) -> None:
            nonlocal sink_has_bytes
            sink_has_bytes = True
            assert sink is not None
            await sink(payload)

        while True:
            sent = False
            try:
                self._check_not_gone()  # before waiting: a `reattach` may hold the lock for long
                async with self._lock.acquired(urgent):
                    await self._require_session(session)
                    sent = True
                    request = Request(operation, self._new_id(), parameters)
                    receiver = None if sink is None else note_and_pass_on
                    return await self._guarded(request, data, receiver, limit, timeout)
            except errors.DeviceGone:
                self._gone = True
                raise
            except errors.Refused as error:
                if sink_has_bytes:
                    raise
                if error.code == ResponseCode.DeviceBusy:
                    delay = next(busy, None)
                    if delay is None:
                        raise
                    await trio.sleep(delay)
                elif error.code in _NO_SESSION and not reopened:
                    reopened, self._open = True, False
                elif error.code in _TRANSIENT and repeatable and not repeated:
                    repeated = True
                else:
                    raise
            except (errors.TransportError, errors.RemoteProtocolError) as error:
                if not sent or not repeatable or repeated:
                    raise
                log.info("%s: %s; once more", name_of(Operation, operation), error)
                repeated = True

    async def _require_session(self, number: int | None) -> None:
        """See that a session is open, and that it is still the one with this number if a number is given."""
        self._check_not_gone()
        if not self._open:
            await self._reopen()
        if number not in (None, self._sessions_opened):
            raise errors.Refused("the session was lost; nothing was done")

    def _check_not_gone(self) -> None:
        if self._gone:
            raise errors.DeviceGone("the camera is gone")

    async def _guarded(
        self, request: Request, data: bytes | None, sink: Sink | None, limit: int, timeout: float
    ) -> Reply:
        """Run a transaction; if it fails or is cancelled half way, bring the wire back into step."""
        try:
            return await self._attempt(request, data, sink, limit, timeout)
        except errors.LocalProtocolError:
            self._next_id = request.transaction_id
            raise
        except errors.DeviceGone:
            raise
        except BaseException as error:
            if isinstance(error, errors.Refused) and error.code is not None:
                raise  # the camera's answer; a refusal without a code comes from the sink, and the camera has more to send
            with trio.CancelScope(shield=True):
                if isinstance(error, trio.Cancelled):
                    if sink is None and await self._finish():
                        raise
                else:
                    log.info("%s: %s", name_of(Operation, request.code), error)
                await self._recover(request.transaction_id)
            raise

    async def _finish(self) -> bool:
        """Receive the rest of a short transaction whose caller was cancelled: a Cancel on the wire upsets cameras (libgphoto2)."""
        with trio.move_on_after(FINISH), contextlib.suppress(errors.CameraError):
            while not isinstance(await self._link.receive(), Response):
                pass
            return True
        return False

    async def _ask(self, operation: int, *parameters: int, limit: int = 0) -> Reply:
        """Run a transaction that opens or closes a session: without a retry, and without recovery."""
        request = Request(operation, self._new_id(), parameters)
        return await self._attempt(request, None, None, limit, OPEN_TIMEOUT)

    async def _attempt(
        self, request: Request, data: bytes | None, sink: Sink | None, limit: int, timeout: float
    ) -> Reply:
        code, transaction_id = request.code, request.transaction_id
        pieces: list[bytes | memoryview] = []
        total = 0
        self._current_id = transaction_id
        with trio.CancelScope() as self._current_scope:
            try:
                with trio.fail_after(timeout) as time_limit:
                    await self._link.send(request)
                    if data is not None:
                        await self._link.send(DataStart(code, transaction_id, len(data)), Data(data), DataEnd())
                    while True:
                        message = await self._link.receive()
                        time_limit.deadline = trio.current_time() + timeout
                        match message:
                            case DataStart(length=length) if length is not None and length > limit:
                                raise errors.RemoteProtocolError(
                                    f"{length} bytes of data where at most {limit} can be right"
                                )
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
        """Take step 1 of the ladder; where it fails, the next transaction takes step 2."""
        try:
            await self._link.cancel(transaction_id)
        except errors.DeviceGone:
            self._gone = True
        except errors.CameraError as error:
            log.info("cancelling: %s", error)
            self._open = False

    def _new_id(self) -> int:
        """Return the next transaction id: after 0xFFFFFFFE comes 1."""
        transaction_id = self._next_id
        self._next_id = transaction_id + 1 if transaction_id < 0xFFFFFFFE else 1
        return transaction_id

    async def _reopen(self) -> None:
        """Reset and open again. A dead camera is asked only once in `REST` seconds; in between this fails at once."""
        if trio.current_time() < self._rest_until:
            raise errors.TransferTimeout("the camera does not answer")
        try:
            await self._open_session(fresh=True)
        except errors.CameraError as error:
            self._rest_until = trio.current_time() + REST
            if isinstance(error, errors.Refused):  # it refused OpenSession, not what the caller asked for
                raise errors.TransportError(f"the camera opens no session: {error}") from None
            raise

    async def _open_session(self, fresh: bool) -> None:
        """Open a session, with other session ids and resets where they are needed; `fresh`: reset the device first."""
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
                    self._sessions_opened += 1
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
        """Send OpenSession; a session that a previous program left open is closed first, if the camera closes it."""
        for attempt in (1, 2):
            self._next_id = 0
            try:
                await self._ask(Operation.OpenSession, session_id)
                return
            except errors.Refused as error:
                if error.code != ResponseCode.SessionAlreadyOpened:
                    raise
                if attempt == 2:
                    return  # go on in the session that is open, as libgphoto2 does
            try:
                await self._ask(Operation.CloseSession)
            except errors.Refused as error:
                log.info("closing a previous program's session: %s", error)
                return


_NO_SESSION = {ResponseCode.SessionNotOpen, ResponseCode.InvalidTransactionID}
"""Refusals that say that the camera knows nothing of our session, and so has done nothing."""

_TRANSIENT = {ResponseCode.GeneralError, ResponseCode.IncompleteTransfer}
"""Refusals that an operation which only reads may overcome by being repeated once."""

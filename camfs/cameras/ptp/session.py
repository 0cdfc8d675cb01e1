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

Step 1 is done before the failure is raised; so is step 2 if it takes no longer than a reset, else the transaction that comes next begins
with it. Each step is bounded in time. When a caller is cancelled, a transaction without a sink first gets `FINISH` seconds to end by
itself, which needs no recovery.

What is sent once more, if the caller's time allows it (the deadline of the cancel scope that it runs in):

* An operation that only reads, after step 1: at once. After a failure that needs step 2 it rests first (`rests`), as it may be this very
  question that the camera cannot stand. So most callers never hear of a failure that passes, and one that stays costs two attempts. The
  caller must have time for one more silence and for step 2 after it, so that it can still do something else if the second fails too.
* An operation that was answered with DeviceBusy, in the steps of `BUSY_STEPS`.
* An operation that was answered with SessionNotOpen. If GetStorageIDs is answered so too, the camera is in state BROKEN, nothing was done,
  and the operation is repeated in a new session. Otherwise the session lives and the answer is believed: some cameras give it for what
  they will not tell (camfs/protocols/ptp/README.md, "Answers that mean something else").

A transaction fails when nothing of its answer comes for the time-out. Slow operations have three times as long, though never longer than
their caller. An answer that trickles in without end fails after `LONGEST_ANSWER`, unless it goes to a sink.
Opening follows libgphoto2 and go-mtpfs; see camfs/protocols/ptp/README.md, "Sessions and transaction ids".
"""

import contextlib
import logging
import math
from collections.abc import Callable

import trio

from camfs import errors
from camfs.cameras.ptp import transaction
from camfs.cameras.ptp.attempts import BUSY_STEPS, Attempts, patience_with, time_left
from camfs.cameras.ptp.link import Link
from camfs.cameras.ptp.opening import open_session
from camfs.cameras.ptp.priority_lock import PriorityLock
from camfs.cameras.ptp.rests import Question, RestingRequests
from camfs.cameras.ptp.transaction import Reply, Sink
from camfs.protocols.ptp.codes import DATA_PHASES, DataPhase, Operation, ResponseCode, name_of
from camfs.protocols.ptp.datasets import DeviceInfo
from camfs.protocols.ptp.makers import forgets_with_session, loses_next_session
from camfs.protocols.ptp.messages import Request, Response

log = logging.getLogger(__name__)

OPEN_TIMEOUT = 5.0
"""Seconds for what opens or closes a session."""

FINISH = 1.0
"""Seconds that a transaction has to end by itself after its caller was cancelled."""

RESET_TIME = 3.0
"""Seconds within which a camera that lives opens a session again; a reset of the link takes two at most."""

REST = 2.0
"""Seconds after a failed reopening in which no other is tried."""

MAX_DATASET = 64 << 20
"""Most bytes of a data phase that are gathered in memory, unless the caller sets a lower limit: a list of sixteen million handles."""

MAX_DEVICE_INFO = 64 << 10
"""Most bytes of a DeviceInfo."""


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
        self._rests = RestingRequests()
        self._answered_without_session: set[Question] = set()
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
            self.forget_failures()
            self._gone = False
            self._on_reopen()

    def forget_failures(self) -> None:
        """Ask again what the camera has failed to answer."""
        self._rests.clear()
        self._answered_without_session.clear()

    async def close(self) -> None:
        """Close the session if it is open and the camera is there; never raises `CameraError`."""
        async with self._lock.acquired(urgent=True):
            if self._open and not self._gone:
                self._open = False
                try:
                    await self._ask(Operation.CloseSession)
                except errors.CameraError as error:
                    log.info("closing the session: %s", error)

    async def renew(self) -> None:
        """Close the session and open another, as some bodies return to the photographer only so; handles may mean other objects then.

        Raises:
            CameraError: no other can be opened; this is the last failure.
        """
        async with self._lock.acquired(urgent=True):
            self._check_not_gone()
            if self._open:
                self._open = False
                try:
                    await self._ask(Operation.CloseSession)
                except errors.Refused as error:
                    log.info("closing the session: %s", error)
            await self._open_session(fresh=False)
            self._on_reopen()

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
        still: Callable[[], bool] = lambda: True,
        urgent: bool = False,
        waits_while_busy: bool = True,
        on_length: Callable[[int | None], None] = lambda _: None,
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
            still: asked just before the request is sent, which may be long after the call; where it says False nothing is sent.
            urgent: go before the callers in the queue that are not urgent.
            waits_while_busy: when the answer is DeviceBusy, wait and repeat; else raise it at once.
            on_length: called with the announced length of the payload as its data phase begins, None if the camera does not know it.

        Raises:
            Refused: the camera answered with a code other than OK, or `same_session` or `still` did not hold.
            TransferCut: it answered OK, but had sent fewer bytes than it had announced.
            TransportError, RemoteProtocolError: there was no such answer. The wire is in step again, or the next transaction
                begins by bringing it there.
        """
        if repeatable is None:
            repeatable = sink is None and DATA_PHASES.get(operation) is DataPhase.IN
        attempts = Attempts((operation, parameters), repeatable, iter(BUSY_STEPS if waits_while_busy else ()))
        session = self._sessions_opened if same_session else None
        sink_has_bytes = False

        async def note_and_pass_on(payload: bytes | memoryview) -> None:
            nonlocal sink_has_bytes
            sink_has_bytes = True
            assert sink is not None
            await sink(payload)

        while True:
            attempts.session = None
            try:
                self._check(attempts)  # before waiting: a `reattach` may hold the lock for long
                async with self._lock.acquired(urgent):
                    self._check(attempts)  # somebody else may have asked the same meanwhile
                    await self._require_session(session)
                    if not still():
                        raise errors.Refused("the card was changed meanwhile; nothing was done")
                    attempts.session = self._sessions_opened
                    patience = patience_with(operation, self._timeout) if timeout is None else timeout
                    request = Request(operation, self._new_id(), parameters)
                    receiver = None if sink is None else note_and_pass_on
                    reply = await self._guarded(request, data, receiver, limit, patience, on_length)
                self._rests.remove(attempts.question)
                return reply
            except errors.DeviceGone:
                self._gone = True
                raise
            except errors.Refused as error:
                if attempts.session is None or sink_has_bytes:
                    raise
                await self._after_refusal(attempts, error, urgent)
            except (errors.TransportError, errors.RemoteProtocolError) as error:
                if attempts.session is None:
                    raise
                await self._after_failure(attempts, error)

    def _check(self, attempts: Attempts) -> None:
        """See that it makes sense to send a request.

        Raises:
            DeviceGone: the camera is gone.
            CameraError: the request rests; this is how it failed.
        """
        self._check_not_gone()
        if attempts.repeatable and not attempts.repeated:
            self._rests.check(attempts.question)

    async def _after_refusal(self, attempts: Attempts, error: errors.Refused, urgent: bool) -> None:
        """Return when the request may be sent again after the camera's answer, or raise that answer."""
        if error.code not in _NO_SESSION:
            self._rests.remove(attempts.question)
        if error.code == ResponseCode.DeviceBusy:
            delay = next(attempts.busy, math.inf)
            if delay >= time_left():
                raise error
            await trio.sleep(delay)
        elif error.code in _NO_SESSION and not attempts.reopened:
            if not await self._is_session_lost(attempts, error.code, urgent):
                raise error
            attempts.reopened = True
        elif error.code in _TRANSIENT and attempts.repeatable and not attempts.repeated:
            attempts.repeated = True
        else:
            if error.code in _NO_SESSION and attempts.repeatable:
                self._rests.add(attempts.question, error)  # each further attempt would cost a session
            raise error

    async def _after_failure(self, attempts: Attempts, error: errors.CameraError) -> None:
        """Return when the request may be sent again after there was no answer, or raise the failure."""
        rest = 0.0
        if attempts.repeatable and (not self._open or isinstance(error, errors.TransferTimeout)):
            rest = self._rests.add(attempts.question, error)
        pause = 0.0 if self._open else rest
        if not attempts.repeatable or attempts.repeated or pause + self._timeout + RESET_TIME > time_left():
            await self._see_whether_it_lives()
            self._check_not_gone()
            raise error
        log.info("%s; once more", error)
        attempts.repeated = True
        await trio.sleep(pause)

    async def _see_whether_it_lives(self) -> None:
        """Take step 2 of the ladder now, if it is due and takes no longer than a reset: if the camera has left, all shall know at once."""
        if self._open or self._gone or time_left() <= 0:
            return
        with trio.CancelScope(shield=True), trio.move_on_after(RESET_TIME), contextlib.suppress(errors.CameraError):
            async with self._lock.acquired(urgent=True):
                await self._require_session(None)

    async def _is_session_lost(self, attempts: Attempts, code: int, urgent: bool) -> bool:
        """Find out whether a camera that says so knows no session; if so, the next transaction opens another."""
        question = attempts.question
        if question in self._answered_without_session:
            return False
        async with self._lock.acquired(urgent):
            if attempts.session != self._sessions_opened or not self._open:
                return True
            if code == ResponseCode.SessionNotOpen and question[0] != Operation.GetStorageIDs:
                try:
                    request = Request(Operation.GetStorageIDs, self._new_id(), ())
                    await self._guarded(request, None, None, MAX_DATASET, self._timeout)
                    code = ResponseCode.OK
                except errors.Refused as error:
                    code = error.code or ResponseCode.OK
                except errors.DeviceGone:
                    self._gone = True
                    raise
                except errors.CameraError as error:
                    log.info("asking for the session: %s", error)
            if code in _NO_SESSION:
                self._open = False
                return True
        log.info("%s: no session, says the camera, and has one", name_of(Operation, question[0]))
        self._answered_without_session.add(question)
        return False

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
        self,
        request: Request,
        data: bytes | None,
        sink: Sink | None,
        limit: int,
        timeout: float,
        on_length: Callable[[int | None], None] = lambda _: None,
    ) -> Reply:
        """Run a transaction; if it fails or is cancelled half way, bring the wire back into step."""
        try:
            return await self._attempt(request, data, sink, limit, timeout, on_length)
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
        self,
        request: Request,
        data: bytes | None,
        sink: Sink | None,
        limit: int,
        timeout: float,
        on_length: Callable[[int | None], None] = lambda _: None,
    ) -> Reply:
        """Run a transaction, which the camera and `mark_gone` may cancel."""
        self._current_id = request.transaction_id
        with trio.CancelScope() as self._current_scope:
            try:
                return await transaction.run(self._link, request, data, sink, limit, timeout, on_length)
            finally:
                self._current_id = self._current_scope = None
        self._check_not_gone()
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
        """Open a session; `fresh`: reset the device first."""
        try:
            await open_session(self._link.reset, self._send_open, fresh)
        except errors.DeviceGone:
            self._gone = True
            raise
        self._open = True
        self._sessions_opened += 1
        if fresh:
            self._on_reopen()

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
                if attempt == 2 or await self._must_not_close():
                    return  # go on in the session that is open, as libgphoto2 does
            try:
                await self._ask(Operation.CloseSession)
            except errors.Refused as error:
                log.info("closing a previous program's session: %s", error)
                return

    async def _must_not_close(self) -> bool:
        """Say whether the camera would answer nothing in the session after one that was closed, or lose what waits in it."""
        try:
            info = DeviceInfo.decode((await self._ask(Operation.GetDeviceInfo, limit=MAX_DEVICE_INFO)).data)
            return loses_next_session(info) or forgets_with_session(info)
        except (errors.Refused, errors.RemoteProtocolError) as error:
            log.info("what the camera is: %s", error)
            return False


_NO_SESSION = {ResponseCode.SessionNotOpen, ResponseCode.InvalidTransactionID}
"""Refusals that say that the camera knows nothing of our session, and so has done nothing."""

_TRANSIENT = {ResponseCode.GeneralError, ResponseCode.IncompleteTransfer}
"""Refusals that an operation which only reads may overcome by being repeated once."""

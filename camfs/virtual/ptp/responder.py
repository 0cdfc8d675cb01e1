"""The responder: sessions and transactions of an emulated camera, over whatever port it is given.

Strict as cameras are: a wrong transaction id, a missing session, an unknown operation are answered with their response codes, and
what is no PTP at all, or comes at the wrong time, halts both pipes. Reference ptp, sections 7, 9 and 13.
"""

import random
from collections.abc import Mapping

import trio

from camfs.errors import DeviceGone, RemoteProtocolError
from camfs.protocols.ptp.codes import DataPhase, EventCode, Operation, ResponseCode, name_of
from camfs.protocols.ptp.messages import (
    MAX_PARAMETERS,
    Data,
    DataEnd,
    DataStart,
    Message,
    Request,
    Response,
)
from camfs.virtual.ptp.calls import Answer, Call, Handler, Slice
from camfs.virtual.ptp.faults import Fault, FaultKind
from camfs.virtual.ptp.link import AnswerCut, Link
from camfs.virtual.ptp.operations import OPERATIONS
from camfs.virtual.ptp.refusal import Refusal
from camfs.virtual.ptp.state import CameraState
from camfs.virtual.ptp.usblink import UsbLink
from camfs.virtual.throttle import ThrottledPort
from camfs.virtual.trace import Trace
from camfs.virtual.usb.pipes import Port

PIECE = 512 * 1024
"""Bytes of an object sent at a time."""

MAX_PAYLOAD = 64 * 1024
"""Bytes of a payload from the host that are kept; no operation takes more."""

_KNOWN = frozenset(Operation)
_DATA_OUT = frozenset(operation for operation in Operation if operation.data_phase is DataPhase.OUT)
_WITHOUT_SESSION = (Operation.GetDeviceInfo, Operation.OpenSession)


class Responder:
    """Answers a host.

    Args:
        state: the camera.
        trace: what to tell of each transaction.
        vendor: operations of the maker, those whose data go to the camera, and their names; they are done also if they are not listed.
        latency: seconds that each transaction takes at least.
        bandwidth: bytes a second; None for as fast as it goes.

    Attributes:
        session: id of the session that is open, 0 for none. Set it to have one open that no host remembers.
        last_id: transaction id of the host's last request in this session; None if any may come next.
        overrides: handlers that answer in place of the camera's own, by operation; see `EmulatedCamera.override`.
        faults: what is to go wrong; the first that fits a transaction happens to it.
    """

    def __init__(
        self,
        state: CameraState,
        trace: Trace,
        *,
        vendor: Mapping[int, Handler] | None = None,
        vendor_data_out: frozenset[int] = frozenset(),
        vendor_names: Mapping[int, str] | None = None,
        latency: float = 0,
        bandwidth: float | None = None,
    ) -> None:
        self.state = state
        self.trace = trace
        self.session = 0
        self.faults: list[Fault] = []
        self.latency = latency
        self.bandwidth = bandwidth
        self.last_id: int | None = 0
        self.overrides: dict[int, Handler] = {}
        self._handlers = {**OPERATIONS, **(vendor or {})}
        self._vendor = frozenset(vendor or ())
        self._vendor_data_out = vendor_data_out
        self._vendor_names = vendor_names or {}
        self._running: Request | None = None
        self._scope = trio.CancelScope()
        self._dropping = False
        self._busy_replies = 0
        self._stray_data = False
        self._bytes_in = 0
        self._bytes_out = 0
        self._link: Link | None = None
        self._nursery: trio.Nursery | None = None
        self._in_handler = False
        self._event_due = trio.Event()
        state.on_event = self._wake_events

    # What USB's class requests do, in any state.

    def cancel(self, transaction_id: int) -> None:
        """End the transaction under way, if it is this one; no response is sent (Still Image Class, 5.2.1)."""
        if self._running is not None and self._running.transaction_id == transaction_id:
            self._dropping = True
            self._busy_replies = self.state.quirks.busy_after_cancel
            self._scope.cancel()

    def device_status(self) -> bytes:
        """Return the reply to GetDeviceStatus: u16 length, u16 code, a u32 for each endpoint that is halted."""
        halted = self._link.halted() if self._link else ()
        code = ResponseCode.OK
        if halted:
            code = ResponseCode.TransactionCanceled
        elif self._dropping or self._busy_replies:
            code = ResponseCode.DeviceBusy
            self._busy_replies = max(0, self._busy_replies - 1)
        words = b"".join(address.to_bytes(4, "little") for address in halted)
        return (4 + len(words)).to_bytes(2, "little") + code.to_bytes(2, "little") + words

    def device_reset(self) -> None:
        """Go back to idle, with no session."""
        self.close_session()
        self._busy_replies = 0
        if self._running is not None:
            self._scope.cancel()
        elif self._link is not None:
            self._link.restart()

    async def run(self, port: Port) -> None:
        """Answer on a port until its cable is out; then no session is open any more."""
        throttled = ThrottledPort(port, self.bandwidth) if self.bandwidth else port
        await self.run_on(UsbLink(throttled, self.state.quirks))

    async def run_on(self, link: Link) -> None:
        """Answer on a link until the host has left; then no session is open any more."""
        self._link = link
        self._stray_data = False
        self.trace.start()
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                nursery.start_soon(self._send_events, link, nursery.cancel_scope)
                try:
                    while True:
                        await self._serve(link)
                except DeviceGone:
                    nursery.cancel_scope.cancel()
        finally:
            self._link = self._nursery = None
            self.close_session()

    def close_session(self) -> None:
        """End the session, as a camera does that resets itself."""
        self.session = 0
        self.state.end_session()

    def _wake_events(self) -> None:
        if not self._in_handler:
            self._event_due.set()

    async def _send_events(self, link: Link, scope: trio.CancelScope) -> None:
        """Send events as they come; none without a session."""
        try:
            while True:
                await self._event_due.wait()
                self._event_due = trio.Event()
                if not self.session:
                    self.state.events.clear()
                while self.state.events:
                    await link.send_event(self.state.events.pop(0))
        except DeviceGone:
            scope.cancel()

    # Transactions.

    async def _serve(self, link: Link) -> None:
        """Take one request and do it."""
        try:
            request = await self._next_request(link)
            await self._transact(link, request)
        except RemoteProtocolError:
            # Not PTP, or not now: a camera halts its pipes and waits for a command (Still Image Class, 7.2.2.3).
            link.stall()
            link.restart()

    async def _next_request(self, link: Link) -> Request:
        """Wait for a request; the data of an operation that was unknown come before it and are eaten."""
        while True:
            message = await link.receive()
            if isinstance(message, Request):
                self._stray_data = False
                return message
            if not self._stray_data:
                raise RemoteProtocolError("data without a request")

    async def _transact(self, link: Link, request: Request) -> None:
        """Do a transaction to its end, or until Cancel or DeviceReset, and note it in the trace."""
        self._bytes_in = self._bytes_out = 0
        result = "cancelled"
        with trio.CancelScope() as self._scope:
            self._running = request
            try:
                result = await self._do(link, request)
            except RemoteProtocolError:
                result = "halted"
                raise
            except DeviceGone:
                result = "unplugged"
                raise
            finally:
                self._running = None
                operation = self._vendor_names.get(request.code) or name_of(Operation, request.code)
                self.trace.add(operation, request.parameters, self._bytes_out, self._bytes_in, result)
        if self._scope.cancelled_caught:
            await link.end_cancelled(request.transaction_id)
        self._dropping = False

    async def _do(self, link: Link, request: Request) -> str:
        """Do a transaction, with the faults that happen to it, and return the name of its result."""
        payload = await self._receive_payload(link, request)
        if self.latency:
            await trio.sleep(self.latency)
        fault = next((each for each in self.faults if each.happens(request.code, request.parameters)), None)
        if fault and fault.kind is FaultKind.DELAY:
            await trio.sleep(fault.seconds)
        if fault and fault.kind is FaultKind.LOSE_SESSION:
            self.close_session()
        if fault and fault.kind is FaultKind.REFUSE:
            answer = Answer(code=fault.code)
        else:
            answer = await self._answer(request, payload)
        if answer.silent:
            await trio.sleep_forever()
        result = await self._send(link, request, answer, fault)
        if answer.then and self._nursery:
            self._nursery.start_soon(answer.then)
        if self.state.events:
            self._event_due.set()
        return result

    async def _receive_payload(self, link: Link, request: Request) -> bytes:
        """Take the data phase of an operation that has one; what is too long is eaten and dropped."""
        goes_out = request.code in _DATA_OUT or request.code in self._vendor_data_out
        self._stray_data = not goes_out and request.code not in _KNOWN
        if not goes_out:
            return b""
        match await link.receive():
            case DataStart(request.code, request.transaction_id):
                pass
            case message:
                raise RemoteProtocolError(f"{message} in place of the data of {request}")
        payload = bytearray()
        while True:
            message = await link.receive()
            if isinstance(message, DataEnd):
                return bytes(payload)
            assert isinstance(message, Data)
            self._bytes_out += len(message.payload)
            payload += message.payload[: MAX_PAYLOAD + 1 - len(payload)]

    async def _answer(self, request: Request, payload: bytes) -> Answer:
        """Apply the rules of sessions, and do the operation."""
        code = request.code
        if self.state.sigma is not None and self.state.sigma.gone:
            raise DeviceGone("the emulated camera hangs")
        if not self.session and code not in _WITHOUT_SESSION:
            return Answer(code=ResponseCode.SessionNotOpen)
        padded = (*request.parameters, 0, 0, 0, 0, 0)[:MAX_PARAMETERS]
        if code == Operation.OpenSession:
            return self._open_session(padded[0], request.transaction_id)
        if self.session and not self._follows(request.transaction_id):
            return Answer(code=ResponseCode.InvalidTransactionID)
        if code == Operation.CloseSession:
            self.close_session()
            return Answer()
        handler = self._handler(code)
        if handler is None:
            return Answer(code=ResponseCode.OperationNotSupported)
        if len(payload) > MAX_PAYLOAD:
            return Answer(code=ResponseCode.InvalidDevicePropFormat)
        first, second, third, fourth, fifth = padded
        call = Call((first, second, third, fourth, fifth), payload, request.transaction_id)
        self._in_handler = True
        try:
            return await handler(self.state, call)
        except Refusal as refusal:
            return Answer(code=refusal.code, parameters=refusal.parameters)
        finally:
            self._in_handler = False

    def _handler(self, code: int) -> Handler | None:
        """Return what answers an operation; None if the camera does not have it."""
        if code in self.overrides:
            return self.overrides[code]
        has_it = code in self._vendor or code in self.state.device_info.operations
        return self._handlers.get(code) if has_it else None

    def _open_session(self, session: int, transaction_id: int) -> Answer:
        if self.session:
            # The host may go on in a session that it does not remember, with ids of its own.
            self.last_id = None
            return Answer(code=ResponseCode.SessionAlreadyOpened, parameters=(self.session,))
        if transaction_id:
            return Answer(code=ResponseCode.InvalidTransactionID)
        if not session:
            return Answer(code=ResponseCode.InvalidParameter)
        self.session, self.last_id = session, 0
        return Answer()

    def _follows(self, transaction_id: int) -> bool:
        """Say whether an id is one that may come now: 1, 2, ... 0xFFFFFFFE, 1 (ISO 15740, 9.3.1)."""
        last, self.last_id = self.last_id, transaction_id
        if transaction_id not in (0, 0xFFFFFFFF):
            if last is None:
                return True
            step = (transaction_id - last) % 0xFFFFFFFE
            if step == 1 or (not self.state.quirks.consecutive_ids and 0 < step < 1 << 31):
                return True
        self.last_id = last
        return False

    # Answers, and what can go wrong with them.

    async def _send(self, link: Link, request: Request, answer: Answer, fault: Fault | None) -> str:
        """Send an answer, with the fault that happens to it if there is one, and return the name of its result."""
        if fault is None:
            return await self._send_answer(link, request, answer)
        match fault.kind:
            case FaultKind.NO_ANSWER:
                return "no answer"
            case FaultKind.GARBAGE:
                await link.send_raw(fault.data or _noise(64))
                return "garbage"
            case FaultKind.BAD_DATASET:
                answer = Answer(fault.data or _noise(64), answer.parameters, answer.code)
            case FaultKind.STALE_RESPONSE | FaultKind.STALE_DATA | FaultKind.NEWER_RESPONSE:
                await link.send(_of_another_transaction(request, fault.kind))
            case FaultKind.STALL | FaultKind.ABORT | FaultKind.STOP | FaultKind.CUT:
                link.cut_answer(fault.at, goes_on=fault.kind is FaultKind.STALL)
        try:
            return await self._send_answer(link, request, answer)
        except AnswerCut:
            return await self._cut_short(link, request, fault)
        finally:
            link.lift_cut()

    async def _cut_short(self, link: Link, request: Request, fault: Fault) -> str:
        """Go on, or not, where an answer was cut."""
        if fault.kind is FaultKind.STOP:
            await trio.sleep_forever()
        if fault.kind is FaultKind.ABORT:
            self.state.notify(EventCode.CancelTransaction, transaction_id=request.transaction_id)
            link.stall()
            link.restart(flush=False)
            return "halted"
        await link.end_transfer()
        link.restart(flush=False)
        await link.send([Response(fault.code, request.transaction_id)])
        return name_of(ResponseCode, fault.code)

    async def _send_answer(self, link: Link, request: Request, answer: Answer) -> str:
        """Send data and response, and return the name of the response."""
        code, transaction_id, payload = answer.code, request.transaction_id, answer.payload
        if payload is not None:
            length = len(payload) if isinstance(payload, bytes) else payload.length
            header = (0, 0) if self.state.quirks.zero_data_header else (request.code, transaction_id)
            await link.send([DataStart(*header, length)])
            if isinstance(payload, bytes):
                self._bytes_in += length
                await link.send([Data(payload)])
            elif not await self._send_slice(link, payload):
                code = ResponseCode.IncompleteTransfer
            await link.send([DataEnd()])
        if self.state.quirks.zero_close_response and request.code == Operation.CloseSession:
            transaction_id = 0
        await link.send([Response(code, transaction_id, answer.parameters)])
        return name_of(ResponseCode, code)

    async def _send_slice(self, link: Link, part: Slice) -> bool:
        """Send bytes of an object in pieces; zeros where the disk has no more, and then return False."""
        offset, end, whole = part.offset, part.offset + part.length, True
        while offset < end:
            size = min(PIECE, end - offset)
            try:
                piece = part.content.read(offset, size)
            except OSError:
                piece = b""
            if not piece:
                piece, whole = bytes(size), False
            await link.send([Data(piece)])
            self._bytes_in += len(piece)
            offset += len(piece)
        return whole


def _noise(size: int) -> bytes:
    """Return bytes that mean nothing, the same each time."""
    return random.Random(size).randbytes(size)


def _of_another_transaction(request: Request, kind: FaultKind) -> list[Message]:
    """Return what a camera may have left over, or send too early."""
    if kind is FaultKind.NEWER_RESPONSE:
        return [Response(ResponseCode.OK, (request.transaction_id + 5) % (1 << 32))]
    before = (request.transaction_id - 1) % (1 << 32)
    response = Response(ResponseCode.OK, before)
    if kind is FaultKind.STALE_RESPONSE:
        return [response]
    return [DataStart(Operation.GetObjectHandles, before, 20), Data(_noise(20)), DataEnd(), response]

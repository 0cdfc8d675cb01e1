"""The responder: the sessions and transactions of an emulated camera, over any link.

A session (camfs/protocols/ptp/README.md, "Sessions and transaction ids")::

            ── OpenSession ──►
    closed                      open
            ◄── CloseSession, DeviceReset, the host leaves, the fault LOSE_SESSION ──

Without a session everything but GetDeviceInfo is answered with SessionNotOpen, and OpenSession in a session with
SessionAlreadyOpened. A transaction::

    idle ── request ──► data from the host? ──► operation ──► data to the host? ──► response ──► idle

Cancel (with the transaction's id) and DeviceReset end it anywhere. A message that is not PTP or not expected halts both bulk pipes,
and the responder is idle (camfs/protocols/ptp/README.md, "Stalls"). A wrong transaction id, an unknown operation and the like are
answered with their response codes: the responder is as strict as real cameras are.
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
from camfs.virtual.throttle import Throttle, ThrottledPort
from camfs.virtual.trace import Trace
from camfs.virtual.usb.pipes import Port

PIECE = 512 * 1024
"""Bytes of an object sent at a time."""

MAX_PAYLOAD = 64 * 1024
"""Bytes kept of a payload from the host; no operation takes more."""

_KNOWN = frozenset(Operation)
_DATA_OUT = frozenset(operation for operation in Operation if operation.data_phase is DataPhase.OUT)
_WITHOUT_SESSION = (Operation.GetDeviceInfo, Operation.OpenSession)
_OF_SESSIONS = (*_WITHOUT_SESSION, Operation.CloseSession)


class Responder:
    """Answers one host at a time.

    Args:
        state: the camera.
        trace: gets a record of each transaction.
        vendor: the maker's operations; the camera does them whether DeviceInfo lists them or not.
        vendor_data_out: those of them that send data to the camera.
        vendor_names: their names in the trace.
        latency: seconds that each transaction takes besides the time of its bytes.
        bandwidth: bytes a second; None for no limit.

    Attributes:
        session: id of the open session, 0 for none. A test may set it, to have a session open that no host remembers.
        last_id: transaction id of the host's last request in this session; None if any id may come next.
        throttle: the time that bytes and answers take on its link.
        overrides: handlers that answer instead of the camera's own, by operation (`EmulatedCamera.override`).
        faults: what will go wrong; in a transaction the first one happens that fits it.
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
        self.throttle = Throttle(bandwidth, latency)
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

    # What USB's class requests do, in any state (camfs/protocols/ptp/README.md, "Class requests").

    def cancel(self, transaction_id: int) -> None:
        """End the transaction under way if it has this id; over USB it gets no response (Still Image Class, 5.2.1)."""
        if self._running is not None and self._running.transaction_id == transaction_id:
            self._dropping = True
            self._busy_replies = self.state.quirks.busy_after_cancel
            self._scope.cancel()

    def device_status(self) -> bytes:
        """Return the reply to GetDeviceStatus: u16 length, u16 code, a u32 for each halted endpoint."""
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
        """Go back to idle, and close the session."""
        self.close_session()
        self._busy_replies = 0
        if self._running is not None:
            self._scope.cancel()
        elif self._link is not None:
            self._link.restart()

    async def run(self, port: Port) -> None:
        """Answer on a USB port until its cable is pulled; that closes the session."""
        await self.run_on(UsbLink(ThrottledPort(port, self.throttle), self.state.quirks))

    async def run_on(self, link: Link) -> None:
        """Answer on a link until the host has left; that closes the session."""
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
        """Close the session; tests call it, too: a camera that resets itself closes its session."""
        self.session = 0
        self.state.end_session()

    def _wake_events(self) -> None:
        if not self._in_handler:
            self._event_due.set()

    async def _send_events(self, link: Link, scope: trio.CancelScope) -> None:
        """Send events as they come; without a session they are dropped."""
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
            # A camera that does not understand halts its pipes and waits for a command (Still Image Class, 7.2.2.3).
            link.stall()
            link.restart()

    async def _next_request(self, link: Link) -> Request:
        """Wait for a request; drop the data that a host still sends for an unknown operation that was refused."""
        while True:
            message = await link.receive()
            if isinstance(message, Request):
                self._stray_data = False
                return message
            if not self._stray_data:
                raise RemoteProtocolError("data without a request")

    async def _transact(self, link: Link, request: Request) -> None:
        """Do a transaction, until it ends or Cancel or DeviceReset ends it, and note it in the trace."""
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
        """Do a transaction, with the fault that happens in it, and return its result for the trace."""
        payload = await self._receive_payload(link, request)
        await self.throttle.work()
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
        result = await self._send(link, request, answer, fault or answer.fault)
        if answer.then and self._nursery:
            self._nursery.start_soon(answer.then)
        if self.state.events:
            self._event_due.set()
        return result

    async def _receive_payload(self, link: Link, request: Request) -> bytes:
        """Receive the data phase of an operation that has one; what is too long for any operation is dropped."""
        goes_out = request.code in _DATA_OUT or request.code in self._vendor_data_out
        self._stray_data = not goes_out and request.code not in _KNOWN
        if not goes_out:
            return b""
        match await link.receive():
            case DataStart(request.code, request.transaction_id):
                pass
            case message:
                raise RemoteProtocolError(f"{message} instead of the data of {request}")
        payload = bytearray()
        while True:
            message = await link.receive()
            if isinstance(message, DataEnd):
                return bytes(payload)
            assert isinstance(message, Data)
            self._bytes_out += len(message.payload)
            payload += message.payload[: MAX_PAYLOAD + 1 - len(payload)]

    async def _answer(self, request: Request, payload: bytes) -> Answer:
        """Apply the rules of sessions, then do the operation."""
        code = request.code
        if self.state.sigma is not None and self.state.sigma.gone:
            raise DeviceGone("the emulated camera hangs")
        if self.state.maker is not None and self.state.maker.is_deaf and code not in _OF_SESSIONS:
            return Answer(code=ResponseCode.OperationNotSupported)
        if not self.session and code not in _WITHOUT_SESSION:
            return Answer(code=ResponseCode.SessionNotOpen)
        padded = (*request.parameters, 0, 0, 0, 0, 0)[:MAX_PARAMETERS]
        if code == Operation.OpenSession:
            return self._open_session(padded[0], request.transaction_id)
        if self.session and not self._follows(request.transaction_id):
            return Answer(code=ResponseCode.InvalidTransactionID)
        if code == Operation.CloseSession:
            self.close_session()
            if self.state.maker is not None:
                self.state.maker.session_closed()
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
        """Return the handler of an operation; None if the camera does not have it."""
        if code in self.overrides:
            return self.overrides[code]
        has_it = code in self._vendor or code in self.state.device_info.operations
        return self._handlers.get(code) if has_it else None

    def _open_session(self, session: int, transaction_id: int) -> Answer:
        if self.session:
            # The host may now go on in a session of which it knows nothing, so any id may come next.
            self.last_id = None
            return Answer(code=ResponseCode.SessionAlreadyOpened, parameters=(self.session,))
        if transaction_id and not self.state.quirks.any_opening_id:
            return Answer(code=ResponseCode.InvalidTransactionID)
        if not session:
            return Answer(code=ResponseCode.InvalidParameter)
        self.session, self.last_id = session, 0 if not transaction_id else None
        if self.state.maker is not None:
            self.state.maker.session_opened()
        return Answer()

    def _follows(self, transaction_id: int) -> bool:
        """Say whether this id may come now: they run 1, 2, ... 0xFFFFFFFE, 1 (ISO 15740, 9.3.1)."""
        last, self.last_id = self.last_id, transaction_id
        if transaction_id not in (0, 0xFFFFFFFF):
            if last is None:
                return True
            step = (transaction_id - last) % 0xFFFFFFFE
            if step == 1 or (not self.state.quirks.consecutive_ids and 0 < step < 1 << 31):
                return True
        self.last_id = last
        return False

    # Answers, and how faults spoil them.

    async def _send(self, link: Link, request: Request, answer: Answer, fault: Fault | None) -> str:
        """Send an answer, spoilt by the fault if there is one, and return its result for the trace."""
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
        """Do what a fault does at the byte where it has cut the answer."""
        if fault.kind is FaultKind.STOP:
            await trio.sleep_forever()
        if fault.kind is FaultKind.ABORT:
            self.state.notify(EventCode.CancelTransaction, transaction_id=request.transaction_id)
            link.stall()
            link.restart(flush=False)
            return "halted"
        await link.end_transfer()
        link.restart(flush=False)
        await link.send([Response(fault.code, request.transaction_id, fault.parameters)])
        return name_of(ResponseCode, fault.code)

    async def _send_answer(self, link: Link, request: Request, answer: Answer) -> str:
        """Send data and response, and return the name of the response."""
        code, transaction_id, payload = answer.code, request.transaction_id, answer.payload
        if payload is not None:
            length = len(payload) if isinstance(payload, bytes) else payload.length
            header = (0, 0) if self.state.quirks.zero_data_header else (request.code, transaction_id)
            await link.send([DataStart(*header, length if answer.tells_length else None)])
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
        """Send a part of an object in pieces; where the disk fails, send zeros and return False."""
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
    """Return messages of a transaction that is over or that has not begun."""
    if kind is FaultKind.NEWER_RESPONSE:
        return [Response(ResponseCode.OK, (request.transaction_id + 5) % (1 << 32))]
    before = (request.transaction_id - 1) % (1 << 32)
    response = Response(ResponseCode.OK, before)
    if kind is FaultKind.STALE_RESPONSE:
        return [response]
    return [DataStart(Operation.GetObjectHandles, before, 20), Data(_noise(20)), DataEnd(), response]

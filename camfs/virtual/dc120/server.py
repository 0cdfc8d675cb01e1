"""The command server of an emulated DC120: receives commands, does them, answers, and lets faults happen.

The codec (`camfs.protocols.dc120.camera`) knows what is answered when. Here are time, power and breaks, and what goes wrong. Two tasks
run: one listens on the line at all times, the other answers. A break or switching off cancels the answering, which begins anew.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

import trio

from camfs.protocols.dc120.camera import CameraConnection
from camfs.protocols.dc120.commands import Code, Command
from camfs.protocols.dc120.events import (
    Abandoned,
    AbortReceived,
    Acknowledged,
    CameraEvent,
    CommandReceived,
    ExtraReceived,
    Transmit,
    UnknownCommand,
)
from camfs.protocols.dc120.frames import Answer
from camfs.protocols.dc120.values import speed_of
from camfs.virtual.dc120.faults import PACKET_FAULTS, Fault, FaultKind
from camfs.virtual.dc120.handlers import HANDLERS, Handler, libgphoto2_command
from camfs.virtual.dc120.line import PLAIN_SPEED, PtyLine
from camfs.virtual.dc120.state import CameraState, Failure
from camfs.virtual.trace import Trace


class Result(Enum):
    """How a command ended, in the trace's words."""

    COMPLETED = "OK"
    REFUSED = "refused"
    FAILED = "failed"
    ABORTED = "aborted"
    ABANDONED = "abandoned"
    BROKEN = "broken off"


@dataclass
class _Call:
    """A command under way.

    Attributes:
        name: for the trace.
        code: the command of the table that it is, or is like.
        arguments: parameters by name.
        handler: does it.
        extra: bytes of extra data that it takes.
        out, into: bytes of payload to the camera and from it, so far.
    """

    name: str
    code: Code
    arguments: Mapping[str, int]
    handler: Handler
    extra: int = 0
    out: int = 0
    into: int = 0


class CommandServer:
    """Answers a host.

    Args:
        state: the camera's.
        line: the camera's end of it.
        trace: is told of each command.

    Attributes:
        faults: what is to go wrong.
        asleep: whether the power timeout has run out (`Quirks.sleeps`).
    """

    def __init__(self, state: CameraState, line: PtyLine, trace: Trace) -> None:
        self.faults: list[Fault] = []
        self.asleep = False
        self._state = state
        self._line = line
        self._trace = trace
        self._connection = CameraConnection()
        self._conversation = trio.CancelScope()
        self._news = trio.Event()
        self._greeting = b""
        self._call: _Call | None = None
        self._on = trio.Event()
        self._on.set()

    # power and breaks

    def switch_off(self) -> None:
        """Switch the camera off: it stops whatever it is doing, and hears nothing."""
        self._on = trio.Event()
        self._reset(b"")

    def switch_on(self) -> None:
        """Switch the camera on again, at 9600 baud."""
        self._state.switch_on()
        self._on.set()

    def line_break(self) -> None:
        """Do what a break does: drop everything, go to 9600 baud, answer E1."""
        greeting = self._connection.line_break()
        self._trace.add("break", (), 0, 0, Result.COMPLETED.value)
        self._reset(b"" if self._state.quirks.silent_break else greeting)

    def _reset(self, greeting: bytes) -> None:
        self._connection = CameraConnection()
        self._line.speed = PLAIN_SPEED
        self._greeting = greeting
        self.asleep = False
        self._conversation.cancel()

    # the two tasks

    async def run(self) -> None:
        """Answer; never returns."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen)
            while True:
                await self._on.wait()
                with trio.CancelScope() as self._conversation:
                    await self._converse()
                self._note(Result.BROKEN)

    async def _listen(self) -> None:
        """Give the codec what comes in, also while a command is being done: a break may come at any time."""
        while True:
            data, speed = await self._line.receive()
            if not self._on.is_set():
                continue
            if not speed:
                self.line_break()
                continue
            if self._state.quirks.break_at_9600 and speed == PLAIN_SPEED < self._line.speed:
                self.line_break()  # the bytes came garbled, and the host sends them again
                continue
            if self.asleep:
                self.asleep = False
                continue
            if data:
                self._connection.receive(data)
                self._news.set()

    async def _converse(self) -> None:
        greeting, self._greeting = self._greeting, b""
        if greeting:
            await self._send(greeting)
        while True:
            match await self._next():
                case CommandReceived(command):
                    await self._do(self._known(command))
                case UnknownCommand(frame):
                    await self._do_unknown(frame)
                case Transmit(data):
                    self._trace.add("garbage", (), 0, 0, Result.REFUSED.value)
                    await self._send(data)

    async def _next(self) -> CameraEvent:
        """Wait for the next event."""
        while (event := self._connection.next_event()) is None:
            self._news = trio.Event()
            patience = self._connection.patience
            with trio.move_on_after(self._idle_seconds() if patience is None else patience):
                await self._news.wait()
                continue
            if patience is None:
                self.asleep = True
            else:
                self._connection.time_out()
        await trio.lowlevel.checkpoint_if_cancelled()
        return event

    async def _send(self, data: bytes) -> None:
        await self._line.send(data)
        await trio.lowlevel.checkpoint_if_cancelled()  # a break may have come meanwhile: then nothing more must happen

    def _idle_seconds(self) -> float:
        return self._state.settings.power_timeout if self._state.quirks.sleeps and not self.asleep else float("inf")

    # commands

    def _known(self, command: Command) -> _Call:
        return _Call(command.code.name, command.code, command.named(), HANDLERS[command.code], command.form.extra)

    async def _do_unknown(self, frame: bytes) -> None:
        like = libgphoto2_command(frame, self._state.quirks.libgphoto2_commands)
        if like is not None:
            code, handler, arguments = like
            await self._do(_Call(f"0x{frame[0]:02X}", code, arguments, handler))
            return
        known = frame[0] in Code.__members__.values()
        self._trace.add(
            Code(frame[0]).name if known else f"0x{frame[0]:02X}", tuple(frame[1:6]), 0, 0, Result.REFUSED.value
        )
        await self._send(self._connection.refuse())

    async def _do(self, call: _Call) -> None:
        """Do a command, and trace how it ended."""
        self._call = call
        self._note(await self._done(call))

    def _note(self, result: Result) -> None:
        """Trace the command under way, if there is one: it is over."""
        call, self._call = self._call, None
        if call is not None:
            self._trace.add(call.name, tuple(call.arguments.values()), call.out, call.into, result.value)

    async def _done(self, call: _Call) -> Result:
        if self._fault(FaultKind.IGNORE, call):
            self._connection.refuse()
            return Result.ABANDONED
        if self._fault(FaultKind.REFUSE, call):
            await self._send(self._connection.refuse())
            return Result.REFUSED
        if fault := self._fault(FaultKind.GARBAGE, call):
            await self._send(fault.data)
        acceptance = self._connection.accept(call.extra)
        if not self._fault(FaultKind.LOSE_ACCEPTANCE, call):
            await self._send(acceptance)
        if call.code is Code.SET_SPEED:
            self._line.speed = speed_of(call.arguments["speed"])
            if self._fault(FaultKind.EXTRA_END, call):
                await self._send(bytes([Answer.COMPLETED]))
            return Result.COMPLETED
        extra = await self._extra(call)
        if extra is None:
            return Result.ABANDONED
        try:
            if self._fault(FaultKind.FAIL, call):
                raise Failure
            payloads = await call.handler(self._state, call.arguments, extra)
            await trio.lowlevel.checkpoint_if_cancelled()
            result = await self._send_packets(call, payloads)
        except Failure:
            await trio.lowlevel.checkpoint_if_cancelled()
            await self._end(call, self._connection.fail())
            return Result.FAILED
        if result is Result.COMPLETED:
            await self._end(call, self._connection.complete())
        return result

    async def _extra(self, call: _Call) -> bytes | None:
        """Receive the extra data, if the command has some; return None if they do not come."""
        if not call.extra:
            return b""
        while True:
            match await self._next():
                case Transmit(data):
                    await self._send(data)
                case ExtraReceived(payload):
                    call.out += len(payload)
                    return payload
                case _:
                    return None

    async def _send_packets(self, call: _Call, payloads: Iterable[bytes]) -> Result:
        for number, payload in enumerate(payloads, 1):
            call.into += len(payload)
            await self._send_packet(call, number, self._connection.packet(payload))
            while not isinstance(event := await self._next(), Acknowledged):
                match event:
                    case Transmit(packet):
                        await self._send_packet(call, number, packet)
                    case AbortReceived():
                        return Result.ABORTED
                    case Abandoned():
                        return Result.ABANDONED
        return Result.COMPLETED

    async def _end(self, call: _Call, answer: bytes) -> None:
        """Send the last answer."""
        if call.code is Code.ERASE and self._state.quirks.ready_before_end and answer[0] == Answer.COMPLETED:
            answer = bytes([Answer.READY]) + answer
        if fault := self._fault(FaultKind.WORKING, call):
            await self._send(fault.data)
        if fault := self._fault(FaultKind.LATE, call):
            await trio.sleep(fault.seconds)
        if not self._fault(FaultKind.NO_END, call):
            await self._send(answer)
        if self._fault(FaultKind.EXTRA_END, call):
            await self._send(bytes([Answer.COMPLETED]))

    # faults

    def _fault(self, kind: FaultKind, call: _Call) -> Fault | None:
        return next((fault for fault in self.faults if fault.kind is kind and fault.strikes(call.code)), None)

    async def _send_packet(self, call: _Call, number: int, packet: bytes) -> None:
        """Send a packet, or what the faults make of it."""
        happening = [fault for fault in self.faults if fault.kind in PACKET_FAULTS and fault.strikes(call.code, number)]
        for fault in happening:
            match fault.kind:
                case FaultKind.WRONG_CHECKSUM:
                    packet = packet[:-1] + bytes([packet[-1] ^ 0xFF])
                case FaultKind.CHANGE:
                    packet = packet[: fault.at] + bytes([packet[fault.at] ^ 0x55]) + packet[fault.at + 1 :]
                case FaultKind.DROP:
                    packet = packet[: fault.at] + packet[fault.at + 1 :]
                case FaultKind.DUPLICATE:
                    packet *= 2
                case _:
                    packet = packet[: fault.at]
        await self._send(packet)
        for fault in happening:
            match fault.kind:
                case FaultKind.UNPLUG:
                    self._line.unplug()
                case FaultKind.SWITCH_OFF:
                    self.switch_off()
                case FaultKind.BREAK:
                    self.line_break()
        await trio.lowlevel.checkpoint_if_cancelled()  # the last two end the conversation here

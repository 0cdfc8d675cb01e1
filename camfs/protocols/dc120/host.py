"""The computer's side of the line: `HostConnection`. Its rules: camfs/protocols/dc120/README.md, "Host rules".

A codec without I/O. The program that drives it sends what `send`, `acknowledge` and `abort` return and what `Transmit` events hold,
gives what it receives to `receive`, and calls `time_out` when the line was silent for `patience` seconds::

    await port.send(host.send(command(Code.GET_STATUS)))
    while True:
        event = host.next_event()
        if event is None:       # wait for bytes, at most host.patience
            ...host.receive(data) or host.time_out()
        elif isinstance(event, Transmit):
            await port.send(event.data)
        elif isinstance(event, Packet):
            await port.send(host.acknowledge())
        elif isinstance(event, Completed | Rejected | Failed | Aborted):
            break

What it does by itself:

========================================= ==============================================================================
what happens                              what it does
========================================= ==============================================================================
E1, or no answer to a command             sends it again, up to `RETRIES` times; after silence not if it keeps the camera busy
up to `MAX_NOISE` stray bytes before D1   skips them
packet with a wrong checksum, or short    waits until the line is quiet, then sends E3; after `RETRIES` of them E4, and fails
any packet, while it is `wary`            asks for it again, until two copies are the same; `WARY_RETRIES` may be bad
no first packet                           sends the command again
no later packet                           sends E3, and drops the last packet if it comes again: the D2 was lost
no 00 after the last packet               sends E3 once, in case the D2 was lost; then the command is over, unconfirmed
no 00 after a command                     the command is over, unconfirmed; but a busy command fails
E3 to extra data                          sends them again, up to `RETRIES` times
10, F0                                    starts waiting again
========================================= ==============================================================================

A packet may begin with any byte. So where a packet could come, a 00 or E2 counts as an answer only if silence follows it.

A checksum of eight bits misses one damaged packet in some hundreds: two bytes that are wrong in the same bits, or one that comes twice
where another is lost. So whoever sees that one was `damaged` had better be `wary`, which takes twice the time.
"""

from collections import deque
from enum import Enum, auto

from camfs.errors import CameraError, LocalProtocolError, RemoteProtocolError, TransferTimeout
from camfs.protocols.dc120.commands import Command, Form
from camfs.protocols.dc120.events import (
    Aborted,
    Accepted,
    Completed,
    Failed,
    HostEvent,
    LineReset,
    Packet,
    Rejected,
    Transmit,
    Working,
)
from camfs.protocols.dc120.frames import DATA_SIZE, REFUSED, Answer, checksum, encode_extra
from camfs.protocols.dc120.patience import Patience

RETRIES = 5
"""How often a command, a packet or extra data are asked for or sent again after the first time."""
WARY_RETRIES = 15
MAX_NOISE = 64
MAX_DISCARD = 1 << 16
"""Bytes that are dropped at most until the line must be quiet, and kept at most while a packet is not acknowledged."""

_WORKING = (Answer.READY, Answer.BUSY)
_LONE = (Answer.COMPLETED, Answer.FAILED, REFUSED, *_WORKING)
"""Answers that may come where a packet is due."""

_REPEAT = bytes([Answer.REPEAT])
_RECEIVED = bytes([Answer.RECEIVED])
_ABORT = bytes([Answer.ABORT])


class _State(Enum):
    IDLE = auto()
    ANSWER = auto()  # D1 is due
    PAUSE = auto()  # before the command is sent again
    VERDICT = auto()  # on extra data
    PACKET = auto()
    HELD = auto()  # the program has a packet, and has not yet acknowledged it
    COMPLETION = auto()  # 00 is due
    REMAINDER = auto()  # the last packet again, or 00, or nothing: E3 was sent in place of a D2 that may be lost
    QUIET = auto()  # until the line is quiet, then E3
    ABORTING = auto()  # until the line is quiet
    BREAK = auto()
    DEAD = auto()


class HostConnection:
    """The computer's side of one line; runs one command at a time.

    An error is permanent: `next_event` raises it again and again. Then let the line become quiet, or send a break, and make a new one.

    Args:
        patience: how long to wait.

    Attributes:
        damaged: whether a packet came damaged since this was last set to False.
        wary: whether no packet is believed before it has come twice.
    """

    def __init__(self, patience: Patience | None = None) -> None:
        self.damaged = self.wary = False
        self._copies: list[bytes] = []  # of the packet that is due
        self._times = patience or Patience()
        self._state = _State.IDLE
        self._buffer = bytearray()
        self._events: deque[HostEvent] = deque()
        self._command: Command | None = None
        self._expected: int | None = None
        self._index = 0  # of the packet that is due
        self._last = b""
        self._last_may_repeat = False
        self._tries = 0  # to get an answer, or the packet that is due
        self._extra_tries = 0
        self._discarded = 0
        self._break_acknowledged = False
        self._dead: CameraError | None = None

    @property
    def idle(self) -> bool:
        """Whether a command may be sent."""
        return self._state is _State.IDLE and not self._events

    @property
    def patience(self) -> float | None:
        """Seconds of silence after which to call `time_out`; None if nothing is waited for."""
        times = self._times
        match self._state:
            case _State.ANSWER | _State.VERDICT:
                return times.answer
            case _State.PAUSE:
                return times.retry
            case _State.PACKET:
                return self._packet_patience()
            case _State.COMPLETION:
                return times.busy if self._form.busy else times.completion
            case _State.REMAINDER:
                return times.gap
            case _State.QUIET | _State.ABORTING:
                return times.quiet
            case _State.BREAK:
                return times.line_break
        return None

    @property
    def _form(self) -> Form:
        assert self._command is not None
        return self._command.form

    def _packet_patience(self) -> float:
        if not self._buffer:
            return self._times.packet
        early_end = self._buffer[0] == Answer.COMPLETED and self._expected is not None
        if len(self._buffer) == 1 and self._buffer[0] in _LONE and not early_end:
            return self._times.lone
        return self._times.gap

    # what the program does

    def send(self, command: Command, packets: int | None = None) -> bytes:
        """Begin a command; bytes that came in before are dropped.

        Args:
            command: what is wanted.
            packets: how many will come, where the table does not say and it is known; for a picture `frames.packets_in` of its size.

        Raises:
            LocalProtocolError: another command is under way.
        """
        if not self.idle:
            raise LocalProtocolError(f"{command} while another command is under way")
        self._command = command
        reply = command.form.reply
        self._expected = reply.packets if packets is None and reply.certain else packets
        self._tries = 0
        return self._begin()

    def _begin(self) -> bytes:
        assert self._command is not None
        self._buffer.clear()
        self._copies.clear()
        self._index, self._last, self._last_may_repeat, self._discarded = 0, b"", False, 0
        self._state = _State.ANSWER
        return self._command.encode()

    def expect(self, packets: int) -> None:
        """Tell it how many packets the reply has in all, where the first packet says so.

        Raises:
            LocalProtocolError: no packet waits to be acknowledged, or more packets than that have come.
        """
        if self._state is not _State.HELD or packets < self._index:
            raise LocalProtocolError(f"{packets} packets cannot be expected now")
        self._expected = packets

    def acknowledge(self) -> bytes:
        """Return the answer that makes the camera go on after a packet.

        Raises:
            LocalProtocolError: no packet waits for it.
        """
        if self._state is not _State.HELD:
            raise LocalProtocolError("no packet to acknowledge")
        self._await_next()
        return _RECEIVED

    def _await_next(self) -> None:
        """Wait for what follows the packet that is acknowledged now."""
        self._copies.clear()
        self._tries = 0
        self._state = _State.COMPLETION if self._index == self._expected else _State.PACKET

    def abort(self) -> bytes:
        """Return the answer that ends a transfer, in place of a packet's acknowledgement or amid a packet; `Aborted` follows.

        Raises:
            LocalProtocolError: nothing is being transferred.
        """
        if self._state not in (_State.HELD, _State.PACKET, _State.QUIET):
            raise LocalProtocolError("no transfer to abort")
        self._buffer.clear()
        self._events.clear()
        self._discarded = 0
        self._state = _State.ABORTING
        return _ABORT

    def line_break(self) -> None:
        """Tell it that a break was sent, which ends whatever was under way; `LineReset` follows. Listen at 9600 baud.

        Raises:
            LocalProtocolError: the codec is dead; a new one may begin with a break.
        """
        if self._state is _State.DEAD:
            raise LocalProtocolError("a dead codec")
        self._buffer.clear()
        self._events.clear()
        self._discarded = 0
        self._break_acknowledged = False
        self._state = _State.BREAK

    # what happens on the line

    def receive(self, data: bytes | bytearray | memoryview) -> None:
        """Give it bytes from the line, cut anywhere."""
        if self._state is _State.DEAD:
            return
        if self._state is _State.HELD and len(self._buffer) > MAX_DISCARD:
            self._die(RemoteProtocolError("the camera goes on sending without an acknowledgement"))
            return
        self._buffer += data

    def time_out(self) -> None:
        """Tell it that the line was silent for `patience` seconds."""
        match self._state:
            case _State.ANSWER:
                self._ask_again()
            case _State.PAUSE:
                self._transmit(self._begin())
            case _State.VERDICT:
                self._die(TransferTimeout(f"{self._command}: no answer to the extra data"))
            case _State.PACKET:
                self._packet_ends()
            case _State.COMPLETION:
                self._completion_missing()
            case _State.REMAINDER:
                self._complete(confirmed=bytes(self._buffer) == bytes([Answer.COMPLETED]))
            case _State.QUIET:
                self._transmit(_REPEAT)
                self._state = _State.PACKET
            case _State.ABORTING:
                self._over(Aborted())
            case _State.BREAK:
                self._over(LineReset(self._break_acknowledged))

    def next_event(self) -> HostEvent | None:
        """Return what happened next, None until more bytes or silence come.

        Raises:
            RemoteProtocolError: the camera does not speak the protocol, or a packet was bad each time it was sent.
            TransferTimeout: the camera says nothing any more.
        """
        while not self._events and self._buffer and self._advance():
            pass
        if self._events:
            return self._events.popleft()
        if self._dead is not None:
            raise self._dead
        return None

    def _advance(self) -> bool:
        """Process the beginning of the buffer; return whether there was enough of it."""
        match self._state:
            case _State.ANSWER:
                self._take_answer(self._buffer.pop(0))
            case _State.VERDICT:
                self._take_verdict(self._buffer.pop(0))
            case _State.COMPLETION:
                self._take_completion(self._buffer.pop(0))
            case _State.PACKET:
                return self._take_packet()
            case _State.REMAINDER:
                return self._take_remainder()
            case _State.HELD:
                return False
            case _State.BREAK:
                self._break_acknowledged |= Answer.BREAK in self._buffer
                self._discard()
            case _:
                self._discard()
        return True

    def _discard(self) -> None:
        self._discarded += len(self._buffer)
        self._buffer.clear()
        if self._state in (_State.QUIET, _State.ABORTING) and self._discarded > MAX_DISCARD:
            self._give_up(RemoteProtocolError(f"{self._command}: the line does not become quiet"))

    def _take_answer(self, byte: int) -> None:
        if byte == Answer.ACCEPTED:
            self._events.append(Accepted())
            self._after_acceptance()
        elif byte == REFUSED:
            if self._tries == RETRIES:
                self._over(Rejected())
            else:
                self._tries += 1
                self._state = _State.PAUSE
        elif byte == Answer.FAILED:
            self._over(Failed())
        elif byte in _WORKING:
            self._events.append(Working(Answer(byte)))
        else:
            self._discarded += 1
            if self._discarded > MAX_NOISE:
                self._give_up(RemoteProtocolError(f"{self._command}: no answer among {self._discarded} bytes"))

    def _after_acceptance(self) -> None:
        assert self._command is not None
        if self._form.extra:
            self._transmit(encode_extra(self._command.extra))
            self._extra_tries = 0
            self._state = _State.VERDICT
        elif self._form.completes:
            self._state = _State.PACKET if self._form.reply.size else _State.COMPLETION
        else:
            self._complete()

    def _take_verdict(self, byte: int) -> None:
        assert self._command is not None
        if byte == Answer.RECEIVED:
            self._state = _State.PACKET if self._form.reply.size else _State.COMPLETION
        elif byte == Answer.REPEAT:
            if self._extra_tries == RETRIES:
                self._give_up(RemoteProtocolError(f"{self._command}: the camera does not take the extra data"))
            else:
                self._extra_tries += 1
                self._transmit(encode_extra(self._command.extra))
        else:
            self._take_completion(byte)  # the protocol document has no verdict: a camera may leave it out

    def _take_completion(self, byte: int) -> None:
        if byte == Answer.COMPLETED:
            self._complete()
        elif byte in _WORKING:
            self._events.append(Working(Answer(byte)))
        elif byte in (Answer.FAILED, REFUSED):
            self._over(Failed())
        else:
            self._give_up(RemoteProtocolError(f"{self._command}: {byte:02X} where it should end"))

    def _completion_missing(self) -> None:
        if self._form.busy:
            self._die(TransferTimeout(f"{self._command}: the camera does not become ready"))
        elif self._index and not self._last_may_repeat:
            self._transmit(_REPEAT)
            self._state = _State.REMAINDER
        else:
            self._complete(confirmed=False)

    def _take_remainder(self) -> bool:
        size = len(self._last) + 1
        if len(self._buffer) < size:
            return False
        if bytes(self._buffer[: size - 1]) != self._last:
            self._give_up(RemoteProtocolError(f"{self._command}: more packets than {self._index}"))
            return True
        del self._buffer[:size]
        self._last_may_repeat = True  # once is enough
        self._transmit(_RECEIVED)
        self._state = _State.COMPLETION
        return True

    # packets

    def _take_packet(self) -> bool:
        size = self._form.reply.size + 1
        if len(self._buffer) < size:
            return False
        if not checksum(self._buffer[:size]):
            self._packet(size)
        elif self._form.reply.certain or len(self._buffer) > DATA_SIZE + 1:
            self._bad_packet()
        else:
            return False  # the packet may be longer than guessed: silence will tell
        return True

    def _packet_ends(self) -> None:
        """React to silence where a packet is due or has begun."""
        size = len(self._buffer)
        if size == 0:
            self._packet_missing()
        elif size == 1 and self._buffer[0] in _LONE:
            self._take_completion(self._buffer.pop(0))
        elif not self._form.reply.certain and not checksum(self._buffer):
            self._packet(size)
        else:
            self._bad_packet()
            if self._state is _State.QUIET:
                self.time_out()  # it is quiet already

    def _packet(self, size: int) -> None:
        payload = bytes(self._buffer[: size - 1])
        del self._buffer[:size]
        if self._last_may_repeat and payload == self._last:
            self._last_may_repeat = False
            self._transmit(_RECEIVED)
            return
        if self.wary and payload not in self._copies:
            self._copies.append(payload)
            self._ask_for_copy()
            return
        self._last, self._last_may_repeat = payload, False
        self._events.append(Packet(self._index, payload))
        self._index += 1
        self._state = _State.HELD

    def _ask_for_copy(self) -> None:
        if len(self._copies) > RETRIES:
            self._give_up(RemoteProtocolError(f"{self._command}: packet {self._index} is another each time it is sent"))
        else:
            self._transmit(_REPEAT)

    def _bad_packet(self) -> None:
        self._buffer.clear()
        if self._tries == (WARY_RETRIES if self.wary else RETRIES):
            self._give_up(RemoteProtocolError(f"{self._command}: packet {self._index} is bad however often it is sent"))
            return
        self._tries += 1
        self._discarded = 0
        self._state = _State.QUIET
        self.damaged = True

    def _packet_missing(self) -> None:
        if not self._index:
            self._ask_again()
        elif self._tries == RETRIES:
            self._give_up(TransferTimeout(f"{self._command}: packet {self._index} does not come"))
        else:
            self._tries += 1
            self._last_may_repeat = True
            self._transmit(_REPEAT)

    def _ask_again(self) -> None:
        if self._form.busy or self._tries == RETRIES:
            self._die(TransferTimeout(f"{self._command}: no answer"))
            return
        self._tries += 1
        self._transmit(self._begin())

    # ends

    def _transmit(self, data: bytes) -> None:
        self._events.append(Transmit(data))

    def _complete(self, confirmed: bool = True) -> None:
        self._over(Completed(self._index, confirmed))

    def _over(self, event: HostEvent) -> None:
        self._events.append(event)
        self._buffer.clear()
        self._state = _State.IDLE

    def _give_up(self, error: CameraError) -> None:
        """Tell the camera to stop, and die."""
        self._transmit(_ABORT)
        self._die(error)

    def _die(self, error: CameraError) -> None:
        self._dead = error
        self._buffer.clear()
        self._state = _State.DEAD

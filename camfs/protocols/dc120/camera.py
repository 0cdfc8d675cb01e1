"""The camera's side of the line: `CameraConnection`, for an emulated DC120.

A codec without I/O, the mirror image of `camfs.protocols.dc120.host`. The program that drives it sends what its methods return and what
`Transmit` events hold, gives what it receives to `receive`, and calls `time_out` after `patience` seconds of silence.

======== ================================== ==================================================================
state    input                              what happens
======== ================================== ==================================================================
idle     8 bytes ending in 1A               `CommandReceived` or `UnknownCommand`; the program accepts or refuses
idle     D2, E3, E4 first                   skipped, as a late answer
idle     8 other bytes                      the first is dropped; after 0.5 s of silence the rest is, and E1 is sent once
extra    as many bytes as the command has   D2 and `ExtraReceived`; E3 if lead or checksum is wrong, at the sixth time E2
extra    fewer bytes, then silence          the same as wrong ones
sending  D2                                 `Acknowledged`
sending  E3                                 the same packet again
sending  E4                                 `AbortReceived`
sending  anything else, 10 s of silence     `Abandoned`; the bytes are read as in idle
busy     bytes                              kept, up to 64, until the command is over
any      break                              E1, idle
======== ================================== ==================================================================

Sources state what accepts, refuses, repeats and aborts; the rest is a choice that tests rely on. Facts:
camfs/protocols/dc120/README.md, "Answer bytes" and camfs/protocols/dc120/README.md, "Sequences".
"""

from collections import deque
from enum import Enum, auto

from camfs.errors import LocalProtocolError, RemoteProtocolError
from camfs.protocols.dc120.commands import decode_command
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
from camfs.protocols.dc120.frames import (
    COMMAND_SIZE,
    COMMAND_TAIL,
    EXTRA_LEAD,
    EXTRA_OVERHEAD,
    REFUSED,
    Answer,
    checksum,
    encode_packet,
)

MAX_KEPT = 64
"""Bytes kept while the camera is busy."""
MAX_EXTRA_TRIES = 5
"""How often extra data are asked for again."""
FRAME_SILENCE = 0.5
EXTRA_SILENCE = 1.0
SENDING_SILENCE = 10.0

_LATE = (Answer.RECEIVED, Answer.REPEAT, Answer.ABORT)


class _State(Enum):
    IDLE = auto()
    DECIDING = auto()  # the program has the command, and has neither accepted nor refused it
    EXTRA = auto()  # extra data are due
    BUSY = auto()  # the command is accepted, and not yet over
    SENDING = auto()  # a packet was sent, its answer is due


class CameraConnection:
    """The camera's side of one line. No input makes it fail: it answers wrong bytes as the camera would."""

    def __init__(self) -> None:
        self._state = _State.IDLE
        self._buffer = bytearray()
        self._events: deque[CameraEvent] = deque()
        self._packet = b""
        self._extra = 0  # bytes of the extra data that are due
        self._tries = 0
        self._extra_by_table = 0
        self._ends_with_acceptance = False

    @property
    def idle(self) -> bool:
        """Whether no command is under way."""
        return self._state is _State.IDLE

    @property
    def patience(self) -> float | None:
        """Seconds of silence after which to call `time_out`; None if nothing is waited for."""
        match self._state:
            case _State.IDLE if self._buffer:
                return FRAME_SILENCE
            case _State.EXTRA:
                return EXTRA_SILENCE if self._buffer else SENDING_SILENCE
            case _State.SENDING:
                return SENDING_SILENCE
        return None

    # what the camera does

    def accept(self, extra: int | None = None) -> bytes:
        """Accept the command (D1). Then wait for `ExtraReceived` if it has extra data; then send packets, `complete`, or `fail`.

        A change of speed is over now.

        Args:
            extra: bytes of extra data to expect, without lead and checksum; None for what the table says.
        """
        self._require(_State.DECIDING)
        self._extra = self._extra_by_table if extra is None else extra
        self._tries = 0
        if self._extra:
            self._state = _State.EXTRA
        else:
            self._state = _State.IDLE if self._ends_with_acceptance else _State.BUSY
        return bytes([Answer.ACCEPTED])

    def refuse(self) -> bytes:
        """Refuse the command (E1)."""
        self._require(_State.DECIDING)
        self._state = _State.IDLE
        return bytes([REFUSED])

    def packet(self, payload: bytes) -> bytes:
        """Send a packet. `Acknowledged`, `AbortReceived` or `Abandoned` follows."""
        self._require(_State.BUSY)
        self._packet = encode_packet(payload)
        self._state = _State.SENDING
        return self._packet

    def complete(self) -> bytes:
        """End the command (00)."""
        self._require(_State.BUSY)
        self._state = _State.IDLE
        return bytes([Answer.COMPLETED])

    def fail(self) -> bytes:
        """End the command without having done it (E2)."""
        self._require(_State.BUSY)
        self._state = _State.IDLE
        return bytes([Answer.FAILED])

    def line_break(self) -> bytes:
        """Drop everything, because a break came. Send the answer (E1) at 9600 baud."""
        self._buffer.clear()
        self._events.clear()
        self._state = _State.IDLE
        return bytes([Answer.BREAK])

    def _require(self, state: _State) -> None:
        if self._state is not state:
            raise LocalProtocolError(f"not while {self._state.name.lower()}")

    # what happens on the line

    def receive(self, data: bytes | bytearray | memoryview) -> None:
        """Give it bytes from the line, cut anywhere."""
        if self._state in (_State.DECIDING, _State.BUSY):
            data = data[: max(0, MAX_KEPT - len(self._buffer))]
        self._buffer += data

    def time_out(self) -> None:
        """Tell it that the line was silent for `patience` seconds."""
        match self._state:
            case _State.IDLE if self._buffer:
                self._buffer.clear()
                self._transmit(REFUSED)
            case _State.EXTRA if self._buffer:
                self._buffer.clear()
                self._bad_extra()
            case _State.EXTRA | _State.SENDING:
                self._abandon()

    def next_event(self) -> CameraEvent | None:
        """Return what happened next, None until more bytes or silence come."""
        while not self._events and self._buffer and self._advance():
            pass
        return self._events.popleft() if self._events else None

    def _advance(self) -> bool:
        """Process the beginning of the buffer; return whether there was enough of it."""
        match self._state:
            case _State.IDLE:
                return self._take_frame()
            case _State.EXTRA:
                return self._take_extra()
            case _State.SENDING:
                self._take_answer()
                return True
        return False

    def _take_frame(self) -> bool:
        if self._buffer[0] in _LATE:
            del self._buffer[0]
            return True
        if len(self._buffer) < COMMAND_SIZE:
            return False
        frame = bytes(self._buffer[:COMMAND_SIZE])
        if frame[-1] != COMMAND_TAIL[-1]:
            del self._buffer[0]
            return True
        del self._buffer[:COMMAND_SIZE]
        self._state = _State.DECIDING
        self._extra_by_table, self._ends_with_acceptance = 0, False
        try:
            received = decode_command(frame)
        except RemoteProtocolError as error:
            self._events.append(UnknownCommand(frame, str(error)))
        else:
            self._extra_by_table = received.form.extra
            self._ends_with_acceptance = not received.form.completes
            self._events.append(CommandReceived(received))
        return True

    def _take_extra(self) -> bool:
        size = self._extra + EXTRA_OVERHEAD
        if len(self._buffer) < size:
            return False
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        if data[0] != EXTRA_LEAD or checksum(data[1:]):
            self._bad_extra()
            return True
        self._state = _State.BUSY
        self._transmit(Answer.RECEIVED)
        self._events.append(ExtraReceived(data[1:-1]))
        return True

    def _bad_extra(self) -> None:
        if self._tries == MAX_EXTRA_TRIES:
            self._transmit(Answer.FAILED)
            self._state = _State.IDLE
            self._events.append(Abandoned())
            return
        self._tries += 1
        self._transmit(Answer.REPEAT)

    def _take_answer(self) -> None:
        match self._buffer[0]:
            case Answer.RECEIVED:
                self._state = _State.BUSY
                self._events.append(Acknowledged())
            case Answer.REPEAT:
                self._events.append(Transmit(self._packet))
            case Answer.ABORT:
                self._state = _State.IDLE
                self._events.append(AbortReceived())
            case _:
                self._state = _State.IDLE
                self._events.append(Abandoned())
                return  # the byte is read as in idle
        del self._buffer[0]

    def _abandon(self) -> None:
        self._buffer.clear()
        self._state = _State.IDLE
        self._events.append(Abandoned())

    def _transmit(self, answer: Answer) -> None:
        self._events.append(Transmit(bytes([answer])))

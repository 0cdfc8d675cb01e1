"""What a codec of the DC120's protocol tells the program that drives it, on either side of the line."""

from dataclasses import dataclass, field

from camfs.protocols.dc120.commands import Command
from camfs.protocols.dc120.frames import Answer


@dataclass(frozen=True)
class Transmit:
    """Both sides: put these bytes on the line now, an answer or a repetition that the protocol itself asks for."""

    data: bytes


# the computer's side


@dataclass(frozen=True)
class Accepted:
    """The camera acknowledged the command (D1)."""


@dataclass(frozen=True)
class Packet:
    """A packet with a good checksum; the camera waits for `HostConnection.acknowledge` or `abort`.

    Attributes:
        index: its place in the reply, from 0.
    """

    index: int
    payload: bytes = field(repr=False)


@dataclass(frozen=True)
class Working:
    """The camera is still at it (10 or F0)."""

    answer: Answer


@dataclass(frozen=True)
class Completed:
    """The command is over.

    Attributes:
        packets: how many came.
        confirmed: whether the camera said so (00, for a change of speed D1); else it said nothing more.
    """

    packets: int = 0
    confirmed: bool = True


@dataclass(frozen=True)
class Rejected:
    """The camera does not take this command, however often it was asked (E1)."""


@dataclass(frozen=True)
class Failed:
    """The camera took the command but could not do it (E2): no such picture, no card, no room."""


@dataclass(frozen=True)
class Aborted:
    """The line is quiet after an abort; the next command may follow."""


@dataclass(frozen=True)
class LineReset:
    """The time after a break is over: the camera listens at 9600 baud.

    Attributes:
        acknowledged: whether its E1 was heard, which it need not be.
    """

    acknowledged: bool


HostEvent = Transmit | Accepted | Packet | Working | Completed | Rejected | Failed | Aborted | LineReset


# the camera's side


@dataclass(frozen=True)
class CommandReceived:
    """The computer wants something: `CameraConnection.accept` or `refuse` it."""

    command: Command


@dataclass(frozen=True)
class UnknownCommand:
    """A frame that the table does not have, or with a value that it does not allow: `refuse` it, or `accept` it at will."""

    frame: bytes
    reason: str = field(compare=False)


@dataclass(frozen=True)
class ExtraReceived:
    """The extra data of the accepted command, with a good checksum."""

    payload: bytes = field(repr=False)


@dataclass(frozen=True)
class Acknowledged:
    """The computer has the packet (D2): send the next one, or `complete`."""


@dataclass(frozen=True)
class AbortReceived:
    """The computer ended the transfer (E4); nothing is to be sent."""


@dataclass(frozen=True)
class Abandoned:
    """The transfer is over without a word: silence, too many bad tries, or something else than an answer."""


CameraEvent = Transmit | CommandReceived | UnknownCommand | ExtraReceived | Acknowledged | AbortReceived | Abandoned

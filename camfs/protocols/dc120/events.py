"""Events: what a codec of the DC120's protocol tells the program that drives it, on either side of the line."""

from dataclasses import dataclass, field

from camfs.protocols.dc120.commands import Command
from camfs.protocols.dc120.frames import Answer


@dataclass(frozen=True)
class Transmit:
    """Both sides: send these bytes now. The protocol itself asks for them: an answer, or something sent again."""

    data: bytes


# the computer's side


@dataclass(frozen=True)
class Accepted:
    """The camera accepted the command (D1)."""


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
    """The camera is still working (10 or F0)."""

    answer: Answer


@dataclass(frozen=True)
class Completed:
    """The command is over.

    Attributes:
        packets: how many came.
        confirmed: whether the camera said so, by 00 or, for a change of speed, by D1; else it said nothing more.
    """

    packets: int = 0
    confirmed: bool = True


@dataclass(frozen=True)
class Rejected:
    """The camera refused the command each time it was sent (E1)."""


@dataclass(frozen=True)
class Failed:
    """The camera accepted the command but could not do it (E2): no such picture, no card, no room."""


@dataclass(frozen=True)
class Aborted:
    """The line is quiet after an abort; the next command may follow."""


@dataclass(frozen=True)
class LineReset:
    """The time after a break is over: the camera listens at 9600 baud.

    Attributes:
        acknowledged: whether its E1 was heard; it is not always.
    """

    acknowledged: bool


HostEvent = Transmit | Accepted | Packet | Working | Completed | Rejected | Failed | Aborted | LineReset


# the camera's side


@dataclass(frozen=True)
class CommandReceived:
    """The computer has sent a command: `CameraConnection.accept` or `refuse` it."""

    command: Command


@dataclass(frozen=True)
class UnknownCommand:
    """The computer has sent a frame that is not in the table, or has a value that is not: `refuse` it, or `accept` it all the same."""

    frame: bytes
    reason: str = field(compare=False)


@dataclass(frozen=True)
class ExtraReceived:
    """The extra data of the accepted command have come, with a good checksum."""

    payload: bytes = field(repr=False)


@dataclass(frozen=True)
class Acknowledged:
    """The computer has received the packet (D2): send the next one, or `complete`."""


@dataclass(frozen=True)
class AbortReceived:
    """The computer ended the transfer (E4); send nothing."""


@dataclass(frozen=True)
class Abandoned:
    """The transfer is over although nobody ended it: the computer was silent, or sent bad extra data too often, or something unexpected."""


CameraEvent = Transmit | CommandReceived | UnknownCommand | ExtraReceived | Acknowledged | AbortReceived | Abandoned

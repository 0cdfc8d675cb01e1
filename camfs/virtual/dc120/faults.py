"""What may be different or go wrong in an emulated DC120: quirks, which stay, and faults, which happen a number of times and stop.

Tests set both, and may change them while the camera runs. Quirks stand for what no source knows of the real camera, or where sources
differ: camfs/protocols/dc120/README.md, "Conflicts between sources".
"""

from dataclasses import dataclass
from enum import Enum

from camfs.protocols.dc120.commands import Code
from camfs.protocols.dc120.frames import DATA_SIZE
from camfs.protocols.dc120.lists import ListLayout


@dataclass
class Quirks:
    """What a camera does where sources differ or are silent. The defaults follow the protocol document.

    Attributes:
        list_layout: how a list of more than 12 files goes on.
        dotted_names: names in lists are spelled `P000001.KDC` and NUL, not as in a DOS directory.
        album_0_is_all: album 0 lists every picture of the store; else only those in no album. Erasing counts all of them either way.
        silent_break: a break is not answered by E1.
        break_at_9600: bytes that come at 9600 baud while the camera is faster count as a break. This is for hosts other than camfs,
            whose breaks a pseudo-terminal does not carry.
        ready_before_end: erasing ends with 10 00, not with 00 alone.
        libgphoto2_commands: the camera accepts libgphoto2's 44 (album names) and 7A (erase in memory) too; 77 it always accepts.
        exclusive_exposure: the camera answers E2 to a compensation in manual exposure, and to a shutter speed together with a
            compensation: the protocol document says not to use them together.
        sleeps: the camera stops answering after the idle time of command 82, until something comes, which is lost.
        album_file_packet: bytes of payload in a packet of ALBUM.CTL: 256 or 1024.
        erase_seconds: how long erasing takes: the least, and the most, when many pictures move.
    """

    list_layout: ListLayout = ListLayout.PAGED
    dotted_names: bool = False
    album_0_is_all: bool = True
    silent_break: bool = False
    break_at_9600: bool = False
    ready_before_end: bool = False
    libgphoto2_commands: bool = False
    exclusive_exposure: bool = True
    sleeps: bool = False
    album_file_packet: int = DATA_SIZE
    erase_seconds: tuple[float, float] = (0.5, 2.0)


class FaultKind(Enum):
    """What happens to a command, or to one of its packets. Bytes of a packet are counted with its checksum."""

    IGNORE = "the camera ignores the command"
    LOSE_ACCEPTANCE = "its D1 does not arrive, but everything else happens"
    REFUSE = "E1 in place of D1, and nothing is done"
    FAIL = "E2 in place of doing it"
    GARBAGE = "`data` before D1"
    WRONG_CHECKSUM = "the checksum of the packet is wrong"
    CHANGE = "byte `at` of the packet arrives as another one"
    DROP = "byte `at` of the packet does not arrive"
    STOP = "nothing of the packet from byte `at` on arrives"
    DUPLICATE = "the packet comes twice"
    WORKING = "`data` before the last answer: 10 or F0, say"
    LATE = "the last answer comes `seconds` later"
    NO_END = "the last answer does not come"
    EXTRA_END = "another 00 comes after the last answer; after 41 it is the only one, at the new speed"
    UNPLUG = "the serial adapter is pulled out in place of byte `at`"
    SWITCH_OFF = "the camera is switched off in place of byte `at`"
    BREAK = "in place of byte `at` what a break does: everything is dropped, 9600 baud, E1"


PACKET_FAULTS = frozenset(
    (FaultKind.WRONG_CHECKSUM, FaultKind.CHANGE, FaultKind.DROP, FaultKind.STOP, FaultKind.DUPLICATE)
    + (FaultKind.UNPLUG, FaultKind.SWITCH_OFF, FaultKind.BREAK)
)
"""Those that happen to a packet, also when it is sent again."""


@dataclass
class Fault:
    """A fault to happen.

    Attributes:
        kind: what happens.
        code: to this command only; None for any.
        packet: for `PACKET_FAULTS`: to the packet of this number only, from 1; None for any.
        skip: how often it does not happen first.
        times: how often it happens; None for always.
        at: byte of the packet.
        data: bytes to send.
        seconds: to wait.
    """

    kind: FaultKind
    code: Code | None = None
    packet: int | None = None
    skip: int = 0
    times: int | None = 1
    at: int = 0
    data: bytes = b""
    seconds: float = 0

    def strikes(self, code: int, packet: int | None = None) -> bool:
        """Say whether it happens now, to this command or its packet, and count that."""
        if self.times == 0 or self.code not in (None, code) or self.packet not in (None, packet):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True

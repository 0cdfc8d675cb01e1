"""How long the computer's side of the line waits, and for what."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """How many seconds of silence to wait.

    Attributes:
        answer: for D1, and for the verdict on extra data.
        retry: before a refused command is sent again.
        packet: for the first byte of a packet.
        gap: within a packet: less than before it, since the camera is sending.
        lone: after a single byte that is either an answer or the first of a packet.
        quiet: until the line counts as quiet.
        completion: for 00.
        busy: for 00 from a camera that takes or erases a picture.
        line_break: after a break, until the first command.
    """

    answer: float = 5.0
    retry: float = 0.05
    packet: float = 5.0
    gap: float = 1.0
    lone: float = 0.3
    quiet: float = 0.2
    completion: float = 5.0
    busy: float = 125.0
    line_break: float = 1.5

"""The focus motor of the emulated fp: where the lens is while it moves.

See camfs/protocols/sigma/README.md, "Driving focus".
"""

FAR, NEAR = 5974, 11116
"""Range of the 45 mm lens, in counts of the motor: small is far."""

AUTOFOCUSED = 8999
"""The position in which autofocus finds the subject."""

SLACK = 6
"""Counts by which the lens may end beside its target."""


class Motor:
    """Moves the lens at a constant speed.

    Attributes:
        speed: counts a second.
        moves: how many moves have begun so far.
    """

    def __init__(self) -> None:
        self.speed = 10_000.0
        self.moves = 0
        self._from = self._to = AUTOFOCUSED
        self._began = float("-inf")

    def drive(self, target: int, now: float) -> None:
        """Begin to move to a position within the lens's range; the lens ends up to `SLACK` counts beside it."""
        beside = target * 7 % (2 * SLACK + 1) - SLACK
        self._from, self._to = self.position(now), min(max(min(max(target, FAR), NEAR) + beside, FAR), NEAR)
        self._began = now
        self.moves += 1

    def position(self, now: float) -> int:
        """Return where the lens is."""
        way = self._to - self._from
        gone = (now - self._began) * self.speed
        return self._to if gone >= abs(way) else self._from + round(gone) * (1 if way > 0 else -1)

    def moving(self, now: float) -> bool:
        """Say whether it is moving."""
        return self.position(now) != self._to

"""The focus motor: where the lens stands while it moves (reference sigma-fp, sections 7 and 18)."""

FAR, NEAR = 5974, 11116
"""Positions of the 45 mm lens: small is far."""

AUTOFOCUSED = 8999
"""Where autofocus finds the subject."""

SLACK = 6
"""Counts by which a drive may end beside its target."""


class Motor:
    """Moves at a constant speed.

    Attributes:
        speed: counts a second.
        moves: drives begun so far.
    """

    def __init__(self) -> None:
        self.speed = 10_000.0
        self.moves = 0
        self._from = self._to = AUTOFOCUSED
        self._began = float("-inf")

    def drive(self, target: int, now: float) -> None:
        """Begin to move to a position, within the lens's range; the end is near it, as `SLACK` has it."""
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
        """Say whether it is under way."""
        return self.position(now) != self._to

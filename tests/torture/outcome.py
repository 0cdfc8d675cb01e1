"""What a part of the torture tells: counts of what it tried and saw, or that a promise did not hold."""


class Counts(dict[str, int]):
    """What was tried and what was seen, in order, such as `{"reads": 120345, "wrong": 0}`."""

    def __str__(self) -> str:
        return ", ".join(f"{number} {what}" for what, number in self.items())


class DidNotHold(AssertionError):
    """A promise did not hold; the text says what was seen, and with which random seed."""

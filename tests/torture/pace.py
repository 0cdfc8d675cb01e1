"""How busy the machine is: limits of time hold for a machine of one's own, and are longer where others want the processors too."""

import time

PROBE = 0.05
"""Seconds of a processor's time that a look takes."""

WORK = 2.0
"""Seconds that a call may need of a processor, in camfs, in the emulated camera and in its own program, beside what it waits for."""


def slowdown() -> float:
    """Return how many times longer work takes now than its own need of a processor: 1 where nobody else wants one."""
    begun, used = time.monotonic(), time.thread_time()
    while time.thread_time() - used < PROBE:
        pass
    return max(1.0, (time.monotonic() - begun) / PROBE)


def is_too_long(taken: float, limit: float) -> bool:
    """Say whether something took longer than it may.

    Args:
        taken: seconds.
        limit: seconds, on a machine of one's own.
    """
    return taken > limit and taken > limit + WORK * slowdown()

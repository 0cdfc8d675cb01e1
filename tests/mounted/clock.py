"""Runs camfs with a clock of its own, which a test puts back while camfs runs: `python -m tests.mounted.clock SOURCE MOUNTPOINT …`.

The file that the environment variable CLOCK names holds the seconds by which the clock is ahead; negative if it was put back. What camfs
asks of the computer's clock is replaced (`tests/test_clock.py` sees that nothing else is); the monotonic clock is as it is.
"""

import os
import sys
import time
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from camfs import cli
from camfs.mount import capture, controls, tree

AHEAD = Path(os.environ["CLOCK"])


def ahead() -> float:
    return float(AHEAD.read_text())


class ShiftedDatetime(datetime):
    """A datetime whose now is that of the clock."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "ShiftedDatetime":
        return cls.fromtimestamp((datetime.now(tz) + timedelta(seconds=ahead())).timestamp(), tz)


real = time.time_ns
time.time_ns = lambda: real() + int(ahead() * 1e9)
for module in (capture, controls, tree):
    setattr(module, "datetime", ShiftedDatetime)  # noqa: B010  (mypy: modules have no such attribute in common)
sys.exit(cli.main())

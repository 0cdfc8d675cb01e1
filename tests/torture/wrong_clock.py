"""camfs with a clock that is put back: `python -m tests.torture.wrong_clock SECONDS …`, otherwise as `python -m camfs …`.

At its start the clock is so many seconds behind, and each SIGUSR1 puts it back by as much again.
"""

import signal
import sys
import time

from camfs.__main__ import main

NANOSECONDS = 10**9


def run(seconds: int) -> int:
    """Put the clock back, and run camfs."""
    behind = seconds * NANOSECONDS
    true_ns = time.time_ns

    def put_back(_number: int, _frame: object) -> None:
        nonlocal behind
        behind += seconds * NANOSECONDS

    signal.signal(signal.SIGUSR1, put_back)
    time.time_ns = lambda: true_ns() - behind
    time.time = lambda: time.time_ns() / NANOSECONDS
    try:
        return main()
    finally:
        signal.signal(
            signal.SIGUSR1, signal.SIG_IGN
        )  # an interpreter that ends forgets its handlers, and the signal would kill it


if __name__ == "__main__":
    sys.exit(run(int(sys.argv.pop(1))))

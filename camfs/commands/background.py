"""Runs a mount in the background: the command returns once the mount is ready, and a child process goes on with it.

::

    parent                              child
    fork ─────────────────────────────▶ runs the mount
    reads the report from a pipe        … the mount is ready: leaves the terminal, logs to the system's log
      "ready": looks at the mount, 0 ◀─ "ready"
      a line:  prints it, 1          ◀─ why there is no mount, and ends
      a signal: passes it on ─────────▶ ends, and unmounts if it has mounted; the parent waits for that

Signals are blocked from before the fork until the parent can pass them on, so that none leaves a mount behind. If the parent is killed,
the child cannot report, and ends.

The log and the standard descriptors of a process are set up here too, for a mount in the foreground as well.
"""

import contextlib
import logging
import logging.handlers
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from camfs.errors import CameraError, CommandFailed
from camfs.printable import printable

log = logging.getLogger("camfs")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends the parent, and through it the child, until the mount is ready."""

READY = "ready"
"""What the child reports once the mount is ready; any other report is why there is none."""


def open_standard_descriptors() -> None:
    """Open those of stdin, stdout and stderr that the caller has closed.

    Otherwise FUSE's descriptor would get one of their numbers, and the child lets go of these.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one


def run_in_background(mount_point: str, verbose: int, run: Callable[[Callable[[], None]], int]) -> int:
    """Run a mount in a child process; return the exit status once the mount is ready or has failed.

    Args:
        mount_point: where the mount will be.
        verbose: how much the child logs, as in `log_to`.
        run: runs the mount in the child, calls what it is given once the mount is ready, and returns the exit status.

    Raises:
        CommandFailed: the mount ended as soon as it was ready.
    """
    reading, writing = os.pipe()
    blocked_before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    child = os.fork()
    if child:
        os.close(writing)
        with _passing_on(child, blocked_before) as passed_on:
            return _await_report(reading, child, mount_point, passed_on)
    os.close(reading)
    status = 1
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked_before)
        status = _run_and_report(writing, verbose, run)
    finally:
        os._exit(status)


@contextmanager
def _passing_on(child: int, blocked_before: Iterable[int]) -> Iterator[list[int]]:
    """In the block pass on signals to the child, which ends by them; gives those that have come.

    Args:
        child: the process.
        blocked_before: what was blocked before those in `SIGNALS` were, which are let through in the block.
    """
    passed_on: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        passed_on.append(number)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM)

    handlers = {number: handler for number in SIGNALS if (handler := signal.getsignal(number)) is not signal.SIG_IGN}
    for number in handlers:
        signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked_before)
    try:
        yield passed_on
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _await_report(reading: int, child: int, mount_point: str, passed_on: Sequence[int]) -> int:
    with os.fdopen(reading, "rb") as pipe:
        report = pipe.read().decode("utf-8", "replace")
    failure: OSError | None = None
    if report == READY and not passed_on:
        # The child must not look itself: a process that waits for its own answer cannot even be killed.
        try:
            os.stat(mount_point)
        except OSError as error:
            failure = error
    if passed_on:
        os.waitpid(child, 0)
        return 128 + passed_on[0]
    if failure is not None:
        raise CommandFailed(f"{mount_point}: camfs stopped right after mounting: {failure.strerror}")
    if report == READY:
        return 0
    os.waitpid(child, 0)
    print(f"camfs: {report or 'stopped before the mount was ready'}", file=sys.stderr)
    return 1


def _run_and_report(pipe: int, verbose: int, run: Callable[[Callable[[], None]], int]) -> int:
    reported = False

    def report(text: str) -> None:
        nonlocal reported
        if not reported:
            reported = True
            os.write(pipe, text.encode())
            os.close(pipe)

    def ready() -> None:
        os.setsid()  # not before: autofs lets only systemd's own process group reach the mount point
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in range(3):
            os.dup2(nothing, standard)
        os.chdir("/")
        log_to(_system_log(), verbose)
        report(READY)

    try:
        return run(ready)
    except (CommandFailed, CameraError) as error:
        if reported:
            log.error("%s", error)
        report(one_line(error))
    except BaseException as error:
        if reported:
            log.exception("ended")
        report(f"{type(error).__name__}: {one_line(error)}")
    return 1


def one_line(error: BaseException) -> str:
    """Return the text of an error as one line that a terminal can show."""
    return printable(" ".join(str(error).split()))


def log_to(handler: logging.Handler, verbose: int) -> None:
    """Send the messages of camfs and pyfuse3 to a handler; `verbose` 0 is warnings, 1 what happens, 2 every transaction as well."""
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    for name, lowest in (("camfs", level), ("pyfuse3", logging.WARNING)):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
        logger.setLevel(lowest)
    logging.getLogger("pyfuse3").filters[:] = [_matters]
    if handler.formatter is None:
        handler.setFormatter(StderrFormatter() if isinstance(handler, logging.StreamHandler) else LineFormatter())


class LineFormatter(logging.Formatter):
    """Formats a message as one line that a terminal can show, and its traceback as one for each line."""

    def format(self, record: logging.LogRecord) -> str:
        start = self.start(record)
        traceback = self.formatException(record.exc_info).split("\n") if record.exc_info else []
        return "\n".join(start + printable(line) for line in (" ".join(record.getMessage().split()), *traceback))

    def start(self, record: logging.LogRecord) -> str:
        """Return what each line of a message begins with."""
        return ""


class StderrFormatter(LineFormatter):
    """Formats messages for a terminal, where other programs may write, too."""

    def start(self, record: logging.LogRecord) -> str:
        return "camfs: "


def _matters(record: logging.LogRecord) -> bool:
    """Filter out a message of pyfuse3: ENOENT for an answer only means that a lazy unmount or an abort took the request away."""
    return not record.getMessage().endswith("fuse_reply_* failed with No such file or directory")


def _system_log() -> logging.Handler:
    """Return the system's log; if there is none, the messages are dropped."""
    with contextlib.suppress(OSError):
        handler = logging.handlers.SysLogHandler("/dev/log")
        handler.ident = f"camfs[{os.getpid()}]: "
        return handler
    return logging.NullHandler()

"""camfs as a service of systemd: notifies it of its state (sd_notify(3)), and logs to its journal (sd-daemon(3)).

Both use only the environment that systemd sets. NOTIFY_SOCKET names a socket that takes datagrams of `NAME=value` lines.
JOURNAL_STREAM says that stderr is the journal's; each line then begins with its priority, `<N>`.
"""

import contextlib
import logging
import os
import socket
import sys

from camfs.commands.background import LineFormatter
from camfs.printable import printable

PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.NOTSET, 7))
"""The priorities of syslog(3), each from a level of logging upwards."""


def notify(**states: str) -> None:
    """Tell systemd states of this service; does nothing if systemd did not ask, and never fails.

    Args:
        states: `READY="1"`, `STATUS="one line"`, `STOPPING="1"` …
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    lines = "\n".join(f"{name}={printable(' '.join(value.split()))}" for name, value in states.items())
    # A name in the abstract namespace begins with a zero byte, which an environment cannot hold.
    name = "\0" + address[1:] if address.startswith("@") else address
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
        sock.connect(name)
        sock.send(lines.encode())


def is_listening() -> bool:
    """Say whether systemd started this process as a service, and so listens to it."""
    return "NOTIFY_SOCKET" in os.environ or is_journal()


def is_journal() -> bool:
    """Say whether stderr is the journal's.

    JOURNAL_STREAM alone does not say so: a service may redirect stderr, and its children inherit the environment.
    """
    try:
        status = os.fstat(2)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


class JournalFormatter(LineFormatter):
    """Formats messages for the journal, which itself adds time, unit and process.

    Attributes:
        camera: the camera that the messages are about.
    """

    def __init__(self, camera: str = "camfs") -> None:
        super().__init__()
        self.camera = camera

    def start(self, record: logging.LogRecord) -> str:
        priority = next(number for level, number in PRIORITIES if record.levelno >= level)
        return f"<{priority}>{self.camera}: "


def journal_handler() -> logging.Handler:
    """Return a handler that writes to the journal's stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JournalFormatter())
    return handler


def name_camera(name: str) -> None:
    """Let the journal's messages be about this camera from now on; does nothing without a journal."""
    for handler in logging.getLogger("camfs").handlers:
        if isinstance(handler.formatter, JournalFormatter):
            handler.formatter.camera = printable(name)

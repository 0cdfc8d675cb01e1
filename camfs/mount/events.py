"""`.events`: what happened at the camera, a line each; it ends at the newest, so `tail -f` follows it and `cat` returns.

A line is ``TIME WHAT [PATH] [(CODES)]``: when, in ISO 8601; what, in words; the path of what it is about, if that is known; and what the
camera itself said, in its protocol's words and numbers. What it says of a setting is ``setting NAME VALUE``.
"""

import errno
import logging
import select
import stat
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from camfs import errors
from camfs.cameras.api import Happened
from camfs.mount.errnos import BadRequest
from camfs.mount.file import File
from camfs.mount.folder import Folder
from camfs.mount.handles import Handle
from camfs.mount.nodes import Attributes, Node
from camfs.printable import printable

if TYPE_CHECKING:
    from camfs.mount.tree import Tree

log = logging.getLogger(__name__)

PATH_TIME = 5.0
"""Seconds for which a line waits for its path; the changes behind it wait, too."""

MAX_EVENTS = 1 << 20
"""Bytes of `.events` kept; when there are more the older half goes."""


async def line_of(tree: "Tree", event: Happened) -> str:
    """Return the line of an event, without its time; a new entry is looked for where the camera says it lies, if it says so in time."""
    path = ""
    for key in event.keys:
        try:
            node: Node | None = tree.known(key) or (None if event.is_new else tree.removed.pop(key, None))
            if event.is_new:
                if isinstance(node, File | Folder):
                    tree.watchers.note_appeared(node)
                else:
                    with tree.budget.limit(PATH_TIME):
                        node = await tree.find_new(await tree.camera.locate(key))
        except errors.CameraError as error:
            log.info("where what %s is: %s", event.text, error)
        else:
            path = node.path() if node is not None else ""
        if path:
            break
    return " ".join(filter(None, (event.text, path, f"({event.raw})" if event.raw else "")))


class EventLog:
    """The text of `.events`, and who waits for more of it.

    Attributes:
        text: what can be read now.
        written: bytes that were ever in it.
        changed_ns: when the last line came.
        waiters: what to call, once, when the next line comes; by the handle that waits.
    """

    def __init__(self) -> None:
        self.text = bytearray()
        self.written = 0
        self.changed_ns = 0
        self.waiters: dict[object, Callable[[], None]] = {}

    def add(self, line: str, now: datetime) -> None:
        """Append a line with its time, and wake those who wait."""
        added = f"{now.isoformat(timespec='milliseconds')} {printable(line)}\n".encode()
        self.text += added
        self.written += len(added)
        self.changed_ns = int(now.timestamp() * 1_000_000_000)
        if len(self.text) > MAX_EVENTS:
            del self.text[: self.text.index(b"\n", MAX_EVENTS // 2) + 1]
        waiters, self.waiters = self.waiters, {}
        for wake in waiters.values():
            wake()


class EventsFile(Node):
    """The file itself."""

    def __init__(self, tree: "Tree", parent: Node, name: bytes, log: EventLog) -> None:
        super().__init__(tree, parent, name)
        self._log = log

    async def attributes(self, exact: bool = True) -> Attributes:
        return Attributes(stat.S_IFREG, 0o444, len(self._log.text), self._log.changed_ns, lasting=False)

    async def open(self, writing: bool) -> Handle:
        if writing:
            raise BadRequest(errno.EACCES)
        return EventsHandle(self._log)


class EventsHandle(Handle):
    """`.events`, open: readable for poll(2) when lines have come since it was last read to its end."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._seen = 0

    async def read(self, offset: int, size: int) -> bytes:
        if offset + size >= len(self._log.text):
            self._seen = self._log.written
        return bytes(self._log.text[offset : offset + size])

    def poll(self, wake: Callable[[], None] | None) -> int:
        if wake is not None:
            self._log.waiters[self] = wake
        return select.POLLIN if self._seen < self._log.written else 0

    async def close(self) -> None:
        self._log.waiters.pop(self, None)

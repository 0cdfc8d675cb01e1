"""The bytes of one object as they come, in unnamed temporary files, so that a camfs that is killed leaves none behind.

Who else may write to the folder does not matter: a file without a name can neither be planted nor opened by anybody else. (On a disk
without such files it is made under a random name, in place of nothing and following no link, and loses that name at once.)

They lie in segments. Where this computer's disk is full, the segments that every reader has passed are given up, so that a copy of any
length can pass through a small disk. The folder is `TMPDIR`, else /var/tmp, as /tmp often is memory.
"""

import os
import tempfile

from camfs import errors

SEGMENT = 1 << 30
"""Bytes of an object in one temporary file."""


class Copy:
    """A copy of an object, which grows at its end.

    Args:
        start: bytes before this place are received and not kept.

    Attributes:
        start: the first byte that is kept.
        received: how many bytes of the object have come, those included that are not kept.
    """

    def __init__(self, start: int = 0) -> None:
        self.start = start
        self.received = 0
        self._reached = 0
        self._segments: dict[int, int] = {}
        self._new_segment(start // SEGMENT)

    @property
    def kept(self) -> int:
        """Bytes that are kept."""
        return max(0, self.received - self.start)

    def append(self, data: bytes | memoryview) -> None:
        """Put the next bytes of the object behind those that have come.

        Raises:
            StoreFull: there is no room on this computer.
        """
        rest = memoryview(data)
        skipped = min(len(rest), max(0, self.start - self.received))
        self.received += skipped
        rest = rest[skipped:]
        while rest:
            index, inside = divmod(self.received, SEGMENT)
            try:
                file = self._segments.get(index)
                written = os.pwrite(
                    self._new_segment(index) if file is None else file, rest[: SEGMENT - inside], inside
                )
            except OSError as error:
                if not self._make_room():
                    raise _no_room(error) from None
                continue
            self.received += written
            rest = rest[written:]

    def read(self, offset: int, size: int) -> bytes:
        """Read bytes that are kept; fewer where the copy ends."""
        end = min(offset + size, self.received)
        pieces: list[bytes] = []
        while offset < end:
            index, inside = divmod(offset, SEGMENT)
            pieces.append(os.pread(self._segments[index], min(end - offset, SEGMENT - inside), inside))
            offset += len(pieces[-1])
        self._reached = max(self._reached, end)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def close(self) -> None:
        """Let go of the files."""
        while self._segments:
            os.close(self._segments.popitem()[1])

    def _new_segment(self, index: int) -> int:
        folder = os.environ.get("TMPDIR") or "/var/tmp"
        try:
            with tempfile.TemporaryFile(prefix="camfs-", dir=folder if os.path.isdir(folder) else None) as file:
                self._segments[index] = os.dup(file.fileno())
        except OSError as error:
            raise _no_room(error) from None
        return self._segments[index]

    def _make_room(self) -> bool:
        """Give up the first segment, if all of it has been read; return whether it was."""
        first = min(self._segments)
        if (first + 1) * SEGMENT > self._reached:
            return False
        os.close(self._segments.pop(first))
        self.start = (first + 1) * SEGMENT
        return True


def _no_room(error: OSError) -> errors.StoreFull:
    return errors.StoreFull(f"no room for a copy on this computer: {error.strerror}")

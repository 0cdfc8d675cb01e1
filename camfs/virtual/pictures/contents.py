"""The bytes of an emulated camera's objects: files on disk, bytes in memory, pictures generated when they are first needed.

Nothing is ever written to disk.
"""

import io
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol

from camfs.protocols import embedded
from camfs.virtual.pictures import thumbnails
from camfs.virtual.pictures.generated import generated_shots
from camfs.virtual.pictures.generated import thumbnail as generated_thumbnail


class Content(Protocol):
    """The bytes of one object. `read` and `rendered` raise OSError when the disk fails."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset` on, fewer at the end."""

    def rendered(self) -> bytes | None:
        """Return a thumbnail rendered from the picture; None if it is not a picture."""


def thumbnail(content: Content) -> bytes | None:
    """Return the thumbnail in a picture, or else one rendered from it; None if it is not a picture. May take a second."""
    return embedded_thumbnail(content) or content.rendered()


def embedded_thumbnail(content: Content) -> bytes | None:
    """Return the thumbnail in the first bytes of a picture; None if there is none."""
    return embedded.embedded_thumbnail(content.read(0, embedded.HEAD_SIZE))


class Bytes:
    """Bytes in memory, or a function that returns them when they are first needed."""

    def __init__(self, data: bytes | Callable[[], bytes]) -> None:
        self._data = data

    def _bytes(self) -> bytes:
        if not isinstance(self._data, bytes):
            self._data = self._data()
        return self._data

    @property
    def size(self) -> int:
        return len(self._bytes())

    def read(self, offset: int, size: int) -> bytes:
        return self._bytes()[offset : offset + size]

    def rendered(self) -> bytes | None:
        return thumbnails.rendered_thumbnail(io.BytesIO(self._bytes()))


class Numbered:
    """A small JPEG with its number in a comment; it takes a few machine words of memory.

    Args:
        number: 0 to 99,999,999.
    """

    _picture = b""

    def __init__(self, number: int) -> None:
        self._number = number

    def _bytes(self) -> bytes:
        if not Numbered._picture:
            Numbered._picture = generated_thumbnail(generated_shots(1)[0])
        comment = b"%08d" % self._number
        picture = Numbered._picture
        # A COM segment behind SOI: marker, length with its own two bytes, text (ITU-T T.81, B.2.4.5).
        return picture[:2] + b"\xff\xfe" + (2 + len(comment)).to_bytes(2, "big") + comment + picture[2:]

    @property
    def size(self) -> int:
        return len(self._bytes())

    def read(self, offset: int, size: int) -> bytes:
        return self._bytes()[offset : offset + size]

    def rendered(self) -> bytes | None:
        return self._bytes()


class Disk:
    """Reads files, and keeps the last one open because objects are read in pieces."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._fd = -1

    def pread(self, path: Path, offset: int, size: int) -> bytes:
        """Return bytes of a file."""
        if path != self._path:
            self.close()
            self._fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            self._path = path
        return os.pread(self._fd, size, offset)

    def close(self) -> None:
        """Close the file that is open, if there is one."""
        if self._path is not None:
            os.close(self._fd)
            self._path = None


class DiskFile:
    """A file on disk, of the size it had when its folder was scanned."""

    __slots__ = ("_disk", "_path", "size")

    def __init__(self, disk: Disk, path: Path, size: int) -> None:
        self._disk = disk
        self._path = path
        self.size = size

    def read(self, offset: int, size: int) -> bytes:
        return self._disk.pread(self._path, offset, min(size, max(0, self.size - offset)))

    def rendered(self) -> bytes | None:
        return thumbnails.rendered_thumbnail(self._path)


def local_time(seconds: float) -> datetime | None:
    """Return a POSIX time as a camera's clock shows it, in whole local seconds; None if it has no date."""
    try:
        return datetime.fromtimestamp(seconds // 1)
    except (ValueError, OverflowError, OSError):
        return None

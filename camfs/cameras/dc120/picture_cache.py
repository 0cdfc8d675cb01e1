"""Pictures kept on this computer's disk between mounts, so that a picture comes over the slow line only once.

A copy is taken for the camera's picture only if all of this is the same: the name and the size in the camera's list, the four bytes
between them there (in a DOS directory they are time and date), and the first packet of the picture. The first packet says something
only where it is the header of a picture that a DC120 took, with its name, date and exposure; of a JPEG that was put on the card on a
computer it says nothing. Such files are not kept. Nor are two pictures of the same first packet and size with different bytes, as a
program on a computer may make them: there the first packet does not tell one from the other.
"""

import contextlib
import hashlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import platformdirs

from camfs import errors
from camfs.protocols import kdc

log = logging.getLogger(__name__)

CACHE_SIZE = 256 << 20
"""Bytes of pictures kept on disk for one camera; beyond that the oldest go."""


class PictureCache:
    """The pictures of one camera on this computer's disk. All methods block.

    Args:
        folder: where they lie; made when the first one is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of_camera(cls, *marks: str) -> "PictureCache":
        """Return the cache of the camera that has these marks. The DC120 has no serial number to know it by."""
        return cls(platformdirs.user_cache_path("camfs") / f"dc120-{_digest(*(mark.encode() for mark in marks))}")

    def read(self, name: str, size: int, stamp: bytes, first: bytes) -> bytes | None:
        """Return a picture, None if it was not kept.

        Args:
            name: in the camera's list.
            size: in bytes, likewise.
            stamp: the entry's four unknown bytes.
            first: what the camera has just sent of the picture: its first packet.
        """
        if not tells_pictures_apart(first):
            return None
        try:
            data = self._path(name, size, stamp, first).read_bytes()
        except OSError:
            return None
        return data if len(data) == size and data.startswith(first) else None

    def beginning(self, name: str, size: int, stamp: bytes) -> bytes | None:
        """Return the first packet of the picture that was kept under a listed name; None if there is none, or more than one."""
        found = list(self._folder.glob(f"{_named(name, size, stamp)}-*.kdc"))
        if len(found) != 1:
            return None
        with contextlib.suppress(OSError), found[0].open("rb") as file:
            return file.read(kdc.ENOUGH)
        return None

    def keep(self, name: str, stamp: bytes, data: bytes) -> None:
        """Keep a picture. Where the disk does not take it, it is not kept, which is logged."""
        first = data[: kdc.ENOUGH]
        if not tells_pictures_apart(first):
            return
        path = self._path(name, len(data), stamp, first)
        part = path.with_suffix(".part")
        try:
            if self._drop_doubles(data):
                log.info("%s is not kept on disk: another picture begins like it", name)
                return
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room(len(data))
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.rename(path)
        except OSError as error:
            log.warning("%s was not kept on disk: %s", name, error.strerror)
            with contextlib.suppress(OSError):
                part.unlink()

    def drop(self, name: str, size: int) -> None:
        """Remove a picture."""
        for path in self._folder.glob(f"{_named(name, size)}-*.kdc"):
            with contextlib.suppress(OSError):
                path.unlink()

    def _drop_doubles(self, data: bytes) -> bool:
        """Remove pictures that have this one's first packet and size and other bytes; return whether there were some."""
        begins = _digest(data[: kdc.ENOUGH])
        others = [
            path
            for path in self._folder.glob(f"*-{len(data)}-*-{begins}.kdc")
            if path.stat().st_size == len(data) and path.read_bytes() != data
        ]
        for path in others:
            path.unlink()
        return bool(others)

    def _path(self, name: str, size: int, stamp: bytes, first: bytes) -> Path:
        return self._folder / f"{_named(name, size, stamp)}-{_digest(first)}.kdc"

    def _make_room(self, size: int) -> None:
        files = sorted(self._stored(), key=lambda stored: stored[1].st_mtime)
        total = sum(status.st_size for _, status in files) + size
        for path, status in files:
            if total <= CACHE_SIZE:
                break
            total -= status.st_size
            path.unlink(missing_ok=True)

    def _stored(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self._folder.glob("*.kdc"):
            with contextlib.suppress(FileNotFoundError):  # another mount has removed it
                yield path, path.stat()


def tells_pictures_apart(first: bytes) -> bool:
    """Say whether a first packet is the header of a picture that a DC120 took: it has a date, which no other picture of it has."""
    with contextlib.suppress(errors.RemoteProtocolError):
        return len(first) == kdc.ENOUGH and kdc.Header.decode(first).taken is not None
    return False


def _named(name: str, size: int, stamp: bytes | None = None) -> str:
    """Return the beginning of a file name: the same for no two names, and without the characters that `glob` takes for patterns."""
    return "-".join([quote(name, safe="").replace("-", "%2D"), str(size), *([] if stamp is None else [stamp.hex()])])


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]

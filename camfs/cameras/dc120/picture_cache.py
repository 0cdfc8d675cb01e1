"""Pictures kept on this computer's disk between mounts, so that a picture comes over the slow line only once.

A copy is taken for the camera's picture only if all of this is the same: the name and the size in the camera's list, the four bytes
between them there (in a DOS directory they are time and date), and the first packet of the picture. The first packet says something
only where it is the header of a picture that a DC120 took, with its name, date and exposure; of a JPEG that was put on the card on a
computer it says nothing. Such files are not kept. Nor are two pictures of the same first packet and size with different bytes, as a
program on a computer may make them: there the first packet does not tell one from the other.

The name of a file says what it is::

    NAME-SIZE-STAMP-BEGINNING-WHOLE.kdc     STAMP: the four bytes; BEGINNING, WHOLE: digests of the first packet and of the whole picture

Bytes that do not have the digest WHOLE were damaged on the disk, by a power cut for instance: the file is removed, and the picture comes
from the camera again. A file without WHOLE, of an earlier version, is never served. A file's time says when it was kept, and is later
than the times of all that were kept before, also where the computer's clock was put back.

The folder and the files keep the rules of `private_files`. If they do not, camfs does without them, which the log says.
"""

import contextlib
import hashlib
import logging
import re
import time
from pathlib import Path
from urllib.parse import quote

import platformdirs

from camfs import errors
from camfs.private_files import PrivateFolder
from camfs.protocols import kdc

log = logging.getLogger(__name__)

CACHE_SIZE = 256 << 20
"""Bytes of pictures kept on disk for one camera; beyond that the oldest go."""

PART = ".part"
"""The end of a file's name while it is written."""

TICK = 2_000_000_000
"""Nanoseconds that the times of two files differ by at least where the clock does not tell which is older: FAT keeps two seconds."""

_NAME = re.compile(r"[^-]*-\d+-[0-9a-f]*-[0-9a-f]{16}-[0-9a-f]{16}\.kdc")


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
        folder = self._open() if tells_pictures_apart(first) else None
        if folder is None:
            return None
        for kept in _pictures(folder, f"{_named(name, size, stamp)}-{_digest(first)}-"):
            data = _read(folder, kept)
            if len(data) == size and data.startswith(first):
                return data
        return None

    def beginning(self, name: str, size: int, stamp: bytes) -> bytes | None:
        """Return the first packet of the picture that was kept under a listed name; None if there is none, or more than one."""
        folder = self._open()
        found = [] if folder is None else _pictures(folder, f"{_named(name, size, stamp)}-")
        if folder is None or len(found) != 1:
            return None
        return _read(folder, found[0])[: kdc.ENOUGH] or None

    def keep(self, name: str, stamp: bytes, data: bytes) -> None:
        """Keep a picture. Where the disk does not take it, or the folder is not safe, it is not kept, which is logged."""
        first = data[: kdc.ENOUGH]
        if not tells_pictures_apart(first):
            return
        kept = f"{_named(name, len(data), stamp)}-{_digest(first)}-{_digest(data)}.kdc"
        part = f"{kept}{PART}"
        try:
            folder = PrivateFolder(self._folder)
            if _drop_doubles(folder, data):
                log.info("%s is not kept on disk: another picture begins like it", name)
                return
            newest = _make_room(folder, len(data))
            folder.write(part, data)
            try:
                if newest > time.time_ns():
                    folder.set_time(part, newest + TICK)
                folder.replace(part, kept)
            except OSError:
                folder.remove(part)
                raise
        except OSError as error:
            log.warning("%s was not kept on disk: %s", name, error.strerror)

    def drop(self, name: str, size: int) -> None:
        """Remove a picture."""
        if folder := self._open():
            for each in _pictures(folder, f"{_named(name, size)}-"):
                with contextlib.suppress(OSError):
                    folder.remove(each)

    def _open(self) -> PrivateFolder | None:
        """Open the folder; None if there is none yet, or it is not safe, and camfs does without it."""
        try:
            return PrivateFolder(self._folder, make=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("pictures that were kept on disk are not used: %s", error.strerror)
            return None


def tells_pictures_apart(first: bytes) -> bool:
    """Say whether a first packet is the header of a picture that a DC120 took: it has a date, which no other picture of it has."""
    with contextlib.suppress(errors.RemoteProtocolError):
        return len(first) == kdc.ENOUGH and kdc.Header.decode(first).taken is not None
    return False


def _pictures(folder: PrivateFolder, prefix: str = "") -> list[str]:
    return [name for name in folder.names() if name.startswith(prefix) and _NAME.fullmatch(name)]


def _read(folder: PrivateFolder, name: str) -> bytes:
    """Read a picture that was kept; nothing if it is not there, or is not to be trusted, which is logged."""
    try:
        data = folder.read(name)
        if not name.endswith(f"-{_digest(data)}.kdc"):
            log.warning("%s: a picture that was kept was damaged on the disk, and is removed: %s", folder.path, name)
            folder.remove(name)
            return b""
    except FileNotFoundError:
        return b""
    except OSError as error:
        log.warning("%s: a picture that was kept is not used: %s", folder.path, error.strerror)
        return b""
    return data


def _drop_doubles(folder: PrivateFolder, data: bytes) -> bool:
    """Remove pictures that have this one's first packet and size and other bytes; return whether there were some."""
    this = [str(len(data)), _digest(data[: kdc.ENOUGH])]
    others = [
        name
        for name in _pictures(folder)
        if name.split("-")[1:4:2] == this and not name.endswith(f"-{_digest(data)}.kdc")
    ]
    for name in others:
        folder.remove(name)
    return bool(others)


def _make_room(folder: PrivateFolder, size: int) -> int:
    """Remove the oldest until there is room, with what was left half written; return the time of the newest, 0 if there is none."""
    files: list[tuple[int, str, int]] = []
    for name in folder.names():
        if name.endswith((".kdc", f".kdc{PART}")):
            with contextlib.suppress(OSError):  # another mount has removed it, or it is not one of ours
                status = folder.status(name)
                files.append((status.st_mtime_ns, name, status.st_size))
    total = sum(each for _, _, each in files) + size
    for _, name, each in sorted(files):
        if total <= CACHE_SIZE:
            break
        total -= each
        folder.remove(name)
    return max((mtime for mtime, _, _ in files), default=0)


def _named(name: str, size: int, stamp: bytes | None = None) -> str:
    """Return the beginning of a file name: the same for no two names, and without `-` and `/` in what it is made of."""
    return "-".join([quote(name, safe="").replace("-", "%2D"), str(size), *([] if stamp is None else [stamp.hex()])])


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]

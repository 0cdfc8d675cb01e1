"""The stores of an emulated DC120, memory and card: ordered lists of pictures, each in an album or in none.

A picture's number is its place in a list, so the numbers of later pictures move down when one is erased.
"""

import itertools
import os
import re
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from camfs.errors import RemoteProtocolError
from camfs.protocols.dc120.texts import ALBUM_FIELD, ALBUMS
from camfs.protocols.dc120.values import Location
from camfs.protocols.kdc import ENOUGH, Header
from camfs.virtual.pictures import kdc
from camfs.virtual.pictures.contents import Bytes, Content, Disk, DiskFile, local_time

MEMORY_CAPACITY = 2 << 20
CARD_CAPACITY = 16 << 20
"""Bytes. The protocol document knows a card of 16 MB; the memory's size is public knowledge."""

_NAME = re.compile(r"[!-\-/-~]{1,8}\.[!-\-/-~]{1,3}")
"""Names that an entry of a list can hold: printable ASCII, 8 characters and 3."""
_ALBUM_NAME = re.compile(rf"[ -~]{{1,{ALBUM_FIELD - 1}}}")


@dataclass(eq=False)
class StoredPicture:
    """A picture in a store.

    Attributes:
        name: as in `P000001.KDC`.
        content: its file.
        album: 1 to 8, or 0 for none.
        modified: local time at which it was written; None if that is not known.
    """

    name: str
    content: Content
    album: int = 0
    modified: datetime | None = None


class Store:
    """The pictures of one location.

    Attributes:
        location: which one.
        pictures: in the order of their numbers.
        capacity: bytes that it has room for; a folder on disk may hold more, and then there is no room left.
    """

    def __init__(self, location: Location, pictures: Iterable[StoredPicture] = ()) -> None:
        self.location = location
        self.pictures = list(pictures)
        self.capacity = CARD_CAPACITY if location is Location.CARD else MEMORY_CAPACITY

    def listed(self, album: int, album_0_is_all: bool = True) -> list[StoredPicture]:
        """Return the pictures in the list of an album, in the order of their numbers, which begin at 1."""
        if album == 0 and album_0_is_all:
            return list(self.pictures)
        return [picture for picture in self.pictures if picture.album == album]

    def left(self, quality: kdc.Quality) -> int:
        """Return how many pictures of a quality there is room for, if they have the largest size that they may have."""
        return max(0, self.capacity - sum(picture.content.size for picture in self.pictures)) // quality.largest

    @property
    def albums_in_use(self) -> int:
        """How many albums have pictures in them."""
        return len({picture.album for picture in self.pictures} - {0})

    def last_number(self) -> int:
        """Return the highest number in the names of pictures, which are `P` and six digits; 0 if there is none."""
        matches = (re.match(r"P([0-9]{6})\.", picture.name) for picture in self.pictures)
        return max((int(match[1]) for match in matches if match), default=0)


def scan(folder: Path, disk: Disk, albums: list[str]) -> list[StoredPicture]:
    """Return the pictures of a folder, in order of their names. Those in its sub-folders are in albums named after these.

    Only regular files count whose names end in `.kdc`. A file whose name does not fit a list goes by the name in its header, or if that
    is taken or there is none, by a short name as DOS makes it: `HOLIDA~1.KDC`.

    Args:
        folder: on disk; nothing in it is ever changed.
        disk: reads the files.
        albums: names of the albums so far; those of sub-folders are added.

    Raises:
        ValueError: the folder cannot be a camera's store, for example because two pictures have the same name; the message says why.
    """
    pictures = _pictures(folder, disk, 0)
    for entry in _entries(folder):
        if not entry.is_dir(follow_symlinks=False):
            continue
        if not _ALBUM_NAME.fullmatch(entry.name):
            raise ValueError(f"{entry.name} cannot be an album's name: {ALBUM_FIELD - 1} characters of ASCII at most")
        if entry.name not in albums:
            if len(albums) == ALBUMS:
                raise ValueError(f"{entry.name} would be album {ALBUMS + 1}; the camera has {ALBUMS}")
            albums.append(entry.name)
        pictures += _pictures(Path(entry.path), disk, albums.index(entry.name) + 1)
    _shorten_names(pictures)
    pictures.sort(key=lambda picture: picture.name)
    for one, other in itertools.pairwise(pictures):
        if one.name == other.name:
            raise ValueError(f"two pictures are called {one.name}")
    return pictures


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _pictures(folder: Path, disk: Disk, album: int) -> list[StoredPicture]:
    pictures = []
    for entry in _entries(folder):
        if entry.is_file(follow_symlinks=False) and entry.name.lower().endswith(".kdc"):
            status = entry.stat(follow_symlinks=False)
            content = DiskFile(disk, Path(entry.path), status.st_size)
            pictures.append(StoredPicture(entry.name, content, album, local_time(status.st_mtime)))
    return pictures


def _shorten_names(pictures: Iterable[StoredPicture]) -> None:
    """Give a picture whose name does not fit a list one that does, and that no other picture has."""
    taken = {picture.name.casefold() for picture in pictures}
    for picture in sorted(pictures, key=lambda picture: picture.name):
        if not _NAME.fullmatch(picture.name):
            inner = _name_in_header(picture.content)
            suits = _NAME.fullmatch(inner) and inner.casefold() not in taken
            picture.name = inner if suits else _short_name(picture.name, taken)
            taken.add(picture.name.casefold())


def _name_in_header(content: Content) -> str:
    try:
        return f"{Header.decode(content.read(0, ENOUGH)).name}.KDC"
    except (RemoteProtocolError, OSError):
        return ""


def _short_name(name: str, taken: Container[str]) -> str:
    """Return the short name that DOS would give a file with a long one."""
    stem = re.sub(r"[^0-9A-Z!#-)@^-`{}~-]", "_", name[: -len(".kdc")].upper().replace(" ", "").replace(".", ""))
    shorts = (f"{stem[: 7 - len(str(number))]}~{number}.KDC" for number in itertools.count(1))
    return next(short for short in shorts if short.casefold() not in taken)


def generated(count: int, first: int, albums: tuple[int, ...] = ()) -> list[StoredPicture]:
    """Return generated pictures, numbered from `first`. The last of them are in these albums, the others in none."""
    numbers = (0,) * (count - len(albums)) + albums
    return [
        StoredPicture(f"{shot.name}.KDC", Bytes(partial(kdc.picture, shot)), album, shot.taken)
        for shot, album in zip(kdc.generated_shots(count, first), numbers, strict=True)
    ]

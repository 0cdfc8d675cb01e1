"""The stores of an emulated DC120, memory and card: ordered lists of pictures, each in an album or in none.

A picture's number is its place in a list, so that numbers move down when one is erased (reference dc120, section 12).
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from camfs.errors import RemoteProtocolError
from camfs.protocols.dc120.texts import ALBUM_CELL, ALBUMS
from camfs.protocols.dc120.values import Location
from camfs.protocols.kdc import ENOUGH, Header
from camfs.virtual.pictures import kdc
from camfs.virtual.pictures.contents import Bytes, Disk, DiskFile

MEMORY_CAPACITY = 2 << 20
CARD_CAPACITY = 16 << 20
"""Bytes; the card is the seed's "0x80=16MB card", the memory's size public knowledge (reference, section 12)."""

_NAME = re.compile(r"[!-\-/-~]{1,8}\.[!-\-/-~]{1,3}")
"""Names that an entry of a list holds: printable ASCII, 8 characters and 3 (reference 8.2)."""
_ALBUM_NAME = re.compile(rf"[ -~]{{1,{ALBUM_CELL - 1}}}")


class Content(Protocol):
    """The bytes of a picture. `read` raises OSError where the disk does."""

    @property
    def size(self) -> int:
        """Length in bytes."""

    def read(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset`; fewer at the end."""


@dataclass(eq=False)
class Picture:
    """A picture in a store.

    Attributes:
        name: as in `P000001.KDC`.
        content: its file.
        album: 1 to 8, or 0 for none.
    """

    name: str
    content: Content
    album: int = 0


class Store:
    """The pictures of one location.

    Attributes:
        location: which one.
        pictures: in the order of their numbers.
        capacity: bytes there is room for; a given folder may hold more, and then there is no room left.
    """

    def __init__(self, location: Location, pictures: Iterable[Picture] = ()) -> None:
        self.location = location
        self.pictures = list(pictures)
        self.capacity = CARD_CAPACITY if location is Location.CARD else MEMORY_CAPACITY

    def listed(self, album: int, album_0_is_all: bool = True) -> list[Picture]:
        """Return the pictures that a list of an album holds; number 1 is the first."""
        if album == 0 and album_0_is_all:
            return list(self.pictures)
        return [picture for picture in self.pictures if picture.album == album]

    def left(self, quality: kdc.Quality) -> int:
        """Return how many pictures of a quality there is room for, of the largest size they may have."""
        return max(0, self.capacity - sum(picture.content.size for picture in self.pictures)) // quality.largest

    @property
    def albums_in_use(self) -> int:
        """Number of albums with pictures in them."""
        return len({picture.album for picture in self.pictures} - {0})

    def last_number(self) -> int:
        """Return the highest number in the names of pictures, `P` and six digits; 0 if there is none."""
        matches = (re.match(r"P([0-9]{6})\.", picture.name) for picture in self.pictures)
        return max((int(match[1]) for match in matches if match), default=0)


def scan(folder: Path, disk: Disk, albums: list[str]) -> list[Picture]:
    """Return the pictures of a folder, in order of their names: its own in no album, those of sub-folders in albums of their names.

    Only `.kdc` files count, and only regular ones. A file whose name no list can hold goes by the name in its header.

    Args:
        folder: on disk; nothing in it is ever changed.
        disk: what reads it.
        albums: names of the albums so far; those of sub-folders are added.

    Raises:
        ValueError: it cannot be a camera's store: two pictures of one name, more than 8 albums; the message says what.
    """
    pictures = list(_pictures(folder, disk, 0))
    for entry in _entries(folder):
        if not entry.is_dir(follow_symlinks=False):
            continue
        if not _ALBUM_NAME.fullmatch(entry.name):
            raise ValueError(f"{entry.name} is no name for an album: {ALBUM_CELL - 1} characters of ASCII at most")
        if entry.name not in albums:
            if len(albums) == ALBUMS:
                raise ValueError(f"{entry.name} would be album {ALBUMS + 1}; the camera has {ALBUMS}")
            albums.append(entry.name)
        pictures += _pictures(Path(entry.path), disk, albums.index(entry.name) + 1)
    pictures.sort(key=lambda picture: picture.name)
    for one, other in pairwise(pictures):
        if one.name == other.name:
            raise ValueError(f"two pictures are called {one.name}")
    return pictures


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _pictures(folder: Path, disk: Disk, album: int) -> Iterator[Picture]:
    for entry in _entries(folder):
        if entry.is_file(follow_symlinks=False) and entry.name.lower().endswith(".kdc"):
            content = DiskFile(disk, Path(entry.path), entry.stat(follow_symlinks=False).st_size)
            yield Picture(_listed_name(entry.name, content), content, album)


def _listed_name(name: str, content: DiskFile) -> str:
    if _NAME.fullmatch(name):
        return name
    try:
        inner = f"{Header.decode(content.read(0, ENOUGH)).name}.KDC"
    except (RemoteProtocolError, OSError):
        inner = ""
    if not _NAME.fullmatch(inner):
        raise ValueError(f"{name} is no name for a picture, 8 characters and 3, nor has it one in its header")
    return inner


def made(count: int, first: int, albums: tuple[int, ...] = ()) -> list[Picture]:
    """Return made pictures, numbered from `first`; the last of them in these albums, the others in none."""
    numbers = (0,) * (count - len(albums)) + albums
    return [
        Picture(f"{shot.name}.KDC", Bytes(partial(kdc.picture, shot)), album)
        for shot, album in zip(kdc.generated_shots(count, first), numbers, strict=True)
    ]

"""Texts to and from the camera: album names (42, 43), the user's name (9E), paths (99, 9A). Reference dc120, sections 5 and 8.3."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from camfs.errors import LocalProtocolError
from camfs.protocols.dc120.commands import FORMS, LIST_SIZE, Code
from camfs.protocols.dc120.fields import cell_of, require_size, text_of

ALBUMS = 8
ALBUM_CELL = 15


@dataclass(frozen=True)
class AlbumNames:
    """The names of albums 1 to 8 (reference 8.3, 5).

    Attributes:
        cells: 8 cells of 15 bytes, filled up with NULs; an empty one is an unused album.
        rest: 136 bytes without meaning; zeros from this program, left-over memory in the seed's example.
    """

    cells: tuple[bytes, ...]
    rest: bytes = field(default=bytes(LIST_SIZE - ALBUMS * ALBUM_CELL), repr=False)

    @classmethod
    def of(cls, names: Iterable[str]) -> "AlbumNames":
        """Make them of 8 names, an unused album's empty.

        Raises:
            InvalidValue: a name of more than 14 characters, or with others than ASCII has.
            LocalProtocolError: not 8.
        """
        cells = tuple(cell_of(name, ALBUM_CELL, "an album's name") for name in names)
        if len(cells) != ALBUMS:
            raise LocalProtocolError(f"{len(cells)} album names")
        return cls(cells)

    def renamed(self, album: int, name: str) -> "AlbumNames":
        """Return them with another name for one of albums 1 to 8, the others' bytes as they are, and zeros behind.

        Raises:
            InvalidValue: a name as in `of`.
        """
        cells = list(self.cells)
        cells[album - 1] = cell_of(name, ALBUM_CELL, "an album's name")
        return AlbumNames(tuple(cells))

    @classmethod
    def decode(cls, payload: bytes) -> "AlbumNames":
        """Read them.

        Raises:
            RemoteProtocolError: not of this length.
        """
        require_size(payload, LIST_SIZE, "album names")
        end = ALBUMS * ALBUM_CELL
        return cls(tuple(payload[start : start + ALBUM_CELL] for start in range(0, end, ALBUM_CELL)), payload[end:])

    def encode(self) -> bytes:
        """Write them: what 43 returns and what 42 carries."""
        return b"".join(self.cells) + self.rest

    @property
    def names(self) -> tuple[str, ...]:
        """The names, of album 1 first."""
        return tuple(map(text_of, self.cells))


USER_NAME_SIZE = FORMS[Code.SET_USER_NAME].extra
PATH_FIELD = 48


def encode_user_name(name: str) -> bytes:
    """Write the user's name as the extra data of 9E: up to 57 characters, of which the status shows 30.

    Raises:
        InvalidValue: longer, or with others than ASCII has.
    """
    return cell_of(name, USER_NAME_SIZE, "the user name")


def decode_user_name(payload: bytes) -> str:
    """Read the user's name from the extra data of 9E.

    Raises:
        RemoteProtocolError: not of this length.
    """
    require_size(payload, USER_NAME_SIZE, "user name")
    return text_of(payload)


_PATH_REST = {
    Code.UNKNOWN_99: bytes(FORMS[Code.UNKNOWN_99].extra - PATH_FIELD),
    Code.UNKNOWN_9A: b"\xff" * 16 + bytes(FORMS[Code.UNKNOWN_9A].extra - PATH_FIELD - 16),
}


def encode_path(code: Code, path: str) -> bytes:
    r"""Write a path like `\MEMORY\ALBUM.CTL` as the extra data of 99 or 9A, with what the seed has behind it.

    Raises:
        InvalidValue: longer than 47 characters, or with others than ASCII has.
    """
    return cell_of(path, PATH_FIELD, "a path") + _PATH_REST[code]


def decode_path(code: Code, payload: bytes) -> str:
    """Read the path from the extra data of 99 or 9A.

    Raises:
        RemoteProtocolError: not of this length.
    """
    require_size(payload, FORMS[code].extra, "path")
    return text_of(payload[:PATH_FIELD])

"""Texts to and from the camera: album names (42, 43), the user's name (9E), paths (99, 9A).

Facts: camfs/protocols/dc120/README.md, "Extra data, host to camera".
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from camfs.errors import LocalProtocolError
from camfs.protocols.dc120.commands import FORMS, LIST_SIZE, Code
from camfs.protocols.dc120.fields import encode_text, require_size
from camfs.protocols.text import decode_text

ALBUMS = 8
ALBUM_FIELD = 15
"""Bytes of an album's name."""


@dataclass(frozen=True)
class AlbumNames:
    """The names of albums 1 to 8.

    Attributes:
        fields: 8 fields of 15 bytes, filled up with NULs; an empty one is an unused album.
        rest: 136 bytes without meaning: zeros from this program, left-over memory in the protocol document's example.
    """

    fields: tuple[bytes, ...]
    rest: bytes = field(default=bytes(LIST_SIZE - ALBUMS * ALBUM_FIELD), repr=False)

    @classmethod
    def of(cls, names: Iterable[str]) -> "AlbumNames":
        """Make them of 8 names; that of an unused album is empty.

        Raises:
            InvalidValue: a name has more than 14 characters, or others than printable ASCII.
            LocalProtocolError: there are not 8 names.
        """
        fields = tuple(_album_field(name) for name in names)
        if len(fields) != ALBUMS:
            raise LocalProtocolError(f"{len(fields)} album names")
        return cls(fields)

    def renamed(self, album: int, name: str) -> "AlbumNames":
        """Return them with another name for one of albums 1 to 8. The others' bytes stay as they are, and `rest` is zeros.

        Raises:
            InvalidValue: the name is as `of` does not take it.
        """
        fields = list(self.fields)
        fields[album - 1] = _album_field(name)
        return AlbumNames(tuple(fields))

    @classmethod
    def decode(cls, payload: bytes) -> "AlbumNames":
        """Read the reply to 43, or the extra data of 42.

        Raises:
            RemoteProtocolError: the payload has another length.
        """
        require_size(payload, LIST_SIZE, "album names")
        end = ALBUMS * ALBUM_FIELD
        return cls(tuple(payload[start : start + ALBUM_FIELD] for start in range(0, end, ALBUM_FIELD)), payload[end:])

    def encode(self) -> bytes:
        """Write the reply to 43, or the extra data of 42."""
        return b"".join(self.fields) + self.rest

    @property
    def names(self) -> tuple[str, ...]:
        """The names, of album 1 first."""
        return tuple(map(decode_text, self.fields))


def _album_field(name: str) -> bytes:
    return encode_text(name, ALBUM_FIELD, "an album's name")


USER_NAME_SIZE = FORMS[Code.SET_USER_NAME].extra
PATH_FIELD = 48
"""Bytes of a path, at the start of the extra data of 99 and 9A."""


def encode_user_name(name: str) -> bytes:
    """Write the user's name as the extra data of 9E: up to 57 characters, of which the status shows 30.

    Raises:
        InvalidValue: the name is longer, or has other characters than printable ASCII.
    """
    return encode_text(name, USER_NAME_SIZE, "the user name")


def decode_path(code: Code, payload: bytes) -> str:
    r"""Read a path like `\MEMORY\ALBUM.CTL` from the extra data of 99 or 9A.

    Raises:
        RemoteProtocolError: the payload has another length.
    """
    require_size(payload, FORMS[code].extra, "path")
    return decode_text(payload[:PATH_FIELD])

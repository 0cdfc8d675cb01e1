"""Pieces of records: lengths, and texts in cells of fixed size.

Texts are ASCII from the camera's point of view and are read as Latin-1, so that no byte is lost.
"""

from camfs.errors import InvalidValue, RemoteProtocolError


def require_size(payload: bytes, size: int, what: str) -> None:
    """Refuse a payload of the wrong length.

    Raises:
        RemoteProtocolError: it is.
    """
    if len(payload) != size:
        raise RemoteProtocolError(f"{what} of {len(payload)} bytes, not {size}")


def text_of(cell: bytes) -> str:
    """Return the text of a cell, up to its first NUL."""
    return cell.split(b"\0", 1)[0].decode("latin-1")


def cell_of(text: str, size: int, what: str) -> bytes:
    """Return a text filled up with NULs, at least one.

    Raises:
        InvalidValue: too long, or not of printable ASCII characters.
    """
    if not (text.isascii() and (text.isprintable() or not text)):
        raise InvalidValue(f"{what} takes letters, digits and signs of ASCII")
    if len(text) >= size:
        raise InvalidValue(f"{what} takes {size - 1} characters")
    return text.encode("ascii").ljust(size, b"\0")

"""Fields of records: texts that end in NUL, in fields of fixed size, and records of fixed length. The camera's texts are ASCII."""

from camfs.errors import InvalidValue, RemoteProtocolError


def require_size(payload: bytes, size: int, what: str) -> None:
    """Refuse a payload of the wrong length.

    Raises:
        RemoteProtocolError: the payload is longer or shorter.
    """
    if len(payload) != size:
        raise RemoteProtocolError(f"{what} of {len(payload)} bytes, not {size}")


def encode_text(text: str, size: int, what: str) -> bytes:
    """Return a field of `size` bytes that holds a text, filled up with NULs, at least one.

    Raises:
        InvalidValue: the text is too long, or has other characters than printable ASCII.
    """
    if not (text.isascii() and (text.isprintable() or not text)):
        raise InvalidValue(f"{what} takes printable ASCII characters only")
    if len(text) >= size:
        raise InvalidValue(f"{what} takes {size - 1} characters at most")
    return text.encode("ascii").ljust(size, b"\0")

"""File names made of cameras' names: whatever a camera sends becomes a legal, unique name, from which the camera's can be read back.

`/` and the names `.` and `..` are written as `%` and two hexadecimal digits. So is each byte of a character that no terminal should see
(`camfs/printable.py`), because `ls` in a pipe and many other programs print names as they are; and so is a `%` that stands before two such
digits, so that `unescape` returns the camera's own name. An object without a name is named by its tag.
"""

import re
from collections.abc import Container
from urllib.parse import quote, unquote

from camfs.printable import is_printable

MAX_NAME = 255
"""Bytes of a file name in UTF-8 (NAME_MAX)."""

_LOOKS_ESCAPED = re.compile(r"%(?=[0-9A-Fa-f]{2})")


def escape(name: str) -> str:
    """Return a legal file name for a camera's name: nearly always the same; empty for an empty one."""
    if name in (".", ".."):
        return name.replace(".", "%2E")
    escaped = _LOOKS_ESCAPED.sub("%25", name).replace("/", "%2F")
    if escaped.isprintable():
        return escaped
    return "".join(letter if is_printable(letter) else quote(letter, errors="replace") for letter in escaped)


def unescape(name: str) -> str:
    """Return the camera's name for an escaped one."""
    return unquote(name, errors="surrogateescape")


def unique(name: str, tag: str, taken: Container[bytes]) -> bytes:
    """Return a camera's name as bytes that fit a directory and are not taken.

    Args:
        name: the camera's name, not escaped.
        tag: short text that is unique in the folder.
        taken: the names that are taken.
    """
    escaped = escape(name) or f"unnamed-{tag}"
    plain = escaped.encode("utf-8", "replace")
    if len(plain) <= MAX_NAME and plain not in taken:
        return plain
    stem, dot, extension = escaped.rpartition(".")
    if not stem or len(extension) > 16:
        stem, dot, extension = escaped, "", ""
    for number in range(1 << 16):
        mark = f"~{tag}" + (f"~{number}" if number else "")
        end = (mark + dot + extension).encode("utf-8", "replace")
        start = stem.encode("utf-8", "replace")[: MAX_NAME - len(end)]
        candidate = start.decode("utf-8", "ignore").encode() + end
        if candidate not in taken:
            return candidate
    raise ValueError(f"{name!r}: no free name")

"""Names of files in the spool: made of what a camera calls a file, told apart by numbers, and what else stands beside a file.

In a spool's folder `NAME` is a whole file, and these belong to it::

    .NAME.part       its bytes until it is whole
    .NAME.sum        its size and digest
    partial-NAME     the beginning of a file whose rest never came
    NAME.damaged     a file that does not match its size and digest any more
"""

import re
from collections.abc import Container
from pathlib import Path

import platformdirs

MAX_NAME = 100
"""Characters of a name; DCF's have twelve."""

PARTIAL = "partial-"
"""Prefix of the name of a file whose rest never came."""

DAMAGED = ".damaged"
"""Suffix of the name of a file that was set aside, so that nobody takes it for a picture."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._ +~()-]")
_NUMBERS = re.compile(r"(~[0-9]+)+(?=(\.[^.]*)?$)")


def default_folder(serial: str) -> Path:
    """Return the folder of a camera's spool: in the user's state directory."""
    return platformdirs.user_state_path("camfs") / "spool" / safe_name(serial or "camera")


def safe_name(name: str) -> str:
    """Return a file name for what a camera calls a file: the last step of a path, without characters that trouble a disk or a shell."""
    last = _UNSAFE.sub("_", re.split(r"[/\\]", name)[-1])
    stem, dot, extension = last.rpartition(".")
    if len(last) > MAX_NAME:
        last = stem[: MAX_NAME - len(extension) - 1] + dot + extension if len(extension) < 16 else last[:MAX_NAME]
    if last.endswith(DAMAGED):
        last = last[:-1] + "_"
    return "_" + last[1:] if last.startswith(".") else last or "unnamed"


def original_name(name: str) -> str:
    """Return the name that a file had before numbers were added to tell it from others."""
    return _NUMBERS.sub("", name)


def numbered(name: str, *taken: Container[str]) -> str:
    """Return this name, with a number before its extension if one of these has it already."""
    stem, dot, extension = name.rpartition(".")
    if not stem:
        stem, dot, extension = name, "", ""
    number, candidate = 1, name
    while any(candidate in names for names in taken):
        number += 1
        candidate = f"{stem}~{number}{dot}{extension}"
    return candidate


def part_name(name: str) -> str:
    """Return the name of a file until it is whole."""
    return f".{name}.part"


def sum_name(name: str) -> str:
    """Return the name of the file that holds a file's size and digest."""
    return f".{name}.sum"


def of_parts(names: list[str]) -> list[str]:
    """Return the names that the partial files among these will have when they are whole."""
    return [name[1:-5] for name in names if name.startswith(".") and name.endswith(".part") and len(name) > 6]


def of_sums(names: list[str]) -> list[str]:
    """Return the names whose sizes and digests are among these files."""
    return [name[1:-4] for name in names if name.startswith(".") and name.endswith(".sum") and len(name) > 5]

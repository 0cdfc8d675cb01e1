"""The mount options (`-o name=value,…`): one table, read by the command line, its help and README.

What mount(8) and an fstab line bring along is accepted: options for libfuse are handed on, those for mount itself mean nothing here.
"""

import contextlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@dataclass(frozen=True)
class MountOptions:
    """What the options say; the defaults are the mount's."""

    allow_delete: bool = False
    allow_format: bool = False
    raw: bool = False
    show_control: bool = False
    nonempty: bool = False
    tz: tzinfo | None = None
    uid: int = -1
    gid: int = -1
    umask: int = 0o022
    cache: int = 64 << 20
    timeout: float = 10.0
    baud: int | None = None
    idle: float = 300.0
    spool: Path | None = None
    movies: bool = False
    attr_timeout: float = 5.0
    fuse: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Option:
    """One option of camfs: how its value is read and what it does."""

    name: str
    help: str
    read: Callable[[str], Any] | None = None
    value: str = ""


def read_zone(text: str) -> tzinfo:
    """Read a zone: `UTC`, `Europe/Berlin`, `+0200`."""
    offset = re.fullmatch(r"([+-])(\d\d):?([0-5]\d)", text)
    if offset and int(offset[2]) < 24:
        sign, hours, minutes = offset.groups()
        return timezone(timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1))
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{text!r} is no time zone") from None


def read_size(text: str) -> int:
    """Read a number of bytes: `64M`, `1G`, `500000`; at least 1 MiB."""
    match = re.fullmatch(r"(\d+)([KMG]?)", text.upper())
    if match is None:
        raise ValueError(f"{text!r} is no size")
    size = int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[match[2]]
    if size < 1 << 20:
        raise ValueError(f"{text} is less than 1M")
    return size


def _seconds(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0.1 <= float(text) <= 3600:
            return float(text)
    raise ValueError(f"{text!r} is not between 0.1 and 3600 seconds")


def _idle(text: str) -> float:
    return 0.0 if text == "0" else _seconds(text)


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_absolute():
        raise ValueError("not an absolute path")
    return path


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) >= 1 << 32:
        raise ValueError(f"{text!r} is no number of a user or group")
    return int(text)


def _mask(text: str) -> int:
    if not re.fullmatch(r"0?[0-7]{1,3}", text):
        raise ValueError(f"{text!r} is no mask, which is three octal digits")
    return int(text, 8)


OPTIONS = (
    Option("allow_delete", "rm deletes on the camera"),
    Option("allow_format", "writing a store's name to .format formats it"),
    Option("raw", "raw commands through .raw"),
    Option("show_control", "list the control files"),
    Option("nonempty", "mount over a directory that is not empty"),
    Option(
        "tz", "zone of the camera's clock, where the camera does not say (default: this computer's)", read_zone, "ZONE"
    ),
    Option("uid", "owner of the files", _number, "UID"),
    Option("gid", "group of the files", _number, "GID"),
    Option("umask", "permission bits to take away, octal (default 022)", _mask, "MASK"),
    Option("cache", "bytes of the block cache (default 64M)", read_size, "SIZE"),
    Option("timeout", "seconds without an answer after which a transfer has failed (default 10)", _seconds, "SECONDS"),
    Option("baud", "the only speed of a serial line to use (default: the fastest that works)", _number, "BAUD"),
    Option(
        "idle",
        "seconds without need of it after which a SIGMA's body is handed back; 0 never (default 300)",
        _idle,
        "SECONDS",
    ),
    Option(
        "spool", "where a SIGMA's shots wait on this computer (default: ~/.local/state/camfs/spool)", _folder, "DIR"
    ),
    Option("movies", "offer a SIGMA's MOV takes in imagedb/"),
    Option(
        "attr_timeout",
        "seconds after which a listing is checked again on a camera that announces no changes (default 5)",
        _seconds,
        "SECONDS",
    ),
)
"""The options of camfs itself."""

FUSE_OPTIONS = frozenset(
    ("allow_other", "allow_root", "default_permissions", "auto_unmount")
    + ("ro", "noatime", "exec", "noexec", "suid", "nosuid", "dev", "nodev")
)
"""Options handed on to libfuse."""

MOUNT_OPTIONS = frozenset(
    ("rw", "auto", "noauto", "user", "nouser", "users", "owner", "group", "defaults", "nofail", "_netdev")
    + ("async", "sync", "atime", "relatime", "norelatime", "strictatime", "lazytime", "diratime", "nodiratime")
)
"""Options that are for mount(8) and mean nothing to camfs."""


def parse_options(texts: list[str]) -> MountOptions:
    """Read the texts of all `-o`.

    Raises:
        ValueError: an option that is not known, or a value that it does not take; the text says which.
    """
    known = {option.name: option for option in OPTIONS}
    values: dict[str, Any] = {}
    fuse: set[str] = set()
    for word in filter(None, (word.strip() for text in texts for word in text.split(","))):
        name, equals, value = word.partition("=")
        if name in known:
            option = known[name]
            if (option.read is None) == bool(equals):
                raise ValueError(f"-o {name} takes {'no' if option.read is None else 'a'} value")
            try:
                values[name] = True if option.read is None else option.read(value)
            except ValueError as error:
                raise ValueError(f"-o {word}: {error}") from None
        elif word in FUSE_OPTIONS or name in ("fsname", "subtype"):
            fuse.add(word)
        elif word not in MOUNT_OPTIONS and not name.startswith(("x-", "comment")):
            raise ValueError(f"unknown option -o {word}")
    values.setdefault("uid", os.getuid())
    values.setdefault("gid", os.getgid())
    return MountOptions(fuse=frozenset(fuse), **values)

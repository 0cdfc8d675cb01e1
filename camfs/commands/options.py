"""The mount options (`-o name=value,…`).

`OPTIONS` is the only table of camfs's own options and their defaults: the parser, the help, the manual page and the completions are
made from it, and a test compares the README with it. What mount(8) and an fstab line add is accepted: options of libfuse are handed
on to it, and those for mount itself mean nothing here.
"""

import contextlib
import grp
import os
import pwd
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


@dataclass(frozen=True)
class MountOptions:
    """The options of a mount, as `parse_options` reads them; `OPTIONS` says what they mean.

    Attributes:
        tz: None for this computer's time zone.
        cache: bytes.
        timeout: seconds, as `idle` and `attr_timeout`.
        baud: None for the fastest speed that works.
        idle: 0 for never.
        spool: None for the usual folder.
        fuse: the options for libfuse.
    """

    allow_delete: bool
    allow_format: bool
    raw: bool
    show_control: bool
    nonempty: bool
    tz: tzinfo | None
    uid: int
    gid: int
    umask: int
    cache: int
    timeout: float
    baud: int | None
    idle: float
    spool: Path | None
    movies: bool
    noinotify: bool
    attr_timeout: float
    fuse: frozenset[str]


@dataclass(frozen=True)
class Option:
    """One option of camfs. Without `value` and `read` it is a switch, off by default.

    Attributes:
        name: as it is typed, and the field of `MountOptions`.
        meaning: what it does.
        value: what its value is called.
        read: makes the value from its text; raises ValueError if it is not one.
        default: the value of a mount without this option, as it would be typed; empty if None stands for it.
        otherwise: what happens without this option, where no value says so.
    """

    name: str
    meaning: str
    value: str = ""
    read: Callable[[str], Any] | None = None
    default: str = ""
    otherwise: str = ""

    @property
    def typed(self) -> str:
        """The option with its equals sign, and what its value is called: `cache=SIZE`."""
        return f"{self.name}={self.value}" if self.value else self.name

    @property
    def help(self) -> str:
        """What it does and its default, in one line."""
        default = self.default or self.otherwise
        return f"{self.meaning} (default: {default})" if default else self.meaning

    def default_value(self) -> Any:
        """Return the value of a mount without this option."""
        if self.read is None:
            return False
        return self.read(self.default) if self.default else None


def read_zone(text: str) -> tzinfo:
    """Read a zone: `UTC`, `Europe/Berlin`, `+0200`."""
    offset = re.fullmatch(r"([+-])(\d\d):?([0-5]\d)", text)
    if offset and int(offset[2]) < 24:
        sign, hours, minutes = offset.groups()
        return timezone(timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1))
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{text!r} is not a time zone") from None


def read_size(text: str) -> int:
    """Read a number of bytes: `64M`, `1G`, `500000`; at least 1 MiB."""
    match = re.fullmatch(r"(\d+)([KMG]?)", text.upper())
    if match is None:
        raise ValueError(f"{text!r} is not a size such as 64M")
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
        raise ValueError(f"{text!r} is not a number from 0 to 4294967295")
    return int(text)


def _user(text: str) -> int:
    """Read the number or the name of a user."""
    if text.isdecimal():
        return _number(text)
    try:
        return pwd.getpwnam(text).pw_uid
    except KeyError:
        raise ValueError(f"there is no user {text!r}") from None


def _group(text: str) -> int:
    """Read the number or the name of a group."""
    if text.isdecimal():
        return _number(text)
    try:
        return grp.getgrnam(text).gr_gid
    except KeyError:
        raise ValueError(f"there is no group {text!r}") from None


def _mask(text: str) -> int:
    if not re.fullmatch(r"0?[0-7]{1,3}", text):
        raise ValueError(f"{text!r} is not a mask of up to three octal digits")
    return int(text, 8)


SPOOL = "~/.local/state/camfs/spool"
"""Where a SIGMA's shots are kept unless `XDG_STATE_HOME` or an option says otherwise."""

OPTIONS = (
    Option("allow_delete", "rm deletes on the camera; without it, rm fails"),
    Option("allow_format", "writing a store's name to .format formats that store"),
    Option("raw", "send raw commands through .raw"),
    Option("show_control", "list the control files in the mounted directory"),
    Option("nonempty", "mount over a directory that is not empty, and so hide what is in it"),
    Option(
        "tz",
        "time zone of the camera's clock, for cameras that do not tell it",
        "ZONE",
        read_zone,
        otherwise="this computer's",
    ),
    Option("uid", "owner of the files, by name or number", "USER", _user, otherwise="you"),
    Option("gid", "group of the files, by name or number", "GROUP", _group, otherwise="your group"),
    Option("umask", "permission bits to remove, in octal", "MASK", _mask, "022"),
    Option("cache", "size of the block cache", "SIZE", read_size, "64M"),
    Option("timeout", "a transfer fails after this many seconds without an answer", "SECONDS", _seconds, "10"),
    Option(
        "baud",
        "use only this speed on a serial line",
        "BAUD",
        _number,
        otherwise="the fastest that works, up to 115200",
    ),
    Option(
        "idle", "release a camera under remote control after this many idle seconds; 0 = never", "SECONDS", _idle, "300"
    ),
    Option(
        "spool",
        "folder on this computer that keeps shots that came to it until you remove them",
        "DIR",
        _folder,
        otherwise=SPOOL,
    ),
    Option("movies", "offer the SIGMA's MOV recordings in imagedb/"),
    Option("noinotify", "do not tell programs that watch folders (inotify) of new pictures"),
    Option(
        "attr_timeout",
        "check listings again after this many seconds, on cameras that do not announce changes",
        "SECONDS",
        _seconds,
        "5",
    ),
)
"""The options of camfs itself."""

FUSE_OPTIONS = frozenset(
    ("allow_other", "allow_root", "default_permissions", "auto_unmount")
    + ("ro", "noatime", "exec", "noexec", "suid", "nosuid", "dev", "nodev")
)
"""Options that are passed on to libfuse."""

FOR_OTHERS = frozenset(("allow_other", "allow_root"))
"""Those that let other users in. They bring `default_permissions` along, or the kernel would let them do all that the owner may."""

MOUNT_OPTIONS = frozenset(
    ("rw", "auto", "noauto", "user", "nouser", "users", "owner", "group", "defaults", "nofail", "_netdev")
    + ("async", "sync", "atime", "relatime", "norelatime", "strictatime", "lazytime", "diratime", "nodiratime")
)
"""Options for mount(8), which mean nothing to camfs."""


def parse_options(texts: list[str]) -> MountOptions:
    """Read the texts of all `-o`.

    Raises:
        ValueError: an unknown option, or a value that an option does not take; the text says which.
    """
    known = {option.name: option for option in OPTIONS}
    values = {option.name: option.default_value() for option in OPTIONS} | {"uid": os.getuid(), "gid": os.getgid()}
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
            raise ValueError(f"unknown option -o {word}; -o help lists them")
    return MountOptions(fuse=frozenset(fuse), **values)

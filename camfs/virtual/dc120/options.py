"""The options of the emulated DC120: those after `virtual:dc120?`, which are also those of `python -m camfs.virtual dc120`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from camfs.protocols.dc120.lists import ListLayout
from camfs.protocols.dc120.values import SPEED, Location
from camfs.virtual.dc120.faults import Quirks
from camfs.virtual.dc120.line import MAX_SPEED
from camfs.virtual.options import Option, not_negative, read_folder, read_options, read_switch, read_trace

GENERATED: Final = "made"
"""The value of `card` that stands for generated pictures."""


@dataclass
class DC120Options:
    """What was asked for.

    Attributes:
        folders: by location the folder to show there, or `GENERATED`. Without one the memory holds generated pictures, and there is
            no card.
        trace: file to write the trace to.
        throttled: whether bytes take as long as on a real line.
        fastest: highest baud rate that the cable carries.
        capture_seconds: how long it takes to take a picture.
        quirks: what the camera does where sources differ.
    """

    folders: dict[Location, Path | Literal["made"]] = field(default_factory=dict)
    trace: Path | None = None
    throttled: bool = True
    fastest: int = MAX_SPEED
    capture_seconds: float = 5.0
    quirks: Quirks = field(default_factory=Quirks)

    @property
    def has_folders(self) -> bool:
        """Whether the pictures of any location are the user's own."""
        return any(isinstance(folder, Path) for folder in self.folders.values())


def parse(values: Mapping[str, str]) -> DC120Options:
    """Read options.

    Raises:
        ValueError: an option is unknown, or its value is not one that it may have; the message names it.
    """
    return read_options(DC120Options(), OPTIONS, values)


def _memory(options: DC120Options, value: str) -> None:
    options.folders[Location.MEMORY] = read_folder(value)


def _card(options: DC120Options, value: str) -> None:
    options.folders[Location.CARD] = GENERATED if value == GENERATED else read_folder(value)


def _trace(options: DC120Options, value: str) -> None:
    options.trace = read_trace(value)


def _pace(options: DC120Options, value: str) -> None:
    options.throttled = read_switch(value)


def _baud(options: DC120Options, value: str) -> None:
    speeds = [word for word in SPEED.words.values() if int(word) <= MAX_SPEED]
    if value not in speeds:
        raise ValueError(f"one of {', '.join(speeds)}")
    options.fastest = int(value)


def _capture(options: DC120Options, value: str) -> None:
    options.capture_seconds = not_negative(value)


def _sleep(options: DC120Options, value: str) -> None:
    options.quirks.sleeps = read_switch(value)


def _dialect(options: DC120Options, value: str) -> None:
    name = "document" if value == "seed" else value  # as it was called before
    if name not in _DIALECTS:
        raise ValueError(f"one of {', '.join(_DIALECTS)}")
    _DIALECTS[name](options.quirks)


def _follow_libgphoto2(quirks: Quirks) -> None:
    quirks.list_layout = ListLayout.STREAM
    quirks.ready_before_end = True
    quirks.libgphoto2_commands = True
    quirks.break_at_9600 = True


_DIALECTS: Mapping[str, Callable[[Quirks], None]] = {"document": lambda quirks: None, "libgphoto2": _follow_libgphoto2}

OPTIONS: Mapping[str, Option[DC120Options]] = {
    "memory": Option(
        "DIR", "what the memory holds: a folder of KDC files, with sub-folders as albums; never changed", _memory
    ),
    "card": Option("DIR", "the same for the card (default: no card); `made` gives generated pictures", _card),
    "pace": Option("on|off", "whether bytes take as long as on a real line (default on)", _pace),
    "baud": Option("N", "highest speed that works on this cable (default 230400)", _baud),
    "capture": Option("SECONDS", "how long it takes to take a picture (default 5)", _capture),
    "sleep": Option("on|off", "whether the camera falls asleep after its power timeout (default off)", _sleep),
    "dialect": Option(
        "NAME",
        "which source to follow where they disagree: `document`, the protocol's (default), or `libgphoto2`",
        _dialect,
    ),
    "trace": Option("FILE", "write a JSON line for each command", _trace),
}

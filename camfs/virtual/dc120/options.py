"""The options of the emulated DC120, the same after `virtual:dc120?` and as `--name value`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from camfs.protocols.dc120.lists import Listing
from camfs.protocols.dc120.values import SPEED, Location
from camfs.virtual.dc120.faults import Quirks
from camfs.virtual.dc120.line import MAX_SPEED
from camfs.virtual.options import Option, not_negative, read_folder, read_options, read_trace

MADE: Final = "made"


@dataclass
class Options:
    """What was asked for.

    Attributes:
        folders: by location the folder to show there, or `MADE`; without one memory holds made pictures, and there is no card.
        trace: file to write the trace to.
        paced: whether the line takes its time.
        fastest: baud that the cable carries.
        capture_seconds: how long the camera takes a picture.
        quirks: where sources differ.
    """

    folders: dict[Location, Path | Literal["made"]] = field(default_factory=dict)
    trace: Path | None = None
    paced: bool = True
    fastest: int = MAX_SPEED
    capture_seconds: float = 5.0
    quirks: Quirks = field(default_factory=Quirks)

    @property
    def has_folders(self) -> bool:
        """Whether the pictures of any location are the user's own."""
        return any(isinstance(folder, Path) for folder in self.folders.values())


def parse(values: Mapping[str, str]) -> Options:
    """Read options.

    Raises:
        ValueError: an unknown option or a value that it cannot have; the message names it.
    """
    return read_options(Options(), OPTIONS, values)


def _memory(options: Options, value: str) -> None:
    options.folders[Location.MEMORY] = read_folder(value)


def _card(options: Options, value: str) -> None:
    options.folders[Location.CARD] = MADE if value == MADE else read_folder(value)


def _trace(options: Options, value: str) -> None:
    options.trace = read_trace(value)


def _pace(options: Options, value: str) -> None:
    options.paced = _switch(value)


def _baud(options: Options, value: str) -> None:
    speeds = [word for word in SPEED.words.values() if int(word) <= MAX_SPEED]
    if value not in speeds:
        raise ValueError(f"one of {', '.join(speeds)}")
    options.fastest = int(value)


def _capture(options: Options, value: str) -> None:
    options.capture_seconds = not_negative(value)


def _sleep(options: Options, value: str) -> None:
    options.quirks.sleeps = _switch(value)


def _dialect(options: Options, value: str) -> None:
    if value not in _DIALECTS:
        raise ValueError(f"one of {', '.join(_DIALECTS)}")
    _DIALECTS[value](options.quirks)


def _switch(value: str) -> bool:
    if value not in ("on", "off"):
        raise ValueError("on or off")
    return value == "on"


def _as_libgphoto2_has_it(quirks: Quirks) -> None:
    quirks.listing = Listing.STREAM
    quirks.ready_before_end = True
    quirks.foreign_commands = True
    quirks.break_at_9600 = True


_DIALECTS: Mapping[str, Callable[[Quirks], None]] = {"seed": lambda quirks: None, "libgphoto2": _as_libgphoto2_has_it}

OPTIONS: Mapping[str, Option[Options]] = {
    "memory": Option(
        "DIR", "what the memory holds: a folder of KDC files, sub-folders as albums, never changed", _memory
    ),
    "card": Option(
        "DIR", "the same for a card, which there is none of without; `made` for one with made pictures", _card
    ),
    "pace": Option("on|off", "whether bytes take as long as on a real line (default on)", _pace),
    "baud": Option("N", "highest speed that works on this cable (default 230400)", _baud),
    "capture": Option("SECONDS", "how long the camera takes a picture (default 5)", _capture),
    "sleep": Option("on|off", "whether the camera falls asleep after its power timeout (default off)", _sleep),
    "dialect": Option("NAME", "where the two differ, follow `seed` (default) or `libgphoto2`", _dialect),
    "trace": Option("FILE", "write a JSON line for each command", _trace),
}

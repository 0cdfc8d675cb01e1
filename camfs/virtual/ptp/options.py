"""The options of emulated PTP cameras, as a table; not every model has all of them."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TypeVar

from camfs.protocols.ptp.codes import MakerOperation, Operation
from camfs.protocols.sigma.codes import CaptureState, SigmaOperation
from camfs.protocols.sigma.settings import SETTINGS
from camfs.virtual.options import (
    Option,
    WrongOption,
    not_negative,
    read_folder,
    read_number,
    read_options,
    read_switch,
    read_trace,
)
from camfs.virtual.ptp.faults import SWITCHES, ClaimedSizes, PartialReads
from camfs.virtual.sigma.behaviour import FIRMWARES, MENU_NAME, NEWEST


@dataclass
class Options:
    """What the user or the test asked for.

    Attributes:
        folders: the folder to show in a store, by the store's name (`card`, `memory`).
        serial: serial number; None for the profile's.
        objects: number of small objects on the card instead of pictures; None for pictures.
        bandwidth: bytes a second of the link; None for no limit.
        latency: seconds that a transaction takes besides the time of its bytes.
        trace: file to write the trace to.
        events: whether events are sent; None for what the model does.
        quirks: names of quirks to switch on.
        without: operations that the camera does not have.
        listed: operations that the camera lists in addition, whether it has them or not.
        packet: bytes of a bulk packet.
        extension: vendor extension id of DeviceInfo; None for the profile's.
        maker: Manufacturer of DeviceInfo; None for the profile's.
        sizes: what ObjectInfo says of sizes.
        partial_reads: what partial reads do.
        firmware: tag of a SIGMA fp's firmware.
        numbers_custom_modes: whether a SIGMA fp's custom modes are numbers, and not bits.
        snap_time: seconds of each step of a SIGMA fp's capture.
        failures: states in which a SIGMA fp's first captures end.
        awkward: names of awkward sides of a maker's body, each with its number if one was given.
        settings: a SIGMA fp's settings when the computer takes control: names as in `.settings`, in the order of writing.
        own: options that only this model has, as they were given.
    """

    folders: dict[str, Path] = field(default_factory=dict)
    serial: str | None = None
    objects: int | None = None
    bandwidth: float | None = None
    latency: float = 0
    trace: Path | None = None
    events: bool | None = None
    quirks: tuple[str, ...] = ()
    without: frozenset[int] = frozenset()
    listed: tuple[int, ...] = ()
    packet: int = 512
    extension: int | None = None
    maker: str | None = None
    sizes: ClaimedSizes = ClaimedSizes.TRUE
    partial_reads: PartialReads = PartialReads.WORK
    firmware: str = NEWEST
    numbers_custom_modes: bool = False
    snap_time: float = 0.3
    failures: tuple[CaptureState, ...] = ()
    settings: tuple[tuple[str, str], ...] = ()
    awkward: tuple[tuple[str, float | None], ...] = ()
    own: dict[str, str] = field(default_factory=dict)


def parse(values: Mapping[str, str], own: tuple[str, ...], others: Collection[str] = ()) -> Options:
    """Read options.

    Args:
        values: by name.
        own: which of the options that only some models have this one has.
        others: names of options that only this one has; they are kept as they are given.

    Raises:
        ValueError: an unknown option or a value that it cannot have; the message names it.
    """
    options = read_options(
        Options(), table_of(own), {name: value for name, value in values.items() if name not in others}
    )
    options.own = {name: value for name, value in values.items() if name in others}
    if options.objects is not None and "card" in options.folders:
        raise WrongOption("objects", str(options.objects), "cannot be given together with card")
    return options


def table_of(own: Collection[str]) -> dict[str, Option[Options]]:
    """Return the options of a model: what all have, and of the others those that it names."""
    return {name: option for name, option in OPTIONS.items() if name not in _OWN or name in own}


def _folder(name: str) -> Callable[[Options, str], None]:
    def store(options: Options, value: str) -> None:
        options.folders[name] = read_folder(value)

    return store


def _serial(options: Options, value: str) -> None:
    if not 0 < len(value) <= 64:
        raise ValueError("1 to 64 characters")
    options.serial = value


def _objects(options: Options, value: str) -> None:
    if not (value.isascii() and value.isdigit()) or int(value) > 1_000_000:
        raise ValueError("a number from 0 to 1000000")
    options.objects = int(value)


def _bandwidth(options: Options, value: str) -> None:
    number = read_number(value)
    if not 1e-9 <= number < float("inf"):
        raise ValueError("a number above 0")
    options.bandwidth = number


def _latency(options: Options, value: str) -> None:
    options.latency = not_negative(value)


def _trace(options: Options, value: str) -> None:
    options.trace = read_trace(value)


def _events(options: Options, value: str) -> None:
    options.events = read_switch(value)


def _quirks(options: Options, value: str) -> None:
    names = value.split(",")
    if not set(names) <= set(SWITCHES):
        raise ValueError(f"of {', '.join(SWITCHES)}")
    options.quirks = tuple(names)


def _operations(options: Options, value: str) -> None:
    known = {**Operation.__members__, **SigmaOperation.__members__, **MakerOperation.__members__}
    codes: dict[str, list[int]] = {"-": [], "+": []}
    for each in value.split(","):
        sign, name = each.strip()[:1], each.strip()[1:]
        try:
            codes[sign].append(known[name] if name in known else int(name, 16))
        except (KeyError, ValueError):
            message = "names or hexadecimal codes, a minus or plus before each: -95C1,-GetPartialObject,+9010"
            raise ValueError(message) from None
    options.without, options.listed = frozenset(codes["-"]), tuple(codes["+"])


def _packet(options: Options, value: str) -> None:
    if value not in ("64", "512", "1024"):
        raise ValueError("64, 512 or 1024")
    options.packet = int(value)


def _extension(options: Options, value: str) -> None:
    try:
        options.extension = int(value, 16)
    except ValueError:
        options.extension = -1
    if not 0 <= options.extension <= 0xFFFFFFFF:
        raise ValueError("a hexadecimal number of 32 bits")


def _maker(options: Options, value: str) -> None:
    options.maker = value


def _sizes(options: Options, value: str) -> None:
    options.sizes = _member(ClaimedSizes, value)


def _partial(options: Options, value: str) -> None:
    options.partial_reads = _member(PartialReads, value)


M = TypeVar("M", bound=Enum)


def _member(kind: type[M], value: str) -> M:
    """Return the member of an enumeration by its name in small letters, with `-` for `_`."""
    names = {_name_of(member): member for member in kind}
    if value not in names:
        raise ValueError(f"of {', '.join(names)}")
    return names[value]


def _name_of(member: Enum) -> str:
    return member.name.lower().replace("_", "-")


def _firmware(options: Options, value: str) -> None:
    tag = NEWEST if value == MENU_NAME else value
    if tag not in FIRMWARES:
        raise ValueError(" or ".join(FIRMWARES))
    options.firmware = tag


def _custom_modes(options: Options, value: str) -> None:
    if value not in ("bits", "numbers"):
        raise ValueError("bits or numbers")
    options.numbers_custom_modes = value == "numbers"


def _snap_time(options: Options, value: str) -> None:
    options.snap_time = not_negative(value)


_ENDS = {
    "af": CaptureState.AF_FAILED,
    "buffer": CaptureState.BUFFER_FULL,
    "generation": CaptureState.GENERATION_FAILED,
    "general": CaptureState.FAILED,
}


def _failures(options: Options, value: str) -> None:
    names = value.split(",")
    if not set(names) <= set(_ENDS):
        raise ValueError(f"of {', '.join(_ENDS)}")
    options.failures = tuple(_ENDS[name] for name in names)


def _settings(options: Options, value: str) -> None:
    pairs = [each.partition(":")[::2] for each in value.split(",")]
    unknown = [name for name, text in pairs if name not in SETTINGS or not text]
    if unknown:
        raise ValueError(f"NAME:VALUE with names of .settings, not {', '.join(unknown)}")
    options.settings = tuple(pairs)


def _awkward(options: Options, value: str) -> None:
    sides: list[tuple[str, float | None]] = []
    for each in value.split(","):
        name, colon, number = each.partition(":")
        sides.append((name, not_negative(number) if colon else None))
    options.awkward = tuple(sides)


_OWN = ("card", "memory", "firmware", "custom_modes", "snap_time", "failures", "settings", "awkward")
"""Options that only some models have."""

OPTIONS: Mapping[str, Option[Options]] = {
    "card": Option("DIR", "folder to show on the card; read lazily, never changed", _folder("card")),
    "memory": Option("DIR", "folder to show in the internal memory; read lazily, never changed", _folder("memory")),
    "serial": Option("TEXT", "serial number", _serial),
    "objects": Option("N", "put N small objects on the card instead of pictures", _objects),
    "bandwidth": Option("BYTES_PER_SECOND", "speed of the link (default: no limit)", _bandwidth),
    "latency": Option(
        "SECONDS", "each transaction takes this long besides the time of its bytes (default 0)", _latency
    ),
    "trace": Option("FILE", "write a JSON line for each transaction", _trace),
    "events": Option("on|off", "whether the camera sends events (default: as the model does)", _events),
    "quirks": Option("NAME,...", "bad habits of real cameras, by their names in camfs/virtual/ptp/faults.py", _quirks),
    "operations": Option("-CODE,+CODE,...", "operations to hide (-) or to list without support (+)", _operations),
    "packet": Option("BYTES", "size of a bulk packet: 64, 512 (default) or 1024", _packet),
    "extension": Option("CODE", "vendor extension id, hexadecimal", _extension),
    "maker": Option("TEXT", "manufacturer of the camera, whose own operations it may list", _maker),
    "sizes": Option(
        "|".join(map(_name_of, ClaimedSizes)), "what ObjectInfo says of the sizes of movies (default: true)", _sizes
    ),
    "partial": Option(
        "|".join(map(_name_of, PartialReads)), "what becomes of reads of a part of an object (default: work)", _partial
    ),
    "firmware": Option(
        "|".join(FIRMWARES),
        "firmware of the SIGMA fp: V91, which its menu calls 5.02 (default), or V84, an old one",
        _firmware,
    ),
    "custom_modes": Option(
        "bits|numbers", "how the SIGMA fp codes its exposure modes C1 to C3 (default bits)", _custom_modes
    ),
    "snap_time": Option(
        "SECONDS", "duration of each step of a capture of the SIGMA fp or a maker's body (default 0.3)", _snap_time
    ),
    "awkward": Option(
        "NAME[:NUMBER],...", "awkward sides of a maker's body, by their names in camfs/virtual/README.md", _awkward
    ),
    "settings": Option("NAME:VALUE,...", "settings of the SIGMA fp when the computer takes control", _settings),
    "failures": Option("NAME,...", f"how the first captures of the SIGMA fp fail: {', '.join(_ENDS)}", _failures),
}

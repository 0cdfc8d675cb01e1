"""What an option or a test may change about an emulated EOS body, and the options themselves."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from camfs.protocols.canon_eos.codes import CanonResponse, Record
from camfs.protocols.canon_eos.settings import SETTINGS
from camfs.protocols.ptp.codes import ResponseCode
from camfs.virtual.options import Option, not_negative, read_switch

FOCUS = "af"
NOTHING = "none"

RELEASE_ANSWERS: Mapping[str, int] = {
    "busy": ResponseCode.DeviceBusy,
    "card": ResponseCode.StoreFull,
    "readonly": ResponseCode.StoreReadOnly,
    "lens": CanonResponse.LensCover,
    "battery": CanonResponse.BatteryLow,
    "memory": CanonResponse.MemoryStatusNotReady,
}
"""What the release answers when it fails, by the name of the failure."""

FAILURES = (*RELEASE_ANSWERS, FOCUS, NOTHING)
"""How a release can fail: with an answer, because autofocus finds nothing, or with OK and no picture."""

RECORDS: Mapping[str, tuple[int, int]] = {
    "32": (Record.ObjectAdded, Record.RequestTransfer),
    "64": (Record.ObjectAdded64, Record.RequestTransfer64),
    "long": (Record.ObjectAdded64LongName, Record.RequestTransfer64LongName),
}
"""Records of a new object on the card and of a shot that waits, by the generation of the body."""


@dataclass(eq=False)
class Behaviour:
    """How the body behaves.

    Attributes:
        snap_time: seconds from the full press of the button to the picture, besides the exposure.
        failures: how the next releases fail, one each; see `FAILURES`.
        settings: values by the names of `.settings`, which it begins with; the dial's too.
        pieces: most records of one reply to GetEvent; every other reply is then empty, though more wait. None for no limit.
        late: seconds after its record in which a new object on the card cannot be described.
        busy: so many vendor operations that change something are answered with DeviceBusy.
        not_ready: so many live-view frames are answered with ObjectNotReady after live view was switched on.
        records: which records announce pictures; see `RECORDS`.
        burst: pictures while the button is held in continuous drive.
        presses: seconds under remote control after which the photographer presses the shutter button, once; None for never.
        auto_off: seconds without KeepDeviceOn under remote control after which the body switches itself off; None for never.
        reports_focus: whether records say that autofocus has found its point.
        forgets_session: whether CloseSession leaves it answering OperationNotSupported to everything, as a 5D Mark IV does.
    """

    snap_time: float = 0.3
    failures: list[str] = field(default_factory=list)
    settings: tuple[tuple[str, str], ...] = ()
    pieces: int | None = None
    late: float = 0.0
    busy: int = 0
    not_ready: int = 2
    records: str = "32"
    burst: int = 3
    presses: float | None = None
    auto_off: float | None = None
    reports_focus: bool = True
    forgets_session: bool = False


def _snap_time(behaviour: Behaviour, value: str) -> None:
    behaviour.snap_time = not_negative(value)


def _failures(behaviour: Behaviour, value: str) -> None:
    names = value.split(",")
    if not set(names) <= set(FAILURES):
        raise ValueError(f"of {', '.join(FAILURES)}")
    behaviour.failures = names


def _settings(behaviour: Behaviour, value: str) -> None:
    pairs = [each.partition(":")[::2] for each in value.split(",")]
    known = {row.name for row in SETTINGS}
    if unknown := [name for name, text in pairs if name not in known or not text]:
        raise ValueError(f"NAME:VALUE with names of .settings, not {', '.join(unknown)}")
    behaviour.settings = tuple(pairs)


def _count(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 0 < int(value) <= 100_000):
        raise ValueError("a number from 1 to 100000")
    return int(value)


def _pieces(behaviour: Behaviour, value: str) -> None:
    behaviour.pieces = _count(value)


def _late(behaviour: Behaviour, value: str) -> None:
    behaviour.late = not_negative(value)


def _busy(behaviour: Behaviour, value: str) -> None:
    behaviour.busy = _count(value)


def _records(behaviour: Behaviour, value: str) -> None:
    if value not in RECORDS:
        raise ValueError(f"of {', '.join(RECORDS)}")
    behaviour.records = value


def _presses(behaviour: Behaviour, value: str) -> None:
    behaviour.presses = not_negative(value)


def _auto_off(behaviour: Behaviour, value: str) -> None:
    behaviour.auto_off = not_negative(value)


def _forgets_session(behaviour: Behaviour, value: str) -> None:
    behaviour.forgets_session = read_switch(value)


OPTIONS: Mapping[str, Option[Behaviour]] = {
    "snap_time": Option("SECONDS", "time from the full press to the picture (default 0.3)", _snap_time),
    "failures": Option("NAME,...", f"how the first releases fail: {', '.join(FAILURES)}", _failures),
    "settings": Option("NAME:VALUE,...", "settings of the body, by their names in .settings", _settings),
    "pieces": Option("N", "most records in one reply to GetEvent (default: no limit)", _pieces),
    "late": Option("SECONDS", "a new picture is announced so long before it can be described (default 0)", _late),
    "busy": Option("N", "answer so many of the maker's operations with DeviceBusy (default 0)", _busy),
    "records": Option("|".join(RECORDS), "which records announce pictures (default 32)", _records),
    "presses": Option("SECONDS", "the shutter button is pressed so long after remote control began", _presses),
    "auto_off": Option("SECONDS", "the body switches itself off unless it is kept on (default: never)", _auto_off),
    "forgets_session": Option(
        "on|off", "after CloseSession it answers nothing any more, as a 5D Mark IV (default off)", _forgets_session
    ),
}
"""The options that only this model has."""

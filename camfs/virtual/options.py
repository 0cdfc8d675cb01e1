"""How an emulated camera reads its options: the same table serves `virtual:NAME?name=value&…` and `--name value`.

The tables themselves are `camfs.virtual.ptp.options` and `camfs.virtual.dc120.options`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Option(Generic[T]):
    """One option.

    Attributes:
        value: what the help calls its value.
        help: what it does.
        store: reads a value and puts it into the options; raises ValueError with the reason why it cannot.
    """

    value: str
    help: str
    store: Callable[[T, str], None]


class WrongOption(ValueError):
    """An option that there is not, or a value that it cannot have. How an option is written depends on where it was given.

    Attributes:
        name, value: as they were given.
        reason: why not.
    """

    def __init__(self, name: str, value: str, reason: str) -> None:
        super().__init__(f"option {name}={value}: {reason}")
        self.name, self.value, self.reason = name, value, reason


def read_options(options: T, table: Mapping[str, Option[T]], values: Mapping[str, str]) -> T:
    """Put values into options, and return these.

    Raises:
        WrongOption: an option that is not in the table, or a value that it cannot have.
    """
    for name, value in values.items():
        if name not in table:
            raise WrongOption(name, value, f"this emulated camera has no such option; it has {', '.join(table)}")
        try:
            table[name].store(options, value)
        except ValueError as error:
            raise WrongOption(name, value, str(error)) from None
    return options


def read_folder(value: str) -> Path:
    """Read the path of an existing folder."""
    path = Path(value).absolute()
    if not path.exists():
        raise ValueError("no such folder")
    if not path.is_dir():
        raise ValueError("not a folder")
    return path


def read_trace(value: str) -> Path:
    """Read the path of a file to write the trace to."""
    if not value:
        raise ValueError("the name of a file")
    return Path(value).absolute()


def read_number(value: str) -> float:
    """Read a number; NaN for a text that is not one."""
    try:
        return float(value)
    except ValueError:
        return float("nan")


def not_negative(value: str) -> float:
    """Read a number that is 0 or more."""
    number = read_number(value)
    if not 0 <= number < float("inf"):
        raise ValueError("a number that is not negative")
    return number


def read_switch(value: str) -> bool:
    """Read `on` or `off`."""
    if value not in ("on", "off"):
        raise ValueError("on or off")
    return value == "on"

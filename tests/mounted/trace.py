"""Reads the trace that an emulated camera writes: a JSON line a transaction."""

import json
from dataclasses import dataclass
from pathlib import Path

ASIDE = frozenset(("GetStorageIDs", "GetStorageInfo", "GetNumObjects", "GetDevicePropDesc", "GetDevicePropValue"))
"""Operations that tell of stores and settings. They are not counted: `.status` is read to be sure of the trace, and asks them."""

READS = frozenset(("GetObject", "GetPartialObject", "GetPartialObject64"))
"""Operations that bring a file's bytes."""


@dataclass(frozen=True)
class Transaction:
    """A line of the trace: operation, parameters, payload bytes to the computer, result."""

    operation: str
    parameters: tuple[int, ...]
    size: int
    result: str


class Trace:
    """What an emulated camera saw since it was last asked.

    Args:
        path: the file that the camera writes.
        mount_point: where the camera is mounted.

    Attributes:
        path: the same.
    """

    def __init__(self, path: Path, mount_point: Path) -> None:
        self.path = path
        self._mount_point = mount_point
        self._offset = 0

    def transactions(self) -> list[Transaction]:
        """Return all transactions since the last call but those of `ASIDE`.

        A line is written when its transaction is over, which may be a moment after the answer came. `.status` makes transactions,
        and before the first of them begins the lines of all earlier ones are there.
        """
        (self._mount_point / ".status").read_bytes()
        with self.path.open("rb") as file:
            file.seek(self._offset)
            whole, newline, _ = file.read().rpartition(b"\n")
        self._offset += len(whole + newline)
        found = [
            Transaction(line["op"], tuple(line["params"]), line["in"], line["result"])
            for line in map(json.loads, whole.splitlines())
        ]
        return [transaction for transaction in found if transaction.operation not in ASIDE]

    def reads(self) -> list[Transaction]:
        """Return the transactions since the last call that brought bytes of files."""
        return [transaction for transaction in self.transactions() if transaction.operation in READS]

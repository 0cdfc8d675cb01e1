"""The trace: one JSON line for each transaction, as the camera saw it.

`{"t": seconds since start, "op": "GetPartialObject", "params": [1, 0, 65536], "out": 0, "in": 65536, "result": "OK"}`, where `out`
and `in` count payload bytes to and from the camera, and the result is the response's name or number, or says what came instead.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import trio


@dataclass(frozen=True, slots=True)
class Record:
    """One transaction, with the parameters as the host sent them."""

    time: float
    operation: str
    parameters: tuple[int, ...]
    bytes_out: int
    bytes_in: int
    result: str


class Trace:
    """Keeps what the camera saw: in a file, in memory, or not at all.

    Args:
        path: file to write, line by line without delay; None for no file.
        keep: whether to fill `records`, for tests.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, path: Path | None = None, keep: bool = False) -> None:
        self.records: list[Record] = []
        self._keep = keep
        self._file: TextIO | None = path.open("w", encoding="ascii", buffering=1) if path else None
        self._start: float | None = None

    def start(self) -> None:
        """Count time from now on; later calls do nothing."""
        if self._start is None:
            self._start = trio.current_time()

    def add(self, operation: str, parameters: tuple[int, ...], bytes_out: int, bytes_in: int, result: str) -> None:
        """Note a transaction that has just ended."""
        if self._file is None and not self._keep:
            return
        time = round(trio.current_time() - (self._start or 0.0), 6)
        if self._keep:
            self.records.append(Record(time, operation, parameters, bytes_out, bytes_in, result))
        if self._file is not None:
            line = {
                "t": time,
                "op": operation,
                "params": parameters,
                "out": bytes_out,
                "in": bytes_in,
                "result": result,
            }
            self._file.write(json.dumps(line) + "\n")

    def operations(self) -> list[str]:
        """Return the names of the operations in `records`, in order."""
        return [record.operation for record in self.records]

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

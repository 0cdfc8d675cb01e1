"""A program that watches a folder: inotify(7), by the C library."""

import ctypes
import os
import select
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.mounted.mount import PATIENCE

NAMES = {0x2: "MODIFY", 0x8: "CLOSE_WRITE", 0x20: "OPEN", 0x100: "CREATE", 0x200: "DELETE"}
IS_DIRECTORY = 0x40000000
CREATE, CLOSE_WRITE, DELETE, MODIFY = 0x100, 0x8, 0x200, 0x2

_EVENT = struct.Struct("iIII")
_LIBRARY = ctypes.CDLL(None, use_errno=True)


class Watch:
    """What is told of a folder, as it comes: `CREATE A.JPG`, `CLOSE_WRITE A.JPG`, `DELETE folder/`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._told: list[str] = []

    def add(self, folder: Path, mask: int = CREATE | CLOSE_WRITE | DELETE | MODIFY) -> None:
        """Watch one more folder."""
        assert _LIBRARY.inotify_add_watch(self._descriptor, os.fsencode(folder), mask) >= 0, os.strerror(
            ctypes.get_errno()
        )

    def next(self, seconds: float = PATIENCE) -> str:
        """Return the next event; empty if none comes in time."""
        while not self._told:
            poller = select.poll()
            poller.register(self._descriptor, select.POLLIN)
            if not poller.poll(seconds * 1000):
                return ""
            data = os.read(self._descriptor, 1 << 16)
            while data:
                _, mask, _, length = _EVENT.unpack_from(data)
                name = data[_EVENT.size : _EVENT.size + length].rstrip(b"\0").decode()
                what = next((text for bit, text in NAMES.items() if mask & bit), hex(mask))
                self._told.append(f"{what} {name}" + "/" * bool(mask & IS_DIRECTORY))
                data = data[_EVENT.size + length :]
        return self._told.pop(0)

    def several(self, count: int) -> list[str]:
        """Return the next so many events."""
        return [self.next() for _ in range(count)]


@contextmanager
def watching(*folders: Path) -> Iterator[Watch]:
    """Watch folders during the block."""
    descriptor = _LIBRARY.inotify_init1(os.O_CLOEXEC)
    assert descriptor >= 0
    try:
        watch = Watch(descriptor)
        for folder in folders:
            watch.add(folder)
        yield watch
    finally:
        os.close(descriptor)

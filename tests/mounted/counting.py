"""camfs with handlers that count: `python -m tests.mounted.counting FILE` and what `camfs` takes.

Each request of the kernel adds a line to FILE: the handler's name.
"""

import functools
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from camfs.cli import main
from camfs.mount.operations import CameraOperations


class Requests:
    """What the kernel has asked of a mount since this was last read.

    Args:
        file: where the handlers write; the program to mount with is `program`.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read = 0

    @property
    def program(self) -> tuple[str, ...]:
        """The program to mount with, for `mounted`."""
        return (sys.executable, "-m", "tests.mounted.counting", str(self._file))

    def count(self) -> Counter[str]:
        """Return how often each handler was called."""
        names = self._file.read_text().splitlines()
        new, self._read = names[self._read :], len(names)
        return Counter(new)


def _counted(name: str, handler: Callable[..., Awaitable[Any]], file: int) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(handler)
    async def counted(*args: object, **kwargs: object) -> Any:
        os.write(file, f"{name}\n".encode())
        return await handler(*args, **kwargs)

    return counted


def _count_into(path: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for name, handler in list(vars(CameraOperations).items()):
        if not name.startswith("_") and callable(handler):
            setattr(CameraOperations, name, _counted(name, handler, file))


if __name__ == "__main__":
    _count_into(sys.argv[1])
    sys.exit(main(sys.argv[2:]))

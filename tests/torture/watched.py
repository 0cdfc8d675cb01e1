"""camfs, which on SIGUSR1 writes down how many tasks and nodes it has: `python -m tests.torture.watched …`, otherwise as `python -m camfs`.

The file is named by the environment variable `WATCHED`; it is replaced as a whole. Memory, descriptors and threads are seen from outside.
"""

import gc
import json
import os
import signal
import sys
from pathlib import Path

import trio

from camfs.__main__ import main


def _tasks(task: trio.lowlevel.Task | None) -> int:
    if task is None:
        return 0
    return 1 + sum(_tasks(child) for nursery in task.child_nurseries for child in nursery.child_tasks)


def _write(_number: int, _frame: object) -> None:
    from camfs.mount.file import FileHandle
    from camfs.mount.inodes import InodeTable

    found = gc.get_objects()
    counts = {
        "tasks": _tasks(trio.lowlevel.current_root_task()),
        "inodes": sum(len(list(each)) for each in found if isinstance(each, InodeTable)),
        "open files": sum(isinstance(each, FileHandle) for each in found),
    }
    place = Path(os.environ["WATCHED"])
    part = place.with_suffix(".part")
    part.write_text(json.dumps(counts))
    part.rename(place)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _write)
    sys.exit(main())

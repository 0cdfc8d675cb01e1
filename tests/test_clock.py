"""Who asks the computer's clock, which may be put back at any time: as few as can be, and each knows that."""

import ast
from pathlib import Path

CAMFS = Path(__file__).parent.parent / "camfs"

CLOCKS = {"time", "time_ns", "now", "utcnow", "today", "localtime", "gmtime", "strftime", "ctime"}
"""Functions of `time` and `datetime` that ask it, if they are called without a moment."""

ASKED = {
    "cameras/dc120/picture_cache.py": "a file's time is later than those of all that were kept before",
    "cameras/sigma/custody.py": "the date of a shot that waited in the camera; nothing is ordered or told apart by it",
    "cameras/sigma/imagedb.py": "likewise of a movie",
    "cameras/sigma/ring.py": "likewise of a shot",
    "cameras/tethered/shots.py": "the date of a shot whose camera gives none",
    "mount/capture.py": "the time in a line of .events",
    "mount/operations.py": "the date of what has none",
    "mount/tree.py": "the time in a line of last-error, which is always that of the last failure",
    "mount/controls.py": "the time in a line of .events, whose order is that of what happened; and `now` for a camera's clock",
}
"""The modules that do, and why it does no harm if it was put back. Emulated cameras have clocks like real ones, and may."""


def calls(path: Path) -> list[int]:
    """Return the lines of a module in which the clock is asked."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCKS
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("time", "datetime", "date")
    ]


def test_who_asks_the_clock() -> None:
    asked = {str(path.relative_to(CAMFS)) for path in CAMFS.rglob("*.py") if calls(path)}
    assert {path for path in asked if not path.startswith("virtual/")} == {*ASKED}


def test_nobody_asks_it_by_another_name() -> None:
    """So the look above sees everybody."""
    for path in CAMFS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "time":
                assert not {alias.name for alias in node.names} & CLOCKS, path
            if isinstance(node, ast.Import | ast.ImportFrom):
                renamed = [alias for alias in node.names if alias.asname and alias.name in ("time", "datetime")]
                assert not renamed, path

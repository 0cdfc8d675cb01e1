"""The command as a process, before it has read its modules."""

import signal
import subprocess
import sys
from pathlib import Path


def test_an_interrupt_while_modules_are_read_is_no_traceback(tmp_path: Path) -> None:
    """^C a moment after the command was typed."""
    (tmp_path / "trio.py").write_text("raise KeyboardInterrupt\n")
    done = subprocess.run(
        [sys.executable, "-m", "camfs", "--help"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGINT, "", "")

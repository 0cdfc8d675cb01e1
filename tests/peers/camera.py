"""An emulated camera on the network, in its own process, for other people's programs."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mounted.mount import PATIENCE, run


@dataclass(frozen=True)
class ServedCamera:
    """A camera that listens on loopback.

    Attributes:
        port: its TCP port.
        trace: the file of its trace.
        place: a folder for the programs that connect: a home, mount points.
        process: the process that serves it.
    """

    port: int
    trace: Path
    place: Path
    process: subprocess.Popen[str]

    @property
    def source(self) -> str:
        """Its SOURCE for camfs."""
        return f"ptpip:127.0.0.1:{self.port}"

    @property
    def gphoto2_port(self) -> str:
        """Its port for libgphoto2, which also needs the TCP port of the event connection."""
        return f"{self.source}:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """A home for libgphoto2's settings and GUID, and a time zone, so that dates are the same everywhere."""
        home = self.place / "home"
        home.mkdir(exist_ok=True)
        return {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "TZ": "UTC"}

    def gphoto2(self, *arguments: str, into: Path | None = None) -> str:
        """Run gphoto2 on it, and return what it prints. What it fetches goes into a folder."""
        return run("gphoto2", "--port", self.gphoto2_port, *arguments, cwd=into, env=self.environment).stdout

    def stop(self) -> None:
        """Switch it off."""
        self.process.terminate()
        self.process.wait(PATIENCE)

    def results(self) -> dict[str, set[str]]:
        """Return the results that each operation had, by name."""
        found: dict[str, set[str]] = {}
        for line in self.trace.read_text().splitlines():
            record = json.loads(line)
            found.setdefault(record["op"], set()).add(record["result"])
        return found


@contextmanager
def served(model: str, place: Path, *options: str, port: int = 0) -> Iterator[ServedCamera]:
    """Serve a camera at a port, 0 for any free one; at the end check that it ends well and has printed no errors."""
    trace = place / "trace"
    words = [
        sys.executable,
        "-m",
        "camfs.virtual",
        model,
        "--ptpip",
        f"127.0.0.1:{port}",
        "--trace",
        str(trace),
        *options,
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stdout.readline()
            assert " is at ptpip:" in line, process.stderr.read()
            yield ServedCamera(int(line.rpartition(":")[2]), trace, place, process)
            process.terminate()
            said = process.stderr.read()
            assert (process.wait(), said) == (0, "")
        finally:
            process.kill()

"""The computer's clock is put back while camfs runs: what happened keeps its order, and nothing is lost, doubled or stuck."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from tests.mounted.mount import PATIENCE, mounted
from tests.mounted.test_controls import write

PROGRAM = (sys.executable, "-m", "tests.mounted.clock")

ROOT = Path(__file__).parent.parent.parent

HOUR, YEAR = 3600, 365 * 86400


@pytest.fixture
def put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Return what puts the clock back by so many seconds."""
    clock = tmp_path / "clock"
    monkeypatch.setenv("CLOCK", str(clock))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))

    def put(seconds: int) -> None:
        new = clock.with_suffix(".new")
        new.write_text(str(-seconds))
        new.rename(clock)

    put(0)
    return put


@pytest.mark.parametrize("seconds", [HOUR, YEAR], ids=["an hour", "a year"])
def test_shots(seconds: int, put_back: Callable[[int], None], camera: Path, tmp_path: Path) -> None:
    """Each waits under a name of its own, with the date that the clock gave, also for the next mount; errors are told as ever."""
    options, source = f"spool={tmp_path / 'spool'}", "virtual:sigma-fp?snap_time=0.01"
    shots: dict[str, bytes] = {}
    with mounted(source, camera, options, program=PROGRAM) as mount:
        assert write(camera / ".settings/image-quality", "fine") == 0
        for back in (0, seconds, 0):
            put_back(back)
            assert write(camera / ".capture", "1") == 0
            (path,) = (camera / ".capture").read_text().split()
            assert Path(path).name not in shots
            shots[Path(path).name] = (camera / path).read_bytes()
            mount.expect(f"nonsense-{back}")
            assert write(camera / ".settings/iso", f"nonsense-{back}") != 0
            status = mount.read_status()
            assert f"nonsense-{back}" in status["last-error"]
            then = time.time() - datetime.fromisoformat(status["last-error-time"]).timestamp()
            assert back - 600 < then < back + 600
        assert {*os.listdir(camera / "imagedb")} == shots.keys()
        dates = {name: (camera / "imagedb" / name).stat().st_mtime for name in shots}
        first, second, third = (dates[name] for name in shots)
        assert seconds - 600 < first - second < seconds + 600
        assert first <= third
        os.kill(mount.process, signal.SIGTERM)
        assert mount.wait() == 0
    put_back(2 * seconds)
    with mounted(source, camera, options, program=PROGRAM):
        assert {name: (camera / "imagedb" / name).read_bytes() for name in os.listdir(camera / "imagedb")} == shots
        assert {name: (camera / "imagedb" / name).stat().st_mtime for name in shots} == pytest.approx(dates)


def test_events(put_back: Callable[[int], None], camera: Path, tmp_path: Path) -> None:
    """Lines stand in the order in which things happened, with the times that the clock gave, and `tail -f` goes on."""
    with mounted("virtual:ptp", camera, program=PROGRAM), (tmp_path / "followed").open("wb") as followed:
        follower = subprocess.Popen(["tail", "-c", "+1", "-f", camera / ".events"], stdout=followed)
        try:
            years = []
            lines: list[str] = []
            for back in (0, YEAR, 0):
                put_back(back)
                before = len(lines)
                assert write(camera / ".capture", "1") == 0
                lines = (camera / ".events").read_text().splitlines()
                assert len(lines) > before
                years.append({line[:4] for line in lines[before:]})
                end = time.monotonic() + PATIENCE
                while len((tmp_path / "followed").read_text().splitlines()) < len(lines):
                    assert time.monotonic() < end
            assert years[0] == years[2] != years[1]
            assert (tmp_path / "followed").read_text().splitlines()[: len(lines)] == lines
        finally:
            follower.kill()
            follower.wait(PATIENCE)

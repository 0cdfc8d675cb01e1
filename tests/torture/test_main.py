"""What the command does with time, with parts that fail, and with the file that the counts go into."""

import time
from pathlib import Path

import pytest

from tests.torture import __main__ as command
from tests.torture.outcome import Counts

PROMISES = Path(__file__).parents[2] / "PROMISES.md"


def test_time_is_shared() -> None:
    """Of eight parts in two lanes, the first has a quarter of the time, and the last what is left."""
    assert command.share(0.0, 100.0, 7, 2) == 25.0
    assert command.share(90.0, 100.0, 0, 2) == 100.0
    assert command.share(120.0, 100.0, 3, 2) == 120.0


def test_counts_in_one_line() -> None:
    assert str(Counts(reads=12, wrong=0)) == "12 reads, 0 wrong"


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return where to write a part, which is run in place of the real ones."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "first"))
    folder = tmp_path / "first" / "tests" / "torture"
    folder.mkdir(parents=True)
    for name in ("outcome.py", "part.py"):
        (folder / name).write_text((Path(command.__file__).parent / name).read_text())
    monkeypatch.chdir(tmp_path / "first")
    return folder / "readers.py"


HEAD = "from tests.torture.outcome import Counts, DidNotHold\ndef torture(until: float, seed: int, folder):\n"


def test_a_part_that_holds(part: Path, tmp_path: Path) -> None:
    part.write_text(f"{HEAD}    return Counts(rounds=seed)\n")
    result = command.run_part("readers", time.monotonic() + 5, 3, tmp_path / "work")
    assert str(result) == "3 rounds", result.output


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise DidNotHold('byte 7 is wrong')", "byte 7 is wrong"),
        ("import os; os.kill(os.getpid(), 9)", "ended with status -9"),
        ("raise SystemExit(0)", "ended with status 0"),
    ],
)
def test_a_part_that_does_not_hold(part: Path, tmp_path: Path, body: str, said: str) -> None:
    part.write_text(f"{HEAD}    {body}\n")
    result = command.run_part("readers", time.monotonic() + 5, 3, tmp_path / "work")
    assert str(result) == "DID NOT HOLD"
    assert said in result.output


def test_a_part_that_hangs(part: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "PATIENCE", 0.2)
    part.write_text(f"{HEAD}    import time\n    time.sleep(1000)\n")
    result = command.run_part("readers", time.monotonic(), 3, tmp_path / "work")
    assert "still running 0.2 s after its time" in result.output


def test_counts_replace_those_between_the_marks(tmp_path: Path) -> None:
    file = tmp_path / "PROMISES.md"
    file.write_text(f"before\n{command.BEGIN}\nold\n{command.END}\nafter\n")
    results = {"readers": command.Result(Counts(reads=5), "", 60.0), "kill": command.Result(None, "why", 6.0)}
    command.put_into(file, command.table(results, 60, 7))
    text = file.read_text()
    assert text.startswith(f"before\n{command.BEGIN}\n")
    assert "| readers | 5 reads | 1.0 |\n| kill | DID NOT HOLD | 0.1 |\n" in text
    assert "in 60 minutes with seed 7" in text
    assert text.endswith(f"{command.END}\nafter\n")


def test_promises_has_the_marks() -> None:
    text = PROMISES.read_text("utf-8")
    assert 0 < text.index(command.BEGIN) < text.index(command.END)

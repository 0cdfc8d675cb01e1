"""What the command does with files."""

from pathlib import Path

import pytest

from tests.bench.__main__ import BEGIN, END, machine, put_into

BENCH = Path(__file__).parent


def test_tables_replace_those_between_the_marks(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    for _ in range(2):
        put_into(file, ["", "| new |", ""])
        assert file.read_text() == f"before\n{BEGIN}\n\n| new |\n\n{END}\nafter\n"


def test_a_file_without_marks_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text(f"{END}\n{BEGIN}\n")
    with pytest.raises(SystemExit, match="has no lines"):
        put_into(file, [])
    assert file.read_text() == f"{END}\n{BEGIN}\n"


def test_readme_has_the_marks_and_the_picture() -> None:
    text = (BENCH / "README.md").read_text("utf-8")
    assert 0 < text.index(BEGIN) < text.index(END)
    assert "](tests/bench/bench.svg)" in (BENCH.parents[1] / "README.md").read_text("utf-8")
    assert (BENCH / "bench.svg").exists()


def test_the_machine_is_named() -> None:
    assert "Linux " in machine()
    assert "Python 3." in machine()

"""The formula gives the same bytes wherever a read begins, and others for every file."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.torture.formula import formula, make_formula_file

START = formula(1, 0, 5000)


@given(st.integers(0, 4999), st.integers(0, 300))
def test_a_part_is_a_part_of_the_whole(offset: int, size: int) -> None:
    assert formula(1, offset, min(size, 5000 - offset)) == START[offset : offset + size]


def test_places_and_files_differ() -> None:
    places = {formula(seed, offset, 16) for seed in range(20) for offset in range(0, 1 << 20, 4096)}
    assert len(places) == 20 * 256


def test_a_file_holds_it(tmp_path: Path) -> None:
    make_formula_file(tmp_path / "file", 7, 4_200_001)
    assert (tmp_path / "file").read_bytes() == formula(7, 0, 4_200_001)

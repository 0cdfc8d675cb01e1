"""Names in the spool: safe on any disk, told apart by numbers, and never taken for something else."""

from pathlib import Path

import pytest

from camfs.cameras.tethered.file_names import (
    MAX_NAME,
    default_folder,
    numbered,
    of_parts,
    of_sums,
    original_name,
    part_name,
    safe_name,
    sum_name,
)


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_folder("0123") == tmp_path / "camfs" / "spool" / "0123"
    assert default_folder("../x").parent == default_folder("").parent == tmp_path / "camfs" / "spool"
    monkeypatch.setenv("XDG_STATE_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder("0") == tmp_path / ".local" / "state" / "camfs" / "spool" / "0"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("SDIM0001.JPG", "SDIM0001.JPG"),
        ("100SIGMA/SDIM0001.JPG", "SDIM0001.JPG"),
        ("..\\x.JPG", "x.JPG"),
        ("", "unnamed"),
        ("a/", "unnamed"),
        (".", "_"),
        ("..", "_."),
        (".x", "_x"),
        ("a\0b\nc", "a_b_c"),
        ("é%2F", "__2F"),
        ("X" * 200 + ".JPG", "X" * (MAX_NAME - 4) + ".JPG"),
        ("X" * 200, "X" * MAX_NAME),
        ("X.damaged", "X.damage_"),
    ],
)
def test_safe_names(name: str, safe: str) -> None:
    assert safe_name(name) == safe
    assert safe_name(safe) == safe


def test_numbers_before_the_extension() -> None:
    assert numbered("A.JPG") == "A.JPG"
    assert numbered("A.JPG", {"A.JPG"}) == "A~2.JPG"
    assert numbered("A.JPG", {"A.JPG"}, ["A~2.JPG"]) == "A~3.JPG"
    assert numbered("A", {"A"}) == "A~2"
    assert [original_name(name) for name in ("A.JPG", "A~2.JPG", "A~2~3.JPG", "A~2", "A~x.JPG", "A~2.B.C")] == [
        "A.JPG",
        "A.JPG",
        "A.JPG",
        "A",
        "A~x.JPG",
        "A~2.B.C",
    ]


def test_what_stands_beside_a_file() -> None:
    names = ["A.JPG", "A.sum", "x.part"]
    beside = [*map(part_name, names), *map(sum_name, names)]
    assert all(name.startswith(".") for name in beside)
    assert len(set(beside)) == 6
    assert of_parts([*names, *beside, ".part", "..part"]) == names
    assert of_sums([*names, *beside, ".sum", "..sum"]) == names

"""Medians, ratios and tables of rounds that were made up."""

from tests.bench.rows import Round
from tests.bench.table import best_ratio, compare, comparison_table, markdown, shown, shown_ratio

ROUNDS: list[Round] = [
    {"camfs": {"head": 0.01, "RSS": 90}, "one": {"head": 0.02, "RSS": 45}, "two": {"head": 0.5}},
    {"camfs": {"head": 0.04, "RSS": 100}, "one": {"head": 0.02, "RSS": 50}, "two": {}},
    {"camfs": {"head": 0.02, "RSS": 80}, "one": {"head": 0.06, "RSS": 40}, "two": {"head": 0.1}},
]


def test_medians_and_the_ratios_of_each_round() -> None:
    head, memory = compare(ROUNDS)
    assert head.medians == {"camfs": 0.02, "one": 0.02, "two": 0.3}
    assert head.ratios == {"one": [2, 0.5, 3], "two": [50, 5]}
    assert memory.medians == {"camfs": 90, "one": 45}
    assert memory.ratios == {"one": [0.5, 0.5, 0.5]}


def test_the_best_peer_of_a_row_is_the_one_with_the_lowest_ratio() -> None:
    head, memory = compare(ROUNDS)
    assert best_ratio(head) == "2.0 (0.50\N{EN DASH}3.0)"
    assert best_ratio(memory) == "0.50 (0.50\N{EN DASH}0.50)"


def test_a_row_that_a_program_cannot_do_has_a_dash() -> None:
    lines = comparison_table(compare(ROUNDS))
    assert [cell.strip() for cell in lines[0].split("|")[1:-1]] == ["", "camfs", "one", "two", "best of them / camfs"]
    assert [cell.strip() for cell in lines[3].split("|")[1:4]] == ["RSS", "90 MB", "45 MB"]
    assert lines[3].split("|")[4].strip() == "\N{EN DASH}"


def test_a_row_that_camfs_cannot_do_stays() -> None:
    rounds: list[Round] = [{"camfs": {}, "one": {"head": 1.0}}]
    (head,) = compare(rounds)
    assert (head.medians, head.ratios) == ({"one": 1.0}, {})
    assert len(comparison_table([head])) == 3


def test_one_peer_has_its_ratio_beside_it() -> None:
    rounds: list[Round] = [{"camfs": {"head": 1.0}, "one": {"head": 12.0}}]
    assert comparison_table(compare(rounds))[-1].split("|")[1:-1] == [
        " head ",
        " 1.00 s ",
        " 12.00 s ",
        "          12 ",
    ]


def test_values_and_ratios_as_they_are_shown() -> None:
    assert [shown("head", value) for value in (None, 0.0012, 0.5, 61.234)] == [
        "\N{EN DASH}",
        "1.2 ms",
        "500 ms",
        "61.23 s",
    ]
    assert [shown("RSS after it", 93.7), shown("CPU of it", 1.234)] == ["94 MB", "1.23"]
    assert [shown_ratio([value]) for value in (0.044, 0.9, 1.994, 1.996, 9.96, 127.4)] == [
        *("0.04", "0.90", "1.99", "2.0", "10", "127"),
    ]


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    lines = markdown(("", "a"), [("name", "1"), ("x", "12345")])
    assert lines == ["|      |     a |", "|------|------:|", "| name |     1 |", "| x    | 12345 |"]

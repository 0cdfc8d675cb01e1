"""Tables of what was measured: medians, ratios with their spread, and Markdown that can be read on a terminal as well."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from tests.bench.programs import CAMFS
from tests.bench.rows import Round

DASH = "\N{EN DASH}"


@dataclass(frozen=True)
class Comparison:
    """A row of several rounds.

    Attributes:
        row: its name.
        medians: of each program that did it, by name.
        ratios: peer / camfs of each round, by the peer's name: above 1 camfs is better.
    """

    row: str
    medians: dict[str, float]
    ratios: dict[str, list[float]]


def compare(rounds: Sequence[Round]) -> list[Comparison]:
    """Put the rounds together, row by row, also those that camfs could not do."""
    result = []
    for row in dict.fromkeys(row for each in rounds for name in (CAMFS, *each) for row in each[name]):
        programs = [name for name in rounds[0] if any(row in each[name] for each in rounds)]
        medians = {name: median(each[name][row] for each in rounds if row in each[name]) for name in programs}
        ratios = {
            name: [each[name][row] / each[CAMFS][row] for each in rounds if row in each[name] and each[CAMFS].get(row)]
            for name in programs
            if name != CAMFS
        }
        result.append(Comparison(row, medians, {name: values for name, values in ratios.items() if values}))
    return result


def shown(row: str, value: float | None) -> str:
    """Write a value as the row has it: with its unit."""
    if value is None:
        return DASH
    if row.startswith("RSS"):
        return f"{value:.0f} MB"
    if row.startswith("CPU"):
        return f"{value:.2f}"
    return f"{value * 1000:.{1 if value < 0.01 else 0}f} ms" if value < 1 else f"{value:.2f} s"


def shown_ratio(values: Sequence[float]) -> str:
    """Write the median and the spread of a ratio."""
    if not values:
        return DASH
    low, middle, high = (_short(value) for value in (min(values), median(values), max(values)))
    return middle if len(values) == 1 else f"{middle} ({low}{DASH}{high})"


def _short(value: float) -> str:
    """Write a number to two digits or more."""
    if value >= 9.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 1.995 else f"{value:.2f}"


def comparison_table(comparisons: Sequence[Comparison]) -> list[str]:
    """Return the lines of a table with a row for each comparison."""
    peers = list(dict.fromkeys(name for each in comparisons for name in each.medians if name != CAMFS))
    if len(peers) == 1:
        return markdown(
            ("", CAMFS, peers[0], f"{peers[0]} / {CAMFS}"),
            [
                (
                    each.row,
                    shown(each.row, each.medians.get(CAMFS)),
                    shown(each.row, each.medians.get(peers[0])),
                    shown_ratio(each.ratios.get(peers[0], ())),
                )
                for each in comparisons
            ],
        )
    return markdown(
        ("", CAMFS, *peers, f"best of them / {CAMFS}"),
        [
            (each.row, *(shown(each.row, each.medians.get(name)) for name in (CAMFS, *peers)), best_ratio(each))
            for each in comparisons
        ],
    )


def best_ratio(comparison: Comparison) -> str:
    """Write the ratio of the peer that is best in this row."""
    return shown_ratio(min(comparison.ratios.values(), key=median, default=()))


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table, its columns as wide as they have to be; the first is text, the others are numbers."""
    widths = [max(3, *(len(row[column]) for row in (header, *rows))) for column in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        first, *others = (
            cell.ljust(width) if not column else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join((first, *others))} |"

    rule = "|".join("-" * (width + 2) if not column else "-" * (width + 1) + ":" for column, width in enumerate(widths))
    return [line(header), f"|{rule}|", *map(line, rows)]

"""The picture of a comparison: an SVG with a group of bars a row, as long as a program is worse than the best one there, on a log scale."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from tests.bench.programs import CAMFS
from tests.bench.table import Comparison, best_ratio, shown

COLOURS = {
    CAMFS: "#1f77b4",
    "gphotofs": "#ff7f0e",
    "jmtpfs": "#8c8c8c",
    "go-mtpfs": "#9467bd",
    "aft-mtp-mount": "#bcbd22",
}
WIDTH, LABELS, RATIOS = 860, 230, 130
BAR, GAP, HEAD = 9, 9, 46
LONGEST = 1000.0
"""How many times worse than the best the longest bar is; a longer one is cut off."""

SPACE = WIDTH - LABELS - RATIOS - 70
STUB = 4


def length(times: float) -> float:
    """Return how long the bar is of a program that is so many times worse than the best."""
    return STUB + (SPACE - STUB) * math.log10(min(max(times, 1.0), LONGEST)) / math.log10(LONGEST)


def picture(panels: Mapping[str, Sequence[Comparison]]) -> str:
    """Return the SVG of one or more comparisons, by their titles."""
    parts: list[str] = []
    top = 0
    for title, comparisons in panels.items():
        drawn, top = _panel(title, comparisons, top)
        parts += drawn
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}"'
            ' font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{top}" fill="white"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _panel(title: str, comparisons: Sequence[Comparison], top: int) -> tuple[list[str], int]:
    """Draw a comparison; return its elements and where it ends."""
    programs = list(dict.fromkeys(name for each in comparisons for name in each.medians))
    parts = [_text(8, top + 18, title, "start", "bold")]
    left = LABELS
    for name in programs:
        parts += [_bar(left, top + 27, 10, COLOURS[name], 10), _text(left + 14, top + 36, name)]
        left += 34 + 7 * len(name)
    parts.append(
        _text(WIDTH - 8, top + 36, f"{'peer' if len(programs) == 2 else 'best peer'} / {CAMFS}", "end", "bold")
    )
    bottom = top + HEAD
    grid = bottom
    for each in comparisons:
        best = min(each.medians.values())
        middle = bottom + len(programs) * BAR // 2 + 4
        parts.append(_text(LABELS - 8, middle, each.row, "end"))
        for name in programs:
            if (value := each.medians.get(name)) is not None:
                end = length(value / best) if best else STUB
                parts.append(_bar(LABELS, bottom, end, COLOURS[name]))
                parts.append(_text(LABELS + end + 4, bottom + BAR - 1, shown(each.row, value), size=9))
            bottom += BAR
        parts.append(_text(WIDTH - 8, middle, best_ratio(each), "end"))
        bottom += GAP
    for times in (1, 10, 100, 1000):
        x = LABELS + length(times)
        parts.insert(0, f'<path d="M{x:.0f} {grid - 4}V{bottom - 4}" stroke="#ddd"/>')
        parts.append(
            _text(x, bottom + 8, "best" if times == 1 else f"{times}\N{MULTIPLICATION SIGN}", "middle", size=10)
        )
    return parts, bottom + 20


def _bar(x: float, y: float, width: float, colour: str, height: int = BAR - 1) -> str:
    return f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.1f}" height="{height}" fill="{colour}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start", weight: str = "normal", size: int = 12) -> str:
    return (
        f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" font-weight="{weight}" font-size="{size}">'
        f"{escape(text)}</text>"
    )

"""The report's charts: rows of a name, a plot as inline SVG and a number, coloured by the page's style sheet.

A row is as wide as the page; on a narrow one the plot stands below its name and number. Every name is escaped.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from pipeline.ground.lists import Pool
from pipeline.judging.gate import CHAMPION, FINAL, Comparison
from pipeline.judging.measuring import Measured
from pipeline.judging.reliability import Reliability
from pipeline.judging.report.page import FUSED_STAGES, Page, outcome, title

# Units of a row's plot: its width, which is stretched to the room there is, and its height, in pixels.
PLOT, ROW = 520, 26
MIDDLE = ROW / 2


def kind(page: Page, name: str) -> str:
    """How a list is coloured: final, champion, fused or single."""
    if name in (FINAL, CHAMPION):
        return name
    return "fused" if page.stages.get(name) in FUSED_STAGES else "single"


def _chart(rows: Iterable[str], label: str) -> str:
    return f'<div class="chart" role="group" aria-label="{escape(label)}">{"".join(rows)}</div>'


def _row(name: str, drawn: str, number: str) -> str:
    size = f'viewBox="0 0 {PLOT} {ROW}" preserveAspectRatio="none" aria-hidden="true"'
    return (
        f'<div class="row"><span class="name">{escape(name)}</span><svg class="plot" {size}>{drawn}</svg>'
        f'<span class="number">{number}</span></div>'
    )


def _whisker(low: float, high: float, colour: str = "") -> str:
    ends = "".join(f"M{x:.1f} {MIDDLE - 4:.1f}V{MIDDLE + 4:.1f}" for x in (low, high))
    return f'<path class="whisker {colour}" d="M{low:.1f} {MIDDLE:.1f}H{high:.1f}{ends}"/>'


def bars(page: Page, pool: Pool) -> str:
    """A bar per list of a pool: its mean on the gate's metric, with the 95 % interval as whiskers."""
    rows = [row for name in page.shown(pool) if (row := page.find(pool, name, page.gate_metric))]
    top = max([row.value if row.high is None else row.high for row in rows], default=0) or 1
    return _chart((_bar(page, row, PLOT / top) for row in rows), f"{page.gate_metric} of every list")


def _bar(page: Page, row: Measured, scale: float) -> str:
    low, high = (row.value if bound is None else bound for bound in (row.low, row.high))
    drawn = f'<rect class="{kind(page, row.list)}" x="0" y="5" width="{row.value * scale:.1f}" height="16"/>'
    number = f'{row.value:.3f} <span class="soft">[{low:.3f}, {high:.3f}]</span>'
    return _row(title(row.list), drawn + _whisker(low * scale, high * scale), number)


def forest(comparisons: Sequence[Comparison]) -> str:
    """A dot per opponent: the final list's difference to it, with its 95 % interval."""
    return _dots(comparisons, "difference of tonight's table to every other list", {}) + (
        '<p class="soft small">Right of the line: tonight\'s table is better. '
        "A bar that does not touch the line is a significant difference.</p>"
    )


def worth(comparisons: Sequence[Comparison], notes: Mapping[str, str]) -> str:
    """A dot per source: what is lost without it, with its 95 % interval; `notes` are shown when pointed at."""
    return _dots(comparisons, "what the fusion loses without each source", notes) + (
        '<p class="soft small">Right of the line: the fusion is better with the source than without.</p>'
    )


def _dots(comparisons: Sequence[Comparison], label: str, notes: Mapping[str, str]) -> str:
    low = min([0.0, *(c.low for c in comparisons)])
    high = max([0.0, *(c.high for c in comparisons)])
    scale = (PLOT - 16) / ((high - low) or 1)

    def across(value: float) -> float:
        return 8 + (value - low) * scale

    return _chart((_difference(c, across, notes) for c in comparisons), label)


def _difference(comparison: Comparison, across: Callable[[float], float], notes: Mapping[str, str]) -> str:
    note = notes.get(comparison.versus, "")
    colour = {"better": "better", "worse": "worse"}.get(outcome(comparison), "equal")
    middle = across(comparison.difference)
    drawn = (
        f'<path class="zero" d="M{across(0):.1f} 0V{ROW}"/>'
        + _whisker(across(comparison.low), across(comparison.high), colour)
        + f'<path class="dot {colour}" d="M{middle:.1f} {MIDDLE:.1f}h0">'  # no length: round, however stretched
        f"{f'<title>{escape(note)}</title>' if note else ''}</path>"
    )
    number = f'{comparison.difference:+.3f} <span class="soft">[{comparison.low:+.3f}, {comparison.high:+.3f}]</span>'
    return _row(title(comparison.versus), drawn, number)


# The reliability plot, in pixels: its side, the margin to the left and below, and the marked probabilities.
SIDE, MARGIN = 300, 44
CURVES = ('class="trend"', 'class="whisker" fill="none" stroke-dasharray="4 3"')
TICKS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0)


def reliability(of: Reliability) -> str:
    """A dot per bin of probability: what was foretold against what came true, on axes of square roots."""
    top = max(float(of.predicted.max()), float(of.observed.max()), 1e-3) * 1.05
    side = SIDE - MARGIN

    def across(value: float) -> float:
        return MARGIN + side * math.sqrt(value / top)

    def up(value: float) -> float:
        return 8 + side - side * math.sqrt(value / top)

    ticks = "".join(_tick(value, across, up) for value in TICKS if value <= top)
    points = list(zip(of.predicted.tolist(), of.observed.tolist(), of.count.tolist(), strict=True))
    line = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y, _ in points)
    dots = "".join(
        f'<circle class="final" cx="{across(x):.1f}" cy="{up(y):.1f}" r="4">'
        f"<title>foretold {x:.2%}, came true {y:.2%} of {count:,}</title></circle>"
        for x, y, count in points
    )
    return (
        f'<div class="wide"><svg class="square" viewBox="0 0 {SIDE + 12} {SIDE + 12}" role="img" '
        f'aria-label="probabilities foretold and come true">{ticks}'
        f'<path class="zero" d="M{across(0):.1f} {up(0):.1f}L{across(top):.1f} {up(top):.1f}"/>'
        f'<polyline class="trend" points="{line}"/>{dots}</svg></div>'
    )


def qini(curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], label: str) -> str:
    """A line per curve, the first one drawn through: shares against gains, beside the straight line of chance.

    Args:
        curves: by name, shares from 0 to 1 and what each brings; all of them end at the same gain.
        label: what is drawn.
    """
    gains = [0.0, *(gain for _, found in curves.values() for gain in found)]
    low, high, side = min(gains), max(gains), SIDE - MARGIN

    def at(share: float, gain: float) -> str:
        return f"{MARGIN + side * share:.1f},{8 + side * (high - gain) / ((high - low) or 1):.1f}"

    end = next((found[-1] for _, found in curves.values()), 0.0)
    lines = "".join(
        f'<polyline {how} points="{" ".join(map(at, *curve))}"><title>{escape(name)}</title></polyline>'
        for (name, curve), how in zip(curves.items(), CURVES, strict=False)
    )
    words = "".join(
        f'<text class="soft" x="{x}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'
        for x, y, anchor, text in (
            (MARGIN, side + 26, "start", "0 %"),
            (SIDE, side + 26, "end", "100 % of the pairs"),
            (MARGIN - 4, 16, "end", f"{high:.3f}"),
            (MARGIN - 4, side + 8, "end", f"{low:.3f}"),
        )
    )
    return (
        f'<div class="wide"><svg class="square" viewBox="0 0 {SIDE + 12} {SIDE + 12}" role="img" '
        f'aria-label="{escape(label)}"><polyline class="zero" fill="none" points="{at(0, 0)} {at(1, end)}"/>'
        f"{lines}{words}</svg></div>"
    )


def _tick(value: float, across: Callable[[float], float], up: Callable[[float], float]) -> str:
    x, y, text = across(value), up(value), f"{value:.0%}"
    return (
        f'<path class="axis" d="M{x:.1f} {up(0):.1f}V8M{MARGIN} {y:.1f}H{SIDE}"/>'
        f'<text class="soft" x="{x:.1f}" y="{up(0) + 18:.1f}" text-anchor="middle">{text}</text>'
        f'<text class="soft" x="{MARGIN - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
    )

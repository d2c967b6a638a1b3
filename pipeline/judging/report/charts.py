"""The report's charts as inline SVG, coloured by the page's style sheet; every name is escaped."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from pipeline.ground.lists import Pool
from pipeline.judging.gate import CHAMPION, FINAL, Comparison
from pipeline.judging.measuring import Measured
from pipeline.judging.reliability import Reliability
from pipeline.judging.report.page import FUSED_STAGES, Page, outcome, title

# Pixels: the names' column, the numbers' column, the whole width, the height of a row.
LABEL, NUMBER, WIDTH, ROW = 190, 190, 900, 26


def kind(page: Page, name: str) -> str:
    """How a list is coloured: final, champion, fused or single."""
    if name in (FINAL, CHAMPION):
        return name
    return "fused" if page.stages.get(name) in FUSED_STAGES else "single"


def _svg(rows: int, drawn: Iterable[str], label: str) -> str:
    height = rows * ROW + 8
    size = f'viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}"'
    return f'<div class="wide"><svg {size}>{"".join(drawn)}</svg></div>'


def _name(text: str, middle: float) -> str:
    short = text if len(text) <= 27 else text[:26] + "…"
    return f'<text x="0" y="{middle + 4:.1f}">{escape(short)}<title>{escape(text)}</title></text>'


def _whisker(low: float, high: float, middle: float, colour: str = "") -> str:
    ends = "".join(f"M{x:.1f} {middle - 4:.1f}V{middle + 4:.1f}" for x in (low, high))
    return f'<path class="whisker {colour}" d="M{low:.1f} {middle:.1f}H{high:.1f}{ends}"/>'


def bars(page: Page, pool: Pool) -> str:
    """A bar per list of a pool: its mean on the gate's metric, with the 95 % interval as whiskers."""
    rows = [row for name in page.shown(pool) if (row := page.find(pool, name, page.gate_metric))]
    top = max([row.value if row.high is None else row.high for row in rows], default=0) or 1
    drawn = [_bar(page, row, i * ROW + ROW / 2 + 4, (WIDTH - LABEL - NUMBER) / top) for i, row in enumerate(rows)]
    return _svg(len(rows), drawn, f"{page.gate_metric} of every list")


def _bar(page: Page, row: Measured, middle: float, scale: float) -> str:
    low, high = (row.value if bound is None else bound for bound in (row.low, row.high))
    return (
        _name(title(row.list), middle) + f'<rect class="{kind(page, row.list)}" x="{LABEL}" y="{middle - 8:.1f}" '
        f'width="{row.value * scale:.1f}" height="16" rx="3"/>'
        + _whisker(LABEL + low * scale, LABEL + high * scale, middle)
        + f'<text x="{WIDTH - NUMBER + 14}" y="{middle + 4:.1f}">{row.value:.3f} '
        f'<tspan class="soft">[{low:.3f}, {high:.3f}]</tspan></text>'
    )


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
    scale = (WIDTH - LABEL - NUMBER - 16) / ((high - low) or 1)

    def across(value: float) -> float:
        return LABEL + 8 + (value - low) * scale

    bottom = len(comparisons) * ROW + 8
    drawn = [f'<path class="zero" d="M{across(0):.1f} 2V{bottom}"/>']
    drawn += [_difference(c, i * ROW + ROW / 2 + 4, across, notes) for i, c in enumerate(comparisons)]
    return _svg(len(comparisons), drawn, label)


def _difference(
    comparison: Comparison, middle: float, across: Callable[[float], float], notes: Mapping[str, str]
) -> str:
    note = notes.get(comparison.versus, "")
    colour = {"better": "better", "worse": "worse"}.get(outcome(comparison), "equal")
    return (
        _name(title(comparison.versus), middle)
        + _whisker(across(comparison.low), across(comparison.high), middle, colour)
        + f'<circle class="{colour}" cx="{across(comparison.difference):.1f}" cy="{middle:.1f}" r="4">'
        f"{f'<title>{escape(note)}</title>' if note else ''}</circle>"
        f'<text x="{WIDTH - NUMBER + 14}" y="{middle + 4:.1f}">{comparison.difference:+.3f} '
        f'<tspan class="soft">[{comparison.low:+.3f}, {comparison.high:+.3f}]</tspan></text>'
    )


# The reliability plot, in pixels: its side, the margin to the left and below, and the marked probabilities.
SIDE, MARGIN = 300, 44
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


def _tick(value: float, across: Callable[[float], float], up: Callable[[float], float]) -> str:
    x, y, text = across(value), up(value), f"{value:.0%}"
    return (
        f'<path class="axis" d="M{x:.1f} {up(0):.1f}V8M{MARGIN} {y:.1f}H{SIDE}"/>'
        f'<text class="soft" x="{x:.1f}" y="{up(0) + 18:.1f}" text-anchor="middle">{text}</text>'
        f'<text class="soft" x="{MARGIN - 6}" y="{y + 4:.1f}" text-anchor="end">{text}</text>'
    )

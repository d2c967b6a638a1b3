"""The report's charts as inline SVG, coloured by the page's style sheet; every name is escaped."""

from collections.abc import Callable, Iterable, Sequence
from html import escape

from pipeline.evaluation.gate import CHAMPION, FINAL, Comparison
from pipeline.evaluation.judging import Measured
from pipeline.evaluation.report import FUSED_STAGES, Page, outcome, title
from pipeline.lists import Pool

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
    rows = [row for name in page.lists(pool) if (row := page.find(pool, name, page.gate_metric))]
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
    low = min([0.0, *(c.low for c in comparisons)])
    high = max([0.0, *(c.high for c in comparisons)])
    scale = (WIDTH - LABEL - NUMBER - 16) / ((high - low) or 1)

    def across(value: float) -> float:
        return LABEL + 8 + (value - low) * scale

    bottom = len(comparisons) * ROW + 8
    drawn = [f'<path class="zero" d="M{across(0):.1f} 2V{bottom}"/>']
    drawn += [_difference(c, i * ROW + ROW / 2 + 4, across) for i, c in enumerate(comparisons)]
    return _svg(len(comparisons), drawn, "difference of tonight's table to every other list") + (
        '<p class="soft small">Right of the line: tonight\'s table is better. '
        "A bar that does not touch the line is a significant difference.</p>"
    )


def _difference(comparison: Comparison, middle: float, across: Callable[[float], float]) -> str:
    colour = {"better": "better", "worse": "worse"}.get(outcome(comparison), "equal")
    return (
        _name(title(comparison.versus), middle)
        + _whisker(across(comparison.low), across(comparison.high), middle, colour)
        + f'<circle class="{colour}" cx="{across(comparison.difference):.1f}" cy="{middle:.1f}" r="4"/>'
        f'<text x="{WIDTH - NUMBER + 14}" y="{middle + 4:.1f}">{comparison.difference:+.3f} '
        f'<tspan class="soft">[{comparison.low:+.3f}, {comparison.high:+.3f}]</tspan></text>'
    )

"""Charts over the nights: inline SVG that is stretched to the room there is, with words and numbers around it as text.

Nothing is told by a colour alone, and under every chart its numbers stand as a table.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

from pipeline.site.nights import Mean

# Units of a plot, which is stretched.
WIDTH, HEIGHT = 600.0, 160.0

Written = Callable[[float], str]


@dataclass(frozen=True)
class Series:
    """One line, or the bars.

    Attributes:
        name: for the legend and the table.
        look: the style sheet's class: first, second or third.
        values: by night, in their order; None: unknown.
    """

    name: str
    look: str
    values: Sequence[Mean | None]


def lines(nights: Sequence[date], series: Sequence[Series], label: str, written: Written) -> str:
    """A line per series, with its 95 % interval as a band where it is known; gaps where nothing is.

    Args:
        nights: the days of the values, in order.
        series: what is drawn; those without any value are left out.
        label: what the chart shows, for those who do not see it.
        written: a value as text.
    """
    shown = [s for s in series if any(s.values)]
    if not shown:
        return ""
    across, up, top = _scales(nights, shown)
    drawn = "".join(_band(nights, s, across, up) for s in shown)
    drawn += "".join(_line(nights, s, across, up) for s in shown)
    drawn += _pointed(nights, shown, across, written)
    return _figure(nights, shown, drawn, _Frame(label, top, written))


def bars(nights: Sequence[date], series: Sequence[Series], label: str, written: Written) -> str:
    """Bars of the first series, those of the others in front of them; as `lines`."""
    shown = [s for s in series if any(s.values)]
    if not shown:
        return ""
    across, up, top = _scales(nights, shown)
    wide = max(2.0, 0.7 * WIDTH / (_days(nights) + 1))
    drawn = "".join(
        f'<rect class="{s.look}" x="{across(night) - wide / 2:.1f}" width="{wide:.1f}" y="{up(mean.value):.1f}" '
        f'height="{HEIGHT - up(mean.value):.1f}"/>'
        for s in shown
        for night, mean in zip(nights, s.values, strict=True)
        if mean is not None
    )
    drawn += _pointed(nights, shown, across, written)
    return _figure(nights, shown, drawn, _Frame(label, top, written, "bars"))


def _days(nights: Sequence[date]) -> int:
    return max(1, (nights[-1] - nights[0]).days)


def _scales(
    nights: Sequence[date], shown: Sequence[Series]
) -> tuple[Callable[[date], float], Callable[[float], float], float]:
    """Where a night and a value lie, and the value at the top; the bottom is zero."""
    highest = max(
        (m.value if m.high is None else m.high for s in shown for m in s.values if m is not None), default=0.0
    )
    top, first, step = rounded_up(highest), nights[0], WIDTH / (_days(nights) + 1)

    def across(night: date) -> float:
        return step * ((night - first).days + 0.5)

    def up(value: float) -> float:
        return HEIGHT - HEIGHT * min(value, top) / top

    return across, up, top


def rounded_up(value: float) -> float:
    """The next number of those people count by: 1, 2, 2.5 or 5 times a power of ten; 1 for nothing."""
    if value <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(value))
    return next((step * power for step in (1, 2, 2.5, 5) if step * power >= value), 10 * power)


def _band(nights: Sequence[date], series: Series, across: Callable[[date], float], up: Callable[[float], float]) -> str:
    drawn = ""
    for run in _unbroken(nights, series):
        if all(mean.low is not None and mean.high is not None for _, mean in run):
            there = [f"{across(night):.1f},{up(mean.high or 0):.1f}" for night, mean in run]
            back = [f"{across(night):.1f},{up(mean.low or 0):.1f}" for night, mean in reversed(run)]
            drawn += f'<polygon class="band {series.look}" points="{" ".join([*there, *back])}"/>'
    return drawn


def _line(nights: Sequence[date], series: Series, across: Callable[[date], float], up: Callable[[float], float]) -> str:
    drawn = ""
    for run in _unbroken(nights, series):
        points = " ".join(f"{across(night):.1f},{up(mean.value):.1f}" for night, mean in run)
        drawn += f'<polyline class="line {series.look}" points="{points}"/>'
        # no length: round, however the plot is stretched
        dots = "".join(f"M{across(night):.1f} {up(mean.value):.1f}h0" for night, mean in run)
        drawn += f'<path class="dot {series.look}" d="{dots}"/>'
    return drawn


def _unbroken(nights: Sequence[date], series: Series) -> list[list[tuple[date, Mean]]]:
    """The stretches of values that are known; nights without a run do not break them, unknown values do."""
    runs: list[list[tuple[date, Mean]]] = [[]]
    for night, mean in zip(nights, series.values, strict=True):
        if mean is None:
            runs.append([])
        else:
            runs[-1].append((night, mean))
    return [run for run in runs if run]


def _pointed(nights: Sequence[date], shown: Sequence[Series], across: Callable[[date], float], written: Written) -> str:
    """What is said of a night where somebody points at it."""
    wide = WIDTH / (_days(nights) + 1)
    return "".join(
        f'<rect class="pointed" x="{across(night) - wide / 2:.1f}" y="0" width="{wide:.1f}" height="{HEIGHT:.0f}">'
        f"<title>{escape(_said(night, shown, n, written))}</title></rect>"
        for n, night in enumerate(nights)
    )


def _said(night: date, shown: Sequence[Series], n: int, written: Written) -> str:
    values = [f"{s.name}: {_number(mean, written)}" for s in shown if (mean := s.values[n]) is not None]
    return "\n".join([night.isoformat(), *values])


def _number(mean: Mean | None, written: Written) -> str:
    if mean is None:
        return ""
    if mean.low is None or mean.high is None:
        return written(mean.value)
    return f"{written(mean.value)} [{written(mean.low)}, {written(mean.high)}]"


@dataclass(frozen=True)
class _Frame:
    """What stands around a plot: what it shows, the value at its top, and how values are written."""

    label: str
    top: float
    written: Written
    look: str = "lines"


def _figure(nights: Sequence[date], shown: Sequence[Series], drawn: str, frame: _Frame) -> str:
    written, top = frame.written, frame.top
    grid = "".join(f'<path class="grid" d="M0 {y:.0f}H{WIDTH:.0f}"/>' for y in (0, HEIGHT / 2, HEIGHT))
    size = f'viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" preserveAspectRatio="none"'
    legend = "".join(f'<li class="{s.look}">{escape(s.name)}</li>' for s in shown)
    ends = f"<span>{nights[0]}</span>" + (f"<span>{nights[-1]}</span>" if len(nights) > 1 else "")
    return (
        f'<figure class="{frame.look}"><ul class="legend">{legend}</ul><div class="plot">'
        f'<div class="scale" aria-hidden="true"><span>{written(top)}</span><span>{written(top / 2)}</span>'
        f'<span>{written(0)}</span></div><svg {size} role="img" aria-label="{escape(frame.label)}">{grid}{drawn}</svg>'
        f'<div class="dates">{ends}</div></div>{_as_table(nights, shown, frame)}</figure>'
    )


def _as_table(nights: Sequence[date], shown: Sequence[Series], frame: _Frame) -> str:
    """The numbers, newest night first."""
    head = "".join(f'<th scope="col">{escape(s.name)}</th>' for s in shown)
    rows = "".join(
        f'<tr><th scope="row">{night}</th>'
        + "".join(f"<td>{_number(s.values[n], frame.written)}</td>" for s in shown)
        + "</tr>"
        for n, night in reversed(list(enumerate(nights)))
    )
    return (
        f'<details><summary>As numbers</summary><div class="wide"><table><caption class="unseen">{escape(frame.label)}'
        f'</caption><thead><tr><th scope="col">night</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></details>"
    )

"""The charts' geometry: longer bars for larger numbers, dots on the right side of zero."""

import re

from pipeline.judging.report import charts
from tests.judging.report.test_html import page


def test_bars_are_as_long_as_their_numbers() -> None:
    svg = charts.bars(page({"all": 0.1}), "all")
    widths = [float(width) for width in re.findall(r'<rect[^>]* width="([\d.]+)"', svg)]
    assert [round(width / widths[1], 2) for width in widths] == [2, 1, 4, 3]  # 0.2, 0.1, 0.4, 0.3
    assert max(widths) < charts.PLOT


def test_a_list_of_zeros_has_no_bars() -> None:
    made = page({"all": 0.1})
    zeros = tuple(row._replace(value=0.0, low=0.0, high=0.0) for row in made.measured)
    svg = charts.bars(type(made)(**made.__dict__ | {"measured": zeros}), "all")
    assert set(re.findall(r'<rect[^>]* width="([\d.]+)"', svg)) == {"0.0"}


def test_dots_stand_on_the_side_of_who_wins() -> None:
    comparisons = page({"all": -0.15}).comparisons  # tonight 0.15 against 0.2, 0.1, 0.3
    svg = charts.forest(comparisons)
    zero = float(re.findall(r'class="zero" d="M([\d.]+)', svg)[0])
    dots = re.findall(r'<path class="dot (\w+)" d="M([\d.]+)', svg)
    assert [(colour, float(x) > zero) for colour, x in dots] == [("worse", False), ("better", True), ("worse", False)]


def test_no_comparisons_draw_an_empty_chart() -> None:
    assert 'class="dot' not in charts.forest([])

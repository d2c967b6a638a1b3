"""What a fairer share of attention costs: the published lists of finished nights, by more and more of `long_tail`.

    python -m benchmarks.fairness 2011-05-01 2011-06-05 [--home FOLDER] [--values 0.5 1] [--plot FILE.svg]
                                  [--by category] [--surfaces NAME ...]

Nothing is fitted: each night's ensemble is read, and its lists are made as a publication makes them. Quality is scored
against the raw logs of the `horizon_days` after the night (benchmarks.scoring), with the paired difference to the plain
lists over all nights; exposure and the long tail are measured as a publication measures them. The difference is told
apart by who acted: customers with under evaluate.new_user_items items so far, and all others. Nights before 2011-07-01
are for choosing, later ones only for reporting. The nights must be there (benchmarks.quality makes them).

With `--by` it is more and more of `min_exposure` for groups of that, and `lowest` is the least share of exposure over
share of relevance that a group of at least fairness.limits.min_relevance_share of the relevance has.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import nights, scoring
from benchmarks.diversity import night_of
from pipeline.ground import sql
from pipeline.ground.lists import kind_of
from pipeline.publication import wanted
from pipeline.publication.exposed import Exposed, Groups
from pipeline.publication.night import Night
from pipeline.publication.tables import exposure, recommendations
from pipeline.settings.config import Config
from pipeline.settings.sections.fairness import POPULARITY
from pipeline.settings.sections.publication import Surface

KEPT = (0.0, 0.25, 0.5, 0.75, 0.9, 1.0)
VALUES = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
WIDTH, HEIGHT, MARGIN = 520, 340, 56
COLOURS = ("#2f5fb3", "#b3322b", "#1b7f4d")
FIGURES = ("exposure_gini", "exposure_coverage", "tail_coverage", "aplt", "arp")


@dataclass(frozen=True)
class Point:
    """One surface of one night at one value.

    Attributes:
        surface, value, night: which.
        ndcg: [J] of the judged users; few: bool [J], whether they had few items.
        figures: FIGURES, and the lowest ratio of a group.
    """

    surface: str
    value: float
    night: date
    ndcg: np.ndarray
    few: np.ndarray
    figures: dict[str, float]


def shown(night: Night) -> tuple[pa.Table, Night]:
    """The recommendations that the settings give, and the night with what they show."""
    table = pa.concat_tables(recommendations.make(night))
    pq.write_table(table, night.scratch / recommendations.TABLE.file)
    return table, exposure.told(night.scratch, night)


def measure(settings: Config, run_date: date, values: Sequence[float], scratch: Path, by: str = "") -> list[Point]:
    """Every surface at every value of long_tail, or of min_exposure by a grouping."""
    known = scoring.known_and_later(settings.folder, run_date, timedelta(days=settings.horizon_days))
    bought, later = (scoring.grouped(table) for table in known)
    points = []
    for value in values:
        asked = {"min_exposure": value, "min_exposure_by": by} if by else {"long_tail": value}
        surfaces = tuple(surface.model_copy(update=asked) for surface in settings.surfaces)
        changed = settings.model_copy(update={"surfaces": surfaces})
        with sql.connect(settings.threads, settings.memory_limit_mb) as connection:
            night = night_of(settings, run_date, connection)
            table, told = shown(replace(night, config=changed, scratch=scratch))
            groups = [wanted.grouping(by or POPULARITY, told)]
        for surface in surfaces:
            point = _point(settings, surface, run_date, value, (table, told, bought, later))
            point.figures["lowest"] = _lowest(settings, told.exposed[surface.name], groups)
            points.append(point)
    return points


def _lowest(settings: Config, exposed: Exposed, groups: Sequence[Groups]) -> float:
    """The least ratio of a group that has the relevance."""
    least = settings.fairness.limits.min_relevance_share
    rows = [row for row in exposed.rows(groups) if row["grouping"] == groups[0].name and row["value"]]
    return min(
        (row["ratio"] for row in rows if row["ratio"] is not None and row["relevance_share"] >= least), default=0
    )


def _point(
    settings: Config,
    surface: Surface,
    run_date: date,
    value: float,
    found: tuple[pa.Table, Night, dict[str, set[str]], dict[str, set[str]]],
) -> Point:
    table, told, bought, later = found
    pool = kind_of(settings.pool(surface))
    ndcg, _ = scoring.per_user(scoring.by_user(table, surface.name), later, bought, pool)
    few = [len(bought[user]) < settings.evaluate.new_user_items for user in scoring.judged(later, bought, pool)]
    figures = told.exposed[surface.name].figures()
    return Point(surface.name, value, run_date, ndcg, np.array(few), {name: figures[name] for name in FIGURES})


def show(points: Sequence[Point]) -> None:
    """Print a table per surface: means over the nights, and changes against value 0 in per cent of it."""
    print(
        "NDCG@10: change against the plain lists, 95 % over customers, and of those with few and with many items so far"
    )
    for name in dict.fromkeys(p.surface for p in points):
        heads = "few    many    Gini  change  cover   tail   APLT    ARP  lowest"
        print(f"\n{name:<9}  NDCG@10  change  [95 %]              {heads}")
        plain = [p for p in points if p.surface == name and p.value == 0]
        for value in dict.fromkeys(p.value for p in points):
            mine = [p for p in points if (p.surface, p.value) == (name, value)]
            ndcg, change, (low, high) = _cost(mine, plain)
            few, many = (_by(mine, plain, which) for which in (True, False))
            gini, cover, tail, aplt, arp = (float(np.mean([p.figures[f] for p in mine])) for f in FIGURES)
            lowest = float(np.mean([p.figures["lowest"] for p in mine]))
            less = gini / np.mean([p.figures["exposure_gini"] for p in plain]) - 1
            said = f"{value:9.2f}  {ndcg:7.4f}  {change:+6.1%}  [{low:+6.1%}, {high:+6.1%}]  {few:+6.1%}  {many:+6.1%}"
            print(f"{said}  {gini:.4f}  {less:+6.1%}  {cover:.3f}  {tail:.3f}  {aplt:.3f}  {arp:5.1f}  {lowest:6.3f}")


def _cost(mine: Sequence[Point], plain: Sequence[Point]) -> tuple[float, float, tuple[float, float]]:
    """NDCG@10, and its change as a share of the plain lists', with the interval over all judged users."""
    values = np.concatenate([p.ndcg for p in mine])
    before = np.concatenate([p.ndcg for p in plain])
    low, high = scoring.interval(values - before) if mine[0].value else (0.0, 0.0)
    base = float(before.mean())
    return float(values.mean()), float(values.mean()) / base - 1, (low / base, high / base)


def _by(mine: Sequence[Point], plain: Sequence[Point], few: bool) -> float:
    """The change of NDCG@10 of those who had few items, or of all others, as a share of theirs."""
    after, before = (np.concatenate([p.ndcg[p.few == few] for p in points]) for points in (mine, plain))
    return float(after.mean() / before.mean() - 1) if len(before) and before.mean() else 0.0


def plot(points: Sequence[Point]) -> str:
    """SVG: NDCG@10 as a share of the plain lists' over the Gini coefficient of exposure, a line per surface."""
    names, drawn = list(dict.fromkeys(p.surface for p in points)), []
    lines = {name: _line([p for p in points if p.surface == name]) for name in names}
    places = [place for line in lines.values() for place in line]
    left, right = min(x for x, _ in places), max(x for x, _ in places)
    low, high = min(y for _, y in places), max(1.0, *(y for _, y in places))
    bottom, end = HEIGHT - MARGIN, WIDTH - MARGIN
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        dots = " ".join(
            f"{MARGIN + (x - left) / (right - left) * (end - MARGIN):.1f},"
            f"{bottom - (y - low) / (high - low) * (bottom - MARGIN):.1f}"
            for x, y in line
        )
        drawn.append(f'<polyline fill="none" stroke="{colour}" stroke-width="1.6" points="{dots}"/>')
        drawn.append(_label(end - 80, 18 + 15 * number, name, colour))
    drawn.append(f'<path d="M{MARGIN} {MARGIN}V{bottom}H{end}" fill="none" stroke="#888"/>')
    drawn += [_label(MARGIN, bottom + 20, f"{left:.2f}"), _label(end - 24, bottom + 20, f"{right:.2f}")]
    drawn += [_label(8, MARGIN + 4, f"{high:.0%}"), _label(8, bottom, f"{low:.0%}")]
    drawn += [_label(8, MARGIN - 12, "NDCG@10 of the plain lists'")]
    drawn += [_label(WIDTH // 2 - 90, HEIGHT - 14, "Gini coefficient of exposure")]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
    return f'{head} font-size="12"><rect width="100%" height="100%" fill="#fff"/>{"".join(drawn)}</svg>\n'


def _line(points: Sequence[Point]) -> list[tuple[float, float]]:
    """Gini and share of NDCG@10 at every value."""
    plain = [p for p in points if p.value == 0]
    found = []
    for value in dict.fromkeys(p.value for p in points):
        mine = [p for p in points if p.value == value]
        found.append((float(np.mean([p.figures["exposure_gini"] for p in mine])), 1 + _cost(mine, plain)[1]))
    return found


def _label(x: float, y: float, text: str, colour: str = "#333") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}">{text}</text>'


def main() -> None:
    """Measure, print, and draw where asked."""
    parser = nights.arguments(__doc__)
    parser.add_argument("--values", type=float, nargs="*", help="of the setting; 0 is always measured")
    parser.add_argument("--by", default="", help="ask min_exposure for these groups, not long_tail")
    parser.add_argument("--surfaces", nargs="+", help="default: all")
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    settings = nights.settings_of(given)
    values = sorted({0.0, *(given.values or (KEPT if given.by else VALUES))})
    chosen = tuple(s for s in settings.surfaces if given.surfaces is None or s.name in given.surfaces)
    settings = settings.model_copy(update={"surfaces": chosen})
    scratch = settings.home / "fairness"
    scratch.mkdir(parents=True, exist_ok=True)
    points = [point for night in given.nights for point in measure(settings, night, values, scratch, given.by)]
    show(points)
    if given.plot is not None:
        given.plot.write_text(plot(points), encoding="utf-8")


if __name__ == "__main__":
    main()

"""What diversity costs: the published lists of a finished night, re-ranked by more and more of it.

    python -m benchmarks.diversity 2011-06-05 [--home FOLDER] [--text 0 0.5 1] [--plot FILE.svg]

Nothing is fitted: the night's ensemble is read, and its lists are made as a publication makes them. Quality is scored
against the raw logs of the `horizon_days` after the night (benchmarks.scoring), with the paired difference to no
diversity. Intra-list diversity is 1 - mean cosine over the pairs of the first 10, once of the texts' vectors, once of
the ALS factors; coverage is the share of the catalogue that somebody is shown among the first 10. Nights before
2011-07-01 are for choosing, later ones only for reporting.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from benchmarks import nights, scoring
from pipeline.arrays import metrics
from pipeline.ground import artifacts, sql
from pipeline.publication.night import Night
from pipeline.publication.tables import recommendations
from pipeline.settings.config import Config
from pipeline.settings.sections.publication import Surface
from pipeline.sources import SOURCES

K = 10
DIVERSITIES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7)
WIDTH, HEIGHT, MARGIN = 520, 340, 56
COLOURS = ("#2f5fb3", "#b3322b", "#1b7f4d")


@dataclass(frozen=True)
class Point:
    """One surface at one diversity: means over users, and the change of NDCG with its 95 % interval."""

    surface: str
    text: float
    diversity: float
    ndcg: float
    recall: float
    change: float
    low: float
    high: float
    unlike_texts: float
    unlike_buyers: float
    coverage: float


def night_of(settings: Config, run_date: date, connection: duckdb.DuckDBPyConnection) -> Night:
    """A finished night of the lake, as publication reads it."""
    names = ("features", "ensemble", "outcomes", "evaluate", *SOURCES)
    read = {name: artifacts.stage_dir(settings.lake, name, run_date) for name in names}
    return Night(
        features=read["features"],
        sources={name: read[name] for name in SOURCES},
        ensemble=read["ensemble"],
        outcomes=read["outcomes"],
        evaluate=read["evaluate"],
        run_date=run_date,
        run_id="benchmark",
        config=settings,
        connection=connection,
        scratch=settings.home,
    )


def made(settings: Config, run_date: date) -> pa.Table:
    """The recommendations that the settings give."""
    with sql.connect(settings.threads, settings.memory_limit_mb) as connection:
        return pa.concat_tables(recommendations.make(night_of(settings, run_date, connection)))


def measure(settings: Config, run_date: date, shares: Sequence[float]) -> list[Point]:
    """Every surface at every diversity and share of the texts."""
    known = scoring.known_and_later(settings.folder, run_date, timedelta(days=settings.horizon_days))
    bought, later = (scoring.grouped(table) for table in known)
    with sql.connect(1, 512) as connection:
        night = night_of(settings, run_date, connection)
        item_ids = {item: i for i, item in enumerate(night.items["item_id"].to_pylist())}
        vectors = (night.vectors, night.factors)
    points: list[Point] = []
    plain: dict[tuple[str, float], np.ndarray] = {}
    for text, diversity in itertools.product(shares, DIVERSITIES):
        changed = tuple(_diverse(surface, diversity, text) for surface in settings.surfaces)
        table = made(settings.model_copy(update={"surfaces": changed}), run_date)
        for surface in changed:
            lists = scoring.by_user(table, surface.name)
            ndcg, recall = scoring.per_user(lists, later, bought, settings.pool(surface))
            change = ndcg - plain.setdefault((surface.name, text), ndcg)
            low, high = scoring.interval(change) if diversity else (0.0, 0.0)
            tops = np.array([[item_ids[i] for i in row[:K]] + [-1] * (K - len(row)) for row in lists.values()])
            unlike = [np.nan if v is None else float(np.nanmean(metrics.diversity(tops, v))) for v in vectors]
            covered = metrics.coverage(tops, len(item_ids))
            worth = (float(ndcg.mean()), float(recall.mean()), float(change.mean()), low, high)
            points.append(Point(surface.name, text, diversity, *worth, unlike[0], unlike[1], covered))
    return points


def _diverse(surface: Surface, diversity: float, text: float) -> Surface:
    return surface.model_copy(update={"diversity": diversity, "diversity_text": text})


def show(points: Sequence[Point]) -> None:
    """Print a table per surface and share of the texts."""
    for name, text in dict.fromkeys((p.surface, p.text) for p in points):
        print(f"\n{name}, likeness {text:.0%} text and {1 - text:.0%} who buys it")
        print("diversity  NDCG@10  change [95 %]                recall@50  unlike: texts  buyers  coverage@10")
        for p in points:
            if (p.surface, p.text) == (name, text):
                print(
                    f"{p.diversity:9.2f}  {p.ndcg:7.4f}  {p.change:+.4f} [{p.low:+.4f}, {p.high:+.4f}]  {p.recall:9.4f}"
                    f"  {p.unlike_texts:13.4f}  {p.unlike_buyers:6.4f}  {p.coverage:11.4f}"
                )


def plot(points: Sequence[Point]) -> str:
    """SVG: NDCG@10 as a share of the plain list's over the lists' unlikeness in texts, a line per surface and share."""
    lines = list(dict.fromkeys((p.surface, p.text) for p in points))
    shares = {id(p): p.ndcg / (p.ndcg - p.change) for p in points}
    low, left = min(shares.values()), min(p.unlike_texts for p in points)
    high, right = max(1.0, *shares.values()), max(p.unlike_texts for p in points)

    def place(p: Point) -> str:
        x = MARGIN + (p.unlike_texts - left) / (right - left) * (WIDTH - 2 * MARGIN)
        y = HEIGHT - MARGIN - (shares[id(p)] - low) / (high - low) * (HEIGHT - 2 * MARGIN)
        return f"{x:.1f},{y:.1f}"

    names, drawn = list(dict.fromkeys(name for name, _ in lines)), []
    for number, (name, text) in enumerate(lines):
        mine = [p for p in points if (p.surface, p.text) == (name, text)]
        colour, dash = COLOURS[names.index(name) % len(COLOURS)], 2 + 6 * text
        style = f'fill="none" stroke="{colour}" stroke-width="1.6" stroke-dasharray="{dash:.0f} 2"'
        drawn.append(f'<polyline {style} points="{" ".join(map(place, mine))}"/>')
        drawn.append(_label(WIDTH - 170, 18 + 15 * number, f"{name}, text {text:.0%}", colour))
    bottom, end = HEIGHT - MARGIN, WIDTH - MARGIN
    drawn.append(f'<path d="M{MARGIN} {MARGIN}V{bottom}H{end}" fill="none" stroke="#888"/>')
    drawn += [_label(MARGIN, bottom + 20, f"{left:.2f}"), _label(end - 24, bottom + 20, f"{right:.2f}")]
    drawn += [_label(8, MARGIN + 4, f"{high:.0%}"), _label(8, bottom, f"{low:.0%}")]
    drawn += [_label(8, MARGIN - 12, "NDCG@10 of the plain list's")]
    drawn += [_label(WIDTH // 2 - 130, HEIGHT - 14, "unlikeness of the first 10, texts")]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"'
    ground = '<rect width="100%" height="100%" fill="#fff"/>'
    return f'{head} font-size="12">{ground}{"".join(drawn)}</svg>\n'


def _label(x: float, y: float, text: str, colour: str = "#333") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" fill="{colour}">{text}</text>'


def main() -> None:
    """Measure, print, and draw where asked."""
    parser = nights.arguments(__doc__, several=False)
    parser.add_argument("--text", type=float, nargs="*", default=[0.5], help="shares of the texts in likeness")
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    points = measure(nights.settings_of(given), given.night, given.text)
    show(points)
    if given.plot is not None:
        given.plot.write_text(plot(points), encoding="utf-8")


if __name__ == "__main__":
    main()

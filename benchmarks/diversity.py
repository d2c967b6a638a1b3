"""What diversity costs: the published lists of a finished night, re-ranked by more and more of it.

    python -m benchmarks.diversity 2011-06-05 [--home FOLDER] [--text 0 0.5 1] [--plot FILE.svg]

Nothing is fitted: the night's ensemble is read, and its lists are made as a publication makes them. Quality is scored
against the raw logs of the 14 days after the night (benchmarks.scoring), with the paired difference to no
diversity. Intra-list diversity is 1 - mean cosine over the pairs of the first 10, once of the texts' vectors, once of
the ALS factors; coverage is the share of the catalogue that somebody is shown among the first 10. Nights before
2011-07-01 are for choosing, later ones only for reporting.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks import scoring
from pipeline.arrays import metrics
from pipeline.ground import artifacts, sql
from pipeline.publication.night import Night
from pipeline.publication.recommendations import recommendations
from pipeline.settings.sections.publication import Surface
from pipeline.sources import configuration
from pipeline.sources.configuration import FullConfig

K, HORIZON = 10, 14
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


def night_of(settings: FullConfig, run_date: date, connection: object) -> Night:
    """A finished night of the lake, as publication reads it."""
    names = ("features", "als", "language_model", "ensemble")
    folders = {name: artifacts.stage_dir(settings.lake, name, run_date) for name in names}
    return Night(**folders, run_date=run_date, run_id="benchmark", config=settings, connection=connection)  # type: ignore[arg-type]


def made(settings: FullConfig, run_date: date) -> pa.Table:
    """The recommendations that the settings give."""
    with sql.connect(settings.threads, settings.memory_limit_mb) as connection:
        return pa.concat_tables(recommendations(night_of(settings, run_date, connection)))


def shown(table: pa.Table) -> dict[str, list[str]]:
    """item_ids by user_id; the rows of one surface are sorted by user and rank."""
    users, items = table["user_id"].to_pylist(), table["item_id"].to_pylist()
    found: dict[str, list[str]] = {}
    for user, item in zip(users, items, strict=True):
        found.setdefault(user, []).append(item)
    return found


def measure(settings: FullConfig, run_date: date, shares: Sequence[float]) -> list[Point]:
    """Every surface at every diversity and share of the texts."""
    bought = scoring.grouped(scoring.purchases(settings.folder, scoring.BEGINNING, run_date))
    later = scoring.grouped(scoring.purchases(settings.folder, run_date, run_date + timedelta(days=HORIZON)))
    with sql.connect(1, 512) as connection:
        night = night_of(settings, run_date, connection)
        item_ids = {item: i for i, item in enumerate(night.items["item_id"].to_pylist())}
        vectors = (np.asarray(night.vectors), np.asarray(night.factors))
    points, plain = [], {}
    for text in shares:
        for diversity in DIVERSITIES:
            changed = tuple(_diverse(surface, diversity, text) for surface in settings.surfaces)
            table = made(settings.model_copy(update={"surfaces": changed}), run_date)
            for surface in changed:
                lists = shown(table.filter(pa.compute.field("surface") == surface.name))
                ndcg, recall = scoring.per_user(lists, later, bought, surface.pool)
                before = plain.setdefault((surface.name, text), ndcg)
                tops = np.array([[item_ids[i] for i in row[:K]] + [-1] * (K - len(row)) for row in lists.values()])
                unlike = [float(np.nanmean(metrics.diversity(tops, v))) for v in vectors]
                points.append(
                    Point(
                        surface.name,
                        text,
                        diversity,
                        float(ndcg.mean()),
                        float(recall.mean()),
                        float((ndcg - before).mean()),
                        *(scoring.interval(ndcg - before) if diversity else (0.0, 0.0)),
                        *unlike,
                        metrics.coverage(tops, len(item_ids)),
                    )
                )
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("night", type=date.fromisoformat)
    parser.add_argument("--home", type=Path, default=Path(os.environ.get("NIGHTJAR_HOME", ".nightjar")))
    parser.add_argument("--text", type=float, nargs="*", default=[0.5], help="shares of the texts in likeness")
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    points = measure(configuration.load(overrides={"home": given.home}), given.night, given.text)
    show(points)
    if given.plot is not None:
        given.plot.write_text(plot(points), encoding="utf-8")


if __name__ == "__main__":
    main()

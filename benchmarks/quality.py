"""What the published tables are worth on nights of the example shop, against every single model of the same run.

    python -m benchmarks.quality 2011-07-31 2011-10-02 2011-11-06 [--home FOLDER] [--export FOLDER] [--against FOLDER]

History and truth come from the raw logs, not from the pipeline: history = products known customers bought up to the
night, truth = what they bought in the `horizon_days` after it (see scoring.py). Differences carry paired bootstrap 95 %
intervals over the customers. Nights before 2011-07-01 are for tuning, later ones only for reporting. `--config` names
another example, e.g. examples/deskdrop/pipeline.toml. `--against` is what another run exported, with other settings
say, whose published lists are then one of the lists.
"""

import logging
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks import nights, scoring
from pipeline.ground import artifacts
from pipeline.operations import stages
from pipeline.settings.config import Config
from pipeline.sources import SOURCES

MODELS = (*SOURCES, "fusion", "ensemble")
"""Stages whose lists are judged beside what is published."""
AGAINST = "against"
"""What the other run's published lists are called."""
Judged = Mapping[tuple[str, str], np.ndarray]
"""[2, users] NDCG@10 and Recall@50 by (protocol, list)."""


def judge(settings: Config, night: date, folder: Path | None, against: Path | None = None) -> Judged:
    """Score one night's lists; where a folder is given they are written there, with history and truth.

    Args:
        settings: with a home in which the night has run.
        night: the night.
        folder: what is written; None: nothing.
        against: where another run's lists are, as they are written here; None: there is no other.
    """
    bought, later = scoring.known_and_later(settings.folder, night, timedelta(days=settings.horizon_days))
    history, truth = scoring.grouped(bought), scoring.grouped(later)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(bought, folder / f"{night}.history.parquet")
        pq.write_table(later, folder / f"{night}.truth.parquet")
    scores: dict[tuple[str, str], np.ndarray] = {}
    for surface in settings.surfaces:
        pool = settings.pool(surface)
        models = (entry for stage in MODELS for entry in nights.lists_of(settings, stage, night, pool))
        shown_here = _published(settings, night, surface.name)
        others = [] if against is None else [(AGAINST, scoring.read_lists(_file(against, night, pool, surface.name)))]
        for name, shown in [(surface.name, shown_here), *others, *models]:
            scores[pool, name] = np.stack(scoring.per_user(shown, truth, history, pool))
            if folder is not None:
                scoring.write_lists(_file(folder, night, pool, name), shown)
    return scores


def _file(folder: Path, night: date, pool: str, name: str) -> Path:
    return folder / f"{night}.{pool}.{name}.parquet"


def _published(settings: Config, night: date, surface: str) -> dict[str, list[str]]:
    folder = artifacts.stage_dir(settings.lake, "publish", night)
    return scoring.by_user(pq.read_table(folder / "recommendations.parquet"), surface)


def show(settings: Config, results: Mapping[date, Judged]) -> None:
    """Print a table per protocol: NDCG@10 of each night, the means, and the difference to the published list."""
    for surface in settings.surfaces:
        protocol = settings.pool(surface)
        names = sorted({name for night in results.values() for p, name in night if p == protocol})
        mean = {n: np.mean([night[protocol, n].mean(axis=1) for night in results.values()], axis=0) for n in names}
        print(f"\nprotocol {protocol}: surface {surface.name} against every list of the same runs")
        header = " ".join(f"{night!s:>10}" for night in results)
        print(f"{'list':<18} {header} {'NDCG@10':>9} {'Recall@50':>9}   {surface.name} minus it, NDCG@10 [95 %]")
        for name in sorted(names, key=lambda n: -mean[n][0]):
            nights = " ".join(f"{night[protocol, name][0].mean():>10.4f}" for night in results.values())
            gap = np.concatenate(
                [night[protocol, surface.name][0] - night[protocol, name][0] for night in results.values()]
            )
            low, high = scoring.interval(gap) if name != surface.name else (0.0, 0.0)
            against = "" if name == surface.name else f"   {gap.mean():+.4f} [{low:+.4f}, {high:+.4f}]"
            print(f"{name:<18} {nights} {mean[name][0]:>9.4f} {mean[name][1]:>9.4f}{against}")


def main() -> None:
    """Run the nights that are not there yet, and score them."""
    options = nights.arguments(__doc__)
    options.add_argument("--export", type=Path, help="also write lists, history and truth as Parquet")
    options.add_argument("--against", type=Path, help="what another run exported, to be compared with")
    chosen = options.parse_args()
    settings = nights.settings_of(chosen)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    nights.load_logs(settings, max(chosen.nights))
    results = {}
    for night in chosen.nights:
        stages.run(night, settings)
        results[night] = judge(settings, night, chosen.export, chosen.against)
    show(settings, results)


if __name__ == "__main__":
    main()

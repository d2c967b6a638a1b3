"""What the published tables are worth on nights of the example shop, against every single model of the same run.

    python -m benchmarks.quality 2011-07-31 2011-10-02 2011-11-06 [--home FOLDER] [--export FOLDER]

History and truth come from the raw logs, not from the pipeline: history = products known customers bought up to the
night, truth = what they bought in the `horizon_days` after it (see scoring.py). Differences carry paired bootstrap 95 %
intervals over the customers. Nights before 2011-07-01 are for tuning, later ones only for reporting. `--config` names
another example, e.g. examples/deskdrop/pipeline.toml.
"""

import argparse
import logging
import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import scoring
from pipeline.features.read import read_cutoffs, read_items, read_users
from pipeline.ground import artifacts, lists
from pipeline.operations import load_history, stages
from pipeline.sources import configuration

SOURCES = (
    "popularity",
    "als",
    "user_knn",
    "item_knn",
    "ease",
    "matrix_factorisation",
    "language_model",
    "sasrec",
    "fusion",
    "ensemble",
)


def by_user(table: pa.Table, surface: str) -> dict[str, list[str]]:
    """A surface's published lists."""
    statement = "select user_id, list(item_id order by rank) from recs where surface = $s group by 1"
    with duckdb.connect() as connection:
        connection.register("recs", table)
        return dict(connection.execute(statement, {"s": surface}).fetchall())


def single_models(
    settings: configuration.FullConfig, night: date, pool: lists.Pool
) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Every list any stage made for the night, by name."""
    features = artifacts.stage_dir(settings.lake, "features", night)
    users = np.array(read_users(features)["user_id"].to_pylist())
    items = np.array([*read_items(features)["item_id"].to_pylist(), None])
    run = read_cutoffs(features)[0]
    names = users[run.targets()].tolist()
    for stage in SOURCES:
        folder = run.dir_in(artifacts.stage_dir(settings.lake, stage, night))
        for name in lists.list_names(folder, pool):
            found, _ = lists.read_list(folder, pool, name)
            rows = (x[x != None].tolist() for x in items[found])  # noqa: E711
            yield name, dict(zip(names, rows, strict=True))


def judge(settings: configuration.FullConfig, night: date, folder: Path | None) -> dict[tuple[str, str], np.ndarray]:
    """Score one night's lists: per-user NDCG@10 and Recall@50 by (protocol, list)."""
    bought = scoring.purchases(settings.folder, scoring.BEGINNING, night)
    later = scoring.purchases(settings.folder, night, night + timedelta(days=settings.horizon_days))
    history, truth = scoring.grouped(bought), scoring.grouped(later)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(bought, folder / f"{night}.history.parquet")
        pq.write_table(later, folder / f"{night}.truth.parquet")
    scores = {}
    for surface in settings.surfaces:
        protocol: lists.Pool = surface.pool
        tables = [(surface.name, _published(settings, night, surface.name)), *single_models(settings, night, protocol)]
        for name, shown in tables:
            scores[protocol, name] = np.stack(scoring.per_user(shown, truth, history, protocol))
            if folder is not None:
                scoring.write_lists(folder / f"{night}.{protocol}.{name}.parquet", shown)
    return scores


def _published(settings: configuration.FullConfig, night: date, surface: str) -> dict[str, list[str]]:
    folder = artifacts.stage_dir(settings.lake, "publish", night)
    return by_user(pq.read_table(folder / "recommendations.parquet"), surface)


def show(settings: configuration.FullConfig, results: dict[date, dict[tuple[str, str], np.ndarray]]) -> None:
    """Print a table per protocol: NDCG@10 of each night, the means, and the difference to the published list."""
    for surface in settings.surfaces:
        protocol = surface.pool
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
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("nights", nargs="+", type=date.fromisoformat)
    options.add_argument("--config", type=Path)
    options.add_argument("--home", type=Path, help="default: NIGHTJAR_HOME, else .nightjar")
    options.add_argument("--export", type=Path, help="also write lists, history and truth as Parquet")
    chosen = options.parse_args()
    if chosen.home:
        os.environ["NIGHTJAR_HOME"] = str(chosen.home)
    settings = configuration.load(chosen.config)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    if not load_history.is_loaded(settings, max(chosen.nights)):
        print(load_history.load_history(settings, until=max(chosen.nights)))
    results = {}
    for night in chosen.nights:
        stages.run(night, settings)
        results[night] = judge(settings, night, chosen.export)
    show(settings, results)


if __name__ == "__main__":
    main()

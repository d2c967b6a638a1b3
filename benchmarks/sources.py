"""What every candidate source is worth alone, and what it costs: no fusion, no publication.

    python -m benchmarks.sources 2010-10-03 2011-05-01 2011-06-05 [--stages item_knn sasrec] [--home FOLDER]

Each stage is made for all cut-offs of each night, whether it is enabled or not, and tonight's lists are scored against
what customers did in the `horizon_days` after it (see scoring.py). Seconds and peak memory are the stage's own, from
its manifest; a part that a neighbouring night made is linked, so nights of the same week are not timed twice. Without
`--stages`: every source but the language model, whose encoder takes minutes; the sequence model then reads no texts.
"""

import argparse
import logging
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import scoring
from pipeline.features.read import read_cutoffs, read_items, read_users
from pipeline.ground import artifacts, lists
from pipeline.operations import load_history, stages
from pipeline.sources import configuration

CHEAP = ("popularity", "als", "user_knn", "item_knn", "ease", "matrix_factorisation", "sasrec")
NEEDED = {"language_model": ("fine_tune",), "sasrec": ("fine_tune", "language_model")}  # not made if not chosen
SWITCHED = ("als", "user_knn", "item_knn", "ease", "matrix_factorisation", "language_model", "sasrec")


def shown_by(
    settings: configuration.FullConfig, stage: str, night: date, pool: lists.Pool
) -> Iterator[tuple[str, scoring.Lists]]:
    """Tonight's lists of a stage by name."""
    features = artifacts.stage_dir(settings.lake, "features", night)
    users = np.array(read_users(features)["user_id"].to_pylist())
    items = np.array(read_items(features)["item_id"].to_pylist())
    tonight = read_cutoffs(features)[0]
    names = users[tonight.targets()].tolist()
    folder = tonight.dir_in(artifacts.stage_dir(settings.lake, stage, night))
    for name in lists.list_names(folder, pool):
        found, _ = lists.read_list(folder, pool, name)
        yield name, {user: items[row[row >= 0]].tolist() for user, row in zip(names, found, strict=True)}


def measure(
    settings: configuration.FullConfig, night: date, chosen: Sequence[str]
) -> dict[tuple[str, str], dict[str, float]]:
    """Run the stages of one night: by (stage, list) NDCG@10 and Recall@50 per pool, seconds and MB."""
    horizon = timedelta(days=settings.horizon_days)
    history = scoring.grouped(scoring.purchases(settings.folder, scoring.BEGINNING, night))
    truth = scoring.grouped(scoring.purchases(settings.folder, night, night + horizon))
    found: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    stages.run(night, settings, ["ingest", "features"])
    for stage in (name for name in stages.STAGES if name in chosen):
        manifest = stages.run(night, settings, [*NEEDED.get(stage, ()), stage])[stage]
        for pool in lists.POOLS:
            for name, shown in shown_by(settings, stage, night, pool):
                ndcg, recall = scoring.per_user(shown, truth, history, pool)
                row = {f"{pool} NDCG@10": float(ndcg.mean()), f"{pool} Recall@50": float(recall.mean())}
                row |= {"seconds": manifest["seconds"], "MB": manifest["peak_memory_mb"]}
                found[stage, name] |= row
    return found


COLUMNS = ("all NDCG@10", "all Recall@50", "new NDCG@10", "new Recall@50", "seconds", "MB")


def show(results: dict[date, dict[tuple[str, str], dict[str, float]]]) -> None:
    """Print the means over the nights, best `new` first, then each night's NDCG@10."""
    names = {name for night in results.values() for name in night}
    rows = {n: [[night[n].get(c, np.nan) for c in COLUMNS] for night in results.values() if n in night] for n in names}
    means = {name: np.mean(found, axis=0) for name, found in rows.items()}
    print(f"{'list':<22}" + "".join(f"{column:>15}" for column in COLUMNS) + "   all | new NDCG@10 per night")
    for name in sorted(means, key=lambda n: -np.nan_to_num(means[n][2])):
        values = "".join(f"{v:>15.4f}" if c < 4 else f"{v:>15.1f}" for c, v in enumerate(means[name]))
        nights = " | ".join(" ".join(f"{found[c]:.4f}" for found in rows[name]) for c in (0, 2))
        print(f"{name[1]:<22}{values}   {nights}")


def main() -> None:
    """Make the sources that are not there yet, and score them."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("nights", nargs="+", type=date.fromisoformat)
    options.add_argument("--stages", nargs="+", default=CHEAP, choices=(*CHEAP, "language_model"))
    options.add_argument("--config", type=Path)
    options.add_argument("--home", type=Path, help="default: NIGHTJAR_HOME, else .nightjar")
    chosen = options.parse_args()
    if chosen.home:
        os.environ["NIGHTJAR_HOME"] = str(chosen.home)
    on: dict[str, Any] = {stage: {"enabled": stage in chosen.stages} for stage in SWITCHED}
    settings = configuration.load(chosen.config, on)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    if not load_history.is_loaded(settings, max(chosen.nights)):
        print(load_history.load_history(settings, until=max(chosen.nights)))
    show({night: measure(settings, night, chosen.stages) for night in chosen.nights})


if __name__ == "__main__":
    main()

"""What every candidate source is worth alone, and what it costs: no fusion, no publication.

    python -m benchmarks.sources 2010-10-03 2011-05-01 2011-06-05 [--stages item_knn sasrec] [--home FOLDER]

Each stage is made for all cut-offs of each night, whether it is enabled or not, and tonight's lists are scored against
what customers did in the `horizon_days` after it (see scoring.py). Seconds and peak memory are the stage's own, from
its manifest; a part that a neighbouring night made is linked, so nights of the same week are not timed twice. Without
`--stages`: every source but the language model, whose encoder takes minutes; the sequence model then reads no texts.
"""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from benchmarks import nights, scoring
from pipeline.operations import stages
from pipeline.settings.config import Config
from pipeline.settings.sections.base import SourceSection
from pipeline.sources import SOURCES
from pipeline.sources.registry import source

CHEAP = tuple(name for name in SOURCES if name != "language_model")
SWITCHED = tuple(name for name in SOURCES if issubclass(source(name).section, SourceSection))
Found = dict[tuple[str, str], dict[str, float]]
"""By (stage, list): a number by column."""


def needed(stage: str) -> tuple[str, ...]:
    """Stages that a source reads beside the features, directly or not; a source that is not chosen is made empty."""
    return tuple(name for read in SOURCES.get(stage, ()) for name in (*needed(read), read))


def measure(settings: Config, night: date, chosen: Sequence[str]) -> Found:
    """Run the stages of one night: NDCG@10 and Recall@50 per pool, seconds and MB."""
    tables = scoring.known_and_later(settings.folder, night, timedelta(days=settings.horizon_days))
    history, truth = (scoring.grouped(table) for table in tables)
    found: Found = defaultdict(dict)
    stages.run(night, settings, ["ingest", "features"])
    for stage in (name for name in stages.STAGES if name in chosen):
        manifest = stages.run(night, settings, [*needed(stage), stage])[stage]
        for pool in settings.pools:
            for name, shown in nights.lists_of(settings, stage, night, pool):
                ndcg, recall = scoring.per_user(shown, truth, history, pool)
                row = {f"{pool} NDCG@10": float(ndcg.mean()), f"{pool} Recall@50": float(recall.mean())}
                row |= {"seconds": manifest["seconds"], "MB": manifest["peak_memory_mb"]}
                found[stage, name] |= row
    return found


COLUMNS = ("all NDCG@10", "all Recall@50", "new NDCG@10", "new Recall@50", "seconds", "MB")


def show(results: Mapping[date, Found]) -> None:
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
    options = nights.arguments(__doc__)
    options.add_argument("--stages", nargs="+", default=CHEAP, choices=SOURCES)
    chosen = options.parse_args()
    on: dict[str, Any] = {stage: {"enabled": stage in chosen.stages} for stage in SWITCHED}
    settings = nights.settings_of(chosen, on)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    nights.load_logs(settings, max(chosen.nights))
    show({night: measure(settings, night, chosen.stages) for night in chosen.nights})


if __name__ == "__main__":
    main()

"""What came of the newest run that applications read and that can be judged, surface by surface."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pyarrow.parquet as pq

from pipeline.ground import artifacts, keeping
from pipeline.operations.monitoring.metrics import Sample, label
from pipeline.published.run_ids import known_until
from pipeline.settings.config import Config

FILE = "outcomes.parquet"
FIGURES = ("days", "users", "hit_rate", "ndcg", "ndcg_low", "ndcg_high", "impressions", "clicks")


def samples(config: Config) -> Iterator[Sample]:
    """The figures `outcome_*`; none before a night has judged a run that was read."""
    for row in sorted(_latest(config).values(), key=lambda row: str(row["surface"])):
        for name in FIGURES:
            if row[name] is not None:
                yield Sample(f"outcome_{name}", row[name], {"surface": label(row["surface"])})


def _latest(config: Config) -> dict[str, dict[str, Any]]:
    """By surface, the row about all users of the newest run that applications read."""
    folders = artifacts.partitions_until(config.lake_of_nights, "outcomes", date.max)
    if not folders:
        return {}
    keeping.fetch(folders[-1], [FILE])
    file = folders[-1] / FILE
    wanted = [("source", "=", "all"), ("bucket_kind", "=", "overall"), ("was_active", "=", True)]
    rows = pq.read_table(file, filters=wanted, partitioning=None).to_pylist() if file.is_file() else []
    rows.sort(key=lambda row: known_until(row["judged_run_id"]))
    return {row["surface"]: row for row in rows}

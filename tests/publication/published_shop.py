"""What the small shop has published, for tests."""

from typing import Any

import pyarrow.parquet as pq

from pipeline.publication import publish
from tests.small_shop import Shop


def recommended(made: Shop, surface: str, user: str) -> list[tuple[int, str, str, str]]:
    """rank, item, source, reason of a user's active list."""
    run = publish.active_run(made.config)
    assert run is not None
    rows = pq.read_table(run.folder / "recommendations.parquet").to_pylist()
    mine = [row for row in rows if (row["surface"], row["user_id"]) == (surface, user)]
    return [(row["rank"], row["item_id"], row["source"], row["reason"]) for row in mine]


def published(made: Shop, table: str) -> list[dict[str, Any]]:
    run = publish.active_run(made.config)
    assert run is not None
    rows: list[dict[str, Any]] = pq.read_table(run.folder / f"{table}.parquet").to_pylist()
    return rows

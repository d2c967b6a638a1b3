"""The table `recommendation_outcomes`: how the runs before this one have done since; see pipeline.judging.outcomes."""

from collections.abc import Iterable
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.publication.night import Night
from pipeline.published.contract import Column, PublishedTable

COLUMNS = (
    Column("judged_run_id", pa.string(), "the run that is judged"),
    Column("was_active", pa.bool_(), "whether applications ever read it"),
    Column("days", pa.int32(), "days of behaviour that it is judged by"),
    Column("surface", pa.string(), "the list that is judged"),
    Column("source", pa.string(), "of the rows that are judged; all: whatever the source"),
    Column("bucket_kind", pa.string(), "what is told apart: overall, users or items"),
    Column("bucket", pa.string(), "which of them are judged"),
    Column("users", pa.int32(), "users with a list, and something to find"),
    Column("shown", pa.int32(), "rows of their first k"),
    Column("hits", pa.int32(), "of these, acted on"),
    Column("hit_rate", pa.float32(), "users with a hit / users"),
    Column("precision", pa.float32(), "hits / shown"),
    Column("ndcg", pa.float32(), "mean NDCG at k over the users; of one source its part of it"),
    Column("ndcg_low", pa.float32(), "the lower end of the 95 % interval of that mean"),
    Column("ndcg_high", pa.float32(), "the upper end"),
    Column("recall", pa.float32(), "mean recall at evaluate.deep; of one source its part of it"),
    Column("impressions", pa.int32(), "rows that the application logged as shown, whoever acted"),
    Column("clicks", pa.int32(), "of these, clicked"),
)
TABLE = PublishedTable(
    name="recommendation_outcomes",
    grain="one row per judged run, surface, source and bucket of users or items",
    columns=tuple(replace(column, of=(f"same outcomes.outcomes({column.name})",)) for column in COLUMNS),
    key=("judged_run_id", "surface", "source", "bucket_kind", "bucket"),
    added_later=True,
)


def make(night: Night) -> Iterable[pa.Table]:
    """What the stage `outcomes` found, in its order; no part of what the run's id stands for."""
    with pq.ParquetFile(night.outcomes / "outcomes.parquet") as file:
        table = file.read()
    columns = [pa.array([night.run_id] * table.num_rows, pa.string()), *table.columns]
    return [pa.Table.from_arrays(columns, schema=TABLE.schema)]

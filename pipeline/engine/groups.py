"""The one way that a table which grows with the log is written: row group by row group, whoever gives the rows."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP = 2**17
"""Rows of a Parquet row group of such a table: what a reader of a block of users reads at a time."""


def write_groups(path: Path, schema: pa.Schema, groups: Iterable[pa.Table]) -> None:
    """Write tables into one Parquet file, a row group each.

    Args:
        path: the file.
        schema: of all of them.
        groups: of `ROW_GROUP` rows each, the last one of fewer.
    """
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for group in groups:
            writer.write_table(group)

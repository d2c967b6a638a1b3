"""How a published table is written."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP = 122_880
"""Rows of a Parquet row group: what is held in memory of a table that is written."""


def write(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> int:
    """Write a table to Parquet, holding one row group at a time; the same rows give the same bytes.

    Args:
        path: the file.
        tables: pieces of any size, each with exactly `schema`.
        schema: the table's contract.
    Returns:
        The number of rows.
    """
    rows, pending = 0, [schema.empty_table()]
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for table in tables:
            pending.append(table)
            rows += table.num_rows
            if sum(t.num_rows for t in pending) >= ROW_GROUP:
                waiting = pa.concat_tables(pending)
                whole = waiting.num_rows - waiting.num_rows % ROW_GROUP
                writer.write_table(waiting.slice(0, whole), row_group_size=ROW_GROUP)
                pending = [waiting.slice(whole)]
        writer.write_table(pa.concat_tables(pending), row_group_size=ROW_GROUP)
    return rows

"""How a published table is written."""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP = 122_880
"""Rows of a Parquet row group: what is held in memory of a table that is written."""


class Writer:
    """Writes a table piece by piece, holding one row group at a time; the same rows give the same bytes."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.rows = 0
        self._pending = [schema.empty_table()]
        self._file = pq.ParquetWriter(path, schema, compression="zstd")

    def add(self, table: pa.Table) -> None:
        """Write a piece of any size, with exactly the file's schema."""
        self._pending.append(table)
        self.rows += table.num_rows
        if sum(t.num_rows for t in self._pending) >= ROW_GROUP:
            waiting = pa.concat_tables(self._pending)
            whole = waiting.num_rows - waiting.num_rows % ROW_GROUP
            self._file.write_table(waiting.slice(0, whole), row_group_size=ROW_GROUP)
            self._pending = [waiting.slice(whole)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._file.write_table(pa.concat_tables(self._pending), row_group_size=ROW_GROUP)
        self._file.close()


def write(path: Path, tables: Iterable[pa.Table], schema: pa.Schema) -> int:
    """Write a table to Parquet, holding one row group at a time; the same rows give the same bytes.

    Args:
        path: the file.
        tables: pieces of any size, each with exactly `schema`.
        schema: the table's contract.
    Returns:
        The number of rows.
    """
    with Writer(path, schema) as writer:
        for table in tables:
            writer.add(table)
    return writer.rows

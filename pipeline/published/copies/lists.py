"""The lists of a published table as JSON, each in one piece: what a store of keys or documents holds of it.

A table that is looked up by a key and a rank has a list for every key; one that is looked up by a single column has one
row for each. Others are for analysts, and are in no such store.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.ground import sql
from pipeline.ground.errors import PublishError
from pipeline.published.contract import RUN_ID, PublishedTable

RANK = "rank"
ROWS = 2**16
"""Rows that are held at a time, and those of one more list."""
MADE = pa.schema([pa.field("number", pa.int64()), pa.field("about", pa.string()), pa.field("entries", pa.string())])


@dataclass(frozen=True)
class Lists:
    """How a table's rows are put together.

    Attributes:
        table: the table.
        field: the column that a list is looked up by.
        within: the columns beside it whose values tell the lists of one field apart, such as the surface; what the key
            has behind the rank tells apart entries of one rank.
    """

    table: PublishedTable
    field: str
    within: tuple[str, ...]

    @classmethod
    def of(cls, table: PublishedTable) -> "Lists | None":
        """The lists of a table; None: it has none."""
        first, *others = table.key
        if RANK not in table.key and others:
            return None
        return cls(table, first, tuple(others[: others.index(RANK)] if RANK in others else others))

    @property
    def ranked(self) -> bool:
        """Whether there are entries in an order, not one row."""
        return RANK in self.table.key

    @property
    def about(self) -> tuple[str, ...]:
        """The columns that say what a list is about."""
        return self.field, *self.within

    def read(self, path: Path, connection: duckdb.DuckDBPyConnection) -> Iterator[pa.Table]:
        """The lists of a file, whose rows of one list stand together.

        Args:
            path: the table's file of a run.
            connection: an in-memory DuckDB.
        Returns:
            Tables of the columns in `about`, which are texts; `key`, JSON of what a list is about; and `entries`: of a
            ranked table JSON of a list of objects, the best first, else of an object. A column of the file without any
            value is left out of them.
        Raises:
            PublishError: the file is damaged.
        """
        try:
            with pq.ParquetFile(path) as file:
                shown = self._shown(file)
                for rows in self._whole(file) if file.metadata.num_rows else ():
                    yield self._made(rows, shown, connection)
        except pa.ArrowInvalid as error:
            raise PublishError(f"{path} is damaged ({error}): publish its night again") from None

    def _shown(self, file: pq.ParquetFile) -> list[str]:
        """The columns that an entry has."""
        names = [n for n in file.schema_arrow.names if n not in self.about]
        groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]

        def is_empty(name: str) -> bool:
            at = next((i for i in range(file.metadata.num_columns) if file.schema.column(i).path == name), None)
            if at is None:  # a list of texts
                return False
            said = [group.column(at).statistics for group in groups]
            return all(one is not None and one.has_null_count and one.null_count == n for one, n in zip(
                said, (group.num_rows for group in groups), strict=True
            ))  # fmt: skip

        return [name for name in names if name != RUN_ID.name and not is_empty(name)]

    def _whole(self, file: pq.ParquetFile) -> Iterator[pa.Table]:
        """The rows, piece by piece, no list of which is in two of them."""
        held = file.schema_arrow.empty_table()
        for batch in file.iter_batches(ROWS):
            rows = pa.concat_tables([held, pa.Table.from_batches([batch])]).combine_chunks()
            last = int(self._starts(rows)[-1])
            if last:
                yield rows.slice(0, last)
            held = rows.slice(last)
        yield held

    def _starts(self, rows: pa.Table) -> np.ndarray:
        """int64 [lists], the first row of each list."""
        if not self.ranked:
            return np.arange(len(rows))
        differs = np.zeros(len(rows) - 1, dtype=bool)
        for name in self.about:
            column = rows.column(name)
            differs |= pc.not_equal(column.slice(1), column.slice(0, len(rows) - 1)).to_numpy()
        return np.concatenate([[0], np.flatnonzero(differs) + 1])

    def _made(self, rows: pa.Table, shown: list[str], connection: duckdb.DuckDBPyConnection) -> pa.Table:
        starts = self._starts(rows)
        number = np.repeat(np.arange(len(starts)), np.diff([*starts, len(rows)]))
        given = pa.table(
            {
                "number": number,
                RANK: rows.column(RANK) if self.ranked else pa.nulls(len(rows), pa.int32()),
                "place": np.arange(len(rows)),
                "about": _struct(rows, self.about),
                "entry": _struct(rows, shown),
            }
        )
        name = "publish/copies/lists" if self.ranked else "publish/copies/rows"
        made = sql.query(connection, name, MADE, {"rows": given})
        found = {column: rows.column(column).take(pa.array(starts)) for column in self.about}
        return pa.table(found | {"key": made.column("about"), "entries": made.column("entries")})


def _struct(rows: pa.Table, names: Sequence[str]) -> pa.StructArray:
    columns = [_plain(rows.column(name).combine_chunks()) for name in names]
    return pa.StructArray.from_arrays(columns, names=list(names))


def _plain(column: pa.Array) -> pa.Array:
    """Numbers of single precision with no more digits than tell them apart, as JSON's have double; times as ISO 8601
    has them."""
    if pa.types.is_timestamp(column.type):
        return pc.strftime(column, format="%Y-%m-%dT%H:%M:%SZ")
    return column.cast(pa.string()).cast(pa.float64()) if column.type == pa.float32() else column

"""The tables of a stage in DuckDB, in this process."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.engine import ranges
from pipeline.engine.groups import ROW_GROUP, write_groups
from pipeline.ground import sql
from pipeline.settings.config import Config

EVENT_BYTES = 320
"""What a counted event takes in all tables of a stage that lie in memory (`benchmarks.bounded_memory`)."""

GROUP_BYTES = 512
"""What a group of a statement's takes, an event each, and more, as some users have more of them than others."""


class DuckTables:
    """`pipeline.engine.tables.Tables` in a database of the stage's own, which goes with it.

    Its tables lie in memory where they fit; of more events in a file, compressed. A statement that says so is made by
    ranges of users or items, as many as keep what it groups in memory.

    Args:
        config: threads, memory_limit_mb, timezone.
        spill: an existing folder for what does not fit.
        events: how many rows are counted.
    Raises:
        InputError: DuckDB does not know the time zone.
    """

    def __init__(self, config: Config, spill: Path, events: int = 0) -> None:
        fits = events * EVENT_BYTES <= config.memory_limit_mb * 2**20
        self._parts = max(1, -(-events * GROUP_BYTES // (config.memory_limit_mb * 2**20)))
        self._file = None if fits else spill / ".tables.duckdb"
        self._connection = sql.connect(config.threads, config.memory_limit_mb, spill, config.timezone, self._file)

    def execute(self, name: str, **params: Any) -> list[tuple[Any, ...]]:
        """Run a file; the rows of its last statement."""
        first, *others = self._ranges(name, params)
        rows: list[tuple[Any, ...]] = sql.execute(self._connection, name, **first).fetchall()
        for more in others:
            sql.add(self._connection, name, **more)
        return rows

    def query(
        self, name: str, schema: pa.Schema, relations: Mapping[str, pa.Table] | None = None, **params: Any
    ) -> pa.Table:
        """The rows of a file, cast to a schema."""
        some = [sql.query(self._connection, name, schema, relations, **part) for part in self._ranges(name, params)]
        return pa.concat_tables(some).combine_chunks()

    def write(
        self,
        path: Path,
        name: str,
        schema: pa.Schema,
        relations: Mapping[str, pa.Table] | None = None,
        **params: Any,
    ) -> None:
        """Write the rows of a file, a row group at a time."""
        for relation, table in (relations or {}).items():
            self._connection.register(relation, table)
        try:
            write_groups(path, schema, sql.in_groups(self._batches(name, schema, params), schema, ROW_GROUP))
        finally:
            for relation in relations or {}:
                self._connection.unregister(relation)

    def _batches(self, name: str, schema: pa.Schema, params: Mapping[str, Any]) -> Iterator[pa.RecordBatch]:
        for part in self._ranges(name, params):
            yield from sql.batches(self._connection, name, schema, ROW_GROUP, **part)

    def _ranges(self, name: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        bound = {key: _literal(value) for key, value in params.items()}
        return ranges.split(sql.statement(name), bound, self._parts)

    def name(self, relation: str, *paths: Path) -> None:
        """Let statements select from Parquet files by a name."""
        self._connection.read_parquet(sql.literal(map(str, paths))).create_view(relation, replace=True)

    def put(self, relation: str, table: pa.Table) -> None:
        """Make a table of rows that no statement gives."""
        self._connection.from_arrow(table).create(relation)

    def close(self) -> None:
        """Forget all tables."""
        self._connection.close()
        if self._file is not None:
            for left in self._file.parent.glob(f"{self._file.name}*"):
                left.unlink()


def _literal(value: Any) -> Any:
    """Paths as DuckDB's readers must be given them; other values as they are."""
    if isinstance(value, list) and value and isinstance(value[0], Path):
        return sql.literal(map(str, value))
    return value

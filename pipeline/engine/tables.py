"""Where a stage's SQL runs: sql/ on DuckDB or on Spark, with the same rows in the same order, bit for bit."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from pipeline.engine.duck_tables import DuckTables
from pipeline.settings.config import Config


class Tables(Protocol):
    """Named tables, and the statements of sql/ that make them, read them and write what they hold.

    A statement with `$first_user` or `$first_item`, which nobody passes, may be made by ranges (`engine.ranges`).
    """

    def execute(self, name: str, **params: Any) -> list[tuple[Any, ...]]:
        """Run sql/<name>.sql: the tables and macros that it makes are there from then on.

        Args:
            name: file under sql/ without its ending.
            params: values bound to its $names, those that it uses.
        Returns:
            The rows of its last statement, few; none of one that makes something.
        Raises:
            InputError: there is no such file.
        """

    def query(
        self, name: str, schema: pa.Schema, relations: Mapping[str, pa.Table] | None = None, **params: Any
    ) -> pa.Table:
        """The rows of sql/<name>.sql, one SELECT, all in memory.

        Args:
            name: as in `execute`.
            schema: the rows' contract; they are cast to it.
            relations: tables it may select from, by name.
            params: as in `execute`.
        Raises:
            InputError: the statement's columns are not the schema's.
        """

    def write(
        self,
        path: Path,
        name: str,
        schema: pa.Schema,
        relations: Mapping[str, pa.Table] | None = None,
        **params: Any,
    ) -> None:
        """Write the rows of sql/<name>.sql into one Parquet file, never more than a row group of them in memory.

        Args:
            path: the file.
            name: as in `execute`.
            schema: as in `query`.
            relations: as in `query`.
            params: as in `execute`.
        Raises:
            InputError: as in `query`.
        """

    def name(self, relation: str, *paths: Path) -> None:
        """Let statements select from Parquet files by a name, whatever it stood for before."""

    def put(self, relation: str, table: pa.Table) -> None:
        """Make a table, to be there from then on, of rows that no statement gives."""


@contextlib.contextmanager
def tables(config: Config, scratch: Path, events: int) -> Iterator[Tables]:
    """Tables on the engine that the configuration names.

    Args:
        config: engine, threads, memory_limit_mb, timezone, spark.
        scratch: an existing folder for what does not fit in memory; where engine = "spark", one that all machines see.
        events: how many rows are counted; below spark.sql_from_events DuckDB does it, whatever the engine.
    Raises:
        InputError: there is no Spark to be had; DuckDB does not know the time zone.
    """
    if config.engine == "spark" and events >= config.spark.sql_from_events:
        from pipeline.engine.spark_tables import spark_tables

        with spark_tables(config, scratch) as made:
            yield made
        return
    local = DuckTables(config, scratch, events)
    try:
        yield local
    finally:
        local.close()

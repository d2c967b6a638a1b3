"""The tables of one load in PostgreSQL: made beside the partitioned ones, attached when whole, detached and dropped.

A reader plans with the partitions it knows of. Attaching and detaching let readers pass, so a plan made before may run
after; this is why an attached load becomes active only when nobody plans without it any more (`beside`), and why a
partition is detached concurrently, which waits for those who still plan with it.
"""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground.errors import PublishError
from pipeline.published.contract import PublishedTable, per_run
from pipeline.published.targets import binary_copy, statements
from pipeline.published.targets.session import Connection, patiently

log = logging.getLogger(__name__)

BATCH_ROWS = 65_536
Made = TypeVar("Made")


class Partitions:
    """The loads' tables in one schema.

    Attributes:
        connection, schema: where they are.
        tables: the partitioned tables: all that are published but `runs`.
    """

    def __init__(self, connection: Connection, schema: str, tables: Sequence[PublishedTable]) -> None:
        self.connection = connection
        self.schema = schema
        self.tables = per_run(tables)

    def _names(self, table: str, partition: str) -> statements.Names:
        return {"table": statements.name(self.schema, table), "partition": statements.name(self.schema, partition)}

    def _names_of_load(self, table: PublishedTable, load: int) -> statements.Names:
        return self._names(table.name, f"{table.name}_{load}") | {"load": statements.literal(load)}

    def fill(self, load: int, folder: Path) -> int:
        """Make the tables of a load, copy a run's Parquet files into them, index them, and compare the number of rows.

        Returns:
            Texts in which U+0000 was replaced.
        Raises:
            PublishError: a file is damaged, or not all of its rows arrived.
        """
        return sum(self._fill(table, load, folder / table.file) for table in self.tables)

    def _fill(self, table: PublishedTable, load: int, file: Path) -> int:
        names = self._names_of_load(table, load)
        statements.execute(self.connection, "create_partition", names)
        if table.added_later and not file.is_file():  # of a shop that has no such table
            return 0
        try:
            with pq.ParquetFile(file) as source:
                found, changed = self._copy(names, source, table)
                wanted = source.metadata.num_rows
        except (pa.ArrowInvalid, OSError) as error:
            raise PublishError(f"{file} cannot be read ({error}); the active run is unchanged") from None
        if found != wanted:
            raise PublishError(
                f"{found} of {wanted} rows of {file} arrived in the database; the active run is unchanged"
            )
        statements.execute(self.connection, "index_partition", names | {"columns": statements.names(table.key)})
        statements.execute(self.connection, "analyze_partition", names)
        return changed

    def _copy(self, names: statements.Names, source: pq.ParquetFile, table: PublishedTable) -> tuple[int, int]:
        """The rows that PostgreSQL says it took, and the texts changed."""
        columns = [column.name for column in table.columns]
        statement = statements.composed("copy", names | {"columns": statements.names(columns)})
        batches = (batch.select(columns) for batch in source.iter_batches(BATCH_ROWS, columns=columns))
        changed = 0
        with self.connection.cursor() as cursor:
            with cursor.copy(statement) as copy:
                copy.write(binary_copy.HEADER)
                for rows, replaced in _ahead(map(_stream, batches)):
                    changed += replaced
                    copy.write(rows)
                copy.write(binary_copy.TRAILER)
            return cursor.rowcount, changed

    def attach(self, load: int) -> None:
        """Make a load's tables partitions; in a transaction of the caller's."""
        for table in self.tables:
            statements.execute(self.connection, "attach", self._names_of_load(table, load))

    def beside(self) -> dict[str, int]:
        """The transactions of others that have the tables in use now, and the server process of each."""
        tables = [table.name for table in self.tables]
        found = statements.execute(self.connection, "beside", {}, schema=self.schema, tables=tables)
        return dict(found.fetchall())

    def existing(self, about_users: bool = False) -> list[tuple[str, str, bool, bool, bool]]:
        """name, parent, attached, pending, known of every load's table, those being detached first.

        Args:
            about_users: only of tables that are about people.
        """
        names = {"schema": statements.name(self.schema)}
        wanted = [table.name for table in self.tables if table.about_users or not about_users]
        return statements.execute(self.connection, "partitions", names, schema=self.schema, tables=wanted).fetchall()

    def sweep(self) -> None:
        """Drop the tables that belong to no load; what is still in use is left to the next publication."""
        for partition, table, attached, pending, known in self.existing():
            if known and not pending:
                continue
            names = self._names(table, partition)
            try:
                if attached:
                    statements.execute(self.connection, "finalize" if pending else "detach", names)
                statements.execute(self.connection, "drop", names)
            except psycopg.errors.LockNotAvailable:
                log.warning("%s.%s is still being read; the next publication drops it", self.schema, partition)
                return  # a table can have only one partition that is being detached

    def forget(self, user_id: str) -> int:
        """Delete a user's rows from every load, attached or not, at once; then free them for good."""
        affected, removed = [], 0
        with self.connection.transaction():
            for partition, table, *_ in self.existing(about_users=True):
                names = self._names(table, partition)
                rows = statements.execute(self.connection, "forget", names, user_id=user_id).rowcount
                affected += [names] if rows else []
                removed += rows
        for names in affected:
            patiently(partial(statements.execute, self.connection, "vacuum", names))
        return removed


def _stream(batch: pa.RecordBatch) -> tuple[memoryview, int]:
    clean, replaced = binary_copy.without_nul(batch)
    return binary_copy.rows(clean), replaced


def _ahead(made: Iterator[Made]) -> Iterator[Made]:
    """The same, each made by another thread while the one before is used: the server and we work side by side."""
    with ThreadPoolExecutor(1) as worker:
        coming = worker.submit(next, made, None)
        while (one := coming.result()) is not None:
            coming = worker.submit(next, made, None)
            yield one

"""Published tables in PostgreSQL: one schema, one partition per load of a run, one row that says which is active.

    recommendations, ...        the published tables, partitioned by `load`; see partitions.py and definitions.py
    active_run                  one row; updating it is the flip
    current_*                   views: the rows of the active load
    runs, loads, activations    every run ever, what is loaded, what was active

A run is copied into tables beside, indexed and counted; they are attached in one short transaction and flipped to in
another. Not in the same one: a query that was planned just before would look for the new run among the partitions it
knew and find nothing. The flip waits until whoever had the tables in use when the run was attached has ended.
"""

import contextlib
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.ground.errors import PublishError, UnavailableError
from pipeline.published.contract import RUN_ID, RUNS, Count, PublishedTable, per_run, run_active_before
from pipeline.published.histories import STAGE_RUNS
from pipeline.published.run_ids import known_until
from pipeline.published.targets import definitions, dsn, locks, migration, schema_lock, session, statements
from pipeline.published.targets.binary_copy import NUL, REPLACEMENT
from pipeline.published.targets.partitions import Partitions
from pipeline.published.targets.session import Connection, patiently
from pipeline.settings.config import Config

log = logging.getLogger(__name__)

POLL_SECONDS = 0.02
BATCH_ROWS = 50_000
"""That are read of a table at once."""


class PostgresTarget:
    """The target of config.publish.target = "postgres"."""

    def __init__(self, config: Config, tables: Sequence[PublishedTable]) -> None:
        self.tables = tables
        self.schema = config.publish.schema_name
        self.settle_seconds = config.publish.settle_seconds
        self.lock_minutes = config.publish.lock_minutes
        self.folder = config.tables
        self.names: statements.Names = {"schema": statements.name(self.schema)}
        self._held: Connection | None = None
        self._lock: schema_lock.SchemaLock | None = None

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """See Target.lock. The folder's lock guards the Parquet copies, the server's lock everybody's tables.

        Raises:
            PublishError: the schema is a newer version's.
        """
        if self._held is not None:
            yield
            return
        settings = dsn.from_environment()
        with (
            locks.folder(self.folder / "current", self.lock_minutes),
            locks.kept(self.folder, self.lock_minutes),  # the Parquet copies
            schema_lock.held(settings, self.schema, self.lock_minutes) as lock,
            session.connected(settings) as connection,
        ):
            session.impatient(connection)
            migration.require_known(connection, self.schema)
            self._held, self._lock = connection, lock
            try:
                yield
            finally:
                self._held = self._lock = None

    def load(self, run_id: str, folder: Path, history: pa.Table, stages: pa.Table | None = None) -> None:
        """See Target.load."""
        with self._writing() as connection:
            patiently(lambda: migration.bring_up(connection, self.schema, self.tables))
            (load,) = statements.execute(connection, "next_load", {}, schema=self.schema).fetchone() or (0,)
            partitions = self._partitions(connection)
            changed = partitions.fill(load, folder)
            if changed:
                log.warning("run %s: U+0000 is U+FFFD in %d texts, as PostgreSQL cannot hold it", run_id, changed)
            patiently(lambda: self._attach(partitions, run_id, load, {RUNS: history, STAGE_RUNS: stages}))
            beside = list(partitions.beside())
            statements.execute(connection, "set_beside", self.names, load=load, beside=beside)
            self._sweep(connection)

    def _attach(
        self, partitions: Partitions, run_id: str, load: int, histories: Mapping[PublishedTable, pa.Table | None]
    ) -> None:
        self._require_lock()
        connection = partitions.connection
        with connection.transaction():
            for table, rows in histories.items():
                names = definitions.inserted(self.schema, table)
                for row in [] if rows is None else rows.to_pylist():
                    statements.execute(connection, "insert_run", names, **row)
            statements.execute(connection, "insert_load", self.names, load=load, run_id=run_id)
            partitions.attach(load)

    def loaded(self) -> list[str]:
        """See Target.loaded."""
        run_ids = [str(run_id) for run_id, _ in self._rows("loaded")]
        return sorted(run_ids, key=known_until, reverse=True)  # of runs that knew alike the order stays

    def active(self) -> str | None:
        """See Target.active."""
        return next((str(run_id) for run_id, _ in self._rows("active")), None)

    def misled(self) -> list[str]:
        """See Target.misled."""
        return [] if self.active() is not None else [f"schema {self.schema} has no active run"]

    def previous(self, run_id: str) -> str | None:
        """See Target.previous."""
        entries = [(str(run), before) for run, before, published in self._rows("activations") if published]
        return run_active_before(run_id, dict(entries), set(self.loaded()))

    def ever_active(self) -> set[str]:
        """See Target.ever_active."""
        return {str(run) for run, _, _ in self._rows("activations")}

    def activate(self, run_id: str, published: bool) -> None:
        """See Target.activate.

        Raises:
            UnavailableError: transactions from before the run was attached still have the tables in use.
        """
        with self._writing() as connection:
            found = statements.execute(connection, "latest_load", self.names, run_id=run_id).fetchone()
            if found is None:
                raise PublishError(f"run {run_id} is not loaded in schema {self.schema}: publish its night again")
            before = dict(statements.execute(connection, "active", self.names).fetchall())
            load, beside = found
            if load in before.values():
                return
            self._settle(self._partitions(connection), run_id, beside)
            self._require_lock()
            with connection.transaction():
                statements.execute(connection, "activate", self.names, load=load, run_id=run_id)
                if run_id not in before:
                    entry = {"run_id": run_id, "previous": next(iter(before), None), "published": published}
                    statements.execute(connection, "insert_activation", self.names, **entry)
            self._sweep(connection)

    def _settle(self, partitions: Partitions, run_id: str, beside: list[str] | None) -> None:
        """Wait for those who may hold plans without the run; `beside` None: the publisher died before it noted them."""
        waiting = set(partitions.beside()) if beside is None else set(beside)
        for _ in range(int(self.settle_seconds / POLL_SECONDS)):
            left = {number: pid for number, pid in partitions.beside().items() if number in waiting}
            if not left:
                return
            time.sleep(POLL_SECONDS)
        raise UnavailableError(
            f"run {run_id} is loaded and not yet active: for {self.settle_seconds} seconds (publish.settle_seconds) "
            f"transactions older than it have kept the tables in use (server processes {sorted(left.values())}, see "
            f"pg_stat_activity). Let them end, then publish again or rollback --to {run_id}"
        )

    def drop(self, run_id: str) -> None:
        """See Target.drop."""
        with self._writing() as connection:
            statements.execute(connection, "delete_loads", self.names, run_id=run_id)
            self._partitions(connection).sweep()

    def clean(self) -> None:
        """See Target.clean."""
        if self._is_published_to():
            with self._writing() as connection:
                self._sweep(connection)

    def _sweep(self, connection: Connection) -> None:
        statements.execute(connection, "delete_superseded", self.names)
        self._partitions(connection).sweep()

    def forget(self, user_id: str) -> int:
        """See Target.forget."""
        if not self._is_published_to():
            return 0
        with self._writing() as connection:
            return self._partitions(connection).forget(_text(user_id))

    def counts(self, run_id: str) -> list[Count]:
        """See Target.counts."""
        with self._reading_run(run_id) as connection:
            there = {parent for _, parent, *_ in self._partitions(connection).existing()}
            counted = [table for table in per_run(self.tables) if table.name in there and table.things is not None]
            found = [self._count(connection, run_id, table, *(table.things or ())) for table in counted]
        return [count for count, table in zip(found, counted, strict=True) if count.rows or not table.added_later]

    def _count(self, connection: Connection, run_id: str, table: PublishedTable, column: str, word: str) -> Count:
        names = {"table": statements.name(self.schema, table.name), "column": statements.name(column)}
        found = statements.execute(connection, "counts", self.names | names, run_id=run_id).fetchone()
        rows, things = found or (0, 0)
        return Count(table.name, rows, things, word)

    def rows(
        self, run_id: str, tables: Iterable[PublishedTable]
    ) -> Iterator[tuple[PublishedTable, Iterator[pa.RecordBatch]]]:
        """See Target.rows; of the active run the views are read, as readers do."""
        is_active = run_id == self.active()
        with self._reading_run(run_id) as connection:
            there = migration.found(connection, self.schema)
            for table in tables:
                yield table, self._rows_of(connection, run_id, table, is_active) if table.name in there else iter(())

    def _rows_of(
        self, connection: Connection, run_id: str, table: PublishedTable, is_active: bool
    ) -> Iterator[pa.RecordBatch]:
        relation = statements.name(self.schema, table.view if is_active else table.name)
        columns = statements.names(self._readable(connection, table.schema))
        names = self.names | {"columns": columns, "relation": relation}
        with connection.transaction(), connection.cursor("rows") as cursor:
            cursor.execute(statements.composed("rows_seen" if is_active else "rows", names), {"run_id": run_id})
            while found := cursor.fetchmany(BATCH_ROWS):
                read = dict(zip((c.name for c in cursor.description or ()), zip(*found, strict=True), strict=True))
                none = [None] * len(found)
                yield pa.record_batch([pa.array(read.get(f.name, none), f.type) for f in table.schema], table.schema)

    def read(self, run_id: str, name: str, schema: pa.Schema, **params: Any) -> pa.Table:
        """See Target.read; the statement is sql/publish/postgres/<name>.sql, its {columns} are those of `schema`.

        Raises:
            PublishError: the run is not loaded.
        """
        values = {key: _text(value) if isinstance(value, str) else value for key, value in params.items()}
        with self._reading_run(run_id) as connection:
            names = self.names | {"columns": statements.names(self._readable(connection, schema))}
            cursor = statements.execute(connection, name, names, run_id=run_id, **values)
            columns = [column.name for column in cursor.description or ()]
            rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
        return pa.Table.from_pylist(rows, schema=schema)

    @contextlib.contextmanager
    def _reading_run(self, run_id: str) -> Iterator[Connection]:
        with self._reading() as connection:
            if not self._exists(connection) or not self._is_loaded(connection, run_id):
                raise PublishError(f"run {run_id} cannot be read: it is not loaded in schema {self.schema}")
            yield connection

    def _rows(self, name: str) -> list[tuple[Any, ...]]:
        """All rows of a statement; none before the first publication."""
        with self._reading() as connection:
            return statements.execute(connection, name, self.names).fetchall() if self._exists(connection) else []

    def _exists(self, connection: Connection) -> bool:
        return schema_lock.existing(connection, self.schema)[2]

    def _is_published_to(self) -> bool:
        with self._reading() as connection:
            return self._exists(connection)

    def _readable(self, connection: Connection, schema: pa.Schema) -> list[str]:
        """The columns of a table's contract but for run_id, and for those that its database does not have yet."""
        table = next((table for table in self.tables if table.schema == schema and table.later), None)
        names = [name for name in schema.names if name != RUN_ID.name]
        if table is None:
            return names
        there = migration.found(connection, self.schema)[table.name].columns
        absent = {column.name for column in table.later} - set(there)
        return [name for name in names if name not in absent]

    def _require_lock(self) -> None:
        if self._lock is not None:
            self._lock.require()

    def _partitions(self, connection: Connection) -> Partitions:
        return Partitions(connection, self.schema, self.tables)

    def _is_loaded(self, connection: Connection, run_id: str) -> bool:
        return statements.execute(connection, "latest_load", self.names, run_id=run_id).fetchone() is not None

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        """The lock's connection where it is held, else one of its own."""
        settings = dsn.from_environment()
        if self._held is None:
            with session.connected(settings) as connection:
                yield connection
        else:
            with session.translated(settings):
                yield self._held

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Connection]:
        """The lock's connection; the lock is taken where it is not held."""
        with self.lock(), self._reading() as connection:
            yield connection


def _text(value: str) -> str:
    """The value as it was loaded: what PostgreSQL cannot hold is replaced."""
    return value.encode("utf-8", "replace").decode("utf-8").replace(NUL, REPLACEMENT)

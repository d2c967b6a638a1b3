"""The published tables in one run's DuckDB file: made, filled, copied without somebody, counted."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import sql
from pipeline.ground.errors import PublishError
from pipeline.published.contract import RUNS, SCHEMA_VERSION, Count, PublishedTable, per_run
from pipeline.published.histories import METRIC_HISTORY, STAGE_RUNS
from pipeline.published.run_ids import run_date_of
from pipeline.published.targets import duckdb_statements as statements
from pipeline.published.targets.duckdb_statements import literal, name

Connection = duckdb.DuckDBPyConnection
Tables = Sequence[PublishedTable]


def fill(connection: Connection, tables: Tables, run_id: str, folder: Path, history: pa.Table) -> None:
    """Make the tables in a new file and load a run's Parquet files into them.

    Raises:
        PublishError: not all rows of a file arrived.
    """
    _create(connection, tables, run_id)
    add(connection, history, RUNS)
    for table in per_run(tables):
        file = folder / table.file
        if table.added_later and not file.is_file():  # of a shop that has no such table
            continue
        connection.read_parquet(str(file)).insert_into(table.name)
        rows, wanted = connection.table(table.name).count("*").fetchall()[0][0], pq.read_metadata(file).num_rows
        if rows != wanted:
            raise PublishError(
                f"{rows} of {wanted} rows of {file} arrived in the database; the active run is unchanged"
            )
    _finish(connection, tables)


def rows_about(source: Connection, tables: Tables, user_id: str) -> int:
    """How many rows of a run's file are about a user."""
    about = [table for table in _present(source, tables) if table.about_users]
    return sum(source.table(table.name).filter(_is(user_id)).count("*").fetchall()[0][0] for table in about)


def copy_without(source: Connection, connection: Connection, tables: Tables, run_id: str, user_id: str) -> None:
    """Fill a new file with all of another one's rows that are not a user's."""
    complete(source, tables)
    _create(connection, tables, run_id)
    for table in _present(source, [*tables, STAGE_RUNS]):
        rows = source.table(table.name)
        kept = rows.filter(~_is(user_id)) if table.about_users else rows
        columns = [duckdb.ColumnExpression(column) for column in table.schema.names]
        add(connection, kept.select(*columns).to_arrow_reader(), table)
    _finish(connection, tables)


def counts(connection: Connection, tables: Tables) -> list[Count]:
    """See Target.counts."""
    found = []
    for table in _present(connection, tables):
        if table.things is not None:
            column, word = table.things
            cursor = statements.execute(connection, "counts", view=name(table.view), column=name(column))
            rows, things = cursor.fetchall()[0]
            if rows or not table.added_later:
                found.append(Count(table.name, rows, things, word))
    return found


def rows(connection: Connection, table: PublishedTable) -> Iterator[pa.RecordBatch]:
    """All rows of a table's view; none of a file that has no such table."""
    if _present(connection, [table]):
        columns = [duckdb.ColumnExpression(column) for column in table.schema.names]
        yield from connection.table(table.view).select(*columns).to_arrow_reader()


def stage_runs(connection: Connection) -> pa.Table:
    """STAGE_RUNS of a run's file; nothing of one of an older version."""
    if not _present(connection, [STAGE_RUNS]):
        return STAGE_RUNS.schema.empty_table()
    rows = connection.table(STAGE_RUNS.name).select(*map(duckdb.ColumnExpression, STAGE_RUNS.schema.names))
    return rows.to_arrow_table().cast(STAGE_RUNS.schema)


def require_known(connection: Connection, tables: Tables, path: Path) -> None:
    """Refuse a file that a newer version made, or that somebody changed, before anything is read of it or lost.

    Raises:
        PublishError: its version is higher than ours, or a column is gone.
    """
    columns = _columns(connection)
    version = connection.table("schema_version").fetchall()[0][0] if "schema_version" in columns else 0
    if version > SCHEMA_VERSION:
        raise PublishError(
            f"{path} has version {version} of Nightjar's tables, and this Nightjar knows versions up to "
            f"{SCHEMA_VERSION}: install the newer Nightjar again, or publish its night again with this one"
        )
    for table in (*tables, STAGE_RUNS):
        there, needed = columns.get(table.name), {f.name for f in table.schema} - {c.name for c in table.later}
        if there is not None and (gone := sorted(needed - there)):
            raise PublishError(
                f"table {table.name} in {path} has no column {', '.join(gone)}: somebody changed the file; publish its "
                f"night again (python -m pipeline run --run-date {run_date_of(path.stem)})"
            )


def complete(connection: Connection, tables: Tables) -> None:
    """Let the connection see the columns that the file's tables do not have yet; the file stays as it is."""
    columns = _columns(connection)
    for table in tables:
        missing = [column for column in table.later if column.name not in columns.get(table.name, {column.name})]
        if missing:
            (database,) = connection.execute("select current_database()").fetchall()[0]
            names = {"view": name(table.name), "table": name(database, "main", table.name)}
            statements.execute(connection, "complete_view", **names, columns=statements.unknown(missing)).fetchall()


def _columns(connection: Connection) -> dict[str, set[str]]:
    """The columns of the file's tables, by table."""
    found: dict[str, set[str]] = {}
    rows = connection.execute("select table_name, column_name from duckdb_columns() where database_name <> 'temp'")
    for table, column in rows.fetchall():
        found.setdefault(table, set()).add(column)
    return found


def _present(connection: Connection, tables: Tables) -> list[PublishedTable]:
    """The tables that a file has: one of an older version has not all."""
    there = {found for (found,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
    return [table for table in tables if table.name in there]


def _create(connection: Connection, tables: Tables, run_id: str) -> None:
    sql.execute(connection, "publish/create_version", version=SCHEMA_VERSION).fetchall()
    for table in tables:
        names = {"table": name(table.name), "view": name(table.view)}
        statements.execute(connection, "create", **names, columns=statements.definitions(table.schema)).fetchall()
        file = "create_view_of_runs" if table.name == RUNS.name else "create_view"
        statements.execute(connection, file, **names, run_id=literal(run_id)).fetchall()
    columns = statements.definitions(STAGE_RUNS.schema)
    statements.execute(connection, "create", table=name(STAGE_RUNS.name), columns=columns).fetchall()
    statements.execute(connection, "create_metric_history", view=name(METRIC_HISTORY.view)).fetchall()


def add(connection: Connection, rows: pa.Table | pa.RecordBatchReader, table: PublishedTable) -> None:
    """Add rows to a table of a new file."""
    connection.register("arriving", rows)
    connection.table("arriving").insert_into(table.name)
    connection.unregister("arriving")


def _finish(connection: Connection, tables: Tables) -> None:
    for table in tables:
        if table.index is not None:
            index = name(f"{table.name}_by_{table.index.removesuffix('_id')}")
            names = {"table": name(table.name), "column": name(table.index)}
            statements.execute(connection, "index", index=index, **names).fetchall()
    connection.execute("checkpoint").fetchall()


def _is(user_id: str) -> duckdb.Expression:
    theirs = duckdb.ColumnExpression("user_id") == duckdb.ConstantExpression(user_id)
    return duckdb.CoalesceOperator(theirs, duckdb.ConstantExpression(False))  # of a row about nobody too

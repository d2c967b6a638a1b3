"""How PostgreSQL holds a published table: its columns, its view, the list of all runs."""

from collections.abc import Iterable, Sequence

import pyarrow as pa
from psycopg import sql as psycopg_sql

from pipeline.published.contract import RUN_ID, RUNS, Column, PublishedTable
from pipeline.published.histories import METRIC_HISTORY, STAGE_RUNS
from pipeline.published.targets import statements
from pipeline.published.targets.session import Connection

TYPES: dict[pa.DataType, tuple[str, int, str]] = {
    pa.int32(): ("integer", 0, "0"),
    pa.float32(): ("real", 0, "0"),
    pa.date32(): ("date", 0, "1970-01-01"),
    pa.timestamp("us", tz="UTC"): ("timestamptz", 1, "1970-01-01"),
    pa.bool_(): ("boolean", 2, "false"),
    pa.string(): ("text", 3, ""),
    pa.list_(pa.string()): ("text[]", 3, "{}"),
}
"""PostgreSQL's names of contract.KINDS, which columns of a row come first, and what fills a column that was lost.

A row begins with `load`, 4 bytes. What has 4 bytes too stands beside it, then 8, 1, and what has no fixed width: no
column is padded but the first of 8, where those of 4 are odd in number.
"""

BOOKS = {
    "runs": {"run_id"},
    "load_numbers": set[str](),
    "loads": {"load", "run_id", "beside"},
    "active_run": {"only_row", "load", "run_id"},
    "activations": {"number", "run_id", "previous", "published", "activated_at"},
}
"""What create.sql makes: which rows are of which run, and their columns but for those that RUNS has."""


def stored(table: PublishedTable) -> list[pa.Field]:
    """The columns of a load's table in the order in which they lie; instead of the run's id they have its load.

    Those that came later stand last, as in a table that was there before them.
    """
    fields, later = [field for field in table.schema if field.name != RUN_ID.name], {c.name for c in table.later}
    return sorted(fields, key=lambda field: (field.name in later, 0 if field.name in later else TYPES[field.type][1]))


def held(table: PublishedTable) -> dict[str, str]:
    """The columns of a table and their types, as PostgreSQL describes them."""
    fields = table.schema if _names_its_runs(table) else stored(table)
    types = {field.name: TYPES[field.type][0].replace("timestamptz", "timestamp with time zone") for field in fields}
    return types if _names_its_runs(table) else {"load": "integer"} | types


def _names_its_runs(table: PublishedTable) -> bool:
    """Whether a table has its runs' ids; the others have the load, whose run `loads` says."""
    return table.name == RUNS.name or table.of_all_runs


def create_books(connection: Connection, schema: str) -> None:
    """Make the tables that say which rows are of which run, where they are not there."""
    names = {"schema": statements.name(schema), "columns": _definitions(RUNS.schema, bytewise=RUNS.key)}
    statements.execute(connection, "create", names)


def create_table(connection: Connection, schema: str, table: PublishedTable) -> None:
    """Make the partitioned table of a published one."""
    columns = _definitions(stored(table), bytewise=table.schema.names)
    statements.execute(connection, "create_table", {"table": statements.name(schema, table.name), "columns": columns})


def create_stage_runs(connection: Connection, schema: str) -> None:
    """Make the table of what the stages of all runs took."""
    columns = _definitions(STAGE_RUNS.schema, bytewise=STAGE_RUNS.key)
    names = {"table": statements.name(schema, STAGE_RUNS.name), "key": statements.names(STAGE_RUNS.key)}
    statements.execute(connection, "create_stage_runs", names | {"columns": columns})


def create_view(connection: Connection, schema: str, table: PublishedTable) -> None:
    """Make the view of a published table, or give it the columns that came since."""
    names = {"schema": statements.name(schema), "view": statements.name(schema, table.view)}
    if table.name == RUNS.name:
        columns = statements.names(table.schema.names)
        statements.execute(connection, "create_view_of_runs", names | {"columns": columns})
    else:
        columns = statements.names([column.name for column in table.columns], of="r")
        table_name = {"table": statements.name(schema, table.name)}
        statements.execute(connection, "create_view", names | table_name | {"columns": columns})


def create_metric_history(connection: Connection, schema: str) -> None:
    """Make the view of what all runs say of themselves, or give it the columns that came since."""
    names = {"schema": statements.name(schema), "view": statements.name(schema, METRIC_HISTORY.view)}
    statements.execute(connection, "create_metric_history", names)


def add_column(connection: Connection, schema: str, table: PublishedTable, column: Column) -> None:
    """Give a table a column that came later; its rows have none."""
    names = {"table": statements.name(schema, table.name), "column": _column(table, column.name)}
    statements.execute(connection, "add_column", names)


def put_back(schema: str, table: PublishedTable, name: str) -> str:
    """The statement with which an administrator puts a dropped column back, for a message."""
    field = table.schema.field(name)
    filled = psycopg_sql.SQL("" if field.nullable else f" default '{TYPES[field.type][2]}'")
    column = psycopg_sql.SQL("").join([_column(table, name), filled])
    names = {"table": statements.name(schema, table.name), "column": column}
    lines = statements.composed("put_back", names).as_string(None).splitlines()
    return " ".join(line for line in lines if not line.startswith("--"))


def _column(table: PublishedTable, name: str) -> psycopg_sql.Composable:
    bytewise = table.key if _names_its_runs(table) else table.schema.names
    return _definition(table.schema.field(name), name in bytewise)


def inserted(schema: str, table: PublishedTable) -> statements.Names:
    """A table of all runs, its columns, their values, and how an older row gets them, as insert_run.sql has them."""
    others = [name for name in table.schema.names if name not in table.key]
    updates = [psycopg_sql.SQL("{0} = excluded.{0}").format(statements.name(name)) for name in others]
    return {
        "table": statements.name(schema, table.name),
        "columns": statements.names(table.schema.names),
        "key": statements.names(table.key),
        "values": psycopg_sql.SQL(", ").join(map(psycopg_sql.Placeholder, table.schema.names)),
        "updates": psycopg_sql.SQL(", ").join(updates),
    }


def _definitions(fields: Iterable[pa.Field], bytewise: Sequence[str]) -> psycopg_sql.Composable:
    """Columns with their types, for `create table`; the texts in `bytewise` are compared byte by byte."""
    return psycopg_sql.SQL(",\n    ").join(_definition(field, field.name in bytewise) for field in fields)


def _definition(field: pa.Field, bytewise: bool) -> psycopg_sql.Composable:
    parts = [statements.name(field.name), psycopg_sql.SQL(TYPES[field.type][0])]
    if bytewise and pa.types.is_string(field.type):
        parts.append(psycopg_sql.SQL('collate "C"'))
    if not field.nullable:
        parts.append(psycopg_sql.SQL("not null"))
    return psycopg_sql.SQL(" ").join(parts)

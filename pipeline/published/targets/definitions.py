"""How PostgreSQL holds a published table: the types and the order of its columns, its view, the list of all runs."""

from collections.abc import Iterable, Sequence

import pyarrow as pa
from psycopg import sql as psycopg_sql

from pipeline.published.contract import RUN_ID, RUNS, PublishedTable, per_run
from pipeline.published.targets import statements
from pipeline.published.targets.session import Connection

TYPES: dict[pa.DataType, tuple[str, int]] = {
    pa.int32(): ("integer", 0),
    pa.float32(): ("real", 0),
    pa.date32(): ("date", 0),
    pa.timestamp("us", tz="UTC"): ("timestamptz", 1),
    pa.bool_(): ("boolean", 2),
    pa.string(): ("text", 3),
    pa.list_(pa.string()): ("text[]", 3),
}
"""PostgreSQL's names of contract.KINDS, and which columns of a row come first.

A row begins with `load`, 4 bytes. What has 4 bytes too stands beside it, then 8, 1, and what has no fixed width: no
column is padded but the first of 8, where those of 4 are odd in number.
"""


def stored(table: PublishedTable) -> list[pa.Field]:
    """The columns of a load's table in the order in which they lie; instead of the run's id they have its load."""
    fields = [field for field in table.schema if field.name != RUN_ID.name]
    return sorted(fields, key=lambda field: TYPES[field.type][1])


def create(connection: Connection, schema: str, tables: Iterable[PublishedTable]) -> None:
    """Make what a schema lacks of the tables and views, all or nothing; what is there stays as it is."""
    names = {"schema": statements.name(schema)}
    with connection.transaction():
        statements.execute(connection, "create", names | {"columns": _definitions(RUNS.schema, bytewise=RUNS.key)})
        for table in per_run(tables):
            names |= {"table": statements.name(schema, table.name), "view": statements.name(schema, table.view)}
            columns = {"columns": _definitions(stored(table), bytewise=table.schema.names)}
            statements.execute(connection, "create_table", names | columns)
            columns = {"columns": statements.names([column.name for column in table.columns], of="r")}
            statements.execute(connection, "create_view", names | columns)
        view = {"view": statements.name(schema, RUNS.view), "columns": statements.names(RUNS.schema.names)}
        statements.execute(connection, "create_view_of_runs", names | view)


def of_runs() -> statements.Names:
    """The columns of RUNS, their values, and how an older row gets them, as insert_run.sql has them."""
    updates = [psycopg_sql.SQL("{0} = excluded.{0}").format(statements.name(column.name)) for column in RUNS.columns]
    return {
        "columns": statements.names(RUNS.schema.names),
        "values": psycopg_sql.SQL(", ").join(map(psycopg_sql.Placeholder, RUNS.schema.names)),
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

"""DuckDB's statements about tables that are given: the files create*.sql, index.sql and counts.sql of sql/publish.

DuckDB takes no bound values where a name stands, and none in statements that define tables. There, and only there, such
a file has a {placeholder} that is filled with what the functions here have quoted; a text that they have not is refused
by its type. statements.py does the same for PostgreSQL.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from pipeline.ground import sql
from pipeline.published.contract import Column

TYPES: dict[pa.DataType, str] = {
    pa.string(): "varchar",
    pa.bool_(): "boolean",
    pa.int32(): "integer",
    pa.float32(): "float",
    pa.date32(): "date",
    pa.timestamp("us", tz="UTC"): "timestamptz",
    pa.list_(pa.string()): "varchar[]",
}
"""DuckDB's names of contract.KINDS."""


@dataclass(frozen=True)
class Quoted:
    """A part of a statement that is safe where it stands; made by the functions below."""

    text: str


def name(*parts: str) -> Quoted:
    """A table, a view, an index or a column, with the database and schema that it is in where they are given."""
    return Quoted(".".join('"' + part.replace('"', '""') + '"' for part in parts))


def literal(value: str) -> Quoted:
    """A text in a statement that takes no bound values."""
    return Quoted("'" + value.replace("'", "''") + "'")


def definitions(fields: Iterable[pa.Field]) -> Quoted:
    """Columns with their types, for `create table`."""
    parts = [f"{name(f.name).text} {TYPES[f.type]}{'' if f.nullable else ' not null'}" for f in fields]
    return Quoted(", ".join(parts))


def unknown(columns: Iterable[Column]) -> Quoted:
    """Columns of which nothing is known, for `select`."""
    return Quoted(", ".join(f"null::{TYPES[c.kind]} as {name(c.name).text}" for c in columns))


def execute(connection: duckdb.DuckDBPyConnection, file: str, **placeholders: Quoted) -> duckdb.DuckDBPyConnection:
    """Run sql/publish/<file>.sql with its placeholders filled in."""
    parts = {key: quoted.text for key, quoted in placeholders.items()}
    return connection.execute(sql.statement(f"publish/{file}").format_map(parts))

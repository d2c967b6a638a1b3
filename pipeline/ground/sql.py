"""The only place that runs the files in sql/. Values are bound, never formatted into the text."""

import glob
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.ground import shipped
from pipeline.ground.errors import InputError

FOLDER = shipped.folder("sql")

_parsed: dict[str, list[duckdb.Statement]] = {}
"""The statements that DuckDB's parser found in a text: it would take a tenth of a small night's ingest again."""


@cache
def statement(name: str) -> str:
    """The text of sql/<name>.sql.

    Raises:
        InputError: there is no such file.
    """
    path = FOLDER / f"{name}.sql"
    if not path.is_file():
        raise InputError(f"{path} does not exist")
    return path.read_text(encoding="utf-8")


def heading(name: str) -> str:
    """The comment at the head of sql/<name>.sql: what its rows are."""
    lines = itertools.takewhile(lambda line: line.startswith("--"), statement(name).splitlines())
    return " ".join(line.removeprefix("--").strip() for line in lines)


def connect(
    threads: int,
    memory_limit_mb: int,
    spill: Path | None = None,
    timezone: str = "UTC",
    file: Path | None = None,
) -> duckdb.DuckDBPyConnection:
    """A DuckDB database with bounded threads and memory, in one time zone, with reproducible row order.

    Args:
        threads: CPU threads.
        memory_limit_mb: MiB before DuckDB spills to `spill`.
        spill: folder for what does not fit; default: no spilling.
        timezone: an IANA name; in it a moment's day is found, a day begins, and a time without a zone is read.
        file: where its tables lie, compressed; the caller removes it. Default: in memory, as they are.
    Raises:
        InputError: DuckDB does not know the zone.
    """
    settings: dict[str, str | bool | int | float | list[str]] = {
        "threads": threads,
        "memory_limit": f"{memory_limit_mb}MiB",
    }
    if spill is not None:
        settings["temp_directory"] = str(spill)
    connection = duckdb.connect(":memory:" if file is None else file, config=settings)
    in_zone(connection, timezone)
    connection.execute("set preserve_insertion_order = true")
    return connection


def in_zone(connection: duckdb.DuckDBPyConnection, timezone: str) -> None:
    """Set the time zone of a connection, which a cursor of it does not inherit.

    Raises:
        InputError: DuckDB does not know it.
    """
    try:
        connection.execute("set timezone = $1", [timezone])
    except duckdb.Error:
        raise InputError(f"timezone = '{timezone}': DuckDB knows no such time zone") from None


def literal(paths: Iterable[str]) -> list[str]:
    """Paths as DuckDB's readers must be given them, which take a name with *, ? or [ for a pattern."""
    return [glob.escape(path) for path in paths]


def _used(text: str, params: Mapping[str, Any]) -> dict[str, Any]:
    names = set(re.findall(r"\$([a-z_]\w*)", text))
    return {key: value for key, value in params.items() if key in names}


def execute(connection: duckdb.DuckDBPyConnection, name: str, **params: Any) -> duckdb.DuckDBPyConnection:
    """Run sql/<name>.sql on `connection` with `params` bound to its $names (only those the text uses).

    Of several statements the last one alone has $names.
    """
    text = statement(name)
    if text not in _parsed:
        _parsed[text] = connection.extract_statements(text)
    *others, last = _parsed[text]
    for one in others:  # one after another: one may need what another one makes
        connection.execute(one)
    return connection.execute(last, _used(text, params))


def add(connection: duckdb.DuckDBPyConnection, name: str, **params: Any) -> None:
    """Add the rows of sql/<name>.sql, which makes one table, to that table; `params` as in `execute`.

    Raises:
        InputError: the file makes no table.
    """
    text, tables = re.subn(r"create or replace table (\w+) as\b", r"insert into \1", statement(name))
    if tables != 1:
        raise InputError(f"sql/{name}.sql makes {tables} tables, so that its rows cannot be added to one")
    connection.execute(text, _used(text, params))


def select(connection: duckdb.DuckDBPyConnection, name: str, **params: Any) -> duckdb.DuckDBPyRelation:
    """The rows of sql/<name>.sql, one SELECT, as a relation that runs when it is used; `params` as in `execute`."""
    text = statement(name)
    return connection.sql(text, params=_used(text, params))


def query(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    schema: pa.Schema,
    relations: Mapping[str, pa.Table] | None = None,
    **params: Any,
) -> pa.Table:
    """Run sql/<name>.sql and return its rows, cast to `schema`.

    Args:
        connection: from `connect`.
        name: file under sql/ without its ending, e.g. "features/interactions".
        schema: the table's contract; its column names and order are required of the result.
        relations: Arrow tables the statement may select from, by name.
        params: values bound to $names.
    Returns:
        Arrow table with exactly `schema`.
    Raises:
        InputError: the statement's columns are not the schema's.
    """
    for relation, table in (relations or {}).items():
        connection.register(relation, table)
    try:
        text = statement(name)
        table = connection.sql(text, params=_used(text, params)).to_arrow_table()
    finally:
        for relation in relations or {}:
            connection.unregister(relation)
    require_columns(name, table.column_names, schema)
    return table.cast(schema)


def stream(
    connection: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema, rows: int, **params: Any
) -> Iterator[pa.Table]:
    """`query` for results that need not fit in memory: tables of exactly `rows` rows, the last one fewer.

    The connection can do nothing else until the last of them is taken.
    """
    return in_groups(batches(connection, name, schema, rows, **params), schema, rows)


def batches(
    connection: duckdb.DuckDBPyConnection, name: str, schema: pa.Schema, rows: int, **params: Any
) -> Iterator[pa.RecordBatch]:
    """`stream` in batches of about `rows` rows, not yet cast to `schema`."""
    text = statement(name)
    reader = connection.sql(text, params=_used(text, params)).to_arrow_reader(rows)
    require_columns(name, reader.schema.names, schema)
    return iter(reader)


def require_columns(name: str, found: list[str], schema: pa.Schema) -> None:
    """Do nothing where a statement gives the columns of its contract, in their order.

    Raises:
        InputError: it gives others.
    """
    if found != schema.names:
        raise InputError(f"sql/{name}.sql gives columns {found}, its contract is {schema.names}")


def in_groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema, rows: int) -> Iterator[pa.Table]:
    """Batches of whatever size as tables of exactly `rows` rows, cast to a schema; the last one has fewer."""
    held = schema.empty_table()
    for batch in batches:
        held = pa.concat_tables([held, pa.Table.from_batches([batch]).cast(schema)])
        while len(held) >= rows:
            yield held.slice(0, rows).combine_chunks()
            held = held.slice(rows)
    if len(held):
        yield held.combine_chunks()

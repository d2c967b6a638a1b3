"""Columns that a mapping names and its log does not have: they are null."""

import re
from collections.abc import Collection, Iterable

import duckdb
from duckdb import ConstantExpression, StarExpression

from pipeline.ground import sql

SAID = tuple(
    map(
        re.compile,
        (
            r'Referenced column "(.+)" not found in FROM clause',
            r"Referenced column (.+) not found in FROM clause and",
            r'(?:Table|Values list) ".+" does not have a column named "(.+)"',
            r'Column "(.+)" referenced that exists in the SELECT clause',  # under its own name, made of itself
            r'Column "(.+)" in (?:EXCLUDE|REPLACE) list not found',
        ),
    )
)
"""How DuckDB says that there is no such column."""
SESSION = frozenset(
    {"user", "current_user", "session_user", "current_role", "current_schema", "current_catalog", "current_database"}
)
"""Words that are DuckDB's own user and database where no column has such a name."""
AS_READ = "raw_as_read"
"""The table `raw` while it is a view that has absent columns too."""


def bind(
    connection: duckdb.DuckDBPyConnection, text: str, kind: str, words: Collection[str] = ()
) -> tuple[duckdb.DuckDBPyRelation, list[str]]:
    """A mapping's rows, and the columns that it names and `raw` does not have; those are null from now on.

    Args:
        connection: with the table `raw`.
        text: one SELECT.
        words: all that it names.
        kind: of the log: the columns of csv and jsonl are text, an absent one as well.
    Raises:
        duckdb.Error: it cannot run for another reason.
    """
    known = {name.lower() for name in connection.table("raw").columns}
    absent = sorted(SESSION & {word.lower() for word in words} - known)  # DuckDB would not miss them
    if absent:
        _add(connection, absent, None if kind == "parquet" else "VARCHAR")
    while True:
        try:
            return connection.sql(text), sorted(absent)
        except duckdb.BinderException as error:
            name = _name(error)
            if name is None or name in absent:
                raise
            absent.append(name)
        _add(connection, absent, None if kind == "parquet" else "VARCHAR")


def restore(connection: duckdb.DuckDBPyConnection) -> None:
    """Leave in `raw` only the columns that were read; another mapping may mean something else by their names."""
    if is_view(connection):
        sql.execute(connection, "ingest/raw_restored").fetchall()


def _name(error: duckdb.BinderException) -> str | None:
    first = str(error).partition("\n")[0]
    found = next(filter(None, (pattern.search(first) for pattern in SAID)), None)
    return found[1] if found and found[1].lower() != "rowid" else None


def is_view(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether `raw` is a view, with columns that its log does not have."""
    ((found,),) = sql.execute(connection, "ingest/raw_is_view").fetchall()
    return bool(found)


def _add(connection: duckdb.DuckDBPyConnection, names: Iterable[str], kind: str | None) -> None:
    if not is_view(connection):
        sql.execute(connection, "ingest/raw_set_aside").fetchall()
    null = ConstantExpression(None) if kind is None else ConstantExpression(None).cast(kind)
    rows = connection.table(AS_READ).select(StarExpression(), *(null.alias(name) for name in names))
    rows.create_view("raw", replace=True)

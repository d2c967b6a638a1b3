"""Whether a mapping leaves its rows' places alone: it is asked again about rows that have other numbers.

`_row` numbers the rows of one reading. What follows from it is another value when the next night, or load-history,
reads other files; and a mapping that calculates with it says of a refused row that it stands where another does.
"""

import contextlib
from collections.abc import Callable, Iterator

import duckdb
from duckdb import ColumnExpression, ConstantExpression, FunctionExpression, StarExpression

from pipeline.ground import sql
from pipeline.intake import absent

LARGEST = 2**31 - 1
"""A row's number stays below it, as a mapping may cast it, where there are not too many rows."""
FACTOR = 2**20
"""Other numbers are so far apart that what is calculated of one is none."""
SAMPLE = 1000
"""Rows of the log of which a mapping's values are looked at."""


def misplaced(connection: duckdb.DuckDBPyConnection, mapped: str) -> tuple[str, bool] | None:
    """A file as a mapping names it, where that is none, or a row of it has a number that is not its own.

    Args:
        connection: with the tables `raw` and `raw_files`, and the mapping's view.
        mapped: that view's name.
    Returns:
        The file, and whether there is one; None where all is well.
    """
    factor = _factor(connection)
    with _numbered(connection, factor):
        found = sql.execute(connection, "ingest/misplaced_rows", mapped=mapped, factor=factor).fetchone()
    return None if found is None else (str(found[0]), bool(found[1]))


def dependent(connection: duckdb.DuckDBPyConnection, mapped: str) -> list[str]:
    """The columns of a mapping of which other values follow where the same rows have other numbers.

    Arguments as in `misplaced`.
    """
    found = []
    for factor in (1, _factor(connection)):
        with _numbered(connection, factor, SAMPLE):
            counted = sql.execute(connection, "ingest/fingerprint", mapped=mapped)
            names = [column[0] for column in counted.description or ()]
            (values,) = counted.fetchall()
            found.append(dict(zip(names, values, strict=True)))
    plain, other = found
    return [name for name in plain if plain[name] != other[name]]


def _factor(connection: duckdb.DuckDBPyConnection) -> int:
    ((rows,),) = connection.table("raw").max("_row").fetchall()
    return max(2, min(FACTOR, LARGEST // (1 + (rows or 0))))


@contextlib.contextmanager
def _numbered(connection: duckdb.DuckDBPyConnection, factor: int, rows: int | None = None) -> Iterator[None]:
    """Row n of `raw` is called n * factor + hash(n) % factor; with `rows`, there are no more than so many."""
    row = ColumnExpression("_row")
    beyond = (FunctionExpression("hash", row) % ConstantExpression(factor)).cast("BIGINT")
    other = (row * ConstantExpression(factor) + beyond).alias("_row")

    def renamed(kept: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
        kept = kept if rows is None else kept.filter(row <= ConstantExpression(rows))
        return kept.select(StarExpression(exclude=["_row"]), other)

    with _instead(connection, renamed):
        yield


@contextlib.contextmanager
def only(connection: duckdb.DuckDBPyConnection, first: int, last: int) -> Iterator[None]:
    """Meanwhile `raw` has only those of its rows that are numbered from one number to another, by their own numbers."""
    row = ColumnExpression("_row")
    with _instead(
        connection, lambda kept: kept.filter(row.between(ConstantExpression(first), ConstantExpression(last)))
    ):
        yield


@contextlib.contextmanager
def _instead(
    connection: duckdb.DuckDBPyConnection, changed: Callable[[duckdb.DuckDBPyRelation], duckdb.DuckDBPyRelation]
) -> Iterator[None]:
    ending = "_view" if absent.is_view(connection) else ""
    sql.execute(connection, f"ingest/raw_numbered{ending}").fetchall()
    try:
        changed(connection.table("raw_numbered")).create_view("raw", replace=True)
        yield
    finally:
        sql.execute(connection, f"ingest/raw_renumbered{ending}").fetchall()

"""A surface's predicate over the items: one condition, which can reach nothing but the items' columns.

It is checked when the configuration is read, on one item of which nothing is known, and run when a night is published.
"""

import contextlib
from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa

from pipeline.ground import sql
from pipeline.ground.errors import InputError


@contextlib.contextmanager
def over(items: pa.Table | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database that holds the items, reaches nothing else, and cannot be told to.

    Args:
        items: schemas.ITEMS; None: one item of which nothing is known (without Arrow, with which DuckDB would import
            pandas).
    """
    with duckdb.connect(config={"enable_external_access": "false"}) as connection:
        if items is not None:
            connection.register("arrow_items", items)
        sql.execute(connection, "publish/items_for_where" if items is not None else "publish/items_unknown").fetchall()
        connection.execute("set lock_configuration = true").fetchall()
        yield connection


def require(surface: str, where: str) -> None:
    """Check a surface's predicate without any data.

    Raises:
        ValueError: it is no condition, or reaches beyond the items' columns; names the surface.
    """
    try:
        with over(None) as connection:
            passing(connection, surface, where)
    except InputError as error:
        raise ValueError(str(error)) from None


def passing(connection: duckdb.DuckDBPyConnection, surface: str, where: str) -> np.ndarray:
    """Which items pass a surface's predicate: bool [I]; an item it says nothing about does not.

    Args:
        connection: from `over`.
        surface: its name, for messages.
        where: the predicate.
    Raises:
        InputError: as `require`, or a value it cannot be worked out for.
    """
    said = f"surface '{surface}': where = {where!r}"
    faults = sql.execute(connection, "publish/where_faults", predicate=where).fetchall()
    if faults:
        raise InputError(f"{said} cannot be used: {'; '.join(fault for (fault,) in faults)}")
    try:
        chosen = connection.table("items").select(duckdb.SQLExpression(where).alias("passes"))
        if str(chosen.types[0]) != "BOOLEAN":
            raise InputError(f"{said} is a {chosen.types[0]}: write a condition, e.g. kind = 'product'")
        rows = chosen.fetchnumpy()["passes"]
    except duckdb.Error as error:
        raise InputError(f"{said} is not a condition on the items table: {error}") from None
    return np.asarray(np.ma.filled(rows, False), dtype=bool)

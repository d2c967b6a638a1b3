"""What is read out of text, which DuckDB does on every engine: its macros as functions of Spark, on the executors.

Java has other white space, other lower case, other numbers and days than DuckDB, and says nothing of it.
"""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from pipeline.engine import dialect
from pipeline.ground import sql

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

MACROS = "features/text_macros"
_TYPES = {pa.string(): "string", pa.float64(): "double", pa.date32(): "date"}


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    """One of each process, with the macros."""
    connection = sql.connect(1, 64)
    sql.execute(connection, MACROS)
    return connection


def apply(macro: str, texts: pa.Array) -> pa.Array:
    """What a macro of MACROS makes of texts.

    Args:
        macro: its name.
        texts: [N] strings, null too.
    Returns:
        [N], of the macro's type.
    """
    given = _connection().from_arrow(pa.table({"text": texts}))
    call = duckdb.FunctionExpression(macro, duckdb.ColumnExpression("text"))
    return given.select(call.alias("made")).to_arrow_table().column(0).combine_chunks()


def _on_arrow(macro: str) -> Callable[[pa.Array], pa.Array]:
    """The function that an executor calls with batches of a column."""

    def made(texts: pa.Array) -> pa.Array:
        return apply(macro, texts)

    return made


def register(session: "SparkSession") -> None:
    """Make the macros functions of a session, by their names."""
    from pyspark.sql.pandas.functions import arrow_udf

    for macro in dialect.macros(MACROS):
        kind = _TYPES[apply(macro, pa.array([], pa.string())).type]
        made = arrow_udf(_on_arrow(macro), kind)  # type: ignore[call-overload,unused-ignore]  # its hints say how
        session.udf.register(macro, made)

"""The table `raw`: what a format's reader gives, with the place of each row."""

from collections.abc import Iterable

import duckdb
from duckdb import ColumnExpression, StarExpression

from pipeline.ground import sql
from pipeline.intake.inputs.table import PLACE

FILE_OF_ROW = "file_of_row_for_nightjar"
"""The column that a reader adds; a log with a column of this name cannot be read."""


def fill(connection: duckdb.DuckDBPyConnection, lines: duckdb.DuckDBPyRelation, more: bool = False) -> None:
    """Make `raw` of rows, or add rows to it.

    Args:
        connection: where the table is made.
        lines: the rows, with their file as FILE_OF_ROW.
        more: whether they come after those in `raw`, whose columns they have.
    Raises:
        duckdb.Error: they cannot be read.
    """
    # a column of the log's own that has one of our names keeps its content under a longer one
    own = {name: _longer(name, lines.columns) for name in lines.columns if name.lower() in PLACE}
    renamed = [ColumnExpression(name).alias(longer) for name, longer in own.items()]
    others = StarExpression(exclude=[*own, FILE_OF_ROW])
    lines.select(others, *renamed, ColumnExpression(FILE_OF_ROW).alias("_file")).create_view("log_lines", replace=True)
    sql.execute(connection, "ingest/raw_more" if more else "ingest/raw")


def _longer(name: str, taken: Iterable[str]) -> str:
    """A name that is not taken: with underscores before it."""
    known = {one.lower() for one in taken}
    while name.lower() in known:
        name = f"_{name}"
    return name

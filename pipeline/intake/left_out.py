"""Rows of the log of which the mapping makes no event: counted by night, so that lines = taken + refused + left out.

A mapping may leave rows out, by `where` or a join; `unnest` does it to a row whose list is null or empty, which nobody
may have meant. They are of their file's day, or of the night of the row before them (sql/ingest/left_out.sql), and are
read late as events are (pipeline.intake.late_rows). The check left_out warns of a night with a far larger share of them
than usual.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from pipeline.ground import sql
from pipeline.intake import selects

log = logging.getLogger(__name__)

KEY = "left out by the mapping"
"""In a night's report: how many rows. Absent where there was none."""


@dataclass(frozen=True)
class LeftOut:
    """Rows that are left out.

    Attributes:
        rows: how many.
        places: file and row of the first of them.
    """

    rows: int
    places: list[tuple[str, int]]


def measure(connection: duckdb.DuckDBPyConnection, first: date, last: date) -> dict[date, dict[str, int]]:
    """What the report of every night of a range says of such rows; nights without any are absent.

    Args:
        connection: with the tables of staging.staged.
        first, last: the range.
    """
    counted = sql.execute(connection, "ingest/left_out_counts", first=first, last=last).fetchall()
    return {night: {KEY: rows} for night, rows in counted}


def since(connection: duckdb.DuckDBPyConnection, first: date) -> None:
    """Count what is left out before any row of a table arrived on the first night: those before it are not written."""
    sql.execute(connection, "ingest/left_out_since", first=first)


def found(connection: duckdb.DuckDBPyConnection, first: date, last: date, shown: int = 1) -> LeftOut:
    """How many there are in a range of nights, and where the first `shown` of them stand; arguments as in `measure`."""
    rows = sum(of_night[KEY] for of_night in measure(connection, first, last).values())
    places = sql.execute(connection, "ingest/left_out_places", first=first, last=last, shown=shown).fetchall()
    return LeftOut(rows, places)


def say(connection: duckdb.DuckDBPyConnection, mapping: Path, first: date, last: date) -> None:
    """Say how many rows are left out; a warning where nothing in the mapping says that it leaves any out.

    Args:
        connection: with the tables of staging.staged.
        mapping: its file.
        first, last: the range of nights.
    """
    left_out = found(connection, first, last)
    if not left_out.rows:
        return
    if selects.leaves_out(connection, mapping.read_text(encoding="utf-8")):
        log.info("%s: %s log rows are %s", last, f"{left_out.rows:,}", KEY)
        return
    ((file, row),) = left_out.places
    log.warning(
        "%s makes no event of %s log rows (the first: %s row %d), and has no `where` or join that says so: unnest "
        "drops a row whose list is null or empty. With unnest(if(len(list) > 0, list, [null])) such rows are refused "
        "for what they lack; a `where` says that they are meant to be left out",
        mapping, f"{left_out.rows:,}", file, row,
    )  # fmt: skip


def remaining(report: Mapping[str, object], moved: int) -> dict[str, int]:
    """What a night's report says after `moved` of its rows became another night's; nothing where it said nothing."""
    rows = report.get(KEY)
    return {KEY: max(rows - moved, 0)} if isinstance(rows, int) else {}

"""Rows that were read and are kept for later nights: the next day's first ones, a file with more than its nights, or a
clock that goes ahead by days, which nothing tells from such a file while nobody asks the clock here.

How many there are stands in the report of the last night that is written, and is said where some are later than the
day after it.
"""

import logging
from collections.abc import Mapping
from datetime import date
from typing import Any

import duckdb

from pipeline.ground import sql

log = logging.getLogger(__name__)

KEY = "kept for later nights"
"""In a night's report: how many rows, and the first and last of their nights. Absent where none is."""
REMEDY = "If there have been no such days yet, a clock is wrong: refuse its rows in the mapping (reject_reason)"


def measure(connection: duckdb.DuckDBPyConnection, last: date) -> dict[str, Any]:
    """What a night's report says of the rows that no night up to `last` takes; warns where they are far ahead.

    Args:
        connection: with the tables of staging.staged.
        last: the last night that is written.
    """
    ((rows, first, latest, far, file),) = sql.execute(connection, "ingest/waiting", last=last).fetchall()
    if not rows:
        return {}
    found = {KEY: {"rows": rows, "first": str(first), "last": str(latest)}}
    if far:
        log.warning("%s: %s; the latest is in %s. %s", last, told(found), file, REMEDY)
    return found


def told(report: Mapping[str, Any]) -> str:
    """What a night's report says of such rows, for people; "" where there are none."""
    if (kept := report.get(KEY)) is None:
        return ""
    nights = kept["first"] if kept["first"] == kept["last"] else f"{kept['first']} .. {kept['last']}"
    rows = "1 log row is" if kept["rows"] == 1 else f"{kept['rows']:,} log rows are"
    return f"{rows} kept for later nights, {nights}"

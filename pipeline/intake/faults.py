"""What of the rows that no table refuses was of no use: an item without an id, a price that is none. Counted, and said.

The numbers stand in the report of the night's manifest, as `<input>: <fault>`.
"""

import logging
from collections.abc import Mapping
from datetime import date

import duckdb

from pipeline.ground import sql

log = logging.getLogger(__name__)

Faults = dict[str, int]
"""Rows, by input and fault."""


def measure(connection: duckdb.DuckDBPyConnection, first: date, last: date) -> dict[date, Faults]:
    """The faults of every night of a range that has any; `connection` has the tables of staging.staged."""
    found: dict[date, Faults] = {}
    for night, fault, rows in sql.execute(connection, "ingest/faults", first=first, last=last).fetchall():
        found.setdefault(night, {})[fault] = rows
    return found


def warn(night: date, faults: Mapping[str, int]) -> None:
    """Say what of a night's rows was of no use."""
    for fault, rows in faults.items():
        log.warning("%s: %d of the rows of %s", night, rows, fault)

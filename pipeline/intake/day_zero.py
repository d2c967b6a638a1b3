"""A shop whose first event is still to come: a catalogue, and a log without a row.

Where events came yesterday a log without a row is a broken delivery, and stops the night. Where none ever came it is
how every shop begins.
"""

import logging
from datetime import date, timedelta

import duckdb

from pipeline.ground import artifacts, sql
from pipeline.ground.errors import InputError
from pipeline.intake.inputs import ITEMS
from pipeline.settings.config import Config

log = logging.getLogger(__name__)


def holds(connection: duckdb.DuckDBPyConnection, config: Config, first: date, last: date) -> bool:
    """Whether no night before a range had a log row, and there are items by then; says so.

    Args:
        connection: with the tables of staging.staged, in which no log row is of these nights.
        config: where the lake is.
        first, last: the range of nights.
    Raises:
        InputError: the items are of earlier nights, which are not loaded.
    """
    before = artifacts.partitions_until(config.lake, "ingest", first - timedelta(days=1))
    reports = [artifacts.read_manifest(folder)["report"] for folder in before]
    if any(report["events"] or report["rejects"] for report in reports):
        return False
    ((now, earlier),) = sql.execute(connection, "ingest/day_zero", first=first, last=last).fetchall()
    if earlier and not before:
        raise InputError(
            f"no event ever arrived, and {earlier:,} rows of items arrived before {first}, of which no night is "
            f"loaded: python -m pipeline load-history --until {last}, and run the night again"
        )
    if not now and not any(report.get(ITEMS.name) for report in reports):
        return False
    log.warning(
        "%s: no event ever arrived, so what is published is made of the catalogue alone. Once events have come, a "
        "night without any is an error",
        last,
    )
    return True

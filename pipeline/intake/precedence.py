"""An event is of the night on which it first arrived, in whatever order the nights are ingested.

What an earlier night has is not taken again (sql/ingest/duplicates.sql). What a later night has taken because it was
ingested first, it gives up here: its partition is written again without the event and with one more refused row, as
nights in order would have given it. Of that row only what the partition tells is known: neither its place in its file
nor its content. A row that the later night had refused already keeps its reason: whether it repeats the event that is
known now, or bears its id, cannot be told any more.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.ground import artifacts, rewriting, sql
from pipeline.ground.errors import InputError
from pipeline.intake import delivery, inputs, logs, partitions, quality, refusals, staging
from pipeline.intake.inputs import EVENTS
from pipeline.settings.config import Config

KEPT_NUMBERS = ("compared_prices", "far_prices")
"""Of a night's numbers those that are about the nights before it as they were when it was ingested."""


def require_few(connection: duckdb.DuckDBPyConnection, config: Config, first: date, last: date) -> None:
    """Look for what later nights have to give up to a range of nights, and stop if too much of it is other events.

    Args:
        connection: with the tables of staging.staged; gets the table displaced.
        config: whose lake, and what is allowed.
        first, last: the range.
    Raises:
        InputError: a later night would have more refused rows than it may: ids that are not unique.
    """
    sql.execute(connection, "ingest/displaced", first=first, last=last)
    for night, events, others in sql.execute(connection, "ingest/displaced_nights").fetchall():
        if not others:
            continue
        report = artifacts.read_manifest(artifacts.stage_dir(config.lake, "ingest", night))["report"]
        refused = others + refusals.refused(report)
        taken = report["events"] - events
        if refused > config.ingest.max_reject_share * (taken + refused):
            raise InputError(
                f"{others:,} of the {report['events']:,} events of {night} have ids of other events, which arrived "
                f"before them, on {first} .. {last}; with them {refused:,} of its log rows would be refused, more than "
                f"ingest.max_reject_share = {config.ingest.max_reject_share}. {refusals.NO_ID}"
            )


def give_way(connection: duckdb.DuckDBPyConnection, config: Config, first: date, last: date) -> None:
    """Take out of later nights' partitions what `require_few` found.

    To be called when these nights are whole but not yet in the lake: whoever dies in between leaves an event without
    its night, which is then not finished and will be run again; never with two.

    Args:
        connection: with the table displaced.
        config: whose lake.
        first, last: the range.
    """
    nights = [night for night, *_ in sql.execute(connection, "ingest/displaced_nights").fetchall()]
    if nights and first == last:  # an earlier version of it would pass for whole without what the others give up
        _unfinish(artifacts.stage_dir(config.lake, "ingest", first))
    for night in nights:
        events = sql.select(connection, "ingest/displaced_of_night", night=night).to_arrow_table()
        _give_up(artifacts.stage_dir(config.lake, "ingest", night), events, config)


def _unfinish(folder: Path) -> None:
    if folder.is_dir():
        artifacts.remove(folder)


def _give_up(folder: Path, events: pa.Table, config: Config) -> None:
    """Write a night's partition again without some of its events; one that was removed meanwhile stays away."""

    def write(beside: Path) -> Mapping[str, Any]:
        with staging.spilling(config.lake) as spill:
            connection = sql.connect(config.threads, config.memory_limit_mb, spill, config.timezone)
            try:
                return _written_again(connection, folder, events, config, beside)
            finally:
                connection.close()

    with artifacts.lock(folder):
        if artifacts.is_finished(folder):
            rewriting.rewrite(folder, write)


def _written_again(
    connection: duckdb.DuckDBPyConnection, folder: Path, events: pa.Table, config: Config, out: Path
) -> dict[str, Any]:
    """Stage a partition without some of its events, and write it; its report."""
    night = artifacts.run_date_of(folder)
    connection.register("given_up", events)
    for table in inputs.night_tables():
        path = table.path(folder)
        if not path.is_file():  # a night from before there was the table
            connection.from_arrow(table.empty()).create(table.staged)
            continue
        does = "partition_events" if table is EVENTS else "partition"
        rows = sql.select(connection, f"ingest/{does}", partition=logs.literal([str(path)]), night=night)
        rows.create(table.staged)
    parquet = logs.literal([str(EVENTS.path(folder))])
    sql.execute(connection, "ingest/given_up", partition=parquet, night=night, file=delivery.name_of(config, night))
    sql.execute(connection, "ingest/duplicates_none")
    numbers = quality.measure(connection, config, night, night)[0]
    before = artifacts.read_manifest(folder)["report"].get(quality.KEY, {})
    numbers |= {name: before[name] for name in KEPT_NUMBERS if name in before}
    past = quality.history(quality.past_nights(config, night))
    found = quality.judge([*past, numbers], night, config).get(night, {})
    _, tables = next(partitions.nights(connection, night, night))
    return partitions.write(out, tables) | quality.reported(numbers, found)

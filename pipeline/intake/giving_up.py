"""Writing a finished night again without some of its rows, which are another night's now."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from duckdb import ConstantExpression, StarExpression

from pipeline.ground import artifacts, rewriting, sql
from pipeline.intake import delivery, inputs, last_rows, late_rows, left_out, logs, partitions, quality
from pipeline.intake.inputs import EVENTS
from pipeline.intake.spill import spilling
from pipeline.settings.config import Config

KEPT_NUMBERS = ("compared_prices", "far_prices")
"""Of a night's numbers those that are about the nights before it as they were when it was ingested."""
KEPT_ROWS = {EVENTS.name: "partition_events", inputs.REJECTS.name: "partition_rejects"}
"""By table, what says which of a partition's rows stay; of others all do."""


@dataclass(frozen=True)
class Given:
    """What a night gives up.

    Attributes:
        events: event_id and reason; null where the event's own line is another night's now.
        refused: file and row of refused rows that are another night's now.
        late: log files and nights of which it holds nothing any more.
        file: the log file whose events they are; default: what the night's log is called.
        seen: what the night has seen, where that is another now.
    """

    events: pa.Table
    refused: pa.Table
    late: Collection[tuple[str, date]] = ()
    file: str | None = None
    seen: late_rows.Record | None = None


def give_up(folder: Path, given: Given, config: Config) -> None:
    """Write a night's partition again without some of its rows; one that was removed meanwhile stays away."""

    def write(beside: Path) -> Mapping[str, Any]:
        with spilling(config.lake) as spill:
            connection = sql.connect(config.threads, config.memory_limit_mb, spill, config.timezone)
            try:
                return _written_again(connection, folder, given, config, beside)
            finally:
                connection.close()

    with artifacts.lock(folder):
        if artifacts.is_finished(folder):
            rewriting.rewrite(folder, write)


def _complete(
    connection: duckdb.DuckDBPyConnection, rows: duckdb.DuckDBPyRelation, table: inputs.NightTable
) -> duckdb.DuckDBPyRelation:
    """Rows of a partition with the columns that came since it was written: null."""
    whole = connection.from_arrow(table.empty())
    since = [(name, kind) for name, kind in zip(whole.columns, whole.types, strict=True) if name not in rows.columns]
    nulls = (ConstantExpression(None).cast(kind).alias(name) for name, kind in since)
    return rows.select(StarExpression(), *nulls) if since else rows


def _written_again(
    connection: duckdb.DuckDBPyConnection, folder: Path, given: Given, config: Config, out: Path
) -> dict[str, Any]:
    """Stage a partition without some of its rows, and write it; its report."""
    night = artifacts.run_date_of(folder)
    connection.register("given_up", given.events)
    connection.register("moved_away", given.refused)
    for table in inputs.night_tables():
        path = table.path(folder)
        if not path.is_file():  # a night from before there was the table
            connection.from_arrow(table.empty()).create(table.staged)
            continue
        does = KEPT_ROWS.get(table.name, "partition")
        rows = sql.select(connection, f"ingest/{does}", partition=logs.literal([str(path)]), night=night)
        _complete(connection, rows, table).create(table.staged)
    parquet = logs.literal([str(EVENTS.path(folder))])
    sql.execute(
        connection,
        "ingest/given_up",
        partition=parquet,
        night=night,
        file=given.file or delivery.name_of(config, night),
    )
    sql.execute(connection, "ingest/duplicates_none")
    sql.execute(connection, "ingest/left_out_none")
    numbers = quality.measure(connection, config, night, night)[0]
    report = artifacts.read_manifest(folder)["report"]
    before = report.get(quality.KEY, {})
    seen, moved = given.seen or report.get(late_rows.KEY), 0
    if given.late:
        seen, moved = late_rows.without(report[late_rows.KEY], given.late)
    unused = left_out.remaining(report, moved)
    numbers |= {name: before[name] for name in KEPT_NUMBERS if name in before}
    numbers["left_out"] = sum(unused.values())
    past = quality.history(quality.past_nights(config, night))
    found = quality.judge(connection, [*past, numbers], night, config).get(night, {})
    _, tables = next(partitions.nights(connection, night, night))
    gone = given.events.column("event_id").to_pylist()
    record = {} if seen is None else {late_rows.KEY: last_rows.without(seen, gone)}
    return partitions.write(out, tables) | quality.reported(numbers, found) | unused | record

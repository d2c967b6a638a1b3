"""An event is of the night on which it first arrived, in whatever order the nights are ingested.

What an earlier night has is not taken again (sql/ingest/duplicates.sql). What a later night has taken because it was
ingested first, it gives up here: its partition is written again without the event and with one more refused row, as
nights in order would have given it. Of that row only what the partition tells is known: neither its place in its file
nor its content. A row that the later night had refused already keeps its reason: whether it repeats the event that is
known now, or bears its id, cannot be told any more.

What a later night took or refused because it came too late for an earlier one, it gives up as well, once that night (or
one between them) is written again and takes or refuses it itself: no row more is refused then, as it is the same line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.ground import artifacts, keeping, rewriting, sql
from pipeline.ground.errors import InputError
from pipeline.intake import (
    delivery,
    inputs,
    late_rows,
    left_out,
    logs,
    other_nights,
    partitions,
    quality,
    refusals,
    renamed,
    staging,
)
from pipeline.intake.inputs import EVENTS
from pipeline.settings.config import Config

KEPT_NUMBERS = ("compared_prices", "far_prices")
"""Of a night's numbers those that are about the nights before it as they were when it was ingested."""
KEPT_ROWS = {EVENTS.name: "partition_events", inputs.REJECTS.name: "partition_rejects"}
"""By table, what says which of a partition's rows stay; of others all do."""


def require_few(connection: duckdb.DuckDBPyConnection, config: Config, first: date, last: date) -> None:
    """Look for what later nights have to give up to a range of nights, and stop if too much of it is other events.

    Args:
        connection: with the tables of staging.staged; gets the table displaced.
        config: whose lake, and what is allowed.
        first, last: the range.
    Raises:
        InputError: a later night would have more refused rows than it may: ids that are not unique.
    """
    staying = other_nights.staying(connection, config, last, first if first == last else None)
    later = [folder for folder in staying if artifacts.run_date_of(folder) > first]
    if not later:  # as every night that is run in its turn
        sql.execute(connection, "ingest/displaced_none")
        return
    _find_moved(connection, config, later, first, last)
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


def _find_moved(
    connection: duckdb.DuckDBPyConnection, config: Config, later: Sequence[Path], first: date, last: date
) -> None:
    """Make the tables held, moved_rejects and moved_events: what `later` nights took late is written now."""
    lines = [(artifacts.run_date_of(f), *held) for f in later for held in late_rows.held(f)]
    holding = {night for night, *_ in lines}
    renamed.note(connection, {n: late_rows.recorded(f) for f in later if (n := artifacts.run_date_of(f)) in holding})
    columns = ("nights", "names", "own", "lines", "left_out")
    values = [list(column) for column in zip(*lines, strict=True)] if lines else [[] for _ in columns]
    held_by = dict(zip(columns, values, strict=True))
    sql.execute(connection, "ingest/held", **held_by)
    sql.execute(connection, "ingest/written_lines", first=first, last=last)
    if not (nights := sorted(holding)):
        sql.execute(connection, "ingest/moved_rejects_none")
        sql.execute(connection, "ingest/moved_events")
        return
    folders = [artifacts.stage_dir(config.lake, "ingest", night) for night in nights]
    for step in ("moved_rejects", "moved_events", "moved_anew"):
        sql.execute(connection, f"ingest/{step}", **other_nights.places(folders, inputs.REJECTS))


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
        given = _Given(
            sql.select(connection, "ingest/displaced_of_night", night=night).to_arrow_table(),
            sql.select(connection, "ingest/moved_of_night", night=night).to_arrow_table(),
            sql.execute(connection, "ingest/moved_late", night=night).fetchall(),
        )
        _give_up(artifacts.stage_dir(config.lake, "ingest", night), given, config)


@dataclass(frozen=True)
class _Given:
    """What a night gives up.

    Attributes:
        events: event_id and reason; null where the event's own line is another night's now.
        refused: file and row of refused rows that are another night's now.
        late: log files and nights of which it holds nothing any more.
    """

    events: pa.Table
    refused: pa.Table
    late: list[tuple[str, date]]


def _unfinish(folder: Path) -> None:
    if folder.is_dir():
        artifacts.remove(folder)
        keeping.tell(folder)


def _give_up(folder: Path, given: _Given, config: Config) -> None:
    """Write a night's partition again without some of its rows; one that was removed meanwhile stays away."""

    def write(beside: Path) -> Mapping[str, Any]:
        with staging.spilling(config.lake) as spill:
            connection = sql.connect(config.threads, config.memory_limit_mb, spill, config.timezone)
            try:
                return _written_again(connection, folder, given, config, beside)
            finally:
                connection.close()

    with artifacts.lock(folder):
        if artifacts.is_finished(folder):
            rewriting.rewrite(folder, write)


def _written_again(
    connection: duckdb.DuckDBPyConnection, folder: Path, given: _Given, config: Config, out: Path
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
        rows.create(table.staged)
    parquet = logs.literal([str(EVENTS.path(folder))])
    sql.execute(connection, "ingest/given_up", partition=parquet, night=night, file=delivery.name_of(config, night))
    sql.execute(connection, "ingest/duplicates_none")
    sql.execute(connection, "ingest/left_out_none")
    numbers = quality.measure(connection, config, night, night)[0]
    report = artifacts.read_manifest(folder)["report"]
    before = report.get(quality.KEY, {})
    read, moved = late_rows.without(report[late_rows.KEY], given.late) if given.late else (None, 0)
    unused = left_out.remaining(report, moved)
    numbers |= {name: before[name] for name in KEPT_NUMBERS if name in before}
    numbers["left_out"] = sum(unused.values())
    past = quality.history(quality.past_nights(config, night))
    found = quality.judge(connection, [*past, numbers], night, config).get(night, {})
    _, tables = next(partitions.nights(connection, night, night))
    record = {} if read is None else {late_rows.KEY: read}
    return partitions.write(out, tables) | quality.reported(numbers, found) | unused | record

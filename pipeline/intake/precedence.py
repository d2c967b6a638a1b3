"""An event is of the night on which it first arrived, in whatever order the nights are ingested.

What an earlier night has is not taken again (sql/ingest/duplicates.sql). What a later night has taken because it was
ingested first, it gives up here: its partition is written again without the event and with one more refused row, as
nights in order would have given it. Of that row only what the partition tells is known: neither its place in its file
nor its content. A row that the later night had refused already keeps its reason: whether it repeats the event that is
known now, or bears its id, cannot be told any more.

What a later night took or refused because it came too late for an earlier one, it gives up as well, once that night (or
one between them) is written again and takes or refuses it itself: no row more is refused then, as it is the same line.
"""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import duckdb

from pipeline.ground import artifacts, keeping, sql
from pipeline.ground.errors import InputError
from pipeline.intake import giving_up, inputs, late_rows, other_nights, refusals, renamed
from pipeline.settings.config import Config


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
        given = giving_up.Given(
            sql.select(connection, "ingest/displaced_of_night", night=night).to_arrow_table(),
            sql.select(connection, "ingest/moved_of_night", night=night).to_arrow_table(),
            sql.execute(connection, "ingest/moved_late", night=night).fetchall(),
        )
        giving_up.give_up(artifacts.stage_dir(config.lake, "ingest", night), given, config)


def _unfinish(folder: Path) -> None:
    if folder.is_dir():
        artifacts.remove(folder)
        keeping.tell(folder)

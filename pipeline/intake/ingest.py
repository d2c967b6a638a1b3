"""Raw files that arrived on a night -> one Parquet file per table of the registry: events, items, rejects.

`run` writes one night, `load_history` every past night in one pass over the same files; a night's files are the same
bytes either way. The shop's own SQL maps `raw` to the contracts (see examples/); a row of the log that breaks its
contract is refused with a reason, and counted.
"""

import logging
from datetime import date, timedelta
from pathlib import Path

import duckdb

from pipeline.ground import artifacts, rewriting, sql
from pipeline.intake import (
    delivery,
    faults,
    known_types,
    late_inputs,
    late_rows,
    left_out,
    partitions,
    precedence,
    quality,
    refusals,
    staging,
    waiting,
)
from pipeline.intake.databases import extraction
from pipeline.intake.partitions import Report
from pipeline.settings.config import Config

log = logging.getLogger(__name__)

UNTIL = "until"
"""In the report of a day that is not over: the moment up to which it is known, in ISO 8601."""
IS_HISTORY = True
"""A night's log is history: only a forced run reads it again; see pipeline.operations.stages."""


def run(*, run_date: date, config: Config, out: Path) -> Report:
    """Write the rows that arrived on `run_date`, and those refused.

    Beside the shop's files it reads of the lake the ids of the events of all other nights, of which no event is taken
    twice, and the manifests of `quality.past_nights`, which say what is usual; of the home, who asked to be forgotten.
    None of these is an input by which a finished night could be found out of date, as a night's log is history. What a
    later night took because it was ingested first goes to this one: see pipeline.intake.precedence.

    Returns:
        Rows of each table, refused rows by reason, `quality` (the night's numbers) and `unusual` (what checks warn of),
        what of other inputs' rows was of no use (`items: ...`), how many rows were `left out by the mapping`, and how
        many were read that are later nights'.
    Raises:
        InputError: no log file, no rows (unless allow_empty), a file or mapping that cannot be read, more refused
            rows than max_reject_share, or a night that is not as usual.
    """
    for words in known_types.told(config, besides=run_date):
        log.warning("%s", words)
    with extraction.night(config, run_date):
        return _night(run_date, config, out)


def _night(run_date: date, config: Config, out: Path) -> Report:
    """Read and write a night whose files are there, as far as they were delivered."""
    past = quality.history(quality.past_nights(config, run_date))
    if delivery.is_closed(config, run_date):
        return _closed(run_date, config, past, out)
    usual = quality.usual(past, run_date)
    delivery.require(config, run_date, usual)
    rewriting.finish_all(config.lake / "ingest")
    folders = artifacts.partitions_until(config.lake, "ingest", run_date - timedelta(days=1))
    with staging.staged(config, run_date, out, night=run_date) as connection:
        if config.until is not None:
            sql.execute(connection, "ingest/up_to", until=config.until).fetchall()
        refusals.require_few(connection, config, run_date, run_date, usual)
        precedence.require_few(connection, config, run_date, run_date)
        (tonight,) = quality.measure(connection, config, run_date, run_date, folders)
        judged = _judged(connection, tonight, past, config)
        seen = late_rows.seen_by(connection, config, run_date, run_date).get(run_date, late_rows.record(config))
        beside = _beside(connection, run_date, config)
        left_out.say(connection, delivery.mapping_of(config), run_date, run_date)
        beside |= left_out.measure(connection, run_date, run_date).get(run_date, {})
        _, tables = next(partitions.nights(connection, run_date, run_date))
        report = partitions.write(out, tables) | judged | beside | {late_rows.KEY: seen} | _so_far(config)
        report |= waiting.measure(connection, run_date)
        precedence.give_way(connection, config, run_date, run_date)
        return report


def _closed(night: date, config: Config, past: list[quality.NightNumbers], out: Path) -> Report:
    """Write a night without a log, which may have items, users, links and offers all the same."""
    with staging.staged(config, night, out, night=night, is_closed=True) as connection:
        beside = _beside(connection, night, config)
        _, tables = next(partitions.nights(connection, night, night))
        empty = partitions.write(out, tables) | _judged(connection, quality.nothing(night), past, config)
        return empty | beside | {late_rows.KEY: late_rows.record(config)} | _so_far(config)


def _beside(connection: duckdb.DuckDBPyConnection, night: date, config: Config) -> Report:
    """What a night's report says of the inputs beside the log: what of them was of no use, and what was read."""
    unread = late_inputs.leave_out(connection, config, night)
    unused = faults.measure(connection, night, night).get(night, {})
    faults.warn(night, unused)
    read = late_inputs.records(connection, config, night, night)[night]
    return unused | late_inputs.noted(read, unread) | late_inputs.found(config, night, unread)


def _so_far(config: Config) -> Report:
    return {} if config.until is None else {UNTIL: config.until.isoformat()}


def _judged(
    connection: duckdb.DuckDBPyConnection,
    tonight: quality.NightNumbers,
    past: list[quality.NightNumbers],
    config: Config,
) -> Report:
    """The night's numbers and what the checks warn of, for its manifest; nothing is usual in a part of a day."""
    if config.until is not None:
        return quality.reported(tonight, {})
    night = tonight["night"]
    found = quality.judge(connection, [*past, tonight], night, config).get(night, {})
    if found:
        quality.require(found, night, config, delivery.files_of(config, night))
    return quality.reported(tonight, found)

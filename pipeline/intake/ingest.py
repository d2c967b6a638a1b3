"""Raw logs that arrived on a night -> events.parquet, items.parquet, rejects.parquet.

`run` writes one night, `load_history` every past night in one pass over the same files; a night's files are the same
bytes either way. The shop's own SQL maps `raw` to the contract (see examples/); a row that breaks the contract is
refused with a reason, and counted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import artifacts, schemas, sql
from pipeline.ground.errors import InputError
from pipeline.intake import logs, quality, staging
from pipeline.settings.config import Config

ROW_GROUP = 131_072
TABLES = {"events": schemas.EVENTS, "items": schemas.INGESTED_ITEMS, "rejects": schemas.REJECTS}
# Bytes gathered before the file system is called: Parquet writes many small pieces.
BUFFER = 1 << 20
# Columns whose values repeat; a dictionary of the others costs time and space.
DICTIONARIES = {
    "events": [name for name in schemas.EVENTS.names if name != "event_id"],
    "items": ["category", "currency", "kind"],
    "rejects": ["file", "reason"],
}
DUPLICATE = "duplicate of an earlier event"
# Reasons that say nothing bad about a log.
HARMLESS = {DUPLICATE, staging.FORGOTTEN}

IS_HISTORY = True
"""A night's log is history: only a forced run reads it again; see pipeline.operations.stages."""

Report = dict[str, Any]
Batches = Iterable[pa.RecordBatch]


def run(*, run_date: date, config: Config, out: Path) -> Report:
    """Write the events, items and refused rows that arrived on `run_date`.

    Returns:
        Rows of each table, refused rows by reason, `quality` (the night's numbers) and `unusual` (what checks warn of).
    Raises:
        InputError: no log file, no rows (unless allow_empty), a file or mapping that cannot be read, more refused
            rows than max_reject_share, or a night that is not as usual.
    """
    past = quality.history(config, run_date)
    if staging.is_closed(config, run_date):
        return write_night(out, {}) | _judged(quality.nothing(run_date), past, config)
    _require_file(config, run_date, past)
    folders = artifacts.partitions_until(config.lake, "ingest", run_date - timedelta(days=1))
    earlier = [folder / "events.parquet" for folder in folders]
    with staging.staged(config, run_date, earlier, out, night=run_date) as connection:
        _check(connection, config, run_date, run_date, quality.usual(past, run_date))
        (tonight,) = quality.measure(connection, config, run_date, run_date, folders)
        judged = _judged(tonight, past, config)
        return write_night(out, next(_nights(connection, run_date, run_date))[1]) | judged


def _log_files(config: Config, night: date) -> list[Path]:
    """The files that can be the night's log, by their names."""
    source = config.ingest.events
    return [f.path for f in logs.find(source, config, night) if f.is_about(night)] if source else []


def _require_file(config: Config, night: date, past: list[quality.Night]) -> None:
    source = config.ingest.events
    daily = source is not None and "{day}" in source.files
    if source is None or (daily and config.ingest.allow_empty) or _log_files(config, night):
        return
    remedy = " If nothing happened that day, set ingest.allow_empty = true" if daily else ""
    raise InputError(
        f"no log file of {night} matches '{source.files}' in {config.folder}{quality.usual(past, night)}: has it been "
        f"delivered? Nothing was written; deliver it and run the night again.{remedy}"
    )


def _judged(tonight: quality.Night, past: list[quality.Night], config: Config) -> Report:
    """The night's numbers and what the checks warn of, for its manifest."""
    night = tonight["night"]
    found = quality.judge([*past, tonight], night, config).get(night, {})
    if found:
        quality.require(found, night, config, _log_files(config, night))
    return _quality(tonight, found)


def _quality(numbers: quality.Night, found: quality.Offences) -> Report:
    return {quality.KEY: quality.reported(numbers), "unusual": found}


def _check(connection: duckdb.DuckDBPyConnection, config: Config, first: date, last: date, usual: str = "") -> None:
    """Stop on an empty night and on too many refused rows (the harmless ones are not counted)."""
    ((taken,),) = sql.execute(connection, "ingest/taken", first=first, last=last).fetchall()
    reasons = dict(sql.execute(connection, "ingest/reasons", first=first, last=last).fetchall())
    refused = sum(n for reason, n in reasons.items() if reason not in HARMLESS)
    if taken + sum(reasons.values()) == 0 and not config.ingest.allow_empty:
        raise InputError(
            f"no log row arrived on {last}{usual}; read: {_read_files(config, last)}. "
            "Has its log been delivered whole? Nothing was written; deliver it and run the night again. "
            "If nothing happened that day, set ingest.allow_empty = true"
        )
    if refused > config.ingest.max_reject_share * (taken + refused):
        worst = sql.execute(connection, "ingest/offenders", first=first, last=last).fetchall()
        shown = "\n".join(f"  {file} row {row}: {reason}: {raw[:200]}" for file, row, reason, raw in worst)
        raise InputError(
            f"{refused} of {taken + refused} log rows of {first} .. {last} are refused, more than "
            f"ingest.max_reject_share = {config.ingest.max_reject_share}. The first of them:\n{shown}\n"
            "Mend the log or its mapping, or raise ingest.max_reject_share"
        )


def _read_files(config: Config, night: date) -> str:
    return ", ".join(str(path) for path in _log_files(config, night)[:3]) or "no file"


def _nights(
    connection: duckdb.DuckDBPyConnection, first: date, last: date
) -> Iterator[tuple[date, dict[str, Batches]]]:
    """Every night of the range with the rows of those tables that have any, streamed in partition order."""
    streams = {name: _by_night(connection, name, first, last) for name in TABLES}
    heads = {name: next(stream, None) for name, stream in streams.items()}
    for number in range((last - first).days + 1):
        night = first + timedelta(days=number)
        tonight = {name: head[1] for name, head in heads.items() if head and head[0] == night}
        yield night, tonight
        heads |= {name: next(streams[name], None) for name in tonight}


def _by_night(
    connection: duckdb.DuckDBPyConnection, table: str, first: date, last: date
) -> Iterator[tuple[date, Batches]]:
    cursor = connection.cursor()
    cursor.execute("set timezone = 'UTC'")
    rows = cursor.sql(sql.statement(f"ingest/night_{table}"), params={"first": first, "last": last})
    for night, pairs in groupby(_slices(rows.to_arrow_reader(ROW_GROUP), TABLES[table]), key=lambda pair: pair[0]):
        yield night, (batch for _, batch in pairs)


def _slices(reader: pa.RecordBatchReader, schema: pa.Schema) -> Iterator[tuple[date, pa.RecordBatch]]:
    """Cast batches to their contract and cut them where `arrival`, their first column, changes."""
    for batch in reader:
        days = np.from_dlpack(batch.column(0).cast(pa.int32()))  # to_numpy would import pandas: a second
        cuts = [0, *(np.flatnonzero(np.diff(days)) + 1), len(days)]
        rows = batch.remove_column(0).cast(schema)
        for start, stop in pairwise(cuts):
            if stop > start:
                yield date.fromordinal(int(days[start]) + 719_163), rows.slice(start, stop - start)


def write_night(out: Path, tables: Mapping[str, Batches]) -> Report:
    """Write a night's three files.

    Args:
        out: the folder.
        tables: batches of those of TABLES that have rows.
    Returns:
        Rows of each table, and refused rows by reason.
    """
    reasons: Counter[str] = Counter()
    report: Report = {}
    for name, schema in TABLES.items():
        rows = 0
        with (
            pa.output_stream(str(out / f"{name}.parquet"), compression=None, buffer_size=BUFFER) as file,
            pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=DICTIONARIES[name]) as writer,
        ):
            for group in _row_groups(tables.get(name, ()), schema):
                writer.write_table(group)
                rows += len(group)
                if name == "rejects":
                    reasons.update(group.column("reason").to_pylist())
        report[name] = rows
    return report | {f"rejected: {reason}": n for reason, n in reasons.most_common()}


def _row_groups(batches: Batches, schema: pa.Schema) -> Iterator[pa.Table]:
    """Tables of exactly ROW_GROUP rows (the last one fewer), however the batches are cut: the same bytes either way."""
    held = pa.Table.from_batches([], schema)
    for batch in batches:
        held = pa.Table.from_batches([*held.to_batches(), batch], schema)
        while len(held) >= ROW_GROUP:
            yield held.slice(0, ROW_GROUP).combine_chunks()
            held = held.slice(ROW_GROUP)
    if len(held):
        yield held.combine_chunks()

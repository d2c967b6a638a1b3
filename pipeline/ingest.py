"""Raw logs that arrived on a night -> events.parquet, items.parquet, rejects.parquet.

`run` writes one night, `load_history` every past night in one pass over the same files; a night's files are the same
bytes either way. The shop's own SQL maps `raw` to the contract (see examples/); a row that breaks the contract is
refused with a reason, and counted.
"""

import os
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, timedelta
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import artifacts, logs, quality, resources, schemas, sql, stages, staging
from pipeline.config import Config
from pipeline.errors import InputError

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
# Below <lake>/ingest: up to which night load-history has run.
LOADED = "history.txt"

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


def load_history(config: Config, until: date) -> str:
    """Write the partition of every night up to `until`, reading each log file once.

    A night that is not as usual stops nothing here: history is what it is. Its manifest and the summary say so.

    Returns:
        A table for people: rows taken and refused and why, and which nights are not as usual.
    Raises:
        InputError: as `run`.
        ResourceError: the lake cannot be written.
    """
    with resources.required("load-history", config.lake):
        return _load_history(config, until)


def _load_history(config: Config, until: date) -> str:
    started = time.perf_counter()
    totals: Counter[str] = Counter()
    stamp = {
        "config": config.model_dump(mode="json", exclude={"home", "folder"}),
        "config_hash": config.digest("ingest"),
        "code_version": artifacts.code_version(),
    }
    config.lake.mkdir(parents=True, exist_ok=True)
    with staging.staged(config, until, [], config.lake) as connection:
        first = _first_night(connection, until)
        _check(connection, config, first, until)
        measured = quality.measure(connection, config, first, until)
        found = quality.judge(measured, first, config)
        numbers = {n["night"]: _quality(n, found.get(n["night"], {})) for n in measured}
        with ThreadPoolExecutor(config.threads) as writers:
            unfinished: deque[Future[Report]] = deque()
            for night, tables in _nights(connection, first, until):
                if tables or config.ingest.allow_empty:
                    rows = {name: list(batches) for name, batches in tables.items()}
                    unfinished.append(writers.submit(_write_partition, config.lake, night, rows, stamp, numbers[night]))
                if len(unfinished) > config.threads:  # so that no more nights than this are in memory
                    _count(totals, unfinished.popleft().result())
            for report in unfinished:
                _count(totals, report.result())
    os.sync()  # once, instead of twice for each of the nights
    _remember(config, until)
    text = summary(totals, first, until, time.perf_counter() - started)
    return "\n".join([text, *quality.gaps(found)])


def _count(totals: Counter[str], report: Report) -> None:
    totals.update({name: n for name, n in report.items() if isinstance(n, int)}, nights=1)


def is_loaded(config: Config, until: date) -> bool:
    """Whether load-history has run up to a night, or up to an earlier one that nightly runs have continued from."""
    try:
        loaded = date.fromisoformat((config.lake / "ingest" / LOADED).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    since = (loaded + timedelta(days=n) for n in range(1, (until - loaded).days + 1))
    return all(artifacts.is_finished(artifacts.stage_dir(config.lake, "ingest", night)) for night in since)


def _remember(config: Config, until: date) -> None:
    mark = config.lake / "ingest" / LOADED
    beside = mark.with_suffix(".partial")
    beside.write_text(until.isoformat(), encoding="utf-8")
    beside.replace(mark)


def summary(totals: Counter[str], first: date, until: date, seconds: float) -> str:
    """What load-history prints: rows taken, and rows refused by reason."""
    reasons = sorted(((n, name) for name, n in totals.items() if name.startswith("rejected: ")), reverse=True)
    rows = [(totals["nights"], f"nights, {first} .. {until}, in {seconds:.1f} s")]
    rows += [(totals["events"] + totals["rejects"], "log rows"), (totals["events"], "events taken"), *reasons]
    return "\n".join(f"{n:>12,} {name}" for n, name in rows)


def _first_night(connection: duckdb.DuckDBPyConnection, until: date) -> date:
    ((first,),) = sql.execute(connection, "ingest/span", last=until).fetchall()
    if first is None:
        raise InputError(f"no log row arrived by {until}: load-history needs a later --until, or older logs")
    return date.fromisoformat(str(first))


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


def _write_partition(lake: Path, night: date, tables: Mapping[str, Batches], stamp: Report, judged: Report) -> Report:
    """Write one night's partition and its manifest, as the stage would."""
    folder = artifacts.stage_dir(lake, "ingest", night)
    started = time.perf_counter()
    with artifacts.lock(folder), artifacts.writing(folder, durable=False) as out:
        report = write_night(out, tables) | judged
        manifest = stamp | {
            "stage": "ingest",
            "run_date": night.isoformat(),
            "files": artifacts.describe(out),
            "inputs": {},
            "parts": {},
            "report": report,
            "seconds": round(time.perf_counter() - started, 2),
            "peak_memory_mb": stages.peak_memory_mb(),
        }
        artifacts.write_manifest(out, manifest)
    return report

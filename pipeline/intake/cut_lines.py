"""A last line of CSV that was cut off when its night read it: whatever was made of it, it is late once it is whole.

Its night then gives up what it took of it: its partition is written again without the events, and with as many refused
rows. The whole line is none that it has counted, so it is taken, or refused, by the night that finds it whole.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.ground import artifacts, sql
from pipeline.intake import giving_up, last_rows, late_rows, logs, renamed
from pipeline.intake.inputs import EVENTS
from pipeline.settings.config import Config

log = logging.getLogger(__name__)

REASON = "cut off when its night read it"


def take_late(connection: duckdb.DuckDBPyConnection, config: Config, night: date, others: Sequence[Path]) -> None:
    """Let what has come too late for finished nights arrive on `night`, lines that are whole only now as well.

    Args:
        connection: with the log in raw, and the tables of staged rows and other_nights.
        config: whose lake, and by what rows are read.
        night: that is being written.
        others: the folders of all other nights that are finished.
    """
    known = late_rows.known(connection, config, others)
    if known is not None:
        late_rows.take(connection, _give_back(connection, config, night, known), night)


def _give_back(
    connection: duckdb.DuckDBPyConnection, config: Config, night: date, known: late_rows.Known
) -> late_rows.Known:
    """Let earlier nights give up what they took of lines that are whole only now.

    Whoever dies afterwards leaves events without a night, which are late for whichever is run next; never with two. A
    day that is not over yet leaves the nights as they are.

    Args:
        connection: with the log in raw, and the tables event_files, other_nights and renamed_files.
        config: whose lake.
        night: that is being written.
        known: what the other nights have seen.
    Returns:
        What they have seen of whole lines.
    """
    noted = {
        (before, name): said
        for before, record in known.alike(night).items()
        if before < night and config.until is None
        for name, said in record.get(last_rows.KEY, {}).items()
    }
    records = dict(known.records)
    for (before, name), path in _cut(connection, config, noted):
        said, record = noted[before, name], records[before]
        if record is None or not _begins(path, *record["files"][name][2:]):
            continue
        log.warning("%s: its last line was cut off when %s read it, and is taken as it is now", name, before)
        records[before] = seen = without(record, before, name)
        folder = artifacts.stage_dir(config.lake, "ingest", before)
        giving_up.give_up(folder, _given(connection, folder, said[-1], name, seen), config)
        sql.execute(connection, "ingest/other_nights_without", night=before, hashes=said[-1])
    return replace(known, records=records)


def _cut(
    connection: duckdb.DuckDBPyConnection, config: Config, noted: dict[tuple[date, str], list[Any]]
) -> list[tuple[tuple[date, str], Path]]:
    """Those whose place has the same row now, but for a column that goes on; and where the file is."""
    if not noted:
        return []
    nights, names = ([key[n] for key in noted] for n in (0, 1))
    given = {"nights": nights, "names": names, "places": [said[0] for said in noted.values()]}
    rows = sql.execute(connection, "ingest/rows_at", **given).fetchall()
    return [
        ((before, name), Path(path))
        for before, name, path, row in rows
        if last_rows.is_cut(noted[before, name], last_rows.values(row), config)
    ]


def _begins(path: Path, size: int, digest: str) -> bool:
    """Whether a file begins with the bytes that a night has noted; else it was written anew, with another row there."""
    return (size, digest) in renamed.beginnings(path, [size])


def without(record: late_rows.Record, night: date, name: str) -> late_rows.Record:
    """A night's record as if it had not seen the last row of a log file."""
    lasts = dict(record[last_rows.KEY])
    *_, counted, _ = lasts.pop(name)
    found = {key: value for key, value in record.items() if key != last_rows.KEY} | (
        {last_rows.KEY: lasts} if lasts else {}
    )
    for own, numbers in counted.items():
        found[late_rows.COUNTED] = _less(found[late_rows.COUNTED], name, own, numbers)
        if own not in (late_rows.NIGHTLESS, night.isoformat()):
            for key, number in zip(late_rows.BOTH, numbers, strict=True):
                if key in found and number:
                    found[key] = _less(found[key], name, own, [number])
    return found


def _less(counts: dict[str, dict[str, Any]], name: str, own: str, numbers: Iterable[int]) -> dict[str, dict[str, Any]]:
    """Numbers of log files and nights, or lists of them, with some of one file and night less."""
    before = counts.get(name, {}).get(own, 0)
    if isinstance(before, int):
        (number,) = numbers
        after: Any = before - number
    else:
        after = [n - m for n, m in zip(before, [*numbers, 0], strict=True)]
    return counts | {name: counts.get(name, {}) | {own: after}}


def _given(
    connection: duckdb.DuckDBPyConnection, folder: Path, hashes: list[str], name: str, seen: late_rows.Record
) -> giving_up.Given:
    """What a night gives up of a log file: the events whose ids have these hashes."""
    partition = logs.literal([str(EVENTS.path(folder))])
    events = sql.select(connection, "ingest/cut_events", partition=partition, hashes=hashes, reason=REASON)
    refused = pa.table({"file": pa.array([], pa.string()), "row": pa.array([], pa.int64())})
    return giving_up.Given(events.to_arrow_table(), refused, file=name, seen=seen)

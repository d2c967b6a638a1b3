"""Rows of the inputs beside the log that come when the night by which they were known is over: left out, and counted.

The state of an item or a user is what was said of it last, and a late row is no later word: it would undo what a night
after its own has said since. So none is taken by the next night, as an event is; their night takes them once it is run
again. What a night has read of each file, its manifest says (`records`).
"""

import logging
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from pipeline.ground import artifacts, sql
from pipeline.intake import delivery, inputs, late_rows, logs
from pipeline.intake.inputs import InputTable
from pipeline.settings.config import Config
from pipeline.settings.sections.data import InputFiles

log = logging.getLogger(__name__)

FAULT = "left out, as their night was over"


OLDER = ""
"""In Rows, instead of a night: all nights before the last delivery.LATE_DAYS."""
Rows = dict[str, int]
"""How many rows of a file are known, by the night by which they were."""
Records = dict[date, dict[str, dict[str, Rows]]]
Unread = dict[str, dict[str, Path]]
"""By key of the report and name, files of which a night has said that it does not read what they hold."""


def key(table: InputTable) -> str:
    """In a night's report, by the name of a file of an input: the Rows of it that are known by that night."""
    return f"{table.name} read"


def _found_key(table: InputTable) -> str:
    """In a night's report, by the name of a file of an input: its size and what hashes it, as late_rows has it."""
    return f"{table.name} found"


def _beside(config: Config) -> list[tuple[InputTable, InputFiles]]:
    """The inputs beside the log that the shop has and that count what they read (ingest/<name>_read); their files."""
    named = [(table, table.files(config)) for table in inputs.nightly() if f"ingest/{table.name}_read" in table.before]
    return [(table, source) for table, source in named if source is not None]


def nothing(config: Config) -> dict[str, dict[str, Rows]]:
    """What the report of a night says that has read nothing of these inputs; empty where the shop has none."""
    return {key(table): {} for table, _ in _beside(config)}


def records(connection: duckdb.DuckDBPyConnection, config: Config, first: date, last: date) -> Records:
    """What every night of a range reads of the inputs beside the log, for its report.

    Args:
        connection: with the tables of staging.staged.
        config: which inputs there are.
        first, last: the range.
    """
    found = {first + timedelta(days=n): nothing(config) for n in range((last - first).days + 1)}
    keys = {table.name: key(table) for table, _ in _beside(config)}
    asked = {"first": first, "last": last, "days": delivery.LATE_DAYS}
    for night, name, file, own, rows in sql.execute(connection, "ingest/inputs_read", **asked).fetchall():
        found[night][keys[name]].setdefault(file, {})[own.isoformat() if own else OLDER] = rows
    return found


def leave_out(connection: duckdb.DuckDBPyConnection, config: Config, night: date) -> Unread:
    """Count the rows of these inputs that no night takes among those of no use, and say of which files they are.

    Args:
        connection: with the tables of staging.staged, `faults` among them.
        config: the lake, and the inputs' files.
        night: that is being written, alone.
    Returns:
        Files that it does not read and said so; noted in its report (`noted`, `found`), they are not said again.
    """
    folders = artifacts.partitions_until(config.lake, "ingest", night - timedelta(days=1))
    reports = {f: artifacts.read_manifest(f)["report"] for f in folders[-delivery.LATE_DAYS :]}
    unread: Unread = {}
    dated = _dated(config)
    for table, source in _beside(config):
        read = {folder: report[key(table)] for folder, report in reports.items() if key(table) in report}
        if not read:
            continue
        last = artifacts.run_date_of(max(read))
        before, now = read[max(read)], records(connection, config, last, last)[last][key(table)]
        late = {name: more for name, rows in now.items() if (more := _more(rows, before.get(name, {}))) > 0}
        if late:
            given = {"input": table.name, "fault": FAULT, "rows": sum(late.values())}
            sql.execute(connection, "ingest/inputs_late", night=night, **given)
            _warn(night, table, [f"{name} ({rows:,} rows)" for name, rows in late.items()])
        if (table, source) not in dated:
            continue
        if others := _unread(source, config, night, read) | _changed(table, source, config, night, reports):
            _warn(night, table, sorted(others))
            unread[key(table)] = others
    return unread


def _more(now: Rows, before: Rows | int) -> int:
    """How many rows are known by nights by which there were fewer: what others have lost does not make up for it."""
    if isinstance(before, int):  # of a night from before they were counted by night
        return sum(now.values()) - before
    return sum(max(0, rows - before.get(own, 0)) for own, rows in now.items())


def noted(found: dict[str, dict[str, Rows]], unread: Unread) -> dict[str, dict[str, Rows]]:
    """What a night's report says (of `records`), with files of which it has read nothing (of `leave_out`)."""
    return {name: {file: {} for file in unread.get(name, ())} | files for name, files in found.items()}


def found(config: Config, night: date, unread: Unread) -> dict[str, dict[str, list[Any]]]:
    """What a night's report says of its files, by which it is seen when one is another; `unread` is of `leave_out`."""
    reports = {}
    for table, source in _dated(config):
        paths = [file.path for file in logs.find(source, config, night)]
        reports[_found_key(table)] = late_rows.found(config, [*paths, *unread.get(key(table), {}).values()])
    return reports


def _dated(config: Config) -> list[tuple[InputTable, InputFiles]]:
    """Those of `_beside` with files of their own a day; the log's are read as its events need it."""
    of_log = delivery.log_of(config)
    return [(table, source) for table, source in _beside(config) if source.daily and not logs.same_raw(source, of_log)]


def _unread(source: InputFiles, config: Config, night: date, read: dict[Path, dict[str, int]]) -> dict[str, Path]:
    """The files about finished nights that none of these has read, and tonight does not."""
    known = {name for found in read.values() for name in found}
    return {name: path for name, path in _older(source, config, night, read).items() if name not in known}


def _older(source: InputFiles, config: Config, night: date, folders: Iterable[Path]) -> dict[str, Path]:
    """By name, the files about finished nights that tonight does not read."""
    files = [
        file
        for folder in folders
        if (of := artifacts.run_date_of(folder)) < night - timedelta(days=1)
        for file in logs.find(source, config, of)
        if file.is_about(of) and not file.is_about(night) and not file.is_about(night - timedelta(days=1))
    ]
    return {late_rows.name_of(config, file.path): file.path for file in files}


def _changed(
    table: InputTable, source: InputFiles, config: Config, night: date, reports: Mapping[Path, Mapping[str, Any]]
) -> dict[str, Path]:
    """The files about finished nights that tonight does not read, and that are not as one of these found them."""
    readings = [
        late_rows.Reading((folder / artifacts.MANIFEST).stat().st_mtime_ns, report[_found_key(table)])
        for folder, report in reports.items()
        if _found_key(table) in report
    ]
    older = _older(source, config, night, reports)
    known = {name: older[name] for reading in readings for name in reading.files if name in older}
    return {name: path for name, path in known.items() if late_rows.change(config, path, readings)}


def _warn(night: date, table: InputTable, files: list[str]) -> None:
    log.warning(
        "%s: what came in %s when its night was over is left out of the %s: run that night again (run --run-date "
        "NIGHT --stages ingest --force)",
        night,
        ", ".join(files),
        table.name,
    )

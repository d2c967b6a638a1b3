"""Items' rows that come when the night by which they were known is over: what they say is left out, and counted.

An item's state is what was said of it last, and a late row is no later word: it would undo what a night after its own
has said since. So none is taken by the next night, as an event is; their night takes them once it is run again. What a
night has read of each file of the items, its manifest says (`records`).
"""

import logging
from datetime import date, timedelta
from pathlib import Path

import duckdb

from pipeline.ground import artifacts, sql
from pipeline.intake import delivery, late_rows, logs
from pipeline.intake.inputs import ITEMS
from pipeline.settings.config import Config
from pipeline.settings.sections.data import InputFiles

log = logging.getLogger(__name__)

KEY = "items read"
"""In a night's report, by the name of a file of the items: how many of its rows are known by that night."""
FAULT = "left out, as their night was over"


Records = dict[date, dict[str, dict[str, int]]]


def nothing(config: Config) -> dict[str, dict[str, int]]:
    """What the report of a night says that has read nothing of the items; empty where the shop has none."""
    return {} if ITEMS.files(config) is None else {KEY: {}}


def records(connection: duckdb.DuckDBPyConnection, config: Config, first: date, last: date) -> Records:
    """What every night of a range reads of the items, for its report.

    Args:
        connection: with the tables of staging.staged.
        config: whether there are items.
        first, last: the range.
    """
    found = {first + timedelta(days=n): nothing(config) for n in range((last - first).days + 1)}
    if sql.has_table(connection, "typed_items"):
        for night, name, rows in sql.execute(connection, "ingest/items_read", first=first, last=last).fetchall():
            found[night][KEY][name] = rows
    return found


def leave_out(connection: duckdb.DuckDBPyConnection, config: Config, night: date) -> list[str]:
    """Count the items' rows that no night takes among those of no use, and say of which files they are.

    Args:
        connection: with the tables of staging.staged, `faults` among them.
        config: the lake, and the items' files.
        night: that is being written, alone.
    Returns:
        Files that it does not read and said so; noted in its report (`noted`), they are not said again.
    """
    if (source := ITEMS.files(config)) is None:
        return []
    folders = artifacts.partitions_until(config.lake, "ingest", night - timedelta(days=1))
    read = {f: found for f in folders[-delivery.LATE_DAYS :] if (found := _recorded(f)) is not None}
    if not read:
        return []
    last = artifacts.run_date_of(max(read))
    before, now = read[max(read)], records(connection, config, last, last)[last][KEY]
    late = {name: more for name, rows in now.items() if (more := rows - before.get(name, 0)) > 0}
    if late:
        sql.execute(connection, "ingest/items_late", night=night, fault=FAULT, rows=sum(late.values()))
        _warn(night, [f"{name} ({rows:,} rows)" for name, rows in late.items()])
    if unread := _unread(source, config, night, read):
        _warn(night, unread)
    return unread


def noted(found: dict[str, dict[str, int]], unread: list[str]) -> dict[str, dict[str, int]]:
    """What a night's report says (of `records`), with files of which it has read nothing."""
    return {key: dict.fromkeys(unread, 0) | files for key, files in found.items()}


def _recorded(folder: Path) -> dict[str, int] | None:
    found: dict[str, int] | None = artifacts.read_manifest(folder)["report"].get(KEY)
    return found


def _unread(source: InputFiles, config: Config, night: date, read: dict[Path, dict[str, int]]) -> list[str]:
    """The files about finished nights that none of these has read, and tonight does not."""
    if not source.daily or logs.same_raw(source, delivery.log_of(config)):  # the log's are read as its events need it
        return []
    known = {name for found in read.values() for name in found}
    found = [
        file
        for folder in read
        if (of := artifacts.run_date_of(folder)) < night - timedelta(days=1)
        for file in logs.find(source, config, of)
        if file.is_about(of)
    ]
    return sorted({name for file in found if (name := late_rows.name_of(config, file.path)) not in known})


def _warn(night: date, files: list[str]) -> None:
    log.warning(
        "%s: what came in %s when its night was over is left out of the items: run that night again (run --run-date "
        "NIGHT --stages ingest --force)",
        night,
        ", ".join(files),
    )

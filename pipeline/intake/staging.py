"""Raw files through the shop's mapping into DuckDB's staged tables: cast, judged, with the night each row arrived."""

import contextlib
import fcntl
import re
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb

from pipeline.ground import artifacts, schemas, sql
from pipeline.ground.errors import InputError
from pipeline.intake import logs
from pipeline.privacy import pseudonyms, suppression
from pipeline.settings.config import Config
from pipeline.settings.sections.data import Source

# What a mapping may select, and what it must.
COLUMNS = {
    "events": {*schemas.EVENTS.names, "arrived_at", "reject_reason", "_file", "_row"},
    "items": {*schemas.INGESTED_ITEMS.names, "arrived_at", "_file"} - {"rows"},
    "editorial": {*schemas.EDITORIAL.names, "_file", "_row"} - {"file", "row", "outcome"},
}
NEEDED = {"events": {"item_id", "event_time", "event_type", "_file", "_row"}, "items": {"item_id", "_file"}}
NEEDED["editorial"] = {"kind", "item_id", "_file", "_row"}
FORGOTTEN = "its user asked to be forgotten"
"""Why a row is refused that belongs to somebody on the list of pipeline.privacy.suppression."""
SPILL = ".spill"
# Below <lake>/ingest: a hash of the key that made the pseudonyms there; absent where ids are plain.
KEY_CHECK = "pseudonyms.txt"


@contextlib.contextmanager
def staged(
    config: Config, last: date, earlier: list[Path], scratch: Path, night: date | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the tables staged_events, duplicates, staged_rejects and staged_items.

    Args:
        config: the sources.
        last: rows that arrive later are not looked at.
        earlier: events.parquet of the nights before, whose events are not taken again.
        scratch: an existing folder for what does not fit in memory; left as it was.
        night: read only the files that can hold this night's rows; default: all.
    Raises:
        InputError: a file is missing or unreadable, or a mapping does not run; ids would get other pseudonyms than
            those in the lake.
    """
    source = _events(config)
    files = _find(source, config, night)
    with suppression.lock(config, alone=False), _one_key(config, last, bool(earlier)), _spill(scratch) as spill:
        connection = sql.connect(config.threads, config.memory_limit_mb, spill)
        try:
            logs.read(connection, source, files, config)
            _stage_events(connection, source, config, last, earlier)
            _stage_items(connection, config, source, night)
            yield connection
        finally:
            connection.close()


@contextlib.contextmanager
def _spill(scratch: Path) -> Iterator[Path]:
    """A folder for what does not fit in memory, locked while it is in use: who gets the lock may remove a dead one."""
    with tempfile.TemporaryDirectory(prefix=SPILL, dir=scratch) as folder, (Path(folder) / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield Path(folder)


@contextlib.contextmanager
def _one_key(config: Config, last: date, continues: bool) -> Iterator[None]:
    """Refuse to mix plain ids and pseudonyms, or pseudonyms of two keys, in one history; remember the key used.

    Args:
        config: whether ids become pseudonyms.
        last: the last night that is about to be written.
        continues: whether earlier nights stay as they are; if not, all up to `last` are written anew.
    """
    mark = config.lake / "ingest" / KEY_CHECK
    ours = pseudonyms.key().derive("check").hash("") if config.ingest.pseudonyms else ""
    theirs = mark.read_text(encoding="ascii") if mark.is_file() else ""
    newer = [f for f in artifacts.partitions_until(config.lake, "ingest", date.max) if artifacts.run_date_of(f) > last]
    if ours != theirs and (continues or newer):
        until = max(map(artifacts.run_date_of, newer), default=last)
        raise InputError(
            f"{config.lake / 'ingest'} was loaded with another {'key' if ours and theirs else 'ingest.pseudonyms'}"
            f": set it back, or load all of it again (load-history --until {until} --force)"
        )
    yield
    if ours != theirs:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(ours, encoding="ascii")


def is_closed(config: Config, night: date) -> bool:
    """Whether a night has no log file and needs none: the log is one file a day, and days without are allowed."""
    source = _events(config)
    return config.ingest.allow_empty and "{day}" in source.files and not logs.find(source, config, night)


def _events(config: Config) -> Source:
    if config.ingest.events is None:
        raise InputError("the configuration names no log: set [ingest.events] files and sql")
    return config.ingest.events


def _find(source: Source, config: Config, night: date | None) -> list[logs.LogFile]:
    """The files to read; the night's own must be among them, unless it is one of a day without a log."""
    files = logs.find(source, config, night)
    closed = config.ingest.allow_empty and "{day}" in source.files
    if not files or (night and not closed and not any(file.is_about(night) for file in files)):
        of = f" of {night}" if night else ""
        raise InputError(f"no log file{of} matches '{source.files}' in {config.folder}: has it been delivered?")
    return files


def _stage_events(
    connection: duckdb.DuckDBPyConnection, source: Source, config: Config, last: date, earlier: list[Path]
) -> None:
    settings, forgotten = config.ingest, suppression.read(config)
    map_raw(connection, "events", source, config)
    _run_mapped(
        connection,
        "events",
        source,
        config,
        arrival=settings.arrival,
        earliest=settings.earliest,
        event_types=sorted(config.features.event_types),
        max_id_bytes=settings.max_id_bytes,
    )
    sql.execute(connection, "ingest/undated", fallback=last)
    if forgotten.hashes:
        sql.execute(connection, "ingest/forgotten", **forgotten.parameters())
    if settings.pseudonyms:
        sql.execute(connection, "ingest/pseudonyms", **pseudonyms.parameters())
    paths = [str(path) for path in earlier]
    sql.execute(connection, "ingest/earlier_events" if paths else "ingest/earlier_none", partitions=paths)
    sql.execute(connection, "ingest/duplicates", last=last)
    limits = {"max_raw_characters": settings.max_raw_characters, "keep_raw": not settings.pseudonyms}
    sql.execute(connection, "ingest/rejects", fallback=last, **limits)
    if forgotten.hashes:
        sql.execute(connection, "ingest/forgotten_rejects", **forgotten.parameters())


def _stage_items(connection: duckdb.DuckDBPyConnection, config: Config, events: Source, night: date | None) -> None:
    source = config.ingest.items
    if source is None or not (files := logs.find(source, config, night)):
        sql.execute(connection, "ingest/items_none")
        return
    if (source.files, source.format, source.delimiter) != (events.files, events.format, events.delimiter):
        logs.read(connection, source, files, config)
    given = map_raw(connection, "items", source, config)
    arrival = "arrived_at" if "arrived_at" in given else "file"
    if arrival == "file" and "{day}" not in source.files:
        raise InputError(
            f"{source.sql} must select arrived_at, the time an item's row became known, "
            f"unless the date is in the files' names (items/{{year}}-{{month}}-{{day}}.csv)"
        )
    _run_mapped(connection, "items", source, config, arrival=arrival, max_id_bytes=config.ingest.max_id_bytes)


def map_raw(connection: duckdb.DuckDBPyConnection, table: str, source: Source, config: Config) -> set[str]:
    """Make the view mapped_<table> from the shop's SELECT; returns its columns."""
    path = config.folder / source.sql
    try:
        relation = connection.sql(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, duckdb.Error) as error:
        raise InputError(f"{path}: {error}") from None
    if relation is None:
        raise InputError(f"{path} must be one SELECT from raw")
    given = set(relation.columns)
    if unknown := given - COLUMNS[table]:
        raise InputError(f"{path} selects {sorted(unknown)}; the columns of {table} are {sorted(COLUMNS[table])}")
    if missing := NEEDED[table] - given:
        raise InputError(f"{path} must also select {sorted(missing)} (_file and _row are columns of raw)")
    relation.create_view(f"mapped_{table}")
    return given


def _run_mapped(
    connection: duckdb.DuckDBPyConnection, table: str, source: Source, config: Config, **params: object
) -> None:
    try:
        sql.execute(connection, f"ingest/{table}", **params)
    except (duckdb.ConversionException, duckdb.InvalidInputException, duckdb.OutOfRangeException) as error:
        said = re.sub(r"'[^']*'", "'...'", str(error)) if config.ingest.pseudonyms else str(error)  # it quotes values
        raise InputError(f"{config.folder / source.sql} fails on a row; cast with try_cast: {said}") from None

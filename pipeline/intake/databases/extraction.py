"""A query's rows as raw files: one Parquet file a night, or one that is all there is, read anew every night.

From then on they are files like any others that were delivered, but below the home, as the shop's folder is only read:
a day's file that is there is not asked for again. A file appears whole or not at all, whatever becomes of the
connection.
"""

import contextlib
import logging
import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.ground import artifacts, resources
from pipeline.ground.errors import InputError, PipelineError, ResourceError
from pipeline.intake import inputs, log_files
from pipeline.intake.databases import connections, drivers
from pipeline.intake.databases.connections import Connection
from pipeline.settings.config import Config
from pipeline.settings.sections.data import InputFiles

log = logging.getLogger(__name__)

PART = "nightjar.up_to"
"""Metadata of a file of a day that was not over: up to which moment it was asked for."""


@contextlib.contextmanager
def night(config: Config, of: date) -> Iterator[None]:
    """Ask for what a night reads of databases, as far as it is not there, and hold it still while it is read.

    Raises:
        InputError: a connection or a query is not there, or the database refuses the query.
        ResourceError: the database does not answer, or the connection is lost; nothing is left of what came.
    """
    with _held(config) as wanted:
        for source, query in wanted:
            if not source.daily or _is_missing(path_of(config, source, of), config):
                _extract(source, query, of, config)
        yield


@contextlib.contextmanager
def history(config: Config, until: date) -> Iterator[None]:
    """Ask for every day up to a night that is not there, from each input's `since` on; else as `night`.

    Raises:
        InputError: as `night`; or an input does not say since when there is anything.
        ResourceError: as `night`.
    """
    with _held(config) as wanted:
        for source, query in wanted:
            for day in [until] if not source.daily else _days(source, until):
                if not source.daily or _is_missing(path_of(config, source, day), config):
                    _extract(source, query, day, config)
        yield


def _days(source: InputFiles, until: date) -> list[date]:
    if source.since is None:
        raise InputError(f"{source.query}: set since to the first day that '{source.connection}' has rows of")
    return [source.since + timedelta(days=number) for number in range((until - source.since).days + 1)]


def path_of(config: Config, source: InputFiles, of: date) -> Path:
    """Where the rows of a night are, or are to be."""
    (glob,) = source.globs
    return log_files.folder_of(source, config) / log_files.of_night(glob, of)


@contextlib.contextmanager
def _held(config: Config) -> Iterator[list[tuple[InputFiles, str]]]:
    """The inputs that come from a database, each with its query, while nobody else writes or removes their files."""
    asked = list(_asked(config))
    wanted = {source.globs: (source, query) for source, query in asked}
    for source, _ in asked:
        kept = wanted[source.globs][0]
        if (source.connection, source.query) != (kept.connection, kept.query):
            raise InputError(
                f"{kept.query} and {source.query} are both to become {source.named}: give each of them files of its own"
            )
    with artifacts.lock(config.asked) if wanted else contextlib.nullcontext():
        yield list(wanted.values())


def _asked(config: Config) -> Iterator[tuple[InputFiles, str]]:
    """The inputs that come from a database, each with its query."""
    for table in inputs.nightly():
        source = table.files(config)
        if source is None or source.query is None:
            continue
        path = config.folder / source.query
        try:
            query = path.read_text(encoding="utf-8").strip().rstrip(";")
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror}): [{table.key}] names it as its query") from None
        if source.daily and not connections.asks_for_night(query):
            raise InputError(
                f"{path} gives every night the same rows: ask for those of $night (up to $next, the day after), or "
                "name a file without a date in files"
            )
        yield source, query


def _is_missing(path: Path, config: Config) -> bool:
    """Whether a day's rows are to be asked for: there are none, or they are of a part of the day."""
    if config.until is not None or not path.exists():
        return True
    try:
        return PART.encode() in (pq.read_metadata(path).metadata or {})
    except (OSError, ValueError):  # not a file of ours: ingest says what it is
        return False


def _extract(source: InputFiles, query: str, of: date, config: Config) -> None:
    assert source.connection is not None
    connection, path = connections.from_environment(source.connection), path_of(config, source, of)
    with resources.required("ingest", path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        # a night is read by one process at a time, so what a killed one left is overwritten
        scratch = path.with_name(f".{path.name}.part" if source.daily else f".{path.name}.{os.getpid()}.part")
        try:
            count = _write(connection, connections.bound(query, of, connection.driver), scratch, config)
            scratch.replace(path)
        except connections.DriverError as error:
            raise _said(error, connection, source, of) from None
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            said = f"{source.query}: a column is of a type that a Parquet file cannot hold: cast it there"
            raise InputError(said, str(error)) from None
        finally:
            scratch.unlink(missing_ok=True)
    log.info("%s: %d rows of %s from connection '%s'", source.query, count, of, source.connection)


def _write(connection: Connection, query: str, scratch: Path, config: Config) -> int:
    """Stream a query's rows into a new file; how many they are."""
    count, up_to = 0, config.until
    with connections.reading(connection, query) as (schema, batches), scratch.open("wb") as sink:
        with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
                count += batch.num_rows
            if up_to is not None:
                writer.add_key_value_metadata({PART: up_to.isoformat()})
        sink.flush()
        os.fsync(sink.fileno())
    return count


def _said(error: connections.DriverError, connection: Connection, source: InputFiles, of: date) -> PipelineError:
    """What is wrong, without what is secret: the query, which no second attempt mends, or the way to the database."""
    words = connection.redacted(str(error))
    if error.__cause__ is not None and drivers.is_refused(error.__cause__):
        return InputError(f"{source.query}: connection '{connection.name}' refuses it for {of}", words)
    return ResourceError(
        f"connection '{connection.name}' does not answer, or was lost, while {source.query} of {of} was read; "
        "nothing of it was taken",
        words,
    )

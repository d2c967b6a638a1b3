"""Looking at a log: what its columns are, and what a first mapping takes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from pipeline.ground import sql
from pipeline.ground.errors import InputError
from pipeline.intake import logs, staging
from pipeline.operations.starter import columns, times
from pipeline.operations.starter.mapping import Log
from pipeline.settings.config import Config
from pipeline.settings.sections.data import Ingest, InputFiles

SAMPLE = 200_000
"""Rows whose values are looked at."""
TIMES = 20_000
"""Values that are tried as times."""
FOREVER = date(9000, 1, 1)
PACKED = {".gz", ".zst"}


def source(log: Path) -> InputFiles:
    """How a log is read: by its ending, a CSV with the delimiter that its first lines show.

    Raises:
        InputError: it is Parquet, or cannot be read.
    """
    endings = [*log.suffixes[-2:]] if log.suffix in PACKED else [log.suffix]
    kind = logs.FORMATS.get(endings[0] if endings else "", "")
    if kind == "parquet":
        raise InputError(
            f"{log}: give init a CSV or JSON Lines; for Parquet change events.sql of `nightjar init` by hand"
        )
    files = f"logs/*{''.join(endings)}"
    if kind == "jsonl":
        return InputFiles(files=files, sql="events.sql")
    return InputFiles(files=files, sql="events.sql", format="auto" if kind else "csv", delimiter=_delimiter(log))


def _delimiter(log: Path) -> str:
    with sql.connect(1, 512) as connection:
        try:
            found = sql.execute(connection, "init/delimiter", file=str(log)).fetchall()
        except duckdb.Error:  # what is wrong with the file is said where it is read
            return ","
    return str(found[0][0]) if found else ","


def look(log: Path, read_as: InputFiles) -> Log:
    """What is recognised of a log's columns.

    Raises:
        InputError: it cannot be read, or has no header.
    """
    with TemporaryDirectory() as scratch:
        connection = sql.connect(2, 2048, Path(scratch))
        config = Config(home=Path(scratch), folder=log.parent, ingest=Ingest(events=read_as))
        try:
            logs.read(connection, read_as, [logs.LogFile(log, None, None)], config)
            table = connection.sql(sql.statement("init/sample"), params={"rows": SAMPLE}).to_arrow_table()
            found = [columns.Column(name, table.column(name).to_pylist()) for name in table.column_names]
            return _recognised(connection, found)
        finally:
            connection.close()


def _recognised(connection: duckdb.DuckDBPyConnection, found: Sequence[columns.Column]) -> Log:
    chosen = columns.recognise(found)
    header = [column.name for column in found]
    time, kind = chosen.get("event_time"), chosen.get("event_type")
    kinds = columns.kinds(kind.column) if kind else {}
    if time is None:
        return Log(header, chosen, kinds=kinds)
    texts = time.column.texts[:: len(time.column.texts) // TIMES + 1]
    return Log(header, chosen, times.way(connection, texts), times.ambiguous(connection, texts), kinds)


@dataclass(frozen=True)
class Taken:
    """What a mapping takes of a log.

    Attributes:
        events, users, items: how many; rows of guests are events of no user.
        first, last: days of the first and of the last event; None without events.
        complete: the last day with events before `last`, which may not have been over when the log was written.
        refused: rows that are refused, by reason.
    """

    events: int
    users: int
    items: int
    first: date | None
    last: date | None
    complete: date | None
    refused: dict[str, int]


def take(config: Config) -> Taken:
    """Run a shop's mappings over its whole log, and write nothing.

    Raises:
        InputError: as `load-history`.
    """
    with TemporaryDirectory() as scratch:
        away = config.model_copy(update={"home": Path(scratch)})
        with staging.staged(away, FOREVER, Path(scratch)) as connection:
            ((events, users, items, first, last, complete),) = sql.execute(connection, "init/taken").fetchall()
            refused = dict(sql.execute(connection, "init/refused").fetchall())
            return Taken(events, users, items, first, last, complete, refused)
